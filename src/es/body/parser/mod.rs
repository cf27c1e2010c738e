//! [`ObjectParser`]: what Elasticsearch's own body parser would say of a body, word for word.
//!
//! The real server reads a body token by token and stops at the first offence in the order of the
//! text; required members are missed only at its end. This walk does the same over the same tokens,
//! led by the operation's schema. It runs only for bodies that the schema refuses, so it may take its
//! time; a property test holds the two to the same verdict.
//!
//! Source: Elasticsearch 9.x, its declarative object parsers, strict and lenient.

mod settle;

use serde_json::{Map, Value};

use super::schema::Enumeration;
use crate::clock::Timestamp;
use crate::es::connector::cron;
use crate::es::error::{self, Exception};
use crate::es::http::call::{int_of, long_of};
use crate::json::{SyntaxError, Token, Tokens};

/// A parser as the server declares it: its name, its fields, and what must be there.
#[derive(Debug)]
pub(crate) struct ObjectParser {
    name: String,
    /// Whether unknown fields are refused.
    strict: bool,
    fields: Vec<ParserField>,
    required: Vec<String>,
    /// Members of which the value is built as soon as all have arrived, or at the end.
    builds: Vec<String>,
    /// Members that may be absent for the parser, and that the building of the value trips over then.
    unboxed: Vec<String>,
}

#[derive(Debug)]
struct ParserField {
    name: String,
    kind: TokenKind,
    format: TextFormat,
    /// The tokens that the field's own reading takes, of those that its kind lets pass.
    reads: Reads,
    /// The tokens that the items take of a list that is read one by one.
    items: Reads,
    /// The parser of an object, or of the objects of a list.
    inner: Option<ObjectParser>,
    /// The parser of the values of an object that may have any names.
    values: Option<ObjectParser>,
}

/// Which JSON types a reading takes; all when nothing is said.
#[derive(Debug, Default)]
struct Reads(Vec<String>);

/// Which tokens a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum TokenKind {
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
    /// Anything but an object or a list.
    Scalar,
    /// Anything of which the server makes a map: scalars make an empty one, a list is not read at all.
    AnyMap,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TextFormat {
    Plain,
    Long,
    Int,
    Boolean,
    Instant,
    IsoInstant,
    Cron,
    Name(Enumeration),
}

