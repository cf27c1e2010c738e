//! `mget`: several documents by id, of one index or of several.

use serde_json::Value;

use super::{Expected, beside_stored, found, found_at, not_found, read_from, token_of, visible};
use crate::es::body::schema::split_list;
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply, long_in};
use crate::es::http::part::JsonPart;
use crate::es::index::handlers::lookup::{refuse, routing, selection};
use crate::es::search::source_filter::SourceFilter;
use crate::es::store::Cluster;
use crate::json::{self, Position};

/// A document that is asked for.
struct DocumentWanted {
    index: String,
    id: String,
    shown: Option<SourceFilter>,
    /// The fields that the index keeps apart from the source and that are asked for.
    stored: Option<Vec<String>>,
    routing: Option<String>,
    expected: Expected,
}

/// `mget`. A document that cannot be read has its error in its place.
pub(crate) fn mget(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let wanted = wanted(call)?;
    let shown = selection(call);
    let documents = wanted.iter().map(|wanted| read(cluster, call, wanted, &shown)).collect();
    Ok(Reply::tree(vec![("docs", JsonPart::List(documents))]))
}

fn read(cluster: &mut Cluster, call: &Call, wanted: &DocumentWanted, otherwise: &Option<SourceFilter>) -> JsonPart {
    let routing = cluster.routing_of(&wanted.index, wanted.routing.as_deref());
    let outcome = read_from(cluster, call, &wanted.index).and_then(|index| {
        let routing = routing?;
        index.check_routing(&wanted.id, routing.as_deref())?;
        let Some(document) = found_at(index, call, &wanted.id, routing.as_deref()) else {
            return Ok(not_found(index, &wanted.id));
        };
        wanted.expected.check(index, &wanted.id, document)?;
        let stored: Option<Vec<&str>> = wanted.stored.as_ref().map(|names| names.iter().map(String::as_str).collect());
        let shown = wanted.shown.as_ref().or(otherwise.as_ref()).cloned();
        let shown = beside_stored(index, shown, stored.as_deref())?;
        // A document that says itself what is shown of it says nothing of vectors.
        Ok(found(index, &wanted.id, document, visible(index, call, &shown).shown(&document.source)))
    });
    outcome.unwrap_or_else(|error| {
        let error = error.body(false).and_then(|body| body.get("error").cloned());
        JsonPart::Object(vec![
            ("_index", JsonPart::Text(wanted.index.as_str().into())),
            ("_id", JsonPart::Text(wanted.id.as_str().into())),
            ("error", JsonPart::Json(error.unwrap_or_default())),
        ])
    })
}

fn wanted(call: &Call) -> Result<Vec<DocumentWanted>, ApiError> {
    let body = call.json().ok_or_else(ApiError::body_required)?;
    let own = call.path("index");
    for (name, value) in body.as_object().into_iter().flatten() {
        let place = json::locate(call.raw(), &format!("/{name}"), false).unwrap_or(Position::START);
        match value {
            Value::Array(_) if ["docs", "ids"].contains(&name.as_str()) => {}
            Value::Array(_) => return Err(ApiError::mget_unknown_list(place, name)),
            other => return Err(ApiError::mget_no_list(place, token_of(other))),
        }
    }
    let everywhere = call.query("stored_fields").map(|names| split_list(names).map(str::to_owned).collect::<Vec<_>>());
    let mut wanted = Vec::new();
    let mut messages = Vec::new();
    let plain = Expected::read(None, None, &mut Vec::new())?;
    for (at, document) in list(body, "docs").enumerate() {
        if !document.is_object() {
            return Err(ApiError::mget_no_object());
        }
        check(document)?;
        let stored = document.get("stored_fields").map(names).or_else(|| everywhere.clone());
        let text = |name: &str| text(document.get(name)?);
        let index = text("_index").or_else(|| (!own.is_empty()).then(|| own.to_owned()));
        let id = text("_id");
        if index.is_none() {
            messages.push(format!("index is missing for doc {at}"));
        }
        if id.is_none() {
            messages.push(format!("id is missing for doc {at}"));
        }
        let shown = document.get("_source").and_then(SourceFilter::read);
        let number = |name: &str| document.get(name).and_then(long_in);
        let kind = document.get("version_type").and_then(Value::as_str);
        let expected = Expected::read(number("version"), kind, &mut messages)?;
        let routing = text("routing").or_else(|| routing(call).map(str::to_owned));
        wanted.extend(index.zip(id).map(|(index, id)| DocumentWanted { index, id, shown, stored, routing, expected }));
    }
    for (at, id) in list(body, "ids").enumerate() {
        if !matches!(id, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            return Err(ApiError::mget_no_id());
        }
        if own.is_empty() {
            messages.push(format!("index is missing for doc {at}"));
        }
        let routing = routing(call).map(str::to_owned);
        let own = || own.to_owned();
        wanted.extend(text(id).map(|id| DocumentWanted {
            index: own(),
            id,
            shown: None,
            stored: everywhere.clone(),
            routing,
            expected: plain,
        }));
    }
    if wanted.is_empty() && messages.is_empty() {
        messages.push("no documents to get".to_owned());
    }
    refuse(&messages)?;
    Ok(wanted)
}

/// Refuses members that a document of the list does not have.
fn check(document: &Value) -> Result<(), ApiError> {
    const KNOWN: [&str; 7] = ["_id", "_index", "_source", "routing", "stored_fields", "version", "version_type"];
    let is_plain = |value: &Value| !value.is_array() && !value.is_object();
    let mut members = document.as_object().into_iter().flatten();
    if let Some((name, _)) = members.find(|(name, value)| is_plain(value) && !KNOWN.contains(&name.as_str())) {
        return Err(ApiError::mget_unknown_field(name));
    }
    match document.get("_source") {
        Some(Value::Object(members)) => {
            const LISTS: [&str; 4] = ["include", "includes", "exclude", "excludes"];
            match members.keys().find(|name| !LISTS.contains(&name.as_str())) {
                Some(name) => Err(ApiError::mget_source_member(name)),
                None => Ok(()),
            }
        }
        Some(number @ Value::Number(_)) => Err(ApiError::mget_source_type(token_of(number))),
        _ => Ok(()),
    }
}

fn list<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A name, or a list of names.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(names) => names.iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    }
}

/// A text, or a number as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
