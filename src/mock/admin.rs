//! The engine's verbs as endpoints under `/_elastimock`.
//!
//! Never journaled, never judged. Errors come in Elasticsearch's envelope, so that one client code
//! reads them all. A handler here asks the engine, which others wait for, only for what it needs, and does
//! the slow part (planting a state, writing out a page or a report) when it has let go of it.
//! [`Call::now`] is the system's time here, because some of these verbs set the mock's.
//!
//! ```text
//! GET    /_elastimock                  the page: the run, to look at
//! GET    /_elastimock/page             the same as JSON, as far as it has come after a call
//! GET    /_elastimock/events           calls and changes as they come: server-sent events
//! GET    /_elastimock/health           is it up, and what is it
//! GET    /_elastimock/journal          interactions; as a recording with `Accept: application/x-ndjson`
//! DELETE /_elastimock/journal          drop interactions; their findings too with `?forget=true`
//! POST   /_elastimock/reset            end the scope and begin the next: back to the fixtures
//! GET    /_elastimock/scopes           the parts of the run, each with its counts; POST names the next
//! POST   /_elastimock/allow            let a rule be broken in this scope
//! GET    /_elastimock/state            the whole state in fixture format; PUT replaces, POST adds
//! GET    /_elastimock/clock            mock time; PUT sets it
//! POST   /_elastimock/clock/_advance   move it forward
//! GET    /_elastimock/stubs            what is answered beside the state; POST adds, DELETE takes out
//! GET    /_elastimock/gates            calls that are held
//! POST   /_elastimock/gates/{name}/_release    lets them go
//! POST   /_elastimock/hand             the other side does something: a user cancels a job
//! POST   /_elastimock/clock/_next      to the next instant at which something is due
//! GET    /_elastimock/findings         what clients did wrong; as a text with `Accept: text/plain`
//! GET    /_elastimock/coverage         how much of the Connector API they have exercised
//! GET    /_elastimock/metrics          the run in numbers, as Prometheus reads them
//! ```
//!
//! What is asked about journal, findings and coverage is answered for the scope that goes on, with
//! `?scope=all` for the whole run, with `?scope=NAME` for the latest scope of that name, and with `?scope_number=N`
//! for the scope of that number.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::clock::{Clock, Timestamp, parse_duration};
use crate::contract::Counts;
use crate::contract::coverage::Coverage;
use crate::contract::report::{Report, ReportFormat, html};
use crate::contract::scope::Scope;
use crate::endpoints;
use crate::es::error::ApiError;
use crate::es::http as rest;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::http::endpoint::Endpoint;
use crate::es::http::render::render;
use crate::es::http::{OperationTable, ParseOutcome, Reading, ServerInfo};
use crate::finding::Finding;
use crate::fixture::Fixture;
use crate::http::{Method, Request, Response};
use crate::license::License;
use crate::limits::{ADMIN_WAIT_S, BODY_BYTES_MAX, JOURNAL_PAGE_BYTES_MAX, JOURNAL_PAGE_ENTRIES};
use crate::mock::engine::metrics::CONTENT_TYPE;
use crate::mock::engine::{Engine, lock, run};
use crate::profile::Profile;
use crate::record::{JournalItem, RunSpan, recording};
use crate::source_place::SourcePlace;
use crate::stub;
use crate::suggest;
use crate::target;

/// Where our own calls live.
pub(crate) const PREFIX: &str = "/_elastimock";

/// An engine that others may ask too.
pub(crate) type SharedEngine = Arc<Mutex<Engine>>;

