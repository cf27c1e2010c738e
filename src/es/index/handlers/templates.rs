//! Templates of indices: composable ones, their components, and those of the older kind.
//!
//! Source: Elasticsearch 9.x, index template service, REST handlers of templates; its YAML tests of them.

use serde_json::{Map, Value, json};

use super::aliases::{self, Said};
use super::untyped;
use crate::es::body::schema::split_list;
use crate::es::document::handlers::token_of;
use crate::es::document::store::Design;
use crate::es::error::{self, ApiError, Exception};
use crate::es::http::call::{Call, Reply, long_in};
use crate::es::index::analysis::Analysis;
use crate::es::index::mapping::Mapping;
use crate::es::index::settings;
use crate::es::index::templates::{Component, IndexTemplate, LegacyTemplate};
use crate::es::refusal::IndexRefusal;
use crate::es::store::Cluster;
use crate::json::{self, Position};
use crate::profile::Release;
use crate::wildcard::is_like;

/// What the inside of a template says of an index.
fn design(name: &str, template: &Value, release: &Release) -> Result<Design, ApiError> {
    let mut design = Design::default();
    if let Some(unspoken) = ["lifecycle", "data_stream_options"].iter().find(|name| template.get(**name).is_some()) {
        let what = format!("[{unspoken}] of a template");
        return Err(ApiError::unsupported(&what, "leave it out: there are no data streams here"));
    }
    if let Some(given) = template.get("settings").filter(|given| !given.is_null()) {
        design.settings = settings::flat(given, release).map_err(|bad| ApiError::invalid_template(name, bad))?;
        // What a template takes back stands in a lower one.
        settings::check_whole(&design.settings).map_err(IndexRefusal::from)?;
    }
    if let Some(mapping) = template.get("mappings").filter(|given| !given.is_null()) {
        // The analysis may come from another part of the whole.
        let read = Mapping::parse_for(untyped(mapping, false)?, Analysis::of_anything());
        design.mapping = read.map_err(IndexRefusal::from)?.into();
    }
    for (alias, says) in template.get("aliases").and_then(Value::as_object).into_iter().flatten() {
        design.aliases.insert(alias.clone(), aliases::says(alias, says, Said::Index)?);
    }
    Ok(design)
}

/// The inside of a template as it is shown.
fn shown(template: &Value, design: &Design) -> Value {
    let mut shown = Map::new();
    if template.get("settings").is_some() {
        shown.insert("settings".to_owned(), shown_settings(design, false));
    }
    if template.get("mappings").is_some() {
        shown.insert("mappings".to_owned(), design.mapping.to_value());
    }
    if template.get("aliases").is_some() {
        shown.insert("aliases".to_owned(), shown_aliases(design));
    }
    Value::Object(shown)
}

fn shown_settings(design: &Design, is_flat: bool) -> Value {
    let flat: Map<String, Value> =
        design.settings.iter().map(|(name, value)| (format!("index.{name}"), value.clone())).collect();
    if is_flat { Value::Object(flat) } else { settings::nested(&flat) }
}

fn shown_aliases(design: &Design) -> Value {
    Value::Object(design.aliases.iter().map(|(name, says)| (name.clone(), Value::Object(says.clone()))).collect())
}

/// A text, or another value as one.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The texts of a list, or the one text in its place.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        None | Some(Value::Null) => Vec::new(),
        Some(one) => vec![text(one)],
    }
}

/// What is wrong with the name of a template, or with its patterns.
fn check_names(name: &str, patterns: &[String]) -> Result<(), ApiError> {
    let offence = [
        (name.contains(' '), "name must not contain a space"),
        (name.contains(','), "name must not contain a ','"),
        (name.contains('#'), "name must not contain a '#'"),
        (name.contains('*'), "name must not contain a '*'"),
        (name.starts_with('_'), "name must not start with '_'"),
        (name.to_lowercase() != name, "name must be lower cased"),
    ];
    let of_name = offence.iter().find(|(is_so, _)| *is_so).map(|(_, offence)| (*offence).to_owned());
    let of_pattern = || {
        patterns.iter().find_map(|pattern| match pattern {
            pattern if pattern.contains(' ') => Some(format!("index_patterns [{pattern}] must not contain a space")),
            pattern if pattern.contains(',') => Some(format!("index_pattern [{pattern}] must not contain a ','")),
            pattern if pattern.contains('#') => Some(format!("index_pattern [{pattern}] must not contain a '#'")),
            pattern if pattern.starts_with('_') => Some(format!("index_pattern [{pattern}] must not start with '_'")),
            _ => None,
        })
    };
    match of_name.or_else(of_pattern) {
        Some(offence) => Err(ApiError::invalid_template_name(name, &offence)),
        None => Ok(()),
    }
}

