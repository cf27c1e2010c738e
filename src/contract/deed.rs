//! [`Deed`]: what a call does to a sync job, a connector or an index, by whichever door it came.
//!
//! The Connector API and a direct write of `.elastic-connectors` or `.elastic-connectors-sync-jobs`
//! come out alike, so that a rule is written once. A deed rests on the call alone; whether it was a
//! good one the rules say, who know what went before.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::heard::ObservedCall;
use super::lane::value_of;
use crate::clock::Timestamp;
use crate::es::body::plain::PlainBody;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::http::call::{LineContent, Sent, long_in};
use crate::es::sync_job::rules::{JobType, SYNC_CURSOR, SyncStatus};
use crate::limits::SOURCE_COPIED_BYTES_MAX;

/// What a call does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed<'a> {
    /// Something to a sync job.
    Job(JobDeed<'a>),
    /// Something to a connector.
    Connector(ConnectorDeed),
    /// Documents go to an index that is neither of the two.
    Documents {
        /// The index.
        index: String,
        /// Whether Elasticsearch took them.
        effect: DeedEffect,
    },
    /// Many documents of one of the two indices are written or deleted at once.
    Upheaval {
        /// Whether it is the index of the jobs.
        jobs: bool,
    },
    /// Jobs are looked at: one of them, or whatever a list or search shows.
    Look {
        /// The one.
        job: Option<Cow<'a, str>>,
        /// By which door.
        door: Door,
    },
    /// One connector is looked at.
    LookAtConnector {
        /// Its id.
        connector: Cow<'a, str>,
    },
}

/// What became of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeedEffect {
    /// Elasticsearch did it.
    Done,
    /// Elasticsearch refused it.
    Refused,
    /// Nobody knows: the server failed.
    Doubtful,
}

/// The door by which a deed came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A call of the Connector API.
    Api,
    /// A direct write of the index.
    Direct,
}

/// What is done to a sync job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobAction {
    /// It is made.
    Post,
    /// A worker takes it.
    Claim,
    /// Its worker says that it is alive.
    CheckIn,
    /// Its worker reports its progress.
    Statistics,
    /// It is asked to stop.
    Cancel,
    /// It is written to be in one of the other statuses.
    Become(SyncStatus),
    /// Its status is written with a word that is no status.
    Misname,
    /// Something else is written.
    Edit,
    /// It is taken from the shelf.
    Delete,
}

/// Something done to one sync job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobDeed<'a> {
    /// The job's id; empty if nobody knows it.
    pub job: Cow<'a, str>,
    /// What is done.
    pub act: JobAction,
    /// By which door.
    pub door: Door,
    /// What became of it.
    pub effect: DeedEffect,
    /// Where the document stands in the body, as a JSON pointer.
    pub base: String,
    /// The connector of a new job.
    pub connector: Option<String>,
    /// The type of a new job.
    pub job_type: Option<JobType>,
    /// The worker that takes it.
    pub worker: Option<Cow<'a, str>>,
    /// The cursor that it starts from, as the journal has it.
    pub cursor: Option<CursorGiven<'a>>,
    /// Documents indexed, their volume, documents deleted.
    pub counters: [Option<i64>; 3],
    /// Whether the job is seen: `last_seen` is written, by the server or by the client.
    pub seen: bool,
    /// What a direct write says of when that was, if it can be read.
    pub seen_at: Option<Timestamp>,
    /// Whether `completed_at` is written.
    pub completed_at: bool,
    /// Whether `canceled_at` is written.
    pub canceled_at: bool,
    /// The error that is written.
    pub error: Option<String>,
    /// The word that is written as its status.
    pub word: Option<String>,
}

/// A cursor that a call gives.
#[derive(Clone, Debug)]
pub(crate) enum CursorGiven<'a> {
    /// Its text, which is the one that would be written of its value, and the body that it stands in.
    Text(&'a str, &'a PlainBody),
    /// Its value.
    Value(Cow<'a, Value>),
}

