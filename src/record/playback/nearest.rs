//! Which recorded call a lost request is most like, and in what it differs.
//!
//! Only here may a playback look at many calls, and only at so many: it happens when a test fails.

use crate::limits::{PLAYBACK_COMPARED_MAX, PLAYBACK_DIFFERENCES_NAMED_MAX, PLAYBACK_PATH_CHARS_MAX};
use std::cmp::Reverse;
use std::ops::Bound::{Excluded, Unbounded};

use serde_json::Value;

use super::key::{ComparedBody, RequestKey, admits};
use super::policy::PlayOrder;
use super::volatile::{Surroundings, Volatile};
use super::{Playback, PlaybackMiss};
use crate::http::{Method, Request};
use crate::near_miss::{Difference, NearMiss, short};
use crate::record::interaction::Interaction;
use crate::record::redact;
use crate::suggest::similarity;

impl Playback {
    pub(super) fn unmatched(&self, key: &RequestKey, shown: &Request) -> PlaybackMiss {
        let mut same: Vec<usize> = self.same(key).flat_map(|lane| self.lanes[lane].calls.iter().copied()).collect();
        same.sort_unstable();
        if !same.is_empty() {
            return self.used_up(&same);
        }
        if self.total() == 0 {
            return PlaybackMiss { reason: "the recording has no calls at all".to_owned(), nearest: None };
        }
        let shown = RequestKey::of(shown, &self.volatile, &self.renamed);
        match self.routes.get(key.route()) {
            Some(route) => self.like_in_route(&route.lanes, &shown),
            None => self.like_in_path(shown.route()),
        }
    }

    /// Of a call that was recorded and before which another one comes.
    pub(super) fn out_of_order(&self, lanes: &[usize], expected: usize) -> PlaybackMiss {
        let ahead = lanes.iter().flat_map(|lane| &self.lanes[*lane].calls).filter(|call| !self.served.contains(call));
        let seq = ahead.min().map_or(0, |call| self.recording.interactions[*call].seq);
        let Interaction { seq: next, request, .. } = &self.recording.interactions[expected];
        let of = match self.policy.order {
            PlayOrder::Strict => "",
            _ => " of the same job or connector",
        };
        let reason = format!(
            "it is recorded call {seq}, and call {next}{of}, {} {}, comes before it and has not come",
            request.method(),
            short(request.target())
        );
        PlaybackMiss { reason, nearest: Some(self.nearest(expected, Vec::new())) }
    }

    /// The recorded call of the same method and path that differs least, one that is still to come if it can be.
    pub(super) fn nearest_in_route(&self, sent: &RequestKey) -> Option<(usize, usize)> {
        let range = self.range();
        let ranked = self.routes.get(sent.route())?.lanes.iter().take(PLAYBACK_COMPARED_MAX).filter_map(|at| {
            let lane = &self.lanes[*at];
            let mut differs = Differences(NearMiss::default(), sent.is_bulk());
            differs.query(lane.key.query(), sent.query(), Some(&self.volatile));
            differs.body(lane.key.body(), sent.body(), Some(&self.volatile));
            let within = || lane.calls.iter().filter(|call| range.contains(call));
            let new = within().find(|call| !self.served.contains(call));
            let call = new.or_else(|| within().next_back())?;
            Some((differs.0.differs.len(), new.is_none(), *call, *at))
        });
        ranked.min().map(|(_, _, call, lane)| (lane, call))
    }

    /// Of a call that was recorded and whose answers have all been given.
    fn used_up(&self, calls: &[usize]) -> PlaybackMiss {
        let seqs = calls.iter().map(|call| self.recording.interactions[*call].seq);
        let shown: Vec<String> = seqs.take(5).map(|seq| seq.to_string()).collect();
        let more = if calls.len() > shown.len() { ", …" } else { "" };
        let reason = match calls.len() {
            1 => format!("it was recorded once (call {}), and that answer has been given", shown[0]),
            count => format!(
                "it was recorded {count} times (calls {}{more}), and all these answers have been given",
                shown.join(", ")
            ),
        };
        let last = calls[calls.len() - 1];
        PlaybackMiss { reason, nearest: Some(self.nearest(last, Vec::new())) }
    }

