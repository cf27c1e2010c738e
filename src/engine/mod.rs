//! [`Engine`]: the whole mock as one value. It has no sockets, reads no clock and draws no chance of
//! its own.
//!
//! A request and an instant go in, a [`Step`] comes out. The way has three stages, so that a door with
//! many connections holds the lock only for the middle one: [`Desk::read`] (pure), [`Engine::act`]
//! (state), [`Acted::render`] (pure); [`Engine::finish`] then writes the journal. [`Engine::receive`]
//! does all of it for a caller without a wire.
//!
//! **The replay law:** same seed, same fixture, same requests and verbs at the same instants, and the
//! bytes are the same.

mod answers;
pub mod mode;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::api;
use crate::clock::{Clock, Timestamp};
use crate::cluster::Cluster;
use crate::cluster::document::Source;
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::fixture::Fixture;
use crate::http::{Request, Response};
use crate::journal::interaction::Interaction;
use crate::journal::playback::Playback;
use crate::journal::recording::{self, Header, Recording};
use crate::journal::{Extract, Journal, Note, Standing, redact};
use crate::judge::coverage::Coverage;
use crate::judge::heard::{self, Heard};
use crate::judge::report::{self, Played, Report};
use crate::judge::strictness::{self, Contract, Strictness};
use crate::judge::{Counts, Judge};
use crate::license::License;
use crate::limits;
use crate::near_miss;
use crate::profile::{Profile, Release};
use crate::rest::call::Reply;
use crate::rest::error::Error as Refused;
use crate::rest::render::{Style, bare, render};
use crate::rest::{self, Reading, Setting, Stage};
use mode::{Mocked, Mode};

/// What a mock is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What it starts with.
    pub fixture: Arc<Fixture>,
    /// What its ids depend on.
    pub seed: u64,
    /// Its time.
    pub clock: Clock,
    /// The Elasticsearch that it mimics.
    pub profile: Profile,
    /// What it says of itself in `GET /`.
    pub release: &'static Release,
    /// The license that it says it has.
    pub license: License,
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
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            fixture: Fixture::built_in(),
            seed: 0,
            clock: Clock::real(),
            profile: Profile::default(),
            release: Profile::default().release(),
            license: License::default(),
            body_bytes_max: limits::BODY_BYTES_MAX,
            journal_entries_max: limits::JOURNAL_ENTRIES_MAX,
            journal_bytes_max: limits::JOURNAL_BYTES_MAX,
            record_timing: false,
            strictness: Strictness::default(),
        }
    }
}

/// The whole mock: state, time, journal and judgement.
///
/// ```
/// use elastimock::{Clock, Engine, Method, Request, Setup, Step};
///
/// let now = "2031-05-01T10:00:00Z".parse()?;
/// let mut engine = Engine::new(Setup { clock: Clock::frozen(now), ..Setup::default() }, now)?;
/// let claim = Request::new(Method::Put, "/_connector/_sync_job/job-pending/_claim")
///     .json(r#"{"worker_hostname":"w-1"}"#);
/// let Step::Deliver(response) = engine.receive(&claim, now) else { unreachable!("a mock answers") };
/// assert_eq!(response.text(), r#"{"result":"updated"}"#);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    setup: Setup,
    /// The instant that date maths in the fixture counts from.
    started_at: Timestamp,
    clock: Clock,
    mode: Mode,
    journal: Journal,
    judge: Judge,
    /// Whether the judge and the journal know the state at the start.
    is_prepared: bool,
    /// The latest instant that anybody has heard of.
    latest: Timestamp,
    /// Whether documents of connectors and jobs were written by other ways than the Connector API.
    has_foreign_documents: bool,
}

/// What the shell must do with a request that the engine has dealt with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Send this.
    Deliver(Response),
}

/// What a request can be read with, without the engine: a copy that every connection holds.
#[derive(Clone, Copy, Debug)]
pub struct Desk(Setting);

