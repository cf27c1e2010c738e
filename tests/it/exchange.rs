//! `elastimock diff`, `import` and `export`: recordings beside each other, and the forms of other tools.

use std::fs;

use elastimock::MockServer;
use elastimock::recording::Recording;
use serde_json::Value;

use crate::cli::{folder, json, run, write};
use crate::support::{Client, path};

fn full_sync() -> String {
    path("fixtures/recordings/full_sync.ndjson").display().to_string()
}

#[test]
fn a_har_of_ours_comes_back_and_plays() {
    let folder = folder();
    let har = folder.path().join("x.har").display().to_string();
    let story = folder.path().join("story.ndjson").display().to_string();
    assert_eq!(run(&["export", &full_sync(), "--as", "har", "--out", &har]).code, Some(0));
    // What has another form is recognised, and the cure works.
    let refused = run(&["play", &har]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains(
            "this is a HAR, a log of HTTP calls; only recordings of elastimock are read: `elastimock import FILE"
        ),
        "{}",
        refused.stderr
    );
    let told = run(&["import", &har, "--out", &story]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("38 calls of a HAR"), "{}", told.stderr);
    let same = run(&["diff", &full_sync(), &story]);
    assert_eq!((same.code, &*same.stdout), (Some(0), ""), "{}", same.stderr);
    let recording = Recording::parse("story", &fs::read(&story).expect("a file")).expect("a recording");
    assert_eq!(recording.header.es_version.as_deref(), Some("9.6.0"));
    let server = MockServer::builder().playback(recording.clone()).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for call in recording.interactions.iter().take(5) {
        let headers = call.request.headers().iter().filter(|(name, _)| *name == "content-type");
        let request = elastimock::http::Request::new(call.request.method().clone(), call.request.target())
            .with_body(call.request.body().clone());
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(client.send(&request).status, call.response.status());
    }
    server.assert_conformant();
}

#[test]
fn diff_tells_what_only_one_has_and_what_differs() {
    let folder = folder();
    let text = fs::read_to_string(path("fixtures/recordings/claim_story.ndjson")).expect("a recording");
    let first = write(&folder, "a.ndjson", &text);
    let changed: String = text
        .lines()
        .filter(|line| !line.contains(r#""seq":2,"#))
        .map(|line| line.replace(r#""indexed_document_count":120"#, r#""indexed_document_count":121"#) + "\n")
        .collect();
    let second = write(&folder, "b.ndjson", &changed);
    let told = run(&["diff", &first, &second]);
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stdout.contains("/_check_in → 200\n"), "{}", told.stdout);
    assert!(told.stdout.contains("request body /indexed_document_count: 120 and 121"), "{}", told.stdout);
    let told = json(&run(&["diff", &first, &second, "--json"]).stdout);
    assert_eq!(told["only_first"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["differing"][0]["request"][0]["first"], "120");
    assert_eq!(run(&["diff", &first, &first]).code, Some(0));
}

#[test]
fn answers_become_a_fixture_and_other_things_are_refused_with_a_cure() {
    let folder = folder();
    let answer = write(
        &folder,
        "answer.json",
        r#"{"count":1,"results":[{"id":"crm","index_name":"search-crm","service_type":"dir"}]}"#,
    );
    let fixture = folder.path().join("fixture.json").display().to_string();
    let told = run(&["import", &answer, "--out", &fixture]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(run(&["lint", &fixture]).code, Some(0));
    let value: Value = serde_json::from_str(&fs::read_to_string(&fixture).expect("a file")).expect("JSON");
    assert!(value.to_string().contains("search-crm"), "{value}");
    let har = write(&folder, "x.har", "{\"log\":\n {\"entries\":7}}");
    let told = run(&["import", &har]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("x.har:2:13: /log/entries: this is no list; "), "{}", told.stderr);
    let told = run(&["import", &har, &answer]);
    assert!(told.code == Some(2) && told.stderr.contains("import them one by one"), "{}", told.stderr);
    let foreign = write(
        &folder,
        "foreign.har",
        r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://h/x/y/z","headers":[]},"response":{"status":200}}]}}"#,
    );
    let told = run(&["import", &foreign]);
    assert!(told.code == Some(2) && told.stderr.contains("--all keeps"), "{}", told.stderr);
}

#[cfg(unix)]
#[test]
fn an_exported_script_makes_the_calls() {
    let folder = folder();
    let story = path("fixtures/recordings/claim_story.ndjson").display().to_string();
    let script = folder.path().join("story.sh").display().to_string();
    assert_eq!(run(&["export", &story, "--as", "curl", "--out", &script]).code, Some(0));
    let recording = Recording::parse("f", &fs::read(&story).expect("a file")).expect("a recording");
    let fixture = elastimock::Fixture::from_json(&recording.header.state.to_string()).expect("a fixture");
    let server = MockServer::builder().fixture(fixture).start_blocking().expect("a server");
    let ran = std::process::Command::new("sh").args([&script, server.url()]).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let calls = server.journal();
    assert_eq!(calls.len(), recording.interactions.len());
    for (was, is) in recording.interactions.iter().zip(&calls) {
        assert_eq!((was.request.target(), was.response.status()), (is.request.target(), is.response.status()));
    }
}
