//! What Elasticsearch remembers and allows; knows no HTTP.
//!
//! [`Cluster`] is the whole state: documents in indices. Connectors and sync jobs *are* documents, as
//! in the real server, so every way of writing them meets in one place.

use crate::es::document::source as document;

use crate::es::sync_job::rules as sync_job;

use crate::es::connector::rules as connector;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::es::connector::rules::{NewConnector, is_deleted};
use crate::es::document::lag::{Lag, VisibleIndex};
use crate::es::document::shared::{MergedMember, SharedValue};
use crate::es::document::source::{Patch, Source, UpdateOutcome};
use crate::es::document::store::{Index, WriteEffect, WriteGuard};
use crate::es::index::templates::Templates;
use crate::es::ingest::Pipelines;
use crate::es::order::{Order, OrderDraft};
use crate::es::refusal::{ConnectorRefusal, Refusal};
use crate::es::search::run::context::Contexts;
use crate::es::security::api_key::ApiKeys;
use crate::es::sync_job::rules::{JobType, JobView, SYNC_CURSOR, Snapshot, StartCursor, SyncStatus, TriggerMethod};
use crate::es::trial::Trial;
use crate::ids::IdSource;
use crate::limits::{ID_BYTES_MAX, ORDERED_AT_ONCE_MAX, RESULT_WINDOW_MAX};
use crate::visibility::Visibility;

/// The index that holds the connectors.
pub(crate) const CONNECTORS: &str = ".elastic-connectors-v1";
/// The index that holds the sync jobs.
pub(crate) const SYNC_JOBS: &str = ".elastic-connectors-sync-jobs-v1";

/// The index that holds the secrets of connectors.
pub(crate) const SECRETS: &str = ".connector-secrets-1";
/// The name by which the server asks for it.
pub(crate) const SECRETS_ALIAS: &str = ".connector-secrets";

/// All that a real cluster would remember.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// The cluster's own id.
    uuid: String,
    pub(crate) ids: IdSource,
    pub(crate) indices: BTreeMap<Arc<str>, Box<Index>>,
    pub(crate) pipelines: Pipelines,
    pub(crate) templates: Arc<Templates>,
    pub(crate) api_keys: Arc<ApiKeys>,
    /// Searches that go on.
    pub(crate) contexts: Contexts,
    /// Jobs in the orders of [`JobOrder`]; empty as long as nobody has asked.
    jobs_in_order: Vec<Order<JobPlace>>,
    /// Connectors that are not deleted by the name of their index, those without one last.
    connectors_by_index: Order<(bool, Option<Arc<str>>)>,
    /// The worker that claimed last.
    worker: Arc<Value>,
    cursor: LatestCursor,
    dropped: Dropped,
    /// The instant of the call, if searches see no more than what was refreshed by then.
    pub(crate) seen_at: Option<Timestamp>,
    /// What can be put back while a call is tried.
    pub(crate) trial: Option<Box<Trial>>,
}

/// What a list of jobs is narrowed to, as far as jobs are held in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobOrder {
    /// Nothing.
    All,
    /// One connector.
    Connector,
    /// One status.
    Status,
}

/// A job's place among others: what it is narrowed by, then the newest first.
pub(crate) type JobPlace = (Option<Arc<str>>, Reverse<Option<Timestamp>>);

impl JobFilter<'_> {
    /// The order in which the jobs are held that it asks for.
    pub(crate) fn order(&self) -> JobOrder {
        match (self.connector_id, self.status) {
            (Some(_), _) => JobOrder::Connector,
            (None, Some(_)) => JobOrder::Status,
            (None, None) => JobOrder::All,
        }
    }
}

impl JobOrder {
    /// The place of a job in it.
    pub(crate) fn place(self, job: &Source) -> JobPlace {
        let view = JobView(job);
        let narrowed = match self {
            JobOrder::All => None,
            JobOrder::Connector => view.connector_id(),
            JobOrder::Status => job.text("status"),
        };
        (narrowed.map(Arc::from), newest(job))
    }
}

