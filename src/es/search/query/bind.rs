//! Holding a [`Query`] against the fields of an index.

use std::collections::BTreeSet;

use serde_json::Value;

use super::filter::{Num, Test, TextTest, Whole, boolean_of, text_of};
use super::text::{lower, words};
use super::{Bool, FieldKind, Filter, MultiMatch, Query, QueryRefusal};
use crate::clock::{DateRefusal, Timestamp};
use crate::es::index::mapping::Mapping;
use crate::limits::{DOCVALUE_FIELDS_MAX, RESULT_WINDOW_MAX, TERMS_MAX};
use crate::wildcard::WildcardPattern;

/// Fields that every document has beside its source, and that cannot be searched here.
const METADATA: &[&str] = &[
    "_data_stream_timestamp",
    "_doc_count",
    "_feature",
    "_field_names",
    "_ignored_source",
    "_inference_fields",
    "_nested_path",
    "_primary_term",
    "_routing",
    "_seq_no",
    "_size",
    "_source",
    "_tier",
    "_tsid",
    "_version",
];

/// How large a query may be, as the settings of an index say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Values of a `terms` query.
    pub terms: u64,
    /// How far a page may reach, which is also how many ids a query may have.
    pub result_window: u64,
    /// Fields that are shown from their values.
    pub docvalue_fields: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            terms: TERMS_MAX as u64,
            result_window: RESULT_WINDOW_MAX as u64,
            docvalue_fields: DOCVALUE_FIELDS_MAX as u64,
        }
    }
}

/// An index and an instant, which give a query its sense.
#[derive(Clone, Copy)]
pub(super) struct Binding<'a> {
    index: &'a str,
    mapping: &'a Mapping,
    limits: Limits,
    now: Timestamp,
}

impl Query {
    /// Binds the query to the index of that name, with those fields and limits.
    ///
    /// # Errors
    /// When a value does not fit its field, the query's kind its type, or the query is too large.
    pub(crate) fn bind(
        &self,
        index: &str,
        mapping: &Mapping,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Filter, QueryRefusal> {
        Binding { index, mapping, limits, now }.query(self)
    }
}

impl Binding<'_> {
    fn query(&self, query: &Query) -> Result<Filter, QueryRefusal> {
        match query {
            Query::All => Ok(Filter::All),
            Query::None => Ok(Filter::None),
            Query::Ids(ids) if ids.len() as u64 > self.limits.result_window => {
                Err(QueryRefusal::TooManyIds { most: self.limits.result_window })
            }
            Query::Ids(ids) => Ok(Filter::Ids(ids.iter().cloned().collect())),
            Query::Constant(filter) | Query::Named(_, filter) => self.query(filter),
            Query::Bool(clauses) => self.bool(clauses),
            Query::Exists(field) => self.exists(field),
            Query::Terms { values, .. } if values.len() as u64 > self.limits.terms => {
                Err(QueryRefusal::TooManyTerms { given: values.len(), most: self.limits.terms })
            }
            Query::Terms { field, values } => self.terms(field, values.iter()),
            Query::Term { field, value, any_case: false } => self.terms(field, [value].into_iter()),
            Query::Term { field, value, any_case: true } => {
                let wanted = TextTest::AnyCase(lower(&text_of(value)));
                self.text_test(field, "case insensitive term", wanted)
            }
            Query::Prefix { field, value, any_case } => {
                let test =
                    if *any_case { TextTest::PrefixAnyCase(lower(value)) } else { TextTest::Prefix(value.clone()) };
                self.text_test(field, "prefix", test)
            }
            Query::Wildcard { field, value, any_case } => {
                let test = if *any_case {
                    TextTest::PatternAnyCase(WildcardPattern::read(&lower(value)))
                } else {
                    TextTest::Pattern(WildcardPattern::read(value))
                };
                self.text_test(field, "wildcard", test)
            }
            Query::WordPattern { field, value } => {
                let is_text = self.mapping.kind(field) == Some(FieldKind::Text);
                let pattern = if is_text { WildcardPattern::read(&lower(value)) } else { WildcardPattern::read(value) };
                self.text_test(field, "wildcard", TextTest::Pattern(pattern))
            }
            Query::Range { field, from, to } => self.range(field, from.as_ref(), to.as_ref()),
            Query::Match { field, value, lenient, .. } => match self.matching(query, field, value) {
                Err(_) if *lenient => Ok(Filter::None),
                bound => bound,
            },
            Query::Phrase { field, value, zero_terms_all } => self.phrase(field, value, *zero_terms_all),
            Query::MultiMatch(asked) => self.multi_match(asked),
            Query::AnyField { value, all } => {
                let bound = self.mapping.paths().into_iter().map(|field| {
                    let value = Value::from(value.as_str());
                    let lenient =
                        Query::Match { field, value, all: *all, minimum: None, zero_terms_all: false, lenient: true };
                    self.query(&lenient)
                });
                Ok(Filter::Some(bound.collect::<Result<_, _>>()?, 1))
            }
        }
    }