impl Desk {
    /// Takes a request through everything that needs no state.
    pub fn read(&self, request: &Request) -> Read {
        Read(rest::read(&api::TABLE, request, &self.0))
    }

    /// The largest request body, in bytes.
    pub fn body_bytes_max(&self) -> usize {
        self.0.body_bytes_max
    }
}

/// A request that has been read.
pub struct Read(Reading<Cluster>);

/// What the engine did with a request: everything that its answer needs.
#[derive(Debug)]
pub struct Acted {
    seq: u64,
    at: Timestamp,
    operation: Option<&'static str>,
    findings: Vec<Finding>,
    style: Style,
    answer: Answer,
    /// Settings in the request that the state knows to be secret.
    sensitive: Vec<String>,
}

#[derive(Debug)]
enum Answer {
    Made(Box<Result<Reply, Refused>>),
    Recorded(Response),
}

impl Acted {
    /// Writes the answer.
    pub fn render(&self) -> Response {
        match &self.answer {
            Answer::Recorded(response) => response.clone(),
            Answer::Made(outcome) => catch_unwind(AssertUnwindSafe(|| render(outcome, &self.style)))
                .unwrap_or_else(|panic| render(&Err(Refused::bug(&panic_text(&*panic))), &self.style)),
        }
    }
}

impl Engine {
    /// A mock as `setup` describes it. `system` is the system's time, read by the caller.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong.
    pub fn new(setup: Setup, system: Timestamp) -> Result<Engine, Error> {
        let mut clock = setup.clock.clone();
        let started_at = clock.read(system);
        let mocked = Mocked::new(setup.fixture.clone(), setup.seed, started_at)?;
        Ok(Engine::with_mode(setup, clock, started_at, Mode::Mock(Box::new(mocked))))
    }

    /// A mock that answers from a recording.
    pub fn playback(setup: Setup, recording: Recording, system: Timestamp) -> Engine {
        let mut clock = setup.clock.clone();
        let started_at = clock.read(system);
        Engine::with_mode(setup, clock, started_at, Mode::Playback(Box::new(Playback::new(recording))))
    }

    fn with_mode(setup: Setup, clock: Clock, started_at: Timestamp, mode: Mode) -> Engine {
        let journal = Journal::new(setup.journal_entries_max, setup.journal_bytes_max);
        let judge = Judge::new(setup.profile, setup.strictness.clone(), &Value::Null);
        Engine {
            setup,
            started_at,
            clock,
            mode,
            journal,
            judge,
            is_prepared: false,
            latest: started_at,
            has_foreign_documents: false,
        }
    }

    /// What connections read requests with.
    pub fn desk(&self) -> Desk {
        Desk(Setting {
            profile: self.setup.profile,
            release: self.setup.release,
            license: self.setup.license,
            body_bytes_max: self.setup.body_bytes_max,
        })
    }

    /// Deals with a request at an instant: reads, acts, renders, remembers, judges.
    pub fn receive(&mut self, request: &Request, system: Timestamp) -> Step {
        let acted = self.act(self.desk().read(request), request, system);
        let response = acted.render();
        self.finish(acted, request, &response, 0);
        Step::Deliver(response)
    }

