//! [`Unshown`]: writes that no refresh has shown yet, and searches whose answers depend on one.
//!
//! Elasticsearch's searches see what the last refresh has shown. A client that searches for what it has just
//! written is green on a mock that shows it at once, and fails now and then in production. A write is known to be
//! shown once somebody refreshes its index, or the index has had the time to do so itself. Whether an answer
//! depends on a write is only said where it is certain: a hit is the document, or the query plainly matches it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::heard::ObservedCall;
use super::rules::{RuleFinding, hms};
use super::story::CallRef;
use crate::clock::parse_duration;
use crate::es::document::lag::REFRESH_INTERVAL;
use crate::es::document::source::Source;
use crate::es::http::call::BodyLine;
use crate::es::http::part::JsonPart;
use crate::es::search::query::text::{lower, words};
use crate::limits::{JUDGE_UNSHOWN_INDICES_MAX, JUDGE_UNSHOWN_MAX};
use crate::wildcard::WildcardPattern;

/// Writes that no refresh has shown yet, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unshown {
    indices: BTreeMap<Arc<str>, Pending>,
    /// How often indices are refreshed by themselves, where somebody has said so: none is never.
    intervals: BTreeMap<String, Option<Duration>>,
}

/// The writes of one index.
#[derive(Clone, Debug, Default)]
struct Pending {
    writes: Vec<PastWrite>,
    /// The last write of each document; only that one counts.
    last: BTreeMap<Arc<str>, usize>,
    /// Whether a search that depends on them has been told.
    told: bool,
}

/// A write that was done.
#[derive(Clone, Debug)]
struct PastWrite {
    mark: CallRef,
    id: Arc<str>,
    effect: DocumentEffect,
    /// The call, and which of its items it was.
    call: Arc<Writing>,
    item: usize,
    /// The fields that it wrote, and whether they are all that the document has, once somebody has asked.
    fields: OnceLock<Option<(Map<String, Value>, bool)>>,
}

/// A call that wrote something.
#[derive(Debug)]
struct Writing {
    operation: &'static str,
    /// The method and path, as they may be told.
    told: String,
    body: Bytes,
    /// Of each item of a bulk the text of its document, and whether it is an update, once somebody has asked.
    items: OnceLock<Vec<(Bytes, bool)>>,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DocumentEffect {
    Created,
    Updated,
    Deleted,
}

/// What an answer says of one write.
struct WriteTold {
    index: Arc<str>,
    id: Arc<str>,
    effect: DocumentEffect,
}

impl Unshown {
    /// What is wrong with a read, if its answer depends on what no refresh has shown.
    pub(super) fn read(&self, heard: &ObservedCall<'_>) -> Option<(RuleFinding, Vec<Arc<str>>)> {
        if self.indices.is_empty() || !heard.is_taken() || heard.enforced {
            return None;
        }
        // An answer is looked into only where a write waits in what was searched.
        let waits =
            |names: &str| self.indices.iter().any(|(index, it)| self.is_live(index, it, heard) && covers(names, index));
        let reads = match heard.operation? {
            "search" | "count" | "delete_by_query" | "update_by_query" if waits(heard.parameter("index")) => {
                vec![Look::of(heard)]
            }
            "msearch" if waits("") => Look::several(heard),
            "connector.list" if waits(shelf("list")) => vec![Look::list(heard, shelf("list"))],
            "connector.sync_job_list" if waits(shelf("sync_job_list")) => {
                vec![Look::list(heard, shelf("sync_job_list"))]
            }
            _ => return None,
        };
        for read in &reads {
            for (index, pending) in self.indices.iter().filter(|(index, pending)| !pending.told && read.covers(index)) {
                let interval = self.interval(index);
                let is_hidden = |write: &PastWrite| interval.is_none_or(|it| heard.at.since(write.mark.at) < it);
                let found = pending.writes.iter().enumerate().find(|(at, write)| {
                    is_hidden(write) && pending.last.get(&write.id) == Some(at) && read.depends_on(index, write)
                });
                if let Some((_, write)) = found {
                    let (method, path) = (heard.request.method(), heard.request.path());
                    let finding = RuleFinding::new(format!(
                        "{method} {path} depends on what {} has {} at {}, which no refresh has shown yet",
                        write.told(),
                        write.what(),
                        hms(write.mark.at),
                    ))
                    .with("expected", "a refresh between the write and the search")
                    .with("seen", "none")
                    .after(Some(write.mark))
                    .then("Elasticsearch answers without it until the index is refreshed");
                    return Some((finding, vec![index.clone()]));
                }
            }
        }
        None
    }

