//! [`Meaning`]: whether two answers to one request say the same, and how a request is sent to another server.
//!
//! A recorded answer and that of another server differ in what each server makes by itself: ids, instants, sequence
//! numbers, counts of shards, scores, `took`. These are excused; which id stands for which is learnt from answers, and
//! carried into the requests that come later. Everything else is a difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::playback::policy::{IgnoredPointer, PlayPolicy};
use super::playback::volatile::{Surroundings, Volatile, is_epoch, without_instants};
use super::redact;
use crate::http::{Method, Request, Response, values_of};
use crate::json;
use crate::limits::{MEANING_DIFFERENCES_MAX, MEANING_IDS_MAX};
use crate::near_miss::{Difference, short};
use crate::target::{self, RawParameter};

/// Members that every server has its own of.
const OWN: [&str; 15] = [
    "took",
    "took_ms",
    "ingest_took",
    "_seq_no",
    "_primary_term",
    "_shards",
    "_score",
    "max_score",
    "cluster_uuid",
    "cluster_name",
    "_ignored_field_values",
    "total_shards",
    "index_uuid",
    "uuid",
    "node",
];

/// Members whose value a server makes up, and others repeat.
const MADE: [&str; 8] = ["id", "_id", "_scroll_id", "scroll_id", "pit_id", "api_key", "encoded", "connector_id"];

/// An id that is shorter stands in many a text by chance.
const ID_BYTES_MIN: usize = 8;

/// What is excused, and what has been learnt of the other server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    volatile: Volatile,
    ignored: Vec<IgnoredPointer>,
    is_exact: bool,
    /// Recorded ids, and those that stand for them.
    ids: BTreeMap<String, String>,
    /// Of a document and a recorded sequence number the one that the other server gave.
    numbers: BTreeMap<(String, String), (u64, u64)>,
}

/// A request as it is sent to the other server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Carried {
    /// Send this.
    Send(Request),
    /// It cannot be sent, because what was secret in it is masked.
    Masked,
}

impl Meaning {
    /// What excuses ids, instants and their like, and `ignore` besides: JSON pointers into answers, `*` for any one
    /// step. With `is_exact` nothing is excused but what is ignored.
    ///
    /// # Errors
    /// What is wrong with a pointer.
    pub(crate) fn new(ignore: &[String], is_exact: bool) -> Result<Meaning, String> {
        let ignored = ignore.iter().map(|pointer| IgnoredPointer::parse(pointer)).collect::<Result<Vec<_>, _>>()?;
        let policy = PlayPolicy { strict_values: is_exact, ..PlayPolicy::default() };
        Ok(Meaning { volatile: Volatile::new(&policy, &[]), ignored, is_exact, ..Meaning::default() })
    }

    /// Says which id of the other server stands for a recorded one.
    pub(crate) fn pair(&mut self, recorded: &str, seen: &str) {
        if recorded != seen && self.ids.len() < MEANING_IDS_MAX {
            self.ids.insert(recorded.to_owned(), seen.to_owned());
        }
    }

    /// The request with the other server's ids and numbers in place of the recorded ones.
    pub(crate) fn carry(&self, request: &Request) -> Carried {
        let body = String::from_utf8_lossy(request.body());
        if request.target().contains(redact::REDACTED)
            || request.target().contains("%3Credacted%3E")
            || body.contains(redact::REDACTED)
        {
            return Carried::Masked;
        }
        let (path, query) = (request.path(), request.query());
        let mut target = self.with_ids(path);
        let document = target.rsplit('/').next().unwrap_or_default().to_owned();
        if !query.is_empty() {
            target.push('?');
            target.push_str(&self.with_numbers(&document, &self.with_ids(query)));
        }
        let body = match std::str::from_utf8(request.body()) {
            Ok(text) => self.with_numbers_in_lines(&self.with_ids(text)).into(),
            Err(_) => request.body().clone(),
        };
        Carried::Send(
            Request::new(request.method().clone(), target).with_headers(request.headers().clone()).with_body(body),
        )
    }

    /// A text with the other server's ids in place of the recorded ones.
    fn with_ids(&self, text: &str) -> String {
        let known = self.ids.iter().filter(|(recorded, _)| text.contains(recorded.as_str()));
        known.fold(text.to_owned(), |text, (recorded, seen)| text.replace(recorded.as_str(), seen))
    }

