//! The machine that joins Elasticsearch, the contract and the record: engine, admin API, wire and server.

pub(crate) mod admin;
pub(crate) mod engine;
pub(crate) mod server;
pub(crate) mod stored;
pub(crate) mod wire;
