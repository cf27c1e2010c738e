//! Names of indices: which are allowed, and which indices an expression means.
//!
//! An expression is a comma list of names, aliases, wildcards, exclusions and date-math names.
//!
//! Source: Elasticsearch 9.x, index name expression resolver and the rules for new names.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::es::connector::rules::index_name_offence;
use crate::es::document::store::{BlockLevel, Index};
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::es::store::{Cluster, SECRETS, SECRETS_ALIAS};
use crate::wildcard::is_like;

/// How an expression is to be understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lookup {
    /// Whether wildcards find open indices.
    pub expand_open: bool,
    /// Whether wildcards find closed indices.
    pub expand_closed: bool,
    /// Whether a closed index that is named is a mistake.
    pub forbid_closed: bool,
    /// Whether wildcards find hidden indices too.
    pub expand_hidden: bool,
    /// Whether names that are not there are passed over.
    pub ignore_unavailable: bool,
    /// Whether a wildcard may find nothing.
    pub allow_no_indices: bool,
}

impl Default for Lookup {
    /// Wildcards find what is not hidden, and names must be there.
    fn default() -> Lookup {
        Lookup {
            expand_open: true,
            expand_closed: false,
            forbid_closed: true,
            expand_hidden: false,
            ignore_unavailable: false,
            allow_no_indices: true,
        }
    }
}

impl Lookup {
    /// For calls that ask about indices and not about their documents: closed ones may be named.
    pub(crate) fn of_metadata() -> Lookup {
        Lookup { forbid_closed: false, ..Lookup::default() }
    }

    /// For calls that ask about indices, and whose wildcards find closed ones too.
    pub(crate) fn of_all_metadata() -> Lookup {
        Lookup { expand_closed: true, ..Lookup::of_metadata() }
    }

    /// The lookup with `expand_wildcards`, a comma list of `open`, `closed`, `hidden`, `none` and `all`;
    /// the first unknown word is given back.
    pub(crate) fn with_expand_wildcards(self, list: &str) -> Result<Lookup, String> {
        let mut lookup = Lookup { expand_open: false, expand_closed: false, expand_hidden: false, ..self };
        for word in list.split(',') {
            match word {
                "open" => lookup.expand_open = true,
                "hidden" => lookup.expand_hidden = true,
                "closed" => lookup.expand_closed = true,
                "all" => (lookup.expand_open, lookup.expand_closed, lookup.expand_hidden) = (true, true, true),
                "none" => (lookup.expand_open, lookup.expand_closed, lookup.expand_hidden) = (false, false, false),
                other => return Err(other.to_owned()),
            }
        }
        Ok(lookup)
    }
}

/// What is wrong with the name of a new index; none if it will do.
pub(crate) fn offence(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    index_name_offence(name).or_else(|| (name.to_lowercase() != name).then(|| "must be lowercase".to_owned()))
}

impl Cluster {
    /// The indices that an expression means, in the order of their names.
    ///
    /// # Errors
    /// A name that is not there or cannot be one, unless `lookup` passes it over.
    pub(crate) fn resolve(&self, expression: &str, lookup: &Lookup, now: Timestamp) -> Result<Vec<&Index>, Refusal> {
        let missing = |name: &str| IndexRefusal::NoSuchIndex { expression: name.to_owned(), of_document: false };
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut wildcard_seen = false;
        let all = ["", "_all", "*"].contains(&expression);
        let expression = if all { "*" } else { expression };
        for part in expression.split(',') {
            if let Some(excluded) = part.strip_prefix('-').filter(|_| wildcard_seen) {
                let excluded = date_math(excluded, now)?;
                found.retain(|name| {
                    let index = self.index(name);
                    let other_names = index.into_iter().flat_map(|index| index.design.aliases.keys());
                    !is_like(&excluded, name) && !other_names.into_iter().any(|alias| is_like(&excluded, alias))
                });
                continue;
            }
            let part = date_math(part, now)?;
            if part.contains('*') || part == "_all" {
                wildcard_seen = true;
                if !lookup.expand_open && !lookup.expand_closed && !lookup.expand_hidden {
                    // Nothing is expanded, so the pattern is taken for a name.
                    if !lookup.allow_no_indices || !lookup.ignore_unavailable {
                        return Err(missing(&part).into());
                    }
                    continue;
                }
                let before = found.len();
                let pattern = if part == "_all" { "*" } else { &part };
                let matching =
                    self.indices().filter(|index| &**index.name() != SECRETS && fits(pattern, index, lookup));
                let matching = matching.map(|index| &**index.name());
                found.extend(matching);
                if found.len() == before && !lookup.allow_no_indices {
                    return Err(missing(if all { "_all" } else { &part }).into());
                }
                continue;
            }
            if part.starts_with('_') {
                let offence = "must not start with '_'.".to_owned();
                return Err(IndexRefusal::IndexName { name: part, offence }.into());
            }
            refuse_reserved(&part)?;
            let named = self.named(&part);
            if named.is_empty() && !lookup.ignore_unavailable {
                return Err(missing(&part).into());
            }
            if lookup.forbid_closed && named.iter().any(|index| !index.is_open()) {
                if !lookup.ignore_unavailable {
                    named.iter().try_for_each(|index| index.allow(BlockLevel::Read))?;
                }
                found.extend(named.iter().filter(|index| index.is_open()).map(|index| &**index.name()));
                continue;
            }
            found.extend(named.iter().map(|index| &**index.name()));
        }
        if found.is_empty() && !lookup.allow_no_indices {
            return Err(missing(expression).into());
        }
        Ok(found.into_iter().filter_map(|name| self.index(name)).collect())
    }

