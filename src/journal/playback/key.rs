//! [`Key`]: what of a request decides whether it is a recorded call.

use std::fmt::Write;

use serde_json::Value;

use crate::http::Request;
use crate::journal::redact::{self, REDACTED};
use crate::json;

/// A request as playback compares it.
#[derive(Clone, Debug)]
pub(super) struct Key {
    route: String,
    /// Parameters by name, decoded; those with one name in the order sent.
    query: Vec<(String, String)>,
    body: Body,
    /// Query and body in one spelling: equal texts are equal calls.
    text: Vec<u8>,
}

/// A body as playback compares it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// One JSON value, or lines of them.
    Json(Vec<Value>),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Key {
    pub(super) fn of(request: &Request) -> Key {
        let mut query: Vec<(String, String)> = request
            .query()
            .split(['&', ';'])
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
            })
            .collect();
        query.sort_by(|one, other| one.0.cmp(&other.0));
        let body = Body::of(request.body());
        let mut text = String::new();
        for (name, value) in &query {
            // Writing to a String cannot fail.
            let _ = write!(text, "{name:?}={value:?}&");
        }
        let mut text = text.into_bytes();
        match &body {
            Body::Json(values) => {
                text.push(b'j');
                values.iter().for_each(|value| write_sorted(&mut text, value));
                // Elasticsearch wants a line end after the last of several lines.
                text.push(if values.len() > 1 && request.body().ends_with(b"\n") { b'\n' } else { b'.' });
            }
            Body::Bytes(bytes) => {
                text.push(b'b');
                text.extend_from_slice(bytes);
            }
        }
        Key { route: format!("{} {}", request.method(), decoded_path(request.path())), query, body, text }
    }

    /// Method and decoded path.
    pub(super) fn route(&self) -> &str {
        &self.route
    }

    pub(super) fn query(&self) -> &[(String, String)] {
        &self.query
    }

    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether a mask stands for what was sent.
    pub(super) fn is_masked(&self) -> bool {
        let in_body = match &self.body {
            Body::Json(values) => values.iter().any(is_masked),
            Body::Bytes(bytes) => bytes.windows(REDACTED.len()).any(|piece| piece == REDACTED.as_bytes()),
        };
        in_body || self.query.iter().any(|(name, value)| name.contains(REDACTED) || value.contains(REDACTED))
    }

    /// Whether a request with the same route is this recorded call.
    pub(super) fn admits(&self, sent: &Key) -> bool {
        let query = self.query.len() == sent.query.len()
            && self.query.iter().zip(&sent.query).all(|((name, value), (sent_name, sent_value))| {
                redact::admits(name, sent_name) && redact::admits(value, sent_value)
            });
        let body = self.body.admits(&sent.body);
        // The last byte tells whether the last line has its end.
        query && body && (self.text.last() == sent.text.last() || matches!(self.body, Body::Bytes(_)))
    }
}

impl Key {
    /// What a request that this recorded call admits says where the recording has masks.
    pub(super) fn revealed(&self, sent: &Key) -> Vec<String> {
        let mut found = Vec::new();
        let mut add =
            |kept: &str, sent: &str| found.extend(redact::revealed(kept, sent).into_iter().map(str::to_owned));
        self.route.split('/').zip(sent.route.split('/')).for_each(|(kept, sent)| add(kept, &decoded(sent)));
        self.query.iter().zip(&sent.query).for_each(|((_, kept), (_, sent))| add(kept, sent));
        match (&self.body, &sent.body) {
            (Body::Json(kept), Body::Json(sent)) => {
                kept.iter().zip(sent).for_each(|(kept, sent)| revealed(kept, sent, &mut add));
            }
            (Body::Bytes(kept), Body::Bytes(sent)) => {
                add(&String::from_utf8_lossy(kept), &String::from_utf8_lossy(sent));
            }
            _ => {}
        }
        found
    }
}

