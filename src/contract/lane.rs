//! [`ProtocolState`]: what the judge knows of jobs and connectors, a lane for each.
//!
//! It is reckoned from the state at the start and from the calls, never from the cluster, so that a
//! recording gives the same. What nobody knows is none, and no rule speaks about it. Lanes are found
//! by id and bounded in number: the first to be forgotten are those whose story has ended.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::deed::{
    ConnectorAct, ConnectorDeed, CursorGiven, CursorText, Deed, DeedEffect, Door, JobAction, JobDeed, LAST_SYNC,
};
use super::heard::ObservedCall;
use super::rules::job::{CANCEL_WITHIN, CHECK_IN_WITHIN, HEARTBEAT_WITHIN};
use super::sentence::{Sentence, says_silence};
use super::story::{CallRef, SubjectState};
use super::stubs::StubLanes;
use crate::by_id::ById;
use crate::bytes_at::BytesAt;
use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::sync_job::rules::{JobType, SyncStatus};
use crate::finding::{Finding, Subject};
use crate::fixture::{JobField, PlainJob};
use crate::json;
use crate::limits::{JUDGE_LANES_MAX, JUDGE_LOOKS_MAX};
use crate::steps::step;

/// What the judge knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtocolState {
    /// The stubs, and how often each has answered.
    pub stubs: StubLanes,
    jobs: ById<JobHistory>,
    connectors: ById<ConnectorLane>,
    /// Connectors by the name of their index.
    by_index: BTreeMap<String, Arc<str>>,
    /// Jobs in the order in which they ended.
    ended: VecDeque<Arc<str>>,
    /// Jobs that calls of this run were about; some may be gone, and some stand here twice.
    worked_on: Vec<Arc<str>>,
    /// The latest lists and searches of jobs.
    looks: VecDeque<CallRef>,
    /// The first direct look at jobs; and whether one was written directly.
    direct: (Option<u64>, bool),
    /// How many deeds have been taken in.
    deeds: u64,
    /// The deed that made it forget all connectors; what was owed to them is forgotten too.
    forgot: u64,
    /// The worker that claimed last, so that the jobs of one hold its name once.
    worker: Option<Arc<str>>,
    forgotten: u64,
}

/// What is known of one sync job.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobHistory {
    /// Its connector.
    pub connector: Option<Arc<str>>,
    /// What it synchronises.
    pub job_type: Option<JobType>,
    /// Its status; none if nobody knows.
    pub status: Option<SyncStatus>,
    /// Who claimed it last.
    pub worker: Option<Arc<str>>,
    /// The cursor that it holds itself, as a JSON text.
    pub cursor: Option<CursorText>,
    /// The claim that it is worked on by, if that was in this run.
    pub claimed: Option<CallRef>,
    /// Whether a client of this run has claimed it or worked on it.
    pub touched: bool,
    /// When it was last seen in this run.
    pub seen: Option<CallRef>,
    /// What its `last_seen` says, and what it said before, as far as that was written in this run.
    pub seen_at: Option<Timestamp>,
    /// See [`JobHistory::seen_at`].
    pub seen_before: Option<Timestamp>,
    /// Why it ended, if somebody took its worker for dead too early, until its worker ends it.
    pub sentence: Option<Box<Sentence>>,
    /// When somebody last looked at this very job.
    pub looked: Option<CallRef>,
    /// What its worker reported last since the claim.
    pub counters: [Option<i64>; 3],
    /// When that was.
    pub counted: Option<CallRef>,
    /// The request to cancel it, if that was in this run.
    pub cancel: Option<CallRef>,
    /// What was refused to a worker that wanted to claim it.
    pub claim_refused: bool,
    /// The call that ended it, if that was in this run.
    pub ended: Option<CallRef>,
    /// Whether `completed_at` was ever written.
    pub completed_at: bool,
    /// Whether it has been told that its worker ignores the request to cancel it.
    pub cancel_told: bool,
    /// The last call about it.
    pub last: Option<CallRef>,
    /// The deed since which its connector is to be told how it went: the first work on it since its claim.
    owes: Option<u64>,
    /// As what its connector's lane counts it.
    place: JobCount,
    /// Whether it waits among those that ended.
    is_queued: bool,
}

/// As what a connector's lane counts a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct JobCount {
    /// The list of [`ConnectorLane::live`] in which it stands, if it has not ended.
    list: Option<usize>,
    /// Whether it is worked on, or may be for all that is known.
    runs: bool,
}

impl JobHistory {
    /// Whether a worker has it.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status, Some(SyncStatus::InProgress | SyncStatus::Canceling))
    }

    /// Whether it waits for a worker.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.status, Some(SyncStatus::Pending | SyncStatus::Suspended))
    }

    /// Whether it has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.status.is_some_and(SyncStatus::is_terminal)
    }

    /// Whether its connector was told how it went, since it was worked on.
    pub(crate) fn is_reported(&self, connector: &ConnectorLane) -> bool {
        let told = connector.told[usize::from(self.job_type == Some(JobType::AccessControl))];
        self.owes.is_some_and(|since| since < told)
    }

    fn place(&self) -> JobCount {
        if self.sentence.is_some() {
            // Its worker is at work.
            return JobCount { list: Some(REST), runs: true };
        }
        if self.is_ended() {
            return JobCount::default();
        }
        let is_open = matches!(self.status, Some(SyncStatus::Pending | SyncStatus::InProgress));
        let list = self.job_type.filter(|_| is_open).map_or(REST, list_of);
        JobCount { list: Some(list), runs: self.status.is_none() || self.is_running() }
    }
}

