//! [`MockServer`]: the in-process door.
//!
//! All in-process servers share one background runtime, made on first use, so they work from any
//! runtime and from none, also when a test blocks its own thread.

pub(crate) mod cassette;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
#[cfg(feature = "tls")]
use std::panic::AssertUnwindSafe;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::clock::{Clock, Timestamp};
use crate::contract::coverage::Coverage;
use crate::contract::report::{Report, ReportFormat};
use crate::contract::scope::Scope;
use crate::contract::strictness::{Contract, Level};
use crate::error::Error;
use crate::es::sync_job::rules::SyncStatus;
use crate::finding::{Finding, Severity};
use crate::fixture::{Fixture, Incident};
use crate::input;
use crate::input::sniff::InputWanted;
use crate::license::License;
use crate::limits::{RECORDING_BYTES_MAX, SERVER_THREADS_MAX, STOP_MS_MAX};
use crate::mock::engine::{Deadline, Engine, Setup, lock, run};
use crate::mock::stored::{StoredConnector, StoredSyncJob};
use crate::mock::wire::gate::Gate;
use crate::mock::wire::guard::CallerGuard;
use crate::mock::wire::ports;
use crate::mock::wire::server::{ServerShared, Tasks, adopt, spawn, system_time};
use crate::mock::wire::sink::Sink;
#[cfg(feature = "tls")]
use crate::mock::wire::tls::{ServerTls, Tls};
use crate::mock::wire::troubles::{Tell, TroubleLog};
use crate::mock::wire::upstream::{Behind, ForwardShare, Upstream};
use crate::profile::{Profile, Release};
use crate::record::interaction::Interaction;
use crate::record::playback::PlayNote;
use crate::record::playback::policy::{Exhausted, OnUnmatched, PlayOrder, PlayPolicy};
use crate::record::recording::Recording;
use crate::record::transcript::Transcript;
use crate::record::{JournalItem, RunSpan};
use crate::simulation::Simulated;
use crate::source_place::SourcePlace;
use crate::stub::Stub;
use crate::visibility::Visibility;
use cassette::{Cassette, CassetteMode, Use};

fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    RUNTIME.get_or_try_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(SERVER_THREADS_MAX))
            .thread_name("elastimock")
            .enable_all()
            .build()
            .map_err(|error| Error::surroundings("cannot start the threads that serve in-process mocks", error))
    })
}

/// A line of the tests, as findings point at it.
fn called_from(caller: &Location<'_>) -> Option<Arc<SourcePlace>> {
    SourcePlace::parse(&format!("{}:{}", caller.file(), caller.line())).map(Arc::new)
}

/// A seed from the system's entropy.
pub(crate) fn entropy() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A mock server inside a test. Dropping it stops it: the port is closed and connections are cut
/// before `drop` returns.
///
/// ```
/// use elastimock::{Clock, Connector, Fixture, MockServer, SyncJob, SyncStatus};
///
/// let server = MockServer::builder()
///     .fixture(
///         Fixture::new()
///             .connector(Connector::new("crm").index_name("search-crm").service_type("postgresql"))
///             .sync_job(SyncJob::pending("job-1", "crm")),
///     )
///     .clock(Clock::frozen("2031-05-01T10:00:00Z".parse()?))
///     .seed(7)
///     .start_blocking()?;
///
/// // … let the client under test work against server.url() …
///
/// assert_eq!(server.sync_job("job-1")?.status()?, SyncStatus::Pending);
/// server.assert_conformant();
/// # Ok::<(), elastimock::Error>(())
/// ```
#[must_use = "a mock server stops when it is dropped: bind it to a name that lives as long as the test"]
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    url: String,
    shared: Arc<ServerShared>,
    tasks: Arc<Tasks>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
    asserts_on_drop: bool,
    fail_on: Severity,
    /// The line of the test that made its builder.
    started_from: Option<Arc<SourcePlace>>,
    /// The cassette that is played or recorded, until it is closed.
    cassette: Mutex<Option<Cassette>>,
}

impl MockServer {
    /// Starts a server on the built-in fixtures and a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if no port can be bound.
    #[track_caller]
    pub fn start() -> impl Future<Output = Result<MockServer, Error>> + Send {
        MockServer::builder().start()
    }

    /// Starts a server as [`MockServer::start`] does, without a runtime.
    ///
    /// # Errors
    /// As [`MockServer::start`].
    #[track_caller]
    pub fn start_blocking() -> Result<MockServer, Error> {
        MockServer::builder().start_blocking()
    }

