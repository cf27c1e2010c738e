//! What a cluster has of its own for the indices of connectors: settings, mappings and aliases of an
//! index that is made under one of these names, by whomever.
//!
//! Source: Elasticsearch 9.x, its built-in templates for connectors, sync jobs and access control.
//! Inferred: the version of the templates.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::mapping::{HeldMapping, Mapping};
use crate::es::document::store::Design;
use crate::es::store::{CONNECTORS, SECRETS, SECRETS_ALIAS, SYNC_JOBS};

/// The design of an index of that name, one for all clusters; none if nothing is built in for it.
pub(crate) fn design(name: &str) -> Option<Arc<Design>> {
    match name {
        CONNECTORS => Some(OF_CONNECTORS.clone()),
        SYNC_JOBS => Some(OF_SYNC_JOBS.clone()),
        SECRETS => Some(OF_SECRETS.clone()),
        _ if name.starts_with(".search-acl-filter-") => Some(OF_ACCESS_CONTROL.clone()),
        _ => None,
    }
}

/// Whether a design is the built-in one of sync jobs, as nobody has changed it.
pub(crate) fn is_of_sync_jobs(design: &Arc<Design>) -> bool {
    Arc::ptr_eq(design, &OF_SYNC_JOBS)
}

/// Whether a design is the built-in one of connectors, as nobody has changed it.
pub(crate) fn is_of_connectors(design: &Arc<Design>) -> bool {
    Arc::ptr_eq(design, &OF_CONNECTORS)
}

/// The index that an alias of the built-in designs stands for.
pub(crate) fn index_behind(alias: &str) -> Option<&'static str> {
    match alias {
        ".elastic-connectors" => Some(CONNECTORS),
        ".elastic-connectors-sync-jobs" => Some(SYNC_JOBS),
        SECRETS_ALIAS => Some(SECRETS),
        _ => None,
    }
}

static OF_CONNECTORS: LazyLock<Arc<Design>> = LazyLock::new(|| {
    static MAPPING: LazyLock<Mapping> = LazyLock::new(|| read(include_str!("built_in/connectors.json")));
    managed(".elastic-connectors", &MAPPING)
});
static OF_SYNC_JOBS: LazyLock<Arc<Design>> = LazyLock::new(|| {
    static MAPPING: LazyLock<Mapping> = LazyLock::new(|| read(include_str!("built_in/sync_jobs.json")));
    managed(".elastic-connectors-sync-jobs", &MAPPING)
});
// Inferred: the mapping of secrets; nobody searches them.
static OF_SECRETS: LazyLock<Arc<Design>> = LazyLock::new(|| {
    static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
        read(r#"{ "dynamic": "false", "properties": { "value": { "type": "keyword", "index": false } } }"#)
    });
    managed(SECRETS_ALIAS, &MAPPING)
});
static OF_ACCESS_CONTROL: LazyLock<Arc<Design>> = LazyLock::new(|| {
    static MAPPING: LazyLock<Mapping> =
        LazyLock::new(|| read(r#"{ "dynamic": "false", "properties": { "created_at": { "type": "date" } } }"#));
    Arc::new(Design {
        settings: texts(&[("hidden", "true"), ("number_of_shards", "1"), ("number_of_replicas", "1")]),
        mapping: HeldMapping::BuiltIn(&MAPPING),
        aliases: BTreeMap::new(),
    })
});

fn read(mapping: &str) -> Mapping {
    let mapping: Value = serde_json::from_str(mapping).unwrap_or_default();
    Mapping::parse(&mapping).unwrap_or_default()
}

fn managed(alias: &str, mapping: &'static LazyLock<Mapping>) -> Arc<Design> {
    Arc::new(Design {
        // On one node, `auto_expand_replicas` comes to no replica at all.
        settings: texts(&[
            ("auto_expand_replicas", "0-1"),
            ("hidden", "true"),
            ("number_of_shards", "1"),
            ("number_of_replicas", "0"),
        ]),
        mapping: HeldMapping::BuiltIn(mapping),
        aliases: BTreeMap::from([(alias.to_owned(), of_system())]),
    })
}

/// What is said of the alias of an index that is the server's own: wildcards pass it by.
///
/// Source: Elasticsearch's creation of managed system indices.
fn of_system() -> Map<String, Value> {
    ["is_write_index", "is_hidden"].into_iter().map(|name| (name.to_owned(), Value::Bool(true))).collect()
}

fn texts(settings: &[(&str, &str)]) -> Map<String, Value> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::index::mapping::FieldType;

    #[test]
    fn the_built_in_mappings_are_read_whole() {
        let of = |name| design(name).expect(name).mapping.clone();
        assert_eq!(of(CONNECTORS).field_type("filtering.draft.rules.order"), Some(FieldType::Short));
        assert_eq!(of(CONNECTORS).field_type("deleted"), Some(FieldType::Boolean));
        assert_eq!(of(SYNC_JOBS).field_type("connector.id"), Some(FieldType::Keyword));
        assert_eq!(of(SYNC_JOBS).field_type("indexed_document_volume"), Some(FieldType::Integer));
        assert_eq!(of(".search-acl-filter-docs").field_type("created_at"), Some(FieldType::Date));
        assert_eq!(design("docs"), None);
    }
}
