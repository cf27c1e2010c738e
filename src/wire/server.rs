//! Accept, read, ask admin or engine, write.
//!
//! One task a connection. A request's way is the straight line of [`Shared::answer`]; the lock is held
//! only while the engine acts and while it remembers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::body::{self, Unread};
use super::sink::Sink;
use crate::admin::{self, SharedEngine};
use crate::clock::Timestamp;
use crate::engine::{Desk, Engine, lock};
use crate::http::{Headers, Method, Request, Response};
use crate::limits::{CONNECTIONS_MAX, HEAD_BYTES_MAX, HEADERS_MAX};

/// The system's time: read here and nowhere else.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn system_time() -> Timestamp {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp::from_nanos(since.as_nanos() as i128),
        Err(before) => Timestamp::from_nanos(-(before.duration().as_nanos() as i128)),
    }
}

/// What all connections of a server share.
#[derive(Debug)]
pub struct Shared {
    engine: SharedEngine,
    desk: Desk,
    sink: Option<Sink>,
}

impl Shared {
    /// A server's share of an engine, and of the file that it records to.
    pub fn new(engine: Engine, sink: Option<Sink>) -> Shared {
        let mut engine = engine;
        if sink.is_some() {
            engine.keep_events();
        }
        Shared { desk: engine.desk(), engine: Arc::new(Mutex::new(engine)), sink }
    }

    /// The engine, to be asked something. What changes it goes through [`Shared::verb`].
    pub fn engine(&self) -> MutexGuard<'_, Engine> {
        lock(&self.engine)
    }

    /// Does something to the engine, and writes down what became of it.
    pub fn verb<T>(&self, act: impl FnOnce(&SharedEngine) -> T) -> T {
        let done = act(&self.engine);
        if let Some(sink) = &self.sink {
            let events = self.engine().take_events();
            events.iter().for_each(|event| sink.append_event(event));
        }
        done
    }

    /// The recording that is being written.
    pub fn sink(&self) -> Option<&Sink> {
        self.sink.as_ref()
    }

    async fn answer(&self, incoming: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        let (parts, incoming) = incoming.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let request = Request::new(Method::new(parts.method.as_str()), target).with_headers(headers(&parts.headers));
        let request = match body::read(incoming, self.desk.body_bytes_max()).await {
            Ok(body) if is_packed(&request) => match body::unpacked(&body, self.desk.body_bytes_max()) {
                Ok(body) => without_packing(request).with_body(body),
                Err(Unread::TooLarge) => {
                    return Ok(outgoing(self.too_large(&request)));
                }
                // What cannot be unpacked is refused by whoever reads it.
                Err(Unread::Broken) => request.with_body(body),
            },
            Ok(body) => request.with_body(body),
            Err(Unread::TooLarge) => {
                return Ok(outgoing(self.too_large(&request)));
            }
            // Nobody is there to read an answer; hyper closes the connection.
            Err(Unread::Broken) => return Ok(outgoing(Response::new(400))),
        };
        Ok(outgoing(self.exchange(&request)))
    }

    fn too_large(&self, request: &Request) -> Response {
        let (response, interaction) = self.engine().refuse_too_large(request, system_time());
        if let Some(sink) = &self.sink {
            sink.append(interaction);
        }
        response
    }

    /// The answer to a whole request. Synchronous: nothing waits on anything but the lock.
    fn exchange(&self, request: &Request) -> Response {
        if admin::is_for_us(request) {
            let mut read = admin::read(request);
            let outcome = self.verb(|engine| read.act(&mut engine.clone(), system_time()));
            return read.render(&outcome);
        }
        let began = Instant::now();
        let read = self.desk.read(request);
        let acted = self.engine().act(read, request, system_time());
        let response = acted.render();
        let took_us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        match &self.sink {
            None => self.engine().finish(acted, request, &response, took_us),
            Some(sink) => {
                let interaction = self.engine().finish_and_tell(acted, request, &response, took_us);
                sink.append(interaction);
            }
        }
        response
    }
}

