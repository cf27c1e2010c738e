//! The body of a request: held against its schema, read, and refused in the server's words.

pub mod parser;
pub mod plain;
pub mod schema;
pub mod words;
