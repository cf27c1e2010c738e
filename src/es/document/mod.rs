//! Documents: single calls, many at once, and the store that keeps them.

pub(crate) mod handlers;
pub(crate) mod lag;
pub(crate) mod rules;
pub(crate) mod shared;
pub(crate) mod source;
pub(crate) mod store;
