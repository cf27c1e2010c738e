//! Indices: their names, settings, mappings and aliases.

pub mod analysis;
pub mod built_in;
pub mod date_format;
pub mod handlers;
pub mod indices;
pub mod mapping;
pub mod names;
pub mod refusal;
pub mod settings;
pub mod templates;
pub mod words;