    /// The middle stage: touches the state, takes the call's place in the journal, and judges.
    ///
    /// Under [`Contract::Enforce`] the mock acts first, the judge hears what came of it, and if it says no
    /// what it wrote is undone: so the judge sees the same as without, a 409 for instance.
    pub fn act(&mut self, read: Read, request: &Request, system: Timestamp) -> Acted {
        let Read(reading) = read;
        let at = self.clock.read(system);
        self.latest = at;
        self.prepare();
        let seq = self.journal.reserve();
        let mut body = None;
        let mut unmatched = None;
        let mut sensitive = Vec::new();
        let endpoint = reading.endpoint;
        let mut answer = match &mut self.mode {
            Mode::Mock(mocked) => {
                let cluster = mocked.cluster_mut();
                Answer::Made(Box::new(match (reading.stage, reading.endpoint) {
                    (Stage::Call(mut call), Some(endpoint)) => {
                        call.now = at;
                        if self.setup.strictness.contract() == Contract::Enforce {
                            cluster.begin();
                        }
                        // A rule computes first and stores last, so a panic leaves the state as it was.
                        let outcome = catch_unwind(AssertUnwindSafe(|| (endpoint.handler)(cluster, &call)))
                            .unwrap_or_else(|panic| Err(Refused::bug(&panic_text(&*panic))));
                        if endpoint.operation == "connector.update_configuration" {
                            sensitive = cluster.sensitive_settings(call.path("connector_id"));
                        }
                        body = call.body;
                        outcome
                    }
                    (Stage::Answered(outcome), _) => {
                        if reading.operation == Some("connector.update_configuration") {
                            let id = request.path().split('/').nth(2);
                            sensitive = id.map(|id| cluster.sensitive_settings(id)).unwrap_or_default();
                        }
                        outcome
                    }
                    (Stage::Call(_), None) => Err(Refused::bug("a call without an operation")),
                }))
            }
            Mode::Playback(playback) => match playback.answer(request) {
                Ok(response) => {
                    if let Stage::Call(call) = reading.stage {
                        body = call.body;
                    }
                    Answer::Recorded(response)
                }
                Err(miss) => {
                    let refused = Refused::unmatched(miss.reason.clone());
                    unmatched = Some(miss);
                    Answer::Made(Box::new(Err(refused)))
                }
            },
        };
        self.journal.known.learn_body(reading.operation, request.body());
        if let (Answer::Made(outcome), Some(endpoint)) = (&mut answer, endpoint) {
            self.hold_to_specification(endpoint, request, outcome);
        }
        let findings = match unmatched {
            Some(miss) => {
                let seen = format!("{} {}", request.method(), redact::target(request.target()));
                let near = miss.nearest.map(|near| (near_miss::KEY.to_owned(), near.to_value()));
                let finding = self.elsewhere("unexpected-call", false, seq, at).map(|finding| Finding {
                    operation: reading.operation.map(str::to_owned),
                    message: format!(
                        "the recording has no answer for {} {}: {}",
                        request.method(),
                        request.path(),
                        miss.reason
                    ),
                    evidence: [("seen".to_owned(), Value::from(seen))].into_iter().chain(near).collect(),
                    ..finding
                });
                finding.iter().for_each(|finding| self.judge.keep(finding.clone()));
                finding.into_iter().collect()
            }
            None if self.setup.strictness.contract() == Contract::Off => Vec::new(),
            None => {
                let reason_of;
                let (status, reason) = match &answer {
                    Answer::Recorded(response) => {
                        reason_of = heard::refusal(response).1;
                        (response.status(), &*reason_of)
                    }
                    Answer::Made(outcome) => match &**outcome {
                        Ok(reply) => (reply.status, ""),
                        Err(error) => (error.status(), error.reason()),
                    },
                };
                // The judge hears no more of a secret than the journal keeps.
                let reason = redact::reason(reading.operation, request.body(), &sensitive, reason);
                let told = || match &answer {
                    Answer::Recorded(response) => heard::value_of(response.body()),
                    Answer::Made(outcome) => match &**outcome {
                        Ok(reply) => reply.body.to_value(),
                        Err(error) => error.body(false).unwrap_or_default(),
                    },
                };
                let verdict = self.judge.hear(&Heard {
                    seq,
                    at,
                    request,
                    operation: reading.operation,
                    miss: reading.miss,
                    body: body.as_ref(),
                    violations: &reading.violations,
                    compatible_with: reading.compatible_with,
                    profile: self.setup.profile,
                    status,
                    reason,
                    answer: &told,
                    retry_after_s: match &answer {
                        Answer::Recorded(response) => heard::retry_after_s(response),
                        Answer::Made(_) => None,
                    },
                    exposed: &self.journal.known.exposures(request, reading.operation),
                    enforced: false,
                });
                self.journal.stand(seq, (&verdict.seen).into());
                if let Mode::Mock(mocked) = &mut self.mode {
                    let cluster = mocked.cluster_mut();
                    if verdict.refusal.is_some() { cluster.undo() } else { cluster.keep() }
                }
                if let Some(message) = verdict.refusal {
                    answer = Answer::Made(Box::new(Err(Refused::contract(message))));
                }
                verdict.findings
            }
        };
        Acted { seq, at, operation: reading.operation, findings, style: reading.style, answer, sensitive }
    }

