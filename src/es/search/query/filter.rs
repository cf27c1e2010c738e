//! [`Filter`]: a query bound to the fields of an index; asked for each document.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Number, Value};

use super::text::{lower, lowered, words};
use crate::clock::Timestamp;
use crate::es::document::shared::SharedValue;
use crate::es::document::source::Source;
use crate::wildcard::WildcardPattern;

/// A query that knows its index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Every document.
    All,
    /// No document.
    None,
    /// The documents with these ids.
    Ids(BTreeSet<String>),
    /// Documents with anything at a path.
    Exists(String),
    /// Documents with a value at a path that passes.
    Field {
        /// The path within the source.
        path: String,
        /// What a value must be.
        test: Test,
    },
    /// Documents with a null at a path that says so.
    Null(String),
    /// Documents with so many of these words in the texts at some paths.
    Words {
        /// The paths within the source.
        paths: Vec<String>,
        /// The words, lower case, sorted, each once.
        words: Vec<String>,
        /// How many of them.
        wanted: usize,
    },
    /// Documents with these words one after the other in the text at a path.
    Phrase {
        /// The path within the source.
        path: String,
        /// The words, lower case, in their order.
        words: Vec<String>,
    },
    /// Documents with a text at a path of more characters than are indexed.
    Longer {
        /// The path within the source.
        path: String,
        /// How many are.
        most: usize,
    },
    /// Documents that pass all of these.
    Every(Vec<Filter>),
    /// Documents that pass so many of these.
    Some(Vec<Filter>, usize),
    /// Documents that do not pass.
    Not(Box<Filter>),
}

/// What one value of a field must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// One of these, as a whole.
    Keyword(BTreeSet<String>, Whole),
    /// One of these is among its words.
    Word(BTreeSet<String>),
    /// A whole text that passes.
    Text(TextTest, Whole),
    /// One of its words passes.
    WordText(TextTest),
    /// One of these numbers.
    Number(BTreeSet<Num>),
    /// Within these bounds; an end is none if it is open, and says else whether it is within.
    NumberRange(Option<(Num, bool)>, Option<(Num, bool)>),
    /// One of these.
    Boolean(Vec<bool>),
    /// Within one of these spans of milliseconds, both ends included.
    Date(Vec<(i64, i64)>),
}

/// The longest text that is indexed as a whole, in characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Whole {
    /// Longer ones are not there for a query.
    pub ignore_above: usize,
}

/// What a text must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextTest {
    /// This, in whatever letter case; it is given in lower case.
    AnyCase(String),
    /// Begins so.
    Prefix(String),
    /// Begins so once it is lower case.
    PrefixAnyCase(String),
    /// Fits.
    Pattern(WildcardPattern),
    /// Fits once it is lower case.
    PatternAnyCase(WildcardPattern),
    /// Lies between, by its bytes; an end says whether it is within.
    Range(Option<(String, bool)>, Option<(String, bool)>),
}

impl TextTest {
    pub(super) fn passes(&self, text: &str) -> bool {
        match self {
            TextTest::AnyCase(wanted) => *lowered(text) == **wanted,
            TextTest::Prefix(prefix) => text.starts_with(prefix.as_str()),
            TextTest::PrefixAnyCase(prefix) => lower(text).starts_with(prefix.as_str()),
            TextTest::Pattern(pattern) => pattern.fits(text),
            TextTest::PatternAnyCase(pattern) => pattern.fits(&lower(text)),
            TextTest::Range(from, to) => within(text, from.as_ref(), to.as_ref(), |bound| text.cmp(bound.as_str())),
        }
    }
}

/// A number of a document or of a query, compared by its value whatever its form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    /// A whole one.
    Whole(i128),
    /// Another one.
    Fraction(f64),
}

impl Num {
    /// A JSON number.
    pub(crate) fn of(number: &Number) -> Num {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map_or_else(|| Num::Fraction(number.as_f64().unwrap_or_default()), Num::Whole)
    }

    /// A number written as a text; none if the text is no number.
    pub(crate) fn read(text: &str) -> Option<Num> {
        let fraction = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Num::Fraction);
        text.parse().ok().map(Num::Whole).or_else(fraction)
    }

    /// A stored value: a number, or a text that is one.
    pub(crate) fn stored(value: &Value) -> Option<Num> {
        match value {
            Value::Number(number) => Some(Num::of(number)),
            Value::String(text) => Num::read(text),
            _ => None,
        }
    }

    /// The number without its fraction, as a whole type stores it.
    #[must_use]
    pub(crate) fn cut(self) -> Num {
        match self {
            Num::Fraction(number) => Num::Whole(number.trunc() as i128),
            whole => whole,
        }
    }

    /// The number as a floating point number.
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Num::Whole(number) => number as f64,
            Num::Fraction(number) => number,
        }
    }
}

