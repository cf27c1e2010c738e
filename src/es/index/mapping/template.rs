//! [`DynamicTemplate`]: what becomes of a field that the mapping does not know.
//!
//! Source: Elasticsearch 9.x, dynamic templates and their validation in the root object mapper.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::definition::MappingRefusal;
use super::{FieldType, MappedField};
use crate::wildcard::is_like;

/// What a value looks like in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueLooks {
    /// An object.
    Object,
    /// A text.
    String,
    /// A whole number.
    Long,
    /// A number with a fraction.
    Double,
    /// True or false.
    Boolean,
    /// A text that is a date.
    Date,
    /// Bytes, which JSON has not.
    Binary,
}

impl ValueLooks {
    const ALL: [ValueLooks; 7] = [
        ValueLooks::Object,
        ValueLooks::String,
        ValueLooks::Long,
        ValueLooks::Double,
        ValueLooks::Boolean,
        ValueLooks::Date,
        ValueLooks::Binary,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ValueLooks::Object => "object",
            ValueLooks::String => "string",
            ValueLooks::Long => "long",
            ValueLooks::Double => "double",
            ValueLooks::Boolean => "boolean",
            ValueLooks::Date => "date",
            ValueLooks::Binary => "binary",
        }
    }

    /// The type that such a value gets if nobody says.
    fn usual_type(self) -> &'static str {
        match self {
            ValueLooks::String => "text",
            ValueLooks::Double => "float",
            other => other.name(),
        }
    }
}

/// What is wrong with a dynamic template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TemplateRefusal {
    /// The templates are no list.
    NoList,
    /// One of them is not an object with one name.
    NoName,
    /// It says something that templates do not say.
    UnknownMember {
        /// What it says.
        name: String,
    },
    /// It does not say what becomes of the field.
    NoMapping {
        /// The template.
        name: String,
    },
    /// A pattern is neither a text nor a list of texts.
    NoPattern {
        /// The member.
        member: String,
        /// What it says.
        value: Value,
    },
    /// Values do not look like that.
    UnknownLooks {
        /// What they are to look like.
        name: String,
    },
    /// Names are not matched like that.
    UnknownMatching {
        /// How they are to be matched.
        name: String,
    },
    /// What it says of the field is nothing that a field can be.
    Invalid {
        /// The template.
        name: String,
        /// It, as it is shown.
        content: String,
        /// What values look like for which it was tried.
        looks: Vec<&'static str>,
        /// What is wrong.
        cause: Box<MappingRefusal>,
    },
}

/// A rule for fields that the mapping does not know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DynamicTemplate {
    /// Its name.
    pub name: String,
    matches: Vec<String>,
    path_match: Vec<String>,
    unmatch: Vec<String>,
    path_unmatch: Vec<String>,
    match_type: Vec<String>,
    unmatch_type: Vec<String>,
    is_regex: bool,
    looks: Vec<ValueLooks>,
    mapping: Map<String, Value>,
}

impl DynamicTemplate {
    /// Reads a list of templates; `read` reads the definition of a field.
    ///
    /// # Errors
    /// The first thing that is wrong with one of them.
    pub(crate) fn parse_all(
        templates: &Value,
        read: impl Fn(&Value) -> Result<MappedField, MappingRefusal>,
    ) -> Result<Arc<[DynamicTemplate]>, MappingRefusal> {
        let Value::Array(templates) = templates else {
            return Err(MappingRefusal::Template(TemplateRefusal::NoList));
        };
        let mut all = Vec::new();
        for template in templates {
            let mut named = template.as_object().into_iter().flatten();
            let (Some((name, says)), None) = (named.next(), named.next()) else {
                return Err(MappingRefusal::Template(TemplateRefusal::NoName));
            };
            let template = DynamicTemplate::parse(name, says)?;
            template.check(&read)?;
            all.push(template);
        }
        Ok(all.into())
    }

    fn parse(name: &str, says: &Value) -> Result<DynamicTemplate, MappingRefusal> {
        let bad = MappingRefusal::Template;
        let mut template = DynamicTemplate {
            name: name.to_owned(),
            matches: Vec::new(),
            path_match: Vec::new(),
            unmatch: Vec::new(),
            path_unmatch: Vec::new(),
            match_type: Vec::new(),
            unmatch_type: Vec::new(),
            is_regex: false,
            looks: Vec::new(),
            mapping: Map::new(),
        };
        let mut mapping = None;
        for (member, value) in says.as_object().into_iter().flatten() {
            let list = match member.as_str() {
                "match" => &mut template.matches,
                "path_match" => &mut template.path_match,
                "unmatch" => &mut template.unmatch,
                "path_unmatch" => &mut template.path_unmatch,
                "match_mapping_type" => &mut template.match_type,
                "unmatch_mapping_type" => &mut template.unmatch_type,
                "match_pattern" => {
                    template.is_regex = match value.as_str() {
                        Some("simple") => false,
                        Some("regex") => {
                            return Err(MappingRefusal::Unsupported { what: "dynamic templates with `regex`" });
                        }
                        _ => return Err(bad(TemplateRefusal::UnknownMatching { name: text(value) })),
                    };
                    continue;
                }
                "mapping" => {
                    mapping = Some(value.as_object().cloned().unwrap_or_default());
                    continue;
                }
                "runtime" => return Err(MappingRefusal::Unsupported { what: "dynamic templates of runtime fields" }),
                unknown => return Err(bad(TemplateRefusal::UnknownMember { name: unknown.to_owned() })),
            };
            *list = patterns(member, value)?;
        }
        template.mapping = mapping.ok_or_else(|| bad(TemplateRefusal::NoMapping { name: name.to_owned() }))?;
        let looks = |name: &String| {
            let known = ValueLooks::ALL.into_iter().find(|known| known.name() == name);
            known.ok_or_else(|| bad(TemplateRefusal::UnknownLooks { name: name.clone() }))
        };
        let is_any = template.match_type.as_slice() == ["*"]
            || (template.match_type.is_empty()
                && !(template.matches.is_empty()
                    && template.path_match.is_empty()
                    && template.unmatch_type.is_empty()));
        let not: Vec<ValueLooks> = template.unmatch_type.iter().map(looks).collect::<Result<_, _>>()?;
        template.looks = match is_any {
            true => ValueLooks::ALL.to_vec(),
            false => template.match_type.iter().map(looks).collect::<Result<_, _>>()?,
        };
        template.looks.retain(|looks| !not.contains(looks));
        Ok(template)
    }

