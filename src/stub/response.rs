//! From JSON to a [`StubAction`]: what a stub answers in the mock's place, and what goes wrong on the way.

use serde_json::{Map, Value};

use super::reader::{Path, StubReader, below};
use super::template::AnswerTemplate;
use super::then::{Items, StubAction, StubRefusal, StubResponse};
use super::{CountSpan, hand};
use crate::clock::Timestamp;
use crate::fault::FaultKind;
use crate::suggest::similar;

const RESPONSE: &[&str] = &[
    "status",
    "headers",
    "body",
    "text",
    "template",
    "patch",
    "error",
    "reason",
    "items",
    "delay",
    "fault",
    "after_bytes",
    "over",
    "acts",
    "hold",
    "hand",
    "times",
    "chance",
];

/// Reads the `response` of a stub.
pub(super) fn response(reader: &mut StubReader, said: &Value, path: Path<'_>) -> Option<StubAction> {
    let members = reader.object(said, path, "a stub's response", RESPONSE)?;
    let status = status(reader, members, path);
    let bodies = ["body", "text", "template", "patch", "error", "items"];
    let given: Vec<&str> = bodies.into_iter().filter(|name| members.contains_key(*name)).collect();
    if let [first, second, ..] = given[..] {
        let cure = format!("keep one of {}", bodies.join(", "));
        reader.wrong_key(path, second, format!("`{first}` and `{second}` are both given"), cure);
    }
    let headers = headers(reader, members, path);
    let own = answer(reader, members, given.first().copied(), status, path);
    if members.contains_key("reason") && !members.contains_key("error") {
        let cure = "add `error` with the type, for example es_rejected_execution_exception for a full queue";
        reader.wrong_key(path, "reason", "`reason` stands without `error`", cure);
    }
    let fault = fault(reader, members, path);
    let after_bytes = reader.whole(members, "after_bytes", path, 0);
    if after_bytes.is_some() && !matches!(fault, Some(FaultKind::Cut | FaultKind::Stall)) {
        reader.wrong_key(path, "after_bytes", "`after_bytes` is for `fault: cut` and `fault: stall`", "leave it out");
    }
    let over = reader.length(members, "over", path);
    if over.is_some() && fault != Some(FaultKind::Dribble) {
        reader.wrong_key(path, "over", "`over` is for `fault: dribble`", "use `delay` for an answer that comes late");
    }
    let acts = acts(reader, members, path);
    if acts == Some(false) && matches!(own, StubResponse::Patch(_) | StubResponse::Items(_)) {
        let cure = "leave `acts` out: what the mock says is needed";
        reader.wrong(&below(path, "acts"), "`acts: before` leaves nothing to be changed", cure);
    }
    let hold = hold(reader, members, path);
    let hand = hand_of(reader, members, path);
    let delay = reader.lengths(members, "delay", path);
    Some(StubAction { own, status, headers, delay, fault, after_bytes, over, acts, hold, hand })
}

