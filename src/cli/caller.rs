//! [`Caller`]: a client of a few lines that keeps its connection, so that a command needs no runtime.
//!
//! HTTP/1.1, plain or through TLS. A call is sent anew only where that is safe: a read, on a connection that the server had closed.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::console::CommandFailure;
use crate::http::{Headers, Method, Request, Response};
use crate::limits::{CALLER_ANSWER_BYTES_MAX, HEAD_BYTES_MAX};
use crate::mock::wire::tls::client::{Trust, server_name};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// Whether TLS is spoken.
    pub is_tls: bool,
    pub host: String,
    pub port: u16,
    /// What stands before every path, without a slash at its end.
    pub path: String,
}

impl Base {
    /// Reads `http://HOST:PORT` or `https://HOST:PORT`, with a path if there is one.
    ///
    /// # Errors
    /// [`CommandFailure::input`] if it is none.
    pub(crate) fn parse(url: &str) -> Result<Base, CommandFailure> {
        let wrong = || {
            CommandFailure::input(format!(
                "`{url}` is no address of a server: write http://HOST:PORT, for example http://127.0.0.1:9200"
            ))
        };
        let (is_tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://").ok_or_else(wrong)?),
        };
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path.trim_end_matches('/')));
        if path.contains(['?', '#']) || url.contains(char::is_whitespace) || url.contains(char::is_control) {
            return Err(wrong());
        }
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, if is_tls { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains('@') {
            return Err(wrong());
        }
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Base { is_tls, host: host.to_owned(), port, path })
    }
}

/// Calls one server.
#[derive(Debug)]
pub(crate) struct Caller {
    base: Base,
    time_max: Duration,
    /// Header lines that every call has, in place of its own of that name.
    always: Headers,
    /// How TLS is spoken, where it is.
    tls: Option<Arc<ClientConfig>>,
    stream: Option<BufReader<Stream>>,
}

/// A connection to a server.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(plain) => plain.read(into),
            Stream::Tls(through) => through.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(plain) => plain.write(bytes),
            Stream::Tls(through) => through.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Stream::Plain(plain) => plain.flush(),
            Stream::Tls(through) => through.flush(),
        }
    }
}

impl Caller {
    /// A client of that server, which waits that long for each answer and trusts whom it is told to trust.
    ///
    /// # Errors
    /// [`CommandFailure::input`] if that cannot be used; [`CommandFailure::surroundings`] if the system does not say whom it trusts.
    pub(crate) fn new(base: Base, time_max: Duration, always: Headers, trust: Trust) -> Result<Caller, CommandFailure> {
        let tls = if base.is_tls { Some(trust.config()?) } else { None };
        Ok(Caller { base, time_max, always, tls, stream: None })
    }

