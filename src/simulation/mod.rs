//! The other side as a character: a connector service, a user, the schedules of connectors.
//!
//! [`Simulation`] looks at the state and says what a simulated side does next, and when: an act in the form of the
//! other side's hand. It changes nothing itself. Nothing here waits: what is due is done before the next call that
//! comes after it, or when the mock's clock passes it, in the order in which it was due.
//!
//! ```text
//! side.rs       Simulated: which side, and with what character
//! service.rs    a connector service, after the one of Elastic
//! schedule.rs   the schedules of connectors
//! user.rs       somebody who asks for syncs and cancels some
//! intent.rs     what a side is about to do
//! look.rs       the state as a side sees it
//! ```
//!
//! Source of what a service does, and when: Elastic's connector service 9.6, as its calls were measured.

mod intent;
mod look;
mod schedule;
mod service;
mod side;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::es::store::{CONNECTORS, Cluster, SYNC_JOBS};
use intent::SimulatedIntent;
use look::StateView;
use schedule::JobSchedules;
pub(crate) use schedule::next_scheduled;
use service::SimulatedService;
pub use side::Simulated;
use side::SimulatedSide;
use user::SimulatedUser;

/// The smallest step of time.
const TICK: Duration = Duration::from_nanos(1);

/// All simulated sides of a mock, and how far each has come.
#[derive(Clone, Debug)]
pub(crate) struct Simulation {
    seed: u64,
    sides: Vec<SimulatedPlayer>,
    /// Which of them follows the schedules of connectors.
    scheduler: Option<usize>,
    schedules: JobSchedules,
    /// Everything that was due before that instant has been done.
    from: Timestamp,
    /// What has been done at that instant, so that it is done once.
    done: BTreeSet<(usize, SimulatedIntent)>,
    /// What is due next, as long as both indices have been written to that often.
    next: Option<Option<PlannedAct>>,
    writes: (u64, u64),
}

#[derive(Clone, Debug)]
struct SimulatedPlayer {
    name: String,
    part: SimulatedPart,
}

#[derive(Clone, Debug)]
enum SimulatedPart {
    Service(SimulatedService),
    User(SimulatedUser),
    Schedules,
}

/// What is due next; earlier is less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PlannedAct {
    at: Timestamp,
    intent: SimulatedIntent,
    side: usize,
}

/// What a side does at an instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SimulatedStep {
    /// When.
    pub(crate) at: Timestamp,
    /// Who.
    pub(crate) side: String,
    /// What, act by act, each in the form of the other side's hand.
    pub(crate) acts: Vec<Value>,
}

impl Simulation {
    /// These sides from an instant on.
    pub(crate) fn new(sides: &[Simulated], seed: u64, at: Timestamp) -> Simulation {
        let mut players: Vec<SimulatedPlayer> = Vec::new();
        for side in sides {
            let kind = side.0.kind();
            let same = players.iter().filter(|player| player.part.kind() == kind).count();
            let name = if same == 0 { kind.to_owned() } else { format!("{kind}-{}", same + 1) };
            let part = match side.0 {
                SimulatedSide::Service(character) => {
                    SimulatedPart::Service(SimulatedService::new(character, &name, at))
                }
                SimulatedSide::User => SimulatedPart::User(SimulatedUser::new(&name, at)),
                SimulatedSide::Schedules => SimulatedPart::Schedules,
            };
            players.push(SimulatedPlayer { name, part });
        }
        // In real life the service follows them; where there is none, whoever there is does.
        let of_service = players.iter().position(|player| matches!(player.part, SimulatedPart::Service(_)));
        let scheduler = of_service.or((!players.is_empty()).then_some(0));
        Simulation {
            seed,
            sides: players,
            scheduler,
            schedules: JobSchedules::default(),
            from: at.plus(TICK),
            done: BTreeSet::new(),
            next: None,
            writes: (0, 0),
        }
    }

    /// When a side does something next if nobody else does before, and what.
    pub(crate) fn next_due(&mut self, cluster: &Cluster) -> Option<(Timestamp, String)> {
        self.plan(cluster);
        let PlannedAct { at, intent, side } = self.next.as_ref()?.as_ref()?;
        Some((*at, intent.told(&self.sides[*side].name)))
    }

