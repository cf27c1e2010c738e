//! The schema and the parser's walk are two readings of one contract: what the one refuses the other
//! complains of.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ENDPOINTS, TABLE};
use crate::json::write;
use crate::profile::Profile;
use crate::rest::schema::{BodyReading, BodySchema, ParsedBody, Schema};

fn schemas(profile: Profile) -> Vec<(&'static str, &'static Schema)> {
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
        assert_eq!(schemas(profile).len(), ENDPOINTS.len());
    }
}

#[test]
fn the_quick_way_to_a_row_is_the_way_of_the_four_passes() {
    let published = include_str!("../../fixtures/spec/operations.txt");
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
        Ok(Some(Schema { body: Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }), .. })) => parsed,
        _ => panic!("{operation}: no body that is parsed"),
    }
}

#[test]
fn good_bodies_are_taken_and_settle_into_themselves() {
    for (operation, body) in good_bodies() {
        let parsed = parsed(operation);
        assert!(parsed.server_takes(&body), "{operation}");
        assert_eq!(parsed.parser.complaint(write(&body, false).as_bytes()), None, "{operation}");
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

proptest! {
    #[test]
    fn the_schema_refuses_what_the_parser_complains_of(body in any_body()) {
        for (operation, schema) in schemas(Profile::default()) {
            let Some(BodySchema { reading: BodyReading::Parsed(parsed), .. }) = &schema.body else { continue };
            for body in [body.clone(), narrowed(&body, &parsed.parser.field_names())] {
                let complaint = parsed.parser.complaint(write(&body, false).as_bytes());
                prop_assert_eq!(parsed.server_takes(&body), complaint.is_none(), "{}: {} {:?}", operation, body, complaint);
            }
        }
    }

    #[test]
    fn a_mishap_in_a_good_body_is_judged_alike(at in 0_usize..60, mishap in any_mishap()) {
        for (operation, good) in good_bodies() {
            let body = after(&mishap, &good, at);
            let parsed = parsed(operation);
            let complaint = parsed.parser.complaint(write(&body, false).as_bytes());
            if complaint.is_some() || !is_mixed(&body) {
                prop_assert_eq!(parsed.server_takes(&body), complaint.is_none(), "{}: {} {:?}", operation, body, complaint);
            }
        }
    }
}
