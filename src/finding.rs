//! [`Finding`]: what was wrong with a call, by which rule, with evidence and a way out.
//!
//! Plain data on the lowest floor: the judge makes findings, the journal keeps them with their call,
//! and every report prints them.

use std::fmt;

use serde_json::{Map, Value, json};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look; a correct client may have its reasons.
    Warning,
    /// The client broke the contract.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client did against the contract.
///
/// The text form is what a test prints when it fails: severity, rule, call, message, hint.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id, kebab-case and never reused.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The call's number in the journal.
    pub seq: u64,
    /// The operation that was called, if it is one.
    pub operation: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// What the message rests on: pointers, what was expected, what was seen.
    pub evidence: Map<String, Value>,
    /// Where the demand is written.
    pub reference: &'static str,
}

impl Finding {
    /// The finding as the admin API, reports and recordings show it.
    pub fn to_value(&self) -> Value {
        json!({
            "rule": self.rule,
            "severity": self.severity.name(),
            "seq": self.seq,
            "operation": self.operation,
            "message": self.message,
            "hint": self.hint,
            "evidence": self.evidence,
            "reference": self.reference,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] call {}", self.severity, self.rule, self.seq)?;
        if let Some(operation) = &self.operation {
            write!(f, " ({operation})")?;
        }
        write!(f, ": {}", self.message)?;
        if let (Some(expected), Some(seen)) = (self.evidence.get("expected"), self.evidence.get("seen")) {
            write!(f, "\n  expected: {}\n  seen:     {}", plain(expected), plain(seen))?;
        }
        write!(f, "\n  hint: {}\n  written in: {}", self.hint, self.reference)
    }
}

fn plain(value: &Value) -> String {
    // A blank text is seen only between its quotes.
    value.as_str().filter(|text| !text.trim().is_empty()).map_or_else(|| value.to_string(), str::to_owned)
}
