//! JSON, read and written byte for byte as Elasticsearch does.
//!
//! Reading is strict, the way Jackson is strict: comments are fine, a field named twice is not, and an
//! error has Jackson's words and place. [`read`] gives a whole value and is what every request goes
//! through; [`Tokens`] walks a text piece by piece and knows where each piece begins, for whoever has
//! to say what is wrong with a body that was read without error. [`write()`] prints.
//!
//! Nothing here knows requests, schemas or answers.
//!
//! Source: Elasticsearch 9.x with jackson-core 2.15, compared run by run.

mod chars;
mod compact;
mod error;
mod scalar;
mod scan;
#[cfg(test)]
mod tests;
mod tokens;
mod value;
mod weight;
mod write;

use serde_json::Value;

pub use error::{Position, SyntaxError};
pub use tokens::{Token, Tokens};
pub use weight::weighs_more;
pub(crate) use weight::{FIRST_NAME, NAME, VALUE, is_light};
pub use write::{write, write_into};

use error::{EnclosingScope, SyntaxCause};
use scan::{Context, TextScan};

/// The first value of a text, as a request body is read; `None` if there is none.
///
/// What comes after the value is not looked at: Elasticsearch does not either.
///
/// DIFFERENCE: integers beyond 64 bits and decimals beyond a double lose digits, half of a surrogate
/// pair becomes U+FFFD. [`Tokens::text`] has the number as it was written.
///
/// # Errors
/// The first thing that Jackson objects to.
///
/// ```
/// use elastimock::json;
/// use serde_json::json;
///
/// assert_eq!(json::read(br#"{"page": 3} and more"#)?, Some(json!({ "page": 3 })));
/// assert_eq!(json::read(b" \n")?, None);
/// assert!(json::read(br#"{"page": 3, "page": 4}"#).is_err());
/// # Ok::<(), json::SyntaxError>(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Option<Value>, SyntaxError> {
    first_value(&mut TextScan::new(bytes))
}

/// The first value of a text, with what follows it; `None` if there is none.
///
/// # Errors
/// Those of [`read`]; what follows is not looked at.
///
/// ```
/// use elastimock::json;
///
/// let (value, rest) = json::read_first(b"{} and more")?.unwrap();
/// assert_eq!((value, rest), (serde_json::json!({}), &b" and more"[..]));
/// # Ok::<(), json::SyntaxError>(())
/// ```
pub fn read_first(bytes: &[u8]) -> Result<Option<(Value, &[u8])>, SyntaxError> {
    let mut scan = TextScan::new(bytes);
    let value = first_value(&mut scan)?;
    Ok(value.map(|value| (value, bytes.get(scan.at..).unwrap_or_default())))
}

/// The token after the first value of a text; none if only blanks and comments follow.
///
/// # Errors
/// What Jackson objects to up to there.
///
/// ```
/// use elastimock::json::{self, Token};
///
/// assert_eq!(json::token_after(br#"{"page": 3} {}"#)?, Some(Token::StartObject));
/// assert_eq!(json::token_after(b"{} // three")?, None);
/// assert!(json::token_after(b"{}}").is_err());
/// # Ok::<(), json::SyntaxError>(())
/// ```
pub fn token_after(bytes: &[u8]) -> Result<Option<Token>, SyntaxError> {
    let mut tokens = Tokens::new(bytes);
    if tokens.next()?.is_some() {
        tokens.value()?;
    }
    tokens.next()
}

/// All values of a text, one after the other as the lines of a bulk are.
///
/// # Errors
/// What [`read`] objects to, anywhere in the text.
///
/// ```
/// use elastimock::json;
/// use serde_json::json;
///
/// assert_eq!(json::read_all(b"{}\n// three\n3\n")?, [json!({}), json!(3)]);
/// assert!(json::read_all(b"{} }").is_err());
/// # Ok::<(), json::SyntaxError>(())
/// ```
pub fn read_all(bytes: &[u8]) -> Result<Vec<Value>, SyntaxError> {
    let mut tokens = Tokens::new(bytes);
    let mut values = Vec::new();
    while tokens.next()?.is_some() {
        values.push(tokens.value()?);
    }
    Ok(values)
}

