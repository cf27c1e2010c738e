//! `elastimock wait`: until a server answers its health check.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::Wait;
use super::console::{CommandError, Console, Exit};
use crate::http::{Method, Request};
use crate::limits::WAIT_ATTEMPT_MS_MAX;
use crate::mock::admin;
use crate::mock::wire::upstream::Upstream;
use crate::mock::wire::upstream::blocking::BlockingClient;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Time that the last attempt has at least, so that one which began is heard out.
const ATTEMPT_MIN: Duration = Duration::from_millis(200);

/// Asks until the server is ready or the time is up.
pub(crate) fn run(wait: &Wait, console: &Console) -> Result<Exit, CommandError> {
    let began = Instant::now();
    let place = wait.port_file.as_ref().map_or_else(|| wait.url.clone(), |file| file.display().to_string());
    if wait.port_file.is_none() {
        Upstream::new(&wait.url)?;
    }
    // What cannot be read now cannot be read later.
    wait.tls.trust()?;
    let mut last = String::new();
    loop {
        let left = wait.timeout.saturating_sub(began.elapsed());
        let seen = match attempt(wait, left.clamp(ATTEMPT_MIN, Duration::from_millis(WAIT_ATTEMPT_MS_MAX))) {
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
    let cure = match &wait.port_file {
        Some(file) => format!("`elastimock serve --port-file {}` writes it", file.display()),
        None => "`elastimock serve` tells its address in its first line".to_owned(),
    };
    let waited = wait.timeout;
    Err(CommandError::surroundings(format!("{place} was not ready after {waited:?}; seen last: {last}; {cure}")))
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
        let trust = wait.tls.trust().map_err(|error| error.message)?;
        let trust = if trust.is_said() { trust } else { trust.blind() };
        let client = Upstream::new(&url).and_then(|server| BlockingClient::trusting(&server.timeout(time_max), trust));
        let client = client.map_err(|error| error.to_string())?;
        let health = Request::new(Method::Get, format!("{}/health", admin::PREFIX));
        let now = match client.call(&health) {
            Ok(answer) if answer.status() == 200 => return Ok((url, answer.body().to_vec())),
            Ok(answer) => format!("status {}{}", answer.status(), reason(answer.body())),
            Err(why) => why,
        };
        // The first address is the usual one: why that did not answer is worth knowing.
        if seen.is_empty() {
            seen = now;
        }
    }
    Err(seen)
}

/// Why an answer is not the health, as far as it says.
fn reason(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = body.pointer("/error/reason").and_then(Value::as_str);
    reason.map_or_else(|| "; is something else running there?".to_owned(), |reason| format!(": {reason}"))
}

/// Where the server may be whose port stands in a file, which does not say whether it speaks IPv4 or IPv6, and TLS.
fn urls_of(file: &Path) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    match text.trim().parse::<u16>() {
        Ok(port) if port > 0 => {
            let hosts = ["http://127.0.0.1", "https://127.0.0.1", "http://[::1]", "https://[::1]"];
            Ok(hosts.map(|host| format!("{host}:{port}")).into())
        }
        _ => Err("no port number stands there".to_owned()),
    }
}

#[allow(clippy::disallowed_methods, reason = "a server of another process cannot wake us; it can only be asked again")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn ready(url: &str, console: &Console, began: Instant, health: &[u8]) -> Result<Exit, CommandError> {
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
