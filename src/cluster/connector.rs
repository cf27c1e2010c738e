//! The connector: its statuses, what its document holds when it is new, and what a job copies of it.
//!
//! Pure functions from what is asked and an instant to a [`Source`]; nothing here stores.
//!
//! Source: Elasticsearch 9.x, connector document class and index service.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::document::Source;
use crate::clock::Timestamp;
use crate::limits::INDEX_NAME_BYTES_MAX;

/// The status of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectorStatus {
    /// Just made.
    Created,
    /// Its service type is known, its configuration is not.
    NeedsConfiguration,
    /// Has a configuration that nobody has tried yet.
    Configured,
    /// Its service has reached the source.
    Connected,
    /// Something is wrong; the document says what.
    Error,
}

impl ConnectorStatus {
    /// Every status.
    pub const ALL: &[ConnectorStatus] = &[
        ConnectorStatus::Created,
        ConnectorStatus::NeedsConfiguration,
        ConnectorStatus::Configured,
        ConnectorStatus::Connected,
        ConnectorStatus::Error,
    ];

    /// The name on the wire, lower case.
    pub fn name(self) -> &'static str {
        match self {
            ConnectorStatus::Created => "created",
            ConnectorStatus::NeedsConfiguration => "needs_configuration",
            ConnectorStatus::Configured => "configured",
            ConnectorStatus::Connected => "connected",
            ConnectorStatus::Error => "error",
        }
    }
}

impl fmt::Display for ConnectorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConnectorStatus {
    type Err = ();

    /// Elasticsearch reads these names in any case.
    fn from_str(text: &str) -> Result<ConnectorStatus, ()> {
        ConnectorStatus::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// What may be said of a connector when it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewConnector<'a> {
    /// Free text.
    pub description: Option<&'a str>,
    /// The index that it fills.
    pub index_name: Option<&'a str>,
    /// Whether Elastic runs it.
    pub is_native: bool,
    /// The language of its content.
    pub language: Option<&'a str>,
    /// Its name; empty when none is given.
    pub name: Option<&'a str>,
    /// The kind of source that it reads.
    pub service_type: Option<&'a str>,
}

/// The document of a new connector.
pub fn create(asked: &NewConnector<'_>, now: Timestamp) -> Source {
    let status = if asked.is_native { ConnectorStatus::NeedsConfiguration } else { ConnectorStatus::Created };
    let mut source = Source::new().with("configuration", json!({})).with("custom_scheduling", json!({}));
    let set_if = |source: &mut Source, name: &'static str, text: Option<&str>| {
        if let Some(text) = text {
            source.set(name, Value::from(text));
        }
    };
    set_if(&mut source, "description", asked.description);
    source.set("filtering", default_filtering(now));
    set_if(&mut source, "index_name", asked.index_name);
    source.set("is_native", Value::from(asked.is_native));
    set_if(&mut source, "language", asked.language);
    source.set("name", Value::from(asked.name.unwrap_or_default()));
    source.set("scheduling", default_scheduling());
    set_if(&mut source, "service_type", asked.service_type);
    source.set("status", Value::from(status.name()));
    source.set("sync_now", Value::from(false));
    source.set("deleted", Value::from(false));
    source
}

/// The filtering of a new connector: one item whose active and draft rules let everything through.
pub fn default_filtering(now: Timestamp) -> Value {
    let now = now.to_string();
    let rules = json!({
        "advanced_snippet": { "created_at": now, "updated_at": now, "value": {} },
        "rules": [{
            "created_at": now, "field": "_", "id": "DEFAULT", "order": 0, "policy": "include",
            "rule": "regex", "updated_at": now, "value": ".*"
        }],
        "validation": { "errors": [], "state": "valid" }
    });
    json!([{ "active": rules, "domain": "DEFAULT", "draft": rules }])
}

/// The scheduling of a new connector: every kind of job at midnight, all switched off.
pub fn default_scheduling() -> Value {
    let off = json!({ "enabled": false, "interval": "0 0 0 * * ?" });
    json!({ "access_control": off, "full": off, "incremental": off })
}

/// Whether the connector has been deleted softly.
pub fn is_deleted(connector: &Source) -> bool {
    connector.get("deleted").and_then(Value::as_bool).unwrap_or_default()
}

