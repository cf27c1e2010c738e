//! [`SimulatedUser`]: somebody who fills in configurations, asks for syncs, and cancels some.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::intent::SimulatedIntent;
use super::look::{StateView, connector_of, fields, is_missing, is_ready, status_of, status_of_job, type_of};
use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::document::source::Source;
use crate::es::sync_job::rules::{JobType, SyncStatus};
use crate::limits::SIMULATED_LOOKS_MAX;

/// A user, who comes by every one to three minutes.
#[derive(Clone, Debug)]
pub(super) struct SimulatedUser {
    name: String,
    /// When the user comes next.
    next: Timestamp,
    /// The how manieth time that is.
    number: u64,
    /// The connector whose sync is regretted, and when.
    regret: Option<(String, Timestamp)>,
}

impl SimulatedUser {
    pub(crate) fn new(name: &str, at: Timestamp) -> SimulatedUser {
        SimulatedUser { name: name.to_owned(), next: at, number: 0, regret: None }
    }

    pub(crate) fn turn_back(&mut self, by: Duration) {
        self.next = self.next.minus(by);
        self.regret = None;
    }

    fn pause(&self, number: u64, look: &StateView<'_>) -> Duration {
        Duration::from_secs(59 + look.draw(&format!("{} comes", self.name), number, 121))
    }

    /// Goes to the first instant that is not over.
    fn come(&mut self, look: &StateView<'_>) {
        const DAY: Duration = Duration::from_secs(86_400);
        if look.from.since(self.next) > DAY {
            // Nobody counts how often the user came by in vain.
            self.next = look.from.minus(DAY);
        }
        while self.number == 0 || self.next < look.from {
            self.number += 1;
            self.next = self.next.plus(self.pause(self.number, look));
        }
    }

    pub(crate) fn plan(&mut self, look: &StateView<'_>, add: &mut impl FnMut(Timestamp, SimulatedIntent)) {
        self.come(look);
        self.regret = self.regret.take().filter(|(_, at)| *at >= look.from);
        if let Some((connector, at)) = &self.regret
            && let Some((job, source)) = open_job(connector, look)
            && status_of_job(source) != Some(SyncStatus::Canceling)
        {
            add(*at, SimulatedIntent::Cancel(job.to_owned()));
        }
        let (mut at, mut number) = (self.next, self.number);
        let choices = self.choices(look);
        if choices.is_empty() {
            return;
        }
        for _ in 0..SIMULATED_LOOKS_MAX {
            let chosen = look.draw(&format!("{} does", self.name), number, choices.len() as u64) as usize - 1;
            let is_in_mood = look.draw(&format!("{} cancels", self.name), number, 3) == 1;
            match &choices[chosen] {
                // Two of three jobs are let be.
                SimulatedIntent::Cancel(_) if !is_in_mood => {}
                intent => return add(at, intent.clone()),
            }
            number += 1;
            at = at.plus(self.pause(number, look));
        }
    }

    /// What there is to do, for each connector one thing at most.
    fn choices(&self, look: &StateView<'_>) -> Vec<SimulatedIntent> {
        let mut choices = Vec::new();
        for (id, connector) in look.connectors() {
            if status_of(connector) == Some(ConnectorStatus::NeedsConfiguration) {
                choices.push(SimulatedIntent::FillIn(id.to_owned()));
                continue;
            }
            if !is_ready(connector) || connector.text("index_name").is_none() {
                continue;
            }
            match open_job(id, look) {
                None => choices.push(SimulatedIntent::Ask(id.to_owned())),
                Some((job, source)) if status_of_job(source) != Some(SyncStatus::Canceling) => {
                    choices.push(SimulatedIntent::Cancel(job.to_owned()));
                }
                Some(_) => {}
            }
        }
        choices
    }

    pub(crate) fn perform(&mut self, intent: &SimulatedIntent, look: &StateView<'_>) -> Vec<Value> {
        // The next time is another one.
        while self.next <= look.from {
            self.number += 1;
            self.next = self.next.plus(self.pause(self.number, look));
        }
        match intent {
            SimulatedIntent::Ask(connector) => {
                // One sync of three is regretted within a minute.
                let is_regretted = look.draw(&format!("{} regrets", self.name), self.number, 3) == 1;
                let after = Duration::from_secs(look.draw(&format!("{} waits", self.name), self.number, 55));
                self.regret = is_regretted.then(|| (connector.clone(), look.from.plus(after)));
                vec![json!({ "sync": connector, "job_type": "full" })]
            }
            SimulatedIntent::Cancel(job) => vec![json!({ "cancel": job })],
            SimulatedIntent::FillIn(id) => {
                look.connector(id).map(|connector| filled_in(id, connector)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The job of a connector that has not ended, of those that sync content.
fn open_job<'c>(connector: &str, look: &StateView<'c>) -> Option<(&'c str, &'c Source)> {
    look.jobs().find(|(_, job)| {
        let is_open = status_of_job(job).is_some_and(|status| !status.is_terminal());
        is_open && connector_of(job) == Some(connector) && type_of(job) != JobType::AccessControl
    })
}

fn filled_in(id: &str, connector: &Source) -> Value {
    let missing = fields(connector).filter(|(_, field)| is_missing(connector, field));
    let values: Map<String, Value> = missing
        .map(|(name, field)| {
            let value = match field.get("type").and_then(Value::as_str) {
                Some("int") => json!(1),
                Some("bool") => json!(true),
                _ => json!(format!("a {name}")),
            };
            (name.clone(), json!({ "value": value }))
        })
        .collect();
    let status = ConnectorStatus::Configured.name();
    match values.is_empty() {
        true => json!({ "connector": id, "doc": { "status": status } }),
        false => json!({ "connector": id, "doc": { "configuration": values, "status": status } }),
    }
}
