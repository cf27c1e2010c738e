//! The verbs: everything that may happen to a mock beside the calls of its clients.
//!
//! What changes the mock is an [`Event`] with a number among those of the calls, so that a recording tells
//! the whole run. Slow work (planting a state, writing out a page) is not done here but by whoever asks,
//! from what a verb hands out: an engine is as a rule behind a lock.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::mode::{self, AnswerMode};
use super::{Engine, ParsedRequest, Setup, lock};
use crate::clock::{Clock, Timestamp};
use crate::contract::coverage::Coverage;
use crate::contract::report::backdrop::{Backdrop, Beginning};
use crate::contract::report::{Report, Uncounted};
use crate::contract::scope::Scope;
use crate::contract::{Counts, Knowledge, ScopeEnd, strictness};
use crate::error::Error;
use crate::es::order::{Order, OrderDraft};
use crate::es::store::{Cluster, JobOrder, JobPlace};
use crate::finding::Finding;
use crate::fixture::Fixture;
use crate::limits;
use crate::mock::stored::{StoredConnector, StoredSyncJob};
use crate::profile::Profile;
use crate::record::event::{Change, Event};
use crate::record::interaction::Interaction;
use crate::record::playback::policy::PlayOrder;
use crate::record::playback::{PlayNote, Played};
use crate::record::recording::{Allowed, Header, Recording};
use crate::record::redact::KnownSecrets;
use crate::record::{Extract, JournalItem, JournalPage, RunSpan};
use crate::source_place::SourcePlace;
use crate::stub::Script;
use crate::visibility::Visibility;

/// A state as a recording shows it, and how long it is there.
#[derive(Clone, Debug)]
pub(crate) struct StateShown {
    value: Arc<Value>,
    bytes: usize,
}

impl StateShown {
    fn new(mut state: Value) -> StateShown {
        KnownSecrets::default().state(&mut state);
        let bytes = state.to_string().len();
        StateShown { value: Arc::new(state), bytes }
    }
}

/// A state that has been planted and waits to take its place.
#[derive(Debug)]
pub(crate) struct PlantedState {
    cluster: Cluster,
    fixture: Value,
    shown: StateShown,
    at: Timestamp,
    /// What is to be answered beside it.
    stubs: Vec<Script>,
    /// What the engine's [`Engine::version`] was when a copy of its state was taken, to be added to.
    grown_from: Option<u64>,
}

impl PlantedState {
    /// Plants a fixture in an empty cluster, to take the place of all that is there.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong.
    pub(crate) fn whole(fixture: &Fixture, seed: u64, at: Timestamp) -> Result<PlantedState, Error> {
        PlantedState::new(fixture, Cluster::new(seed), at, None)
    }

    /// Plants a fixture in a copy of what is there.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong or an id is there already.
    pub(crate) fn grown(fixture: &Fixture, copy: Copied) -> Result<PlantedState, Error> {
        PlantedState::new(fixture, copy.cluster, copy.at, Some(copy.version))
    }

    fn new(
        fixture: &Fixture,
        mut cluster: Cluster,
        at: Timestamp,
        grown_from: Option<u64>,
    ) -> Result<PlantedState, Error> {
        fixture.plant(&mut cluster, at)?;
        let stubs = fixture.stubs().cloned().collect();
        // What becomes of them is an event of its own.
        let mut fixture = fixture.to_value();
        if let Some(members) = fixture.as_object_mut() {
            members.shift_remove("stubs");
            members.shift_remove("visibility");
        }
        Ok(PlantedState { cluster, shown: StateShown::new(fixture.clone()), fixture, at, stubs, grown_from })
    }
}

/// A copy of the state, which shares its documents with it.
#[derive(Debug)]
pub(crate) struct Copied {
    cluster: Cluster,
    version: u64,
    at: Timestamp,
}

impl Copied {
    /// The state in fixture format.
    pub(crate) fn to_fixture(&self) -> Fixture {
        Fixture::of(&self.cluster)
    }
}

/// Whether an engine has a large state still to plant or to learn before its next call.
#[derive(Debug, Default)]
pub(crate) struct Warmth {
    is_cold: AtomicBool,
    /// Held by whoever sees to it, so that it is done once.
    turn: Mutex<()>,
}

impl Warmth {
    /// Says whether there is something to be done.
    pub(super) fn cool(&self, is_cold: bool) {
        self.is_cold.store(is_cold, Ordering::Release);
    }
}

/// What has to be done before a call, taken out of the engine.
struct Cold {
    fixture: Arc<Fixture>,
    seed: u64,
    visibility: Visibility,
    started_at: Timestamp,
    is_planted: bool,
    known: KnownSecrets,
    judges: Option<bool>,
}

/// What has been done for the first call, before it came.
struct Warm {
    started_at: Timestamp,
    cluster: Option<Cluster>,
    /// How many secrets were known before.
    known_before: usize,
    known: KnownSecrets,
    knowledge: Option<Knowledge>,
}

