//! A body in a recording: readable where it can be, and back byte for byte.
//!
//! | the body | in the line |
//! |---|---|
//! | is empty | nothing |
//! | is one JSON value in one line | `"body":` and the text itself, as it was on the wire |
//! | is one JSON value with line breaks, or blanks around it | `"body":` and the text without the blanks between its tokens, `"body_text":` and the exact text |
//! | is any other text | `"body":{"text":…}` |
//! | is no text | `"body":{"base64":…}` |
//!
//! An object whose one member is named `text` or `base64` goes by the fourth row, so that nothing is
//! taken for the last two that is not. So does JSON that other readers would stumble over: with
//! comments, with a name twice, with half a surrogate pair, or nested too deep.

use crate::limits::RECORDING_BODY_DEPTH_MAX;
use std::borrow::Cow;

use serde_json::Value;

use crate::base64;
use crate::json::{SyntaxError, Token, Tokens};

/// Appends the body's members, with a comma before each.
pub(super) fn write(out: &mut String, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    out.push_str(",\"body\":");
    let Ok(text) = std::str::from_utf8(bytes) else {
        out.push_str("{\"base64\":\"");
        out.push_str(&base64::encode(bytes));
        out.push_str("\"}");
        return;
    };
    match in_one_line(text) {
        Some(line) => {
            out.push_str(&line);
            if line != text {
                out.push_str(",\"body_text\":");
                super::push_json(out, text);
            }
        }
        None => {
            out.push_str("{\"text\":");
            super::push_json(out, text);
            out.push('}');
        }
    }
}

/// The text of a JSON body as it can stand in a line; none if it had better not stand there as JSON.
fn in_one_line(text: &str) -> Option<Cow<'_, str>> {
    // Our reader is strict and knows comments, the common one is lax and knows none: what both take,
    // everybody takes. The mark of UTF-8 is no blank, so the common one refuses it too.
    let plain = serde_json::from_str::<Value>(text).is_ok() && is_strict(text).unwrap_or(false);
    if !plain {
        return None;
    }
    let around = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let bytes = text.as_bytes();
    let fits =
        !bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) && !around(bytes.first()) && !around(bytes.last());
    Some(if fits { Cow::Borrowed(text) } else { Cow::Owned(without_blanks(text)) })
}

/// Whether our reader takes the text, within the depth, and nobody would take it for a wrapped one.
fn is_strict(text: &str) -> Result<bool, SyntaxError> {
    let mut tokens = Tokens::new(text.as_bytes());
    let mut depth = 0;
    while let Some(token) = tokens.next()? {
        match token {
            Token::StartObject | Token::StartArray => depth += 1,
            Token::EndObject | Token::EndArray => depth -= 1,
            Token::FieldName | Token::String => {
                tokens.text()?;
            }
            Token::Number | Token::Boolean(_) | Token::Null => {}
        }
        if depth > RECORDING_BODY_DEPTH_MAX {
            return Ok(false);
        }
    }
    Ok(wrapper(text.as_bytes())?.is_none())
}

/// A JSON text without the blanks between its tokens.
fn without_blanks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if quoted {
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if matches!(c, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            quoted = c == '"';
        }
        out.push(c);
    }
    out
}

/// The bytes of the value that begins at the current token; then its last token is the current one.
pub(super) fn raw<'a>(line: &'a [u8], tokens: &mut Tokens<'a>) -> Result<&'a [u8], SyntaxError> {
    let start = tokens.position().offset;
    let end = match tokens.token() {
        Some(Token::String) => {
            tokens.text()?;
            let mut at = start + 1;
            while line.get(at).is_some_and(|byte| *byte != b'"') {
                at += if line[at] == b'\\' { 2 } else { 1 };
            }
            at + 1
        }
        Some(Token::StartObject | Token::StartArray) => {
            tokens.skip()?;
            tokens.position().offset + 1
        }
        _ => start + tokens.text()?.len(),
    };
    Ok(&line[start..end.min(line.len())])
}

