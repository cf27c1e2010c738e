//! The license, and what it opens.
//!
//! Source: Elasticsearch 9.x, license and X-Pack calls; Elastic's documentation of subscriptions.

use serde_json::{Map, Value, json};

use crate::es::error::ApiError;
use crate::es::http::call::{Call, Reply};
use crate::es::store::Cluster;
use crate::license::License;

/// Made up, and looks it.
const UID: &str = "00000000-0000-4000-8000-000000000000";
const ISSUED: (&str, i64) = ("2025-01-01T00:00:00.000Z", 1_735_689_600_000);
/// DIFFERENCE: no license runs out while a test runs, whatever the mock's clock shows.
const EXPIRES: (&str, i64) = ("2999-12-31T23:59:59.999Z", 32_503_679_999_999);

/// `license.get`.
pub(crate) fn get(_: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let license = call.license;
    let mut told = json!({
        "status": "active",
        "uid": UID,
        "type": license.name(),
        "issue_date": ISSUED.0,
        "issue_date_in_millis": ISSUED.1,
    });
    if license != License::Basic {
        told["expiry_date"] = EXPIRES.0.into();
        told["expiry_date_in_millis"] = EXPIRES.1.into();
    }
    let is_enterprise = license == License::Enterprise;
    told["max_nodes"] = if is_enterprise { Value::Null } else { 1000.into() };
    told["max_resource_units"] = if is_enterprise { 1000.into() } else { Value::Null };
    told["issued_to"] = super::CLUSTER_NAME.into();
    told["issuer"] = "elasticsearch".into();
    told["start_date_in_millis"] = Value::from(-1);
    Ok(Reply::json(json!({ "license": told })))
}

/// The features by their names, each with the least license that it wants.
const FEATURES: [(&str, License); 25] = [
    ("aggregate_metric", License::Basic),
    ("analytics", License::Basic),
    ("archive", License::Enterprise),
    ("ccr", License::Platinum),
    ("data_streams", License::Basic),
    ("data_tiers", License::Basic),
    ("enrich", License::Basic),
    ("enterprise_search", License::Basic),
    ("eql", License::Basic),
    ("esql", License::Basic),
    ("frozen_indices", License::Basic),
    ("graph", License::Platinum),
    ("ilm", License::Basic),
    ("logsdb", License::Enterprise),
    ("logstash", License::Standard),
    ("ml", License::Platinum),
    ("monitoring", License::Basic),
    ("rollup", License::Basic),
    ("searchable_snapshots", License::Enterprise),
    ("security", License::Basic),
    ("slm", License::Basic),
    ("spatial", License::Basic),
    ("sql", License::Basic),
    ("transform", License::Basic),
    ("watcher", License::Standard),
];

/// `xpack.info`.
pub(crate) fn xpack_info(_: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let asked = call.query("categories").unwrap_or("_all");
    let known = ["_all", "_none", "build", "license", "features"];
    if let Some(unknown) = asked.split(',').find(|category| !known.contains(category)) {
        return Err(ApiError::unknown_category(unknown));
    }
    let is_asked = |category: &str| asked.split(',').any(|asked| asked == category || asked == "_all");
    let mut told = Map::new();
    if is_asked("build") {
        told.insert("build".into(), json!({ "hash": call.release.build_hash, "date": call.release.build_date }));
    }
    if is_asked("license") {
        let name = call.license.name();
        let mut license = json!({ "uid": UID, "type": name, "mode": name });
        if call.license != License::Basic {
            license["expiry_date_in_millis"] = EXPIRES.1.into();
        }
        license["status"] = "active".into();
        told.insert("license".into(), license);
    }
    if is_asked("features") {
        told.insert("features".into(), features(call.license));
    }
    // Who wants no explanations says `human=false`.
    if call.query("human").is_none() || call.switch("human") {
        told.insert("tagline".into(), "You know, for X".into());
    }
    Ok(Reply::json(Value::Object(told)))
}

fn features(license: License) -> Value {
    let feature = |(name, least): &(&str, License)| {
        ((*name).to_owned(), json!({ "available": license >= *least, "enabled": true }))
    };
    Value::Object(FEATURES.iter().map(feature).collect())
}

/// `xpack.usage`: which features there are. How much they are used is told of none.
///
/// DIFFERENCE: Elasticsearch counts, and tells more of most features.
pub(crate) fn xpack_usage(_: &mut Cluster, call: &Call) -> Result<Reply, ApiError> {
    let mut told = features(call.license);
    if let Some(search) = told.get_mut("enterprise_search").and_then(Value::as_object_mut) {
        search.extend([
            ("search_applications".to_owned(), json!({ "count": 0 })),
            ("analytics_collections".to_owned(), json!({ "count": 0 })),
            (
                "query_rulesets".to_owned(),
                json!({ "total_rule_count": 0, "total_count": 0, "min_rule_count": 0, "max_rule_count": 0 }),
            ),
        ]);
    }
    Ok(Reply::json(told))
}
