//! [`Stub`]: a stub written in Rust, in the words that files use.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Closure, Script, diagnostics_as_text, read};
use crate::clock::duration_text;
use crate::error::Error;
use crate::fault::FaultKind;
use crate::http::{Request, Response};

/// What a test wants to be answered in place of, or on top of, what the mock says.
///
/// It says when it answers (an operation, or a method and a path with `*` and `**`; parameters, headers, a part of the
/// body; whose call, which of several) and what. What it says nothing about the mock does as always.
///
/// ```
/// use elastimock::{MockServer, Stub};
/// use serde_json::json;
///
/// let server = MockServer::start_blocking()?;
/// server.stub(Stub::put("/_index_template/*").json(200, json!({ "acknowledged": true })));
/// server.stub(Stub::on("bulk").calls(1..=2).error("es_rejected_execution_exception"));
/// server.stub(Stub::on("connector.sync_job_claim").job("job-1").worker("w-2").delay("30s"));
/// # server.allow("stub-unmet", "nobody calls");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a stub answers when a server has it: give it to `MockServer::stub`"]
pub struct Stub {
    spec: Map<String, Value>,
    closure: Option<Closure>,
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Stub {
    fn new(request: Value) -> Stub {
        Stub { spec: Map::from_iter([("request".to_owned(), request)]), closure: None }
    }

    /// A stub for an operation of Elasticsearch, whether the mock has it or not; `*` stands for any characters.
    pub fn on(operation: &str) -> Stub {
        Stub::new(json!({ "operation": operation }))
    }

    /// A stub for a method and a path: `*` stands for characters within a segment, `**` for any segments.
    pub fn path(method: &str, path: &str) -> Stub {
        Stub::new(json!({ "method": method, "path": path }))
    }

    /// A stub for `GET` and a path.
    pub fn get(path: &str) -> Stub {
        Stub::path("GET", path)
    }

    /// A stub for `PUT` and a path.
    pub fn put(path: &str) -> Stub {
        Stub::path("PUT", path)
    }

    /// A stub for `POST` and a path.
    pub fn post(path: &str) -> Stub {
        Stub::path("POST", path)
    }

    /// A stub for `DELETE` and a path.
    pub fn delete(path: &str) -> Stub {
        Stub::path("DELETE", path)
    }

    /// A stub for every call.
    pub fn any() -> Stub {
        Stub::new(json!({}))
    }

    /// A stub as a file has it: an object with `request` and `response`.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with everything that is wrong, by JSON pointer, and a cure.
    pub fn from_json(text: &str) -> Result<Stub, Error> {
        let spec = crate::json::read_file(text.as_bytes()).map_err(|wrong| Error::invalid_input(wrong.to_string()))?;
        read(&spec).map_err(|diagnostics| Error::invalid_input(diagnostics_as_text(&diagnostics)))?;
        let Value::Object(spec) = spec else { return Err(Error::invalid_input("a stub is an object")) };
        Ok(Stub { spec, closure: None })
    }

    fn part(&mut self, of: &str) -> &mut Map<String, Value> {
        let part = self.spec.entry(of).or_insert_with(|| Value::Object(Map::new()));
        if !part.is_object() {
            *part = Value::Object(Map::new());
        }
        part.as_object_mut().expect("an object, which it has just been made")
    }

    fn asks(mut self, name: &str, value: impl Into<Value>) -> Stub {
        self.part("request").insert(name.to_owned(), value.into());
        self
    }

    /// The answer that is being said: the last of several.
    fn said(&mut self) -> &mut Value {
        let name = if self.spec.contains_key("responses") { "responses" } else { "response" };
        match self.spec.entry(name).or_insert_with(|| json!({})) {
            Value::Array(chain) => {
                if chain.is_empty() {
                    chain.push(json!({}));
                }
                chain.last_mut().expect("one, which has just been added")
            }
            said => said,
        }
    }

    fn says(mut self, name: &str, value: impl Into<Value>) -> Stub {
        self.said()[name] = value.into();
        self
    }

    /// Names it, for the journal, transcripts and findings.
    pub fn named(mut self, name: &str) -> Stub {
        self.spec.insert("name".to_owned(), name.into());
        self
    }

    // ── when ──────────────────────────────────────────────────────────────────────────────────────

    /// Only the n-th such call, from 1.
    pub fn call(self, number: u64) -> Stub {
        self.asks("calls", number)
    }

    /// Only some of these calls, from 1: `1..=2`, `3..`.
    pub fn calls(self, numbers: impl RangeBounds<u64>) -> Stub {
        self.asks("calls", span(&numbers))
    }

    /// Only every so many of these calls.
    pub fn every(self, number: u64) -> Stub {
        self.asks("every", number)
    }

    /// Only those of these calls that come within so long of the first of them, by the mock's time: `1m`.
    pub fn within(self, length: &str) -> Stub {
        self.asks("within", length)
    }

    /// Only calls about that sync job.
    pub fn job(self, id: &str) -> Stub {
        self.asks("job", id)
    }

    /// Only calls about that connector, or a job of it.
    pub fn connector(self, id: &str) -> Stub {
        self.asks("connector", id)
    }

    /// Only calls about that index.
    pub fn index(self, name: &str) -> Stub {
        self.asks("index", name)
    }

    /// Only calls of that worker: it names itself, or has claimed the job.
    pub fn worker(self, name: &str) -> Stub {
        self.asks("worker", name)
    }

    /// Only while the job, or the connector, has that status.
    pub fn state(self, status: &str) -> Stub {
        self.asks("state", status)
    }

    /// Only with a parameter like that; `*` stands for any characters.
    pub fn query(mut self, name: &str, like: &str) -> Stub {
        let query = self.part("request").entry("query").or_insert_with(|| json!({}));
        query[name] = like.into();
        self
    }

    /// Only with a header line like that.
    pub fn header_like(mut self, name: &str, like: &str) -> Stub {
        let headers = self.part("request").entry("headers").or_insert_with(|| json!({}));
        headers[name] = like.into();
        self
    }

    /// Only with a body that has these parts; matchers may stand in the place of values.
    pub fn body_like(self, part: Value) -> Stub {
        self.asks("body", part)
    }

    // ── then ──────────────────────────────────────────────────────────────────────────────────────

    /// Answers with that JSON.
    pub fn json(self, status: u16, body: Value) -> Stub {
        self.says("status", status).says("body", body)
    }

    /// Answers with that text, as a proxy may.
    pub fn text(self, status: u16, text: &str) -> Stub {
        self.says("status", status).says("text", text)
    }

    /// Answers with JSON that repeats parts of the request: `{{path.index}}`, `{{body:/name}}`, `{{now}}`, `{{id}}`.
    pub fn template(self, status: u16, template: Value) -> Stub {
        self.says("status", status).says("template", template)
    }

    /// Answers with that status, in Elasticsearch's form where it is an error.
    pub fn status(self, status: u16) -> Stub {
        self.says("status", status)
    }

    /// Answers with Elasticsearch's error of that type.
    pub fn error(self, kind: &str) -> Stub {
        self.says("error", kind)
    }

    /// The words of the error, in place of those that Elasticsearch would most likely say.
    pub fn reason(self, reason: &str) -> Stub {
        self.says("reason", reason)
    }

    /// Adds a header line to the answer.
    pub fn header(mut self, name: &str, value: &str) -> Stub {
        self.said()["headers"][name] = value.into();
        self
    }

    /// Asks the client to come again after so many seconds.
    pub fn retry_after(self, seconds: u64) -> Stub {
        self.header("retry-after", &seconds.to_string())
    }

    /// Merges that over what the mock says; null takes a member out.
    pub fn patch(self, patch: Value) -> Stub {
        self.says("patch", patch)
    }

    /// Refuses the n-th item of a bulk, from 1, with that status; the others are done as always.
    pub fn item(self, number: u64, status: u16) -> Stub {
        self.items(&number.to_string(), json!({ "status": status }))
    }

    /// Refuses some items of a bulk: `3`, `2-4`, `every 3`, or `*`, each with an answer that has an `error` by its type, a
    /// `reason`, a `status`, or some of these. Where several speak of an item, the last one does.
    ///
    /// ```
    /// use elastimock::{MockServer, Stub};
    /// use serde_json::json;
    ///
    /// let server = MockServer::start_blocking()?;
    /// let busy = json!({ "error": "es_rejected_execution_exception" });
    /// server.stub(Stub::on("bulk").items("every 3", busy).expect(0..));
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn items(mut self, which: &str, answer: Value) -> Stub {
        let of = self.said();
        if !of.get("items").is_some_and(Value::is_object) {
            of["items"] = json!({});
        }
        of["items"][which] = answer;
        self
    }

    /// Lets the answer come late: `30s`, or `1s-5s` by chance. With a frozen clock it waits for mock time.
    pub fn delay(self, length: &str) -> Stub {
        self.says("delay", length)
    }

    /// Lets the answer come late by that much.
    pub fn delay_by(self, length: Duration) -> Stub {
        self.says("delay", duration_text(length))
    }

    /// Lets that go wrong with the answer.
    ///
    /// A reset, a closed connection and a stall come before the mock has acted, if [`Stub::acts_after`] does not say
    /// otherwise.
    pub fn fault(self, kind: FaultKind) -> Stub {
        let word = FaultKind::WORDS.iter().find(|(_, known)| *known == kind).map_or("", |(word, _)| *word);
        if word.is_empty() { self } else { self.says("fault", word) }
    }

    /// Cuts or stalls the answer after so many bytes of its body. Of a body with no more bytes nothing is missing: that is
    /// told, see [`MockServer::troubles`](crate::MockServer::troubles).
    pub fn after_bytes(self, bytes: u64) -> Stub {
        self.says("after_bytes", bytes)
    }

    /// Lets a dribbled body take so long: `10s`.
    pub fn over(self, length: &str) -> Stub {
        self.says("over", length)
    }

    /// The mock acts first: its state has changed when the answer is lost.
    pub fn acts_after(self) -> Stub {
        self.says("acts", "after")
    }

    /// The mock does not act at all.
    pub fn acts_before(self) -> Stub {
        self.says("acts", "before")
    }

    /// Holds calls at the gate of that name, before the mock acts on them, until they are let go.
    pub fn hold(self, gate: &str) -> Stub {
        self.says("hold", gate)
    }

    /// Holds calls at the gate of that name until so many have come, and then lets all of them go.
    pub fn hold_until(self, gate: &str, count: u64) -> Stub {
        self.says("hold", json!({ "name": gate, "until": count }))
    }

    /// Has the other side do something right before the mock acts on the call: an act in the form of
    /// `POST /_elastimock/hand`, which may repeat parts of the request as a template does.
    ///
    /// ```
    /// use elastimock::{MockServer, Stub};
    /// use serde_json::json;
    ///
    /// let server = MockServer::start_blocking()?;
    /// let cancel = json!({ "cancel": "{{path.connector_sync_job_id}}" });
    /// // Whoever claims a job has seen it pending, and it is canceled already.
    /// server.stub(Stub::on("connector.sync_job_claim").call(1).hand(cancel).expect(0..));
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn hand(self, act: Value) -> Stub {
        self.says("hand", act)
    }

    /// Computes the answer from the request and what the mock says.
    ///
    /// ```
    /// use elastimock::http::Response;
    /// use elastimock::{MockServer, Stub};
    /// use serde_json::json;
    ///
    /// let server = MockServer::start_blocking()?;
    /// server.stub(Stub::get("/").answer(|_request, own| {
    ///     Response::json(own.status(), &json!({ "length": own.body().len() }))
    /// }));
    /// # server.allow("stub-unmet", "nobody calls");
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn answer(mut self, answer: impl Fn(&Request, &Response) -> Response + Send + Sync + 'static) -> Stub {
        self.closure = Some(Arc::new(answer));
        self
    }

    /// Begins the answer to the next such call: what is said from here on is its own. The last one stays.
    pub fn then(mut self) -> Stub {
        let first = self.spec.remove("response");
        let chain = self.spec.entry("responses").or_insert_with(|| json!([]));
        if let Value::Array(chain) = chain {
            chain.extend(first.or_else(|| chain.is_empty().then(|| json!({}))));
            chain.push(json!({}));
        }
        self
    }

    /// Retires it after so many answers.
    pub fn times(mut self, times: u64) -> Stub {
        self.spec.insert("times".to_owned(), times.into());
        self
    }

    /// Answers only with that chance, drawn from the seed.
    pub fn chance(mut self, chance: f64) -> Stub {
        self.spec.insert("chance".to_owned(), json!(chance));
        self
    }

    /// How often it is to answer: `1..`, `2..=2`, `0..1` for never. What is not met is a finding at the end of the
    /// scope.
    pub fn expect(mut self, times: impl RangeBounds<u64>) -> Stub {
        self.spec.insert("expect".to_owned(), span(&times).into());
        self
    }

    /// The stub as it is written in a file.
    pub fn to_value(&self) -> Value {
        Value::Object(self.spec.clone())
    }

    /// The stub as it is played.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with everything that is wrong, and a cure.
    pub(crate) fn script(&self) -> Result<Script, Error> {
        let mut script = read(&self.to_value())
            .map_err(|diagnostics| Error::invalid_input(format!("stub: {}", diagnostics_as_text(&diagnostics))))?;
        script.closure.clone_from(&self.closure);
        Ok(script)
    }
}

/// A range of numbers in the words of a file.
fn span(range: &impl RangeBounds<u64>) -> String {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(from) => from + 1,
        Bound::Unbounded => 0,
    };
    match range.end_bound() {
        Bound::Included(to) => format!("{from}-{to}"),
        Bound::Excluded(to) => format!("{from}-{}", to.saturating_sub(1)),
        Bound::Unbounded => format!("{from}.."),
    }
}
