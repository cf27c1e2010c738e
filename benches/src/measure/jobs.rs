//! elastimock with few and with many jobs in its fixture. The others have no state to grow.

use super::Plan;
use crate::Result;
use crate::client::Load;
use crate::contender::median;
use crate::elastimock_contender::NAME;
use crate::process::{Running, contender};
use crate::report::{Report, Row, Unit, at_least, at_most, thousands};

const SIZES: [usize; 4] = [1, 100, 10_000, 100_000];
const CONNECTIONS: usize = 64;

/// Rows of speed, and of the time and memory until it is ready, for each size.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.names.contains(&NAME) {
        return Ok(());
    }
    let claims = plan.count(2_000, 8_000);
    let rounds = plan.count(3, 7);
    let mut ring = Vec::new();
    for jobs in SIZES {
        let command = contender(&plan.programs.release, NAME, "serve", jobs);
        let running = Running::start(command, &plan.server)?;
        let resident = crate::sys::holdings(Some(running.id()))?.rss_bytes;
        let mut load = Load::connect(running.address, CONNECTIONS)?;
        // Every job is claimed once before the count begins, so that afterwards a claim means the
        // same whatever the size: a worker claims again what it already has.
        load.run((0..claims.max(jobs)).map(|claim| claim % jobs))?;
        ring.push((jobs, running, resident, load, Vec::new()));
    }
    for round in 0..rounds {
        for (jobs, running, _, load, speeds) in &mut ring {
            let before = running.cpu_time()?;
            load.run((0..claims).map(|claim| (round * claims + claim) % *jobs))?;
            let cpu = running.cpu_time()?.saturating_sub(before);
            speeds.push(claims as f64 / cpu.as_secs_f64());
        }
    }
    let one = ring[0].4.clone();
    for (jobs, running, resident, _, speeds) in ring {
        let to_one = median(speeds.iter().zip(&one).map(|(many, one)| many / one).collect());
        let start_us = running.hello["start_us"].as_f64().unwrap_or(f64::NAN);
        let label = |what: &str| format!("{} jobs: {what}", thousands(jobs as f64));
        report.row(Row::new(&label("claims per server-CPU-second"), Unit::Count).with(NAME, median(speeds)));
        report.row(Row::new(&label("speed, times that with one job"), Unit::Times).with(NAME, to_one));
        report.row(Row::new(&label("reading the fixture and starting"), Unit::Micros).with(NAME, start_us));
        report.row(Row::new(&label("resident memory when ready"), Unit::Bytes).with(NAME, resident as f64));
        if jobs == SIZES[SIZES.len() - 1] {
            let what = label("speed, times that with one job");
            report.target(&what, Unit::Times, Some(to_one), at_least(0.9, None));
            let what = label("reading the fixture and starting");
            report.target(&what, Unit::Micros, Some(start_us), at_most(500_000.0, None));
        }
    }
    Ok(())
}
