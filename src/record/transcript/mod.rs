//! [`Transcript`]: a journal in a form made for snapshots.
//!
//! What changes from run to run is named: ids that the mock made are `[id 1]`, instants are counted
//! from the start as `[t+1ms]`, the port is `[port]`. Calls stand in lanes, one for each job, connector
//! or other thing that they are about, and lanes stand in an order that does not depend on which of two
//! concurrent clients was first. A document that came before in its lane is shown as what has changed in it.

mod compact;

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::address;
use super::event::{Change, Event};
use super::interaction::Interaction;
use super::recording::{Header, Recording, RecordingLine};
use crate::clock::Timestamp;
use crate::es::store::{CONNECTORS, SYNC_JOBS};
use crate::es::subject::PathSubject;
use crate::http::{Request, values_of};
use crate::steps::step;

/// The lane of what happened to the mock and was no call: a moved clock, a state, an allowance.
const EVENTS: &str = "events";

/// Lanes of calls, volatile parts named.
///
/// Serializes as a map from lane to its calls, for `insta::assert_yaml_snapshot!` and its kin. A document that
/// came before in its lane shows what has changed since, at any depth, and `…: as before` stands for
/// the rest; members that are there no more are named after it. [`Transcript::whole`] shows everything.
///
/// What happened to the mock beside the calls is the lane `events`. A run of several scopes is a map from
/// scope to its lanes.
///
/// ```yaml
/// sync job job-1:
///   - call: GET /_connector/_sync_job/job-1
///     status: 200
///     answer:
///       id: job-1
///       status: in_progress
///       worker_hostname: w-1
///       …: as before
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    scopes: Vec<(String, Lanes)>,
    is_whole: bool,
}

/// Each lane with its calls, all of them whole.
type Lanes = Vec<(String, Vec<Value>)>;

impl Transcript {
    /// The transcript of a recording. With a clock that stands still instants are exact; with a running one
    /// they are only said to be later than the start, or earlier.
    pub(crate) fn new(recording: &Recording) -> Transcript {
        let header = &recording.header;
        let mut parts: Vec<ScopePart<'_>> = Vec::new();
        let mut part = ScopePart::new(header.scope.as_deref(), header.started_at);
        for line in recording.lines() {
            match line {
                RecordingLine::Call(call) => part.calls.push(address::name_port(call.clone())),
                RecordingLine::Event(event) => {
                    if let Change::Reset { scope, started_at, .. } = &event.change {
                        parts.push(std::mem::replace(&mut part, ScopePart::new(scope.as_deref(), *started_at)));
                    }
                    part.events.push(event);
                }
            }
        }
        parts.push(part);
        let mut scopes: Vec<(String, Lanes)> = Vec::new();
        for (part, number) in parts.iter().zip(1..) {
            let name = part.name.map_or_else(|| format!("scope {number}"), str::to_owned);
            // Tests that share a server begin with a scope each: what was before the first is empty.
            if part.name.is_none() && part.calls.is_empty() && part.events.is_empty() && parts.len() > 1 {
                continue;
            }
            // Two scopes of one name are told apart, and never taken for one of another name.
            let names = (2..).map(|again| format!("{name} ({again})"));
            let is_free = |name: &String| {
                let is_ahead = parts.iter().any(|part| part.name == Some(name));
                !is_ahead && scopes.iter().all(|(known, _)| known != name)
            };
            let is_known = scopes.iter().any(|(known, _)| *known == name);
            let name = if is_known { names.into_iter().find(is_free).unwrap_or(name) } else { name };
            scopes.push((name, part.lanes(header)));
        }
        Transcript { scopes, is_whole: false }
    }

    /// The transcript with every document as it was said, however often it came before.
    ///
    /// ```
    /// let server = elastimock::MockServer::start_blocking()?;
    /// // … let the client under test work …
    /// assert_eq!(server.transcript().whole(), server.recording().transcript().whole());
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    #[must_use]
    pub fn whole(self) -> Transcript {
        Transcript { is_whole: true, ..self }
    }

