//! Rules along a sync job: may this be done to a job whose story is that?
//!
//! A rule speaks only of what is known. What Elasticsearch refused did not happen, and what nobody can
//! tell (the server failed) is no ground for an accusation.

use std::time::Duration;

use serde_json::Value;

use super::{RuleFinding, hms};
use crate::clock::Timestamp;
use crate::contract::deed::{COUNTERS, CursorText, DeedEffect, Door, JobAction, JobDeed};
use crate::contract::heard::ObservedCall;
use crate::contract::lane::{ConnectorLane, JobHistory, ProtocolState, is_same_cursor, value_of};
use crate::contract::sentence::Sentence;
use crate::contract::story::{CallRef, verb};
use crate::es::connector::rules::ConnectorStatus;
use crate::es::sync_job::rules::{JobType, SyncStatus};
use crate::finding::Subject;
use crate::limits::FINDING_CHARS_MAX;
use crate::near_miss::shortened;

/// From then on a cleanup may mark a job as failed. Source: connector protocol; `now-300s` in the
/// query of Elastic's service.
pub(crate) const HEARTBEAT_WITHIN: Duration = Duration::from_secs(300);

/// How long a worker may go on after it was asked to stop.
pub(crate) const CANCEL_WITHIN: Duration = Duration::from_secs(60);

/// How long a service may be silent. Source: connector protocol, half an hour.
pub(crate) const CHECK_IN_WITHIN: Duration = Duration::from_secs(1800);

/// How old a look at a job may be for its reader to rely on it.
///
/// Inferred: Elastic's service looks at a running job every 5 s and reports every 10 s; whatever
/// happens in between it cannot know.
pub(crate) const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// What a rule knows of something that was done to a job.
pub(crate) struct JobCase<'a> {
    pub heard: &'a ObservedCall<'a>,
    pub world: &'a ProtocolState,
    pub deed: &'a JobDeed<'a>,
    /// The job before.
    pub lane: &'a JobHistory,
    pub connector: Option<(&'a str, &'a ConnectorLane)>,
}

impl JobCase<'_> {
    fn is_done(&self) -> bool {
        self.deed.effect == DeedEffect::Done
    }

    fn finding(&self, message: String) -> RuleFinding {
        RuleFinding::new(message).of(Subject::Job(self.deed.job.clone().into_owned()))
    }

    fn pointer(&self, field: &str) -> String {
        format!("{}/{field}", self.deed.base)
    }

    fn at(&self) -> Timestamp {
        self.heard.at
    }

    /// Whether the client may have looked at the job just before call `change` and cannot know of it.
    fn cannot_know(&self, change: CallRef) -> bool {
        let has_looked_since = self.lane.looked.is_some_and(|look| look.seq > change.seq);
        !has_looked_since && self.world.was_looked_at(self.lane, change.seq, self.at().minus(LOOK_WITHIN))
    }

    /// Whether call `change` came so lately that a worker may have been past its last look when it came,
    /// even if somebody has read the job since: one that ends its job reads it once more for other reasons.
    fn is_fresh(&self, change: CallRef) -> bool {
        self.at().since(change.at) <= LOOK_WITHIN
    }

    fn who(&self) -> &str {
        self.deed.worker.as_deref().unwrap_or("a worker")
    }
}

const CLAIMABLE: &str = "pending or suspended";

fn claim_offence(case: &JobCase<'_>, status: SyncStatus, message: String) -> RuleFinding {
    case.finding(message)
        .with("pointer", case.pointer(if case.deed.door == Door::Direct { "status" } else { "worker_hostname" }))
        .with("expected", CLAIMABLE)
        .with("seen", status.name())
}

fn named(worker: &str) -> String {
    match worker.trim() {
        "" => "a worker without a name".to_owned(),
        "a worker" => worker.to_owned(),
        _ => format!("worker {worker}"),
    }
}

pub(crate) fn claim_of_running_job(case: &JobCase<'_>) -> Option<RuleFinding> {
    let runs = case.lane.status == Some(SyncStatus::InProgress);
    let own = case.lane.worker.is_some() && case.lane.worker.as_deref() == case.deed.worker.as_deref();
    if !case.is_done() || !runs || own {
        return None;
    }
    let since = case.lane.claimed.map(|mark| format!(" since {}", hms(mark.at))).unwrap_or_default();
    let owner = case.lane.worker.as_deref().map_or("another worker".to_owned(), named);
    let message = format!("{} claimed {}, which {owner} has been running{since}", named(case.who()), case.deed.job);
    let next = format!("both workers now run {} and overwrite each other's statistics", case.deed.job);
    Some(claim_offence(case, SyncStatus::InProgress, message).after(case.lane.claimed).then(next))
}

