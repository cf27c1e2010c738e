//! [`FieldKind`]: how a mapped field is searched.

use serde_json::Value;

use super::QueryRefusal;
use super::filter::is_longer;
use crate::es::document::source::Source;
use crate::es::index::mapping::{FieldType, MappedField, Mapping};

/// How the field of an index is searched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldKind {
    /// Text in words.
    Text,
    /// Text as a whole, if it is no longer than so many characters.
    Keyword {
        /// Longer texts are not indexed.
        ignore_above: usize,
    },
    /// A whole number, of the type with that name.
    Integer(&'static str),
    /// A number with a fraction, of the type with that name.
    Float(&'static str),
    /// True or false.
    Boolean,
    /// An instant, compared by its millisecond.
    Date,
    /// An object with fields of its own.
    Object,
    /// A type that cannot be searched here, by its name.
    Foreign(String),
}

impl FieldKind {
    /// Elasticsearch's name of the type.
    pub(crate) fn name(&self) -> &str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Keyword { .. } => "keyword",
            FieldKind::Integer(name) | FieldKind::Float(name) => name,
            FieldKind::Boolean => "boolean",
            FieldKind::Date => "date",
            FieldKind::Object => "object",
            FieldKind::Foreign(name) => name,
        }
    }

    fn of(field: &MappedField) -> FieldKind {
        let ignore_above = field.option("ignore_above").and_then(|most| most.as_u64());
        let keyword = FieldKind::Keyword { ignore_above: ignore_above.map_or(usize::MAX, |most| most as usize) };
        match field.kind {
            FieldType::Text | FieldType::Other("match_only_text") => FieldKind::Text,
            FieldType::Keyword | FieldType::Other("wildcard") => keyword,
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => {
                FieldKind::Integer(field.kind.name())
            }
            FieldType::Other("unsigned_long") => FieldKind::Integer(field.kind.name()),
            FieldType::Double | FieldType::Float | FieldType::Other("half_float" | "scaled_float") => {
                FieldKind::Float(field.kind.name())
            }
            FieldType::Boolean => FieldKind::Boolean,
            FieldType::Date if has_own_format(field) => FieldKind::Foreign("date with a format of its own".to_owned()),
            FieldType::Date => FieldKind::Date,
            FieldType::Object => FieldKind::Object,
            FieldType::Nested | FieldType::Ip | FieldType::Other(_) => FieldKind::Foreign(field.kind.name().to_owned()),
        }
    }
}

/// Whether a date is written in a way that is not read here.
fn has_own_format(field: &MappedField) -> bool {
    const READ: [&str; 6] = [
        "strict_date_optional_time||epoch_millis",
        "strict_date_optional_time",
        "date_optional_time||epoch_millis",
        "date_optional_time",
        "epoch_millis",
        "strict_date_optional_time_nanos",
    ];
    field.option("format").and_then(|format| format.as_str()).is_some_and(|format| !READ.contains(&format))
}

impl Mapping {
    /// How the field at a path is searched; none if the index does not know it, or if it lies in objects
    /// that are indexed apart.
    pub(crate) fn kind(&self, path: &str) -> Option<FieldKind> {
        let apart = path.match_indices('.').any(|(dot, _)| self.field_type(&path[..dot]) == Some(FieldType::Nested));
        self.field(path).filter(|_| !apart).map(FieldKind::of)
    }

    /// Looks whether a field can be searched.
    ///
    /// # Errors
    /// When nothing of it is indexed. Elasticsearch refuses that too, in words that depend on the type.
    pub(crate) fn check_indexed(&self, path: &str) -> Result<(), QueryRefusal> {
        let says_no = |field: &MappedField, name: &str| field.option(name) == Some(&Value::Bool(false));
        let Some(field) = self.field(path).filter(|field| says_no(field, "index")) else { return Ok(()) };
        if FieldKind::of(field) != FieldKind::Text && !says_no(field, "doc_values") {
            return Ok(());
        }
        Err(QueryRefusal::Unsupported {
            what: format!("queries on the field [{path}], which is not indexed"),
            instead: "index the field",
        })
    }

    /// Looks whether hits can be sorted and reckoned by the values of a field.
    ///
    /// # Errors
    /// When what it has are not its own values alone, or none are kept.
    pub(crate) fn check_values(&self, path: &str) -> Result<(), QueryRefusal> {
        let Some(field) = self.field(path) else { return Ok(()) };
        let why = if field.option("doc_values") == Some(&Value::Bool(false)) {
            "keeps no doc values"
        } else if field.option("null_value").is_some_and(|value| !value.is_null()) {
            "has a `null_value`"
        } else if !self.copied_to(self.source_path(path)).is_empty() {
            "gets the values of other fields"
        } else {
            return Ok(());
        };
        Err(QueryRefusal::Unsupported {
            what: format!("values of the field [{path}], which {why}, outside of queries"),
            instead: "sort and aggregate by a field that has its own values alone",
        })
    }

    /// Where a document has the values of a field: a further field of a field (`title.keyword`) has
    /// those of its parent.
    pub(crate) fn source_path<'p>(&self, path: &'p str) -> &'p str {
        match path.rsplit_once('.') {
            Some((parent, _)) if self.field_type(parent).is_some_and(|parent| !parent.is_object()) => parent,
            _ => path,
        }
    }

    /// The fields whose texts are indexed up to a length only, with that length.
    pub(crate) fn limited(&self) -> Vec<(String, usize)> {
        let limit = |path: String| match self.kind(&path) {
            Some(FieldKind::Keyword { ignore_above }) if ignore_above < usize::MAX => Some((path, ignore_above)),
            _ => None,
        };
        self.paths().into_iter().filter_map(limit).collect()
    }

    /// The fields that leave out a value of a document because it is too long, in the order of their names.
    ///
    /// DIFFERENCE: what was left out is reckoned from the mapping as it is when it is shown; and a value that
    /// is malformed and ignored is not among it.
    pub(crate) fn ignored(&self, source: &Source) -> Vec<String> {
        let mut ignored: Vec<String> = self
            .limited()
            .into_iter()
            .filter_map(|(path, most)| is_longer(source, self.source_path(&path), most).then_some(path))
            .collect();
        ignored.sort();
        ignored
    }

    /// The paths of all fields that have values of their own.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (name, field) in self.fields() {
            add_paths(name, field, &mut paths);
        }
        paths
    }
}

fn add_paths(path: &str, field: &MappedField, paths: &mut Vec<String>) {
    match field.kind {
        FieldType::Nested => return,
        FieldType::Object => {}
        _ => paths.push(path.to_owned()),
    }
    for (name, inner) in &field.fields {
        add_paths(&format!("{path}.{name}"), inner, paths);
    }
}