    /// The transcript as JSON.
    pub fn to_value(&self) -> Value {
        let shown = |calls: &[Value]| if self.is_whole { calls.to_vec() } else { compact::compact(calls) };
        let of_scope = |lanes: &Lanes| -> Value {
            Value::Object(lanes.iter().map(|(lane, calls)| (lane.clone(), shown(calls).into())).collect())
        };
        match self.scopes.as_slice() {
            [(_, lanes)] => of_scope(lanes),
            scopes => Value::Object(scopes.iter().map(|(name, lanes)| (name.clone(), of_scope(lanes))).collect()),
        }
    }
}

/// A scope of a recording.
struct ScopePart<'r> {
    name: Option<&'r str>,
    started_at: Timestamp,
    calls: Vec<Interaction>,
    events: Vec<&'r Event>,
}

impl<'r> ScopePart<'r> {
    fn new(name: Option<&'r str>, started_at: Timestamp) -> ScopePart<'r> {
        ScopePart { name, started_at, calls: Vec::new(), events: Vec::new() }
    }

    fn lanes(&self, header: &Header) -> Lanes {
        let runs = |event: &&Event| matches!(event.change, Change::Clock { frozen: false });
        let exact = !header.is_clock_running && !self.events.iter().any(runs);
        let names = StandInNames { started_at: self.started_at, exact, ids: Vec::new() };
        let mut lanes: BTreeMap<String, Vec<&Interaction>> = BTreeMap::new();
        for interaction in &self.calls {
            lanes.entry(lane(interaction)).or_default().push(interaction);
        }
        let made = made_ids(&self.calls);
        // Lanes of ids that the mock made are ordered by what happens in them, and named in that order.
        let mut ordered: Vec<(bool, String, String, Vec<&Interaction>)> = lanes
            .into_iter()
            .map(|(lane, calls)| {
                let is_made = made.iter().any(|id| lane.ends_with(id.as_str()));
                let content = if is_made { names.blind(&made).calls(&calls) } else { String::new() };
                (is_made, content, lane, calls)
            })
            .collect();
        ordered.sort_by(|one, other| (one.0, &one.1, &one.2).cmp(&(other.0, &other.1, &other.2)));
        let mut ids: Vec<String> = Vec::new();
        for (_, _, lane, _) in &ordered {
            ids.extend(made.iter().find(|id| lane.ends_with(id.as_str())).cloned());
        }
        ids.extend(made.iter().filter(|id| !ids.contains(id)).cloned().collect::<Vec<_>>());
        let names = StandInNames { ids, ..names };
        let events: Vec<Value> = self.events.iter().filter_map(|event| names.event(event, &header.state)).collect();
        let of_events = (!events.is_empty()).then(|| (EVENTS.to_owned(), events));
        let of_calls = ordered.iter().map(|(_, _, lane, calls)| (names.text(lane), names.calls(calls)));
        of_events.into_iter().chain(of_calls).collect()
    }
}

impl Serialize for Transcript {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// What a call is about: a sync job, a connector, all of them, an index, or the cluster. Both doors to a job
/// come out alike, its API and its document.
pub(crate) fn lane(interaction: &Interaction) -> String {
    lane_of(&interaction.request)
}

/// What a request is about, as [`lane`] says it: by its path alone, since calls of a recording, and those that reached no
/// row, have nothing else that says so.
pub(super) fn lane_of(request: &Request) -> String {
    step();
    match PathSubject::of(request.path()) {
        PathSubject::SyncJob(id) => format!("sync job {id}"),
        PathSubject::SyncJobs => {
            id(request.body_json()).map_or_else(|| "sync jobs".to_owned(), |connector| format!("connector {connector}"))
        }
        PathSubject::Connector(id) => format!("connector {id}"),
        PathSubject::Connectors => "connectors".to_owned(),
        PathSubject::Bulk => match request.body_json() {
            Some(Value::Object(action)) => {
                let index = action.values().next().and_then(|of| of.get("_index")?.as_str());
                index.map_or_else(|| "cluster".to_owned(), |index| lane_of_index(index, None))
            }
            _ => "cluster".to_owned(),
        },
        PathSubject::Document { index, id } => lane_of_index(&index, id.as_deref()),
        PathSubject::Index(index) => lane_of_index(&index, None),
        PathSubject::Cluster => "cluster".to_owned(),
    }
}

fn lane_of_index(index: &str, id: Option<&str>) -> String {
    match (index, id) {
        (".elastic-connectors" | CONNECTORS, Some(id)) => format!("connector {id}"),
        (".elastic-connectors" | CONNECTORS, None) => "connectors".to_owned(),
        (".elastic-connectors-sync-jobs" | SYNC_JOBS, Some(id)) => format!("sync job {id}"),
        (".elastic-connectors-sync-jobs" | SYNC_JOBS, None) => "sync jobs".to_owned(),
        _ => format!("index {index}"),
    }
}

/// The ids that answers to creating calls gave out, in journal order.
pub(super) fn made_ids(calls: &[Interaction]) -> Vec<String> {
    let mut ids = Vec::new();
    for interaction in calls.iter().filter(|interaction| interaction.response.status() == 201) {
        if let Some(id) = id(interaction.response.body_json())
            && !interaction.request.path().ends_with(&id)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}

/// The id that a body gives.
fn id(body: Option<Value>) -> Option<String> {
    let body = body?;
    Some(body.get("id").or_else(|| body.get("_id"))?.as_str()?.to_owned())
}

/// The names that stand for what is volatile.
struct StandInNames {
    started_at: Timestamp,
    exact: bool,
    ids: Vec<String>,
}

impl StandInNames {
    /// Names that tell no made id from another.
    fn blind(&self, made: &[String]) -> Blind<'_> {
        Blind { names: self, made: made.to_vec() }
    }

    fn calls(&self, calls: &[&Interaction]) -> Vec<Value> {
        calls.iter().map(|call| self.call(call)).collect()
    }

    fn call(&self, call: &Interaction) -> Value {
        let mut shown = Map::new();
        shown.insert(
            "call".to_owned(),
            Value::String(format!("{} {}", call.request.method(), self.text(call.request.target()))),
        );
        if !call.request.body().is_empty() {
            shown.insert("body".to_owned(), self.body(call.request.body()));
        }
        shown.insert("status".to_owned(), call.response.status().into());
        if !call.response.body().is_empty() {
            shown.insert("answer".to_owned(), self.body(call.response.body()));
        }
        if let Some(stub) = call.stub() {
            shown.insert("stubbed".to_owned(), stub.into());
        }
        if call.is_of_upstream() {
            shown.insert("upstream".to_owned(), true.into());
        }
        if let Some(fault) = call.fault() {
            shown.insert("fault".to_owned(), fault.to_value());
        }
        let rules: Vec<Value> = call.findings.iter().map(|finding| Value::from(&*finding.rule)).collect();
        if !rules.is_empty() {
            shown.insert("findings".to_owned(), Value::Array(rules));
        }
        Value::Object(shown)
    }

    /// An event in a run that began with the state `at_start`; none if it says nothing new.
    fn event(&self, event: &Event, at_start: &Value) -> Option<Value> {
        let (what, more): (String, Option<(&str, Value)>) = match &event.change {
            Change::Reset { state, forget, .. } => {
                let what = if *forget { "reset and forget" } else { "reset" };
                let state = state.as_ref().filter(|state| ***state != *at_start);
                // That a scope begins is said by its name.
                if state.is_none() && !forget {
                    return None;
                }
                (what.to_owned(), state.map(|state| ("state", (**state).clone())))
            }
            Change::State { whole, state } => {
                let how = if *whole { "put" } else { "added" };
                (format!("state {how}"), Some(("state", (**state).clone())))
            }
            Change::Clock { frozen: true } => (format!("clock {}", self.instant(event.at)), None),
            Change::Clock { frozen: false } => (format!("clock {} and running", self.instant(event.at)), None),
            Change::Allow { rule, reason } => (format!("allow {rule}"), Some(("reason", Value::from(&**reason)))),
            Change::Stubs { added, removed } if removed.is_empty() => {
                ("stubs added".to_owned(), Some(("stubs", (**added).clone())))
            }
            Change::Stubs { removed, .. } => {
                ("stubs removed".to_owned(), Some(("stubs", removed.iter().map(|name| Value::from(&**name)).collect())))
            }
            Change::Hand { act, .. } => ("hand".to_owned(), Some(("act", (**act).clone()))),
            Change::Simulated { side, act, refused: None, .. } => {
                (format!("simulated {side}"), Some(("act", (**act).clone())))
            }
            Change::Simulated { side, refused: Some(why), .. } => {
                (format!("simulated {side}"), Some(("refused", Value::from(&**why))))
            }
            Change::Forget => ("forget".to_owned(), None),
            // When the run ended is no change, and depends on when it was asked for.
            Change::End => return None,
        };
        let more = more.map(|(name, value)| (name.to_owned(), self.value(value)));
        Some(Value::Object(std::iter::once(("event".to_owned(), Value::String(what))).chain(more).collect()))
    }

    fn body(&self, bytes: &Bytes) -> Value {
        let mut values = values_of(bytes).into_iter();
        match (values.next(), values.len()) {
            (Some(value), 0) => self.value(value),
            (Some(value), _) => std::iter::once(value).chain(values).map(|value| self.value(value)).collect(),
            (None, _) => Value::String(self.text(&String::from_utf8_lossy(bytes))),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(match text.parse::<Timestamp>() {
                Ok(at) => self.instant(at),
                Err(_) => self.text(&text),
            }),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                let named = |(name, value): (String, Value)| match (&*name, value) {
                    ("sort", Value::Array(keys)) => (name, keys.into_iter().map(|key| self.sort_key(key)).collect()),
                    (_, value) => (self.text(&name), self.value(value)),
                };
                members.into_iter().map(named).collect()
            }
            other => other,
        }
    }

