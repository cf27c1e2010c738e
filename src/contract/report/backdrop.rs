//! [`Backdrop`]: what a report shows beside calls and findings: the states that the run's mocks began with, what
//! happened between the calls, and what would have been due next.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::contract::lane::Due;
use crate::contract::offline::RecordedRun;
use crate::profile::Profile;
use crate::record::event::Event;
use crate::record::recording::Header;
use crate::record::{JournalItem, SubjectBefore};
use crate::visibility::Visibility;

/// What a run was beside its calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backdrop {
    /// The mocks of the run, one after the other.
    pub(crate) beginnings: Vec<Beginning>,
    /// What changed a mock and was no call, by number.
    pub(crate) events: Vec<(u64, Arc<Event>)>,
    /// How what each call was about stood before it, in the order of the calls.
    pub(crate) standings: Vec<SubjectBefore>,
    /// What clients owe next.
    pub(crate) due: Vec<Due>,
    /// The mock's time at the end, or now.
    pub(crate) now: Timestamp,
    /// Whether that goes on by itself.
    pub(crate) is_clock_running: bool,
    /// Calls that were forgotten before they could be told.
    pub(crate) evicted: u64,
    /// The stubs that are there now, as the admin API tells them.
    pub(crate) stubs: Vec<Value>,
    /// The gates that there are now, with the calls that they hold, as the admin API tells them.
    pub(crate) gates: Vec<Value>,
    /// What comes next beside what clients owe, and when.
    pub(crate) coming: Vec<(Timestamp, String)>,
}

/// How a mock began.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    /// The number of its first call or event.
    pub(crate) first_seq: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// The Elasticsearch that it mimicked.
    pub(crate) profile: Profile,
    /// The version that it reported.
    pub(crate) release: String,
    /// What its ids depended on.
    pub(crate) seed: u64,
    /// When searches saw what was written.
    pub(crate) visibility: Visibility,
    /// Its state in the form of a fixture; null if nobody knows it.
    pub(crate) state: Arc<Value>,
}

impl Backdrop {
    /// The backdrop of a run that was judged from its recordings.
    pub(crate) fn of_run(run: &RecordedRun<'_>) -> Backdrop {
        let beginnings = run.mocks.iter().map(|(seq, header, state)| Beginning::of(header, *seq, state));
        Backdrop {
            beginnings: beginnings.collect(),
            events: run.events.iter().map(|(seq, event)| (*seq, Arc::new((*event).clone()))).collect(),
            standings: run.calls.iter().map(|call| (&call.seen).into()).collect(),
            due: run.due.clone(),
            now: run.now,
            is_clock_running: run.mocks.iter().any(|(_, header, _)| header.is_clock_running),
            ..Backdrop::default()
        }
    }
}

impl Backdrop {
    /// Takes in what a journal holds.
    pub(crate) fn take(&mut self, kept: &[JournalItem]) {
        for kept in kept {
            match kept {
                JournalItem::Call(_, _, standing, _) => self.standings.push(*standing),
                JournalItem::Event(event) => self.events.push((event.seq, event.clone())),
            }
        }
    }
}

impl Beginning {
    fn of(header: &Header, first_seq: u64, state: &Value) -> Beginning {
        Beginning {
            first_seq,
            at: header.started_at,
            profile: header.profile,
            release: header.es_version.clone().unwrap_or_else(|| header.profile.release().number.to_owned()),
            seed: header.seed,
            visibility: header.visibility,
            state: Arc::new(state.clone()),
        }
    }
}
