//! [`Engine`]: the whole mock as one value. It has no sockets, reads no clock and draws no chance of
//! its own.
//!
//! A request and an instant go in, an answer comes out. The way has three stages, so that a door with
//! many connections holds the lock only for the middle one: [`RequestParser::read`] (pure), [`Engine::act`]
//! (state), [`PendingResponse::render`] (pure); [`Engine::finish`] then writes the journal. [`Engine::receive`]
//! does all of it for a caller without a wire.
//!
//! **The replay law:** same seed, same fixture, same requests and verbs at the same instants, and the
//! bytes are the same.

pub(crate) mod forward;
pub(crate) mod gates;
mod hand;
pub(crate) mod metrics;
pub(crate) mod mode;
pub(crate) mod run;
mod simulating;
mod stubbing;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::contract::heard::{self, ObservedCall};
use crate::contract::strictness::{self, Contract, Strictness};
use crate::contract::{Judge, Knowledge};
use crate::error::Error;
use crate::es::body::schema::Violation;
use crate::es::connector::handlers as connector;
use crate::es::error::ApiError;
use crate::es::http as rest;
use crate::es::http::call::{ParsedParts, Reply};
use crate::es::http::render::{Style, bare, render};
use crate::es::http::{ParseOutcome, Reading, ServerInfo};
use crate::es::store::{Cluster, Dropped, JobOrder};
use crate::es::sync_job::handlers as sync_job;
use crate::es::table;
use crate::finding::{Finding, Severity};
use crate::fixture::Fixture;
use crate::http::{Request, Response};
use crate::license::License;
use crate::limits;
use crate::near_miss;
use crate::profile::{Profile, Release};
use crate::record::event::Event;
use crate::record::interaction::Interaction;
use crate::record::playback::policy::{IgnoredPointer, OnUnmatched, PlayPolicy};
use crate::record::playback::{PlayNote, Playback, PlaybackMiss, PlayedAnswer};
use crate::record::recording::{Allowed, Header, Recording};
use crate::record::redact::{self, Mask};
use crate::record::{Journal, Note};
use crate::simulation::{Simulated, Simulation};
use crate::source_place::SourcePlace;
use crate::stub::{Cast, Decision};
use crate::visibility::Visibility;
use forward::Forwarded;
use gates::Gates;
pub use hand::Deadline;
use metrics::Connections;
use mode::{AnswerMode, Mocked};
use run::{StateShown, Warmth};
use stubbing::Stubbed;

/// What a mock is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What it starts with.
    pub fixture: Arc<Fixture>,
    /// The seed of its ids.
    pub seed: u64,
    /// Its time.
    pub clock: Clock,
    /// The Elasticsearch that it mimics.
    pub profile: Profile,
    /// What it says of itself in `GET /`.
    pub release: &'static Release,
    /// The license that it says it has.
    pub license: License,
    /// When searches see what is written; what the fixture says, if there is nothing here.
    pub visibility: Option<Visibility>,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Interactions that the journal keeps.
    pub journal_entries_max: usize,
    /// Bytes that the journal keeps.
    pub journal_bytes_max: usize,
    /// Whether recordings keep how long answers took.
    pub record_timing: bool,
    /// How strictly clients are judged.
    pub strictness: Strictness,
    /// How a recording is played.
    pub play: PlayPolicy,
    /// The other sides that the mock plays.
    pub simulated: Vec<Simulated>,
}

impl Default for Setup {
    /// What starts from the built-in fixture.
    fn default() -> Setup {
        Setup::of(Fixture::built_in())
    }
}

impl Setup {
    /// What starts from `fixture`, and is as usual otherwise. `Setup { fixture, ..Setup::default() }` is the same, but for
    /// reading the built-in fixture in vain.
    ///
    /// ```
    /// use elastimock::engine::Setup;
    /// use elastimock::{Engine, Fixture};
    ///
    /// let engine = Engine::new(Setup::of(Fixture::new()), "2031-05-01T10:00:00Z".parse()?)?;
    /// assert!(engine.state()?.is_empty());
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn of(fixture: impl Into<Arc<Fixture>>) -> Setup {
        Setup {
            fixture: fixture.into(),
            seed: 0,
            clock: Clock::real(),
            profile: Profile::default(),
            release: Profile::default().release(),
            license: License::default(),
            visibility: None,
            body_bytes_max: limits::BODY_BYTES_MAX,
            journal_entries_max: limits::JOURNAL_ENTRIES_MAX,
            journal_bytes_max: limits::JOURNAL_BYTES_MAX,
            record_timing: false,
            strictness: Strictness::default(),
            play: PlayPolicy::default(),
            simulated: Vec::new(),
        }
    }

