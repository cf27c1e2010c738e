//! `_doc`, `_create`, `_source` and `_update`: one document at a time.

pub(crate) mod bulk;
pub(crate) mod mget;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::es::body::schema::split_list;
use crate::es::document::rules::Amendment;
use crate::es::document::source::{Source, StoredDocument};
use crate::es::document::store::{Index, PRIMARY_TERM, WriteDone, WriteEffect, WriteGuard};
use crate::es::error::{self, ApiError};
use crate::es::http::call::{AnswerBody, BodyLine, Call, LineContent, Reply, long_in};
use crate::es::http::part::JsonPart;
use crate::es::index::handlers::lookup::{
    GuardGiven, INTERNAL_VERSION, check_patience, dot_warned, forces_refresh, id_offence, refuse, routing, selection,
    show,
};
use crate::es::ingest::PipelineTarget;
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::es::search::request::{preference, vector_rule};
use crate::es::search::source_filter::SourceFilter;
use crate::es::store::Cluster;
use crate::json::{self, Position};
use crate::target;

// ── writing ───────────────────────────────────────────────────────────────────────────────────────

/// `index`: stores a document whole; without an id, under a new one.
pub(crate) fn index(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let create = match call.query("op_type").map(|word| (word, word.to_lowercase())) {
        // An id of the cluster's own making is never there yet.
        None => call.path("id").is_empty(),
        Some((_, word)) if word == "index" => false,
        Some((_, word)) if word == "create" => true,
        Some((given, _)) => return Err(ApiError::unknown_op_type(given)),
    };
    write(cluster, call, create)
}

/// `create`: stores a document if there is none.
pub(crate) fn create(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if let Some(word) = call.query("op_type").filter(|word| word.to_lowercase() != "create") {
        return Err(ApiError::no_create(word));
    }
    write(cluster, call, true)
}

fn write(cluster: &mut Cluster, call: &Call, create: bool) -> Result<Reply, ApiError> {
    check_patience(call)?;
    let refreshed = forces_refresh(call)?;
    let id = Some(call.path("id")).filter(|id| !id.is_empty());
    let mut messages = Vec::new();
    let guard = GuardGiven::of(call).guard(create, id.is_some(), &mut messages)?;
    messages.extend(id.and_then(id_offence));
    messages.extend(pipeline_offence(call.query("pipeline")));
    refuse(&messages)?;
    let Some(line) = call.parsed.lines.first() else {
        return Err(ApiError::body_required());
    };
    let asked = Store {
        index: call.path("index"),
        id,
        guard,
        routing: routing(call),
        require_alias: call.switch("require_alias"),
        require_data_stream: call.switch("require_data_stream"),
        pipeline: call.query("pipeline"),
    };
    let makes = cluster.makes(asked.index, call.now);
    let routing = cluster.routing_of(asked.index, asked.routing)?;
    let asked = Store { routing: routing.as_deref(), ..asked };
    let written = asked.store(cluster, line, call)?;
    show(cluster, call, &written.index);
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
    pub guard: WriteGuard,
    pub routing: Option<&'a str>,
    pub require_alias: bool,
    pub require_data_stream: bool,
    /// The ingest pipeline that the document goes through, instead of the index's own.
    pub pipeline: Option<&'a str>,
}

/// A document that was not stored, and how far it came: that decides under which id its refusal is told.
#[derive(Debug)]
pub(super) struct StoreError {
    /// How far it came.
    pub at: WriteStage,
    /// Why.
    pub error: ApiError,
}

/// How far a document came.
#[derive(Clone, Debug)]
pub(super) enum WriteStage {
    /// To its pipelines.
    Ingest,
    /// To the name of its index.
    Target,
    /// To its index, under this id.
    Shard(Arc<str>),
}

