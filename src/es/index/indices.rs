//! The indices of a cluster: finding, making and removing them.

use std::sync::Arc;

use super::mapping::Bounds;
use super::names::{self, date_math, refuse_reserved};
use super::{built_in, settings};
use crate::clock::Timestamp;
use crate::es::document::lag::Lag;
use crate::es::document::store::{BlockLevel, Design, Index};
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::es::store::Cluster;
use crate::limits::INDICES_MAX;

impl Cluster {
    /// The index of exactly that name.
    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indices.get(name).map(|index| &**index)
    }

    /// The index of exactly that name, to be written to.
    pub(crate) fn index_mut(&mut self, name: &str) -> Option<&mut Index> {
        let index = self.indices.get_mut(name)?;
        if let Some(now) = self.seen_at {
            index.tick(now);
        }
        if let Some(trial) = &mut self.trial {
            trial.written(index);
        }
        Some(index)
    }

    /// All indices, in the order of their names.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Index> {
        self.indices.values().map(|index| &**index)
    }

    /// The index of that name, made if need be, as the Connector API's first write to it makes it.
    pub(crate) fn index_made(&mut self, name: &'static str, now: Timestamp) -> &mut Index {
        if !self.indices.contains_key(name) {
            let design = built_in::design(name).unwrap_or_default();
            let index = Index::new(name, self.ids.next_uuid(), design, now);
            return self.shelve(index);
        }
        self.index_mut(name).expect("it is there")
    }

    /// Puts a new index on the shelf.
    fn shelve(&mut self, mut index: Index) -> &mut Index {
        index.lag = self.seen_at.map(|now| Box::new(Lag::new(now)));
        let name = index.name().clone();
        if let Some(trial) = &mut self.trial {
            trial.made(&name);
        }
        self.indices.entry(name).or_insert_with(|| Box::new(index))
    }

    /// Makes an index. What `design` says goes before what is built in for its name.
    ///
    /// # Errors
    /// A name that is taken or cannot be one; an alias that has the name of an index; too many indices.
    pub(crate) fn create_index(&mut self, name: &str, design: Design, now: Timestamp) -> Result<&mut Index, Refusal> {
        refuse_reserved(name)?;
        if let Some(offence) = names::offence(name) {
            return Err(IndexRefusal::IndexName { name: name.to_owned(), offence }.into());
        }
        if let Some(index) = self.index(name) {
            return Err(IndexRefusal::IndexExists { name: name.to_owned(), uuid: index.uuid().to_owned() }.into());
        }
        if !self.named(name).is_empty() {
            return Err(IndexRefusal::IsAlias { name: name.to_owned() }.into());
        }
        if self.indices.len() >= INDICES_MAX {
            return Err(IndexRefusal::TooManyIndices.into());
        }
        let design = match built_in::design(name) {
            Some(built_in) => completed(Arc::unwrap_or_clone(built_in), design)?,
            None => self.templates().completed(name, design)?,
        };
        let design = Design { settings: settings::expanded(design.settings), ..design };
        for alias in design.aliases.keys() {
            self.check_alias(alias)?;
        }
        let index = Index::new(name, self.ids.next_uuid(), design, now);
        Ok(self.shelve(index))
    }

    /// Whether a write to `name` makes an index.
    pub(crate) fn makes(&self, name: &str, now: Timestamp) -> bool {
        let is_new = |name: &str| self.named(name).is_empty() && built_in::index_behind(name).is_none();
        // Almost every write names its index.
        !self.indices.contains_key(name) && date_math(name, now).is_ok_and(|name| is_new(&name))
    }

    /// The index that a write to `name` goes to: the index of that name, the one that an alias says is
    /// written to, or a new one.
    ///
    /// DIFFERENCE: a write to the alias of connectors or sync jobs before their index is there makes
    /// that index. Elasticsearch makes a plain index of the alias's name, which bars the way for the
    /// real one.
    ///
    /// # Errors
    /// A name that cannot be one, an alias without an index to write to, or with `require_alias` a
    /// name that is no alias.
    pub(crate) fn index_to_write(
        &mut self,
        name: &str,
        require_alias: bool,
        now: Timestamp,
    ) -> Result<&mut Index, Refusal> {
        refuse_reserved(name)?;
        // Almost every write names its index.
        if !require_alias && self.indices.contains_key(name) {
            return writable(self.index_mut(name), name);
        }
        let name = date_math(name, now)?;
        let found = self.write_target(&name, require_alias)?;
        let target = match found {
            Some(target) => target,
            None => match built_in::index_behind(&name) {
                Some(index) => return Ok(self.index_made(index, now)),
                None => return self.create_index(&name, Design::default(), now),
            },
        };
        writable(self.index_mut(&target), &name)
    }

    /// The index that a write goes to, never made for it: for a write that has nothing to do where nothing is.
    ///
    /// # Errors
    /// Those of [`index_to_write`](Self::index_to_write), and no such index.
    pub(crate) fn existing_index_to_write(&mut self, name: &str, now: Timestamp) -> Result<&mut Index, Refusal> {
        refuse_reserved(name)?;
        let name = date_math(name, now)?;
        let target = self.write_target(&name, false)?;
        let found = target.and_then(|target| self.index_mut(&target));
        let found = found.ok_or(IndexRefusal::NoSuchIndex { expression: name, of_document: true })?;
        found.allow(BlockLevel::Write)?;
        Ok(found)
    }

    /// The index that is written to under a name, if there is one.
    fn write_target(&self, name: &str, require_alias: bool) -> Result<Option<Arc<str>>, Refusal> {
        if let Some(index) = self.index(name) {
            return if require_alias {
                Err(IndexRefusal::AliasRequired { name: name.to_owned() }.into())
            } else {
                Ok(Some(index.name().clone()))
            };
        }
        let indices = self.named(name);
        let says = |index: &Index, wanted: bool| {
            index.design.aliases.get(name).and_then(|alias| alias.get("is_write_index")?.as_bool()) == Some(wanted)
        };
        match indices.as_slice() {
            [] if require_alias => Err(IndexRefusal::AliasRequired { name: name.to_owned() }.into()),
            [] => Ok(None),
            [only] if !says(only, false) => Ok(Some(only.name().clone())),
            several => match several.iter().find(|index| says(index, true)) {
                Some(index) => Ok(Some(index.name().clone())),
                None => Err(IndexRefusal::NoWriteIndex { alias: name.to_owned() }.into()),
            },
        }
    }

    /// Whether an alias may have that name.
    ///
    /// # Errors
    /// A name that cannot be one, or that an index has.
    pub(crate) fn check_alias(&self, alias: &str) -> Result<(), Refusal> {
        let offence = match self.index(alias) {
            Some(_) => Some("an index or data stream exists with the same name as the alias".to_owned()),
            None if alias.is_empty() => Some("must not be empty".to_owned()),
            None => crate::es::connector::rules::index_name_offence(alias),
        };
        match offence {
            Some(offence) => Err(IndexRefusal::AliasName { name: alias.to_owned(), offence }.into()),
            None => Ok(()),
        }
    }

    /// Removes the index of exactly that name with all its documents, and says whether there was one.
    pub(crate) fn remove_index(&mut self, name: &str) -> bool {
        let Some(index) = self.indices.remove(name) else { return false };
        if let Some(trial) = &mut self.trial {
            trial.removed(index);
        }
        true
    }
}

