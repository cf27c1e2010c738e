//! The bodies of `_search/scroll` and `_pit`.
//!
//! Source: Elasticsearch 9.x, scroll, clear scroll and close point in time requests.

use super::parameters::{body, keep_alive};
use super::reader::{BodyReader, is_value};
use super::source::time;
use crate::es::body::schema::split_list;
use crate::es::error::{ApiError, Exception};
use crate::es::http::call::Call;
use crate::es::search::run::context::KeepAlive;
use crate::es::search::words;
use crate::json::Token;

/// The next page of a scroll.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScrollAsked {
    /// The scroll's id.
    pub id: String,
    /// For how long it is kept from now on, if that is said.
    pub keep: Option<KeepAlive>,
    /// Whether the total is a plain number.
    pub total_as_int: bool,
}

/// Reads a request for the next page. What the body says goes before the path and the query.
pub(crate) fn scroll_asked(call: &Call) -> Result<ScrollAsked, ApiError> {
    let (mut ids, body_keep) = read(call, true)?;
    if ids.is_empty() {
        ids.extend(given_id(call).map(str::to_owned));
    }
    let keep = match body_keep {
        Some(keep) => Some(keep),
        None => keep_alive(call, "scroll")?,
    };
    match ids.pop().filter(|id| !id.is_empty()) {
        Some(id) => Ok(ScrollAsked { id, keep, total_as_int: call.switch("rest_total_hits_as_int") }),
        None => Err(ApiError::validation(&["scrollId is missing".to_owned()])),
    }
}

/// Reads which scrolls are to be let go.
pub(crate) fn scroll_ids(call: &Call) -> Result<Vec<String>, ApiError> {
    let (mut ids, _) = read(call, false)?;
    if ids.is_empty() {
        ids.extend(given_id(call).into_iter().flat_map(split_list).map(str::to_owned));
    }
    match ids.is_empty() {
        true => Err(ApiError::validation(&["no scroll ids specified".to_owned()])),
        false => Ok(ids),
    }
}

fn given_id<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    Some(call.path("scroll_id")).filter(|id| !id.is_empty()).or_else(|| call.query("scroll_id"))
}

/// The ids of a body, and for how long; `one` says whether only one id may be there.
fn read(call: &Call, one: bool) -> Result<(Vec<String>, Option<KeepAlive>), ApiError> {
    read_body(body(call)?, one).map_err(ApiError::parse)
}

fn read_body(bytes: &[u8], one: bool) -> Result<(Vec<String>, Option<KeepAlive>), Exception> {
    let mut reader = BodyReader::new(bytes);
    let (mut ids, mut keep) = (Vec::new(), None);
    match reader.next()? {
        None => return Ok((ids, keep)),
        Some(Token::StartObject) => {}
        Some(_) => return Err(words::scroll_malformed()),
    }
    while let Some(name) = reader.name()? {
        match (name.as_str(), reader.value()?) {
            ("scroll_id", Token::String) => ids.push(reader.text()?),
            ("scroll_id", Token::StartArray) if !one => {
                while let Some(token) = reader.item()? {
                    if !is_value(token) {
                        return Err(words::clear_scroll_value());
                    }
                    ids.push(reader.text()?);
                }
            }
            ("scroll", Token::String) if one => keep = Some(time("scroll", &reader.text()?)?),
            (name, token) => return Err(words::scroll_unknown_key(name, token.name())),
        }
    }
    Ok((ids, keep))
}

/// Reads which point in time is to be let go.
pub(crate) fn pit_id(call: &Call) -> Result<String, ApiError> {
    read_pit_id(body(call)?).map_err(ApiError::parse)
}

fn read_pit_id(bytes: &[u8]) -> Result<String, Exception> {
    let mut reader = BodyReader::new(bytes);
    let mut id = None;
    if reader.next()? != Some(Token::StartObject) {
        return Err(words::expected_start(reader.at(), reader.token()));
    }
    while let Some(name) = reader.name()? {
        let at = reader.at();
        match (name.as_str(), reader.value()?) {
            ("id", Token::String) => id = Some(reader.text()?),
            _ => return Err(words::unknown_parameter(at, "close_point_in_time", &name, &["id"])),
        }
    }
    id.ok_or_else(words::pit_no_id)
}
