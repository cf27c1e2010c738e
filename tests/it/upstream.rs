//! Calls that are forwarded to another server: everything, or what is not the mock's; and what is told where that server
//! does not answer as it should.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use elastimock::http::Headers;
use elastimock::playback::{CassetteMode, OnUnmatched};
use elastimock::recording::{Interaction, Recording};
use elastimock::server::Upstream;
use elastimock::{Clock, Fixture, MockServer, Stub};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::{Answer, Client, T0, cluster, instant, path, request, rule_of};

const WAIT_MAX: Duration = Duration::from_secs(20);

fn mock(fixture: Fixture) -> MockServer {
    let builder = MockServer::builder().fixture(fixture).clock(Clock::frozen(instant(T0))).seed(7);
    builder.start_blocking().expect("a server")
}

fn upstream(url: &str) -> Upstream {
    Upstream::new(url).expect("an address")
}

fn at(address: SocketAddr) -> Upstream {
    upstream(&format!("http://{address}"))
}

/// Stands in front of a server.
fn proxy(upstream: Upstream) -> MockServer {
    let builder = MockServer::builder().clock(Clock::frozen(instant(T0))).seed(7).check_answers(true);
    builder.in_front_of(upstream).start_blocking().expect("a proxy")
}

fn send(server: &MockServer, method: &str, target: &str, body: &str) -> Answer {
    let kind = if target.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
    let headers: &[_] = if body.is_empty() { &[] } else { &[("content-type", kind)] };
    Client::connect(server.address()).send(&request(method, target, headers, body))
}

/// The last call that a server remembers, once it does.
fn last(server: &MockServer, count: usize) -> Interaction {
    let until = std::time::Instant::now() + WAIT_MAX;
    loop {
        let mut journal = server.journal();
        if journal.len() >= count {
            return journal.pop().expect("a call");
        }
        assert!(std::time::Instant::now() < until, "call {count} is not remembered: {journal:?}");
        std::thread::yield_now();
    }
}

/// What a server of the test's own does with one call.
enum Act {
    /// Says these bytes and waits for the next call.
    Say(Vec<u8>),
    /// Says them and closes the connection.
    SayAndClose(Vec<u8>),
    /// Takes the call and says nothing.
    Hang,
}

fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

fn whole(body: &str) -> Act {
    say(&format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// A server that does one thing after the other; what it hears comes out of the channel, head and body.
fn scripted(acts: Vec<Act>) -> (SocketAddr, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        let mut acts = acts.into_iter();
        let mut hung = Vec::new();
        'connections: loop {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut stream = BufReader::new(stream);
            loop {
                let Some((head, body)) = hear(&mut stream) else { continue 'connections };
                let _ = sender.send((head, body));
                match acts.next() {
                    Some(Act::Say(bytes)) => stream.get_mut().write_all(&bytes).unwrap_or_default(),
                    Some(Act::SayAndClose(bytes)) => {
                        stream.get_mut().write_all(&bytes).unwrap_or_default();
                        continue 'connections;
                    }
                    Some(Act::Hang) => {
                        hung.push(stream);
                        continue 'connections;
                    }
                    None => return,
                }
            }
        }
    });
    (address, heard)
}

/// One request: its head, and its body as it came.
fn hear(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    if lower.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size).ok()?;
            let mut piece = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
            stream.read_exact(&mut piece).ok()?;
            if piece.len() == 2 {
                break;
            }
            body.extend_from_slice(&piece[..piece.len() - 2]);
        }
    }
    Some((head, body))
}

/// A port that nobody listens on.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn story(name: &str) -> Recording {
    let file = path(&format!("fixtures/recordings/{name}.ndjson"));
    Recording::parse(name, &std::fs::read(file).expect("a file")).expect("a recording")
}