    fn with_numbers(&self, document: &str, query: &str) -> String {
        let recorded = target::parameter(query, "if_seq_no").unwrap_or_default();
        let key = (document.to_owned(), recorded.to_owned());
        let Some((number, term)) = self.numbers.get(&key) else { return query.to_owned() };
        let parameters = target::pieces(query).map(|RawParameter { name, text, separator, .. }| match name {
            "if_seq_no" => format!("if_seq_no={number}{separator}"),
            "if_primary_term" => format!("if_primary_term={term}{separator}"),
            _ => format!("{text}{separator}"),
        });
        parameters.collect()
    }

    /// The actions of a bulk with the other server's numbers in place of the recorded ones.
    fn with_numbers_in_lines(&self, text: &str) -> String {
        if !text.contains("\"if_seq_no\"") {
            return text.to_owned();
        }
        let line = |line: &str| -> Option<String> {
            let mut value: Value = json::read(line.as_bytes()).ok()??;
            let of = value.as_object_mut()?.values_mut().next()?;
            let key = (of.get("_id")?.as_str()?.to_owned(), of.get("if_seq_no")?.to_string());
            let (number, term) = self.numbers.get(&key)?;
            of["if_seq_no"] = (*number).into();
            of["if_primary_term"] = (*term).into();
            Some(value.to_string())
        };
        text.split_inclusive('\n')
            .map(|piece| {
                let (content, end) = piece.strip_suffix('\n').map_or((piece, ""), |content| (content, "\n"));
                line(content).map_or_else(|| piece.to_owned(), |line| line + end)
            })
            .collect()
    }

    /// Where two answers to a request differ, the recorded one first; learns which id stands for which. `operation`
    /// is Elasticsearch's name of what was asked.
    pub(crate) fn differences(
        &mut self,
        operation: Option<&str>,
        request: &Request,
        recorded: &Response,
        seen: &Response,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        if recorded.status() != seen.status() {
            let excerpt = || short(&String::from_utf8_lossy(seen.body()));
            let seen = if seen.status() >= 400 {
                format!("{}: {}", seen.status(), excerpt())
            } else {
                seen.status().to_string()
            };
            found.push(difference("status", "", recorded.status().to_string(), seen));
        }
        self.headers(recorded, seen, &mut found);
        // The answer to a HEAD has no body.
        if *request.method() == Method::Head {
            return found;
        }
        match (&*values_of(recorded.body()), &*values_of(seen.body())) {
            ([one], [other]) => {
                self.learn(request, one, other);
                let mut place = Vec::new();
                let mut walk = MeaningWalk { meaning: self, operation, found: &mut found };
                walk.value(&mut place, one, other);
            }
            _ => self.text(recorded.body(), seen.body(), &mut found),
        }
        found
    }

    fn headers(&self, recorded: &Response, seen: &Response, found: &mut Vec<Difference>) {
        let names: BTreeSet<&str> = match self.is_exact {
            true => recorded.headers().iter().chain(seen.headers().iter()).map(|(name, _)| name).collect(),
            false => ["content-type", "x-elastic-product", "allow", "location"].into(),
        };
        let spelt = |value: &str| value.replace(' ', "").to_ascii_lowercase();
        let uncounted = ["content-length", "date", "connection", "transfer-encoding"];
        for name in names.into_iter().filter(|name| !uncounted.contains(name)) {
            let (one, other) = (recorded.headers().get(name), seen.headers().get(name));
            let is_same = match (one, other) {
                // A recording that somebody wrote by hand has few headers.
                (None, Some(_)) => !self.is_exact,
                (Some(one), Some(other)) => redact::admits(one, other) || spelt(&self.with_ids(one)) == spelt(other),
                (one, other) => one == other,
            };
            if !is_same {
                let shown = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
                found.push(difference(&format!("header {name}"), "", shown(one), shown(other)));
            }
        }
    }

    fn text(&self, recorded: &[u8], seen: &[u8], found: &mut Vec<Difference>) {
        let (one, other) = (String::from_utf8_lossy(recorded), String::from_utf8_lossy(seen));
        if one == other || redact::admits(&one, &other) {
            return;
        }
        let loose = |text: &str| without_instants(text).unwrap_or_else(|| text.to_owned());
        if self.is_exact || loose(&self.with_ids(&one)) != loose(&other) {
            found.push(difference("body", "", one.into_owned(), other.into_owned()));
        }
    }

