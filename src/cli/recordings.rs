//! Recordings from the command line: read, and complained about.

use std::path::PathBuf;

use super::console::{Console, Failure};
use crate::journal::recording::Recording;
use crate::mock_server::read_recording;

/// A recording, as messages call it, and its text.
pub struct Read {
    pub name: String,
    pub text: Vec<u8>,
}

/// Reads recordings of one Elasticsearch. What is cut off is told.
///
/// # Errors
/// [`Failure::input`] with file, line and column if one is none, or if they speak of different profiles;
/// [`Failure::surroundings`] if one cannot be read.
pub fn read(paths: &[PathBuf], console: &Console) -> Result<(Vec<Recording>, Vec<Read>), Failure> {
    let mut recordings: Vec<Recording> = Vec::new();
    let mut texts: Vec<Read> = Vec::new();
    for path in paths {
        let (recording, text) = read_recording(path)?;
        let name = path.display().to_string();
        if texts.iter().any(|read| read.name == name) {
            return Err(Failure::input(format!("{name} is given twice")));
        }
        if recording.cut_off {
            console.warn(&format!("{name}: the last line is cut off, and left out"));
        }
        if let Some(first) = recordings.first().filter(|first| first.header.profile != recording.header.profile) {
            return Err(Failure::input(format!(
                "{} was recorded with profile {} and {name} with profile {}; judge them one by one",
                texts[0].name, first.header.profile, recording.header.profile
            )));
        }
        recordings.push(recording);
        texts.push(Read { name, text });
    }
    Ok((recordings, texts))
}
