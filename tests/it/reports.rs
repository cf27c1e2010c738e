//! Every form of the report of one small story, and the published rules of each form.

use std::time::Duration;

use elastimock::contract::Strictness;
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::report::{Report, ReportFormat};
use elastimock::{Clock, Engine, MockServer};
use serde_json::Value;

use crate::support::{Client, T0, cluster, instant, rule_of};

/// A worker that does one thing well and some wrong.
fn story() -> Report {
    let server = MockServer::builder()
        .fixture(cluster("default"))
        .clock(Clock::frozen(instant(T0)))
        .seed(7)
        .start_blocking()
        .expect("a server");
    let mut client = Client::connect(server.address());
    let claim =
        |body: &str| Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(body.to_owned());
    for request in [
        Request::new(Method::Get, "/_connector/_sync_job?status=pending"),
        claim(r#"{"worker_hostname":" "}"#),
        claim(r#"{"workerHostname":"w-1"}"#),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_check_in"),
        Request::new(Method::Put, "/_connector/crm/_chek_in"),
        Request::new(Method::Get, "/_connector/crm")
            .header("accept", "application/vnd.elasticsearch+json;compatible-with=8"),
    ] {
        client.send(&request);
        server.advance(Duration::from_millis(250));
    }
    let mut report = server.report();
    // This line is not always the same one.
    report.started_from = None;
    // The port is another in every run.
    for call in &mut report.story {
        call.request = Request::new(call.request.method().clone(), call.request.target().to_owned())
            .header("host", "127.0.0.1:9200")
            .with_body(call.request.body().clone());
        call.took_us = 1500;
    }
    report
}

fn snapshot(format: ReportFormat) -> String {
    let text = story().write(format);
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("report_{}", format.name()), text);
    });
    text
}

/// Holds a document to a schema of `tests/it/published`.
fn hold(document: &str, schema: &str) {
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&read(schema)).expect("a schema");
    let wrong: Vec<String> =
        validator.iter_errors(&read(document)).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn text_for_people() {
    snapshot(ReportFormat::Text);
}

#[test]
fn json_in_the_shape_of_the_admin_api() {
    let report: Value = serde_json::from_str(&snapshot(ReportFormat::Json)).expect("JSON");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(4));
}

#[test]
fn junit_with_a_case_for_each_rule() {
    snapshot(ReportFormat::Junit);
}

#[test]
fn sarif_as_the_standard_wants_it() {
    hold(&snapshot(ReportFormat::Sarif), include_str!("published/sarif.json"));
}

#[test]
fn annotations_a_line_each() {
    snapshot(ReportFormat::Annotations);
}

#[test]
fn har_with_every_call() {
    let text = snapshot(ReportFormat::Har);
    hold(&text, include_str!("published/har.json"));
    let har: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(har["log"]["entries"].as_array().map(Vec::len), Some(6));
}

#[test]
fn summary_for_a_pull_request() {
    snapshot(ReportFormat::Summary);
}

#[test]
fn ctrf_with_a_test_for_each_scope() {
    hold(&snapshot(ReportFormat::Ctrf), include_str!("published/ctrf.json"));
}

