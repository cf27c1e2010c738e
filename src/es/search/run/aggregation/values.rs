//! [`ValuesSource`]: the values of a field of an index, as an aggregation sees them.
//!
//! Texts come once a document, numbers as often as they are there; both in their order.

use std::cmp::Ordering;

use serde_json::Value;

use super::ValuesAsked;
use crate::clock::Timestamp;
use crate::clock::calendar::DatePattern;
use crate::es::document::source::StoredDocument;
use crate::es::search::query::{FieldKind, Num, QueryRefusal, boolean_of, millis_of, text_of, values_at};
use crate::es::search::run::{Matched, Shard};

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Fraction(f64),
}

impl Val {
    /// The value as a number; a text is none.
    pub(crate) fn as_f64(&self) -> f64 {
        match self {
            Val::Text(_) => f64::NAN,
            Val::Whole(number) => *number as f64,
            Val::Fraction(number) => *number,
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Val) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Val {}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Val) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Val {
    fn cmp(&self, other: &Val) -> Ordering {
        match (self, other) {
            (Val::Text(one), Val::Text(other)) => one.cmp(other),
            (Val::Whole(one), Val::Whole(other)) => one.cmp(other),
            (Val::Text(_), _) => Ordering::Greater,
            (_, Val::Text(_)) => Ordering::Less,
            (one, other) => (one.as_f64() + 0.0).total_cmp(&(other.as_f64() + 0.0)),
        }
    }
}

/// What values are, for whoever shows them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValKind {
    /// Texts.
    Text,
    /// Whole numbers.
    Whole,
    /// Numbers with a fraction.
    Fraction,
    /// True or false, as one and zero.
    Boolean,
    /// Instants, in milliseconds.
    Date(DatePattern),
}

/// The values of a field of one index.
#[derive(Debug)]
pub(crate) struct ValuesSource {
    read: ReadFrom,
    /// What they are; none if the index does not know the field.
    pub kind: Option<ValKind>,
    missing: Option<Val>,
}

#[derive(Debug)]
enum ReadFrom {
    Nothing,
    IndexName,
    Ignored,
    Field { path: String, kind: FieldKind },
}

impl ValuesSource {
    /// Binds the values to an index. `aggregation` is the kind that asks, `texts` whether it takes texts.
    ///
    /// # Errors
    /// When the field's type does not go with it.
    pub(crate) fn bind(
        asked: &ValuesAsked,
        shard: &Shard<'_>,
        aggregation: &'static str,
        texts: bool,
        now: Timestamp,
    ) -> Result<ValuesSource, QueryRefusal> {
        let ValuesAsked { field, missing, format } = asked;
        let not_for =
            |kind: &str| QueryRefusal::NotForAggregation { aggregation, field: field.clone(), kind: kind.to_owned() };
        let source = |read, kind| Ok(ValuesSource { read, kind: Some(kind), missing: None });
        match field.as_str() {
            "_id" => return Err(QueryRefusal::SortId),
            "_index" | "_ignored" if !texts => return Err(not_for(field)),
            "_index" => return source(ReadFrom::IndexName, ValKind::Text),
            "_ignored" => return source(ReadFrom::Ignored, ValKind::Text),
            _ => {}
        }
        let Some(kind) = shard.mapping.kind(field).filter(|kind| *kind != FieldKind::Object) else {
            let missing = match missing {
                Some(value) if texts && aggregation == "terms" => {
                    return Err(QueryRefusal::Unsupported {
                        what: format!("[missing] with [{value}] for the field [{field}], which no mapping knows"),
                        instead: "map the field, or leave `missing` out",
                    });
                }
                Some(Value::Number(number)) => Some(Val::Fraction(Num::of(number).as_f64())),
                Some(value) => Some(Val::Text(text_of(value).into_owned())),
                None => None,
            };
            return Ok(ValuesSource { read: ReadFrom::Nothing, kind: None, missing });
        };
        shard.mapping.check_values(field)?;
        let shown = match &kind {
            FieldKind::Text => return Err(QueryRefusal::SortText(field.clone())),
            FieldKind::Keyword { .. } if !texts => return Err(not_for("keyword")),
            FieldKind::Keyword { .. } => ValKind::Text,
            FieldKind::Integer("unsigned_long")
            | FieldKind::Float("half_float" | "scaled_float")
            | FieldKind::Foreign(_) => {
                return Err(QueryRefusal::Unsupported {
                    what: format!("aggregations of the field [{field}] of type [{}]", kind.name()),
                    instead: "aggregate a field of type keyword, boolean, date, double, float or a whole number",
                });
            }
            FieldKind::Integer(_) => ValKind::Whole,
            FieldKind::Float(_) => ValKind::Fraction,
            FieldKind::Boolean => ValKind::Boolean,
            FieldKind::Date => {
                let own = shard.mapping.field(field).and_then(|field| field.option("format")?.as_str());
                let own = own.and_then(DatePattern::read);
                ValKind::Date(format.clone().or(own).unwrap_or(DatePattern::Iso))
            }
            FieldKind::Object => return Err(not_for("object")),
        };
        if let (Some(_), false) = (format, matches!(kind, FieldKind::Date)) {
            return Err(QueryRefusal::Unsupported {
                what: format!("[format] for the field [{field}] of type [{}]", kind.name()),
                instead: "leave it out",
            });
        }
        let missing = missing.as_ref().map(|value| missing_value(value, &kind, now)).transpose()?;
        let path = shard.mapping.source_path(field).to_owned();
        Ok(ValuesSource { read: ReadFrom::Field { path, kind }, kind: Some(shown), missing })
    }

