//! The binary as its users meet it: help pages, exit codes, the ready line, signals, files.
#![cfg(feature = "cli")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use elastimock::recording::Recording;

use crate::support::{Answer, Client, T0, path, request};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const CLAIM: &str = "/_connector/_sync_job/job-pending/_claim";
pub const WORKER: &str = r#"{"worker_hostname":"w-1"}"#;

/// The binary, without what the tests' own surroundings say to it.
pub fn elastimock(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elastimock"));
    command.args(words).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("ELASTIMOCK_") || text.starts_with("CLICOLOR") || text == "NO_COLOR" || text == "COLUMNS" {
            command.env_remove(name);
        }
    }
    command
}

/// What a command told, and how it ended.
pub struct Told {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Told {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub fn run(words: &[&str]) -> Told {
    finish(&mut elastimock(words))
}

pub fn run_in(folder: &Path, words: &[&str]) -> Told {
    finish(elastimock(words).current_dir(folder))
}

pub fn finish(command: &mut Command) -> Told {
    command.output().expect("the binary starts").into()
}

/// A server of its own process. Dropping it kills it.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    /// The first line on stdout.
    pub ready: String,
    pub stdout: Receiver<String>,
    pub stderr: Receiver<String>,
}

impl Server {
    /// Starts it on a free port and waits for the ready line.
    pub fn start(words: &[&str]) -> Server {
        Server::spawn(elastimock(words).args(["--listen", "127.0.0.1:0"]))
    }

    pub fn spawn(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = lines(child.stdout.take().expect("a pipe"));
        let stderr = lines(child.stderr.take().expect("a pipe"));
        let unready = "0.0.0.0:0".parse().expect("an address");
        let mut server = Server { child, address: unready, ready: String::new(), stdout, stderr };
        server.ready = server.stdout.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("no ready line; stderr: {}", server.stderr.iter().collect::<Vec<_>>().join("\n"))
        });
        let url = match serde_json::from_str::<Value>(&server.ready) {
            Ok(ready) => ready["url"].as_str().expect("a url").to_owned(),
            Err(_) => server.ready.strip_prefix("elastimock listening on ").expect("a ready line").to_owned(),
        };
        let (_, address) = url.split_once("://").expect("a scheme");
        server.address = address.parse().expect("an address");
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn send(&self, method: &str, target: &str, body: &str) -> Answer {
        let headers: &[_] = if body.is_empty() { &[] } else { &[("content-type", "application/json")] };
        Client::connect(self.address).send(&request(method, target, headers, body))
    }

    /// Waits until stderr has a line with `text`, and returns all up to it.
    pub fn stderr_until(&self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let line = self.stderr.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no [{text}] in stderr: {seen}"));
            seen.push_str(&line);
            seen.push('\n');
        }
        seen
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill starts").success(), "{name} was not sent");
    }

    /// Waits for the end. The rest of what it told goes with it.
    pub fn wait(mut self) -> (ExitStatus, Told) {
        // Both pipes are read to their ends by threads, so the child never waits for us.
        let until = Instant::now() + PATIENCE;
        let rest = |lines: &Receiver<String>| {
            let mut rest = String::new();
            while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                rest.push_str(&line);
                rest.push('\n');
            }
            assert!(Instant::now() < until, "the server goes on running; it told: {rest}");
            rest
        };
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        let status = self.child.wait().expect("the child is reaped");
        (status, Told { code: status.code(), stdout, stderr })
    }

    #[cfg(unix)]
    pub fn stop(self) -> Told {
        self.signal("TERM");
        self.wait().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, read by a thread that ends with it.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            if line.map(|line| sender.send(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A fixture with a mistake of every kind that a pointer shows differently.
const BROKEN: &str = r#"{
  "connectors": [
    { "id": "crm", "index_name": "search-crm", "service_type": "postgresql", "satus": "connected" },
    { "id": "crm" }
  ],
  "sync_jobs": [
    { "id": "j1", "connector_id": "crm", "started_at": "yesterday" },
    { "id": "j2", "connector_id": "ghost" }
  ]
}
"#;

/// Two calls, each with an answer.
/// A claim by a worker without a name.
const NAMELESS: &str = concat!(
    r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#,
    "\n",
    r#"{"seq":1,"at":"2031-05-01T10:00:00.001Z","request":{"method":"PUT","path":"/_connector/_sync_job/j/_claim","headers":{"content-type":"application/json"},"body":{"worker_hostname":""}},"response":{"status":200,"headers":{},"body":{"result":"updated"}}}"#,
    "\n",
);
const STORY: &str = concat!(
    r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"8","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#,
    "\n",
    r#"{"seq":1,"at":"2031-05-01T10:00:00.001Z","operation":"connector.get","request":{"method":"GET","path":"/_connector/crm"},"response":{"status":200,"headers":{"content-type":"application/json"},"body":{"id":"crm"}}}"#,
    "\n",
    r#"{"seq":2,"at":"2031-05-01T10:00:00.002Z","operation":"connector.sync_job_claim","request":{"method":"PUT","path":"/_connector/_sync_job/job-pending/_claim","headers":{"content-type":"application/json"},"body":{"worker_hostname":"w-1"}},"response":{"status":200,"headers":{"content-type":"application/json"},"body":{"result":"updated"}}}"#,
    "\n",
);

// ── words ─────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn help_pages() {
    for command in [
        "",
        "serve",
        "run",
        "play",
        "record",
        "judge",
        "coverage",
        "show",
        "explain",
        "list",
        "schema",
        "lint",
        "verify",
        "diff",
        "import",
        "export",
        "wait",
        "completions",
        "man",
    ] {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let told = run(&words);
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
        let name = format!("cli_help_{}", if command.is_empty() { "elastimock" } else { command });
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, told.stdout);
        });
        let short: Vec<&str> = words.iter().map(|word| if *word == "--help" { "-h" } else { *word }).collect();
        assert_eq!(run(&short).stdout, told.stdout, "-h and --help tell the same");
    }
}

