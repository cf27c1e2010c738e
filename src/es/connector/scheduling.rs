//! The schedules of a connector: one for each kind of job.
//!
//! Source: Elasticsearch 9.x, connector scheduling class and its update request.

use serde_json::{Map, Value, json};

use crate::es::document::source::Patch;

/// The scheduling of a new connector: every kind of job at midnight, all switched off.
pub(crate) fn default() -> Value {
    let off = json!({ "enabled": false, "interval": "0 0 0 * * ?" });
    json!({ "access_control": off, "full": off, "incremental": off })
}

/// Whether a change names a schedule. Elasticsearch means all three kinds and looks at `incremental`
/// twice, so that one for permissions alone does not count.
pub(crate) fn names_a_schedule(scheduling: &Map<String, Value>) -> bool {
    ["full", "incremental"].iter().any(|kind| scheduling.contains_key(*kind))
}

/// Changes the schedules that are named; the others stay.
pub(crate) fn change(scheduling: &Map<String, Value>) -> Patch {
    Patch::new().set("scheduling", Value::Object(scheduling.clone())).in_hash_order()
}
