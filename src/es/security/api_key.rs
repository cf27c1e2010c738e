//! API keys: what is remembered of those that were made here.
//!
//! Source: Elasticsearch 9.x, API key service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Timestamp;

/// An API key, without what only its owner knows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiKey {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was made invalid, if it was.
    pub invalidated_at: Option<Timestamp>,
    /// What its maker says of it.
    pub metadata: Value,
    /// What it allows.
    pub role_descriptors: Value,
}

impl ApiKey {
    /// A key that never ends and that no call has made.
    pub(crate) fn planted(name: &str, created_at: Timestamp, privileges: Option<Value>) -> ApiKey {
        let role_descriptors = match privileges {
            Some(privileges) => json!({ "fixture": { "cluster": privileges } }),
            None => json!({}),
        };
        let (expires_at, invalidated_at, metadata) = (None, None, json!({}));
        ApiKey { name: name.to_owned(), created_at, expires_at, invalidated_at, metadata, role_descriptors }
    }

    /// Whether it opens something at an instant.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.invalidated_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The API keys by id.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct ApiKeys {
    by_id: BTreeMap<String, ApiKey>,
}

impl ApiKeys {
    /// Remembers a key.
    pub(crate) fn add(&mut self, id: &str, key: ApiKey) {
        self.by_id.insert(id.to_owned(), key);
    }

    /// When the next one that is valid ends after an instant, and its name.
    pub(crate) fn next_end(&self, now: Timestamp) -> Option<(Timestamp, &str)> {
        let valid = self.by_id.values().filter(|key| key.invalidated_at.is_none());
        valid.filter_map(|key| Some((key.expires_at.filter(|at| *at > now)?, &*key.name))).min()
    }

    /// The key with that id.
    pub(crate) fn get(&self, id: &str) -> Option<&ApiKey> {
        self.by_id.get(id)
    }

    /// All of them, in the order of ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &ApiKey)> {
        self.by_id.iter().map(|(id, key)| (id.as_str(), key))
    }

    /// Makes a key invalid, and says whether it was valid before; none if there is no such key.
    pub(crate) fn invalidate(&mut self, id: &str, now: Timestamp) -> Option<bool> {
        let key = self.by_id.get_mut(id)?;
        let was_valid = key.invalidated_at.is_none();
        key.invalidated_at.get_or_insert(now);
        Some(was_valid)
    }
}
