//! Requests of the search APIs: from bodies and parameters to what the cluster is asked.
//!
//! Bodies are read token by token, as the server reads them: so what is wrong with one is found where
//! the server finds it, and told with its place.
//!
//! Source: Elasticsearch 9.x, search source, REST handlers of search, count, multi search, scroll and
//! point in time.

mod aggregations;
mod by_query;
mod lines;
mod parameters;
mod query;
mod query_string;
mod reader;
mod scroll;
mod sort;
mod source;

pub(crate) use by_query::{ByQuery, by_query};
pub(crate) use lines::searches;
pub(crate) use parameters::{SearchRequest, counting, lookup, pit_keep_alive, preference, searching, vector_rule};
pub(crate) use scroll::{pit_id, scroll_asked, scroll_ids};
pub(crate) use source::alias_filter;
pub(crate) use source::time_of as time;
