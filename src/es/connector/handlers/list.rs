//! `connector.list`: the connectors by the name of their index, filtered and paged.

use super::{index_name_message, refuse};
use crate::es::body::schema::split_list;
use crate::es::document::source::Source;
use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::search::query::text::{lower, words};
use crate::es::store::{Cluster, DocumentPage};
use crate::wildcard::WildcardPattern;

/// The size of a page when the client does not say.
const PAGE_SIZE: u64 = 100;

/// The names of a list's indices follow the same rules.
pub(crate) fn check_list(call: &Call) -> Result<(), ApiError> {
    refuse(call.query("index_name").into_iter().flat_map(split_list).filter_map(index_name_message).collect())
}

/// `connector.list`.
pub(crate) fn list(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    // A list without a name asks for nothing.
    let any_of = |parameter: &str, source: &Source, field: &str| {
        let mut names = call.query(parameter).into_iter().flat_map(split_list).peekable();
        names.peek().is_none() || source.text(field).is_some_and(|value| names.any(|name| name == value))
    };
    let query = call.query("query").filter(|query| !query.is_empty());
    let passes = |source: &Source| {
        any_of("index_name", source, "index_name")
            && any_of("connector_name", source, "name")
            && any_of("service_type", source, "service_type")
            && query.is_none_or(|query| mentions(source, query))
    };
    let is_filtered = query.is_some()
        || ["index_name", "connector_name", "service_type"].iter().any(|name| call.query(name).is_some());
    let page: DocumentPage = cluster.connectors(
        call.count("from", 0),
        call.count("size", PAGE_SIZE),
        call.switch("include_deleted"),
        is_filtered.then_some(&passes),
    )?;
    Ok(Reply::ok(AnswerBody::Page(page)))
}

/// Whether a connector's index, name or description has `query` somewhere. The description is analysed
/// text: its single words are compared, in lower case.
fn mentions(source: &Source, query: &str) -> bool {
    let pattern = WildcardPattern::read(&format!("*{query}*"));
    let fits = |text: &str| pattern.fits(text);
    let word_fits = |text: &str| words(text).any(|word| fits(&lower(word)));
    source.text("index_name").is_some_and(fits)
        || source.text("name").is_some_and(fits)
        || source.text("description").is_some_and(word_fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_query_finds_single_words_of_the_description() {
        let source = Source::new().with("description", Value::from("Quarterly report"));
        assert!(mentions(&source, "quarter"));
        assert!(!mentions(&source, "Quarter"));
        assert!(!mentions(&source, "quarterly report"));
    }
}
