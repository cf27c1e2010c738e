//! [`Needles`]: many texts looked for in one pass over a haystack.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Bound, Range};

/// Bytes of a needle by which its beginning is recognised.
const START_BYTES: usize = 3;

/// Words of 64 bits in the table of beginnings.
const STARTS: usize = 1024;

/// A set of texts. Looking for all of them costs one pass, however many there are: the beginnings stand
/// in a table of bits, and only where one of them may begin the texts themselves are compared.
#[derive(Clone, Default)]
pub(super) struct Needles {
    /// Empty as long as there is no text.
    starts: Vec<u64>,
    texts: BTreeSet<Box<[u8]>>,
    ignores_case: bool,
}

impl fmt::Debug for Needles {
    /// What is looked for may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needles", self.texts.len())
    }
}

impl Needles {
    /// Lower-case words that are found in any case.
    pub(super) fn in_any_case(words: &[&str]) -> Needles {
        let mut needles = Needles { ignores_case: true, ..Needles::default() };
        words.iter().for_each(|word| needles.add(word.as_bytes()));
        needles
    }

    /// Adds a text of at least three bytes; a shorter one is not looked for.
    pub(super) fn add(&mut self, text: &[u8]) {
        if text.len() < START_BYTES || !self.texts.insert(text.into()) {
            return;
        }
        self.starts.resize(STARTS, 0);
        let fold = self.fold();
        let start = text[..START_BYTES].iter().fold(0, |last, byte| last >> 8 | u32::from(byte | fold) << 16);
        let place = place(start);
        self.starts[place / 64] |= 1 << (place % 64);
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(super) fn contains(&self, text: &[u8]) -> bool {
        self.texts.contains(text)
    }

    /// Where the first text stands at or after `from`; of several that begin there, the longest.
    pub(super) fn find(&self, haystack: &[u8], from: usize) -> Option<Range<usize>> {
        if self.texts.is_empty() {
            return None;
        }
        let rest = haystack.get(from..)?;
        let fold = self.fold();
        // The last bytes, the latest one on top.
        let mut last = 0_u32;
        for (at, &byte) in rest.iter().enumerate() {
            last = last >> 8 | u32::from(byte | fold) << 16;
            if self.has_start(last)
                && let Some(start) = (at + 1).checked_sub(START_BYTES)
                && let Some(length) = self.longest(&rest[start..])
            {
                return Some(from + start..from + start + length);
            }
        }
        None
    }

    fn has_start(&self, start: u32) -> bool {
        let place = place(start);
        self.starts[place / 64] & (1 << (place % 64)) != 0
    }

    /// The length of the longest text that `rest` begins with.
    fn longest(&self, rest: &[u8]) -> Option<usize> {
        let is_it = |text: &[u8]| match rest.get(..text.len()) {
            Some(piece) if self.ignores_case => piece.eq_ignore_ascii_case(text),
            piece => piece == Some(text),
        };
        if self.ignores_case {
            return self.texts.iter().filter(|text| is_it(text)).map(|text| text.len()).max();
        }
        // Those with the same beginning stand together.
        let kin = self.texts.range::<[u8], _>((Bound::Included(&rest[..START_BYTES]), Bound::Unbounded));
        let kin = kin.take_while(|text| text.starts_with(&rest[..START_BYTES]));
        kin.filter(|text| is_it(text)).map(|text| text.len()).max()
    }

    /// What makes a letter small.
    fn fold(&self) -> u8 {
        if self.ignores_case { 0x20 } else { 0 }
    }
}

/// The place of a beginning in the table.
fn place(start: u32) -> usize {
    (start.wrapping_mul(0x9E37_79B1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_found_where_a_plain_search_finds_them(
            texts in prop::collection::vec("[ab]{3,5}", 0..5), haystack in "[abc]{0,24}", from in 0_usize..26,
        ) {
            let mut needles = Needles::default();
            texts.iter().for_each(|text| needles.add(text.as_bytes()));
            let begins = |at: usize| texts.iter().filter(|text| haystack[at..].starts_with(&***text)).map(String::len).max();
            let expected = (from..haystack.len()).find_map(|at| Some(at..at + begins(at)?));
            prop_assert_eq!(needles.find(haystack.as_bytes(), from), expected);
        }
    }

    #[test]
    fn words_are_found_in_any_case() {
        let needles = Needles::in_any_case(&["secret", "api_key"]);
        assert_eq!(needles.find(b"the SeCret", 0), Some(4..10));
        assert_eq!(needles.find(b"API_KEY", 0), Some(0..7));
        assert_eq!(needles.find(b"apikey, se", 0), None);
    }
}
