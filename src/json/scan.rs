//! The bytes of a JSON text: blanks, comments, marks, names and strings. Numbers and words are next door.
//!
//! A [`TextScan`] knows where it is and nothing of what encloses it; whoever calls says so. Strings are
//! first passed over (that finds every error and its place), and decoded after that, which cannot fail.
//!
//! Source: jackson-core 2.15 on a byte array, compared run by run.

use std::borrow::Cow;

use super::chars::{code_point, group_to, lenient, more_bytes, run_end, unescape};
use super::error::{EnclosingScope, Position, SyntaxCause, SyntaxError, TextLine};
use crate::steps;

/// What encloses a place, and the offset of its opening mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub scope: EnclosingScope,
    pub start: usize,
}

impl Context {
    pub(super) const ROOT: Context = Context { scope: EnclosingScope::Root, start: 0 };
}

/// A place in a text, and Jackson's name for the token last met, which some errors name.
#[derive(Debug, Clone)]
pub(super) struct TextScan<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub last: &'static str,
}

/// The inside of a string, found to be in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum StringText<'a> {
    Plain(&'a str),
    /// With escapes, or not UTF-8 as Rust has it.
    Odd(&'a [u8]),
}

impl<'a> TextScan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> TextScan<'a> {
        steps::text();
        // The mark of UTF-8 is passed over, and columns count its bytes. Shorter than four bytes,
        // a text is not looked at for a mark. Source: jackson-core 2.15, a run.
        //
        // DIFFERENCE: Jackson also recognises UTF-16 and UTF-32; here they are refused, at their mark or
        // at their first zero byte. No Elasticsearch client sends them.
        let at = if bytes.len() > 3 && bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        TextScan { bytes, at, last: "null" }
    }

    #[cold]
    pub(super) fn error(&self, cause: SyntaxCause) -> SyntaxError {
        SyntaxError::new(self.bytes, self.at, cause)
    }

    #[cold]
    pub(super) fn unexpected(&self, byte: u8, wanted: &'static str) -> SyntaxError {
        self.error(SyntaxCause::Unexpected { unit: byte.into(), wanted })
    }

    #[cold]
    pub(super) fn end_in_token(&self) -> SyntaxError {
        self.error(SyntaxCause::EndIn { token: self.last })
    }

    pub(super) fn take(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Takes the next byte that is neither blank nor in a comment.
    #[inline]
    pub(super) fn mark(&mut self) -> Result<Option<u8>, SyntaxError> {
        loop {
            let Some(byte) = self.take() else {
                return Ok(None);
            };
            match byte {
                b'/' => self.comment()?,
                0x21.. => return Ok(Some(byte)),
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => return Err(self.error(SyntaxCause::ControlBetween { byte })),
            }
        }
    }

    /// Takes the first byte of the next entry; `None` once the container (or the text, at the root) ended.
    #[inline]
    pub(super) fn entry(&mut self, context: Context, first: bool) -> Result<Option<u8>, SyntaxError> {
        let Context { scope, start } = context;
        let Some(byte) = self.mark()? else {
            return match scope {
                EnclosingScope::Root => Ok(None),
                _ => Err(self.error(SyntaxCause::EndOpen { scope, start: self.position(start) })),
            };
        };
        match (byte, scope) {
            (b'}', EnclosingScope::Object) | (b']', EnclosingScope::Array) => return Ok(None),
            (b'}' | b']', _) => {
                let start = match scope {
                    EnclosingScope::Root => Position::START,
                    _ => self.position(start),
                };
                return Err(self.error(SyntaxCause::Mismatch { found: byte, scope, start }));
            }
            _ if first || scope == EnclosingScope::Root => return Ok(Some(byte)),
            (b',', _) => {}
            _ => {
                return Err(self.error(SyntaxCause::NoComma { unit: byte.into(), scope }));
            }
        }
        match self.mark()? {
            Some(byte) => Ok(Some(byte)),
            None => Err(self.error(SyntaxCause::EndAfterComma { scope })),
        }
    }

    fn position(&self, offset: usize) -> Position {
        TextLine::FIRST.of(self.bytes, offset).position(offset)
    }

    /// Passes over the colon after a name, and takes the first byte of the value.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<u8, SyntaxError> {
        const END: SyntaxCause = SyntaxCause::End(" within/between Object entries");
        match self.mark()? {
            Some(b':') => {}
            Some(byte) => {
                return Err(self.unexpected(byte, "was expecting a colon to separate field name and value"));
            }
            None => return Err(self.error(END)),
        }
        self.mark()?.ok_or_else(|| self.error(END))
    }

    /// Passes over a comment whose `/` has been taken.
    #[cold]
    fn comment(&mut self) -> Result<(), SyntaxError> {
        const END: SyntaxCause = SyntaxCause::End(" in a comment");
        let line = match self.take() {
            Some(b'/') => true,
            Some(b'*') => false,
            Some(byte) => {
                return Err(self.unexpected(byte, "was expecting either '*' or '/' for a comment"));
            }
            None => return Err(self.error(END)),
        };
        while let Some(byte) = self.take() {
            match byte {
                b'\n' | b'\r' if line => return Ok(()),
                b'*' if !line && self.bytes.get(self.at) == Some(&b'/') => {
                    self.at += 1;
                    return Ok(());
                }
                b'\n' | b'\r' | b'\t' | 0x20..0x80 => {}
                0x80.. => self.rest_of_character(byte)?,
                _ => return Err(self.error(SyntaxCause::ControlBetween { byte })),
            }
        }
        if line { Ok(()) } else { Err(self.error(END)) }
    }

    /// Passes over a string whose opening quote has been taken.
    #[inline]
    pub(super) fn string(&mut self) -> Result<StringText<'a>, SyntaxError> {
        match self.plain() {
            Some(text) => Ok(StringText::Plain(text)),
            None => self.odd_string().map(StringText::Odd),
        }
    }

    /// Takes characters up to a quote, and the quote; takes nothing if there is anything odd.
    #[inline]
    fn plain(&mut self) -> Option<&'a str> {
        let end = run_end::<false>(self.bytes, self.at);
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        let text = str::from_utf8(&self.bytes[self.at..end]).ok()?;
        self.at = end + 1;
        Some(text)
    }

    fn odd_string(&mut self) -> Result<&'a [u8], SyntaxError> {
        let from = self.at;
        loop {
            self.at = run_end::<true>(self.bytes, self.at);
            match self.take() {
                Some(b'"') => return Ok(&self.bytes[from..self.at - 1]),
                Some(b'\\') => self.escape()?,
                Some(byte @ 0x80..) => self.rest_of_character(byte)?,
                Some(byte) => {
                    return Err(self.error(SyntaxCause::ControlInText { byte, place: "string value" }));
                }
                None => return Err(self.end_in_token()),
            }
        }
    }

    /// Passes over a name whose first byte, hopefully a quote, has been taken.
    #[inline]
    pub(super) fn name(&mut self, first: u8) -> Result<Cow<'a, str>, SyntaxError> {
        if first != b'"' {
            return Err(self.no_name(first));
        }
        match self.plain() {
            Some(name) => Ok(Cow::Borrowed(name)),
            None => self.odd_name().map(Cow::Owned),
        }
    }

    /// A name with escapes, or with an error. Unlike a string's, its bytes are judged once it has ended.
    fn odd_name(&mut self) -> Result<String, SyntaxError> {
        let from = self.at;
        loop {
            self.at = run_end::<false>(self.bytes, self.at);
            match self.take() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(byte) => {
                    return Err(self.error(SyntaxCause::ControlInText { byte, place: "name" }));
                }
                None if self.at == from => {
                    return Err(self.error(SyntaxCause::End(": was expecting closing '\"' for name")));
                }
                None => return Err(self.error(SyntaxCause::End(" in field name"))),
            }
        }
        let bytes = unescape(&self.bytes[from..self.at - 1]);
        self.judge_name(&bytes)?;
        Ok(lenient(bytes))
    }

    #[cold]
    fn no_name(&mut self, first: u8) -> SyntaxError {
        match self.character(first) {
            Ok(unit) => self.error(SyntaxCause::Unexpected {
                unit: unit.into(),
                wanted: "was expecting double-quote to start field name",
            }),
            Err(error) => error,
        }
    }

    /// The errors Jackson finds among the bytes of a name, once it has ended.
    ///
    /// DIFFERENCE: a byte 0xFF at the beginning of a group of four can slip through Jackson, if the
    /// name without it has been met before.
    fn judge_name(&self, bytes: &[u8]) -> Result<(), SyntaxError> {
        if str::from_utf8(bytes).is_ok() {
            return Ok(());
        }
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            at += 1;
            let more = more_bytes(byte).ok_or_else(|| self.error(SyntaxCause::BadStart { byte }))?;
            if at + more > bytes.len() {
                return Err(self.error(SyntaxCause::End(" in field name")));
            }
            for nth in 0..more {
                let byte = bytes[at];
                if byte & 0xC0 != 0x80 {
                    // Jackson keeps names in groups of four bytes and shows all of a group up to the
                    // wrong byte, sign and all, except for the last byte of four.
                    let bits = if nth == 2 { u32::from(byte) } else { group_to(bytes, at) };
                    return Err(self.error(SyntaxCause::BadMiddle { bits }));
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// Passes over what follows a backslash, in a string or a name.
    fn escape(&mut self) -> Result<(), SyntaxError> {
        const END: SyntaxCause = SyntaxCause::End(" in character escape sequence");
        match self.take() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return Ok(()),
            Some(b'u') => {}
            Some(byte) => {
                let unit = self.character(byte)?.into();
                return Err(self.error(SyntaxCause::BadEscape { unit }));
            }
            None => return Err(self.error(END)),
        }
        for _ in 0..4 {
            match self.take() {
                Some(byte) if byte.is_ascii_hexdigit() => {}
                Some(byte) => {
                    return Err(self.unexpected(byte, "expected a hex-digit for character escape sequence"));
                }
                None => return Err(self.error(END)),
            }
        }
        Ok(())
    }

    /// Passes over the bytes that `first` calls for. Jackson lets overlong and surrogate forms pass.
    fn rest_of_character(&mut self, first: u8) -> Result<(), SyntaxError> {
        let Some(more) = more_bytes(first) else {
            return Err(self.error(SyntaxCause::BadStart { byte: first }));
        };
        for _ in 0..more {
            match self.take() {
                Some(byte) if byte & 0xC0 == 0x80 => {}
                Some(byte) => return Err(self.error(SyntaxCause::BadMiddle { bits: byte.into() })),
                None => return Err(self.end_in_token()),
            }
        }
        Ok(())
    }

    /// The character that begins with `first`, cut to 16 bits as Jackson cuts it for its errors.
    pub(super) fn character(&mut self, first: u8) -> Result<u16, SyntaxError> {
        let from = self.at;
        self.rest_of_character(first)?;
        let rest = &self.bytes[from..self.at];
        #[expect(clippy::cast_possible_truncation, reason = "as Java's (char) does")]
        Ok(code_point(first, rest) as u16)
    }
}

impl<'a> StringText<'a> {
    /// The characters. Borrowed unless there are escapes in it.
    #[inline]
    pub(super) fn decode(self) -> Cow<'a, str> {
        match self {
            StringText::Plain(text) => Cow::Borrowed(text),
            StringText::Odd(raw) => Cow::Owned(lenient(unescape(raw))),
        }
    }
}
