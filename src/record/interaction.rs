//! [`Interaction`]: one exchange, as the journal gives it out and as a recording holds it.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::http::{Request, Response};

/// One request and its answer. Credentials and secrets have been masked before it came to be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interaction {
    /// Its number, from 1, in the order in which the mock acted.
    pub seq: u64,
    /// The mock's time of the call.
    pub at: Timestamp,
    /// The operation of Elasticsearch that was called, if it was one.
    pub operation: Option<String>,
    /// What came in.
    pub request: Request,
    /// What went out.
    pub response: Response,
    /// What was wrong with the call.
    pub findings: Vec<Finding>,
    /// Microseconds that the answer took; 0 where nobody measured or kept it.
    pub took_us: u32,
    /// The name of the scope that it was made in, if that has one.
    pub scope: Option<Arc<str>>,
}

impl Interaction {
    /// The name of the stub that had a hand in the answer.
    pub fn stub(&self) -> Option<&str> {
        self.response.stub()
    }

    /// Whether another server answered, to which the call was forwarded.
    pub fn is_of_upstream(&self) -> bool {
        self.response.is_of_upstream()
    }

    /// What went wrong with the answer on its way to the client.
    pub fn fault(&self) -> Option<&Fault> {
        self.response.fault()
    }
}
