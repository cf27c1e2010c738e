//! [`Mark`], when a call came; [`Seen`], what a call was about; and the words for what it did.

use std::sync::Arc;

use super::deed::JobAct;
use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::sync_job::rules::SyncStatus;
use crate::record::Standing;

/// A call, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The call's number.
    pub seq: u64,
    /// The mock's time of the call.
    pub at: Timestamp,
}

/// The state of what a call was about, before the call: what coverage counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The sync job that the call named.
    pub job: Option<Arc<str>>,
    /// Its status, if anybody knows.
    pub job_status: Option<SyncStatus>,
    /// The connector that the call named, or the job's.
    pub connector: Option<Arc<str>>,
    /// Its status, if anybody knows.
    pub connector_status: Option<ConnectorStatus>,
}

impl From<&Seen> for Standing {
    fn from(seen: &Seen) -> Standing {
        Standing { is_of_job: seen.job.is_some(), job: seen.job_status, connector: seen.connector_status }
    }
}

/// What was done to a job, as a past participle.
pub(crate) fn verb(act: JobAct) -> &'static str {
    match act {
        JobAct::Post => "posted",
        JobAct::Claim => "claimed",
        JobAct::CheckIn => "checked in",
        JobAct::Statistics => "given statistics",
        JobAct::Cancel => "asked to cancel",
        JobAct::Become(SyncStatus::Error) => "failed",
        JobAct::Become(SyncStatus::Completed) => "completed",
        JobAct::Become(SyncStatus::Canceled) => "canceled",
        JobAct::Become(SyncStatus::Suspended) => "suspended",
        JobAct::Become(SyncStatus::Pending) => "made pending",
        JobAct::Become(SyncStatus::InProgress | SyncStatus::Canceling) | JobAct::Edit => "written",
        JobAct::Misname => "given an unknown status",
        JobAct::Delete => "deleted",
    }
}
