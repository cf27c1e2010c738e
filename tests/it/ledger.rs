//! `schemas/LEDGER.md`: every place where Elasticsearch and its published specification disagree, made
//! of the overlays.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use elastimock::elasticsearch::operations;

use crate::support::path;

const INTRODUCTION: &str = "\
# Where Elasticsearch leaves its specification

Elastic publishes a machine-readable specification, and clients are generated from it. Where the server does
otherwise, such a client refuses what would be taken, sends what is refused, or does not find what it was
promised. This is the list, written by `cargo test` from `schemas/overlay/`: change it there.

`elastimock schema OPERATION` prints what is published, with `--server` what the server does. A client is judged by
what is published; the answers are the server's.
";

/// What a disagreement means to whoever has a generated client. In the order of the ledger.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Refused,
    Taken,
    Answered,
}

const SECTIONS: [(Section, &str, &str); 3] = [
    (
        Section::Refused,
        "The specification allows it, the server refuses it",
        "A generated client sends it with a good conscience and gets an error.",
    ),
    (
        Section::Taken,
        "The server takes it, the specification does not allow it",
        "A generated client has no way to say it, and a mock that goes by the specification refuses it.",
    ),
    (
        Section::Answered,
        "The answer is another one",
        "A generated client finds less than it was promised, or is not told of what it gets.",
    ),
];

/// A disagreement, and every operation that has it.
struct Remark {
    section: Section,
    place: String,
    says: String,
    evidence: String,
    operations: Vec<&'static str>,
}

#[test]
fn the_ledger_lists_every_disagreement() {
    let ledger = ledger();
    let file = path("schemas/LEDGER.md");
    if fs::read_to_string(&file).ok().as_ref() != Some(&ledger) {
        fs::write(&file, ledger).expect("schemas/LEDGER.md");
        panic!("schemas/LEDGER.md was not current: it is now, look at the difference and commit it");
    }
}

fn ledger() -> String {
    let remarks = remarks();
    let mut text = INTRODUCTION.to_owned();
    for (section, title, meaning) in SECTIONS {
        text.push_str(&format!("\n## {title}\n\n{meaning}\n\n"));
        for remark in remarks.iter().filter(|remark| remark.section == section) {
            let names: Vec<String> = remark.operations.iter().map(|name| format!("`{name}`")).collect();
            let names = match names.len() {
                many if many > 12 => format!("{} and {} more operations", names[..3].join(", "), many - 3),
                _ => names.join(", "),
            };
            text.push_str(&format!("* {} of {names}: {}\n", remark.place, remark.says));
            text.push_str(&format!("  *Evidence:* {}\n", remark.evidence));
        }
    }
    text
}

/// The disagreements in the order of the table. An entry that several operations have alike is one.
fn remarks() -> Vec<Remark> {
    let mut remarks: Vec<Remark> = Vec::new();
    let mut seen = BTreeSet::new();
    let shared = json("schemas/overlay/shared", "entries");
    for operation in operations().map(|row| row.name).filter(|name| seen.insert(*name)) {
        let (schema, overlay) = (json("schemas", operation), json("schemas/overlay", operation));
        for entry in overlay["entries"].as_array().into_iter().flatten() {
            let entry = entry.as_str().map_or(entry, |name| &shared[name]);
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let place = place(entry);
            let is_answer = is_answer(&schema, &text("pointer"));
            let sections: &[Section] = match (is_answer, text("effect").as_str()) {
                (_, "notes") => &[],
                (true, _) => &[Section::Answered],
                (false, "stricter") => &[Section::Refused],
                (false, "laxer") => &[Section::Taken],
                (false, _) => &[Section::Refused, Section::Taken],
            };
            for section in sections {
                let known = remarks
                    .iter_mut()
                    .find(|known| known.section == *section && known.place == place && known.says == text("says"));
                match known {
                    Some(known) if known.operations.last() == Some(&operation) => {}
                    Some(known) => known.operations.push(operation),
                    None => remarks.push(Remark {
                        section: *section,
                        place: place.clone(),
                        says: text("says"),
                        evidence: text("evidence"),
                        operations: vec![operation],
                    }),
                }
            }
        }
    }
    remarks
}

fn json(folder: &str, operation: &str) -> Value {
    let file = path(&format!("{folder}/{operation}.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Where an entry applies, in words: the part of the call, and the members it speaks of.
fn place(entry: &Value) -> String {
    let mut parts = entry["pointer"].as_str().unwrap_or_default().split('/').skip(1);
    let mut place = match (parts.next(), parts.next()) {
        (Some("properties"), Some("query")) => "parameter".to_owned(),
        (Some("properties"), Some("path")) => "path".to_owned(),
        (Some("properties"), Some("response")) => "answer".to_owned(),
        (Some("properties"), Some(part)) => part.to_owned(),
        (Some("$defs"), Some(name)) => format!("type `{name}`"),
        _ => "call".to_owned(),
    };
    let inner: Vec<&str> =
        parts.filter(|part| !["properties", "items", "anyOf", "additionalProperties"].contains(part)).collect();
    let inner: Vec<&str> = inner.into_iter().filter(|part| part.parse::<usize>().is_err()).collect();
    // A patch of `properties` itself names the members that it changes.
    let members: Vec<&str> = match entry["pointer"].as_str().is_some_and(|pointer| pointer.ends_with("/properties")) {
        true => entry["merge"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect(),
        false => Vec::new(),
    };
    if !inner.is_empty() {
        place.push_str(&format!(" `{}`", inner.join(".")));
    }
    if !members.is_empty() {
        place.push_str(&format!(" `{}`", members.join("`, `")));
    }
    match entry["only_in"].as_str() {
        Some(version) => format!("In {version}.x: {place}"),
        None => format!("{}{}", place[..1].to_uppercase(), &place[1..]),
    }
}

/// Whether a place is part of the answer: in it, or in a type that only the answer has.
fn is_answer(schema: &Value, pointer: &str) -> bool {
    match pointer.strip_prefix("/$defs/") {
        None => pointer.starts_with("/properties/response"),
        Some(rest) => {
            let name = rest.split('/').next().unwrap_or_default();
            let sent = [&schema["properties"]["body"], &schema["properties"]["query"], &schema["properties"]["path"]];
            let mut reached = BTreeSet::new();
            sent.into_iter().for_each(|part| reach(schema, part, &mut reached));
            !reached.contains(name)
        }
    }
}

/// The named types that a schema leads to.
fn reach(document: &Value, schema: &Value, reached: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/$defs/"));
            if let Some(name) = target
                && reached.insert(name.to_owned())
            {
                reach(document, &document["$defs"][name], reached);
            }
            members.values().for_each(|inner| reach(document, inner, reached));
        }
        Value::Array(items) => items.iter().for_each(|inner| reach(document, inner, reached)),
        _ => {}
    }
}
