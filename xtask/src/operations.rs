//! Which operations get a schema, and how deep it goes. To add one, add its name.
//!
//! The name is Elasticsearch's own; it finds the endpoint in the specification and names the file.

/// How much of an operation its schema tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it, down to the last member, and its answer too. The server's parser is described by
    /// the schema and its overlay.
    Whole,
    /// Every parameter, and the names and rough types of the body's own members: what lies deeper
    /// (the query language, mappings, settings) is for the handler to read. No answer.
    Shallow,
}

use Depth::{Shallow, Whole};

/// The operations, in the order of the README: every one gets `schemas/<operation>.json`.
pub const OPERATIONS: &[(&str, Depth)] = &[
    ("info", Whole),
    ("ping", Whole),
    ("connector.list", Whole),
    ("connector.post", Whole),
    ("connector.put", Whole),
    ("connector.get", Whole),
    ("connector.delete", Whole),
    ("connector.check_in", Whole),
    ("connector.last_sync", Whole),
    ("connector.update_active_filtering", Whole),
    ("connector.update_api_key_id", Whole),
    ("connector.update_configuration", Whole),
    ("connector.update_error", Whole),
    ("connector.update_features", Whole),
    ("connector.update_filtering", Whole),
    ("connector.update_filtering_validation", Whole),
    ("connector.update_index_name", Whole),
    ("connector.update_name", Whole),
    ("connector.update_native", Whole),
    ("connector.update_pipeline", Whole),
    ("connector.update_scheduling", Whole),
    ("connector.update_service_type", Whole),
    ("connector.update_status", Whole),
    ("connector.sync_job_list", Whole),
    ("connector.sync_job_post", Whole),
    ("connector.sync_job_get", Whole),
    ("connector.sync_job_delete", Whole),
    ("connector.sync_job_claim", Whole),
    ("connector.sync_job_cancel", Whole),
    ("connector.sync_job_check_in", Whole),
    ("connector.sync_job_error", Whole),
    ("connector.sync_job_update_stats", Whole),
    ("connector.secret_post", Whole),
    ("connector.secret_put", Whole),
    ("connector.secret_get", Whole),
    ("connector.secret_delete", Whole),
    // Node and cluster
    ("cluster.health", Shallow),
    ("cluster.info", Shallow),
    ("cluster.state", Shallow),
    ("nodes.info", Shallow),
    ("license.get", Shallow),
    ("xpack.info", Shallow),
    ("xpack.usage", Shallow),
    ("security.authenticate", Shallow),
    ("security.create_api_key", Shallow),
    ("cat.count", Shallow),
    ("cat.health", Shallow),
    ("cat.indices", Shallow),
    // Documents
    ("index", Shallow),
    ("create", Shallow),
    ("get", Shallow),
    ("get_source", Shallow),
    ("exists", Shallow),
    ("exists_source", Shallow),
    ("update", Shallow),
    ("delete", Shallow),
    ("mget", Shallow),
    ("bulk", Shallow),
    // Search
    ("search", Shallow),
    ("msearch", Shallow),
    ("count", Shallow),
    ("scroll", Shallow),
    ("clear_scroll", Shallow),
    ("open_point_in_time", Shallow),
    ("close_point_in_time", Shallow),
    ("delete_by_query", Shallow),
    ("update_by_query", Shallow),
    // Indices
    ("indices.create", Shallow),
    ("indices.delete", Shallow),
    ("indices.delete_alias", Shallow),
    ("indices.exists", Shallow),
    ("indices.exists_alias", Shallow),
    ("indices.flush", Shallow),
    ("indices.get", Shallow),
    ("indices.get_alias", Shallow),
    ("indices.get_mapping", Shallow),
    ("indices.get_settings", Shallow),
    ("indices.put_alias", Shallow),
    ("indices.put_mapping", Shallow),
    ("indices.put_settings", Shallow),
    ("indices.refresh", Shallow),
    ("indices.stats", Shallow),
    ("indices.update_aliases", Shallow),
    // Ingest
    ("ingest.delete_pipeline", Shallow),
    ("ingest.get_pipeline", Shallow),
    ("ingest.put_pipeline", Shallow),
    ("ingest.simulate", Shallow),
];
