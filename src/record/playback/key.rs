//! [`RequestKey`]: what of a request decides whether it is a recorded call.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use super::volatile::{Surroundings, Volatile};
use crate::http::{Request, values_of};
use crate::record::address;
use crate::record::redact::{self, REDACTED};
use crate::target::decoded;

/// A request as playback compares it.
#[derive(Clone, Debug)]
pub(super) struct RequestKey {
    route: String,
    /// Parameters by name, decoded; those with one name in the order sent.
    query: Vec<(String, String)>,
    body: ComparedBody,
    /// Parameters and body as far as they count; none if that is all of them.
    loose: Option<(Vec<(String, String)>, ComparedBody)>,
    /// Headers that count.
    headers: Vec<(String, String)>,
    /// What counts of query and body in one spelling: equal texts are equal calls.
    text: Vec<u8>,
    /// All of query and body in one spelling; empty if it is the same.
    exact: Vec<u8>,
    /// The actions of a bulk for indices of contents, in the order in which they stand in the loose body.
    actions: Vec<BulkAction>,
}

/// An action of a bulk.
#[derive(Clone, Debug)]
pub(super) struct BulkAction {
    /// Which one it was, from 0, as sent.
    pub(super) at: usize,
    /// The id of its document, if it names one.
    pub(super) id: Option<String>,
}

/// A body as playback compares it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ComparedBody {
    /// One JSON value, or lines of them.
    Json(Vec<Value>),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl RequestKey {
    /// What of a request counts, whatever the mock's address. `renamed` is as for [`RequestKey::of`].
    pub(super) fn anywhere(request: &Request, volatile: &Volatile, renamed: &BTreeMap<String, String>) -> RequestKey {
        RequestKey::of(&address::anywhere(request, volatile.is_strict()), volatile, renamed)
    }

    /// What of a request counts. `renamed` gives the recorded name of an id that the sender has chosen anew.
    pub(super) fn of(request: &Request, volatile: &Volatile, renamed: &BTreeMap<String, String>) -> RequestKey {
        let mut query: Vec<(String, String)> =
            request.parameters().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        query.sort_by(|one, other| one.0.cmp(&other.0));
        let mut body = ComparedBody::of(request.body());
        let mut path = decoded_path(request.path());
        if !renamed.is_empty() {
            path = path.split('/').map(|step| renamed.get(step).map_or(step, |id| id)).collect::<Vec<_>>().join("/");
            if let ComparedBody::Json(values) = &mut body {
                values.iter_mut().for_each(|value| rename(value, renamed));
            }
        }
        let ends = match &body {
            // Elasticsearch wants a line end after the last of several lines.
            ComparedBody::Json(values) if values.len() > 1 && request.body().ends_with(b"\n") => b'\n',
            _ => b'.',
        };
        let loose_query: Vec<(String, String)> =
            query.iter().map(|(name, value)| (name.clone(), volatile.parameter(name, value))).collect();
        let (loose_body, actions) = body.loose(&path, volatile);
        let exact = text(&query, &body, ends);
        let is_all = loose_query == query && loose_body == body;
        let headers = request.headers().iter().filter(|(name, _)| volatile.counts_header(name));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let route = format!("{} {path}", request.method());
        if is_all {
            return RequestKey { route, query, body, loose: None, headers, text: exact, exact: Vec::new(), actions };
        }
        let text = text(&loose_query, &loose_body, ends);
        RequestKey { route, query, body, loose: Some((loose_query, loose_body)), headers, text, exact, actions }
    }

    /// Method and decoded path.
    pub(super) fn route(&self) -> &str {
        &self.route
    }

    pub(super) fn query(&self) -> &[(String, String)] {
        &self.query
    }

    pub(super) fn body(&self) -> &ComparedBody {
        &self.body
    }

    /// What counts, in one spelling.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// All of it, in one spelling.
    pub(super) fn exact(&self) -> &[u8] {
        if self.exact.is_empty() { &self.text } else { &self.exact }
    }

    pub(super) fn is_bulk(&self) -> bool {
        self.route.rsplit('/').next() == Some("_bulk")
    }

    pub(super) fn actions(&self) -> &[BulkAction] {
        &self.actions
    }

    fn loose(&self) -> (&[(String, String)], &ComparedBody) {
        self.loose.as_ref().map_or((&self.query, &self.body), |(query, body)| (query, body))
    }

    /// Headers of this recorded call that count and were not sent like that.
    pub(super) fn other_headers<'k>(
        &'k self,
        sent: &'k RequestKey,
    ) -> impl Iterator<Item = (&'k str, &'k str, Option<&'k str>)> {
        self.headers.iter().filter_map(|(name, value)| {
            let mut others = sent.headers.iter().filter(|(sent, _)| sent == name).map(|(_, value)| &**value);
            let other = others.clone().next();
            let is_same = others.any(|sent| redact::admits(value, sent));
            (!is_same).then_some((&**name, &**value, other))
        })
    }

    /// Whether the headers that count are the same.
    pub(super) fn has_headers_of(&self, other: &RequestKey) -> bool {
        self.headers == other.headers
    }

    /// Whether a mask stands for what was sent.
    pub(super) fn is_masked(&self) -> bool {
        let in_body = match &self.body {
            ComparedBody::Json(values) => values.iter().any(is_masked),
            ComparedBody::Bytes(bytes) => bytes.windows(REDACTED.len()).any(|piece| piece == REDACTED.as_bytes()),
        };
        in_body || self.query.iter().any(|(name, value)| name.contains(REDACTED) || value.contains(REDACTED))
    }

    /// Whether a request with the same route is this recorded call.
    pub(super) fn admits(&self, sent: &RequestKey) -> bool {
        let ((query, body), (sent_query, sent_body)) = (self.loose(), sent.loose());
        let query = query.len() == sent_query.len()
            && query.iter().zip(sent_query).all(|((name, value), (sent_name, sent_value))| {
                redact::admits(name, sent_name) && redact::admits(value, sent_value)
            });
        let body = body.admits(sent_body);
        // The last byte tells whether the last line has its end.
        query && body && (self.text.last() == sent.text.last() || matches!(self.body, ComparedBody::Bytes(_)))
    }
}