impl<'a> CursorGiven<'a> {
    /// The cursor of a body; none if there is none.
    fn of(body: &'a Sent) -> Option<CursorGiven<'a>> {
        if let Sent::Plain(plain) = body
            && let Some(text) = plain.compact("sync_cursor")
        {
            return (text != "null").then_some(CursorGiven::Text(text, plain));
        }
        let value = body.get("sync_cursor").filter(|cursor| !cursor.is_null())?;
        Some(CursorGiven::Value(Cow::Borrowed(value)))
    }

    /// Its text without blanks.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        match self {
            CursorGiven::Text(text, _) => Cow::Borrowed(text),
            CursorGiven::Value(value) => Cow::Owned(value.to_string()),
        }
    }

    /// Its text, to be kept.
    pub(crate) fn kept(&self) -> CursorText {
        let held = match self {
            CursorGiven::Text(text, body) if text.len() > SOURCE_COPIED_BYTES_MAX => body.object(SYNC_CURSOR),
            _ => None,
        };
        held.map_or_else(|| CursorText::Copied((&*self.text()).into()), |held| CursorText::Held(Box::new(held.text)))
    }

    /// Its value.
    pub(crate) fn value(&self) -> Cow<'_, Value> {
        match self {
            CursorGiven::Text(text, _) => Cow::Owned(value_of(text)),
            CursorGiven::Value(value) => Cow::Borrowed(value),
        }
    }
}

impl PartialEq for CursorGiven<'_> {
    fn eq(&self, other: &CursorGiven<'_>) -> bool {
        self.text() == other.text()
    }
}

/// A cursor as a lane keeps it, as a JSON text: two are quick to compare.
#[derive(Clone, Debug)]
pub(crate) enum CursorText {
    /// A small one.
    Copied(Arc<str>),
    /// A part of the request, which the journal holds too.
    Held(Box<Bytes>),
}

impl CursorText {
    /// The text.
    pub(crate) fn text(&self) -> &str {
        match self {
            CursorText::Copied(text) => text,
            CursorText::Held(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        }
    }
}

/// The names of the counters, in the order of [`JobDeed::counters`].
pub(crate) const COUNTERS: [&str; 3] = ["indexed_document_count", "indexed_document_volume", "deleted_document_count"];

/// What is done to a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectorAct {
    /// It is made, or made anew.
    Put,
    /// Its service says that it is alive.
    CheckIn,
    /// Something is written.
    Write,
    /// It is taken from the shelf, or marked as deleted.
    Delete,
}

/// Something done to one connector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConnectorDeed {
    /// The connector's id; empty if nobody knows it.
    pub connector: String,
    /// What is done.
    pub act: ConnectorAct,
    /// By which door.
    pub door: Door,
    /// What became of it.
    pub effect: DeedEffect,
    /// Where the document stands in the body, as a JSON pointer.
    pub base: String,
    /// The status that it has afterwards: none if it keeps its own, a none within if nobody knows.
    pub status: Option<Option<ConnectorStatus>>,
    /// `last_sync_status` and `last_access_control_sync_status`, as far as they are written.
    pub last_sync: [Option<String>; 2],
    /// The cursor that is written; a null is none within.
    pub cursor: Option<Option<Value>>,
    /// The index that is written; none within if it is taken away.
    pub index_name: Option<Option<String>>,
    /// Whether the write demands that nobody has written in between.
    pub guarded: bool,
    /// Whether `last_seen` is written.
    pub seen: bool,
    /// Whether its jobs go with it.
    pub and_jobs: bool,
}

/// The names of the two fields in [`ConnectorDeed::last_sync`].
pub(crate) const LAST_SYNC: [&str; 2] = ["last_sync_status", "last_access_control_sync_status"];

/// What a call does, in its order: most do one thing.
#[derive(Default)]
pub(crate) struct DeedList<'a> {
    first: Option<Deed<'a>>,
    others: Vec<Deed<'a>>,
}

