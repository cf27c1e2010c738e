//! [`UpstreamClient`]: calls another server, over connections that are kept, and knows when it is away.
//!
//! A call is sent anew only where that is safe: if it never left, or if it is a read on a kept connection that the server
//! had closed. A node that cannot be reached is left alone for a while; when all of them are, a call is told so at once.

#[cfg(feature = "tls")]
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::TlsConnector;
#[cfg(feature = "tls")]
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use super::Upstream;
use super::address::ServerAddress;
use super::kept::Kept;
use crate::error::Error;
use crate::limits::{
    HEAD_BYTES_MAX, UPSTREAM_AWAY_MS, UPSTREAM_CONNECT_MS_MAX, UPSTREAM_IDLE_CONNECTIONS_MAX, UPSTREAM_IDLE_MS_MAX,
    UPSTREAM_SILENT_CALLS_MAX,
};
#[cfg(feature = "tls")]
use crate::mock::wire::tls::client::server_name;

/// Whether a header line is about one connection and not about the message.
fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "expect"
    )
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No node can be reached; why the last one could not.
    Away(String),
    /// The connection broke before there was an answer, or what came was no HTTP.
    Broken(String),
    /// No answer came in time.
    Silent(Duration),
}

/// Calls the nodes of one upstream.
#[derive(Debug)]
pub(crate) struct UpstreamClient {
    nodes: Vec<Arc<Node>>,
    /// The node that is asked first next time.
    next: AtomicUsize,
    authorization: Option<HeaderValue>,
    silence_max: Duration,
}

#[derive(Debug)]
struct Node {
    address: ServerAddress,
    host: HeaderValue,
    /// How TLS is spoken to it, if it is. That it says nothing of panics is no harm: nobody changes it.
    #[cfg(feature = "tls")]
    tls: Option<AssertUnwindSafe<(Arc<ClientConfig>, ServerName<'static>)>>,
    idle: Mutex<Vec<Idle>>,
    health: Mutex<NodeHealth>,
}

/// A connection that waits for its next call.
#[derive(Debug)]
struct Idle {
    sender: SendRequest<Sending>,
    since: Instant,
}

#[derive(Debug, Default)]
struct NodeHealth {
    /// How often it could not be reached, in a row.
    failures: u32,
    /// Calls in a row that it left without an answer.
    silences: u32,
    /// Until when it is not tried.
    away_until: Option<Instant>,
    reason: String,
}

/// A connection that is in use; it is kept for the next call once its answer has been read.
#[derive(Debug)]
pub(crate) struct Lease {
    node: Arc<Node>,
    sender: SendRequest<Sending>,
}

impl Lease {
    /// Gives the connection back.
    pub(crate) fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut idle = self.node.idle();
        if idle.len() < UPSTREAM_IDLE_CONNECTIONS_MAX {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

impl Node {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, NodeHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kept connection that is still open.
    fn kept(&self) -> Option<SendRequest<Sending>> {
        let mut idle = self.idle();
        while let Some(Idle { sender, since }) = idle.pop() {
            let is_fresh = since.elapsed() < Duration::from_millis(UPSTREAM_IDLE_MS_MAX);
            if is_fresh && !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    /// Whether it may be tried. Of those who come when its pause is over one tries it, and the others are told.
    fn may_be_tried(&self) -> bool {
        let mut health = self.health();
        match health.away_until {
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                health.away_until = Some(Instant::now() + Duration::from_millis(UPSTREAM_CONNECT_MS_MAX));
                true
            }
            None => true,
        }
    }

    fn is_well(&self) {
        let mut health = self.health();
        if health.away_until.is_some() || health.silences > 0 {
            *health = NodeHealth::default();
        }
    }

    fn is_away(&self, reason: String) {
        let mut health = self.health();
        let [first, most] = UPSTREAM_AWAY_MS;
        let pause = first.saturating_mul(1 << health.failures.min(10)).min(most);
        health.failures += 1;
        health.away_until = Some(Instant::now() + Duration::from_millis(pause));
        health.reason = reason;
        drop(health);
        self.idle().clear();
    }

    fn is_silent(&self, silence_max: Duration) {
        let mut health = self.health();
        health.silences += 1;
        let (silences, is_enough) = (health.silences, health.silences >= UPSTREAM_SILENT_CALLS_MAX);
        drop(health);
        if is_enough {
            self.is_away(format!("{silences} calls in a row had no answer in {silence_max:?} each"));
        }
    }

    async fn connect(&self, silence_max: Duration) -> Result<SendRequest<Sending>, String> {
        let time_max = Duration::from_millis(UPSTREAM_CONNECT_MS_MAX).min(silence_max);
        let connecting = async {
            let stream = TcpStream::connect((self.address.bare_host(), self.address.port)).await?;
            stream.set_nodelay(true)?;
            #[cfg(feature = "tls")]
            if let Some(AssertUnwindSafe((config, name))) = &self.tls {
                let connector = TlsConnector::from(config.clone());
                return speak(connector.connect(name.clone(), stream).await?).await;
            }
            speak(stream).await
        };
        match tokio::time::timeout(time_max, connecting).await {
            Ok(Ok(sender)) => Ok(sender),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no connection in {time_max:?}")),
        }
    }
}

/// Speaks HTTP over a connection.
async fn speak<S>(stream: S) -> std::io::Result<SendRequest<Sending>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX.max(64 * 1024));
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    // What goes wrong with it, whoever waits for the answer is told.
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(sender)
}

impl UpstreamClient {
    /// A client of an upstream.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if an address or the credentials cannot be sent.
    pub(crate) fn new(upstream: &Upstream) -> Result<UpstreamClient, Error> {
        #[cfg(feature = "tls")]
        let tls = if upstream.is_secure() { Some(upstream.trust()?.config()?) } else { None };
        UpstreamClient::speaking(
            upstream,
            #[cfg(feature = "tls")]
            tls,
        )
    }

