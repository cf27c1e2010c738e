//! Elastic's official clients, each against a mock of its own version. `tests/clients/prepare` installs
//! them; what it has not installed is skipped, aloud.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use elastimock::{Fixture, MockServer, Profile};

use crate::support::path;

/// The interpreter that has the official Python client of a profile's version.
fn python(profile: Profile) -> Option<PathBuf> {
    let folder = path(&format!("target/clients/python-{profile}"));
    let python = ["bin/python", "Scripts/python.exe"].map(|below| folder.join(below));
    let found = python.into_iter().find(|file| file.exists());
    if found.is_none() {
        // Past the capture of a test's output: a test that is skipped in silence looks like one that ran.
        let text = format!("skipped: no Python client of Elasticsearch {profile}; tests/clients/prepare installs it\n");
        std::io::stderr().write_all(text.as_bytes()).expect("standard error");
    }
    found
}

/// Where the official JavaScript client of a profile's version is installed.
fn javascript(profile: Profile) -> Option<PathBuf> {
    let folder = path(&format!("target/clients/javascript-{profile}"));
    let is_there = folder.join("node_modules/@elastic/elasticsearch").exists();
    if !is_there {
        let text =
            format!("skipped: no JavaScript client of Elasticsearch {profile}; tests/clients/prepare installs it\n");
        std::io::stderr().write_all(text.as_bytes()).expect("standard error");
    }
    is_there.then_some(folder)
}

/// Runs a client's story against an empty mock; what it says wrong fails the test with its own words.
// The Python client warns of every call that Elastic calls beta.
fn tell(program: PathBuf, story: &str, profile: Profile) {
    tell_with(Command::new(program).env("PYTHONWARNINGS", "ignore").arg(path(story)), story, profile);
}

/// The same for a command that lacks the mock's address as its last word.
fn tell_with(command: &mut Command, story: &str, profile: Profile) {
    let server = MockServer::builder()
        .profile(profile)
        .fixture(Fixture::new())
        .start_blocking()
        .unwrap_or_else(|error| panic!("{error}"));
    let output =
        command.arg(format!("http://{}", server.address())).output().unwrap_or_else(|error| panic!("{story}: {error}"));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{story}, client of version {profile}:\n{said}{complained}");
    // A client generated from the specification sends nothing but what is published.
    let off_spec: Vec<_> =
        server.findings().into_iter().filter(|finding| finding.rule.starts_with("off-spec")).collect();
    assert!(off_spec.is_empty(), "{off_spec:#?}");
}

#[test]
fn the_python_clients_call_everything_of_the_connector_api() {
    for profile in Profile::ALL {
        if let Some(python) = python(profile) {
            tell(python, "tests/clients/python/connector_api.py", profile);
        }
    }
}

#[test]
fn the_helpers_of_the_python_clients_load_and_scan() {
    for profile in Profile::ALL {
        if let Some(python) = python(profile) {
            tell(python, "tests/clients/python/helpers.py", profile);
        }
    }
}

#[test]
fn the_helpers_of_the_javascript_clients_load_and_scan() {
    let story = "tests/clients/javascript/helpers.mjs";
    for profile in Profile::ALL {
        if let Some(folder) = javascript(profile) {
            tell_with(Command::new("node").arg(path(story)).arg(folder), story, profile);
        }
    }
}
