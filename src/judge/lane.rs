//! [`World`]: what the judge knows of jobs and connectors, a lane for each.
//!
//! It is reckoned from the state at the start and from the calls, never from the cluster, so that a
//! recording gives the same. What nobody knows is none, and no rule speaks about it. Lanes are found
//! by id and bounded in number: the first to be forgotten are those whose story has ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::deed::{ConnectorAct, ConnectorDeed, Deed, Door, Effect, JobAct, JobDeed, LAST_SYNC};
use super::heard::Heard;
use super::sentence::{Sentence, says_silence};
use super::story::{Mark, Seen};
use crate::clock::Timestamp;
use crate::cluster::connector::ConnectorStatus;
use crate::cluster::sync_job::{JobType, SyncStatus};
use crate::finding::{Finding, Subject};
use crate::limits::{JUDGE_LANES_MAX, JUDGE_LOOKS_MAX};

/// What the judge knows.
#[derive(Clone, Debug, Default)]
pub struct World {
    jobs: BTreeMap<String, JobLane>,
    connectors: BTreeMap<String, ConnectorLane>,
    /// Connectors by the name of their index.
    by_index: BTreeMap<String, String>,
    /// Jobs in the order in which they ended.
    ended: VecDeque<String>,
    /// The latest lists and searches of jobs.
    looks: VecDeque<Mark>,
    /// The first direct look at jobs; and whether one was written directly.
    direct: (Option<u64>, bool),
    forgotten: u64,
}

/// What is known of one sync job.
#[derive(Clone, Debug, Default)]
pub struct JobLane {
    /// Its connector.
    pub connector: Option<String>,
    /// What it synchronises.
    pub job_type: Option<JobType>,
    /// Its status; none if nobody knows.
    pub status: Option<SyncStatus>,
    /// Who claimed it last.
    pub worker: Option<Arc<str>>,
    /// The cursor that it holds itself.
    pub cursor: Option<Value>,
    /// The claim that it is worked on by, if that was in this run.
    pub claimed: Option<Mark>,
    /// Whether a client of this run has claimed it or worked on it.
    pub touched: bool,
    /// When it was last seen in this run.
    pub seen: Option<Mark>,
    /// What its `last_seen` says, and what it said before, as far as that was written in this run.
    pub seen_at: Option<Timestamp>,
    /// See [`JobLane::seen_at`].
    pub seen_before: Option<Timestamp>,
    /// Why it ended, if somebody took its worker for dead too early, until its worker ends it.
    pub sentence: Option<Box<Sentence>>,
    /// When somebody last looked at this very job.
    pub looked: Option<Mark>,
    /// What its worker reported last since the claim.
    pub counters: [Option<i64>; 3],
    /// When that was.
    pub counted: Option<Mark>,
    /// The request to cancel it, if that was in this run.
    pub cancel: Option<Mark>,
    /// What was refused to a worker that wanted to claim it.
    pub claim_refused: bool,
    /// The call that ended it, if that was in this run.
    pub ended: Option<Mark>,
    /// Whether `completed_at` was ever written.
    pub completed_at: bool,
    /// Whether it has been told that its worker ignores the request to cancel it.
    pub cancel_told: bool,
    /// Whether its connector was told how it ended, since the claim.
    pub reported: bool,
    /// The last call about it.
    pub last: Option<Mark>,
}

impl JobLane {
    /// Whether a worker has it.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Some(SyncStatus::InProgress | SyncStatus::Canceling))
    }

    /// Whether it waits for a worker.
    pub fn is_waiting(&self) -> bool {
        matches!(self.status, Some(SyncStatus::Pending | SyncStatus::Suspended))
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.status.is_some_and(SyncStatus::is_terminal)
    }
}

/// What is known of one connector.
#[derive(Clone, Debug, Default)]
pub struct ConnectorLane {
    /// Its status; none if nobody knows.
    pub status: Option<ConnectorStatus>,
    /// Its index.
    pub index_name: Option<String>,
    /// The cursor that it holds; a none within is no cursor, a none is that nobody knows.
    pub cursor: Option<Option<Value>>,
    /// Its jobs that have not ended; shared with what is saved of the lane, so that saving copies none.
    pub live: Arc<BTreeSet<String>>,
    /// Its jobs of whose end it has not been told.
    unreported: Arc<BTreeSet<String>>,
    /// The last call that worked on one of its jobs.
    pub worked: Option<Mark>,
    /// Since when its service owes it a sign: its last check-in, or the first work on a job.
    pub silent_since: Option<Mark>,
    /// Whether that silence has been told already.
    pub silence_told: bool,
    /// Whether documents outside of a job have been told since the last job.
    pub outside_told: bool,
    /// What the fields of [`LAST_SYNC`] say.
    pub last_sync: [Option<String>; 2],
}

