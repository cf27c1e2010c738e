//! [`Call`]: a checked request as a handler reads it. [`Reply`]: an answer before it is a response.

use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::part::JsonPart;
use crate::clock::Timestamp;
use crate::es::body::plain::{PlainBody, PlainObject};
use crate::es::document::source::{Source, UpdateOutcome};
use crate::es::error::ApiError;
use crate::es::search::run::SearchFound;
use crate::es::store::DocumentPage;
use crate::http::Request;
use crate::json;
use crate::license::License;
use crate::limits::JSON_HELD_BYTES_MAX;
use crate::profile::Release;

/// A placeholder of a path, and the segment that stands for it, decoded.
pub(crate) type PathParameter<'r> = (&'static str, Cow<'r, str>);

/// What a request says, read once. It outlives the answer, for whoever judges the call and writes it down.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParsedParts<'r> {
    /// The placeholders of the path.
    pub(crate) path: Vec<PathParameter<'r>>,
    /// The query's parameters, decoded; of several with one name, the last.
    pub(crate) query: Vec<(String, String)>,
    /// The body, if there is one.
    pub(crate) body: Option<Sent>,
    /// The body as a document, or line by line, for operations that store what was sent.
    pub(crate) lines: Vec<BodyLine>,
    /// What its handler is to do, once that has been read from the body: see [`Call::asked`].
    pub(super) asked: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl ParsedParts<'_> {
    /// What stands for a placeholder of the path.
    pub(crate) fn path(&self, name: &str) -> Option<&str> {
        self.path.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// The query parameter with that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A switch of the query: absent is off, present without a value is on.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.query(name).is_some_and(|text| text.is_empty() || text == "true")
    }

    /// The body as JSON; `None` if it is none. One that nobody has read is read now: a call is refused before its body is
    /// looked at, and what is shown masked is another body.
    pub(crate) fn json(&self, body: &Bytes) -> Option<Cow<'_, Value>> {
        if let [BodyLine { content: LineContent::Object(document), has_more: false, .. }] = &*self.lines {
            return Some(Cow::Owned(document.to_value()));
        }
        match &self.body {
            Some(body) => Some(Cow::Borrowed(body.value())),
            None if body.is_empty() => None,
            // One that was refused for its weight is not made here either.
            None if json::weighs_more([&body[..]].into_iter(), JSON_HELD_BYTES_MAX).is_some() => None,
            None => json::read(body).ok().flatten().map(Cow::Owned),
        }
    }

    /// The lines of the body, empty ones too. Those that nobody has read are read one by one, as by [`ParsedParts::json`].
    pub(crate) fn lines<'p>(&'p self, body: &'p Bytes) -> Box<dyn Iterator<Item = Cow<'p, BodyLine>> + 'p> {
        match self.lines.as_slice() {
            [] => Box::new(BodyLine::each(body).map(Cow::Owned)),
            lines => Box::new(lines.iter().map(Cow::Borrowed)),
        }
    }

    /// Forgets the body.
    pub(crate) fn forget_body(&mut self) {
        self.body = None;
        self.lines = Vec::new();
        self.asked = OnceLock::new();
    }
}

/// A request that has passed every check that needs no state.
#[derive(Clone, Debug)]
pub(crate) struct Call<'r> {
    /// The request as it came.
    pub(crate) request: &'r Request,
    /// What it says.
    pub(crate) parsed: ParsedParts<'r>,
    /// The instant of the call, one for all that happens in it.
    pub(crate) now: Timestamp,
    /// The release that `GET /` speaks of.
    pub(crate) release: &'static Release,
    /// The license that the cluster says it has.
    pub(crate) license: License,
    /// Whether the client has named the type of the answer, so that a table is none for a terminal.
    pub(crate) names_type: bool,
}

/// A body that its operation takes.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    /// As JSON, as the server's parser leaves it.
    Whole(Value),
    /// As it came, for that is all that the server makes of it.
    Plain(PlainBody),
}