fn newest(job: &Source) -> Reverse<Option<Timestamp>> {
    Reverse(JobView(job).created_at())
}

/// The cursor of the latest claim; it makes no difference between two clusters.
#[derive(Clone, Debug, Default)]
struct LatestCursor(Option<Arc<MergedMember>>);

impl PartialEq for LatestCursor {
    fn eq(&self, _: &LatestCursor) -> bool {
        true
    }
}

/// Documents that were taken out and are to be dropped; they make no difference between two clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dropped(
    #[expect(dead_code, reason = "nobody reads it again")] Vec<(Arc<str>, document::StoredDocument)>,
);

impl PartialEq for Dropped {
    fn eq(&self, _: &Dropped) -> bool {
        true
    }
}

/// One page of documents, and how many there are in all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DocumentPage {
    /// All that matched.
    pub total: usize,
    /// The page: ids and sources, shared with the shelf.
    pub hits: Vec<(Arc<str>, Arc<Source>)>,
}

/// Which sync jobs a list is to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JobFilter<'a> {
    /// Only jobs in that status.
    pub status: Option<SyncStatus>,
    /// Only jobs of that connector.
    pub connector_id: Option<&'a str>,
    /// Only jobs of one of these types; all when empty.
    pub job_types: Vec<JobType>,
}

impl Cluster {
    /// A cluster where nothing was ever stored.
    pub(crate) fn new(seed: u64) -> Cluster {
        let mut ids = IdSource::seeded(seed);
        Cluster {
            uuid: ids.next_uuid(),
            ids,
            indices: BTreeMap::new(),
            pipelines: Pipelines::default(),
            templates: Arc::default(),
            api_keys: Arc::default(),
            contexts: Contexts::default(),
            jobs_in_order: Vec::new(),
            connectors_by_index: Order::default(),
            worker: Arc::default(),
            cursor: LatestCursor::default(),
            dropped: Dropped::default(),
            seen_at: None,
            trial: None,
        }
    }

    /// Says when searches see what is written from now on; all that is there they see.
    pub(crate) fn set_visibility(&mut self, visibility: Visibility, now: Timestamp) {
        self.seen_at = (visibility == Visibility::Refresh).then_some(now);
        for index in self.indices.values_mut() {
            index.lag = self.seen_at.map(|now| Box::new(Lag::new(now)));
        }
    }

    /// Tells the instant of the call that comes.
    pub(crate) fn at(&mut self, now: Timestamp) {
        if let Some(seen_at) = &mut self.seen_at {
            *seen_at = now;
        }
    }

    /// The cluster's own id, 22 characters.
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The id of the one node that there is: the cluster's read backwards, so that it costs no chance.
    pub(crate) fn node_id(&self) -> String {
        self.uuid.chars().rev().collect()
    }

    /// The secret part of a new API key, 22 characters.
    pub(crate) fn next_key(&mut self) -> String {
        self.ids.next_uuid()
    }

    /// A new document id.
    pub(crate) fn next_id(&mut self) -> String {
        self.ids.next_id()
    }

    /// The ingest pipelines.
    pub(crate) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// The templates of indices.
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The templates of indices, to be changed.
    pub(crate) fn templates_mut(&mut self) -> &mut Templates {
        Arc::make_mut(&mut self.templates)
    }

    /// The API keys that were made here.
    pub(crate) fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    /// The API keys, to be changed.
    pub(crate) fn api_keys_mut(&mut self) -> &mut ApiKeys {
        Arc::make_mut(&mut self.api_keys)
    }

    /// The ingest pipelines, to be changed.
    pub(crate) fn pipelines_mut(&mut self) -> &mut Pipelines {
        &mut self.pipelines
    }

    // ── sync jobs ─────────────────────────────────────────────────────────────────────────────────

