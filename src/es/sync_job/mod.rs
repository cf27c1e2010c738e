//! Sync jobs: their calls, rules and words.

pub mod handlers;
pub mod rules;
