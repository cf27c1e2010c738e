//! (a) hyper alone: reads a request to its end and gives the answer. It looks at nothing.

use super::background;
use crate::Result;
use crate::contender::{Server, Setup};
use http_body_util::BodyExt;

/// Starts the server.
pub fn start(_: &Setup) -> Result<Box<dyn Server>> {
    background::serve(async |request| {
        request.into_body().collect().await?;
        Ok(background::claimed())
    })
}
