//! What the judgement costs: elastimock's own binary with each of its contracts.

use super::Plan;
use super::exec::Fixture;
use crate::Result;
use crate::client::Load;
use crate::contender::median;
use crate::elastimock_contender::{self, NAME};
use crate::process::Running;
use crate::report::{Report, Row, Unit};

const CONTRACTS: [&str; 3] = ["off", "warn", "enforce"];
const CONNECTIONS: usize = 64;

/// Rows of speed for each contract, and of its ratio to a server that judges nothing.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let Some(binary) = &plan.programs.elastimock else { return Ok(()) };
    let (claims, rounds) = (plan.count(1_500, 5_000), plan.count(3, 7));
    // As many pending jobs as there will be claims: each claim is the job's first, and blameless.
    let fixture = Fixture::new((rounds + 1) * claims)?;
    let mut ring = Vec::new();
    for contract in CONTRACTS {
        let mut command = elastimock_contender::run_binary(binary, &fixture.0);
        command.args(["--contract", contract]);
        let running = Running::start(command, &plan.server)?;
        let mut load = Load::connect(running.address, CONNECTIONS)?;
        load.run(0..claims)?;
        ring.push((contract, running, load, Vec::new()));
    }
    for round in 0..rounds {
        for turn in 0..ring.len() {
            let index = (round + turn) % ring.len();
            let (_, running, load, speeds) = &mut ring[index];
            let first = (round + 1) * claims;
            let before = running.cpu_time()?;
            load.run(first..first + claims)?;
            let cpu = running.cpu_time()?.saturating_sub(before);
            speeds.push(claims as f64 / cpu.as_secs_f64());
        }
    }
    let off = ring[0].3.clone();
    for (contract, running, _, speeds) in ring {
        // Paired by round: what slows one round slows both sides of its ratio.
        let to_off = median(speeds.iter().zip(&off).map(|(judged, off)| judged / off).collect());
        let label = |what: &str| format!("contract {contract}: {what}");
        report.row(Row::new(&label("claims per server-CPU-second"), Unit::Count).with(NAME, median(speeds)));
        report.row(Row::new(&label("speed, times that without judgement"), Unit::Times).with(NAME, to_off));
        match elastimock_contender::findings(running.url()) {
            Ok(counts) => report.note(&label(&format!("findings {counts}"))),
            Err(error) => report.failed(&label("findings"), NAME, &*error),
        }
    }
    Ok(())
}
