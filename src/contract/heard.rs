//! [`ObservedCall`]: a call as the judge hears it, whether it has just happened or stands in a recording.

use std::borrow::Cow;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::es::body::schema::Violation;
use crate::es::error::{CONTRACT_EXCEPTION, UNSUPPORTED};
use crate::es::http as rest;
use crate::es::http::call::{BodyLine, ParsedParts, Sent};
use crate::es::http::part::JsonPart;
use crate::es::http::{RouteMiss, ServerInfo};
use crate::es::table;
use crate::fault::{Fault, StubMark};
use crate::http::{Request, Response};
use crate::license::License;
use crate::profile::Profile;
use crate::record::interaction::Interaction;
use crate::record::redact::{self, Exposure};

/// A call as the judge hears it: the request, how far it got, and what it was answered.
#[derive(Clone, Copy)]
pub(crate) struct ObservedCall<'a> {
    /// The call's number.
    pub seq: u64,
    /// The mock's time of the call.
    pub at: Timestamp,
    /// The request.
    pub request: &'a Request,
    /// The operation of Elasticsearch that it names.
    pub operation: Option<&'a str>,
    /// Why it reached no row of the table.
    pub miss: Option<RouteMiss>,
    /// What it says, as it was read.
    pub parsed: &'a ParsedParts<'a>,
    /// Where it leaves the published contract.
    pub violations: &'a [Violation],
    /// The `compatible-with` that it asked for.
    pub compatible_with: Option<u64>,
    /// The Elasticsearch that is mimicked.
    pub profile: Profile,
    /// The status of the answer.
    pub status: u16,
    /// The reason of a refusal; empty when there is none.
    pub reason: &'a str,
    /// The body of the answer, made when it is asked for.
    pub answer: &'a dyn Fn() -> Value,
    /// The answer before it is JSON, where it was put together from pieces.
    pub part: Option<&'a JsonPart>,
    /// Seconds after which the answer invites the client to come again.
    pub retry_after_s: Option<u64>,
    /// Where secrets stand in the open.
    pub exposed: &'a [Exposure],
    /// Whether the judge has refused the call that Elasticsearch would have taken.
    pub enforced: bool,
    /// What a stub did to the answer.
    pub mark: Option<&'a StubMark>,
}

impl<'a> ObservedCall<'a> {
    /// What stands for a placeholder of the path; empty if nothing does.
    pub(crate) fn parameter(&self, name: &str) -> &'a str {
        self.parsed.path(name).unwrap_or_default()
    }

    /// The query parameter with that name.
    pub(crate) fn query(&self, name: &str) -> Option<&'a str> {
        self.parsed.query(name)
    }

    /// The body, where the operation reads one and it could be read.
    pub(crate) fn body(&self) -> Option<&'a Sent> {
        self.parsed.body.as_ref()
    }

    /// The lines of the body, empty ones too.
    pub(crate) fn lines(&self) -> Box<dyn Iterator<Item = Cow<'a, BodyLine>> + 'a> {
        self.parsed.lines(self.request.body())
    }

    /// The stub that had a hand in the answer.
    pub(crate) fn stub(&self) -> Option<&str> {
        self.mark?.stub.as_deref()
    }

    /// Whether the client cannot know what became of its call: the answer was lost on its way.
    pub(crate) fn is_lost(&self) -> bool {
        self.mark.is_some_and(|mark| mark.fault.as_ref().is_some_and(Fault::is_lost))
    }

    /// Whether another server has answered, to which the call was forwarded.
    pub(crate) fn is_of_upstream(&self) -> bool {
        self.mark.is_some_and(|mark| mark.upstream)
    }

    /// Whether the client saw its call fail.
    pub(crate) fn has_failed(&self) -> bool {
        self.status >= 400 || self.is_lost()
    }

    /// Whether Elasticsearch took the call, or would have if the judge had let it.
    pub(crate) fn is_taken(&self) -> bool {
        self.enforced || ((200..300).contains(&self.status) && !self.is_lost())
    }

    /// Whether nobody can say if the call had its effect: the server failed, or gave up, or its answer was lost.
    pub(crate) fn is_doubtful(&self) -> bool {
        !self.enforced && (self.is_lost() || (self.status >= 500 && self.status != 501))
    }

    /// Whether the mock has said of itself that it cannot do what Elasticsearch can, with a status for
    /// each case: an operation or a form that it does not have, a query that it does not speak.
    pub(crate) fn is_gap_of_ours(&self) -> bool {
        if self.is_of_upstream() {
            return false;
        }
        (self.status == 501 && self.stub().is_none())
            || (self.status == 400 && (self.answer)()["error"]["type"] == UNSUPPORTED)
    }

    /// The body as JSON; `None` if it is none.
    pub(crate) fn json(&self) -> Option<Cow<'a, Value>> {
        self.parsed.json(self.request.body())
    }
}

