//! One contender in a process of its own; see the library's `contender`.

use std::process::ExitCode;

fn main() -> ExitCode {
    elastimock_benches::contender::main()
}
