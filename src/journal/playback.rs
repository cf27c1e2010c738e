//! [`Playback`]: answers from a recording, without the other side.
//!
//! Two requests are the same call if method, path, query and body agree: the path and the query as
//! decoded, parameters in any order; a body of JSON values by what it says, keys in any order; any
//! other body by its bytes. Headers do not count, nor does the mock's own address, wherever it stands. A recorded [`REDACTED`] equals anything, for nobody
//! knows any more what was there.
//!
//! Same calls are one lane and answered in recorded order; between lanes the order is free, so that
//! concurrent clients can play.
//!
//! A recording of a run with resets is played scope by scope: a reset of the player goes on to the next
//! recorded scope, or to the one of the name that it gives. Until the player resets, every scope's calls
//! are there, so that a client whose tests do not reset finds them too.

mod key;
mod nearest;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::address;
use super::event::Change;
use super::interaction::Interaction;
use super::recording::Recording;
use super::redact::{REDACTED, admits};
use crate::http::{Headers, Method, Request, Response};
use crate::near_miss::NearMiss;
use key::Key;

/// Answers from a recording, each of them once.
#[derive(Clone, Debug)]
pub struct Playback {
    recording: Recording,
    lanes: Vec<Lane>,
    /// The lanes by method and path.
    routes: BTreeMap<Box<str>, Route>,
    /// The routes with a mask.
    masked_routes: Vec<Box<str>>,
    /// The recorded scopes, one at least.
    scopes: Vec<Recorded>,
    /// Which of them is played; `None` until the first reset, when all of them are.
    playing: Option<usize>,
    /// The calls that have come since their scope began.
    served: BTreeSet<usize>,
    /// All calls that have ever come.
    came: BTreeSet<usize>,
    /// How many states were put or added in this scope.
    states_taken: usize,
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
    /// Whether it has been played.
    is_visited: bool,
}

/// Calls that are the same, in recorded order.
#[derive(Clone, Debug)]
struct Lane {
    key: Key,
    calls: Vec<usize>,
    /// The first of them that has not been served in this scope.
    next: usize,
}

/// The lanes of one method and path.
#[derive(Clone, Debug, Default)]
struct Route {
    lanes: Vec<usize>,
    /// Those without a mask, by what their key says.
    plain: BTreeMap<Box<[u8]>, usize>,
    /// Those with one, by what it says.
    masked: BTreeMap<Box<[u8]>, usize>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// One sentence to act on.
    pub reason: String,
    /// The recorded call that is most like the request, if one is like it.
    pub nearest: Option<Box<NearMiss>>,
}

impl Playback {
    /// The state at the start of the recording, or of the scope that is played; null if nobody knows it.
    pub fn state(&self) -> &Value {
        let state = self.playing.and_then(|at| self.scopes[at].state.as_deref());
        state.unwrap_or(&self.recording.header.state)
    }

    /// A playback that stands at the beginning.
    pub fn new(recording: Recording) -> Playback {
        let scopes = scopes(&recording);
        let mut playback = Playback {
            recording,
            lanes: Vec::new(),
            routes: BTreeMap::new(),
            masked_routes: Vec::new(),
            scopes,
            playing: None,
            served: BTreeSet::new(),
            came: BTreeSet::new(),
            states_taken: 0,
        };
        for (call, interaction) in playback.recording.interactions.iter().enumerate() {
            let key = Key::of(&address::anywhere(&interaction.request));
            let route = playback.routes.entry(key.route().into()).or_default();
            let by_text = if key.is_masked() { &mut route.masked } else { &mut route.plain };
            let lane = *by_text.entry(key.text().into()).or_insert_with(|| {
                route.lanes.push(playback.lanes.len());
                playback.lanes.push(Lane { key, calls: Vec::new(), next: 0 });
                playback.lanes.len() - 1
            });
            playback.lanes[lane].calls.push(call);
        }
        playback.masked_routes = playback.routes.keys().filter(|route| route.contains(REDACTED)).cloned().collect();
        playback
    }

    /// The answer to a request, as it was recorded. `shown` is the request as it may be told if there is none.
    ///
    /// Only a `content-length` that a masked body has made wrong is put right, and a
    /// `transfer-encoding` that no longer applies to a whole body left out. Where the recorded address of
    /// the mock stands, the answer has the one by which the mock is called now.
    ///
    /// # Errors
    /// [`Unmatched`] when the recording has no such call, or no further one.
    pub fn answer(&mut self, request: &Request, shown: &Request) -> Result<Response, Unmatched> {
        let interaction = self.serve(request, shown)?;
        let mut response = playable(&interaction.response, request.method());
        address::readdress(&mut response, &interaction.request, request);
        Ok(response)
    }

