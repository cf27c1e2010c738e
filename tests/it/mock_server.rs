//! The in-process door: start, drop, many clients, large bodies, clients that behave badly.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::Duration;

use serde_json::json;

use elastimock::contract::Severity;
use elastimock::http::{Method, Request};
use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};

use crate::support::{Client, T0, instant};

const CLAIM: &str = "/_connector/_sync_job/job-1/_claim";

fn fixture() -> Fixture {
    Fixture::new()
        .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
        .sync_job(SyncJob::pending("job-1", "crm"))
        .sync_job(SyncJob::pending("job-2", "crm"))
}

fn server() -> MockServer {
    let clock = Clock::frozen(instant(T0));
    MockServer::builder().fixture(fixture()).clock(clock).seed(7).start_blocking().expect("a server")
}

fn claim(worker: &str) -> Request {
    Request::new(Method::Put, CLAIM).json(format!(r#"{{"worker_hostname":"{worker}"}}"#))
}

#[test]
fn a_claim_moves_the_job_and_is_remembered() {
    let server = server();
    let answer = Client::connect(server.address()).send(&claim("w-1"));
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"result":"updated"}"#));
    let job = server.sync_job("job-1").expect("the job");
    assert_eq!(job.status().expect("its status"), SyncStatus::InProgress);
    assert_eq!(job.get("worker_hostname"), Some(&json!("w-1")));
    assert!(server.sync_job("job-9").expect_err("no such job").is_not_found());
    let journal = server.journal();
    assert_eq!(journal.len(), 1);
    assert_eq!(journal[0].operation.as_deref(), Some("connector.sync_job_claim"));
    assert_eq!(journal[0].request.body().as_ref(), br#"{"worker_hostname":"w-1"}"#);
    server.assert_conformant();
}

#[test]
fn it_works_inside_a_runtime_that_the_test_blocks() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let server = MockServer::builder().fixture(fixture()).start().await.expect("a server");
        // Blocks the runtime's only thread: the server must live on another.
        assert_eq!(Client::connect(server.address()).send(&claim("w-1")).status, 200);
        server.stop().await.expect("a clean stop");
    });
}

#[test]
fn a_dropped_server_is_gone_and_its_port_is_not_handed_out_again() {
    let mut ports = Vec::new();
    for round in 0..50 {
        // Told apart by its seed from a server of another process that is given the port in the meantime.
        let seed = 1_700_000_000_000 + round;
        let server = MockServer::builder().fixture(fixture()).seed(seed).start_blocking().expect("a server");
        let address = server.address();
        let mut client = Client::connect(address);
        assert_eq!(client.send(&claim("w-1")).status, 200);
        drop(server);
        assert!(!still_serves(address, seed), "{address} still answers");
        let cut = client.try_read(false).expect_err("the open connection is cut");
        assert!(!matches!(cut.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "it is left open: {cut}");
        assert!(!ports.contains(&address.port()), "port {} came twice", address.port());
        ports.push(address.port());
    }
}

/// Whether the server of that seed is at an address, or a listener that never answers. Whoever else has the port by
/// now answers for himself, or hangs up.
fn still_serves(address: SocketAddr, seed: u64) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let ask = "GET /_elastimock/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut told = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    match stream.write_all(ask.as_bytes()).and_then(|()| stream.read_to_string(&mut told)) {
        Ok(_) => told.contains(&seed.to_string()),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_server_that_lives_is_seen_to_serve() {
    let server = MockServer::builder().fixture(fixture()).seed(1_700_000_000_999).start_blocking().expect("a server");
    assert!(still_serves(server.address(), 1_700_000_000_999));
    assert!(!still_serves(server.address(), 1_700_000_000_998), "a stranger");
}

#[test]
fn servers_do_not_see_each_other() {
    let (first, second) = (server(), server());
    Client::connect(first.address()).send(&claim("w-1"));
    assert_eq!(first.sync_job("job-1").and_then(|job| job.status()).expect("a status"), SyncStatus::InProgress);
    assert_eq!(second.sync_job("job-1").and_then(|job| job.status()).expect("a status"), SyncStatus::Pending);
    assert!(second.journal().is_empty());
}

#[test]
fn concurrent_workers_give_the_same_transcript_every_time() {
    let transcript = || {
        let server = server();
        let together = Barrier::new(4);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (server, together) = (&server, &together);
                scope.spawn(move || {
                    let mut client = Client::connect(server.address());
                    together.wait();
                    let body = format!(r#"{{"id":"crm","job_type":"{}"}}"#, ["full", "incremental"][worker % 2]);
                    let posted = client.send(&Request::new(Method::Post, "/_connector/_sync_job").json(body));
                    let id = posted.json()["id"].as_str().expect("an id").to_owned();
                    let target = format!("/_connector/_sync_job/{id}/_claim");
                    let claim = format!(r#"{{"worker_hostname":"w-{}"}}"#, worker % 2);
                    assert_eq!(client.send(&Request::new(Method::Put, target).json(claim)).status, 200);
                });
            }
        });
        // The posts are calls about one connector, and race: which came first is not the client's doing.
        let mut value = server.transcript().to_value();
        value.as_object_mut().expect("lanes").shift_remove("connector crm");
        value
    };
    let first = transcript();
    insta::assert_yaml_snapshot!(first);
    for _ in 0..10 {
        assert_eq!(transcript(), first);
    }
}

