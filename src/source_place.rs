//! [`SourcePlace`]: where in a client's or a test's source a call or a scope comes from.
//!
//! A client may say it in the header `x-opaque-id`, a test when it begins a scope; one form for both, as compilers
//! and stack traces write it: `tests/test_sync.py:41:test_claim`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::http::Request;
use crate::limits::SOURCE_PLACE_CHARS_MAX;
use crate::target::decoded;

/// The header that may carry a place.
pub(crate) const HEADER: &str = "x-opaque-id";

/// What stands before a place in the header.
pub(crate) const MARK: &str = "elastimock:";

/// A place in a source file, as a client or a test gives it: `FILE`, `FILE:LINE`, `FILE:LINE:TEST` or `FILE::TEST`.
///
/// ```
/// use elastimock::contract::SourcePlace;
///
/// let place = SourcePlace::parse(r"C:\project\test_sync.py:41:TestSync::test_claim").expect("a place");
/// assert_eq!((&*place.file, place.line), (r"C:\project\test_sync.py", Some(41)));
/// assert_eq!(place.test.as_deref(), Some("TestSync::test_claim"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SourcePlace {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1, if one was given.
    pub line: Option<u32>,
    /// The name of the test, if one was given.
    pub test: Option<String>,
}

impl SourcePlace {
    /// Reads a place; `None` if there is no file in it, or one whose name has more than 1000 characters. A drive, a
    /// column behind the line, and colons in the name of the test are understood; a longer name of a test is cut, and
    /// control characters are shown as escapes.
    pub fn parse(text: &str) -> Option<SourcePlace> {
        let mut place = SourcePlace::read(text)?;
        // What is told of a place is read as that place, also of one that is written in no usual way.
        while let Some(told) = SourcePlace::read(&place.to_string()).filter(|told| *told != place) {
            place = told;
        }
        Some(place)
    }

    fn read(text: &str) -> Option<SourcePlace> {
        let text = visible(text.trim());
        let text = text.strip_prefix("file://").unwrap_or(&text);
        let (file, line, test) = split(text);
        let file = file.trim();
        if file.is_empty() || file.chars().count() > SOURCE_PLACE_CHARS_MAX {
            return None;
        }
        let test: String = test.trim().chars().take(SOURCE_PLACE_CHARS_MAX).collect();
        let test = Some(test.trim_end().to_owned()).filter(|test| !test.is_empty());
        Some(SourcePlace { file: file.to_owned(), line, test })
    }

    /// The place that a request's `x-opaque-id` gives, if it gives one.
    pub fn of_request(request: &Request) -> Option<Arc<SourcePlace>> {
        let value = request.headers().get(HEADER)?;
        // A client library may put a prefix of its own before it.
        let (_, place) = value.split_once(MARK)?;
        // A header has room for ASCII alone: helpers write the rest as `%C3%BC`.
        SourcePlace::parse(&decoded(place, false)).map(Arc::new)
    }

    /// The place that [`SourcePlace::to_value`] has written; `None` if it is none.
    pub(crate) fn from_value(value: &Value) -> Option<SourcePlace> {
        let line = value.get("line").map_or(Some(None), |line| line.as_u64()?.try_into().ok().map(Some))?;
        let test = value.get("test").map_or(Some(None), |test| Some(Some(test.as_str()?.to_owned())))?;
        let file = value.get("file")?.as_str()?.to_owned();
        // A recording is of anybody's making.
        SourcePlace::parse(&SourcePlace { file, line, test }.to_string())
    }

    /// The place as reports show it.
    pub fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("file".to_owned(), Value::from(&*self.file));
        if let Some(line) = self.line {
            value.insert("line".to_owned(), line.into());
        }
        if let Some(test) = &self.test {
            value.insert("test".to_owned(), Value::from(&**test));
        }
        Value::Object(value)
    }
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, &self.test) {
            (Some(line), None) => write!(f, ":{line}"),
            (Some(line), Some(test)) => write!(f, ":{line}:{test}"),
            (None, Some(test)) => write!(f, "::{test}"),
            (None, None) => Ok(()),
        }
    }
}

/// File, line and test.
fn split(text: &str) -> (&str, Option<u32>, &str) {
    // Of a text with neither line nor `::` the first colon that is none of a drive or a scheme ends the file.
    let mut single = None;
    for (at, _) in text.match_indices(':') {
        let behind = &text[at + 1..];
        if at == 0 {
            continue;
        }
        if let Some((line, rest)) = number(behind) {
            return (&text[..at], Some(line), without_columns(rest));
        }
        if let Some(test) = behind.strip_prefix(':') {
            return (&text[..at], None, test.trim_start_matches(':'));
        }
        if !behind.starts_with(['/', '\\']) {
            single.get_or_insert((&text[..at], behind));
        }
    }
    let (file, test) = single.unwrap_or((text, ""));
    (file, None, test)
}