    /// A server to be described. Findings that no client and no scope gives a place point at the line that calls
    /// this.
    #[track_caller]
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder { started_from: called_from(Location::caller()), ..MockServerBuilder::default() }
    }

    /// Starts a server that answers from a recording file.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the file is no recording; [`Error::is_surroundings`] if it cannot
    /// be read or no port can be bound.
    #[track_caller]
    pub fn playback(path: impl AsRef<Path>) -> Result<MockServer, Error> {
        MockServer::builder().playback(read_recording(path.as_ref())?.0).start_blocking()
    }

    /// A server that plays a cassette, or records it: a recording file that stands in for the mock once it is there.
    /// [`MockServerBuilder::mode`] says which of the two, [`CassetteMode::Once`] when not said, and the variable
    /// `ELASTIMOCK_MODE` says it for a whole suite: `ELASTIMOCK_MODE=all cargo test` records every cassette anew.
    ///
    /// What is recorded takes the place of the file when the server stops, unless the test has panicked or there are
    /// findings that fail it: then the file stays as it was.
    ///
    /// ```
    /// use elastimock::playback::CassetteMode;
    /// use elastimock::MockServer;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("sync.ndjson");
    /// let server = MockServer::cassette(&path).mode(CassetteMode::Once).start_blocking()?;
    /// // … let the client under test work against server.url() …
    /// server.stop_blocking()?;
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn cassette(path: impl Into<PathBuf>) -> MockServerBuilder {
        MockServer::builder().cassette(path)
    }

    /// Where the server is reached, without a slash at the end: `http://127.0.0.1:43210`, with TLS `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the server is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that the server is bound to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What clients need in order to trust the server; `None` if it speaks plain HTTP.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&ServerTls> {
        self.tls.as_ref()
    }

    /// The seed that ids depend on.
    pub fn seed(&self) -> u64 {
        self.shared.engine().setup().seed
    }

    /// Ends the scope and begins the next: state, clock and ids go back to the start. Journal, transcript,
    /// findings and coverage are those of the new scope from now on; what was found stays in the run, and
    /// [`MockServer::run`] has it.
    pub fn reset(&self) {
        self.shared.verb(|engine| lock(engine).reset(system_time()));
    }

    /// As [`MockServer::reset`], and names the scope that begins: after the test, as a rule. Findings and
    /// reports say the name, and point at the line that calls this, unless a client says a place of its own
    /// ([`SourcePlace`]).
    ///
    /// # Panics
    /// If the name is blank, longer than 1000 characters, or `all`, which stands for the whole run.
    #[track_caller]
    pub fn scope(&self, name: &str) {
        let name = Engine::scope_name(name).unwrap_or_else(|error| panic!("{error}"));
        let source = called_from(Location::caller());
        self.shared.verb(|engine| lock(engine).begin_scope(Some(name), source, false, system_time()));
    }

    /// Every scope of the run, the last one as if it ended now.
    pub fn scopes(&self) -> Vec<Scope> {
        self.engine_now().scopes(true)
    }

    /// The whole run in place of the scope that goes on: its journal, transcript, findings, coverage.
    pub fn run(&self) -> WholeRun<'_> {
        WholeRun(self)
    }

    /// The whole state in fixture format.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] in playback, which has no state.
    pub fn state(&self) -> Result<Fixture, Error> {
        let copied = self.shared.engine().copy_state(system_time())?;
        Ok(copied.to_fixture())
    }

    /// Replaces the whole state.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong, or in playback; then nothing has changed.
    pub fn put_state(&self, fixture: &Fixture) -> Result<(), Error> {
        self.shared.verb(|engine| run::put_state(engine, fixture, system_time()))
    }

    /// Adds to the state.
    ///
    /// # Errors
    /// As [`MockServer::put_state`]; also if an id is there already.
    pub fn add_state(&self, fixture: &Fixture) -> Result<(), Error> {
        self.shared.verb(|engine| run::add_state(engine, fixture, system_time()))
    }

    /// A sync job as it is stored now.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none with that id.
    pub fn sync_job(&self, id: &str) -> Result<StoredSyncJob, Error> {
        self.engine_now().sync_job(id)
    }

    /// A connector as it is stored now, a softly deleted one too.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is none with that id.
    pub fn connector(&self, id: &str) -> Result<StoredConnector, Error> {
        self.engine_now().connector(id)
    }

    /// Has calls answered as the stub says, from now on until [`MockServer::reset`]. Of several that match, the last one
    /// answers.
    ///
    /// # Panics
    /// If the stub is wrong, or its name is taken; tells what is wrong and a cure.
    #[track_caller]
    pub fn stub(&self, stub: Stub) {
        let added = stub
            .script()
            .and_then(|script| self.shared.verb(|engine| lock(engine).add_stubs(vec![script], system_time())));
        if let Err(error) = added {
            panic!("{error}");
        }
    }

    /// Takes out the stub of that name; whether there was one.
    pub fn remove_stub(&self, name: &str) -> bool {
        self.shared.verb(|engine| lock(engine).remove_stubs(Some(name), system_time()))
    }

    /// Takes out all stubs.
    pub fn clear_stubs(&self) {
        self.shared.verb(|engine| lock(engine).remove_stubs(None, system_time()));
    }

    /// Holds calls like the stub's until the test lets them go: for races on demand.
    ///
    /// # Panics
    /// If the stub is wrong; tells what is wrong and a cure.
    #[track_caller]
    pub fn gate(&self, stub: Stub) -> Gate {
        let taken = self.shared.engine().gates();
        let name = (1..).map(|number| format!("gate-{number}")).find(|name| !taken.contains(name)).unwrap_or_default();
        // A gate is no expectation.
        let script = stub.hold(&name).expect(0..).script();
        let added =
            script.and_then(|script| self.shared.verb(|engine| lock(engine).add_stubs(vec![script], system_time())));
        match added.map(|names| names.into_iter().next()) {
            Ok(Some(stub)) => Gate::new(self.shared.clone(), stub, name),
            Ok(None) => panic!("the gate was not made"),
            Err(error) => panic!("{error}"),
        }
    }

    // ── the other side's hand ─────────────────────────────────────────────────────────────────────

    /// Cancels a sync job as a user does: no client's call, and judged as none.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such job; [`Error::is_invalid_input`] if it cannot be canceled.
    pub fn cancel(&self, job: &str) -> Result<(), Error> {
        self.hand(&json!({ "cancel": job })).map(|_| ())
    }

    /// Ends a sync job: `Completed`, `Canceled` or `Error`.
    ///
    /// # Errors
    /// As [`MockServer::cancel`].
    pub fn end(&self, job: &str, status: SyncStatus) -> Result<(), Error> {
        self.hand(&json!({ "end": job, "status": status.name() })).map(|_| ())
    }

    /// Writes fields of a sync job.
    ///
    /// # Errors
    /// As [`MockServer::cancel`].
    pub fn update(&self, job: &str, doc: Value) -> Result<(), Error> {
        self.hand(&json!({ "sync_job": job, "doc": doc })).map(|_| ())
    }

    /// Writes fields of a connector.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such connector.
    pub fn update_connector(&self, connector: &str, doc: Value) -> Result<(), Error> {
        self.hand(&json!({ "connector": connector, "doc": doc })).map(|_| ())
    }

    /// Makes a connector connected and seen now.
    ///
    /// # Errors
    /// As [`MockServer::update_connector`].
    pub fn connect(&self, connector: &str) -> Result<(), Error> {
        self.hand(&json!({ "connect": connector })).map(|_| ())
    }

    /// Asks for a full sync of a connector, as a user does, and returns the id of the pending job.
    ///
    /// # Errors
    /// As [`MockServer::update_connector`].
    pub fn sync(&self, connector: &str) -> Result<String, Error> {
        let id = self.hand(&json!({ "sync": connector }))?;
        Ok(id.map(|id| id.to_string()).unwrap_or_default())
    }

    /// Does what the other side does, in the form of `POST /_elastimock/hand`; the id of the job that it made, if it made
    /// one. It is a line of the recording.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is no act or is refused; [`Error::is_not_found`] if what it is about is not there.
    pub fn hand(&self, act: &Value) -> Result<Option<Arc<str>>, Error> {
        self.shared.verb(|engine| lock(engine).hand(act, system_time()))
    }

    /// Moves mock time to the next instant at which something is due, and tells what: an answer that comes late, the end
    /// of a scroll, a sign of life that a client owes, what a simulated side or a schedule does. `None`, and no move, if
    /// there is nothing.
    pub fn advance_to_next_deadline(&self) -> Option<Deadline> {
        self.shared.verb(|engine| lock(engine).advance_to_next_deadline(system_time()))
    }

    /// Waits until an operation has been called that often in this scope and answered, and returns the first of these
    /// calls.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the time is up.
    pub fn wait_for(&self, operation: &str, count: usize, wait_max: Duration) -> Result<Vec<Interaction>, Error> {
        self.shared.wait_for(operation, count, wait_max).ok_or_else(|| {
            let came = self.journal().iter().filter(|call| call.operation.as_deref() == Some(operation)).count();
            Error::surroundings(
                format!("waited {wait_max:?} for {count} calls of {operation}, and {came} came"),
                std::io::Error::from(std::io::ErrorKind::TimedOut),
            )
        })
    }

    /// The engine at this instant: what is due by now has been done.
    fn engine_now(&self) -> MutexGuard<'_, Engine> {
        let mut engine = self.shared.engine();
        engine.now(system_time());
        engine
    }

    /// What the mock's clock shows.
    pub fn now(&self) -> Timestamp {
        self.shared.engine().now(system_time())
    }

    /// Sets the mock's clock, or changes how it runs. Requests already answered keep their instants.
    pub fn set_clock(&self, clock: Clock) {
        self.shared.verb(|engine| lock(engine).move_clock(clock, system_time()));
    }

    /// Moves mock time forward by `by`, and returns the new instant. A frozen clock stays frozen.
    pub fn advance(&self, by: Duration) -> Timestamp {
        self.shared.verb(|engine| lock(engine).advance(system_time(), by))
    }

    /// Every interaction of this scope that the journal holds, oldest first. What it has forgotten is
    /// counted by [`MockServer::evicted`].
    pub fn journal(&self) -> Vec<Interaction> {
        self.journal_of(RunSpan::Scope)
    }

    fn journal_of(&self, span: RunSpan) -> Vec<Interaction> {
        // Written out when nobody waits for the engine any more.
        let kept = self.engine_now().kept(span);
        kept.iter().filter_map(JournalItem::interaction).collect()
    }

    /// The calls of this scope that were of that operation, oldest first.
    ///
    /// ```
    /// # let server = elastimock::MockServer::builder().start_blocking()?;
    /// assert_eq!(server.calls("connector.sync_job_claim").len(), 0);
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn calls(&self, operation: &str) -> Vec<Interaction> {
        let mut calls = self.journal();
        calls.retain(|call| call.operation.as_deref() == Some(operation));
        calls
    }

    /// How many interactions of this scope the journal has forgotten because it is bounded.
    pub fn evicted(&self) -> u64 {
        self.shared.engine().evicted()
    }

    /// What the server is bothered by besides its clients' mistakes, a sentence each: a recording that cannot
    /// be written, calls of web pages that were refused, a stub that was to cut an answer behind its end.
    pub fn troubles(&self) -> Vec<String> {
        self.shared.troubles()
    }

    /// Drops the interactions that the journal holds. Their findings stay; [`MockServer::forget`] drops
    /// those too.
    pub fn clear_journal(&self) {
        self.shared.engine().clear_journal();
    }

    /// Drops the interactions that the journal holds and forgets the findings of the run so far. Reports
    /// say how many were forgotten.
    pub fn forget(&self) {
        self.shared.verb(|engine| lock(engine).forget(system_time()));
    }

    /// The journal of this scope as a recording.
    pub fn recording(&self) -> Recording {
        self.recording_of(RunSpan::Scope)
    }

    fn recording_of(&self, span: RunSpan) -> Recording {
        let ((header, kept), timing) = {
            let engine = self.engine_now();
            (engine.recorded(span), engine.setup().record_timing)
        };
        Recording::of_kept(header, &kept, timing)
    }

    /// The journal of this scope in a form made for snapshots: volatile parts are named, and calls stand in
    /// lanes, so that concurrent clients give the same snapshot every time. A document that came before in
    /// its lane shows what has changed in it; [`Transcript::whole`] has everything.
    pub fn transcript(&self) -> Transcript {
        self.recording().transcript()
    }

    /// In a playback, what was passed over and which answers were given again, call by call; of many the last.
    pub fn play_notes(&self) -> Vec<PlayNote> {
        self.shared.engine().draft().played().map_or_else(Vec::new, |played| played.notes.clone())
    }

    /// What clients did against the contract in this scope, oldest first; recorded calls that never came
    /// included.
    pub fn findings(&self) -> Vec<Finding> {
        self.engine_now().findings(true)
    }

    /// Lets a rule be broken in this scope, before and from now on, and says why. An allowance that
    /// nothing needs is itself a finding, a warning.
    ///
    /// ```
    /// let server = elastimock::MockServer::start_blocking()?;
    /// // … a worker claims a job and is not let finish it …
    /// server.allow("job-left-open", "this test ends right after the claim");
    /// # assert_eq!(server.findings()[0].rule, "unused-allowance");
    /// server.assert_conformant();
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there is no rule with that id; names the closest ones.
    #[track_caller]
    pub fn allow(&self, rule: &str, reason: &str) {
        let allowed = self.shared.verb(|engine| lock(engine).allow(rule, reason));
        if let Err(error) = allowed {
            panic!("{error}");
        }
    }

    /// The findings of the whole run and their stories, scope by scope, to be written in any of the forms
    /// that [`ReportFormat`] has; as if the run ended now.
    pub fn report(&self) -> Report {
        self.report_with(true)
    }

    /// The report of the run, with all calls or only those of the lanes that have findings.
    pub(crate) fn report_with(&self, every_call: bool) -> Report {
        let draft = {
            let engine = self.engine_now();
            if every_call { engine.draft_of_page() } else { engine.draft() }
        };
        let mut report = draft.report(every_call);
        report.fail_on = Some(self.fail_on);
        report.started_from.clone_from(&self.started_from);
        report
    }

    /// Panics with the text report if there is a finding of severity error in the run, in earlier scopes
    /// too; with [`MockServerBuilder::fail_on`] also if there are only warnings. The report tells what each job and connector went through, with
    /// the offending calls marked, and every finding with its evidence and hint.
    ///
    /// # Panics
    /// If there is such a finding.
    #[track_caller]
    pub fn assert_conformant(&self) {
        if let Some(report) = self.failure() {
            panic!("{report}");
        }
    }

    /// As [`MockServer::assert_conformant`], for the scope that goes on alone: for tests that share a
    /// server, each in a scope of its own.
    ///
    /// # Panics
    /// If there is such a finding in it.
    #[track_caller]
    pub fn assert_scope_conformant(&self) {
        let draft = {
            let engine = self.engine_now();
            engine.draft_of(RunSpan::Scope, true, true)
        };
        let report = Report { fail_on: Some(self.fail_on), ..draft.report(false) };
        if report.is_failure() {
            panic!("{}", report.write(ReportFormat::Text));
        }
    }

    /// What a failed test prints; none when it has not failed.
    fn failure(&self) -> Option<String> {
        let report = self.report_with(false);
        report.is_failure().then(|| report.write(ReportFormat::Text))
    }

    /// How much of the Connector API the calls of this scope that the journal holds have exercised.
    pub fn coverage(&self) -> Coverage {
        self.coverage_of(RunSpan::Scope)
    }

    fn coverage_of(&self, span: RunSpan) -> Coverage {
        // Computed when nobody waits for the engine: it takes a while.
        let (profile, kept, evicted) = {
            let engine = self.engine_now();
            (engine.setup().profile, engine.kept(span), engine.calls_of(span).1)
        };
        Coverage::of_kept(profile, &kept).with_evicted(evicted)
    }

    /// Panics if less than `min` percent of the Connector API were exercised, and tells what was missed and
    /// which requests would add most.
    ///
    /// # Panics
    /// If it is less.
    #[track_caller]
    pub fn assert_coverage(&self, min: f64) {
        let coverage = self.coverage();
        let percent = coverage.percent();
        assert!(
            percent >= min,
            "the test exercised {percent} % of the Connector API, and {min} % are wanted\n\n{coverage}"
        );
    }

    /// Stops the server after calls in flight have been answered.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the recording could not be written to its end.
    pub async fn stop(self) -> Result<(), Error> {
        let tasks = self.tasks.clone();
        // Waiting blocks, and the caller's runtime may have one thread only.
        let waiting = runtime()?.spawn_blocking(move || tasks.drain(Duration::from_millis(STOP_MS_MAX)));
        let _ = waiting.await;
        self.close_sink()
    }

    /// Stops the server as [`MockServer::stop`] does, without a runtime.
    ///
    /// # Errors
    /// As [`MockServer::stop`].
    pub fn stop_blocking(self) -> Result<(), Error> {
        self.tasks.drain(Duration::from_millis(STOP_MS_MAX));
        self.close_sink()
    }

    /// Writes down when the run ended, and says whether the recording is whole.
    fn close_sink(&self) -> Result<(), Error> {
        self.shared.verb(|engine| lock(engine).end_run(system_time()));
        let closed = self.shared.sink().map_or(Ok(()), Sink::close);
        let cassette = self.cassette.lock().unwrap_or_else(PoisonError::into_inner).take();
        match cassette {
            Some(cassette) => {
                let is_good = || cassette.keeps_all() || self.failure().is_none();
                let has_ended_well = closed.is_ok() && !std::thread::panicking() && is_good();
                closed.and(cassette.close(self, has_ended_well))
            }
            None => closed,
        }
    }
}

