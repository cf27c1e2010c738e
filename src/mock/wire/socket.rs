//! [`Socket`]: the bytes of a connection, in the clear or through TLS.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[cfg(feature = "tls")]
use super::tls::handshake::Measured;

/// What the first byte of a TLS connection is: that of a handshake. No request of HTTP begins so.
pub(crate) const HANDSHAKE: u8 = 0x16;

/// A connection that hyper or a fault reads and writes.
pub(crate) enum Socket {
    /// In the clear.
    Plain(PlainSocket),
    /// Through TLS, after the handshake.
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::server::TlsStream<Measured>>),
}

/// A connection without TLS.
pub(crate) struct PlainSocket {
    stream: TcpStream,
    said: FirstWords,
}

/// What the client has said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstWords {
    Nothing,
    /// The beginning of a TLS handshake. It is not read on.
    Handshake,
    Something,
}

impl Socket {
    /// A connection in the clear.
    pub(crate) fn plain(stream: TcpStream) -> Socket {
        Socket::Plain(PlainSocket { stream, said: FirstWords::Nothing })
    }

    /// Whether the client speaks TLS where there is none.
    pub(crate) fn wants_tls(&self) -> bool {
        matches!(self, Socket::Plain(plain) if plain.said == FirstWords::Handshake)
    }

    /// Has it reset when it is closed: what has no time to linger ends with RST and no FIN.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let stream = match self {
            Socket::Plain(plain) => &plain.stream,
            #[cfg(feature = "tls")]
            Socket::Tls(through) => through.get_ref().0.stream(),
        };
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
    }

    /// Writes all of that.
    pub(crate) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| Pin::new(&mut *self).poll_write(context, bytes)).await?;
            bytes = &bytes[written..];
        }
        poll_fn(|context| Pin::new(&mut *self).poll_flush(context)).await
    }

    /// Reads and forgets until the client has ended.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<()> {
        let mut bytes = [0; 1024];
        loop {
            let mut read = ReadBuf::new(&mut bytes);
            poll_fn(|context| Pin::new(&mut *self).poll_read(context, &mut read)).await?;
            if read.filled().is_empty() {
                return Ok(());
            }
        }
    }
}

/// Does the same with whatever is inside.
macro_rules! either {
    ($socket:expr, $inside:ident => $does:expr) => {
        match $socket.get_mut() {
            Socket::Plain(plain) => {
                let $inside = Pin::new(&mut plain.stream);
                $does
            }
            #[cfg(feature = "tls")]
            Socket::Tls(through) => {
                let $inside = Pin::new(&mut **through);
                $does
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(plain) => plain.poll_read(context, into),
            #[cfg(feature = "tls")]
            Socket::Tls(through) => Pin::new(&mut **through).poll_read(context, into),
        }
    }
}

impl PlainSocket {
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        if self.said == FirstWords::Nothing {
            self.said = match into.filled().get(before) {
                Some(&HANDSHAKE) => FirstWords::Handshake,
                _ => FirstWords::Something,
            };
            if self.said == FirstWords::Handshake {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, inside => inside.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inside => inside.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Socket::Plain(plain) => plain.stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Socket::Tls(through) => through.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inside => inside.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An answer is still to be written.
        if self.wants_tls() {
            return Poll::Ready(Ok(()));
        }
        either!(self, inside => inside.poll_shutdown(context))
    }
}