/// Whether the release tells when a template was made and changed.
fn tells_dates(call: &Call) -> bool {
    !call.release.number.starts_with('8')
}

fn dated(mut shown: Value, call: &Call, before: Option<&Value>) -> Value {
    if tells_dates(call) {
        let now = json!(call.now.as_millis());
        let created = before.and_then(|before| before.get("created_date_millis")).unwrap_or(&now);
        shown["created_date_millis"] = created.clone();
        shown["modified_date_millis"] = now;
    }
    shown
}

// ── components ────────────────────────────────────────────────────────────────────────────────────

/// `cluster.put_component_template`.
pub(crate) fn put_component(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (name, body) = (call.path("name"), call.json().ok_or_else(ApiError::body_required)?);
    let known = cluster.templates().components.get(name);
    if call.switch("create") && known.is_some() {
        return Err(ApiError::illegal(&format!("component template [{name}] already exists")));
    }
    let template = body.get("template").ok_or_else(|| ApiError::illegal("Required [template]"))?;
    check_names(name, &[])?;
    let design = design(name, template, call.release)?;
    let mut told = json!({ "template": shown(template, &design) });
    for member in ["version", "_meta", "deprecated"] {
        if let Some(value) = body.get(member) {
            told[member] = value.clone();
        }
    }
    let told = dated(told, call, known.map(|known| &known.shown));
    let templates = cluster.templates_mut();
    templates.components.insert(name.to_owned(), Component { shown: told, design });
    Ok(Reply::acknowledged())
}

/// `cluster.get_component_template`.
pub(crate) fn get_component(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("name");
    let all = cluster.templates().components.iter();
    let found: Vec<Value> = all
        .filter(|(name, _)| asked.is_empty() || is_like(asked, name))
        .map(|(name, component)| {
            json!({ "name": name, "component_template": flattened(&component.shown, &component.design, call) })
        })
        .collect();
    listed("component_templates", "component template", asked, found)
}

/// The template with flat settings, if the call asks for them.
fn flattened(shown: &Value, design: &Design, call: &Call) -> Value {
    let mut shown = shown.clone();
    if call.switch("flat_settings") && shown["template"].get("settings").is_some() {
        shown["template"]["settings"] = shown_settings(design, true);
    }
    shown
}

/// The list of what was found: nothing is a mistake for a name, and told so for a wildcard.
fn listed(member: &str, what: &str, asked: &str, found: Vec<Value>) -> Result<Reply, ApiError> {
    if found.is_empty() && !asked.is_empty() && !asked.contains('*') {
        return Err(ApiError::template_not_found(&format!("{what} matching [{asked}] not found")));
    }
    let status = if found.is_empty() && !asked.is_empty() && asked != "*" { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(json!({ member: found })) })
}

/// `cluster.exists_component_template`.
pub(crate) fn exists_component(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    Ok(exists(cluster.templates().components.keys(), call.path("name")))
}

fn exists<'t>(mut names: impl Iterator<Item = &'t String>, asked: &str) -> Reply {
    let status = if names.any(|name| split_list(asked).any(|asked| is_like(asked, name))) { 200 } else { 404 };
    Reply { status, ..Reply::json(json!({})) }
}

/// `cluster.delete_component_template`. One that is in use stays.
pub(crate) fn delete_component(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("name");
    let doomed = doomed(cluster.templates().components.keys(), asked, "component template", "component templates")?;
    let users: Vec<String> = cluster
        .templates()
        .composable
        .iter()
        .filter(|(_, template)| template.composed_of.iter().any(|part| doomed.contains(part)))
        .map(|(name, _)| name.clone())
        .collect();
    if !users.is_empty() {
        let (parts, users) = (doomed.join(", "), users.join(", "));
        return Err(ApiError::illegal(&format!(
            "component templates [{parts}] cannot be removed as they are still in use by index templates [{users}]"
        )));
    }
    let templates = cluster.templates_mut();
    doomed.iter().for_each(|name| drop(templates.components.remove(name)));
    Ok(Reply::acknowledged())
}

