//! What a test needs of the machine beside Rust. Where it is missing, a test is ignored, aloud, on a developer's
//! machine; in CI, where `CI` is set, it fails.

use libtest_mimic::Trial;

/// Whether this is a run that has to run everything.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&&*value))
}

/// A test whose needs are not met.
pub fn missing(name: &str, what: &str) -> Trial {
    let told = format!("{what}\nin CI nothing is skipped");
    Trial::test(name, move || Err(told.into())).with_ignored_flag(!is_ci()).with_kind(format!("ignored: {what}"))
}
