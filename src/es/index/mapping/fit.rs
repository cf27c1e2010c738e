//! Whether a document fits a mapping, and what the mapping learns from it.

use core::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::template::{DynamicTemplate, ValueLooks, looks_of};
use super::{Bounds, Dynamic, FieldType, MappedField, MappedFields, Mapping, MappingRefusal, dynamic};
use crate::clock::Timestamp;
use crate::json;
use crate::limits::KEYWORD_BYTES_MAX;

/// Why a document cannot be indexed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DocumentRefusal {
    /// The names and numbers that lead to the value in the document.
    pub steps: Vec<String>,
    /// The field's path in the mapping.
    pub field: String,
    /// What is wrong.
    pub why: Why,
}

impl DocumentRefusal {
    /// The line and column where the value begins in the document's text, or its name if that is wrong.
    pub(crate) fn place_in(&self, text: &[u8]) -> Option<(u32, u32)> {
        let escaped = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        let pointer: String = self.steps.iter().map(escaped).collect();
        json::locate(text, &pointer, matches!(self.why, Why::Name { .. })).map(|place| (place.line, place.column))
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// It cannot be read as its field's type.
    Type {
        /// The field's type.
        kind: FieldType,
        /// The value.
        value: Box<Value>,
    },
    /// The field is an object and the value is none.
    NoObject,
    /// The mapping takes no unknown fields.
    Strict,
    /// There are more nested objects than there may be.
    TooManyNested {
        /// How many there may be.
        most: u64,
    },
    /// The mapping would have too many fields or be too deep.
    Bound(Box<MappingRefusal>),
    /// A name that no field can have.
    Name {
        /// The name, dots and all.
        name: String,
        /// What is wrong with it.
        offence: FieldNameRefusal,
    },
    /// A field that only the server writes.
    Metadata {
        /// The value.
        value: Box<Value>,
    },
}

/// What is wrong with the name of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FieldNameRefusal {
    /// There is nothing in it.
    Empty,
    /// There is nothing but dots in it.
    OnlyDots,
    /// There is nothing before or between its dots.
    EmptyPart,
    /// There are only blanks before, between or behind its dots.
    BlankPart,
}

/// The fields that the server writes itself and that no document may have.
///
/// Source: Elasticsearch 9.x, metadata field mappers; `_doc_count` is one that documents may have.
const METADATA: [&str; 13] = [
    "_data_stream_timestamp",
    "_feature",
    "_field_names",
    "_id",
    "_ignored",
    "_ignored_source",
    "_index",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_version",
];

/// Whether a field of that name is the server's own.
pub(super) fn is_metadata(name: &str) -> bool {
    METADATA.contains(&name)
}

/// The name of a field without the dots at its end, which mean nothing.
///
/// Source: Elasticsearch 9.x, parser that expands dots.
fn name_of(given: &str) -> Result<&str, FieldNameRefusal> {
    let name = given.trim_end_matches('.');
    match name {
        "" if given.is_empty() => Err(FieldNameRefusal::Empty),
        "" => Err(FieldNameRefusal::OnlyDots),
        name if name.split('.').any(str::is_empty) => Err(FieldNameRefusal::EmptyPart),
        name if given.contains('.') && name.split('.').any(|part| part.trim().is_empty()) => {
            Err(FieldNameRefusal::BlankPart)
        }
        name => Ok(name),
    }
}

/// What a document means to a mapping.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fit {
    /// All its fields are known.
    Known,
    /// It has fields to be learnt.
    Grows,
}

