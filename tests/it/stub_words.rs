//! Every word of a stub means the same by every door: a fixture in JSON, one in YAML, the admin API, and Rust.

use std::time::Instant;

use elastimock::http::{Method, Request};
use elastimock::stub::FaultKind;
use elastimock::{Connector, Fixture, MockServer, Stub, SyncJob, SyncStatus};
use serde_json::{Value, json};

use crate::support::Client;

/// A stub in YAML and in Rust, and what comes of some calls.
struct Word {
    yaml: &'static str,
    rust: Stub,
    calls: Vec<(Request, &'static str)>,
}

fn word(yaml: &'static str, rust: Stub, calls: impl IntoIterator<Item = (Request, &'static str)>) -> Word {
    Word { yaml, rust, calls: calls.into_iter().collect() }
}

fn get(target: &str) -> Request {
    Request::new(Method::Get, target)
}

fn post(target: &str, body: &Value) -> Request {
    Request::new(Method::Post, target).json(body.to_string())
}

fn claim(job: &str, worker: &str) -> Request {
    Request::new(Method::Put, format!("/_connector/_sync_job/{job}/_claim"))
        .json(json!({ "worker_hostname": worker }).to_string())
}

fn bulk(count: usize) -> Request {
    let lines = (1..=count).map(|id| format!("{{\"index\":{{\"_index\":\"a\",\"_id\":\"{id}\"}}}}\n{{}}\n"));
    Request::new(Method::Post, "/_bulk")
        .header("content-type", "application/x-ndjson")
        .with_body(lines.collect::<String>())
}

/// What a call was not stubbed to.
const OWN: &str = "own";

fn conditions() -> Vec<Word> {
    let search = |size: u64| post("/search-crm/_search", &json!({ "size": size, "query": { "match_all": {} } }));
    let stopped = |stub: Stub| stub.status(418);
    [
        word("operation: info", stopped(Stub::on("info")), [(get("/"), "418"), (get("/_connector"), OWN)]),
        word(
            "operation: 'connector.*'",
            stopped(Stub::on("connector.*")),
            [(get("/_connector"), "418"), (get("/"), OWN)],
        ),
        word(
            "{ method: put, path: '/_index_template/*' }",
            stopped(Stub::put("/_index_template/*")),
            [(Request::new(Method::Put, "/_index_template/x").json("{}"), "418"), (get("/_index_template/x"), OWN)],
        ),
        word(
            "{ method: GET, path: '/_ml/**' }",
            stopped(Stub::get("/_ml/**")),
            [(get("/_ml/a/b"), "418"), (get("/_mlx"), OWN)],
        ),
        word(
            "{ method: DELETE, path: '/a/*/c' }",
            stopped(Stub::delete("/a/*/c")),
            [(Request::new(Method::Delete, "/a/b/c"), "418"), (Request::new(Method::Delete, "/a/b/b/c"), OWN)],
        ),
        word(
            "query: { size: '1*' }",
            stopped(Stub::any().query("size", "1*")),
            [(get("/a/_search?size=10"), "418"), (get("/a/_search?size=2"), OWN)],
        ),
        word(
            "headers: { X-Opaque-Id: 'w-*' }",
            stopped(Stub::any().header_like("X-Opaque-Id", "w-*")),
            [(get("/").header("x-opaque-id", "w-1"), "418"), (get("/").header("x-opaque-id", "v-1"), OWN)],
        ),
        word(
            "body: { size: 0 }",
            stopped(Stub::any().body_like(json!({ "size": 0 }))),
            [(search(0), "418"), (search(1), OWN)],
        ),
        word(
            "body: { size: { $type: number } }",
            stopped(Stub::any().body_like(json!({ "size": { "$type": "number" } }))),
            [(search(3), "418"), (post("/search-crm/_search", &json!({ "size": "3" })), OWN)],
        ),
        word(
            "body: { worker_hostname: { $pattern: 'w-?' } }",
            stopped(Stub::any().body_like(json!({ "worker_hostname": { "$pattern": "w-?" } }))),
            [(claim("job-1", "w-1"), "418"), (claim("job-1", "w-11"), OWN)],
        ),
        word(
            "body: { query: { $present: false } }",
            stopped(Stub::any().body_like(json!({ "query": { "$present": false } }))),
            [(post("/search-crm/_search", &json!({ "size": 1 })), "418"), (search(1), OWN)],
        ),
        word(
            "body: { size: { $any: [1, 2] } }",
            stopped(Stub::any().body_like(json!({ "size": { "$any": [1, 2] } }))),
            [(search(2), "418"), (search(3), OWN)],
        ),
        word(
            "job: job-1",
            stopped(Stub::any().job("job-1")),
            [(claim("job-1", "w"), "418"), (claim("job-2", "w"), OWN)],
        ),
        word(
            "connector: crm",
            stopped(Stub::any().connector("crm")),
            [(claim("job-1", "w"), "418"), (get("/_connector/other"), OWN)],
        ),
        word("index: 'search-*'", stopped(Stub::any().index("search-*")), [(search(1), "418"), (get("/"), OWN)]),
        word(
            "worker: w-3",
            stopped(Stub::any().worker("w-3")),
            [(Request::new(Method::Put, "/_connector/_sync_job/job-3/_check_in"), "418"), (claim("job-1", "w-1"), OWN)],
        ),
        word(
            "state: in_progress",
            stopped(Stub::any().state("in_progress")),
            [(Request::new(Method::Put, "/_connector/_sync_job/job-3/_check_in"), "418"), (claim("job-1", "w-1"), OWN)],
        ),
        word(
            "{ operation: info, call: 2 }",
            stopped(Stub::on("info").call(2)),
            [(get("/"), OWN), (get("/"), "418"), (get("/"), OWN)],
        ),
        word(
            "{ operation: info, calls: 1-2 }",
            stopped(Stub::on("info").calls(1..=2)),
            [(get("/"), "418"), (get("/"), "418"), (get("/"), OWN)],
        ),
        word(
            "{ operation: info, calls: 2.. }",
            stopped(Stub::on("info").calls(2..)),
            [(get("/"), OWN), (get("/"), "418"), (get("/"), "418")],
        ),
        word(
            "{ operation: info, calls: 2.., within: 1h }",
            stopped(Stub::on("info").calls(2..).within("1h")),
            [(get("/"), OWN), (get("/"), "418"), (get("/"), "418")],
        ),
        word(
            "{ operation: info, every: 3 }",
            stopped(Stub::on("info").every(3)),
            [(get("/"), OWN), (get("/"), OWN), (get("/"), "418")],
        ),
    ]
    .into_iter()
    .map(|word| Word {
        yaml: Box::leak(format!("request: {}\nresponse: {{ status: 418 }}", braced(word.yaml)).into_boxed_str()),
        ..word
    })
    .collect()
}