    /// The next thing that a side does, if it is due by that instant. Whoever asks does it, and asks again until
    /// there is nothing.
    pub(crate) fn step(&mut self, cluster: &Cluster, until: Timestamp) -> Option<SimulatedStep> {
        self.plan(cluster);
        match self.next.take() {
            Some(Some(planned)) if planned.at <= until => {
                let PlannedAct { at, intent, side } = planned;
                if at != self.from {
                    self.from = at;
                    self.done.clear();
                }
                let look = StateView { cluster, from: at, seed: self.seed };
                let SimulatedPlayer { name, part } = &mut self.sides[side];
                let acts = match (&intent, part) {
                    (SimulatedIntent::Fire { .. }, _) => self.schedules.perform(&intent, &look),
                    (_, SimulatedPart::Service(service)) => service.perform(&intent, &look),
                    (_, SimulatedPart::User(user)) => user.perform(&intent, &look),
                    (_, SimulatedPart::Schedules) => Vec::new(),
                };
                let side = (side, name.clone());
                self.done.insert((side.0, intent));
                Some(SimulatedStep { at, side: side.1, acts })
            }
            planned => {
                self.next = planned;
                self.pass(until);
                None
            }
        }
    }

    /// Leaves out what would be due by that instant: too much was.
    pub(crate) fn skip(&mut self, until: Timestamp) {
        self.pass(until);
        self.schedules = JobSchedules::default();
        self.next = None;
    }

    fn pass(&mut self, until: Timestamp) {
        if self.from <= until {
            self.from = until.plus(TICK);
            self.done.clear();
        }
    }

    /// Follows a clock that goes back to an instant: what was to come in an hour comes in an hour.
    pub(crate) fn turn_back(&mut self, to: Timestamp) {
        let by = self.from.minus(TICK).since(to);
        for player in &mut self.sides {
            match &mut player.part {
                SimulatedPart::Service(service) => service.turn_back(by),
                SimulatedPart::User(user) => user.turn_back(by),
                SimulatedPart::Schedules => {}
            }
        }
        self.schedules = JobSchedules::default();
        self.from = to.plus(TICK);
        self.done.clear();
        self.next = None;
    }

    /// Whether an instant lies before what has been done.
    pub(crate) fn is_ahead_of(&self, at: Timestamp) -> bool {
        self.from > at.plus(TICK)
    }

    fn plan(&mut self, cluster: &Cluster) {
        let written = |name: &str| cluster.indices.get(name).map_or(0, |index| index.writes());
        let writes = (written(CONNECTORS), written(SYNC_JOBS));
        if self.next.is_some() && writes == self.writes {
            return;
        }
        self.writes = writes;
        let look = StateView { cluster, from: self.from, seed: self.seed };
        let mut planned: Vec<PlannedAct> = Vec::new();
        for (side, player) in self.sides.iter_mut().enumerate() {
            let mut add = |at: Timestamp, intent: SimulatedIntent| {
                planned.push(PlannedAct { at: at.max(look.from), intent, side })
            };
            let is_dead = match &mut player.part {
                SimulatedPart::Service(service) => {
                    service.plan(&look, &mut add);
                    service.is_dead()
                }
                SimulatedPart::User(user) => {
                    user.plan(&look, &mut add);
                    false
                }
                SimulatedPart::Schedules => false,
            };
            if self.scheduler == Some(side) && !is_dead {
                self.schedules.plan(&look, &mut add);
            }
        }
        planned
            .retain(|planned| planned.at > self.from || !self.done.contains(&(planned.side, planned.intent.clone())));
        self.next = Some(planned.into_iter().min());
    }
}

impl SimulatedPart {
    fn kind(&self) -> &'static str {
        match self {
            SimulatedPart::Service(_) => SimulatedSide::SERVICE,
            SimulatedPart::User(_) => SimulatedSide::USER,
            SimulatedPart::Schedules => SimulatedSide::SCHEDULES,
        }
    }
}
