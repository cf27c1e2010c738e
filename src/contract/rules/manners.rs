//! Rules about calls that are repeated after they failed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{RuleFinding, hms};
use crate::clock::Timestamp;
use crate::contract::heard::ObservedCall;
use crate::contract::story::CallRef;
use crate::http::Method;
use crate::limits::JUDGE_FAILURES_MAX;

/// The shortest pause after a refusal that says "later".
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// How often the transport of Elastic's own clients repeats a call at once.
const BURST_ALLOWED: u32 = 3;

/// Repetitions within [`STORM_SPAN`] that are no storm yet.
const STORM_ALLOWED: usize = 20;

/// The span in which repetitions are counted.
const STORM_SPAN: Duration = Duration::from_secs(10);

/// Calls that failed and may be repeated.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailedCalls {
    calls: BTreeMap<u64, FailedCall>,
    /// The keys of the calls, the longest known first.
    order: VecDeque<u64>,
}

/// A call that failed.
#[derive(Clone, Debug)]
struct FailedCall {
    last: CallRef,
    status: u16,
    retry_after_s: Option<u64>,
    /// How often it was repeated without a pause.
    burst: u32,
    /// When it failed, the latest times.
    times: VecDeque<Timestamp>,
    storm_told: bool,
}

impl FailedCalls {
    /// What is wrong with repeating the call now.
    pub(crate) fn no_backoff(&self, heard: &ObservedCall<'_>) -> Option<RuleFinding> {
        let failure = self.calls.get(&self.key(heard)?)?;
        if !matches!(failure.status, 429 | 503) {
            return None;
        }
        let pause = heard.at.since(failure.last.at);
        let (wanted, asked) = match failure.retry_after_s {
            Some(seconds) => (Duration::from_secs(seconds), format!("{seconds} s, as `Retry-After` says")),
            None => (BACKOFF_MIN, "100 ms".to_owned()),
        };
        if pause >= wanted {
            return None;
        }
        // A frozen clock cannot tell a pause. The transport of Elastic's clients repeats a call up to
        // three times at once. And who reads may be one of several that read alike.
        let is_reading = matches!(heard.request.method(), Method::Get | Method::Head)
            || heard.operation.is_some_and(|operation| matches!(operation, "search" | "count"));
        let is_burst = failure.retry_after_s.is_none() && failure.burst < BURST_ALLOWED;
        let (method, path) = (heard.request.method(), heard.request.path());
        Some(
            RuleFinding::new(format!(
                "{method} {path} was repeated {} ms after it was answered {} at {}",
                pause.as_millis(),
                failure.status,
                hms(failure.last.at)
            ))
            .with("expected", format!("a pause of {asked}"))
            .with("seen", format!("{} ms", pause.as_millis()))
            .after(Some(failure.last))
            .soft_if(pause.is_zero() || is_burst || is_reading),
        )
    }

    /// What is wrong with failing once more.
    pub(crate) fn retry_storm(&self, heard: &ObservedCall<'_>) -> Option<RuleFinding> {
        let failure = self.calls.get(&self.key(heard)?).filter(|failure| !failure.storm_told)?;
        let from = heard.at.minus(STORM_SPAN);
        let count = failure.times.iter().filter(|at| **at >= from).count();
        (count > STORM_ALLOWED && heard.has_failed()).then(|| {
            let (method, path) = (heard.request.method(), heard.request.path());
            RuleFinding::new(format!("{method} {path} failed and was repeated {count} times in 10 s"))
                .with("expected", format!("at most {STORM_ALLOWED} repetitions in 10 s"))
                .with("seen", count)
                .after(Some(failure.last))
        })
    }

    /// Takes in how the call went. `status` is what the client saw.
    pub(crate) fn take(&mut self, heard: &ObservedCall<'_>, status: u16) {
        if status < 400 && !heard.is_lost() {
            if let Some(key) = self.key(heard)
                && self.calls.remove(&key).is_some()
            {
                self.order.retain(|known| *known != key);
            }
            return;
        }
        let key = key(heard);
        let mark = CallRef { seq: heard.seq, at: heard.at };
        let from = heard.at.minus(STORM_SPAN);
        if !self.calls.contains_key(&key) {
            if self.order.len() == JUDGE_FAILURES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.calls.remove(&oldest);
            }
            self.order.push_back(key);
        }
        let failure = self.calls.entry(key).or_insert_with(|| FailedCall {
            last: CallRef { seq: 0, at: Timestamp::MIN },
            status,
            retry_after_s: None,
            burst: 0,
            times: VecDeque::new(),
            storm_told: false,
        });
        let at_once = failure.last.seq != 0 && heard.at.since(failure.last.at) < BACKOFF_MIN;
        failure.burst = if at_once { failure.burst + 1 } else { 0 };
        failure.last = mark;
        failure.status = status;
        failure.retry_after_s = heard.retry_after_s;
        while failure.times.len() > STORM_ALLOWED || failure.times.front().is_some_and(|at| *at < from) {
            failure.times.pop_front();
            failure.storm_told &= !failure.times.is_empty();
        }
        failure.times.push_back(heard.at);
    }

    /// Notes that a storm has been told.
    pub(crate) fn storm_told(&mut self, heard: &ObservedCall<'_>) {
        if let Some(failure) = self.calls.get_mut(&key(heard)) {
            failure.storm_told = true;
        }
    }

    /// The key of a call, if any call is watched at all.
    fn key(&self, heard: &ObservedCall<'_>) -> Option<u64> {
        (!self.calls.is_empty()).then(|| key(heard))
    }
}

/// What two calls must have in common to be the same: method, target and body. FNV-1a.
fn key(heard: &ObservedCall<'_>) -> u64 {
    let parts = [heard.request.method().as_str().as_bytes(), heard.request.target().as_bytes(), heard.request.body()];
    parts
        .iter()
        .flat_map(|part| part.iter().chain(&[0]))
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}
