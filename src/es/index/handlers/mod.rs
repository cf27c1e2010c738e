//! `indices.create`, `get`, `exists`, `delete`, mappings, settings, refresh, flush and statistics.

pub(crate) mod aliases;
pub(crate) mod lookup;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod templates;

use serde_json::{Map, Value, json};

use super::handlers::lookup::{dot_warned, lookup};
use super::handlers::state::refuse_wildcards;
use crate::clock::Timestamp;
use crate::es::body::schema::split_list;
use crate::es::document::source::hash_order;
use crate::es::document::store::{BlockLevel, Design, Index};
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::http::part::JsonPart;
use crate::es::index::analysis::Analysis;
use crate::es::index::mapping::Mapping;
use crate::es::index::names::{Lookup, date_math};
use crate::es::index::settings::{self, SettingRefusal};
use crate::es::node::handlers::cluster::Shards;
use crate::es::refusal::IndexRefusal;
use crate::es::store::Cluster;
use crate::wildcard::is_like;

/// The number that Elasticsearch gives to what its indices look like inside.
///
/// Inferred: of the right size for the release; nobody reads it.
const INDEX_VERSION: &str = "9039003";

// ── making, showing, removing ─────────────────────────────────────────────────────────────────────

/// `indices.create`.
pub(crate) fn create(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let given = call.path("index");
    let name = date_math(given, call.now)?;
    let design = design(call.json(), call)?;
    aliases::refuse_second_writer(cluster, &design)?;
    let index = cluster.create_index(&name, design, call.now)?;
    let answer = json!({ "acknowledged": true, "shards_acknowledged": true, "index": &**index.name() });
    Ok(dot_warned(Reply::json(answer), call, [given]))
}

/// What the body of a create says of the new index. Settings come first, for the mapping names what they set up.
pub(super) fn design(body: Option<&Value>, call: &Call) -> Result<Design, ApiError> {
    let mut design = Design::default();
    let members = || body.and_then(Value::as_object).into_iter().flatten();
    if let Some((unknown, _)) =
        members().find(|(name, _)| !["settings", "mappings", "aliases"].contains(&name.as_str()))
    {
        return Err(ApiError::unknown_create_key(unknown));
    }
    let member = |name: &str| body.and_then(|body| body.get(name));
    if let Some(given) = member("settings") {
        design.settings = settings::flat(given, call.release).map_err(IndexRefusal::from)?;
        design.settings.retain(|_, value| !value.is_null());
        settings::check_whole(&design.settings).map_err(IndexRefusal::from)?;
    }
    if let Some(mapping) = member("mappings") {
        let mapping = untyped(mapping, false)?;
        let read = Mapping::parse_for(mapping, Analysis::of(&design.settings));
        design.mapping = read.map_err(IndexRefusal::from)?.into();
        design.mapping.check().map_err(IndexRefusal::from)?;
    }
    for (alias, says) in member("aliases").and_then(Value::as_object).into_iter().flatten() {
        design.aliases.insert(date_math(alias, call.now)?, aliases::says(alias, says, aliases::Said::Index)?);
    }
    Ok(design)
}

/// A mapping, which must not stand under the name of a type.
pub(super) fn untyped(mapping: &Value, in_put: bool) -> Result<&Value, ApiError> {
    match mapping.as_object().and_then(|members| members.get_key_value("_doc")) {
        Some((name, Value::Object(_))) => Err(ApiError::mapping_under_type(name, in_put)),
        _ => Ok(mapping),
    }
}

/// `indices.get`.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    const FEATURES: [&str; 3] = ["aliases", "mappings", "settings"];
    let features: Vec<&str> = call.query("features").into_iter().flat_map(split_list).collect();
    let invalid: Vec<&str> = features.iter().copied().filter(|feature| !FEATURES.contains(feature)).collect();
    if !invalid.is_empty() {
        return Err(ApiError::illegal(&format!("Invalid features specified [{}]", invalid.join(","))));
    }
    let lookup = lookup(call, Lookup::of_metadata())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let wants = |feature: &str| features.is_empty() || features.contains(&feature);
    let mut answer = Map::new();
    for index in found {
        index.allow(BlockLevel::MetadataRead)?;
        let mut shown = Map::new();
        if wants("aliases") {
            shown.insert("aliases".to_owned(), aliases::shown(index));
        }
        if wants("mappings") {
            shown.insert("mappings".to_owned(), index.mapping().to_value());
        }
        if wants("settings") {
            shown.insert("settings".to_owned(), shown_settings(index, call, None));
            if call.switch("include_defaults") {
                shown.insert("defaults".to_owned(), shown_defaults(index, call, None));
            }
        }
        answer.insert(index.name().to_string(), Value::Object(shown));
    }
    Ok(Reply::json(Value::Object(answer)))
}

