//! The answers of searches as JSON.
//!
//! They are written after the lock is released, from documents that the shelf shares with them.
//!
//! Source: Elasticsearch 9.x, search response, hits and total hits; the order of members is theirs.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};

use super::aggregated::AggregationsBody;
use crate::es::document::store::PRIMARY_TERM;
use crate::es::error::ApiError;
use crate::es::search::run::{Hit, HitShape, SearchFound, Total};

/// The answer of a search.
pub(crate) struct FoundBody<'a>(pub &'a SearchFound);

/// The answer of several searches.
pub(crate) struct SearchesBody<'a>(pub &'a [Result<SearchFound, ApiError>]);

impl Serialize for FoundBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        found(self.0, &mut map)?;
        map.end()
    }
}

fn found<M: SerializeMap>(found: &SearchFound, map: &mut M) -> Result<(), M::Error> {
    if let Some(id) = &found.scroll_id {
        map.serialize_entry("_scroll_id", id)?;
    }
    if let Some(id) = &found.pit_id {
        map.serialize_entry("pit_id", id)?;
    }
    // Nobody's clock runs while the mock searches.
    map.serialize_entry("took", &0)?;
    map.serialize_entry("timed_out", &false)?;
    if let Some(early) = found.terminated_early {
        map.serialize_entry("terminated_early", &early)?;
    }
    let shards = json!({ "total": found.shards, "successful": found.shards, "skipped": 0, "failed": 0 });
    map.serialize_entry("_shards", &shards)?;
    map.serialize_entry("hits", &SearchHits(found))?;
    match &found.aggregations {
        Some(aggregations) => map.serialize_entry("aggregations", &AggregationsBody::new(aggregations, &found.shape)),
        None => Ok(()),
    }
}

struct SearchHits<'a>(&'a SearchFound);

impl Serialize for SearchHits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(total) = found.total {
            map.serialize_entry("total", &told(total, &found.shape))?;
        } else if found.shape.total_as_int {
            map.serialize_entry("total", &-1)?;
        }
        map.serialize_entry("max_score", &found.max_score)?;
        map.serialize_entry("hits", &HitList(found))?;
        map.end()
    }
}

fn told(total: Total, shape: &HitShape) -> Value {
    match shape.total_as_int {
        true => Value::from(total.value),
        false => json!({ "value": total.value, "relation": if total.at_least { "gte" } else { "eq" } }),
    }
}

struct HitList<'a>(&'a SearchFound);

impl Serialize for HitList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.hits.len()))?;
        for hit in &self.0.hits {
            list.serialize_element(&OneHit(hit, &self.0.shape))?;
        }
        list.end()
    }
}

struct OneHit<'a>(&'a Hit, &'a HitShape);

impl Serialize for OneHit<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OneHit(hit, shape) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_index", &*hit.index)?;
        if !shape.without_ids {
            map.serialize_entry("_id", &*hit.id)?;
        }
        if shape.version {
            map.serialize_entry("_version", &hit.document.version)?;
        }
        if shape.seq_no_primary_term {
            map.serialize_entry("_seq_no", &hit.document.seq_no)?;
            map.serialize_entry("_primary_term", &PRIMARY_TERM)?;
        }
        map.serialize_entry("_score", &hit.score)?;
        if !hit.ignored.is_empty() && !shape.without_ids {
            map.serialize_entry("_ignored", &hit.ignored)?;
        }
        if let Some(routing) = hit.document.routing.as_deref().filter(|_| !shape.without_ids) {
            map.serialize_entry("_routing", routing)?;
        }
        if let Some(source) = shape.source.apply(&hit.document.source) {
            map.serialize_entry("_source", &*source)?;
        }
        if !hit.fields.is_empty() {
            map.serialize_entry("fields", &HitFields(&hit.fields))?;
        }
        if !hit.sort.is_empty() {
            map.serialize_entry("sort", &hit.sort)?;
        }
        if !hit.matched.is_empty() {
            map.serialize_entry("matched_queries", &hit.matched)?;
        }
        map.end()
    }
}

/// Values by the names of their fields.
struct HitFields<'a>(&'a [(String, Vec<Value>)]);

impl Serialize for HitFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, values)| map.serialize_entry(name, values))?;
        map.end()
    }
}

impl Serialize for SearchesBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("took", &0)?;
        map.serialize_entry("responses", &Responses(self.0))?;
        map.end()
    }
}

struct Responses<'a>(&'a [Result<SearchFound, ApiError>]);

impl Serialize for Responses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for response in self.0 {
            list.serialize_element(&SearchResponse(response))?;
        }
        list.end()
    }
}

struct SearchResponse<'a>(&'a Result<SearchFound, ApiError>);

impl Serialize for SearchResponse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Ok(one) => {
                let mut map = serializer.serialize_map(None)?;
                found(one, &mut map)?;
                map.serialize_entry("status", &200)?;
                map.end()
            }
            Err(error) => error.body(false).unwrap_or(Value::Object(Map::new())).serialize(serializer),
        }
    }
}
