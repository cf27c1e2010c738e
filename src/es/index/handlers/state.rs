//! Whether indices are open, what is blocked, and which there are: `indices.open`, `close`, blocks, `resolve_index`,
//! and the mapping of single fields.
//!
//! Source: Elasticsearch 9.x, index state service, block and resolve actions; its YAML tests of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::lookup::lookup;
use crate::es::body::schema::split_list;
use crate::es::document::store::{Barrier, BlockLevel, CLOSED, Index};
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::index::mapping::MappedFields;
use crate::es::index::names::Lookup;
use crate::es::store::Cluster;
use crate::wildcard::is_like;

/// Refuses wildcards where a mistake would cost much, as a node does unless it is told otherwise.
///
/// Source: Elasticsearch 9.x, `action.destructive_requires_name` and its default.
pub(super) fn refuse_wildcards(expression: &str) -> Result<(), ApiError> {
    let is_wild = |part: &str| part.contains('*') || part == "_all" || part.is_empty();
    match expression.split(',').any(is_wild) {
        true => Err(ApiError::wildcards_not_allowed()),
        false => Ok(()),
    }
}

/// Changes the settings of indices.
fn set(cluster: &mut Cluster, names: &[std::sync::Arc<str>], setting: &str, value: bool) {
    for name in names {
        if let Some(index) = cluster.index_mut(name) {
            let mut settings = index.design.settings.clone();
            match value {
                true => drop(settings.insert(setting.to_owned(), json!("true"))),
                false => drop(settings.shift_remove(setting)),
            }
            index.set_settings(settings);
        }
    }
}

fn names(indices: &[&Index]) -> Vec<std::sync::Arc<str>> {
    indices.iter().map(|index| index.name().clone()).collect()
}

/// `indices.close`.
pub(crate) fn close(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let shards = call.query("wait_for_active_shards");
    if let Some(text) = shards.filter(|text| *text != "index-setting") {
        let kind = crate::es::values::ValueKind::ActiveShards;
        kind.check(text).map_err(|why| ApiError::bad_parameter("wait_for_active_shards", text, why))?;
    }
    refuse_wildcards(call.path("index"))?;
    let found = cluster.resolve(call.path("index"), &lookup(call, Lookup::of_metadata())?, call.now)?;
    found.iter().try_for_each(|index| index.allow(BlockLevel::MetadataWrite))?;
    let names = names(&found);
    set(cluster, &names, CLOSED, true);
    let told: Map<String, Value> = names.iter().map(|name| (name.to_string(), json!({ "closed": true }))).collect();
    let reply = Reply::json(json!({ "acknowledged": true, "shards_acknowledged": true, "indices": told }));
    Ok(match shards {
        Some("index-setting") => reply.warn(
            call.release,
            "?wait_for_active_shards=index-setting is now the default behaviour; the 'index-setting' value for this \
             parameter should no longer be used since it will become unsupported in version 9",
        ),
        _ => reply,
    })
}

/// `indices.open`.
pub(crate) fn open(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    refuse_wildcards(call.path("index"))?;
    let otherwise = Lookup { expand_open: false, ..Lookup::of_all_metadata() };
    let found = cluster.resolve(call.path("index"), &lookup(call, otherwise)?, call.now)?;
    found.iter().try_for_each(|index| index.allow(BlockLevel::MetadataWrite))?;
    let names = names(&found);
    set(cluster, &names, CLOSED, false);
    Ok(Reply::json(json!({ "acknowledged": true, "shards_acknowledged": true })))
}

/// The block of that name.
fn block(name: &str) -> Result<Barrier, ApiError> {
    match name {
        "metadata" => Ok(Barrier::Metadata),
        "read" => Ok(Barrier::Read),
        "read_only" => Ok(Barrier::ReadOnly),
        "write" => Ok(Barrier::Write),
        "read_only_allow_delete" => Err(ApiError::unsupported(
            "the block [read_only_allow_delete] by a call of its own",
            "set `index.blocks.read_only_allow_delete` with the settings of the index",
        )),
        other => Err(ApiError::illegal(&format!("No block found with name {other}"))),
    }
}

/// `indices.add_block`.
pub(crate) fn add_block(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let block = block(call.path("block"))?;
    let found = cluster.resolve(call.path("index"), &lookup(call, Lookup::of_all_metadata())?, call.now)?;
    let names = names(&found);
    set(cluster, &names, block.setting(), true);
    let told: Vec<Value> = names.iter().map(|name| json!({ "name": &**name, "blocked": true })).collect();
    Ok(Reply::json(json!({ "acknowledged": true, "shards_acknowledged": true, "indices": told })))
}

