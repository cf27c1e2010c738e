//! The searches of a [`Cluster`]: over its indices, or over what scrolls and points in time have kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::context::KeepAlive;
use super::{NarrowedIndex, Search, SearchFound, Shard, ShardDocuments};
use crate::clock::Timestamp;
use crate::es::document::source::{StoredDocument, WriteCondition};
use crate::es::document::store::{BlockLevel, Index, PRIMARY_TERM, WriteGuard};
use crate::es::index::names::Lookup;
use crate::es::refusal::{Refusal, SearchRefusal};
use crate::es::search::query::QueryRefusal;
use crate::es::store::Cluster;

/// Which indices a search goes over.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    /// Names, aliases, wildcards.
    pub expression: String,
    /// How they are understood.
    pub lookup: Lookup,
    /// Whose documents alone are asked for, as a comma list of routings; all of them, if nothing is said.
    pub routing: Option<String>,
    /// What aliases and routing leave of single indices, once that is known.
    pub narrowed: Vec<NarrowedIndex>,
}

/// What a count found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many documents match.
    pub count: u64,
    /// How many shards were searched.
    pub shards: usize,
    /// Whether an index stopped early; none if it was not to.
    pub terminated_early: Option<bool>,
}

/// What is done to all documents that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// They are deleted.
    Delete,
    /// They are written once more as they are.
    Rewrite,
}

/// What aliases say of an index that is searched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ThroughAliases<'a> {
    /// The index.
    pub index: &'a Arc<str>,
    /// Which documents are seen: those that one of these queries finds, or all.
    pub filters: Vec<Value>,
    /// For which routings it is asked.
    pub routings: Option<BTreeSet<String>>,
}

impl Index {
    /// The index as something that is searched at an instant.
    pub(crate) fn shard<'a>(&'a self, narrowed: Option<&'a NarrowedIndex>, now: Timestamp) -> Shard<'a> {
        Shard {
            name: self.name(),
            uuid: self.uuid(),
            mapping: self.mapping(),
            settings: &self.design.settings,
            documents: ShardDocuments::Live(self.seen(now)),
            narrowed,
        }
    }
}

impl Cluster {
    /// The indices that a search goes over.
    fn shards<'a>(&'a self, target: &'a Target, now: Timestamp) -> Result<Vec<Shard<'a>>, Refusal> {
        let indices = self.resolve(&target.expression, &target.lookup, now)?;
        indices.iter().try_for_each(|index| index.allow(BlockLevel::Read))?;
        let narrowed = |index: &Index| target.narrowed.iter().find(|narrowed| narrowed.index == *index.name());
        Ok(indices.into_iter().map(|index| index.shard(narrowed(index), now)).collect())
    }

