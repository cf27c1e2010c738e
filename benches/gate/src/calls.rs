//! The calls whose instructions are counted, inside one thread and without a socket.
//!
//! Each case is prepared, warmed up, and then made a number of times inside [`gate_measured`], at whose
//! end callgrind writes down what it has counted.

use std::hint::black_box;
use std::sync::Arc;

use elastimock::contract::{Contract, Strictness};
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::{Clock, Engine, Fixture, Timestamp};

/// The name of the function that callgrind counts in.
pub const MEASURED: &str = "gate_measured";

/// Jobs of a small and of a large cluster.
pub const SIZES: [usize; 2] = [1_000, 20_000];

const WARM_UP: usize = 20;
const SEARCH: &str = r#"{"from":0,"size":10,"query":{"terms":{"_id":["docs"]}}}"#;
const POLL: &str = r#"{"from":0,"size":10,"seq_no_primary_term":true,"sort":[{"created_at":"asc"}],"query":{"bool":{"must":[{"terms":{"status":["pending"]}},{"terms":{"connector.id":["docs"]}}]}}}"#;

/// A call, made so many times, and divided by so much.
pub struct Case {
    /// What the figure is called.
    pub name: &'static str,
    contract: Contract,
    calls: usize,
    /// What one call is divided by: documents, where it has many.
    pub parts: usize,
    /// Whether it must cost the same in a large cluster.
    pub grows: bool,
    /// Whether a recording answers.
    is_played: bool,
    request: fn(usize) -> Request,
}

const fn case(name: &'static str, request: fn(usize) -> Request) -> Case {
    Case { name, contract: Contract::Warn, calls: 100, parts: 1, grows: true, is_played: false, request }
}

