//! How the cluster is.

use serde_json::{Map, Value, json};

use super::{CLUSTER_NAME, NAME, ROLES, TRANSPORT_ADDRESS};
use crate::es::document::store::Index;
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::index::names::Lookup;
use crate::es::store::Cluster;

/// How well an index, or the cluster, is. The worst of its parts is what a whole has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    /// Every copy of every shard has a node.
    Green,
    /// Every shard has a node.
    Yellow,
    /// A shard has none.
    Red,
}

impl Health {
    const ALL: [Health; 3] = [Health::Green, Health::Yellow, Health::Red];

    /// The health of that name, in any case.
    ///
    /// # Errors
    /// A name that is none.
    pub(crate) fn named(text: &str) -> Result<Health, ApiError> {
        let known = Health::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| ApiError::unknown_health(text))
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Health::Green => "green",
            Health::Yellow => "yellow",
            Health::Red => "red",
        }
    }
}

/// The shards of an index, or of many, on the one node that there is: primaries have a place, and
/// copies of them have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Shards {
    /// Primaries, all of them active.
    pub active: u64,
    /// Copies that wait for a second node.
    pub unassigned: u64,
}

impl Shards {
    /// The shards of one index.
    pub(crate) fn of(index: &Index) -> Shards {
        let primaries = index.setting("number_of_shards").and_then(|count| count.parse().ok()).unwrap_or(1);
        Shards { active: primaries, unassigned: primaries * (index.copies() - 1) }
    }

    /// The shards of many.
    pub(crate) fn of_all<'i>(indices: impl IntoIterator<Item = &'i Index>) -> Shards {
        indices.into_iter().map(Shards::of).fold(Shards::default(), |sum, shards| Shards {
            active: sum.active + shards.active,
            unassigned: sum.unassigned + shards.unassigned,
        })
    }

    /// How well they are.
    pub(crate) fn health(self) -> Health {
        if self.unassigned == 0 { Health::Green } else { Health::Yellow }
    }

    /// The share that is active, of a hundred.
    pub(crate) fn active_percent(self) -> f64 {
        match self.active + self.unassigned {
            0 => 100.0,
            all => 100.0 * self.active as f64 / all as f64,
        }
    }
}

/// `cluster.health`. What is waited for is looked at once: what is not so now will not become so by
/// waiting, for nothing happens between two calls.
///
/// DIFFERENCE: Elasticsearch waits for `timeout` before it says that something has not come.
pub(crate) fn health(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let mut lookup = Lookup { expand_hidden: true, ..Lookup::of_all_metadata() };
    if let Some(list) = call.query("expand_wildcards") {
        lookup = lookup.with_expand_wildcards(list).map_err(|word| ApiError::expand_wildcards(&word))?;
    }
    let level = call.query("level").unwrap_or("cluster");
    if !["cluster", "indices", "shards"].contains(&level) {
        return Err(ApiError::bad_level(level));
    }
    // A pattern that is not to be expanded finds nothing, and is not waited for.
    lookup.ignore_unavailable =
        !lookup.expand_open && !lookup.expand_closed && call.path("index").split(',').all(|part| part.contains('*'));
    // A name that is not there is waited for too: the answer is red until it comes.
    let named = cluster.resolve(call.path("index"), &lookup, call.now).ok();
    let is_missing = named.is_none();
    let indices = named.unwrap_or_default();
    let shards = Shards::of_all(indices.iter().copied());
    let health = if is_missing { Health::Red } else { shards.health() };
    let timed_out = is_missing || !is_as_waited_for(call, health, shards)?;
    let mut answer = json!({
        "cluster_name": CLUSTER_NAME,
        "status": health.name(),
        "timed_out": timed_out,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards.active,
        "active_shards": shards.active,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": shards.unassigned,
        "unassigned_primary_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": shards.active_percent(),
    });
    if call.switch("human") {
        let percent = format!("{:.1}%", shards.active_percent());
        answer = with_before(answer, "task_max_waiting_in_queue_millis", "task_max_waiting_in_queue", "0s");
        answer = with_before(answer, "active_shards_percent_as_number", "active_shards_percent", &percent);
    }
    if level != "cluster" {
        let told: Map<String, Value> =
            indices.iter().map(|index| (index.name().to_string(), of_index(index, level == "shards"))).collect();
        answer["indices"] = Value::Object(told);
    }
    Ok(Reply { status: if timed_out { 408 } else { 200 }, ..Reply::json(answer) })
}

/// An answer with a text for people before the member that it says in words.
fn with_before(answer: Value, member: &str, name: &str, text: &str) -> Value {
    let Value::Object(members) = answer else { return answer };
    let mut told = Map::new();
    for (known, value) in members {
        if known == member {
            told.insert(name.to_owned(), text.into());
        }
        told.insert(known, value);
    }
    Value::Object(told)
}

