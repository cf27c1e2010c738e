//! Web pages reach nothing: neither the mock's state nor its journal, nor a finding in a client's name.

use serde_json::json;

use elastimock::MockServer;
use elastimock::http::{Method, Request};

use crate::support::{Answer, Client};

/// Calls that a page can make a browser send without asking: simple methods, simple types.
fn calls() -> [Request; 6] {
    let text = |method, target| Request::new(method, target).header("content-type", "text/plain");
    [
        text(Method::Post, "/_elastimock/state").with_body(r#"{"connectors":[{"id":"evil"}]}"#),
        text(Method::Post, "/_elastimock/clock/_advance").with_body(r#"{"by":"5m"}"#),
        Request::new(Method::Post, "/_elastimock/reset"),
        Request::new(Method::Get, "/_elastimock/state"),
        Request::new(Method::Post, "/_connector"),
        Request::new(Method::Get, "/_connector/_sync_job"),
    ]
}

fn send(server: &MockServer, request: &Request) -> Answer {
    Client::connect(server.address()).send(request)
}

#[test]
fn a_page_reaches_nothing_on_a_loopback_mock() {
    let server = MockServer::start_blocking().expect("a server");
    send(&server, &Request::new(Method::Get, "/_connector/nope"));
    let before = (server.state().expect("a state").to_value(), server.journal());
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "192.168.1.7:9200"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for call in calls() {
            let answer = send(&server, &call.clone().header(name, value));
            assert_eq!(answer.status, 403, "{name}: {value}: {} {}", call.method(), call.target());
            let error = &answer.json()["error"];
            assert_eq!(error["type"], "elastimock_forbidden_exception");
            assert_eq!(answer.json()["status"], 403);
            let reason = error["reason"].as_str().expect("a reason");
            let cure = if name == "sec-fetch-site" || value == "null" { "from a program" } else { "--allow-host " };
            assert!(reason.contains(cure), "{reason}");
            let readable = answer.headers.iter().find(|(name, _)| name.starts_with("access-control"));
            assert_eq!(readable, None, "no page may read the refusal");
        }
    }
    let preflight = Request::new(Method::Options, "/_connector")
        .header("origin", "http://evil.example")
        .header("access-control-request-method", "PUT");
    assert_eq!(send(&server, &preflight).status, 403);
    assert_eq!((server.state().expect("a state").to_value(), server.journal()), before);
    server.assert_conformant();

    let troubles = server.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].starts_with("37 calls were refused with 403, the last one because "), "{troubles:?}");
    let health = send(&server, &Request::new(Method::Get, "/_elastimock/health")).json();
    assert_eq!((&health["status"], &health["troubles"]), (&json!("ready"), &json!(troubles)));
}

#[test]
fn programs_and_local_pages_go_on_as_before() {
    let server = MockServer::start_blocking().expect("a server");
    let port = server.port();
    for headers in [
        vec![],
        vec![("host", format!("localhost:{port}"))],
        vec![("host", format!("mock.localhost:{port}"))],
        vec![("host", format!("[::1]:{port}"))],
        vec![("origin", "http://localhost:3000".to_owned()), ("sec-fetch-site", "same-site".to_owned())],
        vec![("sec-fetch-site", "none".to_owned())],
        vec![("x-elastic-product-origin", "connectors".to_owned())],
    ] {
        let with_headers =
            |request: Request| headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        // As `curl -X POST` sends it: no body, no type.
        let reset = send(&server, &with_headers(Request::new(Method::Post, "/_elastimock/reset")));
        assert_eq!(reset.status, 200, "{headers:?}: {}", reset.text());
        assert_eq!(send(&server, &with_headers(Request::new(Method::Get, "/_connector"))).status, 200);
    }
    for raw in ["GET /_connector HTTP/1.0\r\n\r\n", "GET /_connector HTTP/1.0\r\nhost: anything at all\r\n\r\n"] {
        let mut client = Client::connect(server.address());
        client.write_raw(raw.as_bytes());
        assert_eq!(client.read(false).status, 200, "{raw}");
    }
    assert!(server.troubles().is_empty());
}

#[test]
fn a_name_that_is_allowed_is_the_mocks_own() {
    let server = MockServer::builder().allow_host("elasticsearch").allow_host("*.test").start_blocking();
    let server = server.expect("a server");
    let ask =
        |name: &str, value: &str| send(&server, &Request::new(Method::Get, "/_connector").header(name, value)).status;
    assert_eq!(ask("host", "es.ci.test"), 200);
    assert_eq!(ask("origin", "https://kibana.test:5601"), 200);
    assert_eq!(ask("host", "host.docker.internal"), 403);
    assert_eq!(ask("origin", "https://kibana.example"), 403);
    let wrong = MockServer::builder().allow_host("http://elasticsearch:9200").start_blocking();
    let wrong = wrong.expect_err("no name");
    assert!(wrong.is_invalid_input() && wrong.to_string().contains("without scheme and port"), "{wrong}");
}

#[test]
fn beyond_loopback_any_name_will_do_and_pages_reach_only_what_elasticsearch_would_show_them() {
    let server = MockServer::builder().listen(([0, 0, 0, 0], 0).into()).start_blocking().expect("a server");
    let address = ([127, 0, 0, 1], server.port()).into();
    let ask = |target: &str, lines: &[(&str, &str)]| {
        let request = Request::new(Method::Get, target);
        let request = lines.iter().fold(request, |request, (name, value)| request.header(name, value));
        Client::connect(address).send(&request).status
    };
    let page = ("origin", "http://evil.example");
    assert_eq!(ask("/_elastimock/state", &[("host", "elasticsearch:9200")]), 200);
    assert_eq!(ask("/_elastimock/state", &[("host", "evil.example"), page]), 403, "a name that was rebound");
    assert_eq!(ask("/_elastimock/state", &[("sec-fetch-site", "cross-site")]), 403);
}

#[test]
fn a_page_that_sends_much_is_told_all_the_same() {
    let server = MockServer::start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let page = Request::new(Method::Post, "/_bulk").header("origin", "http://evil.example");
    assert_eq!(client.send(&page.with_body("x".repeat(3_000_000))).status, 403);
    assert_eq!(client.send(&Request::new(Method::Get, "/_connector")).status, 200, "the connection goes on");
}
