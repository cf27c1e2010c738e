//! [`Event`]: a change of a run that no call made, so that a recording tells the whole run.
//!
//! Events stand among the calls, by number. Source of their form: this project's recording format.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::source_place::SourcePlace;

/// Something that happened to the mock and was no call of a client.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its number, from 1, among those of calls.
    pub seq: u64,
    /// The mock's time; of a moved clock the new one, of a reset the last instant of the scope that ends.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
}

/// What an [`Event`] did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A scope ended and the next began: state, clock and ids as at the start.
    Reset {
        /// The name of the scope that begins.
        scope: Option<Arc<str>>,
        /// The mock's time when it begins.
        started_at: Timestamp,
        /// The state that it begins with, in the form of a fixture; `None` if it is that of the header.
        state: Option<Arc<Value>>,
        /// Whether the findings of the scope that ended are forgotten.
        forget: bool,
        /// Where in the tests' source the scope that begins was begun, if that is known.
        source: Option<Arc<SourcePlace>>,
    },
    /// A state was put in the place of all that was there, or added to it.
    State {
        /// Whether it took the place of all that was there.
        whole: bool,
        /// The state, in the form of a fixture.
        state: Arc<Value>,
    },
    /// The clock was set or moved.
    Clock {
        /// Whether it stands still now.
        frozen: bool,
    },
    /// A rule may be broken in this scope.
    Allow {
        /// The rule's id.
        rule: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// Stubs came or went.
    Stubs {
        /// Those that came, as a list.
        added: Arc<Value>,
        /// The names of those that went.
        removed: Vec<Arc<str>>,
    },
    /// The other side did something: a job was canceled, a document changed, and no client did it.
    Hand {
        /// What, in the form of `POST /_elastimock/hand`.
        act: Arc<Value>,
        /// The id of the job that it made, if it made one.
        id: Option<Arc<str>>,
    },
    /// A simulated side did something.
    Simulated {
        /// Which side.
        side: Arc<str>,
        /// What, in the form of `POST /_elastimock/hand`.
        act: Arc<Value>,
        /// The id of the job that it made, if it made one.
        id: Option<Arc<str>>,
        /// Why nothing came of it, if nothing did: what a stub wanted done could not be.
        refused: Option<Arc<str>>,
    },
    /// All findings of the run so far are forgotten.
    Forget,
    /// The run ended at that instant, long enough after the last line that the verdict depends on it.
    End,
}

impl Change {
    /// The names of all events.
    pub(crate) const NAMES: [&str; 9] =
        ["reset", "state", "clock", "allow", "stubs", "hand", "simulated", "forget", "end"];

    /// The name that stands in a recording.
    pub fn name(&self) -> &'static str {
        match self {
            Change::Reset { .. } => "reset",
            Change::State { .. } => "state",
            Change::Clock { .. } => "clock",
            Change::Allow { .. } => "allow",
            Change::Stubs { .. } => "stubs",
            Change::Hand { .. } => "hand",
            Change::Simulated { .. } => "simulated",
            Change::Forget => "forget",
            Change::End => "end",
        }
    }
}