    /// The names of indices and aliases that an expression means, its wildcards expanded; empty if it means all
    /// indices, whatever else they are called.
    ///
    /// # Errors
    /// A date-math name that cannot be read.
    pub(crate) fn names_meant(&self, expression: &str, now: Timestamp) -> Result<BTreeSet<String>, Refusal> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if ["", "_all", "*"].contains(&expression) {
            return Ok(names);
        }
        let mut wildcard_seen = false;
        for part in expression.split(',') {
            if let Some(excluded) = part.strip_prefix('-').filter(|_| wildcard_seen) {
                let excluded = date_math(excluded, now)?;
                names.retain(|name| !is_like(&excluded, name));
                continue;
            }
            let part = date_math(part, now)?;
            wildcard_seen |= part.contains('*') || part == "_all";
            match part.contains('*') || part == "_all" {
                false => drop(names.insert(part)),
                true => {
                    let pattern = if part == "_all" { "*" } else { &part };
                    let all = self.indices().flat_map(|index| {
                        std::iter::once(&**index.name()).chain(index.design.aliases.keys().map(String::as_str))
                    });
                    names.extend(all.filter(|name| is_like(pattern, name)).map(str::to_owned));
                }
            }
        }
        Ok(names)
    }

    /// The routing of a document that is read or written under a name: an alias may have one of its own.
    ///
    /// # Errors
    /// When the call gives another one.
    pub(crate) fn routing_of<'r>(&self, name: &str, given: Option<&'r str>) -> Result<Option<Cow<'r, str>>, Refusal> {
        let given = given.map(Cow::Borrowed);
        // Almost every call names its index.
        if self.indices.contains_key(name) {
            return Ok(given);
        }
        let indices = self.named(name);
        let mut says = indices.iter().filter_map(|index| index.design.aliases.get(name));
        let is_writer = |says: &&Map<String, Value>| says.get("is_write_index").and_then(Value::as_bool) == Some(true);
        let Some(says) = says.clone().find(is_writer).or_else(|| says.next()) else { return Ok(given) };
        match (says.get("index_routing").and_then(Value::as_str), given) {
            (Some(own), Some(given)) if own != given => Err(IndexRefusal::OtherRouting {
                alias: name.to_owned(),
                own: own.to_owned(),
                given: given.into_owned(),
            }
            .into()),
            (Some(own), _) => Ok(Some(Cow::Owned(own.to_owned()))),
            (None, given) => Ok(given),
        }
    }

    /// The one index that a name or an alias means, for reading one document.
    ///
    /// # Errors
    /// No such index, or an alias of several.
    pub(crate) fn resolve_one(&self, name: &str, now: Timestamp) -> Result<&Index, Refusal> {
        let name = date_math(name, now)?;
        refuse_reserved(&name)?;
        match self.named(&name).as_slice() {
            [] => Err(IndexRefusal::NoSuchIndex { expression: name, of_document: true }.into()),
            [index] => {
                index.allow(BlockLevel::Read)?;
                Ok(index)
            }
            several => {
                let indices = several.iter().map(|index| index.name().to_string()).collect();
                Err(IndexRefusal::SeveralIndices { alias: name, indices }.into())
            }
        }
    }

    /// The index of that name, or those that have it as an alias.
    pub(crate) fn named(&self, name: &str) -> Vec<&Index> {
        match self.index(name) {
            Some(index) => vec![index],
            None => self.indices().filter(|index| index.design.aliases.contains_key(name)).collect(),
        }
    }
}

