//! [`Order`]: the documents of an index in the order in which a list shows them.
//!
//! It is brought up to date by who reads it, so that a write costs it a note and nothing while nobody
//! lists. A page then costs what it holds, however many documents there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::refusal::Refusal;
use super::store::{DocumentPage, window};
use crate::es::document::source::Source;
use crate::es::document::store::Index;
use crate::limits::ORDERED_AT_ONCE_MAX;
use crate::steps::step;

/// Documents by a key, and those that have the same one by their writing.
#[derive(Debug)]
pub(crate) struct Order<K> {
    /// The index's own id; empty as long as nobody has asked.
    uuid: String,
    ids: BTreeMap<(K, u64), Arc<str>>,
    places: BTreeMap<Arc<str>, (K, u64)>,
    /// What was written to while another order of the index was asked; none if all documents are to be looked at.
    missed: Option<Vec<Arc<str>>>,
    /// Whether an [`OrderDraft`] of it is being made: it holds nothing yet, and collects what that misses.
    is_draft: bool,
}

impl<K> Default for Order<K> {
    fn default() -> Order<K> {
        let (ids, places) = (BTreeMap::new(), BTreeMap::new());
        Order { uuid: String::new(), ids, places, missed: None, is_draft: false }
    }
}

/// A copy makes its own when it is asked.
impl<K> Clone for Order<K> {
    fn clone(&self) -> Order<K> {
        Order::default()
    }
}

/// What is derived from the documents makes no difference between two clusters.
impl<K> PartialEq for Order<K> {
    fn eq(&self, _: &Order<K>) -> bool {
        true
    }
}

impl<K: Clone + Ord> Order<K> {
    /// Takes in what has been written since it was last asked. A document without a key is left out.
    pub(crate) fn follow(&mut self, index: &mut Index, key: impl Fn(&Source) -> Option<K>) {
        Order::follow_one(std::slice::from_mut(self), 0, index, key);
    }

    /// Takes in what has been written, for one of several orders of an index; the others note what they miss.
    pub(crate) fn follow_one(
        orders: &mut [Order<K>],
        asked: usize,
        index: &mut Index,
        key: impl Fn(&Source) -> Option<K>,
    ) {
        Order::note_missed(orders, index);
        let order = &mut orders[asked];
        match order.missed.replace(Vec::new()).filter(|_| !order.is_draft) {
            Some(missed) => missed.iter().for_each(|id| order.place(index, id, &key)),
            None => {
                let mut draft = OrderDraft::of(index);
                draft.read(index, usize::MAX);
                draft.place(key);
                *order = Order { is_draft: false, ..draft.finished() };
            }
        }
    }

    fn note_missed(orders: &mut [Order<K>], index: &mut Index) {
        let changed = index.changes.take();
        index.changes.begin();
        for order in orders {
            match (order.missed.as_mut().filter(|_| order.uuid == index.uuid()), &changed) {
                (Some(missed), Some(changed)) if missed.len() <= index.len() => missed.extend_from_slice(changed),
                _ => *order = Order::default(),
            }
        }
    }

    /// Whether so much is to be taken in that others should not wait for it.
    fn is_far_behind(&self, index: &Index) -> bool {
        let missed = self.missed.as_ref().filter(|_| self.uuid == index.uuid() && !self.is_draft);
        let missed = missed.and_then(|missed| Some(missed.len() + index.changes.0.as_ref()?.len()));
        missed.unwrap_or(index.len()) > ORDERED_AT_ONCE_MAX
    }

    /// Begins to make one of several orders of an index beside it, if that takes long; what is written from now on is
    /// noted. With the draft comes the order in whose place it steps, for the caller to drop.
    pub(crate) fn begin_draft(
        orders: &mut [Order<K>],
        asked: usize,
        index: &mut Index,
    ) -> Option<(OrderDraft<K>, Order<K>)> {
        orders[asked].is_far_behind(index).then(|| Order::draft(orders, asked, index))
    }

