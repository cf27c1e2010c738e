//! From the JSON of a mapping to a [`Mapping`] and back, and the merging of two.
//!
//! Source: Elasticsearch 9.x, mapping parser, object and root object mappers, field mappers and their merging.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::kinds::{FieldParameter, NORMS, ParameterTakes};
use super::template::DynamicTemplate;
use super::{Bounds, FieldType, MappedField, MappedFields, Mapping};
use crate::es::index::analysis::Analysis;
use crate::es::index::date_format;
use crate::limits::VECTOR_DIMENSIONS_MAX;

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MappingRefusal {
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
    /// A further way to index a field says no type.
    NoWayType {
        /// The name of the way.
        field: String,
    },
    /// Something must be an object and is not.
    NoObject {
        /// The field; none for the mapping itself.
        field: Option<String>,
    },
    /// The fields of an object are no object.
    Properties,
    /// The mapping has a member that mappings do not have.
    UnknownMember {
        /// The member's name.
        name: String,
        /// What it says.
        value: Value,
    },
    /// A field of the server's own is told something that it does not know.
    UnknownMetadata {
        /// What it is told.
        name: String,
        /// The field.
        field: String,
    },
    /// An object or an alias has parameters that it does not have.
    UnknownObjectParameters {
        /// The field.
        field: String,
        /// The parameters and what they say.
        parameters: Map<String, Value>,
    },
    /// A field has a parameter that its type does not have.
    UnknownParameter {
        /// The parameter.
        name: String,
        /// The field.
        field: String,
        /// The field's type.
        kind: FieldType,
    },
    /// A parameter must say something and says null.
    NullParameter {
        /// The parameter.
        name: String,
        /// The field.
        field: String,
        /// The field's type.
        kind: FieldType,
    },
    /// Neither true nor false.
    NoBoolean {
        /// The value.
        value: Value,
        /// What it was to be, where that is told.
        of: Option<&'static str>,
    },
    /// No whole number.
    NoInteger {
        /// The value.
        value: Value,
    },
    /// A number below the least that it may be.
    NotPositive {
        /// The parameter.
        name: &'static str,
        /// The number.
        value: i64,
    },
    /// None of the names that a parameter takes.
    UnknownName {
        /// The parameter.
        name: &'static str,
        /// The name that was given.
        value: String,
        /// The names that it takes.
        accepted: &'static [&'static str],
    },
    /// There is no such analyzer.
    NoSuchAnalyzer {
        /// Its name.
        name: String,
    },
    /// There is no such normalizer.
    NoSuchNormalizer {
        /// Its name.
        name: String,
        /// The field.
        field: String,
    },
    /// There is no such similarity.
    NoSuchSimilarity {
        /// Its name.
        name: String,
        /// The field.
        field: String,
    },
    /// A format of dates that cannot be read.
    Format {
        /// The field.
        field: String,
        /// The format.
        format: String,
        /// What is wrong with it.
        offence: String,
    },
    /// What is said about a field for its users is no object of texts.
    Meta {
        /// The field.
        field: String,
        /// What is said.
        value: Value,
    },
    /// A parameter that must be there.
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A factor that is no positive number.
    NoFactor {
        /// The value.
        value: Value,
    },
    /// A field without a name.
    EmptyName,
    /// A field whose name has nothing but blanks.
    BlankName,
    /// A vector of fewer or more numbers than there may be.
    Dimensions {
        /// How many.
        given: i64,
        /// How many there may be.
        most: i64,
    },
    /// What stands for null is none of the field's numbers.
    NullValue {
        /// The value.
        value: Value,
        /// The field's type.
        kind: FieldType,
    },
    /// A field that has the name of one of the server's own.
    Twice {
        /// The field.
        field: String,
    },
    /// A further way to index a field that is an object or an alias.
    WayType {
        /// The type.
        kind: FieldType,
    },
    /// A further way to index a field with a dot in its name.
    WayName {
        /// The name of the way.
        name: String,
        /// The field.
        field: String,
    },
    /// A further way to index a field that is copied elsewhere.
    WayCopies {
        /// The way.
        field: String,
    },
    /// An alias that does not say what it stands for.
    NoPath {
        /// The alias.
        field: String,
    },
    /// An alias that stands for nothing.
    Path {
        /// The alias.
        field: String,
        /// What it is to stand for.
        path: String,
        /// What is wrong with that.
        offence: AliasPathRefusal,
    },
    /// A dynamic template that cannot be read.
    Template(super::template::TemplateRefusal),
    /// A field has one type already and is to get another.
    OtherType {
        /// The path of the field.
        field: String,
        /// The type that it has.
        from: FieldType,
        /// The type that it is to get.
        to: FieldType,
    },
    /// Parameters of a field are to change and cannot.
    Conflicts {
        /// The path of the field.
        field: String,
        /// Each parameter, what it is and what it is to be.
        parameters: Vec<(String, String, String)>,
    },
    /// An object is to be looked into, or no longer.
    EnabledChanged {
        /// The path of the object.
        field: String,
    },
    /// There would be more fields than an index may have.
    TooManyFields {
        /// How many would be added.
        added: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Objects would lie deeper in each other than they may.
    TooDeep {
        /// The path of the object that is too deep.
        field: String,
        /// How deep they may lie.
        limit: usize,
    },
    /// Elasticsearch understands it and this mock does not.
    Unsupported {
        /// What is not understood.
        what: &'static str,
    },
}

