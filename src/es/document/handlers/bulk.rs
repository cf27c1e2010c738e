//! `bulk`: many writes in one call. Each has its own outcome; the call fails only if its text is wrong.
//!
//! Source: Elasticsearch 9.x, bulk request parser and transport bulk action.

use std::sync::Arc;

use serde_json::Value;

use super::{Store, StoreError, Update, WriteStage, pipeline_offence, read_back, token_of, told};
use crate::es::body::words::no_number;
use crate::es::document::source::Source;
use crate::es::document::store::{WriteEffect, WriteGuard};
use crate::es::error::{self, ApiError};
use crate::es::http::call::{BodyLine, Call, LineContent, Reply, long_in};
use crate::es::http::part::JsonPart;
use crate::es::index::handlers::lookup::{
    GuardGiven, check_patience, dot_warned, forces_refresh, id_offence, refuse, routing, selection, show,
};
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::es::search::source_filter::SourceFilter;
use crate::es::search::words;
use crate::es::store::Cluster;
use crate::json::{self, Position};

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verb {
    Index,
    Create,
    Update,
    Delete,
}

impl Verb {
    fn of(name: &str) -> Option<Verb> {
        match name {
            "index" => Some(Verb::Index),
            "create" => Some(Verb::Create),
            "update" => Some(Verb::Update),
            "delete" => Some(Verb::Delete),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Verb::Index => "index",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }
}

/// An action and its document.
struct BulkItem<'a> {
    verb: Verb,
    index: &'a str,
    id: Option<String>,
    routing: Option<String>,
    guard: WriteGuard,
    require_alias: bool,
    require_data_stream: bool,
    pipeline: Option<String>,
    /// Whether the answer tells the pipelines that the document went through.
    lists_pipelines: bool,
    shown: Option<SourceFilter>,
    line: Option<&'a BodyLine>,
    update: Option<Update>,
}

/// `bulk`.
pub(crate) fn bulk(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if !call.raw().ends_with(b"\n") {
        return Err(ApiError::bulk_without_newline());
    }
    check_patience(call)?;
    let refreshed = forces_refresh(call)?;
    let items = items(call)?;
    let mut failed = false;
    let is_ingested = items.iter().any(|item| !item.pipelines(cluster, call).is_empty());
    let mut outcomes = Vec::with_capacity(items.len());
    let mut made = Vec::new();
    for item in &items {
        let makes = cluster.makes(item.index, call.now);
        let outcome = match act(cluster, call, item, refreshed) {
            Ok(outcome) => outcome,
            Err(StoreError { at, error }) => {
                failed = true;
                // An id of the cluster's own making is there from the moment that the index is known.
                let id = match (&item.id, at) {
                    (Some(id), _) => JsonPart::Text(id.as_str().into()),
                    (None, WriteStage::Ingest) => JsonPart::Word("auto-generated"),
                    (None, WriteStage::Target) => JsonPart::Json(Value::Null),
                    (None, WriteStage::Shard(id)) => JsonPart::Text(id),
                };
                vec![
                    ("_index", JsonPart::Text(item.index.into())),
                    ("_id", id),
                    ("status", JsonPart::Number(error.status().into())),
                    ("error", JsonPart::Json(error.item())),
                ]
            }
        };
        if makes && !cluster.makes(item.index, call.now) {
            made.push(item.index);
        }
        outcomes.push(JsonPart::Object(vec![(item.verb.name(), JsonPart::Object(outcome))]));
    }
    // DIFFERENCE: a bulk takes no time that could be told; the clock stands still during a call.
    let mut answer = vec![("errors", JsonPart::Flag(failed)), ("took", JsonPart::Number(0))];
    if is_ingested {
        answer.push(("ingest_took", JsonPart::Number(0)));
    }
    answer.push(("items", JsonPart::List(outcomes)));
    Ok(dot_warned(Reply::tree(answer), call, made))
}

impl BulkItem<'_> {
    /// The pipelines that its document goes through.
    fn pipelines<'a>(&'a self, cluster: &'a Cluster, call: &Call) -> Vec<&'a str> {
        if !matches!(self.verb, Verb::Index | Verb::Create) {
            return Vec::new();
        }
        let index = cluster.resolve_one(self.index, call.now).ok();
        let own = |name| index.and_then(|index| index.setting(name));
        let names = [self.pipeline.as_deref().or(own("default_pipeline")), own("final_pipeline")];
        names.into_iter().flatten().filter(|name| *name != "_none").collect()
    }
}

