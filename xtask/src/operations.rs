//! Which operations get a schema. To add one, add its name.
//!
//! The name is Elasticsearch's own; it finds the endpoint in the specification and names the file.

/// The operations, in the order of the README: every one gets `schemas/<operation>.json`.
pub const OPERATIONS: &[&str] = &[
    "info",
    "ping",
    "connector.list",
    "connector.post",
    "connector.put",
    "connector.get",
    "connector.delete",
    "connector.sync_job_list",
    "connector.sync_job_post",
    "connector.sync_job_get",
    "connector.sync_job_delete",
    "connector.sync_job_claim",
    "connector.sync_job_cancel",
    "connector.sync_job_check_in",
    "connector.sync_job_error",
    "connector.sync_job_update_stats",
];