/// The names that are to go. A name that is not there is a mistake, a wildcard that finds nothing is none.
fn doomed<'t>(
    known: impl Iterator<Item = &'t String> + Clone,
    asked: &str,
    one: &str,
    many: &str,
) -> Result<Vec<String>, ApiError> {
    let mut doomed = Vec::new();
    let mut missing = Vec::new();
    for part in split_list(asked) {
        let found: Vec<String> = known.clone().filter(|name| is_like(part, name)).cloned().collect();
        if found.is_empty() && part != "*" {
            missing.push(part);
        }
        doomed.extend(found);
    }
    match missing.as_slice() {
        [] => Ok(doomed),
        [only] if !asked.contains(',') => Err(ApiError::template_missing(one, only)),
        several => Err(ApiError::template_not_found(&format!("{many} [{}] not found", several.join(",")))),
    }
}

/// Refuses the body of a component template that its parser does not take.
pub(crate) fn check_component(call: &Call) -> Result<(), ApiError> {
    TemplateParser::COMPONENT.check(call)
}

/// Refuses the body of a composable template that its parser does not take.
pub(crate) fn check_index(call: &Call) -> Result<(), ApiError> {
    TemplateParser::INDEX.check(call)
}

/// A parser of the server's for templates, or for what is inside of one.
///
/// Source: Elasticsearch 9.x, the object parsers of component templates, index templates and templates.
struct TemplateParser {
    name: &'static str,
    members: &'static [&'static str],
    /// Where in the body it reads, as a JSON pointer.
    at: &'static str,
}

impl TemplateParser {
    const COMPONENT: TemplateParser =
        TemplateParser { name: "component_template", members: &["template", "version", "_meta", "deprecated"], at: "" };
    const INDEX: TemplateParser = TemplateParser { name: "index_template", members: &MEMBERS, at: "" };
    /// What it reads of data streams is refused later, as what elastimock does not do.
    const INSIDE: TemplateParser = TemplateParser {
        name: "template",
        members: &["settings", "mappings", "aliases", "lifecycle", "data_stream_options"],
        at: "/template",
    };

    fn check(&self, call: &Call) -> Result<(), ApiError> {
        match call.json() {
            Some(body) => self.refusal(body, call.raw()).map_or(Ok(()), |(refusal, _)| Err(ApiError::parse(refusal))),
            None => Ok(()),
        }
    }

    /// What it says to the first member that it does not take, and where it stands then.
    fn refusal(&self, body: &Value, text: &[u8]) -> Option<(Exception, Position)> {
        let place = |pointer: &str, is_name| json::locate(text, pointer, is_name).unwrap_or(Position::START);
        let Value::Object(members) = body else {
            let at = place(self.at, false);
            return Some((error::expected_object(at, self.name, token_of(body)), at));
        };
        members.iter().find_map(|(name, value)| {
            let pointer = format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"));
            let refusal = |cause| Some((cause, place(&pointer, false)));
            if !self.members.contains(&name.as_str()) {
                let members = self.members.iter().copied();
                return refusal(error::unknown_field(place(&pointer, true), self.name, name, members));
            }
            if !is_of_kind(name, value) {
                let at = place(&pointer, false);
                return refusal(match value.as_str().filter(|_| ["priority", "version"].contains(&name.as_str())) {
                    Some(text) => error::failed_field(at, self.name, name, error::no_number(text)),
                    None => error::wrong_token(at, self.name, name, token_of(value)),
                });
            }
            if name == "template" && !value.is_null() {
                let (cause, at) = TemplateParser::INSIDE.refusal(value, text)?;
                return Some((error::failed_field(at, self.name, name, cause), at));
            }
            None
        })
    }
}

/// Whether a member's value is of the kind that its parser wants; null is none.
fn is_of_kind(name: &str, value: &Value) -> bool {
    let is_text = |value: &Value| !value.is_object() && !value.is_array();
    match name {
        _ if value.is_null() => true,
        "template" | "_meta" | "settings" | "aliases" => value.is_object(),
        "priority" | "version" => long_in(value).is_some(),
        "deprecated" | "allow_auto_create" => value.is_boolean() || *value == "true" || *value == "false",
        "index_patterns" | "composed_of" | "ignore_missing_component_templates" => match value {
            Value::Array(items) => items.iter().all(is_text),
            one => is_text(one),
        },
        _ => true,
    }
}

