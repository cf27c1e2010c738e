//! `filter_path`: the parts of an answer that the client wants to see.
//!
//! Source: Elasticsearch 9.x response filtering: names joined by dots, `*` within a name, `**` over
//! any depth, a leading `-` takes away, and taking away wins.

use serde_json::{Map, Value};

use crate::steps::step;

/// The patterns of one `filter_path`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilterPath {
    includes: Patterns,
    excludes: Patterns,
}

/// Patterns one behind the other. What is left of one is told by the place where it begins, so that equal
/// rests are equal numbers and a level of an answer has no more of them than there are names.
#[derive(Clone, Debug, Default, PartialEq)]
struct Patterns {
    parts: Vec<PathPart>,
    starts: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum PathPart {
    /// `**`: any number of names, none included.
    Deep,
    /// A name, in which `*` stands for anything.
    Name(String),
    /// The pattern ends: what it leads to is meant, the whole of it.
    End,
}

impl FilterPath {
    /// Reads a comma list; none if it names nothing.
    pub(crate) fn parse(text: &str) -> Option<FilterPath> {
        let mut filter = FilterPath { includes: Patterns::default(), excludes: Patterns::default() };
        for pattern in text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            match pattern.strip_prefix('-') {
                Some(pattern) => filter.excludes.add(pattern),
                None => filter.includes.add(pattern),
            }
        }
        (!filter.includes.is_empty() || !filter.excludes.is_empty()).then_some(filter)
    }

    /// What is left of an answer; `{}` when it is nothing.
    pub(crate) fn apply(&self, value: Value) -> Value {
        let mut left = Some(value);
        if !self.includes.is_empty() {
            left = left.and_then(|value| self.includes.include(value, &self.includes.all()));
        }
        if !self.excludes.is_empty() {
            left = left.and_then(|value| self.excludes.exclude(value, &self.excludes.all()));
        }
        left.unwrap_or_else(|| Value::Object(Map::new()))
    }
}

impl Patterns {
    fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    fn add(&mut self, pattern: &str) {
        let start = self.parts.len();
        for name in names(pattern) {
            match name.as_str() {
                // `**.**` is `**`.
                "**" if self.parts[start..].last() == Some(&PathPart::Deep) => {}
                "**" => self.parts.push(PathPart::Deep),
                _ => self.parts.push(PathPart::Name(name)),
            }
        }
        self.parts.push(PathPart::End);
        let (before, new) = self.parts.split_at(start);
        if self.starts.iter().any(|&known| before[known..].starts_with(new)) {
            self.parts.truncate(start);
        } else {
            self.starts.push(start);
        }
    }

    /// All patterns, of which nothing has been used up yet.
    fn all(&self) -> Vec<usize> {
        let mut rests = Vec::new();
        self.starts.iter().for_each(|&start| self.keep(&mut rests, start));
        rests
    }

    /// What is left of the patterns below a member called `name`.
    fn below(&self, rests: &[usize], name: &str) -> Vec<usize> {
        let mut left = Vec::new();
        for &rest in rests {
            step();
            match &self.parts[rest] {
                PathPart::Deep => {
                    self.keep(&mut left, rest);
                    if self.parts[rest + 1] == PathPart::End {
                        left.push(rest + 1);
                    }
                }
                PathPart::Name(pattern) if matches(pattern, name) => self.keep(&mut left, rest + 1),
                PathPart::Name(_) | PathPart::End => {}
            }
        }
        left.sort_unstable();
        left.dedup();
        left
    }

    /// Notes a rest, and what follows its `**`, which may stand for no name at all.
    fn keep(&self, rests: &mut Vec<usize>, rest: usize) {
        rests.push(rest);
        if self.parts[rest] == PathPart::Deep && self.parts[rest + 1] != PathPart::End {
            rests.push(rest + 1);
        }
    }

    /// Whether one of them is used up: the whole is meant.
    fn is_met(&self, rests: &[usize]) -> bool {
        rests.iter().any(|&rest| self.parts[rest] == PathPart::End)
    }

    fn include(&self, value: Value, rests: &[usize]) -> Option<Value> {
        if self.is_met(rests) {
            return Some(value);
        }
        if rests.is_empty() {
            return None;
        }
        match value {
            Value::Object(members) => {
                let left: Map<_, _> = members
                    .into_iter()
                    .filter_map(|(name, value)| {
                        let rests = self.below(rests, &name);
                        self.include(value, &rests).map(|value| (name, value))
                    })
                    .collect();
                (!left.is_empty()).then_some(Value::Object(left))
            }
            Value::Array(items) => {
                let left: Vec<_> = items.into_iter().filter_map(|item| self.include(item, rests)).collect();
                (!left.is_empty()).then_some(Value::Array(left))
            }
            _ => None,
        }
    }