    /// Method and path were recorded with another query or body.
    fn like_in_route(&self, lanes: &[usize], sent: &RequestKey) -> PlaybackMiss {
        let mut best: Option<((bool, usize, usize), Vec<Difference>)> = None;
        let range = self.range();
        for lane in lanes.iter().take(PLAYBACK_COMPARED_MAX).map(|lane| &self.lanes[*lane]) {
            let mut differs = Differences(NearMiss::default(), sent.is_bulk());
            differs.query(lane.key.query(), sent.query(), Some(&self.volatile));
            differs.body(lane.key.body(), sent.body(), Some(&self.volatile));
            differs.headers(&lane.key, sent);
            let is_used_up = lane.calls.get(lane.next).is_none_or(|call| !range.contains(call));
            let call = lane.calls[lane.next.min(lane.calls.len() - 1)];
            // The fewest differences; among equals one that is still to come, then the earliest.
            let rank = (is_used_up, differs.0.differs.len(), call);
            let is_better =
                |(known, _): &((bool, usize, usize), _)| (rank.1, rank.0, rank.2) < (known.1, known.0, known.2);
            if best.as_ref().is_none_or(is_better) {
                best = Some((rank, differs.0.differs));
            }
        }
        let Some(((_, _, call), differs)) = best else {
            return PlaybackMiss { reason: "no recorded call is like it".to_owned(), nearest: None };
        };
        let seq = self.recording.interactions[call].seq;
        let named: Vec<String> = differs
            .iter()
            .take(PLAYBACK_DIFFERENCES_NAMED_MAX)
            .map(|differs| format!("{}: recorded {}, sent {}", differs.shown_place(), differs.expected, differs.seen))
            .collect();
        let more = if differs.len() > PLAYBACK_DIFFERENCES_NAMED_MAX { "; and in more" } else { "" };
        let reason = match named.len() {
            0 => format!("the nearest, call {seq}, differs in the line end after the last line of its body"),
            _ => format!("the nearest, call {seq}, differs in {}{more}", named.join("; ")),
        };
        PlaybackMiss { reason, nearest: Some(self.nearest(call, differs)) }
    }

    /// The path was recorded with another method, or a path like it was.
    fn like_in_path(&self, sent: &str) -> PlaybackMiss {
        let (method, path) = sent.split_once(' ').unwrap_or((sent, ""));
        // Routes are in the order of the alphabet: what is much like this one is not far from it.
        let before = self.routes.range::<str, _>((Unbounded, Excluded(sent))).rev().take(PLAYBACK_COMPARED_MAX / 2);
        let after = self.routes.range::<str, _>((Excluded(sent), Unbounded)).take(PLAYBACK_COMPARED_MAX / 2);
        let other_methods =
            Method::ALL.into_iter().filter_map(|method| self.routes.get_key_value(&*format!("{method} {path}")));
        let ranked = other_methods.chain(before).chain(after).filter_map(|(route, lanes)| {
            let likeness = likeness((method, path), route.split_once(' ')?)?;
            Some((likeness, Reverse(*lanes.lanes.first()?), route))
        });
        let best = ranked.max_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let Some((_, Reverse(lane), route)) = best else {
            return PlaybackMiss { reason: "no recorded call is like it".to_owned(), nearest: None };
        };
        let lane = &self.lanes[lane];
        let call = lane.calls[lane.next.min(lane.calls.len() - 1)];
        let interaction = &self.recording.interactions[call];
        let (known_method, known_path) = route.split_once(' ').unwrap_or((route, ""));
        let mut differs = Vec::new();
        for (place, recorded, sent) in [("method", known_method, method), ("path", known_path, path)] {
            if recorded != sent {
                differs.push(Difference {
                    place: place.to_owned(),
                    pointer: String::new(),
                    expected: short(recorded),
                    seen: short(sent),
                });
            }
        }
        let reason = if known_path == path {
            format!("this path was recorded with {known_method} only (call {})", interaction.seq)
        } else {
            let operation = interaction.operation.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            format!(
                "no recorded call has this path; the nearest is call {}, {}{operation}",
                interaction.seq,
                short(route)
            )
        };
        PlaybackMiss { reason, nearest: Some(self.nearest(call, differs)) }
    }