    fn setting(&self) -> ServerInfo {
        ServerInfo {
            profile: self.profile,
            release: self.release,
            license: self.license,
            body_bytes_max: self.body_bytes_max,
        }
    }
}

/// The whole mock: state, time, journal and judgement.
///
/// ```
/// use elastimock::engine::Setup;
/// use elastimock::http::{Method, Request};
/// use elastimock::{Clock, Engine};
///
/// let now = "2031-05-01T10:00:00Z".parse()?;
/// let mut engine = Engine::new(Setup { clock: Clock::frozen(now), ..Setup::default() }, now)?;
/// let claim = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
///     .json(r#"{"worker_hostname":"w-1"}"#);
/// let response = engine.receive(&claim, now);
/// assert_eq!(response.text(), r#"{"result":"updated"}"#);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    setup: Setup,
    /// The instant that date maths in the fixture counts from, in this scope.
    started_at: Timestamp,
    /// The instant at which the run began.
    run_started_at: Timestamp,
    /// The state at the start as a recording shows it, once somebody has asked for it.
    start_state: OnceLock<StateShown>,
    /// The states at the start of earlier scopes that began with another fixture: each with the number of the first scope that
    /// did not.
    earlier_starts: Vec<(u64, StateShown)>,
    /// A fixture that was read meanwhile: the next scope starts from it.
    reloaded: Option<Arc<Fixture>>,
    /// What may be broken since before anything happened, for the first line of a recording.
    allowed: Vec<Allowed>,
    /// Events that are still to be written to a recording; `None` if nobody writes one.
    unwritten: Option<Vec<Arc<Event>>>,
    clock: Clock,
    mode: AnswerMode,
    /// In a playback, the mock that answers where the recording does not.
    understudy: Option<Mocked>,
    /// What is answered beside them; `None` if there is nothing.
    stubs: Option<Box<Cast>>,
    /// The other sides that act by themselves; `None` if there are none.
    simulation: Option<Box<Simulation>>,
    /// The calls that are held at gates.
    gates: Gates,
    /// What is remembered of calls that were forwarded; `None` where none is.
    forwarded: Option<Box<Forwarded>>,
    /// When answers that are on their way are due, each with what it is.
    late: Vec<(Timestamp, String)>,
    journal: Journal,
    judge: Judge,
    /// Whether the judge and the journal know the state at the start.
    is_prepared: bool,
    /// Whether that takes long enough to be done before a call, see [`run::warm`].
    warmth: Arc<Warmth>,
    /// The latest instant that anybody has heard of.
    latest: Timestamp,
    /// Whether the run has ended: nothing is called any more.
    has_ended: bool,
    /// What the door is bothered by.
    troubles: Vec<String>,
    /// What it says of its connections.
    connections: Connections,
}

/// What a request can be read with, without the engine: a copy that every connection holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParser(ServerInfo);

impl RequestParser {
    /// Takes a request through everything that needs no state.
    pub(crate) fn read<'r>(&self, request: &'r Request) -> ParsedRequest<'r> {
        ParsedRequest { reading: rest::read(&table::TABLE, request, &self.0), decided: None, given: None }
    }

    /// The largest request body, in bytes.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.0.body_bytes_max
    }
}

/// A request that has been read.
pub(crate) struct ParsedRequest<'r> {
    reading: Reading<'r, Cluster>,
    /// What a stub does with it, if that has been asked already.
    decided: Option<Option<Box<Decision>>>,
    /// The answer, if somebody has given it already.
    given: Option<Box<Given>>,
}