#[test]
fn wrong_arguments_exit_2_and_say_what_is_right() {
    for (words, cure) in [
        (&[][..], "Usage: elastimock"),
        (&["serv"], "a similar subcommand exists: 'serve'"),
        (&["serve", "--fixture", "x"], "a similar argument exists: '--fixtures'"),
        (&["serve", "--listen", "here"], "write an IP address and a port, for example 127.0.0.1:9200"),
        (&["serve", "--profile", "7"], "[possible values: 9, 8]"),
        (&["serve", "--es-version", "8.1.0", "--listen", "0"], "write it like 9."),
        (&["serve", "--clock", "noon"], "write `real`, `frozen@2031-05-01T10:00:00Z`"),
        (&["serve", "--seed", "seven"], "'--seed <N>'"),
        (&["serve", "--body-max", "much"], "10kb, 100mb, 1gb"),
        (&["serve", "--journal-max", "0"], "--journal-max"),
        (&["serve", "--fail-on", "info"], "[possible values: error, warning, never]"),
        (&["serve", "-q", "-v"], "cannot be used with"),
        (&["schema", "connector.sync_job_clam"], "did you mean `connector.sync_job_claim`?"),
        (&["schema", "claim"], "did you mean `connector.sync_job_claim`?"),
        (&["schema", "nonsense"], "`elastimock list` names them all"),
        (&["wait", "--url", "127.0.0.1:9200"], "write http://HOST:PORT"),
        (&["wait", "--url", "http://h", "--timeout", "soon"], "for example 250ms, 30s"),
        (&["lint"], "<FILE>"),
        (&["play"], "<RECORDING>"),
        (&["show"], "<RECORDING>"),
    ] {
        let told = run(words);
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{words:?}: {}", told.stderr);
        assert!(told.stderr.contains(cure), "{words:?}: [{cure}] is not in: {}", told.stderr);
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = folder();
    let file = write(&folder, "broken.json", BROKEN);
    let has_colors = |told: &Told| (told.stdout.contains('\u{1b}'), told.stderr.contains('\u{1b}'));
    assert_eq!(has_colors(&run(&["lint", &file])), (false, false));
    assert_eq!(has_colors(&run(&["lint", &file, "--color", "always"])), (true, false));
    assert_eq!(has_colors(&finish(elastimock(&["lint", &file]).env("ELASTIMOCK_COLOR", "always"))), (true, false));
    assert_eq!(has_colors(&finish(elastimock(&["--color=always", "lint", &file]).env("NO_COLOR", "1"))), (true, false));
    assert_eq!(has_colors(&run(&["--color", "always", "schema", "nonsense"])), (false, true));
    let with = |words: &[&str], variables: &[(&str, &str)]| {
        has_colors(&finish(elastimock(words).envs(variables.iter().copied())))
    };
    for words in [&["lint", &file][..], &["serve", "--help"]] {
        assert_eq!(with(words, &[("CLICOLOR_FORCE", "1")]), (true, false), "{words:?}");
        assert_eq!(with(words, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), (false, false), "{words:?}");
        assert_eq!(with(words, &[("CLICOLOR_FORCE", "0"), ("TERM", "xterm")]), (false, false), "{words:?}");
    }
    let story = write(&folder, "story.ndjson", NAMELESS);
    assert_eq!(has_colors(&run(&["judge", &story])), (false, false));
    assert_eq!(has_colors(&run(&["judge", &story, "--color", "always"])), (true, false));
    assert_eq!(has_colors(&run(&["judge", &story, "--color", "always", "--report", "text"])), (true, false));
    assert_eq!(has_colors(&run(&["judge", &story, "--color", "always", "--report", "junit"])), (false, false));
    // clap's own pages too
    assert_eq!(has_colors(&run(&["--color", "always", "nonsense"])), (false, true));
    assert_eq!(has_colors(&run(&["serve", "--help", "--color=always"])), (true, false));
}

// ── list and schema ───────────────────────────────────────────────────────────────────────────────

#[test]
fn list_shows_every_operation() {
    let table = run(&["list"]);
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    assert!(table.stdout.lines().any(|line| line.split_whitespace().eq([
        "connector.sync_job_claim",
        "PUT",
        "/_connector/_sync_job/{connector_sync_job_id}/_claim"
    ])));
    let rows = json(&run(&["list", "--json"]).stdout);
    let expected: Vec<Value> = elastimock::elasticsearch::operations()
        .filter(|row| row.is_in(elastimock::elasticsearch::Profile::default()))
        .map(|row| json!({ "operation": row.name, "method": row.method.as_str(), "path": row.path }))
        .collect();
    assert_eq!(rows, Value::Array(expected));
    assert_eq!(table.stdout.lines().count(), rows.as_array().map_or(0, Vec::len));
    for profile in elastimock::elasticsearch::Profile::ALL {
        let count = elastimock::elasticsearch::operations().filter(|row| row.is_in(profile)).count();
        assert_eq!(run(&["list", "--profile", profile.name()]).stdout.lines().count(), count, "{profile}");
    }
}

#[test]
fn schema_prints_the_published_one_or_the_servers() {
    let published = run(&["schema", "connector.sync_job_claim"]);
    let file = std::fs::read_to_string(path("schemas/connector.sync_job_claim.json")).expect("the file");
    assert_eq!((published.code, published.stdout.trim_end()), (Some(0), file.trim_end()));
    for row in elastimock::elasticsearch::operations() {
        let server = run(&["schema", row.name, "--server"]);
        assert_eq!(server.code, Some(0), "{}: {}", row.name, server.stderr);
        assert_eq!(json(&server.stdout)["title"], row.name);
    }
    // 8.19 deletes softly and its specification does not know it yet.
    let parameter = |options: &[&str]| {
        let schema = json(&run(&[&["schema", "connector.delete"], options].concat()).stdout);
        schema.pointer("/properties/query/properties/hard").is_some()
    };
    let known = [&[][..], &["--profile", "8"], &["--profile", "8", "--server"]].map(parameter);
    assert_eq!(known, [true, false, true]);
    // Elasticsearch takes no cursor but an object; what is published does not say so.
    let server = json(&run(&["schema", "connector.sync_job_claim", "--server"]).stdout);
    assert_eq!(server.pointer("/properties/body/properties/sync_cursor/type"), Some(&json!("object")));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child =
        elastimock(&["schema", "connector.list"]).stdout(Stdio::piped()).spawn().expect("the binary starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

// ── lint ──────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn lint_points_at_every_mistake() {
    let folder = folder();
    write(&folder, "broken.json", BROKEN);
    write(&folder, "cut.yaml", "connectors:\n  - id: crm\n    id: crm\n");
    write(&folder, "cut.ndjson", &STORY[..STORY.len() - 20]);
    let told = run_in(folder.path(), &["lint", "broken.json", "cut.yaml", "cut.ndjson"]);
    assert_eq!(told.code, Some(2));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli_lint", told.stdout);
    });
    let mistakes = told.stdout.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(told.stderr, format!("{mistakes} mistakes in 3 files\n"));

    let as_json = run_in(folder.path(), &["lint", "broken.json", "cut.yaml", "cut.ndjson", "--json"]);
    assert_eq!(as_json.code, Some(2));
    let document = json(&as_json.stdout);
    assert_eq!(document["files"], 3);
    assert_eq!(document["mistakes"].as_array().map(Vec::len), Some(mistakes));
    assert_eq!(
        document["mistakes"][1],
        json!({
            "file": "broken.json", "line": 4, "column": 13,
            "message": "the connector `crm` is given twice", "cure": "rename or remove one of the two",
            "also": { "file": "broken.json", "line": 3, "column": 13, "what": "first given here" },
        })
    );
}

#[test]
fn lint_reads_a_folder_as_one_fixture() {
    let folder = folder();
    let connectors = write(&folder, "a.json", r#"{ "connectors": [ { "id": "crm" } ] }"#);
    let jobs = write(&folder, "b.yml", "sync_jobs:\n  - { id: j, connector_id: crm }\n");
    write(&folder, "story.ndjson", STORY);
    let whole = folder.path().display().to_string();
    let told = run(&["lint", &whole]);
    assert_eq!((told.code, told.stdout.as_str(), told.stderr.as_str()), (Some(0), "", "3 files, no mistakes\n"));
    assert_eq!(run(&["lint", &connectors, &jobs]).code, Some(2), "each for itself");
    assert_eq!(run(&["lint", "--together", &connectors, &jobs]).code, Some(0));
    assert_eq!(run(&["lint", "-q", &whole]).stderr, "");
    assert_eq!(json(&run(&["lint", "--json", &whole]).stdout), json!({ "files": 3, "mistakes": [] }));
    assert_eq!(run(&["lint", "-v", &connectors]).stderr, format!("{connectors}: fine\n1 file, no mistakes\n"));
}

#[test]
fn lint_knows_a_recording_by_its_first_line_and_refuses_what_is_no_text() {
    let folder = folder();
    let recording = write(&folder, "story.json", STORY);
    assert_eq!(run(&["lint", &recording]).code, Some(0));
    let binary = folder.path().join("binary.json").display().to_string();
    std::fs::write(&binary, b"{\n  \"connectors\": \"\xff\"}").expect("a file");
    let told = run(&["lint", "--json", &binary]);
    assert_eq!(told.code, Some(2));
    let mistake = &json(&told.stdout)["mistakes"][0];
    assert_eq!(
        (&mistake["line"], &mistake["column"], &mistake["message"]),
        (&json!(2), &json!(18), &json!("this is not UTF-8"))
    );

    let told = run(&["lint", "nowhere.json"]);
    assert_eq!(told.code, Some(3));
    assert!(told.stderr.starts_with("error: cannot read nowhere.json: "), "{}", told.stderr);
}

#[test]
fn the_fixtures_of_this_project_have_no_mistakes() {
    let files = std::fs::read_dir(path("fixtures/clusters")).expect("a folder");
    let files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    assert!(files.contains(&path("fixtures/clusters/default.json")), "{files:?}");
    for file in files {
        let told = run(&["lint", &file.display().to_string()]);
        assert_eq!(told.code, Some(0), "{}", told.stdout);
    }
}

// ── reports ───────────────────────────────────────────────────────────────────────────────────────

#[cfg(unix)]
#[test]
fn reports_are_written_when_a_signal_stops_the_server() {
    let folder = folder();
    let kinds = ["text", "json", "junit", "sarif", "annotations", "har"];
    let reports = kinds.map(|kind| format!("{kind}={}", folder.path().join(kind).display())).join(",");
    let story = folder.path().join("story.ndjson").display().to_string();
    write(&folder, "junit", "an older run's");
    let server = Server::start(&["serve", "--record", &story, "--report", &reports, "--report", "annotations"]);
    assert!(!folder.path().join("junit").exists(), "an older report cannot be taken for the new one");
    server.send("GET", "/_connector", "");
    server.send("PUT", CLAIM, r#"{"worker_hostname":""}"#);
    let told = server.stop();
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    for kind in kinds {
        assert!(read(kind).contains("blank-worker-hostname"), "{kind}");
    }
    // The second call stands in the third line: the first has the header.
    let sarif = json(&read("sarif"));
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(place["artifactLocation"]["uri"], format!("file://{story}"));
    let line = read("story.ndjson").lines().nth(2).map(json).expect("a third line");
    assert_eq!((&line["seq"], &line["findings"][0]["rule"]), (&json!(2), &json!("blank-worker-hostname")));
    assert!(read("annotations").starts_with(&format!("::error file={story},line=3,title=blank-worker-hostname::")));
    assert_eq!(told.stdout, read("annotations"), "and to stdout, after the ready line");
    assert!(told.stderr.contains("> 2  ") && told.stderr.ends_with("2 calls: 1 error\n"), "{}", told.stderr);
    let names = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, kinds.len() + 1, "nothing else is left behind");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let folder = folder();
    let there = folder.path().display().to_string();
    let nowhere = folder.path().join("no/such/folder/r.sarif").display().to_string();
    for (reports, code, cure) in [
        (&["--report", &format!("sarif={nowhere}")][..], 3, "make the folder "),
        (&["--report", &format!("json={there}")], 3, "cannot write the report "),
        (&["--report", "text=a", "--report", "json=a"], 2, "two reports go to a; give each a file of its own"),
        (&["--report", "text", "--report", "json=-"], 2, "two reports go to stdout"),
        (&["--json", "--report", "text"], 2, "--report text=FILE"),
        (&["--report", "sarf=a"], 2, "did you mean `sarif`?"),
        (&["--report", "text="], 2, "write text=FILE, or text alone for stdout"),
    ] {
        let words: Vec<&str> =
            ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(reports.iter().copied()).collect();
        let told = run(&words);
        assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""), "{words:?}: {}", told.stderr);
        assert!(told.stderr.contains(cure), "{words:?}: [{cure}] is not in: {}", told.stderr);
    }
}

