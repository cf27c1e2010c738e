//! An HTTP message as a value: [`Method`], [`Headers`], [`Request`], [`Response`].
//!
//! No sockets and no rules. Header names are lower case throughout, as on the wire of this server.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::fault::{Fault, LeftOut, StubMark};
use crate::json;
use crate::target;

/// An HTTP request method. Elasticsearch has a name for these; any other is [`Method::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `HEAD`
    Head,
    /// `PATCH`
    Patch,
    /// `TRACE`
    Trace,
    /// `CONNECT`
    Connect,
    /// A method that Elasticsearch has no name for, spelt as it was sent.
    Other(Box<str>),
}

impl Method {
    /// The method of that name; none if it is no token, which no request line could have.
    pub(crate) fn of_token(name: &str) -> Option<Method> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_token)).then(|| Method::new(name))
    }

    /// The methods with a name, in the order in which Elasticsearch 9 lists them in `Allow`.
    pub const ALL: [Method; 9] = [
        Method::Get,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Options,
        Method::Head,
        Method::Patch,
        Method::Trace,
        Method::Connect,
    ];

    /// The method spelt `text`; spelling is case-sensitive, as in HTTP.
    pub fn new(text: &str) -> Method {
        match text {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "HEAD" => Method::Head,
            "PATCH" => Method::Patch,
            "TRACE" => Method::Trace,
            "CONNECT" => Method::Connect,
            other => Method::Other(other.into()),
        }
    }

    /// The method as it stands in a request line.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Head => "HEAD",
            Method::Patch => "PATCH",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Other(text) => text,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Header lines in arrival order, names in lower case; a name may occur more than once.
///
/// Held as one text, `name:value\n` a line, and the places of its lines: quick to look through, and the journal keeps
/// the text as it is. A copy shares them until a line is added to it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    held: HeldLines,
}

/// Who holds the lines of a block.
#[derive(Clone)]
enum HeldLines {
    /// The program itself: they are always the same.
    Lent(&'static HeaderText),
    /// Whoever has the block or a copy of it.
    Shared(Arc<HeaderText>),
}

impl HeldLines {
    fn text(&self) -> &HeaderText {
        match self {
            HeldLines::Lent(text) => text,
            HeldLines::Shared(text) => text,
        }
    }

    /// Whether these are the very same lines in memory.
    fn is(&self, other: &HeldLines) -> bool {
        std::ptr::eq(self.text(), other.text())
    }
}

impl Default for HeldLines {
    fn default() -> HeldLines {
        HeldLines::Lent(&NO_LINES)
    }
}

impl PartialEq for HeldLines {
    fn eq(&self, other: &HeldLines) -> bool {
        // The text says where its lines are; most that are alike are shared.
        self.is(other) || self.text().text == other.text().text
    }
}

impl Eq for HeldLines {}

/// Header lines as one text, and where they stand in it.
#[derive(Clone)]
struct HeaderText {
    text: String,
    places: HeaderPlaces,
}

#[derive(Clone)]
struct HeaderPlaces {
    lines: Vec<HeaderLine>,
    /// A bit for what names look like at a glance: most headers that are asked for are not there.
    name_bytes: u64,
    /// Whether a name stands there twice.
    repeats: bool,
}

/// Where a header line stands: its name up to `colon`, its value up to `end`.
#[derive(Clone, Copy)]
struct HeaderLine {
    start: u32,
    colon: u32,
    end: u32,
}

static NO_LINES: HeaderText = HeaderText { text: String::new(), places: HeaderPlaces::with_room(Vec::new()) };

impl HeaderPlaces {
    const fn with_room(lines: Vec<HeaderLine>) -> HeaderPlaces {
        HeaderPlaces { lines, name_bytes: 0, repeats: false }
    }

    /// Adds a line of that name; `text` is that of the block.
    fn add(&mut self, text: &[u8], name: &str, line: HeaderLine) {
        self.repeats |= self.name_bytes & bit(name) != 0 && self.lines.iter().any(|line| line.is_named(text, name));
        self.name_bytes |= bit(name);
        self.lines.push(line);
    }
}

impl HeaderLine {
    /// A block is bounded long before its places outgrow 32 bits.
    fn new(start: usize, colon: usize, end: usize) -> HeaderLine {
        HeaderLine { start: start as u32, colon: colon as u32, end: end as u32 }
    }

    #[inline]
    fn is_named(&self, text: &[u8], name: &str) -> bool {
        // Almost every other name has another length.
        (self.colon - self.start) as usize == name.len()
            && text[self.start as usize..self.colon as usize] == *name.as_bytes()
    }

    fn value<'t>(&self, text: &'t str) -> &'t str {
        &text[self.colon as usize + 1..self.end as usize]
    }
}