    /// Learns ids and sequence numbers from two answers to a request.
    fn learn(&mut self, request: &Request, recorded: &Value, seen: &Value) {
        match (recorded, seen) {
            (Value::Object(one), Value::Object(other)) => {
                let text = |of: &serde_json::Map<String, Value>, name: &str| {
                    of.get(name).and_then(Value::as_str).map(str::to_owned)
                };
                let number = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).and_then(Value::as_u64);
                for name in MADE {
                    if let (Some(one), Some(other)) = (text(one, name), text(other, name))
                        && one != other
                        && one.len() >= ID_BYTES_MIN
                        && !request.target().contains(&one)
                        && !String::from_utf8_lossy(request.body()).contains(&one)
                        && self.ids.len() < MEANING_IDS_MAX
                    {
                        self.ids.entry(one).or_insert(other);
                    }
                }
                let id = text(one, "_id");
                if let (Some(id), Some(recorded), Some(seen)) = (id, number(one, "_seq_no"), number(other, "_seq_no"))
                    && self.numbers.len() < MEANING_IDS_MAX
                {
                    let id = self.ids.get(&id).cloned().unwrap_or(id);
                    let term = number(other, "_primary_term").unwrap_or(1);
                    self.numbers.insert((id, recorded.to_string()), (seen, term));
                }
                for (name, one) in one {
                    if let Some(other) = other.get(name) {
                        self.learn(request, one, other);
                    }
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                one.iter().zip(other).for_each(|(one, other)| self.learn(request, one, other));
            }
            _ => {}
        }
    }
}

/// Two bodies, walked together.
struct MeaningWalk<'m, 'o> {
    meaning: &'m Meaning,
    operation: Option<&'o str>,
    found: &'m mut Vec<Difference>,
}

