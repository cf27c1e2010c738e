//! The body of a search.
//!
//! Source: Elasticsearch 9.x, search source.

use std::time::Duration;

use serde_json::{Map, Value};

use super::aggregations::aggregations;
use super::parameters::PitAsked;
use super::query::query;
use super::reader::{BodyReader, is_value};
use super::sort::sort;
use crate::clock::calendar::DatePattern;
use crate::clock::parse_duration;
use crate::es::error::{ApiError, Exception};
use crate::es::search::query::Query;
use crate::es::search::run::aggregation::ValuesAsked;
use crate::es::search::run::context::KeepAlive;
use crate::es::search::run::{Search, Track};
use crate::es::search::source_filter::SourceFilter;
use crate::es::search::words;
use crate::json::Token;

/// Members that Elasticsearch has and that are not spoken here, each with what to do instead.
// DIFFERENCE: Elasticsearch has them all.
const UNSPOKEN: &[(&str, &str)] = &[
    ("collapse", "fetch the hits and take one of each"),
    ("explain", "leave it out: every hit has the same score"),
    ("ext", "leave it out"),
    ("fields", "read `_source`"),
    ("highlight", "read `_source`"),
    ("indices_boost", "leave it out: every hit has the same score"),
    ("knn", "search with `query`"),
    ("min_score", "leave it out: every hit has the same score"),
    ("profile", "leave it out"),
    ("rank", "search with `query`"),
    ("rescore", "leave it out: every hit has the same score"),
    ("retriever", "search with `query`"),
    ("runtime_mappings", "index the field"),
    ("script_fields", "read `_source`"),
    ("slice", "page with `search_after`"),
    ("sub_searches", "search with `query`"),
    ("suggest", "search with `query`"),
];

/// What a body asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SourceAsked {
    /// The search.
    pub search: Search,
    /// The point in time that is searched.
    pub pit: Option<PitAsked>,
    /// What the body has said.
    pub parts: Parts,
}

/// Parts of a body that make a difference by being there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    /// Whether it says how far hits are counted.
    pub track: bool,
    /// Whether it has a query.
    pub query: bool,
    /// Whether it says which stored fields are shown.
    pub stored_fields: bool,
    /// Whether it says what of a source is shown.
    pub source: bool,
    /// Whether nothing of what is found is shown.
    pub shows_nothing: bool,
}

/// Reads the body of a search; `whole` says whether it is that of the call, which may be left out and
/// which nothing may follow.
pub(crate) fn source(bytes: &[u8], whole: bool) -> Result<SourceAsked, Exception> {
    read(bytes, whole, SourceAsked::default())
}

/// Reads the body of a sweep, which may not say what is shown; that is refused later.
pub(crate) fn source_of_sweep(bytes: &[u8]) -> Result<SourceAsked, Exception> {
    read(
        bytes,
        true,
        SourceAsked { parts: Parts { shows_nothing: true, ..Parts::default() }, ..SourceAsked::default() },
    )
}

fn read(bytes: &[u8], whole: bool, mut asked: SourceAsked) -> Result<SourceAsked, Exception> {
    let mut reader = BodyReader::new(bytes);
    let first = reader.next()?;
    if whole && bytes.is_empty() {
        return Ok(asked);
    }
    if first != Some(Token::StartObject) {
        return Err(words::expected_start(reader.at(), reader.token()));
    }
    while let Some(name) = reader.name()? {
        let token = reader.value()?;
        match (name.as_str(), token) {
            ("query", Token::StartObject) => {
                asked.search.query = query(&mut reader, true, 0)?;
                asked.parts.query = true;
            }
            ("post_filter", Token::StartObject) => asked.search.post_filter = Some(query(&mut reader, true, 0)?),
            ("aggs" | "aggregations", Token::StartObject) => asked.search.aggregations = aggregations(&mut reader, 0)?,
            ("pit", Token::StartObject) => asked.pit = Some(pit(&mut reader)?),
            (name, token) => member(&mut reader, &mut asked, name, token)?,
        }
    }
    if whole && let Some(token) = reader.next()? {
        return Err(words::trailing(reader.at(), token.name()));
    }
    check_shown(&asked)?;
    Ok(asked)
}