    /// A client of an upstream that speaks TLS like that, whomever the upstream is said to trust.
    ///
    /// # Errors
    /// As [`UpstreamClient::new`].
    pub(super) fn speaking(
        upstream: &Upstream,
        #[cfg(feature = "tls")] tls: Option<Arc<ClientConfig>>,
    ) -> Result<UpstreamClient, Error> {
        let node = |address: &ServerAddress| {
            let host = format!("{}:{}", address.host, address.port);
            let host = HeaderValue::try_from(host).map_err(|_| Error::invalid_input("the host cannot be sent"))?;
            let (idle, health) = (Mutex::default(), Mutex::default());
            #[cfg(feature = "tls")]
            let tls = match &tls {
                Some(config) if address.is_secure => {
                    Some(AssertUnwindSafe((config.clone(), server_name(&address.host)?)))
                }
                _ => None,
            };
            Ok(Arc::new(Node {
                address: address.clone(),
                host,
                #[cfg(feature = "tls")]
                tls,
                idle,
                health,
            }))
        };
        let authorization = upstream.authorization.as_ref().map(|value| {
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| Error::invalid_input("the upstream's credentials cannot stand in a header"))?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(UpstreamClient {
            nodes: upstream.nodes.iter().map(node).collect::<Result<_, Error>>()?,
            next: AtomicUsize::new(0),
            authorization: authorization.transpose()?,
            silence_max: upstream.silence_max,
        })
    }

    /// How long it may be silent.
    pub(crate) fn silence_max(&self) -> Duration {
        self.silence_max
    }

    /// The addresses of its nodes.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &ServerAddress> {
        self.nodes.iter().map(|node| &node.address)
    }

    /// The URLs of all nodes, for messages.
    pub(crate) fn name(&self) -> String {
        self.addresses().map(ServerAddress::url).collect::<Vec<_>>().join(", ")
    }

    /// Sends a call, and gives its answer as soon as its head is there.
    ///
    /// # Errors
    /// [`NoAnswer`] if there is none.
    pub(crate) async fn send(&self, call: UpstreamCall) -> Result<(Response<Incoming>, Lease), NoAnswer> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut call = Some(call);
        let mut away = None;
        for at in 0..self.nodes.len() {
            let node = &self.nodes[(first.wrapping_add(at)) % self.nodes.len()];
            if !node.may_be_tried() {
                away.get_or_insert_with(|| node.health().reason.clone());
                continue;
            }
            match self.send_to(node, call.take().expect("it has not been sent")).await {
                Ok(answered) => return Ok(answered),
                Err((NoAnswer::Away(reason), Some(unsent))) => {
                    away = Some(reason);
                    call = Some(unsent);
                }
                Err((no_answer, _)) => return Err(no_answer),
            }
        }
        Err(NoAnswer::Away(away.unwrap_or_default()))
    }