fn of_index(index: &Index, with_shards: bool) -> Value {
    let shards = Shards::of(index);
    let copies = index.copies() - 1;
    let mut told = json!({
        "status": shards.health().name(),
        "number_of_shards": shards.active,
        "number_of_replicas": copies,
        "active_primary_shards": shards.active,
        "active_shards": shards.active,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": shards.unassigned,
        "unassigned_primary_shards": 0,
    });
    if with_shards {
        let shard = |at: u64| {
            let told = json!({
                "status": shards.health().name(),
                "primary_active": true,
                "active_shards": 1,
                "relocating_shards": 0,
                "initializing_shards": 0,
                "unassigned_shards": copies,
                "unassigned_primary_shards": 0,
            });
            (at.to_string(), told)
        };
        told["shards"] = Value::Object((0..shards.active).map(shard).collect());
    }
    told
}

fn is_as_waited_for(call: &Call, health: Health, shards: Shards) -> Result<bool, ApiError> {
    let healthy = match call.query("wait_for_status") {
        None => true,
        Some(text) => health <= Health::named(text)?,
    };
    if let Some(text) = call.query("wait_for_events") {
        let priorities = ["immediate", "urgent", "high", "normal", "low", "languid"];
        if !priorities.iter().any(|priority| priority.eq_ignore_ascii_case(text)) {
            return Err(ApiError::unknown_priority(text));
        }
    }
    let active = match call.query("wait_for_active_shards") {
        None => true,
        Some("all") => shards.unassigned == 0,
        Some(count) => {
            count.parse::<u64>().map_err(|_| ApiError::bad_int("wait_for_active_shards", count))? <= shards.active
        }
    };
    let nodes = call.query("wait_for_nodes").map_or(Ok(true), one_node_is)?;
    Ok(healthy && active && nodes)
}

/// Whether one node is what is waited for: `1`, `>=1`, `<3`, `ge(1)`, …
fn one_node_is(text: &str) -> Result<bool, ApiError> {
    let symbols = [(">=", "ge"), ("<=", "le"), (">", "gt"), ("<", "lt")];
    let found = symbols.iter().find_map(|(symbol, word)| {
        let called = || text.strip_prefix(*word)?.strip_prefix('(')?.strip_suffix(')');
        text.strip_prefix(*symbol).or_else(called).map(|count| (*word, count))
    });
    let (word, count) = found.unwrap_or(("is", text));
    let count: i64 = count.parse().map_err(|_| ApiError::bad_int("wait_for_nodes", text))?;
    Ok(match word {
        "ge" => 1 >= count,
        "le" => 1 <= count,
        "gt" => 1 > count,
        "lt" => 1 < count,
        _ => 1 == count,
    })
}

/// `cluster.state` in a short form: the cluster and its node.
///
/// DIFFERENCE: no metadata, no routing, no blocks. Who asks for them is told so.
pub(crate) fn state(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    const TOLD: [&str; 3] = ["_all", "master_node", "nodes"];
    let asked = match call.path("metric") {
        "" => "_all",
        asked => asked,
    };
    if let Some(untold) = asked.split(',').find(|metric| !TOLD.contains(metric)) {
        let what = format!("[{untold}] of the cluster's state");
        return Err(ApiError::unsupported(
            &what,
            "ask for master_node or nodes, or for mappings and settings by index",
        ));
    }
    let told = |metric: &str| asked.split(',').any(|asked| asked == metric || asked == "_all");
    let id = cluster.node_id();
    let mut state = json!({ "cluster_name": CLUSTER_NAME, "cluster_uuid": cluster.uuid() });
    if told("master_node") {
        state["master_node"] = Value::from(id.as_str());
    }
    if told("nodes") {
        let node = json!({
            "name": NAME,
            "transport_address": TRANSPORT_ADDRESS,
            "external_id": NAME,
            "attributes": {},
            "roles": ROLES,
            "version": call.release.number,
        });
        state["nodes"] = json!({ id: node });
    }
    Ok(Reply::json(state))
}

/// `cluster.info`: what the nodes have done, in sum.
///
/// DIFFERENCE: only pipelines are told of, and nothing is counted: two runs would differ in time alone.
pub(crate) fn info(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("target");
    if let Some(untold) = asked.split(',').find(|target| !["_all", "ingest"].contains(target)) {
        return Err(ApiError::unsupported(&format!("[{untold}] of the cluster's info"), "ask for ingest"));
    }
    let none = || json!({ "count": 0, "time_in_millis": 0, "current": 0, "failed": 0 });
    let pipelines: Map<String, Value> =
        cluster.pipelines().matching("*").map(|(id, _)| (id.to_owned(), none())).collect();
    Ok(Reply::json(json!({
        "cluster_name": CLUSTER_NAME,
        "ingest": { "total": none(), "pipelines": Value::Object(pipelines) },
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_is_waited_for_in_many_ways() {
        for (text, expected) in [
            ("1", Some(true)),
            ("2", Some(false)),
            (">=1", Some(true)),
            (">1", Some(false)),
            ("<=1", Some(true)),
            ("<1", Some(false)),
            ("ge(2)", Some(false)),
            ("le(2)", Some(true)),
            ("gt(0)", Some(true)),
            ("lt(2)", Some(true)),
            ("two", None),
            ("", None),
        ] {
            assert_eq!(one_node_is(text).ok(), expected, "{text}");
        }
    }
}