/// Two tests of one run: the first says where it begins, the second has a client that says where each call comes from.
fn placed() -> Report {
    let server = MockServer::builder()
        .fixture(cluster("default"))
        .clock(Clock::frozen(instant(T0)))
        .seed(7)
        .start_blocking()
        .expect("a server");
    let mut client = Client::connect(server.address());
    let claim = || {
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
            .json(r#"{"worker_hostname":" "}"#.to_owned())
    };
    let begin = r#"{"name":"tests/test_a.py::test_one","source":"tests/test_a.py:12:test_one"}"#;
    client.send(&Request::new(Method::Post, "/_elastimock/scopes").json(begin.to_owned()));
    client.send(&claim());
    server.advance(Duration::from_secs(400));
    client.send(&Request::new(Method::Post, "/_elastimock/scopes").json(r#"{"name":"the client knows"}"#.to_owned()));
    client.send(&claim().header("x-opaque-id", r"elastimock:C:\project\test_b.py:41:TestB::test_two"));
    server.advance(Duration::from_secs(400));
    let mut report = server.report();
    report.started_from = None;
    report
}

#[test]
fn findings_point_at_the_line_of_the_test_or_the_client() {
    let report = placed();
    let places: Vec<Option<String>> =
        report.findings.iter().map(|finding| finding.source.as_ref().map(|source| source.to_string())).collect();
    let (one, two) = ("tests/test_a.py:12:test_one", r"C:\project\test_b.py:41:TestB::test_two");
    // Each claim without a name, and the silence after it, which is found at the end of its scope.
    assert_eq!(places, [Some(one.to_owned()), Some(one.to_owned()), Some(two.to_owned()), Some(two.to_owned())]);

    let annotations = report.write(ReportFormat::Annotations);
    assert!(annotations.starts_with("::error file=tests/test_a.py,line=12,title="), "{annotations}");
    assert!(annotations.contains("\n::error file=C%3A/project/test_b.py,line=41,title="), "{annotations}");

    let sarif: Value = serde_json::from_str(&report.write(ReportFormat::Sarif)).expect("JSON");
    hold(&sarif.to_string(), include_str!("published/sarif.json"));
    let location = |at: usize| &sarif["runs"][0]["results"][at]["locations"][0]["physicalLocation"];
    assert_eq!(location(0)["artifactLocation"]["uri"], "tests/test_a.py");
    assert_eq!(location(2)["artifactLocation"]["uri"], "file:///C:/project/test_b.py");
    assert_eq!(location(2)["region"]["startLine"], 41);

    let ctrf = report.write(ReportFormat::Ctrf);
    hold(&ctrf, include_str!("published/ctrf.json"));
    let ctrf: Value = serde_json::from_str(&ctrf).expect("JSON");
    let tests = ctrf["results"]["tests"].as_array().expect("tests");
    assert_eq!((&tests[0]["filePath"], &tests[0]["line"]), (&Value::from("tests/test_a.py"), &Value::from(12)));

    let json: Value = serde_json::from_str(&report.write(ReportFormat::Json)).expect("JSON");
    let source = serde_json::json!({ "file": r"C:\project\test_b.py", "line": 41, "test": "TestB::test_two" });
    assert_eq!(json["findings"][2]["source"], source);
    assert!(report.write(ReportFormat::Text).contains("\n  called from: tests/test_a.py:12 (test_one)\n"));

    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("report_summary_of_scopes", report.write(ReportFormat::Summary));
    });
}

#[test]
fn a_recording_keeps_where_its_findings_come_from() {
    let server = MockServer::builder().fixture(cluster("default")).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    server.scope("a test");
    let line = line!() - 1;
    let claim = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim");
    client.send(&claim.clone().json(r#"{"worker_hostname":" "}"#.to_owned()));
    client.send(&claim.json(r#"{}"#.to_owned()).header("x-opaque-id", "elastimock:src/worker.rs:7"));
    let places = |report: &Report| -> Vec<String> {
        report.findings.iter().filter_map(|finding| Some(finding.source.as_ref()?.to_string())).collect()
    };
    let live = places(&server.report());
    assert!(live.contains(&format!("{}:{line}", file!().replace('\\', "/"))), "{live:?}");
    assert!(live.contains(&"src/worker.rs:7".to_owned()), "{live:?}");
    let text = server.run().recording().to_text();
    let told = Report::of_recordings(&[("story.ndjson", text.as_bytes())], Strictness::default()).expect("a report");
    assert_eq!(places(&told), live);
    // The scope alone begins with its name and its place.
    let header = &server.recording().header;
    assert_eq!(header.source.as_ref().and_then(|source| source.line), Some(line));
}

#[test]
fn without_any_other_place_a_finding_points_at_the_line_that_made_the_mock() {
    let server = MockServer::builder().start_blocking().expect("a server");
    let line = line!() - 1;
    Client::connect(server.address()).send(&Request::new(Method::Put, "/_connector/crm/_chek_in"));
    let annotations = server.report().write(ReportFormat::Annotations);
    let file = file!().replace('\\', "/");
    assert!(annotations.starts_with(&format!("::error file={file},line={line},")), "{annotations}");
}

#[test]
fn a_finding_stays_short_however_long_the_body_was() {
    let now = instant(T0);
    let mut engine = Engine::new(Setup { clock: Clock::frozen(now), ..Setup::default() }, now).expect("a mock");
    let claim = "/_connector/_sync_job/job-pending/_claim";
    let many: String = (0..5_000).map(|at| format!(r#","field_{at}":1"#)).collect();
    let long = "x".repeat(100_000);
    for body in [format!(r#"{{"worker_hostname":"w-1"{many}}}"#), format!(r#"{{"{long}":1}}"#)] {
        engine.receive(&Request::new(Method::Put, claim).json(body), now);
    }
    let findings = engine.findings(false);
    assert!(findings.len() >= 2, "{findings:?}");
    for finding in findings {
        let length = finding.to_value().to_string().len();
        assert!(length < 20_000, "{} takes {length} bytes", finding.rule);
    }
}

#[test]
fn a_gap_of_the_mock_is_told_as_one_live_and_from_the_recording() {
    let server = MockServer::builder().seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let search = |body: &str| Request::new(Method::Post, "/.elastic-connectors/_search").json(body.to_owned());
    client.send(&search(r#"{"query":{"fuzzy":{"name":"crm"}}}"#));
    client.send(&search(r#"{"aggs":{"names":{"top_hits":{}}}}"#));
    let rules = |report: &Report| report.findings.iter().map(rule_of).collect::<Vec<_>>();
    let live = rules(&server.report());
    assert_eq!(live.iter().filter(|rule| **rule == "unsupported-operation").count(), 2, "{live:?}");
    let text = server.recording().to_text();
    let told = Report::of_recordings(&[("story.ndjson", text.as_bytes())], Strictness::default()).expect("a report");
    assert_eq!(rules(&told), live);
}

#[test]
fn a_parameter_without_a_value_is_as_published_as_one_that_says_true() {
    let server = MockServer::builder().seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    client.send(&Request::new(Method::Put, "/notes/_doc/1?refresh").json(r#"{"title":"Hello"}"#.to_owned()));
    client.send(&Request::new(Method::Get, "/notes/_doc/1?realtime"));
    assert_eq!(server.findings(), []);
}