impl Mapping {
    /// Checks that a document can be indexed. What the mapping becomes if it has to learn new fields for
    /// that; none if it knows them all.
    ///
    /// # Errors
    /// The first value that cannot be indexed.
    pub(crate) fn admit<'a>(
        &self,
        fields: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
    ) -> Result<Option<Mapping>, DocumentRefusal> {
        if self.fit(fields.clone())? == Fit::Known {
            return Ok(None);
        }
        let mut grown = self.clone();
        grown.learn(fields.clone())?;
        grown.fit(fields)?;
        Ok(Some(grown))
    }

    /// Whether a document has no more nested objects than there may be.
    pub(crate) fn check_nested<'a>(
        &self,
        fields: impl Iterator<Item = (&'a str, &'a Value)>,
        most: u64,
    ) -> Result<(), DocumentRefusal> {
        let mut nested = Nested { steps: Vec::new(), count: 0, most };
        fields.into_iter().try_for_each(|(name, value)| nested.member(&self.fields, name, value))
    }

    fn fit<'a>(&self, fields: impl Iterator<Item = (&'a str, &'a Value)> + Clone) -> Result<Fit, DocumentRefusal> {
        let mut walk = FitWalk { steps: Vec::new(), grows: false, lenient: self.bounds.lenient };
        let dynamic = dynamic(&self.members).unwrap_or(Dynamic::True);
        for (name, value) in fields.clone() {
            walk.member(&self.fields, dynamic, name, value)?;
        }
        if let Some(copies) = &self.copies {
            for (target, sources) in copies.iter() {
                let copied = sources.iter().flat_map(|source| leaves(fields.clone(), source));
                copied.into_iter().try_for_each(|copy| walk.copied(self.field(target), dynamic, target, copy))?;
            }
        }
        Ok(if walk.grows { Fit::Grows } else { Fit::Known })
    }

    fn learn<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a Value)> + Clone) -> Result<(), DocumentRefusal> {
        let detects = |name: &str, otherwise: bool| match self.members.get(name) {
            Some(Value::Bool(switch)) => *switch,
            Some(Value::String(text)) => text == "true",
            _ => otherwise,
        };
        let templates = self.templates.clone();
        let detection = Detection {
            dates: detects("date_detection", true),
            numbers: detects("numeric_detection", false),
            templates: &templates,
            bounds: self.bounds,
        };
        let before = self.len();
        let dynamic = dynamic(&self.members).unwrap_or(Dynamic::True);
        for (name, value) in fields.clone() {
            detection.learn(&mut self.fields, dynamic, ValuePlace { path: "", name, depth: 1 }, value)?;
        }
        self.look_through();
        for (target, sources) in self.copies.clone().iter().flat_map(|copies| copies.iter()) {
            let copied = sources.iter().flat_map(|source| leaves(fields.clone(), source));
            for copy in copied.filter(|_| self.field(target).is_none()).take(1).collect::<Vec<_>>() {
                detection.learn(&mut self.fields, dynamic, ValuePlace { path: "", name: target, depth: 1 }, copy)?;
            }
        }
        if self.copies.is_some() {
            self.look_through();
        }
        if self.len() > self.bounds.fields {
            let added = self.len() - before;
            let why = Why::Bound(Box::new(MappingRefusal::TooManyFields { added, limit: self.bounds.fields }));
            return Err(DocumentRefusal { steps: Vec::new(), field: String::new(), why });
        }
        Ok(())
    }
}

/// The single values of a document at a path; nulls are none.
fn leaves<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>, path: &str) -> Vec<&'a Value> {
    fn below<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| below(item, path, found)),
            Value::Object(members) if !path.is_empty() => {
                members.iter().for_each(|(name, value)| enter(name, value, path, found));
            }
            Value::Null | Value::Object(_) => {}
            value if path.is_empty() => found.push(value),
            _ => {}
        }
    }
    fn enter<'a>(name: &str, value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
        match path.strip_prefix(name) {
            Some("") => below(value, "", found),
            Some(rest) if rest.starts_with('.') => below(value, &rest[1..], found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    fields.for_each(|(name, value)| enter(name, value, path, &mut found));
    found
}

/// A walk over a document that remembers where it is.
struct FitWalk<'a> {
    steps: Vec<FitStep<'a>>,
    grows: bool,
    /// Whether fields pass over values that are none of theirs, if they do not say so themselves.
    lenient: bool,
}

#[derive(Clone, Copy)]
enum FitStep<'a> {
    Name(&'a str),
    Item(usize),
}

