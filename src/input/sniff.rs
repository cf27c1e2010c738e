//! What a text looks like, by its first bytes and keys: our own two formats, answers of Elasticsearch,
//! and what other tools write.
//!
//! It is a guess, made to be told or to choose a reader; the reader has the last word. Nothing is read
//! that need not be: a fixture is known by its first section.

use crate::json::{Token, Tokens};
use crate::limits::{INPUT_HEAD_BYTES, INPUT_KEYS_MAX};

/// What somebody wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputWanted {
    /// A state to start from.
    Fixture,
    /// A conversation.
    Recording,
    /// Either of the two.
    #[cfg(any(feature = "cli", test))]
    Any,
    /// What another tool has written.
    #[cfg(any(feature = "cli", test))]
    Foreign,
}

impl InputWanted {
    /// With its article.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            InputWanted::Fixture => "a fixture",
            InputWanted::Recording => "a recording",
            #[cfg(any(feature = "cli", test))]
            InputWanted::Any => "a file",
            #[cfg(any(feature = "cli", test))]
            InputWanted::Foreign => "a file of another tool",
        }
    }

    /// Whether all is to be read, whatever it looks like.
    pub(crate) fn is_whatever(self) -> bool {
        #[cfg(any(feature = "cli", test))]
        return self == InputWanted::Foreign;
        #[cfg(not(any(feature = "cli", test)))]
        false
    }
}

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextLooks {
    /// Nothing that is known by sight; what it is for its reader to say.
    Unknown,
    /// A recording of ours.
    Recording,
    /// A fixture of ours.
    Fixture,
    /// A saved answer of Elasticsearch that holds documents.
    Answer(SavedAnswerShape),
    /// What another tool has written.
    Other(OtherTool),
}

/// How a saved answer holds its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SavedAnswerShape {
    /// `{"count":…,"results":[…]}`: a list of connectors or sync jobs.
    Results,
    /// `{"hits":{"hits":[…]}}`: a search.
    Hits,
    /// `{"docs":[…]}`: several documents by their ids.
    Docs,
    /// One document, with `_id` and `_source`, or one connector or sync job, with `id`.
    One,
    /// A list of what one answer holds.
    List,
    /// What a list of what one answer holds consists of, one a line.
    Lines,
}

/// What another tool has written, in the words of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OtherTool {
    /// A whole sentence: `this is …`.
    pub what: &'static str,
    cure: Cure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cure {
    /// A whole sentence, whatever was wanted.
    Do(&'static str),
    /// It holds a conversation.
    Record,
    /// It holds a conversation that can be read.
    Import,
}

impl OtherTool {
    /// What to do instead.
    pub(crate) fn cure(self, wanted: InputWanted) -> &'static str {
        match (self.cure, wanted) {
            (Cure::Do(what), _) => what,
            (Cure::Record | Cure::Import, InputWanted::Fixture) => {
                "a fixture holds connectors and sync jobs: save the answer of GET _connector, or write one"
            }
            (Cure::Import, _) => {
                "only recordings of elastimock are read: `elastimock import FILE --out story.ndjson` makes one of it"
            }
            (Cure::Record, _) => {
                "only recordings of elastimock are read: let the client talk to `elastimock serve --record FILE`"
            }
        }
    }
}

/// What to say where something else is wanted: what it is, and what to do. None if it may be what is wanted.
pub(crate) fn mismatch(text: &[u8], name: &str, wanted: InputWanted) -> Option<(String, String)> {
    // A line to paste into a shell.
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+=@%:,~".contains(&byte) || !byte.is_ascii());
    let name = match name {
        "" | super::STDIN => "FILE".to_owned(),
        name if is_plain => name.to_owned(),
        name => format!("'{}'", name.replace('\'', r"'\''")),
    };
    match (at(text), wanted) {
        (TextLooks::Other(other), _) => Some((other.what.to_owned(), other.cure(wanted).to_owned())),
        (TextLooks::Recording, InputWanted::Fixture) => Some((
            "this is a recording, not a fixture".to_owned(),
            format!("`elastimock play {name}` answers from it, `elastimock judge {name}` judges it"),
        )),
        (TextLooks::Fixture, InputWanted::Recording) => Some((
            "this is a fixture, not a recording".to_owned(),
            format!("`elastimock serve --fixtures {name}` starts a server from it"),
        )),
        (TextLooks::Answer(_), InputWanted::Recording) => Some((
            "this is a saved answer of Elasticsearch, not a recording".to_owned(),
            format!("`elastimock serve --fixtures {name}` starts a server from it"),
        )),
        _ => None,
    }
}

