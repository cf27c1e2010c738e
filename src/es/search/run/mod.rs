//! [`Search`]: finding, sorting and paging documents.
//!
//! A search goes over *shards*: indices as they are, or as a point in time has kept them. It is pure:
//! documents and an instant in, hits out; hits share their documents with the shelf.
//!
//! Source: Elasticsearch 9.x, search service, query and fetch phase.

pub(crate) mod aggregation;
pub(crate) mod context;
pub(crate) mod service;
pub(crate) mod sort;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::query::{FieldKind, Filter, Limits, Query, QueryRefusal};
use super::source_filter::{SourceFilter, VectorRule};
use crate::clock::Timestamp;
use crate::es::document::lag::VisibleIndex;
use crate::es::document::source::StoredDocument;
use crate::es::document::source::hash_order;
use crate::es::index::layout::ShardLayout;
use crate::es::index::mapping::Mapping;
use crate::limits::TOTAL_HITS_TRACKED_MAX;
use crate::wildcard::WildcardPattern;
use aggregation::values::ValuesSource;
use aggregation::{Aggregated, Aggregation, ValuesAsked};
use sort::{By, SortField, SortKey, SortPlace, Sorter};

/// The size of a page when the client does not say.
const PAGE_SIZE: u64 = 10;

/// What a search asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Search {
    /// What is looked for.
    pub query: Query,
    /// How many hits are passed over; none if it is not said.
    pub from: Option<u64>,
    /// How many hits are shown; none if it is not said.
    pub size: Option<u64>,
    /// By what hits are sorted; by their score, if there is nothing.
    pub sort: Vec<SortField>,
    /// Behind which sort values the page begins.
    pub after: Option<Vec<Value>>,
    /// How far hits are counted.
    pub track: Track,
    /// Whether hits have a score although they are sorted by something else.
    pub track_scores: bool,
    /// After how many documents each index stops; not at all, if it is 0.
    pub terminate_after: u64,
    /// Which of the documents that match are hits; all of them, if nothing is said.
    pub post_filter: Option<Query>,
    /// What is reckoned from all documents that match.
    pub aggregations: Vec<Aggregation>,
    /// How hits are shown.
    pub shape: HitShape,
}

/// How far hits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Track {
    /// Not at all.
    Off,
    /// Up to a number; where there are more, the answer says so.
    UpTo(u64),
    /// To the last.
    All,
}

impl Default for Track {
    fn default() -> Track {
        Track::UpTo(TOTAL_HITS_TRACKED_MAX)
    }
}

/// How hits are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HitShape {
    /// What of their source.
    pub source: SourceFilter,
    /// Whether that has their vectors.
    pub vectors: VectorRule,
    /// Which fields are shown from their values.
    pub docvalue_fields: Vec<ValuesAsked>,
    /// Which fields are shown if the index keeps them apart from the source.
    pub stored_fields: Vec<String>,
    /// Whether their ids are left out too.
    pub without_ids: bool,
    /// Whether their versions are shown.
    pub version: bool,
    /// Whether sequence number and primary term are shown.
    pub seq_no_primary_term: bool,
    /// Whether the total is a plain number.
    pub total_as_int: bool,
    /// Whether aggregations are named together with their type.
    pub typed_keys: bool,
}

/// What a search goes over: an index as it is, or as it was.
pub(crate) struct Shard<'a> {
    /// The index's name.
    pub name: &'a Arc<str>,
    /// The index's own id.
    pub uuid: &'a str,
    /// The index's fields.
    pub mapping: &'a Mapping,
    /// The index's settings.
    pub settings: &'a Map<String, Value>,
    /// The documents.
    pub documents: ShardDocuments<'a>,
    /// What an alias or a routing leaves of it.
    pub narrowed: Option<&'a NarrowedIndex>,
}

/// What an alias or a routing leaves of an index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NarrowedIndex {
    /// The index's name.
    pub index: Arc<str>,
    /// The query that finds what is seen; everything, if there is none.
    pub filter: Option<Query>,
    /// The shards that are asked; all of them, if nothing is said.
    pub shards: Option<BTreeSet<u32>>,
}