    fn nearest(&self, call: usize, differs: Vec<Difference>) -> Box<NearMiss> {
        let Interaction { seq, operation, request, .. } = &self.recording.interactions[call];
        Box::new(NearMiss {
            nearest: format!("recorded call {seq}, {} {}", request.method(), short(request.target())),
            operation: operation.clone(),
            recorded_seq: Some(*seq),
            did_you_mean: differs
                .iter()
                .any(|differs| ["method", "path"].contains(&&*differs.place))
                .then(|| format!("{} {}", request.method(), short(request.target()))),
            differs,
        })
    }
}

/// Where two requests of one method and path differ, the first one as expected; but for what `volatile` passes over.
#[cfg(any(feature = "cli", test))]
pub(crate) fn request_differences(one: &Request, other: &Request, volatile: &Volatile) -> Vec<Difference> {
    let key = |request: &Request| RequestKey::anywhere(request, volatile, &Default::default());
    let (one, other) = (key(one), key(other));
    if one.text() == other.text() || one.admits(&other) {
        return Vec::new();
    }
    let mut differs = Differences(NearMiss::default(), one.is_bulk());
    differs.query(one.query(), other.query(), Some(volatile));
    differs.body(one.body(), other.body(), Some(volatile));
    differs.0.differs
}

/// How much a route is like another; none if too little to speak of. From 2 on it is the same path,
/// from 1 on the same operation with other ids.
fn likeness((method, path): (&str, &str), (known_method, known_path): (&str, &str)) -> Option<f32> {
    if path == known_path {
        return Some(2.0);
    }
    let segments = || path.split('/').zip(known_path.split('/'));
    let is_id = |segment: &str| !segment.is_empty() && !segment.starts_with('_');
    let is_same_form = path.split('/').count() == known_path.split('/').count()
        && segments().any(|(one, other)| one == other && !one.is_empty())
        && segments().all(|(one, other)| one == other || (is_id(one) && is_id(other)));
    let cut = |path: &str| path.chars().take(PLAYBACK_PATH_CHARS_MAX).collect::<String>();
    let similarity = similarity(&cut(path), &cut(known_path));
    let same_method = if method == known_method { 0.05 } else { 0.0 };
    match is_same_form && method == known_method {
        true => Some(1.0 + similarity / 2.0),
        false => (similarity > 0.5).then_some((similarity + same_method).min(0.99)),
    }
}

/// Differences, as they are found, and whether they are of a bulk.
#[derive(Default)]
pub(super) struct Differences(pub(super) NearMiss, bool);

impl Differences {
    fn add(&mut self, place: &str, pointer: &str, recorded: Option<String>, sent: Option<String>) {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
        self.0.add(Difference {
            place: place.to_owned(),
            pointer: pointer.to_owned(),
            expected: shown(recorded),
            seen: shown(sent),
        });
    }

    /// Recorded headers that count and were not sent like that.
    pub(super) fn headers(&mut self, recorded: &RequestKey, sent: &RequestKey) {
        for (name, value, sent) in recorded.other_headers(sent) {
            let quoted = |value: &str| Value::from(value).to_string();
            self.add(&format!("header {name}"), "", Some(quoted(value)), sent.map(quoted));
        }
    }

