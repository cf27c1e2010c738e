//! `elastimock wait`: until a server answers its health check.
//!
//! A client of a few lines, so that waiting needs no runtime.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::Wait;
use super::caller::{Base, connect};
use super::console::{CommandFailure, Console, Exit};
use crate::mock::admin;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Time that one attempt may take, so that a server which hangs is asked again.
const ATTEMPT_MAX: Duration = Duration::from_secs(2);
/// Time that the last attempt has at least, so that one which began is heard out.
const ATTEMPT_MIN: Duration = Duration::from_millis(200);

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Asks until the server is ready or the time is up.
pub(crate) fn run(wait: &Wait, console: &Console) -> Result<Exit, CommandFailure> {
    let began = Instant::now();
    let place = wait.port_file.as_ref().map_or_else(|| wait.url.clone(), |file| file.display().to_string());
    if wait.port_file.is_none() {
        target(&wait.url)?;
    }
    let mut last = String::new();
    loop {
        let left = wait.timeout.saturating_sub(began.elapsed());
        let seen = match attempt(wait, left.clamp(ATTEMPT_MIN, ATTEMPT_MAX)) {
            Ok((url, health)) => return ready(&url, console, began, &health),
            Err(seen) => seen,
        };
        if console.verbose() > 0 && seen != last {
            console.tell(&format!("{place}: {seen}"));
        }
        last = seen;
        let left = wait.timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        pause(PAUSE.min(left));
    }
    if console.json() {
        let url = wait.port_file.is_none().then_some(&wait.url);
        console.json_line(&json!({ "ready": false, "url": url, "waited_ms": millis(began), "seen": last }))?;
    }
    Err(CommandFailure::surroundings(format!("{place} was not ready after {:?}; seen last: {last}", wait.timeout)))
}

/// One attempt: the server's URL and what it says of its health, or what was seen in place of that.
fn attempt(wait: &Wait, time_max: Duration) -> Result<(String, Vec<u8>), String> {
    let urls = match &wait.port_file {
        // Read anew each time: a number that was left over is replaced when the server starts.
        Some(file) => urls_of(file)?,
        None => vec![wait.url.trim_end_matches('/').to_owned()],
    };
    let mut seen = String::new();
    for url in urls {
        let target = target(&url).map_err(|failure| failure.message)?;
        seen = match ask(&target, time_max) {
            Ok((200, health)) => return Ok((url, health)),
            Ok((status, body)) => format!("status {status}{}", reason(&body)),
            Err(error) => error.to_string(),
        };
    }
    Err(seen)
}

/// Why an answer is not the health, as far as it says.
fn reason(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = body.pointer("/error/reason").and_then(Value::as_str);
    reason.map_or_else(|| "; is something else running there?".to_owned(), |reason| format!(": {reason}"))
}

/// Where the server may be whose port stands in a file: it does not say whether it speaks IPv4 or IPv6.
fn urls_of(file: &Path) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    match text.trim().parse::<u16>() {
        Ok(port) if port > 0 => Ok(["127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}")).into()),
        _ => Err("no port number stands there".to_owned()),
    }
}

#[allow(clippy::disallowed_methods, reason = "a server of another process cannot wake us; it can only be asked again")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn ready(url: &str, console: &Console, began: Instant, health: &[u8]) -> Result<Exit, CommandFailure> {
    if console.json() {
        let health: Value = serde_json::from_slice(health).unwrap_or_default();
        console.json_line(&json!({ "ready": true, "url": url, "waited_ms": millis(began), "health": health }))?;
    } else {
        console.result(url)?;
    }
    Ok(Exit::Done)
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn target(url: &str) -> Result<Base, CommandFailure> {
    let base = Base::parse(url)?;
    let path = format!("{}{}/health", base.path, admin::PREFIX);
    Ok(Base { path, ..base })
}

/// One attempt: the status and the body of the answer.
fn ask(target: &Base, time_max: Duration) -> std::io::Result<(u16, Vec<u8>)> {
    let Base { host, port, path } = target;
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
