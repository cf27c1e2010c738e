//! The parameters of searches, which go before what the body says.
//!
//! Source: Elasticsearch 9.x, REST handlers of search and count.

use super::query_string::{Manner, query_string};
use super::sort::sort_parameter;
use super::source::{
    SourceAsked, bare_query, check_shown, from, size, source, stored_fields, terminate_after, time, track,
};
use crate::es::body::schema::split_list;
use crate::es::error::{ApiError, Exception};
use crate::es::http::call::Call;
use crate::es::index::names::Lookup;
use crate::es::search::query::Query;
use crate::es::search::run::aggregation::ValuesAsked;
use crate::es::search::run::context::KeepAlive;
use crate::es::search::run::service::Target;
use crate::es::search::run::sort::{By, SortField};
use crate::es::search::run::{Search, Track};
use crate::es::search::source_filter::{SourceFilter, VectorRule};
use crate::es::search::words;

/// A search as it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SearchRequest {
    /// What is searched for.
    pub search: Search,
    /// Where.
    pub target: Target,
    /// For how long what is behind the first page is kept, if it is to be.
    pub scroll: Option<KeepAlive>,
    /// The point in time that is searched in place of indices.
    pub pit: Option<PitAsked>,
}

/// A point in time, and for how long it is kept from now on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PitAsked {
    /// Its id.
    pub id: String,
    /// For how long it is kept from now on, if that is said.
    pub keep: Option<KeepAlive>,
}

/// The body of a call, or what stands for it in its query.
pub(crate) fn body<'a>(call: &'a Call<'_>) -> Result<&'a [u8], ApiError> {
    if !call.raw().is_empty() {
        return Ok(call.raw());
    }
    match (call.query("source"), call.query("source_content_type")) {
        (None, None) => Ok(&[]),
        (Some(source), Some(kind)) => {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            match kind == "application/json" || kind == "application/vnd.elasticsearch+json" {
                true => Ok(source.as_bytes()),
                false => Err(words::bad_source_type(kind)),
            }
        }
        _ => Err(words::source_without_type()),
    }
}

/// `ignore_unavailable`, `allow_no_indices` and `expand_wildcards`, as far as the call gives them.
pub(crate) fn lookup(call: &Call, otherwise: Lookup) -> Result<Lookup, ApiError> {
    let mut lookup = otherwise;
    if call.query("ignore_unavailable").is_some() {
        lookup.ignore_unavailable = call.switch("ignore_unavailable");
    }
    if call.query("allow_no_indices").is_some() {
        lookup.allow_no_indices = call.switch("allow_no_indices");
    }
    match call.query("expand_wildcards").filter(|words| !words.is_empty()) {
        Some(words) => lookup.with_expand_wildcards(words).map_err(|word| ApiError::unknown_expand_wildcards(&word)),
        None => Ok(lookup),
    }
}

/// Where a call goes.
pub(crate) fn target(call: &Call<'_>) -> Result<Target, ApiError> {
    Ok(Target {
        expression: call.path("index").to_owned(),
        lookup: lookup(call, Lookup::default())?,
        routing: call.query("routing").filter(|routing| !routing.is_empty()).map(str::to_owned),
        narrowed: Vec::new(),
    })
}

/// The query of `q` and of what goes with it, if there is one.
pub(crate) fn url_query(call: &Call<'_>) -> Result<Option<Query>, ApiError> {
    let Some(text) = call.query("q") else {
        let of_a_query_string = ["df", "analyzer", "analyze_wildcard", "lenient", "default_operator"];
        let given: Vec<&str> = of_a_query_string.into_iter().filter(|name| call.query(name).is_some()).collect();
        return match given.is_empty() {
            true => Ok(None),
            false => Err(ApiError::parse(words::no_query_string(call.request.path(), &given))),
        };
    };
    if call.query("analyzer").is_some() {
        return Err(ApiError::parse(words::unsupported("[analyzer] of a query string", "leave it out")));
    }
    query_string(text, manner(call)?).map(Some).map_err(ApiError::parse)
}

