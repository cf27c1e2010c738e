//! What a request that misses comes closest to: an operation, a field of its body, a parameter.
//!
//! Asked only after a miss, so it may look at everything there is.

use serde_json::{Map, Value};

use super::{OperationTable, placeholder};
use crate::es::body::schema::{COMMON_PARAMETERS, SchemaPair, ViolationKind};
use crate::http::Request;
use crate::limits::NEAR_MISS_DIFFERENCES_MAX;
use crate::near_miss::{Difference, NearMiss};
use crate::profile::Profile;
use crate::suggest::{similar, similarity};

/// The operation that a call which reached none comes closest to: one of the table's rows, or one that
/// Elasticsearch has besides.
pub(crate) fn operation<S>(table: &'static OperationTable<S>, profile: Profile, request: &Request) -> Option<NearMiss> {
    let path = request.path().trim_end_matches('/');
    let method = request.method().as_str();
    let rows = table.rows.iter().flat_map(|row| {
        let paths = row.paths.iter().filter(move |path| table.has(row, path, profile));
        paths.map(move |path| (row.operation, row.method.as_str(), *path))
    });
    let others = table.published.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split(' ');
        let found = (words.next()?, words.next()?, words.next()?);
        profile.has(words.next()).then_some(found)
    });
    let mut best: Option<(f32, (&str, &str, &str))> = None;
    let segments = |path: &str| path.split('/').count();
    let is_about_as_long = |candidate: &(&str, &str, &str)| segments(candidate.2).abs_diff(segments(path)) <= 1;
    for candidate in rows.chain(others).filter(is_about_as_long) {
        let score = likeness(path, candidate.2) + if candidate.1 == method { 0.1 } else { 0.0 };
        // Among equals the first: the table's rows come before those that only Elasticsearch has.
        if score > 0.5 && best.is_none_or(|(known, _)| score > known + 0.001) {
            best = Some((score, candidate));
        }
    }
    let (_, (operation, wanted_method, template)) = best?;
    let mut near = NearMiss {
        nearest: format!("{wanted_method} {template}"),
        operation: Some(operation.to_owned()),
        ..NearMiss::default()
    };
    if wanted_method != method {
        near.differs.push(difference("method", wanted_method, method));
    }
    let given: Vec<&str> = path.split('/').skip(1).collect();
    let wanted: Vec<&str> = template.split('/').skip(1).collect();
    let mut meant = String::new();
    for at in 0..given.len().max(wanted.len()) {
        match (wanted.get(at), given.get(at)) {
            (Some(wanted), Some(given)) if placeholder(wanted).is_some() => meant.push_str(&format!("/{given}")),
            (Some(wanted), given) => {
                meant.push_str(&format!("/{wanted}"));
                if given != Some(wanted) {
                    near.differs.push(difference("path", wanted, given.unwrap_or(&"nothing")));
                }
            }
            (None, Some(given)) => near.differs.push(difference("path", "nothing", given)),
            (None, None) => {}
        }
    }
    near.did_you_mean = Some(format!("{wanted_method} {meant}"));
    Some(near)
}

/// What the schema of an operation wants at that place of a body, as a JSON pointer: the published one,
/// or where the server takes less, the server's.
pub(crate) fn field<S>(
    table: &'static OperationTable<S>,
    profile: Profile,
    operation: &str,
    kind: ViolationKind,
    body: &Value,
    pointer: &str,
) -> Option<NearMiss> {
    let SchemaPair { published, server, .. } = table.contract(operation, profile)?;
    let schema = if kind == ViolationKind::ServerRejectsSpec { server } else { published };
    let mut near = NearMiss {
        nearest: format!("the schema of {operation}"),
        operation: Some(operation.to_owned()),
        ..NearMiss::default()
    };
    compare(schema, node(schema, pointer)?, body.pointer(pointer)?, pointer, &mut near);
    (!near.differs.is_empty()).then_some(near)
}

/// The parameter of an operation that comes closest to a name that it does not know.
pub(crate) fn parameter<S>(
    table: &'static OperationTable<S>,
    profile: Profile,
    operation: &str,
    name: &str,
) -> Option<NearMiss> {
    let schema = &table.contract(operation, profile)?.published;
    let known: Vec<&str> =
        schema.pointer("/properties/query/properties")?.as_object()?.keys().map(String::as_str).collect();
    if known.contains(&name) {
        let wanted = schema.pointer("/properties/query/properties").and_then(|known| known.get(name));
        let expected = wanted.map_or_else(String::new, |wanted| described(schema, wanted));
        return Some(NearMiss {
            nearest: format!("parameter {name} of {operation}"),
            operation: Some(operation.to_owned()),
            differs: vec![difference(&format!("query {name}"), &expected, "a value of another type")],
            ..NearMiss::default()
        });
    }
    let meant = similar(name, known.iter().copied()).first().map(|name| (*name).to_owned());
    let own: Vec<&str> = known.into_iter().filter(|name| !COMMON_PARAMETERS.contains(name)).collect();
    let expected = meant.clone().unwrap_or_else(|| if own.is_empty() { "none".to_owned() } else { own.join(", ") });
    Some(NearMiss {
        nearest: format!("the parameters of {operation}"),
        operation: Some(operation.to_owned()),
        differs: vec![difference("query", &expected, name)],
        did_you_mean: meant,
        ..NearMiss::default()
    })
}

