//! The searches of a [`Cluster`]: over its indices, or over what scrolls and points in time have kept.

use super::context::KeepAlive;
use super::{Documents, Found, Search, Shard};
use crate::clock::Timestamp;
use crate::cluster::Cluster;
use crate::cluster::index::{Guard, Index, Level};
use crate::cluster::names::Lookup;
use crate::cluster::query::Query;
use crate::cluster::refusal::{Refusal, SearchRefusal};

/// Which indices a search goes over.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Names, aliases, wildcards.
    pub expression: String,
    /// How they are understood.
    pub lookup: Lookup,
}

/// What a count found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many documents match.
    pub count: u64,
    /// How many indices were searched.
    pub shards: usize,
    /// Whether an index stopped early; none if it was not to.
    pub terminated_early: Option<bool>,
}

/// What is done to all documents that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// They are deleted.
    Delete,
    /// They are written once more as they are.
    Rewrite,
}

impl Index {
    /// The index as something that is searched.
    pub fn shard(&self) -> Shard<'_> {
        Shard { name: self.name(), uuid: self.uuid(), mapping: self.mapping(), documents: Documents::Live(self) }
    }
}

impl Cluster {
    /// The indices that a search goes over.
    fn shards(&self, target: &Target, now: Timestamp) -> Result<Vec<Shard<'_>>, Refusal> {
        let indices = self.resolve(&target.expression, &target.lookup, now)?;
        indices.iter().try_for_each(|index| index.allow(Level::Read))?;
        for name in target.expression.split(',') {
            let narrows = |index: &&Index| {
                &**index.name() != name
                    && index.design.aliases.get(name).is_some_and(|says| says.contains_key("filter"))
            };
            if indices.iter().any(narrows) {
                return Err(SearchRefusal::Unsupported {
                    what: format!("searches through the alias [{name}], which has a filter"),
                    instead: "name the index, and put the filter into the query",
                }
                .into());
            }
        }
        Ok(indices.into_iter().map(Index::shard).collect())
    }

    /// Searches indices.
    ///
    /// # Errors
    /// An index that is not there, or that cannot be asked this.
    pub fn search(&self, search: &Search, target: &Target, now: Timestamp) -> Result<Found, Refusal> {
        let shards = self.shards(target, now)?;
        Ok(search.run(&shards, now).map_err(SearchRefusal::Shard)?)
    }

    /// Searches indices, and keeps what does not go on the first page.
    ///
    /// # Errors
    /// As [`Cluster::search`], and when there are too many scrolls.
    pub fn open_scroll(
        &mut self,
        search: &Search,
        target: &Target,
        keep: &KeepAlive,
        now: Timestamp,
    ) -> Result<Found, Refusal> {
        let mut contexts = std::mem::take(&mut self.contexts);
        let found = self.shards(target, now).and_then(|shards| Ok(contexts.open_scroll(search, &shards, keep, now)?));
        self.contexts = contexts;
        found
    }

    /// Keeps indices as they are. Returns the id of the point in time, and of how many indices it is.
    ///
    /// # Errors
    /// An index that is not there, or too many points in time.
    pub fn open_pit(&mut self, target: &Target, keep: &KeepAlive, now: Timestamp) -> Result<(String, usize), Refusal> {
        let mut contexts = std::mem::take(&mut self.contexts);
        let opened = self.shards(target, now).and_then(|shards| {
            let count = shards.len();
            Ok((contexts.open_pit(shards.into_iter(), keep, now)?, count))
        });
        self.contexts = contexts;
        opened
    }

    /// Counts documents.
    ///
    /// # Errors
    /// As [`Cluster::search`].
    pub fn count(&self, search: &Search, target: &Target, now: Timestamp) -> Result<Counted, Refusal> {
        let shards = self.shards(target, now)?;
        let (count, terminated_early) = search.count(&shards, now).map_err(SearchRefusal::Shard)?;
        Ok(Counted { count, shards: shards.len(), terminated_early })
    }

    /// Deletes or rewrites all documents that match, `docs_max` of them at most, and says how many.
    ///
    /// # Errors
    /// As [`Cluster::search`]; a document that its index no longer takes.
    pub fn sweep(
        &mut self,
        query: &Query,
        target: &Target,
        sweep: Sweep,
        docs_max: Option<u64>,
        now: Timestamp,
    ) -> Result<u64, Refusal> {
        let mut found = Vec::new();
        for shard in self.shards(target, now)? {
            let matching = shard.matching(query, now).map_err(SearchRefusal::Shard)?;
            found.extend(matching.into_iter().map(|(id, document)| (shard.name.clone(), id.clone(), document.clone())));
        }
        found.truncate(docs_max.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)));
        let count = found.len() as u64;
        for (name, id, document) in found {
            let Some(index) = self.index_mut(&name) else {
                continue;
            };
            index.allow(Level::Write)?;
            match sweep {
                Sweep::Delete => index.remove(&id, Guard::default())?,
                Sweep::Rewrite => index.store(id, document.source, Guard::default(), document.routing.as_deref())?,
            };
        }
        Ok(count)
    }
}
