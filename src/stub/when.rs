//! [`StubCondition`]: what a request must be like for a stub to answer it.

use std::time::Duration;

use super::CountSpan;
use super::about::StubbedRequest;
use super::shape::ValueShape;
use crate::near_miss::Difference;
use crate::target::decoded;
use crate::wildcard::is_like_stub;

/// What a request must be like. What is empty asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct StubCondition {
    /// Names of operations, one of them.
    pub operation: Vec<String>,
    /// Methods, one of them.
    pub method: Vec<String>,
    /// The path: `*` within a segment, `**` for any number of them.
    pub path: Option<String>,
    /// Parameters of the query.
    pub query: Vec<(String, Word)>,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, Word)>,
    /// A part of the body.
    pub body: Option<BodyPart>,
    /// One of the jobs that it is about.
    pub job: Vec<String>,
    /// One of the connectors.
    pub connector: Vec<String>,
    /// One of the indices.
    pub index: Vec<String>,
    /// One of the workers.
    pub worker: Vec<String>,
    /// The status of the job or connector.
    pub state: Vec<String>,
    /// Which of these calls, counted from 1.
    pub calls: Option<CountSpan>,
    /// Every so many of them.
    pub every: Option<u64>,
    /// Only those that come within so long of the first of them.
    pub within: Option<Duration>,
}

/// What a text must be like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    /// Like that pattern.
    Like(String),
    /// There, or not.
    Present(bool),
}

/// What a body must be like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyPart {
    /// JSON with these parts; of a body of lines, one of them.
    Json(ValueShape),
    /// A text like that pattern.
    Text(String),
    /// There, or not.
    Present(bool),
}

impl Word {
    fn admits<'t>(&self, mut texts: impl Iterator<Item = &'t str>) -> bool {
        match self {
            Word::Like(pattern) => texts.any(|text| is_like_stub(pattern, text)),
            Word::Present(wanted) => texts.next().is_some() == *wanted,
        }
    }

    fn told(&self) -> String {
        match self {
            Word::Like(pattern) => pattern.clone(),
            Word::Present(true) => "anything".to_owned(),
            Word::Present(false) => "nothing".to_owned(),
        }
    }
}

impl BodyPart {
    fn admits(&self, asked: &StubbedRequest<'_>) -> bool {
        match self {
            BodyPart::Json(shape) => asked.body().iter().any(|value| shape.admits(Some(value))),
            BodyPart::Text(pattern) => is_like_stub(pattern, &String::from_utf8_lossy(asked.request.body())),
            BodyPart::Present(wanted) => asked.request.body().is_empty() != *wanted,
        }
    }
}

fn is_path(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
    let path: Vec<String> =
        path.trim_start_matches('/').split('/').map(|part| decoded(part, false).into_owned()).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    segments(&pattern, &path)
}

