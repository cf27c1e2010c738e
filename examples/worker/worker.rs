//! The client under test: a worker that finds pending sync jobs, claims one, writes what its source gives, says that it is
//! alive meanwhile, stops when the job is canceled, and reports what it has done.
//!
//! What fails for a moment it tries again, after a pause that grows. [`Http`] at the end is the least HTTP client that
//! does; a real worker has its own.

use std::error::Error;
use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// How often a call is made, at most.
const TRIES_MAX: u32 = 7;

/// Does sync jobs for connectors of one Elasticsearch.
pub(crate) struct Worker {
    http: Http,
    hostname: String,
    /// Waits so long; a test moves the mock's time instead.
    wait: Box<dyn Fn(Duration)>,
}

/// What the source gives at a time.
pub(crate) struct Batch {
    /// Documents with their ids, so that a batch which is sent again does no harm.
    pub documents: Vec<(String, Value)>,
    /// Ids of documents that are gone.
    pub deleted: Vec<String>,
}

impl Batch {
    /// So many documents with the numbers from `first` on.
    pub(crate) fn of(first: u64, count: u64) -> Batch {
        let documents = (first..first + count).map(|number| (format!("doc-{number}"), json!({ "number": number })));
        Batch { documents: documents.collect(), deleted: Vec::new() }
    }
}

/// What came of a job.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub job: String,
    pub indexed: u64,
    pub deleted: u64,
    /// Whether somebody canceled it before it was done.
    pub canceled: bool,
}

