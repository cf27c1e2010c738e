//! [`Recording`]: a journal put away. NDJSON text ↔ values, the header line first.
//!
//! Line 1 says what was recorded and from which state; every further line is one [`Interaction`], or an
//! [`Event`] that changed the mock and was no call.
//! Lines end in `\n`, so a recording can be written as things happen and survives a killed process
//! but for the line it was writing. `schemas/recording.json` describes a line.
//!
//! A JSON body stands in its line as it was on the wire, so a reader sees JSON and a playback gives
//! the same bytes back. One that does not fit a line, because it is indented, stands there without
//! the blanks between its tokens, and `body_text` beside it has the exact text. Other text is
//! `{"text":…}`, other bytes are `{"base64":…}`, no body is nothing.
//!
//! What is another in every run is not written: the mock's port is `[port]`, and how long answers took
//! stands there only if it is asked for. So the same story, told with the same seed and a frozen clock,
//! gives the same bytes.
//!
//! Header lines with one name come together where the first of them was; nothing else is moved.

mod body;
mod event;
mod line;
mod message;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::JournalItem;
use super::address;
use super::event::{Change, Event};
use super::import;
use super::interaction::Interaction;
use super::transcript::Transcript;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::Headers;
use crate::json;
use crate::license::License;
use crate::profile::Profile;
use crate::source_place::SourcePlace;
use crate::visibility::Visibility;

/// The version of the format that is written, and the only one that is read.
pub(crate) const VERSION: u64 = 1;

/// What a recording says of itself in its first line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Header {
    /// The version of elastimock that wrote it.
    pub elastimock: String,
    /// The Elasticsearch that was mimicked.
    pub profile: Profile,
    /// The version that `GET /` reported, if it was not that of the profile.
    pub es_version: Option<String>,
    /// The license that the cluster said it had.
    pub license: License,
    /// When searches saw what was written.
    pub visibility: Visibility,
    /// The seed of ids and chance.
    pub seed: u64,
    /// Whether the mock's time went on by itself; else it stood still, but for those who moved it.
    pub is_clock_running: bool,
    /// The mock's time when it started.
    pub started_at: Timestamp,
    /// The rules that may be broken.
    pub allowances: Vec<Allowed>,
    /// The name of the scope that the recording begins with, if it has one.
    pub scope: Option<Arc<str>>,
    /// Where in the tests' source that scope was begun, if that is known.
    pub source: Option<Arc<SourcePlace>>,
    /// What does not count when calls are compared with the recorded ones: JSON pointers into bodies, `*` for any
    /// one step.
    pub ignore: Vec<String>,
    /// The state at the start, in the form of a fixture; null if nobody knows it.
    pub state: Value,
}

/// A rule that may be broken in a recorded run, since before its first call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Allowed {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Whether it may be broken in the first scope only, and not in all of them.
    pub first_scope_only: bool,
}

/// Interactions that were put away, and what they started from.
///
/// ```
/// use elastimock::recording::Recording;
///
/// let text = concat!(
///     r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#, "\n",
///     r#"{"seq":1,"at":"2031-05-01T10:00:00.001Z","request":{"method":"GET","path":"/_connector"},"response":{"status":200}}"#, "\n",
///     r#"{"seq":2,"at":"2031-05-0"#,
/// );
/// let recording = Recording::parse("story.ndjson", text.as_bytes())?;
/// assert_eq!(recording.interactions[0].request.path(), "/_connector");
/// assert!(recording.cut_off);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// The first line.
    pub header: Header,
    /// The calls, by number.
    pub interactions: Vec<Interaction>,
    /// What changed the mock beside them, by number.
    pub events: Vec<Event>,
    /// Whether the last line was incomplete and has been left out, as a killed process leaves it.
    pub cut_off: bool,
    /// What stood in findings and could not be read, because a later version wrote it: where, and what. It is kept in
    /// the evidence of the finding. The first 1000.
    pub unknown: Vec<String>,
}

impl Recording {
    /// Reads a recording. `name` is what messages call it, its path as a rule.
    ///
    /// Lines may be out of order, as several writers leave them; blank lines are passed over.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with the first mistake, as `elastimock lint` tells it. An incomplete last line
    /// without a line end is none.
    pub fn parse(name: &str, text: &[u8]) -> Result<Recording, Error> {
        read::read(name, text, 1).map_err(|mistakes| {
            Error::invalid_input(mistakes.first().map_or_else(String::new, RecordingDiagnostic::to_string))
        })
    }

