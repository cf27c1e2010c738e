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
}

/// Makes the rows of a table: `METHOD "path" | "path", "operation" => handler, check;`.
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
    ($($schema:ident $method:ident $path:literal $(| $more:literal)*, $operation:literal => $handler:path $(, $check:path)?;)*) => {
        &[$($crate::es::http::endpoint::Endpoint {
            operation: $operation,
            method: $crate::http::Method::$method,
            paths: &[$path $(, $more)*],
            schema: $crate::endpoints!(@schema $schema $operation),
            check: $crate::endpoints!(@check $($check)?),
            handler: $handler,
        }),*]
    };
}
