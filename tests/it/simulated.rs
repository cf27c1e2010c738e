//! Simulated sides: what a provisioning tool, a worker and the judge see of them, and when they act.

use std::time::Duration;

use elastimock::contract::{Contract, Severity, Strictness};
use elastimock::elasticsearch::ConnectorStatus;
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::recording::{Change, Recording};
use elastimock::report::RecordedRun;
use elastimock::server::Simulated;
use elastimock::{Clock, Connector, Engine, Fixture, MockServer, SyncJob, SyncStatus, Timestamp};
use serde_json::{Value, json};

use crate::support::{Answer, Client, T0, assert_same_verdict, instant, rule_of};

/// How long the provisioning tool waits for anything, in steps of ten seconds.
const STEPS_MAX: usize = 270;

fn server(fixture: Fixture, sides: &[&str]) -> MockServer {
    let builder = MockServer::builder().fixture(fixture).clock(Clock::frozen(instant(T0))).seed(7);
    let sides = sides.iter().map(|side| side.parse::<Simulated>().unwrap_or_else(|error| panic!("{error}")));
    let builder = sides.fold(builder, |builder, side| builder.simulate(side));
    builder.fail_on(Severity::Warning).start_blocking().unwrap_or_else(|error| panic!("{error}"))
}

fn crm() -> Connector {
    Connector::new("crm").index_name("search-crm").service_type("postgresql")
}

/// A connector whose syncs can be done, with a pending job.
fn ready() -> Fixture {
    Fixture::new().connector(crm().status(ConnectorStatus::Connected)).sync_job(SyncJob::pending("job-1", "crm"))
}

fn send(server: &MockServer, method: Method, target: &str, body: Option<Value>) -> Answer {
    let request = Request::new(method, target);
    let request = body.iter().fold(request, |request, body| request.json(body.to_string()));
    Client::connect(server.address()).send(&request)
}

fn get(server: &MockServer, target: &str) -> Value {
    send(server, Method::Get, target, None).json()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn rules(server: &MockServer) -> Vec<&'static str> {
    server.findings().iter().map(rule_of).collect()
}

fn status(server: &MockServer, job: &str) -> SyncStatus {
    server.sync_job(job).and_then(|job| job.status()).unwrap_or_else(|error| panic!("{error}"))
}

/// Acts of simulated sides, a line each: when, who, what.
fn acts(recording: &Recording) -> Vec<String> {
    let start = instant(T0);
    let told = |event: &elastimock::recording::Event| match &event.change {
        Change::Simulated { side, act, .. } => {
            let act = act.to_string().replace("2031-05-01T1", "…T1");
            Some(format!("t+{}s {side}: {act}", event.at.since(start).as_secs()))
        }
        _ => None,
    };
    recording.events.iter().filter_map(told).collect()
}