    /// A hit's place in its order; an instant is milliseconds there.
    fn sort_key(&self, key: Value) -> Value {
        const MILLIS: Range<i64> = 1_000_000_000_000..10_000_000_000_000;
        match key.as_i64().filter(|millis| MILLIS.contains(millis)) {
            Some(millis) => Value::String(self.instant(Timestamp::from_millis(millis))),
            None => self.value(key),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (at, id) in self.ids.iter().enumerate() {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &format!("[id {}]", at + 1));
            }
        }
        text
    }

    fn instant(&self, at: Timestamp) -> String {
        let before = self.started_at.as_nanos() - at.as_nanos();
        if before == 0 {
            "[t]".to_owned()
        } else if before > 0 && (self.exact || before % 1_000_000_000 == 0) {
            // While time runs, only what was counted from the start in seconds is so far from it every time.
            format!("[t-{}]", length(before))
        } else if before > 0 {
            "[t-…]".to_owned()
        } else if self.exact {
            format!("[t+{}]", length(at.as_nanos() - self.started_at.as_nanos()))
        } else {
            "[t+…]".to_owned()
        }
    }
}

/// [`StandInNames`] for putting lanes in order before their ids have names.
struct Blind<'n> {
    names: &'n StandInNames,
    made: Vec<String>,
}