/// How the reading of a value went.
enum ValueRead {
    Done,
    /// It stopped before the value's end, which should have been this token.
    Short(&'static str),
}

impl ObjectParser {
    /// The parser that a server schema describes. `definitions` are what its `$ref`s point to.
    pub(crate) fn new(name: &str, schema: &Value, definitions: &Value) -> ObjectParser {
        let schema = resolve(schema, definitions);
        let texts = |name: &str| -> Vec<String> {
            let list = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let unboxed = texts("x-unboxed");
        let builds = schema.get("x-builds").and_then(Value::as_bool).unwrap_or_default();
        let no_fields = Map::new();
        let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
        ObjectParser {
            name: schema.get("x-parser").and_then(Value::as_str).unwrap_or(name).to_owned(),
            strict: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            fields: fields.iter().map(|(name, schema)| ParserField::new(name, schema, definitions)).collect(),
            required: texts("required").into_iter().filter(|name| !unboxed.contains(name)).collect(),
            unboxed,
            builds: if builds { texts("x-declared") } else { Vec::new() },
        }
    }

    /// The names of the fields that it knows.
    #[cfg(test)]
    pub(crate) fn field_names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    /// What the server says of a body that is not as it must be; none if the body is.
    pub(crate) fn refusal(&self, body: &[u8]) -> Option<Exception> {
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
            if matches!(field.format, TextFormat::Name(_) | TextFormat::Cron) && self.builds.contains(&name) {
                let text = tokens.text().map_err(|wrong| error::syntax(&wrong))?;
                if token == Token::String
                    && let Some(cause) = field.format.refusal(&text)
                {
                    pending.push((at, cause));
                }
            } else {
                match field.read(token, tokens).map_err(|cause| failed(tokens, cause))? {
                    ValueRead::Done => {}
                    ValueRead::Short(end) => return Err(error::did_not_end(&name, end)),
                }
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
        let unboxed = || self.unboxed.iter().find(|name| !seen.contains(name)).map(|_| error::unboxed_null());
        match first_declared(&mut pending).or_else(unboxed) {
            Some(cause) => Err(error::failed_build(tokens.position(), &self.name, cause)),
            None => Ok(()),
        }
    }

    /// Reads a value that must be an object. Faced with another value the server looks at what comes
    /// behind it, and takes that if it is an object.
    fn walk_from(&self, token: Token, tokens: &mut Tokens<'_>) -> Result<(), Exception> {
        let found = if token == Token::StartObject { Some(token) } else { tokens.next().map_err(syntax)? };
        match found {
            Some(Token::StartObject) => self.walk(tokens),
            other => {
                Err(error::expected_object(tokens.position(), &self.name, other.map_or("null", |token| token.name())))
            }
        }
    }
}

fn syntax(wrong: SyntaxError) -> Exception {
    error::syntax(&wrong)
}

/// Of several wrong names the server meets the one that it declares first.
fn first_declared(pending: &mut Vec<(usize, Exception)>) -> Option<Exception> {
    pending.sort_by_key(|(at, _)| *at);
    pending.drain(..).next().map(|(_, cause)| cause)
}

impl ParserField {
    fn new(name: &str, schema: &Value, definitions: &Value) -> ParserField {
        let schema = resolve(schema, definitions);
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let format = match schema.get("format").and_then(Value::as_str) {
            Some("long") => TextFormat::Long,
            Some("int") => TextFormat::Int,
            Some("boolean") => TextFormat::Boolean,
            Some("instant") => TextFormat::Instant,
            Some("iso_instant") => TextFormat::IsoInstant,
            Some("cron") => TextFormat::Cron,
            Some(other) => Enumeration::find(other).map_or(TextFormat::Plain, TextFormat::Name),
            None if types == ["integer"] => TextFormat::Long,
            None if types == ["boolean"] => TextFormat::Boolean,
            None => TextFormat::Plain,
        };
        let kind = match schema.get("x-kind").and_then(Value::as_str) {
            Some("string") if format == TextFormat::Instant => TokenKind::Instant,
            Some("string") => TokenKind::String,
            Some("string_or_null") => TokenKind::StringOrNull,
            Some("int" | "long") => TokenKind::Number,
            Some("boolean") => TokenKind::Boolean,
            Some("object") => TokenKind::Object,
            Some("object_or_null") => TokenKind::ObjectOrNull,
            Some("string_array") => TokenKind::StringArray,
            Some("object_array") => TokenKind::ObjectArray,
            Some("scalar") => TokenKind::Scalar,
            Some("any_map") => TokenKind::AnyMap,
            Some("value" | "value_object_array") => TokenKind::Any,
            _ => match types.as_slice() {
                ["string"] => TokenKind::String,
                ["string", "null"] | ["null", "string"] => TokenKind::StringOrNull,
                ["integer" | "number"] => TokenKind::Number,
                ["boolean"] => TokenKind::Boolean,
                ["object"] => TokenKind::Object,
                _ => TokenKind::Any,
            },
        };
        // A list of objects may be one object as well; the schema says so in two ways.
        let item = schema.get("items").or_else(|| schema.pointer("/anyOf/0/items")).unwrap_or(schema);
        let item = resolve(if kind == TokenKind::ObjectArray { item } else { schema }, definitions);
        let values = schema.get("additionalProperties").filter(|values| values.is_object());
        let values = values.map(|values| resolve(values, definitions));
        let parser = |schema: &Value| schema.get("x-parser").map(|_| ObjectParser::new(name, schema, definitions));
        ParserField {
            name: name.to_owned(),
            kind,
            format,
            reads: Reads::of(schema),
            items: schema.get("items").map(Reads::of).unwrap_or_default(),
            inner: parser(item),
            values: values.and_then(parser),
        }
    }

    /// Reads a value whose first token is the current one and is of a kind that the field takes.
    fn read(&self, token: Token, tokens: &mut Tokens<'_>) -> Result<ValueRead, Exception> {
        match (self.kind, token) {
            (TokenKind::Instant, Token::StartObject) => return Err(error::no_instant_token(&self.name, token.name())),
            (TokenKind::AnyMap, Token::StartArray) => return Ok(ValueRead::Short("END_ARRAY")),
            (TokenKind::Any | TokenKind::Scalar, _) if !self.reads.take(token) => {
                return Err(error::unsupported_token(token.name()));
            }
            (TokenKind::StringOrNull, Token::Null) if !self.reads.take(token) => {
                return Err(error::no_text(tokens.position(), token.name()));
            }
            (TokenKind::StringArray, Token::StartArray) => return self.read_texts(tokens),
            _ => {}
        }
        match (token, &self.inner, &self.values) {
            (Token::StartObject, Some(inner), _) => inner.walk(tokens)?,
            (Token::StartArray, Some(inner), _) => {
                while let Some(token) = tokens.next().map_err(syntax)? {
                    match token {
                        Token::EndArray => break,
                        Token::StartArray => return Err(error::no_item(token.name())),
                        token => inner.walk_from(token, tokens)?,
                    }
                }
            }
            (Token::StartObject, _, Some(values)) => return read_map(values, tokens),
            (Token::StartArray, ..) if self.kind == TokenKind::Any => return self.read_items(tokens),
            (Token::StartObject | Token::StartArray, ..) => tokens.skip().map_err(syntax)?,
            (Token::String | Token::Number, ..) => self.read_scalar(token, tokens)?,
            _ => {}
        }
        Ok(ValueRead::Done)
    }

    fn read_scalar(&self, token: Token, tokens: &mut Tokens<'_>) -> Result<(), Exception> {
        let text = tokens.text().map_err(syntax)?;
        let refusal = match (self.format, token) {
            (TextFormat::Long, Token::Number) if !in_long_range(&text) => {
                Some(error::out_of_long_range(tokens.position(), &text))
            }
            (TextFormat::Int, Token::Number) if !in_int_range(&text) => {
                Some(error::out_of_int_range(tokens.position(), &text))
            }
            (_, Token::Number) => None,
            (format, _) => format.refusal(&text),
        };
        refusal.map_or(Ok(()), Err)
    }

    /// Reads a list of texts: any scalar but null has one.
    fn read_texts(&self, tokens: &mut Tokens<'_>) -> Result<ValueRead, Exception> {
        while let Some(token) = tokens.next().map_err(syntax)? {
            match token {
                Token::EndArray => break,
                Token::StartArray => return Err(error::no_item(token.name())),
                Token::StartObject | Token::Null => return Err(error::no_text(tokens.position(), token.name())),
                _ => {}
            }
        }
        Ok(ValueRead::Done)
    }

    /// Reads a list item by item, if only some kinds of item will do.
    fn read_items(&self, tokens: &mut Tokens<'_>) -> Result<ValueRead, Exception> {
        if self.items.0.is_empty() {
            tokens.skip().map_err(syntax)?;
            return Ok(ValueRead::Done);
        }
        while let Some(token) = tokens.next().map_err(syntax)? {
            match token {
                Token::EndArray => break,
                token if self.items.take(token) => {}
                token => return Err(error::unsupported_token(token.name())),
            }
        }
        Ok(ValueRead::Done)
    }
}

/// Reads an object of objects. The server stops at the first value behind which no name comes.
fn read_map(values: &ObjectParser, tokens: &mut Tokens<'_>) -> Result<ValueRead, Exception> {
    while let Some(Token::FieldName) = tokens.next().map_err(syntax)? {
        let Some(token) = tokens.next().map_err(syntax)? else { break };
        values.walk_from(token, tokens)?;
        if token == Token::StartArray {
            return Ok(ValueRead::Short("END_OBJECT"));
        }
    }
    Ok(ValueRead::Done)
}

impl Reads {
    fn of(schema: &Value) -> Reads {
        Reads(match schema.get("type") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        })
    }

    fn take(&self, token: Token) -> bool {
        let name = match token {
            Token::StartObject => "object",
            Token::StartArray => "array",
            Token::String => "string",
            Token::Number => "number",
            Token::Boolean(_) => "boolean",
            _ => "null",
        };
        self.0.is_empty() || self.0.iter().any(|known| known == name || (known == "integer" && name == "number"))
    }
}

impl TextFormat {
    /// What is wrong with a text of that format.
    fn refusal(self, text: &str) -> Option<Exception> {
        match self {
            TextFormat::Plain => None,
            TextFormat::Long => long_of(text).is_none().then(|| error::no_number(text)),
            TextFormat::Int => int_of(text).err().map(|wrong| error::no_int(text, wrong)),
            TextFormat::Boolean => (!matches!(text, "true" | "false")).then(|| error::bad_boolean(text)),
            TextFormat::Instant => Timestamp::parse_lenient(text).is_err().then(|| error::no_instant(text)),
            TextFormat::IsoInstant => Timestamp::parse_iso(text).err().map(|stop| error::no_iso_instant(text, stop)),
            TextFormat::Cron => cron::check(text).err().map(|offence| error::no_cron(text, &offence)),
            TextFormat::Name(enumeration) => {
                (!enumeration.takes(text)).then(|| error::unknown_enum(enumeration.name, text))
            }
        }
    }
}

/// Whether a number fits 64 bits; a fraction that does is cut off.
fn in_long_range(text: &str) -> bool {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok_and(|number| number.abs() < BEYOND)
}

/// Whether a number fits 32 bits; a fraction that does is cut off.
fn in_int_range(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number))
}

impl TokenKind {
    fn takes(self, token: Token) -> bool {
        match self {
            TokenKind::String => token == Token::String,
            TokenKind::StringOrNull => matches!(token, Token::String | Token::Null),
            TokenKind::Number => matches!(token, Token::Number | Token::String),
            TokenKind::Boolean => matches!(token, Token::Boolean(_) | Token::String),
            TokenKind::Object => token == Token::StartObject,
            TokenKind::ObjectOrNull => matches!(token, Token::StartObject | Token::Null),
            TokenKind::StringArray => matches!(token, Token::StartArray | Token::String),
            TokenKind::ObjectArray => matches!(token, Token::StartArray | Token::StartObject),
            TokenKind::Instant => matches!(token, Token::String | Token::StartObject),
            TokenKind::Scalar => !matches!(token, Token::StartObject | Token::StartArray),
            TokenKind::AnyMap | TokenKind::Any => true,
        }
    }
}

/// The schema itself, or what it points to.
fn resolve<'s>(schema: &'s Value, definitions: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/$defs/"));
    target.and_then(|name| definitions.get(name)).unwrap_or(schema)
}
