//! What the values of a text take in memory, known before any is made.
//!
//! A list of small numbers takes forty times as many bytes as its text. Whoever reads texts of strangers
//! asks here first.

use std::mem::size_of;

use serde_json::Value;

use super::tokens::{Token, Tokens};

/// Bytes of a value in its list, or in its place in an object.
pub(crate) const VALUE: usize = size_of::<Value>();
/// Bytes of an object's first places and of its table.
pub(crate) const FIRST_NAME: usize = 4 * VALUE + 64;
/// Bytes of a further name.
pub(crate) const NAME: usize = 64;

/// About how many bytes the values of some texts take once they are read, if those are more than `most`:
/// so far as it was counted, which is little beyond. Where a text is broken, what stands before that is
/// counted.
///
/// ```
/// use elastimock::json;
///
/// let text: &[u8] = b"[0,1,2]";
/// assert_eq!(json::weighs_more([text].into_iter(), 10_000), None);
/// assert!(json::weighs_more([text].into_iter(), 100).is_some_and(|bytes| bytes > 100));
/// ```
pub fn weighs_more<'a>(texts: impl Iterator<Item = &'a [u8]> + Clone, most: usize) -> Option<usize> {
    // Most texts are known to be light by their marks: no text has more values than those and one.
    if texts.clone().map(weight_at_most).sum::<usize>() <= most {
        return None;
    }
    let mut weight = 0;
    texts.clone().any(|text| add_weight(text, &mut weight, most)).then_some(weight)
}

/// Whether the values of a text of that many bytes take no more than `most`, whatever it says.
pub(crate) const fn is_light(bytes: usize, most: usize) -> bool {
    bytes < most / (1 + VALUE + FIRST_NAME) - 1
}

fn weight_at_most(text: &[u8]) -> usize {
    let mark = |byte: &u8| u8::from(matches!(byte, b',' | b'[' | b'{' | b':'));
    // So many at a time as a byte can count, which the compiler does for many bytes at once.
    let marks: usize = text.chunks(255).map(|bytes| usize::from(bytes.iter().map(mark).sum::<u8>())).sum();
    text.len() + (marks + 1) * (VALUE + FIRST_NAME)
}

/// Adds the weight of a text until it is more than `most`, and says whether it is.
fn add_weight(text: &[u8], weight: &mut usize, most: usize) -> bool {
    let mut tokens = Tokens::new(text);
    let mut is_first = false;
    *weight += text.len();
    while let (true, Ok(Some(token))) = (*weight <= most, tokens.next()) {
        *weight += match token {
            Token::FieldName if is_first => FIRST_NAME,
            Token::FieldName => NAME,
            Token::EndObject | Token::EndArray => 0,
            _ => VALUE,
        };
        is_first = token == Token::StartObject;
    }
    *weight > most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighs(text: &str) -> usize {
        let mut weight = 0;
        assert!(!add_weight(text.as_bytes(), &mut weight, usize::MAX));
        weight
    }

    #[test]
    fn what_is_many_is_heavy_however_it_is_written() {
        let zeros = "0,".repeat(1_000);
        let lists = [
            format!("[{zeros}0]"),
            format!("[\n{zeros}0]"),
            format!("/* \" */ [{zeros}0]"),
            format!("[{}0]", "[],".repeat(1_000)),
            format!("[{zeros}"),
        ];
        for list in &lists {
            assert!(weighs(list) > 1_000 * VALUE, "{}", &list[..10]);
        }
        assert!(weighs(&format!("[{}0]", "{\"a\":0},".repeat(1_000))) > 1_000 * (2 * VALUE + FIRST_NAME));
        let text = format!("\"{}\"", zeros);
        assert!(weighs(&text) < text.len() + 2 * VALUE, "marks in a text are no values");
    }
}
