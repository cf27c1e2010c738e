//! The stage of stubs: who answers a call, what is said in place of or on top of what the mock says, and the verbs that
//! bring stubs and take them away.
//!
//! [`Cast`] decides; here its decisions are carried out as far as they are values. What takes time or breaks a connection
//! is told to the wire in the answer itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::mode::AnswerMode;
use super::{Answered, Engine, Setup, panic_text};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, BodyLine, LineContent, Reply};
use crate::es::http::render::Style;
use crate::es::http::{ParseOutcome, Reading};
use crate::es::store::Cluster;
use crate::es::table;
use crate::es::words::stubbed;
use crate::fault::{Fault, FaultKind, StubMark};
use crate::finding::Finding;
#[cfg(feature = "cli")]
use crate::fixture::Fixture;
use crate::http::{Headers, Request, Response};
use crate::near_miss;
use crate::record::event::Change;
use crate::stub::{Cast, Decision, Script, StubRefusal, StubResponse, StubbedRequest};

/// What a stub does to an answer that the engine has made.
#[derive(Debug)]
pub(super) struct Stubbed {
    /// What is told of it.
    pub mark: StubMark,
    headers: Vec<(String, String)>,
    /// Whether it is somebody else who answers, and not Elasticsearch.
    is_foreign: bool,
}

impl Stubbed {
    /// Puts it on the answer.
    pub(crate) fn mark(&self, response: &mut Response) {
        response.mark = Some(Box::new(self.mark.clone()));
        if self.headers.is_empty() && !self.is_foreign {
            return;
        }
        let mut headers = Headers::new();
        let is_replaced = |name: &str| {
            (self.is_foreign && name == "x-elastic-product") || self.headers.iter().any(|(own, _)| own == name)
        };
        for (name, value) in response.headers.iter().filter(|(name, _)| !is_replaced(name)) {
            headers.push(name, value);
        }
        self.headers.iter().for_each(|(name, value)| headers.push(name, value));
        response.headers = headers;
    }

    /// Seconds after which the answer invites the client to come again.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        self.headers.iter().find(|(name, _)| name == "retry-after")?.1.trim().parse().ok()
    }
}

/// The stubs of a mock at its start; `None` if there are none.
pub(super) fn at_start(setup: &Setup) -> Option<Box<Cast>> {
    // Names that are given twice are a mistake of the fixture, which has been told.
    let cast = Cast::new(setup.fixture.stubs().cloned(), setup.seed).ok()?;
    (!cast.is_empty()).then(|| Box::new(cast))
}

/// The state at the start with the names that its stubs have.
pub(super) fn state_at_start(setup: &Setup) -> Value {
    let mut state = setup.fixture.to_value();
    if let Some(cast) = at_start(setup) {
        state["stubs"] = cast.standings().map(|standing| standing.spec.clone()).collect();
    }
    state
}

/// Items that a stub has taken out of a bulk before the mock acts, each with its place and what is said of it.
#[derive(Debug, Default)]
pub(super) struct StubbedItems(Vec<(usize, Value)>);

impl StubbedItems {
    /// Whether nothing has been taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts them where they were, into the answer to the rest.
    fn put_into(self, answer: &mut Value) {
        if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut)
            && !self.is_empty()
        {
            for (at, item) in self.0 {
                items.insert(at.min(items.len()), item);
            }
            answer["errors"] = Value::Bool(true);
        }
    }
}

