//! [`Fault`]: what goes wrong with an answer on its way, as a value; [`StubMark`]: what was done to one, and by whom.
//!
//! The engine decides, the wire carries out, the recording tells, and a playback repeats.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::{duration_text, parse_duration};

/// Bytes that a fault without a number of its own lets through or sends at a time.
const DRIBBLES: usize = 10;

/// Time after which a client may well have given up: of what comes later nobody knows whether it was heard.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Nothing but that it comes late.
    Late,
    /// The connection is reset: the client sees `ECONNRESET`.
    Reset,
    /// The connection is closed without an answer.
    Close,
    /// Nothing comes any more, and the connection stays open; with `after_bytes` in the middle of the body.
    Stall,
    /// The body ends too early, and the connection is closed.
    Cut,
    /// The body comes piece by piece.
    Dribble,
    /// The body comes as bytes that mean nothing.
    Garbage,
}

impl FaultKind {
    /// The kinds that a stub can name, with their words.
    pub(crate) const WORDS: [(&'static str, FaultKind); 6] = [
        ("reset", FaultKind::Reset),
        ("close", FaultKind::Close),
        ("stall", FaultKind::Stall),
        ("cut", FaultKind::Cut),
        ("dribble", FaultKind::Dribble),
        ("garbage", FaultKind::Garbage),
    ];

    fn word(self) -> Option<&'static str> {
        FaultKind::WORDS.iter().find(|(_, kind)| *kind == self).map(|(word, _)| *word)
    }
}

/// What went wrong with an answer: in the words of a stub's `response`.
///
/// ```
/// use elastimock::stub::{Fault, FaultKind};
///
/// let mut fault = Fault::new(FaultKind::Reset);
/// fault.acts_before = true;
/// assert_eq!(fault.to_value().to_string(), r#"{"fault":"reset","acts":"before"}"#);
/// assert!(fault.is_lost());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Whether it struck before the mock acted, so that the call has changed nothing.
    pub acts_before: bool,
    /// How late the answer came, or would have come.
    pub delay: Duration,
    /// How much of the body came before it was cut or stalled.
    pub after_bytes: Option<u64>,
    /// How long a dribbled body takes.
    pub over: Option<Duration>,
}

impl Fault {
    /// A fault of that kind, after the mock has acted.
    pub fn new(kind: FaultKind) -> Fault {
        Fault { kind, acts_before: false, delay: Duration::ZERO, after_bytes: None, over: None }
    }

    /// Whether the client cannot know what became of its call: no answer reaches it, none that can be read, or one so
    /// late (10 s) that it may have given up.
    pub fn is_lost(&self) -> bool {
        !matches!(self.kind, FaultKind::Late | FaultKind::Dribble) || self.delay >= GIVEN_UP_AFTER
    }

    /// The fault as a recording tells it.
    pub fn to_value(&self) -> Value {
        let mut told = Map::new();
        let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
        if let Some(word) = self.kind.word() {
            put("fault", word.into());
            put("acts", if self.acts_before { "before" } else { "after" }.into());
        }
        if !self.delay.is_zero() {
            put("delay", duration_text(self.delay).into());
        }
        if let Some(bytes) = self.after_bytes {
            put("after_bytes", bytes.into());
        }
        if let Some(over) = self.over {
            put("over", duration_text(over).into());
        }
        Value::Object(told)
    }

    /// A fault as a recording tells it; `None` if it is none.
    pub(crate) fn from_value(told: &Value) -> Option<Fault> {
        let told = told.as_object()?;
        let known = ["fault", "acts", "delay", "after_bytes", "over"];
        if told.keys().any(|name| !known.contains(&name.as_str())) {
            return None;
        }
        let length = |name: &str| match told.get(name) {
            None => Some(None),
            Some(text) => parse_duration(text.as_str()?).ok().map(Some),
        };
        let kind = match told.get("fault") {
            None => FaultKind::Late,
            Some(word) => {
                let word = word.as_str()?;
                FaultKind::WORDS.iter().find(|(known, _)| *known == word)?.1
            }
        };
        let acts_before = match told.get("acts").map(Value::as_str) {
            None | Some(Some("after")) => false,
            Some(Some("before")) => true,
            Some(_) => return None,
        };
        let after_bytes = match told.get("after_bytes") {
            None => None,
            Some(bytes) => Some(bytes.as_u64()?),
        };
        let delay = length("delay")?.unwrap_or_default();
        Some(Fault { kind, acts_before, delay, after_bytes, over: length("over")? })
    }

    /// How much of a body of that length comes at all.
    pub(crate) fn bytes_let_through(&self, bytes: usize) -> usize {
        let otherwise = if self.kind == FaultKind::Cut { bytes / 2 } else { 0 };
        self.after_bytes.map_or(otherwise, |after| usize::try_from(after).unwrap_or(bytes)).min(bytes)
    }

    /// How much of a dribbled body of that length comes at a time.
    pub(crate) fn dribble_bytes(&self, bytes: usize) -> usize {
        bytes.div_ceil(DRIBBLES).max(1)
    }

    /// A body as bytes that mean nothing: as long, never text, and the same every time.
    pub(crate) fn garbled(body: &[u8]) -> Vec<u8> {
        body.iter().zip(0_u32..).map(|(byte, at)| (byte ^ (at.wrapping_mul(0x9E) as u8)) | 0x80).collect()
    }
}

/// What is told of an answer that is not the mock's own alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StubMark {
    /// The stub's name.
    pub stub: Option<Arc<str>>,
    /// What goes wrong with the answer.
    pub fault: Option<Fault>,
    /// Whether the call was forwarded to another server.
    pub upstream: bool,
    /// Bytes of bodies that were passed on and not kept.
    pub left_out: LeftOut,
}

impl StubMark {
    /// Whether there is anything to tell.
    pub(crate) fn is_told(&self) -> bool {
        *self != StubMark::default()
    }
}

/// How many bytes the bodies of a forwarded call had that were too large to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Bytes of the request's body.
    pub request: u64,
    /// Bytes of the answer's body.
    pub response: u64,
}

impl LeftOut {
    /// Whether something was left out.
    pub(crate) fn is_something(self) -> bool {
        self != LeftOut::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_again() {
        for (_, kind) in FaultKind::WORDS {
            for acts_before in [false, true] {
                let delay = Duration::from_millis(1500);
                let fault =
                    Fault { kind, acts_before, delay, after_bytes: Some(7), over: Some(Duration::from_secs(2)) };
                assert_eq!(Fault::from_value(&fault.to_value()), Some(fault));
            }
        }
        let late = Fault { delay: Duration::from_secs(30), ..Fault::new(FaultKind::Late) };
        assert_eq!(late.to_value().to_string(), r#"{"delay":"30s"}"#);
        assert_eq!(Fault::from_value(&late.to_value()), Some(late));
        for wrong in [r#"{"fault":"x"}"#, r#"{"acts":1}"#, "7", r#"{"delay":"soon"}"#, r#"{"odd":1}"#] {
            assert_eq!(Fault::from_value(&serde_json::from_str(wrong).expect("JSON")), None, "{wrong}");
        }
    }

    #[test]
    fn garbage_is_no_text_and_as_long() {
        let garbage = Fault::garbled(br#"{"result":"updated"}"#);
        assert_eq!(garbage.len(), 20);
        assert!(std::str::from_utf8(&garbage).is_err());
    }
}
