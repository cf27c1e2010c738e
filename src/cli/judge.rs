//! `elastimock judge`: what clients did wrong in recordings, without a server.

use super::args::JudgeArgs;
use super::console::{CommandError, Console, Exit};
use super::progress::Progress;
use super::{recordings, report};
use crate::contract::coverage::Coverage;
use crate::contract::offline::RecordedRun;
use crate::contract::report::{Report, ReportFormat};
use crate::contract::strictness::Contract;

/// Judges recordings of one run together, in the order of their instants.
pub(crate) fn run(judge: &JudgeArgs, console: &Console) -> Result<Exit, CommandError> {
    report::prepare(&judge.verdict.report, console)?;
    let (recordings, texts) = recordings::read(&judge.recordings, console)?;
    let mut strictness = report::strictness(&judge.verdict)?;
    if strictness.contract() == Contract::Enforce {
        // What is recorded has been answered already: nothing is left to be refused.
        strictness = strictness.with_contract(Contract::Warn);
    }
    let mut progress = Progress::new("judging", "calls", console);
    let total = recordings::lines(&recordings);
    let run = RecordedRun::watched(&recordings, strictness, &mut |at| progress.at(at, total));
    drop(progress);
    let names: Vec<(&str, &[u8])> = texts.iter().map(|read| (&*read.name, &*read.text)).collect();
    let mut report = Report::of_run(&run, &names);
    report.fail_on = judge.verdict.fail_on.severity();
    report.is_of_command = true;
    report.page = report::page(&judge.verdict.report);
    report::complete(&judge.verdict.report, &mut report);
    if report::wants(&judge.verdict.report, ReportFormat::Summary) {
        report.coverage = Some(Coverage::of_run(&run));
    }
    if console.json() {
        console.json_line(&report.to_value())?;
    } else if judge.verdict.report.iter().all(|wanted| wanted.file.is_some()) {
        console.result(report::text(&report, console.stdout_has_colors()).trim_end())?;
    }
    report::write(&judge.verdict.report, &report, console)?;
    Ok(if report.is_failure() { Exit::Failed } else { Exit::Done })
}
