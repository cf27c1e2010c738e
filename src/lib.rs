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
//! [`Engine`] is the whole mock as one value: a [request](http::Request) and an instant go in, an answer comes out.
//! It reads no clock and draws no chance of its own: the same seed, fixture, requests and instants give
//! the same bytes.
//!
//! # The book
//!
//! [`book`] has the pages of the repository's `docs/`: fixtures, stubs, recordings, rules, reports and the binary.
//!
//! # The house
//!
//! `ARCHITECTURE.md` in the repository is the map: which room does what, and who may look at whom.

mod base64;
#[cfg(all(doc, not(doctest)))]
pub mod book;
mod by_id;
mod bytes_at;
#[cfg(feature = "cli")]
mod cli;
mod clock;
pub mod contract;
mod error;
mod es;
mod fault;
mod finding;
pub mod fixture;
pub mod http;
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
pub mod stub;
mod suggest;
mod target;
mod visibility;
mod wildcard;

#[cfg(feature = "cli")]
#[doc(hidden)] // for the binary
pub use cli::run as command_line;
pub use clock::{Clock, Timestamp};
pub use error::Error;
pub use es::sync_job::rules::SyncStatus;
pub use fixture::{Connector, Fixture, Secret, SyncJob};
pub use mock::engine::Engine;
pub use mock::server::{MockServer, MockServerBuilder};
pub use stub::Stub;

/// What of the contract was exercised: operations, statuses, states and variants.
pub mod coverage {
    pub use crate::contract::coverage::{Coverage, Scenario};
}

/// What is Elasticsearch's own: its operations, releases and licenses, and the words of the protocol.
pub mod elasticsearch {
    pub use crate::es::connector::rules::ConnectorStatus;
    pub use crate::es::sync_job::rules::{JobType, SyncStatus, TriggerMethod};
    pub use crate::es::table::{Operation, operations};
    pub use crate::license::License;
    pub use crate::profile::{Profile, Release};
    pub use crate::visibility::Visibility;
}

/// What an [`Engine`] is made of beside its fixture.
pub mod engine {
    pub use crate::ids::IdSource;
    pub use crate::mock::engine::{Deadline, Engine, Setup};
}

/// How a recording is played back, and what came of it.
pub mod playback {
    pub use crate::mock::server::cassette::CassetteMode;
    pub use crate::record::playback::policy::{Exhausted, OnUnmatched, PlayOrder, PlayPolicy};
    pub use crate::record::playback::{PlayNote, Played};
}

/// What was said: calls and events, as the journal tells them and as a file holds them.
pub mod recording {
    pub use crate::record::Extract;
    pub use crate::record::event::{Change, Event};
    pub use crate::record::interaction::Interaction;
    pub use crate::record::recording::{Allowed, Header, Recording, RecordingLine};
    pub use crate::record::transcript::Transcript;
}

/// The judgement of a whole run, and the forms in which it is written.
pub mod report {
    pub use crate::contract::offline::{CallOrigin, Judged, RecordedRun};
    pub use crate::contract::report::{RecordingPlace, Report, ReportFormat};
}

/// What a running [`MockServer`] hands out: stored documents, gates, and its whole run.
pub mod server {
    pub use crate::mock::engine::gates::HeldCall;
    pub use crate::mock::server::WholeRun;
    pub use crate::mock::stored::{StoredConnector, StoredSyncJob};
    pub use crate::mock::wire::gate::Gate;
    pub use crate::mock::wire::upstream::Upstream;
    pub use crate::simulation::Simulated;
}

/// TLS in front of a server.
#[cfg(feature = "tls")]
pub mod tls {
    pub use crate::mock::wire::tls::{ClientIdentity, ServerTls, Tls};
}
