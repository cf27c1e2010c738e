//! [`Known`]: the values that are known to be secret, and where one of them stands in the open.
//!
//! A URL, a header or an error message may hold a secret without saying so. What the state or an
//! earlier call has named as a secret is looked for there and masked, and the place is told to the
//! judge. In a recording the mask itself tells the place, so the judge hears the same twice.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use super::{
    REDACTED, REDACTED_IN_QUERY, is_secret_header, is_secret_parameter, is_settings_name, is_suspect, sounds_secret,
    unescaped,
};
use crate::http::{Headers, Request};
use crate::json;
use crate::limits::{SECRET_BYTES_MIN, SECRETS_KNOWN_MAX};

/// A place where a secret stands in the open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The path.
    Path,
    /// The query parameter with that name.
    Query(String),
    /// The header with that name.
    Header(String),
    /// The error message at that place of the body, a JSON pointer.
    Error(&'static str),
}

impl Exposure {
    /// The place as a JSON pointer into the body, or by its name.
    pub fn pointer(&self) -> &str {
        match self {
            Exposure::Path => "path",
            Exposure::Query(name) | Exposure::Header(name) => name,
            Exposure::Error(pointer) => pointer,
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exposure::Path => f.write_str("the path"),
            Exposure::Query(name) => write!(f, "the query parameter [{name}]"),
            Exposure::Header(name) => write!(f, "the header [{name}]"),
            Exposure::Error(_) => f.write_str("the error message"),
        }
    }
}

/// Where a call may tell an error, as pointers into its body.
fn error_places(operation: Option<&str>) -> &'static [&'static str] {
    match operation {
        Some("connector.sync_job_error" | "connector.update_error") => &["/error"],
        Some("connector.last_sync") => &["/last_sync_error", "/last_access_control_sync_error"],
        Some("update") => &["/doc/error", "/doc/last_sync_error", "/doc/last_access_control_sync_error"],
        Some("index" | "create") => &["/error", "/last_sync_error", "/last_access_control_sync_error"],
        _ => &[],
    }
}

/// Where the masks of a recorded request say that secrets stood in the open.
pub fn exposures(request: &Request, operation: Option<&str>) -> Vec<Exposure> {
    places(request, operation, &|text| text.contains(REDACTED) || text.contains(REDACTED_IN_QUERY))
}

fn places(request: &Request, operation: Option<&str>, holds: &dyn Fn(&str) -> bool) -> Vec<Exposure> {
    let mut found = Vec::new();
    if request.path().split('/').any(|segment| holds(&unescaped(segment))) {
        found.push(Exposure::Path);
    }
    for parameter in request.query().split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let name = unescaped(name);
        if !is_secret_parameter(&name) && holds(&unescaped(value)) {
            found.push(Exposure::Query(name.into_owned()));
        }
    }
    for (name, value) in request.headers().iter() {
        if !is_secret_header(name) && holds(value) {
            found.push(Exposure::Header(name.to_owned()));
        }
    }
    let errors = error_places(operation);
    if !errors.is_empty()
        && let Ok(Some(body)) = json::read(request.body())
    {
        let told = |pointer: &&&str| body.pointer(pointer).and_then(Value::as_str).is_some_and(holds);
        found.extend(errors.iter().filter(told).map(|pointer| Exposure::Error(pointer)));
    }
    found
}

/// The values that are known to be secret; bounded, the first ones stay.
#[derive(Clone, Debug, Default)]
pub struct Known {
    values: Vec<Box<str>>,
}

impl Known {
    /// Learns the secrets of a state in the form of a fixture.
    pub fn learn_state(&mut self, state: &Value) {
        for secret in state.get("secrets").and_then(Value::as_array).into_iter().flatten() {
            self.learn(secret.get("value"));
        }
        self.learn_within(state, false, None);
    }

    /// Learns the secrets of a request's body.
    pub fn learn_body(&mut self, operation: Option<&str>, bytes: &Bytes) {
        let is_secret_call = operation.is_some_and(|operation| operation.starts_with("connector.secret_"));
        if bytes.is_empty() || (!is_secret_call && !is_suspect(bytes)) {
            return;
        }
        if let Ok(Some(body)) = json::read(bytes) {
            if is_secret_call {
                self.learn(body.get("value"));
            }
            self.learn_within(&body, false, None);
        }
    }

