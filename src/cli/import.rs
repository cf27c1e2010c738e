//! `elastimock import`: what other tools have written, as a recording or a fixture.

use std::fs::File;
use std::path::Path;

use super::args::Import;
use super::console::{CommandError, Console, Exit, counted};
use super::progress::Progress;
use super::{recordings, report};
use crate::error::Error;
use crate::fixture::Fixture;
use crate::input::sniff::{self, InputWanted, TextLooks};
use crate::input::{self, STDIN};
use crate::limits::{IMPORTED_BYTES_MAX, RECORDING_LINE_BYTES_MAX};
use crate::record::import::{Imported, watched_import};
use crate::record::recording::Recording;

/// Reads the files, and writes one recording or one fixture.
pub(crate) fn run(asked: &Import, console: &Console) -> Result<Exit, CommandError> {
    let texts = asked.files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let is_state = |text: &[u8]| matches!(sniff::at(text), TextLooks::Answer(_) | TextLooks::Fixture);
    let states = texts.iter().filter(|(_, text)| is_state(text)).count();
    let written = if states == 0 {
        recording(&texts, asked.all, console)?
    } else if states == texts.len() {
        let fixture = Fixture::load_or_read(&asked.files, &mut texts[0].1.as_slice())?;
        fixture.notes().iter().for_each(|note| console.warn(note));
        format!("{:#}\n", fixture.to_value())
    } else {
        let (state, _) = texts.iter().find(|(_, text)| is_state(text)).expect("there is one");
        let what = format!("{state} holds a state and the others hold calls");
        return Err(CommandError::input(format!("{what}; import them one by one")));
    };
    report::put(asked.out.as_deref(), &written, console)?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<(String, Vec<u8>), CommandError> {
    if recordings::is_stdin(path) {
        return Ok((
            STDIN.to_owned(),
            input::bytes(STDIN, std::io::stdin().lock(), InputWanted::Foreign, IMPORTED_BYTES_MAX)?,
        ));
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Error::cannot_read(path, error))?;
    Ok((name.clone(), input::bytes(&name, file, InputWanted::Foreign, IMPORTED_BYTES_MAX)?))
}

/// The calls of all files, one after the other, as the text of a recording.
fn recording(texts: &[(String, Vec<u8>)], all: bool, console: &Console) -> Result<String, CommandError> {
    let mut whole: Option<Recording> = None;
    for (name, text) in texts {
        let mut progress = Progress::new("importing", "calls", console);
        let imported = watched_import(name, text, all, &mut |done, total| progress.at(done, total));
        drop(progress);
        let imported = imported.map_err(|mistake| CommandError::input(mistake.to_string()))?;
        let Imported { recording, left_out, format, notes } = imported;
        notes.iter().for_each(|note| console.warn(&format!("{name}: {note}")));
        if left_out > 0 {
            let calls = counted(left_out as u64, "call");
            console.warn(&format!("{name}: {calls} left out, being none of Elasticsearch; --all keeps them"));
        }
        console.tell(&format!("{name}: {} of a {format}", counted(recording.interactions.len() as u64, "call")));
        match &mut whole {
            None => whole = Some(recording),
            Some(whole) => {
                let last = whole.interactions.last().map_or((0, whole.header.started_at), |call| (call.seq, call.at));
                whole.interactions.extend(recording.interactions.into_iter().map(|mut call| {
                    call.seq += last.0;
                    call.at = call.at.max(last.1);
                    call
                }));
            }
        }
    }
    let recording = whole.filter(|whole| !whole.interactions.is_empty()).ok_or_else(|| {
        CommandError::input("there is no call of Elasticsearch in it; --all keeps others as well".to_owned())
    })?;
    let text = recording.to_text();
    match text.lines().find(|line| line.len() > RECORDING_LINE_BYTES_MAX) {
        Some(_) => {
            Err(CommandError::input(format!("a call has more than {RECORDING_LINE_BYTES_MAX} bytes; leave it out")))
        }
        None => Ok(text),
    }
}