#[test]
fn a_transcript_names_what_is_volatile() {
    let server = server();
    let mut client = Client::connect(server.address());
    client.send(&claim("w-1"));
    server.advance(Duration::from_millis(1500));
    client.send(&Request::new(Method::Get, "/_connector/_sync_job/job-1"));
    client.send(&Request::new(Method::Post, "/_connector/_sync_job").json(r#"{"id":"crm"}"#));
    client.send(&Request::new(Method::Get, "/_connector/nope"));
    client.send(&claim(""));
    insta::assert_yaml_snapshot!(server.transcript());
}

#[test]
fn what_a_client_did_wrong_fails_the_test_with_evidence() {
    let server = server();
    let mut client = Client::connect(server.address());
    client.send(&Request::new(Method::Put, CLAIM).json(r#"{"workerHostname":"w-1"}"#));
    client.send(&Request::new(Method::Put, "/_connector/_sync_job/job-1/_clam").json("{}"));
    client.send(&claim(" "));
    client.send(&Request::new(Method::Put, CLAIM).json(r#"{"worker_hostname":"w-1","sync_cursor":null}"#));
    client.send(&Request::new(Method::Get, "/_connector/_sync_job?size=ten"));
    client.send(&Request::new(Method::Put, CLAIM).header("content-type", "text/plain").with_body("x"));
    client.send(&Request::new(Method::Get, "/_cluster/health"));
    let panic = std::panic::catch_unwind(|| server.assert_conformant()).expect_err("findings");
    let text = panic.downcast_ref::<String>().expect("a text").clone();
    insta::assert_snapshot!(text);
    // A reset begins a new scope, and forgives nothing: the run has it still.
    server.reset();
    assert!(server.findings().is_empty());
    server.assert_scope_conformant();
    let run = server.run().findings();
    assert_eq!(run.len(), server.scopes()[0].findings.len());
    assert!(std::panic::catch_unwind(|| server.assert_conformant()).is_err());
    server.forget();
    server.assert_conformant();
}

#[test]
fn a_guard_checks_by_itself_and_never_panics_twice() {
    let watched = || {
        let server = MockServer::builder().fixture(fixture()).assert_on_drop().start_blocking().expect("a server");
        Client::connect(server.address()).send(&claim(""));
        server
    };
    assert!(std::panic::catch_unwind(|| drop(watched())).is_err());
    let panic = std::panic::catch_unwind(|| {
        let _server = watched();
        panic!("the test's own");
    });
    assert_eq!(panic.expect_err("a panic").downcast_ref::<&str>(), Some(&"the test's own"));
}

#[test]
fn warnings_fail_only_those_who_ask() {
    let accept = "application/vnd.elasticsearch+json;compatible-with=8";
    let ask = |server: &MockServer| {
        let answer = Client::connect(server.address()).send(&Request::new(Method::Get, "/").header("accept", accept));
        assert_eq!(answer.status, 200);
    };
    let lenient = server();
    ask(&lenient);
    lenient.assert_conformant();
    assert_eq!(lenient.findings().len(), 1);
    let strict = MockServer::builder().fail_on(Severity::Warning).start_blocking().expect("a server");
    ask(&strict);
    let panic = std::panic::catch_unwind(|| strict.assert_conformant()).expect_err("a failure");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("1 warning, and warnings fail this run (fail_on)\n"), "{text}");
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_server_goes_on() {
    let server = MockServer::builder().fixture(fixture()).body_bytes_max(1000).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let answer = client.send(&claim(&"x".repeat(5000)));
    assert_eq!((answer.status, answer.body.len(), answer.header("connection")), (413, 0, Some("close")));
    assert_eq!(answer.header("x-elastic-product"), None);
    let mut chunked = Client::connect(server.address());
    chunked.write_raw(
        format!(
            "PUT {CLAIM} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        .as_bytes(),
    );
    for _ in 0..3 {
        chunked.write_raw(format!("{:x}\r\n{}\r\n", 600, "x".repeat(600)).as_bytes());
    }
    chunked.write_raw(b"0\r\n\r\n");
    assert_eq!(chunked.read(false).status, 413);
    assert_eq!(Client::connect(server.address()).send(&claim("w-1")).status, 200);
    assert_eq!(server.findings().iter().filter(|finding| finding.rule == "refused-call").count(), 2);
}

#[test]
fn a_client_that_asks_before_it_sends_too_much_is_told_at_once() {
    let server = MockServer::builder().fixture(fixture()).body_bytes_max(1000).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    client.write_raw(
        format!("PUT {CLAIM} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 1001\r\n\r\n")
            .as_bytes(),
    );
    // Nothing is sent, so a server that waits for the body never answers.
    assert_eq!(client.read(false).status, 413);
    client.try_read(false).expect_err("the connection is closed");
    assert_eq!(server.journal().len(), 1);
}

#[test]
fn a_request_may_have_a_hundred_headers() {
    let server = server();
    for (count, expected) in [(100, 200), (101, 431)] {
        let mut text = String::from("GET / HTTP/1.1\r\nhost: localhost\r\n");
        (1..count).for_each(|at| text.push_str(&format!("x-{at}: {at}\r\n")));
        let mut client = Client::connect(server.address());
        client.write_raw(format!("{text}\r\n").as_bytes());
        assert_eq!(client.read(false).status, expected, "{count}");
    }
}

#[test]
fn a_recording_is_whole_when_its_server_is_dropped_and_the_next_one_may_have_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("story.ndjson");
    for calls in [3, 1, 0, 2] {
        let server = MockServer::builder().fixture(fixture()).record(&file).start_blocking().expect("a server");
        let rival = MockServer::builder().record(&file).start_blocking().expect_err("the file is taken");
        assert!(rival.is_surroundings(), "{rival}");
        (0..calls).for_each(|_| drop(Client::connect(server.address()).send(&claim("w-1"))));
        drop(server);
        let text = std::fs::read(&file).expect("the recording");
        let recording =
            elastimock::recording::Recording::parse("story", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((recording.interactions.len(), recording.cut_off), (calls, false));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn servers_that_are_dropped_leave_no_descriptor_behind() {
    let open = || std::fs::read_dir("/proc/self/fd").expect("descriptors").count();
    let before = open();
    for _ in 0..500 {
        let server = server();
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "{address} still answers");
    }
    // Other tests run beside this one and have some; 500 would be ours.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while open() > before + 250 {
        assert!(std::time::Instant::now() < until, "{} descriptors are left", open() - before);
        std::thread::yield_now();
    }
}

#[test]
fn a_large_body_is_taken_whole() {
    let server = server();
    let page = "p".repeat(10 * 1024 * 1024);
    let body = format!(r#"{{"worker_hostname":"w-1","sync_cursor":{{"page":"{page}"}}}}"#);
    let answer = Client::connect(server.address()).send(&Request::new(Method::Put, CLAIM).json(body.clone()));
    assert_eq!(answer.status, 200);
    assert_eq!(server.journal()[0].request.body().as_ref(), body.as_bytes());
    let job = server.sync_job("job-1").expect("the job").to_value();
    assert_eq!(job["connector"]["sync_cursor"]["page"].as_str().map(str::len), Some(page.len()));
}

#[test]
fn clients_that_stop_half_way_keep_nobody_waiting() {
    let server = server();
    let half: Vec<TcpStream> = (0..300)
        .map(|at| {
            let mut stream = TcpStream::connect(server.address()).expect("a connection");
            let text: &[u8] = match at % 3 {
                0 => b"",
                1 => b"PUT /_connector/_sync_job/job-1/_cl",
                _ => b"PUT /_connector/_sync_job/job-1/_claim HTTP/1.1\r\ncontent-length: 100\r\n\r\n{\"work",
            };
            stream.write_all(text).expect("half a request");
            stream
        })
        .collect();
    let mut client = Client::connect(server.address());
    for _ in 0..20 {
        assert_eq!(client.send(&claim("w-1")).status, 200);
    }
    assert_eq!(server.journal().len(), 20, "half a request is no call");
    drop(server);
    for mut stream in half {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is cut");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server();
    let mut client = Client::connect(server.address());
    for at in 0..50 {
        client.write(&Request::new(Method::Get, format!("/_connector/_sync_job/nope-{at}")));
    }
    for at in 0..50 {
        assert_eq!(client.read(false).json()["error"]["reason"], format!("nope-{at}"));
    }
}

#[test]
fn of_calls_on_one_connection_each_has_its_own_header_lines() {
    let server = server();
    let mut client = Client::connect(server.address());
    let lines =
        [&[("x-turn", "1")][..], &[("x-turn", "1")], &[("x-turn", "2")], &[("x-turn", "2"), ("x-turn", "3")], &[]];
    for lines in lines {
        let call = lines.iter().fold(Request::new(Method::Get, "/"), |call, (name, value)| call.header(name, value));
        assert_eq!(client.send(&call).status, 200);
    }
    for (call, expected) in server.journal().iter().zip(lines) {
        let of_turn = call.request.headers().iter().filter(|(name, _)| *name == "x-turn");
        assert_eq!(of_turn.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_journal_is_bounded_and_says_what_it_forgot() {
    let server = MockServer::builder().fixture(fixture()).journal_entries_max(10).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    for _ in 0..25 {
        client.send(&claim("w-1"));
    }
    assert_eq!((server.journal().len(), server.evicted()), (10, 15));
    let page = client.send(&Request::new(Method::Get, "/_elastimock/journal?limit=3")).json();
    assert_eq!(
        (page["evicted"].clone(), page["next"].clone(), page["interactions"][0]["seq"].clone()),
        (json!(15), json!(18), json!(16))
    );
}

#[test]
fn credentials_reach_no_memory_that_can_be_read() {
    let server = server();
    let mut client = Client::connect(server.address());
    client.send(&claim("w-1").header("authorization", "ApiKey c2VjcmV0OnNlY3JldA==").header("cookie", "sid=c2VjcmV0"));
    let journal = client.send(&Request::new(Method::Get, "/_elastimock/journal")).text();
    assert!(!journal.contains("c2VjcmV0") && journal.contains("<redacted>"), "{journal}");
    assert!(!server.recording().to_text().contains("c2VjcmV0"));
}

#[test]
fn the_admin_api_speaks_for_the_engine() {
    let server = server();
    let mut client = Client::connect(server.address());
    let mut ask = |method: Method, target: &str, body: &str| {
        let answer = client.send(&Request::new(method, format!("/_elastimock/{target}")).with_body(body.to_owned()));
        (answer.status, answer.json())
    };
    let (status, health) = ask(Method::Get, "health", "");
    assert_eq!(
        (status, &health["status"], &health["seed"], &health["now"]),
        (200, &json!("ready"), &json!(7), &json!("2031-05-01T10:00:00.000Z"))
    );
    assert_eq!(
        ask(Method::Post, "clock/_advance", r#"{"by":"5m"}"#).1,
        json!({"mode":"frozen","now":"2031-05-01T10:05:00.000Z"})
    );
    assert_eq!(
        ask(Method::Put, "clock", r#"{"mode":"frozen","now":"2040-01-01T00:00:00Z"}"#).1["now"],
        "2040-01-01T00:00:00.000Z"
    );
    assert_eq!(ask(Method::Put, "clock", r#"{"mode":"running"}"#).1["mode"], "running");
    for (target, body, cure) in [
        ("clock/_advance", r#"{"by":"5 minutes"}"#, "write a whole number and a unit"),
        ("clock/_advance", r#"{"buy":"5m"}"#, "did you mean [by]?"),
        ("clock/_advance", "", "must be a JSON object"),
        ("state", r#"{"conectors":[]}"#, "did you mean"),
        ("state", r#"{"sync_jobs":[{"id":"x","connector_id":"nope"}]}"#, "nope"),
    ] {
        let (status, answer) = ask(Method::Post, target, body);
        let reason = answer["error"]["reason"].as_str().unwrap_or_default().to_owned();
        assert!(status == 400 && reason.contains(cure), "{target} {body}: {status} {reason}");
    }
    assert_eq!(ask(Method::Post, "state", r#"{"connectors":[{"id":"second"}]}"#).0, 200);
    let (_, state) = ask(Method::Get, "state", "");
    assert_eq!(state["connectors"].as_array().map(Vec::len), Some(2));
    assert_eq!(ask(Method::Put, "state", &state.to_string()).0, 200);
    assert_eq!(ask(Method::Get, "state", "").1, state);
    assert_eq!(ask(Method::Get, "findings", "").1, json!({"findings":[],"counts":{"error":0,"warning":0}}));
    assert_eq!(ask(Method::Post, "reset", "").0, 200);
    assert_eq!(ask(Method::Get, "state", "").1["connectors"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(Method::Get, "clock", "").1["now"], "2031-05-01T10:00:00.000Z");
    assert_eq!(ask(Method::Get, "jurnal", "").0, 400);
    assert_eq!(ask(Method::Delete, "health", "").0, 405);
    assert!(server.journal().is_empty(), "admin calls are not journaled");
    assert!(server.findings().is_empty(), "nor judged");
}

#[test]
fn a_long_journal_is_written_while_others_are_answered() {
    let server = server();
    let mut client = Client::connect(server.address());
    let body = format!(r#"{{"worker_hostname":"w-1","sync_cursor":{{"text":"{}"}}}}"#, "x".repeat(500_000));
    for _ in 0..20 {
        client.send(&Request::new(Method::Put, CLAIM).json(body.clone()));
    }
    let address = server.address();
    let (sender, done) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let asked = crate::support::request("GET", "/_elastimock/journal", &[("accept", "application/x-ndjson")], "");
        let answer = Client::connect(address).send(&asked);
        let _ = sender.send(());
        answer.body.len()
    });
    // As many calls as find room beside it: all are answered, and the journal comes whole.
    let mut beside = 0;
    while done.try_recv().is_err() {
        assert_eq!(client.send(&Request::new(Method::Get, "/")).status, 200);
        beside += 1;
    }
    assert!(reading.join().expect("the journal") > 10_000_000);
    assert!(beside > 0);
}
