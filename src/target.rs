//! Request targets: the one place where a query is split, a percent escape decoded, and a text encoded.
//!
//! Elasticsearch's own decoder stands in `es/http/router.rs` and is a second one on purpose: it refuses a broken escape
//! with the place and the words of the real server, and takes `%%` for a percent sign, where [`decoded`] leaves what is
//! no escape as it is, for people and comparisons. Both split with [`parameters`].

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is encoded in one segment of a path: all but the characters that RFC 3986 calls unreserved.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is encoded in a path whose slashes stay.
pub(crate) const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// What is encoded in a value of a query whose lists and patterns stay readable.
pub(crate) const QUERY_VALUE: &AsciiSet = &SEGMENT.remove(b',').remove(b':').remove(b'*');

/// What Java's form encoding escapes; a blank becomes a plus sign there.
pub(crate) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// One parameter of a query, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawParameter<'q> {
    /// Its name, still encoded.
    pub name: &'q str,
    /// Its value, still encoded; empty if it has none.
    pub value: &'q str,
    /// Its whole text, without what separates it from the next one.
    pub text: &'q str,
    /// What separates it from the next one; empty for the last.
    pub separator: &'q str,
}

/// The parameters of a query in their order. Between two stands an ampersand or a semicolon; equals signs before a name
/// are passed over, as in Elasticsearch.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = RawParameter<'_>> {
    pieces(query).filter(|parameter| !parameter.name.is_empty())
}

/// The parameters of a query, the empty ones too: together they are the whole text.
pub(crate) fn pieces(query: &str) -> impl Iterator<Item = RawParameter<'_>> {
    query.split_inclusive(['&', ';']).map(|piece| {
        let text = piece.trim_end_matches(['&', ';']);
        let bare = text.trim_start_matches('=');
        let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
        RawParameter { name, value, text, separator: &piece[text.len()..] }
    })
}

/// The value of the first parameter with that name, as sent.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    parameters(query).find(|parameter| parameter.name == name).map(|parameter| parameter.value)
}

/// Path and query of a target; the query is empty if there is none.
pub(crate) fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// A text of a path or query with its percent escapes decoded, for people and comparisons: what is no escape stays,
/// and a text that would be no UTF-8 stays as a whole. In a query `+` is a blank.
pub(crate) fn decoded(text: &str, is_query: bool) -> Cow<'_, str> {
    if is_query && text.contains('+') {
        let plain = text.replace('+', " ");
        return match percent_decode_str(&plain).decode_utf8() {
            Ok(decoded) => Cow::Owned(decoded.into_owned()),
            Err(_) => Cow::Borrowed(text),
        };
    }
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    encoded(text, SEGMENT)
}

/// A text with the bytes of a set as percent escapes, and all that is not ASCII.
pub(crate) fn encoded(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays() {
        for (text, in_path, in_query) in [
            ("a", "a", "a"),
            ("a%20b+c", "a b+c", "a b c"),
            ("%C3%A9", "é", "é"),
            ("%2b", "+", "+"),
            ("%+4%4%zz%", "%+4%4%zz%", "% 4%4%zz%"),
            ("%ff", "%ff", "%ff"),
            ("%ff+", "%ff+", "%ff+"),
        ] {
            assert_eq!((&*decoded(text, false), &*decoded(text, true)), (in_path, in_query), "{text}");
        }
    }

    #[test]
    fn a_query_is_split_as_elasticsearch_splits_it() {
        let split = |query| parameters(query).map(|it| (it.name, it.value)).collect::<Vec<_>>();
        assert_eq!(split(""), []);
        assert_eq!(split("a=1&b;c=&&=d&e=f=g"), [("a", "1"), ("b", ""), ("c", ""), ("d", ""), ("e", "f=g")]);
        assert_eq!(split("=a=1&==b&=&==;c==d"), [("a", "1"), ("b", ""), ("c", "=d")]);
        assert_eq!(parameter("a=1&b=2&a=3", "a"), Some("1"));
        for query in ["", "a=1&b;c=&&=d;", "&", ";;a"] {
            let whole: String = pieces(query).flat_map(|it| [it.text, it.separator]).collect();
            assert_eq!(whole, query);
        }
    }

    #[test]
    fn a_segment_is_decoded_to_what_it_was() {
        assert_eq!(segment("job 1/ü~-._"), "job%201%2F%C3%BC~-._");
        assert_eq!(decoded(&segment("a/b?c=d&e%f g"), false), "a/b?c=d&e%f g");
    }
}
