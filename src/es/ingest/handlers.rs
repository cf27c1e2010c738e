//! Ingest pipelines: stored, listed, removed, tried out.

use serde_json::{Map, Value, json};

use crate::es::document::source::Source;
use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::ingest::{PipelineCause, PipelineRefusal, PipelineTarget, Pipelines};
use crate::es::store::Cluster;

/// `ingest.put_pipeline`. What the mock cannot do is refused here, not while documents are written.
pub(crate) fn put(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let (id, text) = (call.path("id"), text(call.json())?);
    if let Some(required) = call.query("if_version") {
        let current =
            cluster.pipelines().get(id).map(|pipeline| pipeline.text().get("version").and_then(Value::as_i64));
        if current.flatten() != required.parse().ok() {
            return Err(ApiError::pipeline_version(id, required, current.flatten()));
        }
    }
    cluster.pipelines_mut().put(id, text)?;
    Ok(Reply::acknowledged())
}

/// `ingest.get_pipeline`: 404 with an empty body when a name stands for none.
pub(crate) fn get(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = match call.path("id") {
        "" => "*",
        id => id,
    };
    let is_short = call.switch("summary");
    let found: Map<String, Value> = cluster
        .pipelines()
        .matching(asked)
        .map(|(id, pipeline)| {
            let text = if is_short { json!({}) } else { Value::Object(pipeline.text().clone()) };
            (id.to_owned(), text)
        })
        .collect();
    let status = if found.is_empty() && asked != "*" { 404 } else { 200 };
    Ok(Reply { status, ..Reply::json(Value::Object(found)) })
}

/// `ingest.delete_pipeline`.
pub(crate) fn delete(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let id = call.path("id");
    if !cluster.pipelines_mut().delete(id) && id != "*" {
        return Err(ApiError::pipeline_missing(id));
    }
    Ok(Reply::acknowledged())
}

/// `ingest.simulate`: what a pipeline, stored or given, makes of documents. Nothing is stored.
pub(crate) fn simulate(cluster: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    if call.switch("verbose") {
        return Err(ApiError::unsupported(
            "[verbose] of a simulated pipeline",
            "leave it away and look at the outcome",
        ));
    }
    let given;
    let (pipelines, name): (&Pipelines, &str) = match (call.path("id"), call.get("pipeline")) {
        ("", pipeline) => {
            let missing = PipelineRefusal {
                processor: None,
                tag: None,
                property: Some("pipeline".into()),
                wrong: PipelineCause::Missing,
            };
            let mut grown = cluster.pipelines().clone();
            grown.put("_simulate_pipeline", pipeline.and_then(Value::as_object).cloned().ok_or(missing)?)?;
            given = grown;
            (&given, "_simulate_pipeline")
        }
        (id, _) => (cluster.pipelines(), id),
    };
    if pipelines.get(name).is_none() {
        return Err(ApiError::no_such_pipeline(name));
    }
    let docs = call.get("docs").and_then(Value::as_array).into_iter().flatten();
    let docs: Vec<Value> = docs
        .map(|doc| {
            let of = |name| doc.get(name).and_then(Value::as_str);
            let (index, id) = (of("_index").unwrap_or("_index"), of("_id").unwrap_or("_id"));
            let source: Source = doc.get("_source").and_then(Value::as_object).cloned().unwrap_or_default().into();
            match pipelines.run(&[name], &source, PipelineTarget { index, id: Some(id) }, call.now) {
                Ok(source) => json!({ "doc": {
                    "_index": index,
                    "_version": "-3",
                    "_id": id,
                    "_source": source.to_value(),
                    "_ingest": { "timestamp": call.now.to_string() },
                } }),
                Err(failure) => {
                    json!({ "error": ApiError::from(failure).body(false).and_then(|body| body.get("error").cloned()) })
                }
            }
        })
        .collect();
    Ok(Reply::json(json!({ "docs": docs })))
}

fn text(body: Option<&Value>) -> Result<Map<String, Value>, ApiError> {
    body.and_then(Value::as_object).cloned().ok_or_else(ApiError::body_required)
}