    /// Tells the judge and the journal, before the first call, what there was at the start.
    fn prepare(&mut self) {
        if self.is_prepared {
            return;
        }
        self.is_prepared = true;
        let state = match &self.mode {
            Mode::Mock(_) => self.setup.fixture.to_value(),
            Mode::Playback(playback) => playback.state().clone(),
        };
        self.know(&state, true);
    }

    fn know(&mut self, state: &Value, whole: bool) {
        self.journal.known.learn_state(state);
        if self.setup.strictness.contract() != Contract::Off {
            self.judge.learn(state, whole);
        }
    }

    /// A finding by a rule that is not the judge's own to ask; none if it is not to be asked.
    fn elsewhere(&self, id: &str, soft: bool, seq: u64, at: Timestamp) -> Option<Finding> {
        let rule = strictness::find(id).ok()?;
        let told =
            self.setup.strictness.severity(rule).filter(|_| self.setup.strictness.contract() != Contract::Off)?;
        let severity = if soft && !self.setup.strictness.is_set(rule) { Severity::Warning } else { told };
        Some(Finding {
            hint: rule.hint.to_owned(),
            reference: rule.reference,
            ..Finding::about(rule.id, severity, seq, at)
        })
    }

    /// Remembers a call whose answer has been written.
    pub fn finish(&mut self, acted: Acted, request: &Request, response: &Response, took_us: u32) {
        let Acted { seq, at, operation, findings, sensitive, .. } = acted;
        self.journal.fill(Note { seq, at, operation, findings, took_us, sensitive }, request, response);
    }

    /// The same, and tells the call as the journal has it, for whoever writes it down elsewhere.
    pub fn finish_and_tell(
        &mut self,
        acted: Acted,
        request: &Request,
        response: &Response,
        took_us: u32,
    ) -> Interaction {
        let Acted { seq, at, operation, findings, sensitive, .. } = acted;
        self.journal.fill_and_tell(Note { seq, at, operation, findings, took_us, sensitive }, request, response)
    }

    /// Remembers a call whose body was too large to be read, and returns its answer.
    pub fn refuse_too_large(&mut self, request: &Request, system: Timestamp) -> Response {
        let at = self.clock.read(system);
        let seq = self.journal.reserve();
        let response = bare(413);
        let verdict = self.judge.hear(&Heard {
            seq,
            at,
            request,
            operation: None,
            miss: None,
            body: None,
            violations: &[],
            compatible_with: None,
            profile: self.setup.profile,
            status: 413,
            reason: &format!("the body is larger than {} bytes", self.setup.body_bytes_max),
            answer: &Value::default,
            retry_after_s: None,
            exposed: &[],
            enforced: false,
        });
        let findings = verdict.findings;
        self.journal.fill(
            Note { seq, at, operation: None, findings, took_us: 0, sensitive: Vec::new() },
            request,
            &response,
        );
        response
    }

    // ── verbs ─────────────────────────────────────────────────────────────────────────────────────

