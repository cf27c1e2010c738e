//! Masks credentials and secrets on the way into the journal.
//!
//! Whatever is kept or told has passed here: header lines, path and query, bodies, the state in a recording's
//! header, the words of a finding. What is masked reads [`REDACTED`]; everything else keeps its bytes. Empty
//! texts and nulls stay, because they hide nothing and a reader wants to know that nothing was set.
//!
//! One rule says what is secret in a body ([`sieve`]): settings that are marked `sensitive` or are named like
//! secrets, API keys, whatever belongs to the calls about secrets. [`KnownSecrets`] masks what the rule finds,
//! remembers it, and masks it wherever it stands from then on.
//!
//! Bodies are masked by place in their text, not by reading and writing them again. One that cannot be read
//! as JSON, and may hold a secret, is kept up to where it stops being JSON; of one in another form nothing is
//! kept but its length.

mod exposure;
mod known;
mod needles;
mod sieve;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

pub(crate) use exposure::{Exposure, exposures};
pub(crate) use known::{KnownSecrets, Mask};
use needles::Needles;

use crate::bytes_at::BytesAt;
use crate::target;

/// What stands in place of a masked value.
pub(crate) const REDACTED: &str = "<redacted>";

/// [`REDACTED`] in a path or query, where its brackets have to be escaped.
const MASK_IN_TARGET: &str = "%3Credacted%3E";

/// What follows [`REDACTED`] and a number in place of bytes that were no JSON.
const NOTE_END: &str = " bytes that could not be read)";

/// What the names of secrets have in them.
const SECRET_WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "api_key",
    "api-key",
    "apikey",
    "private_key",
    "private-key",
    "access_key",
    "access-key",
];

/// What a name has that may be one of a secret, for a quick look.
static ROOTS: LazyLock<Needles> = LazyLock::new(|| {
    let roots = ["pass", "secret", "token", "credential", "key"];
    let of_lines = ["auth", "bearer", "jwt", "pwd", "signature", "session", "otp", "dpop", "cert"];
    Needles::in_any_case(&[&roots[..], &of_lines].concat())
});

/// What names a secret wherever it stands in a name that is written without its separators.
const STRONG: [&str; 7] = ["password", "passwd", "passphrase", "credential", "apikey", "privatekey", "accesskey"];

/// What names one at the end of a word, also in the plural.
const ENDS: [&str; 5] = ["secret", "token", "secretkey", "secretvalue", "tokenvalue"];

/// What names one in headers and parameters, as words of their own.
const OF_LINES: [&str; 15] = [
    "auth",
    "bearer",
    "jwt",
    "pwd",
    "pass",
    "signature",
    "session",
    "otp",
    "dpop",
    "subscriptionkey",
    "functionskey",
    "servicekey",
    "clientkey",
    "clientcert",
    "clientcertificate",
];

/// What follows the word of a secret in a name that means something about it.
const ABOUT: [&str; 5] = ["type", "per", "count", "limit", "ttl"];

/// What a text has that may hold a secret, whatever form it is in.
static HINTS: LazyLock<Needles> = LazyLock::new(|| {
    let others = ["configuration", "values", "sensitive", "encoded", "authorization"];
    Needles::in_any_case(&[&SECRET_WORDS[..], &others].concat())
});

/// Whether something with that name is likely to be a secret.
fn sounds_secret(name: impl AsRef<[u8]>) -> bool {
    ROOTS.find(name.as_ref(), 0).is_some() && NameWords::of(name.as_ref()).sound_secret()
}

/// A name in lower case without separators, and where its words end.
struct NameWords {
    text: String,
    /// The ends of words, ascending; the first is the beginning of the name.
    ends: Vec<usize>,
}