fn member(reader: &mut BodyReader<'_>, asked: &mut SourceAsked, name: &str, token: Token) -> Result<(), Exception> {
    match (name, token) {
        ("from", token) if is_value(token) => asked.search.from = Some(from(reader.int()?)?),
        ("size", token) if is_value(token) => asked.search.size = Some(size(reader.int()?)?),
        ("timeout", token) if is_value(token) => {
            time("timeout", &reader.text()?)?;
        }
        ("terminate_after", token) if is_value(token) => {
            asked.search.terminate_after = terminate_after(reader.int()?)?;
        }
        ("version", token) if is_value(token) => asked.search.shape.version = reader.boolean()?,
        ("seq_no_primary_term", token) if is_value(token) => {
            asked.search.shape.seq_no_primary_term = reader.boolean()?
        }
        ("track_scores", token) if is_value(token) => asked.search.track_scores = reader.boolean()?,
        ("track_total_hits", token) if is_value(token) => {
            asked.parts.track = true;
            asked.search.track = match &*reader.text()? {
                "true" => Track::All,
                "false" => Track::Off,
                _ => track(reader.int()?)?,
            };
        }
        ("explain" | "profile", Token::Boolean(false)) => {}
        ("include_named_queries_score", Token::Boolean(false)) => {}
        ("include_named_queries_score", _) => {
            let what = "[include_named_queries_score] in a search";
            return Err(words::unsupported(what, "leave it out: every hit has the same score"));
        }
        ("stats", Token::StartArray) => reader.skip()?,
        ("_source", Token::StartObject | Token::StartArray) => {
            asked.parts.source = true;
            asked.search.shape.source = source_filter(reader, token, &mut asked.search.shape.vectors.asked)?
        }
        ("_source", token) if is_value(token) => {
            asked.parts.source = true;
            asked.search.shape.source = source_filter(reader, token, &mut asked.search.shape.vectors.asked)?
        }
        ("sort", Token::StartObject | Token::StartArray) => asked.search.sort = sort(reader, token)?,
        ("sort", token) if is_value(token) => asked.search.sort = sort(reader, token)?,
        ("search_after", Token::StartArray) => asked.search.after = Some(after(reader)?),
        ("docvalue_fields", Token::StartArray) => asked.search.shape.docvalue_fields = docvalue_fields(reader)?,
        ("rescore", Token::StartObject) => {
            let at = reader.at();
            if reader.whole()?.as_object().is_none_or(Map::is_empty) {
                return Err(words::missing_rescore_type(at));
            }
            return Err(words::unsupported("[rescore] in a search", "leave it out: every hit has the same score"));
        }
        ("stored_fields", Token::StartArray) => {
            asked.parts.stored_fields = true;
            let mut names = Vec::new();
            while reader.item()?.is_some() {
                names.push(reader.text()?);
            }
            if !asked.parts.shows_nothing {
                stored_fields(asked, &names);
            }
        }
        ("stored_fields", token) if is_value(token) => {
            asked.parts.stored_fields = true;
            stored_fields(asked, &[reader.text()?]);
        }
        (name, token) => {
            let Some((_, instead)) = UNSPOKEN.iter().find(|(known, _)| *known == name) else {
                return Err(words::unknown_key(reader.at(), token.name(), name));
            };
            let at = reader.at();
            let is_empty = match reader.whole()? {
                Value::Object(map) => map.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Null => return Err(words::unknown_key(at, token.name(), name)),
                _ => false,
            };
            // A retriever that says nothing is none, and there is none here that says something.
            if !is_empty || ["knn", "rank", "retriever", "sub_searches"].contains(&name) {
                return Err(words::unsupported(format_args!("[{name}] in a search"), instead));
            }
        }
    }
    Ok(())
}

