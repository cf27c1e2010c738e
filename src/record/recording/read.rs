//! Reads a recording: its lines, the header, and what an interaction is made of.
//!
//! A mistake does not end the reading of a line unless the line is no JSON, so `lint` finds them all.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::line::{LineReader, Notes};
use super::{Header, Recording, RecordingDiagnostic, VERSION};
use crate::fault::{Fault, LeftOut, StubMark};
use crate::input::sniff::{self, InputWanted};
use crate::json::{self, SyntaxError, Token, Tokens};
use crate::license::License;
use crate::limits::{RECORDING_IGNORED_MAX, RECORDING_LINE_BYTES_MAX};
use crate::profile::Profile;
use crate::record::event::Event;
use crate::record::interaction::Interaction;
use crate::record::playback::policy::IgnoredPointer;
use crate::visibility::Visibility;

const MARK: &str = "elastimock_recording";
const HEADER_KEYS: &[&str] = &[
    MARK,
    "elastimock",
    "profile",
    "es_version",
    "license",
    "visibility",
    "clock",
    "seed",
    "started_at",
    "allowances",
    "scope",
    "source",
    "ignore",
    "state",
];
const LINE_KEYS: &[&str] = &[
    "seq",
    "at",
    "operation",
    "request",
    "response",
    "findings",
    "scope",
    "stub",
    "fault",
    "upstream",
    "left_out",
    "took_us",
];

/// The recording, or its mistakes in the order of the text, `mistakes_max` at most.
pub(super) fn read(name: &str, text: &[u8], mistakes_max: usize) -> Result<Recording, Vec<RecordingDiagnostic>> {
    if let Some((what, cure)) = sniff::mismatch(text, name, InputWanted::Recording) {
        return Err(vec![RecordingDiagnostic { file: name.to_owned(), line: 1, column: 1, what, cure }]);
    }
    let mut notes = Notes::new(name);
    let mut header = None;
    let mut has_header = false;
    let mut interactions: Vec<Interaction> = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    let mut lines_by_seq = BTreeMap::new();
    let mut cut_off = false;
    for LinePiece { number, text, ended } in pieces(text) {
        if notes.mistakes.len() >= mistakes_max {
            break;
        }
        let mut line = LineReader::new(text, number, &mut notes);
        if text.len() > RECORDING_LINE_BYTES_MAX {
            line.wrong(0, format!("the line has more than {RECORDING_LINE_BYTES_MAX} bytes"), "record smaller bodies");
            continue;
        }
        if !std::mem::replace(&mut has_header, true) {
            match line.header() {
                Ok(read) => header = read,
                Err(StopReading) => break,
            }
            continue;
        }
        let before = line.notes.mistakes.len();
        let read = match line.is_event() {
            true => line.event().map(|(seq_at, event)| (seq_at, event.map(LineRead::Event))),
            false => line.interaction().map(|(seq_at, call)| (seq_at, call.map(LineRead::Call))),
        };
        match read {
            Ok((seq_at, Some(read))) => {
                let seq = read.seq();
                if let Some(earlier) = lines_by_seq.insert(seq, number) {
                    let what = format!("number {seq} is there twice: line {earlier} has it too");
                    line.wrong(seq_at, what, "give every line a number of its own; where a server counted from one again after a reset, as those did that did not record resets, let each such run have a file of its own");
                }
                match read {
                    LineRead::Call(interaction) => interactions.push(interaction),
                    LineRead::Event(event) => events.push(event),
                }
            }
            Ok((_, None)) => {}
            // A process that was killed while it wrote: the line begins as one and has no end.
            Err(_) if !ended && text.starts_with(b"{") => {
                line.notes.mistakes.truncate(before);
                cut_off = true;
            }
            Err(error) => line.syntax(&error),
        }
    }
    if !has_header {
        let what = "the file is empty".to_owned();
        let cure = "a recording begins with a header line; `elastimock serve --record FILE` writes one".to_owned();
        notes.mistakes.push(RecordingDiagnostic { file: name.to_owned(), line: 1, column: 1, what, cure });
    }
    match header {
        Some(header) if notes.mistakes.is_empty() => {
            interactions.sort_by_key(|interaction| interaction.seq);
            events.sort_by_key(|event| event.seq);
            Ok(Recording { header, interactions, events, cut_off, unknown: notes.unknown })
        }
        _ => {
            notes.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
            if cut_off {
                notes.mistakes.push(self::cut_off(name, text));
            }
            notes.mistakes.truncate(mistakes_max);
            Err(notes.mistakes)
        }
    }
}