/// An answer that is there before the engine acts.
enum Given {
    /// A recorded one.
    Played(Response, PlayedAnswer),
    /// That of another server.
    Forwarded(Response),
}

impl<'r> ParsedRequest<'r> {
    /// The order of jobs that it asks for, if it asks for one.
    fn jobs_order(&self) -> Option<JobOrder> {
        let Reading { operation, stage: ParseOutcome::Call, call, .. } = &self.reading else { return None };
        match (*operation)? {
            sync_job::LIST => Some(sync_job::list_filter(call).order()),
            connector::DELETE => call.switch("delete_sync_jobs").then_some(JobOrder::Connector),
            _ => None,
        }
    }

    /// Whether a stub does something to its answer.
    pub(crate) fn is_stubbed(&self) -> bool {
        matches!(self.decided, Some(Some(_)))
    }

    /// What a stub does with it, once that has been asked.
    pub(crate) fn into_decided(self) -> Decided {
        Decided(self.decided)
    }

    /// The request with what a stub does with it.
    pub(crate) fn with_decided(self, decided: Decided) -> ParsedRequest<'r> {
        ParsedRequest { decided: decided.0, ..self }
    }
}

/// What a stub does with a call, kept while its answer is fetched.
pub(crate) struct Decided(Option<Option<Box<Decision>>>);

/// What the engine did with a request: everything that its answer needs.
#[derive(Debug)]
pub(crate) struct PendingResponse {
    seq: u64,
    at: Timestamp,
    operation: Option<&'static str>,
    findings: Vec<Finding>,
    style: Style,
    answer: Answered,
    /// What a stub does to the answer.
    stubbed: Option<Box<Stubbed>>,
    /// What is masked in the request.
    mask: Mask,
    /// Whether the mock answered in a playback.
    is_understudied: bool,
    /// Microseconds that the answer took when it was recorded.
    pause_us: u32,
    /// Documents that it took out, which are dropped when nobody waits for the engine.
    dropped: Dropped,
}

/// A call that the engine is dealing with.
#[derive(Clone, Copy)]
struct CallAtWork<'a> {
    seq: u64,
    at: Timestamp,
    request: &'a Request,
    /// The request as it may be kept and told.
    shown: &'a Request,
    mask: &'a Mask,
}

/// An answer before a stub has a hand in it.
struct FirstAnswer {
    answer: Answered,
    /// Why a recording has none.
    unmatched: Option<Box<PlaybackMiss>>,
    is_understudied: bool,
    pause_us: u32,
}

#[derive(Debug)]
enum Answered {
    Made(Result<Reply, ApiError>),
    Recorded(Response),
}

impl PendingResponse {
    /// Microseconds that the answer took when it was recorded; 0 if it was not, or nobody knows.
    pub(crate) fn pause_us(&self) -> u32 {
        self.pause_us
    }

    /// The mock's time of the call.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// What it took out, for the caller to drop.
    pub(crate) fn take_dropped(&mut self) -> Dropped {
        std::mem::take(&mut self.dropped)
    }

    /// Writes the answer.
    pub(crate) fn render(&self) -> Response {
        let mut response = self.answer.render(&self.style);
        if self.is_understudied && matches!(self.answer, Answered::Made(_)) {
            response.headers.push("x-elastimock-played", "mock");
        }
        if let Some(stubbed) = &self.stubbed {
            stubbed.mark(&mut response);
        }
        response
    }
}

impl Answered {
    fn render(&self, style: &Style) -> Response {
        match self {
            Answered::Recorded(response) => response.clone(),
            Answered::Made(outcome) => catch_unwind(AssertUnwindSafe(|| render(outcome, style)))
                .unwrap_or_else(|panic| render(&Err(ApiError::bug(&panic_text(&*panic))), style)),
        }
    }
}

impl Engine {
    /// A mock as `setup` describes it. `system` is the system's time, read by the caller.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong.
    pub fn new(setup: Setup, system: Timestamp) -> Result<Engine, Error> {
        let visibility = setup.visibility.or(setup.fixture.visibility_said()).unwrap_or_default();
        let setup = Setup { visibility: Some(visibility), ..setup };
        let mut clock = setup.clock.clone();
        let started_at = clock.read(system);
        let mocked = Mocked::new(setup.fixture.clone(), setup.seed, visibility, started_at)?;
        let is_large = mocked.is_planted();
        let engine = Engine::with_mode(setup, clock, started_at, AnswerMode::Mock(Box::new(mocked)));
        engine.warmth.cool(is_large);
        Ok(engine)
    }

