//! [`Index`]: documents by id. Every write of every door passes here, so that versions, sequence
//! numbers and no-ops are right everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Condition, Document, Outcome, Patch, Source};
use super::refusal::Refusal;
use crate::limits::KEYWORD_BYTES_MAX;

/// Elasticsearch counts terms from 1, and a mock's primary never moves.
pub const PRIMARY_TERM: u64 = 1;

/// How a field is indexed, as far as that can refuse a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A 32-bit integer.
    Integer,
    /// Text indexed as one term of bounded length.
    Keyword,
}

impl FieldType {
    fn name(self) -> &'static str {
        match self {
            FieldType::Integer => "integer",
            FieldType::Keyword => "keyword",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (FieldType::Integer, Value::Number(number)) => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
            }
            (FieldType::Keyword, Value::String(text)) => text.len() <= KEYWORD_BYTES_MAX,
            _ => true,
        }
    }
}

/// The mapped fields of an index whose type can refuse a value. The rest goes in as it is.
pub type Mapping = &'static [(&'static str, FieldType)];

/// An index: documents by id, in the order of their ids; the order of writing is their `seq_no`.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    name: String,
    uuid: String,
    mapping: Mapping,
    seq_no_next: u64,
    documents: BTreeMap<Arc<str>, Document>,
}

impl Index {
    /// An index without documents.
    pub fn new(name: &str, uuid: String, mapping: Mapping) -> Index {
        Index { name: name.to_owned(), uuid, mapping, seq_no_next: 0, documents: BTreeMap::new() }
    }

    /// The index's concrete name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The index's own id, 22 characters.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// The document with that id.
    pub fn get(&self, id: &str) -> Option<&Document> {
        self.documents.get(id)
    }

    /// All documents with their ids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Document)> {
        self.documents.iter()
    }

    /// Stores a document whole, in place of one with the same id, and says whether there was none.
    pub fn put(&mut self, id: impl Into<Arc<str>>, source: impl Into<Arc<Source>>) -> bool {
        let id = id.into();
        let seq_no = self.next_seq_no();
        let source = source.into();
        match self.documents.get_mut(&id) {
            Some(document) => {
                *document = Document { source, version: document.version + 1, seq_no };
                false
            }
            None => {
                self.documents.insert(id, Document { source, version: 1, seq_no });
                true
            }
        }
    }

    /// Merges `patch` into the document with that id, if `condition` holds. A patch that changes
    /// nothing writes nothing.
    pub fn update(&mut self, id: &str, patch: Patch, condition: Option<Condition>) -> Result<Outcome, Refusal> {
        let Some(document) = self.documents.get_mut(id) else {
            return Err(Refusal::DocumentMissing {
                id: id.to_owned(),
                index: self.name.clone(),
                index_uuid: self.uuid.clone(),
            });
        };
        let current = Condition { seq_no: document.seq_no, primary_term: PRIMARY_TERM };
        if let Some(required) = condition.filter(|required| *required != current) {
            return Err(Refusal::VersionConflict {
                id: id.to_owned(),
                index: self.name.clone(),
                index_uuid: self.uuid.clone(),
                required,
                current,
            });
        }
        if let Some(refusal) = unmappable(self.mapping, id, &document.source, &patch) {
            return Err(refusal);
        }
        if !Arc::make_mut(&mut document.source).merge(patch) {
            return Ok(Outcome::Noop);
        }
        document.version += 1;
        document.seq_no = self.seq_no_next;
        self.seq_no_next += 1;
        Ok(Outcome::Updated)
    }

    /// Removes the document with that id, and says whether there was one.
    pub fn delete(&mut self, id: &str) -> bool {
        let found = self.documents.remove(id).is_some();
        if found {
            self.next_seq_no();
        }
        found
    }

    /// Removes the documents that `doomed` chooses, and says how many there were.
    pub fn delete_where(&mut self, mut doomed: impl FnMut(&Source) -> bool) -> usize {
        let before = self.documents.len();
        self.documents.retain(|_, document| !doomed(&document.source));
        let removed = before - self.documents.len();
        self.seq_no_next += removed as u64;
        removed
    }

    fn next_seq_no(&mut self) -> u64 {
        let seq_no = self.seq_no_next;
        self.seq_no_next += 1;
        seq_no
    }
}