    /// Whether the last write to an index is still hidden, and no search has been told of.
    fn is_live(&self, index: &str, pending: &Pending, heard: &ObservedCall<'_>) -> bool {
        let Some(last) = pending.writes.last().filter(|_| !pending.told) else { return false };
        self.interval(index).is_none_or(|interval| heard.at.since(last.mark.at) < interval)
    }

    /// Notes that searches of an index have been told of.
    pub(super) fn told(&mut self, indices: &[Arc<str>]) {
        for index in indices {
            if let Some(pending) = self.indices.get_mut(index) {
                pending.told = true;
            }
        }
    }

    /// Takes in what a call has written or shown.
    pub(super) fn take(&mut self, heard: &ObservedCall<'_>) {
        let Some(operation) = heard.operation else { return };
        if let Some(call) = operation.strip_prefix("connector.") {
            // Each write of the Connector API refreshes its index.
            if !self.indices.is_empty() && heard.is_taken() && !matches!(call, "get" | "list" | "sync_job_get") {
                self.indices.remove(shelf(call));
            }
            return;
        }
        let kind = match operation {
            "bulk" | "index" | "create" | "update" | "delete" => UnshownKind::Write,
            "indices.refresh" | "indices.delete" => UnshownKind::Refresh,
            "delete_by_query" | "update_by_query" if refreshes(heard) => UnshownKind::Refresh,
            "indices.create" | "indices.put_settings" => UnshownKind::Settings,
            _ => return,
        };
        if !heard.is_taken() && !matches!(heard.status, 404) {
            return;
        }
        match kind {
            UnshownKind::Write => self.written(heard),
            UnshownKind::Refresh => {
                let names = heard.parameter("index");
                self.indices.retain(|index, _| !covers(names, index));
            }
            UnshownKind::Settings => self.set(heard),
        }
    }

    fn written(&mut self, heard: &ObservedCall<'_>) {
        let told = told(heard);
        if refreshes(heard) {
            told.iter().for_each(|told| drop(self.indices.remove(&told.index)));
            return;
        }
        let operation = match heard.operation {
            Some("bulk") => "bulk",
            Some("create") => "create",
            Some("update") => "update",
            Some("delete") => "delete",
            _ => "index",
        };
        let call = Arc::new(Writing {
            operation,
            told: [heard.request.method().as_str(), " ", heard.request.path()].concat(),
            body: heard.request.body().clone(),
            items: OnceLock::new(),
        });
        for (item, told) in told.into_iter().enumerate() {
            let WriteTold { index, id, effect } = told;
            if index.is_empty() {
                continue;
            }
            let interval = self.interval(&index);
            let is_full = self.indices.len() >= JUDGE_UNSHOWN_INDICES_MAX && !self.indices.contains_key(&index);
            if is_full {
                continue;
            }
            let pending = self.indices.entry(index).or_default();
            if let (Some(last), Some(interval)) = (pending.writes.last(), interval)
                && heard.at.since(last.mark.at) >= interval
            {
                *pending = Pending::default();
            }
            if pending.writes.len() < JUDGE_UNSHOWN_MAX {
                let mark = CallRef { seq: heard.seq, at: heard.at };
                pending.last.insert(id.clone(), pending.writes.len());
                pending.writes.push(PastWrite { mark, id, effect, call: call.clone(), item, fields: OnceLock::new() });
            }
        }
    }

    /// Takes in how often an index is refreshed by itself.
    fn set(&mut self, heard: &ObservedCall<'_>) {
        let Some(body) = heard.json() else { return };
        let settings = body.get("settings").unwrap_or(&body);
        let said = ["index.refresh_interval", "refresh_interval"].iter().find_map(|name| settings.get(name));
        let said = said.or_else(|| settings.pointer("/index/refresh_interval"));
        let interval = match said {
            None => return,
            Some(Value::Null) => Some(REFRESH_INTERVAL),
            Some(value) => match value.as_str() {
                Some("-1") => None,
                Some(text) => Some(parse_duration(text).unwrap_or(REFRESH_INTERVAL)),
                None => return,
            },
        };
        for name in heard.parameter("index").split(',').filter(|name| !name.is_empty()) {
            if self.intervals.len() < JUDGE_UNSHOWN_INDICES_MAX {
                self.intervals.insert(name.to_owned(), interval);
            }
        }
    }

