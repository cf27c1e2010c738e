//! The contenders by name, and the program `contender`: one of them in a process of its own.
//!
//! `contender NAME serve` answers until its standard input closes. The other verbs are experiments
//! that want a fresh process: they run, print one line of JSON and end.

use crate::claim::{self, Claim};
use crate::client::{self, Load};
use crate::sys::{self, Holdings};
use crate::{Result, contenders, heap};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A server that runs; dropping it stops it, as far as its makers meant it to.
pub trait Server {
    /// `http://HOST:PORT`.
    fn url(&self) -> String;
}

/// What a server is started for.
pub struct Setup {
    /// The jobs in elastimock's fixture format. The others have no state and ignore it.
    pub fixture: String,
    /// Many servers are to live at once.
    pub crowd: bool,
}

impl Setup {
    /// That many pending jobs.
    pub fn with_jobs(jobs: usize) -> Setup {
        Setup { fixture: claim::fixture(jobs), crowd: false }
    }
}

/// Starts a contender.
pub type Start = fn(&Setup) -> Result<Box<dyn Server>>;

/// Who answers, in the order of the table's columns.
pub const ALL: &[(&str, Start)] = &[
    #[cfg(feature = "elastimock")]
    (crate::elastimock_contender::NAME, crate::elastimock_contender::start),
    ("bare", contenders::bare::start),
    ("least", contenders::least::start),
    ("httptest", contenders::httptest::start),
    ("httpmock", contenders::httpmock::start),
    ("wiremock", contenders::wiremock::start),
    ("mockito", contenders::mockito::start),
];

/// The mock servers that people use today: [`ALL`] without elastimock and our two yardsticks.
pub const PEERS: &[&str] = &["httptest", "httpmock", "wiremock", "mockito"];

/// The names of [`ALL`].
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|(name, _)| *name).collect()
}

const USAGE: &str = "usage: contender NAME [serve | start | crowd | kept | again] [COUNT]

  serve [JOBS]      answers claims until standard input closes
  start [CYCLES]    start, first answer and drop, over and over
  crowd [SERVERS]   servers alive at once
  kept  [CLAIMS]    memory kept of each interaction
  again [CLAIMS]    the same with one job claimed over and over";

/// The program.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contender: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let name = argument(0).ok_or(USAGE)?;
    let count = |default| argument(2).map_or(Ok(default), str::parse::<usize>);
    let (_, start) = ALL
        .iter()
        .find(|(candidate, _)| *candidate == name)
        .ok_or_else(|| format!("no contender {name}; there are {}", names().join(", ")))?;
    match argument(1).unwrap_or("serve") {
        "serve" => serve(*start, count(1)?),
        "start" => say(&cycle(*start, count(100)?)?),
        "crowd" => say(&crowd(*start, count(200)?)?),
        "kept" => {
            let claims = count(10_000)?;
            say(&kept(*start, claims, claims + KEPT_WARM_UP)?)
        }
        "again" => say(&kept(*start, count(10_000)?, 1)?),
        _ => Err(USAGE.into()),
    }
}

fn say(value: &Value) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

/// Answers until standard input closes.
fn serve(start: Start, jobs: usize) -> Result<()> {
    let setup = Setup::with_jobs(jobs);
    let begin = Instant::now();
    let server = start(&setup)?;
    say(&json!({ "url": server.url(), "start_us": micros(begin.elapsed()) }))?;
    drop(setup);
    io::copy(&mut io::stdin(), &mut io::sink())?;
    // Without a drop: thousands of recorded claims would be freed one by one, and counted.
    std::process::exit(0);
}

