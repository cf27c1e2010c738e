//! [`Coming`]: lets threads and tasks wait until something has happened that others tell, at no cost while nobody waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::limits::LISTENERS_MAX;

/// A place to wait at.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    waiting: AtomicUsize,
    turn: Mutex<Listeners>,
    told: Condvar,
}

/// The tasks that listen.
#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    /// Each with who is to be woken, if it waits.
    all: Vec<(u64, Option<Waker>)>,
}

/// A task's place among those that listen; it is left when this is dropped.
#[derive(Debug)]
pub(crate) struct ListenerPlace {
    coming: Arc<Coming>,
    number: u64,
}

impl ListenerPlace {
    /// Has the task woken when something has come.
    pub(crate) fn wake(&self, waker: &Waker) {
        if let Some((_, known)) = self.coming.turn().all.iter_mut().find(|(number, _)| *number == self.number) {
            *known = Some(waker.clone());
        }
    }
}

impl Drop for ListenerPlace {
    fn drop(&mut self) {
        self.coming.turn().all.retain(|(number, _)| *number != self.number);
        self.coming.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Coming {
    /// Tells whoever waits to look again.
    pub(crate) fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let mut turn = self.turn();
            let woken: Vec<Waker> = turn.all.iter_mut().filter_map(|(_, waker)| waker.take()).collect();
            self.told.notify_all();
            drop(turn);
            woken.into_iter().for_each(Waker::wake);
        }
    }

    fn turn(&self) -> MutexGuard<'_, Listeners> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a task that listens; none if there are too many.
    pub(crate) fn listen(self: &Arc<Coming>) -> Option<ListenerPlace> {
        let mut turn = self.turn();
        if turn.all.len() >= LISTENERS_MAX {
            return None;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        turn.next += 1;
        let number = turn.next;
        turn.all.push((number, None));
        drop(turn);
        Some(ListenerPlace { coming: self.clone(), number })
    }

    /// Looks again and again until there is something to see, or the time is up.
    pub(crate) fn wait<T>(&self, wait_max: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        // Beyond what an instant can hold nobody waits anyhow.
        let until = Instant::now().checked_add(wait_max);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut turn = self.turn();
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