    /// The recorded call that a request is, which then counts as served.
    ///
    /// # Errors
    /// As for [`Playback::answer`].
    pub fn serve(&mut self, request: &Request, shown: &Request) -> Result<&Interaction, Unmatched> {
        let request = &*address::anywhere(request);
        let key = Key::of(request);
        let range = self.range();
        let next = self
            .same(&key)
            .filter_map(|lane| Some((*self.lanes[lane].calls.get(self.lanes[lane].next)?, lane)))
            .filter(|(call, _)| range.contains(call))
            .min();
        match next {
            Some((call, lane)) => {
                self.lanes[lane].next += 1;
                self.served.insert(call);
                self.came.insert(call);
                Ok(&self.recording.interactions[call])
            }
            None => Err(self.unmatched(&key, &address::anywhere(shown))),
        }
    }

    /// What a request says where the recorded calls that it may be have masks.
    pub fn revealed(&self, request: &Request) -> Vec<String> {
        let has_masks = !self.masked_routes.is_empty() || self.routes.values().any(|route| !route.masked.is_empty());
        if !has_masks {
            return Vec::new();
        }
        let key = Key::of(&address::anywhere(request));
        self.same(&key).flat_map(|lane| self.lanes[lane].key.revealed(&key)).collect()
    }

    /// The lanes that a request belongs to: one that says the same, and any whose masks let it in.
    fn same(&self, key: &Key) -> impl Iterator<Item = usize> {
        let route = self.routes.get(key.route());
        let plain = route.and_then(|route| route.plain.get(key.text()));
        let masked =
            self.masked_routes.iter().filter(|masked| admits(masked, key.route()) && ***masked != *key.route());
        let masked = masked.filter_map(|masked| self.routes.get(masked));
        let within = masked.flat_map(|route| route.plain.values().chain(route.masked.values()));
        let within = route.into_iter().flat_map(|route| route.masked.values()).chain(within);
        plain.into_iter().chain(within.filter(move |lane| self.lanes[**lane].key.admits(key))).copied()
    }

    /// The calls that can be served now.
    fn range(&self) -> Range<usize> {
        self.playing.map_or(0..self.total(), |at| self.scopes[at].calls.clone())
    }

    /// The recorded calls that have not come, in recorded order: those of the scope that is played, and at
    /// the end of the run those of scopes that were never played.
    pub fn leftovers(&self, is_run: bool) -> impl Iterator<Item = &Interaction> {
        let current = self.playing.unwrap_or_default();
        let wanted = self.scopes.iter().enumerate().filter(move |(at, scope)| match self.playing {
            None => is_run || *at == current,
            Some(playing) => *at == playing || (is_run && !scope.is_visited),
        });
        let calls = wanted.flat_map(|(_, scope)| scope.calls.clone());
        calls.filter(|call| !self.served.contains(call)).map(|call| &self.recording.interactions[call])
    }

    /// How many recorded calls have come.
    pub fn served(&self) -> usize {
        self.came.len()
    }

    /// How many calls the recording has.
    pub fn total(&self) -> usize {
        self.recording.interactions.len()
    }

    /// Goes to the recorded scope of that name, or else to the next one; from the last to the first.
    pub fn begin_scope(&mut self, name: Option<&str>) {
        let current = self.playing.unwrap_or_default();
        self.scopes[current].is_visited = true;
        let count = self.scopes.len();
        let ahead = (current + 1..=current + count).map(|at| at % count);
        let named = name.and_then(|name| ahead.clone().find(|at| self.scopes[*at].name.as_deref() == Some(name)));
        let next = named.unwrap_or((current + 1) % count);
        self.scopes[next].is_visited = true;
        self.playing = Some(next);
        self.states_taken = 0;
        let range = self.range();
        self.served.retain(|call| !range.contains(call));
        self.lanes.iter_mut().for_each(|lane| lane.next = lane.calls.partition_point(|call| *call < range.start));
    }

    /// The state that was put or added next in the recording, and whether it was put; then it counts as done.
    pub fn take_state(&mut self) -> Option<(bool, Arc<Value>)> {
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
    for event in &recording.events {
        let last = scopes.last_mut().expect("there is a first scope");
        match &event.change {
            Change::Reset { scope, state, .. } => {
                last.calls.end = end_of(event.seq);
                let calls = last.calls.end..last.calls.end;
                scopes.push(Recorded { name: scope.clone(), calls, state: state.clone(), ..Recorded::default() });
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

/// A recorded response with the framing that its body has now.
fn playable(recorded: &Response, method: &Method) -> Response {
    let mut response = recorded.clone();
    // The answer to a HEAD has no body and tells the length of the one it would have had.
    let is_bodiless = *method == Method::Head || matches!(recorded.status(), 100..=199 | 204 | 304);
    let length = recorded.body().len().to_string();
    let is_wrong = |(name, value): (&str, &str)| {
        name == "transfer-encoding" || (name == "content-length" && !is_bodiless && value != length)
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

#[cfg(test)]
mod tests;
