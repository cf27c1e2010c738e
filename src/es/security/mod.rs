//! Who a client is, and its API keys.

pub(crate) mod api_key;
pub(crate) mod handlers;