    async fn send_to(
        &self,
        node: &Arc<Node>,
        mut call: UpstreamCall,
    ) -> Result<(Response<Incoming>, Lease), (NoAnswer, Option<UpstreamCall>)> {
        loop {
            let kept = node.kept();
            let was_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => match node.connect(self.silence_max).await {
                    Ok(sender) => sender,
                    Err(reason) => {
                        let reason = format!("{}: {reason}", node.address.url());
                        node.is_away(reason.clone());
                        return Err((NoAnswer::Away(reason), Some(call)));
                    }
                },
            };
            if sender.ready().await.is_err() && was_kept {
                continue;
            }
            let again = call.again();
            let progress = call.progress.clone();
            let request = call.into_request(node, self.authorization.as_ref());
            let mut sending = std::pin::pin!(sender.try_send_request(request));
            let mut wait = self.silence_max;
            progress.goes_on();
            let answered = loop {
                if let Ok(answered) = tokio::time::timeout(wait, sending.as_mut()).await {
                    break answered;
                }
                // A large body may take its time as long as it goes on: the silence begins behind its last piece.
                wait = progress.silence_left(self.silence_max);
                if wait.is_zero() {
                    node.is_silent(self.silence_max);
                    return Err((NoAnswer::Silent(self.silence_max), None));
                }
            };
            match answered {
                Ok(response) => {
                    node.is_well();
                    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                        let what = "it switches to another protocol, which nobody has asked for".to_owned();
                        return Err((NoAnswer::Broken(what), None));
                    }
                    return Ok((response, Lease { node: node.clone(), sender }));
                }
                Err(mut failed) => {
                    if let Some(unsent) = failed.take_message() {
                        call = UpstreamCall::of_unsent(unsent, node, progress);
                        if was_kept {
                            continue;
                        }
                    } else if let Some(again) = again.filter(|_| was_kept) {
                        call = again;
                        continue;
                    }
                    // It is there, whatever it says.
                    node.is_well();
                    return Err((NoAnswer::Broken(broken(failed.error())), None));
                }
            }
        }
    }
}

/// What is told of a connection that broke.
fn broken(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return "it closed the connection before it had answered".to_owned();
    }
    if error.is_parse() {
        return format!("its answer is no HTTP ({error})");
    }
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// How far a call's body has got on its way from a client.
#[derive(Debug)]
struct BodyProgress {
    began: Instant,
    /// When the last piece of it went out, in microseconds after that; 0 before the first.
    last_us: AtomicU64,
    /// Whether the client has to send the next one.
    is_awaited: AtomicBool,
}

impl Default for BodyProgress {
    fn default() -> BodyProgress {
        BodyProgress { began: Instant::now(), last_us: AtomicU64::new(0), is_awaited: AtomicBool::new(false) }
    }
}

impl BodyProgress {
    fn goes_on(&self) {
        let us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_us.store(us, Ordering::Relaxed);
    }

    /// How long the upstream may be silent yet. While the client has to go on, it is not the upstream's silence.
    fn silence_left(&self, silence_max: Duration) -> Duration {
        if self.is_awaited.load(Ordering::Relaxed) {
            return silence_max;
        }
        let last = Duration::from_micros(self.last_us.load(Ordering::Relaxed));
        silence_max.saturating_sub(self.began.elapsed().saturating_sub(last))
    }
}

/// A call on its way to an upstream.
#[derive(Debug)]
pub(crate) struct UpstreamCall {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Sending,
    progress: Arc<BodyProgress>,
}

impl UpstreamCall {
    /// A call with these header lines, but for those of the connection that it came by.
    pub(crate) fn new(method: Method, target: &str, headers: HeaderMap, body: Sending) -> UpstreamCall {
        let progress = body.progress();
        // What most clients say of their connection is as true of this one.
        let is_kept = |name: &HeaderName, value: &HeaderValue| name == CONNECTION && value.as_bytes() == b"keep-alive";
        let goes_on = headers.iter().all(|(name, value)| !is_of_connection(name.as_str()) || is_kept(name, value));
        let headers = if goes_on { headers } else { of_message(headers) };
        UpstreamCall { method, target: target.to_owned(), headers, body, progress }
    }

    /// This call once more, if sending it twice does no harm.
    fn again(&self) -> Option<UpstreamCall> {
        let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.method);
        let body = match &self.body {
            Sending::Whole(body) if is_read => Sending::Whole(body.clone()),
            Sending::Teed(tee) if is_read && tee.is_empty() => Sending::Whole(Full::default()),
            _ => return None,
        };
        let (method, target, headers) = (self.method.clone(), self.target.clone(), self.headers.clone());
        Some(UpstreamCall { method, target, headers, body, progress: self.progress.clone() })
    }

    fn into_request(self, node: &Node, authorization: Option<&HeaderValue>) -> Request<Sending> {
        let UpstreamCall { method, target, mut headers, body, .. } = self;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // What the client's own parser has let through is a target.
        let target = if node.address.path.is_empty() { target } else { [&node.address.path, &*target].concat() };
        *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
        headers.insert(HOST, node.host.clone());
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        *request.headers_mut() = headers;
        request
    }

    fn of_unsent(request: Request<Sending>, node: &Node, progress: Arc<BodyProgress>) -> UpstreamCall {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = target.strip_prefix(node.address.path.as_str()).unwrap_or(target).to_owned();
        UpstreamCall { method: parts.method, target, headers: parts.headers, body, progress }
    }
}