impl PartialEq for Num {
    fn eq(&self, other: &Num) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Num {}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Num) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Num {
    fn cmp(&self, other: &Num) -> Ordering {
        match (self, other) {
            (Num::Whole(one), Num::Whole(other)) => one.cmp(other),
            // Zero has one value, whatever its sign.
            (one, other) => (one.as_f64() + 0.0).total_cmp(&(other.as_f64() + 0.0)),
        }
    }
}

impl Filter {
    /// Whether a document matches.
    pub(crate) fn matches(&self, id: &str, source: &Source) -> bool {
        match self {
            Filter::All => true,
            Filter::None => false,
            Filter::Ids(ids) => ids.contains(id),
            Filter::Exists(path) => find(source, path, Leaves::Below, &mut |_| true),
            Filter::Field { path, test: Test::Date(spans) } => match source.field(path).map(SharedValue::as_instant) {
                // An instant that the server has written need not be read.
                Some(Some(at)) => is_within(spans, at.as_millis()),
                _ => values_at(source, path, &mut |value| millis_of(value).is_some_and(|at| is_within(spans, at))),
            },
            Filter::Field { path, test } => find(source, path, Leaves::Here, &mut |leaf| match leaf {
                Leaf::Value(value) => test.passes(value),
                Leaf::Text(text) => test.passes_text(text),
            }),
            Filter::Null(path) => source.iter().any(|(name, value)| has_null(name, value, path)),
            Filter::Words { paths, words, wanted } => has_words(source, paths, words, *wanted),
            Filter::Phrase { path, words } => values_at(source, path, &mut |value| has_phrase(&text_of(value), words)),
            Filter::Longer { path, most } => is_longer(source, path, *most),
            Filter::Every(filters) => filters.iter().all(|filter| filter.matches(id, source)),
            Filter::Some(filters, wanted) => {
                *wanted == 0
                    || filters.iter().filter(|filter| filter.matches(id, source)).take(*wanted).count() == *wanted
            }
            Filter::Not(filter) => !filter.matches(id, source),
        }
    }

    /// The only ids that can match, if the filter is bound to some.
    pub(crate) fn ids(&self) -> Option<&BTreeSet<String>> {
        match self {
            Filter::Ids(ids) => Some(ids),
            Filter::Every(filters) => filters.iter().find_map(Filter::ids),
            _ => None,
        }
    }
}

/// Whether a text at a path has more characters than are indexed.
pub(crate) fn is_longer(source: &Source, path: &str, most: usize) -> bool {
    values_at(source, path, &mut |value| !Whole { ignore_above: most }.takes(&text_of(value)))
}

fn has_phrase(text: &str, wanted: &[String]) -> bool {
    let found: Vec<Cow<'_, str>> = words(text).map(lowered).collect();
    found.windows(wanted.len()).any(|window| window.iter().zip(wanted).all(|(word, wanted)| **word == **wanted))
}

/// Whether there is a null at a path, by itself or in a list.
fn has_null(name: &str, value: &Value, path: &str) -> bool {
    fn is_null(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(is_null),
            value => value.is_null(),
        }
    }
    fn below(value: &Value, path: &str) -> bool {
        match value {
            Value::Object(members) => members.iter().any(|(name, value)| has_null(name, value, path)),
            Value::Array(items) => items.iter().any(|item| below(item, path)),
            _ => false,
        }
    }
    match path.strip_prefix(name) {
        Some("") => is_null(value),
        Some(rest) => rest.strip_prefix('.').is_some_and(|rest| below(value, rest)),
        None => false,
    }
}

fn has_words(source: &Source, paths: &[String], wanted_words: &[String], wanted: usize) -> bool {
    let mut seen = vec![false; wanted_words.len()];
    let mut count = 0;
    let mut see = |value: &Value| {
        for word in words(&text_of(value)) {
            let place = wanted_words.binary_search_by(|wanted| (**wanted).cmp(&*lowered(word)));
            if let Ok(place) = place
                && !seen[place]
            {
                seen[place] = true;
                count += 1;
            }
        }
        count >= wanted
    };
    paths.iter().any(|path| values_at(source, path, &mut see)) || wanted == 0
}

impl Test {
    /// Whether a text passes that stands for a value of the document.
    fn passes_text(&self, text: &str) -> bool {
        match self {
            Test::Keyword(terms, whole) => is_term(terms, *whole, text),
            _ => self.passes(&Value::from(text)),
        }
    }

    pub(super) fn passes(&self, value: &Value) -> bool {
        match self {
            Test::Keyword(terms, whole) => is_term(terms, *whole, &text_of(value)),
            Test::Word(terms) => words(&text_of(value)).any(|word| terms.contains(&*lowered(word))),
            Test::Text(test, whole) => {
                let text = text_of(value);
                test.passes(&text) && whole.takes(&text)
            }
            Test::WordText(test) => words(&text_of(value)).any(|word| test.passes(&lower(word))),
            Test::Number(numbers) => Num::stored(value).is_some_and(|number| numbers.contains(&number)),
            Test::NumberRange(from, to) => Num::stored(value)
                .is_some_and(|number| within(number, from.as_ref(), to.as_ref(), |bound| number.cmp(bound))),
            Test::Boolean(wanted) => boolean_of(value).is_some_and(|value| wanted.contains(&value)),
            Test::Date(spans) => millis_of(value).is_some_and(|at| is_within(spans, at)),
        }
    }
}

