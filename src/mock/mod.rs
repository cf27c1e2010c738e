//! The machine that joins Elasticsearch, the contract and the record: engine, admin API, wire and server.

pub mod admin;
pub mod engine;
pub mod server;
pub mod stored;
pub mod wire;