/// `indices.remove_block`.
pub(crate) fn remove_block(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let block = block(call.path("block"))?;
    let found = cluster.resolve(call.path("index"), &lookup(call, Lookup::of_all_metadata())?, call.now)?;
    let names = names(&found);
    set(cluster, &names, block.setting(), false);
    let told: Vec<Value> = names.iter().map(|name| json!({ "name": &**name, "unblocked": true })).collect();
    Ok(Reply::json(json!({ "acknowledged": true, "indices": told })))
}

/// `indices.resolve_index`: the indices and aliases behind an expression.
pub(crate) fn resolve_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if call.query("mode").is_some() {
        return Err(ApiError::unsupported("[mode] of a call that resolves names", "leave it out"));
    }
    if call.query("project_routing").is_some() {
        return Err(ApiError::unsupported("[project_routing]", "leave it out"));
    }
    let expression = call.path("name");
    let lookup = lookup(call, Lookup::of_metadata())?;
    let mut indices = BTreeMap::new();
    for index in cluster.resolve(expression, &lookup, call.now)? {
        let named = |part: &str| part.contains('*') || part == "_all" || part == &**index.name();
        // What is reached by an alias alone is told with the alias.
        if split_list(expression).any(named) {
            indices.insert(index.name().clone(), told(index, call));
        }
    }
    let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for index in cluster.indices() {
        for (alias, says) in &index.design.aliases {
            let is_hidden = says.get("is_hidden") == Some(&Value::Bool(true)) && !lookup.expand_hidden;
            let is_asked = |part: &str| part == alias || (!is_hidden && (part == "_all" || is_like(part, alias)));
            if split_list(expression).any(is_asked) {
                aliases.entry(alias).or_default().push(index.name());
            }
        }
    }
    let aliases: Vec<Value> =
        aliases.into_iter().map(|(name, indices)| json!({ "name": name, "indices": indices })).collect();
    let indices: Vec<Value> = indices.into_values().collect();
    Ok(Reply::json(json!({ "indices": indices, "aliases": aliases, "data_streams": [] })))
}

fn told(index: &Index, call: &Call) -> Value {
    let mut told = json!({ "name": &**index.name() });
    let aliases: Vec<&String> = index.design.aliases.keys().collect();
    if !aliases.is_empty() {
        told["aliases"] = json!(aliases);
    }
    let state = if index.is_open() { "open" } else { "closed" };
    told["attributes"] = if index.is_hidden() { json!(["hidden", state]) } else { json!([state]) };
    if !call.release.number.starts_with('8') {
        told["mode"] = json!(index.setting("mode").unwrap_or("standard").to_lowercase());
    }
    told
}

/// `indices.get_field_mapping`: how single fields are typed.
///
/// DIFFERENCE: the server's own fields are not told, whatever pattern they are like.
pub(crate) fn get_field_mapping(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if call.switch("include_defaults") {
        return Err(ApiError::unsupported("[include_defaults] of the mapping of a field", "leave it out"));
    }
    let lookup = lookup(call, Lookup::of_metadata())?;
    let patterns: Vec<&str> = split_list(call.path("fields")).collect();
    let mut answer = Map::new();
    for index in cluster.resolve(call.path("index"), &lookup, call.now)? {
        index.allow(BlockLevel::MetadataRead)?;
        let mut found = BTreeMap::new();
        collect(index.mapping().fields(), "", &patterns, &mut found);
        let found: Map<String, Value> = found.into_iter().collect();
        answer.insert(index.name().to_string(), json!({ "mappings": found }));
    }
    Ok(Reply::json(Value::Object(answer)))
}

/// The fields, and the further ways to index them, that are like a pattern.
fn collect(fields: &MappedFields, path: &str, patterns: &[&str], found: &mut BTreeMap<String, Value>) {
    for (name, field) in fields {
        let full = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        if !field.kind.is_object() && patterns.iter().any(|pattern| is_like(pattern, &full)) {
            let shown = Map::from_iter([(name.to_string(), field.to_value())]);
            found.insert(full.clone(), json!({ "full_name": full, "mapping": shown }));
        }
        collect(&field.fields, &full, patterns, found);
    }
}
