//! [`Upstream`]: another server that calls are forwarded to; here they go out, and the answers come back.
//!
//! ```text
//! address.rs  where it is             client.rs   connections, nodes, what is away
//! passing.rs  an answer passes by     kept.rs     and is kept up to a bound
//! blocking.rs the same client for commands that have no runtime
//! ```
//!
//! Bytes go through unchanged both ways: method, target, header lines but for those of the connection and `host`, and the
//! body as it comes. What is remembered is a call like any other, marked, judged when its answer has passed. An answer that
//! the upstream does not give is one of the mock's own, and says so.

pub(crate) mod address;
#[cfg(feature = "cli")]
pub(crate) mod blocking;
pub(crate) mod client;
mod kept;
pub(crate) mod passing;

use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

use super::body::{self, BodyError};
use super::server::{ServerShared, is_packed, outgoing, system_time};
#[cfg(feature = "tls")]
use super::tls::client::{Fingerprint, Trust};
use crate::base64;
use crate::error::Error;
use crate::fault::{Fault, FaultKind, LeftOut, StubMark};
use crate::http::{Headers, Method, Request, Response};
use crate::limits::{FORWARDED_BYTES_KEPT_MAX, UPSTREAM_SILENCE_MS_MAX};
use crate::mock::engine::forward::{Whereto, no_answer};
use address::ServerAddress;
use client::{NoAnswer, Sending, Tee, UpstreamCall, UpstreamClient, of_message};
use kept::Kept;
use passing::{AnswerHead, Passing, WireBody};

/// Another server, as a mock calls it: an Elasticsearch, or another elastimock.
///
/// ```
/// use elastimock::server::Upstream;
/// use elastimock::MockServer;
///
/// let cluster = MockServer::start_blocking()?;
/// let mock = MockServer::builder().upstream(Upstream::new(cluster.url())?).start_blocking()?;
/// // The Connector API and the indices of `mock` are answered there, everything else by `cluster`.
/// # drop(mock);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Upstream {
    nodes: Vec<ServerAddress>,
    authorization: Option<String>,
    silence_max: Duration,
    #[cfg(feature = "tls")]
    ca: Option<PathBuf>,
    #[cfg(feature = "tls")]
    fingerprint: Option<Fingerprint>,
}

impl Upstream {
    /// The server at a URL: `http://HOST:PORT`, or with the feature `tls` `https://HOST:PORT`, with a path if there is one.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is none.
    pub fn new(url: &str) -> Result<Upstream, Error> {
        let silence_max = Duration::from_millis(UPSTREAM_SILENCE_MS_MAX);
        Ok(Upstream {
            nodes: vec![readable(url)?],
            authorization: None,
            silence_max,
            #[cfg(feature = "tls")]
            ca: None,
            #[cfg(feature = "tls")]
            fingerprint: None,
        })
    }

    /// A further node of the same cluster: calls go to all of them in turn, and to the others while one is away.
    ///
    /// # Errors
    /// As [`Upstream::new`].
    pub fn node(mut self, url: &str) -> Result<Upstream, Error> {
        self.nodes.push(readable(url)?);
        Ok(self)
    }

    /// Calls it as that user, whatever credentials the client sends; they are recorded nowhere.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Upstream {
        self.authorization = Some(format!("Basic {}", base64::encode(format!("{name}:{password}").as_bytes())));
        self
    }

    /// Calls it with that API key, as `encoded` has it, whatever credentials the client sends.
    #[must_use]
    pub fn api_key(mut self, encoded: &str) -> Upstream {
        self.authorization = Some(format!("ApiKey {encoded}"));
        self
    }

    /// Trusts what the certificates of a PEM file have signed, in place of the system's authorities.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Upstream {
        self.ca = Some(file.into());
        self
    }

    /// Trusts the certificate of that SHA-256 fingerprint, and what it has signed: 64 hexadecimal digits, with or without
    /// colons between.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if it is none.
    #[cfg(feature = "tls")]
    pub fn fingerprint(mut self, fingerprint: &str) -> Result<Upstream, Error> {
        self.fingerprint = Some(fingerprint.parse()?);
        Ok(self)
    }

    /// Whether TLS is spoken to one of its nodes.
    #[cfg(feature = "tls")]
    fn is_secure(&self) -> bool {
        self.nodes.iter().any(|node| node.is_secure)
    }

    /// Whom it trusts.
    #[cfg(feature = "tls")]
    fn trust(&self) -> Result<Trust, Error> {
        let mut trust = Trust::default();
        if let Some(file) = &self.ca {
            trust = trust.ca(file)?;
        }
        Ok(match self.fingerprint {
            Some(fingerprint) => trust.fingerprint(fingerprint),
            None => trust,
        })
    }

    /// Whether one of its nodes is, by what its URL says, at that address.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        let own = address.ip().to_canonical();
        self.nodes.iter().any(|node| {
            let is_host = match node.bare_host().parse::<IpAddr>() {
                Ok(ip) => ip == own || (own.is_unspecified() && ip.is_loopback()),
                Err(_) => node.host == "localhost" && (own.is_loopback() || own.is_unspecified()),
            };
            is_host && node.port == address.port()
        })
    }

    /// Waits that long for an answer to begin, and to go on; a minute when not said.
    #[must_use]
    pub fn timeout(mut self, silence_max: Duration) -> Upstream {
        self.silence_max = silence_max;
        self
    }
}

