//! [`BodyReader`]: a body's tokens, with the values that searches read from them.
//!
//! Source: Elasticsearch 9.x, its content parser and what it makes of one type for another.

use crate::es::error::{self, Exception};
use crate::es::search::words;
use crate::json::{Position, Token, Tokens};

/// Reads a body token by token. What is wrong with it as JSON is said as the server says it.
pub(crate) struct BodyReader<'a> {
    tokens: Tokens<'a>,
    /// The name of the query that is being read, once it has been met.
    pub query_name: Option<String>,
}

impl<'a> BodyReader<'a> {
    /// Stands before the first token.
    pub(crate) fn new(bytes: &'a [u8]) -> BodyReader<'a> {
        BodyReader { tokens: Tokens::new(bytes), query_name: None }
    }

    /// Goes to the next token; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, Exception> {
        self.tokens.next().map_err(|wrong| error::syntax(&wrong))
    }

    /// Goes to the next name of the object that is open; none at its end.
    pub(crate) fn name(&mut self) -> Result<Option<String>, Exception> {
        match self.next()? {
            Some(Token::FieldName) => self.text().map(Some),
            _ => Ok(None),
        }
    }

    /// Goes to the value of the current name.
    pub(crate) fn value(&mut self) -> Result<Token, Exception> {
        Ok(self.next()?.unwrap_or(Token::Null))
    }

    /// Goes to the next item of the list that is open; none at its end.
    pub(crate) fn item(&mut self) -> Result<Option<Token>, Exception> {
        Ok(self.next()?.filter(|token| *token != Token::EndArray))
    }

    /// Where the current token is.
    pub(crate) fn at(&self) -> Position {
        self.tokens.position()
    }

    /// The current token's name, as errors have it.
    pub(crate) fn token(&self) -> &'static str {
        self.tokens.token().map_or("null", Token::name)
    }

    /// The current token as a text.
    pub(crate) fn text(&self) -> Result<String, Exception> {
        self.tokens.text().map(std::borrow::Cow::into_owned).map_err(|wrong| error::syntax(&wrong))
    }

    /// The current value whole, with all that is in it.
    pub(crate) fn whole(&mut self) -> Result<serde_json::Value, Exception> {
        self.tokens.value().map_err(|wrong| error::syntax(&wrong))
    }

    /// Passes over the current value.
    pub(crate) fn skip(&mut self) -> Result<(), Exception> {
        self.tokens.skip().map_err(|wrong| error::syntax(&wrong))
    }

    /// The current value as a 32-bit number; a text may be one too.
    pub(crate) fn int(&self) -> Result<i64, Exception> {
        let text = self.text()?;
        let number: f64 = text.trim().parse().map_err(|_| words::no_number_format(&text))?;
        if number < f64::from(i32::MIN) || number > f64::from(i32::MAX) || number.is_nan() {
            return Err(words::int_out_of_range(&text));
        }
        Ok(number as i64)
    }

    /// The current value as a number with a fraction.
    pub(crate) fn float(&self) -> Result<f64, Exception> {
        let text = self.text()?;
        text.trim().parse().map_err(|_| words::no_number_format(&text))
    }

    /// The current value as a boolean; a text may be one too.
    pub(crate) fn boolean(&self) -> Result<bool, Exception> {
        match &*self.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(words::boolean(other)),
        }
    }
}

/// Whether a token is a single value, and not null.
pub(crate) fn is_value(token: Token) -> bool {
    matches!(token, Token::String | Token::Number | Token::Boolean(_))
}
