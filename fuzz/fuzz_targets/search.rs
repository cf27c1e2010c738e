//! Whatever a search asks, it gets hits or a refusal in a known form; what is found can be told, and a
//! count of the same query agrees with it.
#![no_main]

use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::{Engine, Fixture, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const FIXTURE: &str = r#"{
    "connectors": [{ "id": "a", "index_name": "docs", "service_type": "directory" }],
    "sync_jobs": [{ "id": "j", "connector_id": "a", "status": "pending", "created_at": "2031-05-01T10:00:00Z" }]
}"#;

fn send(engine: &mut Engine, path: &str, body: Vec<u8>) -> (u16, Value) {
    let request = Request::new(Method::Post, path).json(body);
    let response = engine.receive(&request, Timestamp::default());
    (response.status(), serde_json::from_slice(response.body()).expect("JSON"))
}

fuzz_target!(|body: &[u8]| {
    let fixture = Fixture::from_json(FIXTURE).expect("a fixture");
    let setup = Setup { fixture: fixture.into(), ..Setup::default() };
    let mut engine = Engine::new(setup, Timestamp::default()).expect("a mock");
    let (status, answer) = send(&mut engine, "/.elastic-connectors-sync-jobs/_search?track_total_hits=true", body.to_vec());
    assert!([200, 400, 404].contains(&status), "{answer}");
    if status != 200 {
        assert!(answer["error"]["type"].is_string() && answer["error"]["reason"].is_string(), "{answer}");
        return;
    }
    assert!(answer["hits"]["hits"].is_array(), "{answer}");
    // The same query alone finds as many.
    let query = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let alone = body.as_object()?.len() == 1;
        body.get("query").filter(|_| alone).cloned()
    });
    if let Some(query) = query {
        let body = serde_json::to_vec(&json!({ "query": query })).expect("JSON");
        let (status, count) = send(&mut engine, "/.elastic-connectors-sync-jobs/_count", body);
        assert_eq!((status, &count["count"]), (200, &answer["hits"]["total"]["value"]));
    }
});