/// The one value of a file of ours; only blanks and comments may follow it.
///
/// # Errors
/// What [`read`] objects to, no value at all, and a second one.
///
/// ```
/// use elastimock::json;
///
/// assert_eq!(json::read_file(b"// three\n3\n").unwrap(), 3);
/// let error = json::read_file(b"{}\n{}").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "Unexpected token [START_OBJECT] after the end of the value, line 2, column 2"
/// );
/// ```
pub fn read_file(bytes: &[u8]) -> Result<Value, SyntaxError> {
    let mut tokens = Tokens::new(bytes);
    if tokens.next()?.is_none() {
        return Err(SyntaxError::new(bytes, bytes.len(), SyntaxCause::Empty));
    }
    let value = tokens.value()?;
    match tokens.next()? {
        None => Ok(value),
        Some(token) => Err(SyntaxError::new(bytes, tokens.position().offset + 1, SyntaxCause::Trailing(token))),
    }
}

fn first_value(scan: &mut TextScan<'_>) -> Result<Option<Value>, SyntaxError> {
    match scan.entry(Context::ROOT, true)? {
        Some(byte) => value::read_value(scan, byte, EnclosingScope::Root, 0).map(Some),
        None => Ok(None),
    }
}

/// Where the value at a JSON pointer begins, in a text that was read without error.
///
/// With `key`, where its name begins; an element of an array and the root have none, so theirs is the
/// place of the value. `None` if the text has no such value.
///
/// ```
/// use elastimock::json;
///
/// let text = br#"{"filters":[{"rule":7}]}"#;
/// assert_eq!(json::locate(text, "/filters/0/rule", true).unwrap().column, 14);
/// assert_eq!(json::locate(text, "/filters/0/rule", false).unwrap().column, 21);
/// assert_eq!(json::locate(text, "/filters/1", false), None);
/// ```
pub fn locate(bytes: &[u8], pointer: &str, key: bool) -> Option<Position> {
    let mut tokens = Tokens::new(bytes);
    let place = go_to(&mut tokens, pointer)?;
    Some(if key { place } else { tokens.position() })
}

/// Where the value that a JSON pointer leads to ends: the place of its last token. `None` if the text has no such value.
pub(crate) fn locate_end(bytes: &[u8], pointer: &str) -> Option<Position> {
    let mut tokens = Tokens::new(bytes);
    go_to(&mut tokens, pointer)?;
    tokens.skip().ok()?;
    Some(tokens.position())
}

/// Goes on to the value that a JSON pointer leads to, and says where its name begins.
fn go_to(tokens: &mut Tokens<'_>, pointer: &str) -> Option<Position> {
    let mut token = tokens.next().ok()??;
    let mut place = tokens.position();
    let mut segments = pointer.split('/');
    if !segments.next()?.is_empty() {
        return None;
    }
    for segment in segments {
        let name = segment.replace("~1", "/").replace("~0", "~");
        match token {
            Token::StartObject => loop {
                if tokens.next().ok()?? == Token::EndObject {
                    return None;
                }
                place = tokens.position();
                let found = tokens.text().ok()? == name;
                token = tokens.next().ok()??;
                if found {
                    break;
                }
                tokens.skip().ok()?;
            },
            Token::StartArray => {
                let mut index: usize = name.parse().ok()?;
                loop {
                    token = tokens.next().ok()??;
                    match index.checked_sub(1) {
                        _ if token == Token::EndArray => return None,
                        None => break,
                        Some(before) => index = before,
                    }
                    tokens.skip().ok()?;
                }
                place = tokens.position();
            }
            _ => return None,
        }
    }
    Some(place)
}