impl NameWords {
    fn of(name: &[u8]) -> NameWords {
        let mut words = NameWords { text: String::with_capacity(name.len()), ends: vec![0] };
        for (at, &byte) in name.iter().enumerate() {
            let last = at.checked_sub(1).map_or(b' ', |at| name[at]);
            let is_next_small = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let begins = !last.is_ascii_alphabetic()
                || !byte.is_ascii_alphabetic()
                || (byte.is_ascii_uppercase() && (last.is_ascii_lowercase() || is_next_small));
            if begins && words.ends.last() != Some(&words.text.len()) {
                words.ends.push(words.text.len());
            }
            if byte.is_ascii_alphanumeric() {
                words.text.push(char::from(byte.to_ascii_lowercase()));
            } else if byte >= 0x80 {
                words.text.push('\u{fffd}');
            }
        }
        words.ends.push(words.text.len());
        words
    }

    fn sound_secret(&self) -> bool {
        let ends_word = |at: usize| {
            let end = if self.text[at..].starts_with('s') && self.is_end(at + 1) { at + 1 } else { at };
            let follows = |about: &str| self.text[end..].starts_with(about) && self.is_end(end + about.len());
            self.is_end(end) && !ABOUT.iter().any(|about| follows(about))
        };
        STRONG.iter().any(|word| self.text.contains(word))
            || ENDS.iter().any(|word| self.text.match_indices(word).any(|(at, _)| ends_word(at + word.len())))
    }

    /// Whether one of these stands there as a word, or as several.
    fn have(&self, names: &[&str]) -> bool {
        let stands = |name: &str, at: usize| self.is_end(at) && self.is_end(at + name.len());
        names.iter().any(|name| self.text.match_indices(name).any(|(at, _)| stands(name, at)))
    }

    fn is_end(&self, at: usize) -> bool {
        self.ends.binary_search(&at).is_ok()
    }
}

/// Header lines that carry credentials.
fn is_secret_header(name: &str) -> bool {
    match name {
        "host"
        | "accept"
        | "accept-encoding"
        | "connection"
        | "content-length"
        | "content-type"
        | "user-agent"
        | "traceparent"
        | "x-elastic-client-meta"
        | "x-elastic-product"
        | "x-opaque-id" => false,
        "cookie" | "set-cookie" => true,
        _ => name.contains("authorization") || name.contains("authentication") || is_secret_name(name),
    }
}

/// Query parameters that carry credentials.
fn is_secret_parameter(name: &str) -> bool {
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    is_one_of(&["authorization", "encoded"]) || is_secret_name(name)
}

/// Whether a header or a parameter of that name carries a secret.
fn is_secret_name(name: &str) -> bool {
    if ROOTS.find(name.as_bytes(), 0).is_none() {
        return false;
    }
    let ends_in_id =
        name.len() >= 3 && matches!(name.as_bytes()[name.len() - 3..], [b'_' | b'-', b'i' | b'I', b'd' | b'D']);
    let words = NameWords::of(name.as_bytes());
    !ends_in_id && (words.sound_secret() || words.have(&OF_LINES))
}

/// The places of secrets in a header line that is no secret itself: what follows the name of a scheme, and the
/// parameters of a URL.
fn secrets_of_header(name: &str, value: &str) -> Vec<Range<usize>> {
    const SCHEMES: [&str; 3] = ["bearer ", "basic ", "apikey "];
    const PARTS: [char; 9] = ['?', '#', '&', ';', ' ', '"', ',', '<', '>'];
    let mut places = Vec::new();
    if matches!(name, "user-agent" | "accept") || !value.contains([' ', '?', '#']) {
        return places;
    }
    let lower = value.to_ascii_lowercase();
    for (at, scheme) in SCHEMES.iter().flat_map(|scheme| lower.match_indices(scheme)) {
        let start = at + scheme.len();
        let token = value[start..].split([' ', ',', '"', ';']).next().unwrap_or_default();
        let is_word = !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let is_whole = at == 0 && start + token.len() == value.len();
        let is_opaque = token.len() >= 8 && !token.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_word && !token.is_empty() && token != REDACTED && (is_whole || is_opaque) {
            places.push(start..start + token.len());
        }
    }
    let mut at = value.find(['?', '#']).unwrap_or(value.len());
    for part in value[at..].split_inclusive(PARTS) {
        let parameter = part.trim_end_matches(PARTS);
        if let Some((name, text)) = parameter.split_once('=')
            && !text.is_empty()
            // The mask itself has brackets, which end a parameter.
            && !matches!(text, REDACTED | MASK_IN_TARGET)
            && is_secret_parameter(&unescaped(name))
        {
            places.push(at + name.len() + 1..at + parameter.len());
        }
        at += part.len();
    }
    places.sort_by_key(|place| place.start);
    places
}

