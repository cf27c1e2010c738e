//! The report as SARIF 2.1.0, which code hosts and editors read. A result points at the line of the
//! recording where the call is written down, and at the earlier call that it clashes with. Equal findings
//! stay one result each, for each has a place of its own; what they have in common is their fingerprint.
//!
//! Source: OASIS, Static Analysis Results Interchange Format, version 2.1.0, with Errata 01.

use serde_json::{Value, json};

use super::{Place, Report, visible};
use crate::contract::rules::RULES;
use crate::finding::{Finding, Severity};

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
        if !rules.iter().any(|rule| rule["id"] == finding.rule) {
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
    if let Some(place) = report.place(finding) {
        location["physicalLocation"] = physical(place);
    }
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.iter().position(|rule| rule["id"] == finding.rule),
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
    let related: Vec<Value> = super::numbers(finding)
        .into_iter()
        .filter(|seq| *seq != finding.seq)
        .filter_map(|seq| {
            let mut location = json!({ "physicalLocation": physical(report.places.get(&seq)?) });
            location["message"] = json!({ "text": format!("call {seq}") });
            Some(location)
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

fn physical(place: &Place) -> Value {
    json!({ "artifactLocation": { "uri": uri(&place.file) }, "region": { "startLine": place.line } })
}

/// A path as a URI reference: relative ones stay relative, as code hosts want them.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
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
