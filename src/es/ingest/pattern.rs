//! [`GsubPattern`]: what `gsub` looks for.
//!
//! In Elasticsearch a pattern is any Java regular expression. Here it is a text, whose characters may be
//! escaped, or one character or class with a `+`: `\s+`, `[\t ]+`, `-+`. Both are found in one pass. A regular
//! expression crate would bring three crates and another dialect than Java's, which would have to be told apart from it.
//!
//! DIFFERENCE: any other expression is refused when the pipeline is stored.

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GsubPattern {
    /// One after the other.
    Sequence(Vec<Atom>),
    /// As many as there are, at least one.
    Run(Atom),
}

/// One character.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Atom {
    /// Exactly this character.
    Literal(char),
    /// One of a class, or one that is in none of it.
    Class { negated: bool, members: Vec<ClassMember> },
}

/// What is in a class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClassMember {
    Range(char, char),
    Space,
    Digit,
    Word,
}

impl ClassMember {
    fn has(&self, c: char) -> bool {
        match self {
            ClassMember::Range(from, to) => (*from..=*to).contains(&c),
            // As Java has it unless told otherwise: ASCII only.
            ClassMember::Space => matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'),
            ClassMember::Digit => c.is_ascii_digit(),
            ClassMember::Word => c.is_ascii_alphanumeric() || c == '_',
        }
    }
}

impl Atom {
    fn takes(&self, c: char) -> bool {
        match self {
            Atom::Literal(literal) => *literal == c,
            Atom::Class { negated, members } => members.iter().any(|member| member.has(c)) != *negated,
        }
    }
}

impl GsubPattern {
    /// Reads an expression; none if it is not one of those that are known.
    pub(crate) fn read(text: &str) -> Option<GsubPattern> {
        let mut atoms = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => atoms.push(escaped(chars.next()?)?),
                '[' => atoms.push(class(&mut chars)?),
                '+' if atoms.len() == 1 && chars.as_str().is_empty() => return atoms.pop().map(GsubPattern::Run),
                '.' | '*' | '+' | '?' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
                c => atoms.push(Atom::Literal(c)),
            }
        }
        (!atoms.is_empty()).then_some(GsubPattern::Sequence(atoms))
    }

    /// The text with every match replaced.
    pub(crate) fn replace(&self, text: &str, replacement: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            match self.matched(rest) {
                0 => {
                    out.push(c);
                    rest = &rest[c.len_utf8()..];
                }
                bytes => {
                    out.push_str(replacement);
                    rest = &rest[bytes..];
                }
            }
        }
        out
    }

    /// How many bytes at the start of `text` match; 0 for none.
    fn matched(&self, text: &str) -> usize {
        match self {
            GsubPattern::Run(atom) => text.find(|c| !atom.takes(c)).unwrap_or(text.len()),
            GsubPattern::Sequence(atoms) => {
                let mut chars = text.chars();
                let all = atoms.iter().all(|atom| chars.next().is_some_and(|c| atom.takes(c)));
                if all { text.len() - chars.as_str().len() } else { 0 }
            }
        }
    }
}

fn escaped(c: char) -> Option<Atom> {
    let class = |member, negated| Some(Atom::Class { negated, members: vec![member] });
    match c {
        's' | 'S' => class(ClassMember::Space, c == 'S'),
        'd' | 'D' => class(ClassMember::Digit, c == 'D'),
        'w' | 'W' => class(ClassMember::Word, c == 'W'),
        c => Some(Atom::Literal(control(c)?)),
    }
}

/// What a backslash makes of a character; none if it makes something that is not known here.
fn control(c: char) -> Option<char> {
    match c {
        't' => Some('\t'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        'f' => Some('\u{c}'),
        c if c.is_ascii_alphanumeric() => None,
        c => Some(c),
    }
}

/// A class, after its opening bracket.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Atom> {
    let mut members = Vec::new();
    let negated = chars.as_str().starts_with('^');
    if negated {
        chars.next();
    }
    loop {
        let member = match chars.next()? {
            ']' if !members.is_empty() => return Some(Atom::Class { negated, members }),
            '[' | ']' | '&' => return None,
            '\\' => match escaped(chars.next()?)? {
                Atom::Literal(c) => ClassMember::Range(c, c),
                Atom::Class { negated: false, mut members } => members.pop()?,
                Atom::Class { .. } => return None,
            },
            c => ClassMember::Range(c, c),
        };
        let ClassMember::Range(from, _) = member else {
            members.push(member);
            continue;
        };
        let mut ahead = chars.as_str().chars();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                if matches!(to, '[' | '\\') || to < from {
                    return None;
                }
                *chars = ahead;
                members.push(ClassMember::Range(from, to));
            }
            _ => members.push(member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_a_class_and_a_run_are_known_and_nothing_else_is() {
        for (pattern, text, expected) in [
            (r"\s+", " a \t\n b\u{a0}", Some("_a_b\u{a0}")),
            (r"\s", "a  b", Some("a__b")),
            (r"\S+", "ab c", Some("_ _")),
            ("\u{fffd}", "a\u{fffd}b", Some("a_b")),
            (r"\.", "a.b.c", Some("a_b_c")),
            ("ab", "aabab", Some("a__")),
            ("-+", "a---b-c", Some("a_b_c")),
            (r"[\t ]+", "a \t b", Some("a_b")),
            ("[a-c]", "abcd", Some("___d")),
            ("[^a-c]+", "abxyc", Some("ab_c")),
            (r"[a\-z]", "a-mz", Some("__m_")),
            (r"\d\d", "1234567", Some("___7")),
            (r"", "", None),
            ("a.b", "", None),
            ("a*", "", None),
            ("(a)", "", None),
            ("ab+", "", None),
            ("a|b", "", None),
            ("^a", "", None),
            ("a{2}", "", None),
            (r"\bword", "", None),
            (r"\p{L}", "", None),
            ("[a&&b]", "", None),
            ("[a", "", None),
            (r"a\", "", None),
            ("[]a]", "", None),
            ("[c-a]", "", None),
        ] {
            let replaced = GsubPattern::read(pattern).map(|pattern| pattern.replace(text, "_"));
            assert_eq!(replaced.as_deref(), expected, "{pattern}");
        }
    }
}