impl Store<'_> {
    /// Stores what a line says.
    pub(crate) fn store(self, cluster: &mut Cluster, line: &BodyLine, call: &Call) -> Result<WriteDone, ApiError> {
        self.try_to_store(cluster, line, call).map_err(|unstored| unstored.error)
    }

    /// Stores what a line says, and says of a document that was not stored how far it came.
    pub(crate) fn try_to_store(
        self,
        cluster: &mut Cluster,
        line: &BodyLine,
        call: &Call,
    ) -> Result<WriteDone, StoreError> {
        let unstored = |at| move |error: ApiError| StoreError { at, error };
        // An id of the cluster's own making has never been used.
        let id: Arc<str> = match self.id {
            Some(id) => Arc::from(id),
            None => Arc::from(cluster.next_id()),
        };
        let at_shard = || WriteStage::Shard(id.clone());
        let source = match &line.content {
            LineContent::Object(source) => source.clone(),
            LineContent::Broken(error) => return Err(unstored(at_shard())(error.clone())),
            LineContent::Blank => return Err(unstored(at_shard())(ApiError::empty_document())),
        };
        let source = self.ingested(cluster, source, line, call).map_err(unstored(WriteStage::Ingest))?;
        if self.require_data_stream {
            let refusal = IndexRefusal::NoDataStream { name: self.index.to_owned() };
            return Err(unstored(WriteStage::Target)(refusal.into()));
        }
        let index = cluster.index_to_write(self.index, self.require_alias, call.now);
        // A block is met on the shard.
        let stage = |refusal: &Refusal| match refusal {
            Refusal::Shelf(IndexRefusal::Blocked { .. }) => at_shard(),
            _ => WriteStage::Target,
        };
        let index = index.map_err(|refusal| unstored(stage(&refusal))(refusal.into()))?;
        if id.is_empty() {
            return Err(unstored(at_shard())(ApiError::empty_id()));
        }
        index
            .check_routing(&id, self.routing)
            .and_then(|()| index.store(id.clone(), source, self.guard, self.routing))
            .map_err(|refusal| unstored(at_shard())(located(refusal, &line.text)))
    }

    /// The document after its pipelines: the one that the call names, else the index's own, and then the
    /// index's last one.
    fn ingested(
        self,
        cluster: &Cluster,
        source: Arc<Source>,
        line: &BodyLine,
        call: &Call,
    ) -> Result<Arc<Source>, ApiError> {
        let index = cluster.resolve_one(self.index, call.now).ok();
        let own = |name| index.and_then(|index| index.setting(name));
        let names: Vec<&str> =
            [self.pipeline.or(own("default_pipeline")), own("final_pipeline")].into_iter().flatten().collect();
        if names.is_empty() {
            // A pipeline would leave behind whatever follows the document.
            line.ends()?;
            return Ok(source);
        }
        let address = PipelineTarget { index: index.map_or(self.index, |index| index.name()), id: self.id };
        Ok(Arc::new(cluster.pipelines().run(&names, &source, address, call.now)?))
    }
}

/// A refusal that tells a value's place in the text as the client sent it.
fn located(refusal: Refusal, text: &[u8]) -> ApiError {
    match refusal {
        Refusal::Shelf(refusal) => refusal.located_in(text).into(),
        other => other.into(),
    }
}

/// The answer to a write.
pub(super) fn told(written: WriteDone, refreshed: bool) -> Vec<(&'static str, JsonPart)> {
    let mut answer = Vec::with_capacity(9);
    answer.push(("_index", JsonPart::Text(written.index)));
    answer.push(("_id", JsonPart::Text(written.id)));
    answer.push(("_version", JsonPart::Number(written.version)));
    answer.push(("result", JsonPart::Word(written.effect.name())));
    if refreshed && written.effect != WriteEffect::Noop {
        answer.push(("forced_refresh", JsonPart::Flag(true)));
    }
    answer.push(("_shards", JsonPart::Shards { total: written.copies, successful: written.copies.min(1) }));
    answer.push(("_seq_no", JsonPart::Number(written.seq_no)));
    answer.push(("_primary_term", JsonPart::Number(PRIMARY_TERM)));
    answer
}

/// Where a new document is found. A blank in its id is a plus sign, as Java encodes it.
fn location(written: &WriteDone, routing: Option<&str>) -> String {
    let routing = routing.map(|routing| format!("?routing={}", encoded(routing))).unwrap_or_default();
    format!("/{}/_doc/{}{routing}", encoded(&written.index), encoded(&written.id))
}

fn encoded(text: &str) -> String {
    target::encoded(text, target::FORM).replace(' ', "+")
}

/// `delete`. A document that is not there is 404, and a write all the same.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    check_patience(call)?;
    let refreshed = forces_refresh(call)?;
    let mut messages = Vec::new();
    let guard = GuardGiven::of(call).guard(false, true, &mut messages)?;
    refuse(&messages)?;
    let routing = cluster.routing_of(call.path("index"), routing(call))?;
    // A version that is counted elsewhere has to be remembered, and if it takes an index.
    let index = match guard.version {
        None => cluster.existing_index_to_write(call.path("index"), call.now)?,
        Some(_) => cluster.index_to_write(call.path("index"), false, call.now)?,
    };
    index.check_routing(call.path("id"), routing.as_deref())?;
    let written = index.remove_at(call.path("id"), guard, routing.as_deref())?;
    show(cluster, call, &written.index);
    let status = if written.effect == WriteEffect::NotFound { 404 } else { 200 };
    Ok(Reply { status, ..Reply::tree(told(written, refreshed)) })
}

