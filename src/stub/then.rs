//! [`StubAction`]: what a stub does with a call.

use std::time::Duration;

use serde_json::Value;

use super::CountSpan;
use super::template::AnswerTemplate;
use crate::fault::FaultKind;

/// What is done with one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct StubAction {
    /// What is said.
    pub own: StubResponse,
    /// The status, if it is said.
    pub status: Option<u16>,
    /// Header lines that take the place of those of the same name, or are added.
    pub headers: Vec<(String, String)>,
    /// How late it comes: from, to.
    pub delay: Option<(Duration, Duration)>,
    /// What goes wrong with it.
    pub fault: Option<FaultKind>,
    /// How much of the body comes before a fault.
    pub after_bytes: Option<u64>,
    /// How long a dribbled body takes.
    pub over: Option<Duration>,
    /// Whether the mock acts first; `None` leaves it to what is said.
    pub acts: Option<bool>,
    /// The gate at which the call is held, and how many open it by coming.
    pub hold: Option<(String, Option<u64>)>,
    /// What the other side's hand does right before the mock acts.
    pub hand: Option<AnswerTemplate>,
}

/// What is said.
#[derive(Clone, Debug, Default)]
pub(crate) enum StubResponse {
    /// What the mock says.
    #[default]
    Mock,
    /// What the mock says, merged with that.
    Patch(Value),
    /// What the mock says of a bulk, but for some items.
    Items(Vec<Items>),
    /// That JSON.
    Json(Value),
    /// That text.
    Text(String),
    /// A text or JSON that repeats parts of the request.
    Template(AnswerTemplate),
    /// A refusal in Elasticsearch's form.
    Error(StubRefusal),
}

/// A refusal as a stub words it. What it leaves out is what Elasticsearch would most likely say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StubRefusal {
    /// Its type.
    pub kind: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
    /// Its status.
    pub status: Option<u16>,
    /// Further members of the error, such as `index`.
    pub more: Vec<(String, Value)>,
}

/// Some items of a bulk, and what is said of them.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    /// Which, counted from 1.
    pub which: CountSpan,
    /// Of these, every so many.
    pub every: u64,
    /// What is said.
    pub refusal: StubRefusal,
}

impl Items {
    /// Whether the item with that number is one of them.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.which.has(number) && number.is_multiple_of(self.every)
    }
}

impl StubAction {
    /// Whether the mock acts on the call: its state changes as if there were no stub.
    pub(crate) fn acts(&self) -> bool {
        let needs_mock = matches!(self.own, StubResponse::Mock | StubResponse::Patch(_) | StubResponse::Items(_));
        // A connection that breaks without an answer breaks before anything has happened, if nobody says otherwise.
        let breaks = matches!(self.fault, Some(FaultKind::Reset | FaultKind::Close))
            || (self.fault == Some(FaultKind::Stall) && self.after_bytes.is_none());
        self.acts.unwrap_or(needs_mock && !breaks)
    }
}
