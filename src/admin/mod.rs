//! The engine's verbs as endpoints under `/_elastimock`.
//!
//! Never journaled, never judged. Errors come in Elasticsearch's envelope, so that one client code
//! reads them all. A handler here calls one method of [`Engine`]; it has no behaviour of its own.
//! [`Call::now`] is the system's time here, because some of these verbs set the mock's.
//!
//! ```text
//! GET    /_elastimock/health           is it up, and what is it
//! GET    /_elastimock/journal          interactions; as a recording with `Accept: application/x-ndjson`
//! DELETE /_elastimock/journal          forget interactions and findings
//! POST   /_elastimock/reset            back to the fixtures
//! GET    /_elastimock/state            the whole state in fixture format; PUT replaces, POST adds
//! GET    /_elastimock/clock            mock time; PUT sets it
//! POST   /_elastimock/clock/_advance   move it forward
//! GET    /_elastimock/findings         what clients did wrong
//! GET    /_elastimock/coverage         how much of the Connector API they have exercised
//! ```

use bytes::Bytes;
use serde_json::{Value, json};

use crate::clock::{Clock, Timestamp, parse_duration};
use crate::endpoints;
use crate::engine::Engine;
use crate::finding::Finding;
use crate::fixture::Fixture;
use crate::http::{Request, Response};
use crate::journal::recording;
use crate::license::License;
use crate::limits::{BODY_BYTES_MAX, JOURNAL_PAGE_ENTRIES};
use crate::profile::Profile;
use crate::rest::call::{Body, Call, Reply};
use crate::rest::endpoint::Endpoint;
use crate::rest::error::Error;
use crate::rest::render::render;
use crate::rest::{self, Reading, Setting, Stage, Table};
use crate::suggest;

/// Where our own calls live.
pub const PREFIX: &str = "/_elastimock";

/// Every call of the admin API.
#[rustfmt::skip]
pub static ENDPOINTS: &[Endpoint<Engine>] = endpoints! {
    own Get    "/_elastimock/health",          "elastimock.health"        => health;
    own Get    "/_elastimock/journal",         "elastimock.journal"       => journal;
    own Delete "/_elastimock/journal",         "elastimock.journal_clear" => journal_clear;
    own Post   "/_elastimock/reset",           "elastimock.reset"         => reset;
    own Get    "/_elastimock/state",           "elastimock.state"         => state;
    own Put    "/_elastimock/state",           "elastimock.state_put"     => state_put;
    own Post   "/_elastimock/state",           "elastimock.state_add"     => state_add;
    own Get    "/_elastimock/clock",           "elastimock.clock"         => clock;
    own Put    "/_elastimock/clock",           "elastimock.clock_put"     => clock_put;
    own Post   "/_elastimock/clock/_advance",  "elastimock.clock_advance" => clock_advance;
    own Get    "/_elastimock/findings",        "elastimock.findings"      => findings;
    own Get    "/_elastimock/coverage",        "elastimock.coverage"      => coverage;
};

static TABLE: Table<Engine> = Table::new(ENDPOINTS, "");

/// Whether a request is for us and not for the mocked cluster.
pub fn is_for_us(request: &Request) -> bool {
    request.path().strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request of ours that has been read.
pub struct Read(Reading<Engine>);

/// Takes a request as far as it goes without the engine.
pub fn read(request: &Request) -> Read {
    let profile = Profile::default();
    let setting =
        Setting { profile, release: profile.release(), license: License::default(), body_bytes_max: BODY_BYTES_MAX };
    Read(rest::read(&TABLE, request, &setting))
}

impl Read {
    /// Acts on the engine. The answer is written later, outside of its lock.
    pub fn act(&mut self, engine: &mut Engine, system: Timestamp) -> Result<Reply, Error> {
        match (std::mem::replace(&mut self.0.stage, Stage::Answered(Ok(Reply::acknowledged()))), self.0.endpoint) {
            (Stage::Call(mut call), Some(endpoint)) => {
                call.now = system;
                (endpoint.handler)(engine, &call)
            }
            (Stage::Answered(outcome), _) => outcome,
            (Stage::Call(_), None) => Err(Error::bug("a call without an operation")),
        }
    }

    /// Writes the answer.
    pub fn render(&self, outcome: &Result<Reply, Error>) -> Response {
        render(outcome, &self.0.style)
    }
}

/// A caller's mistake, in the words that every door uses.
fn refused(error: crate::Error) -> Error {
    Error::admin(error.to_string())
}

/// The parameters of a call, of which only `known` may be given.
fn parameters(call: &Call, known: &[&str]) -> Result<(), Error> {
    let common = rest::schema::COMMON_PARAMETERS;
    match call.query.iter().find(|(name, _)| !known.contains(&name.as_str()) && !common.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => {
            let close = suggest::similar(name, known.iter().copied());
            let hint = close.first().map_or_else(
                || format!("it takes {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
                |close| format!("did you mean [{close}]?"),
            );
            Err(Error::admin(format!("there is no parameter [{name}] here: {hint}")))
        }
    }
}

fn number(call: &Call, name: &str, otherwise: u64) -> Result<u64, Error> {
    call.query(name).map_or(Ok(otherwise), |text| {
        text.parse().map_err(|_| Error::admin(format!("parameter [{name}] must be a whole number, not [{text}]")))
    })
}

/// The body as a JSON object with only the `known` members.
fn body(call: &Call, known: &[&str]) -> Result<Value, Error> {
    let example = known.iter().map(|name| format!("\"{name}\": …")).collect::<Vec<_>>().join(", ");
    let body = crate::json::read_file(&call.raw)
        .map_err(|wrong| Error::admin(format!("the body must be a JSON object like {{{example}}}: {wrong}")))?;
    let Value::Object(members) = &body else {
        return Err(Error::admin(format!("the body must be a JSON object like {{{example}}}")));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(body),
        Some(unknown) => {
            let close = suggest::similar(unknown, known.iter().copied());
            let hint = close.first().map(|close| format!(", did you mean [{close}]?")).unwrap_or_default();
            Err(Error::admin(format!(
                "there is no member [{unknown}] in the body{hint}; it takes {}",
                known.join(", ")
            )))
        }
    }
}

fn text<'b>(body: &'b Value, name: &str) -> Result<Option<&'b str>, Error> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::admin(format!("[{name}] must be a text"))),
    }
}