/// Start, first answer and drop of one server after the other.
fn cycle(start: Start, cycles: usize) -> Result<Value> {
    const WARM_UP: usize = 10;
    let setup = Setup::with_jobs(1);
    let claim = Claim::small("localhost").of(0);
    let cycle = |with_claim: bool| -> Result<[f64; 3]> {
        let begin = Instant::now();
        let server = start(&setup)?;
        let started = begin.elapsed();
        if with_claim {
            client::claim_once(client::address(&server.url())?, &claim)?;
        }
        let answered = begin.elapsed();
        drop(server);
        let dropped = begin.elapsed();
        Ok([started, answered - started, dropped - answered].map(micros))
    };
    for round in 0..WARM_UP {
        cycle(round % 2 == 0)?;
    }
    let before = Count::settled()?;
    let mut idle = Vec::with_capacity(cycles);
    let mut answering = Vec::with_capacity(cycles);
    let room = heap::live_bytes();
    for _ in 0..cycles {
        idle.push(cycle(false)?);
        answering.push(cycle(true)?);
    }
    let after = Count::settled()?;
    let middle = |samples: &[[f64; 3]], pick: fn(&[f64; 3]) -> f64| median(samples.iter().map(pick).collect());
    Ok(json!({
        "start_us": middle(&idle, |[start, _, _]| *start),
        "drop_us": middle(&idle, |[_, _, drop]| *drop),
        "start_and_drop_us": middle(&idle, |[start, _, drop]| start + drop),
        "first_answer_us": middle(&answering, |[start, answer, _]| start + answer),
        "whole_us": middle(&answering, |parts| parts.iter().sum()),
        "threads_left": after.held.threads as i64 - before.held.threads as i64,
        "files_left": after.held.files as i64 - before.held.files as i64,
        "heap_left_bytes_per_cycle":
            room.zip(after.heap_bytes).map(|(before, after)| (after - before) as f64 / (2 * cycles) as f64),
    }))
}

/// Servers alive at once: what each costs, and what is left when all are gone.
fn crowd(start: Start, servers: usize) -> Result<Value> {
    let setup = Setup { crowd: true, ..Setup::with_jobs(1) };
    let claim = Claim::small("localhost").of(0);
    // The first server brings what all share: a runtime, compiled schemas, a pool.
    drop(start(&setup)?);
    let mut alive = Vec::with_capacity(servers);
    let before = Count::settled()?;
    for _ in 0..servers {
        alive.push(start(&setup)?);
    }
    let full = Count::settled()?;
    for server in &alive {
        client::claim_once(client::address(&server.url())?, &claim)?;
    }
    let answered = Count::settled()?;
    alive.clear();
    let after = Count::settled()?;
    let each = |count: &Count| count.since(&before, servers);
    Ok(json!({
        "idle": each(&full),
        "answered_once": each(&answered),
        "left": after.since(&before, 1),
    }))
}

/// Claims before the count begins, for buffers and tables that are made once.
const KEPT_WARM_UP: usize = 500;

/// Memory that a server keeps of each claim it answered.
fn kept(start: Start, claims: usize, jobs: usize) -> Result<Value> {
    let server = start(&Setup::with_jobs(jobs))?;
    let mut load = Load::connect(client::address(&server.url())?, 1)?;
    let job = |claim: usize| claim % jobs;
    load.run((0..KEPT_WARM_UP).map(job))?;
    let before = Count::settled()?;
    load.run((KEPT_WARM_UP..KEPT_WARM_UP + claims).map(job))?;
    let after = Count::settled()?;
    Ok(after.since(&before, claims))
}

/// What this process holds, and what its allocator has handed out.
struct Count {
    held: Holdings,
    heap_bytes: Option<i64>,
}

impl Count {
    fn now() -> Result<Count> {
        Ok(Count { held: sys::holdings(None)?, heap_bytes: heap::live_bytes() })
    }

    /// After a pause in which threads of the server may finish what they were at.
    fn settled() -> Result<Count> {
        sys::pause(Duration::from_millis(50));
        Count::now()
    }

    /// How much more than `earlier` this is, for each of `shares`.
    fn since(&self, earlier: &Count, shares: usize) -> Value {
        let each = |now: i64, then: i64| (now - then) as f64 / shares as f64;
        let held = |pick: fn(&Holdings) -> u64| each(pick(&self.held) as i64, pick(&earlier.held) as i64);
        json!({
            "rss_bytes": held(|held| held.rss_bytes),
            "threads": held(|held| held.threads),
            "files": held(|held| held.files),
            "heap_bytes": self.heap_bytes.zip(earlier.heap_bytes).map(|(now, then)| each(now, then)),
        })
    }
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

/// The middle of the sorted samples.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let half = samples.len() / 2;
    match samples.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => samples[half],
        _ => f64::midpoint(samples[half - 1], samples[half]),
    }
}
