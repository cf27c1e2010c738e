//! [`Gate`]: a test's hand on calls that are held.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::server::{ServerShared, system_time};
use crate::error::Error;
use crate::mock::engine::gates::HeldCall;
use crate::mock::engine::lock;

/// A gate at which calls are held, until the test lets them go. Dropping it lets all of them go and takes it away.
///
/// ```
/// use std::time::Duration;
/// use elastimock::{MockServer, Stub};
///
/// let server = MockServer::start_blocking()?;
/// let gate = server.gate(Stub::on("connector.sync_job_claim"));
/// // … two workers set out to claim …
/// # if false {
/// gate.wait_for(2, Duration::from_secs(10))?; // both have looked, and neither has claimed
/// gate.release(1);
/// gate.release(0);
/// # }
/// # server.allow("stub-unmet", "nobody calls");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a gate opens when it is dropped: bind it to a name"]
pub struct Gate {
    shared: Arc<ServerShared>,
    stub: Arc<str>,
    name: String,
    /// The numbers of the calls that were last shown.
    shown: Mutex<Vec<u64>>,
}

impl Gate {
    pub(crate) fn new(shared: Arc<ServerShared>, stub: Arc<str>, name: String) -> Gate {
        Gate { shared, stub, name, shown: Mutex::default() }
    }

    /// Waits until so many calls are held, and returns them: by what they ask for (address, then body), so that their
    /// order does not depend on which of two clients was quicker.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the time is up.
    pub fn wait_for(&self, count: usize, wait_max: Duration) -> Result<Vec<HeldCall>, Error> {
        let enough = || {
            let held = self.held();
            (held.len() >= count).then_some(held)
        };
        let held = self.shared.came.wait(wait_max, enough).ok_or_else(|| {
            let came = self.held().len();
            Error::surroundings(
                format!("waited {wait_max:?} for {count} calls at the gate, and {came} came"),
                std::io::Error::from(std::io::ErrorKind::TimedOut),
            )
        })?;
        *self.shown() = held.iter().map(|call| call.number).collect();
        Ok(held)
    }

    /// The calls that are held now, in the order of [`Gate::wait_for`].
    pub fn held(&self) -> Vec<HeldCall> {
        self.shared.engine().held(Some(&self.name))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one call go: the n-th, from 0, of those that [`Gate::wait_for`] returned last, or of those that are held if it
    /// was not asked. The mock has acted on it when this returns. Whether there was one.
    pub fn release(&self, at: usize) -> bool {
        let mut shown = self.shown();
        if shown.is_empty() {
            *shown = self.held().iter().map(|call| call.number).collect();
        }
        let Some(number) = shown.get(at).copied() else { return false };
        drop(shown);
        self.shared.verb(|engine| lock(engine).release(&self.name, Some(&[number]), system_time())) > 0
    }

    /// Lets all calls go that are held, in the order of [`Gate::wait_for`]; how many. Later ones are held again.
    pub fn release_all(&self) -> usize {
        self.shown().clear();
        self.shared.verb(|engine| lock(engine).release(&self.name, None, system_time()))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // What it was to do has been done: nobody asks whether a call came.
        self.shared.verb(|engine| lock(engine).remove_stubs(Some(&self.stub), system_time()));
    }
}