fn is_term(terms: &BTreeSet<String>, whole: Whole, text: &str) -> bool {
    terms.contains(text) && whole.takes(text)
}

fn is_within(spans: &[(i64, i64)], at: i64) -> bool {
    spans.iter().any(|(from, to)| (*from..=*to).contains(&at))
}

impl Whole {
    fn takes(self, text: &str) -> bool {
        text.len() <= self.ignore_above || text.chars().count() <= self.ignore_above
    }
}

/// Whether something lies between two bounds, of which each says whether it is within.
fn within<T, B>(_: T, from: Option<&(B, bool)>, to: Option<&(B, bool)>, compared: impl Fn(&B) -> Ordering) -> bool {
    let above = from.is_none_or(|(bound, within)| match compared(bound) {
        Ordering::Greater => true,
        Ordering::Equal => *within,
        Ordering::Less => false,
    });
    above
        && to.is_none_or(|(bound, within)| match compared(bound) {
            Ordering::Less => true,
            Ordering::Equal => *within,
            Ordering::Greater => false,
        })
}

/// A stored value as a text.
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A stored value as a boolean.
pub(crate) fn boolean_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.as_str() {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A stored value as an instant, in milliseconds.
pub(crate) fn millis_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => Timestamp::parse_date(text),
        Value::Number(number) => Timestamp::parse_date(&number.to_string()),
        _ => None,
    }
    .map(Timestamp::as_millis)
}

/// Which values of a path count.
#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    /// Those of the field itself.
    Here,
    /// Those of the fields below it too.
    Below,
}

/// A single value of a document.
enum Leaf<'a> {
    Value(&'a Value),
    /// A text that is known, so that no value need be made of it.
    Text(&'a str),
}

/// Shows `wanted` the single values at a path until it says that this is the one. Lists are opened, nulls
/// and objects passed over. A name with dots in it is the same as objects in each other.
pub(crate) fn values_at(source: &Source, path: &str, wanted: &mut dyn FnMut(&Value) -> bool) -> bool {
    find(source, path, Leaves::Here, &mut |leaf| match leaf {
        Leaf::Value(value) => wanted(value),
        Leaf::Text(text) => wanted(&Value::from(text)),
    })
}

fn find(source: &Source, path: &str, leaves: Leaves, wanted: &mut dyn FnMut(Leaf<'_>) -> bool) -> bool {
    // Only what stands at the path is put together, and only for this look.
    source.fields().any(|(name, field)| match rest_of(path, name) {
        Some("") => leaf(&field.apart(), leaves, wanted),
        Some(rest) => rest.strip_prefix('.').is_some_and(|rest| match field.known_text(rest) {
            Some(text) => wanted(Leaf::Text(text)),
            None => descend(&field.part(rest).apart(), rest, leaves, wanted),
        }),
        None => is_below(name, path, leaves) && leaf(&field.apart(), leaves, wanted),
    })
}

/// What follows a name in a path that begins with it. Most names differ in the byte that is looked at first.
#[inline]
fn rest_of<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    match name.as_bytes() {
        [.., last] if path.as_bytes().get(name.len() - 1) != Some(last) => None,
        _ => path.strip_prefix(name),
    }
}

/// Whether a field with dots in its name lies below the object that it spells out, where that counts.
fn is_below(name: &str, path: &str, leaves: Leaves) -> bool {
    leaves == Leaves::Below && name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

fn enter(name: &str, value: &Value, path: &str, leaves: Leaves, wanted: &mut dyn FnMut(Leaf<'_>) -> bool) -> bool {
    match path.strip_prefix(name) {
        Some("") => leaf(value, leaves, wanted),
        Some(rest) => rest.strip_prefix('.').is_some_and(|rest| descend(value, rest, leaves, wanted)),
        None => is_below(name, path, leaves) && leaf(value, leaves, wanted),
    }
}

fn descend(value: &Value, path: &str, leaves: Leaves, wanted: &mut dyn FnMut(Leaf<'_>) -> bool) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| enter(name, value, path, leaves, wanted)),
        Value::Array(items) => items.iter().any(|item| descend(item, path, leaves, wanted)),
        _ => false,
    }
}

fn leaf(value: &Value, leaves: Leaves, wanted: &mut dyn FnMut(Leaf<'_>) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(|item| leaf(item, leaves, wanted)),
        Value::Object(map) => leaves == Leaves::Below && map.values().any(|value| leaf(value, leaves, wanted)),
        value => wanted(Leaf::Value(value)),
    }
}
