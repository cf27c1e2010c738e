//! [`universe`]: what there is to cover, found out by trying.
//!
//! For every operation of the Connector API requests are made from its rows and its schema, and put to a
//! cluster that has a connector and a job in every status:
//!
//! * one with the least body, on each job and connector in turn, and on one that is not there;
//! * the least body with each optional field besides, and with each field left out, of another type, or
//!   empty; without a body; with one that is broken, a list, or has a field that nobody knows;
//! * with each parameter of the operation's own, with a bad value for it, and with one that nobody knows.
//!
//! What the cluster does with them is what there is: states that calls can meet, refusals that they can
//! bring upon themselves, variants of bodies. So a new operation is covered as soon as it has a row, and
//! each thing to cover has a request that covers it, ready to be pasted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::scene::{CoverageItem, items, resolved, setting};
use crate::clock::Timestamp;
use crate::contract::Judge;
use crate::contract::story::SubjectState;
use crate::contract::strictness::Strictness;
use crate::es::body::schema::{COMMON_PARAMETERS, Enumeration, SchemaPair};
use crate::es::connector::rules::ConnectorStatus;
use crate::es::http as rest;
use crate::es::http::ParseOutcome;
use crate::es::http::render::{Style, render};
use crate::es::store::Cluster;
use crate::es::sync_job::rules::SyncStatus;
use crate::es::table::TABLE;
use crate::finding::Severity;
use crate::fixture::Fixture;
use crate::http::{Method, Request, Response};
use crate::limits::COVERAGE_DEPTH_MAX;
use crate::profile::Profile;
use crate::record::interaction::Interaction;

/// The operations that count.
const FAMILY: &str = "connector.";

/// What there is to cover.
pub(crate) struct Universe {
    /// By operation.
    pub items: BTreeMap<&'static str, BTreeSet<CoverageItem>>,
    /// Requests that cover it.
    pub probes: Vec<Probe>,
}

/// A request, and what it covers.
pub(crate) struct Probe {
    pub operation: &'static str,
    /// As it can be pasted into a console.
    pub text: String,
    /// Whether a correct client could make it in that state.
    pub is_right: bool,
    pub items: Vec<CoverageItem>,
}

/// What there is to cover in that Elasticsearch; found out when it is first asked for.
pub(crate) fn universe(profile: Profile) -> &'static Universe {
    static UNIVERSES: [OnceLock<Universe>; Profile::COUNT] = [const { OnceLock::new() }; Profile::COUNT];
    UNIVERSES[profile.position()].get_or_init(|| find_out(profile))
}

fn find_out(profile: Profile) -> Universe {
    let mut universe = Universe { items: BTreeMap::new(), probes: Vec::new() };
    let world = SampleCluster::new(profile);
    for row in TABLE.rows().iter().filter(|row| row.operation.starts_with(FAMILY)) {
        let paths: Vec<&str> = row.paths.iter().copied().filter(|path| TABLE.has(row, path, profile)).collect();
        let Some(maker) = Maker::new(row.operation, profile).filter(|_| !paths.is_empty()) else { continue };
        let schema = maker.schema;
        let target = world.usual(paths[paths.len() - 1]);
        let body = schema.pointer("/properties/body").unwrap_or(&Value::Null);
        let is_taken = |body: &Value| {
            let targets = world.targets(paths[paths.len() - 1]);
            targets.into_iter().any(|target| {
                let request = Request::new(row.method.clone(), target).json(body.to_string());
                world.ask(&request, profile).0.status() < 400
            })
        };
        // Where the parser asks for less than what checks after it, everything is sent, with every name.
        let mut least: Vec<Value> = [0, COVERAGE_DEPTH_MAX].map(|depth| maker.sample(body, "body", depth)).into();
        for (name, word) in maker.names() {
            let mut named = least[1].clone();
            named[name] = word.into();
            least.push(named);
        }
        let least = least.iter().find(|body| is_taken(body)).unwrap_or(&least[0]).clone();
        let has_body = schema.pointer("/properties/body").is_some();
        let base = if has_body { Some(least.to_string()) } else { None };
        let mut requests: Vec<(String, Option<String>)> = Vec::new();
        for path in &paths {
            requests.extend(world.targets(path).into_iter().map(|target| (target, base.clone())));
        }
        let bodies = if has_body { bodies(&maker, &least) } else { vec![Some("{}".to_owned())] };
        requests.extend(bodies.into_iter().map(|body| (target.clone(), body)));
        requests.extend(world.connectors().filter_map(|id| {
            // A new job names its connector in its body.
            let mut body = least.clone();
            let named = body.get_mut("id")?;
            *named = id.into();
            Some((target.clone(), Some(body.to_string())))
        }));
        requests.extend(queries(&maker).into_iter().map(|query| (format!("{target}?{query}"), base.clone())));
        for (target, body) in requests {
            let mut request = Request::new(row.method.clone(), target.clone());
            if let Some(body) = &body {
                request = request.json(body.clone());
            }
            let (response, seen) = world.ask(&request, profile);
            let covered = items(row.operation, profile, &request, &response, (&seen).into());
            universe.items.entry(row.operation).or_default().extend(covered.iter().cloned());
            let text = format!("{} {target}{}", row.method, body.map_or_else(String::new, |body| format!("\n{body}")));
            let note = world.note(&seen);
            let text = format!("{note}{text}");
            let is_right = world.is_right(request, response);
            universe.probes.push(Probe { operation: row.operation, text, is_right, items: covered });
        }
    }
    universe
}