// ── composable templates ──────────────────────────────────────────────────────────────────────────

/// The members of a composable template, in the order in which they are shown behind its template.
const MEMBERS: [&str; 10] = [
    "index_patterns",
    "template",
    "composed_of",
    "priority",
    "version",
    "_meta",
    "data_stream",
    "allow_auto_create",
    "ignore_missing_component_templates",
    "deprecated",
];

/// Reads a composable template.
fn index_template(cluster: &Cluster, name: &str, body: &Value, release: &Release) -> Result<IndexTemplate, ApiError> {
    if body.get("data_stream").is_some() {
        let instead = "leave it out, and write to an index: there are no data streams here";
        return Err(ApiError::unsupported("[data_stream] of an index template", instead));
    }
    if body.get("allow_auto_create").is_some_and(|allowed| *allowed != true) {
        let instead = "leave it out: every write may make an index here";
        return Err(ApiError::unsupported("[allow_auto_create] that is not true", instead));
    }
    let patterns = texts(body.get("index_patterns"));
    if patterns.is_empty() {
        return Err(ApiError::illegal("Required [index_patterns]"));
    }
    let priority = body.get("priority").and_then(long_in).unwrap_or(0);
    if priority < 0 {
        super::lookup::refuse(&["index template priority must be >= 0".to_owned()])?;
    }
    check_names(name, &patterns)?;
    let composed_of = texts(body.get("composed_of"));
    let ignored = texts(body.get("ignore_missing_component_templates"));
    let missing: Vec<&str> = composed_of
        .iter()
        .filter(|part| !cluster.templates().components.contains_key(*part) && !ignored.contains(part))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let offence =
            format!("index template [{name}] specifies component templates [{}] that do not exist", missing.join(", "));
        return Err(ApiError::invalid_template_name(name, &offence));
    }
    let none = json!({});
    let inside = body.get("template").unwrap_or(&none);
    let design = design(name, inside, release)?;
    let mut told = json!({ "index_patterns": patterns });
    if body.get("template").is_some() {
        told["template"] = shown(inside, &design);
    }
    told["composed_of"] = json!(composed_of);
    for member in &MEMBERS[3..] {
        if let Some(value) = body.get(*member) {
            told[*member] = value.clone();
        }
    }
    Ok(IndexTemplate { shown: told, patterns, priority, composed_of, design })
}

/// `indices.put_index_template`.
pub(crate) fn put_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (name, body) = (call.path("name"), call.json().ok_or_else(ApiError::body_required)?);
    let known = cluster.templates().composable.get(name);
    if call.switch("create") && known.is_some() {
        return Err(ApiError::illegal(&format!("index template [{name}] already exists")));
    }
    let mut template = index_template(cluster, name, body, call.release)?;
    refuse_rivals(cluster, name, &template)?;
    // What it comes to as a whole must hold together.
    let whole = cluster.templates().resolved(&template)?;
    settings::check_whole(&whole.settings).map_err(IndexRefusal::from)?;
    Mapping::parse_for(&whole.mapping.to_value(), Analysis::of(&whole.settings)).map_err(IndexRefusal::from)?;
    template.shown = dated(template.shown, call, known.map(|known| &known.shown));
    let reply = overshadowing(Reply::acknowledged(), cluster, call, name, &template.patterns);
    cluster.templates_mut().composable.insert(name.to_owned(), template);
    Ok(reply)
}

/// Of two templates for one name, the priority must say which counts.
fn refuse_rivals(cluster: &Cluster, name: &str, template: &IndexTemplate) -> Result<(), ApiError> {
    let rivals: Vec<(&str, &[String])> = cluster
        .templates()
        .composable_like(name, &template.patterns)
        .filter(|(_, rival)| rival.priority == template.priority)
        .map(|(name, rival)| (name, rival.patterns.as_slice()))
        .collect();
    if rivals.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = rivals.iter().map(|(name, _)| *name).collect();
    let patterns: Vec<String> =
        rivals.iter().map(|(name, patterns)| format!("{name} => [{}]", patterns.join(", "))).collect();
    Err(ApiError::illegal(&format!(
        "index template [{name}] has index patterns [{}] matching patterns from existing templates [{}] with patterns \
         ({}) that have the same priority [{}], multiple index templates may not match during index creation, please \
         use a different priority",
        template.patterns.join(", "),
        names.join(","),
        patterns.join(","),
        template.priority
    )))
}

