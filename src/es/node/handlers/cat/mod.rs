//! The calls for people at a terminal: text tables, or JSON if asked for.

mod table;

use serde_json::Value;

use super::CLUSTER_NAME;
use super::cluster::Shards;
use crate::clock::Timestamp;
use crate::es::body::schema::split_list;
use crate::es::document::source::Source;
use crate::es::document::store::{BlockLevel, Index};
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::index::names::Lookup;
use crate::es::store::Cluster;
use crate::wildcard::is_like;
use table::{CatTable, Cell, Column, left, right};

/// The clock of a terminal's line: seconds, and the time of day.
const CLOCK: [Column; 2] = [
    left("epoch", &["t", "time"]).says("seconds since 1970-01-01 00:00:00"),
    left("timestamp", &["ts", "hms", "hhmmss"]).says("time in HH:MM:SS"),
];

static COUNT: [Column; 3] =
    [CLOCK[0], CLOCK[1], left("count", &["dc", "docs.count", "docsCount"]).says("the document count")];

static HEALTH: [Column; 15] = [
    CLOCK[0],
    CLOCK[1],
    left("cluster", &["cl"]).says("cluster name"),
    left("status", &["st"]).says("health status"),
    right("node.total", &["nt", "nodeTotal"]).says("total number of nodes"),
    right("node.data", &["nd", "nodeData"]).says("number of nodes that can store data"),
    right("shards", &["t", "sh", "shards.total", "shardsTotal"]).says("total number of shards"),
    right("pri", &["p", "shards.primary", "shardsPrimary"]).says("number of primary shards"),
    right("relo", &["r", "shards.relocating", "shardsRelocating"]).says("number of relocating nodes"),
    right("init", &["i", "shards.initializing", "shardsInitializing"]).says("number of initializing nodes"),
    right("unassign", &["u", "shards.unassigned", "shardsUnassigned"]).says("number of unassigned shards"),
    right("unassign.pri", &["up", "shards.unassigned.primary", "shardsUnassignedPrimary"])
        .says("number of unassigned primary shards"),
    right("pending_tasks", &["pt", "pendingTasks"]).says("number of pending tasks"),
    right("max_task_wait_time", &["mtwt", "maxTaskWaitTime"]).says("wait time of longest task pending"),
    right("active_shards_percent", &["asp", "activeShardsPercent"]).says("active number of shards in percent"),
];

static ALIASES: [Column; 6] = [
    left("alias", &["a"]).says("alias name"),
    left("index", &["i", "idx"]).says("index alias points to"),
    left("filter", &["f", "fi"]).says("filter"),
    left("routing.index", &["ri", "routingIndex"]).says("index routing"),
    left("routing.search", &["rs", "routingSearch"]).says("search routing"),
    left("is_write_index", &["w", "isWriteIndex"]).says("write index"),
];