/// Every call of the admin API.
#[rustfmt::skip]
pub(crate) static ENDPOINTS: &[Endpoint<SharedEngine>] = endpoints! {
    own Get    "/_elastimock",                 "elastimock.page"          => page;
    own Get    "/_elastimock/page",            "elastimock.page_data"     => page_data;
    own Get    "/_elastimock/events",          "elastimock.events"        => events;
    own Get    "/_elastimock/health",          "elastimock.health"        => health;
    own Get    "/_elastimock/journal",         "elastimock.journal"       => journal;
    own Delete "/_elastimock/journal",         "elastimock.journal_clear" => journal_clear;
    own Post   "/_elastimock/reset",           "elastimock.reset"         => reset;
    own Get    "/_elastimock/scopes",          "elastimock.scopes"        => scopes;
    own Post   "/_elastimock/scopes",          "elastimock.scopes_begin"  => scopes_begin;
    own Post   "/_elastimock/allow",           "elastimock.allow"         => allow;
    own Get    "/_elastimock/state",           "elastimock.state"         => state;
    own Put    "/_elastimock/state",           "elastimock.state_put"     => state_put;
    own Post   "/_elastimock/state",           "elastimock.state_add"     => state_add;
    own Get    "/_elastimock/clock",           "elastimock.clock"         => clock;
    own Put    "/_elastimock/clock",           "elastimock.clock_put"     => clock_put;
    own Post   "/_elastimock/clock/_advance",  "elastimock.clock_advance" => clock_advance;
    own Get    "/_elastimock/stubs",           "elastimock.stubs"         => stubs;
    own Post   "/_elastimock/stubs",           "elastimock.stubs_add"     => stubs_add;
    own Delete "/_elastimock/stubs" | "/_elastimock/stubs/{id}", "elastimock.stubs_remove" => stubs_remove;
    own Get    "/_elastimock/gates",           "elastimock.gates"         => gates;
    own Post   "/_elastimock/gates/{name}/_release", "elastimock.gates_release" => gates_release;
    own Post   "/_elastimock/hand",            "elastimock.hand"          => hand;
    own Post   "/_elastimock/clock/_next",     "elastimock.clock_next"    => clock_next;
    own Get    "/_elastimock/findings",        "elastimock.findings"      => findings;
    own Get    "/_elastimock/coverage",        "elastimock.coverage"      => coverage;
    own Get    "/_elastimock/metrics",         "elastimock.metrics"       => metrics;
};

static TABLE: OperationTable<SharedEngine> = OperationTable::new(ENDPOINTS, "", &[], &[]);

/// Whether a request is for us and not for the mocked cluster.
pub(crate) fn is_for_us(request: &Request) -> bool {
    request.path().strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request may take long by its nature: it has all that was said or is there written out, or read.
pub(crate) fn is_slow(request: &Request) -> bool {
    let below = request.path().strip_prefix(PREFIX);
    below.is_some_and(|below| {
        let slow = ["", "/page", "/journal", "/state", "/findings", "/coverage", "/metrics"];
        slow.contains(&below.trim_end_matches('/'))
    })
}

/// Whether a request is one for what comes, which is answered for as long as it is listened to.
pub(crate) fn is_watched(request: &Request) -> bool {
    request.path() == "/_elastimock/events" && *request.method() == Method::Get
}

/// The number after which a listener is to be told what comes: the last that it has heard; none for what comes from now on.
pub(crate) fn watched_after(request: &Request) -> Option<u64> {
    let asked = target::parameters(request.query()).filter(|it| it.name == "after").last().map(|it| it.value);
    request.headers().get("last-event-id").or(asked)?.trim().parse().ok()
}

/// What a request waits for before it is answered: that many calls of an operation, for at most so long.
pub(crate) fn awaited(request: &Request) -> Option<(String, usize, Duration)> {
    if request.path() != "/_elastimock/journal" || *request.method() != Method::Get {
        return None;
    }
    let find = |name: &str| target::parameter(request.query(), name);
    let timeout = find("timeout").map_or(Ok(Duration::from_secs(ADMIN_WAIT_S)), parse_duration).ok()?;
    let count = find("count")?.parse().ok().filter(|count| *count > 0)?;
    Some((find("operation")?.to_owned(), count, timeout))
}

/// A request of ours that has been read.
pub(crate) struct AdminRequest<'r>(Reading<'r, SharedEngine>);

/// Takes a request as far as it goes without the engine.
pub(crate) fn read(request: &Request) -> AdminRequest<'_> {
    let profile = Profile::default();
    let setting =
        ServerInfo { profile, release: profile.release(), license: License::default(), body_bytes_max: BODY_BYTES_MAX };
    AdminRequest(rest::read(&TABLE, request, &setting))
}

