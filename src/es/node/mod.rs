//! What a node says of itself, of its cluster and of its licence.

pub mod handlers;
pub mod words;