    fn interval(&self, index: &str) -> Option<Duration> {
        self.intervals.get(index).copied().unwrap_or(Some(REFRESH_INTERVAL))
    }
}

enum UnshownKind {
    Write,
    Refresh,
    Settings,
}

/// The index that a call of the Connector API writes to.
fn shelf(call: &str) -> &'static str {
    match call.starts_with("sync_job_") {
        true => ".elastic-connectors-sync-jobs-v1",
        false => ".elastic-connectors-v1",
    }
}

/// Whether a call waits for a refresh or makes one.
fn refreshes(heard: &ObservedCall<'_>) -> bool {
    matches!(heard.query("refresh"), Some("" | "true" | "wait_for"))
}

/// Whether an expression names an index.
fn covers(expression: &str, index: &str) -> bool {
    if matches!(expression, "" | "_all" | "*") {
        return true;
    }
    let alias = index.strip_suffix("-v1").unwrap_or(index);
    expression.split(',').any(|name| {
        name == index || name == alias || (name.contains('*') && WildcardPattern::of_name(name).fits(index))
    })
}

/// What the answer says of each write of a call.
fn told(heard: &ObservedCall<'_>) -> Vec<WriteTold> {
    match heard.part {
        Some(part) => match member(part, "items") {
            Some(JsonPart::List(items)) => items.iter().map(told_of_item).collect(),
            _ => vec![told_of_part(part)],
        },
        None => {
            let answer = (heard.answer)();
            match answer.get("items").and_then(Value::as_array) {
                Some(items) => items
                    .iter()
                    .map(|item| told_of_value(item.as_object().and_then(|item| item.values().next())))
                    .collect(),
                None => vec![told_of_value(Some(&answer))],
            }
        }
    }
}

fn member<'p>(part: &'p JsonPart, name: &str) -> Option<&'p JsonPart> {
    match part {
        JsonPart::Object(members) => members.iter().find(|(known, _)| *known == name).map(|(_, part)| part),
        _ => None,
    }
}

fn told_of_item(item: &JsonPart) -> WriteTold {
    match item {
        JsonPart::Object(members) if members.len() == 1 => told_of_part(&members[0].1),
        other => told_of_part(other),
    }
}

fn told_of_part(part: &JsonPart) -> WriteTold {
    let text = |name| match member(part, name) {
        Some(JsonPart::Text(text)) => text.clone(),
        _ => Arc::from(""),
    };
    let result = match member(part, "result") {
        Some(JsonPart::Word(word)) => word,
        _ => "",
    };
    WriteTold::new(text("_index"), text("_id"), result)
}

fn told_of_value(value: Option<&Value>) -> WriteTold {
    let text = |name: &str| value.and_then(|value| value.get(name)?.as_str()).unwrap_or_default();
    WriteTold::new(text("_index").into(), text("_id").into(), text("result"))
}

impl WriteTold {
    /// A write that was not done, or changed nothing, has no index.
    fn new(index: Arc<str>, id: Arc<str>, result: &str) -> WriteTold {
        let effect = match result {
            "created" => DocumentEffect::Created,
            "updated" => DocumentEffect::Updated,
            "deleted" => DocumentEffect::Deleted,
            _ => return WriteTold { index: Arc::from(""), id, effect: DocumentEffect::Updated },
        };
        WriteTold { index, id, effect }
    }
}

impl PastWrite {
    fn what(&self) -> &'static str {
        match self.effect {
            DocumentEffect::Created => "created",
            DocumentEffect::Updated => "changed",
            DocumentEffect::Deleted => "deleted",
        }
    }

    /// The call, for people. What an answer says of ids nobody has masked.
    fn told(&self) -> String {
        match self.call.operation {
            "bulk" => format!("{} (item {})", self.call.told, self.item + 1),
            _ => self.call.told.clone(),
        }
    }

    /// The fields that it wrote, and whether they are all that the document has.
    fn fields(&self) -> Option<&(Map<String, Value>, bool)> {
        self.fields.get_or_init(|| self.read_fields()).as_ref()
    }

    fn read_fields(&self) -> Option<(Map<String, Value>, bool)> {
        let (text, is_update) = self.call.document(self.item)?;
        let line = BodyLine::read(text);
        let Value::Object(mut document) = line.object()?.to_value() else { return None };
        match is_update {
            false => Some((document, true)),
            true => {
                let doc = document.shift_remove("doc").or_else(|| document.shift_remove("upsert"))?;
                Some((doc.as_object()?.clone(), self.effect == DocumentEffect::Created))
            }
        }
    }
}

