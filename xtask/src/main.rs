//! `cargo xtask`: the chores of this repository that a shell line is too short for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xtask::spec::{NOT_AT_HAND, Specs};
use xtask::{fetch, output};

const USAGE: &str = "\
cargo xtask schemas [--spec-9 FILE] [--spec-8 FILE]   writes schemas/ and fixtures/spec/
cargo xtask schemas --check                           compares; exit code 1 if anything differs
cargo xtask spec                                      brings the specification, with npm

Without a path the specification is looked for in ELASTIMOCK_SPEC_9 and ELASTIMOCK_SPEC_8, then in
target/spec/<version>/schema.json.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["schemas", options @ ..] => schemas(options),
        ["spec"] => fetch::fetch(root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn schemas(options: &[&str]) -> Result<(), String> {
    let (mut nine, mut eight, mut check) = (None, None, false);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--check" => check = true,
            "--spec-9" => nine = Some(PathBuf::from(options.next().ok_or(USAGE)?)),
            "--spec-8" => eight = Some(PathBuf::from(options.next().ok_or(USAGE)?)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    match Specs::at_hand(root(), nine, eight)? {
        Some(specs) if check => {
            let differing = output::differing(root(), &output::files(&specs)?);
            if !differing.is_empty() {
                return Err(format!("{}\ndiffers: run cargo xtask schemas", differing.join("\n")));
            }
        }
        Some(specs) => {
            for path in output::write(root(), &output::files(&specs)?)? {
                println!("{path}");
            }
        }
        None if check => println!("skipped: {NOT_AT_HAND}"),
        None => return Err(NOT_AT_HAND.to_owned()),
    }
    // The overlays need no specification: they lie over the schemas, whoever wrote those.
    match output::overlay_faults(root()) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// The top of the repository: this crate lies right below it.
fn root() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder)
}