    /// What aliases say of the indices that a search goes over: their filters, as they are written, and where the
    /// search is sent to.
    ///
    /// An index that is named itself, be it by a wildcard, is seen whole; of several aliases one without a filter
    /// shows all, and otherwise whatever one of them shows is seen.
    ///
    /// Source: Elasticsearch 9.x, index name expression resolver: aliases with filters, and routing of searches.
    pub(crate) fn through_aliases(&self, target: &Target, now: Timestamp) -> Result<Vec<ThroughAliases<'_>>, Refusal> {
        let narrows = |index: &Index| {
            let mut says = index.design.aliases.values();
            says.any(|says| says.contains_key("filter") || says.contains_key("search_routing"))
        };
        if target.routing.is_none() && (self.index(&target.expression).is_some() || !self.indices().any(narrows)) {
            return Ok(Vec::new());
        }
        let names = self.names_meant(&target.expression, now)?;
        let given = target.routing.as_deref().map(list);
        let indices = self.resolve(&target.expression, &target.lookup, now)?;
        Ok(indices.into_iter().map(|index| through(index, &names, given.as_ref())).collect())
    }

    /// Searches indices.
    ///
    /// # Errors
    /// An index that is not there, or that cannot be asked this.
    pub(crate) fn search(&self, search: &Search, target: &Target, now: Timestamp) -> Result<SearchFound, Refusal> {
        let shards = self.shards(target, now)?;
        Ok(search.run(&shards, now).map_err(SearchRefusal::Shard)?)
    }

    /// Searches indices, and keeps what does not go on the first page.
    ///
    /// # Errors
    /// As [`Cluster::search`], and when there are too many scrolls.
    pub(crate) fn open_scroll(
        &mut self,
        search: &Search,
        target: &Target,
        keep: &KeepAlive,
        now: Timestamp,
    ) -> Result<SearchFound, Refusal> {
        let mut contexts = std::mem::take(&mut self.contexts);
        let found = self.shards(target, now).and_then(|shards| Ok(contexts.open_scroll(search, &shards, keep, now)?));
        self.contexts = contexts;
        found
    }

    /// Keeps indices as they are. Returns the id of the point in time, and of how many shards it is.
    ///
    /// # Errors
    /// An index that is not there, or too many points in time.
    pub(crate) fn open_pit(
        &mut self,
        target: &Target,
        keep: &KeepAlive,
        now: Timestamp,
    ) -> Result<(String, usize), Refusal> {
        let mut contexts = std::mem::take(&mut self.contexts);
        let opened = self.shards(target, now).and_then(|shards| {
            let count = shards.iter().map(Shard::width).sum();
            Ok((contexts.open_pit(shards.into_iter(), keep, now)?, count))
        });
        self.contexts = contexts;
        opened
    }

    /// Counts documents.
    ///
    /// # Errors
    /// As [`Cluster::search`].
    pub(crate) fn count(&self, search: &Search, target: &Target, now: Timestamp) -> Result<Counted, Refusal> {
        let shards = self.shards(target, now)?;
        let (count, terminated_early) = search.count(&shards, now).map_err(SearchRefusal::Shard)?;
        Ok(Counted { count, shards: shards.iter().map(Shard::width).sum(), terminated_early })
    }

    /// Deletes or rewrites all documents that match, in the order of the search and `docs_max` of them at most.
    /// A document that was written to since it was last shown is left alone; unless that is told not to matter,
    /// the sweep goes no further than the batch that has met one.
    ///
    /// # Errors
    /// As [`Cluster::search`]; a document that its index no longer takes.
    pub(crate) fn sweep(&mut self, asked: &SweepAsked<'_>, now: Timestamp) -> Result<Swept, Refusal> {
        let SweepAsked { search, target, sweep, docs_max, batch, proceeds, refreshes } = *asked;
        let shards = self.shards(target, now)?;
        if let Some(shard) = shards.iter().find(|shard| batch > shard.limits().result_window) {
            let fault = QueryRefusal::Batch { asked: batch, most: shard.limits().result_window };
            return Err(SearchRefusal::Shard(shard.fault(fault)).into());
        }
        let mut found: Vec<(Arc<str>, Arc<str>, StoredDocument)> =
            search.all(&shards, now).map_err(SearchRefusal::Shard)?;
        let names: Vec<Arc<str>> = shards.iter().map(|shard| shard.name.clone()).collect();
        found.truncate(docs_max.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)));
        let mut swept = Swept { total: found.len() as u64, ..Swept::default() };
        for part in found.chunks(usize::try_from(batch).unwrap_or(usize::MAX).max(1)) {
            swept.batches += 1;
            for (name, id, document) in part {
                let Some(index) = self.index_mut(name) else {
                    continue;
                };
                index.allow(BlockLevel::Write)?;
                let condition = WriteCondition { seq_no: document.seq_no, primary_term: PRIMARY_TERM };
                let guard = WriteGuard { condition: Some(condition), ..WriteGuard::default() };
                let written = match sweep {
                    Sweep::Delete => index.remove(id, guard),
                    Sweep::Rewrite => {
                        index.store(id.clone(), document.source.clone(), guard, document.routing.as_deref())
                    }
                };
                match written {
                    Ok(_) => swept.done += 1,
                    Err(refusal @ Refusal::VersionConflict { .. }) => swept.conflicts.push(refusal),
                    Err(refusal) => return Err(refusal),
                }
            }
            if !proceeds && !swept.conflicts.is_empty() {
                break;
            }
        }
        if refreshes {
            for name in names {
                self.index_mut(&name).into_iter().for_each(Index::refresh);
            }
        }
        Ok(swept)
    }
}

/// The parts of a comma list.
fn list(text: &str) -> BTreeSet<String> {
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What the aliases among those names say of an index; all are meant if there are no names.
fn through<'a>(index: &'a Index, names: &BTreeSet<String>, given: Option<&BTreeSet<String>>) -> ThroughAliases<'a> {
    let is_whole = names.is_empty() || names.contains(&**index.name());
    let (mut filters, mut routings) = (Vec::new(), BTreeSet::new());
    let (mut sees_all, mut goes_everywhere) = (is_whole, is_whole);
    for (_, says) in index.design.aliases.iter().filter(|(alias, _)| names.contains(*alias)) {
        filters.extend(says.get("filter").cloned());
        sees_all |= !says.contains_key("filter");
        let routing = says.get("search_routing").and_then(Value::as_str);
        goes_everywhere |= routing.is_none();
        routings.extend(routing.map(list).unwrap_or_default());
    }
    if let Some(given) = given {
        match goes_everywhere {
            true => routings.clone_from(given),
            false => routings.retain(|routing| given.contains(routing)),
        }
    }
    ThroughAliases {
        index: index.name(),
        filters: if sees_all { Vec::new() } else { filters },
        // Where none is left, all shards are asked.
        routings: ((given.is_some() || !goes_everywhere) && !routings.is_empty()).then_some(routings),
    }
}

/// What is to be done to all that a search finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SweepAsked<'a> {
    /// The search.
    pub search: &'a Search,
    /// Where.
    pub target: &'a Target,
    /// What is done.
    pub sweep: Sweep,
    /// How many documents at most.
    pub docs_max: Option<u64>,
    /// How many documents at a time.
    pub batch: u64,
    /// Whether a document that was written to in between does not matter.
    pub proceeds: bool,
    /// Whether what was done is shown at once.
    pub refreshes: bool,
}

/// What a sweep has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Swept {
    /// How many documents were found.
    pub total: u64,
    /// How many were deleted or rewritten.
    pub done: u64,
    /// How often it went on to the next ones.
    pub batches: u64,
    /// Those that were written to in between.
    pub conflicts: Vec<Refusal>,
}