/// What is wrong with the target of an alias of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AliasPathRefusal {
    /// It is the alias itself.
    Itself,
    /// There is no such field.
    Missing,
    /// It is an alias too.
    Alias,
}

/// Members of a mapping beside its fields, in the order in which Elasticsearch lists them.
const MEMBERS: &[&str] = &[
    "dynamic",
    "enabled",
    "subobjects",
    "_meta",
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_ignored",
    "_routing",
    "_source",
    "dynamic_date_formats",
    "dynamic_templates",
    "date_detection",
    "numeric_detection",
];

/// What the server's own fields may be told.
const METADATA: &[(&str, &[&str])] = &[
    ("_data_stream_timestamp", &["enabled"]),
    ("_doc_count", &[]),
    ("_field_names", &["enabled"]),
    ("_ignored", &[]),
    ("_routing", &["required"]),
    ("_source", &["enabled", "excludes", "includes", "mode"]),
];

impl Mapping {
    /// Reads a mapping of an index that has no analysis of its own.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn parse(value: &Value) -> Result<Mapping, MappingRefusal> {
        Mapping::parse_for(value, Analysis::of(&Map::new()))
    }

    /// Reads a mapping.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn parse_for(value: &Value, analysis: Analysis<'_>) -> Result<Mapping, MappingRefusal> {
        let Value::Object(members) = value else {
            return Err(MappingRefusal::NoObject { field: None });
        };
        let mut mapping = Mapping { bounds: Bounds::of(analysis.settings()), ..Mapping::default() };
        let reader = Definitions { analysis, bounds: mapping.bounds };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("properties", Value::Object(properties)) => mapping.fields = reader.fields(properties, 1, "")?,
                ("properties", Value::Array(items)) if items.is_empty() => {}
                ("properties", _) => return Err(MappingRefusal::Properties),
                ("dynamic_templates", templates) => {
                    mapping.templates = reader.templates(templates)?;
                    mapping.members.insert(name.clone(), Value::Null);
                }
                ("runtime", Value::Object(fields)) if fields.is_empty() => {}
                ("runtime", _) => return Err(MappingRefusal::Unsupported { what: "runtime fields" }),
                (known, value) if MEMBERS.contains(&known) => {
                    if let Some(value) = member(known, value)? {
                        mapping.members.insert(name.clone(), value);
                    }
                }
                (_, value) => {
                    return Err(MappingRefusal::UnknownMember { name: name.clone(), value: value.clone() });
                }
            }
        }
        let count = mapping.len();
        if count > mapping.bounds.fields {
            return Err(MappingRefusal::TooManyFields { added: count, limit: mapping.bounds.fields });
        }
        mapping.look_through();
        Ok(mapping)
    }

    /// Adds what `other` says: new fields, and new members in place of old ones.
    ///
    /// # Errors
    /// A field that has another type, or a parameter that cannot change; then nothing has changed.
    pub(crate) fn merge(&mut self, other: &Mapping) -> Result<(), MappingRefusal> {
        self.merged_with(other, false)
    }

    /// Lays `other` over it, as one template over another: its fields take the place of those that are there.
    ///
    /// # Errors
    /// An object and a field of the same name; then nothing has changed.
    pub(crate) fn lay_over(&mut self, other: &Mapping) -> Result<(), MappingRefusal> {
        self.merged_with(other, true)
    }

    fn merged_with(&mut self, other: &Mapping, replaces: bool) -> Result<(), MappingRefusal> {
        let mut merged = self.fields.clone();
        merge_fields(&mut merged, &other.fields, "", replaces)?;
        let before = self.len();
        let old = std::mem::replace(&mut self.fields, merged);
        if self.len() > self.bounds.fields {
            let added = self.len() - before;
            self.fields = old;
            return Err(MappingRefusal::TooManyFields { added, limit: self.bounds.fields });
        }
        self.look_through();
        for (name, value) in &other.members {
            self.members.insert(name.clone(), value.clone());
        }
        if replaces {
            for template in other.templates.iter() {
                let mut all = self.templates.to_vec();
                match all.iter_mut().find(|known| known.name == template.name) {
                    Some(known) => *known = template.clone(),
                    None => all.push(template.clone()),
                }
                self.templates = all.into();
            }
        } else if other.members.contains_key("dynamic_templates") {
            self.templates = other.templates.clone();
        }
        Ok(())
    }

    /// Looks whether the aliases among its fields stand for something, and no field has the name of one of the
    /// server's own.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(crate) fn check(&self) -> Result<(), MappingRefusal> {
        if let Some(name) = self.fields.keys().find(|name| super::fit::is_metadata(name)) {
            return Err(MappingRefusal::Twice { field: name.to_string() });
        }
        self.check_aliases(&self.fields, "")
    }

    fn check_aliases(&self, fields: &MappedFields, path: &str) -> Result<(), MappingRefusal> {
        for (name, field) in fields {
            let name = joined(path, name);
            if field.kind.is_object() {
                self.check_aliases(&field.fields, &name)?;
            }
            if field.kind != FieldType::Other("alias") {
                continue;
            }
            let path = field.options.get("path").and_then(Value::as_str).unwrap_or_default();
            let offence = match self.field(path) {
                _ if path == name => AliasPathRefusal::Itself,
                Some(target) if target.kind == FieldType::Other("alias") => AliasPathRefusal::Alias,
                Some(target) if !target.kind.is_object() => continue,
                _ => AliasPathRefusal::Missing,
            };
            return Err(MappingRefusal::Path { field: name, path: path.to_owned(), offence });
        }
        Ok(())
    }

    /// The mapping as Elasticsearch shows it; fields in the order of their names.
    pub(crate) fn to_value(&self) -> Value {
        let mut shown = Map::new();
        for name in MEMBERS {
            match self.members.get(*name) {
                Some(_) if *name == "dynamic_templates" => {
                    shown.insert((*name).to_owned(), self.templates.iter().map(DynamicTemplate::to_value).collect());
                }
                Some(value) => drop(shown.insert((*name).to_owned(), value.clone())),
                None => {}
            }
        }
        if !self.fields.is_empty() {
            shown.insert("properties".to_owned(), shown_fields(&self.fields));
        }
        Value::Object(shown)
    }
}

