//! Judging what was recorded: one recording, or several of one run.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::lane::Due;
use super::scope::Scope;
use super::story::SubjectState;
use super::strictness::{self, Strictness};
use super::{Counts, Judge, ScopeEnd};
use crate::clock::Timestamp;
use crate::finding::Finding;
use crate::profile::Profile;
use crate::record::event::{Change, Event};
use crate::record::interaction::Interaction;
use crate::record::recording::{Header, Recording, RecordingLine};
use crate::source_place::SourcePlace;

/// Where a call of several recordings comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallOrigin {
    /// Which recording, in the order in which they were given, from 0.
    pub recording: usize,
    /// The call's number there.
    pub seq: u64,
}

/// A call as it was judged.
#[derive(Debug)]
#[non_exhaustive]
pub struct Judged<'a> {
    /// Where it comes from.
    pub origin: CallOrigin,
    /// The number that it has in findings: its own with a single recording, else its place among the calls
    /// and events of all of them, from 1.
    pub seq: u64,
    /// The call.
    pub interaction: &'a Interaction,
    /// What was wrong with it; numbers of calls are those of the whole run, from 1.
    pub findings: Vec<Finding>,
    /// The state of what it was about, before it.
    pub seen: SubjectState,
}

/// A run that was judged from its recordings.
#[derive(Debug)]
pub struct RecordedRun<'a> {
    /// Every call in order.
    pub calls: Vec<Judged<'a>>,
    /// What was wrong at the end of the last scope.
    pub end: Vec<Finding>,
    /// The scopes of the run, with what was found in each; one if nobody reset the mock.
    pub scopes: Vec<Scope>,
    /// The Elasticsearch that was mimicked.
    pub(super) profile: Profile,
    /// How the mocks of the run began: the number of the first call or event, the header, the state.
    pub(crate) mocks: Vec<(u64, &'a Header, Cow<'a, Value>)>,
    /// What happened beside the calls, by number.
    pub(crate) events: Vec<(u64, &'a Event)>,
    /// What clients owe at the end.
    pub(crate) due: Vec<Due>,
    /// When the run ended.
    pub(crate) now: Timestamp,
    is_single: bool,
    /// Calls and events so far.
    lines: u64,
}

impl<'a> RecordedRun<'a> {
    /// Judges recordings of one run: their calls in the order of their instants, those of one recording
    /// in its own order; the state at the start is what all of them say. If one of them was reset or got
    /// another state, each stands for a mock of its own: they are judged one after the other.
    pub fn new(recordings: &'a [Recording], strictness: Strictness) -> RecordedRun<'a> {
        RecordedRun::watched(recordings, strictness, &mut |_| {})
    }

    /// Judges recordings of one run, and tells after each call and event how many there were so far.
    pub(crate) fn watched(
        recordings: &'a [Recording],
        strictness: Strictness,
        watch: &mut dyn FnMut(usize),
    ) -> RecordedRun<'a> {
        let mut run = RecordedRun {
            calls: Vec::new(),
            end: Vec::new(),
            scopes: Vec::new(),
            profile: recordings.first().map(|recording| recording.header.profile).unwrap_or_default(),
            mocks: Vec::new(),
            events: Vec::new(),
            due: Vec::new(),
            now: Timestamp::default(),
            is_single: recordings.len() == 1,
            lines: 0,
        };
        let is_own = |recording: &Recording| {
            let changes = recording.events.iter().map(|event| &event.change);
            changes.into_iter().any(|change| matches!(change, Change::Reset { .. } | Change::State { .. }))
        };
        if recordings.iter().any(is_own) {
            for (at, recording) in recordings.iter().enumerate() {
                run.judge(std::slice::from_ref(recording), at, &strictness, watch);
            }
        } else {
            run.judge(recordings, 0, &strictness, watch);
        }
        run
    }

