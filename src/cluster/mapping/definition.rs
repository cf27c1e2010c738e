//! From the JSON of a mapping to a [`Mapping`] and back, and the merging of two.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Field, FieldType, Fields, Mapping};
use crate::limits::{MAPPED_FIELDS_MAX, MAPPING_DEPTH_MAX};

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Malformed {
    /// There is no such type.
    NoSuchType {
        /// The type.
        kind: String,
        /// The field that asks for it.
        field: String,
    },
    /// A field says neither its type nor its fields.
    NoType {
        /// The field.
        field: String,
    },
    /// Something must be an object and is not.
    NoObject {
        /// The field; none for the mapping itself.
        field: Option<String>,
    },
    /// The mapping has a member that mappings do not have.
    UnknownMember {
        /// The member's name.
        name: String,
        /// What it says.
        value: Value,
    },
    /// A field has one type already and is to get another.
    OtherType {
        /// The path of the field.
        field: String,
        /// The type that it has.
        from: FieldType,
        /// The type that it is to get.
        to: FieldType,
    },
    /// There would be more fields than an index may have.
    TooManyFields {
        /// How many would be added.
        added: usize,
    },
    /// Objects would lie deeper in each other than they may.
    TooDeep {
        /// The path of the object that is too deep.
        field: String,
    },
    /// Elasticsearch understands it and this mock does not.
    Unsupported {
        /// What is not understood.
        what: &'static str,
    },
}

/// Members of a mapping beside its fields, in the order in which Elasticsearch lists them.
const MEMBERS: &[&str] = &[
    "dynamic",
    "dynamic_date_formats",
    "date_detection",
    "numeric_detection",
    "subobjects",
    "_meta",
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_ignored",
    "_routing",
    "_size",
    "_source",
];

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(value: &Value) -> Result<Mapping, Malformed> {
        let Value::Object(members) = value else {
            return Err(Malformed::NoObject { field: None });
        };
        let mut mapping = Mapping::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("properties", Value::Object(properties)) => mapping.fields = fields(properties, 1, "")?,
                ("properties", _) => return Err(Malformed::NoObject { field: None }),
                ("dynamic_templates", Value::Array(templates)) if templates.is_empty() => {}
                ("runtime", Value::Object(fields)) if fields.is_empty() => {}
                ("dynamic_templates", _) => return Err(Malformed::Unsupported { what: "dynamic templates" }),
                ("runtime", _) => return Err(Malformed::Unsupported { what: "runtime fields" }),
                ("_source", source) if source.get("enabled") == Some(&Value::Bool(false)) => {
                    return Err(Malformed::Unsupported { what: "mappings without `_source`" });
                }
                (known, value) if MEMBERS.contains(&known) => {
                    mapping.members.insert(name.clone(), spelled(known, value));
                }
                (_, value) => {
                    return Err(Malformed::UnknownMember { name: name.clone(), value: value.clone() });
                }
            }
        }
        let count = mapping.len();
        if count > MAPPED_FIELDS_MAX {
            return Err(Malformed::TooManyFields { added: count });
        }
        Ok(mapping)
    }

    /// Adds what `other` says: new fields, and new members in place of old ones.
    ///
    /// # Errors
    /// A field that has another type; then nothing has changed.
    pub fn merge(&mut self, other: &Mapping) -> Result<(), Malformed> {
        let mut merged = self.fields.clone();
        merge_fields(&mut merged, &other.fields, "")?;
        let before = self.len();
        let old = std::mem::replace(&mut self.fields, merged);
        if self.len() > MAPPED_FIELDS_MAX {
            let added = self.len() - before;
            self.fields = old;
            return Err(Malformed::TooManyFields { added });
        }
        for (name, value) in &other.members {
            self.members.insert(name.clone(), value.clone());
        }
        Ok(())
    }

    /// The mapping as Elasticsearch shows it; fields in the order of their names.
    pub fn to_value(&self) -> Value {
        let mut shown = Map::new();
        for name in MEMBERS {
            if let Some(value) = self.members.get(*name) {
                shown.insert((*name).to_owned(), value.clone());
            }
        }
        if !self.fields.is_empty() {
            shown.insert("properties".to_owned(), shown_fields(&self.fields));
        }
        Value::Object(shown)
    }
}

