//! The README's Rust blocks, as they stand there: `tests/readme` looks for each of them here.

use std::thread::JoinHandle;
use std::time::Duration;

use elastimock::Stub;
use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
use serde_json::json;

#[test]
fn my_worker_claims_a_job() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::builder()
        .fixture(
            Fixture::new()
                .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
                .sync_job(SyncJob::pending("job-1", "crm")),
        )
        .clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?))
        .seed(7)
        .start_blocking()?;

    // Here your own client does its work; the mock is at server.url().
    ureq::put(format!("{}/_connector/_sync_job/job-1/_claim", server.url()))
        .send_json(json!({ "worker_hostname": "w-1" }))?;

    assert_eq!(server.sync_job("job-1")?.status()?, SyncStatus::InProgress);
    server.assert_conformant();
    Ok(())
}

#[test]
fn a_playback_reads_its_recording_at_the_start() {
    fn of_a_story() -> Result<MockServer, elastimock::Error> {
        let server = MockServer::playback("story.ndjson")?;
        Ok(server)
    }
    let error = of_a_story().expect_err("there is no such file");
    assert!(error.is_surroundings() && error.to_string().contains("story.ndjson"), "{error}");
}

#[test]
fn a_race_is_decided_by_the_test() -> Result<(), Box<dyn std::error::Error>> {
    fn two_workers(server: &MockServer) -> [JoinHandle<()>; 2] {
        ["w-1", "w-2"].map(|worker| {
            let url = format!("{}/_connector/_sync_job/job-pending/_claim", server.url());
            std::thread::spawn(move || {
                ureq::put(url).send_json(json!({ "worker_hostname": worker })).expect("a claim");
            })
        })
    }
    let server = MockServer::start_blocking()?;
    let gate = server.gate(Stub::on("connector.sync_job_claim"));
    let workers = two_workers(&server); // the clients under test
    gate.wait_for(2, Duration::from_secs(10))?; // both have looked, and neither has claimed
    gate.release(1);
    gate.release(0);
    workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
    assert_eq!(server.sync_job("job-pending")?.get("worker_hostname"), Some(&json!("w-1")));
    Ok(())
}
