//! How a call wants its index expression understood, and other parameters that many calls share.

use crate::es::body::schema::split_list;
use crate::es::document::source::WriteCondition;
use crate::es::document::store::{External, WriteGuard};
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
pub(crate) use crate::es::search::request::lookup;
use crate::es::search::request::time;
use crate::es::search::source_filter::SourceFilter;
use crate::es::store::{CONNECTORS, Cluster, SYNC_JOBS};

/// Whether the call forces a refresh, which its answer then says.
pub(crate) fn forces_refresh(call: &Call) -> Result<bool, ApiError> {
    match call.query("refresh") {
        Some("" | "true") => Ok(true),
        None | Some("false" | "wait_for") => Ok(false),
        Some(other) => Err(ApiError::unknown_refresh(other)),
    }
}

/// Shows searches what was written to an index, if the call wants that to be waited for.
pub(crate) fn show(cluster: &mut Cluster, call: &Call, index: &str) {
    if matches!(call.query("refresh"), Some("" | "true" | "wait_for"))
        && let Some(index) = cluster.index_mut(index)
    {
        index.refresh();
    }
}

/// `_source`, `_source_includes` and `_source_excludes`; none if the call has none of them.
pub(crate) fn selection(call: &Call) -> Option<SourceFilter> {
    let [source, includes, excludes] = ["_source", "_source_includes", "_source_excludes"].map(|name| call.query(name));
    source.or(includes).or(excludes).or(call.query("_source_exclude_vectors"))?;
    if source == Some("false") {
        return Some(SourceFilter::None);
    }
    let includes = source.filter(|source| !matches!(*source, "" | "true")).or(includes);
    Some(SourceFilter::of(includes.into_iter().flat_map(split_list), excludes.into_iter().flat_map(split_list)))
}

/// What a write must find, as parameters or as the members of an action of a bulk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuardGiven<'a> {
    /// `if_seq_no`.
    pub if_seq_no: Option<i64>,
    /// `if_primary_term`.
    pub if_primary_term: Option<i64>,
    /// `version`.
    pub version: Option<i64>,
    /// `version_type`.
    pub version_type: Option<&'a str>,
}

