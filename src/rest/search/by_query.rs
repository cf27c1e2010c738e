//! The requests of `_delete_by_query` and `_update_by_query`.
//!
//! Source: Elasticsearch 9.x, the REST handlers of bulk-by-scroll requests.

use super::parameters::{body, lookup, manner};
use super::query::query;
use super::query_string::query_string;
use super::reader::{Reader, is_value};
use crate::cluster::names::Lookup;
use crate::cluster::query::Query;
use crate::cluster::search::service::Target;
use crate::json::Token;
use crate::rest::call::Call;
use crate::rest::error::{Error, Exception, search};

/// Which documents are swept up, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct ByQuery {
    /// Which; none if it is not said.
    pub query: Option<Query>,
    /// Where.
    pub target: Target,
    /// How many at most.
    pub docs_max: Option<u64>,
}

/// Parameters that ask for something that is not there, and what to do instead.
// DIFFERENCE: Elasticsearch has them.
const UNSPOKEN: &[(&str, &[&str], &str)] = &[
    ("wait_for_completion", &["true", ""], "wait for the answer"),
    ("slices", &["1", "auto"], "leave it out"),
    ("pipeline", &["_none", "_none_"], "leave it out"),
    ("from", &["0"], "leave it out"),
    ("sort", &[], "leave it out"),
];

/// Reads a request of either kind.
pub fn by_query(call: &Call) -> Result<ByQuery, Error> {
    for (name, taken, instead) in UNSPOKEN {
        if let Some(value) = call.query(name).filter(|value| !taken.contains(value)) {
            let what = format!("[{name}={value}] of a call by query");
            return Err(Error::parse(search::unsupported(what, instead)));
        }
    }
    let (mut query, mut docs_max, conflicts) = read(body(call)?).map_err(Error::parse)?;
    if let Some(text) = call.query("q") {
        query = Some(query_string(text, manner(call)).map_err(Error::parse)?);
    }
    if let Some(most) = call.query("max_docs").and_then(|text| text.parse::<i64>().ok()) {
        docs_max = Some(max_docs(most).map_err(Error::parse)?);
    }
    // Nothing can come between a search and its writes here, so that conflicts do not arise.
    let conflicts = call.query("conflicts").map(str::to_owned).or(conflicts);
    if let Some(conflicts) = conflicts.filter(|conflicts| !matches!(conflicts.as_str(), "proceed" | "abort")) {
        return Err(Error::parse(search::bad_conflicts(&conflicts)));
    }
    let target = Target { expression: call.path("index").to_owned(), lookup: lookup(call, Lookup::default())? };
    Ok(ByQuery { query, target, docs_max })
}

/// How many at most. Elasticsearch deals them out to slices, of which there is one at least.
fn max_docs(most: i64) -> Result<u64, Exception> {
    match u64::try_from(most) {
        Ok(0) => Err(search::no_max_docs()),
        Ok(most) => Ok(most),
        Err(_) => Err(search::bad_max_docs(most)),
    }
}

type Read = (Option<Query>, Option<u64>, Option<String>);

fn read(bytes: &[u8]) -> Result<Read, Exception> {
    let mut reader = Reader::new(bytes);
    let mut read = (None, None, None);
    let Some(first) = reader.next()? else {
        return Ok(read);
    };
    if first != Token::StartObject {
        return Err(search::expected_start(reader.at(), first.name()));
    }
    while let Some(name) = reader.name()? {
        match (name.as_str(), reader.value()?) {
            ("query", Token::StartObject) => read.0 = Some(query(&mut reader, true, 0)?),
            ("max_docs", token) if is_value(token) => {
                read.1 = Some(max_docs(reader.int()?)?);
            }
            ("conflicts", Token::String) => read.2 = Some(reader.text()?),
            ("script", _) => {
                let instead = "change the documents one by one with `_update`";
                return Err(search::unsupported("[script] of a call by query", instead));
            }
            ("slice" | "sort", _) => {
                return Err(search::unsupported(format_args!("[{name}] of a call by query"), "leave it out"));
            }
            (name, token) => return Err(search::unknown_key(reader.at(), token.name(), name)),
        }
    }
    Ok(read)
}