/// Warns that older templates no longer count for names that a new one takes.
fn overshadowing(reply: Reply, cluster: &Cluster, call: &Call, name: &str, patterns: &[String]) -> Reply {
    let older: Vec<(&str, &[String])> = cluster.templates().legacy_like(patterns).collect();
    if older.is_empty() {
        return reply;
    }
    let names: Vec<&str> = older.iter().map(|(name, _)| *name).collect();
    let theirs: Vec<String> =
        older.iter().map(|(name, patterns)| format!("{name} => [{}]", patterns.join(", "))).collect();
    let text = format!(
        "index template [{name}] has index patterns [{}] matching patterns from existing older templates [{}] with \
         patterns ({}); this template [{name}] will take precedence during new index creation",
        patterns.join(", "),
        names.join(","),
        theirs.join(",")
    );
    reply.warn(call.release, &text)
}

/// `indices.get_index_template`.
pub(crate) fn get_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("name");
    if asked.contains(',') {
        return Err(ApiError::illegal(&format!("template name [{asked}] must not contain a ','")));
    }
    let all = cluster.templates().composable.iter();
    let found: Vec<Value> = all
        .filter(|(name, _)| asked.is_empty() || is_like(asked, name))
        .map(|(name, template)| {
            json!({ "name": name, "index_template": flattened(&template.shown, &template.design, call) })
        })
        .collect();
    listed("index_templates", "index template", asked, found)
}

/// `indices.exists_index_template`.
pub(crate) fn exists_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    Ok(exists(cluster.templates().composable.keys(), call.path("name")))
}

/// `indices.delete_index_template`.
pub(crate) fn delete_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let doomed = doomed(cluster.templates().composable.keys(), call.path("name"), "index_template", "index templates")?;
    let templates = cluster.templates_mut();
    doomed.iter().for_each(|name| drop(templates.composable.remove(name)));
    Ok(Reply::acknowledged())
}

/// `indices.simulate_index_template`: what an index of that name would be made of.
pub(crate) fn simulate_for_index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let name = call.path("name");
    let mut trial = cluster.templates().clone();
    if let Some(body) = call.json() {
        let given = index_template(cluster, name, body, call.release)?;
        refuse_rivals(cluster, "simulate_index_template", &given)?;
        trial.composable.insert("simulate_index_template".to_owned(), given);
    }
    let Some((winner, template)) = trial.for_index(name) else {
        return Ok(Reply::json(json!({})));
    };
    let design = trial.resolved(template)?;
    let overlapping = overlapping(&trial, winner, &template.patterns);
    Ok(Reply::json(json!({ "template": simulated(design, call), "overlapping": overlapping })))
}

/// `indices.simulate_template`: what a template comes to.
pub(crate) fn simulate(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let name = call.path("name");
    let (name, template) = match call.json() {
        Some(body) => {
            let name = if name.is_empty() { "simulate_template" } else { name };
            (name, index_template(cluster, name, body, call.release)?)
        }
        None if name.is_empty() => {
            return Err(ApiError::illegal("unable to simulate template: a name or a body is needed"));
        }
        None => match cluster.templates().composable.get(name) {
            Some(template) => (name, template.clone()),
            None => {
                return Err(ApiError::illegal(&format!("unable to simulate template [{name}] that does not exist")));
            }
        },
    };
    let design = cluster.templates().resolved(&template)?;
    let overlapping = overlapping(cluster.templates(), name, &template.patterns);
    Ok(Reply::json(json!({ "template": simulated(design, call), "overlapping": overlapping })))
}

fn simulated(mut design: Design, call: &Call) -> Value {
    design.settings.retain(|_, value| !value.is_null());
    let tier = "routing.allocation.include._tier_preference";
    if !design.settings.contains_key(tier) {
        design.settings.insert(tier.to_owned(), json!("data_content"));
    }
    json!({
        "settings": shown_settings(&design, call.switch("flat_settings")),
        "mappings": design.mapping.to_value(),
        "aliases": shown_aliases(&design),
    })
}

fn overlapping(templates: &crate::es::index::templates::Templates, name: &str, patterns: &[String]) -> Value {
    let older = templates.legacy_like(patterns);
    let others = templates.composable_like(name, patterns).map(|(name, template)| (name, template.patterns.as_slice()));
    older.chain(others).map(|(name, patterns)| json!({ "name": name, "index_patterns": patterns })).collect()
}

