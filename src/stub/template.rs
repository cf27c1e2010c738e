//! [`AnswerTemplate`]: an answer that repeats parts of its request.
//!
//! | in a text | stands for |
//! |---|---|
//! | `{{path.NAME}}`, `{{path.2}}` | a placeholder of the path, or its second segment |
//! | `{{query.NAME}}`, `{{header.NAME}}` | a parameter, a header line |
//! | `{{body}}`, `{{body:/a/0}}` | the body, a place in it as a JSON pointer |
//! | `{{method}}`, `{{operation}}` | what was called |
//! | `{{now}}`, `{{now_ms}}` | the mock's time |
//! | `{{id}}` | a new id, as the mock makes them |
//! | `{{call}}` | which of the stub's calls it is, from 1 |
//!
//! A text that is one of these and nothing else becomes the value itself: a number stays a number.

use serde_json::{Map, Value};

use super::about::StubbedRequest;
use crate::clock::Timestamp;
use crate::ids::IdSource;

/// An answer with holes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerTemplate(TemplateNode);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
enum TemplateNode {
    Value(Value),
    Text(Vec<StubPiece>),
    List(Vec<TemplateNode>),
    Object(Vec<(Vec<StubPiece>, TemplateNode)>),
}

#[derive(Clone, Debug, PartialEq)]
enum StubPiece {
    Text(String),
    Hole(Hole),
}

#[derive(Clone, Debug, PartialEq)]
enum Hole {
    Path(String),
    Query(String),
    Header(String),
    Body(String),
    Method,
    Operation,
    Now,
    NowMillis,
    Id,
    Call,
}

/// What can stand in a hole.
const HOLES: &str =
    "path.NAME, query.NAME, header.NAME, body, body:/POINTER, method, operation, now, now_ms, id or call";

/// What the holes are filled from, beside the request.
pub(crate) struct Filling<'a> {
    /// The mock's time.
    pub now: Timestamp,
    /// Which of the stub's calls it is.
    pub call: u64,
    /// Where new ids come from.
    pub ids: &'a mut IdSource,
}

impl AnswerTemplate {
    /// Reads a template; with what is wrong in one of its texts.
    pub(crate) fn read(value: &Value) -> Result<AnswerTemplate, String> {
        node(value).map(AnswerTemplate)
    }

    /// The template with its holes filled.
    pub(crate) fn fill(&self, asked: &StubbedRequest<'_>, filling: &mut Filling<'_>) -> Value {
        filled(&self.0, asked, filling)
    }
}

fn node(value: &Value) -> Result<TemplateNode, String> {
    Ok(match value {
        Value::String(text) => TemplateNode::Text(pieces(text)?),
        Value::Array(items) => TemplateNode::List(items.iter().map(node).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Ok((pieces(name)?, node(value)?));
            TemplateNode::Object(members.iter().map(member).collect::<Result<_, String>>()?)
        }
        other => TemplateNode::Value(other.clone()),
    })
}

fn pieces(text: &str) -> Result<Vec<StubPiece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (hole, behind) = after.split_once("}}").ok_or_else(|| format!("`{{{{{after}` has no end"))?;
        if !before.is_empty() {
            pieces.push(StubPiece::Text(before.to_owned()));
        }
        pieces.push(StubPiece::Hole(self::hole(hole.trim())?));
        rest = behind;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(StubPiece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

fn hole(text: &str) -> Result<Hole, String> {
    let named = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(match text {
        "method" => Hole::Method,
        "operation" => Hole::Operation,
        "now" => Hole::Now,
        "now_ms" => Hole::NowMillis,
        "id" => Hole::Id,
        "call" => Hole::Call,
        "body" => Hole::Body(String::new()),
        _ => {
            let known = named("path.")
                .map(Hole::Path)
                .or_else(|| named("query.").map(Hole::Query))
                .or_else(|| named("header.").map(|name| Hole::Header(name.to_ascii_lowercase())))
                .or_else(|| named("body:").filter(|pointer| pointer.starts_with('/')).map(Hole::Body));
            known.ok_or_else(|| format!("`{{{{{text}}}}}` is not known here; it takes {HOLES}"))?
        }
    })
}

fn filled(node: &TemplateNode, asked: &StubbedRequest<'_>, filling: &mut Filling<'_>) -> Value {
    match node {
        TemplateNode::Value(value) => value.clone(),
        TemplateNode::Text(pieces) => match &pieces[..] {
            [StubPiece::Hole(hole)] => value_of(hole, asked, filling),
            pieces => Value::String(text_of(pieces, asked, filling)),
        },
        TemplateNode::List(items) => items.iter().map(|item| filled(item, asked, filling)).collect(),
        TemplateNode::Object(members) => {
            let mut whole = Map::new();
            for (name, value) in members {
                let name = text_of(name, asked, filling);
                whole.insert(name, filled(value, asked, filling));
            }
            Value::Object(whole)
        }
    }
}

fn text_of(pieces: &[StubPiece], asked: &StubbedRequest<'_>, filling: &mut Filling<'_>) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            StubPiece::Text(piece) => text.push_str(piece),
            StubPiece::Hole(hole) => match value_of(hole, asked, filling) {
                Value::String(piece) => text.push_str(&piece),
                Value::Null => {}
                other => text.push_str(&other.to_string()),
            },
        }
    }
    text
}

fn value_of(hole: &Hole, asked: &StubbedRequest<'_>, filling: &mut Filling<'_>) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    match hole {
        Hole::Path(name) => match name.parse::<usize>() {
            Ok(at) => asked.segments().nth(at.saturating_sub(1)).map_or(Value::Null, |part| Value::from(&*part)),
            Err(_) => text(asked.path.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)),
        },
        Hole::Query(name) => text(asked.query().iter().find(|(known, _)| known == name).map(|(_, value)| &**value)),
        Hole::Header(name) => text(asked.request.headers().get(name)),
        Hole::Body(pointer) => asked.body().first().and_then(|body| body.pointer(pointer)).cloned().unwrap_or_default(),
        Hole::Method => asked.request.method().as_str().into(),
        Hole::Operation => text(asked.operation),
        Hole::Now => filling.now.to_string().into(),
        Hole::NowMillis => ((filling.now.as_nanos() / 1_000_000) as i64).into(),
        Hole::Id => filling.ids.next_id().into(),
        Hole::Call => filling.call.into(),
    }
}
