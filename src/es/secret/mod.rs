//! Secrets of connectors: their calls.

pub mod handlers;
