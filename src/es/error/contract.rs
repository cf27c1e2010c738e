//! What the judge says to a call that it refuses. No word of Elasticsearch's.

use super::{Error, Exception, full};

/// The `error.type` of such a refusal.
pub const CONTRACT_EXCEPTION: &str = "elastimock_contract_exception";

impl Error {
    /// A call that broke the contract, under `--contract enforce`.
    pub fn contract(message: String) -> Error {
        full(400, Exception::new(CONTRACT_EXCEPTION, message))
    }
}
