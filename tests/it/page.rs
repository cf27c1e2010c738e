//! The page of a run: what it says of the state after every call, that nothing a client sent is markup, and its door.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::Strictness;
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::recording::Recording;
use elastimock::report::{Report, ReportFormat};
use elastimock::stub::FaultKind;
use elastimock::{Clock, Engine, Fixture, MockServer, Stub};
use serde_json::{Value, json};

use crate::support::{Client, T0, cluster, instant, path};

/// Documents by shelf and id.
type Documents = BTreeMap<(usize, String), Value>;

/// The data that a page holds for its script.
fn data_of(page: &str) -> Value {
    let (_, behind) = page.split_once("id=\"data\">").expect("the data");
    let (data, _) = behind.split_once("</script>").expect("their end");
    serde_json::from_str(data).expect("JSON")
}

/// The documents after each line of a page, by the line's number; 0 is before the first.
fn states(data: &Value) -> BTreeMap<u64, Documents> {
    let mut documents = Documents::new();
    for (shelf, name) in ["connectors", "sync_jobs"].into_iter().enumerate() {
        for (id, document) in data["state"][name].as_object().into_iter().flatten() {
            documents.insert((shelf, id.clone()), document.clone());
        }
    }
    let mut states = BTreeMap::from([(0, documents.clone())]);
    for line in data["lines"].as_array().expect("lines") {
        for change in line["d"].as_array().into_iter().flatten() {
            let key = (change[0].as_u64().expect("a shelf") as usize, change[1].as_str().expect("an id").to_owned());
            let Some(fields) = change[2].as_object() else {
                documents.remove(&key);
                continue;
            };
            let document = documents.entry(key).or_insert_with(|| json!({})).as_object_mut().expect("an object");
            document.extend(fields.clone());
            for gone in change[3].as_array().into_iter().flatten() {
                document.remove(gone.as_str().expect("a name"));
            }
        }
        states.insert(line["n"].as_u64().expect("a number"), documents.clone());
    }
    states
}

fn documents_of(engine: &Engine) -> Documents {
    let state = engine.state().expect("a state").to_value();
    let ids = |section: &str| -> Vec<String> {
        let entries = state[section].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
    };
    let connectors = ids("connectors").into_iter().map(|id| {
        let document = engine.connector(&id).expect("a connector").to_value();
        ((0, id), document)
    });
    let jobs = ids("sync_jobs").into_iter().map(|id| {
        let document = engine.sync_job(&id).expect("a job").to_value();
        ((1, id), document)
    });
    connectors.chain(jobs).collect()
}

const JOBS: &str = "/.elastic-connectors-sync-jobs";

