//! [`PipelineDocument`]: a document while it is in a pipeline, its fields reached by dotted paths.
//!
//! A dot always leads into an object (or, followed by a number, into a list): a key that has a dot in
//! it is out of reach here, as in the real server.
//!
//! Source: Elasticsearch 9.x, ingest document.

use serde_json::{Map, Value};

use super::{IngestFailure, PipelineTarget};
use crate::clock::Timestamp;

/// A document while it is in a pipeline.
pub(crate) struct PipelineDocument {
    fields: Map<String, Value>,
    /// The most fields that it ever had: the size of the table they are kept in.
    most: usize,
    /// What stands under `_ingest`.
    notes: Map<String, Value>,
    /// `_index`, `_id`.
    metadata: Map<String, Value>,
}

/// Fields that are no part of the source.
pub(crate) const METADATA: [&str; 9] = [
    "_index",
    "_type",
    "_id",
    "_routing",
    "_version",
    "_version_type",
    "_if_seq_no",
    "_if_primary_term",
    "_dynamic_templates",
];

impl PipelineDocument {
    /// A draft of those fields.
    pub(crate) fn new(fields: Map<String, Value>, address: PipelineTarget<'_>, now: Timestamp) -> PipelineDocument {
        let mut notes = Map::new();
        notes.insert("timestamp".to_owned(), now.to_string().into());
        let mut metadata = Map::new();
        metadata.insert("_index".to_owned(), address.index.into());
        metadata.insert("_id".to_owned(), address.id.map_or(Value::Null, Value::from));
        PipelineDocument { most: fields.len(), fields, notes, metadata }
    }

    /// The fields, and how many there were when there were most.
    pub(crate) fn finish(self) -> (Map<String, Value>, usize) {
        (self.fields, self.most)
    }

    /// Sets what stands under `_ingest.<name>`.
    pub(crate) fn note(&mut self, name: &str, value: Value) {
        self.notes.insert(name.to_owned(), value);
    }

    /// Takes away what stands under `_ingest.<name>`.
    pub(crate) fn forget(&mut self, name: &str) {
        self.notes.shift_remove(name);
    }

    /// The value at a path.
    pub(crate) fn get(&self, path: &str) -> Result<&Value, IngestFailure> {
        let (root, names) = self.start(path)?;
        let mut names = names.into_iter();
        let first = names.next().unwrap_or_default();
        let found = root.get(first).ok_or_else(|| not_present(first, path))?;
        names.try_fold(found, |value, name| match value {
            Value::Object(map) => map.get(name).ok_or_else(|| not_present(name, path)),
            Value::Array(list) => Ok(&list[position(list, name, path)?]),
            Value::Null => Err(failure(format!("cannot resolve [{name}] from null as part of path [{path}]"))),
            other => Err(failure(format!(
                "cannot resolve [{name}] from object of type [{}] as part of path [{path}]",
                java_type(other)
            ))),
        })
    }

    /// The value at a path, nothing if it is not there or null.
    pub(crate) fn value(&self, path: &str) -> Option<&Value> {
        self.get(path).ok().filter(|value| !value.is_null())
    }

