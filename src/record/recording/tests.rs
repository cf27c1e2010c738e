//! What a recording's text means, what is refused with which words, and that nothing is lost.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::finding::{Finding, Severity, Subject};
use crate::http::{Method, Request, Response};

const HEADER: &str = r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{"connectors":[]}}"#;
const CLAIM: &str = r#"{"seq":1,"at":"2031-05-01T10:00:00.001Z","operation":"connector.sync_job_claim","request":{"method":"PUT","path":"/_connector/_sync_job/job-1/_claim","query":"","headers":{"content-type":"application/json"},"body":{"worker_hostname":"w-1"}},"response":{"status":200,"headers":{"x-elastic-product":"Elasticsearch","content-type":"application/json","content-length":"20"},"body":{"result":"updated"}},"findings":[],"took_us":41}"#;
const SHORT: &str =
    r#"{"seq":2,"at":"2031-05-01T10:00:00Z","request":{"method":"GET","path":"/"},"response":{"status":200}}"#;

fn parse(lines: &[&str]) -> Recording {
    Recording::parse("story.ndjson", (lines.join("\n") + "\n").as_bytes()).expect("a recording")
}

#[test]
fn a_line_is_written_as_it_was_read() {
    let text = format!("{HEADER}\n{CLAIM}\n");
    let recording = Recording::parse("story.ndjson", text.as_bytes()).expect("a recording");
    assert_eq!(recording.to_text(), text);
    assert_eq!((recording.header.seed, recording.header.profile, recording.cut_off), (7, Profile::V9, false));
    let claim = &recording.interactions[0];
    assert_eq!(&claim.request.body()[..], br#"{"worker_hostname":"w-1"}"#);
    assert_eq!((claim.response.status(), claim.took_us), (200, 41));
    assert_eq!(to_value(claim), serde_json::from_str::<Value>(CLAIM).expect("JSON"));
}

#[test]
fn what_older_recordings_say_besides_is_read_and_not_written() {
    let older = CLAIM.replace(r#""findings":[],"#, r#""findings":[],"fault":null,"#);
    assert_eq!(parse(&[HEADER, &older]), parse(&[HEADER, CLAIM]));
    let unmeasured = older.replace("41}", "0}");
    let text = parse(&[HEADER, &unmeasured]).to_text();
    assert!(text.ends_with("\"findings\":[]}\n"), "{text}");
}

#[test]
fn what_a_hand_leaves_out_has_its_plain_meaning() {
    let short = &parse(&[HEADER, "", SHORT, "  "]).interactions[0];
    assert_eq!((short.request.target(), short.request.body().len(), short.took_us), ("/", 0, 0));
    assert!(short.operation.is_none() && short.findings.is_empty() && short.response.headers().is_empty());
}

#[test]
fn lines_come_by_number_whoever_wrote_first() {
    let seqs: Vec<u64> = parse(&[HEADER, SHORT, CLAIM]).interactions.iter().map(|call| call.seq).collect();
    assert_eq!(seqs, [1, 2]);
}

#[test]
fn a_killed_process_costs_the_line_it_was_writing() {
    for end in 1..CLAIM.len() {
        let text = format!("{HEADER}\n{SHORT}\n{}", &CLAIM[..end]);
        let recording = Recording::parse("f", text.as_bytes()).expect(&text);
        assert!(recording.cut_off && recording.interactions.len() == 1, "{text}");
        let lint = Recording::lint("f", text.as_bytes()).0;
        assert_eq!((lint.len(), lint[0].line, lint[0].column), (1, 3, end as u32 + 1));
    }
    let whole = format!("{HEADER}\n{CLAIM}");
    assert!(!Recording::parse("f", whole.as_bytes()).expect("only the line end is missing").cut_off);
    assert!(Recording::lint("f", whole.as_bytes()).0.is_empty());
}

#[test]
fn a_body_in_its_line_may_be_spelt_in_any_way() {
    for (shown, expected) in [
        (r#""body":{ "a" : 1.0e3 }"#, r#"{ "a" : 1.0e3 }"#),
        (r#""body": "x\"}" "#, r#""x\"}""#),
        (r#""body":null"#, "null"),
        (r#""body":-7.50"#, "-7.50"),
        (r#""body":[1, 2]"#, "[1, 2]"),
        (r#""body":{"text":"a\nb"}"#, "a\nb"),
        (r#""body":{"base64":"Zm9v"}"#, "foo"),
        (r#""body":{"text":"x","more":1}"#, r#"{"text":"x","more":1}"#),
        (r#""body":{"a":1},"body_text":"{\n\"a\":1}""#, "{\n\"a\":1}"),
    ] {
        let line = SHORT.replace(r#""status":200"#, &format!(r#""status":200,{shown}"#));
        assert_eq!(parse(&[HEADER, &line]).interactions[0].response.text(), expected);
    }
}

/// What the file has at the place of a mistake.
fn place<'a>(text: &'a str, mistake: &RecordingDiagnostic) -> &'a str {
    let line = text.split('\n').nth(mistake.line as usize - 1).expect("the line is there");
    &line[mistake.column as usize - 1..]
}

#[test]
fn mistakes_are_told_with_place_and_cure() {
    let with = |from: &str, to: &str| format!("{HEADER}\n{}\n", CLAIM.replacen(from, to, 1));
    let head = |from: &str, to: &str| format!("{}\n", HEADER.replacen(from, to, 1));
    for (text, at, expected) in [
        (
            String::new(),
            "",
            "the file is empty; a recording begins with a header line; `elastimock serve --record FILE` writes one",
        ),
        (
            format!("{CLAIM}\n"),
            "{\"seq",
            "the file does not begin with a header: its first line has no [elastimock_recording]; put the header back as line 1, or give the file that `--record` wrote",
        ),
        (
            head(":1,", ":2,"),
            "2,",
            "version 2 of the recording format is not known; this elastimock reads version 1; use the release that wrote the file",
        ),
        (
            head(":1,", ":\"1\","),
            "\"1\",",
            "version \"1\" of the recording format is not known; this elastimock reads version 1; use the release that wrote the file",
        ),
        (
            head("\"9\"", "9"),
            "9,",
            "[profile] is a number; write \"9\" (Elasticsearch 9.x) or \"8\" (Elasticsearch 8.19)",
        ),
        (
            head("\"9\"", "\"10\""),
            "\"10",
            "[profile] cannot be \"10\"; write \"9\" (Elasticsearch 9.x) or \"8\" (Elasticsearch 8.19)",
        ),
        (
            head("\"seed\":7", "\"seed\":-7"),
            "-7",
            "[seed] cannot be -7; write a whole number up to 18446744073709551615",
        ),
        (head("\"seed\":7,", ""), "{", "the header has no [seed]; add it, for example \"seed\":7"),
        (head("\"seed\"", "\"sed\""), "\"sed", "a header has no key [sed]; did you mean [seed]?"),
        (head("{\"connectors\":[]}", "[]"), "[]", "[state] is a list; write an object in the form of a fixture"),
        (
            head("}}", "}"),
            "}",
            "Unexpected end-of-input: expected close marker for Object (start marker at line 1, column 1); a line of a recording is one JSON object",
        ),
        (with("PUT", "P T"), "\"P T", "[method] cannot be \"P T\"; write a method such as \"GET\""),
        (
            with("\"/_c", "\"_c"),
            "\"_c",
            "[path] cannot be \"_connector/_sync_job/job-1/_claim\"; write the path, which begins with `/`",
        ),
        (
            with("/_claim", "/_claim?pretty"),
            "{\"method",
            "[path] has a question mark; what comes after it goes to [query]",
        ),
        (with("200", "99"), "99", "[status] is no HTTP status; write a status code from 100 to 999"),
        (with("200", "1000"), "1000", "[status] cannot be 1000; write a status code from 100 to 999"),
        (with("200", "\"200\""), "\"200", "[status] is a string; write a status code from 100 to 999"),
        (with("\"status\":200,", ""), "{\"head", "the response has no [status]; add it, for example \"status\":200"),
        (with("status", "statsu"), "\"statsu", "a response has no key [statsu]; did you mean [status]?"),
        (
            with("took_us", "zzz"),
            "\"zzz",
            "an interaction has no key [zzz]; its keys are seq, at, operation, request, response, findings, scope, stub, fault, upstream, left_out, took_us",
        ),
        (
            with("10:00:00.001Z", "25:00"),
            "\"2031",
            "[at] cannot be \"2031-05-01T25:00\"; write an instant as in RFC 3339, for example \"2031-05-01T10:00:00.000Z\"",
        ),
        (with("\"seq\":1", "\"seq\":0"), "0,", "[seq] is 0; calls are numbered from 1"),
        (
            with("\"took_us\":41", "\"fault\":{\"odd\":1}"),
            "{\"odd",
            "[fault] is no fault; write it as a stub has it, for example {\"fault\":\"reset\",\"acts\":\"after\"}",
        ),
        (with("[]", "[7]"), "7]", "[findings] is a number; write objects into the list"),
        (
            with("\"20\"", "20"),
            "20}",
            "[content-length] is a number; write the value as a string, several as a list of strings",
        ),
        (
            with("{\"result\":\"updated\"}", "{\"base64\":\"?\"}"),
            "{\"base",
            "[base64] is no base64; write the standard alphabet with `=` at the end, without blanks",
        ),
        (
            with("{\"result\":\"updated\"}", "{\"text\":7}"),
            "{\"text",
            "a body with the one member [text] or [base64] must have a string there; put a JSON body that looks like this into {\"text\":…}",
        ),
        (
            with("\"updated\"}", "\"updated\"},\"body_text\":\"{}\""),
            "\"{}",
            "[body_text] is not the text of [body]; delete [body_text]; it is for a JSON body that is indented",
        ),
        (
            format!("{HEADER}\n{HEADER}\n"),
            "\"elastimock_",
            "a second header; keep every recording in a file of its own",
        ),
        (
            format!("{HEADER}\n{CLAIM}{SHORT}\n"),
            "{\"seq\":2",
            "there is more after the end of the object; begin a line for it",
        ),
        (format!("{HEADER}\n7\n"), "7", "[line] is a number; write one JSON object a line"),
        (
            format!("{HEADER}\nhello\n"),
            "o",
            "Unrecognized token 'hello': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false'); a line of a recording is one JSON object",
        ),
        (
            format!("{HEADER}\n{CLAIM}\n\n{CLAIM}\n"),
            "1,",
            "number 1 is there twice: line 2 has it too; give every line a number of its own; where a server counted from one again after a reset, as those did that did not record resets, let each such run have a file of its own",
        ),
        (
            with("\"seq\":1", "\"seq\":1,\"seq\":2"),
            "\":2",
            "Duplicate field 'seq'; a line of a recording is one JSON object",
        ),
    ] {
        let mistakes = Recording::lint("f", text.as_bytes()).0;
        let Some(first) = mistakes.first() else { panic!("no mistake in {text}") };
        assert_eq!(format!("{}; {}", first.what, first.cure), expected);
        assert!(place(&text, first).starts_with(at), "{first} in {text}");
        let error = Recording::parse("f", text.as_bytes()).expect_err("a mistake");
        assert!(error.is_invalid_input());
        assert_eq!(error.to_string(), first.to_string());
    }
    let text = with("took_us", "took");
    let error = Recording::parse("a/story.ndjson", text.as_bytes()).expect_err("a mistake");
    assert!(error.to_string().starts_with("a/story.ndjson:2:"), "{error}");
}

#[test]
fn what_a_later_version_has_found_is_kept_as_text_and_told() {
    let finding = r#"{"rule":"r-of-2031","severity":"fatal","seq":1,"message":"m","subject":{"kind":"drive","id":"d"},"evidence":{"seen":1},"team":"search"}"#;
    let text = format!("{}\n{}\n", HEADER.replace("0.1.0", "7.0.0"), CLAIM.replace("[]", &format!("[{finding}]")));
    let recording = Recording::parse("f", text.as_bytes()).expect("a recording");
    let read = &recording.interactions[0].findings[0];
    assert_eq!((&*read.rule, read.severity, &*read.message), ("r-of-2031", Severity::Error, "m"));
    let unknown = json!({ "severity": "fatal", "subject": { "kind": "drive", "id": "d" }, "team": "search" });
    assert_eq!(Value::Object(read.evidence.clone()), json!({ "seen": 1, "unknown": unknown }));
    let at = text.lines().nth(1).and_then(|line| line.find("{\"rule\"")).expect("the finding") + 1;
    let told = format!(
        "f:2:{at}: this version cannot read [severity], [subject], [team] of a finding; it stands in the evidence as \
         [unknown]"
    );
    assert_eq!(recording.unknown, std::slice::from_ref(&told));
    assert_eq!(Recording::lint("f", text.as_bytes()), (vec![], vec![told]));
    // As it was read it is written, and then there is nothing more to tell.
    let again = Recording::parse("f", recording.to_text().as_bytes()).expect("a recording");
    assert_eq!((again.interactions, again.unknown), (recording.interactions, vec![]));
}

#[test]
fn what_a_later_version_says_of_a_call_is_refused_and_that_version_is_named() {
    let later = HEADER.replace("0.1.0", "7.0.0");
    for (text, expected) in [
        (format!("{later}\n{}", CLAIM.replace("took_us", "zzz")), "its keys are seq, at,"),
        (
            format!("{later}\n{}", CLAIM.replace("\"took_us\":41", "\"fault\":{\"fault\":\"melt\"}")),
            "write it as a stub has it",
        ),
        (later.replace("\"seed\"", "\"license\":\"ore\",\"seed\""), "write "),
        (later.replace("\"9\"", "\"10\""), "write \"9\""),
    ] {
        let error = Recording::parse("f", text.as_bytes()).expect_err("a refusal").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.ends_with("; or use elastimock 7.0.0, which wrote it, or a later one"), "{error}");
    }
}

#[test]
fn lint_finds_every_mistake_of_every_line() {
    let first = CLAIM.replace("\"seq\":1", "\"seq\":\"1\"").replace("PUT", "").replace("took_us", "tok_us");
    let second = SHORT.replace("200", "7");
    let text = format!("{HEADER}\n{first}\n[\n{second}\n");
    let mistakes = Recording::lint("f", text.as_bytes()).0;
    let places: Vec<(u32, &str)> = mistakes.iter().map(|mistake| (mistake.line, place(&text, mistake))).collect();
    let expected = [(2, "\"1\","), (2, "\"\","), (2, "\"tok_us"), (3, "["), (4, "7}}")];
    assert_eq!(places.len(), expected.len(), "{mistakes:?}");
    for ((line, place), (expected_line, at)) in places.into_iter().zip(expected) {
        assert!(line == expected_line && place.starts_with(at), "{line}: {place} is not {at}");
    }
    let both = format!("{HEADER}\n7\n{{\"seq\"");
    assert_eq!(Recording::lint("f", both.as_bytes()).0.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [2, 3]);
    let endless = format!("{HEADER}\n{}", "7\n".repeat(5000));
    assert_eq!(Recording::lint("f", endless.as_bytes()).0.len(), crate::limits::RECORDING_MISTAKES_MAX);
}

#[test]
fn the_recordings_of_this_project_are_in_order_but_for_the_one_cut_off() {
    let story = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/claim_story.ndjson"));
    assert_eq!(Recording::lint("claim_story.ndjson", story.as_bytes()), (vec![], vec![]));
    let recording = Recording::parse("claim_story.ndjson", story.as_bytes()).expect("a recording");
    assert_eq!(recording.to_text(), story);
    let cut_off = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/cut_off.ndjson"));
    assert!(Recording::parse("cut_off.ndjson", cut_off.as_bytes()).expect("a recording").cut_off);
    assert_eq!(Recording::lint("cut_off.ndjson", cut_off.as_bytes()).0.len(), 1);
}

// ── properties ────────────────────────────────────────────────────────────────────────────────────

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}|text|base64".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let names = "[a-c \"\\\\é]{0,3}|text|base64|sensitive|value";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_json().prop_map(|value| value.to_string().into_bytes()),
        any_json().prop_map(|value| json::write(&value, true).into_bytes()),
        prop::collection::vec(any_json(), 0..3)
            .prop_map(|values| { values.iter().flat_map(|value| (value.to_string() + "\n").into_bytes()).collect() }),
        "[\\[\\]{}:,\" \n0-9.e\\\\u/*-]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

/// Header lines, those with one name side by side.
fn any_headers() -> impl Strategy<Value = Headers> {
    prop::collection::btree_map("[a-z-]{0,5}|[\\PC\n]{1,4}", prop::collection::vec("[\\PC\r\n]{0,6}", 1..3), 0..4)
        .prop_map(|lines| {
            let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
            for (name, values) in lines {
                let mut one = Headers::new();
                one.push(&name, "");
                let name = one.iter().next().map(|(name, _)| name.to_owned()).unwrap_or_default();
                match grouped.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => known.extend(values),
                    None => grouped.push((name, values)),
                }
            }
            let mut headers = Headers::new();
            grouped.iter().for_each(|(name, values)| values.iter().for_each(|value| headers.push(name, value)));
            headers
        })
}

fn any_change() -> impl Strategy<Value = Change> {
    let state = || any_json().prop_map(|value| Arc::new(json!({ "connectors": [value] })));
    prop_oneof![
        (prop::option::of("\\PC{1,8}"), 0_i64..9, prop::option::of(state()), any::<bool>(), "\\PC{0,9}").prop_map(
            |(scope, millis, state, forget, source)| {
                let started_at = Timestamp::from_millis(1_900_000_000_000 + millis);
                let source = SourcePlace::parse(&source).map(Arc::new);
                Change::Reset { scope: scope.map(Arc::from), started_at, state, forget, source }
            }
        ),
        (any::<bool>(), state()).prop_map(|(whole, state)| Change::State { whole, state }),
        any::<bool>().prop_map(|frozen| Change::Clock { frozen }),
        ("[a-z-]{1,8}", "\\PC{0,8}")
            .prop_map(|(rule, reason)| Change::Allow { rule: rule.into(), reason: reason.into() }),
        Just(Change::Forget),
        Just(Change::End),
    ]
}

prop_compose! {
    fn any_finding()(
        rule in "\\PC{0,8}", message in "\\PC{0,8}", seq: u64, evidence in any_json(), job in prop::option::of("\\PC{1,4}"),
        source in prop::option::of("[a-z]{1,4}:[1-9]:[a-z]{1,4}"),
    ) -> Finding {
        Finding {
            message,
            subject: job.map(Subject::Job),
            evidence: Map::from_iter([("seen".to_owned(), evidence)]),
            source: source.and_then(|text| SourcePlace::parse(&text)).map(Arc::new),
            rule: rule.into(),
            ..Finding::about("", Severity::Warning, seq, Timestamp::from_millis(1))
        }
    }
}

prop_compose! {
    fn any_interaction()(
        nanos in 0..253_402_000_000_000_000_000_i128,
        operation in prop::option::of("\\PC{0,8}"),
        method in "[A-Z]{1,7}",
        target in "/[^?]{0,8}(\\?\\PC{0,8})?",
        headers in (any_headers(), any_headers()),
        bodies in (any_body(), any_body()),
        status in 100_u16..1000,
        findings in prop::collection::vec(any_finding(), 0..2),
        took_us: u32,
        scope in prop::option::of("\\PC{1,8}"),
    ) -> Interaction {
        let mut response = Response::new(status);
        response.headers = headers.1;
        response.body = bodies.1.into();
        let request = Request::new(Method::new(&method), target).with_headers(headers.0).with_body(bodies.0);
        let scope = scope.map(Arc::from);
        Interaction { seq: 0, at: Timestamp::from_nanos(nanos), operation, request, response, findings, took_us, scope }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back(
        interactions in prop::collection::vec(any_interaction(), 0..4), changes in prop::collection::vec(any_change(), 0..4), seed: u64, state in any_json(), step in 1_u64..9,
        es_version in prop::option::of("[0-9]{1,2}\\.[0-9]\\.[0-9]"), license in prop::sample::select(License::ALL.to_vec()), visibility in prop::sample::select(Visibility::ALL.to_vec()), is_clock_running: bool,
    ) {
        let state = if state.is_object() { state } else { Value::Null };
        let at = Timestamp::from_millis(1_900_000_000_000);
        let elastimock = "0.1.0".to_owned();
        let allowances = vec![Allowed { rule: "job-left-open".to_owned(), reason: "\"why\"".to_owned(), first_scope_only: step > 4 }];
        let scope = (step > 6).then(|| Arc::from("one"));
        let source = (step > 7).then(|| SourcePlace::parse("tests/a.py:41:test_claim").map(Arc::new)).flatten();
        let ignore = (step > 2).then(|| "/doc/*".to_owned()).into_iter().collect();
        let header = Header { elastimock, profile: Profile::V8, es_version, license, visibility, is_clock_running, seed, started_at: at, allowances, scope, source, ignore, state };
        let interactions: Vec<Interaction> = interactions.into_iter().zip(1..).map(|(call, seq)| Interaction { seq: seq * step, ..call }).collect();
        let last = interactions.last().map_or(0, |call| call.seq);
        let events: Vec<Event> = changes.into_iter().zip(last + 1..).map(|(change, seq)| Event { seq, at, change }).collect();
        let recording = Recording { header, interactions, events, cut_off: false, unknown: Vec::new() };
        let text = recording.to_text();
        prop_assert_eq!(text.lines().count(), recording.interactions.len() + recording.events.len() + 1);
        prop_assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", text);
        let read = Recording::parse("f", text.as_bytes());
        prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(recording));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text: Vec<u8>, cut in any::<prop::sample::Index>(), put: u8) {
        let _ = Recording::lint("f", &text);
        let mut damaged = format!("{HEADER}\n{CLAIM}\n{SHORT}\n").into_bytes();
        let at = cut.index(damaged.len());
        damaged[at] = put;
        let refused = Recording::parse("f", &damaged).is_err();
        prop_assert!(!refused || !Recording::lint("f", &damaged).0.is_empty());
    }
}
