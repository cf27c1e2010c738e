//! What the judge says to a call that it refuses. No word of Elasticsearch's.

use super::{ApiError, Exception, full};

/// The `error.type` of such a refusal.
pub(crate) const CONTRACT_EXCEPTION: &str = "elastimock_contract_exception";

impl ApiError {
    /// A call that broke the contract, under `--contract enforce`.
    pub(crate) fn contract(message: String) -> ApiError {
        full(400, Exception::new(CONTRACT_EXCEPTION, message))
    }
}
