//! [`Console`]: results go to stdout, everything else that people read to stderr.
//!
//! A reader that has gone away is no failure: `elastimock list | head -1` ends well.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::Value;

use super::args::{Color, Manners};
use crate::error::Error;
use crate::finding::Severity;

/// How the process ends. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The client under test failed.
    Failed = 1,
    /// The input was wrong.
    Input = 2,
    /// The surroundings failed.
    Surroundings = 3,
}

/// Why a command could not do what it should.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    /// The input was wrong.
    pub fn input(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Input, message: message.into() }
    }

    /// The surroundings failed.
    pub fn surroundings(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Surroundings, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        if error.is_surroundings() {
            Failure::surroundings(error.to_string())
        } else {
            Failure::input(error.to_string())
        }
    }
}

/// Where a command tells what it has to tell.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    manners: Manners,
    stdout_has_colors: bool,
    stderr_has_colors: bool,
}

impl Console {
    /// A console that is used as the user wants it.
    pub fn new(manners: Manners) -> Console {
        let has_colors = |is_terminal: bool| match manners.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
        };
        Console {
            manners,
            stdout_has_colors: has_colors(std::io::stdout().is_terminal()),
            stderr_has_colors: has_colors(std::io::stderr().is_terminal()),
        }
    }

    /// Whether results are JSON.
    pub fn json(&self) -> bool {
        self.manners.json
    }

    /// How much more than usual is told.
    pub fn verbose(&self) -> u8 {
        self.manners.verbose
    }

    /// Whether nothing but results, findings and errors is told.
    pub fn quiet(&self) -> bool {
        self.manners.quiet
    }

    /// Whether results may be coloured.
    pub fn stdout_has_colors(&self) -> bool {
        self.stdout_has_colors
    }

    /// A part of a result, to stdout at once.
    ///
    /// # Errors
    /// When it cannot be written, for another reason than that nobody reads.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::surroundings(format!("cannot write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// A result as JSON in one line.
    ///
    /// # Errors
    /// As [`Console::result`].
    pub fn json_line(&self, value: &Value) -> Result<(), Failure> {
        self.result(&value.to_string())
    }

    /// Something worth knowing, to stderr, unless the user wants quiet.
    pub fn tell(&self, text: &str) {
        if !self.manners.quiet {
            self.say(text);
        }
    }

    /// Something that must be told, to stderr.
    pub fn say(&self, text: &str) {
        // Nobody is left to be told that stderr is gone.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Something that may surprise, to stderr.
    pub fn warn(&self, text: &str) {
        self.say(&format!("{}: {text}", self.severity(Severity::Warning)));
    }

    /// What was not as it should be, to stderr.
    pub fn complain(&self, text: &str) {
        self.say(&format!("{}: {text}", self.severity(Severity::Error)));
    }

    /// Why the command failed, to stderr.
    pub fn fail(&self, failure: &Failure) {
        let indented = failure.message.replace('\n', "\n       ");
        self.complain(&indented);
    }

    /// The name of a severity as stderr shows it.
    pub fn severity(&self, severity: Severity) -> String {
        let color = match severity {
            Severity::Error => AnsiColor::BrightRed,
            Severity::Warning => AnsiColor::BrightYellow,
        };
        self.styled(color.on_default().bold(), severity.name())
    }

    /// A text that stands out on stderr.
    pub fn bold(&self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.stderr_has_colors { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// `1 sync job`, `2 sync jobs`.
pub fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}
