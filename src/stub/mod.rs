//! Stubs: what a test's author wants to be answered, beside the mocked cluster and not instead of it.
//!
//! A `Script` is one stub that has been read: when it answers, and what. `Cast` is all of them and how often each
//! has answered; it decides, and does nothing. Whoever asks it acts.
//!
//! ```text
//! builder.rs   Stub: one written in Rust, the same words as in a file
//! read.rs      from JSON to a Script, with what is wrong and where; reader.rs: its hands
//! when.rs      what a request must be like; shape.rs: parts of a JSON body; about.rs: whose call it is
//! then.rs      what is answered; template.rs: an answer that repeats parts of its request
//! cast.rs      all stubs of a mock
//! hand.rs      what the other side's hand does, as the call that would do it
//! ```
//!
//! Source of the words: other stub servers, which call them `request` and `response` too.

mod about;
mod builder;
mod cast;
pub(crate) mod hand;
mod read;
mod reader;
mod response;
mod shape;
mod template;
#[cfg(test)]
mod tests;
mod then;
mod when;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::http::{Request, Response};

pub(crate) use about::StubbedRequest;
pub use builder::Stub;

pub use crate::fault::{Fault, FaultKind};
pub(crate) use cast::{Cast, Decision};
pub(crate) use read::{PathStep, StubDiagnostic, diagnostics_as_text, operation_meant, operations, read, read_all};
pub(crate) use then::{StubRefusal, StubResponse};

/// An answer that is computed by the test: from the request and the mock's own answer.
pub(crate) type Closure = Arc<dyn Fn(&Request, &Response) -> Response + Send + Sync>;

/// A stub that has been read.
#[derive(Clone)]
pub(crate) struct Script {
    /// Its name; unique among those of a mock.
    pub name: Arc<str>,
    /// Whether the name is the author's, and not made here.
    pub is_named: bool,
    /// The stub as it was written, with its name.
    pub spec: Arc<Value>,
    when: when::StubCondition,
    then: Vec<then::StubAction>,
    /// How many calls it waits for at least.
    least: u64,
    times: Option<u64>,
    chance: Option<f64>,
    closure: Option<Closure>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("name", &self.name).field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Script {
    /// The stub as its author wrote it.
    pub(crate) fn written(&self) -> Value {
        let mut spec = (*self.spec).clone();
        if !self.is_named
            && let Value::Object(members) = &mut spec
        {
            members.shift_remove("name");
        }
        spec
    }

    /// Whether the mock acts on a call that it answers after so many others.
    pub(crate) fn acts(&self, answered: u64) -> bool {
        let last = self.then.len().saturating_sub(1);
        let at = usize::try_from(answered).unwrap_or(last).min(last);
        self.then.get(at).is_none_or(then::StubAction::acts)
    }

    /// The stub under another name.
    fn renamed(mut self, name: String) -> Script {
        self.name = name.into();
        if let Value::Object(members) = Arc::make_mut(&mut self.spec) {
            members.insert("name".to_owned(), Value::from(&*self.name));
        }
        self
    }
}

/// From how many to how many, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountSpan {
    /// At least so many.
    pub from: u64,
    /// At most so many.
    pub to: u64,
}

impl CountSpan {
    /// Whether a number is within.
    pub(crate) fn has(self, number: u64) -> bool {
        (self.from..=self.to).contains(&number)
    }

    /// Reads `3`, `1-3`, `1..3`, `1..` or `never`.
    pub(crate) fn parse(text: &str) -> Option<CountSpan> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let text = text.trim();
        if text == "never" {
            return Some(CountSpan { from: 0, to: 0 });
        }
        let parts = text.split_once("..=").or_else(|| text.split_once("..")).or_else(|| text.split_once('-'));
        let span = match parts {
            None => CountSpan { from: number(text)?, to: number(text)? },
            Some((from, "")) => CountSpan { from: number(from)?, to: u64::MAX },
            Some(("", to)) => CountSpan { from: 0, to: number(to)? },
            Some((from, to)) => CountSpan { from: number(from)?, to: number(to)? },
        };
        (span.from <= span.to).then_some(span)
    }

    /// The span of a value: a number or a text.
    pub(crate) fn of_value(value: &Value) -> Option<CountSpan> {
        match value {
            Value::Number(number) => number.as_u64().map(|number| CountSpan { from: number, to: number }),
            Value::String(text) => CountSpan::parse(text),
            _ => None,
        }
    }
}

impl fmt::Display for CountSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (0, 0) => f.write_str("never"),
            (from, u64::MAX) => write!(f, "at least {from}"),
            (0, to) => write!(f, "at most {to}"),
            (from, to) if from == to => write!(f, "{from}"),
            (from, to) => write!(f, "{from} to {to}"),
        }
    }
}
