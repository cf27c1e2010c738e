//! [`PlayNote`]: what was passed over when a recorded call answered, and [`Played`]: how far a playback came.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::key::RequestKey;
use super::nearest::Differences;
use super::{How, Playback, RecordedMatch};
use crate::http::Request;
use crate::limits::{PLAYBACK_NOTES_MAX, PLAYBACK_PLACES_MAX};
use crate::near_miss::Difference;

/// What is worth knowing of an answer from a recording. None of it is against the contract.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlayNote {
    /// The number of the call that was answered.
    pub seq: u64,
    /// The number of the recorded call.
    pub recorded_seq: u64,
    /// Whether the answer had been given before.
    pub is_repeated: bool,
    /// Whether the recorded call is another one, and only the nearest.
    pub is_nearest: bool,
    /// Whether the answer reads `<redacted>` where a secret was when it was recorded.
    pub is_masked: bool,
    /// Where the two differ, the first of many.
    pub differs: Vec<Difference>,
}

impl PlayNote {
    /// The note as data.
    pub fn to_value(&self) -> Value {
        let differs = self.differs.iter().map(|Difference { place, pointer, expected, seen }| {
            json!({ "place": place, "pointer": pointer, "expected": expected, "seen": seen })
        });
        json!({
            "seq": self.seq,
            "recorded_seq": self.recorded_seq,
            "repeated": self.is_repeated,
            "nearest": self.is_nearest,
            "masked": self.is_masked,
            "differs": differs.collect::<Vec<_>>(),
        })
    }

    /// The note in one line.
    pub fn text(&self) -> String {
        let what = match (self.is_nearest, self.is_repeated) {
            (true, _) => "is only nearest to",
            (_, true) => "gets once more the answer of",
            _ => "is",
        };
        let differs: Vec<String> = self
            .differs
            .iter()
            .map(|differs| format!("{}: recorded {}, sent {}", differs.shown_place(), differs.expected, differs.seen))
            .collect();
        let passed = if differs.is_empty() { String::new() } else { format!("; passed over {}", differs.join("; ")) };
        let masked = if self.is_masked { "; told <redacted> in place of a secret" } else { "" };
        format!("{what} recorded call {}{passed}{masked}", self.recorded_seq)
    }
}

/// How far a playback came.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Played {
    /// Calls that the recording has.
    pub recorded: u64,
    /// Those that came.
    pub served: u64,
    /// Calls that got an answer which had been given before.
    pub repeated: u64,
    /// Calls that got the answer of the nearest call.
    pub nearest: u64,
    /// Calls that the mock answered.
    pub mocked: u64,
    /// Calls whose answer read `<redacted>` where a secret was.
    pub masked: u64,
    /// Calls that differed from the recorded ones in what does not count.
    pub differing: u64,
    /// In how many of them each place of a request differed.
    pub passed_over: BTreeMap<String, u64>,
    /// What there is to tell of single calls, oldest first; of many the last.
    pub notes: Vec<PlayNote>,
}

impl Played {
    /// What there is to tell besides how many calls were served, to follow that; empty if nothing is.
    pub fn aside(&self) -> String {
        let told = [
            (self.repeated, "answered again"),
            (self.nearest, "answered by the nearest"),
            (self.mocked, "answered by the mock"),
            (self.masked, "told <redacted> in place of a secret"),
            (self.differing, "differing in what does not count"),
        ];
        told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}")).collect()
    }

    /// The places that differed, the most frequent first.
    pub fn places(&self) -> Vec<(&str, u64)> {
        let mut places: Vec<(&str, u64)> = self.passed_over.iter().map(|(place, count)| (&**place, *count)).collect();
        places.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        places
    }
}

/// What comes with an answer from a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlayedAnswer {
    /// What is worth knowing of it; its number is the caller's to give.
    pub note: Option<PlayNote>,
    /// Microseconds that the answer took when it was recorded; 0 if nobody knows.
    pub pause_us: u32,
}

impl Playback {
    /// How far it came.
    pub(crate) fn played(&self) -> &Played {
        &self.played
    }

    /// Remembers what is worth knowing of a call.
    pub(crate) fn keep(&mut self, note: PlayNote) {
        if self.played.notes.len() >= PLAYBACK_NOTES_MAX {
            self.played.notes.remove(0);
        }
        self.played.notes.push(note);
    }

    /// The mock has answered a call.
    pub(crate) fn count_mocked(&mut self) {
        self.played.mocked += 1;
    }

    /// What is worth knowing of the call that was found for a request.
    pub(super) fn note(&mut self, found: &RecordedMatch, key: &RequestKey, shown: &Request) -> Option<PlayNote> {
        let is_same = self.lanes[found.lane].exact_of(found.call) == key.exact();
        let is_masked = self.masked_answers.contains(&found.call);
        self.played.masked += u64::from(is_masked);
        if is_same && found.how == How::New && !is_masked {
            return None;
        }
        let recorded = &self.recording.interactions[found.call];
        let mut differs = Differences::default();
        if !is_same {
            // As both may be shown: what was sent is masked.
            let one = RequestKey::anywhere(&recorded.request, &self.volatile, &BTreeMap::new());
            let other = RequestKey::anywhere(shown, &self.volatile, &self.renamed);
            differs.query(one.query(), other.query(), None);
            differs.body(one.body(), other.body(), None);
        }
        let note = PlayNote {
            seq: 0,
            recorded_seq: recorded.seq,
            is_repeated: found.how == How::Again,
            is_nearest: found.how == How::Nearest,
            is_masked,
            differs: differs.0.differs,
        };
        if !note.differs.is_empty() && !note.is_nearest {
            self.played.differing += 1;
            let mut places: Vec<String> = note.differs.iter().map(|differs| by_name(&differs.shown_place())).collect();
            places.sort_unstable();
            places.dedup();
            for place in places {
                if self.played.passed_over.len() < PLAYBACK_PLACES_MAX || self.played.passed_over.contains_key(&place) {
                    *self.played.passed_over.entry(place).or_default() += 1;
                }
            }
        }
        Some(note)
    }
}

/// A place with its numbers as stars, so that all lines of a bulk are one.
fn by_name(place: &str) -> String {
    let is_number = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    place.split('/').map(|step| if is_number(step) { "*" } else { step }).collect::<Vec<_>>().join("/")
}
