//! `GET /_elastimock/metrics`: read as strictly as Prometheus reads it, and held against what happened.

use std::collections::{BTreeMap, BTreeSet};

use elastimock::http::{Method, Request};
use elastimock::{MockServer, Stub};

use crate::support::Client;

const CLAIM: &str = "/_connector/_sync_job/job-pending/_claim";

type Samples = BTreeMap<String, f64>;

/// The samples of a text in Prometheus' format, by name and labels as they stand there. Panics where it is none.
fn read(text: &str) -> Samples {
    assert!(text.ends_with('\n'), "the last line has no end");
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (mut family, mut helped, mut seen, mut samples) =
        (String::new(), String::new(), BTreeSet::new(), Samples::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a text");
            assert!(is_name(name) && !help.trim().is_empty(), "{line}");
            helped = name.to_owned();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(name == helped && ["counter", "gauge"].contains(&kind), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} comes twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = name.to_owned();
            continue;
        }
        let rest = line.strip_prefix(&*family).unwrap_or_else(|| panic!("{line} is none of {family}"));
        let (labels, value) = rest.rsplit_once(' ').expect("a value");
        if !labels.is_empty() {
            let inside = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).expect("braces");
            let mut rest = inside;
            loop {
                let (name, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("a label: {line}"));
                assert!(is_name(name), "{line}");
                let mut chars = behind.char_indices();
                let end = loop {
                    match chars.next().unwrap_or_else(|| panic!("an open label: {line}")) {
                        (at, '"') => break at,
                        (_, '\\') => assert!(matches!(chars.next(), Some((_, '\\' | '"' | 'n'))), "{line}"),
                        (_, c) => assert!(!c.is_control(), "{line}"),
                    }
                };
                match behind[end + 1..].strip_prefix(',') {
                    Some(more) => rest = more,
                    None => {
                        assert_eq!(&behind[end + 1..], "", "{line}");
                        break;
                    }
                }
            }
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        assert!(samples.insert(format!("{family}{labels}"), value).is_none(), "{line} comes twice");
    }
    samples
}

fn metrics(client: &mut Client) -> Samples {
    let answer = client.send(&Request::new(Method::Get, "/_elastimock/metrics"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    read(&answer.text())
}

#[test]
fn a_run_in_numbers() {
    let server = MockServer::builder().journal_entries_max(3).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let before = metrics(&mut client);
    assert_eq!(before["elastimock_scopes_total"], 1.0);
    assert_eq!(before.keys().filter(|name| name.starts_with("elastimock_calls_total")).count(), 0);
    let claim = |host: &str| Request::new(Method::Put, CLAIM).json(format!(r#"{{"worker_hostname":"{host}"}}"#));
    client.send(&claim(" "));
    for _ in 0..4 {
        client.send(&Request::new(Method::Put, "/_connector/_sync_job/no-such/_check_in"));
    }
    server.scope("another test");
    client.send(&claim(" "));
    client.send(&Request::new(Method::Get, "/no/such/thing"));
    let told = metrics(&mut client);
    for (name, value) in [
        // Most of these calls are no longer in the journal.
        (r#"elastimock_calls_total{operation="connector.sync_job_claim",status="200"}"#, 2.0),
        (r#"elastimock_calls_total{operation="connector.sync_job_check_in",status="404"}"#, 4.0),
        (r#"elastimock_calls_total{operation="none",status="400"}"#, 1.0),
        (r#"elastimock_findings_total{rule="blank-worker-hostname",severity="error"}"#, 2.0),
        (r#"elastimock_findings_total{rule="unknown-operation",severity="error"}"#, 1.0),
        ("elastimock_findings_forgotten_total", 0.0),
        ("elastimock_scopes_total", 2.0),
        ("elastimock_scope_calls", 2.0),
        ("elastimock_journal_entries", 3.0),
        ("elastimock_journal_evicted_total", 5.0),
        ("elastimock_connections", 1.0),
        ("elastimock_connections_total", 1.0),
        ("elastimock_held_calls", 0.0),
    ] {
        assert_eq!(told.get(name), Some(&value), "{name} in {told:#?}");
    }
    assert!(told["elastimock_journal_bytes"] > 0.0);
    server.forget();
    let told = metrics(&mut client);
    assert_eq!(told["elastimock_findings_forgotten_total"], 3.0);
    assert_eq!(told.keys().filter(|name| name.starts_with("elastimock_findings_total")).count(), 0, "{told:#?}");
}

#[test]
fn names_that_users_give_stay_labels() {
    let server = MockServer::start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for name in ["plain", "a \"quoted\" \\ name", "two\nlines", "{x=\"1\"} 7", "\u{1b}[31m\u{2028}"] {
        server.stub(Stub::get("/plain").named(name).json(200, serde_json::json!({})).expect(0..));
    }
    client.send(&Request::new(Method::Get, "/plain"));
    let told = metrics(&mut client);
    let stubs: Vec<(&String, &f64)> =
        told.iter().filter(|(name, _)| name.starts_with("elastimock_stub_answers")).collect();
    assert_eq!(stubs.len(), 5, "{stubs:?}");
    assert_eq!(stubs.iter().map(|(_, answered)| **answered).sum::<f64>(), 1.0);
    assert!(told.contains_key(r#"elastimock_stub_answers{stub="a \"quoted\" \\ name"}"#), "{stubs:?}");
}

#[test]
fn the_reader_refuses_what_is_no_exposition() {
    for text in [
        "",
        "# HELP a b\n# TYPE a gauge\na 1",
        "# HELP a b\n# TYPE a gauge\na one\n",
        "# HELP a b\n# TYPE a counter\na 1\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"c} 1\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"\\x\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a b\n# TYPE b gauge\n",
    ] {
        assert!(std::panic::catch_unwind(|| read(text)).is_err(), "{text}");
    }
}
