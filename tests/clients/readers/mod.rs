//! Other tools: vcrpy and Polly write cassettes that are read, a verifier of Pact and the schema of HAR read what is
//! exported.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use elastimock::recording::Recording;
use elastimock::{Fixture, MockServer};
use libtest_mimic::{Failed, Trial};

use crate::{harness, path};

const PYTHON: &str = "target/clients/readers-python";
const JAVASCRIPT: &str = "target/clients/readers-javascript";

type Test = fn() -> Result<(), Failed>;

const TESTS: [(&str, &str, Test); 5] = [
    ("a cassette in YAML that vcrpy has written is imported and played", PYTHON, || vcrpy("yaml")),
    ("a cassette in JSON that vcrpy has written is imported and played", PYTHON, || vcrpy("json")),
    ("an exported Pact is held against servers by a verifier of Pact", PYTHON, pact),
    ("a cassette that Polly has written is imported and played", JAVASCRIPT, polly),
    ("an exported HAR keeps to the schema of HAR 1.2", JAVASCRIPT, har),
];

/// Whether the tools are installed.
pub fn are_here() -> bool {
    [PYTHON, JAVASCRIPT].iter().all(|folder| path(folder).join("ready").is_file())
}

/// A test for each tool.
pub fn trials() -> Vec<Trial> {
    let trial = |(name, folder, test): &(&str, &str, Test)| match path(folder).join("ready").is_file() {
        true => Trial::test(*name, *test),
        false => harness::missing(name, "the tool is not installed: run tests/clients/prepare"),
    };
    TESTS.iter().map(trial).collect()
}

fn script(name: &str) -> PathBuf {
    path("tests/clients/readers").join(name)
}

fn python(name: &str) -> Command {
    let programs = ["bin/python", "Scripts/python.exe"].map(|below| path(PYTHON).join(below));
    let mut command = Command::new(programs.iter().find(|program| program.exists()).unwrap_or(&programs[0]));
    command.arg(script(name));
    command
}

fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script(name)).arg(path(JAVASCRIPT));
    command
}

fn recorded(name: &str) -> PathBuf {
    path(&format!("fixtures/recordings/{name}.ndjson"))
}

fn export(story: &Path, form: &str, out: &Path) -> Result<(), Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elastimock"));
    command.arg("export").arg(story).args(["--as", form, "--out"]).arg(out);
    harness::said(&mut command).map(|_| ())
}

/// Reads a cassette, and plays it to the client that it was made with.
fn read_and_play(cassette: &Path, calls: usize, mut client: Command) -> Result<(), Failed> {
    let recording = Recording::import("cassette", &fs::read(cassette)?)?;
    if recording.interactions.len() != calls || recording.to_text().contains("tr0ub4dor") {
        return Err(recording.to_text().into());
    }
    let player = MockServer::builder().playback(recording).start_blocking()?;
    let said = harness::said(client.arg(player.url()))?;
    player.assert_conformant();
    let played = player.report().played.ok_or("it plays nothing")?;
    match played.served as usize == calls && said.contains("404") {
        true => Ok(()),
        false => Err(format!("{played:?} {said}").into()),
    }
}

fn vcrpy(form: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let cassette = folder.path().join("calls");
    let server = MockServer::builder().fixture(Fixture::new()).start_blocking()?;
    harness::said(python("calls.py").arg(server.url()).arg(&cassette).arg(form))?;
    read_and_play(&cassette, 6, python("calls.py"))
}

fn polly() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let server = MockServer::builder().fixture(Fixture::new()).start_blocking()?;
    harness::said(node("polly.mjs").arg("record").arg(folder.path()).arg(server.url()))?;
    let below = fs::read_dir(folder.path())?.next().ok_or("Polly has written nothing")??;
    read_and_play(&below.path().join("recording.har"), 4, {
        let mut again = node("polly.mjs");
        again.arg("passthrough").arg(folder.path());
        again
    })
}

fn har() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, calls) in [("full_sync", "38"), ("claim_story", "6"), ("cut_off", "2")] {
        let file = folder.path().join(name);
        export(&recorded(name), "har", &file)?;
        let told = harness::said(node("har.mjs").arg(&file))?;
        if told.trim() != calls {
            return Err(told.into());
        }
    }
    Ok(())
}

fn pact() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let verify = |server: &MockServer, file: &Path| {
        harness::said(python("verify.py").arg(server.address().to_string()).arg(file)).map(|_| ())
    };
    for name in ["full_sync", "claim_story"] {
        let file = folder.path().join(name).with_extension("json");
        export(&recorded(name), "pact", &file)?;
        let player = MockServer::playback(recorded(name))?;
        verify(&player, &file)?;
    }
    // A server that was never recorded keeps the contract too, and one that answers otherwise is told of.
    let Recording { header, .. } = Recording::parse("story", &fs::read(recorded("claim_story"))?)?;
    let fixture = Fixture::from_json(&header.state.to_string())?;
    let file = folder.path().join("claim_story.json");
    verify(&MockServer::builder().fixture(fixture).start_blocking()?, &file)?;
    let other = MockServer::builder().fixture(Fixture::new()).start_blocking()?;
    match verify(&other, &file) {
        Err(_) => Ok(()),
        Ok(()) => Err("the verifier has seen no difference".into()),
    }
}
