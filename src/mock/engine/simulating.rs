//! The stage of simulated sides: what they do until an instant is done, in its order.
//!
//! [`Simulation`] says what is due; here it is carried out as the other side's hand would, and told.

use std::sync::Arc;

use serde_json::Value;

use super::mode::AnswerMode;
use super::{Engine, Setup, answer_of_handler};
use crate::clock::Timestamp;
use crate::limits;
use crate::record::event::{Change, Event};
use crate::simulation::{SimulatedStep, Simulation};
use crate::stub::hand;

/// The simulated sides of a mock at an instant; `None` if there are none.
pub(super) fn at_start(setup: &Setup, at: Timestamp) -> Option<Box<Simulation>> {
    (!setup.simulated.is_empty()).then(|| Box::new(Simulation::new(&setup.simulated, setup.seed, at)))
}

impl Engine {
    /// Has the simulated sides do what is due by an instant.
    pub(super) fn live(&mut self, until: Timestamp) {
        let Some(mut simulation) = self.simulation.take() else { return };
        if simulation.is_ahead_of(until) {
            simulation.turn_back(until);
        }
        let mut count = 0;
        while let AnswerMode::Mock(mocked) = &self.mode {
            if count == limits::SIMULATED_STEPS_MAX {
                simulation.skip(until);
                break;
            }
            count += 1;
            let Some(SimulatedStep { at, side, acts }) = simulation.step(mocked.cluster(), until) else { break };
            self.prepare();
            let side: Arc<str> = side.into();
            acts.into_iter().for_each(|act| self.simulate(&side, act, at));
        }
        self.simulation = Some(simulation);
    }

    /// Does what a simulated side does. What Elasticsearch refuses has not been done.
    fn simulate(&mut self, side: &Arc<str>, act: Value, at: Timestamp) {
        if let Ok(id) = self.lend_hand(&act, at) {
            self.note_simulated(side.clone(), act, Ok(id), at);
        }
    }

    /// The other side's hand strikes, as a stub says. What it cannot do is told: nothing happens that the test's author
    /// has written down.
    pub(super) fn strike(&mut self, act: Value, stub: &str, at: Timestamp) {
        let done = self.lend_hand(&act, at).map_err(|error| error.to_string().into());
        self.note_simulated(format!("{}{stub}", hand::SIDE_OF_STUB).into(), act, done, at);
    }

    /// Tells what a simulated side has done, or why it could not.
    fn note_simulated(&mut self, side: Arc<str>, act: Value, done: Result<Option<Arc<str>>, Arc<str>>, at: Timestamp) {
        let act = Arc::new(self.shown_act(act));
        // A refusal may quote what was refused; what is secret in the act is known by now.
        let done = done.map_err(|why| Arc::<str>::from(self.journal.known.text(&why)));
        let seq = self.journal.next_seq();
        match &done {
            Ok(id) => self.judge.take_hand(seq, at, &act, id.as_deref()),
            Err(why) => self.judge.learn_refused(seq + 1, at, &side, why),
        }
        let bytes = act.to_string().len();
        let (id, refused) = done.map_or_else(|why| (None, Some(why)), |id| (id, None));
        self.happen(at, Change::Simulated { side, act, id, refused }, bytes);
    }

    /// In a playback, tells what simulated sides did before the recorded call that comes next, as long before the call that
    /// comes now as they did it then.
    pub(super) fn follow_simulated(&mut self, now: Timestamp) {
        let AnswerMode::Playback(playback) = &mut self.mode else { return };
        for (before, Event { change, .. }) in playback.take_simulated() {
            let at = now.minus(before);
            let Change::Simulated { side, act, id, refused } = change else { continue };
            if let (Some(mocked), Ok(request), None) = (&mut self.understudy, hand::request(&act, at), &refused) {
                let read = super::RequestParser(self.setup.setting()).read(&request);
                answer_of_handler(read, mocked.cluster_mut(), at);
            }
            self.note_simulated(side, (*act).clone(), refused.map_or(Ok(id), Err), at);
        }
    }

    /// When a simulated side does something next, and what.
    pub(super) fn next_simulated(&mut self) -> Option<(Timestamp, String)> {
        let AnswerMode::Mock(mocked) = &self.mode else { return None };
        self.simulation.as_mut()?.next_due(mocked.cluster())
    }

    /// Lets the simulated sides begin anew, with another state.
    pub(super) fn simulate_anew(&mut self, at: Timestamp) {
        if self.simulation.is_some() {
            self.simulation = at_start(&self.setup, at);
        }
    }
}