/// A tool that provisions a connector as such tools do: it makes it, waits for its configuration, fills that in, waits until
/// the connector is connected, asks for a sync, and waits for its end. A line for whatever it sees change.
fn provision(server: &MockServer) -> Vec<String> {
    let mut seen = Vec::new();
    let mut wait = |what: &str, target: &str, field: &str, wanted: &dyn Fn(&Value) -> bool| {
        let mut last = Value::Null;
        for _ in 0..STEPS_MAX {
            let now = get(server, target)[field].clone();
            if now != last {
                let at = server.now().since(instant(T0)).as_secs();
                seen.push(format!("t+{at}s {what} is {}", now.as_str().unwrap_or_default()));
                last = now.clone();
            }
            if wanted(&now) {
                return true;
            }
            server.advance(seconds(10));
        }
        seen.push(format!("gave up on {what}"));
        false
    };
    let made = json!({ "index_name": "search-crm", "name": "Customers", "service_type": "postgresql" });
    assert_eq!(send(server, Method::Put, "/_connector/crm", Some(made)).status, 201);
    if wait("the connector", "/_connector/crm", "status", &|status| status == "needs_configuration") {
        let values = json!({ "values": { "host": "db.example", "port": 5432, "password": "xyzzy-secret" } });
        assert_eq!(send(server, Method::Put, "/_connector/crm/_configuration", Some(values)).status, 200);
        if wait("the connector", "/_connector/crm", "status", &|status| status == "connected") {
            let body = json!({ "id": "crm", "job_type": "full", "trigger_method": "on_demand" });
            let id = send(server, Method::Post, "/_connector/_sync_job", Some(body)).json()["id"].clone();
            let target = format!("/_connector/_sync_job/{}", id.as_str().unwrap_or_default());
            let is_over = |status: &Value| ["completed", "error", "canceled"].iter().any(|end| status == end);
            wait("the job", &target, "status", &is_over);
            let job = get(server, &target);
            let counts = [&job["indexed_document_count"], &job["total_document_count"], &job["error"]];
            let documents = get(server, "/search-crm/_count")["count"].clone();
            seen.push(format!("job: {}", json!(counts)));
            seen.push(format!("documents: {documents}"));
        }
    }
    let connector = get(server, "/_connector/crm");
    for field in ["status", "error", "last_sync_status", "last_sync_error", "last_seen"] {
        seen.push(format!("connector {field}: {}", connector[field]));
    }
    seen
}

#[test]
fn a_provisioning_tool_against_a_service_of_each_character() {
    for character in ["service", "service:slow", "service:silent", "service:dies", "service:fails", "service:deaf"] {
        let server = server(Fixture::new(), &[character]);
        let seen = provision(&server);
        let acts = acts(&server.recording());
        // Checks of long runs are all alike.
        let (first, rest) = acts.split_at(acts.len().min(30));
        let told = format!("{}\n\n{}\n… and {} more\n", seen.join("\n"), first.join("\n"), rest.len());
        insta::assert_snapshot!(format!("provision_{}", character.replace(':', "_")), told);
        assert_eq!(rules(&server), Vec::<&str>::new(), "{character}: {:?}", server.findings());
        assert_same_verdict(&server);
    }
}

#[test]
fn a_transcript_tells_whose_act_it_was() {
    let server = server(ready(), &["service"]);
    server.advance(seconds(61));
    assert_eq!(get(&server, "/_connector/_sync_job/job-1")["status"], "completed");
    insta::assert_yaml_snapshot!(server.transcript());
}

#[test]
fn nothing_happens_while_time_stands_still() {
    let server = server(ready(), &["service", "user"]);
    for _ in 0..5 {
        assert_eq!(get(&server, "/_connector/_sync_job/job-1")["status"], "pending");
    }
    assert_eq!(acts(&server.recording()), Vec::<String>::new());
    server.advance(seconds(29));
    assert_eq!(status(&server, "job-1"), SyncStatus::Pending);
    server.advance(seconds(1));
    assert_eq!(status(&server, "job-1"), SyncStatus::InProgress);
    assert_eq!(server.sync_job("job-1").expect("the job").get("worker_hostname"), Some(&json!("simulated-service")));
}

#[test]
fn one_long_step_is_as_many_short_ones() {
    let tell = |steps: &[u64]| {
        let server = server(ready(), &["service", "user"]);
        steps.iter().for_each(|step| {
            server.advance(seconds(*step));
        });
        let acts = acts(&server.recording());
        assert!(acts.len() > 50, "{acts:#?}");
        (acts, server.state().expect("a state").to_value())
    };
    assert_eq!(tell(&[3600]), tell(&[7; 514].iter().copied().chain([2]).collect::<Vec<_>>()));
}

