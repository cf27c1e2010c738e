//! [`Transcript`]: a journal in a form made for snapshots.
//!
//! What changes from run to run is named: ids that the mock made are `[id 1]`, instants are counted
//! from the start as `[t+1ms]`, the port is `[port]`. Calls stand in lanes, one for each job, connector
//! or other thing that they are about, and lanes stand in an order that does not depend on which of two
//! concurrent clients was first. A document that came before in its lane is shown as what has changed in it.

mod compact;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::address;
use super::interaction::Interaction;
use super::recording::Recording;
use crate::clock::Timestamp;
use crate::json;
use crate::steps::step;

/// Lanes of calls, volatile parts named.
///
/// Serializes as a map from lane to its calls, for `insta::assert_yaml_snapshot!` and its kin. A document that
/// came before in its lane shows what has changed since, at any depth, and `…: as before` stands for
/// the rest; members that are there no more are named after it. [`Transcript::whole`] shows everything.
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
    /// Each lane with its calls, all of them whole.
    lanes: Vec<(String, Vec<Value>)>,
    is_whole: bool,
}

impl Transcript {
    /// The transcript of a recording. With a clock that stands still instants after the start are
    /// exact; with a running one they are only said to be later.
    pub(crate) fn new(recording: &Recording) -> Transcript {
        let header = &recording.header;
        let names = Names { started_at: header.started_at, exact: !header.is_clock_running, ids: Vec::new() };
        let calls: Vec<Interaction> = recording.interactions.iter().cloned().map(address::name_port).collect();
        let mut lanes: BTreeMap<String, Vec<&Interaction>> = BTreeMap::new();
        for interaction in &calls {
            lanes.entry(lane(interaction)).or_default().push(interaction);
        }
        let made = made_ids(&calls);
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
        let lanes = ordered.iter().map(|(_, _, lane, calls)| (names.text(lane), names.calls(calls))).collect();
        Transcript { lanes, is_whole: false }
    }

    /// The same with every document as it was said, however often it came before.
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
        Value::Object(self.lanes.iter().map(|(lane, calls)| (lane.clone(), shown(calls).into())).collect())
    }
}

impl Serialize for Transcript {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// What a call is about.
pub fn lane(interaction: &Interaction) -> String {
    step();
    let path = interaction.request.path().trim_end_matches('/');
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next(), segments.next()) {
        (Some("_connector"), Some("_sync_job"), Some(id)) => format!("sync job {id}"),
        (Some("_connector"), Some("_sync_job"), None) => match id(interaction.request.body()) {
            Some(connector) => format!("connector {connector}"),
            None => "sync jobs".to_owned(),
        },
        (Some("_connector"), Some(id), _) => format!("connector {id}"),
        (Some("_connector"), None, _) => "connectors".to_owned(),
        _ => "cluster".to_owned(),
    }
}

/// The ids that answers to creating calls gave out, in journal order.
fn made_ids(calls: &[Interaction]) -> Vec<String> {
    let mut ids = Vec::new();
    for interaction in calls.iter().filter(|interaction| interaction.response.status() == 201) {
        if let Some(id) = id(interaction.response.body())
            && !interaction.request.path().ends_with(&id)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}

/// The id that a body gives, read as Elasticsearch reads it: with comments, whatever follows.
fn id(body: &[u8]) -> Option<String> {
    Some(json::read(body).ok()??.get("id")?.as_str()?.to_owned())
}

/// The names that stand for what is volatile.
struct Names {
    started_at: Timestamp,
    exact: bool,
    ids: Vec<String>,
}

impl Names {
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
        let rules: Vec<Value> = call.findings.iter().filter_map(|finding| finding.get("rule").cloned()).collect();
        if !rules.is_empty() {
            shown.insert("findings".to_owned(), Value::Array(rules));
        }
        Value::Object(shown)
    }

    fn body(&self, bytes: &[u8]) -> Value {
        let mut values = json::read_all(bytes).unwrap_or_default().into_iter();
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
