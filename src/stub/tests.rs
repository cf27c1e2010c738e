//! Tables of requests that match and that do not, what a reader says of mistakes, and that it never panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cast, CountSpan, StubbedRequest, diagnostics_as_text, read, read_all};
use crate::clock::Timestamp;
use crate::http::{Method, Request};
use crate::wildcard::is_like_stub;

fn request(text: &str) -> Request {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let mut request = Request::new(Method::new(method), target);
    let mut body = rest;
    while let Some((line, behind)) = body.split_once('\n').filter(|(line, _)| !line.starts_with(['{', '['])) {
        let (name, value) = line.split_once(": ").expect("a header");
        request = request.header(name, value);
        body = behind;
    }
    request.with_body(body.to_owned())
}

fn cast(specs: &Value) -> Cast {
    let scripts = read_all(specs).unwrap_or_else(|diagnostics| panic!("{}", diagnostics_as_text(&diagnostics)));
    Cast::new(scripts, 7).expect("names of their own")
}

/// Whether a stub with that request answers a call.
fn is_met(asked: &Value, operation: Option<&str>, call: &str) -> bool {
    let request = request(call);
    let mut cast = cast(&json!({ "request": asked }));
    cast.decide(&StubbedRequest::new(&request, &request, operation, &[], None), 1, Timestamp::default()).is_some()
}

#[test]
fn requests_match_by_what_is_asked() {
    let claim = "PUT /_connector/_sync_job/j1/_claim\n{\"worker_hostname\":\"w-1\",\"sync_cursor\":{\"at\":7}}";
    let bulk = "POST /_bulk\n{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"title\":\"x\"}\n\
        {\"delete\":{\"_index\":\"b\",\"_id\":\"2\"}}\n";
    let search = "POST /search-crm/_search?pretty&q=a%20b+c\nx-opaque-id: 7\n{\"size\":0,\"query\":{\"match_all\":{}}}";
    for (asked, operation, call, expected) in [
        (json!({}), None, "GET /", true),
        (json!({ "operation": "info" }), Some("info"), "GET /", true),
        (json!({ "operation": "info" }), Some("ping"), "HEAD /", false),
        (json!({ "operation": "connector.*" }), Some("connector.list"), "GET /_connector", true),
        (json!({ "operation": ["info", "bulk"] }), Some("bulk"), bulk, true),
        (json!({ "method": "get" }), None, "GET /x", true),
        (json!({ "method": ["PUT", "POST"] }), None, "GET /x", false),
        (json!({ "path": "/_ml/**" }), None, "GET /_ml/anomaly_detectors/a", true),
        (json!({ "path": "/_ml/**" }), None, "GET /_ml", true),
        (json!({ "path": "/_ml/**" }), None, "GET /_mlx", false),
        (json!({ "path": "/*/_search" }), None, search, true),
        (json!({ "path": "/*/_search" }), None, "GET /_search", false),
        (json!({ "path": "/**/_search" }), None, "GET /_search", true),
        (json!({ "path": "/search-*/_doc/*" }), None, "GET /search-crm/_doc/1", true),
        (json!({ "path": "/a b/_doc/1" }), None, "GET /a%20b/_doc/1", true),
        (json!({ "path": "/**/a/**/b" }), None, "GET /a/x/a/y/b", true),
        (json!({ "query": { "pretty": "*" } }), None, search, true),
        (json!({ "query": { "pretty": null } }), None, search, false),
        (json!({ "query": { "pretty": { "$present": false } } }), None, "GET /", true),
        (json!({ "query": { "q": "a b c" } }), None, search, true),
        (json!({ "query": { "size": 1 } }), None, "GET /?size=1", true),
        (json!({ "headers": { "X-Opaque-Id": "*" } }), None, search, true),
        (json!({ "headers": { "x-opaque-id": "8" } }), None, search, false),
        (json!({ "body": { "size": 0 } }), None, search, true),
        (json!({ "body": { "size": 0.0, "query": {} } }), None, search, true),
        (json!({ "body": { "size": 1 } }), None, search, false),
        (json!({ "body": { "sync_cursor": { "at": { "$type": "number" } } } }), None, claim, true),
        (json!({ "body": { "sync_cursor": { "at": { "$type": "string" } } } }), None, claim, false),
        (json!({ "body": { "worker_hostname": { "$pattern": "w-?" } } }), None, claim, true),
        (json!({ "body": { "worker_hostname": { "$any": ["w-1", "w-2"] } } }), None, claim, true),
        (json!({ "body": { "sync_cursor": { "$present": false } } }), None, claim, false),
        (json!({ "body": { "other": { "$present": false } } }), None, claim, true),
        (json!({ "body": { "$present": false } }), None, claim, false),
        (json!({ "body": { "$present": false } }), None, "GET /", true),
        (json!({ "body": { "title": "x" } }), Some("bulk"), bulk, true),
        (json!({ "body": "*title*" }), None, bulk, true),
        (json!({ "body": {} }), None, "GET /", false),
        (json!({ "body": [1, { "$type": "object" }] }), None, "POST /x\n[1,{}]", true),
        (json!({ "body": [1] }), None, "POST /x\n[1,{}]", false),
        (json!({ "job": "j1" }), None, claim, true),
        (json!({ "job": "j2" }), None, claim, false),
        (json!({ "job": "j1" }), None, "POST /.elastic-connectors-sync-jobs/_update/j1\n{\"doc\":{}}", true),
        (json!({ "connector": "crm" }), None, "PUT /_connector/crm/_check_in", true),
        (json!({ "connector": "crm" }), None, "POST /_connector/_sync_job\n{\"id\":\"crm\"}", true),
        (json!({ "index": "search-*" }), None, search, true),
        (json!({ "index": "b" }), Some("bulk"), bulk, true),
        (json!({ "index": "c" }), Some("bulk"), bulk, false),
        (json!({ "worker": "w-1" }), None, claim, true),
        (json!({ "worker": "w-2" }), None, claim, false),
        (json!({ "state": ["in_progress", "canceling"] }), None, claim, false),
    ] {
        assert_eq!(is_met(&asked, operation, call), expected, "{asked} and {call}");
    }
}