impl<'a> DeedList<'a> {
    /// The first of them, if there is any.
    pub(crate) fn first(&self) -> Option<&Deed<'a>> {
        self.iter().next()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Deed<'a>> {
        self.first.iter().chain(&self.others)
    }
}

/// Everything that a call does, in its order.
pub(crate) fn deeds<'a>(heard: &'a ObservedCall<'a>) -> DeedList<'a> {
    let Some(operation) = heard.operation else {
        return DeedList::default();
    };
    match operation.strip_prefix("connector.") {
        Some(call) => DeedList { first: api(heard, call), others: Vec::new() },
        None => DeedList { first: None, others: direct(heard, operation) },
    }
}

fn effect(heard: &ObservedCall<'_>) -> DeedEffect {
    if heard.is_taken() {
        DeedEffect::Done
    } else if heard.is_doubtful() {
        DeedEffect::Doubtful
    } else {
        DeedEffect::Refused
    }
}

// ── the Connector API ─────────────────────────────────────────────────────────────────────────────

fn api<'a>(heard: &'a ObservedCall<'a>, call: &str) -> Option<Deed<'a>> {
    if let Some(call) = call.strip_prefix("sync_job_") {
        return api_job(heard, call, heard.parameter("connector_sync_job_id"));
    }
    if call.starts_with("secret_") {
        return None;
    }
    api_connector(heard, call, Some(heard.parameter("connector_id")).filter(|id| !id.is_empty()))
}

fn new_job<'a>(heard: &ObservedCall<'_>, job: Cow<'a, str>, act: JobAction, door: Door) -> JobDeed<'a> {
    JobDeed {
        job,
        act,
        door,
        effect: effect(heard),
        base: String::new(),
        connector: None,
        job_type: None,
        worker: None,
        cursor: None,
        counters: [None; 3],
        seen: false,
        seen_at: None,
        completed_at: false,
        canceled_at: false,
        error: None,
        word: None,
    }
}

fn api_job<'a>(heard: &'a ObservedCall<'a>, call: &str, id: &'a str) -> Option<Deed<'a>> {
    let deed = |act| new_job(heard, id.into(), act, Door::Api);
    let text = |body: &Value, name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let body = || heard.json();
    Some(Deed::Job(match call {
        "list" => return Some(Deed::Look { job: None, door: Door::Api }),
        "get" => return Some(Deed::Look { job: Some(id.into()), door: Door::Api }),
        "post" => {
            let body = body()?;
            let is_known = heard.is_taken() && !heard.enforced;
            let job = if is_known { answered_id(heard, "id") } else { String::new() };
            let job_type = text(&body, "job_type").map_or(Some(JobType::Full), |name| name.parse().ok());
            JobDeed { job: job.into(), connector: text(&body, "id"), job_type, ..deed(JobAction::Post) }
        }
        "claim" => {
            let (worker, cursor) = match heard.body() {
                Some(body) => (body.text("worker_hostname").map(Cow::Borrowed), CursorGiven::of(body)),
                None => {
                    let body = body()?;
                    let cursor = body.get("sync_cursor").filter(|cursor| !cursor.is_null()).cloned();
                    (
                        text(&body, "worker_hostname").map(Cow::Owned),
                        cursor.map(|it| CursorGiven::Value(Cow::Owned(it))),
                    )
                }
            };
            JobDeed { worker, cursor, seen: true, ..deed(JobAction::Claim) }
        }
        "check_in" => JobDeed { seen: true, ..deed(JobAction::CheckIn) },
        "update_stats" => {
            let counters = match heard.body() {
                Some(body) => COUNTERS.map(|name| body.long(name)),
                None => counters(body()?.as_object()?),
            };
            JobDeed { counters, seen: true, ..deed(JobAction::Statistics) }
        }
        "error" => {
            let error = body().and_then(|body| text(&body, "error"));
            JobDeed { error, ..deed(JobAction::Become(SyncStatus::Error)) }
        }
        "cancel" => deed(JobAction::Cancel),
        "delete" => deed(JobAction::Delete),
        _ => return None,
    }))
}

