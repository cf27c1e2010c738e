//! The schema and the parser's walk are two readings of one contract: what the one refuses the other
//! complains of.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::table::{ENDPOINTS, TABLE};
use crate::es::body::schema::{BodyReading, BodySchema, OperationSchema, ParsedBody};
use crate::json;
use crate::json::write;
use crate::profile::Profile;

fn schemas(profile: Profile) -> Vec<(&'static str, &'static OperationSchema)> {
    let compiled = ENDPOINTS.iter().map(|row| match TABLE.schema_of(row.operation, profile) {
        Ok(Some(schema)) => (row.operation, schema),
        Ok(None) => panic!("{}: no schema", row.operation),
        Err(error) => panic!("{}: {}", row.operation, error.reason()),
    });
    compiled.collect()
}

#[test]
fn every_schema_compiles() {
    for profile in Profile::ALL {
        let schemas = schemas(profile);
        assert_eq!(schemas.len(), ENDPOINTS.len());
        for (operation, schema) in schemas {
            if let Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }) = &schema.body {
                let text = json!("no object");
                let taken = parsed.server_takes(&text);
                assert!(!taken && parsed.violation(&text, taken).is_some(), "{operation}");
            }
        }
    }
}

#[test]
fn the_quick_way_to_a_row_is_the_way_of_the_four_passes() {
    let published = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/spec/operations.txt"));
    let published = published.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2));
    let ours = ENDPOINTS.iter().flat_map(|row| row.paths.iter().copied());
    for path in published.chain(ours) {
        for stands in ["x1", "_x", "_sync_job", "a%2Fb", ""] {
            let path: Vec<&str> =
                path.split('/').map(|segment| if segment.starts_with('{') { stands } else { segment }).collect();
            for method in crate::http::Method::ALL {
                let path = path.join("/");
                for profile in Profile::ALL {
                    assert!(TABLE.is_found_alike(profile, &method, &path), "{profile} {method} {path}");
                }
            }
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        "w-1",
        "7",
        "1.9",
        "abc",
        "full",
        "FULL",
        "weekly",
        "on_demand",
        "cron",
        "true",
        "yes",
        "cn-a",
        "9223372036854775808",
        "2031-05-01T10:00:00Z",
        "yesterday",
        "1700000000000",
        "0 0 0 * * ?",
        "0 0 0 * * *",
        "CONFIGURED",
        "dropdown",
        "str",
        "Regex",
        "equals",
        "INCLUDE",
        "valid",
    ]);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![json!(7), json!(-1), json!(1.9), json!(1e30), json!(u64::MAX), json!(0)]),
        words.prop_map(Value::from),
    ];
    prop_oneof![4 => scalar.clone(), 1 => Just(json!([1])), 1 => Just(json!([])), 1 => Just(json!({})), 1 => Just(json!({"a": {"b": null}}))]
}

fn any_body() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "worker_hostname",
        "sync_cursor",
        "id",
        "job_type",
        "trigger_method",
        "error",
        "deleted_document_count",
        "indexed_document_count",
        "indexed_document_volume",
        "total_document_count",
        "last_seen",
        "metadata",
        "name",
        "index_name",
        "is_native",
        "language",
        "description",
        "service_type",
        "status",
        "api_key_id",
        "value",
        "values",
        "rules",
        "features",
        "scheduling",
        "last_synced",
        "nope",
    ]);
    let object = prop::collection::vec((names, any_value()), 0..7)
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    prop_oneof![12 => object, 1 => any_value()]
}

