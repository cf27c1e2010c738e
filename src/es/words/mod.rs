//! Why the cluster refuses → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, connector and sync job index services, engine and search.

pub(crate) mod stubbed;
pub(crate) mod values;

use serde_json::json;

use super::error::{ApiError, Exception, full, unknown_enum};
use crate::es::refusal::Refusal;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let missing = |reason: String| full(404, Exception::new("resource_not_found_exception", reason));
        let status = |reason: String| full(400, Exception::new("status_exception", reason));
        match refusal {
            Refusal::Shelf(refusal) => refusal.into(),
            Refusal::Search(refusal) => refusal.into(),
            Refusal::JobMissing { id } => missing(id),
            Refusal::JobNotFound { id } => missing(format!("connector sync job [{id}] not found")),
            Refusal::ConnectorNotFound { id } => missing(format!("connector [{id}] not found")),
            Refusal::ConnectorOfJobMissing { id } => missing(format!("Connector with id '{id}' does not exist.")),
            Refusal::DocumentMissing { id, index, index_uuid } => full(
                404,
                Exception::new("document_missing_exception", format!("[{id}]: document missing"))
                    .with("index_uuid", index_uuid)
                    .with("shard", "0")
                    .with("index", index),
            ),
            Refusal::IndexMissing { index } => full(
                404,
                Exception::new("index_not_found_exception", format!("no such index [{index}]"))
                    .with("resource.type", "index_or_alias")
                    .with("resource.id", index.clone())
                    .with("index_uuid", "_na_")
                    .with("index", index),
            ),
            Refusal::NoIndexAttached { connector_id } => status(format!(
                "Cannot start a sync for connector [{connector_id}] with no index attached. \
                 Set the [index_name] property for the connector to enable syncing data."
            )),
            Refusal::NoServiceType { connector_id } => status(format!(
                "Cannot start a sync for connector [{connector_id}] with [service_type] not defined. \
                 Set the service type of your connector before starting the sync."
            )),
            Refusal::Connector(refusal) => refusal.into(),
            Refusal::InvalidTransition { from, to } => {
                let reason = format!(
                    "Invalid transition attempt from [{from}] to [{to}]. \
                     Such a ConnectorSyncStatus transition is not supported by the Connector Protocol."
                );
                let cause = Exception::new("connector_sync_job_invalid_status_transition_exception", reason.clone());
                full(400, Exception::new("status_exception", reason).caused_by(cause))
            }
            Refusal::UnknownStatus { status } => {
                full(400, unknown_enum("ConnectorSyncStatus", status.as_deref().unwrap_or("null")))
            }
            Refusal::VersionConflict { id, index, index_uuid, required, current } => full(
                409,
                Exception::new(
                    "version_conflict_engine_exception",
                    match current {
                        Some(current) => format!(
                            "[{id}]: version conflict, required seqNo [{}], primary term [{}]. \
                             current document has seqNo [{}] and primary term [{}]",
                            required.seq_no, required.primary_term, current.seq_no, current.primary_term
                        ),
                        None => format!(
                            "[{id}]: version conflict, required seqNo [{}], primary term [{}]. \
                             but no document was found",
                            required.seq_no, required.primary_term
                        ),
                    },
                )
                .with("index_uuid", index_uuid)
                .with("shard", "0")
                .with("index", index),
            ),
            Refusal::ResultWindow { asked } => {
                let reason = crate::es::search::words::result_window(asked, crate::limits::RESULT_WINDOW_MAX as u64);
                full(
                    400,
                    Exception::new("search_phase_execution_exception", "all shards failed")
                        .with("phase", "query")
                        .with("grouped", true)
                        .with("failed_shards", json!([]))
                        .caused_by(Exception::new("illegal_argument_exception", reason)),
                )
            }
        }
    }
}
