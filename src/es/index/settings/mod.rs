//! Settings of an index: from the JSON of a request to flat names and texts, and back.
//!
//! Source: Elasticsearch 9.x, index scoped settings.

mod table;

use serde_json::{Map, Value};

use super::analysis::{Analysis, AnalysisRefusal};
use crate::es::values::{ValueKind, ValueRefusal};
use crate::profile::Release;
use crate::suggest::similarity;

/// A setting of an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexSetting {
    /// Its name below `index`; with a dot at its end it stands for all settings below.
    pub name: &'static str,
    /// What its value must be.
    pub kind: ValueKind,
    /// What it is if nobody says.
    pub usual: &'static str,
    /// When it may change.
    pub change: SettingChange,
}

/// When a setting may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingChange {
    /// At any time.
    Dynamic,
    /// While the index is closed.
    Static,
    /// Never, once there is an index.
    Final,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SettingRefusal {
    /// There is no such setting.
    Unknown {
        /// The name with `index.` before it.
        name: String,
        /// The names that are close to it.
        near: Vec<String>,
    },
    /// Only the server itself sets it.
    Private {
        /// The name with `index.` before it.
        name: String,
    },
    /// They cannot change while the index is open, or not at all.
    Fixed {
        /// The names with `index.` before them.
        names: Vec<String>,
        /// The index.
        index: String,
        /// The index's own id.
        uuid: String,
        /// Whether they can never change, however the index is.
        never: bool,
    },
    /// It cannot have that value.
    Value {
        /// The name with `index.` before it.
        name: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        why: ValueRefusal,
    },
    /// Deletions must be kept for a while in every index.
    NoSoftDeletes,
    /// An index that others look up things in has one shard.
    LookupShards {
        /// How many it was to have.
        given: String,
    },
    /// There would be more ways to route than shards allow.
    Partition {
        /// How many shards one route was to lead to.
        size: String,
        /// How many shards there are.
        shards: String,
    },
    /// There would be fewer shards to route by than there are.
    RoutingShards {
        /// How many there were to be.
        given: String,
        /// How many shards there are.
        shards: String,
    },
    /// There is no such way to keep files.
    StoreType {
        /// Its name.
        kind: String,
    },
    /// Files cannot be kept elsewhere.
    CustomPath,
    /// Analysis or similarities cannot be set up.
    Analysis(AnalysisRefusal),
    /// Elasticsearch does as it says, and this mock does not.
    Unsupported {
        /// The name with `index.` before it.
        name: String,
        /// The value.
        value: String,
    },
    /// The settings are no object.
    NoObject,
}

/// Values of settings that would change answers, and that nobody here minds.
const UNMINDED: &[(&str, &[&str])] = &[
    ("mapping.coerce", &["false"]),
    ("mapping.source.mode", &["disabled", "synthetic"]),
    ("mapping.total_fields.ignore_dynamic_beyond_limit", &["true"]),
    ("mode", &["time_series", "logsdb"]),
];

/// Settings that came with a later release than the others, and with which.
const SINCE: &[(&str, (u32, u32))] = &[("mapping.exclude_source_vectors", (9, 2))];

/// Whether a release has a setting.
fn is_there(name: &str, release: &Release) -> bool {
    SINCE.iter().all(|(later, (major, minor))| *later != name || release.is_from(*major, *minor))
}

/// The setting of that name below `index`.
pub(crate) fn find(name: &str) -> Option<&'static IndexSetting> {
    table::SETTINGS.iter().find(|setting| match setting.name.strip_suffix('.') {
        Some(_) => name.starts_with(setting.name),
        None => setting.name == name,
    })
}

/// Every setting of a release that has a value if nobody says so, in the order of names.
pub(crate) fn defaults(release: &Release) -> impl Iterator<Item = (&'static str, Value)> {
    let all = table::SETTINGS.iter().filter(|setting| !setting.name.ends_with('.'));
    all.filter(|setting| is_there(setting.name, release)).map(|setting| {
        let value = match (setting.kind, setting.usual) {
            (ValueKind::List, "") => Value::Array(Vec::new()),
            (ValueKind::List, item) => Value::Array(vec![item.into()]),
            (_, text) => Value::from(text),
        };
        (setting.name, value)
    })
}