/// What a line behind the header holds; read one at a time, and moved at once.
#[allow(clippy::large_enum_variant, reason = "there is one of it at a time")]
enum LineRead {
    Call(Interaction),
    Event(Event),
}

impl LineRead {
    fn seq(&self) -> u64 {
        match self {
            LineRead::Call(interaction) => interaction.seq,
            LineRead::Event(event) => event.seq,
        }
    }
}

/// See [`super::lines`].
pub(super) fn lines(text: &[u8]) -> BTreeMap<u64, u32> {
    pieces(text).filter_map(|piece| Some((seq(piece.text).ok()??, piece.number))).collect()
}

pub(super) fn seq(line: &[u8]) -> Result<Option<u64>, SyntaxError> {
    let mut tokens = Tokens::new(line);
    tokens.next()?;
    while tokens.next()? == Some(Token::FieldName) {
        let is_seq = tokens.text()? == "seq";
        if tokens.next()? == Some(Token::Number) && is_seq {
            return Ok(tokens.text()?.parse().ok());
        }
        tokens.skip()?;
    }
    Ok(None)
}

/// What `lint` says of an incomplete last line.
pub(super) fn cut_off(name: &str, text: &[u8]) -> RecordingDiagnostic {
    let (line, column) = pieces(text).last().map_or((1, 1), |last| (last.number, last.text.len() + 1));
    RecordingDiagnostic {
        file: name.to_owned(),
        line,
        column: u32::try_from(column).unwrap_or(u32::MAX),
        what: "the line is cut off, as by a process that was killed; its call is left out".to_owned(),
        cure: "delete the line, or record the story again".to_owned(),
    }
}

/// A line that is not blank, without its end.
struct LinePiece<'a> {
    number: u32,
    text: &'a [u8],
    /// Whether it has its line end.
    ended: bool,
}

fn pieces(text: &[u8]) -> impl Iterator<Item = LinePiece<'_>> {
    text.split_inclusive(|byte| *byte == b'\n').zip(1_u32..).filter_map(|(line, number)| {
        let (text, ended) = line.strip_suffix(b"\n").map_or((line, false), |text| (text, true));
        (!text.trim_ascii().is_empty()).then_some(LinePiece { number, text, ended })
    })
}

/// The rest of the file is not worth reading.
struct StopReading;