/// The active rules of the first filtering item, in the order in which a job lists them.
pub fn active_filtering(connector: &Source) -> Option<Value> {
    let active = connector.get("filtering")?.get(0)?.get("active")?;
    let mut rules = in_order(active, &["advanced_snippet", "rules", "validation"]);
    if let Some(snippet) = rules.get_mut("advanced_snippet") {
        *snippet = in_order(snippet, &["created_at", "updated_at", "value"]);
    }
    for rule in rules.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        *rule = in_order(rule, &["created_at", "field", "id", "order", "policy", "rule", "updated_at", "value"]);
    }
    if let Some(validation) = rules.get_mut("validation") {
        *validation = in_order(validation, &["errors", "state"]);
    }
    Some(rules)
}

/// The configuration with each entry as a job lists it: known members in a fixed order, four of them
/// always there.
pub fn rendered_configuration(connector: &Source) -> Value {
    let Some(Value::Object(entries)) = connector.get("configuration") else {
        return json!({});
    };
    Value::Object(entries.iter().map(|(name, entry)| (name.clone(), rendered_entry(entry))).collect())
}

const ENTRY_MEMBERS: [(&str, Option<Value>); 15] = [
    ("category", None),
    ("default_value", Some(Value::Null)),
    ("depends_on", None),
    ("display", None),
    ("label", None),
    ("options", None),
    ("order", None),
    ("placeholder", None),
    ("required", Some(Value::Bool(false))),
    ("sensitive", Some(Value::Bool(false))),
    ("tooltip", None),
    ("type", None),
    ("ui_restrictions", None),
    ("validations", None),
    ("value", Some(Value::Null)),
];

fn rendered_entry(entry: &Value) -> Value {
    let Value::Object(members) = entry else {
        return entry.clone();
    };
    let mut rendered = Map::new();
    for (name, when_absent) in ENTRY_MEMBERS {
        let given = members.get(name).filter(|value| !value.is_null()).cloned();
        if let Some(value) = given.or(when_absent) {
            rendered.insert(name.to_owned(), value);
        }
    }
    Value::Object(rendered)
}

/// `value` with the named members first and in that order, and whatever else it has behind them.
fn in_order(value: &Value, names: &[&str]) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let named = names.iter().filter_map(|name| members.get_key_value(*name));
    let others = members.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(named.chain(others).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The snapshots that the jobs of one connector share, one for each way of naming its index.
#[derive(Debug, Default)]
pub struct Snapshots {
    content: Option<Arc<Value>>,
    access_control: Option<Arc<Value>>,
}

impl Snapshots {
    /// The snapshot for a job of that type; made at the first asking.
    pub fn of(&mut self, id: &str, connector: &Source, job_type: super::sync_job::JobType) -> Arc<Value> {
        use super::sync_job::{JobType, snapshot};
        let slot = if job_type == JobType::AccessControl { &mut self.access_control } else { &mut self.content };
        slot.get_or_insert_with(|| Arc::new(snapshot(id, connector, job_type))).clone()
    }
}

/// What is wrong with the name of an index that a connector is to fill; none if it will do. Capitals
/// will do here: only the making of an index minds them.
///
/// Source: Elasticsearch's general rules for index names, in the order in which they are checked.
pub fn index_name_offence(name: &str) -> Option<String> {
    const FORBIDDEN: [char; 10] = ['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ','];
    if name.contains(FORBIDDEN) {
        let listed = r#"['\','/','*','?','"','<','>','|',' ',',']"#;
        return Some(format!("must not contain the following characters {listed}"));
    }
    match name {
        _ if name.contains('#') => Some("must not contain '#'".to_owned()),
        _ if name.contains(':') => Some("must not contain ':'".to_owned()),
        _ if name.starts_with(['_', '-', '+']) => Some("must not start with '_', '-', or '+'".to_owned()),
        _ if name.len() > INDEX_NAME_BYTES_MAX => {
            Some(format!("index name is too long, ({} > {INDEX_NAME_BYTES_MAX})", name.len()))
        }
        "." | ".." => Some("must not be '.' or '..'".to_owned()),
        _ => None,
    }
}
