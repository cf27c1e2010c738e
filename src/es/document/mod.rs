//! Documents: single calls, many at once, and the store that keeps them.

pub mod handlers;
pub mod lag;
pub mod rules;
pub mod shared;
pub mod source;
pub mod store;
