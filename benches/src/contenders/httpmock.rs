//! (c) `httpmock`: a mock on a server of its pool.

use crate::Result;
use crate::claim::{ANSWER, ANSWER_TYPE, PATH_REGEX, PRODUCT_HEADER};
use crate::contender::{Server, Setup};
use httpmock::Method::PUT;
use httpmock::MockServer;

/// Starts the server. For a crowd the pool is as large as `HTTPMOCK_MAX_SERVERS` says, which
/// the driver sets: by default the 26th server would wait for another to be dropped.
pub fn start(_: &Setup) -> Result<Box<dyn Server>> {
    let server = MockServer::start();
    server.mock(|when, then| {
        when.method(PUT).path_matches(PATH_REGEX);
        then.status(200).header(PRODUCT_HEADER.0, PRODUCT_HEADER.1).header("content-type", ANSWER_TYPE).body(ANSWER);
    });
    Ok(Box::new(server))
}

impl Server for MockServer {
    fn url(&self) -> String {
        self.base_url()
    }
}
