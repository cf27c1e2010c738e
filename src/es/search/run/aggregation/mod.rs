//! [`Aggregation`]: what is reckoned from all that a search matches. [`Aggregated`]: what came out.
//!
//! A tree is asked and a tree comes out. It is pure: documents in, counts and numbers out; how they are
//! written the answer says.
//!
//! Source: Elasticsearch 9.x, aggregation builders, values sources and their reductions.

mod collect;
pub(super) mod values;

use serde_json::Value;

use crate::clock::calendar::{DatePattern, Interval};
use crate::es::search::query::Query;

/// An aggregation as it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregation {
    /// What its result is called.
    pub name: String,
    /// What the result repeats to whoever asked.
    pub meta: Option<Value>,
    /// What is reckoned.
    pub asked: Reckoning,
    /// What is reckoned within each of its buckets.
    pub inner: Vec<Aggregation>,
}

/// What an aggregation reckons.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reckoning {
    /// The documents with each value of a field.
    Terms(TermsAsked),
    /// The documents of each span of time.
    DateHistogram(HistogramAsked),
    /// The documents that match a query too.
    Filter(Query),
    /// How many different values a field has.
    Cardinality(ValuesAsked),
    /// How many values a field has.
    ValueCount(ValuesAsked),
    /// A number made of the values of a field.
    Metric(Metric, ValuesAsked),
}

impl Reckoning {
    /// Elasticsearch's name of the kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Reckoning::Terms(_) => "terms",
            Reckoning::DateHistogram(_) => "date_histogram",
            Reckoning::Filter(_) => "filter",
            Reckoning::Cardinality(_) => "cardinality",
            Reckoning::ValueCount(_) => "value_count",
            Reckoning::Metric(metric, _) => metric.name(),
        }
    }

    /// Whether it has buckets, in which there may be others.
    pub(crate) fn has_buckets(&self) -> bool {
        matches!(self, Reckoning::Terms(_) | Reckoning::DateHistogram(_) | Reckoning::Filter(_))
    }
}

/// A number made of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// All together.
    Sum,
    /// Their mean.
    Avg,
}

impl Metric {
    /// Elasticsearch's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Metric::Min => "min",
            Metric::Max => "max",
            Metric::Sum => "sum",
            Metric::Avg => "avg",
        }
    }
}

/// The values of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ValuesAsked {
    /// The field's path.
    pub field: String,
    /// What counts where a document has none.
    pub missing: Option<Value>,
    /// How a date is written.
    pub format: Option<DatePattern>,
}

/// Buckets by the values of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TermsAsked {
    /// The values.
    pub values: ValuesAsked,
    /// How many buckets are shown.
    pub size: usize,
    /// How many documents a bucket has at least.
    pub least: u64,
    /// Their order; the most documents first, if nothing is said.
    pub order: Vec<BucketOrder>,
    /// The only values that count, if they are named.
    pub include: Option<Vec<Value>>,
    /// Values that do not count.
    pub exclude: Vec<Value>,
    /// Whether each bucket tells how far its count may be wrong, which is never.
    pub shows_error: bool,
}

/// Buckets by spans of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistogramAsked {
    /// The values.
    pub values: ValuesAsked,
    /// The span.
    pub interval: Interval,
    /// By how many milliseconds each span begins later.
    pub offset_ms: i64,
    /// How many documents a bucket has at least; with none, gaps are filled.
    pub least: u64,
    /// Their order; the earliest first, if nothing is said.
    pub order: Vec<BucketOrder>,
    /// Whether buckets are named by their keys.
    pub is_keyed: bool,
}

/// By what buckets are put in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketOrder {
    /// By what.
    pub by: OrderedBy,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What of a bucket counts for its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OrderedBy {
    /// How many documents it has.
    Count,
    /// Its key.
    Key,
    /// The number that an inner aggregation of that name has.
    Inner(String),
}

/// What an aggregation has found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregated {
    /// What it is called.
    pub name: String,
    /// What whoever asked wanted to read again.
    pub meta: Option<Value>,
    /// What came out.
    pub result: Reckoned,
}

/// What came out of an aggregation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reckoned {
    /// A count; the name says of what.
    Count(&'static str, u64),
    /// A number, and how it is written beside; none where there were no values.
    Number(Metric, Option<f64>, Option<String>),
    /// The documents of a filter.
    Filter(BucketFound),
    /// Buckets by value.
    Terms {
        /// Which kind of values.
        kind: TermsKind,
        /// The documents of buckets that are not shown.
        others: u64,
        /// The buckets.
        buckets: Vec<BucketFound>,
        /// Whether each tells how far its count may be wrong.
        shows_error: bool,
    },
    /// Buckets by time.
    Histogram {
        /// The buckets.
        buckets: Vec<BucketFound>,
        /// Whether they are named by their keys.
        is_keyed: bool,
    },
}

/// Which kind of values buckets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TermsKind {
    /// Texts.
    Texts,
    /// Whole numbers.
    Longs,
    /// Numbers with a fraction.
    Doubles,
    /// No index knows the field.
    Unmapped,
}

/// The documents with something in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketFound {
    /// What they have in common.
    pub key: Value,
    /// What they have in common as a text, where it is told so too.
    pub key_as_string: Option<String>,
    /// How many there are.
    pub count: u64,
    /// What was reckoned from them.
    pub inner: Vec<Aggregated>,
}