/// Header lines without those of the connection. Nearly always the map goes on as it is.
pub(crate) fn of_message(headers: HeaderMap) -> HeaderMap {
    if !headers.keys().any(|name| is_of_connection(name.as_str())) {
        return headers;
    }
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len());
    // To take a line out of a map would change the order of the others.
    for (name, value) in &headers {
        if !is_of_connection(name.as_str()) && !named.iter().any(|named| named == name.as_str()) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// The body of a call to an upstream.
#[derive(Debug)]
pub(crate) enum Sending {
    /// It is there.
    Whole(Full<Bytes>),
    /// It comes from a client, and is kept on the way.
    Teed(Tee),
}

/// A client's body that is passed on as it comes.
#[derive(Debug)]
pub(crate) struct Tee {
    incoming: Incoming,
    kept: Arc<Mutex<Kept>>,
    progress: Arc<BodyProgress>,
}

impl Tee {
    /// Passes a body on, and keeps it there.
    pub(crate) fn new(incoming: Incoming, kept: Arc<Mutex<Kept>>) -> Tee {
        kept.lock().unwrap_or_else(PoisonError::into_inner).wait_for_end(!incoming.is_end_stream());
        Tee { incoming, kept, progress: Arc::default() }
    }

    fn is_empty(&self) -> bool {
        self.incoming.is_end_stream()
    }
}

impl Sending {
    fn progress(&self) -> Arc<BodyProgress> {
        match self {
            Sending::Whole(_) => Arc::default(),
            Sending::Teed(tee) => tee.progress.clone(),
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Sending::Whole(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Sending::Teed(Tee { incoming, kept, progress }) => {
                let polled = Pin::new(&mut *incoming).poll_frame(context);
                progress.is_awaited.store(polled.is_pending(), Ordering::Relaxed);
                let keeping = || kept.lock().unwrap_or_else(PoisonError::into_inner);
                match &polled {
                    Poll::Ready(None) => keeping().wait_for_end(false),
                    Poll::Ready(Some(Ok(frame))) => {
                        progress.goes_on();
                        let mut kept = keeping();
                        frame.data_ref().into_iter().for_each(|data| kept.push(data));
                        kept.wait_for_end(!incoming.is_end_stream());
                    }
                    Poll::Ready(Some(Err(_))) | Poll::Pending => {}
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sending::Whole(body) => body.is_end_stream(),
            Sending::Teed(tee) => tee.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sending::Whole(body) => body.size_hint(),
            Sending::Teed(tee) => tee.incoming.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_silent_from_the_last_piece_of_a_body_on() {
        let seconds = Duration::from_secs;
        let Some(began) = Instant::now().checked_sub(seconds(60)) else { return };
        let progress = BodyProgress { began, last_us: AtomicU64::new(50_000_000), is_awaited: AtomicBool::new(false) };
        let left = progress.silence_left(seconds(1_000));
        assert!(left <= seconds(990) && left > seconds(900), "{left:?}");
        assert_eq!(progress.silence_left(seconds(10)), Duration::ZERO);
        progress.is_awaited.store(true, Ordering::Relaxed);
        assert_eq!(progress.silence_left(seconds(10)), seconds(10), "the client has to go on");
        progress.is_awaited.store(false, Ordering::Relaxed);
        progress.goes_on();
        assert!(progress.silence_left(seconds(1_000)) > seconds(900));
    }

    #[test]
    fn header_lines_of_a_connection_stay_on_it() {
        let lines = |text: &str| -> HeaderMap {
            let lines = text.lines().filter_map(|line| line.split_once(": "));
            lines.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
        };
        let told = |map: &HeaderMap| -> Vec<String> {
            map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
        };
        let sent = lines("te: trailers\na: 1\nconnection: close, B\nb: 2\nc: 3\nkeep-alive: timeout=5\nd: 4");
        assert_eq!(told(&of_message(sent)), ["a: 1", "c: 3", "d: 4"]);
        let usual = lines("a: 1\nconnection: keep-alive\nb: 2");
        assert_eq!(told(&of_message(usual.clone())), ["a: 1", "b: 2"]);
        let call = UpstreamCall::new(Method::GET, "/", usual.clone(), Sending::Whole(Full::default()));
        assert_eq!(told(&call.headers), told(&usual));
        let call = UpstreamCall::new(Method::GET, "/", lines("connection: close"), Sending::Whole(Full::default()));
        assert!(call.headers.is_empty());
    }
}
