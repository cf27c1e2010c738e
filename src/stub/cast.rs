//! [`Cast`]: all stubs of a mock, and how often each has answered. It decides who answers a call, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::about::StubbedRequest;
use super::template::Filling;
use super::then::{StubAction, StubResponse};
use super::{Closure, Script};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::fault::{Fault, FaultKind};
use crate::ids::{IdSource, draw};
use crate::near_miss::NearMiss;

/// All stubs of a mock, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    seed: u64,
    ids: IdSource,
    players: Vec<Player>,
    names: BTreeSet<Arc<str>>,
    /// Of names that were made here, the number that was given out last.
    numbers: BTreeMap<Arc<str>, u64>,
}

/// A stub, and what has become of it in this scope.
#[derive(Clone, Debug)]
struct Player {
    script: Script,
    /// Calls that were as its request says.
    seen: u64,
    /// When the first of them came that is meant by its number.
    first: Option<Timestamp>,
    /// Calls that it has answered.
    answered: u64,
    /// While it waits for more: of the calls that were not so, the one that came closest, with how much it differs.
    nearest: Option<(usize, NearMiss)>,
}

/// What is to be done with a call.
#[derive(Clone)]
pub(crate) struct Decision {
    /// The stub's name.
    pub name: Arc<str>,
    /// What is done.
    pub action: StubAction,
    /// JSON or a text that a template has made.
    pub filled: Option<Value>,
    /// What the other side's hand does right before.
    pub hand: Option<Value>,
    /// What goes wrong with the answer.
    pub fault: Option<Fault>,
    /// Who computes the answer, if it is computed.
    pub closure: Option<Closure>,
}

impl std::fmt::Debug for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decision").field("name", &self.name).field("action", &self.action).finish_non_exhaustive()
    }
}

/// How a stub stands.
#[derive(Clone, Debug)]
pub(crate) struct StubStanding<'c> {
    /// Its name.
    pub name: &'c str,
    /// The stub as it was written.
    pub spec: &'c Value,
    /// Calls of this scope that were as its request says.
    pub seen: u64,
    /// Calls of this scope that it has answered.
    pub answered: u64,
}

impl Cast {
    /// These stubs, of which none has answered yet.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a name is given twice.
    pub(crate) fn new(scripts: impl IntoIterator<Item = Script>, seed: u64) -> Result<Cast, Error> {
        // Apart from the ids that the cluster makes, so that a stub shifts none of them.
        let ids = IdSource::seeded(seed ^ 0x57AB_57AB_57AB_57AB);
        let (players, names, numbers) = Default::default();
        let mut cast = Cast { seed, ids, players, names, numbers };
        for script in scripts {
            cast.add(script)?;
        }
        Ok(cast)
    }

    /// Adds a stub, which goes before those that are there. Returns it as it is now called.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if there is one of that name.
    pub(crate) fn add(&mut self, script: Script) -> Result<&Script, Error> {
        let script = match (self.names.contains(&*script.name), script.is_named) {
            (false, _) => script,
            (true, true) => {
                return Err(Error::invalid_input(format!(
                    "there is a stub `{}` already; rename one of the two, or remove the other first",
                    script.name
                )));
            }
            (true, false) => {
                let last = self.numbers.entry(script.name.clone()).or_insert(1);
                loop {
                    *last += 1;
                    let name = format!("{}-{last}", script.name);
                    if !self.names.contains(&*name) {
                        break script.renamed(name);
                    }
                }
            }
        };
        self.names.insert(script.name.clone());
        self.players.push(Player { script, seen: 0, first: None, answered: 0, nearest: None });
        Ok(&self.players.last().expect("it has just been added").script)
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        if !self.names.remove(name) {
            return false;
        }
        // A number that was free once is free again.
        self.numbers.clear();
        self.players.retain(|player| &*player.script.name != name);
        true
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    /// All of them, in their order.
    pub(crate) fn standings(&self) -> impl Iterator<Item = StubStanding<'_>> {
        self.players.iter().map(|player| StubStanding {
            name: &player.script.name,
            spec: &player.script.spec,
            seen: player.seen,
            answered: player.answered,
        })
    }

