//! Aliases: other names of indices.

use serde_json::{Map, Value, json};

use super::lookup::lookup;
use crate::es::body::schema::split_list;
use crate::es::document::handlers::token_of;
use crate::es::document::store::{BlockLevel, Design, Index};
use crate::es::error::{self, ApiError, Exception};
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::http::part::JsonPart;
use crate::es::index::names::{Lookup, date_math};
use crate::es::search::request::alias_filter;
use crate::es::store::Cluster;
use crate::json::{self, Position};
use crate::wildcard::is_like;

/// Where an alias is described, which decides what may be said of it and what becomes of the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said {
    /// In the body of a new index or of a template.
    Index,
    /// In the body of a call for one alias.
    Call,
    /// In an action of several.
    Action,
}

/// What is said of an alias, as an index keeps it: in the order in which it is shown.
///
/// Source: Elasticsearch 9.x, aliases of the create index request, the handler of one alias, and the
/// object parser of alias actions.
pub(super) fn says(alias: &str, body: &Value, said: Said) -> Result<Map<String, Value>, ApiError> {
    if said == Said::Index && !body.is_object() {
        return Err(ApiError::illegal("No alias is specified"));
    }
    let mut found: Map<String, Value> = Map::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let known = match name.as_str() {
            "indexRouting" | "index-routing" => "index_routing",
            "searchRouting" | "search-routing" => "search_routing",
            "is_hidden" if said == Said::Call => continue,
            "index" | "alias" if said == Said::Call => continue,
            other => other,
        };
        let kept = match (known, value) {
            ("filter", Value::Object(filter)) if filter.is_empty() => continue,
            ("filter", Value::Object(_)) => value.clone(),
            ("filter", Value::Null) if said == Said::Call => continue,
            ("routing" | "index_routing" | "search_routing", Value::String(_)) => value.clone(),
            ("routing" | "index_routing" | "search_routing", Value::Number(number)) if said != Said::Index => {
                Value::from(number.to_string())
            }
            ("routing" | "index_routing" | "search_routing", Value::Null) if said == Said::Call => continue,
            ("is_write_index" | "is_hidden", Value::Bool(_)) => value.clone(),
            ("is_write_index" | "is_hidden", Value::String(text)) => match text.as_str() {
                "true" => Value::from(true),
                "false" => Value::from(false),
                other => return Err(ApiError::bad_boolean(other)),
            },
            // The handler of one alias passes over what it does not know.
            (_, value) if said == Said::Call && !value.is_array() => continue,
            (_, Value::Array(_)) if said == Said::Call => return Err(ApiError::unknown_token("START_ARRAY")),
            _ => return Err(ApiError::unknown_alias_field(name, alias)),
        };
        found.insert(known.to_owned(), kept);
    }
    let both = found.shift_remove("routing");
    let mut kept = Map::new();
    for name in ["filter", "index_routing", "search_routing", "is_write_index", "is_hidden"] {
        let otherwise = both.as_ref().filter(|_| name.ends_with("_routing"));
        if let Some(value) = found.get(name).or(otherwise) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    if kept.get("index_routing").and_then(Value::as_str).is_some_and(|routing| routing.contains(',')) {
        return Err(ApiError::several_index_routings(alias));
    }
    if let Some(filter) = kept.get("filter") {
        alias_filter(filter).map_err(|cause| ApiError::bad_alias_filter(alias, cause))?;
    }
    Ok(kept)
}

/// The aliases of an index as answers show them.
pub(super) fn shown(index: &Index) -> Value {
    Value::Object(index.design.aliases.iter().map(|(name, says)| (name.clone(), Value::Object(says.clone()))).collect())
}

/// `indices.put_alias`. Index and alias may stand in the body, which goes before the path.
pub(crate) fn put(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let text = |name: &str| call.get(name).and_then(Value::as_str);
    let indices = text("index").unwrap_or(call.path("index"));
    let alias = text("alias").unwrap_or(call.path("name"));
    if indices.is_empty() {
        return Err(ApiError::empty_list("indices"));
    }
    if alias.is_empty() {
        return Err(ApiError::empty_text("alias"));
    }
    let action = AliasAction {
        indices: split_list(indices).map(str::to_owned).collect(),
        aliases: vec![alias.to_owned()],
        what: What::Add(says(alias, call.json().unwrap_or(&Value::Null), Said::Call)?),
        must_exist: None,
    };
    apply(cluster, call, &[action]).map(reply)
}

