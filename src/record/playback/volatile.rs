//! [`Volatile`]: which parts of a request are others in every run, and so do not count when calls are compared.
//!
//! What is passed over: instants, where a program runs (host names, folders, what a file system numbers), the
//! numbers and ids of reads that the server made, and what the user names. Numbers of equal value are equal.
//! Everything else counts, so that another status, another count or another title is another call.

use serde_json::{Map, Number, Value};

use super::policy::{IgnoredPointer, PlayPolicy};

/// What stands for a part that does not count.
const INSTANT: &str = "\u{1}instant";
const HOST: &str = "\u{1}host";
const FOLDER: &str = "\u{1}folder";
const MADE: &str = "\u{1}made";

/// Names of values that say on which machine a program runs.
const HOST_NAMES: [&str; 4] = ["worker_hostname", "hostname", "host_name", "host.name"];

/// Names of what a file system numbers, in documents that a connector of files sends.
const FILE_NUMBERS: [&str; 6] =
    ["inode_number", "inode_protection_mode", "device_inode_reside", "number_of_links", "uid", "gid"];

/// Parameters and members that repeat what an answer gave.
const MADE_NAMES: [&str; 5] = ["if_seq_no", "if_primary_term", "scroll_id", "pit", "search_after"];

/// Headers that belong to the connection, to credentials, or to the client's name.
const UNCOUNTED_HEADERS: [&str; 18] = [
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "content-encoding",
    "expect",
    "te",
    "authorization",
    "proxy-authorization",
    "cookie",
    "user-agent",
    "x-elastic-client-meta",
    "x-opaque-id",
    "traceparent",
    "tracestate",
    "date",
];

/// What does not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volatile {
    ignored: Vec<IgnoredPointer>,
    ignored_headers: Vec<String>,
    strict: bool,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surroundings {
    /// Whether it is part of a document that goes to an index of contents.
    pub is_content: bool,
}

impl Volatile {
    /// What a policy and the header of a recording pass over. A pointer that is none is passed over itself; whoever
    /// reads it from a user has complained.
    pub(crate) fn new(policy: &PlayPolicy, in_header: &[String]) -> Volatile {
        let pointers = policy.ignore.iter().chain(in_header);
        Volatile {
            ignored: pointers.filter_map(|pointer| IgnoredPointer::parse(pointer).ok()).collect(),
            ignored_headers: policy.ignore_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            strict: policy.strict_values,
        }
    }

    /// Whether values count as they are spelt.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether a header counts.
    pub(crate) fn counts_header(&self, name: &str) -> bool {
        self.strict
            && !UNCOUNTED_HEADERS.contains(&name)
            && !name.starts_with("x-forwarded")
            && !self.ignored_headers.iter().any(|ignored| ignored == name)
    }

    /// Whether a part of a body is ignored because somebody said so.
    pub(crate) fn ignores<S: AsRef<str>>(&self, place: &[S]) -> bool {
        self.ignored.iter().any(|ignored| ignored.leads_to(place))
    }

    /// The value of a parameter, as far as it counts.
    pub(crate) fn parameter(&self, name: &str, value: &str) -> String {
        match name {
            _ if self.strict => value.to_owned(),
            _ if MADE_NAMES.contains(&name) => MADE.to_owned(),
            _ => without_instants(value).unwrap_or_else(|| value.to_owned()),
        }
    }

    /// Puts marks in the place of everything in a body that does not count. `place` is where the value stands.
    pub(crate) fn loosen(&self, value: &mut Value, place: &mut Vec<String>, of: Surroundings) {
        if self.strict && self.ignored.is_empty() {
            return;
        }
        match value {
            Value::Object(members) => {
                if !self.ignored.is_empty() {
                    members.retain(|name, _| {
                        place.push(name.clone());
                        let is_kept = !self.ignores(place);
                        place.pop();
                        is_kept
                    });
                }
                for (name, member) in members.iter_mut() {
                    if !self.strict && self.replace_named(name, member, of) {
                        continue;
                    }
                    // A path is needed only where somebody has named one.
                    if self.ignored.is_empty() {
                        self.loosen(member, place, of);
                    } else {
                        place.push(name.clone());
                        self.loosen(member, place, of);
                        place.pop();
                    }
                }
            }
            Value::Array(elements) => {
                for (at, element) in elements.iter_mut().enumerate() {
                    if self.ignored.is_empty() {
                        self.loosen(element, place, of);
                        continue;
                    }
                    place.push(at.to_string());
                    match self.ignores(place) {
                        true => *element = Value::Null,
                        false => self.loosen(element, place, of),
                    }
                    place.pop();
                }
            }
            _ if self.strict => {}
            Value::String(text) => {
                if let Some(loose) = loose_text(text, of) {
                    *text = loose;
                }
            }
            Value::Number(number) => *number = plain(number),
            _ => {}
        }
    }