/// Calls by every door, some of them refused, stubbed or lost.
fn calls() -> Vec<Request> {
    let put = |path: &str, body: &str| Request::new(Method::Put, path.to_owned()).json(body.to_owned());
    let post = |path: &str, body: &str| Request::new(Method::Post, path.to_owned()).json(body.to_owned());
    let job = |rest: &str| format!("/_connector/_sync_job/{rest}");
    vec![
        Request::new(Method::Get, "/_connector"),
        put("/_connector/new", r#"{"index_name":"search-new","service_type":"dir"}"#),
        post("/_connector", r#"{"index_name":"search-newer"}"#),
        post("/_connector/_sync_job", r#"{"id":"crm"}"#),
        put(&job("job-pending/_claim"), r#"{"worker_hostname":"w-1"}"#),
        put(&job("job-pending/_claim"), r#"{"workerHostname":"w-1"}"#),
        put(&job("nobody/_claim"), r#"{"worker_hostname":"w-1"}"#),
        put(&job("job-pending/_stats"), r#"{"indexed_document_count":3,"indexed_document_volume":1,"deleted_document_count":0}"#),
        put(&job("job-pending/_check_in"), ""),
        put("/_connector/crm/_check_in", ""),
        put("/_connector/crm/_name", r#"{"name":"<b>crm</b>"}"#),
        put(&job("job-pending/_error"), r#"{"error":"disk full"}"#),
        post(&format!("{JOBS}/_update/job-suspended"), r#"{"doc":{"status":"in_progress","worker_hostname":"w-2"}}"#),
        post(&format!("{JOBS}/_doc"), r#"{"status":"pending","job_type":"full"}"#),
        Request::new(Method::Post, "/_bulk").header("content-type", "application/x-ndjson").with_body(
            "{\"update\":{\"_index\":\".elastic-connectors-sync-jobs\",\"_id\":\"job-suspended\"}}\n\
             {\"doc\":{\"status\":\"completed\"}}\n\
             {\"update\":{\"_index\":\".elastic-connectors-sync-jobs\",\"_id\":\"nobody\"}}\n{\"doc\":{\"status\":\"error\"}}\n\
             {\"delete\":{\"_index\":\".elastic-connectors-sync-jobs\",\"_id\":\"job-canceled\"}}\n",
        ),
        Request::new(Method::Delete, job("job-completed")),
        put("/_connector/stubbed/_check_in", ""),
        put("/_connector/lost/_check_in", ""),
        put("/_connector/late/_check_in", ""),
        Request::new(Method::Delete, "/_connector/new"),
    ]
}

#[test]
fn the_state_after_every_call_is_that_of_the_mock() {
    let now = instant(T0);
    let connector = |id: &str| elastimock::Connector::new(id).index_name(format!("search-{id}"));
    let stubs = [
        Stub::put("/_connector/stubbed/_check_in").json(200, json!({ "result": "updated" })),
        Stub::put("/_connector/lost/_check_in").fault(FaultKind::Reset),
        Stub::put("/_connector/late/_check_in").fault(FaultKind::Reset).acts_after(),
        Stub::on("cluster.health").hand(json!({ "connector": "late", "doc": { "name": "edited" } })),
    ];
    let fixture = ["stubbed", "lost", "late"]
        .into_iter()
        .fold(cluster("default"), |fixture, id| fixture.connector(connector(id)));
    let fixture = stubs.into_iter().fold(fixture, Fixture::stub);
    let setup = Setup { fixture: Arc::new(fixture), seed: 7, clock: Clock::frozen(now), ..Setup::default() };
    let mut engine = Engine::new(setup, now).expect("an engine");
    let mut seen = BTreeMap::from([(0, documents_of(&engine))]);
    let calls = calls();
    let mut note = |engine: &Engine| {
        let seq = seen.len() as u64;
        seen.insert(seq, documents_of(engine));
        seq
    };
    for call in &calls {
        engine.receive(call, now);
        note(&engine);
        engine.advance(now, Duration::from_millis(250));
        note(&engine);
    }
    engine.hand(&json!({ "cancel": "job-in-progress" }), now).expect("an act");
    note(&engine);
    engine.hand(&json!({ "sync": "crm" }), now).expect("an act");
    note(&engine);
    engine.add_state(&Fixture::new().connector(connector("added")), now).expect("a state");
    note(&engine);
    engine.receive(&Request::new(Method::Get, "/_cluster/health"), now);
    // What the stub's hand did is a line before its call.
    note(&engine);
    note(&engine);
    engine.put_state(&Fixture::new().connector(connector("only")), now).expect("a state");
    let recorded = note(&engine);
    let text = engine.recording().to_text();
    engine.reset(now);
    note(&engine);
    for call in &calls[..6] {
        engine.receive(call, now);
        note(&engine);
    }
    let told = states(&data_of(&engine.report(true).write(ReportFormat::Html)));
    assert_eq!(told.keys().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>());
    for (seq, documents) in &seen {
        // What is secret in the fixture is masked in the page.
        let masked = |document: &Value| document.to_string().replace("\"changeme\"", "\"<redacted>\"");
        assert_eq!(told[seq].keys().collect::<Vec<_>>(), documents.keys().collect::<Vec<_>>(), "after line {seq}");
        for (key, document) in documents {
            assert_eq!(told[seq][key].to_string(), masked(document), "{key:?} after line {seq}");
        }
    }
    // A recording of the run says the same.
    let report = Report::of_recordings(&[("run.ndjson", text.as_bytes())], Strictness::default()).expect("a recording");
    let recorded_states = states(&data_of(&report.write(ReportFormat::Html)));
    assert_eq!(recorded_states.len() as u64, recorded + 1);
    assert!(recorded_states.iter().all(|(seq, documents)| told[seq] == *documents));
}

/// Recorded answers know better than anybody what was stored when.
#[test]
fn the_state_is_the_one_that_recorded_answers_show() {
    let name = "fixtures/recordings/full_sync.ndjson";
    let text = std::fs::read(path(name)).expect("a recording");
    let recording = Recording::parse(name, &text).expect("a recording");
    let report = Report::of_recordings(&[(name, &text)], Strictness::default()).expect("a recording");
    let states = states(&data_of(&report.write(ReportFormat::Html)));
    let mut compared = 0;
    for call in recording.interactions.iter().filter(|call| call.operation.as_deref() == Some("get")) {
        let answer: Value = serde_json::from_slice(call.response.body()).expect("JSON");
        let shelf = usize::from(answer["_index"] == ".elastic-connectors-sync-jobs-v1");
        let id = answer["_id"].as_str().expect("an id").to_owned();
        assert_eq!(states[&call.seq][&(shelf, id)], answer["_source"], "call {}", call.seq);
        compared += 1;
    }
    assert!(compared > 5);
}

const HOSTILE: &str = "<img src=x onerror=alert(1)></script><script>alert(2)</script><!--\"'&amp;";

/// A text as a part of a path.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A run in which every place that a client can write to holds markup.
fn hostile() -> MockServer {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    server.scope(HOSTILE);
    let (body, id) = (Value::from(HOSTILE).to_string(), encoded(HOSTILE));
    for request in [
        Request::new(Method::Put, format!("/_connector/{id}"))
            .json(format!(r#"{{"index_name":"search-x","name":{body},"service_type":{body},"description":{body}}}"#)),
        Request::new(Method::Post, "/_connector/_sync_job").json(r#"{"id":"crm"}"#),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
            .header("x-opaque-id", HOSTILE)
            .header("user-agent", HOSTILE)
            .json(format!(r#"{{"worker_hostname":{body},"sync_cursor":{{{body}:{body}}}}}"#)),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(format!(r#"{{{body}:{body}}}"#)),
        Request::new(Method::Put, "/_connector/_sync_job/job-pending/_error").json(format!(r#"{{"error":{body}}}"#)),
        Request::new(Method::Get, format!("/{id}/_search?q={id}&{id}={id}")),
        Request::new(Method::Post, "/search-x/_doc").json(format!("{{{body}:{body}}}")),
        Request::new(Method::Post, "/_bulk").with_body(HOSTILE),
        Request::new(Method::new("<B>"), "/_connector").with_body(HOSTILE),
    ] {
        client.send(&request);
    }
    server.stub(Stub::put(&format!("/{HOSTILE}")).named(HOSTILE).json(200, json!({ HOSTILE: HOSTILE })));
    server.allow("stub-unmet", HOSTILE);
    server
}

fn assert_harmless(page: &str) {
    let page = page.to_ascii_lowercase();
    assert!(page.contains("img src=x"), "the canary is there");
    for markup in ["<img", "<!--", "<b>", "<script>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
}

#[test]
fn nothing_that_a_client_sent_is_markup() {
    let server = hostile();
    assert_harmless(&server.report().write(ReportFormat::Html));
    let page = Client::connect(server.address()).send(&Request::new(Method::Get, "/_elastimock/"));
    assert_harmless(&page.text());
}

#[test]
fn the_page_is_served_with_a_policy_and_is_no_call() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    client.send(
        &Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim").json(r#"{"worker_hostname":" "}"#),
    );
    client.send(&Request::new(Method::Get, "/_connector"));
    for target in ["/_elastimock", "/_elastimock/"] {
        let page = client.send(&Request::new(Method::Get, target).header("accept", "text/html,*/*"));
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
        // Without its script it tells verdict, findings with their rule, and lanes.
        let text = page.text();
        let (_, plain) = text.split_once("<noscript>").expect("a part for readers without scripts");
        for told in ["the client broke the contract: 1 error", "blank-worker-hostname", "<h2>sync job job-pending</h2>"]
        {
            assert!(plain.contains(told), "{told}");
        }
    }
    let asked = |after: u64, client: &mut Client| {
        client.send(&Request::new(Method::Get, format!("/_elastimock/page?after={after}"))).json()
    };
    let whole = asked(0, &mut client);
    assert_eq!(whole["lines"].as_array().map(Vec::len), Some(2));
    let rest = asked(1, &mut client);
    assert_eq!((rest["lines"][0]["n"].as_u64(), rest["lines"].as_array().map(Vec::len)), (Some(2), Some(1)));
    assert_eq!(asked(2, &mut client)["lines"], json!([]));
    assert_eq!((server.journal().len(), server.findings().len()), (2, 1));
}

/// After calls were forgotten nobody knows the state, until it is put back.
#[test]
fn a_forgotten_beginning_is_no_state() {
    let server = MockServer::builder()
        .clock(Clock::frozen(instant(T0)))
        .journal_entries_max(3)
        .start_blocking()
        .expect("a server");
    let mut client = Client::connect(server.address());
    let check_in = Request::new(Method::Put, "/_connector/crm/_check_in");
    (0..5).for_each(|_| drop(client.send(&check_in)));
    let data = data_of(&server.report().write(ReportFormat::Html));
    assert_eq!(
        (&data["state"], data["evicted"].as_u64(), data["lines"][0]["n"].as_u64()),
        (&Value::Null, Some(2), Some(3))
    );
    assert!(data["lines"].as_array().is_some_and(|lines| lines.iter().all(|line| line.get("d").is_none())));
    server.reset();
    client.send(&check_in);
    let data = data_of(&server.report().write(ReportFormat::Html));
    let told = states(&data);
    let reset = data["lines"].as_array().and_then(|lines| lines.iter().find(|line| line["event"] == "reset"));
    assert_eq!(reset.map(|line| &line["known"]), Some(&Value::Bool(true)));
    assert!(told.values().last().is_some_and(|documents| documents.contains_key(&(0, "crm".to_owned()))));
}

/// Reads a stream of events until it holds a text.
fn read_until(stream: &mut TcpStream, read: &mut String, text: &str) {
    let mut piece = [0; 4096];
    while !read.contains(text) {
        let count = stream.read(&mut piece).unwrap_or_else(|error| panic!("no [{text}]: {error} after {read}"));
        assert!(count > 0, "it ended without [{text}]: {read}");
        read.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}

fn listen(server: &MockServer, query: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    write!(stream, "GET /_elastimock/events{query} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address()).expect("a request");
    let mut read = String::new();
    read_until(&mut stream, &mut read, "\r\n\r\n");
    (stream, read)
}

fn send_page(client: &mut Client) -> String {
    client.send(&Request::new(Method::Get, "/_elastimock/")).text()
}

#[test]
fn the_page_tells_what_comes_next() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let claim = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim");
    client.send(&claim.json(r#"{"worker_hostname":"w-1"}"#));
    client.send(&Request::new(Method::Post, "/.elastic-connectors/_search?scroll=1m").json("{}"));
    server.stub(Stub::on("info").delay("30s"));
    let mut late = Client::connect(server.address());
    late.write(&Request::new(Method::Get, "/"));
    server.wait_for("info", 1, Duration::from_secs(20)).expect("the call");
    let data = data_of(&send_page(&mut client));
    let told = |name: &str| -> Vec<String> {
        let all = data[name].as_array().into_iter().flatten();
        all.map(|due| {
            format!("{} {}", &due["at"].as_str().unwrap_or_default()[11..19], due["what"].as_str().unwrap_or_default())
        })
        .collect()
    };
    assert_eq!(told("due"), ["10:05:00 the heartbeat of job job-pending", "10:30:00 the check-in of connector crm"]);
    assert_eq!(&told("coming")[..2], ["10:00:30 the answer of call 4 (info)", "10:01:00 a scroll ends"]);
}

#[test]
fn what_comes_is_told_as_it_comes() {
    let server = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    client.send(&Request::new(Method::Get, "/_connector"));
    let (mut new, mut told) = listen(&server, "");
    let (mut all, mut told_all) = listen(&server, "?after=0");
    assert!(told.contains("content-type: text/event-stream") && !told.contains("content-length"), "{told}");
    client.send(&Request::new(Method::Get, "/_connector/_sync_job"));
    server.advance(Duration::from_secs(1));
    read_until(&mut new, &mut told, "\"event\":\"clock\"");
    read_until(&mut all, &mut told_all, "\"event\":\"clock\"");
    assert!(!told.contains("id: 1\n") && told_all.contains("id: 1\nevent: call\ndata: {\"seq\":1,"), "{told_all}");
    assert!(
        told.contains("id: 2\nevent: call\ndata: {\"seq\":2,") && told.contains("id: 3\nevent: change\n"),
        "{told}"
    );
    // A call that is held is none yet, and told all the same; so is that it has gone.
    server.stub(Stub::on("info").hold("gate").expect(0..));
    let mut held = Client::connect(server.address());
    held.write(&Request::new(Method::Get, "/"));
    read_until(&mut new, &mut told, r#"data: [{"name":"gate","held":[{"call":0,"at":"2031-05-01T10:00:01.000Z""#);
    let data = data_of(&send_page(&mut client));
    assert_eq!(data["gates"][0]["held"][0]["operation"], "info");
    drop(held);
    read_until(&mut new, &mut told, r#"data: [{"name":"gate","held":[]}]"#);
    // A server that ends does not wait for its listeners, and they see its end.
    server.stop_blocking().expect("an end");
    let mut rest = Vec::new();
    all.read_to_end(&mut rest).expect("an end");
}

#[test]
fn only_so_many_listen() {
    let server = MockServer::start_blocking().expect("a server");
    let mut listeners: Vec<_> = (0..32).map(|_| listen(&server, "")).collect();
    assert!(listeners.iter().all(|(_, told)| told.starts_with("HTTP/1.1 200")));
    let (_, told) = listen(&server, "");
    assert!(told.starts_with("HTTP/1.1 429"), "{told}");
    // Who goes away makes room.
    listeners.clear();
    let mut tries = 0;
    while !listen(&server, "").1.starts_with("HTTP/1.1 200") {
        tries += 1;
        assert!(tries < 1000);
    }
}
