//! From the documents that a search matches to what its aggregations say of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::values::{Val, ValKind, ValuesSource};
use super::{
    Aggregated, Aggregation, BucketFound, BucketOrder, HistogramAsked, Metric, OrderedBy, Reckoned, Reckoning,
    TermsAsked, TermsKind, ValuesAsked,
};
use crate::clock::Timestamp;
use crate::clock::calendar::DatePattern;
use crate::es::document::source::bucket as bucket_in;
use crate::es::search::query::{Filter, QueryRefusal, text_of};
use crate::es::search::run::{Matched, Shard, ShardFailure};
use crate::limits::BUCKETS_MAX;

/// An aggregation that knows the indices of its search.
struct Bound<'q> {
    asked: &'q Aggregation,
    sources: Vec<AggregationSource>,
    inner: Vec<Bound<'q>>,
}

/// What an aggregation reads of one index.
enum AggregationSource {
    Values(ValuesSource),
    Filter(Filter),
}

impl Aggregation {
    /// Reckons all that is asked from the documents that match.
    ///
    /// # Errors
    /// The first index that cannot be asked this, and why.
    pub(crate) fn reckon(
        asked: &[Aggregation],
        shards: &[Shard<'_>],
        matched: &[Matched<'_>],
        now: Timestamp,
    ) -> Result<Vec<Aggregated>, Box<ShardFailure>> {
        let bound = asked.iter().map(|asked| bind(asked, shards, now)).collect::<Result<Vec<_>, _>>()?;
        let mut work = Work { shards, buckets: 0 };
        let all: Vec<&Matched<'_>> = matched.iter().collect();
        let found = bound.iter().map(|bound| work.reckon(bound, &all)).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|fault| match shards.first() {
            Some(shard) => shard.fault(fault),
            None => Box::new(ShardFailure { index: String::new(), index_uuid: String::new(), fault }),
        })?;
        Ok(if shards.len() > 1 { as_reduced(found) } else { found })
    }
}

/// What several indices have found comes out of a Java `HashMap` that was made for so many.
///
/// Source: Elasticsearch 9.x, the reduction of aggregations.
fn as_reduced(mut found: Vec<Aggregated>) -> Vec<Aggregated> {
    let places = match found.len().next_power_of_two() {
        places if found.len() > places / 4 * 3 => places * 2,
        places => places,
    };
    found.sort_by_key(|found| bucket_in(&found.name, places.max(2)));
    found
}

fn bind<'q>(asked: &'q Aggregation, shards: &[Shard<'_>], now: Timestamp) -> Result<Bound<'q>, Box<ShardFailure>> {
    let sources = shards.iter().map(|shard| source(&asked.asked, shard, now).map_err(|fault| shard.fault(fault)));
    Ok(Bound {
        asked,
        sources: sources.collect::<Result<_, _>>()?,
        inner: asked.inner.iter().map(|inner| bind(inner, shards, now)).collect::<Result<_, _>>()?,
    })
}

fn source(asked: &Reckoning, shard: &Shard<'_>, now: Timestamp) -> Result<AggregationSource, QueryRefusal> {
    let values = |values: &ValuesAsked, texts| {
        ValuesSource::bind(values, shard, asked.name(), texts, now).map(AggregationSource::Values)
    };
    match asked {
        Reckoning::Filter(query) => {
            query.bind(shard.name, shard.mapping, shard.limits(), now).map(AggregationSource::Filter)
        }
        Reckoning::Terms(terms) => values(&terms.values, true),
        Reckoning::Cardinality(asked) | Reckoning::ValueCount(asked) => values(asked, true),
        Reckoning::Metric(_, asked) => values(asked, false),
        Reckoning::DateHistogram(histogram) => {
            let bound = ValuesSource::bind(&histogram.values, shard, asked.name(), false, now)?;
            match &bound.kind {
                None | Some(ValKind::Date(_)) => Ok(AggregationSource::Values(bound)),
                Some(ValKind::Boolean) => Err(QueryRefusal::NotForAggregation {
                    aggregation: asked.name(),
                    field: histogram.values.field.clone(),
                    kind: "boolean".to_owned(),
                }),
                Some(_) => Err(QueryRefusal::Unsupported {
                    what: format!("a [date_histogram] of the field [{}], which is no date", histogram.values.field),
                    instead: "map the field as a date",
                }),
            }
        }
    }
}

struct Work<'a> {
    shards: &'a [Shard<'a>],
    /// How many buckets there are so far.
    buckets: usize,
}

