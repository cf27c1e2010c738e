//! By what hits are sorted: [`SortField`], bound to an index as a [`Sorter`], which gives each document
//! its [`SortKey`]s.
//!
//! Source: Elasticsearch 9.x, field, score and document sorts, and how Lucene places what is missing.

use std::cmp::Ordering;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::es::document::shared::SharedValue;
use crate::es::document::source::{Source, StoredDocument};
use crate::es::index::mapping::Mapping;
use crate::es::search::query::{FieldKind, Num, QueryRefusal, boolean_of, millis_of, text_of, values_at};

/// One thing that hits are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortField {
    /// What it is.
    pub by: By,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What hits can be sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum By {
    /// The score.
    Score,
    /// The order of writing, in each index for itself.
    Doc,
    /// The order of writing, one index after the other.
    ShardDoc,
    /// A field.
    Field(FieldSort),
}

/// How a field is sorted by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSort {
    /// The field's path.
    pub field: String,
    /// Where documents without a value go.
    pub missing: Missing,
    /// What type the field is taken to have where the index does not know it.
    pub unmapped_type: Option<String>,
    /// Which of several values counts.
    pub mode: Option<SortMode>,
    /// How a date is shown and read.
    pub format: Option<DateFormat>,
    /// What type of number its values are taken to be, if that is said.
    pub numeric_type: Option<String>,
}

/// Where documents without a value go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Missing {
    /// Behind all others.
    #[default]
    Last,
    /// Before all others.
    First,
    /// Where this value is.
    Value(Value),
}

/// Which of several values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortMode {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// All together.
    Sum,
    /// Their mean.
    Avg,
    /// The one in the middle.
    Median,
}

impl SortMode {
    /// The mode of that name, in any letter case.
    pub(crate) fn named(name: &str) -> Option<SortMode> {
        Some(match name.to_ascii_lowercase().as_str() {
            "min" => SortMode::Min,
            "max" => SortMode::Max,
            "sum" => SortMode::Sum,
            "avg" => SortMode::Avg,
            "median" => SortMode::Median,
            _ => return None,
        })
    }
}

/// How a date is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateFormat {
    /// As an instant with milliseconds.
    Iso,
    /// As digits.
    EpochMillis,
}

impl DateFormat {
    /// The format of that name, as far as there is one here.
    pub(crate) fn named(name: &str) -> Option<DateFormat> {
        match name {
            "strict_date_optional_time" | "date_optional_time" | "strict_date_optional_time||epoch_millis" => {
                Some(DateFormat::Iso)
            }
            "epoch_millis" => Some(DateFormat::EpochMillis),
            _ => None,
        }
    }
}

/// What a document is sorted by, in one respect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey {
    /// A whole number, and as what it is shown.
    Whole(i64, ShownAs),
    /// A number with a fraction.
    Fraction(f64),
    /// A text; none where there is no value.
    Text(Option<String>),
}

/// As what a whole number is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownAs {
    /// As itself.
    Number,
    /// As true or false.
    Boolean,
    /// As a date.
    Date(DateFormat),
}

impl SortKey {
    /// The key as an answer shows it.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            SortKey::Whole(number, ShownAs::Number) => Value::from(*number),
            SortKey::Whole(number, ShownAs::Boolean) => Value::from(*number != 0),
            SortKey::Whole(number, ShownAs::Date(DateFormat::Iso)) => {
                Value::from(Timestamp::from_millis(*number).to_string())
            }
            SortKey::Whole(number, ShownAs::Date(DateFormat::EpochMillis)) => Value::from(number.to_string()),
            SortKey::Fraction(number) if number.is_finite() => Value::from(*number),
            SortKey::Fraction(number) => Value::from(if *number > 0.0 { "Infinity" } else { "-Infinity" }),
            SortKey::Text(text) => Value::from(text.clone()),
        }
    }
}

/// A [`SortField`] that knows its index.
#[derive(Clone, Debug)]
pub(crate) struct Sorter {
    read: SortRead,
    descending: bool,
    missing: Missing,
}

#[derive(Clone, Debug)]
enum SortRead {
    Score,
    Doc,
    ShardDoc,
    Field { path: String, field: String, kind: FieldKind, mode: SortMode, shown: ShownAs },
}

