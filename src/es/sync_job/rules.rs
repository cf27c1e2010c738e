//! The sync job: its statuses, and what may be asked of it.
//!
//! A job is born `pending`, is claimed by a worker, and ends `completed`, `canceled` or `error`.
//! Every function here turns what is known and an instant into a [`Source`] or a [`Patch`]; nothing
//! here stores.
//!
//! Source: Elasticsearch 9.x, sync job state machine and index service.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::es::connector::{configuration, filtering};
use crate::es::document::shared::{MergedMember, Recipe, SharedValue};
use crate::es::document::source::{Patch, Source, hash_order};
use crate::es::refusal::Refusal;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// Every one of them.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// The name on the wire, lower case.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = Error;

            /// Elasticsearch reads these names in any case.
            fn from_str(text: &str) -> Result<$type, Error> {
                let found = $type::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(text));
                found.ok_or_else(|| {
                    let names = $type::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
                    Error::invalid_input(format!("[{text}] is no {}; there are {names}", stringify!($type)))
                })
            }
        }

        impl From<$type> for Arc<Value> {
            /// The name as a stored value; every document shares the one copy.
            fn from(it: $type) -> Arc<Value> {
                static NAMES: LazyLock<Vec<Arc<Value>>> =
                    LazyLock::new(|| $type::ALL.iter().map(|known| Arc::new(Value::from(known.name()))).collect());
                NAMES.get(it as usize).cloned().unwrap_or_else(|| Arc::new(Value::from(it.name())))
            }
        }
    };
}

names! {
    /// The status of a sync job.
    SyncStatus {
        /// Its worker has been asked to stop.
        Canceling = "canceling",
        /// Ended because somebody canceled it.
        Canceled = "canceled",
        /// Ended well.
        Completed = "completed",
        /// Ended with an error.
        Error = "error",
        /// A worker has claimed it.
        InProgress = "in_progress",
        /// Waits for a worker.
        Pending = "pending",
        /// Laid aside by its worker, to be claimed again.
        Suspended = "suspended",
    }
}

names! {
    /// What a sync job synchronises.
    JobType {
        /// All content.
        Full = "full",
        /// What has changed since the cursor.
        Incremental = "incremental",
        /// Permissions.
        AccessControl = "access_control",
    }
}

names! {
    /// Who asked for a sync job.
    TriggerMethod {
        /// A person or a program.
        OnDemand = "on_demand",
        /// The connector's schedule.
        Scheduled = "scheduled",
    }
}

impl SyncStatus {
    /// The edges of the status machine. Elasticsearch asks it when a job is canceled or failed, and
    /// only then.
    pub fn may_become(self, to: SyncStatus) -> bool {
        use SyncStatus::{Canceled, Canceling, Completed, Error, InProgress, Pending, Suspended};
        match self {
            Pending | Suspended => matches!(to, InProgress | Canceled),
            InProgress => matches!(to, Canceling | Completed | Suspended | Error),
            Canceling => matches!(to, Canceled | Error),
            Completed | Canceled | Error => false,
        }
    }

    /// Whether the job has come to its end.
    pub fn is_terminal(self) -> bool {
        matches!(self, SyncStatus::Completed | SyncStatus::Canceled | SyncStatus::Error)
    }
}

/// A stored sync job, seen with the eyes of the protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobView<'a>(pub &'a Source);

impl JobView<'_> {
    /// The stored status.
    pub(crate) fn status(&self) -> Result<SyncStatus, Refusal> {
        let status = self.0.text("status");
        status
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| Refusal::UnknownStatus { status: status.map(str::to_owned) })
    }

    /// The id of the connector whose job it is.
    pub(crate) fn connector_id(&self) -> Option<&str> {
        let connector = self.0.field("connector")?;
        connector.known_text("id").or_else(|| connector.get("id")?.as_str())
    }

    /// The sort key of the job list; jobs without a readable one come last.
    // DIFFERENCE: Elasticsearch compares whole milliseconds, and is too slow to make two jobs within one. The
    // mock is not, and a list whose order hangs on where a millisecond ends would be no use to a test.
    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        self.0.instant("created_at")
    }
}