fn new_connector(heard: &ObservedCall<'_>, connector: String, act: ConnectorAct, door: Door) -> ConnectorDeed {
    ConnectorDeed {
        connector,
        act,
        door,
        effect: effect(heard),
        base: String::new(),
        status: None,
        last_sync: [None, None],
        cursor: None,
        index_name: None,
        guarded: false,
        seen: false,
        and_jobs: false,
    }
}

fn api_connector<'a>(heard: &'a ObservedCall<'a>, call: &str, id: Option<&'a str>) -> Option<Deed<'a>> {
    let deed = |act| new_connector(heard, id.unwrap_or_default().to_owned(), act, Door::Api);
    Some(Deed::Connector(match call {
        "post" | "put" => {
            let body = heard.json().unwrap_or_default();
            let connector = match id {
                Some(id) => id.to_owned(),
                None if heard.enforced || !heard.is_taken() => String::new(),
                None => answered_id(heard, "id"),
            };
            let index_name = Some(body.get("index_name").and_then(Value::as_str).map(str::to_owned));
            let has_type = body.get("service_type").is_some_and(Value::is_string);
            let status = if has_type { ConnectorStatus::NeedsConfiguration } else { ConnectorStatus::Created };
            ConnectorDeed {
                connector,
                index_name,
                status: Some(Some(status)),
                cursor: Some(None),
                ..deed(ConnectorAct::Put)
            }
        }
        "delete" => {
            let and_jobs = heard.parsed.switch("delete_sync_jobs");
            ConnectorDeed { and_jobs, ..deed(ConnectorAct::Delete) }
        }
        "check_in" => ConnectorDeed { seen: true, ..deed(ConnectorAct::CheckIn) },
        "list" => return None,
        "get" => return id.map(|id| Deed::LookAtConnector { connector: id.into() }),
        // What the server makes of the status here depends on what is stored.
        "update_configuration" | "update_error" | "update_service_type" => {
            ConnectorDeed { status: Some(None), ..deed(ConnectorAct::Write) }
        }
        _ => written_connector(deed(ConnectorAct::Write), heard.json().unwrap_or_default().as_object()?),
    }))
}

/// The id in the answer to a call that makes something.
fn answered_id(heard: &ObservedCall<'_>, name: &str) -> String {
    (heard.answer)().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

// ── direct writes and reads ───────────────────────────────────────────────────────────────────────

/// Which of the two indices a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    Connectors,
    SyncJobs,
}

fn shelf(index: &str) -> Option<Shelf> {
    match index {
        ".elastic-connectors" | ".elastic-connectors-v1" => Some(Shelf::Connectors),
        ".elastic-connectors-sync-jobs" | ".elastic-connectors-sync-jobs-v1" => Some(Shelf::SyncJobs),
        _ => None,
    }
}

fn direct<'a>(heard: &'a ObservedCall<'a>, operation: &str) -> Vec<Deed<'a>> {
    let (index, id) = (heard.parameter("index"), heard.parameter("id"));
    match operation {
        "bulk" => bulk(heard, Some(index).filter(|index| !index.is_empty())),
        "search" | "count" => {
            let looks = shelf(index) == Some(Shelf::SyncJobs);
            looks.then_some(Deed::Look { job: None, door: Door::Direct }).into_iter().collect()
        }
        "get" | "get_source" if shelf(index) == Some(Shelf::SyncJobs) => {
            vec![Deed::Look { job: Some(id.into()), door: Door::Direct }]
        }
        "index" | "create" | "update" | "delete" => {
            let id = (!id.is_empty()).then(|| id.to_owned());
            // What is written to other indices nobody asks for.
            let body = shelf(index).and_then(|_| heard.json()).unwrap_or_default();
            let mut write = DirectWrite {
                kind: operation,
                index,
                id,
                body: &body,
                base: String::new(),
                guarded: ["if_seq_no", "if_primary_term"].iter().all(|name| heard.query(name).is_some()),
                effect: effect(heard),
            };
            if write.id.is_none() && write.effect == DeedEffect::Done && !heard.enforced {
                write.id = Some(answered_id(heard, "_id"));
            }
            write.deed(heard).into_iter().collect()
        }
        "delete_by_query" | "update_by_query" | "indices.delete" if heard.is_taken() || heard.is_doubtful() => {
            let shelves: Vec<Shelf> = index.split(',').filter_map(shelf).collect();
            shelves.into_iter().map(|shelf| Deed::Upheaval { jobs: shelf == Shelf::SyncJobs }).collect()
        }
        _ => Vec::new(),
    }
}