impl Cold {
    fn warm(mut self) -> Option<Warm> {
        let known_before = self.known.len();
        let cluster = match self.is_planted {
            true => None,
            false => Some(mode::planted(&self.fixture, self.seed, self.visibility, self.started_at).ok()?),
        };
        let knowledge = if self.judges == Some(false) {
            Some(Knowledge::of_fixture(&self.fixture, &mut self.known))
        } else {
            let mut state = self.fixture.to_value();
            self.known.state(&mut state);
            self.judges.map(|with_answers| Knowledge::of(&state, with_answers))
        };
        Some(Warm { started_at: self.started_at, cluster, known_before, known: self.known, knowledge })
    }
}

/// Plants and learns a large state before a call, while the engine is free: others need not wait for its lock.
/// An engine without such a state, or one that nobody has warmed, does the same by itself.
pub(crate) fn warm(engine: &Mutex<Engine>, warmth: &Warmth) {
    if !warmth.is_cold.load(Ordering::Acquire) {
        return;
    }
    let _turn = warmth.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cold) = lock(engine).cold() else { return };
    if let Some(warm) = cold.warm() {
        lock(engine).take_warm(warm);
    }
    warmth.cool(false);
}

/// Puts many jobs into the order that a call asks for while others have their turn in between. A call that nobody has
/// prepared does the same by itself.
pub(crate) fn put_in_order(engine: &Mutex<Engine>, warmth: &Warmth, read: &ParsedRequest<'_>) {
    let Some(order) = read.jobs_order() else { return };
    let _turn = warmth.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((mut draft, _replaced)) = lock(engine).draft_jobs(order) else { return };
    while lock(engine).read_jobs(&mut draft) {
        draft.place(|job| Some(order.place(job)));
    }
    draft.place(|job| Some(order.place(job)));
    let made = draft.finished();
    lock(engine).take_jobs(order, made);
}

/// What an engine hands out for a report, which is put together when nobody waits for the engine.
#[derive(Debug)]
pub(crate) struct ReportDraft {
    scopes: Vec<Scope>,
    kept: Vec<JournalItem>,
    played: Option<Played>,
    profile: Profile,
    evicted: u64,
    backdrop: Option<Backdrop>,
}

impl ReportDraft {
    /// How far a playback came.
    pub(crate) fn played(&self) -> Option<&Played> {
        self.played.as_ref()
    }

    /// The report, with every call or only those of the lanes that have findings.
    pub(crate) fn report(self, with_every_call: bool) -> Report {
        let ReportDraft { scopes, kept, played, profile, evicted, backdrop } = self;
        let report = Report::of_scopes(scopes, &kept, with_every_call, played, backdrop);
        Report { uncounted: Some(Uncounted { profile, kept, evicted }), ..report }
    }
}

impl Engine {
    // ── scopes ────────────────────────────────────────────────────────────────────────────────────

    /// Ends the scope and begins the next: state, clock and ids as at the start. What was found stays in
    /// the run.
    pub fn reset(&mut self, system: Timestamp) {
        self.begin_scope(None, None, false, system);
    }

    /// As [`Engine::reset`], and names the scope that begins, and says where in the tests' source that is. With
    /// `forget` the findings of the scope that ends are dropped, and reports say how many. Returns the scope that has
    /// ended.
    pub fn begin_scope(
        &mut self,
        name: Option<Arc<str>>,
        source: Option<Arc<SourcePlace>>,
        forget: bool,
        system: Timestamp,
    ) -> Scope {
        self.open_gates(system);
        let at = self.now(system);
        let found = self.end_of_scope(usize::MAX, false);
        let calls = self.journal.calls(RunSpan::Scope);
        self.clock = self.setup.clock.clone();
        self.started_at = self.clock.read(system);
        self.start_from_reloaded();
        match &mut self.mode {
            AnswerMode::Mock(mocked) => {
                let is_large = !self.setup.fixture.can_wait().unwrap_or(true);
                mocked.reset(self.started_at);
                self.warmth.cool(is_large);
            }
            AnswerMode::Playback(playback) => playback.begin_scope(name.as_deref()),
            AnswerMode::Upstream => {}
        }
        if let Some(mocked) = &mut self.understudy {
            mocked.reset(self.started_at);
        }
        let shown = self.start_state();
        // A state that is not the header's is told however large it is.
        let is_told = shown.bytes <= limits::EVENT_STATE_BYTES_MAX || !self.earlier_starts.is_empty();
        let state = is_told.then(|| shown.value.clone());
        let (scope, started_at) = (name.clone(), self.started_at);
        self.happen(at, Change::Reset { scope, started_at, state, forget, source: source.clone() }, 0);
        let ended = self.judge.end_scope(ScopeEnd {
            now: at,
            found,
            calls,
            forget,
            next: name,
            next_seq: self.journal.next_seq(),
            next_at: self.started_at,
            next_source: source,
        });
        self.is_prepared = false;
        self.stubs = super::stubbing::at_start(&self.setup);
        self.simulate_anew(self.started_at);
        self.late.clear();
        self.latest = self.started_at;
        self.expect_stubs();
        ended
    }

