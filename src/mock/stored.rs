//! Stored documents as a test looks at them: [`StoredSyncJob`] and [`StoredConnector`].

use std::sync::Arc;

use serde_json::Value;

use crate::error::Error;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::document::source::Source;
use crate::es::sync_job::rules::{JobView, SyncStatus};

/// A sync job as it was stored when it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSyncJob {
    id: String,
    source: Arc<Source>,
}

impl StoredSyncJob {
    pub(crate) fn new(id: &str, source: Arc<Source>) -> StoredSyncJob {
        StoredSyncJob { id: id.to_owned(), source }
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The job's status.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if none of the protocol's is stored.
    pub fn status(&self) -> Result<SyncStatus, Error> {
        JobView(&self.source)
            .status()
            .map_err(|_| Error::invalid_input(format!("the sync job [{}] has no status of the protocol", self.id)))
    }

    /// A stored field, for example `worker_hostname`.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.source.get(field)
    }

    /// The whole document.
    pub fn to_value(&self) -> Value {
        self.source.to_value()
    }
}

/// A connector as it was stored when it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredConnector {
    id: String,
    source: Arc<Source>,
}

impl StoredConnector {
    pub(crate) fn new(id: &str, source: Arc<Source>) -> StoredConnector {
        StoredConnector { id: id.to_owned(), source }
    }

    /// The connector's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The connector's status.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if none of the protocol's is stored.
    pub fn status(&self) -> Result<ConnectorStatus, Error> {
        self.source
            .text("status")
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| Error::invalid_input(format!("the connector [{}] has no status of the protocol", self.id)))
    }

    /// A stored field, for example `index_name`.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.source.get(field)
    }

    /// The whole document.
    pub fn to_value(&self) -> Value {
        self.source.to_value()
    }
}