/// What is known of a document when it is sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortPlace<'a> {
    /// The document.
    pub document: &'a StoredDocument,
    /// The number of its index among those that are searched.
    pub shard: usize,
    /// Its score.
    pub score: f64,
}

impl SortField {
    /// By a field, or by one of the names that stand for something else.
    pub(crate) fn named(name: &str) -> SortField {
        let by = match name {
            "_score" => By::Score,
            "_doc" => By::Doc,
            "_shard_doc" => By::ShardDoc,
            field => By::Field(FieldSort { field: field.to_owned(), ..FieldSort::default() }),
        };
        let descending = by == By::Score;
        SortField { by, descending }
    }

    /// Binds it to an index.
    ///
    /// # Errors
    /// When the index does not know the field, or cannot sort by it.
    pub(crate) fn bind(&self, mapping: &Mapping) -> Result<Sorter, QueryRefusal> {
        let (read, missing) = match &self.by {
            By::Score => (SortRead::Score, Missing::Last),
            By::Doc => (SortRead::Doc, Missing::Last),
            By::ShardDoc => (SortRead::ShardDoc, Missing::Last),
            By::Field(sort) => (sort.read(mapping, self.descending)?, sort.missing.clone()),
        };
        Ok(Sorter { read, descending: self.descending, missing })
    }
}

impl FieldSort {
    fn read(&self, mapping: &Mapping, descending: bool) -> Result<SortRead, QueryRefusal> {
        let field = self.field.clone();
        if field == "_id" {
            return Err(QueryRefusal::SortId);
        }
        let kind = match (mapping.kind(&field), self.unmapped_type.as_deref()) {
            (None | Some(FieldKind::Object), None) => return Err(QueryRefusal::SortUnmapped(field)),
            (None | Some(FieldKind::Object), Some(name)) => FieldKind::unmapped(name),
            (Some(kind), _) => kind,
        };
        mapping.check_values(&field)?;
        let own = match &kind {
            FieldKind::Integer(_) => "long",
            FieldKind::Float(_) => "double",
            FieldKind::Date => "date",
            _ => "none",
        };
        if let Some(asked) = self.numeric_type.as_deref().filter(|asked| *asked != own) {
            return Err(QueryRefusal::Unsupported {
                what: format!("[numeric_type] of [{asked}] for the field [{field}] of type [{}]", kind.name()),
                instead: "leave it out",
            });
        }
        let mode = self.mode.unwrap_or(if descending { SortMode::Max } else { SortMode::Min });
        let shown = match &kind {
            FieldKind::Text => return Err(QueryRefusal::SortText(field)),
            FieldKind::Object | FieldKind::Foreign(_) => {
                return Err(QueryRefusal::Unsupported {
                    what: format!("sorting by the field [{field}] of type [{}]", kind.name()),
                    instead: "sort by a field of type keyword, boolean, date or a number",
                });
            }
            FieldKind::Keyword { .. } if !matches!(mode, SortMode::Min | SortMode::Max) => {
                return Err(QueryRefusal::SortMode);
            }
            FieldKind::Boolean => ShownAs::Boolean,
            FieldKind::Date => self.format.map_or(ShownAs::Number, ShownAs::Date),
            _ => ShownAs::Number,
        };
        Ok(SortRead::Field { path: mapping.source_path(&field).to_owned(), field, kind, mode, shown })
    }
}

impl Sorter {
    /// The key of a document.
    ///
    /// # Errors
    /// When the value that stands in for a missing one is not of the field's type.
    pub(crate) fn key(&self, place: &SortPlace<'_>) -> Result<SortKey, QueryRefusal> {
        let number = place.document.seq_no as i64;
        match &self.read {
            SortRead::Score => Ok(SortKey::Fraction(place.score)),
            SortRead::Doc => Ok(SortKey::Whole(number, ShownAs::Number)),
            SortRead::ShardDoc => Ok(SortKey::Whole(((place.shard as i64) << 32) | number, ShownAs::Number)),
            SortRead::Field { path, kind, mode, shown, .. } => {
                match value_key(&place.document.source, path, kind, *mode, *shown) {
                    Some(key) => Ok(key),
                    None => self.missing_key(),
                }
            }
        }
    }

