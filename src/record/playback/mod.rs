//! [`Playback`]: answers from a recording, without the other side.
//!
//! Two requests are the same call if method, path, query and body agree as far as they count: the path and the query
//! as decoded, parameters in any order; a body of JSON values by what it says, keys in any order; any other body by
//! its bytes. What is another in every run does not count ([`Volatile`]), nor does the mock's own address, wherever
//! it stands. A recorded [`REDACTED`] equals anything, for nobody knows any more what was there.
//!
//! Same calls are answered in recorded order, one that says exactly the same before one that differs in what does not
//! count. How free calls are between each other, and what happens when there is
//! no answer, a [`PlayPolicy`] says.
//!
//! A recording of a run with resets is played scope by scope: a reset of the player goes on to the next
//! recorded scope, or to the one of the name that it gives. Until the player resets, every scope's calls
//! are there, so that a client whose tests do not reset finds them too.

mod course;
mod key;
mod nearest;
mod notes;
pub(crate) mod policy;
mod renamed;
#[cfg(test)]
mod tests;
pub(crate) mod volatile;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::address;
use super::event::{Change, Event};
use super::interaction::Interaction;
use super::recording::Recording;
use super::redact::{REDACTED, admits};
use crate::fault::{FaultKind, StubMark};
use crate::http::{Headers, Method, Request, Response};
use crate::near_miss::NearMiss;
use course::{CallKind, Courses};
use key::RequestKey;
#[cfg(any(feature = "cli", test))]
pub(super) use nearest::request_differences;
pub(crate) use notes::PlayedAnswer;
pub use notes::{PlayNote, Played};
use policy::{Exhausted, OnUnmatched, PlayOrder, PlayPolicy};
use volatile::Volatile;

/// Answers from a recording.
#[derive(Clone, Debug)]
pub(crate) struct Playback {
    recording: Recording,
    policy: PlayPolicy,
    volatile: Volatile,
    lanes: Vec<Lane>,
    /// The lanes by method and path.
    routes: BTreeMap<Box<str>, PlaybackRoute>,
    /// The routes with a mask.
    masked_routes: Vec<Box<str>>,
    /// Lanes by what the first call of each says, byte for byte.
    as_sent: BTreeMap<u64, Vec<usize>>,
    /// The calls whose answers have the address of the mock.
    addressed_answers: BTreeSet<usize>,
    /// Whether any recorded call has masks.
    has_masks: bool,
    /// The calls whose answers have a mask.
    masked_answers: BTreeSet<usize>,
    /// What each call is to the order of the others.
    kinds: Vec<CallKind>,
    /// What clients do to one job or connector.
    courses: Courses,
    /// The recorded scopes, one at least.
    scopes: Vec<Recorded>,
    /// Which of them is played; `None` until the first reset, when all of them are.
    playing: Option<usize>,
    /// The calls that have come since their scope began.
    served: BTreeSet<usize>,
    /// No call before it is still to come.
    next: usize,
    /// All calls that have ever come.
    came: BTreeSet<usize>,
    /// How many states were put or added in this scope.
    states_taken: usize,
    /// The events of the recording before that one have been told.
    events_told: usize,
    /// Whether simulated sides had a part in it.
    has_simulated: bool,
    /// Ids that the sender has chosen anew: the recorded ones by the sent ones, and the other way round.
    renamed: BTreeMap<String, String>,
    sent_names: BTreeMap<String, String>,
    played: Played,
}

/// A scope of a recording.
#[derive(Clone, Debug, Default)]
struct Recorded {
    name: Option<Arc<str>>,
    calls: Range<usize>,
    /// The state that it begins with, if it is not that of the header.
    state: Option<Arc<Value>>,
    /// The states that were put or added in it, and which of the two.
    states: Vec<(bool, Arc<Value>)>,
    /// The first of its events among those of the recording.
    events: usize,
    /// Whether it has been played.
    is_visited: bool,
}