    /// Puts a mark in the place of a member whose name says that it does not count; whether it was done.
    fn replace_named(&self, name: &str, member: &mut Value, of: Surroundings) -> bool {
        let mark = match member {
            Value::Null => return false,
            _ if MADE_NAMES.contains(&name) => MADE,
            Value::String(_) if HOST_NAMES.contains(&name) => HOST,
            Value::Array(hosts) if HOST_NAMES.contains(&name) && hosts.iter().all(Value::is_string) => HOST,
            Value::Object(term) if HOST_NAMES.contains(&name) && term.get("value").is_some_and(Value::is_string) => {
                term.insert("value".to_owned(), HOST.into());
                return true;
            }
            Value::Number(number) if is_name_of_time(name) && is_epoch(number) => INSTANT,
            Value::Number(_) if of.is_content && FILE_NUMBERS.contains(&name) => HOST,
            _ => return false,
        };
        *member = mark.into();
        true
    }

    /// Whether two values are the same as far as they count, at a place with that name last.
    pub(crate) fn alike(&self, place: &[String], recorded: &Value, sent: &Value, of: Surroundings) -> bool {
        if self.ignores(place) {
            return true;
        }
        let loose = |value: &Value| {
            // In an object of one member, so that the name counts as it does within its document.
            let name = place.last().cloned().unwrap_or_default();
            let mut whole = Value::Object(Map::from_iter([(name, value.clone())]));
            self.loosen(&mut whole, &mut place[..place.len().saturating_sub(1)].to_vec(), of);
            whole
        };
        loose(recorded) == loose(sent)
    }
}

/// A text as far as it counts, if that is not all of it.
fn loose_text(text: &str, of: Surroundings) -> Option<String> {
    if is_folder(text) {
        // The name of a file counts, and where it lies does not.
        let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
        return Some(format!("{FOLDER}{}", if name.contains('.') { name } else { "" }));
    }
    if of.is_content && is_digest(text) {
        return Some(MADE.to_owned());
    }
    without_instants(text)
}

/// Whether a text is an absolute path of two steps at least.
fn is_folder(text: &str) -> bool {
    let rest = text.strip_prefix("file://").unwrap_or(text);
    let is_path = rest.starts_with('/') && !rest[1..].starts_with(['_', '/']);
    let is_drive = rest.len() > 3 && rest.as_bytes()[0].is_ascii_alphabetic() && rest[1..].starts_with(":\\");
    (is_path && rest.trim_end_matches('/').matches('/').count() > 1 || is_drive)
        && !rest.contains(['\n', '<', '>', '*', '?', '|'])
}

/// Whether a text is a digest or a UUID, as programs make ids from where a thing lies.
fn is_digest(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        32 | 40 | 64 | 128 => is_hex(text),
        36 => text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex),
        _ => false,
    }
}

/// Whether a member of that name holds an instant where it holds a number.
fn is_name_of_time(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    ["_at", "time", "timestamp", "_seen", "_synced", "date"].iter().any(|end| name.ends_with(end))
}

/// Whether a number can be an instant: seconds or milliseconds since 1970, from 2001 to 2128.
pub(crate) fn is_epoch(number: &Number) -> bool {
    let value = number.as_f64().unwrap_or_default();
    [1.0, 1e3].iter().any(|unit| (1e9 * unit..5e9 * unit).contains(&value))
}

/// A number in the one spelling of its value.
fn plain(number: &Number) -> Number {
    /// Up to here every whole number is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT => Number::from(value as i64),
        _ => number.clone(),
    }
}

/// A text with a mark in the place of each date-time; none if it has none.
pub(crate) fn without_instants(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut loose: Option<String> = None;
    let (mut from, mut at) = (0, 0);
    while at + 16 <= bytes.len() {
        match instant_length(&bytes[at..]).filter(|_| at == 0 || !bytes[at - 1].is_ascii_digit()) {
            Some(length) => {
                let out = loose.get_or_insert_default();
                out.push_str(&text[from..at]);
                out.push_str(INSTANT);
                at += length;
                from = at;
            }
            None => at += 1,
        }
    }
    let mut loose = loose?;
    loose.push_str(&text[from..]);
    Some(loose)
}