impl Headers {
    /// An empty block.
    pub const fn new() -> Headers {
        Headers { held: HeldLines::Lent(&NO_LINES) }
    }

    /// An empty block with room for that many lines, and `bytes` bytes of names and values.
    pub(crate) fn with_capacity(lines: usize, bytes: usize) -> Headers {
        Headers::of(String::with_capacity(bytes), HeaderPlaces::with_room(Vec::with_capacity(lines)))
    }

    fn of(text: String, places: HeaderPlaces) -> Headers {
        Headers { held: HeldLines::Shared(Arc::new(HeaderText { text, places })) }
    }

    fn held(&self) -> &HeaderText {
        self.held.text()
    }

    /// Adds a line. Line breaks, which cannot stand in a header, become blanks.
    pub fn push(&mut self, name: &str, value: &str) {
        let plain = |text: &str| !text.bytes().any(|byte| byte == b'\n' || byte == b'\r');
        if plain(name) && plain(value) && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b':') {
            return self.push_plain(name, value);
        }
        let name: String =
            name.chars().map(|c| if matches!(c, '\n' | '\r' | ':') { '_' } else { c.to_ascii_lowercase() }).collect();
        let value: String = value.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
        self.push_plain(&name, &value);
    }

    /// Adds a line that is known to be one: no line breaks, the name in lower case and without a colon.
    pub(crate) fn push_plain(&mut self, name: &str, value: &str) {
        let held = match &mut self.held {
            HeldLines::Shared(held) => Arc::make_mut(held),
            HeldLines::Lent(held) => {
                self.held = HeldLines::Shared(Arc::new(held.clone()));
                return self.push_plain(name, value);
            }
        };
        let start = held.text.len();
        held.text.push_str(name);
        let colon = held.text.len();
        held.text.push(':');
        held.text.push_str(value);
        let end = held.text.len();
        held.text.push('\n');
        held.places.add(held.text.as_bytes(), name, HeaderLine::new(start, colon, end));
    }

    /// A block that lives as long as the process, without a copy.
    pub(crate) fn lent(&'static self) -> Headers {
        Headers { held: HeldLines::Lent(self.held()) }
    }

    /// The lines that came over the wire: names in lower case, no line breaks. Bytes that are no text are
    /// replaced.
    pub(crate) fn from_wire<'a>(count: usize, lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> Headers {
        const USUAL_BYTES: usize = 512;
        let mut text = Vec::with_capacity(USUAL_BYTES);
        let mut places = HeaderPlaces::with_room(Vec::with_capacity(count));
        for (name, value) in lines {
            let start = text.len();
            text.extend_from_slice(name.as_bytes());
            let colon = text.len();
            text.push(b':');
            text.extend_from_slice(value);
            let end = text.len();
            text.push(b'\n');
            places.add(&text, name, HeaderLine::new(start, colon, end));
        }
        // It may be kept for long.
        text.shrink_to_fit();
        // One look at the whole block is much quicker than one at each line.
        match String::from_utf8(text) {
            Ok(text) => Headers::of(text, places),
            Err(wrong) => Headers::from_text(&String::from_utf8_lossy(wrong.as_bytes())),
        }
    }

    /// Whether these are its lines, as they come over the wire.
    pub(crate) fn are<'a>(&self, lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> bool {
        let mut rest = self.as_text().as_bytes();
        for (name, value) in lines {
            let Some((line, behind)) = rest.split_at_checked(name.len() + value.len() + 2) else { return false };
            let (own_name, own_value) = line.split_at(name.len());
            if own_name != name.as_bytes()
                || own_value[0] != b':'
                || own_value[1..=value.len()] != *value
                || own_value[value.len() + 1] != b'\n'
            {
                return false;
            }
            rest = behind;
        }
        rest.is_empty()
    }

    /// Adds a line whose value is a number.
    pub(crate) fn push_number(&mut self, name: &str, mut value: usize) {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.push_plain(name, std::str::from_utf8(&digits[at..]).unwrap_or_default());
    }

    /// The value of the first line with that name (lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        let HeaderText { text, places } = self.held();
        if places.name_bytes & bit(name) == 0 {
            return None;
        }
        for line in &places.lines {
            if line.is_named(text.as_bytes(), name) {
                return Some(line.value(text));
            }
        }
        None
    }

    /// The value of the line with that name; `Err` if there are several.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, ()> {
        if self.repeats() && self.all(name).nth(1).is_some() { Err(()) } else { Ok(self.get(name)) }
    }

    /// Whether a name stands there twice.
    pub(crate) fn repeats(&self) -> bool {
        self.held().places.repeats
    }

    /// The values of all lines with that name (lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let HeaderText { text, places } = self.held();
        let lines = if places.name_bytes & bit(name) == 0 { &[][..] } else { &places.lines };
        let most = if places.repeats { usize::MAX } else { 1 };
        lines.iter().filter(|line| line.is_named(text.as_bytes(), name)).map(|line| line.value(text)).take(most)
    }

    /// All lines as name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let HeaderText { text, places } = self.held();
        places.lines.iter().map(|line| (&text[line.start as usize..line.colon as usize], line.value(text)))
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.held().places.lines.is_empty()
    }

    pub(crate) fn as_text(&self) -> &str {
        &self.held().text
    }

    /// Whether the other block is a copy of this one, or this of it, that has not been changed since.
    pub(crate) fn is_copy_of(&self, other: &Headers) -> bool {
        self.held.is(&other.held)
    }

    pub(crate) fn from_text(text: &str) -> Headers {
        let mut headers = Headers::with_capacity(8, text.len());
        for (name, value) in text.split_terminator('\n').filter_map(|line| line.split_once(':')) {
            headers.push_plain(name, value);
        }
        headers
    }
}