/// What has to be found out about a recorded call before it can be heard.
pub(crate) struct Retold<'a> {
    interaction: &'a Interaction,
    operation: Option<&'static str>,
    miss: Option<RouteMiss>,
    parsed: ParsedParts<'a>,
    violations: Vec<Violation>,
    compatible_with: Option<u64>,
    profile: Profile,
    reason: String,
    exposed: Vec<Exposure>,
    enforced: bool,
}

impl<'a> Retold<'a> {
    /// Reads a recorded request as the mock would have read it.
    pub(crate) fn new(interaction: &'a Interaction, profile: Profile) -> Retold<'a> {
        let Interaction { request, response, .. } = interaction;
        let license = License::default();
        let setting = ServerInfo { profile, release: profile.release(), license, body_bytes_max: usize::MAX };
        let mut reading = rest::read(&table::TABLE, request, &setting);
        let (kind, reason) = refusal(response);
        let parsed = std::mem::take(&mut reading.call.parsed);
        let exposed = redact::exposures(request, &parsed, reading.facts, false);
        // Of a body that was not kept nobody can say what was in it.
        let violations =
            if response.left_out().request > 0 { Vec::new() } else { std::mem::take(&mut reading.violations) };
        Retold {
            interaction,
            operation: reading.operation,
            miss: reading.miss,
            parsed,
            violations,
            compatible_with: reading.compatible_with,
            profile,
            reason,
            exposed,
            enforced: kind.as_deref() == Some(CONTRACT_EXCEPTION),
        }
    }

    /// The call as the judge hears it, under that number.
    pub(crate) fn heard<'b>(&'b self, seq: u64, answer: &'b dyn Fn() -> Value) -> ObservedCall<'b> {
        ObservedCall {
            seq,
            at: self.interaction.at,
            request: &self.interaction.request,
            operation: self.operation,
            miss: self.miss,
            parsed: &self.parsed,
            violations: &self.violations,
            compatible_with: self.compatible_with,
            profile: self.profile,
            status: self.interaction.response.status(),
            reason: &self.reason,
            answer,
            part: None,
            retry_after_s: retry_after_s(&self.interaction.response),
            exposed: &self.exposed,
            enforced: self.enforced,
            mark: self.interaction.response.mark.as_deref(),
        }
    }
}

/// Seconds after which an answer invites the client to come again.
pub(crate) fn retry_after_s(response: &Response) -> Option<u64> {
    response.headers().get("retry-after")?.trim().parse().ok()
}

/// The type and the reason of a refusal, as its body tells them.
pub(crate) fn refusal(response: &Response) -> (Option<String>, String) {
    if response.status() < 400 || response.body().is_empty() {
        return (None, String::new());
    }
    let body = response.body_json().unwrap_or_default();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    match body.get("error") {
        Some(Value::String(reason)) => (None, reason.clone()),
        Some(error) => (text(error.get("type")), text(error.get("reason")).unwrap_or_default()),
        None => (None, String::new()),
    }
}
