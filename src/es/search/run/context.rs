//! [`Contexts`]: searches that go on, as scrolls and as points in time.
//!
//! Both keep documents as they were. That is cheap: the documents themselves are shared with the shelf
//! until they change, so that a context costs a place of its own for each hit and no more: a scroll shows a page when it is asked for it; points in time
//! of an index that nobody wrote to in between share the places too. All places together are bounded in
//! bytes. A context lives as long as its client asks for, on the mock's clock; one that is over is let go
//! at the next call that concerns contexts.
//!
//! Source: Elasticsearch 9.x, scroll and point in time APIs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{
    HitShape, NarrowedIndex, Ranked, Search, SearchFound, Shard, ShardDocuments, ShardFailure, SortKey, Total, Track,
    in_order_of_writing,
};
use crate::clock::Timestamp;
use crate::es::document::source::StoredDocument;
use crate::es::index::layout::ShardLayout;
use crate::es::index::mapping::Mapping;
use crate::es::refusal::SearchRefusal;
use crate::es::search::query::QueryRefusal;
use crate::limits::{CONTEXT_BYTES_MAX, KEEP_ALIVE_S_MAX, PITS_MAX, SCROLLS_MAX};
use serde_json::{Map, Value};

const SCROLL_MARK: &str = "ZWxhc3RpbW9ja19zY3JvbGwg";
const PIT_MARK: &str = "ZWxhc3RpbW9ja19waXQg";

/// The searches that go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contexts {
    /// The bytes that all places may take.
    pub(super) bytes_max: usize,
    /// The number of the latest one.
    latest: u64,
    /// Shared with a copy that may have to be put back.
    scrolls: BTreeMap<u64, Arc<Scroll>>,
    pits: BTreeMap<u64, OpenPit>,
}

impl Default for Contexts {
    fn default() -> Contexts {
        Contexts { bytes_max: CONTEXT_BYTES_MAX, latest: 0, scrolls: BTreeMap::new(), pits: BTreeMap::new() }
    }
}

/// For how long a context is kept, and how that was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeepAlive {
    /// The time.
    pub time: Duration,
    /// As it was written.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Scroll {
    until: Timestamp,
    /// All hits in their places; a page of them is shown when it is asked for.
    hits: Arc<[KeptHit]>,
    /// What was searched and when, so that all pages are shown alike.
    search: Arc<Search>,
    indices: Arc<[KeptShard]>,
    opened_at: Timestamp,
    /// How many have been given.
    given: usize,
    size: u64,
    total: Option<Total>,
    max_score: Option<f64>,
    shards: usize,
    shape: Arc<HitShape>,
}

#[derive(Clone, Debug, PartialEq)]
struct OpenPit {
    until: Timestamp,
    shards: Arc<[Arc<KeptShard>]>,
}

/// A hit of a scroll in its place, before it is shown.
#[derive(Clone, Debug, PartialEq)]
struct KeptHit {
    keys: Vec<SortKey>,
    shard: usize,
    id: Arc<str>,
    document: StoredDocument,
}

/// An index as it was.
#[derive(Clone, Debug, PartialEq)]
struct KeptShard {
    name: Arc<str>,
    uuid: String,
    /// How often it had been written to, if all of that was shown.
    writes: Option<u64>,
    mapping: Mapping,
    settings: Map<String, Value>,
    documents: Vec<(Arc<str>, StoredDocument)>,
    narrowed: Option<NarrowedIndex>,
}

impl KeepAlive {
    fn until(&self, now: Timestamp) -> Result<Timestamp, SearchRefusal> {
        if self.time > Duration::from_secs(KEEP_ALIVE_S_MAX) {
            return Err(SearchRefusal::KeepAlive { asked: self.text.clone() });
        }
        Ok(now.plus(self.time))
    }
}

impl Contexts {
    /// Lets go of what is over.
    fn tidy(&mut self, now: Timestamp) {
        self.scrolls.retain(|_, scroll| scroll.until >= now);
        self.pits.retain(|_, pit| pit.until >= now);
    }

    /// When the next scroll or point in time is over after an instant.
    pub(crate) fn next_end(&self, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let scrolls = self.scrolls.values().map(|scroll| (scroll.until, "a scroll"));
        let pits = self.pits.values().map(|pit| (pit.until, "a point in time"));
        scrolls.chain(pits).filter(|(until, _)| *until > now).min()
    }