fn act(
    cluster: &mut Cluster,
    call: &Call,
    item: &BulkItem<'_>,
    refreshed: bool,
) -> Result<Vec<(&'static str, JsonPart)>, StoreError> {
    let at = |at| move |error: ApiError| StoreError { at, error };
    let target = |refusal: Refusal| at(WriteStage::Target)(refusal.into());
    let id = item.id.as_deref().unwrap_or_default();
    let shard = |refusal: Refusal| at(WriteStage::Shard(id.into()))(refusal.into());
    if item.require_data_stream && matches!(item.verb, Verb::Update) {
        return Err(target(IndexRefusal::NoDataStream { name: item.index.to_owned() }.into()));
    }
    let pipelines = item
        .lists_pipelines
        .then(|| item.pipelines(cluster, call).into_iter().map(|name| JsonPart::Text(name.into())).collect::<Vec<_>>());
    let routing = cluster.routing_of(item.index, item.routing.as_deref()).map_err(target)?;
    let routing = routing.as_deref();
    let mut read = None;
    let written = match (item.verb, &item.update, item.line) {
        // A delete makes an index only where its version is counted elsewhere and has to be remembered.
        (Verb::Delete, ..) => {
            let index = match item.guard.version {
                None => cluster.existing_index_to_write(item.index, call.now),
                Some(_) => cluster.index_to_write(item.index, item.require_alias, call.now),
            };
            let index = index.map_err(target)?;
            index.check_routing(id, routing).map_err(shard)?;
            index.remove_at(id, item.guard, routing).map_err(shard)?
        }
        (Verb::Update, Some(update), _) => {
            let index = cluster.index_to_write(item.index, item.require_alias, call.now).map_err(target)?;
            index.check_routing(id, routing).map_err(shard)?;
            let written = index.apply(id, &update.asked, item.guard.condition, routing).map_err(shard)?;
            read = item.shown.as_ref().and_then(|shown| read_back(index, id, shown));
            written
        }
        (_, _, Some(line)) => {
            let asked = Store {
                index: item.index,
                id: item.id.as_deref(),
                guard: item.guard,
                routing,
                require_alias: item.require_alias,
                require_data_stream: item.require_data_stream,
                pipeline: item.pipeline.as_deref(),
            };
            asked.try_to_store(cluster, line, call)?
        }
        _ => return Err(at(WriteStage::Target)(ApiError::bug("a bulk action without its document"))),
    };
    show(cluster, call, &written.index);
    let status = match written.effect {
        WriteEffect::Created => 201,
        WriteEffect::NotFound => 404,
        _ => 200,
    };
    let mut outcome = told(written, refreshed);
    outcome.extend(read.map(|read| ("get", read)));
    if let (Verb::Index | Verb::Create, Some(pipelines)) = (item.verb, pipelines) {
        outcome.push(("executed_pipelines", JsonPart::List(pipelines)));
    }
    outcome.push(("status", JsonPart::Number(status)));
    Ok(outcome)
}

/// The actions of the body. Whatever is wrong with the text refuses the whole call.
fn items<'a>(call: &'a Call<'_>) -> Result<Vec<BulkItem<'a>>, ApiError> {
    let mut items = Vec::with_capacity(call.parsed.lines.len() / 2);
    let mut messages = Vec::new();
    let mut lines = call.parsed.lines.iter();
    let mut number = 0;
    let selection = selection(call);
    while let Some(line) = lines.next() {
        number += 1;
        if matches!(line.content, LineContent::Blank) {
            continue;
        }
        let (verb, members) = action(line, number)?;
        if let Some(shown) = members.get("_source") {
            check_source(line, verb, shown, number)?;
        }
        let source =
            if verb == Verb::Delete { None } else { Some(lines.next().ok_or_else(ApiError::bulk_without_source)?) };
        items.push(item(call, verb, members, source, number, &selection, &mut messages)?);
        number += usize::from(source.is_some());
    }
    if items.is_empty() {
        messages.push("no requests added".to_owned());
    }
    refuse(&messages)?;
    Ok(items)
}