/// What is known of one connector.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectorLane {
    /// Its status; none if nobody knows.
    pub status: Option<ConnectorStatus>,
    /// Its index.
    pub index_name: Option<String>,
    /// The cursor that it holds, as a JSON text; a none within is no cursor, a none is that nobody knows.
    pub cursor: Option<Option<CursorText>>,
    /// Its jobs that have not ended: a list for each type of those that are pending or in progress, and the
    /// [`REST`].
    live: [BTreeSet<Arc<str>>; REST + 1],
    /// How many of them are worked on, or may be for all that is known.
    running: usize,
    /// The deeds that last told it how jobs went: content, permissions.
    told: [u64; 2],
    /// The last call that worked on one of its jobs.
    pub worked: Option<CallRef>,
    /// Since when its service owes it a sign: its last check-in, or the first work on a job.
    pub silent_since: Option<CallRef>,
    /// Whether that silence has been told already.
    pub silence_told: bool,
    /// Whether documents outside of a job have been told since the last job.
    pub outside_told: bool,
    /// What the fields of [`LAST_SYNC`] say.
    pub last_sync: [Option<String>; 2],
}

/// The list of jobs of an unknown type, and of those that are neither pending nor in progress.
const REST: usize = 3;

fn list_of(job_type: JobType) -> usize {
    match job_type {
        JobType::Full => 0,
        JobType::Incremental => 1,
        JobType::AccessControl => 2,
    }
}

impl ConnectorLane {
    /// Whether one of its jobs is worked on, or may be for all that is known.
    pub(crate) fn runs_any(&self) -> bool {
        self.running > 0
    }

    /// Its jobs of a type that are pending or in progress, by id.
    pub(crate) fn open(&self, job_type: JobType) -> impl Iterator<Item = &Arc<str>> {
        self.live[list_of(job_type)].iter()
    }

    /// Counts a job as what it is now.
    fn count(&mut self, id: &Arc<str>, lane: &mut JobHistory, now: JobCount) {
        let before = std::mem::replace(&mut lane.place, now);
        if before == now {
            return;
        }
        if before.list != now.list {
            before.list.map(|list| self.live[list].remove(id));
            now.list.map(|list| self.live[list].insert(id.clone()));
        }
        self.running = (self.running + usize::from(now.runs)).saturating_sub(usize::from(before.runs));
    }

    /// All of it but its jobs.
    fn without_jobs(&self) -> ConnectorLane {
        ConnectorLane {
            status: self.status,
            index_name: self.index_name.clone(),
            cursor: self.cursor.clone(),
            live: Default::default(),
            running: 0,
            told: self.told,
            worked: self.worked,
            silent_since: self.silent_since,
            silence_told: self.silence_told,
            outside_told: self.outside_told,
            last_sync: self.last_sync.clone(),
        }
    }
}

/// Something that a client owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// When it is due.
    pub(crate) at: Timestamp,
    /// The job or connector that it is owed about.
    pub(crate) subject: Subject,
    /// What it is.
    pub(crate) owed: Owed,
}

/// What a client may owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// A sign of life of a job that is worked on.
    Heartbeat,
    /// The end of a job that was asked to stop.
    Cancelation,
    /// A sign of life of the connector's service.
    CheckIn,
}

impl Due {
    /// What is due, in words.
    pub(crate) fn what(&self) -> String {
        match self.owed {
            Owed::Heartbeat => format!("the heartbeat of {}", self.subject),
            Owed::Cancelation => format!("the end of {}, which was to be canceled", self.subject),
            Owed::CheckIn => format!("the check-in of {}", self.subject),
        }
    }
}

impl ProtocolState {
    /// What a state in the form of a fixture tells.
    pub(crate) fn new(state: &Value) -> ProtocolState {
        let mut world = ProtocolState::default();
        world.learn(state);
        world
    }

    /// Learns a further state.
    pub(crate) fn learn(&mut self, state: &Value) {
        if let Some(stubs) = state.get("stubs") {
            self.stubs.learn(stubs);
        }
        let state = &*crate::fixture::in_fields(state);
        let entries = |name: &str| state.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let objects = |name: &'static str| entries(name).iter().filter_map(Value::as_object);
        let text = |entry: &Map<String, Value>, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        for entry in objects("connectors") {
            let Some(id) = text(entry, "id") else { continue };
            // Its jobs are what they were.
            let known = self.connectors.remove(&id).map(|(_, lane)| lane);
            let known = known.unwrap_or_else(|| ConnectorLane { told: [self.forgot; 2], ..ConnectorLane::default() });
            let lane = ConnectorLane {
                // A state that leaves it out does not mean to say that the connector is unready.
                status: text(entry, "status").and_then(|name| name.parse().ok()),
                index_name: text(entry, "index_name"),
                cursor: Some(entry.get("sync_cursor").filter(|cursor| !cursor.is_null()).map(text_of)),
                last_sync: LAST_SYNC.map(|name| text(entry, name)),
                live: known.live,
                running: known.running,
                told: known.told,
                ..ConnectorLane::default()
            };
            let id: Arc<str> = id.into();
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
            let connector = entry.get("connector_id").or_else(|| literal?.get("id")).and_then(Value::as_str);
            let lane = JobHistory {
                connector: connector.map(|id| self.id_of(id)),
                job_type: text(entry, "job_type").map_or(Some(JobType::Full), |name| name.parse().ok()),
                status,
                worker: text(entry, "worker_hostname").map(Arc::from),
                cursor: cursor.filter(|cursor| !cursor.is_null()).map(text_of),
                completed_at: entry.get("completed_at").is_some_and(|at| !at.is_null()),
                ..JobHistory::default()
            };
            self.put_job(&id, Some(lane));
        }
        self.bound();
    }