impl<'a> FitWalk<'a> {
    fn member(
        &mut self,
        mut fields: &MappedFields,
        mut dynamic: Dynamic,
        name: &'a str,
        value: &'a Value,
    ) -> Result<(), DocumentRefusal> {
        self.steps.push(FitStep::Name(name));
        if self.steps.len() == 1 && name.starts_with('_') && METADATA.contains(&name) {
            self.metadata(value)?;
        }
        if !name.is_empty() && !name.contains('.') {
            // Almost every name: nothing can be wrong with it, and it leads to one field.
            match fields.get(name) {
                Some(field) => self.value(field, dynamic, value)?,
                None => self.unknown(dynamic, value)?,
            }
            self.steps.pop();
            return Ok(());
        }
        let mut rest = name_of(name).map_err(|offence| self.misfit(Why::Name { name: name.to_owned(), offence }))?;
        loop {
            // A dotted name leads into objects, whatever the document's own shape.
            let (first, further) = match rest.split_once('.') {
                Some((first, further)) => (first, Some(further)),
                None => (rest, None),
            };
            match (fields.get(first), further) {
                (Some(field), None) => {
                    self.value(field, dynamic, value)?;
                    break;
                }
                (Some(field), Some(further)) if field.kind.is_object() => {
                    dynamic = self::dynamic(&field.options).unwrap_or(dynamic);
                    (fields, rest) = (&field.fields, further);
                }
                (Some(_), Some(_)) if !is_nothing(value) => return Err(self.misfit(Why::NoObject)),
                (Some(_), Some(_)) => break,
                (None, _) => {
                    self.unknown(dynamic, value)?;
                    break;
                }
            }
        }
        self.steps.pop();
        Ok(())
    }

    /// A value that is copied to a field, whose values it must be one of.
    fn copied(
        &mut self,
        to: Option<&MappedField>,
        dynamic: Dynamic,
        path: &'a str,
        value: &'a Value,
    ) -> Result<(), DocumentRefusal> {
        self.steps.push(FitStep::Name(path));
        match to {
            Some(field) => self.value(field, dynamic, value)?,
            None => self.unknown(dynamic, value)?,
        }
        self.steps.pop();
        Ok(())
    }

    /// A value whose field the mapping does not know.
    fn unknown(&mut self, dynamic: Dynamic, value: &Value) -> Result<(), DocumentRefusal> {
        match dynamic {
            Dynamic::Strict => return Err(self.misfit(Why::Strict)),
            Dynamic::True => self.grows |= !is_nothing(value),
            Dynamic::False | Dynamic::Runtime => {}
        }
        Ok(())
    }

    fn value(&mut self, field: &MappedField, dynamic: Dynamic, value: &'a Value) -> Result<(), DocumentRefusal> {
        if let Value::Array(items) = value {
            for (at, item) in items.iter().enumerate() {
                self.steps.push(FitStep::Item(at));
                self.value(field, dynamic, item)?;
                self.steps.pop();
            }
            return Ok(());
        }
        if value.is_null() {
            return Ok(());
        }
        if field.kind.is_object() {
            if field.options.get("enabled").is_some_and(|enabled| *enabled == false || *enabled == "false") {
                return Ok(());
            }
            let Value::Object(members) = value else {
                return Err(self.misfit(Why::NoObject));
            };
            let dynamic = self::dynamic(&field.options).unwrap_or(dynamic);
            for (name, value) in members {
                self.member(&field.fields, dynamic, name, value)?;
            }
            return Ok(());
        }
        if takes(field, value)
            || (self.lenient && !value.is_object() && !field.options.contains_key("ignore_malformed"))
        {
            return Ok(());
        }
        Err(self.misfit(Why::Type { kind: field.kind, value: Box::new(value.clone()) }))
    }

    /// Refuses a value of the server's own field, the first of several.
    fn metadata(&mut self, value: &'a Value) -> Result<(), DocumentRefusal> {
        if let Value::Array(items) = value {
            let Some(first) = items.first() else { return Ok(()) };
            self.steps.push(FitStep::Item(0));
            return self.metadata(first);
        }
        Err(self.misfit(Why::Metadata { value: Box::new(value.clone()) }))
    }

    fn misfit(&self, why: Why) -> DocumentRefusal {
        let text = |step: &FitStep<'_>| match step {
            FitStep::Name(name) => (*name).to_owned(),
            FitStep::Item(at) => at.to_string(),
        };
        let names = self.steps.iter().filter(|step| matches!(step, FitStep::Name(_))).map(text);
        DocumentRefusal {
            field: names.collect::<Vec<_>>().join("."),
            steps: self.steps.iter().map(text).collect(),
            why,
        }
    }
}

/// A walk over a document that counts its nested objects.
struct Nested {
    steps: Vec<String>,
    count: u64,
    most: u64,
}

