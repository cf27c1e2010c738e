//! From JSON to a [`Script`], with everything that is wrong: where, and how to mend it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::reader::{Path, StubReader, below};
use super::response::response;
use super::shape::{TYPES, ValueShape};
use super::then::{StubAction, StubResponse};
use super::when::{BodyPart, StubCondition, Word};
use super::{CountSpan, Script};
use crate::suggest::{similar, with_words_of};
use crate::target;
use crate::wildcard::is_like_stub;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathStep {
    /// To a member.
    Name(String),
    /// To an item of a list.
    Item(usize),
}

/// Something wrong with a stub, by its path from the stub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StubDiagnostic {
    /// Where.
    pub path: Vec<PathStep>,
    /// Whether the name is meant, not the value.
    pub is_key: bool,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub cure: String,
}

impl StubDiagnostic {
    /// The place as a JSON pointer.
    fn pointer(&self) -> String {
        let step = |key: &PathStep| match key {
            PathStep::Name(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            PathStep::Item(at) => format!("/{at}"),
        };
        self.path.iter().map(step).collect()
    }
}

/// All diagnostics of a stub that has no file, in one text.
pub(crate) fn diagnostics_as_text(diagnostics: &[StubDiagnostic]) -> String {
    let line = |diagnostic: &StubDiagnostic| {
        let pointer = diagnostic.pointer();
        let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
        format!("{place}{}; {}", diagnostic.message, diagnostic.cure)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

const STUB: &[&str] = &["name", "request", "response", "responses", "times", "chance", "expect"];
const REQUEST: &[&str] = &[
    "operation",
    "method",
    "path",
    "query",
    "headers",
    "body",
    "job",
    "connector",
    "index",
    "worker",
    "state",
    "call",
    "calls",
    "every",
    "within",
];
/// Names of Elasticsearch's operations, for who mistypes one.
static OPERATIONS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/spec/operations.txt"));

pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next())
}

/// The operation that is probably meant by a name that none has.
pub(crate) fn operation_meant(unknown: &str) -> Option<&'static str> {
    let names: Vec<&str> = operations().collect();
    let close = similar(unknown, operations());
    close.first().copied().or_else(|| with_words_of(unknown, &names).first().copied())
}

/// Reads all stubs of a list; a single one counts as a list of one.
///
/// # Errors
/// Everything that is wrong, with paths from the list's beginning.
pub(crate) fn read_all(value: &Value) -> Result<Vec<Script>, Vec<StubDiagnostic>> {
    let Value::Array(items) = value else {
        return read(value).map(|script| vec![script]);
    };
    let mut scripts = Vec::new();
    let mut diagnostics = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match read(item) {
            Ok(script) => scripts.push(script),
            Err(wrong) => diagnostics.extend(wrong.into_iter().map(|mut diagnostic| {
                diagnostic.path.insert(0, PathStep::Item(at));
                diagnostic
            })),
        }
    }
    if diagnostics.is_empty() { Ok(scripts) } else { Err(diagnostics) }
}

/// Reads one stub.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(spec: &Value) -> Result<Script, Vec<StubDiagnostic>> {
    let mut reader = StubReader::default();
    let script = stub(&mut reader, spec);
    match script {
        Some(script) if reader.diagnostics.is_empty() => Ok(script),
        _ => Err(reader.diagnostics),
    }
}