fn health(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    let now = engine.now(call.now);
    let setup = engine.setup();
    Ok(Reply::json(json!({
        "status": "ready",
        "version": env!("CARGO_PKG_VERSION"),
        "profile": setup.profile.name(),
        "seed": setup.seed,
        "now": now.to_string(),
    })))
}

fn journal(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &["after", "operation", "limit"])?;
    let after = number(call, "after", 0)?;
    let as_recording = call.accept.as_deref().is_some_and(|accept| accept.contains("x-ndjson"));
    let page = if as_recording { usize::MAX as u64 } else { JOURNAL_PAGE_ENTRIES as u64 };
    let limit = usize::try_from(number(call, "limit", page)?).unwrap_or(usize::MAX);
    let extract = engine.journal(after, call.query("operation"), limit);
    if as_recording {
        let mut text = recording::header_line(&engine.recording_header());
        for interaction in extract.interactions {
            text.push_str(&recording::line(&recording::put_away(interaction, engine.setup().record_timing)));
        }
        return Ok(Reply::ok(Body::Typed("application/x-ndjson", Bytes::from(text))));
    }
    let interactions: Vec<Value> = extract.interactions.iter().map(recording::to_value).collect();
    Ok(Reply::json(json!({ "interactions": interactions, "next": extract.next, "evicted": extract.evicted })))
}

fn journal_clear(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    engine.clear_journal();
    Ok(Reply::acknowledged())
}

fn reset(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    engine.reset(call.now);
    Ok(Reply::acknowledged())
}

fn state(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    Ok(Reply::json(engine.state().map_err(refused)?.to_value()))
}

fn sent_fixture(call: &Call) -> Result<Fixture, Error> {
    parameters(call, &[])?;
    let text =
        std::str::from_utf8(&call.raw).map_err(|_| Error::admin("the body must be a fixture in JSON, in UTF-8"))?;
    Fixture::from_json(text).map_err(refused)
}

fn state_put(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    engine.put_state(&sent_fixture(call)?, call.now).map_err(refused)?;
    Ok(Reply::acknowledged())
}

fn state_add(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    engine.add_state(&sent_fixture(call)?, call.now).map_err(refused)?;
    Ok(Reply::acknowledged())
}

fn shown_clock(engine: &mut Engine, system: Timestamp) -> Reply {
    let now = engine.now(system);
    let mode = if engine.clock().is_frozen() { "frozen" } else { "running" };
    Reply::json(json!({ "mode": mode, "now": now.to_string() }))
}

fn clock(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    Ok(shown_clock(engine, call.now))
}

fn clock_put(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    let body = body(call, &["mode", "now"])?;
    let shown = engine.now(call.now);
    let to = match text(&body, "now")? {
        None => shown,
        Some(at) => Timestamp::parse_with_maths(at, shown).map_err(refused)?,
    };
    let frozen = match text(&body, "mode")? {
        None => engine.clock().is_frozen(),
        Some("frozen") => true,
        Some("running") => false,
        Some(other) => {
            return Err(Error::admin(format!("[mode] must be frozen or running, not [{other}]")));
        }
    };
    let mut clock = Clock::frozen(to);
    if !frozen {
        clock.run(call.now, to);
    }
    engine.set_clock(clock);
    Ok(shown_clock(engine, call.now))
}

fn clock_advance(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    let body = body(call, &["by"])?;
    let by = text(&body, "by")?.ok_or_else(|| Error::admin("say how far: {\"by\": \"5m\"}"))?;
    engine.advance(call.now, parse_duration(by).map_err(refused)?);
    Ok(shown_clock(engine, call.now))
}

fn findings(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &["end"])?;
    let end = match call.query("end") {
        None | Some("false") => false,
        Some("" | "true") => true,
        Some(other) => {
            return Err(Error::admin(format!("parameter [end] must be true or false, not [{other}]")));
        }
    };
    let findings: Vec<Value> = engine.findings(end).iter().map(Finding::to_value).collect();
    let counts = engine.counts(end);
    Ok(Reply::json(json!({
        "findings": findings,
        "counts": { "error": counts.error, "warning": counts.warning },
    })))
}

fn coverage(engine: &mut Engine, call: &Call) -> Result<Reply, Error> {
    parameters(call, &[])?;
    Ok(Reply::json(engine.coverage().to_value()))
}
