//! [`Reply`] or [`ApiError`] → [`Response`]: product header, pretty, `filter_path`, HEAD.
//!
//! Pure: the same reply in the same style gives the same bytes. It runs after the lock is released,
//! so that a large answer holds nobody up.

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use super::call::{AnswerBody, Reply};
use super::filter_path::FilterPath;
use crate::es::document::source::Source;
use crate::es::error::ApiError;
use crate::es::search::handlers::hits::{FoundBody, SearchesBody};
use crate::es::store::DocumentPage;
use crate::http::{Headers, Response};
use crate::json;
use crate::profile::Profile;

/// How an answer is to be written, as its request asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Style {
    /// The `content-type`.
    pub content_type: Cow<'static, str>,
    /// Whether to indent; none leaves it to the reply.
    pub pretty: Option<bool>,
    /// Which parts to show.
    pub filter_path: Option<FilterPath>,
    /// Whether the request was a `HEAD`.
    pub head: bool,
    /// Whether errors show a stack trace.
    pub error_trace: bool,
    /// The `x-opaque-id` to give back.
    pub opaque_id: Option<String>,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            content_type: Cow::Borrowed("application/json"),
            pretty: None,
            filter_path: None,
            head: false,
            error_trace: false,
            opaque_id: None,
        }
    }
}

/// The response to a request that was done or refused.
pub(crate) fn render(outcome: &Result<Reply, ApiError>, style: &Style) -> Response {
    match outcome {
        Ok(reply) => {
            let text = body_text(reply, style);
            let content_type = match reply.body {
                AnswerBody::Text(_) => "text/plain; charset=UTF-8",
                AnswerBody::Typed(content_type, _) => content_type,
                _ => &style.content_type,
            };
            let headers =
                Extra { allow: reply.allow.as_deref(), location: reply.location.as_deref(), warnings: &reply.warnings };
            respond(reply.status, headers, content_type, text, style)
        }
        Err(error) => {
            let Some(body) = error.body(error_trace(error, style)) else {
                return bare(error.status());
            };
            let text = json::write(&body, style.pretty.unwrap_or(false));
            let headers = Extra { allow: error.allow.as_deref(), ..Extra::default() };
            respond(error.status(), headers, &style.content_type, text.into(), style)
        }
    }
}

/// Elasticsearch never shows where a refused login came from.
fn error_trace(error: &ApiError, style: &Style) -> bool {
    style.error_trace && error.status() != 401
}

fn body_text(reply: &Reply, style: &Style) -> Bytes {
    let pretty = style.pretty.unwrap_or(reply.pretty);
    if let Some(filter) = style.filter_path.as_ref().filter(|_| reply.body.is_json()) {
        return json::write(&filter.apply(reply.body.to_value()), pretty).into();
    }
    match &reply.body {
        AnswerBody::Fixed(text) if !pretty => Bytes::from_static(text.as_bytes()),
        AnswerBody::Text(text) => text.clone(),
        AnswerBody::Typed(_, bytes) => bytes.clone(),
        body => {
            let mut text = Vec::with_capacity(256);
            match json::write_into(&mut text, body, pretty) {
                Ok(()) => text.into(),
                Err(wrong) => {
                    json::write(&ApiError::bug(&wrong.to_string()).body(false).unwrap_or_default(), pretty).into()
                }
            }
        }
    }
}

/// Headers that only some answers have.
#[derive(Default)]
struct Extra<'a> {
    allow: Option<&'a str>,
    location: Option<&'a str>,
    warnings: &'a [String],
}

fn respond(status: u16, extra: Extra<'_>, content_type: &str, body: Bytes, style: &Style) -> Response {
    let mut response = Response::new(status);
    if let Some(ready) = ready(status, &extra, content_type, body.len(), style) {
        response.headers = ready;
        if !style.head {
            response.body = body;
        }
        return response;
    }
    response.headers = Headers::with_capacity(4, 128);
    let headers = &mut response.headers;
    if let Some(id) = &style.opaque_id {
        headers.push("x-opaque-id", id);
    }
    if let Some(allow) = extra.allow {
        headers.push("allow", allow);
    }
    if let Some(location) = extra.location {
        headers.push("location", location);
    }
    // Source: the product header is taken off every answer with one of these two statuses.
    if !matches!(status, 401 | 403) {
        headers.push_plain(PRODUCT.0, PRODUCT.1);
        for warning in extra.warnings {
            headers.push("warning", warning);
        }
    }
    end(headers, content_type, body.len());
    if !style.head {
        response.body = body;
    }
    response
}

/// What every answer says of its body.
fn end(headers: &mut Headers, content_type: &str, body_bytes: usize) {
    headers.push_plain("content-type", content_type);
    headers.push_number("content-length", body_bytes);
}

/// The headers of a short answer that has no others than nearly all have; such blocks are always the same.
fn ready(status: u16, extra: &Extra<'_>, content_type: &str, body_bytes: usize, style: &Style) -> Option<Headers> {
    const SHORT: usize = 40;
    // Those of a type and a length are made when the first such answer is written.
    static READY: [[OnceLock<Headers>; SHORT]; 1 + Profile::COUNT] =
        [const { [const { OnceLock::new() }; SHORT] }; 1 + Profile::COUNT];
    let has_others = style.opaque_id.is_some()
        || extra.allow.is_some()
        || extra.location.is_some()
        || !extra.warnings.is_empty()
        || matches!(status, 401 | 403);
    if has_others || body_bytes >= SHORT {
        return None;
    }
    let place = match content_type {
        "application/json" => 0,
        other => 1 + Profile::ALL.into_iter().position(|profile| profile.media_types()[0] == other)?,
    };
    let ready = READY[place][body_bytes].get_or_init(|| {
        let mut headers = Headers::with_capacity(3, 128);
        headers.push_plain(PRODUCT.0, PRODUCT.1);
        end(&mut headers, content_type, body_bytes);
        headers
    });
    Some(ready.lent())
}

const PRODUCT: (&str, &str) = ("x-elastic-product", "Elasticsearch");

/// An answer written below the dispatcher: no body, no product header, and the line is closed.
pub(crate) fn bare(status: u16) -> Response {
    let mut response = Response::new(status);
    response.headers.push("content-length", "0");
    response.headers.push("connection", "close");
    response
}

/// A document as get and list show it: its id first.
struct WithId<'a>(&'a str, &'a Source);

impl Serialize for WithId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.0)?;
        for (name, field) in self.1.fields() {
            map.serialize_entry(name, field)?;
        }
        map.end()
    }
}

struct RenderedHits<'a>(&'a DocumentPage);

impl Serialize for RenderedHits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut hits = serializer.serialize_seq(Some(self.0.hits.len()))?;
        for (id, source) in &self.0.hits {
            hits.serialize_element(&WithId(id, source))?;
        }
        hits.end()
    }
}

impl Serialize for AnswerBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            AnswerBody::Json(value) => value.serialize(serializer),
            AnswerBody::Fixed(text) => {
                serde_json::from_str::<Value>(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
            AnswerBody::Document(id, source) => WithId(id, source).serialize(serializer),
            AnswerBody::Page(page) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("count", &page.total)?;
                map.serialize_entry("results", &RenderedHits(page))?;
                map.end()
            }
            AnswerBody::Found(found) => FoundBody(found).serialize(serializer),
            AnswerBody::Searches(searches) => SearchesBody(searches).serialize(serializer),
            AnswerBody::Tree(part) => part.serialize(serializer),
            AnswerBody::Text(_) | AnswerBody::Typed(..) => Err(serde::ser::Error::custom("a text is no JSON")),
        }
    }
}