impl AdminRequest<'_> {
    /// Acts on the engine. The answer is written later.
    pub(crate) fn act(&mut self, engine: &mut SharedEngine, system: Timestamp) -> Result<Reply, ApiError> {
        match (std::mem::replace(&mut self.0.stage, ParseOutcome::Call), self.0.endpoint) {
            (ParseOutcome::Call, Some(endpoint)) => {
                self.0.call.now = system;
                (endpoint.handler)(engine, &self.0.call)
            }
            (ParseOutcome::Answered(outcome), _) => outcome,
            (ParseOutcome::Call, None) => Err(ApiError::bug("a call without an operation")),
        }
    }

    /// Writes the answer.
    pub(crate) fn render(&self, outcome: &Result<Reply, ApiError>) -> Response {
        let mut response = render(outcome, &self.0.style);
        if matches!(outcome, Ok(Reply { body: AnswerBody::Typed(html::MEDIA_TYPE, _), .. })) {
            response.headers.push("content-security-policy", &html::policy());
            response.headers.push("x-content-type-options", "nosniff");
            response.headers.push("referrer-policy", "no-referrer");
            response.headers.push("cache-control", "no-store");
        }
        response
    }
}

/// A caller's mistake, in the words that every door uses.
fn refused(error: crate::Error) -> ApiError {
    ApiError::admin(error.to_string())
}

/// The parameters of a call, of which only `known` may be given.
fn parameters(call: &Call, known: &[&str]) -> Result<(), ApiError> {
    let common = crate::es::body::schema::COMMON_PARAMETERS;
    match call.parsed.query.iter().find(|(name, _)| !known.contains(&name.as_str()) && !common.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((name, _)) => {
            let close = suggest::similar(name, known.iter().copied());
            let hint = close.first().map_or_else(
                || format!("it takes {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
                |close| format!("did you mean [{close}]?"),
            );
            Err(ApiError::admin(format!("there is no parameter [{name}] here: {hint}")))
        }
    }
}

fn number(call: &Call, name: &str, otherwise: u64) -> Result<u64, ApiError> {
    call.query(name).map_or(Ok(otherwise), |text| {
        text.parse().map_err(|_| ApiError::admin(format!("parameter [{name}] must be a whole number, not [{text}]")))
    })
}

/// The body as a JSON object with only the `known` members.
fn body(call: &Call, known: &[&str]) -> Result<Value, ApiError> {
    let example = known.iter().map(|name| format!("\"{name}\": …")).collect::<Vec<_>>().join(", ");
    let body = crate::json::read_file(call.raw())
        .map_err(|wrong| ApiError::admin(format!("the body must be a JSON object like {{{example}}}: {wrong}")))?;
    let Value::Object(members) = &body else {
        return Err(ApiError::admin(format!("the body must be a JSON object like {{{example}}}")));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(body),
        Some(unknown) => {
            let close = suggest::similar(unknown, known.iter().copied());
            let hint = close.first().map(|close| format!(", did you mean [{close}]?")).unwrap_or_default();
            Err(ApiError::admin(format!(
                "there is no member [{unknown}] in the body{hint}; it takes {}",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )))
        }
    }
}

fn text<'b>(body: &'b Value, name: &str) -> Result<Option<&'b str>, ApiError> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::admin(format!("[{name}] must be a text"))),
    }
}

/// A parameter that is true or false; true if it stands there without a value.
fn switch(call: &Call, name: &str) -> Result<bool, ApiError> {
    match call.query(name) {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => Err(ApiError::admin(format!("parameter [{name}] must be true or false, not [{other}]"))),
    }
}

