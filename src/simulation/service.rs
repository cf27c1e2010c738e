//! [`SimulatedService`]: a connector service, after the one of Elastic.
//!
//! It looks at the state at a fixed pace, and does in each look what the real one does in a round: it registers a
//! configuration, holds the values against it, connects, checks in, validates rules, claims, cleans up. A sync writes a
//! few documents at a time and ends a second after the last of them.
//!
//! Source: Elastic's connector service 9.6, as its calls were measured.
// DIFFERENCE: a sync of the real service takes as long as its source; access control needs no license here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::intent::SimulatedIntent;
use super::look::{StateView, complaint, connector_of, fields, is_ready, status_of, status_of_job, type_of};
use super::side::ServiceCharacter;
use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::document::source::Source;
use crate::es::sync_job::rules::{JobType, SyncStatus};

/// After how long the sign of a connector is renewed, and a job without one is taken for dead.
const SILENCE_ALLOWED: Duration = Duration::from_secs(300);
/// How often a running sync looks whether its job is still in progress.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How long after its last documents a sync ends.
const LAST_STEP: Duration = Duration::from_secs(1);

/// A connector service.
#[derive(Clone, Debug)]
pub(super) struct SimulatedService {
    character: ServiceCharacter,
    /// What it calls itself when it claims.
    hostname: String,
    began: Timestamp,
    is_dead: bool,
    /// The jobs that it works on.
    works: BTreeMap<String, SyncWork>,
}

/// A job under work.
#[derive(Clone, Debug)]
struct SyncWork {
    connector: String,
    job_type: JobType,
    index: String,
    began: Timestamp,
    /// Batches of documents so far.
    batches: u32,
    indexed: u64,
    volume: u64,
}

/// How quick a service is.
struct ServicePace {
    look: Duration,
    batch: Duration,
    batches: u32,
}

impl ServiceCharacter {
    fn pace(self) -> ServicePace {
        let pace = |look, batch, batches| ServicePace {
            look: Duration::from_secs(look),
            batch: Duration::from_secs(batch),
            batches,
        };
        match self {
            ServiceCharacter::Well | ServiceCharacter::Dies => pace(30, 10, 3),
            ServiceCharacter::Fails => pace(30, 10, 2),
            ServiceCharacter::Slow => pace(120, 60, 30),
            ServiceCharacter::Silent => pace(30, 600, 2),
            ServiceCharacter::Deaf => pace(30, 10, 60),
        }
    }
}

/// The first instant of a beat that is not before another.
fn beat(began: Timestamp, every: Duration, from: Timestamp) -> Timestamp {
    let every = every.as_nanos().max(1) as i128;
    let passed = (from.as_nanos() - began.as_nanos()).max(1);
    Timestamp::from_nanos(began.as_nanos() + (passed + every - 1) / every * every)
}

impl SyncWork {
    fn next_batch(&self, pace: &ServicePace) -> Timestamp {
        self.began.plus(pace.batch * (self.batches + 1))
    }

    fn end(&self, pace: &ServicePace) -> Timestamp {
        self.began.plus(pace.batch * pace.batches + LAST_STEP)
    }

    /// The fields of the connector that tell how the job went: status and error.
    fn last_sync(&self) -> (&'static str, &'static str) {
        last_sync(self.job_type)
    }
}

fn last_sync(job_type: JobType) -> (&'static str, &'static str) {
    match job_type {
        JobType::AccessControl => ("last_access_control_sync_status", "last_access_control_sync_error"),
        _ => ("last_sync_status", "last_sync_error"),
    }
}

