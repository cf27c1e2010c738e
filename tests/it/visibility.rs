//! What a search sees of a write, with `--visibility refresh`; and who is told of a search that came too soon.

use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::Strictness;
use elastimock::elasticsearch::Visibility;
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::report::Report;
use elastimock::{Clock, Engine, Fixture, Timestamp};
use serde_json::{Value, json};

use crate::support::{T0, instant, rule_of};

struct Mock {
    engine: Engine,
    now: Timestamp,
}

impl Mock {
    fn new(visibility: Visibility) -> Mock {
        let now = instant(T0);
        let setup = Setup { clock: Clock::frozen(now), visibility: Some(visibility), ..Setup::default() };
        Mock { engine: Engine::new(setup, now).expect("a mock"), now }
    }

    fn send(&mut self, method: Method, target: &str, body: Value) -> (u16, Value) {
        let mut request = Request::new(method, target);
        if let Value::String(lines) = &body {
            request = request.header("content-type", "application/x-ndjson").with_body(lines.clone());
        } else if !body.is_null() {
            request = request.json(body.to_string());
        }
        let response = self.engine.receive(&request, self.now);
        (response.status(), serde_json::from_str(&response.text()).unwrap_or_default())
    }

    fn put(&mut self, target: &str, body: Value) -> u16 {
        self.send(Method::Put, target, body).0
    }

    fn count(&mut self, index: &str) -> Option<u64> {
        self.send(Method::Get, &format!("/{index}/_count"), Value::Null).1["count"].as_u64()
    }

    fn advance(&mut self, by: Duration) {
        self.now = self.now.plus(by);
        self.engine.set_clock(Clock::frozen(self.now));
    }

    fn rules(&self) -> Vec<&'static str> {
        let rules = self.engine.findings(false);
        rules.iter().map(rule_of).filter(|rule| *rule == "unrefreshed-read").collect()
    }
}