    /// Reads what another tool has written of calls of Elasticsearch: HAR 1.2, cassettes of vcrpy and Polly, mappings of
    /// WireMock. Calls that are none of Elasticsearch are left out, and what is secret is masked.
    ///
    /// ```
    /// use elastimock::recording::Recording;
    ///
    /// let har = r#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2031-05-01T10:00:00Z","time":1,
    ///     "request":{"method":"GET","url":"http://localhost:9200/_connector","headers":[]},
    ///     "response":{"status":200,"headers":[],"content":{"text":"{}"}}}]}}"#;
    /// let recording = Recording::import("browser.har", har.as_bytes())?;
    /// assert_eq!(recording.interactions[0].operation.as_deref(), Some("connector.list"));
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with line, column and cure if it cannot be read.
    pub fn import(name: &str, text: &[u8]) -> Result<Recording, Error> {
        let imported = import::import(name, text, false);
        imported.map(|imported| imported.recording).map_err(|mistake| Error::invalid_input(mistake.to_string()))
    }

    /// Everything that is wrong with a text as a recording, an incomplete last line included. In the
    /// order of the text, the first 1000. If nothing is, what this version cannot read and can do without.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) fn lint(name: &str, text: &[u8]) -> (Vec<RecordingDiagnostic>, Vec<String>) {
        match read::read(name, text, crate::limits::RECORDING_MISTAKES_MAX) {
            Err(mistakes) => (mistakes, Vec::new()),
            Ok(recording) if recording.cut_off => (vec![read::cut_off(name, text)], recording.unknown),
            Ok(recording) => (Vec::new(), recording.unknown),
        }
    }

    /// The recording in a form made for people and for snapshots.
    pub fn transcript(&self) -> Transcript {
        Transcript::new(self)
    }

    /// The recording as text; [`Recording::parse`] reads it.
    pub fn to_text(&self) -> String {
        let mut text = header_line(&self.header);
        for line in self.lines() {
            match line {
                RecordingLine::Call(interaction) => push_line(&mut text, interaction),
                RecordingLine::Event(event) => text.push_str(&event_line(event)),
            }
        }
        text
    }

    /// Calls and events in their order.
    pub fn lines(&self) -> impl Iterator<Item = RecordingLine<'_>> {
        let mut calls = self.interactions.iter().peekable();
        let mut events = self.events.iter().peekable();
        std::iter::from_fn(move || {
            let is_event = match (calls.peek(), events.peek()) {
                (Some(call), Some(event)) => event.seq < call.seq,
                (None, event) => event.is_some(),
                (Some(_), None) => false,
            };
            if is_event { events.next().map(RecordingLine::Event) } else { calls.next().map(RecordingLine::Call) }
        })
    }

    /// A recording of what a journal held.
    pub(crate) fn of_kept(header: Header, kept: &[JournalItem], timing: bool) -> Recording {
        let mut recording =
            Recording { header, interactions: Vec::new(), events: Vec::new(), cut_off: false, unknown: Vec::new() };
        for kept in kept {
            match kept {
                JournalItem::Call(..) => {
                    recording.interactions.extend(kept.interaction().map(|call| put_away(call, timing)))
                }
                JournalItem::Event(event) => recording.events.push((**event).clone()),
            }
        }
        recording
    }
}

/// A line of a recording behind its header.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum RecordingLine<'r> {
    /// A call and its answer.
    Call(&'r Interaction),
    /// What changed the mock and was no call.
    Event(&'r Event),
}

/// What is wrong in a file, where, and how to mend it. Prints as `FILE:LINE:COLUMN: what; cure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordingDiagnostic {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The byte in the line, from 1.
    pub column: u32,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub cure: String,
}

impl fmt::Display for RecordingDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.what, self.cure)
    }
}