    /// The sync job with that id.
    pub(crate) fn sync_job(&self, id: &str) -> Result<&Arc<Source>, Refusal> {
        let jobs = self.index(SYNC_JOBS).ok_or_else(|| Refusal::JobNotFound { id: id.to_owned() })?;
        match jobs.get(id) {
            Some(job) => Ok(&job.source),
            None => Err(Refusal::JobMissing { id: id.to_owned() }),
        }
    }

    /// The name of a worker as a value, which its jobs share: that of the worker who claimed last is at hand.
    pub(crate) fn worker(&mut self, name: &str) -> Arc<Value> {
        if self.worker.as_str() != Some(name) {
            self.worker = Arc::new(Value::from(name));
        }
        self.worker.clone()
    }

    /// The cursor of a claim, given as a text of plain JSON: that of the latest claim is at hand, so that jobs
    /// which start from the same hold it once. `has_plain_names` says that no name within is empty or has a dot.
    pub(crate) fn cursor(&mut self, text: &Bytes, has_plain_names: bool) -> StartCursor<'static> {
        if let Some(latest) = self.cursor.0.as_ref().filter(|latest| latest.has_text(text)) {
            return StartCursor::Member(latest.clone());
        }
        let cursor = Arc::new(MergedMember::new(SYNC_CURSOR, text, has_plain_names));
        if cursor.is_small() {
            self.cursor.0 = Some(cursor.clone());
        }
        StartCursor::Member(cursor)
    }

    /// Changes a sync job for its claim, which reads it before: one that is not there is told as a reader tells it.
    pub(crate) fn claim_sync_job(&mut self, id: &str, patch: Patch) -> Result<UpdateOutcome, Refusal> {
        let jobs = self.index_mut(SYNC_JOBS).ok_or_else(|| Refusal::JobNotFound { id: id.to_owned() })?;
        jobs.update(id, patch, None).map_err(|refusal| match refusal {
            Refusal::DocumentMissing { .. } => Refusal::JobMissing { id: id.to_owned() },
            other => other,
        })
    }

    /// Changes a sync job.
    pub(crate) fn update_sync_job(&mut self, id: &str, patch: Patch) -> Result<UpdateOutcome, Refusal> {
        let missing = || Refusal::JobNotFound { id: id.to_owned() };
        let jobs = self.index_mut(SYNC_JOBS).ok_or_else(missing)?;
        jobs.update(id, patch, None).map_err(|refusal| match refusal {
            Refusal::DocumentMissing { .. } => missing(),
            other => other,
        })
    }

    /// Makes a job for a connector and returns its id. A connector that was deleted softly will do:
    /// Elasticsearch does not look at the mark here.
    pub(crate) fn create_sync_job(
        &mut self,
        connector_id: &str,
        job_type: JobType,
        trigger_method: TriggerMethod,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let connectors =
            self.index(CONNECTORS).ok_or_else(|| Refusal::IndexMissing { index: CONNECTORS.to_owned() })?;
        let (connector_id, connector) = connectors
            .entry(connector_id)
            .ok_or_else(|| Refusal::ConnectorOfJobMissing { id: connector_id.to_owned() })?;
        let connector = &connector.source;
        sync_job::may_start(connector_id, connector, job_type)?;
        let (connector_id, connector) = (connector_id.clone(), connector.clone());
        let snapshot = SharedValue::snapshot(Snapshot { connector_id, connector, job_type });
        let id = self.next_id();
        self.index_made(SYNC_JOBS, now).put(&*id, sync_job::create(snapshot, job_type, trigger_method, now));
        Ok(id)
    }

    /// Removes a sync job.
    pub(crate) fn delete_sync_job(&mut self, id: &str) -> Result<(), Refusal> {
        self.sync_job(id)?;
        if let Some(jobs) = self.index_mut(SYNC_JOBS) {
            jobs.delete(id);
        }
        Ok(())
    }

    /// The jobs that pass `filter`, newest first; of one instant, the one written longest ago first.
    pub(crate) fn sync_jobs(&mut self, filter: &JobFilter<'_>, from: u64, size: u64) -> Result<DocumentPage, Refusal> {
        let passes = |source: &Source| {
            let is = |name, wanted: &str| source.text(name) == Some(wanted);
            filter.status.is_none_or(|status| is("status", status.name()))
                && filter.connector_id.is_none_or(|id| JobView(source).connector_id() == Some(id))
                && (filter.job_types.is_empty() || filter.job_types.iter().any(|kind| is("job_type", kind.name())))
        };
        if let Some(seen) = self.indices.get(SYNC_JOBS).map(|index| seen(index, self.seen_at))
            && seen.is_behind()
        {
            return chosen(seen, from, size, passes, newest);
        }
        let narrowed = filter.connector_id.or(filter.status.map(SyncStatus::name));
        let Some((index, jobs)) = self.jobs_in(filter.order()) else {
            return Ok(DocumentPage { total: 0, hits: Vec::new() });
        };
        if *filter == JobFilter::default() {
            return jobs.page(index, from, size);
        }
        window(from, size)?;
        let mut page = DocumentPage { total: 0, hits: Vec::new() };
        for (id, job) in narrowed_to(jobs, narrowed).filter_map(|id| index.entry(id)) {
            if passes(&job.source) {
                if page.total as u64 >= from && (page.hits.len() as u64) < size {
                    page.hits.push((id.clone(), job.source.clone()));
                }
                page.total += 1;
            }
        }
        Ok(page)
    }

    /// The jobs in an order, as they are now, with their index; none if nobody has made it.
    fn jobs_in(&mut self, order: JobOrder) -> Option<(&Index, &Order<JobPlace>)> {
        let index = self.indices.get_mut(SYNC_JOBS)?;
        self.jobs_in_order.resize_with(3, Order::default);
        Order::follow_one(&mut self.jobs_in_order, order as usize, index, |job| Some(order.place(job)));
        Some((index, &self.jobs_in_order[order as usize]))
    }

    /// Begins to put the jobs into an order beside the cluster, if that takes long. With the draft comes an order for the
    /// caller to drop.
    pub(crate) fn draft_jobs(&mut self, order: JobOrder) -> Option<(OrderDraft<JobPlace>, Order<JobPlace>)> {
        let index = self.indices.get_mut(SYNC_JOBS)?;
        self.jobs_in_order.resize_with(3, Order::default);
        Order::begin_draft(&mut self.jobs_in_order, order as usize, index)
    }

    /// Lets a draft read some of the jobs, and says whether there may be others.
    pub(crate) fn read_jobs(&self, draft: &mut OrderDraft<JobPlace>) -> bool {
        self.index(SYNC_JOBS).is_some_and(|index| draft.read(index, ORDERED_AT_ONCE_MAX))
    }

    /// Takes what a draft has come to.
    pub(crate) fn take_jobs(&mut self, order: JobOrder, made: Order<JobPlace>) {
        if let Some(known) = self.jobs_in_order.get_mut(order as usize) {
            known.take(made);
        }
    }

    /// What a call has taken out and is to be dropped, which takes long.
    pub(crate) fn take_dropped(&mut self) -> Dropped {
        std::mem::take(&mut self.dropped)
    }

    // ── connectors ────────────────────────────────────────────────────────────────────────────────

    /// The connector with that id; a softly deleted one only if `include_deleted`.
    pub(crate) fn connector(&self, id: &str, include_deleted: bool) -> Result<&Arc<Source>, Refusal> {
        self.index(CONNECTORS)
            .and_then(|connectors| connectors.get(id))
            .map(|connector| &connector.source)
            .filter(|connector| include_deleted || !is_deleted(connector))
            .ok_or_else(|| Refusal::ConnectorNotFound { id: id.to_owned() })
    }

    /// Stores a new connector in place of any with that id, and says whether there was none.
    pub(crate) fn put_connector(
        &mut self,
        id: &str,
        asked: &NewConnector<'_>,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        if let Some(index_name) = asked.index_name {
            self.index_name_is_free(index_name, id)?;
        }
        check_id(id)?;
        let index = self.index_made(CONNECTORS, now);
        let written = index.store(id, connector::create(asked, now), WriteGuard::default(), None)?;
        index.refresh();
        Ok(written.effect == WriteEffect::Created)
    }

    /// Changes a connector, softly deleted ones too. Elasticsearch makes the index for a change that
    /// then finds no document.
    pub(crate) fn update_connector(
        &mut self,
        id: &str,
        patch: Patch,
        now: Timestamp,
    ) -> Result<UpdateOutcome, Refusal> {
        self.index_made(CONNECTORS, now).update(id, patch, None)
    }

    /// Stores a connector whole, in place of itself.
    pub(crate) fn replace_connector(&mut self, id: &str, source: Source, now: Timestamp) -> Result<(), Refusal> {
        let index = self.index_made(CONNECTORS, now);
        index.store(id, source, WriteGuard::default(), None)?;
        index.refresh();
        Ok(())
    }

    /// Deletes a connector: softly, which marks it, or hard, which removes it whether marked or not.
    pub(crate) fn delete_connector(&mut self, id: &str, hard: bool, and_sync_jobs: bool) -> Result<(), Refusal> {
        self.connector(id, hard)?;
        if let Some(connectors) = self.index_mut(CONNECTORS) {
            if hard {
                connectors.delete(id);
            } else {
                connectors.update(id, Patch::new().set("deleted", Value::Bool(true)), None)?;
            }
        }
        if and_sync_jobs && let Some((_, jobs)) = self.jobs_in(JobOrder::Connector) {
            let mut doomed: Vec<Arc<str>> = narrowed_to(jobs, Some(id)).cloned().collect();
            doomed.sort_unstable();
            if let Some(jobs) = self.index_mut(SYNC_JOBS) {
                self.dropped = Dropped(jobs.delete_all(&doomed));
            }
        }
        Ok(())
    }

    /// The connectors that pass, by the name of their index; those without one last.
    pub(crate) fn connectors(
        &mut self,
        from: u64,
        size: u64,
        include_deleted: bool,
        passes: Option<&dyn Fn(&Source) -> bool>,
    ) -> Result<DocumentPage, Refusal> {
        let Some(index) = self.indices.get_mut(CONNECTORS) else {
            return Ok(DocumentPage { total: 0, hits: Vec::new() });
        };
        let seen = seen(index, self.seen_at);
        if include_deleted || passes.is_some() || seen.is_behind() {
            let shown = |source: &Source| {
                (include_deleted || !is_deleted(source)) && passes.is_none_or(|passes| passes(source))
            };
            return chosen(seen, from, size, shown, by_index);
        }
        self.connectors_by_index.follow(index, by_index_unless_deleted);
        self.connectors_by_index.page(index, from, size)
    }

    /// Whether no other connector fills that index; softly deleted ones do not count.
    pub(crate) fn index_name_is_free(&mut self, index_name: &str, own_id: &str) -> Result<(), Refusal> {
        let Some(index) = self.indices.get_mut(CONNECTORS) else {
            return Ok(());
        };
        let seen = seen(index, self.seen_at);
        if seen.is_behind() {
            let is_other = |(id, it): (&Arc<str>, &document::StoredDocument)| {
                **id != *own_id && !is_deleted(&it.source) && it.source.text("index_name") == Some(index_name)
            };
            return match seen.iter().any(is_other) {
                true => Err(ConnectorRefusal::IndexNameTaken { index_name: index_name.to_owned() }.into()),
                false => Ok(()),
            };
        }
        self.connectors_by_index.follow(index, by_index_unless_deleted);
        let mut there = self.connectors_by_index.with((false, Some(index_name.into())));
        if there.all(|id| &**id == own_id) {
            return Ok(());
        }
        Err(ConnectorRefusal::IndexNameTaken { index_name: index_name.to_owned() }.into())
    }

    // ── secrets ───────────────────────────────────────────────────────────────────────────────────

    /// Stores a secret in place of any with that id, and says whether there was none.
    pub(crate) fn put_secret(&mut self, id: &str, value: &str, now: Timestamp) -> Result<bool, Refusal> {
        check_id(id)?;
        Ok(self.index_made(SECRETS, now).put(id, Source::new().with("value", Value::from(value))))
    }

    /// The value of a secret.
    pub(crate) fn secret(&self, id: &str) -> Result<&str, Refusal> {
        let secrets = self.index(SECRETS).ok_or_else(|| Refusal::IndexMissing { index: SECRETS_ALIAS.to_owned() })?;
        let secret = secrets.get(id).and_then(|secret| secret.source.text("value"));
        secret.ok_or_else(|| ConnectorRefusal::SecretNotFound { id: id.to_owned() }.into())
    }

    /// Removes a secret.
    pub(crate) fn delete_secret(&mut self, id: &str) -> Result<(), Refusal> {
        self.secret(id)?;
        if let Some(secrets) = self.index_mut(SECRETS) {
            secrets.delete(id);
        }
        Ok(())
    }
}