/// A server's whole run, all its scopes together, as far as the journal's bounds have kept it;
/// [`MockServer::run`] gives it.
///
/// ```
/// let server = elastimock::MockServer::start_blocking()?;
/// // … one test, then …
/// server.reset();
/// // … another one …
/// println!("{} findings in both", server.run().findings().len());
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WholeRun<'s>(&'s MockServer);

impl WholeRun<'_> {
    /// Every interaction that the journal holds, oldest first.
    pub fn journal(&self) -> Vec<Interaction> {
        self.0.journal_of(RunSpan::Run)
    }

    /// The journal as a recording, with resets and other events among the calls.
    pub fn recording(&self) -> Recording {
        self.0.recording_of(RunSpan::Run)
    }

    /// The journal in a form made for snapshots.
    pub fn transcript(&self) -> Transcript {
        self.recording().transcript()
    }

    /// What clients did against the contract, scope by scope, as if the run ended now.
    pub fn findings(&self) -> Vec<Finding> {
        self.0.scopes().into_iter().flat_map(|scope| scope.findings).collect()
    }

    /// How much of the Connector API was exercised.
    pub fn coverage(&self) -> Coverage {
        self.0.coverage_of(RunSpan::Run)
    }

    /// The findings and their stories, as [`MockServer::report`] gives them.
    pub fn report(&self) -> Report {
        self.0.report()
    }
}

