//! What Elasticsearch would most likely say where a stub leaves it open: the type of a status, status and words of a type.
//!
//! Source: Elasticsearch 9.x, the status of each exception; words as public reports of them show.

/// The type that Elasticsearch most likely gives an error of that status.
pub(crate) fn type_of_status(status: u16) -> &'static str {
    match status {
        400 => "illegal_argument_exception",
        401 | 403 => "security_exception",
        404 => "resource_not_found_exception",
        408 => "timeout_exception",
        409 => "version_conflict_engine_exception",
        413 => "content_too_long_exception",
        429 => "es_rejected_execution_exception",
        502..=504 => "unavailable_shards_exception",
        _ => "exception",
    }
}

/// The status that Elasticsearch gives an error of that type, and words that it might have.
pub(crate) fn of_type(kind: &str) -> (u16, &'static str) {
    match kind {
        "es_rejected_execution_exception" => (
            429,
            "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, coordinating_operation_bytes=1, max_coordinating_and_primary_bytes=1]",
        ),
        "circuit_breaking_exception" => (
            429,
            "[parent] Data too large, data for [<http_request>] would be [1/1b], which is larger than the limit of [0/0b]",
        ),
        "version_conflict_engine_exception" => (
            409,
            "[1]: version conflict, required seqNo [0], primary term [1]. current document has seqNo [1] and primary term [1]",
        ),
        "index_not_found_exception" => (404, "no such index"),
        "resource_not_found_exception" | "document_missing_exception" | "search_context_missing_exception" => {
            (404, "not found")
        }
        "resource_already_exists_exception"
        | "illegal_argument_exception"
        | "mapper_parsing_exception"
        | "document_parsing_exception"
        | "parsing_exception"
        | "action_request_validation_exception"
        | "strict_dynamic_mapping_exception"
        | "x_content_parse_exception" => (400, "the request cannot be done"),
        "security_exception" => (403, "action is unauthorized"),
        "cluster_block_exception" => (503, "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"),
        "unavailable_shards_exception" => (503, "primary shard is not active"),
        "no_shard_available_action_exception" => (503, "no shard is available"),
        "master_not_discovered_exception" => (503, "no master was discovered"),
        "process_cluster_event_timeout_exception" => (503, "failed to process cluster event within 30s"),
        "receive_timeout_transport_exception" | "timeout_exception" => (503, "timed out"),
        "status_exception" => (409, "the request is in conflict with the state"),
        _ => (500, "something went wrong"),
    }
}