    /// Judges recordings of one mock; the first of them is the one with number `first` of all.
    fn judge(
        &mut self,
        recordings: &'a [Recording],
        first: usize,
        strictness: &Strictness,
        watch: &mut dyn FnMut(usize),
    ) {
        let Some(header) = recordings.first().map(|recording| &recording.header) else { return };
        let state = together(recordings);
        let mut judge = Judge::new(header.profile, strictness.clone(), &state);
        let first_seq = self.lines + 1;
        self.mocks.push((first_seq, header, state));
        judge.begin(self.scopes.len() as u64 + 1, header.scope.clone(), first_seq, header.started_at);
        judge.begun_at(header.source.clone());
        for allowed in recordings.iter().flat_map(|recording| &recording.header.allowances) {
            // A rule that this version does not have cannot be broken either.
            if let Ok(rule) = strictness::find(&allowed.rule) {
                judge.allow(rule, &*allowed.reason, !allowed.first_scope_only);
            }
        }
        let mut now = header.started_at;
        let mut calls = 0;
        for (recording, line) in merged(recordings) {
            self.lines += 1;
            watch(self.lines as usize);
            match line {
                RecordingLine::Call(interaction) => {
                    now = interaction.at;
                    calls += 1;
                    let seq = if self.is_single { interaction.seq } else { self.lines };
                    let origin = CallOrigin { recording: first + recording, seq: interaction.seq };
                    let verdict = judge.hear_recorded_as(seq, interaction);
                    let (findings, seen) = (verdict.findings, verdict.seen);
                    self.calls.push(Judged { origin, seq, interaction, findings, seen });
                }
                RecordingLine::Event(event) => {
                    let seq = if self.is_single { event.seq } else { self.lines };
                    self.events.push((seq, event));
                    if matches!(event.change, Change::Clock { .. }) && event.at < now {
                        judge.turn_back(now);
                    }
                    now = event.at;
                    match &event.change {
                        Change::Reset { scope, started_at, state, forget, source } => {
                            judge.end_scope(ScopeEnd {
                                now,
                                found: self.placed(judge.finish(now)),
                                calls: std::mem::take(&mut calls),
                                forget: *forget,
                                next: scope.clone(),
                                next_seq: if self.is_single { event.seq } else { self.lines } + 1,
                                next_at: *started_at,
                                next_source: source.clone(),
                            });
                            judge.learn(state.as_deref().unwrap_or(&header.state), true);
                            now = *started_at;
                        }
                        Change::State { whole: true, state } => judge.replace_state(state, now),
                        Change::State { whole: false, state } => judge.learn(state, false),
                        Change::Allow { rule, reason } => {
                            if let Ok(rule) = strictness::find(rule) {
                                judge.allow(rule, &**reason, false);
                            }
                        }
                        Change::Stubs { added, removed } => judge.learn_stubs(added, removed),
                        Change::Simulated { side, refused: Some(why), .. } => {
                            judge.learn_refused(seq + 1, event.at, side, why);
                        }
                        Change::Hand { act, id } | Change::Simulated { act, id, .. } => {
                            judge.take_hand(event.seq, event.at, act, id.as_deref());
                        }
                        Change::Forget => judge.forget(),
                        Change::Clock { .. } | Change::End => {}
                    }
                }
            }
        }
        self.end = judge.end(self.placed(judge.finish(now)), now);
        self.due.extend(judge.dues());
        self.now = now;
        self.scopes.extend(judge.ended_scopes().cloned());
        self.scopes.push(judge.scope(calls, self.end.clone()));
    }

    /// Findings of an end, each with the source place of the call that it is about, if that says one.
    fn placed(&self, mut found: Vec<Finding>) -> Vec<Finding> {
        for finding in &mut found {
            let call = self.calls.binary_search_by_key(&finding.seq, |call| call.seq).ok();
            finding.source = call.and_then(|at| SourcePlace::of_request(&self.calls[at].interaction.request));
        }
        found
    }

    /// All findings that count, scope by scope, those of a scope's end last.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.scopes.iter().flat_map(|scope| &scope.findings)
    }

    /// How many findings there are, those that are no longer kept included.
    pub fn counts(&self) -> Counts {
        self.scopes.iter().fold(Counts::default(), |mut counts, scope| {
            counts += scope.counts;
            counts
        })
    }

    /// When the run ended: the instant of its last call.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.calls.iter().map(|call| call.interaction.at).max()
    }
}

/// The lines of all recordings by their instants, each with its recording. Two of one recording never
/// change places, also when its clock was set back.
fn merged(recordings: &[Recording]) -> Vec<(usize, RecordingLine<'_>)> {
    let mut all: Vec<(Timestamp, u64, usize, RecordingLine<'_>)> = Vec::new();
    for (recording, of) in recordings.iter().enumerate() {
        let mut latest = Timestamp::MIN;
        for line in of.lines() {
            let (at, seq) = match line {
                RecordingLine::Call(interaction) => (interaction.at, interaction.seq),
                RecordingLine::Event(event) => (event.at, event.seq),
            };
            latest = latest.max(at);
            all.push((latest, seq, recording, line));
        }
    }
    all.sort_by_key(|(at, seq, recording, _)| (*at, *seq, *recording));
    all.into_iter().map(|(_, _, recording, line)| (recording, line)).collect()
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