/// The first line of a recording, with its line end.
pub(crate) fn header_line(header: &Header) -> String {
    let mut line = format!("{{\"elastimock_recording\":{VERSION},\"elastimock\":");
    push_json(&mut line, &header.elastimock);
    line.push_str(&format!(",\"profile\":\"{}\"", header.profile));
    if let Some(number) = &header.es_version {
        line.push_str(",\"es_version\":");
        push_json(&mut line, number);
    }
    if header.license != License::default() {
        line.push_str(&format!(",\"license\":\"{}\"", header.license));
    }
    if header.visibility != Visibility::default() {
        line.push_str(&format!(",\"visibility\":\"{}\"", header.visibility));
    }
    if header.is_clock_running {
        line.push_str(",\"clock\":\"running\"");
    }
    line.push_str(&format!(",\"seed\":{},\"started_at\":\"{}\"", header.seed, header.started_at));
    if !header.allowances.is_empty() {
        let given = header.allowances.iter().map(|Allowed { rule, reason, first_scope_only }| {
            let mut given = json!({ "rule": rule, "reason": reason });
            if *first_scope_only {
                given["first_scope_only"] = true.into();
            }
            given
        });
        line.push_str(",\"allowances\":");
        push_json(&mut line, &given.collect::<Vec<_>>());
    }
    if let Some(scope) = &header.scope {
        line.push_str(",\"scope\":");
        push_json(&mut line, &**scope);
    }
    if let Some(source) = &header.source {
        line.push_str(",\"source\":");
        push_json(&mut line, &source.to_string());
    }
    if !header.ignore.is_empty() {
        line.push_str(",\"ignore\":");
        push_json(&mut line, &header.ignore);
    }
    line.push_str(",\"state\":");
    push_json(&mut line, &header.state);
    line.push_str("}\n");
    line
}

/// The line of each call of a recording, by its number; of a number that is there twice, as a reset
/// leaves it, the last. Lines that are none of a recording are passed over.
pub(crate) fn lines(text: &[u8]) -> BTreeMap<u64, u32> {
    read::lines(text)
}

/// The number of a line of a recording; none of its header.
pub(crate) fn number_of(line: &[u8]) -> Option<u64> {
    read::seq(line).ok()?
}

/// The line of an interaction, with its line end.
pub(crate) fn line(interaction: &Interaction) -> String {
    let mut line = String::with_capacity(256 + interaction.request.body().len() + interaction.response.body().len());
    push_line(&mut line, interaction);
    line
}

/// An interaction as a recording keeps it: with the mock's port named, and with its duration only if
/// `timing` says so, since both are others in every run.
pub(crate) fn put_away(interaction: Interaction, timing: bool) -> Interaction {
    let took_us = if timing { interaction.took_us } else { 0 };
    Interaction { took_us, ..address::name_port(interaction) }
}

/// Adds the line of what a journal holds, as a recording keeps it.
pub(crate) fn push_kept(out: &mut String, kept: &JournalItem, timing: bool) {
    match kept {
        JournalItem::Event(event) => out.push_str(&event_line(event)),
        JournalItem::Call(..) => {
            let call = kept.interaction().map(|call| put_away(call, timing));
            call.iter().for_each(|call| push_line(out, call));
        }
    }
}

/// The line of an event, with its line end.
pub(crate) fn event_line(event: &Event) -> String {
    let Event { seq, at, change } = event;
    let mut line = format!("{{\"seq\":{seq},\"at\":\"{at}\",\"event\":\"{}\"", change.name());
    let mut member = |name: &str, value: &dyn Fn(&mut String)| {
        line.push_str(&format!(",\"{name}\":"));
        value(&mut line);
    };
    match change {
        Change::Reset { scope, started_at, state, forget, source } => {
            if let Some(scope) = scope {
                member("scope", &|line| push_json(line, &**scope));
            }
            if let Some(source) = source {
                member("source", &|line| push_json(line, &source.to_string()));
            }
            if started_at != at {
                member("started_at", &|line| push_json(line, &started_at.to_string()));
            }
            if *forget {
                member("forget", &|line| line.push_str("true"));
            }
            if let Some(state) = state {
                member("state", &|line| push_json(line, &**state));
            }
        }
        Change::State { whole, state } => {
            member("change", &|line| push_json(line, if *whole { "put" } else { "added" }));
            member("state", &|line| push_json(line, &**state));
        }
        Change::Clock { frozen } => member("mode", &|line| push_json(line, if *frozen { "frozen" } else { "running" })),
        Change::Allow { rule, reason } => {
            member("rule", &|line| push_json(line, &**rule));
            member("reason", &|line| push_json(line, &**reason));
        }
        Change::Stubs { added, removed } => {
            if added.as_array().is_some_and(|added| !added.is_empty()) {
                member("added", &|line| push_json(line, &**added));
            }
            if !removed.is_empty() {
                member("removed", &|line| push_json(line, &removed.iter().map(|name| &**name).collect::<Vec<_>>()));
            }
        }
        Change::Simulated { side, act, id, refused } => {
            member("side", &|line| push_json(line, &**side));
            member("act", &|line| push_json(line, &**act));
            if let Some(id) = id {
                member("id", &|line| push_json(line, &**id));
            }
            if let Some(refused) = refused {
                member("refused", &|line| push_json(line, &**refused));
            }
        }
        Change::Hand { act, id } => {
            member("act", &|line| push_json(line, &**act));
            if let Some(id) = id {
                member("id", &|line| push_json(line, &**id));
            }
        }
        Change::Forget | Change::End => {}
    }
    line.push_str("}\n");
    line
}