pub(crate) fn reclaim_of_own_job(case: &JobCase<'_>) -> Option<RuleFinding> {
    let runs = case.lane.status == Some(SyncStatus::InProgress);
    let worker = case.lane.worker.as_deref().filter(|worker| case.deed.worker.as_deref() == Some(*worker))?;
    (case.is_done() && runs).then(|| {
        let since = case.lane.claimed.map(|mark| format!(" since {}", hms(mark.at))).unwrap_or_default();
        let message = format!("{} claimed {}, which it has been running{since}", named(worker), case.deed.job);
        claim_offence(case, SyncStatus::InProgress, message)
            .after(case.lane.claimed)
            .then("`started_at` is set anew, and nobody can tell any more when the job began")
    })
}

pub(crate) fn claim_of_canceling_job(case: &JobCase<'_>) -> Option<RuleFinding> {
    if !case.is_done() || case.lane.status != Some(SyncStatus::Canceling) {
        return None;
    }
    let when = case.lane.cancel.map(|mark| format!(" at {}", hms(mark.at))).unwrap_or_default();
    let message = format!("{} claimed {}, whose cancelation was requested{when}", named(case.who()), case.deed.job);
    Some(
        claim_offence(case, SyncStatus::Canceling, message)
            .after(case.lane.cancel)
            .soft_if(case.lane.cancel.is_some_and(|cancel| case.cannot_know(cancel)))
            .then("the job is in progress again, and the request to cancel it is lost"),
    )
}

pub(crate) fn claim_of_ended_job(case: &JobCase<'_>) -> Option<RuleFinding> {
    let status = case.lane.status.filter(|_| case.is_done() && case.lane.is_ended())?;
    let when = case.lane.ended.map(|mark| format!(" at {}", hms(mark.at))).unwrap_or_default();
    let message = format!("{} claimed {}, which ended as {status}{when}", named(case.who()), case.deed.job);
    let was_canceled = status == SyncStatus::Canceled && case.lane.ended.is_some_and(|end| case.cannot_know(end));
    Some(
        claim_offence(case, status, message)
            .after(case.lane.ended)
            .soft_if(was_canceled)
            .then("the job is in progress again and still has the dates and the error of its end"),
    )
}

/// Work that Elasticsearch stored, or refused because of the job's status.
fn works(case: &JobCase<'_>) -> bool {
    let is_late = case.deed.effect == DeedEffect::Refused && case.heard.status == 400;
    match (case.deed.act, case.deed.door) {
        (JobAction::CheckIn | JobAction::Statistics, _) => case.is_done(),
        (JobAction::Become(SyncStatus::Error), Door::Api) => {
            case.is_done() || (is_late && case.heard.reason.starts_with("Invalid transition"))
        }
        _ => false,
    }
}

pub(crate) fn work_before_claim(case: &JobCase<'_>) -> Option<RuleFinding> {
    let status = case.lane.status.filter(|_| works(case) && case.lane.is_waiting())?;
    let message = format!("{} was {}, and nobody has claimed it: it is {status}", case.deed.job, verb(case.deed.act));
    Some(case.finding(message).with("expected", "in_progress or canceling").with("seen", status.name()))
}

pub(crate) fn work_after_end(case: &JobCase<'_>) -> Option<RuleFinding> {
    // Of a worker that was taken for dead another rule speaks, and not against it.
    let status = case.lane.status.filter(|_| works(case) && case.lane.is_ended() && case.lane.sentence.is_none())?;
    let when = case.lane.ended.map(|mark| format!(" at {}", hms(mark.at))).unwrap_or_default();
    let message = format!("{} was {}, although it ended as {status}{when}", case.deed.job, verb(case.deed.act));
    Some(
        case.finding(message)
            .with("expected", "in_progress or canceling")
            .with("seen", status.name())
            .after(case.lane.ended),
    )
}