    /// The bytes of all places.
    fn bytes(&self) -> usize {
        let scrolls = self.scrolls.values().map(|scroll| scroll.bytes());
        let mut shards: Vec<&Arc<KeptShard>> = self.pits.values().flat_map(|pit| pit.shards.iter()).collect();
        shards.sort_unstable_by_key(|shard| Arc::as_ptr(shard));
        shards.dedup_by_key(|shard| Arc::as_ptr(shard));
        scrolls.sum::<usize>() + shards.into_iter().map(|shard| shard.documents.len() * PLACE_BYTES).sum::<usize>()
    }

    /// Whether a scroll or a point in time of that id is open.
    pub(crate) fn has(&self, id: &str) -> bool {
        number(id, SCROLL_MARK).is_some_and(|number| self.scrolls.contains_key(&number))
            || number(id, PIT_MARK).is_some_and(|number| self.pits.contains_key(&number))
    }

    /// Whether any scroll is open.
    pub(crate) fn has_any(&self) -> bool {
        !self.scrolls.is_empty()
    }

    fn next_number(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    // ── scrolls ───────────────────────────────────────────────────────────────────────────────────

    /// Searches, gives the first page and keeps the rest.
    ///
    /// # Errors
    /// When the search is refused, or the scroll is.
    pub(crate) fn open_scroll(
        &mut self,
        search: &Search,
        shards: &[Shard<'_>],
        keep: &KeepAlive,
        now: Timestamp,
    ) -> Result<SearchFound, SearchRefusal> {
        self.tidy(now);
        let until = keep.until(now)?;
        let size = search.size.unwrap_or(super::PAGE_SIZE);
        if let Some(shard) = shards.iter().find(|shard| size > shard.limits().result_window) {
            return Err(shard.fault(QueryRefusal::Batch { asked: size, most: shard.limits().result_window }).into());
        }
        if let Some(shard) = shards.first()
            && search.after.is_some()
        {
            return Err(shard.fault(QueryRefusal::SearchAfterScroll).into());
        }
        if self.scrolls.len() >= SCROLLS_MAX {
            return Err(SearchRefusal::TooManyScrolls { max: SCROLLS_MAX });
        }
        // A scroll counts to the last hit, for it gives them all.
        let search = Search { track: Track::All, ..search.clone() };
        let ranking = search.rank(shards, now, usize::MAX)?;
        let shown = search.hits(ranking.hits.iter().take(1), shards, now)?;
        let found = search.found(super::width(shards), ranking.count, ranking.terminated_early, shown);
        let kept = |hit: Ranked<'_>| KeptHit {
            keys: hit.keys,
            shard: hit.shard,
            id: hit.id.clone(),
            document: hit.document.clone(),
        };
        let mut scroll = Scroll {
            until,
            hits: ranking.hits.into_iter().map(kept).collect(),
            search: Arc::new(search),
            indices: shards.iter().map(|shard| KeptShard::of(shard, Vec::new())).collect(),
            opened_at: now,
            given: 0,
            size,
            total: found.total,
            max_score: found.max_score,
            shards: found.shards,
            shape: found.shape,
        };
        if self.bytes() + scroll.bytes() > self.bytes_max {
            return Err(SearchRefusal::TooManyScrolls { max: self.scrolls.len() });
        }
        let number = self.next_number();
        let page = scroll.page(number)?;
        self.scrolls.insert(number, Arc::new(scroll));
        // What was reckoned is told with the first page alone.
        Ok(SearchFound { terminated_early: found.terminated_early, aggregations: ranking.aggregations, ..page })
    }

    /// The next page of a scroll, which is kept for as long again if `keep` says so; `total_as_int` is
    /// how this one page tells the total.
    ///
    /// # Errors
    /// When there is no such scroll.
    pub(crate) fn scroll(
        &mut self,
        id: &str,
        keep: Option<&KeepAlive>,
        total_as_int: bool,
        now: Timestamp,
    ) -> Result<SearchFound, SearchRefusal> {
        let number = number(id, SCROLL_MARK).ok_or_else(|| SearchRefusal::NoScrollId { id: id.to_owned() })?;
        self.tidy(now);
        let until = keep.map(|keep| keep.until(now)).transpose()?;
        let scroll = self.scrolls.get_mut(&number).ok_or(SearchRefusal::ContextMissing { number })?;
        let scroll = Arc::make_mut(scroll);
        scroll.until = until.unwrap_or(scroll.until);
        if scroll.shape.total_as_int != total_as_int {
            scroll.shape = Arc::new(HitShape { total_as_int, ..(*scroll.shape).clone() });
        }
        Ok(scroll.page(number)?)
    }

    /// Lets scrolls go and says how many there were.
    ///
    /// # Errors
    /// When an id is not that of a scroll; then none is let go.
    pub(crate) fn clear_scrolls<'a>(
        &mut self,
        ids: impl Iterator<Item = &'a str>,
        now: Timestamp,
    ) -> Result<usize, SearchRefusal> {
        self.tidy(now);
        let numbers: Vec<u64> = ids
            .map(|id| number(id, SCROLL_MARK).ok_or_else(|| SearchRefusal::NoScrollId { id: id.to_owned() }))
            .collect::<Result<_, _>>()?;
        Ok(numbers.into_iter().filter(|number| self.scrolls.remove(number).is_some()).count())
    }

