//! Every `.console` file, through the engine and again over a socket: the expectations in the file
//! hold at both doors, and one snapshot shows what both answered.
//!
//! The format is told in `fixtures/scenarios/README.md`.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use elastimock::{Method, Request, Timestamp};

use crate::support::{Answer, Door, EngineDoor, SocketDoor, T0, cluster, instant};

struct Scenario {
    cluster: String,
    clock: String,
    steps: Vec<Step>,
}

enum Step {
    Advance(Duration),
    Call {
        line: usize,
        method: String,
        target: String,
        headers: Vec<(String, String)>,
        body: String,
        expect: Vec<(usize, String)>,
    },
}

#[test]
fn scenarios_hold_at_both_doors() {
    let mut failures = Vec::new();
    insta::glob!("../../fixtures/scenarios", "**/*.console", |path| {
        let scenario = parse(path);
        let told =
            play(path, &scenario, &mut EngineDoor::new(cluster(&scenario.cluster), &scenario.clock), &mut failures);
        let over_socket =
            play(path, &scenario, &mut SocketDoor::new(cluster(&scenario.cluster), &scenario.clock), &mut failures);
        assert_eq!(told, over_socket, "{}: the doors differ", path.display());
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("scenario", told);
        });
    });
    assert!(failures.is_empty(), "{} expectations do not hold:\n{}", failures.len(), failures.join("\n"));
}

/// Plays a scenario, notes the expectations that do not hold, and tells what was said.
fn play(path: &Path, scenario: &Scenario, door: &mut impl Door, failures: &mut Vec<String>) -> String {
    let mut now = instant(&scenario.clock);
    let mut ids: Vec<String> = Vec::new();
    let mut told = String::new();
    for step in &scenario.steps {
        match step {
            Step::Advance(by) => {
                door.advance(*by);
                now = now.plus(*by);
                let _ = writeln!(told, "… {by:?} later\n");
            }
            Step::Call { line, method, target, headers, body, expect } => {
                let request = request(method, &named(target, &ids), headers, &named(body, &ids));
                let answer = door.send(&request);
                tell(&mut told, &request, &answer);
                let known = Known { ids: &ids, now };
                for (at, expectation) in expect {
                    if let Err(wrong) = check(expectation, &answer, &known) {
                        failures.push(format!("{}:{at}: {expectation}\n    {wrong}", path.display()));
                    }
                }
                assert!(!expect.is_empty(), "{}:{line}: a request without an expectation", path.display());
                let root_id = serde_json::from_slice::<Value>(&answer.body).ok();
                if let Some(id) = root_id.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str) {
                    ids.push(id.to_owned());
                }
            }
        }
    }
    told.trim_end().to_owned()
}

fn request(method: &str, target: &str, headers: &[(String, String)], body: &str) -> Request {
    let mut request = Request::new(Method::new(method), target);
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match content_type {
        Some((_, value)) if value == "-" => {}
        Some((_, value)) => request = request.header("content-type", value),
        None if !body.is_empty() => request = request.header("content-type", "application/json"),
        None => {}
    }
    for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
        request = request.header(name, value);
    }
    // Each line of a body of lines has an end, the last one too.
    let is_lines = content_type.is_some_and(|(_, value)| value.contains("x-ndjson"));
    request.with_body(if is_lines { format!("{body}\n") } else { body.to_owned() })
}

/// Ids are made from the seed, so they may stand in a snapshot as they are.
fn tell(told: &mut String, request: &Request, answer: &Answer) {
    let _ = writeln!(told, "{} {}", request.method(), request.target());
    for (name, value) in
        request.headers().iter().filter(|(name, value)| (*name, *value) != ("content-type", "application/json"))
    {
        let _ = writeln!(told, "{name}: {value}");
    }
    if !request.body().is_empty() {
        let _ = writeln!(told, "{}", String::from_utf8_lossy(request.body()));
    }
    let _ = writeln!(told, "→ {}", answer.status);
    for (name, value) in &answer.headers {
        let usual = matches!(
            (name.as_str(), value.as_str()),
            ("x-elastic-product", "Elasticsearch") | ("content-type", "application/json")
        );
        if !usual && name != "content-length" {
            let _ = writeln!(told, "{name}: {value}");
        }
    }
    let _ = writeln!(told, "{}\n", answer.text().trim_end());
}

