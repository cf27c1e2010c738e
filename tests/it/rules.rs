//! The two transcripts of every rule: the one breaks it and nothing else, the other just keeps it. Each is
//! judged as a recording, and live unless its answers are made by hand. Format: `fixtures/rules/README.md`.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::{Contract, Finding, Level, Rule, Severity, Strictness, rules};
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::recording::Recording;
use elastimock::report::RecordedRun;
use elastimock::{Clock, Engine, Fixture, Stub, Timestamp};
use serde_json::{Value, json};

use crate::support::{T0, instant, path, rule_of};

/// Rules that a short transcript cannot keep, asked only where they are meant.
const AT_THE_END: [&str; 2] = ["job-left-open", "last-sync-unreported"];

/// A request of a transcript, and what it was answered.
struct Said {
    at: Timestamp,
    request: Request,
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

#[derive(Default)]
struct Transcript {
    said: Vec<Said>,
    /// How many calls are the recording, if the rest is said to a playback.
    recorded: Option<usize>,
    allowed: Vec<(String, String)>,
    stubs: Vec<Value>,
    is_by_hand: bool,
}

fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap_or_else(|_| panic!("`{text}` is no length of time"));
    match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(60 * number),
        unit => panic!("`{unit}` is no unit of time"),
    }
}

