//! [`Course`]: what one client does to one sync job or connector, in recorded order.
//!
//! Only writes have an order. Reads are answered by where in the course the client is, and heartbeats come when they
//! come. A course is of one client alone, known by its `user-agent`: what a user does beside a service is as free as
//! the user. But what a read tells was made by somebody: as long as another client that plays along has not written it
//! ([`Courses::horizon`]), a poll is told what it was told before. A write that was not recorded stands for the one that
//! its client has not made ([`Courses::pass`]), so that nobody waits for that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Index, Range};

use serde_json::Value;

use crate::http::{Method, Request};
use crate::record::interaction::Interaction;
use crate::record::recording::Recording;
use crate::record::transcript::lane_of;

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

/// A client of a recording, and how far it has come.
#[derive(Clone, Debug, Default)]
struct PlayingClient {
    /// All its writes, and what each is about.
    writes: Vec<(usize, String)>,
    /// Whether it has made a call.
    is_here: bool,
    /// The write that came last; earlier ones that have not come are no longer waited for.
    last: Option<usize>,
}

/// All courses of a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Courses {
    courses: Vec<Course>,
    clients: Vec<PlayingClient>,
    /// The clients by what they call themselves.
    by_name: BTreeMap<String, usize>,
    /// The client of each call.
    client_of: Vec<usize>,
    /// What each read is about, if that is known.
    about: Vec<Option<usize>>,
    /// What clients have changed: for each thing that is read the writes of each client.
    changes: Vec<BTreeMap<usize, Vec<usize>>>,
}

impl Courses {
    /// A call has come.
    pub(super) fn serve(&mut self, kind: CallKind, call: usize) {
        let client = &mut self.clients[self.client_of[call]];
        client.is_here = true;
        if let CallKind::Write { course } = kind {
            client.last = client.last.max(Some(call));
            if let Some(course) = course {
                let last = &mut self.courses[course].last;
                *last = (*last).max(Some(call));
            }
        }
    }

    /// A write of a known client has no answer here. It stands for the recorded call that it is out of order, or else for
    /// the client's next one about the same thing or, where that is a thing of its own, about one of its kind: others no
    /// longer wait for that, and the client itself neither if somebody else has done what it asked (`is_done`).
    pub(super) fn pass(
        &mut self,
        request: &Request,
        range: &Range<usize>,
        kinds: &[CallKind],
        ahead: Option<usize>,
        is_done: bool,
    ) {
        let client = self.by_name.get(name(request)).map(|client| &mut self.clients[*client]);
        let Some(client) = client.filter(|_| matches!(kind(request, None), CallKind::Write { .. })) else { return };
        let about = about(request);
        let from = client.writes.partition_point(|(call, _)| Some(*call) <= client.last || *call < range.start);
        let mut next = client.writes[from..].iter().take_while(|(call, _)| range.contains(call));
        let is_known = client.writes.iter().any(|(call, known)| range.contains(call) && *known == about);
        let is_it = |known: &str| if is_known { known == about } else { kind_of(known) == kind_of(&about) };
        let stands_for = ahead.or_else(|| next.find(|(_, known)| is_it(known)).map(|(call, _)| *call));
        client.last = client.last.max(stands_for);
        if let (true, Some(call)) = (is_done, stands_for)
            && let Some(course) = kinds[call].course()
        {
            let last = &mut self.courses[course].last;
            *last = (*last).max(Some(call));
        }
    }

    /// Another scope begins.
    pub(super) fn begin(&mut self) {
        self.courses.iter_mut().for_each(|course| course.last = None);
        for client in &mut self.clients {
            (client.is_here, client.last) = (false, None);
        }
    }

    /// The first change of what a recorded read tells that another client, one that plays along, is still to make in the
    /// scope that is played. What was recorded after it cannot be told yet.
    pub(super) fn horizon(&self, read: usize, range: &Range<usize>) -> Option<usize> {
        let own = self.client_of[read];
        let others = self.changes[self.about[read]?].iter().filter(|(client, _)| **client != own);
        let next = others.filter(|(client, _)| self.clients[**client].is_here).filter_map(|(client, writes)| {
            let last = self.clients[*client].last;
            let passed = writes.partition_point(|write| *write < range.start || Some(*write) <= last);
            writes.get(passed).copied()
        });
        next.min().filter(|write| range.contains(write))
    }
}

