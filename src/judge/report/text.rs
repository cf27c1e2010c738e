//! The report for people: what each job or connector went through, with the offending calls marked,
//! and under it what was wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, counted, numbers, visible};
use crate::finding::Finding;
use crate::journal::interaction::Interaction;
use crate::judge::rules::day_and_time;
use crate::limits::REPORT_LANE_CALLS_MAX;
use crate::near_miss::shortened;
use crate::steps::step;

/// Calls shown before and after an offending one when a lane is too long to be shown whole.
const AROUND: usize = 3;
/// Characters of a body or path that a line shows.
const SHOWN_CHARS_MAX: usize = 100;

pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    out.push_str(&head(report));
    let mut calls = report.calls_by_lane();
    for (name, findings) in report.by_lane() {
        out.push_str(&format!("\n── {} ──\n", visible(&name)));
        tell_story(&mut out, report, calls.remove(&name).unwrap_or_default(), &findings);
        for finding in findings {
            out.push('\n');
            tell(&mut out, report, finding);
        }
    }
    if report.dropped() > 0 {
        out.push_str(&format!("\nand {} more\n", counted(report.dropped(), "finding")));
    }
    if report.forgotten.total() > 0 {
        let forgotten = counted(report.forgotten.total(), "finding");
        out.push_str(&format!("\n{forgotten} of earlier calls forgotten on request (forget=true)\n"));
    }
    out
}

/// The first line: how it went.
fn head(report: &Report) -> String {
    let found = match (report.counts.error, report.counts.warning) {
        (0, 0) => return format!("{}: no findings\n", counted(report.calls, "call")),
        (error, warning) => format!("{}, {}", counted(error, "error"), counted(warning, "warning")),
    };
    let verdict =
        if report.counts.error > 0 { "the client broke the contract" } else { "the client kept the contract" };
    format!("{verdict}: {found}\n")
}

pub(super) fn tell(out: &mut String, report: &Report, finding: &Finding) {
    // The finding's own text begins every further line with a blank; what stands in a message need not.
    let text = visible(&finding.to_string());
    let mut lines = text.lines();
    out.push_str(lines.next().unwrap_or_default());
    for line in lines {
        out.push('\n');
        if !line.starts_with("  ") {
            out.push_str("  ");
        }
        out.push_str(line);
    }
    out.push('\n');
    if let Some(place) = report.place(finding) {
        out.push_str(&format!("  recorded in: {}:{}\n", visible(&place.file), place.line));
    }
}

/// The lane's calls in order, and those that its findings name; the offending ones marked.
fn tell_story(out: &mut String, report: &Report, calls: Vec<&Interaction>, findings: &[&Finding]) {
    let mut own: BTreeMap<u64, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let Some(seq) = super::call_of(finding) {
            own.entry(seq).or_default().push(finding);
        }
    }
    let named: BTreeSet<u64> = findings.iter().flat_map(|finding| numbers(finding)).collect();
    let mut calls: BTreeMap<u64, &Interaction> = calls.into_iter().map(|call| (call.seq, call)).collect();
    calls.extend(named.iter().filter_map(|seq| report.call(*seq)).map(|call| (call.seq, call)));
    let calls: Vec<&Interaction> = calls.into_values().collect();
    let is_shown = |at: usize| {
        let mut around = calls[at.saturating_sub(AROUND)..calls.len().min(at + AROUND + 1)].iter();
        calls.len() <= REPORT_LANE_CALLS_MAX || around.any(|call| named.contains(&call.seq))
    };
    let width = calls.last().map_or(1, |call| call.seq.to_string().len());
    let mut day = String::new();
    let mut left_out = 0;
    for (at, call) in calls.iter().enumerate() {
        step();
        if !is_shown(at) {
            left_out += 1;
            continue;
        }
        tell_left_out(out, &mut left_out);
        let (date, time) = day_and_time(call.at);
        if date != day {
            out.push_str(&format!("  {date}\n"));
            day = date;
        }
        let found = own.get(&call.seq).map(Vec::as_slice).unwrap_or_default();
        let mark = if found.is_empty() { ' ' } else { '>' };
        let line = format!("{mark} {:>width$}  {}  {}", call.seq, time, told(call));
        out.push_str(line.trim_end());
        out.push('\n');
        for finding in found {
            out.push_str(&format!("  {:>width$}  ^ {}[{}]\n", "", finding.severity, finding.rule));
        }
    }
    tell_left_out(out, &mut left_out);
}

fn tell_left_out(out: &mut String, left_out: &mut u64) {
    if *left_out > 0 {
        out.push_str(&format!("  … {} without findings\n", counted(*left_out, "call")));
        *left_out = 0;
    }
}

fn told(call: &Interaction) -> String {
    let request = &call.request;
    let body = String::from_utf8_lossy(request.body());
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "{} {} → {}  {}",
        request.method(),
        shortened(&visible(request.target()), SHOWN_CHARS_MAX),
        call.response.status(),
        shortened(&visible(&body), SHOWN_CHARS_MAX)
    )
}
