//! The events of a recording: lines that are no calls.

use std::sync::Arc;

use serde_json::Value;

use super::Allowed;
use super::line::LineReader;
use crate::json::{SyntaxError, Token, Tokens};
use crate::record::event::{Change, Event};
use crate::source_place::SourcePlace;
use crate::suggest::similar;

const EVENT_KEYS: &[&str] = &[
    "seq",
    "at",
    "event",
    "scope",
    "source",
    "started_at",
    "forget",
    "state",
    "change",
    "mode",
    "rule",
    "reason",
    "added",
    "removed",
    "side",
    "act",
    "id",
    "refused",
];
const FIXTURE: &str = "an object in the form of a fixture";

/// The members of an event's line as they come together.
#[derive(Default)]
struct EventMembers {
    scope: Option<String>,
    source: Option<Arc<SourcePlace>>,
    started_at: Option<crate::clock::Timestamp>,
    forget: bool,
    state: Option<Value>,
    is_whole: Option<bool>,
    is_frozen: Option<bool>,
    rule: Option<String>,
    reason: Option<String>,
    added: Option<Value>,
    removed: Vec<Arc<str>>,
    side: Option<String>,
    act: Option<Value>,
    id: Option<String>,
    refused: Option<String>,
}

impl LineReader<'_, '_, '_> {
    /// Whether the line is an event's: it has a member of that name.
    pub(super) fn is_event(&self) -> bool {
        let mut tokens = Tokens::new(self.bytes);
        let mut is_event = || -> Result<bool, SyntaxError> {
            if tokens.next()? != Some(Token::StartObject) {
                return Ok(false);
            }
            while tokens.next()? == Some(Token::FieldName) {
                if tokens.text()? == "event" {
                    return Ok(true);
                }
                tokens.next()?;
                tokens.skip()?;
            }
            Ok(false)
        };
        is_event().unwrap_or(false)
    }

    /// The event, and where its number stands; `None` if it is not complete.
    pub(super) fn event(&mut self) -> Result<(usize, Option<Event>), SyntaxError> {
        let (mut seq, mut at, mut name, mut seq_at) = (None, None, None, 0);
        let mut members = EventMembers::default();
        let before = self.notes.mistakes.len();
        self.tokens.next()?;
        while let Some(key) = self.key()? {
            match &*key {
                "seq" => {
                    seq_at = self.at();
                    seq = self.number(&key, "the event's number, from 1", u64::MAX)?;
                    if seq == Some(0) {
                        self.wrong(seq_at, "[seq] is 0", "lines are numbered from 1");
                    }
                }
                "at" => at = self.instant(&key)?,
                "event" => {
                    let name_at = self.at();
                    name = self.string(&key, "the event's name as a string")?;
                    if let Some(unknown) = name.as_deref().filter(|name| !Change::NAMES.contains(name)) {
                        let close = similar(unknown, Change::NAMES);
                        let cure = match close.first() {
                            Some(close) => format!("did you mean `{close}`?"),
                            None => {
                                let writer = &self.notes.writer;
                                format!("elastimock {writer} wrote it and knows it: use that version or a later one")
                            }
                        };
                        self.wrong(name_at, format!("the event `{unknown}` is not known to this version"), cure);
                    }
                }
                "scope" => members.scope = self.string(&key, "the name of the scope as a string")?,
                "source" => members.source = self.source(&key)?,
                "started_at" => members.started_at = self.instant(&key)?,
                "forget" => match self.tokens.token() {
                    Some(Token::Boolean(forget)) => members.forget = forget,
                    _ => self.mistyped(&key, "true, or leave it out")?,
                },
                "state" => match self.tokens.token() {
                    Some(Token::StartObject) => members.state = Some(self.tokens.value()?),
                    _ => self.mistyped(&key, FIXTURE)?,
                },
                "change" => {
                    members.is_whole = self.parsed(&key, "\"put\" or \"added\"", |text| match text {
                        "put" => Some(true),
                        "added" => Some(false),
                        _ => None,
                    })?;
                }
                "mode" => {
                    members.is_frozen = self.parsed(&key, "\"frozen\" or \"running\"", |text| match text {
                        "frozen" => Some(true),
                        "running" => Some(false),
                        _ => None,
                    })?;
                }
                "rule" => members.rule = self.string(&key, "the rule's id as a string")?,
                "added" => match self.tokens.token() {
                    Some(Token::StartArray) => members.added = Some(self.tokens.value()?),
                    _ => self.mistyped(&key, "a list of stubs")?,
                },
                "removed" => match self.tokens.token() {
                    Some(Token::StartArray) => {
                        let names = self.tokens.value()?;
                        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
                        members.removed = names.map(Arc::from).collect();
                    }
                    _ => self.mistyped(&key, "a list of names")?,
                },
                "act" => match self.tokens.token() {
                    Some(Token::StartObject) => members.act = Some(self.tokens.value()?),
                    _ => self.mistyped(&key, "an object such as {\"cancel\":\"job-1\"}")?,
                },
                "side" => members.side = self.string(&key, "the name of the simulated side as a string")?,
                "id" => members.id = self.string(&key, "the id as a string")?,
                "refused" => members.refused = self.string(&key, "why nothing came of it as a string")?,
                "reason" => members.reason = self.string(&key, "the reason as a string")?,
                // Of an event that is not known nobody can say what belongs to it.
                _ if name.as_deref().is_some_and(|name| !Change::NAMES.contains(&name)) => self.tokens.skip()?,
                _ => self.skip_unknown(&key, "an event", EVENT_KEYS)?,
            }
        }
        self.end()?;
        if self.notes.mistakes.len() > before {
            return Ok((seq_at, None));
        }
        for (key, is_missing, example) in
            [("seq", seq.is_none(), "1"), ("at", at.is_none(), "\"2031-05-01T10:00:00.000Z\"")]
        {
            if is_missing {
                self.missing(0, "the event", key, example);
            }
        }
        let complete = || {
            let (seq, at, name) = (seq?, at?, name?);
            let change = match &*name {
                "reset" => Change::Reset {
                    scope: members.scope.as_deref().map(Arc::from),
                    started_at: members.started_at.unwrap_or(at),
                    state: members.state.take().map(Arc::new),
                    forget: members.forget,
                    source: members.source.take(),
                },
                "state" => {
                    if members.state.is_none() {
                        self.missing(0, "the event", "state", "{}");
                    }
                    Change::State { whole: members.is_whole.unwrap_or(true), state: Arc::new(members.state.take()?) }
                }
                "clock" => Change::Clock { frozen: members.is_frozen.unwrap_or(true) },
                "allow" => {
                    if members.rule.is_none() {
                        self.missing(0, "the event", "rule", "\"job-left-open\"");
                    }
                    Change::Allow {
                        rule: members.rule.as_deref()?.into(),
                        reason: members.reason.as_deref().unwrap_or_default().into(),
                    }
                }
                "stubs" => Change::Stubs {
                    added: Arc::new(members.added.take().unwrap_or_else(|| Value::Array(Vec::new()))),
                    removed: std::mem::take(&mut members.removed),
                },
                "hand" | "simulated" => {
                    if members.act.is_none() {
                        self.missing(0, "the event", "act", "{\"cancel\":\"job-1\"}");
                    }
                    let act = Arc::new(members.act.take()?);
                    let id = members.id.as_deref().map(Arc::from);
                    match &*name {
                        "hand" => Change::Hand { act, id },
                        _ => {
                            let side = members.side.as_deref().unwrap_or_default().into();
                            Change::Simulated { side, act, id, refused: members.refused.as_deref().map(Arc::from) }
                        }
                    }
                }
                "forget" => Change::Forget,
                _ => Change::End,
            };
            Some(Event { seq, at, change })
        };
        Ok((seq_at, complete()))
    }

    /// Where in the tests' source a scope was begun.
    pub(super) fn source(&mut self, key: &str) -> Result<Option<Arc<SourcePlace>>, SyntaxError> {
        let wanted = "a place such as \"tests/test_sync.py:41:test_claim\"";
        Ok(self.parsed(key, wanted, SourcePlace::parse)?.map(Arc::new))
    }

    /// What a header says may be broken: objects with a rule and a reason.
    pub(super) fn allowances(&mut self, key: &str) -> Result<Vec<Allowed>, SyntaxError> {
        let wanted = "a list of objects such as {\"rule\":\"job-left-open\",\"reason\":\"…\"}";
        if self.tokens.token() != Some(Token::StartArray) {
            self.mistyped(key, wanted)?;
            return Ok(Vec::new());
        }
        let at = self.at();
        let given = self.tokens.value()?;
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let allowed = |one: &Value| {
            let first_scope_only = one.get("first_scope_only").and_then(Value::as_bool).unwrap_or_default();
            Some(Allowed { rule: text(one, "rule")?, reason: text(one, "reason")?, first_scope_only })
        };
        let read: Option<Vec<Allowed>> = given.as_array().into_iter().flatten().map(allowed).collect();
        if read.is_none() {
            self.wrong(at, format!("[{key}] has an entry without [rule] or [reason]"), format!("write {wanted}"));
        }
        Ok(read.unwrap_or_default())
    }
}