/// Calls that are the same, in recorded order.
#[derive(Clone, Debug)]
struct Lane {
    key: Arc<RequestKey>,
    calls: Vec<usize>,
    /// Whether each of them says exactly what the first one says; empty if all do.
    exact: Vec<Vec<u8>>,
    /// No call before it is still to come.
    next: usize,
    /// The call that was answered last.
    last: Option<usize>,
}

/// The lanes of one method and path.
#[derive(Clone, Debug, Default)]
struct PlaybackRoute {
    lanes: Vec<usize>,
    /// Those without a mask, by what their key says; several if they differ in header lines that count.
    plain: BTreeMap<Box<[u8]>, Vec<usize>>,
    /// Those with one, by what it says.
    masked: BTreeMap<Box<[u8]>, Vec<usize>>,
}

impl Lane {
    fn push(&mut self, call: usize, exact: Vec<u8>) {
        if self.exact.is_empty() && exact != self.key.exact() {
            self.exact = vec![self.key.exact().to_vec(); self.calls.len()];
            self.exact.push(exact);
        } else if !self.exact.is_empty() {
            self.exact.push(exact);
        }
        self.calls.push(call);
    }

    /// All that a call of this lane says, in one spelling.
    fn exact_of(&self, call: usize) -> &[u8] {
        let at = self.calls.binary_search(&call).unwrap_or_default();
        self.exact.get(at).map_or_else(|| self.key.exact(), Vec::as_slice)
    }
}

/// A recorded call that answers a request.
#[derive(Clone, Copy, Debug)]
struct RecordedMatch {
    lane: usize,
    call: usize,
    how: How,
}

/// How a recorded call came to answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It is the same, and had not come yet.
    New,
    /// It is the same, and its answer is given again.
    Again,
    /// It is another one, and nothing is nearer.
    Nearest,
}

/// What a request finds.
enum Choice {
    Found(RecordedMatch),
    /// That call is recorded, and this one comes before it.
    OutOfOrder(usize),
    Nothing,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaybackMiss {
    /// One sentence to act on.
    pub reason: String,
    /// The recorded call that is most like the request, if one is like it.
    pub nearest: Option<Box<NearMiss>>,
}

impl Playback {
    /// The state at the start of the recording, or of the scope that is played; null if nobody knows it.
    pub(crate) fn state(&self) -> &Value {
        let state = self.playing.and_then(|at| self.scopes[at].state.as_deref());
        state.unwrap_or(&self.recording.header.state)
    }

    /// A playback that stands at the beginning.
    pub(crate) fn new(recording: Recording, policy: PlayPolicy) -> Playback {
        let scopes = scopes(&recording);
        let (kinds, courses) = course::of(&recording);
        let has_simulated = recording.events.iter().any(|event| matches!(event.change, Change::Simulated { .. }));
        let recorded = recording.interactions.len() as u64;
        let mut playback = Playback {
            volatile: Volatile::new(&policy, &recording.header.ignore),
            policy,
            recording,
            lanes: Vec::new(),
            routes: BTreeMap::new(),
            masked_routes: Vec::new(),
            as_sent: BTreeMap::new(),
            addressed_answers: BTreeSet::new(),
            has_masks: false,
            masked_answers: BTreeSet::new(),
            kinds,
            courses,
            scopes,
            playing: None,
            served: BTreeSet::new(),
            next: 0,
            came: BTreeSet::new(),
            states_taken: 0,
            events_told: 0,
            has_simulated,
            renamed: BTreeMap::new(),
            sent_names: BTreeMap::new(),
            played: Played { recorded, ..Played::default() },
        };
        for (call, interaction) in playback.recording.interactions.iter().enumerate() {
            let key = RequestKey::anywhere(&interaction.request, &playback.volatile, &BTreeMap::new());
            let route = playback.routes.entry(key.route().into()).or_default();
            let by_text = if key.is_masked() { &mut route.masked } else { &mut route.plain };
            let exact = key.exact().to_vec();
            let alike = by_text.entry(key.text().into()).or_default();
            let known = alike.iter().find(|lane| playback.lanes[**lane].key.has_headers_of(&key)).copied();
            let lane = known.unwrap_or_else(|| {
                let lane = playback.lanes.len();
                alike.push(lane);
                route.lanes.push(lane);
                playback.as_sent.entry(fingerprint(&interaction.request)).or_default().push(lane);
                playback.lanes.push(Lane {
                    key: Arc::new(key),
                    calls: Vec::new(),
                    exact: Vec::new(),
                    next: 0,
                    last: None,
                });
                lane
            });
            playback.lanes[lane].push(call, exact);
            if has_mask(&interaction.response) {
                playback.masked_answers.insert(call);
            }
            if address::is_in_answer(interaction) {
                playback.addressed_answers.insert(call);
            }
        }
        playback.masked_routes = playback.routes.keys().filter(|route| route.contains(REDACTED)).cloned().collect();
        let has_masks = |route: &PlaybackRoute| !route.masked.is_empty();
        playback.has_masks = !playback.masked_routes.is_empty() || playback.routes.values().any(has_masks);
        playback
    }