/// A cluster with a connector and a job in every status.
struct SampleCluster {
    cluster: Cluster,
    /// A judge who knows it.
    judge: Judge,
    connectors: BTreeMap<String, ConnectorStatus>,
    /// The jobs, their statuses and their connectors.
    jobs: BTreeMap<String, (SyncStatus, String)>,
    /// Those that the built-in fixture has.
    built_in: BTreeSet<String>,
}

impl SampleCluster {
    fn new(profile: Profile) -> SampleCluster {
        let mut state = Fixture::built_in().to_value();
        let ids = |state: &Value| -> BTreeSet<String> {
            let entries = ["connectors", "sync_jobs"].into_iter().filter_map(|section| state.get(section)?.as_array());
            entries.flatten().filter_map(|entry| Some(entry.get("id")?.as_str()?.to_owned())).collect()
        };
        let built_in = ids(&state);
        for status in ConnectorStatus::ALL {
            let id = format!("connector-{}", hyphened(status.name()));
            let connector = json!({
                "id": id, "index_name": format!("search-{id}"), "service_type": "postgresql", "status": status.name(),
            });
            add(&mut state, "connectors", connector);
            let job = json!({ "id": format!("job-of-{id}"), "connector_id": id });
            add(&mut state, "sync_jobs", job);
        }
        for status in SyncStatus::ALL {
            let id = format!("job-{}", hyphened(status.name()));
            if !built_in.contains(&id) {
                add(&mut state, "sync_jobs", json!({ "id": id, "connector_id": "crm", "status": status.name() }));
            }
        }
        let now = Timestamp::from_millis(0);
        let mut cluster = Cluster::new(0);
        let planted = Fixture::from_json(&state.to_string()).and_then(|fixture| fixture.plant(&mut cluster, now));
        planted.expect("the built-in fixture with some entries more is a fixture");
        let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let stored = Fixture::of(&cluster).to_value();
        let entries = |name: &str| stored.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let connectors = entries("connectors")
            .iter()
            .filter_map(|entry| Some((text(entry, "id"), text(entry, "status").parse().ok()?)))
            .collect();
        let jobs = entries("sync_jobs")
            .iter()
            .filter_map(|entry| {
                let connector = entry.pointer("/connector/id").and_then(Value::as_str).map(str::to_owned);
                let connector = connector.unwrap_or_else(|| text(entry, "connector_id"));
                Some((text(entry, "id"), (text(entry, "status").parse().ok()?, connector)))
            })
            .collect();
        let judge = Judge::new(profile, Strictness::default(), &stored);
        SampleCluster { cluster, judge, connectors, jobs, built_in }
    }

    fn connectors(&self) -> impl Iterator<Item = &str> {
        self.connectors.keys().map(String::as_str)
    }

    /// A path with everything that could stand for its placeholder, and something that is not there.
    fn targets(&self, path: &str) -> Vec<String> {
        let Some((before, name, after)) = placeholder(path) else { return vec![path.to_owned()] };
        let ids: Vec<&str> = match name {
            "connector_sync_job_id" => self.jobs.keys().map(String::as_str).collect(),
            "connector_id" => self.connectors().collect(),
            _ => Vec::new(),
        };
        ids.into_iter().chain(["nobody"]).map(|id| format!("{before}{id}{after}")).collect()
    }

