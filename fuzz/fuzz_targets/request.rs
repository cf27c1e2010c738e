//! Whatever a client sends, it gets an answer in a known form, and the mock goes on.
#![no_main]

use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::{Engine, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|call: (u8, &str, &[u8])| {
    let (method, target, body) = call;
    let mut engine = Engine::new(Setup::default(), Timestamp::default()).expect("a mock");
    let target = format!("/_connector/_sync_job{}", target.replace(|c: char| c.is_control() || c == ' ', ""));
    let method = Method::ALL[usize::from(method) % Method::ALL.len()].clone();
    let request = Request::new(method, target).json(body.to_vec());
    let response = engine.receive(&request, Timestamp::default());
    assert!(response.status() != 500, "{}", response.text());
    assert_eq!(engine.journal(0, None, 10).interactions.len(), 1);
});