/// Refuses what says nothing of what is shown of a document.
///
/// Source: Elasticsearch 9.x, bulk request parser and fetch source context.
fn check_source(line: &BodyLine, verb: Verb, shown: &Value, number: usize) -> Result<(), ApiError> {
    let pointer = format!("/{}/_source", verb.name());
    let place = |pointer: &str| json::locate(&line.text, pointer, false).unwrap_or(Position::START);
    match shown {
        Value::Array(_) => Err(ApiError::bulk_parameter_type(number, "START_ARRAY", "_source")),
        Value::Number(_) => Err(ApiError::parse(words::bad_source(place(&pointer), token_of(shown)))),
        Value::Object(members) => {
            let is_wrong = |name: &str, value: &Value| match name {
                "exclude_vectors" => !value.is_boolean(),
                "include" | "includes" | "exclude" | "excludes" => !value.is_string() && !value.is_array(),
                _ => true,
            };
            for (name, value) in members {
                let items = value.as_array().map_or(&[][..], Vec::as_slice);
                let wrong = items.iter().position(|item| !item.is_string());
                let (pointer, value) = match wrong {
                    _ if is_wrong(name, value) => (format!("{pointer}/{name}"), value),
                    Some(at) => (format!("{pointer}/{name}/{at}"), &items[at]),
                    None => continue,
                };
                return Err(ApiError::parse(words::unknown_key(place(&pointer), token_of(value), name)));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The verb of an action line, and its members.
fn action(line: &BodyLine, number: usize) -> Result<(Verb, &Value), ApiError> {
    let source: &Arc<Source> = match &line.content {
        LineContent::Object(source) => source,
        // What is no object was read as a document; as an action it is told otherwise.
        _ => {
            return Err(match json::read(&line.text) {
                Err(wrong) => ApiError::parse(error::syntax(&wrong)),
                Ok(Some(Value::Array(_))) => ApiError::bulk_action(number, "START_OBJECT", "START_ARRAY"),
                Ok(Some(Value::String(_))) => ApiError::bulk_action(number, "START_OBJECT", "VALUE_STRING"),
                Ok(Some(Value::Number(_))) => ApiError::bulk_action(number, "START_OBJECT", "VALUE_NUMBER"),
                Ok(Some(Value::Bool(_))) => ApiError::bulk_action(number, "START_OBJECT", "VALUE_BOOLEAN"),
                Ok(_) => ApiError::bulk_action(number, "START_OBJECT", "VALUE_NULL"),
            });
        }
    };
    let mut members = source.iter();
    let Some((name, value)) = members.next() else {
        return Err(ApiError::bulk_action(number, "FIELD_NAME", "END_OBJECT"));
    };
    let verb = Verb::of(name).ok_or_else(|| ApiError::bulk_unknown_action(number, name))?;
    if !value.is_object() {
        return Err(ApiError::bulk_action(number, "START_OBJECT or END_OBJECT", token_of(value)));
    }
    // DIFFERENCE: Elasticsearch 8, and 9 for a client of version 8, take a second member of an action's line, and what stands behind it, with a warning.
    if members.next().is_some() {
        return Err(ApiError::bulk_action(number, "END_OBJECT", "FIELD_NAME"));
    }
    match line.has_more.then(|| json::token_after(&line.text)) {
        None | Some(Ok(None)) => Ok((verb, value)),
        Some(Ok(Some(_))) => Err(ApiError::bulk_action_goes_on(number)),
        Some(Err(wrong)) => Err(ApiError::parse(error::syntax(&wrong))),
    }
}

/// What an action asks for, its members read and held against each other.
fn item<'a>(
    call: &'a Call,
    verb: Verb,
    members: &'a Value,
    line: Option<&'a BodyLine>,
    number: usize,
    selection: &Option<SourceFilter>,
    messages: &mut Vec<String>,
) -> Result<BulkItem<'a>, ApiError> {
    let mut item = BulkItem {
        verb,
        index: call.path("index"),
        id: None,
        routing: routing(call).map(str::to_owned),
        guard: WriteGuard::default(),
        require_alias: call.switch("require_alias"),
        require_data_stream: call.switch("require_data_stream"),
        pipeline: call.query("pipeline").map(str::to_owned),
        lists_pipelines: call.switch("list_executed_pipelines"),
        shown: selection.clone(),
        line,
        update: None,
    };
    let mut terms = WriteTerms::default();
    for (name, value) in members.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        item.take(name, value, number, &mut terms)?;
    }
    let WriteTerms { mut given, retries } = terms;
    if verb == Verb::Update && (given.version.is_some() || given.version_type.is_some_and(|kind| kind != "internal")) {
        return Err(ApiError::bulk_update_with_version());
    }
    let update = match (item.verb, line.map(|line| (&line.content, line))) {
        (Verb::Update, Some((LineContent::Object(source), line))) => Some(Update::read(source.iter(), &line.text)?),
        (Verb::Update, Some((_, line))) => return Err(Update::no_object(&line.text)),
        _ => None,
    };
    if let Some(update) = &update {
        given = update.given(given);
    }
    if item.index.is_empty() {
        messages.push("index is missing".to_owned());
    }
    item.guard = given.guard(item.verb == Verb::Create, item.id.is_some(), messages)?;
    if item.id.as_deref().is_none_or(str::is_empty) && matches!(item.verb, Verb::Update | Verb::Delete) {
        messages.push("id is missing".to_owned());
    }
    messages.extend(item.id.as_deref().and_then(id_offence));
    if matches!(item.verb, Verb::Index | Verb::Create) {
        messages.extend(pipeline_offence(item.pipeline.as_deref()));
    }
    if let Some(update) = update {
        update.check(item.guard, retries, messages);
        item.shown = item.shown.or(update.shown.clone());
        item.update = Some(update);
    }
    Ok(item)
}

/// Under which terms an action wants to write.
#[derive(Default)]
struct WriteTerms<'a> {
    given: GuardGiven<'a>,
    /// Whether it is to be tried again after a conflict.
    retries: bool,
}