impl Nested {
    fn member(&mut self, fields: &MappedFields, name: &str, value: &Value) -> Result<(), DocumentRefusal> {
        // Only what has something in it can be nested.
        if !value.is_object() && !value.is_array() {
            return Ok(());
        }
        let Some(field) = fields.get(name).filter(|field| field.kind.is_object()) else { return Ok(()) };
        self.steps.push(name.to_owned());
        self.value(field, name, value)?;
        self.steps.pop();
        Ok(())
    }

    fn value(&mut self, field: &MappedField, name: &str, value: &Value) -> Result<(), DocumentRefusal> {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate().filter(|(_, item)| item.is_object() || item.is_array()) {
                    self.steps.push(at.to_string());
                    self.value(field, name, item)?;
                    self.steps.pop();
                }
                Ok(())
            }
            Value::Object(members) => {
                self.count += u64::from(field.kind == FieldType::Nested);
                if self.count > self.most {
                    let (steps, why) = (self.steps.clone(), Why::TooManyNested { most: self.most });
                    return Err(DocumentRefusal { steps, field: name.to_owned(), why });
                }
                members.iter().try_for_each(|(name, value)| self.member(&field.fields, name, value))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a value leaves no trace in an index.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_nothing),
        _ => false,
    }
}

/// Whether a value that is no array and not null can be indexed as the field's type.
fn takes(field: &MappedField, value: &Value) -> bool {
    if field.options.get("ignore_malformed").is_some_and(|ignore| *ignore == true || *ignore == "true")
        && !value.is_object()
    {
        return true;
    }
    let is_number_in = |least: f64, most: f64, value: &Value| {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.is_some_and(|number| number.trunc() >= least && number.trunc() <= most)
    };
    if field.options.get("coerce").is_some_and(|coerce| *coerce == false) && is_coerced(field.kind, value) {
        return false;
    }
    match (field.kind, value) {
        (FieldType::Other(_), _) => true,
        (_, Value::Object(_)) => false,
        (FieldType::Keyword, Value::String(text)) => {
            text.len() <= KEYWORD_BYTES_MAX || field.options.contains_key("ignore_above")
        }
        (FieldType::Text | FieldType::Keyword, _) => true,
        (FieldType::Long, Value::Number(number)) => {
            number.is_i64() || (number.is_f64() && number.as_f64().is_some_and(|number| number.abs() < 9.3e18))
        }
        (FieldType::Long, Value::String(text)) => is_long(text),
        (FieldType::Integer, value) => is_number_in(i32::MIN.into(), i32::MAX.into(), value),
        (FieldType::Short, value) => is_number_in(i16::MIN.into(), i16::MAX.into(), value),
        (FieldType::Byte, value) => is_number_in(i8::MIN.into(), i8::MAX.into(), value),
        (FieldType::Double, value) => is_number_in(f64::MIN, f64::MAX, value),
        (FieldType::Float, value) => is_number_in(f32::MIN.into(), f32::MAX.into(), value),
        (FieldType::Boolean, Value::Bool(_)) => true,
        (FieldType::Boolean, Value::String(text)) => matches!(text.as_str(), "" | "true" | "false"),
        // Other formats than the usual one are not looked into.
        (FieldType::Date, Value::String(text)) => {
            field.options.contains_key("format") || Timestamp::parse_date(text).is_some()
        }
        (FieldType::Date, Value::Number(_)) => true,
        (FieldType::Ip, Value::String(text)) => text.parse::<IpAddr>().is_ok(),
        _ => false,
    }
}

/// Whether a number is only one of that type because a text is read as one, or a fraction is cut off.
fn is_coerced(kind: FieldType, value: &Value) -> bool {
    match kind {
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => {
            value.is_string() || value.as_f64().is_some_and(|number| number.fract() != 0.0)
        }
        FieldType::Double | FieldType::Float => value.is_string(),
        _ => false,
    }
}

fn is_long(text: &str) -> bool {
    text.parse::<i64>().is_ok() || text.parse::<f64>().is_ok_and(|number| number.abs() < 9.3e18)
}

/// What becomes of values whose field is not known.
#[derive(Clone, Copy)]
struct Detection<'t> {
    dates: bool,
    numbers: bool,
    templates: &'t [DynamicTemplate],
    bounds: Bounds,
}

