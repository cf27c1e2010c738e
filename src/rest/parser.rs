//! [`ObjectParser`]: what Elasticsearch's own body parser would say of a body, word for word.
//!
//! The real server reads a body token by token and stops at the first offence in the order of the
//! text; required members are missed only at its end. This walk does the same over the same tokens,
//! led by the operation's schema. It runs only for bodies that the schema refuses, so it may take its
//! time; a property test holds the two to the same verdict.
//!
//! Source: Elasticsearch 9.x, its declarative object parsers, strict and lenient.

use serde_json::{Map, Value};

use super::call::long_of;
use super::error::{self, Exception};
use super::schema::Enumeration;
use crate::clock::Timestamp;
use crate::json::{Token, Tokens};

/// A parser as the server declares it: its name, its fields, and what must be there.
#[derive(Debug)]
pub struct ObjectParser {
    name: String,
    /// Whether unknown fields are refused.
    strict: bool,
    fields: Vec<Field>,
    required: Vec<String>,
    /// Members of which the value is built as soon as all have arrived, or at the end.
    builds: Vec<String>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    format: Format,
    /// The parser of an object, or of the objects of a list.
    inner: Option<ObjectParser>,
}

/// Which tokens a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    String,
    StringOrNull,
    Number,
    Boolean,
    Object,
    ObjectOrNull,
    StringArray,
    ObjectArray,
    /// A text, or an object that the server takes and then cannot read as an instant.
    Instant,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Plain,
    Long,
    Boolean,
    Instant,
    Name(Enumeration),
}

impl ObjectParser {
    /// The parser that a server schema describes. `definitions` are what its `$ref`s point to.
    pub fn new(name: &str, schema: &Value, definitions: &Value) -> ObjectParser {
        let schema = resolve(schema, definitions);
        let texts = |name: &str| -> Vec<String> {
            let list = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let builds = schema.get("x-builds").and_then(Value::as_bool).unwrap_or_default();
        let no_fields = Map::new();
        let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
        ObjectParser {
            name: schema.get("x-parser").and_then(Value::as_str).unwrap_or(name).to_owned(),
            strict: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            fields: fields.iter().map(|(name, schema)| Field::new(name, schema, definitions)).collect(),
            required: texts("required"),
            builds: if builds { texts("x-declared") } else { Vec::new() },
        }
    }

    /// The names of the fields that it knows.
    #[cfg(test)]
    pub fn field_names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    /// What the server says of a body that is not as it must be; none if the body is.
    pub fn complaint(&self, body: &[u8]) -> Option<Exception> {
        let mut tokens = Tokens::new(body);
        let token = match tokens.next() {
            Ok(token) => token,
            Err(wrong) => return Some(error::syntax(&wrong)),
        };
        if token != Some(Token::StartObject) {
            let seen = token.map_or("null", Token::name);
            return Some(error::expected_object(tokens.position(), &self.name, seen));
        }
        self.walk(&mut tokens).err()
    }

    /// Reads an object whose start is the current token.
    fn walk(&self, tokens: &mut Tokens<'_>) -> Result<(), Exception> {
        let mut seen: Vec<String> = Vec::new();
        // Names that are none of their enumeration, kept until the value is built of them.
        let mut pending: Vec<(usize, Exception)> = Vec::new();
        let mut built = false;
        loop {
            match tokens.next().map_err(|wrong| error::syntax(&wrong))? {
                Some(Token::EndObject) | None => break,
                Some(_) => {}
            }
            let name = tokens.text().map_err(|wrong| error::syntax(&wrong))?.into_owned();
            let name_at = tokens.position();
            let Some((at, field)) = self.fields.iter().enumerate().find(|(_, field)| field.name == name) else {
                if self.strict {
                    let known = self.fields.iter().map(|field| field.name.as_str());
                    return Err(error::unknown_field(name_at, &self.name, &name, known));
                }
                let value = tokens.next().map_err(|wrong| error::syntax(&wrong))?;
                if value.is_some() {
                    tokens.skip().map_err(|wrong| error::syntax(&wrong))?;
                }
                continue;
            };
            let Some(token) = tokens.next().map_err(|wrong| error::syntax(&wrong))? else {
                break;
            };
            if !field.kind.takes(token) {
                return Err(error::wrong_token(tokens.position(), &self.name, &name, token.name()));
            }
            let failed = |tokens: &Tokens<'_>, cause| error::failed_field(tokens.position(), &self.name, &name, cause);
            if let Format::Name(enumeration) = field.format
                && self.builds.contains(&name)
            {
                let text = tokens.text().map_err(|wrong| error::syntax(&wrong))?;
                if token == Token::String && !enumeration.takes(&text) {
                    pending.push((at, error::unknown_enum(enumeration.name, &text)));
                }
            } else {
                field.read(token, tokens).map_err(|cause| failed(tokens, cause))?;
            }
            seen.push(name.clone());
            if !built && !self.builds.is_empty() && self.builds.iter().all(|name| seen.contains(name)) {
                built = true;
                if let Some(cause) = first_declared(&mut pending) {
                    let cause = error::failed_build(tokens.position(), &self.name, cause);
                    return Err(failed(tokens, cause));
                }
            }
        }
        let missing: Vec<&str> = self.required.iter().filter(|name| !seen.contains(name)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(error::required(&missing));
        }
        match first_declared(&mut pending) {
            Some(cause) => Err(error::failed_build(tokens.position(), &self.name, cause)),
            None => Ok(()),
        }
    }
}

/// Of several wrong names the server meets the one that it declares first.
fn first_declared(pending: &mut Vec<(usize, Exception)>) -> Option<Exception> {
    pending.sort_by_key(|(at, _)| *at);
    pending.drain(..).next().map(|(_, cause)| cause)
}

impl Field {
    fn new(name: &str, schema: &Value, definitions: &Value) -> Field {
        let schema = resolve(schema, definitions);
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let format = match schema.get("format").and_then(Value::as_str) {
            Some("long") => Format::Long,
            Some("boolean") => Format::Boolean,
            Some("instant") => Format::Instant,
            Some(other) => Enumeration::find(other).map_or(Format::Plain, Format::Name),
            None if types.contains(&"integer") => Format::Long,
            None if types.contains(&"boolean") => Format::Boolean,
            None => Format::Plain,
        };
        let kind = match schema.get("x-kind").and_then(Value::as_str) {
            Some("string") if format == Format::Instant => Kind::Instant,
            Some("string") => Kind::String,
            Some("string_or_null") => Kind::StringOrNull,
            Some("int" | "long") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some("object") => Kind::Object,
            Some("object_or_null") => Kind::ObjectOrNull,
            Some("string_array") => Kind::StringArray,
            Some("object_array") => Kind::ObjectArray,
            Some("value") => Kind::Any,
            _ => match types.as_slice() {
                ["string"] => Kind::String,
                ["string", "null"] | ["null", "string"] => Kind::StringOrNull,
                ["integer" | "number"] => Kind::Number,
                ["boolean"] => Kind::Boolean,
                ["object"] => Kind::Object,
                _ => Kind::Any,
            },
        };
        let item = if kind == Kind::ObjectArray { schema.get("items").unwrap_or(schema) } else { schema };
        let item = resolve(item, definitions);
        let inner = item.get("x-parser").is_some().then(|| ObjectParser::new(name, item, definitions));
        Field { name: name.to_owned(), kind, format, inner }
    }

