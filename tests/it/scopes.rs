//! A run in its scopes: whatever happens to a server, its recording tells the same verdict.

use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::{Finding, Strictness};
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::recording::{Change, Recording};
use elastimock::report::{RecordedRun, Report, ReportFormat};
use elastimock::{Clock, Engine, Fixture, MockServer, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Client, T0, cluster, instant, path, request, rule_of};

/// Something that may happen to a server.
#[derive(Clone, Debug)]
enum Act {
    Call(Request),
    Reset { name: Option<u8>, forget: bool },
    PutState(u8),
    AddState(u8),
    Advance(u64),
    SetClock(u64),
    Allow(usize),
    Forget,
    ClearJournal,
}

const RULES: [&str; 5] =
    ["blank-worker-hostname", "work-before-claim", "job-left-open", "claim-of-running-job", "unknown-operation"];

fn state(number: u8) -> Fixture {
    let job =
        |at: u8, status: &str| json!({ "id": format!("put-{number}-{at}"), "connector_id": "c", "status": status });
    Fixture::from_json(
        &json!({
            "connectors": [{ "id": "c", "index_name": "search-c", "service_type": "github" }],
            "sync_jobs": [job(1, "pending"), job(2, "completed"), job(3, "in_progress")],
        })
        .to_string(),
    )
    .expect("a fixture")
}

