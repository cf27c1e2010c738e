//! The load generator: keep-alive HTTP/1.1 on one thread and one epoll, closed loop.
//!
//! Every connection has one claim under way; the answer to it sends the next. The client must cost
//! less than any server, so it compares an answer with the one before it and parses only when they
//! differ. Nothing is taken on trust all the same: each answer is framed by its `content-length`,
//! is a 200 and says `updated`. A server that closes after its answer (mockito does) is connected
//! to anew, as every client would have to, within the time of the next claim.

use crate::claim::{ANSWER, Claim};
use crate::{Result, sys};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// A server that is silent for so long is given up.
const SILENCE_MS_MAX: i32 = 60_000;

/// Bytes of an answer that are looked at; a claim's answer has about 150.
const ANSWER_BYTES_MAX: usize = 8192;

/// Open connections to one server, kept alive from slice to slice.
pub struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    claim: Claim,
    address: SocketAddr,
    good: Vec<u8>,
    good_closes: bool,
}

struct Connection {
    stream: TcpStream,
    closed: bool,
    request: Vec<u8>,
    sent_bytes: usize,
    held_back: bool,
    answer: Box<[u8; ANSWER_BYTES_MAX]>,
    answer_bytes: usize,
    started: Instant,
}

/// What one slice of load was like for the client.
pub struct Slice {
    /// From the first claim to the last answer.
    pub wall: Duration,
    /// Every answer's time in nanoseconds, in ascending order.
    pub latencies_ns: Vec<u32>,
}

impl Slice {
    /// The latency that this share of the answers did not exceed, in microseconds.
    pub fn latency_us(&self, share: f64) -> f64 {
        let last = self.latencies_ns.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.latencies_ns.get(index).map_or(f64::NAN, |ns| f64::from(*ns) / 1000.0)
    }
}

impl Load {
    /// Opens that many connections to the server.
    pub fn connect(address: SocketAddr, connections: usize) -> Result<Load> {
        // SAFETY: the call has no pointers, and a descriptor it returns belongs to nobody else.
        let epoll = unsafe {
            let descriptor = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if descriptor < 0 {
                return Err(io::Error::last_os_error().into());
            }
            OwnedFd::from_raw_fd(descriptor)
        };
        let mut load = Load {
            epoll,
            connections: Vec::with_capacity(connections),
            claim: Claim::small(&address.to_string()),
            address,
            good: Vec::new(),
            good_closes: false,
        };
        for index in 0..connections {
            let stream = load.open(index)?;
            load.connections.push(Connection {
                stream,
                closed: false,
                request: Vec::with_capacity(1024),
                sent_bytes: 0,
                held_back: false,
                answer: Box::new([0; ANSWER_BYTES_MAX]),
                answer_bytes: 0,
                started: Instant::now(),
            });
        }
        Ok(load)
    }

    /// Claims these jobs, one after the other on each connection, and waits for every answer.
    pub fn run(&mut self, mut jobs: impl ExactSizeIterator<Item = usize>) -> Result<Slice> {
        let claims = jobs.len();
        let mut latencies_ns = Vec::with_capacity(claims);
        let mut ready = Vec::with_capacity(self.connections.len());
        let begin = Instant::now();
        for index in 0..self.connections.len() {
            if let Some(job) = jobs.next() {
                self.send(index, job)?;
            }
        }
        while latencies_ns.len() < claims {
            self.wait(&mut ready)?;
            for &index in &ready {
                self.flush(index)?;
                if self.receive(index)? {
                    let latency = self.connections[index].started.elapsed();
                    latencies_ns.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
                    if let Some(job) = jobs.next() {
                        self.send(index, job)?;
                    }
                }
            }
        }
        let wall = begin.elapsed();
        latencies_ns.sort_unstable();
        Ok(Slice { wall, latencies_ns })
    }

    /// Whether the server closes the connection after each answer.
    pub fn is_closed_after_answers(&self) -> bool {
        self.good_closes
    }

    fn send(&mut self, index: usize, job: usize) -> Result<()> {
        let started = Instant::now();
        if self.connections[index].closed {
            let stream = self.open(index)?;
            self.connections[index].stream = stream;
            self.connections[index].closed = false;
        }
        let connection = &mut self.connections[index];
        self.claim.write(job, &mut connection.request);
        connection.sent_bytes = 0;
        connection.started = started;
        self.flush(index)
    }