impl Sent {
    /// The body as JSON.
    pub(crate) fn value(&self) -> &Value {
        match self {
            Sent::Whole(body) => body,
            Sent::Plain(plain) => plain.value(),
        }
    }

    /// A member.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Sent::Whole(body) => body.get(name),
            Sent::Plain(plain) => plain.get(name),
        }
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self {
            Sent::Whole(body) => body.get(name)?.as_str(),
            Sent::Plain(plain) => plain.text(name),
        }
    }

    /// A member that is a 64-bit number, given as a number or as a text; a fraction is cut off.
    pub(crate) fn long(&self, name: &str) -> Option<i64> {
        match self {
            Sent::Whole(body) => long_in(body.get(name)?),
            Sent::Plain(plain) => plain.long(name),
        }
    }
}

/// A 64-bit number that is given as a number or as a text; a fraction is cut off.
pub(crate) fn long_in(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
        Value::String(text) => long_of(text),
        _ => None,
    }
}

/// A body that is a document, or one line of a body of lines.
#[derive(Clone, Debug)]
pub(crate) struct BodyLine {
    /// The text, without the end of the line.
    pub text: Bytes,
    /// What it says.
    pub content: LineContent,
    /// Whether more than blanks follows it.
    pub has_more: bool,
}

/// What a document or a line says.
#[derive(Clone, Debug)]
pub(crate) enum LineContent {
    /// Nothing.
    Blank,
    /// An object, ready to be shared with the shelf.
    Object(Arc<Source>),
    /// No JSON, or no object: what the server says to it as a document.
    Broken(ApiError),
}

impl BodyLine {
    /// The line as an object; `None` if it is none.
    pub(crate) fn object(&self) -> Option<&Source> {
        match &self.content {
            LineContent::Object(object) => Some(object),
            LineContent::Blank | LineContent::Broken(_) => None,
        }
    }

    /// Whether nothing but blanks is in it.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.content, LineContent::Blank) && self.text.trim_ascii().is_empty()
    }

    /// Reads a document, or a line.
    pub(crate) fn read(text: Bytes) -> BodyLine {
        let (content, rest) = match json::read_first(&text) {
            Ok(None) => (LineContent::Blank, &[][..]),
            Ok(Some((Value::Object(members), rest))) => (LineContent::Object(Arc::new(members.into())), rest),
            Ok(Some((_, rest))) => (LineContent::Broken(ApiError::no_object_as_document()), rest),
            Err(wrong) => (LineContent::Broken(ApiError::broken_document(&wrong)), &[][..]),
        };
        let has_more = !rest.trim_ascii().is_empty();
        BodyLine { text, content, has_more }
    }

    /// Refuses a document with something behind it.
    ///
    /// # Errors
    /// What the server says to it.
    pub(crate) fn ends(&self) -> Result<(), ApiError> {
        match self.has_more.then(|| json::token_after(&self.text)) {
            None | Some(Ok(None)) => Ok(()),
            Some(Ok(Some(token))) => Err(ApiError::document_goes_on(token.name())),
            Some(Err(wrong)) => Err(ApiError::document_goes_on_broken(&wrong)),
        }
    }

    /// Reads the lines of a body, one by one. What follows the last end of a line is a line too.
    pub(crate) fn each(body: &Bytes) -> impl Iterator<Item = BodyLine> {
        BodyLine::texts(body).map(BodyLine::read)
    }

    /// The texts of the lines of a body, for whoever need not read all of them.
    pub(crate) fn texts(body: &Bytes) -> impl Iterator<Item = Bytes> {
        let text = body.strip_suffix(b"\n").unwrap_or(body);
        let parts = text.split(|byte| *byte == b'\n');
        parts.map(|part| body.slice_ref(part.strip_suffix(b"\r").unwrap_or(part)))
    }
}

