//! The page in a browser: a recorded sync, a running mock, and a run in which a client sent markup wherever it could.
//! `tests/page/prepare` installs a Chromium and what drives it; in CI it is run from here if it was not, and a test whose
//! browser is missing then fails.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[path = "../harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use elastimock::contract::Strictness;
use elastimock::http::{Method, Request};
use elastimock::report::{Report, ReportFormat};
use elastimock::{Clock, MockServer, Stub};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

/// Makes what is looked at, and says where it is: the address of a server, or a file in the folder.
type Story = fn(&Path) -> Result<Look, Failed>;

/// Where the page is, and the server that must stay until it has been looked at.
type Look = (String, Option<MockServer>);

const STORIES: [(&str, Story); 4] = [
    ("a recorded sync", recorded),
    ("a running mock", running),
    ("markup of a client", hostile),
    ("ten thousand calls", long),
];

fn main() -> ExitCode {
    let is_ready = || ["target/page/ready", "target/page/browser"].iter().all(|file| path(file).is_file());
    if harness::is_ci() && !harness::is_listing() && !is_ready() {
        // What it cannot install it says itself, and the tests below fail.
        let _ = Command::new(path("tests/page/prepare")).status();
    }
    let trials = STORIES.into_iter().map(|(name, story)| match is_ready() {
        true => Trial::test(name, move || tell(name, story)),
        false => harness::missing(name, "its browser is not installed: run tests/page/prepare"),
    });
    harness::run(trials.collect())
}

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Has a browser look at what a story makes.
fn tell(name: &str, story: Story) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (address, _server) = story(folder.path())?;
    let browser = std::fs::read_to_string(path("target/page/browser"))?;
    let mut node = Command::new("node");
    node.arg(path("tests/page/look.mjs")).arg(name).arg(address).arg(browser.trim()).arg(path("target/page"));
    let output = node.output().map_err(|error| format!("node: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            Err(format!("{}\n{said}{complained}", output.status).into())
        }
    }
}

fn written(folder: &Path, report: &Report) -> Result<Look, Failed> {
    let file = folder.join("run.html");
    std::fs::write(&file, report.write(ReportFormat::Html))?;
    Ok((format!("file://{}", file.display()), None))
}

fn recorded(folder: &Path) -> Result<Look, Failed> {
    let name = "fixtures/recordings/full_sync.ndjson";
    let text = std::fs::read(path(name))?;
    let report = Report::of_recordings(&[(name, &text)], Strictness::default())?;
    written(folder, &report)
}

/// A mock whose time stands still.
fn mock() -> Result<MockServer, Failed> {
    Ok(MockServer::builder().clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?)).seed(7).start_blocking()?)
}

fn send(server: &MockServer, method: &str, path: &str, body: &str) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url()));
    let request = request.header("content-type", "application/json").body(body.to_owned());
    let _ = request.map(|request| agent.run(request));
}

fn running(_: &Path) -> Result<Look, Failed> {
    let server = mock()?;
    send(&server, "PUT", "/_connector/_sync_job/job-pending/_claim", r#"{"worker_hostname":"worker-1"}"#);
    send(&server, "PUT", "/_connector/_sync_job/job-completed/_claim", r#"{"worker_hostname":"worker-1"}"#);
    server.stub(Stub::on("bulk").named("busy").status(429));
    Ok((format!("{}/_elastimock/", server.url()), Some(server)))
}

const MARKUP: &str = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script><b id=canary>\"'`";

fn hostile(folder: &Path) -> Result<Look, Failed> {
    let server = mock()?;
    server.scope(MARKUP);
    let text = Value::from(MARKUP).to_string();
    let id: String = MARKUP.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let new = json!({ "index_name": "search-x", "name": MARKUP, "service_type": MARKUP }).to_string();
    send(&server, "PUT", &format!("/_connector/{id}"), &new);
    let claim = format!(r#"{{"worker_hostname":{text},"sync_cursor":{{{text}:{text}}}}}"#);
    send(&server, "PUT", "/_connector/_sync_job/job-pending/_claim", &claim);
    send(&server, "PUT", "/_connector/_sync_job/job-pending/_claim", &format!("{{{text}:{text}}}"));
    send(&server, "PUT", "/_connector/_sync_job/job-pending/_error", &format!(r#"{{"error":{text}}}"#));
    send(&server, "GET", &format!("/{id}/_search?q={id}&{id}={id}"), "");
    send(&server, "POST", "/_bulk", MARKUP);
    server.stub(Stub::get("/x").named(MARKUP).json(200, json!({ MARKUP: MARKUP })));
    written(folder, &server.report())
}

/// A run as a long test makes it, without a socket.
fn long(folder: &Path) -> Result<Look, Failed> {
    let now = "2031-05-01T10:00:00Z".parse()?;
    let setup =
        elastimock::engine::Setup { clock: Clock::frozen(now), seed: 7, ..elastimock::engine::Setup::default() };
    let mut engine = elastimock::Engine::new(setup, now)?;
    let job = |id: &str, verb: &str, body: &str| {
        Request::new(Method::Put, format!("/_connector/_sync_job/{id}/{verb}")).json(body.to_owned())
    };
    for round in 0..2000 {
        let post = Request::new(Method::Post, "/_connector/_sync_job").json(r#"{"id":"crm","job_type":"full"}"#);
        let response = engine.receive(&post, now);
        let made: Value = serde_json::from_str(&response.text()).map_err(|error| error.to_string())?;
        let id = made["id"].as_str().ok_or("no id")?;
        engine.receive(&job(id, "_claim", &format!(r#"{{"worker_hostname":"worker-{}"}}"#, round % 7)), now);
        engine.advance(now, std::time::Duration::from_millis(40));
        engine.receive(
            &job(
                id,
                "_stats",
                r#"{"deleted_document_count":0,"indexed_document_count":1,"indexed_document_volume":1}"#,
            ),
            now,
        );
        engine.receive(&job(id, "_check_in", ""), now);
        engine.receive(&job(id, "_error", r#"{"error":"disk full"}"#), now);
    }
    written(folder, &engine.report(true))
}
