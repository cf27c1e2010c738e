//! The report as CTRF: a test for each scope of the run, so that a dashboard shows it beside the suite's own tests.
//!
//! Source: the JSON schema of the Common Test Report Format, version 1.0.0, of ctrf.io. Instants are the mock's, as in
//! every report.

use serde_json::{Value, json};

use super::{Report, counted, text, visible};
use crate::clock::Timestamp;
use crate::contract::scope::Scope;
use crate::finding::Finding;

pub(super) fn write(report: &Report) -> String {
    let scopes: Vec<&Scope> = report.told_scopes().collect();
    let failed = scopes.iter().filter(|scope| report.fails(scope.counts)).count();
    let tests: Vec<Value> = scopes.iter().map(|scope| test(report, scope)).collect();
    let start = scopes.iter().map(|scope| scope.started_at).min().unwrap_or_default();
    let stop = scopes.iter().map(|scope| ended_at(report, scope)).max().unwrap_or(start);
    let ctrf = json!({
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "generatedBy": "elastimock",
        "results": {
            "tool": { "name": "elastimock", "version": env!("CARGO_PKG_VERSION") },
            "summary": {
                "tests": scopes.len(),
                "passed": scopes.len() - failed,
                "failed": failed,
                "skipped": 0,
                "pending": 0,
                "other": 0,
                "start": start.as_millis(),
                "stop": stop.as_millis(),
                "extra": { "elastimock": {
                    "calls": report.calls,
                    "errors": report.counts.error,
                    "warnings": report.counts.warning,
                    "stubbed": report.stubbed,
                    "forgotten": report.forgotten.total(),
                } },
            },
            "tests": tests,
        },
    });
    format!("{ctrf:#}\n")
}

fn test(report: &Report, scope: &Scope) -> Value {
    let is_failed = report.fails(scope.counts);
    let (start, stop) = (scope.started_at.as_millis(), ended_at(report, scope).as_millis());
    let mut test = json!({
        "name": visible(&scope.label()),
        "status": if is_failed { "failed" } else { "passed" },
        "duration": stop - start,
        "start": start,
        "stop": stop,
        "suite": ["Connector Protocol"],
        "type": "contract",
    });
    // Where to look: at the worst finding, else at the scope's own beginning.
    let worst = worst(scope);
    let source = worst.and_then(|finding| report.source(finding)).or(scope.source.as_deref());
    match (source, worst.and_then(|finding| report.place(finding))) {
        (Some(source), _) => {
            test["filePath"] = Value::from(&*source.file);
            if let Some(line) = source.line {
                test["line"] = line.into();
            }
        }
        (None, Some(place)) => (test["filePath"], test["line"]) = (Value::from(&*place.file), place.line.into()),
        (None, None) => {}
    }
    if let Some(finding) = worst {
        let more = match scope.counts.total() {
            0 | 1 => String::new(),
            total => format!(" (and {} more)", total - 1),
        };
        test["message"] = Value::from(visible(&format!("{}: {}{more}", finding.rule, finding.message)));
        let mut told = String::new();
        text::tell_all(&mut told, report, scope.findings.iter());
        test["trace"] = Value::from(told.trim_end());
    } else if scope.counts.total() > 0 {
        test["message"] =
            Value::from(format!("{}, which are no longer kept", counted(scope.counts.total(), "finding")));
    }
    let findings: Vec<Value> = scope.findings.iter().map(Finding::to_value).collect();
    test["extra"] = json!({ "elastimock": {
        "calls": scope.calls,
        "errors": scope.counts.error,
        "warnings": scope.counts.warning,
        "findings": findings,
    } });
    test
}

/// The first of the worst findings.
fn worst(scope: &Scope) -> Option<&Finding> {
    let severity = scope.findings.iter().map(|finding| finding.severity).max()?;
    scope.findings.iter().find(|finding| finding.severity == severity)
}

/// When the last call of a scope was made, as far as the report knows; its beginning if there was none.
fn ended_at(report: &Report, scope: &Scope) -> Timestamp {
    let next = report.scopes.iter().find(|other| other.number > scope.number);
    let last = report.story.partition_point(|call| next.is_none_or(|next| call.seq < next.first_seq));
    let last = report.story[..last].last().filter(|call| call.seq >= scope.first_seq);
    last.map_or(scope.started_at, |call| call.at.max(scope.started_at))
}