fn segments(pattern: &[&str], path: &[&str]) -> bool {
    // As `is_like_stub`, with whole segments: the last `**` takes one more when the rest does not fit.
    let (mut at, mut seen) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while seen < path.len() {
        match pattern.get(at) {
            Some(&"**") => {
                retry = Some((at, seen));
                at += 1;
            }
            Some(wanted) if is_like_stub(wanted, path[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    at = star + 1;
                    seen = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|part| *part == "**")
}

fn any_like(patterns: &[String], texts: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| texts.iter().any(|text| is_like_stub(pattern, text)))
}

impl StubCondition {
    /// Whether a request is so; which of several such it is does not count here.
    pub(crate) fn admits(&self, asked: &StubbedRequest<'_>) -> bool {
        let operation = asked.operation.unwrap_or_default();
        let is_operation =
            self.operation.is_empty() || self.operation.iter().any(|wanted| is_like_stub(wanted, operation));
        let method = asked.request.method().as_str();
        let is_method = self.method.is_empty() || self.method.iter().any(|wanted| wanted == method);
        is_operation
            && is_method
            && self.path.as_ref().is_none_or(|pattern| is_path(pattern, asked.request.path()))
            && self.query.iter().all(|(name, word)| word.admits(values(asked.query(), name)))
            && self.headers.iter().all(|(name, word)| word.admits(asked.request.headers().all(name)))
            && self.body.as_ref().is_none_or(|part| part.admits(asked))
            && self.whose(asked).all(|(_, wanted, seen)| any_like(wanted, seen))
    }

    /// What is asked of whose call it is, with what is seen. The state is looked at only if it is asked for.
    fn whose<'a>(
        &'a self,
        asked: &'a StubbedRequest<'_>,
    ) -> impl Iterator<Item = (&'static str, &'a [String], &'a [String])> {
        let wanted = [
            ("job", &self.job),
            ("connector", &self.connector),
            ("index", &self.index),
            ("worker", &self.worker),
            ("state", &self.state),
        ];
        wanted.into_iter().filter(|(_, wanted)| !wanted.is_empty()).map(|(place, wanted)| {
            let about = asked.about();
            let seen = match place {
                "job" => &about.jobs,
                "connector" => &about.connectors,
                "index" => &about.indices,
                "worker" => &about.workers,
                _ => &about.states,
            };
            (place, &wanted[..], &seen[..])
        })
    }

    /// Whether the call with that number among its like is meant.
    pub(crate) fn counts(&self, number: u64) -> bool {
        self.calls.is_none_or(|span| span.has(number)) && self.every.is_none_or(|every| number.is_multiple_of(every))
    }

    /// In what a request differs, as it may be told; and whether it comes close at all.
    pub(crate) fn differences(&self, asked: &StubbedRequest<'_>) -> (bool, Vec<Difference>) {
        let mut found = Vec::new();
        let mut add = |place: &str, expected: String, seen: String| {
            let (place, pointer) = (place.to_owned(), String::new());
            found.push(Difference { place, pointer, expected, seen });
        };
        let operation = asked.operation.unwrap_or("none");
        let mut is_close = self.operation.is_empty() && self.path.is_none();
        if !self.operation.is_empty() {
            match self.operation.iter().any(|wanted| is_like_stub(wanted, operation)) {
                true => is_close = true,
                false => add("operation", self.operation.join(" or "), operation.to_owned()),
            }
        }
        let method = asked.request.method().as_str();
        if !self.method.is_empty() && !self.method.iter().any(|wanted| wanted == method) {
            add("method", self.method.join(" or "), method.to_owned());
        }
        if let Some(pattern) = &self.path {
            match is_path(pattern, asked.request.path()) {
                true => is_close = true,
                false => {
                    let first = |path: &str| path.trim_start_matches('/').split('/').next().map(str::to_owned);
                    is_close |= first(pattern) == first(asked.request.path());
                    add("path", pattern.clone(), asked.shown.path().to_owned());
                }
            }
        }
        for (name, word) in &self.query {
            if !word.admits(values(asked.query(), name)) {
                let seen: Vec<&str> = values(asked.query(), name).collect();
                add(&format!("query {name}"), word.told(), told(&seen));
            }
        }
        for (name, word) in &self.headers {
            if !word.admits(asked.request.headers().all(name)) {
                let seen: Vec<&str> = asked.shown.headers().all(name).collect();
                add(&format!("header {name}"), word.told(), told(&seen));
            }
        }
        for (place, wanted, seen) in self.whose(asked) {
            if !any_like(wanted, seen) {
                add(place, wanted.join(" or "), told(seen));
            }
        }
        if let Some(part) = self.body.as_ref().filter(|part| !part.admits(asked)) {
            let shown = StubbedRequest::new(asked.shown, asked.shown, asked.operation, asked.path, None);
            match part {
                BodyPart::Json(shape) => shape.differences(shown.body().first(), "", &mut found),
                BodyPart::Text(pattern) => {
                    let seen = String::from_utf8_lossy(asked.shown.body()).into_owned();
                    let (place, pointer) = ("body".to_owned(), String::new());
                    found.push(Difference { place, pointer, expected: pattern.clone(), seen });
                }
                BodyPart::Present(wanted) => {
                    let told = |there: bool| if there { "a body" } else { "no body" }.to_owned();
                    let (place, pointer) = ("body".to_owned(), String::new());
                    found.push(Difference { place, pointer, expected: told(*wanted), seen: told(!*wanted) });
                }
            }
        }
        (is_close, found)
    }
}

fn told<T: AsRef<str>>(seen: &[T]) -> String {
    if seen.is_empty() {
        return "nothing".to_owned();
    }
    seen.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn values<'q>(query: &'q [(String, String)], name: &'q str) -> impl Iterator<Item = &'q str> {
    query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
}
