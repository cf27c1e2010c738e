//! [`Coming`]: lets threads wait until something has happened that others tell, at no cost while nobody waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A place to wait at.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    waiting: AtomicUsize,
    turn: Mutex<()>,
    told: Condvar,
}

impl Coming {
    /// Tells whoever waits to look again.
    pub(crate) fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.told.notify_all();
        }
    }

    /// Looks again and again until there is something to see, or the time is up.
    pub(crate) fn wait<T>(&self, wait_max: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        // Beyond what an instant can hold nobody waits anyhow.
        let until = Instant::now().checked_add(wait_max);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = loop {
            if let Some(seen) = look() {
                break Some(seen);
            }
            let left = until.map_or(Duration::from_secs(3600), |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break None;
            }
            turn = self.told.wait_timeout(turn, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(turn);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        seen
    }
}
