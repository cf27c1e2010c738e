//! [`Exposure`]: where a masked request says that a secret stood in the open.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::known::has_words;
use super::{REDACTED, is_secret_header, is_secret_parameter, unescaped};
use crate::es::http::call::ParsedParts;
use crate::es::http::endpoint::RowFacts;
use crate::http::Request;
use crate::target::{self, RawParameter};

/// A place where a secret stands in the open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// The path.
    Path,
    /// The query parameter with that name.
    Query(String),
    /// The header with that name.
    Header(String),
    /// The error message at that place of the body, a JSON pointer.
    Error(&'static str),
}

impl Exposure {
    /// The place as a JSON pointer into the body, or by its name.
    pub(crate) fn pointer(&self) -> &str {
        match self {
            Exposure::Path => "path",
            Exposure::Query(name) | Exposure::Header(name) => name,
            Exposure::Error(pointer) => pointer,
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exposure::Path => f.write_str("the path"),
            Exposure::Query(name) => write!(f, "the query parameter [{name}]"),
            Exposure::Header(name) => write!(f, "the header [{name}]"),
            Exposure::Error(_) => f.write_str("the error message"),
        }
    }
}

/// Where the masks of a request say that secrets stood in the open: a live judge and one that reads a recording
/// see the same. `shows_headers` says that its header lines have been looked at, and have none.
pub(crate) fn exposures(
    request: &Request,
    parsed: &ParsedParts<'_>,
    facts: Option<&RowFacts>,
    shows_headers: bool,
) -> Vec<Exposure> {
    let holds = |text: &str| text.as_bytes().contains(&b'<') && text.contains(REDACTED);
    let mut found = Vec::new();
    // One look at the whole is enough for nearly every request.
    if !request.is_bare() && request.target().contains("redacted") {
        if request.path().split('/').any(|segment| holds(&unescaped(segment))) {
            found.push(Exposure::Path);
        }
        for RawParameter { name, value, .. } in target::parameters(request.query()) {
            let name = unescaped(name);
            if !is_secret_parameter(&name) && (holds(&name) || holds(&unescaped(value))) {
                found.push(Exposure::Query(name.into_owned()));
            }
        }
    }
    if !shows_headers && holds(request.headers().as_text()) {
        let lines = request.headers().iter().filter(|(name, value)| holds(value) && !is_secret_header(name));
        found.extend(lines.map(|(name, _)| Exposure::Header(name.to_owned())));
    }
    let errors = facts.map(|facts| facts.error_texts).unwrap_or_default();
    let is_bulk = request.path().ends_with("_bulk");
    let has_masks = |text: &[u8]| text.windows(REDACTED.len()).any(|piece| piece == REDACTED.as_bytes());
    if !errors.is_empty() && (!is_bulk || has_words(facts, request)) && has_masks(request.body()) {
        let bodies: Vec<Cow<'_, Value>> = match is_bulk {
            true => {
                parsed.lines(request.body()).filter_map(|line| Some(Cow::Owned(line.object()?.to_value()))).collect()
            }
            false => parsed.json(request.body()).into_iter().collect(),
        };
        let tells =
            |pointer: &str| bodies.iter().any(|body| body.pointer(pointer).and_then(Value::as_str).is_some_and(holds));
        found.extend(errors.iter().filter(|pointer| tells(pointer)).map(|pointer| Exposure::Error(pointer)));
    }
    found
}