    /// The answer to a request, as it was recorded, and which call it is of. `shown` is the request as it may be told.
    ///
    /// Only a `content-length` that a masked body has made wrong is put right, and a
    /// `transfer-encoding` that no longer applies to a whole body left out. Where the recorded address of
    /// the mock stands, the answer has the one by which the mock is called now, and ids that the sender has chosen
    /// anew stand there as sent.
    ///
    /// # Errors
    /// [`PlaybackMiss`] when the recording has no such call, or no further one.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        shown: &Request,
    ) -> Result<(Response, PlayedAnswer), PlaybackMiss> {
        let key = self.key(request);
        let taken = self.take(&key, shown)?;
        let interaction = &self.recording.interactions[taken.call];
        if let bytes @ 1.. = interaction.response.left_out().response {
            let seq = interaction.seq;
            let reason =
                format!("the answer of recorded call {seq} had {bytes} bytes and was not kept in the recording");
            return Err(PlaybackMiss { reason, nearest: None });
        }
        let mut response = interaction.response.clone();
        // It came from another server then, and comes from the recording now.
        response.mark =
            response.mark.map(|mark| Box::new(StubMark { upstream: false, ..*mark })).filter(|mark| mark.is_told());
        self.rename_in_answer(&key, taken.lane, taken.call, &mut response);
        let Interaction { request: recorded, seq, took_us: pause_us, .. } = &self.recording.interactions[taken.call];
        let (seq, pause_us) = (*seq, *pause_us);
        response = playable(&response, request.method());
        if self.addressed_answers.contains(&taken.call) {
            address::readdress(&mut response, recorded, request);
        }
        if taken.how == How::Nearest {
            response.headers.push("x-elastimock-played", &format!("nearest; recorded call {seq}"));
        }
        let note = self.note(&taken, &key, shown);
        Ok((response, PlayedAnswer { note, pause_us }))
    }

    /// What decides whether a request is a recorded call. A client that says what it said then is known by its bytes.
    fn key(&self, request: &Request) -> Arc<RequestKey> {
        if self.renamed.is_empty() && !self.volatile.is_strict() {
            let lanes = self.as_sent.get(&fingerprint(request)).into_iter().flatten().map(|lane| &self.lanes[*lane]);
            let says = |lane: &Lane| is_as_sent(&self.recording.interactions[lane.calls[0]].request, request);
            if let Some(lane) = lanes.into_iter().find(|lane| says(lane)) {
                return lane.key.clone();
            }
        }
        Arc::new(RequestKey::anywhere(request, &self.volatile, &self.renamed))
    }

