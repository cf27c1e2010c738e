//! [`RecordingDiff`]: two recordings, by meaning.
//!
//! Calls are compared lane by lane, so that the order of concurrent clients is none of it, and within a lane as lines of
//! a text are: by the longest sequence that both have. What is another in every run does not count, neither in requests
//! nor in answers; ids that the servers made are paired as they were made. A read that comes again with the same answer
//! is told once: how often a client polls is chance.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::interaction::Interaction;
use super::meaning::Meaning;
use super::playback::request_differences;
use super::playback::volatile::Volatile;
use super::recording::Recording;
use super::transcript::{lane, made_ids};
use crate::http::Method;
use crate::limits::DIFF_CELLS_MAX;
use crate::near_miss::Difference;

/// What two recordings have otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub(crate) struct RecordingDiff {
    /// Calls that are alike in both.
    pub alike: u64,
    /// Calls that only the first has, by number.
    pub only_first: Vec<DiffCall>,
    /// Calls that only the second has.
    pub only_second: Vec<DiffCall>,
    /// Calls of both that differ.
    pub differing: Vec<DiffPair>,
}

/// A call of one recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub(crate) struct DiffCall {
    /// Its number.
    pub seq: u64,
    /// The lane that it belongs to.
    pub lane: String,
    /// Method and target.
    pub line: String,
    /// The status of its answer.
    pub status: u16,
}

/// A call of both recordings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub(crate) struct DiffPair {
    /// As the first recording has it.
    pub first: DiffCall,
    /// As the second has it.
    pub second: DiffCall,
    /// Where the requests differ.
    pub request: Vec<Difference>,
    /// Where the answers differ.
    pub answer: Vec<Difference>,
}

impl RecordingDiff {
    /// Compares two recordings. `ignore` are JSON pointers into bodies, `*` for any one step.
    ///
    /// # Errors
    /// What is wrong with a pointer.
    pub(crate) fn new(first: &Recording, second: &Recording, ignore: &[String]) -> Result<RecordingDiff, String> {
        let mut meaning = Meaning::new(ignore, false)?;
        let made = |recording: &Recording| made_ids(&recording.interactions);
        let pairs: Vec<(String, String)> = made(first).into_iter().zip(made(second)).collect();
        pairs.iter().for_each(|(one, other)| meaning.pair(one, other));
        let policy = super::playback::policy::PlayPolicy { ignore: ignore.to_vec(), ..Default::default() };
        let volatile = Volatile::new(&policy, &[]);
        let mut diff = RecordingDiff::default();
        let mut lanes: BTreeMap<String, (Vec<&Interaction>, Vec<&Interaction>)> = BTreeMap::new();
        for call in &first.interactions {
            lanes.entry(lane(call)).or_default().0.push(call);
        }
        for call in &second.interactions {
            // An id that the second server made has the name that the first one gave.
            let name = lane(call);
            let known = pairs.iter().find(|(_, other)| name.ends_with(other.as_str()));
            let name = known.map_or_else(|| name.clone(), |(one, other)| name.replace(other.as_str(), one));
            lanes.entry(name).or_default().1.push(call);
        }
        for (name, (one, other)) in &lanes {
            let (one, other) = (once(one), once(other));
            let renamed = |call: &Interaction| {
                let target = pairs
                    .iter()
                    .fold(call.request.path().to_owned(), |path, (one, other)| path.replace(other.as_str(), one));
                format!("{} {target}", call.request.method())
            };
            let first_lines: Vec<String> =
                one.iter().map(|call| format!("{} {}", call.request.method(), call.request.path())).collect();
            let second_lines: Vec<String> = other.iter().map(|call| renamed(call)).collect();
            for step in aligned(&first_lines, &second_lines) {
                match step {
                    DiffStep::Both(at, of) => diff.compare(name, one[at], other[of], &mut meaning, &volatile),
                    DiffStep::First(at) => diff.only_first.push(told(name, one[at])),
                    DiffStep::Second(at) => diff.only_second.push(told(name, other[at])),
                }
            }
        }
        diff.only_first.sort_by_key(|call| call.seq);
        diff.only_second.sort_by_key(|call| call.seq);
        diff.differing.sort_by_key(|pair| pair.first.seq);
        Ok(diff)
    }

