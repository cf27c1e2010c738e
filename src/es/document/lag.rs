//! [`Lag`]: what searches do not see yet of an index. [`VisibleIndex`]: the index as they see it.
//!
//! Elasticsearch's searches see what the last refresh has shown. An index is refreshed when somebody asks for
//! it, and by itself once in its `refresh_interval`; here that is so long after the first write that is not
//! shown, which is the latest that it can be.
//!
//! Source: Elasticsearch 9.x, index settings (`refresh_interval`), refresh policies of writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::source::StoredDocument;
use super::store::Index;
use crate::clock::{Timestamp, parse_duration};

/// How long an index is not refreshed if it does not say.
pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// What is not shown yet of an index: what stood where something was written since the last refresh.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lag {
    now: Timestamp,
    /// When the first write was made that is not shown.
    since: Timestamp,
    before: BTreeMap<Arc<str>, Option<StoredDocument>>,
}

impl Lag {
    pub(crate) fn new(now: Timestamp) -> Lag {
        Lag { now, since: now, before: BTreeMap::new() }
    }

    /// Notes what stands at an id that is about to be written.
    pub(super) fn note(&mut self, id: &str, stands: Option<&StoredDocument>) {
        if self.before.is_empty() {
            self.since = self.now;
        }
        if !self.before.contains_key(id) {
            self.before.insert(id.into(), stands.cloned());
        }
    }

    fn hides(&self, now: Timestamp, interval: Option<Duration>) -> bool {
        !self.before.is_empty() && interval.is_none_or(|interval| now.since(self.since) < interval)
    }
}

impl Index {
    /// How long the index waits before it refreshes itself; none if it never does.
    fn refresh_interval(&self) -> Option<Duration> {
        match self.setting("refresh_interval") {
            None => Some(REFRESH_INTERVAL),
            Some("-1") => None,
            Some(text) => Some(parse_duration(text).unwrap_or(REFRESH_INTERVAL)),
        }
    }

    /// Tells the time of what is about to be done; with it the index may have refreshed itself.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let interval = self.refresh_interval();
        if let Some(lag) = &mut self.lag {
            if !lag.hides(now, interval) {
                lag.before.clear();
            }
            lag.now = now;
        }
    }

    /// Shows searches all that was written.
    pub(crate) fn refresh(&mut self) {
        if let Some(lag) = &mut self.lag {
            lag.before.clear();
        }
    }

    /// What a search sees of the index at an instant.
    pub(crate) fn seen(&self, now: Timestamp) -> VisibleIndex<'_> {
        let hides = |lag: &&Lag| lag.hides(now, self.refresh_interval());
        VisibleIndex { index: self, hidden: self.lag.as_deref().filter(hides).map(|lag| &lag.before) }
    }
}

/// An index as a search sees it.
#[derive(Clone, Copy)]
pub(crate) struct VisibleIndex<'a> {
    index: &'a Index,
    /// What stood where something was written that is not shown.
    hidden: Option<&'a BTreeMap<Arc<str>, Option<StoredDocument>>>,
}

impl<'a> VisibleIndex<'a> {
    /// All of the index, whatever has been refreshed.
    pub(crate) fn whole(index: &'a Index) -> VisibleIndex<'a> {
        VisibleIndex { index, hidden: None }
    }

    /// The index as it is.
    pub(crate) fn index(self) -> &'a Index {
        self.index
    }

    /// Whether something is not shown yet.
    pub(crate) fn is_behind(self) -> bool {
        self.hidden.is_some()
    }

    /// How many documents are seen.
    pub(crate) fn len(self) -> usize {
        match self.hidden {
            None => self.index.len(),
            Some(_) => self.iter().count(),
        }
    }

    /// The document with that id, as it is seen.
    pub(crate) fn entry(self, id: &str) -> Option<(&'a Arc<str>, &'a StoredDocument)> {
        match self.hidden.and_then(|hidden| hidden.get_key_value(id)) {
            Some((id, before)) => Some((id, before.as_ref()?)),
            None => self.index.entry(id),
        }
    }

