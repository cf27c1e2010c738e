//! Who is asking, and keys for those who will.
//!
//! DIFFERENCE: the mock checks no credentials. Whoever asks is `elastic`, and an API key that was made
//! here opens no more than any other.

use serde_json::{Map, Value, json};

use crate::base64;
use crate::clock::parse_duration;
use crate::cluster::Cluster;
use crate::rest::call::{Call, Reply};
use crate::rest::error::Error;

/// `security.authenticate`.
pub fn authenticate(_: &mut Cluster, _: &Call) -> Result<Reply, Error> {
    let realm = json!({ "name": "reserved", "type": "reserved" });
    Ok(Reply::json(json!({
        "username": "elastic",
        "roles": ["superuser"],
        "full_name": null,
        "email": null,
        "metadata": { "_reserved": true },
        "enabled": true,
        "authentication_realm": realm.clone(),
        "lookup_realm": realm,
        "authentication_type": "realm",
    })))
}

/// `security.create_api_key`.
pub fn create_api_key(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let name = call.text("name").filter(|name| !name.is_empty()).ok_or_else(Error::no_key_name)?;
    let expires_at = match call.text("expiration") {
        None => None,
        Some(text) => Some(call.now.plus(parse_duration(text).map_err(|_| Error::bad_expiration(text))?)),
    };
    let (id, key) = (cluster.next_id(), cluster.next_key());
    let mut told = Map::new();
    told.insert("id".into(), id.as_str().into());
    told.insert("name".into(), name.into());
    if let Some(at) = expires_at {
        told.insert("expiration".into(), at.as_millis().into());
    }
    told.insert("api_key".into(), key.as_str().into());
    told.insert("encoded".into(), base64::encode(format!("{id}:{key}").as_bytes()).into());
    Ok(Reply::json(Value::Object(told)))
}