/// Who answers, call by call.
fn answered(specs: &Value, calls: usize) -> Vec<String> {
    let request = request("GET /");
    let mut cast = cast(specs);
    let answers = (1..=calls as u64).map(|seq| {
        let asked = StubbedRequest::new(&request, &request, Some("info"), &[], None);
        let decision = cast.decide(&asked, seq, Timestamp::default());
        decision.map_or_else(
            || "-".to_owned(),
            |decision| {
                let status = decision.action.status.map_or_else(String::new, |status| format!(":{status}"));
                format!("{}{status}", decision.name)
            },
        )
    });
    answers.collect()
}

#[test]
fn calls_are_counted_and_the_last_stub_wins() {
    let all = |more: Value| json!({ "name": "a", "request": more });
    for (specs, expected) in [
        (all(json!({ "call": 2 })), vec!["-", "a", "-", "-"]),
        (all(json!({ "calls": "2-3" })), vec!["-", "a", "a", "-"]),
        (all(json!({ "calls": "3.." })), vec!["-", "-", "a", "a"]),
        (all(json!({ "every": 2 })), vec!["-", "a", "-", "a"]),
        (json!({ "name": "a", "request": {}, "times": 3 }), vec!["a", "a", "a", "-"]),
        (json!({ "name": "a", "request": {}, "response": { "times": 1 } }), vec!["a", "-", "-", "-"]),
        (json!({ "name": "a", "request": {}, "chance": 0 }), vec!["-", "-", "-", "-"]),
        (json!([{ "name": "a", "request": {} }, { "name": "b", "request": { "call": 2 } }]), vec!["a", "b", "a", "a"]),
        (
            json!({ "name": "a", "request": {}, "responses": [{ "status": 503 }, { "status": 502 }, {}] }),
            vec!["a:503", "a:502", "a", "a"],
        ),
    ] {
        assert_eq!(answered(&specs, 4), expected, "{specs}");
    }
    // Chance is the seed's: the same every time, and about as often as it says.
    let chance = json!({ "name": "a", "request": {}, "chance": 0.25 });
    let drawn = answered(&chance, 400);
    assert_eq!(drawn, answered(&chance, 400));
    let hits = drawn.iter().filter(|name| *name == "a").count();
    assert!((60..140).contains(&hits), "{hits}");
}