    /// A path with the usual thing for its placeholder.
    fn usual(&self, path: &str) -> String {
        match placeholder(path) {
            Some((before, "connector_sync_job_id", after)) => format!("{before}job-in-progress{after}"),
            Some((before, _, after)) => format!("{before}crm{after}"),
            None => path.to_owned(),
        }
    }

    /// Puts a request to a fresh copy of the cluster.
    fn ask(&self, request: &Request, profile: Profile) -> (Response, SubjectState) {
        let reading = rest::read(&TABLE, request, &setting(profile));
        let outcome = match (reading.stage, reading.endpoint) {
            (ParseOutcome::Call, Some(endpoint)) => (endpoint.handler)(&mut self.cluster.clone(), &reading.call),
            (ParseOutcome::Answered(outcome), _) => outcome,
            (ParseOutcome::Call, None) => return (Response::new(404), SubjectState::default()),
        };
        (render(&outcome, &Style::default()), self.seen(request))
    }

    /// Whether the judge finds nothing wrong with a call on a fresh cluster.
    fn is_right(&self, request: Request, response: Response) -> bool {
        let (at, operation, findings) = (Timestamp::from_millis(0), None, Vec::new());
        let call = Interaction { seq: 1, at, operation, request, response, findings, took_us: 0, scope: None };
        let verdict = self.judge.clone().hear_recorded(&call);
        verdict.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }

    /// What a request names, before it is put.
    fn seen(&self, request: &Request) -> SubjectState {
        let of_connector = |id: &str| SubjectState {
            connector: Some(id.into()),
            connector_status: self.connectors.get(id).copied(),
            ..SubjectState::default()
        };
        let named = request.path().split('/').skip(2).find_map(|id| {
            if let Some((status, connector)) = self.jobs.get(id) {
                return Some(SubjectState {
                    job: Some((*id).into()),
                    job_status: Some(*status),
                    ..of_connector(connector)
                });
            }
            self.connectors.contains_key(id).then(|| of_connector(id))
        });
        named.unwrap_or_else(|| {
            let body = request.body_json();
            let id = body.as_ref().and_then(|body| body.get("id")?.as_str());
            id.filter(|_| *request.method() == Method::Post).map_or_else(SubjectState::default, of_connector)
        })
    }

    /// What has to be there before a request can be pasted, if the built-in fixture does not have it.
    fn note(&self, seen: &SubjectState) -> String {
        let is_strange = |id: Option<&str>| id.is_some_and(|id| !self.built_in.contains(id));
        match (seen.job_status, seen.connector_status) {
            (Some(status), Some(of)) if is_strange(seen.job.as_deref()) => {
                format!("# needs a job that is {status}, of a connector that is {of}\n")
            }
            (None, Some(status)) if is_strange(seen.connector.as_deref()) => {
                format!("# needs a connector that is {status}\n")
            }
            _ => String::new(),
        }
    }
}

fn hyphened(name: &str) -> String {
    name.replace('_', "-")
}

fn add(state: &mut Value, section: &str, entry: Value) {
    if let Some(entries) = state.get_mut(section).and_then(Value::as_array_mut) {
        entries.push(entry);
    }
}

