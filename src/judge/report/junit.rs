//! The report as JUnit's XML: one suite, a test case for each rule, so that a CI system shows which
//! demands were kept and follows them from run to run.
//!
//! Source: the XML schema of Jenkins' xUnit plugin (junit-10.xsd), which is the strictest of those in
//! use: a failure is an element with a message and a type, and no attribute stands that it does not know.

use super::{Report, text, visible};
use crate::finding::Finding;
use crate::judge::rules::RULES;

pub(super) fn write(report: &Report) -> String {
    let mut rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    for finding in &report.findings {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule);
        }
    }
    let of = |rule: &str| -> Vec<&Finding> { report.findings.iter().filter(|finding| finding.rule == rule).collect() };
    let fails = |rule: &str| of(rule).into_iter().any(|finding| report.counts_as_failure(finding));
    let (tests, failures) = (rules.len(), rules.iter().filter(|rule| fails(rule)).count());
    let numbers = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
    let timestamp = report.story.first().map_or_else(String::new, |call| {
        let instant = call.at.to_string();
        format!(" timestamp=\"{}\"", instant.split('.').next().unwrap_or_default())
    });
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!("<testsuites name=\"elastimock\" {numbers}>\n"));
    out.push_str(&format!("  <testsuite name=\"Connector Protocol\" {numbers} skipped=\"0\"{timestamp}>\n"));
    out.push_str("    <properties>\n");
    for (name, value) in
        [("calls", report.calls), ("errors found", report.counts.error), ("warnings found", report.counts.warning)]
    {
        out.push_str(&format!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
    }
    out.push_str("    </properties>\n");
    for rule in rules {
        let findings = of(rule);
        out.push_str(&format!("    <testcase name=\"{}\" classname=\"elastimock\"", escaped(rule)));
        let Some(first) = findings.first() else {
            out.push_str("/>\n");
            continue;
        };
        out.push_str(">\n");
        let mut told = String::new();
        for finding in &findings {
            text::tell(&mut told, report, finding);
        }
        if fails(rule) {
            let more = if findings.len() > 1 { format!(" (and {} more)", findings.len() - 1) } else { String::new() };
            let message = format!("{}{more}", first.message);
            out.push_str(&format!(
                "      <failure message=\"{}\" type=\"{}\">{}</failure>\n",
                escaped(&message),
                first.severity,
                inside(&told)
            ));
        } else {
            out.push_str(&format!("      <system-out>{}</system-out>\n", inside(&told)));
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
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
