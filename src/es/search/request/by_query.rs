//! The requests of `_delete_by_query` and `_update_by_query`.
//!
//! The body is that of a search, with a few members of its own, which are taken out of it before.
//!
//! Source: Elasticsearch 9.x, the REST handlers and requests of bulk by scroll.

use serde_json::{Map, Value};

use super::parameters::{body, keep_alive, number, search_settings, target, url_query};
use super::sort::sort_parameter;
use super::source::{SourceAsked, size, source_of_sweep, terminate_after, time};
use crate::es::error::{self, ApiError, Exception};
use crate::es::http::call::Call;
use crate::es::search::query::Query;
use crate::es::search::run::Search;
use crate::es::search::run::service::Target;
use crate::es::search::words;
use crate::json;

/// Documents that are read at a time if nothing is said.
const BATCH: u64 = 1000;

/// What is said to indices of another cluster.
const REMOTE: &str = "Cross-cluster calls are not supported in this context but remote indices were requested";

/// Which documents are swept up, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ByQuery {
    /// Which, and in which order.
    pub search: Search,
    /// Where.
    pub target: Target,
    /// How many at most.
    pub docs_max: Option<u64>,
    /// How many at a time.
    pub batch: u64,
    /// Whether a document that was written to in between does not matter.
    pub proceeds: bool,
    /// How many a second, as the answer repeats it; -1 if there is no such limit.
    pub per_second: f32,
    /// Whether what was done is shown at once.
    pub refreshes: bool,
}

/// Reads a request of either kind; `deletes` says whether it is that which deletes.
pub(crate) fn by_query(call: &Call, deletes: bool) -> Result<ByQuery, ApiError> {
    let mut own = ByQueryMembers::read(call, body(call)?)?;
    let SourceAsked { mut search, pit, parts } = source_of_sweep(&own.rest).map_err(ApiError::parse)?;
    search_settings(call)?;
    if let Some(query) = url_query(call)? {
        search.query = query;
    }
    let from = number(call, "from").or(search.from.map(|from| from as i64));
    if let Some(after) = number(call, "terminate_after") {
        search.terminate_after = terminate_after(after).map_err(ApiError::parse)?;
    }
    if let Some(sort) = call.query("sort") {
        search.sort = sort_parameter(sort);
    }
    keep_alive(call, "scroll")?;
    let batch = match number(call, "scroll_size") {
        Some(number) => size(number).map_err(ApiError::parse)?,
        None => search.size.unwrap_or(BATCH),
    };
    if let Some(word) = call.query("conflicts") {
        own.conflicts = Some(word.to_owned());
    }
    let proceeds = match own.conflicts.as_deref() {
        None | Some("abort") => false,
        Some("proceed") => true,
        Some(other) => return Err(ApiError::parse(words::bad_conflicts(other))),
    };
    for name in ["search_timeout", "timeout"] {
        call.query(name).map(|text| time(name, text)).transpose().map_err(ApiError::parse)?;
    }
    let slices = slices(call)?;
    let per_second = per_second(call)?;
    if let Some(most) = number(call, "max_docs") {
        if let Some(given) = own.docs_max.filter(|given| *given != most) {
            return Err(ApiError::parse(words::two_max_docs(given, most)));
        }
        own.docs_max = Some(most);
    }
    let docs_max = own.docs_max.map(|most| max_docs(most, slices.unwrap_or(1))).transpose().map_err(ApiError::parse)?;
    refuse_unspoken(call, &own, slices, pit.is_some())?;
    let mut messages = Vec::new();
    let mut says = |text: &str| messages.push(text.to_owned());
    if batch == 0 {
        says("[size] cannot be [0] in a scroll context");
    }
    if call.switch("request_cache") {
        says("[request_cache] cannot be used in a scroll context");
    }
    if from.is_some() {
        says("from is not supported in this context");
    }
    if parts.stored_fields {
        says("stored_fields is not supported in this context");
    }
    if deletes && search.query == Query::All && !parts.query && call.query("q").is_none() {
        says("query is missing");
    }
    let is_remote = |name: &&str| name.contains(':') && !name.starts_with('<');
    let remote: Vec<&str> = call.path("index").split(',').filter(is_remote).collect();
    if !remote.is_empty() {
        says(&format!("{REMOTE}: [{}]", remote.join(", ")));
    }
    if !messages.is_empty() {
        return Err(ApiError::validation(&messages));
    }
    let target = target(call)?;
    let search = Search { from: None, size: None, ..search };
    let refreshes = call.switch("refresh");
    Ok(ByQuery { search, target, docs_max, batch, proceeds, per_second, refreshes })
}