/// What the command-line door asks for besides.
#[cfg(feature = "cli")]
impl MockServer {
    /// What the server was made of.
    pub(crate) fn setup(&self) -> Setup {
        self.shared.engine().setup().clone()
    }

    /// At most `limit` calls after number `after`, and the events among them.
    pub(crate) fn page_after(&self, after: u64, limit: usize) -> crate::record::JournalPage {
        self.shared.engine().page(RunSpan::Run, after, None, limit, usize::MAX)
    }

    /// The ended scope that began with that number.
    pub(crate) fn ended_scope(&self, first_seq: u64) -> Option<Scope> {
        self.shared.engine().ended_scope(first_seq)
    }

    /// Gives the server other fixtures and stubs while it runs.
    pub(crate) fn reloader(&self) -> Reloader {
        Reloader(self.shared.clone())
    }

    /// In a playback, what is worth knowing of the answer to a call.
    pub(crate) fn play_note(&self, seq: u64) -> Option<PlayNote> {
        self.shared.engine().play_note(seq).cloned()
    }

    /// Accepts nothing more and waits until calls in flight have been answered, for a server on the
    /// runtime that is entered. The journal can still be asked.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the recording could not be written to its end.
    pub(crate) async fn drain(&self) -> Result<(), Error> {
        let tasks = self.tasks.clone();
        let waiting = tokio::task::spawn_blocking(move || tasks.drain(Duration::from_millis(STOP_MS_MAX)));
        let _ = waiting.await;
        self.close_sink()
    }
}

