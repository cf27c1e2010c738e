//! Debug builds hold every answer to the specification, as the server keeps it.
//!
//! An answer of ours that leaves it is a mistake of the mock and is told as one, so that no test passes
//! over it. What a document holds that no call of the Connector API stored (a fixture gave it, or a
//! write to the index itself) is not ours to judge: Elasticsearch gives it out as it lies there.

use super::Engine;
use super::mode::Mocked;
use crate::api::TABLE;
use crate::cluster::Cluster;
use crate::http::{Method, Request};
use crate::rest::call::{Body, Reply};
use crate::rest::endpoint::Endpoint;
use crate::rest::error::Error as Refused;

/// The indices of connectors and sync jobs begin with this.
const INDEX_PREFIX: &str = ".elastic-connectors";

/// The calls that show a document, and the index that it lies in.
const SHOWN_BY: [(&str, &str); 2] =
    [("connector.get", ".elastic-connectors-v1"), ("connector.sync_job_get", ".elastic-connectors-sync-jobs-v1")];

impl Engine {
    /// Puts our own mistake in the place of an answer that leaves the specification. Release builds look
    /// at nothing.
    pub(super) fn hold_to_specification(
        &mut self,
        endpoint: &'static Endpoint<Cluster>,
        request: &Request,
        outcome: &mut Result<Reply, Refused>,
    ) {
        let Ok(reply) = outcome else {
            return;
        };
        if !cfg!(debug_assertions) {
            return;
        }
        let is_read = matches!(endpoint.method, Method::Get | Method::Head);
        if !is_read && !endpoint.operation.starts_with("connector.") {
            self.has_foreign_documents |= speaks_of_connectors(request);
        }
        if let Some(breach) = TABLE.answer_breach(endpoint, self.setup.profile, reply)
            && !(is_read && (self.has_foreign_documents || self.fixture_breach().is_some()))
        {
            *outcome = Err(Refused::bug(&breach));
        }
    }

    /// Where a document of the fixture is none that the Connector API could have stored.
    fn fixture_breach(&self) -> Option<String> {
        let mocked = Mocked::new(self.setup.fixture.clone(), self.setup.seed, self.started_at).ok()?;
        let cluster = mocked.cluster();
        SHOWN_BY.iter().find_map(|(operation, index)| {
            let endpoint = TABLE.rows().iter().find(|row| row.operation == *operation)?;
            cluster.index(index)?.iter().find_map(|(id, document)| {
                let reply = Reply::ok(Body::Document(id.clone(), document.source.clone()));
                TABLE.answer_breach(endpoint, self.setup.profile, &reply)
            })
        })
    }
}

/// Whether a request names an index of connectors or sync jobs, in its path or its body.
fn speaks_of_connectors(request: &Request) -> bool {
    request.path().contains(INDEX_PREFIX) || String::from_utf8_lossy(request.body()).contains(INDEX_PREFIX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{Setup, Step};
    use crate::fixture::Fixture;
    use crate::profile::Profile;
    use serde_json::json;

    #[test]
    fn an_answer_that_the_specification_does_not_know_is_named() {
        let claim = TABLE.rows().iter().find(|row| row.operation == "connector.sync_job_claim").expect("the row");
        let breach = |body: serde_json::Value| TABLE.answer_breach(claim, Profile::V9, &Reply::json(body));
        assert_eq!(breach(json!({ "result": "noop" })), None);
        assert!(breach(json!({ "result": "deleted" })).is_some_and(|breach| breach.contains("at [/result]")));
        for wrong in [json!({}), json!({ "result": "noop", "more": 1 }), json!([])] {
            assert!(breach(wrong.clone()).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_document_that_somebody_else_wrote_is_given_out_as_it_lies_there() {
        let now = "2031-05-01T10:00:00Z".parse().expect("an instant");
        let odd = Fixture::from_json(r#"{"connectors":[{"id":"odd","_source":{"status":7}}]}"#).expect("a fixture");
        let setup = Setup { fixture: Arc::new(odd), ..Setup::default() };
        let mut engine = Engine::new(setup, now).expect("a mock");
        assert!(engine.fixture_breach().is_some());
        let Step::Deliver(answer) = engine.receive(&Request::new(Method::Get, "/_connector/odd"), now);
        assert_eq!((answer.status(), &*answer.text()), (200, r#"{"id":"odd","status":7}"#));
    }

    #[test]
    fn the_fixtures_of_this_project_keep_the_specification() {
        let now = "2031-05-01T10:00:00Z".parse().expect("an instant");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters");
        for file in std::fs::read_dir(folder).expect("the folder").flatten() {
            for profile in Profile::ALL {
                let fixture = Arc::new(Fixture::load(&[file.path()]).expect("a fixture"));
                let engine = Engine::new(Setup { fixture, profile, ..Setup::default() }, now).expect("a mock");
                assert_eq!(engine.fixture_breach(), None, "{profile}: {}", file.path().display());
            }
        }
    }
}