    /// The values of a document, in their order; texts once each.
    pub(crate) fn of(&self, matched: &Matched<'_>, shard: &Shard<'_>) -> Vec<Val> {
        self.of_document(matched.document, shard)
    }

    /// The values as a hit shows them.
    pub(crate) fn shown(&self, document: &StoredDocument, shard: &Shard<'_>) -> Vec<Value> {
        let shown = |value| match (value, &self.kind) {
            (Val::Text(text), _) => Value::from(text),
            (Val::Whole(number), Some(ValKind::Boolean)) => Value::from(number != 0),
            (Val::Whole(at), Some(ValKind::Date(pattern))) => Value::from(pattern.write(at)),
            (Val::Whole(number), _) => Value::from(number),
            (Val::Fraction(number), _) => Value::from(number),
        };
        self.of_document(document, shard).into_iter().map(shown).collect()
    }

    fn of_document(&self, document: &StoredDocument, shard: &Shard<'_>) -> Vec<Val> {
        let source = &document.source;
        let mut values = Vec::new();
        match &self.read {
            ReadFrom::Nothing => {}
            ReadFrom::IndexName => values.push(Val::Text(shard.name.to_string())),
            ReadFrom::Ignored => values.extend(shard.mapping.ignored(source).into_iter().map(Val::Text)),
            ReadFrom::Field { path, kind } => {
                values_at(source, path, &mut |value| {
                    values.extend(value_of(value, kind));
                    false
                });
            }
        }
        values.sort_unstable();
        if matches!(values.first(), Some(Val::Text(_))) {
            values.dedup();
        }
        if values.is_empty() {
            values.extend(self.missing.clone());
        }
        values
    }
}

fn value_of(value: &Value, kind: &FieldKind) -> Option<Val> {
    match kind {
        FieldKind::Keyword { ignore_above } => {
            let text = text_of(value);
            let fits = text.len() <= *ignore_above || text.chars().count() <= *ignore_above;
            fits.then(|| Val::Text(text.into_owned()))
        }
        FieldKind::Integer(_) => match Num::stored(value)?.cut() {
            Num::Whole(number) => i64::try_from(number).ok().map(Val::Whole),
            Num::Fraction(_) => None,
        },
        FieldKind::Float("float") => Num::stored(value).map(|number| Val::Fraction(f64::from(number.as_f64() as f32))),
        FieldKind::Float(_) => Num::stored(value).map(|number| Val::Fraction(number.as_f64())),
        FieldKind::Boolean => boolean_of(value).map(|value| Val::Whole(value.into())),
        FieldKind::Date => millis_of(value).map(Val::Whole),
        FieldKind::Text | FieldKind::Object | FieldKind::Foreign(_) => None,
    }
}

/// The value that stands in for missing ones.
fn missing_value(value: &Value, kind: &FieldKind, now: Timestamp) -> Result<Val, QueryRefusal> {
    let text = text_of(value);
    match kind {
        FieldKind::Date => match Timestamp::parse_date_maths(&text, now, false) {
            Ok(at) => Ok(Val::Whole(at.as_millis())),
            Err(wrong) => Err(QueryRefusal::NoDate(wrong)),
        },
        // What stands in is not cut to the length that is indexed.
        FieldKind::Keyword { .. } => Ok(Val::Text(text.into_owned())),
        FieldKind::Boolean => boolean_of(value)
            .map(|value| Val::Whole(value.into()))
            .ok_or_else(|| QueryRefusal::NoBoolean(text.into_owned())),
        kind => value_of(value, kind).ok_or_else(|| QueryRefusal::NoNumber(text.into_owned())),
    }
}
