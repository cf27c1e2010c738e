//! The operations: the whole surface on one page, one row each.
//!
//! A handler takes what was asked, calls the rule, stores, and replies. If one needs a second screen,
//! a rule is hiding in it.

use crate::es::ingest::handlers as ingest;
use crate::es::node::handlers as node;
use crate::es::node::handlers::cat;
use crate::es::node::handlers::cluster;
use crate::es::node::handlers::license;
use crate::es::security::handlers as security;

use crate::es::search::handlers as search;

use crate::es::index::handlers as indices;
use crate::es::index::handlers::aliases;
use crate::es::index::handlers::state as index_state;
use crate::es::index::handlers::stats;
use crate::es::index::handlers::templates;

use crate::es::document::handlers as document;
use crate::es::document::handlers::bulk;
use crate::es::document::handlers::mget;

use crate::es::secret::handlers as secret;
use crate::es::sync_job::handlers as sync_job;

use crate::es::connector::handlers as connector;

use crate::endpoints;
use crate::es::http::OperationTable;
use crate::es::http::endpoint::{Endpoint, ForeignFacts, RowFacts};
use crate::es::store::Cluster;
use crate::http::Method;
use crate::profile::Profile;

/// Every operation that the mocked cluster has.
#[rustfmt::skip]
pub(crate) static ENDPOINTS: &[Endpoint<Cluster>] = endpoints! {
    // Node
    published Get    "/",                                                           "info"                             => node::info;
    published Head   "/",                                                           "ping"                             => node::info;
    published Get    "/_nodes" | "/_nodes/{node_id}" | "/_nodes/{node_id}/{metric}", "nodes.info"                      => node::nodes_info;
    published Get    "/_license",                                                   "license.get"                      => license::get;
    published Get    "/_xpack",                                                     "xpack.info"                       => license::xpack_info;
    published Get    "/_xpack/usage",                                               "xpack.usage"                      => license::xpack_usage;
    published Get    "/_security/_authenticate",                                    "security.authenticate"            => security::authenticate | credentials;
    published Put    "/_security/api_key",                                          "security.create_api_key"          => security::create_api_key | credentials;
    published Post   "/_security/api_key",                                          "security.create_api_key"          => security::create_api_key | credentials;
    published Get    "/_security/api_key",                                          "security.get_api_key"             => security::get_api_key | credentials;
    published Delete "/_security/api_key",                                          "security.invalidate_api_key"      => security::invalidate_api_key | credentials;
    published Get    "/_security/_query/api_key",                                   "security.query_api_keys"          => security::query_api_keys | credentials;
    published Post   "/_security/_query/api_key",                                   "security.query_api_keys"          => security::query_api_keys | credentials;
    published Get    "/_security/user/_has_privileges" | "/_security/user/{user}/_has_privileges", "security.has_privileges" => security::has_privileges | credentials;
    published Post   "/_security/user/_has_privileges" | "/_security/user/{user}/_has_privileges", "security.has_privileges" => security::has_privileges | credentials;
    // Cluster
    published Get    "/_cluster/health" | "/_cluster/health/{index}",               "cluster.health"                   => cluster::health;
    published Get    "/_cluster/state" | "/_cluster/state/{metric}" | "/_cluster/state/{metric}/{index}", "cluster.state" => cluster::state;
    published Get    "/_info/{target}",                                             "cluster.info"                     => cluster::info;
    published Put    "/_component_template/{name}",                                 "cluster.put_component_template"   => templates::put_component, templates::check_component;
    published Post   "/_component_template/{name}",                                 "cluster.put_component_template"   => templates::put_component, templates::check_component;
    published Get    "/_component_template" | "/_component_template/{name}",        "cluster.get_component_template"   => templates::get_component;
    published Head   "/_component_template/{name}",                                 "cluster.exists_component_template" => templates::exists_component;
    published Delete "/_component_template/{name}",                                 "cluster.delete_component_template" => templates::delete_component;
    published Get    "/_cat/aliases" | "/_cat/aliases/{name}",                      "cat.aliases"                      => cat::aliases;
    published Get    "/_cat/count" | "/_cat/count/{index}",                         "cat.count"                        => cat::count;
    published Post   "/_cat/count" | "/_cat/count/{index}",                         "cat.count"                        => cat::count;
    published Get    "/_cat/health",                                                "cat.health"                       => cat::health;
    published Get    "/_cat/indices" | "/_cat/indices/{index}",                     "cat.indices"                      => cat::indices;
    published Get    "/_cat/templates" | "/_cat/templates/{name}",                  "cat.templates"                    => cat::templates;
    // Connectors
    published Get    "/_connector",                                                 "connector.list"                   => connector::list, connector::check_list;
    published Post   "/_connector",                                                 "connector.post"                   => connector::post, connector::check_create;
    published Put    "/_connector" | "/_connector/{connector_id}",                  "connector.put"                    => connector::put, connector::check_create;
    published Get    "/_connector/{connector_id}",                                  "connector.get"                    => connector::get;
    published Delete "/_connector/{connector_id}",                                  "connector.delete"                 => connector::delete;
    published Put    "/_connector/{connector_id}/_check_in",                        "connector.check_in"               => connector::check_in, connector::check_id;
    published Put    "/_connector/{connector_id}/_last_sync",                       "connector.last_sync"              => connector::last_sync, connector::check_id | tells("/last_sync_error", "/last_access_control_sync_error");
    published Put    "/_connector/{connector_id}/_filtering/_activate",             "connector.update_active_filtering" => connector::update_active_filtering, connector::check_id;
    published Put    "/_connector/{connector_id}/_api_key_id",                      "connector.update_api_key_id"      => connector::update_api_key_id, connector::check_api_key_id;
    published Put    "/_connector/{connector_id}/_configuration",                   "connector.update_configuration"   => connector::update_configuration, connector::check_configuration | settings;
    published Put    "/_connector/{connector_id}/_error",                           "connector.update_error"           => connector::update_error, connector::check_id | tells("/error");
    published Put    "/_connector/{connector_id}/_features",                        "connector.update_features"        => connector::update_features, connector::check_id;
    published Put    "/_connector/{connector_id}/_filtering",                       "connector.update_filtering"       => connector::update_filtering, connector::check_filtering;
    published Put    "/_connector/{connector_id}/_filtering/_validation",           "connector.update_filtering_validation" => connector::update_filtering_validation, connector::check_id;
    published Put    "/_connector/{connector_id}/_index_name",                      "connector.update_index_name"      => connector::update_index_name, connector::check_index_name;
    published Put    "/_connector/{connector_id}/_name",                            "connector.update_name"            => connector::update_name, connector::check_name;
    published Put    "/_connector/{connector_id}/_native",                          "connector.update_native"          => connector::update_native, connector::check_id;
    published Put    "/_connector/{connector_id}/_pipeline",                        "connector.update_pipeline"        => connector::update_pipeline, connector::check_id;
    published Put    "/_connector/{connector_id}/_scheduling",                      "connector.update_scheduling"      => connector::update_scheduling, connector::check_scheduling;
    published Put    "/_connector/{connector_id}/_service_type",                    "connector.update_service_type"    => connector::update_service_type, connector::check_service_type;
    published Put    "/_connector/{connector_id}/_status",                          "connector.update_status"          => connector::update_status, connector::check_status;
    // Sync jobs
    published Get    "/_connector/_sync_job",                                       "connector.sync_job_list"          => sync_job::list;
    published Post   "/_connector/_sync_job",                                       "connector.sync_job_post"          => sync_job::post, sync_job::check_post;
    published Get    "/_connector/_sync_job/{connector_sync_job_id}",               "connector.sync_job_get"           => sync_job::get, sync_job::check_id;
    published Delete "/_connector/_sync_job/{connector_sync_job_id}",               "connector.sync_job_delete"        => sync_job::delete, sync_job::check_id;
    published Put    "/_connector/_sync_job/{connector_sync_job_id}/_claim",        "connector.sync_job_claim"         => sync_job::claim, sync_job::check_id;
    published Put    "/_connector/_sync_job/{connector_sync_job_id}/_cancel",       "connector.sync_job_cancel"        => sync_job::cancel, sync_job::check_id;
    published Put    "/_connector/_sync_job/{connector_sync_job_id}/_check_in",     "connector.sync_job_check_in"      => sync_job::check_in, sync_job::check_id;
    published Put    "/_connector/_sync_job/{connector_sync_job_id}/_error",        "connector.sync_job_error"         => sync_job::error, sync_job::check_error | tells("/error");
    published Put    "/_connector/_sync_job/{connector_sync_job_id}/_stats",        "connector.sync_job_update_stats"  => sync_job::update_stats, sync_job::check_stats;
    // Secrets
    published Post   "/_connector/_secret",                                         "connector.secret_post"            => secret::post, secret::check_post | secret;
    published Put    "/_connector/_secret/{id}",                                    "connector.secret_put"             => secret::put, secret::check_put | secret;
    published Get    "/_connector/_secret/{id}",                                    "connector.secret_get"             => secret::get | secret;
    published Delete "/_connector/_secret/{id}",                                    "connector.secret_delete"          => secret::delete | secret;
    // Search
    published Get    "/_search" | "/{index}/_search",                               "search"                           => search::search, search::read_search;
    published Post   "/_search" | "/{index}/_search",                               "search"                           => search::search, search::read_search;
    published Get    "/_msearch" | "/{index}/_msearch",                             "msearch"                          => search::msearch, search::read_searches;
    published Post   "/_msearch" | "/{index}/_msearch",                             "msearch"                          => search::msearch, search::read_searches;
    published Get    "/_count" | "/{index}/_count",                                 "count"                            => search::count, search::read_count;
    published Post   "/_count" | "/{index}/_count",                                 "count"                            => search::count, search::read_count;
    published Get    "/_search/scroll" | "/_search/scroll/{scroll_id}",             "scroll"                           => search::scroll, search::read_scroll;
    published Post   "/_search/scroll" | "/_search/scroll/{scroll_id}",             "scroll"                           => search::scroll, search::read_scroll;
    published Delete "/_search/scroll" | "/_search/scroll/{scroll_id}",             "clear_scroll"                     => search::clear_scroll, search::read_scroll_ids;
    published Post   "/{index}/_pit",                                               "open_point_in_time"               => search::open_point_in_time, search::read_keep_alive;
    published Delete "/_pit",                                                       "close_point_in_time"              => search::close_point_in_time, search::read_pit_id;
    published Post   "/{index}/_delete_by_query",                                   "delete_by_query"                  => search::delete_by_query, search::read_deletion;
    published Post   "/{index}/_update_by_query",                                   "update_by_query"                  => search::update_by_query, search::read_rewriting;
    // Documents
    published Put    "/{index}/_doc/{id}",                                          "index"                            => document::index | tells("/error", "/last_sync_error", "/last_access_control_sync_error");
    published Post   "/{index}/_doc/{id}" | "/{index}/_doc",                        "index"                            => document::index | tells("/error", "/last_sync_error", "/last_access_control_sync_error");
    published Put    "/{index}/_create/{id}",                                       "create"                           => document::create | tells("/error", "/last_sync_error", "/last_access_control_sync_error");
    published Post   "/{index}/_create/{id}",                                       "create"                           => document::create | tells("/error", "/last_sync_error", "/last_access_control_sync_error");
    published Get    "/{index}/_doc/{id}",                                          "get"                              => document::get;
    published Head   "/{index}/_doc/{id}",                                          "exists"                           => document::get;
    published Get    "/{index}/_source/{id}",                                       "get_source"                       => document::get_source;
    published Head   "/{index}/_source/{id}",                                       "exists_source"                    => document::get_source;
    published Post   "/{index}/_update/{id}",                                       "update"                           => document::update | tells("/doc/error", "/doc/last_sync_error", "/doc/last_access_control_sync_error");
    published Delete "/{index}/_doc/{id}",                                          "delete"                           => document::delete;
    published Get    "/_mget" | "/{index}/_mget",                                   "mget"                             => mget::mget;
    published Post   "/_mget" | "/{index}/_mget",                                   "mget"                             => mget::mget;
    published Put    "/_bulk" | "/{index}/_bulk",                                   "bulk"                             => bulk::bulk | tells("/error", "/last_sync_error", "/last_access_control_sync_error", "/doc/error", "/doc/last_sync_error", "/doc/last_access_control_sync_error");
    published Post   "/_bulk" | "/{index}/_bulk",                                   "bulk"                             => bulk::bulk | tells("/error", "/last_sync_error", "/last_access_control_sync_error", "/doc/error", "/doc/last_sync_error", "/doc/last_access_control_sync_error");
    // Indices
    published Put    "/{index}",                                                    "indices.create"                   => indices::create;
    published Get    "/{index}",                                                    "indices.get"                      => indices::get;
    published Head   "/{index}",                                                    "indices.exists"                   => indices::exists;
    published Delete "/{index}",                                                    "indices.delete"                   => indices::delete;
    published Get    "/_mapping" | "/{index}/_mapping" | "/_mappings" | "/{index}/_mappings", "indices.get_mapping"              => indices::get_mapping;
    published Put    "/{index}/_mapping" | "/{index}/_mappings",                    "indices.put_mapping"              => indices::put_mapping;
    published Post   "/{index}/_mapping" | "/{index}/_mappings",                    "indices.put_mapping"              => indices::put_mapping;
    published Get    "/_settings" | "/{index}/_settings" | "/_settings/{name}" | "/{index}/_settings/{name}", "indices.get_settings" => indices::get_settings;
    published Put    "/_settings" | "/{index}/_settings",                           "indices.put_settings"             => indices::put_settings;
    published Get    "/_alias" | "/_aliases" | "/_alias/{name}" | "/{index}/_alias" | "/{index}/_alias/{name}", "indices.get_alias"  => aliases::get;
    published Head   "/_alias/{name}" | "/{index}/_alias" | "/{index}/_alias/{name}", "indices.exists_alias"             => aliases::exists;
    published Put    "/{index}/_alias/{name}" | "/{index}/_aliases/{name}" | "/_alias/{name}" | "/_aliases/{name}" | "/{index}/_alias" | "/{index}/_aliases" | "/_alias", "indices.put_alias"                => aliases::put;
    published Post   "/{index}/_alias/{name}" | "/{index}/_aliases/{name}" | "/_alias/{name}" | "/_aliases/{name}", "indices.put_alias"                => aliases::put;
    published Delete "/{index}/_alias/{name}" | "/{index}/_aliases/{name}",         "indices.delete_alias"             => aliases::delete;
    published Post   "/_aliases",                                                   "indices.update_aliases"           => aliases::update, aliases::read_actions;
    published Get    "/_refresh" | "/{index}/_refresh",                             "indices.refresh"                  => indices::refresh;
    published Post   "/_refresh" | "/{index}/_refresh",                             "indices.refresh"                  => indices::refresh;
    published Get    "/_flush" | "/{index}/_flush",                                 "indices.flush"                    => indices::flush;
    published Post   "/_flush" | "/{index}/_flush",                                 "indices.flush"                    => indices::flush;
    published Get    "/_stats" | "/_stats/{metric}" | "/{index}/_stats" | "/{index}/_stats/{metric}", "indices.stats" => stats::stats;
    published Post   "/{index}/_open",                                              "indices.open"                     => index_state::open;
    published Post   "/{index}/_close",                                             "indices.close"                    => index_state::close;
    published Put    "/{index}/_block/{block}",                                     "indices.add_block"                => index_state::add_block;
    published Delete "/{index}/_block/{block}",                                     "indices.remove_block"             => index_state::remove_block;
    published Get    "/_resolve/index/{name}",                                      "indices.resolve_index"            => index_state::resolve_index;
    published Post   "/_resolve/index/{name}",                                      "indices.resolve_index"            => index_state::resolve_index;
    published Get    "/_mapping/field/{fields}" | "/{index}/_mapping/field/{fields}", "indices.get_field_mapping"      => index_state::get_field_mapping;
    published Put    "/_index_template/{name}",                                     "indices.put_index_template"       => templates::put_index, templates::check_index;
    published Post   "/_index_template/{name}",                                     "indices.put_index_template"       => templates::put_index, templates::check_index;
    published Get    "/_index_template" | "/_index_template/{name}",                "indices.get_index_template"       => templates::get_index;
    published Head   "/_index_template/{name}",                                     "indices.exists_index_template"    => templates::exists_index;
    published Delete "/_index_template/{name}",                                     "indices.delete_index_template"    => templates::delete_index;
    published Post   "/_index_template/_simulate_index/{name}",                     "indices.simulate_index_template"  => templates::simulate_for_index, templates::check_index;
    published Post   "/_index_template/_simulate" | "/_index_template/_simulate/{name}", "indices.simulate_template"   => templates::simulate, templates::check_index;
    published Put    "/_template/{name}",                                           "indices.put_template"             => templates::put_legacy;
    published Post   "/_template/{name}",                                           "indices.put_template"             => templates::put_legacy;
    published Get    "/_template" | "/_template/{name}",                            "indices.get_template"             => templates::get_legacy;
    published Head   "/_template/{name}",                                           "indices.exists_template"          => templates::exists_legacy;
    published Delete "/_template/{name}",                                           "indices.delete_template"          => templates::delete_legacy;
    // Ingest
    published Get    "/_ingest/pipeline" | "/_ingest/pipeline/{id}",                "ingest.get_pipeline"              => ingest::get;
    published Put    "/_ingest/pipeline/{id}",                                      "ingest.put_pipeline"              => ingest::put;
    published Delete "/_ingest/pipeline/{id}",                                      "ingest.delete_pipeline"           => ingest::delete;
    published Get    "/_ingest/pipeline/_simulate" | "/_ingest/pipeline/{id}/_simulate", "ingest.simulate"             => ingest::simulate;
    published Post   "/_ingest/pipeline/_simulate" | "/_ingest/pipeline/{id}/_simulate", "ingest.simulate"             => ingest::simulate;
};