    /// Back to the start: state, journal, findings, clock and ids.
    pub fn reset(&mut self, system: Timestamp) {
        self.clock = self.setup.clock.clone();
        self.started_at = self.clock.read(system);
        match &mut self.mode {
            Mode::Mock(mocked) => mocked.reset(self.started_at),
            Mode::Playback(playback) => playback.reset(),
        }
        self.has_foreign_documents = false;
        self.journal.restart();
        self.judge.restart();
        self.is_prepared = false;
        self.latest = self.started_at;
    }

    /// The whole state in fixture format.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] in playback, which has no state.
    pub fn state(&self) -> Result<Fixture, Error> {
        Ok(Fixture::of(self.cluster()?))
    }

    /// Replaces the whole state.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong, or in playback; then nothing has changed.
    pub fn put_state(&mut self, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
        let now = self.clock.read(system);
        let Mode::Mock(mocked) = &mut self.mode else {
            return Err(no_state());
        };
        let mut planted = Cluster::new(self.setup.seed);
        fixture.plant(&mut planted, now)?;
        mocked.replace(planted);
        self.has_foreign_documents = true;
        self.is_prepared = true;
        self.know(&fixture.to_value(), true);
        Ok(())
    }

    /// Adds to the state.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong or an id is there already, or in playback;
    /// then nothing has changed.
    pub fn add_state(&mut self, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
        let now = self.clock.read(system);
        let Mode::Mock(mocked) = &mut self.mode else {
            return Err(no_state());
        };
        let mut grown = mocked.cluster().clone();
        fixture.plant(&mut grown, now)?;
        mocked.replace(grown);
        self.has_foreign_documents = true;
        self.prepare();
        self.know(&fixture.to_value(), false);
        Ok(())
    }

    /// The stored source of a sync job.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such job.
    pub fn sync_job(&self, id: &str) -> Result<Arc<Source>, Error> {
        let found = self.cluster()?.sync_job(id);
        found.cloned().map_err(|_| Error::not_found(format!("there is no sync job [{id}] in the mock's state")))
    }

    /// The stored source of a connector, a softly deleted one too.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such connector.
    pub fn connector(&self, id: &str) -> Result<Arc<Source>, Error> {
        let found = self.cluster()?.connector(id, true);
        found.cloned().map_err(|_| Error::not_found(format!("there is no connector [{id}] in the mock's state")))
    }

    /// What the clock shows.
    pub fn now(&mut self, system: Timestamp) -> Timestamp {
        self.latest = self.clock.read(system);
        self.latest
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Changes the clock; requests already answered keep their instants.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Moves the clock forward and returns what it then shows.
    pub fn advance(&mut self, system: Timestamp, by: Duration) -> Timestamp {
        self.latest = self.clock.advance(system, by);
        self.latest
    }

    /// Interactions after number `after`, at most `limit`, of one operation if it is named.
    pub fn journal(&self, after: u64, operation: Option<&str>, limit: usize) -> Extract {
        self.journal.extract(after, operation, limit)
    }

    /// One interaction.
    pub fn interaction(&self, seq: u64) -> Option<Interaction> {
        self.journal.get(seq)
    }

    /// How many interactions the journal has forgotten because it is bounded.
    pub fn evicted(&self) -> u64 {
        self.journal.evicted()
    }

    /// How many calls the journal has heard since it was last cleared, those that it has forgotten
    /// included.
    pub fn calls(&self) -> u64 {
        self.journal.calls()
    }

    /// Forgets interactions and findings.
    pub fn clear_journal(&mut self) {
        self.journal.clear();
        self.judge.clear();
    }

    /// What was found and is not allowed. With `end` also what would be found if the run ended at the
    /// latest instant that the engine has heard of; asking ends nothing.
    pub fn findings(&self, end: bool) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.judge.findings().cloned().collect();
        if end {
            findings.extend(self.end(limits::PLAYBACK_REPORT_ENTRIES_MAX));
        }
        findings
    }

