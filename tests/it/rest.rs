//! What holds for any request: 405 and `Allow`, media types, pretty, `filter_path`, and the bodies that
//! are no JSON, byte for byte.

use serde_json::{Value, json};

use elastimock::elasticsearch::Profile;
use elastimock::engine::Setup;
use elastimock::http::{Method, Request};
use elastimock::{Clock, Engine, MockServer, Timestamp};

use crate::support::{Answer, Client, Door, EngineDoor, T0, cluster, instant, request};

const CLAIM: &str = "/_connector/_sync_job/J-p/_claim";
const JSON: (&str, &str) = ("content-type", "application/json");

fn send(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    EngineDoor::new(cluster("conformance"), T0).send(&request(method, target, headers, body))
}

#[test]
fn a_body_that_is_no_json_is_told_as_jackson_tells_it() {
    let tell = |body: &str| send("PUT", CLAIM, &[JSON], body).json()["error"].clone();
    for (body, reason) in [
        (r#"{"sync_cursor":}"#, r#"[1:17] Unexpected character ('}' (code 125)): expected a value"#),
        (r#"{a:1}"#, r#"[1:3] Unexpected character ('a' (code 97)): was expecting double-quote to start field name"#),
        (
            r#"{"worker_hostname":"a" "b":2}"#,
            r#"[1:25] Unexpected character ('"' (code 34)): was expecting comma to separate Object entries"#,
        ),
    ] {
        let error = tell(body);
        let location = |at: &str| format!("\n at [Source: (byte[])\"{body}\"; line: 1, column: {at}]");
        let column = reason[3..].split(']').next().expect("a column");
        assert_eq!(error["type"], "x_content_parse_exception");
        assert_eq!(error["reason"], format!("{reason}{}", location(column)), "{body}");
        assert_eq!(error["caused_by"]["type"], "json_parse_exception");
    }
    let cut = tell(r#"{"worker_hostname":"w-1""#);
    assert_eq!(cut["type"], "x_content_e_o_f_exception");
    assert_eq!(cut["reason"], "[1:25] Unexpected end of file");
}

#[test]
fn a_body_whose_values_would_fill_the_memory_is_refused_as_a_circuit_breaker_does() {
    let zeros = "0,".repeat(2_900_000);
    for (method, target, body) in [
        ("PUT", CLAIM, format!("{{\"worker_hostname\":\"w\",\"sync_cursor\":{{\"a\":[\n{zeros}0]}}}}")),
        ("PUT", "/_ingest/pipeline/p", format!(r#"{{"processors":[{zeros}0]}}"#)),
    ] {
        let answer = send(method, target, &[JSON], &body);
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, &error["type"]), (429, &json!("circuit_breaking_exception")), "{target}");
        assert_eq!(error["bytes_limit"], 192 * 1024 * 1024);
        assert!(error["bytes_wanted"].as_u64().is_some_and(|wanted| wanted > 192 * 1024 * 1024));
        assert_eq!(error["root_cause"][0]["reason"], error["reason"]);
    }
    let answer = send("PUT", "/docs/_doc/1", &[JSON], r#"{"a":[0,0,0]}"#);
    assert_eq!(answer.status, 201);
}

#[test]
fn the_first_offence_in_the_text_speaks() {
    for (body, reason) in [
        (r#"{"nope":1,"worker_hostname":}"#, "[1:2] [claim_connector_sync_job] unknown field [nope]"),
        (
            r#"{"worker_hostname":7,"nope":1}"#,
            "[1:20] [claim_connector_sync_job] worker_hostname doesn't support values of type: VALUE_NUMBER",
        ),
        (
            "{\n  \"worker_hostname\": 7\n}",
            "[2:22] [claim_connector_sync_job] worker_hostname doesn't support values of type: VALUE_NUMBER",
        ),
        (r#"{"worker_hostname":"ü","nope":1}"#, "[1:25] [claim_connector_sync_job] unknown field [nope]"),
        ("  ", "[1:0] [claim_connector_sync_job] Expected START_OBJECT but was: null"),
    ] {
        let answer = send("PUT", CLAIM, &[JSON], body);
        assert_eq!((answer.status, answer.json()["error"]["reason"].as_str()), (400, Some(reason)), "{body}");
    }
}

#[test]
fn media_types_are_chosen_as_in_elasticsearch() {
    let v9 = "application/vnd.elasticsearch+json; compatible-with=9";
    for (accept, content_type, expected) in [
        (None, None, "application/json"),
        (Some("application/json"), None, "application/json"),
        (Some("application/json; charset=UTF-8"), None, "application/json;charset=utf-8"),
        (Some(v9), None, "application/vnd.elasticsearch+json;compatible-with=9"),
        (
            Some("application/vnd.elasticsearch+json;compatible-with=8"),
            None,
            "application/vnd.elasticsearch+json;compatible-with=8",
        ),
        (
            Some("application/vnd.elasticsearch+json; compatible-with=9,text/plain"),
            Some(v9),
            "application/vnd.elasticsearch+json",
        ),
        (Some("text/html"), None, "application/json"),
        (Some("*/*"), None, "application/json"),
        (None, Some("text/plain"), "application/json"),
    ] {
        let mut headers = Vec::new();
        headers.extend(accept.map(|accept| ("accept", accept)));
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        let answer = send("GET", "/", &headers, "");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(expected)),
            "{accept:?} {content_type:?}"
        );
    }
}

#[test]
fn media_types_that_make_no_sense_are_refused() {
    let cause = |headers: &[(&str, &str)], body: &str| {
        let answer = send("PUT", CLAIM, headers, body);
        assert_eq!(answer.status, 400);
        let error = answer.json()["error"].clone();
        assert_eq!(error["type"], "media_type_header_exception");
        assert_eq!(error["root_cause"][0]["type"], "media_type_header_exception");
        error["caused_by"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    let body = r#"{"worker_hostname":"w-1"}"#;
    assert_eq!(cause(&[("accept", "foo")], ""), "invalid media-type [foo]");
    assert_eq!(cause(&[("accept", "  ")], ""), "Header [Accept] cannot be empty.");
    assert_eq!(
        cause(&[("accept", "application/json"), ("accept", "application/json")], ""),
        "Incorrect header [Accept]. Only one value should be provided"
    );
    assert_eq!(
        cause(&[("accept", "application/vnd.elasticsearch+json;compatible-with=7")], ""),
        "Accept version must be either version 9 or 8, but found 7. Accept=application/vnd.elasticsearch+json;compatible-with=7"
    );
    assert!(cause(&[("accept", "application/vnd.elasticsearch+json;compatible-with=8"), JSON], body).ends_with(
        "the compatible versions must match. Accept=application/vnd.elasticsearch+json;compatible-with=8, Content-Type=application/json"
    ));
    assert!(
        cause(&[("content-type", "application/vnd.elasticsearch+json;compatible-with=9")], body)
            .ends_with("Accept=null, Content-Type=application/vnd.elasticsearch+json;compatible-with=9")
    );
}

#[test]
fn bodies_of_other_types_are_refused() {
    let body = r#"{"worker_hostname":"w-1"}"#;
    for (content_type, expected) in [
        (
            "text/plain; charset=UTF-8",
            r#"{"error":"Content-Type header [text/plain; charset=UTF-8] is not supported","status":406}"#,
        ),
        ("application/xml", r#"{"error":"Content-Type header [application/xml] is not supported","status":406}"#),
    ] {
        let answer = send("PUT", CLAIM, &[("content-type", content_type)], body);
        assert_eq!((answer.status, answer.text().as_str()), (406, expected));
    }
    let answer = send("PUT", CLAIM, &[], body);
    assert_eq!(answer.text(), r#"{"error":"Content-Type header [] is not supported","status":406}"#);
    let foreign = send("PUT", CLAIM, &[("content-type", "application/yaml"), ("accept", "application/json")], body);
    assert_eq!(
        (foreign.status, foreign.json()["error"]["type"].as_str()),
        (501, Some("elastimock_unsupported_exception"))
    );
}

#[test]
fn what_the_mock_cannot_read_it_says_and_what_is_too_long_it_refuses() {
    let body = r#"{"worker_hostname":"w-1"}"#;
    let packed = send("PUT", CLAIM, &[JSON, ("content-encoding", "gzip")], body);
    assert_eq!(
        (packed.status, packed.json()["error"]["type"].as_str()),
        (501, Some("elastimock_unsupported_exception"))
    );
    let long = send("GET", &format!("/{}", "x".repeat(4096)), &[], "");
    assert_eq!(long.json()["error"]["type"], "too_long_http_line_exception");
    let wide = send("GET", "/", &[("x-wide", &"x".repeat(17_000))], "");
    assert_eq!(wide.json()["error"]["reason"], "HTTP header is larger than 16384 bytes.");
}

#[test]
fn answers_are_indented_and_filtered_as_asked() {
    let pretty = send("GET", "/_connector/_sync_job/J-404?pretty", &[], "").text();
    assert!(
        pretty.starts_with(
            "{\n  \"error\" : {\n    \"root_cause\" : [\n      {\n        \"type\" : \"resource_not_found_exception\","
        ),
        "{pretty}"
    );
    assert!(pretty.ends_with("}\n"));
    let info = send("GET", "/", &[], "").text();
    assert!(info.starts_with("{\n  \"name\" : \"") && info.ends_with("}\n"), "{info}");
    assert!(send("GET", "/?pretty=false", &[], "").text().starts_with(r#"{"name":""#));
    let filtered = send("GET", "/_connector/_sync_job/J-p?filter_path=status,connector.id", &[], "");
    assert_eq!(filtered.text(), r#"{"connector":{"id":"cn-a"},"status":"pending"}"#);
    let empty = send("GET", "/_connector/_sync_job/J-p?filter_path=nope", &[], "");
    assert_eq!((empty.text().as_str(), empty.header("content-length")), ("{}", Some("2")));
    let error = send("GET", "/_connector/_sync_job/J-404?filter_path=status", &[], "").json();
    assert!(error["error"]["root_cause"].is_array(), "errors are not filtered");
    let traced = send("GET", "/_connector/_sync_job/J-404?error_trace", &[], "").json();
    assert!(traced["error"]["stack_trace"].is_string() && traced["error"]["root_cause"][0]["stack_trace"].is_string());
}

#[test]
fn parameters_that_make_no_sense_are_refused_in_their_order() {
    for (target, expected) in [
        (
            "/?pretty=foo",
            json!(["illegal_argument_exception", "Failed to parse value [foo] as only [true] or [false] are allowed."]),
        ),
        (
            "/a/b/c/d/e?human=TRUE",
            json!([
                "illegal_argument_exception",
                "Failed to parse value [TRUE] as only [true] or [false] are allowed."
            ]),
        ),
        (
            "/?q=%zz",
            json!([
                "bad_parameter_exception",
                "java.lang.IllegalArgumentException: invalid escape sequence `%zz' at index 0 of: %zz"
            ]),
        ),
        (
            "/_connector/_sync_job?size=ten&nope=1",
            json!(["illegal_argument_exception", "Failed to parse int parameter [size] with value [ten]"]),
        ),
        (
            "/_connector/_sync_job?foo=1&bar=2",
            json!([
                "illegal_argument_exception",
                "request [/_connector/_sync_job] contains unrecognized parameters: [bar], [foo]"
            ]),
        ),
        (
            "/?petty=true",
            json!([
                "illegal_argument_exception",
                "request [/] contains unrecognized parameter: [petty] -> did you mean [pretty]?"
            ]),
        ),
    ] {
        let error = send("GET", target, &[], "").json()["error"].clone();
        assert_eq!(json!([error["type"], error["reason"]]), expected, "{target}");
    }
    let short = send("GET", "/?error_trace=foo", &[], "");
    assert_eq!(
        short.text(),
        r#"{"error":"Failed to parse value [foo] as only [true] or [false] are allowed.","status":400}"#
    );
    let twice = send("GET", "/", &[("x-opaque-id", "a"), ("x-opaque-id", "b")], "");
    assert_eq!(twice.json()["error"]["reason"], "multiple values for single-valued header [X-Opaque-Id].");
    assert_eq!(twice.header("x-opaque-id"), Some("a"));
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let unknown = send("GET", "/a/b/c/d/e?x=1", &[], "");
    assert_eq!(
        (unknown.status, unknown.text().as_str()),
        (400, r#"{"error":"no handler found for uri [/a/b/c/d/e?x=1] and method [GET]"}"#)
    );
    let strange = send("FOO", "/", &[], "");
    assert_eq!(
        (strange.status, strange.text().as_str()),
        (405, r#"{"error":"Unexpected http method: FOO, allowed: [GET, HEAD]","status":405}"#)
    );
    let index = send("GET", "/_nope", &[], "");
    assert_eq!((index.status, index.json()["error"]["index"].clone()), (400, json!("_nope")));
    let escape = send("GET", "/%zz/_search", &[], "");
    assert_eq!(escape.json()["error"]["reason"], "invalid escape sequence `%zz' at index 1 of: /%zz/_search");
}

#[test]
fn the_profile_decides_what_the_node_says_of_itself() {
    for (profile, number, accepted, refused) in [(Profile::V9, "9.5.4", 8, 7), (Profile::V8, "8.19.1", 7, 9)] {
        let now = instant(T0);
        let setup = Setup { profile, release: profile.release(), clock: Clock::frozen(now), ..Setup::default() };
        let mut engine = Engine::new(setup, now).expect("an engine");
        let mut info = |version: u64| -> (u16, Value) {
            let accept = format!("application/vnd.elasticsearch+json; compatible-with={version}");
            let response = engine.receive(&request("GET", "/", &[("accept", &accept)], ""), Timestamp::default());
            (response.status(), serde_json::from_slice(response.body()).expect("JSON"))
        };
        let (status, body) = info(accepted);
        assert_eq!((status, body["version"]["number"].as_str()), (200, Some(number)));
        assert_eq!(info(refused).0, 400);
        let found = engine.findings(false);
        assert!(found.iter().any(|finding| finding.rule == "version-mismatch"));
    }
}

#[test]
fn a_path_of_two_segments_that_nobody_has_is_refused_as_its_version_refuses_it() {
    for (profile, method, status, allow) in
        [(Profile::V9, "GET", 400, None), (Profile::V8, "GET", 405, Some("POST")), (Profile::V8, "POST", 400, None)]
    {
        let now = instant(T0);
        let setup = Setup { profile, release: profile.release(), clock: Clock::frozen(now), ..Setup::default() };
        let mut engine = Engine::new(setup, now).expect("a mock");
        let answer = engine.receive(&request(method, "/_foo/bar", &[], ""), now);
        assert_eq!((answer.status(), answer.headers().get("allow")), (status, allow), "{profile} {method}");
    }
}

#[test]
fn a_node_of_9_6_speaks_to_a_client_of_version_8() {
    let server = MockServer::builder().es_version("9.6.0").start_blocking().expect("a server");
    let compatible = "application/vnd.elasticsearch+json; compatible-with=8";
    let request = Request::new(Method::Get, "/").header("accept", compatible);
    let answer = Client::connect(server.address()).send(&request);
    assert_eq!((answer.status, answer.json()["version"]["number"].as_str()), (200, Some("9.6.0")));
}

#[test]
fn a_browser_gets_its_icon_and_nobody_is_blamed() {
    let mut door = EngineDoor::new(cluster("empty"), T0);
    let answer = door.send(&request("GET", "/favicon.ico", &[], ""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/x-icon")));
    assert!(answer.body.starts_with(&[0, 0, 1, 0]), "an icon");
    assert_eq!(door.engine.findings(false), Vec::new());
}

#[test]
fn an_api_key_that_was_made_here_is_told_to_who_sends_it() {
    let mut door = EngineDoor::new(cluster("conformance"), T0);
    let mut asked = |authorization: &str| {
        let headers: &[(&str, &str)] = if authorization.is_empty() { &[] } else { &[("authorization", authorization)] };
        door.send(&request("GET", "/_security/_authenticate", headers, "")).json()
    };
    assert_eq!(asked("")["authentication_type"], "realm");
    assert_eq!(asked("ApiKey bm9wZTpub3Bl")["authentication_type"], "realm");
    let made = door.send(&request("POST", "/_security/api_key", &[JSON], r#"{"name":"crm"}"#)).json();
    let sent = format!("ApiKey {}", made["encoded"].as_str().expect("a key"));
    let authenticate = request("GET", "/_security/_authenticate", &[("authorization", &*sent)], "");
    let told = door.send(&authenticate).json();
    assert_eq!(told["authentication_type"], "api_key");
    assert_eq!(told["authentication_realm"], json!({ "name": "_es_api_key", "type": "_es_api_key" }));
    assert_eq!(told["roles"], json!([]));
    assert_eq!(told["api_key"], json!({ "id": made["id"], "name": "crm", "managed_by": "elasticsearch" }));
    assert_eq!(door.send(&request("DELETE", "/_security/api_key", &[JSON], r#"{"name":"crm"}"#)).status, 200);
    assert_eq!(door.send(&authenticate).json()["authentication_type"], "realm");
}
