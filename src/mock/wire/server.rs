//! Accept, read, ask admin or engine, write.
//!
//! One task a connection. A request's way is the straight line of [`ServerShared::exchange`]; the lock is held
//! only while the engine acts and while it remembers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use hyper::body::{Body, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::body::{self, BodyError};
use super::coming::{Coming, ListenerPlace};
use super::delivery::{ConnectionEnd, Upset, garbled};
use super::events::EventStream;
use super::guard::CallerGuard;
use super::sink::Sink;
use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::handshake::{Front, shake};
use super::troubles::TroubleLog;
use super::upstream::passing::WireBody;
use super::upstream::{Behind, ForwardOutcome, Head, headers_of, lines_of};
use crate::clock::Timestamp;
use crate::es::error::ApiError;
use crate::es::http::render::{Style, render};
use crate::fault::FaultKind;
use crate::http::{Headers, Method, Request, Response};
use crate::limits::{ACCEPT_AGAIN_MS, CONNECTIONS_MAX, HEAD_BYTES_MAX, LISTENERS_MAX};
use crate::mock::admin::{self, SharedEngine};
use crate::mock::engine::gates::Arrival;
use crate::mock::engine::metrics::Connections;
use crate::mock::engine::run::{self, Warmth};
use crate::mock::engine::{Engine, ParsedRequest, PendingResponse, RequestParser, lock};
use crate::record::event::Event;
use crate::record::interaction::Interaction;
use crate::record::recording::{event_line, line, put_away};
use crate::record::{JournalItem, RunSpan};

/// The system's time: read here and nowhere else.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn system_time() -> Timestamp {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp::after_1970(since),
        Err(before) => Timestamp::from_nanos(-(before.duration().as_nanos() as i128)),
    }
}

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct ServerShared {
    engine: SharedEngine,
    desk: RequestParser,
    guard: CallerGuard,
    sink: Option<Sink>,
    /// What is shown to whoever connects; none where plain HTTP is spoken.
    #[cfg(feature = "tls")]
    front: Option<Front>,
    /// Whether what is recorded tells how long answers took.
    timing: bool,
    /// Whether answers from a recording take as long as they took then.
    plays_pauses: bool,
    troubles: Arc<TroubleLog>,
    warmth: Arc<Warmth>,
    /// Told when a verb has been done, for answers that wait for mock time.
    moved: Notify,
    /// Told when a call has been answered, or is held.
    pub(super) came: Arc<Coming>,
    /// Whether a call may have to be held at a gate.
    has_gates: AtomicBool,
    /// The server that calls are forwarded to.
    behind: Option<Behind>,
    /// The tasks that serve it, once they do.
    tasks: OnceLock<Arc<Tasks>>,
}

/// What is known of an answer's delivery beside its fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivery {
    /// The mock's time of the call.
    at: Timestamp,
    /// How long a playback holds it back.
    pause: Duration,
}

/// The place of a call that is held; it is left however the call ends.
struct HeldPlace<'s> {
    shared: &'s ServerShared,
    number: u64,
}

impl Drop for HeldPlace<'_> {
    fn drop(&mut self) {
        self.shared.engine().give_up(self.number);
        self.shared.came.tell();
    }
}

/// A connection as the task that answers its requests has it.
struct ConnectionTask {
    shared: Arc<ServerShared>,
    tasks: Arc<Tasks>,
    upset: Upset,
}

impl ServerShared {
    /// A server's share of an engine, of who may call it, and of the file that it records to.
    pub(crate) fn new(
        mut engine: Engine,
        guard: CallerGuard,
        sink: Option<Sink>,
        troubles: Arc<TroubleLog>,
    ) -> ServerShared {
        if sink.is_some() {
            engine.keep_events();
        }
        let (timing, plays_pauses) = (engine.setup().record_timing, engine.setup().play.timing);
        let has_gates = AtomicBool::new(engine.has_gates());
        ServerShared {
            desk: engine.desk(),
            warmth: engine.warmth(),
            engine: Arc::new(Mutex::new(engine)),
            guard,
            sink,
            #[cfg(feature = "tls")]
            front: None,
            timing,
            plays_pauses,
            troubles,
            moved: Notify::new(),
            came: Arc::default(),
            has_gates,
            behind: None,
            tasks: OnceLock::new(),
        }
    }

