//! `elastimock export`: a recording in the form of another tool.

use super::args::{Export, ExportForm};
use super::console::{CommandError, Console, Exit};
use super::{recordings, report};
use crate::record::{export, har};

/// Writes the calls of a recording for another tool.
pub(crate) fn run(asked: &Export, console: &Console) -> Result<Exit, CommandError> {
    let (recording, _) = recordings::read_one(&asked.recording, console)?;
    let calls = &recording.interactions;
    let written = match asked.form {
        ExportForm::Har => har::write(calls),
        ExportForm::Pact => export::pact(calls, &asked.consumer),
        ExportForm::Curl => export::curl(calls),
    };
    report::put(asked.out.as_deref(), &written, console)?;
    Ok(Exit::Done)
}
