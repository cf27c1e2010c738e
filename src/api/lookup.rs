//! How a call wants its index expression understood, and other parameters that many calls share.

use crate::cluster::document::Condition;
use crate::cluster::index::{External, Guard};
use crate::cluster::source_filter::SourceFilter;
use crate::cluster::{CONNECTORS, SYNC_JOBS};
use crate::rest::call::{Call, Reply};
use crate::rest::error::Error;
use crate::rest::schema::split_list;
pub use crate::rest::search::lookup;

/// Whether the call forces a refresh, which its answer then says.
pub fn forces_refresh(call: &Call) -> Result<bool, Error> {
    match call.query("refresh") {
        Some("" | "true") => Ok(true),
        None | Some("false" | "wait_for") => Ok(false),
        Some(other) => Err(Error::unknown_refresh(other)),
    }
}

/// `_source`, `_source_includes` and `_source_excludes`; none if the call has none of them.
pub fn selection(call: &Call) -> Option<SourceFilter> {
    let [source, includes, excludes] = ["_source", "_source_includes", "_source_excludes"].map(|name| call.query(name));
    source.or(includes).or(excludes)?;
    if source == Some("false") {
        return Some(SourceFilter::None);
    }
    let includes = source.filter(|source| !matches!(*source, "" | "true")).or(includes);
    Some(SourceFilter::of(includes.into_iter().flat_map(split_list), excludes.into_iter().flat_map(split_list)))
}

/// What a write must find, as parameters or as the members of an action of a bulk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// `if_seq_no`.
    pub if_seq_no: Option<i64>,
    /// `if_primary_term`.
    pub if_primary_term: Option<i64>,
    /// `version`.
    pub version: Option<i64>,
    /// `version_type`.
    pub version_type: Option<&'a str>,
}

impl<'a> Given<'a> {
    /// What the query says. The form of its numbers has been checked.
    pub fn of(call: &'a Call) -> Given<'a> {
        let number = |name| call.query(name).and_then(|text| text.parse().ok());
        Given {
            if_seq_no: number("if_seq_no"),
            if_primary_term: number("if_primary_term"),
            version: number("version"),
            version_type: call.query("version_type"),
        }
    }

    /// The guard, and what Elasticsearch's validation says against it.
    pub fn guard(self, create: bool, messages: &mut Vec<String>) -> Result<Guard, Error> {
        let external = match self.version_type {
            None | Some("internal") => None,
            Some("external" | "external_gt") => Some(false),
            Some("external_gte") => Some(true),
            Some(other) => return Err(Error::unknown_version_type(other)),
        };
        // One negative number is the server's own word for none.
        let if_seq_no = self.if_seq_no.filter(|number| *number != -2);
        if let Some(number) = if_seq_no.filter(|number| *number < 0) {
            return Err(Error::negative_number("sequence numbers", number));
        }
        if let Some(number) = self.if_primary_term.filter(|number| *number < 0) {
            return Err(Error::negative_number("primary term", number));
        }
        let version = match (external, self.version) {
            (Some(or_equal), Some(version)) if version >= 0 => Some(External { version: version as u64, or_equal }),
            (Some(or_equal), version) => {
                let name = if or_equal { "EXTERNAL_GTE" } else { "EXTERNAL" };
                let version = version.unwrap_or(-3);
                messages.push(format!("illegal version value [{version}] for version type [{name}]"));
                None
            }
            (None, Some(_)) => {
                messages.push(
                    "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` \
                     and `if_primary_term` instead"
                        .to_owned(),
                );
                None
            }
            (None, None) => None,
        };
        let condition = match (if_seq_no, self.if_primary_term.filter(|term| *term > 0)) {
            (Some(seq_no), Some(primary_term)) => {
                Some(Condition { seq_no: seq_no as u64, primary_term: primary_term as u64 })
            }
            (Some(_), None) => {
                messages.push("ifSeqNo is set, but primary term is [0]".to_owned());
                None
            }
            (None, Some(term)) => {
                messages.push(format!("ifSeqNo is unassigned, but primary term is [{term}]"));
                None
            }
            (None, None) => None,
        };
        if create && external.is_some() {
            messages.push("create operations only support internal versioning. use index instead".to_owned());
        }
        if create && condition.is_some() {
            messages.push("create operations do not support compare and set. use index instead".to_owned());
        }
        if condition.is_some() && version.is_some() {
            messages.push("compare and write operations can not use versioning".to_owned());
        }
        Ok(Guard { condition, version, create })
    }
}

/// The reply with the warnings of a client that has made indices with a dot before their name, be it by a
/// write; those of the connectors are exempt, and so are Elastic's own products. Names are told as given.
///
/// Source: Elasticsearch's validator of names with a dot, for indices that are made and that make themselves.
pub fn dot_warned<'i>(reply: Reply, call: &Call, made: impl IntoIterator<Item = &'i str>) -> Reply {
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
pub fn refuse(messages: &[String]) -> Result<(), Error> {
    if messages.is_empty() { Ok(()) } else { Err(Error::validation(messages)) }
}

/// What Elasticsearch says to an id that is too long; none if it will do.
pub fn id_offence(id: &str) -> Option<String> {
    let most = crate::limits::ID_BYTES_MAX;
    (id.len() > most)
        .then(|| format!("id [{id}] is too long, must be no longer than {most} bytes but was: {}", id.len()))
}
