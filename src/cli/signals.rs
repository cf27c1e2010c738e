//! What ends a server: a signal, the end of its standard input, the end of another process.
//!
//! Each is waited for in a thread of its own, so that nothing that the server does can make it deaf.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::args::Listening;
use super::console::CommandError;

/// Time between two looks at the other process.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why a server ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndCause {
    /// A signal, by the exit code of a process that it ends.
    Signal(i32),
    /// Standard input has come to its end.
    Stdin,
    /// That process is gone.
    Process(u32),
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndCause::Signal(_) => f.write_str("stopping"),
            EndCause::Stdin => f.write_str("stopping, because standard input has ended"),
            EndCause::Process(pid) => write!(f, "stopping, because process {pid} is gone"),
        }
    }
}

/// The end of a server, waited for from the moment it is made.
#[derive(Debug)]
pub(crate) struct ServerEnd {
    causes: UnboundedReceiver<EndCause>,
    passes_on: Arc<AtomicBool>,
}

/// Says that the server is to end. A signal that comes when it is ending already ends it at once.
#[derive(Clone)]
struct Ender {
    is_ending: Arc<AtomicBool>,
    passes_on: Arc<AtomicBool>,
    sender: UnboundedSender<EndCause>,
}

impl Ender {
    fn end(&self, cause: EndCause) {
        if self.passes_on.load(Ordering::Acquire) || !self.is_ending.swap(true, Ordering::AcqRel) {
            // Nobody waits any more when the server could not start.
            let _ = self.sender.send(cause);
        } else if let EndCause::Signal(code) = cause {
            std::process::exit(code);
        }
    }
}

impl ServerEnd {
    /// Begins to wait for everything that is to end the server.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] when something cannot be waited for.
    pub(crate) fn watch(listening: &Listening) -> Result<ServerEnd, CommandError> {
        let (sender, causes) = unbounded_channel();
        let passes_on = Arc::<AtomicBool>::default();
        let ender = Ender { is_ending: Arc::default(), passes_on: Arc::clone(&passes_on), sender };
        hear_signals(ender.clone())?;
        if listening.exit_with_stdin {
            let ender = ender.clone();
            thread("stdin", move || {
                // Whatever comes is not for us. What cannot be read any more has ended.
                let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
                ender.end(EndCause::Stdin);
            })?;
        }
        for &pid in &listening.exit_with_pid {
            let (process, ender) = (Process::new(pid)?, ender.clone());
            thread("process", move || {
                while process.is_alive() {
                    pause(LOOK_EVERY);
                }
                ender.end(EndCause::Process(pid));
            })?;
        }
        Ok(ServerEnd { causes, passes_on })
    }

    /// Whether every signal is for a command: then none ends this process.
    pub(crate) fn passes_on(&self, passes_on: bool) {
        self.passes_on.store(passes_on, Ordering::Release);
    }

    /// Waits until the server is to end.
    pub(crate) async fn wait(&mut self) -> EndCause {
        match self.causes.recv().await {
            Some(cause) => cause,
            // All who could tell are gone: not while the signals are heard.
            None => std::future::pending().await,
        }
    }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), CommandError> {
    let thread = std::thread::Builder::new().name(format!("elastimock-{name}")).spawn(body);
    thread.map(|_| ()).map_err(|error| CommandError::surroundings(format!("cannot start a thread: {error}")))
}

#[allow(clippy::disallowed_methods, reason = "a process that is no child of ours tells nobody of its end")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Hears the signals that end a server, from the return of this on.
fn hear_signals(ender: Ender) -> Result<(), CommandError> {
    let (sender, heard) = std::sync::mpsc::sync_channel(1);
    thread("signals", move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(sender.send(Err(error))),
        };
        runtime.block_on(async move {
            match Signals::hear() {
                Ok(mut signals) => {
                    let _ = sender.send(Ok(()));
                    loop {
                        ender.end(EndCause::Signal(signals.next().await));
                    }
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        });
    })?;
    let heard = heard.recv().unwrap_or_else(|gone| Err(std::io::Error::other(gone)));
    heard.map_err(|error| CommandError::surroundings(format!("cannot hear signals: {error}")))
}

/// Hears every signal that would end the process, each with its number.
#[cfg(unix)]
struct Signals(Vec<(i32, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn hear() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::quit(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
        ];
        let heard = kinds.into_iter().filter(|kind| *kind != SignalKind::hangup() || !ignores_hangup());
        heard.map(|kind| Ok((kind.as_raw_value(), signal(kind)?))).collect::<std::io::Result<_>>().map(Signals)
    }

    /// The exit code of a process that the next one ends.
    async fn next(&mut self) -> i32 {
        let any = |context: &mut Context<'_>| {
            let heard = self.0.iter_mut().find_map(|(number, signal)| {
                matches!(signal.poll_recv(context), Poll::Ready(Some(()))).then_some(*number)
            });
            heard.map_or(Poll::Pending, |number| Poll::Ready(128 + number))
        };
        std::future::poll_fn(any).await
    }
}

/// Whether the process was started to survive its terminal, as `nohup` does. Known where the system tells. A shell
/// has what it starts with `&` ignore Ctrl-C too, and that is heard all the same: `kill -INT` is meant.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Hears Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn hear() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> i32 {
        // Where Ctrl-C cannot be heard, the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        128 + 2
    }
}

/// A process that is no child of ours.
struct Process {
    pid: u32,
    /// When it was started, as the system counts: its number may be given to another one. None if it was
    /// gone already.
    began: Option<String>,
}

impl Process {
    fn new(pid: u32) -> Result<Process, CommandError> {
        if state_of(std::process::id()).is_none() {
            let message = "--exit-with-pid cannot see processes on this system; --exit-with-stdin needs none";
            return Err(CommandError::surroundings(message));
        }
        Ok(Process { pid, began: state_of(pid) })
    }

    /// Whether it goes on. One that has ended and that its parent has not asked about is gone as well.
    fn is_alive(&self) -> bool {
        self.began.is_some() && state_of(self.pid) == self.began
    }
}

/// When a process that goes on was started; none if there is none.
fn state_of(pid: u32) -> Option<String> {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // Its name stands in parentheses, and may have some.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let is_gone = matches!(fields.next()?, "Z" | "X" | "x");
        return fields.nth(18).filter(|_| !is_gone).map(str::to_owned);
    }
    if cfg!(target_os = "linux") || cfg!(not(unix)) {
        return None;
    }
    let told = std::process::Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let (state, began) = told.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| began.trim().to_owned())
}