/// All of them.
pub const CASES: &[Case] = &[
    case("claim", |number| put(number, "_claim", CLAIM)),
    Case { contract: Contract::Enforce, ..case("claim_enforce", |number| put(number, "_claim", CLAIM)) },
    Case { is_played: true, grows: false, ..case("claim_played", |number| put(number, "_claim", CLAIM)) },
    case("claim_again", |_| put(0, "_claim", CLAIM)),
    case("check_in", |number| put(number % 10, "_check_in", "")),
    case("statistics", |number| {
        put(
            number % 10,
            "_stats",
            r#"{"deleted_document_count":1,"indexed_document_count":2,"indexed_document_volume":3}"#,
        )
    }),
    case("job_get", |number| request(Method::Get, format!("/_connector/_sync_job/{}", id(number)), "")),
    case("job_list", |_| request(Method::Get, "/_connector/_sync_job?size=10".to_owned(), "")),
    case("job_post", |_| {
        request(Method::Post, "/_connector/_sync_job".to_owned(), r#"{"id":"docs","job_type":"full"}"#)
    }),
    case("job_update", |number| {
        let path = format!("/.elastic-connectors-sync-jobs/_update/{}", id(number));
        request(Method::Post, path, r#"{"doc":{"metadata":{"seen":1}}}"#)
    }),
    case("connector_get", |_| request(Method::Get, "/_connector/docs".to_owned(), "")),
    case("connector_list", |_| request(Method::Get, "/_connector?size=10".to_owned(), "")),
    case("connector_put", |number| {
        let body = format!(r#"{{"index_name":"content-{number}","service_type":"directory"}}"#);
        request(Method::Put, format!("/_connector/new-{number}"), &body)
    }),
    case("connector_check_in", |_| request(Method::Put, "/_connector/docs/_check_in".to_owned(), "")),
    case("document_get", |_| request(Method::Get, "/search-docs/_doc/1".to_owned(), "")),
    case("document_put", |number| request(Method::Put, format!("/search-docs/_doc/{number}"), DOCUMENT)),
    case("bulk_of_1", |number| request(Method::Post, "/_bulk".to_owned(), &bulk(number, 1))),
    Case {
        calls: 2,
        parts: 1_000,
        ..case("bulk_of_1000_each", |number| request(Method::Post, "/_bulk".to_owned(), &bulk(number, 1_000)))
    },
    case("poll_of_connectors", |_| request(Method::Post, "/.elastic-connectors/_search".to_owned(), SEARCH)),
    // It looks at every job by its nature.
    Case {
        calls: 2,
        grows: false,
        ..case("poll_of_jobs", |_| request(Method::Post, "/.elastic-connectors-sync-jobs/_search".to_owned(), POLL))
    },
];

const CLAIM: &str = r#"{"worker_hostname":"worker-1","sync_cursor":{"page":3}}"#;
const DOCUMENT: &str = r#"{"path":"/docs/1.txt","size":1,"title":"Document number 1"}"#;

fn id(number: usize) -> String {
    format!("job-{number:016}")
}

fn put(number: usize, action: &str, body: &str) -> Request {
    request(Method::Put, format!("/_connector/_sync_job/{}/{action}", id(number)), body)
}

fn bulk(number: usize, documents: usize) -> String {
    (0..documents)
        .map(|at| {
            format!(
                "{{\"index\":{{\"_index\":\"search-docs\",\"_id\":\"{}\"}}}}\n{DOCUMENT}\n",
                number * documents + at
            )
        })
        .collect()
}

/// With the headers that Elasticsearch's Python client sends.
fn request(method: Method, target: String, body: &str) -> Request {
    let is_bulk = target.starts_with("/_bulk");
    let media = if is_bulk { "x-ndjson" } else { "json" };
    let media = format!("application/vnd.elasticsearch+{media}; compatible-with=9");
    let request = Request::new(method, target)
        .header("host", "localhost:9200")
        .header("accept-encoding", "identity")
        .header("content-length", &body.len().to_string())
        .header("accept", "application/vnd.elasticsearch+json; compatible-with=9")
        .header("connection", "keep-alive")
        .header("user-agent", "elasticsearch-py/9.1.0 (Python/3.12.4; elastic-transport/9.1.0)")
        .header("x-elastic-client-meta", "es=9.1.0,py=3.12.4,t=9.1.0,ur=2.2.2");
    if body.is_empty() { request } else { request.header("content-type", &media).with_body(body.to_owned()) }
}

/// A claim as it goes over the wire.
pub fn claim_on_the_wire(number: usize) -> Vec<u8> {
    let request = put(number, "_claim", CLAIM);
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.target());
    for (name, value) in request.headers().iter() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    (text + "\r\n" + CLAIM).into_bytes()
}

/// A connector that owns `search-docs`, that many further ones divided by ten, and that many waiting jobs.
pub fn fixture(jobs: usize) -> Fixture {
    Fixture::from_json(&fixture_text(jobs)).expect("a fixture")
}

/// The same as a text.
pub fn fixture_text(jobs: usize) -> String {
    fixture_text_of(jobs / 10, jobs)
}

/// That many connectors beside the one that owns `search-docs`, and that many waiting jobs, as a text.
pub fn fixture_text_of(connectors: usize, jobs: usize) -> String {
    let mut text = String::from(
        r#"{"connectors":[{"id":"docs","index_name":"search-docs","service_type":"directory","status":"connected","sync_cursor":{"page":3}}"#,
    );
    for number in 0..connectors {
        text.push_str(&format!(
            r#",{{"id":"other-{number}","index_name":"search-{number}","service_type":"directory"}}"#
        ));
    }
    text.push_str(r#"],"sync_jobs":["#);
    for number in 0..jobs {
        let comma = if number > 0 { "," } else { "" };
        text.push_str(&format!(
            r#"{comma}{{"id":"{}","connector_id":"docs","status":"pending","job_type":"full"}}"#,
            id(number)
        ));
    }
    text.push_str("]}");
    text
}

fn now() -> Timestamp {
    "2031-05-01T10:00:00Z".parse().expect("an instant")
}

/// Runs the cases in a cluster with that many jobs and says their names; callgrind counts. Those of one
/// contract share a server, for its making is the slow part.
pub fn run(jobs: usize) {
    let (fixture, now) = (Arc::new(fixture(jobs)), now());
    let cases = CASES.iter().filter(|case| case.grows || jobs == SIZES[0]);
    for contract in [Contract::Warn, Contract::Enforce] {
        let setup = Setup {
            fixture: fixture.clone(),
            clock: Clock::frozen(now),
            strictness: Strictness::new(contract),
            ..Setup::default()
        };
        let mut engine = Engine::new(setup, now).expect("an engine");
        // Ten jobs are at work, and the index of a connector holds a document.
        for number in 0..10 {
            receive(&mut engine, &put(900 + number, "_claim", CLAIM), now);
        }
        receive(&mut engine, &request(Method::Put, "/search-docs/_doc/1".to_owned(), DOCUMENT), now);
        for case in cases.clone().filter(|case| case.contract == contract) {
            if case.is_played {
                let requests: Vec<Request> = (0..WARM_UP + case.calls).map(case.request).collect();
                let mut player = player(&fixture, &requests, now);
                for request in &requests[..WARM_UP] {
                    receive(&mut player, request, now);
                }
                gate_measured(&mut player, &requests[WARM_UP..], now);
                println!("{} {}", case.name, case.calls * case.parts);
                continue;
            }
            for number in 0..WARM_UP.min(case.calls * 10) {
                receive(&mut engine, &(case.request)(number), now);
            }
            let requests: Vec<Request> = (WARM_UP..WARM_UP + case.calls).map(case.request).collect();
            gate_measured(&mut engine, &requests, now);
            println!("{} {}", case.name, case.calls * case.parts);
        }
    }
}

/// What is done once and takes long, each with what its figure is divided by: a mock's way from a fixture's text to its
/// first answer, the same for each of many jobs, and each kilobyte of a body of 10 MB.
pub const ONCE: &[(&str, usize)] = &[("first_answer", 1), ("fixture_job", 10_000), ("body_kilobyte", 10_000)];

/// Does one of them; callgrind counts.
pub fn run_once(name: &str) {
    let jobs = if name == "fixture_job" { 10_000 } else { 2 };
    let (text, claim) = (fixture_text(jobs), put(0, "_claim", CLAIM));
    if name != "body_kilobyte" {
        return gate_once(&mut || drop(black_box(first_answer(&text, &claim))));
    }
    let (_, _, _, body) = crate::kept::bodies().into_iter().next().expect("a body");
    let large = put(1, "_claim", std::str::from_utf8(&body).expect("a text"));
    let mut engine = first_answer(&text, &claim);
    gate_once(&mut || assert!(receive(&mut engine, &large, now()) < 400));
}

/// An engine that has been made from a fixture's text and has answered a claim.
fn first_answer(text: &str, claim: &Request) -> Engine {
    let fixture = Fixture::from_json(text).expect("a fixture");
    let mut engine = Engine::new(Setup { clock: Clock::frozen(now()), ..Setup::of(fixture) }, now()).expect("an engine");
    receive(&mut engine, claim, now());
    engine
}

/// The name of the function in which callgrind counts what is done once.
pub const MEASURED_ONCE: &str = "gate_once";

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "Rust" fn gate_once(deed: &mut dyn FnMut()) {
    deed();
}

/// What plays a recording of these calls.
fn player(fixture: &Arc<Fixture>, requests: &[Request], now: Timestamp) -> Engine {
    let setup = || Setup { clock: Clock::frozen(now), ..Setup::default() };
    let mut recorder = Engine::new(Setup { fixture: fixture.clone(), ..setup() }, now).expect("an engine");
    for request in requests {
        receive(&mut recorder, request, now);
    }
    Engine::playback(setup(), recorder.recording(), now)
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "Rust" fn gate_measured(engine: &mut Engine, requests: &[Request], now: Timestamp) {
    for request in requests {
        black_box(receive(engine, request, now));
    }
}

fn receive(engine: &mut Engine, request: &Request, now: Timestamp) -> u16 {
    let response = engine.receive(request, now);
    let status = response.status();
    assert!(status < 400, "{} {}: {}", request.method().as_str(), request.target(), response.text());
    status
}
