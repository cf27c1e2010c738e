//! The body of `_msearch`: pairs of lines, of which the first says where and the second what.
//!
//! Source: Elasticsearch 9.x, multi search request.

use serde_json::Value;

use super::parameters::{SearchRequest, preference, search_settings, search_type, target, total_as_asked};
use super::source::{SourceAsked, source};
use crate::es::error::{self, ApiError};
use crate::es::http::call::Call;
use crate::es::index::names::Lookup;
use crate::es::search::run::service::Target;
use crate::es::search::run::sort::{By, SortField};
use crate::es::search::words;
use crate::json;
use crate::limits::MSEARCH_MAX;

/// Reads the searches of a body.
pub(crate) fn searches(call: &Call) -> Result<Vec<SearchRequest>, ApiError> {
    let target = target(call)?;
    search_settings(call)?;
    if call.switch("include_named_queries_score") {
        let what = "the parameter [include_named_queries_score]";
        return Err(ApiError::parse(words::unsupported(what, "leave it out: every hit has the same score")));
    }
    let mut requests = Vec::new();
    let mut messages = Vec::new();
    let text = call.raw().strip_suffix(b"\n").ok_or_else(words::msearch_not_ended)?;
    let mut lines = text.split(|byte| *byte == b'\n');
    while let Some(header) = lines.next() {
        // An empty first line leaves everything to the path and the parameters.
        let target = where_to(header, &target)?;
        // A last line by itself, empty or not, asks for nothing.
        let Some(body) = lines.next() else {
            break;
        };
        let SourceAsked { mut search, parts, pit } = source(body, false).map_err(ApiError::parse)?;
        total_as_asked(call, &mut search, parts.track)?;
        search.shape.typed_keys = call.switch("typed_keys");
        search.shape.vectors.usual = call.release.is_from(9, 2);
        if pit.is_none() && search.sort.iter().any(|sort| sort.by == By::ShardDoc) {
            messages.push("[_shard_doc] sort field cannot be used without [point in time]".to_owned());
        }
        if pit.is_some() && !search.sort.is_empty() && !search.sort.iter().any(|sort| sort.by == By::ShardDoc) {
            search.sort.push(SortField { by: By::ShardDoc, descending: false });
        }
        requests.push(SearchRequest { search, target, scroll: None, pit });
        if requests.len() > MSEARCH_MAX {
            let what = format!("more than {MSEARCH_MAX} searches in one call");
            return Err(ApiError::parse(words::unsupported(what, "send them in several calls")));
        }
    }
    if requests.is_empty() {
        messages.push("no requests added".to_owned());
    }
    if messages.is_empty() { Ok(requests) } else { Err(ApiError::validation(&messages)) }
}

/// Where a header line sends its search.
fn where_to(line: &[u8], otherwise: &Target) -> Result<Target, ApiError> {
    let mut target = otherwise.clone();
    let Some(Value::Object(header)) = json::read(line).map_err(|wrong| ApiError::parse(error::syntax(&wrong)))? else {
        return Ok(target);
    };
    let switch = |name: &str, value: &Value| match value {
        Value::Bool(switch) => Ok(*switch),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        other => Err(ApiError::parse(words::header_boolean(name, other))),
    };
    for (name, value) in &header {
        match name.as_str() {
            "index" | "indices" => target.expression = names(value),
            "ignore_unavailable" | "ignoreUnavailable" => {
                target.lookup.ignore_unavailable = switch(name, value)?;
            }
            "allow_no_indices" | "allowNoIndices" => {
                target.lookup.allow_no_indices = switch(name, value)?;
            }
            "expand_wildcards" | "expandWildcards" => {
                let Lookup { expand_open, expand_hidden, .. } = target
                    .lookup
                    .with_expand_wildcards(&names(value))
                    .map_err(|word| ApiError::unknown_expand_wildcards(&word))?;
                (target.lookup.expand_open, target.lookup.expand_hidden) = (expand_open, expand_hidden);
            }
            "search_type" | "searchType" => search_type(Some(&names(value)))?,
            "preference" => preference(value.as_str())?,
            "routing" => target.routing = Some(names(value)).filter(|routing| !routing.is_empty()),
            "request_cache"
            | "requestCache"
            | "ignore_throttled"
            | "ignoreThrottled"
            | "ccs_minimize_roundtrips"
            | "ccsMinimizeRoundtrips"
            | "allow_partial_search_results"
            | "allowPartialSearchResults" => drop(switch(name, value)?),
            _ => return Err(ApiError::parse(words::msearch_key(name))),
        }
    }
    Ok(target)
}

/// A name, or a list of names.
fn names(value: &Value) -> String {
    match value {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}