    /// The call that came closest to what a stub waits for.
    pub(crate) fn nearest(&self, name: &str) -> Option<&NearMiss> {
        let player = self.players.iter().find(|player| &*player.script.name == name)?;
        player.nearest.as_ref().map(|(_, near)| near)
    }

    /// The names of the gates at which calls are held, each once.
    pub(crate) fn gates(&self) -> Vec<&str> {
        let actions = self.players.iter().flat_map(|player| &player.script.then);
        let mut names: Vec<&str> =
            actions.filter_map(|action| action.hold.as_ref().map(|(name, _)| name.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Who answers a call, and how: the last one that matches. `seq` is the number that the call will have.
    pub(crate) fn decide(&mut self, asked: &StubbedRequest<'_>, seq: u64, now: Timestamp) -> Option<Decision> {
        let mut winner = None;
        for (at, player) in self.players.iter_mut().enumerate() {
            let script = &player.script;
            if !script.when.admits(asked) {
                if player.is_short() {
                    player.look_at(asked, seq);
                }
                continue;
            }
            player.seen += 1;
            if !player.is_short() {
                player.nearest = None;
            }
            let counts = script.when.counts(player.seen);
            if counts {
                player.first.get_or_insert(now);
            }
            let is_over = |length| player.first.is_some_and(|first| now >= first.plus(length));
            let is_meant = counts
                && !script.when.within.is_some_and(is_over)
                && script.times.is_none_or(|times| player.answered < times)
                && script.chance.is_none_or(|chance| draw(self.seed, &script.name, player.seen) < chance);
            if is_meant {
                winner = Some(at);
            }
        }
        let player = &mut self.players[winner?];
        player.answered += 1;
        let Player { script, answered, seen, .. } = player;
        let last = script.then.len().saturating_sub(1) as u64;
        let action = script.then.get((*answered - 1).min(last) as usize).cloned().unwrap_or_default();
        let filled = match &action.own {
            StubResponse::Template(template) => {
                Some(template.fill(asked, &mut Filling { now, call: *answered, ids: &mut self.ids }))
            }
            _ => None,
        };
        let hand =
            action.hand.as_ref().map(|act| act.fill(asked, &mut Filling { now, call: *answered, ids: &mut self.ids }));
        let delay = action.delay.map(|(from, to)| {
            let span = (to - from).as_millis() as f64;
            from + Duration::from_millis((span * draw(self.seed ^ 1, &script.name, *seen)).round() as u64)
        });
        let fault = (action.fault.is_some() || delay.is_some_and(|delay| !delay.is_zero())).then(|| Fault {
            acts_before: action.fault.is_some() && !action.acts(),
            delay: delay.unwrap_or_default(),
            after_bytes: action.after_bytes,
            over: action.over,
            ..Fault::new(action.fault.unwrap_or(FaultKind::Late))
        });
        Some(Decision { name: script.name.clone(), action, filled, hand, fault, closure: script.closure.clone() })
    }
}

impl Player {
    /// Whether it waits for more calls than came.
    fn is_short(&self) -> bool {
        self.seen < self.script.least
    }

    /// Keeps the call if it comes closer than others before it.
    fn look_at(&mut self, asked: &StubbedRequest<'_>, seq: u64) {
        let (is_close, differences) = self.script.when.differences(asked);
        let count = differences.len();
        if !is_close || self.nearest.as_ref().is_some_and(|(known, _)| *known <= count) {
            return;
        }
        let mut near = NearMiss {
            nearest: format!("call {seq}, {} {}", asked.shown.method(), asked.shown.target()),
            operation: asked.operation.map(str::to_owned),
            recorded_seq: Some(seq),
            ..NearMiss::default()
        };
        differences.into_iter().for_each(|difference| near.add(difference));
        self.nearest = Some((count, near));
    }
}