/// `indices.delete_alias`.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let action = AliasAction {
        indices: split_list(call.path("index")).map(str::to_owned).collect(),
        aliases: split_list(call.path("name")).map(str::to_owned).collect(),
        what: What::Remove,
        must_exist: None,
    };
    apply(cluster, call, &[action]).map(reply)
}

/// A change of aliases.
struct AliasAction {
    indices: Vec<String>,
    aliases: Vec<String>,
    what: What,
    /// Whether it is a mistake if there is no such alias; if nobody says so, it is told beside what was done.
    must_exist: Option<bool>,
}

enum What {
    Add(Map<String, Value>),
    Remove,
    RemoveIndex,
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            What::Add(_) => "add",
            What::Remove => "remove",
            What::RemoveIndex => "remove_index",
        }
    }
}

/// `indices.update_aliases`: several changes, all or none.
pub(crate) fn update(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    apply(cluster, call, call.asked(actions)?).map(reply)
}

/// Reads the changes that `indices.update_aliases` is to make.
pub(crate) fn read_actions(call: &Call) -> Result<(), ApiError> {
    call.asked(actions).map(drop)
}

/// What an object parser of the server's says, and where in the body it stands then.
type ParserRefusal = (Exception, Position);

/// The changes that a body lists.
///
/// Source: Elasticsearch 9.x, the object parsers of requests to change aliases and of their actions.
fn actions(call: &Call) -> Result<Vec<AliasAction>, ApiError> {
    const PARSER: &str = "aliases";
    let body = ActionsBody(call.raw());
    let members = call.json().and_then(Value::as_object);
    if let Some((unknown, _)) = members.into_iter().flatten().find(|(name, _)| *name != "actions") {
        let place = body.name(&format!("/{}", escaped(unknown)));
        return Err(ApiError::parse(error::unknown_field(place, PARSER, unknown, ["actions"])));
    }
    let listed = match call.get("actions") {
        None => &[][..],
        Some(Value::Array(listed)) => listed,
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        Some(other) => {
            let place = body.value("/actions");
            return Err(ApiError::parse(error::wrong_token(place, PARSER, "actions", token_of(other))));
        }
    };
    let is_list = call.get("actions").is_some_and(Value::is_array);
    let failed = |(cause, at): ParserRefusal| ApiError::parse(error::failed_field(at, PARSER, "actions", cause));
    let mut actions = Vec::new();
    for (at, entry) in listed.iter().enumerate() {
        let pointer = if is_list { format!("/actions/{at}") } else { "/actions".to_owned() };
        let read = body.entry(entry, &pointer).map_err(failed)?;
        let mut read = read.into_iter();
        let (name, mut action) = read.next().ok_or_else(ApiError::no_alias_action)?;
        if read.next().is_some() {
            return Err(ApiError::several_alias_actions());
        }
        action.check(name)?;
        actions.push(action);
    }
    if actions.is_empty() {
        return Err(ApiError::illegal("No action specified"));
    }
    Ok(actions)
}

/// The text of a body that lists actions, for what is said of a place in it.
struct ActionsBody<'t>(&'t [u8]);