/// Takes out of a bulk what the stub refuses, so that the mock does the rest as always.
pub(super) fn thin(decision: &Decision, reading: &mut Reading<'_, Cluster>) -> StubbedItems {
    let StubResponse::Items(items) = &decision.action.own else { return StubbedItems::default() };
    if reading.operation != Some("bulk") || !matches!(reading.stage, ParseOutcome::Call) {
        return StubbedItems::default();
    }
    let call = &mut reading.call;
    let index = call.path("index").to_owned();
    let mut left_out = Vec::new();
    let mut kept: Vec<BodyLine> = Vec::with_capacity(call.parsed.lines.len());
    let mut lines = std::mem::take(&mut call.parsed.lines).into_iter();
    let mut at = 0;
    while let Some(line) = lines.next() {
        let verb = match &line.content {
            LineContent::Object(members) => members.iter().next().map(|(verb, of)| (verb.to_owned(), of.clone())),
            _ => None,
        };
        let Some((verb, target)) = verb else {
            // Whatever is wrong with it, the mock says it.
            kept.push(line);
            continue;
        };
        let document = if verb == "delete" { None } else { lines.next() };
        at += 1;
        match items.iter().rev().find(|items| items.has(at)) {
            None => kept.extend([Some(line), document].into_iter().flatten()),
            Some(items) => {
                let Worded { status, error } = worded(&items.refusal);
                let text = |name: &str| target.get(name).and_then(Value::as_str).map(str::to_owned);
                let told = json!({
                    "_index": text("_index").unwrap_or_else(|| index.clone()),
                    "_id": text("_id"),
                    "status": status,
                    "error": error,
                });
                left_out.push((at as usize - 1, Value::Object(Map::from_iter([(verb, told)]))));
            }
        }
    }
    let nothing_left = kept.is_empty() && !left_out.is_empty();
    call.parsed.lines = kept;
    if nothing_left {
        let nothing = Reply::json(json!({ "errors": false, "took": 0, "items": [] }));
        reading.answer(nothing);
    }
    StubbedItems(left_out)
}

/// A refusal in full.
struct Worded {
    status: u16,
    error: Value,
}

impl Worded {
    /// The body of an answer that refuses a whole call.
    fn body(self) -> Value {
        let Worded { status, error: told } = self;
        let mut error = Map::from_iter([("root_cause".to_owned(), json!([told]))]);
        if let Value::Object(told) = told {
            error.extend(told);
        }
        json!({ "error": error, "status": status })
    }
}

fn worded(refusal: &StubRefusal) -> Worded {
    let kind = refusal.kind.as_deref().unwrap_or_else(|| stubbed::type_of_status(refusal.status.unwrap_or(500)));
    let (status, reason) = stubbed::of_type(kind);
    let reason = refusal.reason.as_deref().unwrap_or(reason);
    let mut error =
        Map::from_iter([("type".to_owned(), Value::from(kind)), ("reason".to_owned(), Value::from(reason))]);
    error.extend(refusal.more.iter().cloned());
    Worded { status: refusal.status.unwrap_or(status), error: Value::Object(error) }
}

/// Whether nothing is said before a connection breaks.
fn says_nothing(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::Reset | FaultKind::Close => true,
        FaultKind::Stall => fault.after_bytes.is_none(),
        _ => false,
    }
}

/// Says what a stub says, in place of or on top of the mock's answer.
pub(super) fn say(
    decision: Decision,
    left_out: StubbedItems,
    answer: &mut Answered,
    request: &Request,
    style: &Style,
) -> Stubbed {
    let Decision { name, action, filled, fault, closure, hand: _ } = decision;
    let upstream = matches!(&*answer, Answered::Recorded(response) if response.is_of_upstream());
    let status = action.status;
    let mut is_foreign = false;
    let reply = |status: u16, body: AnswerBody| Answered::Made(Ok(Reply { status, ..Reply::ok(body) }));
    let mut text = |text: &str| {
        is_foreign = !text.is_empty();
        let content_type = if text.trim_start().starts_with('<') { "text/html" } else { "text/plain; charset=UTF-8" };
        reply(status.unwrap_or(200), AnswerBody::Typed(content_type, text.as_bytes().to_vec().into()))
    };
    // No answer was made, and none is wanted, if the connection broke before.
    let is_silent = action.acts.is_none_or(|acts| !acts) && !action.acts() && fault.as_ref().is_some_and(says_nothing);
    match (closure, &action.own) {
        _ if is_silent => *answer = Answered::Recorded(Response::new(0)),
        (Some(closure), _) => {
            let own = answer.render(style);
            let said = catch_unwind(AssertUnwindSafe(|| closure(request, &own)));
            *answer = match said {
                Ok(response) => Answered::Recorded(response),
                Err(panic) => Answered::Made(Err(ApiError::bug(&panic_text(&*panic)))),
            };
        }
        (None, StubResponse::Mock) => {
            if let (Answered::Recorded(response), false) = (&*answer, action.acts()) {
                debug_assert_eq!(response.status(), 0);
                // The mock was not to act, and nobody has said what is answered instead.
                *answer = text("");
            }
        }
        (None, StubResponse::Patch(patch)) => {
            let (own_status, mut own) = told(answer);
            merge(&mut own, patch);
            *answer = reply(status.unwrap_or(own_status), AnswerBody::Json(own));
        }
        (None, StubResponse::Items(_)) => {
            let (own_status, mut own) = told(answer);
            left_out.put_into(&mut own);
            *answer = reply(status.unwrap_or(own_status), AnswerBody::Json(own));
        }
        (None, StubResponse::Json(body)) => *answer = reply(status.unwrap_or(200), AnswerBody::Json(body.clone())),
        (None, StubResponse::Text(said)) => *answer = text(said),
        (None, StubResponse::Template(_)) => {
            *answer = match filled.unwrap_or_default() {
                Value::String(said) => text(&said),
                body => reply(status.unwrap_or(200), AnswerBody::Json(body)),
            }
        }
        (None, StubResponse::Error(refusal)) => {
            let worded = worded(refusal);
            *answer = reply(worded.status, AnswerBody::Json(worded.body()));
        }
    }
    if !is_silent && !matches!(action.own, StubResponse::Mock) {
        // The judge hears it as it hears a recording.
        *answer = Answered::Recorded(answer.render(style));
    }
    Stubbed {
        mark: StubMark { stub: Some(name), fault, upstream, ..StubMark::default() },
        headers: action.headers,
        is_foreign,
    }
}

