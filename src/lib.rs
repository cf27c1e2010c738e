//! **elastimock** is an Elasticsearch small enough to live inside a test.
//!
//! It answers Elasticsearch's Connector API as Elasticsearch does, checks every request against its
//! contract, and remembers every word. Each call gets two verdicts, kept apart: the *answer* is what
//! Elasticsearch would say, mistakes included; the *judgement* says whether the client kept the
//! Connector Protocol.
//!
//! # In a test
//!
//! ```
//! use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
//! # use std::io::{Read, Write};
//! # /// The client under test: claims a job.
//! # fn claim(server: &MockServer, job: &str) -> std::io::Result<()> {
//! #     let body = r#"{"worker_hostname":"w-1"}"#;
//! #     let mut stream = std::net::TcpStream::connect(server.address())?;
//! #     write!(stream, "PUT /_connector/_sync_job/{job}/_claim HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\
//! #         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
//! #     stream.read_to_end(&mut Vec::new()).map(|_| ())
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::builder()
//!     .fixture(
//!         Fixture::new()
//!             .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
//!             .sync_job(SyncJob::pending("job-1", "crm")),
//!     )
//!     .clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?))
//!     .seed(7)
//!     .start_blocking()?;
//!
//! claim(&server, "job-1")?; // the client under test, pointed at server.url()
//!
//! assert_eq!(server.sync_job("job-1")?.status()?, SyncStatus::InProgress);
//! server.assert_conformant();
//! # Ok(())
//! # }
//! ```
//!
//! [`MockServer::transcript`] gives a journal made for [insta](https://docs.rs/insta) snapshots,
//! [`MockServer::recording`] one that [`MockServer::playback`] answers from.
//!
//! # Without a socket
//!
//! [`Engine`] is the whole mock as one value: a [`Request`] and an instant go in, a [`Step`] comes out.
//! It reads no clock and draws no chance of its own: the same seed, fixture, requests and instants give
//! the same bytes.
//!
//! # The house
//!
//! `ARCHITECTURE.md` in the repository is the map: which room does what, and who may look at whom.

mod base64;
mod by_id;
#[cfg(feature = "cli")]
mod cli;
mod clock;
mod contract;
mod error;
mod es;
mod fault;
mod finding;
mod fixture;
mod http;
mod ids;
mod input;
#[doc(hidden)] // for the fuzzer
pub mod json;
mod license;
mod limits;
mod mock;
mod near_miss;
mod profile;
mod record;
mod simulation;
mod source_place;
mod steps;
mod stub;
mod suggest;
mod visibility;

#[cfg(feature = "cli")]
#[doc(hidden)] // for the binary
pub use cli::run as command_line;
pub use clock::{Clock, Timestamp};
pub use contract::coverage::{Coverage, Scenario};
pub use contract::offline::{CallOrigin, Judged, RecordedRun};
pub use contract::report::{RecordingPlace, Report, ReportFormat};
pub use contract::rules::Rule;
pub use contract::scope::Scope;
pub use contract::story::SubjectState;
pub use contract::strictness::{Contract, Level, Strictness};
pub use contract::{Counts, Judge, Verdict, rules};
pub use error::Error;
pub use es::connector::rules::ConnectorStatus;
pub use es::sync_job::rules::{JobType, SyncStatus, TriggerMethod};
pub use es::table::{Operation, operations};
pub use fault::{Fault, FaultKind};
pub use finding::{Finding, Severity, Subject};
pub use fixture::{Also, Connector, Diagnostic, Fixture, Incident, Secret, SyncJob, incidents, lint, lint_together};
pub use http::{Headers, Method, Request, Response};
pub use ids::IdSource;
pub use license::License;
pub use mock::engine::gates::HeldCall;
pub use mock::engine::{Deadline, Engine, Setup, Step};
pub use mock::server::cassette::CassetteMode;
pub use mock::server::{MockServer, MockServerBuilder, WholeRun};
pub use mock::stored::{StoredConnector, StoredSyncJob};
pub use mock::wire::gate::Gate;
#[cfg(feature = "tls")]
pub use mock::wire::tls::{ClientIdentity, ServerTls, Tls};
pub use mock::wire::upstream::Upstream;
pub use near_miss::Difference;
pub use profile::{Profile, Release};
pub use record::Extract;
pub use record::event::{Change, Event};
pub use record::interaction::Interaction;
pub use record::playback::policy::{Exhausted, OnUnmatched, PlayOrder, PlayPolicy};
pub use record::playback::{PlayNote, Played};
pub use record::recording::{Allowed, Header, Recording, RecordingLine};
pub use record::transcript::Transcript;
pub use simulation::Simulated;
pub use source_place::SourcePlace;
pub use stub::Stub;
pub use visibility::Visibility;