    /// The server's share, spoken through TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn behind(self, front: Option<Front>) -> ServerShared {
        ServerShared { front, ..self }
    }

    /// Whether TLS is spoken.
    pub(crate) fn speaks_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.front.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The server's share, in front of another server.
    pub(crate) fn in_front_of(self, behind: Behind) -> ServerShared {
        ServerShared { behind: Some(behind), ..self }
    }

    /// What connections read requests with.
    pub(super) fn desk(&self) -> RequestParser {
        self.desk
    }

    /// Plants a large state before a call needs it.
    pub(super) fn warm(&self) {
        run::warm(&self.engine, &self.warmth);
    }

    /// Tells that the upstream is away, or that it is there again.
    pub(super) fn troubles_of_upstream(&self, what: Option<String>) {
        self.troubles.of_upstream(what);
    }

    /// Has the mock act on a call that was read, and answers it.
    pub(super) async fn act_on(&self, read: ParsedRequest<'_>, request: &Request) -> (Response, Delivery) {
        if self.has_gates.load(Ordering::Acquire) {
            return self.hold(read, request).await;
        }
        let began = Instant::now();
        let acted = self.engine().act(read, request, system_time());
        self.conclude(acted, request, began)
    }

    /// The engine, to be asked something. What changes it goes through [`ServerShared::verb`].
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        lock(&self.engine)
    }

    /// Does something to the engine, and writes down what became of it.
    pub(crate) fn verb<T>(&self, act: impl FnOnce(&SharedEngine) -> T) -> T {
        let done = act(&self.engine);
        if self.sink.is_some() {
            let events = self.engine().take_events();
            self.write(&events);
        }
        self.has_gates.store(self.engine().has_gates(), Ordering::Release);
        self.moved.notify_waiters();
        self.came.tell();
        done
    }

    /// A place among those that are told what comes; none if there are too many.
    pub(super) fn listen(&self) -> Option<ListenerPlace> {
        self.came.listen()
    }

    /// Holds a call at a gate if a stub says so, and goes on with it when it has been let go.
    async fn hold(&self, read: ParsedRequest<'_>, request: &Request) -> (Response, Delivery) {
        let began = Instant::now();
        let arrival = self.engine().arrive(read, request, system_time());
        let number = match arrival {
            Arrival::Goes(read) => {
                let acted = self.engine().act(read, request, system_time());
                return self.conclude(acted, request, began);
            }
            Arrival::Held(number) => number,
        };
        // A client that goes away takes its call with it.
        let place = HeldPlace { shared: self, number };
        self.came.tell();
        self.moved.notify_waiters();
        let acted = loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if let Some(acted) = self.engine().take_freed(number) {
                break acted;
            }
            moved.await;
        };
        drop(place);
        self.conclude(acted, request, began)
    }

    /// Waits until that many calls of an operation have been answered in this scope, and tells the first of them.
    pub(crate) fn wait_for(&self, operation: &str, count: usize, wait_max: Duration) -> Option<Vec<Interaction>> {
        self.came.wait(wait_max, || {
            let page = self.engine().page(RunSpan::Scope, 0, Some(operation), count, usize::MAX);
            let calls: Vec<Interaction> = page.kept.iter().filter_map(JournalItem::interaction).collect();
            (calls.len() >= count).then_some(calls)
        })
    }

    /// Waits until the mock's clock shows that instant.
    async fn until(&self, due: Timestamp) {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            // From here on nothing is missed.
            moved.as_mut().enable();
            let (now, is_frozen) = {
                let mut engine = self.engine();
                (engine.now(system_time()), engine.clock().is_frozen())
            };
            if now >= due {
                return;
            }
            if is_frozen {
                moved.await;
            } else {
                let _ = tokio::time::timeout(due.since(now), moved).await;
            }
        }
    }

    /// The recording that is being written.
    pub(crate) fn sink(&self) -> Option<&Sink> {
        self.sink.as_ref()
    }

    /// What the server is bothered by.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.troubles.list()
    }

    /// The answer to a request that is for the mock itself. Synchronous: nothing waits on anything but the lock and the
    /// recording.
    fn exchange(&self, request: &Request) -> Response {
        let mut read = admin::read(request);
        self.tell_engine();
        let outcome = self.verb(|engine| read.act(&mut engine.clone(), system_time()));
        read.render(&outcome)
    }

    /// The answer to a call, and what is known of its delivery. Synchronous as well.
    fn call(&self, request: &Request) -> (Response, Delivery) {
        let began = Instant::now();
        let read = self.desk.read(request);
        run::warm(&self.engine, &self.warmth);
        run::put_in_order(&self.engine, &self.warmth, &read);
        let acted = self.engine().act(read, request, system_time());
        self.conclude(acted, request, began)
    }

    /// Tells the engine what only the door knows.
    fn tell_engine(&self) {
        let connections = self.tasks.get().map(|tasks| tasks.connections()).unwrap_or_default();
        let mut engine = self.engine();
        engine.set_troubles(self.troubles.list());
        engine.set_connections(connections);
    }

    /// Writes the answer of a call on which the mock has acted, and remembers it.
    pub(super) fn conclude(
        &self,
        mut acted: PendingResponse,
        request: &Request,
        began: Instant,
    ) -> (Response, Delivery) {
        drop(acted.take_dropped());
        let response = acted.render();
        let pause = if self.plays_pauses { Duration::from_micros(acted.pause_us().into()) } else { Duration::ZERO };
        let due = Delivery { at: acted.at(), pause };
        let took_us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        if self.sink.is_none() {
            self.engine().finish(acted, request, &response, took_us);
        } else {
            let (interaction, events) = {
                let mut engine = self.engine();
                let interaction = engine.finish_and_tell(acted, request, &response, took_us);
                // What simulated sides did meanwhile.
                (interaction, engine.take_events())
            };
            self.write(&events);
            self.record(interaction);
        }
        self.came.tell();
        (response, due)
    }

    fn refuse_too_large(&self, request: &Request) -> Response {
        let (response, interaction) = self.engine().refuse_too_large(request, system_time());
        self.record(interaction);
        response
    }

    fn write(&self, events: &[Arc<Event>]) {
        if let Some(sink) = &self.sink {
            events.iter().for_each(|event| sink.append(event_line(event)));
        }
    }

    fn record(&self, interaction: Interaction) {
        if let Some(sink) = &self.sink {
            sink.append(line(&put_away(interaction, self.timing)));
        }
    }
}