/// One document that is written by its index and id.
struct DirectWrite<'a> {
    kind: &'a str,
    index: &'a str,
    id: Option<String>,
    body: &'a Value,
    base: String,
    guarded: bool,
    effect: DeedEffect,
}

impl DirectWrite<'_> {
    fn deed<'a>(self, heard: &ObservedCall<'_>) -> Option<Deed<'a>> {
        let Some(shelf) = shelf(self.index) else {
            let index = self.index.to_owned();
            return (self.kind != "delete").then_some(Deed::Documents { index, effect: self.effect });
        };
        let id = self.id.clone().unwrap_or_default();
        let (fields, within) = match self.kind {
            "update" => (self.body.get("doc").and_then(Value::as_object), "/doc"),
            _ => (self.body.as_object(), ""),
        };
        let base = format!("{}{within}", self.base);
        let is_new = self.kind == "create" || (self.kind == "index" && self.id.is_none());
        Some(match shelf {
            Shelf::SyncJobs => {
                let mut deed = new_job(heard, id.into(), JobAction::Edit, Door::Direct);
                deed.effect = self.effect;
                deed.base = base;
                match (self.kind, fields) {
                    ("delete", _) => deed.act = JobAction::Delete,
                    // A script may do anything.
                    (_, None) => deed.act = JobAction::Misname,
                    (kind, Some(fields)) => deed = written_job(deed, fields, kind != "update" || is_new),
                }
                if deed.act == JobAction::Misname && deed.word.is_none() {
                    deed.act = JobAction::Edit;
                    deed.effect = DeedEffect::Doubtful;
                }
                Deed::Job(deed)
            }
            Shelf::Connectors => {
                let act = match self.kind {
                    "delete" => ConnectorAct::Delete,
                    "update" => ConnectorAct::Write,
                    _ => ConnectorAct::Put,
                };
                let mut deed = new_connector(heard, id, act, Door::Direct);
                deed.effect = self.effect;
                deed.base = base;
                deed.guarded = self.guarded;
                match fields {
                    Some(fields) => deed = written_connector(deed, fields),
                    None if self.kind != "delete" => deed.status = Some(None),
                    None => {}
                }
                Deed::Connector(deed)
            }
        })
    }
}

/// What the fields of a job document say; `whole` if they are all that it has.
fn written_job<'a>(mut deed: JobDeed<'a>, fields: &Map<String, Value>, whole: bool) -> JobDeed<'a> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let given = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let connector = fields.get("connector");
    deed.connector = connector.and_then(|connector| connector.get("id")).and_then(Value::as_str).map(str::to_owned);
    deed.job_type = text("job_type").and_then(|name| name.parse().ok());
    deed.worker = text("worker_hostname").map(Cow::Owned);
    // Elastic's service names the cursor by a literal key with a dot.
    let cursor = fields.get("connector.sync_cursor").or_else(|| connector?.get("sync_cursor"));
    deed.cursor = cursor.filter(|cursor| !cursor.is_null()).cloned().map(|it| CursorGiven::Value(Cow::Owned(it)));
    deed.counters = counters(fields);
    deed.seen = given("last_seen");
    deed.seen_at = fields.get("last_seen").and_then(|at| at.as_str()?.parse().ok());
    deed.completed_at = given("completed_at");
    deed.canceled_at = given("canceled_at");
    deed.error = text("error");
    deed.word = match fields.get("status") {
        Some(Value::String(word)) => Some(word.clone()),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    deed.act = match deed.word.as_deref().map(str::parse::<SyncStatus>) {
        _ if whole && deed.connector.is_some() => JobAction::Post,
        Some(Ok(SyncStatus::InProgress)) => JobAction::Claim,
        Some(Ok(SyncStatus::Canceling)) => JobAction::Cancel,
        Some(Ok(status)) => JobAction::Become(status),
        Some(Err(_)) => JobAction::Misname,
        None if deed.counters.iter().any(Option::is_some) => JobAction::Statistics,
        None if deed.seen => JobAction::CheckIn,
        None => JobAction::Edit,
    };
    deed
}

