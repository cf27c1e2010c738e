//! Judging what was recorded: one recording, or several of one run.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Judge;
use super::story::Seen;
use super::strictness::Strictness;
use crate::clock::Timestamp;
use crate::finding::Finding;
use crate::journal::interaction::Interaction;
use crate::journal::recording::Recording;

/// Where a call of several recordings comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which recording, in the order in which they were given, from 0.
    pub recording: usize,
    /// The call's number there.
    pub seq: u64,
}

/// A call as it was judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Where it comes from.
    pub origin: Origin,
    /// The call.
    pub interaction: &'a Interaction,
    /// What was wrong with it; numbers of calls are those of the whole run, from 1.
    pub findings: Vec<Finding>,
    /// The state of what it was about, before it.
    pub seen: Seen,
}

/// A run that was judged from its recordings.
#[derive(Debug)]
pub struct Run<'a> {
    /// Every call in order. The first has number 1 in findings, and so on; with a single recording
    /// numbers are its own.
    pub calls: Vec<Judged<'a>>,
    /// What was wrong at the end.
    pub end: Vec<Finding>,
    /// The judge, who knows how everything ended.
    pub judge: Judge,
    is_single: bool,
}

impl<'a> Run<'a> {
    /// Judges recordings of one run: their calls in the order of their instants, those of one recording
    /// in its own order; the state at the start is what all of them say.
    pub fn new(recordings: &'a [Recording], strictness: Strictness) -> Run<'a> {
        let profile = recordings.first().map(|recording| recording.header.profile).unwrap_or_default();
        let mut judge = Judge::new(profile, strictness, &together(recordings));
        let is_single = recordings.len() == 1;
        let calls: Vec<Judged<'a>> = merged(recordings)
            .into_iter()
            .zip(1..)
            .map(|((origin, interaction), number)| {
                let seq = if is_single { origin.seq } else { number };
                let verdict = judge.hear_recorded_as(seq, interaction);
                Judged { origin, interaction, findings: verdict.findings, seen: verdict.seen }
            })
            .collect();
        let now = calls.iter().map(|call| call.interaction.at).max().unwrap_or_default();
        let end = judge.end(judge.finish(now), now);
        Run { calls, end, judge, is_single }
    }

    /// All findings, those of the end last.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.calls.iter().flat_map(|call| &call.findings).chain(&self.end)
    }

    /// Every call with the number that it has in findings, in order.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Judged<'a>)> {
        let seq = |(call, number): (&Judged<'_>, u64)| if self.is_single { call.origin.seq } else { number };
        self.calls.iter().zip(1..).map(move |(call, number)| (seq((call, number)), call))
    }

    /// When the run ended: the instant of its last call.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.calls.iter().map(|call| call.interaction.at).max()
    }
}

/// The calls of all recordings by their instants. Two of one recording never change places, also when
/// its clock was set back.
fn merged(recordings: &[Recording]) -> Vec<(Origin, &Interaction)> {
    let mut all: Vec<(Timestamp, Origin, &Interaction)> = Vec::new();
    for (recording, of) in recordings.iter().enumerate() {
        let mut latest = Timestamp::MIN;
        for interaction in &of.interactions {
            latest = latest.max(interaction.at);
            all.push((latest, Origin { recording, seq: interaction.seq }, interaction));
        }
    }
    all.sort_by_key(|(at, origin, _)| (*at, origin.recording, origin.seq));
    all.into_iter().map(|(_, origin, interaction)| (origin, interaction)).collect()
}

/// The states at the start together; of an entry that several have, the first.
fn together(recordings: &[Recording]) -> Cow<'_, Value> {
    if let [only] = recordings {
        return Cow::Borrowed(&only.header.state);
    }
    let mut state = Map::new();
    for section in ["connectors", "sync_jobs"] {
        let mut ids = BTreeSet::new();
        let entries =
            recordings.iter().filter_map(|recording| recording.header.state.get(section)?.as_array()).flatten();
        let entries = entries.filter(|entry| ids.insert(entry.get("id").and_then(Value::as_str)));
        state.insert(section.to_owned(), entries.cloned().collect());
    }
    Cow::Owned(Value::Object(state))
}