/// `dynamic` is shown as a text however it was written.
fn spelled(name: &str, value: &Value) -> Value {
    match value {
        Value::Bool(switch) if name == "dynamic" => Value::from(switch.to_string()),
        other => other.clone(),
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn fields(properties: &Map<String, Value>, depth: usize, path: &str) -> Result<Fields, Malformed> {
    let mut fields = Fields::new();
    for (name, definition) in properties {
        // A dotted name stands for an object and a field in it.
        let (first, rest) = name.split_once('.').map_or((name.as_str(), None), |(first, rest)| (first, Some(rest)));
        let path = joined(path, first);
        if depth > MAPPING_DEPTH_MAX {
            return Err(Malformed::TooDeep { field: path });
        }
        let field = match rest {
            None => field(definition, depth, &path)?,
            Some(rest) => {
                let inner = Map::from_iter([(rest.to_owned(), definition.clone())]);
                Field { fields: self::fields(&inner, depth + 1, &path)?, ..Field::new(FieldType::Object) }
            }
        };
        match fields.get_mut(first) {
            Some(known) => merge_field(known, &field, &path)?,
            None => {
                fields.insert(Arc::from(first), field);
            }
        }
    }
    Ok(fields)
}

fn field(definition: &Value, depth: usize, path: &str) -> Result<Field, Malformed> {
    let Value::Object(members) = definition else {
        return Err(Malformed::NoObject { field: Some(path.to_owned()) });
    };
    let kind = match members.get("type") {
        Some(Value::String(name)) => FieldType::named(name)
            .ok_or_else(|| Malformed::NoSuchType { kind: name.clone(), field: path.to_owned() })?,
        Some(other) => {
            return Err(Malformed::NoSuchType { kind: other.to_string(), field: path.to_owned() });
        }
        None if members.contains_key("properties")
            || members.contains_key("dynamic")
            || members.contains_key("enabled") =>
        {
            FieldType::Object
        }
        None if members.is_empty() => FieldType::Object,
        None => return Err(Malformed::NoType { field: path.to_owned() }),
    };
    let mut made = Field::new(kind);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("type", _) => {}
            ("properties", Value::Object(properties)) if kind.is_object() => {
                made.fields = fields(properties, depth + 1, path)?;
            }
            ("fields", Value::Object(ways)) if !kind.is_object() => made.fields = fields(ways, depth + 1, path)?,
            ("properties" | "fields", _) => return Err(Malformed::NoObject { field: Some(path.to_owned()) }),
            (name, value) => {
                made.options.insert(name.to_owned(), spelled(name, value));
            }
        }
    }
    Ok(made)
}

fn merge_fields(old: &mut Fields, new: &Fields, path: &str) -> Result<(), Malformed> {
    for (name, field) in new {
        match old.get_mut(name) {
            Some(known) => merge_field(known, field, &joined(path, name))?,
            None => {
                old.insert(name.clone(), field.clone());
            }
        }
    }
    Ok(())
}

fn merge_field(old: &mut Field, new: &Field, path: &str) -> Result<(), Malformed> {
    if old.kind != new.kind {
        return Err(Malformed::OtherType { field: path.to_owned(), from: old.kind, to: new.kind });
    }
    merge_fields(&mut old.fields, &new.fields, path)?;
    for (name, value) in &new.options {
        old.options.insert(name.clone(), value.clone());
    }
    Ok(())
}

fn shown_fields(fields: &Fields) -> Value {
    Value::Object(fields.iter().map(|(name, field)| (name.to_string(), shown_field(field))).collect())
}

fn shown_field(field: &Field) -> Value {
    let mut shown = Map::new();
    // An object that has fields need not say that it is one.
    if field.kind != FieldType::Object || field.fields.is_empty() {
        shown.insert("type".to_owned(), json!(field.kind.name()));
    }
    for (name, value) in &field.options {
        shown.insert(name.clone(), value.clone());
    }
    if !field.fields.is_empty() {
        let name = if field.kind.is_object() { "properties" } else { "fields" };
        shown.insert(name.to_owned(), shown_fields(&field.fields));
    }
    Value::Object(shown)
}
