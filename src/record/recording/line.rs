//! [`LineReader`]: one line of a recording as it is read, value by value, with the mistakes found in it.
//!
//! One walk over the tokens: it knows the place of every piece, and the exact text of a body.

use super::RecordingDiagnostic;
use crate::clock::Timestamp;
use crate::json::{SyntaxError, Token, Tokens};
use crate::limits::RECORDING_MISTAKES_MAX;
use crate::suggest::similar;

/// The mistakes of a file, as they are found.
pub(super) struct Notes<'n> {
    pub(super) file: &'n str,
    pub(super) mistakes: Vec<RecordingDiagnostic>,
    /// What this version does not know, and can do without.
    pub(super) unknown: Vec<String>,
    /// The version that wrote the file, as soon as that is known.
    pub(super) writer: String,
}

impl<'n> Notes<'n> {
    pub(super) fn new(file: &'n str) -> Notes<'n> {
        Notes { file, mistakes: Vec::new(), unknown: Vec::new(), writer: String::new() }
    }

    /// What else helps if a later version wrote the file.
    fn or_later(&self, cure: String) -> String {
        let is_later = version(&self.writer) > version(env!("CARGO_PKG_VERSION"));
        match is_later {
            true => format!("{cure}; or use elastimock {}, which wrote it, or a later one", self.writer),
            false => cure,
        }
    }
}

/// The numbers of a version; none of what is no version.
fn version(text: &str) -> Vec<u64> {
    let release = text.split(['-', '+']).next().unwrap_or_default();
    release.split('.').map_while(|part| part.parse().ok()).collect()
}

/// A line being read.
pub(super) struct LineReader<'a, 'n, 'm> {
    pub(super) bytes: &'a [u8],
    pub(super) number: u32,
    pub(super) tokens: Tokens<'a>,
    /// Where the last key began.
    pub(super) key_at: usize,
    pub(super) notes: &'m mut Notes<'n>,
}

