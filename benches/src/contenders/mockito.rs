//! (c) `mockito`: a mock on a server of its pool.

use crate::Result;
use crate::claim::{ANSWER, ANSWER_TYPE, PATH_REGEX, PRODUCT_HEADER};
use crate::contender::{Server, Setup};
use mockito::{Matcher, Server as MockServer, ServerGuard, ServerOpts};

/// Starts the server. A crowd goes round the pool of fifty, which would make the next one wait.
pub fn start(setup: &Setup) -> Result<Box<dyn Server>> {
    if setup.crowd {
        let mut server = MockServer::new_with_opts(ServerOpts::default());
        mount(&mut server);
        return Ok(Box::new(server));
    }
    let mut server = MockServer::new();
    mount(&mut server);
    Ok(Box::new(server))
}

fn mount(server: &mut MockServer) {
    server
        .mock("PUT", Matcher::Regex(PATH_REGEX.to_owned()))
        .with_status(200)
        .with_header(PRODUCT_HEADER.0, PRODUCT_HEADER.1)
        .with_header("content-type", ANSWER_TYPE)
        .with_body(ANSWER)
        .create();
}

impl Server for MockServer {
    fn url(&self) -> String {
        MockServer::url(self)
    }
}

impl Server for ServerGuard {
    fn url(&self) -> String {
        MockServer::url(self)
    }
}
