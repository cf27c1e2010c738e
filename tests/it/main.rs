//! The integration tests: one binary, so that it links once. In reading order:
#![allow(unreachable_pub, reason = "what several files share is public among them")]

mod support;

mod book;
mod conduct;
mod face;
mod ledger;
mod manifest;
mod promises;
mod tidy;

mod coverage;
mod metrics;
mod mock_server;
mod page;
mod playback;
mod readme;
mod recordings;
mod replay;
mod reports;
mod rest;
mod rules;
mod saved_answers;
mod scopes;
mod secrets;
mod simulated;
mod simulation;
mod stub_words;
mod stubs;
mod upstream;
mod visibility;
mod web_pages;

#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod exchange;
#[cfg(feature = "cli")]
mod input;
#[cfg(all(feature = "cli", unix))]
mod lifecycle;
#[cfg(all(feature = "cli", unix))]
mod run;
#[cfg(all(feature = "cli", unix))]
mod verify;
