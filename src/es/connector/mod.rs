//! Connectors: their calls, rules and words.

pub mod configuration;
pub mod cron;
pub mod filtering;
pub mod handlers;
pub mod rules;
pub mod scheduling;
pub mod words;