impl World {
    /// What a state in the form of a fixture tells.
    pub fn new(state: &Value) -> World {
        let mut world = World::default();
        world.learn(state);
        world
    }

    /// Learns a further state.
    pub fn learn(&mut self, state: &Value) {
        let state = &*crate::fixture::in_fields(state);
        let entries = |name: &str| state.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let objects = |name: &'static str| entries(name).iter().filter_map(Value::as_object);
        let text = |entry: &Map<String, Value>, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        for entry in objects("connectors") {
            let Some(id) = text(entry, "id") else { continue };
            let lane = ConnectorLane {
                // A state that leaves it out does not mean to say that the connector is unready.
                status: text(entry, "status").and_then(|name| name.parse().ok()),
                index_name: text(entry, "index_name"),
                cursor: Some(entry.get("sync_cursor").filter(|cursor| !cursor.is_null()).cloned()),
                last_sync: LAST_SYNC.map(|name| text(entry, name)),
                ..ConnectorLane::default()
            };
            if let Some(index) = &lane.index_name {
                self.by_index.insert(index.clone(), id.clone());
            }
            self.connectors.insert(id, lane);
        }
        for entry in objects("sync_jobs") {
            let Some(id) = text(entry, "id") else { continue };
            let literal = entry.get("connector");
            let cursor = entry.get("sync_cursor").or_else(|| literal?.get("sync_cursor"));
            let status = match entry.get("status") {
                Some(status) => status.as_str().and_then(|name| name.parse().ok()),
                None => Some(SyncStatus::Pending),
            };
            let lane = JobLane {
                connector: text(entry, "connector_id")
                    .or_else(|| literal?.get("id").and_then(Value::as_str).map(str::to_owned)),
                job_type: text(entry, "job_type").map_or(Some(JobType::Full), |name| name.parse().ok()),
                status,
                worker: text(entry, "worker_hostname").map(Arc::from),
                cursor: cursor.filter(|cursor| !cursor.is_null()).cloned(),
                completed_at: entry.get("completed_at").is_some_and(|at| !at.is_null()),
                ..JobLane::default()
            };
            if !lane.is_ended()
                && let Some(connector) = lane.connector.as_ref().and_then(|id| self.connectors.get_mut(id))
            {
                Arc::make_mut(&mut connector.live).insert(id.clone());
            }
            self.jobs.insert(id, lane);
        }
        self.bound();
    }

    /// The lane of a job.
    pub fn job(&self, id: &str) -> Option<&JobLane> {
        self.jobs.get(id)
    }

    /// The lane of a connector.
    pub fn connector(&self, id: &str) -> Option<&ConnectorLane> {
        self.connectors.get(id)
    }

    /// The connector that an index belongs to, for its content or for its permissions.
    pub fn owner(&self, index: &str) -> Option<(&str, &ConnectorLane)> {
        let index = index.strip_prefix(".search-acl-filter-").unwrap_or(index);
        let id = self.by_index.get(index)?;
        Some((id, self.connectors.get(id)?))
    }

    /// All jobs, by id.
    pub fn jobs(&self) -> impl Iterator<Item = (&str, &JobLane)> {
        self.jobs.iter().map(|(id, lane)| (id.as_str(), lane))
    }

    /// Whether jobs were listed or searched, or that one was looked at, before call `before` and not
    /// earlier than `from`.
    pub fn was_looked_at(&self, lane: &JobLane, before: u64, from: Timestamp) -> bool {
        let counts = |mark: &Mark| mark.seq < before && mark.at >= from;
        self.looks.iter().any(counts) || lane.looked.iter().any(counts)
    }