    /// The key that a value of `search_after` stands for.
    ///
    /// # Errors
    /// When it is not of the field's type.
    pub(crate) fn key_after(&self, value: &Value, now: Timestamp) -> Result<SortKey, QueryRefusal> {
        match (&self.read, value) {
            (SortRead::Field { .. }, Value::Null) => self.missing_key(),
            (SortRead::Field { field, kind, shown, .. }, value) => self.key_of(field, kind, *shown, value, now),
            (SortRead::Score, value) => {
                let score = Num::stored(value).ok_or_else(|| wrong_after("_score"))?;
                Ok(SortKey::Fraction(score.as_f64()))
            }
            (SortRead::Doc, value) => whole(value, "_doc"),
            (SortRead::ShardDoc, value) => whole(value, "_shard_doc"),
        }
    }

    fn key_of(
        &self,
        field: &str,
        kind: &FieldKind,
        shown: ShownAs,
        value: &Value,
        now: Timestamp,
    ) -> Result<SortKey, QueryRefusal> {
        Ok(match kind {
            FieldKind::Keyword { .. } => SortKey::Text(Some(text_of(value).into_owned())),
            FieldKind::Float(_) => SortKey::Fraction(fraction(value).ok_or_else(|| wrong_after(field))?),
            FieldKind::Boolean => {
                let flag = boolean_of(value).map(i64::from).or_else(|| value.as_i64());
                SortKey::Whole(flag.ok_or_else(|| wrong_after(field))?, shown)
            }
            FieldKind::Date => match value {
                // A date that was missing is shown by a number that is none.
                Value::Number(number) if number.as_i64().is_some() => {
                    SortKey::Whole(number.as_i64().unwrap_or_default(), shown)
                }
                value => {
                    let at = Timestamp::parse_date_maths(&text_of(value), now, false).map_err(QueryRefusal::NoDate)?;
                    SortKey::Whole(at.as_millis(), shown)
                }
            },
            _ => return whole(value, field),
        })
    }

    fn missing_key(&self) -> Result<SortKey, QueryRefusal> {
        let SortRead::Field { field, kind, shown, .. } = &self.read else {
            return Ok(SortKey::Text(None));
        };
        // Lucene has numbers for what is missing, the largest or the smallest that there are.
        let far = (self.missing == Missing::First) == self.descending;
        match (&self.missing, kind) {
            (Missing::Value(value), kind) => self.key_of(field, kind, *shown, value, Timestamp::default()),
            (_, FieldKind::Keyword { .. }) => Ok(SortKey::Text(None)),
            (_, FieldKind::Float(_)) => Ok(SortKey::Fraction(if far { f64::INFINITY } else { f64::NEG_INFINITY })),
            // An instant that is none cannot be written as a date.
            (_, FieldKind::Date) => Ok(SortKey::Whole(if far { i64::MAX } else { i64::MIN }, ShownAs::Number)),
            _ => Ok(SortKey::Whole(if far { i64::MAX } else { i64::MIN }, *shown)),
        }
    }

