//! Who is asking, and keys for those who will.
//!
//! DIFFERENCE: the mock checks no credentials. Whoever asks is `elastic`, and an API key that was made
//! here opens no more than any other; `security.authenticate` tells which of them was sent.

use serde_json::{Map, Value, json};

use crate::base64;
use crate::clock::parse_duration;
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::security::api_key::ApiKey;
use crate::es::store::Cluster;
use crate::wildcard::is_like;

/// `security.authenticate`.
///
/// Source: Elasticsearch 9.x, authentication of API keys: the owner's name without roles, and the key.
pub(crate) fn authenticate(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let key = api_key_sent(cluster, call);
    let (realm, kind, roles) = match key {
        Some(_) => (json!({ "name": "_es_api_key", "type": "_es_api_key" }), "api_key", json!([])),
        None => (json!({ "name": "reserved", "type": "reserved" }), "realm", json!(["superuser"])),
    };
    let mut told = json!({
        "username": "elastic",
        "roles": roles,
        "full_name": null,
        "email": null,
        "metadata": { "_reserved": true },
        "enabled": true,
        "authentication_realm": realm.clone(),
        "lookup_realm": realm,
        "authentication_type": kind,
    });
    if let Some((id, key)) = key {
        told["api_key"] = json!({ "id": id, "name": key.name });
        if call.release.is_from(9, 2) {
            told["api_key"]["managed_by"] = json!("elasticsearch");
        }
    }
    Ok(Reply::json(told))
}

/// The key that a call was sent with, if it was made here and still holds.
fn api_key_sent<'c>(cluster: &'c Cluster, call: &Call) -> Option<(String, &'c ApiKey)> {
    let (scheme, credentials) = call.header("authorization")?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("apikey").then(|| base64::decode(credentials.trim()))??;
    let (id, _) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let key = cluster.api_keys().get(id).filter(|key| key.is_valid(call.now))?;
    Some((id.to_owned(), key))
}

/// `security.create_api_key`.
///
/// Source: Elasticsearch 9.x, request to create an API key, its parser and its validation.
pub(crate) fn create_api_key(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    const MEMBERS: [&str; 4] = ["name", "expiration", "metadata", "role_descriptors"];
    if let Some(refresh) = call.query("refresh").filter(|it| !["", "true", "false", "wait_for"].contains(it)) {
        return Err(ApiError::unknown_refresh(refresh));
    }
    let body = call.json().and_then(Value::as_object);
    for (member, value) in body.into_iter().flatten() {
        let is_right = match member.as_str() {
            "name" | "expiration" => value.is_string(),
            "metadata" | "role_descriptors" => value.is_object(),
            _ => return Err(ApiError::unknown_key_field(member)),
        };
        let may_be_null = MEMBERS[1..].contains(&member.as_str());
        if !(is_right || may_be_null && value.is_null()) {
            return Err(ApiError::bad_key_field(member));
        }
    }
    let name = call.text("name").ok_or_else(|| ApiError::illegal("Required [name]"))?;
    let mut wrong = name_offences(name);
    let metadata = call.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if metadata.as_object().is_some_and(|metadata| metadata.keys().any(|key| key.starts_with('_'))) {
        wrong.push("API key metadata keys may not start with [_]".to_owned());
    }
    let expires_at = match call.text("expiration") {
        None => None,
        Some(text) => Some(call.now.plus(parse_duration(text).map_err(|_| ApiError::bad_expiration(text))?)),
    };
    let roles = call.get("role_descriptors").cloned().unwrap_or_else(|| json!({}));
    for (name, role) in roles.as_object().into_iter().flatten() {
        check_role(name, role)?;
        for privilege in role.get("cluster").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !is_privilege(privilege, &CLUSTER_PRIVILEGES, "cluster:") {
                wrong.push(unknown_privilege("cluster", privilege, &CLUSTER_PRIVILEGES));
            }
        }
        for index in
            ["index", "indices"].iter().filter_map(|name| role.get(*name)).filter_map(Value::as_array).flatten()
        {
            let privileges = index.get("privileges").and_then(Value::as_array).into_iter().flatten();
            for privilege in privileges.filter_map(Value::as_str) {
                if !is_privilege(privilege, &INDEX_PRIVILEGES, "indices:") {
                    wrong.push(unknown_privilege("index", privilege, &INDEX_PRIVILEGES));
                }
            }
        }
    }
    crate::es::index::handlers::lookup::refuse(&wrong)?;
    let (id, key) = (cluster.next_id(), cluster.next_key());
    let mut told = Map::new();
    told.insert("id".into(), id.as_str().into());
    told.insert("name".into(), name.into());
    if let Some(at) = expires_at {
        told.insert("expiration".into(), at.as_millis().into());
    }
    told.insert("api_key".into(), key.as_str().into());
    told.insert("encoded".into(), base64::encode(format!("{id}:{key}").as_bytes()).into());
    let kept = ApiKey {
        name: name.to_owned(),
        created_at: call.now,
        expires_at,
        invalidated_at: None,
        metadata,
        role_descriptors: roles,
    };
    cluster.api_keys_mut().add(&id, kept);
    Ok(Reply::json(Value::Object(told)))
}

