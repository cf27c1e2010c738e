//! Sorting and paging: each document once, whichever way one goes through them.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::context::KeepAlive;
use super::service::Target;
use super::sort::{By, FieldSort, Missing, SortField, SortKey, SortMode};
use super::{Search, Track};
use crate::clock::Timestamp;
use crate::es::document::source::Source;
use crate::es::document::store::{Design, WriteGuard};
use crate::es::index::mapping::Mapping;
use crate::es::refusal::SearchRefusal;
use crate::es::store::Cluster;
use crate::limits::{PITS_MAX, SCROLLS_MAX};

fn now() -> Timestamp {
    "2031-05-01T10:00:00Z".parse().expect("an instant")
}

fn minute() -> KeepAlive {
    KeepAlive { time: Duration::from_secs(60), text: "1m".to_owned() }
}

/// A cluster with the documents in two indices, by turns.
fn cluster(documents: &[Value]) -> Cluster {
    let mut cluster = Cluster::new(7);
    for name in ["docs-a", "docs-b"] {
        let mapping = Mapping::parse(&json!({ "properties": {
            "n": { "type": "long" }, "x": { "type": "double" }, "k": { "type": "keyword" }, "d": { "type": "date" },
            "b": { "type": "boolean" }
        } }));
        let design = Design { mapping: mapping.expect("a mapping").into(), ..Design::default() };
        cluster.create_index(name, design, now()).expect("an index");
    }
    for (at, document) in documents.iter().enumerate() {
        let name = if at % 2 == 0 { "docs-a" } else { "docs-b" };
        let source: Source = document.as_object().cloned().unwrap_or_default().into();
        let index = cluster.index_mut(name).expect("an index");
        index.store(format!("{at:03}"), source, WriteGuard::default(), None).expect("a write");
    }
    cluster
}

fn target() -> Target {
    Target { expression: "docs-*".to_owned(), ..Target::default() }
}

fn ids(found: &super::SearchFound) -> Vec<String> {
    found.hits.iter().map(|hit| hit.id.to_string()).collect()
}

fn by(field: &str, descending: bool, missing: Missing) -> SortField {
    SortField { by: By::Field(FieldSort { field: field.to_owned(), missing, ..FieldSort::default() }), descending }
}

fn sorted(cluster: &Cluster, sort: SortField) -> Vec<String> {
    let search = Search { sort: vec![sort], size: Some(100), ..Search::default() };
    ids(&cluster.search(&search, &target(), now()).expect("hits"))
}

#[test]
fn missing_values_go_where_they_are_told() {
    let cluster =
        cluster(&[json!({"n":2,"k":"b"}), json!({}), json!({"n":1,"k":"a"}), json!({"n":[0,9],"k":["a","c"]})]);
    let (last, first) = (Missing::Last, Missing::First);
    for (sort, expected) in [
        (by("n", false, last.clone()), ["003", "002", "000", "001"]),
        (by("n", true, last.clone()), ["003", "000", "002", "001"]),
        (by("n", false, first.clone()), ["001", "003", "002", "000"]),
        (by("n", true, first.clone()), ["001", "003", "000", "002"]),
        (by("n", false, Missing::Value(json!(1))), ["003", "002", "001", "000"]),
        (by("k", false, last.clone()), ["002", "003", "000", "001"]),
        (by("k", true, last), ["003", "000", "002", "001"]),
        (by("k", false, first), ["001", "002", "003", "000"]),
        (by("k", false, Missing::Value(json!("aa"))), ["002", "003", "001", "000"]),
    ] {
        assert_eq!(sorted(&cluster, sort.clone()), expected, "{sort:?}");
    }
}

#[test]
fn modes_choose_among_several_values() {
    let cluster = cluster(&[json!({"n":[1,2,9],"x":[1,2,9]})]);
    for (mode, whole, fraction) in [
        (SortMode::Min, json!(1), json!(1.0)),
        (SortMode::Max, json!(9), json!(9.0)),
        (SortMode::Sum, json!(12), json!(12.0)),
        (SortMode::Avg, json!(4), json!(4.0)),
        (SortMode::Median, json!(2), json!(2.0)),
    ] {
        for (field, expected) in [("n", whole), ("x", fraction)] {
            let sort = FieldSort { field: field.to_owned(), mode: Some(mode), ..FieldSort::default() };
            let search =
                Search { sort: vec![SortField { by: By::Field(sort), descending: false }], ..Search::default() };
            let found = cluster.search(&search, &target(), now()).expect("hits");
            assert_eq!(found.hits.first().map(|hit| hit.sort.clone()), Some(vec![expected]), "{mode:?}");
        }
    }
}

#[test]
fn what_is_missing_is_shown_as_elasticsearch_shows_it() {
    let cluster = cluster(&[json!({})]);
    for (field, descending, expected) in [
        ("n", false, json!(i64::MAX)),
        ("n", true, json!(i64::MIN)),
        ("d", false, json!(i64::MAX)),
        ("x", false, json!("Infinity")),
        ("x", true, json!("-Infinity")),
        ("k", false, Value::Null),
    ] {
        let search = Search { sort: vec![by(field, descending, Missing::Last)], ..Search::default() };
        let found = cluster.search(&search, &target(), now()).expect("hits");
        assert_eq!(found.hits.first().map(|hit| hit.sort.clone()), Some(vec![expected]), "{field}");
    }
    assert_eq!(SortKey::Text(None).to_value(), Value::Null);
}

