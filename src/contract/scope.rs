//! [`Scope`]: a part of a run with a verdict of its own, from one reset to the next.
//!
//! A run is what happens between a server's start and its end. A reset ends a scope and begins the
//! next: state, time and ids go back to the start, and what was found stays in the run.

use std::sync::Arc;

use super::Counts;
use crate::clock::Timestamp;
use crate::finding::Finding;
use crate::source_place::SourcePlace;

/// A part of a run, from the start or a reset to the next reset or the end.
///
/// ```
/// let server = elastimock::MockServer::start_blocking()?;
/// server.scope("the first test");
/// // … let the client under test work against server.url() …
/// server.scope("the second test");
/// let names: Vec<String> = server.scopes().iter().map(|scope| scope.label()).collect();
/// assert_eq!(names, ["scope 1", "the first test", "the second test"]);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scope {
    /// Its number in the run, from 1.
    pub number: u64,
    /// Its name, as a rule that of a test; `None` if nobody has given one.
    pub name: Option<Arc<str>>,
    /// The number that its first call or event has, or would have.
    pub first_seq: u64,
    /// How many calls were made in it, those that the journal has forgotten included.
    pub calls: u64,
    /// In how many of them a stub had a hand.
    pub stubbed: u64,
    /// What was found in it and is not allowed: call by call, then at its end.
    pub findings: Vec<Finding>,
    /// How many findings it has, those that are no longer kept included.
    pub counts: Counts,
    /// How many findings were forgotten because somebody asked for it.
    pub forgotten: Counts,
    /// The mock's time when it began.
    pub started_at: Timestamp,
    /// Where in the tests' source it was begun, if that is known.
    pub source: Option<Arc<SourcePlace>>,
}

impl Scope {
    /// Its name, or `scope N` if it has none.
    pub fn label(&self) -> String {
        label(self.number, self.name.as_deref())
    }

    /// Whether nothing happened in it: no call, no finding, and nobody named it.
    pub fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.calls == 0
            && (self.counts, self.forgotten) == (Counts::default(), Counts::default())
    }
}

fn label(number: u64, name: Option<&str>) -> String {
    name.map_or_else(|| format!("scope {number}"), str::to_owned)
}

/// What a finding says of the scope that it was made in: the first scope of a run has no name, and a run
/// with no other needs none.
pub(super) fn mark(number: u64, name: Option<&Arc<str>>) -> Option<Arc<str>> {
    (number > 1 || name.is_some()).then(|| name.cloned().unwrap_or_else(|| label(number, None).into()))
}