#[cfg(unix)]
#[test]
fn reports_come_from_the_environment_too_and_point_into_what_is_played() {
    let folder = folder();
    let story = write(&folder, "story.ndjson", STORY);
    let sarif = folder.path().join("out.sarif").display().to_string();
    let server = Server::spawn(
        elastimock(&["play", &story, "--listen", "127.0.0.1:0"])
            .env("ELASTIMOCK_REPORT", format!("sarif={sarif},text")),
    );
    server.send("GET", "/_connector/crm", "");
    let told = server.stop();
    assert!(
        told.stdout.contains("warning[recording-leftover]") && told.stdout.contains(&format!("{story}:3")),
        "{}",
        told.stdout
    );
    let sarif = json(&std::fs::read_to_string(sarif).expect("a report"));
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "recording-leftover");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
}

// ── scopes ────────────────────────────────────────────────────────────────────────────────────────

/// What a suite of three tests does that shares one server: each names its scope, the second one errs.
#[test]
fn a_reset_forgives_nothing_and_each_test_has_its_verdict() {
    let folder = folder();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (junit, sarif, record) = (file("out.xml"), file("out.sarif"), file("run.ndjson"));
    let (junit_report, sarif_report) = (format!("junit={junit}"), format!("sarif={sarif}"));
    let server = Server::start(&[
        "serve",
        "--seed",
        "7",
        "--clock",
        "frozen@2031-05-01T10:00:00Z",
        "--record",
        &record,
        "--report",
        &junit_report,
        "--report",
        &sarif_report,
    ]);
    for (test, worker) in [("test_good", "w-1"), ("test_bad", ""), ("test_also_good", "w-3")] {
        let name = json!({ "name": format!("tests/test_claim.py::{test}") }).to_string();
        let answer = server.send("POST", "/_elastimock/scopes", &name).json();
        assert_eq!(answer["acknowledged"], true, "{answer}");
        let body = json!({ "worker_hostname": worker }).to_string();
        assert_eq!(server.send("PUT", CLAIM, &body).status, 200);
        let found = server.send("GET", "/_elastimock/findings", "").json();
        assert_eq!(found["counts"]["error"], u64::from(test == "test_bad"), "{found}");
        // Whatever a fixture does to begin anew, the run has it still.
        server.send("DELETE", "/_elastimock/journal", "");
        assert_eq!(server.send("GET", "/_elastimock/findings", "").json()["counts"], found["counts"]);
    }
    let all = server.send("GET", "/_elastimock/findings?scope=all", "").json();
    let bad = all["findings"].as_array().expect("findings").iter().find(|it| it["severity"] == "error");
    assert_eq!(
        (&all["counts"]["error"], bad.map(|bad| &bad["scope"])),
        (&json!(1), Some(&json!("tests/test_claim.py::test_bad")))
    );
    let scopes = server.send("GET", "/_elastimock/scopes", "").json();
    let errors: Vec<&Value> =
        scopes["scopes"].as_array().expect("scopes").iter().map(|it| &it["counts"]["error"]).collect();
    assert_eq!(errors, [0, 0, 1, 0]);
    let told = server.stop();
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stderr.contains("tests/test_claim.py::test_bad · sync job job-pending"), "{}", told.stderr);
    let xml = std::fs::read_to_string(junit).expect("a report");
    let cases: Vec<&str> = xml.lines().filter(|line| line.contains("<testcase")).collect();
    assert_eq!((cases.len(), xml.matches("<failure").count()), (3, 1), "{xml}");
    assert!(xml.contains("tests=\"3\" failures=\"1\""), "{xml}");
    let at = xml.find("::test_bad\"").expect("the second test");
    assert!(xml[at..].find("<failure").expect("a failure") < xml[at..].find("</testcase>").expect("its end"), "{xml}");
    let sarif = json(&std::fs::read_to_string(sarif).expect("a report"));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let bad = results.iter().find(|result| result["level"] == "error").expect("an error");
    assert_eq!(bad["properties"]["scope"], "tests/test_claim.py::test_bad");
    // The recording tells the same without the server.
    let judged = run_in(folder.path(), &["judge", "run.ndjson", "--json"]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    let scopes = json(&judged.stdout)["scopes"].clone();
    let errors: Vec<&Value> = scopes.as_array().expect("scopes").iter().map(|it| &it["counts"]["error"]).collect();
    assert_eq!(errors, [0, 1, 0]);
    for command in ["coverage", "lint"] {
        let told = run_in(folder.path(), &[command, "run.ndjson"]);
        assert_eq!(told.code, Some(0), "{command}: {}{}", told.stdout, told.stderr);
    }
}

#[test]
fn forgetting_is_a_word_of_its_own_and_is_told() {
    let bad = |server: &Server| {
        let body = json!({ "worker_hostname": "" }).to_string();
        server.send("PUT", CLAIM, &body);
        server.send("PUT", "/_connector/_sync_job/job-pending/_error", &json!({ "error": "x" }).to_string());
    };
    for (method, target) in [("POST", "/_elastimock/reset"), ("DELETE", "/_elastimock/journal")] {
        let server = Server::start(&["serve"]);
        bad(&server);
        assert_eq!(server.send(method, &format!("{target}?forget=yes"), "").status, 400);
        assert_eq!(server.send(method, &format!("{target}?forget=true"), "").status, 200);
        let told = server.stop();
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        assert!(told.stderr.contains("forgotten on request"), "{}", told.stderr);
        // Without the word it stays.
        let server = Server::start(&["serve"]);
        bad(&server);
        assert_eq!(server.send(method, target, "").status, 200);
        assert_eq!(server.stop().code, Some(1));
    }
}

#[test]
fn an_allowance_belongs_to_its_scope() {
    let server = Server::start(&["serve", "--rule", "job-left-open=off"]);
    let body = json!({ "worker_hostname": "" }).to_string();
    let allow = json!({ "rule": "blank-worker-hostname", "reason": "on purpose" }).to_string();
    server.send("POST", "/_elastimock/scopes", &json!({ "name": "one" }).to_string());
    server.send("PUT", CLAIM, &body);
    assert_eq!(server.send("POST", "/_elastimock/allow", &allow).status, 200);
    assert_eq!(server.send("GET", "/_elastimock/findings", "").json()["counts"]["error"], 0);
    server.send("POST", "/_elastimock/scopes", &json!({ "name": "two" }).to_string());
    server.send("PUT", CLAIM, &body);
    assert_eq!(server.send("GET", "/_elastimock/findings", "").json()["counts"]["error"], 1);
    assert_eq!(server.send("GET", "/_elastimock/findings?scope=one", "").json()["counts"]["error"], 0);
    let unknown = server.send("GET", "/_elastimock/findings?scope=onne", "");
    assert!(unknown.status == 400 && unknown.text().contains("did you mean [one]?"), "{}", unknown.text());
    for refused in [r#"{"rule":"blank-worker-hostnam","reason":"x"}"#, r#"{"rule":"blank-worker-hostname"}"#, ""] {
        assert_eq!(server.send("POST", "/_elastimock/allow", refused).status, 400, "{refused}");
    }
    for refused in [r#"{"name":" "}"#, r#"{"name":"all"}"#, r#"{"nam":"x"}"#, "{}"] {
        assert_eq!(server.send("POST", "/_elastimock/scopes", refused).status, 400, "{refused}");
    }
    assert_eq!(server.stop().code, Some(1));
}

// ── judge, coverage, explain ──────────────────────────────────────────────────────────────────────

/// A recording in which two workers claim one job, and one of them has no name.
fn rivals(folder: &TempDir) -> (String, String) {
    let clock = elastimock::Clock::frozen(T0.parse().expect("an instant"));
    let server = elastimock::MockServer::builder().clock(clock).seed(7).start_blocking().expect("a server");
    let mut client = Client::connect(server.address());
    let mut send = |method: &str, target: &str, body: &str| {
        client.send(&request(method, target, &[("content-type", "application/json")], body));
        server.advance(Duration::from_millis(250));
    };
    send("PUT", CLAIM, WORKER);
    send("PUT", CLAIM, r#"{"worker_hostname":"w-2"}"#);
    send("PUT", "/_connector/_sync_job/job-pending/_eror", r#"{"error":"no\nnews"}"#);
    send("PUT", "/_connector/_sync_job/job-pending/_error", r#"{"eror":"no news"}"#);
    send("PUT", "/_connector/_sync_job/job-pending/_error", r#"{"error":"no news"}"#);
    // The port is another in every run.
    let text = server.recording().to_text();
    (write(folder, "rivals.ndjson", &text), text)
}

#[test]
fn judge_tells_what_is_wrong_in_a_recording() {
    let folder = folder();
    let (_, text) = rivals(&folder);
    let told =
        run_in(folder.path(), &["judge", "rivals.ndjson", "--report", "sarif=out.sarif", "--report", "junit=out.xml"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(1), ""));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli_judge", told.stdout);
    });
    let sarif = json(&std::fs::read_to_string(folder.path().join("out.sarif")).expect("a report"));
    for result in sarif["runs"][0]["results"].as_array().expect("results") {
        let place = &result["locations"][0]["physicalLocation"];
        if place.is_null() {
            continue;
        }
        let line = place["region"]["startLine"].as_u64().expect("a line") as usize;
        assert_eq!(place["artifactLocation"]["uri"], "rivals.ndjson");
        assert_eq!(json(text.lines().nth(line - 1).expect("a line"))["seq"], result["properties"]["seq"]);
    }
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).expect("a report");
    assert!(xml.contains("<testcase name=\"scope 1\"") && xml.contains("rivals.ndjson:4"), "{xml}");

    let as_json = run_in(folder.path(), &["judge", "rivals.ndjson", "--json", "--fail-on", "never"]);
    assert_eq!((as_json.code, as_json.stderr.as_str()), (Some(0), ""));
    let document = json(&as_json.stdout);
    assert_eq!(document["findings"][0]["rule"], "claim-of-running-job");
    assert_eq!(document["findings"][0]["recorded_in"], json!({ "file": "rivals.ndjson", "line": 4 }));
    let annotations = run_in(folder.path(), &["judge", "rivals.ndjson", "--report", "annotations"]);
    assert!(annotations.stdout.lines().all(|line| line.starts_with("::")), "{}", annotations.stdout);

    let rules = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| finding["rule"].as_str().expect("a rule"));
    let silenced: Vec<String> = rules.map(|rule| format!("{rule}=off")).collect();
    let told =
        run_in(folder.path(), &["judge", "rivals.ndjson", "--fail-on", "warning", "--rule", &silenced.join(",")]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), "5 calls: no findings\n"));
}

