//! (c) `httptest`: a server of its own with one expectation, met by any number of requests.

use crate::Result;
use crate::claim::{ANSWER, ANSWER_TYPE, PATH_REGEX, PRODUCT_HEADER};
use crate::contender::{Server, Setup};
use httptest::matchers::{all_of, matches, request};
use httptest::responders::status_code;
use httptest::{Expectation, Server as MockServer};

/// Starts the server.
pub fn start(_: &Setup) -> Result<Box<dyn Server>> {
    let server = MockServer::run();
    server.expect(
        Expectation::matching(all_of![request::method("PUT"), request::path(matches(PATH_REGEX)),])
            .times(..)
            .respond_with(
                status_code(200)
                    .append_header(PRODUCT_HEADER.0, PRODUCT_HEADER.1)
                    .append_header("content-type", ANSWER_TYPE)
                    .body(ANSWER),
            ),
    );
    Ok(Box::new(server))
}

impl Server for MockServer {
    fn url(&self) -> String {
        format!("http://{}", self.addr())
    }
}
