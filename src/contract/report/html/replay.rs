//! [`StateReplay`]: the connectors and sync jobs of a run after each of its calls.
//!
//! What was recorded is done once more: a cluster is planted with the recorded state, and every call that changed
//! something is put to the same handlers that answered it. What was refused then changes nothing now, and an id that was
//! given out then is given out again, so that a recording of another server can be followed too.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::contract::report::backdrop::Beginning;
use crate::es::document::source::{Source, StoredDocument};
use crate::es::error::CONTRACT_EXCEPTION;
use crate::es::http as rest;
use crate::es::http::call::BodyLine;
use crate::es::http::{ParseOutcome, ServerInfo};
use crate::es::store::{CONNECTORS, Cluster, SYNC_JOBS};
use crate::es::table::TABLE;
use crate::fixture::Fixture;
use crate::http::{Method, Request};
use crate::license::License;
use crate::profile::Profile;
use crate::record::event::{Change, Event};
use crate::record::interaction::Interaction;
use crate::stub::{self, Script, hand};
use crate::target::decoded;

/// The indices that are followed, each with the name of its documents in a fixture.
pub(super) const SHELVES: [(&str, &str); 2] = [(CONNECTORS, "connectors"), (SYNC_JOBS, "sync_jobs")];

/// A document that has changed.
#[derive(Debug, PartialEq)]
pub(super) struct DocumentChange {
    /// Which of [`SHELVES`] it stands on.
    pub(crate) shelf: usize,
    pub(crate) id: Arc<str>,
    /// The fields that have another value; none if it is gone.
    pub(crate) fields: Option<Map<String, Value>>,
    /// The fields that are there no more.
    pub(crate) gone: Vec<String>,
}

/// A run that is followed.
pub(super) struct StateReplay {
    profile: Profile,
    cluster: Cluster,
    /// The state at the start, for a reset that does not repeat it.
    beginning: Beginning,
    /// Whether the state is known at all: not before the next reset if the first calls are missing.
    is_known: bool,
    shown: [BTreeMap<Arc<str>, Arc<Source>>; 2],
    /// How often the two indices had been written to when they were looked at.
    writes: [u64; 2],
    /// The stubs by name, and how often each has answered.
    stubs: BTreeMap<Arc<str>, (Script, u64)>,
}

impl StateReplay {
    /// A run from its beginning. If calls are missing there, its state is known from the next reset on.
    pub(crate) fn new(beginning: &Beginning, is_whole: bool) -> StateReplay {
        let mut replay = StateReplay {
            profile: beginning.profile,
            cluster: Cluster::new(beginning.seed),
            beginning: beginning.clone(),
            is_known: false,
            shown: Default::default(),
            writes: [u64::MAX; 2],
            stubs: BTreeMap::new(),
        };
        if is_whole {
            replay.plant(&beginning.state.clone(), beginning.at);
        }
        replay.look(&BTreeSet::new());
        replay
    }

    /// Whether the state is known.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// The documents of a shelf, by id.
    pub(crate) fn documents(&self, shelf: usize) -> impl Iterator<Item = (&str, Value)> {
        self.shown[shelf].iter().map(|(id, source)| (&**id, source.to_value()))
    }

    fn plant(&mut self, state: &Value, at: Timestamp) {
        let mut cluster = Cluster::new(self.beginning.seed);
        let fixture = if state.is_null() { Ok(Fixture::new()) } else { Fixture::from_json(&state.to_string()) };
        self.is_known = fixture.is_ok_and(|fixture| fixture.plant(&mut cluster, at).is_ok()) && !state.is_null();
        cluster.set_visibility(self.beginning.visibility, at);
        self.cluster = cluster;
        self.writes = [u64::MAX; 2];
        self.learn_stubs(state.get("stubs"));
    }

    fn learn_stubs(&mut self, stubs: Option<&Value>) {
        let scripts = stubs.and_then(|stubs| stub::read_all(stubs).ok()).unwrap_or_default();
        self.stubs.extend(scripts.into_iter().map(|script| (script.name.clone(), (script, 0))));
    }