/// Where a value stands whose field may be new.
#[derive(Clone, Copy)]
struct ValuePlace<'p> {
    /// The path of the object around it.
    path: &'p str,
    name: &'p str,
    depth: usize,
}

impl ValuePlace<'_> {
    fn full(self) -> String {
        if self.path.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.path, self.name) }
    }
}

impl Detection<'_> {
    fn learn(
        self,
        fields: &mut MappedFields,
        dynamic: Dynamic,
        place: ValuePlace<'_>,
        value: &Value,
    ) -> Result<(), DocumentRefusal> {
        if is_nothing(value) {
            return Ok(());
        }
        let ValuePlace { path, name, depth } = place;
        let bound = |bound| DocumentRefusal {
            steps: vec![name.to_owned()],
            field: name.to_owned(),
            why: Why::Bound(Box::new(bound)),
        };
        if depth > self.bounds.depth {
            return Err(bound(MappingRefusal::TooDeep { field: name.to_owned(), limit: self.bounds.depth }));
        }
        // The dots at its end mean nothing; a name that is wrong otherwise is refused when it is fitted.
        let name = name_of(name).unwrap_or(name);
        if let Some((first, rest)) = name.split_once('.') {
            let outer = ValuePlace { path, name: first, depth };
            if !fields.contains_key(first) {
                if dynamic != Dynamic::True {
                    return Ok(());
                }
                fields.insert(Arc::from(first), self.field_of(outer, &Value::Object(Default::default()))?);
            }
            return match fields.get_mut(first) {
                Some(field) if field.kind.is_object() => {
                    let dynamic = super::dynamic(&field.options).unwrap_or(dynamic);
                    let inner = ValuePlace { path: &outer.full(), name: rest, depth: depth + 1 };
                    self.learn(&mut field.fields, dynamic, inner, value)
                }
                _ => Ok(()),
            };
        }
        if let Value::Array(items) = value {
            return items
                .iter()
                .try_for_each(|item| self.learn(fields, dynamic, ValuePlace { path, name, depth }, item));
        }
        let place = ValuePlace { path, name, depth };
        if !fields.contains_key(name) {
            if dynamic != Dynamic::True {
                return Ok(());
            }
            fields.insert(Arc::from(name), self.field_of(place, value)?);
        }
        match (fields.get_mut(name), value) {
            (Some(field), Value::Object(members)) if field.kind.is_object() && is_looked_into(field) => {
                let dynamic = super::dynamic(&field.options).unwrap_or(dynamic);
                let path = place.full();
                members.iter().try_for_each(|(name, value)| {
                    self.learn(&mut field.fields, dynamic, ValuePlace { path: &path, name, depth: depth + 1 }, value)
                })
            }
            _ => Ok(()),
        }
    }

    /// The field that a value gets: as a template says, or the usual one.
    fn field_of(self, place: ValuePlace<'_>, value: &Value) -> Result<MappedField, DocumentRefusal> {
        let kind = match value {
            Value::Object(_) => FieldType::Object,
            Value::Bool(_) => FieldType::Boolean,
            Value::Number(number) if number.is_f64() => FieldType::Float,
            Value::Number(_) => FieldType::Long,
            Value::String(text) if self.dates && looks_like_date(text) => FieldType::Date,
            Value::String(text) if self.numbers && text.parse::<i64>().is_ok() => FieldType::Long,
            Value::String(text) if self.numbers && text.parse::<f64>().is_ok() => FieldType::Float,
            _ => FieldType::Text,
        };
        if !self.templates.is_empty()
            && let Some(made) = self.templated(place, looks_of(kind))
        {
            return made.map_err(|malformed| DocumentRefusal {
                steps: vec![place.name.to_owned()],
                field: place.full(),
                why: Why::Bound(Box::new(malformed)),
            });
        }
        let mut field = MappedField::new(kind);
        if kind == FieldType::Text {
            let mut keyword = MappedField::new(FieldType::Keyword);
            keyword.options.insert("ignore_above".to_owned(), Value::from(256));
            field.fields.insert(Arc::from("keyword"), keyword);
        }
        Ok(field)
    }

    /// The field that the first template makes that speaks of it.
    fn templated(self, place: ValuePlace<'_>, looks: ValueLooks) -> Option<Result<MappedField, MappingRefusal>> {
        let path = place.full();
        let template = self.templates.iter().find(|template| template.is_for(&path, place.name, looks))?;
        Some(super::definition::learnt(&template.definition(place.name, looks), &path, self.bounds))
    }
}