#[test]
fn what_is_said_through_a_proxy_is_what_is_said_directly() {
    let Recording { header, interactions, .. } = story("claim_story");
    let fixture = Fixture::from_json(&header.state.to_string()).expect("a fixture");
    let (direct, behind) = (mock(fixture.clone()), mock(fixture));
    let proxy = proxy(upstream(behind.url()));
    let (mut one, mut other) = (Client::connect(direct.address()), Client::connect(proxy.address()));
    for call in &interactions {
        let mut headers = Headers::new();
        let sent = call.request.headers().iter().filter(|(name, _)| !matches!(*name, "host" | "content-length"));
        sent.for_each(|(name, value)| headers.push(name, value));
        let request = call.request.clone().with_headers(headers);
        assert_eq!(one.send(&request), other.send(&request), "{}", request.target());
    }
    let calls = interactions.len();
    assert!(proxy.journal().iter().all(Interaction::is_of_upstream) && proxy.journal().len() == calls);
    let said = |server: &MockServer| -> Vec<_> {
        let journal = server.journal();
        let told = |call: &Interaction| {
            (call.operation.clone(), call.request.body().clone(), call.response.body().clone(), call.findings.clone())
        };
        journal.iter().map(told).collect()
    };
    assert_eq!(said(&direct).len(), calls);
    for (one, other) in said(&direct).iter().zip(said(&proxy)) {
        assert_eq!((&one.0, &one.1, &one.2), (&other.0, &other.1, &other.2));
    }
    // What was recorded stands in for the server.
    let text = proxy.recording().to_text();
    assert!(text.lines().skip(1).all(|line| line.contains("\"upstream\":true")), "{text}");
    let recorded = Recording::parse("recorded", text.as_bytes()).expect("a recording");
    let player = MockServer::builder().playback(recorded.clone()).start_blocking().expect("a player");
    let mut client = Client::connect(player.address());
    for call in &recorded.interactions {
        let request = call.request.clone().with_headers(Headers::new()).header("content-type", "application/json");
        assert_eq!(client.send(&request).body, call.response.body().to_vec(), "{}", request.target());
    }
    assert!(player.findings().is_empty(), "{:?}", player.findings());
    assert!(!player.journal().iter().any(Interaction::is_of_upstream), "the recording has answered");
}

