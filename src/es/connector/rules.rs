//! The connector: its statuses, what its document holds when it is new, and what may be asked of it.
//!
//! Pure functions from what is known, what is asked and an instant to a [`Source`] or a [`Patch`];
//! nothing here stores. Configuration, filtering and scheduling have files of their own.
//!
//! Source: Elasticsearch 9.x, connector document class and index service.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::filtering::DefaultFiltering;
use super::scheduling;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::es::document::shared::SharedValue;
use crate::es::document::source::{Patch, Source};
use crate::es::refusal::{ConnectorRefusal, Refusal};
use crate::limits::INDEX_NAME_BYTES_MAX;

/// The status of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
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

impl ConnectorStatus {
    /// The edges of the status machine, those that lead back to the same status included. Elasticsearch
    /// asks it when a status is set by name, and only then.
    pub fn may_become(self, to: ConnectorStatus) -> bool {
        use ConnectorStatus::{Configured, Connected, Created, Error, NeedsConfiguration};
        match self {
            Created => matches!(to, NeedsConfiguration | Error),
            NeedsConfiguration => matches!(to, Configured | Error),
            Configured => matches!(to, NeedsConfiguration | Configured | Connected | Error),
            Connected | Error => matches!(to, Configured | Connected | Error),
        }
    }

    fn of(connector: &Source) -> Result<ConnectorStatus, Refusal> {
        let status = connector.text("status");
        status
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| ConnectorRefusal::UnknownStatus { status: status.map(str::to_owned) }.into())
    }
}

impl fmt::Display for ConnectorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConnectorStatus {
    type Err = Error;

    /// Elasticsearch reads these names in any case.
    fn from_str(text: &str) -> Result<ConnectorStatus, Error> {
        let found = ConnectorStatus::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names = ConnectorStatus::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
            Error::invalid_input(format!("there is no connector status [{text}]; there are {names}"))
        })
    }
}

/// What may be said of a connector when it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NewConnector<'a> {
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
pub(crate) fn create(asked: &NewConnector<'_>, now: Timestamp) -> Source {
    let status = if asked.is_native { ConnectorStatus::NeedsConfiguration } else { ConnectorStatus::Created };
    let mut source = Source::new().with("configuration", EMPTY.clone()).with("custom_scheduling", EMPTY.clone());
    let set_if = |source: &mut Source, name: &'static str, text: Option<&str>| {
        if let Some(text) = text {
            source.set(name, Value::from(text));
        }
    };
    set_if(&mut source, "description", asked.description);
    source.share("filtering", SharedValue::filtering(DefaultFiltering(now)));
    set_if(&mut source, "index_name", asked.index_name);
    source.set("is_native", Value::from(asked.is_native));
    set_if(&mut source, "language", asked.language);
    source.set("name", Value::from(asked.name.unwrap_or_default()));
    source.set("scheduling", SCHEDULING.clone());
    set_if(&mut source, "service_type", asked.service_type);
    source.set("status", Value::from(status.name()));
    source.set("sync_now", Value::from(false));
    source.set("deleted", Value::from(false));
    source
}

// What every new connector has alike is held once.
static EMPTY: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(json!({})));
static SCHEDULING: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(scheduling::default()));

/// What Elastic's own connectors must call their index.
pub(crate) const NATIVE_PREFIX: &str = "content-";

/// The connector's service says that it is alive. No status minds, not even a deletion.
pub(crate) fn check_in(now: Timestamp) -> Patch {
    Patch::new().set("last_seen", Value::from(now.to_string()))
}

/// Something is wrong with the connector, or is no longer. The status machine is not asked: a
/// connector without an error is taken for connected.
pub(crate) fn error(error: Option<&str>) -> Patch {
    let status =
        if error.is_some_and(|error| !error.is_empty()) { ConnectorStatus::Error } else { ConnectorStatus::Connected };
    Patch::new().set("error", Value::from(error)).set("status", Value::from(status.name())).in_hash_order()
}

/// The connector reads another kind of source, and needs another configuration for it.
pub(crate) fn service_type(connector: &Source, service_type: &str) -> Result<Patch, Refusal> {
    let status = match ConnectorStatus::of(connector)? {
        ConnectorStatus::Created => ConnectorStatus::Created,
        _ => ConnectorStatus::NeedsConfiguration,
    };
    let patch = Patch::new().set("service_type", Value::from(service_type)).set("status", Value::from(status.name()));
    Ok(patch.in_hash_order())
}

/// The connector fills another index, or none. Whether the name is free is asked before.
pub(crate) fn index_name(connector: &Source, index_name: Option<&str>) -> Result<Patch, Refusal> {
    match index_name {
        Some(name) if is_native(connector) && !name.starts_with(NATIVE_PREFIX) => {
            Err(ConnectorRefusal::NativeIndexName { index_name: name.to_owned() }.into())
        }
        name => Ok(Patch::new().set("index_name", Value::from(name))),
    }
}

/// Elastic runs the connector, or no longer does. One that was connected has to connect anew.
pub(crate) fn native(id: &str, connector: &Source, is_native: bool) -> Result<Patch, Refusal> {
    if is_native && let Some(name) = connector.text("index_name").filter(|name| !name.starts_with(NATIVE_PREFIX)) {
        return Err(ConnectorRefusal::NativeWithIndex { id: id.to_owned(), index_name: name.to_owned() }.into());
    }
    let status = match ConnectorStatus::of(connector)? {
        ConnectorStatus::Connected => ConnectorStatus::Configured,
        other => other,
    };
    let patch = Patch::new().set("is_native", Value::from(is_native)).set("status", Value::from(status.name()));
    Ok(patch.in_hash_order())
}

