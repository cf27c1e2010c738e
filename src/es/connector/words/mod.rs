//! Why something is refused that was asked of a connector or a secret → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, connector index service and state machine, connector secrets service.

pub(crate) mod cron;

use crate::es::error::{ApiError, Exception, full, unknown_enum};
use crate::es::refusal::ConnectorRefusal;
use crate::limits::ID_BYTES_MAX;

impl From<ConnectorRefusal> for ApiError {
    fn from(refusal: ConnectorRefusal) -> ApiError {
        let status = |reason: String| full(400, Exception::new("status_exception", reason));
        match refusal {
            ConnectorRefusal::IndexNameTaken { index_name } => {
                status(format!("Index name [{index_name}] is used by another connector."))
            }
            ConnectorRefusal::IdTooLong { id } => ApiError::validation(&[format!(
                "id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}",
                id.len()
            )]),
            ConnectorRefusal::InvalidTransition { from, to } => {
                let reason = format!(
                    "Invalid transition attempt from [{from}] to [{to}]. \
                     Such a status transition is not supported by the Connector Protocol."
                );
                let cause = Exception::new("connector_invalid_status_transition_exception", reason.clone());
                full(400, Exception::new("status_exception", reason).caused_by(cause))
            }
            ConnectorRefusal::UnknownStatus { status } => {
                full(400, unknown_enum("ConnectorStatus", status.as_deref().unwrap_or("null")))
            }
            ConnectorRefusal::NativeIndexName { index_name } => status(format!(
                "Index attached to an Elastic-managed connector must start with the prefix: [content-]. \
                 The index name in the payload [{index_name}] doesn't comply with this requirement."
            )),
            ConnectorRefusal::NativeWithIndex { id, index_name } => status(format!(
                "The index name [{index_name}] attached to the connector [{id}] must start with the required prefix: \
                 [content-] to be Elastic-managed. Please update the attached index first to comply with this \
                 requirement."
            )),
            ConnectorRefusal::UnknownConfiguration { names } => status(format!(
                "Unknown [configuration] fields in the request payload: [{}]. \
                 Remove them from request or register their schema first.",
                names.join(", ")
            )),
            ConnectorRefusal::DraftNotValid { state } => status(format!(
                "Filtering draft needs to be validated by the connector service before activation. \
                 Current filtering draft validation state [{state}] is not equal to [valid]."
            )),
            ConnectorRefusal::NoFiltering => {
                full(500, Exception::new("index_out_of_bounds_exception", "Index 0 out of bounds for length 0"))
            }
            ConnectorRefusal::NullPointer => ApiError::null_pointer(),
            ConnectorRefusal::SecretNotFound { id } => {
                full(404, Exception::new("resource_not_found_exception", format!("No secret with id [{id}]")))
            }
        }
    }
}

impl ApiError {
    /// The server trips over a null, and has no more to say of it.
    pub(crate) fn null_pointer() -> ApiError {
        full(500, Exception { reason: None, ..Exception::new("null_pointer_exception", "") })
    }
}
