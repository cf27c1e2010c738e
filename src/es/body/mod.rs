//! The body of a request: held against its schema, read, and refused in the server's words.

pub(crate) mod parser;
pub(crate) mod plain;
pub(crate) mod schema;
pub(crate) mod words;
