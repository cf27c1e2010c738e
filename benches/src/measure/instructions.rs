//! User-space instructions for each claim: steadier than time on a machine that others use too.

use super::Plan;
use crate::Result;
use crate::client::Load;
use crate::process::{Running, contender};
use crate::report::{Report, Row, Target, Unit, at_most};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONNECTIONS: usize = 64;

/// The release profile.
pub fn release(plan: &Plan, report: &mut Report) -> Result<()> {
    let target = Some(at_most(25_000.0, Some(22_500.0)));
    measure(plan, report, &plan.programs.release, "instructions for each claim", target)
}

/// The dev profile, as `cargo test` builds it for a crate that names elastimock by its path and has no
/// profile of its own: this one.
pub fn dev(plan: &Plan, report: &mut Report) -> Result<()> {
    let target = Some(at_most(265_000.0, None));
    measure(plan, report, &plan.programs.dev, "instructions for each claim, dev profile", target)
}

/// The same with `[profile.dev.package."*"] opt-level = 2` in the user's manifest.
pub fn helped(plan: &Plan, report: &mut Report) -> Result<()> {
    let what = "instructions for each claim, dev profile with optimised dependencies";
    measure(plan, report, &plan.programs.helped, what, None)
}

/// One row, and elastimock's target, if there is one.
fn measure(plan: &Plan, report: &mut Report, program: &Path, what: &str, target: Option<Target>) -> Result<()> {
    let Some(counter) = Counter::find() else {
        report.note(&format!("{what}: neither perf counts them here nor is valgrind installed"));
        return Ok(());
    };
    let label = format!("{what} ({})", counter.name());
    let mut row = Row::new(&label, Unit::Count);
    for name in &plan.names {
        match per_claim(plan, &counter, program, name) {
            Ok(instructions) => row.set(name, instructions),
            Err(error) => report.failed(&label, name, &*error),
        }
    }
    if let Some(target) = target {
        report.target(&label, Unit::Count, row.of(report.subject()), target);
    }
    report.row(row);
    Ok(())
}

/// A run with twice the claims less a run with the claims: what starting costs cancels out.
fn per_claim(plan: &Plan, counter: &Counter, program: &Path, name: &str) -> Result<f64> {
    let claims = plan.count(700, 3_000);
    let jobs = WARM_UP + 2 * claims;
    let once = counter.count(plan, program, name, claims, jobs)?;
    let twice = counter.count(plan, program, name, 2 * claims, jobs)?;
    Ok((twice - once) / claims as f64)
}

/// Claims before the count matters; the same in both runs, so they cancel out too.
const WARM_UP: usize = 200;

enum Counter {
    Perf,
    Callgrind,
}

impl Counter {
    /// The processor's own counter if it may be read, else valgrind.
    fn find() -> Option<Counter> {
        let perf = Command::new("perf").args(["stat", "-x,", "-e", "instructions:u", "true"]).output();
        if perf.is_ok_and(|output| perf_count(&String::from_utf8_lossy(&output.stderr)).is_some()) {
            return Some(Counter::Perf);
        }
        let valgrind = Command::new("valgrind").arg("--version").output();
        valgrind.is_ok_and(|output| output.status.success()).then_some(Counter::Callgrind)
    }

    fn name(&self) -> &'static str {
        match self {
            Counter::Perf => "perf",
            Counter::Callgrind => "callgrind",
        }
    }

    /// Instructions of a contender's whole life.
    fn count(&self, plan: &Plan, program: &Path, name: &str, claims: usize, jobs: usize) -> Result<f64> {
        let output = Scratch::new(&format!("{name}-{claims}"));
        let running = Running::start(self.command(program, &output, name, jobs), &plan.server)?;
        let mut load = Load::connect(running.address, CONNECTIONS)?;
        load.run(0..WARM_UP)?;
        load.run(WARM_UP..WARM_UP + claims)?;
        drop(load);
        running.finish()?;
        let text = fs::read_to_string(&output.0)?;
        let count = match self {
            Counter::Perf => perf_count(&text),
            Counter::Callgrind => callgrind_count(&text),
        };
        count.ok_or_else(|| "the counter wrote no count".into())
    }

    fn command(&self, program: &Path, output: &Scratch, name: &str, jobs: usize) -> Command {
        let mut command = match self {
            Counter::Perf => {
                let mut command = Command::new("perf");
                command.args(["stat", "-x,", "-e", "instructions:u", "-o"]).arg(&output.0);
                command
            }
            Counter::Callgrind => {
                let mut command = Command::new("valgrind");
                command.args(["--tool=callgrind", "--quiet"]);
                command.arg(format!("--callgrind-out-file={}", output.0.display()));
                command
            }
        };
        let inner = contender(program, name, "serve", jobs);
        command.arg(inner.get_program()).args(inner.get_args());
        command
    }
}

/// The first field of the line about the event.
fn perf_count(text: &str) -> Option<f64> {
    text.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
}

/// The sum over all functions.
fn callgrind_count(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// A file in the temporary directory that goes when its owner goes.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("elastimock-benches-{}-{name}.out", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_outputs_are_read() {
        assert_eq!(perf_count("123456,,instructions:u,1000,100.00,,\n"), Some(123_456.0));
        assert_eq!(perf_count("<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(callgrind_count("events: Ir\n\ntotals: 42\n"), Some(42.0));
    }
}
