//! [`import`]: what other tools have written of calls of Elasticsearch, as a [`Recording`].
//!
//! HAR 1.2 and Polly's cassettes, which are HAR; vcrpy's cassettes, in YAML and JSON; mappings of WireMock. Calls that
//! are none of Elasticsearch are left out and counted. What is secret is masked as the journal masks it, before
//! anything is kept.

mod cassette;
mod har;
mod part;
#[cfg(test)]
mod tests;
mod wiremock;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::recording::{Header, Recording, RecordingDiagnostic, put_away};
use super::{Journal, Note};
use crate::clock::Timestamp;
use crate::es::http as rest;
use crate::es::http::ServerInfo;
use crate::es::table;
use crate::fixture;
use crate::http::{Headers, Request, Response};
use crate::json;
use crate::license::License;
use crate::limits::{IMPORTED_CALLS_MAX, RECORDING_LINE_BYTES_MAX};
use crate::profile::Profile;
use crate::visibility::Visibility;
use part::DocumentPart;

/// What is told where a text is something else.
const KNOWN_FORMATS: &str = "HAR, cassettes of vcrpy and Polly, and mappings of WireMock are read";

/// What the first line of a recording of elastimock says, and within how many bytes.
const RECORDING_MARK: &[u8] = b"\"elastimock_recording\"";
const HEADER_BEGINS_WITHIN: usize = 100;

/// Calls that were read, and how many were left out because they are none of Elasticsearch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub(crate) struct Imported {
    /// The calls.
    pub recording: Recording,
    /// How many calls were left out.
    pub left_out: usize,
    /// The tool's format, as messages call it.
    pub format: &'static str,
    /// What was guessed or lost, a sentence each.
    pub notes: Vec<String>,
}

/// A call as a reader finds it.
pub(super) struct ImportedCall {
    request: Request,
    response: Response,
    /// When it was made; none if nobody has kept that.
    at: Option<Timestamp>,
    took_us: u32,
}

/// Reads what another tool has written. `name` is what messages call it. With `all` calls that are none of
/// Elasticsearch are kept as well.
///
/// # Errors
/// Why it cannot be read, with line, column and cure.
pub(crate) fn import(name: &str, text: &[u8], all: bool) -> Result<Imported, Box<RecordingDiagnostic>> {
    watched_import(name, text, all, &mut |_, _| {})
}

/// Reads what another tool has written; `watch` hears how many calls are done, and of how many.
///
/// # Errors
/// As [`import`].
pub(crate) fn watched_import(
    name: &str,
    text: &[u8],
    all: bool,
    watch: &mut dyn FnMut(usize, usize),
) -> Result<Imported, Box<RecordingDiagnostic>> {
    let document = ForeignText::read(name, text)?;
    let root = DocumentPart::root(&document);
    let mut notes = Vec::new();
    let (format, found) = if root.get("consumer").is_some() && root.get("provider").is_some() {
        return Err(root.wrong("this is a Pact, which tells what is expected and not what was said", KNOWN_FORMATS));
    } else if root.get("log").is_some() {
        ("HAR", har::read(root.clone())?)
    } else if root.get("interactions").is_some() || root.get("http_interactions").is_some() {
        ("cassette", cassette::read(root.clone())?)
    } else if root.get("mappings").is_some() || root.get("request").is_some() || root.value().is_array() {
        ("WireMock mapping", wiremock::read(root.clone(), &mut notes)?)
    } else {
        return Err(root.wrong("this is none of the formats that are known", KNOWN_FORMATS));
    };
    if found.len() > IMPORTED_CALLS_MAX {
        let what = format!("there are more than {IMPORTED_CALLS_MAX} calls");
        return Err(root.wrong(&what, "split the file"));
    }
    let (recording, left_out) = recording(found, all, watch);
    Ok(Imported { recording, left_out, format, notes })
}

/// A text of another tool.
pub(super) struct ForeignText<'t> {
    name: &'t str,
    text: &'t [u8],
    value: Value,
    is_yaml: bool,
}

