//! `indices.stats`: what is in indices, and what was done with them.
//!
//! Source: Elasticsearch 9.x, its common statistics and the handler of the call; its YAML tests of it.

use serde_json::{Map, Value, json};

use super::lookup::lookup;
use super::shards;
use crate::es::body::schema::split_list;
use crate::es::document::store::{BlockLevel, Index};
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::http::part::JsonPart;
use crate::es::index::names::Lookup;
use crate::es::node::handlers::cat::size;
use crate::es::node::handlers::cluster::Shards;
use crate::es::store::Cluster;

/// The metrics by the name that asks for them and the one that is shown, in the order in which they are shown.
const METRICS: [(&str, &str); 21] = [
    ("docs", "docs"),
    ("shard_stats", "shard_stats"),
    ("store", "store"),
    ("indexing", "indexing"),
    ("get", "get"),
    ("search", "search"),
    ("merge", "merges"),
    ("refresh", "refresh"),
    ("flush", "flush"),
    ("warmer", "warmer"),
    ("query_cache", "query_cache"),
    ("fielddata", "fielddata"),
    ("completion", "completion"),
    ("segments", "segments"),
    ("translog", "translog"),
    ("request_cache", "request_cache"),
    ("recovery", "recovery"),
    ("bulk", "bulk"),
    ("mappings", "mappings"),
    ("dense_vector", "dense_vector"),
    ("sparse_vector", "sparse_vector"),
];

/// `indices.stats`.
///
/// DIFFERENCE: documents and their bytes are counted, and the writes that an index has seen. All else is told as
/// in an index where nothing has happened: two runs would differ in time alone.
pub(crate) fn stats(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = asked(call)?;
    let level = call.query("level").unwrap_or("indices");
    if !["cluster", "indices", "shards"].contains(&level) {
        return Err(ApiError::bad_stats_level(level));
    }
    for name in ["fields", "fielddata_fields", "completion_fields", "groups"] {
        if call.query(name).is_some() {
            let what = format!("[{name}] of the statistics of indices");
            return Err(ApiError::unsupported(&what, "leave it out: nothing is told by field here"));
        }
    }
    // Without a word about it, a closed index that is named is a mistake.
    let forbids = call.query("forbid_closed_indices").is_none() || call.switch("forbid_closed_indices");
    let lookup = lookup(call, Lookup { forbid_closed: forbids, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    found.iter().try_for_each(|index| index.allow(BlockLevel::MetadataRead))?;
    if call.switch("human") {
        return Err(ApiError::unsupported_part("parameter", "human", "indices.stats"));
    }
    let node = cluster.node_id();
    let total = counts(&found, &asked);
    let indices = found.iter().map(|index| {
        let health = Shards::of(index).health().name();
        let counts = counts(&[index], &asked);
        let mut stats = json!({
            "uuid": index.uuid(), "health": health, "status": "open", "primaries": counts, "total": counts,
        });
        if level == "shards" {
            stats["shards"] = of_shards(index, &asked, &node);
        }
        (index.name().clone(), JsonPart::Json(stats))
    });
    let mut members =
        vec![("_shards", shards(&found)), ("_all", JsonPart::Json(json!({ "primaries": total, "total": total })))];
    if level != "cluster" {
        members.push(("indices", JsonPart::Named(indices.collect())));
    }
    Ok(Reply::tree(members))
}

/// The metrics that are asked for, by the names that they are shown under.
fn asked(call: &Call) -> Result<Vec<&'static str>, ApiError> {
    let path = call.path("metric");
    let names: Vec<&str> = split_list(path).collect();
    if names.is_empty() || names == ["_all"] {
        return Ok(METRICS.iter().map(|(_, shown)| *shown).collect());
    }
    let known = || METRICS.iter().map(|(name, _)| *name).chain(["suggest"]);
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !known().any(|known| known == *name)).collect();
    if names.contains(&"_all") || !unknown.is_empty() {
        return Err(ApiError::unknown_metrics(call.path("index"), path, &unknown, known()));
    }
    Ok(METRICS.iter().filter(|(name, _)| names.contains(name)).map(|(_, shown)| *shown).collect())
}