impl ActionsBody<'_> {
    const PARSER: &'static str = "alias_action";

    fn name(&self, pointer: &str) -> Position {
        json::locate(self.0, pointer, true).unwrap_or(Position::START)
    }

    fn value(&self, pointer: &str) -> Position {
        json::locate(self.0, pointer, false).unwrap_or(Position::START)
    }

    /// Reads the actions of an entry, each with its name; there should be one.
    fn entry<'v>(&self, entry: &'v Value, pointer: &str) -> Result<Vec<(&'v str, AliasAction)>, ParserRefusal> {
        let Value::Object(members) = entry else {
            let at = self.value(pointer);
            return Err((error::expected_object(at, Self::PARSER, token_of(entry)), at));
        };
        let mut read = Vec::new();
        for (name, says) in members {
            let pointer = format!("{pointer}/{}", escaped(name));
            // Only what is wrong is looked for in the text.
            let at = || self.value(&pointer);
            if !["add", "remove", "remove_index"].contains(&name.as_str()) {
                let known = ["add", "remove", "remove_index"];
                return Err((error::unknown_field(self.name(&pointer), Self::PARSER, name, known), at()));
            }
            let Value::Object(says) = says else {
                return Err((error::wrong_token(at(), Self::PARSER, name, token_of(says)), at()));
            };
            let action = self.action(name, says, &pointer);
            read.push((
                name.as_str(),
                action.map_err(|(cause, at)| (error::failed_field(at, Self::PARSER, name, cause), at))?,
            ));
        }
        Ok(read)
    }

    /// Reads one action; its parser has its name.
    fn action(&self, name: &str, says: &Map<String, Value>, pointer: &str) -> Result<AliasAction, ParserRefusal> {
        const OF_INDICES: [&str; 3] = ["index", "indices", "must_exist"];
        const OF_ALIASES: [&str; 2] = ["alias", "aliases"];
        const OF_ADDING: [&str; 10] = [
            "filter",
            "routing",
            "index_routing",
            "indexRouting",
            "index-routing",
            "search_routing",
            "searchRouting",
            "search-routing",
            "is_write_index",
            "is_hidden",
        ];
        let (with_alias, adds) = (name != "remove_index", name == "add");
        let known = || {
            let aliases = OF_ALIASES.into_iter().filter(|_| with_alias);
            OF_INDICES.into_iter().chain(aliases).chain(OF_ADDING.into_iter().filter(|_| adds))
        };
        let mut others = Map::new();
        for (member, value) in says {
            let place = format!("{pointer}/{}", escaped(member));
            if !known().any(|known| known == member) {
                return Err((error::unknown_field(self.name(&place), name, member, known()), self.value(&place)));
            }
            let is_of_kind = match member.as_str() {
                "filter" => value.is_object(),
                "is_write_index" | "is_hidden" | "must_exist" => value.is_boolean() || value.is_string(),
                "index" | "indices" | "alias" | "aliases" => true,
                _ => value.is_string() || value.is_number(),
            };
            if !is_of_kind {
                let at = self.value(&place);
                return Err((error::wrong_token(at, name, member, token_of(value)), at));
            }
            if OF_ADDING.contains(&member.as_str()) {
                others.insert(member.clone(), value.clone());
            }
        }
        let refuse = |member: &str, reason: &str| {
            let at = json::locate_end(self.0, &format!("{pointer}/{member}")).unwrap_or(Position::START);
            (error::failed_field(at, name, member, error::illegal_argument(reason)), at)
        };
        let texts = |one: &'static str, many: &'static str| -> Result<Vec<String>, ParserRefusal> {
            if let (Some(_), Some(_)) = (says.get(one), says.get(many)) {
                let later = says.keys().rfind(|name| *name == one || *name == many).map_or(one, String::as_str);
                return Err(refuse(later, &format!("Only one of [{one}] and [{many}] is supported")));
            }
            let (member, items) = match (says.get(one), says.get(many)) {
                (None, None) => return Ok(Vec::new()),
                (Some(item), _) => (one, item),
                (None, Some(item)) => (many, item),
            };
            let items = items.as_array().map_or(std::slice::from_ref(items), Vec::as_slice);
            let texts: Vec<String> = items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
            match texts.iter().any(String::is_empty) {
                true if member == one => Err(refuse(one, &format!("[{one}] can't be empty string"))),
                true => Err(refuse(many, &format!("[{many}] can't contain empty string"))),
                false if texts.is_empty() => Err(refuse(member, &format!("[{many}] can't be empty"))),
                false => Ok(texts),
            }
        };
        let indices = texts("index", "indices")?;
        let aliases = if with_alias { texts("alias", "aliases")? } else { Vec::new() };
        let must_exist = says.get("must_exist").map(|given| *given == true || *given == "true");
        if must_exist.is_some() && name != "remove" {
            let reason = format!("[must_exist] is unsupported for [{}]", name.to_uppercase());
            return Err(refuse("must_exist", &reason));
        }
        let what = match name {
            "add" => What::Add(others),
            "remove" => What::Remove,
            _ => What::RemoveIndex,
        };
        Ok(AliasAction { indices, aliases, what, must_exist })
    }
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl AliasAction {
    /// Looks whether it says what is needed, and takes what an index keeps of it.
    fn check(&mut self, name: &str) -> Result<(), ApiError> {
        if let What::Add(given) = &mut self.what {
            let alias = self.aliases.first().map_or("", String::as_str);
            *given = says(alias, &Value::Object(std::mem::take(given)), Said::Action)?;
        }
        if self.indices.is_empty() {
            return Err(ApiError::illegal("One of [index] or [indices] is required"));
        }
        if self.aliases.is_empty() && name != "remove_index" {
            return Err(ApiError::illegal("One of [alias] or [aliases] is required"));
        }
        Ok(())
    }
}