    /// How many findings there were, those that are no longer kept included.
    pub fn counts(&self, end: bool) -> Counts {
        let mut counts = self.judge.counts();
        if end {
            self.end(usize::MAX).iter().for_each(|finding| counts.add(finding.severity, 1));
        }
        counts
    }

    /// What there is to tell of the run as if it ended now, with all its calls or only those of the lanes
    /// that have findings.
    pub fn report(&self, with_every_call: bool) -> Report {
        let findings = self.findings(true);
        let story = match with_every_call {
            true => self.journal.iter().collect(),
            false => report::story(&findings, self.journal.iter()),
        };
        let played = match &self.mode {
            Mode::Mock(_) => None,
            Mode::Playback(playback) => {
                let recorded = playback.total() as u64;
                Some(Played { recorded, served: recorded - playback.leftovers().count() as u64 })
            }
        };
        Report { findings, counts: self.counts(true), calls: self.calls(), story, played, ..Report::default() }
    }

    /// How much of the Connector API the calls that the journal holds have exercised.
    pub fn coverage(&self) -> Coverage {
        Coverage::of_calls(self.setup.profile, self.standing_calls()).with_evicted(self.evicted())
    }

    /// The calls that the journal holds, each with how what it was about stood before it.
    pub fn standing_calls(&self) -> Vec<(Interaction, Standing)> {
        self.journal.iter_standing().collect()
    }

    /// What is found at the end, with at most that many recorded calls that never came.
    fn end(&self, leftovers_max: usize) -> Vec<Finding> {
        // In a playback the recording says how the run ends: a client that has made every recorded call
        // can do no more.
        let found = match &self.mode {
            Mode::Playback(playback) => {
                let told = playback.leftovers().take(leftovers_max);
                told.filter_map(|interaction| self.leftover(interaction)).collect()
            }
            Mode::Mock(_) => self.judge.finish(self.latest),
        };
        self.judge.end(found, self.latest)
    }

    fn leftover(&self, interaction: &Interaction) -> Option<Finding> {
        let Interaction { seq, request, operation, .. } = interaction;
        Some(Finding {
            operation: operation.clone(),
            message: format!("the recorded call {seq} {} {} never came", request.method(), request.target()),
            evidence: Map::from_iter([("recorded_seq".to_owned(), Value::from(*seq))]),
            calls: Vec::new(),
            ..self.elsewhere("recording-leftover", true, *seq, self.latest)?
        })
    }

    /// Lets a rule be broken in this run.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if there is no such rule; names the closest ones.
    pub fn allow(&mut self, rule: &str, reason: &str) -> Result<(), Error> {
        self.judge.allow(strictness::find(rule)?, reason);
        Ok(())
    }

    /// The journal as a recording, with the fixture that the mock started with.
    pub fn recording(&self) -> Recording {
        let kept = |interaction| recording::put_away(interaction, self.setup.record_timing);
        let interactions = self.journal.iter().map(kept).collect();
        Recording { header: self.recording_header(), interactions, cut_off: false }
    }

    /// The first line of a recording that begins now.
    pub fn recording_header(&self) -> Header {
        let mut state = self.setup.fixture.to_value();
        redact::value(&mut state);
        let release = self.setup.release;
        Header {
            elastimock: env!("CARGO_PKG_VERSION").to_owned(),
            profile: self.setup.profile,
            es_version: (release != self.setup.profile.release()).then(|| release.number.to_owned()),
            license: self.setup.license,
            is_clock_running: !self.setup.clock.is_frozen(),
            seed: self.setup.seed,
            started_at: self.started_at,
            state,
        }
    }

    /// What the mock was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    fn cluster(&self) -> Result<&Cluster, Error> {
        match &self.mode {
            Mode::Mock(mocked) => Ok(mocked.cluster()),
            Mode::Playback(_) => Err(no_state()),
        }
    }
}

fn no_state() -> Error {
    Error::invalid_input("a playback has no state: it answers from its recording alone")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}
