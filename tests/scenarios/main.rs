//! Every `.console` file is a test of its own name: `cargo test claim` runs those about claims. Each goes
//! through the engine and again over a socket: the expectations in the file hold at both doors, and one
//! snapshot shows what both answered. `fixtures/scenarios/README.md` tells the format.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[allow(dead_code, reason = "the clients need more of it")]
#[path = "../harness/mod.rs"]
mod harness;

#[allow(dead_code, reason = "the tests of `it` need more of it")]
#[path = "../it/support.rs"]
mod support;

mod format;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use elastimock::elasticsearch::operations;
use elastimock::http::{Method, Request};
use elastimock::recording::Interaction;
use elastimock::{Clock, Fixture, MockServer, Timestamp};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use format::{Call, Demand, Scenario, Step};
use support::{Answer, Client, Door, EngineDoor, cluster, instant, path};

fn main() -> ExitCode {
    let names = names();
    assert!(!names.is_empty(), "the scenarios were not found");
    let mut trials: Vec<Trial> = names
        .iter()
        .map(|name| {
            let name = name.clone();
            Trial::test(name.clone(), move || run(&name))
        })
        .collect();
    trials.push(trial("what is mistyped is refused", |_| format::refuses_what_is_mistyped()));
    trials.push(trial("every operation has a scenario", every_operation_has_a_scenario));
    trials.push(trial("a scenario told again gives the same recording", recordings_are_the_same));
    trials.push(trial("the example of the README holds", |_| the_example_holds()));
    trials.push(trial("no snapshot is left without its scenario", no_snapshot_is_left));
    harness::run(trials)
}

/// A test about all scenarios.
fn trial(name: &str, test: impl FnOnce(&[String]) + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test(&names());
        Ok(())
    })
}

/// The scenarios, by their paths below the folder without the extension.
fn names() -> Vec<String> {
    files(&path("fixtures/scenarios"), "console")
}

