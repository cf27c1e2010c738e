//! Masks credentials and secrets on the way into the journal.
//!
//! Whatever is kept has passed here: header lines, the query, bodies, the state in a recording's
//! header. What is masked reads [`REDACTED`]; everything else keeps its bytes. Empty texts and nulls
//! stay, because they hide nothing and a reader wants to know that nothing was set.
//!
//! Bodies are masked by place in their text, not by reading and writing them again. The walk does not
//! ask whether the text is good JSON: a body that Elasticsearch refuses may hold a password too, and
//! where its end is missing, more is masked rather than less.
//!
//! What cannot be seen from the text alone is asked of the state, where a call sets values of a stored
//! configuration, and else guessed by name: a configuration value that comes without its `sensitive`
//! mark is masked if its name sounds like a secret ([`sounds_secret`]).

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use crate::http::Headers;

/// What stands in place of a masked value.
pub const REDACTED: &str = "<redacted>";

/// [`REDACTED`] in a query, where its brackets have to be escaped.
const REDACTED_IN_QUERY: &str = "%3Credacted%3E";

/// Header lines that carry credentials.
fn is_secret_header(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "proxy-authorization"
            | "cookie"
            | "set-cookie"
            | "x-api-key"
            | "api-key"
            | "x-auth-token"
            | "es-secondary-authorization"
            | "es-client-authentication"
            | "es-secondary-x-client-authentication"
            | "x-amz-security-token"
    )
}

/// Query parameters that carry credentials.
fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&*name, "apikey" | "api_key" | "auth" | "authorization" | "encoded")
        || (sounds_secret(&name) && !name.ends_with("_id"))
}

/// Whether a setting with that name is likely to hold a secret.
fn sounds_secret(name: impl AsRef<[u8]>) -> bool {
    const WORDS: [&str; 9] =
        ["password", "passwd", "passphrase", "secret", "token", "credential", "api_key", "private_key", "access_key"];
    let sounds_like =
        |word: &str| name.as_ref().windows(word.len()).any(|piece| piece.eq_ignore_ascii_case(word.as_bytes()));
    WORDS.iter().any(|word| sounds_like(word))
}

/// The header lines, with credentials masked; nothing is copied when there are none.
pub fn headers(headers: &Headers) -> Cow<'_, Headers> {
    let is_bare = |(name, value): (&str, &str)| is_secret_header(name) && !value.is_empty() && value != REDACTED;
    if !headers.iter().any(is_bare) {
        return Cow::Borrowed(headers);
    }
    let mut masked = Headers::with_capacity(8, headers.as_text().len() + REDACTED.len());
    for (name, value) in headers.iter() {
        masked.push(name, if is_bare((name, value)) { REDACTED } else { value });
    }
    Cow::Owned(masked)
}

/// Path and query, with credentials in the query masked.
pub fn target(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else {
        return Cow::Borrowed(target);
    };
    let is_bare = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !value.is_empty() && value != REDACTED_IN_QUERY && is_secret_parameter(&unescaped(name))
    };
    if !query.split('&').any(is_bare) {
        return Cow::Borrowed(target);
    }
    let mut masked = String::with_capacity(target.len() + REDACTED_IN_QUERY.len());
    masked.push_str(path);
    for (at, parameter) in query.split('&').enumerate() {
        masked.push(if at == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_bare(parameter) => masked.extend([name, "=", REDACTED_IN_QUERY]),
            _ => masked.push_str(parameter),
        }
    }
    Cow::Owned(masked)
}

