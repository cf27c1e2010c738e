//! The report as JUnit's XML: one suite, a test case for each scope of the run, as a rule a test, so that a
//! CI system shows whose findings they are and follows each from run to run.
//!
//! Source: the XML schema of Jenkins' xUnit plugin (junit-10.xsd), which is the strictest of those in
//! use: a failure is an element with a message and a type, and no attribute stands that it does not know.

use super::{Report, counted, text, visible};
use crate::contract::scope::Scope;
use crate::finding::Severity;

pub(super) fn write(report: &Report) -> String {
    let scopes: Vec<&Scope> = report.told_scopes().collect();
    let fails = |scope: &Scope| report.fails(scope.counts);
    let (tests, failures) = (scopes.len(), scopes.iter().filter(|scope| fails(scope)).count());
    let numbers = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
    let timestamp = report.scopes.first().map_or_else(String::new, |first| {
        let instant = first.started_at.to_string();
        format!(" timestamp=\"{}\"", instant.split('.').next().unwrap_or_default())
    });
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!("<testsuites name=\"elastimock\" {numbers}>\n"));
    out.push_str(&format!("  <testsuite name=\"Connector Protocol\" {numbers} skipped=\"0\"{timestamp}>\n"));
    out.push_str("    <properties>\n");
    let mut properties =
        vec![("calls", report.calls), ("errors found", report.counts.error), ("warnings found", report.counts.warning)];
    if report.stubbed > 0 {
        properties.push(("calls stubbed", report.stubbed));
    }
    if report.forgotten.total() > 0 {
        properties.push(("findings forgotten on request", report.forgotten.total()));
    }
    for (name, value) in properties {
        out.push_str(&format!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
    }
    out.push_str("    </properties>\n");
    for scope in scopes {
        out.push_str(&format!("    <testcase name=\"{}\" classname=\"elastimock\"", escaped(&scope.label())));
        let told = tell(report, scope);
        if told.is_empty() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        let worst =
            scope.findings.iter().filter(|finding| report.counts_as_failure(finding)).max_by_key(|it| it.severity);
        match fails(scope) {
            true => {
                // The first of the worst, for those who see one line of it.
                let severity = worst.map(|finding| finding.severity);
                let first = scope.findings.iter().find(|finding| Some(finding.severity) == severity);
                let is_kept = first.is_some();
                let first = first.map_or_else(
                    || "findings that are no longer kept".to_owned(),
                    |finding| format!("{}: {}", finding.rule, finding.message),
                );
                let more = match scope.counts.total() {
                    0 | 1 => String::new(),
                    total if !is_kept => format!(": {total}"),
                    total => format!(" (and {} more)", total - 1),
                };
                out.push_str(&format!(
                    "      <failure message=\"{}\" type=\"{}\">{}</failure>\n",
                    escaped(&format!("{first}{more}")),
                    severity.map_or(if scope.counts.error > 0 { "error" } else { "warning" }, Severity::name),
                    inside(&told)
                ));
            }
            false => out.push_str(&format!("      <system-out>{}</system-out>\n", inside(&told))),
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// What there is to tell of a scope: its findings, those that are not kept, those that were forgotten.
fn tell(report: &Report, scope: &Scope) -> String {
    let mut told = String::new();
    text::tell_all(&mut told, report, scope.findings.iter());
    let dropped = scope.counts.total().saturating_sub(scope.findings.len() as u64);
    if dropped > 0 {
        told.push_str(&format!("and {} more\n", counted(dropped, "finding")));
    }
    if scope.forgotten.total() > 0 {
        told.push_str(&format!("{} forgotten on request\n", counted(scope.forgotten.total(), "finding")));
    }
    told
}

/// A text for a quoted attribute, which would lose its line ends: they are made blanks when it is read.
fn escaped(text: &str) -> String {
    inside(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// A text for the inside of an element. XML 1.0 has no place for most control characters, not even
/// escaped; they are shown as text.
fn inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
