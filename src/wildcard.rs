//! [`WildcardPattern`]: the one matcher of patterns with `*` and `?`.

/// Whether a name is like a pattern, in which `*` stands for any text.
pub(crate) fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.contains('*') {
        true => WildcardPattern::of_name(pattern).fits(name),
        false => pattern == name,
    }
}

/// Whether a text is like the pattern of a stub, in which `*` stands for any characters and `?` for one.
pub(crate) fn is_like_stub(pattern: &str, text: &str) -> bool {
    match pattern.contains(['*', '?']) {
        true => WildcardPattern::of_stub(pattern).fits(text),
        false => pattern == text,
    }
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

    /// Reads a pattern with `*` for anything and `?` for one character, as stubs have it.
    fn of_stub(text: &str) -> WildcardPattern {
        let piece = |c| match c {
            '*' => WildcardPiece::Any,
            '?' => WildcardPiece::One,
            c => WildcardPiece::Char(c),
        };
        WildcardPattern(text.chars().map(piece).collect())
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

    #[test]
    fn a_name_is_like_itself_and_its_patterns() {
        for (pattern, name, like) in [
            ("docs", "docs", true),
            ("do?s", "docs", false),
            ("d*s", "docs", true),
            ("a*a", "a", false),
            ("*a*", "banana", true),
            ("a*b*c", "abcbc", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(is_like(pattern, name), like, "{pattern} {name}");
        }
        assert!(is_like_stub("do?s*", "docs") && !is_like_stub("do?s", "dos"));
    }
}
