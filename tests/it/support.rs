//! What the tests share: the instants, a client without a library, and the two doors to a mock.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use elastimock::contract::{Finding, Strictness, rules};
use elastimock::engine::Setup;
use elastimock::http::{Headers, Method, Request};
use elastimock::recording::Recording;
use elastimock::report::RecordedRun;
use elastimock::{Clock, Engine, Fixture, MockServer, Timestamp};

/// The instant at which every test's clock stands unless it says otherwise.
pub const T0: &str = "2031-05-01T10:00:00Z";

/// An instant from its text.
pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A path below the project's root.
pub fn path(below: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// A fixture by the name of its file in `fixtures/clusters`; `empty` is nothing at all.
pub fn cluster(name: &str) -> Fixture {
    if name == "empty" {
        return Fixture::new();
    }
    let path = path(&format!("fixtures/clusters/{name}.json"));
    Fixture::load(&[path]).unwrap_or_else(|error| panic!("{error}"))
}

/// An answer as a client has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// A way to reach a mock.
pub trait Door {
    fn send(&mut self, request: &Request) -> Answer;
    fn advance(&mut self, by: Duration);
}

/// A mock without a socket.
pub struct EngineDoor {
    pub engine: Engine,
}

impl EngineDoor {
    pub fn new(fixture: Fixture, clock: &str) -> EngineDoor {
        let now = instant(clock);
        let strictness = Strictness::default().with_checked_answers();
        let setup =
            Setup { fixture: Arc::new(fixture), seed: 7, clock: Clock::frozen(now), strictness, ..Setup::default() };
        EngineDoor { engine: Engine::new(setup, now).unwrap_or_else(|error| panic!("{error}")) }
    }

    /// Every answer has kept the specification, as the server keeps it.
    pub fn assert_answers_keep_the_specification(&self, whose: &str) {
        let findings = self.engine.findings(false);
        let breaches: Vec<String> =
            findings.iter().filter(|finding| finding.rule == "off-spec-answer").map(Finding::to_string).collect();
        assert!(breaches.is_empty(), "{whose}:\n{}", breaches.join("\n"));
    }
}

impl Door for EngineDoor {
    fn send(&mut self, request: &Request) -> Answer {
        let response = self.engine.receive(request, Timestamp::default());
        Answer {
            status: response.status(),
            headers: response.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: response.body().to_vec(),
        }
    }

    fn advance(&mut self, by: Duration) {
        self.engine.advance(Timestamp::default(), by);
    }
}

/// A client that keeps its connection, and sends what it is told byte for byte.
pub struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        Client { address, stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, request: &Request) -> Answer {
        self.write(request);
        self.read(*request.method() == Method::Head)
    }

    pub fn write(&mut self, request: &Request) {
        let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.target());
        if request.headers().get("host").is_none() {
            text.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in request.headers().iter() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !request.body().is_empty() {
            text.push_str(&format!("content-length: {}\r\n", request.body().len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(request.body());
        self.write_raw(&bytes);
    }

    pub fn write_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server takes the request");
    }

    pub fn read(&mut self, is_head: bool) -> Answer {
        self.try_read(is_head).expect("the server answers")
    }

    pub fn try_read(&mut self, is_head: bool) -> std::io::Result<Answer> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if !is_head {
            answer.body.resize(length, 0);
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }
}

/// A request from its parts, as the tables of the tests write it.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut block = Headers::new();
    for (name, value) in headers {
        block.push(name, value);
    }
    Request::new(Method::new(method), target).with_headers(block).with_body(body.to_owned())
}

/// The id of a finding's rule, as the table of rules has it.
pub fn rule_of(finding: &Finding) -> &'static str {
    let rule = rules().iter().find(|rule| rule.id == finding.rule);
    rule.unwrap_or_else(|| panic!("there is no rule {}", finding.rule)).id
}

/// What a run's recording says of it offline is what the server has said.
pub fn assert_same_verdict(server: &MockServer) {
    let recording = server.run().recording();
    let again = Recording::parse("again", recording.to_text().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, recording);
    let recordings = [again];
    let run = RecordedRun::new(&recordings, Strictness::default());
    let key = |finding: &Finding| (finding.rule.clone(), finding.severity, finding.message.clone());
    let offline: Vec<_> = run.findings().map(key).collect();
    let online: Vec<_> = server.run().findings().iter().map(key).collect();
    assert_eq!(online, offline);
}