/// Gives a server other fixtures and stubs while it runs.
#[cfg(feature = "cli")]
#[derive(Clone, Debug)]
pub(crate) struct Reloader(Arc<ServerShared>);

#[cfg(feature = "cli")]
impl Reloader {
    /// Has another fixture served, as far as it differs from the one before.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is wrong; then nothing has changed.
    pub(crate) fn reload(&self, fixture: Fixture) -> Result<run::Reloaded, Error> {
        self.0.verb(|engine| run::reload(engine, fixture, system_time()))
    }
}

/// A fixture with the stubs of files and of incidents.
///
/// # Errors
/// [`Error::is_invalid_input`] if a file is wrong or there is no such incident.
pub(crate) fn composed(fixture: Fixture, stub_files: &[PathBuf], incidents: &[String]) -> Result<Fixture, Error> {
    let mut fixture = fixture;
    if !stub_files.is_empty() {
        fixture = fixture.merge(Fixture::load_stubs(stub_files)?)?;
    }
    for name in incidents {
        fixture = fixture.merge(Fixture::from_json(Incident::named(name)?.stubs)?)?;
    }
    Ok(fixture)
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.tasks.cut(Duration::from_millis(STOP_MS_MAX));
        // Whoever wants to know whether the recording is whole stops the server.
        let _ = self.close_sink();
        if !self.asserts_on_drop {
            return;
        }
        if let Some(report) = self.failure() {
            // A second panic would end the whole process and hide the first.
            if std::thread::panicking() {
                eprintln!("{report}");
            } else {
                panic!("{report}");
            }
        }
    }
}

/// Describes a [`MockServer`].
#[must_use = "a builder does nothing until it is started"]
#[derive(Debug, Default)]
pub struct MockServerBuilder {
    setup: BuilderSetup,
    has_fixture: bool,
    seed: Option<u64>,
    es_version: Option<String>,
    listen: Option<SocketAddr>,
    fixtures: Vec<PathBuf>,
    stubs: Vec<Stub>,
    stub_files: Vec<PathBuf>,
    incidents: Vec<String>,
    record: Option<PathBuf>,
    playback: Option<Recording>,
    playback_file: Option<PathBuf>,
    /// Whether it was said which Elasticsearch is mimicked.
    says_profile: bool,
    cassette: Option<PathBuf>,
    mode: Option<CassetteMode>,
    allowed_hosts: Vec<String>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    tell: Option<Tell>,
    asserts_on_drop: bool,
    fail_on: Option<Severity>,
    rules: Vec<(String, Level)>,
    allowances: Vec<(String, String)>,
    started_from: Option<Arc<SourcePlace>>,
    upstream: Option<(Upstream, ForwardShare)>,
    keeps_recording: bool,
}

/// The setup of a server to be: until it is started it has no fixture but one that was given, for the built-in one takes a
/// while to read.
#[derive(Debug)]
struct BuilderSetup(Setup);

impl Default for BuilderSetup {
    fn default() -> BuilderSetup {
        BuilderSetup(Setup::of(Fixture::new()))
    }
}

impl Deref for BuilderSetup {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.0
    }
}

impl DerefMut for BuilderSetup {
    fn deref_mut(&mut self) -> &mut Setup {
        &mut self.0
    }
}

impl MockServerBuilder {
    /// Starts from `fixture` in place of the built-in one.
    pub fn fixture(mut self, fixture: Fixture) -> MockServerBuilder {
        self.setup.fixture = Arc::new(fixture);
        self.has_fixture = true;
        self
    }

    /// Starts from a fixture file or folder; called again, from all of them together.
    pub fn fixture_file(mut self, path: impl Into<PathBuf>) -> MockServerBuilder {
        self.fixtures.push(path.into());
        self
    }

    /// Has calls answered as the stub says, from the start of each scope on.
    pub fn stub(mut self, stub: Stub) -> MockServerBuilder {
        self.stubs.push(stub);
        self
    }

    /// Has calls answered as a file or folder of stubs says; called again, as all of them together say.
    pub fn stub_file(mut self, path: impl Into<PathBuf>) -> MockServerBuilder {
        self.stub_files.push(path.into());
        self
    }

    /// Has a named incident happen: one of [`incidents`](crate::fixture::incidents), in every scope. Called again, all of them happen.
    ///
    /// ```
    /// let server = elastimock::MockServer::builder().incident("throttled-bulk").start_blocking()?;
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn incident(mut self, name: impl Into<String>) -> MockServerBuilder {
        self.incidents.push(name.into());
        self
    }

    /// Plays another side of the protocol beside the client under test, from the start of each scope on. Called again, all of
    /// them act.
    ///
    /// ```
    /// use elastimock::server::Simulated;
    /// use elastimock::MockServer;
    ///
    /// let server = MockServer::builder().simulate(Simulated::service().slow()).simulate(Simulated::user()).start_blocking()?;
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn simulate(mut self, side: Simulated) -> MockServerBuilder {
        self.setup.simulated.push(side);
        self
    }