#[test]
fn a_fixture_says_what_the_builder_does_not() {
    let now = instant(T0);
    let says = Fixture::from_json(r#"{ "visibility": "refresh" }"#).expect("a fixture");
    for (asked, expected) in
        [(None, Some(0)), (Some(Visibility::Refresh), Some(0)), (Some(Visibility::Immediate), Some(1))]
    {
        let fixture = Arc::new(says.clone());
        let setup = Setup { clock: Clock::frozen(now), visibility: asked, fixture, ..Setup::default() };
        let mut mock = Mock { engine: Engine::new(setup, now).expect("a mock"), now };
        assert_eq!(mock.put("/docs/_doc/1", json!({ "n": 1 })), 201);
        assert_eq!(mock.count("docs"), expected, "{asked:?}");
        let outcome = mock.engine.add_state(&says, now);
        match expected {
            Some(0) => outcome.expect("the same"),
            _ => assert!(outcome.expect_err("another").to_string().contains("start it with --visibility refresh")),
        }
        // Nor does a whole state turn the mock into another.
        assert_eq!(mock.engine.put_state(&says, now).is_ok(), expected == Some(0), "{asked:?}");
    }
}

#[test]
fn a_search_sees_what_the_last_refresh_has_shown() {
    let mut mock = Mock::new(Visibility::Refresh);
    assert_eq!(mock.put("/docs/_doc/1", json!({ "n": 1 })), 201);
    assert_eq!(mock.count("docs"), Some(0));
    assert_eq!(mock.send(Method::Get, "/docs/_doc/1", Value::Null).0, 200);
    assert_eq!(mock.send(Method::Get, "/docs/_doc/1?realtime=false", Value::Null).0, 404);
    assert_eq!(mock.send(Method::Post, "/docs/_search", json!({})).1["hits"]["total"]["value"], 0);
    assert_eq!(mock.send(Method::Post, "/docs/_search?scroll=1m", json!({})).1["hits"]["total"]["value"], 0);
    let swept = mock.send(Method::Post, "/docs/_delete_by_query", json!({ "query": { "match_all": {} } }));
    assert_eq!((swept.0, &swept.1["total"]), (200, &json!(0)));
    assert_eq!(mock.send(Method::Post, "/docs/_refresh", Value::Null).0, 200);
    assert_eq!(mock.count("docs"), Some(1));

    // What is seen of a document that has been written again is what it was before.
    mock.put("/docs/_doc/1", json!({ "n": 2 }));
    let found = mock.send(Method::Post, "/docs/_search", json!({ "query": { "term": { "n": 1 } } })).1;
    assert_eq!(found["hits"]["hits"][0]["_source"], json!({ "n": 1 }));
    let refused = mock.send(Method::Post, "/docs/_update_by_query", json!({}));
    assert_eq!((refused.0, &refused.1["version_conflicts"]), (409, &json!(1)), "{}", refused.1);
    assert_eq!(refused.1["failures"][0]["cause"]["type"], "version_conflict_engine_exception");
    let passed = mock.send(Method::Post, "/docs/_update_by_query?conflicts=proceed", json!({}));
    assert_eq!((passed.0, &passed.1["updated"], &passed.1["failures"]), (200, &json!(0), &json!([])));
    assert_eq!(mock.send(Method::Delete, "/docs/_doc/1", Value::Null).0, 200);
    assert_eq!(mock.count("docs"), Some(1));

    // An index refreshes itself, in its own time.
    mock.advance(Duration::from_millis(999));
    assert_eq!(mock.count("docs"), Some(1));
    mock.advance(Duration::from_millis(1));
    assert_eq!(mock.count("docs"), Some(0));
    for (target, seen) in [("/docs/_doc/2", 0), ("/docs/_doc/3?refresh=false", 0), ("/docs/_doc/4?refresh=wait_for", 3)]
    {
        mock.put(target, json!({}));
        assert_eq!(mock.count("docs"), Some(seen), "{target}");
    }
    assert_eq!(mock.put("/never", json!({ "settings": { "refresh_interval": "-1" } })), 200);
    mock.send(Method::Post, "/never/_bulk", json!("{\"index\":{}}\n{}\n"));
    mock.advance(Duration::from_secs(3600));
    assert_eq!(mock.count("never"), Some(0));
    mock.send(Method::Post, "/never/_bulk?refresh=true", json!("{\"index\":{}}\n{}\n"));
    assert_eq!(mock.count("never"), Some(2));
}

#[test]
fn lists_see_direct_writes_after_a_refresh_and_calls_of_the_connector_api_at_once() {
    let mut mock = Mock::new(Visibility::Refresh);
    let status = |mock: &mut Mock| {
        let list = mock.send(Method::Get, "/_connector/_sync_job?status=suspended", Value::Null).1;
        list["count"].as_u64()
    };
    let before = status(&mut mock);
    let doc = json!({ "doc": { "status": "suspended" } });
    assert_eq!(mock.send(Method::Post, "/.elastic-connectors-sync-jobs/_update/job-pending", doc).0, 200);
    assert_eq!(status(&mut mock), before);
    assert_eq!(mock.put("/_connector/_sync_job/job-pending/_check_in", Value::Null), 200);
    assert_eq!(status(&mut mock), before.map(|before| before + 1));
}

#[test]
fn who_searches_too_soon_is_told_live_and_from_the_recording() {
    for visibility in Visibility::ALL {
        for (writes, read, is_told) in [
            (&["/d/_doc/1"][..], "/d/_count", true),
            (&["/d/_doc/1"], "/d/_search", true),
            (&["/d/_doc/1"], "/_search?size=0", true),
            (&["/d/_doc/1"], "/e*/_search?ignore_unavailable=true", false),
            (&["/d/_doc/1"], "/d/_search?q=zebra", false),
            (&["/d/_doc/1?refresh=true"], "/d/_count", false),
            (&["/d/_doc/1", "/d/_doc/2?refresh=wait_for"], "/d/_count", false),
            (&["/d/_doc/1"], "/d/_doc/1", false),
        ] {
            let mut mock = Mock::new(visibility);
            for write in writes {
                mock.put(write, json!({ "n": 1 }));
            }
            mock.send(Method::Get, read, Value::Null);
            mock.send(Method::Get, read, Value::Null);
            // It is told once.
            assert_eq!(mock.rules().len(), usize::from(is_told), "{visibility}: {writes:?} {read}");
            let text = mock.engine.recording().to_text();
            let told = Report::of_recordings(&[("it.ndjson", text.as_bytes())], Strictness::default()).expect("it");
            let offline = told.findings.iter().filter(|finding| finding.rule == "unrefreshed-read").count();
            assert_eq!(offline, usize::from(is_told), "{visibility}: {writes:?} {read}");
        }
        // A document that was written before and is found by another field is nobody's fault.
        let mut mock = Mock::new(visibility);
        mock.put("/d/_doc/1?refresh=true", json!({ "n": 1, "kind": "file" }));
        mock.put("/d/_doc/2", json!({ "n": 1, "kind": "page" }));
        let query = |kind: &str| json!({ "query": { "bool": { "filter": [{ "term": { "kind.keyword": kind } }] } } });
        mock.send(Method::Post, "/d/_search", query("file"));
        assert_eq!(mock.rules(), [""; 0], "{visibility}");
        mock.send(Method::Post, "/d/_count", query("page"));
        assert_eq!(mock.rules().len(), 1, "{visibility}");
        // After the interval of the index all is well.
        let mut mock = Mock::new(visibility);
        mock.put("/d", json!({ "settings": { "index": { "refresh_interval": "30s" } } }));
        mock.send(
            Method::Post,
            "/d/_bulk",
            json!("{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"9\"}}\n"),
        );
        mock.advance(Duration::from_secs(31));
        mock.count("d");
        assert_eq!(mock.rules(), [""; 0], "{visibility}");
        mock.send(Method::Delete, "/d/_doc/1", Value::Null);
        mock.count("d");
        assert_eq!(mock.rules().len(), 1, "{visibility}");
    }
}

#[test]
fn elastic_s_service_refreshes_before_it_looks() {
    let mut mock = Mock::new(Visibility::Immediate);
    let doc = json!({ "doc": { "status": "suspended" } });
    for _ in 0..2 {
        mock.send(Method::Post, "/.elastic-connectors-sync-jobs/_update/job-pending", doc.clone());
        mock.send(Method::Post, "/.elastic-connectors-sync-jobs/_refresh", Value::Null);
        mock.send(Method::Post, "/.elastic-connectors-sync-jobs/_search", json!({ "query": { "match_all": {} } }));
    }
    assert_eq!(mock.rules(), [""; 0]);
}