impl Transcript {
    fn parse(text: &str) -> Transcript {
        let mut transcript = Transcript::default();
        let mut at = instant(T0);
        let mut repeat = (1, Duration::ZERO);
        let lines: Vec<&str> = text.lines().collect();
        let mut next = 0;
        while let Some(line) = lines.get(next) {
            next += 1;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(directive) = line.strip_prefix('@') {
                if let Some(stub) = directive.strip_prefix("stub ") {
                    transcript.stubs.push(serde_json::from_str(stub).unwrap_or_else(|error| panic!("{stub}: {error}")));
                    continue;
                }
                let words: Vec<&str> = directive.splitn(3, ' ').collect();
                match words.as_slice() {
                    ["advance", by] => at = at.plus(duration(by)),
                    ["repeat", times, every] => repeat = (times.parse().expect("a number"), duration(every)),
                    ["allow", rule, reason] => transcript.allowed.push(((*rule).to_owned(), (*reason).to_owned())),
                    ["play"] => transcript.recorded = Some(transcript.said.len()),
                    ["by-hand"] => transcript.is_by_hand = true,
                    _ => panic!("`{line}` is no directive"),
                }
                continue;
            }
            let (method, target) = line.split_once(' ').unwrap_or_else(|| panic!("`{line}` is no request"));
            let mut request = Request::new(Method::new(method), target);
            let mut body = String::new();
            while let Some(line) = lines.get(next).filter(|line| !line.starts_with('#')) {
                next += 1;
                match line.split_once(": ").filter(|(name, _)| body.is_empty() && !name.starts_with('{')) {
                    Some((name, value)) => request = request.header(name, value),
                    None => body = format!("{body}{line}\n"),
                }
            }
            if !body.is_empty() {
                let is_ndjson = request.headers().get("content-type").is_some();
                let body = if is_ndjson { body.trim_end().to_owned() + "\n" } else { body.trim_end().to_owned() };
                request = if is_ndjson { request.with_body(body) } else { request.json(body) };
            }
            let answer = lines.get(next).and_then(|line| line.strip_prefix("# ")).expect("an answer");
            next += 1;
            let (status, body) = answer.split_once(' ').unwrap_or((answer, r#"{"result":"updated"}"#));
            let mut headers = Vec::new();
            while let Some((name, value)) = lines.get(next).and_then(|line| line.strip_prefix("# ")?.split_once(": ")) {
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
                next += 1;
            }
            for time in 0..repeat.0 {
                at = if time > 0 { at.plus(repeat.1) } else { at };
                let status = status.parse().unwrap_or_else(|_| panic!("`{answer}` is no answer"));
                let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{body}: {error}"));
                transcript.said.push(Said { at, request: request.clone(), status, headers: headers.clone(), body });
            }
            repeat = (1, Duration::ZERO);
        }
        transcript
    }

    /// The calls as a recording that somebody else has made.
    fn recording(&self) -> Recording {
        let state = self.state().to_value();
        let mut text = json!({
            "elastimock_recording": 1, "elastimock": "0.1.0", "profile": "9", "seed": 7, "started_at": T0, "state": state
        })
        .to_string();
        for (seq, said) in (1..).zip(&self.said) {
            let (path, query) = said.request.target().split_once('?').unwrap_or((said.request.target(), ""));
            let headers = |headers: Vec<(&str, &str)>| {
                headers
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), Value::from(value)))
                    .collect::<serde_json::Map<_, _>>()
            };
            let mut request = json!({
                "method": said.request.method().as_str(), "path": path, "query": query,
                "headers": headers(said.request.headers().iter().collect()),
            });
            // A recorder masks what it knows to be secret.
            let body = std::str::from_utf8(said.request.body()).expect("text").replace("s3cr3t-Passw0rd", "<redacted>");
            if !body.is_empty() {
                request["body"] = serde_json::from_str(&body).unwrap_or_else(|_| json!({ "text": body }));
            }
            let own: Vec<(&str, &str)> =
                said.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (stub, own): (Vec<_>, Vec<_>) = own.into_iter().partition(|(name, _)| *name == "stub");
            let stub = stub.first().map_or(Value::Null, |(_, name)| Value::from(*name));
            let response = json!({ "status": said.status, "headers": headers(own), "body": said.body });
            text += &format!(
                "\n{}",
                json!({ "seq": seq, "at": said.at.to_string(), "request": request, "response": response, "stub": stub })
            );
        }
        Recording::parse("transcript", (text + "\n").as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Transcript {
    fn state(&self) -> Fixture {
        let stub = |stub: &Value| Stub::from_json(&stub.to_string()).unwrap_or_else(|error| panic!("{error}"));
        self.stubs.iter().fold(state(), |fixture, spec| fixture.stub(stub(spec)))
    }
}

fn state() -> Fixture {
    Fixture::load(&[path("fixtures/rules/state.json")]).unwrap_or_else(|error| panic!("{error}"))
}

fn strictness(rule: &Rule, transcript: &Transcript) -> Strictness {
    let is_meant = |id: &str| id == rule.id || transcript.allowed.iter().any(|(allowed, _)| allowed == id);
    let start = Strictness::default();
    let start = if rule.is_on_demand() { start.with_checked_answers() } else { start };
    AT_THE_END
        .iter()
        .filter(|id| !is_meant(id))
        .fold(start, |strictness, id| strictness.rule(id, Level::Off).expect("a rule"))
}

/// The findings of a live run, and the recording of it.
fn live(transcript: &Transcript, strictness: Strictness) -> (Vec<Finding>, Recording) {
    let t0 = instant(T0);
    let setup = Setup {
        fixture: Arc::new(transcript.state()),
        seed: 7,
        clock: Clock::frozen(t0),
        strictness,
        ..Setup::default()
    };
    let said = &transcript.said;
    let (mut engine, said) = match transcript.recorded {
        None => (Engine::new(setup, t0).unwrap_or_else(|error| panic!("{error}")), &said[..]),
        Some(recorded) => {
            let told = Transcript { said: Vec::new(), ..Transcript::default() };
            let mut recording = told.recording();
            let all = transcript.recording();
            recording.interactions = all.interactions.into_iter().take(recorded).collect();
            (Engine::playback(setup, recording, t0), &said[recorded..])
        }
    };
    for (rule, reason) in &transcript.allowed {
        engine.allow(rule, reason).unwrap_or_else(|error| panic!("{error}"));
    }
    for said in said {
        engine.set_clock(Clock::frozen(said.at));
        let response = engine.receive(&said.request, said.at);
        let what = format!("{} {}: {}", said.request.method(), said.request.target(), response.text());
        assert_eq!(response.status(), said.status, "{what}");
    }
    (engine.findings(true), engine.recording())
}

fn told(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect::<Vec<_>>().join("\n")
}

/// Judges a transcript in every way there is, and returns what all of them found.
fn judged(rule: &Rule, name: &str) -> Vec<Finding> {
    let file = path(&format!("fixtures/rules/{}/{name}.console", rule.id));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let transcript = Transcript::parse(&text);
    let strictness = strictness(rule, &transcript);
    let what = format!("{} {name}", rule.id);
    let live = (!transcript.is_by_hand).then(|| live(&transcript, strictness.clone()));
    if transcript.recorded.is_some() || !transcript.allowed.is_empty() {
        return live.expect("a run without faults").0;
    }
    let recordings = [transcript.recording()];
    let run = RecordedRun::new(&recordings, strictness.clone());
    let by_hand: Vec<Finding> = run.findings().cloned().collect();
    if let Some((found, recording)) = live {
        let same = |one: &[Finding], other: &[Finding]| {
            let key = |finding: &Finding| {
                (rule_of(finding), finding.severity, finding.seq, finding.at, finding.calls.clone())
            };
            one.iter().map(key).collect::<Vec<_>>() == other.iter().map(key).collect::<Vec<_>>()
        };
        assert!(same(&found, &by_hand), "{what}: live\n{}\nby hand\n{}", told(&found), told(&by_hand));
        // What the journal has masked the judge has not needed.
        let recordings = [recording];
        let again = RecordedRun::new(&recordings, strictness);
        let again: Vec<Finding> = again.findings().cloned().collect();
        assert_eq!(told(&found), told(&again), "{what}: live, and from its own recording");
        assert_eq!(found, again, "{what}");
    }
    by_hand
}

#[test]
fn every_rule_is_broken_by_one_transcript_and_kept_by_the_other() {
    for rule in rules() {
        let broken = judged(rule, "breaks");
        assert_eq!(broken.iter().map(rule_of).collect::<Vec<_>>(), [rule.id], "{} breaks:\n{}", rule.id, told(&broken));
        insta::assert_snapshot!(format!("rule_{}", rule.id), told(&broken));
        let kept = judged(rule, "keeps");
        assert!(kept.is_empty(), "{} keeps:\n{}", rule.id, told(&kept));
    }
}

/// What is found in a conversation, with every rule: live, and from its recording.
fn found(text: &str) -> Vec<(&'static str, Severity)> {
    let (findings, recording) = live(&Transcript::parse(text), Strictness::default());
    let recordings = [recording];
    let again = RecordedRun::new(&recordings, Strictness::default());
    assert_eq!(told(&findings), told(&again.findings().cloned().collect::<Vec<_>>()), "{text}");
    findings.iter().map(|finding| (rule_of(finding), finding.severity)).collect()
}

const CLAIM: &str = "PUT /_connector/_sync_job/job-1/_claim\n{\"worker_hostname\":\"w-1\"}\n# 200\n";
const CHECK_IN: &str = "PUT /_connector/_sync_job/job-1/_check_in\n# 200\n";
const STATISTICS: &str = "PUT /_connector/_sync_job/job-1/_stats\n\
    {\"indexed_document_count\":3,\"deleted_document_count\":0,\"indexed_document_volume\":1}\n# 200\n";
const DOCUMENT: &str = "PUT /search-crm/_doc/1\n{\"title\":\"Hello\"}\n# 201 {}\n";
const TOLD: &str = "PUT /_connector/crm/_last_sync\n{\"last_sync_status\":\"completed\"}\n# 200\n";

fn write(doc: &str) -> String {
    format!("POST /.elastic-connectors-sync-jobs/_update/job-1\n{{\"doc\":{doc}}}\n# 200\n")
}

fn failed(error: &str) -> String {
    write(&json!({ "status": "error", "error": error, "completed_at": T0 }).to_string())
}

/// Who has the Connector API alone cannot complete a job, and is not asked for it.
#[test]
fn a_job_is_left_open_only_by_who_could_end_it() {
    let look = "POST /.elastic-connectors-sync-jobs/_search\n{}\n# 200 {}\n";
    let open = ("job-left-open", Severity::Warning);
    let error = format!("PUT /_connector/_sync_job/job-1/_error\n{{\"error\":\"no source\"}}\n# 200\n{TOLD}");
    for (story, expected) in [
        (CLAIM.to_owned(), vec![]),
        (format!("{CLAIM}{CHECK_IN}{STATISTICS}"), vec![]),
        (format!("GET /_connector/_sync_job\n# 200 {{}}\n{CLAIM}"), vec![]),
        (format!("{CLAIM}{error}"), vec![]),
        // It has looked for work in the index, or it writes there.
        (format!("{look}{CLAIM}"), vec![open]),
        (format!("GET /.elastic-connectors-sync-jobs/_doc/job-1\n# 200 {{}}\n{CLAIM}"), vec![open]),
        (format!("{CLAIM}{}", write(r#"{"metadata":{}}"#)), vec![open]),
        (write(r#"{"status":"in_progress","worker_hostname":"w-1"}"#), vec![open]),
        // The test looks at what has become of it.
        (format!("{CLAIM}{look}"), vec![]),
        // A worker that falls silent is another matter.
        (format!("{CLAIM}@advance 301s\nGET /_connector\n# 200 {{}}\n"), vec![("heartbeat-gap", Severity::Error)]),
    ] {
        assert_eq!(found(&story), expected, "{story}");
    }
    let rule = rules().iter().find(|rule| rule.id == "job-left-open").expect("the rule");
    for call in ["POST /.elastic-connectors-sync-jobs/_update/{id}", "/_error`", "completed_at"] {
        assert!(rule.hint.contains(call), "{}", rule.hint);
    }
}

/// A live job that somebody declares dead is that somebody's fault, and not its worker's.
#[test]
fn a_worker_that_was_taken_for_dead_is_not_to_blame() {
    const IDLE: &str = "The job has not seen any update for some time.";
    let early = vec![("early-death-sentence", Severity::Warning)];
    let late = vec![("work-after-end", Severity::Error)];
    let end = format!("{}{TOLD}", write(&json!({ "status": "completed", "completed_at": T0 }).to_string()));
    let alive = format!("{CLAIM}@advance 60s\n{CHECK_IN}@advance 30s\n");
    let sentence = failed(IDLE);
    let api_sentence = format!("PUT /_connector/_sync_job/job-1/_error\n{}\n# 200\n", json!({ "error": IDLE }));
    let refused = "PUT /_connector/_sync_job/job-1/_error\n{\"error\":\"no source\"}\n# 400 {}\n";
    for (what, story, expected) in [
        ("the worker goes on", format!("{alive}{sentence}{STATISTICS}{CHECK_IN}{DOCUMENT}{end}"), early.clone()),
        ("and fails", format!("{alive}{sentence}{}{TOLD}", failed("no source")), early.clone()),
        ("and fails by the API", format!("{alive}{sentence}{refused}{TOLD}"), early.clone()),
        ("and suspends", format!("{alive}{sentence}{}", write(r#"{"status":"suspended"}"#)), early.clone()),
        ("it does not go on", format!("{alive}{sentence}{TOLD}"), early.clone()),
        ("by the API", format!("{alive}{api_sentence}{STATISTICS}{end}"), early.clone()),
        ("two services", format!("{alive}{sentence}@advance 1s\n{sentence}{STATISTICS}{end}"), early.clone()),
        ("at 299 s", format!("{CLAIM}@advance 299s\n{sentence}{STATISTICS}{end}"), early.clone()),
        ("other words", format!("{alive}{}{STATISTICS}{end}", failed("marked as idle")), early.clone()),
        // In other words nobody knows whose they were, until the worker goes on.
        ("other words, and no more", format!("{alive}{}{TOLD}", failed("the source has been idle")), vec![]),
        // A sentence that is just.
        ("at 300 s", format!("{CLAIM}@advance 300s\n{sentence}{TOLD}"), vec![]),
        (
            "the worker was silent, and goes on",
            format!("{CLAIM}@advance 300s\n{sentence}{TOLD}{STATISTICS}"),
            late.clone(),
        ),
        // It was seen again between the service's look and its write.
        ("crossed", format!("{CLAIM}@advance 300s\n{CHECK_IN}@advance 1s\n{sentence}{TOLD}"), vec![]),
        // By the worker's own clock it was not seen for years.
        (
            "another clock",
            format!(
                "{CLAIM}{}@advance 30s\n{sentence}{TOLD}",
                write(r#"{"last_seen":"2020-05-01T10:00:00.000000+00:00"}"#)
            ),
            vec![],
        ),
        // Statistics that are written directly do not say when the job was seen.
        (
            "statistics without last_seen",
            format!(
                "{CLAIM}@advance 200s\n{}@advance 150s\n{sentence}{TOLD}",
                write(r#"{"indexed_document_count":1}"#)
            ),
            vec![],
        ),
        // What the worker ends itself it has ended.
        ("its own failure", format!("{alive}{}{STATISTICS}{TOLD}", failed("no source")), late.clone()),
        (
            "after its own end",
            format!("{alive}{sentence}{STATISTICS}{end}{STATISTICS}"),
            [early.clone(), late.clone()].concat(),
        ),
        ("documents after its own end", format!("{alive}{sentence}{STATISTICS}{end}{DOCUMENT}"), {
            [early.clone(), vec![("write-outside-job", Severity::Warning)]].concat()
        }),
    ] {
        assert_eq!(found(&story), expected, "{what}:\n{story}");
    }
}

#[test]
fn no_transcript_is_left_without_its_rule() {
    for entry in fs::read_dir(path("fixtures/rules")).expect("the transcripts") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            assert!(rules().iter().any(|rule| rule.id == name), "there is no rule {name}");
        }
    }
}

/// An enforced call is refused with the message of its finding, and nothing has changed.
#[test]
fn an_enforced_call_changes_nothing() {
    let mut refused = Vec::new();
    for rule in rules() {
        let file = path(&format!("fixtures/rules/{}/breaks.console", rule.id));
        let transcript = Transcript::parse(&fs::read_to_string(file).expect("a transcript"));
        if transcript.recorded.is_some() || transcript.is_by_hand {
            continue;
        }
        let t0 = instant(T0);
        let strictness = strictness(rule, &transcript).with_contract(Contract::Enforce);
        let setup =
            Setup { fixture: Arc::new(transcript.state()), clock: Clock::frozen(t0), strictness, ..Setup::default() };
        let mut engine = Engine::new(setup, t0).unwrap_or_else(|error| panic!("{error}"));
        for said in &transcript.said {
            engine.set_clock(Clock::frozen(said.at));
            let before = engine.state().expect("a state").to_value();
            let response = engine.receive(&said.request, said.at);
            let body: Value = serde_json::from_slice(response.body()).expect("JSON");
            if body["error"]["type"] == "elastimock_contract_exception" {
                refused.push(rule.id);
                let found = engine.findings(false);
                assert_eq!(response.status(), 400);
                assert_eq!(body["error"]["reason"], found.last().expect("a finding").message, "{}", rule.id);
                assert_eq!(engine.state().expect("a state").to_value(), before, "{}", rule.id);
                assert_ne!(rule.id, "heartbeat-gap", "nobody is refused for an earlier silence");
            }
        }
        // A recording tells the same, although the answers are others.
        let live = engine.findings(true);
        let recordings = [engine.recording()];
        let run = RecordedRun::new(&recordings, strictness_of(&engine));
        assert_eq!(told(&live), told(&run.findings().cloned().collect::<Vec<_>>()), "{}", rule.id);
    }
    let must = [
        "blank-worker-hostname",
        "claim-of-running-job",
        "claim-of-canceling-job",
        "claim-of-ended-job",
        "work-before-claim",
        "work-after-end",
        "illegal-transition",
        "ended-without-completed-at",
        "failed-without-error",
        "cancel-ignored",
        "counter-fell",
        "cursor-altered",
        "secret-exposed",
    ];
    let passed: Vec<_> = must.iter().filter(|rule| !refused.contains(rule)).collect();
    assert!(passed.is_empty(), "these were not refused: {passed:?}");
}

fn strictness_of(engine: &Engine) -> Strictness {
    engine.setup().strictness.clone()
}

/// The page about findings names every rule with its severity and what it demands.
#[test]
fn the_book_lists_every_rule() {
    let page = fs::read_to_string(path("docs/findings.md")).expect("the page");
    for rule in rules() {
        let row = format!("| `{}` | {} | {} |", rule.id, rule.severity, rule.demands);
        assert!(page.contains(&row), "put this row into the table of docs/findings.md:\n{row}");
    }
}