impl Writing {
    /// The text of what an item wrote, and whether it is an update.
    fn document(&self, item: usize) -> Option<(Bytes, bool)> {
        if self.operation != "bulk" {
            return Some((self.body.clone(), self.operation == "update"));
        }
        self.items.get_or_init(|| self.read_items()).get(item).cloned()
    }

    /// The items of a bulk, up to the first that cannot be read. That of a deletion is empty.
    fn read_items(&self) -> Vec<(Bytes, bool)> {
        let mut lines = BodyLine::texts(&self.body).filter(|text| !text.trim_ascii().is_empty());
        let mut items = Vec::new();
        while let Some(text) = lines.next() {
            let line = BodyLine::read(text);
            let Some((verb, _)) = line.object().and_then(|action| action.iter().next()) else { break };
            let document = if verb == "delete" { None } else { lines.next() };
            items.push((document.unwrap_or_default(), verb == "update"));
        }
        items
    }
}

/// A search as far as it matters what it found.
struct Look {
    expression: String,
    query: Option<Value>,
    /// The ids of the hits, sorted, each with its index; none within where the answer does not name it.
    hits: Vec<(String, Option<String>)>,
    /// Whether the hits show what the documents say.
    shows_source: bool,
}

impl Look {
    fn of(heard: &ObservedCall<'_>) -> Look {
        let body = heard.json().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let has_words = heard.query("q").is_some();
        let expression = heard.parameter("index").to_owned();
        // A point in time shows what it showed when it was opened.
        let is_kept = body.get("pit").is_some();
        let mut look = Look::new(expression, &body, &(heard.answer)());
        if has_words || is_kept {
            look.query = None;
        }
        if is_kept {
            look.hits.clear();
        }
        look
    }

    fn new(expression: String, body: &Value, answer: &Value) -> Look {
        let query = match body.get("query") {
            None => Value::Object(Map::from_iter([("match_all".to_owned(), Value::Object(Map::new()))])),
            Some(query) => query.clone(),
        };
        let hits = answer.pointer("/hits/hits").and_then(Value::as_array).into_iter().flatten();
        let text = |hit: &Value, name: &str| hit.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut hits: Vec<_> = hits.filter_map(|hit| Some((text(hit, "_id")?, text(hit, "_index")))).collect();
        hits.sort_unstable();
        Look { hits, expression, query: Some(query), shows_source: body.get("_source") != Some(&Value::Bool(false)) }
    }

    /// The searches of a multi search.
    fn several(heard: &ObservedCall<'_>) -> Vec<Look> {
        let answer = (heard.answer)();
        let path = heard.parameter("index");
        let lines: Vec<_> = heard.lines().collect();
        let read = |line: &BodyLine| line.object().map(Source::to_value).unwrap_or_default();
        lines
            .chunks_exact(2)
            .enumerate()
            .map(|(at, pair)| {
                let header = read(&pair[0]);
                let named = match header.get("index").or_else(|| header.get("indices")) {
                    Some(Value::String(name)) => name.clone(),
                    Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                    _ => path.to_owned(),
                };
                let response = answer.pointer(&format!("/responses/{at}")).cloned().unwrap_or_default();
                let mut look = Look::new(named, &read(&pair[1]), &response);
                if response.get("error").is_some() {
                    look.query = None;
                }
                look
            })
            .collect()
    }

    /// A list of the Connector API.
    fn list(heard: &ObservedCall<'_>, index: &str) -> Look {
        let answer = (heard.answer)();
        let shown = answer.get("results").and_then(Value::as_array).into_iter().flatten();
        let mut hits: Vec<_> = shown.filter_map(|shown| Some((shown.get("id")?.as_str()?.to_owned(), None))).collect();
        hits.sort_unstable();
        Look { expression: index.to_owned(), query: None, hits, shows_source: true }
    }

    fn covers(&self, index: &str) -> bool {
        covers(&self.expression, index)
    }

