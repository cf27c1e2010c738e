//! `_connector` and `_connector/{id}`: making, reading and deleting connectors.
//!
//! Listing them is in `list`, and all that changes one in `update`.

mod list;
mod update;

use serde_json::json;

use crate::es::connector::rules::{NATIVE_PREFIX, NewConnector, index_name_offence};
use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::store::Cluster;

pub(crate) use list::*;
pub(crate) use update::*;

const ID: &str = "connector_id";

fn missing_id(call: &Call) -> Option<String> {
    call.path(ID).is_empty().then(|| format!("[{ID}] cannot be [null] or [\"\"]."))
}

fn refuse(messages: Vec<String>) -> Result<(), ApiError> {
    if messages.is_empty() { Ok(()) } else { Err(ApiError::validation(&messages)) }
}

fn index_name_message(name: &str) -> Option<String> {
    index_name_offence(name).map(|offence| {
        format!("[{name}] org.elasticsearch.indices.InvalidIndexNameException: Invalid index name [{name}], {offence}")
    })
}

/// The rules for the name of a connector's index.
pub(crate) fn check_create(call: &Call) -> Result<(), ApiError> {
    let Some(name) = call.text("index_name") else {
        return Ok(());
    };
    let mut messages: Vec<String> = index_name_message(name).into_iter().collect();
    if call.boolean("is_native") == Some(true) && !name.starts_with(NATIVE_PREFIX) {
        messages.push(format!(
            "Index [{name}] is invalid. Index attached to an Elastic-managed connector must start with the prefix: \
             [{NATIVE_PREFIX}]"
        ));
    }
    refuse(messages)
}

/// `connector.post`.
pub(crate) fn post(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = cluster.next_id();
    create(cluster, call, &id)
}

/// `connector.put`. Path and query share one map of parameters, so the id may come in either.
pub(crate) fn put(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let given = [call.path(ID), call.query(ID).unwrap_or_default()];
    match given.into_iter().find(|id| !id.is_empty()).map(str::to_owned) {
        Some(id) => create(cluster, call, &id),
        None => post(cluster, call),
    }
}

fn create(cluster: &mut Cluster, call: &Call, id: &str) -> Result<Reply, ApiError> {
    let asked = NewConnector {
        description: call.text("description"),
        index_name: call.text("index_name"),
        is_native: call.boolean("is_native").unwrap_or(false),
        language: call.text("language"),
        name: call.text("name"),
        service_type: call.text("service_type"),
    };
    if cluster.put_connector(id, &asked, call.now)? {
        Ok(Reply::created(json!({ "id": id, "result": "created" })))
    } else {
        Ok(Reply::json(json!({ "id": id, "result": "updated" })))
    }
}

/// `connector.get`.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let connector = cluster.connector(id, call.switch("include_deleted"))?;
    Ok(Reply::ok(AnswerBody::Document(id.into(), connector.clone())))
}

/// The name of the call that deletes a connector.
pub(crate) const DELETE: &str = "connector.delete";

/// `connector.delete`.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    cluster.delete_connector(call.path(ID), call.switch("hard"), call.switch("delete_sync_jobs"))?;
    Ok(Reply::acknowledged())
}