    /// Parameters that are not the same; what `volatile` passes over is the same.
    pub(super) fn query(
        &mut self,
        recorded: &[(String, String)],
        sent: &[(String, String)],
        volatile: Option<&Volatile>,
    ) {
        let quoted = |values: Vec<&str>| (!values.is_empty()).then(|| Value::from(values.join(", ")).to_string());
        let mut names: Vec<&str> = recorded.iter().chain(sent).map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let of = |query: &'_ [(String, String)]| -> Vec<String> {
                query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
            };
            let (recorded, sent) = (of(recorded), of(sent));
            let is_same = recorded.len() == sent.len()
                && recorded.iter().zip(&sent).all(|(recorded, sent)| {
                    let loose =
                        |volatile: &Volatile| volatile.parameter(name, recorded) == volatile.parameter(name, sent);
                    redact::admits(recorded, sent) || volatile.is_some_and(loose)
                });
            if !is_same {
                let quoted = |values: &[String]| quoted(values.iter().map(|value| &**value).collect());
                self.add(&format!("query {name}"), "", quoted(&recorded), quoted(&sent));
            }
        }
    }

    /// Places of a body that are not the same; what `volatile` passes over is the same.
    pub(super) fn body(&mut self, recorded: &ComparedBody, sent: &ComparedBody, volatile: Option<&Volatile>) {
        match (recorded, sent) {
            (ComparedBody::Json(one), ComparedBody::Json(other)) if one.len() == 1 && other.len() == 1 => {
                self.value(&mut Vec::new(), &one[0], &other[0], volatile);
            }
            (ComparedBody::Json(one), ComparedBody::Json(other)) => {
                for at in 0..one.len().max(other.len()) {
                    self.member(&mut vec![at.to_string()], one.get(at), other.get(at), volatile);
                }
            }
            _ if recorded.admits(sent) => {}
            _ => self.add("body", "", shown_body(recorded), shown_body(sent)),
        }
    }

    fn value(&mut self, place: &mut Vec<String>, recorded: &Value, sent: &Value, volatile: Option<&Volatile>) {
        if self.0.is_full() || admits(recorded, sent) {
            return;
        }
        match (recorded, sent) {
            (Value::Object(recorded), Value::Object(sent)) => {
                let added = sent.keys().filter(|name| !recorded.contains_key(*name));
                for name in recorded.keys().chain(added) {
                    place.push(name.clone());
                    self.member(place, recorded.get(name), sent.get(name), volatile);
                    place.pop();
                }
            }
            (Value::Array(recorded), Value::Array(sent)) => {
                for at in 0..recorded.len().max(sent.len()) {
                    place.push(at.to_string());
                    self.member(place, recorded.get(at), sent.get(at), volatile);
                    place.pop();
                }
            }
            _ => self.member(place, Some(recorded), Some(sent), volatile),
        }
    }

    fn member(
        &mut self,
        place: &mut Vec<String>,
        recorded: Option<&Value>,
        sent: Option<&Value>,
        volatile: Option<&Volatile>,
    ) {
        let is_passed_over = volatile.is_some_and(|volatile| match (recorded, sent) {
            (Some(recorded), Some(sent)) => volatile.alike(place, recorded, sent, Surroundings { is_content: self.1 }),
            _ => volatile.ignores(place),
        });
        match (recorded, sent) {
            _ if is_passed_over => {}
            (Some(recorded @ (Value::Object(_) | Value::Array(_))), Some(sent))
                if std::mem::discriminant(recorded) == std::mem::discriminant(sent) =>
            {
                self.value(place, recorded, sent, volatile);
            }
            (Some(recorded), Some(sent)) if admits(recorded, sent) => {}
            _ => {
                let pointer: String =
                    place.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
                self.add("body", &pointer, recorded.map(Value::to_string), sent.map(Value::to_string));
            }
        }
    }
}

fn shown_body(body: &ComparedBody) -> Option<String> {
    match body {
        ComparedBody::Bytes(bytes) if bytes.is_empty() => None,
        ComparedBody::Bytes(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text).to_string(),
            Err(_) => format!("{} bytes", bytes.len()),
        }),
        ComparedBody::Json(values) => Some(values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")),
    }
}