    /// A mock that answers from a recording, as the setup's policy says. Where the mock is to answer what the
    /// recording does not, and the recorded state is none that it can start from, it starts from none.
    pub fn playback(setup: Setup, recording: Recording, system: Timestamp) -> Engine {
        let mut clock = setup.clock.clone();
        let started_at = clock.read(system);
        let understudy = (setup.play.unmatched == OnUnmatched::Mock).then(|| {
            let state = Arc::new(recorded_state(&recording).unwrap_or_default());
            let visibility = recording.header.visibility;
            let mocked = Mocked::new(state, recording.header.seed, visibility, started_at);
            mocked.unwrap_or_else(|_| {
                Mocked::new(Arc::default(), 0, visibility, started_at).expect("nothing can be planted")
            })
        });
        let playback = Playback::new(recording, setup.play.clone());
        let engine = Engine::with_mode(setup, clock, started_at, AnswerMode::Playback(Box::new(playback)));
        Engine { understudy, ..engine }
    }

    /// What stands in front of another server, which answers every call; see `forward`.
    pub fn in_front(setup: Setup, system: Timestamp) -> Engine {
        let mut clock = setup.clock.clone();
        let started_at = clock.read(system);
        Engine::with_mode(setup, clock, started_at, AnswerMode::Upstream)
    }

    /// Whether a recording can be played like that.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a pointer is none, or if the mock is to answer where the recording does not, and
    /// the recorded state is none that it can start from.
    pub fn check_playback(setup: &Setup, recording: &Recording) -> Result<(), Error> {
        for pointer in &setup.play.ignore {
            IgnoredPointer::parse(pointer).map_err(Error::invalid_input)?;
        }
        if setup.play.unmatched == OnUnmatched::Mock {
            let Header { seed, visibility, started_at, .. } = recording.header;
            Mocked::new(Arc::new(recorded_state(recording)?), seed, visibility, started_at)?;
        }
        Ok(())
    }

    fn with_mode(setup: Setup, clock: Clock, started_at: Timestamp, mode: AnswerMode) -> Engine {
        let journal = Journal::new(setup.journal_entries_max, setup.journal_bytes_max);
        let mut judge = Judge::new(setup.profile, setup.strictness.clone(), &Value::Null);
        judge.begin(1, None, 1, started_at);
        let stubs = stubbing::at_start(&setup);
        let simulation = match &mode {
            AnswerMode::Mock(_) => simulating::at_start(&setup, started_at),
            // The recording knows what they did, and another server has sides of its own.
            AnswerMode::Playback(_) | AnswerMode::Upstream => None,
        };
        let mut engine = Engine {
            setup,
            started_at,
            run_started_at: started_at,
            start_state: OnceLock::new(),
            earlier_starts: Vec::new(),
            reloaded: None,
            allowed: Vec::new(),
            unwritten: None,
            clock,
            mode,
            understudy: None,
            stubs,
            simulation,
            gates: Gates::default(),
            forwarded: None,
            late: Vec::new(),
            journal,
            judge,
            is_prepared: false,
            warmth: Arc::default(),
            latest: started_at,
            has_ended: false,
            troubles: Vec::new(),
            connections: Connections::default(),
        };
        engine.expect_stubs();
        engine
    }

    /// What connections read requests with.
    pub(crate) fn desk(&self) -> RequestParser {
        RequestParser(self.setup.setting())
    }

    /// Deals with a request at an instant: reads, acts, renders, remembers, judges.
    pub fn receive(&mut self, request: &Request, system: Timestamp) -> Response {
        let acted = self.act(self.desk().read(request), request, system);
        let response = acted.render();
        self.finish(acted, request, &response, 0);
        response
    }

