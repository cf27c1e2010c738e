//! What a node says of itself, of its cluster and of its licence.

pub(crate) mod handlers;
pub(crate) mod words;
