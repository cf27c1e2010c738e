//! [`Mapping`]: how the fields of an index are typed, and what it learns from documents.
//!
//! Two questions are asked of a document. Does it fit, that is, can every value be indexed as the type
//! of its field? And does it bring fields that the mapping does not know, which it then learns? The
//! first only reads, so that a document of known fields costs no more than a walk over it.
//!
//! Source: Elasticsearch 9.x, document parser, dynamic mapping and field mappers.

mod definition;
pub(crate) mod fit;
pub(crate) mod kinds;
pub(crate) mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

pub(crate) use definition::{AliasPathRefusal, MappingRefusal};
pub(crate) use fit::{DocumentRefusal, FieldNameRefusal, Why};
use template::DynamicTemplate;

use crate::limits::{MAPPED_FIELDS_MAX, MAPPING_DEPTH_MAX};

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    /// An object with fields of its own.
    Object,
    /// An array of objects that are indexed apart from each other.
    Nested,
    /// Analysed text.
    Text,
    /// Text as one term.
    Keyword,
    /// A 64-bit integer.
    Long,
    /// A 32-bit integer.
    Integer,
    /// A 16-bit integer.
    Short,
    /// An 8-bit integer.
    Byte,
    /// A 64-bit floating point number.
    Double,
    /// A 32-bit floating point number.
    Float,
    /// True or false.
    Boolean,
    /// An instant.
    Date,
    /// An address.
    Ip,
    /// A type that is stored and shown, and whose values are not looked into.
    Other(&'static str),
}

/// The types by name. Those that differ from another only in how they are indexed are that other.
const TYPES: &[(&str, FieldType)] = &[
    ("object", FieldType::Object),
    ("nested", FieldType::Nested),
    ("text", FieldType::Text),
    ("keyword", FieldType::Keyword),
    ("long", FieldType::Long),
    ("integer", FieldType::Integer),
    ("short", FieldType::Short),
    ("byte", FieldType::Byte),
    ("double", FieldType::Double),
    ("float", FieldType::Float),
    ("boolean", FieldType::Boolean),
    ("date", FieldType::Date),
    ("ip", FieldType::Ip),
];

impl FieldType {
    /// The name in a mapping.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FieldType::Other(name) => name,
            known => TYPES.iter().find(|(_, it)| *it == known).map_or("object", |(name, _)| name),
        }
    }

    /// The type of that name.
    pub(crate) fn named(name: &str) -> Option<FieldType> {
        let known = TYPES.iter().find(|(known, _)| *known == name).map(|(_, it)| *it);
        known.or_else(|| kinds::other_type(name).map(FieldType::Other))
    }

    /// Whether the field has fields of its own.
    pub(crate) fn is_object(self) -> bool {
        matches!(self, FieldType::Object | FieldType::Nested)
    }
}

/// What becomes of a field that the mapping does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynamic {
    /// It is learnt.
    True,
    /// It is stored and not indexed.
    False,
    /// The document is refused.
    Strict,
    /// It is looked up when it is searched for, which nobody does here; so it is as good as not indexed.
    Runtime,
}

/// Fields by name, in the order in which Elasticsearch lists them.
pub(crate) type MappedFields = BTreeMap<Arc<str>, MappedField>;

/// A mapped field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MappedField {
    /// Its type.
    pub kind: FieldType,
    /// The fields of an object; the other ways in which a value is indexed, such as `.keyword`.
    pub fields: MappedFields,
    /// What the mapping says beside type and fields.
    pub(super) options: Map<String, Value>,
}

impl MappedField {
    fn new(kind: FieldType) -> MappedField {
        MappedField { kind, fields: MappedFields::new(), options: Map::new() }
    }

    /// Whether the index keeps its values apart from the source.
    pub(crate) fn is_stored(&self) -> bool {
        self.option("store").is_some_and(|store| *store == true || *store == "true")
    }

    /// An option of the field, for example `ignore_above`.
    pub(crate) fn option(&self, name: &str) -> Option<&Value> {
        self.options.get(name)
    }
}

/// The mapping of an index.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Mapping {
    /// The fields at the top.
    pub(super) fields: MappedFields,
    /// What the mapping says beside its fields: `dynamic`, `_meta` and so on.
    pub(super) members: Map<String, Value>,
    /// What becomes of fields that it does not know, where that is said.
    pub(super) templates: Arc<[DynamicTemplate]>,
    /// How large it may become.
    pub(super) bounds: Bounds,
    /// The fields that get the values of others too, each with the others; none if there are none.
    pub(super) copies: Option<Arc<FieldCopies>>,
    /// The paths of the fields that are vectors; none if there are none.
    pub(super) vectors: Option<Arc<[String]>>,
    /// Whether there is a field whose texts are indexed up to a length only.
    pub(super) is_limited: bool,
}

/// A mapping as an index holds it: its own, or a built-in one, which is read when somebody looks into it. Most calls do not.
#[derive(Clone)]
pub(crate) enum HeldMapping {
    /// A mapping of its own.
    Own(Mapping),
    /// One that is built in. It has the usual bounds.
    BuiltIn(&'static LazyLock<Mapping>),
}

impl HeldMapping {
    /// Whether it may become that large.
    pub(crate) fn has_bounds(&self, bounds: Bounds) -> bool {
        match self {
            HeldMapping::Own(mapping) => mapping.bounds == bounds,
            HeldMapping::BuiltIn(_) => bounds == Bounds::default(),
        }
    }
}

impl Deref for HeldMapping {
    type Target = Mapping;