/// A text with its percent escapes decoded; what is no escape, or no text, stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    target::decoded(text, false)
}

/// The place of user and password in the first URL that has them in the open.
fn user_info(text: &str) -> Option<Range<usize>> {
    user_info_after(text, 0)
}

/// The place of user and password in the first URL that has them and begins at or after `from`.
fn user_info_after(text: &str, mut from: usize) -> Option<Range<usize>> {
    while let Some(at) = text[from..].find("://") {
        from += at + 3;
        let authority = text[from..].split(['/', '?', '#', ' ', '"', ',']).next().unwrap_or_default();
        let place = authority.rfind('@').map(|end| from..from + end);
        let is_open = |place: &Range<usize>| !matches!(&text[place.clone()], "" | REDACTED | MASK_IN_TARGET);
        if let Some(place) = place.filter(is_open) {
            return Some(place);
        }
    }
    None
}

/// The places of secrets in words that somebody has written for people, such as an error message: user and password of
/// a URL, what follows the name of a secret, and what follows the name of a scheme behind that. Behind a colon only what
/// no word is counts, unless every word does: people write about secrets. Each character is looked at a few times at the
/// most, however many names there are.
fn secrets_of_words(text: &str, every_word: bool) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(place) = user_info_after(text, from) {
        from = place.end;
        places.push(place);
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '&' | ')' | '}' | ']' | '<' | '>' | '\\');
    let is_before = ['"', '\'', ' ', '\\'];
    let is_word = |value: &str| {
        value.len() < 6 || value.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_./".contains(&byte))
    };
    // Whether the second of two quotes has been looked for to the end of the text, in vain.
    let mut is_unclosed = false;
    let mut end = 0;
    for (at, sign) in text.match_indices(['=', ':']) {
        if at < end {
            continue;
        }
        let name = text[..at].trim_end_matches(is_before).rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
        if !is_secret_name(name) && !name.eq_ignore_ascii_case("authorization") {
            continue;
        }
        let rest = text[at + 1..].trim_start_matches(is_before);
        let mut start = text.len() - rest.len();
        let mut value = rest.split(is_end).next().unwrap_or_default();
        let quote = text[..start].chars().next_back().filter(|quote| matches!(quote, '"' | '\'') && !is_unclosed);
        match quote.map(|quote| rest.find(quote)) {
            Some(Some(closed)) => value = rest[..closed].trim_end_matches('\\'),
            Some(None) => is_unclosed = true,
            None => {}
        }
        if ["bearer", "basic", "apikey"].iter().any(|scheme| value.eq_ignore_ascii_case(scheme)) {
            let token = rest[value.len()..].trim_start_matches(' ');
            start = text.len() - token.len();
            value = token.split(is_end).next().unwrap_or_default();
        }
        if !(value.is_empty() || sign == ":" && !every_word && is_word(value)) {
            end = start + value.len();
            places.push(start..end);
        }
    }
    places.sort_by_key(|place| (place.start, place.end));
    let mut end = 0;
    places.retain(|place| {
        let is_apart = place.start >= end;
        end = if is_apart { place.end } else { end };
        is_apart
    });
    places
}

/// What is kept of that many bytes that could not be read.
fn note(bytes: usize) -> String {
    format!("{REDACTED} ({bytes}{NOTE_END}")
}

