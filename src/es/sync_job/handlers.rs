//! `_connector/_sync_job/…`: the calls by which a service finds, claims, reports and ends its jobs.

use serde_json::json;

use crate::clock::Timestamp;
use crate::es::body::plain::PlainObject;
use crate::es::body::schema::split_list;
use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::store::{Cluster, JobFilter};
use crate::es::sync_job::rules as sync_job;
use crate::es::sync_job::rules::{JobType, JobView, StartCursor, Stats, SyncStatus, TriggerMethod};

const ID: &str = "connector_sync_job_id";

/// The size of a page when the client does not say.
const PAGE_SIZE: u64 = 100;

fn missing_id(call: &Call) -> Option<String> {
    call.path(ID).is_empty().then(|| format!("[{ID}] of the connector sync job cannot be null or empty."))
}

fn refuse(messages: Vec<String>) -> Result<(), ApiError> {
    if messages.is_empty() { Ok(()) } else { Err(ApiError::validation(&messages)) }
}

/// An id must not be empty.
pub(crate) fn check_id(call: &Call) -> Result<(), ApiError> {
    match missing_id(call) {
        None => Ok(()),
        Some(message) => refuse(vec![message]),
    }
}

/// `connector.sync_job_claim`.
pub(crate) fn claim(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let worker = cluster.worker(call.required_text("worker_hostname")?);
    let cursor = match call.plain_object("sync_cursor") {
        Some(PlainObject { text, has_plain_names }) => Some(cluster.cursor(&text, has_plain_names)),
        None => call.get("sync_cursor").map(StartCursor::Value),
    };
    let patch = sync_job::claim(worker, cursor, call.now);
    Ok(Reply::outcome(cluster.claim_sync_job(id, patch)?))
}

/// The connector's id must not be empty.
pub(crate) fn check_post(call: &Call) -> Result<(), ApiError> {
    let empty = call.text("id").is_some_and(str::is_empty);
    refuse(empty.then(|| "[id] of the connector cannot be null or empty".to_owned()).into_iter().collect())
}

/// `connector.sync_job_post`.
pub(crate) fn post(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let job_type = call.text("job_type").and_then(|name| name.parse().ok()).unwrap_or(JobType::Full);
    let trigger = call.text("trigger_method").and_then(|name| name.parse().ok()).unwrap_or(TriggerMethod::OnDemand);
    let id = cluster.create_sync_job(call.required_text("id")?, job_type, trigger, call.now)?;
    Ok(Reply::created(json!({ "id": id })))
}

/// `connector.sync_job_get`.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let job = cluster.sync_job(id)?;
    Ok(Reply::ok(AnswerBody::Document(id.into(), job.clone())))
}

/// The name of the call that lists jobs.
pub(crate) const LIST: &str = "connector.sync_job_list";

/// What a list is narrowed to.
pub(crate) fn list_filter<'c>(call: &'c Call) -> JobFilter<'c> {
    let job_types = call.query("job_type").into_iter().flat_map(split_list).filter_map(|name| name.parse().ok());
    JobFilter {
        status: call.query("status").and_then(|name| name.parse::<SyncStatus>().ok()),
        connector_id: call.query("connector_id"),
        job_types: job_types.collect(),
    }
}

/// `connector.sync_job_list`.
pub(crate) fn list(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let filter = list_filter(call);
    let page = cluster.sync_jobs(&filter, call.count("from", 0), call.count("size", PAGE_SIZE))?;
    Ok(Reply::ok(AnswerBody::Page(page)))
}

/// `connector.sync_job_delete`.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    cluster.delete_sync_job(call.path(ID))?;
    Ok(Reply::acknowledged())
}

/// `connector.sync_job_cancel`.
pub(crate) fn cancel(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let patch = sync_job::cancel(JobView(cluster.sync_job(id)?), call.now)?;
    Ok(Reply::outcome(cluster.update_sync_job(id, patch)?))
}

/// `connector.sync_job_check_in`. Writes without reading, so a missing job is told in other words.
pub(crate) fn check_in(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    Ok(Reply::outcome(cluster.update_sync_job(call.path(ID), sync_job::check_in(call.now))?))
}

/// The error's text must not be empty; blanks will do.
pub(crate) fn check_error(call: &Call) -> Result<(), ApiError> {
    let mut messages: Vec<String> = missing_id(call).into_iter().collect();
    if call.text("error").is_some_and(str::is_empty) {
        messages.push("[error] of the connector sync job cannot be null or empty".to_owned());
    }
    refuse(messages)
}

/// `connector.sync_job_error`.
pub(crate) fn error(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path(ID);
    let patch = sync_job::error(JobView(cluster.sync_job(id)?), call.required_text("error")?)?;
    Ok(Reply::outcome(cluster.update_sync_job(id, patch)?))
}

/// No count may be negative.
pub(crate) fn check_stats(call: &Call) -> Result<(), ApiError> {
    let mut messages: Vec<String> = missing_id(call).into_iter().collect();
    for name in ["deleted_document_count", "indexed_document_count", "indexed_document_volume", "total_document_count"]
    {
        if call.long(name).is_some_and(|count| count < 0) {
            messages.push(format!("[{name}] cannot be negative."));
        }
    }
    refuse(messages)
}

/// `connector.sync_job_update_stats`. Writes without reading, like [`check_in`].
pub(crate) fn update_stats(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let stats = Stats {
        deleted_document_count: call.required_long("deleted_document_count")?,
        indexed_document_count: call.required_long("indexed_document_count")?,
        indexed_document_volume: call.required_long("indexed_document_volume")?,
        total_document_count: call.long("total_document_count"),
        last_seen: call.text("last_seen").and_then(|at| Timestamp::parse_lenient(at).ok()),
        metadata: call.get("metadata"),
    };
    let patch = sync_job::update_stats(&stats, call.now);
    Ok(Reply::outcome(cluster.update_sync_job(call.path(ID), patch)?))
}