#[test]
fn a_running_clock_has_them_act_before_the_next_call() {
    // No thread does it: the engine alone, asked at instants of its caller.
    let start = instant(T0);
    let setup = Setup {
        fixture: std::sync::Arc::new(ready()),
        seed: 7,
        clock: Clock::real(),
        simulated: vec![Simulated::service()],
        ..Setup::default()
    };
    let mut engine = Engine::new(setup, start).expect("an engine");
    let mut ask = |after: u64| {
        let request = Request::new(Method::Get, "/_connector/_sync_job/job-1");
        let answer = engine.receive(&request, start.plus(seconds(after)));
        let job: Value = serde_json::from_str(&answer.text()).expect("a job");
        (job["status"].clone(), job["started_at"].clone())
    };
    assert_eq!(ask(29).0, "pending");
    assert_eq!(ask(47), (json!("in_progress"), json!("2031-05-01T10:00:30.000Z")));
    assert_eq!(ask(900).0, "completed");
}

#[test]
fn a_recording_says_who_did_what_and_plays() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("story.ndjson");
    let builder = MockServer::builder().fixture(ready()).clock(Clock::frozen(instant(T0))).seed(7);
    let server = builder.simulate(Simulated::service()).record(&file).start_blocking().expect("a server");
    let story = |server: &MockServer| {
        let mut seen = Vec::new();
        for _ in 0..7 {
            seen.push(get(server, "/_connector/_sync_job/job-1")["status"].clone());
            server.advance(seconds(15));
        }
        // The service has it: nobody else may claim it.
        let claim = json!({ "worker_hostname": "w-1" });
        seen.push(send(server, Method::Put, "/_connector/_sync_job/job-1/_claim", Some(claim)).json());
        seen
    };
    let seen = story(&server);
    assert_eq!(rules(&server), ["claim-of-ended-job"], "{:#?}", server.findings());
    assert_same_verdict(&server);
    let told: Vec<String> = server.findings().iter().map(|finding| finding.message.clone()).collect();
    let recording = server.recording();
    server.stop_blocking().expect("it stops");

    let bytes = std::fs::read(&file).expect("the file");
    let mut written = Recording::parse("written", &bytes).expect("a recording");
    written.events.sort_by_key(|event| event.seq);
    assert_eq!(acts(&written), acts(&recording));
    let recordings = [written.clone()];
    let run = RecordedRun::new(&recordings, Strictness::default());
    assert_eq!(run.findings().map(|finding| finding.message.clone()).collect::<Vec<_>>(), told);

    let played = MockServer::builder().playback(written).clock(Clock::frozen(instant(T0))).start_blocking();
    let played = played.expect("a server");
    assert_eq!(story(&played), seen);
    assert_eq!(played.findings().iter().map(|finding| finding.message.clone()).collect::<Vec<_>>(), told);
    assert_same_verdict(&played);
    // It is told again that they were there.
    assert_eq!(acts(&played.recording()).len(), acts(&recording).len());
}

#[test]
fn a_job_that_the_service_has_is_running() {
    let server = server(ready(), &["service"]);
    server.advance(seconds(30));
    let claim = json!({ "worker_hostname": "w-1" });
    assert_eq!(send(&server, Method::Put, "/_connector/_sync_job/job-1/_claim", Some(claim)).status, 200);
    assert!(rules(&server).contains(&"claim-of-running-job"), "{:#?}", server.findings());
    assert_same_verdict(&server);
}

#[test]
fn a_cancel_is_heard_within_five_seconds_but_by_the_deaf() {
    for (side, after_5s, at_last) in [
        ("service", SyncStatus::Canceled, SyncStatus::Canceled),
        ("service:slow", SyncStatus::Canceled, SyncStatus::Canceled),
        ("service:deaf", SyncStatus::Canceling, SyncStatus::Completed),
        ("service:dies", SyncStatus::Canceling, SyncStatus::Canceling),
    ] {
        let server = server(ready(), &[side]);
        server.advance(seconds(122));
        let job = if side == "service" { server.sync("crm").expect("a job") } else { "job-1".to_owned() };
        server.advance(seconds(30));
        assert_eq!(status(&server, &job), SyncStatus::InProgress, "{side}");
        assert_eq!(send(&server, Method::Put, &format!("/_connector/_sync_job/{job}/_cancel"), None).status, 200);
        server.advance(seconds(5));
        assert_eq!(status(&server, &job), after_5s, "{side}");
        server.advance(seconds(3600));
        assert_eq!(status(&server, &job), at_last, "{side}");
        assert_eq!(rules(&server), Vec::<&str>::new(), "{side}: {:#?}", server.findings());
        assert_same_verdict(&server);
    }
}