    fn compare(
        &mut self,
        lane: &str,
        one: &Interaction,
        other: &Interaction,
        meaning: &mut Meaning,
        volatile: &Volatile,
    ) {
        let sent = match meaning.carry(&one.request) {
            super::meaning::Carried::Send(request) => request,
            super::meaning::Carried::Masked => one.request.clone(),
        };
        let request = request_differences(&sent, &other.request, volatile);
        let answer = meaning.differences(one.operation.as_deref(), &one.request, &one.response, &other.response);
        match request.is_empty() && answer.is_empty() {
            true => self.alike += 1,
            false => {
                self.differing.push(DiffPair { first: told(lane, one), second: told(lane, other), request, answer })
            }
        }
    }

    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.only_first.is_empty() && self.only_second.is_empty() && self.differing.is_empty()
    }

    /// The differences as data.
    pub(crate) fn to_value(&self) -> Value {
        let call =
            |call: &DiffCall| json!({ "seq": call.seq, "lane": call.lane, "call": call.line, "status": call.status });
        let differs = |differs: &[Difference]| -> Value {
            let one = |Difference { place, pointer, expected, seen }: &Difference| json!({ "place": place, "pointer": pointer, "first": expected, "second": seen });
            differs.iter().map(one).collect()
        };
        let pair = |pair: &DiffPair| {
            json!({
                "first": call(&pair.first),
                "second": call(&pair.second),
                "request": differs(&pair.request),
                "answer": differs(&pair.answer),
            })
        };
        json!({
            "alike": self.alike,
            "only_first": self.only_first.iter().map(call).collect::<Vec<_>>(),
            "only_second": self.only_second.iter().map(call).collect::<Vec<_>>(),
            "differing": self.differing.iter().map(pair).collect::<Vec<_>>(),
        })
    }

    /// The differences as lines of text; `-` is what the first has and `+` what the second has.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        for (sign, calls) in [('-', &self.only_first), ('+', &self.only_second)] {
            for DiffCall { seq, line, status, .. } in calls {
                lines.push((*seq, format!("{sign} call {seq}: {line} → {status}")));
            }
        }
        for DiffPair { first, second, request, answer } in &self.differing {
            let mut told = format!("~ call {} and call {}: {}", first.seq, second.seq, first.line);
            for (of, differs) in [("request", request), ("answer", answer)] {
                for differs in differs {
                    told.push_str(&format!(
                        "\n    {of} {}: {} and {}",
                        differs.shown_place(),
                        differs.expected,
                        differs.seen
                    ));
                }
            }
            lines.push((first.seq, told));
        }
        lines.sort_by_key(|(seq, _)| *seq);
        lines.into_iter().map(|(_, line)| line + "\n").collect()
    }
}

fn told(lane: &str, call: &Interaction) -> DiffCall {
    DiffCall {
        seq: call.seq,
        lane: lane.to_owned(),
        line: format!("{} {}", call.request.method(), call.request.target()),
        status: call.response.status(),
    }
}

/// The calls of a lane without reads that repeat the one before them.
fn once<'r>(calls: &[&'r Interaction]) -> Vec<&'r Interaction> {
    let mut kept: Vec<&Interaction> = Vec::new();
    for call in calls {
        let last = kept.iter().rev().find(|last| last.request.target() == call.request.target());
        let is_again = last.is_some_and(|last| {
            let is_read = matches!(call.request.method(), Method::Get | Method::Head)
                || call.operation.as_deref().is_some_and(|name| ["search", "count"].contains(&name));
            is_read
                && last.request.method() == call.request.method()
                && last.request.body() == call.request.body()
                && last.response.status() == call.response.status()
                && last.response.body() == call.response.body()
        });
        if !is_again {
            kept.push(call);
        }
    }
    kept
}

/// A step through two sequences.
enum DiffStep {
    Both(usize, usize),
    First(usize),
    Second(usize),
}