/// What a role says of indices, in the order in which it is told.
const OF_INDICES: [&str; 7] =
    ["names", "privileges", "field_security", "query", "allow_restricted_indices", "transient_metadata", "clusters"];

/// Refuses members that no role has.
///
/// Source: Elasticsearch 9.x, the parser of role descriptors.
fn check_role(name: &str, role: &Value) -> Result<(), ApiError> {
    const MEMBERS: [&str; 14] = [
        "cluster",
        "global",
        "indices",
        "index",
        "applications",
        "application",
        "run_as",
        "metadata",
        "transient_metadata",
        "remote_indices",
        "remote_cluster",
        "restriction",
        "workflows",
        "description",
    ];
    let members = role.as_object().into_iter().flatten();
    if let Some((unknown, _)) = members.clone().find(|(member, _)| !MEMBERS.contains(&member.as_str())) {
        return Err(ApiError::bad_role(format!("failed to parse role [{name}]. unexpected field [{unknown}]")));
    }
    for (_, list) in members.filter(|(member, _)| ["index", "indices"].contains(&member.as_str())) {
        let mut entries = list.as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
        if let Some((unknown, _)) = entries.find(|(member, _)| !OF_INDICES.contains(&member.as_str())) {
            return Err(ApiError::bad_role(format!(
                "failed to parse indices privileges for role [{name}]. unexpected field [{unknown}]"
            )));
        }
    }
    Ok(())
}

/// What is wrong with the name of a key.
fn name_offences(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["api key name is required".to_owned()];
    }
    let offences = [
        (name.chars().count() > 256, "api key name may not be more than 256 characters long"),
        (name.trim() != name, "api key name may not begin or end with whitespace"),
        (name.starts_with('_'), "api key name may not begin with an underscore"),
    ];
    offences.iter().filter(|(is_so, _)| *is_so).map(|(_, offence)| (*offence).to_owned()).collect()
}

/// What may be done with the cluster.
///
/// Source: Elasticsearch 9.x, its resolver of cluster privileges.
const CLUSTER_PRIVILEGES: [&str; 62] = [
    "all",
    "cancel_task",
    "create_snapshot",
    "cross_cluster_replication",
    "cross_cluster_search",
    "delegate_pki",
    "grant_api_key",
    "manage",
    "manage_api_key",
    "manage_autoscaling",
    "manage_behavioral_analytics",
    "manage_ccr",
    "manage_connector",
    "manage_data_frame_transforms",
    "manage_data_stream_global_retention",
    "manage_enrich",
    "manage_esql",
    "manage_ilm",
    "manage_index_templates",
    "manage_inference",
    "manage_ingest_pipelines",
    "manage_logstash_pipelines",
    "manage_ml",
    "manage_oidc",
    "manage_own_api_key",
    "manage_pipeline",
    "manage_roles",
    "manage_rollup",
    "manage_saml",
    "manage_search_application",
    "manage_search_query_rules",
    "manage_search_synonyms",
    "manage_security",
    "manage_service_account",
    "manage_slm",
    "manage_token",
    "manage_transform",
    "manage_user_profile",
    "manage_watcher",
    "monitor",
    "monitor_connector",
    "monitor_data_frame_transforms",
    "monitor_data_stream_global_retention",
    "monitor_enrich",
    "monitor_esql",
    "monitor_inference",
    "monitor_ml",
    "monitor_rollup",
    "monitor_snapshot",
    "monitor_stats",
    "monitor_text_structure",
    "monitor_transform",
    "monitor_watcher",
    "none",
    "post_behavioral_analytics_event",
    "read_ccr",
    "read_connector_secrets",
    "read_ilm",
    "read_pipeline",
    "read_security",
    "read_slm",
    "transport_client",
];

