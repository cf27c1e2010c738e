//! Characters: where a plain run of them ends, what an escape stands for, what Java makes of odd bytes.
//!
//! Everything here is about bytes that have been looked at already; nothing here fails.

/// Offset of the first byte from `at` on that ends a plain run inside a string: a quote, a backslash, a
/// control character, or the end of the text; with `ASCII` also a byte beyond ASCII.
#[inline(always)]
pub(super) fn run_end<const ASCII: bool>(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // Eight bytes at a time: a subtraction borrows into a byte's high bit, unset before, exactly when
    // the byte is smaller. Only the lowest hit counts, so a borrow that runs on upwards does no harm.
    let below = |chunk: u64, limit: u8| chunk.wrapping_sub(ONES * u64::from(limit)) & !chunk;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let chunk = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let quote = below(chunk ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(chunk ^ (ONES * u64::from(b'\\')), 1);
        let beyond = if ASCII { chunk } else { 0 };
        let hits = (quote | backslash | below(chunk, 0x20) | beyond) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) || (ASCII && byte >= 0x80) {
            break;
        }
        at += 1;
    }
    at
}

/// How many bytes follow the first of a character; `None` if no character begins so.
pub(super) fn more_bytes(first: u8) -> Option<usize> {
    match first {
        0..0x80 => Some(0),
        0x80..0xC0 => None,
        0xC0..0xE0 => Some(1),
        0xE0..0xF0 => Some(2),
        // Up to 0xF7, beyond what Unicode has: Jackson looks at the bits only.
        0xF0..0xF8 => Some(3),
        0xF8.. => None,
    }
}

/// The number of the character of these bytes, whatever they say.
pub(super) fn code_point(first: u8, rest: &[u8]) -> u32 {
    let first = match rest.len() {
        0 => first,
        1 => first & 0x1F,
        2 => first & 0x0F,
        _ => first & 0x07,
    };
    rest.iter().fold(first.into(), |code, byte| code << 6 | u32::from(byte & 0x3F))
}

/// The bytes with every escape replaced by the UTF-8 of what it stands for.
///
/// Half of a surrogate pair becomes three bytes that are not quite UTF-8; see [`lenient`].
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(backslash) = rest.iter().position(|&b| b == b'\\') {
        bytes.extend_from_slice(&rest[..backslash]);
        let (escape, length) = match rest[backslash + 1] {
            b'b' => (0x08, 2),
            b'f' => (0x0C, 2),
            b'n' => (b'\n'.into(), 2),
            b'r' => (b'\r'.into(), 2),
            b't' => (b'\t'.into(), 2),
            b'u' => match (unit(&rest[backslash..]), unit(&rest[backslash + 6..])) {
                (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
                    (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 12)
                }
                (unit, _) => (unit.unwrap_or_default(), 6),
            },
            byte => (byte.into(), 2),
        };
        push(&mut bytes, escape);
        rest = &rest[backslash + length..];
    }
    bytes.extend_from_slice(rest);
    bytes
}

/// The number in an escape like `\u12AB` at the beginning of `raw`.
fn unit(raw: &[u8]) -> Option<u32> {
    let digits = raw.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

/// Appends the UTF-8 of a character, or what would be its UTF-8 if it were one.
#[expect(clippy::cast_possible_truncation, reason = "every part is cut to its bits")]
fn push(bytes: &mut Vec<u8>, code: u32) {
    let tail = |shift: u32| 0x80 | (code >> shift & 0x3F) as u8;
    match code {
        0..0x80 => bytes.push(code as u8),
        0x80..0x800 => bytes.extend([0xC0 | (code >> 6) as u8, tail(0)]),
        0x800..0x10000 => bytes.extend([0xE0 | (code >> 12) as u8, tail(6), tail(0)]),
        _ => bytes.extend([0xF0 | (code >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}

/// The characters of bytes that Jackson lets pass, which are not always UTF-8.
///
/// DIFFERENCE: half of a surrogate pair, which a Java string can hold, becomes U+FFFD.
pub(super) fn lenient(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| foreign(error.as_bytes()))
}

#[cold]
#[expect(clippy::cast_possible_truncation, reason = "as Java's (char) does")]
fn foreign(bytes: &[u8]) -> String {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let (more, tail) = tail.split_at(more_bytes(*first).unwrap_or(0).min(tail.len()));
        let code = code_point(*first, more);
        if more.len() == 3 {
            let code = code.wrapping_sub(0x10000).cast_signed();
            units.push((0xD800 | code >> 10) as u16);
            units.push((0xDC00 | code & 0x3FF) as u16);
        } else {
            units.push(code as u16);
        }
        rest = tail;
    }
    String::from_utf16_lossy(&units)
}

/// The bytes of the group of four that holds `at`, up to `at`, as a number with Java's sign.
pub(super) fn group_to(bytes: &[u8], at: usize) -> u32 {
    let group = &bytes[at - at % 4..=at];
    let sign = if group[0] < 0x80 { 0 } else { u32::MAX };
    group.iter().fold(sign, |bits, &byte| bits << 8 | u32::from(byte))
}

/// Whether Java lets an identifier begin with the Latin-1 character of this number, beyond ASCII.
pub(super) fn is_latin_1_letter(byte: u8) -> bool {
    matches!(byte, 0xA2..=0xA5 | 0xAA | 0xB5 | 0xBA | 0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..)
}

/// Whether Java lets an identifier go on with this character.
///
/// DIFFERENCE: exact for Latin-1; beyond it Java takes rarer marks too, and no numerals like ₀. It decides
/// only how much of an unknown word an error shows.
pub(super) fn is_identifier_part(unit: u16) -> bool {
    match unit {
        0..=0x08 | 0x0E..=0x1B | 0x7F..=0x9F | 0xAD => true,
        0x24 | 0x5F | 0x30..=0x39 | 0x41..=0x5A | 0x61..=0x7A => true,
        0xA0..=0xFF => is_latin_1_letter(unit as u8),
        // Combining marks, invisible marks, currencies.
        0x0300..=0x036F | 0x200B..=0x200F | 0x20A0..=0x20C0 | 0xFEFF => true,
        _ => char::from_u32(unit.into()).is_some_and(char::is_alphanumeric),
    }
}