    /// The middle stage: touches the state, takes the call's place in the journal, and judges.
    ///
    /// Under [`Contract::Enforce`] the mock acts first, the judge hears what came of it, and if it says no
    /// what it wrote is undone: so the judge sees the same as without, a 409 for instance.
    pub(crate) fn act(&mut self, mut read: ParsedRequest<'_>, request: &Request, system: Timestamp) -> PendingResponse {
        let at = self.come_to(system);
        if let AnswerMode::Playback(playback) = &self.mode {
            self.journal.known.learn_revealed(&playback.revealed(request));
        }
        let mask = self.journal.mask(read.reading.facts, request, read.reading.is_json());
        let shown = mask.over(request);
        let mut decision = match read.decided.take() {
            Some(decided) => decided,
            None if self.stubs.is_none() => None,
            None => self.decide(&read.reading, request, shown, self.journal.next_seq()),
        };
        if let Some((act, stub)) =
            decision.as_mut().and_then(|decision| Some((decision.hand.take()?, decision.name.clone())))
        {
            self.strike(act, &stub, at);
        }
        let seq = self.journal.reserve();
        let left_out = decision.as_ref().map(|decision| stubbing::thin(decision, &mut read.reading));
        let left_out = left_out.unwrap_or_default();
        let call = CallAtWork { seq, at, request, shown, mask: &mask };
        let acts = decision.as_ref().is_none_or(|decision| decision.action.acts());
        let FirstAnswer { mut answer, unmatched, is_understudied, pause_us } = self.answer(&call, &mut read, acts);
        if !left_out.is_empty() && matches!(self.mode, AnswerMode::Mock(_)) {
            // The handler has not seen all of them.
            read.reading.call.parsed.lines = Vec::new();
        }
        let stubbed = decision
            .map(|decision| Box::new(stubbing::say(*decision, left_out, &mut answer, request, &read.reading.style)));
        if let Some(delay) = stubbed.as_ref().and_then(|stubbed| Some(stubbed.mark.fault.as_ref()?.delay))
            && !delay.is_zero()
        {
            self.is_late(at, delay, seq, read.reading.operation);
        }
        let findings = match unmatched {
            Some(miss) => self.find_unmatched(&call, read.reading.operation, *miss),
            None if self.setup.strictness.contract() == Contract::Off => Vec::new(),
            None => self.judge(&call, &mut read.reading, stubbed.as_deref(), &mut answer),
        };
        let Reading { operation, style, .. } = read.reading;
        let dropped = if operation == Some(connector::DELETE) { self.take_dropped() } else { Dropped::default() };
        PendingResponse {
            seq,
            at,
            operation,
            findings,
            style,
            answer,
            stubbed,
            mask,
            is_understudied,
            pause_us,
            dropped,
        }
    }

    /// The documents that a deletion took out.
    fn take_dropped(&mut self) -> Dropped {
        let mocked = if let AnswerMode::Mock(mocked) = &mut self.mode { Some(&mut **mocked) } else { None };
        mocked.or(self.understudy.as_mut()).map(|it| it.cluster_mut().take_dropped()).unwrap_or_default()
    }

    /// Takes the clock on to the instant of a call, and has the other sides do what they were to do until then.
    fn come_to(&mut self, system: Timestamp) -> Timestamp {
        let at = self.clock.read(system);
        self.latest = at;
        self.prepare();
        if self.simulation.is_some() {
            self.live(at);
        }
        if let AnswerMode::Playback(playback) = &self.mode
            && playback.has_simulated()
        {
            self.follow_simulated(at);
        }
        at
    }