fn counts(indices: &[&Index], asked: &[&'static str]) -> Value {
    let documents: usize = indices.iter().map(|index| index.len()).sum();
    let bytes: u64 = indices.iter().map(|index| size(index)).sum();
    let writes: u64 = indices.iter().map(|index| index.writes()).sum();
    let shards = Shards::of_all(indices.iter().copied()).active;
    let told = asked.iter().map(|name| ((*name).to_owned(), metric(name, documents, bytes, writes, shards)));
    Value::Object(told.collect::<Map<_, _>>())
}

fn metric(name: &str, documents: usize, bytes: u64, writes: u64, shards: u64) -> Value {
    match name {
        "docs" => json!({
            "count": documents, "deleted": 0, "total_size_in_bytes": if documents == 0 { 0 } else { bytes },
        }),
        "shard_stats" => json!({ "total_count": shards }),
        "store" => json!({
            "size_in_bytes": bytes, "total_data_set_size_in_bytes": bytes, "reserved_in_bytes": 0,
        }),
        "indexing" => json!({
            "index_total": writes, "index_time_in_millis": 0, "index_current": 0, "index_failed": 0,
            "index_failed_due_to_version_conflict": 0, "delete_total": 0, "delete_time_in_millis": 0,
            "delete_current": 0, "noop_update_total": 0, "is_throttled": false, "throttle_time_in_millis": 0,
            "write_load": 0.0, "recent_write_load": 0.0, "peak_write_load": 0.0,
        }),
        "get" => json!({
            "total": 0, "time_in_millis": 0, "exists_total": 0, "exists_time_in_millis": 0, "missing_total": 0,
            "missing_time_in_millis": 0, "current": 0,
        }),
        "search" => json!({
            "open_contexts": 0, "query_total": 0, "query_time_in_millis": 0, "query_current": 0, "query_failure": 0,
            "fetch_total": 0, "fetch_time_in_millis": 0, "fetch_current": 0, "fetch_failure": 0, "scroll_total": 0,
            "scroll_time_in_millis": 0, "scroll_current": 0, "suggest_total": 0, "suggest_time_in_millis": 0,
            "suggest_current": 0, "recent_search_load": 0.0,
        }),
        "merges" => json!({
            "current": 0, "current_docs": 0, "current_size_in_bytes": 0, "total": 0, "total_time_in_millis": 0,
            "total_docs": 0, "total_size_in_bytes": 0, "total_stopped_time_in_millis": 0,
            "total_throttled_time_in_millis": 0, "total_auto_throttle_in_bytes": 20_971_520 * shards,
        }),
        "refresh" => json!({
            "total": 0, "total_time_in_millis": 0, "external_total": 0, "external_total_time_in_millis": 0,
            "listeners": 0,
        }),
        "flush" => json!({
            "total": 0, "periodic": 0, "total_time_in_millis": 0, "total_time_excluding_waiting_on_lock_in_millis": 0,
        }),
        "warmer" => json!({ "current": 0, "total": 0, "total_time_in_millis": 0 }),
        "query_cache" => json!({
            "memory_size_in_bytes": 0, "total_count": 0, "hit_count": 0, "miss_count": 0, "cache_size": 0,
            "cache_count": 0, "evictions": 0,
        }),
        "fielddata" => json!({
            "memory_size_in_bytes": 0, "evictions": 0, "global_ordinals": { "build_time_in_millis": 0 },
        }),
        "completion" => json!({ "size_in_bytes": 0 }),
        "segments" => json!({
            "count": 0, "memory_in_bytes": 0, "terms_memory_in_bytes": 0, "stored_fields_memory_in_bytes": 0,
            "term_vectors_memory_in_bytes": 0, "norms_memory_in_bytes": 0, "points_memory_in_bytes": 0,
            "doc_values_memory_in_bytes": 0, "index_writer_memory_in_bytes": 0, "version_map_memory_in_bytes": 0,
            "fixed_bit_set_memory_in_bytes": 0, "max_unsafe_auto_id_timestamp": -1, "file_sizes": {},
        }),
        "translog" => json!({
            "operations": writes, "size_in_bytes": 55 * shards, "uncommitted_operations": writes,
            "uncommitted_size_in_bytes": 55 * shards, "earliest_last_modified_age": 0,
        }),
        "request_cache" => json!({ "memory_size_in_bytes": 0, "evictions": 0, "hit_count": 0, "miss_count": 0 }),
        "recovery" => json!({ "current_as_source": 0, "current_as_target": 0, "throttle_time_in_millis": 0 }),
        "bulk" => json!({
            "total_operations": 0, "total_time_in_millis": 0, "total_size_in_bytes": 0, "avg_time_in_millis": 0,
            "avg_size_in_bytes": 0,
        }),
        "mappings" => json!({
            "total_count": 0, "total_estimated_overhead_in_bytes": 0, "total_segments": 0, "total_segment_fields": 0,
            "average_fields_per_segment": 0,
        }),
        _ => json!({ "value_count": 0 }),
    }
}

/// The shards of one index: the first holds all documents.
fn of_shards(index: &Index, asked: &[&'static str], node: &str) -> Value {
    let last = index.writes() as i64 - 1;
    let shard = |at: u64| {
        let mut told = json!({
            "routing": { "state": "STARTED", "primary": true, "node": node, "relocating_node": null },
        });
        let (documents, writes) = if at == 0 { (index.len(), index.writes()) } else { (0, 0) };
        let bytes = if at == 0 { size(index) } else { 0 };
        for name in asked {
            told[*name] = metric(name, documents, bytes, writes, 1);
        }
        let last = if at == 0 { last } else { -1 };
        told["commit"] = json!({
            "id": index.uuid(), "generation": 2, "user_data": {}, "num_docs": documents,
        });
        told["seq_no"] = json!({ "max_seq_no": last, "local_checkpoint": last, "global_checkpoint": last });
        (at.to_string(), json!([told]))
    };
    Value::Object((0..Shards::of(index).active).map(shard).collect())
}
