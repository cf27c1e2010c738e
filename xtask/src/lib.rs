//! The schema generator: Elastic's published API specification in, `schemas/` out.
//!
//! Only structure passes through: names, types, what is required. The specification's prose stays
//! where it is. What the server does otherwise is not for the generator to know; people write that
//! down in `schemas/overlay/`, and the generator checks that each remark still fits.
//!
//! ```text
//! operations   which operations get a schema: a list
//! spec         the specification as a value; where it may lie
//! fetch        brings it here
//! shape        its types → JSON Schema
//! schema       one operation → one document
//! vocabulary   is a document lawful: known words, references that lead somewhere
//! overlay      the hand-written remarks: do they fit?
//! output       the files: written, or compared
//! ```

pub mod fetch;
pub mod operations;
pub mod output;
pub mod overlay;
pub mod schema;
mod shape;
pub mod spec;
pub mod vocabulary;
