//! Sync jobs: their calls, rules and words.

pub(crate) mod handlers;
pub(crate) mod rules;
