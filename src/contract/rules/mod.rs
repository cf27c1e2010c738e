//! The rules of the judgement, one row each: id, severity, what it demands and why, where that is
//! written, how to mend a client, and how to see that the demand was not met.
//!
//! The checks stand in the files beside this one, by what they look at. The two transcripts of a rule,
//! one that breaks it and one that just keeps it, are in `fixtures/rules`.

pub(crate) mod call;
mod connector;
mod end;
pub(crate) mod job;
pub(crate) mod manners;

use std::fmt;

use serde_json::{Map, Value};

use super::deed::{ConnectorDeed, DeedEffect, JobAction};
use super::heard::ObservedCall;
use super::lane::ProtocolState;
use super::story::CallRef;
use crate::clock::Timestamp;
use crate::finding::{Finding, Severity, Subject};
use crate::limits::FINDING_CHARS_MAX;
use crate::near_miss::{self, NearMiss, shortened};
use JobActionKind::{Become, Cancel, CheckIn, Claim, Edit, Misname, Post, Statistics};
use RuleCheck::{Answer, Backoff, Call, Connector, Documents, Elsewhere, End, Exposed, Job, Silence, Storm, Unshown};
use Severity::{Error, Warning};
use job::JobCase;

/// A demand on clients, and how to see that it was not met.
pub struct Rule {
    /// Kebab-case, never reused.
    pub id: &'static str,
    /// How bad it is not to meet it.
    pub severity: Severity,
    /// What is demanded, in one sentence.
    pub demands: &'static str,
    /// Why, in a few sentences.
    pub why: &'static str,
    /// What to do about a finding, in half a sentence.
    pub hint: &'static str,
    /// How to mend a client, for somebody who has a minute.
    pub mend: &'static str,
    /// Where the demand is written.
    pub reference: &'static str,
    /// A conversation that breaks it, in the form of `fixtures/rules/README.md`.
    pub breaks: &'static str,
    /// One that just keeps it.
    pub keeps: &'static str,
    pub(crate) check: RuleCheck,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("id", &self.id).field("severity", &self.severity).finish_non_exhaustive()
    }
}

