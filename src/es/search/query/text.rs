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

/// The same, copied only if it has something to lower.
pub(crate) fn lowered(word: &str) -> Cow<'_, str> {
    let is_low = word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_low { Cow::Borrowed(word) } else { Cow::Owned(lower(word)) }
}

/// A pattern with wildcards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WildcardPattern(Vec<WildcardPiece>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum WildcardPiece {
    /// Anything.
    Any,
    /// One character.
    One,
    /// This character.
    Char(char),
}

impl WildcardPattern {
    /// Reads a pattern: `*` for anything, `?` for one character, `\` before what is meant as it is.
    pub(crate) fn read(text: &str) -> WildcardPattern {
        let mut chars = text.chars();
        let mut pieces = Vec::new();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => WildcardPiece::Any,
                '?' => WildcardPiece::One,
                '\\' => WildcardPiece::Char(chars.next().unwrap_or('\\')),
                c => WildcardPiece::Char(c),
            });
        }
        WildcardPattern(pieces)
    }

    /// Reads a pattern whose only wildcard is `*`, as names of fields and indices have it.
    pub(crate) fn of_name(text: &str) -> WildcardPattern {
        WildcardPattern(
            text.chars().map(|c| if c == '*' { WildcardPiece::Any } else { WildcardPiece::Char(c) }).collect(),
        )
    }

    /// Whether the whole text fits.
    pub(crate) fn fits(&self, text: &str) -> bool {
        // The last star seen, and where the text stood then: the only place to go back to.
        let (mut at, mut with, mut star) = (0, 0, None);
        while let Some(c) = text[with..].chars().next() {
            match self.0.get(at) {
                Some(WildcardPiece::Any) => {
                    star = Some((at, with));
                    at += 1;
                    continue;
                }
                Some(WildcardPiece::One) => {}
                Some(WildcardPiece::Char(wanted)) if *wanted == c => {}
                _ => {
                    let Some((star_at, star_with)) = star else {
                        return false;
                    };
                    let next = star_with + text[star_with..].chars().next().map_or(1, char::len_utf8);
                    star = Some((star_at, next));
                    (at, with) = (star_at + 1, next);
                    continue;
                }
            }
            at += 1;
            with += c.len_utf8();
        }
        self.0[at..].iter().all(|piece| *piece == WildcardPiece::Any)
    }

    /// Whether some text that begins with `text` fits.
    pub(crate) fn may_fit_below(&self, text: &str) -> bool {
        // The places where the pattern may stand after what has been read.
        let mut places = vec![false; self.0.len() + 1];
        places[0] = true;
        for c in text.chars() {
            self.spread(&mut places);
            let mut next = vec![false; places.len()];
            for (at, piece) in self.0.iter().enumerate().filter(|(at, _)| places[*at]) {
                match piece {
                    WildcardPiece::Any => next[at] = true,
                    WildcardPiece::One => next[at + 1] = true,
                    WildcardPiece::Char(wanted) if *wanted == c => next[at + 1] = true,
                    WildcardPiece::Char(_) => {}
                }
            }
            places = next;
        }
        self.spread(&mut places);
        // At its end the pattern takes nothing more.
        places[..self.0.len()].contains(&true)
    }

    /// A star may also stand for nothing.
    fn spread(&self, places: &mut [bool]) {
        for at in 0..self.0.len() {
            if places[at] && self.0[at] == WildcardPiece::Any {
                places[at + 1] = true;
            }
        }
    }
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

    #[test]
    fn wildcards_fit_as_in_elasticsearch() {
        for (pattern, text, fits) in [
            ("*idx*", "idx-b", true),
            ("*wo*", "two", true),
            ("*ONE*", "one", false),
            ("*a?c*", "xabcx", true),
            ("*a?c*", "xaécx", true),
            ("*a*b*", "b-a", false),
            ("**", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("?", "é", true),
            ("?", "", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("a", "ab", false),
        ] {
            assert_eq!(WildcardPattern::read(pattern).fits(text), fits, "{pattern} {text}");
        }
        assert!(WildcardPattern::of_name("a?*").fits("a?b") && !WildcardPattern::of_name("a?*").fits("axb"));
    }

    #[test]
    fn a_pattern_knows_what_may_still_come() {
        for (pattern, text, may) in [
            ("a.b", "a.", true),
            ("a.b", "a.b", false),
            ("a.b", "b.", false),
            ("*.b", "x.", true),
            ("a*", "a.b.", true),
            ("*", "", true),
            ("", "", false),
        ] {
            assert_eq!(WildcardPattern::of_name(pattern).may_fit_below(text), may, "{pattern} {text}");
        }
    }
}