/// The bit that stands for names of that length and beginning.
#[inline]
fn bit(name: &str) -> u64 {
    1 << ((name.len() + 5 * usize::from(name.as_bytes().first().copied().unwrap_or_default())) % 64)
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A request as it came in: method, target, headers and the whole body.
///
/// ```
/// use elastimock::http::{Method, Request};
///
/// let request = Request::new(Method::Put, "/_connector/_sync_job/job-1/_claim")
///     .json(r#"{"worker_hostname":"w-1"}"#);
/// assert_eq!(request.path(), "/_connector/_sync_job/job-1/_claim");
/// assert_eq!(request.headers().get("content-type"), Some("application/json"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    target: Box<str>,
    /// Where the path ends.
    path_end: u32,
    /// Whether there is nothing in the target but a path without escapes and colons.
    is_bare: bool,
    headers: Headers,
    body: Bytes,
}

impl Request {
    /// A request without headers and body. `target` is the path with its query, percent-encoded.
    pub fn new(method: Method, target: impl Into<Box<str>>) -> Request {
        let target = target.into();
        // All bytes are looked at together, which is quicker than stopping at the first.
        let is_odd = target.bytes().fold(false, |is_odd, byte| is_odd | matches!(byte, b'%' | b':' | b'+' | b'?'));
        let is_bare = !is_odd;
        let path_end = if is_bare { target.len() } else { target.find('?').unwrap_or(target.len()) };
        Request { method, path_end: path_end as u32, is_bare, target, headers: Headers::new(), body: Bytes::new() }
    }

    /// The request with a further header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push(name, value);
        self
    }

    /// The request with these headers in place of its own.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Request {
        self.headers = headers;
        self
    }

    /// The request with that body; its type is the caller's affair.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = body.into();
        self
    }

    /// The request with a JSON text as its body, and the header that says so.
    #[must_use]
    pub fn json(self, body: impl Into<Bytes>) -> Request {
        self.header("content-type", "application/json").with_body(body)
    }

    /// Takes a body that has come after the head.
    pub(crate) fn set_body(&mut self, body: Bytes) {
        self.body = body;
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query as sent, still percent-encoded.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path as sent, still percent-encoded.
    pub fn path(&self) -> &str {
        &self.target[..self.path_end as usize]
    }

    /// The query as sent, without its question mark; empty when there is none.
    pub fn query(&self) -> &str {
        self.target.get(self.path_end as usize + 1..).unwrap_or_default()
    }

    /// The parameters of the query in their order, names and values decoded for people and comparisons.
    ///
    /// ```
    /// use elastimock::http::{Method, Request};
    ///
    /// let request = Request::new(Method::Get, "/docs/_search?q=a%20b&pretty");
    /// let parameters: Vec<_> = request.parameters().collect();
    /// assert_eq!(parameters, [("q".into(), "a b".into()), ("pretty".into(), "".into())]);
    /// ```
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        target::parameters(self.query()).map(|it| (target::decoded(it.name, true), target::decoded(it.value, true)))
    }

    /// The body as JSON, read as Elasticsearch reads it; `None` if it is none.
    ///
    /// ```
    /// use elastimock::http::{Method, Request};
    ///
    /// let claim = Request::new(Method::Put, "/_connector/_sync_job/job-1/_claim").json(r#"{"worker_hostname":"w-1"}"#);
    /// assert_eq!(claim.body_json(), Some(serde_json::json!({ "worker_hostname": "w-1" })));
    /// ```
    pub fn body_json(&self) -> Option<Value> {
        json::read(&self.body).ok().flatten()
    }

    /// Whether there is nothing in the target that has to be read: no query, no escape, no address.
    pub(crate) fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// The header lines.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body's bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// An answer: status, headers and the whole body.