/// Paths where a literal that begins with no underscore may stand in place of a placeholder; tests miss those that are not here.
const PATHS_WITH_RIVALS: &[&str] = &["/_nodes/{node_id}", "/_nodes/{node_id}/{metric}"];

/// The operations, ready to be asked.
pub(crate) static TABLE: OperationTable<Cluster> = OperationTable::new(
    ENDPOINTS,
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/spec/operations.txt")),
    PATHS_WITH_RIVALS,
    FOREIGN,
);

const ORDINARY: RowFacts = RowFacts::new(&[]);

/// What is secret in the operations that only a live cluster has, by name. Calls of these pass through a mock that
/// forwards, and stand in recordings of other servers.
const FOREIGN: &[ForeignFacts] = &[
    // Their answers are certificates and keys.
    ("security.enroll_*", ORDINARY.secret()),
    // They take credentials of other services.
    ("security.*", ORDINARY.credentials()),
    ("ccr.*", ORDINARY.credentials()),
    ("inference.*", ORDINARY.credentials()),
    ("snapshot.*", ORDINARY.credentials()),
    ("watcher.*", ORDINARY.credentials()),
    ("ingest.*_database", ORDINARY.credentials()),
    ("cluster.put_settings", ORDINARY.credentials()),
    ("reindex", ORDINARY.credentials()),
    ("*", ORDINARY),
];

/// One call that the mock answers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Operation {
    /// Elasticsearch's own name for it.
    pub name: &'static str,
    /// The method.
    pub method: &'static Method,
    /// The path, placeholders in braces.
    pub path: &'static str,
}

impl Operation {
    /// Whether the Elasticsearch of that profile has the call; if not, the mock has it neither.
    pub fn is_in(&self, profile: Profile) -> bool {
        let row = ENDPOINTS.iter().find(|row| row.operation == self.name && row.method == *self.method);
        row.is_some_and(|row| TABLE.has(row, self.path, profile))
    }
}

/// Every call that the mock answers for one profile or another, in the order of the table.
///
/// ```
/// let claim = elastimock::elasticsearch::operations().find(|call| call.name == "connector.sync_job_claim");
/// assert_eq!(claim.map(|call| call.path), Some("/_connector/_sync_job/{connector_sync_job_id}/_claim"));
/// ```
pub fn operations() -> impl Iterator<Item = Operation> {
    ENDPOINTS
        .iter()
        .flat_map(|row| row.paths.iter().map(|path| Operation { name: row.operation, method: &row.method, path }))
}