static TEMPLATES: [Column; 5] = [
    left("name", &["n"]).says("template name"),
    left("index_patterns", &["t"]).says("template index patterns"),
    left("order", &["o", "p"]).says("template application order/priority number"),
    left("version", &["v"]).says("version"),
    left("composed_of", &["c"]).says("component templates comprising index template"),
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

/// `cat.aliases`. Hidden ones are shown unless the call says which states of indices it wants.
pub(crate) fn aliases(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let mut lookup = Lookup { expand_hidden: true, ..Lookup::of_all_metadata() };
    if let Some(list) = call.query("expand_wildcards") {
        lookup = lookup.with_expand_wildcards(list).map_err(|word| ApiError::expand_wildcards(&word))?;
    }
    let asked: Vec<&str> = split_list(call.path("name")).collect();
    let mut rows = Vec::new();
    for index in cluster.resolve("", &lookup, call.now)? {
        index.allow(BlockLevel::MetadataRead)?;
        for (alias, says) in &index.design.aliases {
            let is_asked = |part: &&str| *part == "_all" || is_like(part, alias);
            if !asked.is_empty() && !asked.iter().any(is_asked) {
                continue;
            }
            let text = |name: &str| {
                let said = says.get(name).map(|said| said.as_str().map_or_else(|| said.to_string(), str::to_owned));
                Cell::Text(said.unwrap_or_else(|| "-".to_owned()))
            };
            let filter = if says.contains_key("filter") { "*" } else { "-" };
            rows.push(vec![
                Cell::Text(alias.clone()),
                Cell::Text(index.name().to_string()),
                Cell::Text(filter.to_owned()),
                text("index_routing"),
                text("search_routing"),
                text("is_write_index"),
            ]);
        }
    }
    let mut table = CatTable { columns: &ALIASES, rows };
    table.sort("alias,index")?;
    table.reply(call)
}

/// `cat.templates`: those of the older kind, then the composable ones.
pub(crate) fn templates(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked: Vec<&str> = split_list(call.path("name")).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| is_like(asked, name));
    let listed = |names: &[String]| Cell::Text(format!("[{}]", names.join(", ")));
    let order = |number: i64| u64::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), Cell::Number);
    let version = |version: Option<i64>| version.map_or_else(|| Cell::Text(String::new()), order);
    let templates = cluster.templates();
    let older = templates.legacy.iter().filter(|(name, _)| is_asked(name)).map(|(name, template)| {
        let (name, patterns) = (Cell::Text(name.clone()), listed(&template.patterns));
        vec![name, patterns, order(template.order), version(template.version), Cell::Text(String::new())]
    });
    let composable = templates.composable.iter().filter(|(name, _)| is_asked(name)).map(|(name, template)| {
        let (name, patterns) = (Cell::Text(name.clone()), listed(&template.patterns));
        let number = template.shown.get("version").and_then(Value::as_i64);
        vec![name, patterns, order(template.priority), version(number), listed(&template.composed_of)]
    });
    let rows = older.chain(composable).collect();
    CatTable { columns: &TEMPLATES, rows }.reply(call)
}

/// `cat.count`.
pub(crate) fn count(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let indices = cluster.resolve(call.path("index"), &Lookup::default(), call.now)?;
    indices.iter().try_for_each(|index| index.allow(BlockLevel::Read))?;
    let count = indices.iter().map(|index| index.seen(call.now).len() as u64).sum();
    let [epoch, time] = clock(call.now);
    CatTable { columns: &COUNT, rows: vec![vec![epoch, time, Cell::Number(count)]] }.reply(call)
}

/// `cat.health`.
pub(crate) fn health(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
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
    CatTable { columns: &HEALTH[skipped..], rows: vec![row.into_iter().skip(skipped).collect()] }.reply(call)
}

/// `cat.indices`, in the order of the names.
pub(crate) fn indices(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let mut lookup = Lookup::of_all_metadata();
    if let Some(list) = call.query("expand_wildcards") {
        lookup = lookup.with_expand_wildcards(list).map_err(|word| ApiError::expand_wildcards(&word))?;
    }
    let wanted = call.query("health").map(super::cluster::Health::named).transpose()?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    found.iter().try_for_each(|index| index.allow(BlockLevel::MetadataRead))?;
    let rows = found
        .into_iter()
        .filter(|index| wanted.is_none_or(|wanted| Shards::of(index).health() == wanted))
        .map(of_index)
        .collect();
    CatTable { columns: &INDICES, rows }.reply(call)
}

fn of_index(index: &Index) -> Vec<Cell> {
    let shards = Shards::of(index);
    let size = size(index);
    let text = |text: &str| Cell::Text(text.to_owned());
    vec![
        text(shards.health().name()),
        text(if index.is_open() { "open" } else { "close" }),
        text(index.name()),
        text(index.uuid()),
        Cell::Number(shards.active),
        Cell::Number(index.copies() - 1),
        Cell::Number(index.len() as u64),
        Cell::Number(0),
        Cell::Text(index.created_at().as_millis().to_string()),
        Cell::Text(Timestamp::from_millis(index.created_at().as_millis()).to_string()),
        Cell::Bytes(size),
        Cell::Bytes(size),
        Cell::Bytes(size),
    ]
}

/// What an index without documents has on the disk, in bytes.
const EMPTY_BYTES: u64 = 225;

/// DIFFERENCE: the size of an index is that of its documents' texts. On the disk of a real node it is more, or less.
pub(crate) fn size(index: &Index) -> u64 {
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