    /// The name of a scope, if it can be one.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is blank, too long, or `all`, which stands for the whole run.
    pub fn scope_name(name: &str) -> Result<Arc<str>, Error> {
        // It stands in headings and in lines that other programs read.
        let name: String = name.chars().fold(String::new(), |mut shown, c| {
            match c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                true => shown.extend(c.escape_default()),
                false => shown.push(c),
            }
            shown
        });
        let name = &*name;
        let most = limits::SCOPE_NAME_CHARS_MAX;
        match name {
            _ if name.trim().is_empty() => {
                Err(Error::invalid_input("the name of a scope is blank; give that of the test"))
            }
            "all" => Err(Error::invalid_input("[all] stands for the whole run; give the scope another name")),
            _ if name.chars().count() > most => Err(Error::invalid_input(format!(
                "the name of a scope has more than {most} characters; give a shorter one"
            ))),
            _ => Ok(name.into()),
        }
    }

    /// The ended scope that began with that number.
    pub fn ended_scope(&self, first_seq: u64) -> Option<Scope> {
        self.ended_scopes().find(|scope| scope.first_seq == first_seq).cloned()
    }

    /// The scopes that have ended, oldest first; beyond a bound the last entry stands for all further ones.
    pub(crate) fn ended_scopes(&self) -> impl Iterator<Item = &Scope> {
        self.judge.ended_scopes()
    }

    /// Every scope of the run, the last one going on. With `end` as if the run ended at the latest instant
    /// that the engine has heard of; asking ends nothing.
    pub fn scopes(&self, end: bool) -> Vec<Scope> {
        let mut scopes: Vec<Scope> = self.ended_scopes().cloned().collect();
        scopes.push(self.scope(end));
        scopes
    }

    /// The scope that goes on; with `end` as if it ended now.
    pub fn scope(&self, end: bool) -> Scope {
        let found = if end { self.end(limits::PLAYBACK_REPORT_ENTRIES_MAX) } else { Vec::new() };
        let shown = found.len();
        let mut scope = self.judge.scope(self.journal.calls(RunSpan::Scope), found);
        if end && shown >= limits::PLAYBACK_REPORT_ENTRIES_MAX {
            // Leftovers beyond the bound are counted only.
            scope.counts = self.counts(true);
        }
        scope
    }

    /// Drops the calls and events that the journal holds. Their findings stay in the run.
    pub fn clear_journal(&mut self) {
        self.journal.clear();
    }

    /// As [`Engine::clear_journal`], and forgets the findings of the run so far; reports say how many.
    pub fn forget(&mut self, system: Timestamp) {
        let at = self.now(system);
        self.journal.clear();
        self.judge.forget();
        self.happen(at, Change::Forget, 0);
    }

    /// Lets a rule be broken in this scope.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if there is no such rule; names the closest ones.
    pub fn allow(&mut self, rule: &str, reason: &str) -> Result<(), Error> {
        let rule = strictness::find(rule)?;
        // Before anything has happened it stands in the recording's first line.
        if self.journal.next_seq() > 1 || self.unwritten.is_some() {
            self.happen(self.latest, Change::Allow { rule: rule.id.into(), reason: reason.into() }, 0);
        } else {
            let (rule, reason) = (rule.id.to_owned(), reason.to_owned());
            self.allowed.push(Allowed { rule, reason, first_scope_only: true });
        }
        self.judge.allow(rule, reason, false);
        Ok(())
    }

    /// Lets a rule be broken in every scope of the run.
    ///
    /// # Errors
    /// As [`Engine::allow`].
    pub fn allow_always(&mut self, rule: &str, reason: &str) -> Result<(), Error> {
        let rule = strictness::find(rule)?;
        self.allowed.push(Allowed { rule: rule.id.to_owned(), reason: reason.to_owned(), first_scope_only: false });
        self.judge.allow(rule, reason, true);
        Ok(())
    }

    /// Tells others whether there is a large state to be planted or learnt, see `warm`.
    pub(crate) fn warmth(&self) -> Arc<Warmth> {
        self.warmth.clone()
    }

    fn draft_jobs(&mut self, order: JobOrder) -> Option<(OrderDraft<JobPlace>, Order<JobPlace>)> {
        let AnswerMode::Mock(mocked) = &mut self.mode else { return None };
        mocked.cluster_mut().draft_jobs(order)
    }

    fn read_jobs(&self, draft: &mut OrderDraft<JobPlace>) -> bool {
        let AnswerMode::Mock(mocked) = &self.mode else { return false };
        mocked.cluster().read_jobs(draft)
    }

    fn take_jobs(&mut self, order: JobOrder, made: Order<JobPlace>) {
        let AnswerMode::Mock(mocked) = &mut self.mode else { return };
        mocked.cluster_mut().take_jobs(order, made);
    }

    fn cold(&self) -> Option<Cold> {
        let AnswerMode::Mock(mocked) = &self.mode else { return None };
        let (fixture, seed, visibility, started_at) = mocked.seedling();
        let strictness = &self.setup.strictness;
        (!self.is_prepared).then(|| Cold {
            fixture,
            seed,
            visibility,
            started_at,
            is_planted: mocked.is_planted(),
            known: self.journal.known.clone(),
            judges: (strictness.contract() != strictness::Contract::Off).then(|| self.judge.asks_answers()),
        })
    }

    fn take_warm(&mut self, warm: Warm) {
        let AnswerMode::Mock(mocked) = &self.mode else { return };
        // Something has come between: then it is done once more, in the old way.
        let is_of_now = mocked.seedling().3 == warm.started_at && self.journal.known.len() == warm.known_before;
        if self.is_prepared || !is_of_now {
            return;
        }
        if let Some(cluster) = warm.cluster {
            mocked.take(cluster);
        }
        self.journal.known = warm.known;
        if let Some(knowledge) = warm.knowledge {
            self.judge.know(knowledge);
        }
        self.is_prepared = true;
    }

    // ── state ─────────────────────────────────────────────────────────────────────────────────────

    /// The whole state in fixture format.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] in playback, which has no state.
    pub fn state(&self) -> Result<Fixture, Error> {
        Ok(Fixture::of(self.cluster()?))
    }

    /// A copy of the state. Documents are shared with it, so it is soon made.
    ///
    /// # Errors
    /// As [`Engine::state`].
    pub(crate) fn copy_state(&mut self, system: Timestamp) -> Result<Copied, Error> {
        let at = self.now(system);
        Ok(Copied { cluster: self.cluster()?.clone(), version: self.version(), at })
    }

    /// Changes with every call and event.
    fn version(&self) -> u64 {
        self.journal.next_seq()
    }

    /// Replaces the whole state.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong, or in playback; then nothing has changed.
    pub fn put_state(&mut self, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
        let at = self.now(system);
        self.check_beside(fixture)?;
        if !self.plays_state()? {
            let planted = PlantedState::whole(fixture, self.setup.seed, at)?;
            self.install(planted).expect("a whole state can always take its place");
        }
        Ok(())
    }

    /// Adds to the state.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong or an id is there already, or in playback;
    /// then nothing has changed.
    pub fn add_state(&mut self, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
        self.now(system);
        self.check_beside(fixture)?;
        if !self.plays_state()? {
            let planted = PlantedState::grown(fixture, self.copy_state(system)?)?;
            self.install(planted).expect("nothing has happened since");
        }
        Ok(())
    }

    /// Whether what a fixture has beside its state can be taken in.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the name of a stub is taken, or if searches would see what is written at another
    /// time than from the start.
    fn check_beside(&self, fixture: &Fixture) -> Result<(), Error> {
        fixture.visibility_said().map_or(Ok(()), |said| self.check_visibility(said))?;
        self.check_stubs(fixture.stubs())
    }

    fn check_visibility(&self, said: Visibility) -> Result<(), Error> {
        let own = self.setup.visibility.unwrap_or_default();
        match said == own {
            true => Ok(()),
            false => Err(Error::invalid_input(format!(
                "`visibility` is said when a mock starts, and this one's is {own}: start it with --visibility {said}"
            ))),
        }
    }

    /// Whether this is a playback whose recording has a changed state next: then its answers know of it
    /// already.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] in a playback whose recording has none.
    pub fn plays_state(&mut self) -> Result<bool, Error> {
        match &mut self.mode {
            AnswerMode::Mock(_) => Ok(false),
            AnswerMode::Upstream => Err(self.no_state()),
            AnswerMode::Playback(playback) => {
                let Some((whole, state)) = playback.take_state() else { return Err(self.no_state()) };
                self.prepare();
                let at = self.latest;
                match whole {
                    true => self.judge.replace_state(&state, at),
                    false => self.judge.learn(&state, false),
                }
                self.happen(at, Change::State { whole, state }, 0);
                Ok(true)
            }
        }
    }

    /// Puts a planted state in its place.
    ///
    /// # Errors
    /// The state, if it was grown from one that has changed since: plant it anew.
    pub(crate) fn install(&mut self, planted: PlantedState) -> Result<(), Box<PlantedState>> {
        if planted.grown_from.is_some_and(|version| version != self.version()) {
            return Err(Box::new(planted));
        }
        let PlantedState { cluster, mut fixture, shown, at, stubs, grown_from } = planted;
        let AnswerMode::Mock(mocked) = &mut self.mode else { return Ok(()) };
        mocked.replace(cluster, at);
        let whole = grown_from.is_none();
        if whole {
            self.is_prepared = true;
        } else {
            self.prepare();
        }
        self.journal.known.state(&mut fixture);
        if self.setup.strictness.contract() != strictness::Contract::Off {
            match whole {
                true => self.judge.replace_state(&fixture, at),
                false => self.judge.learn(&fixture, false),
            }
        }
        self.happen(at, Change::State { whole, state: shown.value }, shown.bytes);
        if whole {
            self.simulate_anew(at);
        }
        if !stubs.is_empty() {
            self.take_stubs(stubs, whole, at);
        }
        Ok(())
    }

    /// The stored source of a sync job.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such job.
    pub fn sync_job(&self, id: &str) -> Result<StoredSyncJob, Error> {
        let found = self.cluster()?.sync_job(id);
        found
            .map(|source| StoredSyncJob::new(id, source.clone()))
            .map_err(|_| Error::not_found(format!("there is no sync job [{id}] in the mock's state")))
    }

    /// The stored source of a connector, a softly deleted one too.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such connector.
    pub fn connector(&self, id: &str) -> Result<StoredConnector, Error> {
        let found = self.cluster()?.connector(id, true);
        found
            .map(|source| StoredConnector::new(id, source.clone()))
            .map_err(|_| Error::not_found(format!("there is no connector [{id}] in the mock's state")))
    }

    // ── time ──────────────────────────────────────────────────────────────────────────────────────

    /// What the clock shows.
    pub fn now(&mut self, system: Timestamp) -> Timestamp {
        // After its end a run's time stands still, so that a report says what the recording does.
        if !self.has_ended {
            self.latest = self.clock.read(system);
            if self.simulation.is_some() {
                self.live(self.latest);
            }
        }
        self.latest
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Gives the engine another clock; requests already answered keep their instants. For whoever plays a
    /// story again, instant by instant: it is no event of the run, as [`Engine::move_clock`] is.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Changes the clock, and returns what it then shows.
    pub fn move_clock(&mut self, clock: Clock, system: Timestamp) -> Timestamp {
        let before = self.now(system);
        self.clock = clock;
        self.clock_moved(before, system)
    }

    /// Moves the clock forward and returns what it then shows.
    pub fn advance(&mut self, system: Timestamp, by: Duration) -> Timestamp {
        let before = self.now(system);
        self.clock.advance(system, by);
        self.clock_moved(before, system)
    }

    fn clock_moved(&mut self, before: Timestamp, system: Timestamp) -> Timestamp {
        let at = self.now(system);
        if at < before {
            self.judge.turn_back(before);
        }
        self.happen(at, Change::Clock { frozen: self.clock.is_frozen() }, 0);
        at
    }

    // ── what was said ─────────────────────────────────────────────────────────────────────────────

    /// Interactions of this scope after number `after`, at most `limit`, of one operation if it is named.
    pub fn journal(&self, after: u64, operation: Option<&str>, limit: usize) -> Extract {
        self.journal.page(RunSpan::Scope, after, operation, limit, usize::MAX).into()
    }

    /// The latest scope that is meant, as a span of the run; `None` if there is none.
    pub(crate) fn span_of(&self, is_meant: impl Fn(&Scope) -> bool) -> Option<RunSpan> {
        if is_meant(&self.judge.scope(0, Vec::new())) {
            return Some(RunSpan::Scope);
        }
        let ended = self.ended_scopes().filter(|scope| is_meant(scope)).last();
        ended.map(|scope| RunSpan::Ended(scope.first_seq))
    }

    /// Interactions of a span of the run and the events among them, not written out yet.
    pub(crate) fn page(
        &self,
        span: RunSpan,
        after: u64,
        operation: Option<&str>,
        limit: usize,
        bytes_max: usize,
    ) -> JournalPage {
        let mut page = self.journal.page(span, after, operation, limit, bytes_max);
        if let RunSpan::Ended(first) = span {
            // Of a scope that the journal has forgotten the judge still knows the calls.
            let kept = self.journal.kept(span);
            let held = kept.iter().filter(|item| matches!(item, JournalItem::Call(..))).count() as u64;
            page.evicted = self.ended_scope(first).map_or(0, |scope| scope.calls.saturating_sub(held));
        }
        page
    }

    /// The number of the latest call or event; 0 if there was none.
    pub(crate) fn latest_seq(&self) -> u64 {
        self.journal.next_seq() - 1
    }

    /// One interaction.
    pub fn interaction(&self, seq: u64) -> Option<Interaction> {
        self.journal.get(seq)
    }

    /// How many interactions of this scope the journal has forgotten because it is bounded.
    pub fn evicted(&self) -> u64 {
        self.journal.evicted(RunSpan::Scope)
    }

    /// How many calls of a span there were, and how many of them the journal has forgotten.
    pub(crate) fn calls_of(&self, span: RunSpan) -> (u64, u64) {
        (self.journal.calls(span), self.journal.evicted(span))
    }

    /// How many calls the run has had, those that the journal has forgotten included.
    pub fn calls(&self) -> u64 {
        self.journal.calls(RunSpan::Run)
    }

    /// All calls and events of a span that the journal holds, not written out yet.
    pub(crate) fn kept(&self, span: RunSpan) -> Vec<JournalItem> {
        self.journal.kept(span)
    }

    /// The calls of this scope as a recording, with the fixture that the mock started with.
    pub fn recording(&self) -> Recording {
        let (header, kept) = self.recorded(RunSpan::Scope);
        Recording::of_kept(header, &kept, self.setup.record_timing)
    }

    /// What a recording of a span is made from, not written out yet.
    pub(crate) fn recorded(&self, span: RunSpan) -> (Header, Vec<JournalItem>) {
        let mut kept = self.journal.kept(span);
        let last = kept.last().map_or(self.started_at, JournalItem::at);
        if !matches!(span, RunSpan::Ended(_)) && self.ends_otherwise_than_at(last) {
            let seq = self.journal.next_seq();
            kept.push(JournalItem::Event(Arc::new(Event { seq, at: self.latest, change: Change::End })));
        }
        (self.header(span), kept)
    }

    /// The first line of a recording of the run.
    pub fn recording_header(&self) -> Header {
        self.header(RunSpan::Run)
    }

    /// The first line of a recording of a span.
    pub(crate) fn header(&self, span: RunSpan) -> Header {
        let release = self.setup.release;
        let ended = match span {
            RunSpan::Ended(first) => self.ended_scopes().find(|scope| scope.first_seq == first),
            _ => None,
        };
        let current = self.judge.scope(0, Vec::new());
        let (started_at, named, is_first) = match (span, ended) {
            (RunSpan::Run, _) => (self.run_started_at, None, true),
            (_, Some(ended)) => (ended.started_at, Some(ended), ended.number == 1),
            (_, None) => (self.started_at, Some(&current), current.number == 1),
        };
        let scope = named.and_then(|scope| scope.name.clone());
        let source = named.and_then(|scope| scope.source.clone());
        let state = match (span, ended) {
            (RunSpan::Run, _) => self.start_of(0),
            (_, Some(ended)) => self.start_of(ended.first_seq),
            (_, None) => self.start_state(),
        };
        let allowances = self.allowed.iter().filter(|allowed| is_first || !allowed.first_scope_only);
        let forgotten = self.journal.forgotten_allowances(span).filter_map(|event| match &event.change {
            Change::Allow { rule, reason } => {
                Some(Allowed { rule: rule.to_string(), reason: reason.to_string(), first_scope_only: true })
            }
            _ => None,
        });
        Header {
            elastimock: env!("CARGO_PKG_VERSION").to_owned(),
            profile: self.setup.profile,
            es_version: (release != self.setup.profile.release()).then(|| release.number.to_owned()),
            license: self.setup.license,
            visibility: self.setup.visibility.unwrap_or_default(),
            is_clock_running: !self.setup.clock.is_frozen(),
            seed: self.setup.seed,
            started_at,
            allowances: allowances.cloned().chain(forgotten).collect(),
            scope,
            source,
            ignore: Vec::new(),
            // What has been forgotten may have changed it.
            state: if self.journal.is_cut(span) { Value::Null } else { (*state.value).clone() },
        }
    }

    /// In a playback, what is worth knowing of the answer to a call, if anything is.
    pub fn play_note(&self, seq: u64) -> Option<&PlayNote> {
        match &self.mode {
            AnswerMode::Playback(playback) => playback.played().notes.iter().rev().find(|note| note.seq == seq),
            AnswerMode::Mock(_) | AnswerMode::Upstream => None,
        }
    }

    /// Lets the scope that begins start from what was read meanwhile, if something was.
    fn start_from_reloaded(&mut self) {
        let Some(fixture) = self.reloaded.take() else { return };
        let before = self.start_state().clone();
        self.earlier_starts.push((self.journal.next_seq() + 1, before));
        self.start_state = OnceLock::new();
        self.setup.fixture = fixture.clone();
        if let AnswerMode::Mock(mocked) = &mut self.mode {
            mocked.start_from(fixture);
        }
    }

    /// The state at the start of the scope that began with that number.
    fn start_of(&self, first_seq: u64) -> &StateShown {
        let earlier = self.earlier_starts.iter().find(|(until, _)| first_seq < *until);
        earlier.map_or_else(|| self.start_state(), |(_, state)| state)
    }

    fn start_state(&self) -> &StateShown {
        self.start_state.get_or_init(|| {
            StateShown::new(match self.mode {
                AnswerMode::Upstream => Value::Null,
                _ => super::stubbing::state_at_start(&self.setup),
            })
        })
    }

    pub(super) fn happen(&mut self, at: Timestamp, change: Change, bytes: usize) {
        let event = self.journal.happen(at, change, bytes);
        if let Some(unwritten) = &mut self.unwritten {
            unwritten.push(event);
        }
    }

    /// Keeps every event from now on until somebody takes it with [`Engine::take_events`].
    pub fn keep_events(&mut self) {
        self.unwritten = Some(Vec::new());
    }

    /// The events since the last time.
    pub fn take_events(&mut self) -> Vec<Arc<Event>> {
        self.unwritten.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Says when the run ends, for the recording, if the verdict depends on it.
    pub fn end_run(&mut self, system: Timestamp) {
        let at = self.now(system);
        let last = self.journal.last_at().unwrap_or(self.run_started_at);
        if self.ends_otherwise_than_at(last) {
            self.happen(at, Change::End, 0);
        }
        self.has_ended = true;
    }

    /// Whether the rules about the end of a run find something else now than they do at an earlier instant:
    /// a clock runs on after the last call.
    fn ends_otherwise_than_at(&self, earlier: Timestamp) -> bool {
        let found = |at| -> Vec<(Cow<'_, str>, String)> {
            self.judge.finish(at).into_iter().map(|found| (found.rule, found.message)).collect()
        };
        !matches!(self.mode, AnswerMode::Playback(_)) && earlier != self.latest && found(earlier) != found(self.latest)
    }

    // ── what was found ────────────────────────────────────────────────────────────────────────────

    /// What was found in this scope and is not allowed. With `end` also what would be found if the run
    /// ended at the latest instant that the engine has heard of; asking ends nothing.
    pub fn findings(&self, end: bool) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.judge.findings().cloned().collect();
        if end {
            findings.extend(self.end(limits::PLAYBACK_REPORT_ENTRIES_MAX));
        }
        findings
    }

    /// How many findings there were in this scope, those that are no longer kept included.
    pub fn counts(&self, end: bool) -> Counts {
        let mut counts = self.judge.counts();
        if end {
            self.end(usize::MAX).iter().for_each(|finding| counts.add(finding.severity, 1));
        }
        counts
    }

    /// What a report of a span of the run is made from, with `end` as if the run ended now. Its calls only if they
    /// are wanted.
    pub(crate) fn draft_of(&self, span: RunSpan, end: bool, with_calls: bool) -> ReportDraft {
        let scopes = match span {
            RunSpan::Run => self.scopes(end),
            RunSpan::Scope => vec![self.scope(end)],
            RunSpan::Ended(first) => self.ended_scope(first).into_iter().collect(),
        };
        let kept = if with_calls { self.journal.kept(span) } else { Vec::new() };
        let evicted = self.calls_of(span).1;
        ReportDraft { scopes, kept, played: None, profile: self.setup.profile, evicted, backdrop: None }
    }

    /// What a report of the run is made from, as if the run ended now.
    pub(crate) fn draft(&self) -> ReportDraft {
        let played = match &self.mode {
            AnswerMode::Mock(_) | AnswerMode::Upstream => None,
            AnswerMode::Playback(playback) => Some(playback.played().clone()),
        };
        let (profile, evicted) = (self.setup.profile, self.calls_of(RunSpan::Run).1);
        ReportDraft {
            scopes: self.scopes(true),
            kept: self.journal.kept(RunSpan::Run),
            played,
            profile,
            evicted,
            backdrop: None,
        }
    }

    /// What a page about the run is made from: a report, and what the page shows besides.
    pub(crate) fn draft_of_page(&self) -> ReportDraft {
        ReportDraft { backdrop: Some(self.backdrop()), ..self.draft() }
    }

    fn backdrop(&self) -> Backdrop {
        let Setup { profile, release, seed, visibility, .. } = self.setup;
        let state = match &self.mode {
            AnswerMode::Mock(_) => self.start_state().value.clone(),
            AnswerMode::Playback(playback) => Arc::new(playback.state().clone()),
            AnswerMode::Upstream => Arc::default(),
        };
        let at = self.run_started_at;
        let (release, visibility) = (release.number.to_owned(), visibility.unwrap_or_default());
        Backdrop {
            beginnings: vec![Beginning { first_seq: 1, at, profile, release, seed, visibility, state }],
            due: self.judge.dues().collect(),
            now: self.latest,
            is_clock_running: !self.clock.is_frozen(),
            evicted: self.journal.evicted(RunSpan::Run),
            stubs: self.shown_stubs(),
            gates: self.told_gates(),
            coming: self.told_coming(),
            ..Backdrop::default()
        }
    }

    /// What there is to tell of the run as if it ended now, with all its calls or only those of the lanes
    /// that have findings.
    pub fn report(&self, with_every_call: bool) -> Report {
        let draft = if with_every_call { self.draft_of_page() } else { self.draft() };
        draft.report(with_every_call)
    }

    /// How much of the Connector API the calls of this scope that the journal holds have exercised.
    pub fn coverage(&self) -> Coverage {
        Coverage::of_kept(self.setup.profile, &self.journal.kept(RunSpan::Scope)).with_evicted(self.evicted())
    }

    /// What is found at the end of the run, with at most that many recorded calls that never came.
    fn end(&self, leftovers_max: usize) -> Vec<Finding> {
        let found = self.end_of_scope(leftovers_max, true);
        self.judge.end(found, self.latest)
    }

    /// What is found at the end of the scope, before anything is allowed; of a playback at the end of the
    /// run also the recorded scopes that never came.
    fn end_of_scope(&self, leftovers_max: usize, is_run: bool) -> Vec<Finding> {
        // In a playback the recording says how the run ends: a client that has made every recorded call
        // can do no more.
        match &self.mode {
            AnswerMode::Playback(playback) => {
                let told = playback.leftovers(is_run).take(leftovers_max);
                told.filter_map(|interaction| self.leftover(interaction)).collect()
            }
            AnswerMode::Mock(_) | AnswerMode::Upstream => {
                self.placed(self.with_near_misses(self.judge.finish(self.latest)))
            }
        }
    }

    /// The findings, each with the source place of the call that it is about, if that says one.
    fn placed(&self, mut found: Vec<Finding>) -> Vec<Finding> {
        for finding in found.iter_mut().filter(|finding| finding.seq > 0) {
            let call = self.journal.get(finding.seq);
            finding.source = call.and_then(|call| SourcePlace::of_request(&call.request));
        }
        found
    }

    fn leftover(&self, interaction: &Interaction) -> Option<Finding> {
        let Interaction { seq, request, operation, scope, .. } = interaction;
        let place = scope.as_deref().map(|scope| format!(" in {scope}")).unwrap_or_default();
        let is_strict = self.setup.play.order == PlayOrder::Strict;
        Some(Finding {
            operation: operation.clone(),
            message: format!("the recorded call {seq} {} {} never came{place}", request.method(), request.target()),
            scope: scope.clone(),
            source: SourcePlace::of_request(request),
            evidence: Map::from_iter([("recorded_seq".to_owned(), Value::from(*seq))]),
            calls: Vec::new(),
            ..self.elsewhere("recording-leftover", !is_strict, *seq, self.latest)?
        })
    }

    /// What the mock was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
}