impl SimulatedService {
    pub(crate) fn new(character: ServiceCharacter, name: &str, at: Timestamp) -> SimulatedService {
        let hostname = format!("simulated-{name}");
        SimulatedService { character, hostname, began: at, is_dead: false, works: BTreeMap::new() }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub(crate) fn turn_back(&mut self, by: Duration) {
        self.began = self.began.minus(by);
        self.works.values_mut().for_each(|work| work.began = work.began.minus(by));
    }

    pub(crate) fn plan(&self, look: &StateView<'_>, add: &mut impl FnMut(Timestamp, SimulatedIntent)) {
        if self.is_dead {
            return;
        }
        let pace = self.character.pace();
        let next_look = |not_before: Timestamp| beat(self.began, pace.look, look.from.max(not_before));
        let now = next_look(look.from);
        for (id, connector) in look.connectors() {
            let id = id.to_owned();
            let has_configuration = fields(connector).next().is_some();
            if self.character != ServiceCharacter::Silent {
                let seen = connector.instant("last_seen").map_or(look.from, |seen| seen.plus(SILENCE_ALLOWED));
                add(next_look(seen), SimulatedIntent::CheckIn(id.clone()));
            }
            let status = status_of(connector);
            match status {
                Some(ConnectorStatus::Created | ConnectorStatus::NeedsConfiguration) | None => {
                    // A connector that somebody made connected needs none.
                    if !has_configuration {
                        add(now, SimulatedIntent::Register(id));
                    }
                    continue;
                }
                Some(_) => {}
            }
            if let Some(complaint) = complaint(connector) {
                if status != Some(ConnectorStatus::Error) || connector.text("error") != Some(&complaint) {
                    add(now, SimulatedIntent::Complain(id));
                }
                continue;
            }
            if status != Some(ConnectorStatus::Connected) {
                add(now, SimulatedIntent::Connect(id.clone()));
            }
            let drafts = connector.get("filtering").and_then(Value::as_array).into_iter().flatten();
            if drafts.into_iter().any(|filter| filter.pointer("/draft/validation/state") == Some(&json!("edited"))) {
                add(now, SimulatedIntent::Validate(id));
            }
        }
        for (id, work) in &self.works {
            let status = look.job(id).and_then(status_of_job);
            let goes_on = match status {
                Some(SyncStatus::InProgress) => true,
                Some(SyncStatus::Canceling) => self.character == ServiceCharacter::Deaf,
                _ => false,
            };
            match goes_on {
                false => add(beat(work.began, CHECK_EVERY, look.from), SimulatedIntent::Stop(id.clone())),
                true if work.batches < pace.batches => {
                    add(work.next_batch(&pace), SimulatedIntent::Progress(id.clone()))
                }
                true => add(work.end(&pace), SimulatedIntent::Finish(id.clone())),
            }
        }
        for (id, job) in look.jobs().filter(|(id, _)| !self.works.contains_key(*id)) {
            let connector = connector_of(job).and_then(|id| look.connector(id));
            let Some(connector) = connector else { continue };
            match status_of_job(job) {
                Some(SyncStatus::Pending | SyncStatus::Suspended) => {
                    let is_free = connector.text(last_sync(type_of(job)).0) != Some(SyncStatus::InProgress.name());
                    if is_free && is_ready(connector) && index_of(job).is_some() {
                        let created_at = job.text("created_at").unwrap_or_default().to_owned();
                        add(now, SimulatedIntent::Claim { created_at, job: id.to_owned() });
                    }
                }
                Some(SyncStatus::InProgress | SyncStatus::Canceling) => {
                    if let Some(seen) = job.instant("last_seen") {
                        add(next_look(seen.plus(SILENCE_ALLOWED)), SimulatedIntent::Bury(id.to_owned()));
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn perform(&mut self, intent: &SimulatedIntent, look: &StateView<'_>) -> Vec<Value> {
        let now = look.from.to_string();
        match intent {
            SimulatedIntent::Register(id) => {
                look.connector(id).map(|connector| registered(id, connector)).into_iter().collect()
            }
            SimulatedIntent::Complain(id) => {
                let complaint = look.connector(id).and_then(complaint);
                vec![json!({ "connector": id, "doc": { "status": "error", "error": complaint } })]
            }
            SimulatedIntent::Connect(id) => {
                vec![json!({ "connector": id, "doc": { "status": "connected", "error": null } })]
            }
            SimulatedIntent::Validate(id) => {
                look.connector(id).map(|connector| validated(id, connector)).into_iter().collect()
            }
            SimulatedIntent::CheckIn(id) => vec![json!({ "check_in": id })],
            SimulatedIntent::Claim { job, .. } => self.claim(job, look),
            SimulatedIntent::Progress(id) => self.progress(id, look),
            SimulatedIntent::Finish(id) => {
                let Some(work) = self.works.remove(id) else { return Vec::new() };
                let end = match self.character {
                    ServiceCharacter::Fails => Err("ConnectionError: the source refused the connection".to_owned()),
                    _ => Ok(SyncStatus::Completed),
                };
                self.ended(id, &work, end, look)
            }
            SimulatedIntent::Stop(id) => {
                let Some(work) = self.works.remove(id) else { return Vec::new() };
                match look.job(id).map(status_of_job) {
                    Some(Some(SyncStatus::Canceling)) => self.ended(id, &work, Ok(SyncStatus::Canceled), look),
                    // Whoever ended it has said how it went; the connector is told.
                    Some(Some(status)) => vec![told(&work, status.name(), None, look)],
                    Some(None) => Vec::new(),
                    None => vec![told(&work, "error", Some("Couldn't find the job"), look)],
                }
            }
            SimulatedIntent::Bury(id) => {
                let error = "The job has not seen any update for some time.";
                let Some(job) = look.job(id) else { return Vec::new() };
                let Some(connector) = connector_of(job) else { return Vec::new() };
                let (status, why) = last_sync(type_of(job));
                let doc = json!({ "status": "error", "error": error, "completed_at": now, "last_seen": now });
                let of_connector = Map::from_iter([
                    ("status".to_owned(), json!("error")),
                    ("error".to_owned(), json!(error)),
                    (status.to_owned(), json!("error")),
                    (why.to_owned(), json!(error)),
                ]);
                vec![json!({ "sync_job": id, "doc": doc }), json!({ "connector": connector, "doc": of_connector })]
            }
            SimulatedIntent::Fire { .. }
            | SimulatedIntent::FillIn(_)
            | SimulatedIntent::Ask(_)
            | SimulatedIntent::Cancel(_) => Vec::new(),
        }
    }

    /// Locks the connector, so that no second job of it is started, and claims.
    fn claim(&mut self, id: &str, look: &StateView<'_>) -> Vec<Value> {
        let Some(job) = look.job(id) else { return Vec::new() };
        let (Some(connector), Some(index)) = (connector_of(job), index_of(job)) else { return Vec::new() };
        let job_type = type_of(job);
        let (status, error) = last_sync(job_type);
        let doc = Map::from_iter([
            ("status".to_owned(), json!("connected")),
            ("error".to_owned(), Value::Null),
            (status.to_owned(), json!("in_progress")),
            (error.to_owned(), Value::Null),
        ]);
        let mut claim = json!({ "claim": id, "worker_hostname": self.hostname });
        let cursor = look.connector(connector).and_then(|connector| connector.get("sync_cursor"));
        if let (JobType::Incremental, Some(cursor @ Value::Object(_))) = (job_type, cursor) {
            claim["sync_cursor"] = cursor.clone();
        }
        if self.character == ServiceCharacter::Dies {
            self.is_dead = true;
        } else {
            let work = SyncWork {
                connector: connector.to_owned(),
                job_type,
                index: index.to_owned(),
                began: look.from,
                batches: 0,
                indexed: 0,
                volume: 0,
            };
            self.works.insert(id.to_owned(), work);
        }
        vec![json!({ "connector": connector, "doc": doc }), claim]
    }

    fn progress(&mut self, id: &str, look: &StateView<'_>) -> Vec<Value> {
        let is_silent = self.character == ServiceCharacter::Silent;
        let Some(work) = self.works.get_mut(id) else { return Vec::new() };
        work.batches += 1;
        let count = look.draw(&format!("documents of {}", work.connector), work.batches.into(), 5);
        let first = work.indexed + 1;
        work.indexed += count;
        work.volume += 1;
        let docs: Map<String, Value> = (first..=work.indexed)
            .map(|number| match work.job_type {
                JobType::AccessControl => {
                    let name = format!("user-{number}");
                    let doc = json!({ "identity": { "username": name } });
                    (name, doc)
                }
                _ => (format!("doc-{number}"), json!({ "title": format!("Document {number}") })),
            })
            .collect();
        let mut acts = vec![json!({ "bulk": work.index, "docs": docs })];
        if !is_silent {
            acts.push(json!({
                "stats": id,
                "indexed_document_count": work.indexed,
                "indexed_document_volume": work.volume,
                "deleted_document_count": 0,
            }));
        }
        acts
    }

    /// Ends a job, and tells its connector.
    fn ended(&self, id: &str, work: &SyncWork, end: Result<SyncStatus, String>, look: &StateView<'_>) -> Vec<Value> {
        let now = look.from.to_string();
        let (status, error) = match &end {
            Ok(status) => (status.name(), None),
            Err(error) => (SyncStatus::Error.name(), Some(error.as_str())),
        };
        // What access control writes is counted, and the documents of the content.
        let content = work.index.strip_prefix(".search-acl-filter-").unwrap_or(&work.index);
        let mut doc = json!({
            "status": status,
            "error": error,
            "completed_at": now,
            "last_seen": now,
            "indexed_document_count": work.indexed,
            "indexed_document_volume": work.volume,
            "deleted_document_count": 0,
            "total_document_count": look.documents_of(content),
        });
        if status == SyncStatus::Canceled.name() {
            doc["canceled_at"] = now.into();
        }
        vec![json!({ "sync_job": id, "doc": doc }), told(work, status, error, look)]
    }
}

/// What a connector is told of a job that has ended.
fn told(work: &SyncWork, status: &str, error: Option<&str>, look: &StateView<'_>) -> Value {
    let (field, why) = work.last_sync();
    let now = look.from.to_string();
    let is_error = status == SyncStatus::Error.name();
    let mut doc = Map::from_iter([
        ("last_synced".to_owned(), json!(now)),
        ("status".to_owned(), json!(if is_error { "error" } else { "connected" })),
        ("error".to_owned(), json!(error)),
        (field.to_owned(), json!(status)),
        (why.to_owned(), json!(error)),
    ]);
    if work.job_type != JobType::AccessControl {
        doc.insert("last_indexed_document_count".to_owned(), json!(work.indexed));
        doc.insert("last_deleted_document_count".to_owned(), json!(0));
        if status == SyncStatus::Completed.name() {
            doc.insert("sync_cursor".to_owned(), json!({ "synced_at": now }));
        }
    }
    json!({ "connector": work.connector, "doc": doc })
}

/// The index that a job fills.
fn index_of(job: &Source) -> Option<&str> {
    job.at(&["connector", "index_name"])?.as_str().filter(|index| !index.is_empty())
}

/// A configuration as a service registers one, for whatever source.
fn registered(id: &str, connector: &Source) -> Value {
    let field = |label: &str, order: u64, kind: &str, display: &str, is_sensitive: bool, default: Value| {
        json!({
            "label": label,
            "order": order,
            "type": kind,
            "display": display,
            "required": true,
            "sensitive": is_sensitive,
            "default_value": default,
            "value": if default.is_null() { json!("") } else { default },
            "tooltip": null,
            "depends_on": [],
            "options": [],
            "ui_restrictions": [],
            "validations": [],
        })
    };
    let mut doc = json!({
        "configuration": {
            "host": field("Host", 1, "str", "textbox", false, Value::Null),
            "port": field("Port", 2, "int", "numeric", false, json!(5432)),
            "password": field("Password", 3, "str", "textbox", true, Value::Null),
        },
        "status": ConnectorStatus::NeedsConfiguration.name(),
    });
    if connector.get("features").is_none_or(Value::is_null) {
        doc["features"] = json!({
            "document_level_security": { "enabled": true },
            "incremental_sync": { "enabled": true },
            "sync_rules": { "basic": { "enabled": true }, "advanced": { "enabled": true } },
        });
    }
    json!({ "connector": id, "doc": doc })
}

/// The rules of a connector with its edited drafts found valid, and made active.
fn validated(id: &str, connector: &Source) -> Value {
    let mut filtering = connector.get("filtering").cloned().unwrap_or_default();
    for filter in filtering.as_array_mut().into_iter().flatten() {
        if filter.pointer("/draft/validation/state") == Some(&json!("edited")) {
            filter["draft"]["validation"] = json!({ "state": "valid", "errors": [] });
            filter["active"] = filter["draft"].clone();
        }
    }
    json!({ "connector": id, "doc": { "filtering": filtering } })
}
