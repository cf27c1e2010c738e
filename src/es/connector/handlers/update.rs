//! `_connector/{id}/…`: the calls that change a connector.
//!
//! Some look the connector up first and miss it with `resource_not_found_exception`; the others only
//! write, miss the document instead, and do not mind that a connector was deleted softly.

use serde_json::Value;

use super::{ID, index_name_message, missing_id, refuse};
use crate::es::connector::{configuration, filtering, rules as connector, scheduling};
use crate::es::document::source::Patch;
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::store::Cluster;

/// An id must not be empty.
pub(crate) fn check_id(call: &Call) -> Result<(), ApiError> {
    refuse(missing_id(call).into_iter().collect())
}

fn check(call: &Call, message: Option<&str>) -> Result<(), ApiError> {
    refuse(missing_id(call).into_iter().chain(message.map(str::to_owned)).collect())
}

fn store(cluster: &mut Cluster, call: &Call, patch: Patch) -> Result<Reply, ApiError> {
    Ok(Reply::outcome(cluster.update_connector(call.path(ID), patch, call.now)?))
}

/// A member of the body that is there and no null.
fn given<'a>(call: &'a Call, name: &str) -> Option<&'a Value> {
    call.get(name).filter(|value| !value.is_null())
}

/// What was given of the named members, as the server stores it.
fn patch_of(call: &Call, names: &[&'static str]) -> Patch {
    let patch = names.iter().fold(Patch::new(), |patch, name| patch.set_if(*name, given(call, name).cloned()));
    patch.in_hash_order()
}

/// `connector.check_in`.
pub(crate) fn check_in(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    store(cluster, call, connector::check_in(call.now))
}

/// `connector.last_sync`. What is null is left as it is, so that nothing is ever cleared.
pub(crate) fn last_sync(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    const FIELDS: [&str; 11] = [
        "last_access_control_sync_error",
        "last_access_control_sync_scheduled_at",
        "last_access_control_sync_status",
        "last_deleted_document_count",
        "last_incremental_sync_scheduled_at",
        "last_indexed_document_count",
        "last_sync_error",
        "last_sync_scheduled_at",
        "last_sync_status",
        "last_synced",
        "sync_cursor",
    ];
    store(cluster, call, patch_of(call, &FIELDS))
}

/// `connector.update_error`.
pub(crate) fn update_error(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    store(cluster, call, connector::error(call.text("error")))
}

/// Either name or description must be given.
pub(crate) fn check_name(call: &Call) -> Result<(), ApiError> {
    let none = given(call, "name").or_else(|| given(call, "description")).is_none();
    let message = "[name] and [description] cannot both be [null]. Please provide a value for at least one of them.";
    check(call, none.then_some(message))
}

/// `connector.update_name`.
pub(crate) fn update_name(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    store(cluster, call, patch_of(call, &["name", "description"]))
}

/// Either id must be given.
pub(crate) fn check_api_key_id(call: &Call) -> Result<(), ApiError> {
    let none = given(call, "api_key_id").or_else(|| given(call, "api_key_secret_id")).is_none();
    let message = "[api_key_id] and [api_key_secret_id] cannot both be [null]. Please provide a value for at least one \
                   of them.";
    check(call, none.then_some(message))
}

/// `connector.update_api_key_id`.
pub(crate) fn update_api_key_id(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    store(cluster, call, patch_of(call, &["api_key_id", "api_key_secret_id"]))
}

/// A service type must not be empty.
pub(crate) fn check_service_type(call: &Call) -> Result<(), ApiError> {
    let empty = call.text("service_type").is_some_and(str::is_empty);
    check(call, empty.then_some("[service_type] cannot be [null] or [\"\"]."))
}

/// `connector.update_service_type`.
pub(crate) fn update_service_type(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let current = cluster.connector(call.path(ID), false)?;
    let patch = connector::service_type(current, call.required_text("service_type")?)?;
    store(cluster, call, patch)
}

/// The rules for the names of indices.
pub(crate) fn check_index_name(call: &Call) -> Result<(), ApiError> {
    let message = call.text("index_name").and_then(index_name_message);
    check(call, message.as_deref())
}

/// `connector.update_index_name`. Whether the name is taken is asked before whether the connector is there.
pub(crate) fn update_index_name(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let index_name = call.text("index_name");
    if let Some(name) = index_name {
        cluster.index_name_is_free(name, call.path(ID))?;
    }
    let patch = connector::index_name(cluster.connector(call.path(ID), false)?, index_name)?;
    store(cluster, call, patch)
}

/// `connector.update_native`.
pub(crate) fn update_native(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let is_native = call.boolean("is_native").unwrap_or_default();
    let patch = connector::native(id, cluster.connector(id, false)?, is_native)?;
    store(cluster, call, patch)
}

/// There must be a status.
pub(crate) fn check_status(call: &Call) -> Result<(), ApiError> {
    let none = call.text("status").is_none();
    check(call, none.then_some("[status] cannot be [null]."))
}

/// `connector.update_status`.
pub(crate) fn update_status(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let current = cluster.connector(call.path(ID), false)?;
    let to = call.required_text("status")?;
    let to = to.parse().map_err(|_| ApiError::unknown_enum("ConnectorStatus", to))?;
    let patch = connector::status(current, to)?;
    store(cluster, call, patch)
}

/// `connector.update_pipeline`.
pub(crate) fn update_pipeline(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    store(cluster, call, patch_of(call, &["pipeline"]))
}

/// `connector.update_features`. Without features the server trips before it looks at the connector.
pub(crate) fn update_features(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    match given(call, "features") {
        Some(_) => store(cluster, call, patch_of(call, &["features"])),
        None => Err(ApiError::null_pointer()),
    }
}

/// There must be a schedule.
pub(crate) fn check_scheduling(call: &Call) -> Result<(), ApiError> {
    let names_one = call.get("scheduling").and_then(Value::as_object).is_some_and(scheduling::names_a_schedule);
    let message =
        "[scheduling] object needs to define at least one schedule type: [full | incremental | access_control]";
    check(call, (!names_one).then_some(message))
}

/// `connector.update_scheduling`.
pub(crate) fn update_scheduling(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let patch = call.get("scheduling").and_then(Value::as_object).map(scheduling::change).unwrap_or_default();
    store(cluster, call, patch)
}

/// Either form of a configuration, and not both.
pub(crate) fn check_configuration(call: &Call) -> Result<(), ApiError> {
    let message = match (call.get("configuration"), call.get("values")) {
        (None, None) => Some("[configuration] and [values] cannot both be null."),
        (Some(_), Some(_)) => Some("[configuration] and [values] cannot both be provided in the same request."),
        _ => None,
    };
    check(call, message)
}

/// `connector.update_configuration`.
pub(crate) fn update_configuration(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let current = cluster.connector(id, false)?;
    if let Some(fields) = call.get("configuration").and_then(Value::as_object) {
        let replaced = configuration::replace(current, fields);
        cluster.replace_connector(id, replaced, call.now)?;
        return Ok(Reply::updated());
    }
    let patch = configuration::set_values(current, call.get("values").unwrap_or(&Value::Null))?;
    store(cluster, call, patch)
}

/// Either a whole filtering or parts of a draft.
pub(crate) fn check_filtering(call: &Call) -> Result<(), ApiError> {
    let draft = call.get("rules").or_else(|| call.get("advanced_snippet"));
    let message = match (call.get("filtering"), draft) {
        (None, None) => Some("[advanced_snippet] and [rules] cannot be both [null]."),
        (Some(_), Some(_)) => Some(
            "If [filtering] is specified, [rules] and [advanced_snippet] should not be present in the request body.",
        ),
        _ => None,
    };
    check(call, message)
}

/// `connector.update_filtering`. Only a draft looks at what is there.
pub(crate) fn update_filtering(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let list = |name: &str| call.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let patch = match list("filtering") {
        Some(items) => filtering::replace(items, call.now),
        None => {
            let current = cluster.connector(call.path(ID), false)?;
            filtering::draft(current, list("rules"), call.get("advanced_snippet"), call.now)?
        }
    };
    store(cluster, call, patch)
}

/// `connector.update_filtering_validation`.
pub(crate) fn update_filtering_validation(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let current = cluster.connector(call.path(ID), false)?;
    let patch = filtering::validate(current, call.get("validation").unwrap_or(&Value::Null))?;
    store(cluster, call, patch)
}

/// `connector.update_active_filtering`.
pub(crate) fn update_active_filtering(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let patch = filtering::activate(cluster.connector(call.path(ID), false)?)?;
    store(cluster, call, patch)
}