impl<'a> BulkItem<'a> {
    /// Takes a member of an action's line, which is not null.
    fn take(
        &mut self,
        name: &str,
        value: &'a Value,
        number: usize,
        terms: &mut WriteTerms<'a>,
    ) -> Result<(), ApiError> {
        let text = || match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        };
        let number_of = || match (long_in(value), value) {
            (None, Value::String(text)) => Err(ApiError::parse(no_number(text))),
            (number, _) => Ok(number),
        };
        let switch = || match value {
            Value::Bool(switch) => Ok(*switch),
            Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
            other => Err(ApiError::bad_boolean(&text().unwrap_or_else(|| other.to_string()))),
        };
        match name {
            "_source" => self.shown = SourceFilter::read(value),
            "dynamic_templates" => {
                return Err(ApiError::unsupported("dynamic templates", "map the fields of the index before"));
            }
            _ if value.is_object() || value.is_array() => {
                let found = if value.is_object() { "START_OBJECT" } else { "START_ARRAY" };
                return Err(ApiError::bulk_parameter_type(number, found, name));
            }
            "_index" => match value.as_str() {
                Some(index) => self.index = index,
                None => return Err(ApiError::unsupported("a name of an index that is no text", "put it into quotes")),
            },
            "_id" => self.id = text(),
            "routing" => self.routing = text().filter(|routing| !routing.is_empty()),
            "pipeline" => self.pipeline = text(),
            "require_alias" => self.require_alias = switch()?,
            "if_seq_no" => terms.given.if_seq_no = number_of()?,
            "if_primary_term" => terms.given.if_primary_term = number_of()?,
            "version" => terms.given.version = number_of()?,
            "version_type" => match value.as_str() {
                Some(kind) => terms.given.version_type = Some(kind),
                None => return Err(ApiError::unknown_version_type(&value.to_string())),
            },
            "retry_on_conflict" => terms.retries = number_of()?.is_some_and(|times| times > 0),
            // It is read of every action, and means something for one.
            "op_type" if self.verb == Verb::Index && value == "create" => self.verb = Verb::Create,
            "op_type" => {}
            "require_data_stream" => self.require_data_stream = switch()?,
            "list_executed_pipelines" => self.lists_pipelines = switch()?,
            unknown => return Err(ApiError::bulk_unknown_parameter(number, unknown)),
        }
        Ok(())
    }
}