/// `update`: merges fields into a document, or stores one if there is none.
pub(crate) fn update(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    check_patience(call)?;
    let refreshed = forces_refresh(call)?;
    if call.query("version").or(call.query("version_type")).is_some() {
        return Err(ApiError::validation(&[INTERNAL_VERSION.to_owned()]));
    }
    let mut update = match call.json() {
        Some(Value::Object(members)) => {
            Update::read(members.iter().map(|(name, value)| (name.as_str(), value)), call.raw())?
        }
        _ => return Err(Update::no_object(call.raw())),
    };
    update.says_upsert.get_or_insert(call.switch("doc_as_upsert"));
    update.asked.doc_as_upsert = update.says_upsert == Some(true);
    let mut messages = Vec::new();
    let guard = update.given(GuardGiven::of(call)).guard(false, true, &mut messages)?;
    update.check(guard, call.count("retry_on_conflict", 0) > 0, &mut messages);
    refuse(&messages)?;
    let shown = update.shown.clone().or_else(|| selection(call));
    let name = call.path("index");
    let makes = cluster.makes(name, call.now);
    let routing = cluster.routing_of(name, routing(call))?;
    let routing = routing.as_deref();
    let index = cluster.index_to_write(name, call.switch("require_alias"), call.now)?;
    let id = call.path("id");
    index.check_routing(id, routing)?;
    let written = index.apply(id, &update.asked, guard.condition, routing)?;
    let status = if written.is_new() { 201 } else { 200 };
    let location = written.is_new().then(|| location(&written, routing));
    let shown = shown.and_then(|shown| read_back(index, id, &shown));
    show(cluster, call, &written.index);
    let mut answer = told(written, refreshed);
    answer.extend(shown.map(|shown| ("get", shown)));
    let reply = Reply { status, location, ..Reply::tree(answer) };
    Ok(dot_warned(reply, call, makes.then_some(name)))
}

/// The document after an update, as the answer to it shows it; none if it is not to be shown.
pub(super) fn read_back(index: &Index, id: &str, shown: &SourceFilter) -> Option<JsonPart> {
    let document = index.get(id)?;
    Some(JsonPart::Object(vec![
        ("_seq_no", JsonPart::Number(document.seq_no)),
        ("_primary_term", JsonPart::Number(PRIMARY_TERM)),
        ("found", JsonPart::Flag(true)),
        ("_source", JsonPart::Source(shown.shown(&document.source)?)),
    ]))
}

/// The body of an update.
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub asked: Amendment,
    pub shown: Option<SourceFilter>,
    /// Whether the body says if `doc` is what to store where there is nothing.
    pub says_upsert: Option<bool>,
    if_seq_no: Option<i64>,
    if_primary_term: Option<i64>,
}

impl Update {
    const PARSER: &str = "UpdateRequest";

    /// What the parser says to a body that is no object.
    pub(crate) fn no_object(text: &[u8]) -> ApiError {
        match json::read(text) {
            Err(wrong) => ApiError::parse(error::syntax(&wrong)),
            Ok(body) => {
                let token = token_of(&body.unwrap_or_default());
                ApiError::parse(error::expected_object(
                    Position { offset: 0, line: 1, column: 1 },
                    Update::PARSER,
                    token,
                ))
            }
        }
    }

