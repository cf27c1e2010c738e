//! Goes through a text that should be JSON, and may be anything, and finds its secrets; and the same through
//! a value that has been read already.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::REDACTED;
use super::sieve::{Marked, SecretsFound, Sieve, SieveKind, SieveScope};

/// The secrets of a text, and where it stops being JSON, if it does.
pub(super) fn text<'a>(bytes: &'a [u8], scope: SieveScope, known: &Marked) -> (SecretsFound<'a>, Option<usize>) {
    let mut walk = RedactionWalk { bytes, at: 0, due: vec![NextToken::Value], sieve: Sieve::new(scope, known) };
    let broken = walk.run();
    (walk.sieve.finish(broken.unwrap_or(bytes.len())), broken)
}

/// The secrets of a value; places count its nodes, each before what it holds.
pub(super) fn value<'a>(value: &'a Value, known: &Marked) -> SecretsFound<'a> {
    let mut sieve = Sieve::new(SieveScope::Plain, known);
    let nodes = tell(&mut sieve, value, 0);
    sieve.finish(nodes)
}

/// Tells a value whose first node has that number, and returns the number after its last one.
fn tell<'a>(sieve: &mut Sieve<'_, 'a>, value: &'a Value, start: usize) -> usize {
    let mut at = start + 1;
    match value {
        Value::Object(members) => {
            sieve.enter(start, true);
            for (name, member) in members {
                sieve.name(Cow::Borrowed(name.as_bytes()));
                at = tell(sieve, member, at);
            }
            sieve.leave(at, true);
        }
        Value::Array(elements) => {
            sieve.enter(start, false);
            for element in elements {
                at = tell(sieve, element, at);
            }
            sieve.leave(at, true);
        }
        Value::Null => sieve.value(start..at, SieveKind::Nothing, true),
        Value::Bool(yes) => sieve.value(start..at, SieveKind::Boolean, !yes),
        Value::Number(number) => sieve.value(start..at, SieveKind::Number, number.as_f64() == Some(0.0)),
        Value::String(text) => {
            let kind = if text.is_empty() || text == REDACTED { SieveKind::Nothing } else { SieveKind::Text };
            sieve.value(start..at, kind, matches!(&**text, "" | "false"));
        }
    }
    at
}

/// What must come next in a container, or at the root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextToken {
    /// A value; at the root another one, and in an array only after a comma.
    Value,
    /// A value, or the end of an array.
    ValueOrEnd,
    Name,
    /// A name, or the end of an object.
    NameOrEnd,
    Colon,
    /// The value of a member.
    Member,
    CommaOrEnd,
}

struct RedactionWalk<'s, 'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is due in the root and in each open container.
    due: Vec<NextToken>,
    sieve: Sieve<'s, 'a>,
}

impl RedactionWalk<'_, '_> {
    /// Reads to the end, or to the first piece that cannot stand where it does, and returns its place.
    fn run(&mut self) -> Option<usize> {
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            self.at = 3;
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            let start = self.at;
            let due = self.due.last().copied().unwrap_or(NextToken::Value);
            let takes_value = matches!(due, NextToken::Value | NextToken::ValueOrEnd | NextToken::Member);
            match (byte, due) {
                (b' ' | b'\n' | b'\r' | b'\t', _) => self.at += 1,
                (b'/', _) if self.comment() => {}
                (b'{' | b'[', _) if takes_value => {
                    self.at += 1;
                    self.due.push(if byte == b'{' { NextToken::NameOrEnd } else { NextToken::ValueOrEnd });
                    self.sieve.enter(start, byte == b'{');
                }
                (b'}', NextToken::NameOrEnd | NextToken::CommaOrEnd)
                | (b']', NextToken::ValueOrEnd | NextToken::CommaOrEnd)
                    if self.sieve.is_within(byte == b'}') =>
                {
                    self.at += 1;
                    self.due.pop();
                    self.sieve.leave(self.at, true);
                    self.taken();
                }
                (b':', NextToken::Colon) => self.now(NextToken::Member),
                (b',', NextToken::CommaOrEnd) => {
                    let due = if self.sieve.is_within(true) { NextToken::Name } else { NextToken::Value };
                    self.now(due);
                }
                (b'"', NextToken::Name | NextToken::NameOrEnd) => {
                    let Some(end) = self.string_end() else { return Some(start) };
                    self.sieve.name(plain(&self.bytes[start..end]));
                    self.at = end - 1;
                    self.now(NextToken::Colon);
                }
                (b'"', _) if takes_value => {
                    let Some(end) = self.string_end() else { return Some(start) };
                    self.at = end;
                    let text = &self.bytes[start + 1..end - 1];
                    let hides_nothing = text.is_empty() || text == REDACTED.as_bytes();
                    let kind = if hides_nothing { SieveKind::Nothing } else { SieveKind::Text };
                    self.sieve.value(start..end, kind, matches!(text, b"" | b"false"));
                    self.taken();
                }
                _ if takes_value => {
                    let is_end = |byte: &u8| b" \n\r\t:,\"'{}[]/".contains(byte);
                    let length = self.bytes[start..].iter().position(is_end);
                    let end = length.map_or(self.bytes.len(), |length| start + length);
                    let word = &self.bytes[start..end];
                    let kind = match word {
                        b"null" => SieveKind::Nothing,
                        b"true" | b"false" => SieveKind::Boolean,
                        _ if is_number(word) => SieveKind::Number,
                        _ => return Some(start),
                    };
                    self.at = end;
                    self.sieve.value(start..end, kind, matches!(word, b"null" | b"false" | b"0"));
                    self.taken();
                }
                _ => return Some(start),
            }
        }
        // Nothing is left to be cut, and yet it is no JSON.
        (self.due.len() > 1).then_some(self.bytes.len())
    }

    /// One byte has gone by, and that is due after it.
    fn now(&mut self, due: NextToken) {
        self.at += 1;
        if let Some(now) = self.due.last_mut() {
            *now = due;
        }
    }

    /// A value has gone by.
    fn taken(&mut self) {
        let is_root = self.due.len() == 1;
        if let Some(due) = self.due.last_mut() {
            *due = if is_root { NextToken::Value } else { NextToken::CommaOrEnd };
        }
    }

    /// Passes over a comment, if there is one.
    fn comment(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|byte| *byte == b'\n')
        } else if rest.starts_with(b"/*") {
            rest[2..].windows(2).position(|end| end == b"*/").map(|end| end + 4)
        } else {
            return false;
        };
        self.at += length.unwrap_or(rest.len());
        true
    }

    /// Where the string that begins here ends; none if it has no end in its line.
    fn string_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\n' => return None,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }
}

fn is_number(word: &[u8]) -> bool {
    matches!(word.first(), Some(b'-' | b'0'..=b'9'))
        && word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// The strings in a JSON text, with their quotes; `is_name` says whether a colon follows.
pub(super) fn strings(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, bool)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
        at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        at = at.min(bytes.len());
        let is_name = bytes[at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        Some((start..at, is_name))
    })
}

/// What a string with its quotes says.
pub(super) fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    let inner = text.strip_prefix(b"\"").unwrap_or(text);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_slice::<String>(text) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(inner),
    }
}