    /// The recorded call that a request is, which then counts as served.
    ///
    /// # Errors
    /// As for [`Playback::answer`].
    #[cfg(test)]
    pub(crate) fn serve(&mut self, request: &Request, shown: &Request) -> Result<&Interaction, PlaybackMiss> {
        let key = self.key(request);
        let taken = self.take(&key, shown)?;
        Ok(&self.recording.interactions[taken.call])
    }

    /// Which recorded call answers a request.
    fn take(&mut self, key: &RequestKey, shown: &Request) -> Result<RecordedMatch, PlaybackMiss> {
        let lanes: Vec<usize> = self.same(key).collect();
        let chosen = self.choose(&lanes, key);
        let found = match chosen {
            Choice::Found(found) => found,
            Choice::Nothing | Choice::OutOfOrder(_) => {
                let unmatched = match chosen {
                    Choice::OutOfOrder(expected) => self.out_of_order(&lanes, expected),
                    _ => self.unmatched(key, &address::anywhere(shown, true)),
                };
                let nearest = match self.policy.unmatched {
                    OnUnmatched::Nearest => self.nearest_in_route(key),
                    _ => None,
                };
                let Some((lane, call)) = nearest else {
                    self.pass_unmatched(&lanes, key, shown);
                    return Err(unmatched);
                };
                RecordedMatch { lane, call, how: How::Nearest }
            }
        };
        self.count(found);
        Ok(found)
    }

    /// Sees to it that nobody waits for the recorded write in whose place an unmatched one has come. One that came already
    /// and comes again stands in the place of nothing.
    fn pass_unmatched(&mut self, lanes: &[usize], key: &RequestKey, shown: &Request) {
        let range = self.range();
        let ahead = self.first_new(lanes, key, range.clone()).map(|(_, call)| call);
        if self.policy.order == PlayOrder::Lane && (lanes.is_empty() || ahead.is_some()) {
            let is_done = matches!(self.policy.unmatched, OnUnmatched::Mock | OnUnmatched::Upstream);
            self.courses.pass(shown, &range, &self.kinds, ahead, is_done);
        }
    }

    fn count(&mut self, RecordedMatch { lane, call, how }: RecordedMatch) {
        match how {
            How::New => {}
            How::Again => self.played.repeated += 1,
            How::Nearest => self.played.nearest += 1,
        }
        self.lanes[lane].last = Some(call);
        if self.served.insert(call) {
            self.came.insert(call);
            self.courses.serve(self.kinds[call], call);
        }
        let range = self.range();
        let is_over = |call: &usize| self.served.contains(call) || !range.contains(call);
        let Lane { calls, next, .. } = &mut self.lanes[lane];
        *next += calls[*next..].iter().take_while(|call| is_over(call)).count();
        self.played.served = self.came.len() as u64;
        while self.next < range.end && self.served.contains(&self.next) {
            self.next += 1;
        }
    }