fn readable(url: &str) -> Result<ServerAddress, Error> {
    let address = ServerAddress::parse(url)?;
    match address.is_secure && cfg!(not(feature = "tls")) {
        true => Err(Error::invalid_input(format!("`{url}`: only plain HTTP is spoken without the feature tls"))),
        false => Ok(address),
    }
}

/// What is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardShare {
    /// Every call, as it comes.
    Everything,
    /// What the mock, or the recording that is played, does not answer.
    TheRest,
}

/// The upstream of a server.
#[derive(Debug)]
pub(crate) struct Behind {
    client: UpstreamClient,
    share: ForwardShare,
    /// Whether it was away when it was called last.
    is_away: Mutex<bool>,
}

/// A call as it came, without its body.
pub(crate) struct Head {
    /// Method, target, headers.
    pub(crate) request: Request,
    /// The method as hyper has it.
    pub(crate) method: hyper::Method,
    /// The header lines, byte for byte.
    pub(crate) headers: HeaderMap,
}

impl Behind {
    /// An upstream that gets its share.
    ///
    /// # Errors
    /// As [`UpstreamClient::new`].
    pub(crate) fn new(upstream: &Upstream, share: ForwardShare) -> Result<Behind, Error> {
        Ok(Behind { client: UpstreamClient::new(upstream)?, share, is_away: Mutex::new(false) })
    }

    /// Deals with a call: forwards it, or has the mock answer.
    pub(crate) async fn answer(&self, shared: &Arc<ServerShared>, head: Head, incoming: Incoming) -> ForwardOutcome {
        match self.share {
            ForwardShare::Everything => ForwardOutcome::Passed(self.pass(shared, head, incoming).await),
            ForwardShare::TheRest => self.pass_the_rest(shared, head, incoming).await,
        }
    }

    /// Forwards a call as it comes.
    async fn pass(&self, shared: &Arc<ServerShared>, head: Head, incoming: Incoming) -> hyper::Response<WireBody> {
        let Head { request, method, headers } = head;
        let kept = Arc::new(Mutex::new(Kept::new(shared.desk().body_bytes_max())));
        let call =
            UpstreamCall::new(method, request.target(), headers, Sending::Teed(Tee::new(incoming, kept.clone())));
        let pending = PendingForward::new(shared, request, Some(kept));
        self.forward(call, pending, shared).await
    }