impl LineReader<'_, '_, '_> {
    fn header(&mut self) -> Result<Option<Header>, StopReading> {
        let version = match json::read_file(self.bytes) {
            Ok(value) => {
                self.notes.writer = value.get("elastimock").and_then(Value::as_str).unwrap_or_default().to_owned();
                value.get(MARK).cloned()
            }
            Err(error) => {
                self.syntax(&error);
                return Err(StopReading);
            }
        };
        match version {
            Some(version) if version.as_u64() == Some(VERSION) => {}
            Some(version) => {
                let at = json::locate(self.bytes, &format!("/{MARK}"), false).map_or(0, |at| at.offset);
                let what = format!("version {version} of the recording format is not known");
                self.wrong(
                    at,
                    what,
                    format!("this elastimock reads version {VERSION}; use the release that wrote the file"),
                );
                return Err(StopReading);
            }
            None => {
                let what = format!("the file does not begin with a header: its first line has no [{MARK}]");
                let cure = "put the header back as line 1, or give the file that `--record` wrote";
                self.wrong(0, what, cure);
                return Err(StopReading);
            }
        }
        self.header_members().map_err(|error| self.syntax(&error)).map_err(|()| StopReading)
    }

    fn header_members(&mut self) -> Result<Option<Header>, SyntaxError> {
        let (mut elastimock, mut profile, mut seed, mut started_at, mut state) = (None, None, None, None, Value::Null);
        let (mut es_version, mut license, mut is_clock_running) = (None, License::default(), false);
        let mut visibility = Visibility::default();
        let (mut allowances, mut scope, mut source, mut ignore) = (Vec::new(), None, None, Vec::new());
        let before = self.notes.mistakes.len();
        self.tokens.next()?;
        while let Some(key) = self.key()? {
            match &*key {
                MARK => self.tokens.skip()?,
                "elastimock" => elastimock = self.string(&key, "the version as a string")?,
                "profile" => {
                    let wanted = "\"9\" (Elasticsearch 9.x) or \"8\" (Elasticsearch 8.19)";
                    profile = self.parsed(&key, wanted, |text| text.parse::<Profile>().ok())?;
                }
                "es_version" => {
                    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                    es_version = self.parsed(&key, "a version, for example \"9.4.2\"", |text| {
                        (text.split('.').count() == 3 && text.split('.').all(is_number)).then(|| text.to_owned())
                    })?;
                }
                "license" => {
                    let wanted = License::ALL.map(|license| format!("\"{license}\"")).join(" or ");
                    license = self.parsed(&key, &wanted, |text| text.parse().ok())?.unwrap_or_default();
                }
                "visibility" => {
                    let wanted = Visibility::ALL.map(|visibility| format!("\"{visibility}\"")).join(" or ");
                    visibility = self.parsed(&key, &wanted, |text| text.parse().ok())?.unwrap_or_default();
                }
                "clock" => {
                    let wanted = "\"running\" or \"frozen\"";
                    let is_running = |text: &str| ["frozen", "running"].iter().position(|known| *known == text);
                    is_clock_running = self.parsed(&key, wanted, is_running)? == Some(1);
                }
                "seed" => seed = self.number(&key, "a whole number up to 18446744073709551615", u64::MAX)?,
                "started_at" => started_at = self.instant(&key)?,
                "allowances" => allowances = self.allowances(&key)?,
                "scope" => scope = self.string(&key, "the name of the scope as a string")?.map(Arc::from),
                "source" => source = self.source(&key)?,
                "ignore" => ignore = self.pointers(&key)?,
                "state" => match self.tokens.token() {
                    Some(Token::StartObject | Token::Null) => state = self.tokens.value()?,
                    _ => self.mistyped(&key, "an object in the form of a fixture")?,
                },
                _ => self.skip_unknown(&key, "a header", HEADER_KEYS)?,
            }
        }
        let complete = self.notes.mistakes.len() == before;
        for (key, is_missing, example) in [
            ("elastimock", elastimock.is_none(), "\"0.1.0\""),
            ("profile", profile.is_none(), "\"9\""),
            ("seed", seed.is_none(), "7"),
            ("started_at", started_at.is_none(), "\"2031-05-01T10:00:00.000Z\""),
        ] {
            if complete && is_missing {
                self.missing(0, "the header", key, example);
            }
        }
        Ok((|| {
            Some(Header {
                elastimock: elastimock?,
                profile: profile?,
                es_version,
                license,
                visibility,
                is_clock_running,
                seed: seed?,
                started_at: started_at?,
                allowances,
                scope,
                source,
                ignore,
                state,
            })
        })())
    }

    /// A list of JSON pointers.
    fn pointers(&mut self, key: &str) -> Result<Vec<String>, SyntaxError> {
        let mut pointers = Vec::new();
        if self.tokens.token() != Some(Token::StartArray) {
            self.mistyped(key, "a list of JSON pointers, for example [\"/worker_hostname\"]")?;
            return Ok(pointers);
        }
        while self.tokens.next()? != Some(Token::EndArray) {
            let at = self.at();
            let Some(pointer) = self.string(key, "each JSON pointer as a string")? else { continue };
            match IgnoredPointer::parse(&pointer) {
                Ok(_) if pointers.len() < RECORDING_IGNORED_MAX => pointers.push(pointer),
                Ok(_) => {
                    let what = format!("[{key}] has more than {RECORDING_IGNORED_MAX} pointers");
                    self.wrong(at, what, "use `*` for any one step");
                }
                Err(wrong) => self.wrong(at, format!("[{key}] cannot be used"), wrong),
            }
        }
        Ok(pointers)
    }

    /// How much of a forwarded call was not kept.
    fn left_out(&mut self) -> Result<LeftOut, SyntaxError> {
        let mut left_out = LeftOut::default();
        if self.tokens.token() != Some(Token::StartObject) {
            self.mistyped("left_out", "an object such as {\"request\":0,\"response\":123456789}")?;
            return Ok(left_out);
        }
        while let Some(key) = self.key()? {
            let place = match &*key {
                "request" => &mut left_out.request,
                "response" => &mut left_out.response,
                _ => {
                    self.skip_unknown(&key, "what was left out", &["request", "response"])?;
                    continue;
                }
            };
            *place = self.number(&key, "a number of bytes", u64::MAX)?.unwrap_or_default();
        }
        Ok(left_out)
    }

    /// The interaction, and where its number stands; none if it is not complete.
    fn interaction(&mut self) -> Result<(usize, Option<Interaction>), SyntaxError> {
        let (mut seq, mut at, mut operation, mut took_us) = (None, None, None, 0);
        let (mut request, mut response, mut findings, mut scope) = (None, None, Vec::new(), None);
        let mut mark = StubMark::default();
        let mut seq_at = 0;
        let before = self.notes.mistakes.len();
        if self.tokens.next()? != Some(Token::StartObject) {
            self.mistyped("line", "one JSON object a line")?;
            self.end()?;
            return Ok((0, None));
        }
        while let Some(key) = self.key()? {
            match &*key {
                "seq" => {
                    seq_at = self.at();
                    seq = self.number(&key, "the call's number, from 1", u64::MAX)?;
                    if seq == Some(0) {
                        self.wrong(seq_at, "[seq] is 0", "calls are numbered from 1");
                    }
                }
                "at" => at = self.instant(&key)?,
                "operation" if self.tokens.token() == Some(Token::Null) => {}
                "operation" => operation = self.string(&key, "the operation's name as a string, or null")?,
                "request" => request = self.request()?,
                "response" => response = self.response()?,
                "findings" => findings = self.findings()?,
                "scope" if self.tokens.token() == Some(Token::Null) => {}
                "scope" => scope = self.string(&key, "the name of the scope as a string")?.map(Arc::from),
                "stub" | "fault" if self.tokens.token() == Some(Token::Null) => {}
                "stub" => mark.stub = self.string(&key, "the name of the stub as a string")?.map(Arc::from),
                "fault" => {
                    let at = self.at();
                    mark.fault = Fault::from_value(&self.tokens.value()?);
                    if mark.fault.is_none() {
                        let cure = "write it as a stub has it, for example {\"fault\":\"reset\",\"acts\":\"after\"}";
                        self.wrong(at, "[fault] is no fault", self.or_later(cure));
                    }
                }
                "upstream" => mark.upstream = self.boolean(&key, "true where another server has answered")?,
                "left_out" => mark.left_out = self.left_out()?,
                "took_us" => {
                    let most = u64::from(u32::MAX);
                    let us = self.number(&key, "whole microseconds, 4294967295 at most", most)?;
                    took_us = us.and_then(|us| u32::try_from(us).ok()).unwrap_or_default();
                }
                MARK => {
                    self.wrong(self.key_at, "a second header", "keep every recording in a file of its own");
                    self.tokens.skip()?;
                }
                _ => self.skip_unknown(&key, "an interaction", LINE_KEYS)?,
            }
        }
        self.end()?;
        if self.notes.mistakes.len() == before {
            for (key, is_missing, example) in [
                ("seq", seq.is_none(), "1"),
                ("at", at.is_none(), "\"2031-05-01T10:00:00.000Z\""),
                ("request", request.is_none(), r#"{"method":"GET","path":"/"}"#),
                ("response", response.is_none(), r#"{"status":200}"#),
            ] {
                if is_missing {
                    self.missing(0, "the interaction", key, example);
                }
            }
        }
        let complete = || {
            let (seq, at, request, mut response) = (seq?, at?, request?, response?);
            response.mark = (mark != StubMark::default()).then(|| Box::new(mark));
            Some(Interaction { seq, at, operation, request, response, findings, took_us, scope })
        };
        Ok((seq_at, complete()))
    }
}
