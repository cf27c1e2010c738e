//! Connectors: their calls, rules and words.

pub(crate) mod configuration;
pub(crate) mod cron;
pub(crate) mod filtering;
pub(crate) mod handlers;
pub(crate) mod rules;
pub(crate) mod scheduling;
pub(crate) mod words;
