//! Aliases: other names of indices.

use serde_json::{Map, Value, json};

use super::lookup::{lookup, refuse};
use crate::cluster::Cluster;
use crate::cluster::index::Index;
use crate::cluster::names::{Lookup, date_math, is_like};
use crate::rest::call::{Body, Call, Reply};
use crate::rest::error::Error;
use crate::rest::part::Part;
use crate::rest::schema::split_list;

/// What the body of an alias says, as an index keeps it.
pub(super) fn says(alias: &str, body: &Value) -> Result<Map<String, Value>, Error> {
    let mut kept = Map::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "filter" if value.is_object() => {
                kept.insert(name.clone(), value.clone());
            }
            "routing" => {
                kept.insert("index_routing".to_owned(), value.clone());
                kept.insert("search_routing".to_owned(), value.clone());
            }
            "index_routing" | "indexRouting" | "index-routing" => {
                kept.insert("index_routing".to_owned(), value.clone());
            }
            "search_routing" | "searchRouting" | "search-routing" => {
                kept.insert("search_routing".to_owned(), value.clone());
            }
            "is_write_index" | "is_hidden" if value.is_boolean() => {
                kept.insert(name.clone(), value.clone());
            }
            _ => return Err(Error::unknown_alias_field(name, alias)),
        }
    }
    Ok(kept)
}

/// The aliases of an index as answers show them.
pub(super) fn shown(index: &Index) -> Value {
    Value::Object(index.design.aliases.iter().map(|(name, says)| (name.clone(), Value::Object(says.clone()))).collect())
}

/// `indices.put_alias`.
pub fn put(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let action = Action {
        indices: call.path("index").to_owned(),
        aliases: vec![call.path("name").to_owned()],
        what: What::Add(says(call.path("name"), call.json().unwrap_or(&Value::Null))?),
        must_exist: false,
    };
    apply(cluster, call, &[action])?;
    Ok(Reply::acknowledged())
}

/// `indices.delete_alias`.
pub fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let action = Action {
        indices: call.path("index").to_owned(),
        aliases: split_list(call.path("name")).map(str::to_owned).collect(),
        what: What::Remove,
        must_exist: true,
    };
    apply(cluster, call, &[action])?;
    Ok(Reply::acknowledged())
}

/// A change of aliases.
struct Action {
    indices: String,
    aliases: Vec<String>,
    what: What,
    /// Whether it is a mistake if there is no such alias.
    must_exist: bool,
}

enum What {
    Add(Map<String, Value>),
    Remove,
    RemoveIndex,
}

/// `indices.update_aliases`: several changes, all or none.
pub fn update(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let mut actions = Vec::new();
    let mut messages = Vec::new();
    for entry in call.get("actions").and_then(Value::as_array).into_iter().flatten() {
        for (name, body) in entry.as_object().into_iter().flatten() {
            let texts = |one: &str, many: &str| -> Vec<String> {
                let given = body.get(one).into_iter().chain(body.get(many));
                let items = given.flat_map(|value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]));
                items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
            };
            let (indices, aliases) = (texts("index", "indices"), texts("alias", "aliases"));
            if indices.is_empty() {
                messages.push("One of [index] or [indices] is required".to_owned());
            }
            if aliases.is_empty() && name != "remove_index" {
                messages.push("One of [alias] or [aliases] is required".to_owned());
            }
            let what = match name.as_str() {
                "add" => {
                    let own = ["index", "indices", "alias", "aliases", "must_exist"];
                    let rest = body.as_object().into_iter().flatten().filter(|(name, _)| !own.contains(&name.as_str()));
                    let rest = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
                    What::Add(says(aliases.first().map_or("", String::as_str), &Value::Object(rest))?)
                }
                "remove" => What::Remove,
                "remove_index" => What::RemoveIndex,
                unknown => return Err(Error::unknown_alias_action(unknown)),
            };
            let must_exist = body.get("must_exist").and_then(Value::as_bool) == Some(true);
            actions.push(Action { indices: indices.join(","), aliases, what, must_exist });
        }
    }
    if actions.is_empty() {
        messages.push("Must specify at least one alias action".to_owned());
    }
    refuse(&messages)?;
    apply(cluster, call, &actions)?;
    Ok(Reply::acknowledged())
}