#[test]
fn parts_of_one_run_are_judged_together() {
    let folder = folder();
    let (_, text) = rivals(&folder);
    let lines: Vec<&str> = text.lines().collect();
    let part = |numbers: &[usize]| numbers.iter().map(|at| format!("{}\n", lines[*at])).collect::<String>();
    // Each call is followed by the line of a moved clock.
    write(&folder, "one.ndjson", &part(&[0, 1, 2, 7, 8]));
    write(&folder, "two.ndjson", &part(&[0, 3, 4, 5, 6, 9, 10]));
    let whole = json(&run_in(folder.path(), &["judge", "rivals.ndjson", "--json"]).stdout);
    for order in [["one.ndjson", "two.ndjson"], ["two.ndjson", "one.ndjson"]] {
        let told = run_in(folder.path(), &["judge", order[0], order[1], "--json"]);
        assert_eq!(told.code, Some(1), "{}", told.stderr);
        let mut parts = json(&told.stdout);
        assert_eq!(parts["findings"][0]["recorded_in"], json!({ "file": "two.ndjson", "line": 2 }));
        // But for the places it is the same.
        let mut whole = whole.clone();
        for document in [&mut parts, &mut whole] {
            for finding in document["findings"].as_array_mut().expect("findings") {
                finding.as_object_mut().expect("a finding").remove("recorded_in");
            }
        }
        assert_eq!(parts, whole);
    }
}

#[test]
fn recordings_that_are_cut_off_or_broken_are_told() {
    let folder = folder();
    write(&folder, "cut.ndjson", &STORY[..STORY.len() - 20]);
    write(&folder, "broken.ndjson", &STORY.replace("\"status\":200", "\"status\":\"ok\""));
    write(&folder, "nine.ndjson", &STORY.replace("\"profile\":\"8\"", "\"profile\":\"9\""));
    write(&folder, "eight.ndjson", STORY);
    for command in ["judge", "coverage"] {
        let told = run_in(folder.path(), &[command, "cut.ndjson"]);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        assert_eq!(told.stderr, "warning: cut.ndjson: the last line is cut off, and left out\n");
        let told = run_in(folder.path(), &[command, "broken.ndjson"]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
        assert!(told.stderr.starts_with("error: broken.ndjson:2:"), "{}", told.stderr);
        let told = run_in(folder.path(), &[command, "eight.ndjson", "nine.ndjson"]);
        assert_eq!(told.code, Some(2), "{}", told.stderr);
        assert!(told.stderr.contains("profile 8 and nine.ndjson with profile 9"), "{}", told.stderr);
        assert_eq!(run_in(folder.path(), &[command, "nowhere.ndjson"]).code, Some(3));
    }
}

#[test]
fn coverage_has_a_minimum() {
    let folder = folder();
    rivals(&folder);
    let told = run_in(folder.path(), &["coverage", "rivals.ndjson", "--min", "0.1"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let told = run_in(folder.path(), &["coverage", "rivals.ndjson", "--min", "99.9%"]);
    assert_eq!(told.code, Some(1));
    assert!(told.stdout.contains("    missed: ") && told.stdout.contains("\nPUT /_connector/"), "{}", told.stdout);
    assert!(told.stderr.ends_with(" % is less than the 99.9 % that are wanted\n"), "{}", told.stderr);
    let document = json(&run_in(folder.path(), &["coverage", "rivals.ndjson", "--json"]).stdout);
    let claim = &document["operations"]["connector.sync_job_claim"];
    assert_eq!(
        (&claim["calls"], &claim["states"]["pending"], &claim["states"]["in_progress"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert!(document["percent"].as_f64().expect("a number") > 0.0);
    assert_eq!(run(&["coverage", "x", "--min", "101"]).code, Some(2));
}

#[test]
fn explain_has_a_page_for_every_rule() {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("cli_explain", run(&["explain", "claim-of-running-job"]).stdout);
    });
    let list = run(&["explain"]);
    assert_eq!(list.code, Some(0));
    for rule in elastimock::contract::rules() {
        assert!(list.stdout.lines().any(|line| line.starts_with(rule.id)), "{}", rule.id);
    }
    let all = json(&run(&["explain", "--json"]).stdout);
    assert_eq!(all.as_array().map(Vec::len), Some(elastimock::contract::rules().len()));
    assert_eq!(json(&run(&["explain", "heartbeat-gap", "--json"]).stdout)["rule"], "heartbeat-gap");
    let told = run(&["explain", "hartbeat-gap"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.contains("did you mean `heartbeat-gap`?"), "{}", told.stderr);
}

// ── serve ─────────────────────────────────────────────────────────────────────────────────────────

/// The words of the first curl line in a text, as a shell would read them.
fn curl(text: &str) -> Vec<String> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("curl "))
        .unwrap_or_else(|| panic!("no curl in: {text}"));
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("a word").push(other),
        }
    }
    words
}

#[cfg(unix)]
#[test]
fn serve_begins_with_the_ready_line_and_a_curl_line_that_claims_a_job() {
    let server = Server::start(&["serve", "--seed", "7"]);
    assert_eq!(server.ready, format!("elastimock listening on {}", server.url()));
    let told = server.stderr_until("Ctrl-C");
    assert!(told.contains("Elasticsearch 9.") && told.contains("(profile 9), seed 7, the system's time"), "{told}");
    assert!(told.contains("the built-in fixtures: 2 connectors, 7 sync jobs (1 pending)"), "{told}");
    assert!(told.contains(&format!("{}/_elastimock/findings", server.url())), "{told}");

    let words = curl(&told);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["curl", "-X", "PUT", url, "-H", "content-type: application/json", "-d", body] = words.as_slice() else {
        panic!("not the expected curl line: {words:?}");
    };
    let target = url.strip_prefix(&server.url()).expect("our server");
    let answer = server.send("PUT", target, body);
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"result":"updated"}"#));

    let told = server.stop();
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""));
    assert!(told.stderr.ends_with("1 call: no findings\n"), "{}", told.stderr);
}