/// What is known of a request before its body has come.
struct RequestHead {
    request: Request,
    /// Whether it is for the mock itself.
    is_admin: bool,
    /// Why it is not answered, if it is not.
    foreign: Option<String>,
    method: hyper::Method,
    /// The header lines as hyper holds them.
    map: HeaderMap,
}

impl ConnectionTask {
    /// Reads the head of a request; `headers` are its header lines.
    fn read_head(&self, parts: Parts, headers: Headers) -> RequestHead {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let request = Request::new(Method::new(parts.method.as_str()), target).with_headers(headers);
        let is_admin = admin::is_for_us(&request);
        let authority = parts.uri.authority();
        let foreign = self.shared.guard.refusal(parts.version, authority, request.headers(), is_admin);
        RequestHead { request, is_admin, foreign, method: parts.method, map: parts.headers }
    }

    /// Answers a request.
    #[allow(clippy::manual_async_fn, reason = "the arguments of an `async fn` are copied once more")]
    fn answer(
        self: Arc<Self>,
        mut head: RequestHead,
        mut incoming: Incoming,
    ) -> impl Future<Output = Result<hyper::Response<WireBody>, Infallible>> {
        async move {
            let shared = &self.shared;
            // A client that waits for a word before it sends its body is told at once that it need not.
            let is_waiting = |head: &RequestHead| head.map.contains_key(EXPECT);
            if let Some(reason) = head.foreign.take() {
                if !is_waiting(&head) {
                    Box::pin(body::drain(incoming)).await;
                }
                shared.troubles.refused(&reason);
                let style = Style { head: *head.request.method() == Method::Head, ..Style::default() };
                return Ok(outgoing(render(&Err(ApiError::foreign(reason)), &style), head.map));
            }
            if let Some(behind) = &shared.behind
                && !head.is_admin
            {
                let head = Head { request: head.request, method: head.method, headers: head.map };
                // Its own allocation, so that a mock without an upstream has no room for it in its tasks.
                return match Box::pin(behind.answer(shared, head, incoming)).await {
                    ForwardOutcome::Passed(response) => Ok(response),
                    ForwardOutcome::Here((response, due)) => Ok(self.say(response, due, HeaderMap::new()).await),
                    ForwardOutcome::Unread(_, _, BodyError::Broken) => {
                        Ok(outgoing(Response::new(400), HeaderMap::new()))
                    }
                    ForwardOutcome::Unread(request, incoming, BodyError::TooLarge) => {
                        body::drain(incoming).await;
                        Ok(outgoing(shared.refuse_too_large(&request), HeaderMap::new()))
                    }
                };
            }
            let bytes_max = shared.desk.body_bytes_max();
            match body::read(&mut incoming, bytes_max).await {
                Ok(body) if is_packed(&head.request) => match body::unpacked(&body, bytes_max) {
                    Ok(body) => head.request = without_packing(head.request).with_body(body),
                    Err(BodyError::TooLarge) => return Ok(outgoing(shared.refuse_too_large(&head.request), head.map)),
                    // What cannot be unpacked is refused by whoever reads it.
                    Err(BodyError::Broken) => head.request.set_body(body),
                },
                Ok(body) => head.request.set_body(body),
                Err(BodyError::TooLarge) => {
                    let is_announced = incoming.size_hint().lower() > bytes_max as u64;
                    if !(is_announced && is_waiting(&head)) {
                        Box::pin(body::drain(incoming)).await;
                    }
                    return Ok(outgoing(shared.refuse_too_large(&head.request), head.map));
                }
                // Nobody is there to read an answer; hyper closes the connection.
                Err(BodyError::Broken) => return Ok(outgoing(Response::new(400), head.map)),
            }
            if !head.is_admin {
                // What hardly ever has to wait is boxed: the task of every call is the smaller for it.
                let (response, due) = match shared.has_gates.load(Ordering::Acquire) {
                    true => Box::pin(shared.hold(shared.desk.read(&head.request), &head.request)).await,
                    false => shared.call(&head.request),
                };
                if due.pause.is_zero() && response.fault().is_none() {
                    return Ok(outgoing(response, head.map));
                }
                return Ok(Box::pin(self.say(response, due, head.map)).await);
            }
            let RequestHead { request, map, .. } = head;
            if admin::is_watched(&request) {
                return Ok(self.watched(&request));
            }
            if !admin::is_slow(&request) {
                return Ok(outgoing(shared.exchange(&request), map));
            }
            // A whole journal takes a while to be written out: a thread that no connection waits for does it.
            let written = tokio::task::spawn_blocking(move || {
                if let Some((operation, count, wait_max)) = admin::awaited(&request) {
                    self.shared.wait_for(&operation, count, wait_max);
                }
                self.shared.exchange(&request)
            });
            Ok(outgoing(written.await.unwrap_or_else(|_| Response::new(500)), map))
        }
    }