    /// Uses that clock in place of the system's time.
    pub fn clock(mut self, clock: Clock) -> MockServerBuilder {
        self.setup.clock = clock;
        self
    }

    /// Makes ids from that seed in place of a random one.
    pub fn seed(mut self, seed: u64) -> MockServerBuilder {
        self.seed = Some(seed);
        self
    }

    /// Mimics that Elasticsearch; that of the recording that is played, else 9, when not said.
    pub fn profile(mut self, profile: Profile) -> MockServerBuilder {
        self.setup.profile = profile;
        self.setup.release = profile.release();
        self.says_profile = true;
        self
    }

    /// Reports that version number in `GET /`; the profile's newest known release when not said.
    pub fn es_version(mut self, number: impl Into<String>) -> MockServerBuilder {
        self.es_version = Some(number.into());
        self
    }

    /// Says that it has that license; trial when not said.
    pub fn license(mut self, license: License) -> MockServerBuilder {
        self.setup.license = license;
        self
    }

    /// Shows searches what is written at once, or only after a refresh, as in Elasticsearch; if it is not said, as the
    /// fixture says, and else at once.
    pub fn visibility(mut self, visibility: Visibility) -> MockServerBuilder {
        self.setup.visibility = Some(visibility);
        self
    }

    /// Forwards to another server what is not the mock's: the Connector API, and the indices that the mock has, are
    /// answered here, everything else there. A call that would need both is refused. What was forwarded says so
    /// ([`Interaction::is_of_upstream`]).
    ///
    /// In a playback what the recording has is taken from it, and with [`OnUnmatched::Upstream`] the rest is forwarded.
    pub fn upstream(mut self, upstream: Upstream) -> MockServerBuilder {
        self.upstream = Some((upstream, ForwardShare::TheRest));
        self
    }

    /// Stands in front of another server: forwards every call as it comes, records and judges it. Nothing is mocked.
    /// A cassette is recorded from there, and in mode [`CassetteMode::NewEpisodes`] what it does not have.
    ///
    /// ```
    /// use elastimock::server::Upstream;
    /// use elastimock::MockServer;
    ///
    /// let cluster = MockServer::start_blocking()?;
    /// let proxy = MockServer::builder().in_front_of(Upstream::new(cluster.url())?).start_blocking()?;
    /// // … let the client under test work against proxy.url() …
    /// proxy.assert_conformant();
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn in_front_of(mut self, upstream: Upstream) -> MockServerBuilder {
        self.upstream = Some((upstream, ForwardShare::Everything));
        self
    }

