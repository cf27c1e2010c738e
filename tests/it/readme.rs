//! The README's Rust blocks, as they stand there: `tests/readme` looks for each of them here.

use std::thread::JoinHandle;
use std::time::Duration;

use elastimock::server::Simulated;
use elastimock::stub::Stub;
use serde_json::Value;

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

/// A tool that makes connectors, such as those that provision a cluster.
struct Tool {
    url: String,
}

impl Tool {
    fn new(url: &str) -> Tool {
        Tool { url: url.to_owned() }
    }

    fn put(&self, path: &str, body: Value) -> Result<(), ureq::Error> {
        ureq::put(format!("{}/_connector/crm-2{path}", self.url)).send_json(body).map(|_| ())
    }

    fn make_connector(&self) -> Result<(), ureq::Error> {
        self.put("", json!({ "index_name": "search-crm-2", "service_type": "postgresql" }))
    }

    fn fill_in_configuration(&self) -> Result<(), ureq::Error> {
        self.put("/_configuration", json!({ "values": { "host": "db.example", "password": "changeme" } }))
    }

    fn ask_for_a_sync(&self) -> Result<String, Box<dyn std::error::Error>> {
        let answer = ureq::post(format!("{}/_connector/_sync_job", self.url)).send_json(json!({ "id": "crm-2" }))?;
        let answer: Value = answer.into_body().read_json()?;
        Ok(answer["id"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn a_simulated_service_does_the_rest() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::builder()
        .clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?))
        .simulate(Simulated::service())
        .start_blocking()?;
    let tool = Tool::new(server.url()); // the client under test
    tool.make_connector()?;
    server.advance(Duration::from_secs(30)); // the service registers a configuration
    tool.fill_in_configuration()?;
    server.advance(Duration::from_secs(30)); // the connector is connected
    let job = tool.ask_for_a_sync()?;
    server.advance(Duration::from_secs(90)); // the job has been claimed, and is done
    assert_eq!(server.sync_job(&job)?.status()?, SyncStatus::Completed);
    server.assert_conformant();
    Ok(())
}
