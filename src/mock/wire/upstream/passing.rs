//! [`WireBody`]: what a connection writes: a body that is there, or one that is passed on from an upstream as it comes.
//!
//! A forwarded call is remembered before the client has the last byte of its answer: whoever has read an answer and calls
//! again is heard after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use tokio::time::{Instant, Sleep};

use super::client::Lease;
use super::kept::Kept;
use super::{PendingForward, lines_of};
use crate::fault::{Fault, FaultKind, LeftOut, StubMark};
use crate::http::{Headers, Response};
use crate::limits::{FORWARDED_BYTES_KEPT_MAX, HEAD_BYTES_MAX};
use crate::mock::wire::body;
use crate::mock::wire::events::EventStream;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum WireBody {
    /// It is there.
    Whole(Bytes),
    /// It comes from an upstream.
    Passing(Box<Passing>),
    /// It is told what comes, for as long as it is listened to.
    Events(Box<EventStream>),
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            // In pieces, for hyper copies each of them behind what it has not sent yet.
            WireBody::Whole(rest) => {
                let piece = rest.split_to(rest.len().min(HEAD_BYTES_MAX));
                Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
            }
            WireBody::Passing(passing) => passing.poll(context),
            WireBody::Events(events) => Pin::new(events)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            WireBody::Whole(rest) => rest.is_empty(),
            WireBody::Passing(passing) => passing.pending.is_none() && passing.incoming.is_end_stream(),
            WireBody::Events(events) => events.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            WireBody::Whole(rest) => SizeHint::with_exact(rest.len() as u64),
            WireBody::Passing(passing) => passing.incoming.size_hint(),
            WireBody::Events(events) => events.size_hint(),
        }
    }
}

/// An answer on its way from an upstream to a client.
#[derive(Debug)]
pub(crate) struct Passing {
    incoming: Incoming,
    head: AnswerHead,
    kept: Kept,
    /// The call, until it is remembered.
    pending: Option<PendingForward>,
    lease: Option<Lease>,
    silence_max: Duration,
    /// Runs while nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Passing {
    /// Passes an answer on. One that has no body is remembered at once.
    pub(crate) fn new(
        incoming: Incoming,
        head: AnswerHead,
        pending: PendingForward,
        lease: Lease,
        silence_max: Duration,
    ) -> Passing {
        let kept = Kept::new(FORWARDED_BYTES_KEPT_MAX);
        let (pending, lease) = (Some(pending), Some(lease));
        let mut passing = Passing { incoming, head, kept, pending, lease, silence_max, silence: None };
        if passing.incoming.is_end_stream() {
            passing.end(None);
        }
        passing
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        match polled {
            Poll::Pending => {
                let silence_max = self.silence_max;
                let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence_max)));
                if silence.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let what = format!("the upstream's answer has not gone on for {silence_max:?}");
                self.end(Some(FaultKind::Cut));
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, what))))
            }
            Poll::Ready(None) => {
                self.end(None);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(silence) = &mut self.silence {
                    silence.as_mut().reset(Instant::now() + self.silence_max);
                }
                if let Some(data) = frame.data_ref() {
                    self.kept.push(data);
                }
                // After trailers nothing comes.
                if frame.is_trailers() || self.incoming.is_end_stream() {
                    self.end(None);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.end(Some(FaultKind::Cut));
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
        }
    }

    /// Remembers the call; with a fault if the answer ended too early.
    fn end(&mut self, fault: Option<FaultKind>) {
        let Some(pending) = self.pending.take() else { return };
        let lease = self.lease.take();
        if fault.is_none() {
            lease.into_iter().for_each(Lease::give_back);
        }
        let passed = self.kept.passed();
        let fault = fault.map(|kind| Fault { after_bytes: Some(passed), ..Fault::new(kind) });
        let (body, left_out) = match self.kept.take() {
            Ok(body) => (body, 0),
            Err(bytes) => (Bytes::new(), bytes),
        };
        let mut response = std::mem::take(&mut self.head).told(body, fault.is_some());
        let left_out = LeftOut { request: 0, response: left_out };
        response.mark = Some(Box::new(StubMark { fault, upstream: true, left_out, ..StubMark::default() }));
        pending.conclude(response);
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // The client has gone before the end.
        self.end(Some(FaultKind::Cut));
    }
}

/// The head of an upstream's answer, as far as it is remembered.
#[derive(Debug, Default)]
pub(crate) struct AnswerHead {
    status: u16,
    /// The header lines, but for the length of a body that comes.
    headers: Headers,
    length: Option<usize>,
    /// Whether no body comes, whatever length is told.
    is_bodiless: bool,
}

impl AnswerHead {
    /// The head with that status and these header lines.
    pub(crate) fn new(status: u16, headers: &HeaderMap, is_of_head: bool) -> AnswerHead {
        let is_bodiless = is_of_head || matches!(status, 204 | 304);
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let lines = lines_of(headers).filter(|(name, _)| is_bodiless || *name != "content-length");
        AnswerHead { status, headers: Headers::from_wire(headers.len() + 1, lines), length, is_bodiless }
    }

    /// The answer as it is remembered: unpacked, and with the length of the body that is kept.
    pub(crate) fn told(self, body: Bytes, is_cut: bool) -> Response {
        let AnswerHead { status, mut headers, length, is_bodiless } = self;
        let is_packed = |headers: &Headers| {
            headers.get("content-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"))
        };
        let unpacked = match is_packed(&headers) && !is_cut && !body.is_empty() {
            true => body::unpacked(&body, FORWARDED_BYTES_KEPT_MAX).ok(),
            false => None,
        };
        if unpacked.is_some() {
            let mut plain = Headers::new();
            let lines = headers.iter().filter(|(name, _)| *name != "content-encoding");
            lines.for_each(|(name, value)| plain.push_plain(name, value));
            headers = plain;
        }
        let body = unpacked.unwrap_or(body);
        if !is_bodiless {
            // A body that was cut was longer, and is cut again when it is played.
            let length = if is_cut { length.unwrap_or(body.len() + 1) } else { body.len() };
            headers.push_number("content-length", length);
        }
        let mut response = Response::new(status);
        response.headers = headers;
        response.body = body;
        response
    }
}
