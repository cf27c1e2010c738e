//! The parts of the table, one file each. A part measures every contender in turn and writes rows.

pub mod body;
pub mod calls;
pub mod crowd;
pub mod exec;
pub mod instructions;
pub mod jobs;
pub mod judged;
pub mod kept;
pub mod polls;
pub mod start;
pub mod throughput;

use crate::process::Programs;
use crate::report::Report;
use crate::{Result, contender, sys};

/// What a run has to go by.
pub struct Plan {
    /// Fewer rounds and smaller counts.
    pub quick: bool,
    /// The contenders' programs.
    pub programs: Programs,
    /// The client's core.
    pub client: Vec<usize>,
    /// The servers' core.
    pub server: Vec<usize>,
    /// All cores, for experiments that have client and server in one process.
    pub all: Vec<usize>,
    /// Who is measured, in the order of the columns.
    pub names: Vec<&'static str>,
}

impl Plan {
    /// Shares the cores out: the first for the client, the last for the servers.
    pub fn new(quick: bool, programs: Programs) -> Plan {
        let all = sys::cores();
        Plan {
            quick,
            programs,
            client: all[..1].to_vec(),
            server: all[all.len() - 1..].to_vec(),
            all,
            names: contender::names(),
        }
    }

    /// The count for a quick run, or the other.
    pub fn count(&self, quick: usize, thorough: usize) -> usize {
        if self.quick { quick } else { thorough }
    }
}

/// One part of the table.
pub type Part = fn(&Plan, &mut Report) -> Result<()>;

/// The parts by the name that `--only` knows, in the table's order.
pub const PARTS: &[(&str, Part)] = &[
    ("throughput", throughput::release),
    ("dev", throughput::dev),
    ("instructions", instructions::release),
    ("dev_instructions", instructions::dev),
    ("helped_instructions", instructions::helped),
    ("calls", calls::measure),
    ("start", start::measure),
    ("crowd", crowd::measure),
    ("kept", kept::measure),
    ("jobs", jobs::measure),
    ("judged", judged::measure),
    ("polls", polls::measure),
    ("exec", exec::measure),
    ("body", body::measure),
];