    fn open(&self, index: usize) -> Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.watch(&stream, index, libc::EPOLLIN, libc::EPOLL_CTL_ADD)?;
        Ok(stream)
    }

    /// Writes what the socket takes; the rest waits for it to become writable.
    fn flush(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        while connection.sent_bytes < connection.request.len() {
            match connection.stream.write(&connection.request[connection.sent_bytes..]) {
                Ok(bytes) => connection.sent_bytes += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let held_back = connection.sent_bytes < connection.request.len();
        if held_back != connection.held_back {
            connection.held_back = held_back;
            let events = if held_back { libc::EPOLLIN | libc::EPOLLOUT } else { libc::EPOLLIN };
            self.watch(&self.connections[index].stream, index, events, libc::EPOLL_CTL_MOD)?;
        }
        Ok(())
    }

    /// Reads what is there; true once the answer is complete.
    fn receive(&mut self, index: usize) -> Result<bool> {
        let connection = &mut self.connections[index];
        match connection.stream.read(&mut connection.answer[connection.answer_bytes..]) {
            Ok(0) => return Err("the server closed a connection that should stay open".into()),
            Ok(bytes) => connection.answer_bytes += bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        let answer = &connection.answer[..connection.answer_bytes];
        if answer != self.good {
            let Some(closes) = claim_answer(answer)? else {
                return Ok(false);
            };
            self.good = answer.to_vec();
            self.good_closes = closes;
        }
        connection.answer_bytes = 0;
        if self.good_closes {
            connection.closed = true;
            let stream = &self.connections[index].stream;
            // With a reset, or thousands of closed sockets would linger and get in the way of new ones.
            sys::close_with_reset(stream)?;
            self.watch(stream, index, 0, libc::EPOLL_CTL_DEL)?;
        }
        Ok(true)
    }

    fn watch(&self, stream: &TcpStream, index: usize, events: i32, operation: i32) -> Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: index as u64 };
        // SAFETY: both descriptors are open, and the event outlives the call.
        let outcome = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, stream.as_raw_fd(), &mut event) };
        if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error().into()) }
    }

    fn wait(&self, ready: &mut Vec<usize>) -> Result<()> {
        const EVENTS_MAX: usize = 256;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        // SAFETY: the array has room for as many events as the call is allowed to write.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS_MAX as i32, SILENCE_MS_MAX) };
        ready.clear();
        match count {
            0 => Err("the server fell silent".into()),
            count if count > 0 => {
                ready.extend(events[..count as usize].iter().map(|event| event.u64 as usize));
                Ok(())
            }
            _ => match io::Error::last_os_error() {
                error if error.kind() == ErrorKind::Interrupted => Ok(()),
                error => Err(error.into()),
            },
        }
    }
}

/// Whether the server closes the connection after this answer; `None` while bytes are missing, and
/// an error if this is not the answer a claim should get.
fn claim_answer(answer: &[u8]) -> Result<Option<bool>> {
    let Some(parts) = parts(answer)? else {
        return Ok(None);
    };
    if parts.status == 200 && parts.body == ANSWER.as_bytes() {
        return Ok(Some(parts.closes));
    }
    Err(format!("not a claim's answer: {}", String::from_utf8_lossy(answer)).into())
}

/// An answer, cut where its head ends.
struct Parts<'a> {
    status: u16,
    closes: bool,
    body: &'a [u8],
}

/// `None` while bytes are missing.
fn parts(answer: &[u8]) -> Result<Option<Parts<'_>>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let status = status.and_then(|rest| rest.get(..3)).ok_or("no status line of HTTP/1.1")?.parse()?;
    let header = |wanted: &str| {
        let mut named = lines.clone().filter_map(|line| line.split_once(':'));
        let found = named.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    let length = header("content-length").ok_or_else(|| format!("an answer without content-length: {head}"))?;
    let length: usize = length.parse()?;
    let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = &answer[end + 4..];
    match body.len() {
        bytes if bytes < length => Ok(None),
        bytes if bytes == length => Ok(Some(Parts { status, closes, body })),
        _ => Err("more bytes than content-length says".into()),
    }
}

/// One call on a connection of its own, the connection closed afterwards; the body of a 200 or 201.
pub fn call(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    // A server that refuses a body may answer and close before it has read it all.
    let sent = stream.write_all(request);
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(bytes) => answer.extend_from_slice(&chunk[..bytes]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(sent.err().unwrap_or(error).into()),
        }
        if let Some(Parts { status, body, .. }) = parts(&answer)? {
            if matches!(status, 200 | 201) {
                return Ok(body.to_vec());
            }
            return Err(format!("refused: {}", String::from_utf8_lossy(&answer)).into());
        }
    }
    sent?;
    Err("the server closed the connection without an answer".into())
}

/// One claim on a connection of its own.
pub fn claim_once(address: SocketAddr, claim: &[u8]) -> Result<()> {
    let body = call(address, claim)?;
    if body == ANSWER.as_bytes() {
        return Ok(());
    }
    Err(format!("not a claim's answer: {}", String::from_utf8_lossy(&body)).into())
}

/// The socket behind `http://HOST:PORT`.
pub fn address(url: &str) -> Result<SocketAddr> {
    let host = url.strip_prefix("http://").ok_or_else(|| format!("not an http URL: {url}"))?;
    Ok(host.trim_end_matches('/').parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_content_length_is_there() {
        let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ANSWER}", ANSWER.len());
        for end in 0..whole.len() {
            assert_eq!(claim_answer(&whole.as_bytes()[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(claim_answer(whole.as_bytes()).unwrap(), Some(false));
        let last = whole.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        assert_eq!(claim_answer(last.as_bytes()).unwrap(), Some(true));
        assert!(claim_answer(format!("{whole}H").as_bytes()).is_err());
        let refusal = whole.replace("200 OK", "404 Not Found");
        assert!(claim_answer(refusal.as_bytes()).is_err());
    }
}
