//! What the manifest promises to those who depend on the crate.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::path;

/// How many crates a user of the library compiles at most, this one among them.
const CRATES_MAX: usize = 90;

#[test]
fn the_library_brings_few_crates() {
    let manifest = path("Cargo.toml");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--no-default-features", "--prefix", "none", "--format", "{p}"])
        .args(["--locked", "--offline", "--manifest-path"])
        .arg(&manifest)
        .output()
        .expect("cargo");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("elastimock") && crates.contains("hyper"), "{crates:?}");
    assert!(
        crates.len() <= CRATES_MAX,
        "the library compiles {} crates, {CRATES_MAX} at most: put what is new behind a feature: {crates:?}",
        crates.len()
    );
}

/// A dependency is explained in the line above it, or shares the explanation of its neighbours.
#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = fs::read_to_string(path("Cargo.toml")).expect("the manifest");
    let (_, below) = manifest.split_once("[dependencies]\n").expect("the dependencies");
    let (own, _) = below.split_once("[dev-dependencies]").expect("the dependencies of the tests");
    let mut is_explained = false;
    for line in own.lines() {
        if line.is_empty() || line.starts_with('[') {
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else {
            assert!(is_explained, "say in a comment above it what this is for: {line}");
        }
    }
}
