//! What happened, as a Mermaid sequence diagram: the client, the lanes that have findings, the calls between them, and
//! the findings as notes. Bounded; of a long story the calls around the findings are shown.
//!
//! Source: Mermaid's sequence diagrams and its entity codes, `#35;` and the like. Every character of a text that could
//! mean something to it is written as such a code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Report, call_of, numbers, story, visible};
use crate::limits::{DIAGRAM_LABEL_CHARS_MAX, SUMMARY_CALLS_MAX, SUMMARY_LANES_MAX};
use crate::near_miss::shortened;
use crate::record::interaction::Interaction;
use crate::record::transcript::lane;

/// Calls shown before and after an offending one.
const AROUND: usize = 2;
/// The diagram; `None` if no call has a finding.
pub(super) fn write(report: &Report) -> Option<String> {
    let calls = story(&report.findings, report.story.iter().cloned());
    let mut rules: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(seq) = call_of(finding) {
            rules.entry(seq).or_default().push(format!("{} {}", finding.severity, finding.rule));
        }
    }
    let named: BTreeSet<u64> = report.findings.iter().flat_map(numbers).collect();
    let shown = shown(&calls, &named);
    let mut lanes: Vec<String> = Vec::new();
    for (call, _) in calls.iter().zip(&shown).filter(|(_, is_shown)| **is_shown) {
        let lane = lane(call);
        if !lanes.contains(&lane) && lanes.len() < SUMMARY_LANES_MAX {
            lanes.push(lane);
        }
    }
    if lanes.is_empty() {
        return None;
    }
    let mut out = String::from("sequenceDiagram\n  participant c as client\n");
    for (at, lane) in lanes.iter().enumerate() {
        let _ = writeln!(out, "  participant l{at} as {}", label(lane));
    }
    let over = format!("Note over c,l{}", lanes.len() - 1);
    let (mut scope, mut left_out) = (None, 0);
    let tell_left_out = |out: &mut String, left_out: &mut u64| {
        if std::mem::take(left_out) > 0 {
            let _ = writeln!(out, "  {over}: …");
        }
    };
    for (call, is_shown) in calls.iter().zip(&shown) {
        let at = lanes.iter().position(|known| *known == lane(call)).filter(|_| *is_shown);
        let Some(at) = at else {
            left_out += 1;
            continue;
        };
        tell_left_out(&mut out, &mut left_out);
        let of = report.scopes.partition_point(|scope| scope.first_seq <= call.seq).saturating_sub(1);
        if report.has_scopes() && scope != Some(of) {
            scope = Some(of);
            if let Some(scope) = report.scopes.get(of) {
                let _ = writeln!(out, "  {over}: {}", label(&scope.label()));
            }
        }
        let arrow = if call.response.status() >= 400 { "-x" } else { "->>" };
        let _ = writeln!(out, "  c{arrow}l{at}: {}", label(&told(call)));
        let mut told: Vec<String> = rules.get(&call.seq).cloned().unwrap_or_default();
        told.dedup();
        for rule in told {
            let _ = writeln!(out, "  Note right of l{at}: {}", label(&rule));
        }
    }
    tell_left_out(&mut out, &mut left_out);
    Some(out)
}

/// Which calls are shown: all of them, or those around the ones that findings name.
fn shown(calls: &[Interaction], named: &BTreeSet<u64>) -> Vec<bool> {
    if calls.len() <= SUMMARY_CALLS_MAX {
        return vec![true; calls.len()];
    }
    let mut shown = vec![false; calls.len()];
    // The named ones first, then their neighbours, as many as there is room for.
    let mut room = SUMMARY_CALLS_MAX;
    for around in 0..=AROUND {
        for (at, _) in calls.iter().enumerate().filter(|(_, call)| named.contains(&call.seq)) {
            for near in [at.checked_sub(around), Some(at + around)].into_iter().flatten() {
                if let Some(place) = shown.get_mut(near).filter(|place| !**place && room > 0) {
                    *place = true;
                    room -= 1;
                }
            }
        }
    }
    shown
}

/// `4 sync_job_claim 200`.
fn told(call: &Interaction) -> String {
    let request = &call.request;
    let operation = call.operation.as_deref().map(|name| name.strip_prefix("connector.").unwrap_or(name).to_owned());
    let what = operation.unwrap_or_else(|| format!("{} {}", request.method(), request.path()));
    let stubbed = if call.stub().is_some() { " stubbed" } else { "" };
    format!("{} {what} {}{stubbed}", call.seq, call.response.status())
}

/// A text in which nothing means anything to Mermaid.
fn label(text: &str) -> String {
    let text = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for (at, word) in shortened(&text, DIAGRAM_LABEL_CHARS_MAX).split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        // `end` is a word of its own to it.
        let is_keyword = word.eq_ignore_ascii_case("end");
        for (at, c) in word.chars().enumerate() {
            let is_plain = c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '…') || (c == '-' && at > 0);
            match is_plain && !(is_keyword && at == 0) {
                true => out.push(c),
                false => {
                    let _ = write!(out, "#{};", u32::from(c));
                }
            }
        }
    }
    if out.is_empty() { "-".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_label_means_anything_to_mermaid() {
        for (text, told) in [
            ("sync job job-1", "sync job job-1"),
            ("end", "#101;nd"),
            ("the End of a job", "the #69;nd of a job"),
            ("a;b#c%%d", "a#59;b#35;c#37;#37;d"),
            ("<b>x</b>: y->>z", "#60;b#62;x#60;/b#62;#58; y-#62;#62;z"),
            ("one\ntwo", "one two"),
            ("->>", "#45;#62;#62;"),
            ("", "-"),
        ] {
            assert_eq!(label(text), told, "{text}");
        }
        assert!(label(&"x".repeat(500)).chars().count() <= DIAGRAM_LABEL_CHARS_MAX + 1);
    }
}