    fn exclude(&self, value: Value, rests: &[usize]) -> Option<Value> {
        if self.is_met(rests) {
            return None;
        }
        if rests.is_empty() {
            return Some(value);
        }
        match value {
            Value::Object(members) => {
                let had_some = !members.is_empty();
                let left: Map<_, _> = members
                    .into_iter()
                    .filter_map(|(name, value)| {
                        let rests = self.below(rests, &name);
                        self.exclude(value, &rests).map(|value| (name, value))
                    })
                    .collect();
                // Inferred: an object that loses everything goes too.
                (!had_some || !left.is_empty()).then_some(Value::Object(left))
            }
            Value::Array(items) => {
                Some(Value::Array(items.into_iter().filter_map(|item| self.exclude(item, rests)).collect()))
            }
            scalar => Some(scalar),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::taken;
    use proptest::prelude::*;
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
    /// A pattern's rests as slices, each as often as there is a way to it: the same by the plainest means.
    fn naive_below<'p>(patterns: &[&'p [String]], name: &str) -> Vec<&'p [String]> {
        let mut rests = Vec::new();
        for pattern in patterns {
            match pattern.split_first() {
                Some((first, rest)) if first == "**" => {
                    rests.push(*pattern);
                    rests.extend(naive_below(&[rest], name));
                    if rest.is_empty() {
                        rests.push(rest);
                    }
                }
                Some((first, rest)) if matches(first, name) => rests.push(rest),
                _ => {}
            }
        }
        rests
    }

    fn naive(value: Value, patterns: &[&[String]], keeps: bool) -> Option<Value> {
        if patterns.iter().any(|pattern| pattern.is_empty()) {
            return keeps.then_some(value);
        }
        match value {
            Value::Object(members) => {
                let had_some = !members.is_empty();
                let left: Map<_, _> = members
                    .into_iter()
                    .filter_map(|(name, value)| {
                        let rests = naive_below(patterns, &name);
                        naive(value, &rests, keeps).map(|value| (name, value))
                    })
                    .collect();
                ((!keeps && !had_some) || !left.is_empty()).then_some(Value::Object(left))
            }
            Value::Array(items) => {
                let left: Vec<_> = items.into_iter().filter_map(|item| naive(item, patterns, keeps)).collect();
                (!keeps || !left.is_empty()).then_some(Value::Array(left))
            }
            scalar => (!keeps).then_some(scalar),
        }
    }

    fn answers() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![Just(json!(1)), Just(json!({})), Just(json!([]))];
        scalar.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec(("[ab]{1,2}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn patterns() -> impl Strategy<Value = Vec<String>> {
        let name = prop_oneof![3 => Just("**".to_owned()), 2 => "[ab*]{1,2}"];
        let pattern = proptest::collection::vec(name, 1..6).prop_map(|names| names.join("."));
        proptest::collection::vec(pattern, 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_is_what_the_plainest_way_leaves(answer in answers(), patterns in patterns(), keeps: bool) {
            let split: Vec<Vec<String>> = patterns.iter().map(|pattern| names(pattern)).collect();
            let slices: Vec<&[String]> = split.iter().map(Vec::as_slice).collect();
            let sign = if keeps { "" } else { "-" };
            let text = patterns.iter().map(|pattern| format!("{sign}{pattern}")).collect::<Vec<_>>().join(",");
            let expected = naive(answer.clone(), &slices, keeps).unwrap_or_else(|| json!({}));
            prop_assert_eq!(FilterPath::parse(&text).expect("a pattern").apply(answer), expected, "{}", text);
        }
    }

    #[test]
    fn work_grows_with_the_names_of_a_pattern_and_not_with_its_ways() {
        let mut deep = json!(1);
        for _ in 0..50 {
            deep = json!({ "a": deep });
        }
        for pattern in ["**.", "**.a.", "**.*.", "*.**."] {
            let steps = |names: usize| {
                let filter = FilterPath::parse(&format!("{}z", pattern.repeat(names))).expect("a pattern");
                taken(|| filter.apply(deep.clone()))
            };
            assert!(steps(600) <= 50 * 1_202, "{pattern}: {} steps", steps(600));
            assert!(steps(600) <= 11 * steps(60), "{pattern}: {} steps, then {}", steps(60), steps(600));
        }
        let many = FilterPath::parse(&["**.a"; 1_000].join(",")).expect("patterns");
        assert_eq!(taken(|| many.apply(deep.clone())), taken(|| FilterPath::parse("**.a").expect("a").apply(deep)));
    }
}