/// As [`Engine::put_state`], for an engine that others wait for: the state is planted while it is free.
///
/// # Errors
/// As [`Engine::put_state`].
pub(crate) fn put_state(engine: &Mutex<Engine>, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
    let (seed, at) = {
        let mut engine = lock(engine);
        engine.check_beside(fixture)?;
        if engine.plays_state()? {
            return Ok(());
        }
        (engine.setup().seed, engine.now(system))
    };
    let planted = PlantedState::whole(fixture, seed, at)?;
    lock(engine).install(planted).expect("a whole state can always take its place");
    Ok(())
}

/// As [`Engine::add_state`], for an engine that others wait for: what is added is planted while it is free,
/// and once more if something has happened meanwhile.
///
/// # Errors
/// As [`Engine::add_state`].
pub(crate) fn add_state(engine: &Mutex<Engine>, fixture: &Fixture, system: Timestamp) -> Result<(), Error> {
    for _ in 0..limits::STATE_TRIES_MAX {
        let copied = {
            let mut engine = lock(engine);
            if engine.plays_state()? {
                return Ok(());
            }
            engine.check_beside(fixture)?;
            engine.copy_state(system)?
        };
        let planted = PlantedState::grown(fixture, copied)?;
        if lock(engine).install(planted).is_ok() {
            return Ok(());
        }
    }
    lock(engine).add_state(fixture, system)
}