#[test]
fn unnamed_stubs_get_names_of_their_own() {
    let specs = json!([
        { "request": { "operation": "bulk" } },
        { "request": { "operation": "bulk", "call": 2 } },
        { "request": { "method": "put", "path": "/_index_template/*" } },
        { "request": {} },
    ]);
    let cast = cast(&specs);
    let names: Vec<&str> = cast.standings().map(|standing| standing.name).collect();
    assert_eq!(names, ["bulk", "bulk-2", "PUT-_index_template", "any"]);
    let twice = json!([{ "name": "x", "request": {} }, { "name": "x", "request": {} }]);
    let error = Cast::new(read_all(&twice).expect("stubs"), 7).expect_err("one name");
    assert!(error.to_string().contains("there is a stub `x` already"), "{error}");
}

#[test]
fn a_mistake_has_its_place_and_a_cure() {
    for (spec, expected) in [
        (json!(7), "`the stub` must be an object, not a number; write { … }"),
        (json!({}), "the stub has no `request`; add `request`, for example { \"operation\": \"bulk\" }"),
        (json!({ "request": {}, "respons": {} }), "/respons: `respons` is no part of a stub; did you mean `response`?"),
        (
            json!({ "request": { "operation": "connector.sync_job_clam" } }),
            "/request/operation: `connector.sync_job_clam` is no operation of Elasticsearch; did you mean `connector.sync_job_claim`?",
        ),
        (
            json!({ "request": { "operation": "claim" } }),
            "/request/operation: `claim` is no operation of Elasticsearch; did you mean `connector.sync_job_claim`?",
        ),
        (json!({ "request": { "path": "x" } }), "/request/path: `path` does not begin with a slash; write \"/x\""),
        (
            json!({ "request": { "path": "/x?a=1" } }),
            "/request/path: `path` has a query; that goes to `query`; write the path alone, `/x`",
        ),
        (
            json!({ "request": { "call": 0 } }),
            "/request/call: `call` cannot be 0; calls are counted from 1: write a number, or a range such as 1-3 or 2..",
        ),
        (
            json!({ "request": {}, "response": { "fault": "rest" } }),
            "/response/fault: there is no fault `rest`; did you mean `reset`?",
        ),
        (
            json!({ "request": {}, "response": { "delay": "soon" } }),
            "/response/delay: `delay` is no length of time: `soon`; write a whole number and a unit, for example 250ms or 30s; a range is 1s-5s",
        ),
        (
            json!({ "request": {}, "response": { "body": {}, "error": "x" } }),
            "/response/error: `body` and `error` are both given; keep one of body, text, template, patch, error, items",
        ),
        (
            json!({ "request": {}, "response": { "items": { "0": {} } } }),
            "/response/items/0: `0` is no number of an item; items are counted from 1: write a number, a range such as 2-4, `every 3`, or *",
        ),
        (
            json!({ "request": { "operation": "search" }, "response": { "items": { "1": { "status": 429 } } } }),
            "/request: `items` are those of a bulk, and the stub asks for another call; let it ask for `operation: bulk`, or use `error`, which refuses the whole call",
        ),
        (
            json!({ "request": {}, "response": { "status": 101 } }),
            "/response/status: `status` must be an HTTP status from 200 to 999, not 101; write for example 503",
        ),
        (
            json!({ "request": {}, "response": { "headers": { "a b": "x", "c": "d\r\ne: f" } } }),
            "/response/headers/a b: `a b` is no name of a header line; a name has letters, digits and dashes, as in retry-after\n/response/headers/c: `c` has a control character; a header line is one line of text",
        ),
        (
            json!({ "request": {}, "response": { "hand": { "cancle": "{{path.1}}" } } }),
            "/response/hand: there is no such act; did you mean [cancel]?; it takes the acts of `POST /_elastimock/hand`",
        ),
        (
            json!({ "request": {}, "response": { "hand": { "bulk": "i", "docs": "{{body}}", "dcos": [] } } }),
            "/response/hand: [dcos] is no part of [bulk]; it takes docs; it takes the acts of `POST /_elastimock/hand`",
        ),
        (
            json!({ "request": {}, "response": { "hand": { "end": "j", "status": "done" } } }),
            "/response/hand: a job ends as completed, canceled or error, not [done]; it takes the acts of `POST /_elastimock/hand`",
        ),
        (
            json!({ "request": { "body": { "a": { "$typ": "x" } } } }),
            "/request/body/a/$typ: there is no matcher `$typ`; there are $type, $pattern, $present, $any",
        ),
        (
            json!({ "request": {}, "response": { "template": "{{odd}}" } }),
            "/response/template: `{{odd}}` is not known here; it takes path.NAME, query.NAME, header.NAME, body, body:/POINTER, method, operation, now, now_ms, id or call; text without holes may stand in `body`",
        ),
        (
            json!({ "request": {}, "expect": "often" }),
            "/expect: `expect` cannot be \"often\"; write a number, a range such as 1.. or 1-3, or never",
        ),
        (
            json!({ "request": {}, "response": { "after_bytes": 3 } }),
            "/response/after_bytes: `after_bytes` is for `fault: cut` and `fault: stall`; leave it out",
        ),
        (
            json!({ "request": {}, "response": { "headers": { "Content-Length": "3" } } }),
            "/response/headers/Content-Length: `Content-Length` follows from the body; use `fault: cut` for a body that ends too early",
        ),
    ] {
        assert_eq!(diagnostics_as_text(&read(&spec).expect_err("a mistake")), expected, "{spec}");
    }
}