/// Which part of the run a call asks about.
fn span(call: &Call, engine: &Engine) -> Result<RunSpan, ApiError> {
    if call.query("scope_number").is_some() {
        let wanted = number(call, "scope_number", 0)?;
        return engine.span_of(|scope| scope.number == wanted).ok_or_else(|| {
            ApiError::admin(format!("there is no scope of the number [{wanted}]: GET /_elastimock/scopes lists them"))
        });
    }
    match call.query("scope") {
        None | Some("") => Ok(RunSpan::Scope),
        Some("all") => Ok(RunSpan::Run),
        Some(name) => engine.span_of(|scope| scope.name.as_deref() == Some(name)).ok_or_else(|| no_scope(name, engine)),
    }
}

fn no_scope(name: &str, engine: &Engine) -> ApiError {
    let scopes = engine.scopes(false);
    let names = scopes.iter().filter_map(|scope| scope.name.as_deref());
    let close = suggest::similar(name, names);
    let hint = close.first().map_or_else(
        || "GET /_elastimock/scopes lists them; [all] is the whole run".to_owned(),
        |close| format!("did you mean [{close}]?"),
    );
    ApiError::admin(format!("there is no scope [{name}]: {hint}"))
}

fn counted(counts: Counts) -> Value {
    json!({ "error": counts.error, "warning": counts.warning })
}

/// What the page shows of the run so far, taken out of the engine.
fn watched(engine: &SharedEngine, call: &Call) -> Report {
    let draft = {
        let mut engine = lock(engine);
        engine.now(call.now);
        engine.draft_of_page()
    };
    draft.report(true)
}

fn page(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    Ok(Reply::ok(AnswerBody::Typed(html::MEDIA_TYPE, html::live(&watched(engine, call)).into())))
}

fn page_data(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["after"])?;
    let after = number(call, "after", 0)?;
    Ok(Reply::json(html::since(&watched(engine, call), after)))
}

/// The wire tells what comes.
fn events(_: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["after"])?;
    number(call, "after", 0)?;
    Ok(Reply::ok(AnswerBody::Typed("text/event-stream", Bytes::new())))
}

fn health(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let mut engine = lock(engine);
    let now = engine.now(call.now);
    let setup = engine.setup();
    Ok(Reply::json(json!({
        "status": "ready",
        "version": env!("CARGO_PKG_VERSION"),
        "profile": setup.profile.name(),
        "seed": setup.seed,
        "now": now.to_string(),
        "troubles": engine.troubles(),
    })))
}

fn journal(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["after", "operation", "limit", "scope", "scope_number", "count", "timeout"])?;
    if let Some(text) = call.query("timeout") {
        parse_duration(text).map_err(refused)?;
    }
    let count = number(call, "count", 0)?;
    if let Some(name) = call.query("operation")
        && !stub::operations().any(|known| known == name)
    {
        let hint = stub::operation_meant(name).map_or_else(
            || "`elastimock list` names the operations".to_owned(),
            |close| format!("did you mean [{close}]?"),
        );
        return Err(ApiError::admin(format!("there is no operation [{name}]: {hint}")));
    }
    if count > 0 && call.query("operation").is_none() {
        return Err(ApiError::admin("[count] waits for calls of one operation: say which with [operation]"));
    }
    let after = number(call, "after", 0)?;
    let as_recording = call.header("accept").is_some_and(|accept| accept.contains("x-ndjson"));
    let (entries, bytes) = match as_recording {
        true => (u64::MAX, usize::MAX),
        false => (JOURNAL_PAGE_ENTRIES as u64, JOURNAL_PAGE_BYTES_MAX),
    };
    let limit = usize::try_from(number(call, "limit", entries)?).unwrap_or(usize::MAX);
    let (page, header, timing) = {
        let mut engine = lock(engine);
        engine.now(call.now);
        let span = span(call, &engine)?;
        let mut page = engine.page(span, after, call.query("operation"), limit, bytes);
        // A whole recording also says when it was looked at, if the verdict depends on it.
        if as_recording && ["after", "limit", "operation"].iter().all(|name| call.query(name).is_none()) {
            page.kept = engine.recorded(span).1;
        }
        (page, as_recording.then(|| engine.header(span)), engine.setup().record_timing)
    };
    if let Some(mut header) = header {
        // What was left out may have changed it.
        if after > 0 || call.query("operation").is_some() {
            header.state = Value::Null;
        }
        let mut text = recording::header_line(&header);
        page.kept.iter().for_each(|kept| recording::push_kept(&mut text, kept, timing));
        return Ok(Reply::ok(AnswerBody::Typed("application/x-ndjson", Bytes::from(text))));
    }
    let interactions: Vec<Value> =
        page.kept.iter().filter_map(JournalItem::interaction).map(|call| recording::to_value(&call)).collect();
    let interactions_len = interactions.len();
    let changes = page.kept.iter().filter_map(|kept| match kept {
        JournalItem::Event(event) => Some(recording::event_value(event)),
        JournalItem::Call(..) => None,
    });
    let changes: Vec<Value> = changes.collect();
    let mut told = json!({ "interactions": interactions, "next": page.next, "evicted": page.evicted });
    if !changes.is_empty() {
        told["changes"] = changes.into();
    }
    if count > 0 {
        told["timed_out"] = Value::Bool((interactions_len as u64) < count);
    }
    Ok(Reply::json(told))
}

