//! [`Console`]: results go to stdout, everything else that people read to stderr.
//!
//! A reader that has gone away is no failure: `elastimock list | head -1` ends well. A reader that is there
//! and does not read would stop a server, so a server tells its people from a thread: [`Background`].

use std::collections::VecDeque;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::args::{Color, Log, Manners};
use crate::error::Error;
use crate::finding::Severity;
use crate::limits::{CONSOLE_BACKLOG_MAX, STDERR_STALLED_MS_MAX};
use crate::mock::wire::server::system_time;

/// How the process ends. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The client under test failed.
    Failed,
    /// The input was wrong.
    Input,
    /// The surroundings failed.
    Surroundings,
    /// As the command that was run.
    Command(u8),
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Input => 2,
            Exit::Surroundings => 3,
            Exit::Command(code) => code,
        }
    }
}

/// Why a command could not do what it should.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub exit: Exit,
    pub message: String,
}

impl CommandError {
    /// The input was wrong.
    pub(crate) fn input(message: impl Into<String>) -> CommandError {
        CommandError { exit: Exit::Input, message: message.into() }
    }

    /// The surroundings failed.
    pub(crate) fn surroundings(message: impl Into<String>) -> CommandError {
        CommandError { exit: Exit::Surroundings, message: message.into() }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> CommandError {
        if error.is_surroundings() {
            CommandError::surroundings(error.to_string())
        } else {
            CommandError::input(error.to_string())
        }
    }
}

/// Where a command tells what it has to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    manners: Manners,
    log: Log,
    stdout_has_colors: bool,
    stderr_has_colors: bool,
    background: Option<&'static Background>,
}

/// What waits to be told on stderr.
#[derive(Debug, Default)]
struct Background {
    texts: Mutex<VecDeque<String>>,
    changed: Condvar,
}

impl Background {
    fn texts(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells them, one after the other. A text leaves the queue when it is told.
    fn run(&self) {
        loop {
            let waited = self.changed.wait_while(self.texts(), |texts| texts.is_empty());
            let text = waited.unwrap_or_else(PoisonError::into_inner).front().cloned().unwrap_or_default();
            say_now(&text);
            self.texts().pop_front();
            self.changed.notify_all();
        }
    }
}

fn say_now(text: &str) {
    // Nobody is left to be told that stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

impl Console {
    /// A console that is used as the user wants it.
    pub(crate) fn new(manners: Manners) -> Console {
        let has_colors = |is_terminal| manners.color.is_wanted(is_terminal, |name| std::env::var_os(name));
        Console {
            manners,
            log: Log::Text,
            stdout_has_colors: has_colors(std::io::stdout().is_terminal()),
            stderr_has_colors: has_colors(std::io::stderr().is_terminal()),
            background: None,
        }
    }

    /// The console with its stderr in that form.
    pub(crate) fn logging(self, log: Log) -> Console {
        // What a program reads has no colours.
        let stderr_has_colors = self.stderr_has_colors && log == Log::Text;
        Console { log, stderr_has_colors, ..self }
    }

    /// Whether stderr has a JSON object a line.
    pub(crate) fn logs_json(&self) -> bool {
        self.log == Log::Json
    }

    /// An object of the log: its instant, its kind, and its members.
    pub(crate) fn event(&self, name: &str, members: Value) {
        let mut event = json!({ "time": system_time().to_string(), "event": name });
        if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
            event.extend(members);
        }
        self.put(event.to_string());
    }

    /// The console with a thread that writes: nobody who tells something waits until it is read.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn in_background(self) -> Result<Console, CommandError> {
        static BACKGROUND: Background = Background { texts: Mutex::new(VecDeque::new()), changed: Condvar::new() };
        let thread = std::thread::Builder::new().name("elastimock-stderr".to_owned());
        thread.spawn(|| BACKGROUND.run()).map_err(|error| CommandError::surroundings(format!("no thread: {error}")))?;
        Ok(Console { background: Some(&BACKGROUND), ..self })
    }

