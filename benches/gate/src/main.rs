//! The gate: whether elastimock needs more instructions or bytes than it did, or grows where it must not.
//!
//! Instructions are counted by callgrind in a single thread, bytes by the allocator: no clock is asked,
//! so a busy machine gives the same verdict. `baseline.txt` holds what is allowed; `--renew` writes it.

mod calls;
mod heap;
mod kept;
mod times;
mod wire;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

const USAGE: &str = "usage: cargo run --release [-- --renew | --figures | --bytes | --holds | --times |
                              --forwarding]

  compares instructions, bytes and growth with baseline.txt; red is exit code 1
  --renew    writes what is measured into baseline.txt
  --figures  prints what is measured, in the form of baseline.txt
  --bytes    the same, of the bytes alone: in seconds, and without valgrind
  --holds    prints for how long others wait for the lock at most: a time, and so no part of the verdict
  --times    prints other times, and what large bodies take: a start, many jobs, 10 and 100 MB
  --forwarding  prints what a claim costs in front of a server, elastimock and a bare proxy of hyper in one run";

/// By how much a figure may pass its baseline, where the toolchain is the baseline's own.
const TOLERANCE: f64 = 1.02;
/// The same under another compiler or C library, whose code differs without anybody's doing.
const TOLERANCE_ELSEWHERE: f64 = 1.10;
/// How much dearer a call may be with twenty times the jobs.
const GROWTH_MAX: f64 = 2.0;

/// Calls whose growth is a figure of its own.
const GROWTHS: [&str; 4] = ["claim_enforce", "bulk_of_1", "job_post", "job_list"];

type Figures = BTreeMap<String, f64>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["calls", jobs] => jobs.parse().map(calls::run).map(|()| true).map_err(Into::into),
        ["once", name] => {
            calls::run_once(name);
            Ok(true)
        }
        ["serve", jobs] => jobs.parse().map_err(Into::into).and_then(wire::serve).map(|()| true),
        [] => check(),
        ["--renew"] => renew(),
        ["--figures"] => measured().map(|(figures, _)| {
            print!("{}", text(&figures));
            true
        }),
        ["--bytes"] => {
            print!("{}", text(&kept::measure().into_iter().collect()));
            Ok(true)
        }
        ["proxy", upstream] => upstream.parse().map_err(Into::into).and_then(wire::proxy).map(|()| true),
        ["front", upstream] => wire::front(upstream).map(|()| true),
        ["--forwarding"] => Scratch::new(0).and_then(|folder| wire::forwarded(&folder.0)).map(|[bare, ours]| {
            println!("instructions_claim_in_a_bare_proxy {bare:.0}");
            println!("instructions_claim_in_front {ours:.0}");
            println!("percent_of_a_bare_proxy {:.0}", ours / bare * 100.0);
            true
        }),
        ["--holds"] => {
            print!("{}", text(&kept::longest_holds().into_iter().collect()));
            Ok(true)
        }
        ["--times"] => {
            print!("{}", text(&times::measure().into_iter().collect()));
            Ok(true)
        }
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("gate: {error}");
            ExitCode::from(2)
        }
    }
}

/// What allows so much; it lies beside the program's own text.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt");

/// All figures, and whether none is steep.
fn measured() -> Result<(Figures, bool)> {
    let mut figures: Figures = kept::measure().into_iter().collect();
    figures.insert("instructions_claim_with_the_wire".to_owned(), wire::measure(&Scratch::new(0)?.0)?);
    for (name, parts) in calls::ONCE {
        let folder = Scratch::new(0)?;
        counted(&folder, calls::MEASURED_ONCE, &["once", name])?;
        figures.insert(format!("instructions_{name}"), total(&folder.0.join("out.1"))? / *parts as f64);
    }
    let [small, large] = calls::SIZES;
    let (few, many) = (count(small)?, count(large)?);
    let mut is_flat = true;
    for case in calls::CASES {
        let few = few[case.name];
        figures.insert(format!("instructions_{}", case.name), few);
        if let Some(many) = many.get(case.name).filter(|_| GROWTHS.contains(&case.name)) {
            figures.insert(format!("percent_with_20_times_the_jobs_{}", case.name), many / few * 100.0);
        }
        if let Some(many) = many.get(case.name).filter(|many| **many > GROWTH_MAX * few) {
            is_flat = false;
            eprintln!("STEEP   {:<36} {few:>12.0} with {small} jobs, {many:.0} with {large}", case.name);
        }
    }
    Ok((figures, is_flat))
}