    /// Learns jobs of a state that was not made by calls. `told` is a text as it may be kept.
    pub(crate) fn learn_jobs<'f>(
        &mut self,
        jobs: impl Iterator<Item = PlainJob<'f>>,
        told: impl Fn(&'f str) -> Cow<'f, str>,
    ) {
        // As a rule all of them.
        let mut many: Vec<(Arc<str>, JobHistory)> = Vec::with_capacity(jobs.size_hint().1.unwrap_or_default());
        // By the places of their connectors, and by list.
        let mut live: BTreeMap<(usize, usize), Vec<Arc<str>>> = BTreeMap::new();
        // The job before, if its lane is the last one, and the place of its connector.
        let mut before: Option<(PlainJob<'f>, Option<usize>)> = None;
        for job in jobs {
            let like = before.filter(|(before, _)| before.says_the_same(&job)).zip(many.last());
            let (lane, place) = match like {
                Some(((_, place), (_, lane))) => (lane.clone(), place),
                None => {
                    let mut lane = self.lane_of(job, &told);
                    let place = lane.connector.as_deref().and_then(|id| self.connectors.find(id));
                    if place.is_some() {
                        lane.place = lane.place();
                    }
                    (lane, place)
                }
            };
            if let Cow::Owned(id) = told(job.id()) {
                before = None;
                self.put_job(&id, Some(lane));
                continue;
            }
            before = Some((job, place));
            if let Some(place) = place {
                self.connectors.at_mut(place).1.running += usize::from(lane.place.runs);
                if let Some(list) = lane.place.list {
                    live.entry((place, list)).or_default().push(job.id().clone());
                }
            }
            many.push((job.id().clone(), lane));
        }
        for ((place, list), ids) in live {
            let known = &mut self.connectors.at_mut(place).1.live[list];
            // All at once is quicker.
            if known.is_empty() { *known = ids.into_iter().collect() } else { known.extend(ids) }
        }
        self.jobs.extend(many);
        self.bound();
    }

    /// What a job tells that was not made by calls.
    fn lane_of<'f>(&self, job: PlainJob<'f>, told: impl Fn(&'f str) -> Cow<'f, str>) -> JobHistory {
        let text = |field: JobField| job.get(field).and_then(Value::as_str).map(&told);
        JobHistory {
            connector: text(JobField::ConnectorId).map(|id| self.id_of(&id)),
            job_type: text(JobField::JobType).map_or(Some(JobType::Full), |name| name.parse().ok()),
            status: match job.get(JobField::Status) {
                Some(_) => text(JobField::Status).and_then(|name| name.parse().ok()),
                None => Some(SyncStatus::Pending),
            },
            worker: text(JobField::WorkerHostname).map(Arc::from),
            completed_at: job.get(JobField::CompletedAt).is_some_and(|at| !at.is_null()),
            ..JobHistory::default()
        }
    }

    /// The id of a connector, as its lane holds it.
    fn id_of(&self, connector: &str) -> Arc<str> {
        self.connectors.entry(connector).map_or_else(|| connector.into(), |(id, _)| id.clone())
    }

    /// Puts a lane in the place of another or of none, and has the connectors count it.
    fn put_job(&mut self, id: &str, lane: Option<JobHistory>) {
        if let Some((id, old)) = self.jobs.entry_mut(id)
            && let Some(connector) = old.connector.as_deref().and_then(|id| self.connectors.get_mut(id))
        {
            connector.count(id, old, JobCount::default());
        }
        let Some(mut lane) = lane else {
            self.jobs.remove(id);
            return;
        };
        let id = self.jobs.entry(id).map_or_else(|| id.into(), |(id, _)| id.clone());
        lane.place = JobCount::default();
        if let Some(connector) = lane.connector.as_deref().and_then(|id| self.connectors.get_mut(id)) {
            let now = lane.place();
            connector.count(&id, &mut lane, now);
        }
        self.jobs.insert(id, lane);
    }

    /// Takes out a connector. Its jobs stay, and no longer count towards it.
    fn drop_connector(&mut self, id: &str) -> Option<ConnectorLane> {
        let (_, lane) = self.connectors.remove(id)?;
        for job in lane.live.iter().flatten() {
            if let Some(job) = self.jobs.get_mut(job) {
                job.place = JobCount::default();
            }
        }
        Some(lane)
    }

    /// Where the lanes are that a deed is about, until one is put in or taken out.
    pub(crate) fn places(&self, deed: &Deed<'_>) -> LanePlaces {
        let job = match deed {
            Deed::Job(deed) => self.jobs.find(&deed.job),
            Deed::Look { job: Some(job), .. } => self.jobs.find(job),
            _ => None,
        };
        let connector = job.and_then(|place| self.connectors.find(self.jobs.at(place).1.connector.as_deref()?));
        LanePlaces { job, connector }
    }

    /// The lanes at these places, that of the connector with its id.
    pub(crate) fn lanes(&self, places: LanePlaces) -> (Option<&JobHistory>, Option<(&str, &ConnectorLane)>) {
        let connector = places.connector.map(|place| self.connectors.at(place));
        (places.job.map(|place| self.jobs.at(place).1), connector.map(|(id, lane)| (&**id, lane)))
    }

    /// The lane of a job.
    pub(crate) fn job(&self, id: &str) -> Option<&JobHistory> {
        self.jobs.get(id)
    }

    /// The lane of a connector.
    pub(crate) fn connector(&self, id: &str) -> Option<&ConnectorLane> {
        self.connectors.get(id)
    }

    /// The connector that an index belongs to, for its content or for its permissions.
    pub(crate) fn owner(&self, index: &str) -> Option<(&str, &ConnectorLane)> {
        let index = index.strip_prefix(".search-acl-filter-").unwrap_or(index);
        let (id, lane) = self.connectors.entry(self.by_index.get(index)?)?;
        Some((id, lane))
    }

    /// The jobs that calls of this run were about, by id. What lay there all along owes nothing.
    pub(crate) fn worked_on(&self) -> Vec<(&str, &JobHistory)> {
        let known = self.worked_on.iter().inspect(|_| step()).filter_map(|id| self.jobs.entry(id));
        let mut found: Vec<_> = known.map(|(id, lane)| (&**id, lane)).collect();
        found.sort_unstable_by_key(|(id, _)| *id);
        // Some were deleted and made again.
        found.dedup_by_key(|(id, _)| *id);
        found
    }

    /// Whether jobs were listed or searched, or that one was looked at, before call `before` and not
    /// earlier than `from`.
    pub(crate) fn was_looked_at(&self, lane: &JobHistory, before: u64, from: Timestamp) -> bool {
        let counts = |mark: &CallRef| mark.seq < before && mark.at >= from;
        self.looks.iter().any(counts) || lane.looked.iter().any(counts)
    }

    /// How many lanes have been forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The state of what a call is about.
    pub(crate) fn seen(&self, deed: Option<&Deed<'_>>, places: LanePlaces) -> SubjectState {
        let of_job = |id: &str| match places.job.map(|place| self.jobs.at(place)) {
            None => SubjectState { job: Some(id.into()), ..SubjectState::default() },
            Some((id, lane)) => SubjectState {
                job: Some(id.clone()),
                job_status: lane.status,
                connector: lane.connector.clone(),
                connector_status: places.connector.and_then(|place| self.connectors.at(place).1.status),
            },
        };
        let of_connector = |id: &str| match self.connectors.entry(id) {
            None => SubjectState { connector: Some(id.into()), ..SubjectState::default() },
            Some((id, lane)) => {
                SubjectState { connector: Some(id.clone()), connector_status: lane.status, ..SubjectState::default() }
            }
        };
        match deed {
            Some(Deed::Job(deed)) if deed.act == JobAction::Post => {
                deed.connector.as_deref().map_or_else(SubjectState::default, of_connector)
            }
            Some(Deed::Job(deed)) => of_job(&deed.job),
            Some(Deed::Look { job: Some(job), .. }) => of_job(job),
            Some(Deed::LookAtConnector { connector }) => of_connector(connector),
            Some(Deed::Connector(deed)) => of_connector(&deed.connector),
            Some(Deed::Documents { index, .. }) => {
                self.owner(index).map_or_else(SubjectState::default, |(id, _)| of_connector(id))
            }
            Some(Deed::Look { job: None, .. } | Deed::Upheaval { .. }) | None => SubjectState::default(),
        }
    }

    // ── taking in ─────────────────────────────────────────────────────────────────────────────────

    /// Takes in what a call did.
    pub(crate) fn take(&mut self, deed: &Deed<'_>, places: LanePlaces, heard: &ObservedCall<'_>) {
        self.deeds += 1;
        let mark = CallRef { seq: heard.seq, at: heard.at };
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
                let id = self.owner(index).map(|(id, _)| Arc::<str>::from(id));
                if let Some(lane) = id.and_then(|id| self.connectors.get_mut(&id)) {
                    lane.outside_told |= !lane.runs_any();
                }
            }
            Deed::Upheaval { jobs } => self.forget(*jobs),
            Deed::Job(deed) => self.take_job(deed, places, mark),
            Deed::Connector(deed) => self.take_connector(deed, mark),
        }
    }

    /// Takes in what the other side's hand did: it is no worker, and owes nothing.
    pub(crate) fn take_hand(&mut self, deed: &Deed<'_>, heard: &ObservedCall<'_>) {
        let (direct, worker) = (self.direct, self.worker.clone());
        let owed_by_connector = |world: &ProtocolState, id: &str| {
            let lane = world.connectors.get(id)?;
            Some((id.to_owned(), lane.worked, lane.silent_since, lane.outside_told))
        };
        let (job, connector) = match deed {
            Deed::Job(deed) => {
                let lane = self.jobs.get(&deed.job);
                let connector = lane.and_then(|lane| lane.connector.as_deref()).or(deed.connector.as_deref());
                let connector = connector.and_then(|id| owed_by_connector(self, id));
                (lane.map(|lane| (lane.touched, lane.claimed, lane.seen, lane.owes)), connector)
            }
            Deed::Connector(deed) => (None, owed_by_connector(self, &deed.connector)),
            _ => (None, None),
        };
        self.take(deed, self.places(deed), heard);
        (self.direct, self.worker) = (direct, worker);
        if let Some((id, worked, silent_since, outside_told)) = connector
            && let Some(lane) = self.connectors.get_mut(&id)
        {
            (lane.worked, lane.outside_told) = (worked, outside_told);
            // A sign of life counts, and makes nobody owe the next one.
            lane.silent_since = silent_since.and(lane.silent_since);
        }
        let Deed::Job(deed) = deed else { return };
        if let Some(lane) = self.jobs.get_mut(&deed.job) {
            let (was_touched, claimed, seen, owes) = job.unwrap_or_default();
            // Of a job that was ended or taken by another hand its worker need not tell how it went.
            lane.touched = was_touched && !lane.is_ended() && deed.act != JobAction::Claim;
            (lane.claimed, lane.seen, lane.owes) = (claimed.filter(|_| deed.act != JobAction::Claim), seen, owes);
            lane.sentence = None;
        }
    }

    /// When something is due next after an instant: a heartbeat, a check-in, the answer to a request to cancel.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        self.dues().filter(|due| due.at > now).map(|due| (due.at, due.what())).min()
    }

    /// Whatever clients owe, and when it is due.
    pub(crate) fn dues(&self) -> impl Iterator<Item = Due> {
        let of_job = |at: Timestamp, id: &str, owed| Due { at, subject: Subject::Job(id.to_owned()), owed };
        let jobs = self.worked_on();
        let heartbeats = jobs.clone().into_iter().filter(|(_, lane)| lane.is_running() && lane.claimed.is_some());
        let heartbeats = heartbeats
            .filter_map(move |(id, lane)| Some(of_job(lane.seen?.at.plus(HEARTBEAT_WITHIN), id, Owed::Heartbeat)));
        let canceled = jobs.into_iter().filter(|(_, lane)| lane.is_running() && !lane.cancel_told);
        let canceled = canceled
            .filter_map(move |(id, lane)| Some(of_job(lane.cancel?.at.plus(CANCEL_WITHIN), id, Owed::Cancelation)));
        let silent = self.connectors.iter().filter(|(_, lane)| !lane.silence_told);
        let silent = silent.filter_map(|(id, lane)| {
            let subject = Subject::Connector((**id).to_owned());
            Some(Due { at: lane.silent_since?.at.plus(CHECK_IN_WITHIN), subject, owed: Owed::CheckIn })
        });
        heartbeats.chain(canceled).chain(silent)
    }

    fn look(&mut self, door: Door, mark: CallRef) {
        if door == Door::Direct {
            self.direct.0.get_or_insert(mark.seq);
        }
    }

    /// Whether the worker of a job is known to have more than the Connector API: somebody wrote jobs
    /// directly, or looked at them directly before it was claimed, as one does who looks for work.
    pub(crate) fn has_direct_door(&self, lane: &JobHistory) -> bool {
        let (looked, has_written) = self.direct;
        has_written || lane.claimed.is_some_and(|claim| looked.is_some_and(|look| look < claim.seq))
    }

    /// Whether it is the end that a worker writes who was taken for dead: it may be refused, and that is
    /// not its fault.
    pub(crate) fn is_of_sentenced(&self, deed: &Deed<'_>) -> bool {
        let Deed::Job(deed) = deed else { return false };
        matches!(deed.act, JobAction::Become(_)) && self.job(&deed.job).is_some_and(|lane| lane.sentence.is_some())
    }

    fn take_job(&mut self, deed: &JobDeed<'_>, places: LanePlaces, mark: CallRef) {
        let is_new = places.job.is_none();
        if deed.job.is_empty() || (is_new && deed.effect == DeedEffect::Refused) {
            return;
        }
        let is_done = deed.effect == DeedEffect::Done;
        let is_by_worker = !matches!(deed.act, JobAction::Post | JobAction::Delete);
        self.direct.1 |= deed.door == Door::Direct && deed.effect != DeedEffect::Refused && is_by_worker;
        if is_done && deed.act == JobAction::Delete {
            self.put_job(&deed.job, None);
            return;
        }
        if is_new {
            self.jobs.insert(deed.job.as_ref().into(), JobHistory::default());
        }
        let Some(place) = places.job.or_else(|| self.jobs.find(&deed.job)) else { return };
        let (id, lane) = self.jobs.at_mut(place);
        if is_done
            && deed.act == JobAction::Post
            && let Some(former) = lane.connector.take().and_then(|id| self.connectors.get_mut(&id))
        {
            // It may get another connector.
            former.count(id, lane, JobCount::default());
        }
        let was_ended = lane.is_ended();
        let mut connector = places.connector.filter(|_| lane.connector.is_some());
        match deed.effect {
            DeedEffect::Done => {
                let held = connector.and_then(|place| self.connectors.at(place).1.cursor.as_ref()?.as_ref());
                lane.done(deed, mark, held, &mut self.worker);
            }
            DeedEffect::Refused => lane.claim_refused |= deed.act == JobAction::Claim,
            // Nobody knows what it is in now.
            DeedEffect::Doubtful => {
                if !matches!(deed.act, JobAction::CheckIn | JobAction::Statistics) || lane.status.is_none() {
                    lane.status = None;
                }
                lane.counters = [None; 3];
            }
        }
        if lane.last.replace(mark).is_none() {
            self.worked_on.push(id.clone());
        }
        let is_work = is_done && matches!(deed.act, JobAction::Claim | JobAction::CheckIn | JobAction::Statistics);
        if is_work {
            lane.owes.get_or_insert(self.deeds);
        }
        if deed.act == JobAction::Post {
            connector = lane.connector.as_deref().and_then(|id| self.connectors.find(id));
        }
        if let Some(place) = connector {
            let (_, connector) = self.connectors.at_mut(place);
            let now = lane.place();
            connector.count(id, lane, now);
            if is_work {
                connector.worked = Some(mark);
                connector.outside_told = false;
                connector.silent_since.get_or_insert(mark);
            }
        }
        if lane.is_ended() && (!was_ended || is_new) && !lane.is_queued {
            lane.is_queued = true;
            self.ended.push_back(id.clone());
        }
        if is_new {
            self.bound();
        }
        if self.worked_on.len() > 2 * JUDGE_LANES_MAX {
            let mut known = std::mem::take(&mut self.worked_on);
            known.retain(|id| self.jobs.contains(id));
            known.sort_unstable();
            known.dedup();
            self.worked_on = known;
        }
    }

    fn take_connector(&mut self, deed: &ConnectorDeed, mark: CallRef) {
        if deed.connector.is_empty() || deed.effect == DeedEffect::Refused {
            return;
        }
        let is_new = !self.connectors.contains(&deed.connector);
        if is_new {
            if self.connectors.len() >= JUDGE_LANES_MAX {
                self.forgotten += 1;
                return;
            }
            // A new connector is owed nothing yet; of one that is met for the first time nobody knows.
            let told = if deed.act == ConnectorAct::Put { self.deeds } else { self.forgot };
            let lane = ConnectorLane { told: [told; 2], ..ConnectorLane::default() };
            self.connectors.insert(deed.connector.as_str().into(), lane);
        }
        let Some((id, lane)) = self.connectors.entry_mut(&deed.connector) else { return };
        if deed.effect == DeedEffect::Doubtful {
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
        for (told, status) in lane.told.iter_mut().zip(&deed.last_sync) {
            if status.as_deref().is_some_and(|status| status != "in_progress") {
                *told = self.deeds;
            }
        }
        let id = id.clone();
        if let Some(old) = old_index {
            self.by_index.remove(&old);
        }
        match (deed.act, index) {
            (ConnectorAct::Delete, index) => {
                if let Some(index) = index {
                    self.by_index.remove(&index);
                }
                if deed.and_jobs {
                    let lane = self.connectors.remove(&deed.connector).map(|(_, lane)| lane);
                    let mut jobs: Vec<Arc<str>> = lane.into_iter().flat_map(|lane| lane.live).flatten().collect();
                    jobs.sort_unstable();
                    self.jobs.remove_all(&jobs, drop);
                } else {
                    self.drop_connector(&deed.connector);
                }
            }
            (_, Some(index)) if is_new || deed.index_name.is_some() => {
                self.by_index.insert(index, id);
            }
            _ => {}
        }
    }

    /// Forgets jobs beyond the bound, those that ended first.
    fn bound(&mut self) {
        while self.jobs.len() > JUDGE_LANES_MAX {
            let id = match self.ended.pop_front() {
                Some(id) => {
                    let Some(lane) = self.jobs.get_mut(&id) else { continue };
                    lane.is_queued = false;
                    if !lane.is_ended() {
                        continue;
                    }
                    Some(id)
                }
                None => self.jobs.first().cloned(),
            };
            if let Some(id) = id {
                self.forgotten += 1;
                self.put_job(&id, None);
            }
        }
        // Jobs that were deleted after they ended.
        if self.ended.len() > 2 * JUDGE_LANES_MAX {
            self.ended.retain(|id| self.jobs.contains(id));
        }
    }

    /// What a deed may change, as it is now.
    pub(crate) fn save(&self, deed: &Deed<'_>) -> Saved {
        let connector = match deed {
            Deed::Job(deed) => {
                let lane = self.jobs.get(&deed.job);
                lane.and_then(|lane| lane.connector.as_deref()).or(deed.connector.as_deref())
            }
            Deed::Connector(deed) => Some(&*deed.connector),
            Deed::Documents { index, .. } => self.owner(index).map(|(id, _)| id),
            Deed::Look { .. } | Deed::LookAtConnector { .. } | Deed::Upheaval { .. } => None,
        };
        let job = match deed {
            Deed::Job(deed) => Some((deed.job.as_ref().into(), self.jobs.get(&deed.job).cloned())),
            _ => None,
        };
        // Only who takes a connector away changes more of its lists than the place of one job.
        let is_whole = matches!(deed, Deed::Connector(ConnectorDeed { act: ConnectorAct::Delete, .. }));
        let copy = |lane: &ConnectorLane| if is_whole { lane.clone() } else { lane.without_jobs() };
        Saved { job, connector: connector.map(|id| (self.id_of(id), self.connectors.get(id).map(copy))) }
    }

    /// Puts back what was saved, the latest first.
    pub(crate) fn restore(&mut self, saved: Vec<Saved>) {
        for Saved { job, connector } in saved.into_iter().rev() {
            if let Some((id, lane)) = connector {
                self.restore_connector(id, lane);
            }
            if let Some((id, lane)) = job {
                self.put_job(&id, lane);
            }
        }
    }

    fn restore_connector(&mut self, id: Arc<str>, lane: Option<ConnectorLane>) {
        let now = match lane {
            Some(_) => self.connectors.remove(&id).map(|(_, lane)| lane),
            None => self.drop_connector(&id),
        };
        if let Some(index) = now.as_ref().and_then(|lane| lane.index_name.as_ref()) {
            self.by_index.remove(index);
        }
        let Some(mut lane) = lane else { return };
        if let Some(index) = &lane.index_name {
            self.by_index.insert(index.clone(), id.clone());
        }
        match now {
            // Its lists follow the lanes of its jobs.
            Some(now) => (lane.live, lane.running) = (now.live, now.running),
            None => {
                let jobs = std::mem::take(&mut lane.live);
                lane.running = 0;
                for id in jobs.iter().flatten() {
                    if let Some(job) = self.jobs.get_mut(id) {
                        let now = job.place();
                        lane.count(id, job, now);
                    }
                }
            }
        }
        self.connectors.insert(id, lane);
    }

    /// Notes what has been told, so that it is told once.
    pub(crate) fn told(&mut self, finding: &Finding) {
        match (&*finding.rule, &finding.subject) {
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
            self.jobs = ById::default();
            self.ended.clear();
            self.worked_on.clear();
            for lane in self.connectors.values_mut() {
                lane.live = Default::default();
                lane.running = 0;
            }
        } else {
            self.jobs.values_mut().for_each(|lane| lane.place = JobCount::default());
            self.connectors = ById::default();
            self.by_index.clear();
            self.forgot = self.deeds;
        }
    }
}

