//! The handshake of a connection, bounded in time and size, and why one failed.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as TlsError, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::super::socket::{HANDSHAKE, Socket};
use super::super::troubles::TroubleLog;
use crate::limits::{HANDSHAKE_BYTES_MAX, HANDSHAKE_MS_MAX};
use crate::mock::admin;

/// What a server shows whoever connects. A server can be used after a panic has been caught, whatever rustls says of
/// its parts: nothing here changes.
pub(crate) type Front = AssertUnwindSafe<Arc<ServerConfig>>;

/// A connection after its handshake; `None` if there is none to go on with.
pub(crate) async fn shake(front: Arc<ServerConfig>, stream: TcpStream, troubles: Arc<TroubleLog>) -> Option<Socket> {
    let shaking = async {
        if !begins_one(&stream, &troubles).await? {
            return Ok(None);
        }
        let mut shaken = TlsAcceptor::from(front).accept(Measured { stream, left: HANDSHAKE_BYTES_MAX }).await?;
        shaken.get_mut().0.left = usize::MAX;
        Ok(Some(Socket::Tls(Box::new(shaken))))
    };
    match tokio::time::timeout(Duration::from_millis(HANDSHAKE_MS_MAX), shaking).await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => {
            if let Some(reason) = reason(&error) {
                troubles.unheard(&reason);
            }
            None
        }
        Err(_) => {
            troubles.unheard("a client did not end its TLS handshake in time");
            None
        }
    }
}

/// Whether the client begins a handshake. One that speaks plain HTTP gets no answer.
///
/// Source: Elasticsearch 9.x closes a channel that speaks plain HTTP on an HTTPS port, and logs it.
async fn begins_one(stream: &TcpStream, troubles: &TroubleLog) -> io::Result<bool> {
    let probe = format!("GET {}/health", admin::PREFIX);
    let mut begin = [0; 64];
    let length = stream.peek(&mut begin).await?;
    let begin = &begin[..length];
    if begin.first() == Some(&HANDSHAKE) {
        return Ok(true);
    }
    // `elastimock wait` finds out like this what is spoken here.
    if length > 0 && !begin.starts_with(probe.as_bytes()) {
        troubles.unheard("a client speaks plain HTTP and this port TLS; give it an address that begins with https://");
    }
    // What is not read when a connection is closed is a reset to the client, and not an end.
    let mut rest = [0; 4096];
    for _ in 0..HANDSHAKE_BYTES_MAX / rest.len() {
        if !matches!(stream.try_read(&mut rest), Ok(1..)) {
            break;
        }
    }
    Ok(false)
}

/// Why a handshake failed, for whoever can do something about it; nobody can if the client just went away.
fn reason(error: &io::Error) -> Option<String> {
    use AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>()) else {
        return (error.kind() == io::ErrorKind::InvalidData).then(|| format!("a TLS handshake failed: {error}"));
    };
    Some(match cause {
        TlsError::AlertReceived(BadCertificate | CertificateUnknown | UnknownCA) => {
            "a client does not trust the server's certificate; give it the authority's, which --tls-ca-out writes and \
             server.tls() has, or its fingerprint"
                .to_owned()
        }
        TlsError::NoCertificatesPresented => {
            "a client showed no certificate, and this server wants one; --tls-client-out writes one, and \
             server.tls() makes one"
                .to_owned()
        }
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "a client showed a certificate of an authority that is not trusted; --tls-client-ca names it".to_owned()
        }
        TlsError::InvalidCertificate(wrong) => format!("a client showed a certificate that is not taken: {wrong}"),
        other => format!("a TLS handshake failed: {other}"),
    })
}

/// A connection of which only so many more bytes are read.
pub(crate) struct Measured {
    stream: TcpStream,
    left: usize,
}

impl Measured {
    /// The connection itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for Measured {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other(TlsError::General(format!(
                "a client sent more than {HANDSHAKE_BYTES_MAX} bytes and did not end it"
            )))));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        if self.left != usize::MAX {
            self.left = self.left.saturating_sub(into.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Measured {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rustls bounds a message, and this all of them together.
    #[tokio::test]
    async fn no_more_is_read_than_a_handshake_may_have() {
        use std::io::Write;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut client = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("a client");
        let (stream, _) = listener.accept().await.expect("a connection");
        client.write_all(&[0; 30]).expect("it is taken");
        let mut measured = Measured { stream, left: 20 };
        let mut read = async || {
            let mut bytes = [0; 10];
            let mut into = ReadBuf::new(&mut bytes);
            std::future::poll_fn(|context| Pin::new(&mut measured).poll_read(context, &mut into)).await
        };
        assert!(read().await.is_ok() && read().await.is_ok());
        assert!(read().await.expect_err("too much").to_string().contains("did not end it"));
    }
}