    /// Listens there in place of a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> MockServerBuilder {
        self.listen = Some(address);
        self
    }

    /// Takes calls that name that host, and calls of web pages from there: the name of a container, a proxy
    /// or a page. `*.test` stands for all names below `test`, `*` for every name; called again, each is taken.
    ///
    /// A server on a loopback address otherwise takes calls for loopback names and addresses only, so that no
    /// web page reaches it by a name of its own. On other addresses any name is taken, and only calls of
    /// `/_elastimock` are kept from foreign pages.
    ///
    /// ```
    /// let server = elastimock::MockServer::builder().allow_host("elasticsearch").start_blocking()?;
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn allow_host(mut self, name: impl Into<String>) -> MockServerBuilder {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Speaks TLS. [`MockServer::tls`] then has what clients are to trust.
    ///
    /// ```
    /// use elastimock::tls::Tls;
    /// use elastimock::MockServer;
    ///
    /// let server = MockServer::builder().tls(Tls::self_signed()).start_blocking()?;
    /// let ca = server.tls().expect("the server speaks TLS").ca_pem();
    /// // … a client is told to trust `ca`, and to call server.url() …
    /// # assert!(ca.contains("CERTIFICATE"));
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> MockServerBuilder {
        self.tls = Some(tls);
        self
    }

    /// Tells troubles as they come, from whatever thread; it must not wait.
    #[cfg(feature = "cli")]
    pub(crate) fn tell(mut self, tell: Tell) -> MockServerBuilder {
        self.tell = Some(tell);
        self
    }

    /// Keeps what is recorded to a cassette whatever was found in it, unless nobody has called.
    #[cfg(feature = "cli")]
    pub(crate) fn keep_recording(mut self) -> MockServerBuilder {
        self.keeps_recording = true;
        self
    }

    /// Writes each interaction to a file as it happens. The file is this server's own while it lives.
    pub fn record(mut self, path: impl Into<PathBuf>) -> MockServerBuilder {
        self.record = Some(path.into());
        self
    }

    /// Lets recordings keep how long each answer took (`took_us`). Without it the same story, told with the
    /// same seed and a frozen clock, gives the same bytes.
    pub fn record_timing(mut self, record_timing: bool) -> MockServerBuilder {
        self.setup.record_timing = record_timing;
        self
    }

    /// Answers from a recording in place of a mocked cluster.
    pub fn playback(mut self, recording: Recording) -> MockServerBuilder {
        self.playback = Some(recording);
        self
    }

    /// Answers from a recording file in place of a mocked cluster.
    pub fn playback_file(mut self, path: impl Into<PathBuf>) -> MockServerBuilder {
        self.playback_file = Some(path.into());
        self
    }

    /// Plays or records a cassette, as [`MockServer::cassette`] does.
    pub fn cassette(mut self, path: impl Into<PathBuf>) -> MockServerBuilder {
        self.cassette = Some(path.into());
        self
    }

    /// Says whether the cassette is played or recorded. The variable `ELASTIMOCK_MODE` goes before it.
    pub fn mode(mut self, mode: CassetteMode) -> MockServerBuilder {
        self.mode = Some(mode);
        self
    }

    /// Plays a recording like that: its order, what happens when answers are used up or missing, and what does not
    /// count when calls are compared.
    pub fn play_policy(mut self, policy: PlayPolicy) -> MockServerBuilder {
        self.setup.play = policy;
        self
    }

    /// Plays recorded calls in that order; [`PlayOrder::Lane`] when not said.
    pub fn play_order(mut self, order: PlayOrder) -> MockServerBuilder {
        self.setup.play.order = order;
        self
    }

    /// Does that when the recorded answers of a call have all been given; [`Exhausted::RepeatReads`] when not said.
    pub fn exhausted(mut self, exhausted: Exhausted) -> MockServerBuilder {
        self.setup.play.exhausted = exhausted;
        self
    }

    /// Does that with a call that the recording has no answer for; [`OnUnmatched::Fail`] when not said.
    pub fn unmatched(mut self, unmatched: OnUnmatched) -> MockServerBuilder {
        self.setup.play.unmatched = unmatched;
        self
    }

    /// Passes over a part of bodies when calls are compared with recorded ones: a JSON pointer, `*` for any one step.
    ///
    /// ```
    /// let server = elastimock::MockServer::builder()
    ///     .playback_file("fixtures/recordings/claim_story.ndjson")
    ///     .ignore("/metadata/build")
    ///     .start_blocking()?;
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn ignore(mut self, pointer: impl Into<String>) -> MockServerBuilder {
        self.setup.play.ignore.push(pointer.into());
        self
    }

    /// Passes over a header when calls are compared with recorded ones and values are strict.
    pub fn ignore_header(mut self, name: impl Into<String>) -> MockServerBuilder {
        self.setup.play.ignore_headers.push(name.into());
        self
    }

    /// Lets instants, host names, folders, the spelling of numbers and headers count when calls are compared with
    /// recorded ones.
    pub fn strict_values(mut self, strict_values: bool) -> MockServerBuilder {
        self.setup.play.strict_values = strict_values;
        self
    }

    /// Lets answers from a recording take as long as they took then, as far as it tells:
    /// [`MockServerBuilder::record_timing`] makes it tell.
    pub fn play_timing(mut self, timing: bool) -> MockServerBuilder {
        self.setup.play.timing = timing;
        self
    }

    /// Refuses to play a recording that was begun longer ago than that.
    pub fn age_max(mut self, age_max: Duration) -> MockServerBuilder {
        self.setup.play.age_max = Some(age_max);
        self
    }

    /// Keeps at most that many interactions.
    pub fn journal_entries_max(mut self, entries: usize) -> MockServerBuilder {
        self.setup.journal_entries_max = entries;
        self
    }

    /// Takes request bodies of at most that many bytes.
    pub fn body_bytes_max(mut self, bytes: usize) -> MockServerBuilder {
        self.setup.body_bytes_max = bytes;
        self
    }

    /// Judges that strictly; [`Contract::Warn`] when not said.
    pub fn contract(mut self, contract: Contract) -> MockServerBuilder {
        self.setup.strictness = self.setup.strictness.with_contract(contract);
        self
    }

    /// Warns of answers that leave Elastic's specification: the rule `off-spec-answer`, which is asked only then. What
    /// it finds is a mistake of the mock and not of the client; please report it.
    pub fn check_answers(mut self, check_answers: bool) -> MockServerBuilder {
        if check_answers {
            let strictness = std::mem::take(&mut self.setup.strictness);
            self.setup.strictness = strictness.with_checked_answers();
        }
        self
    }

    /// Makes breaking a rule that bad, in place of what the rule says.
    pub fn rule(mut self, id: impl Into<String>, level: Level) -> MockServerBuilder {
        self.rules.push((id.into(), level));
        self
    }

    /// Lets a rule be broken, and says why, as [`MockServer::allow`] does.
    pub fn allow(mut self, rule: impl Into<String>, reason: impl Into<String>) -> MockServerBuilder {
        self.allowances.push((rule.into(), reason.into()));
        self
    }

    /// Lets [`MockServer::assert_conformant`] fail from that severity on; errors when not said.
    pub fn fail_on(mut self, severity: Severity) -> MockServerBuilder {
        self.fail_on = Some(severity);
        self
    }

    /// Makes the server check itself as by [`MockServer::assert_conformant`] when it is dropped. While
    /// the test is panicking already it only prints.
    pub fn assert_on_drop(mut self) -> MockServerBuilder {
        self.asserts_on_drop = true;
        self
    }

    /// Starts the server. The port is bound and open when this returns.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if a fixture, the version number, a host, a certificate or the id of a rule is wrong;
    /// [`Error::is_surroundings`] if a file cannot be read or written, or no port can be bound.
    pub async fn start(self) -> Result<MockServer, Error> {
        self.start_blocking()
    }

    /// Starts the server as [`MockServerBuilder::start`] does, without a runtime.
    ///
    /// # Errors
    /// As [`MockServerBuilder::start`].
    pub fn start_blocking(self) -> Result<MockServer, Error> {
        let runtime = runtime()?;
        let _entered = runtime.enter();
        self.serve()
    }

    /// Starts the server on the runtime that is entered.
    pub(crate) fn serve(mut self) -> Result<MockServer, Error> {
        self.setup.fixture = self.composed_fixture()?;
        self.setup.seed = self.seed.unwrap_or_else(entropy);
        for (id, level) in &self.rules {
            self.setup.strictness = self.setup.strictness.rule(id, *level)?;
        }
        let cassette = self.open_recordings()?;
        self.choose_release()?;
        if self.setup.play.unmatched == OnUnmatched::Upstream && self.upstream.is_none() {
            return Err(Error::invalid_input("unmatched calls are to be forwarded, and no upstream is given"));
        }
        let is_played = self.playback.is_some();
        let is_played_alone = is_played && self.setup.play.unmatched != OnUnmatched::Upstream;
        let is_front = self.is_front();
        let mut engine = engine_of(self.setup.0, self.playback, is_front)?;
        if self.upstream.is_some() {
            engine.forward_the_rest();
        }
        for (rule, reason) in &self.allowances {
            engine.allow_always(rule, reason)?;
        }
        let listener = ports::listen(self.listen.unwrap_or_else(|| ([127, 0, 0, 1], 0).into()))?;
        let cannot = |error| Error::surroundings("cannot serve the socket", error);
        let address = listener.local_addr().map_err(cannot)?;
        let listener = adopt(listener).map_err(cannot)?;
        if let Some((upstream, _)) = &self.upstream
            && upstream.is_at(address)
        {
            return Err(Error::invalid_input(format!(
                "{address} is the upstream's own address: calls would be forwarded to itself; listen at another port"
            )));
        }
        let behind = match (&self.upstream, is_played_alone) {
            (None, _) | (_, true) => None,
            // What plays a cassette forwards what is not in it.
            (Some((upstream, share)), _) => {
                Some(Behind::new(upstream, if is_played { ForwardShare::TheRest } else { *share })?)
            }
        };
        let guard = CallerGuard::new(address, &self.allowed_hosts)?;
        #[cfg(feature = "tls")]
        let (front, tls) = self.tls.map(|tls| tls.front(address, guard.names())).transpose()?.unzip();
        let troubles = Arc::new(TroubleLog::new(self.tell));
        // Last, so that a server which cannot start costs nobody an older recording.
        let sink = self
            .record
            .as_deref()
            .map(|path| Sink::create(path, &engine.recording_header(), troubles.clone()))
            .transpose()?;
        let shared = ServerShared::new(engine, guard, sink, troubles);
        #[cfg(feature = "tls")]
        let shared = shared.behind(front.map(AssertUnwindSafe));
        let scheme = if shared.speaks_tls() { "https" } else { "http" };
        let shared = Arc::new(match behind {
            Some(behind) => shared.in_front_of(behind),
            None => shared,
        });
        let tasks = spawn(listener, shared.clone());
        Ok(MockServer {
            address,
            url: format!("{scheme}://{address}"),
            shared,
            tasks,
            #[cfg(feature = "tls")]
            tls,
            asserts_on_drop: self.asserts_on_drop,
            fail_on: self.fail_on.unwrap_or(Severity::Error),
            started_from: self.started_from,
            cassette: Mutex::new(cassette),
        })
    }

    /// The fixture with what files, incidents and the test put beside it.
    fn composed_fixture(&mut self) -> Result<Arc<Fixture>, Error> {
        let mut fixture = match self.fixtures.is_empty() {
            true if self.has_fixture => self.setup.fixture.clone(),
            true => Fixture::built_in(),
            false => Arc::new(Fixture::load(&self.fixtures)?),
        };
        if !(self.stub_files.is_empty() && self.incidents.is_empty()) {
            fixture = Arc::new(composed((*fixture).clone(), &self.stub_files, &self.incidents)?);
        }
        if !self.stubs.is_empty() {
            let with_stubs = self.stubs.drain(..).fold((*fixture).clone(), Fixture::stub);
            with_stubs.check()?;
            fixture = Arc::new(with_stubs);
        }
        Ok(fixture)
    }

    /// Reads what is to be played, and opens the cassette if there is one.
    fn open_recordings(&mut self) -> Result<Option<Cassette>, Error> {
        if let Some(path) = &self.playback_file {
            self.playback = Some(read_recording(path)?.0);
        }
        let Some(path) = &self.cassette else { return Ok(None) };
        let (using, opened) = cassette::open(path, self.mode, self.keeps_recording)?;
        match using {
            Use::Play(recording) => self.playback = Some(recording),
            Use::Extend(recording) => {
                self.setup.play.unmatched = if self.is_front() { OnUnmatched::Upstream } else { OnUnmatched::Mock };
                self.playback = Some(recording);
            }
            Use::Record(file) => self.record = Some(file),
        }
        Ok(Some(opened))
    }

    /// The profile of what is played, if nobody says another, and the release.
    fn choose_release(&mut self) -> Result<(), Error> {
        if let Some(Recording { header, .. }) = &self.playback
            && !self.says_profile
        {
            self.setup.profile = header.profile;
            self.setup.release = header.profile.release();
        }
        if let Some(number) = &self.es_version {
            self.setup.release = Release::numbered(self.setup.profile, number)?;
        }
        Ok(())
    }

    /// Whether every call is another server's to answer.
    fn is_front(&self) -> bool {
        matches!(self.upstream, Some((_, ForwardShare::Everything)))
    }
}