    fn learn_within(&mut self, value: &Value, is_settings: bool, setting: Option<&str>) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.learn_within(element, false, None)),
            Value::Object(members) => {
                let is_sensitive = match members.get("sensitive") {
                    Some(Value::Bool(sensitive)) => *sensitive,
                    _ => setting.is_some_and(sounds_secret),
                };
                for (name, member) in members {
                    match &**name {
                        "value" if is_sensitive => self.learn(Some(member)),
                        "api_key" | "encoded" if member.is_string() => self.learn(Some(member)),
                        _ if is_settings && member.is_string() && sounds_secret(name) => self.learn(Some(member)),
                        _ => self.learn_within(member, is_settings_name(name), is_settings.then_some(name)),
                    }
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, value: Option<&Value>) {
        let Some(text) = value.and_then(Value::as_str) else { return };
        let is_new = !self.values.iter().any(|known| **known == *text);
        if text.len() >= SECRET_BYTES_MIN && text != REDACTED && is_new && self.values.len() < SECRETS_KNOWN_MAX {
            self.values.push(text.into());
        }
    }

    /// Whether no secret is known.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn is_in(&self, text: &str) -> bool {
        self.values.iter().any(|secret| holds(text, secret))
    }

    /// Where secrets stand in the open in a request.
    pub fn exposures(&self, request: &Request, operation: Option<&str>) -> Vec<Exposure> {
        // One look at the whole is enough for nearly every request.
        if !self.may_be_in(request, operation) {
            return Vec::new();
        }
        places(request, operation, &|text| self.is_in(text))
    }

    fn may_be_in(&self, request: &Request, operation: Option<&str>) -> bool {
        let errors = !error_places(operation).is_empty();
        let body = if errors { std::str::from_utf8(request.body()).unwrap_or_default() } else { "" };
        let is_escaped = request.target().contains('%') || body.contains('\\');
        self.values.iter().any(|secret| {
            is_escaped
                || request.target().contains(&**secret)
                || request.headers().as_text().contains(&**secret)
                || body.contains(&**secret)
        })
    }

    /// Path and query with known secrets masked.
    pub fn target<'a>(&self, target: Cow<'a, str>) -> Cow<'a, str> {
        let is_in = |piece: &str| self.is_in(&unescaped(piece));
        if self.values.is_empty() || !target.split(['/', '?', '&', '=']).any(is_in) {
            return target;
        }
        let mut masked = String::with_capacity(target.len());
        for piece in target.split_inclusive(['/', '?', '&', '=']) {
            let end = piece.trim_end_matches(['/', '?', '&', '=']).len();
            masked.push_str(if is_in(&piece[..end]) { REDACTED_IN_QUERY } else { &piece[..end] });
            masked.push_str(&piece[end..]);
        }
        Cow::Owned(masked)
    }

    /// Header lines with known secrets masked.
    pub fn headers<'a>(&self, headers: Cow<'a, Headers>) -> Cow<'a, Headers> {
        if !self.values.iter().any(|secret| headers.as_text().contains(&**secret)) {
            return headers;
        }
        let mut masked = Headers::with_capacity(8, headers.as_text().len());
        for (name, value) in headers.iter() {
            masked.push(name, if self.is_in(value) { REDACTED } else { value });
        }
        Cow::Owned(masked)
    }

    /// A body with known secrets masked, if it is one that may tell an error.
    pub fn body(&self, operation: Option<&str>, bytes: Bytes) -> Bytes {
        if error_places(operation).is_empty() || self.values.is_empty() {
            return bytes;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
        let mut masked = Cow::Borrowed(text);
        for secret in &self.values {
            let spelt = serde_json::to_string(&**secret).unwrap_or_default();
            let spelt = spelt.trim_matches('"');
            if !spelt.is_empty() && masked.contains(spelt) {
                masked = Cow::Owned(replaced(&masked, spelt));
            }
        }
        match masked {
            Cow::Borrowed(_) => bytes,
            Cow::Owned(masked) => Bytes::from(masked),
        }
    }
}

/// Whether a text holds a secret by itself and not as a part of a longer word.
fn holds(text: &str, secret: &str) -> bool {
    text.match_indices(secret).any(|(at, _)| is_word(text, at, secret.len()))
}

fn is_word(text: &str, at: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    !text[..at].ends_with(is_part) && !text[at + length..].starts_with(is_part)
}

fn replaced(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices(secret).filter(|(at, _)| is_word(text, *at, secret.len())) {
        out.push_str(&text[copied..at]);
        out.push_str(REDACTED);
        copied = at + secret.len();
    }
    out.push_str(&text[copied..]);
    out
}
