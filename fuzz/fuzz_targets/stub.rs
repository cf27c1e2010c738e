//! Whatever a stub says, it is taken or refused with a cure, never with a panic; what is taken answers, and its run
//! is recorded in a form that is read again.
#![no_main]

use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::recording::Recording;
use elastimock::{Engine, Fixture, Stub, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(stub) = Stub::from_json(text) else { return };
    let setup = Setup { fixture: Fixture::new().stub(stub).into(), ..Setup::default() };
    let Ok(mut engine) = Engine::new(setup, Timestamp::default()) else { return };
    let bulk = "{\"index\":{\"_index\":\"a\"}}\n{}\n{\"delete\":{\"_index\":\"a\",\"_id\":\"1\"}}\n";
    for request in [
        Request::new(Method::Get, "/?pretty"),
        Request::new(Method::Put, "/_connector/_sync_job/j/_claim").json(r#"{"worker_hostname":"w"}"#),
        Request::new(Method::Post, "/_bulk").header("content-type", "application/x-ndjson").with_body(bulk),
        Request::new(Method::Get, "/_ml/x"),
    ] {
        engine.receive(&request, Timestamp::default());
    }
    let recording = engine.recording();
    let again = Recording::parse("again", recording.to_text().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.to_text(), recording.to_text());
});