    /// Tells what comes, for as long as it is listened to.
    fn watched(&self, request: &Request) -> hyper::Response<WireBody> {
        let response = self.shared.exchange(request);
        if response.status() != 200 {
            return outgoing(response, HeaderMap::new());
        }
        match EventStream::new(&self.shared, &self.tasks, admin::watched_after(request)) {
            Some(events) => {
                let mut outgoing = hyper::Response::new(WireBody::Events(Box::new(events)));
                let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
                outgoing.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
                outgoing
            }
            None => {
                let reason =
                    format!("{LISTENERS_MAX} clients listen already: end one, or read the journal with [after]");
                outgoing(render(&Err(ApiError::too_many(reason)), &Style::default()), HeaderMap::new())
            }
        }
    }

    /// Gives an answer out when it is due. The map is as [`outgoing`] takes it.
    async fn say(&self, response: Response, due: Delivery, map: HeaderMap) -> hyper::Response<WireBody> {
        if !due.pause.is_zero() {
            Box::pin(tokio::time::sleep(due.pause)).await;
        }
        let response = match response.fault() {
            None => response,
            Some(_) => Box::pin(self.deliver(response, due.at)).await,
        };
        outgoing(response, map)
    }

    /// Delivers an answer that something goes wrong with; `at` is the mock's time of its call.
    async fn deliver(&self, response: Response, at: Timestamp) -> Response {
        let Some(fault) = response.fault() else { return response };
        if !fault.delay.is_zero() {
            self.shared.until(at.plus(fault.delay)).await;
        }
        if let (Some(after), Some(stub)) = (fault.after_bytes, response.stub())
            && after >= response.body().len() as u64
        {
            self.shared.troubles.uncut(stub, after, response.body().len());
        }
        match ConnectionEnd::of(fault, &response) {
            None if fault.kind == FaultKind::Garbage => garbled(response),
            None => response,
            Some(ending) => {
                // The task that has the connection takes it away before it polls this one again.
                self.upset.set(ending);
                std::future::pending().await
            }
        }
    }
}