    /// Asks whose a call is, and has it answered there.
    async fn pass_the_rest(&self, shared: &Arc<ServerShared>, head: Head, mut incoming: Incoming) -> ForwardOutcome {
        let Head { request, method, headers } = head;
        let body = match body::read(&mut incoming, shared.desk().body_bytes_max()).await {
            Ok(body) => body,
            Err(error) => return ForwardOutcome::Unread(request, incoming, error),
        };
        let Ok(request) = unpacked(request, &body, shared.desk().body_bytes_max()) else {
            return ForwardOutcome::Unread(Request::new(Method::Get, "/"), incoming, BodyError::TooLarge);
        };
        let read = shared.desk().read(&request);
        shared.warm();
        let whereto = shared.engine().whereto(read, &request, system_time());
        let is_stubbed = match whereto {
            Whereto::Here(read) => return ForwardOutcome::Here(shared.act_on(read, &request).await),
            Whereto::Upstream(read) => read.is_stubbed().then(|| read.into_decided()),
        };
        let call = UpstreamCall::new(method, request.target(), headers, Sending::Whole(Full::new(body)));
        match is_stubbed {
            None => {
                let pending = PendingForward::new(shared, request, None);
                ForwardOutcome::Passed(self.forward(call, pending, shared).await)
            }
            Some(decided) => {
                let began = Instant::now();
                let response = self.fetch(call, shared, request.method()).await;
                let read = shared.desk().read(&request).with_decided(decided);
                let acted = shared.engine().forwarded(read, &request, response, system_time());
                ForwardOutcome::Here(shared.conclude(acted, &request, began))
            }
        }
    }

    async fn forward(
        &self,
        call: UpstreamCall,
        pending: PendingForward,
        shared: &ServerShared,
    ) -> hyper::Response<WireBody> {
        match self.client.send(call).await {
            Ok((response, lease)) => {
                self.is_here(shared);
                let (mut parts, incoming) = response.into_parts();
                // A body in pieces has no length, whatever is said beside.
                if parts.headers.contains_key(TRANSFER_ENCODING) {
                    parts.headers.remove(CONTENT_LENGTH);
                }
                parts.headers = of_message(parts.headers);
                // As which HTTP it came is of its connection too.
                parts.version = hyper::Version::HTTP_11;
                let head = AnswerHead::new(parts.status.as_u16(), &parts.headers, pending.is_head());
                let passing = Passing::new(incoming, head, pending, lease, self.client.silence_max());
                hyper::Response::from_parts(parts, WireBody::Passing(Box::new(passing)))
            }
            Err(why) => {
                let response = self.refuse(&why, pending.method(), shared);
                pending.conclude(response.clone());
                outgoing(response, HeaderMap::new())
            }
        }
    }

    /// The whole answer of the upstream, for a stub that changes it.
    async fn fetch(&self, call: UpstreamCall, shared: &ServerShared, method: &Method) -> Response {
        let (response, lease) = match self.client.send(call).await {
            Ok(answered) => answered,
            Err(why) => return self.refuse(&why, method, shared),
        };
        self.is_here(shared);
        let (parts, mut incoming) = response.into_parts();
        let read = body::read(&mut incoming, FORWARDED_BYTES_KEPT_MAX);
        let body = match tokio::time::timeout(self.client.silence_max(), read).await {
            Ok(Ok(body)) => body,
            Ok(Err(BodyError::TooLarge)) => {
                let what = format!("it has more than {FORWARDED_BYTES_KEPT_MAX} bytes, too many for a stub");
                return self.refuse(&NoAnswer::Broken(what), method, shared);
            }
            Ok(Err(BodyError::Broken)) => {
                let what = "its answer ended in the middle of the body".to_owned();
                return self.refuse(&NoAnswer::Broken(what), method, shared);
            }
            Err(_) => return self.refuse(&NoAnswer::Silent(self.client.silence_max()), method, shared),
        };
        lease.give_back();
        let head = AnswerHead::new(parts.status.as_u16(), &of_message(parts.headers), *method == Method::Head);
        let mut response = head.told(body, false);
        response.mark = Some(Box::new(StubMark { upstream: true, ..StubMark::default() }));
        response
    }

    /// What the mock says in place of an upstream that does not answer.
    fn refuse(&self, why: &NoAnswer, method: &Method, shared: &ServerShared) -> Response {
        let name = self.client.name();
        let (status, reason) = match why {
            NoAnswer::Away(reason) => (503, format!("the upstream is away: {reason}; it is tried again by itself")),
            NoAnswer::Broken(what) => (
                502,
                format!("the upstream {name} has not answered: {what}; whether it has done the call nobody knows"),
            ),
            NoAnswer::Silent(silence_max) => (
                504,
                format!(
                    "the upstream {name} has not answered in {silence_max:?}; whether it has done the call nobody knows; \
                     --upstream-timeout gives it longer"
                ),
            ),
        };
        if let NoAnswer::Away(reason) = why {
            let mut is_away = self.is_away.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::replace(&mut *is_away, true) {
                shared.troubles_of_upstream(Some(format!("the upstream is away: {reason}; calls are answered 503")));
            }
        }
        let mut response = no_answer(method, status, reason);
        response.mark = Some(Box::new(StubMark { upstream: true, ..StubMark::default() }));
        response
    }

