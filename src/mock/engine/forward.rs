//! Which calls are the mock's own and which are for the server behind it, and what the engine makes of an answer from
//! there. Nothing here talks to anybody: the wire forwards.
//!
//! The rule in one sentence: **the Connector API and the indices that the mock has are answered here, everything else
//! is forwarded.** An index is the mock's if it is there at that moment, by its name or an alias, or if its name is one
//! of the connectors' own (`.elastic-connectors…`, `.connector-secrets`). A scroll or a point in time belongs to who
//! opened it. A call that would need both is refused, and so is a wildcard that finds an index of the mock, for nobody
//! here knows what it finds over there.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::mode::AnswerMode;
use super::{Engine, Given, ParsedRequest, PendingResponse};
use crate::clock::Timestamp;
use crate::es::error::ApiError;
use crate::es::http::call::BodyLine;
use crate::es::http::render::{Style, render};
use crate::es::http::{ParseOutcome, Reading};
use crate::es::index::names::{Lookup, date_math};
use crate::es::store::Cluster;
use crate::es::table::TABLE;
use crate::http::{Method, Request, Response};
use crate::limits::FORWARDED_CONTEXTS_MAX;
use crate::record::playback::policy::OnUnmatched;
use crate::stub::StubResponse;

/// What the names of the connectors' own indices begin with.
const PROTOCOL: [&str; 2] = [".elastic-connectors", ".connector-secrets"];

/// What is remembered of forwarded calls.
#[derive(Debug, Default)]
pub(super) struct Forwarded {
    /// The ids of scrolls and points in time that the other server gave.
    contexts: BTreeSet<String>,
}

/// Where a call goes.
pub(crate) enum Whereto<'r> {
    /// The mock answers.
    Here(ParsedRequest<'r>),
    /// It is forwarded; the answer comes back by [`Engine::forwarded`].
    Upstream(ParsedRequest<'r>),
}

/// Whose a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

/// Why a call can be answered by neither.
#[derive(Debug, PartialEq, Eq)]
struct SplitRefusal {
    what: String,
    cure: &'static str,
}

const ONE_BY_ONE: &str = "make a call for each of the two";
const BY_NAME: &str = "name the indices in place of a wildcard, those here in one call and the others in another";

impl Engine {
    /// Forwards from now on what is not the mock's.
    pub(crate) fn forward_the_rest(&mut self) {
        self.forwarded = Some(Box::default());
    }

    /// Where a call goes. In a playback, what the recording has is taken from it.
    pub(crate) fn whereto<'r>(
        &mut self,
        mut read: ParsedRequest<'r>,
        request: &Request,
        system: Timestamp,
    ) -> Whereto<'r> {
        let is_played = match &self.mode {
            AnswerMode::Upstream => return Whereto::Upstream(read),
            AnswerMode::Playback(_) => true,
            AnswerMode::Mock(_) => false,
        };
        self.now(system);
        self.prepare();
        let is_json = read.reading.is_json();
        if let AnswerMode::Playback(playback) = &self.mode {
            self.journal.known.learn_revealed(&playback.revealed(request));
        }
        let mask = self.journal.mask(read.reading.facts, request, is_json);
        let shown = mask.over(request);
        if self.stubs.is_some() {
            let seq = self.journal.next_seq();
            read.decided = Some(self.decide(&read.reading, request, shown, seq));
        }
        let decision = read.decided.as_ref().and_then(Option::as_deref);
        if decision.is_some_and(|decision| !decision.action.acts()) {
            return Whereto::Here(read);
        }
        if is_played {
            if let AnswerMode::Playback(playback) = &mut self.mode
                && self.setup.play.unmatched == OnUnmatched::Upstream
            {
                match playback.answer(request, shown) {
                    Ok((response, taken)) => read.given = Some(Box::new(Given::Played(response, taken))),
                    Err(_) => return Whereto::Upstream(read),
                }
            }
            return Whereto::Here(read);
        }
        // What a stub does before or beside the mock cannot be done to another server.
        let hindrance = decision.and_then(|decision| match (&decision.action.hold, &decision.action.own) {
            (Some(_), _) => Some("a gate that holds a call which is forwarded"),
            (None, StubResponse::Items(_)) => Some("a stub that answers items of a bulk which is forwarded"),
            _ => None,
        });
        let whose = match (&self.mode, &self.forwarded) {
            (AnswerMode::Mock(mocked), Some(forwarded)) => {
                whose(&read.reading, request, mocked.cluster(), forwarded, self.latest)
            }
            _ => Ok(Whose::Ours),
        };
        match (whose, hindrance) {
            (Ok(Whose::Ours), _) => Whereto::Here(read),
            (Ok(Whose::Theirs), None) => Whereto::Upstream(read),
            (Ok(Whose::Theirs), Some(what)) => {
                read.reading.stage =
                    ParseOutcome::Answered(Err(ApiError::unsupported(what, "have the stub answer alone")));
                Whereto::Here(read)
            }
            (Err(SplitRefusal { what, cure }), _) => {
                read.reading.stage = ParseOutcome::Answered(Err(ApiError::unsupported(&what, cure)));
                Whereto::Here(read)
            }
        }
    }

    /// Takes in what another server has answered to a call: judged as any call, and marked.
    pub(crate) fn forwarded(
        &mut self,
        read: ParsedRequest<'_>,
        request: &Request,
        response: Response,
        system: Timestamp,
    ) -> PendingResponse {
        if let Some(forwarded) = &mut self.forwarded {
            forwarded.learn(&read.reading, &response);
        }
        let given = Some(Box::new(Given::Forwarded(response)));
        // A stub has been asked before the call was forwarded.
        let decided = read.decided.or(Some(None));
        self.act(ParsedRequest { given, decided, ..read }, request, system)
    }
}

