//! [`Course`]: what one client does to one sync job or connector, in recorded order.
//!
//! Only writes have an order. Reads are answered by where in the course the client is, and heartbeats come when they
//! come. A course is of one client alone, known by its `user-agent`: what a user does beside a service is as free as
//! the user.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Index, Range};

use serde_json::Value;

use crate::http::{Method, Request};
use crate::json;
use crate::record::interaction::Interaction;
use crate::record::recording::Recording;
use crate::record::transcript::lane;

/// What a call is to the order of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// It asks, and may ask again.
    Read { course: Option<usize> },
    /// It says that somebody is alive or in which state it is, and may say so again.
    Beat { course: Option<usize> },
    /// It changes something.
    Write { course: Option<usize> },
}

impl CallKind {
    pub(super) fn course(self) -> Option<usize> {
        match self {
            CallKind::Read { course } | CallKind::Beat { course } | CallKind::Write { course } => course,
        }
    }

    /// Whether its answer may be given again.
    pub(super) fn may_repeat(self) -> bool {
        !matches!(self, CallKind::Write { .. })
    }

    /// Whether it has no place of its own in its course.
    pub(super) fn is_free(self) -> bool {
        self.may_repeat()
    }
}

/// The writes of one client to one thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    writes: Vec<usize>,
    /// The write that came last.
    last: Option<usize>,
}

impl Course {
    /// The calls between the write that came last and the one that must be next.
    pub(super) fn window(&self, served: &BTreeSet<usize>, range: &Range<usize>) -> Range<usize> {
        let start = self.last.filter(|call| range.contains(call)).map_or(range.start, |call| call + 1);
        let from = self.writes.partition_point(|call| *call < start);
        let next = self.writes[from..].iter().find(|call| !served.contains(call));
        start..next.copied().unwrap_or(range.end).min(range.end)
    }
}

/// All courses of a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Courses(Vec<Course>);

impl Courses {
    /// A call has come.
    pub(super) fn serve(&mut self, kind: CallKind, call: usize) {
        if let CallKind::Write { course: Some(course) } = kind {
            let last = &mut self.0[course].last;
            *last = (*last).max(Some(call));
        }
    }

    /// Another scope begins.
    pub(super) fn begin(&mut self) {
        self.0.iter_mut().for_each(|course| course.last = None);
    }
}

impl Index<usize> for Courses {
    type Output = Course;

    fn index(&self, at: usize) -> &Course {
        &self.0[at]
    }
}

/// What the calls of a recording are, and the courses that they belong to.
pub(super) fn of(recording: &Recording) -> (Vec<CallKind>, Courses) {
    let mut courses = Courses::default();
    let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
    let kinds = recording.interactions.iter().enumerate().map(|(call, interaction)| {
        let course = thing(interaction).map(|thing| {
            let client = interaction.request.headers().get("user-agent").unwrap_or_default().to_owned();
            *known.entry((thing, client)).or_insert_with(|| {
                courses.0.push(Course::default());
                courses.0.len() - 1
            })
        });
        let kind = kind(&interaction.request, course);
        if let CallKind::Write { course: Some(course) } = kind {
            courses.0[course].writes.push(call);
        }
        kind
    });
    (kinds.collect(), courses)
}

/// The job or connector that a call is about.
fn thing(interaction: &Interaction) -> Option<String> {
    let thing = lane(interaction);
    // Making a job names a connector and changes none.
    let makes_job = thing.starts_with("connector ") && interaction.request.path().contains("_sync_job");
    ((thing.starts_with("sync job ") || thing.starts_with("connector ")) && !makes_job).then_some(thing)
}

fn kind(request: &Request, course: Option<usize>) -> CallKind {
    let mut steps = request.path().trim_end_matches('/').rsplit('/');
    let (last, before) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    let is_scroll = (before, last) == ("_search", "scroll");
    let asks = ["_search", "_count", "_mget", "_msearch", "_refresh", "_pit", "_field_caps"];
    match request.method() {
        Method::Get | Method::Head | Method::Options => CallKind::Read { course },
        // Closing what was opened for reading changes nothing that anybody sees.
        Method::Delete if is_scroll || last == "_pit" => CallKind::Read { course },
        Method::Post if is_scroll || asks.contains(&last) => CallKind::Read { course },
        _ if last == "_check_in" || (before == "_update" && only_says_how_it_is(request)) => CallKind::Beat { course },
        _ => CallKind::Write { course },
    }
}

/// Whether a partial update says nothing but that somebody is alive, or of a connector in which state it is.
fn only_says_how_it_is(request: &Request) -> bool {
    let Ok(Some(Value::Object(body))) = json::read(request.body()) else { return false };
    let Some(Value::Object(doc)) = body.get("doc").filter(|_| body.len() == 1) else { return false };
    let index = request.path().split('/').nth(1).unwrap_or_default();
    let is_connector = index.starts_with(".elastic-connectors") && !index.contains("sync-jobs");
    let is_known =
        |name: &String| name == "last_seen" || (is_connector && ["status", "error"].contains(&name.as_str()));
    !doc.is_empty() && doc.keys().all(is_known) && request.query().is_empty()
}
