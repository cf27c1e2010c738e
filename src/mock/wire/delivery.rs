//! How an answer goes out that a fault has hold of: late, in pieces, garbled, cut, or not at all.
//!
//! What hyper can send it sends. For the rest the connection is taken from it and written by hand: that is the only way
//! to a true reset, and to a body that ends before its length.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::socket::Socket;
use crate::fault::{Fault, FaultKind};
use crate::http::Response;
use crate::limits::DRIBBLE_MS;

/// What is to be done to a connection that is taken from hyper.
#[derive(Debug)]
pub(crate) enum ConnectionEnd {
    /// A reset.
    Reset,
    /// An end without a word.
    Close,
    /// Some bytes, and then nothing more.
    Stall(Vec<u8>),
    /// Some bytes, and an end.
    Cut(Vec<u8>),
    /// Bytes in pieces with a pause before each, and an end.
    Dribble { head: Vec<u8>, pieces: Vec<Vec<u8>>, pause: Duration },
}

/// The way from the task that answers to the one that has the connection.
#[derive(Debug, Default)]
pub(crate) struct Upset {
    is_set: AtomicBool,
    ending: Mutex<Option<ConnectionEnd>>,
}

impl Upset {
    /// Has the connection taken from hyper as soon as the task that has it is polled again.
    pub(crate) fn set(&self, ending: ConnectionEnd) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
        self.is_set.store(true, Ordering::Release);
    }

    /// What is to be done, if it has just been said.
    pub(crate) fn take(&self) -> Option<ConnectionEnd> {
        if !self.is_set.load(Ordering::Acquire) {
            return None;
        }
        self.is_set.store(false, Ordering::Release);
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ConnectionEnd {
    /// What a fault does to the connection; `None` if hyper can send the answer.
    pub(crate) fn of(fault: &Fault, response: &Response) -> Option<ConnectionEnd> {
        let body = response.body();
        let through = || {
            let mut bytes = last_head(response);
            bytes.extend_from_slice(&body[..fault.bytes_let_through(body.len())]);
            bytes
        };
        Some(match fault.kind {
            FaultKind::Late | FaultKind::Garbage => return None,
            FaultKind::Reset => ConnectionEnd::Reset,
            FaultKind::Close => ConnectionEnd::Close,
            FaultKind::Stall if fault.after_bytes.is_none() => ConnectionEnd::Stall(Vec::new()),
            FaultKind::Stall => ConnectionEnd::Stall(through()),
            FaultKind::Cut => ConnectionEnd::Cut(through()),
            FaultKind::Dribble => {
                let pieces: Vec<Vec<u8>> = body.chunks(fault.dribble_bytes(body.len())).map(<[u8]>::to_vec).collect();
                let over = fault.over.unwrap_or(Duration::from_millis(DRIBBLE_MS));
                let pause = over / u32::try_from(pieces.len().max(1)).unwrap_or(1);
                ConnectionEnd::Dribble { head: last_head(response), pieces, pause }
            }
        })
    }

    /// The answer to a client that speaks TLS where there is none.
    ///
    /// Source: run against Elasticsearch, which takes the bytes for a request of HTTP/0.9.
    pub(crate) fn to_tls(response: &Response) -> ConnectionEnd {
        let mut bytes = head("HTTP/1.0", response);
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(response.body());
        ConnectionEnd::Cut(bytes)
    }

    /// Whether nobody waits for anything any more: the server may end at once.
    pub(crate) fn is_stalled(&self) -> bool {
        matches!(self, ConnectionEnd::Stall(_))
    }

    /// Does it, to a connection of which hyper has let go.
    pub(crate) fn perform(self, socket: Socket) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            // Whatever fails here, the client has gone.
            let _ = self.write(socket).await;
        })
    }

    async fn write(self, mut socket: Socket) -> io::Result<()> {
        match self {
            ConnectionEnd::Reset => socket.reset(),
            ConnectionEnd::Close => Ok(()),
            ConnectionEnd::Stall(bytes) => {
                socket.send(&bytes).await?;
                // Until the client gives up, or the server ends.
                socket.read_to_end().await
            }
            ConnectionEnd::Cut(bytes) => socket.send(&bytes).await,
            ConnectionEnd::Dribble { head, pieces, pause } => {
                socket.send(&head).await?;
                for piece in pieces {
                    tokio::time::sleep(pause).await;
                    socket.send(&piece).await?;
                }
                Ok(())
            }
        }
    }
}

/// The head of an answer with which its connection ends.
fn last_head(response: &Response) -> Vec<u8> {
    let mut head = head("HTTP/1.1", response);
    head.extend_from_slice(b"connection: close\r\n\r\n");
    head
}

/// Status line and headers as hyper writes them, but for the last lines.
fn head(version: &str, response: &Response) -> Vec<u8> {
    let status = hyper::StatusCode::from_u16(response.status()).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("{version} {} {reason}\r\n", status.as_str());
    let mut has_length = false;
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != "connection") {
        has_length |= name == "content-length";
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !has_length {
        head.push_str(&format!("content-length: {}\r\n", response.body().len()));
    }
    head.into_bytes()
}

/// The answer with a body that means nothing, as long as the one that it was.
pub(crate) fn garbled(mut response: Response) -> Response {
    response.body = Fault::garbled(&response.body).into();
    response
}
