//! [`Simulated`]: which side is simulated, and with what character.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::suggest::similar;

/// A side of the protocol that the mock plays itself, beside the client under test.
///
/// It acts when the mock's time passes, and at no other time: with a frozen clock it stands still until the test
/// advances it. What it does is told in recordings and transcripts, and is never judged as the client's.
///
/// ```
/// use std::time::Duration;
/// use elastimock::elasticsearch::ConnectorStatus;
/// use elastimock::server::Simulated;
/// use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
///
/// let server = MockServer::builder()
///     .fixture(
///         Fixture::new()
///             .connector(Connector::new("crm").index_name("search-crm").status(ConnectorStatus::Configured))
///             .sync_job(SyncJob::pending("job-1", "crm")),
///     )
///     .clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?))
///     .simulate(Simulated::service())
///     .start_blocking()?;
///
/// server.advance(Duration::from_secs(30));
/// assert_eq!(server.sync_job("job-1")?.status()?, SyncStatus::InProgress);
/// server.advance(Duration::from_secs(60));
/// assert_eq!(server.sync_job("job-1")?.status()?, SyncStatus::Completed);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated(pub(super) SimulatedSide);

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SimulatedSide {
    /// A connector service.
    Service(ServiceCharacter),
    /// Somebody who asks for syncs.
    User,
    /// The schedules of connectors alone.
    Schedules,
}

/// How a service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceCharacter {
    /// As it should.
    Well,
    /// It looks rarely, and a sync takes half an hour.
    Slow,
    /// It gives no sign of life.
    Silent,
    /// It claims a job and is never heard of again.
    Dies,
    /// Its syncs end with an error.
    Fails,
    /// It does not hear that a job is canceled.
    Deaf,
}

impl ServiceCharacter {
    const ALL: [(&'static str, ServiceCharacter); 6] = [
        ("well", ServiceCharacter::Well),
        ("slow", ServiceCharacter::Slow),
        ("silent", ServiceCharacter::Silent),
        ("dies", ServiceCharacter::Dies),
        ("fails", ServiceCharacter::Fails),
        ("deaf", ServiceCharacter::Deaf),
    ];
}

impl SimulatedSide {
    pub(super) const SERVICE: &'static str = "service";
    pub(super) const USER: &'static str = "user";
    pub(super) const SCHEDULES: &'static str = "schedules";

    pub(super) fn kind(self) -> &'static str {
        match self {
            SimulatedSide::Service(_) => SimulatedSide::SERVICE,
            SimulatedSide::User => SimulatedSide::USER,
            SimulatedSide::Schedules => SimulatedSide::SCHEDULES,
        }
    }
}

impl Simulated {
    /// A connector service, which looks at the state every 30 s: it registers a configuration with a new connector,
    /// connects it when it is configured, checks in, makes the jobs of its schedules, claims pending jobs, writes
    /// documents, counts them and completes the job half a minute after the claim, stops canceled jobs, and ends jobs that have been silent
    /// for five minutes.
    #[must_use]
    pub fn service() -> Simulated {
        Simulated(SimulatedSide::Service(ServiceCharacter::Well))
    }

    /// A user, who comes every one to three minutes, as the seed has it: fills in a connector's configuration, or asks for a
    /// full sync, one of three to be canceled within a minute. Without a simulated service the jobs of schedules are made too.
    #[must_use]
    pub fn user() -> Simulated {
        Simulated(SimulatedSide::User)
    }

    /// Whoever makes the jobs of connectors' schedules, and does nothing else: for a worker that leaves that to others.
    #[must_use]
    pub fn schedules() -> Simulated {
        Simulated(SimulatedSide::Schedules)
    }

    fn with(self, character: ServiceCharacter) -> Simulated {
        match self.0 {
            SimulatedSide::Service(_) => Simulated(SimulatedSide::Service(character)),
            _ => self,
        }
    }

    /// A slow service: it looks every two minutes, and a sync takes half an hour.
    #[must_use]
    pub fn slow(self) -> Simulated {
        self.with(ServiceCharacter::Slow)
    }

    /// A service without a heartbeat: neither connector nor job is checked in, and a sync takes twenty minutes.
    #[must_use]
    pub fn silent(self) -> Simulated {
        self.with(ServiceCharacter::Silent)
    }

    /// A service that dies right after its first claim.
    #[must_use]
    pub fn dies(self) -> Simulated {
        self.with(ServiceCharacter::Dies)
    }

    /// A service whose syncs end with an error.
    #[must_use]
    pub fn fails(self) -> Simulated {
        self.with(ServiceCharacter::Fails)
    }

    /// A service that does not stop when a job is canceled: a sync takes ten minutes and completes.
    #[must_use]
    pub fn deaf(self) -> Simulated {
        self.with(ServiceCharacter::Deaf)
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind())?;
        match self.0 {
            SimulatedSide::Service(character) if character != ServiceCharacter::Well => {
                let name =
                    ServiceCharacter::ALL.iter().find(|(_, known)| *known == character).map_or("", |(name, _)| name);
                write!(f, ":{name}")
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Simulated {
    type Err = Error;

    /// Reads `service`, `service:slow` and the like, `user`, `schedules`.
    fn from_str(text: &str) -> Result<Simulated, Error> {
        let (kind, character) = text.split_once(':').map_or((text, None), |(kind, character)| (kind, Some(character)));
        let side = match kind {
            SimulatedSide::SERVICE => Simulated::service(),
            SimulatedSide::USER => Simulated::user(),
            SimulatedSide::SCHEDULES => Simulated::schedules(),
            _ => {
                let kinds = [SimulatedSide::SERVICE, SimulatedSide::USER, SimulatedSide::SCHEDULES];
                let hint = similar(kind, kinds).first().map(|close| format!(", did you mean {close}?"));
                return Err(Error::invalid_input(format!(
                    "there is no side `{kind}` to simulate{}; write service, service:CHARACTER, user or schedules",
                    hint.unwrap_or_default()
                )));
            }
        };
        let Some(character) = character else { return Ok(side) };
        if kind != SimulatedSide::SERVICE {
            return Err(Error::invalid_input(format!("only a service has a character: write {kind} alone")));
        }
        let names = ServiceCharacter::ALL.map(|(name, _)| name);
        match ServiceCharacter::ALL.iter().find(|(name, _)| *name == character) {
            Some((_, character)) => Ok(side.with(*character)),
            None => {
                let hint = similar(character, names).first().map(|close| format!(", did you mean {close}?"));
                Err(Error::invalid_input(format!(
                    "there is no service that is `{character}`{}; it is one of {}",
                    hint.unwrap_or_default(),
                    names[1..].join(", ")
                )))
            }
        }
    }
}