fn journal_clear(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["forget"])?;
    let forget = switch(call, "forget")?;
    let mut engine = lock(engine);
    if forget {
        engine.forget(call.now)
    } else {
        engine.clear_journal()
    }
    Ok(Reply::acknowledged())
}

fn reset(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["forget"])?;
    if !call.raw().trim_ascii().is_empty() {
        // So that nobody believes to have named a scope.
        body(call, &[])
            .map_err(|error| ApiError::admin(format!("{}; POST /_elastimock/scopes names one", error.reason())))?;
    }
    let ended = lock(engine).begin_scope(None, None, switch(call, "forget")?, call.now);
    Ok(ended_scope(&ended))
}

fn scopes_begin(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["forget"])?;
    let body = body(call, &["name", "source"])?;
    let name = text(&body, "name")?.ok_or_else(|| ApiError::admin("say its name: {\"name\": \"test_claim\"}"))?;
    let name = Engine::scope_name(name).map_err(refused)?;
    let source = text(&body, "source")?.map(|text| {
        SourcePlace::parse(text).map(Arc::new).ok_or_else(|| {
            ApiError::admin(
                "[source] is a place in a file: \"tests/test_sync.py:41\", its name at most 1000 characters long",
            )
        })
    });
    let source = source.transpose()?;
    let ended = lock(engine).begin_scope(Some(name), source, switch(call, "forget")?, call.now);
    Ok(ended_scope(&ended))
}

/// The scope that has ended, so that whoever ends it need not ask.
fn ended_scope(ended: &Scope) -> Reply {
    Reply::json(json!({ "acknowledged": true, "ended": told(ended, false) }))
}

fn told(scope: &Scope, is_current: bool) -> Value {
    let mut told = json!({
        "number": scope.number,
        "name": scope.name.as_deref(),
        "calls": scope.calls,
        "counts": counted(scope.counts),
        "first_seq": scope.first_seq,
        "current": is_current,
    });
    if let Some(source) = &scope.source {
        told["source"] = source.to_value();
    }
    if scope.stubbed > 0 {
        told["stubbed"] = scope.stubbed.into();
    }
    if scope.forgotten.total() > 0 {
        told["forgotten"] = counted(scope.forgotten);
    }
    told
}

fn scopes(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["after", "end"])?;
    let (after, end) = (number(call, "after", 0)?, switch(call, "end")?);
    let told: Vec<Value> = {
        let mut engine = lock(engine);
        engine.now(call.now);
        let ended = engine.ended_scopes().filter(|scope| scope.number > after).map(|scope| told(scope, false));
        ended.chain([told(&engine.scope(end), true)]).collect()
    };
    Ok(Reply::json(json!({ "scopes": told })))
}

fn allow(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let body = body(call, &["rule", "reason"])?;
    let example = "{\"rule\": \"job-left-open\", \"reason\": \"this test ends after the claim\"}";
    let wanted =
        |name: &str| text(&body, name)?.ok_or_else(|| ApiError::admin(format!("say rule and reason: {example}")));
    lock(engine).allow(wanted("rule")?, wanted("reason")?).map_err(refused)?;
    Ok(Reply::acknowledged())
}

