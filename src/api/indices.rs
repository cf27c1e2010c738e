//! `indices.create`, `get`, `exists`, `delete`, mappings, settings, refresh, flush and statistics.

use serde_json::{Map, Value, json};

use super::aliases;
use super::lookup::{dot_warned, lookup};
use crate::cluster::Cluster;
use crate::cluster::document::hash_order;
use crate::cluster::index::{Design, Index};
use crate::cluster::mapping::Mapping;
use crate::cluster::names::{Lookup, date_math, is_like};
use crate::cluster::refusal::ShelfRefusal;
use crate::cluster::settings::{self, BadSetting};
use crate::rest::call::{Call, Reply};
use crate::rest::error::Error;
use crate::rest::part::Part;
use crate::rest::schema::split_list;

/// The number that Elasticsearch gives to what its indices look like inside.
///
/// Inferred: of the right size for the release; nobody reads it.
const INDEX_VERSION: &str = "9039003";

// ── making, showing, removing ─────────────────────────────────────────────────────────────────────

/// `indices.create`.
pub fn create(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let given = call.path("index");
    let name = date_math(given, call.now)?;
    let design = design(call.json(), call)?;
    let index = cluster.create_index(&name, design, call.now)?;
    let answer = json!({ "acknowledged": true, "shards_acknowledged": true, "index": &**index.name() });
    Ok(dot_warned(Reply::json(answer), call, [given]))
}

/// What the body of a create says of the new index.
fn design(body: Option<&Value>, call: &Call) -> Result<Design, Error> {
    let mut design = Design::default();
    for (name, value) in body.and_then(Value::as_object).into_iter().flatten() {
        match name.as_str() {
            "settings" => {
                design.settings = settings::flat(value).map_err(ShelfRefusal::from)?;
                design.settings.retain(|_, value| !value.is_null());
            }
            "mappings" => {
                design.mapping = Mapping::parse(untyped(value)?).map_err(ShelfRefusal::from)?;
            }
            "aliases" => {
                for (alias, says) in value.as_object().into_iter().flatten() {
                    design.aliases.insert(date_math(alias, call.now)?, aliases::says(alias, says)?);
                }
            }
            unknown => return Err(Error::unknown_create_key(unknown)),
        }
    }
    Ok(design)
}

/// A mapping, which must not stand under the name of a type.
fn untyped(mapping: &Value) -> Result<&Value, Error> {
    match mapping.as_object().and_then(|members| members.get_key_value("_doc")) {
        Some((name, Value::Object(_))) => Err(Error::mapping_under_type(name)),
        _ => Ok(mapping),
    }
}

/// `indices.get` and `indices.exists`.
pub fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let lookup = lookup(call, Lookup { expand_hidden: false, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let features = call.query("features").filter(|features| !features.is_empty());
    let wants = |feature: &str| features.is_none_or(|features| split_list(features).any(|name| name == feature));
    let mut answer = Map::new();
    for index in found {
        let mut shown = Map::new();
        if wants("aliases") {
            shown.insert("aliases".to_owned(), aliases::shown(index));
        }
        if wants("mappings") {
            shown.insert("mappings".to_owned(), index.mapping().to_value());
        }
        if wants("settings") {
            shown.insert("settings".to_owned(), shown_settings(index, call, None));
        }
        answer.insert(index.name().to_string(), Value::Object(shown));
    }
    Ok(Reply::json(Value::Object(answer)))
}

/// `indices.exists`: there is an index for every name that is given.
pub fn exists(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let strict = Lookup { allow_no_indices: true, ..Lookup::default() };
    let lookup = lookup(call, strict)?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let status = if found.is_empty() { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(json!({})) })
}

/// `indices.delete`. Wildcards are refused, as a node does unless it is told otherwise.
pub fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let expression = call.path("index");
    if expression.split(',').any(|part| part.contains('*') || part == "_all") {
        return Err(Error::wildcards_not_allowed());
    }
    let lookup = lookup(call, Lookup { allow_no_indices: true, ..Lookup::default() })?;
    let names: Vec<String> =
        cluster.resolve(expression, &lookup, call.now)?.iter().map(|index| index.name().to_string()).collect();
    for part in expression.split(',') {
        let part = date_math(part, call.now)?;
        if cluster.index(&part).is_none() && !cluster.named(&part).is_empty() {
            return Err(Error::delete_by_alias(&part));
        }
    }
    for name in names {
        cluster.remove_index(&name);
    }
    Ok(Reply::acknowledged())
}

// ── mappings ──────────────────────────────────────────────────────────────────────────────────────

/// `indices.get_mapping`.
pub fn get_mapping(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let lookup = lookup(call, Lookup::default())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let shown = found.iter().map(|index| (index.name().to_string(), json!({ "mappings": index.mapping().to_value() })));
    Ok(Reply::json(Value::Object(shown.collect())))
}