#[test]
fn spans_are_read_in_all_forms() {
    for (text, expected) in [
        ("3", Some((3, 3))),
        ("1-3", Some((1, 3))),
        ("1..3", Some((1, 3))),
        ("1..=3", Some((1, 3))),
        ("2..", Some((2, u64::MAX))),
        ("..2", Some((0, 2))),
        ("never", Some((0, 0))),
        ("3-1", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(CountSpan::parse(text).map(|span| (span.from, span.to)), expected, "{text}");
    }
}

/// A call that comes close is kept for whoever asks why the stub was not met.
#[test]
fn the_nearest_call_is_remembered() {
    let asked = json!({ "operation": "info", "query": { "pretty": "*" }, "headers": { "accept": "x" } });
    let mut cast = cast(&json!({ "name": "a", "request": asked }));
    for (seq, call) in [(1, "GET /\nhost: a\n{}"), (2, "GET /?pretty\naccept: y\n{}"), (3, "GET /\nhost: a\n{}")] {
        let request = request(call);
        cast.decide(&StubbedRequest::new(&request, &request, Some("info"), &[], None), seq, Timestamp::default());
    }
    let near = cast.nearest("a").expect("a near miss");
    assert_eq!((near.nearest.as_str(), near.differs.len()), ("call 2, GET /?pretty", 1));
    assert_eq!(near.differs[0].place, "header accept");
}

/// What a stub may be made of, and what may stand in its place.
fn parts() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..5).prop_map(Value::from),
        prop::sample::select(vec!["bulk", "*", "/x/**", "1-3", "30s", "reset", "never", "{{now}}", "{{", "$type", "é"])
            .prop_map(Value::from),
    ];
    let names = vec![
        "name",
        "request",
        "response",
        "responses",
        "operation",
        "path",
        "query",
        "headers",
        "body",
        "calls",
        "status",
        "error",
        "items",
        "fault",
        "delay",
        "hold",
        "template",
        "$type",
        "$present",
        "3",
        "every 2",
        "times",
        "chance",
        "expect",
        "patch",
        "text",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let names = prop::sample::select(names.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    /// Whatever is read is a stub or is told with a place that is there; a stub that was read is read again.
    #[test]
    fn a_reader_never_panics(spec in parts()) {
        match read(&spec) {
            Ok(script) => {
                let again = read(&script.spec).expect("it was read before");
                prop_assert_eq!(&again.spec, &script.spec);
                let request = request("POST /a/_doc?pretty\n{}");
                let mut cast = Cast::new([script], 7).expect("one name");
                cast.decide(&StubbedRequest::new(&request, &request, Some("index"), &[], None), 1, Timestamp::default());
            }
            Err(diagnostics) => {
                prop_assert!(!diagnostics.is_empty());
                prop_assert!(diagnostics.iter().all(|diagnostic| !diagnostic.message.is_empty() && !diagnostic.cure.is_empty()));
            }
        }
    }

    /// Patterns agree with the plain definition: a star takes nothing, or one character and itself again.
    #[test]
    fn patterns_are_what_they_say(pattern in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        fn slow(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => slow(rest, text) || (!text.is_empty() && slow(pattern, &text[1..])),
                Some((c, rest)) => text.split_first().is_some_and(|(t, more)| (*c == b'?' || c == t) && slow(rest, more)),
            }
        }
        prop_assert_eq!(is_like_stub(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
    }
}