#[test]
fn the_next_deadline_names_what_a_side_does() {
    let scheduled = json!({
        "full": { "enabled": true, "interval": "0 5 10 * * ?" },
        "incremental": { "enabled": false, "interval": "0 1 10 * * ?" },
        "access_control": { "enabled": false, "interval": "0 0 0 * * ?" },
    });
    let fixture = Fixture::new()
        .connector(crm().status(ConnectorStatus::Connected).field("scheduling", scheduled))
        .sync_job(SyncJob::pending("job-1", "crm"));
    let server = server(fixture, &["service"]);
    let mut told = Vec::new();
    for _ in 0..12 {
        let deadline = server.advance_to_next_deadline().expect("a deadline");
        assert_eq!(server.now(), deadline.at);
        told.push(format!("t+{}s {}", deadline.at.since(instant(T0)).as_secs(), deadline.what));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn schedules_make_jobs_at_their_instants() {
    let schedule = |full: &str| json!({ "scheduling": { "full": { "enabled": true, "interval": full } } });
    for sides in [&["schedules"][..], &["user"], &["service"], &["user", "service"]] {
        let server = server(Fixture::new().connector(crm().status(ConnectorStatus::Connected)), sides);
        let jobs = |server: &MockServer| {
            let found = get(server, "/_connector/_sync_job?size=100");
            let found = found["results"].as_array().cloned().unwrap_or_default();
            let scheduled = found.iter().filter(|job| job["trigger_method"] == "scheduled");
            let mut at: Vec<String> =
                scheduled.map(|job| job["created_at"].as_str().unwrap_or_default().to_owned()).collect();
            at.sort();
            at
        };
        let put = |body: Value| send(&server, Method::Put, "/_connector/crm/_scheduling", Some(body)).status;
        assert_eq!(put(schedule("0 0/20 * * * ?")), 200);
        server.advance(seconds(1199));
        assert_eq!(jobs(&server), Vec::<String>::new(), "{sides:?}");
        server.advance(seconds(1));
        assert_eq!(jobs(&server), ["2031-05-01T10:20:00.000Z"], "{sides:?}");
        let scheduled_at = server.connector("crm").expect("it").get("last_sync_scheduled_at").cloned();
        assert_eq!(scheduled_at, Some(json!("2031-05-01T10:20:00.000Z")));
        // Another expression counts from now on, one that is off never.
        assert_eq!(put(schedule("30 30 * * * ?")), 200);
        server.advance(seconds(3600));
        assert_eq!(jobs(&server)[1..], ["2031-05-01T10:30:30.000Z"], "{sides:?}");
        assert_eq!(put(json!({ "scheduling": { "full": { "enabled": false, "interval": "0 * * * * ?" } } })), 200);
        server.advance(seconds(7200));
        assert_eq!(jobs(&server).len(), 2, "{sides:?}");
        assert_same_verdict(&server);
    }
    // A dead service makes none, and nobody else does.
    let server = server(ready(), &["service:dies", "user"]);
    send(&server, Method::Put, "/_connector/crm/_scheduling", Some(schedule("0 * * * * ?")));
    server.advance(seconds(30));
    assert_eq!(acts(&server.recording()).len(), 3);
    server.advance(seconds(600));
    assert!(!acts(&server.recording()).iter().any(|act| act.contains("scheduled")), "{:#?}", acts(&server.recording()));
}

#[test]
fn each_type_of_job_is_scheduled_and_done() {
    let every_hour = json!({ "enabled": true, "interval": "0 0 * * * ?" });
    let scheduling = json!({ "full": every_hour, "incremental": every_hour, "access_control": every_hour });
    let cursor = json!({ "since": "2031-04-30T00:00:00Z" });
    let connector = crm().status(ConnectorStatus::Connected).field("scheduling", scheduling);
    let server = server(Fixture::new().connector(connector.field("sync_cursor", cursor.clone())), &["service"]);
    server.advance(seconds(3600 + 300));
    let jobs = get(&server, "/_connector/_sync_job?size=100")["results"].as_array().cloned().unwrap_or_default();
    let mut told: Vec<String> = jobs
        .iter()
        .map(|job| {
            let cursor = &job["connector"]["sync_cursor"];
            format!("{} {} {} {cursor}", job["job_type"], job["status"], job["connector"]["index_name"])
        })
        .collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"));
    let identities = get(&server, "/.search-acl-filter-search-crm/_count")["count"].as_u64();
    assert!(identities.is_some_and(|count| count > 0), "{identities:?}");
    assert_ne!(server.connector("crm").expect("it").get("sync_cursor"), Some(&cursor));
    assert_same_verdict(&server);
}

#[test]
fn rules_are_validated_and_wrong_configurations_refused() {
    let field = json!({ "label": "Host", "type": "str", "display": "textbox", "order": 1, "required": true,
        "sensitive": false, "default_value": null, "value": "db" });
    let connector = crm().status(ConnectorStatus::Connected).field("configuration", json!({ "host": field }));
    let server = server(Fixture::new().connector(connector), &["service"]);
    let rule = json!({ "id": "r", "field": "a", "rule": "equals", "policy": "exclude", "order": 0, "value": "b",
        "created_at": T0, "updated_at": T0 });
    let end = json!({ "id": "DEFAULT", "field": "_", "rule": "regex", "policy": "include", "order": 1, "value": ".*",
        "created_at": T0, "updated_at": T0 });
    let put = |target: &str, body: Value| send(&server, Method::Put, target, Some(body)).status;
    assert_eq!(put("/_connector/crm/_filtering", json!({ "rules": [rule, end] })), 200);
    assert_eq!(put("/_connector/crm/_configuration", json!({ "values": { "host": "" } })), 200);
    server.advance(seconds(30));
    let connector = get(&server, "/_connector/crm");
    assert_eq!(connector["error"], "Field validation errors: 'Host' cannot be empty.");
    assert_eq!(connector["status"], "error");
    assert_eq!(put("/_connector/crm/_configuration", json!({ "values": { "host": "db" } })), 200);
    server.advance(seconds(30));
    let connector = get(&server, "/_connector/crm");
    assert_eq!((&connector["status"], &connector["error"]), (&json!("connected"), &Value::Null));
    assert_eq!(connector.pointer("/filtering/0/draft/validation/state"), Some(&json!("valid")));
    assert_eq!(connector.pointer("/filtering/0/active/rules/0/id"), Some(&json!("r")));
    assert_same_verdict(&server);
}

#[test]
fn a_user_asks_for_syncs_cancels_some_and_configures() {
    let server = server(Fixture::new().connector(crm()), &["service", "user"]);
    server.advance(seconds(2 * 3600));
    let acts = acts(&server.recording());
    let by_user: Vec<&String> = acts.iter().filter(|act| act.contains(" user:")).collect();
    insta::assert_snapshot!(by_user.iter().take(12).map(|act| act.as_str()).collect::<Vec<_>>().join("\n"));
    // What is secret stays so.
    assert!(!server.recording().to_text().contains("a password"));
    assert_same_verdict(&server);
}

#[test]
fn a_worker_under_a_user_answers_cancels() {
    // The client claims whatever is pending and goes on with it, deaf to what the user says.
    let server = server(Fixture::new().connector(crm().status(ConnectorStatus::Connected)), &["user"]);
    for _ in 0..360 {
        let pending = get(&server, "/_connector/_sync_job?status=pending");
        if let Some(id) = pending["results"][0]["id"].as_str() {
            let claim = json!({ "worker_hostname": "w-1" });
            send(&server, Method::Put, &format!("/_connector/_sync_job/{id}/_claim"), Some(claim));
        }
        let running = get(&server, "/_connector/_sync_job?size=100");
        for job in running["results"].as_array().into_iter().flatten() {
            if ["in_progress", "canceling"].iter().any(|status| job["status"] == *status) {
                let id = job["id"].as_str().unwrap_or_default();
                send(&server, Method::Put, &format!("/_connector/_sync_job/{id}/_check_in"), None);
            }
        }
        send(&server, Method::Put, "/_connector/crm/_check_in", None);
        server.advance(seconds(20));
    }
    assert_eq!(rules(&server), ["cancel-ignored"], "{:#?}", server.findings());
    assert_same_verdict(&server);
}

#[test]
fn a_silent_job_is_ended_by_the_service() {
    let fixture = Fixture::new()
        .connector(crm().status(ConnectorStatus::Connected).field("last_sync_status", json!("in_progress")))
        .sync_job(SyncJob::in_progress("job-1", "crm", "w-9"))
        .sync_job(SyncJob::pending("job-2", "crm"));
    let server = server(fixture, &["service"]);
    server.advance(seconds(299));
    assert_eq!((status(&server, "job-1"), status(&server, "job-2")), (SyncStatus::InProgress, SyncStatus::Pending));
    server.advance(seconds(1));
    assert_eq!(status(&server, "job-1"), SyncStatus::Error);
    server.advance(seconds(120));
    assert_eq!(status(&server, "job-2"), SyncStatus::Completed);
    assert_eq!(rules(&server), Vec::<&str>::new());
    assert_same_verdict(&server);
}

#[test]
fn two_services_share_the_work() {
    let fixture = Fixture::new()
        .connector(crm().status(ConnectorStatus::Connected))
        .connector(Connector::new("hr").index_name("search-hr").status(ConnectorStatus::Connected))
        .sync_job(SyncJob::pending("job-1", "crm"))
        .sync_job(SyncJob::pending("job-2", "hr"));
    let server = server(fixture, &["service:slow", "service"]);
    server.advance(seconds(2400));
    for job in ["job-1", "job-2"] {
        assert_eq!(status(&server, job), SyncStatus::Completed);
    }
    assert!(acts(&server.recording()).iter().any(|act| act.contains("service-2")));
}

#[test]
fn deleted_and_changed_under_its_hands() {
    // The job is deleted, ended by somebody else, or its connector is gone: the service goes on with others.
    for what in ["job", "end", "connector"] {
        let server = server(ready(), &["service"]);
        server.advance(seconds(35));
        match what {
            "job" => {
                send(&server, Method::Delete, "/_connector/_sync_job/job-1", None);
            }
            "end" => server.end("job-1", SyncStatus::Error).expect("it ends"),
            _ => {
                send(&server, Method::Delete, "/_connector/crm", None);
            }
        }
        server.advance(seconds(5));
        if what == "job" {
            let connector = server.connector("crm").expect("it");
            assert_eq!(connector.get("last_sync_error"), Some(&json!("Couldn't find the job")));
        }
        if what != "connector" {
            let job = server.sync("crm").expect("a job");
            server.advance(seconds(90));
            assert_eq!(status(&server, &job), SyncStatus::Completed, "{what}");
        }
        assert_same_verdict(&server);
    }
}

#[test]
fn a_reset_a_new_state_and_a_clock_that_goes_back() {
    let server = server(ready(), &["service"]);
    server.advance(seconds(45));
    assert_eq!(status(&server, "job-1"), SyncStatus::InProgress);
    server.reset();
    assert_eq!(status(&server, "job-1"), SyncStatus::Pending);
    server.advance(seconds(30));
    assert_eq!(status(&server, "job-1"), SyncStatus::InProgress);
    server.put_state(&ready()).expect("a state");
    assert_eq!(status(&server, "job-1"), SyncStatus::Pending);
    server.advance(seconds(30));
    assert_eq!(status(&server, "job-1"), SyncStatus::InProgress);
    // A day back: what was to come in half a minute comes in half a minute.
    server.set_clock(Clock::frozen(server.now().minus(Duration::from_secs(86_400))));
    assert_eq!(status(&server, "job-1"), SyncStatus::InProgress);
    server.advance(seconds(31));
    assert_eq!(status(&server, "job-1"), SyncStatus::Completed);
    assert_same_verdict(&server);
}

#[test]
fn a_step_of_a_hundred_years_has_an_end() {
    let at_noon = json!({ "full": { "enabled": true, "interval": "0 0 12 * * ?" } });
    let fixture = Fixture::new().connector(crm().status(ConnectorStatus::Connected).field("scheduling", at_noon));
    let server = server(fixture, &["service"]);
    server.advance(Duration::from_secs(100 * 365 * 86_400));
    let acts = acts(&server.recording()).len();
    assert!((10_000..12_000).contains(&acts), "{acts}");
    // What was due besides is left out, and from there on it goes on.
    server.advance(seconds(86_400));
    let newest = get(&server, "/_connector/_sync_job?size=1")["results"][0].clone();
    assert_eq!((&newest["created_at"], &newest["status"]), (&json!("2131-04-07T12:00:00.000Z"), &json!("completed")));
}

#[test]
fn enforcing_refuses_clients_and_not_the_service() {
    let builder = MockServer::builder().fixture(ready()).clock(Clock::frozen(instant(T0))).seed(7);
    let server = builder.simulate(Simulated::service()).contract(Contract::Enforce).start_blocking().expect("a server");
    server.advance(seconds(30));
    let claim = json!({ "worker_hostname": "w-1" });
    assert_eq!(send(&server, Method::Put, "/_connector/_sync_job/job-1/_claim", Some(claim)).status, 400);
    server.advance(seconds(60));
    assert_eq!(status(&server, "job-1"), SyncStatus::Completed);
}

#[test]
fn the_hand_can_be_another_worker() {
    let server = server(ready(), &[]);
    let hand = |act: Value| server.hand(&act).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(hand(json!({ "claim": "job-1", "worker_hostname": "w-other" })), Ok(()));
    assert_eq!(
        hand(json!({ "stats": "job-1", "indexed_document_count": 3, "deleted_document_count": 0,
        "indexed_document_volume": 1 })),
        Ok(())
    );
    assert_eq!(hand(json!({ "check_in": "crm" })), Ok(()));
    assert_eq!(hand(json!({ "bulk": "search-crm", "docs": { "a": { "n": 1 }, "b": { "n": 2 } } })), Ok(()));
    assert_eq!(
        hand(json!({ "bulk": "search-crm" })),
        Err("say what is written: \"docs\": { \"1\": { … } }".to_owned())
    );
    assert!(hand(json!({ "claim": "job-1" })).is_err());
    let job = server.sync_job("job-1").expect("the job");
    assert_eq!(job.get("worker_hostname"), Some(&json!("w-other")));
    assert_eq!(job.get("indexed_document_count"), Some(&json!(3)));
    assert_eq!(get(&server, "/search-crm/_count")["count"], 2);
    // The client owes nothing for it, however long it takes.
    server.advance(Duration::from_secs(7200));
    assert_eq!(rules(&server), Vec::<&str>::new());
    assert_same_verdict(&server);
    let next: Option<Timestamp> = server.advance_to_next_deadline().map(|deadline| deadline.at);
    assert_eq!(next, None);
}
