//! Elasticsearch, as far as it is mimicked: a folder for each family of operations.
//!
//! In a family `handlers.rs` says how a call is answered, `rules.rs` what is decided (pure, without HTTP and without
//! wording), and `words.rs` what is said when the answer is no.

pub(crate) mod body;
pub(crate) mod connector;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod index;
pub(crate) mod ingest;
pub(crate) mod node;
pub(crate) mod order;
pub(crate) mod refusal;
pub(crate) mod search;
pub(crate) mod secret;
pub(crate) mod security;
pub(crate) mod store;
pub(crate) mod subject;
pub(crate) mod sync_job;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod trial;
pub(crate) mod values;
pub(crate) mod words;