fn renew() -> Result<bool> {
    let (figures, is_flat) = measured()?;
    fs::write(BASELINE, text(&figures))?;
    println!("{BASELINE} renewed; read the difference before it is committed");
    Ok(is_flat)
}

/// Measures and compares; whether all is well.
fn check() -> Result<bool> {
    let (figures, mut is_well) = measured()?;
    let baseline = fs::read_to_string(BASELINE)?;
    let same_tools = baseline.lines().next() == Some(&tools());
    let tolerance = if same_tools { TOLERANCE } else { TOLERANCE_ELSEWHERE };
    if !same_tools {
        println!("other tools than the baseline's, so {:.0} % are allowed: {}", (tolerance - 1.0) * 100.0, tools());
    }
    let allowed = read(&baseline)?;
    for (name, figure) in &figures {
        let Some(allowed) = allowed.get(name) else {
            is_well = false;
            println!("NEW     {name:<36} {figure:>12.0}: no baseline; renew it");
            continue;
        };
        let verdict = if *figure > allowed * tolerance { "SLOWER" } else { "ok" };
        is_well &= verdict == "ok";
        println!("{verdict:<7} {name:<36} {figure:>12.0} of {allowed:.0} ({:+.1} %)", (figure / allowed - 1.0) * 100.0);
    }
    for name in allowed.keys().filter(|name| !figures.contains_key(*name)) {
        is_well = false;
        println!("GONE    {name}: it stands in the baseline only; renew it");
    }
    if !is_well {
        println!("dearer on purpose? `cargo run --release -- --renew` in benches/gate, and say why in the commit");
    }
    Ok(is_well)
}

/// The instructions of each call among that many jobs.
fn count(jobs: usize) -> Result<Figures> {
    let folder = Scratch::new(jobs)?;
    let output = counted(&folder, calls::MEASURED, &["calls", &jobs.to_string()])?;
    let mut figures = Figures::new();
    for (line, number) in output.lines().zip(1..) {
        let (name, shares) = line.split_once(' ').ok_or("a line without a count")?;
        let instructions = total(&folder.0.join(format!("out.{number}")))?;
        figures.insert(name.to_owned(), instructions / shares.parse::<f64>()?);
    }
    Ok(figures)
}

/// What this program writes when it is run under callgrind, which counts in one function and writes a dump into the
/// folder whenever that ends.
fn counted(folder: &Scratch, function: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={function}"))
        .arg(format!("--dump-after={function}"))
        .arg(format!("--callgrind-out-file={}/out", folder.0.display()))
        .arg(env::current_exe()?)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The instructions that a dump tells.
fn total(dump: &Path) -> Result<f64> {
    let dump = fs::read_to_string(dump)?;
    let totals = dump.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("a dump without totals")?;
    Ok(totals.trim().parse()?)
}

/// What the figures depend on beside elastimock: the compiler, the C library, the processor's kind.
fn tools() -> String {
    let first = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).lines().next().unwrap_or_default().to_owned()
    };
    format!("# {}; {}; {}", first("rustc", "--version"), first("ldd", "--version"), env::consts::ARCH)
}

fn text(figures: &Figures) -> String {
    let mut text = tools() + "\n";
    for (name, figure) in figures {
        let _ = writeln!(text, "{name} {figure:.0}");
    }
    text
}

fn read(text: &str) -> Result<Figures> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, figure) = line.split_once(' ').ok_or_else(|| format!("no figure: {line}"))?;
            Ok((name.to_owned(), figure.parse()?))
        })
        .collect()
}

/// A folder that goes when its owner goes.
struct Scratch(PathBuf);

impl Scratch {
    fn new(jobs: usize) -> Result<Scratch> {
        let folder = env::temp_dir().join(format!("elastimock-gate-{}-{jobs}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