/// What stands before a path's placeholder, its name, and what stands after it.
fn placeholder(path: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = path.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// The variants of a body: with each optional field, without each required one, with each field wrong.
fn bodies(maker: &Maker, least: &Value) -> Vec<Option<String>> {
    let mut bodies: Vec<Option<String>> = vec![None, Some("{".to_owned()), Some("[]".to_owned())];
    let schema = maker.schema;
    let node = resolved(schema, schema.pointer("/properties/body").unwrap_or(&Value::Null));
    let (Some(fields), Some(least)) = (node.get("properties").and_then(Value::as_object), least.as_object()) else {
        return bodies;
    };
    let with = |name: &str, value: Value| {
        let mut body = least.clone();
        body.insert(name.to_owned(), value);
        Some(Value::Object(body).to_string())
    };
    bodies.push(with("nope", 1.into()));
    bodies.extend(maker.names().into_iter().map(|(name, word)| with(name, word.into())));
    for (name, field) in fields {
        let usual = maker.sample(field, name, 0);
        bodies.push(with(name, usual.clone()));
        let wrong = if usual.is_array() { json!({}) } else { json!([]) };
        bodies.push(with(name, wrong));
        match usual {
            Value::String(_) => bodies.push(with(name, "".into())),
            Value::Number(_) => bodies.push(with(name, (-1).into())),
            _ => {}
        }
        if least.contains_key(name) {
            let mut body = least.clone();
            body.shift_remove(name);
            bodies.push(Some(Value::Object(body).to_string()));
        }
    }
    bodies
}

/// The queries that are tried.
fn queries(maker: &Maker) -> Vec<String> {
    let mut queries = vec!["nope=1".to_owned()];
    let known = maker.schema.pointer("/properties/query/properties").and_then(Value::as_object);
    let own = known.into_iter().flatten().filter(|(name, _)| !COMMON_PARAMETERS.contains(&name.as_str()));
    for (name, field) in own {
        let usual = match maker.sample(field, name, 0) {
            Value::String(text) => text,
            Value::Array(_) | Value::Object(_) => continue,
            other => other.to_string(),
        };
        queries.push(format!("{name}={usual}"));
        queries.push(format!("{name}=!"));
    }
    queries
}

/// What values are made from.
struct Maker {
    schema: &'static Value,
    /// Every name of an enumeration that is published: the server's schema knows only what its names are called.
    words: Vec<String>,
}

impl Maker {
    fn new(operation: &str, profile: Profile) -> Option<Maker> {
        let SchemaPair { published, server: schema, .. } = TABLE.contract(operation, profile)?;
        let mut words = Vec::new();
        collect_words(published, &mut words);
        Some(Maker { schema, words })
    }

    /// The members of a body that are names of an enumeration, each with every name that it may be.
    fn names(&self) -> Vec<(&str, &str)> {
        let body = resolved(self.schema, self.schema.pointer("/properties/body").unwrap_or(&Value::Null));
        let members = body.get("properties").and_then(Value::as_object).into_iter().flatten();
        let with_names = members.filter_map(|(name, node)| {
            let node = resolved(self.schema, node);
            let names = Enumeration::find(node.get("format")?.as_str()?)?;
            Some((name.as_str(), names))
        });
        let named = with_names.flat_map(|(name, names)| {
            let words: BTreeSet<&str> =
                self.words.iter().map(String::as_str).filter(|word| names.takes(word)).collect();
            words.into_iter().map(move |word| (name, word))
        });
        named.collect()
    }

    /// A value that a schema takes: the least one, or down to some depth the whole.
    fn sample(&self, node: &Value, name: &str, depth: usize) -> Value {
        let node = resolved(self.schema, node);
        if let Some(first) = node.get("enum").and_then(Value::as_array).and_then(|names| names.first()) {
            return first.clone();
        }
        let way = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|way| node.get(way)?.as_array()?.first());
        if let Some(way) = way {
            return self.sample(way, name, depth);
        }
        let kind = match node.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds.iter().find_map(Value::as_str).unwrap_or_default(),
            _ => "",
        };
        if let Some(names) = node.get("format").and_then(Value::as_str).and_then(Enumeration::find) {
            let word = self.words.iter().find(|word| names.takes(word));
            return word.map_or(Value::Null, |word| word.as_str().into());
        }
        match kind {
            "object" => {
                let members = node.get("properties").and_then(Value::as_object);
                let required =
                    node.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                let every = members.into_iter().flat_map(|members| members.keys()).map(String::as_str);
                let names: Vec<&str> = if depth > 0 { every.collect() } else { required.collect() };
                let member = |name: &str| {
                    let node = members.and_then(|members| members.get(name)).unwrap_or(&Value::Null);
                    (name.to_owned(), self.sample(node, name, depth.saturating_sub(1)))
                };
                Value::Object(names.into_iter().map(member).collect())
            }
            "array" => json!([]),
            "integer" | "number" => 1.into(),
            "boolean" => true.into(),
            "null" => Value::Null,
            "string" => match (node.get("format").and_then(Value::as_str), name) {
                (Some("instant"), _) => "2031-05-01T10:00:00Z".into(),
                (Some("long"), _) => 1.into(),
                (Some("boolean"), _) => true.into(),
                // What is named so in a body is the connector's.
                (_, "id") => "crm".into(),
                (_, "index_name") => "search-new".into(),
                (_, "worker_hostname") => "w-1".into(),
                (_, "interval") => "0 0 0 * * ?".into(),
                (_, name) => name.into(),
            },
            _ => json!({}),
        }
    }
}

fn collect_words(node: &Value, words: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            let names = members.get("enum").and_then(Value::as_array).into_iter().flatten();
            words.extend(names.filter_map(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_words(member, words));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_words(item, words)),
        _ => {}
    }
}