/// What may be done with indices.
///
/// Source: Elasticsearch 9.x, its index privileges.
const INDEX_PRIVILEGES: [&str; 24] = [
    "all",
    "auto_configure",
    "create",
    "create_doc",
    "create_index",
    "cross_cluster_replication",
    "cross_cluster_replication_internal",
    "delete",
    "delete_index",
    "index",
    "maintenance",
    "manage",
    "manage_data_stream_lifecycle",
    "manage_failure_store",
    "manage_follow_index",
    "manage_ilm",
    "manage_leader_index",
    "monitor",
    "none",
    "read",
    "read_cross_cluster",
    "read_failure_store",
    "view_index_metadata",
    "write",
];

fn is_privilege(name: &str, known: &[&str], action: &str) -> bool {
    let lower = name.to_lowercase();
    known.contains(&lower.as_str())
        || lower.starts_with(action)
        || lower.starts_with("internal:")
        || lower == "write_connector_secrets"
        || lower == "manage_reindex"
}

fn unknown_privilege(kind: &str, name: &str, known: &[&str]) -> String {
    format!(
        "unknown {kind} privilege [{name}]. a privilege must be either one of the predefined {kind} privilege names [{}] \
         or a pattern over one of the available {kind} actions",
        known.join(",")
    )
}

/// A key as it is told to who asks for it.
fn told(id: &str, key: &ApiKey, call: &Call) -> Value {
    let mut told = json!({ "id": id, "name": key.name });
    if call.release.is_from(8, 10) {
        told["type"] = json!("rest");
    }
    told["creation"] = json!(key.created_at.as_millis());
    if let Some(at) = key.expires_at {
        told["expiration"] = json!(at.as_millis());
    }
    told["invalidated"] = json!(key.invalidated_at.is_some());
    if let Some(at) = key.invalidated_at {
        told["invalidation"] = json!(at.as_millis());
    }
    told["username"] = json!("elastic");
    told["realm"] = json!("reserved");
    told["realm_type"] = json!("reserved");
    told["metadata"] = key.metadata.clone();
    let roles = key.role_descriptors.as_object().into_iter().flatten();
    told["role_descriptors"] = roles.map(|(name, role)| (name.clone(), shown_role(role))).collect();
    told
}