    /// Looks whether it makes a field for at least one kind of value.
    fn check(&self, read: impl Fn(&Value) -> Result<MappedField, MappingRefusal>) -> Result<(), MappingRefusal> {
        if Value::Object(self.mapping.clone()).to_string().contains("{name}") {
            return Ok(());
        }
        let mut wrong = None;
        for looks in &self.looks {
            match read(&self.definition("__dynamic__", *looks)) {
                Ok(_) => return Ok(()),
                Err(MappingRefusal::Unsupported { what }) => return Err(MappingRefusal::Unsupported { what }),
                Err(malformed) => wrong = Some(malformed),
            }
        }
        let Some(cause) = wrong else { return Ok(()) };
        let content = self.to_value()[&self.name].to_string();
        let looks = self.looks.iter().map(|looks| looks.name()).collect();
        let invalid = TemplateRefusal::Invalid { name: self.name.clone(), content, looks, cause: Box::new(cause) };
        Err(MappingRefusal::Template(invalid))
    }

    /// Whether it speaks of that field.
    pub(crate) fn is_for(&self, path: &str, name: &str, looks: ValueLooks) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| is_like(pattern, text));
        (self.path_match.is_empty() || any(&self.path_match, path))
            && (self.matches.is_empty() || any(&self.matches, name))
            && !any(&self.path_unmatch, path)
            && !any(&self.unmatch, name)
            && self.looks.contains(&looks)
    }

    /// The definition that it gives a field.
    pub(crate) fn definition(&self, name: &str, looks: ValueLooks) -> Value {
        let usual = looks.usual_type();
        let mut definition = filled(&Value::Object(self.mapping.clone()), name, usual);
        if let Value::Object(members) = &mut definition {
            members.entry("type").or_insert_with(|| json!(usual));
        }
        definition
    }

    /// It, as Elasticsearch shows it: under its name.
    pub(crate) fn to_value(&self) -> Value {
        let mut says = Map::new();
        for (member, patterns) in [
            ("match", &self.matches),
            ("path_match", &self.path_match),
            ("unmatch", &self.unmatch),
            ("path_unmatch", &self.path_unmatch),
            ("match_mapping_type", &self.match_type),
            ("unmatch_mapping_type", &self.unmatch_type),
        ] {
            match patterns.as_slice() {
                [] => {}
                [only] => drop(says.insert(member.to_owned(), json!(only))),
                several => drop(says.insert(member.to_owned(), json!(several))),
            }
        }
        if self.is_regex {
            says.insert("match_pattern".to_owned(), json!("regex"));
        }
        let mut mapping: Vec<(&String, &Value)> = self.mapping.iter().collect();
        mapping.sort_by_key(|(name, _)| name.as_str());
        let mapping: Map<String, Value> =
            mapping.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        says.insert("mapping".to_owned(), Value::Object(mapping));
        Value::Object(Map::from_iter([(self.name.clone(), Value::Object(says))]))
    }
}

/// How a value looks that gets a field of that type.
pub(super) fn looks_of(kind: FieldType) -> ValueLooks {
    match kind {
        FieldType::Object | FieldType::Nested => ValueLooks::Object,
        FieldType::Long => ValueLooks::Long,
        FieldType::Float => ValueLooks::Double,
        FieldType::Boolean => ValueLooks::Boolean,
        FieldType::Date => ValueLooks::Date,
        _ => ValueLooks::String,
    }
}

fn patterns(member: &str, value: &Value) -> Result<Vec<String>, MappingRefusal> {
    let wrong =
        || MappingRefusal::Template(TemplateRefusal::NoPattern { member: member.to_owned(), value: value.clone() });
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        other => Ok(vec![text(other)]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A definition with its places for name and type filled in.
fn filled(value: &Value, name: &str, kind: &str) -> Value {
    let fill = |text: &str| text.replace("{name}", name).replace("{dynamic_type}", kind).replace("{dynamicType}", kind);
    match value {
        Value::String(text) => Value::from(fill(text)),
        Value::Array(items) => items.iter().map(|item| filled(item, name, kind)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (fill(key), filled(value, name, kind))).collect())
        }
        other => other.clone(),
    }
}
