//! From JSON to what hits are sorted by.
//!
//! Source: Elasticsearch 9.x, sort builders.

use super::reader::{BodyReader, is_value};
use crate::es::error::{self, Exception};
use crate::es::search::run::sort::{By, DateFormat, FieldSort, Missing, SortField, SortMode};
use crate::es::search::words;
use crate::json::Token;

/// The members of a field's sort.
const MEMBERS: [&str; 9] =
    ["missing", "unmapped_type", "order", "mode", "nested_path", "nested_filter", "nested", "numeric_type", "format"];

/// Reads the value of `sort`, whose first token is the current one.
pub(crate) fn sort(reader: &mut BodyReader<'_>, token: Token) -> Result<Vec<SortField>, Exception> {
    let mut sort = Vec::new();
    match token {
        Token::StartArray => {
            while let Some(token) = reader.item()? {
                match token {
                    Token::StartObject => compound(reader, &mut sort)?,
                    Token::String => sort.push(SortField::named(&reader.text()?)),
                    _ => return Err(words::sort_item_malformed()),
                }
            }
        }
        Token::StartObject => compound(reader, &mut sort)?,
        token if is_value(token) => sort.push(SortField::named(&reader.text()?)),
        _ => return Err(words::sort_malformed()),
    }
    Ok(sort)
}

/// The `sort` parameter of a query: `field`, `field:asc`, separated by commas.
pub(crate) fn sort_parameter(text: &str) -> Vec<SortField> {
    text.split_terminator(',')
        .filter_map(|part| match part.rsplit_once(':') {
            Some((name, "asc")) => Some(SortField { descending: false, ..SortField::named(name) }),
            Some((name, "desc")) => Some(SortField { descending: true, ..SortField::named(name) }),
            // A word that is no order leaves the field out.
            Some(_) => None,
            None => Some(SortField::named(part)),
        })
        .collect()
}

/// An object whose names are what is sorted by.
fn compound(reader: &mut BodyReader<'_>, sort: &mut Vec<SortField>) -> Result<(), Exception> {
    while let Some(name) = reader.name()? {
        let named = SortField::named(&name);
        sort.push(match reader.value()? {
            Token::StartObject if matches!(name.as_str(), "_script" | "_geo_distance") => {
                let what = format!("sorting by [{name}]");
                return Err(words::unsupported(what, "sort by a field, by `_doc` or by `_score`"));
            }
            Token::StartObject => options(reader, named)?,
            token if is_value(token) => SortField { descending: descending(&reader.text()?)?, ..named },
            _ => return Err(words::sort_malformed()),
        });
    }
    Ok(())
}

fn descending(order: &str) -> Result<bool, Exception> {
    match order.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(words::bad_sort_order(order)),
    }
}

fn options(reader: &mut BodyReader<'_>, mut sort: SortField) -> Result<SortField, Exception> {
    while let Some(member) = reader.name()? {
        let name_at = reader.at();
        let token = reader.value()?;
        if member == "order" {
            let read = descending(&reader.text()?);
            sort.descending = read.map_err(|cause| error::failed_field(reader.at(), "field_sort", "order", cause))?;
            continue;
        }
        let By::Field(field) = &mut sort.by else {
            // The order is all that can be said of a sort that is by no field.
            if MEMBERS.contains(&member.as_str()) {
                reader.skip()?;
                continue;
            }
            return Err(words::unknown_parameter(name_at, "field_sort", &member, &MEMBERS));
        };
        option(reader, field, &member, token)?;
        if !MEMBERS.contains(&member.as_str()) {
            return Err(words::unknown_parameter(name_at, "field_sort", &member, &MEMBERS));
        }
    }
    Ok(sort)
}

fn option(reader: &mut BodyReader<'_>, field: &mut FieldSort, member: &str, token: Token) -> Result<(), Exception> {
    let unsupported =
        |value: &str, instead| Err(words::unsupported(format_args!("[{member}] with [{value}] in a sort"), instead));
    match member {
        "missing" if is_value(token) => {
            field.missing = match &*reader.text()? {
                "_last" => Missing::Last,
                "_first" => Missing::First,
                _ => Missing::Value(reader.whole()?),
            }
        }
        "unmapped_type" => field.unmapped_type = Some(reader.text()?),
        "mode" => {
            let text = reader.text()?;
            let mode = SortMode::named(&text).ok_or_else(|| words::bad_sort_mode(&text));
            field.mode = Some(mode.map_err(|cause| error::failed_field(reader.at(), "field_sort", "mode", cause))?);
        }
        "format" => {
            let text = reader.text()?;
            match DateFormat::named(&text) {
                Some(format) => field.format = Some(format),
                None => return unsupported(&text, "use `strict_date_optional_time` or `epoch_millis`"),
            }
        }
        "numeric_type" => {
            let text = reader.text()?;
            if !["long", "double", "date"].contains(&text.as_str()) {
                return unsupported(&text, "leave it out");
            }
            field.numeric_type = Some(text);
        }
        "nested" | "nested_path" | "nested_filter" => {
            reader.skip()?;
            return unsupported("…", "sort by a field that lies in no nested objects");
        }
        _ => {}
    }
    Ok(())
}
