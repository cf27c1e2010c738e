//! [`Query`]: the spoken part of Query DSL, and whether a document matches.
//!
//! A query is read once, from JSON, and knows no index. [`Query::bind`] holds it against the fields of
//! one index and an instant, where dates become instants and numbers numbers; what comes out, a
//! [`Filter`], is asked for each document. All of it is pure.
//!
//! Source: Elasticsearch 9.x, its query builders and field types.

mod bind;
mod fields;
mod filter;
mod minimum;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use serde_json::Value;

pub(crate) use bind::Limits;
pub(crate) use fields::FieldKind;
pub(crate) use filter::{Filter, Num, values_at};
pub(crate) use filter::{boolean_of, millis_of, text_of};
pub(crate) use minimum::Minimum;

/// A query as it was asked. Values are scalars: texts, numbers, booleans.
// DIFFERENCE: boosts are read and left out of account, for every hit has the same score.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Query {
    /// Every document.
    #[default]
    All,
    /// No document.
    None,
    /// Documents with a field that is exactly this.
    Term {
        /// The field's path.
        field: String,
        /// What it must be.
        value: Value,
        /// Whether letter case is left out of account.
        any_case: bool,
    },
    /// Documents with a field that is one of these; none of them if there are none.
    Terms {
        /// The field's path.
        field: String,
        /// What it may be.
        values: Vec<Value>,
    },
    /// Documents with a field that has the words of a text; a field that is no text is compared whole.
    Match {
        /// The field's path.
        field: String,
        /// The text.
        value: Value,
        /// Whether all of the words are wanted.
        all: bool,
        /// How many of the words are wanted.
        minimum: Option<Minimum>,
        /// Whether a text without words matches everything.
        zero_terms_all: bool,
        /// Whether a value that the field cannot have matches nothing, and is not refused.
        lenient: bool,
    },
    /// Documents with a field that has the words of a text one after the other; a field that is no text is
    /// compared whole.
    Phrase {
        /// The field's path.
        field: String,
        /// The text.
        value: Value,
        /// Whether a text without words matches everything.
        zero_terms_all: bool,
    },
    /// Documents with one of several fields that has the words of a text.
    MultiMatch(Box<MultiMatch>),
    /// A query whose name is told with each hit that matches it.
    Named(String, Box<Query>),
    /// A word or a pattern in whatever field.
    AnyField {
        /// The text.
        value: String,
        /// Whether all of the words are wanted.
        all: bool,
    },
    /// The documents with these ids.
    Ids(Vec<String>),
    /// Documents that have a value there.
    Exists(String),
    /// Documents with a field that begins so.
    Prefix {
        /// The field's path.
        field: String,
        /// The beginning.
        value: String,
        /// Whether letter case is left out of account.
        any_case: bool,
    },
    /// Documents with a field that fits a pattern.
    Wildcard {
        /// The field's path.
        field: String,
        /// The pattern: `*` for anything, `?` for one character, `\` before what is meant as it is.
        value: String,
        /// Whether letter case is left out of account.
        any_case: bool,
    },
    /// Documents with a field that fits a pattern once it is as the field has its words: lower case, if it is a
    /// text.
    WordPattern {
        /// The field's path.
        field: String,
        /// The pattern, as that of a wildcard.
        value: String,
    },
    /// Documents with a field within bounds.
    Range {
        /// The field's path.
        field: String,
        /// The lower bound, and whether it is within.
        from: Option<(Value, bool)>,
        /// The upper bound, and whether it is within.
        to: Option<(Value, bool)>,
    },
    /// Documents that pass several queries.
    Bool(Box<Bool>),
    /// Documents of a filter, whose own score does not count.
    Constant(Box<Query>),
}

/// A text that is looked for in several fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MultiMatch {
    /// The paths of the fields, which may have `*` in them; all fields if there are none.
    pub fields: Vec<String>,
    /// The text.
    pub value: Value,
    /// Whether the words are wanted one after the other.
    pub is_phrase: bool,
    /// Whether all of the words are wanted.
    pub all: bool,
    /// How many of the words are wanted.
    pub minimum: Option<Minimum>,
    /// Whether a text without words matches everything.
    pub zero_terms_all: bool,
    /// Whether a value that a field cannot have matches nothing there, if that is said.
    pub lenient: Option<bool>,
}

/// The clauses of a `bool` query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bool {
    /// All of these.
    pub must: Vec<Query>,
    /// All of these, without a score.
    pub filter: Vec<Query>,
    /// Queries of which some should match.
    pub should: Vec<Query>,
    /// Queries that must not match.
    pub must_not: Vec<Query>,
    /// How many of `should`.
    pub minimum: Option<Minimum>,
}

