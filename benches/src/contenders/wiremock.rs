//! (c) `wiremock`: a mounted `Mock` on a server of its pool.

use crate::Result;
use crate::claim::{ANSWER, ANSWER_TYPE, PATH_REGEX, PRODUCT_HEADER};
use crate::contender::{Server, Setup};
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The runtime that a `#[tokio::test]` would bring; the servers have threads of their own.
static TEST_RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// Starts the server.
pub fn start(_: &Setup) -> Result<Box<dyn Server>> {
    TEST_RUNTIME.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("PUT"))
            .and(path_regex(PATH_REGEX))
            .respond_with(
                ResponseTemplate::new(200)
                    .insert_header(PRODUCT_HEADER.0, PRODUCT_HEADER.1)
                    .set_body_raw(ANSWER, ANSWER_TYPE),
            )
            .mount(&server)
            .await;
        Ok(Box::new(server) as Box<dyn Server>)
    })
}

impl Server for MockServer {
    fn url(&self) -> String {
        self.uri()
    }
}
