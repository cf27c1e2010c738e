//! A pull reader: one token after the other, and whole values on demand.
//!
//! [`Tokens`] looks at a text exactly as far as Jackson does before it hands out a token, so that of
//! two things wrong with a body the same one is found first. In particular a name comes only when its
//! colon and the beginning of its value have been seen, and a string comes before it has been read.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::mem;

use serde_json::Value;

use super::error::{EnclosingScope, Position, SyntaxCause, SyntaxError, TextLine};
use super::scalar::Scalar;
use super::scan::{Context, TextScan};
use super::value::read_value;
use crate::limits::{JSON_DEPTH_MAX, JSON_FEW_NAMES_MAX};

/// A piece of a JSON text.
///
/// ```
/// use elastimock::json::Token;
///
/// assert_eq!(Token::Boolean(true).name(), "VALUE_BOOLEAN");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `{`
    StartObject,
    /// `}`
    EndObject,
    /// `[`
    StartArray,
    /// `]`
    EndArray,
    /// The name of an object's field.
    FieldName,
    /// A string that is a value.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean(bool),
    /// `null`
    Null,
}

impl Token {
    /// Elasticsearch's name of the token: `START_OBJECT`, `VALUE_NUMBER`, …
    pub fn name(self) -> &'static str {
        match self {
            Token::StartObject => "START_OBJECT",
            Token::EndObject => "END_OBJECT",
            Token::StartArray => "START_ARRAY",
            Token::EndArray => "END_ARRAY",
            Token::FieldName => "FIELD_NAME",
            Token::String => "VALUE_STRING",
            Token::Number => "VALUE_NUMBER",
            Token::Boolean(_) => "VALUE_BOOLEAN",
            Token::Null => "VALUE_NULL",
        }
    }
}

/// Reads a text token by token.
///
/// After an error there is nothing more to be had: what a further call gives is not specified.
///
/// ```
/// use elastimock::json::{Token, Tokens};
///
/// let mut tokens = Tokens::new(br#"{"worker_hostname":7}"#);
/// assert_eq!(tokens.next()?, Some(Token::StartObject));
/// assert_eq!(tokens.next()?, Some(Token::FieldName));
/// assert_eq!(tokens.text()?, "worker_hostname");
/// assert_eq!(tokens.next()?, Some(Token::Number));
/// assert_eq!(tokens.position().column, 20);
/// # Ok::<(), elastimock::json::SyntaxError>(())
/// ```
#[derive(Debug)]
pub struct Tokens<'a> {
    scan: TextScan<'a>,
    token: Option<Token>,
    /// Where the current token begins; `None` before the first.
    start: Option<usize>,
    /// The last name met.
    name: Cow<'a, str>,
    /// The value after the current name: its token, and where it begins.
    ahead: Option<(Token, usize)>,
    /// The last number or word met.
    scalar: Scalar,
    /// Whether the current string has still to be read, or passed over.
    unread: bool,
    /// The open objects and arrays, outermost first.
    levels: Vec<TokenLevel<'a>>,
    /// Room for the names of the next object, which the last one has left.
    room: Vec<Cow<'a, str>>,
    /// The line of the last place asked for, so that asking for all of them stays cheap.
    line: Cell<TextLine>,
}

/// An open object or array.
#[derive(Debug)]
struct TokenLevel<'a> {
    context: Context,
    empty: bool,
    names: NamesSeen<'a>,
}

/// The names an object has had so far.
#[derive(Debug, Default)]
struct NamesSeen<'a> {
    few: Vec<Cow<'a, str>>,
    many: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> NamesSeen<'a> {
    /// Whether the name is new.
    fn add(&mut self, name: Cow<'a, str>) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(name);
        }
        // A short list is quicker to look through than a set is to make.
        if self.few.contains(&name) {
            return false;
        }
        self.few.push(name);
        if self.few.len() > JSON_FEW_NAMES_MAX {
            self.many = Some(self.few.drain(..).collect());
        }
        true
    }
}