/// What of a fixture was replaced when it was read again.
#[cfg(feature = "cli")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// The state.
    pub state: bool,
    /// The stubs that came with it.
    pub stubs: bool,
}

/// Has a fixture served in the place of the one that the mock started from, as far as they differ: the state as
/// [`put_state`] does it, and of the stubs those that came with the old one. The next scope starts from the new one.
///
/// # Errors
/// [`Error::is_invalid_input`] if the fixture is wrong, if the name of a stub is taken by one that was added meanwhile,
/// or in a playback; then nothing has changed.
#[cfg(feature = "cli")]
pub(crate) fn reload(engine: &Mutex<Engine>, fixture: Fixture, system: Timestamp) -> Result<Reloaded, Error> {
    fixture.check()?;
    let fixture = Arc::new(fixture);
    let (before, seed, at) = {
        let mut engine = lock(engine);
        engine.cluster()?;
        let before = engine.reloaded.clone().unwrap_or_else(|| engine.setup.fixture.clone());
        (before, engine.setup.seed, engine.now(system))
    };
    let told = |fixture: &Fixture| {
        let mut state = fixture.to_value();
        let stubs = state.as_object_mut().and_then(|members| {
            members.shift_remove("visibility");
            members.shift_remove("stubs")
        });
        (state, stubs)
    };
    let ((state, stubs), (state_before, stubs_before)) = (told(&fixture), told(&before));
    let changed = Reloaded { state: state != state_before, stubs: stubs != stubs_before };
    let said = fixture.visibility_said();
    if said != before.visibility_said() {
        lock(engine).check_visibility(said.unwrap_or_default())?;
    }
    // Planted while nobody waits; what cannot be is told before anything has changed.
    let planted = match changed.state {
        true => Some(PlantedState { stubs: Vec::new(), ..PlantedState::whole(&fixture, seed, at)? }),
        false => None,
    };
    let mut engine = lock(engine);
    if changed.stubs {
        engine.exchange_stubs(&before, &fixture, at)?;
    }
    if let Some(planted) = planted {
        engine.install(planted).expect("a whole state can always take its place");
    }
    engine.reloaded = Some(fixture);
    Ok(changed)
}
