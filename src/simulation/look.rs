//! [`StateView`]: the state as a simulated side sees it at an instant.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::es::connector::rules::{ConnectorStatus, is_deleted};
use crate::es::document::source::Source;
use crate::es::store::{CONNECTORS, Cluster, SYNC_JOBS};
use crate::es::sync_job::rules::{JobType, SyncStatus};
use crate::ids::draw;

/// The state at an instant.
pub(super) struct StateView<'c> {
    /// The state.
    pub(crate) cluster: &'c Cluster,
    /// Nothing happens before it.
    pub(crate) from: Timestamp,
    /// What chance depends on.
    pub(crate) seed: u64,
}

impl<'c> StateView<'c> {
    fn documents(&self, index: &str) -> impl Iterator<Item = (&'c str, &'c Source)> + use<'c> {
        let index = self.cluster.indices.get(index);
        index
            .into_iter()
            .flat_map(|index| index.iter())
            .map(|(id, document): (&Arc<str>, _)| (&**id, &*document.source))
    }

    /// The connectors that are not deleted, in the order of their ids.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = (&'c str, &'c Source)> + use<'c> {
        self.documents(CONNECTORS).filter(|(_, connector)| !is_deleted(connector))
    }

    /// The sync jobs, in the order of their ids.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = (&'c str, &'c Source)> + use<'c> {
        self.documents(SYNC_JOBS)
    }

    /// One connector.
    pub(crate) fn connector(&self, id: &str) -> Option<&'c Source> {
        self.cluster.connector(id, false).ok().map(|source| &**source)
    }

    /// One job.
    pub(crate) fn job(&self, id: &str) -> Option<&'c Source> {
        self.cluster.sync_job(id).ok().map(|source| &**source)
    }

    /// How many documents an index holds.
    pub(crate) fn documents_of(&self, index: &str) -> usize {
        self.cluster.indices.get(index).map_or(0, |index| index.len())
    }

    /// A whole number up to `most`, from 1: the how manieth one for something.
    pub(crate) fn draw(&self, of: &str, number: u64, most: u64) -> u64 {
        1 + (draw(self.seed, of, number) * most as f64) as u64
    }
}

/// The status of a connector.
pub(super) fn status_of(connector: &Source) -> Option<ConnectorStatus> {
    connector.text("status")?.parse().ok()
}

/// Whether syncs of a connector can be done.
pub(super) fn is_ready(connector: &Source) -> bool {
    use ConnectorStatus::{Configured, Connected, Error};
    matches!(status_of(connector), Some(Configured | Connected | Error)) && complaint(connector).is_none()
}

/// The status of a job.
pub(super) fn status_of_job(job: &Source) -> Option<SyncStatus> {
    job.text("status")?.parse().ok()
}

/// The connector whose job it is.
pub(super) fn connector_of(job: &Source) -> Option<&str> {
    job.at(&["connector", "id"])?.as_str()
}

/// The type of a job.
pub(super) fn type_of(job: &Source) -> JobType {
    job.text("job_type").and_then(|name| name.parse().ok()).unwrap_or(JobType::Full)
}

/// The fields of a connector's configuration.
pub(super) fn fields(connector: &Source) -> impl Iterator<Item = (&String, &Value)> {
    connector.get("configuration").and_then(Value::as_object).into_iter().flatten()
}

/// Whether a field must have a value and has none.
pub(super) fn is_missing(connector: &Source, field: &Value) -> bool {
    let is_empty = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == "");
    let has = |name: &Value, wanted: &Value| {
        let value = name.as_str().and_then(|name| connector.at(&["configuration", name, "value"]));
        value == Some(wanted)
    };
    let depends = field.get("depends_on").and_then(Value::as_array).into_iter().flatten();
    let is_asked = depends.into_iter().all(|other| has(&other["field"], &other["value"]));
    field.get("required") == Some(&Value::Bool(true))
        && is_asked
        && is_empty(field.get("value"))
        && is_empty(field.get("default_value"))
}

/// What a service says against a connector's configuration.
pub(super) fn complaint(connector: &Source) -> Option<String> {
    let (name, field) = fields(connector).find(|(_, field)| is_missing(connector, field))?;
    let label = field.get("label").and_then(Value::as_str).unwrap_or(name);
    Some(format!("Field validation errors: '{label}' cannot be empty."))
}
