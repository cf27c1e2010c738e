//! Finds the places of secrets in a text that should be JSON, and may be anything.

use std::borrow::Cow;
use std::ops::Range;

use super::{REDACTED, is_settings_name, sounds_secret};

/// The places of values to mask, in order and apart from each other.
pub(super) fn secrets(bytes: &[u8], is_secret_call: bool, sensitive: &[String]) -> Vec<Range<usize>> {
    let mut walk = Walk { bytes, is_secret_call, sensitive, at: 0, open: Vec::new(), found: Vec::new() };
    walk.run();
    let mut found = walk.found;
    // A masked container makes the masks within it pointless.
    found.sort_by_key(|range| (range.start, usize::MAX - range.end));
    let mut end = 0;
    found.retain(|range| {
        let is_apart = range.start >= end;
        end = end.max(range.end);
        is_apart
    });
    found
}

struct Walk<'a> {
    bytes: &'a [u8],
    is_secret_call: bool,
    /// Settings that are known to be secret.
    sensitive: &'a [String],
    at: usize,
    /// The open containers, outermost first.
    open: Vec<Open<'a>>,
    found: Vec<Range<usize>>,
}

/// An open object or array.
struct Open<'a> {
    start: usize,
    is_object: bool,
    /// Whether it holds settings by name.
    is_settings: bool,
    /// Whether it is a setting whose name sounds like a secret.
    sounds_secret: bool,
    /// The name whose value comes next.
    name: Option<Cow<'a, [u8]>>,
    /// What it says of itself.
    is_sensitive: Option<bool>,
    /// Values to mask if it turns out to be sensitive.
    suspects: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            let start = self.at;
            match byte {
                b'{' | b'[' => {
                    self.at += 1;
                    self.enter(start, byte == b'{');
                }
                b'}' | b']' => {
                    self.at += 1;
                    self.leave(true);
                }
                b'"' => self.string(start),
                b',' => {
                    self.at += 1;
                    if let Some(open) = self.open.last_mut() {
                        open.name = None;
                    }
                }
                b' ' | b'\n' | b'\r' | b'\t' | b':' => self.at += 1,
                b'/' if self.comment() => {}
                _ => {
                    let is_end = |byte: &u8| b" \n\r\t:,\"{}[]".contains(byte);
                    let length = self.bytes[start..].iter().position(is_end);
                    self.at = length.map_or(self.bytes.len(), |length| start + length);
                    self.value(start..self.at);
                }
            }
        }
        while !self.open.is_empty() {
            self.leave(false);
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

    fn enter(&mut self, start: usize, is_object: bool) {
        let parent = self.open.last();
        let name = parent.and_then(|parent| parent.name.as_deref());
        let open = Open {
            start,
            is_object,
            is_settings: name.is_some_and(is_settings_name),
            sounds_secret: parent.is_some_and(|parent| parent.is_settings) && name.is_some_and(sounds_secret),
            name: None,
            is_sensitive: None,
            suspects: Vec::new(),
        };
        self.open.push(open);
    }

    /// Leaves the innermost container; without its end nobody knows what it would have said of itself.
    fn leave(&mut self, is_closed: bool) {
        let Some(open) = self.open.pop() else { return };
        if open.is_sensitive.unwrap_or(open.sounds_secret) || !is_closed {
            self.found.extend(open.suspects);
        }
        self.value(open.start..self.at);
    }

    /// Reads a string. One without its end goes to the end of its line, so that what follows is not
    /// read inside out.
    fn string(&mut self, start: usize) {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => break,
                b'"' => {
                    self.at += 1;
                    break;
                }
                b'\\' if self.bytes.get(self.at + 1).is_some_and(|next| *next != b'\n') => self.at += 2,
                _ => self.at += 1,
            }
        }
        let text = &self.bytes[start..self.at];
        match self.open.last_mut() {
            Some(open) if open.is_object && open.name.is_none() => open.name = Some(name(text)),
            _ => self.value(start..self.at),
        }
    }

    /// Notes a value that has just been read.
    fn value(&mut self, range: Range<usize>) {
        let text = &self.bytes[range.clone()];
        let is_string = text.first() == Some(&b'"');
        let hides_nothing = matches!(text, b"null" | b"\"\"")
            || (is_string
                && text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) == Some(REDACTED.as_bytes()));
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            // What is sent as a secret and is no object may be the secret itself.
            if self.is_secret_call && !hides_nothing && text.first() != Some(&b'{') {
                self.found.push(range);
            }
            return;
        };
        let Some(name) = open.name.take() else { return };
        match &*name {
            b"sensitive" => open.is_sensitive = Some(matches!(text, b"true" | b"\"true\"")),
            _ if hides_nothing => {}
            // Whatever else stands beside may be a `value` that was misspelt.
            name if self.is_secret_call && depth == 1 && !is_of_secret_answers(name) => self.found.push(range),
            b"value" | b"default_value" => open.suspects.push(range),
            b"api_key" | b"encoded" if is_string => self.found.push(range),
            _ if open.is_settings && is_string && sounds_secret(&name) => self.found.push(range),
            name if open.is_settings && self.sensitive.iter().any(|known| known.as_bytes() == name) => {
                self.found.push(range);
            }
            _ => {}
        }
    }
}

/// What the answers about secrets have besides the secret.
fn is_of_secret_answers(name: &[u8]) -> bool {
    matches!(name, b"id" | b"result" | b"deleted" | b"error" | b"status")
}

/// The places of strings that quote a body: what is said of one that is no JSON.
pub(super) fn quotes(bytes: &[u8]) -> Vec<Range<usize>> {
    const MARK: &[u8] = br#"(byte[])\""#;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| *byte == b'"').map(|next| at + next) {
        at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        at = at.min(bytes.len());
        if bytes[start..at].windows(MARK.len()).any(|piece| piece == MARK) {
            found.push(start..at);
        }
    }
    found
}

/// What a name with its quotes says; only its ASCII escapes are decoded, for they could hide one that
/// matters.
fn name(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.strip_prefix(b"u00").and_then(|after| after.get(..2)).filter(|_| byte == b'\\');
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        plain.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[5..] } else { after };
    }
    Cow::Owned(plain)
}
