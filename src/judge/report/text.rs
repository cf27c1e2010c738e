//! The report for people: what each job or connector went through, with the offending calls marked,
//! and under it what was wrong with them.

use super::{Report, counted, numbers, visible};
use crate::finding::Finding;
use crate::journal::interaction::Interaction;
use crate::journal::transcript::lane;
use crate::judge::rules::day_and_time;
use crate::limits::REPORT_LANE_CALLS_MAX;
use crate::near_miss::shortened;

/// Calls shown before and after an offending one when a lane is too long to be shown whole.
const AROUND: usize = 3;
/// Characters of a body or path that a line shows.
const SHOWN_CHARS_MAX: usize = 100;

pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    out.push_str(&head(report));
    for (name, findings) in report.by_lane() {
        out.push_str(&format!("\n── {} ──\n", visible(&name)));
        tell_story(&mut out, report, &name, &findings);
        for finding in findings {
            out.push('\n');
            tell(&mut out, report, finding);
        }
    }
    if report.dropped() > 0 {
        out.push_str(&format!("\nand {} more\n", counted(report.dropped(), "finding")));
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

/// The lane's calls in order, the offending ones marked.
fn tell_story(out: &mut String, report: &Report, name: &str, findings: &[&Finding]) {
    let own: Vec<u64> = findings.iter().filter_map(|finding| super::call_of(finding)).collect();
    let named: Vec<u64> = findings.iter().flat_map(|finding| numbers(finding)).collect();
    let is_told = |call: &&Interaction| named.contains(&call.seq) || lane(call) == name;
    let calls: Vec<&Interaction> = report.story.iter().filter(is_told).collect();
    let is_shown = |at: usize| {
        let around = calls[at.saturating_sub(AROUND)..calls.len().min(at + AROUND + 1)].iter();
        calls.len() <= REPORT_LANE_CALLS_MAX || around.clone().any(|call| named.contains(&call.seq))
    };
    let width = calls.last().map_or(1, |call| call.seq.to_string().len());
    let mut day = String::new();
    let mut left_out = 0;
    for (at, call) in calls.iter().enumerate() {
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
        let mark = if own.contains(&call.seq) { '>' } else { ' ' };
        let line = format!("{mark} {:>width$}  {}  {}", call.seq, time, told(call));
        out.push_str(line.trim_end());
        out.push('\n');
        for finding in findings.iter().filter(|finding| super::call_of(finding) == Some(call.seq)) {
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