struct Known<'a> {
    ids: &'a [String],
    now: Timestamp,
}

/// Replaces `$id`, `$id1`, … in a request.
fn named(text: &str, ids: &[String]) -> String {
    let mut text = text.to_owned();
    for (at, id) in ids.iter().enumerate().rev() {
        text = text.replace(&format!("$id{}", at + 1), id);
    }
    match ids.last() {
        Some(id) => text.replace("$id", id),
        None => text,
    }
}

impl Known<'_> {
    /// An expected value with its words filled in.
    fn fill(&self, value: Value) -> Value {
        match value {
            Value::String(text) if text == "$now" => json!(self.now.to_string()),
            Value::String(text) if text.starts_with("$id") => json!(named(&text, self.ids)),
            Value::Array(items) => items.into_iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => members.into_iter().map(|(name, value)| (name, self.fill(value))).collect(),
            other => other,
        }
    }
}

/// Whether two values are equal; `"$string"` is equal to any string.
fn same(expected: &Value, seen: &Value, keys_in_order: bool) -> bool {
    match (expected, seen) {
        (Value::String(text), Value::String(_)) if text == "$string" => true,
        (Value::Object(expected), Value::Object(seen)) => {
            expected.len() == seen.len()
                && (!keys_in_order || expected.keys().eq(seen.keys()))
                && expected
                    .iter()
                    .all(|(name, value)| seen.get(name).is_some_and(|seen| same(value, seen, keys_in_order)))
        }
        (Value::Array(expected), Value::Array(seen)) => {
            expected.len() == seen.len()
                && expected.iter().zip(seen).all(|(expected, seen)| same(expected, seen, keys_in_order))
        }
        (expected, seen) => expected == seen,
    }
}

fn check(expectation: &str, answer: &Answer, known: &Known<'_>) -> Result<(), String> {
    let (word, rest) = expectation.split_once(' ').unwrap_or((expectation, ""));
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let at = |pointer: &str| -> Option<Value> {
        if pointer == "/" { body.clone() } else { body.as_ref()?.pointer(pointer).cloned() }
    };
    let status = |text: &str| -> Result<(), String> {
        if text == answer.status.to_string() {
            Ok(())
        } else {
            Err(format!("status {}: {}", answer.status, answer.text()))
        }
    };
    let whole = |expected: Value| match &body {
        Some(seen) if same(&expected, seen, true) => Ok(()),
        _ => Err(format!("seen {}", answer.text())),
    };
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let text_at = |fits: &dyn Fn(&str) -> bool| match at(first) {
        Some(Value::String(text)) if fits(&text) => Ok(()),
        other => Err(format!("seen {other:?}")),
    };
    match word {
        "expect" if second.is_empty() => status(first),
        "expect" => {
            status(first)?;
            whole(known.fill(serde_json::from_str(second).map_err(|error| error.to_string())?))
        }
        "expect-error" => {
            status(first)?;
            let (kind, reason) = second.split_once(' ').unwrap_or((second, ""));
            let cause = json!({ "type": kind, "reason": reason });
            whole(json!({
                "error": { "root_cause": [cause], "type": kind, "reason": reason },
                "status": answer.status,
            }))
        }
        "expect-transition" => {
            status("400")?;
            let reason = format!(
                "Invalid transition attempt from [{first}] to [{second}]. Such a ConnectorSyncStatus transition is not \
                 supported by the Connector Protocol."
            );
            let cause = "connector_sync_job_invalid_status_transition_exception";
            whole(json!({
                "error": {
                    "root_cause": [{ "type": "status_exception", "reason": reason }],
                    "type": "status_exception",
                    "reason": reason,
                    "caused_by": { "type": cause, "reason": reason },
                },
                "status": 400,
            }))
        }
        "expect-at" => {
            let expected = known.fill(serde_json::from_str(second).map_err(|error| error.to_string())?);
            match at(first) {
                Some(seen) if same(&expected, &seen, false) => Ok(()),
                other => Err(format!("seen {}", other.map_or_else(|| "nothing".to_owned(), |seen| seen.to_string()))),
            }
        }
        "expect-starts" => text_at(&|text| text.starts_with(second)),
        "expect-ends" => text_at(&|text| text.ends_with(second)),
        "expect-contains" => text_at(&|text| text.contains(second)),
        "expect-absent" if first == "/" => {
            if answer.body.is_empty() {
                Ok(())
            } else {
                Err(format!("seen {}", answer.text()))
            }
        }
        "expect-absent" => match at(first) {
            None if body.is_some() => Ok(()),
            other => Err(format!("seen {other:?}")),
        },
        "expect-keys" => match at(first) {
            Some(Value::Object(members)) if members.keys().map(String::as_str).eq(second.split(',')) => Ok(()),
            other => Err(format!("seen {other:?}")),
        },
        "expect-header" => match answer.header(first) {
            Some(value) if value == second => Ok(()),
            other => Err(format!("seen {other:?}")),
        },
        "expect-no-header" => answer.header(first).map_or(Ok(()), |value| Err(format!("seen {value}"))),
        other => Err(format!("there is no expectation [{other}]")),
    }
}