    /// Lets all scrolls go and says how many there were.
    pub(crate) fn clear_all_scrolls(&mut self, now: Timestamp) -> usize {
        self.tidy(now);
        std::mem::take(&mut self.scrolls).len()
    }

    // ── points in time ────────────────────────────────────────────────────────────────────────────

    /// Keeps indices as they are, and returns the id of the point in time.
    ///
    /// # Errors
    /// When there are too many, or it is to be kept for too long.
    pub(crate) fn open_pit<'a>(
        &mut self,
        shards: impl Iterator<Item = Shard<'a>>,
        keep: &KeepAlive,
        now: Timestamp,
    ) -> Result<String, SearchRefusal> {
        self.tidy(now);
        let until = keep.until(now)?;
        if self.pits.len() >= PITS_MAX {
            return Err(SearchRefusal::TooManyPits { max: PITS_MAX });
        }
        let mut wanted = 0;
        let shards: Vec<Arc<KeptShard>> = shards
            .map(|shard| {
                let known = self.pits.values().rev().flat_map(|pit| pit.shards.iter()).find(|known| known.is(&shard));
                known.cloned().unwrap_or_else(|| {
                    let kept = KeptShard::of(&shard, shard.documents.kept(shard.layout()));
                    wanted += kept.documents.len() * PLACE_BYTES;
                    Arc::new(kept)
                })
            })
            .collect();
        if self.bytes() + wanted > self.bytes_max {
            return Err(SearchRefusal::TooManyPits { max: self.pits.len() });
        }
        let pit = OpenPit { until, shards: shards.into() };
        let number = self.next_number();
        self.pits.insert(number, pit);
        Ok(text(number, PIT_MARK))
    }

    /// Searches a point in time.
    ///
    /// # Errors
    /// When there is no such point in time, or the search is refused.
    pub(crate) fn search_pit(
        &mut self,
        id: &str,
        keep: Option<&KeepAlive>,
        search: &Search,
        now: Timestamp,
    ) -> Result<SearchFound, SearchRefusal> {
        let number = number(id, PIT_MARK).ok_or_else(|| SearchRefusal::NoPitId { id: id.to_owned() })?;
        self.tidy(now);
        let until = keep.map(|keep| keep.until(now)).transpose()?;
        let pit = self.pits.get_mut(&number).ok_or(SearchRefusal::ContextMissing { number })?;
        // As long as it was promised before it is kept in any case.
        pit.until = until.unwrap_or(pit.until).max(pit.until);
        let shards: Vec<Shard<'_>> = pit.shards.iter().map(|shard| shard.shard()).collect();
        let found = search.run(&shards, now).map_err(|fault: Box<ShardFailure>| SearchRefusal::Shard(fault))?;
        Ok(SearchFound { pit_id: Some(id.to_owned()), ..found })
    }

    /// Lets a point in time go and says whether there was one.
    ///
    /// # Errors
    /// When the id is not that of a point in time.
    pub(crate) fn close_pit(&mut self, id: &str, now: Timestamp) -> Result<bool, SearchRefusal> {
        let number = number(id, PIT_MARK).ok_or_else(|| SearchRefusal::NoPitId { id: id.to_owned() })?;
        self.tidy(now);
        Ok(self.pits.remove(&number).is_some())
    }
}