fn revealed(kept: &Value, sent: &Value, add: &mut dyn FnMut(&str, &str)) {
    match (kept, sent) {
        (Value::String(kept), Value::String(sent)) => add(kept, sent),
        (Value::String(kept), sent) if kept == REDACTED => strings(sent, &mut |text| add(kept, text)),
        (Value::Array(kept), Value::Array(sent)) => {
            kept.iter().zip(sent).for_each(|(kept, sent)| revealed(kept, sent, add));
        }
        (Value::Object(kept), Value::Object(sent)) => {
            for (name, kept) in kept {
                let other = || sent.iter().find(|(sent, _)| redact::admits(name, sent));
                if let Some(sent) = sent.get(name) {
                    revealed(kept, sent, add);
                } else if let Some((sent, value)) = other() {
                    add(name, sent);
                    revealed(kept, value, add);
                }
            }
        }
        _ => {}
    }
}

/// Tells every text within a value.
fn strings(value: &Value, tell: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => tell(text),
        Value::Number(number) => tell(&number.to_string()),
        Value::Array(elements) => elements.iter().for_each(|element| strings(element, tell)),
        Value::Object(members) => members.values().for_each(|member| strings(member, tell)),
        _ => {}
    }
}

impl Body {
    fn of(bytes: &[u8]) -> Body {
        json::read_all(bytes)
            .ok()
            .filter(|values| !values.is_empty())
            .map_or_else(|| Body::Bytes(bytes.to_vec()), Body::Json)
    }

    /// Whether what was sent is this recorded body, as far as that was kept.
    pub(super) fn admits(&self, sent: &Body) -> bool {
        match (self, sent) {
            (Body::Json(recorded), Body::Json(sent)) => {
                recorded.len() == sent.len() && recorded.iter().zip(sent).all(|(recorded, sent)| admits(recorded, sent))
            }
            (Body::Bytes(recorded), Body::Bytes(sent)) => {
                redact::admits(&String::from_utf8_lossy(recorded), &String::from_utf8_lossy(sent))
            }
            // Of what could not be read nothing was kept.
            (Body::Bytes(recorded), Body::Json(_)) => redact::is_note(recorded),
            (Body::Json(_), Body::Bytes(_)) => false,
        }
    }
}

/// Whether what was sent is what was recorded, as far as that was kept.
pub(super) fn admits(recorded: &Value, sent: &Value) -> bool {
    match (recorded, sent) {
        (Value::String(text), _) if text == REDACTED => true,
        (Value::String(recorded), Value::String(sent)) => redact::admits(recorded, sent),
        (Value::Object(recorded), Value::Object(sent)) => {
            let is_sent = |name: &str, value: &Value| match sent.get(name) {
                Some(sent) => admits(value, sent),
                None if !name.contains(REDACTED) => false,
                None => sent.iter().any(|(sent, other)| redact::admits(name, sent) && admits(value, other)),
            };
            recorded.len() == sent.len() && recorded.iter().all(|(name, value)| is_sent(name, value))
        }
        (Value::Array(recorded), Value::Array(sent)) => {
            recorded.len() == sent.len() && recorded.iter().zip(sent).all(|(recorded, sent)| admits(recorded, sent))
        }
        _ => recorded == sent,
    }
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REDACTED),
        Value::Array(elements) => elements.iter().any(is_masked),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains(REDACTED) || is_masked(value)),
        _ => false,
    }
}

/// Appends a value with the keys of its objects in order of the alphabet.
fn write_sorted(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Array(elements) => {
            out.push(b'[');
            for element in elements {
                write_sorted(out, element);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, member) in members {
                out.extend_from_slice(format!("{name:?}:").as_bytes());
                write_sorted(out, member);
                out.push(b',');
            }
            out.push(b'}');
        }
        scalar => {
            out.extend_from_slice(scalar.to_string().as_bytes());
            out.push(b' ');
        }
    }
}

/// A path with its escapes decoded, but for those of slashes and percent signs.
fn decoded_path(path: &str) -> String {
    path.split('/')
        .map(|segment| decoded(segment).replace('%', "%25").replace('/', "%2F"))
        .collect::<Vec<_>>()
        .join("/")
}

/// A text with its percent escapes decoded; what is no escape, or no UTF-8, stays as it is.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%').then(|| after.get(..2)).flatten().and_then(hexadecimal);
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}
