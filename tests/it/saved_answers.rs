//! What lists and searches show can be given back: as a fixture it is the same state.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use elastimock::Fixture;
use elastimock::http::{Method, Request};

use crate::support::{Answer, Door, EngineDoor, T0, cluster};

/// A small generator of its own, so that the calls do not depend on the mock's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Calls that change a state, with an id to fill in: through the API, and past it as services, Kibana and
/// older versions write.
const CALLS: &[(&str, &str, &str)] = &[
    ("PUT", "/_connector/ID", r#"{"index_name":"idx-ID","name":"n","language":"en"}"#),
    ("PUT", "/_connector/ID", r#"{"index_name":"content-ID","is_native":true,"service_type":"s3","description":"d"}"#),
    ("POST", "/_connector", "{}"),
    ("DELETE", "/_connector/ID", ""),
    ("PUT", "/_connector/ID/_check_in", ""),
    ("PUT", "/_connector/ID/_error", r#"{"error":"disk full"}"#),
    ("PUT", "/_connector/ID/_error", r#"{"error":null}"#),
    ("PUT", "/_connector/ID/_index_name", r#"{"index_name":null}"#),
    (
        "PUT",
        "/_connector/ID/_features",
        r#"{"features":{"sync_rules":{"basic":{"enabled":true}},"document_level_security":{"enabled":false}}}"#,
    ),
    (
        "PUT",
        "/_connector/ID/_pipeline",
        r#"{"pipeline":{"name":"p","extract_binary_content":true,"reduce_whitespace":true,"run_ml_inference":false}}"#,
    ),
    ("PUT", "/_connector/ID/_scheduling", r#"{"scheduling":{"full":{"enabled":true,"interval":"0 0 0 * * ?"}}}"#),
    ("PUT", "/_connector/ID/_api_key_id", r#"{"api_key_id":"k","api_key_secret_id":"s"}"#),
    (
        "PUT",
        "/_connector/ID/_configuration",
        r#"{"configuration":{"host":{"label":"H","value":null},"password":{"label":"P","sensitive":true,"value":"hush"}}}"#,
    ),
    ("PUT", "/_connector/ID/_configuration", r#"{"values":{"host":{"deep":[1,null,{"a":1.5}]}}}"#),
    (
        "PUT",
        "/_connector/ID/_filtering",
        r#"{"rules":[{"field":"f","id":"r","order":1,"policy":"include","rule":">","value":"v"}]}"#,
    ),
    (
        "PUT",
        "/_connector/ID/_filtering/_validation",
        r#"{"validation":{"errors":[{"ids":["r"],"messages":["no"]}],"state":"invalid"}}"#,
    ),
    (
        "PUT",
        "/_connector/ID/_last_sync",
        r#"{"last_sync_status":"completed","last_synced":"2031-05-01T10:00:00Z","sync_cursor":{"p":1},"last_indexed_document_count":4}"#,
    ),
    ("POST", "/_connector/_sync_job", r#"{"id":"ID","job_type":"full"}"#),
    ("POST", "/_connector/_sync_job", r#"{"id":"ID","job_type":"access_control","trigger_method":"scheduled"}"#),
    ("PUT", "/_connector/_sync_job/JOB/_claim", r#"{"worker_hostname":"w","sync_cursor":{"page":3}}"#),
    ("PUT", "/_connector/_sync_job/JOB/_cancel", ""),
    ("PUT", "/_connector/_sync_job/JOB/_check_in", ""),
    ("PUT", "/_connector/_sync_job/JOB/_error", r#"{"error":"e"}"#),
    (
        "PUT",
        "/_connector/_sync_job/JOB/_stats",
        r#"{"deleted_document_count":1,"indexed_document_count":2,"indexed_document_volume":3,"metadata":{"a":{"b":null}}}"#,
    ),
    (
        "POST",
        "/.elastic-connectors-sync-jobs/_update/JOB",
        r#"{"doc":{"status":"completed","error":null,"completed_at":"2031-05-01T10:00:00.123456+00:00","total_document_count":null}}"#,
    ),
    (
        "POST",
        "/.elastic-connectors/_update/ID",
        r#"{"doc":{"last_seen":"2031-05-01T10:00:00.5","features":null,"pipeline":null,"filtering":null}}"#,
    ),
    (
        "POST",
        "/.elastic-connectors/_update/ID",
        r#"{"doc":{"of_mine":[1,{"x":null}],"status":"resting","configuration":null,"name":null}}"#,
    ),
    (
        "PUT",
        "/.elastic-connectors/_doc/ID",
        r#"{"service_type":"elastic-crawler","configuration":{"extract_full_html":{"label":"x","value":true}},"scheduling":{"enabled":true,"interval":"1 2 3 4 5"},"created_at":"2024-02-15T20:04:58.756Z","updated_at":"2024-02-15T20:04:58.756Z","sync_now":"false"}"#,
    ),
    (
        "PUT",
        "/.elastic-connectors-sync-jobs/_doc/own",
        r#"{"connector":{"id":"ID","filtering":null},"status":"pending","job_type":"full","last_seen":null,"created_at":1714567890123}"#,
    ),
];

fn send(door: &mut EngineDoor, method: &str, target: &str, body: &str) -> Answer {
    door.send(&Request::new(Method::new(method), target).json(body.to_owned()))
}

fn search(index: &str) -> String {
    format!("/{index}/_search?size=1000&ignore_unavailable=true")
}

/// The texts that show the connectors and the sync jobs of a mock, in several forms.
fn shown(door: &mut EngineDoor) -> Vec<[String; 2]> {
    let mut get = |target: &str| send(door, "GET", target, "").text();
    let lists = [get("/_connector?size=1000&include_deleted=true"), get("/_connector/_sync_job?size=1000")];
    let pretty = [get("/_connector?size=1000&include_deleted&pretty"), get("/_connector/_sync_job?size=1000&pretty")];
    let searches = [get(&search(".elastic-connectors")), get(&search(".elastic-connectors-sync-jobs"))];
    let lines = searches.clone().map(|text| {
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let hits = answer["hits"]["hits"].as_array().into_iter().flatten();
        hits.map(|hit| format!("{hit}\n")).collect::<String>()
    });
    let docs = searches.clone().map(|text| {
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        json!({ "docs": answer["hits"]["hits"] }).to_string()
    });
    vec![lists, pretty, searches, lines, docs]
}

/// The documents of a mock by index and id, as their exact texts.
fn documents(door: &mut EngineDoor) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for index in [".elastic-connectors", ".elastic-connectors-sync-jobs"] {
        let answer = send(door, "GET", &search(index), "").json();
        for hit in answer["hits"]["hits"].as_array().into_iter().flatten() {
            found.insert(format!("{} {}", hit["_index"], hit["_id"]), hit["_source"].to_string());
        }
    }
    found
}

/// The ids of all sync jobs that there are.
fn jobs(door: &mut EngineDoor) -> Vec<String> {
    let listed = send(door, "GET", "/_connector/_sync_job?size=1000", "").json();
    let ids = listed["results"].as_array().into_iter().flatten().filter_map(|job| job["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[test]
fn what_is_shown_is_the_same_state_again() {
    let (mut states, mut most) = (0, 0);
    for seed in 0..15 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15) | 1);
        let mut door = EngineDoor::new(cluster(if seed % 2 == 0 { "empty" } else { "default" }), T0);
        for _ in 0..seed * 4 {
            let (method, target, body) = CALLS[dice.roll(CALLS.len())];
            let id = ["crm", "docs", "third"][dice.roll(3)];
            let job = jobs(&mut door);
            let job = if job.is_empty() { "none".to_owned() } else { job[dice.roll(job.len())].clone() };
            let target = target.replace("ID", id).replace("JOB", &job);
            send(&mut door, method, &target, &body.replace("ID", id));
            door.advance(std::time::Duration::from_millis(1500));
        }
        let before = documents(&mut door);
        most = most.max(before.len());
        for texts in shown(&mut door) {
            let read = |text: &String| {
                if text.is_empty() { Ok(Fixture::new()) } else { Fixture::from_json(text) }
                    .unwrap_or_else(|error| panic!("seed {seed}: {error} in {text}"))
            };
            let [connectors, jobs] = [&texts[0], &texts[1]].map(read);
            let fixture = connectors.merge(jobs).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            fixture.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(documents(&mut EngineDoor::new(fixture.clone(), T0)), before, "seed {seed}: {}", texts[0]);
            // The way through our own form keeps it too.
            let own = Fixture::from_json(&fixture.to_value().to_string()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(documents(&mut EngineDoor::new(own, T0)), before, "seed {seed}: {}", texts[0]);
            states += 1;
        }
        // And so does the state that the mock itself tells.
        let state = door.engine.state().unwrap_or_else(|error| panic!("{error}")).to_value().to_string();
        let again = Fixture::from_json(&state).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(documents(&mut EngineDoor::new(again, T0)), before, "seed {seed}");
    }
    assert!(states == 75 && most > 10, "{states} states of at most {most} documents");
}

#[test]
fn the_admin_api_takes_what_is_shown() {
    let mut from = EngineDoor::new(cluster("default"), T0);
    let before = documents(&mut from);
    let [connectors, jobs] = shown(&mut from).swap_remove(0);
    let mut to = EngineDoor::new(cluster("empty"), T0);
    for (text, replaces) in [(connectors, true), (jobs, false)] {
        let fixture = Fixture::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
        let now = elastimock::Timestamp::default();
        if replaces { to.engine.put_state(&fixture, now) } else { to.engine.add_state(&fixture, now) }
            .unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(documents(&mut to), before);
}

#[test]
fn the_judge_knows_what_a_saved_answer_says() {
    let mut from = EngineDoor::new(cluster("default"), T0);
    let [connectors, jobs] = shown(&mut from).swap_remove(2);
    let read = |text: &str| Fixture::from_json(text).unwrap_or_else(|error| panic!("{error}"));
    let saved = read(&connectors).merge(read(&jobs)).unwrap_or_else(|error| panic!("{error}"));
    let findings = |fixture: Fixture| {
        let mut door = EngineDoor::new(fixture, T0);
        for job in ["job-pending", "job-in-progress", "job-completed", "job-suspended"] {
            for (verb, body) in [
                ("_claim", r#"{"worker_hostname":"another"}"#),
                ("_stats", r#"{"deleted_document_count":0,"indexed_document_count":0,"indexed_document_volume":0}"#),
            ] {
                send(&mut door, "PUT", &format!("/_connector/_sync_job/{job}/{verb}"), body);
            }
        }
        door.engine.findings(true).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let found = findings(cluster("default"));
    assert!(found.iter().any(|finding| finding.contains("claim-of-running-job")), "{found:#?}");
    assert_eq!(findings(saved), found);
}