/// How the parameters want a query string to be read.
pub(crate) fn manner<'a>(call: &'a Call<'_>) -> Result<Manner<'a>, ApiError> {
    let all = match call.query("default_operator").map(str::to_ascii_lowercase).as_deref() {
        None | Some("or") => false,
        Some("and") => true,
        Some(other) => return Err(ApiError::parse(words::bad_operator(other))),
    };
    Ok(Manner { field: call.query("df"), all, lenient: call.switch("lenient") })
}

/// A whole number of the query, whose form has been checked.
pub(crate) fn number(call: &Call, name: &str) -> Option<i64> {
    call.query(name)?.parse().ok()
}

/// Reads how a search is carried out. All of it is checked and changes nothing: each index is one shard on one
/// node.
///
/// Source: Elasticsearch 9.x, search request, search type and preference.
pub(crate) fn search_settings(call: &Call<'_>) -> Result<(), ApiError> {
    for (name, least, says) in [
        ("batched_reduce_size", 2, "batchedReduceSize must be >= 2"),
        ("pre_filter_shard_size", 1, "preFilterShardSize must be >= 1"),
        ("max_concurrent_shard_requests", 1, "maxConcurrentShardRequests must be >= 1"),
        ("max_concurrent_searches", 1, "maxConcurrentSearchRequests must be positive"),
    ] {
        if number(call, name).is_some_and(|number| number < least) {
            return Err(ApiError::parse(words::too_small(says)));
        }
    }
    search_type(call.query("search_type"))?;
    preference(call.query("preference"))
}

/// A word that says how scores are reckoned, which they are not.
pub(crate) fn search_type(word: Option<&str>) -> Result<(), ApiError> {
    match word {
        None | Some("query_then_fetch" | "dfs_query_then_fetch") => Ok(()),
        Some(other) => Err(ApiError::parse(words::no_search_type(other))),
    }
}

/// Which copies are asked, of which there is one.
pub(crate) fn preference(word: Option<&str>) -> Result<(), ApiError> {
    const KNOWN: [&str; 5] = ["_local", "_only_local", "_prefer_nodes", "_only_nodes", "_shards"];
    let Some(word) = word.filter(|word| word.starts_with('_')) else { return Ok(()) };
    let kind = word.split([':', '|']).next().unwrap_or_default();
    match kind {
        "_shards" if word != "_shards:0" => {
            let instead = "leave it out: each index has the one shard [0]";
            Err(ApiError::parse(words::unsupported(format!("[preference={word}]"), instead)))
        }
        kind if KNOWN.contains(&kind) => Ok(()),
        kind => Err(ApiError::parse(words::no_preference(kind))),
    }
}

/// Tells the total as a number alone if the call asks for it; a total that is cut off cannot be told so.
pub(crate) fn total_as_asked(call: &Call, search: &mut Search, says_track: bool) -> Result<(), ApiError> {
    if call.switch("rest_total_hits_as_int") {
        match search.track {
            Track::UpTo(up_to) if says_track => return Err(ApiError::parse(words::inexact_total_as_int(up_to))),
            Track::UpTo(_) => search.track = Track::All,
            _ => {}
        }
        search.shape.total_as_int = true;
    }
    Ok(())
}

/// A search: `_search` with all that it takes.
pub(crate) fn searching(call: &Call<'_>) -> Result<SearchRequest, ApiError> {
    let mut asked = source(body(call)?, true).map_err(ApiError::parse)?;
    let says_track = asked.parts.track || call.query("track_total_hits").is_some();
    search_settings(call)?;
    if let Some(text) = call.query("track_total_hits").filter(|text| !matches!(*text, "" | "true" | "false"))
        && text.parse::<i32>().is_err()
    {
        return Err(ApiError::bad_int("track_total_hits", text));
    }
    overrule(call, &mut asked).map_err(ApiError::parse)?;
    let SourceAsked { mut search, pit, .. } = asked;
    search.shape.typed_keys = call.switch("typed_keys");
    if let Some(query) = url_query(call)? {
        search.query = query;
    }
    let scroll = keep_alive(call, "scroll")?;
    total_as_asked(call, &mut search, says_track)?;
    let request = SearchRequest { search, target: target(call)?, scroll, pit };
    completed(request, says_track, call)
}

