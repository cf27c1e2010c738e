//! Stubs and faults as a client meets them: over raw sockets, in the recording, and played back.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use elastimock::contract::Severity;
use elastimock::http::{Method, Request, Response};
use elastimock::recording::Recording;
use elastimock::stub::{Fault, FaultKind};
use elastimock::{Clock, Connector, Fixture, MockServer, Stub, SyncJob, SyncStatus};
use serde_json::{Value, json};

use crate::support::{Answer, Client, T0, assert_same_verdict, instant, path, rule_of};

fn fixture() -> Fixture {
    Fixture::new()
        .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
        .sync_job(SyncJob::pending("job-1", "crm"))
        .sync_job(SyncJob::pending("job-2", "crm"))
}

fn server() -> MockServer {
    MockServer::builder()
        .fixture(fixture())
        .clock(Clock::frozen(instant(T0)))
        .seed(7)
        .start_blocking()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn claim(job: &str, worker: &str) -> Request {
    Request::new(Method::Put, format!("/_connector/_sync_job/{job}/_claim"))
        .json(json!({ "worker_hostname": worker }).to_string())
}

fn get(target: &str) -> Request {
    Request::new(Method::Get, target)
}

fn send(server: &MockServer, request: &Request) -> Answer {
    Client::connect(server.address()).send(request)
}

/// Everything that comes until the connection ends, and how it ends.
fn all(server: &MockServer, request: &Request) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    let body = request.body();
    let mut text = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method(), request.target(), server.address());
    for (name, value) in request.headers().iter() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(&[text.as_bytes(), body].concat()).expect("the server takes the request");
    let mut came = Vec::new();
    let ended = stream.read_to_end(&mut came).err().map(|error| error.kind());
    (came, ended)
}

fn rules(server: &MockServer) -> Vec<(&'static str, Severity)> {
    server.findings().iter().map(|finding| (rule_of(finding), finding.severity)).collect()
}

#[test]
fn an_operation_that_the_mock_lacks_can_be_stubbed() {
    let server = server();
    server.stub(Stub::put("/_index_template/*").json(200, json!({ "acknowledged": true })).expect(1..));
    let put = Request::new(Method::Put, "/_index_template/logs?pretty").json("{\"index_patterns\":[\"logs-*\"]}");
    let answer = send(&server, &put);
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\n  \"acknowledged\" : true\n}\n"));
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
    server.assert_conformant();
    assert_eq!(rules(&server), []);
    assert_eq!(server.journal()[0].stub(), Some("PUT-_index_template"));
    assert_same_verdict(&server);
}

#[test]
fn every_kind_of_answer() {
    let server = server();
    let bulk = "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"t\":1}\n{\"delete\":{\"_index\":\"a\",\"_id\":\"9\"}}\n\
        {\"index\":{\"_index\":\"a\",\"_id\":\"2\"}}\n{\"t\":2}\n";
    let bulk = Request::new(Method::Post, "/_bulk").header("content-type", "application/x-ndjson").with_body(bulk);
    for (stub, request, status, expected) in [
        (
            Stub::on("info").patch(json!({ "version": { "number": "9.9.9" }, "tagline": null })),
            get("/"),
            200,
            vec![
                ("/version/number", json!("9.9.9")),
                ("/tagline", Value::Null),
                ("/version/build_flavor", json!("default")),
            ],
        ),
        (
            Stub::on("connector.sync_job_claim").error("es_rejected_execution_exception").retry_after(1),
            claim("job-1", "w-1"),
            429,
            vec![
                ("/error/type", json!("es_rejected_execution_exception")),
                ("/error/root_cause/0/type", json!("es_rejected_execution_exception")),
                ("/status", json!(429)),
            ],
        ),
        (
            Stub::on("bulk").item(1, 429),
            bulk,
            200,
            vec![
                ("/errors", json!(true)),
                ("/items/0/index/status", json!(429)),
                ("/items/0/index/_id", json!("1")),
                ("/items/0/index/error/type", json!("es_rejected_execution_exception")),
                ("/items/1/delete/status", json!(404)),
                ("/items/2/index/status", json!(201)),
            ],
        ),
        (
            Stub::get("/_ml/*/{id}")
                .template(201, json!({ "a": "{{path.2}} of {{query.x}}", "n": "{{call}}", "at": "{{now}}" })),
            get("/_ml/jobs/%7Bid%7D?x=7"),
            201,
            vec![("/a", json!("jobs of 7")), ("/n", json!(1)), ("/at", json!("2031-05-01T10:00:00.000Z"))],
        ),
        (
            Stub::on("connector.list").answer(|request, own| {
                let own: Value = serde_json::from_slice(own.body()).expect("JSON");
                Response::json(200, &json!({ "count": own["count"], "asked": request.target() }))
            }),
            get("/_connector"),
            200,
            vec![("/count", json!(1)), ("/asked", json!("/_connector"))],
        ),
    ] {
        server.stub(stub.named("it"));
        let answer = send(&server, &request);
        assert_eq!(answer.status, status, "{}", answer.text());
        let body = answer.json();
        for (pointer, value) in expected {
            assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), value, "{pointer} in {body}");
        }
        assert!(server.remove_stub("it"));
    }
    // What was refused in the bulk was not done, and the rest was.
    assert_eq!(send(&server, &get("/a/_doc/1")).status, 404);
    assert_eq!(send(&server, &get("/a/_doc/2")).status, 200);
    // A refusal that a stub made has changed nothing, and nobody is accused of it.
    assert_eq!(server.sync_job("job-1").and_then(|job| job.status()).ok(), Some(SyncStatus::Pending));
    assert!(server.findings().iter().all(|finding| finding.severity == Severity::Warning), "{:?}", server.findings());
    assert_same_verdict(&server);
}

