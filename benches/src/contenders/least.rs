//! (b) The least that a mock server for contracts can do: hyper, a parsed body, a schema check, and
//! a journal of everything that came.

use super::background;
use crate::Result;
use crate::claim::SCHEMA;
use crate::contender::{Server, Setup};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// What is kept of a request.
type Interaction = (Method, Uri, HeaderMap, Bytes);

/// Starts the server.
pub fn start(_: &Setup) -> Result<Box<dyn Server>> {
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let validator = Arc::new(jsonschema::validator_for(&schema)?);
    let journal = Arc::new(Mutex::new(Vec::<Interaction>::new()));
    background::serve(move |request| {
        let (validator, journal) = (validator.clone(), journal.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let is_claim = head.method == Method::PUT
                && head.uri.path().starts_with("/_connector/_sync_job/")
                && head.uri.path().ends_with("/_claim");
            let is_valid = serde_json::from_slice::<Value>(&body).is_ok_and(|value| validator.is_valid(&value));
            let interaction = (head.method, head.uri, head.headers, body);
            journal.lock().expect("nobody panics with the journal in hand").push(interaction);
            Ok(match (is_claim, is_valid) {
                (true, true) => background::claimed(),
                (true, false) => background::refused(StatusCode::BAD_REQUEST),
                (false, _) => background::refused(StatusCode::NOT_FOUND),
            })
        }
    })
}
