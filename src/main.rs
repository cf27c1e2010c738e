//! The binary: hands the arguments to [`elastimock::command_line`], returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    elastimock::command_line(std::env::args_os())
}
