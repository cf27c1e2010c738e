//! Stories told by Elastic's official clients, each against a mock of its own version. `tests/clients/prepare` installs
//! the clients; in CI it is run from here if it was not, and a client that is missing then fails its tests.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[path = "../harness/mod.rs"]
mod harness;

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
    let missing = || STORIES.iter().any(|(_, language)| Profile::ALL.iter().any(|p| client(*language, *p).is_none()));
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
    let output = command.output().map_err(|error| format!("{story}: {error}"))?;
    if !output.status.success() {
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(format!("{}\n{said}{complained}", output.status).into());
    }
    if server.journal().is_empty() {
        return Err("the story made no call".into());
    }
    // A client generated from the specification sends nothing but what is published.
    let off_spec: Vec<_> =
        server.findings().into_iter().filter(|finding| finding.rule.starts_with("off-spec")).collect();
    if off_spec.is_empty() { Ok(()) } else { Err(format!("{off_spec:#?}").into()) }
}