/// Whether the client has packed the body.
pub(super) fn is_packed(request: &Request) -> bool {
    request.headers().get("content-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"))
}

/// The request as it would be if its body had not been packed: what is behind the wire never knows.
pub(super) fn without_packing(request: Request) -> Request {
    let mut headers = Headers::default();
    let of_packing = |name: &str| matches!(name, "content-encoding" | "content-length");
    for (name, value) in request.headers().iter().filter(|(name, _)| !of_packing(name)) {
        headers.push(name, value);
    }
    request.with_headers(headers)
}

const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// The answer as hyper takes it. It is given the header map of its request, whose room serves for both: hyper reads the
/// next request into it too.
pub(super) fn outgoing(response: Response, mut map: HeaderMap) -> hyper::Response<WireBody> {
    let Response { status, headers, body, .. } = response;
    let body_bytes = body.len();
    map.clear();
    let mut lines = headers.iter().peekable();
    while let Some((name, value)) = lines.next() {
        let known = match name {
            "x-elastic-product" => PRODUCT,
            "content-type" => CONTENT_TYPE,
            // The length of a body that is sent stands at the end, where hyper writes it by itself.
            "content-length" if lines.peek().is_none() && body_bytes > 0 && value.parse() == Ok(body_bytes) => continue,
            "content-length" => CONTENT_LENGTH,
            "allow" => ALLOW,
            "connection" => CONNECTION,
            other => match HeaderName::try_from(other) {
                Ok(name) => name,
                Err(_) => continue,
            },
        };
        let usual = USUAL.iter().find(|usual| usual.as_bytes() == value.as_bytes()).cloned();
        if let Some(value) = usual.or_else(|| HeaderValue::try_from(value).ok()) {
            map.append(known, value);
        }
    }
    let mut outgoing = hyper::Response::new(WireBody::Whole(body));
    *outgoing.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *outgoing.headers_mut() = map;
    outgoing
}

