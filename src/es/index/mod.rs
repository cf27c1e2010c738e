//! Indices: their names, settings, mappings and aliases.

pub(crate) mod analysis;
pub(crate) mod built_in;
pub(crate) mod date_format;
pub(crate) mod handlers;
pub(crate) mod indices;
pub(crate) mod layout;
pub(crate) mod mapping;
pub(crate) mod names;
pub(crate) mod refusal;
pub(crate) mod settings;
pub(crate) mod templates;
pub(crate) mod words;
