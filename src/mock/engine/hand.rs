//! The verbs of the other side's hand, and the one that goes to the next deadline.
//!
//! The hand is no client: what it does goes through the same handlers, and is neither a call of the journal nor judged.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::mode::AnswerMode;
use super::{Engine, answer_of_handler};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::record::event::Change;
use crate::simulation::next_scheduled;
use crate::stub::hand;

/// An instant at which something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// What: `the heartbeat of job job-1`, `a scroll ends`.
    pub what: String,
}

impl Engine {
    /// Does what the other side does: a user cancels a job, a document is edited. Returns the id of the job that it made,
    /// if it made one.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is no act, or Elasticsearch refuses it; [`Error::is_not_found`] if what it is
    /// about is not there.
    pub fn hand(&mut self, act: &Value, system: Timestamp) -> Result<Option<Arc<str>>, Error> {
        let at = self.now(system);
        self.prepare();
        let id = self.lend_hand(act, at)?;
        let act = Arc::new(self.shown_act(act.clone()));
        let seq = self.journal.next_seq();
        self.judge.take_hand(seq, at, &act, id.as_deref());
        let bytes = act.to_string().len();
        self.happen(at, Change::Hand { act, id: id.clone() }, bytes);
        Ok(id)
    }

    /// Does it to the state, and tells nobody.
    pub(super) fn lend_hand(&mut self, act: &Value, at: Timestamp) -> Result<Option<Arc<str>>, Error> {
        let request = hand::request(act, at)?;
        let read = self.desk().read(&request);
        let AnswerMode::Mock(mocked) = &mut self.mode else {
            return match self.mode {
                AnswerMode::Upstream => Err(self.no_state()),
                // The recorded answers know of it already.
                _ => Ok(None),
            };
        };
        let (status, body) = answer_of_handler(read, mocked.cluster_mut(), at);
        if (200..300).contains(&status) {
            return Ok(body.get("id").and_then(Value::as_str).map(Arc::from));
        }
        let reason = body.pointer("/error/reason").or_else(|| body.get("error")).and_then(Value::as_str);
        // The rest of the act may hold a secret.
        let what = hand::verb(act).map_or_else(|_| String::new(), |verb| json!({ verb: act[verb] }).to_string());
        let message = format!("the hand cannot do {what}: {}", reason.unwrap_or("refused"));
        Err(if status == 404 { Error::not_found(message) } else { Error::invalid_input(message) })
    }

    /// An act as it may be told: what is secret in the document that it writes is masked.
    pub(super) fn shown_act(&mut self, mut act: Value) -> Value {
        if let Some(doc) = act.get_mut("doc") {
            let mut shown = json!({ "connectors": [doc.take()] });
            self.journal.known.state(&mut shown);
            *doc = shown["connectors"][0].take();
        }
        act
    }

    /// Notes that an answer is on its way.
    pub(super) fn is_late(&mut self, at: Timestamp, delay: Duration, seq: u64, operation: Option<&str>) {
        self.late.retain(|(due, _)| *due > at);
        let what = format!("the answer of call {seq} ({})", operation.unwrap_or("unknown"));
        self.late.push((at.plus(delay), what));
    }

    /// The next instant at which something is due: an answer that comes late, the end of a scroll, a point in time or an API
    /// key, a sign of life that a client owes, what a simulated side does, an instant of a schedule; `None` if there is
    /// nothing.
    pub fn next_deadline(&mut self, system: Timestamp) -> Option<Deadline> {
        let now = self.now(system);
        let known = self.coming(now).chain(self.judge.next_due(now)).min();
        let first = known.into_iter().chain(self.next_simulated()).min();
        first.map(|(at, what)| Deadline { at, what })
    }

    /// What comes after an instant, beside what clients owe and simulated sides do.
    fn coming(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, String)> {
        let late = self.late.iter().filter(move |(due, _)| *due > now).cloned();
        let cluster = self.cluster().ok();
        let ends = cluster.and_then(|cluster| cluster.contexts.next_end(now));
        let ends = ends.map(|(at, what)| (at, format!("{what} ends")));
        let key = cluster.and_then(|cluster| cluster.api_keys().next_end(now));
        let key = key.map(|(at, name)| (at, format!("the API key {name} ends")));
        let scheduled = cluster.filter(|_| self.simulation.is_none());
        let scheduled = scheduled.and_then(|cluster| next_scheduled(cluster, now));
        late.chain(ends).chain(key).chain(scheduled)
    }

    /// What comes next beside what clients owe, in its order: of each kind the first, and all answers on their way.
    pub(super) fn told_coming(&self) -> Vec<(Timestamp, String)> {
        let mut coming: Vec<_> = self.coming(self.latest).collect();
        // What is planned is reckoned for this look alone.
        if let (Some(mut simulation), AnswerMode::Mock(mocked)) = (self.simulation.clone(), &self.mode) {
            coming.extend(simulation.next_due(mocked.cluster()));
        }
        coming.sort();
        coming
    }

    /// Moves the clock to the next instant at which something is due, and tells which; leaves it where it is if there is
    /// none.
    pub fn advance_to_next_deadline(&mut self, system: Timestamp) -> Option<Deadline> {
        let deadline = self.next_deadline(system)?;
        let now = self.now(system);
        self.advance(system, deadline.at.since(now));
        Some(deadline)
    }
}
