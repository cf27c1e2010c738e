//! [`StubReader`]: the hands of whoever reads a stub: takes members of the kind that is wanted, and notes what is wrong.

use std::time::Duration;

use serde_json::{Map, Value};

use super::read::{PathStep, StubDiagnostic};
use crate::clock::parse_duration;
use crate::suggest::similar;

/// What is wrong, as it is found.
#[derive(Default)]
pub(crate) struct StubReader {
    pub diagnostics: Vec<StubDiagnostic>,
}

/// A place in a stub.
pub(crate) type Path<'p> = &'p [PathStep];

/// A place below another one.
pub(crate) fn below(path: Path<'_>, name: &str) -> Vec<PathStep> {
    path.iter().cloned().chain([PathStep::Name(name.to_owned())]).collect()
}

/// What a value is, for a message.
fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl StubReader {
    pub(crate) fn wrong(&mut self, path: Path<'_>, message: impl Into<String>, cure: impl Into<String>) {
        self.diagnostics.push(StubDiagnostic {
            path: path.to_vec(),
            is_key: false,
            message: message.into(),
            cure: cure.into(),
        });
    }

    pub(crate) fn wrong_key(
        &mut self,
        path: Path<'_>,
        name: &str,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) {
        let path = below(path, name);
        self.diagnostics.push(StubDiagnostic { path, is_key: true, message: message.into(), cure: cure.into() });
    }

    fn mistyped(&mut self, path: Path<'_>, value: &Value, wanted: &str, cure: &str) {
        let name = path.iter().rev().find_map(|key| match key {
            PathStep::Name(name) => Some(name.as_str()),
            PathStep::Item(_) => None,
        });
        let message = format!("`{}` must be {wanted}, not {}", name.unwrap_or("the stub"), described(value));
        self.wrong(path, message, cure);
    }

    /// The members of an object that has only `known` ones.
    pub(crate) fn object<'v>(
        &mut self,
        value: &'v Value,
        path: Path<'_>,
        of: &str,
        known: &[&'static str],
    ) -> Option<&'v Map<String, Value>> {
        let Value::Object(members) = value else {
            self.mistyped(path, value, "an object", "write { … }");
            return None;
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let cure = match similar(name, known.iter().copied()).first() {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("it takes {}", known.join(", ")),
            };
            self.wrong_key(path, name, format!("`{name}` is no part of {of}"), cure);
        }
        Some(members)
    }

    pub(crate) fn text(&mut self, members: &Map<String, Value>, name: &str, path: Path<'_>) -> Option<String> {
        match members.get(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::String(_) => {
                self.wrong(&below(path, name), format!("`{name}` is empty"), "give it a text, or leave it out");
                None
            }
            other => {
                self.mistyped(&below(path, name), other, "a text", "write it in quotes");
                None
            }
        }
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&mut self, members: &Map<String, Value>, name: &str, path: Path<'_>) -> Vec<String> {
        match members.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if !items.is_empty() && items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::Array(_)) => {
                self.wrong(&below(path, name), format!("`{name}` must be texts"), "write [ \"…\", \"…\" ]");
                Vec::new()
            }
            Some(_) => self.text(members, name, path).into_iter().collect(),
        }
    }

    pub(crate) fn whole(&mut self, members: &Map<String, Value>, name: &str, path: Path<'_>, from: u64) -> Option<u64> {
        let value = members.get(name)?;
        let number = value.as_u64().filter(|number| *number >= from);
        if number.is_none() {
            let message = format!("`{name}` must be a whole number from {from} on, not {value}");
            self.wrong(&below(path, name), message, format!("write for example {from}"));
        }
        number
    }

    pub(crate) fn length(&mut self, members: &Map<String, Value>, name: &str, path: Path<'_>) -> Option<Duration> {
        let text = self.text(members, name, path)?;
        self.parsed_length(&text, name, path)
    }

    /// A length of time, or two with a dash between.
    pub(crate) fn lengths(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        path: Path<'_>,
    ) -> Option<(Duration, Duration)> {
        let text = self.text(members, name, path)?;
        let (from, to) = text.split_once('-').or_else(|| text.split_once("..")).unwrap_or((&text, &text));
        let (from, to) = (self.parsed_length(from, name, path)?, self.parsed_length(to, name, path)?);
        if from > to {
            self.wrong(&below(path, name), format!("`{name}` ends before it begins"), "write the shorter one first");
            return None;
        }
        Some((from, to))
    }

    fn parsed_length(&mut self, text: &str, name: &str, path: Path<'_>) -> Option<Duration> {
        match parse_duration(text.trim()) {
            Ok(length) => Some(length),
            Err(_) => {
                let cure = "write a whole number and a unit, for example 250ms or 30s; a range is 1s-5s";
                self.wrong(&below(path, name), format!("`{name}` is no length of time: `{text}`"), cure);
                None
            }
        }
    }
}