    /// Reads a value whose first token is the current one and is of a kind that the field takes.
    fn read(&self, token: Token, tokens: &mut Tokens<'_>) -> Result<(), Exception> {
        match (token, &self.inner) {
            (Token::StartObject, _) if self.kind == Kind::Instant => {
                return Err(error::no_instant_token(&self.name, token.name()));
            }
            (Token::StartObject, Some(inner)) => return inner.walk(tokens),
            (Token::StartArray, Some(inner)) => {
                while let Some(token) = tokens.next().map_err(|wrong| error::syntax(&wrong))? {
                    match token {
                        Token::EndArray => break,
                        Token::StartObject => inner.walk(tokens)?,
                        other => {
                            return Err(error::expected_object(tokens.position(), &inner.name, other.name()));
                        }
                    }
                }
                return Ok(());
            }
            (Token::StartObject | Token::StartArray, None) => {
                return tokens.skip().map_err(|wrong| error::syntax(&wrong));
            }
            (Token::String | Token::Number, _) => {}
            _ => return Ok(()),
        }
        let text = tokens.text().map_err(|wrong| error::syntax(&wrong))?;
        match self.format {
            Format::Long if token == Token::String => match long_of(&text) {
                Some(_) => Ok(()),
                None => Err(error::no_number(&text)),
            },
            Format::Long if token == Token::Number => match in_long_range(&text) {
                true => Ok(()),
                false => Err(error::out_of_long_range(tokens.position(), &text)),
            },
            Format::Boolean if token == Token::String && !matches!(&*text, "true" | "false") => {
                Err(error::bad_boolean(&text))
            }
            Format::Instant if Timestamp::parse_lenient(&text).is_err() => Err(error::no_instant(&text)),
            Format::Name(enumeration) if token == Token::String && !enumeration.takes(&text) => {
                Err(error::unknown_enum(enumeration.name, &text))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a number fits 64 bits; a fraction that does is cut off.
fn in_long_range(text: &str) -> bool {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok_and(|number| number.abs() < BEYOND)
}

impl Kind {
    fn takes(self, token: Token) -> bool {
        match self {
            Kind::String => token == Token::String,
            Kind::StringOrNull => matches!(token, Token::String | Token::Null),
            Kind::Number => matches!(token, Token::Number | Token::String),
            Kind::Boolean => matches!(token, Token::Boolean(_) | Token::String),
            Kind::Object => token == Token::StartObject,
            Kind::ObjectOrNull => matches!(token, Token::StartObject | Token::Null),
            Kind::StringArray => matches!(token, Token::StartArray | Token::String),
            Kind::ObjectArray => matches!(token, Token::StartArray | Token::StartObject),
            Kind::Instant => matches!(token, Token::String | Token::StartObject),
            Kind::Any => true,
        }
    }
}

/// The schema itself, or what it points to.
fn resolve<'s>(schema: &'s Value, definitions: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/$defs/"));
    target.and_then(|name| definitions.get(name)).unwrap_or(schema)
}
