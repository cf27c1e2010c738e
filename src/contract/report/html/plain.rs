//! The run without a script: verdict, findings with their rules, lanes as tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::contract::report::groups::groups;
use crate::contract::report::{Report, call_of, counted, verdict, visible};
use crate::contract::rules::RULES;
use crate::limits::PAGE_ROWS_MAX;
use crate::record::interaction::Interaction;

/// A text as HTML: every sign that means something there stands for itself.
pub(super) fn escaped(text: &str) -> String {
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

/// The part of the document that is shown where no script runs.
pub(super) fn body(report: &Report) -> String {
    let mut out = String::from("<noscript>\n<main class=\"plain\">\n");
    let class = match (report.counts.error, report.counts.warning) {
        (0, 0) => "good",
        (0, _) => "warning",
        _ => "error",
    };
    let _ = writeln!(out, "<h1>elastimock</h1>\n<p class=\"{class}\">{}</p>", escaped(&verdict::headline(report)));
    findings(&mut out, report);
    lanes(&mut out, report);
    out.push_str("</main>\n</noscript>\n");
    out
}

fn findings(out: &mut String, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("<h2>Findings</h2>\n");
    for group in groups(&report.findings) {
        let finding = group.first;
        let _ = write!(out, "<article class=\"{}\"><h3>{}</h3><pre>", finding.severity, escaped(&group.mark()));
        let _ = writeln!(out, "{}</pre>", escaped(&finding.body()));
        if let Some(rule) = RULES.iter().find(|rule| rule.id == finding.rule) {
            let _ = writeln!(
                out,
                "<details><summary>The rule {}</summary><p>{}</p><p>{}</p><p>{}</p></details>",
                rule.id,
                escaped(rule.demands),
                escaped(rule.why),
                escaped(rule.mend)
            );
        }
        out.push_str("</article>\n");
    }
    if report.dropped() > 0 {
        let _ = writeln!(out, "<p>and {} more</p>", counted(report.dropped(), "finding"));
    }
}

fn lanes(out: &mut String, report: &Report) {
    let mut marks: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for finding in &report.findings {
        call_of(finding).into_iter().for_each(|seq| marks.entry(seq).or_default().push(&finding.rule));
    }
    let mut lanes: Vec<(String, Vec<&Interaction>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for call in report.story.iter().take(PAGE_ROWS_MAX) {
        let name = report.lane_of(call);
        let at = *known.entry(name.clone()).or_insert(lanes.len());
        match lanes.get_mut(at) {
            Some((_, calls)) => calls.push(call),
            None => lanes.push((name, vec![call])),
        }
    }
    for (name, calls) in lanes {
        let _ = writeln!(
            out,
            "<h2>{}</h2>\n<table><thead><tr><th>#</th><th>time</th><th>call</th><th>answer</th><th>findings</th></tr>\
             </thead><tbody>",
            escaped(&name)
        );
        for call in calls {
            let marks = marks.get(&call.seq).map(|rules| rules.join(", ")).unwrap_or_default();
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{} {}</td><td>{}{}</td><td>{}</td></tr>",
                call.seq,
                call.at,
                escaped(call.request.method().as_str()),
                escaped(call.request.target()),
                call.response.status(),
                call.stub().map(|stub| format!(" (stubbed: {})", escaped(stub))).unwrap_or_default(),
                escaped(&marks)
            );
        }
        out.push_str("</tbody></table>\n");
    }
    let more = report.story.len().saturating_sub(PAGE_ROWS_MAX) as u64;
    if more > 0 {
        let _ = writeln!(out, "<p>and {} more, which the page shows with its script</p>", counted(more, "call"));
    }
}