/// Names with dots that stand for themselves.
const FLAT: MappingRefusal = MappingRefusal::Unsupported { what: "objects without `subobjects`" };

/// What a member of a mapping says, as it is kept; none if it says nothing that is shown.
fn member(name: &str, value: &Value) -> Result<Option<Value>, MappingRefusal> {
    Ok(Some(match name {
        "dynamic" => dynamic(value)?,
        "enabled" => match boolean(value, Some("enabled.enabled"))? {
            true => return Ok(None),
            false => return Err(MappingRefusal::Unsupported { what: "mappings that are switched off" }),
        },
        "date_detection" | "numeric_detection" => Value::from(boolean(value, Some(named(name)))?),
        "_meta" if !value.is_object() => return Err(MappingRefusal::NoObject { field: Some("_meta".to_owned()) }),
        "subobjects" => {
            boolean(value, Some("subobjects.subobjects"))?;
            return if value == &json!(true) || value == "true" { Ok(None) } else { Err(FLAT) };
        }
        "dynamic_date_formats" => match value {
            Value::Array(formats) => {
                for format in formats {
                    let text = format.as_str().unwrap_or_default();
                    date_format::check(text).map_err(|offence| MappingRefusal::Format {
                        field: String::new(),
                        format: text.to_owned(),
                        offence,
                    })?;
                }
                if !formats.is_empty()
                    && *value != json!(["strict_date_optional_time", "yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z"])
                {
                    return Err(MappingRefusal::Unsupported {
                        what: "formats of dates that are detected, other than the usual ones",
                    });
                }
                value.clone()
            }
            other => json!([other]),
        },
        _ => match METADATA.iter().find(|(known, _)| *known == name) {
            None => value.clone(),
            Some((_, known)) => {
                let says =
                    value.as_object().ok_or_else(|| MappingRefusal::NoObject { field: Some(name.to_owned()) })?;
                if let Some(unknown) = says.keys().find(|member| !known.contains(&member.as_str())) {
                    return Err(MappingRefusal::UnknownMetadata { name: unknown.clone(), field: name.to_owned() });
                }
                for (member, said) in says {
                    match (name, member.as_str(), said) {
                        ("_source", "enabled", _) if !boolean(said, None)? => {
                            return Err(MappingRefusal::Unsupported { what: "mappings without `_source`" });
                        }
                        ("_source", "mode", Value::String(mode)) if mode.eq_ignore_ascii_case("stored") => {}
                        ("_source", "mode", _) => {
                            return Err(MappingRefusal::Unsupported { what: "a `_source` that is not stored" });
                        }
                        ("_source", "includes" | "excludes", said)
                            if said.as_array().is_none_or(|it| !it.is_empty()) =>
                        {
                            return Err(MappingRefusal::Unsupported { what: "a `_source` that is stored in part" });
                        }
                        ("_data_stream_timestamp", _, said) if boolean(said, None)? => {
                            return Err(MappingRefusal::Unsupported { what: "mappings of data streams" });
                        }
                        ("_routing" | "_field_names", _, said) => {
                            boolean(said, None)?;
                        }
                        _ => {}
                    }
                }
                value.clone()
            }
        },
    }))
}