    /// How many lanes have been forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The state of what a call is about.
    pub fn seen(&self, deeds: &[Deed]) -> Seen {
        let of_job = |id: &str| {
            let lane = self.jobs.get(id);
            let connector = lane.and_then(|lane| lane.connector.clone());
            Seen {
                job: Some(id.to_owned()),
                job_status: lane.and_then(|lane| lane.status),
                connector_status: connector.as_ref().and_then(|id| self.connectors.get(id)?.status),
                connector,
            }
        };
        let of_connector = |id: &str| Seen {
            connector: Some(id.to_owned()),
            connector_status: self.connectors.get(id).and_then(|lane| lane.status),
            ..Seen::default()
        };
        match deeds.first() {
            Some(Deed::Job(deed)) if deed.act == JobAct::Post => {
                deed.connector.as_deref().map_or_else(Seen::default, of_connector)
            }
            Some(Deed::Job(deed)) => of_job(&deed.job),
            Some(Deed::Look { job: Some(job), .. }) => of_job(job),
            Some(Deed::LookAtConnector { connector }) => of_connector(connector),
            Some(Deed::Connector(deed)) => of_connector(&deed.connector),
            Some(Deed::Documents { index, .. }) => {
                self.owner(index).map_or_else(Seen::default, |(id, _)| of_connector(id))
            }
            Some(Deed::Look { job: None, .. } | Deed::Upheaval { .. }) | None => Seen::default(),
        }
    }

    // ── taking in ─────────────────────────────────────────────────────────────────────────────────

    /// Takes in what a call did.
    pub fn take(&mut self, deed: &Deed, heard: &Heard<'_>) {
        let mark = Mark { seq: heard.seq, at: heard.at };
        match deed {
            Deed::LookAtConnector { .. } => {}
            Deed::Look { job: Some(id), door } => {
                self.look(*door, mark);
                if let Some(lane) = self.jobs.get_mut(id) {
                    lane.looked = Some(mark);
                }
            }
            Deed::Look { job: None, door } => {
                self.look(*door, mark);
                if self.looks.len() == JUDGE_LOOKS_MAX {
                    self.looks.pop_front();
                }
                self.looks.push_back(mark);
            }
            Deed::Documents { index, .. } => {
                let id = self.owner(index).map(|(id, _)| id.to_owned());
                if let Some(lane) = id.and_then(|id| self.connectors.get_mut(&id)) {
                    lane.outside_told |= !runs_any(&self.jobs, lane);
                }
            }
            Deed::Upheaval { jobs } => self.forget(*jobs),
            Deed::Job(deed) => self.take_job(deed, mark),
            Deed::Connector(deed) => self.take_connector(deed, mark),
        }
    }

    fn look(&mut self, door: Door, mark: Mark) {
        if door == Door::Direct {
            self.direct.0.get_or_insert(mark.seq);
        }
    }

    /// Whether the worker of a job is known to have more than the Connector API: somebody wrote jobs
    /// directly, or looked at them directly before it was claimed, as one does who looks for work.
    pub fn has_direct_door(&self, lane: &JobLane) -> bool {
        let (looked, has_written) = self.direct;
        has_written || lane.claimed.is_some_and(|claim| looked.is_some_and(|look| look < claim.seq))
    }

    /// Whether it is the end that a worker writes who was taken for dead: it may be refused, and that is
    /// not its fault.
    pub fn is_of_sentenced(&self, deed: &Deed) -> bool {
        let Deed::Job(deed) = deed else { return false };
        matches!(deed.act, JobAct::Become(_)) && self.job(&deed.job).is_some_and(|lane| lane.sentence.is_some())
    }