impl<'a, 'n, 'm> LineReader<'a, 'n, 'm> {
    pub(super) fn new(bytes: &'a [u8], number: u32, notes: &'m mut Notes<'n>) -> LineReader<'a, 'n, 'm> {
        LineReader { bytes, number, tokens: Tokens::new(bytes), key_at: 0, notes }
    }

    // ── mistakes ──────────────────────────────────────────────────────────────────────────────────

    /// Notes a mistake at that byte of the line.
    pub(super) fn wrong(&mut self, offset: usize, what: impl Into<String>, cure: impl Into<String>) {
        self.notes.mistakes.push(RecordingDiagnostic {
            file: self.notes.file.to_owned(),
            line: self.number,
            column: u32::try_from(offset + 1).unwrap_or(u32::MAX),
            what: what.into(),
            cure: cure.into(),
        });
    }

    pub(super) fn syntax(&mut self, error: &SyntaxError) {
        let words = error.to_string();
        let words = words.rsplit_once(", line ").map_or(&*words, |(words, _)| words);
        let cure = "a line of a recording is one JSON object";
        self.wrong(error.position().offset.saturating_sub(1), words, cure);
    }

    pub(super) fn unknown(&mut self, key: &str, of: &str, known: &[&'static str]) {
        let cure = match similar(key, known.iter().copied()).first() {
            Some(close) => format!("did you mean [{close}]?"),
            None => format!("its keys are {}", known.join(", ")),
        };
        let cure = self.notes.or_later(cure);
        self.wrong(self.key_at, format!("{of} has no key [{key}]"), cure);
    }

    /// Notes members of a finding that begins at that byte and that this version cannot read.
    pub(super) fn passed_over(&mut self, offset: usize, members: &[String]) {
        if self.notes.unknown.len() < RECORDING_MISTAKES_MAX {
            let shown: Vec<String> = members.iter().take(4).map(|name| format!("[{}]", name.escape_debug())).collect();
            self.notes.unknown.push(format!(
                "{}:{}:{}: this version cannot read {} of a finding; it stands in the evidence as [unknown]",
                self.notes.file,
                self.number,
                offset + 1,
                shown.join(", ")
            ));
        }
    }

    /// What to do about a value that is not one of those that are known.
    pub(super) fn or_later(&self, cure: &str) -> String {
        self.notes.or_later(cure.to_owned())
    }

    pub(super) fn missing(&mut self, offset: usize, of: &str, key: &str, example: &str) {
        self.wrong(offset, format!("{of} has no [{key}]"), format!("add it, for example \"{key}\":{example}"));
    }

    /// Notes that the current value is not what its key wants, and passes over it.
    pub(super) fn mistyped(&mut self, key: &str, wanted: &str) -> Result<(), SyntaxError> {
        let seen = match self.tokens.token() {
            Some(Token::StartObject) => "an object",
            Some(Token::StartArray) => "a list",
            Some(Token::String) => "a string",
            Some(Token::Number) => "a number",
            Some(Token::Boolean(_)) => "a boolean",
            _ => "null",
        };
        let at = self.at();
        self.tokens.skip()?;
        self.wrong(at, format!("[{key}] is {seen}"), format!("write {wanted}"));
        Ok(())
    }

    /// Where the current token begins, as an offset in the line.
    pub(super) fn at(&self) -> usize {
        self.tokens.position().offset
    }

    // ── values ────────────────────────────────────────────────────────────────────────────────────

    /// The next key of the open object, with its value as the current token; none at its end.
    pub(super) fn key(&mut self) -> Result<Option<String>, SyntaxError> {
        if self.tokens.next()? != Some(Token::FieldName) {
            return Ok(None);
        }
        self.key_at = self.at();
        let key = self.tokens.text()?.into_owned();
        self.tokens.next()?;
        Ok(Some(key))
    }

    pub(super) fn skip_unknown(&mut self, key: &str, of: &str, known: &[&'static str]) -> Result<(), SyntaxError> {
        self.unknown(key, of, known);
        self.tokens.skip()
    }

    /// Sees to it that nothing follows the line's object.
    pub(super) fn end(&mut self) -> Result<(), SyntaxError> {
        if self.tokens.next()?.is_some() {
            self.wrong(self.at(), "there is more after the end of the object", "begin a line for it");
        }
        Ok(())
    }

    pub(super) fn string(&mut self, key: &str, wanted: &str) -> Result<Option<String>, SyntaxError> {
        if self.tokens.token() == Some(Token::String) {
            return Ok(Some(self.tokens.text()?.into_owned()));
        }
        self.mistyped(key, wanted)?;
        Ok(None)
    }

    pub(super) fn boolean(&mut self, key: &str, wanted: &str) -> Result<bool, SyntaxError> {
        match self.tokens.token() {
            Some(Token::Boolean(value)) => Ok(value),
            Some(Token::Null) => Ok(false),
            _ => self.mistyped(key, wanted).map(|()| false),
        }
    }

    /// A string that `parse` can read.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SyntaxError> {
        let at = self.at();
        let Some(text) = self.string(key, wanted)? else {
            return Ok(None);
        };
        let parsed = parse(&text);
        if parsed.is_none() {
            let shown: String = text.chars().take(80).collect();
            let cure = self.notes.or_later(format!("write {wanted}"));
            self.wrong(at, format!("[{key}] cannot be \"{}\"", shown.escape_debug()), cure);
        }
        Ok(parsed)
    }

    pub(super) fn instant(&mut self, key: &str) -> Result<Option<Timestamp>, SyntaxError> {
        let wanted = "an instant as in RFC 3339, for example \"2031-05-01T10:00:00.000Z\"";
        self.parsed(key, wanted, |text| text.parse().ok())
    }

    pub(super) fn number(&mut self, key: &str, wanted: &str, most: u64) -> Result<Option<u64>, SyntaxError> {
        if self.tokens.token() != Some(Token::Number) {
            self.mistyped(key, wanted)?;
            return Ok(None);
        }
        let text = self.tokens.text()?;
        let number = text.parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            let shown: String = text.chars().take(40).collect();
            self.wrong(self.at(), format!("[{key}] cannot be {shown}"), format!("write {wanted}"));
        }
        Ok(number)
    }
}