#[test]
fn bytes_go_through_as_they_are() {
    let packed = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(br#"{"count":0,"results":[]}"#).expect("a vector takes all");
        encoder.finish().expect("a vector takes all")
    };
    let mut gzip = format!(
        "HTTP/1.1 200 OK\r\nDate: Fri, 01 Jan 2031 00:00:00 GMT\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    gzip.extend_from_slice(&packed);
    let (address, heard) = scripted(vec![
        Act::Say(gzip),
        say("HTTP/1.1 200 OK\r\ncontent-length: 4711\r\nx-odd: a\r\nx-odd: b\r\n\r\n"),
        say("HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n"),
        say("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"),
        say("HTTP/1.1 204 No Content\r\n\r\n"),
    ]);
    let proxy = proxy(at(address));
    let mut client = Client::connect(proxy.address());
    // A packed answer reaches the client packed, and is remembered as what it says.
    let answer =
        client.send(&request("GET", "/_connector?size=1&q=%2F", &[("accept-encoding", "gzip"), ("x-a", "1")], ""));
    assert_eq!((answer.body, answer.status), (packed, 200));
    let (head, _) = heard.recv_timeout(WAIT_MAX).expect("a call");
    assert!(head.starts_with("GET /_connector?size=1&q=%2F HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("accept-encoding: gzip\r\n") && head.contains("x-a: 1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
    let kept = last(&proxy, 1).response;
    assert_eq!((kept.text(), kept.headers().get("content-encoding")), (r#"{"count":0,"results":[]}"#.into(), None));
    assert_eq!(kept.headers().get("content-length"), Some("24"));
    assert!(kept.headers().get("date").is_some());
    // HEAD tells a length and has no body; header lines come as often as they came.
    let answer = client.send(&request("HEAD", "/x", &[], ""));
    assert_eq!(answer.header("content-length"), Some("4711"));
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "x-odd").count(), 2);
    assert_eq!(last(&proxy, 2).response.headers().get("content-length"), Some("4711"));
    // A body in pieces goes out and comes back in pieces.
    client.write_raw(
        b"PUT /x/_doc/1 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    );
    let answer = client.read(true);
    assert_eq!((answer.status, answer.header("transfer-encoding")), (201, Some("chunked")));
    let (head, body) = {
        heard.recv_timeout(WAIT_MAX).expect("the first call");
        heard.recv_timeout(WAIT_MAX).expect("a call")
    };
    assert!(head.contains("transfer-encoding: chunked") && body == b"{}", "{head}");
    let kept = last(&proxy, 3);
    assert_eq!((kept.request.body().as_ref(), kept.response.text()), (&b"{}"[..], r#"{"a":1}"#.into()));
    // Who waits for a word before the body is told to go on.
    let mut client = Client::connect(proxy.address());
    client.write_raw(b"POST /y HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    assert_eq!(client.read(true).status, 100);
    client.write_raw(b"{}");
    assert_eq!(client.read(false).status, 404);
    let (head, body) = heard.recv_timeout(WAIT_MAX).expect("a call");
    assert!(!head.contains("expect") && body == b"{}", "{head}");
    assert_eq!(client.send(&request("DELETE", "/z", &[], "")).status, 204);
    assert_eq!(last(&proxy, 5).response.status(), 204);
}

#[test]
fn a_body_that_is_too_large_to_be_kept_is_passed_on_all_the_same() {
    let behind = mock(Fixture::new());
    let builder = MockServer::builder().in_front_of(upstream(behind.url())).body_bytes_max(1000);
    let proxy = builder.start_blocking().expect("a proxy");
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(3_000_000));
    assert_eq!(send(&proxy, "PUT", "/docs/_doc/1?refresh=true", &body).status, 201);
    let got = send(&proxy, "GET", "/docs/_source/1", "");
    assert_eq!(got.body.len(), body.len());
    let text = proxy.recording().to_text();
    assert!(text.contains(&format!("\"left_out\":{{\"request\":{},\"response\":0}}", body.len())), "{}", &text[..2000]);
    proxy.assert_conformant();
    let read = Recording::parse("story", text.as_bytes()).expect("a recording");
    assert_eq!(read.to_text(), text);
}

#[test]
fn an_upstream_that_is_away_is_told_at_once_and_tried_again() {
    let address = nobody();
    let proxy = proxy(at(address));
    let answer = send(&proxy, "GET", "/_connector", "");
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (503, &json!("elastimock_upstream_exception")));
    assert!(answer.text().contains(&format!("the upstream is away: http://{address}: ")), "{}", answer.text());
    assert_eq!(send(&proxy, "HEAD", "/", "").status, 503);
    let told = proxy.troubles();
    assert!(told[0].starts_with("the upstream is away"), "{told:?}");
    let kept = last(&proxy, 2);
    assert!(kept.is_of_upstream() && kept.response.status() == 503);
    // It comes up at that address, and is found.
    let behind = MockServer::builder().listen(address).start_blocking().expect("the port is still free");
    let until = std::time::Instant::now() + WAIT_MAX;
    while send(&proxy, "GET", "/", "").status != 200 {
        assert!(std::time::Instant::now() < until, "it is not found again");
        std::thread::yield_now();
    }
    assert_eq!(proxy.troubles(), [""; 0]);
    drop(behind);
}

#[test]
fn of_several_nodes_the_others_are_asked_while_one_is_away() {
    let behind = mock(cluster("default"));
    let both = at(nobody()).node(behind.url()).expect("an address");
    let proxy = proxy(both);
    for _ in 0..5 {
        assert_eq!(
            send(&proxy, "PUT", "/_connector/_sync_job/job-pending/_claim", r#"{"worker_hostname":"w"}"#).status,
            200
        );
    }
    assert_eq!(behind.journal().len(), 5);
}

#[test]
fn what_an_upstream_does_wrong_is_told_as_what_it_is() {
    let (address, heard) = scripted(vec![
        Act::SayAndClose(b"nonsense\r\n\r\n".to_vec()),
        Act::SayAndClose(Vec::new()),
        Act::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":".to_vec()),
        Act::SayAndClose(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"a\r\n".to_vec()),
        Act::Hang,
        say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"slow\":"),
    ]);
    let proxy = proxy(at(address).timeout(Duration::from_millis(200)));
    let garbage = send(&proxy, "POST", "/x/_doc", "{}");
    assert_eq!(garbage.status, 502);
    assert!(garbage.text().contains("its answer is no HTTP"), "{}", garbage.text());
    let closed = send(&proxy, "POST", "/x/_doc", "{}");
    assert!(
        closed.status == 502 && closed.text().contains("whether it has done the call nobody knows"),
        "{}",
        closed.text()
    );
    // A body that ends too early ends too early for the client too, and again when it is played.
    for (count, expected) in [
        (3, r#"{"fault":"cut","acts":"after","after_bytes":8}"#),
        (4, r#"{"fault":"cut","acts":"after","after_bytes":3}"#),
    ] {
        let mut client = Client::connect(proxy.address());
        client.write(&request("GET", "/x/_doc/1", &[], ""));
        let cut = client.try_read(false);
        let is_chunked = count == 4;
        assert!(is_chunked || cut.is_err(), "{cut:?}");
        let call = last(&proxy, count);
        assert_eq!(call.fault().expect("a fault").to_value().to_string(), expected);
    }
    let silent = send(&proxy, "POST", "/x/_doc", "{}");
    assert!(silent.status == 504 && silent.text().contains("--upstream-timeout"), "{}", silent.text());
    let mut client = Client::connect(proxy.address());
    client.write(&request("GET", "/x/_doc/1", &[], ""));
    assert!(client.try_read(false).is_err(), "it stops in the middle");
    assert_eq!(last(&proxy, 6).fault().map(|fault| fault.after_bytes), Some(Some(8)));
    assert_eq!(heard.try_iter().count(), 6, "nothing was sent twice");
    let recording = Recording::parse("x", proxy.recording().to_text().as_bytes()).expect("a recording");
    let player = MockServer::builder().playback(recording).start_blocking().expect("a player");
    for _ in 0..2 {
        let mut client = Client::connect(player.address());
        client.write(&request("GET", "/x/_doc/1", &[], ""));
        assert!(client.try_read(false).is_err(), "cut as it was");
    }
}

#[test]
fn odd_frames_of_an_answer_are_read_as_they_are_meant() {
    let (address, _heard) = scripted(vec![
        say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n2\r\n{}\r\n0\r\nx-t: 1\r\n\r\n"),
        Act::SayAndClose(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec(),
        ),
        Act::SayAndClose(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\nodd".to_vec(),
        ),
        say(
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 302 Found\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n",
        ),
    ]);
    let proxy = proxy(at(address));
    for (count, status, body) in
        [(1, 200, "{}"), (2, 200, "{}"), (3, 502, "it switches to another protocol"), (4, 302, "")]
    {
        let mut client = Client::connect(proxy.address());
        let answer = client.send(&request("GET", "/x", &[], ""));
        assert_eq!((answer.status, answer.header("trailer")), (status, None));
        let is_in_pieces = answer.header("transfer-encoding").is_some();
        assert!(!is_in_pieces || answer.header("content-length").is_none(), "{count}: {answer:?}");
        let kept = last(&proxy, count).response;
        assert!(kept.status() == status && kept.text().contains(body), "{count}: {}", kept.text());
        assert_eq!(kept.fault(), None, "{count}");
    }
}

#[test]
fn an_answer_of_an_older_http_goes_out_as_the_mock_speaks() {
    let (address, _heard) = scripted(vec![
        Act::SayAndClose(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{}".to_vec()),
        whole("{}"),
    ]);
    let proxy = proxy(at(address));
    let mut stream = TcpStream::connect(proxy.address()).expect("a connection");
    // The first body ended with its connection, and goes on in pieces.
    for end in [&b"\r\n0\r\n\r\n"[..], b"\r\n\r\n{}"] {
        stream.write_all(b"GET /x/_doc/1 HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("a server");
        let mut answer = Vec::new();
        while !answer.ends_with(end) {
            let mut piece = [0; 1024];
            let read = stream.read(&mut piece).expect("an answer");
            assert!(read > 0, "the connection is kept");
            answer.extend_from_slice(&piece[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn half_a_body_is_not_recorded_as_one() {
    // The upstream refuses the body before it has come, and hears no more of it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = proxy(at(listener.local_addr().expect("an address")));
    let mut client = TcpStream::connect(proxy.address()).expect("a connection");
    let head =
        b"POST /_bulk HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: 900\r\n\r\n";
    client.write_all(&[&head[..], b"{\"index\":{\"_index\":\"x\"}}\n{\"half"].concat()).expect("a server");
    let mut upstream = listener.accept().expect("a call").0;
    let mut heard = Vec::new();
    while !heard.ends_with(b"half") {
        let mut piece = [0; 1024];
        let read = upstream.read(&mut piece).expect("a call");
        assert!(read > 0, "the call goes on");
        heard.extend_from_slice(&piece[..read]);
    }
    upstream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}").expect("a proxy");
    let call = last(&proxy, 1);
    assert_eq!((call.response.status(), call.request.body().len()), (413, 0));
    let text = proxy.recording().to_text();
    assert!(text.contains("\"left_out\":{\"request\":31,\"response\":0}"), "{text}");
}

#[test]
fn a_read_is_sent_again_on_a_kept_connection_that_was_closed_and_a_write_is_not() {
    // The server closes each connection when it hears the second call on it.
    let (address, heard) =
        scripted(vec![whole("{}"), Act::SayAndClose(Vec::new()), whole("{}"), Act::SayAndClose(Vec::new())]);
    let proxy = proxy(at(address));
    assert_eq!(send(&proxy, "GET", "/a", "").status, 200);
    assert_eq!(send(&proxy, "GET", "/b", "").status, 200);
    assert_eq!(send(&proxy, "POST", "/c", "{}").status, 502);
    let heard: Vec<String> =
        heard.try_iter().map(|(head, _)| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect();
    assert_eq!(heard, ["/a", "/b", "/b", "/c"]);
}

#[test]
fn a_client_that_goes_away_leaves_its_call_behind() {
    let (address, heard) = scripted(vec![Act::Hang]);
    let proxy = proxy(at(address));
    let mut client = Client::connect(proxy.address());
    client.write(&request("POST", "/_connector/x/_nothing", &[], ""));
    heard.recv_timeout(WAIT_MAX).expect("a call");
    drop(client);
    let call = last(&proxy, 1);
    assert_eq!((call.response.status(), call.fault().is_some_and(|fault| fault.is_lost())), (0, true));
}

#[test]
fn what_is_secret_passes_and_is_kept_nowhere() {
    let body = r#"{"access_token":"geheim-one","type":"Bearer","refresh_token":"geheim-two"}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nset-cookie: sid=geheim-three\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (address, heard) = scripted(vec![
        say(&answer),
        whole("{}"),
        whole(r#"{"token":{"name":"t","value":"geheim-four"},"created":true}"#),
    ]);
    let proxy = proxy(at(address));
    let sent = r#"{"grant_type":"password","username":"u","password":"geheim-five"}"#;
    let headers = [("authorization", "Basic Z2VoZWltLXNpeA=="), ("content-type", "application/json")];
    let answer = Client::connect(proxy.address()).send(&request("POST", "/_security/oauth2/token", &headers, sent));
    assert_eq!((answer.text().as_str(), answer.header("set-cookie")), (body, Some("sid=geheim-three")));
    let (head, passed) = heard.recv_timeout(WAIT_MAX).expect("a call");
    assert!(head.contains("Basic Z2VoZWltLXNpeA==") && passed == sent.as_bytes(), "{head}");
    let watch = r#"{"actions":{"a":{"webhook":{"auth":{"basic":{"username":"u","password":"geheim-eight"}}}}}}"#;
    assert_eq!(send(&proxy, "PUT", "/_watcher/watch/w", watch).status, 200);
    let created = send(&proxy, "POST", "/_security/service/elastic/kibana/credential/token/t", "");
    assert!(created.text().contains("geheim-four"));
    let kept = proxy.recording().to_text();
    assert!(!kept.contains("geheim") && !kept.contains("Z2VoZWlt"), "{kept}");
    // Credentials of the proxy's own go in place of the client's, and are nowhere either.
    let (address, heard) = scripted(vec![whole("{}")]);
    let proxy = MockServer::builder()
        .in_front_of(at(address).user("elastic", "geheim-seven"))
        .start_blocking()
        .expect("a proxy");
    Client::connect(proxy.address()).send(&request("GET", "/", &headers, ""));
    let (head, _) = heard.recv_timeout(WAIT_MAX).expect("a call");
    assert_eq!(head.matches("authorization: ").count(), 1);
    assert!(head.contains("authorization: Basic ZWxhc3RpYzpnZWhlaW0tc2V2ZW4="), "{head}");
    assert!(!proxy.recording().to_text().contains("ZWxhc3RpYzpnZ"));
}

#[test]
fn an_answer_that_leaves_the_specification_is_a_finding_with_evidence() {
    let (address, _heard) = scripted(vec![whole(r#"{"result":"perhaps"}"#), whole(r#"{"count":"none","results":[]}"#)]);
    let proxy = proxy(at(address));
    send(&proxy, "PUT", "/_connector/crm/_check_in", "");
    send(&proxy, "GET", "/_connector", "");
    let told: Vec<String> =
        proxy.findings().iter().map(|finding| format!("{} {}", finding.rule, finding.message)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with(
            "off-spec-answer the upstream's answer of connector.check_in leaves its specification at [/result]"
        ),
        "{told:?}"
    );
    assert!(told[1].contains("connector.list leaves its specification at [/count]"), "{told:?}");
    assert_eq!(proxy.findings()[0].evidence["of"], "upstream");
    // The same offline.
    let mut judge = elastimock::contract::Judge::new(
        elastimock::elasticsearch::Profile::V9,
        elastimock::contract::Strictness::default().with_checked_answers(),
        &json!(null),
    );
    let found: usize = proxy.recording().interactions.iter().map(|call| judge.hear_recorded(call).findings.len()).sum();
    assert_eq!(found, 2);
}

#[test]
fn a_story_goes_across_the_mock_and_its_upstream() {
    let behind = mock(
        Fixture::from_json(r#"{"indices":{"theirs":{"documents":[{"_id":"1","_source":{"a":1}}]}}}"#)
            .expect("a fixture"),
    );
    let builder = MockServer::builder().fixture(cluster("default")).clock(Clock::frozen(instant(T0))).seed(8);
    let front = builder.upstream(upstream(behind.url())).start_blocking().expect("a server");
    let is_forwarded = |count: usize| last(&front, count).is_of_upstream();
    // The Connector API is the mock's own.
    assert_eq!(
        send(&front, "PUT", "/_connector/_sync_job/job-pending/_claim", r#"{"worker_hostname":"w"}"#).status,
        200
    );
    assert!(!is_forwarded(1));
    // An index that nobody here has, and all that is about the cluster, is the upstream's.
    assert_eq!(send(&front, "PUT", "/search-new", "").status, 200);
    assert!(is_forwarded(2));
    let bulk = "{\"index\":{\"_id\":\"1\"}}\n{\"title\":\"t\"}\n";
    assert_eq!(send(&front, "POST", "/search-new/_bulk?refresh=true", bulk).json()["errors"], false);
    assert_eq!(send(&front, "POST", "/search-new/_search", "{}").json()["hits"]["total"]["value"], 1);
    assert_eq!(send(&front, "GET", "/theirs/_source/1", "").text(), r#"{"a":1}"#);
    assert_eq!(send(&front, "GET", "/_license", "").status, 200);
    assert!(is_forwarded(6) && behind.journal().len() == 5);
    // An operation that the mock does not have goes there too, and what comes back is told as it is.
    assert_eq!(send(&front, "GET", "/_ml/anomaly_detectors", "").status, 501);
    assert!(is_forwarded(7));
    // The protocol's own indices are here, by whatever name.
    let found = send(&front, "POST", "/.elastic-connectors/_search", "{}");
    assert!(found.json()["hits"]["total"]["value"].as_u64() > Some(0) && !is_forwarded(8));
    // What would need both is refused, and neither has heard of it.
    let both = "{\"index\":{\"_index\":\"theirs\"}}\n{}\n{\"index\":{\"_index\":\".elastic-connectors\"}}\n{}\n";
    let refused = send(&front, "POST", "/_bulk", both);
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (501, &json!("elastimock_unsupported_exception")));
    assert!(refused.text().contains("[.elastic-connectors] is here and [theirs] is there"), "{}", refused.text());
    assert_eq!(send(&front, "POST", "/theirs,.elastic-connectors/_search", "{}").status, 501);
    assert_eq!(behind.journal().len(), 6);
    let found: Vec<&str> = front.findings().iter().map(rule_of).collect();
    assert_eq!(found, ["unsupported-operation"; 2]);
    let transcript = serde_json::to_string(&front.transcript()).expect("JSON");
    assert!(transcript.contains(r#""upstream":true"#), "{transcript}");
    // Without the upstream the mock goes on with what is its own.
    drop(behind);
    assert_eq!(send(&front, "GET", "/theirs/_source/1", "").status, 503);
    assert_eq!(send(&front, "GET", "/_connector", "").status, 200);
}

#[test]
fn a_stub_answers_in_place_of_the_upstream_or_changes_what_it_says() {
    let behind = mock(Fixture::new());
    let front = MockServer::builder()
        .fixture(Fixture::new())
        .upstream(upstream(behind.url()))
        .stub(Stub::on("info").patch(json!({ "version": { "number": "9.9.9" } })))
        .stub(Stub::on("license.get").json(200, json!({ "license": {} })).expect(1..))
        .stub(Stub::on("bulk").item(1, 429))
        .start_blocking()
        .expect("a server");
    let info = send(&front, "GET", "/", "");
    assert_eq!(
        (&info.json()["version"]["number"], &info.json()["tagline"]),
        (&json!("9.9.9"), &json!("You Know, for Search"))
    );
    assert_eq!(send(&front, "GET", "/_license", "").text(), r#"{"license":{}}"#);
    let bulk = send(&front, "POST", "/theirs/_bulk", "{\"index\":{}}\n{}\n");
    assert_eq!(bulk.status, 501, "{}", bulk.text());
    let journal = front.journal();
    let told: Vec<_> = journal.iter().map(|call| (call.stub().is_some(), call.is_of_upstream())).collect();
    assert_eq!(told, [(true, true), (true, false), (true, false)]);
    assert_eq!(behind.journal().len(), 1);
}

#[test]
fn a_playback_forwards_what_it_does_not_have_and_a_cassette_takes_it_in() {
    let behind = mock(cluster("default"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("story.ndjson");
    let open = |mode| {
        let builder = MockServer::cassette(&file).mode(mode).in_front_of(upstream(behind.url()));
        builder.start_blocking().expect("a server")
    };
    let claim = |server: &MockServer, job: &str| {
        send(server, "PUT", &format!("/_connector/_sync_job/{job}/_claim"), r#"{"worker_hostname":"w"}"#).status
    };
    let recorded = open(CassetteMode::Once);
    assert_eq!(claim(&recorded, "job-pending"), 200);
    recorded.stop_blocking().expect("a recording");
    assert_eq!(behind.journal().len(), 1);
    let played = open(CassetteMode::Once);
    assert_eq!(claim(&played, "job-pending"), 200);
    played.stop_blocking().expect("an end");
    assert_eq!(behind.journal().len(), 1, "the upstream is not needed");
    let extended = open(CassetteMode::NewEpisodes);
    assert_eq!(claim(&extended, "job-pending"), 200);
    assert_eq!(send(&extended, "GET", "/_connector/crm", "").status, 200);
    extended.stop_blocking().expect("a recording");
    assert_eq!(behind.journal().len(), 2, "only what is new");
    let recording = Recording::parse("story", &std::fs::read(&file).expect("a file")).expect("a recording");
    let told: Vec<_> = recording.interactions.iter().map(|call| (call.seq, call.is_of_upstream())).collect();
    assert_eq!(told, [(1, true), (2, true)]);
    let player = MockServer::builder()
        .playback(recording)
        .unmatched(OnUnmatched::Upstream)
        .upstream(upstream(behind.url()))
        .start_blocking()
        .expect("a player");
    assert_eq!(claim(&player, "job-pending"), 200);
    assert_eq!(send(&player, "GET", "/_connector/nobody", "").status, 404);
    let told: Vec<_> = player.journal().iter().map(Interaction::is_of_upstream).collect();
    assert_eq!(told, [false, true]);
    let wrong = MockServer::builder().playback(story("claim_story")).unmatched(OnUnmatched::Upstream).start_blocking();
    assert!(wrong.expect_err("no upstream").is_invalid_input());
}

#[test]
fn many_clients_at_a_time_are_served_and_heard_once_each() {
    let behind = mock(cluster("default"));
    let proxy = proxy(upstream(behind.url()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::connect(proxy.address());
                for _ in 0..25 {
                    let answer = client.send(&request("GET", "/_connector/crm", &[], ""));
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
    assert_eq!((proxy.journal().len(), behind.journal().len()), (200, 200));
    let seqs: Vec<u64> = proxy.journal().iter().map(|call| call.seq).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<u64>>());
}

#[cfg(all(feature = "cli", unix))]
mod on_the_command_line {
    use super::*;
    use crate::cli::{Server, folder, run};

    #[test]
    fn a_cluster_is_recorded_judged_verified_and_played() {
        let cluster = Server::start(&["serve", "--seed", "5", "--es-version", "9.3.1"]);
        let folder = folder();
        let out = folder.path().join("story.ndjson").display().to_string();
        let flags = ["record", "--upstream", &cluster.url(), "--out", &out, "--user", "elastic:geheim", "-v"];
        let record = Server::start(&flags);
        let claim = "/_connector/_sync_job/job-pending/_claim";
        assert_eq!(record.send("PUT", claim, r#"{"worker_hostname":"w-1"}"#).status, 200);
        assert_eq!(record.send("PUT", "/_connector/crm/_check_in", "").status, 200);
        assert_eq!(record.send("GET", "/_connector/_sync_job/job-pending", "").status, 200);
        let text = std::fs::read_to_string(&out).expect("it is written as calls are made");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains(r#""es_version":"9.3.1""#) && text.contains(r#""state":null"#), "{text}");
        assert!(!text.contains("geheim") && !text.contains("ZWxhc3RpYzpnZWhlaW0"), "{text}");
        let told = record.stop();
        assert!(
            told.stderr.contains("PUT /_connector/crm/_check_in → 200  connector.check_in  (upstream)"),
            "{}",
            told.stderr
        );
        // A job that was left running is told as `judge` tells it.
        let judged = run(&["judge", &out]);
        assert_eq!(
            (told.code, told.stderr.contains("job-left-open")),
            (judged.code, judged.stdout.contains("job-left-open"))
        );
        let fresh = Server::start(&["serve", "--seed", "6", "--es-version", "9.3.1"]);
        let verified = run(&["verify", &out, "--against", &fresh.url()]);
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        assert_eq!(run(&["coverage", &out]).code, Some(0));
        let shown = run(&["show", &out]).stdout;
        assert!(shown.contains("upstream: true"), "{shown}");
        let player = Server::start(&["play", &out, "--fail-on", "warning"]);
        assert_eq!(player.send("PUT", claim, r#"{"worker_hostname":"another"}"#).status, 200);
        drop(player);
        // Recorded anew, the file is another only at the end, and only if there was a call.
        let again = Server::start(&["record", "--upstream", &cluster.url(), "--out", &out]);
        again.stop();
        assert_eq!(std::fs::read_to_string(&out).expect("a file"), text);
        let again = Server::start(&["record", "--upstream", &cluster.url(), "--out", &out]);
        assert_eq!(again.send("GET", "/_connector", "").status, 200);
        assert_eq!(std::fs::read_to_string(&out).expect("a file"), text);
        assert_eq!(again.stop().code, Some(0));
        assert_eq!(std::fs::read_to_string(&out).expect("a file").lines().count(), 2);
        // A recording that is there is played, and nobody is called.
        cluster.stop();
        let once = Server::start(&["record", "--upstream", "http://127.0.0.1:1", "--out", &out, "--mode", "once"]);
        assert_eq!(once.send("GET", "/_connector", "").status, 200);
        assert_eq!(once.stop().code, Some(0));
    }

    #[test]
    fn a_cluster_with_tls_is_recorded_by_its_authority_and_by_its_fingerprint() {
        let cluster =
            MockServer::builder().tls(elastimock::tls::Tls::self_signed()).start_blocking().expect("a server");
        let tls = cluster.tls().expect("it speaks TLS");
        let folder = folder();
        let ca = crate::cli::write(&folder, "ca.pem", tls.ca_pem());
        let out = folder.path().join("story.ndjson").display().to_string();
        let fingerprint = tls.ca_fingerprint();
        for trust in [["--upstream-ca", &ca], ["--upstream-fingerprint", &fingerprint]] {
            let flags = [
                "record",
                "--upstream",
                cluster.url(),
                "--out",
                &out,
                "--upstream-api-key",
                "geheim",
                trust[0],
                trust[1],
            ];
            let record = Server::start(&flags);
            assert_eq!(record.send("GET", "/_connector", "").status, 200, "{trust:?}");
            record.stop();
            let text = std::fs::read_to_string(&out).expect("a recording");
            assert!(text.lines().count() == 2 && !text.contains("geheim"), "{text}");
        }
        let told = run(&["record", "--upstream", cluster.url(), "--out", &out, "--listen", "127.0.0.1:0"]);
        assert_eq!(told.code, Some(3), "{}", told.stderr);
    }

    #[test]
    fn what_cannot_be_recorded_is_told_before_anything_is() {
        let folder = folder();
        let out = folder.path().join("story.ndjson").display().to_string();
        let nobody = format!("http://{}", nobody());
        let told = run(&["record", "--upstream", &nobody, "--out", &out, "--listen", "127.0.0.1:0"]);
        assert_eq!(told.code, Some(3));
        assert!(told.stderr.contains(&format!("cannot reach the upstream {nobody}")), "{}", told.stderr);
        assert!(!folder.path().join("story.ndjson").exists());
        for wrong in ["localhost", "ftp://h", "http://u:p@h"] {
            assert_eq!(run(&["record", "--upstream", wrong, "--out", &out]).code, Some(2), "{wrong}");
        }
        assert_eq!(run(&["record", "--out", &out]).code, Some(2));
        assert_eq!(run(&["record", "--upstream", &nobody]).code, Some(2));
        assert_eq!(run(&["play", &out, "--unmatched", "upstream"]).code, Some(2));
        let cluster = Server::start(&["serve"]);
        let enforced =
            ["record", "--upstream", &cluster.url(), "--out", &out, "--listen", "127.0.0.1:0", "--contract", "enforce"];
        assert_eq!(run(&enforced).code, Some(2));
        let own = format!("127.0.0.1:{}", cluster.address.port());
        let taken = run(&["record", "--upstream", &cluster.url(), "--out", &out, "--listen", &own]);
        assert_eq!(taken.code, Some(3), "{}", taken.stderr);
        cluster.stop();
        let looped = run(&["serve", "--upstream", &format!("http://{own}"), "--listen", &own]);
        assert_eq!(looped.code, Some(2), "{}", looped.stderr);
        assert!(looped.stderr.contains("would be forwarded to itself"), "{}", looped.stderr);
    }

    #[test]
    fn a_mock_starts_without_its_upstream() {
        let nobody = format!("http://{}", nobody());
        let server = Server::start(&["serve", "--upstream", &nobody, "-v"]);
        assert_eq!(server.send("GET", "/_connector", "").status, 200);
        assert_eq!(server.send("GET", "/theirs/_search", "").status, 503);
        server.stderr_until("warning: the upstream is away");
        assert_eq!(server.stop().code, Some(0));
    }
}
