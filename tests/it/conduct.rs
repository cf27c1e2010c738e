//! The judge under test. Random *correct* clients (several workers, a user, both doors, random order and
//! time) are never found guilty of an error; and the same clients, made to break one obligation, are
//! found guilty by the right rule. `ELASTIMOCK_SEED=… cargo test conduct` brings a run back.

use std::collections::BTreeMap;
use std::time::Duration;

use elastimock::contract::{Finding, Severity, Strictness, rules};
use elastimock::http::{Method, Request};
use elastimock::recording::{Interaction, Recording};
use elastimock::report::RecordedRun;
use elastimock::{Fixture, SyncStatus, Timestamp};
use serde_json::{Value, json};

use crate::support::{Door, EngineDoor, T0, rule_of};

const SECRET: &str = "s3cr3t-Passw0rd";
const JOBS: &str = "/.elastic-connectors-sync-jobs";
const CONNECTORS: &str = "/.elastic-connectors";

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// Where a worker stands.
#[derive(Clone, Debug)]
enum Stage {
    Idle,
    Found(Job),
    Locked(Job),
    /// It has looked at the job, and will claim it.
    Ready(Job, Timestamp),
    Working(Work),
    /// Its job has ended as told, and the connector is to be told too.
    Reporting(Job, &'static str),
}

#[derive(Clone, Debug)]
struct Job {
    id: String,
    connector: String,
    job_type: String,
    cursor: Value,
    /// Whether it has been claimed with a cursor before, which it keeps.
    has_cursor: bool,
}

impl Job {
    fn last_sync(&self) -> &'static str {
        if self.job_type == "access_control" { "last_access_control_sync_status" } else { "last_sync_status" }
    }
}

#[derive(Clone, Debug)]
struct Work {
    job: Job,
    counters: [u64; 3],
    looked_at: Timestamp,
    seen_at: Timestamp,
}