    /// Which of two keys comes first.
    pub(crate) fn compare(&self, one: &SortKey, other: &SortKey) -> Ordering {
        let first = self.missing == Missing::First;
        let order = match (one, other) {
            (SortKey::Whole(one, _), SortKey::Whole(other, _)) => one.cmp(other),
            (SortKey::Fraction(one), SortKey::Fraction(other)) => one.total_cmp(other),
            (SortKey::Text(None), SortKey::Text(None)) => Ordering::Equal,
            // Without a value means at one end, whatever the direction.
            (SortKey::Text(None), _) => return if first { Ordering::Less } else { Ordering::Greater },
            (_, SortKey::Text(None)) => return if first { Ordering::Greater } else { Ordering::Less },
            (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
            // A field that has two types in two indices: the types are kept apart.
            (one, other) => rank(one).cmp(&rank(other)),
        };
        if self.descending { order.reverse() } else { order }
    }
}

fn rank(key: &SortKey) -> u8 {
    match key {
        SortKey::Whole(..) => 0,
        SortKey::Fraction(_) => 1,
        SortKey::Text(_) => 2,
    }
}

impl FieldKind {
    /// The kind of a field that an index does not know and a sort says the type of.
    fn unmapped(name: &str) -> FieldKind {
        match name {
            "double" | "float" | "half_float" | "scaled_float" => FieldKind::Float("double"),
            "date" => FieldKind::Date,
            "boolean" => FieldKind::Boolean,
            "keyword" => FieldKind::Keyword { ignore_above: usize::MAX },
            "long" | "integer" | "short" | "byte" => FieldKind::Integer("long"),
            other => FieldKind::Foreign(other.to_owned()),
        }
    }
}

fn wrong_after(field: &str) -> QueryRefusal {
    QueryRefusal::SearchAfterValue { field: field.to_owned() }
}

fn whole(value: &Value, field: &str) -> Result<SortKey, QueryRefusal> {
    match Num::stored(value).map(Num::cut) {
        Some(Num::Whole(number)) => Ok(SortKey::Whole(clamped(number), ShownAs::Number)),
        _ => Err(wrong_after(field)),
    }
}

fn clamped(number: i128) -> i64 {
    number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

fn fraction(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => Num::stored(value).map(Num::as_f64),
    }
}

/// The key of the values at a path; none if there are none.
fn value_key(source: &Source, path: &str, kind: &FieldKind, mode: SortMode, shown: ShownAs) -> Option<SortKey> {
    match kind {
        FieldKind::Keyword { ignore_above } => {
            let mut best: Option<String> = None;
            values_at(source, path, &mut |value| {
                let text = text_of(value);
                let better =
                    best.as_ref().is_none_or(|best| (*text < **best) == (mode == SortMode::Min) && *text != **best);
                if better && (text.len() <= *ignore_above || text.chars().count() <= *ignore_above) {
                    best = Some(text.into_owned());
                }
                false
            });
            best.map(|text| SortKey::Text(Some(text)))
        }
        FieldKind::Float(_) => {
            let numbers = numbers(source, path, |value| Num::stored(value).map(Num::as_f64));
            (!numbers.is_empty()).then(|| SortKey::Fraction(mode.of_fractions(numbers)))
        }
        FieldKind::Boolean => whole_key(numbers(source, path, |value| boolean_of(value).map(i64::from)), mode, shown),
        FieldKind::Date => match source.field(path).and_then(SharedValue::as_instant) {
            // An instant that the server has written need not be read.
            Some(at) => Some(SortKey::Whole(at.as_millis(), shown)),
            None => whole_key(numbers(source, path, millis_of), mode, shown),
        },
        _ => {
            let wholes = numbers(source, path, |value| match Num::stored(value).map(Num::cut) {
                Some(Num::Whole(number)) => Some(clamped(number)),
                _ => None,
            });
            whole_key(wholes, mode, shown)
        }
    }
}

fn whole_key(numbers: Vec<i64>, mode: SortMode, shown: ShownAs) -> Option<SortKey> {
    (!numbers.is_empty()).then(|| SortKey::Whole(mode.of_wholes(numbers), shown))
}

fn numbers<T>(source: &Source, path: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let mut numbers = Vec::new();
    values_at(source, path, &mut |value| {
        numbers.extend(read(value));
        false
    });
    numbers
}

impl SortMode {
    /// One of several numbers, of which there is at least one.
    fn of_wholes(self, mut numbers: Vec<i64>) -> i64 {
        let count = numbers.len();
        let sum = || numbers.iter().map(|number| i128::from(*number)).sum::<i128>();
        match self {
            SortMode::Min => numbers.into_iter().min().unwrap_or_default(),
            SortMode::Max => numbers.into_iter().max().unwrap_or_default(),
            SortMode::Sum => clamped(sum()),
            SortMode::Avg => (sum() as f64 / count as f64).round() as i64,
            SortMode::Median => {
                numbers.sort_unstable();
                let (low, high) = (numbers[(count - 1) / 2], numbers[count / 2]);
                ((i128::from(low) + i128::from(high)) as f64 / 2.0).round() as i64
            }
        }
    }

    fn of_fractions(self, mut numbers: Vec<f64>) -> f64 {
        numbers.sort_by(f64::total_cmp);
        let count = numbers.len();
        match self {
            SortMode::Min => numbers[0],
            SortMode::Max => numbers[count - 1],
            SortMode::Sum => numbers.iter().sum(),
            SortMode::Avg => numbers.iter().sum::<f64>() / count as f64,
            SortMode::Median => (numbers[(count - 1) / 2] + numbers[count / 2]) / 2.0,
        }
    }
}
