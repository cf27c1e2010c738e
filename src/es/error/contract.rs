//! What the judge says to a call that it refuses. No word of Elasticsearch's.

use super::{Error, Exception, full};

/// The `error.type` of such a refusal.
pub(crate) const CONTRACT_EXCEPTION: &str = "elastimock_contract_exception";

impl Error {
    /// A call that broke the contract, under `--contract enforce`.
    pub(crate) fn contract(message: String) -> Error {
        full(400, Exception::new(CONTRACT_EXCEPTION, message))
    }
}