const RECORD: Cure = Cure::Record;
const IMPORT: Cure = Cure::Import;
const MEANT: Cure = Cure::Do("give the file that was meant");
const UNPACK: Cure = Cure::Do("unpack it, for only gzip is read as it is");

/// Beginnings that no JSON or YAML has.
const MAGIC: &[(&[u8], &str, Cure)] = &[
    (b"\x1F\x8B", "this is gzip within gzip", Cure::Do("unpack it once with gunzip")),
    (b"PK\x03\x04", "this is a ZIP archive", UNPACK),
    (b"\x28\xB5\x2F\xFD", "this is a zstd archive", UNPACK),
    (b"\xFD7zXZ\0", "this is an xz archive", UNPACK),
    (b"BZh", "this is a bzip2 archive", UNPACK),
    (b"\xFF\xFE", "this is UTF-16, as PowerShell writes it", Cure::Do("save the file as UTF-8")),
    (b"\xFE\xFF", "this is UTF-16", Cure::Do("save the file as UTF-8")),
    (b"\xD4\xC3\xB2\xA1", "this is a capture of network packets", RECORD),
    (b"\xA1\xB2\xC3\xD4", "this is a capture of network packets", RECORD),
    (b"\x0A\x0D\x0D\x0A", "this is a capture of network packets", RECORD),
    (b"HTTP/", "this is an HTTP answer with its headers", Cure::Do("save its body alone: use curl without -i")),
    (b"curl ", "this is a curl command", Cure::Do("run it, and give the answer that it gets")),
    (b"<?xml", "this is XML", MEANT),
    (b"<testsuite", "this is a JUnit report", MEANT),
    (b"<", "this is HTML or XML", MEANT),
];

/// What the text looks like.
pub(crate) fn at(text: &[u8]) -> TextLooks {
    let other = |what, cure| TextLooks::Other(OtherTool { what, cure });
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let start = text.trim_ascii_start();
    if let Some((_, what, cure)) =
        MAGIC.iter().find(|(begins, ..)| text.starts_with(begins) || start.starts_with(begins))
    {
        return other(what, *cure);
    }
    if text.iter().take(1024).any(|byte| *byte == 0) {
        return other("this is no text but binary data", MEANT);
    }
    match start.first() {
        Some(b'{' | b'[' | b'/' | b'"') => json(start).unwrap_or(TextLooks::Unknown),
        Some(_) if is_console(start) => other(
            "this is a list of requests, as Kibana's console has them",
            Cure::Do("send them to a server, and give its answer"),
        ),
        Some(_) => yaml(text),
        None => TextLooks::Unknown,
    }
}

/// Whether the first line is a method and a path.
fn is_console(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let is_method = words.next().is_some_and(|word| [&b"GET"[..], b"PUT", b"POST", b"DELETE", b"HEAD"].contains(&word));
    is_method && words.next().is_some()
}

/// The keys that have been seen: of the value itself, and of some of its members as `member.key`.
#[derive(Default)]
struct KeysSeen(Vec<String>);

impl KeysSeen {
    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|seen| seen == key)
    }

    fn all(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.has(key))
    }
}

/// Members whose own keys tell.
const LOOKED_INTO: &[&str] = &["log", "info", "hits", "data", "index", "create", "error", "request"];

/// The sections of a fixture.
const SECTIONS: &[&str] = &["connectors", "sync_jobs", "secrets", "api_keys", "indices", "stubs"];

fn json(text: &[u8]) -> Option<TextLooks> {
    let mut tokens = Tokens::new(text);
    match tokens.next().ok()?? {
        Token::StartObject => {}
        Token::StartArray => {
            if tokens.next().ok()? != Some(Token::StartObject) {
                return None;
            }
            let looks = object(&mut tokens)?;
            return match looks {
                TextLooks::Answer(SavedAnswerShape::One) => Some(TextLooks::Answer(SavedAnswerShape::List)),
                TextLooks::Other(_) => Some(looks),
                _ => None,
            };
        }
        _ => return None,
    }
    match object(&mut tokens)? {
        // Whatever follows tells whether there are more of them.
        TextLooks::Answer(SavedAnswerShape::One) if matches!(tokens.next(), Ok(Some(_))) => {
            Some(TextLooks::Answer(SavedAnswerShape::Lines))
        }
        looks => Some(looks),
    }
}