impl Call<'_> {
    /// The body's bytes, for handlers that read another format.
    pub(crate) fn raw(&self) -> &Bytes {
        self.request.body()
    }

    /// The first header line with that name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)
    }

    /// Whether the body has been read as JSON, from its beginning to its end.
    pub(crate) fn is_json(&self) -> bool {
        let is_read = |line: &BodyLine| !line.has_more && !matches!(line.content, LineContent::Broken(_));
        let ParsedParts { body, lines, .. } = &self.parsed;
        body.is_some() || (!lines.is_empty() && lines.iter().all(is_read))
    }

    /// What the call asks for, read by `read` when it is first wanted: by the check of the row, which needs no lock. Its
    /// handler then finds it.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn asked<T: Any + Send + Sync>(
        &self,
        read: impl FnOnce(&Call) -> Result<T, ApiError>,
    ) -> Result<&T, ApiError> {
        let asked = match self.parsed.asked.get() {
            Some(known) => known,
            None => {
                let asked = Arc::new(read(self)?);
                self.parsed.asked.get_or_init(|| asked)
            }
        };
        asked.downcast_ref().ok_or_else(|| ApiError::bug("the check of a row and its handler read different things"))
    }

    /// The placeholder of the path with that name. Empty if the row has none: then the row is wrong,
    /// and a test says so.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.parsed.path(name).unwrap_or_default()
    }

    /// The query parameter with that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.parsed.query(name)
    }

    /// A whole number of the query, or `otherwise`. Its form and sign have been checked.
    pub(crate) fn count(&self, name: &str, otherwise: u64) -> u64 {
        self.query(name).and_then(|text| text.trim_start_matches('+').parse().ok()).unwrap_or(otherwise)
    }

    /// A switch of the query: absent is off, present without a value is on. Its form has been checked.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.parsed.switch(name)
    }

    /// A member of the body.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.parsed.body.as_ref()?.get(name)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.parsed.body.as_ref().map(Sent::value)
    }

    /// A text of the body; none if it is absent or null.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.parsed.body.as_ref()?.text(name)
    }

    /// A member that is an object, if it is plain JSON: then it can be kept as it came.
    pub(crate) fn plain_object(&self, name: &str) -> Option<PlainObject> {
        match self.parsed.body.as_ref()? {
            Sent::Whole(_) => None,
            Sent::Plain(plain) => plain.object(name),
        }
    }

    /// A text of the body that the schema requires.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| ApiError::bug(&format!("the schema let a call without [{name}] pass")))
    }

    /// A 64-bit number of the body, given as a number or as a text; a fraction is cut off.
    pub(crate) fn long(&self, name: &str) -> Option<i64> {
        self.parsed.body.as_ref()?.long(name)
    }

    /// A 64-bit number of the body that the schema requires.
    pub(crate) fn required_long(&self, name: &str) -> Result<i64, ApiError> {
        self.long(name).ok_or_else(|| ApiError::bug(&format!("the schema let a call without [{name}] pass")))
    }

    /// A boolean of the body, given as one or as a text.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => Some(text == "true"),
            _ => None,
        }
    }
}

/// A text as the 64-bit number that Elasticsearch makes of it; a fraction is cut off.
pub(crate) fn long_of(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let plain = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts_well = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.parse().ok().filter(|_| starts_well)?;
    (number.abs() < 9.3e18 && (number.trunc() as i128) == i128::from(number as i64)).then_some(number as i64)
}

/// Why a text is no 32-bit number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntRefusal {
    /// It is no number at all.
    NoNumber,
    /// It is one beyond 32 bits.
    OutOfRange,
}

/// A text as the 32-bit number that Elasticsearch makes of it, by way of Java's `double`.
pub(crate) fn int_of(text: &str) -> Result<i32, IntRefusal> {
    let plain = text.trim_matches(|c: char| c <= ' ');
    let digits = plain.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(plain);
    let starts_well = digits.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = digits.parse().ok().filter(|_| starts_well).ok_or(IntRefusal::NoNumber)?;
    if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number) {
        Ok(number as i32)
    } else {
        Err(IntRefusal::OutOfRange)
    }
}

/// An answer before it is a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// The status code.
    pub status: u16,
    /// What the answer says.
    pub body: AnswerBody,
    /// Whether the answer is indented when the client does not say.
    pub pretty: bool,
    /// The `allow` header.
    pub allow: Option<String>,
    /// The `location` header.
    pub location: Option<String>,
    /// `warning` headers.
    pub warnings: Vec<String>,
}

