//! Rules about what should have happened before the run ended.

use super::job::{HEARTBEAT_WITHIN, cleanup, gap};
use super::{RuleFinding, hms};
use crate::clock::Timestamp;
use crate::contract::deed::LAST_SYNC;
use crate::contract::lane::{JobHistory, ProtocolState};
use crate::es::sync_job::rules::{JobType, SyncStatus};
use crate::finding::Subject;

/// Every job that is silent for too long at the end.
pub(crate) fn heartbeat_gap(world: &ProtocolState, now: Timestamp) -> Vec<RuleFinding> {
    world.worked_on().into_iter().filter_map(|(id, lane)| gap(id, lane, now)).collect()
}

pub(crate) fn job_left_open(world: &ProtocolState, now: Timestamp) -> Vec<RuleFinding> {
    // The Connector API has no call that completes or suspends a job: who has nothing else cannot be asked for it.
    let is_open = |lane: &JobHistory| lane.claimed.is_some() && lane.is_running() && world.has_direct_door(lane);
    let open = world.worked_on().into_iter().filter(|(_, lane)| is_open(lane));
    open.map(|(id, lane)| {
        let status = lane.status.map_or("unknown", SyncStatus::name);
        let worker = lane.worker.as_deref().filter(|worker| !worker.trim().is_empty());
        let worker = worker.map(|worker| format!(" by worker {worker}")).unwrap_or_default();
        let when = lane.claimed.map(|mark| format!(" at {}", hms(mark.at))).unwrap_or_default();
        let finding =
            RuleFinding::new(format!("{id} was claimed{worker}{when}, and the run ended while it is {status}"))
                .of(Subject::Job(id.to_owned()))
                .with("expected", "completed, canceled, error or suspended")
                .with("seen", status)
                .after(lane.claimed)
                .after(lane.last);
        // Its worker may be at work while the test ends: only a silent one has left it.
        let is_alive = lane.seen.is_some_and(|seen| now.since(seen.at) <= HEARTBEAT_WITHIN);
        match lane.seen {
            Some(seen) => finding.then(cleanup(seen)).soft_if(is_alive),
            None => finding,
        }
    })
    .collect()
}

/// Every stub that has answered too rarely or too often.
pub(crate) fn stub_unmet(world: &ProtocolState, _now: Timestamp) -> Vec<RuleFinding> {
    let unmet = world.stubs.iter().filter(|(_, lane)| !lane.is_met());
    let refused = world.stubs.iter().filter_map(|(name, lane)| Some((name, lane.refused.as_ref()?)));
    let refused = refused.map(|(name, (mark, why))| {
        RuleFinding::new(format!("stub `{name}`: {why}")).with("stub", name).after(Some(*mark)).soft_if(true)
    });
    unmet
        .map(|(name, lane)| {
            let seen = lane.answered;
            let times = if seen == 1 { "time" } else { "times" };
            let finding = match lane.expect {
                Some(expect) => RuleFinding::new(format!("the stub `{name}` answered {seen} {times}"))
                    .with("expected", format!("{expect}")),
                None => RuleFinding::new(format!("no call was as the stub `{name}` says")).with("expected", "a call"),
            };
            let calls = lane.calls.iter().fold(finding, |finding, mark| finding.after(Some(*mark)));
            calls.with("seen", seen).with("stub", name).soft_if(lane.expect.is_none())
        })
        .chain(refused)
        .collect()
}

pub(crate) fn last_sync_unreported(world: &ProtocolState, _now: Timestamp) -> Vec<RuleFinding> {
    let ended = world.worked_on().into_iter().filter(|(_, lane)| lane.touched && lane.is_ended());
    ended
        .filter_map(|(id, lane)| {
            let (connector, end) = (lane.connector.as_deref()?, lane.ended?);
            let at = usize::from(lane.job_type == Some(JobType::AccessControl));
            let field = LAST_SYNC[at];
            let known = world.connector(connector).filter(|known| !lane.is_reported(known))?;
            let status = lane.status.map_or("ended", SyncStatus::name);
            let finding = RuleFinding::new(format!(
                "{id} ended as {status} at {}, and `{field}` of its connector {connector} was not updated",
                hms(end.at)
            ))
            .of(Subject::Job(id.to_owned()))
            .with("expected", format!("`{field}`: \"{status}\""))
            .with("seen", known.last_sync[at].clone())
            .after(Some(end));
            Some(match known.last_sync[at].as_deref() {
                Some("in_progress") => {
                    finding.then("the connector stays locked: its next job is not started before a cleanup frees it")
                }
                _ => finding,
            })
        })
        .collect()
}