    fn connected(&self) -> std::io::Result<Stream> {
        let host = self.base.host.trim_matches(['[', ']']);
        let stream = connect(host, self.base.port, self.time_max)?;
        stream.set_read_timeout(Some(self.time_max))?;
        stream.set_write_timeout(Some(self.time_max))?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let name = server_name(host).map_err(Error::other)?;
        let connection = ClientConnection::new(config.clone(), name).map_err(Error::other)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// The answer to a request. Its headers are sent but for those of the connection.
    ///
    /// # Errors
    /// When there is no answer, or none of HTTP.
    pub(crate) fn call(&mut self, request: &Request) -> std::io::Result<Response> {
        let was_open = self.stream.is_some();
        let answered = self.attempt(request);
        let is_safe = matches!(request.method(), Method::Get | Method::Head | Method::Options);
        match answered {
            Err(error) if was_open && is_gone(&error) && (is_safe || error.kind() == ErrorKind::NotConnected) => {
                self.attempt(request)
            }
            answered => answered,
        }
    }

    fn attempt(&mut self, request: &Request) -> std::io::Result<Response> {
        let answered = self.exchange(request);
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    fn exchange(&mut self, request: &Request) -> std::io::Result<Response> {
        let Base { host, port, path, .. } = &self.base;
        if self.stream.is_none() {
            self.stream = Some(BufReader::new(self.connected()?));
        }
        let stream = self.stream.as_mut().expect("it has just been opened");
        let mut head = format!("{} {path}{} HTTP/1.1\r\nhost: {host}:{port}\r\n", request.method(), request.target());
        let own =
            ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect", "keep-alive"];
        let lines = request.headers().iter().filter(|(name, _)| !own.contains(name) && self.always.get(name).is_none());
        for (name, value) in lines.chain(self.always.iter()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !request.body().is_empty() {
            head.push_str(&format!("content-length: {}\r\n", request.body().len()));
        }
        head.push_str("\r\n");
        let whole = [head.as_bytes(), request.body()].concat();
        stream.get_mut().write_all(&whole)?;
        stream.get_mut().flush()?;
        let (response, keeps) = read(stream, *request.method() == Method::Head)?;
        if !keeps {
            self.stream = None;
        }
        Ok(response)
    }
}

fn is_gone(error: &Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof].contains(&error.kind())
}

/// An answer, and whether the connection can be used again.
fn read(stream: &mut BufReader<Stream>, is_head: bool) -> std::io::Result<(Response, bool)> {
    loop {
        let line = line(stream)?;
        let no_http = || Error::other("an answer that is not HTTP");
        let rest = line.strip_prefix("HTTP/1.").ok_or_else(no_http)?;
        let status: u16 = rest.get(2..5).and_then(|status| status.parse().ok()).ok_or_else(no_http)?;
        let is_old = rest.starts_with('0');
        let mut headers = Headers::new();
        let mut bytes = 0;
        loop {
            let line = self::line(stream)?;
            let Some((name, value)) = line.split_once(':') else { break };
            bytes += line.len();
            if bytes > HEAD_BYTES_MAX {
                return Err(Error::other("the headers of an answer have no end"));
            }
            headers.push(name, value.trim());
        }
        if (100..200).contains(&status) {
            continue;
        }
        let is_token =
            |name: &str, token: &str| headers.get(name).is_some_and(|value| value.eq_ignore_ascii_case(token));
        let length = headers.get("content-length").and_then(|length| length.parse::<u64>().ok());
        let mut body = Vec::new();
        let mut keeps = !is_old && !is_token("connection", "close");
        if is_head || matches!(status, 204 | 304) {
        } else if is_token("transfer-encoding", "chunked") {
            chunks(stream, &mut body)?;
        } else if let Some(length) = length {
            bounded(length)?;
            stream.take(length).read_to_end(&mut body)?;
            if (body.len() as u64) < length {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        } else {
            keeps = false;
            stream.take(CALLER_ANSWER_BYTES_MAX + 1).read_to_end(&mut body)?;
            bounded(body.len() as u64)?;
        }
        let mut response = Response::new(status);
        response.headers = headers;
        response.body = body.into();
        return Ok((response, keeps));
    }
}

fn chunks(stream: &mut BufReader<Stream>, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let size = line(stream)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size =
            u64::from_str_radix(digits, 16).map_err(|_| Error::other("a chunk of an answer without its size"))?;
        bounded(body.len() as u64 + size)?;
        let before = body.len() as u64;
        stream.take(size).read_to_end(body)?;
        if body.len() as u64 - before < size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if size == 0 {
            while !line(stream)?.is_empty() {}
            return Ok(());
        }
        line(stream)?;
    }
}

fn bounded(bytes: u64) -> std::io::Result<()> {
    match bytes > CALLER_ANSWER_BYTES_MAX {
        true => Err(Error::other(format!("an answer has more than {CALLER_ANSWER_BYTES_MAX} bytes"))),
        false => Ok(()),
    }
}

/// A line without its end.
fn line(stream: &mut BufReader<Stream>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.take(HEAD_BYTES_MAX as u64).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        None => Err(ErrorKind::UnexpectedEof.into()),
        Some(b'\n') => Ok(String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned()),
        Some(_) => Err(Error::other("a line of an answer has no end")),
    }
}

/// Tries every address of the host, as clients do.
pub(crate) fn connect(host: &str, port: u16, time_max: Duration) -> std::io::Result<TcpStream> {
    let mut failure = Error::other("the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, time_max) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn addresses_of_servers_are_understood() {
        for (url, host, port, path) in [
            ("https://mock", "mock", 443, ""),
            ("http://127.0.0.1:9200", "127.0.0.1", 9200, ""),
            ("http://mock", "mock", 80, ""),
            ("http://[::1]:9200/", "[::1]", 9200, ""),
            ("http://proxy:81/es/", "proxy", 81, "/es"),
        ] {
            let base = Base::parse(url).unwrap_or_else(|failure| panic!("{}", failure.message));
            assert_eq!((base.host.as_str(), base.port, base.path.as_str()), (host, port, path), "{url}");
        }
        for url in
            ["", "127.0.0.1:9200", "ftp://h", "http://", "http://:9200", "http://h:port", "http://u@h:1", "http://h/?a"]
        {
            assert!(Base::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn answers_are_read_however_they_are_framed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answers = [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nx: y\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.0 500 No\r\n\r\nto the end",
            "nonsense\r\n\r\n",
        ];
        let server = std::thread::spawn(move || {
            let mut at = 0;
            while at < answers.len() {
                let (stream, _) = listener.accept().expect("a connection");
                let mut stream = BufReader::new(stream);
                while at < answers.len() {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).expect("a line") > 0 {}
                    if head.is_empty() {
                        break;
                    }
                    assert!(head.contains("authorization: mine") && !head.contains("theirs"), "{head}");
                    stream.get_mut().write_all(answers[at].as_bytes()).expect("a reader");
                    at += 1;
                    if at > 3 {
                        break;
                    }
                }
            }
        });
        let mut always = Headers::new();
        always.push("authorization", "mine");
        let base = Base { is_tls: false, host: "127.0.0.1".to_owned(), port, path: "/es".to_owned() };
        let caller = Caller::new(base, Duration::from_secs(20), always, Trust::default());
        let mut caller = caller.unwrap_or_else(|failure| panic!("{}", failure.message));
        let request = Request::new(Method::Get, "/x").header("authorization", "theirs");
        for expected in [(200, "{}"), (201, "abcd"), (204, ""), (500, "to the end")] {
            let response = caller.call(&request).expect("an answer");
            assert_eq!((response.status(), &*response.text()), expected);
        }
        assert_eq!(caller.call(&request).expect_err("no HTTP").to_string(), "an answer that is not HTTP");
        server.join().expect("a server");
    }
}
