//! The client under test: a worker that finds a pending sync job, claims it, says that it is alive
//! while it works, and reports what it has done.
//!
//! [`Http`] at the end is the least HTTP client that does; a real worker has its own.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// Does sync jobs for connectors of one Elasticsearch.
pub struct Worker {
    http: Http,
    hostname: String,
}

/// What the source gives at a time.
pub struct Batch {
    pub indexed: u64,
    pub deleted: u64,
}

/// What came of a job.
#[derive(Debug, PartialEq)]
pub struct Done {
    pub job: String,
    pub indexed: u64,
    pub deleted: u64,
}

impl Worker {
    /// A worker on the host of that name, for the Elasticsearch at `url`.
    pub fn new(url: &str, hostname: &str) -> Worker {
        Worker { http: Http::new(url), hostname: hostname.to_owned() }
    }

    /// Does the pending job that has waited longest; returns none if there is no job to do.
    ///
    /// `source` is what there is to sync. If it fails, the job is reported as failed.
    pub fn run_once(
        &self,
        source: impl Iterator<Item = Result<Batch, String>>,
    ) -> Result<Option<Done>, Box<dyn Error>> {
        let Some(job) = self.next_job()? else {
            return Ok(None);
        };
        let id = job["id"].as_str().ok_or("a job without an id")?;
        self.claim(id, &job["connector"]["sync_cursor"])?;
        let mut done = Done { job: id.to_owned(), indexed: 0, deleted: 0 };
        for batch in source {
            match batch {
                Ok(batch) => {
                    done.indexed += batch.indexed;
                    done.deleted += batch.deleted;
                    self.check_in(id)?;
                }
                Err(reason) => {
                    self.fail(id, &reason)?;
                    return Err(reason.into());
                }
            }
        }
        self.report(&done)?;
        Ok(Some(done))
    }

    /// The list begins with the newest job, so the last one has waited longest.
    fn next_job(&self) -> Result<Option<Value>, Box<dyn Error>> {
        let mut list = self.http.send("GET", "/_connector/_sync_job?status=pending", None)?;
        Ok(list["results"].as_array_mut().and_then(Vec::pop))
    }

    /// A cursor says where the last sync stopped; it is sent only if the job has one.
    fn claim(&self, id: &str, sync_cursor: &Value) -> Result<Value, Box<dyn Error>> {
        let mut body = json!({ "worker_hostname": self.hostname });
        if !sync_cursor.is_null() {
            body["sync_cursor"] = sync_cursor.clone();
        }
        self.http.send("PUT", &format!("/_connector/_sync_job/{id}/_claim"), Some(body))
    }

    fn check_in(&self, id: &str) -> Result<Value, Box<dyn Error>> {
        self.http.send("PUT", &format!("/_connector/_sync_job/{id}/_check_in"), None)
    }

    /// Counts are totals, not differences to the last report.
    fn report(&self, done: &Done) -> Result<Value, Box<dyn Error>> {
        let body = json!({
            "indexed_document_count": done.indexed,
            "deleted_document_count": done.deleted,
            "indexed_document_volume": 0,
        });
        self.http.send("PUT", &format!("/_connector/_sync_job/{}/_stats", done.job), Some(body))
    }

    fn fail(&self, id: &str, reason: &str) -> Result<Value, Box<dyn Error>> {
        self.http.send("PUT", &format!("/_connector/_sync_job/{id}/_error"), Some(json!({ "error": reason })))
    }
}

/// JSON over HTTP/1.1, a connection for each call.
pub struct Http {
    host: String,
}

impl Http {
    pub fn new(url: &str) -> Http {
        Http { host: url.trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    /// Sends a request and returns the answer's body; an error if its status is not one of success.
    pub fn send(&self, method: &str, target: &str, body: Option<Value>) -> Result<Value, Box<dyn Error>> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.host);
        if let Some(body) = body {
            let body = body.to_string();
            request
                .push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        } else {
            request.push_str("\r\n");
        }
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;

        let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer that is not HTTP")?;
        let status = head.split(' ').nth(1).ok_or("an answer without a status")?;
        let body: Value = serde_json::from_str(body)?;
        if status.starts_with('2') {
            return Ok(body);
        }
        let reason = body["error"]["reason"].as_str().unwrap_or("no reason was given");
        Err(format!("{method} {target} was answered {status}: {reason}").into())
    }
}
