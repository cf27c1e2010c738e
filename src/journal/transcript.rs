//! [`Transcript`]: a journal in a form made for snapshots.
//!
//! What changes from run to run is named: ids that the mock made are `[id 1]`, instants are counted
//! from the start as `[t+1ms]`, the port is `[port]`. Calls stand in lanes, one for each job, connector
//! or other thing that they are about, and lanes stand in an order that does not depend on which of two
//! concurrent clients was first.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::interaction::Interaction;
use super::recording::Recording;
use crate::clock::Timestamp;
use crate::steps::step;

/// Lanes of calls, volatile parts named.
///
/// Serializes as a map from lane to its calls, for `insta::assert_yaml_snapshot!` and its kin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Transcript(Map<String, Value>);

impl Transcript {
    /// The transcript of a recording. With a clock that stands still instants after the start are
    /// exact; with a running one they are only said to be later.
    pub(crate) fn new(recording: &Recording, exact: bool, port: u16) -> Transcript {
        let names = Names { started_at: recording.header.started_at, exact, port: port.to_string(), ids: Vec::new() };
        let mut lanes: BTreeMap<String, Vec<&Interaction>> = BTreeMap::new();
        for interaction in &recording.interactions {
            lanes.entry(lane(interaction)).or_default().push(interaction);
        }
        let made = made_ids(recording);
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
        let names = Names { ids, ..names };
        Transcript(ordered.iter().map(|(_, _, lane, calls)| (names.text(lane), names.calls(calls))).collect())
    }

    /// The transcript as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// What a call is about.
pub fn lane(interaction: &Interaction) -> String {
    step();
    let path = interaction.request.path().trim_end_matches('/');
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next(), segments.next()) {
        (Some("_connector"), Some("_sync_job"), Some(id)) => format!("sync job {id}"),
        (Some("_connector"), Some("_sync_job"), None) => {
            let body: Option<Value> = serde_json::from_slice(interaction.request.body()).ok();
            match body.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str) {
                Some(connector) => format!("connector {connector}"),
                None => "sync jobs".to_owned(),
            }
        }
        (Some("_connector"), Some(id), _) => format!("connector {id}"),
        (Some("_connector"), None, _) => "connectors".to_owned(),
        _ => "cluster".to_owned(),
    }
}

/// The ids that answers to creating calls gave out, in journal order.
fn made_ids(recording: &Recording) -> Vec<String> {
    let mut ids = Vec::new();
    for interaction in recording.interactions.iter().filter(|interaction| interaction.response.status() == 201) {
        let body: Option<Value> = serde_json::from_slice(interaction.response.body()).ok();
        if let Some(id) = body.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str)
            && !interaction.request.path().ends_with(id)
            && !ids.iter().any(|known| known == id)
        {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// The names that stand for what is volatile.
struct Names {
    started_at: Timestamp,
    exact: bool,
    port: String,
    ids: Vec<String>,
}

impl Names {
    /// Names that tell no made id from another.
    fn blind(&self, made: &[String]) -> Blind<'_> {
        Blind { names: self, made: made.to_vec() }
    }

    fn calls(&self, calls: &[&Interaction]) -> Value {
        Value::Array(calls.iter().map(|call| self.call(call)).collect())
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
        let rules: Vec<Value> = call.findings.iter().filter_map(|finding| finding.get("rule").cloned()).collect();
        if !rules.is_empty() {
            shown.insert("findings".to_owned(), Value::Array(rules));
        }
        Value::Object(shown)
    }

    fn body(&self, bytes: &[u8]) -> Value {
        match serde_json::from_slice(bytes) {
            Ok(value) => self.value(value),
            Err(_) => Value::String(self.text(&String::from_utf8_lossy(bytes))),
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
                members.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            other => other,
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (at, id) in self.ids.iter().enumerate() {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &format!("[id {}]", at + 1));
            }
        }
        for host in ["127.0.0.1:", "localhost:"] {
            text = text.replace(&format!("{host}{}", self.port), &format!("{host}[port]"));
        }
        text
    }

    fn instant(&self, at: Timestamp) -> String {
        if at == self.started_at {
            "[t]".to_owned()
        } else if at < self.started_at {
            format!("[t-{}]", length(self.started_at.as_nanos() - at.as_nanos()))
        } else if self.exact {
            format!("[t+{}]", length(at.as_nanos() - self.started_at.as_nanos()))
        } else {
            "[t+…]".to_owned()
        }
    }
}

/// [`Names`] for putting lanes in order before their ids have names.
struct Blind<'n> {
    names: &'n Names,
    made: Vec<String>,
}

impl Blind<'_> {
    fn calls(&self, calls: &[&Interaction]) -> String {
        let mut text = self.names.calls(calls).to_string();
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