    /// The documents that are seen, with their ids, in no order.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a Arc<str>, &'a StoredDocument)> {
        let hidden = self.hidden;
        let shown =
            move |(id, _): &(&'a Arc<str>, &'a StoredDocument)| hidden.is_none_or(|hidden| !hidden.contains_key(*id));
        let before = hidden.into_iter().flatten().filter_map(|(id, before)| Some((id, before.as_ref()?)));
        self.index.iter_unordered().filter(shown).chain(before)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::es::document::source::Source;
    use crate::es::document::store::{Design, WriteGuard};
    use crate::es::store::Cluster;
    use crate::visibility::Visibility;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn cluster(settings: serde_json::Value) -> Cluster {
        let mut cluster = Cluster::new(7);
        cluster.set_visibility(Visibility::Refresh, at(0));
        let settings = settings.as_object().cloned().unwrap_or_default();
        cluster.create_index("docs", Design { settings, ..Design::default() }, at(0)).expect("an index");
        cluster
    }

    fn write(cluster: &mut Cluster, id: &str, value: u64, now: i64) {
        cluster.at(at(now));
        let index = cluster.index_mut("docs").expect("an index");
        let source = Source::new().with("n", json!(value));
        index.store(id, source, WriteGuard::default(), None).expect("a write");
    }

    fn seen(cluster: &Cluster, now: i64) -> Vec<(String, u64)> {
        let seen = cluster.index("docs").expect("an index").seen(at(now));
        let mut all: Vec<_> = seen
            .iter()
            .map(|(id, document)| (id.to_string(), document.source.get("n").and_then(|n| n.as_u64()).unwrap_or(0)))
            .collect();
        all.sort();
        assert_eq!(seen.len(), all.len());
        all
    }

    #[test]
    fn a_write_is_seen_after_a_refresh_or_after_the_interval() {
        let mut cluster = cluster(json!({}));
        write(&mut cluster, "a", 1, 0);
        assert_eq!(seen(&cluster, 999), []);
        assert_eq!(seen(&cluster, 1000), [("a".to_owned(), 1)]);
        write(&mut cluster, "a", 2, 1500);
        write(&mut cluster, "b", 3, 2000);
        assert_eq!(seen(&cluster, 2400), [("a".to_owned(), 1)]);
        assert!(cluster.index("docs").expect("an index").seen(at(2400)).entry("b").is_none());
        assert_eq!(seen(&cluster, 2500), [("a".to_owned(), 2), ("b".to_owned(), 3)]);
        write(&mut cluster, "b", 4, 2600);
        cluster.index_mut("docs").expect("an index").refresh();
        assert_eq!(seen(&cluster, 2600), [("a".to_owned(), 2), ("b".to_owned(), 4)]);
        cluster.index_mut("docs").expect("an index").remove("a", WriteGuard::default()).expect("a deletion");
        assert_eq!(seen(&cluster, 2600), [("a".to_owned(), 2), ("b".to_owned(), 4)]);
    }

    #[test]
    fn an_index_that_is_never_refreshed_shows_nothing_new() {
        let mut cluster = cluster(json!({ "refresh_interval": "-1" }));
        write(&mut cluster, "a", 1, 0);
        assert_eq!(seen(&cluster, 100_000_000), []);
        cluster.index_mut("docs").expect("an index").refresh();
        assert_eq!(seen(&cluster, 100_000_000).len(), 1);
    }

    #[test]
    fn what_is_undone_is_as_unseen_as_before() {
        let mut cluster = cluster(json!({}));
        write(&mut cluster, "a", 1, 0);
        let before = cluster.clone();
        cluster.begin();
        write(&mut cluster, "a", 2, 0);
        write(&mut cluster, "b", 2, 0);
        cluster.index_mut("docs").expect("an index").refresh();
        cluster.undo();
        assert_eq!(cluster, before);
    }
}