/// Where the lanes are of a job and of its connector, if they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LanePlaces {
    job: Option<usize>,
    connector: Option<usize>,
}

/// Lanes as they were before a deed.
#[derive(Debug)]
pub(crate) struct Saved {
    job: Option<(Arc<str>, Option<JobHistory>)>,
    connector: Option<(Arc<str>, Option<ConnectorLane>)>,
}

/// Writes a cursor as a partial update does: objects merge, everything else is replaced.
fn merge_cursor(known: &mut Option<Option<CursorText>>, written: &Option<Value>, whole: bool) {
    match (known.as_mut(), written) {
        (Some(Some(old)), Some(new)) if !whole => *old = merged(old.text(), new),
        // What is merged into nobody knows what is nobody knows what, unless it is no object.
        (None, Some(new)) if !whole && new.is_object() => {}
        (_, written) => *known = Some(written.as_ref().map(text_of)),
    }
}

fn merged(old: &str, new: &Value) -> CursorText {
    let mut whole = value_of(old);
    merge(&mut whole, new);
    text_of(&whole)
}

fn text_of(cursor: &Value) -> CursorText {
    CursorText::Copied(cursor.to_string().into())
}

/// The value of a cursor that a lane keeps.
pub(crate) fn value_of(cursor: &str) -> Value {
    json::read(cursor.as_bytes()).ok().flatten().unwrap_or_default()
}