/// Bodies that the server takes, each with the operation that takes it.
fn good_bodies() -> Vec<(&'static str, Value)> {
    let rule = json!({
        "created_at": "2024-02-03T04:05:06Z", "field": "f", "id": "r", "order": 1, "policy": "include",
        "rule": "equals", "updated_at": "2024-02-03T04:05:06Z", "value": "v"
    });
    let rules = json!({
        "advanced_snippet": { "created_at": "2024-02-03T04:05:06Z", "value": [{ "q": 1 }] },
        "rules": [rule, rule],
        "validation": { "errors": [{ "ids": ["r"], "messages": ["m"] }], "state": "invalid" }
    });
    let field = json!({
        "label": "F", "category": "c", "default_value": 1, "depends_on": [{ "field": "g", "value": true }],
        "display": "toggle", "options": [{ "label": "o", "value": 2 }], "order": 7, "placeholder": "p",
        "required": true, "sensitive": false, "tooltip": "t", "type": "bool", "ui_restrictions": ["a"],
        "validations": [{ "constraint": ["a", 1], "type": "included_in" }, { "constraint": 0, "type": "less_than" }],
        "value": { "z": [null] }
    });
    let schedule = json!({ "enabled": true, "interval": "0 0 0 * * ?" });
    vec![
        (
            "connector.last_sync",
            json!({
                "last_sync_error": "e", "last_sync_status": "completed", "last_synced": "2024-02-03T04:05:06Z",
                "last_deleted_document_count": 1, "sync_cursor": { "p": 1 }
            }),
        ),
        ("connector.update_configuration", json!({ "configuration": { "f": field, "g": { "label": "G" } } })),
        ("connector.update_configuration", json!({ "values": { "f": 1, "g": [1] } })),
        (
            "connector.update_features",
            json!({
                "features": { "incremental_sync": { "enabled": true }, "sync_rules": { "basic": { "enabled": false } } }
            }),
        ),
        ("connector.update_filtering", json!({ "rules": [rule], "advanced_snippet": { "value": {} } })),
        ("connector.update_filtering", json!({ "filtering": [{ "active": rules, "domain": "D", "draft": rules }] })),
        ("connector.update_filtering_validation", json!({ "validation": rules["validation"] })),
        (
            "connector.update_pipeline",
            json!({
                "pipeline": {
                    "extract_binary_content": true, "name": "p", "reduce_whitespace": true, "run_ml_inference": false
                }
            }),
        ),
        ("connector.update_scheduling", json!({ "scheduling": { "full": schedule, "access_control": schedule } })),
        ("connector.update_status", json!({ "status": "connected" })),
        ("connector.update_native", json!({ "is_native": true })),
        ("connector.update_index_name", json!({ "index_name": null })),
        ("connector.secret_put", json!({ "value": "v" })),
    ]
}

/// What may happen to one value of a good body.
#[derive(Clone, Debug)]
enum Mishap {
    Replaced(Value),
    Removed,
    Renamed,
    InAList,
}

fn any_mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        4 => any_value().prop_map(Mishap::Replaced),
        1 => Just(Mishap::Removed),
        1 => Just(Mishap::Renamed),
        1 => Just(Mishap::InAList),
    ]
}

/// The ways to all values within a value, as JSON pointers.
fn ways(value: &Value, from: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (format!("{from}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (format!("{from}/{at}"), item)).collect(),
        _ => Vec::new(),
    };
    for (way, value) in below {
        ways(value, &way, found);
        found.push(way);
    }
}

/// The body with a mishap at one of its values.
fn after(mishap: &Mishap, body: &Value, at: usize) -> Value {
    let mut found = Vec::new();
    ways(body, "", &mut found);
    let way = &found[at % found.len()];
    let (parent, name) = way.rsplit_once('/').unwrap_or_default();
    let mut body = body.clone();
    let value = body.pointer(way).cloned().unwrap_or_default();
    match (mishap, body.pointer_mut(parent)) {
        (Mishap::Removed | Mishap::Renamed, Some(Value::Object(members))) => {
            members.shift_remove(name);
            if matches!(mishap, Mishap::Renamed) {
                members.insert("nope".to_owned(), value);
            }
        }
        (Mishap::Removed | Mishap::Renamed, Some(Value::Array(items))) => items.clear(),
        (Mishap::Replaced(other), _) => body.pointer_mut(way).into_iter().for_each(|place| *place = other.clone()),
        _ => body.pointer_mut(way).into_iter().for_each(|place| *place = json!([value])),
    }
    body
}

/// Whether a list holds objects and other things: the server may read past the latter, which no schema
/// can say.
fn is_mixed(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            let objects = items.iter().filter(|item| item.is_object()).count();
            (objects > 0 && objects < items.len()) || items.iter().any(is_mixed)
        }
        Value::Object(members) => members.values().any(is_mixed),
        _ => false,
    }
}