/// A run of clients against a mock.
struct Play {
    door: EngineDoor,
    dice: Dice,
    workers: Vec<(String, Stage, Timestamp)>,
    /// When each connector was checked in.
    checked_in: BTreeMap<String, Timestamp>,
    ended: Vec<String>,
    /// The rule to be broken, and after how many chances to do so.
    mutation: Option<(&'static str, u64)>,
    is_broken: bool,
}

fn fixture() -> Fixture {
    let connector = |id: &str| {
        json!({
            "id": id, "index_name": format!("search-{id}"), "service_type": "postgresql", "status": "connected",
            "last_sync_status": "completed", "sync_cursor": { "page": 1 },
            "configuration": { "password": { "label": "Password", "order": 1, "type": "str", "sensitive": true, "value": SECRET } },
        })
    };
    let job = |id: &str, connector: &str, job_type: &str, status: &str| json!({ "id": id, "connector_id": connector, "job_type": job_type, "status": status });
    let state = json!({
        "connectors": [connector("a"), connector("b"), connector("c")],
        "sync_jobs": [
            job("j-1", "a", "full", "pending"), job("j-2", "b", "incremental", "pending"),
            job("j-3", "c", "full", "suspended"), job("j-4", "a", "full", "completed"),
        ],
    });
    Fixture::from_json(&state.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

impl Play {
    fn new(seed: u64, mutation: Option<(&'static str, u64)>) -> Play {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let door = EngineDoor::new(fixture(), T0);
        let count = 2 + dice.roll(3);
        let start = door.engine.clock().clone().read(Timestamp::default());
        let workers = (0..count).map(|at| (format!("w-{at}"), Stage::Idle, start)).collect();
        Play { door, dice, workers, checked_in: BTreeMap::new(), ended: Vec::new(), mutation, is_broken: false }
    }

    fn now(&mut self) -> Timestamp {
        self.door.engine.now(Timestamp::default())
    }

    /// Whether this is the moment to break that rule.
    fn breaks(&mut self, rule: &str) -> bool {
        match &mut self.mutation {
            Some((wanted, 0)) if *wanted == rule && !self.is_broken => {
                self.is_broken = true;
                true
            }
            Some((wanted, left)) if *wanted == rule && !self.is_broken => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }

    fn send(&mut self, method: &str, target: &str, body: Value) -> (u16, Value) {
        self.door.advance(Duration::from_millis(1));
        let request = Request::new(Method::new(method), target);
        let request = if body.is_null() { request } else { request.json(body.to_string()) };
        let answer = self.door.send(&request);
        let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
        (answer.status, body)
    }

    fn stamp(&mut self) -> String {
        self.now().to_string()
    }

    fn update(&mut self, index: &str, id: &str, doc: Value) -> u16 {
        if self.dice.chance(80) {
            return self.send("POST", &format!("{index}/_update/{id}"), json!({ "doc": doc })).0;
        }
        let action = json!({ "update": { "_index": index.trim_start_matches('/'), "_id": id } });
        self.door.advance(Duration::from_millis(1));
        let request = Request::new(Method::Put, "/_bulk")
            .header("content-type", "application/x-ndjson")
            .with_body(format!("{action}\n{}\n", json!({ "doc": doc })));
        let answer = self.door.send(&request).json();
        answer["items"][0]["update"]["status"].as_u64().map_or(0, |status| status as u16)
    }

    fn job_call(&mut self, method: &str, id: &str, verb: &str, body: Value) -> u16 {
        self.send(method, &format!("/_connector/_sync_job/{id}/{verb}"), body).0
    }

    /// Reads a job's status by either door.
    fn look(&mut self, id: &str) -> Option<String> {
        let (status, body) = match self.dice.chance(50) {
            true => self.send("GET", &format!("/_connector/_sync_job/{id}"), Value::Null),
            false => {
                let (status, body) = self.send("GET", &format!("{JOBS}/_doc/{id}"), Value::Null);
                (status, body["_source"].clone())
            }
        };
        (status == 200).then(|| body["status"].as_str().expect("a status").to_owned())
    }

    fn check_in(&mut self, id: &str) {
        match self.dice.chance(50) {
            true => self.job_call("PUT", id, "_check_in", Value::Null),
            false => {
                let last_seen = self.stamp();
                self.update(JOBS, id, json!({ "last_seen": last_seen }))
            }
        };
    }

    fn statistics(&mut self, id: &str, [indexed, volume, deleted]: [u64; 3]) {
        let mut counters = json!({
            "indexed_document_count": indexed, "indexed_document_volume": volume, "deleted_document_count": deleted,
        });
        match self.dice.chance(50) {
            true => self.job_call("PUT", id, "_stats", counters),
            false => {
                counters["last_seen"] = self.stamp().into();
                self.update(JOBS, id, counters)
            }
        };
    }

    fn claim(&mut self, worker: &str, job: &Job) -> u16 {
        let has_cursor = job.job_type == "incremental" && !job.cursor.is_null();
        let mut cursor = if has_cursor { job.cursor.clone() } else { Value::Null };
        if has_cursor && !job.has_cursor && self.breaks("cursor-dropped") {
            cursor = Value::Null;
        }
        if has_cursor && self.breaks("cursor-altered") {
            cursor = json!({ "page": 4711 });
        }
        let worker = if self.breaks("blank-worker-hostname") { "  " } else { worker };
        if self.breaks("off-spec-body") {
            return self.job_call("PUT", &job.id, "_claim", json!({ "workerHostname": worker }));
        }
        if self.dice.chance(50) {
            let mut body = json!({ "worker_hostname": worker });
            if !cursor.is_null() {
                body["sync_cursor"] = cursor;
            }
            return self.job_call("PUT", &job.id, "_claim", body);
        }
        let now = self.stamp();
        let doc = json!({
            "status": "in_progress", "started_at": now, "last_seen": now, "worker_hostname": worker,
            "connector.sync_cursor": cursor,
        });
        self.update(JOBS, &job.id, doc)
    }

    // ── the worker ────────────────────────────────────────────────────────────────────────────────

    fn turn(&mut self, at: usize) {
        let now = self.now();
        let (name, stage, _) = self.workers[at].clone();
        let next = match stage {
            Stage::Idle => self.find().map_or(Stage::Idle, Stage::Found),
            Stage::Found(job) => self.lock(job),
            Stage::Locked(job) => self.ready(&name, job),
            Stage::Ready(job, looked_at) if now.since(looked_at) > Duration::from_secs(8) => Stage::Locked(job),
            Stage::Ready(job, _) => self.take(&name, job),
            Stage::Working(work) => self.work(&name, work),
            Stage::Reporting(job, status) => self.report(job, status),
        };
        self.workers[at].1 = next;
        self.workers[at].2 = self.now();
    }

    fn find(&mut self) -> Option<Job> {
        let status = ["pending", "suspended"][self.dice.roll(2) as usize];
        let found: Vec<Job> = match self.dice.chance(50) {
            true => {
                let (_, body) = self.send("GET", &format!("/_connector/_sync_job?status={status}"), Value::Null);
                let jobs = body["results"].as_array().cloned().unwrap_or_default();
                jobs.iter().map(|job| found(job["id"].as_str(), job)).collect()
            }
            false => {
                let query = json!({ "query": { "terms": { "status": ["pending", "suspended"] } } });
                let (_, body) = self.send("POST", &format!("{JOBS}/_search"), query);
                let hits = body["hits"]["hits"].as_array().cloned().unwrap_or_default();
                hits.iter().map(|hit| found(hit["_id"].as_str(), &hit["_source"])).collect()
            }
        };
        if found.is_empty() { None } else { Some(found[self.dice.roll(found.len() as u64) as usize].clone()) }
    }

    /// Takes the connector's lock, as Elastic's service does: a guarded write before the claim.
    fn lock(&mut self, mut job: Job) -> Stage {
        let (status, read) = self.send("GET", &format!("{CONNECTORS}/_doc/{}", job.connector), Value::Null);
        let field = job.last_sync();
        if status != 200 || read["_source"][field] == "in_progress" {
            return Stage::Idle;
        }
        job.cursor = read["_source"]["sync_cursor"].clone();
        let guard = match self.breaks("unguarded-lock") {
            true => String::new(),
            false => format!("?if_seq_no={}&if_primary_term={}", read["_seq_no"], read["_primary_term"]),
        };
        let target = format!("{CONNECTORS}/_update/{}{guard}", job.connector);
        let (status, _) = self.send("POST", &target, json!({ "doc": { field: "in_progress" } }));
        if status == 200 { Stage::Locked(job) } else { Stage::Idle }
    }

    fn ready(&mut self, name: &str, job: Job) -> Stage {
        if self.breaks("write-outside-job") {
            self.documents(&job);
        }
        match self.look(&job.id).as_deref() {
            Some("pending" | "suspended") if self.dice.chance(50) => self.take(name, job),
            Some("pending" | "suspended") => {
                let now = self.now();
                Stage::Ready(job, now)
            }
            _ => Stage::Reporting(job, "canceled"),
        }
    }

    fn take(&mut self, name: &str, job: Job) -> Stage {
        if self.breaks("work-before-claim") {
            self.check_in(&job.id);
        }
        if self.breaks("job-of-unready-connector") {
            let target = format!("/_connector/{}/_status", job.connector);
            self.send("PUT", &target, json!({ "status": "configured" }));
            self.update(CONNECTORS, &job.connector, json!({ "status": "needs_configuration" }));
        }
        if self.claim(name, &job) != 200 {
            return Stage::Reporting(job, "error");
        }
        if self.breaks("reclaim-of-own-job") {
            self.claim(name, &job);
        }
        if self.breaks("claim-of-running-job") {
            self.claim("w-other", &job);
        }
        let now = self.now();
        self.checked_in.entry(job.connector.clone()).or_insert(now);
        Stage::Working(Work { job, counters: [0; 3], looked_at: now, seen_at: now })
    }

    fn documents(&mut self, job: &Job) {
        let prefix = if job.job_type == "access_control" { ".search-acl-filter-" } else { "" };
        let action = json!({ "index": { "_index": format!("{prefix}search-{}", job.connector), "_id": "1" } });
        self.door.advance(Duration::from_millis(1));
        let request = Request::new(Method::Put, "/_bulk")
            .header("content-type", "application/x-ndjson")
            .with_body(format!("{action}\n{{\"title\":\"Minutes\"}}\n"));
        self.door.send(&request);
    }

    fn work(&mut self, name: &str, mut work: Work) -> Stage {
        let id = work.job.id.clone();
        let now = self.now();
        if now.since(work.looked_at) > Duration::from_secs(8) || self.dice.chance(20) {
            match self.look(&id).as_deref() {
                Some("in_progress") => work.looked_at = self.now(),
                Some("canceling") => return self.stop(work),
                // Somebody else has ended or deleted it.
                _ => return Stage::Reporting(work.job, "canceled"),
            }
        }
        if now.since(self.checked_in[&work.job.connector]) > Duration::from_secs(1500) {
            match self.dice.chance(50) {
                true => self.send("PUT", &format!("/_connector/{}/_check_in", work.job.connector), Value::Null).0,
                false => {
                    let last_seen = self.stamp();
                    self.update(CONNECTORS, &work.job.connector, json!({ "last_seen": last_seen }))
                }
            };
            self.checked_in.insert(work.job.connector.clone(), now);
        }
        // Of a job that is to stop another rule speaks.
        let runs = self.door.engine.sync_job(&id).is_ok_and(|job| job.status().ok() == Some(SyncStatus::InProgress));
        if runs && self.breaks("early-death-sentence") {
            self.check_in(&id);
            self.door.advance(Duration::from_secs(20));
            self.declare_idle(&id, &Value::Null);
            self.documents(&work.job);
            self.statistics(&id, work.counters);
            return self.complete(work);
        }
        if runs && self.breaks("heartbeat-gap") {
            self.door.advance(Duration::from_secs(301));
            self.check_in(&id);
        }
        if self.breaks("connector-silent") {
            for _ in 0..8 {
                self.door.advance(Duration::from_secs(250));
                self.check_in(&id);
            }
        }
        if self.breaks("illegal-transition") {
            self.update(JOBS, &id, json!({ "status": "pending" }));
        }
        if now.since(work.seen_at) > Duration::from_secs(200) {
            self.check_in(&id);
            work.seen_at = self.now();
            return Stage::Working(work);
        }
        match self.dice.roll(12) {
            0..=2 => {
                self.check_in(&id);
                work.seen_at = self.now();
            }
            3..=5 => {
                let more = [self.dice.roll(50), self.dice.roll(3), self.dice.roll(5)];
                work.counters.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                if work.counters[0] > 0 && self.breaks("counter-fell") {
                    self.statistics(&id, work.counters);
                    work.counters[0] -= 1;
                }
                self.statistics(&id, work.counters);
                work.seen_at = self.now();
            }
            6..=7 => self.documents(&work.job),
            8 if self.dice.chance(40) => return self.suspend(work),
            9 if self.dice.chance(40) => return self.fail(work, "the source closed the connection"),
            10 if self.dice.chance(60) => return self.complete(work),
            11 if self.breaks("job-left-open") => return Stage::Idle,
            11 if self.breaks("cancel-ignored") => {
                self.job_call("PUT", &id, "_cancel", Value::Null);
                self.look(&id);
                self.door.advance(Duration::from_secs(11));
                return self.complete(work);
            }
            11 if self.breaks("claim-of-canceling-job") => {
                self.job_call("PUT", &id, "_cancel", Value::Null);
                self.look(&id);
                self.claim(name, &work.job.clone());
                return self.fail(work, "stopped");
            }
            _ => {}
        }
        Stage::Working(work)
    }

    fn counted(&mut self, work: &Work, mut doc: Value) -> Value {
        let now = self.stamp();
        doc["last_seen"] = now.clone().into();
        doc["completed_at"] = now.into();
        let [indexed, volume, deleted] = work.counters;
        doc["indexed_document_count"] = indexed.into();
        doc["indexed_document_volume"] = volume.into();
        doc["deleted_document_count"] = deleted.into();
        doc
    }

    fn end(&mut self, work: Work, mut doc: Value, status: &'static str) -> Stage {
        if self.breaks("ended-without-completed-at") {
            doc.as_object_mut().expect("a document").remove("completed_at");
        }
        let id = work.job.id.clone();
        self.update(JOBS, &id, doc);
        if self.breaks("work-after-end") {
            self.statistics(&id, work.counters);
        }
        if self.breaks("claim-of-ended-job") {
            self.door.advance(Duration::from_secs(11));
            self.claim("w-0", &work.job);
            self.update(JOBS, &id, json!({ "status": "suspended" }));
        }
        if self.breaks("last-sync-unreported") {
            return Stage::Idle;
        }
        self.ended.push(id);
        Stage::Reporting(work.job, status)
    }

    /// Elastic's service looks at the job every few seconds to see whether it was canceled. It reads it once
    /// more before it writes the end, and then asks for the numbers only.
    fn complete(&mut self, work: Work) -> Stage {
        if self.dice.chance(50) {
            self.look(&work.job.id);
        }
        if self.breaks("ended-without-statistics") {
            // A fresh claim without a word since.
            self.update(JOBS, &work.job.id, json!({ "status": "suspended" }));
            self.claim("w-0", &work.job);
            let now = self.stamp();
            return self.end(work, json!({ "status": "completed", "completed_at": now }), "completed");
        }
        let doc = self.counted(&work, json!({ "status": "completed", "error": null }));
        self.end(work, doc, "completed")
    }

    fn fail(&mut self, work: Work, error: &str) -> Stage {
        if self.breaks("secret-exposed") {
            let error = format!("login failed: password {SECRET}");
            let doc = self.counted(&work, json!({ "status": "error", "error": error }));
            return self.end(work, doc, "error");
        }
        if self.breaks("failed-without-error") {
            let doc = self.counted(&work, json!({ "status": "error", "error": null }));
            return self.end(work, doc, "error");
        }
        if self.dice.chance(50) {
            self.job_call("PUT", &work.job.id, "_error", json!({ "error": error }));
            self.ended.push(work.job.id.clone());
            return Stage::Reporting(work.job, "error");
        }
        let doc = self.counted(&work, json!({ "status": "error", "error": error }));
        self.end(work, doc, "error")
    }

    fn suspend(&mut self, work: Work) -> Stage {
        let doc = json!({ "status": "suspended", "indexed_document_count": work.counters[0] });
        self.update(JOBS, &work.job.id, doc);
        Stage::Reporting(work.job, "suspended")
    }

    fn stop(&mut self, work: Work) -> Stage {
        let now = self.stamp();
        let mut doc = self.counted(&work, json!({ "status": "canceled", "canceled_at": now }));
        if self.breaks("canceled-without-canceled-at") {
            doc.as_object_mut().expect("a document").remove("canceled_at");
        }
        self.end(work, doc, "canceled")
    }

    fn report(&mut self, job: Job, status: &'static str) -> Stage {
        let mut fields = json!({ job.last_sync(): status });
        if status == "completed" && job.job_type != "access_control" {
            let page = job.cursor["page"].as_u64().unwrap_or_default() + 1;
            fields["sync_cursor"] = json!({ "page": page });
        }
        match self.dice.chance(50) {
            true => self.send("PUT", &format!("/_connector/{}/_last_sync", job.connector), fields).0,
            false => self.update(CONNECTORS, &job.connector, fields),
        };
        Stage::Idle
    }

    // ── the user ──────────────────────────────────────────────────────────────────────────────────

    fn user(&mut self) {
        let connector = ["a", "b", "c"][self.dice.roll(3) as usize];
        let job_type = ["full", "incremental", "access_control"][self.dice.roll(3) as usize];
        match self.dice.roll(6) {
            // It would end what a broken worker has left.
            5 if !matches!(self.mutation, Some(("job-left-open", _))) => self.clean_up(),
            5 => {}
            0..=2 => {
                let (_, list) =
                    self.send("GET", &format!("/_connector/_sync_job?connector_id={connector}"), Value::Null);
                let is_open = |job: &Value| {
                    job["job_type"] == job_type && matches!(job["status"].as_str(), Some("pending" | "in_progress"))
                };
                let taken = list["results"].as_array().is_some_and(|jobs| jobs.iter().any(is_open));
                if !taken || self.breaks("duplicate-job") {
                    let body = json!({ "id": connector, "job_type": job_type, "trigger_method": "on_demand" });
                    self.send("POST", "/_connector/_sync_job", body);
                }
            }
            3 => {
                let (_, list) = self.send("GET", "/_connector/_sync_job", Value::Null);
                let jobs = list["results"].as_array().cloned().unwrap_or_default();
                let id = jobs.get(self.dice.roll(jobs.len().max(1) as u64) as usize).and_then(|job| job["id"].as_str());
                if let Some(id) = id {
                    self.job_call("PUT", id, "_cancel", Value::Null);
                }
            }
            _ => {
                if let Some(id) = self.ended.pop() {
                    self.send("DELETE", &format!("/_connector/_sync_job/{id}"), Value::Null);
                }
            }
        }
    }

    // ── another service ───────────────────────────────────────────────────────────────────────────

    /// Marks jobs as failed that nobody has seen for 300 s, as Elastic's service does.
    fn clean_up(&mut self) {
        let query = json!({ "query": { "bool": { "filter": [
            { "terms": { "status": ["in_progress", "canceling"] } }, { "range": { "last_seen": { "lte": "now-300s" } } },
        ] } }, "seq_no_primary_term": true });
        let (_, body) = self.send("POST", &format!("{JOBS}/_search"), query);
        for hit in body["hits"]["hits"].as_array().cloned().unwrap_or_default() {
            self.declare_idle(hit["_id"].as_str().expect("an id"), &hit);
        }
    }

    fn declare_idle(&mut self, id: &str, hit: &Value) {
        let guard = match &hit["_seq_no"] {
            Value::Null => String::new(),
            seq_no => format!("?if_seq_no={seq_no}&if_primary_term={}", hit["_primary_term"]),
        };
        let now = self.stamp();
        let error = "The job has not seen any update for some time.";
        let doc = json!({ "last_seen": now, "completed_at": now, "status": "error", "error": error });
        self.send("POST", &format!("{JOBS}/_update/{id}{guard}"), json!({ "doc": doc }));
    }

    // ── the run ───────────────────────────────────────────────────────────────────────────────────

    fn working(&self) -> impl Iterator<Item = &Work> {
        self.workers.iter().filter_map(|(_, stage, _)| match stage {
            Stage::Working(work) => Some(work),
            _ => None,
        })
    }

    fn pass_time(&mut self) {
        let millis = match self.dice.roll(100) {
            0..=69 => self.dice.roll(2_000),
            70..=94 => 2_000 + self.dice.roll(6_000),
            // A long pause, as far as heartbeats allow it; cancelations are noticed when it is over.
            _ => {
                let now = self.now();
                let left =
                    self.working().map(|work| 280_000_u64.saturating_sub(now.since(work.seen_at).as_millis() as u64));
                let most = left.min().unwrap_or(280_000);
                let (_, canceling) = self.send("GET", "/_connector/_sync_job?status=canceling", Value::Null);
                if canceling["count"] != 0 { 500 } else { self.dice.roll(most.max(1)) }
            }
        };
        self.door.advance(Duration::from_millis(millis));
    }

    fn run(mut self, steps: u64) -> Ran {
        for _ in 0..steps {
            let now = self.now();
            let waiting = (0..self.workers.len()).max_by_key(|at| now.since(self.workers[*at].2));
            match waiting.filter(|at| now.since(self.workers[*at].2) > Duration::from_secs(15)) {
                Some(at) => self.turn(at),
                None if self.dice.chance(25) => self.user(),
                None => {
                    let at = self.dice.roll(self.workers.len() as u64) as usize;
                    self.turn(at);
                }
            }
            self.pass_time();
        }
        // Everybody ends in order.
        for at in 0..self.workers.len() {
            let stage = std::mem::replace(&mut self.workers[at].1, Stage::Idle);
            let last = match stage {
                Stage::Working(work) => self.suspend(work),
                Stage::Locked(job) | Stage::Ready(job, _) => Stage::Reporting(job, "canceled"),
                other => other,
            };
            if let Stage::Reporting(job, status) = last {
                self.report(job, status);
            }
        }
        self.door.assert_answers_keep_the_specification("whatever the workers did");
        Ran {
            findings: self.door.engine.findings(true),
            recording: self.door.engine.recording(),
            is_broken: self.is_broken,
        }
    }
}

fn found(id: Option<&str>, job: &Value) -> Job {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Job {
        id: id.unwrap_or_default().to_owned(),
        connector: text(&job["connector"]["id"]),
        job_type: text(&job["job_type"]),
        cursor: Value::Null,
        has_cursor: !job["connector"]["sync_cursor"].is_null() || !job["connector.sync_cursor"].is_null(),
    }
}

struct Ran {
    findings: Vec<Finding>,
    recording: Recording,
    is_broken: bool,
}

fn told<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    findings.into_iter().map(|finding| format!("{finding}\n")).collect()
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("ELASTIMOCK_SEED") {
        Ok(seed) => vec![seed.parse().expect("ELASTIMOCK_SEED is a number")],
        Err(_) => (0..count * scale()).collect(),
    }
}

/// How many times as many runs as usual.
fn scale() -> u64 {
    std::env::var("ELASTIMOCK_RUNS").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

#[test]
fn correct_clients_are_never_found_guilty() {
    let (mut calls, mut claims, mut warnings) = (0, 0, BTreeMap::new());
    let seeds = seeds(8);
    for &seed in &seeds {
        let ran = Play::new(seed, None).run(120);
        let errors: Vec<&Finding> = ran.findings.iter().filter(|it| it.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "seed {seed}: a correct client was found guilty\n{}", told(errors));
        calls += ran.recording.interactions.len();
        claims += ran.recording.interactions.iter().filter(|call| is_claim(call)).count();
        for finding in &ran.findings {
            *warnings.entry(rule_of(finding)).or_insert(0) += 1;
        }
        // The recording says the same, in one piece and in two.
        let whole = [ran.recording.clone()];
        let whole = RecordedRun::new(&whole, Strictness::default());
        assert_eq!(told(whole.findings()), told(&ran.findings), "seed {seed}: from its recording");
        let mut two = [ran.recording.clone(), ran.recording];
        for (half, recording) in two.iter_mut().enumerate() {
            let is_of_half = |seq: u64| seq % 3 == half as u64 % 3 || (half == 1 && seq % 3 == 2);
            recording.interactions.retain(|call| is_of_half(call.seq));
            recording.events.retain(|event| is_of_half(event.seq));
        }
        let merged = RecordedRun::new(&two, Strictness::default());
        assert_eq!(told(merged.findings()), told(&ran.findings), "seed {seed}: from two recordings of one run");
    }
    println!("{} runs, {calls} calls, {claims} claims, warnings {warnings:?}", seeds.len());
    assert!(claims > seeds.len(), "{claims} claims");
}

fn is_claim(call: &Interaction) -> bool {
    call.operation.as_deref() == Some("connector.sync_job_claim")
        || String::from_utf8_lossy(call.request.body()).contains("worker_hostname")
}

/// Runs that are tried for one obligation.
const SEEDS_MAX: u64 = 30;

/// Every obligation that the clients above can be made to break.
const OBLIGATIONS: [&str; 26] = [
    "off-spec-body",
    "blank-worker-hostname",
    "claim-of-running-job",
    "reclaim-of-own-job",
    "claim-of-canceling-job",
    "claim-of-ended-job",
    "work-before-claim",
    "work-after-end",
    "illegal-transition",
    "ended-without-completed-at",
    "failed-without-error",
    "canceled-without-canceled-at",
    "cancel-ignored",
    "heartbeat-gap",
    "early-death-sentence",
    "counter-fell",
    "cursor-dropped",
    "cursor-altered",
    "ended-without-statistics",
    "job-left-open",
    "unguarded-lock",
    "connector-silent",
    "job-of-unready-connector",
    "duplicate-job",
    "write-outside-job",
    "last-sync-unreported",
];

#[test]
fn one_broken_obligation_is_found_by_its_rule() {
    let mut figures = BTreeMap::new();
    let mut missed = Vec::new();
    for rule in OBLIGATIONS.into_iter().chain(["secret-exposed"]) {
        let (mut mutants, mut caught) = (0, 0);
        let wanted = seeds(3);
        let is_alone = std::env::var("ELASTIMOCK_SEED").is_ok();
        // Not every run comes to where the obligation can be broken: further ones are made until one does.
        let further = (wanted.len() as u64..SEEDS_MAX).filter(|_| !is_alone);
        for (at, seed) in wanted.iter().copied().chain(further).enumerate() {
            if at >= wanted.len() && mutants > 0 {
                break;
            }
            let ran = Play::new(seed, Some((rule, seed % 3))).run(100);
            if !ran.is_broken {
                continue;
            }
            mutants += 1;
            let own = rules().iter().find(|known| known.id == rule).expect("a rule").severity;
            // Whoever leaves a job open may yet be at work.
            let counts = |finding: &Finding| finding.severity == own || rule == "job-left-open";
            // Whoever was taken for dead is not to blame.
            let is_blamed = rule == "early-death-sentence"
                && ran.findings.iter().any(|it| it.severity == Severity::Error || it.rule == "write-outside-job");
            if !is_blamed && ran.findings.iter().any(|finding| finding.rule == rule && counts(finding)) {
                caught += 1;
            } else {
                missed.push(format!("{rule}, seed {seed}: found only\n{}", told(&ran.findings)));
            }
        }
        figures.insert(rule, (mutants, caught));
    }
    println!("mutants and how many of them were caught: {figures:?}");
    assert!(missed.is_empty(), "{} mutants were missed\n{}", missed.len(), missed.join("\n"));
    let alone = std::env::var("ELASTIMOCK_SEED").is_ok();
    assert!(alone || figures.values().all(|(mutants, _)| *mutants > 0), "a rule was never broken: {figures:?}");
}