/// Whether a text is what is kept of one that could not be read.
pub(crate) fn is_note(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(REDACTED.as_bytes()).and_then(|rest| rest.strip_prefix(b" ("));
    let digits = rest.and_then(|rest| rest.strip_suffix(NOTE_END.as_bytes()));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Whether what was sent is what was kept of it, as far as that can be known: a mask stands for any text, and so
/// does the note about what could not be read.
pub(crate) fn admits(kept: &str, sent: &str) -> bool {
    let Some((start, rest)) = kept.split_once(REDACTED) else { return kept == sent };
    let Some(mut sent) = sent.strip_prefix(start) else { return false };
    let mut pieces: Vec<&str> = rest.split(REDACTED).collect();
    let last = pieces.pop().unwrap_or_default();
    if is_note(format!("{REDACTED}{last}").as_bytes()) {
        return pieces.iter().all(|piece| {
            sent.find(piece).is_some_and(|at| {
                sent = &sent[at + piece.len()..];
                true
            })
        });
    }
    for piece in pieces {
        let Some(at) = sent.find(piece) else { return false };
        sent = &sent[at + piece.len()..];
    }
    sent.ends_with(last)
}

/// What was sent where the masks stand in what was kept of it; nothing if it is something else, or could not be read.
pub(crate) fn revealed<'s>(kept: &str, sent: &'s str) -> Vec<&'s str> {
    let mut pieces = kept.split(REDACTED);
    let mut found = Vec::new();
    let Some(mut rest) = pieces.next().and_then(|start| sent.strip_prefix(start)) else { return found };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        let at = if is_last {
            rest.len().checked_sub(piece.len()).filter(|at| rest.is_char_boundary(*at) && rest.ends_with(piece))
        } else {
            rest.find(piece)
        };
        let Some(at) = at else { return Vec::new() };
        found.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    found
}

/// Bytes of a text from which on it is looked through in one pass for all beginnings of what could hide a secret.
const AT_ONCE_BYTES_MIN: usize = 256;

/// The beginnings, of which many bytes are looked at in one instruction; none where the processor cannot.
static BEGINNINGS: LazyLock<Option<Searcher>> =
    LazyLock::new(|| Searcher::new(["\"sens", "\"secr", "\"api_", "\"enco", "\"valu", "\"conf", "\\u00"]));

/// Whether a look at the body is worth its while: it has a name that goes with secrets, or spells
/// ASCII in a way that could hide one.
fn is_suspect(bytes: &[u8]) -> bool {
    if bytes.len() >= AT_ONCE_BYTES_MIN
        && let Some(beginnings) = &*BEGINNINGS
    {
        return beginnings.find_iter(bytes).any(|found| hides(bytes, found.start()));
    }
    BytesAt::new(bytes, [b'"', b'\\']).any(|at| hides(bytes, at))
}

/// Whether something that could hide a secret begins at a quote or a backslash.
#[inline(always)]
fn hides(bytes: &[u8], at: usize) -> bool {
    // What stands behind nearly every quote tells that no such name begins there.
    const HIDES: [bool; 256] = {
        let mut hides = [false; 256];
        let mut at = 0;
        while at < b"saevcu".len() {
            hides[b"saevcu"[at] as usize] = true;
            at += 1;
        }
        hides
    };
    match bytes.get(at + 1) {
        Some(next) if HIDES[*next as usize] => {
            let rest = &bytes[at + 1..];
            if bytes[at] == b'"' { goes_with_secrets(rest) } else { rest.starts_with(b"u00") }
        }
        _ => false,
    }
}

/// Whether a name begins there that goes with secrets.
#[inline]
fn goes_with_secrets(rest: &[u8]) -> bool {
    // The first letters tell nearly every other name apart.
    match rest {
        [b's', b'e', b'n', ..] => rest.starts_with(b"sensitive\""),
        [b's', b'e', b'c', ..] => rest.starts_with(b"secrets\""),
        [b'a', b'p', b'i', ..] => rest.starts_with(b"api_key\""),
        [b'e', b'n', b'c', ..] => rest.starts_with(b"encoded\""),
        [b'v', b'a', b'l', ..] => rest.starts_with(b"values\"") || rest.starts_with(b"values."),
        // No setting is secret where there is none.
        [b'c', b'o', b'n', b'f', ..] => rest.starts_with(b"configuration") && !rest.starts_with(b"configuration\":{}"),
        _ => false,
    }
}
