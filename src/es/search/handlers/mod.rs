//! `_search`, `_count`, `_msearch`, scrolls, points in time, and what is done to all that a query finds.

pub(crate) mod aggregated;
pub(crate) mod hits;

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::es::index::handlers::lookup::check_patience;
use crate::es::index::layout::ShardLayout;
use crate::es::refusal::Refusal;
use crate::es::search::query::{Bool, Query};
use crate::es::search::request as search;
use crate::es::search::request::{ByQuery, SearchRequest};
use crate::es::search::run::service::{Sweep, SweepAsked, Swept, Target, ThroughAliases};
use crate::es::search::run::{NarrowedIndex, SearchFound};
use crate::es::store::Cluster;

/// `search`.
pub(crate) fn search(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    Ok(found(run(cluster, call.asked(search::searching)?, call.now)?))
}

/// Reads a search, so that what it asks for is known before the lock is taken. So do the other checks here.
pub(crate) fn read_search(call: &Call) -> Result<(), ApiError> {
    call.asked(search::searching).map(drop)
}

/// A target with what aliases and routing leave of its indices.
fn narrowed(cluster: &Cluster, mut target: Target, now: Timestamp) -> Result<Target, ApiError> {
    let mut narrowed = Vec::new();
    for ThroughAliases { index, filters, routings } in cluster.through_aliases(&target, now)? {
        let query = |filter: &Value| search::alias_filter(filter).map_err(ApiError::parse);
        let should = filters.iter().map(query).collect::<Result<Vec<_>, _>>()?;
        let layout = cluster.index(index).map(|index| ShardLayout::of(&index.design.settings));
        let shards = layout
            .zip(routings)
            .map(|(layout, routings)| routings.iter().flat_map(|routing| layout.shards_of(routing)).collect());
        let filter = (!should.is_empty()).then(|| Query::Bool(Box::new(Bool { should, ..Bool::default() })));
        narrowed.push(NarrowedIndex { index: index.clone(), filter, shards });
    }
    target.narrowed = narrowed;
    Ok(target)
}

fn found(found: SearchFound) -> Reply {
    Reply::ok(AnswerBody::Found(Box::new(found)))
}

fn run(cluster: &mut Cluster, request: &SearchRequest, now: Timestamp) -> Result<SearchFound, ApiError> {
    let SearchRequest { search, target, scroll, pit } = request;
    if let Some(pit) = pit {
        let found = cluster.contexts.search_pit(&pit.id, pit.keep.as_ref(), search, now);
        return Ok(found.map_err(Refusal::from)?);
    }
    let target = narrowed(cluster, target.clone(), now)?;
    Ok(match scroll {
        Some(keep) => cluster.open_scroll(search, &target, keep, now)?,
        None => cluster.search(search, &target, now)?,
    })
}

/// `msearch`.
pub(crate) fn msearch(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let requests = call.asked(search::searches)?;
    let searches = requests.iter().map(|request| run(cluster, request, call.now)).collect();
    Ok(Reply::ok(AnswerBody::Searches(searches)))
}

/// Reads the searches of `msearch`.
pub(crate) fn read_searches(call: &Call) -> Result<(), ApiError> {
    call.asked(search::searches).map(drop)
}

/// `count`.
pub(crate) fn count(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (search, target) = call.asked(search::counting)?;
    let target = narrowed(cluster, target.clone(), call.now)?;
    let counted = cluster.count(search, &target, call.now)?;
    let mut answer = json!({ "count": counted.count });
    if let Some(early) = counted.terminated_early {
        answer["terminated_early"] = Value::Bool(early);
    }
    answer["_shards"] = shards(counted.shards);
    Ok(Reply::json(answer))
}

/// Reads the search of `count`.
pub(crate) fn read_count(call: &Call) -> Result<(), ApiError> {
    call.asked(search::counting).map(drop)
}

/// How many shards were asked; none fails alone.
fn shards(count: usize) -> Value {
    json!({ "total": count, "successful": count, "skipped": 0, "failed": 0 })
}

/// `scroll`.
pub(crate) fn scroll(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.asked(search::scroll_asked)?;
    let page = cluster.contexts.scroll(&asked.id, asked.keep.as_ref(), asked.total_as_int, call.now);
    Ok(found(page.map_err(Refusal::from)?))
}

/// Reads the body of `scroll`.
pub(crate) fn read_scroll(call: &Call) -> Result<(), ApiError> {
    call.asked(search::scroll_asked).map(drop)
}

/// `clear_scroll`.
pub(crate) fn clear_scroll(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let ids = call.asked(search::scroll_ids)?;
    let freed = match ids.as_slice() {
        [all] if all == "_all" => cluster.contexts.clear_all_scrolls(call.now),
        ids => cluster.contexts.clear_scrolls(ids.iter().map(String::as_str), call.now).map_err(Refusal::from)?,
    };
    Ok(freed_reply(freed))
}

