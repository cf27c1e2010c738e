//! What matches, case by case; and the laws that queries keep whatever they are.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bind::Limits;
use super::{Bool, Minimum, MultiMatch, Query, QueryRefusal};
use crate::clock::Timestamp;
use crate::es::connector::rules::NewConnector;
use crate::es::document::shared::SharedValue;
use crate::es::document::source::Source;
use crate::es::index::mapping::Mapping;
use crate::es::store::{Cluster, SYNC_JOBS};
use crate::es::sync_job::rules::{self as sync_job, JobType, TriggerMethod};

fn now() -> Timestamp {
    "2031-05-01T10:00:00Z".parse().expect("an instant")
}

fn mapping() -> Mapping {
    let fields = json!({
        "properties": {
            "status": { "type": "keyword" },
            "title": { "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 20 } } },
            "count": { "type": "long" },
            "share": { "type": "double" },
            "on": { "type": "boolean" },
            "seen": { "type": "date" },
            "place": { "type": "geo_point" },
            "parts": { "type": "nested", "properties": { "name": { "type": "keyword" } } },
            "connector": { "properties": { "id": { "type": "keyword" }, "cursor": { "type": "object" } } }
        }
    });
    Mapping::parse(&fields).expect("a mapping")
}

fn source(value: &Value) -> Source {
    value.as_object().cloned().unwrap_or_default().into()
}

fn found(query: &Query, document: &Value) -> Result<bool, QueryRefusal> {
    query.bind("docs", &mapping(), Limits::default(), now()).map(|filter| filter.matches("d1", &source(document)))
}

fn term(field: &str, value: Value) -> Query {
    Query::Term { field: field.to_owned(), value, any_case: false }
}

fn terms(field: &str, values: Value) -> Query {
    Query::Terms { field: field.to_owned(), values: values.as_array().cloned().unwrap_or_default() }
}

fn matching(field: &str, value: &str, all: bool) -> Query {
    let value = Value::from(value);
    Query::Match { field: field.to_owned(), value, all, minimum: None, zero_terms_all: false, lenient: false }
}

fn range(field: &str, from: Option<(Value, bool)>, to: Option<(Value, bool)>) -> Query {
    Query::Range { field: field.to_owned(), from, to }
}

#[test]
fn a_look_at_jobs_leaves_them_as_small_as_they_were() {
    let mut cluster = Cluster::new(7);
    let asked = NewConnector { index_name: Some("docs"), service_type: Some("directory"), ..NewConnector::default() };
    cluster.put_connector("docs", &asked, now()).expect("a connector");
    let id = cluster.create_sync_job("docs", JobType::Full, TriggerMethod::OnDemand, now()).expect("a job");
    let (worker, cursor) = (cluster.worker("w-1"), cluster.cursor(&Bytes::from_static(br#"{"page":3}"#), true));
    cluster.claim_sync_job(&id, sync_job::claim(worker, Some(cursor), now())).expect("a claim");
    let jobs = cluster.index(SYNC_JOBS).expect("an index of jobs");
    let job = jobs.get(&id).expect("the job").source.clone();
    let day = Some((json!("2031-05-01"), true));
    let queries = [
        term("connector.id", json!("docs")),
        term("status", json!("in_progress")),
        range("created_at", day.clone(), None),
        range("started_at", day, None),
    ];
    for query in queries {
        let filter = query.bind("jobs", jobs.mapping(), Limits::default(), now()).expect("a query of that index");
        assert!(filter.matches(&id, &job), "{query:?}");
    }
    for name in ["connector", "created_at", "started_at", "last_seen"] {
        assert!(!job.field(name).is_some_and(SharedValue::is_whole), "{name} was put together");
    }
}

#[test]
fn one_field_and_one_value_follow_the_table() {
    for (field, value, document, expected) in [
        ("status", json!("a"), json!({"status":"a"}), true),
        ("status", json!("a"), json!({"status":"A"}), false),
        ("status", json!("a"), json!({"status":["b","a"]}), true),
        ("status", json!("a"), json!({"status":null}), false),
        ("status", json!("a"), json!({}), false),
        ("status", json!("7"), json!({"status":7}), true),
        ("status", json!(true), json!({"status":true}), true),
        ("title", json!("snow"), json!({"title":"Snow Crash"}), true),
        ("title", json!("Snow"), json!({"title":"Snow Crash"}), false),
        ("title.keyword", json!("Snow Crash"), json!({"title":"Snow Crash"}), true),
        ("title.keyword", json!("snow"), json!({"title":"snow crash"}), false),
        ("title.keyword", json!("a title of more than twenty"), json!({"title":"a title of more than twenty"}), false),
        ("count", json!(7), json!({"count":7}), true),
        ("count", json!("7"), json!({"count":7}), true),
        ("count", json!(7.0), json!({"count":"7"}), true),
        ("count", json!(7.5), json!({"count":7}), false),
        ("count", json!(9_007_199_254_740_993_i64), json!({"count":9_007_199_254_740_992_i64}), false),
        ("share", json!(0.5), json!({"share":0.5}), true),
        ("share", json!(1), json!({"share":1.0}), true),
        ("on", json!(true), json!({"on":true}), true),
        ("on", json!("true"), json!({"on":true}), true),
        ("on", json!(false), json!({"on":"false"}), true),
        ("on", json!(false), json!({}), false),
        ("seen", json!("2026-01-02T03:04:05.678Z"), json!({"seen":"2026-01-02T03:04:05.678901+00:00"}), true),
        ("seen", json!("2026-01-02"), json!({"seen":"2026-01-02T23:59:59Z"}), true),
        ("seen", json!("2026-01-02"), json!({"seen":"2026-01-03T00:00:00Z"}), false),
        ("seen", json!(1_767_323_045_678_i64), json!({"seen":"2026-01-02T03:04:05.678Z"}), true),
        ("connector.id", json!("c"), json!({"connector":{"id":"c"}}), true),
        // A name with dots in it is the same as objects in each other.
        ("connector.id", json!("c"), json!({"connector.id":"c"}), true),
        ("connector.id", json!("c"), json!({"connector":[{"id":"b"},{"id":"c"}]}), true),
        ("connector", json!("c"), json!({"connector":{"id":"c"}}), false),
        ("parts.name", json!("p"), json!({"parts":{"name":"p"}}), false),
        ("nope", json!("a"), json!({"nope":"a"}), false),
        ("_id", json!("d1"), json!({}), true),
        ("_id", json!("d2"), json!({}), false),
        ("_index", json!("docs"), json!({}), true),
        ("_index", json!("do*"), json!({}), true),
        ("_index", json!("other"), json!({}), false),
    ] {
        let told = format!("{field}: {value} in {document}");
        assert_eq!(found(&term(field, value.clone()), &document), Ok(expected), "{told}");
        assert_eq!(found(&terms(field, json!([value])), &document), Ok(expected), "{told}");
    }
}

#[test]
fn an_empty_list_matches_nothing_and_excludes_nothing() {
    let document = json!({"status":"a"});
    let none = terms("status", json!([]));
    assert_eq!(found(&none, &document), Ok(false));
    let without = Query::Bool(Box::new(Bool { must_not: vec![none], ..Bool::default() }));
    assert_eq!(found(&without, &document), Ok(true));
}

fn phrase(field: &str, text: &str) -> Query {
    Query::Phrase { field: field.to_owned(), value: json!(text), zero_terms_all: false }
}

fn several(fields: &[&str], text: &str, is_phrase: bool) -> Query {
    Query::MultiMatch(Box::new(MultiMatch {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        value: json!(text),
        is_phrase,
        all: false,
        minimum: None,
        zero_terms_all: false,
        lenient: None,
    }))
}

#[test]
fn words_follow_the_table() {
    let document = json!({"title":["The Hitchhiker's Guide", "to the Galaxy"], "status":"one two"});
    for (query, expected) in [
        (matching("title", "GUIDE book", false), true),
        (matching("title", "guide galaxy", true), true),
        (matching("title", "guide book", true), false),
        (matching("title", "hitchhiker", false), false),
        (matching("title", "Hitchhiker's", false), true),
        (matching("title", " -- ", false), false),
        (matching("status", "one two", false), true),
        (matching("status", "one", false), false),
        (matching("title.keyword", "to the Galaxy", false), true),
        (phrase("title", "hitchhiker's guide"), true),
        (phrase("title", "guide hitchhiker's"), false),
        // Nothing goes from one value to the next.
        (phrase("title", "guide to"), false),
        (phrase("title.keyword", "to the Galaxy"), true),
        (phrase("status", "one"), false),
        (phrase("title", "--"), false),
        (several(&["title", "status"], "guide two", false), true),
        (several(&["title", "status"], "one two", false), true),
        (several(&["ti*"], "one two", false), false),
        (several(&[], "one two", false), true),
        (several(&["title", "nope"], "galaxy the", true), false),
        (several(&["title"], "the galaxy", true), true),
        (Query::WordPattern { field: "title".to_owned(), value: "GAL*".to_owned() }, true),
        (Query::WordPattern { field: "status".to_owned(), value: "ONE*".to_owned() }, false),
        (Query::AnyField { value: "guide".to_owned(), all: false }, true),
        (Query::AnyField { value: "7".to_owned(), all: false }, false),
    ] {
        assert_eq!(found(&query, &document), Ok(expected), "{query:?}");
    }
    let two_of_three = |text: &str| Query::Match {
        field: "title".to_owned(),
        value: Value::from(text),
        all: false,
        minimum: Minimum::read("2").ok(),
        zero_terms_all: true,
        lenient: false,
    };
    assert_eq!(found(&two_of_three("guide galaxy book"), &document), Ok(true));
    assert_eq!(found(&two_of_three("guide pen book"), &document), Ok(false));
    assert_eq!(found(&two_of_three("--"), &document), Ok(true));
}

#[test]
fn beginnings_and_patterns_follow_the_table() {
    let document = json!({"status":"search-docs", "title":"Snow Crash"});
    let prefix = |field: &str, value: &str, any_case| Query::Prefix {
        field: field.to_owned(),
        value: value.to_owned(),
        any_case,
    };
    let wildcard = |field: &str, value: &str, any_case| Query::Wildcard {
        field: field.to_owned(),
        value: value.to_owned(),
        any_case,
    };
    let any_case = Query::Term { field: "status".to_owned(), value: json!("SEARCH-DOCS"), any_case: true };
    for (query, expected) in [
        (prefix("status", "search-", false), true),
        (prefix("status", "Search-", false), false),
        (prefix("status", "Search-", true), true),
        (prefix("title", "cra", false), true),
        (prefix("nope", "a", false), false),
        (wildcard("status", "*-do?s", false), true),
        (wildcard("status", "*-DO?S", false), false),
        (wildcard("status", "*-DO?S", true), true),
        (wildcard("title", "sn*", false), true),
        (wildcard("title.keyword", "Sn*h", false), true),
        (any_case, true),
        (Query::Exists("status".to_owned()), true),
        (Query::Exists("st*".to_owned()), true),
        (Query::Exists("title.keyword".to_owned()), true),
        (Query::Exists("count".to_owned()), false),
        (Query::Exists("nope".to_owned()), false),
        (Query::Exists("_id".to_owned()), true),
        (Query::Ids(vec!["d1".to_owned(), "d9".to_owned()]), true),
        (Query::Ids(vec![]), false),
        (Query::Constant(Box::new(Query::All)), true),
        (Query::None, false),
    ] {
        assert_eq!(found(&query, &document), Ok(expected), "{query:?}");
    }
    for (document, expected) in [
        (json!({"connector":{"cursor":{"page":1}}}), true),
        (json!({"connector":{"cursor":{}}}), false),
        (json!({"connector":{"cursor":null}}), false),
        (json!({"connector.cursor":{"page":1}}), true),
        (json!({"connector.cursor.page":1}), true),
    ] {
        assert_eq!(found(&Query::Exists("connector.cursor".to_owned()), &document), Ok(expected), "{document}");
    }
}

#[test]
fn ranges_follow_the_table() {
    let document = json!({
        "count": 7, "share": 0.5, "status": "m", "seen": "2031-05-01T09:54:59.999999+00:00", "title": "one two"
    });
    let within = |value: Value| Some((value, true));
    let beyond = |value: Value| Some((value, false));
    for (query, expected) in [
        (range("count", within(json!(7)), None), true),
        (range("count", beyond(json!(7)), None), false),
        (range("count", beyond(json!(6.5)), beyond(json!("7.5"))), true),
        (range("share", None, within(json!(0.5))), true),
        (range("share", None, beyond(json!(0.5))), false),
        (range("status", within(json!("a")), beyond(json!("n"))), true),
        (range("status", beyond(json!("m")), None), false),
        (range("title", within(json!("two")), within(json!("two"))), true),
        (range("seen", None, within(json!("now-300s"))), true),
        (range("seen", None, within(json!("now-301s"))), false),
        (range("seen", None, beyond(json!("2031-05-01"))), false),
        (range("seen", None, within(json!("2031-05-01"))), true),
        (range("seen", within(json!("2031-05-01")), None), true),
        (range("seen", beyond(json!("2031-05-01")), None), false),
        (range("seen", beyond(json!("2031-04-30")), None), true),
        (range("seen", within(json!("now/d")), beyond(json!("now/d+1d"))), true),
        (range("seen", within(json!("2031-04-01||+1M/d")), None), true),
        (range("seen", within(json!(1_935_395_699_999_i64)), within(json!("1935395699999"))), true),
        (range("count", None, None), true),
        (range("on", None, None), false),
        (range("nope", within(json!(1)), None), false),
    ] {
        assert_eq!(found(&query, &document), Ok(expected), "{query:?}");
    }
}

#[test]
fn what_does_not_fit_its_field_is_refused_and_never_just_not_found() {
    let one = || Some((json!("x"), true));
    for query in [
        term("count", json!("many")),
        term("on", json!("maybe")),
        term("seen", json!("yesterday")),
        range("count", one(), None),
        range("seen", None, one()),
        range("on", one(), None),
        range("_id", one(), None),
        term("place", json!("0,0")),
        term("_seq_no", json!(1)),
        Query::Prefix { field: "count".to_owned(), value: "1".to_owned(), any_case: false },
        Query::Wildcard { field: "_id".to_owned(), value: "*".to_owned(), any_case: false },
    ] {
        assert!(found(&query, &json!({})).is_err(), "{query:?}");
    }
    let lenient = Query::Match {
        field: "count".to_owned(),
        value: json!("many"),
        all: false,
        minimum: None,
        zero_terms_all: false,
        lenient: true,
    };
    assert_eq!(found(&lenient, &json!({"count":1})), Ok(false));
}

fn any_leaf() -> impl Strategy<Value = Query> {
    prop_oneof![
        Just(Query::All),
        Just(Query::None),
        "[abc]".prop_map(|value| term("status", Value::from(value))),
        prop::collection::vec("[abc]", 0..3).prop_map(|values| terms("status", json!(values))),
        (0..4_i64).prop_map(|value| term("count", Value::from(value))),
        (0..4_i64, any::<bool>()).prop_map(|(value, within)| range("count", Some((value.into(), within)), None)),
        "[abc]{1,2}".prop_map(|value| matching("title", &value, false)),
        Just(Query::Exists("count".to_owned())),
    ]
}

fn any_query() -> impl Strategy<Value = Query> {
    any_leaf().prop_recursive(3, 16, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..3);
        (list(), list(), list(), list()).prop_map(|(must, filter, should, must_not)| {
            Query::Bool(Box::new(Bool { must, filter, should, must_not, minimum: None }))
        })
    })
}

fn any_document() -> impl Strategy<Value = Value> {
    (prop::option::of("[abc]"), prop::option::of(0..4_i64), "[abc]( [abc])?")
        .prop_map(|(status, count, title)| json!({ "status": status, "count": count, "title": title }))
}

fn not(query: Query) -> Query {
    Query::Bool(Box::new(Bool { must_not: vec![query], ..Bool::default() }))
}

fn all_of(must: Vec<Query>) -> Query {
    Query::Bool(Box::new(Bool { must, ..Bool::default() }))
}

fn one_of(should: Vec<Query>) -> Query {
    Query::Bool(Box::new(Bool { should, ..Bool::default() }))
}

proptest! {
    #[test]
    fn queries_keep_the_laws_of_logic(one in any_query(), other in any_query(), document in any_document()) {
        let holds = |query: &Query| found(query, &document).expect("a query that fits");
        let (first, second) = (holds(&one), holds(&other));
        prop_assert_eq!(holds(&not(one.clone())), !first);
        prop_assert_eq!(holds(&all_of(vec![one.clone(), other.clone()])), first && second);
        prop_assert_eq!(holds(&one_of(vec![one.clone(), other.clone()])), first || second);
        // What must and what filters decide alike, and what should be need not be beside them.
        let beside = Bool { filter: vec![one.clone()], should: vec![other.clone()], ..Bool::default() };
        prop_assert_eq!(holds(&Query::Bool(Box::new(beside))), first);
        // Not all of them is one of them not.
        let left = not(all_of(vec![one.clone(), other.clone()]));
        prop_assert_eq!(holds(&left), holds(&one_of(vec![not(one.clone()), not(other)])));
        prop_assert_eq!(holds(&Query::Constant(Box::new(one))), first);
    }

    #[test]
    fn minimum_should_match_counts(clauses in prop::collection::vec(any_query(), 1..5), wanted in 1..5_usize, document in any_document()) {
        let holding = clauses.iter().filter(|query| found(query, &document) == Ok(true)).count();
        let minimum = Minimum::read(&wanted.to_string()).ok();
        let query = Query::Bool(Box::new(Bool { should: clauses, minimum, ..Bool::default() }));
        prop_assert_eq!(found(&query, &document), Ok(holding >= wanted));
    }
}