fn any_call() -> impl Strategy<Value = Act> {
    let job = prop::sample::select(vec![
        "job-pending",
        "job-in-progress",
        "job-completed",
        "job-suspended",
        "put-0-1",
        "put-0-3",
        "put-1-1",
        "none",
    ]);
    let deed = prop::sample::select(vec![
        ("PUT", "_claim", r#"{"worker_hostname":"w-1"}"#),
        ("PUT", "_claim", r#"{"worker_hostname":"w-2"}"#),
        ("PUT", "_claim", r#"{"worker_hostname":""}"#),
        ("PUT", "_claim", r#"{"workerHostname":"w"}"#),
        ("PUT", "_check_in", ""),
        ("PUT", "_cancel", ""),
        ("PUT", "_error", r#"{"error":"out of luck"}"#),
        ("PUT", "_stats", r#"{"deleted_document_count":1,"indexed_document_count":2,"indexed_document_volume":3}"#),
        ("PUT", "_clam", "{}"),
    ]);
    let write = prop::sample::select(vec!["completed", "in_progress", "suspended", "error"]);
    prop_oneof![
        5 => (job.clone(), deed).prop_map(|(job, (method, verb, body))| {
            let target = format!("/_connector/_sync_job/{job}/{verb}");
            Act::Call(request(method, &target, &[("content-type", "application/json")], body))
        }),
        1 => (job, write).prop_map(|(job, status)| {
            let body = json!({ "doc": { "status": status } });
            Act::Call(Request::new(Method::Post, format!("/.elastic-connectors-sync-jobs/_update/{job}")).json(body.to_string()))
        }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => any_call(),
        2 => (prop::option::of(0_u8..3), prop::bool::weighted(0.2)).prop_map(|(name, forget)| Act::Reset { name, forget }),
        1 => (0_u8..2).prop_map(Act::PutState),
        1 => (0_u8..2).prop_map(Act::AddState),
        2 => (1_u64..700).prop_map(Act::Advance),
        1 => (0_u64..9000).prop_map(Act::SetClock),
        1 => (0..RULES.len()).prop_map(Act::Allow),
        1 => Just(Act::Forget),
        1 => Just(Act::ClearJournal),
    ]
}

/// Does it through the in-process door, whose recording file tells all of it.
fn play(server: &MockServer, client: &mut Client, act: &Act) {
    match act {
        Act::Call(request) => {
            client.send(request);
        }
        Act::Reset { name: None, forget: false } => server.reset(),
        Act::Reset { name: Some(name), forget: false } => server.scope(&format!("test {name}")),
        Act::Reset { name, forget: true } => {
            let (target, body) = match name {
                None => ("/_elastimock/reset?forget=true", String::new()),
                Some(name) => {
                    ("/_elastimock/scopes?forget=true", json!({ "name": format!("test {name}") }).to_string())
                }
            };
            assert_eq!(client.send(&Request::new(Method::Post, target).json(body)).status, 200);
        }
        Act::PutState(number) => server.put_state(&state(*number)).expect("a state"),
        // It may be there already.
        Act::AddState(number) => drop(server.add_state(&state(*number))),
        Act::Advance(by) => drop(server.advance(Duration::from_secs(*by))),
        Act::SetClock(by) => server.set_clock(Clock::frozen(instant(T0).plus(Duration::from_secs(*by)))),
        Act::Allow(rule) => server.allow(RULES[*rule], "a random run"),
        Act::Forget => server.forget(),
        Act::ClearJournal => server.clear_journal(),
    }
}

/// What a report says of a run, without where its calls are written down.
fn verdict(report: &Report) -> Value {
    let mut told = report.to_value();
    for finding in told["findings"].as_array_mut().expect("findings") {
        finding.as_object_mut().expect("a finding").remove("recorded_in");
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_verdict_of_a_recording_is_that_of_the_server(acts in prop::collection::vec(any_act(), 1..40)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("run.ndjson");
        let clock = Clock::frozen(instant(T0));
        let server = MockServer::builder().clock(clock).seed(7).record(&file).start_blocking().expect("a server");
        let mut client = Client::connect(server.address());
        acts.iter().for_each(|act| play(&server, &mut client, act));
        let live = server.report();
        let calls = acts.iter().filter(|act| matches!(act, Act::Call(_))).count();
        prop_assert_eq!(live.calls, calls as u64);
        let in_memory = server.run().recording();
        server.stop_blocking().expect("the recording is whole");
        let text = std::fs::read(&file).expect("the recording");
        prop_assert!(text.ends_with(b"\n"), "the last line is whole");
        let offline = Report::of_recordings(&[("run.ndjson", &text)], Strictness::default()).expect("a recording");
        prop_assert_eq!(verdict(&offline), verdict(&live));
        // The journal says the same, if nothing of it was dropped.
        if !acts.iter().any(|act| matches!(act, Act::Forget | Act::ClearJournal)) {
            let recording = Recording::parse("run.ndjson", &text).expect("a recording");
            prop_assert_eq!(&in_memory.interactions, &recording.interactions);
            let recordings = [in_memory];
            let run = RecordedRun::new(&recordings, Strictness::default());
            let told = |finding: &Finding| finding.to_string();
            prop_assert_eq!(run.findings().map(told).collect::<Vec<_>>(), live.findings.iter().map(told).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_same_run_gives_the_same_bytes(acts in prop::collection::vec(any_act(), 1..20)) {
        let record = || {
            let clock = Clock::frozen(instant(T0));
            let server = MockServer::builder().clock(clock).seed(7).start_blocking().expect("a server");
            let mut client = Client::connect(server.address());
            acts.iter().for_each(|act| play(&server, &mut client, act));
            (server.run().recording().to_text(), server.report().write(ReportFormat::Junit))
        };
        prop_assert_eq!(record(), record());
    }
}

#[test]
fn numbers_never_begin_again_and_a_scope_has_its_own_part() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let get = Request::new(Method::Get, "/_connector");
    client.send(&get);
    server.scope("a test");
    client.send(&get);
    client.send(&get);
    let seqs = |of: Vec<elastimock::recording::Interaction>| -> Vec<u64> { of.iter().map(|call| call.seq).collect() };
    assert_eq!(seqs(server.journal()), [3, 4]);
    assert_eq!(seqs(server.run().journal()), [1, 3, 4]);
    let recording = server.run().recording();
    assert!(matches!(&recording.events[0].change, Change::Reset { scope: Some(name), .. } if &**name == "a test"));
    let admin = client.send(&Request::new(Method::Get, "/_elastimock/journal")).json();
    assert_eq!(admin["interactions"].as_array().map(Vec::len), Some(2));
    assert_eq!(admin["interactions"][0]["scope"], "a test");
    let all = client.send(&Request::new(Method::Get, "/_elastimock/journal?scope=all")).json();
    assert_eq!(all["interactions"].as_array().map(Vec::len), Some(3));
    let ndjson =
        client.send(&request("GET", "/_elastimock/journal?scope=all", &[("accept", "application/x-ndjson")], ""));
    assert_eq!(ndjson.text(), recording.to_text());
    let text = client.send(&request("GET", "/_elastimock/findings", &[("accept", "text/plain")], ""));
    assert_eq!(text.text(), "2 calls: no findings\n");
}

#[test]
fn a_recorded_run_is_played_scope_by_scope() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let claim = |job: &str| {
        Request::new(Method::Put, format!("/_connector/_sync_job/{job}/_claim")).json(r#"{"worker_hostname":"w"}"#)
    };
    let put = |client: &mut Client| {
        let body = state(0).to_value().to_string();
        client.send(&Request::new(Method::Put, "/_elastimock/state").json(body)).status
    };
    server.scope("one");
    assert_eq!(client.send(&claim("put-0-1")).status, 404);
    server.scope("two");
    assert_eq!(put(&mut client), 200);
    assert_eq!(client.send(&claim("put-0-1")).status, 200);
    let recording = server.run().recording();

    // In the recorded order, in another one, and by a client that does not reset.
    for order in [&["one", "two"][..], &["two", "one"]] {
        let played = MockServer::builder().playback(recording.clone()).start_blocking().expect("a playback");
        let mut client = Client::connect(played.address());
        for scope in order {
            played.scope(scope);
            if *scope == "two" {
                assert_eq!(put(&mut client), 200);
                assert_eq!(put(&mut client), 400, "the recording has one state only");
            }
            let status = if *scope == "two" { 200 } else { 404 };
            assert_eq!(client.send(&claim("put-0-1")).status, status, "{order:?}");
        }
        assert_eq!(played.run().findings(), [], "{order:?}");
        played.assert_conformant();
    }
    let played = MockServer::builder().playback(recording.clone()).start_blocking().expect("a playback");
    let mut client = Client::connect(played.address());
    assert_eq!(client.send(&claim("put-0-1")).status, 404);
    assert_eq!(client.send(&claim("put-0-1")).status, 200);
    played.assert_conformant();

    // A scope that was never played is left over.
    let played = MockServer::builder().playback(recording).start_blocking().expect("a playback");
    let mut client = Client::connect(played.address());
    played.scope("one");
    client.send(&claim("put-0-1"));
    let left = played.run().findings();
    assert_eq!(left.iter().map(rule_of).collect::<Vec<_>>(), ["recording-leftover"]);
}

#[test]
fn recordings_of_the_old_form_are_read_and_judged_as_before() {
    let file = path("fixtures/recordings/claim_story.ndjson");
    let text = std::fs::read(&file).expect("the recording");
    let recording = Recording::parse("claim_story.ndjson", &text).expect("a recording");
    assert_eq!(recording.events, []);
    let recordings = [recording];
    let run = RecordedRun::new(&recordings, Strictness::default());
    assert_eq!((run.scopes.len(), run.scopes[0].calls), (1, recordings[0].interactions.len() as u64));
}

#[test]
fn an_event_that_nobody_knows_is_named_with_the_version_that_does() {
    let header = r#"{"elastimock_recording":1,"elastimock":"0.9.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#;
    let event = r#"{"seq":1,"at":"2031-05-01T10:00:00.000Z","event":"eclipse","moon":{"a":1}}"#;
    let error = Recording::parse("f", format!("{header}\n{event}\n").as_bytes()).expect_err("it is not known");
    let expected = "the event `eclipse` is not known to this version; elastimock 0.9.0 wrote it and knows it";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn the_end_of_a_scope_is_asked_at_its_own_instant() {
    let now = instant(T0);
    let setup = Setup { fixture: Arc::new(cluster("default")), seed: 7, clock: Clock::frozen(now), ..Setup::default() };
    let mut engine = Engine::new(setup, now).expect("a mock");
    let claim =
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(r#"{"worker_hostname":"w"}"#);
    engine.receive(&claim, Timestamp::default());
    engine.advance(Timestamp::default(), Duration::from_secs(1000));
    engine.reset(Timestamp::default());
    let first = &engine.scopes(true)[0];
    assert!(first.findings.iter().any(|finding| finding.rule == "heartbeat-gap"), "{:?}", first.findings);
    assert_eq!(engine.now(Timestamp::default()), now);
    assert!(engine.findings(true).is_empty());
}

#[test]
fn neither_a_state_nor_a_clock_undoes_a_silence_that_was_too_long() {
    let claim =
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(r#"{"worker_hostname":"w"}"#);
    for undo in [Act::SetClock(0), Act::PutState(0)] {
        let server =
            MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
        let mut client = Client::connect(server.address());
        let same = server.state().expect("a state");
        client.send(&claim);
        server.advance(Duration::from_secs(600));
        match undo {
            Act::PutState(_) => server.put_state(&same).expect("a state"),
            act => play(&server, &mut client, &act),
        }
        let rules: Vec<&str> = server.findings().iter().map(rule_of).collect();
        assert!(rules.contains(&"heartbeat-gap"), "{rules:?}");
        let recording = [server.run().recording()];
        let run = RecordedRun::new(&recording, Strictness::default());
        assert_eq!(run.findings().map(rule_of).collect::<Vec<_>>(), rules);
    }
}

#[test]
fn a_played_state_is_known_to_the_judge() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let claim = |job: &str| {
        Request::new(Method::Put, format!("/_connector/_sync_job/{job}/_claim")).json(r#"{"worker_hostname":"w-9"}"#)
    };
    let story = |server: &MockServer| -> Vec<&'static str> {
        let mut client = Client::connect(server.address());
        server.put_state(&state(0)).expect("a state");
        client.send(&claim("put-0-2"));
        client.send(&claim("put-0-3"));
        let findings = server.findings();
        let ours = findings.iter().filter(|finding| finding.rule.starts_with("claim-of"));
        ours.map(rule_of).collect()
    };
    let live = story(&server);
    assert_eq!(live, ["claim-of-ended-job", "claim-of-running-job"]);
    let played = MockServer::builder().playback(server.run().recording()).start_blocking().expect("a playback");
    assert_eq!(story(&played), live);
}

#[test]
fn scopes_of_one_name_hide_no_other() {
    let server = MockServer::start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for (scope, job) in [("t (2)", "a"), ("t", "b"), ("t", "c"), ("odd\n::error::", "d")] {
        server.scope(scope);
        client.send(&Request::new(Method::Get, format!("/_connector/_sync_job/{job}")));
    }
    let told = server.run().transcript().to_value();
    let scopes: Vec<&str> = told.as_object().expect("scopes").keys().map(String::as_str).collect();
    assert_eq!(scopes, ["t (2)", "t", "t (3)", "odd\\n::error::"]);
}

#[test]
fn a_scope_is_asked_for_by_its_number_whatever_its_name() {
    let server = MockServer::start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for scope in [None, Some("t"), Some("t")] {
        if let Some(name) = scope {
            server.scope(name);
        }
        let claim = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim");
        client.send(&claim.json(r#"{"worker_hostname":""}"#));
    }
    server.reset();
    let mut ask = |target: &str| client.send(&Request::new(Method::Get, format!("/_elastimock/{target}")));
    for number in 1..=4 {
        let found = ask(&format!("findings?scope_number={number}")).json();
        assert_eq!(found["counts"]["error"], json!(u64::from(number < 4)), "scope {number}: {found}");
        let said = ask(&format!("journal?scope_number={number}")).json();
        let seqs: Vec<u64> =
            said["interactions"].as_array().expect("calls").iter().filter_map(|call| call["seq"].as_u64()).collect();
        assert_eq!(seqs, if number < 4 { vec![2 * number - 1] } else { vec![] }, "scope {number}: {said}");
    }
    let scopes = ask("scopes?after=2").json();
    let numbers: Vec<&Value> =
        scopes["scopes"].as_array().expect("scopes").iter().map(|scope| &scope["number"]).collect();
    assert_eq!(numbers, [3, 4]);
    let none = ask("findings?scope_number=5");
    assert_eq!(none.status, 400);
    assert!(none.text().contains("there is no scope of the number [5]"), "{}", none.text());
    // What the journal has forgotten is counted.
    server.clear_journal();
    let said = ask("journal?scope_number=2").json();
    assert_eq!((&said["interactions"], &said["evicted"]), (&json!([]), &json!(1)));
}