/// What the actions came to: in full if one of them found nothing to do.
fn reply(results: Vec<Value>) -> Reply {
    let errors = results.iter().any(|result| result["status"] != 200);
    let mut answer = json!({ "acknowledged": true, "errors": errors });
    if errors {
        answer["action_results"] = Value::Array(results);
    }
    Reply::json(answer)
}

/// An index's name, and its aliases as they are to become.
type AliasesOfIndex = (std::sync::Arc<str>, std::collections::BTreeMap<String, Map<String, Value>>);

/// Does all changes or none, and tells what became of each.
///
/// Source: Elasticsearch 9.x, transport action of aliases; its YAML tests of update_aliases.
fn apply(cluster: &mut Cluster, call: &Call, actions: &[AliasAction]) -> Result<Vec<Value>, ApiError> {
    let mut designs: Vec<AliasesOfIndex> = Vec::new();
    let mut doomed = Vec::new();
    let mut results = Vec::new();
    let mut changes = 0;
    let lookup = Lookup { allow_no_indices: false, expand_hidden: true, ..Lookup::of_all_metadata() };
    // An index that goes makes room for an alias of its name, wherever in the list that stands.
    for action in actions.iter().filter(|action| matches!(action.what, What::RemoveIndex)) {
        let found = cluster.resolve(&action.indices.join(","), &lookup, call.now)?;
        doomed.extend(found.into_iter().map(|index| index.name().clone()));
    }
    for action in actions {
        let indices = cluster.resolve(&action.indices.join(","), &lookup, call.now)?;
        let mut removed = false;
        for index in indices {
            index.allow(BlockLevel::MetadataWrite)?;
            if matches!(action.what, What::RemoveIndex) {
                changes += 1;
                continue;
            }
            let mut aliases = match designs.iter().position(|(name, _)| name == index.name()) {
                Some(at) => designs.remove(at).1,
                None => index.design.aliases.clone(),
            };
            for alias in &action.aliases {
                match &action.what {
                    What::Add(says) => {
                        let alias = date_math(alias, call.now)?;
                        if !doomed.iter().any(|name| **name == *alias) {
                            cluster.check_alias(&alias)?;
                        }
                        aliases.insert(alias, says.clone());
                        changes += 1;
                    }
                    _ => {
                        let before = aliases.len();
                        let pattern = if alias == "_all" { "*" } else { alias };
                        aliases.retain(|name, _| !is_like(pattern, name));
                        removed |= aliases.len() < before;
                        changes += before - aliases.len();
                    }
                }
            }
            designs.push((index.name().clone(), aliases));
        }
        let mut told = json!({ "type": action.what.name(), "indices": action.indices, "aliases": action.aliases });
        if action.aliases.is_empty() {
            told.as_object_mut().map(|told| told.shift_remove("aliases"));
        }
        if matches!(action.what, What::Remove) && !removed {
            let missing = ApiError::aliases_missing(&action.aliases);
            if action.must_exist == Some(true) {
                return Err(missing);
            }
            results.push(json!({ "action": told, "status": 404, "error": missing.item() }));
        } else {
            results.push(json!({ "action": told, "status": 200 }));
        }
    }
    if changes == 0 {
        let all: Vec<String> = actions.iter().flat_map(|action| action.aliases.clone()).collect();
        return Err(ApiError::aliases_missing(&all));
    }
    refuse_two_write_indices(cluster, &designs)?;
    for (name, aliases) in designs {
        if let Some(index) = cluster.index_mut(&name) {
            index.design_mut().aliases = aliases;
        }
    }
    for name in doomed {
        cluster.remove_index(&name);
    }
    Ok(results)
}

/// Refuses a new index that wants to be the one that an alias is written to, if there is one.
pub(super) fn refuse_second_writer(cluster: &Cluster, design: &Design) -> Result<(), ApiError> {
    let writes = |says: &Map<String, Value>| says.get("is_write_index") == Some(&Value::Bool(true));
    for (alias, _) in design.aliases.iter().filter(|(_, says)| writes(says)) {
        let writer = cluster.indices().find(|index| index.design.aliases.get(alias).is_some_and(writes));
        if let Some(writer) = writer {
            return Err(ApiError::several_write_indices(alias, &[writer.name()]));
        }
    }
    Ok(())
}