/// The first field of the merged document that its mapping refuses. Only fields that the patch names
/// can have become wrong; the document is put together only when one has.
fn unmappable(mapping: Mapping, id: &str, source: &Source, patch: &Patch) -> Option<Refusal> {
    let fits = |(name, value): (&str, &Value)| {
        mapping.iter().find(|(known, _)| *known == name).is_none_or(|(_, field_type)| field_type.takes(value))
    };
    if patch.iter().all(fits) {
        return None;
    }
    let mut merged = source.clone();
    merged.merge(patch.clone());
    let mut column = 2;
    for (name, value) in merged.iter() {
        let name_bytes = serde_json::to_string(name).map_or(0, |text| text.len()) + 1;
        match mapping.iter().find(|(known, field_type)| *known == name && !field_type.takes(value)) {
            Some((field, field_type)) => {
                return Some(Refusal::Unmappable {
                    id: id.to_owned(),
                    field,
                    field_type: field_type.name(),
                    value: Box::new(value.clone()),
                    column: column + name_bytes,
                });
            }
            None => column += name_bytes + serde_json::to_string(value).map_or(0, |text| text.len()) + 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index() -> Index {
        let mut index =
            Index::new("jobs", "uuid".into(), &[("count", FieldType::Integer), ("error", FieldType::Keyword)]);
        index.put("J", Source::new().with("status", json!("pending")).with("count", json!(0)));
        index
    }

    fn condition(seq_no: u64) -> Option<Condition> {
        Some(Condition { seq_no, primary_term: PRIMARY_TERM })
    }

    #[test]
    fn of_two_writers_that_read_the_same_document_one_loses() {
        let mut index = index();
        let read = index.get("J").expect("the document").seq_no;
        let claim = |worker: &str| Patch::new().set("worker_hostname", json!(worker));
        assert_eq!(index.update("J", claim("w-1"), condition(read)), Ok(Outcome::Updated));
        let refusal = index.update("J", claim("w-2"), condition(read)).expect_err("the second writer");
        assert!(
            matches!(&refusal, Refusal::VersionConflict { required, current, .. } if required.seq_no == 0 && current.seq_no == 1)
        );
        assert_eq!(index.get("J").and_then(|job| job.source.text("worker_hostname")), Some("w-1"));
    }

    #[test]
    fn a_noop_moves_neither_version_nor_sequence_number() {
        let mut index = index();
        let before = index.get("J").cloned();
        assert_eq!(index.update("J", Patch::new().set("status", json!("pending")), None), Ok(Outcome::Noop));
        assert_eq!(index.get("J").cloned(), before);
    }

    #[test]
    fn every_write_takes_the_next_sequence_number() {
        let mut index = index();
        index.put("K", Source::new());
        assert_eq!(index.update("J", Patch::new().set("status", json!("error")), None), Ok(Outcome::Updated));
        assert!(index.delete("K"));
        assert!(!index.delete("K"));
        index.put("L", Source::new());
        assert_eq!(index.get("J").map(|document| (document.version, document.seq_no)), Some((2, 2)));
        assert_eq!(index.get("L").map(|document| (document.version, document.seq_no)), Some((1, 4)));
    }

    #[test]
    fn a_value_that_its_mapping_refuses_changes_nothing_and_is_located() {
        let mut index = index();
        let before = index.get("J").cloned();
        let refusal =
            index.update("J", Patch::new().set("count", json!(3_000_000_000_i64)), None).expect_err("too large");
        // {"status":"pending","count":3000000000}
        assert!(matches!(refusal, Refusal::Unmappable { field: "count", field_type: "integer", column: 29, .. }));
        assert!(index.update("J", Patch::new().set("error", json!("x".repeat(32_767))), None).is_err());
        assert_eq!(index.get("J").cloned(), before);
        assert!(index.update("J", Patch::new().set("error", json!("x".repeat(32_766))), None).is_ok());
    }
}