/// Flat settings below `index`, every value a text; null stands for taking a setting back.
///
/// # Errors
/// The first setting that the release does not have, or that cannot have its value.
pub(crate) fn flat(settings: &Value, release: &Release) -> Result<Map<String, Value>, SettingRefusal> {
    let Value::Object(members) = settings else {
        return Err(SettingRefusal::NoObject);
    };
    let mut flat = Map::new();
    flatten("", members, &mut flat);
    let mut found = Map::new();
    for (name, value) in flat {
        let name = name.strip_prefix("index.").unwrap_or(&name);
        check_one(name, &value, release)?;
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

fn check_one(name: &str, value: &Value, release: &Release) -> Result<(), SettingRefusal> {
    let full = || format!("index.{name}");
    if table::PRIVATE.contains(&name.split('.').next().unwrap_or(name)) {
        return Err(SettingRefusal::Private { name: full() });
    }
    let Some(setting) = find(name).filter(|_| is_there(name, release)) else {
        // A pattern takes back all that it is like.
        if value.is_null() && name.ends_with('*') {
            return Ok(());
        }
        return Err(SettingRefusal::Unknown { name: full(), near: near(&full(), release) });
    };
    if let Value::String(text) = value {
        let bad = |why| SettingRefusal::Value { name: full(), value: text.clone(), why };
        setting.kind.check(text).map_err(bad)?;
        let is_unminded = |(known, values): &&(&str, &[&str])| {
            *known == name && values.iter().any(|value| value.eq_ignore_ascii_case(text))
        };
        if UNMINDED.iter().any(|it| is_unminded(&it)) {
            return Err(SettingRefusal::Unsupported { name: full(), value: text.clone() });
        }
        if name == "soft_deletes.enabled" && text == "false" {
            return Err(SettingRefusal::NoSoftDeletes);
        }
    }
    Ok(())
}

/// The settings whose names are close to one that there is not, the closest first.
///
/// Source: Elasticsearch 9.x, validation of scoped settings.
fn near(name: &str, release: &Release) -> Vec<String> {
    let known =
        table::SETTINGS.iter().filter(|setting| !setting.name.ends_with('.') && is_there(setting.name, release));
    let mut close: Vec<(f32, String)> = known
        .map(|setting| format!("index.{}", setting.name))
        .map(|known| (similarity(name, &known), known))
        .filter(|(similarity, _)| *similarity > 0.7)
        .collect();
    close.sort_by(|one, other| other.0.total_cmp(&one.0));
    close.into_iter().map(|(_, name)| name).collect()
}

/// Looks whether the settings of an index fit each other.
///
/// # Errors
/// What does not fit.
pub(crate) fn check_whole(settings: &Map<String, Value>) -> Result<(), SettingRefusal> {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    let shards = text("number_of_shards").unwrap_or("1");
    if text("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("lookup")) && shards != "1" {
        return Err(SettingRefusal::LookupShards { given: shards.to_owned() });
    }
    let number = |text: &str| text.parse::<u64>().unwrap_or(1);
    if let Some(size) = text("routing_partition_size").filter(|size| number(size) > 1 && number(size) >= number(shards))
    {
        return Err(SettingRefusal::Partition { size: size.to_owned(), shards: shards.to_owned() });
    }
    if let Some(given) = text("number_of_routing_shards") {
        if number(given) < number(shards) {
            return Err(SettingRefusal::RoutingShards { given: given.to_owned(), shards: shards.to_owned() });
        }
        // An index that can never be split to that number deals its documents out unevenly.
        if number(given) % number(shards) != 0 {
            let (name, value) = ("index.number_of_routing_shards".to_owned(), given.to_owned());
            return Err(SettingRefusal::Unsupported { name, value });
        }
    }
    if let Some(kind) = text("store.type").filter(|kind| !["", "fs", "hybridfs", "mmapfs", "niofs"].contains(kind)) {
        return Err(SettingRefusal::StoreType { kind: kind.to_owned() });
    }
    if text("data_path").is_some_and(|path| !path.is_empty()) {
        return Err(SettingRefusal::CustomPath);
    }
    if let Some(value) = settings.get("sort.field").filter(|value| value.as_array().is_none_or(|it| !it.is_empty())) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Err(SettingRefusal::Unsupported { name: "index.sort.field".to_owned(), value });
    }
    Analysis::of(settings).check().map_err(SettingRefusal::Analysis)
}

/// The settings with as many copies as there can be on one node, if that is left to the server.
pub(crate) fn expanded(mut settings: Map<String, Value>) -> Map<String, Value> {
    let least = settings.get("auto_expand_replicas").and_then(Value::as_str).and_then(|range| range.split_once('-'));
    if let Some(least) = least.map(|(least, _)| Value::from(least)) {
        settings.insert("number_of_replicas".to_owned(), least);
    }
    settings
}

/// The names among settings that cannot change, and whether that is for ever: final ones never can, static ones
/// only while the index is closed.
pub(crate) fn fixed<'s>(settings: &'s Map<String, Value>, is_open: bool) -> (Vec<&'s str>, bool) {
    let of = |change: SettingChange| -> Vec<&'s str> {
        let names = settings.keys().map(String::as_str);
        names.filter(|name| find(name).is_some_and(|setting| setting.change == change)).collect()
    };
    let mut names = of(SettingChange::Final);
    if is_open {
        names.extend(of(SettingChange::Static));
        names.sort_by_key(|name| settings.keys().position(|known| known == name));
        return (names, false);
    }
    (names, true)
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

