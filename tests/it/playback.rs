//! Answers from a recording, at the in-process door.

use elastimock::{Clock, Method, MockServer, Recording, Request};

use crate::support::{Client, T0, instant, path};

fn recorded() -> Recording {
    let server = MockServer::builder().seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for request in story() {
        client.send(&request);
    }
    server.recording()
}

fn story() -> Vec<Request> {
    vec![
        Request::new(Method::Get, "/_connector/_sync_job?status=pending"),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(r#"{"worker_hostname":"w-1"}"#),
        Request::new(Method::Get, "/_connector/_sync_job/job-pending"),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_check_in"),
        Request::new(Method::Get, "/_connector/_sync_job/job-pending"),
    ]
}

#[test]
fn the_recorded_answers_come_back_byte_for_byte() {
    let recording = recorded();
    let read_again = Recording::parse("memory", recording.to_text().as_bytes()).expect("a recording");
    let server = MockServer::builder().playback(read_again).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for (request, interaction) in story().iter().zip(&recording.interactions) {
        let answer = client.send(request);
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (interaction.response.status(), interaction.response.body().as_ref())
        );
    }
    server.assert_conformant();
    assert!(server.findings().is_empty());
}

#[test]
fn a_call_that_was_not_recorded_names_the_nearest() {
    let clock = Clock::frozen(instant(T0));
    let server = MockServer::builder().clock(clock).playback(recorded()).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let other =
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(r#"{"worker_hostname":"w-2"}"#);
    let answer = client.send(&other);
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (400, Some("elastimock_unmatched_exception")));
    let panic = std::panic::catch_unwind(|| server.assert_conformant()).expect_err("a finding");
    insta::assert_snapshot!(panic.downcast_ref::<String>().expect("a text"));
}

#[test]
fn a_recording_file_is_refused_with_its_place() {
    let error = MockServer::playback(path("fixtures/clusters/default.json")).expect_err("no recording");
    assert!(error.is_invalid_input(), "{error}");
    assert!(error.to_string().contains("default.json:1:"), "{error}");
    assert!(MockServer::playback(path("fixtures/recordings/none.ndjson")).expect_err("no file").is_surroundings());
}