/// Two sequences, equal elements beside each other as far as possible.
fn aligned(one: &[String], other: &[String]) -> Vec<DiffStep> {
    let start = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let mut steps: Vec<DiffStep> = (0..start).map(|at| DiffStep::Both(at, at)).collect();
    let (one, other) = (&one[start..], &other[start..]);
    let width = other.len() + 1;
    if (one.len() + 1).saturating_mul(width) > DIFF_CELLS_MAX {
        // Too long to be aligned: what stands at the same place is compared if it is the same call.
        for at in 0..one.len().max(other.len()) {
            match (one.get(at), other.get(at)) {
                (Some(first), Some(second)) if first == second => steps.push(DiffStep::Both(start + at, start + at)),
                (first, second) => {
                    steps.extend(first.map(|_| DiffStep::First(start + at)));
                    steps.extend(second.map(|_| DiffStep::Second(start + at)));
                }
            }
        }
        return steps;
    }
    // How many elements the rests have in common.
    let mut common = vec![0_u32; (one.len() + 1) * width];
    for at in (0..one.len()).rev() {
        for of in (0..other.len()).rev() {
            common[at * width + of] = match one[at] == other[of] {
                true => common[(at + 1) * width + of + 1] + 1,
                false => common[(at + 1) * width + of].max(common[at * width + of + 1]),
            };
        }
    }
    let (mut at, mut of) = (0, 0);
    while at < one.len() || of < other.len() {
        if at < one.len() && of < other.len() && one[at] == other[of] {
            steps.push(DiffStep::Both(start + at, start + of));
            (at, of) = (at + 1, of + 1);
        } else if of >= other.len() || (at < one.len() && common[(at + 1) * width + of] >= common[at * width + of + 1])
        {
            steps.push(DiffStep::First(start + at));
            at += 1;
        } else {
            steps.push(DiffStep::Second(start + of));
            of += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(file: &str) -> Recording {
        let path = format!("{}/fixtures/recordings/{file}.ndjson", env!("CARGO_MANIFEST_DIR"));
        Recording::parse(file, &std::fs::read(path).expect("a file")).expect("a recording")
    }

    #[test]
    fn the_same_story_on_another_day_is_the_same() {
        let first = recording("full_sync");
        let text = first.to_text();
        // Another day, another host and other ids, and one poll more.
        let text = text.replace("2026-11-25T", "2027-01-02T").replace("EpPoCA1UJWSH7JOPEAB5", "AAAACA1UJWSH7JOPEAB5");
        let mut second = Recording::parse("second", text.as_bytes()).expect("a recording");
        let mut poll = second.interactions[4].clone();
        poll.seq = 1000;
        second.interactions.insert(5, poll);
        let diff = RecordingDiff::new(&first, &second, &[]).expect("no pointers");
        assert!(diff.is_empty(), "{}", diff.text());
        assert!(diff.alike > 20);
    }

    #[test]
    fn what_differs_is_told_call_by_call() {
        let first = recording("claim_story");
        let mut second = first.clone();
        second.interactions.remove(1);
        let stats =
            second.interactions.iter_mut().find(|call| call.request.path().ends_with("_stats")).expect("a call");
        stats.request =
            stats.request.clone().with_body(String::from_utf8_lossy(stats.request.body()).replace("120", "121"));
        let last = second.interactions.last_mut().expect("a call");
        last.response = crate::http::Response::new(200);
        let diff = RecordingDiff::new(&first, &second, &[]).expect("no pointers");
        let told = diff.text();
        assert!(told.contains("PUT /_connector/_sync_job/job-1/_check_in → 200\n"), "{told}");
        assert!(told.contains("    request body /indexed_document_count: 120 and 121\n"), "{told}");
        assert!(told.contains("    answer status: 404 and 200\n"), "{told}");
        assert_eq!((diff.only_first.len(), diff.only_second.len(), diff.differing.len()), (1, 0, 2), "{told}");
        let ignoring = RecordingDiff::new(&first, &second, &["/indexed_document_count".to_owned()]).expect("a pointer");
        assert_eq!(ignoring.differing.len(), 1);
        assert_eq!(diff.to_value()["differing"][0]["request"][0]["pointer"], "/indexed_document_count");
    }
}
