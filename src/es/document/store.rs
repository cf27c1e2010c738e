//! [`Index`]: documents by id. Every write of every door passes here, so that versions, sequence
//! numbers and no-ops are right everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::lag::Lag;
use super::source::{Patch, Source, StoredDocument, UpdateOutcome, WriteCondition};
use crate::by_id::ById;
use crate::clock::Timestamp;
use crate::es::index::built_in::{is_of_connectors, is_of_sync_jobs};
use crate::es::index::layout::ShardLayout;
use crate::es::index::mapping::{Bounds, HeldMapping, Mapping};
use crate::es::order::Changes;
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::limits::{DELETES_REMEMBERED_MAX, NESTED_OBJECTS_MAX};

/// Elasticsearch counts terms from 1, and a mock's primary never moves.
pub(crate) const PRIMARY_TERM: u64 = 1;

/// The setting of the server's own that says that an index is closed.
pub(crate) const CLOSED: &str = "verified_before_close";

/// What may be done with an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockLevel {
    /// Its documents are read.
    Read,
    /// Its documents are written.
    Write,
    /// What it is made of is read.
    MetadataRead,
    /// What it is made of is changed.
    MetadataWrite,
    /// It is removed.
    Delete,
}

/// What may stand in the way of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// `blocks.read_only`.
    ReadOnly,
    /// `blocks.read`.
    Read,
    /// `blocks.write`.
    Write,
    /// `blocks.metadata`.
    Metadata,
    /// `blocks.read_only_allow_delete`.
    ReadOnlyAllowDelete,
    /// The index is closed.
    Closed,
}

impl Barrier {
    /// Those that settings raise.
    pub(crate) const BLOCKS: [Barrier; 5] =
        [Barrier::ReadOnly, Barrier::Read, Barrier::Write, Barrier::Metadata, Barrier::ReadOnlyAllowDelete];

    /// The setting that raises it.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Barrier::ReadOnly => "blocks.read_only",
            Barrier::Read => "blocks.read",
            Barrier::Write => "blocks.write",
            Barrier::Metadata => "blocks.metadata",
            Barrier::ReadOnlyAllowDelete => "blocks.read_only_allow_delete",
            Barrier::Closed => CLOSED,
        }
    }

    /// What it forbids.
    ///
    /// Source: Elasticsearch 9.x, the blocks that index metadata declares.
    fn levels(self) -> &'static [BlockLevel] {
        match self {
            Barrier::ReadOnly => &[BlockLevel::Write, BlockLevel::MetadataWrite, BlockLevel::Delete],
            Barrier::Read => &[BlockLevel::Read],
            Barrier::Write => &[BlockLevel::Write],
            Barrier::Metadata => &[BlockLevel::MetadataRead, BlockLevel::MetadataWrite, BlockLevel::Delete],
            Barrier::ReadOnlyAllowDelete => &[BlockLevel::Write, BlockLevel::MetadataWrite],
            Barrier::Closed => &[BlockLevel::Read, BlockLevel::Write],
        }
    }
}

/// The barriers of an index, a bit each: every write asks whether there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Barriers(u8);

impl Barriers {
    /// Those that settings raise.
    fn of(settings: &Map<String, Value>) -> Barriers {
        let all = Barrier::BLOCKS.into_iter().chain([Barrier::Closed]);
        let raised = all.filter(|barrier| settings.get(barrier.setting()).and_then(Value::as_str) == Some("true"));
        Barriers(raised.fold(0, |bits, barrier| bits | Barriers::bit(barrier)))
    }

    fn bit(barrier: Barrier) -> u8 {
        1 << barrier as u8
    }