pub(crate) fn illegal_transition(case: &JobCase<'_>) -> Option<RuleFinding> {
    if !case.is_done() || case.deed.door != Door::Direct {
        return None;
    }
    let from = case.lane.status?;
    let to = match case.deed.act {
        JobAction::Become(to) => Some(to),
        JobAction::Cancel => Some(SyncStatus::Canceling),
        JobAction::Misname => None,
        _ => return None,
    };
    // Written again is no move: the first answer may have been lost.
    let is_move = to != Some(from) && !to.is_some_and(|to| from.may_become(to));
    let has_own_rule = from == SyncStatus::Canceling && to == Some(SyncStatus::Completed);
    // A worker that was not let have the job may say so.
    let says_why = case.lane.claim_refused && case.lane.is_waiting() && to == Some(SyncStatus::Error);
    if !is_move || has_own_rule || says_why || case.lane.sentence.is_some() {
        return None;
    }
    let word = case.deed.word.clone().unwrap_or_default();
    let ways: Vec<&str> = SyncStatus::ALL.iter().filter(|way| from.may_become(**way)).map(|way| way.name()).collect();
    let expected = match ways.as_slice() {
        [] => format!("no further status after {from}"),
        ways => ways.join(" or "),
    };
    let unknown = case.lane.cancel.filter(|_| from == SyncStatus::Canceling);
    Some(
        case.finding(format!("{} was written {word}, which a job that is {from} cannot become", case.deed.job))
            .with("pointer", case.pointer("status"))
            .with("expected", expected)
            .with("seen", word)
            .after(case.lane.ended.or(case.lane.claimed))
            .soft_if(unknown.is_some_and(|cancel| case.is_fresh(cancel))),
    )
}

fn written_end(case: &JobCase<'_>) -> Option<SyncStatus> {
    match case.deed.act {
        JobAction::Become(to) if case.is_done() && to.is_terminal() && case.lane.status != Some(to) => Some(to),
        _ => None,
    }
}

pub(crate) fn ended_without_completed_at(case: &JobCase<'_>) -> Option<RuleFinding> {
    let to = written_end(case).filter(|_| case.deed.door == Door::Direct)?;
    (!case.deed.completed_at && !case.lane.completed_at).then(|| {
        case.finding(format!("{} was written {to} without `completed_at`", case.deed.job))
            .with("pointer", case.pointer("completed_at"))
            .with("expected", "the instant at which the job ended")
            .with("seen", Value::Null)
    })
}

pub(crate) fn failed_without_error(case: &JobCase<'_>) -> Option<RuleFinding> {
    let failed = written_end(case)? == SyncStatus::Error;
    let error = case.deed.error.as_deref().unwrap_or_default();
    (failed && error.trim().is_empty()).then(|| {
        case.finding(format!("{} failed and nobody says why", case.deed.job))
            .with("pointer", case.pointer("error"))
            .with("expected", "what went wrong")
            .with("seen", case.deed.error.clone())
    })
}

pub(crate) fn canceled_without_canceled_at(case: &JobCase<'_>) -> Option<RuleFinding> {
    let canceled = written_end(case)? == SyncStatus::Canceled && case.deed.door == Door::Direct;
    (canceled && !case.deed.canceled_at).then(|| {
        case.finding(format!("{} was written canceled without `canceled_at`", case.deed.job))
            .with("pointer", case.pointer("canceled_at"))
            .with("expected", "the instant at which the job was canceled")
            .with("seen", Value::Null)
    })
}

pub(crate) fn cancel_ignored(case: &JobCase<'_>) -> Option<RuleFinding> {
    if !case.is_done() || case.lane.status != Some(SyncStatus::Canceling) {
        return None;
    }
    let cancel = case.lane.cancel;
    let when = cancel.map(|mark| format!(" at {}", hms(mark.at))).unwrap_or_default();
    match case.deed.act {
        JobAction::Become(SyncStatus::Completed) => Some(
            case.finding(format!(
                "{} was written completed, although its cancelation was requested{when}",
                case.deed.job
            ))
            .with("pointer", case.pointer("status"))
            .with("expected", "canceled or error")
            .with("seen", "completed")
            .after(cancel)
            .soft_if(cancel.is_some_and(|cancel| case.is_fresh(cancel))),
        ),
        JobAction::CheckIn | JobAction::Statistics if !case.lane.cancel_told => {
            let cancel = cancel.filter(|cancel| case.at().since(cancel.at) > CANCEL_WITHIN)?;
            let late = case.at().since(cancel.at).as_secs();
            Some(
                case.finding(format!(
                    "{} is still worked on {late} s after its cancelation was requested{when}",
                    case.deed.job
                ))
                .with("expected", "canceled or error within 60 s")
                .with("seen", verb(case.deed.act))
                .after(Some(cancel)),
            )
        }
        _ => None,
    }
}