impl Worker {
    /// A worker on the host of that name, for the Elasticsearch at `url`.
    #[allow(
        clippy::disallowed_methods,
        reason = "a worker waits before it tries again; its tests move the mock's time"
    )]
    pub(crate) fn new(url: &str, hostname: &str) -> Worker {
        let wait = Box::new(std::thread::sleep);
        Worker { http: Http::new(url), hostname: hostname.to_owned(), wait }
    }

    /// The same, with another way to wait.
    #[allow(dead_code, reason = "for tests")]
    pub(crate) fn waiting(self, wait: impl Fn(Duration) + 'static) -> Worker {
        Worker { wait: Box::new(wait), ..self }
    }

    /// Does the pending job that has waited longest and can be claimed; returns none if there is no job to do.
    ///
    /// `source` is what there is to sync. If it fails, the job is reported as failed.
    pub(crate) fn run_once(
        &self,
        source: impl Iterator<Item = Result<Batch, String>>,
    ) -> Result<Option<Done>, Box<dyn Error>> {
        let list = self.call("GET", "/_connector/_sync_job?status=pending", Body::None)?;
        // The list begins with the newest job.
        for job in list["results"].as_array().into_iter().flatten().rev() {
            if self.claim(job)? {
                return self.sync(job, source).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether the job is this worker's now. One that cannot be claimed is told to its connector, and left to others.
    fn claim(&self, job: &Value) -> Result<bool, Box<dyn Error>> {
        let id = text(&job["id"]);
        let mut body = json!({ "worker_hostname": self.hostname });
        // A cursor says where the last sync stopped; it is sent only if the job has one.
        if !job["connector"]["sync_cursor"].is_null() {
            body["sync_cursor"] = job["connector"]["sync_cursor"].clone();
        }
        let target = format!("/_connector/_sync_job/{id}/_claim");
        let mut tried = 0;
        loop {
            match self.http.send("PUT", &target, Body::Json(&body)) {
                Ok(_) => break,
                Err(failure) if failure.may_pass() && tried + 1 < TRIES_MAX => {
                    self.pause(&failure, tried);
                    tried += 1;
                    // The claim may have been done all the same, or the job be somebody else's by now.
                    let job = self.job(id)?;
                    match (text(&job["status"]), text(&job["worker_hostname"])) {
                        ("in_progress", hostname) if hostname == self.hostname => break,
                        ("pending" | "suspended", _) => {}
                        _ => return Ok(false),
                    }
                }
                Err(failure) => {
                    let error = format!("job {id} cannot be claimed: {failure}");
                    let connector = format!("/_connector/{}/_error", text(&job["connector"]["id"]));
                    self.call("PUT", &connector, Body::Json(&json!({ "error": error })))?;
                    return Ok(false);
                }
            }
        }
        // A cancel may have come before the claim, which asks nobody.
        let job = self.job(id)?;
        if job["canceled_at"].is_null() && job["cancelation_requested_at"].is_null() {
            return Ok(true);
        }
        self.end(&job, "canceled", "canceled before it was begun")?;
        Ok(false)
    }

    fn sync(&self, job: &Value, source: impl Iterator<Item = Result<Batch, String>>) -> Result<Done, Box<dyn Error>> {
        let id = text(&job["id"]);
        let mut done = Done { job: id.to_owned(), indexed: 0, deleted: 0, canceled: false };
        for batch in source {
            let written = batch.map_err(Into::into).and_then(|batch| self.write(job, &batch));
            match written {
                Ok((indexed, deleted)) => {
                    done.indexed += indexed;
                    done.deleted += deleted;
                }
                Err(reason) => {
                    self.end(job, "error", &reason.to_string())?;
                    return Err(reason);
                }
            }
            self.call("PUT", &format!("/_connector/_sync_job/{id}/_check_in"), Body::None)?;
            self.call("PUT", &format!("/_connector/{}/_check_in", text(&job["connector"]["id"])), Body::None)?;
            if self.is_canceled(id)? {
                break;
            }
        }
        // Whether the documents can be searched at once is no matter of the job: a failure ends nothing.
        let index = text(&job["connector"]["index_name"]);
        if let Err(failure) = self.call("POST", &format!("/{index}/_refresh"), Body::None) {
            eprintln!("{failure}");
        }
        self.report(&done)?;
        // It may have been canceled at the last moment, too.
        if self.is_canceled(id)? {
            done.canceled = true;
            self.end(job, "canceled", "canceled on request")?;
        }
        Ok(done)
    }

    /// Writes a batch, and what was refused for the moment once more; says how many were indexed and deleted.
    fn write(&self, job: &Value, batch: &Batch) -> Result<(u64, u64), Box<dyn Error>> {
        let index = text(&job["connector"]["index_name"]);
        let indexed = batch
            .documents
            .iter()
            .map(|(id, document)| (id.as_str(), format!("{}\n{document}\n", json!({ "index": { "_id": id } }))));
        let deleted = batch.deleted.iter().map(|id| (id.as_str(), format!("{}\n", json!({ "delete": { "_id": id } }))));
        let mut rest: Vec<(&str, String)> = indexed.chain(deleted).collect();
        for tried in 0..TRIES_MAX {
            if rest.is_empty() {
                return Ok((batch.documents.len() as u64, batch.deleted.len() as u64));
            }
            let lines: String = rest.iter().map(|(_, lines)| lines.as_str()).collect();
            let answer = self.call("POST", &format!("/{index}/_bulk"), Body::Lines(&lines))?;
            let items: Vec<Value> = answer["items"].as_array().into_iter().flatten().cloned().collect();
            let mut again = Vec::new();
            for ((id, lines), item) in rest.into_iter().zip(&items) {
                let item = item.as_object().and_then(|item| item.values().next()).cloned().unwrap_or_default();
                match (&item["status"], &item["error"]) {
                    (_, Value::Null) => {}
                    (status, _) if *status == 429 => again.push((id, lines)),
                    (_, error) => return Err(format!("document {id} was refused: {}", text(&error["reason"])).into()),
                }
            }
            rest = again;
            if !rest.is_empty() {
                (self.wait)(Duration::from_secs(1 << tried));
            }
        }
        Err(format!("{} documents were refused {TRIES_MAX} times", rest.len()).into())
    }

    fn is_canceled(&self, id: &str) -> Result<bool, Box<dyn Error>> {
        Ok(text(&self.job(id)?["status"]) == "canceling")
    }

    fn job(&self, id: &str) -> Result<Value, Box<dyn Error>> {
        self.call("GET", &format!("/_connector/_sync_job/{id}"), Body::None)
    }

    /// Counts are totals, not differences to the last report.
    fn report(&self, done: &Done) -> Result<Value, Box<dyn Error>> {
        let body = json!({
            "indexed_document_count": done.indexed,
            "deleted_document_count": done.deleted,
            "indexed_document_volume": 0,
        });
        self.call("PUT", &format!("/_connector/_sync_job/{}/_stats", done.job), Body::Json(&body))
    }

    /// Ends a job that is not done: the Connector API has one way, an error. Its connector is told how it went.
    fn end(&self, job: &Value, status: &str, reason: &str) -> Result<(), Box<dyn Error>> {
        let target = format!("/_connector/_sync_job/{}/_error", text(&job["id"]));
        self.call("PUT", &target, Body::Json(&json!({ "error": reason })))?;
        let connector = format!("/_connector/{}/_last_sync", text(&job["connector"]["id"]));
        let told = json!({ "last_sync_status": status, "last_sync_error": reason });
        self.call("PUT", &connector, Body::Json(&told))?;
        Ok(())
    }

    /// Makes a call, and again after a pause if what went wrong may pass.
    fn call(&self, method: &str, target: &str, body: Body<'_>) -> Result<Value, Box<dyn Error>> {
        let mut tried = 0;
        loop {
            match self.http.send(method, target, body) {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.may_pass() && tried + 1 < TRIES_MAX => self.pause(&failure, tried),
                Err(failure) => return Err(failure.into()),
            }
            tried += 1;
        }
    }

    /// Waits as long as the answer asks for, or longer each time.
    fn pause(&self, failure: &Failure, tried: u32) {
        let growing = Duration::from_secs(1 << tried);
        (self.wait)(failure.retry_after.unwrap_or_default().max(growing));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A call that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The status of the answer, if there was one that could be read.
    pub status: Option<u16>,
    pub reason: String,
    pub retry_after: Option<Duration>,
}

impl Failure {
    fn without_answer(reason: impl fmt::Display) -> Failure {
        Failure { status: None, reason: reason.to_string(), retry_after: None }
    }

    /// Whether the same call may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.status, None | Some(429 | 502 | 503 | 504))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Failure {}

/// What a call sends.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    None,
    Json(&'a Value),
    Lines(&'a str),
}

/// JSON over HTTP/1.1, a connection for each call.
pub(crate) struct Http {
    host: String,
}

impl Http {
    pub(crate) fn new(url: &str) -> Http {
        Http { host: url.trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    /// Sends a request and returns the answer's body; a failure if its status is not one of success.
    pub(crate) fn send(&self, method: &str, target: &str, body: Body<'_>) -> Result<Value, Failure> {
        let (content_type, body) = match body {
            Body::None => ("", String::new()),
            Body::Json(body) => ("content-type: application/json\r\n", body.to_string()),
            Body::Lines(lines) => ("content-type: application/x-ndjson\r\n", lines.to_owned()),
        };
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{content_type}{length}\r\n{body}",
            self.host
        );
        let answer = self.exchange(&request).map_err(|error| {
            Failure::without_answer(format!("{method} {target} had no answer: {}", kind_of(&error)))
        })?;
        let unreadable = || Failure::without_answer(format!("{method} {target} had an answer that cannot be read"));
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unreadable)?;
        let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(unreadable)?;
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        // A proxy says what it wants, and an answer may end too early.
        let is_whole = header("content-length").is_none_or(|length| length.parse() == Ok(body.len()));
        let read: Option<Value> = serde_json::from_str(body).ok().filter(|_| is_whole);
        match (status, read) {
            (200..=299, Some(body)) => Ok(body),
            (200..=299, None) => Err(unreadable()),
            (_, read) => {
                let reason =
                    read.as_ref().and_then(|body| body["error"]["reason"].as_str()).unwrap_or("no reason was given");
                let retry_after =
                    header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
                let reason = format!("{method} {target} was answered {status}: {reason}");
                Err(Failure { status: Some(status), reason, retry_after })
            }
        }
    }

    fn exchange(&self, request: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) if answer.is_empty() => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(String::from_utf8_lossy(&answer).into_owned()),
            Err(error) => Err(error),
        }
    }
}

/// What went wrong with a connection, in the same words on every system.
fn kind_of(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    match error.kind() {
        ConnectionRefused => "the connection was refused",
        ConnectionReset => "the connection was reset",
        UnexpectedEof => "the connection was closed",
        TimedOut | WouldBlock => "the time was up",
        _ => "the connection failed",
    }
}