/// The two detections by the name that their refusal has.
fn named(name: &str) -> &'static str {
    if name == "date_detection" { "date_detection" } else { "numeric_detection" }
}

/// `dynamic` is shown as a text however it was written.
fn dynamic(value: &Value) -> Result<Value, MappingRefusal> {
    match value {
        Value::String(text) if text.eq_ignore_ascii_case("strict") => Ok(json!("strict")),
        Value::String(text) if text.eq_ignore_ascii_case("runtime") => Ok(json!("runtime")),
        other => boolean(other, Some("dynamic.dynamic")).map(|switch| json!(switch.to_string())),
    }
}

fn boolean(value: &Value, of: Option<&'static str>) -> Result<bool, MappingRefusal> {
    match value {
        Value::Bool(switch) => Ok(*switch),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        other => Err(MappingRefusal::NoBoolean { value: other.clone(), of }),
    }
}

/// The field that a template has made of a new one. Its analysis was looked at when the template came.
pub(super) fn learnt(definition: &Value, path: &str, bounds: Bounds) -> Result<MappedField, MappingRefusal> {
    let trusting = Definitions { analysis: Analysis::of_anything(), bounds };
    trusting.field(definition, 1, path, false)
}

/// Reads the definitions of fields.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'s> {
    analysis: Analysis<'s>,
    bounds: Bounds,
}