    fn is_here(&self, shared: &ServerShared) {
        let mut is_away = self.is_away.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *is_away, false) {
            shared.troubles_of_upstream(None);
        }
    }
}

/// What has become of a call.
pub(crate) enum ForwardOutcome {
    /// The answer is the upstream's, or about it.
    Passed(hyper::Response<WireBody>),
    /// The mock has answered, with what is known of the delivery.
    Here((Response, super::server::Delivery)),
    /// Its body could not be had.
    Unread(Request, Incoming, BodyError),
}

/// A call that has been forwarded and is not remembered yet. However it ends, it is remembered.
#[derive(Debug)]
pub(crate) struct PendingForward(Option<Box<Forwarding>>);

#[derive(Debug)]
struct Forwarding {
    shared: Arc<ServerShared>,
    request: Request,
    /// The body, if it is still on its way.
    sent: Option<Arc<Mutex<Kept>>>,
    began: Instant,
}

impl PendingForward {
    fn new(shared: &Arc<ServerShared>, request: Request, sent: Option<Arc<Mutex<Kept>>>) -> PendingForward {
        PendingForward(Some(Box::new(Forwarding { shared: shared.clone(), request, sent, began: Instant::now() })))
    }

    fn method(&self) -> &Method {
        self.0.as_ref().map_or(&Method::Get, |forwarding| forwarding.request.method())
    }

    fn is_head(&self) -> bool {
        *self.method() == Method::Head
    }

    /// Remembers the call with its answer.
    fn conclude(mut self, response: Response) {
        if let Some(forwarding) = self.0.take() {
            forwarding.conclude(response);
        }
    }
}

impl Drop for PendingForward {
    fn drop(&mut self) {
        // The client has gone before there was an answer.
        if let Some(forwarding) = self.0.take() {
            let mut response = Response::new(0);
            let fault = Some(Fault::new(FaultKind::Close));
            response.mark = Some(Box::new(StubMark { fault, upstream: true, ..StubMark::default() }));
            forwarding.conclude(response);
        }
    }
}

impl Forwarding {
    fn conclude(self, mut response: Response) {
        let Forwarding { shared, request, sent, began } = self;
        let body = sent.map(|sent| sent.lock().unwrap_or_else(PoisonError::into_inner).take());
        let bytes_max = shared.desk().body_bytes_max();
        let (request, left_out) = match body {
            None => (request, 0),
            Some(Ok(body)) if !is_packed(&request) => (request.with_body(body), 0),
            Some(Ok(body)) => match unpacked(request.clone(), &body, bytes_max) {
                Ok(request) => (request, 0),
                Err(BodyError::TooLarge | BodyError::Broken) => (request, body.len() as u64),
            },
            Some(Err(bytes)) => (request, bytes),
        };
        if let Some(mark) = &mut response.mark {
            mark.left_out = LeftOut { request: left_out, ..mark.left_out };
        }
        let read = shared.desk().read(&request);
        let acted = shared.engine().forwarded(read, &request, response, system_time());
        shared.conclude(acted, &request, began);
    }
}

/// A request with a body that the client may have packed.
///
/// # Errors
/// [`BodyError::TooLarge`] if it is more than it may be when it is unpacked.
fn unpacked(request: Request, body: &Bytes, bytes_max: usize) -> Result<Request, BodyError> {
    if !is_packed(&request) {
        return Ok(request.with_body(body.clone()));
    }
    match body::unpacked(body, bytes_max) {
        Ok(body) => Ok(super::server::without_packing(request).with_body(body)),
        Err(BodyError::TooLarge) => Err(BodyError::TooLarge),
        // What cannot be unpacked is refused by whoever reads it.
        Err(BodyError::Broken) => Ok(request.with_body(body.clone())),
    }
}

/// Header lines as values. hyper lets neither line breaks nor capitals in names through.
pub(super) fn headers_of(map: &HeaderMap) -> Headers {
    Headers::from_wire(map.len(), lines_of(map))
}

/// Header lines as they came.
pub(super) fn lines_of(map: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}
