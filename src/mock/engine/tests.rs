//! What a call costs must not grow with what lies beside it.

use std::sync::{Arc, Mutex};

use super::{Engine, Setup, lock};
use crate::clock::{Clock, Timestamp};
use crate::contract::strictness::{Contract, Strictness};
use crate::fixture::{Connector, Fixture, SyncJob};
use crate::http::{Method, Request};
use crate::record::recording::Recording;
use crate::steps::{taken, texts_read};

/// Calls that are put when half of the jobs are claimed and half of them wait.
const CALLS: &[(Method, &str, &str)] = &[
    (Method::Put, "/_connector/_sync_job/job-0/_claim", r#"{"worker_hostname":"w","sync_cursor":{"page":3}}"#),
    (Method::Put, "/_connector/_sync_job/job-1/_check_in", ""),
    (Method::Get, "/_connector/_sync_job/job-1", ""),
    (Method::Post, "/_connector/_sync_job", r#"{"id":"docs","job_type":"access_control"}"#),
    (Method::Post, "/_connector/_sync_job", r#"{"id":"docs","job_type":"full"}"#),
    (Method::Put, "/_connector/docs/_last_sync", r#"{"last_sync_status":"completed"}"#),
    (Method::Put, "/_connector/docs/_check_in", ""),
    (Method::Post, "/_bulk", "{\"index\":{\"_index\":\"search-docs\",\"_id\":\"1\"}}\n{}\n"),
    (Method::Delete, "/_connector/_sync_job/job-3", ""),
];

/// The entries that each of the calls looks at, among that many jobs.
fn costs(contract: Contract, jobs: usize) -> Vec<u64> {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let connector = Connector::new("docs").index_name("search-docs").service_type("postgresql");
    let fixture = Fixture::new().connector(connector.field("status", "connected"));
    let fixture = (0..jobs).fold(fixture, |all, at| all.sync_job(SyncJob::pending(format!("job-{at}"), "docs")));
    let setup = Setup {
        fixture: Arc::new(fixture),
        clock: Clock::frozen(now),
        strictness: Strictness::new(contract),
        ..Setup::default()
    };
    let mut engine = Engine::new(setup, now).expect("an engine");
    let mut put = |method: &Method, target: &str, body: &str| {
        let mut request = Request::new(method.clone(), target);
        if !body.is_empty() {
            request = request.json(body.to_owned());
        }
        let response = engine.receive(&request, now);
        assert!(response.status() < 500, "{target}: {}", response.text());
    };
    for at in (1..jobs).step_by(2) {
        put(&Method::Put, &format!("/_connector/_sync_job/job-{at}/_claim"), r#"{"worker_hostname":"w"}"#);
    }
    CALLS.iter().map(|(method, target, body)| taken(|| put(method, target, body))).collect()
}

/// The entries that are looked at when somebody asks what is due next, and what was found if the run ended now, where
/// five of that many jobs are claimed.
fn costs_of_asking(jobs: usize) -> Vec<u64> {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let connector = Connector::new("docs").index_name("search-docs").service_type("postgresql");
    let fixture = Fixture::new().connector(connector.field("status", "connected"));
    let fixture = (0..jobs).fold(fixture, |all, at| all.sync_job(SyncJob::pending(format!("job-{at}"), "docs")));
    let setup = Setup { fixture: Arc::new(fixture), clock: Clock::frozen(now), ..Setup::default() };
    let mut engine = Engine::new(setup, now).expect("an engine");
    for at in 0..5 {
        let target = format!("/_connector/_sync_job/job-{at}/_claim");
        engine.receive(&Request::new(Method::Put, target).json(r#"{"worker_hostname":"w"}"#), now);
    }
    let due = taken(|| assert!(engine.judge.next_due(now).is_some()));
    let report = taken(|| engine.scopes(true));
    vec![due, report]
}

#[test]
fn a_finding_shows_the_beginning_of_a_long_cursor() {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let connector = Connector::new("docs").index_name("search-docs").service_type("postgresql");
    let connector = connector.field("status", "connected").field("sync_cursor", serde_json::json!({ "page": 3 }));
    let fixture = Arc::new(Fixture::new().connector(connector).sync_job(SyncJob::pending("job", "docs")));
    let setup = Setup { fixture, clock: Clock::frozen(now), ..Setup::default() };
    let mut engine = Engine::new(setup, now).expect("an engine");
    let body = format!(r#"{{"worker_hostname":"w","sync_cursor":{{"pages":["{}"]}}}}"#, "x".repeat(1_000_000));
    let claim = Request::new(Method::Put, "/_connector/_sync_job/job/_claim").json(body);
    assert_eq!(engine.receive(&claim, now).status(), 200);
    let found = engine.findings(false);
    let altered = found.iter().find(|finding| finding.rule == "cursor-altered").expect("a finding");
    let seen = altered.evidence["seen"].as_str().expect("a text");
    assert!(seen.starts_with(r#"{"pages":["xxx"#) && seen.ends_with("x…") && seen.len() < 3_000, "{}", seen.len());
}

#[test]
fn the_end_looks_at_the_jobs_that_were_worked_on() {
    let (few, many) = (costs_of_asking(100), costs_of_asking(2_000));
    assert!(few.iter().all(|steps| *steps > 0), "{few:?}");
    assert_eq!(few, many);
}

/// Who plants and learns the state at the start.
#[derive(Clone, Copy, PartialEq)]
enum StateLearnt {
    /// The first call.
    ByCall,
    /// Somebody before it, while the engine is free.
    Before,
    /// The first call, from the state as one value.
    AsValue,
}

/// What a mock of 200 jobs has to tell of a story, before and after a reset.
fn told(how: StateLearnt) -> String {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let kinds = [
        r#""connector_id": "docs""#,
        r#""connector_id": "docs""#,
        r#""connector_id": "docs", "status": "in_progress", "worker_hostname": "w-1""#,
        r#""connector_id": "docs", "status": "in_progress", "worker_hostname": "w-1""#,
        r#""connector_id": "other", "job_type": "incremental", "sync_cursor": { "page": 1 }"#,
    ];
    let jobs: Vec<String> = (0..200).map(|at| format!(r#"{{ "id": "job-{at}", {} }}"#, kinds[at % 5])).collect();
    let docs = r#"{ "id": "docs", "index_name": "search-docs", "service_type": "postgresql", "status": "connected" }"#;
    let other = r#"{ "id": "other", "sync_cursor": { "page": 3 } }"#;
    let text = format!(r#"{{ "connectors": [ {docs}, {other} ], "sync_jobs": [ {} ] }}"#, jobs.join(", "));
    let fixture = Fixture::from_json(&text).expect("a fixture");
    let state = fixture.to_value();
    let setup = Setup { clock: Clock::frozen(now), ..Setup::of(fixture) };
    let engine = Mutex::new(Engine::new(setup, now).expect("an engine"));
    let warmth = lock(&engine).warmth();
    let begin = || match how {
        StateLearnt::ByCall => {}
        StateLearnt::Before => super::run::warm(&engine, &warmth),
        StateLearnt::AsValue => {
            let mut engine = lock(&engine);
            engine.prepare();
            engine.judge.learn(&state, true);
        }
    };
    let claim = |job: usize| {
        let target = format!("/_connector/_sync_job/job-{job}/_claim");
        let request = Request::new(Method::Put, target).json(r#"{"worker_hostname":" "}"#);
        let response = lock(&engine).receive(&request, now);
        assert_eq!(response.status(), 200);
    };
    begin();
    [5, 5, 6, 7, 9].into_iter().for_each(&claim);
    lock(&engine).reset(now);
    begin();
    [199, 2, 3].into_iter().for_each(&claim);
    let engine = lock(&engine);
    let state = engine.state().expect("a state").to_value();
    format!("{:?} {:?} {state}", engine.scopes(true), engine.recording())
}

#[test]
fn whoever_plants_and_learns_a_large_state_the_mock_is_the_same() {
    let by_call = told(StateLearnt::ByCall);
    assert!(by_call.contains("claim-of-running-job"), "{by_call}");
    assert_eq!(told(StateLearnt::Before), by_call);
    assert_eq!(told(StateLearnt::AsValue), by_call);
}

#[test]
fn whoever_puts_many_jobs_in_order_a_list_of_them_is_the_same() {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let told = |is_prepared: bool| {
        let fixture = Fixture::new().connector(Connector::new("docs")).connector(Connector::new("others"));
        let fixture = (0..1_500).fold(fixture, |all, at| {
            let connector = if at % 3 == 0 { "others" } else { "docs" };
            let job = SyncJob::pending(format!("job-{at}"), connector);
            all.sync_job(job.field("created_at", format!("now-{}s", at * 7 % 1_500)))
        });
        let setup = Setup { fixture: Arc::new(fixture), clock: Clock::frozen(now), ..Setup::default() };
        let engine = Mutex::new(Engine::new(setup, now).expect("an engine"));
        let warmth = lock(&engine).warmth();
        let desk = lock(&engine).desk();
        let call = |method: Method, target: &str, body: &str| {
            let request = Request::new(method, target).json(body.to_owned());
            let read = desk.read(&request);
            if is_prepared {
                super::run::put_in_order(&engine, &warmth, &read);
            }
            let mut engine = lock(&engine);
            let acted = engine.act(read, &request, now);
            let response = acted.render();
            engine.finish(acted, &request, &response, 0);
            response.text().into_owned()
        };
        let mut texts = Vec::new();
        for round in 0..2 {
            for narrowed in ["?size=20", "?status=in_progress", "?connector_id=docs&from=700&size=9", "?status=pending"]
            {
                texts.push(call(Method::Get, &format!("/_connector/_sync_job{narrowed}"), ""));
            }
            for at in (round..1_500).step_by(2) {
                let target = format!("/_connector/_sync_job/job-{at}/_claim");
                texts.push(call(Method::Put, &target, r#"{"worker_hostname":"w"}"#));
            }
        }
        texts.push(call(Method::Delete, "/_connector/docs?delete_sync_jobs=true", ""));
        texts.push(call(Method::Get, "/_connector/_sync_job?size=3", ""));
        texts.push(lock(&engine).state().expect("a state").to_value().to_string());
        texts
    };
    let (prepared, alone) = (told(true), told(false));
    assert!(prepared.iter().zip(&alone).all(|(one, other)| one == other));
    let last = &prepared[prepared.len() - 2];
    assert!(last.starts_with(r#"{"count":500,"#), "{last}");
}

#[test]
fn a_call_looks_at_as_much_among_many_jobs_as_among_few() {
    for contract in [Contract::Warn, Contract::Enforce] {
        let (few, many) = (costs(contract, 100), costs(contract, 2_000));
        for ((few, many), (method, target, body)) in few.iter().zip(&many).zip(CALLS) {
            assert!(
                *many <= few * 2,
                "{method} {target} {body} looks at {few} entries among 100 jobs, {many} among 2,000"
            );
        }
    }
}

/// Calls whose body says what to look for, to keep or to let go, each with the status of its answer.
const CALLS_WITH_BODIES: &[(u16, Method, &str, &str)] = &[
    (200, Method::Post, "/docs/_search", r#"{"query":{"match_all":{}}}"#),
    (200, Method::Get, "/docs/_search?q=a:b&source={}&source_content_type=application/json", ""),
    (400, Method::Post, "/docs/_search", r#"{"query":{"no_such_query":{}}}"#),
    (200, Method::Post, "/docs/_count", r#"{"query":{"term":{"a":1}}}"#),
    (400, Method::Post, "/docs/_count", r#"{"query":{"term":[]}}"#),
    (200, Method::Post, "/docs/_msearch", "{}\n{\"query\":{\"match_all\":{}}}\n"),
    (400, Method::Post, "/docs/_msearch", "{}\n{\"query\":{\"term\":[]}}\n"),
    (200, Method::Post, "/docs/_search?scroll=1m", r#"{"size":1}"#),
    (200, Method::Post, "/_search/scroll", r#"{"scroll":"1m","scroll_id":"ZWxhc3RpbW9ja19zY3JvbGwg0000000000000001"}"#),
    (400, Method::Post, "/_search/scroll", r#"{"scroll_id":1}"#),
    (200, Method::Delete, "/_search/scroll", r#"{"scroll_id":["ZWxhc3RpbW9ja19zY3JvbGwg0000000000000001"]}"#),
    (400, Method::Delete, "/_search/scroll", r#"{"scroll_id":[[]]}"#),
    (200, Method::Post, "/docs/_pit?keep_alive=1m", "{}"),
    (400, Method::Post, "/docs/_pit", "{}"),
    (200, Method::Delete, "/_pit", r#"{"id":"ZWxhc3RpbW9ja19waXQg0000000000000002"}"#),
    (400, Method::Delete, "/_pit", r#"{"id":1}"#),
    (200, Method::Post, "/docs/_update_by_query", r#"{"conflicts":"proceed","query":{"term":{"a":"b"}}}"#),
    (400, Method::Post, "/docs/_update_by_query", r#"{"query":{"term":[]}}"#),
    (200, Method::Post, "/docs/_delete_by_query", r#"{"query":{"match_all":{}}}"#),
    (400, Method::Post, "/docs/_delete_by_query", "{}"),
];

#[test]
fn no_text_is_read_while_others_wait() {
    let now: Timestamp = "2031-05-01T10:00:00Z".parse().expect("an instant");
    let mut engine = Engine::new(Setup { clock: Clock::frozen(now), ..Setup::default() }, now).expect("an engine");
    let mut put = |request: &Request| {
        let read = engine.desk().read(request);
        let mut acted = None;
        let texts = texts_read(|| acted = Some(engine.act(read, request, now)));
        let response = acted.expect("an answer").render();
        assert_eq!(texts, 0, "{} {} reads JSON under the lock", request.method(), request.target());
        response.status()
    };
    put(&Request::new(Method::Put, "/docs/_doc/1").json(r#"{"a":"b"}"#));
    for (status, method, target, body) in CALLS_WITH_BODIES {
        let mut request = Request::new(method.clone(), *target);
        if !body.is_empty() {
            request = request.json(*body);
        }
        assert_eq!(put(&request), *status, "{method} {target} {body}");
    }
    let sync = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/full_sync.ndjson");
    let recording = Recording::parse("full_sync", &std::fs::read(sync).expect("a recording")).expect("a recording");
    for interaction in &recording.interactions {
        put(&interaction.request);
    }
}
