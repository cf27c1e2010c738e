//! Elasticsearch, as far as it is mimicked: a folder for each family of operations.
//!
//! In a family `handlers.rs` says how a call is answered, `rules.rs` what is decided (pure, without HTTP and without
//! wording), and `words.rs` what is said when the answer is no.

pub mod body;
pub mod connector;
pub mod document;
pub mod error;
pub mod http;
pub mod index;
pub mod ingest;
pub mod node;
pub mod order;
pub mod refusal;
pub mod search;
pub mod secret;
pub mod security;
pub mod store;
pub mod sync_job;
pub mod table;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod values;
pub mod words;