/// Does all changes or none.
fn apply(cluster: &mut Cluster, call: &Call, actions: &[Action]) -> Result<(), Error> {
    let mut designs = Vec::new();
    let mut doomed = Vec::new();
    let lookup = Lookup { allow_no_indices: false, ..Lookup::default() };
    for action in actions {
        let indices = cluster.resolve(&action.indices, &lookup, call.now)?;
        let mut removed = false;
        for index in indices {
            if matches!(action.what, What::RemoveIndex) {
                doomed.push(index.name().clone());
                continue;
            }
            let mut aliases = match designs.iter().rposition(|(name, _)| name == index.name()) {
                Some(at) => designs.remove(at).1,
                None => index.design.aliases.clone(),
            };
            for alias in &action.aliases {
                match &action.what {
                    What::Add(says) => {
                        let alias = date_math(alias, call.now)?;
                        cluster.check_alias(&alias)?;
                        aliases.insert(alias, says.clone());
                    }
                    _ => {
                        let before = aliases.len();
                        let pattern = if alias == "_all" { "*" } else { alias };
                        aliases.retain(|name, _| !is_like(pattern, name));
                        removed |= aliases.len() < before;
                    }
                }
            }
            designs.push((index.name().clone(), aliases));
        }
        if matches!(action.what, What::Remove) && !removed && (action.must_exist || !designs.is_empty()) {
            return Err(Error::aliases_missing(&action.aliases));
        }
    }
    for (name, aliases) in designs {
        if let Some(index) = cluster.index_mut(&name) {
            index.design_mut().aliases = aliases;
        }
    }
    for name in doomed {
        cluster.remove_index(&name);
    }
    Ok(())
}

/// `indices.get_alias`. A name that is not there is told beside those that are.
pub fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let (shown, missing) = matching(cluster, call)?;
    if missing.is_empty() {
        return Ok(Reply::ok(Body::Tree(Part::Named(shown))));
    }
    let plural = if missing.len() > 1 { "aliases" } else { "alias" };
    let mut answer = vec![
        ("error".into(), Part::Json(json!(format!("{plural} [{}] missing", missing.join(","))))),
        ("status".into(), Part::Number(404)),
    ];
    answer.extend(shown);
    Ok(Reply { status: 404, ..Reply::ok(Body::Tree(Part::Named(answer))) })
}

/// `indices.exists_alias`.
pub fn exists(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let (shown, missing) = matching(cluster, call)?;
    let status = if shown.is_empty() || !missing.is_empty() { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(json!({})) })
}

type Shown = Vec<(std::sync::Arc<str>, Part)>;

/// The indices with the aliases that are asked for, and the names that none of them has.
fn matching(cluster: &Cluster, call: &Call) -> Result<(Shown, Vec<String>), Error> {
    let lookup = lookup(call, Lookup { expand_hidden: true, ..Lookup::default() })?;
    let indices = cluster.resolve(call.path("index"), &lookup, call.now)?;
    let wanted = Some(call.path("name")).filter(|name| !name.is_empty());
    let is_wanted = |alias: &str| {
        wanted.is_none_or(|wanted| {
            let mut is_in = false;
            for part in split_list(wanted) {
                match part.strip_prefix('-') {
                    Some(excluded) if is_like(excluded, alias) => is_in = false,
                    _ => is_in |= part == "_all" || is_like(part, alias),
                }
            }
            is_in
        })
    };
    let mut shown = Shown::new();
    for index in &indices {
        let aliases: Map<String, Value> = index
            .design
            .aliases
            .iter()
            .filter(|(alias, _)| is_wanted(alias))
            .map(|(alias, says)| (alias.clone(), Value::Object(says.clone())))
            .collect();
        if wanted.is_none() || !aliases.is_empty() {
            shown.push((index.name().clone(), Part::Json(json!({ "aliases": aliases }))));
        }
    }
    let missing = wanted
        .into_iter()
        .flat_map(split_list)
        .filter(|name| !name.contains('*') && *name != "_all" && !name.starts_with('-'))
        .filter(|name| !indices.iter().any(|index| index.design.aliases.contains_key(*name)))
        .map(str::to_owned)
        .collect();
    Ok((shown, missing))
}
