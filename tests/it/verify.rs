//! `elastimock verify`: the replay law as a command, and what is told where another server answers otherwise.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};

use elastimock::MockServer;
use elastimock::recording::Recording;
use serde_json::{Value, json};

use crate::cli::{Server, folder, run, write};
use crate::support::{Client, path, request};

fn recordings() -> Vec<(String, Recording)> {
    let folder = fs::read_dir(path("fixtures/recordings")).expect("the recordings");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let found: Vec<(String, Recording)> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "ndjson"))
        .map(|file| {
            let name = file.display().to_string();
            let recording = Recording::parse(&name, &fs::read(&file).expect("a file")).expect("a recording");
            (name, recording)
        })
        .collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

#[test]
fn every_recording_verifies_against_a_fresh_mock_with_nothing_excused() {
    for (name, Recording { header, .. }) in recordings() {
        let (seed, profile, license) =
            (header.seed.to_string(), header.profile.to_string(), header.license.to_string());
        let mut flags = vec!["serve", "--seed", &seed, "--profile", &profile, "--license", &license];
        let version = header.es_version.unwrap_or_default();
        if !version.is_empty() {
            flags.extend(["--es-version", &version]);
        }
        let server = Server::start(&flags);
        let told = run(&["verify", &name, "--against", &server.url(), "--prepare", &name, "--exact"]);
        assert_eq!((told.code, &*told.stdout), (Some(0), ""), "{name}: {}", told.stderr);
        assert!(told.stderr.contains("answered alike"), "{}", told.stderr);
        server.stop();
    }
}

#[test]
fn a_server_of_another_seed_and_day_answers_alike() {
    for (name, Recording { header, .. }) in recordings() {
        let version = header.es_version.unwrap_or_else(|| "9.3.0".to_owned());
        let server = Server::start(&["serve", "--seed", "99", "--es-version", &version]);
        let told = run(&["verify", &name, "--against", &server.url(), "--prepare", &name, "--json"]);
        assert_eq!(told.code, Some(0), "{name}: {} {}", told.stdout, told.stderr);
        let told: Value = serde_json::from_str(&told.stdout).expect("one document");
        assert_eq!((&told["differing"], &told["masked"], &told["ended"]), (&json!([]), &json!(0), &Value::Null));
        server.stop();
    }
}