    /// Reads the members of the body of an update.
    pub(crate) fn read<'a>(
        members: impl Iterator<Item = (&'a str, &'a Value)>,
        text: &[u8],
    ) -> Result<Update, ApiError> {
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
        let mut update = Update { asked, shown: None, says_upsert: None, if_seq_no: None, if_primary_term: None };
        for (name, value) in members {
            let wrong =
                || ApiError::parse(error::wrong_token(place(name, false), Update::PARSER, name, token_of(value)));
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
                "doc_as_upsert" => {
                    update.asked.doc_as_upsert = switch()?;
                    update.says_upsert = Some(update.asked.doc_as_upsert);
                }
                "detect_noop" => update.asked.detect_noop = switch()?,
                "_source" => update.shown = Some(SourceFilter::read(value).ok_or_else(wrong)?),
                "script" | "scripted_upsert" => return Err(ApiError::scripts()),
                "if_seq_no" => update.if_seq_no = Some(long_in(value).ok_or_else(wrong)?),
                "if_primary_term" => update.if_primary_term = Some(long_in(value).ok_or_else(wrong)?),
                unknown => {
                    return Err(ApiError::parse(error::unknown_field(
                        place(name, true),
                        Update::PARSER,
                        unknown,
                        FIELDS,
                    )));
                }
            }
        }
        Ok(update)
    }

    /// What the update must find: what the body says of it goes before what is given beside it.
    pub(crate) fn given<'a>(&self, beside: GuardGiven<'a>) -> GuardGiven<'a> {
        GuardGiven {
            if_seq_no: self.if_seq_no.or(beside.if_seq_no),
            if_primary_term: self.if_primary_term.or(beside.if_primary_term),
            ..beside
        }
    }

    /// What Elasticsearch's validation says against the update.
    pub(crate) fn check(&self, guard: WriteGuard, retries: bool, messages: &mut Vec<String>) {
        let asked = &self.asked;
        if guard.condition.is_some() && retries {
            messages.push("compare and write operations can not be retried".to_owned());
        }
        if guard.condition.is_some() && asked.doc_as_upsert {
            messages.push("compare and write operations can not be used with upsert".to_owned());
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

/// What Elasticsearch says to the name of a pipeline that has no letter; none if it will do.
pub(super) fn pipeline_offence(pipeline: Option<&str>) -> Option<String> {
    pipeline.filter(|name| name.is_empty()).map(|_| "pipeline cannot be an empty string".to_owned())
}

/// The name of the token that begins a value.
pub(crate) fn token_of(value: &Value) -> &'static str {
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

/// The index that a read of one document goes to, refreshed before if the read wants that.
pub(super) fn read_from<'c>(cluster: &'c mut Cluster, call: &Call, name: &str) -> Result<&'c Index, ApiError> {
    preference(call.query("preference"))?;
    if call.switch("refresh") {
        let name = cluster.resolve_one(name, call.now)?.name().clone();
        cluster.index_mut(&name).into_iter().for_each(Index::refresh);
    }
    Ok(cluster.resolve_one(name, call.now)?)
}

/// The document with that id, as it is; as a search sees it if the read does not want to be up to date. It is not
/// there for a routing that leads to another shard.
pub(super) fn found_at<'c>(
    index: &'c Index,
    call: &Call,
    id: &str,
    routing: Option<&str>,
) -> Option<&'c StoredDocument> {
    let found = match call.query("realtime") {
        Some("false") => index.seen(call.now).entry(id).map(|(_, document)| document),
        _ => index.get(id),
    };
    found.filter(|document| index.is_beside(id, routing, document.routing.as_deref()))
}

/// `get` and `exists`.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let expected = Expected::of(call)?;
    let routing = cluster.routing_of(call.path("index"), routing(call))?;
    let index = read_from(cluster, call, call.path("index"))?;
    let id = call.path("id");
    let stored = call.query("stored_fields").map(|names| split_list(names).collect::<Vec<_>>());
    let shown = beside_stored(index, selection(call), stored.as_deref())?;
    index.check_routing(id, routing.as_deref())?;
    match found_at(index, call, id, routing.as_deref()) {
        Some(document) => {
            expected.check(index, id, document)?;
            let shown = visible(index, call, &shown).shown(&document.source);
            Ok(Reply::ok(AnswerBody::Tree(found(index, id, document, shown))))
        }
        None => Ok(Reply { status: 404, ..Reply::ok(AnswerBody::Tree(not_found(index, id))) }),
    }
}

/// What is shown of a document, without the vectors that its index leaves out.
pub(super) fn visible<'f>(index: &Index, call: &Call, shown: &'f SourceFilter) -> Cow<'f, SourceFilter> {
    match index.mapping().vectors() {
        [] => Cow::Borrowed(shown),
        _ if !vector_rule(call).leaves_out(&index.design.settings) => Cow::Borrowed(shown),
        vectors => shown.without(vectors),
    }
}