/// Sets the status by name. Only here is the status machine asked.
pub(crate) fn status(connector: &Source, to: ConnectorStatus) -> Result<Patch, Refusal> {
    match ConnectorStatus::of(connector)? {
        from if from.may_become(to) => Ok(Patch::new().set("status", Value::from(to.name()))),
        from => Err(ConnectorRefusal::InvalidTransition { from, to }.into()),
    }
}

fn is_native(connector: &Source) -> bool {
    connector.get("is_native").and_then(Value::as_bool).unwrap_or_default()
}

/// Whether the connector has been deleted softly.
pub(crate) fn is_deleted(connector: &Source) -> bool {
    connector.get("deleted").and_then(Value::as_bool).unwrap_or_default()
}

/// The snapshots that the jobs of one connector share, one for each way of naming its index.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    content: Option<SharedValue>,
    access_control: Option<SharedValue>,
}

impl Snapshots {
    /// The snapshot for a job of that type; made at the first asking.
    pub(crate) fn of(
        &mut self,
        id: &Arc<str>,
        connector: &Arc<Source>,
        job_type: crate::es::sync_job::rules::JobType,
    ) -> SharedValue {
        use crate::es::sync_job::rules::{JobType, Snapshot};
        let slot = if job_type == JobType::AccessControl { &mut self.access_control } else { &mut self.content };
        let snapshot = || Snapshot { connector_id: id.clone(), connector: connector.clone(), job_type };
        slot.get_or_insert_with(|| SharedValue::snapshot(snapshot())).clone()
    }
}

/// What is wrong with the name of an index that a connector is to fill; none if it will do. Capitals
/// will do here: only the making of an index minds them.
///
/// Source: Elasticsearch's general rules for index names, in the order in which they are checked.
pub(crate) fn index_name_offence(name: &str) -> Option<String> {
    const FORBIDDEN: [char; 10] = ['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ','];
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
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

#[cfg(test)]
mod tests {
    use super::ConnectorStatus::{Configured, Connected, Created, Error, NeedsConfiguration};
    use super::*;

    fn connector_in(status: ConnectorStatus) -> Source {
        Source::new().with("status", json!(status.name()))
    }

    #[test]
    fn the_status_machine_follows_the_table() {
        for (from, ways) in [
            (Created, vec![NeedsConfiguration, Error]),
            (NeedsConfiguration, vec![Configured, Error]),
            (Configured, vec![NeedsConfiguration, Configured, Connected, Error]),
            (Connected, vec![Configured, Connected, Error]),
            (Error, vec![Configured, Connected, Error]),
        ] {
            for &to in ConnectorStatus::ALL {
                let expected = if ways.contains(&to) {
                    Ok(Patch::new().set("status", json!(to.name())))
                } else {
                    Err(ConnectorRefusal::InvalidTransition { from, to }.into())
                };
                assert_eq!(status(&connector_in(from), to), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn what_changes_the_status_without_asking_the_machine() {
        let after = |from: ConnectorStatus, patch: Result<Patch, Refusal>| {
            let mut connector = connector_in(from);
            connector.merge(patch.expect("a patch"));
            connector.text("status").map(str::to_owned)
        };
        for &from in ConnectorStatus::ALL {
            let name = |status: ConnectorStatus| Some(status.name().to_owned());
            let connector = connector_in(from);
            assert_eq!(after(from, Ok(error(Some("boom")))), name(Error));
            assert_eq!(after(from, Ok(error(Some("")))), name(Connected));
            assert_eq!(after(from, Ok(error(None))), name(Connected));
            let needs = if from == Created { Created } else { NeedsConfiguration };
            assert_eq!(after(from, service_type(&connector, "s3")), name(needs));
            let kept = if from == Connected { Configured } else { from };
            assert_eq!(after(from, native("A", &connector, true)), name(kept));
        }
    }

    #[test]
    fn an_index_of_elastics_own_has_the_prefix() {
        let own = Source::new().with("is_native", json!(true)).with("status", json!("created"));
        assert!(index_name(&own, None).is_ok());
        assert!(index_name(&own, Some("content-x")).is_ok());
        let refusal = ConnectorRefusal::NativeIndexName { index_name: "x".into() };
        assert_eq!(index_name(&own, Some("x")), Err(refusal.into()));
        let mine = Source::new().with("index_name", json!("x")).with("status", json!("created"));
        assert!(native("A", &mine, false).is_ok());
        let refusal = ConnectorRefusal::NativeWithIndex { id: "A".into(), index_name: "x".into() };
        assert_eq!(native("A", &mine, true), Err(refusal.into()));
    }

    #[test]
    fn names_of_indices_are_checked_in_the_servers_order() {
        for (name, offence) in [
            ("Upper-Case", None),
            ("content-a", None),
            ("", Some("must not be empty")),
            ("a b#", Some("must not contain the following characters")),
            ("_a#b", Some("must not contain '#'")),
            ("_a:b", Some("must not contain ':'")),
            ("_a", Some("must not start with")),
            ("..", Some("must not be '.' or '..'")),
            (&"é".repeat(128), Some("index name is too long, (256 > 255)")),
            (&"e".repeat(255), None),
        ] {
            let seen = index_name_offence(name);
            assert_eq!(seen.is_some(), offence.is_some(), "{name}");
            assert!(seen.unwrap_or_default().starts_with(offence.unwrap_or_default()), "{name}");
        }
    }
}