/// An alias has one index that is written to, or none.
fn refuse_two_write_indices(cluster: &Cluster, designs: &[AliasesOfIndex]) -> Result<(), ApiError> {
    let writes = |says: &Map<String, Value>| says.get("is_write_index") == Some(&Value::Bool(true));
    for (name, aliases) in designs {
        for (alias, _) in aliases.iter().filter(|(_, says)| writes(says)) {
            let mut writers: Vec<&str> = cluster
                .indices()
                .filter(|index| {
                    let changed = designs.iter().find(|(name, _)| name == index.name()).map(|(_, aliases)| aliases);
                    changed.unwrap_or(&index.design.aliases).get(alias).is_some_and(writes)
                })
                .map(|index| &**index.name())
                .collect();
            writers.sort_unstable();
            if writers.len() > 1 && writers.contains(&&**name) {
                return Err(ApiError::several_write_indices(alias, &writers));
            }
        }
    }
    Ok(())
}

/// `indices.get_alias`. A name that is not there is told beside those that are.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (shown, missing) = matching(cluster, call)?;
    if missing.is_empty() {
        return Ok(Reply::ok(AnswerBody::Tree(JsonPart::Named(shown))));
    }
    let plural = if missing.len() > 1 { "aliases" } else { "alias" };
    let mut answer = vec![
        ("error".into(), JsonPart::Json(json!(format!("{plural} [{}] missing", missing.join(","))))),
        ("status".into(), JsonPart::Number(404)),
    ];
    answer.extend(shown);
    Ok(Reply { status: 404, ..Reply::ok(AnswerBody::Tree(JsonPart::Named(answer))) })
}

/// `indices.exists_alias`.
pub(crate) fn exists(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (shown, missing) = matching(cluster, call)?;
    let status = if shown.is_empty() || !missing.is_empty() { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(json!({})) })
}

type ShownAlias = Vec<(std::sync::Arc<str>, JsonPart)>;

/// The indices with the aliases that are asked for, and the names that none of them has.
fn matching(cluster: &Cluster, call: &Call) -> Result<(ShownAlias, Vec<String>), ApiError> {
    let lookup = lookup(call, Lookup { expand_hidden: true, ..Lookup::of_all_metadata() })?;
    let indices = cluster.resolve(call.path("index"), &lookup, call.now)?;
    indices.iter().try_for_each(|index| index.allow(BlockLevel::MetadataRead))?;
    let wanted = Some(call.path("name")).filter(|name| !name.is_empty());
    let parts: Vec<&str> = wanted.into_iter().flat_map(split_list).collect();
    let is_pattern = |part: &str| part.contains('*') || part == "_all";
    // Before the first wildcard a minus excludes nothing, and is taken for a part of a name that is missing.
    let first_wildcard = parts.iter().position(|part| is_pattern(part)).unwrap_or(parts.len());
    let excludes = |at: usize| parts[at].strip_prefix('-').filter(|_| at > first_wildcard);
    let is_wanted = |alias: &str| {
        let mut is_in = wanted.is_none();
        for part in &parts {
            match part.strip_prefix('-') {
                Some(excluded) if is_like(excluded, alias) => is_in = false,
                Some(_) => {}
                None => is_in |= *part == "_all" || is_like(part, alias),
            }
        }
        is_in
    };
    let mut shown = ShownAlias::new();
    for index in &indices {
        let aliases: Map<String, Value> = index
            .design
            .aliases
            .iter()
            .filter(|(alias, _)| is_wanted(alias))
            .map(|(alias, says)| (alias.clone(), Value::Object(says.clone())))
            .collect();
        if wanted.is_none() || !aliases.is_empty() {
            shown.push((index.name().clone(), JsonPart::Json(json!({ "aliases": aliases }))));
        }
    }
    let is_excluded_later = |at: usize, name: &str| {
        (at.max(first_wildcard)..parts.len())
            .any(|later| later > at && parts[later].strip_prefix('-').is_some_and(|excluded| is_like(excluded, name)))
    };
    let missing: std::collections::BTreeSet<String> = parts
        .iter()
        .enumerate()
        .filter(|(at, name)| !is_pattern(name) && excludes(*at).is_none() && !is_excluded_later(*at, name))
        .filter(|(_, name)| !indices.iter().any(|index| index.design.aliases.contains_key(**name)))
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let missing = missing.into_iter().collect();
    Ok((shown, missing))
}