type CollectedDocuments<'d> = Vec<&'d Matched<'d>>;

impl Work<'_> {
    fn reckon<'d>(&mut self, bound: &Bound<'_>, documents: &[&'d Matched<'d>]) -> Result<Aggregated, QueryRefusal> {
        let result = match &bound.asked.asked {
            Reckoning::Filter(_) => {
                let passes = |matched: &&'d Matched<'d>| match &bound.sources[matched.shard] {
                    AggregationSource::Filter(filter) => filter.matches(matched.id, &matched.document.source),
                    AggregationSource::Values(_) => false,
                };
                let within: CollectedDocuments<'d> = documents.iter().copied().filter(passes).collect();
                Reckoned::Filter(self.bucket(bound, Value::Null, None, &within)?)
            }
            Reckoning::Terms(terms) => self.terms(bound, terms, documents)?,
            Reckoning::DateHistogram(histogram) => self.histogram(bound, histogram, documents)?,
            Reckoning::Cardinality(_) => {
                let mut seen = BTreeSet::new();
                documents.iter().for_each(|matched| seen.extend(self.values(bound, matched)));
                Reckoned::Count("cardinality", seen.len() as u64)
            }
            Reckoning::ValueCount(_) => {
                let count = documents.iter().map(|matched| self.values(bound, matched).len() as u64).sum();
                Reckoned::Count("value_count", count)
            }
            Reckoning::Metric(metric, _) => {
                let numbers = documents.iter().flat_map(|matched| self.values(bound, matched));
                let value = metric.of(numbers.map(|value| value.as_f64()));
                let text = value.and_then(|value| match kind(bound)? {
                    ValKind::Date(pattern) => Some(pattern.write(value as i64)),
                    ValKind::Boolean => Some((value != 0.0).to_string()),
                    _ => None,
                });
                Reckoned::Number(*metric, value, text)
            }
        };
        Ok(Aggregated { name: bound.asked.name.clone(), meta: bound.asked.meta.clone(), result })
    }

    fn values(&self, bound: &Bound<'_>, matched: &Matched<'_>) -> Vec<Val> {
        match &bound.sources[matched.shard] {
            AggregationSource::Values(values) => values.of(matched, &self.shards[matched.shard]),
            AggregationSource::Filter(_) => Vec::new(),
        }
    }

    fn bucket<'d>(
        &mut self,
        bound: &Bound<'_>,
        key: Value,
        key_as_string: Option<String>,
        documents: &[&'d Matched<'d>],
    ) -> Result<BucketFound, QueryRefusal> {
        self.buckets += 1;
        if self.buckets > BUCKETS_MAX {
            return Err(QueryRefusal::TooManyBuckets);
        }
        let inner = bound.inner.iter().map(|inner| self.reckon(inner, documents)).collect::<Result<_, _>>()?;
        Ok(BucketFound { key, key_as_string, count: documents.len() as u64, inner })
    }

    fn terms<'d>(
        &mut self,
        bound: &Bound<'_>,
        asked: &TermsAsked,
        documents: &[&'d Matched<'d>],
    ) -> Result<Reckoned, QueryRefusal> {
        let kind = kind(bound);
        let counts = |value: &Val| {
            let is_among = |list: &[Value]| list.iter().any(|listed| is_value(listed, value, kind));
            asked.include.as_deref().is_none_or(is_among) && !is_among(&asked.exclude)
        };
        let mut groups: BTreeMap<Val, CollectedDocuments<'d>> = BTreeMap::new();
        for matched in documents {
            let mut values = self.values(bound, matched);
            values.dedup();
            values.into_iter().filter(counts).for_each(|value| groups.entry(value).or_default().push(matched));
        }
        groups.retain(|_, documents| documents.len() as u64 >= asked.least);
        let terms_kind = match kind {
            None => TermsKind::Unmapped,
            Some(ValKind::Text) => TermsKind::Texts,
            Some(ValKind::Fraction) => TermsKind::Doubles,
            Some(_) => TermsKind::Longs,
        };
        let is_plain = asked.order.iter().all(|order| !matches!(order.by, OrderedBy::Inner(_)));
        let mut placed: Vec<(Val, CollectedDocuments<'d>, Option<BucketFound>)> = Vec::with_capacity(groups.len());
        for (value, documents) in groups {
            // What is inside is only reckoned for all of them where it decides the order.
            let found = match is_plain {
                true => None,
                false => Some(self.bucket_of(bound, &value, kind, &documents)?),
            };
            placed.push((value, documents, found));
        }
        let most_first = [BucketOrder { by: OrderedBy::Count, descending: true }];
        let order = if asked.order.is_empty() { &most_first[..] } else { &asked.order };
        // They come in the order of their keys, which decides between equals.
        placed.sort_by(|one, other| {
            let (one, other) = ((&one.0, one.1.len(), one.2.as_ref()), (&other.0, other.1.len(), other.2.as_ref()));
            compare(order, one, other)
        });
        let others = placed.iter().skip(asked.size).map(|(_, documents, _)| documents.len() as u64).sum();
        placed.truncate(asked.size);
        let mut buckets = Vec::with_capacity(placed.len());
        for (value, documents, found) in placed {
            buckets.push(match found {
                Some(found) => found,
                None => self.bucket_of(bound, &value, kind, &documents)?,
            });
        }
        Ok(Reckoned::Terms { kind: terms_kind, others, buckets, shows_error: asked.shows_error })
    }

    fn bucket_of<'d>(
        &mut self,
        bound: &Bound<'_>,
        value: &Val,
        kind: Option<&ValKind>,
        documents: &[&'d Matched<'d>],
    ) -> Result<BucketFound, QueryRefusal> {
        let (key, text) = match value {
            Val::Text(text) => (Value::from(text.as_str()), None),
            Val::Fraction(number) => (Value::from(*number), None),
            Val::Whole(number) => (
                Value::from(*number),
                match kind {
                    Some(ValKind::Date(pattern)) => Some(pattern.write(*number)),
                    Some(ValKind::Boolean) => Some((*number != 0).to_string()),
                    _ => None,
                },
            ),
        };
        self.bucket(bound, key, text, documents)
    }

    fn histogram<'d>(
        &mut self,
        bound: &Bound<'_>,
        asked: &HistogramAsked,
        documents: &[&'d Matched<'d>],
    ) -> Result<Reckoned, QueryRefusal> {
        let pattern = match kind(bound) {
            Some(ValKind::Date(pattern)) => pattern.clone(),
            _ => DatePattern::Iso,
        };
        let mut groups: BTreeMap<i64, CollectedDocuments<'d>> = BTreeMap::new();
        for matched in documents {
            let mut starts: Vec<i64> = self
                .values(bound, matched)
                .into_iter()
                .filter_map(|value| match value {
                    Val::Whole(at) => Some(asked.interval.floor(at - asked.offset_ms) + asked.offset_ms),
                    Val::Text(_) | Val::Fraction(_) => None,
                })
                .collect();
            starts.dedup();
            starts.into_iter().for_each(|start| groups.entry(start).or_default().push(matched));
        }
        if let (0, Some(first), Some(last)) = (asked.least, groups.keys().next(), groups.keys().next_back()) {
            let (mut at, last) = (*first, *last);
            while at < last {
                groups.entry(at).or_default();
                at = asked.interval.next(at - asked.offset_ms) + asked.offset_ms;
                if groups.len() > BUCKETS_MAX {
                    return Err(QueryRefusal::TooManyBuckets);
                }
            }
        }
        let mut buckets = Vec::new();
        for (start, documents) in groups {
            if documents.len() as u64 >= asked.least {
                let text = Some(pattern.write(start));
                buckets.push((Val::Whole(start), self.bucket(bound, Value::from(start), text, &documents)?));
            }
        }
        buckets.sort_by(|one, other| {
            let one = (&one.0, one.1.count as usize, Some(&one.1));
            compare(&asked.order, one, (&other.0, other.1.count as usize, Some(&other.1)))
        });
        let buckets = buckets.into_iter().map(|(_, bucket)| bucket).collect();
        Ok(Reckoned::Histogram { buckets, is_keyed: asked.is_keyed })
    }
}

