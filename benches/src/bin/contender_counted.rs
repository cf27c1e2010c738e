//! `contender` with an allocator that counts, for exact bytes; slower, never timed.

use elastimock_benches::{contender, heap};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() -> ExitCode {
    heap::installed();
    contender::main()
}