impl Query {
    /// The score of every hit.
    // DIFFERENCE: Elasticsearch reckons how rare and how long things are; here a hit scores 1, and 0
    // where only filters decide.
    pub(crate) fn score(&self) -> f64 {
        match self {
            Query::Named(_, query) => query.score(),
            Query::Bool(clauses) if !clauses.is_empty() => {
                let mut scoring = clauses.must.iter().chain(&clauses.should);
                if scoring.any(|query| query.score() > 0.0) { 1.0 } else { 0.0 }
            }
            _ => 1.0,
        }
    }

    /// Adds the names in the query, each with what it names.
    pub(crate) fn named<'q>(&'q self, found: &mut Vec<(&'q str, &'q Query)>) {
        if let Query::Named(name, query) = self {
            found.push((name, query));
        }
        self.parts().into_iter().for_each(|query| query.named(found));
    }

    /// The queries that it is made of.
    fn parts(&self) -> Vec<&Query> {
        // Each is named, so that a new one that has parts is not forgotten.
        match self {
            Query::Named(_, query) | Query::Constant(query) => vec![query],
            Query::Bool(clauses) => {
                let all = [&clauses.must, &clauses.filter, &clauses.should, &clauses.must_not];
                all.into_iter().flatten().collect()
            }
            Query::All
            | Query::None
            | Query::Term { .. }
            | Query::Terms { .. }
            | Query::Match { .. }
            | Query::Phrase { .. }
            | Query::MultiMatch(_)
            | Query::AnyField { .. }
            | Query::Ids(_)
            | Query::Exists(_)
            | Query::Prefix { .. }
            | Query::Wildcard { .. }
            | Query::WordPattern { .. }
            | Query::Range { .. } => Vec::new(),
        }
    }
}

impl Bool {
    fn is_empty(&self) -> bool {
        self.must.is_empty() && self.filter.is_empty() && self.should.is_empty() && self.must_not.is_empty()
    }
}

/// Why an index cannot be asked a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum QueryRefusal {
    /// A text is not of the field's type.
    NoNumber(String),
    /// A value is neither true nor false.
    NoBoolean(String),
    /// A value of a range is no date.
    NoDate(crate::clock::DateRefusal),
    /// A single value is no date.
    NoDateTerm(crate::clock::DateRefusal),
    /// The field's type has no query of that kind.
    NotForType {
        /// The query.
        query: &'static str,
        /// The field.
        field: String,
        /// The type's name.
        kind: String,
    },
    /// There is no such field to sort by.
    SortUnmapped(String),
    /// Text cannot be sorted by.
    SortText(String),
    /// Ids cannot be sorted by.
    SortId,
    /// The mode is for numbers.
    SortMode,
    /// The values to go on behind are as many as they should not be.
    SearchAfterCount {
        /// Those that were given.
        given: usize,
        /// Those that are sorted by.
        sorted: usize,
    },
    /// A value to go on behind is not of the type that is sorted by.
    SearchAfterValue {
        /// The field.
        field: String,
    },
    /// There is something to go on behind, and nothing to sort by.
    SearchAfterUnsorted,
    /// There is something to go on behind, and hits to pass over.
    SearchAfterFrom,
    /// There is something to go on behind in a scroll.
    SearchAfterScroll,
    /// More hits were asked for than a page may reach.
    Window {
        /// `from` + `size`.
        asked: u64,
        /// How far it may.
        most: u64,
    },
    /// More hits at a time were asked for than a scroll may give.
    Batch {
        /// The size.
        asked: u64,
        /// The largest one.
        most: u64,
    },
    /// More fields are to be shown from their values than may be.
    TooManyShown {
        /// How many.
        given: usize,
        /// How many there may be.
        most: u64,
    },
    /// More terms were given than a query may have.
    TooManyTerms {
        /// How many.
        given: usize,
        /// How many there may be.
        most: u64,
    },
    /// More ids were given than a query may have.
    TooManyIds {
        /// How many there may be.
        most: u64,
    },
    /// The field's type has no aggregation of that kind.
    NotForAggregation {
        /// The aggregation.
        aggregation: &'static str,
        /// The field.
        field: String,
        /// The type's name.
        kind: String,
    },
    /// There would be more buckets than there may be.
    TooManyBuckets,
    /// Elasticsearch could, and this mock cannot.
    Unsupported {
        /// What it cannot.
        what: String,
        /// What to do instead.
        instead: &'static str,
    },
}