/// The documents of a [`Shard`].
#[derive(Clone, Copy)]
pub(crate) enum ShardDocuments<'a> {
    /// As they are.
    Live(VisibleIndex<'a>),
    /// As they were, in the order of shards and of writing.
    Kept(&'a [(Arc<str>, StoredDocument)]),
}

/// An index that could not be searched, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShardFailure {
    /// The index's name.
    pub index: String,
    /// The index's own id.
    pub index_uuid: String,
    /// Why.
    pub fault: QueryRefusal,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SearchFound {
    /// How many shards were searched.
    pub shards: usize,
    /// How many hits there are; none if they were not counted.
    pub total: Option<Total>,
    /// Whether an index stopped early; none if it was not to.
    pub terminated_early: Option<bool>,
    /// The best score; none without hits, or if they have none.
    pub max_score: Option<f64>,
    /// The page.
    pub hits: Vec<Hit>,
    /// What was reckoned; none if nothing was asked.
    pub aggregations: Option<Vec<Aggregated>>,
    /// How they are shown.
    pub shape: Arc<HitShape>,
    /// The scroll that has the next page.
    pub scroll_id: Option<String>,
    /// The point in time that was searched.
    pub pit_id: Option<String>,
}

/// How many hits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    /// The number.
    pub value: u64,
    /// Whether there are more.
    pub at_least: bool,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// The name of its index.
    pub index: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// The document, shared with the shelf.
    pub document: StoredDocument,
    /// Its score, if it has one.
    pub score: Option<f64>,
    /// The fields that have left out a value of it.
    pub ignored: Vec<String>,
    /// The values of the fields that are shown from them.
    pub fields: Vec<(String, Vec<Value>)>,
    /// What it is sorted by; none if only by its score.
    pub sort: Vec<Value>,
    /// The names of the queries that it matches.
    pub matched: Vec<String>,
}

/// A document that matches, in the index of that place among those that are searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched<'a> {
    /// The place of its index.
    pub shard: usize,
    /// Its id.
    pub id: &'a Arc<str>,
    /// The document.
    pub document: &'a StoredDocument,
}

/// A hit in its place, before it is shown.
#[derive(Clone, Debug)]
struct Ranked<'a> {
    keys: Vec<SortKey>,
    shard: usize,
    id: &'a Arc<str>,
    document: &'a StoredDocument,
}

/// All that a search has found, in order.
struct Ranking<'a> {
    hits: Vec<Ranked<'a>>,
    count: u64,
    terminated_early: Option<bool>,
    aggregations: Option<Vec<Aggregated>>,
}

/// What is told of each hit of an index beside its document.
struct Labels<'q> {
    named: Vec<(&'q str, Filter)>,
    limited: bool,
    shown: Vec<(String, ValuesSource)>,
    /// What is left of their sources without their vectors; none if that is all.
    source: Option<SourceFilter>,
}

/// What a search found, without the index: its name, the id, the document.
pub(crate) type OwnedHit = (Arc<str>, Arc<str>, StoredDocument);

impl Search {
    /// Looks through `shards`.
    ///
    /// # Errors
    /// The first index that cannot be asked this, and why.
    pub(crate) fn run(&self, shards: &[Shard<'_>], now: Timestamp) -> Result<SearchFound, Box<ShardFailure>> {
        let (from, size) = (self.from.unwrap_or(0), self.size.unwrap_or(PAGE_SIZE));
        let asked = from.saturating_add(size);
        if let Some(shard) = shards.iter().find(|shard| asked > shard.limits().result_window) {
            // A query that cannot be asked is told first.
            shard.bind(&self.query, now)?;
            return Err(shard.fault(QueryRefusal::Window { asked, most: shard.limits().result_window }));
        }
        if let Some(shard) = shards.first()
            && self.after.is_some()
            && from > 0
        {
            return Err(shard.fault(QueryRefusal::SearchAfterFrom));
        }
        let ranking = self.rank(shards, now, usize::try_from(asked).unwrap_or(usize::MAX))?;
        let page = ranking.hits.iter().skip(from as usize).take(size as usize);
        let hits = self.hits(page, shards, now)?;
        let found = self.found(width(shards), ranking.count, ranking.terminated_early, hits);
        Ok(SearchFound { aggregations: ranking.aggregations, ..found })
    }

    /// How many documents match.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub(crate) fn count(&self, shards: &[Shard<'_>], now: Timestamp) -> Result<(u64, Option<bool>), Box<ShardFailure>> {
        let (mut count, mut terminated_early) = (0, self.may_terminate());
        for shard in shards {
            let matching = shard.count_matching(&self.query, now)?;
            let goes_beyond = terminated_early.is_some() && matching > self.terminate_after;
            if goes_beyond {
                terminated_early = Some(true);
            }
            count += if goes_beyond { self.terminate_after } else { matching };
        }
        Ok((count, terminated_early))
    }

