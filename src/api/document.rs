//! `_doc`, `_create`, `_source` and `_update`: one document at a time.

use std::sync::Arc;

use serde_json::Value;

use super::lookup::{Given, dot_warned, forces_refresh, id_offence, refuse, selection};
use crate::cluster::Cluster;
use crate::cluster::amend::Amendment;
use crate::cluster::document::{Document, Source};
use crate::cluster::index::{Effect, Guard, Index, PRIMARY_TERM, Written};
use crate::cluster::ingest::Address;
use crate::cluster::refusal::Refusal;
use crate::cluster::source_filter::SourceFilter;
use crate::json::{self, Position};
use crate::rest::call::{Body, Call, Content, Line, Reply};
use crate::rest::error::{self, Error};
use crate::rest::part::Part;

// ── writing ───────────────────────────────────────────────────────────────────────────────────────

/// `index`: stores a document whole; without an id, under a new one.
pub fn index(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let create = match call.query("op_type") {
        None | Some("index") => false,
        Some("create") => true,
        Some(other) => return Err(Error::unknown_op_type(other)),
    };
    write(cluster, call, create)
}

/// `create`: stores a document if there is none.
pub fn create(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    write(cluster, call, true)
}

fn write(cluster: &mut Cluster, call: &Call, create: bool) -> Result<Reply, Error> {
    let mut messages = Vec::new();
    let guard = Given::of(call).guard(create, &mut messages)?;
    messages.extend(id_offence(call.path("id")));
    refuse(&messages)?;
    let refreshed = forces_refresh(call)?;
    let Some(line) = call.lines.first() else {
        return Err(Error::body_required());
    };
    let asked = Store {
        index: call.path("index"),
        id: Some(call.path("id")).filter(|id| !id.is_empty()),
        guard,
        routing: call.query("routing"),
        require_alias: call.switch("require_alias"),
        pipeline: call.query("pipeline"),
    };
    let makes = cluster.makes(asked.index, call.now);
    let written = asked.store(cluster, line, call)?;
    let location = written.is_new().then(|| location(&written, asked.routing));
    let status = if written.is_new() { 201 } else { 200 };
    let reply = Reply { status, location, ..Reply::tree(told(written, refreshed)) };
    Ok(dot_warned(reply, call, makes.then_some(asked.index)))
}

/// A document to be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store<'a> {
    pub index: &'a str,
    pub id: Option<&'a str>,
    pub guard: Guard,
    pub routing: Option<&'a str>,
    pub require_alias: bool,
    /// The ingest pipeline that the document goes through, instead of the index's own.
    pub pipeline: Option<&'a str>,
}

impl Store<'_> {
    /// Stores what a line says.
    pub fn store(self, cluster: &mut Cluster, line: &Line, call: &Call) -> Result<Written, Error> {
        let source = match &line.content {
            Content::Object(source) => source.clone(),
            Content::Broken(error) => return Err(error.clone()),
            Content::Blank => return Err(Error::empty_document()),
        };
        // An id of the cluster's own making has never been used.
        let id: Arc<str> = match self.id {
            Some(id) => Arc::from(id),
            None => Arc::from(cluster.next_id()),
        };
        let source = self.ingested(cluster, source, line, call)?;
        let index = cluster.index_to_write(self.index, self.require_alias, call.now)?;
        if id.is_empty() {
            return Err(Error::empty_id());
        }
        index.store(id, source, self.guard, self.routing).map_err(|refusal| located(refusal, &line.text))
    }
}

impl Store<'_> {
    /// The document after its pipelines: the one that the call names, else the index's own, and then the
    /// index's last one.
    fn ingested(self, cluster: &Cluster, source: Arc<Source>, line: &Line, call: &Call) -> Result<Arc<Source>, Error> {
        let index = cluster.resolve_one(self.index, call.now).ok();
        let own = |name| index.and_then(|index| index.setting(name));
        let names: Vec<&str> =
            [self.pipeline.or(own("default_pipeline")), own("final_pipeline")].into_iter().flatten().collect();
        if names.is_empty() {
            // A pipeline would leave behind whatever follows the document.
            line.ends()?;
            return Ok(source);
        }
        let address = Address { index: index.map_or(self.index, |index| index.name()), id: self.id };
        Ok(Arc::new(cluster.pipelines().run(&names, &source, address, call.now)?))
    }
}

/// A refusal that tells a value's place in the text as the client sent it.
fn located(refusal: Refusal, text: &[u8]) -> Error {
    match refusal {
        Refusal::Shelf(refusal) => refusal.located_in(text).into(),
        other => other.into(),
    }
}

