//! The report for people: what each job or connector went through, with the offending calls marked,
//! and under it what was wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{FindingGroup, groups};
use super::{Report, call_of, counted, numbers, verdict, visible};
use crate::contract::rules::day_and_time;
use crate::finding::Finding;
use crate::limits::{REPORT_ALIKE_MAX, REPORT_CHARS_MAX, REPORT_LANE_CALLS_MAX};
use crate::near_miss::shortened;
use crate::record::interaction::Interaction;
use crate::source_place::SourcePlace;
use crate::steps::step;

/// Calls shown before and after an offending one when a lane is too long to be shown whole.
const AROUND: usize = 3;
/// Where findings stand that are about several things at once.
const WHOLE_RUN: &str = "the whole run";
/// Where it is told what the mock cannot do: that is no part of the client's story.
const GAPS: &str = "what the mock could not answer";

pub(super) fn write(report: &Report) -> String {
    let mut out = format!("{}\n", verdict::headline(report));
    let mut calls: BTreeMap<String, Vec<&Interaction>> = BTreeMap::new();
    if !report.findings.is_empty() {
        report.story.iter().for_each(|call| calls.entry(report.lane_of(call)).or_default().push(call));
    }
    let found: BTreeSet<u64> = report.findings.iter().filter_map(call_of).collect();
    for (name, groups) in parts(report) {
        out.push_str(&format!("\n── {} ──\n", visible(&name)));
        Story::new(report, calls.get(&name).map_or(&[][..], Vec::as_slice), &groups).tell(&mut out, &found);
        for group in &groups {
            out.push('\n');
            tell(&mut out, report, group);
        }
    }
    if report.dropped() > 0 {
        out.push_str(&format!("\nand {} more\n", counted(report.dropped(), "finding")));
    }
    if report.stubbed > 0 {
        out.push_str(&format!("\nstubbed: {} of {}\n", report.stubbed, counted(report.calls, "call")));
    }
    if report.forgotten.total() > 0 {
        let forgotten = counted(report.forgotten.total(), "finding");
        out.push_str(&format!("\n{forgotten} of earlier calls forgotten on request (forget=true)\n"));
    }
    out
}

/// Findings by scope and what they are about: lanes in the order of their first finding, the mock's gaps last.
fn parts(report: &Report) -> Vec<(String, Vec<FindingGroup<'_>>)> {
    let mut parts: Vec<(String, Vec<FindingGroup<'_>>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut all_gaps: Vec<&Finding> = Vec::new();
    for (scope, findings) in report.by_scope() {
        let (gaps, own): (Vec<&Finding>, Vec<&Finding>) = findings.into_iter().partition(|it| verdict::is_gap(it));
        all_gaps.extend(gaps);
        for group in groups(own) {
            let name = report.lane(group.first);
            let is_shared = group.all.iter().all(|finding| report.lane(finding) == name);
            let name = match (is_shared, scope.is_empty()) {
                (true, _) => format!("{scope}{name}"),
                (false, true) => WHOLE_RUN.to_owned(),
                (false, false) => format!("{scope}all of it"),
            };
            let at = *known.entry(name.clone()).or_insert(parts.len());
            match parts.get_mut(at) {
                Some((_, groups)) => groups.push(group),
                None => parts.push((name, vec![group])),
            }
        }
    }
    if !all_gaps.is_empty() {
        parts.push((GAPS.to_owned(), groups(all_gaps)));
    }
    parts
}

/// Tells findings, equal ones once.
pub(super) fn tell_all<'f>(out: &mut String, report: &Report, findings: impl IntoIterator<Item = &'f Finding>) {
    groups(findings).iter().for_each(|group| tell(out, report, group));
}

fn tell(out: &mut String, report: &Report, group: &FindingGroup<'_>) {
    // The finding's own text begins every further line with a blank; what stands in a message need not.
    let text = visible(&group.told());
    let mut lines = text.lines();
    out.push_str(lines.next().unwrap_or_default());
    for line in lines {
        out.push('\n');
        if !line.starts_with("  ") {
            out.push_str("  ");
        }
        out.push_str(line);
    }
    out.push('\n');
    if let Some(source) = &group.first.source {
        out.push_str(&format!("  called from: {}\n", visible(&told_source(source))));
    }
    if let Some(place) = report.place(group.first) {
        out.push_str(&format!("  recorded in: {}:{}\n", visible(&place.file), place.line));
    }
}

/// `tests/test_sync.py:41 (test_claim)`.
fn told_source(source: &SourcePlace) -> String {
    let line = source.line.map(|line| format!(":{line}")).unwrap_or_default();
    let test = source.test.as_ref().map(|test| format!(" ({test})")).unwrap_or_default();
    format!("{}{line}{test}", source.file)
}