    fn take_job(&mut self, deed: &JobDeed, mark: Mark) {
        if deed.job.is_empty() || (deed.effect == Effect::Refused && !self.jobs.contains_key(&deed.job)) {
            return;
        }
        let is_by_worker = !matches!(deed.act, JobAct::Post | JobAct::Delete);
        self.direct.1 |= deed.door == Door::Direct && deed.effect != Effect::Refused && is_by_worker;
        let is_new = !self.jobs.contains_key(&deed.job);
        let lane = self.jobs.entry(deed.job.clone()).or_default();
        let was_ended = lane.is_ended();
        match deed.effect {
            Effect::Done => lane.done(deed, mark),
            Effect::Refused => lane.claim_refused |= deed.act == JobAct::Claim,
            // Nobody knows what it is in now.
            Effect::Doubtful => {
                if !matches!(deed.act, JobAct::CheckIn | JobAct::Statistics) || lane.status.is_none() {
                    lane.status = None;
                }
                lane.counters = [None; 3];
            }
        }
        lane.last = Some(mark);
        let is_ended = lane.is_ended();
        // A worker that was taken for dead is at work.
        let is_over = is_ended && lane.sentence.is_none();
        let is_deleted = deed.act == JobAct::Delete && deed.effect == Effect::Done;
        let connector = lane.connector.clone();
        if let Some(connector) = connector.and_then(|id| self.connectors.get_mut(&id)) {
            if is_over || is_deleted {
                Arc::make_mut(&mut connector.live).remove(&deed.job);
            } else if !connector.live.contains(&deed.job) {
                Arc::make_mut(&mut connector.live).insert(deed.job.clone());
            }
            if deed.effect == Effect::Done && matches!(deed.act, JobAct::Claim | JobAct::CheckIn | JobAct::Statistics) {
                connector.worked = Some(mark);
                connector.outside_told = false;
                connector.silent_since.get_or_insert(mark);
                Arc::make_mut(&mut connector.unreported).insert(deed.job.clone());
            }
            if is_deleted {
                Arc::make_mut(&mut connector.unreported).remove(&deed.job);
            }
        }
        if is_deleted {
            self.jobs.remove(&deed.job);
        } else if is_ended && (!was_ended || is_new) {
            self.ended.push_back(deed.job.clone());
        }
        if is_new {
            self.bound();
        }
    }

    fn take_connector(&mut self, deed: &ConnectorDeed, mark: Mark) {
        if deed.connector.is_empty() || deed.effect == Effect::Refused {
            return;
        }
        if self.connectors.len() >= JUDGE_LANES_MAX && !self.connectors.contains_key(&deed.connector) {
            self.forgotten += 1;
            return;
        }
        let is_new = !self.connectors.contains_key(&deed.connector);
        let lane = self.connectors.entry(deed.connector.clone()).or_default();
        if deed.effect == Effect::Doubtful {
            lane.status = None;
            lane.cursor = None;
            return;
        }
        if let Some(status) = deed.status {
            lane.status = status;
        }
        if let Some(cursor) = &deed.cursor {
            merge_cursor(&mut lane.cursor, cursor, deed.act == ConnectorAct::Put);
        }
        for (known, told) in lane.last_sync.iter_mut().zip(&deed.last_sync) {
            if told.is_some() {
                known.clone_from(told);
            }
        }
        if deed.seen {
            lane.silent_since = Some(mark);
            lane.silence_told = false;
        }
        let mut old_index = None;
        if let Some(index) = &deed.index_name {
            old_index = lane.index_name.take().filter(|old| Some(old) != index.as_ref());
            lane.index_name.clone_from(index);
        }
        let index = lane.index_name.clone();
        // Its service has told how the jobs of that kind went.
        let told =
            deed.last_sync.each_ref().map(|status| status.as_deref().is_some_and(|status| status != "in_progress"));
        if told.contains(&true) {
            self.report(&deed.connector, told);
        }
        if let Some(old) = old_index {
            self.by_index.remove(&old);
        }
        match (deed.act, index) {
            (ConnectorAct::Delete, index) => {
                if let Some(index) = index {
                    self.by_index.remove(&index);
                }
                let gone = self.connectors.remove(&deed.connector);
                if deed.and_jobs {
                    for id in gone.into_iter().flat_map(|lane| {
                        Arc::unwrap_or_clone(lane.live).into_iter().chain(Arc::unwrap_or_clone(lane.unreported))
                    }) {
                        self.jobs.remove(&id);
                    }
                }
            }
            (_, Some(index)) if is_new || deed.index_name.is_some() => {
                self.by_index.insert(index, deed.connector.clone());
            }
            _ => {}
        }
    }

    /// Notes in the jobs of a connector that it was told of their end: content, permissions.
    fn report(&mut self, connector: &str, told: [bool; 2]) {
        let Some(connector) = self.connectors.get_mut(connector) else { return };
        let jobs = &mut self.jobs;
        Arc::make_mut(&mut connector.unreported).retain(|id| {
            let Some(lane) = jobs.get_mut(id) else { return false };
            lane.reported |= told[usize::from(lane.job_type == Some(JobType::AccessControl))];
            !lane.reported
        });
    }

