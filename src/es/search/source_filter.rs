//! [`SourceFilter`]: which part of a source an answer shows, and [`VectorRule`]: whether vectors are a part of it.
//!
//! Source: Elasticsearch 9.x, `_source`, `_source_includes` and `_source_excludes`; shard get service and fetch source
//! context: exclude vectors.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::es::document::source::Source;
use crate::wildcard::WildcardPattern;

/// Which part of a source an answer shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum SourceFilter {
    /// All of it.
    #[default]
    All,
    /// Nothing; the answer has no source at all.
    None,
    /// Some fields of it.
    Fields {
        /// What is shown with all that lies below it; everything, if there is nothing here.
        includes: Vec<FieldPattern>,
        /// What is left out of that.
        excludes: Vec<FieldPattern>,
    },
}

/// Whether the vectors of a source are left out where nobody names them.
///
/// DIFFERENCE: vectors that are shown have the numbers that were sent; Elasticsearch gives them back as 32-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VectorRule {
    /// What the call says.
    pub asked: Option<bool>,
    /// What an index does that says nothing of it.
    pub usual: bool,
}

impl VectorRule {
    /// Whether an index with these settings leaves them out.
    pub(crate) fn leaves_out(self, settings: &Map<String, Value>) -> bool {
        let own = || settings.get("mapping.exclude_source_vectors").map(|own| *own == true || *own == "true");
        self.asked.or_else(own).unwrap_or(self.usual)
    }
}

/// The path of a field, with `*` for anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldPattern(WildcardPattern);

impl FieldPattern {
    /// Reads it.
    pub(crate) fn read(text: &str) -> FieldPattern {
        FieldPattern(WildcardPattern::of_name(text))
    }

    /// Whether the field at a path is meant, or one that it lies in.
    fn takes(&self, path: &str) -> bool {
        let above = path.match_indices('.').map(|(dot, _)| &path[..dot]);
        self.0.fits(path) || above.into_iter().any(|path| self.0.fits(path))
    }

    /// Whether a field below a path may be meant.
    fn may_take_below(&self, path: &str) -> bool {
        self.0.may_fit_below(&format!("{path}."))
    }
}

impl SourceFilter {
    /// Shows `includes` without `excludes`; everything, if both are empty.
    pub(crate) fn of<'a>(
        includes: impl IntoIterator<Item = &'a str>,
        excludes: impl IntoIterator<Item = &'a str>,
    ) -> SourceFilter {
        let includes: Vec<_> = includes.into_iter().map(FieldPattern::read).collect();
        let excludes: Vec<_> = excludes.into_iter().map(FieldPattern::read).collect();
        match includes.is_empty() && excludes.is_empty() {
            true => SourceFilter::All,
            false => SourceFilter::Fields { includes, excludes },
        }
    }

    /// What the `_source` of a body asks for: a switch, a pattern, patterns, or an object of includes and
    /// excludes. None if it is something else.
    pub(crate) fn read(value: &Value) -> Option<SourceFilter> {
        fn patterns(value: &Value) -> Option<Vec<&str>> {
            match value {
                Value::String(pattern) => Some(vec![pattern]),
                Value::Array(items) => items.iter().map(Value::as_str).collect(),
                _ => None,
            }
        }
        match value {
            Value::Bool(true) => Some(SourceFilter::All),
            Value::Bool(false) => Some(SourceFilter::None),
            Value::Object(members) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (name, value) in members {
                    match name.as_str() {
                        "includes" | "include" => includes = patterns(value)?,
                        "excludes" | "exclude" => excludes = patterns(value)?,
                        // What is shown of an update has its vectors, whatever is said.
                        "exclude_vectors" if value.is_boolean() => {}
                        _ => return None,
                    }
                }
                Some(SourceFilter::of(includes, excludes))
            }
            other => Some(SourceFilter::of(patterns(other)?, [])),
        }
    }

    /// The filter without those of the fields that it does not include by name or pattern.
    pub(crate) fn without<'f>(&'f self, fields: &[String]) -> Cow<'f, SourceFilter> {
        let (includes, excludes) = match self {
            SourceFilter::None => return Cow::Borrowed(self),
            _ if fields.is_empty() => return Cow::Borrowed(self),
            SourceFilter::All => (Vec::new(), Vec::new()),
            SourceFilter::Fields { includes, excludes } => (includes.clone(), excludes.clone()),
        };
        let is_named = |field: &&String| includes.iter().any(|pattern| pattern.takes(field));
        let hidden = fields.iter().filter(|field| !is_named(field)).map(|field| FieldPattern::read(field));
        let excludes = excludes.into_iter().chain(hidden).collect();
        Cow::Owned(SourceFilter::Fields { includes, excludes })
    }

    /// What is shown of a source, which is shared if that is all of it; none if nothing of it is to be there.
    pub(crate) fn shown(&self, source: &Arc<Source>) -> Option<Arc<Source>> {
        self.apply(source).map(|shown| match shown {
            Cow::Borrowed(_) => source.clone(),
            Cow::Owned(cut) => Arc::new(cut),
        })
    }

    /// What is shown of a source that is only looked at; none if nothing of it is to be there.
    pub(crate) fn apply<'s>(&self, source: &'s Source) -> Option<Cow<'s, Source>> {
        match self {
            SourceFilter::All => Some(Cow::Borrowed(source)),
            SourceFilter::None => None,
            SourceFilter::Fields { includes, excludes } => {
                let cut = Cut { includes, excludes };
                let shown = source.iter().filter_map(|(name, value)| {
                    let included = includes.is_empty();
                    cut.value(name, value, included).map(|value| (name.to_owned(), value))
                });
                Some(Cow::Owned(shown.collect::<Map<String, Value>>().into()))
            }
        }
    }
}

