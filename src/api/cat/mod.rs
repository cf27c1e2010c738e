//! The calls for people at a terminal: text tables, or JSON if asked for.

mod table;

use serde_json::Value;

use super::cluster::Shards;
use super::node::CLUSTER_NAME;
use crate::clock::Timestamp;
use crate::cluster::Cluster;
use crate::cluster::document::Source;
use crate::cluster::index::Index;
use crate::cluster::names::Lookup;
use crate::rest::call::{Call, Reply};
use crate::rest::error::Error;
use table::{Cell, Column, Table, left, right};

/// The clock of a terminal's line: seconds, and the time of day.
const CLOCK: [Column; 2] = [left("epoch", &["t", "time"]), left("timestamp", &["ts", "hms", "hhmmss"])];

static COUNT: [Column; 3] = [CLOCK[0], CLOCK[1], left("count", &["dc", "docs.count", "docsCount"])];

static HEALTH: [Column; 15] = [
    CLOCK[0],
    CLOCK[1],
    left("cluster", &["cl"]),
    left("status", &["st"]),
    right("node.total", &["nt", "nodeTotal"]),
    right("node.data", &["nd", "nodeData"]),
    right("shards", &["t", "sh", "shards.total", "shardsTotal"]),
    right("pri", &["p", "shards.primary", "shardsPrimary"]),
    right("relo", &["r", "shards.relocating", "shardsRelocating"]),
    right("init", &["i", "shards.initializing", "shardsInitializing"]),
    right("unassign", &["u", "shards.unassigned", "shardsUnassigned"]),
    right("unassign.pri", &["up", "shards.unassigned.primary", "shardsUnassignedPrimary"]),
    right("pending_tasks", &["pt", "pendingTasks"]),
    right("max_task_wait_time", &["mtwt", "maxTaskWaitTime"]),
    right("active_shards_percent", &["asp", "activeShardsPercent"]),
];

static INDICES: [Column; 13] = [
    left("health", &["h"]),
    left("status", &["s"]),
    left("index", &["i", "idx"]),
    left("uuid", &["id", "uuid"]),
    right("pri", &["p", "shards.primary", "shardsPrimary"]),
    right("rep", &["r", "shards.replica", "shardsReplica"]),
    right("docs.count", &["dc", "docsCount"]),
    right("docs.deleted", &["dd", "docsDeleted"]),
    left("creation.date", &["cd"]).on_demand(),
    left("creation.date.string", &["cds"]).on_demand(),
    right("store.size", &["ss", "storeSize"]),
    right("pri.store.size", &[]),
    right("dataset.size", &[]),
];

/// `cat.count`.
pub fn count(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let indices = cluster.resolve(call.path("index"), &Lookup::default(), call.now)?;
    let count = indices.iter().map(|index| index.len() as u64).sum();
    let [epoch, time] = clock(call.now);
    Table { columns: &COUNT, rows: vec![vec![epoch, time, Cell::Number(count)]] }.reply(call)
}

/// `cat.health`.
pub fn health(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let shards = Shards::of_all(cluster.indices());
    let [epoch, time] = clock(call.now);
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = vec![
        epoch,
        time,
        text(CLUSTER_NAME),
        text(shards.health().name()),
        Cell::Number(1),
        Cell::Number(1),
        Cell::Number(shards.active),
        Cell::Number(shards.active),
        Cell::Number(0),
        Cell::Number(0),
        Cell::Number(shards.unassigned),
        Cell::Number(0),
        Cell::Number(0),
        text("-"),
        Cell::Text(format!("{:.1}%", shards.active_percent())),
    ];
    // The clock may be left out.
    let with_clock = call.query("ts").is_none() || call.switch("ts");
    let skipped = if with_clock { 0 } else { CLOCK.len() };
    Table { columns: &HEALTH[skipped..], rows: vec![row.into_iter().skip(skipped).collect()] }.reply(call)
}

/// `cat.indices`, in the order of the names.
pub fn indices(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let mut lookup = Lookup::default();
    if let Some(list) = call.query("expand_wildcards") {
        lookup = lookup.with_expand_wildcards(list).map_err(|word| Error::expand_wildcards(&word))?;
    }
    let wanted = call.query("health");
    let rows = cluster
        .resolve(call.path("index"), &lookup, call.now)?
        .into_iter()
        .filter(|index| wanted.is_none_or(|wanted| Shards::of(index).health().name() == wanted.to_lowercase()))
        .map(of_index)
        .collect();
    Table { columns: &INDICES, rows }.reply(call)
}

fn of_index(index: &Index) -> Vec<Cell> {
    let shards = Shards::of(index);
    let size = size(index);
    let text = |text: &str| Cell::Text(text.to_owned());
    vec![
        text(shards.health().name()),
        text("open"),
        text(index.name()),
        text(index.uuid()),
        Cell::Number(shards.active),
        Cell::Number(index.copies() - 1),
        Cell::Number(index.len() as u64),
        Cell::Number(0),
        Cell::Text(index.created_at().as_millis().to_string()),
        Cell::Text(index.created_at().to_string()),
        Cell::Bytes(size),
        Cell::Bytes(size),
        Cell::Bytes(size),
    ]
}

/// What an index without documents has on the disk, in bytes.
const EMPTY_BYTES: u64 = 225;

/// DIFFERENCE: the bytes of the documents' texts. On the disk of a real node it is more, or less.
fn size(index: &Index) -> u64 {
    EMPTY_BYTES + index.iter().map(|(_, document)| bytes(&document.source)).sum::<u64>()
}

fn bytes(source: &Source) -> u64 {
    source.iter().map(|(name, value)| name.len() as u64 + 4 + bytes_of(value)).sum::<u64>() + 1
}

fn bytes_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => items.iter().map(|item| bytes_of(item) + 1).sum::<u64>() + 1,
        Value::Object(members) => {
            members.iter().map(|(name, member)| name.len() as u64 + 4 + bytes_of(member)).sum::<u64>() + 1
        }
        Value::Null => 4,
        other => other.to_string().len() as u64,
    }
}

fn clock(now: Timestamp) -> [Cell; 2] {
    let text = now.to_string();
    [Cell::Text((now.as_millis().div_euclid(1000)).to_string()), Cell::Text(text[11..19].to_owned())]
}