/// The answer to a write.
pub(super) fn told(written: Written, refreshed: bool) -> Vec<(&'static str, Part)> {
    let mut answer = Vec::with_capacity(9);
    answer.push(("_index", Part::Text(written.index)));
    answer.push(("_id", Part::Text(written.id)));
    answer.push(("_version", Part::Number(written.version)));
    answer.push(("result", Part::Word(written.effect.name())));
    if refreshed && written.effect != Effect::Noop {
        answer.push(("forced_refresh", Part::Flag(true)));
    }
    answer.push(("_shards", Part::Shards { total: written.copies, successful: written.copies.min(1) }));
    answer.push(("_seq_no", Part::Number(written.seq_no)));
    answer.push(("_primary_term", Part::Number(PRIMARY_TERM)));
    answer
}

/// Where a new document is found. A blank in its id is a plus sign, as Java encodes it.
fn location(written: &Written, routing: Option<&str>) -> String {
    let routing = routing.map(|routing| format!("?routing={}", encoded(routing))).unwrap_or_default();
    format!("/{}/_doc/{}{routing}", encoded(&written.index), encoded(&written.id))
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// `delete`. A document that is not there is 404, and a write all the same.
pub fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let mut messages = Vec::new();
    let guard = Given::of(call).guard(false, &mut messages)?;
    refuse(&messages)?;
    let refreshed = forces_refresh(call)?;
    let index = cluster.existing_index_to_write(call.path("index"), call.now)?;
    let written = index.remove(call.path("id"), guard)?;
    let status = if written.effect == Effect::NotFound { 404 } else { 200 };
    Ok(Reply { status, ..Reply::tree(told(written, refreshed)) })
}

/// `update`: merges fields into a document, or stores one if there is none.
pub fn update(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let update = match call.json() {
        Some(Value::Object(members)) => {
            Update::read(members.iter().map(|(name, value)| (name.as_str(), value)), call.raw())?
        }
        _ => return Err(Update::no_object(call.raw())),
    };
    let mut messages = Vec::new();
    let given = Given { version: None, version_type: None, ..Given::of(call) };
    let guard = given.guard(false, &mut messages)?;
    update.check(guard, call.count("retry_on_conflict", 0) > 0, &mut messages);
    refuse(&messages)?;
    let refreshed = forces_refresh(call)?;
    let shown = selection(call).or(update.shown.clone());
    let name = call.path("index");
    let makes = cluster.makes(name, call.now);
    let index = cluster.index_to_write(name, call.switch("require_alias"), call.now)?;
    let id = call.path("id");
    let written = index.apply(id, &update.asked, guard.condition, call.query("routing"))?;
    let status = if written.is_new() { 201 } else { 200 };
    let location = written.is_new().then(|| location(&written, call.query("routing")));
    let shown = shown.and_then(|shown| read_back(index, id, &shown));
    let mut answer = told(written, refreshed);
    answer.extend(shown.map(|shown| ("get", shown)));
    let reply = Reply { status, location, ..Reply::tree(answer) };
    Ok(dot_warned(reply, call, makes.then_some(name)))
}

/// The document after an update, as the answer to it shows it; none if it is not to be shown.
pub(super) fn read_back(index: &Index, id: &str, shown: &SourceFilter) -> Option<Part> {
    let document = index.get(id)?;
    Some(Part::Object(vec![
        ("_seq_no", Part::Number(document.seq_no)),
        ("_primary_term", Part::Number(PRIMARY_TERM)),
        ("found", Part::Flag(true)),
        ("_source", Part::Source(shown.shown(&document.source)?)),
    ]))
}

/// The body of an update.
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub asked: Amendment,
    pub shown: Option<SourceFilter>,
}

impl Update {
    const PARSER: &str = "UpdateRequest";

    /// What the parser says to a body that is no object.
    pub fn no_object(text: &[u8]) -> Error {
        match json::read(text) {
            Err(wrong) => Error::parse(error::syntax(&wrong)),
            Ok(body) => {
                let token = token_of(&body.unwrap_or_default());
                Error::parse(error::expected_object(Position { offset: 0, line: 1, column: 1 }, Update::PARSER, token))
            }
        }
    }