    fn has(self, barrier: Barrier) -> bool {
        self.0 & Barriers::bit(barrier) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What an index is made of, beside its documents.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Design {
    /// The settings below `index`, with dots resolved and every value a text.
    pub settings: Map<String, Value>,
    /// How its fields are typed.
    pub mapping: HeldMapping,
    /// Its other names, each with what is said of it: `filter`, `is_write_index`, `is_hidden`, routing.
    pub aliases: BTreeMap<String, Map<String, Value>>,
}

/// An index: documents by id, in the order of their ids; the order of writing is their `seq_no`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    name: Arc<str>,
    uuid: String,
    created_at: Timestamp,
    /// Settings, mapping and aliases.
    pub design: Arc<Design>,
    /// What stands in the way of reading and writing.
    barriers: Barriers,
    seq_no_next: u64,
    documents: ById<StoredDocument>,
    /// The versions of documents that are gone, so that one with the same id counts on.
    ///
    /// DIFFERENCE: Elasticsearch forgets a deletion after a minute; here a number of them is kept.
    deleted: BTreeMap<Arc<str>, Deleted>,
    /// What stood where something was written, while a call is tried.
    former: Option<Box<Former>>,
    /// What searches do not see yet; none if they see every write at once.
    pub(crate) lag: Option<Box<Lag>>,
    /// What an order of its documents has not seen yet.
    pub(crate) changes: Changes,
}

/// What has to be put back to undo writes.
#[derive(Clone, Debug, PartialEq)]
struct Former {
    design: Arc<Design>,
    seq_no_next: u64,
    lag: Option<Box<Lag>>,
    entries: BTreeMap<Arc<str>, IdEntry>,
}

/// What is known of an id.
#[derive(Clone, Debug, PartialEq)]
enum IdEntry {
    Nothing,
    Document(StoredDocument),
    Deleted(Deleted),
}

/// What is left of a deleted document.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Deleted {
    version: u64,
    seq_no: u64,
}

/// What a write must find.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(crate) struct WriteGuard {
    /// The write that the writer has read.
    pub condition: Option<WriteCondition>,
    /// A version that the writer keeps itself.
    pub version: Option<External>,
    /// Whether there must be no document yet.
    pub create: bool,
}

/// A version that is counted outside the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct External {
    /// The version that the document is to get.
    pub version: u64,
    /// Whether the same version may be written again.
    pub or_equal: bool,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteEffect {
    /// There was no document.
    Created,
    /// The document has changed.
    Updated,
    /// The document is gone.
    Deleted,
    /// There was nothing to delete.
    NotFound,
    /// There was nothing to change.
    Noop,
}

impl WriteEffect {
    /// The `result` of an answer.
    pub(crate) fn name(self) -> &'static str {
        match self {
            WriteEffect::Created => "created",
            WriteEffect::Updated => "updated",
            WriteEffect::Deleted => "deleted",
            WriteEffect::NotFound => "not_found",
            WriteEffect::Noop => "noop",
        }
    }
}

/// A write that was done, as its answer tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WriteDone {
    /// The index's concrete name.
    pub index: Arc<str>,
    /// The document's id.
    pub id: Arc<str>,
    /// The document's version.
    pub version: u64,
    /// What the write did.
    pub effect: WriteEffect,
    /// How many copies the index wants of its shard.
    pub copies: u64,
    /// The number of the write in its index.
    pub seq_no: u64,
}

impl Index {
    /// An index without documents.
    pub(crate) fn new(name: &str, uuid: String, design: impl Into<Arc<Design>>, now: Timestamp) -> Index {
        let mut design: Arc<Design> = design.into();
        let bounds = Bounds::of(&design.settings);
        if !design.mapping.has_bounds(bounds) {
            Arc::make_mut(&mut design).mapping.set_bounds(bounds);
        }
        Index {
            name: Arc::from(name),
            uuid,
            created_at: now,
            barriers: Barriers::of(&design.settings),
            design,
            seq_no_next: 0,
            documents: ById::default(),
            deleted: BTreeMap::new(),
            former: None,
            lag: None,
            changes: Changes::default(),
        }
    }