static ZERO: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(json!(0)));
static EMPTY: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(json!({})));

/// The document of a new job. `snapshot` is what it keeps of its connector, see [`Snapshot`].
pub(crate) fn create(
    snapshot: SharedValue,
    job_type: JobType,
    trigger_method: TriggerMethod,
    now: Timestamp,
) -> Source {
    let now = SharedValue::instant(now);
    Source::new()
        .sharing("connector", snapshot)
        .sharing("created_at", now.clone())
        .with("deleted_document_count", ZERO.clone())
        .with("indexed_document_count", ZERO.clone())
        .with("indexed_document_volume", ZERO.clone())
        .with("job_type", job_type)
        .sharing("last_seen", now)
        .with("metadata", EMPTY.clone())
        .with("status", SyncStatus::Pending)
        .with("total_document_count", ZERO.clone())
        .with("trigger_method", trigger_method)
}

/// Whether a connector may start a job of that type.
///
/// Elasticsearch makes up the name of the index for permissions before it looks whether there is an
/// index at all, so an `access_control` job needs none.
pub(crate) fn may_start(connector_id: &str, connector: &Source, job_type: JobType) -> Result<(), Refusal> {
    let given = |name| connector.text(name).is_some_and(|text| !text.is_empty());
    if job_type != JobType::AccessControl && !given("index_name") {
        return Err(Refusal::NoIndexAttached { connector_id: connector_id.to_owned() });
    }
    if !given("service_type") {
        return Err(Refusal::NoServiceType { connector_id: connector_id.to_owned() });
    }
    Ok(())
}

/// What a job keeps of its connector as it is now: a copy that later changes do not reach, made when somebody
/// reads it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The connector's id.
    pub connector_id: Arc<str>,
    /// The connector as it was.
    pub connector: Arc<Source>,
    /// What the job synchronises.
    pub job_type: JobType,
}

impl Recipe for Snapshot {
    fn make(&self) -> Value {
        snapshot(&self.connector_id, &self.connector, self.job_type)
    }

    fn lacks(&self, name: &str) -> bool {
        name == SYNC_CURSOR
    }

    fn known_text(&self, name: &str) -> Option<&str> {
        (name == "id").then_some(&*self.connector_id)
    }
}

fn snapshot(connector_id: &str, connector: &Source, job_type: JobType) -> Value {
    let mut copy = Map::new();
    copy.insert("id".into(), connector_id.into());
    if let Some(active) = filtering::active(connector) {
        copy.insert("filtering".into(), active);
    }
    let index_name = connector.text("index_name");
    match (job_type, index_name) {
        (JobType::AccessControl, name) => {
            copy.insert("index_name".into(), format!(".search-acl-filter-{}", name.unwrap_or("null")).into());
        }
        (_, Some(name)) => {
            copy.insert("index_name".into(), name.into());
        }
        (_, None) => {}
    }
    for name in ["language", "pipeline", "service_type"] {
        if let Some(value) = connector.get(name).filter(|value| !value.is_null()) {
            copy.insert(name.into(), value.clone());
        }
    }
    copy.insert("configuration".into(), configuration::rendered(connector));
    Value::Object(copy)
}

/// A worker takes the job.
///
/// A claim asks nobody: Elasticsearch lets any worker take a job in any status, a canceled one too.
/// Source: Elasticsearch 9.x, claim action; Elastic's client tests claim after a cancel.
pub(crate) fn claim(worker_hostname: Arc<Value>, sync_cursor: Option<StartCursor<'_>>, now: Timestamp) -> Patch {
    // Inferred: Elasticsearch reads its clock twice here; the mock's stands still during a call.
    let now = SharedValue::instant(now);
    let patch = match sync_cursor {
        None => Patch::new(),
        Some(StartCursor::Member(member)) => Patch::new().set_member("connector", member),
        Some(StartCursor::Value(cursor)) => {
            let mut cursor = cursor.clone();
            hash_order(&mut cursor);
            Patch::new().set("connector", Value::Object(Map::from_iter([(SYNC_CURSOR.to_owned(), cursor)])))
        }
    };
    patch
        .set_instant("last_seen", &now)
        .set_own("status", SyncStatus::InProgress)
        .set_keyword("worker_hostname", worker_hostname)
        .set_instant("started_at", &now)
}