/// What a rule looks at, and how.
#[derive(Clone, Copy)]
pub(crate) enum RuleCheck {
    /// A call by itself that did not go smoothly.
    Call(fn(&ObservedCall<'_>) -> Option<RuleFinding>),
    /// A call in which a secret stands in the open.
    Exposed(fn(&ObservedCall<'_>) -> Option<RuleFinding>),
    /// Something that is done to a job; `on` says what.
    Job { on: &'static [JobActionKind], check: fn(&JobCase<'_>) -> Option<RuleFinding> },
    /// A silence that something done to a job brings to light, or the end of the run. No call is
    /// refused for it: the call is not what is wrong.
    Silence {
        on: &'static [JobActionKind],
        check: fn(&JobCase<'_>) -> Option<RuleFinding>,
        end: fn(&ProtocolState, Timestamp) -> Vec<RuleFinding>,
    },
    /// Something that is done to a connector.
    Connector(fn(&ProtocolState, &ConnectorDeed) -> Option<RuleFinding>),
    /// Documents that go to an index.
    Documents(fn(&ProtocolState, &str, DeedEffect) -> Option<RuleFinding>),
    /// A call that is repeated too soon.
    Backoff,
    /// A call that is repeated too often.
    Storm,
    /// A search, held against the writes that no refresh has shown.
    Unshown,
    /// An answer: asked only of who wants to know.
    Answer,
    /// The whole run, when it has ended.
    End(fn(&ProtocolState, Timestamp) -> Vec<RuleFinding>),
    /// Found by somebody else: playback, or whoever keeps the allowances.
    Elsewhere,
}

impl Rule {
    /// Whether the rule is asked only if the user says so.
    pub fn is_on_demand(&self) -> bool {
        matches!(self.check, Answer)
    }
}

/// What can be done to a job, as rules ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobActionKind {
    Post,
    Claim,
    CheckIn,
    Statistics,
    Cancel,
    Become,
    Misname,
    Edit,
    Delete,
}

impl JobActionKind {
    /// How many there are.
    pub(crate) const COUNT: usize = JobActionKind::Delete as usize + 1;

    /// The kind of an action.
    pub(crate) fn of(act: JobAction) -> JobActionKind {
        match act {
            JobAction::Post => JobActionKind::Post,
            JobAction::Claim => JobActionKind::Claim,
            JobAction::CheckIn => JobActionKind::CheckIn,
            JobAction::Statistics => JobActionKind::Statistics,
            JobAction::Cancel => JobActionKind::Cancel,
            JobAction::Become(_) => JobActionKind::Become,
            JobAction::Misname => JobActionKind::Misname,
            JobAction::Edit => JobActionKind::Edit,
            JobAction::Delete => JobActionKind::Delete,
        }
    }
}

/// What a worker does with a job that runs.
const WORK: &[JobActionKind] = &[Claim, CheckIn, Statistics];
/// Whatever may show that a job is alive.
const SEEN: &[JobActionKind] = &[Claim, CheckIn, Statistics, Become, Edit];

/// What a rule has to say.
pub(crate) struct RuleFinding {
    message: String,
    evidence: Map<String, Value>,
    subject: Option<Subject>,
    earlier: Vec<CallRef>,
    next: Option<String>,
    /// A correct client may have its reasons: no more than a warning.
    soft: bool,
    /// An earlier call is what is wrong; this one brings it to light.
    of_another: bool,
}

impl RuleFinding {
    pub(crate) fn new(message: String) -> RuleFinding {
        RuleFinding {
            message,
            evidence: Map::new(),
            subject: None,
            earlier: Vec::new(),
            next: None,
            soft: false,
            of_another: false,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> RuleFinding {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// An answer that leaves the specification at a place.
    pub(crate) fn off_spec_answer(operation: &str, pointer: &str, message: &str) -> RuleFinding {
        RuleFinding::new(format!("the answer of {operation} leaves its specification at [{pointer}]: {message}"))
            .with("pointer", pointer)
    }

    /// Another server's answer that leaves the specification at a place.
    pub(crate) fn drift(operation: &str, pointer: &str, message: &str) -> RuleFinding {
        RuleFinding::new(format!(
            "the upstream's answer of {operation} leaves its specification at [{pointer}]: {message}; it is the server \
             that departs, and not the client"
        ))
        .with("pointer", pointer)
        .with("of", "upstream")
    }

    /// Adds what the call comes closest to.
    fn near(self, near: Option<NearMiss>) -> RuleFinding {
        match near {
            Some(near) => self.with(near_miss::KEY, near.to_value()),
            None => self,
        }
    }

    fn of(self, subject: Subject) -> RuleFinding {
        RuleFinding { subject: Some(subject), ..self }
    }

    /// Adds the earlier call that the finding rests on.
    pub(crate) fn after(mut self, earlier: Option<CallRef>) -> RuleFinding {
        self.earlier.extend(earlier.filter(|mark| mark.seq != 0));
        self
    }

    /// Adds what would have happened next.
    pub(crate) fn then(self, next: impl Into<String>) -> RuleFinding {
        RuleFinding { next: Some(next.into()), ..self }
    }

    fn soft_if(self, soft: bool) -> RuleFinding {
        RuleFinding { soft: self.soft || soft, ..self }
    }

    fn of_another(self) -> RuleFinding {
        RuleFinding { of_another: true, ..self }
    }

    /// Whether it is an earlier call that is wrong.
    pub(crate) fn is_of_another(&self) -> bool {
        self.of_another
    }

    /// Whether it is no more than a warning.
    pub(crate) fn is_soft(&self) -> bool {
        self.soft
    }

    /// The finding. `call` is the one that broke the rule; none at the end of a run, when it is the
    /// last of those that the finding rests on.
    pub(crate) fn found(
        self,
        rule: &'static Rule,
        severity: Severity,
        call: Option<(u64, Option<&str>)>,
        at: Timestamp,
    ) -> Finding {
        let RuleFinding { message, mut evidence, subject, earlier, next, .. } = self;
        // A client may bring a name of a megabyte, and the server quotes it.
        for value in evidence.values_mut() {
            if let Value::String(text) = value {
                *text = shortened(text, FINDING_CHARS_MAX);
            }
        }
        let mut calls: Vec<u64> = earlier.iter().map(|mark| mark.seq).collect();
        calls.extend(call.map(|(seq, _)| seq));
        calls.sort_unstable();
        calls.dedup();
        let seq = call.map(|(seq, _)| seq).or_else(|| calls.last().copied()).unwrap_or_default();
        if let Some(first) = calls.first().filter(|first| **first != seq) {
            evidence.insert("earlier_seq".to_owned(), Value::from(*first));
        }
        Finding {
            operation: call.and_then(|(_, operation)| operation).map(str::to_owned),
            subject,
            calls,
            message: shortened(&message, FINDING_CHARS_MAX),
            hint: rule.hint.into(),
            next,
            evidence,
            reference: rule.reference.into(),
            ..Finding::about(rule.id, severity, seq, at)
        }
    }
}

/// An instant as a message tells it: the time of day to the millisecond, without a fraction that is nothing.
pub(crate) fn hms(at: Timestamp) -> String {
    let time = day_and_time(at).1;
    time.strip_suffix(".000").unwrap_or(&time).to_owned()
}

/// An instant for people: its day, and the time of day to the millisecond.
pub(crate) fn day_and_time(at: Timestamp) -> (String, String) {
    let text = Timestamp::from_millis(at.as_millis()).to_string();
    let (day, time) = text.split_once('T').unwrap_or(("", &text));
    (day.to_owned(), time.trim_end_matches('Z').to_owned())
}

fn none(_: &ProtocolState, _: Timestamp) -> Vec<RuleFinding> {
    Vec::new()
}

/// A row; its fields stand in this order in the table.
macro_rules! rule {
    (
        id: $id:literal,
        severity: $severity:ident,
        check: $check:expr,
        demands: $demands:literal,
        why: $why:literal,
        hint: $hint:literal,
        mend: $mend:literal,
        reference: $reference:literal,
    ) => {
        Rule {
            id: $id,
            severity: $severity,
            demands: $demands,
            why: $why,
            hint: $hint,
            mend: $mend,
            reference: $reference,
            breaks: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rules/", $id, "/breaks.console")),
            keeps: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rules/", $id, "/keeps.console")),
            check: $check,
        }
    };
}

/// Every rule.
pub(crate) static RULES: &[Rule] = &[
    rule! {
        id: "off-spec-body",
        severity: Error,
        check: Call(call::off_spec_body),
        demands: "A body keeps the schema that Elastic publishes for its operation.",
        why: "A field that the specification does not have is ignored by one release and refused by the next; a generated client cannot even say it.",
        hint: "send the fields and types of the schema; `elastimock schema OPERATION` prints it",
        mend: "Compare the body with `elastimock schema OPERATION`. The finding's pointer says where it differs.",
        reference: "Elasticsearch API specification",
    },
    rule! {
        id: "server-rejects-spec",
        severity: Warning,
        check: Call(call::server_rejects_spec),
        demands: "A body is one that Elasticsearch takes, where it takes less than its specification promises.",
        why: "A client that was generated from the specification may send what the server refuses. The client is not to blame, and still has to live with the refusal.",
        hint: "the specification allows this body and the server does not: send what the server takes, and mind generated clients",
        mend: "Send the narrower form that the server takes, for example an object as `sync_cursor`.",
        reference: "Elasticsearch's own request parsers, where they are stricter than the API specification",
    },
    rule! {
        id: "off-spec-parameter",
        severity: Error,
        check: Call(call::off_spec_parameter),
        demands: "A query has only parameters that Elastic publishes for its operation, of the published types.",
        why: "Elasticsearch refuses a parameter that it does not know; one of a wrong type may be read as something else.",
        hint: "leave the parameter out or correct its name and value; `elastimock schema OPERATION` lists them",
        mend: "Look the parameter up with `elastimock schema OPERATION`.",
        reference: "Elasticsearch API specification",
    },
    rule! {
        id: "refused-call",
        severity: Error,
        check: Call(call::refused_call),
        demands: "A call is one that Elasticsearch does not refuse as malformed (400, 405, 406, 413).",
        why: "A refused call has had no effect, and the same call will be refused again. A cancel that comes when the job is ending anyway is a warning only: nobody can know.",
        hint: "read the reason: it is Elasticsearch's own",
        mend: "The reason in the message is the server's. Correct the request; repeating it is pointless.",
        reference: "Elasticsearch's answer",
    },
    rule! {
        id: "unknown-operation",
        severity: Error,
        check: Call(call::unknown_operation),
        demands: "A method and path are an operation of Elasticsearch.",
        why: "A path that nobody serves is a typing mistake, or an endpoint of another product or version.",
        hint: "correct the method or the path; `elastimock list` shows what there is",
        mend: "The message names the nearest operation. `elastimock list` shows all of them.",
        reference: "Elasticsearch API specification, list of endpoints",
    },
    rule! {
        id: "unsupported-operation",
        severity: Error,
        check: Call(call::unsupported_operation),
        demands: "A call is one that this mock can answer. This one is the mock's gap, not the client's fault.",
        why: "A test that goes on after such a call shows nothing about the client any more, so the gap must not go unnoticed.",
        hint: "a gap of elastimock, not a fault of the client: test what needs this call against a real cluster, and turn the rule off here (`--rule unsupported-operation=off`) or allow it",
        mend: "Nothing is wrong with the client. Test what needs this call against a real cluster. Here leave the call out, allow the rule in this one test, or turn it off; the client is still answered 501, or 400 where only a part of the request is missing.",
        reference: "README, table of operations",
    },
    rule! {
        id: "unauthorized-call",
        severity: Error,
        check: Call(call::unauthorized_call),
        demands: "A call brings credentials that may make it.",
        why: "A client whose credentials do not suffice works in no cluster that is set up like this one. The mocked cluster checks no credentials and never answers so: the rule is for recordings, judged or played back, whose answers come from a cluster that does.",
        hint: "give the client the credentials that the test's cluster expects",
        mend: "Check the `Authorization` header and the privileges of the key.",
        reference: "Elasticsearch's answer",
    },
    rule! {
        id: "blank-worker-hostname",
        severity: Error,
        check: Job { on: &[Claim], check: job::blank_worker_hostname },
        demands: "A claim names the worker that makes it.",
        why: "Elasticsearch stores an empty name without a word. Then nobody can tell whose job it is, and two such workers look like one.",
        hint: "put the worker's host name into `worker_hostname`; Elasticsearch stores a blank one without a word",
        mend: "Read the host name before the first claim, and do not start without one.",
        reference: "connector protocol: claiming a job",
    },
    rule! {
        id: "version-mismatch",
        severity: Warning,
        check: Call(call::version_mismatch),
        demands: "A client asks for the REST version of the cluster that it talks to.",
        why: "A cluster speaks its own version and the one before. A client that asks for the older one stops working with the next major release.",
        hint: "use the client of the cluster's major version, or mimic the other one with `--profile`",
        mend: "Use the client library of the cluster's major version.",
        reference: "Elasticsearch REST API compatibility",
    },
    rule! {
        id: "claim-of-running-job",
        severity: Error,
        check: Job { on: &[Claim], check: job::claim_of_running_job },
        demands: "Nobody claims a job that another worker is running.",
        why: "A claim asks nobody's status: Elasticsearch answers `updated`, the new name wins, and the first worker is told nothing. Both then sync the same source into the same index.",
        hint: "claim only jobs whose status is pending or suspended; search for them right before the claim",
        mend: "Search for jobs that are pending or suspended, and take the connector's lock (a guarded write of `last_sync_status`) before the claim.",
        reference: "connector protocol: job statuses",
    },
    rule! {
        id: "reclaim-of-own-job",
        severity: Warning,
        check: Job { on: &[Claim], check: job::reclaim_of_own_job },
        demands: "A worker does not claim the job that it is already running.",
        why: "A second claim sets `started_at` anew, and the duration of the job is lost. It happens when a claim is repeated although its answer had come.",
        hint: "claim a job once; after a lost answer read the job and look at `worker_hostname`",
        mend: "After an answer that got lost read the job: if it names this worker, the claim had its effect.",
        reference: "connector protocol: claiming a job",
    },
    rule! {
        id: "claim-of-canceling-job",
        severity: Error,
        check: Job { on: &[Claim], check: job::claim_of_canceling_job },
        demands: "Nobody claims a job whose cancelation was requested.",
        why: "The claim makes it `in_progress` again, and the user's request is lost. If the client had looked at the job within 10 s before the request, and not since, it may not know: then it is a warning.",
        hint: "claim only jobs whose status is pending or suspended; a canceling job is its worker's to end",
        mend: "Look at the status right before the claim, and leave jobs alone that are neither pending nor suspended.",
        reference: "connector protocol: job statuses",
    },
    rule! {
        id: "claim-of-ended-job",
        severity: Error,
        check: Job { on: &[Claim], check: job::claim_of_ended_job },
        demands: "Nobody claims a job that has ended.",
        why: "Elasticsearch lets it happen, and the job runs again with the dates and the error of its first end. A worker whose look at the jobs is at most 10 s old may not know of a cancelation: then it is a warning.",
        hint: "claim only jobs whose status is pending or suspended; post a new job to sync again",
        mend: "Post a new job. Look at the status right before the claim.",
        reference: "connector protocol: job statuses",
    },
    rule! {
        id: "work-before-claim",
        severity: Error,
        check: Job { on: &[CheckIn, Statistics, Become], check: job::work_before_claim },
        demands: "A job is claimed before it is worked on.",
        why: "Check-ins and statistics of a job that is pending or suspended are stored, and the job is still up for anybody to take.",
        hint: "claim the job first",
        mend: "Claim the job, wait for the answer, then work.",
        reference: "connector protocol: claiming a job",
    },
    rule! {
        id: "work-after-end",
        severity: Error,
        check: Job { on: &[CheckIn, Statistics, Become], check: job::work_after_end },
        demands: "An ended job is not worked on.",
        why: "Elasticsearch stores statistics of a job that is completed, canceled or failed, so its numbers change after everybody has read them. Often a background task was not stopped.",
        hint: "stop reporting when the job has ended",
        mend: "Stop the task that reports before the end of the job is written.",
        reference: "connector protocol: job statuses",
    },
    rule! {
        id: "illegal-transition",
        severity: Error,
        check: Job { on: &[Become, Cancel, Misname], check: job::illegal_transition },
        demands: "A direct write moves a job's status only along the edges of its status machine.",
        why: "Elasticsearch does not look at the status in a direct write. A pending job that is written `canceling` waits for a worker that it never had.",
        hint: "read the job first, and write only a status that it may have next",
        mend: "Read the job, guard the write with `if_seq_no` and `if_primary_term`, and write a status that may follow. Cancel through the Connector API.",
        reference: "connector protocol: job statuses; Elasticsearch's sync job state machine",
    },
    rule! {
        id: "ended-without-completed-at",
        severity: Error,
        check: Job { on: &[Become], check: job::ended_without_completed_at },
        demands: "Whoever writes the end of a job writes `completed_at`.",
        why: "Without it the job has no duration, and a list of recent jobs leaves it out.",
        hint: "write `completed_at` together with the status",
        mend: "Write `status` and `completed_at` in one partial update.",
        reference: "connector protocol: sync job fields",
    },
    rule! {
        id: "failed-without-error",
        severity: Error,
        check: Job { on: &[Become], check: job::failed_without_error },
        demands: "A failed job says what went wrong.",
        why: "The message is all that the user will see.",
        hint: "write the reason into `error`",
        mend: "Write the exception's text into `error`, together with the status.",
        reference: "connector protocol: sync job fields",
    },
    rule! {
        id: "canceled-without-canceled-at",
        severity: Warning,
        check: Job { on: &[Become], check: job::canceled_without_canceled_at },
        demands: "Whoever writes a job canceled writes `canceled_at`.",
        why: "The protocol has a date of its own for it, apart from `completed_at`.",
        hint: "write `canceled_at` together with the status",
        mend: "Write `status`, `completed_at` and `canceled_at` in one partial update.",
        reference: "connector protocol: sync job fields",
    },
    rule! {
        id: "cancel-ignored",
        severity: Error,
        check: Job { on: &[CheckIn, Statistics, Become], check: job::cancel_ignored },
        demands: "A worker stops within 60 s after the cancelation of its job was requested, and does not write it completed.",
        why: "A user who cancels a job expects it to stop. A completion within 10 s of the request may have crossed it, whatever was read in between: then it is a warning.",
        hint: "look at the job every few seconds while it runs; when it is canceling, stop and write it canceled",
        mend: "Read the job at least every 10 s while it runs, and once more before writing its end.",
        reference: "connector protocol: canceling a job",
    },
    rule! {
        id: "heartbeat-gap",
        severity: Error,
        check: Silence { on: SEEN, check: job::heartbeat_gap, end: end::heartbeat_gap },
        demands: "A running job is seen at least every 300 s: by a check-in, statistics, or a write of `last_seen`.",
        why: "From then on any service's cleanup may mark the job as failed, while its worker goes on.",
        hint: "check in from a timer of its own, not from the loop that works",
        mend: "Start a timer with the claim that checks in every minute or so, and stop it at the end.",
        reference: "connector protocol: heartbeats of jobs",
    },
    rule! {
        id: "early-death-sentence",
        severity: Warning,
        check: Job { on: &[CheckIn, Statistics, Become], check: job::early_death_sentence },
        demands: "A job is written failed as silent only when it was not seen for 300 s.",
        why: "Its worker is alive and goes on, with a job that looks failed, and another may begin beside it. So the finding is about whoever wrote it, and what the worker does with the job until it ends it is not held against the worker. The words of Elastic's cleanup are known; where others say that a job is idle or was not seen, the rule speaks when the worker goes on.",
        hint: "clean up only jobs whose `last_seen` is older than 300 s by the server's clock (`now-300s`), and guard the write with `if_seq_no` and `if_primary_term`",
        mend: "Search for idle jobs by `last_seen` with `now-300s`, and send `if_seq_no` and `if_primary_term` of each hit with its write, so that a check-in that came in between makes it fail.",
        reference: "connector protocol: heartbeats of jobs; Elastic's connector service, idle jobs",
    },
    rule! {
        id: "counter-fell",
        severity: Error,
        check: Job { on: &[Statistics, Become, Edit], check: job::counter_fell },
        demands: "Within one claim the counters of a job never fall.",
        why: "Counters are absolute: Elasticsearch stores what it is told and adds nothing up. A client that sends what came since the last report makes the numbers jump.",
        hint: "report totals since the claim, not what came since the last report",
        mend: "Keep running totals and send those.",
        reference: "connector protocol: reporting progress",
    },
    rule! {
        id: "cursor-dropped",
        severity: Warning,
        check: Job { on: &[Claim], check: job::cursor_dropped },
        demands: "An incremental job is claimed with its connector's `sync_cursor`.",
        why: "The job keeps the cursor that it starts from, so that its result can be understood and repeated.",
        hint: "read the connector and send its `sync_cursor` with the claim",
        mend: "Read the connector before the claim and pass `sync_cursor` on as it is.",
        reference: "connector protocol: incremental syncs",
    },
    rule! {
        id: "cursor-altered",
        severity: Error,
        check: Job { on: &[Claim], check: job::cursor_altered },
        demands: "The `sync_cursor` of a claim is the one that the connector holds, or the job's own.",
        why: "A cursor that nobody has stored points to a place where no sync has ended: documents are lost or come twice.",
        hint: "send the connector's `sync_cursor` unchanged",
        mend: "Pass the cursor on as it was read; a new one is written to the connector after a completed sync.",
        reference: "connector protocol: incremental syncs",
    },
    rule! {
        id: "ended-without-statistics",
        severity: Warning,
        check: Job { on: &[Become], check: job::ended_without_statistics },
        demands: "A job is completed with statistics, reported before or with its end.",
        why: "A completed job with only zeros looks like a sync that found nothing.",
        hint: "write the counters with the end of the job at the latest",
        mend: "Put the three counters into the update that completes the job.",
        reference: "connector protocol: reporting progress",
    },
    rule! {
        id: "job-left-open",
        severity: Error,
        check: End(end::job_left_open),
        demands: "A job that was claimed in the run has ended at its end, or is suspended.",
        why: "A job that is left in progress blocks its connector until a cleanup finds it. While its last sign of life is no older than 300 s its worker may still be at work, and it is a warning. The Connector API can fail a job (`_error`) and has no call that completes or suspends one: so the rule speaks only where jobs were written directly in the run, or looked at directly before the claim. Of a worker that has the Connector API alone and falls silent `heartbeat-gap` speaks.",
        hint: "end it: `POST /.elastic-connectors-sync-jobs/_update/{id}` with `{\"doc\":{\"status\":\"completed\",\"completed_at\":…}}`, `suspended` when the worker stops, or `PUT /_connector/_sync_job/{id}/_error` when it failed; a test that ends on purpose in the middle allows this rule",
        mend: "End every claimed job, and suspend it in the code that shuts the worker down: `POST /.elastic-connectors-sync-jobs/_update/{id}` with `status` and `completed_at` (`suspended` needs no date). A failure can also be told with `PUT /_connector/_sync_job/{id}/_error`.",
        reference: "connector protocol: job statuses",
    },
    rule! {
        id: "unguarded-lock",
        severity: Warning,
        check: Connector(connector::unguarded_lock),
        demands: "The lock of a connector is taken with a guarded write.",
        why: "`last_sync_status: in_progress` is what keeps other workers from starting a job of the connector. Without `if_seq_no` and `if_primary_term` two of them can both believe that they have it.",
        hint: "send `if_seq_no` and `if_primary_term` of the connector as it was read, and start anew after a 409",
        mend: "Read the connector, keep `_seq_no` and `_primary_term`, send them with the write, read again after a 409.",
        reference: "connector protocol: at most one sync per connector; optimistic concurrency control",
    },
    rule! {
        id: "connector-silent",
        severity: Warning,
        check: Silence { on: WORK, check: job::connector_silent, end: none },
        demands: "A connector whose jobs are worked on is checked in at least every 1,800 s.",
        why: "Users see a connector that was not seen for half an hour as gone, although its job runs.",
        hint: "check the connector in from a timer, also while a job runs",
        mend: "Call `_check_in` of the connector from a timer.",
        reference: "connector protocol: heartbeats of connectors",
    },
    rule! {
        id: "job-of-unready-connector",
        severity: Warning,
        check: Job { on: &[Claim], check: job::job_of_unready_connector },
        demands: "Jobs are claimed only of connectors that are configured.",
        why: "A connector that is `created` or `needs_configuration` has no values to sync with.",
        hint: "leave the job until the connector is configured or connected",
        mend: "Read the connector's status before claiming.",
        reference: "connector protocol: connector statuses",
    },
    rule! {
        id: "duplicate-job",
        severity: Warning,
        check: Job { on: &[Post], check: job::duplicate_job },
        demands: "A job is posted only if the connector has none of that type that is pending or in progress.",
        why: "The second job does the same work again right after the first.",
        hint: "look for pending and running jobs of the connector before posting one",
        mend: "Search for jobs of the connector by type and status before posting.",
        reference: "connector protocol: at most one sync per connector",
    },
    rule! {
        id: "write-outside-job",
        severity: Warning,
        check: Documents(connector::write_outside_job),
        demands: "Documents go to a connector's index while one of its jobs is in progress.",
        why: "What is written outside of a job is counted by nobody, and the next full sync may delete it.",
        hint: "claim a job before writing documents, and finish writing before ending it",
        mend: "Flush what is buffered before the end of the job is written.",
        reference: "connector protocol: syncing documents",
    },
    rule! {
        id: "last-sync-unreported",
        severity: Warning,
        check: End(end::last_sync_unreported),
        demands: "When a job has ended its connector's `last_sync_status` is updated, for permissions `last_access_control_sync_status`.",
        why: "Users look at the connector, not at its jobs. And a connector that still says `in_progress` is locked.",
        hint: "update the connector's `last_sync_status` after the end of the job",
        mend: "Write `last_sync_status`, `last_sync_error` and `last_synced` to the connector when the job has ended, also after an error.",
        reference: "connector protocol: after a sync",
    },
    rule! {
        id: "no-backoff",
        severity: Error,
        check: Backoff,
        demands: "A call that was answered 429 or 503 is repeated after a pause: 100 ms, or what `Retry-After` says.",
        why: "Repeating at once makes an overload worse. The transport of Elastic's own clients repeats up to three times at once, so that much is a warning; so are reads, which may be another client's, and repetitions while mock time stands still.",
        hint: "wait before repeating, longer each time",
        mend: "Use an exponential backoff, and read `Retry-After`.",
        reference: "RFC 9110, 10.2.3; RFC 6585, 4",
    },
    rule! {
        id: "retry-storm",
        severity: Warning,
        check: Storm,
        demands: "A call that fails is not repeated more than 20 times in 10 s.",
        why: "What failed twenty times will fail again, and costs the cluster as much as a call that succeeds.",
        hint: "give up after a few repetitions and tell somebody",
        mend: "Bound the number of repetitions, and let the pause between them grow.",
        reference: "good manners",
    },
    rule! {
        id: "unrefreshed-read",
        severity: Warning,
        check: Unshown,
        demands: "The answer of a search, count, list or sweep depends on no write that no refresh has shown yet.",
        why: "Elasticsearch's searches see what the last refresh has shown: by itself an index is refreshed once in its `refresh_interval`, a second if nothing is said. The mock shows every write at once unless `--visibility refresh` says otherwise, so that a client which searches for what it has just written is green here and fails now and then in production. It is told once until the index is refreshed, and only where it is certain that the answer depends on the write.",
        hint: "write with `refresh=wait_for`, refresh the index before the search (`POST /INDEX/_refresh`), or read the document by its id, which needs no refresh",
        mend: "Send `refresh=wait_for` with the last write before the search, or call `_refresh` once before it; `GET /INDEX/_doc/ID` and `_mget` see every write at once. `--visibility refresh` shows what Elasticsearch would answer.",
        reference: "Elasticsearch reference: near real-time search, the `refresh` parameter",
    },
    rule! {
        id: "secret-exposed",
        severity: Error,
        check: Exposed(call::secret_exposed),
        demands: "No secret, API key or sensitive configuration value stands in a URL, a header or an error message.",
        why: "URLs and headers are written to logs on the way, and error messages are shown to everybody who can see the job.",
        hint: "send secrets in bodies only, and take them out of messages before they are stored",
        mend: "Mask credentials in error texts; never put them into paths, queries or headers of your own.",
        reference: "common sense; OWASP, sensitive data in query strings",
    },
    rule! {
        id: "off-spec-answer",
        severity: Warning,
        check: Answer,
        demands: "With `--check-answers`, which `record` has always: an answer keeps the specification that Elastic publishes.",
        why: "A client generated from the specification cannot read an answer that leaves it. Where Elasticsearch itself is known to, the mock's notes are followed and not the specification.",
        hint: "this is a mistake of whoever answered and not of the client: please report the mock's own with the call; where an upstream has answered, look at its version and at what stands before it",
        mend: "There is nothing to mend in a client. Where the call was forwarded, or recorded from another server, it is that server which leaves the specification: it has drifted from what Elastic publishes, or a proxy has changed its answer.",
        reference: "Elastic's API specification, and schemas/LEDGER.md",
    },
    rule! {
        id: "stub-unmet",
        severity: Error,
        check: End(end::stub_unmet),
        demands: "A stub answers as often as its `expect` says; one that says nothing answers at least once (a warning). What its `hand` is to do can be done (a warning).",
        why: "What a test has prepared and what came differ: the client makes another call than the test's author thinks, or none; or the state is another one than the hand was meant for.",
        hint: "compare the stub's `request` with the call that comes closest, or take the stub out",
        mend: "The message says how often it answered, and the evidence names the call that came closest and in what it differs.",
        reference: "the test itself",
    },
    rule! {
        id: "unexpected-call",
        severity: Error,
        check: Elsewhere,
        demands: "In playback: a call is one that the recording has.",
        why: "The recording is the contract of a playback. A call that is not in it has no answer.",
        hint: "let the client make the recorded call, or record the story again",
        mend: "The message names the nearest recorded call and what differs.",
        reference: "the recording",
    },
    rule! {
        id: "recording-leftover",
        severity: Error,
        check: Elsewhere,
        demands: "In strict playback: every recorded call comes.",
        why: "A call that no longer comes may be the one that the test was for. Where the order of the playback is free it is a warning.",
        hint: "the client no longer makes this call, or ended early; record the story again if that is right",
        mend: "Let the client run to its end, or record the story again.",
        reference: "the recording",
    },
    rule! {
        id: "unused-allowance",
        severity: Warning,
        check: Elsewhere,
        demands: "What a test allows happens in it.",
        why: "An allowance that nothing needs hides the next mistake of that kind.",
        hint: "take the allowance out of the test",
        mend: "Remove the call of `allow`.",
        reference: "the test itself",
    },
];
