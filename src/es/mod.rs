//! Elasticsearch, as far as it is mimicked: a folder for each family of operations.
//!
//! In a family `handlers.rs` says how a call is answered, `rules.rs` what is decided (pure, without HTTP and without
//! wording), and `words.rs` what is said when the answer is no.

pub mod connector;
pub mod document;
pub mod index;
pub mod ingest;
pub mod node;
pub mod search;
pub mod secret;
pub mod security;
pub mod sync_job;