/// Refuses the index of secrets, by its name or its alias: they leave it by their own API alone.
pub(super) fn refuse_reserved(name: &str) -> Result<(), Refusal> {
    match [SECRETS, SECRETS_ALIAS].contains(&name) {
        true => Err(IndexRefusal::Reserved { index: SECRETS.to_owned() }.into()),
        false => Ok(()),
    }
}

/// Whether a wildcard finds an index by its name or by an alias. A hidden one is found if hidden ones
/// are asked for, or if pattern and name both begin with a dot.
fn fits(pattern: &str, index: &Index, lookup: &Lookup) -> bool {
    let dotted = |name: &str| pattern.starts_with('.') && name.starts_with('.');
    // Who says nothing but `hidden` means hidden ones of every state.
    let any = lookup.expand_hidden && !lookup.expand_open && !lookup.expand_closed;
    if !any && !(if index.is_open() { lookup.expand_open } else { lookup.expand_closed }) {
        return false;
    }
    let shown = |name: &str, hidden: bool| if hidden { lookup.expand_hidden || dotted(name) } else { !any };
    if is_like(pattern, index.name()) && shown(index.name(), index.is_hidden()) {
        return true;
    }
    // All indices are those that are visible themselves, whatever else they are called.
    pattern != "*"
        && index.design.aliases.iter().any(|(alias, design)| {
            let hidden = design.get("is_hidden").is_some_and(|hidden| *hidden == true);
            is_like(pattern, alias) && shown(alias, hidden)
        })
}

