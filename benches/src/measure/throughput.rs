//! Claims over keep-alive connections: answers for each second of the server's CPU, and latency.

use super::Plan;
use crate::Result;
use crate::client::{Load, Slice};
use crate::contender::{PEERS, median};
use crate::elastimock_contender;
use crate::process::{Running, contender};
use crate::report::{Report, Row, Unit, at_least};
use std::path::Path;

/// The release profile, at every number of connections.
pub fn release(plan: &Plan, report: &mut Report) -> Result<()> {
    for connections in [1, 16, 64, 256] {
        // One connection leaves both sides waiting for each other: fewer claims take as long.
        let claims = match connections {
            1 => plan.count(1_000, 2_000),
            _ => plan.count(1_500, 5_000),
        };
        let bout = Bout { program: &plan.programs.release, connections, rounds: plan.count(3, 7), claims };
        let label = format!("claims, {connections} connections");
        let row = bout.fight(plan, report, &label)?;
        if connections == 64 {
            let needs = [("least", 1.0, None), ("httptest", 0.9, None), ("wiremock", 1.9, None)];
            for (name, needed, stretch) in needs {
                let what = format!("{label}: requests per server-CPU-second, times {name}");
                report.target(&what, Unit::Times, row.ratio_to(name), at_least(needed, stretch));
            }
        }
    }
    Ok(())
}

/// The dev profile, as `cargo test` builds an in-process server.
pub fn dev(plan: &Plan, report: &mut Report) -> Result<()> {
    let bout =
        Bout { program: &plan.programs.dev, connections: 64, rounds: plan.count(3, 5), claims: plan.count(800, 1_500) };
    let label = "dev profile, 64 connections";
    let row = bout.fight(plan, report, label)?;
    let slowest_lead = PEERS.iter().filter_map(|peer| row.ratio_to(peer)).min_by(f64::total_cmp);
    let what = format!("{label}: requests per server-CPU-second, times the fastest peer");
    report.target(&what, Unit::Times, slowest_lead, at_least(1.0, None));
    Ok(())
}

/// Connections that usually may wait to be accepted.
const QUEUE_CONNECTIONS: usize = 128;

/// All contenders alive, each loaded for a slice in turn, for some rounds.
struct Bout<'a> {
    program: &'a Path,
    connections: usize,
    rounds: usize,
    claims: usize,
}

/// What one contender showed in each round.
#[derive(Default)]
struct Rounds {
    per_cpu_second: Vec<f64>,
    middle_us: Vec<f64>,
    tail_us: Vec<f64>,
}

impl Bout<'_> {
    /// Measures, and writes three rows; the first of them is returned for the targets.
    fn fight(&self, plan: &Plan, report: &mut Report, label: &str) -> Result<Row> {
        // As many pending jobs as there will be claims: each claim is the job's first. The warm-up
        // is a slice of its own, and new servers for each number of connections keep a contender
        // that remembers everything from filling the machine.
        let jobs = (self.rounds + 1) * self.claims;
        let mut ring = Vec::new();
        for name in &plan.names {
            let entry = || -> Result<(Running, Load)> {
                let command = contender(self.program, name, "serve", jobs);
                let running = Running::start(command, &plan.server)?;
                let mut load = Load::connect(running.address, self.connections)?;
                load.run(0..1)?;
                if load.is_closed_after_answers() && self.connections > QUEUE_CONNECTIONS {
                    return Err(format!(
                        "closes after each answer: {} new connections at once overflow a listener's \
                         usual queue of {QUEUE_CONNECTIONS}, and the client would measure its retries",
                        self.connections
                    )
                    .into());
                }
                load.run(1..self.claims)?;
                Ok((running, load))
            };
            match entry() {
                Ok((running, load)) => ring.push((*name, running, load, Rounds::default())),
                Err(error) => report.failed(label, name, &*error),
            }
        }
        for round in 0..self.rounds {
            // A different one begins each time, so that nobody always follows the same neighbour.
            for turn in 0..ring.len() {
                let index = (round + turn) % ring.len();
                let (_, running, load, rounds) = &mut ring[index];
                let first = (round + 1) * self.claims;
                let before = running.cpu_time()?;
                let slice: Slice = load.run(first..first + self.claims)?;
                let cpu = running.cpu_time()?.saturating_sub(before);
                rounds.per_cpu_second.push(self.claims as f64 / cpu.as_secs_f64());
                rounds.middle_us.push(slice.latency_us(0.5));
                rounds.tail_us.push(slice.latency_us(0.99));
            }
        }
        let mut speed = Row::new(&format!("{label}: per server-CPU-second"), Unit::Count);
        let mut middle = Row::new(&format!("{label}: latency, median"), Unit::Micros);
        let mut tail = Row::new(&format!("{label}: latency, 99th percentile"), Unit::Micros);
        let subject = ring
            .iter()
            .find(|(name, ..)| *name == report.subject())
            .map(|(_, _, _, rounds)| rounds.per_cpu_second.clone());
        for (name, running, _, rounds) in ring {
            if let Some(subject) = &subject {
                // Paired by round: what slows one round slows both sides of its ratio.
                let pairs = subject.iter().zip(&rounds.per_cpu_second);
                speed.set_ratio(name, median(pairs.map(|(ours, theirs)| ours / theirs).collect()));
            }
            speed.set(name, median(rounds.per_cpu_second));
            middle.set(name, median(rounds.middle_us));
            tail.set(name, median(rounds.tail_us));
            if name == elastimock_contender::NAME {
                note_findings(report, label, &running);
            }
        }
        report.row(speed.clone());
        report.row(middle);
        report.row(tail);
        Ok(speed)
    }
}

/// A load that was meant to be blameless and is not would measure the writing of findings.
fn note_findings(report: &mut Report, label: &str, running: &Running) {
    match elastimock_contender::findings(running.url()) {
        Ok(counts) => report.note(&format!("{label}: findings of elastimock's judgement: {counts}")),
        Err(error) => report.failed(label, "findings", &*error),
    }
}
