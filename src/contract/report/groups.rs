//! [`FindingGroup`]: equal findings, which people are told once, with their number and their calls.
//!
//! Equal are findings of one rule, severity, subject, scope and source place that say the same, whichever call they are
//! about.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::limits::REPORT_CALLS_LISTED_MAX;

/// Findings that say the same, in their order.
pub(super) struct FindingGroup<'f> {
    /// The one that is told.
    pub first: &'f Finding,
    /// All of them, the first included.
    pub all: Vec<&'f Finding>,
}

/// The findings by what they say: groups in the order of their first finding.
pub(super) fn groups<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<FindingGroup<'f>> {
    let mut groups: Vec<FindingGroup<'f>> = Vec::new();
    let mut known = BTreeMap::new();
    for finding in findings {
        let key = (&finding.rule, finding.severity, &finding.subject, &finding.scope, &finding.source, said(finding));
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.all.push(finding),
            None => groups.push(FindingGroup { first: finding, all: vec![finding] }),
        }
    }
    groups
}

/// The message without the number of its own call.
fn said(finding: &Finding) -> Cow<'_, str> {
    let own = format!("call {}", finding.seq);
    let message = &finding.message;
    let is_whole = |at: usize| !message[at + own.len()..].starts_with(|c: char| c.is_ascii_digit());
    match message.find(&own).filter(|at| is_whole(*at)) {
        Some(at) => Cow::Owned(format!("{}call{}", &message[..at], &message[at + own.len()..])),
        None => Cow::Borrowed(message),
    }
}

impl FindingGroup<'_> {
    /// `warning[version-mismatch] ×74 (calls 4-91)`; of one finding alone the severity and the rule.
    pub(crate) fn mark(&self) -> String {
        let Finding { severity, rule, .. } = self.first;
        if self.all.len() == 1 {
            return format!("{severity}[{rule}]");
        }
        let calls = self.calls();
        let calls = if calls.is_empty() { String::new() } else { format!(" (calls {calls})") };
        format!("{severity}[{rule}] ×{}{calls}", self.all.len())
    }

    /// The numbers of their calls in short: `4, 7, 9-12`.
    pub(crate) fn calls(&self) -> String {
        let mut calls: Vec<u64> = self.all.iter().map(|finding| finding.seq).filter(|seq| *seq != 0).collect();
        calls.sort_unstable();
        calls.dedup();
        ranges(&calls)
    }

    /// The whole text; of one finding alone its own.
    pub(crate) fn told(&self) -> String {
        if self.all.len() == 1 {
            return self.first.to_string();
        }
        let is_shared = self.all.iter().all(|finding| finding.operation == self.first.operation);
        let operation = self.first.operation.as_ref().filter(|_| is_shared);
        let operation = operation.map(|name| format!(" ({name})")).unwrap_or_default();
        format!("{}{operation}: {}", self.mark(), self.first.body())
    }
}

/// Ascending numbers in short: `4, 7, 9-12`. Of very many pieces the first and the last are told.
fn ranges(numbers: &[u64]) -> String {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match pieces.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => pieces.push((*number, *number)),
        }
    }
    let told = |(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}-{last}"),
    };
    let mut shown: Vec<String> = pieces.iter().take(REPORT_CALLS_LISTED_MAX).map(told).collect();
    if let Some(last) = pieces.last().filter(|_| pieces.len() > REPORT_CALLS_LISTED_MAX) {
        shown[REPORT_CALLS_LISTED_MAX - 2] = "…".to_owned();
        shown[REPORT_CALLS_LISTED_MAX - 1] = told(last);
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::finding::{Severity, Subject};

    #[test]
    fn numbers_are_told_in_short() {
        for (numbers, told) in [
            (&[4][..], "4"),
            (&[4, 5], "4, 5"),
            (&[4, 5, 6], "4-6"),
            (&[4, 7, 9, 10, 11, 12], "4, 7, 9-12"),
            (&[1, 2, 3, 5, 6, 7, 9], "1-3, 5-7, 9"),
            (&[u64::MAX - 2, u64::MAX - 1, u64::MAX], "18446744073709551613-18446744073709551615"),
        ] {
            assert_eq!(ranges(numbers), told);
        }
        let odd: Vec<u64> = (0..50).map(|at| 2 * at + 1).collect();
        assert_eq!(ranges(&odd), "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …, 99");
    }

    #[test]
    fn equal_is_what_says_the_same_of_the_same() {
        let finding = |rule, severity, seq, job: &str, message: &str| Finding {
            subject: Some(Subject::Job(job.to_owned())),
            message: message.to_owned(),
            ..Finding::about(rule, severity, seq, Timestamp::default())
        };
        let findings = [
            finding("a", Severity::Error, 1, "j", "told"),
            finding("a", Severity::Error, 2, "j", "told otherwise"),
            finding("a", Severity::Error, 3, "j", "told"),
            finding("a", Severity::Warning, 4, "j", "told"),
            finding("b", Severity::Error, 5, "j", "told"),
            finding("a", Severity::Error, 6, "k", "told"),
            finding("c", Severity::Error, 7, "j", "the recorded call 7 never came"),
            finding("c", Severity::Error, 8, "j", "the recorded call 8 never came"),
            finding("c", Severity::Error, 7, "j", "the recorded call 77 never came"),
            finding("d", Severity::Error, 0, "j", "told"),
            finding("d", Severity::Error, 0, "j", "told"),
        ];
        let marks: Vec<String> = groups(&findings).iter().map(FindingGroup::mark).collect();
        assert_eq!(
            marks,
            [
                "error[a] ×2 (calls 1, 3)",
                "error[a]",
                "warning[a]",
                "error[b]",
                "error[a]",
                "error[c] ×2 (calls 7, 8)",
                "error[c]",
                "error[d] ×2",
            ]
        );
    }
}