/// The engine of a mock, of a playback, or of what stands in front of another server.
fn engine_of(setup: Setup, playback: Option<Recording>, is_front: bool) -> Result<Engine, Error> {
    match playback {
        Some(recording) => {
            Engine::check_playback(&setup, &recording)?;
            check_age(&recording, setup.play.age_max)?;
            Ok(Engine::playback(setup, recording, system_time()))
        }
        None if is_front && setup.strictness.contract() == Contract::Enforce => {
            Err(Error::invalid_input("a call that has been forwarded cannot be refused any more: judge it with `warn`"))
        }
        None if is_front => Ok(Engine::in_front(setup, system_time())),
        None => Engine::new(setup, system_time()),
    }
}

/// Refuses a recording that is older than it may be.
fn check_age(recording: &Recording, age_max: Option<Duration>) -> Result<(), Error> {
    let Some(age_max) = age_max else { return Ok(()) };
    let began = recording.header.started_at;
    if !recording.header.is_clock_running {
        return Err(Error::invalid_input(
            "nobody knows how old the recording is: its clock stood still; record it with the system's time, or play \
             it without an age that it may have",
        ));
    }
    let age = system_time().since(began);
    match age > age_max {
        true => Err(Error::invalid_input(format!(
            "the recording is too old: it was begun at {began}, and may be {age_max:?} old; record it again"
        ))),
        false => Ok(()),
    }
}

/// Reads a recording file; its text too, for whoever points into it.
pub(crate) fn read_recording(path: &Path) -> Result<(Recording, Vec<u8>), Error> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| Error::cannot_read(path, error))?;
    read_recording_from(&name, file)
}

/// Reads a recording from what is open already, packed or not.
pub(crate) fn read_recording_from(name: &str, reader: impl Read) -> Result<(Recording, Vec<u8>), Error> {
    let text = input::bytes(name, reader, InputWanted::Recording, RECORDING_BYTES_MAX)?;
    Ok((Recording::parse(name, &text)?, text))
}