/// What the parameters say otherwise than the body.
fn overrule(call: &Call, asked: &mut SourceAsked) -> Result<(), Exception> {
    if let Some(names) = call.query("stored_fields") {
        let names: Vec<String> = split_list(names).map(str::to_owned).collect();
        stored_fields(asked, &names);
    }
    if let Some(filter) = source_parameters(call) {
        asked.search.shape.source = filter;
        asked.search.shape.vectors = vector_rule(call);
        asked.parts.source = true;
    }
    check_shown(asked)?;
    let search = &mut asked.search;
    search.shape.vectors.usual = call.release.is_from(9, 2);
    let number = |name: &str| number(call, name);
    if let Some(number) = number("from") {
        search.from = Some(from(number)?);
    }
    if let Some(number) = number("size") {
        search.size = Some(size(number)?);
    }
    if let Some(number) = number("terminate_after") {
        search.terminate_after = terminate_after(number)?;
    }
    if let Some(text) = call.query("timeout") {
        time("timeout", text)?;
    }
    if call.query("version").is_some() {
        search.shape.version = call.switch("version");
    }
    if call.query("seq_no_primary_term").is_some() {
        search.shape.seq_no_primary_term = call.switch("seq_no_primary_term");
    }
    if call.query("track_scores").is_some() {
        search.track_scores = call.switch("track_scores");
    }
    match call.query("track_total_hits") {
        None => {}
        Some("" | "true") => search.track = Track::All,
        Some("false") => search.track = Track::Off,
        Some(text) => search.track = track(text.parse().unwrap_or_default())?,
    }
    if let Some(sort) = call.query("sort") {
        search.sort = sort_parameter(sort);
    }
    if let Some(names) = call.query("docvalue_fields").filter(|names| !names.trim().is_empty()) {
        let asked = |field: &str| ValuesAsked { field: field.to_owned(), ..ValuesAsked::default() };
        search.shape.docvalue_fields.extend(split_list(names).map(asked));
    }
    for name in ["explain", "suggest_field", "suggest_text", "include_named_queries_score"] {
        if call.query(name).is_some_and(|value| value != "false") {
            return Err(words::unsupported(format_args!("the parameter [{name}]"), "leave it out, and read `_source`"));
        }
    }
    Ok(())
}

/// What of a source is shown, as `_source`, `_source_includes` and `_source_excludes` say.
pub(crate) fn source_parameters(call: &Call<'_>) -> Option<SourceFilter> {
    let list = |name: &str| call.query(name).map(|names| split_list(names).collect::<Vec<_>>());
    let (includes, excludes) = (list("_source_includes"), list("_source_excludes"));
    match call.query("_source") {
        Some("false") => Some(SourceFilter::None),
        Some("" | "true") | None if includes.is_none() && excludes.is_none() => {
            call.query("_source").or(call.query("_source_exclude_vectors")).map(|_| SourceFilter::All)
        }
        said => {
            let named = said.filter(|said| !matches!(*said, "" | "true")).map(|said| split_list(said).collect());
            Some(SourceFilter::of(named.or(includes).unwrap_or_default(), excludes.unwrap_or_default()))
        }
    }
}

/// Whether vectors are left out, as `_source_exclude_vectors` and the release say.
pub(crate) fn vector_rule(call: &Call<'_>) -> VectorRule {
    let asked = call.query("_source_exclude_vectors").map(|_| call.switch("_source_exclude_vectors"));
    VectorRule { asked, usual: call.release.is_from(9, 2) }
}

