//! The driver: builds the contenders, measures them in turn, prints the table.

use elastimock_benches::measure::{PARTS, Plan};
use elastimock_benches::process::Programs;
use elastimock_benches::report::Report;
use elastimock_benches::{Result, sys};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: cargo run --release [--features elastimock] -- [OPTIONS]

  --quick          fewer rounds: a look, not a verdict
  --only PART      this part alone; may be repeated:
                   throughput, dev, instructions, dev_instructions, helped_instructions, calls, start, crowd, kept,
                   jobs, judged, polls, exec, body
  --dev            the same as --only dev
  --markdown FILE  the tables as Markdown too
  --keep VERSION   elastimock's own figures into HISTORY.md, in place of those of that version";

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    quick: bool,
    only: Vec<String>,
    markdown: Option<PathBuf>,
    keep: Option<String>,
}

impl Options {
    /// `None` if help is all that is asked for.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>> {
        let mut options = Options::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--only" => options.only.push(value()?),
                "--dev" => options.only.push("dev".to_owned()),
                "--markdown" => options.markdown = Some(value()?.into()),
                "--keep" => options.keep = Some(value()?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown argument: {argument}").into()),
            }
        }
        for part in &options.only {
            if !PARTS.iter().any(|(name, _)| name == part) {
                return Err(format!("unknown part: {part}").into());
            }
        }
        Ok(Some(options))
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

fn run(options: &Options) -> Result<()> {
    sys::allow_many_files();
    eprintln!("building the contenders");
    let plan = Plan::new(options.quick, Programs::build(|part| options.wants(part))?);
    let mut report = Report::new(sys::machine(), plan.names.clone());
    if plan.all.len() < 2 {
        report.note("one core only: client and servers share it, and time means little");
    }
    // Children are sent to their own cores by name; this thread is the client and stays on its one.
    sys::pin(&plan.client)?;
    let begin = Instant::now();
    for (name, part) in PARTS.iter().filter(|(name, _)| options.wants(name)) {
        let part_begin = Instant::now();
        // A part that fails as a whole costs its own rows, not the run.
        if let Err(error) = part(&plan, &mut report) {
            report.failed(name, "all", &*error);
        }
        eprintln!("{name}: {:.1} s", part_begin.elapsed().as_secs_f64());
    }
    let kind = if options.quick { "quick run, a look only" } else { "whole run" };
    report.note(&format!("{kind}: {:.0} s", begin.elapsed().as_secs_f64()));
    println!("{}", report.text());
    if let Some(file) = &options.markdown {
        std::fs::write(file, report.markdown())?;
    }
    if let Some(version) = &options.keep {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/HISTORY.md");
        let kept = std::fs::read_to_string(file)?;
        std::fs::write(file, report.kept_in(&kept, version, sys::cores().len()))?;
    }
    Ok(())
}