impl<'t> ForeignText<'t> {
    fn read(name: &'t str, text: &'t [u8]) -> Result<ForeignText<'t>, Box<RecordingDiagnostic>> {
        let mistake = |line: u32, column: u32, what: String, cure: &str| {
            Box::new(RecordingDiagnostic { file: name.to_owned(), line, column, what, cure: cure.to_owned() })
        };
        let bare = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let mut beginning = bare[..bare.len().min(HEADER_BEGINS_WITHIN)].windows(RECORDING_MARK.len());
        if beginning.any(|piece| piece == RECORDING_MARK) {
            let what = "this is a recording of elastimock already".to_owned();
            return Err(mistake(1, 1, what, "it can be played, shown, compared and judged as it is"));
        }
        if bare.trim_ascii_start().starts_with(b"{") || bare.trim_ascii_start().starts_with(b"[") {
            let value = json::read_file(bare).map_err(|error| {
                let at = error.position();
                let words = error.to_string();
                let words = words.rsplit_once(", line ").map_or(&*words, |(words, _)| words).to_owned();
                mistake(at.line, at.column, words, "mend it there or just before, or write the file anew")
            })?;
            return Ok(ForeignText { name, text: bare, value, is_yaml: false });
        }
        let body = std::str::from_utf8(bare)
            .map_err(|_| mistake(1, 1, "this is no UTF-8".to_owned(), "give a text, in JSON or YAML"))?;
        let value =
            fixture::yaml_value(body).map_err(|(line, column, what, cure)| match body.contains("interactions:") {
                true => mistake(line, column, what, &cure),
                false => mistake(1, 1, "this is none of the formats that are known".to_owned(), KNOWN_FORMATS),
            })?;
        Ok(ForeignText { name, text: bare, value, is_yaml: true })
    }
}

/// A header value that a reader gives: names that HTTP/2 has besides are none of headers.
pub(super) fn push_header(headers: &mut Headers, name: &str, value: &str) {
    // What was packed or in chunks is whole here.
    let framing = ["content-encoding", "transfer-encoding", "content-length"];
    let name = name.to_ascii_lowercase();
    if !name.starts_with(':') && !name.is_empty() && !framing.contains(&&*name) {
        headers.push(&name, value);
    }
}

/// Path and query of a URL, and its host with the port.
pub(super) fn target_of(url: &str) -> Option<(String, Option<String>)> {
    let url = url.split('#').next().unwrap_or_default();
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None if url.starts_with('/') => return Some((url.to_owned(), None)),
        None => return None,
    };
    let (host, target) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let host = host.rsplit('@').next().unwrap_or_default().to_owned();
    Some((target, Some(host)))
}

/// Calls as a recording, masked and numbered.
fn recording(found: Vec<ImportedCall>, all: bool, watch: &mut dyn FnMut(usize, usize)) -> (Recording, usize) {
    let profile = Profile::default();
    let setting = ServerInfo {
        profile,
        release: profile.release(),
        license: License::default(),
        body_bytes_max: RECORDING_LINE_BYTES_MAX,
    };
    let mut journal = Journal::new(1, usize::MAX);
    let mut left_out = 0;
    let mut at = found.iter().find_map(|call| call.at).unwrap_or_default();
    let started_at = at;
    let mut interactions = Vec::new();
    let mut es_version = None;
    // Nearly every path of one step is an index: where a host has said that it is Elasticsearch, the others are not.
    let host_of = |request: &Request| request.headers().get("host").unwrap_or_default().to_owned();
    let says_so = |response: &Response| response.headers().get("x-elastic-product").is_some();
    let hosts: BTreeSet<String> =
        found.iter().filter(|call| says_so(&call.response)).map(|call| host_of(&call.request)).collect();
    let total = found.len();
    for (done, ImportedCall { request, response, at: known, took_us }) in found.into_iter().enumerate() {
        watch(done, total);
        let reading = rest::read(&table::TABLE, &request, &setting);
        let is_ours = hosts.contains(&host_of(&request)) || (hosts.is_empty() && reading.operation.is_some());
        if !is_ours && !all {
            left_out += 1;
            continue;
        }
        // Instants do not go back, and where nobody kept them calls follow one another.
        at = known.map_or_else(|| at.plus(Duration::from_millis(1)), |known| known.max(at));
        if reading.operation == Some("info") && es_version.is_none() {
            es_version = version_of(&response);
        }
        let is_json = reading.is_json();
        let seq = journal.reserve();
        let mask = journal.mask(reading.facts, &request, is_json);
        let note = Note { seq, at, operation: reading.operation, findings: Vec::new(), took_us, mask };
        interactions.push(put_away(journal.fill_and_tell(note, &request, &response), took_us > 0));
    }
    let profile = match es_version.as_deref().and_then(|number| number.split('.').next()) {
        Some("8") => Profile::V8,
        _ => profile,
    };
    let es_version = es_version
        .filter(|number| number.split('.').count() == 3 && number.split('.').all(|part| part.parse::<u32>().is_ok()));
    let header = Header {
        elastimock: env!("CARGO_PKG_VERSION").to_owned(),
        profile,
        es_version: es_version.filter(|number| number != profile.release().number),
        license: License::default(),
        visibility: Visibility::default(),
        is_clock_running: true,
        seed: 0,
        started_at,
        allowances: Vec::new(),
        scope: None,
        source: None,
        ignore: Vec::new(),
        state: Value::Null,
    };
    (Recording { header, interactions, events: Vec::new(), cut_off: false, unknown: Vec::new() }, left_out)
}

fn version_of(response: &Response) -> Option<String> {
    let body = response.body_json()?;
    Some(body.get("version")?.get("number")?.as_str()?.to_owned())
}
