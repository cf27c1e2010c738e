//! The report as one JSON document: the shape of `GET /_elastimock/findings`, and besides it how many
//! calls there were and where each finding is written down.

use serde_json::{Value, json};

use super::Report;
use crate::record::playback::PlayNote;

pub(super) fn write(report: &Report) -> String {
    format!("{}\n", to_value(report))
}

pub(super) fn to_value(report: &Report) -> Value {
    let findings = report.findings.iter().map(|finding| {
        let mut value = finding.to_value();
        if let Some(place) = report.place(finding) {
            value["recorded_in"] = json!({ "file": place.file, "line": place.line });
        }
        value
    });
    let mut value = json!({
        "findings": findings.collect::<Vec<_>>(),
        "counts": { "error": report.counts.error, "warning": report.counts.warning },
        "calls": report.calls,
    });
    if report.stubbed > 0 {
        value["stubbed"] = report.stubbed.into();
    }
    if report.has_scopes() {
        let scopes = report.told_scopes().map(|scope| {
            let mut told = json!({
                "number": scope.number,
                "name": scope.name.as_deref(),
                "calls": scope.calls,
                "counts": { "error": scope.counts.error, "warning": scope.counts.warning },
            });
            if scope.forgotten.total() > 0 {
                told["forgotten"] = json!({ "error": scope.forgotten.error, "warning": scope.forgotten.warning });
            }
            told
        });
        value["scopes"] = scopes.collect();
    }
    if report.forgotten.total() > 0 {
        value["forgotten"] = json!({ "error": report.forgotten.error, "warning": report.forgotten.warning });
    }
    if let Some(played) = &report.played {
        value["recorded"] = played.recorded.into();
        value["served"] = played.served.into();
        value["played"] = json!({
            "repeated": played.repeated,
            "nearest": played.nearest,
            "mocked": played.mocked,
            "masked": played.masked,
            "differing": played.differing,
            "passed_over": played.passed_over,
            "notes": played.notes.iter().map(PlayNote::to_value).collect::<Vec<_>>(),
        });
    }
    value
}