fn parsed(operation: &str) -> &'static ParsedBody {
    match TABLE.schema_of(operation, Profile::default()) {
        Ok(Some(OperationSchema { body: Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }), .. })) => parsed,
        _ => panic!("{operation}: no body that is parsed"),
    }
}

#[test]
fn good_bodies_are_taken_and_settle_into_themselves() {
    for (operation, body) in good_bodies() {
        let parsed = parsed(operation);
        assert!(parsed.server_takes(&body), "{operation}");
        assert_eq!(parsed.parser.refusal(write(&body, false).as_bytes()), None, "{operation}");
        let (mut once, mut twice) = (body.clone(), body);
        parsed.parser.settle(&mut once);
        parsed.parser.settle(&mut twice);
        parsed.parser.settle(&mut twice);
        assert_eq!(once, twice, "{operation}");
    }
}

/// A body in which only fields of that schema stand, so that more of them are taken.
fn narrowed(body: &Value, known: &[String]) -> Value {
    match body {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(name, _)| known.contains(name))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Values as a client may spell them: plain ones, others, and mistakes.
const SPELLINGS: [&str; 38] = [
    // Of so many characters that many are looked at at once, with something odd at the end or not.
    "\"a text of more characters than thirty-two\"",
    "\"a text of more characters than thirty-two \u{7f}\"",
    "\"a text of more characters than thirty-two \u{e9}\"",
    "\"a text of more characters than thirty-two \\n\"",
    "\"a text of more characters than thirty-two \t\"",
    "\"a text of more characters than thirty-two",
    "7",
    "0",
    "07",
    "-1",
    "1.5",
    "1e3",
    "123456789012345",
    "1234567890123456",
    "true",
    "false",
    "nul",
    "null",
    "\"x\"",
    "\"\"",
    "\"7\"",
    "\"a b\"",
    "\"\\u0041\"",
    "\"é\"",
    "\"full\"",
    "\"2031-05-01T10:00:00Z\"",
    "{}",
    "[]",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "[1,{\"b\":[]}]",
    "{ \"a\" : [ true , null ] }",
    "{\"a.b\":1}",
    "{\"a\":[{\"b\":\".\"},{\"\":2,\"c\":3}]}",
    "[1,]",
    "{\"page\":3,}",
    "{\"b\":{\"a\":\"\"}}",
    "/**/1",
];

/// Whether no name within is empty or has a dot.
fn has_plain_names(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().all(|(name, value)| !name.is_empty() && !name.contains('.') && has_plain_names(value))
        }
        Value::Array(items) => items.iter().all(has_plain_names),
        _ => true,
    }
}