/// Header lines that the answer has beside its own.
fn headers(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Vec<(String, String)> {
    let lines = match members.get("headers") {
        None => return Vec::new(),
        Some(Value::Object(lines)) => lines,
        Some(_) => {
            let cure = "write { \"retry-after\": \"1\" }";
            reader.wrong(&below(path, "headers"), "`headers` must be an object of names and texts", cure);
            return Vec::new();
        }
    };
    let path = &below(path, "headers");
    let mut headers = Vec::new();
    for (name, value) in lines {
        if matches!(&*name.to_ascii_lowercase(), "content-length" | "transfer-encoding" | "connection") {
            let cure = "use `fault: cut` for a body that ends too early";
            reader.wrong_key(path, name, format!("`{name}` follows from the body"), cure);
        }
        if !is_token(name) {
            let cure = "a name has letters, digits and dashes, as in retry-after";
            reader.wrong_key(path, name, format!("`{name}` is no name of a header line"), cure);
        }
        match value {
            Value::String(text) if text.chars().any(char::is_control) => {
                let cure = "a header line is one line of text";
                reader.wrong(&below(path, name), format!("`{name}` has a control character"), cure);
            }
            Value::String(text) => headers.push((name.to_ascii_lowercase(), text.clone())),
            Value::Number(_) | Value::Bool(_) => headers.push((name.to_ascii_lowercase(), value.to_string())),
            _ => reader.wrong(&below(path, name), format!("`{name}` must be a text"), "write it in quotes"),
        }
    }
    headers
}

/// What is answered, by the one member that says it; without one it is the mock's own answer.
fn answer(
    reader: &mut StubReader,
    members: &Map<String, Value>,
    given: Option<&str>,
    status: Option<u16>,
    path: Path<'_>,
) -> StubResponse {
    match given {
        // A status of its own is an answer: in Elasticsearch's form, where it is an error.
        None => match status {
            Some(status) if status >= 400 => {
                StubResponse::Error(StubRefusal { status: Some(status), ..StubRefusal::default() })
            }
            Some(_) => StubResponse::Text(String::new()),
            None => StubResponse::Mock,
        },
        Some("body") => StubResponse::Json(members["body"].clone()),
        Some("text") => match &members["text"] {
            Value::String(text) => StubResponse::Text(text.clone()),
            _ => {
                reader.wrong(&below(path, "text"), "`text` must be a text", "write it in quotes, or use `body`");
                StubResponse::Mock
            }
        },
        Some("template") => match AnswerTemplate::read(&members["template"]) {
            Ok(template) => StubResponse::Template(template),
            Err(wrong) => {
                reader.wrong(&below(path, "template"), wrong, "text without holes may stand in `body`");
                StubResponse::Mock
            }
        },
        Some("patch") => match &members["patch"] {
            patch @ Value::Object(_) => StubResponse::Patch(patch.clone()),
            _ => {
                reader.wrong(
                    &below(path, "patch"),
                    "`patch` must be an object",
                    "write { … }; null takes a member out",
                );
                StubResponse::Mock
            }
        },
        Some("error") => error(reader, members, status, path).map_or(StubResponse::Mock, StubResponse::Error),
        Some(_) => items(reader, &members["items"], &below(path, "items")),
    }
}

/// What goes wrong with the answer on its way.
fn fault(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<FaultKind> {
    let word = reader.text(members, "fault", path)?;
    let known = FaultKind::WORDS.iter().find(|(known, _)| *known == word);
    if known.is_none() {
        let words = FaultKind::WORDS.map(|(word, _)| word);
        let cure = match similar(&word, words).first() {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("write one of {}", words.join(", ")),
        };
        reader.wrong(&below(path, "fault"), format!("there is no fault `{word}`"), cure);
    }
    known.map(|(_, kind)| *kind)
}

/// Whether the fault strikes after the mock has acted.
fn acts(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<bool> {
    let word = reader.text(members, "acts", path)?;
    match word.as_str() {
        "after" => Some(true),
        "before" => Some(false),
        _ => {
            let cure = "write before or after: whether the fault strikes before or after the mock has acted";
            reader.wrong(&below(path, "acts"), format!("`acts` cannot be `{word}`"), cure);
            None
        }
    }
}

/// The gate that holds the answer, and until which call.
fn hold(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<(String, Option<u64>)> {
    match members.get("hold") {
        None => None,
        Some(Value::Object(_)) => {
            let path = below(path, "hold");
            let gate =
                reader.object(&members["hold"], &path, "a gate", &["name", "until"]).cloned().unwrap_or_default();
            if !gate.contains_key("name") {
                reader.wrong(&path, "the gate has no `name`", "add `name`");
            }
            let until = reader.whole(&gate, "until", &path, 1);
            reader.text(&gate, "name", &path).map(|name| (name, until))
        }
        Some(_) => reader.text(members, "hold", path).map(|name| (name, None)),
    }
}

/// What the other side's hand does before.
fn hand_of(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<AnswerTemplate> {
    match members.get("hand") {
        None => None,
        Some(act @ Value::Object(_)) => match AnswerTemplate::read(act) {
            Ok(template) => {
                // What a hole will be filled with nobody knows: then the names of the members are looked at alone.
                let read = match without_holes(act) {
                    Some(act) => hand::request(&act, Timestamp::default()).map(|_| ()),
                    None => hand::verb(act).map(|_| ()),
                };
                if let Err(error) = read {
                    let cure = "it takes the acts of `POST /_elastimock/hand`";
                    reader.wrong(&below(path, "hand"), error.to_string(), cure);
                }
                Some(template)
            }
            Err(wrong) => {
                reader.wrong(&below(path, "hand"), wrong, "name the job or connector itself");
                None
            }
        },
        Some(_) => {
            let cure = "write { \"cancel\": \"{{path.connector_sync_job_id}}\" }, or another act of the hand";
            reader.wrong(&below(path, "hand"), "`hand` must be an act", cure);
            None
        }
    }
}

/// A status that ends a call: those below 200 come before an answer.
fn status(reader: &mut StubReader, members: &Map<String, Value>, path: Path<'_>) -> Option<u16> {
    let status = members.get("status")?;
    let known = status.as_u64().and_then(|status| u16::try_from(status).ok()).filter(|it| (200..1000).contains(it));
    if known.is_none() {
        let message = format!("`status` must be an HTTP status from 200 to 999, not {status}");
        reader.wrong(&below(path, "status"), message, "write for example 503");
    }
    known
}

/// Whether a name may be that of a header line. Source: RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// An act in which any id stands in the place of one that is a hole; none if there are other holes.
fn without_holes(act: &Value) -> Option<Value> {
    let verb = hand::verb(act).ok()?;
    let mut filled = act.clone();
    for (name, value) in filled.as_object_mut()? {
        if value.as_str().is_some_and(|text| text.contains("{{")) {
            *value = Value::from((name == verb).then_some("x")?);
        }
    }
    Some(filled)
}

/// `error`: a type, or an object as Elasticsearch has it.
fn error(
    reader: &mut StubReader,
    members: &Map<String, Value>,
    status: Option<u16>,
    path: Path<'_>,
) -> Option<StubRefusal> {
    match &members["error"] {
        Value::Object(whole) => {
            let path = below(path, "error");
            if !whole.contains_key("type") {
                let cure = "add `type`, for example es_rejected_execution_exception for a full queue";
                reader.wrong(&path, "the error has no `type`", cure);
            }
            let kind = reader.text(whole, "type", &path)?;
            let reason = reader.text(whole, "reason", &path).or_else(|| reader.text(members, "reason", &path));
            let more = whole.iter().filter(|(name, _)| !["type", "reason"].contains(&name.as_str()));
            let more = more.map(|(name, value)| (name.clone(), value.clone())).collect();
            Some(StubRefusal { kind: Some(kind), reason, status, more })
        }
        _ => {
            let kind = reader.text(members, "error", path)?;
            let reason = reader.text(members, "reason", path);
            Some(StubRefusal { kind: Some(kind), reason, status, more: Vec::new() })
        }
    }
}

fn items(reader: &mut StubReader, value: &Value, path: Path<'_>) -> StubResponse {
    let Value::Object(members) = value else {
        let cure = "write { \"3\": { \"error\": \"es_rejected_execution_exception\" } }";
        reader.wrong(path, "`items` must be an object of numbers and errors", cure);
        return StubResponse::Mock;
    };
    let mut items = Vec::new();
    for (which, said) in members {
        let of_every = which.strip_prefix("every ").and_then(|every| every.trim().parse().ok());
        let span = match (which.as_str(), of_every) {
            ("*", _) | (_, Some(1..)) => Some(CountSpan { from: 1, to: u64::MAX }),
            (which, _) => CountSpan::parse(which).filter(|span| span.to > 0),
        };
        if span.is_none() {
            let cure = "items are counted from 1: write a number, a range such as 2-4, `every 3`, or *";
            reader.wrong_key(path, which, format!("`{which}` is no number of an item"), cure);
        }
        let path = below(path, which);
        let Some(said) = reader.object(said, &path, "an item's answer", &["error", "status", "reason"]) else {
            continue;
        };
        let status = self::status(reader, said, &path);
        let refusal = match said.contains_key("error") {
            true => error(reader, said, status, &path),
            false => {
                let reason = reader.text(said, "reason", &path);
                Some(StubRefusal { reason, status: Some(status.unwrap_or(429)), ..StubRefusal::default() })
            }
        };
        if let (Some(which), Some(refusal)) = (span, refusal) {
            items.push(Items { which, every: of_every.unwrap_or(1), refusal });
        }
    }
    StubResponse::Items(items)
}
