//! The accept loop under the two servers of our own, [`bare`](super::bare) and
//! [`least`](super::least): one background thread with one runtime for all servers of a process.

use crate::Result;
use crate::claim::{ANSWER, ANSWER_TYPE, PRODUCT_HEADER};
use crate::contender::Server;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::TcpListener;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle};
use tokio::task::{JoinHandle, JoinSet};

/// A server whose task ends with it.
struct Background {
    url: String,
    task: JoinHandle<()>,
}

impl Server for Background {
    fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers every request on a free port of the loopback with `answer`.
pub fn serve<A, F>(answer: A) -> Result<Box<dyn Server>>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = hyper::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let _inside = runtime().enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let task = runtime().spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    let _ = stream.set_nodelay(true);
                    let answer = answer.clone();
                    connections.spawn(async move {
                        let _ = http1::Builder::new()
                            .auto_date_header(false)
                            .serve_connection(TokioIo::new(stream), service_fn(answer))
                            .await;
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok(Box::new(Background { url, task }))
}

/// Elasticsearch's answer to a claim.
pub fn claimed() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-elastic-product"), HeaderValue::from_static(PRODUCT_HEADER.1));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(ANSWER_TYPE));
    response
}

/// An answer without words, for what is not a claim.
pub fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    })
}