/// The calls of a lane in order, the offending ones marked.
struct Story<'a> {
    calls: Vec<&'a Interaction>,
    /// The findings that are told below a call.
    marks: BTreeMap<u64, Vec<String>>,
    /// Calls that have a finding.
    offending: BTreeSet<u64>,
    /// Calls that the told findings rest on.
    named: BTreeSet<u64>,
    /// Calls that have nothing but findings that others have had before.
    alike: BTreeSet<u64>,
}

impl<'a> Story<'a> {
    fn new(report: &'a Report, lane: &[&'a Interaction], groups: &[FindingGroup<'_>]) -> Story<'a> {
        let mut story = Story {
            calls: Vec::new(),
            marks: BTreeMap::new(),
            offending: BTreeSet::new(),
            named: BTreeSet::new(),
            alike: BTreeSet::new(),
        };
        for group in groups {
            if let Some(seq) = call_of(group.first) {
                story.marks.entry(seq).or_default().push(group.mark());
            }
            for (at, finding) in group.all.iter().enumerate() {
                story.offending.extend(call_of(finding));
                if at > 0 && group.all.len() > REPORT_ALIKE_MAX {
                    story.alike.extend(call_of(finding));
                } else {
                    story.named.extend(numbers(finding));
                }
            }
        }
        story.alike = story.alike.difference(&story.named).copied().collect();
        let further = story.named.union(&story.alike).filter_map(|seq| report.call(*seq));
        story.calls = lane.iter().copied().chain(further).collect();
        story.calls.sort_by_key(|call| call.seq);
        story.calls.dedup_by_key(|call| call.seq);
        story
    }

    fn is_shown(&self, at: usize) -> bool {
        let mut around = self.calls[at.saturating_sub(AROUND)..self.calls.len().min(at + AROUND + 1)].iter();
        let is_near = self.calls.len() <= REPORT_LANE_CALLS_MAX || around.any(|call| self.named.contains(&call.seq));
        is_near && !self.alike.contains(&self.calls[at].seq)
    }

    /// `found` are all calls that have a finding, those of other parts included.
    fn tell(&self, out: &mut String, found: &BTreeSet<u64>) {
        let width = self.calls.last().map_or(1, |call| call.seq.to_string().len());
        let mut day = String::new();
        let mut left_out = OmittedCalls::default();
        for (at, call) in self.calls.iter().enumerate() {
            step();
            if !self.is_shown(at) {
                left_out.calls += 1;
                left_out.found += u64::from(found.contains(&call.seq));
                left_out.alike += u64::from(self.alike.contains(&call.seq));
                continue;
            }
            std::mem::take(&mut left_out).tell(out);
            let (date, time) = day_and_time(call.at);
            if date != day {
                out.push_str(&format!("  {date}\n"));
                day = date;
            }
            let mark = if self.offending.contains(&call.seq) { '>' } else { ' ' };
            let line = format!("{mark} {:>width$}  {}  {}", call.seq, time, told(call));
            out.push_str(line.trim_end());
            out.push('\n');
            for mark in self.marks.get(&call.seq).into_iter().flatten() {
                out.push_str(&format!("  {:>width$}  ^ {mark}\n", ""));
            }
        }
        left_out.tell(out);
    }
}

/// Calls in a row that are not shown.
#[derive(Default)]
struct OmittedCalls {
    calls: u64,
    /// Those that have findings.
    found: u64,
    /// Those that have only such as are told already.
    alike: u64,
}

impl OmittedCalls {
    fn tell(self, out: &mut String) {
        let OmittedCalls { calls, found, alike } = self;
        let told = match calls {
            0 => return,
            _ if found == 0 => format!("{} without findings", counted(calls, "call")),
            _ if alike == calls => format!("{} with the same findings", counted(calls, "call")),
            _ => counted(calls, "more call"),
        };
        out.push_str(&format!("  … {told}\n"));
    }
}

fn told(call: &Interaction) -> String {
    let request = &call.request;
    let body = String::from_utf8_lossy(request.body());
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let stubbed = call.stub().map(|stub| format!("  (stubbed: {})", visible(stub))).unwrap_or_default();
    let upstream = if call.is_of_upstream() { "  (upstream)" } else { "" };
    let fault = call.fault().map(|fault| format!("  {}", fault.to_value())).unwrap_or_default();
    format!(
        "{} {} → {}  {}{stubbed}{upstream}{fault}",
        request.method(),
        shortened(&visible(request.target()), REPORT_CHARS_MAX),
        call.response.status(),
        shortened(&visible(&body), REPORT_CHARS_MAX)
    )
}