/// What elastimock does not do of all this.
// DIFFERENCE: Elasticsearch does it.
fn refuse_unspoken(call: &Call, own: &ByQueryMembers, slices: Option<i64>, has_pit: bool) -> Result<(), ApiError> {
    let unsupported = |what: String, instead: &str| Err(ApiError::parse(words::unsupported(what, instead)));
    if own.has_script {
        let instead = "change the documents one by one with `_update`";
        return unsupported("[script] of a call by query".to_owned(), instead);
    }
    if call.query("wait_for_completion") == Some("false") {
        return unsupported("[wait_for_completion=false] of a call by query".to_owned(), "wait for the answer");
    }
    if let Some(pipeline) = call.query("pipeline").filter(|name| !matches!(*name, "_none" | "_none_")) {
        return unsupported(format!("[pipeline={pipeline}] of a call by query"), "leave it out");
    }
    match slices {
        Some(slices) if slices > 1 => unsupported(format!("[slices={slices}] of a call by query"), "leave it out"),
        _ if has_pit => unsupported("[pit] in a call by query".to_owned(), "name the index"),
        _ => Ok(()),
    }
}

/// The members of the body that no search has, and the body without them.
#[derive(Default)]
struct ByQueryMembers {
    conflicts: Option<String>,
    docs_max: Option<i64>,
    has_script: bool,
    rest: Vec<u8>,
}

impl ByQueryMembers {
    fn read(call: &Call, bytes: &[u8]) -> Result<ByQueryMembers, ApiError> {
        if bytes.is_empty() {
            return Ok(ByQueryMembers::default());
        }
        let read = match call.json() {
            Some(body) => Some(body.clone()),
            // It is given as a parameter.
            None => json::read(bytes).map_err(|wrong| ApiError::parse(error::syntax(&wrong)))?,
        };
        let Some(Value::Object(mut members)) = read else {
            return Ok(ByQueryMembers { rest: bytes.to_vec(), ..ByQueryMembers::default() });
        };
        let mut taken = Map::new();
        for name in ["conflicts", "max_docs", "script"] {
            taken.extend(members.shift_remove(name).map(|value| (name.to_owned(), value)));
        }
        // As it stands the body keeps its places.
        let rest = if taken.is_empty() { bytes.to_vec() } else { serde_json::to_vec(&members).unwrap_or_default() };
        let docs_max = match taken.get("max_docs") {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
            Some(other) => return Err(ApiError::parse(words::no_cast(other, "java.lang.Number"))),
        };
        let conflicts = match taken.get("conflicts") {
            None | Some(Value::Null) => None,
            Some(Value::String(word)) => Some(word.clone()),
            Some(other) => return Err(ApiError::parse(words::no_cast(other, "java.lang.String"))),
        };
        let has_script = taken.get("script").is_some_and(|script| !script.is_null());
        Ok(ByQueryMembers { conflicts, docs_max, has_script, rest })
    }
}

/// In how many parts the work is done; none if it is not said or left to the server.
fn slices(call: &Call) -> Result<Option<i64>, ApiError> {
    match call.query("slices").map(|text| (text, text.parse::<i32>())) {
        None | Some(("auto", _)) => Ok(None),
        Some((_, Ok(slices))) if slices >= 1 => Ok(Some(slices.into())),
        Some((text, parsed)) => Err(ApiError::parse(words::bad_slices(text, parsed.is_err()))),
    }
}

fn per_second(call: &Call) -> Result<f32, ApiError> {
    let Some(text) = call.query("requests_per_second") else { return Ok(-1.0) };
    match text.trim().parse::<f32>() {
        Ok(-1.0) => Ok(-1.0),
        Ok(rate) if rate > 0.0 => Ok(rate),
        Ok(_) => Err(ApiError::parse(words::bad_rate())),
        Err(_) => Err(ApiError::parse(words::bad_rate().caused_by(words::no_number_format(text)))),
    }
}

/// How many at most. Elasticsearch deals them out to slices, of which there is one at least.
fn max_docs(most: i64, slices: i64) -> Result<u64, Exception> {
    match u64::try_from(most) {
        Ok(_) if most < slices => Err(words::no_max_docs()),
        Ok(most) => Ok(most),
        Err(_) => Err(words::bad_max_docs(most)),
    }
}