#[test]
fn a_total_says_whether_there_are_more() {
    let cluster = cluster(&[json!({}), json!({}), json!({})]);
    for (track, value, at_least) in [(Track::UpTo(2), 2, true), (Track::UpTo(3), 3, false), (Track::All, 3, false)] {
        let search = Search { track, ..Search::default() };
        let total = cluster.search(&search, &target(), now()).expect("hits").total.expect("a total");
        assert_eq!((total.value, total.at_least), (value, at_least), "{track:?}");
    }
    let search = Search { track: Track::Off, ..Search::default() };
    assert_eq!(cluster.search(&search, &target(), now()).expect("hits").total, None);
}

#[test]
fn there_are_only_so_many_scrolls_until_they_are_over() {
    let mut cluster = cluster(&[json!({})]);
    let search = Search { size: Some(1), ..Search::default() };
    for _ in 0..SCROLLS_MAX {
        cluster.open_scroll(&search, &target(), &minute(), now()).expect("a scroll");
    }
    assert!(cluster.open_scroll(&search, &target(), &minute(), now()).is_err());
    let later = now().plus(Duration::from_secs(61));
    assert!(cluster.open_scroll(&search, &target(), &minute(), later).is_ok());
    for _ in 0..PITS_MAX {
        cluster.open_pit(&target(), &minute(), later).expect("a point in time");
    }
    assert!(cluster.open_pit(&target(), &minute(), later).is_err());
}

#[test]
fn scrolls_and_points_in_time_are_bounded_in_bytes() {
    let documents: Vec<Value> = (0..200).map(|number| json!({ "n": number })).collect();
    let mut cluster = cluster(&documents);
    cluster.contexts.bytes_max = 1024 * 1024;
    let mut scrolls = 0;
    let refused = loop {
        match cluster.open_scroll(&Search::default(), &target(), &minute(), now()) {
            Ok(_) => scrolls += 1,
            Err(refused) => break refused,
        }
    };
    assert!((20..100).contains(&scrolls), "{scrolls}");
    assert_eq!(refused, SearchRefusal::TooManyScrolls { max: scrolls }.into());
    assert_eq!(cluster.contexts.clear_all_scrolls(now()), scrolls);

    // Points in time of an index that does not change cost one.
    for _ in 0..PITS_MAX {
        cluster.open_pit(&target(), &minute(), now()).expect("a point in time");
    }
    let later = now().plus(Duration::from_secs(61));
    let mut pits = 0;
    let refused = loop {
        for name in ["docs-a", "docs-b"] {
            cluster.index_mut(name).expect("an index").put("one", Source::new());
        }
        match cluster.open_pit(&target(), &minute(), later) {
            Ok(_) => pits += 1,
            Err(refused) => break refused,
        }
    };
    assert!((20..200).contains(&pits), "{pits}");
    assert_eq!(refused, SearchRefusal::TooManyPits { max: pits }.into());
}

fn any_documents() -> impl Strategy<Value = Vec<Value>> {
    let document = (prop::option::of(0..3_i64), prop::option::of("[ab]"), prop::option::of(0..2_i64))
        .prop_map(|(n, k, day)| json!({ "n": n, "k": k, "d": day.map(|day| format!("2031-05-0{}", day + 1)), "x": n }));
    prop::collection::vec(document, 0..12)
}

fn any_sort() -> impl Strategy<Value = Vec<SortField>> {
    let missing = prop_oneof![Just(Missing::Last), Just(Missing::First)];
    let field = (prop_oneof![Just("n"), Just("k"), Just("d"), Just("x")], any::<bool>(), missing)
        .prop_map(|(field, descending, missing)| by(field, descending, missing));
    prop::collection::vec(field, 0..3)
}

proptest! {
    #[test]
    fn every_way_of_paging_gives_each_document_once_and_in_one_order(
        documents in any_documents(),
        sort in any_sort(),
        size in 1..5_u64,
    ) {
        let mut cluster = cluster(&documents);
        let whole = Search { sort: sort.clone(), size: Some(100), ..Search::default() };
        let expected = ids(&cluster.search(&whole, &target(), now()).expect("hits"));
        prop_assert_eq!(expected.len(), documents.len());

        let mut seen = Vec::new();
        loop {
            let page = Search { from: Some(seen.len() as u64), size: Some(size), ..whole.clone() };
            let found = cluster.search(&page, &target(), now()).expect("hits");
            prop_assert_eq!(found.total.map(|total| total.value), Some(documents.len() as u64));
            if found.hits.is_empty() {
                break;
            }
            seen.extend(ids(&found));
        }
        prop_assert_eq!(&seen, &expected, "by from and size");

        let page = Search { size: Some(size), ..whole.clone() };
        let first = cluster.open_scroll(&page, &target(), &minute(), now()).expect("a scroll");
        let id = first.scroll_id.clone().expect("an id");
        let mut seen = ids(&first);
        loop {
            let found = cluster.contexts.scroll(&id, Some(&minute()), false, now()).expect("a page");
            if found.hits.is_empty() {
                break;
            }
            seen.extend(ids(&found));
        }
        prop_assert_eq!(&seen, &expected, "by scroll");

        // A point in time does not see what is written meanwhile.
        let (id, _) = cluster.open_pit(&target(), &minute(), now()).expect("a point in time");
        let index = cluster.index_mut("docs-a").expect("an index");
        index.store("zzz", Source::new(), WriteGuard::default(), None).expect("a write");
        index.remove("000", WriteGuard::default()).expect("a deletion");
        let mut page = Search { size: Some(size), ..whole };
        page.sort.push(SortField { by: By::ShardDoc, descending: false });
        let mut seen = Vec::new();
        loop {
            let found = cluster.contexts.search_pit(&id, None, &page, now()).expect("a page");
            let Some(last) = found.hits.last() else {
                break;
            };
            page.after = Some(last.sort.clone());
            seen.extend(ids(&found));
        }
        prop_assert_eq!(&seen, &expected, "behind the last hit of a point in time");
    }
}
