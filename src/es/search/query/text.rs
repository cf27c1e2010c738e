//! Words, and patterns: how texts are compared.
//!
//! Source: Elasticsearch 9.x, standard analyser (Unicode word boundaries, lower case, no stop words) and
//! wildcard queries.

use std::borrow::Cow;

/// The words of a text, as it has them: letters, digits and `_`, joined by a `.` or `'` within.
// DIFFERENCE: the finer rules of Unicode word boundaries (Thai, Hebrew, emoji) are left out.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        rest = &rest[start..];
        let end = word_end(rest);
        let word = &rest[..end];
        rest = &rest[end..];
        Some(word)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Characters of scripts without blanks, each of which is a word.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{309f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether `c` joins the two that it stands between into one word.
fn joins(before: char, c: char, after: char) -> bool {
    let letters = before.is_alphabetic() && after.is_alphabetic();
    let digits = before.is_numeric() && after.is_numeric();
    match c {
        '\'' | '.' | '\u{2018}' | '\u{2019}' | '\u{2024}' => letters || digits,
        ':' | '\u{b7}' => letters,
        ',' | ';' => digits,
        _ => false,
    }
}

/// Where the word ends that the text begins with.
fn word_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let Some((_, mut before)) = chars.next() else {
        return 0;
    };
    let alone = stands_alone(before);
    while let Some((at, c)) = chars.next() {
        if is_mark(c) {
            continue;
        }
        let after = chars.peek().map(|(_, after)| *after);
        let goes_on = (is_word(c) && !stands_alone(c)) || after.is_some_and(|after| joins(before, c, after));
        if alone || !goes_on {
            return at;
        }
        before = c;
    }
    text.len()
}

/// A word as it is indexed.
pub(crate) fn lower(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).collect()
}

/// A word as it is indexed, copied only if it has something to lower.
pub(crate) fn lowered(word: &str) -> Cow<'_, str> {
    let is_low = word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_low { Cow::Borrowed(word) } else { Cow::Owned(lower(word)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_the_standard_analyser_finds_them() {
        for (text, expected) in [
            ("The Hitchhiker's Guide to the Galaxy", vec!["The", "Hitchhiker's", "Guide", "to", "the", "Galaxy"]),
            ("snow-crash, 2nd ed.", vec!["snow", "crash", "2nd", "ed"]),
            ("v1.5 costs 1,299.50 EUR", vec!["v1.5", "costs", "1,299.50", "EUR"]),
            ("a.b. c_d x:y 1:2", vec!["a.b", "c_d", "x:y", "1", "2"]),
            ("'quoted'", vec!["quoted"]),
            ("café ÀÉÎ", vec!["café", "ÀÉÎ"]),
            ("東京 tower", vec!["東", "京", "tower"]),
            ("  --  ", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_lower_case_is_not_copied() {
        for (word, copies) in [("snow", false), ("v1.5", false), ("Snow", true), ("ÀÉ", true), ("é", true), ("İ", true)]
        {
            assert_eq!(lowered(word), lower(word), "{word}");
            assert_eq!(matches!(lowered(word), Cow::Owned(_)), copies, "{word}");
        }
    }
}