/// What an object looks like. One that is a document has been read to its end.
fn object(tokens: &mut Tokens<'_>) -> Option<TextLooks> {
    let mut seen = KeysSeen::default();
    let mut is_list = Vec::new();
    while tokens.next().ok()? == Some(Token::FieldName) {
        let key = tokens.text().ok()?.into_owned();
        let token = tokens.next().ok()??;
        seen.0.push(key.clone());
        if token == Token::StartArray {
            is_list.push(key.clone());
        }
        if token == Token::StartObject && LOOKED_INTO.contains(&&*key) {
            while tokens.next().ok()? == Some(Token::FieldName) {
                seen.0.push(format!("{key}.{}", tokens.text().ok()?));
                tokens.next().ok()?;
                if let Some(looks) = known(&seen, &is_list) {
                    return Some(looks);
                }
                tokens.skip().ok()?;
            }
        }
        if let Some(looks) = known(&seen, &is_list) {
            return Some(looks);
        }
        if seen.0.len() > INPUT_KEYS_MAX {
            break;
        }
        if token != Token::StartObject || !LOOKED_INTO.contains(&&*key) {
            tokens.skip().ok()?;
        }
    }
    let is_stored = seen.has("_id") && ["_source", "found", "_index", "_score"].iter().any(|key| seen.has(key));
    let is_shown = seen.has("id") && seen.0.len() > 1;
    (is_stored || is_shown).then_some(TextLooks::Answer(SavedAnswerShape::One))
}

/// What these keys are known for.
fn known(seen: &KeysSeen, lists: &[String]) -> Option<TextLooks> {
    let is_list = |key: &str| lists.iter().any(|list| list == key);
    let other = |what, cure| Some(TextLooks::Other(OtherTool { what, cure }));
    let any = |keys: &[&str]| keys.iter().any(|key| seen.has(key));
    if any(&["elastimock_recording"]) {
        return Some(TextLooks::Recording);
    }
    if SECTIONS.iter().any(|section| seen.has(section)) {
        return Some(TextLooks::Fixture);
    }
    if seen.has("request") && seen.has("response") {
        return match any(&["seq"]) {
            true => Some(TextLooks::Recording),
            false
                if any(&["request.operation", "request.path", "request.job", "request.connector", "request.index"]) =>
            {
                other("this is a stub alone", Cure::Do("write { \"stubs\": [ … ] } around it"))
            }
            false => other("this is a stub of another mock server", IMPORT),
        };
    }
    if any(&["log.entries", "log.creator"]) {
        return other("this is a HAR, a log of HTTP calls", IMPORT);
    }
    if any(&["http_interactions"]) || (any(&["version"]) && is_list("interactions")) {
        return other("this is a cassette, as VCR and vcrpy write it", IMPORT);
    }
    if any(&["consumer"]) && any(&["provider"]) {
        return other("this is a Pact, a contract of another tool", RECORD);
    }
    if is_list("interactions") && any(&["next", "evicted"]) {
        return other(
            "this is a page of the journal",
            Cure::Do("fetch it with the header `accept: application/x-ndjson`: that is a recording"),
        );
    }
    if any(&["info._postman_id", "info.postman_id"]) || (any(&["info"]) && is_list("item")) {
        return other("this is a Postman collection", RECORD);
    }
    if any(&["__export_format"]) {
        return other("this is an export of Insomnia", RECORD);
    }
    if any(&["openapi", "swagger"]) {
        return other("this is a description of an API", MEANT);
    }
    if any(&["data.pairs"]) {
        return other("this is a simulation of Hoverfly", RECORD);
    }
    if is_list("runs") && any(&["version", "$schema"]) {
        return other("this is a SARIF report", MEANT);
    }
    if seen.all(&["findings", "counts"]) {
        return other("this is a report of findings", Cure::Do("give the recording that was judged"));
    }
    if any(&["error.root_cause", "error.type"]) {
        return other(
            "this is an error that Elasticsearch answered",
            Cure::Do("save the answer of a call that went well"),
        );
    }
    if any(&["index._index", "index._id", "create._index", "create._id"]) {
        return other(
            "these are the lines of a bulk request",
            Cure::Do(
                "send them to a running server: `curl -H 'content-type: application/x-ndjson' --data-binary @FILE URL/_bulk`",
            ),
        );
    }
    if any(&["hits.hits"]) {
        return Some(TextLooks::Answer(SavedAnswerShape::Hits));
    }
    if is_list("responses") {
        return other("this is the answer of several searches", Cure::Do("save the answer of each search by itself"));
    }
    if is_list("results") {
        return Some(TextLooks::Answer(SavedAnswerShape::Results));
    }
    if is_list("docs") {
        return Some(TextLooks::Answer(SavedAnswerShape::Docs));
    }
    None
}