fn difference(place: &str, expected: &str, seen: &str) -> Difference {
    Difference { place: place.to_owned(), pointer: String::new(), expected: expected.to_owned(), seen: seen.to_owned() }
}

/// What a reference points to; anything else is itself.
fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    let target = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(node)
}

/// The part of the schema that speaks about a place of the body.
fn node<'s>(schema: &'s Value, pointer: &str) -> Option<&'s Value> {
    let mut node = resolved(schema, schema.pointer("/properties/body")?);
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let own = node.get("properties").and_then(|known| known.get(&name));
        let other = || node.get("additionalProperties").filter(|other| other.is_object());
        let item = || node.get("items").filter(|_| name.parse::<usize>().is_ok());
        node = resolved(schema, own.or_else(item).or_else(other)?);
    }
    Some(node)
}

/// Compares one value, without what is in its members: the schema check has found the place already.
fn compare(schema: &Value, node: &Value, value: &Value, pointer: &str, near: &mut NearMiss) {
    let mut differ = |name: Option<&str>, expected: String, seen: &str| {
        let name = name.map_or_else(String::new, |name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        let pointer = format!("{pointer}{name}");
        near.add(Difference { place: "body".to_owned(), pointer, expected, seen: seen.to_owned() });
    };
    let Value::Object(fields) = value else {
        let names: Vec<&str> =
            node.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        // What is no name of the enumeration may be anything, so it is not shown unless it is like one.
        let close = value.as_str().map(|text| similar(text, names.iter().copied())).unwrap_or_default();
        match (close.first(), value.as_str()) {
            (Some(close), Some(text)) => {
                differ(None, (*close).to_owned(), text);
                near.did_you_mean = Some((*close).to_owned());
            }
            _ => {
                let (mut expected, seen) = (described(schema, node), kind(value));
                // Of the right type, and yet not what is wanted.
                if let Some(format) = node.get("format").and_then(Value::as_str).filter(|_| expected == seen) {
                    expected.push_str(&format!(" that is a {format}"));
                }
                if expected != seen {
                    differ(None, expected, seen);
                }
            }
        }
        return;
    };
    let empty = Map::new();
    let Some(known) = node.get("properties").and_then(Value::as_object).or_else(|| {
        // Any object would do, and this one is an object: what is wrong lies elsewhere.
        (node.get("type").is_some_and(|wanted| wanted == "object")).then_some(&empty)
    }) else {
        differ(None, described(schema, node), kind(value));
        return;
    };
    let mut meant = None;
    if node.get("additionalProperties") == Some(&Value::Bool(false)) {
        for unknown in fields.keys().filter(|name| !known.contains_key(*name)).take(NEAR_MISS_DIFFERENCES_MAX) {
            let open = known.keys().filter(|name| !fields.contains_key(*name)).map(String::as_str);
            let close = similar(unknown, open).first().map(|name| (*name).to_owned());
            let expected = close.clone().unwrap_or_else(|| {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                format!("none of that name; there are {}", names.join(", "))
            });
            differ(Some(unknown), expected, unknown);
            meant = meant.or(close);
        }
    }
    let required = node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        let wanted = known.get(name).map_or_else(|| "a value".to_owned(), |wanted| described(schema, wanted));
        differ(Some(name), wanted, "nothing");
    }
    near.did_you_mean = meant;
}

/// What a schema wants, in words.
fn described(schema: &Value, node: &Value) -> String {
    let node = resolved(schema, node);
    if let Some(names) = node.get("enum").and_then(Value::as_array) {
        let names: Vec<String> =
            names.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect();
        return names.join(", ");
    }
    let article = |name: &str| match name {
        "object" | "array" | "integer" => format!("an {name}"),
        "null" => "null".to_owned(),
        _ => format!("a {name}"),
    };
    match node.get("type") {
        Some(Value::String(name)) => article(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(article).collect::<Vec<_>>().join(" or ")
        }
        _ => ["anyOf", "oneOf"].iter().find_map(|way| node.get(*way)?.as_array()).map_or_else(
            || "another value".to_owned(),
            |ways| {
                let mut ways: Vec<String> = ways.iter().map(|way| described(schema, way)).collect();
                ways.dedup();
                ways.join(" or ")
            },
        ),
    }
}

/// What a value is, without saying what it says: it may be a secret.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How alike a path and a template are, segment by segment; a placeholder is like anything.
fn likeness(path: &str, template: &str) -> f32 {
    let given: Vec<&str> = path.split('/').collect();
    let wanted: Vec<&str> = template.split('/').collect();
    let alike: f32 = given
        .iter()
        .zip(&wanted)
        .skip(1)
        .map(|(given, wanted)| match placeholder(wanted) {
            Some(_) if given.starts_with('_') => 0.3,
            Some(_) => 0.9,
            None => similarity(given, wanted),
        })
        .sum();
    alike / (given.len().max(wanted.len()).max(2) - 1) as f32
}
