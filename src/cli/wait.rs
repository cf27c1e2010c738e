//! `elastimock wait`: until a server answers its health check.
//!
//! A client of a few lines, so that waiting needs no runtime.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::Wait;
use super::console::{Console, Exit, Failure};
use crate::admin;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Time that one attempt may take, so that a server which hangs is asked again.
const ATTEMPT_MAX: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Where to ask.
struct Target {
    host: String,
    port: u16,
    path: String,
}

/// Asks until the server is ready or the time is up.
pub fn run(wait: &Wait, console: &Console) -> Result<Exit, Failure> {
    let target = target(&wait.url)?;
    let began = Instant::now();
    let mut last = String::new();
    loop {
        let left = wait.timeout.saturating_sub(began.elapsed());
        let seen = match ask(&target, left.clamp(Duration::from_millis(1), ATTEMPT_MAX)) {
            Ok((200, body)) => return ready(wait, console, began, &body),
            Ok((status, _)) => format!("status {status}; is something else running there?"),
            Err(error) => error.to_string(),
        };
        if console.verbose() > 0 && seen != last {
            console.tell(&format!("{}: {seen}", wait.url));
        }
        last = seen;
        let left = wait.timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        pause(PAUSE.min(left));
    }
    if console.json() {
        console.json_line(&json!({ "ready": false, "url": wait.url, "waited_ms": millis(began), "seen": last }))?;
    }
    Err(Failure::surroundings(format!("{} was not ready after {:?}; seen last: {last}", wait.url, wait.timeout)))
}

#[allow(clippy::disallowed_methods, reason = "a server of another process cannot wake us; it can only be asked again")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn ready(wait: &Wait, console: &Console, began: Instant, body: &[u8]) -> Result<Exit, Failure> {
    if console.json() {
        let health: Value = serde_json::from_slice(body).unwrap_or_default();
        console.json_line(&json!({ "ready": true, "url": wait.url, "waited_ms": millis(began), "health": health }))?;
    } else {
        console.tell(&format!("{} is ready", wait.url));
    }
    Ok(Exit::Done)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn target(url: &str) -> Result<Target, Failure> {
    let wrong = || {
        Failure::input(format!(
            "`{url}` is no address of a server: write http://HOST:PORT, for example http://127.0.0.1:9200"
        ))
    };
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (authority, path) =
        rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path.trim_end_matches('/')));
    if path.contains(['?', '#']) || url.contains(char::is_whitespace) || url.contains(char::is_control) {
        return Err(wrong());
    }
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (authority, 80),
    };
    if host.is_empty() || host.contains('@') {
        return Err(wrong());
    }
    let below = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok(Target { host: host.to_owned(), port, path: format!("{below}{}/health", admin::PREFIX) })
}

/// One attempt: the status and the body of the answer.
fn ask(target: &Target, time_max: Duration) -> std::io::Result<(u16, Vec<u8>)> {
    let Target { host, port, path } = target;
    let mut stream = connect(host.trim_matches(['[', ']']), *port, time_max)?;
    stream.set_read_timeout(Some(time_max))?;
    stream.set_write_timeout(Some(time_max))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let no_http = || std::io::Error::other("an answer that is not HTTP");
    let text = String::from_utf8_lossy(&answer);
    let status = text
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.get(..3)?.parse().ok())
        .ok_or_else(no_http)?;
    let body_at = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok((status, answer.split_off(body_at)))
}

/// Tries every address of the host, as clients do.
fn connect(host: &str, port: u16, time_max: Duration) -> std::io::Result<TcpStream> {
    let mut failure = std::io::Error::other("the host has no address");
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

    #[test]
    fn addresses_of_servers_are_understood() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:9200", "127.0.0.1", 9200, "/_elastimock/health"),
            ("http://127.0.0.1:9200/", "127.0.0.1", 9200, "/_elastimock/health"),
            ("http://mock", "mock", 80, "/_elastimock/health"),
            ("http://[::1]:9200", "[::1]", 9200, "/_elastimock/health"),
            ("http://[::1]", "[::1]", 80, "/_elastimock/health"),
            ("http://proxy:81/es/", "proxy", 81, "/es/_elastimock/health"),
        ] {
            let target = target(url).unwrap_or_else(|failure| panic!("{}", failure.message));
            assert_eq!((target.host.as_str(), target.port, target.path.as_str()), (host, port, path), "{url}");
        }
        for url in [
            "",
            "127.0.0.1:9200",
            "https://127.0.0.1:9200",
            "http://",
            "http://:9200",
            "http://h:port",
            "http://u@h:1",
            "http://h:1/ x",
            "http://h:1/?a",
        ] {
            assert!(target(url).is_err(), "{url}");
        }
    }
}