/// What a YAML text looks like, by the keys at the beginnings of its lines and of those below.
fn yaml(text: &[u8]) -> TextLooks {
    let head = &text[..text.len().min(INPUT_HEAD_BYTES)];
    let mut seen = KeysSeen::default();
    let mut lists = Vec::new();
    let mut open = String::new();
    for line in head.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line)) {
        let deep = line.len() - line.trim_start().len();
        let body = line.trim();
        if body.starts_with("- ") && !open.is_empty() {
            // What follows are the keys of items.
            lists.push(std::mem::take(&mut open));
            match known(&seen, &lists) {
                Some(looks) => return looks,
                None => continue,
            }
        }
        let Some((key, value)) = body.split_once(':').filter(|(key, _)| !key.starts_with(['#', '-', ' '])) else {
            continue;
        };
        let key = key.trim_matches(['"', '\'']);
        if deep == 0 {
            seen.0.push(key.to_owned());
            open = if value.trim().is_empty() { key.to_owned() } else { String::new() };
            if value.trim_start().starts_with('[') {
                lists.push(key.to_owned());
            }
        } else if deep == 2 && LOOKED_INTO.contains(&&*open) {
            seen.0.push(format!("{open}.{key}"));
        }
        if let Some(looks) = known(&seen, &lists) {
            return looks;
        }
        if seen.0.len() > INPUT_KEYS_MAX {
            break;
        }
    }
    let is_stored = seen.has("_id") && seen.has("_source");
    if is_stored || (seen.has("id") && seen.0.len() > 1) {
        TextLooks::Answer(SavedAnswerShape::One)
    } else {
        TextLooks::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_beginning() {
        let answer = TextLooks::Answer;
        for (text, expected) in [
            ("", TextLooks::Unknown),
            ("  \n", TextLooks::Unknown),
            ("7", TextLooks::Unknown),
            ("{}", TextLooks::Unknown),
            ("{\"a\":", TextLooks::Unknown),
            (r#"[ { "id": "crm" } ]"#, TextLooks::Unknown),
            (r#"{ "conectors": [] }"#, TextLooks::Unknown),
            (r#"{"elastimock_recording":1,"state":{"connectors":[]}}"#, TextLooks::Recording),
            (r#"{"seq":1,"request":{},"response":{}}"#, TextLooks::Recording),
            ("// mine\n{ \"$schema\": \"s\", \"sync_jobs\": [ {", TextLooks::Fixture),
            ("\u{feff}{ \"indices\": {} }", TextLooks::Fixture),
            ("# mine\nconnectors:\n  - id: crm\n", TextLooks::Fixture),
            (r#"{"count":0,"results":[]}"#, answer(SavedAnswerShape::Results)),
            ("---\ncount: 1\nresults:\n- id: \"crm\"\n", answer(SavedAnswerShape::Results)),
            (
                r#"{"took":1,"_shards":{"total":1},"hits":{"total":{"value":1},"hits":[]}}"#,
                answer(SavedAnswerShape::Hits),
            ),
            (r#"{"hits":{"hits":[]}}"#, answer(SavedAnswerShape::Hits)),
            ("---\ntook: 1\nhits:\n  total: 1\n  hits:\n  - _id: \"1\"\n", answer(SavedAnswerShape::Hits)),
            (r#"{"docs":[]}"#, answer(SavedAnswerShape::Docs)),
            (r#"{"_index":"i","_id":"1","found":true,"_source":{"connectors":[]}}"#, answer(SavedAnswerShape::One)),
            (r#"{"id":"crm","configuration":{},"error":null}"#, answer(SavedAnswerShape::One)),
            (r#"[{"_id":"1","_source":{}}]"#, answer(SavedAnswerShape::List)),
            ("{\"_id\":\"1\",\"_source\":{}}\n{\"_id\":\"2\"", answer(SavedAnswerShape::Lines)),
        ] {
            assert_eq!(at(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_others_write_is_told_apart() {
        for (text, expected) in [
            (r#"{"log":{"version":"1.2","creator":{},"entries":[]}}"#, "this is a HAR"),
            (r#"{"log":{"_recordingName":"x","creator":{"name":"Polly.JS"}}}"#, "this is a HAR"),
            ("interactions:\n- request:\n    body: null\n  response: {}\nversion: 1\n", "this is a cassette"),
            ("---\nversion: 2\ninteractions:\n    - id: 0\n", "this is a cassette"),
            ("---\nhttp_interactions:\n- request:\n    method: get\n", "this is a cassette"),
            (r#"{"version": 1, "interactions": [{"request": {}}]}"#, "this is a cassette"),
            (r#"{"http_interactions": [], "recorded_with": "betamax/0.8"}"#, "this is a cassette"),
            (r#"{"consumer":{"name":"a"},"provider":{"name":"b"},"interactions":[]}"#, "this is a Pact"),
            (r#"{"info":{"_postman_id":"x","name":"n"},"item":[]}"#, "this is a Postman collection"),
            (r#"{"info":{"name":"n","schema":"https://schema"},"item":[]}"#, "this is a Postman collection"),
            (r#"{"_type":"export","__export_format":4,"resources":[]}"#, "this is an export of Insomnia"),
            ("openapi: 3.0.0\ninfo:\n  title: x\n", "this is a description of an API"),
            (r#"{"data":{"pairs":[]},"meta":{}}"#, "this is a simulation of Hoverfly"),
            (r#"{"request":{"method":"GET"},"response":{"status":200}}"#, "this is a stub of another mock server"),
            (r#"{"request":{"operation":"info"},"response":{"status":503}}"#, "this is a stub alone"),
            (r#"{"version":"2.1.0","runs":[]}"#, "this is a SARIF report"),
            (r#"{"findings":[],"counts":{"error":0}}"#, "this is a report of findings"),
            (r#"{"interactions":[{"seq":1}],"next":2,"evicted":0}"#, "this is a page of the journal"),
            (r#"{"error":{"root_cause":[],"type":"x"},"status":404}"#, "this is an error that Elasticsearch answered"),
            (r#"{"took":1,"responses":[{"hits":{"hits":[]}}]}"#, "this is the answer of several searches"),
            ("{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"a\":1}\n", "these are the lines of a bulk request"),
            ("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}", "this is an HTTP answer with its headers"),
            ("curl -X GET localhost:9200/_connector", "this is a curl command"),
            ("GET _connector\n\nPUT /_connector/x\n{}", "this is a list of requests"),
            ("<!DOCTYPE html><html>", "this is HTML or XML"),
            ("<?xml version=\"1.0\"?><testsuites/>", "this is XML"),
            ("PK\u{3}\u{4}...", "this is a ZIP archive"),
            ("a\0b", "this is no text but binary data"),
        ] {
            let (what, cure) =
                mismatch(text.as_bytes(), "f", InputWanted::Any).unwrap_or_else(|| panic!("{text} is unknown"));
            assert!(what.starts_with(expected), "{text}: {what}");
            assert!(!cure.is_empty() && !what.contains(';') && !cure.contains(';'), "{what}; {cure}");
        }
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("{}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(
            mismatch(&utf16, "f", InputWanted::Any).map(|told| told.1).as_deref(),
            Some("save the file as UTF-8")
        );
    }

    #[test]
    fn what_is_right_elsewhere_is_sent_there() {
        let told = |text: &str, name: &str, wanted| {
            mismatch(text.as_bytes(), name, wanted).map(|(what, cure)| format!("{what}; {cure}"))
        };
        let recording = r#"{"elastimock_recording":1}"#;
        let fixture = r#"{"connectors":[]}"#;
        assert_eq!(
            told(recording, "r.ndjson", InputWanted::Fixture).as_deref(),
            Some(
                "this is a recording, not a fixture; `elastimock play r.ndjson` answers from it, `elastimock judge r.ndjson` judges it"
            )
        );
        assert_eq!(
            told(fixture, "stdin", InputWanted::Recording).as_deref(),
            Some("this is a fixture, not a recording; `elastimock serve --fixtures FILE` starts a server from it")
        );
        assert_eq!(
            told(r#"{"results":[]}"#, "x", InputWanted::Recording).as_deref(),
            Some(
                "this is a saved answer of Elasticsearch, not a recording; `elastimock serve --fixtures x` starts a server from it"
            )
        );
        for (text, wanted) in
            [(recording, InputWanted::Recording), (fixture, InputWanted::Fixture), ("{}", InputWanted::Recording)]
        {
            assert_eq!(told(text, "x", wanted), None);
            assert_eq!(told(text, "x", InputWanted::Any), None);
        }
    }

    #[test]
    fn a_large_fixture_is_known_by_its_first_section() {
        let text = format!("{{ \"connectors\": [ {{ \"id\": \"{}\" ", "x".repeat(1_000_000));
        assert_eq!(at(text.as_bytes()), TextLooks::Fixture);
    }
}