    /// Forgets jobs beyond the bound, those that ended first.
    fn bound(&mut self) {
        while self.jobs.len() > JUDGE_LANES_MAX {
            let ended = self.ended.pop_front();
            let found = ended.filter(|id| self.jobs.get(id).is_some_and(JobLane::is_ended));
            let id = match found {
                Some(id) => Some(id),
                None if self.ended.is_empty() => self.jobs.keys().next().cloned(),
                None => None,
            };
            if let Some(id) = id
                && let Some(lane) = self.jobs.remove(&id)
            {
                self.forgotten += 1;
                if let Some(connector) = lane.connector.and_then(|id| self.connectors.get_mut(&id)) {
                    Arc::make_mut(&mut connector.live).remove(&id);
                    Arc::make_mut(&mut connector.unreported).remove(&id);
                }
            }
        }
    }

    /// What a deed may change, as it is now.
    pub fn save(&self, deed: &Deed) -> Saved {
        let (job, connector) = match deed {
            Deed::Job(deed) => {
                let lane = self.jobs.get(&deed.job);
                let connector = lane.and_then(|lane| lane.connector.clone()).or_else(|| deed.connector.clone());
                (Some((deed.job.clone(), lane.cloned())), connector)
            }
            Deed::Connector(deed) => (None, Some(deed.connector.clone())),
            Deed::Documents { index, .. } => (None, self.owner(index).map(|(id, _)| id.to_owned())),
            Deed::Look { .. } | Deed::LookAtConnector { .. } | Deed::Upheaval { .. } => (None, None),
        };
        Saved { job, connector: connector.map(|id| (id.clone(), self.connectors.get(&id).cloned())) }
    }

    /// Puts back what was saved, the latest first.
    pub fn restore(&mut self, saved: Vec<Saved>) {
        for Saved { job, connector } in saved.into_iter().rev() {
            if let Some((id, lane)) = job {
                put_back(&mut self.jobs, id, lane);
            }
            if let Some((id, lane)) = connector {
                if let Some(index) = self.connectors.get(&id).and_then(|lane| lane.index_name.as_ref()) {
                    self.by_index.remove(index);
                }
                if let Some(index) = lane.as_ref().and_then(|lane| lane.index_name.clone()) {
                    self.by_index.insert(index, id.clone());
                }
                put_back(&mut self.connectors, id, lane);
            }
        }
    }

    /// Notes what has been told, so that it is told once.
    pub fn told(&mut self, finding: &Finding) {
        match (finding.rule, &finding.subject) {
            ("connector-silent", Some(Subject::Connector(id))) => {
                if let Some(lane) = self.connectors.get_mut(id) {
                    lane.silence_told = true;
                }
            }
            ("early-death-sentence", Some(Subject::Job(id))) => {
                if let Some(sentence) = self.jobs.get_mut(id).and_then(|lane| lane.sentence.as_mut()) {
                    sentence.is_told = true;
                }
            }
            ("cancel-ignored", Some(Subject::Job(id))) => {
                if let Some(lane) = self.jobs.get_mut(id) {
                    lane.cancel_told = true;
                }
            }
            _ => {}
        }
    }

    /// Forgets all jobs, or all connectors: many documents were written at once.
    fn forget(&mut self, jobs: bool) {
        if jobs {
            self.jobs.clear();
            self.ended.clear();
            for lane in self.connectors.values_mut() {
                lane.live = Arc::default();
                lane.unreported = Arc::default();
            }
        } else {
            self.connectors.clear();
            self.by_index.clear();
        }
    }
}

/// Lanes as they were before a deed.
#[derive(Debug)]
pub struct Saved {
    job: Option<(String, Option<JobLane>)>,
    connector: Option<(String, Option<ConnectorLane>)>,
}

fn put_back<T>(lanes: &mut BTreeMap<String, T>, id: String, lane: Option<T>) {
    match lane {
        Some(lane) => {
            lanes.insert(id, lane);
        }
        None => {
            lanes.remove(&id);
        }
    }
}

/// Whether one of a connector's jobs is worked on, or may be for all that is known.
pub fn runs_any(jobs: &BTreeMap<String, JobLane>, connector: &ConnectorLane) -> bool {
    let is_live = |job: &JobLane| job.status.is_none() || job.is_running() || job.sentence.is_some();
    connector.live.iter().filter_map(|id| jobs.get(id)).any(is_live)
}