    /// Whether so much waits to be read that nothing should be added that can wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.background.is_some_and(|background| background.texts().len() >= CONSOLE_BACKLOG_MAX)
    }

    /// Waits until everything is told, as long as somebody reads; whether it is.
    pub(crate) fn flush(&self) -> bool {
        let Some(background) = self.background else {
            return true;
        };
        let stalled_max = Duration::from_millis(STDERR_STALLED_MS_MAX);
        let mut texts = background.texts();
        while !texts.is_empty() {
            let left = texts.len();
            let waited = background.changed.wait_timeout_while(texts, stalled_max, |texts| texts.len() == left);
            let (now, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return false;
            }
            texts = now;
        }
        true
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.manners.json
    }

    /// How much more than usual is told.
    pub(crate) fn verbose(&self) -> u8 {
        self.manners.verbose
    }

    /// Whether nothing but results, findings and errors is told.
    pub(crate) fn quiet(&self) -> bool {
        self.manners.quiet
    }

    /// Whether results may be coloured.
    pub(crate) fn stdout_has_colors(&self) -> bool {
        self.stdout_has_colors
    }

    /// Whether messages may be coloured.
    pub(crate) fn stderr_has_colors(&self) -> bool {
        self.stderr_has_colors
    }

    /// A part of a result, to stdout at once.
    ///
    /// # Errors
    /// When it cannot be written, for another reason than that nobody reads.
    pub(crate) fn result(&self, text: &str) -> Result<(), CommandError> {
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(CommandError::surroundings(format!("cannot write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// A result as JSON in one line.
    ///
    /// # Errors
    /// As [`Console::result`].
    pub(crate) fn json_line(&self, value: &Value) -> Result<(), CommandError> {
        self.result(&value.to_string())
    }

    /// Something worth knowing, to stderr, unless the user wants quiet.
    pub(crate) fn tell(&self, text: &str) {
        if !self.manners.quiet {
            self.say(text);
        }
    }

    /// Something that must be told, to stderr.
    pub(crate) fn say(&self, text: &str) {
        match self.log {
            Log::Text => self.put(text.to_owned()),
            Log::Json => self.event("message", json!({ "level": "info", "text": text })),
        }
    }

    fn put(&self, line: String) {
        match self.background {
            None => say_now(&line),
            Some(background) => {
                background.texts().push_back(line);
                background.changed.notify_all();
            }
        }
    }

    /// Something that may surprise, to stderr.
    pub(crate) fn warn(&self, text: &str) {
        self.judge(Severity::Warning, text);
    }

    /// What was not as it should be, to stderr.
    pub(crate) fn complain(&self, text: &str) {
        self.judge(Severity::Error, text);
    }

    fn judge(&self, severity: Severity, text: &str) {
        match self.log {
            Log::Text => self.put(format!("{}: {text}", self.severity(severity))),
            Log::Json => self.event("message", json!({ "level": severity.name(), "text": text })),
        }
    }

    /// Why the command failed, to stderr.
    pub(crate) fn fail(&self, error: &CommandError) {
        match self.log {
            Log::Text => self.complain(&error.message.replace('\n', "\n       ")),
            Log::Json => self.complain(&error.message),
        }
    }

    /// The name of a severity as stderr shows it.
    pub(crate) fn severity(&self, severity: Severity) -> String {
        paint(self.stderr_has_colors, of_severity(severity), severity.name())
    }

    /// A text that stands out on stderr.
    pub(crate) fn bold(&self, text: &str) -> String {
        paint(self.stderr_has_colors, Style::new().bold(), text)
    }
}

/// Prints a page of help, or what was wrong with the command line, where each belongs.
pub(crate) fn print(told: &clap::Error, color: Color) {
    let (mut stream, is_terminal): (Box<dyn Write>, bool) = match told.use_stderr() {
        true => (Box::new(std::io::stderr()), std::io::stderr().is_terminal()),
        false => (Box::new(std::io::stdout()), std::io::stdout().is_terminal()),
    };
    let text = told.render();
    // A reader that has gone away needs no help.
    let _ = match color.is_wanted(is_terminal, |name| std::env::var_os(name)) {
        true => write!(stream, "{}", text.ansi()),
        false => write!(stream, "{text}"),
    };
    let _ = stream.flush();
}

/// How the name of a severity looks.
pub(crate) fn of_severity(severity: Severity) -> Style {
    let color = match severity {
        Severity::Error => AnsiColor::BrightRed,
        Severity::Warning => AnsiColor::BrightYellow,
    };
    color.on_default().bold()
}

/// A text in a style, where there are colours.
pub(crate) fn paint(has_colors: bool, style: Style, text: &str) -> String {
    if has_colors { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// `1 sync job`, `2 sync jobs`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}