/// A name with its date maths resolved: `<logs-{now/d}>` is `logs-2031.05.01`. Other names stay as
/// they are.
///
/// # Errors
/// A date-math name that cannot be read, or whose units or format are not spoken here.
pub(crate) fn date_math(name: &str, now: Timestamp) -> Result<String, Refusal> {
    let Some(inner) = name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) else {
        return Ok(name.to_owned());
    };
    let wrong = |offence: &str| IndexRefusal::DateMath { name: name.to_owned(), offence: offence.to_owned() };
    let mut resolved = String::new();
    let mut rest = inner;
    while let Some((text, after)) = rest.split_once('{') {
        resolved.push_str(text);
        // The expression may have its format in braces of its own.
        let end = match after.find(['{', '}']) {
            Some(at) if after[at..].starts_with('{') => {
                after.find("}}").map(|at| at + 1).ok_or_else(|| wrong("date math placeholder is open ended"))?
            }
            Some(at) => at,
            None => return Err(wrong("date math placeholder is open ended").into()),
        };
        let (maths, format) = match after[..end].split_once('{') {
            Some((maths, format)) => (maths, format.trim_end_matches('}')),
            None => (&after[..end], "yyyy.MM.dd"),
        };
        let at = Timestamp::parse_date_maths(maths, now, false)
            .map_err(|_| wrong("date math expression is not understood"))?;
        resolved.push_str(&formatted(format, at).ok_or_else(|| wrong("date format is not understood"))?);
        rest = &after[end + 1..];
    }
    if rest.contains('}') {
        return Err(wrong("invalid character at position [0], `{` and `}` are reserved characters").into());
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// An instant in a format of year, month, day, hour and minute.
fn formatted(format: &str, at: Timestamp) -> Option<String> {
    // A time zone may follow; only the universal one is spoken.
    let format = match format.split_once('|') {
        Some((format, "UTC" | "Z" | "+00:00")) => format,
        Some(_) => return None,
        None => format,
    };
    let at = at.to_string();
    let mut text = format.to_owned();
    for (letters, digits) in [("yyyy", &at[..4]), ("uuuu", &at[..4]), ("MM", &at[5..7]), ("dd", &at[8..10])] {
        text = text.replace(letters, digits);
    }
    for (letters, digits) in [("HH", &at[11..13]), ("mm", &at[14..16])] {
        text = text.replace(letters, digits);
    }
    (!text.contains(|c: char| c.is_ascii_alphabetic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::document::store::Design;
    use serde_json::{Map, Value};

    const NOON: &str = "2031-05-01T12:34:56Z";

    fn cluster() -> (Cluster, Timestamp) {
        let now = NOON.parse().expect("an instant");
        let mut cluster = Cluster::new(7);
        for name in ["docs-a", "docs-b", "logs-2031.05.01", ".dotted"] {
            cluster.create_index(name, Design::default(), now).expect(name);
        }
        let hidden = Map::from_iter([("hidden".to_owned(), Value::from("true"))]);
        for name in ["secret", ".hidden"] {
            cluster.create_index(name, Design { settings: hidden.clone(), ..Design::default() }, now).expect(name);
        }
        for index in ["docs-a", "docs-b"] {
            let index = cluster.index_mut(index).expect(index);
            index.design_mut().aliases.insert("both".to_owned(), Map::new());
        }
        (cluster, now)
    }

    #[test]
    fn expressions_mean_what_they_mean_in_elasticsearch() {
        let (cluster, now) = cluster();
        let plain = Lookup::default();
        let hidden = Lookup { expand_hidden: true, ..plain };
        let lenient = Lookup { ignore_unavailable: true, ..plain };
        for (expression, lookup, expected) in [
            ("docs-a", plain, "docs-a"),
            ("both", plain, "docs-a docs-b"),
            ("docs-b,docs-a,docs-b", plain, "docs-a docs-b"),
            ("docs-*", plain, "docs-a docs-b"),
            ("docs-*,-docs-a", plain, "docs-b"),
            ("*,-docs-*", plain, ".dotted logs-2031.05.01"),
            ("bo*", plain, "docs-a docs-b"),
            ("*", plain, ".dotted docs-a docs-b logs-2031.05.01"),
            ("_all", plain, ".dotted docs-a docs-b logs-2031.05.01"),
            ("", plain, ".dotted docs-a docs-b logs-2031.05.01"),
            ("*", hidden, ".dotted .hidden docs-a docs-b logs-2031.05.01 secret"),
            (".h*", plain, ".hidden"),
            ("s*", plain, ""),
            ("secret", plain, "secret"),
            ("<logs-{now/d}>", plain, "logs-2031.05.01"),
            ("<logs-{now/M{yyyy.MM.dd}}>", plain, "logs-2031.05.01"),
            ("nope", plain, "NoSuchIndex nope"),
            ("docs-a,nope", plain, "NoSuchIndex nope"),
            ("docs-a,nope", lenient, "docs-a"),
            ("nope", lenient, ""),
            ("nope*", plain, ""),
            ("nope*", Lookup { allow_no_indices: false, ..plain }, "NoSuchIndex nope*"),
            ("nope", Lookup { allow_no_indices: false, ..lenient }, "NoSuchIndex nope"),
            ("-docs-a", plain, "NoSuchIndex -docs-a"),
            ("_nope", plain, "IndexName _nope"),
            ("<logs-{now/d>", plain, "DateMath <logs-{now/d>"),
        ] {
            let found = match cluster.resolve(expression, &lookup, now) {
                Ok(indices) => indices.iter().map(|index| &**index.name()).collect::<Vec<_>>().join(" "),
                Err(Refusal::Shelf(IndexRefusal::NoSuchIndex { expression, .. })) => {
                    format!("NoSuchIndex {expression}")
                }
                Err(Refusal::Shelf(IndexRefusal::IndexName { name, .. })) => format!("IndexName {name}"),
                Err(Refusal::Shelf(IndexRefusal::DateMath { name, .. })) => format!("DateMath {name}"),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{expression} {lookup:?}");
        }
    }

    #[test]
    fn one_document_is_in_one_index() {
        let (cluster, now) = cluster();
        assert_eq!(cluster.resolve_one("docs-a", now).map(|index| &**index.name()), Ok("docs-a"));
        assert!(matches!(cluster.resolve_one("both", now), Err(Refusal::Shelf(IndexRefusal::SeveralIndices { .. }))));
        assert!(matches!(
            cluster.resolve_one("docs-*", now),
            Err(Refusal::Shelf(IndexRefusal::NoSuchIndex { of_document: true, .. }))
        ));
    }

    #[test]
    fn new_names_are_refused_for_a_reason() {
        for (name, expected) in [
            ("docs", None),
            (".docs", None),
            ("", Some("must not be empty")),
            ("Docs", Some("must be lowercase")),
            ("a#b", Some("must not contain '#'")),
            ("_docs", Some("must not start with '_', '-', or '+'")),
            ("..", Some("must not be '.' or '..'")),
        ] {
            assert_eq!(offence(name).as_deref(), expected, "{name}");
        }
        assert!(offence(&"x".repeat(256)).is_some());
    }

    #[test]
    fn patterns_are_like_names_or_not() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c", "abbc", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn wildcards_find_what_they_are_told_to() {
        let expand = |list| Lookup::default().with_expand_wildcards(list);
        let switches = |list| expand(list).map(|lookup| (lookup.expand_open, lookup.expand_hidden));
        assert_eq!(switches("open"), Ok((true, false)));
        assert_eq!(switches("hidden"), Ok((false, true)));
        assert_eq!(switches("open,hidden"), Ok((true, true)));
        assert_eq!(switches("all"), Ok((true, true)));
        assert_eq!(switches("none"), Ok((false, false)));
        assert_eq!(switches("shut"), Err("shut".to_owned()));
    }
}
