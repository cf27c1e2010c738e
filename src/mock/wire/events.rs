//! [`EventStream`]: what comes, told as it comes to whoever watches, as server-sent events.
//!
//! Nobody waits for a listener: it is woken when something has come, and reads the journal by itself, a page at a time and
//! not more often than its rest allows. While nobody listens a call costs one look at a number.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::Value;
use tokio::time::{Sleep, sleep};

use super::coming::ListenerPlace;
use super::server::{ServerShared, Tasks};
use crate::limits::{EVENTS_AT_ONCE_MAX, EVENTS_BEAT_S, EVENTS_REST_MS, JOURNAL_PAGE_BYTES_MAX};
use crate::record::{JournalItem, RunSpan, recording};

/// The body of an answer that goes on until one side ends it.
pub(crate) struct EventStream {
    shared: Arc<ServerShared>,
    tasks: Arc<Tasks>,
    listening: ListenerPlace,
    /// The number of the last line that was told.
    after: u64,
    /// What was told of the gates last.
    gates: u64,
    /// Until when nothing is told, because something was just now.
    rest: Option<Pin<Box<Sleep>>>,
    /// When a listener is told that there is nothing, so that one that has gone away is found out.
    beat: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

impl EventStream {
    /// What comes after number `after`; none if too many listen already.
    pub(crate) fn new(shared: &Arc<ServerShared>, tasks: &Arc<Tasks>, after: Option<u64>) -> Option<EventStream> {
        let listening = shared.listen()?;
        let (latest, gates) = {
            let engine = shared.engine();
            (engine.latest_seq(), engine.gate_changes())
        };
        let (shared, tasks, after) = (shared.clone(), tasks.clone(), after.unwrap_or(latest));
        Some(EventStream { shared, tasks, listening, after, gates, rest: None, beat: None })
    }

    /// The lines since the last time, as a text.
    fn news(&mut self) -> Option<String> {
        let (page, gates) = {
            let engine = self.shared.engine();
            let page = engine.page(RunSpan::Run, self.after, None, EVENTS_AT_ONCE_MAX, JOURNAL_PAGE_BYTES_MAX);
            (page, (engine.gate_changes() != self.gates).then(|| (engine.gate_changes(), engine.told_gates())))
        };
        self.after = page.next.max(self.after);
        let mut text = String::new();
        if let Some((changes, told)) = gates {
            self.gates = changes;
            text.push_str(&format!("event: gates\ndata: {}\n\n", Value::Array(told)));
        }
        for kept in &page.kept {
            let (seq, name) = match kept {
                JournalItem::Call(seq, ..) => (*seq, "call"),
                JournalItem::Event(event) => (event.seq, "change"),
            };
            text.push_str(&format!("id: {seq}\nevent: {name}\ndata: "));
            // A line is JSON without a line end within.
            recording::push_kept(&mut text, kept, false);
            text.push('\n');
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Whether a timer has run out; it is wound up if it does not run.
fn is_over(timer: &mut Option<Pin<Box<Sleep>>>, length: Duration, context: &mut Context<'_>) -> bool {
    let running = timer.get_or_insert_with(|| Box::pin(sleep(length)));
    let is_over = running.as_mut().poll(context).is_ready();
    if is_over {
        *timer = None;
    }
    is_over
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if !this.tasks.are_running() {
            return Poll::Ready(None);
        }
        if this.rest.is_some() && !is_over(&mut this.rest, Duration::ZERO, context) {
            return Poll::Pending;
        }
        // From here on nothing is missed.
        this.listening.wake(context.waker());
        let told = this.news();
        let beats = told.is_none() && is_over(&mut this.beat, Duration::from_secs(EVENTS_BEAT_S), context);
        let Some(text) = told.or_else(|| beats.then(|| ":\n\n".to_owned())) else { return Poll::Pending };
        this.rest = Some(Box::pin(sleep(Duration::from_millis(EVENTS_REST_MS))));
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}
