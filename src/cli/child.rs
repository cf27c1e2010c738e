//! The command of `elastimock run`: started with the server's address in its environment, told every signal, waited for.

use std::ffi::OsString;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::console::{CommandError, Console, Exit};
use super::signals::{EndCause, ServerEnd};

/// The command line's word for all this.
pub(crate) const COMMAND: &str = "run";

/// What tells a command where Elasticsearch is: the name that clients know, and our own.
const ADDRESS_VARIABLES: [&str; 2] = ["ELASTICSEARCH_URL", "ELASTIMOCK_URL"];

/// A command that runs.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program with its arguments. It has our standard streams, and all of our variables but some, and
    /// others besides the address.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(
        words: &[OsString],
        url: &str,
        others: Vec<(&str, OsString)>,
        not_passed_on: &[String],
    ) -> Result<Running, CommandError> {
        let (program, arguments) = words.split_first().ok_or_else(|| CommandError::input("no command is given"))?;
        let mut command = Command::new(program);
        for name in not_passed_on {
            command.env_remove(name);
        }
        command.args(arguments).envs(ADDRESS_VARIABLES.map(|name| (name, url))).envs(others);
        let started = command.spawn().map_err(|error| {
            let name = program.to_string_lossy();
            CommandError::input(format!("cannot start `{name}`: {error}; a command is given as in `run -- pytest -q`"))
        });
        Ok(Running(started?))
    }

    /// Waits for its end and passes signals on until then; how it ended.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub(crate) async fn end(mut self, ending: &mut ServerEnd, console: &Console) -> Result<Exit, CommandError> {
        ending.passes_on(true);
        let ended = loop {
            tokio::select! {
                ended = self.0.wait() => break ended,
                cause = ending.wait() => {
                    if let EndCause::Process(pid) = cause {
                        console.tell(&format!("process {pid} is gone; the command is told to stop"));
                    }
                    self.pass_on(cause);
                }
            }
        };
        ending.passes_on(false);
        ended.map(exit).map_err(|error| CommandError::surroundings(format!("cannot wait for the command: {error}")))
    }

    #[cfg(unix)]
    fn pass_on(&self, cause: EndCause) {
        use rustix::process::{Pid, Signal, kill_process};
        let signal = match cause {
            // What is typed has reached it already (Ctrl-C, Ctrl-\), and twice it would be told to hurry.
            EndCause::Signal(130 | 131) if is_at_the_terminal() => return,
            EndCause::Signal(code) => Signal::from_named_raw(code - 128).unwrap_or(Signal::TERM),
            EndCause::Stdin | EndCause::Process(_) => Signal::TERM,
        };
        let pid = self.0.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // One that is gone by now needs no signal.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }

    #[cfg(not(unix))]
    fn pass_on(&mut self, cause: EndCause) {
        // Ctrl-C reaches all processes of a console.
        if !matches!(cause, EndCause::Signal(_)) {
            let _ = self.0.start_kill();
        }
    }
}

/// As a shell tells it: its own code, or 128 and the signal that ended it.
fn exit(status: ExitStatus) -> Exit {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    match status.code().or_else(|| signal.map(|signal| 128 + signal)) {
        Some(0) => Exit::Done,
        code => Exit::Command(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
    }
}

/// Whether what is typed at a terminal reaches this process, and so the command, which is of the same group.
#[cfg(unix)]
fn is_at_the_terminal() -> bool {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return std::io::IsTerminal::is_terminal(&std::io::stdin());
    };
    // Behind the name: state, parent, group, session, terminal, and the group that the terminal talks to.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or(Vec::new(), |(_, behind)| behind.split(' ').collect());
    matches!(fields.as_slice(), [_, _, group, _, _, foreground, ..] if group == foreground)
}