    fn draft(orders: &mut [Order<K>], asked: usize, index: &mut Index) -> (OrderDraft<K>, Order<K>) {
        Order::note_missed(orders, index);
        let uuid = index.uuid().to_owned();
        let placeholder = Order { uuid, missed: Some(Vec::new()), is_draft: true, ..Order::default() };
        (OrderDraft::of(index), std::mem::replace(&mut orders[asked], placeholder))
    }

    /// Takes what a draft has come to; what was written meanwhile is taken in when it is asked next. If somebody who could
    /// not wait has made the order, it stays as it is.
    pub(crate) fn take(&mut self, made: Order<K>) {
        if self.is_draft && self.uuid == made.uuid {
            (self.ids, self.places, self.is_draft) = (made.ids, made.places, false);
        }
    }

    fn place(&mut self, index: &Index, id: &Arc<str>, key: impl Fn(&Source) -> Option<K>) {
        step();
        if let Some(old) = self.places.remove(id) {
            self.ids.remove(&old);
        }
        let Some((id, document)) = index.entry(id) else { return };
        if let Some(key) = key(&document.source) {
            let place = (key, document.seq_no);
            self.ids.insert(place.clone(), id.clone());
            self.places.insert(id.clone(), place);
        }
    }

    /// A page, and how many documents there are in all.
    ///
    /// # Errors
    /// When it lies beyond what is shown at all.
    pub(crate) fn page(&self, index: &Index, from: u64, size: u64) -> Result<DocumentPage, Refusal> {
        window(from, size)?;
        let ids = self.ids.values().inspect(|_| step()).skip(from as usize).take(size as usize);
        let hits = ids.filter_map(|id| index.entry(id)).map(|(id, hit)| (id.clone(), hit.source.clone()));
        Ok(DocumentPage { total: self.ids.len(), hits: hits.collect() })
    }

    /// The ids of the documents with a key from this one on, each with its key.
    pub(crate) fn from(&self, key: K) -> impl Iterator<Item = (&K, &Arc<str>)> {
        self.ids.range((key, 0)..).map(|((key, _), id)| (key, id)).inspect(|_| step())
    }

    /// The ids of the documents with that key.
    pub(crate) fn with(&self, key: K) -> impl Iterator<Item = &Arc<str>> {
        self.ids.range((key.clone(), 0)..=(key, u64::MAX)).map(|(_, id)| id).inspect(|_| step())
    }
}

/// An order that is being made. It reads some documents at a time and places them when nobody waits for the index; what
/// is written in between is noted elsewhere.
pub(crate) struct OrderDraft<K> {
    uuid: String,
    entries: Vec<((K, u64), Arc<str>)>,
    /// What was read and has no place yet.
    read: Vec<(Arc<str>, u64, Arc<Source>)>,
    /// The last id that was read.
    last: Option<Arc<str>>,
}

impl<K: Clone + Ord> OrderDraft<K> {
    fn of(index: &Index) -> OrderDraft<K> {
        OrderDraft { uuid: index.uuid().to_owned(), entries: Vec::new(), read: Vec::new(), last: None }
    }

    /// Reads so many documents more, by their ids, and says whether there may be others.
    pub(crate) fn read(&mut self, index: &Index, most: usize) -> bool {
        let documents = index.iter_after(self.last.as_deref()).take(most);
        self.read.extend(documents.map(|(id, document)| (id.clone(), document.seq_no, document.source.clone())));
        if let Some((id, ..)) = self.read.last() {
            self.last = Some(id.clone());
        }
        self.read.len() == most
    }

    /// Places what was read.
    pub(crate) fn place(&mut self, key: impl Fn(&Source) -> Option<K>) {
        let placed = self.read.drain(..).filter_map(|(id, seq_no, source)| Some(((key(&source)?, seq_no), id)));
        self.entries.extend(placed);
    }

    /// The order of what was read.
    pub(crate) fn finished(mut self) -> Order<K> {
        // Both maps are made of what is sorted, which is quicker than putting it in one by one.
        let places = self.entries.iter().map(|(place, id)| (id.clone(), place.clone())).collect();
        self.entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let ids = self.entries.into_iter().collect();
        Order { uuid: self.uuid, ids, places, missed: Some(Vec::new()), is_draft: true }
    }
}

