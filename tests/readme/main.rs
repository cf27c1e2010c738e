//! Every block of the README and of the pages that it links is run or compared, and what can be neither says
//! why. `cargo test --test readme` lists them: run, compared, skipped.
//!
//! A block without a row in [`TABLE`] is treated by its language, see [`treat`]. Shell blocks run in a folder of their
//! own with the binary on the path, at a free port in the place of 9200, and a mock is there already unless the block
//! starts one.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[allow(dead_code, reason = "the tests of `it` need more of it")]
#[path = "../it/support.rs"]
mod support;

#[allow(dead_code, reason = "the clients need more of it")]
#[path = "../harness/mod.rs"]
mod harness;

mod pages;
mod shell;

use std::process::ExitCode;

use elastimock::contract::Severity;
use elastimock::http::{Method, Request};
use elastimock::report::ReportFormat;
use elastimock::{Clock, Fixture, MockServer};
use libtest_mimic::Trial;
use pages::{Block, blocks};
use serde_json::Value;
use shell::{Shell, normal};
use support::{Client, T0, instant, path};

/// What is done about a block.
#[derive(Clone, Copy)]
enum Treatment {
    /// It is run as a script; before it the harness does what the text around it says happened.
    Run(&'static str),
    /// It is compared with something real.
    Compare(fn(&Block) -> Result<(), String>),
    /// It is neither, and why.
    Skip(&'static str),
}

use Treatment::{Compare, Run, Skip};

/// Blocks that are treated in a way of their own: the page, how the block begins, the treatment.
const TABLE: &[(&str, &str, Treatment)] = &[
    ("README.md", "the client ", Compare(the_first_report)),
    ("README.md", "$ cargo run", Compare(the_first_command)),
    ("README.md", "$ curl -i", Compare(the_first_claim)),
    ("README.md", "$ cargo test", Compare(what_ci_runs)),
    ("docs/connector-service.md", "git clone", Skip("it needs the network and ten minutes for Elastic's sources")),
    ("docs/connector-service.md", "elasticsearch:\n", Compare(is_yaml)),
    (
        "docs/connector-service.md",
        "curl -X PUT http://127.0.0.1:9200/_connector/notes/_configuration",
        Run(SERVICE_HAS_STARTED),
    ),
    ("docs/connector-service.md", "curl 'http://127.0.0.1:9200/_connector/_sync_job?", Run(SERVICE_HAS_SYNCED)),
    ("docs/fixtures.md", "error: `startedAt`", Compare(what_lint_says)),
    ("docs/reports.md", "error[unknown-operation]", Compare(a_near_miss)),
    ("docs/watching.md", "   1 sync job", Compare(what_v_tells)),
    ("README.md", "$ cargo add", Skip("it needs a project of its own; docs/rust.md has the same lines of a manifest")),
    ("README.md", "$ pip install", Skip("tests/packages installs the wheel that it has made")),
    ("README.md", "$ npm install", Skip("tests/packages installs the packages that it has made")),
    ("README.md", "from elasticsearch", Skip("tests/packages runs it with the wheel")),
    ("README.md", "import { Client }", Skip("tests/packages runs it with the packages")),
    ("README.md", "jobs:\n", Compare(the_steps_of_a_workflow)),
    ("docs/recordings.md", "elastimock record", Skip("tests/it/upstream.rs stands in front of a server of its own")),
    ("docs/page.md", "curl -N", Skip("it listens until it is ended; tests/it/page.rs does")),
    ("docs/upstream.md", "elastimock serve", Skip("tests/it/upstream.rs forwards to a server of its own")),
    ("docs/tls.md", "$ elastimock serve", Skip("tests/it/tls.rs and tests/clients connect")),
    ("docs/upstream.md", "elastimock record", Skip("tests/it/upstream.rs stands in front of a server of its own")),
    ("docs/tutorial.md", "cat > worker.sh", Compare(is_a_step_of_the_tutorial)),
    ("docs/tutorial.md", "elastimock run", Compare(is_a_step_of_the_tutorial)),
    ("docs/tutorial.md", "{\"result\"", Compare(what_the_tutorial_prints)),
    ("packages/python/README.md", "pip install", Skip("tests/packages installs the wheel that it has made")),
    ("packages/javascript/README.md", "npm install", Skip("tests/packages installs the packages that it has made")),
    ("ARCHITECTURE.md", "src/\n", Compare(files_are_there)),
    ("ARCHITECTURE.md", "wire::server ", Compare(functions_are_there)),
    ("CONTRIBUTING.md", "cargo test", Skip("these tests are among what it runs")),
    ("fixtures/scenarios/README.md", "# A claim", Compare(played_with_the_scenarios)),
    ("benches/README.md", "cd benches", Skip("it builds four other servers and measures for minutes")),
];

/// What Elastic's connector service has done when it has seen the connector.
const SERVICE_HAS_STARTED: &str = "
curl -X PUT http://127.0.0.1:9200/_connector/notes -H 'content-type: application/json' \\
  -d '{\"name\":\"Notes\",\"index_name\":\"search-notes\",\"service_type\":\"dir\"}'
curl -X PUT http://127.0.0.1:9200/_connector/notes/_configuration -H 'content-type: application/json' \\
  -d '{\"configuration\":{\"directory\":{\"label\":\"Directory\",\"value\":\"\"},\"pattern\":{\"label\":\"Pattern\",\"value\":\"\"}}}'
";

/// What it has written when the sync is done.
const SERVICE_HAS_SYNCED: &str = "
curl -X PUT http://127.0.0.1:9200/search-notes/_doc/1 -H 'content-type: application/json' -d '{\"title\":\"first.txt\"}'
";

fn main() -> ExitCode {
    let blocks = blocks();
    let mut trials: Vec<Trial> = blocks.iter().cloned().map(trial).collect();
    trials.push(Trial::test("every row of the table has its block", move || {
        for (page, beginning, _) in TABLE {
            let has_block = blocks.iter().any(|block| block.is(page, beginning));
            if !has_block {
                return Err(format!("no block of {page} begins with `{beginning}`: mend tests/readme/main.rs").into());
            }
        }
        let pages: Vec<&str> = blocks.iter().map(|block| &*block.page).collect();
        for page in
            ["README.md", "docs/tutorial.md", "docs/fixtures.md", "ARCHITECTURE.md", "fixtures/scenarios/README.md"]
        {
            assert!(pages.contains(&page), "{page} was not read: {pages:?}");
        }
        Ok(())
    }));
    harness::run(trials)
}

fn trial(block: Block) -> Trial {
    let name = block.to_string();
    match treat(&block) {
        Ok(Skip(reason)) => {
            Trial::test(name, || Ok(())).with_ignored_flag(true).with_kind(format!("skipped: {reason}"))
        }
        Ok(Compare(compare)) => Trial::test(name, move || Ok(compare(&block)?)).with_kind("compared"),
        Ok(Run(before)) => match need(&["bash", "curl"]) {
            Ok(()) => Trial::test(name, move || Ok(Shell::new()?.run(before, &block.text)?)).with_kind("run"),
            Err(missing) => harness::missing(&name, &missing),
        },
        Err(unknown) => Trial::test(name, move || Err(unknown.into())),
    }
}

/// The row of a block, or what is usual for its language.
fn treat(block: &Block) -> Result<Treatment, String> {
    if let Some((_, _, treatment)) = TABLE.iter().find(|(page, beginning, _)| block.is(page, beginning)) {
        return Ok(*treatment);
    }
    match &*block.language {
        "sh" => Ok(Run("")),
        "rust" => Ok(Compare(is_a_test_of_ours)),
        "json" => Ok(Compare(is_json)),
        "yaml" => Ok(Compare(is_yaml)),
        "toml" => Ok(Compare(has_our_versions)),
        "python" => Ok(Compare(is_python)),
        "js" => Ok(Compare(is_javascript)),
        "" => Err("say which language it is: ```sh, ```json, ```text …".to_owned()),
        _ => Err("say in the table of tests/readme/main.rs how it is run or compared".to_owned()),
    }
}

/// Whether programs are on the path.
///
/// # Errors
/// The first that is not, and who installs it.
fn need(programs: &[&str]) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    match programs.iter().find(|program| !is_there(program)) {
        None => Ok(()),
        Some(missing) => {
            Err(format!("there is no {missing} on the path; tests/clients/prepare installs what is missing"))
        }
    }
}

/// Compares a sample with what is really said, line by line.
fn same(sample: &str, real: &str) -> Result<(), String> {
    let (sample, real) = (normal(sample), normal(real));
    match sample == real {
        true => Ok(()),
        false => Err(format!("it says\n{sample}\nand really it is\n{real}")),
    }
}

// ── samples ───────────────────────────────────────────────────────────────────────────────────────

/// The failing test of the first page: a look, then a claim by a worker without a name.
fn the_first_report(block: &Block) -> Result<(), String> {
    let fixture = fixture_of_the_readme()?;
    let clock = Clock::frozen(instant(T0));
    let server = MockServer::builder().fixture(fixture).clock(clock).seed(7).fail_on(Severity::Error).start_blocking();
    let server = server.map_err(|error| error.to_string())?;
    let mut client = Client::connect(server.address());
    client.send(&Request::new(Method::Get, "/_connector/_sync_job?status=pending"));
    client.send(&Request::new(Method::Put, "/_connector/_sync_job/job-1/_claim").json(r#"{"worker_hostname":""}"#));
    let report = server.report().write(ReportFormat::Text);
    same(&block.text, &report)
}

fn the_first_command(block: &Block) -> Result<(), String> {
    let (command, sample) = block.text.split_once('\n').ok_or("no output")?;
    let arguments = command.strip_prefix("$ cargo run --release --features cli -- ").ok_or("another command")?;
    let shell = Shell::new()?;
    let told = shell.told_at_the_start(arguments)?;
    same(sample, &told)
}

fn the_first_claim(block: &Block) -> Result<(), String> {
    let (command, sample) = block.text.split_once('\n').ok_or("no output")?;
    // The line that the server prints is the line that the page pastes.
    let shell = Shell::new()?;
    let printed = shell.told_at_the_start("serve")?;
    let pasted = normal(command).replace("$ curl -i ", "curl ");
    if !normal(&printed).contains(&pasted) {
        return Err(format!("the server does not print `{pasted}`, but\n{printed}"));
    }
    need(&["bash", "curl"])?;
    let _server = shell.server()?;
    let told = shell.output(&format!("{} -s", command.trim_start_matches("$ ")))?;
    same(sample, &told.replace("\r\n", "\n"))
}

fn what_ci_runs(block: &Block) -> Result<(), String> {
    let ci = std::fs::read_to_string(path(".ci/run")).map_err(|error| error.to_string())?;
    let command = block.text.trim().trim_start_matches("$ ");
    // What is set for that one command stands before it.
    match ci.lines().any(|line| line == command || line.ends_with(&format!("\" {command}"))) {
        true => Ok(()),
        false => Err(format!(".ci/run has no line `{command}`")),
    }
}

/// The README's own fixture with one field misspelt.
fn what_lint_says(block: &Block) -> Result<(), String> {
    let shell = Shell::new()?;
    let fixture = pages::fixture().text.replace("\"started_at\"", "\"startedAt\"");
    shell.write("crm.json", &fixture)?;
    let told = shell.output("elastimock lint crm.json || test $? -eq 2")?;
    let told = told.split("\n\n").next().unwrap_or_default();
    same(&block.text, told)
}

fn a_near_miss(block: &Block) -> Result<(), String> {
    let fixture = fixture_of_the_readme()?;
    let server = MockServer::builder().fixture(fixture).clock(Clock::frozen(instant(T0))).seed(7).start_blocking();
    let server = server.map_err(|error| error.to_string())?;
    let mut client = Client::connect(server.address());
    client.send(&Request::new(Method::Get, "/_connector"));
    client.send(&Request::new(Method::Get, "/_connector/_sync_job"));
    client.send(&Request::new(Method::Put, "/_connector/_sync_job/job-1/_eror").json(r#"{"error":"disk full"}"#));
    let finding = server.findings().first().map(ToString::to_string).ok_or("no finding")?;
    let shown = block.text.lines().count();
    same(&block.text, &finding.lines().take(shown).collect::<Vec<_>>().join("\n"))
}

fn what_v_tells(block: &Block) -> Result<(), String> {
    need(&["bash", "curl"])?;
    let script = r#"{ elastimock run -v --fail-on never -- bash -c '
        call() { curl -s -o /dev/null -H "content-type: application/json" "$@"; }
        call -X PUT $ELASTICSEARCH_URL/_connector/_sync_job/job-pending/_claim -d "{\"worker_hostname\":\"\"}"
        call -X POST $ELASTICSEARCH_URL/_elastimock/scopes -d "{\"name\":\"tests/test_sync.py::test_cancel\"}"
        call $ELASTICSEARCH_URL/_connector/_sync_job'
    } 2>&1"#;
    let told = Shell::new()?.output(script)?;
    let told = told.lines().skip(1).take_while(|line| !line.starts_with("the client "));
    same(&block.text, &told.map(|line| format!("{line}\n")).collect::<String>())
}

/// The steps run, one after the other, with the mock's own words about what comes.
fn the_tutorial(until: usize) -> Result<String, String> {
    let shell = Shell::new()?;
    let mut told = String::new();
    for step in blocks().iter().filter(|block| block.page == "docs/tutorial.md" && block.language == "sh") {
        if step.line < until {
            told = shell.output(&format!("{{ {}\n}} 2>&1", step.text))?;
        }
    }
    Ok(told.lines().filter(|line| !line.starts_with("elastimock at ")).map(|line| format!("{line}\n")).collect())
}

fn is_a_step_of_the_tutorial(block: &Block) -> Result<(), String> {
    need(&["bash", "curl"])?;
    the_tutorial(block.line + 1).map(|_| ())
}

fn what_the_tutorial_prints(block: &Block) -> Result<(), String> {
    need(&["bash", "curl"])?;
    same(&block.text, &the_tutorial(block.line)?)
}

/// What a workflow runs with elastimock is run.
fn the_steps_of_a_workflow(block: &Block) -> Result<(), String> {
    is_yaml(block)?;
    let step = block.text.lines().find_map(|line| line.trim().strip_prefix("- run: elastimock ")).ok_or("no step")?;
    need(&["bash", "curl"])?;
    Shell::new()?.run("", &format!("elastimock {step}"))
}

fn fixture_of_the_readme() -> Result<Fixture, String> {
    Fixture::from_json(&pages::fixture().text).map_err(|error| error.to_string())
}

// ── by language ───────────────────────────────────────────────────────────────────────────────────

/// A Rust block stands in `tests/it/readme.rs`, where it is compiled and run.
fn is_a_test_of_ours(block: &Block) -> Result<(), String> {
    let file = "tests/it/readme.rs";
    let tests = std::fs::read_to_string(path(file)).map_err(|error| error.to_string())?;
    let lines = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let (ours, theirs): (Vec<String>, Vec<String>) = (lines(&tests), lines(&block.text));
    // What is imported may stand at the top of the file, the rest stands in one piece.
    let (imports, body): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|line| line.starts_with("use "));
    if let Some(missing) = imports.iter().find(|import| !ours.contains(import)) {
        return Err(format!("{file} lacks `{missing}`"));
    }
    match ours.windows(body.len().max(1)).any(|window| window == body) {
        true => Ok(()),
        false => Err(format!("{file} has no test with these lines in one piece: put it there")),
    }
}

/// JSON; a fixture where it looks like one.
fn is_json(block: &Block) -> Result<(), String> {
    let value: Value = serde_json::from_str(&block.text).map_err(|error| error.to_string())?;
    let is_fixture = ["connectors", "sync_jobs", "indices"].iter().any(|section| value.get(*section).is_some());
    match is_fixture {
        true => Fixture::from_json(&block.text).map(|_| ()).map_err(|error| error.to_string()),
        false => Ok(()),
    }
}

#[cfg(feature = "yaml")]
fn is_yaml(block: &Block) -> Result<(), String> {
    serde_saphyr::from_str::<Value>(&block.text).map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(not(feature = "yaml"))]
fn is_yaml(_: &Block) -> Result<(), String> {
    Ok(())
}

/// What a test of a user depends on is what our own tests of the README depend on.
fn has_our_versions(block: &Block) -> Result<(), String> {
    let manifest = std::fs::read_to_string(path("Cargo.toml")).map_err(|error| error.to_string())?;
    for line in block.text.lines().filter(|line| !line.starts_with('[') && !line.starts_with("elastimock = ")) {
        let (name, given) = line.split('#').next().unwrap_or_default().split_once(" = ").ok_or(line)?;
        // The manifest may ask for more than the first number.
        let version = |text: &str| text.split('"').nth(1).map(|version| format!("{version}."));
        let ours = manifest.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        let Some(given) = version(given) else { continue };
        if !ours.and_then(version).is_some_and(|ours| ours.starts_with(&given)) {
            return Err(format!("Cargo.toml has {name} = {}", ours.unwrap_or("nothing")));
        }
    }
    Ok(())
}

/// Python that can be parsed.
fn is_python(block: &Block) -> Result<(), String> {
    need(&["python3"])?;
    let shell = Shell::new()?;
    shell.write("block.py", &block.text)?;
    shell.output("python3 -c 'import ast; ast.parse(open(\"block.py\").read())'").map(|_| ())
}

/// JavaScript that can be parsed.
fn is_javascript(block: &Block) -> Result<(), String> {
    need(&["node"])?;
    let shell = Shell::new()?;
    shell.write("block.mjs", &block.text)?;
    shell.output("node --check block.mjs").map(|_| ())
}

// ── the map of the code ───────────────────────────────────────────────────────────────────────────

/// Every file of Rust that the map names is there.
fn files_are_there(block: &Block) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "examples", "xtask"] {
        pages::files(&path(folder), &mut files);
    }
    let words = block.text.split([' ', ',', ';', ':', '(', ')', '\n']).filter(|word| word.ends_with(".rs"));
    let missing: Vec<&str> =
        words.filter(|word| !files.iter().any(|file| file.ends_with(&format!("/{word}")))).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("these files are not there: {}", missing.join(", "))),
    }
}

/// Every function that the way of a request names is there.
fn functions_are_there(block: &Block) -> Result<(), String> {
    let mut files = Vec::new();
    pages::files(&path("src"), &mut files);
    let sources: String = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    let words = block.text.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| word.contains("::"));
    let missing: Vec<&str> = words
        .filter(|word| {
            let name = word.rsplit("::").next().unwrap_or_default();
            !sources.contains(&format!("fn {name}(")) && !sources.contains(&format!("mod {name};"))
        })
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("these are not there: {}", missing.join(", "))),
    }
}

/// `tests/scenarios` plays the README's example too.
fn played_with_the_scenarios(_: &Block) -> Result<(), String> {
    let main = std::fs::read_to_string(path("tests/scenarios/main.rs")).map_err(|error| error.to_string())?;
    match main.contains("the example of the README holds") {
        true => Ok(()),
        false => Err("tests/scenarios/main.rs does not play it".to_owned()),
    }
}