/// The rules that a whole search must keep; one of a point in time gets its tie-break.
fn completed(mut request: SearchRequest, says_track: bool, call: &Call<'_>) -> Result<SearchRequest, ApiError> {
    let mut wrong: Vec<&str> = Vec::new();
    if request.scroll.is_some() {
        if says_track && request.search.track != Track::All {
            wrong.push("disabling [track_total_hits] is not allowed in a scroll context");
        }
        if request.search.from.is_some_and(|from| from > 0) {
            wrong.push("using [from] is not allowed in a scroll context");
        }
        if call.switch("request_cache") {
            wrong.push("[request_cache] cannot be used in a scroll context");
        }
        if request.search.size == Some(0) {
            wrong.push("[size] cannot be [0] in a scroll context");
        }
        if request.pit.is_some() {
            wrong.push("using [point in time] is not allowed in a scroll context");
        }
    }
    if request.pit.is_some() {
        let given = |names: &[&str]| names.iter().any(|name| call.query(name).is_some());
        if !request.target.expression.is_empty() {
            wrong.push("[indices] cannot be used with point in time. Do not specify any index with point in time.");
        }
        if given(&["ignore_unavailable", "allow_no_indices", "expand_wildcards", "ignore_throttled"]) {
            wrong.push("[indicesOptions] cannot be used with point in time");
        }
        if given(&["routing"]) {
            wrong.push("[routing] cannot be used with point in time");
        }
        if given(&["preference"]) {
            wrong.push("[preference] cannot be used with point in time");
        }
        // Of two hits that are alike, one comes first in every page.
        let sort = &mut request.search.sort;
        if !sort.is_empty() && !sort.iter().any(|sort| sort.by == By::ShardDoc) {
            sort.push(SortField { by: By::ShardDoc, descending: false });
        }
    }
    if request.pit.is_none() && request.search.sort.iter().any(|sort| sort.by == By::ShardDoc) {
        wrong.push("[_shard_doc] sort field cannot be used without [point in time]");
    }
    if wrong.is_empty() {
        return Ok(request);
    }
    Err(ApiError::validation(&wrong.iter().map(|wrong| (*wrong).to_owned()).collect::<Vec<_>>()))
}

/// A count: a query and where it is asked.
pub(crate) fn counting(call: &Call<'_>) -> Result<(Search, Target), ApiError> {
    preference(call.query("preference"))?;
    let query = bare_query(body(call)?).map_err(ApiError::parse)?;
    let mut search = Search { query, ..Search::default() };
    if let Some(query) = url_query(call)? {
        search.query = query;
    }
    if call.query("min_score").is_some() {
        let instead = "leave it out: every hit has the same score";
        return Err(ApiError::parse(words::unsupported("[min_score] of a count", instead)));
    }
    let number = call.query("terminate_after").and_then(|text| text.parse::<i64>().ok());
    search.terminate_after = number.map_or(Ok(0), terminate_after).map_err(ApiError::parse)?;
    Ok((search, target(call)?))
}

/// For how long something is kept, as the parameter with that name says.
pub(crate) fn keep_alive(call: &Call, name: &str) -> Result<Option<KeepAlive>, ApiError> {
    call.query(name).map(|text| time(name, text)).transpose().map_err(ApiError::parse)
}

/// Where a point in time is to be kept, and for how long.
pub(crate) fn pit_keep_alive(call: &Call<'_>) -> Result<(Target, KeepAlive), ApiError> {
    let keep = keep_alive(call, "keep_alive")?;
    let keep = keep.ok_or_else(|| ApiError::validation(&["[keep_alive] is not specified".to_owned()]))?;
    if !bare_index_filter(call) {
        let instead = "put the filter into the searches";
        return Err(ApiError::parse(words::unsupported("[index_filter] of a point in time", instead)));
    }
    Ok((target(call)?, keep))
}

/// Whether the body of an opening says nothing.
fn bare_index_filter(call: &Call<'_>) -> bool {
    call.json().is_none_or(|body| body.as_object().is_some_and(serde_json::Map::is_empty))
}
