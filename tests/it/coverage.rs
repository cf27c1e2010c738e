//! How much of the Connector API was exercised, at every door.

use elastimock::coverage::Coverage;
use elastimock::http::{Method, Request};
use elastimock::recording::Recording;
use elastimock::{Clock, MockServer};
use serde_json::{Value, json};

use crate::support::{Client, T0, cluster, instant};

fn server() -> MockServer {
    let clock = Clock::frozen(instant(T0));
    MockServer::builder().fixture(cluster("default")).clock(clock).seed(7).start_blocking().expect("a server")
}

fn claim(job: &str, body: &str) -> Request {
    Request::new(Method::Put, format!("/_connector/_sync_job/{job}/_claim")).json(body.to_owned())
}

fn recorded(requests: &[Request]) -> Recording {
    let server = server();
    let mut client = Client::connect(server.address());
    for request in requests {
        client.send(request);
    }
    server.recording()
}

#[test]
fn four_dimensions_of_one_operation() {
    let recording = recorded(&[
        claim("job-pending", r#"{"worker_hostname":"w-1"}"#),
        claim("job-pending", r#"{"worker_hostname":"w-1","sync_cursor":{}}"#),
        claim("nobody", r#"{"worker_hostname":"w-1"}"#),
        claim("job-error", "{}"),
        claim("job-error", r#"{"worker_hostname":[]}"#),
    ]);
    let coverage = Coverage::of(&[recording]).to_value();
    let shown = &coverage["operations"]["connector.sync_job_claim"];
    assert_eq!(shown["calls"], 5);
    assert_eq!(shown["statuses"], json!({ "200": 2, "400": 2, "404": 1 }));
    // A call that is refused for its form has not come as far as to the job's state.
    assert_eq!(shown["states"], json!({ "pending": 1, "in_progress": 1, "connector connected": 2 }));
    assert_eq!(
        shown["errors"],
        json!({ "400 missing worker_hostname": 1, "400 mistyped worker_hostname": 1, "404 resource_not_found_exception": 1 })
    );
    assert_eq!(shown["variants"], json!({ "with sync_cursor": 1, "without sync_cursor": 1 }));
    let missed: Vec<&str> = shown["missed"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(missed.contains(&"from suspended") && !missed.contains(&"from pending"), "{missed:?}");
    insta::assert_json_snapshot!(shown["missed"]);
}

#[test]
fn a_state_that_was_put_later_counts_too() {
    let server = MockServer::builder().fixture(cluster("empty")).start_blocking().expect("a server");
    server.put_state(&cluster("default")).expect("a fixture");
    Client::connect(server.address()).send(&claim("job-suspended", r#"{"worker_hostname":"w-1"}"#));
    let shown = server.coverage().to_value();
    assert_eq!(
        shown["operations"]["connector.sync_job_claim"]["states"],
        json!({ "suspended": 1, "connector connected": 1 })
    );
}

#[test]
fn recordings_merge_in_any_order() {
    let one = recorded(&[claim("job-pending", r#"{"worker_hostname":"w-1"}"#)]);
    let other =
        recorded(&[claim("job-suspended", r#"{"worker_hostname":"w-1"}"#), Request::new(Method::Get, "/_connector")]);
    let together = Coverage::of(&[one.clone(), other.clone()]);
    assert_eq!(together, Coverage::of(&[other.clone(), one.clone()]));
    let mut merged = Coverage::of(&[other]);
    merged.merge(&Coverage::of(&[one]));
    assert_eq!(merged, together);
}

#[test]
fn every_scenario_that_is_named_covers_what_it_promises() {
    // Where a scenario needs more than the built-in fixture, its first line says so.
    let mut coverage = Coverage::of(&[recorded(&[])]);
    assert_eq!(coverage.percent(), 0.0);
    for _ in 0..3 {
        let before = coverage.percent();
        let scenarios = coverage.missed_cheapest();
        assert_eq!(scenarios.len(), 10);
        let pasted: Vec<Request> = scenarios
            .iter()
            .filter(|scenario| !scenario.request.starts_with('#'))
            .map(|scenario| {
                let (line, body) = scenario.request.split_once('\n').unwrap_or((&scenario.request, ""));
                let (method, target) = line.split_once(' ').expect("a method and a path");
                let request = Request::new(Method::new(method), target.to_owned());
                if body.is_empty() { request } else { request.json(body.to_owned()) }
            })
            .collect();
        for (scenario, request) in scenarios.iter().filter(|scenario| !scenario.request.starts_with('#')).zip(&pasted) {
            // Each on a cluster of its own: one may delete what the next one asks for.
            let alone = Coverage::of(&[recorded(std::slice::from_ref(request))]);
            let missed = alone.to_value().to_string();
            assert!(!scenario.covers.is_empty(), "{scenario}");
            coverage.merge(&alone);
            assert!(alone.percent() > 0.0, "{scenario}: {missed}");
            assert!(!coverage.missed_cheapest().contains(scenario), "{scenario}");
        }
        assert!(coverage.percent() > before, "{before}");
    }
}

#[test]
fn too_little_coverage_fails_with_what_to_do() {
    let server = server();
    Client::connect(server.address()).send(&claim("job-pending", r#"{"worker_hostname":"w-1"}"#));
    server.assert_coverage(0.1);
    let panic = std::panic::catch_unwind(|| server.assert_coverage(90.0)).expect_err("too little");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("% of the Connector API, and 90 % are wanted"), "{text}");
    assert!(text.contains("missed: ") && text.contains("The requests that would add most"), "{text}");
    let of_claims = text.lines().skip_while(|line| !line.starts_with("connector.sync_job_claim "));
    let of_claims: Vec<&str> = of_claims.take(2).collect();
    assert!(
        of_claims[0].contains(" 1 calls ") && of_claims[1].starts_with("    missed: from canceling, "),
        "{of_claims:?}"
    );
    let answer = Client::connect(server.address()).send(&Request::new(Method::Get, "/_elastimock/coverage"));
    assert_eq!(answer.json(), server.coverage().to_value());
    server.reset();
    assert_eq!(server.coverage().percent(), 0.0);
}