/// Files of one kind below a folder, by their paths below it without the extension.
fn files(folder: &Path, extension: &str) -> Vec<String> {
    fn collect(folder: &Path, extension: &str, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder's entry").path();
            let (Some(name), Some(stem)) = (path.file_name(), path.file_stem()) else { continue };
            if path.is_dir() {
                collect(&path, extension, &format!("{below}{}/", name.display()), found);
            } else if path.extension().is_some_and(|has| has == extension) {
                found.push(format!("{below}{}", stem.display()));
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, extension, "", &mut found);
    found.sort();
    found
}

/// What a scenario showed at the door without a socket.
struct Played {
    /// Requests and answers, for its snapshot.
    told: String,
    /// Expectations that did not hold.
    failures: Vec<String>,
    journal: Vec<Interaction>,
    recording: String,
}

/// Plays a scenario without a socket, once for all who want to know.
fn played(name: &str) -> Result<Arc<Played>, String> {
    type Plays = BTreeMap<String, Arc<OnceLock<Result<Arc<Played>, String>>>>;
    static PLAYED: Mutex<Plays> = Mutex::new(Plays::new());
    let place = PLAYED.lock().expect("no test panics with the lock").entry(name.to_owned()).or_default().clone();
    place
        .get_or_init(|| {
            let scenario = read(name)?;
            let mut door = EngineDoor::new(cluster(&scenario.cluster), &scenario.clock);
            let (told, failures) = play(name, &scenario, &mut door)?;
            door.assert_answers_keep_the_specification(&file_of(name));
            let journal = door.engine.journal(0, None, usize::MAX).interactions;
            let recording = door.engine.recording().to_text();
            Ok(Arc::new(Played { told, failures, journal, recording }))
        })
        .clone()
}

fn file_of(name: &str) -> String {
    format!("fixtures/scenarios/{name}.console")
}

fn read(name: &str) -> Result<Scenario, String> {
    let file = file_of(name);
    let text = fs::read_to_string(path(&file)).map_err(|error| format!("{file}: {error}"))?;
    format::parse(&text).map_err(|error| format!("{file}:{error}"))
}

/// One scenario: through both doors, and against its snapshot.
fn run(name: &str) -> Result<(), Failed> {
    let scenario = read(name)?;
    let played = played(name)?;
    let mut door = SocketDoor::new(cluster(&scenario.cluster), &scenario.clock);
    let (over_socket, failures) = play(name, &scenario, &mut door)?;
    if !played.failures.is_empty() {
        return Err(played.failures.join("\n").into());
    }
    if !failures.is_empty() {
        return Err(format!("over the socket:\n{}", failures.join("\n")).into());
    }
    assert_eq!(played.told, over_socket, "{name}: the doors differ");
    let (folder, snapshot) = name.rsplit_once('/').unwrap_or(("", name));
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_input_file(file_of(name));
    settings.bind(|| insta::assert_snapshot!(snapshot, played.told));
    Ok(())
}

/// Plays a scenario, and returns what was said and the expectations that do not hold.
fn play(name: &str, scenario: &Scenario, door: &mut impl Door) -> Result<(String, Vec<String>), String> {
    let mut now = instant(&scenario.clock);
    let mut ids: Vec<String> = Vec::new();
    let mut told = String::new();
    let mut failures = Vec::new();
    for step in &scenario.steps {
        match step {
            Step::Advance(by) => {
                door.advance(*by);
                now = now.plus(*by);
                let _ = writeln!(told, "… {by:?} later\n");
            }
            Step::Call(call) => {
                let request =
                    request(call, &ids).map_err(|error| format!("{}:{}: {error}", file_of(name), call.line))?;
                let answer = door.send(&request);
                tell(&mut told, &request, &answer);
                let known = Known { ids: &ids, now };
                for expectation in &call.expectations {
                    if let Err(wrong) = check(&expectation.demand, &answer, &known) {
                        let (file, line, text) = (file_of(name), expectation.line, &expectation.text);
                        failures.push(format!("{file}:{line}: {text}\n    {wrong}"));
                    }
                }
                let root_id = serde_json::from_slice::<Value>(&answer.body).ok();
                if let Some(id) = root_id.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str) {
                    ids.push(id.to_owned());
                }
            }
        }
    }
    Ok((told.trim_end().to_owned(), failures))
}

fn request(call: &Call, ids: &[String]) -> Result<Request, String> {
    let (target, body) = (named(&call.target, ids)?, named(&call.body, ids)?);
    let mut request = Request::new(Method::new(&call.method), target);
    let content_type = call.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match content_type {
        Some((_, value)) if value == "-" => {}
        Some((_, value)) => request = request.header("content-type", value),
        None if !body.is_empty() => request = request.header("content-type", "application/json"),
        None => {}
    }
    for (name, value) in call.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
        request = request.header(name, value);
    }
    // Each line of a body of lines has an end, the last one too.
    let is_lines = content_type.is_some_and(|(_, value)| value.contains("x-ndjson"));
    Ok(request.with_body(if is_lines { format!("{body}\n") } else { body }))
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
fn named(text: &str, ids: &[String]) -> Result<String, String> {
    let mut text = text.to_owned();
    for (at, id) in ids.iter().enumerate().rev() {
        text = text.replace(&format!("$id{}", at + 1), id);
    }
    if let Some(id) = ids.last() {
        text = text.replace("$id", id);
    }
    match text.contains("$id") {
        true => Err("no answer before this one had an `id`".to_owned()),
        false => Ok(text),
    }
}

impl Known<'_> {
    /// An expected value with its words filled in.
    fn fill(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) if text == "$now" => json!(self.now.to_string()),
            Value::String(text) if text.starts_with("$id") => json!(named(text, self.ids)?),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| Ok((name.clone(), self.fill(value)?)))
                .collect::<Result<_, String>>()?,
            other => other.clone(),
        })
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