/// What the mock says when the server behind it does not answer.
pub(crate) fn no_answer(method: &Method, status: u16, reason: String) -> Response {
    let style = Style { head: *method == Method::Head, ..Style::default() };
    render(&Err(ApiError::of_upstream(status, reason)), &style)
}

impl Forwarded {
    fn learn(&mut self, reading: &Reading<'_, Cluster>, response: &Response) {
        let member = match reading.operation {
            Some("search") if reading.parsed().query("scroll").is_some() => "_scroll_id",
            Some("scroll") => "_scroll_id",
            Some("open_point_in_time") => "id",
            _ => return,
        };
        let body = response.body_json().unwrap_or_default();
        if let Some(id) = body.get(member).and_then(Value::as_str) {
            if self.contexts.len() >= FORWARDED_CONTEXTS_MAX {
                self.contexts.pop_first();
            }
            self.contexts.insert(id.to_owned());
        }
    }
}

/// Whose a call is.
fn whose(
    reading: &Reading<'_, Cluster>,
    request: &Request,
    cluster: &Cluster,
    forwarded: &Forwarded,
    now: Timestamp,
) -> Result<Whose, SplitRefusal> {
    let path = request.path();
    if path.split('/').nth(1) == Some("_connector") {
        return Ok(Whose::Ours);
    }
    let parsed = reading.parsed();
    let expand_wildcards = parsed.query("expand_wildcards");
    let holder = Holder { cluster, forwarded, now, expand_wildcards };
    let parameter = |name: &str| parsed.path(name);
    let index = parameter("index");
    let body = || parsed.json(request.body()).unwrap_or_default();
    match reading.operation {
        Some("bulk") => {
            let targets = bulk_targets(parsed.lines(request.body()), index);
            holder.all(targets.iter().map(String::as_str)).map(|whose| whose.unwrap_or(Whose::Theirs))
        }
        Some("mget") => {
            let body = body();
            let docs = body.get("docs").and_then(Value::as_array).into_iter().flatten();
            let named: Vec<&str> = docs.filter_map(|doc| doc.get("_index")?.as_str().or(index)).collect();
            holder.all(named.into_iter().chain(index)).map(|whose| whose.unwrap_or(Whose::Theirs))
        }
        Some("msearch") => {
            let targets = search_targets(parsed.lines(request.body()), index);
            holder.all(targets.iter().map(String::as_str)).map(|whose| whose.unwrap_or(Whose::Theirs))
        }
        Some("indices.update_aliases") => {
            let body = body();
            let actions = body.get("actions").and_then(Value::as_array).into_iter().flatten();
            let of = actions.filter_map(Value::as_object).flat_map(|action| action.values());
            let named: Vec<&str> =
                of.flat_map(|of| [texts(of.get("index")), texts(of.get("indices"))].concat()).collect();
            holder.all(named.into_iter()).map(|whose| whose.unwrap_or(Whose::Theirs))
        }
        Some("reindex") => {
            let body = body();
            let place = |pointer: &str| texts(body.pointer(pointer));
            let source = if body.pointer("/source/remote").is_some() { Vec::new() } else { place("/source/index") };
            let named = [source, place("/dest/index")].concat();
            holder.all(named.into_iter()).map(|whose| whose.unwrap_or(Whose::Theirs))
        }
        Some("scroll" | "clear_scroll") => {
            let body = body();
            let of_path = parameter("scroll_id").into_iter().chain(parsed.query("scroll_id"));
            let ids: Vec<&str> = of_path.flat_map(|ids| ids.split(',')).chain(texts(body.get("scroll_id"))).collect();
            holder.contexts(&ids)
        }
        Some("close_point_in_time") => holder.contexts(&texts(body().get("id"))),
        Some("search") if index.is_none() => match body().pointer("/pit/id").and_then(Value::as_str) {
            Some(id) => holder.contexts(&[id]),
            None => holder.expression("_all"),
        },
        Some(operation) => match index {
            Some(index) => holder.expression(index),
            None if speaks_of_all(operation) => holder.expression("_all"),
            None => Ok(Whose::Theirs),
        },
        // What Elasticsearch does not have either belongs to the index that it seems to be about.
        None => match path.trim_start_matches('/').split('/').next() {
            Some(first) if !first.is_empty() && !first.starts_with('_') => holder.expression(first),
            _ => Ok(Whose::Theirs),
        },
    }
}