struct Cut<'a> {
    includes: &'a [FieldPattern],
    excludes: &'a [FieldPattern],
}

impl Cut<'_> {
    /// What is shown of the value at a path; `included` says whether something around it is.
    fn value(&self, path: &str, value: &Value, included: bool) -> Option<Value> {
        if self.excludes.iter().any(|pattern| pattern.takes(path)) {
            return None;
        }
        let included = included || self.includes.iter().any(|pattern| pattern.takes(path));
        match value {
            // Whole as it is, if nothing below can be left out.
            value if included && !self.excludes.iter().any(|pattern| pattern.may_take_below(path)) => {
                Some(value.clone())
            }
            Value::Object(_) | Value::Array(_)
                if !included && !self.includes.iter().any(|pattern| pattern.may_take_below(path)) =>
            {
                None
            }
            Value::Object(map) => {
                let shown: Map<String, Value> = map
                    .iter()
                    .filter_map(|(name, value)| {
                        self.value(&format!("{path}.{name}"), value, included).map(|value| (name.clone(), value))
                    })
                    .collect();
                (included || !shown.is_empty()).then_some(Value::Object(shown))
            }
            Value::Array(items) => {
                let shown: Vec<Value> = items.iter().filter_map(|item| self.value(path, item, included)).collect();
                (included || !shown.is_empty()).then_some(Value::Array(shown))
            }
            value => included.then(|| value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_follows_the_table() {
        let source = json!({
            "id": 1, "user": {"name": "a", "mail": {"home": "h", "work": "w"}}, "tags": [{"k": 1, "v": 2}, 7],
            "flat.key": true, "empty": {}
        });
        for (includes, excludes, expected) in [
            (vec![], vec![], source.clone()),
            (vec!["id"], vec![], json!({"id": 1})),
            (vec!["id", "nope"], vec![], json!({"id": 1})),
            (vec!["user"], vec![], json!({"user": source["user"]})),
            (vec!["user.name"], vec![], json!({"user": {"name": "a"}})),
            (vec!["user.*"], vec!["user.mail"], json!({"user": {"name": "a"}})),
            (vec!["*.home"], vec![], json!({"user": {"mail": {"home": "h"}}})),
            (vec!["tags.k"], vec![], json!({"tags": [{"k": 1}]})),
            (vec!["flat"], vec![], json!({"flat.key": true})),
            (vec!["flat.key"], vec![], json!({"flat.key": true})),
            (vec!["u*"], vec!["*.work", "*.name"], json!({"user": {"mail": {"home": "h"}}})),
            (vec![], vec!["user", "tags", "flat*"], json!({"id": 1, "empty": {}})),
            (vec![], vec!["user.*", "id", "tags", "flat.key"], json!({"user": {}, "empty": {}})),
            (vec!["empty"], vec![], json!({"empty": {}})),
            (vec!["user.*"], vec!["*.mail.*"], json!({"user": {"name": "a", "mail": {}}})),
            (vec!["id", "tags.k"], vec![], json!({"id": 1, "tags": [{"k": 1}]})),
            (vec!["nope"], vec![], json!({})),
        ] {
            let filter = SourceFilter::of(includes.iter().copied(), excludes.iter().copied());
            let stored: Source = source.as_object().cloned().unwrap_or_default().into();
            let shown = filter.apply(&stored).map(|shown| shown.to_value());
            assert_eq!(shown, Some(expected), "{includes:?} without {excludes:?}");
        }
        assert_eq!(SourceFilter::None.apply(&Source::new()), None);
    }
    #[test]
    fn a_body_says_what_is_shown() {
        let fields = |includes: &[&'static str], excludes: &[&'static str]| {
            Some(SourceFilter::of(includes.iter().copied(), excludes.iter().copied()))
        };
        for (asked, expected) in [
            (json!(true), Some(SourceFilter::All)),
            (json!(false), Some(SourceFilter::None)),
            (json!("a.b"), fields(&["a.b"], &[])),
            (json!(["a", "b*"]), fields(&["a", "b*"], &[])),
            (json!([]), Some(SourceFilter::All)),
            (json!({"includes": ["a.*"], "excludes": "*.b"}), fields(&["a.*"], &["*.b"])),
            (json!({"include": "a", "exclude": []}), fields(&["a"], &[])),
            (json!({"including": []}), None),
            (json!(["a", 7]), None),
            (json!(7), None),
        ] {
            assert_eq!(SourceFilter::read(&asked), expected, "{asked}");
        }
    }

    #[test]
    fn vectors_are_shown_where_they_are_named() {
        let source = json!({ "title": "a", "emb": [1, 2], "page": { "emb": [3], "text": "b" } });
        let stored: Source = source.as_object().cloned().unwrap_or_default().into();
        let vectors = ["emb".to_owned(), "page.emb".to_owned()];
        for (includes, excludes, expected) in [
            (vec![], vec![], json!({ "title": "a", "page": { "text": "b" } })),
            (vec!["emb"], vec![], json!({ "emb": [1, 2] })),
            (vec!["page"], vec![], json!({ "page": { "emb": [3], "text": "b" } })),
            (vec!["*"], vec!["title"], json!({ "emb": [1, 2], "page": { "emb": [3], "text": "b" } })),
            (vec!["*"], vec!["emb"], json!({ "title": "a", "page": { "emb": [3], "text": "b" } })),
            (vec!["title"], vec![], json!({ "title": "a" })),
            (vec![], vec!["title"], json!({ "page": { "text": "b" } })),
        ] {
            let filter = SourceFilter::of(includes.iter().copied(), excludes.iter().copied());
            let shown = filter.without(&vectors).apply(&stored).map(|shown| shown.to_value());
            assert_eq!(shown, Some(expected), "{includes:?} without {excludes:?}");
        }
        assert_eq!(*SourceFilter::None.without(&vectors), SourceFilter::None);
        let settings = |own: &str| json!({ "mapping.exclude_source_vectors": own }).as_object().cloned().expect("some");
        for (asked, usual, own, expected) in [
            (None, true, None, true),
            (None, false, None, false),
            (None, true, Some("false"), false),
            (None, false, Some("true"), true),
            (Some(false), true, Some("true"), false),
            (Some(true), false, Some("false"), true),
        ] {
            let rule = VectorRule { asked, usual };
            assert_eq!(rule.leaves_out(&own.map(settings).unwrap_or_default()), expected, "{rule:?} {own:?}");
        }
    }

    #[test]
    fn a_whole_source_is_shared() {
        let source = Arc::new(Source::new().with("a", json!(1)));
        assert!(SourceFilter::All.shown(&source).is_some_and(|shown| Arc::ptr_eq(&shown, &source)));
        assert_eq!(SourceFilter::None.shown(&source), None);
    }
}