///
/// The answer to a `HEAD` request has an empty body and the `content-length` of the body that a
/// `GET` would have had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    /// What a stub did to it; `None` of nearly all.
    pub(crate) mark: Option<Box<StubMark>>,
}

impl Response {
    pub(crate) fn new(status: u16) -> Response {
        Response { status, headers: Headers::new(), body: Bytes::new(), mark: None }
    }

    /// An answer with a JSON body, as a stub written in Rust may give it.
    ///
    /// ```
    /// let response = elastimock::http::Response::json(200, &serde_json::json!({ "acknowledged": true }));
    /// assert_eq!(response.text(), r#"{"acknowledged":true}"#);
    /// ```
    pub fn json(status: u16, body: &serde_json::Value) -> Response {
        Response::with_text(status, "application/json", body.to_string())
    }

    /// An answer with a body of that type.
    pub fn with_text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
        let mut response = Response::new(status);
        response.body = body.into();
        response.headers.push("x-elastic-product", "Elasticsearch");
        response.headers.push("content-type", content_type);
        response.headers.push_number("content-length", response.body.len());
        response
    }

    /// The answer with a further header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Response {
        self.headers.push(name, value);
        self
    }

    /// The name of the stub that had a hand in it.
    pub fn stub(&self) -> Option<&str> {
        self.mark.as_ref()?.stub.as_deref()
    }

    /// What goes wrong with it on its way to the client.
    pub fn fault(&self) -> Option<&Fault> {
        self.mark.as_ref()?.fault.as_ref()
    }

    /// Whether another server made it, to which the call was forwarded.
    pub fn is_of_upstream(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.upstream)
    }

    /// What was left out of a forwarded call because it was too large.
    pub(crate) fn left_out(&self) -> LeftOut {
        self.mark.as_ref().map(|mark| mark.left_out).unwrap_or_default()
    }

    /// The status code; 0 where no answer was made at all, because a fault struck before.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The header lines, in the order in which they are sent.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body's bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON, read as Elasticsearch reads it; `None` if it is none.
    pub fn body_json(&self) -> Option<Value> {
        json::read(&self.body).ok().flatten()
    }
}

/// The values that stand in a body one after another: one in a JSON body, one for each line of a body of lines; none in
/// what cannot be read.
pub(crate) fn values_of(body: &Bytes) -> Vec<Value> {
    json::read_all(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(lines: &[(String, String)]) -> Headers {
        Headers::from_wire(lines.len(), lines.iter().map(|(name, value)| (&**name, value.as_bytes())))
    }

    proptest! {
        #[test]
        fn lines_are_known_again_and_no_others(
            lines in prop::collection::vec(("[ab-]{1,3}", "[ab:]{0,3}"), 0..4),
            others in prop::collection::vec(("[ab-]{1,3}", "[ab:]{0,3}"), 0..4),
        ) {
            let (headers, other) = (block(&lines), block(&others));
            let are = |headers: &Headers, lines: &[(String, String)]| {
                headers.are(lines.iter().map(|(name, value)| (&**name, value.as_bytes())))
            };
            prop_assert!(are(&headers, &lines));
            prop_assert_eq!(are(&headers, &others), lines == others);
            prop_assert_eq!(headers == other, lines == others);
            let mut pushed = Headers::new();
            lines.iter().for_each(|(name, value)| pushed.push(name, value));
            prop_assert_eq!(&pushed, &headers);
            for (name, _) in lines.iter().chain(&others) {
                let values: Vec<&str> = lines.iter().filter(|(known, _)| known == name).map(|(_, it)| &**it).collect();
                prop_assert_eq!(headers.get(name), values.first().copied());
                prop_assert_eq!(headers.all(name).collect::<Vec<_>>(), values.clone());
                prop_assert_eq!(headers.only(name).is_err(), values.len() > 1);
            }
            prop_assert_eq!(headers.repeats(), lines.iter().any(|(name, _)| headers.all(name).nth(1).is_some()));
        }
    }

    #[test]
    fn a_copy_is_its_own_as_soon_as_a_line_is_added() {
        static ALWAYS: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(|| Headers::from_text("a:1\n"));
        for headers in [ALWAYS.clone(), ALWAYS.lent()] {
            let mut longer = headers.clone();
            longer.push("b", "2");
            assert_eq!((headers.as_text(), longer.as_text()), ("a:1\n", "a:1\nb:2\n"));
        }
        assert_eq!(ALWAYS.as_text(), "a:1\n");
    }
}
