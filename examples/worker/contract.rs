//! The worker's contract test: does it keep the Connector Protocol?
//!
//! Each test starts a mock of its own, lets the worker run against it, and asks two questions: is the
//! state as it should be, and was every call right? Clock and seed are fixed, so snapshots stay as
//! they are; `INSTA_UPDATE=always cargo test --test worker` writes them anew, to be read.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

mod worker;

use std::time::Duration;

use elastimock::contract::Severity;
use elastimock::elasticsearch::JobType;
use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
use serde_json::json;

use worker::{Batch, Done, Worker};

/// Two jobs of one connector; the older one goes on where the last sync stopped.
fn jobs() -> Fixture {
    let cursor = json!({ "customers": { "updated_after": "2031-05-01T08:00:00Z" } });
    Fixture::new()
        .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
        .sync_job(SyncJob::pending("job-new", "crm").created_at("now-1m"))
        .sync_job(
            SyncJob::pending("job-old", "crm").job_type(JobType::Incremental).created_at("now-1h").sync_cursor(cursor),
        )
}

fn server(fixture: Fixture) -> MockServer {
    MockServer::builder()
        .fixture(fixture)
        .clock(Clock::frozen("2031-05-01T10:00:00Z".parse().expect("an instant")))
        .seed(7)
        .fail_on(Severity::Warning)
        .start_blocking()
        .expect("a server")
}

fn batches(counts: &[u64]) -> impl Iterator<Item = Result<Batch, String>> {
    counts.iter().map(|&indexed| Ok(Batch { indexed, deleted: 0 }))
}

#[test]
fn it_does_the_job_that_has_waited_longest() {
    let server = server(jobs());
    let worker = Worker::new(server.url(), "w-1");
    // Every batch takes a minute of the mock's time, and none of the test's.
    let source = batches(&[120, 80]).inspect(|_| {
        server.advance(Duration::from_secs(60));
    });
    let done = worker.run_once(source).expect("a done job");

    assert_eq!(done, Some(Done { job: "job-old".to_owned(), indexed: 200, deleted: 0 }));
    let job = server.sync_job("job-old").expect("the job");
    assert_eq!(job.status().expect("its status"), SyncStatus::InProgress);
    assert_eq!(job.get("indexed_document_count"), Some(&json!(200)));
    assert_eq!(job.get("started_at"), Some(&json!("2031-05-01T10:00:00.000Z")));
    assert_eq!(job.get("last_seen"), Some(&json!("2031-05-01T10:02:00.000Z")));
    server.assert_conformant();
    insta::assert_yaml_snapshot!(server.transcript());
}

/// The list comes three times; the second time only what has changed in it is in the snapshot.
#[test]
fn it_goes_on_until_nothing_is_pending() {
    let server = server(jobs());
    let worker = Worker::new(server.url(), "w-1");
    while worker.run_once(batches(&[120])).expect("a done job").is_some() {
        server.advance(Duration::from_secs(60));
    }
    server.assert_conformant();
    insta::assert_yaml_snapshot!(server.transcript());
}

#[test]
fn it_rests_when_nothing_is_pending() {
    let server = server(Fixture::new());
    assert_eq!(Worker::new(server.url(), "w-1").run_once(batches(&[1])).expect("an answer"), None);
    server.assert_conformant();
}

#[test]
fn it_says_why_a_sync_failed() {
    let server = server(jobs());
    let source = batches(&[120]).chain([Err("the source refused the password".to_owned())]);
    let error = Worker::new(server.url(), "w-1").run_once(source).expect_err("a failed sync");

    assert_eq!(error.to_string(), "the source refused the password");
    let job = server.sync_job("job-old").expect("the job");
    assert_eq!(job.status().expect("its status"), SyncStatus::Error);
    assert_eq!(job.get("error"), Some(&json!("the source refused the password")));
    server.allow("last-sync-unreported", "this worker leaves the connector to somebody else");
    server.assert_conformant();
}

#[test]
fn it_does_the_same_against_a_recording() {
    let live = server(jobs());
    let done = Worker::new(live.url(), "w-1").run_once(batches(&[120, 80])).expect("a done job");

    let played =
        MockServer::builder().playback(live.recording()).fail_on(Severity::Warning).start_blocking().expect("a server");
    assert_eq!(Worker::new(played.url(), "w-1").run_once(batches(&[120, 80])).expect("a done job"), done);
    // With warnings counted, this also asks whether every recorded call came.
    played.assert_conformant();
}

/// Elasticsearch takes a claim by a worker without a name, and the worker sees nothing but success.
#[test]
fn a_worker_without_a_name_is_caught() {
    let server = server(jobs());
    let done = Worker::new(server.url(), "").run_once(batches(&[1])).expect("Elasticsearch does not mind");

    assert!(done.is_some());
    insta::assert_snapshot!(verdict(&server));
}

/// A worker that spells a field in its own language's way: found here, and not on its first night.
#[test]
fn a_worker_that_misspells_a_field_is_caught() {
    let server = server(jobs());
    let error = misspelt_claim(server.url(), "job-old").expect_err("Elasticsearch refuses it");

    assert!(error.to_string().ends_with("did you mean [worker_hostname]?"), "{error}");
    insta::assert_snapshot!(verdict(&server));
    assert_eq!(server.sync_job("job-old").expect("the job").status().expect("its status"), SyncStatus::Pending);
}

fn misspelt_claim(url: &str, id: &str) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let body = json!({ "workerHostname": "w-1" });
    worker::Http::new(url).send("PUT", &format!("/_connector/_sync_job/{id}/_claim"), Some(body))
}

/// What `assert_conformant` says when it fails, as a test shows it.
fn verdict(server: &MockServer) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.assert_conformant()));
    panic.expect_err("findings").downcast_ref::<String>().expect("a text").clone()
}