/// Query and body in one spelling.
fn text(query: &[(String, String)], body: &ComparedBody, ends: u8) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in query {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name:?}={value:?}&");
    }
    let mut text = text.into_bytes();
    match body {
        ComparedBody::Json(values) => {
            text.push(b'j');
            values.iter().for_each(|value| write_sorted(&mut text, value));
            text.push(ends);
        }
        ComparedBody::Bytes(bytes) => {
            text.push(b'b');
            text.extend_from_slice(bytes);
        }
    }
    text
}

/// Puts recorded ids in the place of those that the sender has chosen anew.
fn rename(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(recorded) = renamed.get(text.as_str()) {
                text.clone_from(recorded);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| rename(element, renamed)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, renamed)),
        _ => {}
    }
}

impl RequestKey {
    /// What a request that this recorded call admits says where the recording has masks.
    pub(super) fn revealed(&self, sent: &RequestKey) -> Vec<String> {
        let mut found = Vec::new();
        let mut add =
            |kept: &str, sent: &str| found.extend(redact::revealed(kept, sent).into_iter().map(str::to_owned));
        self.route.split('/').zip(sent.route.split('/')).for_each(|(kept, sent)| add(kept, &decoded(sent, false)));
        for ((kept_name, kept), (sent_name, sent)) in self.query.iter().zip(&sent.query) {
            add(kept_name, sent_name);
            add(kept, sent);
        }
        match (&self.body, &sent.body) {
            (ComparedBody::Json(kept), ComparedBody::Json(sent)) => {
                kept.iter().zip(sent).for_each(|(kept, sent)| revealed(kept, sent, &mut add));
            }
            (ComparedBody::Bytes(kept), ComparedBody::Bytes(sent)) => {
                add(&String::from_utf8_lossy(kept), &String::from_utf8_lossy(sent));
            }
            _ => {}
        }
        found
    }
}

fn revealed(kept: &Value, sent: &Value, add: &mut dyn FnMut(&str, &str)) {
    match (kept, sent) {
        (Value::String(kept), Value::String(sent)) => add(kept, sent),
        (Value::String(kept), sent) if kept == REDACTED => strings(sent, &mut |text| add(kept, text)),
        (Value::Array(kept), Value::Array(sent)) => {
            kept.iter().zip(sent).for_each(|(kept, sent)| revealed(kept, sent, add));
        }
        (Value::Object(kept), Value::Object(sent)) => {
            for (name, kept) in kept {
                let other = || sent.iter().find(|(sent, _)| redact::admits(name, sent));
                if let Some(sent) = sent.get(name) {
                    revealed(kept, sent, add);
                } else if let Some((sent, value)) = other() {
                    add(name, sent);
                    revealed(kept, value, add);
                }
            }
        }
        _ => {}
    }
}

/// Tells every text within a value.
fn strings(value: &Value, tell: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => tell(text),
        Value::Number(number) => tell(&number.to_string()),
        Value::Array(elements) => elements.iter().for_each(|element| strings(element, tell)),
        Value::Object(members) => members.values().for_each(|member| strings(member, tell)),
        _ => {}
    }
}

impl ComparedBody {
    fn of(bytes: &Bytes) -> ComparedBody {
        let values = values_of(bytes);
        if values.is_empty() { ComparedBody::Bytes(bytes.to_vec()) } else { ComparedBody::Json(values) }
    }