fn written_connector(mut deed: ConnectorDeed, fields: &Map<String, Value>) -> ConnectorDeed {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(status) = fields.get("status") {
        deed.status = Some(status.as_str().and_then(|name| name.parse().ok()));
    } else if deed.act == ConnectorAct::Put {
        deed.status = Some(None);
    }
    deed.last_sync = LAST_SYNC.map(text);
    deed.cursor = match fields.get("sync_cursor") {
        None if deed.act == ConnectorAct::Put => Some(None),
        None => None,
        Some(Value::Null) => Some(None),
        Some(cursor) => Some(Some(cursor.clone())),
    };
    if fields.contains_key("index_name") || deed.act == ConnectorAct::Put {
        deed.index_name = Some(text("index_name"));
    }
    deed.seen = fields.get("last_seen").is_some_and(|value| !value.is_null());
    if fields.get("deleted") == Some(&Value::Bool(true)) {
        deed.act = ConnectorAct::Delete;
    }
    deed
}

fn counters(fields: &Map<String, Value>) -> [Option<i64>; 3] {
    COUNTERS.map(|name| long_in(fields.get(name)?))
}

/// What a bulk request does: writes to the two indices one by one, other indices once each.
fn bulk<'a>(heard: &ObservedCall<'_>, index: Option<&str>) -> Vec<Deed<'a>> {
    let mut deeds = Vec::new();
    let mut lines = heard.lines().filter(|line| !line.text.is_empty()).zip(1..);
    // Asked for once, and only if one of the two indices is written to.
    let mut answer = None;
    let mut item = 0;
    while let Some((line, number)) = lines.next() {
        let LineContent::Object(action) = &line.content else {
            return deeds;
        };
        let Some((kind, target)) = action.iter().next() else {
            return deeds;
        };
        let document = if kind == "delete" { None } else { lines.next() };
        let at = item;
        item += 1;
        let named = target.get("_index").and_then(Value::as_str).or(index).unwrap_or_default();
        if shelf(named).is_none() {
            let known = deeds.iter().any(|deed| matches!(deed, Deed::Documents { index, .. } if index == named));
            if kind != "delete" && !known {
                deeds.push(Deed::Documents { index: named.to_owned(), effect: effect(heard) });
            }
            continue;
        }
        let body = match document.as_ref().map(|(line, _)| &line.content) {
            Some(LineContent::Object(document)) => document.to_value(),
            _ => Value::Null,
        };
        let answer = answer.get_or_insert_with(|| if heard.enforced { Value::Null } else { (heard.answer)() });
        let told = answer.pointer(&format!("/items/{at}/{kind}"));
        let status = told.and_then(|told| told.get("status")).and_then(Value::as_u64);
        let own_effect = match (effect(heard), status) {
            (DeedEffect::Done, Some(status)) if !(200..300).contains(&status) => DeedEffect::Refused,
            (effect, _) => effect,
        };
        let given = |value: &Value| value.get("_id").and_then(Value::as_str).map(str::to_owned);
        let write = DirectWrite {
            kind,
            index: named,
            id: given(target).or_else(|| told.and_then(given)),
            body: &body,
            base: format!("/{number}"),
            guarded: target.get("if_seq_no").is_some() && target.get("if_primary_term").is_some(),
            effect: own_effect,
        };
        deeds.extend(write.deed(heard));
    }
    deeds
}