/// Whether a cursor is the one that a lane keeps; Elasticsearch writes some numbers otherwise than it read them.
pub(crate) fn is_same_cursor(kept: &CursorText, cursor: &CursorGiven<'_>) -> bool {
    let (kept, told) = (kept.text(), cursor.text());
    *kept == *told || (have_as_many_quotes(kept, &told) && is_same(&value_of(kept), &cursor.value()))
}

/// Whether two texts without blanks have as many quotes, without which they do not say the same: only numbers are written in
/// more than one way. Of two that differ, as much is looked at as the shorter one has.
fn have_as_many_quotes(one: &str, other: &str) -> bool {
    let [mut one, mut other] = [one, other].map(|text| BytesAt::new(text.as_bytes(), [b'"']));
    loop {
        match (one.next(), other.next()) {
            (Some(_), Some(_)) => {}
            (one, other) => return one.is_none() && other.is_none(),
        }
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (one, other) => one == other,
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

impl JobHistory {
    /// Takes in what was done to the job.
    ///
    /// `held` is the cursor of its connector, `worker` the worker that claimed last: what is the same is held once.
    fn done(&mut self, deed: &JobDeed<'_>, mark: CallRef, held: Option<&CursorText>, worker: &mut Option<Arc<str>>) {
        let sentence = Sentence::of(self, deed, mark).map(Box::new);
        if deed.seen {
            self.seen = Some(mark);
            let written = if deed.door == Door::Api { Some(mark.at) } else { deed.seen_at };
            self.seen_before = std::mem::replace(&mut self.seen_at, written);
        }
        if let Some(cursor) = &deed.cursor {
            match &mut self.cursor {
                // What says nothing new changes nothing.
                Some(old) if *old.text() == *cursor.text() => {}
                Some(old) => *old = merged(old.text(), &cursor.value()),
                None => {
                    let same = held.filter(|held| *held.text() == *cursor.text()).cloned();
                    self.cursor = Some(same.unwrap_or_else(|| cursor.kept()));
                }
            }
        }
        let counts = deed.counters.iter().any(Option::is_some);
        self.completed_at |= deed.completed_at;
        match deed.act {
            JobAction::Post => self.made(deed),
            JobAction::Claim => {
                self.status = Some(SyncStatus::InProgress);
                if let Some(name) = deed.worker.as_deref() {
                    if worker.as_deref() != Some(name) {
                        *worker = Some(name.into());
                    }
                    self.worker.clone_from(worker);
                }
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
                self.owes = None;
            }
            JobAction::CheckIn | JobAction::Statistics => {
                self.touched |= self.is_running();
                self.seen = Some(mark);
            }
            JobAction::Cancel => self.cancel(deed.door, mark),
            JobAction::Become(status) => {
                self.become_status(status, mark);
                // A second service may say the same.
                self.sentence = sentence.or_else(|| self.sentence.take().filter(|_| says_silence(deed)));
            }
            JobAction::Misname => self.status = None,
            JobAction::Edit | JobAction::Delete => {}
        }
        if counts {
            for (known, told) in self.counters.iter_mut().zip(deed.counters) {
                *known = told.or(*known);
            }
            self.counted = Some(mark);
        }
    }

    fn made(&mut self, deed: &JobDeed<'_>) {
        let status = match (&deed.word, deed.door) {
            (_, Door::Api) => Some(SyncStatus::Pending),
            (Some(word), Door::Direct) => word.parse().ok(),
            (None, Door::Direct) => None,
        };
        *self = JobHistory {
            connector: deed.connector.as_deref().map(Arc::from),
            job_type: deed.job_type,
            status,
            worker: deed.worker.as_deref().map(Arc::from),
            cursor: deed.cursor.as_ref().map(CursorGiven::kept),
            is_queued: self.is_queued,
            completed_at: deed.completed_at,
            ..JobHistory::default()
        };
    }

    fn cancel(&mut self, door: Door, mark: CallRef) {
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

    fn become_status(&mut self, status: SyncStatus, mark: CallRef) {
        self.status = Some(status);
        if status.is_terminal() {
            self.ended = Some(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::contract::Knowledge;
    use crate::fixture::Fixture;
    use crate::record::redact::KnownSecrets;

    /// What is known, whatever it is held in.
    fn told(world: &ProtocolState) -> String {
        let jobs = world.jobs.iter().map(|(id, lane)| format!("{id} {lane:?}\n"));
        let connectors = world.connectors.iter().map(|(id, lane)| format!("{id} {lane:?}\n"));
        let by_id = |id: &str| world.jobs.get(id).map(|lane| lane.status);
        let found = world.jobs.iter().all(|(id, lane)| by_id(id) == Some(lane.status));
        format!("{}{}{:?} {found}", jobs.collect::<String>(), connectors.collect::<String>(), world.by_index)
    }

    proptest! {
        #[test]
        fn a_fixture_tells_the_judge_what_its_value_tells(
            jobs in prop::collection::vec((0..40_u8, 0..3_u8, 0..9_u8, 0..6_u8, 0..6_u8), 0..30),
            has_secret in any::<bool>(),
        ) {
            let secret = "hunter2-of-crm";
            let mut fixture = json!({
                "connectors": [
                    { "id": "docs", "index_name": "search-docs", "status": "connected" },
                    { "id": "crm", "sync_cursor": { "page": secret } },
                    { "id": "wiki" },
                ],
            });
            if has_secret {
                fixture["connectors"][1]["configuration"] = json!({ "password": { "sensitive": true, "value": secret } });
            }
            let statuses = ["pending", "in_progress", "canceling", "canceled", "suspended", "completed", "error"];
            let entries = jobs.iter().enumerate().map(|(at, (id, connector, status, more, other))| {
                let connector = ["docs", "crm", "wiki"][*connector as usize];
                let mut job = json!({ "id": format!("job-{id}-{at}"), "connector_id": connector });
                match statuses.get(*status as usize) {
                    Some(status) => job["status"] = json!(status),
                    None if *status == 7 => job["status"] = Value::Null,
                    None => {}
                }
                for more in [more, other] {
                    match more {
                        0 => job["worker_hostname"] = json!(secret),
                        1 => job["job_type"] = json!("access_control"),
                        2 => job["sync_cursor"] = json!({ "page": at }),
                        3 => job["completed_at"] = json!("now-5m"),
                        4 => job["id"] = json!(format!("{secret} {at}")),
                        _ => job["error"] = json!(format!("password={secret}")),
                    }
                }
                job
            });
            fixture["sync_jobs"] = entries.collect();
            let fixture = Fixture::from_json(&fixture.to_string()).expect("a fixture");
            let (mut known, mut known_of_value) = (KnownSecrets::default(), KnownSecrets::default());
            let mut state = fixture.to_value();
            known_of_value.state(&mut state);
            let of_value = Knowledge::of(&state, false);
            let of_fixture = Knowledge::of_fixture(&fixture, &mut known);
            prop_assert_eq!(told(&of_fixture.world), told(&of_value.world));
            prop_assert_eq!(format!("{known:?}"), format!("{known_of_value:?}"));
        }
    }
}