/// The values that headers of answers nearly always have; they need no copy.
static USUAL: [HeaderValue; 4] = [
    HeaderValue::from_static("Elasticsearch"),
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=9"),
    HeaderValue::from_static("application/json"),
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=8"),
];

/// How a server is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Phase {
    Running = 0,
    /// Accepts nothing more; calls in flight are answered.
    Draining = 1,
    /// Connections are cut.
    Cut = 2,
}

/// The tasks of one server: how many there are, and a way to end them.
///
/// Made by hand, because a dropped server is gone when the drop returns, also on a runtime of a single thread: the drop
/// waits on a [`Condvar`], and an idle server's port is closed without its task. What hyper-util and tokio-util have for
/// this (`GracefulShutdown`, `TaskTracker`) ends by being awaited, which a drop cannot do.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    phase: AtomicU8,
    alive: Mutex<Alive>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Alive {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
    connections: usize,
    /// All connections that there were.
    accepted: u64,
    /// The socket that is listened on, while it is.
    listener: Option<Arc<TcpListener>>,
    /// The listener's, when it waits for a connection to end.
    held_back: Option<Waker>,
}

impl Tasks {
    /// Whether nobody has told them to end.
    pub(super) fn are_running(&self) -> bool {
        self.phase() == Phase::Running
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Cut,
        }
    }

    fn alive(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> Connections {
        let alive = self.alive();
        Connections { open: alive.connections as u64, accepted: alive.accepted }
    }

    fn enter(&self, waker: Waker) -> u64 {
        let mut alive = self.alive();
        alive.next += 1;
        let id = alive.next;
        alive.wakers.insert(id, waker);
        id
    }

    fn leave(&self, id: Option<u64>) {
        let mut alive = self.alive();
        if let Some(id) = id {
            alive.wakers.remove(&id);
        }
        if let Some(waker) = alive.held_back.take() {
            waker.wake();
        }
        self.changed.notify_all();
    }

    fn turn(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        // Waking under the lock would make the woken wait for us.
        let wakers: Vec<Waker> = self.alive().wakers.values().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends the server and cuts its connections; returns when nothing of it runs any more, or after
    /// `wait_max`.
    pub(crate) fn cut(&self, wait_max: Duration) {
        if !self.close_idle() {
            self.turn(Phase::Cut);
            self.wait(wait_max);
        }
    }

    /// Closes the port of a server that has no connection, without waiting for the task that listens: it is
    /// woken by that, finds nothing to do, and ends.
    fn close_idle(&self) -> bool {
        let alive = self.alive();
        let Some(listener) = alive.listener.clone().filter(|_| alive.connections == 0 && alive.held_back.is_none())
        else {
            return false;
        };
        // Under the lock, under which connections are accepted: none comes in between.
        self.phase.fetch_max(Phase::Cut as u8, Ordering::AcqRel);
        drop(alive);
        // Some systems do not close a listening socket like this; there the task must do it.
        shut(&listener).is_ok()
    }

    /// Ends the server, lets calls in flight be answered for at most `wait_max`, then cuts.
    pub(crate) fn drain(&self, wait_max: Duration) {
        self.turn(Phase::Draining);
        if !self.wait(wait_max) {
            self.cut(wait_max);
        }
    }

    fn wait(&self, wait_max: Duration) -> bool {
        let ended = |alive: &mut Alive| alive.listener.is_some() || alive.connections > 0;
        let waited = self.changed.wait_timeout_while(self.alive(), wait_max, ended);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// A task's place among those that run; it is left however the task ends.
struct TaskPlace {
    tasks: Arc<Tasks>,
    id: Option<u64>,
}

impl TaskPlace {
    fn new(tasks: &Arc<Tasks>) -> TaskPlace {
        TaskPlace { tasks: tasks.clone(), id: None }
    }

    /// The phase; at the first asking the task's waker is left behind, to be woken when it changes.
    fn phase(&mut self, context: &Context<'_>) -> Phase {
        if self.id.is_none() {
            self.id = Some(self.tasks.enter(context.waker().clone()));
        }
        self.tasks.phase()
    }
}

impl Drop for TaskPlace {
    fn drop(&mut self) {
        self.tasks.leave(self.id);
    }
}

/// Takes a listening socket over into the runtime that is entered.
pub(crate) fn adopt(listener: StdListener) -> std::io::Result<Arc<TcpListener>> {
    TcpListener::from_std(listener).map(Arc::new)
}

/// Serves a listening socket on the runtime that is entered, until its tasks are told to end.
pub(crate) fn spawn(listener: Arc<TcpListener>, shared: Arc<ServerShared>) -> Arc<Tasks> {
    let tasks = Arc::new(Tasks::default());
    tasks.alive().listener = Some(listener.clone());
    let _ = shared.tasks.set(tasks.clone());
    tokio::spawn(Accepting { listener, shared, pause: None, place: TaskPlace::new(&tasks) });
    tasks
}

/// The task that accepts connections.
struct Accepting {
    listener: Arc<TcpListener>,
    shared: Arc<ServerShared>,
    /// Until when nothing is accepted, because it has failed.
    pause: Option<Pin<Box<Sleep>>>,
    place: TaskPlace,
}

impl Future for Accepting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.place.phase(context) != Phase::Running {
                return Poll::Ready(());
            }
            if let Some(pause) = &mut this.pause {
                if pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                this.pause = None;
            }
            let mut alive = this.place.tasks.alive();
            // Looked at under the lock: whoever ends the server has seen every connection that is accepted.
            if this.place.tasks.phase() != Phase::Running {
                return Poll::Ready(());
            }
            alive.held_back = None;
            if alive.connections >= CONNECTIONS_MAX {
                alive.held_back = Some(context.waker().clone());
                return Poll::Pending;
            }
            match this.listener.poll_accept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((stream, _))) => {
                    alive.connections += 1;
                    alive.accepted += 1;
                    drop(alive);
                    serve(stream, this.shared.clone(), &this.place.tasks);
                }
                // A connection that died in the queue: others go on.
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::ConnectionAborted => {}
                // Most likely no file descriptor is left. One may become free by a connection that ends, or
                // elsewhere in the process, of which nobody tells us.
                Poll::Ready(Err(_)) => {
                    alive.held_back = Some(context.waker().clone());
                    drop(alive);
                    this.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(ACCEPT_AGAIN_MS))));
                }
            }
        }
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        // A process that is being started by another thread holds copies of our descriptors for a
        // moment. Closing ours would leave its copy listening; this ends them all.
        let _ = shut(&self.listener);
        let mut alive = self.place.tasks.alive();
        alive.listener = None;
        drop(alive);
        self.place.tasks.changed.notify_all();
    }
}