/// The ids that were written to since an [`Order`] last looked; none while there is nobody to tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Option<Vec<Arc<str>>>);

impl PartialEq for Changes {
    fn eq(&self, _: &Changes) -> bool {
        true
    }
}

impl Changes {
    /// Notes a write to one of `len` documents. When there are more notes than documents it is cheaper to
    /// look at all of them.
    pub(crate) fn note(&mut self, id: &str, len: usize) {
        if let Some(ids) = &mut self.0 {
            if ids.len() <= len {
                ids.push(Arc::from(id));
            } else {
                self.0 = None;
            }
        }
    }

    /// Notes writes to these of what were `len` documents.
    pub(crate) fn note_all(&mut self, ids: &[Arc<str>], len: usize) {
        match &mut self.0 {
            Some(noted) if noted.len() + ids.len() <= len => noted.extend_from_slice(ids),
            _ => self.0 = None,
        }
    }

    fn begin(&mut self) {
        self.0 = Some(Vec::new());
    }

    fn take(&mut self) -> Option<Vec<Arc<str>>> {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::clock::Timestamp;
    use crate::es::connector::rules::NewConnector;
    use crate::es::document::source::Patch;
    use crate::es::store::{CONNECTORS, Cluster, JobFilter, SYNC_JOBS};
    use crate::es::sync_job::rules::{JobType, SyncStatus, TriggerMethod};
    use crate::steps::taken;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second as i64 * 1000)
    }

    /// What is done to the documents of an index, each of ten.
    #[derive(Clone, Debug)]
    enum OrderedWrite {
        Put(u8, u8),
        Delete(u8),
        Undone(u8, u8),
        Look,
        Draft,
        Read,
        Take,
    }

    fn writes() -> impl Strategy<Value = Vec<OrderedWrite>> {
        let write = prop_oneof![
            4 => (0..10_u8, 0..4_u8).prop_map(|(id, key)| OrderedWrite::Put(id, key)),
            2 => (0..10_u8).prop_map(OrderedWrite::Delete),
            1 => (0..10_u8, 0..4_u8).prop_map(|(id, key)| OrderedWrite::Undone(id, key)),
            2 => Just(OrderedWrite::Look),
            1 => Just(OrderedWrite::Draft),
            3 => Just(OrderedWrite::Read),
            1 => Just(OrderedWrite::Take),
        ];
        prop::collection::vec(write, 0..60)
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_a_sort(writes in writes()) {
            let mut index = Index::new("docs", "uuid".to_owned(), crate::es::document::store::Design::default(), at(0));
            let mut order = Order::default();
            let mut draft = None;
            let source = |key: u8| Source::new().with("key", Value::from(key));
            for write in writes {
                match write {
                    OrderedWrite::Put(id, key) => drop(index.put(id.to_string(), source(key))),
                    OrderedWrite::Delete(id) => drop(index.delete(&id.to_string())),
                    OrderedWrite::Undone(id, key) => {
                        index.remember();
                        index.put(id.to_string(), source(key));
                        order.follow(&mut index, key_of);
                        index.undo();
                    }
                    OrderedWrite::Look => order.follow(&mut index, key_of),
                    OrderedWrite::Draft => {
                        draft = Some(Order::draft(std::slice::from_mut(&mut order), 0, &mut index).0);
                    }
                    OrderedWrite::Read => draft.iter_mut().for_each(|draft| {
                        draft.read(&index, 3);
                        draft.place(key_of);
                    }),
                    OrderedWrite::Take => {
                        if let Some(mut draft) = draft.take() {
                            while draft.read(&index, 3) {
                                draft.place(key_of);
                            }
                            draft.place(key_of);
                            order.take(draft.finished());
                        }
                    }
                }
            }
            order.follow(&mut index, key_of);
            let mut sorted: Vec<_> = index
                .iter()
                .filter_map(|(id, document)| Some((key_of(&document.source)?, document.seq_no, id.clone())))
                .collect();
            sorted.sort();
            let expected: Vec<_> = sorted.iter().map(|(.., id)| id.clone()).collect();
            prop_assert_eq!(order.ids.values().cloned().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_draft_that_has_read_all_does_not_begin_anew() {
        let mut index = Index::new("docs", "uuid".to_owned(), crate::es::document::store::Design::default(), at(0));
        let mut draft = OrderDraft::of(&index);
        for _ in 0..3 {
            index.put("1", Source::new().with("key", Value::from(1)));
            draft.read(&index, 2);
            draft.place(key_of);
        }
        assert_eq!(draft.finished().ids.len(), 1);
    }

    fn key_of(source: &Source) -> Option<u64> {
        source.get("key").and_then(Value::as_u64).filter(|key| *key < 3)
    }

    #[test]
    fn a_page_costs_what_it_holds() {
        let steps = |jobs: u64| {
            let mut cluster = Cluster::new(7);
            for number in 0..jobs / 10 {
                let name = format!("content-{number}");
                let asked = NewConnector {
                    index_name: Some(&name),
                    service_type: Some("directory"),
                    ..NewConnector::default()
                };
                cluster.put_connector(&name, &asked, at(0)).expect("a connector");
            }
            let made: Vec<String> = (0..jobs)
                .map(|second| {
                    let post = (JobType::Full, TriggerMethod::OnDemand);
                    cluster.create_sync_job("content-0", post.0, post.1, at(second)).expect("a job")
                })
                .collect();
            let few: Vec<String> = (0..5)
                .map(|_| {
                    let post = (JobType::Full, TriggerMethod::OnDemand);
                    let id = cluster.create_sync_job("content-3", post.0, post.1, at(0)).expect("a job");
                    let canceled = Patch::new().set_own("status", SyncStatus::Canceled);
                    cluster.update_sync_job(&id, canceled).expect("a change");
                    id
                })
                .collect();
            let lists = |cluster: &mut Cluster| {
                let page = cluster.sync_jobs(&JobFilter::default(), 20, 10).expect("a page");
                assert_eq!((page.total, page.hits.len()), (jobs as usize + 5, 10));
                assert_eq!(*page.hits[0].0, *made[made.len() - 21]);
                for narrowed in [
                    JobFilter { connector_id: Some("content-3"), ..JobFilter::default() },
                    JobFilter { status: Some(SyncStatus::Canceled), ..JobFilter::default() },
                    JobFilter {
                        connector_id: Some("content-3"),
                        job_types: vec![JobType::Full],
                        ..JobFilter::default()
                    },
                ] {
                    let page = cluster.sync_jobs(&narrowed, 1, 10).expect("a page");
                    assert_eq!((page.total, page.hits.len()), (5, 4), "{narrowed:?}");
                    assert!(page.hits.iter().map(|(id, _)| &**id).eq(&few[1..]), "{narrowed:?}");
                }
                let page = cluster.connectors(0, 10, false, None).expect("a page");
                assert_eq!((page.total, page.hits.len()), (jobs as usize / 10, 10));
                let asked = NewConnector {
                    index_name: Some("content-new"),
                    service_type: Some("directory"),
                    ..NewConnector::default()
                };
                cluster.put_connector("new", &asked, at(0)).expect("a connector");
                assert!(cluster.index_name_is_free("content-3", "new").is_err());
                for second in [1, 2] {
                    let post = (JobType::Full, TriggerMethod::OnDemand);
                    cluster.create_sync_job("new", post.0, post.1, at(second)).expect("a job");
                }
                cluster.delete_connector("new", true, true).expect("a deletion");
            };
            // The first page of all puts them in order.
            lists(&mut cluster);
            cluster.index_mut(SYNC_JOBS).expect("jobs").delete(&made[0]);
            cluster.index_mut(SYNC_JOBS).expect("jobs").put(&*made[0], Source::new());
            cluster.index_mut(CONNECTORS).expect("connectors").delete("content-1");
            let asked = NewConnector { index_name: Some("content-1"), ..NewConnector::default() };
            cluster.put_connector("content-1", &asked, at(0)).expect("a connector");
            taken(|| lists(&mut cluster))
        };
        let (few, many) = (steps(200), steps(4_000));
        assert!(few > 0 && many <= 2 * few, "{few} steps among 200, {many} among 4,000");
    }
}
