//! `_connector/_secret/…`: values that connectors keep out of their documents.
//!
//! DIFFERENCE: they are always there. Elasticsearch has these calls in snapshot builds and in its
//! serverless offer only.

use serde_json::json;

use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::store::Cluster;

const ID: &str = "id";

/// A secret must not be empty.
pub(crate) fn check_post(call: &Call) -> Result<(), ApiError> {
    match call.text("value") {
        None | Some("") => {
            Err(ApiError::validation(&["[value] of the connector secret cannot be [null] or [\"\"]".to_owned()]))
        }
        Some(_) => Ok(()),
    }
}

/// `connector.secret_post`.
pub(crate) fn post(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = cluster.next_id();
    cluster.put_secret(&id, call.required_text("value")?, call.now)?;
    Ok(Reply::json(json!({ "id": id })))
}

/// Neither id nor secret may be empty. Without a body the server trips.
pub(crate) fn check_put(call: &Call) -> Result<(), ApiError> {
    if call.parsed.body.is_none() {
        return Err(ApiError::null_pointer());
    }
    let empty = |empty: bool, name: &str| empty.then(|| format!("[{name}] cannot be [null] or [\"\"]"));
    let messages: Vec<String> =
        [empty(call.path(ID).is_empty(), ID), empty(call.text("value").is_none_or(str::is_empty), "value")]
            .into_iter()
            .flatten()
            .collect();
    if messages.is_empty() { Ok(()) } else { Err(ApiError::validation(&messages)) }
}

/// `connector.secret_put`.
pub(crate) fn put(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if cluster.put_secret(call.path(ID), call.required_text("value")?, call.now)? {
        Ok(Reply::created(json!({ "result": "created" })))
    } else {
        Ok(Reply::updated())
    }
}

/// `connector.secret_get`.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    Ok(Reply::json(json!({ "id": id, "value": cluster.secret(id)? })))
}

/// `connector.secret_delete`.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    cluster.delete_secret(call.path(ID))?;
    Ok(Reply::json(json!({ "deleted": true })))
}