/// Fields that are shown from their values: names, or objects with a name and a format.
fn docvalue_fields(reader: &mut BodyReader<'_>) -> Result<Vec<ValuesAsked>, Exception> {
    let mut fields = Vec::new();
    while let Some(token) = reader.item()? {
        let mut asked = ValuesAsked::default();
        match token {
            Token::StartObject => {
                while let Some(name) = reader.name()? {
                    let at = reader.at();
                    reader.value()?;
                    match name.as_str() {
                        "field" => asked.field = reader.text()?,
                        "format" => {
                            let text = reader.text()?;
                            let what = format!("[format] with [{text}] in [docvalue_fields]");
                            let pattern = DatePattern::read(&text).ok_or_else(|| {
                                words::unsupported(what, "use a pattern of digits such as `yyyy-MM-dd`")
                            });
                            asked.format = Some(pattern?);
                        }
                        _ => {
                            let known = ["field", "format", "include_unmapped"];
                            return Err(words::unknown_parameter(at, "docvalue_fields", &name, &known));
                        }
                    }
                }
                if asked.field.is_empty() {
                    return Err(words::required_field());
                }
            }
            token if is_value(token) => asked.field = reader.text()?,
            token => return Err(words::unknown_key(reader.at(), token.name(), "docvalue_fields")),
        }
        fields.push(asked);
    }
    Ok(fields)
}

/// Without a field the source is not shown, and with `_none_` the id neither; `_source` is the source. What a call says
/// of its source holds whatever fields it asks for.
///
/// Source: Elasticsearch 9.x, fetch phase: stored fields spec.
pub(crate) fn stored_fields(asked: &mut SourceAsked, names: &[String]) {
    let SourceAsked { search, parts, .. } = asked;
    let is_none = matches!(names, [only] if only == "_none_");
    if !parts.source && !names.iter().any(|name| name == "_source") {
        search.shape.source = SourceFilter::None;
    }
    search.shape.without_ids = is_none;
    if !is_none {
        search.shape.stored_fields = names.iter().filter(|name| *name != "_source").cloned().collect();
    }
}

/// Refuses a search that asks for sources and says that nothing is shown.
pub(crate) fn check_shown(asked: &SourceAsked) -> Result<(), Exception> {
    let shape = &asked.search.shape;
    match asked.parts.source && shape.without_ids && shape.source != SourceFilter::None {
        true => {
            let what = "[stored_fields] of [_none_] in a search that asks for its source";
            Err(words::unsupported(what, "leave one of the two out"))
        }
        false => Ok(()),
    }
}

pub(crate) fn from(from: i64) -> Result<u64, Exception> {
    u64::try_from(from).map_err(|_| words::negative_from(from))
}

pub(crate) fn size(size: i64) -> Result<u64, Exception> {
    u64::try_from(size).map_err(|_| words::negative_size(size))
}

pub(crate) fn terminate_after(after: i64) -> Result<u64, Exception> {
    u64::try_from(after).map_err(|_| words::negative_terminate_after())
}

/// How far hits are counted, said as a number; -1 is to the last.
pub(crate) fn track(up_to: i64) -> Result<Track, Exception> {
    match up_to {
        -1 => Ok(Track::All),
        up_to => u64::try_from(up_to).map(Track::UpTo).map_err(|_| words::negative_track(up_to)),
    }
}

/// A length of time of the parameter or member with that name.
///
/// Source: Elasticsearch 9.x, its time values.
pub(crate) fn time(name: &str, text: &str) -> Result<KeepAlive, Exception> {
    const UNITS: [&str; 7] = ["nanos", "micros", "ms", "s", "m", "h", "d"];
    let kept = |time| Ok(KeepAlive { time, text: text.to_owned() });
    // A month is no minute.
    let normal = if text.ends_with('M') { text.to_owned() } else { text.trim().to_ascii_lowercase() };
    if normal == "-1" || (!normal.is_empty() && normal.bytes().all(|byte| byte == b'0')) {
        return kept(Duration::ZERO);
    }
    let unit = UNITS.iter().find(|unit| normal.ends_with(**unit)).ok_or_else(|| words::bad_time(name, text))?;
    let digits = normal[..normal.len() - unit.len()].trim();
    match digits.parse::<i64>() {
        Ok(-1) => kept(Duration::ZERO),
        Ok(count) if count < 0 => Err(words::negative_time(name, text)),
        Ok(count) => kept(parse_duration(&format!("{count}{unit}")).map_err(|_| words::bad_time(name, text))?),
        Err(_) if digits.parse::<f64>().is_ok() => Err(words::fractional_time(text)),
        Err(_) => Err(words::unreadable_time(text)),
    }
}

/// A length of time that a parameter of that name gives.
pub(crate) fn time_of(name: &str, text: &str) -> Result<KeepAlive, ApiError> {
    time(name, text).map_err(ApiError::parse)
}