/// hyper lets neither line breaks nor capitals in names through.
fn headers(map: &hyper::HeaderMap) -> Headers {
    Headers::from_wire(map.len(), map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// Whether the client has packed the body.
fn is_packed(request: &Request) -> bool {
    request.headers().get("content-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"))
}

/// The request as it would be if its body had not been packed: what is behind the wire never knows.
fn without_packing(request: Request) -> Request {
    let mut headers = Headers::default();
    let of_packing = |name: &str| matches!(name, "content-encoding" | "content-length");
    for (name, value) in request.headers().iter().filter(|(name, _)| !of_packing(name)) {
        headers.push(name, value);
    }
    request.with_headers(headers)
}

fn outgoing(response: Response) -> hyper::Response<Full<Bytes>> {
    const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");
    let Response { status, headers, body } = response;
    let body_bytes = body.len();
    let mut outgoing = hyper::Response::new(Full::new(body));
    *outgoing.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let map = outgoing.headers_mut();
    map.reserve(4);
    let mut lines = headers.iter().peekable();
    while let Some((name, value)) = lines.next() {
        let name = match name {
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
        let known = KNOWN_VALUES.iter().find(|known| known.as_bytes() == value.as_bytes());
        match known.cloned().map_or_else(|| HeaderValue::try_from(value), Ok) {
            Ok(value) => map.append(name, value),
            Err(_) => continue,
        };
    }
    outgoing
}

/// Values of nearly every answer, which need neither a copy nor a check.
static KNOWN_VALUES: [HeaderValue; 4] = [
    HeaderValue::from_static("Elasticsearch"),
    HeaderValue::from_static("application/json"),
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=8"),
    HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=9"),
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
#[derive(Debug, Default)]
pub struct Tasks {
    phase: AtomicU8,
    alive: Mutex<Alive>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Alive {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
    listening: bool,
    /// The listener's, when it waits for a connection to end.
    held_back: Option<Waker>,
}

impl Tasks {
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

    fn enter(&self, waker: Waker) -> u64 {
        let mut alive = self.alive();
        alive.next += 1;
        let id = alive.next;
        alive.wakers.insert(id, waker);
        id
    }

    fn leave(&self, id: u64) {
        let mut alive = self.alive();
        alive.wakers.remove(&id);
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
    pub fn cut(&self, wait_max: Duration) {
        self.turn(Phase::Cut);
        self.wait(wait_max);
    }

    /// Ends the server, lets calls in flight be answered for at most `wait_max`, then cuts.
    pub fn drain(&self, wait_max: Duration) {
        self.turn(Phase::Draining);
        if !self.wait(wait_max) {
            self.cut(wait_max);
        }
    }

    fn wait(&self, wait_max: Duration) -> bool {
        let ended = |alive: &mut Alive| alive.listening || !alive.wakers.is_empty();
        let waited = self.changed.wait_timeout_while(self.alive(), wait_max, ended);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// Takes the server's place among the running tasks, and leaves it however the task ends.
struct Place {
    tasks: Arc<Tasks>,
    id: Option<u64>,
}

impl Place {
    fn new(tasks: &Arc<Tasks>) -> Place {
        Place { tasks: tasks.clone(), id: None }
    }

    /// The phase; at the first asking the task's waker is left behind, to be woken when it changes.
    fn phase(&mut self, context: &Context<'_>) -> Phase {
        if self.id.is_none() {
            self.id = Some(self.tasks.enter(context.waker().clone()));
        }
        self.tasks.phase()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.tasks.leave(id);
        }
    }
}

/// Serves a listening socket on the runtime that is entered, until its tasks are told to end.
pub fn spawn(listener: StdListener, shared: Arc<Shared>) -> std::io::Result<Arc<Tasks>> {
    let listener = TcpListener::from_std(listener)?;
    let tasks = Arc::new(Tasks::default());
    tasks.alive().listening = true;
    let accepting = Accepting { listener: Some(listener), shared, place: Place::new(&tasks) };
    tokio::spawn(accepting);
    Ok(tasks)
}

/// The task that accepts connections.
struct Accepting {
    listener: Option<TcpListener>,
    shared: Arc<Shared>,
    place: Place,
}

impl Future for Accepting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.place.phase(context) != Phase::Running {
                return Poll::Ready(());
            }
            let Some(listener) = &this.listener else {
                return Poll::Ready(());
            };
            {
                let mut alive = this.place.tasks.alive();
                if alive.wakers.len() > CONNECTIONS_MAX {
                    alive.held_back = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
            match listener.poll_accept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((stream, _))) => serve(stream, this.shared.clone(), &this.place.tasks),
                // A connection that died in the queue, or no file descriptors left: others go on, and
                // the next one that ends wakes this task.
                Poll::Ready(Err(error)) if is_short_of_files(&error) => {
                    this.place.tasks.alive().held_back = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(Err(_)) => {}
            }
        }
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            // A process that is being started by another thread holds copies of our descriptors for a
            // moment. Closing ours would leave its copy listening; this ends them all.
            let _ = socket2::SockRef::from(&listener).shutdown(std::net::Shutdown::Both);
        }
        let mut alive = self.place.tasks.alive();
        alive.listening = false;
        self.place.tasks.changed.notify_all();
    }
}

/// Whether accepting failed because the process or the system has no descriptor left.
fn is_short_of_files(error: &std::io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

fn serve(stream: TcpStream, shared: Arc<Shared>, tasks: &Arc<Tasks>) {
    // Answers are written in one piece: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |incoming| {
        let shared = shared.clone();
        async move { shared.answer(incoming).await }
    });
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::spawn(Serving { connection: Box::pin(connection), draining: false, place: Place::new(tasks) });
}

/// The task of one connection.
struct Serving<S: HttpService<Incoming>> {
    connection: Pin<Box<http1::Connection<TokioIo<TcpStream>, S>>>,
    draining: bool,
    place: Place,
}

impl<S> Future for Serving<S>
where
    S: HttpService<Incoming, ResBody = Full<Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match this.place.phase(context) {
            Phase::Running => {}
            Phase::Draining if this.draining => {}
            Phase::Draining => {
                this.draining = true;
                this.connection.as_mut().graceful_shutdown();
            }
            Phase::Cut => return Poll::Ready(()),
        }
        // Errors are the client's: it went away, or spoke no HTTP. hyper has answered what can be.
        this.connection.as_mut().poll(context).map(|_| ())
    }
}
