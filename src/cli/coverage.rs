//! `elastimock coverage`: how much of the Connector API recordings have exercised.

use super::args::CoverageArgs;
use super::console::{CommandError, Console, Exit};
use super::progress::Progress;
use super::recordings;
use crate::contract::coverage::Coverage;

/// Merges what the recordings have exercised, and tells it.
pub(crate) fn run(asked: &CoverageArgs, console: &Console) -> Result<Exit, CommandError> {
    let (recordings, _) = recordings::read(&asked.recordings, console)?;
    let mut progress = Progress::new("counting", "calls", console);
    let total = recordings::lines(&recordings);
    let coverage = Coverage::watched(&recordings, &mut |at| progress.at(at, total));
    drop(progress);
    if console.json() {
        console.json_line(&coverage.to_value())?;
    } else {
        console.result(coverage.to_string().trim_end())?;
    }
    let percent = coverage.percent();
    match asked.min {
        Some(min) if percent < min => {
            console.complain(&format!("{percent} % is less than the {min} % that are wanted"));
            Ok(Exit::Failed)
        }
        _ => Ok(Exit::Done),
    }
}
