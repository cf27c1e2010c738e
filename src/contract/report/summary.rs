//! The report as Markdown for the summary of a CI job: the verdict of each scope, the findings, what happened as a
//! sequence diagram, how much was exercised, and a link to the page with all of it.
//!
//! Nothing that a client sent is markup here: it stands in code spans and code blocks, where no character means
//! anything but itself.
//!
//! Source: GitHub Flavored Markdown; GitHub's workflow commands, which bound a summary to 1 MiB.

use super::groups::{FindingGroup, groups};
use super::sarif::uri;
use super::{Report, counted, diagram, text, verdict, visible};
use crate::contract::Counts;
use crate::contract::scope::Scope;
use crate::limits::{SUMMARY_CELL_CHARS_MAX, SUMMARY_ROWS_MAX, SUMMARY_TEXT_BYTES_MAX};
use crate::near_miss::shortened;

pub(super) fn write(report: &Report) -> String {
    let mut out = format!("### elastimock: {}\n", verdict::headline(report));
    scopes(&mut out, report);
    findings(&mut out, report);
    if let Some(diagram) = diagram::write(report) {
        out.push_str(&format!("\n{}", block("mermaid", &diagram)));
    }
    if !report.findings.is_empty() {
        let whole = text::write(report);
        let told = cut(&whole);
        let left_out = if told.len() < whole.len() { "\n\nThe rest is in the text report.\n" } else { "" };
        out.push_str(&format!(
            "\n<details><summary>What was expected, what was seen, and how to mend the client</summary>\n\n{}{left_out}\n</details>\n",
            block("text", told)
        ));
    }
    let mut last = Vec::new();
    if let Some(coverage) = report.coverage() {
        let (covered, total) = coverage.counts();
        last.push(format!("Coverage of the Connector API: {} % ({covered} of {total})", coverage.percent()));
    }
    if report.stubbed > 0 {
        last.push(format!("stubbed: {} of {}", report.stubbed, counted(report.calls, "call")));
    }
    if report.forgotten.total() > 0 {
        last.push(format!("{} forgotten on request", counted(report.forgotten.total(), "finding")));
    }
    if let Some(played) = &report.played {
        last.push(format!("{} of {} recorded calls served", played.served, played.recorded));
    }
    if let Some(page) = &report.page {
        last.push(format!("[the whole run as a page]({})", uri(page)));
    }
    if !last.is_empty() {
        out.push_str(&format!("\n{}\n", last.join(" · ")));
    }
    out
}

/// A row for each scope, those that fail first.
fn scopes(out: &mut String, report: &Report) {
    if !report.has_scopes() {
        return;
    }
    let mut scopes: Vec<&Scope> = report.told_scopes().collect();
    scopes.sort_by_key(|scope| (!report.fails(scope.counts), scope.counts == Counts::default()));
    out.push_str("\n| scope | calls | verdict |\n| --- | ---: | --- |\n");
    for scope in scopes.iter().take(SUMMARY_ROWS_MAX) {
        let Counts { error, warning } = scope.counts;
        let found: Vec<String> = [(error, "error"), (warning, "warning")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| counted(count, name))
            .collect();
        let verdict = match (report.fails(scope.counts), found.is_empty()) {
            (true, _) => format!("**failed**: {}", found.join(", ")),
            (false, true) => "passed".to_owned(),
            (false, false) => format!("passed: {}", found.join(", ")),
        };
        out.push_str(&format!("| {} | {} | {verdict} |\n", cell(&scope.label()), scope.calls));
    }
    left_out(out, scopes.len(), "scope");
}

/// A row for findings that say the same.
fn findings(out: &mut String, report: &Report) {
    let groups = groups(&report.findings);
    if groups.is_empty() {
        return;
    }
    out.push_str("\n| finding | calls | comes from | what |\n| --- | --- | --- | --- |\n");
    for group in groups.iter().take(SUMMARY_ROWS_MAX) {
        let FindingGroup { first, all } = group;
        let times = if all.len() > 1 { format!(" ×{}", all.len()) } else { String::new() };
        let place = match (report.source(first), report.place(first)) {
            (Some(source), _) => cell(&source.to_string()),
            (None, Some(place)) => cell(&format!("{}:{}", place.file, place.line)),
            (None, None) => first.scope.as_deref().map(cell).unwrap_or_default(),
        };
        let what = cell(&first.message);
        out.push_str(&format!(
            "| {} `{}`{times} | {} | {place} | {what} |\n",
            first.severity,
            first.rule,
            group.calls()
        ));
    }
    left_out(out, groups.len(), "finding");
}

fn left_out(out: &mut String, rows: usize, noun: &str) {
    if let Some(more) = rows.checked_sub(SUMMARY_ROWS_MAX).filter(|more| *more > 0) {
        out.push_str(&format!("\nand {} more\n", counted(more as u64, noun)));
    }
}

/// A text for a cell of a table: in a code span, in one line, with the bar escaped that would end the cell.
fn cell(text: &str) -> String {
    let text = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    code(&shortened(&text, SUMMARY_CELL_CHARS_MAX)).replace('|', "\\|")
}

/// A text in a code span, whatever stands in it.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`') + 1);
    // A blank inside keeps the text's own marks apart from the fence; blanks alone would not be a span.
    match text.trim().is_empty() {
        true => String::new(),
        false if text.starts_with('`') || text.ends_with('`') => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// A code block that its own text cannot end.
fn block(language: &str, text: &str) -> String {
    let fence = "~".repeat((longest_run(text, '~') + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// The beginning of a text, in whole lines.
fn cut(text: &str) -> &str {
    if text.len() <= SUMMARY_TEXT_BYTES_MAX {
        return text;
    }
    let end = (0..=SUMMARY_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].rsplit_once('\n').map_or(&text[..end], |(whole, _)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_gets_out_of_its_span_or_block() {
        for (text, span) in [
            ("plain", "`plain`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("a | b\n| c", "`a \\| b \\| c`"),
            (
                "<img src=x onerror=alert(1)> @team #1 [x](http://y)",
                "`<img src=x onerror=alert(1)> @team #1 [x](http://y)`",
            ),
            (" ", ""),
            ("", ""),
            ("\u{1b}[31m", "`\\u{1b}[31m`"),
        ] {
            assert_eq!(cell(text), span, "{text:?}");
        }
        assert_eq!(block("text", "a\n~~~~\nb\n"), "~~~~~text\na\n~~~~\nb\n~~~~~\n");
        let long = "ü".repeat(SUMMARY_TEXT_BYTES_MAX);
        assert!(cut(&long).len() <= SUMMARY_TEXT_BYTES_MAX);
        assert_eq!(cut("one\ntwo"), "one\ntwo");
    }
}
