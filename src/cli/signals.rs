//! The signals that stop a server.

use super::console::Failure;

/// Hears SIGTERM and SIGINT, from the moment it is made.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to hear, on the runtime that is entered.
    pub fn hear() -> Result<Signals, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let hear = |kind| signal(kind).map_err(|error| Failure::surroundings(format!("cannot hear signals: {error}")));
        Ok(Signals { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    /// Waits for the next one and returns the exit code of a process that it ends.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 128 + 15,
            _ = self.interrupt.recv() => 128 + 2,
        }
    }
}

/// Hears Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Begins to hear, on the runtime that is entered.
    pub fn hear() -> Result<Signals, Failure> {
        Ok(Signals)
    }

    /// Waits for the next one and returns the exit code of a process that it ends.
    pub async fn next(&mut self) -> i32 {
        // Where Ctrl-C cannot be heard, the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        128 + 2
    }
}
