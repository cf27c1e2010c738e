//! Who a client is, and its API keys.

pub mod api_key;
pub mod handlers;
