//! [`Refusal`]: why the cluster says no, by cause and with its facts.
//!
//! No words and no status codes: whoever answers over HTTP says it in Elasticsearch's words
//! (`rest::error`).

pub(crate) use crate::es::index::refusal::IndexRefusal;
pub(crate) use crate::es::search::refusal::SearchRefusal;

/// Why the cluster refuses what was asked of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// A sync job was looked up and its document is not there.
    JobMissing {
        /// The id that was asked for.
        id: String,
    },
    /// A sync job is not there, as met while writing, or because there is no job index yet.
    /// Elasticsearch words this one differently.
    JobNotFound {
        /// The id that was asked for.
        id: String,
    },
    /// A connector was looked up by the Connector API and is not there, or is deleted.
    ConnectorNotFound {
        /// The id that was asked for.
        id: String,
    },
    /// A sync job was to be made for a connector that is not there.
    ConnectorOfJobMissing {
        /// The connector's id.
        id: String,
    },
    /// A document was to be changed and is not there.
    DocumentMissing {
        /// The document's id.
        id: String,
        /// The index's name.
        index: String,
        /// The index's own id.
        index_uuid: String,
    },
    /// The index is not there.
    IndexMissing {
        /// The index's name.
        index: String,
    },
    /// A sync job was to be made for a connector without an index.
    NoIndexAttached {
        /// The connector's id.
        connector_id: String,
    },
    /// A sync job was to be made for a connector without a service type.
    NoServiceType {
        /// The connector's id.
        connector_id: String,
    },
    /// What only connectors and their secrets can be refused for.
    Connector(ConnectorRefusal),
    /// The sync job's status machine has no such edge.
    InvalidTransition {
        /// The status that the job has.
        from: crate::es::sync_job::rules::SyncStatus,
        /// The status that it was to have.
        to: crate::es::sync_job::rules::SyncStatus,
    },
    /// A stored status is none of the protocol's; `None` when there is none.
    UnknownStatus {
        /// What is stored.
        status: Option<String>,
    },
    /// Somebody else has written the document meanwhile.
    VersionConflict {
        /// The document's id.
        id: String,
        /// The index's name.
        index: String,
        /// The index's own id.
        index_uuid: String,
        /// What the writer had read.
        required: crate::es::document::source::WriteCondition,
        /// What is stored now; none if there is no document.
        current: Option<crate::es::document::source::WriteCondition>,
    },
    /// More hits were asked for than a page may reach.
    ResultWindow {
        /// `from` + `size`.
        asked: u64,
    },
    /// Documents and indices have reasons of their own.
    Shelf(IndexRefusal),
    /// Searches have reasons of their own.
    Search(SearchRefusal),
}

impl From<SearchRefusal> for Refusal {
    fn from(refusal: SearchRefusal) -> Refusal {
        Refusal::Search(refusal)
    }
}

impl From<IndexRefusal> for Refusal {
    fn from(refusal: IndexRefusal) -> Refusal {
        Refusal::Shelf(refusal)
    }
}

/// Why something is refused that was asked of a connector or of a secret.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ConnectorRefusal {
    /// Another connector has the index name.
    IndexNameTaken {
        /// The index's name.
        index_name: String,
    },
    /// The id of a new document is too long.
    IdTooLong {
        /// The id.
        id: String,
    },
    /// The status machine has no such edge.
    InvalidTransition {
        /// The status that the connector has.
        from: crate::es::connector::rules::ConnectorStatus,
        /// The status that it was to have.
        to: crate::es::connector::rules::ConnectorStatus,
    },
    /// A stored status is none of the protocol's; `None` when there is none.
    UnknownStatus {
        /// What is stored.
        status: Option<String>,
    },
    /// A connector of Elastic's own was to fill an index without the prefix.
    NativeIndexName {
        /// The index's name.
        index_name: String,
    },
    /// A connector that fills an index without the prefix was to become one of Elastic's own.
    NativeWithIndex {
        /// The connector's id.
        id: String,
        /// The index's name.
        index_name: String,
    },
    /// Values were given for fields that the configuration does not have.
    UnknownConfiguration {
        /// Their names, in the server's order.
        names: Vec<String>,
    },
    /// A draft was to become active that nobody has found valid.
    DraftNotValid {
        /// What is known of the draft.
        state: String,
    },
    /// There is no filtering whose draft could be changed: the server looks at the first of none.
    NoFiltering,
    /// The server trips over a null.
    NullPointer,
    /// There is no such secret.
    SecretNotFound {
        /// The id that was asked for.
        id: String,
    },
}

impl From<ConnectorRefusal> for Refusal {
    fn from(refusal: ConnectorRefusal) -> Refusal {
        Refusal::Connector(refusal)
    }
}