/// `indices.put_mapping`. All indices take it or none.
pub fn put_mapping(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let body = call.json().ok_or_else(Error::body_required)?;
    let mapping = Mapping::parse(untyped(body)?).map_err(ShelfRefusal::from)?;
    let lookup = lookup(call, Lookup::default())?;
    let mut changed = Vec::new();
    for index in cluster.resolve(call.path("index"), &lookup, call.now)? {
        let mut merged = index.mapping().clone();
        merged.merge(&mapping).map_err(ShelfRefusal::from)?;
        changed.push((index.name().clone(), merged));
    }
    for (name, mapping) in changed {
        if let Some(index) = cluster.index_mut(&name) {
            index.design_mut().mapping = mapping;
        }
    }
    Ok(Reply::acknowledged())
}

// ── settings ──────────────────────────────────────────────────────────────────────────────────────

/// `indices.get_settings`.
pub fn get_settings(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let lookup = lookup(call, Lookup { expand_hidden: false, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let wanted = Some(call.path("name")).filter(|name| !matches!(*name, "" | "_all" | "*"));
    let mut answer = Map::new();
    for index in found {
        let shown = shown_settings(index, call, wanted);
        if wanted.is_none() || shown.as_object().is_some_and(|shown| !shown.is_empty()) {
            answer.insert(index.name().to_string(), json!({ "settings": shown }));
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
    let mut flat: Map<String, Value> = flat.into_iter().map(|(name, value)| (format!("index.{name}"), value)).collect();
    if let Some(wanted) = wanted {
        flat.retain(|name, _| split_list(wanted).any(|pattern| is_like(pattern, name)));
    }
    let mut shown = if call.switch("flat_settings") { Value::Object(flat) } else { settings::nested(&flat) };
    hash_order(&mut shown);
    shown
}

/// `indices.put_settings`. All indices take them or none.
pub fn put_settings(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let body = call.json().ok_or_else(Error::body_required)?;
    let flat = settings::flat(body.get("settings").unwrap_or(body)).map_err(ShelfRefusal::from)?;
    let lookup = lookup(call, Lookup { expand_hidden: false, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    for index in &found {
        if let Some(name) = flat.keys().find(|name| settings::is_final(name)) {
            let bad = BadSetting::Final {
                name: format!("index.{name}"),
                index: index.name().to_string(),
                uuid: index.uuid().to_owned(),
            };
            return Err(ShelfRefusal::from(bad).into());
        }
    }
    let names: Vec<_> = found.iter().map(|index| index.name().clone()).collect();
    let preserves = call.switch("preserve_existing");
    for name in names {
        let Some(index) = cluster.index_mut(&name) else { continue };
        let settings = &mut index.design_mut().settings;
        for (name, value) in &flat {
            if value.is_null() {
                settings.shift_remove(name);
            } else if !(preserves && settings.contains_key(name)) {
                settings.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(Reply::acknowledged())
}

// ── refresh, flush, statistics ────────────────────────────────────────────────────────────────────

/// `indices.refresh` and `indices.flush`: there is nothing to do, as every write is seen at once.
pub fn refresh(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let lookup = lookup(call, Lookup { expand_hidden: true, ..Lookup::default() })?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    Ok(Reply::tree(vec![("_shards", shards(&found))]))
}

fn shards(indices: &[&Index]) -> Part {
    let total = indices.iter().map(|index| index.copies()).sum();
    Part::Shards { total, successful: indices.len() as u64 }
}

/// `indices.stats`.
///
/// DIFFERENCE: only documents are counted; sizes and times of what is inside an index are not there.
pub fn stats(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let lookup = lookup(call, Lookup::default())?;
    let found = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let metric = Some(call.path("metric")).filter(|metric| !matches!(*metric, "" | "_all"));
    let shown = metric.is_none_or(|metric| split_list(metric).any(|name| name == "docs"));
    let counts = |count: usize| {
        if shown { json!({ "docs": { "count": count, "deleted": 0, "total_size_in_bytes": 0 } }) } else { json!({}) }
    };
    let total = counts(found.iter().map(|index| index.len()).sum());
    let indices = found.iter().map(|index| {
        let health = if index.copies() > 1 { "yellow" } else { "green" };
        let counts = counts(index.len());
        let stats =
            json!({ "uuid": index.uuid(), "health": health, "status": "open", "primaries": counts, "total": counts });
        (index.name().clone(), Part::Json(stats))
    });
    let mut members =
        vec![("_shards", shards(&found)), ("_all", Part::Json(json!({ "primaries": total, "total": total })))];
    if call.query("level") != Some("cluster") {
        members.push(("indices", Part::Named(indices.collect())));
    }
    Ok(Reply::tree(members))
}
