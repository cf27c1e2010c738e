//! What the tests with names of their own share: how they are run, and what becomes of one that needs a program which
//! the machine has not. Such a test is ignored, aloud, on a developer's machine; in CI, where `CI` is set, it fails.

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

/// Options that are followed by a value.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--skip", "--color", "--format", "--logfile", "-Z"];

/// Runs tests as the command line asks. As with the usual harness it may have several filters.
pub fn run(mut trials: Vec<Trial>) -> ExitCode {
    let (mut words, mut filters) = (Vec::new(), Vec::new());
    let mut is_value = true; // the program's own name
    for word in std::env::args().filter(|word| word != "--show-output") {
        match is_value || word.starts_with('-') {
            true => words.push(word.clone()),
            false => filters.push(word.clone()),
        }
        is_value = WITH_VALUE.contains(&&*word);
    }
    let arguments = Arguments::from_iter(words);
    let is_wanted = |name: &str, filter: &String| if arguments.exact { name == filter } else { name.contains(filter) };
    trials.retain(|trial| filters.is_empty() || filters.iter().any(|filter| is_wanted(trial.name(), filter)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Whether the tests are only to be listed.
pub fn is_listing() -> bool {
    std::env::args().any(|word| word == "--list")
}

/// Whether this is a run that has to run everything.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&&*value))
}

/// A test whose needs are not met.
pub fn missing(name: &str, what: &str) -> Trial {
    let told = format!("{what}\nin CI nothing is skipped");
    Trial::test(name, move || Err(told.into())).with_ignored_flag(!is_ci()).with_kind(format!("missing: {what}"))
}

/// What a command has said; an error with its own words if it fails.
#[allow(dead_code, reason = "not every binary of tests runs commands")]
pub fn said(command: &mut Command) -> Result<String, Failed> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr)).into()),
    }
}
