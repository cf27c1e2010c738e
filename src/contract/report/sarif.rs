//! The report as SARIF 2.1.0, which code hosts and editors read. A result points at the line of the client or the test
//! that the call comes from, if that is known, and else at the line of the recording where it is written down; and at
//! the earlier call that it clashes with. Equal findings
//! stay one result each, for each has a place of its own; what they have in common is their fingerprint.
//!
//! Source: OASIS, Static Analysis Results Interchange Format, version 2.1.0, with Errata 01.

use serde_json::{Value, json};

use super::{Report, slashed, visible};
use crate::contract::rules::RULES;
use crate::finding::{Finding, Severity};
use crate::target;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(report: &Report) -> String {
    let mut rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.demands },
                "help": { "text": format!("{} Written in: {}.", sentence(rule.hint), rule.reference) },
                "defaultConfiguration": { "level": rule.severity.name() },
            })
        })
        .collect();
    for finding in &report.findings {
        if !rules.iter().any(|rule| rule["id"] == *finding.rule) {
            rules.push(json!({
                "id": finding.rule,
                "shortDescription": { "text": sentence(&finding.hint) },
                "help": { "text": format!("{} Written in: {}.", sentence(&finding.hint), finding.reference) },
                "defaultConfiguration": { "level": finding.severity.name() },
            }));
        }
    }
    let results: Vec<Value> = report.findings.iter().map(|finding| result(report, finding, &rules)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "elastimock",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "calls": report.calls,
                "errors": report.counts.error,
                "warnings": report.counts.warning,
            },
        }],
    });
    format!("{log:#}\n")
}

fn result(report: &Report, finding: &Finding, rules: &[Value]) -> Value {
    let mut location = json!({ "logicalLocations": [{
        "name": report.lane(finding),
        "fullyQualifiedName": format!("call {}", finding.seq),
        "kind": "member",
    }] });
    let (source, place) = (report.source(finding), report.place(finding));
    match (source, place) {
        (Some(source), _) => location["physicalLocation"] = physical(&source.file, source.line),
        (None, Some(place)) => location["physicalLocation"] = physical(&place.file, Some(place.line)),
        (None, None) => {}
    }
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.iter().position(|rule| rule["id"] == *finding.rule),
        "level": level,
        "message": { "text": format!("{}\n{}", stopped(&visible(&finding.message)), sentence(&finding.hint)) },
        "locations": [location],
        // What stays the same when the story is recorded again: no numbers, no instants.
        "partialFingerprints": { "ruleAndSubject/v1": format!("{}:{}", finding.rule, report.lane(finding)) },
        "properties": { "seq": finding.seq, "operation": finding.operation, "evidence": finding.evidence },
    });
    if let Some(scope) = &finding.scope {
        result["properties"]["scope"] = Value::from(&**scope);
        let name = &mut result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
        *name = Value::from(format!("{scope}: call {}", finding.seq));
        let text = &mut result["message"]["text"];
        *text = Value::from(format!("{}\nFound in {scope}.", text.as_str().unwrap_or_default()));
        let print = &mut result["partialFingerprints"]["ruleAndSubject/v1"];
        *print = Value::from(format!("{}:{scope}", print.as_str().unwrap_or_default()));
    }
    if let Some(source) = &finding.source {
        result["properties"]["source"] = source.to_value();
    }
    let recorded = place.filter(|_| source.is_some()).map(|place| {
        let physical = physical(&place.file, Some(place.line));
        json!({ "physicalLocation": physical, "message": { "text": format!("call {} in the recording", finding.seq) } })
    });
    let related = super::numbers(finding).into_iter().filter(|seq| *seq != finding.seq).filter_map(|seq| {
        let place = report.places.get(&seq)?;
        let mut location = json!({ "physicalLocation": physical(&place.file, Some(place.line)) });
        location["message"] = json!({ "text": format!("call {seq}") });
        Some(location)
    });
    let related: Vec<Value> = recorded.into_iter().chain(related).collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

fn physical(file: &str, line: Option<u32>) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(file) } });
    if let Some(line) = line {
        physical["region"] = json!({ "startLine": line });
    }
    physical
}

/// A path as a URI reference: relative ones stay relative, as code hosts want them.
pub(super) fn uri(path: &str) -> String {
    let path = slashed(path);
    let mut uri = String::new();
    let mut path = &*path;
    if path.starts_with('/') {
        uri.push_str("file://");
    } else if let Some((drive, below)) = path.split_at_checked(2).filter(|(drive, _)| is_drive(drive)) {
        uri.push_str(&format!("file:///{drive}"));
        path = below;
    }
    uri + &target::encoded(path, target::PATH)
}

/// `C:`.
fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

/// A text with a full stop at its end. It may begin with an id, and an id stays as it is.
fn stopped(text: &str) -> String {
    let stop = if text.ends_with(['.', '!', '?']) || text.is_empty() { "" } else { "." };
    format!("{text}{stop}")
}

/// A hint, which begins with a plain word, as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let capital = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    stopped(&format!("{capital}{}", chars.as_str()))
}