/// What is shown of a source beside fields that the index keeps apart from it, of which there are none: nothing,
/// unless it is asked for too.
///
/// Source: Elasticsearch 9.x, shard get service.
pub(super) fn beside_stored(
    index: &Index,
    selection: Option<SourceFilter>,
    stored: Option<&[&str]>,
) -> Result<SourceFilter, ApiError> {
    let Some(names) = stored else { return Ok(selection.unwrap_or_default()) };
    let is_stored = |name: &&&str| index.mapping().field(name).is_some_and(|field| field.is_stored());
    if let Some(name) = names.iter().find(is_stored) {
        let what = format!("the stored field [{name}]");
        return Err(ApiError::unsupported(&what, "ask for it with `_source_includes`"));
    }
    Ok(selection.unwrap_or(if names.contains(&"_source") { SourceFilter::All } else { SourceFilter::None }))
}

/// The version that a reader expects, if it says one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected(Option<u64>);

impl Expected {
    /// What the query of a read says.
    fn of(call: &Call) -> Result<Expected, ApiError> {
        let mut messages = Vec::new();
        let given = call.query("version").and_then(|text| text.parse().ok());
        let expected = Expected::read(given, call.query("version_type"), &mut messages)?;
        refuse(&messages)?;
        Ok(expected)
    }

    /// What a version and its type say. Of a read the types differ in name only.
    ///
    /// Source: Elasticsearch 9.x, version types: conflicts of reads.
    pub(crate) fn read(
        version: Option<i64>,
        kind: Option<&str>,
        messages: &mut Vec<String>,
    ) -> Result<Expected, ApiError> {
        let name = match kind {
            None | Some("internal") => "INTERNAL",
            Some("external" | "external_gt") => "EXTERNAL",
            Some("external_gte") => "EXTERNAL_GTE",
            Some(other) => return Err(ApiError::unknown_version_type(other)),
        };
        let given = version.filter(|version| *version != -3);
        if let Some(version) = given.filter(|version| *version < 0) {
            messages.push(format!("illegal version value [{version}] for version type [{name}]"));
        }
        Ok(Expected(given.and_then(|version| u64::try_from(version).ok())))
    }

    /// Whether the document has that version.
    ///
    /// # Errors
    /// When it has another one.
    pub(crate) fn check(self, index: &Index, id: &str, document: &StoredDocument) -> Result<(), ApiError> {
        match self.0.filter(|version| *version != document.version) {
            Some(given) => Err(ApiError::read_conflict(id, document.version, given, index.name(), index.uuid())),
            None => Ok(()),
        }
    }
}

/// A document as `get` and `mget` show it.
pub(super) fn found(index: &Index, id: &str, document: &StoredDocument, shown: Option<Arc<Source>>) -> JsonPart {
    let mut answer = vec![
        ("_index", JsonPart::Text(index.name().clone())),
        ("_id", JsonPart::Text(Arc::from(id))),
        ("_version", JsonPart::Number(document.version)),
        ("_seq_no", JsonPart::Number(document.seq_no)),
        ("_primary_term", JsonPart::Number(PRIMARY_TERM)),
    ];
    answer.extend(document.routing.clone().map(|routing| ("_routing", JsonPart::Text(routing))));
    answer.push(("found", JsonPart::Flag(true)));
    answer.extend(shown.map(|source| ("_source", JsonPart::Source(source))));
    JsonPart::Object(answer)
}

/// A document that is not there, as `get` and `mget` show it.
pub(super) fn not_found(index: &Index, id: &str) -> JsonPart {
    JsonPart::Object(vec![
        ("_index", JsonPart::Text(index.name().clone())),
        ("_id", JsonPart::Text(Arc::from(id))),
        ("found", JsonPart::Flag(false)),
    ])
}

/// `get_source` and `exists_source`: the document and nothing about it.
pub(crate) fn get_source(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let expected = Expected::of(call)?;
    let routing = cluster.routing_of(call.path("index"), routing(call))?;
    let index = read_from(cluster, call, call.path("index"))?;
    let id = call.path("id");
    let shown = selection(call).unwrap_or_default();
    if shown == SourceFilter::None {
        return Err(ApiError::validation(&["fetching source can not be disabled".to_owned()]));
    }
    index.check_routing(id, routing.as_deref())?;
    let Some(document) = found_at(index, call, id, routing.as_deref()) else {
        return Err(ApiError::no_such_source(index.name(), id));
    };
    expected.check(index, id, document)?;
    let shown = visible(index, call, &shown).shown(&document.source).unwrap_or_default();
    Ok(Reply::ok(AnswerBody::Tree(JsonPart::Source(shown))))
}
