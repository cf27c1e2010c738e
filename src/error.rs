//! [`Error`]: what a caller of this crate may see.
//!
//! Opaque on purpose: its parts can grow without breaking a caller, who asks by predicate. Refusals
//! of the mocked Elasticsearch are answers, not errors, and live in `cluster::Refusal` and `rest::Error`.

use std::fmt;

/// Why elastimock could not do what its caller asked.
///
/// The text says what is wrong, where, and what to do; the predicates say of what kind it is.
pub struct Error(Box<ErrorKind>);

struct ErrorKind {
    class: Class,
    message: String,
    source: Option<std::io::Error>,
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

    pub(crate) fn surroundings(message: impl Into<String>, source: std::io::Error) -> Error {
        Error::new(Class::Surroundings, message.into(), Some(source))
    }

    fn new(class: Class, message: String, source: Option<std::io::Error>) -> Error {
        Error(Box::new(ErrorKind { class, message, source }))
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
            Some(source) => write!(f, ": {source}"),
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