/// A text with its percent escapes decoded, as far as they stand for ASCII.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 3..];
            }
            None => {
                plain.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A body with its secrets masked; the very same bytes when there are none.
///
/// Masked are: in the calls about secrets everything that may be one; `api_key` and `encoded` where they are strings;
/// `value` and `default_value` of every object that says `"sensitive": true`; and settings of a
/// `configuration` or of its `values` that do not say, by their name. Lines of several values are read
/// like one value.
pub fn body(operation: Option<&str>, bytes: &Bytes) -> Bytes {
    body_of(operation, bytes, &[])
}

/// The same, where more is known than the text says: settings of these names are masked too.
pub fn body_of(operation: Option<&str>, bytes: &Bytes, sensitive: &[String]) -> Bytes {
    let is_secret_call = operation.is_some_and(|operation| operation.starts_with("connector.secret_"));
    if !is_secret_call && !is_suspect(bytes) {
        return bytes.clone();
    }
    masked(bytes, walk::secrets(bytes, is_secret_call, sensitive))
}

/// The answer to a call whose request has been masked: it quotes a body that is no JSON, so whatever
/// quotes is masked too.
pub fn answer(operation: Option<&str>, bytes: &Bytes, hides: bool) -> Bytes {
    let bytes = body(operation, bytes);
    if hides { masked(&bytes, walk::quotes(&bytes)) } else { bytes }
}

/// The reason of a refusal as [`answer`] leaves it, for a request with that body.
pub fn reason<'r>(operation: Option<&str>, bytes: &Bytes, sensitive: &[String], reason: &'r str) -> &'r str {
    if reason.contains("(byte[])\"") && body_of(operation, bytes, sensitive) != *bytes { REDACTED } else { reason }
}

fn masked(bytes: &Bytes, ranges: Vec<Range<usize>>) -> Bytes {
    if ranges.is_empty() {
        return bytes.clone();
    }
    let mut masked = Vec::with_capacity(bytes.len() + ranges.len() * (REDACTED.len() + 2));
    let mut copied = 0;
    for range in ranges {
        masked.extend_from_slice(&bytes[copied..range.start]);
        masked.push(b'"');
        masked.extend_from_slice(REDACTED.as_bytes());
        masked.push(b'"');
        copied = range.end;
    }
    masked.extend_from_slice(&bytes[copied..]);
    Bytes::from(masked)
}

/// Whether a look at the body is worth its while: it has a name that goes with secrets, or spells
/// ASCII in a way that could hide one.
fn is_suspect(bytes: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [b"sensitive\"", b"api_key\"", b"encoded\"", b"configuration\"", b"values\""];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let is_name = rest[at] == b'"';
        rest = &rest[at + 1..];
        let hides = match rest.first() {
            Some(b's' | b'a' | b'e' | b'c' | b'v') if is_name => NAMES.iter().any(|name| rest.starts_with(name)),
            _ => !is_name && rest.starts_with(b"u00"),
        };
        if hides {
            return true;
        }
    }
    false
}

/// The same for a state in the form of a fixture: sensitive configuration values, `secrets[].value`,
/// `api_keys[].api_key`.
pub fn value(state: &mut Value) {
    if let Some(Value::Array(secrets)) = state.get_mut("secrets") {
        secrets.iter_mut().filter_map(|secret| secret.get_mut("value")).for_each(mask);
    }
    mask_within(state, false, None);
}

/// Masks what a value holds. `is_settings`: it is a `configuration` or its `values`; `setting`: it is
/// one of those, with that name.
fn mask_within(value: &mut Value, is_settings: bool, setting: Option<&str>) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| mask_within(element, false, None)),
        Value::Object(members) => {
            let is_sensitive = match members.get("sensitive") {
                Some(Value::Bool(sensitive)) => *sensitive,
                Some(Value::String(text)) => text == "true",
                _ => setting.is_some_and(sounds_secret),
            };
            for (name, member) in members.iter_mut() {
                match &**name {
                    "value" | "default_value" if is_sensitive => mask(member),
                    "api_key" | "encoded" if member.is_string() => mask(member),
                    _ if is_settings && member.is_string() && sounds_secret(name) => mask(member),
                    _ => mask_within(member, is_settings_name(name), is_settings.then_some(name)),
                }
            }
        }
        _ => {}
    }
}

fn mask(value: &mut Value) {
    if !value.is_null() && value.as_str() != Some("") {
        *value = Value::from(REDACTED);
    }
}

/// Whether a member of that name holds settings by name.
fn is_settings_name(name: impl AsRef<[u8]>) -> bool {
    matches!(name.as_ref(), b"configuration" | b"values")
}

mod known;
mod walk;

pub use known::{Exposure, Known, exposures};

#[cfg(test)]
mod tests;
