//! [`Sentence`]: somebody writes a job failed because nobody has seen it, although somebody has.
//!
//! Services clean up after workers that have died: a running job that was not seen for 300 s is written
//! `error`. Where that comes too early, its worker is alive and goes on, and is not to blame for it.

use super::deed::{DeedEffect, JobAction, JobDeed};
use super::lane::JobHistory;
use super::rules::job::{HEARTBEAT_WITHIN, LOOK_WITHIN};
use super::story::CallRef;
use crate::clock::Timestamp;
use crate::es::sync_job::rules::SyncStatus;

/// What stands in the error that Elastic's cleanup writes: "The job has not seen any update for some time."
///
/// Source: Elastic's connector service, idle jobs.
const CLEANUP: &str = "not seen any update";

/// What others may say of a job that they take for dead.
const PHRASES: [&str; 5] = ["not seen", "not been seen", "no update", "no sign of life", "no heartbeat"];
const WORDS: [&str; 5] = ["idle", "stale", "silent", "unresponsive", "last_seen"];

/// An end that was written too early, by somebody who took the worker for dead.
#[derive(Clone, Debug)]
pub(crate) struct Sentence {
    /// The call that wrote it.
    pub mark: CallRef,
    /// When the job was last seen, as its document said.
    pub seen_at: Timestamp,
    /// Whether the words are those of Elastic's cleanup. Other words may be a worker's own, which tells of
    /// its source: whose they are shows when the worker goes on.
    pub is_plain: bool,
    /// Whether it has been told.
    pub is_told: bool,
}

impl Sentence {
    /// What is done to a job, if it is such an end; `lane` is the job before.
    pub(crate) fn of(lane: &JobHistory, deed: &JobDeed, mark: CallRef) -> Option<Sentence> {
        let is_end = deed.act == JobAction::Become(SyncStatus::Error) && deed.effect == DeedEffect::Done;
        let seen_at = lane.seen_at.filter(|_| is_end && lane.is_running())?;
        let is_plain = is_plain(deed.error.as_deref()?)?;
        let silence = mark.at.since(seen_at);
        // A job that was silent for long may have been seen again between the cleanup's look and its write.
        let was_silent = lane.seen_before.is_none_or(|before| seen_at.since(before) >= HEARTBEAT_WITHIN);
        let is_early = silence < HEARTBEAT_WITHIN && !(silence <= LOOK_WITHIN && was_silent);
        is_early.then_some(Sentence { mark, seen_at, is_plain, is_told: false })
    }
}

/// Whether a job is written failed because nobody has seen it.
pub(crate) fn says_silence(deed: &JobDeed) -> bool {
    deed.act == JobAction::Become(SyncStatus::Error) && deed.error.as_deref().and_then(is_plain).is_some()
}

/// Whether a message says that nobody has seen the job plainly, or in other words; none if it does not.
fn is_plain(error: &str) -> Option<bool> {
    let error = error.to_lowercase();
    if error.contains(CLEANUP) {
        return Some(true);
    }
    let has_word = || error.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| WORDS.contains(&word));
    (PHRASES.iter().any(|phrase| error.contains(phrase)) || has_word()).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_that_nobody_has_seen_the_job() {
        for (error, expected) in [
            ("The job has not seen any update for some time.", Some(true)),
            ("Job was not seen for 5 minutes", Some(false)),
            ("marked as IDLE by cleanup", Some(false)),
            ("last_seen is too old", Some(false)),
            ("no heartbeat since 10:00", Some(false)),
            ("the source closed the connection", None),
            ("the bridle broke in the middle", None),
            ("", None),
        ] {
            assert_eq!(is_plain(error), expected, "{error}");
        }
    }
}
