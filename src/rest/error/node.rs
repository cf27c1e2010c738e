//! Calls about the node and the cluster: their parameters.
//!
//! Source: Elasticsearch 9.x, cluster health, tables and API keys.

use super::{Error, Exception, full, illegal_argument};

impl Error {
    /// A word that `expand_wildcards` does not know.
    pub(crate) fn expand_wildcards(word: &str) -> Error {
        full(400, illegal_argument(format!("No valid expand wildcard value [{word}]")))
    }

    /// A state of health that there is not.
    pub(crate) fn unknown_health(text: &str) -> Error {
        let name = text.to_uppercase();
        let class = "org.elasticsearch.cluster.health.ClusterHealthStatus";
        full(400, illegal_argument(format!("No enum constant {class}.{name}")))
    }

    /// A level of detail that there is not.
    pub(crate) fn bad_level(text: &str) -> Error {
        let reason = format!("level parameter must be one of [cluster] or [indices] or [shards] but was [{text}]");
        full(400, illegal_argument(reason))
    }

    /// A column that a table cannot be sorted by.
    pub(crate) fn unknown_sort_key(name: &str) -> Error {
        let reason = format!("Unable to sort by unknown sort key `{name}`");
        full(500, Exception::new("unsupported_operation_exception", reason))
    }

    /// A part of the X-Pack info that there is not.
    pub(crate) fn unknown_category(name: &str) -> Error {
        let class = "org.elasticsearch.protocol.xpack.XPackInfoRequest.Category";
        full(400, illegal_argument(format!("No enum constant {class}.{}", name.to_uppercase())))
    }

    /// An API key was to be made without a name.
    pub(crate) fn no_key_name() -> Error {
        let reason = "Validation Failed: 1: api key name is required;";
        full(400, Exception::new("action_request_validation_exception", reason))
    }

    /// An API key was to be made for a time that is none.
    pub(crate) fn bad_expiration(text: &str) -> Error {
        let reason = format!(
            "failed to parse setting [expiration] with value [{text}] as a time value: unit is missing or unrecognized"
        );
        full(400, illegal_argument(reason))
    }
}
