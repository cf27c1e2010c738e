//! Answers from a recording, at the in-process door.

use std::time::{Duration, Instant};

use elastimock::elasticsearch::Profile;
use elastimock::http::{Method, Request};
use elastimock::playback::{CassetteMode, OnUnmatched};
use elastimock::recording::Recording;
use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob};

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
    let other = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
        .json(r#"{"worker_hostname":"w-2","sync_cursor":{"page":2}}"#);
    let answer = client.send(&other);
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (400, Some("elastimock_unmatched_exception")));
    let panic = std::panic::catch_unwind(|| server.assert_conformant()).expect_err("a finding");
    insta::assert_snapshot!(panic.downcast_ref::<String>().expect("a text"));
}

/// The calls of a worker, as it would make them at an instant on a host.
fn worker(job: &str, host: &str, instant: &str, polls: usize) -> Vec<Request> {
    let update = format!(
        r#"{{"doc":{{"last_seen":"{instant}","status":"completed","completed_at":"{instant}","indexed_document_count":1}}}}"#
    );
    let alive = format!(r#"{{"doc":{{"last_seen":"{instant}"}}}}"#);
    let of_job = |end: &str| format!("/_connector/_sync_job/{job}{end}");
    let document = format!("/.elastic-connectors-sync-jobs/_update/{job}");
    let poll = || std::iter::repeat_n(Request::new(Method::Get, of_job("")), polls);
    let put = |end: &str, body: String| Request::new(Method::Put, of_job(end)).json(body);
    poll()
        .chain([put("/_claim", format!(r#"{{"worker_hostname":"{host}"}}"#))])
        .chain(poll())
        .chain(std::iter::repeat_n(Request::new(Method::Post, &*document).json(alive), polls))
        .chain([Request::new(Method::Post, &*document).json(update)])
        .chain(poll())
        .map(|request| request.header("user-agent", host))
        .collect()
}

/// A recording of workers, each with a job of its own.
fn recorded_workers(count: usize) -> Recording {
    let fixture = (0..count).fold(
        Fixture::new().connector(Connector::new("crm").index_name("search-crm").service_type("postgresql")),
        |fixture, at| fixture.sync_job(SyncJob::pending(format!("job-{at}"), "crm")),
    );
    let server = MockServer::builder().fixture(fixture).seed(7).start_blocking().expect("a server");
    std::thread::scope(|scope| {
        for at in 0..count {
            let address = server.address();
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for request in worker(&format!("job-{at}"), &format!("w-{at}"), "2026-11-27T07:30:00.123456+00:00", 2) {
                    assert_eq!(client.send(&request).status, 200);
                }
            });
        }
    });
    server.recording()
}

#[test]
fn another_day_host_and_number_of_polls_is_the_same_story() {
    let recording = recorded_workers(1);
    for (host, instant, polls) in [
        ("w-0", "2026-11-27T07:30:00.123456+00:00", 2),
        ("ci-17", "2031-05-01T10:00:00Z", 5),
        ("x", "2040-01-01T00:00:00+01:00", 1),
    ] {
        let server = MockServer::builder().playback(recording.clone()).start_blocking().expect("a server");
        let mut client = Client::connect(server.address());
        let mut statuses = Vec::new();
        for request in worker("job-0", host, instant, polls) {
            let answer = client.send(&request);
            assert_eq!(answer.status, 200, "{host} {request:?}: {}", answer.text());
            if request.method() == &Method::Get {
                statuses.push(answer.json()["status"].as_str().expect("a status").to_owned());
            }
        }
        let expected = ["pending", "in_progress", "completed"].map(|status| vec![status; polls]).concat();
        assert_eq!(statuses, expected, "a poll tells what the worker has made of the job");
        server.assert_conformant();
        let is_other = host != "w-0";
        assert_eq!(!server.play_notes().is_empty(), is_other);
        let played = server.report().played.expect("a playback");
        assert_eq!((played.differing > 0, played.repeated > 0), (is_other, polls > 2), "{played:?}");
    }
}

#[test]
fn eight_workers_play_two_hundred_times_with_one_outcome() {
    let recording = recorded_workers(8);
    for round in 0..200 {
        let server = MockServer::builder().playback(recording.clone()).start_blocking().expect("a server");
        std::thread::scope(|scope| {
            for at in 0..8 {
                let address = server.address();
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    for request in worker(&format!("job-{at}"), &format!("w-{at}"), "2031-05-01T10:00:00Z", 2) {
                        assert_eq!(client.send(&request).status, 200, "{round}: {request:?}");
                    }
                });
            }
        });
        let played = server.report().played.expect("a playback");
        let total = recording.interactions.len() as u64;
        assert_eq!((played.served, played.recorded, played.repeated), (total, total, 0), "round {round}");
        assert!(server.findings().is_empty(), "round {round}");
    }
}

#[test]
fn a_client_is_judged_by_the_version_that_was_recorded() {
    let server = MockServer::builder().profile(Profile::V8).start_blocking().expect("a server");
    let media = "application/vnd.elasticsearch+json; compatible-with=8";
    let request = Request::new(Method::Get, "/_connector").header("accept", media);
    assert_eq!(Client::connect(server.address()).send(&request).status, 200);
    for (profile, findings) in [(None, 0), (Some(Profile::V9), 1)] {
        let builder = MockServer::builder().playback(server.recording());
        let builder = profile.into_iter().fold(builder, elastimock::MockServerBuilder::profile);
        let player = builder.start_blocking().expect("a player");
        assert_eq!(Client::connect(player.address()).send(&request).status, 200);
        assert_eq!(player.findings().len(), findings, "{:?}", player.findings());
    }
}

#[test]
fn the_mock_answers_what_was_not_recorded_and_knows_what_was() {
    let recording = recorded_workers(1);
    let policy = OnUnmatched::Mock;
    let server = MockServer::builder().playback(recording).unmatched(policy).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for request in worker("job-0", "w-0", "2031-05-01T10:00:00Z", 1) {
        assert_eq!(client.send(&request).header("x-elastimock-played"), None);
    }
    let answer = client.send(&Request::new(Method::Get, "/_connector/_sync_job?job_type=full"));
    assert_eq!((answer.status, answer.header("x-elastimock-played")), (200, Some("mock")));
    assert_eq!(answer.json()["results"][0]["status"], "completed");
    let played = server.report().played.expect("a playback");
    assert_eq!((played.served, played.mocked), (6, 1));
}

#[test]
fn a_recording_may_be_too_old_or_of_no_known_age() {
    let mut recording = recorded_workers(1);
    let start = |recording: &Recording| {
        let builder = MockServer::builder().playback(recording.clone()).age_max(Duration::from_secs(3600));
        builder.start_blocking().map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(start(&recording), Ok(()));
    recording.header.started_at = instant("2024-01-01T00:00:00Z");
    assert!(start(&recording).is_err_and(|told| told.starts_with("the recording is too old: it was begun at 2024")));
    recording.header.is_clock_running = false;
    assert!(start(&recording).is_err_and(|told| told.contains("its clock stood still")));
    let wrong = MockServer::builder().playback(recording).ignore("doc").start_blocking().expect_err("no pointer");
    assert!(wrong.is_invalid_input() && wrong.to_string().contains("[doc] is no JSON pointer"), "{wrong}");
}

#[test]
fn recorded_pauses_are_played_when_asked_for() {
    let mut recording = recorded_workers(1);
    recording.interactions.iter_mut().for_each(|call| call.took_us = 40_000);
    for timing in [true, false] {
        let builder = MockServer::builder().playback(recording.clone()).play_timing(timing);
        let server = builder.start_blocking().expect("a server");
        let began = Instant::now();
        Client::connect(server.address()).send(&worker("job-0", "w-0", "2031-05-01T10:00:00Z", 1)[0]);
        assert!(!timing || began.elapsed() >= Duration::from_millis(40), "{:?}", began.elapsed());
    }
}

#[test]
fn a_cassette_is_recorded_once_and_then_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("story.ndjson");
    let start = |mode: CassetteMode| MockServer::cassette(&path).mode(mode).start_blocking();
    let send =
        |server: &MockServer, target: &str| Client::connect(server.address()).send(&Request::new(Method::Get, target));
    let count =
        || Recording::parse("f", &std::fs::read(&path).expect("a file")).expect("a recording").interactions.len();
    let files = || std::fs::read_dir(folder.path()).expect("a folder").count();
    assert!(start(CassetteMode::None).expect_err("nothing there").to_string().contains("ELASTIMOCK_MODE=once"));
    // Recorded, and there when the server has stopped.
    let server = start(CassetteMode::Once).expect("a server");
    assert_eq!(send(&server, "/_connector").status, 200);
    assert!(!path.exists());
    server.stop_blocking().expect("a whole recording");
    assert_eq!((count(), files()), (1, 1));
    // Played, and left alone.
    for mode in [CassetteMode::Once, CassetteMode::None] {
        let server = start(mode).expect("a server");
        assert_eq!(send(&server, "/_connector").status, 200);
        assert_eq!(send(&server, "/_connector/none-of-that-name").status, 400);
        drop(server);
        assert_eq!(count(), 1);
    }
    // What is new is added, without a mark, and played the next time.
    let server = start(CassetteMode::NewEpisodes).expect("a server");
    assert_eq!(send(&server, "/_connector").header("x-elastimock-played"), None);
    assert_eq!(send(&server, "/_connector/none-of-that-name").status, 404);
    drop(server);
    assert_eq!((count(), files()), (2, 1));
    let server = start(CassetteMode::None).expect("a server");
    let answer = send(&server, "/_connector/none-of-that-name");
    assert_eq!((answer.status, answer.header("x-elastimock-played")), (404, None));
    drop(server);
    // Recorded anew only if the run ends well.
    let server = start(CassetteMode::All).expect("a server");
    assert_eq!(send(&server, "/_nothing/of/that/name").status, 400);
    assert!(!server.findings().is_empty());
    drop(server);
    assert_eq!((count(), files()), (2, 1));
    let server = start(CassetteMode::All).expect("a server");
    (0..3).for_each(|_| drop(send(&server, "/_connector")));
    drop(server);
    assert_eq!((count(), files()), (3, 1));
}

#[test]
fn a_recording_file_is_refused_with_its_place() {
    let error = MockServer::playback(path("fixtures/clusters/default.json")).expect_err("no recording");
    assert!(error.is_invalid_input(), "{error}");
    assert!(error.to_string().contains("default.json:1:"), "{error}");
    assert!(MockServer::playback(path("fixtures/recordings/none.ndjson")).expect_err("no file").is_surroundings());
}