/// What is wrong with a body as it stands in a line.
pub(super) struct BodyDiagnostic {
    pub(super) what: &'static str,
    pub(super) cure: &'static str,
}

/// The bytes that a value in a line stands for.
pub(super) fn read(raw: &[u8]) -> Result<Vec<u8>, BodyDiagnostic> {
    match wrapper(raw) {
        Ok(Some((Wrapper::Text, Some(text)))) => Ok(text.into_bytes()),
        Ok(Some((Wrapper::Base64, Some(text)))) => base64::decode(&text).ok_or(BodyDiagnostic {
            what: "[base64] is no base64",
            cure: "write the standard alphabet with `=` at the end, without blanks",
        }),
        Ok(Some((_, None))) => Err(BodyDiagnostic {
            what: "a body with the one member [text] or [base64] must have a string there",
            cure: "put a JSON body that looks like this into {\"text\":…}",
        }),
        Ok(None) | Err(_) => Ok(raw.to_vec()),
    }
}

enum Wrapper {
    Text,
    Base64,
}

/// The wrapper that the value is, with its content if that is a string.
fn wrapper(raw: &[u8]) -> Result<Option<(Wrapper, Option<String>)>, SyntaxError> {
    let mut tokens = Tokens::new(raw);
    if tokens.next()? != Some(Token::StartObject) || tokens.next()? != Some(Token::FieldName) {
        return Ok(None);
    }
    let kind = match &*tokens.text()? {
        "text" => Wrapper::Text,
        "base64" => Wrapper::Base64,
        _ => return Ok(None),
    };
    let content = match tokens.next()? {
        Some(Token::String) => Some(tokens.text()?.into_owned()),
        _ => None,
    };
    tokens.skip()?;
    Ok((tokens.next()? == Some(Token::EndObject)).then_some((kind, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = String::new();
        write(&mut out, bytes);
        out
    }

    #[test]
    fn bodies_are_readable_where_they_can_be() {
        for (body, expected) in [
            ("", ""),
            (r#"{"result":"updated"}"#, r#","body":{"result":"updated"}"#),
            (r#"{"a": 1.0e3,  "b" :[ ]}"#, r#","body":{"a": 1.0e3,  "b" :[ ]}"#),
            ("null", r#","body":null"#),
            ("7", r#","body":7"#),
            (r#""x""#, r#","body":"x""#),
            (
                "{\n  \"a b\" : [ \"x \\\" y\" ]\n}\n",
                r#","body":{"a b":["x \" y"]},"body_text":"{\n  \"a b\" : [ \"x \\\" y\" ]\n}\n""#,
            ),
            (" 7", r#","body":7,"body_text":" 7""#),
            ("plain", r#","body":{"text":"plain"}"#),
            ("{}\n{}\n", r#","body":{"text":"{}\n{}\n"}"#),
            (" ", r#","body":{"text":" "}"#),
            (r#"{"a":1,"a":2}"#, r#","body":{"text":"{\"a\":1,\"a\":2}"}"#),
            ("{} // x", r#","body":{"text":"{} // x"}"#),
            (r#"{"a":"\ud800"}"#, r#","body":{"text":"{\"a\":\"\\ud800\"}"}"#),
            (r#"{"text":"x"}"#, r#","body":{"text":"{\"text\":\"x\"}"}"#),
            (r#"{"base64":7}"#, r#","body":{"text":"{\"base64\":7}"}"#),
            (r#"{"text":"x","more":1}"#, r#","body":{"text":"x","more":1}"#),
            (r#"{"n":123456789012345678901234567890}"#, r#","body":{"n":123456789012345678901234567890}"#),
        ] {
            assert_eq!(written(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(written(b"\xFF\xFE\x00"), r#","body":{"base64":"//4A"}"#);
        let deep = "[".repeat(101) + &"]".repeat(101);
        assert!(written(deep.as_bytes()).starts_with(r#","body":{"text":"#));
    }
}