/// `indices.exists`: there is an index for every name that is given.
pub(crate) fn exists(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let lookup = lookup(call, Lookup::of_metadata())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let status = if found.is_empty() { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(json!({})) })
}

/// `indices.delete`. Wildcards are refused, as a node does unless it is told otherwise; an alias is a mistake unless
/// what is not there is passed over.
///
/// Source: Elasticsearch 9.x, check of destructive operations; its YAML tests of delete.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let expression = call.path("index");
    refuse_wildcards(expression)?;
    let lookup = lookup(call, Lookup::of_all_metadata())?;
    let mut names = std::collections::BTreeSet::new();
    for part in expression.split(',') {
        let part = date_math(part, call.now)?;
        if cluster.index(&part).is_none() && !cluster.named(&part).is_empty() {
            if !lookup.ignore_unavailable {
                return Err(ApiError::delete_by_alias(&part));
            }
            continue;
        }
        let found = cluster.resolve(&part, &lookup, call.now)?;
        found.iter().try_for_each(|index| index.allow(BlockLevel::Delete))?;
        names.extend(found.iter().map(|index| index.name().to_string()));
    }
    for name in names {
        cluster.remove_index(&name);
    }
    Ok(Reply::acknowledged())
}

// ── mappings ──────────────────────────────────────────────────────────────────────────────────────

/// `indices.get_mapping`.
pub(crate) fn get_mapping(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let lookup = lookup(call, Lookup::of_metadata())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    found.iter().try_for_each(|index| index.allow(BlockLevel::MetadataRead))?;
    let shown = found.iter().map(|index| (index.name().to_string(), json!({ "mappings": index.mapping().to_value() })));
    Ok(Reply::json(Value::Object(shown.collect())))
}

/// `indices.put_mapping`. All indices take it or none.
pub(crate) fn put_mapping(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let body = untyped(call.json().ok_or_else(ApiError::body_required)?, true)?;
    let lookup = lookup(call, Lookup::of_all_metadata())?;
    let mut changed = Vec::new();
    for index in cluster.resolve(call.path("index"), &lookup, call.now)? {
        index.allow(BlockLevel::MetadataWrite)?;
        // Each index has an analysis of its own.
        let mapping = Mapping::parse_for(body, Analysis::of(&index.design.settings)).map_err(IndexRefusal::from)?;
        let mut merged = index.mapping().clone();
        merged.merge(&mapping).map_err(IndexRefusal::from)?;
        merged.check().map_err(IndexRefusal::from)?;
        changed.push((index.name().clone(), merged));
    }
    for (name, mapping) in changed {
        if let Some(index) = cluster.index_mut(&name) {
            index.design_mut().mapping = mapping.into();
        }
    }
    Ok(Reply::acknowledged())
}

// ── settings ──────────────────────────────────────────────────────────────────────────────────────

/// `indices.get_settings`.
pub(crate) fn get_settings(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let lookup = lookup(call, Lookup::of_all_metadata())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let wanted = Some(call.path("name")).filter(|name| !matches!(*name, "" | "_all" | "*"));
    let mut answer = Map::new();
    for index in found {
        index.allow(BlockLevel::MetadataRead)?;
        let shown = shown_settings(index, call, wanted);
        if wanted.is_none() || shown.as_object().is_some_and(|shown| !shown.is_empty()) {
            let mut told = json!({ "settings": shown });
            if call.switch("include_defaults") {
                told["defaults"] = shown_defaults(index, call, wanted);
            }
            answer.insert(index.name().to_string(), told);
        }
    }
    Ok(Reply::json(Value::Object(answer)))
}

/// The settings of an index, those included that the server writes itself, in the order of a hash map.
fn shown_settings(index: &Index, call: &Call, wanted: Option<&str>) -> Value {
    let mut flat = Map::from_iter([
        ("routing.allocation.include._tier_preference".to_owned(), json!("data_content")),
        ("number_of_shards".to_owned(), json!("1")),
        ("number_of_replicas".to_owned(), json!("1")),
    ]);
    flat.extend(index.design.settings.clone());
    flat.insert("provided_name".to_owned(), json!(&**index.name()));
    flat.insert("creation_date".to_owned(), json!(index.created_at().as_millis().to_string()));
    flat.insert("uuid".to_owned(), json!(index.uuid()));
    flat.insert("version.created".to_owned(), json!(INDEX_VERSION));
    if call.switch("human") {
        flat.insert(
            "creation_date_string".to_owned(),
            json!(Timestamp::from_millis(index.created_at().as_millis()).to_string()),
        );
        flat.insert("version.created_string".to_owned(), json!(call.release.number));
    }
    shown_flat(flat, call, wanted)
}

