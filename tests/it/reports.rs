//! Every form of the report of one small story, and the published rules of each form.

use std::time::Duration;

use elastimock::{Clock, Engine, Method, MockServer, Report, ReportFormat, Request, Setup, Strictness};
use serde_json::Value;

use crate::support::{Client, T0, cluster, instant};

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
    let rules = |report: &Report| report.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>();
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