impl Index<usize> for Courses {
    type Output = Course;

    fn index(&self, at: usize) -> &Course {
        &self.courses[at]
    }
}

/// What the calls of a recording are, and the courses that they belong to.
pub(super) fn of(recording: &Recording) -> (Vec<CallKind>, Courses) {
    let mut courses = Courses::default();
    let mut kinds = Vec::new();
    let mut known: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut things: BTreeMap<String, usize> = BTreeMap::new();
    for (call, interaction) in recording.interactions.iter().enumerate() {
        let client = match courses.by_name.get(name(&interaction.request)) {
            Some(client) => *client,
            None => {
                courses.clients.push(PlayingClient::default());
                courses.by_name.insert(name(&interaction.request).to_owned(), courses.clients.len() - 1);
                courses.clients.len() - 1
            }
        };
        courses.client_of.push(client);
        let lane = lane_of(&interaction.request);
        let course = thing(&interaction.request, &lane).map(|thing| {
            *known.entry((thing, client)).or_insert_with(|| {
                courses.courses.push(Course::default());
                courses.courses.len() - 1
            })
        });
        let kind = kind(&interaction.request, course);
        let mut thing = |name: String| {
            *things.entry(name).or_insert_with(|| {
                courses.changes.push(BTreeMap::new());
                courses.changes.len() - 1
            })
        };
        let is_read = matches!(kind, CallKind::Read { .. });
        courses.about.push((is_read && lane != "cluster").then(|| thing(lane.clone())));
        if let CallKind::Write { course } = kind {
            course.into_iter().for_each(|course| courses.courses[course].writes.push(call));
            courses.clients[client].writes.push((call, about(&interaction.request)));
            if interaction.response.status() < 400 {
                for changed in changed(interaction, lane).into_iter().map(thing).collect::<Vec<_>>() {
                    courses.changes[changed].entry(client).or_default().push(call);
                }
            }
        }
        kinds.push(kind);
    }
    (kinds, courses)
}

/// What a write changes, as lanes are named: a job, and with it the list of all jobs.
fn changed(interaction: &Interaction, lane: String) -> Vec<String> {
    let is_of = |kind: &str| lane.starts_with(kind);
    let makes_job = makes_job(&interaction.request, &lane);
    let all =
        if makes_job || is_of("sync job ") { Some("sync jobs") } else { is_of("connector ").then_some("connectors") };
    let made = match interaction.response.body_json() {
        Some(body) if makes_job => body.get("id").and_then(Value::as_str).map(|id| format!("sync job {id}")),
        _ => None,
    };
    let itself = (!makes_job).then_some(lane);
    itself.into_iter().chain(all.map(str::to_owned)).chain(made).collect()
}

/// The job or connector that a call is about.
fn thing(request: &Request, lane: &str) -> Option<String> {
    let is_one = lane.starts_with("sync job ") || lane.starts_with("connector ");
    (is_one && !makes_job(request, lane)).then(|| lane.to_owned())
}

/// Whether a call makes a job: it names a connector, and changes none.
fn makes_job(request: &Request, lane: &str) -> bool {
    lane.starts_with("connector ") && request.path().contains("_sync_job")
}

/// What a write is about: its lane, and apart from that of the connector the jobs that are made for it.
fn about(request: &Request) -> String {
    let lane = lane_of(request);
    if makes_job(request, &lane) { format!("job of {lane}") } else { lane }
}

/// What kind of thing a write is about, without its id.
fn kind_of(about: &str) -> &str {
    ["sync job ", "connector ", "job of ", "index "].into_iter().find(|kind| about.starts_with(kind)).unwrap_or(about)
}

/// What a client calls itself.
fn name(request: &Request) -> &str {
    request.headers().get("user-agent").unwrap_or_default()
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
    let Some(Value::Object(body)) = request.body_json() else { return false };
    let Some(Value::Object(doc)) = body.get("doc").filter(|_| body.len() == 1) else { return false };
    let index = request.path().split('/').nth(1).unwrap_or_default();
    let is_connector = index.starts_with(".elastic-connectors") && !index.contains("sync-jobs");
    let is_known =
        |name: &String| name == "last_seen" || (is_connector && ["status", "error"].contains(&name.as_str()));
    !doc.is_empty() && doc.keys().all(is_known) && request.query().is_empty()
}