fn check(demand: &Demand, answer: &Answer, known: &Known<'_>) -> Result<(), String> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let at = |pointer: &str| -> Option<Value> {
        if pointer == "/" { body.clone() } else { body.as_ref()?.pointer(pointer).cloned() }
    };
    let status = |expected: u16| match expected == answer.status {
        true => Ok(()),
        false => Err(format!("status {}: {}", answer.status, answer.text())),
    };
    let whole = |expected: Value| match &body {
        Some(seen) if same(&expected, seen, true) => Ok(()),
        _ => Err(format!("seen {}", answer.text())),
    };
    let text_at = |pointer: &str, fits: &dyn Fn(&str) -> bool| match at(pointer) {
        Some(Value::String(text)) if fits(&text) => Ok(()),
        other => Err(format!("seen {other:?}")),
    };
    match demand {
        Demand::Status(expected) => status(*expected),
        Demand::Whole(expected, body) => {
            status(*expected)?;
            whole(known.fill(body)?)
        }
        Demand::Error { status: expected, kind, reason } => {
            status(*expected)?;
            let cause = json!({ "type": kind, "reason": reason });
            whole(json!({
                "error": { "root_cause": [cause], "type": kind, "reason": reason },
                "status": answer.status,
            }))
        }
        Demand::Transition { from, to } => {
            status(400)?;
            let reason = format!(
                "Invalid transition attempt from [{from}] to [{to}]. Such a ConnectorSyncStatus transition is not \
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
        Demand::At(pointer, value) => {
            let expected = known.fill(value)?;
            match at(pointer) {
                Some(seen) if same(&expected, &seen, false) => Ok(()),
                other => Err(format!("seen {}", other.map_or_else(|| "nothing".to_owned(), |seen| seen.to_string()))),
            }
        }
        Demand::Starts(pointer, piece) => text_at(pointer, &|text| text.starts_with(piece)),
        Demand::Ends(pointer, piece) => text_at(pointer, &|text| text.ends_with(piece)),
        Demand::Contains(pointer, piece) => text_at(pointer, &|text| text.contains(piece)),
        Demand::Absent(pointer) if pointer == "/" => match answer.body.is_empty() {
            true => Ok(()),
            false => Err(format!("seen {}", answer.text())),
        },
        Demand::Absent(pointer) => match at(pointer) {
            None if body.is_some() => Ok(()),
            other => Err(format!("seen {other:?}")),
        },
        Demand::Keys(pointer, keys) => match at(pointer) {
            Some(Value::Object(members)) if members.keys().eq(keys) => Ok(()),
            other => Err(format!("seen {other:?}")),
        },
        Demand::Header(name, value) => {
            let seen: Vec<_> = answer.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).collect();
            match seen.as_slice() {
                [(_, seen)] if seen == value => Ok(()),
                other => Err(format!("seen {other:?}")),
            }
        }
        Demand::NoHeader(name) => answer.header(name).map_or(Ok(()), |value| Err(format!("seen {value}"))),
    }
}

/// A mock behind a socket.
struct SocketDoor {
    server: MockServer,
    client: Client,
}

impl SocketDoor {
    fn new(fixture: Fixture, clock: &str) -> SocketDoor {
        let server = MockServer::builder()
            .fixture(fixture)
            .seed(7)
            .clock(Clock::frozen(instant(clock)))
            .start_blocking()
            .unwrap_or_else(|error| panic!("{error}"));
        let client = Client::connect(server.address());
        SocketDoor { server, client }
    }
}

impl Door for SocketDoor {
    fn send(&mut self, request: &Request) -> Answer {
        self.client.send(request)
    }

    fn advance(&mut self, by: Duration) {
        self.server.advance(by);
    }
}

// ── what holds for all of them ────────────────────────────────────────────────────────────────────

