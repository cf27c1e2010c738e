//! Is a schema lawful? Known words in their places, and references that lead somewhere.
//!
//! This is no validator: it knows the few keywords that the generator and the overlays use, and is
//! meant to catch a slip of the pen. A word it does not know is a slip until it is added here.

use crate::shape::list;
use serde_json::Value;

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Texts with a meaning, checked by the runtime itself.
const FORMATS: [&str; 16] = [
    "ConfigurationDisplayType",
    "ConfigurationFieldType",
    "ConfigurationValidationType",
    "ConnectorStatus",
    "ConnectorSyncJobTriggerMethod",
    "ConnectorSyncJobType",
    "ConnectorSyncStatus",
    "FilteringPolicy",
    "FilteringRuleCondition",
    "FilteringValidationState",
    "boolean",
    "cron",
    "instant",
    "int",
    "iso_instant",
    "long",
];

/// How the server declares a field: which tokens it takes before it looks at the content.
const KINDS: [&str; 14] = [
    "any_map",
    "boolean",
    "int",
    "list",
    "long",
    "object",
    "object_array",
    "object_or_null",
    "scalar",
    "string",
    "string_array",
    "string_or_null",
    "value",
    "value_object_array",
];

/// What is wrong with a document, a line each; empty if nothing is.
pub fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut reader = Reader { document, faults: &mut faults };
    reader.schema("", document);
    faults
}

struct Reader<'a> {
    document: &'a Value,
    faults: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn schema(&mut self, at: &str, schema: &Value) {
        let Some(members) = schema.as_object() else {
            return self.fault(at, "a schema is an object");
        };
        for (word, value) in members {
            let at = format!("{at}/{word}");
            match word.as_str() {
                "$ref" => self.reference(&at, value),
                "$defs" | "properties" => self.schemas(&at, value),
                "items" => self.schema(&at, value),
                "additionalProperties" if value.is_boolean() => {}
                "additionalProperties" => self.schema(&at, value),
                "anyOf" => self.alternatives(&at, value),
                "enum" => self.demand(list(value).count() > 0, &at, "names nothing"),
                "required" | "x-declared" | "x-unboxed" => self.names(&at, value, &schema["properties"]),
                "type" => self.types(&at, value),
                "format" => self.one_of(&at, value, &FORMATS),
                "x-kind" => self.one_of(&at, value, &KINDS),
                "minProperties" | "maxProperties" | "x-min-length" => {
                    self.demand(value.is_u64(), &at, "is a count");
                }
                "x-minimum" | "minimum" | "maximum" => self.demand(value.is_i64(), &at, "is an integer"),
                "x-body-required" | "x-builds" | "x-ndjson" => {
                    self.demand(value.is_boolean(), &at, "is true or false");
                }
                "x-depth" => self.one_of(&at, value, &["shallow"]),
                "$schema" | "title" | "x-parser" => self.demand(value.is_string(), &at, "is a string"),
                // An older edition is lawful only in its own document: see `schema::in_8`.
                "const" | "default" | "x-8" | "x-source" | "x-urls" => {}
                _ => self.fault(&at, "unknown word"),
            }
        }
    }

    fn schemas(&mut self, at: &str, value: &Value) {
        let Some(schemas) = value.as_object() else {
            return self.fault(at, "maps names to schemas");
        };
        for (name, schema) in schemas {
            self.schema(&format!("{at}/{name}"), schema);
        }
    }

    fn alternatives(&mut self, at: &str, value: &Value) {
        self.demand(list(value).count() > 0, at, "lists schemas");
        for (index, schema) in list(value).enumerate() {
            self.schema(&format!("{at}/{index}"), schema);
        }
    }

    fn reference(&mut self, at: &str, value: &Value) {
        let target = value.as_str().and_then(|text| text.strip_prefix('#'));
        let found = target.is_some_and(|pointer| self.document.pointer(pointer).is_some());
        self.demand(found, at, "leads nowhere");
    }

    /// Names of properties, each once, each of a property that there is.
    fn names(&mut self, at: &str, value: &Value, properties: &Value) {
        let names: Vec<_> = list(value).filter_map(Value::as_str).collect();
        self.demand(!names.is_empty() && names.len() == list(value).count(), at, "lists names");
        for (index, name) in names.iter().enumerate() {
            self.demand(properties.get(name).is_some(), at, "names no property");
            self.demand(!names[..index].contains(name), at, "repeats itself");
        }
    }

    fn types(&mut self, at: &str, value: &Value) {
        match value.is_array() {
            true => list(value).for_each(|value| self.one_of(at, value, &TYPES)),
            false => self.one_of(at, value, &TYPES),
        }
    }

    fn one_of(&mut self, at: &str, value: &Value, known: &[&str]) {
        let is_known = value.as_str().is_some_and(|value| known.contains(&value));
        self.demand(is_known, at, &format!("cannot be {value}"));
    }

    fn demand(&mut self, kept: bool, at: &str, fault: &str) {
        if !kept {
            self.fault(at, fault);
        }
    }

    fn fault(&mut self, at: &str, fault: &str) {
        self.faults.push(format!("{at}: {fault}"));
    }
}
