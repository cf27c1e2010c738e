//! [`Selection`]: which fields of a document an answer shows.
//!
//! Source: Elasticsearch 9.x, fetch source context and its filter of maps.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::document::Source;
use super::source_filter::SourceFilter;

/// Which fields of a document are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Whether the document is shown at all.
    pub shown: bool,
    /// Patterns of paths that are shown; all when there is none.
    pub includes: Vec<String>,
    /// Patterns of paths that are left out.
    pub excludes: Vec<String>,
}

impl Default for Selection {
    /// All of the document.
    fn default() -> Selection {
        Selection { shown: true, includes: Vec::new(), excludes: Vec::new() }
    }
}

impl Selection {
    /// What a `_source` of a body asks for: a switch, a pattern, patterns, or an object of includes and
    /// excludes. None if it is something else.
    pub fn of(value: &Value) -> Option<Selection> {
        let patterns = |value: &Value| match value {
            Value::String(pattern) => Some(vec![pattern.clone()]),
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        match value {
            Value::Bool(shown) => Some(Selection { shown: *shown, ..Selection::default() }),
            Value::Object(members) => {
                let mut selection = Selection::default();
                for (name, value) in members {
                    match name.as_str() {
                        "includes" | "include" => selection.includes = patterns(value)?,
                        "excludes" | "exclude" => selection.excludes = patterns(value)?,
                        _ => return None,
                    }
                }
                Some(selection)
            }
            other => Some(Selection { includes: patterns(other)?, ..Selection::default() }),
        }
    }

    /// The fields of a document that are shown; shared with the shelf if all are.
    pub fn of_source(&self, source: &Arc<Source>) -> Arc<Source> {
        let (includes, excludes) = (self.includes.iter(), self.excludes.iter());
        match SourceFilter::of(includes.map(String::as_str), excludes.map(String::as_str)).apply(source) {
            Some(Cow::Owned(shown)) => Arc::new(shown),
            _ => source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_choose_fields() {
        let source: Arc<Source> = match json!({
            "include": { "field1": "v1", "field2": "v2" }, "count": 1, "list": [{ "a": 1, "b": 2 }, { "b": 3 }, 4]
        }) {
            Value::Object(members) => Arc::new(members.into()),
            _ => unreachable!(),
        };
        for (asked, shown) in [
            (json!(true), json!({"include":{"field1":"v1","field2":"v2"},"count":1,"list":[{"a":1,"b":2},{"b":3},4]})),
            (json!("include"), json!({"include":{"field1":"v1","field2":"v2"}})),
            (json!("include.field1"), json!({"include":{"field1":"v1"}})),
            (json!("*.field2"), json!({"include":{"field2":"v2"}})),
            (json!(["count", "list.a"]), json!({"count":1,"list":[{"a":1}]})),
            (json!({"excludes":["include.*", "list"]}), json!({"include":{},"count":1})),
            (json!({"includes":["include.*"],"excludes":["*.field2"]}), json!({"include":{"field1":"v1"}})),
            (json!("nope"), json!({})),
        ] {
            let selection = Selection::of(&asked).expect("a selection");
            assert_eq!(selection.of_source(&source).to_value(), shown, "{asked}");
        }
        assert_eq!(Selection::of(&json!(false)).map(|selection| selection.shown), Some(false));
        assert_eq!(Selection::of(&json!({"including":[]})), None);
        assert_eq!(Selection::of(&json!(7)), None);
    }
}