/// What the settings of an index are that nobody has set.
///
/// DIFFERENCE: those that depend on the machine are told as on a small one.
fn shown_defaults(index: &Index, call: &Call, wanted: Option<&str>) -> Value {
    let set = &index.design.settings;
    let always = ["number_of_shards", "number_of_replicas"];
    let unset = settings::defaults(call.release).filter(|(name, _)| !set.contains_key(*name) && !always.contains(name));
    shown_flat(unset.map(|(name, value)| (name.to_owned(), value)).collect(), call, wanted)
}

fn shown_flat(flat: Map<String, Value>, call: &Call, wanted: Option<&str>) -> Value {
    let mut flat: Map<String, Value> = flat.into_iter().map(|(name, value)| (format!("index.{name}"), value)).collect();
    if let Some(wanted) = wanted {
        flat.retain(|name, _| split_list(wanted).any(|pattern| is_like(pattern, name)));
    }
    let mut shown = if call.switch("flat_settings") { Value::Object(flat) } else { settings::nested(&flat) };
    hash_order(&mut shown);
    shown
}

/// `indices.put_settings`. All indices take them or none.
pub(crate) fn put_settings(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let body = call.json().ok_or_else(ApiError::body_required)?;
    let flat = settings::flat(body.get("settings").unwrap_or(body), call.release).map_err(IndexRefusal::from)?;
    let lookup = lookup(call, Lookup::of_all_metadata())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let (preserves, reopens) = (call.switch("preserve_existing"), call.switch("reopen"));
    let mut changed = Vec::new();
    for index in &found {
        let (names, never) = settings::fixed(&flat, index.is_open() && !reopens);
        if !names.is_empty() {
            let names = names.into_iter().map(|name| format!("index.{name}")).collect();
            let (index, uuid) = (index.name().to_string(), index.uuid().to_owned());
            return Err(IndexRefusal::from(SettingRefusal::Fixed { names, index, uuid, never }).into());
        }
        let mut settings = index.design.settings.clone();
        for (name, value) in &flat {
            if value.is_null() {
                settings.retain(|known, _| !is_like(name, known));
            } else if !(preserves && settings.contains_key(name)) {
                settings.insert(name.clone(), value.clone());
            }
        }
        settings::check_whole(&settings).map_err(IndexRefusal::from)?;
        // Who only takes blocks away or raises them is not held back by them.
        if !flat.keys().all(|name| name.starts_with("blocks.")) {
            index.allow(BlockLevel::MetadataWrite)?;
        }
        changed.push((index.name().clone(), settings::expanded(settings)));
    }
    for (name, settings) in changed {
        if let Some(index) = cluster.index_mut(&name) {
            index.set_settings(settings);
        }
    }
    Ok(Reply::acknowledged())
}

// ── refresh, flush, statistics ────────────────────────────────────────────────────────────────────

/// `indices.refresh`: searches see all that was written.
pub(crate) fn refresh(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let lookup = lookup(call, Lookup { expand_hidden: true, ..Lookup::default() })?;
    let names: Vec<_> =
        cluster.resolve(call.path("index"), &lookup, call.now)?.iter().map(|index| index.name().clone()).collect();
    for name in names {
        cluster.index_mut(&name).into_iter().for_each(Index::refresh);
    }
    flush(cluster, call)
}

/// `indices.flush`: there is nothing to do, for nothing is written to a disk.
pub(crate) fn flush(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if call.switch("force") && call.query("wait_if_ongoing") == Some("false") {
        return Err(ApiError::validation(&["wait_if_ongoing must be true for a force flush".to_owned()]));
    }
    let lookup = lookup(call, Lookup { expand_hidden: true, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    Ok(Reply::tree(vec![("_shards", shards(&found))]))
}

/// The shards of indices: all that they want, and those that there are.
pub(super) fn shards(indices: &[&Index]) -> JsonPart {
    let shards = Shards::of_all(indices.iter().copied());
    JsonPart::Shards { total: shards.active + shards.unassigned, successful: shards.active }
}