    /// Among the recorded calls that a request may be, the one that answers it.
    fn choose(&mut self, lanes: &[usize], key: &RequestKey) -> Choice {
        let Some(first) = lanes.iter().map(|lane| self.lanes[*lane].calls[0]).min() else { return Choice::Nothing };
        let range = self.range();
        if self.policy.exhausted == Exhausted::Loop && lanes.iter().all(|lane| self.is_used_up(*lane, &range)) {
            for lane in lanes {
                let again: Vec<usize> =
                    self.lanes[*lane].calls.iter().filter(|call| range.contains(call)).copied().collect();
                self.served.retain(|call| !again.contains(call));
                self.lanes[*lane].next = self.lanes[*lane].calls.partition_point(|call| *call < range.start);
                // The order of writes was kept the first time.
                if let Some(call) = again.first() {
                    return Choice::Found(RecordedMatch { lane: *lane, call: *call, how: How::Again });
                }
            }
        }
        let kind = self.kinds[first];
        let is_repeated = self.policy.exhausted == Exhausted::RepeatReads && kind.may_repeat();
        let again = |call: Option<(usize, usize)>| match call {
            Some((lane, call)) if is_repeated => Choice::Found(RecordedMatch { lane, call, how: How::Again }),
            _ => Choice::Nothing,
        };
        let last =
            lanes.iter().filter_map(|lane| Some((*lane, self.lanes[*lane].last.filter(|call| range.contains(call))?)));
        let last = last.max_by_key(|(_, call)| *call);
        if self.policy.order == PlayOrder::Strict {
            return match self.first_new(lanes, key, self.next..range.end) {
                Some((lane, call)) if call == self.next => Choice::Found(RecordedMatch { lane, call, how: How::New }),
                Some(_) => match self.lanes.iter().position(|lane| lane.calls.contains(&self.next)) {
                    // An equal call that is the next one is not passed over for one that says exactly the same.
                    Some(lane) if lanes.contains(&lane) => {
                        Choice::Found(RecordedMatch { lane, call: self.next, how: How::New })
                    }
                    _ => Choice::OutOfOrder(self.next),
                },
                None => again(last),
            };
        }
        let new = |found: Option<(usize, usize)>| {
            found.map(|(lane, call)| Choice::Found(RecordedMatch { lane, call, how: How::New }))
        };
        // What another client is still to make cannot be told yet, where something was told before.
        let is_lane = self.policy.order == PlayOrder::Lane;
        let waits = is_lane && is_repeated && matches!(kind, CallKind::Read { .. });
        let is_ahead = |call: usize| waits && self.courses.horizon(call, &range).is_some_and(|next| next < call);
        let Some(course) = kind.course().filter(|_| is_lane) else {
            let found = self.first_new(lanes, key, range.clone());
            let found = found.filter(|(_, call)| last.is_none() || !is_ahead(*call));
            return new(found).unwrap_or_else(|| again(last));
        };
        let window = self.courses[course].window(&self.served, &range);
        if !kind.is_free() {
            return match self.first_new(lanes, key, range) {
                Some((lane, call)) if call <= window.end => Choice::Found(RecordedMatch { lane, call, how: How::New }),
                Some(_) => Choice::OutOfOrder(window.end),
                None => Choice::Nothing,
            };
        }
        // A read tells what the client's last write has made; how often it is asked before the next one is chance.
        let in_window = last.filter(|(_, call)| window.contains(call));
        let found = self.first_new(lanes, key, window.clone());
        new(found.filter(|(_, call)| in_window.is_none() || !is_ahead(*call)))
            .or_else(|| in_window.filter(|_| is_repeated).map(|last| again(Some(last))))
            .or_else(|| new(self.first_new(lanes, key, window.end.min(range.end)..range.end)))
            .or_else(|| last.filter(|_| is_repeated).map(|last| again(Some(last))))
            .or_else(|| new(self.first_new(lanes, key, range)))
            .unwrap_or(Choice::Nothing)
    }

    fn is_used_up(&self, lane: usize, range: &Range<usize>) -> bool {
        self.lanes[lane].calls.iter().all(|call| self.served.contains(call) || !range.contains(call))
    }

    /// The first recorded call of some lanes within a range that has not come: one that says exactly the same, or else
    /// any.
    fn first_new(&self, lanes: &[usize], key: &RequestKey, range: Range<usize>) -> Option<(usize, usize)> {
        let found = lanes.iter().filter_map(|lane| {
            let Lane { calls, next, .. } = &self.lanes[*lane];
            let from = calls.partition_point(|call| *call < range.start).max(*next);
            let new = calls[from.min(calls.len())..].iter().take_while(|call| range.contains(call));
            let mut new = new.filter(|call| !self.served.contains(call)).copied();
            let first = new.next();
            let is_exact = |call: &usize| self.lanes[*lane].exact_of(*call) == key.exact();
            let exact = first.filter(is_exact).or_else(|| match self.lanes[*lane].exact.is_empty() {
                true => None,
                false => new.find(is_exact),
            });
            exact.or(first).map(|call| (call, *lane))
        });
        // Another call with fewer header lines has to wait for its own.
        let found = found.min_by_key(|(call, lane)| (!self.lanes[*lane].key.has_headers_of(key), *call));
        found.map(|(call, lane)| (lane, call))
    }

