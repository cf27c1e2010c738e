//! Appends interactions to a file as they happen.
//!
//! One `write` a line and nothing buffered here, so that a killed process leaves every line that it
//! has finished.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::journal::event::Event;
use crate::journal::interaction::Interaction;
use crate::journal::recording::{Header, event_line, header_line, line, put_away};

/// A recording that grows.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    timing: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    failure: Option<std::io::Error>,
}

impl Sink {
    /// Begins a recording in a new file, in place of one that is there. With `timing` it keeps how long
    /// answers took.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] when the file cannot be written.
    pub fn create(path: &Path, header: &Header, timing: bool) -> Result<Sink, Error> {
        let cannot = |error| Error::surroundings(format!("cannot write the recording {}", path.display()), error);
        let mut file = File::create(path).map_err(cannot)?;
        file.write_all(header_line(header).as_bytes()).map_err(cannot)?;
        Ok(Sink { path: path.to_owned(), timing, state: Mutex::new(State { file, failure: None }) })
    }

    /// Appends an interaction. The first failure is kept for [`Sink::failure`]; calls go on being answered.
    pub fn append(&self, interaction: Interaction) {
        self.write(&line(&put_away(interaction, self.timing)));
    }

    /// Appends an event, as [`Sink::append`] does.
    pub fn append_event(&self, event: &Event) {
        self.write(&event_line(event));
    }

    fn write(&self, line: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failure.is_none()
            && let Err(error) = state.file.write_all(line.as_bytes())
        {
            state.failure = Some(error);
        }
    }

    /// Why the recording is not whole, if it is not.
    pub fn failure(&self) -> Option<Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = state.failure.take()?;
        Some(Error::surroundings(format!("cannot go on writing the recording {}", self.path.display()), failure))
    }
}