fn is_looked_into(field: &MappedField) -> bool {
    field.options.get("enabled") != Some(&Value::Bool(false))
}

/// A text becomes a date only if it could not be taken for a number.
fn looks_like_date(text: &str) -> bool {
    text.contains(['-', ':', '/']) && Timestamp::parse_written_date(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::document::source::Source;
    use crate::limits::{MAPPED_FIELDS_MAX, MAPPING_DEPTH_MAX};
    use serde_json::json;

    fn source(value: Value) -> Source {
        match value {
            Value::Object(map) => map.into(),
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn a_mapping_learns_the_types_of_new_fields() {
        let mut mapping = Mapping::default();
        let document = source(json!({
                "size": 7, "ratio": 0.5, "public": true, "at": "2031-05-01T10:00:00Z", "day": "2031-05-01",
                "title": "A page", "year": "2031", "owner": { "name": "Ann" }, "tags": ["a", "b"],
                "nothing": null, "empty": [], "parts": [{ "n": 1 }, { "m": 2 }], "dotted.key": 1
        }));
        if let Some(grown) = mapping.admit(document.iter()).expect("a document that fits") {
            mapping = grown;
        }
        for (path, expected) in [
            ("size", Some(FieldType::Long)),
            ("ratio", Some(FieldType::Float)),
            ("public", Some(FieldType::Boolean)),
            ("at", Some(FieldType::Date)),
            ("day", Some(FieldType::Date)),
            ("title", Some(FieldType::Text)),
            ("title.keyword", Some(FieldType::Keyword)),
            ("year", Some(FieldType::Text)),
            ("owner", Some(FieldType::Object)),
            ("owner.name", Some(FieldType::Text)),
            ("tags", Some(FieldType::Text)),
            ("nothing", None),
            ("empty", None),
            ("parts.n", Some(FieldType::Long)),
            ("parts.m", Some(FieldType::Long)),
            ("dotted.key", Some(FieldType::Long)),
        ] {
            assert_eq!(mapping.field_type(path), expected, "{path}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_learnt() {
        for (mapping, document, field) in [
            (json!({"properties":{"n":{"type":"long"}}}), json!({"new": 1, "n": "seven"}), "n"),
            (json!({"properties":{"n":{"type":"integer"}}}), json!({"n": 3_000_000_000_i64}), "n"),
            (json!({"properties":{"n":{"type":"short"}}}), json!({"n": [1, 70000]}), "n"),
            (json!({"properties":{"n":{"type":"long","coerce":false}}}), json!({"n": "7"}), "n"),
            (json!({"properties":{"n":{"type":"integer","coerce":"false"}}}), json!({"n": 7.5}), "n"),
            (json!({"properties":{"b":{"type":"boolean"}}}), json!({"b": "yes"}), "b"),
            (json!({"properties":{"d":{"type":"date"}}}), json!({"d": "soon"}), "d"),
            (json!({"properties":{"i":{"type":"ip"}}}), json!({"i": "10.0.0.300"}), "i"),
            (json!({"properties":{"t":{"type":"text"}}}), json!({"t": {"a": 1}}), "t"),
            (json!({"properties":{"o":{"properties":{"x":{"type":"long"}}}}}), json!({"o": 7}), "o"),
            (json!({"properties":{"o":{"properties":{"x":{"type":"long"}}}}}), json!({"o.x": "a"}), "o.x"),
            (json!({"dynamic":"strict"}), json!({"a": 1}), "a"),
            (json!({}), json!({"a": [1, "two"]}), "a"),
            (json!({}), json!({"a": {"b": 1}, "a.b": "x"}), "a.b"),
            (json!({}), json!({"": 1}), ""),
        ] {
            let mapping = Mapping::parse(&mapping).expect("a mapping");
            let before = mapping.clone();
            let misfit = mapping.admit(source(document.clone()).iter()).expect_err(&document.to_string());
            assert_eq!(misfit.field, field, "{document}");
            assert_eq!(mapping, before, "{document}");
        }
    }

    #[test]
    fn what_fits_is_taken_as_it_is() {
        for (mapping, document) in [
            (json!({"properties":{"n":{"type":"long"}}}), json!({"n": ["7", 7.9, null]})),
            (json!({"properties":{"b":{"type":"boolean"}}}), json!({"b": ["true", false, ""]})),
            (json!({"properties":{"d":{"type":"date"}}}), json!({"d": ["2031", "2031-05", 17, "17", "2031-05-01T10"]})),
            (json!({"properties":{"o":{"type":"object","enabled":false}}}), json!({"o": 7})),
            (json!({"properties":{"n":{"type":"long","ignore_malformed":true}}}), json!({"n": "x"})),
            (json!({"dynamic":false}), json!({"anything": {"goes": [1, "a"]}})),
            (json!({"properties":{"o":{"dynamic":false,"properties":{}}}}), json!({"o": {"new": [1, "a"]}})),
        ] {
            let mapping = Mapping::parse(&mapping).expect("a mapping");
            let before = mapping.clone();
            assert!(mapping.admit(source(document.clone()).iter()).is_ok(), "{document}");
            assert_eq!(mapping, before, "{document}");
        }
    }

    #[test]
    fn a_template_says_what_becomes_of_a_new_field() {
        let mut mapping = Mapping::parse(&json!({ "dynamic_templates": [
            { "ids": { "match": "*_id", "match_mapping_type": "string", "mapping": { "type": "keyword" } } },
            { "raw": { "path_match": "raw.*", "mapping": { "type": "{dynamic_type}", "index": false } } },
            { "texts": { "match_mapping_type": "string", "mapping": { "type": "text", "copy_to": "all_{name}" } } },
            { "bags": { "match_mapping_type": "object", "match": "bag", "mapping": { "enabled": false } } }
        ] }))
        .expect("a mapping");
        let document = source(json!({ "user_id": "7", "raw": { "n": 1 }, "title": "x", "n": 1, "bag": { "a": 1 } }));
        let grown = mapping.admit(document.iter()).expect("a document that fits");
        mapping = grown.expect("new fields");
        let shown = mapping.to_value();
        assert_eq!(shown["properties"]["user_id"], json!({ "type": "keyword" }));
        assert_eq!(shown["properties"]["raw"]["properties"]["n"], json!({ "type": "long", "index": false }));
        assert_eq!(shown["properties"]["title"], json!({ "type": "text", "copy_to": ["all_title"] }));
        assert_eq!(shown["properties"]["n"], json!({ "type": "long" }));
        assert_eq!(shown["properties"]["bag"], json!({ "type": "object", "enabled": false }));
    }

    #[test]
    fn a_mapping_knows_whether_a_field_of_it_leaves_out_long_texts() {
        let short = json!({ "type": "keyword", "ignore_above": 8 });
        for (mapping, document, is_limited) in [
            (json!({}), json!({ "n": 1 }), false),
            (json!({}), json!({ "title": "x" }), true),
            (json!({ "properties": { "all": { "properties": { "of": short } } } }), json!({}), true),
            (json!({ "properties": { "n": { "type": "long", "copy_to": "copy" } } }), json!({ "n": 1 }), false),
            (json!({ "properties": { "t": { "type": "text", "copy_to": "copy" } } }), json!({ "t": "x" }), true),
        ] {
            let mapping = Mapping::parse(&mapping).expect("a mapping");
            let grown = mapping.admit(source(document.clone()).iter()).expect("a document that fits");
            let mapping = grown.unwrap_or(mapping);
            assert_eq!(mapping.is_limited(), is_limited, "{document}");
            assert_eq!(mapping.is_limited(), !mapping.limited().is_empty(), "{document}");
        }
    }

    #[test]
    fn a_mapping_has_bounds() {
        let many = |count: usize| source(Value::Object((0..count).map(|at| (format!("f{at}"), json!(1))).collect()));
        assert!(Mapping::default().admit(many(MAPPED_FIELDS_MAX).iter()).is_ok());
        assert!(Mapping::default().admit(many(MAPPED_FIELDS_MAX + 1).iter()).is_err());
        let deep = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(Mapping::default().admit(source(deep(MAPPING_DEPTH_MAX)).iter()).is_ok());
        assert!(Mapping::default().admit(source(deep(MAPPING_DEPTH_MAX + 1)).iter()).is_err());
    }
}
