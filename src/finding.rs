//! [`Finding`]: what was wrong with a call, by which rule, with evidence and a way out.
//!
//! Plain data on the lowest floor: the judge makes findings, the journal keeps them with their call,
//! and every report prints them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::error::Error;
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

impl FromStr for Severity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Severity, Error> {
        match text {
            "warning" => Ok(Severity::Warning),
            "error" => Ok(Severity::Error),
            other => Err(Error::invalid_input(format!("`{other}` is none of: warning, error"))),
        }
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

    fn from_value(value: &Value) -> Option<Subject> {
        let id = value.get("id")?.as_str()?.to_owned();
        match value.get("kind")?.as_str()? {
            "job" => Some(Subject::Job(id)),
            "connector" => Some(Subject::Connector(id)),
            _ => None,
        }
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
    /// The rule's id, kebab-case and never reused. A recording may name one that this version does not have.
    pub rule: Cow<'static, str>,
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
    pub reference: Cow<'static, str>,
    /// The scope of the run that it was made in: its name, or `scope 2` and so on; `None` in a first scope
    /// that nobody has named.
    pub scope: Option<Arc<str>>,
    /// The place in the client's or the test's source that it comes from: of the call if it says one, else of the
    /// scope.
    pub source: Option<Arc<SourcePlace>>,
}

/// What a finding has, by the names that [`Finding::to_value`] gives them.
const MEMBERS: [&str; 14] = [
    "rule",
    "severity",
    "seq",
    "at",
    "operation",
    "subject",
    "calls",
    "message",
    "hint",
    "next",
    "evidence",
    "reference",
    "scope",
    "source",
];

impl Finding {
    /// A finding about one call, without evidence.
    pub(crate) fn about(rule: &'static str, severity: Severity, seq: u64, at: Timestamp) -> Finding {
        Finding {
            rule: Cow::Borrowed(rule),
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
            reference: Cow::Borrowed(""),
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

    /// The finding that [`Finding::to_value`] has written, or another tool in that form. What is left out is empty.
    ///
    /// ```
    /// use elastimock::contract::{Finding, Severity};
    ///
    /// let told = serde_json::json!({ "rule": "heartbeat-gap", "severity": "warning", "seq": 7, "message": "silent" });
    /// let finding = Finding::from_value(&told)?;
    /// assert_eq!((&*finding.rule, finding.severity, finding.seq), ("heartbeat-gap", Severity::Warning, 7));
    /// assert_eq!(Finding::from_value(&finding.to_value())?, finding);
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if there is no rule, or if something is of another type than it should be.
    pub fn from_value(value: &Value) -> Result<Finding, Error> {
        let member = |name: &str| value.get(name).filter(|value| !value.is_null());
        let wrong = |name: &str, wanted: &str| Error::invalid_input(format!("[{name}] of a finding is not {wanted}"));
        let text = |name: &str| match member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(name, "a text")),
        };
        let number = |name: &str, value: &Value| value.as_u64().ok_or_else(|| wrong(name, "the number of a call"));
        let source = |place: &Value| SourcePlace::from_value(place).ok_or_else(|| wrong("source", "a place"));
        Ok(Finding {
            rule: text("rule")?.ok_or_else(|| wrong("rule", "the id of a rule"))?.into(),
            severity: text("severity")?.map_or(Ok(Severity::Error), |name| name.parse())?,
            seq: member("seq").map_or(Ok(0), |seq| number("seq", seq))?,
            at: text("at")?.map_or(Ok(Timestamp::default()), |at| at.parse())?,
            operation: text("operation")?,
            subject: match member("subject") {
                None => None,
                Some(subject) => {
                    Some(Subject::from_value(subject).ok_or_else(|| wrong("subject", "a job or connector"))?)
                }
            },
            calls: match member("calls") {
                None => Vec::new(),
                Some(Value::Array(calls)) => calls.iter().map(|seq| number("calls", seq)).collect::<Result<_, _>>()?,
                Some(_) => return Err(wrong("calls", "a list of numbers of calls")),
            },
            message: text("message")?.unwrap_or_default(),
            hint: text("hint")?.unwrap_or_default().into(),
            next: text("next")?,
            evidence: match member("evidence") {
                None => Map::new(),
                Some(Value::Object(evidence)) => evidence.clone(),
                Some(_) => return Err(wrong("evidence", "an object")),
            },
            reference: text("reference")?.unwrap_or_default().into(),
            scope: text("scope")?.map(Arc::from),
            source: member("source").map(source).transpose()?.map(Arc::new),
        })
    }

    /// The finding in a recording that a later version may have written, and the names of the members that this one
    /// cannot read: those stand in its evidence as `unknown`.
    ///
    /// # Errors
    /// As for [`Finding::from_value`], if there is no rule.
    pub(crate) fn from_later(value: &Value) -> Result<(Finding, Vec<String>), Error> {
        let mut known = value.as_object().cloned().unwrap_or_default();
        if known.keys().all(|name| MEMBERS.contains(&&**name))
            && let Ok(finding) = Finding::from_value(value)
        {
            return Ok((finding, Vec::new()));
        }
        let is_read = |name: &str, member: &Value| {
            let alone = if name == "rule" { json!({ name: member }) } else { json!({ "rule": "", name: member }) };
            MEMBERS.contains(&name) && Finding::from_value(&alone).is_ok()
        };
        let strange: Vec<String> =
            known.iter().filter(|(name, member)| !is_read(name, member)).map(|(name, _)| name.clone()).collect();
        let unknown: Map<String, Value> = strange.iter().filter_map(|name| known.remove_entry(name)).collect();
        let mut finding = Finding::from_value(&Value::Object(known))?;
        if !unknown.is_empty() {
            finding.evidence.insert("unknown".to_owned(), Value::Object(unknown));
        }
        Ok((finding, strange))
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

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
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
        map.serialize_entry("rule", &*finding.rule)?;
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