impl Definitions<'_> {
    /// Reads dynamic templates.
    fn templates(self, templates: &Value) -> Result<Arc<[DynamicTemplate]>, MappingRefusal> {
        let read = |definition: &Value| self.field(definition, 1, "__dynamic__", false);
        DynamicTemplate::parse_all(templates, read)
    }

    fn fields(self, properties: &Map<String, Value>, depth: usize, path: &str) -> Result<MappedFields, MappingRefusal> {
        let mut fields = MappedFields::new();
        for (name, definition) in properties {
            // A dotted name stands for an object and a field in it.
            let (first, rest) = name.split_once('.').map_or((name.as_str(), None), |(first, rest)| (first, Some(rest)));
            if first.is_empty() {
                return Err(MappingRefusal::EmptyName);
            }
            if first.trim().is_empty() {
                return Err(MappingRefusal::BlankName);
            }
            let path = joined(path, first);
            if depth > self.bounds.depth {
                return Err(MappingRefusal::TooDeep { field: path, limit: self.bounds.depth });
            }
            let field = match rest {
                None if definition.as_array().is_some_and(Vec::is_empty) => continue,
                None => self.field(definition, depth, &path, false)?,
                Some(rest) => {
                    let inner = Map::from_iter([(rest.to_owned(), definition.clone())]);
                    MappedField {
                        fields: self.fields(&inner, depth + 1, &path)?,
                        ..MappedField::new(FieldType::Object)
                    }
                }
            };
            match fields.get_mut(first) {
                Some(known) => merge_field(known, &field, &path, false)?,
                None => {
                    fields.insert(Arc::from(first), field);
                }
            }
        }
        Ok(fields)
    }

    /// Further ways to index a field.
    fn ways(self, ways: &Map<String, Value>, depth: usize, path: &str) -> Result<MappedFields, MappingRefusal> {
        let mut fields = MappedFields::new();
        for (name, definition) in ways {
            let way = joined(path, name);
            if name.contains('.') {
                return Err(MappingRefusal::WayName { name: name.clone(), field: last(path).to_owned() });
            }
            if definition.as_object().is_some_and(|members| members.get("type").is_none_or(Value::is_null)) {
                return Err(MappingRefusal::NoWayType { field: name.clone() });
            }
            let field = self.field(definition, depth, &way, true)?;
            if field.kind.is_object() || field.kind == FieldType::Other("alias") {
                return Err(MappingRefusal::WayType { kind: field.kind });
            }
            fields.insert(Arc::from(name.as_str()), field);
        }
        Ok(fields)
    }

    /// Reads one field.
    pub(super) fn field(
        self,
        definition: &Value,
        depth: usize,
        path: &str,
        is_way: bool,
    ) -> Result<MappedField, MappingRefusal> {
        let Value::Object(members) = definition else {
            return Err(MappingRefusal::NoObject { field: Some(path.to_owned()) });
        };
        let named = |name: &str| {
            FieldType::named(name)
                .ok_or_else(|| MappingRefusal::NoSuchType { kind: name.to_owned(), field: path.to_owned() })
        };
        let kind = match members.get("type") {
            Some(Value::String(name)) => named(name)?,
            Some(other) if !other.is_null() => named(&other.to_string())?,
            _ if members.get("properties").is_some_and(|fields| !fields.is_null()) => FieldType::Object,
            _ if members.len() == 1 && members.get("enabled").is_some_and(|switch| !switch.is_null()) => {
                FieldType::Object
            }
            _ => return Err(MappingRefusal::NoType { field: path.to_owned() }),
        };
        let mut made = MappedField::new(kind);
        let mut given: Map<String, Value> = Map::new();
        let mut unknown: Map<String, Value> = Map::new();
        let strict = !kind.is_object() && kind != FieldType::Other("alias");
        for (name, value) in members {
            match (name.as_str(), value) {
                ("type", _) => {}
                ("properties", Value::Object(properties)) if kind.is_object() => {
                    made.fields = self.fields(properties, depth + 1, path)?;
                }
                ("properties", Value::Array(items)) if kind.is_object() && items.is_empty() => {}
                ("properties", _) if kind.is_object() => return Err(MappingRefusal::Properties),
                ("fields", Value::Object(ways)) if strict => made.fields = self.ways(ways, depth + 1, path)?,
                ("fields", Value::Array(items)) if strict && items.is_empty() => {}
                ("fields", _) if strict => return Err(MappingRefusal::NoObject { field: Some(path.to_owned()) }),
                ("copy_to", _) if strict && is_way => {
                    return Err(MappingRefusal::WayCopies { field: last(path).to_owned() });
                }
                ("copy_to", targets) if strict => {
                    let targets = if targets.is_array() { targets.clone() } else { json!([targets]) };
                    given.insert(name.clone(), targets);
                }
                (name, value) => match kind.parameters().iter().find(|parameter| parameter.name == name) {
                    Some(parameter) => {
                        let value = self.value(parameter, value, path, kind)?;
                        given.insert(name.to_owned(), value);
                    }
                    None if strict => {
                        let (name, field) = (name.to_owned(), last(path).to_owned());
                        return Err(MappingRefusal::UnknownParameter { name, field, kind });
                    }
                    None => drop(unknown.insert(name.to_owned(), value.clone())),
                },
            }
        }
        if kind == FieldType::Other("alias") && !given.contains_key("path") {
            return Err(MappingRefusal::NoPath { field: last(path).to_owned() });
        }
        if !unknown.is_empty() {
            return Err(MappingRefusal::UnknownObjectParameters { field: last(path).to_owned(), parameters: unknown });
        }
        if kind == FieldType::Other("scaled_float") {
            match given.get("scaling_factor") {
                None => return Err(MappingRefusal::Missing { name: "scaling_factor" }),
                Some(factor) if !factor.as_f64().is_some_and(|factor| factor > 0.0) => {
                    return Err(MappingRefusal::NoFactor { value: factor.clone() });
                }
                Some(_) => {}
            }
        }
        let searches_otherwise =
            ["search_analyzer", "search_quote_analyzer"].iter().any(|name| given.contains_key(*name));
        for parameter in kind.parameters() {
            let is_index_analyzer = searches_otherwise && parameter.name == "analyzer";
            match given.shift_remove(parameter.name) {
                Some(value) if parameter.shows(&value) || is_index_analyzer => {
                    made.options.insert(parameter.name.to_owned(), value);
                }
                None if is_index_analyzer => {
                    made.options.insert(parameter.name.to_owned(), parameter.default());
                }
                _ => {}
            }
        }
        made.options.extend(given);
        Ok(made)
    }

    /// The value of a parameter as it is kept.
    fn value(
        self,
        parameter: &FieldParameter,
        value: &Value,
        path: &str,
        kind: FieldType,
    ) -> Result<Value, MappingRefusal> {
        let field = || last(path).to_owned();
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if value.is_null()
            && !matches!(parameter.takes, ParameterTakes::Any | ParameterTakes::Similarity | ParameterTakes::Script)
        {
            return Err(MappingRefusal::NullParameter { name: parameter.name.to_owned(), field: field(), kind });
        }
        match parameter.takes {
            _ if parameter.name == "dynamic" => dynamic(value),
            _ if parameter.name == "subobjects" => match boolean(value, Some("subobjects.subobjects"))? {
                true => Ok(Value::Null),
                false => Err(FLAT),
            },
            ParameterTakes::Boolean(_) | ParameterTakes::Switch(_) => {
                let of = (parameter.name == "enabled").then_some("enabled.enabled");
                boolean(value, of).map(Value::from)
            }
            ParameterTakes::Integer(_, least) => {
                let number = integer(value)?;
                match least {
                    Some(least) if number < least => {
                        Err(MappingRefusal::NotPositive { name: parameter.name, value: number })
                    }
                    _ => Ok(json!(number)),
                }
            }
            ParameterTakes::MaybeInteger => match integer(value)? {
                given if parameter.name == "dims" && !(1..=VECTOR_DIMENSIONS_MAX).contains(&given) => {
                    Err(MappingRefusal::Dimensions { given, most: VECTOR_DIMENSIONS_MAX })
                }
                number => Ok(Value::from(number)),
            },
            ParameterTakes::Number => match value {
                Value::Number(_) => Ok(value.clone()),
                other => match text().parse::<f64>() {
                    Ok(number) => Ok(json!(number)),
                    Err(_) => Err(MappingRefusal::NoInteger { value: other.clone() }),
                },
            },
            ParameterTakes::Name(accepted) | ParameterTakes::MaybeName(accepted) => match text() {
                name if accepted.contains(&name.as_str()) => Ok(Value::from(name)),
                value => Err(MappingRefusal::UnknownName { name: parameter.name, value, accepted }),
            },
            ParameterTakes::Analyzer => match text() {
                name if self.analysis.has_analyzer(&name) => Ok(Value::from(name)),
                name => Err(MappingRefusal::NoSuchAnalyzer { name }),
            },
            ParameterTakes::Normalizer => match text() {
                name if name == "default" || self.analysis.has_normalizer(&name) => Ok(Value::from(name)),
                name => Err(MappingRefusal::NoSuchNormalizer { name, field: field() }),
            },
            ParameterTakes::Similarity if value.is_null() => Ok(Value::Null),
            ParameterTakes::Similarity => match text() {
                name if self.analysis.has_similarity(&name) => Ok(Value::from(name)),
                name => Err(MappingRefusal::NoSuchSimilarity { name, field: field() }),
            },
            ParameterTakes::Format => match date_format::check(&text()) {
                Ok(()) => Ok(Value::from(text())),
                Err(offence) => Err(MappingRefusal::Format { field: field(), format: text(), offence }),
            },
            ParameterTakes::Meta => match value {
                Value::Object(says) if says.len() <= 5 && says.values().all(Value::is_string) => Ok(value.clone()),
                _ => Err(MappingRefusal::Meta { field: field(), value: value.clone() }),
            },
            ParameterTakes::Script if value.is_null() => Ok(Value::Null),
            ParameterTakes::Script => Err(MappingRefusal::Unsupported { what: "fields that a script computes" }),
            ParameterTakes::Text => Ok(Value::from(text())),
            ParameterTakes::Any if parameter.name == "null_value" => null_value(value, &text(), kind),
            ParameterTakes::Any | ParameterTakes::Inner => Ok(value.clone()),
        }
    }
}

