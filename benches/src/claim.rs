//! The call that every contender answers: a worker claims a sync job.
//!
//! Source: the headers that Elasticsearch's Python client 9.x puts on a call with a body, and the
//! header block of an Elasticsearch 9.x answer to it.

use std::fmt::Write as _;
use std::io::Write as _;

/// What a claim is answered with.
pub const ANSWER: &str = r#"{"result":"updated"}"#;

/// The media type that the client asks for, spelt as Elasticsearch spells it back.
pub const ANSWER_TYPE: &str = "application/vnd.elasticsearch+json;compatible-with=9";

/// The header by which official clients know Elasticsearch.
pub const PRODUCT_HEADER: (&str, &str) = ("X-elastic-product", "Elasticsearch");

/// The path of a claim, as the peers' matchers see it.
pub const PATH_REGEX: &str = "^/_connector/_sync_job/[^/]+/_claim$";

/// What Elasticsearch demands of a claim's body.
pub const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "worker_hostname": { "type": "string" },
    "sync_cursor": { "type": "object" }
  },
  "required": ["worker_hostname"],
  "additionalProperties": false
}"#;

const BODY: &str = r#"{"worker_hostname":"worker-1","sync_cursor":{"page":3}}"#;

/// One claim as it goes over the wire, for any job.
pub struct Claim {
    after_id: Vec<u8>,
}

impl Claim {
    /// The claim of a worker with a short cursor.
    pub fn small(host: &str) -> Claim {
        Claim::with_body(host, BODY)
    }

    /// A claim whose cursor holds about `bytes`, in strings of one kilobyte.
    pub fn large(host: &str, bytes: usize) -> Claim {
        let page = "x".repeat(1000);
        let mut body = String::with_capacity(bytes + 2048);
        body.push_str(r#"{"worker_hostname":"worker-1","sync_cursor":{"pages":["#);
        loop {
            write!(body, "\"{page}\"").expect("writing to a string");
            if body.len() >= bytes {
                break;
            }
            body.push(',');
        }
        body.push_str("]}}");
        Claim::with_body(host, &body)
    }

    fn with_body(host: &str, body: &str) -> Claim {
        let after_id = format!(
            "/_claim HTTP/1.1\r\n\
             Host: {host}\r\n\
             Accept-Encoding: identity\r\n\
             Content-Length: {length}\r\n\
             accept: application/vnd.elasticsearch+json; compatible-with=9\r\n\
             connection: keep-alive\r\n\
             content-type: application/vnd.elasticsearch+json; compatible-with=9\r\n\
             user-agent: elasticsearch-py/9.1.0 (Python/3.12.4; elastic-transport/9.1.0)\r\n\
             x-elastic-client-meta: es=9.1.0,py=3.12.4,t=9.1.0,ur=2.2.2\r\n\
             \r\n\
             {body}",
            length = body.len(),
        );
        Claim { after_id: after_id.into_bytes() }
    }

    /// Puts the claim of one job into `out`, in place of what was there.
    pub fn write(&self, job: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"PUT /_connector/_sync_job/");
        write!(out, "{}", JobId(job)).expect("writing to a vector");
        out.extend_from_slice(&self.after_id);
    }

    /// The claim of one job.
    pub fn of(&self, job: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.after_id.len());
        self.write(job, &mut out);
        out
    }
}

/// Twenty characters, as many as Elasticsearch gives an id of its own.
struct JobId(usize);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "job-{:016}", self.0)
    }
}

/// A cluster with one connector and that many pending jobs, in elastimock's fixture format.
///
/// The connector already holds the cursor that the worker sends, so that the claim of a pending
/// job is a blameless one: what is measured is the judgement, not the writing of a finding.
pub fn fixture(jobs: usize) -> String {
    let mut text = String::with_capacity(256 + jobs * 100);
    text.push_str(
        r#"{"connectors":[{"id":"docs","index_name":"search-docs","service_type":"directory","status":"connected","sync_cursor":{"page":3}}],"sync_jobs":["#,
    );
    for job in 0..jobs {
        if job > 0 {
            text.push(',');
        }
        write!(text, r#"{{"id":"{}","connector_id":"docs","status":"pending","job_type":"full"}}"#, JobId(job))
            .expect("writing to a string");
    }
    text.push_str("]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixture_is_json_with_as_many_jobs_as_asked() {
        for jobs in [0, 1, 100] {
            let value: serde_json::Value = serde_json::from_str(&fixture(jobs)).unwrap();
            assert_eq!(value["sync_jobs"].as_array().unwrap().len(), jobs);
        }
    }

    #[test]
    fn a_large_claim_is_as_large_as_asked_and_valid() {
        let claim = Claim::large("localhost", 100_000).of(0);
        let text = String::from_utf8(claim).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!((100_000..102_000).contains(&body.len()), "{}", body.len());
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&body));
    }
}