/// Whether an operation that can name indices is about all of them where it names none.
fn speaks_of_all(operation: &str) -> bool {
    !operation.starts_with("cluster.")
        && TABLE
            .rows()
            .iter()
            .any(|row| row.operation == operation && row.paths.iter().any(|path| path.contains("{index}")))
}

/// Says whose indices and contexts are.
struct Holder<'a> {
    cluster: &'a Cluster,
    forwarded: &'a Forwarded,
    now: Timestamp,
    expand_wildcards: Option<&'a str>,
}

impl Holder<'_> {
    /// Whose all these expressions are; none if there are none.
    fn all<'e>(&self, expressions: impl Iterator<Item = &'e str>) -> Result<Option<Whose>, SplitRefusal> {
        let mut whole: Option<(Whose, &str)> = None;
        for expression in expressions {
            let whose = self.expression(expression)?;
            match whole {
                Some((before, of)) if before != whose => return Err(across(of, expression, before)),
                _ => whole = Some((whose, expression)),
            }
        }
        Ok(whole.map(|(whose, _)| whose))
    }

    /// Whose the indices of an expression are.
    fn expression(&self, expression: &str) -> Result<Whose, SplitRefusal> {
        let mut whole: Option<(Whose, &str)> = None;
        for part in expression.split(',') {
            // An exclusion belongs to the wildcard before it.
            if part.starts_with('-') && whole.is_some() {
                continue;
            }
            let whose = self.part(part)?;
            match whole {
                Some((before, of)) if before != whose => return Err(across(of, part, before)),
                _ => whole = Some((whose, part)),
            }
        }
        Ok(whole.map_or(Whose::Theirs, |(whose, _)| whose))
    }

    fn part(&self, part: &str) -> Result<Whose, SplitRefusal> {
        if PROTOCOL.iter().any(|name| part.starts_with(name)) {
            return Ok(Whose::Ours);
        }
        let is_wildcard = part.contains('*') || part == "_all" || part.is_empty();
        if !is_wildcard {
            let name = date_math(part, self.now).unwrap_or_else(|_| part.to_owned());
            return Ok(if self.cluster.named(&name).is_empty() { Whose::Theirs } else { Whose::Ours });
        }
        let given = self.expand_wildcards.and_then(|list| Lookup::default().with_expand_wildcards(list).ok());
        let lookup = given.unwrap_or_default();
        let found = self.cluster.resolve(part, &lookup, self.now).unwrap_or_default();
        match found.first() {
            None => Ok(Whose::Theirs),
            Some(index) => Err(SplitRefusal {
                what: format!(
                    "calls that need the mock and its upstream: [{}] finds [{}] here, and what it finds there is not \
                     known here",
                    if part.is_empty() { "_all" } else { part },
                    index.name()
                ),
                cure: BY_NAME,
            }),
        }
    }

    /// Whose scrolls or points in time are.
    fn contexts(&self, ids: &[&str]) -> Result<Whose, SplitRefusal> {
        let mut whole = None;
        for id in ids {
            let is_ours = self.cluster.contexts.has(id);
            let is_theirs = self.forwarded.contexts.contains(*id);
            let is_all = *id == "_all" && self.cluster.contexts.has_any();
            let whose = if is_ours { Whose::Ours } else { Whose::Theirs };
            if (is_ours && is_theirs) || is_all || whole.is_some_and(|before| before != whose) {
                return Err(SplitRefusal {
                    what: "calls that need the mock and its upstream: these ids are of both".to_owned(),
                    cure: ONE_BY_ONE,
                });
            }
            whole = Some(whose);
        }
        Ok(whole.unwrap_or(Whose::Theirs))
    }
}

