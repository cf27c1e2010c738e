//! The schema and the parser's walk are two readings of one contract: what the one refuses the other
//! complains of.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ENDPOINTS, TABLE};
use crate::json::write;
use crate::profile::Profile;
use crate::rest::schema::{BodyReading, BodySchema, Schema};

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
        "nope",
    ]);
    let object = prop::collection::vec((names, any_value()), 0..7)
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    prop_oneof![12 => object, 1 => any_value()]
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
}