/// The jobs of an order that are narrowed to something, newest first.
fn narrowed_to<'a>(jobs: &'a Order<JobPlace>, to: Option<&'a str>) -> impl Iterator<Item = &'a Arc<str>> {
    let first = (to.map(Arc::from), Reverse(Some(Timestamp::MAX)));
    jobs.from(first).take_while(move |((narrowed, _), _)| narrowed.as_deref() == to).map(|(_, id)| id)
}

/// A connector's place among the others: by its index, those without one last.
fn by_index(connector: &Source) -> (bool, Option<Arc<str>>) {
    let name = connector.text("index_name").map(Arc::from);
    (name.is_none(), name)
}

fn by_index_unless_deleted(connector: &Source) -> Option<(bool, Option<Arc<str>>)> {
    (!is_deleted(connector)).then(|| by_index(connector))
}

/// An index as a list sees it.
fn seen(index: &Index, at: Option<Timestamp>) -> VisibleIndex<'_> {
    at.map_or(VisibleIndex::whole(index), |at| index.seen(at))
}

/// A page of what passes, by `key` and then by the order of writing.
fn chosen<K: Ord>(
    seen: VisibleIndex<'_>,
    from: u64,
    size: u64,
    passes: impl Fn(&Source) -> bool,
    key: impl Fn(&Source) -> K,
) -> Result<DocumentPage, Refusal> {
    window(from, size)?;
    let mut hits: Vec<_> = seen.iter().filter(|(_, document)| passes(&document.source)).collect();
    hits.sort_by_cached_key(|(_, document)| (key(&document.source), document.seq_no));
    let page = hits.iter().skip(from as usize).take(size as usize);
    Ok(DocumentPage { total: hits.len(), hits: page.map(|(id, hit)| ((*id).clone(), hit.source.clone())).collect() })
}

/// Whether a page lies within what is shown at all.
pub(crate) fn window(from: u64, size: u64) -> Result<(), Refusal> {
    let asked = from.saturating_add(size);
    if asked > RESULT_WINDOW_MAX as u64 { Err(Refusal::ResultWindow { asked }) } else { Ok(()) }
}

/// Checks the id of a document that is to be stored whole.
fn check_id(id: &str) -> Result<(), Refusal> {
    if id.len() > ID_BYTES_MAX { Err(ConnectorRefusal::IdTooLong { id: id.to_owned() }.into()) } else { Ok(()) }
}