fn pit(reader: &mut BodyReader<'_>) -> Result<PitAsked, Exception> {
    let (mut id, mut keep) = (None, None);
    while let Some(name) = reader.name()? {
        let at = reader.at();
        reader.value()?;
        match name.as_str() {
            "id" => id = Some(reader.text()?),
            "keep_alive" => keep = Some(time("keep_alive", &reader.text()?)?),
            _ => return Err(words::unknown_parameter(at, "pit", &name, &["id", "keep_alive"])),
        }
    }
    Ok(PitAsked { id: id.ok_or_else(words::pit_no_id)?, keep })
}

fn after(reader: &mut BodyReader<'_>) -> Result<Vec<Value>, Exception> {
    let mut values = Vec::new();
    while let Some(token) = reader.item()? {
        if !is_value(token) && token != Token::Null {
            return Err(words::bad_search_after(reader.at(), token.name()));
        }
        values.push(reader.whole()?);
    }
    if values.is_empty() { Err(words::no_search_after()) } else { Ok(values) }
}

/// What of a source is shown; says in `hides_vectors` whether that has its vectors, if it tells.
fn source_filter(
    reader: &mut BodyReader<'_>,
    token: Token,
    hides_vectors: &mut Option<bool>,
) -> Result<SourceFilter, Exception> {
    let (mut includes, mut excludes) = (Vec::new(), Vec::new());
    *hides_vectors = None;
    match token {
        Token::Boolean(true) => return Ok(SourceFilter::All),
        Token::Boolean(false) => return Ok(SourceFilter::None),
        Token::StartArray => includes = names(reader)?,
        Token::StartObject => {
            while let Some(name) = reader.name()? {
                let list = match name.as_str() {
                    "exclude_vectors" => {
                        *hides_vectors = Some(match reader.value()? {
                            Token::Boolean(hides) => hides,
                            Token::String if matches!(reader.text()?.as_str(), "true" | "false") => {
                                reader.text()? == "true"
                            }
                            token => return Err(words::unknown_key(reader.at(), token.name(), &name)),
                        });
                        continue;
                    }
                    "includes" | "include" => &mut includes,
                    "excludes" | "exclude" => &mut excludes,
                    _ => {
                        let token = reader.value()?;
                        return Err(words::unknown_key(reader.at(), token.name(), &name));
                    }
                };
                match reader.value()? {
                    Token::StartArray => *list = names(reader)?,
                    Token::String => *list = vec![reader.text()?],
                    token => return Err(words::unknown_key(reader.at(), token.name(), &name)),
                }
            }
        }
        Token::String => includes = vec![reader.text()?],
        token => return Err(words::bad_source(reader.at(), token.name())),
    }
    Ok(SourceFilter::of(includes.iter().map(String::as_str), excludes.iter().map(String::as_str)))
}

fn names(reader: &mut BodyReader<'_>) -> Result<Vec<String>, Exception> {
    let mut names = Vec::new();
    while let Some(token) = reader.item()? {
        if token != Token::String {
            return Err(words::unknown_key(reader.at(), token.name(), "_source"));
        }
        names.push(reader.text()?);
    }
    Ok(names)
}

/// Reads what an alias shows of its index: a query without anything around it.
pub(crate) fn alias_filter(filter: &serde_json::Value) -> Result<Query, Exception> {
    let bytes = filter.to_string();
    query(&mut BodyReader::new(bytes.as_bytes()), false, 0)
}

/// Reads a body that may only have a query.
pub(crate) fn bare_query(bytes: &[u8]) -> Result<Query, Exception> {
    let mut reader = BodyReader::new(bytes);
    let read = read_bare_query(&mut reader);
    read.map_err(|cause| words::failed_to_parse(reader.at(), cause))
}

fn read_bare_query(reader: &mut BodyReader<'_>) -> Result<Query, Exception> {
    let Some(first) = reader.next()? else {
        return Ok(Query::All);
    };
    if first != Token::StartObject {
        return Err(words::expected_start(reader.at(), first.name()));
    }
    let mut found = Query::All;
    while let Some(name) = reader.name()? {
        if name != "query" {
            return Err(words::count_key(reader.at(), &name));
        }
        let is_open = reader.value()? == Token::StartObject;
        found = query(reader, is_open, 0)?;
    }
    Ok(found)
}