impl<'a> GuardGiven<'a> {
    /// What the query says. The form of its numbers has been checked.
    pub(crate) fn of(call: &'a Call) -> GuardGiven<'a> {
        let number = |name| call.query(name).and_then(|text| text.parse().ok());
        GuardGiven {
            if_seq_no: number("if_seq_no"),
            if_primary_term: number("if_primary_term"),
            version: number("version"),
            version_type: call.query("version_type"),
        }
    }

    /// The guard, and what Elasticsearch's validation says against it. `has_id` says whether the client names
    /// the document.
    ///
    /// Source: Elasticsearch 9.x, index request and document write request, `validate`.
    pub(crate) fn guard(self, create: bool, has_id: bool, messages: &mut Vec<String>) -> Result<WriteGuard, ApiError> {
        let (external, type_name) = match self.version_type {
            None | Some("internal") => (None, "INTERNAL"),
            Some("external" | "external_gt") => (Some(false), "EXTERNAL"),
            Some("external_gte") => (Some(true), "EXTERNAL_GTE"),
            Some(other) => return Err(ApiError::unknown_version_type(other)),
        };
        // Some negative numbers are the server's own words for none.
        let if_seq_no = self.if_seq_no.filter(|number| *number != -2);
        if let Some(number) = if_seq_no.filter(|number| *number < 0) {
            return Err(ApiError::negative_seq_no(number));
        }
        if let Some(number) = self.if_primary_term.filter(|number| *number < 0) {
            return Err(ApiError::negative_primary_term(number));
        }
        let primary_term = self.if_primary_term.filter(|term| *term > 0);
        let given = self.version.filter(|version| !matches!(version, -3 | -4));
        let guard = WriteGuard { create, ..WriteGuard::default() };
        let mut says = |text: &str| messages.push(text.to_owned());
        if create {
            let offence = match (external, given, if_seq_no.or(primary_term)) {
                (Some(_), ..) => Some("create operations only support internal versioning. use index instead"),
                (_, Some(_), _) => Some("create operations do not support explicit versions. use index instead"),
                (.., Some(_)) => Some("create operations do not support compare and set. use index instead"),
                _ => None,
            };
            if let Some(offence) = offence {
                says(offence);
                return Ok(guard);
            }
        }
        if !has_id && (external.is_some() || given.is_some()) {
            says("an id must be provided if version type or value are set");
        }
        let version = match (external, given) {
            (Some(or_equal), Some(version)) if version >= 0 => Some(External { version: version as u64, or_equal }),
            (None, None) => None,
            (None, Some(version)) if version >= 0 => None,
            (_, version) => {
                let version = version.unwrap_or(-3);
                says(&format!("illegal version value [{version}] for version type [{type_name}]"));
                None
            }
        };
        if external.is_none() && given.is_some() {
            says(INTERNAL_VERSION);
        }
        if if_seq_no.is_some() && (external.is_some() || given.is_some()) {
            says("compare and write operations can not use versioning");
        }
        let condition = match (if_seq_no, primary_term) {
            (Some(seq_no), Some(primary_term)) => {
                Some(WriteCondition { seq_no: seq_no as u64, primary_term: primary_term as u64 })
            }
            (Some(_), None) => {
                says("ifSeqNo is set, but primary term is [0]");
                None
            }
            (None, Some(term)) => {
                says(&format!("ifSeqNo is unassigned, but primary term is [{term}]"));
                None
            }
            (None, None) => None,
        };
        Ok(WriteGuard { condition, version, ..guard })
    }
}

/// What Elasticsearch says to a write that names a version of its own counting.
pub(crate) const INTERNAL_VERSION: &str = "internal versioning can not be used for optimistic concurrency control. Please \
                                    use `if_seq_no` and `if_primary_term` instead";

/// Reads how long a write waits, and for how many copies. Both are checked and change nothing: there is one
/// copy, and nobody to wait for.
///
/// Source: Elasticsearch 9.x, REST handlers of writes, time values and active shard counts.
pub(crate) fn check_patience(call: &Call) -> Result<(), ApiError> {
    if let Some(text) = call.query("timeout") {
        time("timeout", text)?;
    }
    match call.query("wait_for_active_shards").map(|text| (text, text.parse::<i32>())) {
        None | Some(("all", _)) => Ok(()),
        Some((_, Ok(count))) if count >= 0 => Ok(()),
        Some((_, Ok(_))) => Err(ApiError::negative_shard_count()),
        Some((text, Err(_))) => Err(ApiError::bad_shard_count(text)),
    }
}

/// A routing that a call gives; an empty one is none.
pub(crate) fn routing<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    call.query("routing").filter(|routing| !routing.is_empty())
}

/// The reply with the warnings of a client that has made indices with a dot before their name, be it by a
/// write; those of the connectors are exempt, and so are Elastic's own products. Names are told as given.
///
/// Source: Elasticsearch's validator of names with a dot, for indices that are made and that make themselves.
pub(crate) fn dot_warned<'i>(reply: Reply, call: &Call, made: impl IntoIterator<Item = &'i str>) -> Reply {
    if call.header("x-elastic-product-origin").is_some_and(|origin| !origin.trim().is_empty()) {
        return reply;
    }
    made.into_iter().fold(reply, |reply, name| {
        let plain = name.trim_start_matches('<');
        if !plain.starts_with('.') || [CONNECTORS, SYNC_JOBS].contains(&plain) {
            return reply;
        }
        let text = format!(
            "Index [{name}] name begins with a dot (.), which is deprecated, and will not be allowed in a future \
             Elasticsearch version."
        );
        reply.warn(call.release, &text)
    })
}

/// Refuses if a validation has said anything.
pub(crate) fn refuse(messages: &[String]) -> Result<(), ApiError> {
    if messages.is_empty() { Ok(()) } else { Err(ApiError::validation(messages)) }
}

/// What Elasticsearch says to an id that is too long; none if it will do.
pub(crate) fn id_offence(id: &str) -> Option<String> {
    let most = crate::limits::ID_BYTES_MAX;
    (id.len() > most)
        .then(|| format!("id [{id}] is too long, must be no longer than {most} bytes but was: {}", id.len()))
}