/// Reads the body of `clear_scroll`.
pub(crate) fn read_scroll_ids(call: &Call) -> Result<(), ApiError> {
    call.asked(search::scroll_ids).map(drop)
}

/// Nothing to let go is not found, and a success all the same.
fn freed_reply(freed: usize) -> Reply {
    let status = if freed == 0 { 404 } else { 200 };
    Reply { status, ..Reply::json(json!({ "succeeded": true, "num_freed": freed })) }
}

/// `open_point_in_time`.
pub(crate) fn open_point_in_time(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (target, keep) = call.asked(search::pit_keep_alive)?;
    let target = narrowed(cluster, target.clone(), call.now)?;
    let (id, count) = cluster.open_pit(&target, keep, call.now)?;
    Ok(Reply::json(json!({ "id": id, "_shards": shards(count) })))
}

/// Reads what `open_point_in_time` is to keep.
pub(crate) fn read_keep_alive(call: &Call) -> Result<(), ApiError> {
    call.asked(search::pit_keep_alive).map(drop)
}

/// `close_point_in_time`.
pub(crate) fn close_point_in_time(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.asked(search::pit_id)?;
    let closed = cluster.contexts.close_pit(id, call.now).map_err(Refusal::from)?;
    Ok(freed_reply(usize::from(closed)))
}

/// Reads the body of `close_point_in_time`.
pub(crate) fn read_pit_id(call: &Call) -> Result<(), ApiError> {
    call.asked(search::pit_id).map(drop)
}

/// `delete_by_query`.
pub(crate) fn delete_by_query(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    swept(cluster, call, Sweep::Delete)
}

/// Reads what `delete_by_query` is to delete.
pub(crate) fn read_deletion(call: &Call) -> Result<(), ApiError> {
    call.asked(|call| by_query(call, Sweep::Delete)).map(drop)
}

/// `update_by_query`.
pub(crate) fn update_by_query(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    swept(cluster, call, Sweep::Rewrite)
}

/// Reads what `update_by_query` is to rewrite.
pub(crate) fn read_rewriting(call: &Call) -> Result<(), ApiError> {
    call.asked(|call| by_query(call, Sweep::Rewrite)).map(drop)
}

fn by_query(call: &Call, sweep: Sweep) -> Result<ByQuery, ApiError> {
    check_patience(call)?;
    search::by_query(call, sweep == Sweep::Delete)
}

/// What was done to all that a query found: it was rewritten, or deleted.
fn swept(cluster: &mut Cluster, call: &Call, sweep: Sweep) -> Result<Reply, ApiError> {
    let &ByQuery { ref search, ref target, docs_max, batch, proceeds, per_second, refreshes } =
        call.asked(|call| by_query(call, sweep))?;
    let target = narrowed(cluster, target.clone(), call.now)?;
    let asked = SweepAsked { search, target: &target, sweep, docs_max, batch, proceeds, refreshes };
    let Swept { total, done, batches, conflicts } = cluster.sweep(&asked, call.now)?;
    let mut answer = json!({ "took": 0, "timed_out": false, "total": total });
    if sweep == Sweep::Rewrite {
        answer["updated"] = done.into();
    }
    let count = conflicts.len();
    let failures: Vec<Value> = match proceeds {
        true => Vec::new(),
        false => conflicts.into_iter().map(failure).collect(),
    };
    let status = if failures.is_empty() { 200 } else { 409 };
    let rest = json!({
        "deleted": if sweep == Sweep::Delete { done } else { 0 },
        "batches": batches,
        "version_conflicts": count,
        "noops": 0,
        "retries": { "bulk": 0, "search": 0 },
        "throttled": "0s",
        "throttled_millis": 0,
        "requests_per_second": f64::from(per_second),
        "throttled_until": "0s",
        "throttled_until_millis": 0,
        "failures": failures
    });
    let is_shown = |name: &str| call.switch("human") || !["throttled", "throttled_until"].contains(&name);
    if let (Value::Object(answer), Value::Object(rest)) = (&mut answer, rest) {
        answer.extend(rest.into_iter().filter(|(name, _)| is_shown(name)));
    }
    Ok(Reply { status, ..Reply::json(answer) })
}

/// A document that was not swept up, and why.
fn failure(refusal: Refusal) -> Value {
    let (index, id) = match &refusal {
        Refusal::VersionConflict { index, id, .. } => (index.clone(), id.clone()),
        _ => Default::default(),
    };
    json!({ "index": index, "id": id, "cause": ApiError::from(refusal).item(), "status": 409 })
}
