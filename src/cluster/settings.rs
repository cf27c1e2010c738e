//! Settings of an index: from the JSON of a request to flat names and texts, and back.
//!
//! Source: Elasticsearch 9.x, index scoped settings.

use serde_json::{Map, Value};

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq)]
pub enum BadSetting {
    /// There is no such setting.
    Unknown {
        /// The name with `index.` before it.
        name: String,
    },
    /// Only the server itself sets it.
    Private {
        /// The name with `index.` before it.
        name: String,
    },
    /// It was chosen when the index was made.
    Final {
        /// The name with `index.` before it.
        name: String,
        /// The index.
        index: String,
        /// The index's own id.
        uuid: String,
    },
    /// Its value is no whole number, or too small.
    Number {
        /// The name with `index.` before it.
        name: String,
        /// The value.
        value: String,
        /// The least that it may be.
        least: i64,
    },
    /// The settings are no object.
    NoObject,
}

/// The first parts of the names of settings that indices have.
const KNOWN: &[&str] = &[
    "allocation",
    "analysis",
    "analyze",
    "auto_expand_replicas",
    "blocks",
    "check_on_startup",
    "codec",
    "default_pipeline",
    "dense_vector",
    "final_pipeline",
    "format",
    "gc_deletes",
    "hidden",
    "highlight",
    "indexing",
    "indexing_pressure",
    "lifecycle",
    "load_fixed_bitset_filters_eagerly",
    "mapper",
    "mapping",
    "max_docvalue_fields_search",
    "max_inner_result_window",
    "max_ngram_diff",
    "max_refresh_listeners",
    "max_regex_length",
    "max_rescore_window",
    "max_result_window",
    "max_script_fields",
    "max_shingle_diff",
    "max_slices_per_scroll",
    "max_terms_count",
    "merge",
    "mode",
    "number_of_replicas",
    "number_of_routing_shards",
    "number_of_shards",
    "priority",
    "queries",
    "query",
    "refresh_interval",
    "requests",
    "routing",
    "routing_partition_size",
    "routing_path",
    "search",
    "shard",
    "similarity",
    "soft_deletes",
    "sort",
    "store",
    "top_metrics_max_size",
    "translog",
    "unassigned",
    "write",
];

const PRIVATE: &[&str] = &["creation_date", "provided_name", "uuid", "version"];

/// Settings that are chosen when an index is made.
const FINAL: &[&str] =
    &["number_of_shards", "number_of_routing_shards", "codec", "routing_partition_size", "sort", "mode"];

/// Flat settings below `index`, every value a text; null stands for taking a setting back.
///
/// # Errors
/// The first setting that does not exist or cannot have its value.
pub fn flat(settings: &Value) -> Result<Map<String, Value>, BadSetting> {
    let Value::Object(members) = settings else {
        return Err(BadSetting::NoObject);
    };
    let mut flat = Map::new();
    flatten("", members, &mut flat);
    let mut found = Map::new();
    for (name, value) in flat {
        let name = name.strip_prefix("index.").unwrap_or(&name);
        let first = name.split('.').next().unwrap_or(name);
        let full = || format!("index.{name}");
        if PRIVATE.contains(&first) {
            return Err(BadSetting::Private { name: full() });
        }
        if !KNOWN.contains(&first) {
            return Err(BadSetting::Unknown { name: full() });
        }
        let least = match name {
            "number_of_shards" => Some(1),
            "number_of_replicas" => Some(0),
            _ => None,
        };
        if let (Some(least), Value::String(value)) = (least, &value)
            && !value.parse::<i64>().is_ok_and(|number| number >= least)
        {
            return Err(BadSetting::Number { name: full(), value: value.clone(), least });
        }
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

fn flatten(prefix: &str, members: &Map<String, Value>, flat: &mut Map<String, Value>) {
    for (name, value) in members {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(members) => flatten(&name, members, flat),
            Value::Array(items) => {
                flat.insert(name, Value::Array(items.iter().map(text).collect()));
            }
            Value::Null => {
                flat.insert(name, Value::Null);
            }
            other => {
                flat.insert(name, text(other));
            }
        }
    }
}

fn text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => Value::from(other.to_string()),
    }
}

/// Whether a setting cannot be changed any more once there is an index.
pub fn is_final(name: &str) -> bool {
    FINAL.contains(&name.split('.').next().unwrap_or(name))
}

/// Flat settings as objects in objects.
pub fn nested(flat: &Map<String, Value>) -> Value {
    let mut whole = Map::new();
    for (name, value) in flat {
        let mut place = &mut whole;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), value.clone());
                break;
            }
            let inner = place.entry(part).or_insert_with(|| Value::Object(Map::new()));
            // A setting that has settings below it keeps its dotted name.
            match inner {
                Value::Object(inner) => place = inner,
                _ => break,
            }
        }
    }
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_told_apart_by_flat_names() {
        for (given, expected) in [
            (json!({"number_of_shards": 2}), Ok(json!({"number_of_shards": "2"}))),
            (
                json!({"index": {"number_of_replicas": "0", "hidden": true}}),
                Ok(json!({"number_of_replicas": "0", "hidden": "true"})),
            ),
            (json!({"index.refresh_interval": "1s", "refresh_interval": null}), Ok(json!({"refresh_interval": null}))),
            (
                json!({"index": {"routing": {"allocation": {"include": {"a": 1}}}}}),
                Ok(json!({"routing.allocation.include.a": "1"})),
            ),
            (json!({"foo": 1}), Err(BadSetting::Unknown { name: "index.foo".into() })),
            (json!({"index.uuid": "x"}), Err(BadSetting::Private { name: "index.uuid".into() })),
            (
                json!({"number_of_shards": 0}),
                Err(BadSetting::Number { name: "index.number_of_shards".into(), value: "0".into(), least: 1 }),
            ),
            (json!([]), Err(BadSetting::NoObject)),
        ] {
            assert_eq!(flat(&given).map(Value::Object), expected, "{given}");
        }
    }

    #[test]
    fn flat_settings_come_back_nested() {
        let flat = json!({"number_of_shards": "1", "routing.allocation.include.a": "1", "routing.b": "2"});
        let nested = nested(flat.as_object().expect("an object"));
        assert_eq!(
            nested,
            json!({"number_of_shards": "1", "routing": {"allocation": {"include": {"a": "1"}}, "b": "2"}})
        );
    }
}
