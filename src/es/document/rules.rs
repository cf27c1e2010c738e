//! A partial update as a rule: what is to become of a document, from what is there and what was asked.
//!
//! Source: Elasticsearch 9.x, update helper.

use std::sync::Arc;

use super::source::{Patch, Source, WriteCondition};
use super::store::{Index, WriteDone, WriteEffect, WriteGuard};
use crate::es::refusal::Refusal;

/// What a partial update asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Amendment {
    /// The fields to merge in.
    pub doc: Option<Arc<Source>>,
    /// What to store if there is no document.
    pub upsert: Option<Arc<Source>>,
    /// Whether `doc` is what to store then.
    pub doc_as_upsert: bool,
    /// Whether a change of nothing writes nothing.
    pub detect_noop: bool,
}

impl Index {
    /// Merges what is asked into the document with that id, or stores it if there is none and the
    /// amendment says what.
    ///
    /// # Errors
    /// No document and nothing to store; a condition that does not hold; values that do not fit.
    pub(crate) fn apply(
        &mut self,
        id: &str,
        asked: &Amendment,
        condition: Option<WriteCondition>,
        routing: Option<&str>,
    ) -> Result<WriteDone, Refusal> {
        let is_elsewhere = self.is_elsewhere(id, routing);
        if condition.is_none() && (is_elsewhere || self.get(id).is_none()) {
            let new = if asked.doc_as_upsert { asked.doc.as_ref() } else { asked.upsert.as_ref() };
            if let Some(new) = new {
                return self.store(id, new.clone(), WriteGuard { create: true, ..WriteGuard::default() }, routing);
            }
        }
        if is_elsewhere {
            return Err(self.missing(id));
        }
        let patch = asked.doc.as_ref().map_or_else(Patch::new, |doc| Patch::from((**doc).clone()));
        self.amend(id, patch, condition, asked.detect_noop)
    }
}

impl WriteDone {
    /// Whether the write made a document.
    pub(crate) fn is_new(&self) -> bool {
        self.effect == WriteEffect::Created
    }
}
