//! Recordings from the command line: read, and complained about.

use std::path::{Path, PathBuf};

use super::console::{CommandError, Console};
use super::progress::Progress;
use crate::input::STDIN;
use crate::mock::server::{read_recording, read_recording_from};
use crate::record::recording::Recording;

/// A recording, as messages call it, and its text.
pub(crate) struct ReadRecording {
    pub name: String,
    pub text: Vec<u8>,
}

/// Reads a recording from a file, or from standard input if the path is `-`. What is cut off is told.
///
/// # Errors
/// [`CommandError::input`] with file, line and column if it is none; [`CommandError::surroundings`] if it cannot be
/// read.
pub(crate) fn read_one(path: &Path, console: &Console) -> Result<(Recording, ReadRecording), CommandError> {
    let (name, (recording, text)) = if is_stdin(path) {
        (STDIN.to_owned(), read_recording_from(STDIN, std::io::stdin().lock())?)
    } else {
        (path.display().to_string(), read_recording(path)?)
    };
    if recording.cut_off {
        console.warn(&format!("{name}: the last line is cut off, and left out"));
    }
    warn_of_unknown(&recording.unknown, console);
    Ok((recording, ReadRecording { name, text }))
}

/// Tells what a later version has written into findings.
pub(crate) fn warn_of_unknown(unknown: &[String], console: &Console) {
    match unknown {
        [] => {}
        [one] => console.warn(one),
        [first, more @ ..] => console.warn(&format!("{first} (and so on, {} more)", more.len())),
    }
}

/// Calls and events of recordings.
pub(crate) fn lines(recordings: &[Recording]) -> usize {
    recordings.iter().map(|recording| recording.interactions.len() + recording.events.len()).sum()
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads recordings of one Elasticsearch. What is cut off is told.
///
/// # Errors
/// [`CommandError::input`] with file, line and column if one is none, or if they speak of different profiles;
/// [`CommandError::surroundings`] if one cannot be read.
pub(crate) fn read(paths: &[PathBuf], console: &Console) -> Result<(Vec<Recording>, Vec<ReadRecording>), CommandError> {
    let mut recordings: Vec<Recording> = Vec::new();
    let mut texts: Vec<ReadRecording> = Vec::new();
    let mut progress = Progress::new("reading", "recordings", console);
    for (at, path) in paths.iter().enumerate() {
        progress.at(at, paths.len());
        if paths.iter().filter(|other| *other == path).count() > 1 {
            return Err(CommandError::input(format!("{} is given twice", path.display())));
        }
        let (recording, read) = read_one(path, console)?;
        if let Some(first) = recordings.first().filter(|first| first.header.profile != recording.header.profile) {
            return Err(CommandError::input(format!(
                "{} was recorded with profile {} and {} with profile {}; judge them one by one",
                texts[0].name, first.header.profile, read.name, recording.header.profile
            )));
        }
        recordings.push(recording);
        texts.push(read);
    }
    Ok((recordings, texts))
}
