//! A program from `exec` to its first answer: elastimock's own binary beside `contender`.

use super::Plan;
use crate::claim::{self, Claim};
use crate::client;
use crate::contender::median;
use crate::elastimock_contender::{self, NAME};
use crate::process::{Running, contender};
use crate::report::{Report, Row, Unit, at_most};
use crate::{Result, sys};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Rows of time and memory; for elastimock also with a large fixture.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let rounds = plan.count(7, 25);
    let mut time = Row::new("exec to first answer", Unit::Micros);
    let mut memory = Row::new("exec to first answer: peak resident memory", Unit::Bytes);
    let small = Fixture::new(1)?;
    for name in &plan.names {
        let command = || match &plan.programs.elastimock {
            Some(binary) if *name == NAME => elastimock_contender::run_binary(binary, &small.0),
            _ => contender(&plan.programs.release, name, "serve", 1),
        };
        match first_answers(plan, command, rounds) {
            Ok((micros, bytes)) => {
                time.set(name, micros);
                memory.set(name, bytes);
            }
            Err(error) => report.failed("exec to first answer", name, &*error),
        }
    }
    let subject = report.subject();
    let targets = [(&time, 5_000.0), (&memory, 9e6)];
    for (row, most) in targets {
        report.target(row.label(), row.unit(), row.of(subject), at_most(most, None));
    }
    report.row(time);
    report.row(memory);
    if let Some(binary) = &plan.programs.elastimock {
        let large = Fixture::new(100_000)?;
        let command = || elastimock_contender::run_binary(binary, &large.0);
        let label = "exec to first answer, 100,000 jobs";
        match first_answers(plan, command, plan.count(2, 3)) {
            Ok((micros, _)) => {
                report.target(label, Unit::Micros, Some(micros), at_most(150_000.0, None));
                report.row(Row::new(label, Unit::Micros).with(NAME, micros));
            }
            Err(error) => report.failed(label, NAME, &*error),
        }
    }
    Ok(())
}

/// The median time in microseconds, and the median peak memory in bytes.
fn first_answers(plan: &Plan, command: impl Fn() -> Command, rounds: usize) -> Result<(f64, f64)> {
    let claim = Claim::small("localhost").of(0);
    let mut micros = Vec::new();
    let mut bytes = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        let running = Running::start(command(), &plan.server)?;
        client::claim_once(running.address, &claim)?;
        micros.push(begin.elapsed().as_nanos() as f64 / 1000.0);
        bytes.push(sys::holdings(Some(running.id()))?.rss_peak_bytes as f64);
    }
    Ok((median(micros), median(bytes)))
}

/// A fixture in the temporary directory that goes when its owner goes.
pub struct Fixture(pub PathBuf);

impl Fixture {
    /// One with that many pending jobs.
    pub fn new(jobs: usize) -> Result<Fixture> {
        let name = format!("elastimock-benches-{}-{jobs}-jobs.json", std::process::id());
        let fixture = Fixture(std::env::temp_dir().join(name));
        fs::write(&fixture.0, claim::fixture(jobs))?;
        Ok(fixture)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