/// What the values of an aggregation are: what they are in the first index that knows the field.
fn kind<'b>(bound: &'b Bound<'_>) -> Option<&'b ValKind> {
    bound.sources.iter().find_map(|source| match source {
        AggregationSource::Values(values) => values.kind.as_ref(),
        AggregationSource::Filter(_) => None,
    })
}

/// Whether a value of a list means one that was found.
fn is_value(listed: &Value, value: &Val, kind: Option<&ValKind>) -> bool {
    match (value, kind) {
        (Val::Text(text), _) => *text_of(listed) == **text,
        (Val::Whole(number), Some(ValKind::Boolean)) => *text_of(listed) == *(*number != 0).to_string(),
        (Val::Whole(at), Some(ValKind::Date(pattern))) => *text_of(listed) == *pattern.write(*at),
        (value, _) => listed.as_f64().or_else(|| text_of(listed).parse().ok()) == Some(value.as_f64()),
    }
}

/// A bucket in its place: its key, how many documents it has, and what is inside where that is known.
type InPlace<'b> = (&'b Val, usize, Option<&'b BucketFound>);

fn compare(order: &[BucketOrder], one: InPlace<'_>, other: InPlace<'_>) -> Ordering {
    let by = |order: &BucketOrder| {
        let ordering = match &order.by {
            OrderedBy::Count => one.1.cmp(&other.1),
            OrderedBy::Key => one.0.cmp(other.0),
            OrderedBy::Inner(name) => {
                let (one, other) = (inner_number(one.2, name), inner_number(other.2, name));
                // What has no number comes last either way.
                return match (one, other) {
                    (Some(one), Some(other)) if order.descending => other.total_cmp(&one),
                    (Some(one), Some(other)) => one.total_cmp(&other),
                    (one, other) => one.is_none().cmp(&other.is_none()),
                };
            }
        };
        if order.descending { ordering.reverse() } else { ordering }
    };
    order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

fn inner_number(bucket: Option<&BucketFound>, name: &str) -> Option<f64> {
    let found = bucket?.inner.iter().find(|found| found.name == name)?;
    match &found.result {
        Reckoned::Count(_, count) => Some(*count as f64),
        Reckoned::Number(_, value, _) => *value,
        Reckoned::Filter(bucket) => Some(bucket.count as f64),
        Reckoned::Terms { .. } | Reckoned::Histogram { .. } => None,
    }
}

impl Metric {
    /// One number of several; none of none, but a sum is zero then.
    fn of(self, numbers: impl Iterator<Item = f64>) -> Option<f64> {
        let mut numbers = numbers.peekable();
        let is_empty = numbers.peek().is_none();
        match self {
            Metric::Min => numbers.reduce(f64::min),
            Metric::Max => numbers.reduce(f64::max),
            Metric::Sum => Some(sum(numbers).0),
            Metric::Avg if is_empty => None,
            Metric::Avg => {
                let (sum, count) = sum(numbers);
                Some(sum / count as f64)
            }
        }
    }
}

/// A sum that loses nothing by rounding on its way, and of how many numbers it is.
///
/// Source: Kahan's summation, as Elasticsearch sums.
fn sum(numbers: impl Iterator<Item = f64>) -> (f64, u64) {
    let (mut sum, mut lost, mut count) = (0.0_f64, 0.0_f64, 0);
    for number in numbers {
        count += 1;
        let corrected = number - lost;
        let next = sum + corrected;
        lost = (next - sum) - corrected;
        sum = next;
    }
    (sum, count)
}