/// The member of a job's snapshot that holds its cursor.
pub(crate) const SYNC_CURSOR: &str = "sync_cursor";

/// A cursor that a worker starts from.
#[derive(Clone, Debug)]
pub(crate) enum StartCursor<'a> {
    /// As JSON.
    Value(&'a Value),
    /// As it came, ready to be merged.
    Member(Arc<MergedMember>),
}

/// Cancels a job: at once while no worker has it, else by asking its worker to stop.
pub(crate) fn cancel(job: JobView<'_>, now: Timestamp) -> Result<Patch, Refusal> {
    use SyncStatus::{Canceled, Canceling, Pending, Suspended};
    let now = &SharedValue::instant(now);
    match job.status()? {
        Pending | Suspended => Ok(Patch::new()
            .set_own("status", Canceled)
            .set_instant("completed_at", now)
            .set_instant("cancelation_requested_at", now)
            .set_instant("canceled_at", now)),
        from if from.may_become(Canceling) => {
            Ok(Patch::new().set_own("status", Canceling).set_instant("cancelation_requested_at", now))
        }
        from => Err(Refusal::InvalidTransition { from, to: Canceling }),
    }
}

/// The worker says that it is alive. No status minds.
pub(crate) fn check_in(now: Timestamp) -> Patch {
    Patch::new().set_instant("last_seen", &SharedValue::instant(now))
}

/// The worker gives up. Elasticsearch sets neither `completed_at` nor `last_seen` here.
pub(crate) fn error(job: JobView<'_>, error: &str) -> Result<Patch, Refusal> {
    match job.status()? {
        from if from.may_become(SyncStatus::Error) => {
            Ok(Patch::new().set("error", Value::from(error)).set_own("status", SyncStatus::Error))
        }
        from => Err(Refusal::InvalidTransition { from, to: SyncStatus::Error }),
    }
}

/// What a worker reports of its progress. Counts are absolute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stats<'a> {
    /// Documents deleted so far.
    pub deleted_document_count: i64,
    /// Documents indexed so far.
    pub indexed_document_count: i64,
    /// Volume indexed so far, in mebibytes by convention.
    pub indexed_document_volume: i64,
    /// Documents in the index, if the worker says so.
    pub total_document_count: Option<i64>,
    /// When the worker was last alive, if it says so.
    pub last_seen: Option<Timestamp>,
    /// Anything; merged into what is there.
    pub metadata: Option<&'a Value>,
}

/// The worker reports its progress. No status minds, and nothing is added up.
pub(crate) fn update_stats(stats: &Stats<'_>, now: Timestamp) -> Patch {
    Patch::new()
        .set("deleted_document_count", Value::from(stats.deleted_document_count))
        .set("indexed_document_count", Value::from(stats.indexed_document_count))
        .set("indexed_document_volume", Value::from(stats.indexed_document_volume))
        .set_instant("last_seen", &SharedValue::instant(stats.last_seen.unwrap_or(now)))
        .set_if("total_document_count", stats.total_document_count.map(Value::from))
        .set_if(
            "metadata",
            stats.metadata.map(|metadata| {
                let mut metadata = metadata.clone();
                hash_order(&mut metadata);
                metadata
            }),
        )
}

#[cfg(test)]
mod tests {
    use super::SyncStatus::{Canceling, Error, InProgress, Pending, Suspended};
    use super::*;
    use crate::es::connector::rules::NewConnector;
    use crate::es::store::{Cluster, JobFilter};