/// Status and JSON of an answer.
fn told(answer: &Answered) -> (u16, Value) {
    match answer {
        Answered::Recorded(response) => (response.status(), response.body_json().unwrap_or_default()),
        Answered::Made(outcome) => match outcome {
            Ok(reply) => (reply.status, reply.body.to_value()),
            Err(error) => (error.status(), error.body(false).unwrap_or_default()),
        },
    }
}

/// A merge patch: objects merge, null takes out, everything else is replaced. Source: RFC 7396.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { return };
    for (name, patch) in patch {
        if patch.is_null() {
            members.shift_remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), patch);
        }
    }
}

impl Engine {
    /// Who answers a call, and how.
    pub(super) fn decide(
        &mut self,
        reading: &Reading<'_, Cluster>,
        request: &Request,
        shown: &Request,
        seq: u64,
    ) -> Option<Box<Decision>> {
        let looked_up;
        let path = match &*reading.parsed().path {
            // The mock refused the call before it looked where it leads: its path has the same places all the same.
            [] => {
                looked_up = table::TABLE.placeholders(request, self.setup.profile);
                &looked_up[..]
            }
            path => path,
        };
        let cluster = match &self.mode {
            AnswerMode::Mock(mocked) => Some(mocked.cluster()),
            AnswerMode::Playback(_) | AnswerMode::Upstream => None,
        };
        let asked = StubbedRequest::new(request, shown, reading.operation, path, cluster);
        self.stubs.as_mut()?.decide(&asked, seq, self.latest).map(Box::new)
    }

    /// Sees to it that stubs which nobody calls are told.
    pub(super) fn expect_stubs(&mut self) {
        if self.stubs.is_some() {
            self.prepare();
        }
    }