/// The index, if it may be written to.
fn writable<'i>(index: Option<&'i mut Index>, name: &str) -> Result<&'i mut Index, Refusal> {
    let index = index.ok_or_else(|| Refusal::IndexMissing { index: name.to_owned() })?;
    index.allow(BlockLevel::Write)?;
    Ok(index)
}

/// A design with another laid over it.
fn completed(mut design: Design, over: Design) -> Result<Design, Refusal> {
    design.settings.extend(over.settings);
    design.mapping.set_bounds(Bounds::of(&design.settings));
    design.mapping.merge(&over.mapping).map_err(IndexRefusal::from)?;
    design.aliases.extend(over.aliases);
    Ok(design)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::store::{CONNECTORS, SYNC_JOBS};
    use serde_json::json;

    fn cluster() -> (Cluster, Timestamp) {
        (Cluster::new(7), Timestamp::default())
    }

    fn aliased(alias: &str, says: serde_json::Value) -> Design {
        let says = says.as_object().cloned().unwrap_or_default();
        Design { aliases: [(alias.to_owned(), says)].into(), ..Design::default() }
    }

    #[test]
    fn a_write_finds_its_index_or_makes_it() {
        let (mut cluster, now) = cluster();
        let name = |cluster: &mut Cluster, given: &str, require_alias| {
            cluster.index_to_write(given, require_alias, now).map(|index| index.name().to_string())
        };
        assert_eq!(name(&mut cluster, "docs", false).as_deref(), Ok("docs"));
        assert_eq!(name(&mut cluster, ".elastic-connectors", false).as_deref(), Ok(CONNECTORS));
        assert_eq!(name(&mut cluster, ".elastic-connectors", true).as_deref(), Ok(CONNECTORS));
        assert_eq!(name(&mut cluster, SYNC_JOBS, false).as_deref(), Ok(SYNC_JOBS));
        assert_eq!(name(&mut cluster, "<day-{now/d}>", false).as_deref(), Ok("day-1970.01.01"));
        assert!(name(&mut cluster, "docs", true).is_err());
        assert!(name(&mut cluster, "nope", true).is_err());
        assert!(name(&mut cluster, "Nope", false).is_err());
        cluster.create_index("a", aliased("both", json!({})), now).expect("an index");
        assert_eq!(name(&mut cluster, "both", false).as_deref(), Ok("a"));
        cluster.create_index("b", aliased("both", json!({})), now).expect("an index");
        assert!(name(&mut cluster, "both", false).is_err());
        cluster.create_index("c", aliased("both", json!({ "is_write_index": true })), now).expect("an index");
        assert_eq!(name(&mut cluster, "both", false).as_deref(), Ok("c"));
        cluster.create_index("d", aliased("shut", json!({ "is_write_index": false })), now).expect("an index");
        assert!(name(&mut cluster, "shut", false).is_err());
    }

    #[test]
    fn an_index_and_an_alias_never_share_a_name() {
        let (mut cluster, now) = cluster();
        cluster.create_index("a", aliased("other", json!({})), now).expect("an index");
        assert!(cluster.create_index("a", Design::default(), now).is_err());
        assert!(cluster.create_index("other", Design::default(), now).is_err());
        assert!(cluster.create_index("b", aliased("a", json!({})), now).is_err());
    }

    #[test]
    fn the_indices_of_connectors_are_what_elasticsearch_makes_them() {
        let (mut cluster, now) = cluster();
        let index = cluster.create_index(SYNC_JOBS, Design::default(), now).expect("an index");
        assert!(index.is_hidden());
        assert_eq!(index.copies(), 1);
        let alias = index.design.aliases.get(".elastic-connectors-sync-jobs").expect("an alias");
        assert_eq!(alias.get("is_hidden"), Some(&json!(true)));
    }

    #[test]
    fn there_are_only_so_many_indices() {
        let (mut cluster, now) = cluster();
        for at in 0..INDICES_MAX {
            cluster.create_index(&format!("i{at}"), Design::default(), now).expect("an index");
        }
        assert!(cluster.create_index("one-more", Design::default(), now).is_err());
        assert!(cluster.remove_index("i0"));
        assert!(cluster.create_index("one-more", Design::default(), now).is_ok());
    }
}