    #[test]
    fn what_a_rule_writes_of_its_own_fits_the_built_in_mapping() {
        let design = crate::es::index::built_in::design(crate::es::store::SYNC_JOBS).expect("it is built in");
        let stats = Stats {
            deleted_document_count: 0,
            indexed_document_count: 1,
            indexed_document_volume: 1,
            total_document_count: None,
            last_seen: Some(Timestamp::MIN),
            metadata: None,
        };
        for now in [Timestamp::MIN, Timestamp::default(), "9999-12-30T21:59:59.999999999Z".parse().expect("it")] {
            let of = |status| job_in(status);
            let patches = [
                claim(Arc::new(json!("w")), Some(StartCursor::Value(&json!({ "page": 3 }))), now),
                check_in(now),
                update_stats(&stats, now),
                cancel(JobView(&of(Pending)), now).expect("canceled"),
                cancel(JobView(&of(InProgress)), now).expect("canceled"),
                super::error(JobView(&of(InProgress)), "disk full").expect("failed"),
            ];
            for patch in patches {
                assert_eq!(design.mapping.admit(patch.iter()), Ok(None), "{patch:?}");
                let own = patch.iter().count() - patch.foreign().count();
                assert!(own > 0, "{patch:?}");
            }
        }
    }

    fn job_in(status: SyncStatus) -> Source {
        Source::new().with("status", status)
    }

    #[test]
    fn only_a_running_or_canceling_job_may_fail() {
        for &status in SyncStatus::ALL {
            let allowed = matches!(status, InProgress | Canceling);
            assert_eq!(error(JobView(&job_in(status)), "disk full").is_ok(), allowed, "{status}");
        }
    }

    #[test]
    fn a_cancel_ends_a_waiting_job_and_asks_a_running_one() {
        for &status in SyncStatus::ALL {
            let job = job_in(status);
            let becomes = cancel(JobView(&job), Timestamp::default()).map(|patch| {
                let mut job = job.clone();
                job.merge(patch);
                job.text("status").unwrap_or_default().to_owned()
            });
            let expected = match status {
                Pending | Suspended => Ok("canceled".to_owned()),
                InProgress => Ok("canceling".to_owned()),
                from => Err(Refusal::InvalidTransition { from, to: Canceling }),
            };
            assert_eq!(becomes, expected, "{status}");
        }
    }

    #[test]
    fn no_status_leads_to_itself_and_terminal_ones_lead_nowhere() {
        for &from in SyncStatus::ALL {
            assert!(!from.may_become(from), "{from}");
            let ways = SyncStatus::ALL.iter().filter(|to| from.may_become(**to)).count();
            assert_eq!(ways == 0, from.is_terminal(), "{from}");
        }
        assert!(!Pending.may_become(Error));
    }

    #[test]
    fn an_unreadable_status_is_refused_with_what_is_stored() {
        let job = Source::new().with("status", json!("resting"));
        assert_eq!(error(JobView(&job), "x"), Err(Refusal::UnknownStatus { status: Some("resting".into()) }));
        assert_eq!(cancel(JobView(&Source::new()), Timestamp::default()), Err(Refusal::UnknownStatus { status: None }));
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("PENDING".parse().ok(), Some(Pending));
        assert_eq!("Access_Control".parse().ok(), Some(JobType::AccessControl));
        let refused = "cron".parse::<TriggerMethod>().map_err(|error| error.to_string());
        assert_eq!(refused, Err("[cron] is no TriggerMethod; there are on_demand, scheduled".to_owned()));
    }

    #[test]
    fn of_one_millisecond_the_newer_job_is_listed_first() {
        let mut cluster = Cluster::new(7);
        let asked = NewConnector { index_name: Some("docs"), service_type: Some("dir"), ..NewConnector::default() };
        let at = |nanos: i128| Timestamp::from_nanos(1_935_396_000_000_000_000 + nanos);
        cluster.put_connector("C", &asked, at(0)).expect("a connector");
        let mut post =
            |nanos| cluster.create_sync_job("C", JobType::Full, TriggerMethod::OnDemand, at(nanos)).expect("a job");
        let (older, newer, beside) = (post(100_000), post(200_000), post(200_000));
        let page = cluster.sync_jobs(&JobFilter::default(), 0, 10).expect("a page");
        let listed: Vec<&str> = page.hits.iter().map(|(id, _)| &**id).collect();
        assert_eq!(listed, [&*newer, &*beside, &*older]);
    }
}