    /// Does what an event says.
    pub(crate) fn event(&mut self, event: &Event) -> Vec<DocumentChange> {
        match &event.change {
            Change::Reset { started_at, state, .. } => {
                self.stubs.clear();
                let state = state.as_ref().unwrap_or(&self.beginning.state).clone();
                self.plant(&state, *started_at);
            }
            Change::State { whole: true, state } => {
                let stubs = std::mem::take(&mut self.stubs);
                self.plant(&state.clone(), event.at);
                self.stubs.extend(stubs);
            }
            Change::State { whole: false, state } => {
                if let Ok(fixture) = Fixture::from_json(&state.to_string()) {
                    let mut grown = self.cluster.clone();
                    if fixture.plant(&mut grown, event.at).is_ok() {
                        self.cluster = grown;
                        self.writes = [u64::MAX; 2];
                    }
                }
                self.learn_stubs(state.get("stubs"));
            }
            Change::Stubs { added, removed } => {
                removed.iter().for_each(|name| drop(self.stubs.remove(name)));
                self.learn_stubs(Some(added));
            }
            Change::Hand { act, id } | Change::Simulated { act, id, refused: None, .. } => {
                if let Ok(request) = hand::request(act, event.at) {
                    self.put(&request, event.at, id.as_deref());
                }
            }
            _ => {}
        }
        self.look(&BTreeSet::new())
    }

    /// Does what a call did.
    pub(crate) fn call(&mut self, call: &Interaction) -> Vec<DocumentChange> {
        let acts = self.acts(call);
        let reads = ["search", "msearch", "count", "mget"];
        let is_read = matches!(call.request.method(), Method::Get | Method::Head)
            || call.operation.as_deref().is_some_and(|name| reads.contains(&name));
        if !acts || is_read {
            return Vec::new();
        }
        let answer = call.response.body_json().unwrap_or_default();
        let id = answer.get("id").or_else(|| answer.get("_id")).and_then(Value::as_str);
        let has_failed_items = call.operation.as_deref() == Some("bulk") && answer["errors"] == true;
        match has_failed_items.then(|| without_failed(&call.request, &answer)) {
            Some(request) => self.put(&request, call.at, id),
            None => self.put(&call.request, call.at, id),
        }
        let steps = call.request.path().split('/').filter(|step| !step.is_empty());
        self.look(&steps.map(|step| decoded(step, false)).chain(id.map(Cow::Borrowed)).collect())
    }

    /// Whether a call changed anything: it was not refused, and no stub stood in its way.
    fn acts(&mut self, call: &Interaction) -> bool {
        let response = &call.response;
        let stubbed = call.stub().and_then(|name| self.stubs.get_mut(name)).map(|(script, answered)| {
            *answered += 1;
            script.acts(*answered - 1)
        });
        let is_early = response.mark.as_ref().is_some_and(|mark| mark.fault.as_ref().is_some_and(|it| it.acts_before));
        match stubbed {
            _ if is_early => false,
            // What it said in place of the mock tells nothing of what the mock did.
            Some(acts) => acts && !is_enforced(call),
            None => (200..300).contains(&response.status()),
        }
    }

    /// Puts a request to the cluster; what comes of it only if it is taken. `id` is the one that was given out then.
    fn put(&mut self, request: &Request, at: Timestamp, id: Option<&str>) {
        let (profile, license) = (self.profile, License::default());
        let setting = ServerInfo { profile, release: profile.release(), license, body_bytes_max: usize::MAX };
        let reading = rest::read(&TABLE, request, &setting);
        let (ParseOutcome::Call, Some(endpoint), mut call) = (reading.stage, reading.endpoint, reading.call) else {
            return;
        };
        call.now = at;
        self.cluster.at(at);
        self.cluster.begin();
        let cluster = &mut self.cluster;
        let outcome = catch_unwind(AssertUnwindSafe(|| (endpoint.handler)(cluster, &call)));
        let Ok(Ok(reply)) = outcome else {
            self.cluster.undo();
            return;
        };
        self.cluster.keep();
        if reply.status != 201 {
            return;
        }
        let own = reply.body.to_value();
        let own = own.get("id").or_else(|| own.get("_id")).and_then(Value::as_str);
        if let (Some(own), Some(id)) = (own, id)
            && own != id
        {
            self.rename(own, id);
        }
    }