/// What stands for null in a field, which must be a value of it.
fn null_value(value: &Value, text: &str, kind: FieldType) -> Result<Value, MappingRefusal> {
    let is_number = match kind {
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => text.parse::<f64>().is_ok(),
        FieldType::Double | FieldType::Float => text.parse::<f64>().is_ok(),
        FieldType::Boolean => {
            return if value.is_null() { Ok(Value::Null) } else { boolean(value, None).map(Value::from) };
        }
        _ => true,
    };
    match is_number || value.is_null() {
        true => Ok(value.clone()),
        false => Err(MappingRefusal::NullValue { value: value.clone(), kind }),
    }
}

fn integer(value: &Value) -> Result<i64, MappingRefusal> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| MappingRefusal::NoInteger { value: value.clone() })
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn merge_fields(old: &mut MappedFields, new: &MappedFields, path: &str, replaces: bool) -> Result<(), MappingRefusal> {
    for (name, field) in new {
        match old.get_mut(name) {
            Some(known) => merge_field(known, field, &joined(path, name), replaces)?,
            None => {
                old.insert(name.clone(), field.clone());
            }
        }
    }
    Ok(())
}

fn merge_field(old: &mut MappedField, new: &MappedField, path: &str, replaces: bool) -> Result<(), MappingRefusal> {
    if replaces && !old.kind.is_object() && !new.kind.is_object() {
        *old = new.clone();
        return Ok(());
    }
    if old.kind != new.kind {
        return Err(MappingRefusal::OtherType { field: path.to_owned(), from: old.kind, to: new.kind });
    }
    if old.kind.is_object() {
        let is_enabled = |field: &MappedField| field.options.get("enabled") != Some(&Value::Bool(false));
        if new.options.contains_key("enabled") && is_enabled(old) != is_enabled(new) && !replaces {
            return Err(MappingRefusal::EnabledChanged { field: path.to_owned() });
        }
        merge_fields(&mut old.fields, &new.fields, path, replaces)?;
        for (name, value) in &new.options {
            old.options.insert(name.clone(), value.clone());
        }
        return Ok(());
    }
    // What a definition leaves out is what it would be anyway, and takes the place of what was said before.
    let conflicts: Vec<(String, String, String)> =
        old.kind.parameters().iter().filter_map(|parameter| conflict(parameter, old, new)).collect();
    if !conflicts.is_empty() {
        return Err(MappingRefusal::Conflicts { field: path.to_owned(), parameters: conflicts });
    }
    merge_fields(&mut old.fields, &new.fields, path, replaces)?;
    old.options.clone_from(&new.options);
    Ok(())
}

