//! The overlays: what the server does otherwise than its specification says, written by hand.
//!
//! An entry is a merge patch (RFC 7396) and the place where it applies; the published schema with
//! all its entries merged in is the server's. Nothing here judges whether a remark is true. It is
//! only made sure that the remark still fits: its place exists, it changes something there, and what
//! comes out is lawful. A new specification that mends a difference is noticed that way.

use crate::schema::in_8;
use crate::shape::list;
use crate::vocabulary;
use serde_json::{Map, Value};

/// Everything wrong with an overlay, a line each; empty if it fits.
pub fn faults(overlay: &Value, operation: &str, published: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if overlay["operation"] != operation {
        faults.push(format!("is filed under {operation} but speaks of {}", overlay["operation"]));
    }
    if !overlay["entries"].is_array() {
        faults.push("lists no entries, not even none".to_owned());
    }
    // A body is refused in the name of a parser; without one the runtime could not say who refused.
    // What is known only roughly is read by its handler.
    let is_parsed = published.pointer("/properties/body").is_some() && published["x-depth"] != "shallow";
    if overlay["parser"].is_string() != is_parsed {
        faults.push("a parser is named if there is a body to parse, and only then".to_owned());
    }
    let ways = ["document", "lines", "bytes"];
    if overlay.get("reads").is_some_and(|reads| !ways.iter().any(|way| reads == way)) {
        faults
            .push("`reads` is \"document\", \"lines\" or \"bytes\" (its handler reads the body), or absent".to_owned());
    }
    let shared: Value =
        serde_json::from_str(include_str!("../../schemas/overlay/shared/entries.json")).unwrap_or_default();
    let mut newest = published.clone();
    newest.as_object_mut().map(|document| document.shift_remove("x-8"));
    for (version, mut edition) in [("9", newest), ("8", in_8(published))] {
        for (index, entry) in list(&overlay["entries"]).enumerate() {
            // What many overlays have is there by its name.
            let entry = entry.as_str().map_or(entry, |name| &shared[name]);
            let place = || edition.pointer(entry["pointer"].as_str().unwrap_or_default());
            let is_meant = match entry["only_in"].as_str() {
                Some(only_in) => only_in == version,
                // The older edition may lack the place: then it has nothing to say there.
                None => version == "9" || place().is_some(),
            };
            if is_meant && let Err(fault) = apply(&mut edition, entry) {
                faults.push(format!("entry {index} ({}), version {version}: {fault}", entry["pointer"]));
            }
        }
        faults.extend(vocabulary::faults(&edition));
    }
    faults
}

fn apply(document: &mut Value, entry: &Value) -> Result<(), String> {
    for member in ["says", "evidence"] {
        if entry[member].as_str().unwrap_or_default().is_empty() {
            return Err(format!("`{member}` is empty"));
        }
    }
    if entry.get("only_in").is_some_and(|version| version != "8" && version != "9") {
        return Err("`only_in` is \"8\" or \"9\"".to_owned());
    }
    let pointer = entry["pointer"].as_str().ok_or("`pointer` is no text")?;
    let patch = entry.get("merge").filter(|patch| patch.is_object());
    let patch = patch.ok_or("`merge` is no object")?;
    let place = document.pointer_mut(pointer).ok_or("its place does not exist")?;
    let before = place.clone();
    merge(place, patch);
    if *place == before {
        return Err("changes nothing".to_owned());
    }
    let only_notes = without_notes(place) == without_notes(&before);
    match entry["effect"].as_str() {
        Some("notes") if only_notes => Ok(()),
        Some("notes") => Err("called a note, and yet it changes what is allowed".to_owned()),
        Some("stricter" | "laxer" | "both") => Ok(()),
        _ => Err("`effect` is stricter, laxer, both or notes".to_owned()),
    }
}

/// Merges a patch as RFC 7396 has it: objects member by member, `null` removes, all else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        match value {
            Value::Null => drop(members.shift_remove(name)),
            value => merge(members.entry(name).or_insert(Value::Null), value),
        }
    }
}

/// A schema without the words that validators pass over: `x-…` and `default`.
fn without_notes(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => members
            .iter()
            .filter(|(word, _)| !word.starts_with("x-") && *word != "default")
            .map(|(word, value)| (word.clone(), without_notes(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_notes).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_merges_as_the_rfc_has_it() {
        // The table at the end of RFC 7396, where it says something about objects.
        let rows = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ];
        for (target, patch, expected) in rows {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expected, "{target} with {patch}");
        }
    }

    #[test]
    fn an_entry_that_does_not_fit_is_named() {
        let published = json!({
            "properties": { "body": { "type": "object", "properties": { "n": { "type": "integer" } } } }
        });
        let fault = |pointer: &str, effect: &str, merge: Value| {
            let overlay = json!({
                "operation": "o",
                "parser": "p",
                "entries": [{
                    "pointer": pointer, "effect": effect, "merge": merge, "says": "s", "evidence": "e"
                }]
            });
            faults(&overlay, "o", &published).join("\n")
        };
        let n = "/properties/body/properties/n";
        assert_eq!(fault(n, "notes", json!({"x-kind":"int"})), "");
        assert_eq!(fault(n, "laxer", json!({"type":["number","string"]})), "");
        for (pointer, effect, merge, expected) in [
            ("/properties/nope", "notes", json!({"x-kind":"int"}), "does not exist"),
            (n, "notes", json!({"type":"number"}), "changes what is allowed"),
            (n, "laxer", json!({"type":"integer"}), "changes nothing"),
            (n, "softer", json!({"type":"number"}), "stricter, laxer, both or notes"),
            (n, "notes", json!({"x-kind":"integer"}), "cannot be \"integer\""),
            (n, "stricter", json!({"typ":"number"}), "unknown word"),
            (n, "stricter", json!({"$ref":"#/$defs/N"}), "leads nowhere"),
            ("/properties/body", "stricter", json!({"required":["m"]}), "names no property"),
        ] {
            let fault = fault(pointer, effect, merge);
            assert!(fault.contains(expected), "{fault}\nshould speak of: {expected}");
        }
    }
}