#[test]
fn long_texts_are_plain_as_short_ones_are() {
    let form = parsed("connector.sync_job_error").form.as_ref().expect("a form");
    for length in 0..130 {
        for odd in ["", "\u{7f}", "é", "\n", "\\n"] {
            let text = format!("{}{odd}{}", "x".repeat(length), "y".repeat(40));
            let body = format!(r#"{{"error":"{text}"}}"#);
            let plain = form.read(&body.into());
            assert_eq!(
                plain.as_ref().and_then(|plain| plain.text("error")),
                odd.is_empty().then_some(&*text),
                "{text}"
            );
        }
    }
}

#[test]
fn usual_bodies_are_plain() {
    for (operation, text) in [
        ("connector.sync_job_claim", r#"{"worker_hostname":"w-1","sync_cursor":{"page":3}}"#),
        ("connector.sync_job_error", r#"{ "error": "disk full" }"#),
        ("connector.sync_job_post", r#"{"id":"docs"}"#),
        ("connector.post", r#"{"index_name":"docs","name":"Docs","is_native":false}"#),
        ("connector.last_sync", r#"{"last_sync_error":"e","last_indexed_document_count":7,"sync_cursor":{"page":4}}"#),
        ("connector.update_name", r#"{"name":"Docs","description":"all of them"}"#),
        (
            "connector.sync_job_update_stats",
            r#"{"deleted_document_count":0,"indexed_document_count":7,"indexed_document_volume":1,"metadata":{"a":1}}"#,
        ),
    ] {
        let form = parsed(operation).form.as_ref().expect(operation);
        assert!(form.read(&text.into()).is_some(), "{operation} {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn a_plain_body_is_what_schema_and_parser_make_of_it(
        picks in prop::collection::vec((0_usize..12, prop::sample::select(SPELLINGS.to_vec())), 0..5),
        blank in prop::sample::select(vec!["", " ", "\n\t"]),
        end in prop::sample::select(vec!["", "", "", " ", "x", "{}"]),
    ) {
        for (operation, schema) in Profile::ALL.into_iter().flat_map(schemas) {
            let Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }) = &schema.body else { continue };
            let mut names = parsed.parser.field_names();
            names.push("nope".to_owned());
            let members = picks.iter().map(|(at, value)| format!("\"{}\"{blank}:{blank}{value}", names[at % names.len()]));
            let text = bytes::Bytes::from(format!("{{{blank}{}{blank}}}{end}", members.collect::<Vec<_>>().join(",")));
            let Some(plain) = parsed.form.as_ref().and_then(|form| form.read(&text)) else { continue };
            let whole = json::read(&text);
            prop_assert!(matches!(whole, Ok(Some(_))), "{operation} {text:?}");
            let mut whole = whole.ok().flatten().unwrap_or_default();
            prop_assert!(parsed.server_takes(&whole), "{operation} {text:?}");
            prop_assert_eq!(parsed.parser.refusal(&text), None, "{} {:?}", operation, text);
            prop_assert_eq!(parsed.violation(&whole, true), None, "{} {:?}", operation, text);
            parsed.parser.settle(&mut whole);
            for name in &names {
                prop_assert_eq!(plain.get(name), whole.get(name), "{} {:?}", operation, text);
                prop_assert_eq!(plain.text(name), whole.get(name).and_then(Value::as_str), "{} {:?}", operation, text);
                let number = whole.get(name).filter(|value| value.is_number());
                prop_assert_eq!(plain.long(name), number.and_then(Value::as_i64), "{} {:?}", operation, text);
                let member = whole.get(name);
                if let Some(compact) = plain.compact(name) {
                    let written = member.map(|member| write(member, false));
                    prop_assert_eq!(Some(compact), written.as_deref(), "{:?}", text);
                }
                prop_assert!(plain.compact(name).is_some() || member.is_none() || text.contains(&b' '), "{:?}", text);
                let plain_names = plain.object(name).map(|object| object.has_plain_names);
                prop_assert_eq!(plain_names, member.filter(|it| it.is_object()).map(has_plain_names), "{:?}", text);
            }
            let weight = plain.weight();
            prop_assert_eq!(json::weighs_more([&text[..]].into_iter(), weight - 1), Some(weight), "{:?}", text);
            prop_assert_eq!(write(plain.value(), false), write(&whole, false), "{} {:?}", operation, text);
        }
    }
}

proptest! {
    #[test]
    fn the_schema_refuses_what_the_parser_complains_of(body in any_body()) {
        for (operation, schema) in schemas(Profile::default()) {
            let Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }) = &schema.body else { continue };
            for body in [body.clone(), narrowed(&body, &parsed.parser.field_names())] {
                let refusal = parsed.parser.refusal(write(&body, false).as_bytes());
                prop_assert_eq!(parsed.server_takes(&body), refusal.is_none(), "{}: {} {:?}", operation, body, refusal);
            }
        }
    }

    #[test]
    fn a_mishap_in_a_good_body_is_judged_alike(at in 0_usize..60, mishap in any_mishap()) {
        for (operation, good) in good_bodies() {
            let body = after(&mishap, &good, at);
            let parsed = parsed(operation);
            let refusal = parsed.parser.refusal(write(&body, false).as_bytes());
            if refusal.is_some() || !is_mixed(&body) {
                prop_assert_eq!(parsed.server_takes(&body), refusal.is_none(), "{}: {} {:?}", operation, body, refusal);
            }
        }
    }
}