pub(crate) fn heartbeat_gap(case: &JobCase<'_>) -> Option<RuleFinding> {
    let counts = case.deed.seen || matches!(case.deed.act, JobAction::Become(_));
    if !case.is_done() || !counts {
        return None;
    }
    gap(&case.deed.job, case.lane, case.at())
}

/// What is wrong if a running job has not been seen for too long.
pub(crate) fn gap(job: &str, lane: &JobHistory, now: Timestamp) -> Option<RuleFinding> {
    let seen = lane.seen.filter(|_| lane.touched && lane.status == Some(SyncStatus::InProgress))?;
    let silence = now.since(seen.at);
    (silence > HEARTBEAT_WITHIN).then(|| {
        RuleFinding::new(format!("{job} is in progress and was not seen from {} to {}", hms(seen.at), hms(now)))
            .of(Subject::Job(job.to_owned()))
            .with("expected", "a sign of life at least every 300 s")
            .with("seen", format!("{} s of silence", silence.as_secs()))
            .after(Some(seen))
            .then(cleanup(seen))
    })
}

/// What a cleanup would do to a running job that was seen last at `seen`.
pub(crate) fn cleanup(seen: CallRef) -> String {
    let from = seen.at.plus(HEARTBEAT_WITHIN);
    format!("no check-in since {}; a cleanup would mark this job as failed at {}", hms(seen.at), hms(from))
}

/// A job that is alive is written failed as silent. What the worker does afterwards is not held against it.
pub(crate) fn early_death_sentence(case: &JobCase<'_>) -> Option<RuleFinding> {
    let now = CallRef { seq: case.heard.seq, at: case.at() };
    let (sentence, goes_on) = match (&case.lane.sentence, Sentence::of(case.lane, case.deed, now)) {
        (_, Some(sentence)) if sentence.is_plain => (sentence, false),
        // Whose words they were shows only now.
        (Some(sentence), None) if !sentence.is_told && !sentence.is_plain && goes_on(case) => {
            (Sentence::clone(sentence), true)
        }
        _ => return None,
    };
    let Sentence { mark, seen_at, .. } = sentence;
    let silence = mark.at.since(seen_at).as_secs();
    let job = &case.deed.job;
    let finding = match goes_on {
        false => case.finding(format!("{job} was written failed as silent, {silence} s after it was seen")),
        true => case
            .finding(format!(
                "{job} was written failed as silent at {}, {silence} s after it was seen, and its worker goes on",
                hms(mark.at)
            ))
            .after(Some(mark))
            .of_another(),
    };
    Some(
        finding
            .with("expected", "300 s without a sign of life")
            .with("seen", format!("last seen at {}", hms(seen_at)))
            .after(case.lane.seen.filter(|seen| seen.seq < mark.seq))
            .then("its worker goes on, with a job that looks failed; that is not the worker's fault"),
    )
}

/// Whether it is what a worker does that knows of no end.
fn goes_on(case: &JobCase<'_>) -> bool {
    works(case) || (case.is_done() && matches!(case.deed.act, JobAction::Become(_)))
}

pub(crate) fn counter_fell(case: &JobCase<'_>) -> Option<RuleFinding> {
    if !case.is_done() {
        return None;
    }
    let pairs = case.lane.counters.iter().zip(case.deed.counters).zip(COUNTERS);
    let (before, now, name) = pairs
        .filter_map(|((before, now), name)| Some(((*before)?, now?, name)))
        .find(|(before, now, _)| now < before)?;
    Some(
        case.finding(format!("`{name}` of {} fell from {before} to {now}", case.deed.job))
            .with("pointer", case.pointer(name))
            .with("expected", format!("{before} or more"))
            .with("seen", now)
            .after(case.lane.counted),
    )
}

fn held_cursor<'a>(case: &'a JobCase<'_>) -> Option<&'a CursorText> {
    case.connector?.1.cursor.as_ref()?.as_ref()
}

