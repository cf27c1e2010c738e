//! The body of a search.
//!
//! Source: Elasticsearch 9.x, search source.

use serde_json::Value;

use super::parameters::Pit;
use super::query::query;
use super::reader::{Reader, is_value};
use super::sort::sort;
use crate::clock::parse_duration;
use crate::cluster::query::Query;
use crate::cluster::search::context::KeepAlive;
use crate::cluster::search::{Search, Track};
use crate::cluster::source_filter::SourceFilter;
use crate::json::Token;
use crate::rest::error::{Exception, search};

/// Members that Elasticsearch has and that are not spoken here, each with what to do instead.
// DIFFERENCE: Elasticsearch has them all.
const UNSPOKEN: &[(&str, &str)] = &[
    ("aggregations", "count with `_count`, or fetch the hits and reckon"),
    ("aggs", "count with `_count`, or fetch the hits and reckon"),
    ("collapse", "fetch the hits and take one of each"),
    ("docvalue_fields", "read `_source`"),
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
pub struct Asked {
    /// The search.
    pub search: Search,
    /// Whether the body says how far hits are counted.
    pub says_track: bool,
    /// The point in time that is searched.
    pub pit: Option<Pit>,
}

/// Reads the body of a search; `whole` says whether it is that of the call, which may be left out and
/// which nothing may follow.
pub fn source(bytes: &[u8], whole: bool) -> Result<Asked, Exception> {
    let mut reader = Reader::new(bytes);
    let mut asked = Asked::default();
    let first = reader.next()?;
    if whole && bytes.is_empty() {
        return Ok(asked);
    }
    if first != Some(Token::StartObject) {
        return Err(search::expected_start(reader.at(), reader.token()));
    }
    let mut post_filter = None;
    while let Some(name) = reader.name()? {
        let token = reader.value()?;
        match (name.as_str(), token) {
            ("query", Token::StartObject) => asked.search.query = query(&mut reader, true, 0)?,
            ("post_filter", Token::StartObject) => post_filter = Some(query(&mut reader, true, 0)?),
            ("pit", Token::StartObject) => asked.pit = Some(pit(&mut reader)?),
            (name, token) => member(&mut reader, &mut asked, name, token)?,
        }
    }
    if let Some(filter) = post_filter {
        // It narrows the hits and their total alike; only an aggregation would know the difference.
        asked.search.query = std::mem::take(&mut asked.search.query).and(filter);
    }
    if whole && let Some(token) = reader.next()? {
        return Err(search::trailing(reader.at(), token.name()));
    }
    Ok(asked)
}

fn member(reader: &mut Reader<'_>, asked: &mut Asked, name: &str, token: Token) -> Result<(), Exception> {
    let found = &mut asked.search;
    match (name, token) {
        ("from", token) if is_value(token) => found.from = Some(from(reader.int()?)?),
        ("size", token) if is_value(token) => found.size = Some(size(reader.int()?)?),
        ("timeout", token) if is_value(token) => {
            time("timeout", &reader.text()?)?;
        }
        ("terminate_after", token) if is_value(token) => {
            found.terminate_after = terminate_after(reader.int()?)?;
        }
        ("version", token) if is_value(token) => found.shape.version = reader.boolean()?,
        ("seq_no_primary_term", token) if is_value(token) => found.shape.seq_no_primary_term = reader.boolean()?,
        ("track_scores", token) if is_value(token) => found.track_scores = reader.boolean()?,
        ("track_total_hits", token) if is_value(token) => {
            asked.says_track = true;
            asked.search.track = match &*reader.text()? {
                "true" => Track::All,
                "false" => Track::Off,
                _ => track(reader.int()?)?,
            };
        }
        ("explain" | "profile", Token::Boolean(false)) => {}
        ("include_named_queries_score", token) if is_value(token) => {}
        ("stats", Token::StartArray) => reader.skip()?,
        ("_source", Token::StartObject | Token::StartArray) => found.shape.source = source_filter(reader, token)?,
        ("_source", token) if is_value(token) => found.shape.source = source_filter(reader, token)?,
        ("sort", Token::StartObject | Token::StartArray) => found.sort = sort(reader, token)?,
        ("sort", token) if is_value(token) => found.sort = sort(reader, token)?,
        ("search_after", Token::StartArray) => found.after = Some(after(reader)?),
        ("stored_fields", Token::StartArray) => {
            let mut names = Vec::new();
            while reader.item()?.is_some() {
                names.push(reader.text()?);
            }
            stored_fields(found, &names)?;
        }
        ("stored_fields", token) if is_value(token) => stored_fields(found, &[reader.text()?])?,
        (name, token) => {
            let Some((_, instead)) = UNSPOKEN.iter().find(|(known, _)| *known == name) else {
                return Err(search::unknown_key(reader.at(), token.name(), name));
            };
            let at = reader.at();
            let is_empty = match reader.whole()? {
                Value::Object(map) => map.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Null => return Err(search::unknown_key(at, token.name(), name)),
                _ => false,
            };
            if !is_empty {
                return Err(search::unsupported(format_args!("[{name}] in a search"), instead));
            }
        }
    }
    Ok(())
}

/// Without a field the source is not shown, and with `_none_` the id neither; `_source` is the source.
pub fn stored_fields(asked: &mut Search, names: &[String]) -> Result<(), Exception> {
    match names {
        [] => asked.shape.source = SourceFilter::None,
        [only] if only == "_none_" => {
            asked.shape.source = SourceFilter::None;
            asked.shape.without_ids = true;
        }
        [only] if only == "_source" => {}
        _ => return Err(search::unsupported("stored fields", "read `_source`")),
    }
    Ok(())
}

pub fn from(from: i64) -> Result<u64, Exception> {
    u64::try_from(from).map_err(|_| search::negative_from(from))
}

pub fn size(size: i64) -> Result<u64, Exception> {
    u64::try_from(size).map_err(|_| search::negative_size(size))
}

pub fn terminate_after(after: i64) -> Result<u64, Exception> {
    u64::try_from(after).map_err(|_| search::negative_terminate_after())
}

/// How far hits are counted, said as a number; -1 is to the last.
pub fn track(up_to: i64) -> Result<Track, Exception> {
    match up_to {
        -1 => Ok(Track::All),
        up_to => u64::try_from(up_to).map(Track::UpTo).map_err(|_| search::negative_track(up_to)),
    }
}

/// A length of time of the parameter or member with that name.
pub fn time(name: &str, text: &str) -> Result<KeepAlive, Exception> {
    let time = match text {
        // Which of the two words means for ever is told nowhere else.
        "-1" | "0" => std::time::Duration::ZERO,
        text => parse_duration(text).map_err(|_| search::bad_time(name, text))?,
    };
    Ok(KeepAlive { time, text: text.to_owned() })
}

fn pit(reader: &mut Reader<'_>) -> Result<Pit, Exception> {
    let (mut id, mut keep) = (None, None);
    while let Some(name) = reader.name()? {
        let at = reader.at();
        reader.value()?;
        match name.as_str() {
            "id" => id = Some(reader.text()?),
            "keep_alive" => keep = Some(time("keep_alive", &reader.text()?)?),
            _ => return Err(search::unknown_parameter(at, "pit", &name, &["id", "keep_alive"])),
        }
    }
    Ok(Pit { id: id.ok_or_else(search::pit_no_id)?, keep })
}

fn after(reader: &mut Reader<'_>) -> Result<Vec<Value>, Exception> {
    let mut values = Vec::new();
    while let Some(token) = reader.item()? {
        if !is_value(token) && token != Token::Null {
            return Err(search::bad_search_after(reader.at(), token.name()));
        }
        values.push(reader.whole()?);
    }
    Ok(values)
}

fn source_filter(reader: &mut Reader<'_>, token: Token) -> Result<SourceFilter, Exception> {
    let (mut includes, mut excludes) = (Vec::new(), Vec::new());
    match token {
        Token::Boolean(true) => return Ok(SourceFilter::All),
        Token::Boolean(false) => return Ok(SourceFilter::None),
        Token::StartArray => includes = names(reader)?,
        Token::StartObject => {
            while let Some(name) = reader.name()? {
                let list = match name.as_str() {
                    "includes" | "include" => &mut includes,
                    "excludes" | "exclude" => &mut excludes,
                    _ => {
                        let token = reader.value()?;
                        return Err(search::unknown_key(reader.at(), token.name(), &name));
                    }
                };
                match reader.value()? {
                    Token::StartArray => *list = names(reader)?,
                    Token::String => *list = vec![reader.text()?],
                    token => return Err(search::unknown_key(reader.at(), token.name(), &name)),
                }
            }
        }
        _ => includes = vec![reader.text()?],
    }
    Ok(SourceFilter::of(includes.iter().map(String::as_str), excludes.iter().map(String::as_str)))
}

fn names(reader: &mut Reader<'_>) -> Result<Vec<String>, Exception> {
    let mut names = Vec::new();
    while let Some(token) = reader.item()? {
        if token != Token::String {
            return Err(search::unknown_key(reader.at(), token.name(), "_source"));
        }
        names.push(reader.text()?);
    }
    Ok(names)
}

/// Reads what an alias shows of its index: a query without anything around it.
pub fn alias_filter(filter: &serde_json::Value) -> Result<Query, Exception> {
    let bytes = filter.to_string();
    query(&mut Reader::new(bytes.as_bytes()), false, 0)
}

/// Reads a body that may only have a query.
pub fn bare_query(bytes: &[u8]) -> Result<Query, Exception> {
    let mut reader = Reader::new(bytes);
    let read = read_bare_query(&mut reader);
    read.map_err(|cause| search::failed_to_parse(reader.at(), cause))
}

fn read_bare_query(reader: &mut Reader<'_>) -> Result<Query, Exception> {
    let Some(first) = reader.next()? else {
        return Ok(Query::All);
    };
    if first != Token::StartObject {
        return Err(search::expected_start(reader.at(), first.name()));
    }
    let mut found = Query::All;
    while let Some(name) = reader.name()? {
        if name != "query" {
            return Err(search::count_key(reader.at(), &name));
        }
        let is_open = reader.value()? == Token::StartObject;
        found = query(reader, is_open, 0)?;
    }
    Ok(found)
}