fn stub(reader: &mut StubReader, spec: &Value) -> Option<Script> {
    let root: &[PathStep] = &[];
    let members = reader.object(spec, root, "a stub", STUB)?;
    let name = reader.text(members, "name", root);
    let when = match members.get("request") {
        Some(asked) => request(reader, asked, &below(root, "request")).unwrap_or_default(),
        None => {
            let cure = "add `request`, for example { \"operation\": \"bulk\" }";
            reader.wrong(root, "the stub has no `request`", cure);
            StubCondition::default()
        }
    };
    let mut times = reader.whole(members, "times", root, 1);
    let mut chance = chance(reader, members, root);
    let mut then = Vec::new();
    match (members.get("response"), members.get("responses")) {
        (Some(_), Some(_)) => {
            let cure = "keep `response` for one answer, or `responses` for one after the other";
            reader.wrong_key(root, "responses", "`response` and `responses` are both given", cure);
        }
        (Some(said), None) => {
            let path = below(root, "response");
            then.extend(response(reader, said, &path));
            if let Value::Object(said) = said {
                times = times.or(reader.whole(said, "times", &path, 1));
                chance = chance.or(self::chance(reader, said, &path));
            }
        }
        (None, Some(Value::Array(list))) if !list.is_empty() => {
            for (at, said) in list.iter().enumerate() {
                let path: Vec<PathStep> = below(root, "responses").into_iter().chain([PathStep::Item(at)]).collect();
                for name in ["times", "chance"].into_iter().filter(|name| said.get(name).is_some()) {
                    let cure = format!("move `{name}` beside `responses`");
                    reader.wrong_key(&path, name, format!("`{name}` is no part of one of several responses"), cure);
                }
                then.extend(response(reader, said, &path));
            }
        }
        (None, Some(_)) => {
            let cure = "write [ { … }, { … } ]";
            reader.wrong(&below(root, "responses"), "`responses` must be a list of responses", cure);
        }
        (None, None) => then.push(StubAction::default()),
    }
    let is_bulk = when.operation.is_empty() || when.operation.iter().any(|wanted| is_like_stub(wanted, "bulk"));
    if !is_bulk && then.iter().any(|action| matches!(action.own, StubResponse::Items(_))) {
        let cure = "let it ask for `operation: bulk`, or use `error`, which refuses the whole call";
        reader.wrong(&below(root, "request"), "`items` are those of a bulk, and the stub asks for another call", cure);
    }
    // Whether it was met the judge says, who reads it again.
    let least = members.get("expect").and_then(CountSpan::of_value).map_or(1, |span| span.from);
    if let Some(value) = members.get("expect").filter(|value| CountSpan::of_value(value).is_none()) {
        let message = format!("`expect` cannot be {value}");
        reader.wrong(&below(root, "expect"), message, "write a number, a range such as 1.. or 1-3, or never");
    }
    let is_named = name.is_some();
    let name = name.unwrap_or_else(|| when.described());
    let mut whole = Map::from_iter([("name".to_owned(), Value::from(name.clone()))]);
    whole.extend(members.iter().filter(|(name, _)| *name != "name").map(|(name, value)| (name.clone(), value.clone())));
    let spec = Arc::new(Value::Object(whole));
    Some(Script { name: name.into(), is_named, spec, when, then, least, times, chance, closure: None })
}

fn chance(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<f64> {
    let value = members.get("chance")?;
    let chance = value.as_f64().filter(|chance| (0.0..=1.0).contains(chance));
    if chance.is_none() {
        let message = format!("`chance` must be a number from 0 to 1, not {value}");
        reader.wrong(&below(path, "chance"), message, "write for example 0.1");
    }
    chance
}

impl StubCondition {
    /// A name for a stub that has none: short, and fit for an address.
    fn described(&self) -> String {
        let text = match (self.operation.first(), &self.path) {
            (Some(operation), _) => operation.clone(),
            (None, Some(path)) => format!("{}-{path}", self.method.first().map_or("any", String::as_str)),
            (None, None) => self.method.first().map_or("any", String::as_str).to_owned(),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '-' };
        let text: String = text.chars().map(plain).collect();
        let parts: Vec<&str> = text.split('-').filter(|part| !part.is_empty()).collect();
        parts.join("-")
    }
}

fn request(reader: &mut StubReader, asked: &Value, path: Path<'_>) -> Option<StubCondition> {
    let members = reader.object(asked, path, "a stub's request", REQUEST)?;
    let operation = reader.texts(members, "operation", path);
    for name in &operation {
        if !operations().any(|known| known == name) && !operations().any(|known| is_like_stub(name, known)) {
            let cure = operation_meant(name).map_or_else(
                || "`elastimock list` names the operations; any other call goes by `method` and `path`".to_owned(),
                |close| format!("did you mean `{close}`?"),
            );
            reader.wrong(&below(path, "operation"), format!("`{name}` is no operation of Elasticsearch"), cure);
        }
    }
    let method = reader.texts(members, "method", path).into_iter().map(|method| method.to_ascii_uppercase()).collect();
    let pattern = reader.text(members, "path", path);
    if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.starts_with('/')) {
        let cure = format!("write \"/{pattern}\"");
        reader.wrong(&below(path, "path"), "`path` does not begin with a slash", cure);
    }
    if let Some(pattern) = pattern.as_ref().filter(|pattern| pattern.contains('?')) {
        let cure = format!("write the path alone, `{}`", target::split(pattern).0);
        reader.wrong(&below(path, "path"), "`path` has a query; that goes to `query`", cure);
    }
    let calls = match (members.get("call"), members.get("calls")) {
        (Some(_), Some(_)) => {
            let cure = "keep `call` for one, or `calls` for a range";
            reader.wrong_key(path, "calls", "`call` and `calls` are both given", cure);
            None
        }
        (None, None) => None,
        (Some(value), None) | (None, Some(value)) => {
            let name = if members.contains_key("call") { "call" } else { "calls" };
            let span = CountSpan::of_value(value).filter(|span| span.to > 0);
            if span.is_none() {
                let message = format!("`{name}` cannot be {value}");
                let cure = "calls are counted from 1: write a number, or a range such as 1-3 or 2..";
                reader.wrong(&below(path, name), message, cure);
            }
            span
        }
    };
    Some(StubCondition {
        operation,
        method,
        path: pattern,
        query: words(reader, members, "query", path),
        headers: words(reader, members, "headers", path)
            .into_iter()
            .map(|(name, word)| (name.to_ascii_lowercase(), word))
            .collect(),
        body: members.get("body").map(|body| part(reader, body, &below(path, "body"))),
        job: reader.texts(members, "job", path),
        connector: reader.texts(members, "connector", path),
        index: reader.texts(members, "index", path),
        worker: reader.texts(members, "worker", path),
        state: reader.texts(members, "state", path),
        calls,
        every: reader.whole(members, "every", path, 1),
        within: reader.length(members, "within", path),
    })
}