impl MeaningWalk<'_, '_> {
    fn value(&mut self, place: &mut Vec<String>, recorded: &Value, seen: &Value) {
        if recorded == seen || self.found.len() >= MEANING_DIFFERENCES_MAX {
            return;
        }
        match (recorded, seen) {
            (Value::Object(one), Value::Object(other)) => {
                let added = other.keys().filter(|name| !one.contains_key(*name));
                for name in one.keys().chain(added) {
                    place.push(name.clone());
                    self.member(place, one.get(name), other.get(name));
                    place.pop();
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                for at in 0..one.len().max(other.len()) {
                    place.push(at.to_string());
                    self.member(place, one.get(at), other.get(at));
                    place.pop();
                }
            }
            _ => self.member(place, Some(recorded), Some(seen)),
        }
    }

    fn member(&mut self, place: &mut Vec<String>, recorded: Option<&Value>, seen: Option<&Value>) {
        if recorded == seen || self.is_excused(place) || self.found.len() >= MEANING_DIFFERENCES_MAX {
            return;
        }
        match (recorded, seen) {
            (Some(Value::Object(_)), Some(Value::Object(_))) | (Some(Value::Array(_)), Some(Value::Array(_))) => {
                // Both are there, as the match says.
                if let (Some(recorded), Some(seen)) = (recorded, seen) {
                    self.value(place, recorded, seen);
                }
            }
            (Some(recorded), Some(seen)) if self.is_alike(place, recorded, seen) => {}
            _ => {
                let pointer: String =
                    place.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
                let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
                self.found.push(difference("body", &pointer, shown(recorded), shown(seen)));
            }
        }
    }

    /// Whether what stands at a place does not count, there or not.
    fn is_excused(&self, place: &[String]) -> bool {
        if self.meaning.ignored.iter().any(|ignored| ignored.leads_to(place)) {
            return true;
        }
        let last = place.last().map_or("", String::as_str);
        // Which node answers, and how it was built.
        let introduces = self.operation == Some("info") && matches!(place[0].as_str(), "name" | "version" | "tagline");
        !self.meaning.is_exact && (OWN.contains(&last) || introduces)
    }

    fn is_alike(&self, place: &[String], recorded: &Value, seen: &Value) -> bool {
        if let (Value::String(one), Value::String(other)) = (recorded, seen) {
            let with_ids = self.meaning.with_ids(one);
            if redact::admits(one, other) || (!self.meaning.is_exact && with_ids == *other) {
                return true;
            }
            let recorded = Value::from(with_ids);
            return !self.meaning.is_exact
                && self.meaning.volatile.alike(place, &recorded, seen, Surroundings::default());
        }
        // A hit that is sorted by an instant has it as a number.
        let is_sorted_by = place.len() > 1 && place[place.len() - 2] == "sort";
        if let (Value::Number(one), Value::Number(other), true) =
            (recorded, seen, is_sorted_by && !self.meaning.is_exact)
            && is_epoch(one)
            && is_epoch(other)
        {
            return true;
        }
        recorded == redact::REDACTED
            || (!self.meaning.is_exact && self.meaning.volatile.alike(place, recorded, seen, Surroundings::default()))
    }
}

fn difference(place: &str, pointer: &str, expected: String, seen: String) -> Difference {
    Difference { place: place.to_owned(), pointer: pointer.to_owned(), expected: short(&expected), seen: short(&seen) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn response(status: u16, body: &Value) -> Response {
        let mut response = Response::new(status);
        response.body = body.to_string().into();
        response
    }

    fn found(meaning: &mut Meaning, recorded: &Value, seen: &Value) -> Vec<String> {
        let request = Request::new(Method::Get, "/x");
        let found = meaning.differences(Some("search"), &request, &response(200, recorded), &response(200, seen));
        found.iter().map(|it| format!("{}: {} {}", it.shown_place(), it.expected, it.seen)).collect()
    }

    #[test]
    fn what_a_server_makes_by_itself_is_excused_and_nothing_else() {
        let recorded = json!({"took": 1, "_shards": {"total": 1}, "hits": {"max_score": 1.0, "hits": [
            {"_id": "made-by-one", "_score": 1.0, "_seq_no": 4, "_source": {"at": "2031-01-01T00:00:00Z", "n": 1}}]}});
        let seen = json!({"took": 9, "_shards": {"total": 5}, "hits": {"max_score": 0.3, "hits": [
            {"_id": "made-by-two", "_score": 0.3, "_seq_no": 9, "_source": {"at": "2040-01-01T00:00:00.5Z", "n": 1.0}}]}});
        assert!(found(&mut Meaning::default(), &recorded, &seen).is_empty());
        let mut other = seen.clone();
        other["hits"]["hits"][0]["_source"]["n"] = json!(2);
        other["hits"]["more"] = json!(true);
        assert_eq!(
            found(&mut Meaning::default(), &recorded, &other),
            ["body /hits/hits/0/_source/n: 1 2", "body /hits/more: nothing true"]
        );
        let mut ignoring =
            Meaning::new(&["/hits/hits/*/_source/n".to_owned(), "/hits/more".to_owned()], false).expect("pointers");
        assert!(found(&mut ignoring, &recorded, &other).is_empty());
        let mut exact = Meaning::new(&[], true).expect("no pointer");
        assert_eq!(found(&mut exact, &recorded, &seen).len(), 8);
        assert!(Meaning::new(&["hits".to_owned()], false).is_err());
    }

    #[test]
    fn ids_and_numbers_are_carried_into_later_requests() {
        let mut meaning = Meaning::default();
        let put = Request::new(Method::Post, "/x/_doc");
        let (one, other) = (
            json!({"_id": "made-by-one", "_seq_no": 4, "_primary_term": 1}),
            json!({"_id": "made-by-two", "_seq_no": 9, "_primary_term": 2}),
        );
        assert!(meaning.differences(None, &put, &response(201, &one), &response(201, &other)).is_empty());
        let next = Request::new(Method::Post, "/x/_update/made-by-one?if_seq_no=4&if_primary_term=1")
            .json(r#"{"doc":{"of":"made-by-one"}}"#);
        let Carried::Send(sent) = meaning.carry(&next) else { panic!("nothing is masked") };
        // The number is known by the id that the other server has given.
        assert_eq!(sent.target(), "/x/_update/made-by-two?if_seq_no=9&if_primary_term=2");
        assert_eq!(sent.body(), r#"{"doc":{"of":"made-by-two"}}"#);
        let masked = Request::new(Method::Put, "/x").json(r#"{"api_key":"<redacted>"}"#);
        assert_eq!(meaning.carry(&masked), Carried::Masked);
        let refused = json!({"error": {"reason": "[made-by-one]: document missing"}});
        let seen = json!({"error": {"reason": "[made-by-two]: document missing"}});
        assert!(found(&mut meaning, &refused, &seen).is_empty());
    }
}
