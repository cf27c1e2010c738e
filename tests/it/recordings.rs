//! What a recording keeps of a story, and what not: the same story gives the same bytes.

use std::net::SocketAddr;
use std::time::Duration;

use elastimock::http::{Method, Request};
use elastimock::recording::Recording;
use elastimock::{Clock, Fixture, MockServer};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Client, T0, cluster, instant, request};

/// Calls that name the mock's address wherever a client can, and one that is answered with it.
fn tell(address: SocketAddr) {
    let mut client = Client::connect(address);
    let url = format!("http://{address}");
    for request in [
        Request::new(Method::Get, "/_nodes/http"),
        Request::new(Method::Get, "/_connector").header("origin", &url).header("referer", &format!("{url}/x?y#z")),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
            .json(r#"{"worker_hostname":" "}"#)
            .header("x-opaque-id", "worker 1"),
        Request::new(Method::Put, "/_connector/notes").json(format!(r#"{{"name":"behind {url}/"}}"#)),
        Request::new(Method::Get, "/_connector/notes"),
        Request::new(Method::Post, "/_connector/_sync_job").json(r#"{"id":"notes"}"#),
        Request::new(
            Method::Get,
            format!("/_connector/_sync_job?connector_id={address}&from=http%3A%2F%2F127.0.0.1%3A{}", address.port()),
        ),
        Request::new(Method::Delete, format!("/{address}")),
    ] {
        client.send(&request);
    }
}

/// The story told to a server of its own: its recording as it stands in the file, and the three others.
fn recorded(timing: bool) -> [String; 4] {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("story.ndjson");
    let server = MockServer::builder().seed(7).clock(Clock::frozen(instant(T0))).record_timing(timing).record(&file);
    let server = server.start_blocking().expect("a server");
    tell(server.address());
    let value = server.recording();
    let asked = Request::new(Method::Get, "/_elastimock/journal").header("accept", "application/x-ndjson");
    let asked = Client::connect(server.address()).send(&asked).text();
    server.stop_blocking().expect("an end");
    let text = std::fs::read_to_string(&file).expect("the recording");
    let read = Recording::parse("story.ndjson", text.as_bytes()).expect("a recording");
    assert_eq!(read, value);
    [text, value.to_text(), asked, read.to_text()]
}

#[test]
fn the_same_story_gives_the_same_bytes_whatever_the_port() {
    let [first, second] = [recorded(false), recorded(false)];
    for text in first.iter().chain(&second) {
        assert_eq!(*text, first[0]);
    }
    let text = &first[0];
    assert_eq!(text.lines().count(), 9);
    assert!(text.contains(r#""host":"127.0.0.1:[port]""#), "{text}");
    assert!(text.contains(r#""publish_address":"127.0.0.1:[port]""#), "{text}");
    for volatile in ["took_us", "\"fault\"", "\"stub\"", "\"upstream\"", "\"scope\""] {
        assert!(!text.contains(volatile), "{volatile} in {text}");
    }
}

#[test]
fn durations_are_kept_when_they_are_asked_for() {
    for text in recorded(true) {
        let recording = Recording::parse("story.ndjson", text.as_bytes()).expect("a recording");
        assert!(recording.interactions.iter().any(|call| call.took_us > 0), "{text}");
    }
}

#[test]
fn the_journal_that_a_test_asks_has_the_real_address() {
    let server = MockServer::start_blocking().expect("a server");
    tell(server.address());
    let host = server.address().to_string();
    assert_eq!(server.journal()[0].request.headers().get("host"), Some(&*host));
    assert!(server.journal()[0].response.text().contains(&host));
}

/// What happens to a server beside the calls, and two scopes with names.
fn run_of_scopes() -> MockServer {
    let server = MockServer::builder().seed(7).clock(Clock::frozen(instant(T0))).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let mut post = || client.send(&Request::new(Method::Post, "/_connector/_sync_job").json(r#"{"id":"crm"}"#));
    post();
    server.scope("the worker is slow");
    server.advance(Duration::from_secs(90));
    let late = r#"{"connectors":[{"id":"late"}],"sync_jobs":[{"id":"j","connector_id":"late","created_at":"now-5m"}]}"#;
    server.add_state(&Fixture::from_json(late).expect("a fixture")).expect("a further job");
    server.allow("duplicate-job", "the point of this test");
    post();
    server.scope("the worker is slow");
    server.set_clock("from@2031-05-01T10:00:00Z".parse().expect("a clock"));
    post();
    server
}

#[test]
fn a_transcript_tells_what_happened_beside_the_calls_scope_by_scope() {
    let server = run_of_scopes();
    let run = server.run().transcript();
    insta::assert_yaml_snapshot!(run);
    let read = Recording::parse("run", server.run().recording().to_text().as_bytes()).expect("a recording");
    assert_eq!(read.transcript().to_value(), run.to_value());
    // Of the scope that goes on there is no need to say that it is one.
    assert_eq!(server.transcript().to_value(), run.to_value()["the worker is slow (2)"]);
}

#[test]
fn a_playback_answers_with_its_own_address() {
    for timing in [false, true] {
        let recording = Recording::parse("story.ndjson", recorded(timing)[0].as_bytes()).expect("a recording");
        let server = MockServer::builder().playback(recording).start_blocking().expect("a server");
        tell(server.address());
        let journal = server.journal();
        assert!(
            journal.iter().all(|call| call.response.status() != 400 || !call.response.text().contains("unmatched"))
        );
        let told = journal[0].response.text().into_owned();
        assert!(told.contains(&format!(r#""publish_address":"{}""#, server.address())), "{told}");
        assert!(
            server
                .findings()
                .iter()
                .all(|finding| finding.rule != "unexpected-call" && finding.rule != "recording-leftover")
        );
    }
}

#[test]
fn a_recording_without_its_first_calls_accuses_nobody() {
    let builder = MockServer::builder().fixture(cluster("default")).journal_entries_max(3);
    let server = builder.start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let headers = [("content-type", "application/json")];
    let mut put = |end: &str, body: &str| {
        let target = format!("/_connector/_sync_job/job-pending/{end}");
        assert_eq!(client.send(&request("PUT", &target, &headers, body)).status, 200, "{end}");
    };
    put("_claim", r#"{"worker_hostname":"w"}"#);
    server.allow("blank-worker-hostname", "a test");
    (0..3).for_each(|_| put("_check_in", ""));
    put("_error", r#"{"error":"e"}"#);
    put("_claim", r#"{"worker_hostname":""}"#);
    let recording = server.recording();
    assert_eq!((recording.interactions.len(), &recording.header.state), (3, &Value::Null));
    let allowed: Vec<&str> = recording.header.allowances.iter().map(|allowed| &*allowed.rule).collect();
    assert_eq!(allowed, ["blank-worker-hostname"]);
    let target = "/_elastimock/journal?after=4";
    let part = client.send(&request("GET", target, &[("accept", "application/x-ndjson")], "")).text();
    assert!(part.lines().next().is_some_and(|header| header.contains(r#""state":null"#)), "{part}");
    server.reset();
    assert_ne!(server.recording().header.state, Value::Null, "the next scope is whole");
}
