//! [`Error`]: what a caller of this crate may see.
//!
//! Opaque on purpose: its parts can grow without breaking a caller, who asks by predicate. Refusals
//! of the mocked Elasticsearch are answers, not errors, and live in `cluster::Refusal` and `rest::Error`.

use std::fmt;
use std::io;
use std::path::Path;

/// Why elastimock could not do what its caller asked.
///
/// The text says what is wrong, where, and what to do; the predicates say of what kind it is.
pub struct Error(Box<ErrorKind>);

struct ErrorKind {
    class: Class,
    message: String,
    source: Option<io::Error>,
    /// What to do, where the source does not say it.
    cure: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    InvalidInput,
    NotFound,
    Surroundings,
}

impl Error {
    pub(crate) fn invalid_input(message: impl Into<String>) -> Error {
        Error::new(Class::InvalidInput, message.into(), None)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Error {
        Error::new(Class::NotFound, message.into(), None)
    }

    pub(crate) fn surroundings(message: impl Into<String>, source: io::Error) -> Error {
        Error::new(Class::Surroundings, message.into(), Some(source))
    }

    pub(crate) fn cannot_read(path: &Path, source: io::Error) -> Error {
        let cure = match source.kind() {
            io::ErrorKind::NotFound if path.is_relative() => "; paths are seen from the current folder",
            io::ErrorKind::IsADirectory => "; name a file in it",
            _ => "",
        };
        Error::of_file(format!("cannot read {}", path.display()), source, cure.to_owned())
    }

    /// `what` stands before the path: `the recording `.
    pub(crate) fn cannot_write(what: &str, path: &Path, source: io::Error) -> Error {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let cure = match (source.kind(), folder) {
            (io::ErrorKind::NotFound, Some(folder)) => format!("; make the folder {} first", folder.display()),
            (io::ErrorKind::IsADirectory, _) => "; name a file in it".to_owned(),
            _ => String::new(),
        };
        Error::of_file(format!("cannot write {what}{}", path.display()), source, cure)
    }

    fn of_file(message: String, source: io::Error, cure: String) -> Error {
        let Error(kind) = Error::surroundings(message, source);
        Error(Box::new(ErrorKind { cure, ..*kind }))
    }

    fn new(class: Class, message: String, source: Option<io::Error>) -> Error {
        Error(Box::new(ErrorKind { class, message, source, cure: String::new() }))
    }

    /// The input was wrong: an argument, a fixture, a recording, an instant. Trying again unchanged
    /// fails again.
    pub fn is_invalid_input(&self) -> bool {
        self.0.class == Class::InvalidInput
    }

    /// The thing asked for is not there: no such job, connector or operation.
    pub fn is_not_found(&self) -> bool {
        self.0.class == Class::NotFound
    }

    /// The surroundings failed: an address that cannot be bound, a file that cannot be read or written.
    pub fn is_surroundings(&self) -> bool {
        self.0.class == Class::Surroundings
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}{}", self.0.cure),
            None => Ok(()),
        }
    }
}

// The text of a test's `unwrap` is this one: it prints the message, not the parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