    /// The answer before a stub has a hand in it; `acts` says whether the mock is to act at all.
    fn answer(&mut self, call: &CallAtWork<'_>, read: &mut ParsedRequest<'_>, acts: bool) -> FirstAnswer {
        let (mut is_understudied, mut pause_us, mut unmatched) = (false, 0, None);
        let reading = &mut read.reading;
        let given = read.given.take().map(|given| *given);
        let answer = match (given, &mut self.mode) {
            (Some(Given::Forwarded(response)), _) => {
                if response.left_out().request > 0 {
                    reading.call.parsed.forget_body();
                    reading.violations.clear();
                }
                Answered::Recorded(response)
            }
            _ if !acts => Answered::Recorded(Response::new(0)),
            (_, AnswerMode::Upstream) => Answered::Made(Err(ApiError::bug("a call that was not forwarded"))),
            (_, AnswerMode::Mock(mocked)) => {
                let is_enforced = self.setup.strictness.contract() == Contract::Enforce;
                Answered::Made(handle(mocked.cluster_mut(), reading, call.at, is_enforced))
            }
            (given, AnswerMode::Playback(playback)) => {
                // It hears every call, so that it knows what has happened when it is needed.
                let understudy = self.understudy.as_mut();
                let own = understudy.map(|mocked| handle(mocked.cluster_mut(), reading, call.at, false));
                let played = match given {
                    Some(Given::Played(response, taken)) => Ok((response, taken)),
                    _ => playback.answer(call.request, call.shown),
                };
                match (played, own) {
                    (Ok((response, taken)), _) => {
                        pause_us = taken.pause_us;
                        taken.note.into_iter().for_each(|note| playback.keep(PlayNote { seq: call.seq, ..note }));
                        Answered::Recorded(response)
                    }
                    (Err(_), Some(outcome)) => {
                        is_understudied = true;
                        playback.count_mocked();
                        Answered::Made(outcome)
                    }
                    (Err(miss), None) => {
                        let refused = ApiError::unmatched(miss.reason.clone());
                        unmatched = Some(Box::new(miss));
                        Answered::Made(Err(refused))
                    }
                }
            }
        };
        FirstAnswer { answer, unmatched, is_understudied, pause_us }
    }

    /// What is found wrong with a call that a recording has no answer for.
    fn find_unmatched(&mut self, call: &CallAtWork<'_>, operation: Option<&str>, miss: PlaybackMiss) -> Vec<Finding> {
        let CallAtWork { seq, at, request, shown, .. } = *call;
        let seen = format!("{} {}", request.method(), shown.target());
        let near = miss.nearest.map(|near| (near_miss::KEY.to_owned(), near.to_value()));
        let finding = self.elsewhere("unexpected-call", false, seq, at).map(|finding| Finding {
            operation: operation.map(str::to_owned),
            message: format!("the recording has no answer for {} {}: {}", shown.method(), shown.path(), miss.reason),
            evidence: [("seen".to_owned(), Value::from(seen))].into_iter().chain(near).collect(),
            scope: self.judge.mark(),
            source: SourcePlace::of_request(shown).or_else(|| self.judge.scope_source()),
            ..finding
        });
        finding.iter().for_each(|finding| self.judge.keep(finding.clone()));
        finding.into_iter().collect()
    }

