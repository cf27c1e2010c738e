//! [`BlockingClient`]: calls another server for a command that has no runtime, one call after the other.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Runtime;

use super::client::{NoAnswer, Sending, UpstreamCall, UpstreamClient};
use super::{Upstream, headers_of};
use crate::error::Error;
use crate::http::{Request, Response};
use crate::limits::CALLER_ANSWER_BYTES_MAX;
use crate::mock::wire::body::{self, BodyError};
use crate::mock::wire::tls::client::Trust;

/// Header lines that are made anew; nobody would unpack an answer.
const OWN: [&str; 3] = ["host", "content-length", "accept-encoding"];

/// Calls one upstream.
#[derive(Debug)]
pub(crate) struct BlockingClient {
    runtime: Runtime,
    client: UpstreamClient,
}

impl BlockingClient {
    /// A client of an upstream.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if its credentials cannot be sent; [`Error::is_surroundings`] without a runtime.
    pub(crate) fn new(upstream: &Upstream) -> Result<BlockingClient, Error> {
        BlockingClient::of(UpstreamClient::new(upstream)?)
    }

    /// A client of an upstream that trusts, and shows of itself, what is said there.
    ///
    /// # Errors
    /// As [`BlockingClient::new`]; as [`Trust::config`] where TLS is spoken.
    pub(crate) fn trusting(upstream: &Upstream, trust: Trust) -> Result<BlockingClient, Error> {
        let tls = if upstream.is_secure() { Some(trust.config()?) } else { None };
        BlockingClient::of(UpstreamClient::speaking(upstream, tls)?)
    }

    fn of(client: UpstreamClient) -> Result<BlockingClient, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::surroundings("cannot call another server", error))?;
        Ok(BlockingClient { runtime, client })
    }

    /// The whole answer to a request.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) fn call(&self, request: &Request) -> Result<Response, String> {
        self.runtime.block_on(self.exchange(request)).map_err(|why| match why {
            // Who does not answer is said by whoever asks.
            NoAnswer::Away(reason) => {
                reason.strip_prefix(&format!("{}: ", self.client.name())).unwrap_or(&reason).to_owned()
            }
            NoAnswer::Broken(what) => what,
            NoAnswer::Silent(silence_max) => format!("no answer in {silence_max:?}"),
        })
    }

    async fn exchange(&self, request: &Request) -> Result<Response, NoAnswer> {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter().filter(|(name, _)| !OWN.contains(name)) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        if hyper::Uri::try_from(request.target()).is_err() {
            return Err(NoAnswer::Broken(
                "its target cannot be sent: it has blanks or other characters to be escaped".to_owned(),
            ));
        }
        let method = hyper::Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default();
        let body = Sending::Whole(Full::new(request.body().clone()));
        let call = UpstreamCall::new(method, request.target(), headers, body);
        let (answer, lease) = self.client.send(call).await?;
        let (parts, mut incoming) = answer.into_parts();
        let bytes_max = usize::try_from(CALLER_ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        let silence_max = self.client.silence_max();
        let read = tokio::time::timeout(silence_max, body::read(&mut incoming, bytes_max)).await;
        let body: Bytes = match read {
            Ok(Ok(body)) => body,
            Ok(Err(BodyError::Broken)) => {
                return Err(NoAnswer::Broken("its answer ended in the middle of the body".to_owned()));
            }
            Ok(Err(BodyError::TooLarge)) => {
                return Err(NoAnswer::Broken(format!("its answer has more than {CALLER_ANSWER_BYTES_MAX} bytes")));
            }
            Err(_) => return Err(NoAnswer::Silent(silence_max)),
        };
        lease.give_back();
        let mut response = Response::new(parts.status.as_u16());
        response.headers = headers_of(&parts.headers);
        response.body = body;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::http::Method;

    #[test]
    fn answers_are_read_however_they_are_framed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answers = [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nx: y\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.0 500 No\r\n\r\nto the end",
            "nonsense\r\n\r\n",
        ];
        let server = std::thread::spawn(move || {
            let mut at = 0;
            while at < answers.len() {
                let (stream, _) = listener.accept().expect("a connection");
                let mut stream = BufReader::new(stream);
                while at < answers.len() {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).expect("a line") > 0 {}
                    if head.is_empty() {
                        break;
                    }
                    assert!(head.starts_with("GET /es/x HTTP/1.1\r\n"), "{head}");
                    assert!(head.contains("authorization: ApiKey mine") && !head.contains("theirs"), "{head}");
                    stream.get_mut().write_all(answers[at].as_bytes()).expect("a reader");
                    at += 1;
                    if at > 3 {
                        break;
                    }
                }
            }
        });
        let upstream = Upstream::new(&format!("http://127.0.0.1:{port}/es")).expect("an address").api_key("mine");
        let client = BlockingClient::new(&upstream).expect("a client");
        let request = Request::new(Method::Get, "/x").header("authorization", "theirs");
        for expected in [(200, "{}"), (201, "abcd"), (204, ""), (500, "to the end")] {
            let response = client.call(&request).expect("an answer");
            assert_eq!((response.status(), &*response.text()), expected);
        }
        let told = client.call(&request).expect_err("no HTTP");
        assert!(told.starts_with("its answer is no HTTP"), "{told}");
        server.join().expect("a server");
    }
}