impl World {
    /// Whether one of a connector's jobs is worked on, or may be for all that is known.
    pub fn runs_any(&self, connector: &ConnectorLane) -> bool {
        runs_any(&self.jobs, connector)
    }
}

/// Writes a cursor as a partial update does: objects merge, everything else is replaced.
fn merge_cursor(known: &mut Option<Option<Value>>, written: &Option<Value>, whole: bool) {
    match (known.as_mut(), written) {
        (Some(Some(old)), Some(new)) if !whole => merge(old, new),
        // What is merged into nobody knows what is nobody knows what, unless it is no object.
        (None, Some(new)) if !whole && new.is_object() => {}
        (_, written) => *known = Some(written.clone()),
    }
}

fn merge(old: &mut Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, new) in new {
                match old.get_mut(name) {
                    Some(old) => merge(old, new),
                    None => {
                        old.insert(name.clone(), new.clone());
                    }
                }
            }
        }
        (old, new) => old.clone_from(new),
    }
}

impl JobLane {
    /// Takes in what was done to the job.
    fn done(&mut self, deed: &JobDeed, mark: Mark) {
        let sentence = Sentence::of(self, deed, mark).map(Box::new);
        if deed.seen {
            self.seen = Some(mark);
            let written = if deed.door == Door::Api { Some(mark.at) } else { deed.seen_at };
            self.seen_before = std::mem::replace(&mut self.seen_at, written);
        }
        if let Some(cursor) = &deed.cursor {
            match &mut self.cursor {
                Some(old) => merge(old, cursor),
                None => self.cursor = Some(cursor.clone()),
            }
        }
        let counts = deed.counters.iter().any(Option::is_some);
        self.completed_at |= deed.completed_at;
        match deed.act {
            JobAct::Post => self.made(deed),
            JobAct::Claim => {
                self.status = Some(SyncStatus::InProgress);
                self.worker = deed.worker.as_deref().map(Arc::from).or_else(|| self.worker.take());
                self.claimed = Some(mark);
                self.touched = true;
                self.seen = Some(mark);
                self.counters = [None; 3];
                self.counted = None;
                self.cancel = None;
                self.cancel_told = false;
                self.ended = None;
                self.claim_refused = false;
                self.sentence = None;
                self.reported = false;
            }
            JobAct::CheckIn | JobAct::Statistics => {
                self.touched |= self.is_running();
                self.seen = Some(mark);
            }
            JobAct::Cancel => self.cancel(deed.door, mark),
            JobAct::Become(status) => {
                self.become_status(status, mark);
                // A second service may say the same.
                self.sentence = sentence.or_else(|| self.sentence.take().filter(|_| says_silence(deed)));
            }
            JobAct::Misname => self.status = None,
            JobAct::Edit | JobAct::Delete => {}
        }
        if counts {
            for (known, told) in self.counters.iter_mut().zip(deed.counters) {
                *known = told.or(*known);
            }
            self.counted = Some(mark);
        }
    }

    fn made(&mut self, deed: &JobDeed) {
        let status = match (&deed.word, deed.door) {
            (_, Door::Api) => Some(SyncStatus::Pending),
            (Some(word), Door::Direct) => word.parse().ok(),
            (None, Door::Direct) => None,
        };
        *self = JobLane {
            connector: deed.connector.clone(),
            job_type: deed.job_type,
            status,
            worker: deed.worker.as_deref().map(Arc::from),
            cursor: deed.cursor.clone(),
            completed_at: deed.completed_at,
            ..JobLane::default()
        };
    }

    fn cancel(&mut self, door: Door, mark: Mark) {
        self.cancel = Some(mark);
        self.status = match (door, self.status) {
            (Door::Direct, _) | (Door::Api, Some(SyncStatus::InProgress)) => Some(SyncStatus::Canceling),
            (Door::Api, Some(SyncStatus::Pending | SyncStatus::Suspended)) => {
                self.ended = Some(mark);
                self.completed_at = true;
                Some(SyncStatus::Canceled)
            }
            (Door::Api, other) => other,
        };
    }

    fn become_status(&mut self, status: SyncStatus, mark: Mark) {
        self.status = Some(status);
        if status.is_terminal() {
            self.ended = Some(mark);
        }
    }
}