    /// Reads the members of the body of an update.
    pub fn read<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, text: &[u8]) -> Result<Update, Error> {
        const FIELDS: [&str; 9] = [
            "script",
            "scripted_upsert",
            "upsert",
            "doc",
            "doc_as_upsert",
            "detect_noop",
            "_source",
            "if_seq_no",
            "if_primary_term",
        ];
        let place = |name: &str, key| {
            let start = Position { offset: 0, line: 1, column: 1 };
            json::locate(text, &format!("/{name}"), key).unwrap_or(start)
        };
        let asked = Amendment { doc: None, upsert: None, doc_as_upsert: false, detect_noop: true };
        let mut update = Update { asked, shown: None };
        for (name, value) in members {
            let wrong = || Error::parse(error::wrong_token(place(name, false), Update::PARSER, name, token_of(value)));
            let document = || match value {
                Value::Object(members) => Ok(Some(Arc::new(Source::from(members.clone())))),
                _ => Err(wrong()),
            };
            let switch = || match value {
                Value::Bool(switch) => Ok(*switch),
                Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
                _ => Err(wrong()),
            };
            match name {
                "doc" => update.asked.doc = document()?,
                "upsert" => update.asked.upsert = document()?,
                "doc_as_upsert" => update.asked.doc_as_upsert = switch()?,
                "detect_noop" => update.asked.detect_noop = switch()?,
                "_source" => update.shown = Some(SourceFilter::read(value).ok_or_else(wrong)?),
                "script" | "scripted_upsert" => return Err(Error::scripts()),
                "if_seq_no" | "if_primary_term" => {
                    return Err(Error::unsupported(
                        "`if_seq_no` and `if_primary_term` in the body of an update",
                        "send them as parameters",
                    ));
                }
                unknown => {
                    return Err(Error::parse(error::unknown_field(place(name, true), Update::PARSER, unknown, FIELDS)));
                }
            }
        }
        Ok(update)
    }

    /// What Elasticsearch's validation says against the update.
    pub fn check(&self, guard: Guard, retries: bool, messages: &mut Vec<String>) {
        let asked = &self.asked;
        if guard.condition.is_some() && retries {
            messages.push("compare and write operations can not be retried".to_owned());
        }
        if guard.condition.is_some() && asked.doc_as_upsert {
            messages.push("compare and write operations can not be used with doc_as_upsert".to_owned());
        }
        if guard.condition.is_some() && asked.upsert.is_some() {
            messages.push("upsert requests don't support `if_seq_no` and `if_primary_term`".to_owned());
        }
        if asked.doc.is_none() {
            messages.push("script or doc is missing".to_owned());
            if asked.doc_as_upsert {
                messages.push("doc must be specified if doc_as_upsert is enabled".to_owned());
            }
        }
    }
}

/// The name of the token that begins a value.
pub(super) fn token_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

// ── reading ───────────────────────────────────────────────────────────────────────────────────────

/// `get` and `exists`.
pub fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let index = cluster.resolve_one(call.path("index"), call.now)?;
    let id = call.path("id");
    let shown = selection(call).unwrap_or_default();
    if call.query("stored_fields").is_some_and(|fields| !matches!(fields, "" | "_none_")) {
        return Err(Error::unsupported("stored fields", "ask for fields with `_source_includes`"));
    }
    match index.get(id) {
        Some(document) => {
            check_version(call, index, id, document)?;
            let shown = shown.shown(&document.source);
            Ok(Reply::ok(Body::Tree(found(index, id, document, shown))))
        }
        None => Ok(Reply { status: 404, ..Reply::ok(Body::Tree(not_found(index, id))) }),
    }
}

/// The version that a reader expects, if it says one.
fn check_version(call: &Call, index: &Index, id: &str, document: &Document) -> Result<(), Error> {
    let given = call.query("version").and_then(|text| text.parse::<u64>().ok());
    let or_lower = matches!(call.query("version_type"), Some("external" | "external_gt" | "external_gte"));
    match given {
        Some(given) if given != document.version && !(or_lower && document.version <= given) => {
            Err(Error::read_conflict(id, document.version, given, index.name(), index.uuid()))
        }
        _ => Ok(()),
    }
}

/// A document as `get` and `mget` show it.
pub(super) fn found(index: &Index, id: &str, document: &Document, shown: Option<Arc<Source>>) -> Part {
    let mut answer = vec![
        ("_index", Part::Text(index.name().clone())),
        ("_id", Part::Text(Arc::from(id))),
        ("_version", Part::Number(document.version)),
        ("_seq_no", Part::Number(document.seq_no)),
        ("_primary_term", Part::Number(PRIMARY_TERM)),
    ];
    answer.extend(document.routing.clone().map(|routing| ("_routing", Part::Text(routing))));
    answer.push(("found", Part::Flag(true)));
    answer.extend(shown.map(|source| ("_source", Part::Source(source))));
    Part::Object(answer)
}

/// The same for a document that is not there.
pub(super) fn not_found(index: &Index, id: &str) -> Part {
    Part::Object(vec![
        ("_index", Part::Text(index.name().clone())),
        ("_id", Part::Text(Arc::from(id))),
        ("found", Part::Flag(false)),
    ])
}

/// `get_source` and `exists_source`: the document and nothing about it.
pub fn get_source(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let index = cluster.resolve_one(call.path("index"), call.now)?;
    let id = call.path("id");
    let shown = selection(call).unwrap_or_default();
    if shown == SourceFilter::None {
        return Err(Error::validation(&["fetching source can not be disabled".to_owned()]));
    }
    let Some(document) = index.get(id) else {
        return Err(Error::no_such_source(index.name(), id));
    };
    check_version(call, index, id, document)?;
    let shown = shown.shown(&document.source).unwrap_or_default();
    Ok(Reply::ok(Body::Tree(Part::Source(shown))))
}