fn state(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let copied = lock(engine).copy_state(call.now).map_err(refused)?;
    Ok(Reply::json(copied.to_fixture().to_value()))
}

fn sent_fixture(call: &Call) -> Result<Fixture, ApiError> {
    parameters(call, &[])?;
    let text =
        std::str::from_utf8(call.raw()).map_err(|_| ApiError::admin("the body must be a fixture in JSON, in UTF-8"))?;
    Fixture::from_json(text).map_err(refused)
}

fn state_put(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    let fixture = sent_fixture(call)?;
    run::put_state(engine, &fixture, call.now).map_err(refused)?;
    Ok(Reply::acknowledged())
}

fn state_add(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    let fixture = sent_fixture(call)?;
    run::add_state(engine, &fixture, call.now).map_err(refused)?;
    Ok(Reply::acknowledged())
}

fn shown_clock(engine: &mut Engine, system: Timestamp) -> Reply {
    let now = engine.now(system);
    let mode = if engine.clock().is_frozen() { "frozen" } else { "running" };
    Reply::json(json!({ "mode": mode, "now": now.to_string() }))
}

fn clock(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    Ok(shown_clock(&mut lock(engine), call.now))
}

fn clock_put(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let body = body(call, &["mode", "now"])?;
    let mut engine = lock(engine);
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
            return Err(ApiError::admin(format!("[mode] must be frozen or running, not [{other}]")));
        }
    };
    let mut clock = Clock::frozen(to);
    if !frozen {
        clock.run(call.now, to);
    }
    engine.move_clock(clock, call.now);
    Ok(shown_clock(&mut engine, call.now))
}

fn clock_advance(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let body = body(call, &["by"])?;
    let by = text(&body, "by")?.ok_or_else(|| ApiError::admin("say how far: {\"by\": \"5m\"}"))?;
    let by = parse_duration(by).map_err(refused)?;
    let mut engine = lock(engine);
    engine.advance(call.now, by);
    Ok(shown_clock(&mut engine, call.now))
}

fn stubs(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let stubs = lock(engine).stubs();
    Ok(Reply::json(json!({ "stubs": stubs })))
}

fn stubs_add(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let example = "{\"request\": {\"operation\": \"bulk\"}, \"response\": {\"status\": 503}}";
    let body = crate::json::read_file(call.raw()).map_err(|wrong| {
        ApiError::admin(format!("the body must be a stub like {example}, or a list of them: {wrong}"))
    })?;
    // A file of stubs may be sent as it is.
    let sent = match body.as_object() {
        Some(members) if members.len() == 1 => members.get("stubs").unwrap_or(&body),
        _ => &body,
    };
    let scripts =
        stub::read_all(sent).map_err(|diagnostics| ApiError::admin(stub::diagnostics_as_text(&diagnostics)))?;
    let names = lock(engine).add_stubs(scripts, call.now).map_err(refused)?;
    let ids: Vec<&str> = names.iter().map(|name| &**name).collect();
    Ok(Reply::json(json!({ "acknowledged": true, "ids": ids })))
}

fn stubs_remove(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let mut engine = lock(engine);
    match call.path("id") {
        "" => {
            engine.remove_stubs(None, call.now);
        }
        id if engine.remove_stubs(Some(id), call.now) => {}
        id => {
            let stubs = engine.stubs();
            let known = stubs.iter().filter_map(|stub| stub.get("id")?.as_str());
            let close = suggest::similar(id, known);
            let hint = close.first().map_or_else(
                || "GET /_elastimock/stubs lists them".to_owned(),
                |close| format!("did you mean [{close}]?"),
            );
            return Err(ApiError::admin(format!("there is no stub [{id}]: {hint}")));
        }
    }
    Ok(Reply::acknowledged())
}

fn gates(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let told = lock(engine).told_gates();
    Ok(Reply::json(json!({ "gates": told })))
}