fn parse(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut scenario = Scenario { cluster: String::new(), clock: T0.to_owned(), steps: Vec::new() };
    // Whether the next line may be a header, or a line of the body, of the last call.
    let (mut in_headers, mut in_body) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        let broken = |what: &str| -> ! { panic!("{}:{at}: {what}", path.display()) };
        if let Some(comment) = line.strip_prefix('#') {
            (in_headers, in_body) = (false, false);
            let comment = comment.trim_start();
            if comment.starts_with("expect") {
                match scenario.steps.last_mut() {
                    Some(Step::Call { expect, .. }) => expect.push((at, comment.to_owned())),
                    _ => broken("an expectation before any request"),
                }
            }
        } else if let Some(directive) = line.strip_prefix('@') {
            (in_headers, in_body) = (false, false);
            match directive.split_once(' ') {
                Some(("cluster", name)) => scenario.cluster = name.to_owned(),
                Some(("clock", clock)) => scenario.clock = clock.to_owned(),
                Some(("advance", by)) => {
                    let later = Timestamp::parse_with_maths(&format!("now+{by}"), Timestamp::default());
                    let by = later.unwrap_or_else(|error| panic!("{}:{at}: {error}", path.display()));
                    scenario.steps.push(Step::Advance(by.since(Timestamp::default())));
                }
                _ => broken("no such directive"),
            }
        } else if line.is_empty() {
            (in_headers, in_body) = (false, false);
        } else if in_headers || in_body {
            let Some(Step::Call { headers, body, .. }) = scenario.steps.last_mut() else {
                broken("a body without a request");
            };
            let header = line.split_once(": ").filter(|(name, _)| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
            match header {
                Some((name, value)) if in_headers => headers.push((name.to_owned(), value.to_owned())),
                _ => {
                    if in_body {
                        body.push('\n');
                    }
                    body.push_str(line);
                    (in_headers, in_body) = (false, true);
                }
            }
        } else {
            let Some((method, target)) = line.split_once(' ') else {
                broken("neither a request nor anything else");
            };
            scenario.steps.push(Step::Call {
                line: at,
                method: method.to_owned(),
                target: target.to_owned(),
                headers: Vec::new(),
                body: String::new(),
                expect: Vec::new(),
            });
            in_headers = true;
        }
    }
    assert!(!scenario.cluster.is_empty(), "{}: no @cluster", path.display());
    scenario
}