    /// What the judge finds wrong with a call. It may refuse it, and then what it did is undone.
    fn judge(
        &mut self,
        call: &CallAtWork<'_>,
        reading: &mut Reading<'_, Cluster>,
        stubbed: Option<&Stubbed>,
        answer: &mut Answered,
    ) -> Vec<Finding> {
        let CallAtWork { seq, at, request, shown, mask } = *call;
        let reason_of;
        let (status, reason) = match &*answer {
            Answered::Recorded(response) => {
                reason_of = heard::refusal(response).1;
                (response.status(), &*reason_of)
            }
            Answered::Made(outcome) => match outcome {
                Ok(reply) => (reply.status, ""),
                Err(error) => (error.status(), error.reason()),
            },
        };
        // The judge hears no more of a secret than the journal keeps.
        let known = &self.journal.known;
        let reason = known.told(mask, reason);
        for Violation { pointer, message, .. } in &mut reading.violations {
            *pointer = known.told(mask, pointer).into_owned();
            *message = known.told(mask, message).into_owned();
        }
        let told = || match &*answer {
            Answered::Recorded(response) => response.body_json().unwrap_or_default(),
            Answered::Made(outcome) => match outcome {
                Ok(reply) => reply.body.to_value(),
                Err(error) => error.body(false).unwrap_or_default(),
            },
        };
        let other;
        let parsed = if mask.is_empty() {
            &reading.call.parsed
        } else {
            let mut parsed = std::mem::take(&mut reading.call.parsed);
            if shown.target() != request.target() {
                parsed.path = table::TABLE.placeholders(shown, self.setup.profile);
                parsed.query = rest::parse_query(shown.query()).unwrap_or_default();
            }
            if mask.hides_body() {
                parsed.forget_body();
            }
            other = parsed;
            &other
        };
        let verdict = self.judge.hear(&ObservedCall {
            seq,
            at,
            request: shown,
            operation: reading.operation,
            miss: reading.miss,
            parsed,
            violations: &reading.violations,
            compatible_with: reading.compatible_with,
            profile: self.setup.profile,
            status,
            reason: &reason,
            answer: &told,
            part: match &*answer {
                Answered::Made(outcome) => outcome.as_ref().ok().and_then(|reply| reply.body.part()),
                Answered::Recorded(_) => None,
            },
            retry_after_s: match (stubbed, &*answer) {
                (Some(stubbed), _) if stubbed.retry_after_s().is_some() => stubbed.retry_after_s(),
                (_, Answered::Recorded(response)) => heard::retry_after_s(response),
                (_, Answered::Made(_)) => None,
            },
            exposed: &redact::exposures(shown, parsed, reading.facts, mask.shows_headers),
            enforced: false,
            mark: match (stubbed, &*answer) {
                (Some(stubbed), _) => Some(&stubbed.mark),
                (None, Answered::Recorded(response)) => response.mark.as_deref(),
                (None, Answered::Made(_)) => None,
            },
        });
        self.journal.stand(seq, (&verdict.seen).into());
        if let AnswerMode::Mock(mocked) = &mut self.mode {
            let cluster = mocked.cluster_mut();
            if verdict.refusal.is_some() { cluster.undo() } else { cluster.keep() }
        }
        if let Some(message) = verdict.refusal {
            *answer = Answered::Made(Err(ApiError::contract(message)));
        }
        verdict.findings
    }

    /// Tells the judge and the journal, before the first call, what there was at the start.
    fn prepare(&mut self) {
        if self.is_prepared {
            return;
        }
        self.is_prepared = true;
        self.warmth.cool(false);
        let is_judged = self.setup.strictness.contract() != Contract::Off && !self.judge.asks_answers();
        if matches!(self.mode, AnswerMode::Mock(_)) && self.stubs.is_none() && is_judged {
            let knowledge = Knowledge::of_fixture(&self.setup.fixture, &mut self.journal.known);
            self.judge.know(knowledge);
            return;
        }
        let state = match &self.mode {
            AnswerMode::Mock(_) => stubbing::state_at_start(&self.setup),
            AnswerMode::Playback(playback) => playback.state().clone(),
            AnswerMode::Upstream => Value::Null,
        };
        self.know(state, true);
    }

    fn know(&mut self, mut state: Value, whole: bool) {
        self.journal.known.state(&mut state);
        if self.setup.strictness.contract() != Contract::Off {
            self.judge.learn(&state, whole);
        }
    }

    /// A finding by a rule that is not the judge's own to ask; none if it is not to be asked.
    fn elsewhere(&self, id: &str, soft: bool, seq: u64, at: Timestamp) -> Option<Finding> {
        let rule = strictness::find(id).ok()?;
        let told =
            self.setup.strictness.severity(rule).filter(|_| self.setup.strictness.contract() != Contract::Off)?;
        let severity = if soft && !self.setup.strictness.is_set(rule) { Severity::Warning } else { told };
        Some(Finding {
            hint: rule.hint.into(),
            reference: rule.reference.into(),
            ..Finding::about(rule.id, severity, seq, at)
        })
    }

    /// Remembers a call whose answer has been written.
    pub(crate) fn finish(&mut self, acted: PendingResponse, request: &Request, response: &Response, took_us: u32) {
        let PendingResponse { seq, at, operation, findings, mask, .. } = acted;
        self.journal.fill(Note { seq, at, operation, findings, took_us, mask }, request, response);
    }