    /// Whether the answer is certain to depend on a write.
    fn depends_on(&self, index: &str, write: &PastWrite) -> bool {
        let first = self.hits.partition_point(|(id, _)| **id < *write.id);
        let same = self.hits[first..].iter().take_while(|(id, _)| **id == *write.id);
        let is_hit = same.into_iter().any(|(_, named)| named.as_deref().is_none_or(|named| named == index));
        let matches = |fields: &Map<String, Value>| {
            self.query.as_ref().is_some_and(|query| surely_matches(query, &write.id, fields))
        };
        let is_all = self.query.as_ref().is_some_and(is_match_all);
        match write.effect {
            DocumentEffect::Created => is_hit || is_all || write.fields().is_some_and(|(fields, _)| matches(fields)),
            // It is found in any case; what is found may be what it was before.
            DocumentEffect::Updated => {
                (is_hit && self.shows_source)
                    || (!is_all && write.fields().is_some_and(|(fields, _)| matches(fields) && !is_by_id(self)))
            }
            DocumentEffect::Deleted => is_hit || is_all,
        }
    }
}

fn is_match_all(query: &Value) -> bool {
    query.as_object().is_some_and(|query| query.len() == 1 && query.contains_key("match_all"))
}

fn is_by_id(look: &Look) -> bool {
    look.query.as_ref().is_some_and(|query| query.get("ids").is_some())
}

/// Whether a query matches a document whatever its fields are mapped as. What is not certain is not said.
fn surely_matches(query: &Value, id: &str, fields: &Map<String, Value>) -> bool {
    let Some((kind, body)) = query.as_object().filter(|query| query.len() == 1).and_then(|query| query.iter().next())
    else {
        return false;
    };
    let clause = |query: &Value| surely_matches(query, id, fields);
    let list = |name: &str| -> Vec<&Value> {
        match body.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(one) => vec![one],
        }
    };
    let is_id = |value: &Value| value.as_str() == Some(id);
    match kind.as_str() {
        "match_all" => true,
        "ids" => list("values").into_iter().any(is_id),
        "constant_score" => body.get("filter").is_some_and(clause),
        "exists" => body.get("field").and_then(Value::as_str).is_some_and(|field| !values(fields, field).is_empty()),
        "term" | "terms" | "match" => {
            let Some((field, asked)) = body.as_object().and_then(|body| body.iter().find(|(name, _)| is_field(name)))
            else {
                return false;
            };
            let asked = asked.get("value").or_else(|| asked.get("query")).unwrap_or(asked);
            let asked: Vec<&Value> = match asked {
                Value::Array(items) if kind == "terms" => items.iter().collect(),
                one => vec![one],
            };
            if field == "_id" {
                return asked.into_iter().any(is_id);
            }
            let held = values(fields, field);
            asked.iter().any(|asked| held.iter().any(|held| is_surely(kind, field, asked, held)))
        }
        "bool" => {
            let (must, filter, should) = (list("must"), list("filter"), list("should"));
            let every: Vec<&Value> = must.into_iter().chain(filter).collect();
            let wants_some = every.is_empty() || body.get("minimum_should_match").is_some();
            list("must_not").is_empty()
                && every.iter().all(|query| clause(query))
                && (!wants_some || should.is_empty() || should.iter().all(|query| clause(query)))
        }
        _ => false,
    }
}

fn is_field(name: &str) -> bool {
    !matches!(name, "boost" | "_name")
}

/// Whether a value is found by another one, be it a keyword or a text.
fn is_surely(kind: &str, field: &str, asked: &Value, held: &Value) -> bool {
    match (asked, held) {
        (Value::String(asked), Value::String(held)) => {
            let is_plain = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            asked == held
                && (kind == "match" || is_plain(asked) || field.ends_with(".keyword"))
                && (field.ends_with(".keyword") || words(held).map(lower).next().is_some())
        }
        (Value::Number(_) | Value::Bool(_), held) => asked == held,
        _ => false,
    }
}

/// The values at a path, lists opened.
fn values<'v>(fields: &'v Map<String, Value>, path: &str) -> Vec<&'v Value> {
    fn open<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
        match value {
            Value::Null | Value::Object(_) => {}
            Value::Array(items) => items.iter().for_each(|item| open(item, found)),
            one => found.push(one),
        }
    }
    let path = path.strip_suffix(".keyword").unwrap_or(path);
    let mut found = Vec::new();
    if let Some(value) = fields.get(path) {
        open(value, &mut found);
    } else if let Some((first, rest)) = path.split_once('.')
        && let Some(Value::Object(inner)) = fields.get(first)
    {
        return values(inner, rest);
    }
    found
}