#[test]
fn a_proxy_speaks_for_itself() {
    let server = server();
    server.stub(Stub::on("search").text(502, "<html>Bad Gateway</html>").header("Server", "nginx"));
    let answer = send(&server, &Request::new(Method::Post, "/a/_search").json("{}"));
    assert_eq!((answer.status, answer.text().as_str()), (502, "<html>Bad Gateway</html>"));
    assert_eq!((answer.header("x-elastic-product"), answer.header("server")), (None, Some("nginx")));
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[test]
fn successive_calls_get_successive_answers() {
    let server = server();
    server.stub(
        Stub::get("/_ml/**").status(503).then().status(503).then().json(200, json!({ "count": 0 })).expect(4..=4),
    );
    let statuses: Vec<u16> = (0..4).map(|_| send(&server, &get("/_ml/x")).status).collect();
    assert_eq!(statuses, [503, 503, 200, 200]);
    // Repeated while mock time stands still: nobody can tell a pause, so it is a warning.
    assert_eq!(rules(&server), [("no-backoff", Severity::Warning), ("no-backoff", Severity::Warning)]);
}

#[test]
fn a_trouble_may_last_for_a_while() {
    let server = server();
    server.stub(Stub::on("info").calls(2..).within("1m").status(503).named("away"));
    let statuses = |server: &MockServer, count: usize| -> Vec<u16> {
        (0..count).map(|_| send(server, &get("/")).status).collect()
    };
    assert_eq!(statuses(&server, 3), [200, 503, 503]);
    server.advance(Duration::from_secs(59));
    assert_eq!(statuses(&server, 1), [503]);
    server.advance(Duration::from_secs(1));
    assert_eq!(statuses(&server, 2), [200, 200]);
    // A reset begins anew.
    server.reset();
    server.stub(Stub::on("info").within("1m").status(503).named("away"));
    assert_eq!(statuses(&server, 1), [503]);
    assert_same_verdict(&server);
}

#[test]
fn a_stub_that_is_not_met_is_a_finding_with_the_nearest_call() {
    let server = server();
    server.stub(Stub::on("connector.sync_job_claim").job("job-9").status(503).named("busy"));
    server.stub(Stub::on("info").named("asked twice").expect(2..=2));
    server.stub(Stub::on("connector.delete").named("never deleted").expect(0..1));
    send(&server, &claim("job-1", "w-1"));
    send(&server, &get("/"));
    let found = server.findings();
    let told: Vec<String> =
        found.iter().filter(|finding| finding.rule == "stub-unmet").map(|found| found.to_string()).collect();
    insta::assert_snapshot!(told.join("\n\n"));
    assert_same_verdict(&server);
}

#[test]
fn what_comes_closest_is_told_of_a_stub_that_waits_for_more_too() {
    let server = server();
    server.stub(
        Stub::on("connector.sync_job_claim")
            .body_like(json!({ "worker_hostname": "w-1" }))
            .named("twice")
            .expect(2..=2),
    );
    send(&server, &claim("job-1", "w-1"));
    send(&server, &claim("job-2", "w-2"));
    let found: Vec<String> = server.findings().iter().map(ToString::to_string).collect();
    assert!(found[0].contains("the stub `twice` answered 1 time"), "{found:?}");
    assert!(found[0].contains("body /worker_hostname: expected \"w-1\", seen \"w-2\""), "{found:?}");
    send(&server, &claim("job-2", "w-1"));
    assert!(!rules(&server).iter().any(|(rule, _)| *rule == "stub-unmet"), "{:?}", server.findings());
}

#[test]
fn a_hand_that_cannot_act_is_told() {
    let fixture = fixture().sync_job(SyncJob::completed("ended", "crm"));
    let builder = MockServer::builder().fixture(fixture).clock(Clock::frozen(instant(T0))).seed(7);
    let server = builder.start_blocking().expect("a server");
    server.stub(Stub::on("connector.list").named("late").hand(json!({ "cancel": "ended" })).expect(0..));
    server.stub(
        Stub::on("info")
            .named("elsewhere")
            // Whatever is named first: the document is told nowhere.
            .hand(json!({ "doc": { "configuration": { "password": { "value": "hunter2hunter" } } }, "connector": "nobody" }))
            .expect(0..),
    );
    // The call is answered as always, once for each time.
    assert_eq!([get("/_connector"), get("/_connector"), get("/")].map(|call| send(&server, &call).status), [200; 3]);
    let told: Vec<String> =
        server.findings().iter().map(|finding| format!("{}: {}", finding.severity, finding.message)).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_same_verdict(&server);
    let text = server.recording().to_text();
    let stub_is_told = text.lines().next().is_some_and(|header| header.contains("hunter2hunter"));
    assert!(!stub_is_told && !told.join("").contains("hunter2"), "{text}");
    assert_eq!(text.matches(r#""side":"stub late","act":{"cancel":"ended"},"refused":"#).count(), 2, "{text}");
    // Why it could not act is told by the journal, and played again.
    let changes = send(&server, &get("/_elastimock/journal")).json()["changes"].clone();
    let refused = changes.as_array().into_iter().flatten().filter(|change| change["refused"].is_string());
    assert_eq!(refused.count(), 3, "{changes}");
    let played = MockServer::builder().playback(Recording::parse("late", text.as_bytes()).expect("a recording"));
    let played = played.clock(Clock::frozen(instant(T0))).start_blocking().expect("a playback");
    assert_eq!([get("/_connector"), get("/_connector"), get("/")].map(|call| send(&played, &call).status), [200; 3]);
    assert_eq!(played.recording().to_text().matches(r#""refused":"#).count(), 3);
}

#[test]
fn reports_tell_how_many_calls_were_stubbed() {
    use elastimock::report::{Report, ReportFormat};
    let server = server();
    server.stub(Stub::on("info").status(503).named("away"));
    server.stub(Stub::on("connector.sync_job_claim").error("es_rejected_execution_exception").call(1).named("busy"));
    for call in [get("/"), claim("job-1", " "), claim("job-1", " "), get("/_connector")] {
        send(&server, &call);
    }
    server.scope("another");
    send(&server, &get("/_connector"));
    let text = server.run().recording().to_text();
    let recorded = Report::of_recordings(&[("story.ndjson", text.as_bytes())], Default::default()).expect("a report");
    for report in [server.report(), recorded] {
        let told = |format| report.write(format);
        assert!(told(ReportFormat::Text).contains("\nstubbed: 2 of 5 calls\n"), "{}", told(ReportFormat::Text));
        assert!(told(ReportFormat::Text).contains("(stubbed: busy)"), "{}", told(ReportFormat::Text));
        assert!(told(ReportFormat::Summary).contains("stubbed: 2 of 5 calls"), "{}", told(ReportFormat::Summary));
        assert!(told(ReportFormat::Summary).contains("sync_job_claim 429 stubbed"), "{}", told(ReportFormat::Summary));
        assert!(told(ReportFormat::Junit).contains("<property name=\"calls stubbed\" value=\"2\"/>"));
        assert_eq!(report.to_value()["stubbed"], 2);
        let ctrf: Value = serde_json::from_str(&told(ReportFormat::Ctrf)).expect("JSON");
        assert_eq!(ctrf["results"]["summary"]["extra"]["elastimock"]["stubbed"], 2);
    }
    let scopes = send(&server, &get("/_elastimock/scopes")).json();
    assert_eq!((&scopes["scopes"][0]["stubbed"], &scopes["scopes"][1]["stubbed"]), (&json!(2), &Value::Null));
}

#[test]
fn a_reset_puts_the_stubs_back() {
    let server = MockServer::builder()
        .fixture(fixture().stub(Stub::on("info").status(503).times(1).named("at the start")))
        .start_blocking()
        .expect("a server");
    server.stub(Stub::on("connector.list").status(503).named("later"));
    let statuses =
        |server: &MockServer| [get("/"), get("/"), get("/_connector")].map(|call| send(server, &call).status);
    assert_eq!(statuses(&server), [503, 200, 503]);
    server.reset();
    assert_eq!(statuses(&server), [503, 200, 200]);
    assert_same_verdict(&server);
}

#[test]
fn the_admin_api_lists_adds_and_removes() {
    let server = server();
    let admin = |method: Method, below: &str, body: &str| {
        let request = Request::new(method, format!("/_elastimock/stubs{below}"));
        send(&server, &if body.is_empty() { request } else { request.json(body.to_owned()) })
    };
    let stub = r#"{"name":"away","request":{"operation":"info"},"response":{"status":503}}"#;
    assert_eq!(admin(Method::Post, "", stub).json(), json!({ "acknowledged": true, "ids": ["away"] }));
    assert_eq!(admin(Method::Post, "", stub).status, 400);
    let list = r#"{"stubs":[{"request":{"operation":"bulk"}},{"request":{"operation":"bulk"}}]}"#;
    assert_eq!(admin(Method::Post, "", list).json()["ids"], json!(["bulk", "bulk-2"]));
    assert_eq!(send(&server, &get("/")).status, 503);
    let told = admin(Method::Get, "", "").json();
    assert_eq!(told["stubs"][0]["id"], "away");
    assert_eq!((&told["stubs"][0]["answered"], &told["stubs"][1]["answered"]), (&json!(1), &json!(0)));
    let wrong = admin(Method::Post, "", r#"{"request":{"operation":"bulc"}}"#);
    assert!(
        wrong.text().contains("/request/operation: `bulc` is no operation of Elasticsearch; did you mean `bulk`?"),
        "{}",
        wrong.text()
    );
    assert!(admin(Method::Delete, "/awa", "").text().contains("did you mean [away]?"));
    assert_eq!(admin(Method::Delete, "/away", "").status, 200);
    assert_eq!(send(&server, &get("/")).status, 200);
    assert_eq!(admin(Method::Delete, "", "").status, 200);
    assert_eq!(admin(Method::Get, "", "").json(), json!({ "stubs": [] }));
    assert_same_verdict(&server);
}

#[test]
fn stubs_of_files_say_where_they_are_wrong() {
    let text = "{\n  \"stubs\": [\n    { \"request\": { \"operation\": \"bulk\" },\n      \"response\": { \"fault\": \"rest\" } }\n  ]\n}";
    let error = Fixture::from_json(text).expect_err("a mistake");
    assert_eq!(error.to_string(), "line 4, column 30: there is no fault `rest`; did you mean `reset`?");
    let twice = r#"{ "stubs": [ { "name": "a", "request": {} }, { "name": "a", "request": {} } ] }"#;
    let error = Fixture::from_json(twice).expect_err("a name twice");
    assert_eq!(
        error.to_string(),
        "line 1, column 56: the stub `a` is given twice; rename or remove one of the two (first given here: line 1, column 24)"
    );
}

#[test]
fn a_stub_may_ask_how_things_stand() {
    let server = MockServer::builder()
        .fixture(
            fixture().sync_job(SyncJob::pending("job-3", "crm").status(SyncStatus::InProgress).worker_hostname("w-3")),
        )
        .start_blocking()
        .expect("a server");
    let check_in = Request::new(Method::Put, "/_connector/_sync_job/job-3/_check_in");
    for (stub, met, unmet) in [
        (Stub::any().state("pending"), claim("job-1", "w-1"), check_in.clone()),
        (Stub::any().state("in_progress"), check_in.clone(), claim("job-1", "w-1")),
        (Stub::any().worker("w-3"), check_in.clone(), claim("job-1", "w-1")),
        (Stub::any().connector("crm"), claim("job-1", "w-1"), claim("job-9", "w-1")),
        (Stub::any().index("search-crm"), check_in.clone(), get("/_connector")),
        (Stub::any().state("created"), get("/_connector/crm"), claim("job-1", "w-1")),
    ] {
        let what = format!("{stub:?}");
        server.stub(stub.status(503).named("it"));
        assert_eq!(send(&server, &met).status, 503, "{what}");
        assert_ne!(send(&server, &unmet).status, 503, "{what}");
        server.reset();
    }
}

// ── faults ────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_fault_as_a_socket_sees_it() {
    let whole = {
        let server = server();
        String::from_utf8(all(&server, &get("/").header("connection", "close")).0).expect("text")
    };
    let (head, body) = whole.split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for (kind, after_bytes, acts) in [
        (FaultKind::Reset, None, "before"),
        (FaultKind::Reset, None, "after"),
        (FaultKind::Close, None, "before"),
        (FaultKind::Close, None, "after"),
        (FaultKind::Cut, None, "after"),
        (FaultKind::Cut, Some(10), "after"),
        (FaultKind::Cut, Some(0), "after"),
        (FaultKind::Dribble, None, "after"),
        (FaultKind::Garbage, None, "after"),
    ] {
        let server = server();
        let stub = Stub::on("info").fault(kind);
        let stub = after_bytes.iter().fold(stub, |stub, bytes| stub.after_bytes(*bytes));
        let stub = if acts == "after" { stub.acts_after() } else { stub };
        server.stub(stub);
        let (came, ended) = all(&server, &get("/").header("connection", "close"));
        let text = String::from_utf8_lossy(&came).into_owned();
        let came_body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        let what = format!("{kind:?} {after_bytes:?} {acts}: {text}");
        match kind {
            FaultKind::Reset => {
                assert_eq!((came.len(), ended), (0, Some(ErrorKind::ConnectionReset)), "{what}");
            }
            FaultKind::Close => assert_eq!((came.len(), ended), (0, None), "{what}"),
            FaultKind::Cut => {
                let bytes = after_bytes.map_or(body.len() / 2, |bytes| bytes as usize);
                assert!(text.contains(&format!("content-length: {}\r\n", body.len())), "{what}");
                assert_eq!((came_body.as_str(), ended), (&body[..bytes], None), "{what}");
            }
            FaultKind::Dribble => assert_eq!((came_body.as_str(), ended), (body, None), "{what}"),
            _ => {
                let at = came.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
                assert_eq!(came.len() - at, body.len(), "{what}");
                assert!(std::str::from_utf8(&came[at..]).is_err(), "{what}");
            }
        }
        let call = &server.journal()[0];
        assert_eq!(call.fault().map(|fault| fault.kind), Some(kind));
        assert_eq!(call.response.status(), if acts == "before" { 0 } else { 200 });
        assert_same_verdict(&server);
    }
}

#[test]
fn a_cut_behind_the_end_of_an_answer_is_told() {
    for kind in [FaultKind::Cut, FaultKind::Stall] {
        let server = server();
        server.stub(Stub::on("connector.check_in").fault(kind).after_bytes(17).named("just right"));
        server.stub(Stub::on("connector.check_in").call(1).fault(kind).after_bytes(4).acts_after().named("short"));
        let check_in = Request::new(Method::Put, "/_connector/crm/_check_in");
        let body =
            |came: Vec<u8>| String::from_utf8_lossy(&came).split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        let come = || {
            let mut stream = TcpStream::connect(server.address()).expect("a connection");
            let head = format!("PUT {} HTTP/1.1\r\nhost: {}\r\n\r\n", check_in.target(), server.address());
            stream.write_all(head.as_bytes()).expect("the request");
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a time limit");
            let mut came = Vec::new();
            let _ = stream.read_to_end(&mut came);
            body(came)
        };
        assert_eq!((come().as_deref(), server.troubles().len()), (Some(r#"{"re"#), 0), "{kind:?}");
        assert_eq!(come().as_deref(), Some(r#"{"result":"noop"}"#), "{kind:?}");
        let told = server.troubles().join(" ");
        assert!(told.contains("the stub just right lets 17 bytes through, and the answer has 17"), "{told}");
    }
}

#[test]
fn a_stalled_answer_never_comes() {
    for after_bytes in [None, Some(5)] {
        let server = server();
        let stub = Stub::on("info").fault(FaultKind::Stall);
        server.stub(after_bytes.iter().fold(stub, |stub, bytes| stub.after_bytes(*bytes)));
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").expect("the request");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a time limit");
        let mut came = Vec::new();
        let error = stream.read_to_end(&mut came).expect_err("nothing more comes");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        let body = came.windows(4).position(|four| four == b"\r\n\r\n").map(|at| came.len() - at - 4);
        assert_eq!(body, after_bytes.map(|bytes| bytes as usize));
        // The server ends without waiting for it.
        server.stop_blocking().expect("it stops");
    }
}

#[test]
fn a_late_answer_waits_for_mock_time() {
    let server = server();
    server.stub(Stub::on("indices.refresh").delay("30s"));
    let address = server.address();
    let waiting = std::thread::spawn(move || {
        Client::connect(address).send(&Request::new(Method::Post, "/.elastic-connectors/_refresh"))
    });
    // It has been answered as far as the mock is concerned, and stays on its way until time moves.
    let calls = server.wait_for("indices.refresh", 1, Duration::from_secs(20)).expect("the call");
    assert_eq!(calls[0].fault().map(Fault::to_value), Some(json!({ "delay": "30s" })));
    server.advance(Duration::from_secs(29));
    assert!(!waiting.is_finished());
    server.advance(Duration::from_secs(1));
    assert_eq!(waiting.join().expect("an answer").status, 200);
    assert!(server.wait_for("indices.refresh", 2, Duration::from_millis(10)).is_err());
}

#[test]
fn after_a_lost_answer_nobody_is_accused() {
    // The claim has been done, the worker cannot know it, and claims again.
    for acts_after in [true, false] {
        let server = server();
        let stub = Stub::on("connector.sync_job_claim").call(1).fault(FaultKind::Reset).named("lost");
        server.stub(if acts_after { stub.acts_after() } else { stub });
        let (_, ended) = all(&server, &claim("job-1", "w-1"));
        assert_eq!(ended, Some(ErrorKind::ConnectionReset));
        let status = server.sync_job("job-1").and_then(|job| job.status()).ok();
        assert_eq!(status, Some(if acts_after { SyncStatus::InProgress } else { SyncStatus::Pending }));
        assert_eq!(send(&server, &claim("job-1", "w-1")).status, 200);
        assert_eq!(rules(&server), [], "{:?}", server.findings());
        assert_same_verdict(&server);
    }
    // Without a fault it would be one.
    let server = server();
    send(&server, &claim("job-1", "w-1"));
    send(&server, &claim("job-1", "w-2"));
    assert_eq!(rules(&server), [("claim-of-running-job", Severity::Error)]);
}

#[test]
fn a_recording_with_faults_plays_the_same_weather() {
    let server = server();
    server.stub(Stub::on("connector.sync_job_claim").call(1).fault(FaultKind::Reset).named("reset"));
    server.stub(Stub::on("info").fault(FaultKind::Cut).after_bytes(20).named("cut"));
    server.stub(Stub::on("connector.list").fault(FaultKind::Garbage).named("garbage"));
    server.stub(Stub::on("connector.get").fault(FaultKind::Close).acts_after().named("closed"));
    server.stub(Stub::on("connector.check_in").fault(FaultKind::Reset).acts_after().named("done and lost"));
    server.stub(Stub::on("connector.update_name").fault(FaultKind::Dribble).over("30ms").named("dribble"));
    server.stub(Stub::on("cluster.health").text(502, "<html>Bad Gateway</html>").named("proxy"));
    server.stub(Stub::on("connector.sync_job_list").status(503).retry_after(2).named("busy"));
    let calls = [
        claim("job-1", "w-1"),
        claim("job-1", "w-1"),
        get("/"),
        get("/_connector"),
        get("/_connector/crm"),
        get("/_connector/_sync_job"),
        Request::new(Method::Put, "/_connector/crm/_check_in"),
        Request::new(Method::Put, "/_connector/crm/_name").json(r#"{"name":"CRM"}"#),
        get("/_cluster/health"),
    ]
    .map(|call| call.header("connection", "close"));
    let came: Vec<_> = calls.iter().map(|call| all(&server, call)).collect();
    let text = server.recording().to_text();
    assert!(text.contains(r#""stub":"reset","fault":{"fault":"reset","acts":"before"}"#), "{text}");
    let recording = Recording::parse("weather", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let played = MockServer::builder().playback(recording).start_blocking().expect("a playback");
    let again: Vec<_> = calls.iter().map(|call| all(&played, call)).collect();
    assert_eq!(came, again);
    assert_eq!(came[0].1, Some(ErrorKind::ConnectionReset));
    assert_eq!((came[6].0.len(), came[6].1), (0, Some(ErrorKind::ConnectionReset)));
    assert!(came[8].0.ends_with(b"<html>Bad Gateway</html>"), "{:?}", came[8]);
    let told = |server: &MockServer| -> Vec<_> {
        let journal = server.journal().into_iter();
        journal.map(|call| (call.stub().map(str::to_owned), call.fault().cloned())).collect()
    };
    assert_eq!(told(&server), told(&played));
    insta::assert_yaml_snapshot!(server.transcript());
}

/// What is late or never comes is so in a playback too: nothing before mock time has passed, and then the same bytes.
#[test]
fn a_playback_stalls_and_is_late_as_what_was_recorded() {
    let read = |server: &MockServer, call: &Request| {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        stream
            .write_all(format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", call.method(), call.target()).as_bytes())
            .expect("the request");
        let mut came = Vec::new();
        let error = stream.read_to_end(&mut came).expect_err("nothing more comes");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        (stream, came)
    };
    let story = |server: &MockServer| {
        let stalled = read(server, &get("/"));
        let in_body = read(server, &get("/_connector"));
        let (mut late, before) = read(server, &get("/_connector/crm"));
        assert_eq!((stalled.1.len(), before.len()), (0, 0));
        assert!(in_body.1.ends_with(b"{\"co"), "{}", String::from_utf8_lossy(&in_body.1));
        server.advance(Duration::from_secs(30));
        late.set_read_timeout(Some(LONG)).expect("a time limit");
        let mut first = [0];
        late.read_exact(&mut first).expect("the answer");
        (in_body.1, first)
    };
    let server = server();
    server.stub(Stub::on("info").fault(FaultKind::Stall));
    server.stub(Stub::on("connector.list").fault(FaultKind::Stall).after_bytes(4));
    server.stub(Stub::on("connector.get").delay("30s"));
    let live = story(&server);
    let recording = Recording::parse("weather", server.recording().to_text().as_bytes()).expect("a recording");
    let played = MockServer::builder().playback(recording).clock(Clock::frozen(instant(T0))).start_blocking();
    assert_eq!(story(&played.expect("a playback")), live);
}

// ── gates, the hand, deadlines ────────────────────────────────────────────────────────────────────────

const LONG: Duration = Duration::from_secs(20);

/// Two workers look for work, both see the job, and both claim it: the test says who is first.
#[test]
fn a_race_of_two_claims_has_the_outcome_that_the_test_wants() {
    for (order, owner) in [([0, 1], "w-2"), ([1, 0], "w-1")] {
        let mut outcomes = std::collections::BTreeSet::new();
        let server = server();
        for round in 0..200 {
            server.scope(&format!("round {round}"));
            let gate = server.gate(Stub::on("connector.sync_job_claim"));
            let address = server.address();
            let workers = ["w-2", "w-1"].map(|worker| {
                std::thread::spawn(move || {
                    let mut client = Client::connect(address);
                    let jobs = client.send(&get("/_connector/_sync_job?status=pending")).json();
                    assert_eq!(jobs["count"], 2);
                    client.send(&claim("job-1", worker)).status
                })
            });
            let held = gate.wait_for(2, LONG).expect("both claims");
            assert!(held[0].request.body().ends_with(b"\"w-1\"}"), "{held:?}");
            assert_eq!(server.sync_job("job-1").and_then(|job| job.status()).ok(), Some(SyncStatus::Pending));
            order.iter().for_each(|at| assert!(gate.release(*at)));
            let statuses = workers.map(|worker| worker.join().expect("an answer"));
            let source = server.sync_job("job-1").expect("the job");
            let found = rules(&server);
            outcomes.insert((
                statuses,
                source.get("worker_hostname").and_then(Value::as_str).map(str::to_owned),
                found,
            ));
        }
        let rule = vec![("claim-of-running-job", Severity::Error)];
        assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [([200, 200], Some(owner.to_owned()), rule)]);
    }
}

#[test]
fn a_gate_opens_when_enough_have_come_or_over_the_admin_api() {
    let server = server();
    server.stub(Stub::on("info").hold_until("two", 2));
    let address = server.address();
    let send_one = move |call: Request| std::thread::spawn(move || Client::connect(address).send(&call).status);
    let calls = [send_one(get("/")), send_one(get("/"))];
    assert_eq!(calls.map(|call| call.join().expect("an answer")), [200, 200]);
    server.stub(Stub::on("connector.list").hold("lists"));
    let call = send_one(get("/_connector"));
    let admin =
        |method: Method, below: &str| send(&server, &Request::new(method, format!("/_elastimock/gates{below}")));
    let held = loop {
        let held = admin(Method::Get, "").json()["gates"][0]["held"].clone();
        if held.as_array().is_some_and(|held| !held.is_empty()) {
            break held;
        }
    };
    assert_eq!((&held[0]["operation"], &held[0]["call"]), (&json!("connector.list"), &json!(0)));
    assert_eq!(admin(Method::Post, "/list/_release").status, 400);
    assert_eq!(admin(Method::Post, "/lists/_release").json(), json!({ "acknowledged": true, "released": 1 }));
    assert_eq!(call.join().expect("an answer"), 200);
    // Whoever takes the stub away opens its gate; a reset does too.
    for opens in [MockServer::clear_stubs as fn(&MockServer), MockServer::reset] {
        let gate_call = {
            server.clear_stubs();
            server.stub(Stub::on("connector.list").hold("again").expect(0..));
            send_one(get("/_connector"))
        };
        while admin(Method::Get, "").json()["gates"][0]["held"].as_array().is_none_or(Vec::is_empty) {
            assert!(!gate_call.is_finished(), "the call was not held");
        }
        opens(&server);
        assert_eq!(gate_call.join().expect("an answer"), 200);
    }
}

#[test]
fn calls_are_let_go_in_the_order_that_the_admin_api_says() {
    let server = server();
    server.stub(Stub::on("connector.sync_job_claim").hold("claims"));
    let address = server.address();
    let workers = ["w-1", "w-2", "w-3"]
        .map(|worker| std::thread::spawn(move || Client::connect(address).send(&claim("job-1", worker)).status));
    let admin = |method: Method, below: &str, body: &str| {
        let request = Request::new(method, format!("/_elastimock/gates{below}"));
        send(&server, &if body.is_empty() { request } else { request.json(body.to_owned()) })
    };
    let held = || admin(Method::Get, "", "").json()["gates"][0]["held"].as_array().map_or(0, Vec::len);
    while held() < 3 {
        assert!(workers.iter().all(|worker| !worker.is_finished()), "a claim was not held");
    }
    for (wrong, told) in [
        (r#"{"order":[3]}"#, "there is no call [3] at the gate: 3 are held, counted from 0"),
        (r#"{"order":1}"#, "[order] must be a list of numbers"),
        (r#"{"order":[0,1,0]}"#, "[order] has the call [0] twice"),
        (r#"{"odrer":[1]}"#, "did you mean [order]?"),
    ] {
        let answer = admin(Method::Post, "/claims/_release", wrong);
        assert!(answer.status == 400 && answer.text().contains(told), "{}", answer.text());
    }
    assert_eq!(admin(Method::Post, "/claims/_release", r#"{"order":[2,0]}"#).json()["released"], 2);
    assert_eq!(held(), 1);
    assert_eq!(admin(Method::Post, "/claims/_release", r#"{"call":0}"#).json()["released"], 1);
    workers.into_iter().for_each(|worker| assert_eq!(worker.join().expect("an answer"), 200));
    let order: Vec<Value> =
        server.journal().iter().map(|call| serde_json::from_slice(call.request.body()).expect("JSON")).collect();
    assert_eq!(order, ["w-3", "w-1", "w-2"].map(|worker| json!({ "worker_hostname": worker })));
}

/// Nobody waits for a gate that its server has taken with it.
#[test]
fn a_server_that_is_dropped_cuts_the_calls_that_it_holds() {
    for stops in [drop as fn(MockServer), |server: MockServer| server.stop_blocking().expect("it stops")] {
        let server = server();
        let gate = server.gate(Stub::on("info"));
        server.stub(Stub::on("connector.list").delay("1h"));
        let address = server.address();
        let clients = ["/", "/_connector"].map(|target| {
            let mut client = Client::connect(address);
            client.write(&get(target));
            client
        });
        gate.wait_for(1, LONG).expect("the call");
        server.wait_for("connector.list", 1, LONG).expect("the call");
        let began = std::time::Instant::now();
        stops(server);
        drop(gate);
        for mut client in clients {
            let _ = client.try_read(false);
        }
        assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    }
}

#[test]
fn the_journal_can_be_waited_for() {
    let server = server();
    let address = server.address();
    let asked = get("/_elastimock/journal?operation=info&count=2&timeout=20s");
    let waiting = std::thread::spawn(move || Client::connect(address).send(&asked).json());
    send(&server, &get("/"));
    send(&server, &get("/"));
    let told = waiting.join().expect("an answer");
    assert_eq!((told["interactions"].as_array().map(Vec::len), &told["timed_out"]), (Some(2), &json!(false)));
    let told = send(&server, &get("/_elastimock/journal?operation=info&count=3&timeout=1ms")).json();
    assert_eq!(told["timed_out"], true);
    assert_eq!(send(&server, &get("/_elastimock/journal?count=3")).status, 400);
    for query in ["operation=claim", "operation=claim&count=1&timeout=1ms"] {
        let told = send(&server, &get(&format!("/_elastimock/journal?{query}"))).text();
        assert!(told.contains("there is no operation [claim]: did you mean [connector.sync_job_claim]?"), "{told}");
    }
}

#[test]
fn the_hand_is_no_client() {
    let server = server();
    send(&server, &claim("job-1", "w-1"));
    server.cancel("job-1").expect("it runs");
    assert_eq!(server.sync_job("job-1").and_then(|job| job.status()).ok(), Some(SyncStatus::Canceling));
    server.connect("crm").expect("a connector");
    server.update("job-2", json!({ "indexed_document_count": 7 })).expect("a job");
    server.update_connector("crm", json!({ "name": "CRM" })).expect("a connector");
    server.end("job-2", SyncStatus::Completed).expect("a job");
    let id = server.sync("crm").expect("a connector");
    assert_eq!(server.sync_job(&id).and_then(|job| job.status()).ok(), Some(SyncStatus::Pending));
    server.hand(&json!({ "index": "notes", "id": "1", "doc": { "title": "x" } })).expect("any document");
    assert_eq!(send(&server, &get("/notes/_doc/1")).status, 200);
    let connector = send(&server, &get("/_connector/crm")).json();
    assert_eq!((&connector["status"], &connector["name"]), (&json!("connected"), &json!("CRM")));
    // Nothing of that is anybody's fault, and the recording tells the same story.
    assert_eq!(server.journal().len(), 3);
    assert_eq!(rules(&server), [], "{:?}", server.findings());
    assert_same_verdict(&server);
    // A worker that goes on after the request to cancel is told.
    server.advance(Duration::from_secs(61));
    send(&server, &Request::new(Method::Put, "/_connector/_sync_job/job-1/_check_in"));
    assert_eq!(rules(&server), [("cancel-ignored", Severity::Error)]);
    assert_same_verdict(&server);
    assert!(server.cancel("job-9").expect_err("none").is_not_found());
    assert!(server.cancel("job-2").expect_err("it has ended").to_string().contains("Invalid transition"));
    let hand = |body: &str| send(&server, &Request::new(Method::Post, "/_elastimock/hand").json(body.to_owned()));
    assert_eq!(hand(r#"{"sync":"crm","job_type":"incremental"}"#).json()["acknowledged"], true);
    assert!(hand(r#"{"cancle":"x"}"#).text().contains("did you mean [cancel]?"));
    assert!(hand(r#"{"cancel":"job-1","doc":{}}"#).text().contains("[doc] is no part of [cancel]"));
}

#[test]
fn time_jumps_to_what_is_due() {
    let server = server();
    assert_eq!(server.advance_to_next_deadline(), None);
    send(&server, &claim("job-1", "w-1"));
    send(&server, &Request::new(Method::Post, "/.elastic-connectors/_search?scroll=1m").json("{}"));
    let jumps: Vec<String> = (0..3)
        .map_while(|_| server.advance_to_next_deadline())
        .map(|deadline| format!("{} {}", deadline.at, deadline.what))
        .collect();
    assert_eq!(
        jumps,
        [
            "2031-05-01T10:01:00.000Z a scroll ends",
            "2031-05-01T10:05:00.000Z the heartbeat of job job-1",
            "2031-05-01T10:30:00.000Z the check-in of connector crm",
        ]
    );
    let next = send(&server, &Request::new(Method::Post, "/_elastimock/clock/_next")).json();
    assert_eq!(next, json!({ "mode": "frozen", "now": "2031-05-01T10:30:00.000Z", "deadline": null }));
    // So are the instants of schedules, where somebody follows them, and the end of an API key.
    let scheduling = json!({ "full": { "enabled": true, "interval": "0 0 11 * * ?" } });
    server.update_connector("crm", json!({ "status": "connected", "scheduling": scheduling })).expect("a connector");
    let key = Request::new(Method::Post, "/_security/api_key").json(r#"{"name":"worker","expiration":"40m"}"#);
    assert_eq!(send(&server, &key).status, 200);
    let jumps: Vec<String> =
        (0..2).map_while(|_| server.advance_to_next_deadline()).map(|deadline| deadline.what).collect();
    assert_eq!(jumps, ["the full schedule of connector crm", "the API key worker ends"]);
    // A late answer is one too.
    server.stub(Stub::on("info").delay("30s"));
    let address = server.address();
    let waiting = std::thread::spawn(move || Client::connect(address).send(&get("/")).status);
    server.wait_for("info", 1, LONG).expect("the call");
    let deadline = server.advance_to_next_deadline().expect("one");
    assert!(deadline.what.starts_with("the answer of call") && deadline.what.ends_with("(info)"), "{}", deadline.what);
    assert_eq!(waiting.join().expect("an answer"), 200);
}

// ── incidents ─────────────────────────────────────────────────────────────────────────────────────────

/// Every incident is one that a server starts with, that happens, and of which nobody is accused who meets it once.
#[test]
fn every_incident_happens() {
    let mut told = Vec::new();
    for incident in elastimock::fixture::incidents() {
        let server = MockServer::builder()
            .fixture(fixture())
            .clock(Clock::frozen(instant(T0)))
            .seed(7)
            .incident(incident.name)
            .start_blocking()
            .unwrap_or_else(|error| panic!("{}: {error}", incident.name));
        let bulk = "{\"index\":{\"_index\":\"search-crm\",\"_id\":\"1\"}}\n{}\n".repeat(3);
        let bulk = Request::new(Method::Post, "/_bulk").header("content-type", "application/x-ndjson").with_body(bulk);
        let list = get("/_connector/_sync_job");
        let refresh = Request::new(Method::Post, "/.elastic-connectors/_refresh");
        let guarded = Request::new(Method::Post, "/.elastic-connectors/_update/crm?if_seq_no=0&if_primary_term=1")
            .json(r#"{"doc":{"name":"CRM"}}"#);
        // What comes late must not hold the test up.
        let mut calls = vec![list.clone(), claim("job-1", "w-1"), bulk.clone(), bulk, list, guarded, refresh];
        if incident.name == "cancel-at-end" {
            let counts = r#"{"deleted_document_count":0,"indexed_document_count":1,"indexed_document_volume":1}"#;
            calls.push(Request::new(Method::Put, "/_connector/_sync_job/job-1/_stats").json(counts));
        }
        let mut clients = Vec::new();
        for (call, count) in calls.into_iter().zip(1..) {
            let mut client = Client::connect(server.address());
            client.write(&call);
            clients.push(client);
            let operation = |call: &elastimock::recording::Interaction| call.operation.is_some();
            let until = std::time::Instant::now() + LONG;
            while server.journal().iter().filter(|call| operation(call)).count() < count {
                assert!(std::time::Instant::now() < until, "{}: call {count} did not come", incident.name);
                std::thread::yield_now();
            }
        }
        let stubbed: Vec<String> = server
            .journal()
            .iter()
            .filter_map(|call| {
                let fault = call.fault().map(|fault| format!(" {}", fault.to_value())).unwrap_or_default();
                Some(format!(
                    "  {} {}{fault}",
                    call.operation.as_deref()?,
                    call.stub().map(|_| call.response.status())?
                ))
            })
            .collect();
        assert!(!stubbed.is_empty(), "{} never happened", incident.name);
        told.push(format!("{}: {}\n{}", incident.name, incident.title, stubbed.join("\n")));
        for finding in server.findings() {
            let is_of_the_story = matches!(
                rule_of(&finding),
                "write-outside-job" | "job-left-open" | "no-backoff" | "claim-of-ended-job"
            );
            assert!(finding.severity == Severity::Warning && is_of_the_story, "{}: {finding}", incident.name);
        }
        assert_same_verdict(&server);
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// The README's and the schema's stubs are ones that are read.
#[test]
fn the_examples_are_read() {
    let text = std::fs::read_to_string(path("fixtures/stubs/example.json")).expect("the example");
    Fixture::from_json(&text).unwrap_or_else(|error| panic!("{error}"));
}
