//! A claim with a body of ten megabytes: CPU time, and memory above what was resident before.

use super::Plan;
use crate::claim::Claim;
use crate::client;
use crate::contender::median;
use crate::process::{Running, contender};
use crate::report::{Report, Row, Unit, at_most};
use crate::{Result, sys};

const BODY_BYTES: usize = 10_000_000;

/// Rows of CPU time, of the peak while the body is handled, and of what stays.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let mut cpu = Row::new("a 10 MB body: server CPU time", Unit::Micros);
    let mut peak = Row::new("a 10 MB body: peak memory, times its size", Unit::Fraction);
    let mut stays = Row::new("a 10 MB body: memory kept, times its size", Unit::Fraction);
    let claim = Claim::large("localhost", BODY_BYTES).of(0);
    for name in &plan.names {
        match samples(plan, name, &claim, plan.count(3, 7)) {
            Ok(samples) => {
                let middle = |pick: fn(&Sample) -> f64| median(samples.iter().map(pick).collect());
                cpu.set(name, middle(|sample| sample.cpu_us));
                peak.set(name, middle(|sample| sample.peak_bytes) / BODY_BYTES as f64);
                stays.set(name, middle(|sample| sample.kept_bytes) / BODY_BYTES as f64);
            }
            Err(error) => report.failed("a 10 MB body", name, &*error),
        }
    }
    let subject = report.subject();
    for (row, most) in [(&cpu, 25_000.0), (&peak, 2.0)] {
        report.target(row.label(), row.unit(), row.of(subject), at_most(most, None));
    }
    for row in [cpu, peak, stays] {
        report.row(row);
    }
    Ok(())
}

struct Sample {
    cpu_us: f64,
    peak_bytes: f64,
    kept_bytes: f64,
}

/// One body for each fresh process: memory that was used before would hide what this one needs.
fn samples(plan: &Plan, name: &str, claim: &[u8], rounds: usize) -> Result<Vec<Sample>> {
    let small = Claim::small("localhost").of(1);
    (0..rounds)
        .map(|_| {
            let command = contender(&plan.programs.release, name, "serve", 2);
            let running = Running::start(command, &plan.server)?;
            client::claim_once(running.address, &small)?;
            sys::forget_peak(running.id())?;
            let before = sys::holdings(Some(running.id()))?;
            let cpu_before = running.cpu_time()?;
            client::claim_once(running.address, claim)?;
            let cpu = running.cpu_time()?.saturating_sub(cpu_before);
            // Another call, after which nothing of the large one is only on its way out.
            client::claim_once(running.address, &small)?;
            let after = sys::holdings(Some(running.id()))?;
            Ok(Sample {
                cpu_us: cpu.as_secs_f64() * 1e6,
                peak_bytes: after.rss_peak_bytes as f64 - before.rss_bytes as f64,
                kept_bytes: after.rss_bytes as f64 - before.rss_bytes as f64,
            })
        })
        .collect()
}