/// A role with all that one has, as it is told.
///
/// Source: Elasticsearch 9.x, role descriptors and their index privileges.
fn shown_role(role: &Value) -> Value {
    let either = |one: &str, other: &str| role.get(one).or(role.get(other)).cloned().unwrap_or_else(|| json!([]));
    let mut indices = either("indices", "index");
    for entry in indices.as_array_mut().into_iter().flatten() {
        let told = OF_INDICES.iter().filter_map(|name| {
            let said = match (*name, entry.get(*name)) {
                ("names" | "privileges", Some(one @ Value::String(_))) => json!([one]),
                ("allow_restricted_indices", None) => json!(false),
                (_, said) => said?.clone(),
            };
            Some(((*name).to_owned(), said))
        });
        *entry = Value::Object(told.collect());
    }
    let mut shown = Map::new();
    shown.insert("cluster".to_owned(), role.get("cluster").cloned().unwrap_or_else(|| json!([])));
    shown.extend(role.get("global").map(|global| ("global".to_owned(), global.clone())));
    shown.insert("indices".to_owned(), indices);
    shown.insert("applications".to_owned(), either("applications", "application"));
    shown.insert("run_as".to_owned(), role.get("run_as").cloned().unwrap_or_else(|| json!([])));
    shown.insert("metadata".to_owned(), role.get("metadata").cloned().unwrap_or_else(|| json!({})));
    shown.insert("transient_metadata".to_owned(), json!({ "enabled": true }));
    for name in ["remote_indices", "remote_cluster", "restriction", "description"] {
        shown.extend(role.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    Value::Object(shown)
}

fn refuse_parameters(call: &Call, names: &[&str]) -> Result<(), ApiError> {
    match names.iter().find(|name| call.query(name).is_some_and(|value| value != "false")) {
        Some(name) => Err(ApiError::unsupported(&format!("[{name}] of API keys"), "leave it out")),
        None => Ok(()),
    }
}

/// Whether the owner that is asked for is the one that every key here has.
fn is_owned(realm: Option<&str>, username: Option<&str>) -> bool {
    realm.is_none_or(|realm| realm == "reserved") && username.is_none_or(|name| name == "elastic")
}

/// `security.get_api_key`.
pub(crate) fn get_api_key(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    refuse_parameters(call, &["with_limited_by", "with_profile_uid"])?;
    let asked = |name: &str| call.query(name).filter(|value| !value.is_empty());
    let (id, name, realm, username) = (asked("id"), asked("name"), asked("realm_name"), asked("username"));
    let mut wrong = Vec::new();
    if (id.is_some() || name.is_some()) && (realm.is_some() || username.is_some()) {
        wrong.push("username or realm name must not be specified when the api key id or api key name is specified");
    }
    if call.switch("owner") && (realm.is_some() || username.is_some()) {
        wrong.push("neither username nor realm-name may be specified when retrieving owned API keys");
    }
    if id.is_some() && name.is_some() {
        wrong.push("only one of [api key id, api key name] can be specified");
    }
    crate::es::index::handlers::lookup::refuse(&wrong.iter().map(|wrong| (*wrong).to_owned()).collect::<Vec<_>>())?;
    let only_active = call.switch("active_only");
    let is_active = |key: &ApiKey| key.invalidated_at.is_none() && key.expires_at.is_none_or(|at| at > call.now);
    let found: Vec<Value> = cluster
        .api_keys()
        .iter()
        .filter(|(key_id, key)| id.is_none_or(|id| id == *key_id) && name.is_none_or(|name| is_like(name, &key.name)))
        .filter(|(_, key)| is_owned(realm, username) && (!only_active || is_active(key)))
        .map(|(id, key)| told(id, key, call))
        .collect();
    if found.is_empty()
        && let Some(id) = id
    {
        return Err(ApiError::key_not_found(id));
    }
    Ok(Reply::json(json!({ "api_keys": found })))
}

/// `security.query_api_keys`: all of them, page by page. A query is refused.
pub(crate) fn query_api_keys(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    refuse_parameters(call, &["with_limited_by", "with_profile_uid", "typed_keys"])?;
    for (member, value) in call.json().and_then(Value::as_object).into_iter().flatten() {
        let is_all = member == "query" && value.get("match_all").is_some();
        if !is_all && !["from", "size"].contains(&member.as_str()) {
            let instead = "leave it out: all keys are told, page by page";
            return Err(ApiError::unsupported(&format!("[{member}] of a search for API keys"), instead));
        }
    }
    let number = |name: &str, otherwise: u64| call.get(name).and_then(Value::as_u64).unwrap_or(otherwise) as usize;
    let all: Vec<Value> = cluster.api_keys().iter().map(|(id, key)| told(id, key, call)).collect();
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(number("from", 0)).take(number("size", 10)).collect();
    Ok(Reply::json(json!({ "total": total, "count": page.len(), "api_keys": page })))
}

/// `security.invalidate_api_key`.
pub(crate) fn invalidate_api_key(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    const MEMBERS: [&str; 6] = ["id", "ids", "name", "owner", "realm_name", "username"];
    let body = call.json().and_then(Value::as_object);
    if let Some(unknown) =
        body.into_iter().flatten().map(|(name, _)| name).find(|name| !MEMBERS.contains(&name.as_str()))
    {
        return Err(ApiError::unknown_invalidation_field(unknown));
    }
    let text = |name: &str| call.get(name).and_then(Value::as_str);
    let mut ids: Vec<&str> =
        call.get("ids").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let owner = call.get("owner") == Some(&Value::Bool(true));
    let has_ids = call.get("ids").is_some() || call.get("id").is_some();
    let mut wrong = Vec::new();
    if call.get("id").is_some() && call.get("ids").is_some() {
        wrong.push("Must use either [id] or [ids], not both at the same time");
    }
    ids.extend(text("id"));
    if has_ids && ids.is_empty() {
        wrong.push("Field [ids] cannot be an empty array");
    }
    let (name, realm, username) = (text("name"), text("realm_name"), text("username"));
    if !has_ids && name.is_none() && realm.is_none() && username.is_none() && !owner {
        wrong.push(
            "One of [api key id(s), api key name, username, realm name] must be specified if [owner] flag is false",
        );
    }
    if (has_ids || name.is_some()) && (realm.is_some() || username.is_some()) {
        wrong.push("username or realm name must not be specified when the api key id(s) or api key name are specified");
    }
    if owner && (realm.is_some() || username.is_some()) {
        wrong.push("neither username nor realm-name may be specified when invalidating owned API keys");
    }
    if has_ids && name.is_some() {
        wrong.push("only one of [api key id(s), api key name] can be specified");
    }
    crate::es::index::handlers::lookup::refuse(&wrong.iter().map(|wrong| (*wrong).to_owned()).collect::<Vec<_>>())?;
    let found: Vec<String> = cluster
        .api_keys()
        .iter()
        .filter(|(id, key)| (!has_ids || ids.contains(id)) && name.is_none_or(|name| name == key.name))
        .filter(|(_, key)| is_owned(realm, username) && key.expires_at.is_none_or(|at| at > call.now))
        .map(|(id, _)| id.to_owned())
        .collect();
    let (mut invalidated, mut before) = (Vec::new(), Vec::new());
    for id in found {
        match cluster.api_keys_mut().invalidate(&id, call.now) {
            Some(true) => invalidated.push(id),
            _ => before.push(id),
        }
    }
    Ok(Reply::json(json!({
        "invalidated_api_keys": invalidated, "previously_invalidated_api_keys": before, "error_count": 0,
    })))
}

/// `security.has_privileges`: whoever asks may do everything.
pub(crate) fn has_privileges(_: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let user = call.path("user");
    if !user.is_empty() && user != "elastic" {
        return Err(ApiError::unsupported("the privileges of other users than `elastic`", "ask for one's own"));
    }
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::String(text)) => vec![text.clone()],
            other => other
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        }
    };
    let granted = |privileges: Vec<String>| -> Value {
        let privileges: std::collections::BTreeSet<String> = privileges.into_iter().collect();
        Value::Object(privileges.into_iter().map(|privilege| (privilege, Value::Bool(true))).collect())
    };
    if ["cluster", "index", "application"].iter().all(|member| call.get(member).is_none()) {
        crate::es::index::handlers::lookup::refuse(&["must specify at least one privilege".to_owned()])?;
    }
    for privilege in texts(call.get("cluster")) {
        if !is_privilege(&privilege, &CLUSTER_PRIVILEGES, "cluster:") {
            return Err(ApiError::illegal(&unknown_privilege("cluster", &privilege, &CLUSTER_PRIVILEGES)));
        }
    }
    let mut index = std::collections::BTreeMap::new();
    for asked in call.get("index").and_then(Value::as_array).into_iter().flatten() {
        for privilege in texts(asked.get("privileges")) {
            if !is_privilege(&privilege, &INDEX_PRIVILEGES, "indices:") {
                return Err(ApiError::illegal(&unknown_privilege("index", &privilege, &INDEX_PRIVILEGES)));
            }
        }
        for name in texts(asked.get("names")) {
            index.insert(name, granted(texts(asked.get("privileges"))));
        }
    }
    let mut application = std::collections::BTreeMap::new();
    for asked in call.get("application").and_then(Value::as_array).into_iter().flatten() {
        let name = asked.get("application").and_then(Value::as_str).unwrap_or_default().to_owned();
        let resources: Map<String, Value> = texts(asked.get("resources"))
            .into_iter()
            .map(|resource| (resource, granted(texts(asked.get("privileges")))))
            .collect();
        application.insert(name, Value::Object(resources));
    }
    Ok(Reply::json(json!({
        "username": "elastic",
        "has_all_requested": true,
        "cluster": granted(texts(call.get("cluster"))),
        "index": index,
        "application": application,
    })))
}