#[cfg(unix)]
#[test]
fn without_a_pending_job_the_curl_line_lists_the_jobs() {
    let folder = folder();
    let file = write(&folder, "c.json", r#"{ "connectors": [ { "id": "crm" } ] }"#);
    let server = Server::start(&["serve", "--fixtures", &file]);
    let told = server.stderr_until("Ctrl-C");
    assert!(told.contains(&format!("{file}: 1 connector, 0 sync jobs (0 pending)")), "{told}");
    assert_eq!(curl(&told), ["curl", &format!("{}/_connector/_sync_job", server.url())]);
    assert_eq!(server.send("GET", "/_connector/_sync_job", "").json(), json!({ "count": 0, "results": [] }));
}

#[cfg(unix)]
#[test]
fn serve_json_has_one_line_at_the_start_and_one_at_the_end() {
    let server = Server::start(&["serve", "--json", "--seed", "7"]);
    let pid = server.child.id();
    assert_eq!(
        json(&server.ready),
        json!({ "url": server.url(), "port": server.address.port(), "pid": pid, "seed": 7 })
    );
    assert_eq!(server.send("PUT", CLAIM, r#"{"worker_hostname":"w-1","nope":1}"#).status, 400);
    let told = server.stop();
    assert_eq!(told.code, Some(1));
    assert_eq!(told.stdout.lines().count(), 1, "{}", told.stdout);
    let report = json(&told.stdout);
    assert_eq!((&report["counts"], &report["calls"]), (&json!({ "error": 1, "warning": 0 }), &json!(1)));
    assert_eq!(report["findings"][0]["rule"], "off-spec-body");
    assert_eq!(report["findings"][0]["operation"], "connector.sync_job_claim");
}

#[cfg(unix)]
#[test]
fn findings_decide_the_exit_code() {
    for (fail_on, code) in [("error", 1), ("warning", 1), ("never", 0)] {
        let server = Server::start(&["serve", "--fail-on", fail_on]);
        server.send("PUT", CLAIM, r#"{"worker_hostname":"w-1","nope":1}"#);
        let told = server.stop();
        assert_eq!(told.code, Some(code), "{fail_on}: {}", told.stderr);
        assert!(told.stderr.contains("error[off-spec-body] call 1 (connector.sync_job_claim): "), "{}", told.stderr);
        assert!(told.stderr.ends_with("\n\n1 call: 1 error\n"), "{}", told.stderr);
    }
}

/// Words and exit code agree: who fails a run for its warnings is told so, and is not told that all is well.
#[cfg(unix)]
#[test]
fn warnings_that_fail_the_run_are_told_as_the_reason() {
    let folder = folder();
    let story = folder.path().join("story.ndjson").display().to_string();
    let reason = "1 warning, and warnings fail this run (--fail-on warning)";
    for (fail_on, code, headline, summary) in
        [("warning", 1, reason, reason), ("error", 0, "the client kept the contract: 0 errors, 1 warning", "1 warning")]
    {
        let server = Server::start(&["serve", "--fail-on", fail_on, "--record", &story, "--report", "text"]);
        assert_eq!(server.send("POST", "/_connector/_sync_job", r#"{"id":"crm"}"#).status, 201);
        let told = server.stop();
        assert_eq!(told.code, Some(code), "{}", told.stderr);
        assert!(told.stderr.contains(&format!("\n{headline}\n")), "{}", told.stderr);
        assert!(told.stderr.ends_with(&format!("\n1 call: {summary}\n")), "{}", told.stderr);
        assert!(told.stdout.contains(&format!("{headline}\n")), "{}", told.stdout);
        let judged = run(&["judge", &story, "--fail-on", fail_on]);
        assert_eq!((judged.code, judged.stdout.lines().next()), (Some(code), Some(headline)), "{}", judged.stdout);
    }
}

#[cfg(unix)]
#[test]
fn what_the_mock_cannot_do_is_told_apart() {
    let server = Server::start(&["serve"]);
    assert_eq!(server.send("PUT", "/_ilm/policy/notes", r#"{"policy":{"phases":{}}}"#).status, 501);
    let told = server.stop();
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    for line in [
        "the mock could not answer 1 call, and that fails this run; of the client: 0 errors, 0 warnings",
        "── what the mock could not answer ──",
        "1 call: the mock could not answer 1 call",
    ] {
        assert!(told.stderr.lines().any(|told| told == line), "[{line}] is not in:\n{}", told.stderr);
    }
    assert!(!told.stderr.contains("the client broke the contract"), "{}", told.stderr);
    let off = Server::start(&["serve", "--rule", "unsupported-operation=off"]);
    off.send("PUT", "/_ilm/policy/notes", r#"{"policy":{"phases":{}}}"#);
    assert_eq!(off.stop().code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_quiet_server_tells_nothing_but_findings() {
    let server = Server::start(&["serve", "-q"]);
    server.send("GET", "/", "");
    let told = server.stop();
    assert_eq!((told.code, told.stdout.as_str(), told.stderr.as_str()), (Some(0), "", ""));
}

#[cfg(unix)]
#[test]
fn a_verbose_server_tells_each_call() {
    let server = Server::start(&["serve", "-vv"]);
    server.send("PUT", CLAIM, WORKER);
    let told = server.stderr_until("< {");
    let expected = format!(
        "\n   1 sync job job-pending  PUT {CLAIM} → 200  connector.sync_job_claim\n     > {WORKER}\n     < {{\"result\":\"updated\"}}\n"
    );
    assert!(told.ends_with(&expected), "{told}");
    // A call right before the end is told too.
    server.send("GET", "/nowhere/at/all", "");
    let told = server.stop();
    let line = told.stderr.lines().find(|line| line.starts_with("   2 index nowhere")).unwrap_or_default();
    // The lanes are a column.
    assert!(line.starts_with("   2 index nowhere         GET /nowhere/at/all → 400"), "{}", told.stderr);
    assert!(told.stderr.contains("\n     error["), "{}", told.stderr);
}

#[cfg(unix)]
#[test]
fn what_other_sides_do_is_told_as_it_happens() {
    let stub = r#"{"name":"late","request":{"operation":"info"},"response":{"hand":{"cancel":"job-completed"}}}"#;
    let story = |server: &Server| {
        server.send("POST", "/_elastimock/stubs", stub);
        server.send("POST", "/_elastimock/clock/_advance", r#"{"by":"40s"}"#);
        server.send("GET", "/", "");
        server.send("POST", "/_elastimock/hand", r#"{"sync":"crm"}"#);
    };
    let words = ["serve", "--simulate", "service", "--clock", "frozen@2031-05-01T10:00:00Z"];
    let server = Server::start(&[&words[..], &["-v"]].concat());
    story(&server);
    let told = server.stop().stderr;
    for line in [
        "stubs came: late",
        r#"simulated service: {"claim":"job-suspended","worker_hostname":"simulated-service""#,
        r#"simulated stub late: the hand cannot do {"cancel":"job-completed"}"#,
        r#"the other side's hand: {"sync":"crm"}"#,
    ] {
        assert!(told.contains(line), "{line} in\n{told}");
    }
    let server = Server::start(&[&words[..], &["--log", "json"]].concat());
    story(&server);
    let journal = json(&server.send("GET", "/_elastimock/journal", "").text());
    let sides = |changes: Vec<Value>| -> Vec<String> {
        changes.iter().filter_map(|change| Some(format!("{} {}", change["side"].as_str()?, change["act"]))).collect()
    };
    let known = sides(journal["changes"].as_array().expect("changes").clone());
    assert!(known.contains(&r#"stub late {"cancel":"job-completed"}"#.to_owned()), "{journal}");
    let told = server.stop().stderr;
    let events = told.lines().map(json).filter(|event| event["event"] == "change");
    assert_eq!(sides(events.map(|event| event["details"].clone()).collect()), known);
}

#[cfg(unix)]
#[test]
fn what_a_client_sent_moves_no_cursor_and_colours_are_for_those_who_ask() {
    for (color, is_colored) in [("never", false), ("always", true)] {
        let server = Server::start(&["serve", "-vv", "--color", color]);
        server.send("POST", "/_connector/_sync_job", r#"{"id":"\u001b[2J","x":"\u009b"}"#);
        server.send("PUT", "/_connector/_sync_job/job-pending/_claim", "{\"worker_hostname\":\"\u{1b}[2J\"}");
        let told = server.stop().stderr;
        assert!(told.contains(r"connector \u{1b}[2J"), "{told}");
        assert!(!told.contains("\u{1b}[2J"), "{told}");
        assert_eq!(told.contains("\u{1b}["), is_colored, "{told}");
    }
}

/// The members of each event of the log, as the page of the book lists them.
fn documented_events() -> BTreeMap<String, BTreeSet<String>> {
    let page = include_str!("../../docs/watching.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| `event`")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // What stands in parentheses are values.
        let mut members = cells[2].to_owned();
        while let (Some(open), Some(close)) = (members.find(" (`"), members.find("`)")) {
            members.replace_range(open..close + 2, "");
        }
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        (cells[1].trim_matches('`').to_owned(), names(&members))
    })
    .collect()
}

#[cfg(unix)]
#[test]
fn the_log_is_json_with_the_keys_of_the_book() {
    let documented = documented_events();
    assert_eq!(documented.len(), 10, "{documented:?}");
    let server = Server::start(&["serve", "--log", "json", "--seed", "7"]);
    server.send("PUT", CLAIM, r#"{"worker_hostname":" "}"#);
    server.send("POST", "/_elastimock/clock/_advance", r#"{"by":"400s"}"#);
    server.send("POST", "/_elastimock/scopes", r#"{"name":"a test","source":"tests/a.py:4"}"#);
    server.send("GET", "/", "");
    let told = server.stop();
    assert_eq!(told.code, Some(1));
    let events: Vec<Value> = told.stderr.lines().map(json).collect();
    for event in &events {
        let name = event["event"].as_str().expect("a name");
        let keys: BTreeSet<String> = event.as_object().expect("an object").keys().cloned().collect();
        let known: BTreeSet<String> =
            documented[name].iter().cloned().chain(["time", "event"].map(str::to_owned)).collect();
        assert!(keys.is_subset(&known), "{event} has more than {known:?}");
        if !["finding", "reload", "scope_begin"].contains(&name) {
            assert_eq!(keys, known, "{event}");
        }
    }
    let names: Vec<&str> =
        events.iter().filter_map(|event| event["event"].as_str()).filter(|name| *name != "message").collect();
    assert_eq!(
        names,
        [
            "start",
            "scope_begin",
            "call",
            "finding",
            "change",
            "finding",
            "scope_end",
            "scope_begin",
            "call",
            "scope_end",
            "stop"
        ],
        "{}",
        told.stderr
    );
    let of = |name: &str, at: usize| events.iter().filter(|event| event["event"] == name).nth(at).expect(name);
    assert_eq!(of("call", 0)["lane"], "sync job job-pending");
    assert_eq!(of("call", 0)["findings"], serde_json::json!(["blank-worker-hostname"]));
    assert_eq!(of("finding", 1)["rule"], "heartbeat-gap");
    assert_eq!(of("scope_end", 0)["counts"], serde_json::json!({ "error": 2, "warning": 0 }));
    assert_eq!(of("scope_begin", 1)["source"], serde_json::json!({ "file": "tests/a.py", "line": 4 }));
    assert_eq!((&of("stop", 0)["verdict"], &of("stop", 0)["exit"]), (&Value::from("failed"), &Value::from(1)));
}

#[cfg(unix)]
#[test]
fn files_that_change_are_served_anew_and_wrong_ones_are_not() {
    let folder = folder();
    let state = |job: &str| {
        format!(
            r#"{{"connectors":[{{"id":"crm","index_name":"search-crm"}}],"sync_jobs":[{{"id":"{job}","connector_id":"crm"}}]}}"#
        )
    };
    let stub = |name: &str| {
        format!(r#"{{"stubs":[{{"name":"{name}","request":{{"path":"/{name}"}},"response":{{"status":299}}}}]}}"#)
    };
    let fixture = write(&folder, "crm.json", &state("one"));
    let stubs = write(&folder, "stubs.json", &stub("first"));
    let story = folder.path().join("story.ndjson");
    let story = story.to_str().expect("a path");
    let words =
        ["serve", "--watch", "--fixtures", &fixture, "--stubs", &stubs, "--record", story, "--report", "json=-"];
    let server = Server::start(&words);
    let jobs = || {
        json(&server.send("GET", "/_connector/_sync_job?filter_path=results.id", "").text())["results"][0]["id"].clone()
    };
    let claim =
        |job: &str| server.send("PUT", &format!("/_connector/_sync_job/{job}/_claim"), r#"{"worker_hostname":""}"#);
    assert_eq!((jobs(), server.send("GET", "/first", "").status), (Value::from("one"), 299));
    assert_eq!(claim("one").status, 200);
    // Added by hand: no file says anything of it.
    server.send(
        "POST",
        "/_elastimock/stubs",
        r#"{"name":"by hand","request":{"path":"/hand"},"response":{"status":298}}"#,
    );

    // Half of it, as an editor may leave it for a moment.
    write(&folder, "crm.json", &state("two")[..40]);
    let told = server.stderr_until("what was served before stays");
    assert!(told.contains(&format!("error: {fixture}:1:41: ")), "{told}");
    assert_eq!(jobs(), "one");

    // Whole, and by a rename.
    let new = write(&folder, "crm.json.new", &state("two"));
    std::fs::rename(new, &fixture).expect("a rename");
    let told = server.stderr_until("reloaded");
    assert!(told.contains("the state is replaced"), "{told}");
    assert_eq!((jobs(), server.send("GET", "/first", "").status), (Value::from("two"), 299));
    assert_eq!(claim("two").status, 200);

    write(&folder, "stubs.json", &stub("second"));
    let told = server.stderr_until("reloaded");
    assert!(told.contains("the stubs are replaced"), "{told}");
    // What was claimed stays claimed: only the stubs are others.
    assert_eq!(json(&server.send("GET", "/_connector/_sync_job/two", "").text())["status"], "in_progress");
    assert_ne!(server.send("GET", "/first", "").status, 299);
    assert_eq!((server.send("GET", "/second", "").status, server.send("GET", "/hand", "").status), (299, 298));

    write(&folder, "crm.json", &state("two").replacen('{', r#"{"visibility":"refresh","#, 1));
    let told = server.stderr_until("what was served before stays");
    assert!(told.contains("this one's is immediate: start it with --visibility refresh"), "{told}");

    std::fs::remove_file(&fixture).expect("a file");
    let told = server.stderr_until("what was served before stays");
    assert!(told.contains("cannot read"), "{told}");
    write(&folder, "crm.json", &state("three"));
    server.stderr_until("reloaded");
    assert_eq!(jobs(), "three");
    // A reset goes to what was read last.
    server.send("POST", "/_elastimock/reset", "");
    assert_eq!((jobs(), server.send("GET", "/second", "").status), (Value::from("three"), 299));
    assert_eq!(claim("three").status, 200);
    let live = server.stop();
    assert_eq!(live.code, Some(1));

    let told = run(&["judge", story, "--json"]);
    let (live, offline) = (json(live.stdout.lines().last().expect("a report")), json(&told.stdout));
    let rules = |report: &Value| {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings.map(|found| (found["rule"].clone(), found["seq"].clone(), found["scope"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(rules(&live), rules(&offline));
    assert_eq!((&live["counts"], live["calls"].as_u64()), (&offline["counts"], offline["calls"].as_u64()));
}

#[test]
fn there_must_be_something_to_watch() {
    for (words, told) in [
        (&["serve", "--watch"][..], "--watch has nothing to watch"),
        (&["serve", "--watch", "--fixtures", "-"], "--watch cannot watch standard input"),
    ] {
        let ended = run(words);
        assert_eq!(ended.code, Some(2), "{words:?}");
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn the_port_file_is_written_whole_and_an_old_one_is_forgotten() {
    let folder = folder();
    let file = write(&folder, "port", "1\n");
    let server = Server::start(&["serve", "--port-file", &file]);
    // The ready line comes after it.
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), format!("{}\n", server.address.port()));
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing temporary is left");
    assert_eq!(server.stop().code, Some(0));
}

#[cfg(unix)]
#[test]
fn every_flag_can_come_from_the_environment() {
    let folder = folder();
    let connectors = write(&folder, "a.json", r#"{ "connectors": [ { "id": "crm" } ] }"#);
    let jobs = write(&folder, "b.json", r#"{ "sync_jobs": [ { "id": "j 1", "connector_id": "crm" } ] }"#);
    let in_folder = |name: &str| folder.path().join(name);
    let server = Server::spawn(
        elastimock(&["serve", "--seed", "42"])
            .env("ELASTIMOCK_LISTEN", "127.0.0.1:0")
            .env("ELASTIMOCK_FIXTURES", std::env::join_paths([&connectors, &jobs]).expect("paths"))
            .env("ELASTIMOCK_RECORD", in_folder("story.ndjson"))
            .env("ELASTIMOCK_PROFILE", "8")
            .env("ELASTIMOCK_ES_VERSION", "8.18.3")
            .env("ELASTIMOCK_SEED", "41")
            .env("ELASTIMOCK_CLOCK", "frozen@2031-05-01T10:00:00Z")
            .env("ELASTIMOCK_PORT_FILE", in_folder("port"))
            .env("ELASTIMOCK_FAIL_ON", "never")
            .env("ELASTIMOCK_JOURNAL_MAX", "2")
            .env("ELASTIMOCK_BODY_MAX", "1kb")
            .env("ELASTIMOCK_JSON", "true"),
    );
    assert_eq!(json(&server.ready)["seed"], 42, "a flag wins");
    let told = server.stderr_until("Ctrl-C");
    assert!(told.contains("time stands at 2031-05-01T10:00:00.000Z"), "{told}");
    assert!(told.contains("/_connector/_sync_job/j%201/_claim"), "{told}");
    assert_eq!(server.send("GET", "/", "").json()["version"]["number"], "8.18.3");
    assert_eq!(server.send("GET", "/_elastimock/health", "").json()["now"], "2031-05-01T10:00:00.000Z");
    assert_eq!(server.send("PUT", "/_connector/_sync_job/j%201/_claim", WORKER).status, 200);
    assert_eq!(server.send("PUT", CLAIM, &format!(r#"{{"worker_hostname":"{}"}}"#, "w".repeat(2000))).status, 413);
    assert_eq!(server.send("GET", "/_elastimock/journal", "").json()["evicted"], 1);
    assert!(in_folder("port").exists() && in_folder("story.ndjson").exists());
    let told = server.stop();
    assert_eq!(told.code, Some(0), "never: {}", told.stdout);
    assert_ne!(json(&told.stdout)["counts"]["error"], 0);
    assert_eq!(json(&told.stdout)["calls"], 3);
}

#[test]
fn surroundings_that_fail_exit_3() {
    let folder = folder();
    let nowhere = folder.path().join("nowhere/file").display().to_string();
    for (words, reason) in [
        (&["serve", "--listen", "192.0.2.1:9200"][..], "cannot listen on 192.0.2.1:9200"),
        (&["serve", "--listen", "0", "--port-file", &nowhere], "cannot write the port to "),
        (&["serve", "--listen", "0", "--record", &nowhere], "cannot write the recording "),
        (&["serve", "--listen", "0", "--fixtures", &nowhere], "cannot read "),
        (&["play", &nowhere, "--listen", "0"], "cannot read "),
    ] {
        let told = run(words);
        assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""), "{words:?}: {}", told.stderr);
        assert!(told.stderr.starts_with(&format!("error: {reason}")), "{words:?}: {}", told.stderr);
    }
}

#[test]
fn a_port_that_is_taken_exits_3_and_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let told = run(&["serve", "--listen", &taken.local_addr().expect("its address").to_string()]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.contains("is another server running there?"), "{}", told.stderr);
}

#[test]
fn a_broken_fixture_or_recording_exits_2_with_its_place() {
    let folder = folder();
    let fixture = write(&folder, "broken.json", BROKEN);
    let told = run(&["serve", "--listen", "0", "--fixtures", &fixture]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(
        told.stderr.starts_with(&format!(
            "error: {fixture}:3:78: `satus` is no field of a connector; did you mean `status`?\n"
        )),
        "{}",
        told.stderr
    );
    assert!(told.stderr.ends_with("`elastimock lint` points at the places\n"), "{}", told.stderr);

    let recording = write(&folder, "broken.ndjson", &STORY.replace(r#""seq":2"#, r#""seq":"two""#));
    let told = run(&["play", &recording, "--listen", "0"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.starts_with(&format!("error: {recording}:3:")), "{}", told.stderr);
}

// ── signals ───────────────────────────────────────────────────────────────────────────────────────

/// A claim whose body has not come yet.
#[cfg(unix)]
pub fn begin_claim(server: &Server) -> Client {
    let mut client = Client::connect(server.address);
    let length = WORKER.len();
    client.write_raw(
        format!("PUT {CLAIM} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n").as_bytes(),
    );
    // The server has seen the request once it wants the body.
    assert_eq!(client.read(true).status, 100);
    client
}

#[cfg(unix)]
#[test]
fn a_call_in_flight_is_answered_before_the_end() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&["serve", "--rule", "job-left-open=off"]);
        let mut client = begin_claim(&server);
        server.signal(signal);
        server.stderr_until("stopping");
        client.write_raw(WORKER.as_bytes());
        let answer = client.read(false);
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"result":"updated"}"#));
        let (status, told) = server.wait();
        assert_eq!(status.code(), Some(0), "{}", told.stderr);
        assert!(told.stderr.ends_with("1 call: no findings\n"), "{}", told.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let server = Server::start(&["serve"]);
        let _never_ends = begin_claim(&server);
        server.signal("TERM");
        server.stderr_until("stopping");
        server.signal(signal);
        let (status, told) = server.wait();
        assert_eq!(status.code(), Some(code), "{}", told.stderr);
        assert_eq!(told.stderr, "", "no report");
    }
}

#[cfg(unix)]
#[test]
fn nobody_new_is_let_in_after_a_signal() {
    let server = Server::start(&["serve"]);
    let mut claim = begin_claim(&server);
    let address = server.address;
    server.signal("TERM");
    let until = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < until, "the port stays open");
        std::thread::yield_now();
    }
    claim.write_raw(WORKER.as_bytes());
    assert_eq!(claim.read(false).status, 200);
    assert_eq!(server.wait().0.code(), Some(0));
}

// ── recordings ────────────────────────────────────────────────────────────────────────────────────

// ── show ──────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn show_prints_recordings_as_their_transcripts() {
    let folder = folder();
    let story = write(&folder, "story.ndjson", STORY);
    let transcript = Recording::parse("story", STORY.as_bytes()).expect("a recording").transcript();
    let told = run(&["show", &story]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        told.stdout,
        "connector crm:\n  - call: GET /_connector/crm\n    status: 200\n    answer:\n      id: crm\n\
         sync job job-pending:\n  - call: PUT /_connector/_sync_job/job-pending/_claim\n    body:\n      \
         worker_hostname: w-1\n    status: 200\n    answer:\n      result: updated\n"
    );
    assert_eq!(json(&run(&["show", &story, "--json"]).stdout), transcript.to_value());

    let full = path("fixtures/recordings/full_sync.ndjson").display().to_string();
    let (short, whole) = (run(&["show", &full]).stdout, run(&["show", &full, "--whole"]).stdout);
    assert!(short.contains("…: as before") && !whole.contains("…: as before"));
    assert!(short.lines().count() * 2 < whole.lines().count(), "{short}");

    let both = run(&["show", &story, &full]);
    assert_eq!(both.stdout, format!("--- # {story}\n{}--- # {full}\n{short}", told.stdout));
    let both = json(&run(&["show", &story, &full, "--json"]).stdout);
    assert_eq!((&both[0]["recording"], &both[0]["transcript"]), (&json!(story), &transcript.to_value()));

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(STORY.as_bytes()).expect("packed");
    let packed = folder.path().join("story.ndjson.gz");
    std::fs::write(&packed, packer.finish().expect("packed")).expect("a file");
    assert_eq!(run(&["show", &packed.display().to_string()]).stdout, told.stdout);
    let piped = finish(elastimock(&["show", "-"]).stdin(std::fs::File::open(&story).expect("the story")));
    assert_eq!((piped.code, piped.stdout), (Some(0), told.stdout.clone()));

    let cut = write(&folder, "cut.ndjson", &STORY[..STORY.len() - 20]);
    let told = run(&["show", &cut]);
    assert_eq!(told.code, Some(0));
    assert!(
        told.stderr.contains("the last line is cut off") && !told.stdout.contains("job-pending"),
        "{}",
        told.stderr
    );
    assert_eq!(run(&["show", &write(&folder, "no.ndjson", "{}\n")]).code, Some(2));
    assert_eq!(run(&["show", &folder.path().join("none").display().to_string()]).code, Some(3));
}

#[cfg(unix)]
#[test]
fn the_same_story_is_recorded_in_the_same_bytes() {
    let folder = folder();
    let record = |name: &str, with: &[&str], timing: &str| {
        let file = folder.path().join(name).display().to_string();
        let words = [
            "serve",
            "--seed",
            "7",
            "--clock",
            "frozen@2031-05-01T10:00:00Z",
            "--record",
            &file,
            "--listen",
            "127.0.0.1:0",
        ];
        let server = Server::spawn(elastimock(&words).args(with).env("ELASTIMOCK_RECORD_TIMING", timing));
        server.send("GET", "/_nodes/http", "");
        server.send("PUT", CLAIM, WORKER);
        server.send("POST", "/_connector/_sync_job", r#"{"id":"crm"}"#);
        server.stop();
        file
    };
    let read = |file: &str| std::fs::read_to_string(file).expect("a recording");
    let (first, second) = (record("a", &[], ""), record("b", &[], "false"));
    assert_eq!(read(&first), read(&second));
    assert!(!read(&first).contains("took_us"));
    for timed in [record("c", &["--record-timing"], ""), record("d", &[], "true")] {
        assert!(read(&timed).contains("took_us"), "{}", read(&timed));
        // How long it took is no part of the story.
        assert_eq!(run(&["show", &timed]).stdout, run(&["show", &first]).stdout);
    }
    let har = run(&["judge", &first, "--fail-on", "never", "--report", "har"]);
    assert!(har.stdout.contains("\"http://127.0.0.1/_nodes/http\""), "{}", har.stdout);
}

#[cfg(unix)]
#[test]
fn a_recording_survives_a_kill() {
    let folder = folder();
    let file = folder.path().join("story.ndjson");
    let name = file.display().to_string();
    let mut server = Server::start(&["serve", "--record", &name, "--seed", "7"]);
    for call in 0..25 {
        server.send("GET", &format!("/_connector/_sync_job/job-{call}"), "");
    }
    server.child.kill().expect("SIGKILL");
    drop(server);
    let text = std::fs::read(&file).expect("the recording");
    assert_eq!(text.last(), Some(&b'\n'));
    let recording = Recording::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((recording.interactions.len(), recording.cut_off), (25, false));
    assert_eq!(recording.header.seed, 7);

    // As it may be left when it was killed while it wrote.
    std::fs::write(&file, &text[..text.len() - 30]).expect("a file");
    let server = Server::start(&["play", &name]);
    assert!(server.stderr_until("recorded calls").starts_with(&format!("warning: {name}: the last line is cut off")));
    assert_eq!(server.send("GET", "/_connector/_sync_job/job-0", "").status, 404);
    assert_eq!(server.stop().code, Some(0));
}

#[cfg(unix)]
#[test]
fn what_was_served_can_be_played() {
    let folder = folder();
    let name = folder.path().join("story.ndjson").display().to_string();
    let calls = [
        ("GET", "/_connector/_sync_job/job-error", ""),
        ("PUT", CLAIM, WORKER),
        ("PUT", CLAIM, r#"{"worker_hostname":"w-2"}"#),
    ];
    let server = Server::start(&["serve", "--record", &name, "--rule", "claim-of-running-job=off"]);
    let served: Vec<Answer> = calls.iter().map(|(method, target, body)| server.send(method, target, body)).collect();
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&["play", &name, "--rule", "claim-of-running-job=off"]);
    let played: Vec<Answer> = calls.iter().map(|(method, target, body)| server.send(method, target, body)).collect();
    for (served, played) in served.iter().zip(&played) {
        assert_eq!((played.status, played.text()), (served.status, served.text()));
    }
    let told = server.stop();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.ends_with("3 calls: no findings; 3 of 3 recorded calls served\n"), "{}", told.stderr);
}

#[cfg(unix)]
#[test]
fn play_tells_what_was_not_recorded_and_what_never_came() {
    let folder = folder();
    let story = write(&folder, "story.ndjson", STORY);
    for (fail_on, unrecorded, code) in
        [("error", false, 0), ("warning", false, 1), ("error", true, 1), ("never", true, 0)]
    {
        let server = Server::start(&["play", &story, "--json", "--fail-on", fail_on]);
        assert_eq!(json(&server.ready)["seed"], 7, "the recorded one");
        let told = server.stderr_until("Ctrl-C");
        assert!(told.contains(&format!("{story}: 2 recorded calls")), "{told}");
        assert_eq!(curl(&told), ["curl", &format!("{}/_connector/crm", server.url())]);
        assert_eq!(server.send("GET", "/_connector/crm", "").text(), r#"{"id":"crm"}"#);
        if unrecorded {
            assert_eq!(server.send("PUT", CLAIM, r#"{"worker_hostname":"w-9","x":1}"#).status, 400);
        }
        let told = server.stop();
        assert_eq!(told.code, Some(code), "{fail_on}: {}", told.stdout);
        let report = json(&told.stdout);
        assert_eq!((&report["recorded"], &report["served"]), (&json!(2), &json!(1)), "{report}");
        assert_eq!(report["counts"], json!({ "error": i32::from(unrecorded), "warning": 1 }));
        let rules: Vec<&str> = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter_map(|finding| finding["rule"].as_str())
            .collect();
        let expected =
            if unrecorded { vec!["unexpected-call", "recording-leftover"] } else { vec!["recording-leftover"] };
        assert_eq!(rules, expected);
    }
}

#[cfg(unix)]
#[test]
fn play_passes_over_what_is_volatile_and_what_somebody_names() {
    let folder = folder();
    let ignored = STORY.replacen("\"state\":{}", "\"ignore\":[\"/attempt\"],\"state\":{}", 1);
    for (story, flags, body, status) in [
        (STORY, &[][..], r#"{"worker_hostname":"ci-17"}"#, 200),
        (STORY, &["--strict-values"], r#"{"worker_hostname":"ci-17"}"#, 400),
        (STORY, &["--strict-values"], r#"{"worker_hostname":"w-1"}"#, 200),
        (STORY, &[], r#"{"worker_hostname":"w-1","attempt":2}"#, 400),
        (STORY, &["--ignore", "/attempt"], r#"{"worker_hostname":"w-1","attempt":2}"#, 200),
        (&ignored, &[], r#"{"worker_hostname":"w-1","attempt":2}"#, 200),
        (STORY, &["--unmatched", "nearest"], r#"{"worker_hostname":"w-1","attempt":2}"#, 200),
        // The recorded state has no such job.
        (STORY, &["--unmatched", "mock"], r#"{"worker_hostname":"w-1","sync_cursor":{}}"#, 404),
        (STORY, &["--order", "strict"], r#"{"worker_hostname":"w-1"}"#, 400),
    ] {
        let story = write(&folder, "story.ndjson", story);
        let server = Server::start(&[&["play", &story, "-v", "--rule", "off-spec-body=off"], flags].concat());
        let answer = server.send("PUT", CLAIM, body);
        assert_eq!(answer.status, status, "{flags:?} {body}");
        let told = server.stop();
        // In strict order a call that never came is an error.
        let fails = status == 400 || flags.contains(&"strict");
        assert_eq!(told.code, Some(i32::from(fails)), "{flags:?} {body}: {}", told.stderr);
        if body.contains("ci-17") && status == 200 {
            assert!(told.stderr.contains("passed over body /worker_hostname"), "{}", told.stderr);
        }
    }
    let story = write(&folder, "story.ndjson", STORY);
    let refused = run(&["play", &story, "--ignore", "attempt"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("is no JSON pointer: write one such as /doc/metadata"), "{}", refused.stderr);
    let refused = run(&["play", &story, "--listen", "127.0.0.1:0", "--max-age", "30d"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("its clock stood still"), "{}", refused.stderr);
    let wrong = STORY.replacen("\"state\":{}", "\"ignore\":[\"attempt\"],\"state\":{}", 1);
    let refused = run(&["play", &write(&folder, "wrong.ndjson", &wrong)]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("wrong.ndjson:1:"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_cassette_is_flipped_by_the_environment() {
    let folder = folder();
    let path = folder.path().join("story.ndjson").display().to_string();
    for (mode, status, is_recorded) in [("once", 200, true), ("none", 200, true), ("all", 200, true)] {
        let mut command = elastimock(&["serve", "--cassette", &path, "--listen", "127.0.0.1:0"]);
        let server = Server::spawn(command.env("ELASTIMOCK_MODE", mode));
        assert_eq!(server.send("GET", "/_connector", "").status, status, "{mode}");
        let told = server.stop();
        assert_eq!(told.code, Some(0), "{mode}: {}", told.stderr);
        assert!(!told.stderr.contains("is not known"), "{}", told.stderr);
        assert_eq!(std::path::Path::new(&path).exists(), is_recorded, "{mode}");
    }
    let refused =
        finish(elastimock(&["serve", "--cassette", &path, "--listen", "127.0.0.1:0"]).env("ELASTIMOCK_MODE", "always"));
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("[always] is no mode: write none, once, new-episodes or all"),
        "{}",
        refused.stderr
    );
}

// ── wait ──────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn wait_returns_when_the_server_answers() {
    let server = Server::start(&["serve"]);
    let told = run(&["wait", "--url", &server.url()]);
    assert_eq!((told.code, told.stdout, told.stderr.as_str()), (Some(0), format!("{}\n", server.url()), ""));
    let told = run(&["wait", "--url", &format!("{}/", server.url()), "--json"]);
    let document = json(&told.stdout);
    assert_eq!((&document["ready"], &document["health"]["status"]), (&json!(true), &json!("ready")));
    assert_eq!(document["url"], server.url());
}

#[test]
fn wait_asks_until_the_answer_is_200() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let starting = std::thread::spawn(move || {
        for answer in ["", "HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{}"] {
            let (stream, _) = listener.accept().expect("a connection");
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).expect("a request") == 0 {
                    break;
                }
            }
            stream.get_mut().write_all(answer.as_bytes()).expect("a client");
        }
    });
    let told = run(&["wait", "-v", "--url", &url, "--timeout", "30s"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("status 503"), "{}", told.stderr);
    starting.join().expect("three attempts");
}

#[test]
fn wait_says_what_it_saw_last_when_the_time_is_up() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let url = format!("http://{free}");
    let told = run(&["wait", "--url", &url, "--timeout", "50ms"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.starts_with(&format!("error: {url} was not ready after 50ms; seen last: ")), "{}", told.stderr);
    assert!(told.stderr.to_lowercase().contains("refused"), "{}", told.stderr);
    let told = run(&["wait", "--url", &url, "--timeout", "0s", "--json"]);
    assert_eq!((told.code, &json(&told.stdout)["ready"]), (Some(3), &json!(false)));
}

/// Whoever asks is warned of answers that leave the specification; the answers are the same either way.
#[test]
fn answers_are_checked_on_demand() {
    let story = std::fs::read_to_string(path("fixtures/recordings/claim_story.ndjson")).expect("a recording");
    let odd = story.replace(r#"{"result":"updated"}"#, r#"{"result":"claimed"}"#);
    assert_ne!(odd, story);
    let folder = folder();
    write(&folder, "story.ndjson", &odd);
    let file = folder.path().join("story.ndjson").display().to_string();
    let told = |more: &[&str]| run(&[&["judge", &file], more].concat());
    let unasked = told(&[]);
    assert!(unasked.code == Some(0) && !unasked.stdout.contains("off-spec-answer"), "{}", unasked.stdout);
    let asked = told(&["--check-answers"]);
    assert!(asked.code == Some(0) && asked.stdout.contains("warning[off-spec-answer]"), "{}", asked.stdout);
    let strict = told(&["--rule", "off-spec-answer=error"]);
    assert!(strict.code == Some(1) && strict.stdout.contains("error[off-spec-answer]"), "{}", strict.stdout);
    let played = elastimock::MockServer::builder()
        .playback(elastimock::recording::Recording::parse("story", odd.as_bytes()).expect("a recording"))
        .check_answers(true)
        .start_blocking()
        .expect("a playback");
    let claim = elastimock::recording::Recording::parse("story", odd.as_bytes()).expect("a recording").interactions;
    let claim = claim.iter().find(|call| call.response.text().contains("claimed")).expect("the claim").request.clone();
    let answer = crate::support::Client::connect(played.address()).send(&claim);
    assert_eq!((answer.status, &*answer.text()), (200, r#"{"result":"claimed"}"#));
    assert!(played.findings().iter().any(|finding| finding.rule == "off-spec-answer"));
}

#[test]
fn what_other_programs_have_taught_is_answered_with_what_it_is_here() {
    for (words, cure) in [
        (&["serve", "--port", "9200"][..], "tip: an address is --listen 127.0.0.1:9200; port 0 picks a free one"),
        (&["serve", "-f", "crm.json"], "tip: what a server starts with is --fixtures PATH"),
        (&["serve", "--journal-max", "-1"], "tip: write a number without a sign"),
        (&["serve", "--seed", "x"], "tip: write a whole number"),
        (&["version"], "tip: it is `elastimock --version`"),
    ] {
        let told = run(words);
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(told.stderr.contains(cure), "{words:?}: {}", told.stderr);
        assert_eq!(told.stderr.matches("tip:").count(), 1, "{}", told.stderr);
    }
    let folder = folder();
    let into = |name: &str| folder.path().join("none").join(name).display().to_string();
    for (flag, file) in [
        ("--port-file", into("port")),
        ("--record", into("story.ndjson")),
        ("--cassette", into("story.ndjson")),
        ("--report", format!("json={}", into("report.json"))),
    ] {
        let words = ["serve", "--listen", "127.0.0.1:0", flag, &file];
        let told = run(&words);
        assert_eq!(told.code, Some(3), "{words:?}: {}", told.stderr);
        let cure = format!("; make the folder {} first", folder.path().join("none").display());
        assert!(told.stderr.contains(&cure) && !told.stderr.contains(".tmp: "), "{words:?}: {}", told.stderr);
    }
    let told = run(&["judge", &folder.path().display().to_string()]);
    assert!(told.stderr.contains("; name a file in it"), "{}", told.stderr);
    let told = run(&["serve", "--fixtures", "nowhere.json"]);
    assert!(told.stderr.contains("; paths are seen from the current folder"), "{}", told.stderr);
}