/// An event as the admin API shows it: the content of its line.
pub(crate) fn event_value(event: &Event) -> Value {
    json::read_file(event_line(event).as_bytes()).unwrap_or_else(|_| Value::Object(Map::new()))
}

/// An interaction as the admin API shows it: the content of its line.
///
/// A number that a [`Value`] cannot hold loses digits here, not in the line.
pub(crate) fn to_value(interaction: &Interaction) -> Value {
    // A line that we have written is one that we can read; a test holds us to it.
    json::read_file(line(interaction).as_bytes()).unwrap_or_else(|_| Value::Object(Map::new()))
}

fn push_line(out: &mut String, interaction: &Interaction) {
    let Interaction { seq, at, operation, request, response, findings, took_us, scope } = interaction;
    out.push_str(&format!("{{\"seq\":{seq},\"at\":\"{at}\",\"operation\":"));
    push_json(out, operation);
    out.push_str(",\"request\":{\"method\":");
    push_json(out, request.method().as_str());
    let (path, query) = match request.query() {
        // A question mark without a query stays with the path, for the bytes' sake.
        "" => (request.target(), ""),
        query => (request.path(), query),
    };
    out.push_str(",\"path\":");
    push_json(out, path);
    out.push_str(",\"query\":");
    push_json(out, query);
    push_headers(out, request.headers());
    body::write(out, request.body());
    out.push_str(&format!("}},\"response\":{{\"status\":{}", response.status()));
    push_headers(out, response.headers());
    body::write(out, response.body());
    out.push_str("},\"findings\":");
    push_json(out, findings);
    if let Some(scope) = scope {
        out.push_str(",\"scope\":");
        push_json(out, &**scope);
    }
    if let Some(stub) = interaction.stub() {
        out.push_str(",\"stub\":");
        push_json(out, stub);
    }
    if let Some(fault) = interaction.fault() {
        out.push_str(",\"fault\":");
        push_json(out, &fault.to_value());
    }
    if interaction.is_of_upstream() {
        out.push_str(",\"upstream\":true");
    }
    let left_out = response.left_out();
    if left_out.is_something() {
        out.push_str(&format!(",\"left_out\":{{\"request\":{},\"response\":{}}}", left_out.request, left_out.response));
    }
    if *took_us > 0 {
        out.push_str(&format!(",\"took_us\":{took_us}"));
    }
    out.push_str("}\n");
}

fn push_headers(out: &mut String, headers: &Headers) {
    out.push_str(",\"headers\":{");
    let mut first = true;
    for (at, (name, value)) in headers.iter().enumerate() {
        if headers.iter().take(at).any(|(earlier, _)| earlier == name) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        push_json(out, name);
        out.push(':');
        let values: Vec<&str> = headers.all(name).collect();
        if values.len() == 1 { push_json(out, value) } else { push_json(out, &values) }
    }
    out.push('}');
}

fn push_json<T: Serialize + ?Sized>(out: &mut String, value: &T) {
    out.push_str(&serde_json::to_string(value).expect("texts, lists and values can be written as JSON"));
}
