//! `elastimock diff`: two recordings by meaning.

use super::args::DiffArgs;
use super::console::{CommandError, Console, Exit, counted};
use super::recordings;
use crate::record::diff::RecordingDiff;

/// Tells what two recordings have otherwise.
pub(crate) fn run(diff: &DiffArgs, console: &Console) -> Result<Exit, CommandError> {
    if recordings::is_stdin(&diff.first) && recordings::is_stdin(&diff.second) {
        return Err(CommandError::input("only one of the two can come from standard input"));
    }
    let (first, one) = recordings::read_one(&diff.first, console)?;
    let (second, other) = recordings::read_one(&diff.second, console)?;
    let found = RecordingDiff::new(&first, &second, &diff.ignore).map_err(CommandError::input)?;
    if console.json() {
        console.json_line(&found.to_value())?;
    } else if !found.is_empty() {
        console.result(&format!("--- {}\n+++ {}\n{}", one.name, other.name, found.text().trim_end()))?;
    }
    console.tell(&format!(
        "{} alike, {} differing, {} only in {}, {} only in {}",
        counted(found.alike, "call"),
        found.differing.len(),
        found.only_first.len(),
        one.name,
        found.only_second.len(),
        other.name
    ));
    Ok(if found.is_empty() { Exit::Done } else { Exit::Failed })
}
