//! What a run comes to, in words that agree with its exit code: whose fault the findings are, and why
//! the run fails if it does.

use super::{Report, counted};
use crate::finding::{Finding, Severity};

/// The rule of what the mock cannot do, which is no fault of the client.
const GAP: &str = "unsupported-operation";

/// Whether a finding tells of a gap of the mock.
pub(super) fn is_gap(finding: &Finding) -> bool {
    finding.rule == GAP
}

/// Findings by whose fault they are.
struct BlameTally {
    gaps: u64,
    does_gap_fail: bool,
    /// The client's, those that are no longer kept included.
    errors: u64,
    warnings: u64,
}

impl BlameTally {
    fn new(report: &Report) -> BlameTally {
        let of = |gap: bool, severity: Severity| {
            let is_such = |finding: &&Finding| is_gap(finding) == gap && finding.severity == severity;
            report.findings.iter().filter(is_such).count() as u64
        };
        let gaps = [Severity::Error, Severity::Warning].map(|severity| of(true, severity));
        // Of what is no longer kept nobody knows the rule: it counts as more of the same.
        let rest = |severity, counted: u64, gaps: u64| match of(false, severity) {
            0 if gaps > 0 => 0,
            _ => counted.saturating_sub(gaps),
        };
        BlameTally {
            gaps: gaps.iter().sum(),
            does_gap_fail: report.findings.iter().any(|it| is_gap(it) && report.counts_as_failure(it)),
            errors: rest(Severity::Error, report.counts.error, gaps[0]),
            warnings: rest(Severity::Warning, report.counts.warning, gaps[1]),
        }
    }
}

/// The first line of a text report: how it went.
pub(super) fn headline(report: &Report) -> String {
    let tally = BlameTally::new(report);
    let BlameTally { gaps, errors, warnings, .. } = tally;
    let found = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    let reason = reason(report, &tally);
    match (gaps, errors, warnings) {
        (0, 0, 0) => format!("{}: no findings", counted(report.calls, "call")),
        (0, 0, _) if !reason.is_empty() => format!("{}{reason}", counted(warnings, "warning")),
        (0, 0, _) => format!("the client kept the contract: {found}"),
        (0, ..) => format!("the client broke the contract: {found}"),
        (_, 0, _) => {
            let fails = if tally.does_gap_fail { ", and that fails this run" } else { "" };
            format!("the mock could not answer {}{fails}; of the client: {found}{reason}", counted(gaps, "call"))
        }
        (..) => format!("the client broke the contract: {found}; the mock could not answer {}", counted(gaps, "call")),
    }
}

/// `1 error, 2 warnings`, with what the mock could not do, and with why warnings matter.
pub(super) fn summary(report: &Report) -> String {
    let tally = BlameTally::new(report);
    let mut parts = Vec::new();
    if tally.gaps > 0 {
        parts.push(format!("the mock could not answer {}", counted(tally.gaps, "call")));
    }
    let own = [(tally.errors, "error"), (tally.warnings, "warning")];
    let own: Vec<String> =
        own.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| counted(count, name)).collect();
    if !own.is_empty() {
        parts.push(format!("{}{}", own.join(", "), reason(report, &tally)));
    }
    if parts.is_empty() { "no findings".to_owned() } else { parts.join("; ") }
}

/// Why a run fails that has nothing worse of the client than warnings.
fn reason(report: &Report, tally: &BlameTally) -> String {
    if tally.errors > 0 || tally.warnings == 0 || report.fail_on != Some(Severity::Warning) {
        return String::new();
    }
    let asked = if report.is_of_command { "--fail-on warning" } else { "fail_on" };
    format!(", and warnings fail this run ({asked})")
}
