//! [`CallRef`], when a call came; [`SubjectState`], what a call was about; and the words for what it did.

use std::sync::Arc;

use super::deed::JobAction;
use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::sync_job::rules::SyncStatus;
use crate::record::SubjectBefore;

/// A call, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallRef {
    /// The call's number.
    pub seq: u64,
    /// The mock's time of the call.
    pub at: Timestamp,
}

/// The state of what a call was about, before the call: what coverage counts.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SubjectState {
    /// The sync job that the call named.
    pub job: Option<Arc<str>>,
    /// Its status, if anybody knows.
    pub job_status: Option<SyncStatus>,
    /// The connector that the call named, or the job's.
    pub connector: Option<Arc<str>>,
    /// Its status, if anybody knows.
    pub connector_status: Option<ConnectorStatus>,
}

impl From<&SubjectState> for SubjectBefore {
    fn from(seen: &SubjectState) -> SubjectBefore {
        SubjectBefore { is_of_job: seen.job.is_some(), job: seen.job_status, connector: seen.connector_status }
    }
}

/// What was done to a job, as a past participle.
pub(crate) fn verb(act: JobAction) -> &'static str {
    match act {
        JobAction::Post => "posted",
        JobAction::Claim => "claimed",
        JobAction::CheckIn => "checked in",
        JobAction::Statistics => "given statistics",
        JobAction::Cancel => "asked to cancel",
        JobAction::Become(SyncStatus::Error) => "failed",
        JobAction::Become(SyncStatus::Completed) => "completed",
        JobAction::Become(SyncStatus::Canceled) => "canceled",
        JobAction::Become(SyncStatus::Suspended) => "suspended",
        JobAction::Become(SyncStatus::Pending) => "made pending",
        JobAction::Become(SyncStatus::InProgress | SyncStatus::Canceling) | JobAction::Edit => "written",
        JobAction::Misname => "given an unknown status",
        JobAction::Delete => "deleted",
    }
}