/// What stands in the way of a parameter's new value.
fn conflict(parameter: &FieldParameter, old: &MappedField, new: &MappedField) -> Option<(String, String, String)> {
    let of = |field: &MappedField| field.options.get(parameter.name).cloned().unwrap_or_else(|| parameter.default());
    let (from, to) = (of(old), of(new));
    let may_change = parameter.changes || (parameter.name == NORMS && from == true);
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    (from != to && !may_change).then(|| (parameter.name.to_owned(), text(from), text(to)))
}

fn shown_fields(fields: &MappedFields) -> Value {
    Value::Object(fields.iter().map(|(name, field)| (name.to_string(), shown_field(field))).collect())
}

impl MappedField {
    /// The field as Elasticsearch shows it.
    pub(crate) fn to_value(&self) -> Value {
        shown_field(self)
    }
}

fn shown_field(field: &MappedField) -> Value {
    let mut shown = Map::new();
    // An object that has fields need not say that it is one.
    if field.kind != FieldType::Object || field.fields.is_empty() {
        shown.insert("type".to_owned(), json!(field.kind.name()));
    }
    for (name, value) in field.options.iter().filter(|(name, _)| *name != "copy_to") {
        shown.insert(name.clone(), value.clone());
    }
    if !field.fields.is_empty() {
        let name = if field.kind.is_object() { "properties" } else { "fields" };
        shown.insert(name.to_owned(), shown_fields(&field.fields));
    }
    if let Some(targets) = field.options.get("copy_to") {
        shown.insert("copy_to".to_owned(), targets.clone());
    }
    Value::Object(shown)
}