    /// Whether there is something at a path; a null is something.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.get(path).is_ok()
    }

    /// Sets the value at a path, and makes the objects on the way there.
    pub(crate) fn set(&mut self, path: &str, value: Value) -> Result<(), IngestFailure> {
        *self.place(path)? = value;
        Ok(())
    }

    /// The place of a path, made if need be: null if there was nothing.
    pub(crate) fn place(&mut self, path: &str) -> Result<&mut Value, IngestFailure> {
        let (_, names) = self.start(path)?;
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let (leaf, parents) = names.split_last().ok_or_else(|| failure("path cannot be null nor empty".to_owned()))?;
        let root = self.root_mut(path);
        let Some((first, parents)) = parents.split_first() else {
            let place = root.entry(leaf.as_str()).or_insert(Value::Null);
            // Only the order of fields depends on it, so it is reckoned for the whole document alone.
            return Ok(place);
        };
        let mut at = root.entry(first.as_str()).or_insert_with(|| Value::Object(Map::new()));
        for name in parents {
            at = match at {
                Value::Object(map) => map.entry(name.as_str()).or_insert_with(|| Value::Object(Map::new())),
                Value::Array(list) => {
                    let position = position(list, name, path)?;
                    &mut list[position]
                }
                Value::Null => {
                    return Err(failure(format!("cannot resolve [{name}] from null as part of path [{path}]")));
                }
                other => {
                    return Err(failure(format!(
                        "cannot resolve [{name}] with parent object of type [{}] as part of path [{path}]",
                        java_type(other)
                    )));
                }
            };
        }
        match at {
            Value::Object(map) => Ok(map.entry(leaf.as_str()).or_insert(Value::Null)),
            Value::Array(list) => {
                let position = position(list, leaf, path)?;
                Ok(&mut list[position])
            }
            Value::Null => Err(failure(format!("cannot set [{leaf}] with null parent as part of path [{path}]"))),
            other => Err(failure(format!(
                "cannot set [{leaf}] with parent object of type [{}] as part of path [{path}]",
                java_type(other)
            ))),
        }
    }

    /// Takes away the field at a path, and returns what was there.
    pub(crate) fn remove(&mut self, path: &str) -> Result<Value, IngestFailure> {
        let (_, names) = self.start(path)?;
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let (leaf, parents) = names.split_last().ok_or_else(|| failure("path cannot be null nor empty".to_owned()))?;
        if parents.is_empty() {
            return self.root_mut(path).shift_remove(leaf).ok_or_else(|| not_present(leaf, path));
        }
        // The way there is walked once to say what is wrong with it, and once to change what it leads to.
        self.get(&parents.join("."))?;
        let mut at = self.root_mut(path).get_mut(&parents[0]).ok_or_else(|| not_present(&parents[0], path))?;
        for name in &parents[1..] {
            at = match at {
                Value::Object(map) => map.get_mut(name).ok_or_else(|| not_present(name, path))?,
                Value::Array(list) => {
                    let position = position(list, name, path)?;
                    &mut list[position]
                }
                _ => return Err(not_present(name, path)),
            };
        }
        match at {
            Value::Object(map) => map.shift_remove(leaf).ok_or_else(|| not_present(leaf, path)),
            Value::Array(list) => {
                let position = position(list, leaf, path)?;
                Ok(list.remove(position))
            }
            Value::Null => Err(failure(format!("cannot remove [{leaf}] from null as part of path [{path}]"))),
            other => Err(failure(format!(
                "cannot remove [{leaf}] from object of type [{}] as part of path [{path}]",
                java_type(other)
            ))),
        }
    }

    /// Counts the fields, so that the most of them is known. Called after each step.
    pub(crate) fn count(&mut self) {
        self.most = self.most.max(self.fields.len());
    }

    fn start<'p>(&self, path: &'p str) -> Result<(&Map<String, Value>, Vec<&'p str>), IngestFailure> {
        let (root, rest) = match path.strip_prefix("_ingest.") {
            Some(rest) => (&self.notes, rest),
            None => (&self.fields, path.strip_prefix("_source.").unwrap_or(path)),
        };
        let names: Vec<&str> = rest.trim_end_matches('.').split('.').collect();
        if names.iter().any(|name| name.is_empty()) {
            return Err(failure(if path.is_empty() {
                "path cannot be null nor empty".to_owned()
            } else {
                format!("path [{path}] is not valid")
            }));
        }
        let root = if METADATA.contains(&names[0]) { &self.metadata } else { root };
        Ok((root, names))
    }

    fn root_mut(&mut self, path: &str) -> &mut Map<String, Value> {
        if path.starts_with("_ingest.") { &mut self.notes } else { &mut self.fields }
    }
}

fn failure(message: String) -> IngestFailure {
    IngestFailure::argument(message)
}

fn not_present(name: &str, path: &str) -> IngestFailure {
    failure(format!("field [{name}] not present as part of path [{path}]"))
}

fn position(list: &[Value], name: &str, path: &str) -> Result<usize, IngestFailure> {
    let position: i64 = name.parse().map_err(|_| {
        failure(format!("[{name}] is not an integer, cannot be used as an index as part of path [{path}]"))
    })?;
    usize::try_from(position).ok().filter(|position| *position < list.len()).ok_or_else(|| {
        failure(format!(
            "[{position}] is out of bounds for array with length [{}] as part of path [{path}]",
            list.len()
        ))
    })
}

/// The Java class that the server keeps a value in.
pub(crate) fn java_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None if number.is_u64() => "java.math.BigInteger",
            None => "java.lang.Double",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
    }
}
