//! Whether an answer keeps the specification, as the server keeps it. It is asked only of whoever wants to
//! know: a breach is the mock's own mistake, or that of the server that was recorded, and never the client's.
//!
//! What a document holds that no call of the Connector API stored (a fixture gave it, or a write to the index
//! itself) is nobody's mistake: Elasticsearch gives it out as it lies there.

use serde_json::Value;

use super::heard::ObservedCall;
use super::rules::RuleFinding;
use crate::clock::Timestamp;
use crate::es::http::call::AnswerBody;
use crate::es::store::Cluster;
use crate::es::table::TABLE;
use crate::fixture::Fixture;
use crate::http::Method;
use crate::profile::Profile;

/// The indices of connectors and sync jobs begin with this.
const INDEX_PREFIX: &str = ".elastic-connectors";

/// The calls that show a document, and the index that it lies in.
const SHOWN_BY: [(&str, &str); 2] =
    [("connector.get", ".elastic-connectors-v1"), ("connector.sync_job_get", ".elastic-connectors-sync-jobs-v1")];

/// What has to be known of earlier calls to judge an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// States that were not made by calls, and have not been looked at yet.
    states: Vec<Value>,
    /// Whether there are documents that the Connector API could not have stored.
    has_foreign_documents: bool,
}

impl Answers {
    /// Nothing was said yet, and this state is there, in the form of a fixture.
    pub(crate) fn new(state: &Value) -> Answers {
        Answers { states: vec![state.clone()], has_foreign_documents: false }
    }

    /// Learns a state that was not made by calls, in the form of a fixture; null if nobody knows.
    pub(crate) fn learn(&mut self, state: &Value) {
        self.states.push(state.clone());
    }

    /// Where the answer of a call leaves the specification.
    pub(crate) fn off_spec(&mut self, heard: &ObservedCall<'_>) -> Option<RuleFinding> {
        let operation = heard.operation?;
        let is_read = matches!(heard.request.method(), Method::Get | Method::Head);
        if !is_read && !operation.starts_with("connector.") {
            self.has_foreign_documents |= speaks_of_connectors(heard);
        }
        // A part of an answer is no answer as it is published.
        if heard.query("filter_path").is_some() || *heard.request.method() == Method::Head {
            return None;
        }
        let answer = (heard.answer)();
        let is_refusal = heard.status >= 400 && answer.get("error").is_some();
        if is_refusal {
            return None;
        }
        let (pointer, message) = breach(operation, heard.profile, &answer)?;
        if heard.is_of_upstream() {
            return Some(RuleFinding::drift(operation, &pointer, &message));
        }
        if is_read && self.has_foreign_documents(heard.profile) {
            return None;
        }
        Some(RuleFinding::off_spec_answer(operation, &pointer, &message))
    }

    fn has_foreign_documents(&mut self, profile: Profile) -> bool {
        for state in std::mem::take(&mut self.states) {
            self.has_foreign_documents |= is_foreign(&state, profile);
        }
        self.has_foreign_documents
    }
}

/// Where an answer leaves its specification, and how. `None` if nobody has published what it is.
fn breach(operation: &str, profile: Profile, answer: &Value) -> Option<(String, String)> {
    if !answer.is_object() && !answer.is_array() {
        return None;
    }
    TABLE.answer_breach(operation, profile, answer)
}

/// Whether a state has documents that the Connector API could not have stored; one that nobody knows may have.
fn is_foreign(state: &Value, profile: Profile) -> bool {
    let Ok(fixture) = Fixture::from_json(&state.to_string()) else { return true };
    let mut cluster = Cluster::new(0);
    if fixture.plant(&mut cluster, Timestamp::default()).is_err() {
        return true;
    }
    SHOWN_BY.iter().any(|(operation, index)| {
        cluster.index(index).into_iter().flat_map(|index| index.iter()).any(|(id, document)| {
            let shown = AnswerBody::Document(id.clone(), document.source.clone());
            breach(operation, profile, &shown.to_value()).is_some()
        })
    })
}

/// Whether a request names an index of connectors or sync jobs, in its path or its body.
fn speaks_of_connectors(heard: &ObservedCall<'_>) -> bool {
    heard.request.path().contains(INDEX_PREFIX) || String::from_utf8_lossy(heard.request.body()).contains(INDEX_PREFIX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_that_the_specification_does_not_know_is_named() {
        let claimed = |answer: Value| breach("connector.sync_job_claim", Profile::V9, &answer);
        assert_eq!(claimed(json!({ "result": "noop" })), None);
        assert_eq!(claimed(json!({ "result": "deleted" })).expect("a breach").0, "/result");
        for wrong in [json!({}), json!({ "result": "noop", "more": 1 }), json!([])] {
            assert!(claimed(wrong.clone()).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_state_that_the_api_could_not_have_made_is_foreign() {
        let odd = json!({ "connectors": [{ "id": "odd", "_source": { "status": 7 } }] });
        assert!(is_foreign(&odd, Profile::V9));
        assert!(is_foreign(&Value::Null, Profile::V9), "nobody knows");
        assert!(!is_foreign(&json!({ "connectors": [{ "id": "crm" }] }), Profile::V9));
    }

    #[test]
    fn the_fixtures_of_this_project_keep_the_specification() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters");
        let files: Vec<_> = std::fs::read_dir(folder).expect("the folder").flatten().collect();
        assert!(files.len() >= 5, "{folder}");
        for file in files {
            let state = Fixture::load(&[file.path()]).expect("a fixture").to_value();
            for profile in Profile::ALL {
                assert!(!is_foreign(&state, profile), "{profile}: {}", file.path().display());
            }
        }
    }
}
