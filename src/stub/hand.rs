//! [`request`]: what the other side's hand does, as the call that would do it.
//!
//! The hand is no client: what it does goes through Elasticsearch's own rules, and is neither journaled as a call nor
//! judged. Written down as what was asked for, it is the same for the engine that does it and for whoever reads the
//! recording.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::{Method, Request};
use crate::suggest::similar;
use crate::target::segment;

/// The first members of all acts, which tell them apart, each with what else it takes.
const ACTS: [(&str, &[&str]); 11] = [
    ("cancel", &[]),
    ("end", &["status", "error"]),
    ("sync_job", &["doc"]),
    ("connector", &["doc"]),
    ("connect", &[]),
    ("sync", &["job_type", "trigger_method"]),
    ("claim", &["worker_hostname", "sync_cursor"]),
    ("stats", &STATISTICS),
    ("check_in", &[]),
    ("bulk", &["docs"]),
    ("index", &["id", "doc"]),
];

/// What a worker counts.
const STATISTICS: [&str; 4] =
    ["indexed_document_count", "indexed_document_volume", "deleted_document_count", "total_document_count"];

/// What stands before the name of a stub where it is told whose hand it was.
pub(crate) const SIDE_OF_STUB: &str = "stub ";

/// Where the Connector API has its jobs.
const JOB_CALLS: &str = concat!("/", "_connector/_sync_job");

/// Where the Connector API has its connectors.
const CONNECTOR_CALLS: &str = concat!("/", "_connector");

const JOBS: &str = "/.elastic-connectors-sync-jobs";
const CONNECTORS: &str = "/.elastic-connectors";

/// What an act does, by the name of its member that says so; its members are looked at by their names alone.
///
/// # Errors
/// [`Error::is_invalid_input`] if it is no act, or has a member that it does not take; tells a cure.
pub(crate) fn verb(act: &Value) -> Result<&'static str, Error> {
    let wrong = |what: String| Err(Error::invalid_input(what));
    let known = ACTS.map(|(name, _)| name);
    let Some(members) = act.as_object() else {
        return wrong(format!("an act is an object with one of {}", known.join(", ")));
    };
    let Some((name, more)) = ACTS.iter().find(|(name, _)| members.contains_key(*name)) else {
        let close = members.keys().find_map(|name| similar(name, known).first().copied());
        return wrong(match close {
            Some(close) => format!("there is no such act; did you mean [{close}]?"),
            None => format!("an act has one of {}", known.join(", ")),
        });
    };
    if let Some(unknown) = members.keys().find(|member| member != name && !more.contains(&member.as_str())) {
        let takes = if more.is_empty() { "nothing else".to_owned() } else { more.join(", ") };
        return wrong(format!("[{unknown}] is no part of [{name}]; it takes {takes}"));
    }
    Ok(name)
}

/// The call that does what the hand is to do at an instant.
///
/// # Errors
/// [`Error::is_invalid_input`] if it is no act; tells a cure.
pub(crate) fn request(act: &Value, now: Timestamp) -> Result<Request, Error> {
    let wrong = |what: String| Err(Error::invalid_input(what));
    let name = verb(act)?;
    let text = |name: &str| match &act[name] {
        Value::String(text) if !text.is_empty() => Ok(text.as_str()),
        _ => Err(Error::invalid_input(format!("[{name}] must be a text that is not empty"))),
    };
    let id = segment(text(name)?);
    let update = |shelf: &str, id: &str, doc: Value| {
        Request::new(Method::Post, format!("{shelf}/_update/{id}")).json(json!({ "doc": doc }).to_string())
    };
    let doc = || match &act["doc"] {
        Value::Object(doc) => Ok(Value::Object(doc.clone())),
        _ => Err(Error::invalid_input("say what is written: \"doc\": { … }")),
    };
    let now = now.to_string();
    Ok(match name {
        "cancel" => Request::new(Method::Put, format!("{JOB_CALLS}/{id}/_cancel")),
        "end" => {
            let status = act.get("status").map_or(Ok("completed"), |_| text("status"))?;
            let mut doc = Map::from_iter([("status".to_owned(), Value::from(status))]);
            doc.insert("completed_at".to_owned(), now.clone().into());
            match status {
                "completed" => {}
                "canceled" => {
                    doc.insert("canceled_at".to_owned(), now.into());
                }
                "error" => {
                    let error = act.get("error").map_or(Ok("ended by the test"), |_| text("error"))?;
                    doc.insert("error".to_owned(), error.into());
                }
                other => return wrong(format!("a job ends as completed, canceled or error, not [{other}]")),
            }
            update(JOBS, &id, Value::Object(doc))
        }
        "sync_job" => update(JOBS, &id, doc()?),
        "connector" => update(CONNECTORS, &id, doc()?),
        "connect" => update(CONNECTORS, &id, json!({ "status": "connected", "last_seen": now })),
        "sync" => {
            let job_type = act.get("job_type").map_or(Ok("full"), |_| text("job_type"))?;
            let trigger = act.get("trigger_method").map_or(Ok("on_demand"), |_| text("trigger_method"))?;
            let body = json!({ "id": text("sync")?, "job_type": job_type, "trigger_method": trigger });
            Request::new(Method::Post, JOB_CALLS).json(body.to_string())
        }
        "claim" => {
            let mut body = json!({ "worker_hostname": text("worker_hostname")? });
            if let Some(cursor) = act.get("sync_cursor") {
                body["sync_cursor"] = cursor.clone();
            }
            Request::new(Method::Put, format!("{JOB_CALLS}/{id}/_claim")).json(body.to_string())
        }
        "stats" => {
            let body: Map<String, Value> =
                STATISTICS.iter().filter_map(|name| Some(((*name).to_owned(), act.get(*name)?.clone()))).collect();
            Request::new(Method::Put, format!("{JOB_CALLS}/{id}/_stats")).json(Value::Object(body).to_string())
        }
        "check_in" => Request::new(Method::Put, format!("{CONNECTOR_CALLS}/{id}/_check_in")),
        "bulk" => {
            let Value::Object(docs) = &act["docs"] else {
                return wrong("say what is written: \"docs\": { \"1\": { … } }".to_owned());
            };
            let mut lines = String::new();
            for (id, doc) in docs {
                lines.push_str(&format!("{}\n{doc}\n", json!({ "index": { "_id": id } })));
            }
            let request = Request::new(Method::Put, ["", &id, "_bulk"].join("/"));
            request.header("content-type", "application/x-ndjson").with_body(lines)
        }
        _ => {
            let body = json!({ "doc": doc()?, "doc_as_upsert": true });
            Request::new(Method::Post, ["", &id, "_update", &segment(text("id")?)].join("/")).json(body.to_string())
        }
    })
}
