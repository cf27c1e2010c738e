//! Calls about the node and the cluster: their parameters.
//!
//! Source: Elasticsearch 9.x, cluster health, tables and API keys.

use crate::es::error::{ApiError, Exception, full, illegal_argument};

impl ApiError {
    /// A word that `expand_wildcards` does not know.
    pub(crate) fn expand_wildcards(word: &str) -> ApiError {
        full(400, illegal_argument(format!("No valid expand wildcard value [{word}]")))
    }

    /// A state of health that there is not.
    pub(crate) fn unknown_health(text: &str) -> ApiError {
        let name = text.to_uppercase();
        let class = "org.elasticsearch.cluster.health.ClusterHealthStatus";
        full(400, illegal_argument(format!("No enum constant {class}.{name}")))
    }

    /// A priority of tasks that there is not.
    pub(crate) fn unknown_priority(text: &str) -> ApiError {
        let class = "org.elasticsearch.common.Priority";
        full(400, illegal_argument(format!("No enum constant {class}.{}", text.to_uppercase())))
    }

    /// Statistics that there are not, or all of them beside single ones.
    pub(crate) fn unknown_metrics<'k>(
        index: &str,
        metric: &str,
        unknown: &[&str],
        known: impl Iterator<Item = &'k str> + Clone,
    ) -> ApiError {
        let index = if index.is_empty() { String::new() } else { format!("/{index}") };
        let path = format!("{index}/_stats/{metric}");
        if metric.split(',').any(|name| name == "_all") {
            let reason = format!("request [{path}] contains _all and individual metrics [{metric}]");
            return full(400, illegal_argument(reason));
        }
        let told: Vec<String> = unknown
            .iter()
            .map(|name| {
                let near = crate::suggest::similar(name, known.clone());
                match near.as_slice() {
                    [] => format!("[{name}]"),
                    [only] => format!("[{name}] -> did you mean [{only}]?"),
                    several => format!("[{name}] -> did you mean any of [{}]?", several.join(", ")),
                }
            })
            .collect();
        let plural = if unknown.len() > 1 { "metrics" } else { "metric" };
        let reason = format!("request [{path}] contains unrecognized {plural}: {}", told.join(", "));
        full(400, illegal_argument(reason))
    }

    /// A level of statistics that there is not.
    pub(crate) fn bad_stats_level(text: &str) -> ApiError {
        let reason = format!("level parameter must be one of [cluster] or [indices] or [shards] but was [{text}]");
        full(400, illegal_argument(reason))
    }

    /// A level of detail that there is not.
    pub(crate) fn bad_level(text: &str) -> ApiError {
        let reason = format!("level parameter must be one of [cluster] or [indices] or [shards] but was [{text}]");
        full(400, illegal_argument(reason))
    }

    /// A column that a table cannot be sorted by.
    pub(crate) fn unknown_sort_key(name: &str) -> ApiError {
        let reason = format!("Unable to sort by unknown sort key `{name}`");
        full(500, Exception::new("unsupported_operation_exception", reason))
    }

    /// A part of the X-Pack info that there is not.
    pub(crate) fn unknown_category(name: &str) -> ApiError {
        let class = "org.elasticsearch.protocol.xpack.XPackInfoRequest.Category";
        full(400, illegal_argument(format!("No enum constant {class}.{}", name.to_uppercase())))
    }

    /// An API key was to be made for a time that is none.
    pub(crate) fn bad_expiration(text: &str) -> ApiError {
        let reason = format!(
            "failed to parse setting [expiration] with value [{text}] as a time value: unit is missing or unrecognized"
        );
        full(400, illegal_argument(reason))
    }
}
