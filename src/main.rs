//! The binary: hands the arguments to [`elastimock::cli::run`], returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    elastimock::cli::run(std::env::args_os())
}