/// Each row of the table is called by a scenario, as the router understands the call; and each operation is
/// once called with success.
fn every_operation_has_a_scenario(names: &[String]) {
    let mut called = BTreeSet::new();
    let mut succeeded = BTreeSet::new();
    let mut cases: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        for call in played(name).unwrap_or_else(|error| panic!("{error}")).journal.iter() {
            let Some(operation) = &call.operation else { continue };
            let path: Vec<&str> = call.request.path().split('/').collect();
            *cases.entry(operation.clone()).or_default() += 1;
            called.insert((operation.clone(), call.request.method().to_string(), path.join("/")));
            if call.response.status() < 300 {
                succeeded.insert(operation.clone());
            }
        }
    }
    let missing: Vec<String> = operations()
        .filter(|row| {
            !called.iter().any(|(operation, method, path)| {
                operation == row.name && method == row.method.as_str() && fits(row.path, path)
            })
        })
        .map(|row| format!("{}: write a scenario that calls {} {}", row.name, row.method, row.path))
        .chain(
            operations()
                .filter(|row| !succeeded.contains(row.name))
                .map(|row| format!("{}: write a scenario in which it succeeds", row.name)),
        )
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    count_cases(&cases);
}

/// Keeps how many cases each operation has here, and how many entries of its overlay were concluded and not read:
/// `elastimock list --evidence` and the book tell it.
fn count_cases(cases: &BTreeMap<String, usize>) {
    let mut text =
        "# Cases of the scenarios by operation, and guesses in its overlay; written by `cargo test`.\n".to_owned();
    for (operation, cases) in cases {
        let Ok(overlay) = fs::read_to_string(path(&format!("schemas/overlay/{operation}.json"))) else { continue };
        let overlay: Value = serde_json::from_str(&overlay).expect("an overlay");
        let is_guess = |entry: &&Value| {
            entry["evidence"].as_str().is_some_and(|evidence| evidence.to_lowercase().contains("inferred"))
        };
        let guesses = overlay["entries"].as_array().into_iter().flatten().filter(is_guess).count();
        writeln!(text, "{operation} {cases} {guesses}").expect("a text");
    }
    let file = path("fixtures/spec/cases.txt");
    if fs::read_to_string(&file).unwrap_or_default() != text {
        fs::write(&file, text).expect("fixtures/spec/cases.txt");
        panic!("fixtures/spec/cases.txt did not count the cases as they are: it does now, commit it");
    }
}

/// Whether a path is one of a row's, whose operation it is known to be.
fn fits(template: &str, path: &str) -> bool {
    let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len()
        && wanted.iter().zip(given).all(|(wanted, given)| wanted.starts_with('{') || *wanted == given)
}

/// A recording depends on the scenario, the seed and the frozen clock, and on nothing else. With `SCENARIO_RECORDINGS`
/// they all are written to that file, so that builds can be compared: `.ci/run` does so with and without debug
/// assertions.
fn recordings_are_the_same(names: &[String]) {
    let mut all = String::new();
    for name in names {
        let first = played(name).unwrap_or_else(|error| panic!("{error}"));
        let scenario = read(name).unwrap_or_else(|error| panic!("{error}"));
        let mut door = EngineDoor::new(cluster(&scenario.cluster), &scenario.clock);
        play(name, &scenario, &mut door).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(door.engine.recording().to_text(), first.recording, "{name}");
        all.push_str(&format!("== {name}\n{}", first.recording));
    }
    if let Some(file) = std::env::var_os("SCENARIO_RECORDINGS") {
        fs::write(file, all).expect("the file of SCENARIO_RECORDINGS");
    }
}

/// The scenario that `fixtures/scenarios/README.md` shows.
fn the_example_holds() {
    let page = fs::read_to_string(path("fixtures/scenarios/README.md")).expect("the README of the scenarios");
    let (_, behind) = page.split_once("```text\n# A claim").expect("the example");
    let (example, _) = behind.split_once("```").expect("its end");
    let scenario = format::parse(&format!("# A claim{example}")).unwrap_or_else(|error| panic!("{error}"));
    let mut door = EngineDoor::new(cluster(&scenario.cluster), &scenario.clock);
    let (_, failures) = play("the README's example", &scenario, &mut door).unwrap_or_else(|error| panic!("{error}"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn no_snapshot_is_left(names: &[String]) {
    let left: Vec<String> = files(&path("tests/scenarios/snapshots"), "snap")
        .into_iter()
        .filter(|snapshot| names.binary_search(snapshot).is_err())
        .collect();
    assert!(left.is_empty(), "these snapshots in tests/scenarios/snapshots have no scenario: {left:#?}");
}