    /// Remembers a call whose answer has been written, and tells it as the journal has it.
    pub(crate) fn finish_and_tell(
        &mut self,
        acted: PendingResponse,
        request: &Request,
        response: &Response,
        took_us: u32,
    ) -> Interaction {
        let PendingResponse { seq, at, operation, findings, mask, .. } = acted;
        self.journal.fill_and_tell(Note { seq, at, operation, findings, took_us, mask }, request, response)
    }

    /// Remembers a call whose body was too large to be read; its answer, and the call as the journal has it.
    pub fn refuse_too_large(&mut self, request: &Request, system: Timestamp) -> (Response, Interaction) {
        let at = self.now(system);
        self.prepare();
        let seq = self.journal.reserve();
        let mask = self.journal.mask(None, request, false);
        let response = bare(413);
        let verdict = self.judge.hear(&ObservedCall {
            seq,
            at,
            request: mask.over(request),
            operation: None,
            miss: None,
            parsed: &ParsedParts::default(),
            violations: &[],
            compatible_with: None,
            profile: self.setup.profile,
            status: 413,
            reason: &format!("the body is larger than {} bytes", self.setup.body_bytes_max),
            answer: &Value::default,
            part: None,
            retry_after_s: None,
            exposed: &[],
            enforced: false,
            mark: None,
        });
        let findings = verdict.findings;
        let note = Note { seq, at, operation: None, findings, took_us: 0, mask };
        let interaction = self.journal.fill_and_tell(note, request, &response);
        (response, interaction)
    }

    /// What the door is bothered by; it tells, and the health shows it.
    pub fn set_troubles(&mut self, troubles: Vec<String>) {
        self.troubles = troubles;
    }

    /// What the door was bothered by when it told last, a sentence each.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    fn cluster(&self) -> Result<&Cluster, Error> {
        match &self.mode {
            AnswerMode::Mock(mocked) => Ok(mocked.cluster()),
            AnswerMode::Playback(_) | AnswerMode::Upstream => Err(self.no_state()),
        }
    }

    fn no_state(&self) -> Error {
        Error::invalid_input(match &self.mode {
            AnswerMode::Upstream => "the state is that of the upstream, and cannot be read or changed here",
            _ => "a playback has no state: it answers from its recording alone",
        })
    }
}

/// The state that a recording begins with; empty if nobody knows it.
fn recorded_state(recording: &Recording) -> Result<Fixture, Error> {
    match &recording.header.state {
        Value::Null => Ok(Fixture::new()),
        state => Fixture::from_json(&state.to_string()),
    }
}

/// Lets a cluster deal with a request. With `is_enforced` what it does can be undone.
fn handle(
    cluster: &mut Cluster,
    reading: &mut Reading<'_, Cluster>,
    at: Timestamp,
    is_enforced: bool,
) -> Result<Reply, ApiError> {
    match (&mut reading.stage, reading.endpoint) {
        (ParseOutcome::Call, Some(endpoint)) => {
            let call = &mut reading.call;
            call.now = at;
            cluster.at(at);
            if is_enforced {
                cluster.begin();
            }
            // A rule computes first and stores last, so a panic leaves the state as it was.
            catch_unwind(AssertUnwindSafe(|| (endpoint.handler)(cluster, call)))
                .unwrap_or_else(|panic| Err(ApiError::bug(&panic_text(&*panic))))
        }
        (ParseOutcome::Answered(outcome), _) => std::mem::replace(outcome, Ok(Reply::acknowledged())),
        (ParseOutcome::Call, None) => Err(ApiError::bug("a call without an operation")),
    }
}

/// What a handler answers to a call that is none of a client's: its status and its JSON.
fn answer_of_handler(read: ParsedRequest<'_>, cluster: &mut Cluster, now: Timestamp) -> (u16, Value) {
    let mut reading = read.reading;
    let outcome = handle(cluster, &mut reading, now, false);
    drop(cluster.take_dropped());
    match outcome {
        Ok(reply) => (reply.status, reply.body.to_value()),
        Err(error) => (error.status(), error.body(false).unwrap_or_default()),
    }
}

/// The engine behind its lock. A panic while it was held has left it whole: rules store last.
pub(crate) fn lock(engine: &Mutex<Engine>) -> MutexGuard<'_, Engine> {
    engine.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}