/// Closes the port, whoever else holds the socket.
fn shut(listener: &TcpListener) -> std::io::Result<()> {
    socket2::SockRef::from(listener).shutdown(std::net::Shutdown::Both)
}

fn serve(stream: TcpStream, shared: Arc<ServerShared>, tasks: &Arc<Tasks>) {
    // Answers are written in one piece: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let line = Arc::new(ConnectionTask { shared, tasks: tasks.clone(), upset: Upset::default() });
    let answering = line.clone();
    // Most clients send the same header lines with every call: then the block of the call before serves again.
    let before = Cell::new(Headers::new());
    let service = service_fn(move |incoming: hyper::Request<Incoming>| {
        let headers = Some(before.take()).filter(|before| before.are(lines_of(incoming.headers())));
        let headers = headers.unwrap_or_else(|| headers_of(incoming.headers()));
        before.set(headers.clone());
        let (parts, body) = incoming.into_parts();
        answering.clone().answer(answering.read_head(parts, headers), body)
    });
    let place = Connected(TaskPlace::new(tasks));
    #[cfg(feature = "tls")]
    if let Some(front) = &line.shared.front {
        let shaking = shake(front.0.clone(), stream, line.shared.troubles.clone());
        let held = Held::ByHandshake(Box::pin(shaking), service);
        tokio::spawn(Serving { held, line, draining: false, place });
        return;
    }
    let held = Held::spoken(Socket::plain(stream), service);
    tokio::spawn(Serving { held, line, draining: false, place });
}