impl<'a> Tokens<'a> {
    /// Stands before the first token of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens {
            scan: TextScan::new(bytes),
            token: None,
            start: None,
            name: Cow::Borrowed(""),
            ahead: None,
            scalar: Scalar::Null,
            unread: false,
            levels: Vec::new(),
            room: Vec::new(),
            line: Cell::new(TextLine::FIRST),
        }
    }

    /// Goes to the next token; `None` at the end of the text, which is fine only outside all containers.
    ///
    /// # Errors
    /// Whatever Jackson objects to before it hands out this token. For a name that includes its colon
    /// and a number, word or stray mark after it, but not the inside of a string.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot be asked for text and position")]
    pub fn next(&mut self) -> Result<Option<Token>, SyntaxError> {
        if let Some((token, start)) = self.ahead.take() {
            return self.hand_out(token, start).map(Some);
        }
        if mem::take(&mut self.unread) {
            self.scan.string()?;
        }
        let context = self.context();
        let first = self.levels.last().is_none_or(|level| level.empty);
        let Some(byte) = self.scan.entry(context, first)? else {
            return Ok(self.close(context.scope));
        };
        if let Some(level) = self.levels.last_mut() {
            level.empty = false;
        }
        if context.scope == EnclosingScope::Object {
            return self.field(byte).map(Some);
        }
        let start = self.scan.at - 1;
        let token = self.begin(byte, context.scope)?;
        self.hand_out(token, start).map(Some)
    }

    fn context(&self) -> Context {
        self.levels.last().map_or(Context::ROOT, |level| level.context)
    }

    /// Closes the innermost container. At the root that is the end of the text.
    fn close(&mut self, scope: EnclosingScope) -> Option<Token> {
        let token = match scope {
            EnclosingScope::Root => None,
            EnclosingScope::Array => Some(Token::EndArray),
            EnclosingScope::Object => Some(Token::EndObject),
        };
        if let Some(level) = self.levels.pop() {
            self.room = level.names.few;
            self.room.clear();
        }
        self.token = token;
        if let Some(token) = token {
            self.scan.last = token.name();
            self.start = Some(self.scan.at - 1);
        }
        token
    }

    /// Reads a name and looks at the beginning of its value.
    fn field(&mut self, byte: u8) -> Result<Token, SyntaxError> {
        let start = self.scan.at - 1;
        self.name = self.scan.name(byte)?;
        if let Some(level) = self.levels.last_mut()
            && !level.names.add(self.name.clone())
        {
            return Err(self.scan.error(SyntaxCause::Duplicate { name: self.name.to_string() }));
        }
        self.scan.last = Token::FieldName.name();
        let byte = self.scan.colon()?;
        let value = self.scan.at - 1;
        self.ahead = Some((self.begin(byte, EnclosingScope::Object)?, value));
        self.token = Some(Token::FieldName);
        self.start = Some(start);
        Ok(Token::FieldName)
    }

    /// The token of the value that begins with `byte`; numbers and words are read to their end.
    fn begin(&mut self, byte: u8, scope: EnclosingScope) -> Result<Token, SyntaxError> {
        Ok(match byte {
            b'"' => Token::String,
            b'{' => Token::StartObject,
            b'[' => Token::StartArray,
            _ => {
                self.scalar = self.scan.scalar(byte, scope)?;
                match self.scalar {
                    Scalar::Null => Token::Null,
                    Scalar::Boolean(value) => Token::Boolean(value),
                    Scalar::Integer { .. } | Scalar::Float => Token::Number,
                }
            }
        })
    }

    /// Makes the value that begins at `start` the current token.
    fn hand_out(&mut self, token: Token, start: usize) -> Result<Token, SyntaxError> {
        self.token = Some(token);
        self.start = Some(start);
        self.scan.last = token.name();
        let scope = match token {
            Token::StartObject => EnclosingScope::Object,
            Token::StartArray => EnclosingScope::Array,
            Token::String => {
                self.unread = true;
                return Ok(token);
            }
            _ => {
                self.scan.last = self.scalar.name();
                return Ok(token);
            }
        };
        if self.levels.len() == JSON_DEPTH_MAX {
            return Err(self.scan.error(SyntaxCause::Depth));
        }
        let context = Context { scope, start };
        let names = NamesSeen { few: mem::take(&mut self.room), many: None };
        self.levels.push(TokenLevel { context, empty: true, names });
        Ok(token)
    }

    /// The current token; `None` before the first, and at the end.
    pub fn token(&self) -> Option<Token> {
        self.token
    }

    /// Where the current token begins: the opening quote of a name or string, the first byte of others.
    ///
    /// Before the first token, and in a blank text, it is line 1, column 0; at the end of a text it
    /// stays with the last token.
    ///
    /// ```
    /// # use elastimock::json::{Position, Tokens};
    /// let mut tokens = Tokens::new(b"\n ");
    /// assert_eq!(tokens.next()?, None);
    /// assert_eq!(tokens.position(), Position::START);
    /// # Ok::<(), elastimock::json::SyntaxError>(())
    /// ```
    pub fn position(&self) -> Position {
        let Some(start) = self.start else {
            return Position::START;
        };
        let line = self.line.get().of(self.scan.bytes, start);
        self.line.set(line);
        line.position(start)
    }

    /// The characters of the current name or string; of any other token, the text as it is written.
    ///
    /// # Errors
    /// What Jackson objects to inside a string, which it reads only when asked.
    ///
    /// ```
    /// # use elastimock::json::Tokens;
    /// let mut tokens = Tokens::new(b"1e400");
    /// tokens.next()?;
    /// assert_eq!(tokens.text()?, "1e400");
    /// # Ok::<(), elastimock::json::SyntaxError>(())
    /// ```
    pub fn text(&self) -> Result<Cow<'a, str>, SyntaxError> {
        match self.token {
            Some(Token::FieldName) => Ok(self.name.clone()),
            Some(Token::String) => {
                let at = self.start.map_or(0, |quote| quote + 1);
                TextScan { at, ..self.scan.clone() }.string().map(|text| text.decode())
            }
            Some(_) => Ok(String::from_utf8_lossy(self.literal())),
            None => Ok(Cow::Borrowed("")),
        }
    }

    /// The bytes of the current token, if it is a mark, a number or a word.
    fn literal(&self) -> &'a [u8] {
        let start = self.start.unwrap_or(self.scan.at);
        &self.scan.bytes[start..self.scan.at]
    }

    /// The whole value that begins at the current token; then its last token is the current one.
    ///
    /// At a name it is the value of that field. At the end of a container, or where there is no token,
    /// no value begins: that gives null and moves nothing.
    ///
    /// # Errors
    /// The first thing wrong within the value.
    ///
    /// ```
    /// # use elastimock::json::{Token, Tokens};
    /// let mut tokens = Tokens::new(br#"{"cursor":{"page":3},"x":1}"#);
    /// tokens.next()?;
    /// tokens.next()?;
    /// assert_eq!(tokens.value()?, serde_json::json!({ "page": 3 }));
    /// assert_eq!(tokens.next()?, Some(Token::FieldName));
    /// # Ok::<(), elastimock::json::SyntaxError>(())
    /// ```
    pub fn value(&mut self) -> Result<Value, SyntaxError> {
        if self.token == Some(Token::FieldName) {
            self.next()?;
        }
        match self.token {
            Some(Token::StartObject | Token::StartArray) => {}
            Some(Token::String) => {
                if !mem::take(&mut self.unread) {
                    return self.text().map(|text| Value::String(text.into_owned()));
                }
                return self.scan.string().map(|text| Value::String(text.decode().into_owned()));
            }
            Some(Token::Number | Token::Boolean(_) | Token::Null) => {
                return Ok(self.scalar.value(self.literal()));
            }
            _ => return Ok(Value::Null),
        }
        // The container has been opened for walking through; now it is read in one go.
        let Context { scope, start } = self.context();
        self.levels.pop();
        let mark = self.scan.bytes[start];
        let value = read_value(&mut self.scan, mark, scope, self.levels.len())?;
        self.token = Some(if scope == EnclosingScope::Object { Token::EndObject } else { Token::EndArray });
        self.start = Some(self.scan.at - 1);
        Ok(value)
    }

    /// The current token, if it is a string, is passed over and told: as [`value`](Self::value) does, and without a copy where
    /// it has no escapes.
    ///
    /// # Errors
    /// What Jackson objects to inside the string.
    pub(crate) fn string(&mut self) -> Result<Option<Cow<'a, str>>, SyntaxError> {
        if self.token == Some(Token::FieldName) {
            self.next()?;
        }
        match self.token {
            Some(Token::String) if mem::take(&mut self.unread) => self.scan.string().map(|text| Some(text.decode())),
            Some(Token::String) => self.text().map(Some),
            _ => Ok(None),
        }
    }

    /// Passes over the whole value that begins at the current token, as [`value`](Self::value) does.
    ///
    /// # Errors
    /// The first thing wrong within the value.
    pub fn skip(&mut self) -> Result<(), SyntaxError> {
        if self.token == Some(Token::FieldName) {
            self.next()?;
        }
        if let Some(Token::StartObject | Token::StartArray) = self.token {
            let depth = self.levels.len();
            while self.levels.len() >= depth {
                self.next()?;
            }
        } else if mem::take(&mut self.unread) {
            self.scan.string()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_in_short_and_in_long_lists() {
        let mut names = NamesSeen::default();
        for n in 0..100 {
            assert!(names.add(n.to_string().into()), "{n} is new");
            assert!(!names.add((n / 2).to_string().into()), "{} is known", n / 2);
        }
    }
}