    /// What a request says where the recorded calls that it may be have masks.
    pub(crate) fn revealed(&self, request: &Request) -> Vec<String> {
        if !self.has_masks {
            return Vec::new();
        }
        let key = RequestKey::anywhere(request, &self.volatile, &self.renamed);
        self.same(&key).flat_map(|lane| self.lanes[lane].key.revealed(&key)).collect()
    }

    /// The lanes that a request belongs to: one that says the same, and any whose masks let it in.
    fn same(&self, key: &RequestKey) -> impl Iterator<Item = usize> {
        let route = self.routes.get(key.route());
        let plain = route.and_then(|route| route.plain.get(key.text())).into_iter().flatten();
        let masked =
            self.masked_routes.iter().filter(|masked| admits(masked, key.route()) && ***masked != *key.route());
        let masked = masked.filter_map(|masked| self.routes.get(masked));
        let within = masked.flat_map(|route| route.plain.values().chain(route.masked.values()));
        let within = route.into_iter().flat_map(|route| route.masked.values()).chain(within).flatten();
        let found = plain.chain(within.filter(move |lane| self.lanes[**lane].key.admits(key))).copied();
        found.filter(move |lane| self.lanes[*lane].key.other_headers(key).next().is_none())
    }

    /// The calls that can be served now.
    fn range(&self) -> Range<usize> {
        self.playing.map_or(0..self.total(), |at| self.scopes[at].calls.clone())
    }

    /// The recorded calls that have not come, in recorded order: those of the scope that is played, and at
    /// the end of the run those of scopes that were never played.
    pub(crate) fn leftovers(&self, is_run: bool) -> impl Iterator<Item = &Interaction> {
        let current = self.playing.unwrap_or_default();
        let wanted = self.scopes.iter().enumerate().filter(move |(at, scope)| match self.playing {
            None => is_run || *at == current,
            Some(playing) => *at == playing || (is_run && !scope.is_visited),
        });
        let calls = wanted.flat_map(|(_, scope)| scope.calls.clone());
        calls.filter(|call| !self.served.contains(call)).map(|call| &self.recording.interactions[call])
    }

    /// How many recorded calls have come.
    #[cfg(test)]
    pub(crate) fn served(&self) -> usize {
        self.came.len()
    }

    /// How many calls the recording has.
    pub(crate) fn total(&self) -> usize {
        self.recording.interactions.len()
    }

    /// Goes to the recorded scope of that name, or else to the next one; from the last to the first.
    pub(crate) fn begin_scope(&mut self, name: Option<&str>) {
        let current = self.playing.unwrap_or_default();
        self.scopes[current].is_visited = true;
        let count = self.scopes.len();
        let ahead = (current + 1..=current + count).map(|at| at % count);
        let named = name.and_then(|name| ahead.clone().find(|at| self.scopes[*at].name.as_deref() == Some(name)));
        let next = named.unwrap_or((current + 1) % count);
        self.scopes[next].is_visited = true;
        self.playing = Some(next);
        self.states_taken = 0;
        self.events_told = self.scopes[next].events;
        let range = self.range();
        self.served.retain(|call| !range.contains(call));
        self.next = range.start;
        self.courses.begin();
        for lane in &mut self.lanes {
            lane.next = lane.calls.partition_point(|call| *call < range.start);
            lane.last = None;
        }
    }

    /// Whether simulated sides had a part in the recording.
    pub(crate) fn has_simulated(&self) -> bool {
        self.has_simulated
    }