    /// Gives a document that was just made the id that it had then.
    fn rename(&mut self, own: &str, id: &str) {
        for (index, _) in SHELVES {
            let Some(index) = self.cluster.index_mut(index) else { continue };
            if let Some(source) = index.get(own).map(|document| document.source.clone()) {
                index.put(id, source);
                index.delete(own);
            }
        }
    }

    /// What has changed since the last look; `named` are ids of documents that most likely have.
    fn look(&mut self, named: &BTreeSet<Cow<'_, str>>) -> Vec<DocumentChange> {
        let mut changes = Vec::new();
        for (shelf, (index, _)) in SHELVES.into_iter().enumerate() {
            let index = self.cluster.index(index);
            let writes = index.map_or(0, |index| index.writes());
            let since = std::mem::replace(&mut self.writes[shelf], writes);
            if since == writes {
                continue;
            }
            let shown = &mut self.shown[shelf];
            // Every write has a number: as many documents with a new one as there were writes are all of them.
            let is_new = |(_, document): &(&Arc<str>, &StoredDocument)| since > writes || document.seq_no >= since;
            let found = named.iter().filter_map(|id| index?.entry(id)).filter(is_new);
            let mut found: Vec<(&Arc<str>, &StoredDocument)> = found.collect();
            if since > writes || found.len() as u64 != writes - since {
                let is_there = |id: &str| index.is_some_and(|index| index.get(id).is_some());
                let gone: Vec<Arc<str>> = shown.keys().filter(|id| !is_there(id)).cloned().collect();
                for id in gone {
                    shown.remove(&id);
                    changes.push(DocumentChange { shelf, id, fields: None, gone: Vec::new() });
                }
                found = index.into_iter().flat_map(|index| index.iter()).filter(is_new).collect();
            }
            for (id, document) in found {
                let before = shown.insert(id.clone(), document.source.clone());
                let (fields, gone) = difference(before.as_deref(), &document.source);
                if !fields.is_empty() || !gone.is_empty() {
                    changes.push(DocumentChange { shelf, id: id.clone(), fields: Some(fields), gone });
                }
            }
        }
        changes
    }
}

/// The fields of a document that were another before, and those that are there no more.
fn difference(before: Option<&Source>, now: &Source) -> (Map<String, Value>, Vec<String>) {
    let Some(before) = before else {
        let Value::Object(fields) = now.to_value() else { return Default::default() };
        return (fields, Vec::new());
    };
    let is_same = |name: &str, value: &Value| before.get(name) == Some(value);
    let changed = now.iter().filter(|(name, value)| !is_same(name, value));
    let gone = before.iter().filter(|(name, _)| now.get(name).is_none()).map(|(name, _)| name.to_owned());
    (changed.map(|(name, value)| (name.to_owned(), value.clone())).collect(), gone.collect())
}

/// A bulk without the items that were refused.
fn without_failed(request: &Request, answer: &Value) -> Request {
    let has_failed = |at: usize| {
        let told = answer.pointer(&format!("/items/{at}")).and_then(|item| item.as_object()?.values().next());
        told.is_some_and(|told| told["status"].as_u64().is_some_and(|status| status >= 300))
    };
    let body = request.body();
    let mut lines = BodyLine::texts(body).filter(|line| !line.trim_ascii().is_empty());
    let (mut kept, mut at) = (Vec::with_capacity(body.len()), 0);
    while let Some(text) = lines.next() {
        let action = BodyLine::read(text);
        let is_delete = action.object().is_some_and(|action| action.get("delete").is_some());
        let document = if is_delete { None } else { lines.next() };
        if !has_failed(at) {
            for line in [Some(action.text), document].into_iter().flatten() {
                kept.extend_from_slice(&line);
                kept.push(b'\n');
            }
        }
        at += 1;
    }
    request.clone().with_body(kept)
}

/// Whether the judge has refused a call.
fn is_enforced(call: &Interaction) -> bool {
    let is = |body: Value| body["error"]["type"] == CONTRACT_EXCEPTION;
    call.response.status() == 400 && call.response.body_json().is_some_and(is)
}
