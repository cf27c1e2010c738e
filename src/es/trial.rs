//! A trial: what a call writes is put back if the call is refused after all.
//!
//! Between [`Cluster::begin`] and [`Cluster::keep`] or [`Cluster::undo`] every index remembers what stood
//! where it is written to. So a trial costs what the call writes, however much lies beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::store::Cluster;
use crate::es::document::store::Index;
use crate::es::index::templates::Templates;
use crate::es::ingest::Pipelines;
use crate::es::search::run::context::Contexts;
use crate::es::security::api_key::ApiKeys;
use crate::ids::IdSource;

/// A cluster before a trial, as far as the trial has changed it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trial {
    ids: IdSource,
    pipelines: Pipelines,
    templates: Arc<Templates>,
    api_keys: Arc<ApiKeys>,
    contexts: Contexts,
    touched: BTreeMap<Arc<str>, Touched>,
}

/// What was done to an index.
#[derive(Clone, Debug, PartialEq)]
enum Touched {
    /// It was not there before.
    Made,
    /// It was written to, and remembers what stood there.
    Written,
    /// It was taken from the shelf.
    Removed(Box<Index>),
}

impl Trial {
    /// An index that has just been made.
    pub(crate) fn made(&mut self, name: &Arc<str>) {
        self.touched.entry(name.clone()).or_insert(Touched::Made);
    }

    /// An index that is about to be written to.
    pub(crate) fn written(&mut self, index: &mut Index) {
        if !self.touched.contains_key(index.name()) {
            index.remember();
            self.touched.insert(index.name().clone(), Touched::Written);
        }
    }

    /// An index that was taken from the shelf.
    pub(crate) fn removed(&mut self, index: Box<Index>) {
        let name = index.name().clone();
        if !matches!(self.touched.get(&name), Some(Touched::Made | Touched::Removed(_))) {
            self.touched.insert(name, Touched::Removed(index));
        }
    }
}

impl Cluster {
    /// Begins a trial. One that is still going on is kept first.
    pub(crate) fn begin(&mut self) {
        self.keep();
        self.trial = Some(Box::new(Trial {
            ids: self.ids.clone(),
            pipelines: self.pipelines.clone(),
            templates: self.templates.clone(),
            api_keys: self.api_keys.clone(),
            contexts: self.contexts.clone(),
            touched: BTreeMap::new(),
        }));
    }

    /// Ends the trial: what was written stays.
    pub(crate) fn keep(&mut self) {
        let Some(trial) = self.trial.take() else { return };
        for name in trial.touched.keys() {
            if let Some(index) = self.indices.get_mut(name) {
                index.keep();
            }
        }
    }

    /// Ends the trial: everything is as it was when it began.
    pub(crate) fn undo(&mut self) {
        let Some(trial) = self.trial.take() else { return };
        let Trial { ids, pipelines, templates, api_keys, contexts, touched } = *trial;
        (self.ids, self.pipelines, self.contexts) = (ids, pipelines, contexts);
        (self.templates, self.api_keys) = (templates, api_keys);
        for (name, touched) in touched {
            let before = match touched {
                Touched::Made => None,
                Touched::Written => self.indices.remove(&name),
                Touched::Removed(index) => Some(index),
            };
            match before {
                Some(mut index) => {
                    index.undo();
                    self.indices.insert(name, index);
                }
                None => {
                    self.indices.remove(&name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::es::document::source::{Patch, Source};
    use crate::es::document::store::{Design, WriteGuard};
    use crate::limits::DELETES_REMEMBERED_MAX;

    const INDICES: [&str; 3] = ["one", "two", "three"];
    const IDS: [&str; 4] = ["a", "b", "c", "d"];

    /// One change of some kind, of one document or index.
    fn change(cluster: &mut Cluster, (kind, index, id): (usize, usize, usize)) {
        let (index, id, now) = (INDICES[index], IDS[id], Timestamp::default());
        let source = Source::new().with("n", json!(kind)).with(id, json!({ "deep": kind }));
        match kind {
            0 => drop(cluster.create_index(index, Design::default(), now)),
            1 => drop(cluster.remove_index(index)),
            2 => drop(cluster.index_to_write(index, false, now).map(|index| index.put(id, source))),
            3 => drop(
                cluster.index_to_write(index, false, now).map(|it| it.store(id, source, WriteGuard::default(), None)),
            ),
            4 => drop(cluster.index_mut(index).map(|it| it.amend(id, Patch::new().set("n", json!("x")), None, true))),
            5 => drop(cluster.index_mut(index).map(|it| it.update(id, Patch::new().set("m", json!(1)), None))),
            6 => drop(cluster.index_mut(index).map(|index| index.delete(id))),
            7 => drop(cluster.index_mut(index).map(|index| index.remove(id, WriteGuard::default()))),
            8 => drop(cluster.index_mut(index).map(|index| IDS.iter().for_each(|id| _ = index.delete(id)))),
            9 => {
                drop(cluster.index_mut(index).map(|it| it.design_mut().settings.insert("hidden".into(), json!("true"))))
            }
            10 => drop(cluster.index_made(crate::es::store::SYNC_JOBS, now).put(id, source)),
            _ => drop(cluster.next_id()),
        }
    }

    proptest! {
        #[test]
        fn what_was_tried_is_undone_or_kept_whole(
            before in prop::collection::vec((0..12_usize, 0..3_usize, 0..4_usize), 0..30),
            tried in prop::collection::vec((0..12_usize, 0..3_usize, 0..4_usize), 0..30),
        ) {
            let mut cluster = Cluster::new(7);
            before.iter().for_each(|step| change(&mut cluster, *step));
            let (untouched, mut untried) = (cluster.clone(), cluster.clone());
            cluster.begin();
            tried.iter().for_each(|step| change(&mut cluster, *step));
            cluster.undo();
            prop_assert_eq!(&cluster, &untouched);
            tried.iter().for_each(|step| change(&mut untried, *step));
            cluster.begin();
            tried.iter().for_each(|step| change(&mut cluster, *step));
            cluster.keep();
            prop_assert_eq!(&cluster, &untried);
        }
    }

    #[test]
    fn forgotten_deletions_come_back() {
        let mut cluster = Cluster::new(7);
        let index = cluster.index_to_write("docs", false, Timestamp::default()).expect("an index");
        for at in 0..DELETES_REMEMBERED_MAX {
            index.remove(&format!("gone-{at}"), WriteGuard::default()).expect("a deletion");
        }
        let untouched = cluster.clone();
        cluster.begin();
        let index = cluster.index_mut("docs").expect("an index");
        index.remove("one too many", WriteGuard::default()).expect("a deletion");
        assert_ne!(cluster, untouched);
        cluster.undo();
        assert_eq!(cluster, untouched);
    }
}