    /// All that is found, in order, each with the name of its index.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub(crate) fn all(&self, shards: &[Shard<'_>], now: Timestamp) -> Result<Vec<OwnedHit>, Box<ShardFailure>> {
        let ranking = self.rank(shards, now, usize::MAX)?;
        let whole = |hit: &Ranked<'_>| (shards[hit.shard].name.clone(), hit.id.clone(), hit.document.clone());
        Ok(ranking.hits.iter().map(whole).collect())
    }

    /// Whether an index has stopped early before any was looked at; none if none is to.
    fn may_terminate(&self) -> Option<bool> {
        (self.terminate_after != 0).then_some(false)
    }

    fn found(&self, shards: usize, count: u64, terminated_early: Option<bool>, hits: Vec<Hit>) -> SearchFound {
        let total = match self.track {
            Track::Off => None,
            Track::UpTo(most) if count > most => Some(Total { value: most, at_least: true }),
            Track::UpTo(_) | Track::All => Some(Total { value: count, at_least: false }),
        };
        // Where nothing was searched, the best score is 0 and not absent.
        let nothing = (shards == 0).then_some(0.0);
        let max_score = hits.first().map_or(nothing, |_| self.has_scores().then(|| self.query.score()));
        SearchFound {
            shards,
            total,
            terminated_early,
            max_score,
            hits,
            aggregations: None,
            shape: Arc::new(self.shape.clone()),
            scroll_id: None,
            pit_id: None,
        }
    }

    /// Whether hits have a score.
    fn has_scores(&self) -> bool {
        self.track_scores || self.sort.is_empty() || self.sort.iter().any(|sort| sort.by == By::Score)
    }

    /// Whether hits show what they are sorted by.
    fn shows_sort(&self) -> bool {
        !self.sort.iter().all(|sort| *sort == SortField::named("_score"))
    }

    /// What is told of hits.
    fn hits<'h>(
        &self,
        ranked: impl Iterator<Item = &'h Ranked<'h>>,
        shards: &[Shard<'_>],
        now: Timestamp,
    ) -> Result<Vec<Hit>, Box<ShardFailure>> {
        let mut ranked = ranked.peekable();
        if ranked.peek().is_none() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        self.query.named(&mut names);
        self.post_filter.iter().for_each(|filter| filter.named(&mut names));
        let mut labels = Vec::with_capacity(shards.len());
        for shard in shards {
            let mut named = Vec::with_capacity(names.len());
            for &(name, query) in &names {
                named.push((name, shard.bind(query, now)?));
            }
            let shown = self.shown_values(shard, now).map_err(|fault| shard.fault(fault))?;
            let hidden: &[String] = match shard.mapping.vectors() {
                [] => &[],
                _ if !self.shape.vectors.leaves_out(shard.settings) => &[],
                vectors => vectors,
            };
            let source = (!hidden.is_empty()).then(|| self.shape.source.without(hidden).into_owned());
            labels.push(Labels { named, limited: shard.mapping.is_limited(), shown, source });
        }
        Ok(ranked.map(|hit| self.hit(hit, &shards[hit.shard], &labels[hit.shard])).collect())
    }

    /// The fields of an index that are shown from their values.
    fn shown_values(&self, shard: &Shard<'_>, now: Timestamp) -> Result<Vec<(String, ValuesSource)>, QueryRefusal> {
        for name in &self.shape.stored_fields {
            let pattern = WildcardPattern::of_name(name);
            let is_stored =
                |path: &String| pattern.fits(path) && shard.mapping.field(path).is_some_and(|field| field.is_stored());
            if let Some(field) = shard.mapping.paths().iter().find(|path| is_stored(path)) {
                return Err(QueryRefusal::Unsupported {
                    what: format!("[stored_fields] of [{field}], which the index keeps apart from the source"),
                    instead: "read `_source`",
                });
            }
        }
        let asked = &self.shape.docvalue_fields;
        let most = shard.limits().docvalue_fields;
        if asked.len() as u64 > most {
            return Err(QueryRefusal::TooManyShown { given: asked.len(), most });
        }
        let mut shown = Vec::new();
        for asked in asked {
            if !asked.field.contains('*') {
                shown.push((asked.field.clone(), ValuesSource::bind(asked, shard, "docvalue_fields", true, now)?));
                continue;
            }
            let pattern = WildcardPattern::of_name(&asked.field);
            for path in shard.mapping.paths().into_iter().filter(|path| pattern.fits(path)) {
                if !matches!(shard.mapping.kind(&path), None | Some(FieldKind::Text | FieldKind::Object)) {
                    let one = ValuesAsked { field: path.clone(), ..asked.clone() };
                    shown.push((path, ValuesSource::bind(&one, shard, "docvalue_fields", true, now)?));
                }
            }
        }
        Ok(shown)
    }

    fn hit(&self, ranked: &Ranked<'_>, shard: &Shard<'_>, labels: &Labels<'_>) -> Hit {
        let source = &ranked.document.source;
        let matches = labels.named.iter().filter(|(_, filter)| filter.matches(ranked.id, source));
        let mut matched: Vec<String> = matches.map(|(name, _)| (*name).to_owned()).collect();
        if matched.len() > 1 {
            // The names come out of a Java `HashMap`.
            let mut names = Value::Object(matched.drain(..).map(|name| (name, Value::Null)).collect());
            hash_order(&mut names);
            matched = names.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        }
        Hit {
            index: shard.name.clone(),
            id: ranked.id.clone(),
            document: match &labels.source {
                Some(filter) => {
                    StoredDocument { source: filter.shown(source).unwrap_or_default(), ..ranked.document.clone() }
                }
                None => ranked.document.clone(),
            },
            score: self.has_scores().then(|| self.query.score()),
            ignored: if labels.limited { shard.mapping.ignored(source) } else { Vec::new() },
            fields: labels
                .shown
                .iter()
                .map(|(name, values)| (name.clone(), values.shown(ranked.document, shard)))
                .filter(|(_, values)| !values.is_empty())
                .collect(),
            matched,
            sort: match self.shows_sort() {
                true => ranked.keys.iter().map(SortKey::to_value).collect(),
                false => Vec::new(),
            },
        }
    }

    /// The first `most` hits in order, from the one behind `after` on; all are counted.
    fn rank<'a>(&self, shards: &[Shard<'a>], now: Timestamp, most: usize) -> Result<Ranking<'a>, Box<ShardFailure>> {
        // More than are wanted are gathered before the worst of them are dropped, so that this is done rarely.
        let room = most.saturating_mul(2).saturating_add(100);
        let score = self.query.score();
        let early = self.may_terminate();
        let mut ranking = Ranking { hits: Vec::new(), count: 0, terminated_early: early, aggregations: None };
        let mut matched: Vec<Matched<'a>> = Vec::new();
        let mut sorters: Vec<Sorter> = Vec::new();
        let mut is_cut = false;
        for (number, shard) in shards.iter().enumerate() {
            let fault = |fault| shard.fault(fault);
            sorters = self.sort.iter().map(|sort| sort.bind(shard.mapping)).collect::<Result<_, _>>().map_err(fault)?;
            let after = self.keys_after(&sorters, now).map_err(fault)?;
            let mut matching = shard.matching(&self.query, now)?;
            if ranking.terminated_early.is_some() && matching.len() as u64 > self.terminate_after {
                matching.truncate(self.terminate_after as usize);
                ranking.terminated_early = Some(true);
            }
            if !self.aggregations.is_empty() {
                matched.extend(matching.iter().map(|&(id, document)| Matched { shard: number, id, document }));
            }
            if let Some(filter) = &self.post_filter {
                let filter = shard.bind(filter, now)?;
                matching.retain(|(id, document)| filter.matches(id, &document.source));
            }
            ranking.count += matching.len() as u64;
            let mut keys: Vec<SortKey> = Vec::new();
            for (id, document) in matching {
                let place = SortPlace { document, shard: number, score };
                keys.clear();
                keys.reserve_exact(sorters.len());
                for sorter in &sorters {
                    keys.push(sorter.key(&place).map_err(fault)?);
                }
                let is_behind = after.as_ref().is_none_or(|after| compare(&sorters, &keys, after) == Ordering::Greater);
                if !is_behind || (sorters.is_empty() && ranking.hits.len() >= most) {
                    continue;
                }
                // The last of those that were kept; what is alike comes behind it.
                let last = most.checked_sub(1).and_then(|last| ranking.hits.get(last)).filter(|_| is_cut);
                if last.is_some_and(|last| compare(&sorters, &keys, &last.keys) != Ordering::Less) {
                    continue;
                }
                ranking.hits.push(Ranked { keys: std::mem::take(&mut keys), shard: number, id, document });
                if ranking.hits.len() >= room {
                    ranking.hits.sort_by(|one, other| compare(&sorters, &one.keys, &other.keys));
                    ranking.hits.truncate(most);
                    is_cut = true;
                }
            }
        }
        if !self.aggregations.is_empty() {
            ranking.aggregations = Some(Aggregation::reckon(&self.aggregations, shards, &matched, now)?);
        }
        if !sorters.is_empty() {
            // What is alike in every respect stays in the order of indices and of writing.
            ranking.hits.sort_by(|one, other| compare(&sorters, &one.keys, &other.keys));
            ranking.hits.truncate(most);
        }
        Ok(ranking)
    }

    fn keys_after(&self, sorters: &[Sorter], now: Timestamp) -> Result<Option<Vec<SortKey>>, QueryRefusal> {
        let Some(values) = &self.after else {
            return Ok(None);
        };
        if sorters.is_empty() {
            return Err(QueryRefusal::SearchAfterUnsorted);
        }
        if values.len() != sorters.len() {
            return Err(QueryRefusal::SearchAfterCount { given: values.len(), sorted: sorters.len() });
        }
        let keys = sorters.iter().zip(values).map(|(sorter, value)| sorter.key_after(value, now));
        keys.collect::<Result<_, _>>().map(Some)
    }
}