fn across(one: &str, other: &str, first: Whose) -> SplitRefusal {
    let (ours, theirs) = if first == Whose::Ours { (one, other) } else { (other, one) };
    SplitRefusal {
        what: format!("calls that need the mock and its upstream: [{ours}] is here and [{theirs}] is there"),
        cure: ONE_BY_ONE,
    }
}

/// The texts that a member is or lists, also those of a comma list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The indices that a bulk writes to.
fn bulk_targets<'p>(lines: impl Iterator<Item = Cow<'p, BodyLine>>, index: Option<&str>) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    let mut lines = lines.filter(|line| !line.is_blank());
    while let Some(line) = lines.next() {
        let Some((verb, of)) = line.object().and_then(|action| action.iter().next()) else { continue };
        targets.extend(of.get("_index").and_then(Value::as_str).or(index).map(str::to_owned));
        if verb != "delete" {
            lines.next();
        }
    }
    targets
}

/// The indices that the searches of an `_msearch` are about.
fn search_targets<'p>(mut lines: impl Iterator<Item = Cow<'p, BodyLine>>, index: Option<&str>) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    while let Some(line) = lines.next() {
        let named = line.object().and_then(|header| header.get("index").or_else(|| header.get("indices")));
        let named = texts(named);
        match named.as_slice() {
            [] => targets.extend([index.unwrap_or("_all").to_owned()]),
            named => targets.extend(named.iter().map(|name| (*name).to_owned())),
        }
        lines.next();
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::fixture::Fixture;
    use crate::mock::engine::Setup;

    fn told(engine: &mut Engine, request: &Request) -> String {
        let now = engine.latest;
        let read = engine.desk().read(request);
        match engine.whereto(read, request, now) {
            Whereto::Upstream(_) => "there".to_owned(),
            Whereto::Here(read) => match &read.reading.stage {
                ParseOutcome::Answered(Err(error)) if error.reason().contains("upstream") => "both".to_owned(),
                _ => "here".to_owned(),
            },
        }
    }

    #[test]
    fn what_is_ours_is_answered_here_and_the_rest_there() {
        let now = "2031-05-01T10:00:00Z".parse().expect("an instant");
        let fixture = Fixture::from_json(
            r#"{"connectors":[{"id":"crm","index_name":"search-crm"}],
                "indices":{"ours":{"aliases":{"our-alias":{}},"documents":[]},"logs-2031.05.01":{"documents":[]}}}"#,
        );
        let setup =
            Setup { fixture: fixture.expect("a fixture").into(), clock: Clock::frozen(now), ..Setup::default() };
        let mut engine = Engine::new(setup, now).expect("an engine");
        engine.forward_the_rest();
        for (call, body, expected) in [
            ("GET /", "", "there"),
            ("GET /_cluster/health", "", "there"),
            ("GET /_cluster/health/ours", "", "here"),
            ("PUT /_ingest/pipeline/p", "{}", "there"),
            ("POST /_security/api_key", r#"{"name":"k"}"#, "there"),
            ("GET /_connector", "", "here"),
            ("GET /_connector/_nonsense/x/y/z", "", "here"),
            ("PUT /_connector/_secret/s", r#"{"value":"v"}"#, "here"),
            ("GET /_ml/anomaly_detectors", "", "there"),
            ("GET /_nonsense", "", "there"),
            ("GET /ours/_doc/1", "", "here"),
            ("GET /our-alias/_doc/1", "", "here"),
            ("GET /search-crm/_doc/1", "", "there"),
            ("GET /ours/_nonsense", "", "here"),
            ("GET /theirs/_nonsense", "", "there"),
            ("GET /ours/_rank_eval", "{}", "here"),
            ("PUT /new", "", "there"),
            ("POST /.elastic-connectors/_search", "{}", "here"),
            ("POST /.elastic-connectors*/_search", "{}", "here"),
            ("POST /ours,theirs/_search", "{}", "both"),
            ("POST /theirs,ours/_search", "{}", "both"),
            ("POST /our*/_search", "{}", "both"),
            ("POST /their*/_search", "{}", "there"),
            ("POST /their*,-x/_search", "{}", "there"),
            ("POST /%3Clogs-%7Bnow%2Fd%7D%3E/_search", "{}", "here"),
            ("POST /cluster_two:ours/_search", "{}", "there"),
            ("GET /_search", "", "both"),
            ("GET /_count", "", "both"),
            ("GET /_cat/indices", "", "both"),
            ("POST /_refresh", "", "both"),
            ("GET /_alias/x", "", "both"),
            ("POST /ours/_bulk", "{\"index\":{}}\n{}\n", "here"),
            ("POST /_bulk", "{\"index\":{\"_index\":\"ours\"}}\n{\"_index\":\"theirs\"}\n", "here"),
            (
                "POST /_bulk",
                "{\"delete\":{\"_index\":\"theirs\",\"_id\":\"1\"}}\n{\"index\":{\"_index\":\"theirs\"}}\n{}\n",
                "there",
            ),
            (
                "POST /_bulk",
                "{\"delete\":{\"_index\":\"theirs\",\"_id\":\"1\"}}\n{\"index\":{\"_index\":\"ours\"}}\n{}\n",
                "both",
            ),
            ("POST /theirs/_bulk", "{\"index\":{}}\n{}\n{\"index\":{\"_index\":\"ours\"}}\n{}\n", "both"),
            ("POST /_mget", r#"{"docs":[{"_index":"ours","_id":"1"}]}"#, "here"),
            ("POST /_mget", r#"{"docs":[{"_index":"ours","_id":"1"},{"_index":"theirs","_id":"1"}]}"#, "both"),
            ("POST /ours/_mget", r#"{"ids":["1"]}"#, "here"),
            ("POST /theirs/_mget", r#"{"ids":["1"]}"#, "there"),
            ("POST /_msearch", "{\"index\":\"ours\"}\n{}\n{\"index\":[\"our-alias\"]}\n{}\n", "here"),
            ("POST /_msearch", "{\"index\":\"ours\"}\n{}\n{\"index\":\"theirs\"}\n{}\n", "both"),
            ("POST /theirs/_msearch", "{}\n{}\n", "there"),
            ("POST /_aliases", r#"{"actions":[{"add":{"index":"theirs","alias":"a"}}]}"#, "there"),
            ("POST /_aliases", r#"{"actions":[{"add":{"indices":["theirs","ours"],"alias":"a"}}]}"#, "both"),
            ("POST /_reindex", r#"{"source":{"index":"theirs"},"dest":{"index":"more"}}"#, "there"),
            ("POST /_reindex", r#"{"source":{"index":"ours"},"dest":{"index":"theirs"}}"#, "both"),
            ("POST /_search/scroll", r#"{"scroll_id":"theirs"}"#, "there"),
            ("POST /_search", r#"{"pit":{"id":"theirs"}}"#, "there"),
        ] {
            let (method, target) = call.split_once(' ').expect("a call");
            let request = Request::new(Method::new(method), target);
            let kind = if target.contains("_bulk") || target.contains("_msearch") { "x-ndjson" } else { "json" };
            let request = match body {
                "" => request,
                body => request.header("content-type", &format!("application/{kind}")).with_body(body.to_owned()),
            };
            assert_eq!(told(&mut engine, &request), expected, "{call} {body}");
        }
    }

    #[test]
    fn a_scroll_belongs_to_who_opened_it() {
        let now = Timestamp::default();
        let fixture = Fixture::from_json(r#"{"indices":{"ours":{"documents":[{"_id":"1","_source":{}}]}}}"#);
        let setup =
            Setup { fixture: fixture.expect("a fixture").into(), clock: Clock::frozen(now), ..Setup::default() };
        let mut engine = Engine::new(setup, now).expect("an engine");
        engine.forward_the_rest();
        let opened = Request::new(Method::Post, "/ours/_search?scroll=1m");
        let answer = engine.receive(&opened, now);
        let body = answer.body_json().expect("JSON");
        let id = body["_scroll_id"].as_str().expect("an id").to_owned();
        let next = |id: &str| Request::new(Method::Post, "/_search/scroll").json(format!(r#"{{"scroll_id":"{id}"}}"#));
        assert_eq!(told(&mut engine, &next(&id)), "here");
        let all = Request::new(Method::Delete, "/_search/scroll/_all");
        assert_eq!(told(&mut engine, &all), "both");
        // Another elastimock gives the same ids.
        let there = Request::new(Method::Post, "/theirs/_search?scroll=1m");
        let read = engine.desk().read(&there);
        engine.forwarded(read, &there, answer, now);
        assert_eq!(told(&mut engine, &next(&id)), "both");
        assert_eq!(told(&mut engine, &next("other")), "there");
    }
}
