//! [`Finding`]: what was wrong with a call, by which rule, with evidence and a way out.
//!
//! Plain data on the lowest floor: the judge makes findings, the journal keeps them with their call,
//! and every report prints them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::near_miss;
use crate::source_place::SourcePlace;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
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

/// Whose story a finding belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The sync job with that id.
    Job(String),
    /// The connector with that id.
    Connector(String),
}

impl Subject {
    /// `job` or `connector`.
    pub fn kind(&self) -> &'static str {
        match self {
            Subject::Job(_) => "job",
            Subject::Connector(_) => "connector",
        }
    }

    /// The id.
    pub fn id(&self) -> &str {
        match self {
            Subject::Job(id) | Subject::Connector(id) => id,
        }
    }
}

impl Subject {
    fn to_value(&self) -> Value {
        json!({ "kind": self.kind(), "id": self.id() })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// What a client did against the contract.
///
/// The text form is what a test prints when it fails: severity, rule, call, message, hint.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id, kebab-case and never reused.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The call's number in the journal; of several the one that broke the rule, and for something
    /// that never came the last one about it. 0 if no call is concerned.
    pub seq: u64,
    /// The mock's time when the rule was broken.
    pub at: Timestamp,
    /// The operation that was called, if it is one.
    pub operation: Option<String>,
    /// Whose story it belongs to, if it is one's.
    pub subject: Option<Subject>,
    /// The numbers of all calls concerned, ascending.
    pub calls: Vec<u64>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Cow<'static, str>,
    /// What would have happened next, where the protocol says it.
    pub next: Option<String>,
    /// What the message rests on: pointers, what was expected, what was seen.
    pub evidence: Map<String, Value>,
    /// Where the demand is written.
    pub reference: &'static str,
    /// The scope of the run that it was made in: its name, or `scope 2` and so on; `None` in a first scope
    /// that nobody has named.
    pub scope: Option<Arc<str>>,
    /// The place in the client's or the test's source that it comes from: of the call if it says one, else of the
    /// scope.
    pub source: Option<Arc<SourcePlace>>,
}

impl Finding {
    /// A finding about one call, without evidence.
    pub(crate) fn about(rule: &'static str, severity: Severity, seq: u64, at: Timestamp) -> Finding {
        Finding {
            rule,
            severity,
            seq,
            at,
            operation: None,
            subject: None,
            calls: if seq == 0 { Vec::new() } else { vec![seq] },
            message: String::new(),
            hint: Cow::Borrowed(""),
            next: None,
            evidence: Map::new(),
            reference: "",
            scope: None,
            source: None,
        }
    }

    /// Where in the request the evidence stands, as a JSON pointer or a parameter's name.
    pub fn pointer(&self) -> Option<&str> {
        self.evidence.get("pointer")?.as_str()
    }

    /// What was expected.
    pub fn expected(&self) -> Option<&Value> {
        self.evidence.get("expected")
    }

    /// What was seen in its place.
    pub fn seen(&self) -> Option<&Value> {
        self.evidence.get("seen")
    }

    /// The finding as the admin API, reports and recordings show it.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "rule": self.rule,
            "severity": self.severity.name(),
            "seq": self.seq,
            "at": self.at.to_string(),
            "operation": self.operation,
            "subject": self.subject.as_ref().map(Subject::to_value),
            "calls": self.calls,
            "message": self.message,
            "hint": self.hint,
            "next": self.next,
            "evidence": self.evidence,
            "reference": self.reference,
        });
        if let Some(scope) = &self.scope {
            value["scope"] = Value::from(&**scope);
        }
        if let Some(source) = &self.source {
            value["source"] = source.to_value();
        }
        value
    }
}

/// A finding as [`Finding::to_value`] shows it, with nulls in place of its rule's hint and reference.
pub(crate) struct WithoutRule<'a>(&'a Finding);

impl Finding {
    pub(crate) fn without_rule(&self) -> WithoutRule<'_> {
        WithoutRule(self)
    }
}

impl Serialize for WithoutRule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rule", finding.rule)?;
        map.serialize_entry("severity", finding.severity.name())?;
        map.serialize_entry("seq", &finding.seq)?;
        finding.at.with_text(|at| map.serialize_entry("at", at))?;
        map.serialize_entry("operation", &finding.operation)?;
        map.serialize_entry("subject", &finding.subject.as_ref().map(Subject::to_value))?;
        map.serialize_entry("calls", &finding.calls)?;
        map.serialize_entry("message", &finding.message)?;
        map.serialize_entry("hint", &())?;
        map.serialize_entry("next", &finding.next)?;
        map.serialize_entry("evidence", &finding.evidence)?;
        map.serialize_entry("reference", &())?;
        if let Some(scope) = &finding.scope {
            map.serialize_entry("scope", &**scope)?;
        }
        if let Some(source) = &finding.source {
            map.serialize_entry("source", &source.to_value())?;
        }
        map.end()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.severity, self.rule)?;
        if self.seq != 0 {
            write!(f, " call {}", self.seq)?;
        }
        if let Some(operation) = &self.operation {
            write!(f, " ({operation})")?;
        }
        write!(f, ": {}", self.body())
    }
}

impl Finding {
    /// What is told of it below severity, rule and call: the message, and lines about it.
    pub(crate) fn body(&self) -> String {
        let mut body = self.message.clone();
        if let (Some(expected), Some(seen)) = (self.expected(), self.seen()) {
            body.push_str(&format!("\n  expected: {}\n  seen:     {}", plain(expected), plain(seen)));
        }
        for line in self.evidence.get(near_miss::KEY).map(near_miss::lines).unwrap_or_default() {
            body.push_str(&format!("\n  {line}"));
        }
        if let Some(next) = &self.next {
            body.push_str(&format!("\n  next: {next}"));
        }
        body.push_str(&format!("\n  hint: {}\n  written in: {}", self.hint, self.reference));
        body
    }
}

fn plain(value: &Value) -> String {
    if value.is_null() {
        return "nothing".to_owned();
    }
    // A blank text is seen only between its quotes.
    value.as_str().filter(|text| !text.trim().is_empty()).map_or_else(|| value.to_string(), str::to_owned)
}
