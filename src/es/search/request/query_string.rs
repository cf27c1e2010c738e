//! From a query string (`q=…`) to a [`Query`], as far as it is plain: words, and words of a field.
//!
//! Source: Elasticsearch 9.x, query string query.

use serde_json::Value;

use crate::es::error::Exception;
use crate::es::search::query::{Bool, Query};
use crate::es::search::words;

/// Characters that mean something to the server's parser and nothing here.
const SPECIAL: &[char] =
    &['"', '(', ')', '[', ']', '{', '}', '~', '^', '/', '\\', '+', '!', '&', '|', '<', '>', '=', '?'];

/// How a query string is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner<'a> {
    /// The field of words that name none.
    pub field: Option<&'a str>,
    /// Whether every word is wanted.
    pub all: bool,
    /// Whether a word that its field cannot have matches nothing, and is not refused.
    pub lenient: bool,
}

/// Reads a query string.
// DIFFERENCE: Elasticsearch also knows phrases, ranges, fuzzy words, groups and operators.
pub(crate) fn query_string(text: &str, manner: Manner<'_>) -> Result<Query, Exception> {
    let clauses: Vec<Query> =
        text.split_whitespace().map(|part| clause(text, part, manner)).collect::<Result<_, _>>()?;
    let mut clauses = clauses;
    match clauses.len() {
        0 => Ok(Query::None),
        1 => Ok(clauses.remove(0)),
        _ if manner.all => Ok(Query::Bool(Box::new(Bool { must: clauses, ..Bool::default() }))),
        _ => Ok(Query::Bool(Box::new(Bool { should: clauses, ..Bool::default() }))),
    }
}

fn clause(text: &str, part: &str, manner: Manner<'_>) -> Result<Query, Exception> {
    let Manner { field, all, lenient } = manner;
    if part == "*" || part == "*:*" {
        return Ok(Query::All);
    }
    if let Some(found) = part.chars().find(|c| SPECIAL.contains(c)) {
        return Err(words::query_string(text, &format!("[{found}] in it")));
    }
    if matches!(part, "AND" | "OR" | "NOT") || part.starts_with('-') {
        return Err(words::query_string(text, &format!("the operator [{part}] in it")));
    }
    let (field, word) = match part.split_once(':') {
        Some((field, word)) if !word.contains(':') && !field.is_empty() && !word.is_empty() => (Some(field), word),
        Some(_) => return Err(words::query_string(text, "a [:] that names no field")),
        None => (field, part),
    };
    match (field, word) {
        (Some("_exists_"), field) => Ok(Query::Exists(field.to_owned())),
        (Some(field), "*") => Ok(Query::Exists(field.to_owned())),
        (None | Some("*"), word) if word.contains('*') => Err(words::query_string(text, "a wildcard in it")),
        (Some(field), word) if word.contains('*') && !field.contains('*') => {
            Ok(Query::WordPattern { field: field.to_owned(), value: word.to_owned() })
        }
        (None | Some("*"), word) => Ok(Query::AnyField { value: word.to_owned(), all }),
        (Some(field), word) if field.contains('*') => {
            Err(words::query_string(text, &format!("a wildcard in the name of the field of [{word}]")))
        }
        (Some(field), word) => Ok(Query::Match {
            field: field.to_owned(),
            value: Value::from(word),
            all,
            minimum: None,
            zero_terms_all: false,
            lenient,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_query_strings_are_understood_and_others_refused() {
        let query_string = |text, field, all| query_string(text, Manner { field, all, lenient: false });
        let any = |word: &str| Query::AnyField { value: word.to_owned(), all: false };
        assert_eq!(query_string("snow", None, false), Ok(any("snow")));
        assert_eq!(query_string("*", None, false), Ok(Query::All));
        assert_eq!(query_string("*:*", None, false), Ok(Query::All));
        assert_eq!(query_string("a:*", None, false), Ok(Query::Exists("a".to_owned())));
        assert_eq!(query_string("_exists_:a", None, false), Ok(Query::Exists("a".to_owned())));
        let pattern = Query::WordPattern { field: "a".to_owned(), value: "B*".to_owned() };
        assert_eq!(query_string("a:B*", None, false), Ok(pattern));
        assert!(matches!(query_string("a:b", None, false), Ok(Query::Match { field, .. }) if field == "a"));
        assert!(matches!(query_string("b", Some("a"), false), Ok(Query::Match { field, .. }) if field == "a"));
        assert!(matches!(query_string("a b", None, true), Ok(Query::Bool(clauses)) if clauses.must.len() == 2));
        assert!(matches!(query_string("a b", None, false), Ok(Query::Bool(clauses)) if clauses.should.len() == 2));
        for loud in ["\"a b\"", "a AND b", "NOT a", "-a", "+a", "a:[1 TO 2]", "a~", "sn*w", "a:", ":a", "a:b:c", "f*:a"]
        {
            assert!(query_string(loud, None, false).is_err(), "{loud}");
        }
    }
}