impl Blind<'_> {
    fn calls(&self, calls: &[&Interaction]) -> String {
        let mut text = Value::Array(self.names.calls(calls)).to_string();
        for id in &self.made {
            text = text.replace(id.as_str(), "[id]");
        }
        text
    }
}

/// A length of time in the largest unit that it fills without a rest.
fn length(nanos: i128) -> String {
    const UNITS: [(i128, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "µs"),
    ];
    match UNITS.iter().find(|(unit, _)| nanos % unit == 0) {
        Some((unit, name)) => format!("{}{name}", nanos / unit),
        None => format!("{nanos}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Method, Request, Response};

    fn posted(body: &str) -> Interaction {
        let request = Request::new(Method::Post, "/_connector/_sync_job").with_body(body.to_owned());
        Interaction {
            seq: 1,
            at: Timestamp::default(),
            operation: None,
            request,
            response: Response::new(201),
            findings: Vec::new(),
            took_us: 0,
            scope: None,
        }
    }

    #[test]
    fn both_doors_to_a_thing_are_one_lane() {
        for (target, body, expected) in [
            ("/_connector/_sync_job/j/_claim", "", "sync job j"),
            ("/.elastic-connectors-sync-jobs/_doc/j", "", "sync job j"),
            ("/.elastic-connectors-sync-jobs-v1/_update/j?refresh=true", "", "sync job j"),
            ("/.elastic-connectors-sync-jobs/_search", "", "sync jobs"),
            ("/_connector/_sync_job", "", "sync jobs"),
            ("/_connector/crm/_scheduling", "", "connector crm"),
            ("/.elastic-connectors/_doc/crm", "", "connector crm"),
            ("/.elastic-connectors-v1/_count", "", "connectors"),
            ("/_connector/", "", "connectors"),
            ("/search-crm", "", "index search-crm"),
            ("/search-crm/_doc/1", "", "index search-crm"),
            ("/_bulk", "{\"index\":{\"_index\":\"search-crm\"}}\n{}\n", "index search-crm"),
            ("/_bulk", "{\"update\":{\"_index\":\".elastic-connectors-v1\",\"_id\":\"x\"}}\n", "connectors"),
            ("/_bulk", "{}", "cluster"),
            ("/_bulk", "", "cluster"),
            ("/_search/scroll", "", "cluster"),
            ("/", "", "cluster"),
        ] {
            let call = Interaction { request: Request::new(Method::Get, target).with_body(body), ..posted("") };
            assert_eq!(lane(&call), expected, "{target} {body}");
        }
    }

    #[test]
    fn instants_are_exact_as_far_as_they_are_the_same_in_every_run() {
        let start: Timestamp = "2031-05-01T10:00:00.123456789Z".parse().expect("an instant");
        let named = |text: &str, exact: bool| {
            let names = StandInNames { started_at: start, exact, ids: Vec::new() };
            names.value(Value::String(text.to_owned()))
        };
        for (instant, frozen, running) in [
            ("2031-05-01T10:00:00.123456789Z", "[t]", "[t]"),
            ("2031-05-01T10:00:01.623456789Z", "[t+1500ms]", "[t+…]"),
            ("2031-05-01T09:55:00.123456789Z", "[t-5m]", "[t-5m]"),
            ("2031-05-01T09:55:00.000456789Z", "[t-300123ms]", "[t-…]"),
            ("no instant", "no instant", "no instant"),
        ] {
            assert_eq!((named(instant, true), named(instant, false)), (frozen.into(), running.into()), "{instant}");
        }
        let names =
            StandInNames { started_at: Timestamp::from_millis(1_900_000_000_000), exact: true, ids: Vec::new() };
        let keys = names.value(serde_json::json!({ "sort": [1_900_000_001_000_i64, 7, "x"] }));
        assert_eq!(keys, serde_json::json!({ "sort": ["[t+1s]", 7, "x"] }));
    }

    #[test]
    fn a_body_is_about_what_elasticsearch_reads_in_it() {
        for (body, expected) in [
            (r#"{"id":"crm"}"#, "connector crm"),
            ("/* whose */ {\"id\": // this\n\"crm\"}", "connector crm"),
            (r#"{"id":"crm"} {"id":"other"}"#, "connector crm"),
            (r#"{"id":"crm","id":"other"}"#, "sync jobs"),
            (r#"{"id":7}"#, "sync jobs"),
            ("", "sync jobs"),
        ] {
            assert_eq!(lane(&posted(body)), expected, "{body}");
        }
    }
}