fn braced(text: &str) -> String {
    if text.starts_with('{') { text.to_owned() } else { format!("{{ {text} }}") }
}

fn answers() -> Vec<Word> {
    vec![
        word(
            "request: { operation: info }\nresponse: { status: 201, headers: { x-a: b }, body: { a: [1] } }",
            Stub::on("info").json(201, json!({ "a": [1] })).header("x-a", "b"),
            [(get("/"), r#"201 x-a=b {"a":[1]}"#)],
        ),
        word(
            "request: { operation: info }\nresponse: { status: 502, text: Bad Gateway }",
            Stub::on("info").text(502, "Bad Gateway"),
            [(get("/"), "502 Bad Gateway")],
        ),
        word(
            "request: { operation: ml.get_jobs }\nresponse: { status: 200, template: { job: '{{path.job_id}}', from: '{{query.from}}', call: '{{call}}' } }",
            Stub::on("ml.get_jobs").template(200, json!({ "job": "{{path.job_id}}", "from": "{{query.from}}", "call": "{{call}}" })),
            [(get("/_ml/anomaly_detectors/j%201?from=5"), r#"200 {"job":"j 1","from":"5","call":1}"#)],
        ),
        word(
            "request: { operation: connector.sync_job_claim }\nresponse: { status: 200, template: { job: '{{path.connector_sync_job_id}}', by: '{{body:/worker_hostname}}', at: '{{now}}', id: '{{id}}' } }",
            Stub::on("connector.sync_job_claim").template(
                200,
                json!({ "job": "{{path.connector_sync_job_id}}", "by": "{{body:/worker_hostname}}", "at": "{{now}}", "id": "{{id}}" }),
            ),
            // What the mock would refuse has the same places.
            [(claim("job-1", "w-1"), r#"200 {"job":"job-1","by":"w-1","at":"NOW","id":"ID"}"#)],
        ),
        word(
            "request: { operation: connector.sync_job_claim }\nresponse: { status: 200, template: 'job {{path.connector_sync_job_id}}' }",
            Stub::on("connector.sync_job_claim").template(200, json!("job {{path.connector_sync_job_id}}")),
            [(Request::new(Method::Put, "/_connector/_sync_job/job-1/_claim").json(r#"{"worker_hostname":7}"#), "200 job job-1")],
        ),
        word(
            "request: { operation: connector.check_in }\nresponse: { patch: { result: null, patched: true } }",
            Stub::on("connector.check_in").patch(json!({ "result": null, "patched": true })),
            [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"200 {"patched":true}"#)],
        ),
        word(
            "request: { operation: info }\nresponse: { error: version_conflict_engine_exception, reason: too late }",
            Stub::on("info").error("version_conflict_engine_exception").reason("too late"),
            [(get("/"), r#"409 {"error":{"root_cause":[{"type":"version_conflict_engine_exception","reason":"too late"}],"type":"version_conflict_engine_exception","reason":"too late"},"status":409}"#)],
        ),
        word(
            "request: { operation: bulk }\nresponse: { items: { 2: { status: 429 }, '3-4': { error: mapper_parsing_exception, reason: r } } }",
            Stub::on("bulk").item(2, 429).items("3-4", json!({ "error": "mapper_parsing_exception", "reason": "r" })),
            [(bulk(5), "200 [201,429,400,400,201]")],
        ),
        word(
            "request: { operation: bulk }\nresponse: { items: { every 2: { status: 503 } } }",
            Stub::on("bulk").items("every 2", json!({ "status": 503 })),
            [(bulk(5), "200 [201,503,201,503,201]")],
        ),
        word("request: { operation: info }\nresponse: { delay: 1ms, status: 418 }", Stub::on("info").delay("1ms").status(418), [(get("/"), r#"418 {"delay":"1ms"}"#)]),
        word("request: { operation: info }\nresponse: { delay: 2ms-2ms, status: 418 }", Stub::on("info").delay("2ms-2ms").status(418), [(get("/"), r#"418 {"delay":"2ms"}"#)]),
        word("request: { operation: connector.check_in }\nresponse: { fault: reset }", Stub::on("connector.check_in").fault(FaultKind::Reset), [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"0 {"fault":"reset","acts":"before"}"#)]),
        word("request: { operation: connector.check_in }\nresponse: { fault: close, acts: after }", Stub::on("connector.check_in").fault(FaultKind::Close).acts_after(), [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"200 {"fault":"close","acts":"after"} {"result":"updated"}"#)]),
        word("request: { operation: info }\nresponse: { fault: stall }", Stub::on("info").fault(FaultKind::Stall), [(get("/"), r#"0 {"fault":"stall","acts":"before"}"#)]),
        word("request: { operation: connector.check_in }\nresponse: { fault: cut, after_bytes: 3 }", Stub::on("connector.check_in").fault(FaultKind::Cut).after_bytes(3), [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"200 {"fault":"cut","acts":"after","after_bytes":3} {"result":"updated"}"#)]),
        word("request: { operation: connector.check_in }\nresponse: { fault: dribble, over: 2ms }", Stub::on("connector.check_in").fault(FaultKind::Dribble).over("2ms"), [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"200 {"fault":"dribble","acts":"after","over":"2ms"} {"result":"updated"}"#)]),
        word("request: { operation: connector.check_in }\nresponse: { fault: garbage }", Stub::on("connector.check_in").fault(FaultKind::Garbage), [(Request::new(Method::Put, "/_connector/crm/_check_in"), r#"200 {"fault":"garbage","acts":"after"} {"result":"updated"}"#)]),
        word("request: { operation: info }\nresponse: { hold: { name: gate, until: 1 }, status: 418 }", Stub::on("info").hold_until("gate", 1).status(418), [(get("/"), "418")]),
        word(
            "request: { operation: connector.sync_job_get }\nresponse: { hand: { end: '{{path.connector_sync_job_id}}', status: error }, patch: { patched: 1 } }",
            Stub::on("connector.sync_job_get").hand(json!({ "end": "{{path.connector_sync_job_id}}", "status": "error" })).patch(json!({ "patched": 1 })),
            [(get("/_connector/_sync_job/job-2?filter_path=status,id,patched"), r#"200 {"id":"job-2","status":"error","patched":1}"#)],
        ),
        word(
            "request: { operation: info }\nresponses: [ { status: 503 }, { status: 418, headers: { a: b } }, { status: 200, text: last } ]",
            Stub::on("info").status(503).then().status(418).header("a", "b").then().text(200, "last"),
            [(get("/"), "503"), (get("/"), "418 a=b"), (get("/"), "200 last"), (get("/"), "200 last")],
        ),
        word("request: { operation: info }\nresponse: { status: 418 }\ntimes: 1", Stub::on("info").status(418).times(1), [(get("/"), "418"), (get("/"), OWN)]),
        word("request: { operation: info }\nresponse: { status: 418, times: 1 }", Stub::on("info").status(418).times(1), [(get("/"), "418"), (get("/"), OWN)]),
        word("request: { operation: info }\nresponse: { status: 418 }\nchance: 0.0", Stub::on("info").status(418).chance(0.0).expect(0..), [(get("/"), OWN)]),
        word("request: { operation: info }\nresponse: { status: 418 }\nchance: 1\nexpect: 1-2", Stub::on("info").status(418).chance(1.0).expect(1..=2), [(get("/"), "418")]),
        word("request: { operation: info }\nresponse: { status: 418 }\nexpect: never", Stub::on("info").status(418).expect(0..1), []),
    ]
}

fn builder() -> Fixture {
    Fixture::new()
        .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
        .sync_job(SyncJob::pending("job-1", "crm"))
        .sync_job(SyncJob::pending("job-2", "crm"))
        .sync_job(SyncJob::pending("job-3", "crm").status(SyncStatus::InProgress).worker_hostname("w-3"))
}

fn started(fixture: Fixture) -> MockServer {
    MockServer::builder().fixture(fixture).seed(7).start_blocking().unwrap_or_else(|error| panic!("{error}"))
}

/// What becomes of a call, as the journal has it: nobody waits for an answer that never comes.
fn outcome(server: &MockServer, call: &Request, number: usize) -> String {
    let mut client = Client::connect(server.address());
    client.write(call);
    let until = Instant::now() + std::time::Duration::from_secs(20);
    while server.journal().len() < number {
        assert!(Instant::now() < until, "{} {} did not come", call.method(), call.target());
        std::thread::yield_now();
    }
    let known = server.journal().pop().expect("the call");
    let Some(stub) = known.stub() else { return OWN.to_owned() };
    assert_eq!(stub, "it");
    let response = &known.response;
    let mut told = vec![response.status().to_string()];
    let own = |name: &str| ["x-elastic-product", "content-type", "content-length", "x-opaque-id"].contains(&name);
    told.extend(
        response.headers().iter().filter(|(name, _)| !own(name)).map(|(name, value)| format!("{name}={value}")),
    );
    told.extend(known.fault().map(|fault| fault.to_value().to_string()));
    let body = response.text().into_owned();
    match serde_json::from_str::<Value>(&body) {
        Ok(value) if value["items"].is_array() => {
            let items = value["items"].as_array().into_iter().flatten();
            told.push(json!(items.map(|item| item["index"]["status"].clone()).collect::<Vec<_>>()).to_string());
        }
        Ok(mut value) => {
            for (name, pattern) in [("at", "NOW"), ("id", "ID")] {
                let looks_so = value[name].as_str().is_some_and(|text| text.len() >= 20);
                if looks_so {
                    value[name] = pattern.into();
                }
            }
            // What is said of an error by its status alone is Elasticsearch's.
            let is_plain = response.status() == 418 || response.status() == 503;
            told.extend((!is_plain).then(|| value.to_string()));
        }
        Err(_) => told.extend((!body.is_empty()).then_some(body)),
    }
    told.join(" ")
}

#[test]
fn every_word_means_the_same_by_every_door() {
    for Word { yaml, rust, calls } in conditions().into_iter().chain(answers()) {
        let indented = format!("name: it\n{yaml}").replace('\n', "\n    ");
        let read =
            Fixture::from_yaml(&format!("stubs:\n  - {indented}\n")).unwrap_or_else(|error| panic!("{yaml}\n{error}"));
        let spec = read.to_value()["stubs"][0].clone();
        let json = Fixture::from_json(&json!({ "stubs": [spec] }).to_string()).expect(yaml);
        let doors: [(&str, MockServer); 4] = [
            ("YAML", started(builder().merge(read).expect(yaml))),
            ("JSON", started(builder().merge(json).expect(yaml))),
            ("the admin API", {
                let server = started(builder());
                let answer = Client::connect(server.address()).send(&post("/_elastimock/stubs", &spec));
                assert_eq!(answer.status, 200, "{yaml}: {}", answer.text());
                server
            }),
            ("Rust", {
                let server = started(builder());
                server.stub(rust.named("it"));
                server
            }),
        ];
        for (door, server) in doors {
            for (at, (call, expected)) in calls.iter().enumerate() {
                assert_eq!(&outcome(&server, call, at + 1), expected, "call {} by {door}:\n{yaml}", at + 1);
            }
            let unmet = server.findings().into_iter().filter(|finding| finding.rule == "stub-unmet");
            let unmet: Vec<String> = unmet.map(|finding| finding.message).collect();
            let is_never = yaml.contains("chance: 0.0") && door != "Rust";
            assert_eq!(unmet.is_empty(), !is_never, "{door}: {unmet:?}\n{yaml}");
        }
    }
}