    /// Whether stubs can be added.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a name is taken.
    pub(crate) fn check_stubs<'s>(&self, scripts: impl Iterator<Item = &'s Script>) -> Result<(), Error> {
        let mut cast = match &self.stubs {
            Some(cast) => (**cast).clone(),
            None => Cast::new([], 0)?,
        };
        for script in scripts {
            cast.add(script.clone())?;
        }
        Ok(())
    }

    /// Adds stubs, which go before those that are there, and returns their names.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a name is taken; then none has been added.
    pub(crate) fn add_stubs(&mut self, scripts: Vec<Script>, system: Timestamp) -> Result<Vec<Arc<str>>, Error> {
        let at = self.now(system);
        self.check_stubs(scripts.iter())?;
        Ok(self.take_stubs(scripts, false, at))
    }

    /// Takes in stubs whose names are free; with `whole` in the place of all that are there.
    pub(super) fn take_stubs(&mut self, scripts: Vec<Script>, whole: bool, at: Timestamp) -> Vec<Arc<str>> {
        self.prepare();
        if whole {
            self.drop_stubs(None, at);
        }
        let mut names = Vec::new();
        let mut specs = Vec::new();
        let seed = self.setup.seed;
        for script in scripts {
            if self.stubs.is_none() {
                self.stubs = Cast::new([], seed).ok().map(Box::new);
            }
            let added = self.stubs.as_mut().and_then(|cast| cast.add(script).ok());
            if let Some(script) = added {
                names.push(script.name.clone());
                specs.push((*script.spec).clone());
            }
        }
        let mut state = json!({ "stubs": specs });
        self.journal.known.state(&mut state);
        let added = Arc::new(state["stubs"].take());
        self.judge.learn_stubs(&added, &[]);
        let bytes = added.to_string().len();
        self.happen(at, Change::Stubs { added, removed: Vec::new() }, bytes);
        names
    }

    /// Puts the stubs of a fixture in the place of those that came with another one; stubs that were added otherwise stay.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the name of one is taken by another that stays; then nothing has changed.
    #[cfg(feature = "cli")]
    pub(super) fn exchange_stubs(&mut self, before: &Fixture, after: &Fixture, at: Timestamp) -> Result<(), Error> {
        let old = Cast::new(before.stubs().cloned(), self.setup.seed)?;
        let old: Vec<String> = old.standings().map(|standing| standing.name.to_owned()).collect();
        let mut rest = match &self.stubs {
            Some(cast) => (**cast).clone(),
            None => Cast::new([], self.setup.seed)?,
        };
        for name in &old {
            rest.remove(name);
        }
        for script in after.stubs() {
            rest.add(script.clone())?;
        }
        self.prepare();
        self.drop_those(|name| old.iter().any(|old| old == name), at);
        let scripts: Vec<Script> = after.stubs().cloned().collect();
        if !scripts.is_empty() {
            self.take_stubs(scripts, false, at);
        }
        Ok(())
    }

    /// Takes out the stub of that name, or all of them; whether there was one.
    pub fn remove_stubs(&mut self, name: Option<&str>, system: Timestamp) -> bool {
        let at = self.now(system);
        self.drop_stubs(name, at)
    }

    fn drop_stubs(&mut self, name: Option<&str>, at: Timestamp) -> bool {
        self.drop_those(|known| name.is_none_or(|name| name == known), at)
    }

    fn drop_those(&mut self, is_meant: impl Fn(&str) -> bool, at: Timestamp) -> bool {
        let Some(cast) = &mut self.stubs else { return false };
        let removed: Vec<Arc<str>> =
            cast.standings().filter(|standing| is_meant(standing.name)).map(|standing| standing.name.into()).collect();
        removed.iter().for_each(|name| {
            cast.remove(name);
        });
        if cast.is_empty() {
            self.stubs = None;
        }
        self.open_gates_without_stub();
        if removed.is_empty() {
            return false;
        }
        self.judge.learn_stubs(&Value::Null, &removed);
        self.happen(at, Change::Stubs { added: Arc::new(Value::Array(Vec::new())), removed }, 0);
        true
    }

    /// All stubs with how often they have answered in this scope.
    pub fn stubs(&self) -> Vec<Value> {
        let standings = self.stubs.iter().flat_map(|cast| cast.standings());
        standings
            .map(|standing| {
                let counts = json!({ "id": standing.name, "seen": standing.seen, "answered": standing.answered });
                let mut told = counts;
                if let (Value::Object(told), Value::Object(spec)) = (&mut told, standing.spec) {
                    told.extend(spec.clone());
                }
                told
            })
            .collect()
    }

    /// All stubs as a page may show them, without what is secret in them.
    pub(super) fn shown_stubs(&self) -> Vec<Value> {
        let stubs = self.stubs();
        if stubs.is_empty() {
            return stubs;
        }
        let mut state = json!({ "stubs": stubs });
        self.journal.known.clone().state(&mut state);
        match state["stubs"].take() {
            Value::Array(stubs) => stubs,
            _ => Vec::new(),
        }
    }

    /// Says beside stubs that nobody called which call came closest.
    pub(super) fn with_near_misses(&self, mut found: Vec<Finding>) -> Vec<Finding> {
        let Some(cast) = &self.stubs else { return found };
        for finding in found.iter_mut().filter(|finding| finding.rule == "stub-unmet") {
            let name = finding.evidence.get("stub").and_then(Value::as_str);
            if let Some(near) = name.and_then(|name| cast.nearest(name)) {
                finding.evidence.insert(near_miss::KEY.to_owned(), near.to_value());
            }
        }
        found
    }
}
