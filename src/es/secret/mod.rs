//! Secrets of connectors: their calls.

pub(crate) mod handlers;