    fn bool(&self, clauses: &Bool) -> Result<Filter, QueryRefusal> {
        let all = |queries: &[Query]| queries.iter().map(|query| self.query(query)).collect::<Result<Vec<_>, _>>();
        let mut every = all(&clauses.filter)?;
        every.extend(all(&clauses.must)?);
        let should = all(&clauses.should)?;
        // Where nothing else is demanded, one of the optional clauses is.
        let least = usize::from(every.is_empty() && !should.is_empty());
        let wanted = clauses.minimum.as_ref().map_or(0, |minimum| minimum.of(should.len())).max(least);
        if wanted > 0 {
            every.push(Filter::Some(should, wanted));
        }
        every.extend(all(&clauses.must_not)?.into_iter().map(|filter| Filter::Not(Box::new(filter))));
        Ok(Filter::Every(every))
    }

    /// How a field is searched; none if nothing can be found there.
    fn kind(&self, field: &str) -> Result<Option<FieldKind>, QueryRefusal> {
        if METADATA.contains(&field) {
            return Err(QueryRefusal::Unsupported {
                what: format!("queries on the metadata field [{field}]"),
                instead: "query `_id`, `_index` or a field of the source",
            });
        }
        match self.mapping.kind(field) {
            Some(FieldKind::Foreign(kind)) => Err(QueryRefusal::Unsupported {
                what: format!("queries on the field [{field}] of type [{kind}]"),
                instead: "query a field of type keyword, text, boolean, date or a number",
            }),
            kind => self.mapping.check_indexed(field).map(|()| kind),
        }
    }

    /// The documents with a value of the field that passes: one of its own, or of a field that is copied to it, or a
    /// null where something stands for null.
    fn field(&self, field: &str, test: Test) -> Filter {
        let mut paths = self.paths(field);
        if paths.len() == 1 && self.null_value(field).is_none() {
            return Filter::Field { path: paths.remove(0), test };
        }
        let null = self.null_value(field).filter(|value| test.passes(value)).map(|_| Filter::Null(paths[0].clone()));
        let of_paths = paths.into_iter().map(|path| Filter::Field { path, test: test.clone() });
        Filter::Some(of_paths.chain(null).collect(), 1)
    }

    /// Where a document has the values of a field.
    fn paths(&self, field: &str) -> Vec<String> {
        let own = self.mapping.source_path(field);
        std::iter::once(own.to_owned()).chain(self.mapping.copied_to(own).iter().cloned()).collect()
    }

    /// What stands for null in a field.
    fn null_value(&self, field: &str) -> Option<&Value> {
        self.mapping.field(field)?.option("null_value").filter(|value| !value.is_null())
    }

    fn exists(&self, field: &str) -> Result<Filter, QueryRefusal> {
        if matches!(field, "_id" | "_index") {
            return Ok(Filter::All);
        }
        if field == "_ignored" {
            return Ok(self.ignored(|_| true));
        }
        if field.contains('*') {
            let pattern = WildcardPattern::of_name(field);
            let fits = self.mapping.paths().into_iter().filter(|path| pattern.fits(path));
            return Ok(Filter::Some(fits.map(|path| self.stored(&path)).collect(), 1));
        }
        match self.mapping.kind(field) {
            None => self.kind(field).map(|_| Filter::None),
            Some(_) => self.mapping.check_indexed(field).map(|()| self.stored(field)),
        }
    }

    fn stored(&self, field: &str) -> Filter {
        let mut paths = self.paths(field);
        if paths.len() == 1 && self.null_value(field).is_none() {
            return Filter::Exists(paths.remove(0));
        }
        let null = self.null_value(field).map(|_| Filter::Null(paths[0].clone()));
        Filter::Some(paths.into_iter().map(Filter::Exists).chain(null).collect(), 1)
    }