    fn deref(&self) -> &Mapping {
        match self {
            HeldMapping::Own(mapping) => mapping,
            HeldMapping::BuiltIn(mapping) => mapping,
        }
    }
}

impl DerefMut for HeldMapping {
    fn deref_mut(&mut self) -> &mut Mapping {
        if let HeldMapping::BuiltIn(mapping) = self {
            *self = HeldMapping::Own(Mapping::clone(mapping));
        }
        match self {
            HeldMapping::Own(mapping) => mapping,
            HeldMapping::BuiltIn(_) => unreachable!("it has just become its own"),
        }
    }
}

impl From<Mapping> for HeldMapping {
    fn from(mapping: Mapping) -> HeldMapping {
        HeldMapping::Own(mapping)
    }
}

impl Default for HeldMapping {
    fn default() -> HeldMapping {
        Mapping::default().into()
    }
}

impl PartialEq for HeldMapping {
    fn eq(&self, other: &HeldMapping) -> bool {
        match (self, other) {
            (HeldMapping::BuiltIn(one), HeldMapping::BuiltIn(other)) if std::ptr::eq(*one, *other) => true,
            _ => **self == **other,
        }
    }
}

impl fmt::Debug for HeldMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Paths of fields by the path of the field that they are copied to.
pub(crate) type FieldCopies = BTreeMap<String, Vec<String>>;

/// How large a mapping may become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// How many fields it may have.
    pub fields: usize,
    /// How deep objects may lie in each other.
    pub depth: usize,
    /// Whether fields pass over values that are none of theirs, if they do not say so themselves.
    pub lenient: bool,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { fields: MAPPED_FIELDS_MAX, depth: MAPPING_DEPTH_MAX, lenient: false }
    }
}

impl Bounds {
    /// The bounds that the flat settings of an index set.
    pub(crate) fn of(settings: &Map<String, Value>) -> Bounds {
        let number = |name: &str| settings.get(name)?.as_str()?.parse().ok();
        let usual = Bounds::default();
        Bounds {
            fields: number("mapping.total_fields.limit").unwrap_or(usual.fields),
            depth: number("mapping.depth.limit").unwrap_or(usual.depth),
            lenient: settings.get("mapping.ignore_malformed").and_then(Value::as_str) == Some("true"),
        }
    }
}

impl Mapping {
    /// Sets how large it may become.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Whether a document must be routed.
    pub(crate) fn requires_routing(&self) -> bool {
        let said = self.members.get("_routing").and_then(|routing| routing.get("required"));
        said.is_some_and(|required| *required == true || *required == "true")
    }

    /// The type of the field at a path such as `connector.id` or `title.keyword`.
    pub(crate) fn field_type(&self, path: &str) -> Option<FieldType> {
        self.field(path).map(|field| field.kind)
    }

    /// The field at a path.
    pub(crate) fn field(&self, path: &str) -> Option<&MappedField> {
        let mut segments = path.split('.');
        let first = self.fields.get(segments.next()?)?;
        segments.try_fold(first, |field, name| field.fields.get(name))
    }

    /// The fields whose values a field gets beside its own.
    pub(crate) fn copied_to(&self, path: &str) -> &[String] {
        self.copies.as_ref().and_then(|copies| copies.get(path)).map_or(&[], Vec::as_slice)
    }

    /// The paths of the fields that are vectors.
    pub(crate) fn vectors(&self) -> &[String] {
        self.vectors.as_deref().unwrap_or_default()
    }

    /// Whether there is a field whose texts are indexed up to a length only.
    pub(crate) fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Looks again which fields are copied to which, which are vectors, and whether one leaves out long texts.
    pub(super) fn look_through(&mut self) {
        fn has_limit(fields: &MappedFields) -> bool {
            fields.values().any(|field| {
                (field.kind != FieldType::Nested && field.option("ignore_above").is_some()) || has_limit(&field.fields)
            })
        }
        fn add(path: &str, field: &MappedField, copies: &mut FieldCopies, vectors: &mut Vec<String>) {
            for target in field.option("copy_to").and_then(Value::as_array).into_iter().flatten() {
                let target = target.as_str().map_or_else(|| target.to_string(), str::to_owned);
                copies.entry(target).or_default().push(path.to_owned());
            }
            if matches!(field.kind, FieldType::Other("dense_vector" | "sparse_vector" | "rank_vectors")) {
                vectors.push(path.to_owned());
            }
            if field.kind.is_object() {
                field.fields.iter().for_each(|(name, inner)| add(&format!("{path}.{name}"), inner, copies, vectors));
            }
        }
        let (mut copies, mut vectors) = (FieldCopies::new(), Vec::new());
        self.fields.iter().for_each(|(name, field)| add(name, field, &mut copies, &mut vectors));
        self.copies = (!copies.is_empty()).then(|| Arc::new(copies));
        self.vectors = (!vectors.is_empty()).then(|| vectors.into());
        self.is_limited = has_limit(&self.fields);
    }

    /// The fields at the top.
    pub(crate) fn fields(&self) -> &MappedFields {
        &self.fields
    }

    /// How many fields there are, objects and sub-fields included.
    pub(crate) fn len(&self) -> usize {
        fn count(fields: &MappedFields) -> usize {
            fields.values().map(|field| 1 + count(&field.fields)).sum()
        }
        count(&self.fields)
    }
}

/// What `dynamic` says; none leaves it to the object around.
fn dynamic(members: &Map<String, Value>) -> Option<Dynamic> {
    match members.get("dynamic")? {
        Value::Bool(false) => Some(Dynamic::False),
        Value::String(text) => match text.as_str() {
            "false" => Some(Dynamic::False),
            "strict" => Some(Dynamic::Strict),
            "runtime" => Some(Dynamic::Runtime),
            _ => Some(Dynamic::True),
        },
        _ => Some(Dynamic::True),
    }
}