// ── the older kind ────────────────────────────────────────────────────────────────────────────────

/// `indices.put_template`.
pub(crate) fn put_legacy(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let name = call.path("name");
    let none = json!({});
    let body = call.json().unwrap_or(&none);
    let templates = cluster.templates();
    let is_new = call.switch("create");
    let known = ["index_patterns", "settings", "mappings", "aliases", "order", "version"];
    let mut names = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(unknown) = names.find(|name| !known.contains(name)) {
        return Err(ApiError::unknown_legacy_key(unknown));
    }
    check_legacy(body)?;
    let patterns = texts(body.get("index_patterns"));
    if patterns.is_empty() {
        super::lookup::refuse(&["index patterns are missing".to_owned()])?;
    }
    if is_new && templates.legacy.contains_key(name) {
        return Err(ApiError::illegal(&format!("index_template [{name}] already exists")));
    }
    check_names(name, &patterns)?;
    let inside: Map<String, Value> = ["settings", "mappings", "aliases"]
        .into_iter()
        .filter_map(|member| Some((member.to_owned(), body.get(member)?.clone())))
        .collect();
    let design = design(name, &Value::Object(inside), call.release)?;
    let order = match call.query("order") {
        Some(order) => order.parse().ok(),
        None => body.get("order").and_then(long_in),
    };
    let version = body.get("version").and_then(Value::as_i64);
    let template = LegacyTemplate { patterns, order: order.unwrap_or(0), version, design };
    cluster.templates_mut().legacy.insert(name.to_owned(), template);
    Ok(Reply::acknowledged())
}

/// Refuses members of an older template whose values are of another kind.
///
/// Source: Elasticsearch 9.x, request to put an index template, its reading of a map.
fn check_legacy(body: &Value) -> Result<(), ApiError> {
    for (name, value) in body.as_object().into_iter().flatten() {
        let offence = match (name.as_str(), value) {
            ("index_patterns", Value::Array(_) | Value::String(_)) => continue,
            ("index_patterns", _) => "Malformed [index_patterns] value, should be a string or a list of strings",
            ("version", version) if !version.is_i64() => "Malformed [version] value, should be an integer",
            ("settings", settings) if !settings.is_object() => {
                "Malformed [settings] section, should include an inner object"
            }
            ("order" | "version", Value::Null) => continue,
            ("order", order) if long_in(order).is_none() => return Err(ApiError::no_order(&text(order))),
            ("mappings" | "aliases", inner) if !inner.is_object() && !inner.is_string() => {
                return Err(ApiError::unsupported(&format!("[{name}] of a template that is no object"), "write { … }"));
            }
            _ => continue,
        };
        return Err(ApiError::illegal(offence));
    }
    Ok(())
}

/// `indices.get_template`.
pub(crate) fn get_legacy(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("name");
    let is_asked = |name: &str| asked.is_empty() || split_list(asked).any(|asked| is_like(asked, name));
    let mut found = Map::new();
    for (name, template) in cluster.templates().legacy.iter().filter(|(name, _)| is_asked(name)) {
        let mut told = Map::from_iter([("order".to_owned(), json!(template.order))]);
        if let Some(version) = template.version {
            told.insert("version".to_owned(), json!(version));
        }
        told.insert("index_patterns".to_owned(), json!(template.patterns));
        told.insert("settings".to_owned(), shown_settings(&template.design, call.switch("flat_settings")));
        told.insert("mappings".to_owned(), template.design.mapping.to_value());
        told.insert("aliases".to_owned(), shown_aliases(&template.design));
        found.insert(name.clone(), Value::Object(told));
    }
    let status = if found.is_empty() && !asked.is_empty() { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(Value::Object(found)) })
}

/// `indices.exists_template`.
pub(crate) fn exists_legacy(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    Ok(exists(cluster.templates().legacy.keys(), call.path("name")))
}

/// `indices.delete_template`.
pub(crate) fn delete_legacy(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.path("name");
    let doomed: Vec<String> = cluster.templates().legacy.keys().filter(|name| is_like(asked, name)).cloned().collect();
    if doomed.is_empty() && asked != "*" {
        return Err(ApiError::template_missing("index_template", asked));
    }
    let templates = cluster.templates_mut();
    doomed.iter().for_each(|name| drop(templates.legacy.remove(name)));
    Ok(Reply::acknowledged())
}
