//! [`SimulatedIntent`]: what a simulated side is about to do.

use crate::es::sync_job::rules::JobType;

/// What a side is about to do. Of what is due at one instant, the lesser is done first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SimulatedIntent {
    /// Registers a configuration with a connector.
    Register(String),
    /// Fills in what a configuration lacks.
    FillIn(String),
    /// Says that the configuration of a connector is wrong.
    Complain(String),
    /// Makes a connector connected.
    Connect(String),
    /// Judges the draft of a connector's rules.
    Validate(String),
    /// Checks a connector in.
    CheckIn(String),
    /// Makes a job that a schedule asks for.
    Fire {
        /// The connector.
        connector: String,
        /// What the job synchronises.
        job_type: JobType,
    },
    /// Writes documents and counts them.
    Progress(String),
    /// Ends a job whose work is done.
    Finish(String),
    /// Ends the work on a job that is in progress no more.
    Stop(String),
    /// Ends a job that has given no sign of life.
    Bury(String),
    /// Asks for a sync of a connector.
    Ask(String),
    /// Cancels a job.
    Cancel(String),
    /// Claims a job.
    Claim {
        /// When the job was made.
        created_at: String,
        /// The job.
        job: String,
    },
}

impl SimulatedIntent {
    /// What a side of that name does, for people.
    pub(crate) fn told(&self, side: &str) -> String {
        let what = match self {
            SimulatedIntent::Register(connector) => format!("registers a configuration for connector {connector}"),
            SimulatedIntent::FillIn(connector) => format!("fills in the configuration of connector {connector}"),
            SimulatedIntent::Complain(connector) => format!("refuses the configuration of connector {connector}"),
            SimulatedIntent::Connect(connector) => format!("connects connector {connector}"),
            SimulatedIntent::Validate(connector) => format!("validates the draft rules of connector {connector}"),
            SimulatedIntent::CheckIn(connector) => format!("checks connector {connector} in"),
            SimulatedIntent::Fire { connector, job_type } => {
                return format!("the {job_type} schedule of connector {connector} makes a job");
            }
            SimulatedIntent::Progress(job) => format!("goes on with job {job}"),
            SimulatedIntent::Finish(job) => format!("ends job {job}"),
            SimulatedIntent::Stop(job) => format!("stops the work on job {job}"),
            SimulatedIntent::Bury(job) => format!("ends job {job}, which has been silent"),
            SimulatedIntent::Ask(connector) => format!("asks for a sync of connector {connector}"),
            SimulatedIntent::Cancel(job) => format!("cancels job {job}"),
            SimulatedIntent::Claim { job, .. } => format!("claims job {job}"),
        };
        format!("the simulated {side} {what}")
    }
}
