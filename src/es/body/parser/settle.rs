//! What the server has in hand once its parser has read a body: known members only and in the order
//! of their declaration, numbers and booleans out of their quotes, one object as a list of one, names
//! in lower case, instants and cron expressions as they are stored.

use serde_json::{Map, Value};

use super::{ObjectParser, ParserField, TextFormat, TokenKind};
use crate::clock::Timestamp;
use crate::es::http::call::{int_of, long_of};

impl ObjectParser {
    /// Makes of a body that the parser takes what the server makes of it.
    pub(crate) fn settle(&self, body: &mut Value) {
        if let Value::Object(members) = body {
            self.settle_members(members);
        }
    }

    fn settle_members(&self, members: &mut Map<String, Value>) {
        let mut given = std::mem::take(members);
        for field in &self.fields {
            if let Some((name, mut value)) = given.remove_entry(&field.name) {
                field.settle(&mut value);
                members.insert(name, value);
            }
        }
    }
}

impl ParserField {
    fn settle(&self, value: &mut Value) {
        match self.kind {
            // The server reads past what is no object.
            TokenKind::ObjectArray if self.inner.is_some() => {
                let items = match value.take() {
                    Value::Array(items) => items.into_iter().filter(Value::is_object).collect(),
                    one => vec![one],
                };
                *value = Value::Array(items);
            }
            TokenKind::StringArray => {
                *value = match value.take() {
                    Value::Array(items) => items.into_iter().map(text).collect(),
                    one => Value::Array(vec![one]),
                };
            }
            _ => {}
        }
        match (&self.inner, &self.values, &mut *value) {
            (Some(inner), _, Value::Array(items)) => items.iter_mut().for_each(|item| inner.settle(item)),
            (Some(inner), _, Value::Object(members)) => inner.settle_members(members),
            (_, Some(values), Value::Object(members)) => members.values_mut().for_each(|value| values.settle(value)),
            (_, _, scalar) => self.format.settle(scalar),
        }
    }
}

impl TextFormat {
    fn settle(self, value: &mut Value) {
        let settled = match (self, &*value) {
            (TextFormat::Long, Value::String(text)) => long_of(text).map(Value::from),
            (TextFormat::Long, Value::Number(number)) if number.is_f64() => {
                number.as_f64().map(|number| Value::from(number as i64))
            }
            (TextFormat::Int, Value::String(text)) => int_of(text).ok().map(Value::from),
            (TextFormat::Int, Value::Number(number)) if number.is_f64() => {
                number.as_f64().map(|number| Value::from(number as i32))
            }
            (TextFormat::Boolean, Value::String(text)) => Some(Value::from(text == "true")),
            (TextFormat::IsoInstant, Value::String(text)) => {
                Timestamp::parse_iso(text).ok().map(|at| Value::from(at.to_string()))
            }
            (TextFormat::Cron, Value::String(text)) => Some(Value::from(text.to_uppercase())),
            (TextFormat::Name(_), Value::String(text)) => Some(Value::from(text.to_ascii_lowercase())),
            _ => None,
        };
        if let Some(settled) = settled {
            *value = settled;
        }
    }
}

/// A scalar as the text that it is in JSON.
fn text(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text),
        other => Value::String(other.to_string()),
    }
}