    /// The body as far as it counts, and of a bulk its actions. Those for indices of contents come in an order of
    /// their own: a program sends what it finds in whatever order it finds it.
    fn loose(&self, path: &str, volatile: &Volatile) -> (ComparedBody, Vec<BulkAction>) {
        let ComparedBody::Json(values) = self else { return (self.clone(), Vec::new()) };
        let mut values = values.clone();
        let is_lines = values.len() > 1;
        let bulk_of = path.rsplit_once('/').filter(|(_, last)| *last == "_bulk");
        let bulk_of = bulk_of.map(|(index, _)| index.trim_start_matches('/'));
        let pairs = bulk_of.filter(|_| !volatile.is_strict()).and_then(|index| pairs(&values, index));
        let mut place = Vec::new();
        let mut is_content = vec![false; values.len()];
        for pair in pairs.iter().flatten().filter(|pair| pair.is_content) {
            is_content[pair.lines.clone()].fill(true);
        }
        for (at, value) in values.iter_mut().enumerate() {
            if is_lines {
                place = vec![at.to_string()];
            }
            volatile.loosen(value, &mut place, Surroundings { is_content: is_content[at] });
        }
        let Some(mut pairs) = pairs.filter(|pairs| pairs.iter().all(|pair| pair.is_content)) else {
            return (ComparedBody::Json(values), Vec::new());
        };
        let spelt = |pair: &Pair| {
            let mut text = Vec::new();
            values[pair.lines.clone()].iter().for_each(|value| write_sorted(&mut text, value));
            text
        };
        pairs.sort_by_cached_key(spelt);
        let sorted = pairs.iter().flat_map(|pair| values[pair.lines.clone()].iter().cloned()).collect();
        let actions = pairs.into_iter().map(|pair| BulkAction { at: pair.at, id: pair.id }).collect();
        (ComparedBody::Json(sorted), actions)
    }

    /// Whether what was sent is this recorded body, as far as that was kept.
    pub(super) fn admits(&self, sent: &ComparedBody) -> bool {
        match (self, sent) {
            (ComparedBody::Json(recorded), ComparedBody::Json(sent)) => {
                recorded.len() == sent.len() && recorded.iter().zip(sent).all(|(recorded, sent)| admits(recorded, sent))
            }
            (ComparedBody::Bytes(recorded), ComparedBody::Bytes(sent)) => {
                redact::admits(&String::from_utf8_lossy(recorded), &String::from_utf8_lossy(sent))
            }
            // Of what could not be read nothing was kept.
            (ComparedBody::Bytes(recorded), ComparedBody::Json(_)) => redact::is_note(recorded),
            (ComparedBody::Json(_), ComparedBody::Bytes(_)) => false,
        }
    }
}

/// Whether what was sent is what was recorded, as far as that was kept.
pub(super) fn admits(recorded: &Value, sent: &Value) -> bool {
    match (recorded, sent) {
        (Value::String(text), _) if text == REDACTED => true,
        (Value::String(recorded), Value::String(sent)) => redact::admits(recorded, sent),
        (Value::Object(recorded), Value::Object(sent)) => {
            let is_sent = |name: &str, value: &Value| match sent.get(name) {
                Some(sent) => admits(value, sent),
                None if !name.contains(REDACTED) => false,
                None => sent.iter().any(|(sent, other)| redact::admits(name, sent) && admits(value, other)),
            };
            recorded.len() == sent.len() && recorded.iter().all(|(name, value)| is_sent(name, value))
        }
        (Value::Array(recorded), Value::Array(sent)) => {
            recorded.len() == sent.len() && recorded.iter().zip(sent).all(|(recorded, sent)| admits(recorded, sent))
        }
        _ => recorded == sent,
    }
}

/// An action of a bulk and its document.
struct Pair {
    at: usize,
    lines: Range<usize>,
    id: Option<String>,
    /// Whether it goes to another index than those of the protocol.
    is_content: bool,
}

/// The lines of a bulk as its actions; none if they are none.
fn pairs(values: &[Value], index: &str) -> Option<Vec<Pair>> {
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < values.len() {
        let (name, of) = values[at].as_object().filter(|action| action.len() == 1)?.iter().next()?;
        let lines = match &**name {
            "index" | "create" | "update" => at..at + 2,
            "delete" => at..at + 1,
            _ => return None,
        };
        let index = of.get("_index").and_then(Value::as_str).unwrap_or(index);
        if lines.end > values.len() || index.is_empty() {
            return None;
        }
        let id = of.get("_id").and_then(Value::as_str).map(str::to_owned);
        at = lines.end;
        pairs.push(Pair { at: pairs.len(), lines, id, is_content: !index.starts_with(".elastic-connectors") });
    }
    Some(pairs)
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REDACTED),
        Value::Array(elements) => elements.iter().any(is_masked),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains(REDACTED) || is_masked(value)),
        _ => false,
    }
}

/// Appends a value with the keys of its objects in order of the alphabet.
fn write_sorted(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Array(elements) => {
            out.push(b'[');
            for element in elements {
                write_sorted(out, element);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, member) in members {
                write_scalar(out, name);
                out.push(b':');
                write_sorted(out, member);
                out.push(b',');
            }
            out.push(b'}');
        }
        scalar => {
            write_scalar(out, scalar);
            out.push(b' ');
        }
    }
}

fn write_scalar(out: &mut Vec<u8>, scalar: &(impl serde::Serialize + ?Sized)) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, scalar);
}

/// A path with its escapes decoded, but for those of slashes and percent signs.
fn decoded_path(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    path.split('/')
        .map(|segment| decoded(segment, false).replace('%', "%25").replace('/', "%2F"))
        .collect::<Vec<_>>()
        .join("/")
}