pub(crate) fn cursor_dropped(case: &JobCase<'_>) -> Option<RuleFinding> {
    let held = held_cursor(case)?;
    let dropped = case.is_done()
        && case.lane.job_type == Some(JobType::Incremental)
        && case.deed.cursor.is_none()
        && case.lane.cursor.is_none();
    dropped.then(|| {
        case.finding(format!("the incremental job {} was claimed without its connector's cursor", case.deed.job))
            .with("pointer", case.pointer("sync_cursor"))
            .with("expected", shown_cursor(held.text()))
            .with("seen", Value::Null)
            .then("the job cannot know where the last one ended, and syncs everything or nothing")
    })
}

/// A cursor as evidence: its value, or the beginning of its text where that is long.
fn shown_cursor(text: &str) -> Value {
    if text.len() > FINDING_CHARS_MAX { Value::from(shortened(text, FINDING_CHARS_MAX)) } else { value_of(text) }
}

pub(crate) fn cursor_altered(case: &JobCase<'_>) -> Option<RuleFinding> {
    let held = held_cursor(case).filter(|_| case.is_done())?;
    let told = case.deed.cursor.as_ref()?;
    let is_own = case.lane.cursor.as_ref().is_some_and(|own| is_same_cursor(own, told));
    (!is_own && !is_same_cursor(held, told)).then(|| {
        case.finding(format!("{} was claimed with a cursor that its connector does not hold", case.deed.job))
            .with("pointer", case.pointer("sync_cursor"))
            .with("expected", shown_cursor(held.text()))
            .with("seen", shown_cursor(&told.text()))
    })
}

pub(crate) fn ended_without_statistics(case: &JobCase<'_>) -> Option<RuleFinding> {
    let completed = written_end(case)? == SyncStatus::Completed;
    let silent = case.lane.counted.is_none() && case.deed.counters == [None; 3];
    (completed && silent && case.lane.claimed.is_some()).then(|| {
        case.finding(format!("{} was completed and nobody reported what it did", case.deed.job))
            .with("pointer", case.pointer(COUNTERS[0]))
            .with("expected", "statistics, at the latest with the end of the job")
            .with("seen", Value::Null)
            .after(case.lane.claimed)
    })
}

pub(crate) fn blank_worker_hostname(case: &JobCase<'_>) -> Option<RuleFinding> {
    let name = case.deed.worker.as_deref().filter(|name| name.trim().is_empty())?;
    Some(
        case.finding(format!("{} was claimed by a worker without a name", case.deed.job))
            .with("pointer", case.pointer("worker_hostname"))
            .with("expected", "the worker's host name")
            .with("seen", name),
    )
}

pub(crate) fn job_of_unready_connector(case: &JobCase<'_>) -> Option<RuleFinding> {
    let (id, connector) = case.connector.filter(|_| case.is_done())?;
    let status = connector.status?;
    matches!(status, ConnectorStatus::Created | ConnectorStatus::NeedsConfiguration).then(|| {
        case.finding(format!("{} was claimed, and its connector {id} is {status}", case.deed.job))
            .with("expected", "configured, connected or error")
            .with("seen", status.name())
    })
}

pub(crate) fn duplicate_job(case: &JobCase<'_>) -> Option<RuleFinding> {
    let id = case.deed.connector.as_deref().filter(|_| case.is_done())?;
    let connector = case.world.connector(id)?;
    let job_type = case.deed.job_type?;
    let (other, lane) = connector
        .open(job_type)
        .filter(|other| ***other != *case.deed.job)
        .find_map(|other| Some((other, case.world.job(other)?)))?;
    let status = lane.status.map_or("alive", SyncStatus::name);
    Some(
        case.finding(format!("a further {job_type} job was posted for {id}, while {other} is {status}"))
            .with("expected", format!("no other {job_type} job of the connector that is pending or in progress"))
            .with("seen", &**other)
            .after(lane.last),
    )
}

/// Spoken of a connector whose jobs are worked on.
pub(crate) fn connector_silent(case: &JobCase<'_>) -> Option<RuleFinding> {
    let (id, connector) = case.connector.filter(|_| case.is_done())?;
    let since = connector.silent_since.filter(|_| !connector.silence_told)?;
    let silence = case.at().since(since.at);
    (silence > CHECK_IN_WITHIN).then(|| {
        RuleFinding::new(format!("{id} has a job that is worked on, and was not checked in since {}", hms(since.at)))
            .of(Subject::Connector(id.to_owned()))
            .with("expected", "a check-in of the connector at least every 1800 s")
            .with("seen", format!("{} s of silence", silence.as_secs()))
            .after(Some(since))
    })
}
