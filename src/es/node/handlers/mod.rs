//! What the node says of itself.

pub(crate) mod cat;
pub(crate) mod cluster;
pub(crate) mod license;

use serde_json::{Map, Value, json};

use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::store::Cluster;
use crate::limits::BODY_BYTES_MAX;
use crate::wildcard::is_like;

/// The node's name.
pub(crate) const NAME: &str = "elastimock";

/// The cluster's name.
pub(crate) const CLUSTER_NAME: &str = "elasticsearch";

/// What one node of a small cluster does: everything.
pub(crate) const ROLES: [&str; 11] = [
    "data",
    "data_cold",
    "data_content",
    "data_frozen",
    "data_hot",
    "data_warm",
    "ingest",
    "master",
    "ml",
    "remote_cluster_client",
    "transform",
];

/// Where the node would talk to others of its cluster.
pub(crate) const TRANSPORT_ADDRESS: &str = "127.0.0.1:9300";

/// `info` and `ping`. Indented unless the client says otherwise, as in the real server.
pub(crate) fn info(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let release = call.release;
    let info = json!({
        "name": NAME,
        "cluster_name": CLUSTER_NAME,
        "cluster_uuid": cluster.uuid(),
        "version": {
            "number": release.number,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": release.build_hash,
            "build_date": release.build_date,
            "build_snapshot": false,
            "lucene_version": release.lucene,
            "minimum_wire_compatibility_version": release.wire_minimum,
            "minimum_index_compatibility_version": release.index_minimum,
        },
        "tagline": "You Know, for Search",
    });
    Ok(Reply { pretty: true, ..Reply::ok(AnswerBody::Json(info)) })
}

/// What `nodes.info` can tell beyond who the node is.
const TOLD: [&str; 4] = ["http", "plugins", "modules", "ingest"];

/// What Elasticsearch can tell besides.
const UNTOLD: [&str; 9] =
    ["settings", "os", "process", "jvm", "thread_pool", "transport", "search", "aggregations", "indices"];

/// `nodes.info` in a short form: who the node is, where it is reached, and what is built in.
///
/// DIFFERENCE: nothing of the machine, the JVM, the settings and the thread pools.
pub(crate) fn nodes_info(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    // The one word of a path may name nodes or what to tell of them.
    let word = call.path("node_id");
    let are_metrics = |words: &str| words.split(',').all(|word| TOLD.contains(&word) || UNTOLD.contains(&word));
    let (nodes, metrics) = match call.path("metric") {
        "" if !word.is_empty() && are_metrics(word) => ("_all", word),
        "" => (word, "_all"),
        metrics => (word, metrics),
    };
    if let Some(untold) = metrics.split(',').find(|metric| UNTOLD.contains(metric)) {
        let what = format!("[{untold}] of the nodes' info");
        return Err(ApiError::unsupported(&what, &format!("ask for {}", TOLD.join(", "))));
    }
    if call.switch("human") {
        return Err(ApiError::unsupported_part("parameter", "human", "nodes.info"));
    }
    let told = |metric: &str| metrics.split(',').any(|asked| asked == metric || asked == "_all");

    let id = cluster.node_id();
    let is_meant = nodes.split(',').any(|name| {
        matches!(name, "" | "_all" | "_local" | "_master" | "master:true" | "data:true" | "ingest:true")
            || is_like(name, &id)
            || is_like(name, NAME)
            || is_like(name, "127.0.0.1")
    });
    let mut found = Map::new();
    if is_meant {
        let release = call.release;
        let mut node = json!({
            "name": NAME,
            "transport_address": TRANSPORT_ADDRESS,
            "host": "127.0.0.1",
            "ip": "127.0.0.1",
            "version": release.number,
            "component_versions": {},
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": release.build_hash,
            "roles": ROLES,
            "attributes": {},
        });
        let address = call.header("host").unwrap_or("127.0.0.1:9200");
        for metric in TOLD.into_iter().filter(|metric| told(metric)) {
            node[metric] = match metric {
                // A client that looks for nodes comes back to the address that it has already.
                "http" => json!({
                    "bound_address": [address],
                    "publish_address": address,
                    "max_content_length_in_bytes": BODY_BYTES_MAX,
                }),
                "plugins" => json!([]),
                "modules" => MODULES.iter().map(|name| json!({ "name": name })).collect(),
                _ => {
                    let types = crate::es::ingest::PROCESSORS.iter();
                    json!({ "processors": types.map(|name| json!({ "type": name })).collect::<Vec<_>>() })
                }
            };
        }
        found.insert(id, node);
    }
    Ok(Reply::json(json!({
        "_nodes": { "total": found.len(), "successful": found.len(), "failed": 0 },
        "cluster_name": CLUSTER_NAME,
        "nodes": Value::Object(found),
    })))
}

/// The modules of Elasticsearch that the mock plays a part of.
const MODULES: [&str; 7] =
    ["ingest-attachment", "ingest-common", "lang-mustache", "reindex", "rest-root", "x-pack-core", "x-pack-ent-search"];