fn compare(sorters: &[Sorter], one: &[SortKey], other: &[SortKey]) -> Ordering {
    let each = sorters.iter().zip(one.iter().zip(other));
    each.map(|(sorter, (one, other))| sorter.compare(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

impl<'a> Shard<'a> {
    /// How large a query of the index may be, and how far a page may reach.
    pub(crate) fn limits(&self) -> Limits {
        let number = |name: &str| self.settings.get(name).and_then(|value| value.as_str()?.parse().ok());
        let usual = Limits::default();
        Limits {
            terms: number("max_terms_count").unwrap_or(usual.terms),
            result_window: number("max_result_window").unwrap_or(usual.result_window),
            docvalue_fields: number("max_docvalue_fields_search").unwrap_or(usual.docvalue_fields),
        }
    }

    fn bind(&self, query: &Query, now: Timestamp) -> Result<Filter, Box<ShardFailure>> {
        query.bind(self.name, self.mapping, self.limits(), now).map_err(|fault| self.fault(fault))
    }

    fn fault(&self, fault: QueryRefusal) -> Box<ShardFailure> {
        Box::new(ShardFailure { index: self.name.to_string(), index_uuid: self.uuid.to_owned(), fault })
    }

    /// How many documents match.
    fn count_matching(&self, query: &Query, now: Timestamp) -> Result<u64, Box<ShardFailure>> {
        let filter = self.bind(query, now)?;
        let filter = self.narrow(filter, now)?;
        if self.asks_some_shards() {
            return Ok(self.matching(query, now)?.len() as u64);
        }
        let count = match (self.documents, &filter) {
            (ShardDocuments::Kept(documents), Filter::All) => documents.len(),
            (ShardDocuments::Live(seen), Filter::All) => seen.len(),
            (ShardDocuments::Kept(documents), filter) => {
                documents.iter().filter(|(id, document)| filter.matches(id, &document.source)).count()
            }
            (ShardDocuments::Live(index), filter) => match filter.ids() {
                Some(ids) => {
                    let entries = ids.iter().filter_map(|id| index.entry(id));
                    entries.filter(|(id, document)| filter.matches(id, &document.source)).count()
                }
                None => index.iter().filter(|(id, document)| filter.matches(id, &document.source)).count(),
            },
        };
        Ok(count as u64)
    }

    /// The documents that match, in the order of writing.
    ///
    /// # Errors
    /// When the query does not fit the fields.
    pub(crate) fn matching(
        &self,
        query: &Query,
        now: Timestamp,
    ) -> Result<Vec<(&'a Arc<str>, &'a StoredDocument)>, Box<ShardFailure>> {
        let filter = self.bind(query, now)?;
        let filter = self.narrow(filter, now)?;
        let layout = self.layout();
        let asked = self.narrowed.and_then(|narrowed| narrowed.shards.as_ref());
        let place = |id: &str, document: &StoredDocument| layout.shard_of(id, document.routing.as_deref());
        let lies_there =
            |id: &str, document: &StoredDocument| asked.is_none_or(|asked| asked.contains(&place(id, document)));
        let matches = |(id, document): &(&'a Arc<str>, &'a StoredDocument)| {
            filter.matches(id, &document.source) && lies_there(id, document)
        };
        Ok(match self.documents {
            ShardDocuments::Kept(documents) => {
                documents.iter().map(|(id, document)| (id, document)).filter(matches).collect()
            }
            ShardDocuments::Live(index) => {
                let mut found: Vec<_> = match filter.ids() {
                    Some(ids) => ids.iter().filter_map(|id| index.entry(id)).filter(matches).collect(),
                    None => index.iter().filter(matches).collect(),
                };
                in_order_of_writing(&mut found, layout, |(id, document)| (id, document));
                found
            }
        })
    }

    /// How documents are dealt out to the index's shards.
    pub(crate) fn layout(&self) -> ShardLayout {
        ShardLayout::of(self.settings)
    }

    /// How many of the index's shards are asked.
    pub(crate) fn width(&self) -> usize {
        let all = || self.layout().shards as usize;
        self.narrowed.and_then(|narrowed| narrowed.shards.as_ref()).map_or_else(all, BTreeSet::len)
    }

    /// Whether some of its shards are not asked.
    fn asks_some_shards(&self) -> bool {
        self.narrowed.is_some_and(|narrowed| narrowed.shards.is_some())
    }

    /// A filter with that of the alias that the index is searched through.
    fn narrow(&self, filter: Filter, now: Timestamp) -> Result<Filter, Box<ShardFailure>> {
        match self.narrowed.and_then(|narrowed| narrowed.filter.as_ref()) {
            Some(own) => Ok(Filter::Every(vec![filter, self.bind(own, now)?])),
            None => Ok(filter),
        }
    }
}

/// Puts documents into the order of shards and of writing.
fn in_order_of_writing<T>(found: &mut [T], layout: ShardLayout, entry: impl Fn(&T) -> (&Arc<str>, &StoredDocument)) {
    if layout.shards == 1 {
        found.sort_unstable_by_key(|found| entry(found).1.seq_no);
    } else {
        found.sort_by_cached_key(|found| {
            let (id, document) = entry(found);
            (layout.shard_of(id, document.routing.as_deref()), document.seq_no)
        });
    }
}

/// How many shards are asked.
fn width(shards: &[Shard<'_>]) -> usize {
    shards.iter().map(Shard::width).sum()
}