    /// What simulated sides did before the first recorded call that has not come, and how long before; then it counts as
    /// told.
    pub(crate) fn take_simulated(&mut self) -> Vec<(Duration, Event)> {
        let next = self.recording.interactions[..self.range().end].get(self.next);
        let is_past = |event: &&Event| {
            let is_next_scope = self.playing.is_some() && matches!(event.change, Change::Reset { .. });
            next.is_none_or(|call| event.seq < call.seq) && !is_next_scope
        };
        let past: Vec<&Event> = self.recording.events[self.events_told..].iter().take_while(is_past).collect();
        let before = |event: &Event| next.map_or(Duration::ZERO, |call| call.at.since(event.at));
        let count = past.len();
        let simulated = past.into_iter().filter(|event| matches!(event.change, Change::Simulated { .. }));
        let simulated = simulated.map(|event| (before(event), event.clone())).collect();
        self.events_told += count;
        simulated
    }

    /// The state that was put or added next in the recording, and whether it was put; then it counts as done.
    pub(crate) fn take_state(&mut self) -> Option<(bool, Arc<Value>)> {
        let scopes = match self.playing {
            None => &self.scopes[..],
            Some(at) => &self.scopes[at..=at],
        };
        let state = scopes.iter().flat_map(|scope| &scope.states).nth(self.states_taken)?.clone();
        self.states_taken += 1;
        Some(state)
    }
}

/// The scopes of a recording, in order.
fn scopes(recording: &Recording) -> Vec<Recorded> {
    let first = Recorded { name: recording.header.scope.clone(), is_visited: true, ..Recorded::default() };
    let mut scopes = vec![first];
    let end_of = |seq: u64| recording.interactions.partition_point(|call| call.seq < seq);
    for (at, event) in recording.events.iter().enumerate() {
        let last = scopes.last_mut().expect("there is a first scope");
        match &event.change {
            Change::Reset { scope, state, .. } => {
                last.calls.end = end_of(event.seq);
                let calls = last.calls.end..last.calls.end;
                let (name, state, events) = (scope.clone(), state.clone(), at + 1);
                scopes.push(Recorded { name, calls, state, events, ..Recorded::default() });
            }
            Change::State { whole, state } => last.states.push((*whole, state.clone())),
            _ => {}
        }
    }
    if let Some(last) = scopes.last_mut() {
        last.calls.end = recording.interactions.len();
    }
    scopes
}

/// A number for all that counts in a request, as it was sent.
fn fingerprint(request: &Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.method().as_str().hash(&mut hasher);
    request.target().hash(&mut hasher);
    request.body().hash(&mut hasher);
    hasher.finish()
}

/// Whether two requests say the same, byte for byte, but for their header lines.
fn is_as_sent(recorded: &Request, sent: &Request) -> bool {
    recorded.method() == sent.method() && recorded.target() == sent.target() && recorded.body() == sent.body()
}

/// Whether an answer reads as masked where a client may look for a secret.
fn has_mask(response: &Response) -> bool {
    let mut rest = &response.body()[..];
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[at..];
        if rest.starts_with(REDACTED.as_bytes()) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// A recorded response with the framing that its body has now.
fn playable(recorded: &Response, method: &Method) -> Response {
    let mut response = recorded.clone();
    // The answer to a HEAD has no body and tells the length of the one it would have had.
    let is_bodiless = *method == Method::Head || matches!(recorded.status(), 100..=199 | 204 | 304);
    let length = recorded.body().len().to_string();
    // A body that was cut had a length that it never reached.
    let is_cut = recorded.fault().is_some_and(|fault| fault.kind == FaultKind::Cut && fault.after_bytes.is_some());
    let is_wrong = |(name, value): (&str, &str)| {
        name == "transfer-encoding" || (name == "content-length" && !is_bodiless && !is_cut && value != length)
    };
    if recorded.headers().iter().any(is_wrong) {
        let mut headers = Headers::with_capacity(8, recorded.headers().as_text().len() + length.len());
        for (name, value) in recorded.headers().iter() {
            match name {
                _ if !is_wrong((name, value)) => headers.push(name, value),
                "content-length" => headers.push(name, &length),
                _ => {}
            }
        }
        response.headers = headers;
    }
    response
}