    fn terms<'v>(&self, field: &str, values: impl Iterator<Item = &'v Value>) -> Result<Filter, QueryRefusal> {
        let texts = |values: &mut dyn Iterator<Item = &'v Value>| -> BTreeSet<String> {
            values.map(|value| text_of(value).into_owned()).collect()
        };
        let mut values = values;
        match field {
            "_id" => return Ok(Filter::Ids(texts(&mut values))),
            "_index" => {
                let here = values.any(|name| WildcardPattern::of_name(&text_of(name)).fits(self.index));
                return Ok(if here { Filter::All } else { Filter::None });
            }
            "_ignored" => {
                let names = texts(&mut values);
                return Ok(self.ignored(|path| names.contains(path)));
            }
            _ => {}
        }
        let test = match self.kind(field)? {
            None | Some(FieldKind::Object | FieldKind::Foreign(_)) => return Ok(Filter::None),
            Some(FieldKind::Keyword { ignore_above }) => Test::Keyword(texts(&mut values), Whole { ignore_above }),
            Some(FieldKind::Text) => Test::Word(texts(&mut values)),
            Some(FieldKind::Integer(_) | FieldKind::Float(_)) => {
                Test::Number(values.map(number).collect::<Result<_, _>>()?)
            }
            Some(FieldKind::Boolean) => Test::Boolean(values.map(boolean).collect::<Result<_, _>>()?),
            Some(FieldKind::Date) => Test::Date(values.map(|value| self.day(value)).collect::<Result<_, _>>()?),
        };
        Ok(self.field(field, test))
    }

    /// A date of a `term` stands for all of its milliseconds, days or years.
    fn day(&self, value: &Value) -> Result<(i64, i64), QueryRefusal> {
        let at = |round_up| self.date(value, round_up).map_err(QueryRefusal::NoDateTerm);
        Ok((at(false)?.as_millis(), at(true)?.as_millis()))
    }

    fn date(&self, value: &Value, round_up: bool) -> Result<Timestamp, DateRefusal> {
        Timestamp::parse_date_maths(&text_of(value), self.now, round_up)
    }

    fn text_test(&self, field: &str, query: &'static str, test: TextTest) -> Result<Filter, QueryRefusal> {
        let kind = match field {
            "_id" => Some(FieldKind::Foreign("_id".to_owned())),
            "_index" => {
                let whole = Test::Text(test, Whole { ignore_above: usize::MAX });
                let named = crate::es::document::source::Source::new().with("_index", Value::from(self.index));
                let here = Filter::Field { path: "_index".to_owned(), test: whole }.matches("", &named);
                return Ok(if here { Filter::All } else { Filter::None });
            }
            "_ignored" => return Ok(self.ignored(|path| test.passes(path))),
            _ => self.kind(field)?,
        };
        match kind {
            None | Some(FieldKind::Object) => Ok(Filter::None),
            Some(FieldKind::Keyword { ignore_above }) => {
                Ok(self.field(field, Test::Text(test, Whole { ignore_above })))
            }
            Some(FieldKind::Text) => Ok(self.field(field, Test::WordText(test))),
            Some(kind) => {
                Err(QueryRefusal::NotForType { query, field: field.to_owned(), kind: kind.name().to_owned() })
            }
        }
    }

    /// Documents with a value that was too long to be indexed, in a field whose path passes.
    fn ignored(&self, passes: impl Fn(&str) -> bool) -> Filter {
        let limited = self.mapping.limited().into_iter().filter(|(path, _)| passes(path));
        let longer = limited.map(|(path, most)| {
            let path = self.mapping.source_path(&path).to_owned();
            Filter::Longer { path, most }
        });
        Filter::Some(longer.collect(), 1)
    }

    fn range(
        &self,
        field: &str,
        from: Option<&(Value, bool)>,
        to: Option<&(Value, bool)>,
    ) -> Result<Filter, QueryRefusal> {
        let not_for = |kind: &str| {
            Err(QueryRefusal::NotForType { query: "range", field: field.to_owned(), kind: kind.to_owned() })
        };
        if matches!(field, "_id" | "_index" | "_ignored") {
            return not_for(field);
        }
        let kind = self.kind(field)?;
        // Without bounds the field must only be there.
        if from.is_none() && to.is_none() {
            return self.exists(field);
        }
        let text = |bound: Option<&(Value, bool)>| bound.map(|(value, within)| (text_of(value).into_owned(), *within));
        let test = match kind {
            None | Some(FieldKind::Object | FieldKind::Foreign(_)) => return Ok(Filter::None),
            Some(FieldKind::Keyword { ignore_above }) => {
                Test::Text(TextTest::Range(text(from), text(to)), Whole { ignore_above })
            }
            Some(FieldKind::Text) => Test::WordText(TextTest::Range(text(from), text(to))),
            Some(FieldKind::Integer(_) | FieldKind::Float(_)) => {
                let bound = |bound: Option<&(Value, bool)>| {
                    bound.map(|(value, within)| Ok((number(value)?, *within))).transpose()
                };
                Test::NumberRange(bound(from)?, bound(to)?)
            }
            Some(FieldKind::Date) => {
                // What is left out or rounded off is filled up so that the bound lies as far out as it
                // can, or as far in if it is not itself within.
                let bound = |(value, within): &(Value, bool), upper: bool| {
                    let at = self.date(value, upper == *within).map_err(QueryRefusal::NoDate)?.as_millis();
                    Ok(if *within { at } else { at + if upper { -1 } else { 1 } })
                };
                let from = from.map_or(Ok(i64::MIN), |from| bound(from, false))?;
                let to = to.map_or(Ok(i64::MAX), |to| bound(to, true))?;
                Test::Date(vec![(from, to)])
            }
            Some(FieldKind::Boolean) => return not_for("boolean"),
        };
        Ok(self.field(field, test))
    }

    fn matching(&self, query: &Query, field: &str, value: &Value) -> Result<Filter, QueryRefusal> {
        let Query::Match { all, minimum, zero_terms_all, .. } = query else {
            return Ok(Filter::None);
        };
        if matches!(field, "_id" | "_index") || self.kind(field)? != Some(FieldKind::Text) {
            return self.terms(field, [value].into_iter());
        }
        let wanted_words: BTreeSet<String> = words(&text_of(value)).map(lower).collect();
        if wanted_words.is_empty() {
            return Ok(if *zero_terms_all { Filter::All } else { Filter::None });
        }
        let count = wanted_words.len();
        let wanted = match (all, minimum) {
            (true, _) => count,
            (false, Some(minimum)) => minimum.of(count).max(1),
            (false, None) => 1,
        };
        Ok(Filter::Words { paths: self.paths(field), words: wanted_words.into_iter().collect(), wanted })
    }
}

