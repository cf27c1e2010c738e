//! [`JobSchedules`]: when the schedules of connectors make jobs.
//!
//! A schedule counts from the instant at which it is first seen. The instant is the exact one of the expression.
//!
//! Inferred: Elastic's service reads the expressions with a parser of Unix, without seconds, when it looks the next time; the
//! protocol says Quartz, and so does whoever writes one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::intent::SimulatedIntent;
use super::look::{StateView, is_ready};
use crate::clock::Timestamp;
use crate::es::connector::cron::CronSchedule;
use crate::es::store::Cluster;
use crate::es::sync_job::rules::JobType;

/// The schedules that are known, and when each is due.
#[derive(Clone, Debug, Default)]
pub(super) struct JobSchedules(BTreeMap<(String, JobType), KnownSchedule>);

#[derive(Clone, Debug)]
struct KnownSchedule {
    interval: String,
    schedule: Option<CronSchedule>,
    due: Option<Timestamp>,
}

impl KnownSchedule {
    fn new(interval: &str, at: Timestamp) -> KnownSchedule {
        let schedule = CronSchedule::read(interval).ok();
        let due = schedule.as_ref().and_then(|schedule| schedule.next_after(at));
        KnownSchedule { interval: interval.to_owned(), schedule, due }
    }
}

/// The schedules that are to be followed, each with its connector and its expression.
fn enabled<'c>(look: &StateView<'c>) -> impl Iterator<Item = (&'c str, JobType, &'c str)> + use<'c> {
    look.connectors().filter(|(_, source)| is_ready(source)).flat_map(|(connector, source)| {
        JobType::ALL.iter().filter_map(move |job_type| {
            let schedule = source.at(&["scheduling", job_type.name()]);
            let schedule = schedule.filter(|schedule| schedule["enabled"] == true)?;
            Some((connector, *job_type, schedule["interval"].as_str()?))
        })
    })
}

/// The next instant of a schedule after an instant, and whose it is, where no simulated side follows them: the client under
/// test may.
pub(crate) fn next_scheduled(cluster: &Cluster, now: Timestamp) -> Option<(Timestamp, String)> {
    let look = StateView { cluster, from: now, seed: 0 };
    let due = enabled(&look).filter_map(|(connector, job_type, interval)| {
        let at = CronSchedule::read(interval).ok()?.next_after(now)?;
        Some((at, format!("the {job_type} schedule of connector {connector}")))
    });
    due.min()
}

impl JobSchedules {
    pub(crate) fn plan(&mut self, look: &StateView<'_>, add: &mut impl FnMut(Timestamp, SimulatedIntent)) {
        let mut seen = BTreeSet::new();
        for (connector, job_type, interval) in enabled(look) {
            let key = (connector.to_owned(), job_type);
            if self.0.get(&key).is_none_or(|known| known.interval != interval) {
                self.0.insert(key.clone(), KnownSchedule::new(interval, look.from));
            }
            if let Some(due) = self.0.get(&key).and_then(|known| known.due) {
                add(due, SimulatedIntent::Fire { connector: connector.to_owned(), job_type });
            }
            seen.insert(key);
        }
        self.0.retain(|key, _| seen.contains(key));
    }

    pub(crate) fn perform(&mut self, intent: &SimulatedIntent, look: &StateView<'_>) -> Vec<Value> {
        let SimulatedIntent::Fire { connector, job_type } = intent else { return Vec::new() };
        let Some(known) = self.0.get_mut(&(connector.clone(), *job_type)) else { return Vec::new() };
        known.due = known.schedule.as_ref().and_then(|schedule| schedule.next_after(look.from));
        let field = match job_type {
            JobType::Full => "last_sync_scheduled_at",
            JobType::Incremental => "last_incremental_sync_scheduled_at",
            JobType::AccessControl => "last_access_control_sync_scheduled_at",
        };
        let doc = Map::from_iter([(field.to_owned(), Value::from(look.from.to_string()))]);
        vec![
            json!({ "connector": connector, "doc": doc }),
            json!({ "sync": connector, "job_type": job_type.name(), "trigger_method": "scheduled" }),
        ]
    }
}