/// The task of one connection.
struct Serving<S: HttpService<Incoming>> {
    held: Held<S>,
    line: Arc<ConnectionTask>,
    draining: bool,
    place: Connected,
}

/// Who has the socket of a connection.
enum Held<S: HttpService<Incoming>> {
    /// TLS is not agreed upon yet; what answers afterwards.
    #[cfg(feature = "tls")]
    ByHandshake(Pin<Box<dyn Future<Output = Option<Socket>> + Send>>, S),
    ByHyper(Pin<Box<http1::Connection<TokioIo<Socket>, S>>>),
    /// A fault has taken it; whether nothing more comes.
    ByFault(Pin<Box<dyn Future<Output = ()> + Send>>, bool),
    Nobody,
}

impl<S: HttpService<Incoming, ResBody = WireBody>> Held<S>
where
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// HTTP is spoken from now on.
    fn spoken(socket: Socket, service: S) -> Held<S> {
        let mut http = http1::Builder::new();
        // A short answer, as nearly all are, goes out behind its head in one buffer.
        http.auto_date_header(false).max_buf_size(HEAD_BYTES_MAX).writev(false);
        Held::ByHyper(Box::pin(http.serve_connection(TokioIo::new(socket), service)))
    }
}

/// The place of a connection, which was counted when it was accepted.
struct Connected(TaskPlace);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.tasks.alive().connections -= 1;
    }
}

impl<S> Future for Serving<S>
where
    S: HttpService<Incoming, ResBody = WireBody> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match this.place.0.phase(context) {
            Phase::Running => {}
            Phase::Draining if this.draining => {}
            Phase::Draining => {
                this.draining = true;
                match &mut this.held {
                    #[cfg(feature = "tls")]
                    Held::ByHandshake(..) => return Poll::Ready(()),
                    Held::ByHyper(connection) => connection.as_mut().graceful_shutdown(),
                    Held::ByFault(_, true) | Held::Nobody => return Poll::Ready(()),
                    Held::ByFault(_, false) => {}
                }
            }
            Phase::Cut => return Poll::Ready(()),
        }
        #[cfg(feature = "tls")]
        if let Held::ByHandshake(shaking, _) = &mut this.held {
            let Some(socket) = std::task::ready!(shaking.as_mut().poll(context)) else { return Poll::Ready(()) };
            let Held::ByHandshake(_, service) = std::mem::replace(&mut this.held, Held::Nobody) else {
                return Poll::Ready(());
            };
            this.held = Held::spoken(socket, service);
        }
        if let Held::ByHyper(connection) = &mut this.held {
            // Errors are the client's: it went away, or spoke no HTTP. hyper has answered what can be.
            let polled = connection.as_mut().poll(context).map(|_| ());
            let upset = this.line.upset.take();
            if upset.is_none() && polled.is_pending() {
                return polled;
            }
            let Held::ByHyper(connection) = std::mem::replace(&mut this.held, Held::Nobody) else { return polled };
            let socket = Pin::into_inner(connection).into_parts().io.into_inner();
            let ending = match upset {
                Some(ending) => ending,
                None if socket.wants_tls() => {
                    this.line.shared.troubles.unheard(
                        "a client speaks TLS and this port plain HTTP; give it an address that begins with http://, or \
                         start the server with --tls self-signed",
                    );
                    ConnectionEnd::to_tls(&render(&Err(ApiError::no_request_line()), &Style::default()))
                }
                None => return polled,
            };
            let is_stalled = ending.is_stalled();
            this.held = Held::ByFault(ending.perform(socket), is_stalled);
        }
        match &mut this.held {
            Held::ByFault(performing, _) => performing.as_mut().poll(context),
            _ => Poll::Ready(()),
        }
    }
}