/// What an answer says. Documents are shared with the shelf until they are rendered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnswerBody {
    /// Any JSON.
    Json(Value),
    /// A JSON text that is always the same.
    Fixed(&'static str),
    /// A document, its id first.
    Document(Arc<str>, Arc<Source>),
    /// A count and a page of documents.
    Page(DocumentPage),
    /// What a search found.
    Found(Box<SearchFound>),
    /// What several searches found.
    Searches(Vec<Result<SearchFound, ApiError>>),
    /// Put together from pieces.
    Tree(JsonPart),
    /// Plain text.
    Text(Bytes),
    /// Bytes of another type.
    Typed(&'static str, Bytes),
}

impl AnswerBody {
    /// Whether the body can be filtered and indented.
    pub(crate) fn is_json(&self) -> bool {
        !matches!(self, AnswerBody::Text(_) | AnswerBody::Typed(..))
    }

    /// The pieces that the body is put together from, if it is.
    pub(crate) fn part(&self) -> Option<&JsonPart> {
        match self {
            AnswerBody::Tree(part) => Some(part),
            _ => None,
        }
    }

    /// The body as JSON; null for a text.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Reply {
    /// 200 with that body.
    pub(crate) fn ok(body: AnswerBody) -> Reply {
        Reply { status: 200, body, pretty: false, allow: None, location: None, warnings: Vec::new() }
    }

    /// 200 with any JSON.
    pub(crate) fn json(value: Value) -> Reply {
        Reply::ok(AnswerBody::Json(value))
    }

    /// 201 with any JSON.
    pub(crate) fn created(value: Value) -> Reply {
        Reply { status: 201, ..Reply::json(value) }
    }

    /// 200, put together from pieces.
    pub(crate) fn tree(members: Vec<(&'static str, JsonPart)>) -> Reply {
        Reply::ok(AnswerBody::Tree(JsonPart::Object(members)))
    }

    /// The reply with a warning of that release.
    ///
    /// Source: Elasticsearch's deprecation warnings: code 299, the server, and the text in quotes.
    #[must_use]
    pub(crate) fn warn(mut self, release: &Release, text: &str) -> Reply {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.warnings.push(format!("299 Elasticsearch-{}-{} \"{text}\"", release.number, release.build_hash));
        self
    }

    /// What an update did.
    pub(crate) fn outcome(outcome: UpdateOutcome) -> Reply {
        Reply::ok(AnswerBody::Fixed(match outcome {
            UpdateOutcome::Updated => r#"{"result":"updated"}"#,
            UpdateOutcome::Noop => r#"{"result":"noop"}"#,
        }))
    }

    /// 200: a document has changed.
    pub(crate) fn updated() -> Reply {
        Reply::outcome(UpdateOutcome::Updated)
    }

    /// The answer to a request that needed no more than to be heard.
    pub(crate) fn acknowledged() -> Reply {
        Reply::ok(AnswerBody::Fixed(r#"{"acknowledged":true}"#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_longs_as_in_elasticsearch() {
        for (text, expected) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("1.9", Some(1)),
            ("-1.9", Some(-1)),
            ("1e3", Some(1000)),
            (".5", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1e40", None),
            ("abc", None),
            ("", None),
            ("NaN", None),
            ("inf", None),
            ("1 ", None),
        ] {
            assert_eq!(long_of(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_become_ints_as_in_elasticsearch() {
        for (text, expected) in [
            ("7", Ok(7)),
            (" -7.9 ", Ok(-7)),
            ("1e3", Ok(1000)),
            ("7f", Ok(7)),
            ("2147483647", Ok(i32::MAX)),
            ("2147483648", Err(IntRefusal::OutOfRange)),
            ("", Err(IntRefusal::NoNumber)),
            ("inf", Err(IntRefusal::NoNumber)),
            ("seven", Err(IntRefusal::NoNumber)),
        ] {
            assert_eq!(int_of(text), expected, "{text}");
        }
    }
}
