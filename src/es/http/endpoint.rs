//! [`Endpoint`], [`Handler`] and the `endpoints!` table form.
//!
//! A row says *where*, its schema says *what*, its handler says *how*. Everything else that depends on
//! the surface (router, `Allow`, the README's table, `elastimock list`, coverage) reads the rows.

use super::call::{Call, Reply};
use crate::es::error::ApiError;
use crate::http::Method;

/// Acts on `S` as a checked call asks.
pub(crate) type Handler<S> = fn(&mut S, &Call) -> Result<Reply, ApiError>;

/// Looks at a call whose body and parameters are well formed and says what else is wrong with it:
/// Elasticsearch's "Validation Failed". Sees no state.
pub(crate) type OperationCheck = fn(&Call) -> Result<(), ApiError>;

/// The schema of an operation as two texts: what Elastic publishes, and what its server does otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchemaText {
    /// `schemas/<operation>.json`.
    pub published: &'static str,
    /// `schemas/overlay/<operation>.json`.
    pub overlay: &'static str,
}

/// What a call is about, whatever it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowSubject {
    /// A sync job, or all of them.
    SyncJob,
    /// A connector, or all of them.
    Connector,
    /// An index, some of them, or a document.
    Index,
    /// The cluster.
    Cluster,
}

/// What of the bodies of an operation is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Nothing beside what says so itself.
    Ordinary,
    /// All that is not known to be harmless.
    Secret,
    /// What is named like a credential.
    Credentials,
    /// Whatever may be the value of a setting.
    Settings,
}

/// What an operation deals with, for whoever judges its calls, masks them and writes them down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowFacts {
    /// What its calls are about.
    pub about: RowSubject,
    /// What of its bodies is secret.
    pub secrecy: Secrecy,
    /// Where a body may have the text of an error, as JSON pointers.
    pub error_texts: &'static [&'static str],
}

impl RowFacts {
    /// The facts of a row with these paths.
    pub(crate) const fn new(paths: &[&str]) -> RowFacts {
        let mut about = RowSubject::Cluster;
        let mut at = 0;
        while at < paths.len() {
            let path = paths[at].as_bytes();
            if begins_at(path, 1, b"_connector/_sync_job") {
                about = RowSubject::SyncJob;
            } else if begins_at(path, 1, b"_connector") {
                about = RowSubject::Connector;
            } else if has(path, b"{index}") {
                about = RowSubject::Index;
            }
            at += 1;
        }
        RowFacts { about, secrecy: Secrecy::Ordinary, error_texts: &[] }
    }

    /// It deals in secrets.
    pub(crate) const fn secret(self) -> RowFacts {
        RowFacts { secrecy: Secrecy::Secret, ..self }
    }

    /// It deals with users, roles and keys.
    pub(crate) const fn credentials(self) -> RowFacts {
        RowFacts { secrecy: Secrecy::Credentials, ..self }
    }

    /// It sets a configuration.
    pub(crate) const fn settings(self) -> RowFacts {
        RowFacts { secrecy: Secrecy::Settings, ..self }
    }

    /// Its body may have the text of an error there.
    pub(crate) const fn tells(self, error_texts: &'static [&'static str]) -> RowFacts {
        RowFacts { error_texts, ..self }
    }
}

/// What operations that have no row deal with: the facts of all whose names fit a pattern, which may have one `*`.
pub(crate) type ForeignFacts = (&'static str, RowFacts);

const fn begins_at(text: &[u8], at: usize, word: &[u8]) -> bool {
    let mut next = 0;
    while next < word.len() {
        if at + next >= text.len() || text[at + next] != word[next] {
            return false;
        }
        next += 1;
    }
    true
}

const fn has(text: &[u8], word: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if begins_at(text, at, word) {
            return true;
        }
        at += 1;
    }
    false
}

/// One operation: its name, where it is reached, what it takes, and who does it.
pub(crate) struct Endpoint<S: 'static> {
    /// Elasticsearch's own name for it.
    pub operation: &'static str,
    /// The method, the same on every path.
    pub method: Method,
    /// The paths, placeholders in braces.
    pub paths: &'static [&'static str],
    /// What it takes; none for calls of our own, whose handlers look for themselves.
    pub schema: Option<SchemaText>,
    /// What is checked after the schema and before any state is touched.
    pub check: Option<OperationCheck>,
    /// Who does it.
    pub handler: Handler<S>,
    /// What its calls deal with.
    pub facts: RowFacts,
}

/// Makes the rows of a table: `METHOD "path" | "path", "operation" => handler, check | fact;`. A fact is a method of
/// [`RowFacts`].
///
/// A row whose schema files are missing does not compile.
#[macro_export]
#[doc(hidden)]
macro_rules! endpoints {
    (@schema own $operation:literal) => { None };
    (@schema published $operation:literal) => {
        Some($crate::es::http::endpoint::SchemaText {
            published: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/", $operation, ".json")),
            overlay: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/overlay/", $operation, ".json")),
        })
    };
    (@check) => { None };
    (@check $check:path) => { Some($check) };
    ($($schema:ident $method:ident $path:literal $(| $more:literal)*, $operation:literal => $handler:path $(, $check:path)?
        $(| $fact:ident $(($($text:literal),*))?)*;)*) => {
        &[$($crate::es::http::endpoint::Endpoint {
            operation: $operation,
            method: $crate::http::Method::$method,
            paths: &[$path $(, $more)*],
            schema: $crate::endpoints!(@schema $schema $operation),
            check: $crate::endpoints!(@check $($check)?),
            handler: $handler,
            facts: $crate::es::http::endpoint::RowFacts::new(&[$path $(, $more)*])$(.$fact($(&[$($text),*])?))*,
        }),*]
    };
}
