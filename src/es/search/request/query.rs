//! From JSON to a [`Query`], refusing what the server's query builders refuse, where they refuse it.
//!
//! Source: Elasticsearch 9.x, one builder after the other.

use serde_json::Value;

use super::reader::{BodyReader, is_value};
use crate::es::error::{self, Exception};
use crate::es::search::query::{Bool, Minimum, MultiMatch, Query};
use crate::es::search::words;
use crate::json::Token;
use crate::limits::QUERY_DEPTH_MAX;

/// A query's body: the tokens between its braces.
type QueryReader = fn(&mut BodyReader<'_>, usize) -> Result<Query, Exception>;

/// The queries that are spoken here.
const SPOKEN: &[(&str, QueryReader)] = &[
    ("bool", bool),
    ("constant_score", constant_score),
    ("exists", exists),
    ("ids", ids),
    ("match", matching),
    ("match_all", |reader, _| plain(reader, "match_all", Query::All)),
    ("match_none", |reader, _| plain(reader, "match_none", Query::None)),
    ("match_phrase", match_phrase),
    ("multi_match", multi_match),
    ("prefix", |reader, _| text_query(reader, "prefix", &["value"])),
    ("range", range),
    ("term", term),
    ("terms", terms),
    ("wildcard", |reader, _| text_query(reader, "wildcard", &["wildcard", "value"])),
];

/// The queries that Elasticsearch has and that are not spoken here, each with the nearest one that is.
// DIFFERENCE: Elasticsearch has them all.
const UNSPOKEN: &[(&str, &str)] = &[
    ("boosting", "bool"),
    ("combined_fields", "match"),
    ("dis_max", "bool"),
    ("distance_feature", "range"),
    ("function_score", "bool"),
    ("fuzzy", "match"),
    ("geo_bounding_box", "range"),
    ("geo_distance", "range"),
    ("geo_grid", "range"),
    ("geo_shape", "range"),
    ("has_child", "bool"),
    ("has_parent", "bool"),
    ("intervals", "match"),
    ("knn", "match_all"),
    ("match_bool_prefix", "match"),
    ("match_phrase_prefix", "match"),
    ("more_like_this", "match"),
    ("nested", "bool"),
    ("parent_id", "term"),
    ("percolate", "match"),
    ("pinned", "ids"),
    ("query_string", "match"),
    ("rank_feature", "range"),
    ("regexp", "wildcard"),
    ("rule", "ids"),
    ("script", "bool"),
    ("script_score", "bool"),
    ("semantic", "match"),
    ("shape", "range"),
    ("simple_query_string", "match"),
    ("span_containing", "match"),
    ("span_field_masking", "match"),
    ("span_first", "match"),
    ("span_multi", "match"),
    ("span_near", "match"),
    ("span_not", "match"),
    ("span_or", "match"),
    ("span_term", "term"),
    ("span_within", "match"),
    ("sparse_vector", "match"),
    ("terms_set", "terms"),
    ("text_expansion", "match"),
    ("weighted_tokens", "match"),
    ("wrapper", "bool"),
];

/// Reads a query. The current token is its opening brace, or the next one is.
pub(crate) fn query(reader: &mut BodyReader<'_>, is_open: bool, depth: usize) -> Result<Query, Exception> {
    if depth >= QUERY_DEPTH_MAX {
        return Err(words::query_too_deep());
    }
    if !is_open && reader.next()? != Some(Token::StartObject) {
        return Err(words::query_not_started(reader.at()));
    }
    let Some(name) = reader.name()? else {
        return Err(words::query_empty(reader.at()));
    };
    if reader.value()? != Token::StartObject {
        return Err(words::query_no_object(reader.at(), &name));
    }
    let Some((_, build)) = SPOKEN.iter().find(|(known, _)| *known == name) else {
        return Err(match UNSPOKEN.iter().find(|(known, _)| *known == name) {
            Some((_, nearest)) => words::unsupported_query(reader.at(), &name, nearest),
            None => {
                let known = SPOKEN.iter().map(|(known, _)| *known).chain(UNSPOKEN.iter().map(|(known, _)| *known));
                words::unknown_query(reader.at(), &name, known)
            }
        });
    };
    let outer = reader.query_name.take();
    let query = build(reader, depth + 1)?;
    let own = std::mem::replace(&mut reader.query_name, outer);
    if reader.next()? != Some(Token::EndObject) {
        return Err(words::query_not_ended(reader.at(), &name, reader.token()));
    }
    Ok(match own {
        Some(own) => Query::Named(own, Box::new(query)),
        None => query,
    })
}

/// A query without a body of its own.
fn plain(reader: &mut BodyReader<'_>, name: &str, query: Query) -> Result<Query, Exception> {
    while let Some(member) = reader.name()? {
        let at = reader.at();
        let token = reader.value()?;
        if !standard(reader, &member, token)? {
            // The one of the two is declared to the server's object parser, the other written by hand.
            return Err(match (name, is_value(token)) {
                ("match_all", _) => words::unknown_parameter(at, name, &member, &["boost", "_name"]),
                (_, true) => words::query_not_supporting(reader.at(), name, &member),
                (_, false) => words::query_unknown_token(reader.at(), name, token.name(), &member),
            });
        }
    }
    Ok(query)
}

/// Takes the members that every query has: a boost, which changes nothing here, and a name.
fn standard(reader: &mut BodyReader<'_>, member: &str, token: Token) -> Result<bool, Exception> {
    match member {
        "boost" if is_value(token) => reader.float().map(|_| true),
        "_name" if is_value(token) => {
            reader.query_name = Some(reader.text()?);
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn bool(reader: &mut BodyReader<'_>, depth: usize) -> Result<Query, Exception> {
    const MEMBERS: [&str; 8] =
        ["must", "should", "must_not", "filter", "adjust_pure_negative", "minimum_should_match", "_name", "boost"];
    let mut clauses = Bool::default();
    while let Some(member) = reader.name()? {
        let name_at = reader.at();
        let token = reader.value()?;
        let list = match member.as_str() {
            "must" => &mut clauses.must,
            "filter" => &mut clauses.filter,
            "should" => &mut clauses.should,
            "must_not" => &mut clauses.must_not,
            known if MEMBERS.contains(&known) => {
                match (known, token) {
                    ("minimum_should_match", Token::Null) => {}
                    ("minimum_should_match", token) if is_value(token) => {
                        clauses.minimum = Some(minimum(&reader.text()?)?);
                    }
                    ("adjust_pure_negative", Token::Boolean(_) | Token::String) => {
                        let read = reader.boolean();
                        read.map_err(|cause| wrapped(reader, &member, cause))?;
                    }
                    ("boost", Token::Number | Token::String) => {
                        reader.float().map_err(|cause| wrapped(reader, &member, cause))?;
                    }
                    ("_name", Token::String) => reader.query_name = Some(reader.text()?),
                    (_, token) => return Err(error::wrong_token(reader.at(), "bool", known, token.name())),
                }
                continue;
            }
            _ => return Err(words::unknown_parameter(name_at, "bool", &member, &MEMBERS)),
        };
        let read = match token {
            Token::Null => Ok(()),
            Token::StartObject => query(reader, true, depth).map(|clause| list.push(clause)),
            Token::StartArray => clause_list(reader, list, depth),
            token => return Err(error::wrong_token(reader.at(), "bool", &member, token.name())),
        };
        read.map_err(|cause| wrapped(reader, &member, cause))?;
    }
    Ok(Query::Bool(Box::new(clauses)))
}

fn clause_list(reader: &mut BodyReader<'_>, list: &mut Vec<Query>, depth: usize) -> Result<(), Exception> {
    while let Some(token) = reader.item()? {
        match token {
            Token::StartObject => list.push(query(reader, true, depth)?),
            // The builder goes on to the next token to look for a brace there.
            _ => list.push(query(reader, false, depth)?),
        }
    }
    Ok(())
}

/// What is wrong with a clause, told by the `bool` around it.
fn wrapped(reader: &BodyReader<'_>, member: &str, cause: Exception) -> Exception {
    if cause.is_unsupported() {
        return cause;
    }
    error::failed_field(reader.at(), "bool", member, cause)
}

fn minimum(text: &str) -> Result<Minimum, Exception> {
    Minimum::read(text).map_err(|part| words::no_number_format(&part))
}

fn constant_score(reader: &mut BodyReader<'_>, depth: usize) -> Result<Query, Exception> {
    const NAME: &str = "constant_score";
    let mut filter = None;
    while let Some(member) = reader.name()? {
        match (member.as_str(), reader.value()?) {
            ("filter", Token::StartObject) if filter.is_some() => return Err(words::constant_several(reader.at())),
            ("filter", Token::StartObject) => filter = Some(query(reader, true, depth)?),
            (_, token) if is_value(token) && standard(reader, &member, token)? => {}
            (_, token) if is_value(token) || token == Token::StartObject => {
                return Err(words::query_not_supporting(reader.at(), NAME, &member));
            }
            (_, token) => return Err(words::unexpected_token(reader.at(), token.name())),
        }
    }
    match filter {
        Some(filter) => Ok(Query::Constant(Box::new(filter))),
        None => Err(words::constant_none(reader.at())),
    }
}

fn exists(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    let mut field = None;
    while let Some(member) = reader.name()? {
        match (member.as_str(), reader.value()?) {
            ("field", token) if is_value(token) => field = Some(reader.text()?),
            (_, token) if is_value(token) => {
                if !standard(reader, &member, token)? {
                    return Err(words::query_not_supporting(reader.at(), "exists", &member));
                }
            }
            (_, token) => return Err(words::query_unknown_token(reader.at(), "exists", token.name(), &member)),
        }
    }
    match field {
        Some(field) if field.is_empty() => Err(words::no_field_name()),
        Some(field) => Ok(Query::Exists(field)),
        None => Err(words::exists_no_field(reader.at())),
    }
}

fn ids(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    let mut ids = Vec::new();
    while let Some(member) = reader.name()? {
        let name_at = reader.at();
        let token = reader.value()?;
        match (member.as_str(), token) {
            ("values", Token::StartArray) => {
                while let Some(token) = reader.item()? {
                    if !is_value(token) {
                        return Err(error::wrong_token(reader.at(), "ids", "values", token.name()));
                    }
                    ids.push(reader.text()?);
                }
            }
            ("values", Token::String | Token::Number) => ids.push(reader.text()?),
            ("values", token) => return Err(error::wrong_token(reader.at(), "ids", "values", token.name())),
            _ if standard(reader, &member, token)? => {}
            _ => {
                return Err(words::unknown_parameter(name_at, "ids", &member, &["values", "boost", "_name"]));
            }
        }
    }
    Ok(Query::Ids(ids))
}

/// Notes the field of a query that has one, and refuses a second one.
fn note_field(reader: &BodyReader<'_>, query: &str, field: &mut Option<String>, name: &str) -> Result<(), Exception> {
    match field {
        Some(first) => Err(words::query_several_fields(reader.at(), query, first, name)),
        None => {
            *field = Some(name.to_owned());
            Ok(())
        }
    }
}

/// A scalar of a query; none for null.
fn scalar(reader: &mut BodyReader<'_>) -> Result<Option<Value>, Exception> {
    Ok(Some(reader.whole()?).filter(|value| !value.is_null()))
}

fn term(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    let (mut field, mut value, mut any_case) = (None, None, false);
    while let Some(name) = reader.name()? {
        match reader.value()? {
            Token::StartObject => {
                note_field(reader, "term", &mut field, &name)?;
                while let Some(member) = reader.name()? {
                    let token = reader.value()?;
                    match member.as_str() {
                        "term" | "value" if is_value(token) || token == Token::Null => value = scalar(reader)?,
                        "case_insensitive" => any_case = reader.boolean()?,
                        _ if standard(reader, &member, token)? => {}
                        _ => return Err(words::query_not_supporting(reader.at(), "term", &member)),
                    }
                }
            }
            Token::StartArray => return Err(words::term_array(reader.at())),
            token if is_value(token) => {
                note_field(reader, "term", &mut field, &name)?;
                value = scalar(reader)?;
            }
            _ => {}
        }
    }
    let field = named(field)?;
    let value = value.ok_or_else(words::no_value)?;
    Ok(Query::Term { field, value, any_case })
}

fn named(field: Option<String>) -> Result<String, Exception> {
    field.filter(|field| !field.is_empty()).ok_or_else(words::no_field_name)
}

fn terms(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    let (mut field, mut values) = (None, Vec::new());
    while let Some(name) = reader.name()? {
        match reader.value()? {
            Token::StartArray | Token::StartObject if field.is_some() => {
                return Err(words::terms_several_fields(reader.at()));
            }
            Token::StartArray => {
                field = Some(name);
                while let Some(token) = reader.item()? {
                    match token {
                        Token::Null => return Err(words::terms_no_value(reader.at())),
                        token if is_value(token) => values.push(reader.whole()?),
                        token => {
                            return Err(words::query_unknown_token(reader.at(), "terms", token.name(), "values"));
                        }
                    }
                }
            }
            Token::StartObject => {
                return Err(words::unsupported("a lookup of terms in another document", "list the terms in an array"));
            }
            token if is_value(token) => {
                if !standard(reader, &name, token)? {
                    return Err(words::query_not_supporting(reader.at(), "terms", &name));
                }
            }
            token => return Err(words::query_unknown_token(reader.at(), "terms", token.name(), &name)),
        }
    }
    match field {
        Some(field) => Ok(Query::Terms { field, values }),
        None => Err(words::terms_no_field(reader.at())),
    }
}

/// `prefix` and `wildcard`, whose value has one of the given names.
fn text_query(reader: &mut BodyReader<'_>, query: &str, value_names: &[&str]) -> Result<Query, Exception> {
    let (mut field, mut value, mut any_case) = (None, None, false);
    while let Some(name) = reader.name()? {
        note_field(reader, query, &mut field, &name)?;
        match reader.value()? {
            Token::StartObject => {
                while let Some(member) = reader.name()? {
                    let token = reader.value()?;
                    match member.as_str() {
                        known if value_names.contains(&known) => {
                            value = if token == Token::Null { None } else { Some(reader.text()?) };
                        }
                        "rewrite" => reader.skip()?,
                        "case_insensitive" => any_case = reader.boolean()?,
                        _ if standard(reader, &member, token)? => {}
                        _ => return Err(words::query_not_supporting(reader.at(), query, &member)),
                    }
                }
            }
            Token::Null => {}
            token if is_value(token) => value = Some(reader.text()?),
            token => return Err(words::query_unknown_token(reader.at(), query, token.name(), &name)),
        }
    }
    let field = named(field)?;
    let value = value.ok_or_else(words::no_value)?;
    Ok(match query {
        "prefix" => Query::Prefix { field, value, any_case },
        _ => Query::Wildcard { field, value, any_case },
    })
}

fn range(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    use crate::es::search::run::sort::DateFormat;
    let (mut field, mut from, mut to) = (None, None, None);
    while let Some(name) = reader.name()? {
        match reader.value()? {
            Token::StartObject => note_field(reader, "range", &mut field, &name)?,
            token if is_value(token) => return Err(words::query_not_supporting(reader.at(), "range", &name)),
            _ => {
                reader.skip()?;
                continue;
            }
        }
        while let Some(member) = reader.name()? {
            let token = reader.value()?;
            let single = is_value(token) || token == Token::Null;
            match member.as_str() {
                "gt" | "gte" if single => from = scalar(reader)?.map(|value| (value, member == "gte")),
                "lt" | "lte" if single => to = scalar(reader)?.map(|value| (value, member == "lte")),
                "relation" => reader.skip()?,
                "format" => {
                    let format = reader.text()?;
                    if DateFormat::named(&format).is_none() {
                        let what = format!("the date format [{format}] of a range");
                        return Err(words::unsupported(what, "write dates as in ISO 8601 or as milliseconds"));
                    }
                }
                "time_zone" => {
                    let zone = reader.text()?;
                    if !["Z", "UTC", "+00:00", "GMT"].contains(&zone.as_str()) {
                        let what = format!("the time zone [{zone}] of a range");
                        return Err(words::unsupported(what, "write the offset into the date itself"));
                    }
                }
                _ if standard(reader, &member, token)? => {}
                _ => return Err(words::query_not_supporting(reader.at(), "range", &member)),
            }
        }
    }
    Ok(Query::Range { field: named(field)?, from, to })
}

fn matching(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    let (mut field, mut value) = (None, None);
    let (mut all, mut minimum_wanted, mut zero_terms_all, mut lenient) = (false, None, false, false);
    while let Some(name) = reader.name()? {
        match reader.value()? {
            Token::StartObject => note_field(reader, "match", &mut field, &name)?,
            token => {
                note_field(reader, "match", &mut field, &name)?;
                value = match token {
                    Token::Null => None,
                    token if is_value(token) => Some(reader.whole()?),
                    token => {
                        return Err(words::query_unknown_token(reader.at(), "match", token.name(), &name));
                    }
                };
                continue;
            }
        }
        while let Some(member) = reader.name()? {
            let token = reader.value()?;
            if !is_value(token) {
                return Err(words::query_unknown_token(reader.at(), "match", token.name(), &member));
            }
            match member.as_str() {
                "query" => value = Some(reader.whole()?),
                "operator" => all = operator(reader)?,
                "minimum_should_match" => minimum_wanted = Some(minimum(&reader.text()?)?),
                "zero_terms_query" => zero_terms_all = zero_terms(reader)?,
                "lenient" => lenient = reader.boolean()?,
                "analyzer" | "fuzziness" => {
                    let what = format!("[{member}] in a [match] query");
                    return Err(words::unsupported(what, "leave it out, and ask for the words as they are"));
                }
                // These only matter together with a fuzziness or with synonyms.
                "prefix_length" | "max_expansions" => {
                    reader.int()?;
                }
                "fuzzy_rewrite" => {}
                "fuzzy_transpositions" | "auto_generate_synonyms_phrase_query" => {
                    reader.boolean()?;
                }
                _ if standard(reader, &member, token)? => {}
                _ => return Err(words::query_not_supporting(reader.at(), "match", &member)),
            }
        }
    }
    let value = value.ok_or_else(|| words::match_no_text(reader.at()))?;
    Ok(Query::Match { field: named(field)?, value, all, minimum: minimum_wanted, zero_terms_all, lenient })
}

/// The word that says what a text without words matches.
fn zero_terms(reader: &BodyReader<'_>) -> Result<bool, Exception> {
    match reader.text()?.to_ascii_lowercase().as_str() {
        "all" => Ok(true),
        "none" => Ok(false),
        _ => Err(words::bad_zero_terms(reader.at(), &reader.text()?)),
    }
}

/// The word that says whether all words are wanted, or any.
fn operator(reader: &BodyReader<'_>) -> Result<bool, Exception> {
    match reader.text()?.to_ascii_lowercase().as_str() {
        "and" => Ok(true),
        "or" => Ok(false),
        other => Err(words::bad_operator(other)),
    }
}

/// How many words may stand between those of a phrase; here none may.
// DIFFERENCE: Elasticsearch counts how far words have to be moved.
fn slop(reader: &BodyReader<'_>, query: &str) -> Result<(), Exception> {
    match reader.int()? {
        0 => Ok(()),
        slop if slop < 0 => Err(words::negative_slop()),
        slop => {
            let what = format!("[slop] of {slop} in a [{query}] query");
            Err(words::unsupported(what, "leave it out, and ask for the words as they follow each other"))
        }
    }
}

fn match_phrase(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    const NAME: &str = "match_phrase";
    let (mut field, mut value, mut zero_terms_all) = (None, None, false);
    while let Some(name) = reader.name()? {
        match reader.value()? {
            Token::StartObject => note_field(reader, NAME, &mut field, &name)?,
            token => {
                note_field(reader, NAME, &mut field, &name)?;
                value = scalar(reader)?.filter(|_| is_value(token));
                continue;
            }
        }
        while let Some(member) = reader.name()? {
            let token = reader.value()?;
            if !is_value(token) {
                return Err(words::query_unknown_token(reader.at(), NAME, token.name(), &member));
            }
            match member.as_str() {
                "query" => value = Some(reader.whole()?),
                "slop" => slop(reader, NAME)?,
                "zero_terms_query" => zero_terms_all = zero_terms(reader)?,
                "analyzer" => {
                    let instead = "leave it out, and ask for the words as they are";
                    return Err(words::unsupported("[analyzer] in a [match_phrase] query", instead));
                }
                _ if standard(reader, &member, token)? => {}
                _ => return Err(words::query_not_supporting(reader.at(), NAME, &member)),
            }
        }
    }
    let field = field.ok_or_else(words::phrase_no_field)?;
    Ok(Query::Phrase { field, value: value.ok_or_else(words::phrase_no_value)?, zero_terms_all })
}

fn multi_match(reader: &mut BodyReader<'_>, _: usize) -> Result<Query, Exception> {
    const NAME: &str = "multi_match";
    let mut asked = MultiMatch {
        fields: Vec::new(),
        value: Value::Null,
        is_phrase: false,
        all: false,
        minimum: None,
        zero_terms_all: false,
        lenient: None,
    };
    while let Some(member) = reader.name()? {
        let token = reader.value()?;
        match (member.as_str(), token) {
            ("fields", Token::StartArray) => {
                while reader.item()?.is_some() {
                    asked.fields.push(field_without_boost(reader)?);
                }
            }
            ("fields", token) if is_value(token) => asked.fields.push(field_without_boost(reader)?),
            (_, token) if !is_value(token) => {
                return Err(words::query_unknown_token(reader.at(), NAME, token.name(), &member));
            }
            ("query", _) => asked.value = reader.whole()?,
            ("type", _) => match reader.text()?.to_ascii_lowercase().as_str() {
                "best_fields" | "most_fields" => {}
                "phrase" => asked.is_phrase = true,
                "cross_fields" | "phrase_prefix" | "bool_prefix" => {
                    let what = format!("[type] with [{}] in a [multi_match] query", reader.text()?);
                    return Err(words::unsupported(what, "use `best_fields`, `most_fields` or `phrase`"));
                }
                _ => return Err(words::unknown_multi_match(&reader.text()?)),
            },
            ("operator", _) => asked.all = operator(reader)?,
            ("minimum_should_match", _) => asked.minimum = Some(minimum(&reader.text()?)?),
            ("zero_terms_query", _) => asked.zero_terms_all = zero_terms(reader)?,
            ("lenient", _) => asked.lenient = Some(reader.boolean()?),
            ("slop", _) => slop(reader, NAME)?,
            ("analyzer" | "fuzziness", _) => {
                let what = format!("[{member}] in a [multi_match] query");
                return Err(words::unsupported(what, "leave it out, and ask for the words as they are"));
            }
            // These only matter for a score, or together with a fuzziness or with synonyms.
            ("tie_breaker", _) => drop(reader.float()?),
            ("prefix_length" | "max_expansions", _) => drop(reader.int()?),
            ("fuzzy_rewrite", _) => {}
            ("fuzzy_transpositions" | "auto_generate_synonyms_phrase_query", _) => drop(reader.boolean()?),
            _ if standard(reader, &member, token)? => {}
            _ => return Err(words::query_not_supporting(reader.at(), NAME, &member)),
        }
    }
    match asked.value.is_null() {
        true => Err(words::multi_match_no_text(reader.at())),
        false => Ok(Query::MultiMatch(Box::new(asked))),
    }
}

/// A field of a list, with its boost left out of account.
fn field_without_boost(reader: &BodyReader<'_>) -> Result<String, Exception> {
    let text = reader.text()?;
    let Some((field, boost)) = text.split_once('^') else { return Ok(text) };
    match boost.parse::<f32>() {
        Ok(_) => Ok(field.to_owned()),
        Err(_) => Err(words::no_number_format(boost)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_of_differences_names_the_queries_that_are_spoken() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/differences.md"));
        let sentence = page.split_once("Spoken are the queries").and_then(|(_, rest)| rest.split_once("query strings"));
        let named: BTreeSet<&str> = sentence.expect("the sentence").0.split('`').skip(1).step_by(2).collect();
        assert_eq!(named, SPOKEN.iter().map(|(name, _)| *name).collect());
        assert!(UNSPOKEN.iter().all(|(name, _)| !named.contains(name)), "it is in both lists");
    }
}
