//! [`PathSubject`]: what a request is about by its path alone, whatever its method and whether or not Elasticsearch has
//! such a call.
//!
//! A call that has been read says it better: by its row and its placeholders. This is for calls that reached no row, and
//! for whoever groups calls by what they are about.

use std::borrow::Cow;

use crate::target::decoded;

/// What a path is about; ids and names are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathSubject<'r> {
    /// One sync job.
    SyncJob(Cow<'r, str>),
    /// Sync jobs, or one that is made.
    SyncJobs,
    /// One connector.
    Connector(Cow<'r, str>),
    /// Connectors, or one that is made.
    Connectors,
    /// One document, or one that is made.
    Document {
        /// Its index.
        index: Cow<'r, str>,
        /// Its id, if the path says it.
        id: Option<Cow<'r, str>>,
    },
    /// An index, or an expression for several.
    Index(Cow<'r, str>),
    /// Whatever the lines of the body name.
    Bulk,
    /// The cluster.
    Cluster,
}

impl<'r> PathSubject<'r> {
    /// What that path is about.
    pub(crate) fn of(path: &'r str) -> PathSubject<'r> {
        let mut segments = path.trim_end_matches('/').split('/').skip(1).map(|segment| decoded(segment, false));
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        match (first.as_deref(), second.as_deref(), third) {
            (Some("_connector"), Some("_sync_job"), Some(id)) => PathSubject::SyncJob(id),
            (Some("_connector"), Some("_sync_job"), None) => PathSubject::SyncJobs,
            (Some("_connector"), Some(_), _) => PathSubject::Connector(second.unwrap_or_default()),
            (Some("_connector"), None, _) => PathSubject::Connectors,
            (Some("_bulk"), None, _) => PathSubject::Bulk,
            (Some(_), Some("_doc" | "_create" | "_update" | "_source"), id) => {
                PathSubject::Document { index: first.unwrap_or_default(), id }
            }
            (Some(index), _, _) if !index.is_empty() && !index.starts_with('_') => {
                PathSubject::Index(first.unwrap_or_default())
            }
            _ => PathSubject::Cluster,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_it_is_about() {
        let document = |id: Option<&'static str>| PathSubject::Document { index: "docs".into(), id: id.map(Cow::from) };
        for (path, expected) in [
            ("/_connector", PathSubject::Connectors),
            ("/_connector/", PathSubject::Connectors),
            ("/_connector/a%20b/_name", PathSubject::Connector("a b".into())),
            ("/_connector/_sync_job", PathSubject::SyncJobs),
            ("/_connector/_sync_job/j-1/_claim", PathSubject::SyncJob("j-1".into())),
            ("/_bulk", PathSubject::Bulk),
            ("/docs/_doc/1", document(Some("1"))),
            ("/docs/_doc", document(None)),
            ("/docs/_search", PathSubject::Index("docs".into())),
            ("/_search", PathSubject::Cluster),
            ("/", PathSubject::Cluster),
            ("", PathSubject::Cluster),
        ] {
            assert_eq!(PathSubject::of(path), expected, "{path}");
        }
    }
}
