//! Gates: calls that are held before the mock acts on them, until somebody lets them go.
//!
//! Whoever lets a call go has the mock act on it there and then, so that the order of letting go is the order of acting.
//! The wire waits meanwhile, and is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Engine, ParsedRequest, PendingResponse};
use crate::clock::Timestamp;
use crate::http::Request;
use crate::stub::Decision;

/// The calls that are held, and those that have been let go and not been fetched.
#[derive(Debug, Default)]
pub(super) struct Gates {
    held: Vec<GatedCall>,
    freed: BTreeMap<u64, PendingResponse>,
    last: u64,
    /// How often a call came to be held, or went.
    changes: u64,
}

/// A call that is held.
struct GatedCall {
    number: u64,
    gate: Arc<str>,
    at: Timestamp,
    operation: Option<&'static str>,
    /// What the stub does with it.
    decision: Option<Box<Decision>>,
    request: Request,
    shown: Request,
}

impl std::fmt::Debug for GatedCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("number", &self.number).field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// What becomes of a call that comes to where gates are.
// Made for every call and taken apart at once: a box would cost each of them an allocation.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Arrival<'r> {
    /// It goes on.
    Goes(ParsedRequest<'r>),
    /// It is held, under that number.
    Held(u64),
}

/// A call that is held at a gate, as a test sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeldCall {
    /// Its number among all calls that were ever held, from 1.
    pub number: u64,
    /// The gate.
    pub gate: Arc<str>,
    /// The mock's time at which it came.
    pub at: Timestamp,
    /// The operation that it calls.
    pub operation: Option<&'static str>,
    /// The call, with secrets masked.
    pub request: Request,
}

impl Engine {
    /// The names of the gates that there are.
    pub fn gates(&self) -> Vec<String> {
        self.stubs.iter().flat_map(|cast| cast.gates()).map(str::to_owned).collect()
    }

    /// Whether a call may have to be held.
    pub fn has_gates(&self) -> bool {
        self.stubs.as_ref().is_some_and(|cast| !cast.gates().is_empty())
    }

    /// Asks the stubs about a call that comes, and holds it if one says so. The last one that a gate waits for opens it.
    pub(crate) fn arrive<'r>(
        &mut self,
        mut read: ParsedRequest<'r>,
        request: &'r Request,
        system: Timestamp,
    ) -> Arrival<'r> {
        if self.stubs.is_none() {
            return Arrival::Goes(read);
        }
        let at = self.now(system);
        self.prepare();
        let mask = self.journal.mask(read.reading.facts, request, false);
        let shown = mask.over(request).clone();
        let seq = self.journal.next_seq();
        let decision = match read.decided.take() {
            Some(decided) => decided,
            None => self.decide(&read.reading, request, &shown, seq),
        };
        let Some((gate, until)) = decision.as_ref().and_then(|decision| decision.action.hold.clone()) else {
            read.decided = Some(decision);
            return Arrival::Goes(read);
        };
        self.gates.last += 1;
        self.gates.changes += 1;
        let number = self.gates.last;
        let gate: Arc<str> = gate.into();
        let operation = read.reading.operation;
        let request = request.clone();
        self.gates.held.push(GatedCall { number, gate: gate.clone(), at, operation, decision, request, shown });
        let count = self.gates.held.iter().filter(|kept| kept.gate == gate).count() as u64;
        if until.is_some_and(|until| count >= until) {
            self.release(&gate, None, system);
        }
        Arrival::Held(number)
    }

    /// The calls that are held, of one gate or of all: by what they ask for, so that the order does not depend on which
    /// of two clients was quicker, and then by their coming.
    pub fn held(&self, gate: Option<&str>) -> Vec<HeldCall> {
        let kept = self.gates.held.iter().filter(|kept| gate.is_none_or(|gate| *kept.gate == *gate));
        let mut held: Vec<HeldCall> = kept
            .map(|kept| HeldCall {
                number: kept.number,
                gate: kept.gate.clone(),
                at: kept.at,
                operation: kept.operation,
                request: kept.shown.clone(),
            })
            .collect();
        held.sort_by(|one, other| {
            let key = |call: &HeldCall| {
                let request = &call.request;
                (call.gate.clone(), request.target().to_owned(), request.body().clone(), call.number)
            };
            key(one).cmp(&key(other))
        });
        held
    }

    /// A number that is another one whenever a call has come to be held, or has gone.
    pub(crate) fn gate_changes(&self) -> u64 {
        self.gates.changes
    }

    /// The gates with the calls that they hold, as the admin API tells them.
    pub(crate) fn told_gates(&self) -> Vec<Value> {
        let held = self.held(None);
        let told = |name: String| {
            let held = held.iter().filter(|call| *call.gate == *name).enumerate().map(|(at, call)| {
                let request = &call.request;
                json!({
                    "call": at,
                    "at": call.at.to_string(),
                    "operation": call.operation,
                    "method": request.method().as_str(),
                    "path": request.path(),
                    "body": request.body_json(),
                })
            });
            json!({ "name": name, "held": held.collect::<Vec<_>>() })
        };
        self.gates().into_iter().map(told).collect()
    }

    /// Lets calls of a gate go, in the order of their numbers as they are given; all of them, in the order of
    /// [`Engine::held`], if none are. Returns how many went.
    pub fn release(&mut self, gate: &str, numbers: Option<&[u64]>, system: Timestamp) -> usize {
        let all: Vec<u64> = self.held(Some(gate)).iter().map(|call| call.number).collect();
        let mut count = 0;
        for number in numbers.unwrap_or(&all).iter().filter(|number| all.contains(number)) {
            let Some(at) = self.gates.held.iter().position(|kept| kept.number == *number) else { continue };
            let GatedCall { decision, request, .. } = self.gates.held.remove(at);
            self.gates.changes += 1;
            let read = ParsedRequest { decided: Some(decision), ..self.desk().read(&request) };
            let acted = self.act(read, &request, system);
            self.gates.freed.insert(*number, acted);
            count += 1;
        }
        count
    }

    /// Lets all calls of all gates go.
    pub(super) fn open_gates(&mut self, system: Timestamp) {
        while let Some(gate) = self.gates.held.first().map(|kept| kept.gate.clone()) {
            self.release(&gate, None, system);
        }
    }

    /// Lets calls go that no stub would hold any more.
    pub(super) fn open_gates_without_stub(&mut self) {
        let known = self.gates();
        let latest = self.latest;
        loop {
            let is_open = |kept: &&GatedCall| !known.iter().any(|name| **name == *kept.gate);
            let Some(gate) = self.gates.held.iter().find(is_open).map(|kept| kept.gate.clone()) else { return };
            self.release(&gate, None, latest);
        }
    }

    /// What has become of a call that was held, once it has been let go.
    pub(crate) fn take_freed(&mut self, number: u64) -> Option<PendingResponse> {
        self.gates.freed.remove(&number)
    }

    /// Whoever made the call has gone: one that is still held is never made.
    pub fn give_up(&mut self, number: u64) {
        let before = self.gates.held.len();
        self.gates.held.retain(|kept| kept.number != number);
        self.gates.changes += (before - self.gates.held.len()) as u64;
        self.gates.freed.remove(&number);
    }
}