/// A whole number from 1 up to the next colon or the end, and what is behind that.
fn number(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_once(':').unwrap_or((text, ""));
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|line| is_number && *line > 0)?, rest))
}

fn without_columns(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([':', ' ']);
        let (first, rest) = text.split_once(':').unwrap_or((text, ""));
        if first.is_empty() || !first.bytes().all(|byte| byte.is_ascii_digit()) {
            return text;
        }
        text = rest;
    }
}

/// It stands in headings and in lines that other programs read.
fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        match c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::Method;

    #[test]
    fn places_are_read_however_people_write_them() {
        for (text, file, line, test) in [
            ("tests/test_sync.py:41:test_claim", "tests/test_sync.py", Some(41), "test_claim"),
            ("tests/test_sync.py:41", "tests/test_sync.py", Some(41), ""),
            ("tests/test_sync.py", "tests/test_sync.py", None, ""),
            ("tests/test_sync.py::TestSync::test_claim", "tests/test_sync.py", None, "TestSync::test_claim"),
            ("tests/test_sync.py:test_claim", "tests/test_sync.py", None, "test_claim"),
            ("tests/a.py:7:test_x[a:b-1:2]", "tests/a.py", Some(7), "test_x[a:b-1:2]"),
            ("tests/a.py::test_x[1:5]", "tests/a.py", None, "test_x[1:5]"),
            (r"C:\a\b.py:41:name", r"C:\a\b.py", Some(41), "name"),
            (r"C:\a\b.py", r"C:\a\b.py", None, ""),
            ("C:/a/b.py:name", "C:/a/b.py", None, "name"),
            ("file:///a/b.js:10:5", "/a/b.js", Some(10), ""),
            ("/a/b.js:10:5:claims a job: twice", "/a/b.js", Some(10), "claims a job: twice"),
            ("http://localhost:3000/x.js:10:5", "http://localhost:3000/x.js", Some(10), ""),
            ("a b.py:3: spaces ", "a b.py", Some(3), "spaces"),
            ("a.py:0:x", "a.py", None, "0:x"),
            ("a.py:99999999999:x", "a.py", None, "99999999999:x"),
            ("a.py:+4:x", "a.py", None, "+4:x"),
            ("a.py:", "a.py", None, ""),
            ("a.py:5:", "a.py", Some(5), ""),
            ("a\u{1b}[31m.py:5:x\ny", "a\\u{1b}[31m.py", Some(5), "x\\ny"),
        ] {
            let place = SourcePlace::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((&*place.file, place.line, place.test.as_deref().unwrap_or("")), (file, line, test), "{text}");
        }
        for text in ["", " ", ":", "::", ":::x", &"x".repeat(SOURCE_PLACE_CHARS_MAX + 1)] {
            let place = SourcePlace::parse(text);
            assert!(place.as_ref().is_none_or(|place| place.file.starts_with(':')), "{text}: {place:?}");
        }
        let long = SourcePlace::parse(&format!("a.py:1:{}", "ü".repeat(5000))).expect("a place");
        assert_eq!(long.test.map(|test| test.chars().count()), Some(SOURCE_PLACE_CHARS_MAX));
    }

    #[test]
    fn a_header_is_a_place_only_if_it_says_so() {
        for (value, told) in [
            ("elastimock:tests/a.py:41:test_claim", Some("tests/a.py:41:test_claim")),
            ("my-app::elastimock:tests/a.py:41", Some("tests/a.py:41")),
            ("elastimock:tests/%C3%BCber.py:4:100%25", Some("tests/über.py:4:100%")),
            ("elastimock:tests/a.py:4:50%", Some("tests/a.py:4:50%")),
            ("elastimock:tests/a%FF.py:4", Some("tests/a%FF.py:4")),
            ("elastimock:", None),
            ("tests/a.py:41:test_claim", None),
            ("", None),
        ] {
            let request = Request::new(Method::Get, "/").header(HEADER, value);
            let place = SourcePlace::of_request(&request);
            assert_eq!(place.map(|place| place.to_string()).as_deref(), told, "{value}");
        }
        assert_eq!(SourcePlace::of_request(&Request::new(Method::Get, "/")), None);
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_as_the_same(text in r"(C:\\|file://|/|)[a-c:./ 0-9\n]{0,20}(:[0-9]{1,11})?(:{1,2}[a-c:0-9\[\]]{0,9})?") {
            if let Some(place) = SourcePlace::parse(&text) {
                prop_assert_eq!(SourcePlace::parse(&place.to_string()), Some(place));
            }
        }
    }
}