impl Binding<'_> {
    fn phrase(&self, field: &str, value: &Value, zero_terms_all: bool) -> Result<Filter, QueryRefusal> {
        if matches!(field, "_id" | "_index") || self.kind(field)? != Some(FieldKind::Text) {
            return self.terms(field, [value].into_iter());
        }
        let words: Vec<String> = words(&text_of(value)).map(lower).collect();
        Ok(match words.is_empty() {
            true if zero_terms_all => Filter::All,
            true => Filter::None,
            false => {
                let mut phrases: Vec<Filter> =
                    self.paths(field).into_iter().map(|path| Filter::Phrase { path, words: words.clone() }).collect();
                if phrases.len() == 1 { phrases.remove(0) } else { Filter::Some(phrases, 1) }
            }
        })
    }

    fn multi_match(&self, asked: &MultiMatch) -> Result<Filter, QueryRefusal> {
        let MultiMatch { fields, value, is_phrase, all, minimum, zero_terms_all, lenient } = asked;
        let everywhere = ["*".to_owned()];
        let fields = if fields.is_empty() { &everywhere[..] } else { fields };
        let is_all = fields.len() == 1 && fields[0] == "*";
        let lenient = lenient.unwrap_or(is_all);
        let mut found: Vec<String> = Vec::new();
        for field in fields {
            if field.contains('*') {
                let pattern = WildcardPattern::of_name(field);
                let paths = self.mapping.paths().into_iter().filter(|path| pattern.fits(path));
                found.extend(
                    paths.filter(|path| !matches!(self.mapping.kind(path), None | Some(FieldKind::Foreign(_)))),
                );
            } else if self.kind(field)?.is_some() || field == "_id" {
                found.push(field.clone());
            }
        }
        let bound = found.into_iter().map(|field| {
            let value = value.clone();
            let bound = match is_phrase {
                true => self.phrase(&field, &value, *zero_terms_all),
                false => self.query(&Query::Match {
                    field,
                    value,
                    all: *all,
                    minimum: minimum.clone(),
                    zero_terms_all: *zero_terms_all,
                    lenient,
                }),
            };
            bound.or_else(|fault| if lenient { Ok(Filter::None) } else { Err(fault) })
        });
        Ok(Filter::Some(bound.collect::<Result<_, _>>()?, 1))
    }
}

fn number(value: &Value) -> Result<Num, QueryRefusal> {
    Num::stored(value).ok_or_else(|| QueryRefusal::NoNumber(text_of(value).into_owned()))
}

fn boolean(value: &Value) -> Result<bool, QueryRefusal> {
    boolean_of(value).ok_or_else(|| QueryRefusal::NoBoolean(text_of(value).into_owned()))
}