    /// The index's concrete name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The index's own id, 22 characters.
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// When the index was made.
    pub(crate) fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// How the index's fields are typed.
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.design.mapping
    }

    /// What it is made of, to be changed.
    pub(crate) fn design_mut(&mut self) -> &mut Design {
        Arc::make_mut(&mut self.design)
    }

    /// A setting, by its name below `index`.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.design.settings.get(name)?.as_str()
    }

    /// Whether it can be read and written; one that is closed keeps its documents and shows none.
    pub(crate) fn is_open(&self) -> bool {
        !self.barriers.has(Barrier::Closed)
    }

    /// Takes other settings, and what they forbid.
    pub(crate) fn set_settings(&mut self, settings: Map<String, Value>) {
        self.barriers = Barriers::of(&settings);
        let design = self.design_mut();
        design.mapping.set_bounds(Bounds::of(&settings));
        design.settings = settings;
    }

    /// Looks whether something may be done with the index.
    ///
    /// # Errors
    /// The blocks that forbid it, and that it is closed.
    pub(crate) fn allow(&self, level: BlockLevel) -> Result<(), Refusal> {
        if self.barriers.is_empty() {
            return Ok(());
        }
        if !self.is_open() && matches!(level, BlockLevel::Read | BlockLevel::Write) {
            let (index, uuid) = (self.name.to_string(), self.uuid.clone());
            return Err(IndexRefusal::Closed { index, uuid }.into());
        }
        let blocks: Vec<Barrier> = Barrier::BLOCKS
            .into_iter()
            .filter(|block| self.barriers.has(*block) && block.levels().contains(&level))
            .collect();
        if blocks.is_empty() {
            return Ok(());
        }
        Err(IndexRefusal::Blocked { index: self.name.to_string(), blocks }.into())
    }

    /// Whether wildcards pass the index by.
    pub(crate) fn is_hidden(&self) -> bool {
        self.setting("hidden") == Some("true")
    }

    /// Whether the index wants a routing with each document.
    pub(crate) fn requires_routing(&self) -> bool {
        self.design.mapping.requires_routing()
    }

    /// Checks that a document comes with a routing where the index wants one.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn check_routing(&self, id: &str, routing: Option<&str>) -> Result<(), Refusal> {
        if routing.is_some() || !self.requires_routing() {
            return Ok(());
        }
        Err(IndexRefusal::RoutingMissing { index: self.name.to_string(), id: id.to_owned() }.into())
    }

    /// Whether two routings lead a document to the same shard.
    pub(crate) fn is_beside(&self, id: &str, one: Option<&str>, other: Option<&str>) -> bool {
        let layout = || ShardLayout::of(&self.design.settings);
        one == other || layout().shard_of(id, one) == layout().shard_of(id, other)
    }

    /// Whether there is a document with that id, and a routing leads beside it.
    pub(crate) fn is_elsewhere(&self, id: &str, routing: Option<&str>) -> bool {
        self.documents.get(id).is_some_and(|document| !self.is_beside(id, routing, document.routing.as_deref()))
    }

    /// How many copies of its shard the index wants, the primary included.
    pub(crate) fn copies(&self) -> u64 {
        1 + self.setting("number_of_replicas").and_then(|count| count.parse::<u64>().ok()).unwrap_or(1)
    }

    /// How often it was written to: each write has a number.
    pub(crate) fn writes(&self) -> u64 {
        self.seq_no_next
    }

    /// How many documents there are.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// The document with that id.
    pub(crate) fn get(&self, id: &str) -> Option<&StoredDocument> {
        self.documents.get(id)
    }

    /// The document with that id, with the id as the index holds it.
    pub(crate) fn entry(&self, id: &str) -> Option<(&Arc<str>, &StoredDocument)> {
        self.documents.entry(id)
    }

    /// All documents with their ids, in the order of the ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &StoredDocument)> {
        self.documents.iter()
    }

    /// Those with ids after this one, or all.
    pub(crate) fn iter_after(&self, id: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &StoredDocument)> {
        self.documents.iter_after(id)
    }

    /// All documents in no order that means anything, which is quicker.
    pub(super) fn iter_unordered(&self) -> impl Iterator<Item = (&Arc<str>, &StoredDocument)> {
        self.documents.iter_unordered()
    }

    // ── writes of the Connector API, each of which refreshes its index ────────────────────────────

    /// Stores a document whole, in place of one with the same id, and says whether there was none.
    pub(crate) fn put(&mut self, id: impl Into<Arc<str>>, source: impl Into<Arc<Source>>) -> bool {
        let id = id.into();
        let known = self.documents.get(&id).map(|document| document.version);
        let version = known.or_else(|| self.deleted.get(&id).map(|gone| gone.version)).unwrap_or(0) + 1;
        self.place(id, source.into(), version, None);
        self.refresh();
        known.is_none()
    }

    /// Stores documents whole, one after the other.
    pub(crate) fn put_all(&mut self, documents: Vec<(Arc<str>, Arc<Source>)>) {
        if self.seq_no_next > 0 || self.former.is_some() {
            documents.into_iter().for_each(|(id, source)| _ = self.put(id, source));
            return;
        }
        // Of an index that nobody has written to nobody has anything to remember.
        let number = |((id, source), seq_no)| (id, StoredDocument { source, version: 1, seq_no, routing: None });
        self.seq_no_next = documents.len() as u64;
        self.documents.extend(documents.into_iter().zip(0..).map(number).collect());
    }

    /// Merges `patch` into the document with that id, if `condition` holds. A patch that changes
    /// nothing writes nothing.
    pub(crate) fn update(
        &mut self,
        id: &str,
        patch: Patch,
        condition: Option<WriteCondition>,
    ) -> Result<UpdateOutcome, Refusal> {
        let (effect, ..) = self.change(id, patch, condition, true)?;
        self.refresh();
        Ok(if effect == WriteEffect::Noop { UpdateOutcome::Noop } else { UpdateOutcome::Updated })
    }

    /// Removes the document with that id, and says whether there was one.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        self.note(id);
        let Some((id, document)) = self.documents.remove(id) else {
            return false;
        };
        let seq_no = self.next_seq_no();
        self.remember_deleted(id, Deleted { version: document.version + 1, seq_no });
        self.refresh();
        true
    }

    /// Removes the documents with these ids, which are sorted, one after the other. What it gives back is for the caller
    /// to drop, which takes long.
    pub(crate) fn delete_all(&mut self, ids: &[Arc<str>]) -> Vec<(Arc<str>, StoredDocument)> {
        self.changes.note_all(ids, self.documents.len());
        // The first of more than are remembered would be forgotten at once.
        let forgotten = ids.len().saturating_sub(DELETES_REMEMBERED_MAX);
        let mut deleted = Vec::with_capacity(ids.len() - forgotten);
        for (at, id) in ids.iter().enumerate() {
            self.note_former(id);
            let seq_no = self.next_seq_no();
            if let Some(document) = (at >= forgotten).then(|| self.documents.get(id)).flatten() {
                deleted.push((id.clone(), Deleted { version: document.version + 1, seq_no }));
            }
        }
        match self.deleted.is_empty() {
            // They are sorted, so that this is quick.
            true => self.deleted = deleted.into_iter().collect(),
            false => deleted.into_iter().for_each(|(id, gone)| self.remember_deleted(id, gone)),
        }
        let mut gone = Vec::with_capacity(ids.len());
        self.documents.remove_all(ids, |document| gone.push(document));
        if !gone.is_empty() {
            self.refresh();
        }
        gone
    }

    // ── writes of the document APIs ───────────────────────────────────────────────────────────────

    /// Stores a document whole, if `guard` holds and its values fit the mapping, which learns its new
    /// fields.
    pub(crate) fn store(
        &mut self,
        id: impl Into<Arc<str>>,
        source: impl Into<Arc<Source>>,
        guard: WriteGuard,
        routing: Option<&str>,
    ) -> Result<WriteDone, Refusal> {
        let (id, source) = (id.into(), source.into());
        if self.is_elsewhere(&id, routing) {
            // DIFFERENCE: an id is one document of its index, and not one of each shard.
            return Err(IndexRefusal::OtherShard { index: self.name.to_string(), id: id.to_string() }.into());
        }
        let version = self.next_version(&id, guard)?;
        self.admit(&id, &source)?;
        let effect = if self.documents.contains(&id) { WriteEffect::Updated } else { WriteEffect::Created };
        let seq_no = self.place(id.clone(), source, version, routing.map(Arc::from));
        Ok(self.written(id, version, effect, seq_no))
    }

    /// Merges `patch` into the document with that id, if `condition` holds and its values fit the
    /// mapping. With `detect_noop`, a patch that changes nothing writes nothing.
    pub(crate) fn amend(
        &mut self,
        id: &str,
        patch: Patch,
        condition: Option<WriteCondition>,
        detect_noop: bool,
    ) -> Result<WriteDone, Refusal> {
        let (effect, version, seq_no) = self.change(id, patch, condition, detect_noop)?;
        let copies = if effect == WriteEffect::Noop { 0 } else { self.copies() };
        let id = self.documents.entry(id).map_or_else(|| id.into(), |(id, _)| id.clone());
        Ok(WriteDone { index: self.name.clone(), id, version, effect, copies, seq_no })
    }

    /// What is said of a document that was to be changed and is not there.
    pub(crate) fn missing(&self, id: &str) -> Refusal {
        let (index, index_uuid) = (self.name.to_string(), self.uuid.clone());
        Refusal::DocumentMissing { id: id.to_owned(), index, index_uuid }
    }

    /// Changes a document, and says what that did, with the version and the number that it has now.
    fn change(
        &mut self,
        id: &str,
        patch: Patch,
        condition: Option<WriteCondition>,
        detect_noop: bool,
    ) -> Result<(WriteEffect, u64, u64), Refusal> {
        let Some(place) = self.documents.find(id) else {
            return Err(self.missing(id));
        };
        self.check_condition(id, condition)?;
        self.note(id);
        let (_, document) = self.documents.at_mut(place);
        // Only what the patch names can have become wrong, and of a rule's own fields nothing.
        let admitted = match is_of_sync_jobs(&self.design) {
            true if patch.foreign().next().is_none() => Ok(None),
            true => self.design.mapping.admit(patch.foreign()),
            false => self.design.mapping.admit(patch.iter()),
        };
        let grown = match admitted {
            Ok(grown) => grown,
            Err(misfit) => {
                let mut merged = (*document.source).clone();
                merged.merge(patch);
                return Err(self.misfit(id, &merged, misfit));
            }
        };
        let is_noop = !Arc::make_mut(&mut document.source).merge(patch) && detect_noop;
        if !is_noop {
            document.version += 1;
            document.seq_no = self.seq_no_next;
            self.seq_no_next += 1;
        }
        let written = (document.version, document.seq_no);
        self.grow(grown);
        Ok((if is_noop { WriteEffect::Noop } else { WriteEffect::Updated }, written.0, written.1))
    }

    /// Removes the document that a routing leads to: one that lies on another shard is not found.
    pub(crate) fn remove_at(
        &mut self,
        id: &str,
        guard: WriteGuard,
        routing: Option<&str>,
    ) -> Result<WriteDone, Refusal> {
        if !self.is_elsewhere(id, routing) {
            return self.remove(id, guard);
        }
        if let Some(required) = guard.condition {
            let (id, index, index_uuid) = (id.to_owned(), self.name.to_string(), self.uuid.clone());
            return Err(Refusal::VersionConflict { id, index, index_uuid, required, current: None });
        }
        let version = guard.version.map_or(1, |External { version, .. }| version);
        let seq_no = self.next_seq_no();
        Ok(self.written(Arc::from(id), version, WriteEffect::NotFound, seq_no))
    }

    /// Removes the document with that id, if `guard` holds. A document that is not there is deleted
    /// all the same: the deletion has a version and a number.
    pub(crate) fn remove(&mut self, id: &str, guard: WriteGuard) -> Result<WriteDone, Refusal> {
        let version = self.next_version(id, guard)?;
        self.note(id);
        let found = self.documents.remove(id).map(|(id, _)| id);
        let effect = if found.is_some() { WriteEffect::Deleted } else { WriteEffect::NotFound };
        let id = found.unwrap_or_else(|| Arc::from(id));
        let seq_no = self.next_seq_no();
        self.remember_deleted(id.clone(), Deleted { version, seq_no });
        Ok(self.written(id, version, effect, seq_no))
    }

    fn written(&self, id: Arc<str>, version: u64, effect: WriteEffect, seq_no: u64) -> WriteDone {
        WriteDone { index: self.name.clone(), id, version, effect, copies: self.copies(), seq_no }
    }

    fn place(&mut self, id: Arc<str>, source: Arc<Source>, version: u64, routing: Option<Arc<str>>) -> u64 {
        self.note(&id);
        let seq_no = self.next_seq_no();
        self.deleted.remove(&id);
        self.documents.insert(id, StoredDocument { source, version, seq_no, routing });
        seq_no
    }

    /// The version that a write gives, if its guard holds.
    fn next_version(&self, id: &str, guard: WriteGuard) -> Result<u64, Refusal> {
        self.check_condition(id, guard.condition)?;
        let document = self.documents.get(id);
        let gone = || self.deleted.get(id).map(|gone| gone.version);
        let conflict = |conflict| {
            Refusal::Shelf(IndexRefusal::Conflict {
                id: id.to_owned(),
                index: self.name.to_string(),
                index_uuid: self.uuid.clone(),
                conflict,
            })
        };
        if let (true, Some(document)) = (guard.create, document) {
            let current = WriteCondition { seq_no: document.seq_no, primary_term: PRIMARY_TERM };
            return Err(conflict(Conflict::Exists { version: document.version, current }));
        }
        let current = document.map(|document| document.version).or_else(gone);
        match (guard.version, current) {
            (Some(External { version, or_equal }), Some(current))
                if current > version || (current == version && !or_equal) =>
            {
                Err(conflict(Conflict::Version { current, given: version, or_equal }))
            }
            (Some(External { version, .. }), _) => Ok(version),
            (None, current) => Ok(current.unwrap_or(0) + 1),
        }
    }

    fn check_condition(&self, id: &str, condition: Option<WriteCondition>) -> Result<(), Refusal> {
        let Some(required) = condition else {
            return Ok(());
        };
        let document = self.documents.get(id);
        let current = document.map(|document| WriteCondition { seq_no: document.seq_no, primary_term: PRIMARY_TERM });
        if current == Some(required) {
            return Ok(());
        }
        Err(Refusal::VersionConflict {
            id: id.to_owned(),
            index: self.name.to_string(),
            index_uuid: self.uuid.clone(),
            required,
            current,
        })
    }

    fn admit(&mut self, id: &str, source: &Source) -> Result<(), Refusal> {
        let is_own = is_of_connectors(&self.design);
        let admitted = match is_own {
            true => self.design.mapping.admit(source.foreign()),
            false => self.design.mapping.admit(source.iter()),
        };
        let grown = admitted.map_err(|misfit| self.misfit(id, source, misfit))?;
        if !is_own {
            let most = self.setting("mapping.nested_objects.limit").and_then(|most| most.parse().ok());
            let mapping = grown.as_ref().unwrap_or_else(|| &self.design.mapping);
            mapping
                .check_nested(source.iter(), most.unwrap_or(NESTED_OBJECTS_MAX))
                .map_err(|misfit| self.misfit(id, source, misfit))?;
        }
        self.grow(grown);
        Ok(())
    }

    /// Takes over what its mapping has become.
    fn grow(&mut self, grown: Option<Mapping>) {
        if let Some(mapping) = grown {
            self.design_mut().mapping = mapping.into();
        }
    }

    fn misfit(&self, id: &str, source: &Source, misfit: crate::es::index::mapping::DocumentRefusal) -> Refusal {
        // The position is that of the value in the document as it would be stored.
        let text = serde_json::to_vec(source).unwrap_or_default();
        let place = misfit.place_in(&text).unwrap_or((1, 1));
        Refusal::Shelf(IndexRefusal::Misfit { id: id.to_owned(), misfit: Box::new(misfit), place })
    }

    fn remember_deleted(&mut self, id: Arc<str>, gone: Deleted) {
        self.deleted.insert(id, gone);
        if self.deleted.len() > DELETES_REMEMBERED_MAX {
            // The older half goes at once, so that this is done rarely.
            let mut numbers: Vec<u64> = self.deleted.values().map(|gone| gone.seq_no).collect();
            numbers.sort_unstable();
            let oldest = numbers[numbers.len() / 2];
            let former = &mut self.former;
            self.deleted.retain(|id, gone| {
                let stays = gone.seq_no >= oldest;
                if let (false, Some(former)) = (stays, &mut *former) {
                    former.entries.entry(id.clone()).or_insert(IdEntry::Deleted(*gone));
                }
                stays
            });
        }
    }

    // ── undoing writes ────────────────────────────────────────────────────────────────────────────

    /// Remembers from now on what stands where something is written.
    pub(crate) fn remember(&mut self) {
        let (design, seq_no_next, lag) = (self.design.clone(), self.seq_no_next, self.lag.clone());
        self.former = Some(Box::new(Former { design, seq_no_next, lag, entries: BTreeMap::new() }));
    }

    /// Forgets what stood there.
    pub(crate) fn keep(&mut self) {
        self.former = None;
    }

    /// Puts back what stood there when [`remember`](Self::remember) was called.
    pub(crate) fn undo(&mut self) {
        let Some(former) = self.former.take() else { return };
        let Former { design, seq_no_next, lag, entries } = *former;
        self.barriers = Barriers::of(&design.settings);
        (self.design, self.seq_no_next, self.lag) = (design, seq_no_next, lag);
        for (id, entry) in entries {
            self.changes.note(&id, self.documents.len());
            self.documents.remove(&id);
            self.deleted.remove(&id);
            match entry {
                IdEntry::Nothing => {}
                IdEntry::Document(document) => self.documents.insert(id, document),
                IdEntry::Deleted(gone) => drop(self.deleted.insert(id, gone)),
            }
        }
    }

    /// Remembers, if that is wanted, what stands at an id that is about to be written.
    fn note(&mut self, id: &str) {
        self.changes.note(id, self.documents.len());
        self.note_former(id);
    }

    fn note_former(&mut self, id: &str) {
        if let Some(lag) = &mut self.lag {
            lag.note(id, self.documents.get(id));
        }
        let Some(former) = &mut self.former else { return };
        if former.entries.contains_key(id) {
            return;
        }
        let entry = match (self.documents.get(id), self.deleted.get(id)) {
            (Some(document), _) => IdEntry::Document(document.clone()),
            (None, Some(gone)) => IdEntry::Deleted(*gone),
            (None, None) => IdEntry::Nothing,
        };
        former.entries.insert(Arc::from(id), entry);
    }

    fn next_seq_no(&mut self) -> u64 {
        let seq_no = self.seq_no_next;
        self.seq_no_next += 1;
        seq_no
    }
}

