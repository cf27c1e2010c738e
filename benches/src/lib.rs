//! elastimock measured against other servers that answer the same call.
//!
//! Two programs share this library. `bench` drives: it starts the contenders, loads them, reads
//! their clocks and prints the table. `contender` is one server in a process of its own, or one
//! experiment inside a fresh process.
//!
//! * [`claim`]: the call that is measured, its answer, and the fixtures behind it
//! * [`client`]: the load generator, light enough to wait for every server
//! * [`contender`], [`contenders`], [`elastimock_contender`]: who answers
//! * [`measure`]: one file for each part of the table
//! * [`process`], [`sys`], [`heap`]: children, clocks, counters
//! * [`report`]: the table and the targets

pub mod claim;
pub mod client;
pub mod contender;
pub mod contenders;
pub mod elastimock_contender;
pub mod heap;
pub mod measure;
pub mod process;
pub mod report;
pub mod sys;

/// A harness has one answer to every error: it says what happened and goes on with the rest.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