/// Names and what their texts must be like.
fn words(reader: &mut StubReader, members: &Map<String, Value>, name: &str, path: Path<'_>) -> Vec<(String, Word)> {
    let Some(value) = members.get(name) else { return Vec::new() };
    let path = below(path, name);
    let Value::Object(wanted) = value else {
        reader.wrong(&path, format!("`{name}` must be an object of names and texts"), "write { \"pretty\": \"*\" }");
        return Vec::new();
    };
    let mut words = Vec::new();
    for (key, value) in wanted {
        let present = |value: &Value| match value.as_object()?.iter().next() {
            Some((name, Value::Bool(wanted))) if name == "$present" => Some(*wanted),
            _ => None,
        };
        let word = match value {
            Value::String(pattern) => Word::Like(pattern.clone()),
            Value::Number(_) | Value::Bool(_) => Word::Like(value.to_string()),
            Value::Null => Word::Present(false),
            value => match present(value) {
                Some(wanted) => Word::Present(wanted),
                None => {
                    let cure = "write a text, in which * stands for any characters, or { \"$present\": false }";
                    reader.wrong(&below(&path, key), format!("`{key}` must be a text"), cure);
                    continue;
                }
            },
        };
        words.push((key.clone(), word));
    }
    words
}

fn part(reader: &mut StubReader, body: &Value, path: Path<'_>) -> BodyPart {
    match body {
        Value::String(pattern) => BodyPart::Text(pattern.clone()),
        body => match shape(reader, body, path) {
            ValueShape::Present(wanted) => BodyPart::Present(wanted),
            shape => BodyPart::Json(shape),
        },
    }
}

const MATCHERS: [&str; 4] = ["$type", "$pattern", "$present", "$any"];

fn shape(reader: &mut StubReader, value: &Value, path: Path<'_>) -> ValueShape {
    let members = match value {
        Value::Array(items) => {
            let item = |(at, item): (usize, &Value)| {
                let path: Vec<PathStep> = path.iter().cloned().chain([PathStep::Item(at)]).collect();
                shape(reader, item, &path)
            };
            return ValueShape::List(items.iter().enumerate().map(item).collect());
        }
        Value::Object(members) => members,
        other => return ValueShape::Value(other.clone()),
    };
    let Some((name, told)) = members.iter().next().filter(|(name, _)| name.starts_with('$') && members.len() == 1)
    else {
        for name in members.keys().filter(|name| MATCHERS.contains(&name.as_str())) {
            let cure = "let a matcher stand alone in its object";
            reader.wrong_key(path, name, format!("`{name}` stands beside other members"), cure);
        }
        let member = |(name, value): (&String, &Value)| {
            let path = below(path, name);
            (name.clone(), shape(reader, value, &path))
        };
        return ValueShape::Object(members.iter().map(member).collect());
    };
    let read = match (name.as_str(), told) {
        ("$type", Value::String(word)) => {
            TYPES.iter().find(|known| *known == word).map(|known| ValueShape::Type(known))
        }
        ("$pattern", Value::String(pattern)) => Some(ValueShape::Like(pattern.clone())),
        ("$present", Value::Bool(wanted)) => Some(ValueShape::Present(*wanted)),
        ("$any", Value::Array(values)) => Some(ValueShape::OneOf(values.clone())),
        _ => None,
    };
    read.unwrap_or_else(|| {
        let cure = match name.as_str() {
            "$type" => format!("write one of {}", TYPES.join(", ")),
            "$pattern" => "write a text, in which * stands for any characters and ? for one".to_owned(),
            "$present" => "write true or false".to_owned(),
            "$any" => "write a list of values, one of which it must be".to_owned(),
            _ => format!("there are {}", MATCHERS.join(", ")),
        };
        let is_known = MATCHERS.contains(&name.as_str());
        let message =
            if is_known { format!("`{name}` cannot be {told}") } else { format!("there is no matcher `{name}`") };
        reader.wrong_key(path, name, message, cure);
        ValueShape::Present(true)
    })
}
