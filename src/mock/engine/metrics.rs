//! [`Metrics`]: the run in numbers, as Prometheus reads them.
//!
//! Counters never fall while a run goes on, unless findings are forgotten or allowed. Labels are names that the mock
//! or its user has chosen, never a client's: operations, statuses, rules, stubs; beyond a bound the rest is `other`.
//!
//! Source: Prometheus' text-based exposition format, version 0.0.4.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use super::Engine;
use crate::clock::Timestamp;
use crate::contract::Counts;
use crate::limits::METRICS_SERIES_MAX;
use crate::record::{JournalItem, RunSpan};

/// The type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What stands for labels that are too many.
const OTHER: &str = "other";

/// Connections of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connections {
    /// Those that are open.
    pub(crate) open: u64,
    /// All that there were.
    pub(crate) accepted: u64,
}

/// The run in numbers, taken from the engine and not written out yet.
#[derive(Debug)]
pub(crate) struct Metrics {
    info: [(&'static str, String); 3],
    kept: Vec<JournalItem>,
    forgotten: BTreeMap<(Option<&'static str>, u16), u64>,
    findings: BTreeMap<Cow<'static, str>, Counts>,
    findings_forgotten: u64,
    stubs: Vec<(String, u64)>,
    /// Numbers of which there is one each: name, type, help, value.
    single: Vec<(&'static str, &'static str, &'static str, String)>,
}

impl Engine {
    /// Says how many connections there are.
    pub(crate) fn set_connections(&mut self, connections: Connections) {
        self.connections = connections;
    }

    /// The run in numbers.
    pub(crate) fn metrics(&mut self, system: Timestamp) -> Metrics {
        let now = self.now(system);
        let (entries, bytes) = self.journal.held();
        let scope = self.judge.scope(0, Vec::new());
        let forgotten = self.judge.ended_scopes().map(|scope| scope.forgotten.total()).sum::<u64>();
        let stubs = self.stubs.iter().flat_map(|cast| cast.standings());
        let Connections { open, accepted } = self.connections;
        let number = |number: u64| number.to_string();
        Metrics {
            info: [
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
                ("profile", self.setup.profile.name().to_owned()),
                ("elasticsearch", self.setup.release.number.to_owned()),
            ],
            kept: self.journal.kept(RunSpan::Run),
            forgotten: self.journal.forgotten().clone(),
            findings: self.judge.counts_of_run(),
            findings_forgotten: forgotten + scope.forgotten.total(),
            stubs: stubs.map(|standing| (standing.name.to_owned(), standing.answered)).collect(),
            single: vec![
                (
                    "scopes_total",
                    "counter",
                    "Scopes that the run has had, the current one included.",
                    number(scope.number),
                ),
                ("scope_calls", "gauge", "Calls of the current scope.", number(self.journal.calls(RunSpan::Scope))),
                ("journal_entries", "gauge", "Calls and events that the journal holds.", number(entries as u64)),
                ("journal_bytes", "gauge", "Bytes that the journal holds.", number(bytes as u64)),
                (
                    "journal_evicted_total",
                    "counter",
                    "Calls that the journal has forgotten.",
                    number(self.journal.evicted(RunSpan::Run)),
                ),
                ("connections", "gauge", "Connections that are open.", number(open)),
                ("connections_total", "counter", "Connections that there were.", number(accepted)),
                ("held_calls", "gauge", "Calls that are held at gates.", number(self.held(None).len() as u64)),
                (
                    "troubles",
                    "gauge",
                    "What the server is bothered by, as its health tells.",
                    number(self.troubles.len() as u64),
                ),
                ("clock_seconds", "gauge", "Mock time, in seconds since 1970.", seconds(now)),
            ],
        }
    }
}

impl Metrics {
    /// The numbers as Prometheus reads them.
    pub(crate) fn write(self) -> String {
        let mut text = Exposition::default();
        text.family("info", "gauge", "What is mimicked, and by which version.");
        let info: Vec<(&str, &str)> = self.info.iter().map(|(name, value)| (*name, &**value)).collect();
        text.sample(&info, 1);

        let mut calls: BTreeMap<(&str, String), u64> = BTreeMap::new();
        let kept = self.kept.iter().filter_map(JournalItem::kind).map(|kind| (kind, 1));
        for ((operation, status), count) in self.forgotten.into_iter().chain(kept) {
            let key = (operation.unwrap_or("none"), status.to_string());
            let is_full = calls.len() >= METRICS_SERIES_MAX && !calls.contains_key(&key);
            let key = if is_full { (OTHER, OTHER.to_owned()) } else { key };
            *calls.entry(key).or_default() += count;
        }
        text.family("calls_total", "counter", "Calls that were answered, by operation and status.");
        for ((operation, status), count) in &calls {
            text.sample(&[("operation", operation), ("status", status)], count);
        }

        text.family(
            "findings_total",
            "counter",
            "What clients did wrong, by rule and severity; what is allowed is none.",
        );
        for (rule, Counts { error, warning }) in &self.findings {
            for (severity, count) in [("error", error), ("warning", warning)] {
                if *count > 0 {
                    text.sample(&[("rule", rule), ("severity", severity)], count);
                }
            }
        }
        text.family("findings_forgotten_total", "counter", "Findings that were forgotten on request.");
        text.sample(&[], self.findings_forgotten);

        text.family("stub_answers", "gauge", "Calls of the current scope that a stub has answered.");
        let (named, others) = self.stubs.split_at(self.stubs.len().min(METRICS_SERIES_MAX));
        for (name, answered) in named {
            text.sample(&[("stub", name)], answered);
        }
        if !others.is_empty() {
            text.sample(&[("stub", OTHER)], others.iter().map(|(_, answered)| answered).sum::<u64>());
        }
        for (name, kind, help, value) in &self.single {
            text.family(name, kind, help);
            text.sample(&[], value);
        }
        text.text
    }
}

/// Seconds with their fraction.
fn seconds(at: Timestamp) -> String {
    let nanos = at.as_nanos();
    format!("{}.{:09}", nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000))
}

/// A text in the format, and the family whose samples are written.
#[derive(Default)]
struct Exposition {
    text: String,
    family: String,
}

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.family = format!("elastimock_{name}");
        let family = &self.family;
        let _ = writeln!(self.text, "# HELP {family} {help}\n# TYPE {family} {kind}");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(&self.family);
        for (at, (name, label)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{name}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(label));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

/// A label's value. What the format has no escape for, and a reader may take for the end of a line, is shown as one.
fn escaped(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    for c in label.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&c.escape_default().to_string().replace('\\', "\\\\"));
            }
            c => out.push(c),
        }
    }
    out
}
