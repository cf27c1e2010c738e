//! `filter_path`: the parts of an answer that the client wants to see.
//!
//! Source: Elasticsearch 9.x response filtering: names joined by dots, `*` within a name, `**` over
//! any depth, a leading `-` takes away, and taking away wins.

use serde_json::{Map, Value};

/// The patterns of one `filter_path`.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterPath {
    includes: Vec<Vec<String>>,
    excludes: Vec<Vec<String>>,
}

impl FilterPath {
    /// Reads a comma list; none if it names nothing.
    pub fn parse(text: &str) -> Option<FilterPath> {
        let mut filter = FilterPath { includes: Vec::new(), excludes: Vec::new() };
        for pattern in text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            match pattern.strip_prefix('-') {
                Some(pattern) => filter.excludes.push(names(pattern)),
                None => filter.includes.push(names(pattern)),
            }
        }
        (!filter.includes.is_empty() || !filter.excludes.is_empty()).then_some(filter)
    }

    /// What is left of an answer; `{}` when it is nothing.
    pub fn apply(&self, value: Value) -> Value {
        let mut left = Some(value);
        if !self.includes.is_empty() {
            let patterns: Vec<&[String]> = self.includes.iter().map(Vec::as_slice).collect();
            left = left.and_then(|value| include(value, &patterns));
        }
        if !self.excludes.is_empty() {
            let patterns: Vec<&[String]> = self.excludes.iter().map(Vec::as_slice).collect();
            left = left.and_then(|value| exclude(value, &patterns));
        }
        left.unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// The names of a pattern; `\.` is a dot within a name.
fn names(pattern: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&'.') => {
                characters.next();
                if let Some(name) = names.last_mut() {
                    name.push('.');
                }
            }
            '.' => names.push(String::new()),
            c => {
                if let Some(name) = names.last_mut() {
                    name.push(c);
                }
            }
        }
    }
    names
}

/// What is left of `patterns` below a member called `name`; an empty rest means the whole of it.
fn below<'p>(patterns: &[&'p [String]], name: &str) -> Vec<&'p [String]> {
    let mut rests = Vec::new();
    for pattern in patterns {
        let Some((first, rest)) = pattern.split_first() else {
            continue;
        };
        if first == "**" {
            rests.push(*pattern);
            rests.extend(below(&[rest], name));
            if rest.is_empty() {
                rests.push(rest);
            }
        } else if matches(first, name) {
            rests.push(rest);
        }
    }
    rests
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    while let Some((part, behind)) = rest.split_once('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = &name[at + part.len()..];
        rest = behind;
    }
    name.ends_with(rest)
}

fn include(value: Value, patterns: &[&[String]]) -> Option<Value> {
    if patterns.iter().any(|pattern| pattern.is_empty()) {
        return Some(value);
    }
    if patterns.is_empty() {
        return None;
    }
    match value {
        Value::Object(members) => {
            let left: Map<_, _> = members
                .into_iter()
                .filter_map(|(name, value)| {
                    let rests = below(patterns, &name);
                    include(value, &rests).map(|value| (name, value))
                })
                .collect();
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Value::Array(items) => {
            let left: Vec<_> = items.into_iter().filter_map(|item| include(item, patterns)).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        _ => None,
    }
}

fn exclude(value: Value, patterns: &[&[String]]) -> Option<Value> {
    if patterns.iter().any(|pattern| pattern.is_empty()) {
        return None;
    }
    match value {
        Value::Object(members) => {
            let had_some = !members.is_empty();
            let left: Map<_, _> = members
                .into_iter()
                .filter_map(|(name, value)| {
                    let rests = below(patterns, &name);
                    exclude(value, &rests).map(|value| (name, value))
                })
                .collect();
            // Inferred: an object that loses everything goes too.
            (!had_some || !left.is_empty()).then_some(Value::Object(left))
        }
        Value::Array(items) => {
            Some(Value::Array(items.into_iter().filter_map(|item| exclude(item, patterns)).collect()))
        }
        scalar => Some(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_leave_what_they_name() {
        let info = json!({
            "name": "node", "cluster_name": "es", "version": { "number": "9", "lucene_version": "10", "wire_version": "8" },
            "hits": [ { "_id": "1", "_source": { "a.b": 1, "c": 2 } }, { "_id": "2" } ]
        });
        for (filter, expected) in [
            ("version.number", json!({"version":{"number":"9"}})),
            ("name,cluster_name", json!({"name":"node","cluster_name":"es"})),
            ("nope", json!({})),
            ("version", json!({"version":{"number":"9","lucene_version":"10","wire_version":"8"}})),
            ("version.*_version,-**.lucene_version", json!({"version":{"wire_version":"8"}})),
            ("hits._id", json!({"hits":[{"_id":"1"},{"_id":"2"}]})),
            ("**.c", json!({"hits":[{"_source":{"c":2}}]})),
            ("hits._source.a\\.b", json!({"hits":[{"_source":{"a.b":1}}]})),
            ("-version,-hits", json!({"name":"node","cluster_name":"es"})),
            ("n*e", json!({"name":"node"})),
            ("*", info.clone()),
            ("**", info.clone()),
        ] {
            let filter_path = FilterPath::parse(filter).expect(filter);
            assert_eq!(filter_path.apply(info.clone()), expected, "{filter}");
        }
        assert_eq!(FilterPath::parse(""), None);
    }
}