fn gates_release(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let sent = if call.raw().trim_ascii().is_empty() { json!({}) } else { body(call, &["call", "order"])? };
    let name = call.path("name");
    let mut engine = lock(engine);
    if !engine.gates().iter().any(|known| known == name) {
        return Err(ApiError::admin(format!("there is no gate [{name}]: GET /_elastimock/gates lists them")));
    }
    let held = engine.held(Some(name));
    let wanted: Option<Vec<&Value>> = match (sent.get("call"), sent.get("order")) {
        (Some(at), _) => Some(vec![at]),
        (None, Some(Value::Array(order))) => Some(order.iter().collect()),
        (None, Some(_)) => return Err(ApiError::admin("[order] must be a list of numbers, from 0, such as [1, 0]")),
        (None, None) => None,
    };
    let numbers: Option<Vec<u64>> = match wanted {
        None => None,
        Some(wanted) => {
            let mut numbers = Vec::new();
            for at in wanted {
                let call = at.as_u64().and_then(|at| held.get(usize::try_from(at).ok()?));
                let call = call.ok_or_else(|| {
                    ApiError::admin(format!(
                        "there is no call [{at}] at the gate: {} are held, counted from 0",
                        held.len()
                    ))
                })?;
                if numbers.contains(&call.number) {
                    return Err(ApiError::admin(format!("[order] has the call [{at}] twice: each goes once")));
                }
                numbers.push(call.number);
            }
            Some(numbers)
        }
    };
    let released = engine.release(name, numbers.as_deref(), call.now);
    Ok(Reply::json(json!({ "acknowledged": true, "released": released })))
}

fn hand(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let act = crate::json::read_file(call.raw())
        .map_err(|wrong| ApiError::admin(format!("the body must be an act like {{\"cancel\": \"job-1\"}}: {wrong}")))?;
    let id = lock(engine).hand(&act, call.now).map_err(refused)?;
    let mut told = json!({ "acknowledged": true });
    if let Some(id) = id {
        told["id"] = Value::from(&*id);
    }
    Ok(Reply::json(told))
}

fn clock_next(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let mut engine = lock(engine);
    let deadline = engine.advance_to_next_deadline(call.now);
    let told = deadline.map(|deadline| json!({ "at": deadline.at.to_string(), "what": deadline.what }));
    let now = engine.now(call.now).to_string();
    let mode = if engine.clock().is_frozen() { "frozen" } else { "running" };
    Ok(Reply::json(json!({ "mode": mode, "now": now, "deadline": told })))
}

fn findings(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["end", "scope", "scope_number"])?;
    let end = switch(call, "end")?;
    let as_text = call.header("accept").is_some_and(|accept| accept.contains("text/plain"));
    let draft = {
        let mut engine = lock(engine);
        engine.now(call.now);
        engine.draft_of(span(call, &engine)?, end, as_text)
    };
    let report = draft.report(false);
    if as_text {
        return Ok(Reply::ok(AnswerBody::Text(Bytes::from(report.write(ReportFormat::Text)))));
    }
    let findings: Vec<Value> = report.findings.iter().map(Finding::to_value).collect();
    let mut found = json!({ "findings": findings, "counts": counted(report.counts) });
    if report.forgotten.total() > 0 {
        found["forgotten"] = counted(report.forgotten);
    }
    Ok(Reply::json(found))
}

fn coverage(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &["scope", "scope_number"])?;
    let (profile, kept, evicted) = {
        let mut engine = lock(engine);
        engine.now(call.now);
        let page = engine.page(span(call, &engine)?, 0, None, usize::MAX, usize::MAX);
        (engine.setup().profile, page.kept, page.evicted)
    };
    Ok(Reply::json(Coverage::of_kept(profile, &kept).with_evicted(evicted).to_value()))
}

fn metrics(engine: &mut SharedEngine, call: &Call) -> Result<Reply, ApiError> {
    parameters(call, &[])?;
    let metrics = lock(engine).metrics(call.now);
    Ok(Reply::ok(AnswerBody::Typed(CONTENT_TYPE, Bytes::from(metrics.write()))))
}