impl Scroll {
    fn page(&mut self, number: u64) -> Result<SearchFound, Box<ShardFailure>> {
        let shards: Vec<Shard<'_>> = self.indices.iter().map(KeptShard::shard).collect();
        let page = self.hits[self.given..].iter().take(usize::try_from(self.size).unwrap_or(usize::MAX));
        let page: Vec<Ranked<'_>> = page
            .map(|hit| Ranked { keys: hit.keys.clone(), shard: hit.shard, id: &hit.id, document: &hit.document })
            .collect();
        let hits = self.search.hits(page.iter(), &shards, self.opened_at)?;
        self.given += hits.len();
        Ok(SearchFound {
            shards: self.shards,
            total: self.total,
            terminated_early: None,
            max_score: self.max_score,
            hits,
            aggregations: None,
            shape: self.shape.clone(),
            scroll_id: Some(text(number, SCROLL_MARK)),
            pit_id: None,
        })
    }

    /// The bytes of all places; they are taken to be as long as the first.
    fn bytes(&self) -> usize {
        let place = |hit: &KeptHit| {
            let text = |key: &SortKey| if let SortKey::Text(Some(text)) = key { text.len() } else { 0 };
            size_of::<KeptHit>() + hit.keys.iter().map(|key| size_of::<SortKey>() + text(key)).sum::<usize>()
        };
        self.hits.first().map_or(0, |hit| self.hits.len() * place(hit))
    }
}

/// The bytes of a document's place in a point in time.
const PLACE_BYTES: usize = size_of::<(Arc<str>, StoredDocument)>();

impl KeptShard {
    fn of(shard: &Shard<'_>, documents: Vec<(Arc<str>, StoredDocument)>) -> KeptShard {
        KeptShard {
            name: shard.name.clone(),
            uuid: shard.uuid.to_owned(),
            writes: shard.documents.writes(),
            mapping: shard.mapping.clone(),
            settings: shard.settings.clone(),
            documents,
            narrowed: shard.narrowed.cloned(),
        }
    }

    /// Whether it is `shard` as that is now.
    fn is(&self, shard: &Shard<'_>) -> bool {
        self.uuid == shard.uuid
            && self.writes.is_some()
            && self.writes == shard.documents.writes()
            && self.mapping == *shard.mapping
            && self.settings == *shard.settings
            && self.narrowed.as_ref() == shard.narrowed
    }

    fn shard(&self) -> Shard<'_> {
        Shard {
            name: &self.name,
            uuid: &self.uuid,
            mapping: &self.mapping,
            settings: &self.settings,
            documents: ShardDocuments::Kept(&self.documents),
            narrowed: self.narrowed.as_ref(),
        }
    }
}

impl ShardDocuments<'_> {
    /// How often there was a write, if all of them are shown; of what is kept nobody asks.
    fn writes(self) -> Option<u64> {
        match self {
            ShardDocuments::Live(seen) if !seen.is_behind() => Some(seen.index().writes()),
            ShardDocuments::Live(_) | ShardDocuments::Kept(_) => None,
        }
    }

    /// The documents in the order of shards and of writing.
    fn kept(self, layout: ShardLayout) -> Vec<(Arc<str>, StoredDocument)> {
        match self {
            ShardDocuments::Kept(documents) => documents.to_vec(),
            ShardDocuments::Live(seen) => {
                let mut kept: Vec<_> = seen.iter().map(|(id, document)| (id.clone(), document.clone())).collect();
                in_order_of_writing(&mut kept, layout, |(id, document)| (id, document));
                kept
            }
        }
    }
}

/// A context's number as an id.
fn text(number: u64, mark: &str) -> String {
    format!("{mark}{number:016x}")
}

fn number(id: &str, mark: &str) -> Option<u64> {
    let digits = id.strip_prefix(mark).filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}