/// How long the date-time is that a text begins with: `2031-05-01T10:00`, with seconds, fractions and an offset
/// if they are there.
fn instant_length(text: &[u8]) -> Option<usize> {
    let is = |at: usize, pattern: &[u8]| {
        text.get(at..at + pattern.len()).is_some_and(|piece| {
            piece.iter().zip(pattern).all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                wanted => byte == wanted,
            })
        })
    };
    if !is(0, b"dddd-dd-ddTdd:dd") {
        return None;
    }
    let mut end = 16;
    if is(end, b":dd") {
        end += 3;
        if text.get(end).is_some_and(|byte| matches!(byte, b'.' | b',')) && is(end + 1, b"d") {
            end += 1 + text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        }
    }
    match text.get(end) {
        Some(b'Z' | b'z') => Some(end + 1),
        Some(b'+' | b'-') if is(end + 1, b"dd:dd") => Some(end + 6),
        Some(b'+' | b'-') if is(end + 1, b"dddd") => Some(end + 5),
        Some(b'+' | b'-') if is(end + 1, b"dd") => Some(end + 3),
        _ => Some(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn loose(value: Value, is_content: bool) -> Value {
        let mut value = value;
        Volatile::default().loosen(&mut value, &mut Vec::new(), Surroundings { is_content });
        value
    }

    #[test]
    fn what_is_another_in_every_run_does_not_count() {
        for (one, other) in [
            (json!({"last_seen": "2026-11-27T07:30:00.123456+00:00"}), json!({"last_seen": "2031-01-01T00:00:00Z"})),
            (json!({"last_seen": 1_795_650_321_001_u64}), json!({"last_seen": 1_895_650_321.5})),
            (json!({"worker_hostname": "laptop"}), json!({"worker_hostname": "ci-17"})),
            (
                json!({"term": {"worker_hostname": {"value": "a"}}}),
                json!({"term": {"worker_hostname": {"value": "b"}}}),
            ),
            (json!({"error": "lost at 2026-11-27 07:30:00,123"}), json!({"error": "lost at 2026-11-28 08:31:10,9"})),
            (json!({"value": "/tmp/notes"}), json!({"value": "/home/me/other"})),
            (json!({"a": 1, "b": 1e3}), json!({"a": 1.0, "b": 1000})),
            (json!({"gte": "2026-11-27T07:30"}), json!({"gte": "2026-11-27T07:30:12-0730"})),
        ] {
            assert_eq!(loose(one.clone(), false), loose(other, false), "{one}");
        }
    }

    #[test]
    fn everything_else_counts() {
        for (one, other) in [
            (json!({"completed_at": null}), json!({"completed_at": "2031-01-01T00:00:00Z"})),
            (json!({"worker_hostname": null}), json!({"worker_hostname": "ci-17"})),
            (json!({"indexed_document_count": 1}), json!({"indexed_document_count": 2})),
            (json!({"gte": "now-300s"}), json!({"gte": "now-301s"})),
            (json!({"path": "/a/b/one.txt"}), json!({"path": "/a/b/two.txt"})),
            (json!({"version": "1.2.3"}), json!({"version": "1.2.4"})),
            (json!({"day": "2026-11-27"}), json!({"day": "2026-11-28"})),
            (json!({"id": "be6799f28261f41622a598cb733dbcd4"}), json!({"id": "f625c825bcea5398f96143768f90b628"})),
            (json!({"big": 9_007_199_254_740_993_u64}), json!({"big": 9_007_199_254_740_992_u64})),
        ] {
            assert_ne!(loose(one.clone(), false), loose(other, false), "{one}");
        }
        let id = |id: &str| loose(json!({ "id": id }), true);
        assert_eq!(id("be6799f28261f41622a598cb733dbcd4"), id("f625c825bcea5398f96143768f90b628"));
        assert_ne!(id("one"), id("two"));
    }

    #[test]
    fn what_somebody_names_does_not_count_whether_it_is_there_or_not() {
        let policy = PlayPolicy { ignore: vec!["/doc/*/build".to_owned()], strict_values: true, ..Default::default() };
        let volatile = Volatile::new(&policy, &["/size".to_owned()]);
        let loose = |mut value: Value| {
            volatile.loosen(&mut value, &mut Vec::new(), Surroundings::default());
            value
        };
        assert_eq!(loose(json!({"doc": {"a": {"build": 7}, "b": 1}, "size": 10})), json!({"doc": {"a": {}, "b": 1}}));
        assert_eq!(loose(json!({"at": "2031-01-01T00:00:00Z"})), json!({"at": "2031-01-01T00:00:00Z"}));
        assert!(IgnoredPointer::parse("doc").is_err());
    }
}