/// Flat settings as objects in objects.
pub(crate) fn nested(flat: &Map<String, Value>) -> Value {
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
    use crate::profile::Profile;
    use serde_json::json;

    #[test]
    fn a_setting_is_unknown_to_releases_before_it() {
        let given = json!({"index.mapping.exclude_source_vectors": false});
        let release = |number| Release::numbered(Profile::V9, number).expect("a release");
        for (release, is_known) in [
            (Profile::V8.release(), false),
            (release("9.1.4"), false),
            (release("9.2.0"), true),
            (release("9.5.4"), true),
        ] {
            assert_eq!(flat(&given, release).is_ok(), is_known, "{}", release.number);
            assert_eq!(defaults(release).any(|(name, _)| name == "mapping.exclude_source_vectors"), is_known);
        }
        let unknown = flat(&json!({"mapping.exclude_source_vector": true}), Profile::V8.release());
        assert!(matches!(unknown, Err(SettingRefusal::Unknown { near, .. }) if near.is_empty()));
    }

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
            (json!({"foo": 1}), Err(SettingRefusal::Unknown { name: "index.foo".into(), near: Vec::new() })),
            (
                json!({"numbe_of_replica": 1}),
                Err(SettingRefusal::Unknown {
                    name: "index.numbe_of_replica".into(),
                    near: vec!["index.number_of_replicas".into()],
                }),
            ),
            (json!({"index.uuid": "x"}), Err(SettingRefusal::Private { name: "index.uuid".into() })),
            (
                json!({"number_of_shards": 0}),
                Err(SettingRefusal::Value {
                    name: "index.number_of_shards".into(),
                    value: "0".into(),
                    why: ValueRefusal::Below(1),
                }),
            ),
            (json!([]), Err(SettingRefusal::NoObject)),
        ] {
            assert_eq!(flat(&given, Profile::V9.release()).map(Value::Object), expected, "{given}");
        }
    }

    #[test]
    fn every_usual_value_is_one_that_the_setting_takes() {
        for setting in table::SETTINGS.iter().filter(|setting| !setting.usual.is_empty()) {
            assert_eq!(setting.kind.check(setting.usual), Ok(()), "{}", setting.name);
        }
        let names: Vec<&str> = table::SETTINGS.iter().map(|setting| setting.name).collect();
        assert!(names.is_sorted(), "in the order of names");
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
