//! [`StubLanes`]: the stubs that a test has prepared, and how often each has answered.
//!
//! Reckoned from what recordings have too: the stubs' own words, and the name beside each call.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::story::CallRef;
use crate::limits::STUB_CALLS_TOLD_MAX;
use crate::stub::CountSpan;

/// The stubs by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct StubLanes(BTreeMap<Arc<str>, StubLane>);

/// What is known of one stub.
#[derive(Clone, Debug, Default)]
pub(crate) struct StubLane {
    /// How often it is to answer.
    pub expect: Option<CountSpan>,
    /// How often it has.
    pub answered: u64,
    /// The first of these calls.
    pub calls: Vec<CallRef>,
    /// Where what its hand was to do could first not be done, and why.
    pub refused: Option<(CallRef, String)>,
}

impl StubLane {
    /// Whether it has answered as often as it should.
    pub(crate) fn is_met(&self) -> bool {
        self.expect.map_or(self.answered > 0, |expect| expect.has(self.answered))
    }
}

impl StubLanes {
    /// Learns stubs in the form of a fixture.
    pub(crate) fn learn(&mut self, stubs: &Value) {
        for stub in stubs.as_array().into_iter().flatten() {
            let Some(name) = stub.get("name").and_then(Value::as_str) else { continue };
            let expect = stub.get("expect").and_then(CountSpan::of_value);
            self.0.insert(name.into(), StubLane { expect, ..StubLane::default() });
        }
    }

    /// Takes in that a stub has been taken out. What it was to do stays what it was to do.
    pub(crate) fn forget(&mut self, name: &str) {
        if self.0.get(name).is_some_and(|lane| lane.expect.is_none()) {
            self.0.remove(name);
        }
    }

    /// Takes in that a stub had a hand in a call.
    pub(crate) fn answered(&mut self, name: &str, mark: CallRef) {
        if let Some(lane) = self.0.get_mut(name) {
            lane.answered += 1;
            if lane.calls.len() < STUB_CALLS_TOLD_MAX {
                lane.calls.push(mark);
            }
        }
    }

    /// Takes in that what its hand was to do could not be done.
    pub(crate) fn refused(&mut self, name: &str, mark: CallRef, why: &str) {
        if let Some(lane) = self.0.get_mut(name) {
            lane.refused.get_or_insert_with(|| (mark, why.to_owned()));
        }
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &StubLane)> {
        self.0.iter().map(|(name, lane)| (&**name, lane))
    }
}
