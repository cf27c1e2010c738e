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
//! [`REDACTED`]: super::redact::REDACTED

mod key;
mod nearest;

use std::collections::{BTreeMap, BTreeSet};

use super::address;
use super::interaction::Interaction;
use super::recording::Recording;
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
    served: BTreeSet<usize>,
}

/// Calls that are the same, in recorded order.
#[derive(Clone, Debug)]
struct Lane {
    key: Key,
    calls: Vec<usize>,
    /// How many of them have been served.
    served: usize,
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
    /// The state at the start of the recording; null if nobody knows it.
    pub fn state(&self) -> &serde_json::Value {
        &self.recording.header.state
    }

    /// A playback that stands at the beginning.
    pub fn new(recording: Recording) -> Playback {
        let mut playback = Playback { recording, lanes: Vec::new(), routes: BTreeMap::new(), served: BTreeSet::new() };
        for (call, interaction) in playback.recording.interactions.iter().enumerate() {
            let key = Key::of(&address::anywhere(&interaction.request));
            let route = playback.routes.entry(key.route().into()).or_default();
            let by_text = if key.is_masked() { &mut route.masked } else { &mut route.plain };
            let lane = *by_text.entry(key.text().into()).or_insert_with(|| {
                route.lanes.push(playback.lanes.len());
                playback.lanes.push(Lane { key, calls: Vec::new(), served: 0 });
                playback.lanes.len() - 1
            });
            playback.lanes[lane].calls.push(call);
        }
        playback
    }

    /// The answer to a request, as it was recorded.
    ///
    /// Only a `content-length` that a masked body has made wrong is put right, and a
    /// `transfer-encoding` that no longer applies to a whole body left out. Where the recorded address of
    /// the mock stands, the answer has the one by which the mock is called now.
    ///
    /// # Errors
    /// [`Unmatched`] when the recording has no such call, or no further one.
    pub fn answer(&mut self, request: &Request) -> Result<Response, Unmatched> {
        let interaction = self.serve(request)?;
        let mut response = playable(&interaction.response, request.method());
        address::readdress(&mut response, &interaction.request, request);
        Ok(response)
    }

    /// The recorded call that a request is, which then counts as served.
    ///
    /// # Errors
    /// As for [`Playback::answer`].
    pub fn serve(&mut self, request: &Request) -> Result<&Interaction, Unmatched> {
        let request = &*address::anywhere(request);
        let key = Key::of(request);
        let next = self
            .same(&key)
            .filter_map(|lane| Some((*self.lanes[lane].calls.get(self.lanes[lane].served)?, lane)))
            .min();
        match next {
            Some((call, lane)) => {
                self.lanes[lane].served += 1;
                self.served.insert(call);
                Ok(&self.recording.interactions[call])
            }
            None => Err(self.unmatched(request, &key)),
        }
    }

    /// The lanes that a request belongs to: one that says the same, and any whose masks let it in.
    fn same(&self, key: &Key) -> impl Iterator<Item = usize> {
        let route = self.routes.get(key.route());
        let plain = route.and_then(|route| route.plain.get(key.text()));
        let masked = route.into_iter().flat_map(|route| route.masked.values());
        plain.into_iter().chain(masked.filter(move |lane| self.lanes[**lane].key.admits(key))).copied()
    }

    /// The recorded calls that have not come yet, in recorded order.
    pub fn leftovers(&self) -> impl Iterator<Item = &Interaction> {
        let calls = self.recording.interactions.iter().enumerate();
        calls.filter(|(call, _)| !self.served.contains(call)).map(|(_, interaction)| interaction)
    }

    #[cfg(test)]
    /// How many recorded calls have come.
    pub fn served(&self) -> usize {
        self.served.len()
    }

    /// How many calls the recording has.
    pub fn total(&self) -> usize {
        self.recording.interactions.len()
    }

    /// Goes back to the beginning.
    pub fn reset(&mut self) {
        self.served.clear();
        self.lanes.iter_mut().for_each(|lane| lane.served = 0);
    }
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
