//! The run as the page's script reads it: calls with what each changed, findings, deadlines, coverage, rules.
//!
//! A body that is very long is cut, and of very many calls the last are told: `cut` and `left_out` say so.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::replay::{DocumentChange, SHELVES, StateReplay};
use crate::contract::coverage::Coverage;
use crate::contract::report::Report;
use crate::contract::report::backdrop::Backdrop;
use crate::contract::rules::{RULES, Rule};
use crate::finding::Finding;
use crate::limits::{PAGE_BODY_BYTES_MAX, PAGE_CALLS_MAX, PAGE_STATE_BYTES_MAX};
use crate::profile::Profile;
use crate::record::event::Event;
use crate::record::interaction::Interaction;
use crate::record::recording::event_value;
use crate::record::transcript::lane;

/// A line of the run.
enum PageLine<'r> {
    Call(&'r Interaction),
    Event(&'r Event),
}

/// What there is to show of a run, of calls and events only those after number `after`.
pub(super) fn of(report: &Report, after: u64) -> Value {
    let nothing = Backdrop::default();
    let backdrop = report.backdrop.as_ref().unwrap_or(&nothing);
    let first = backdrop.beginnings.first();
    let profile = first.map_or_else(Profile::default, |first| first.profile);
    let left_out = report.story.len().saturating_sub(PAGE_CALLS_MAX);
    let from = report.story.get(left_out).map_or(0, |call| call.seq).max(after + 1);
    let mut told = PageLines::new(from);
    // Whoever has the lines up to there has the state too.
    told.has_begun = after > 0;
    let mut ahead = backdrop.beginnings.iter().peekable();
    let mut replay: Option<StateReplay> = None;
    for (seq, line) in lines(report, backdrop) {
        while let Some(beginning) = ahead.next_if(|it| replay.is_none() || it.first_seq <= seq) {
            let is_first = replay.is_none();
            replay = Some(StateReplay::new(beginning, backdrop.evicted == 0 || !is_first));
        }
        told.line(seq, &line, replay.as_mut());
    }
    if replay.is_none() {
        replay = first.map(|first| StateReplay::new(first, backdrop.evicted == 0));
    }
    told.begin(replay.as_ref());
    let findings: Vec<Value> = report.findings.iter().map(|finding| of_finding(report, finding)).collect();
    let scopes = report.scopes.iter().map(|scope| {
        json!({
            "number": scope.number,
            "label": scope.label(),
            "first": scope.first_seq,
            "calls": scope.calls,
            "errors": scope.counts.error,
            "warnings": scope.counts.warning,
        })
    });
    let due = backdrop.due.iter().map(|due| {
        json!({ "at": due.at.to_string(), "what": due.what(), "kind": due.subject.kind(), "id": due.subject.id() })
    });
    let calls = report.story.iter().cloned().zip(backdrop.standings.iter().copied());
    let coverage = Coverage::of_calls(profile, calls).with_evicted(backdrop.evicted).to_value();
    let rules = RULES.iter().filter(|rule| report.findings.iter().any(|finding| finding.rule == rule.id));
    json!({
        "elastimock": env!("CARGO_PKG_VERSION"),
        "profile": profile.name(),
        "elasticsearch": first.map(|first| &first.release),
        "seed": first.map(|first| first.seed.to_string()),
        "started_at": first.map(|first| first.at.to_string()),
        "now": backdrop.now.to_string(),
        "clock": if backdrop.is_clock_running { "running" } else { "frozen" },
        "summary": report.summary(),
        "failed": report.is_failure(),
        "errors": report.counts.error,
        "warnings": report.counts.warning,
        "forgotten": report.forgotten.total(),
        "total": report.calls,
        "evicted": backdrop.evicted,
        "left_out": left_out,
        "after": after,
        "scopes": scopes.collect::<Vec<_>>(),
        "state": told.state,
        "state_until": told.state_until,
        "heads": told.heads.0,
        "lines": told.lines,
        "findings": findings,
        "rules": rules.map(|rule| (rule.id.to_owned(), of_rule(rule))).collect::<Map<_, _>>(),
        "due": due.collect::<Vec<_>>(),
        "coming": backdrop.coming.iter().map(|(at, what)| json!({ "at": at.to_string(), "what": what })).collect::<Vec<_>>(),
        "gates": backdrop.gates,
        "coverage": coverage,
        "stubs": backdrop.stubs,
    })
}

/// Calls and events in their order.
fn lines<'r>(report: &'r Report, backdrop: &'r Backdrop) -> Vec<(u64, PageLine<'r>)> {
    let calls = report.story.iter().map(|call| (call.seq, PageLine::Call(call)));
    let events = backdrop.events.iter().map(|(seq, event)| (*seq, PageLine::Event(event)));
    let mut lines: Vec<(u64, PageLine<'r>)> = calls.chain(events).collect();
    lines.sort_by_key(|(seq, _)| *seq);
    lines
}

/// Header blocks, each once.
#[derive(Default)]
struct HeaderTable(Vec<String>, BTreeMap<String, usize>);

impl HeaderTable {
    fn at(&mut self, block: &str) -> usize {
        if let Some(at) = self.1.get(block) {
            return *at;
        }
        self.0.push(block.to_owned());
        self.1.insert(block.to_owned(), self.0.len() - 1);
        self.0.len() - 1
    }
}

/// What is told of the lines of a run.
struct PageLines {
    /// The number of the first line that is told.
    from: u64,
    lines: Vec<Value>,
    heads: HeaderTable,
    /// The documents before the first of these lines, by shelf and id; null if nobody knows them.
    state: Value,
    has_begun: bool,
    state_bytes: usize,
    /// The line up to which it is told what changed, if that is too much.
    state_until: Option<u64>,
}

impl PageLines {
    fn new(from: u64) -> PageLines {
        PageLines {
            from,
            lines: Vec::new(),
            heads: HeaderTable::default(),
            state: Value::Null,
            has_begun: false,
            state_bytes: 0,
            state_until: None,
        }
    }

    /// Tells the state with which the lines begin that are told.
    fn begin(&mut self, replay: Option<&StateReplay>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let Some(replay) = replay.filter(|replay| replay.is_known()) else { return };
        let mut shelves = Map::new();
        for (shelf, (_, name)) in SHELVES.into_iter().enumerate() {
            let mut documents = Map::new();
            for (id, document) in replay.documents(shelf) {
                self.state_bytes += document.to_string().len();
                if self.state_bytes > PAGE_STATE_BYTES_MAX {
                    self.state_until = Some(0);
                    return;
                }
                documents.insert(id.to_owned(), document);
            }
            shelves.insert(name.to_owned(), Value::Object(documents));
        }
        self.state = Value::Object(shelves);
    }

    fn line(&mut self, seq: u64, line: &PageLine<'_>, mut replay: Option<&mut StateReplay>) {
        if seq >= self.from {
            self.begin(replay.as_deref());
        }
        let was_known = replay.as_ref().is_some_and(|replay| replay.is_known());
        let changes = match (line, &mut replay) {
            (_, None) => Vec::new(),
            (PageLine::Call(call), Some(replay)) => replay.call(call),
            (PageLine::Event(event), Some(replay)) => replay.event(event),
        };
        if seq < self.from {
            return;
        }
        let mut told = match line {
            PageLine::Call(call) => self.call(seq, call),
            PageLine::Event(event) => of_event(seq, event),
        };
        let is_known = replay.is_some_and(|replay| replay.is_known());
        if is_known && !was_known {
            told["known"] = true.into();
        }
        let changes: Vec<Value> = changes.iter().filter(|_| is_known).map(of_changed).collect();
        if !changes.is_empty() && self.state_until.is_none() {
            let changes = Value::Array(changes);
            self.state_bytes += changes.to_string().len();
            match self.state_bytes > PAGE_STATE_BYTES_MAX {
                true => self.state_until = Some(seq),
                false => told["d"] = changes,
            }
        }
        self.lines.push(told);
    }

    fn call(&mut self, seq: u64, call: &Interaction) -> Value {
        let Interaction { at, operation, request, response, took_us, .. } = call;
        let mut told = json!({
            "n": seq,
            "t": at.to_string(),
            "op": operation,
            "m": request.method().as_str(),
            "u": request.target(),
            "s": response.status(),
            "l": lane(call),
            "h": [self.heads.at(request.headers().as_text()), self.heads.at(response.headers().as_text())],
        });
        for (name, body) in [("q", request.body()), ("a", response.body())] {
            if !body.is_empty() {
                let shown = &body[..body.len().min(PAGE_BODY_BYTES_MAX)];
                told[name] = String::from_utf8_lossy(shown).into();
                if shown.len() < body.len() {
                    told["cut"][name] = (body.len() - shown.len()).into();
                }
            }
        }
        if *took_us > 0 {
            told["us"] = (*took_us).into();
        }
        if let Some(stub) = call.stub() {
            told["stub"] = stub.into();
        }
        if let Some(fault) = call.fault() {
            told["fault"] = fault.to_value();
        }
        told
    }
}

fn of_changed(changed: &DocumentChange) -> Value {
    let DocumentChange { shelf, id, fields, gone } = changed;
    let id = &**id;
    match gone.is_empty() {
        true => json!([shelf, id, fields]),
        false => json!([shelf, id, fields, gone]),
    }
}

fn of_event(seq: u64, event: &Event) -> Value {
    let mut told = json!({ "n": seq, "t": event.at.to_string(), "event": event.change.name() });
    // What became of the state stands beside it.
    if let Value::Object(line) = event_value(event) {
        let more = line.into_iter().filter(|(name, _)| !["seq", "at", "event", "state"].contains(&name.as_str()));
        told["more"] = more.collect::<Map<_, _>>().into();
    }
    told
}

fn of_finding(report: &Report, finding: &Finding) -> Value {
    let mut told = finding.to_value();
    if let Some(place) = report.place(finding) {
        told["recorded_in"] = format!("{}:{}", place.file, place.line).into();
    }
    told["lane"] = report.lane(finding).into();
    told["fails"] = report.counts_as_failure(finding).into();
    told
}

fn of_rule(rule: &Rule) -> Value {
    let Rule { severity, demands, why, mend, reference, breaks, keeps, .. } = rule;
    json!({
        "severity": severity.name(),
        "demands": demands,
        "why": why,
        "mend": mend,
        "reference": reference,
        "breaks": breaks,
        "keeps": keeps,
    })
}
