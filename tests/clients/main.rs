//! Stories told by Elastic's official clients, each against a mock of its own version; and other tools that read what
//! elastimock writes, and write what it reads. `tests/clients/prepare` installs them; in CI it is run from here if it
//! was not, and what is missing then fails its tests.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[path = "../harness/mod.rs"]
mod harness;
mod readers;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use elastimock::elasticsearch::Profile;
use elastimock::tls::Tls;
use elastimock::{Fixture, MockServer};
use libtest_mimic::{Failed, Trial};

const STORIES: [(&str, Language); 6] = [
    ("tests/clients/python/connector_api.py", Language::Python),
    ("tests/clients/python/helpers.py", Language::Python),
    ("tests/clients/python/troubles.py", Language::Python),
    ("tests/clients/javascript/helpers.mjs", Language::JavaScript),
    ("tests/clients/python/tls.py", Language::Python),
    ("tests/clients/javascript/tls.mjs", Language::JavaScript),
];

#[derive(Clone, Copy)]
enum Language {
    Python,
    JavaScript,
}

fn main() -> ExitCode {
    let missing = || {
        !readers::are_here()
            || STORIES
                .iter()
                .any(|(_, language)| Profile::ALL.iter().any(|profile| client(*language, *profile).is_none()))
    };
    if harness::is_ci() && !harness::is_listing() && missing() {
        // What it cannot install it says itself, and the tests below fail.
        let _ = Command::new(path("tests/clients/prepare")).status();
    }
    let mut trials = Vec::new();
    for (story, language) in STORIES {
        for profile in Profile::ALL {
            let name = format!("{} with the client of version {profile}", story.trim_start_matches("tests/clients/"));
            trials.push(match client(language, profile) {
                Some(client) => Trial::test(name, move || tell(client, story, profile)),
                None => harness::missing(&name, "the client is not installed: run tests/clients/prepare"),
            });
        }
    }
    for profile in Profile::ALL {
        let name = format!("a whole sync with the Python client of version {profile}, recorded and played elsewhere");
        trials.push(match client(Language::Python, profile) {
            Some((program, _)) => Trial::test(name, move || play_elsewhere(&program, profile)),
            None => harness::missing(&name, "the client is not installed: run tests/clients/prepare"),
        });
    }
    trials.extend(readers::trials());
    harness::run(trials)
}

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// The command that runs a story of a language, without the story; `None` if the client is not installed.
fn client(language: Language, profile: Profile) -> Option<(PathBuf, Option<PathBuf>)> {
    match language {
        Language::Python => {
            let folder = path(&format!("target/clients/python-{profile}"));
            let programs = ["bin/python", "Scripts/python.exe"].map(|below| folder.join(below));
            programs.into_iter().find(|program| program.exists()).map(|program| (program, None))
        }
        Language::JavaScript => {
            let folder = path(&format!("target/clients/javascript-{profile}"));
            let is_there = folder.join("node_modules/@elastic/elasticsearch").exists();
            is_there.then(|| (PathBuf::from("node"), Some(folder)))
        }
    }
}

/// Runs a client's story against an empty mock; what it says wrong fails the test with its own words.
fn tell(client: (PathBuf, Option<PathBuf>), story: &str, profile: Profile) -> Result<(), Failed> {
    let builder = MockServer::builder().profile(profile).fixture(Fixture::new());
    let builder = if story.contains("/tls.") { builder.tls(Tls::self_signed()) } else { builder };
    let server = builder.start_blocking()?;
    let (program, folder) = client;
    let mut command = Command::new(program);
    // The Python client warns of every call that Elastic calls beta.
    command.env("PYTHONWARNINGS", "ignore").arg(path(story)).args(folder).arg(server.url());
    let ca = tempfile::NamedTempFile::new()?;
    if let Some(tls) = server.tls() {
        std::fs::write(&ca, tls.ca_pem())?;
        command.arg(ca.path()).arg(tls.ca_fingerprint());
    }
    harness::said(&mut command)?;
    if server.journal().is_empty() {
        return Err("the story made no call".into());
    }
    // A client generated from the specification sends nothing but what is published.
    let off_spec: Vec<_> =
        server.findings().into_iter().filter(|finding| finding.rule.starts_with("off-spec")).collect();
    if off_spec.is_empty() { Ok(()) } else { Err(format!("{off_spec:#?}").into()) }
}

/// Records a whole sync, and plays it to the same client on another host and day, with another folder and another number
/// of polls: every call is served.
fn play_elsewhere(program: &Path, profile: Profile) -> Result<(), Failed> {
    let sync = path("tests/clients/python/whole_sync.py");
    let tell = |before: &[&Path], after: &[&str]| -> Result<(), Failed> {
        let mut command = Command::new(program);
        command.env("PYTHONWARNINGS", "ignore").args(before).arg(&sync).args(after);
        harness::said(&mut command).map(|_| ())
    };
    let recorder = MockServer::builder().profile(profile).fixture(Fixture::new()).start_blocking()?;
    tell(&[], &[recorder.url()])?;
    recorder.assert_conformant();
    let recording = recorder.recording();
    let elsewhere = path("tests/clients/python/elsewhere.py");
    for polls in ["2", "1", "7"] {
        let player = MockServer::builder().playback(recording.clone()).start_blocking()?;
        tell(&[&elsewhere], &[player.url(), "/home/me/other/notes", polls])?;
        let played = player.report().played.ok_or("it plays nothing")?;
        let is_whole = polls == "1" || (played.served == played.recorded && player.findings().is_empty());
        let has_errors =
            player.findings().iter().any(|finding| finding.severity == elastimock::contract::Severity::Error);
        if has_errors || !is_whole || played.differing == 0 {
            return Err(format!("{polls} polls: {played:?} {:?}", player.findings()).into());
        }
    }
    Ok(())
}