#[test]
fn what_differs_is_told_with_both_values_and_kept_as_evidence() {
    let folder = folder();
    let story = fs::read_to_string(path("fixtures/recordings/claim_story.ndjson")).expect("a recording");
    let story = story.replacen(r#""body":{"result":"updated"}"#, r#""body":{"result":"noop"}"#, 1);
    let story = write(&folder, "story.ndjson", &story);
    let evidence = folder.path().join("evidence.json").display().to_string();
    let server = Server::start(&["serve"]);
    let flags = ["verify", &story, "--against", &server.url(), "--prepare", &story];
    let told = run(&[&flags[..], &["--evidence", &evidence]].concat());
    let expected = "call 1 (connector.sync_job_claim): PUT /_connector/_sync_job/job-1/_claim\n  \
                    body /result: recorded \"noop\", seen \"updated\"\n";
    assert_eq!((told.code, &*told.stdout), (Some(1), expected), "{}", told.stderr);
    let ignoring = run(&[&flags[..], &["--ignore", "/result", "--evidence", &evidence]].concat());
    assert_eq!((ignoring.code, &*ignoring.stdout), (Some(0), ""), "{}", ignoring.stderr);
    let only = run(&[&flags[..], &["--only", "connector.sync_job_check_in", "--rate", "1000"]].concat());
    assert_eq!((only.code, &*only.stdout), (Some(0), ""), "{}", only.stderr);
    let listed = run(&["list", "--evidence", &evidence]).stdout;
    let of = |operation: &str| listed.lines().find(|line| line.starts_with(operation)).expect("a line").to_owned();
    assert!(of("connector.sync_job_check_in").contains("answered alike 4 times by elastimock as Elasticsearch 9."));
    let claim = of("connector.sync_job_claim");
    assert!(claim.contains("answered alike 3 times and otherwise 1 time by elastimock as Elasticsearch 9."), "{claim}");
    let listed: Value = serde_json::from_str(&run(&["list", "--json", "--evidence", &evidence]).stdout).expect("JSON");
    let claim = listed.as_array().into_iter().flatten().find(|row| row["operation"] == "connector.sync_job_claim");
    assert_eq!(claim.expect("a row")["evidence"][0]["alike"], 3);
    assert!(!fs::read_to_string(&evidence).expect("a file").contains("job-1"), "no more than names and numbers");
    let known = run(&["list", "--evidence"]).stdout;
    let claim = known.lines().find(|line| line.starts_with("connector.sync_job_claim")).expect("a line");
    assert!(claim.contains(" of Elasticsearch's own tests pass, ") && claim.contains(" cases"), "{claim}");
    let known: Value = serde_json::from_str(&run(&["list", "--json", "--evidence"]).stdout).expect("JSON");
    assert!(known.as_array().into_iter().flatten().all(|row| row["cases"].as_u64() > Some(0)), "a case for each");
    assert_eq!(run(&["list", "--evidence", "nowhere.json"]).code, Some(2));
    server.stop();
}

#[test]
fn what_cannot_be_verified_is_told() {
    let folder = folder();
    let story = path("fixtures/recordings/claim_story.ndjson").display().to_string();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let told = run(&["verify", &story, "--against", &format!("http://{nobody}")]);
    assert_eq!(told.code, Some(3), "{}", told.stderr);
    assert_eq!(run(&["verify", &story, "--against", "localhost:9200"]).code, Some(2));
    let server = MockServer::start_blocking().expect("a server");
    let wrong = write(&folder, "wrong.json", "[]");
    let told = run(&["verify", &story, "--against", server.url(), "--evidence", &wrong]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("this is no evidence"), "{}", told.stderr);
}

/// Passes calls on to a mock, but for those of its admin API: a server that is no elastimock.
fn plain_server(mock: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let mut behind = Client::connect(mock);
            loop {
                let (mut line, mut lines) = (String::new(), Vec::new());
                while stream.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
                    lines.push(std::mem::take(&mut line));
                }
                let Some(first) = lines.first() else { break };
                let mut words = first.split(' ');
                let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
                let headers: Vec<(&str, &str)> =
                    lines[1..].iter().filter_map(|line| line.trim_end().split_once(": ")).collect();
                let length = headers.iter().find(|(name, _)| *name == "content-length");
                let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().expect("a length"))];
                stream.read_exact(&mut body).expect("a body");
                let kept: Vec<(&str, &str)> =
                    headers.into_iter().filter(|(name, _)| name.starts_with("content-type")).collect();
                let body = String::from_utf8(body).expect("a text");
                let target = if target.starts_with("/_elastimock") { "/nothing/here" } else { target };
                let answer = behind.send(&request(method, target, &kept, &body));
                let mut text = format!("HTTP/1.1 {} x\r\n", answer.status);
                answer.headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
                let bytes = [text.as_bytes(), b"\r\n", &answer.body].concat();
                stream.get_mut().write_all(&bytes).expect("a reader");
            }
        }
    });
    address
}

#[test]
fn another_server_is_prepared_and_left_as_it_was() {
    let folder = folder();
    let recorder = MockServer::builder()
        .fixture(
            elastimock::Fixture::from_json(
                r#"{
            "connectors": [{"id":"crm","index_name":"search-crm","service_type":"postgresql"}],
            "sync_jobs": [{"id":"job-1","connector_id":"crm","status":"pending"}],
            "indices": {"search-crm": {"documents": [{"_id":"1","_source":{"title":"one"}}]}}
        }"#,
            )
            .expect("a fixture"),
        )
        .start_blocking()
        .expect("a server");
    let mut client = Client::connect(recorder.address());
    for (method, target, body) in [
        ("PUT", "/_connector/_sync_job/job-1/_claim", r#"{"worker_hostname":"w-1"}"#),
        ("GET", "/_connector/_sync_job/job-1", ""),
        ("GET", "/search-crm/_search", ""),
        ("GET", "/_connector/crm", ""),
    ] {
        client.send(&request(method, target, &[("content-type", "application/json")], body));
    }
    let story = write(&folder, "story.ndjson", &recorder.recording().to_text());
    let other = MockServer::builder().fixture(elastimock::Fixture::new()).start_blocking().expect("a server");
    let url = format!("http://{}", plain_server(other.address()));
    let told = run(&["verify", &story, "--against", &url, "--prepare", &story]);
    assert_eq!((told.code, &*told.stdout), (Some(0), ""), "{}", told.stderr);
    assert!(told.stderr.contains("prepared: 3 documents"), "{}", told.stderr);
    assert_eq!(other.state().expect("a state").to_value()["connectors"].as_array().map_or(0, Vec::len), 0);
    assert!(other.sync_job("job-1").is_err(), "what was put there is gone");
    // Nothing that is there is touched.
    other
        .add_state(
            &elastimock::Fixture::from_json(r#"{"connectors":[{"id":"crm","name":"mine"}]}"#).expect("a fixture"),
        )
        .expect("a state");
    let told = run(&["verify", &story, "--against", &url, "--prepare", &story]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("/.elastic-connectors/_doc/crm is there already"), "{}", told.stderr);
    assert_eq!(other.connector("crm").expect("still there").get("name"), Some(&json!("mine")));
}
