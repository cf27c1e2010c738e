//! One operation as one document: where it lives, what it takes, what it gives.
//!
//! The document follows the newer specification. Where the older one differs, `x-8` holds the older
//! edition of each member that does: whole, under the same name, `null` if 8.19 has no such member.
//! [`in_8`] puts them back, and so says exactly what `x-8` means.

use crate::operations::Depth;
use crate::shape::{Shapes, Side, is_in_the_stack, list};
use crate::spec::{self, FILE, LICENSE, PACKAGE, Spec, Specs, VERSION_8, VERSION_9};
use serde_json::{Map, Value, json};

/// Members of the document that are compared one level down: their own members are what differs.
const GROUPS: [&str; 2] = ["properties", "$defs"];

/// The published schema of an operation.
///
/// # Errors
/// If the newer specification does not describe the operation, or either speaks of kinds not known here.
pub fn published(specs: &Specs, operation: &str, depth: Depth) -> Result<Value, String> {
    let mut document = document(&specs.nine, operation, depth)?
        .ok_or_else(|| format!("{operation}: version {VERSION_9} does not describe it"))?;
    let eight = self::document(&specs.eight, operation, depth)?;
    let also_in: &[&str] = match eight {
        Some(_) => &[VERSION_8],
        None => &[],
    };
    document["x-source"]["also_in"] = json!(also_in);
    if let Some(eight) = eight {
        let departures = departures(&document, &eight);
        if !departures.is_empty() {
            document["x-8"] = Value::Object(departures);
        }
    }
    Ok(document)
}

/// The schema as 8.19 would have it: the members under `x-8` put in the place of their namesakes.
pub fn in_8(published: &Value) -> Value {
    let mut document = published.clone();
    let departures = document.as_object_mut().and_then(|document| document.shift_remove("x-8"));
    for (name, older) in departures.iter().filter_map(Value::as_object).flatten() {
        match older.as_object().filter(|_| GROUPS.contains(&name.as_str())) {
            None => put(&mut document, name, older),
            Some(members) => {
                let group = &mut document[name];
                if group.is_null() {
                    *group = json!({});
                }
                for (member, older) in members {
                    put(group, member, older);
                }
            }
        }
    }
    document
}

fn put(object: &mut Value, name: &str, value: &Value) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    match value {
        Value::Null => drop(object.shift_remove(name)),
        value => drop(object.insert(name.to_owned(), value.clone())),
    }
}

/// An operation as one version of the specification has it.
///
/// `None` if it is not there, or only by name: some internal operations are listed without a shape.
pub fn document(spec: &Spec, operation: &str, depth: Depth) -> Result<Option<Value>, String> {
    let Some(endpoint) = spec.endpoint(operation) else {
        return Ok(None);
    };
    let definition = |part: &str| spec.definition(&spec::key(&endpoint[part]));
    let (Some(request), Some(response)) = (definition("request"), definition("response")) else {
        return Ok(None);
    };

    let mut shapes = Shapes::new(spec);
    let mut properties = Map::new();
    properties.insert("path".to_owned(), shapes.object(list(&request["path"]))?);
    properties.insert("query".to_owned(), shapes.object(query(spec, request))?);
    if depth == Depth::Shallow {
        shapes.roughly();
    }
    if let Some(body) = body(&mut shapes, request)? {
        properties.insert("body".to_owned(), body);
    }
    if depth == Depth::Whole {
        shapes.turn(Side::Response);
        if let Some(body) = body(&mut shapes, response)? {
            properties.insert("response".to_owned(), body);
        }
    }

    let urls: Vec<_> =
        list(&endpoint["urls"]).map(|url| json!({ "path": url["path"], "methods": url["methods"] })).collect();
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": operation,
        "x-source": { "package": PACKAGE, "version": VERSION_9, "file": FILE, "license": LICENSE },
        "x-urls": urls,
        "x-body-required": endpoint["requestBodyRequired"] == true,
    });
    if depth == Depth::Shallow {
        document["x-depth"] = json!("shallow");
    }
    if list(&endpoint["requestMediaType"]).any(|media| media == "application/x-ndjson") {
        document["x-ndjson"] = json!(true);
    }
    document["type"] = json!("object");
    document["properties"] = Value::Object(properties);
    let defs = shapes.into_defs();
    if !defs.is_empty() {
        document["$defs"] = Value::Object(defs);
    }
    Ok(Some(document))
}

/// The operation's own parameters, then those that every operation, or every table, takes.
fn query<'s>(spec: &'s Spec, request: &'s Value) -> impl Iterator<Item = &'s Value> {
    let common = list(&request["attachedBehaviors"])
        .filter_map(Value::as_str)
        .filter(|behavior| behavior.ends_with("QueryParameters"))
        .filter_map(|behavior| spec.definition(&format!("_spec_utils:{behavior}")))
        .flat_map(|behavior| list(&behavior["properties"]));
    list(&request["query"]).chain(common)
}

fn body(shapes: &mut Shapes, definition: &Value) -> Result<Option<Value>, String> {
    let body = &definition["body"];
    match body["kind"].as_str() {
        // Some calls have a body in Elastic's serverless service alone.
        Some("properties")
            if list(&body["properties"]).count() > 0 && !list(&body["properties"]).any(is_in_the_stack) =>
        {
            Ok(None)
        }
        Some("properties") => shapes.object(list(&body["properties"])).map(Some),
        Some("value") => shapes.body(&body["value"]).map(Some),
        Some("no_body") => Ok(None),
        _ => Err(format!("unknown kind of body: {}", definition["name"])),
    }
}

/// Which members of `newer` are different in `older`, in the older edition.
fn departures(newer: &Value, older: &Value) -> Map<String, Value> {
    let mut departures = Map::new();
    for name in ["x-urls", "x-body-required"] {
        if newer[name] != older[name] {
            departures.insert(name.to_owned(), older[name].clone());
        }
    }
    for group in GROUPS {
        let members = |document: &Value| document[group].as_object().cloned().unwrap_or_default();
        let (newer, older) = (members(newer), members(older));
        let names = older.keys().chain(newer.keys().filter(|name| !older.contains_key(*name)));
        let differing: Map<_, _> = names
            .filter(|name| newer.get(*name) != older.get(*name))
            .map(|name| (name.clone(), older.get(name).cloned().unwrap_or(Value::Null)))
            .collect();
        if !differing.is_empty() {
            departures.insert(group.to_owned(), Value::Object(differing));
        }
    }
    departures
}
