//! What aggregations have found, as JSON.
//!
//! Source: Elasticsearch 9.x, the result of each aggregation; the order of members is theirs.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::es::search::run::HitShape;
use crate::es::search::run::aggregation::{Aggregated, BucketFound, Reckoned, TermsKind};

/// Results by their names.
pub(crate) struct AggregationsBody<'a> {
    found: &'a [Aggregated],
    typed: bool,
}

impl<'a> AggregationsBody<'a> {
    /// The results as a search of that shape shows them.
    pub(crate) fn new(found: &'a [Aggregated], shape: &HitShape) -> AggregationsBody<'a> {
        AggregationsBody { found, typed: shape.typed_keys }
    }

    fn members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        for found in self.found {
            let one = OneAggregation { found, typed: self.typed };
            match self.typed {
                true => map.serialize_entry(&format!("{}#{}", type_name(&found.result), found.name), &one)?,
                false => map.serialize_entry(&found.name, &one)?,
            }
        }
        Ok(())
    }
}

/// The name of a result's type, which differs from that of the aggregation by the values that it is of.
fn type_name(result: &Reckoned) -> &'static str {
    match result {
        Reckoned::Count(name, _) => name,
        Reckoned::Number(metric, ..) => metric.name(),
        Reckoned::Filter(_) => "filter",
        Reckoned::Histogram { .. } => "date_histogram",
        Reckoned::Terms { kind, .. } => match kind {
            TermsKind::Texts => "sterms",
            TermsKind::Longs => "lterms",
            TermsKind::Doubles => "dterms",
            TermsKind::Unmapped => "umterms",
        },
    }
}

impl Serialize for AggregationsBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.found.len()))?;
        self.members(&mut map)?;
        map.end()
    }
}

struct OneAggregation<'a> {
    found: &'a Aggregated,
    typed: bool,
}

impl Serialize for OneAggregation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(meta) = &self.found.meta {
            map.serialize_entry("meta", meta)?;
        }
        match &self.found.result {
            Reckoned::Count(_, count) => map.serialize_entry("value", count)?,
            Reckoned::Number(_, value, text) => {
                map.serialize_entry("value", value)?;
                if let Some(text) = text {
                    map.serialize_entry("value_as_string", text)?;
                }
            }
            Reckoned::Filter(bucket) => {
                map.serialize_entry("doc_count", &bucket.count)?;
                AggregationsBody { found: &bucket.inner, typed: self.typed }.members(&mut map)?;
            }
            Reckoned::Terms { others, buckets, shows_error, .. } => {
                map.serialize_entry("doc_count_error_upper_bound", &0)?;
                map.serialize_entry("sum_other_doc_count", others)?;
                let parts = Buckets { buckets, typed: self.typed, text_first: false, shows_error: *shows_error };
                map.serialize_entry("buckets", &parts)?;
            }
            Reckoned::Histogram { buckets, is_keyed } => {
                let parts = Buckets { buckets, typed: self.typed, text_first: true, shows_error: false };
                match is_keyed {
                    true => map.serialize_entry("buckets", &Keyed(parts))?,
                    false => map.serialize_entry("buckets", &parts)?,
                }
            }
        }
        map.end()
    }
}

struct Buckets<'a> {
    buckets: &'a [BucketFound],
    typed: bool,
    /// Whether a key's text stands before the key.
    text_first: bool,
    shows_error: bool,
}

impl Buckets<'_> {
    fn one<'b>(&self, bucket: &'b BucketFound) -> Bucket<'b> {
        Bucket { bucket, typed: self.typed, text_first: self.text_first, shows_error: self.shows_error }
    }
}

impl Serialize for Buckets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.buckets.len()))?;
        self.buckets.iter().try_for_each(|bucket| list.serialize_element(&self.one(bucket)))?;
        list.end()
    }
}

/// Buckets by the texts of their keys.
struct Keyed<'a>(Buckets<'a>);

impl Serialize for Keyed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.buckets.len()))?;
        for bucket in self.0.buckets {
            map.serialize_entry(bucket.key_as_string.as_deref().unwrap_or_default(), &self.0.one(bucket))?;
        }
        map.end()
    }
}

struct Bucket<'a> {
    bucket: &'a BucketFound,
    typed: bool,
    text_first: bool,
    shows_error: bool,
}

impl Serialize for Bucket<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let BucketFound { key, key_as_string, count, inner } = self.bucket;
        let mut map = serializer.serialize_map(None)?;
        match key_as_string {
            Some(text) if self.text_first => {
                map.serialize_entry("key_as_string", text)?;
                map.serialize_entry("key", key)?;
            }
            Some(text) => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("key_as_string", text)?;
            }
            None => map.serialize_entry("key", key)?,
        }
        map.serialize_entry("doc_count", count)?;
        if self.shows_error {
            map.serialize_entry("doc_count_error_upper_bound", &0)?;
        }
        AggregationsBody { found: inner, typed: self.typed }.members(&mut map)?;
        map.end()
    }
}
