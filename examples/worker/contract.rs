//! The worker's contract test: does it keep the Connector Protocol?
//!
//! Each test starts a mock of its own, lets the worker run against it, and asks two questions: is the
//! state as it should be, and was every call right? Clock and seed are fixed, so snapshots stay as
//! they are; `INSTA_UPDATE=always cargo test --test worker` writes them anew, to be read.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

mod worker;

use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::Severity;
use elastimock::elasticsearch::{ConnectorStatus, JobType};
use elastimock::server::Simulated;
use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
use serde_json::json;

use worker::{Batch, Body, Done, Http, Worker};

/// Two jobs of one connector; the older one goes on where the last sync stopped.
fn jobs() -> Fixture {
    let cursor = json!({ "customers": { "updated_after": "2031-05-01T08:00:00Z" } });
    Fixture::new()
        .connector(
            Connector::new("crm")
                .index_name("search-crm")
                .service_type("postgresql")
                .status(ConnectorStatus::Connected),
        )
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
    let mut first = 1;
    counts.iter().map(move |count| {
        let batch = Batch::of(first, *count);
        first += count;
        Ok(batch)
    })
}

#[test]
fn it_does_the_job_that_has_waited_longest() {
    let server = server(jobs());
    let worker = Worker::new(server.url(), "w-1");
    // Every batch takes a minute of the mock's time, and none of the test's.
    let source = batches(&[3, 2]).inspect(|_| {
        server.advance(Duration::from_secs(60));
    });
    let done = worker.run_once(source).expect("a done job");

    assert_eq!(done, Some(Done { job: "job-old".to_owned(), indexed: 5, deleted: 0, canceled: false }));
    let job = server.sync_job("job-old").expect("the job");
    assert_eq!(job.status().expect("its status"), SyncStatus::InProgress);
    assert_eq!(job.get("indexed_document_count"), Some(&json!(5)));
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
    while worker.run_once(batches(&[3])).expect("a done job").is_some() {
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
    let source = batches(&[3]).chain([Err("the source refused the password".to_owned())]);
    let error = Worker::new(server.url(), "w-1").run_once(source).expect_err("a failed sync");

    assert_eq!(error.to_string(), "the source refused the password");
    let job = server.sync_job("job-old").expect("the job");
    assert_eq!(job.status().expect("its status"), SyncStatus::Error);
    assert_eq!(job.get("error"), Some(&json!("the source refused the password")));
    server.assert_conformant();
}

#[test]
fn it_does_the_same_against_a_recording() {
    let live = server(jobs());
    let done = Worker::new(live.url(), "w-1").run_once(batches(&[3, 2])).expect("a done job");

    let played =
        MockServer::builder().playback(live.recording()).fail_on(Severity::Warning).start_blocking().expect("a server");
    assert_eq!(Worker::new(played.url(), "w-1").run_once(batches(&[3, 2])).expect("a done job"), done);
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

fn misspelt_claim(url: &str, id: &str) -> Result<serde_json::Value, worker::Failure> {
    let body = json!({ "workerHostname": "w-1" });
    Http::new(url).send("PUT", &format!("/_connector/_sync_job/{id}/_claim"), Body::Json(&body))
}

/// What `assert_conformant` says when it fails, as a test shows it.
fn verdict(server: &MockServer) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.assert_conformant()));
    panic.expect_err("findings").downcast_ref::<String>().expect("a text").clone()
}

/// A worker that waits for the mock's time, and no test's.
fn patient(server: &Arc<MockServer>) -> Worker {
    let clock = server.clone();
    Worker::new(server.url(), "w-1").waiting(move |by| {
        clock.advance(by);
    })
}

/// Real troubles, one at a time: what the worker makes of each, call by call, and what the judge says.
#[test]
fn it_bears_every_incident() {
    for incident in [
        "answer-cut",
        "bulk-cut",
        "cancel-at-claim",
        "cancel-at-end",
        "circuit-breaker",
        "claim-too-large",
        "cluster-blocked",
        "lost-claim",
        "node-away",
        "proxy-html",
        "proxy-text",
        "throttled-bulk",
        "throttled-items",
    ] {
        let server = MockServer::builder()
            .fixture(jobs())
            .incident(incident)
            .clock(Clock::frozen("2031-05-01T10:00:00Z".parse().expect("an instant")))
            .seed(7)
            .start_blocking()
            .expect("a server");
        let server = Arc::new(server);
        let worker = patient(&server);
        let mut told = vec![format!("# {incident}")];
        // The second time there may be nothing left to do.
        for _ in 0..3 {
            told.push(match worker.run_once(batches(&[3, 2])) {
                Ok(Some(done)) => format!("{done:?}"),
                Ok(None) => "nothing to do".to_owned(),
                Err(error) => format!("failed: {error}"),
            });
        }
        told.push(String::new());
        told.extend(server.journal().iter().map(|call| {
            let at = call.at.since(server.journal()[0].at).as_secs();
            let stub = call.stub().map(|stub| format!("  by {stub}")).unwrap_or_default();
            let fault = call.fault().map(|fault| format!("  {}", fault.to_value())).unwrap_or_default();
            format!(
                "t+{at}s {} {} {}{stub}{fault}",
                call.request.method(),
                call.request.target(),
                call.response.status()
            )
        }));
        told.push(String::new());
        for job in ["job-old", "job-new"] {
            let job = server.sync_job(job).expect("a job");
            let field = |name: &str| job.get(name).cloned().unwrap_or_default();
            told.push(format!(
                "{}: {} {} {}",
                job.id(),
                field("status"),
                field("indexed_document_count"),
                field("error")
            ));
        }
        told.extend(
            server
                .findings()
                .iter()
                .map(|finding| format!("{}[{}]: {}", finding.severity, finding.rule, finding.message)),
        );
        insta::assert_snapshot!(format!("incident_{incident}"), told.join("\n"));
    }
}

/// A user who asks for syncs and cancels some, for six hours: the worker stops whenever it is asked to.
#[test]
fn it_answers_a_user_who_cancels() {
    let server = MockServer::builder()
        .fixture(
            Fixture::new().connector(
                Connector::new("crm")
                    .index_name("search-crm")
                    .service_type("postgresql")
                    .status(ConnectorStatus::Connected),
            ),
        )
        .simulate(Simulated::user())
        .clock(Clock::frozen("2031-05-01T10:00:00Z".parse().expect("an instant")))
        .seed(7)
        .fail_on(Severity::Warning)
        .start_blocking()
        .expect("a server");
    let server = Arc::new(server);
    let worker = patient(&server);
    let (mut done, mut canceled) = (0, 0);
    while server.now() < "2031-05-01T16:00:00Z".parse().expect("an instant") {
        // Each batch takes ten seconds.
        let source = batches(&[1; 6]).inspect(|_| {
            server.advance(Duration::from_secs(10));
        });
        match worker.run_once(source).expect("a sync") {
            Some(sync) if sync.canceled => canceled += 1,
            // The Connector API cannot complete a job: whoever can does.
            Some(sync) => {
                done += 1;
                server.end(&sync.job, SyncStatus::Completed).expect("an end");
            }
            None => {
                server.advance(Duration::from_secs(20));
            }
        }
    }
    assert!(done > 20 && canceled > 5, "{done} done, {canceled} canceled");
    server.assert_conformant();
}
