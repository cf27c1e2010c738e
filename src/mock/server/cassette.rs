//! [`CassetteMode`]: whether a recording is played or made, as users of cassettes know it, and what becomes of the file.
//!
//! A file is never written in place: what is recorded goes to a new one beside it, which takes its name when the run has
//! ended well.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{MockServer, read_recording};
use crate::error::Error;
use crate::http::{Headers, Response};
use crate::record::RunSpan;
use crate::record::interaction::Interaction;
use crate::record::recording::{Recording, put_away};

/// The variable that says for a whole suite what code and flags say for one cassette.
pub(crate) const VARIABLE: &str = "ELASTIMOCK_MODE";

/// The header of an answer that the mock gave in a playback.
const PLAYED: &str = "x-elastimock-played";

/// Whether a cassette is played or recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CassetteMode {
    /// It is played, and must be there.
    None,
    /// It is played if it is there, and else recorded.
    #[default]
    Once,
    /// It is played; what it does not have the mock answers, and that is added to it.
    NewEpisodes,
    /// It is recorded anew.
    All,
}

impl CassetteMode {
    /// All of them.
    pub const ALL: [CassetteMode; 4] =
        [CassetteMode::None, CassetteMode::Once, CassetteMode::NewEpisodes, CassetteMode::All];

    /// The name on the command line and in the environment.
    pub fn name(self) -> &'static str {
        match self {
            CassetteMode::None => "none",
            CassetteMode::Once => "once",
            CassetteMode::NewEpisodes => "new-episodes",
            CassetteMode::All => "all",
        }
    }
}

impl CassetteMode {
    /// The mode that holds: the environment goes before what code or a flag says.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the variable names no mode.
    pub(crate) fn asked(mode: Option<CassetteMode>) -> Result<CassetteMode, Error> {
        match std::env::var(VARIABLE) {
            Ok(name) if !name.trim().is_empty() => {
                name.parse().map_err(|error| Error::invalid_input(format!("the variable {VARIABLE}: {error}")))
            }
            _ => Ok(mode.unwrap_or_default()),
        }
    }
}

impl FromStr for CassetteMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<CassetteMode, Error> {
        // vcrpy writes an underscore.
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        CassetteMode::ALL
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| Error::invalid_input(format!("[{name}] is no mode: write none, once, new-episodes or all")))
    }
}

/// What a server does with its cassette.
#[derive(Debug)]
pub(super) enum Use {
    /// It plays this, and leaves the file alone.
    Play(Recording),
    /// It plays this, and adds to the file what is new.
    Extend(Recording),
    /// It records to this file, which takes the place of the cassette.
    Record(PathBuf),
}

/// A cassette that is in use.
#[derive(Debug)]
pub(super) struct Cassette {
    path: PathBuf,
    /// The file that is recorded to, if one is.
    temporary: Option<PathBuf>,
    /// What was there, if something is to be added to it.
    before: Option<Recording>,
    /// Whether what was recorded is kept whatever was found in it.
    keeps_all: bool,
}

/// What is to be done with a cassette. The environment goes before the mode that code or a flag gives.
///
/// # Errors
/// [`Error::is_invalid_input`] if the variable names no mode, if the file is no recording, or if there is none and none
/// may be made; [`Error::is_surroundings`] if it cannot be read.
pub(super) fn open(path: &Path, mode: Option<CassetteMode>, keeps_all: bool) -> Result<(Use, Cassette), Error> {
    let mode = CassetteMode::asked(mode)?;
    let of = |temporary, before| Cassette { path: path.to_owned(), temporary, before, keeps_all };
    match (mode, path.exists()) {
        (CassetteMode::None, false) => Err(Error::invalid_input(format!(
            "there is no recording {}, and in mode none it is not made: set {VARIABLE}=once to record it",
            path.display()
        ))),
        (CassetteMode::None | CassetteMode::Once, true) => Ok((Use::Play(read_recording(path)?.0), of(None, None))),
        (CassetteMode::NewEpisodes, true) => {
            let recording = read_recording(path)?.0;
            Ok((Use::Extend(recording.clone()), of(None, Some(recording))))
        }
        // Where nothing is lost by it the file grows as calls are made, and what is in it outlives a killed process.
        (_, false) if keeps_all => Ok((Use::Record(path.to_owned()), of(None, None))),
        (CassetteMode::All, _) | (_, false) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(Err(error)) = folder.map(std::fs::metadata) {
                return Err(Error::cannot_write("the recording ", path, error));
            }
            let temporary = temporary(path);
            Ok((Use::Record(temporary.clone()), of(Some(temporary), None)))
        }
    }
}

impl Cassette {
    /// Whether findings are no reason to throw away what was recorded.
    pub(super) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Brings the file to what the run has made of it, if it has ended well; else it stays as it was.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if it cannot be written.
    pub(super) fn close(self, server: &MockServer, has_ended_well: bool) -> Result<(), Error> {
        let is_empty = self.keeps_all && server.shared.engine().calls() == 0;
        let has_ended_well = has_ended_well && !is_empty;
        let cannot = |error| Error::cannot_write("the recording ", &self.path, error);
        match (self.temporary, self.before) {
            (Some(temporary), _) if has_ended_well => std::fs::rename(temporary, &self.path).map_err(cannot),
            (Some(temporary), _) => {
                // What was recorded of a run that failed is of no use to the next one.
                let _ = std::fs::remove_file(temporary);
                Ok(())
            }
            (None, Some(mut recording)) if has_ended_well => {
                if !extend(&mut recording, server)? {
                    return Ok(());
                }
                let temporary = temporary(&self.path);
                let written = std::fs::write(&temporary, recording.to_text());
                written.and_then(|()| std::fs::rename(&temporary, &self.path)).map_err(cannot)
            }
            (None, _) => Ok(()),
        }
    }
}

/// Adds to a recording what the mock answered; whether that is something.
fn extend(recording: &mut Recording, server: &MockServer) -> Result<bool, Error> {
    let calls = server.journal_of(RunSpan::Run);
    let (made, evicted) = server.shared.engine().calls_of(RunSpan::Run);
    if evicted > 0 {
        return Err(Error::invalid_input(format!(
            "{evicted} of {made} calls were forgotten before they could be added to the recording; let the journal keep \
             more"
        )));
    }
    let last_call = recording.interactions.last().map_or(0, |call| call.seq);
    let last = recording.events.last().map_or(0, |event| event.seq).max(last_call);
    let new: Vec<Interaction> = calls
        .into_iter()
        .filter(|call| call.is_of_upstream() || call.response.headers().get(PLAYED) == Some("mock"))
        .zip(last + 1..)
        .map(|(call, seq)| {
            let response = without_mark(&call.response);
            put_away(Interaction { seq, scope: None, response, ..call }, false)
        })
        .collect();
    let is_new = !new.is_empty();
    recording.interactions.extend(new);
    Ok(is_new)
}

fn without_mark(response: &Response) -> Response {
    let mut headers = Headers::new();
    response.headers().iter().filter(|(name, _)| *name != PLAYED).for_each(|(name, value)| headers.push(name, value));
    let mut kept = response.clone();
    kept.headers = headers;
    kept
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