/// Which document stands in the way of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Conflict {
    /// There is one, and it was to be made.
    Exists {
        /// Its version.
        version: u64,
        /// Its last write.
        current: WriteCondition,
    },
    /// Its version is not below the one that the writer gives.
    Version {
        /// Its version.
        current: u64,
        /// The version given.
        given: u64,
        /// Whether the same version would have done.
        or_equal: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index() -> Index {
        let mapping = json!({"properties": {"count": {"type": "integer"}, "error": {"type": "keyword"}}});
        let design = Design { mapping: Mapping::parse(&mapping).expect("a mapping").into(), ..Design::default() };
        let mut index = Index::new("jobs", "uuid".into(), design, Timestamp::default());
        index.put("J", Source::new().with("status", json!("pending")).with("count", json!(0)));
        index
    }

    fn condition(seq_no: u64) -> Option<WriteCondition> {
        Some(WriteCondition { seq_no, primary_term: PRIMARY_TERM })
    }

    fn version_and_number(index: &Index, id: &str) -> Option<(u64, u64)> {
        index.get(id).map(|document| (document.version, document.seq_no))
    }

    #[test]
    fn of_two_writers_that_read_the_same_document_one_loses() {
        let mut index = index();
        let read = index.get("J").expect("the document").seq_no;
        let claim = |worker: &str| Patch::new().set("worker_hostname", json!(worker));
        assert_eq!(index.update("J", claim("w-1"), condition(read)), Ok(UpdateOutcome::Updated));
        let refusal = index.update("J", claim("w-2"), condition(read)).expect_err("the second writer");
        assert!(matches!(
            &refusal,
            Refusal::VersionConflict { required, current: Some(current), .. }
                if required.seq_no == 0 && current.seq_no == 1
        ));
        assert_eq!(index.get("J").and_then(|job| job.source.text("worker_hostname")), Some("w-1"));
    }

    #[test]
    fn a_noop_moves_neither_version_nor_sequence_number() {
        let mut index = index();
        let before = index.get("J").cloned();
        assert_eq!(index.update("J", Patch::new().set("status", json!("pending")), None), Ok(UpdateOutcome::Noop));
        assert_eq!(index.get("J").cloned(), before);
        let forced = index.amend("J", Patch::new().set("status", json!("pending")), None, false);
        assert_eq!(forced.map(|written| (written.effect, written.version)), Ok((WriteEffect::Updated, 2)));
    }

    #[test]
    fn every_write_takes_the_next_sequence_number() {
        let mut index = index();
        index.put("K", Source::new());
        assert_eq!(index.update("J", Patch::new().set("status", json!("error")), None), Ok(UpdateOutcome::Updated));
        assert!(index.delete("K"));
        assert!(!index.delete("K"));
        index.put("L", Source::new());
        assert_eq!(version_and_number(&index, "J"), Some((2, 2)));
        assert_eq!(version_and_number(&index, "L"), Some((1, 4)));
    }

    #[test]
    fn a_deleted_document_counts_on_from_its_deletion() {
        let mut index = index();
        let gone = index.remove("J", WriteGuard::default()).expect("a deletion");
        assert_eq!((gone.effect, gone.version, gone.seq_no), (WriteEffect::Deleted, 2, 1));
        let again = index.remove("J", WriteGuard::default()).expect("a deletion");
        assert_eq!((again.effect, again.version, again.seq_no), (WriteEffect::NotFound, 3, 2));
        let new = index.store("J", Source::new(), WriteGuard::default(), None).expect("a document");
        assert_eq!((new.effect, new.version, new.seq_no), (WriteEffect::Created, 4, 3));
    }

    #[test]
    fn many_deletions_at_once_are_as_one_after_the_other() {
        for (count, gone) in [(20, 3), (20, 15), (20, 20), (0, 0)] {
            let mut index = index();
            (0..count).for_each(|at| _ = index.put(format!("job-{at:02}"), Source::new()));
            if gone == 15 {
                assert!(index.delete("J"));
            }
            let mut singly = index.clone();
            index.remember();
            let untouched = index.clone();
            let ids: Vec<Arc<str>> = (0..gone).map(|at| format!("job-{at:02}").into()).collect();
            assert_eq!(index.delete_all(&ids).len(), gone);
            ids.iter().for_each(|id| assert!(singly.delete(id)));
            let mut kept = index.clone();
            kept.keep();
            assert_eq!(kept, singly, "{gone} of {count}");
            index.undo();
            let mut before = untouched;
            before.keep();
            assert_eq!(index, before, "{gone} of {count}, undone");
        }
    }

    #[test]
    fn only_so_many_deletions_are_remembered() {
        let mut index = index();
        for at in 0..=DELETES_REMEMBERED_MAX {
            index.remove(&format!("{at}"), WriteGuard::default()).expect("a deletion");
        }
        assert!(index.deleted.len() <= DELETES_REMEMBERED_MAX);
        let newest = index.remove(&format!("{DELETES_REMEMBERED_MAX}"), WriteGuard::default());
        assert_eq!(newest.map(|gone| gone.version), Ok(2));
        assert_eq!(index.remove("0", WriteGuard::default()).map(|gone| gone.version), Ok(1));
    }

    #[test]
    fn guards_hold_or_say_who_stands_in_the_way() {
        let external =
            |version, or_equal| WriteGuard { version: Some(External { version, or_equal }), ..WriteGuard::default() };
        for (guard, expected) in [
            (WriteGuard::default(), Ok(2)),
            (WriteGuard { create: true, ..WriteGuard::default() }, Err(())),
            (WriteGuard { condition: condition(0), ..WriteGuard::default() }, Ok(2)),
            (WriteGuard { condition: condition(7), ..WriteGuard::default() }, Err(())),
            (external(5, false), Ok(5)),
            (external(1, false), Err(())),
            (external(1, true), Ok(1)),
            (external(0, true), Err(())),
        ] {
            let written = index().store("J", Source::new(), guard, None);
            assert_eq!(written.map(|written| written.version).map_err(|_| ()), expected, "{guard:?}");
        }
        assert!(
            index()
                .store("new", Source::new(), WriteGuard { condition: condition(0), ..WriteGuard::default() }, None)
                .is_err()
        );
        assert!(
            index().store("new", Source::new(), WriteGuard { create: true, ..WriteGuard::default() }, None).is_ok()
        );
    }

    #[test]
    fn a_value_that_its_mapping_refuses_changes_nothing_and_is_located() {
        let mut index = index();
        let before = index.get("J").cloned();
        let refusal =
            index.update("J", Patch::new().set("count", json!(3_000_000_000_i64)), None).expect_err("too large");
        // {"status":"pending","count":3000000000}
        assert!(matches!(refusal, Refusal::Shelf(IndexRefusal::Misfit { place: (1, 29), .. })), "{refusal:?}");
        assert!(index.update("J", Patch::new().set("error", json!("x".repeat(32_767))), None).is_err());
        assert_eq!(index.get("J").cloned(), before);
        assert!(index.update("J", Patch::new().set("error", json!("x".repeat(32_766))), None).is_ok());
    }
}
