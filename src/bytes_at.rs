//! [`BytesAt`]: where certain bytes stand in a text, found eight bytes at a time.

/// The places of the bytes that are one of `N`, in their order.
pub(crate) struct BytesAt<'t, const N: usize> {
    text: &'t [u8],
    wanted: [u8; N],
    /// Where the word begins that is looked at.
    at: usize,
    /// The top bits of its bytes that are to be told yet.
    marks: u64,
}

impl<'t, const N: usize> BytesAt<'t, N> {
    /// The places of these bytes in a text.
    #[inline]
    pub(crate) fn new(text: &'t [u8], wanted: [u8; N]) -> BytesAt<'t, N> {
        let mut places = BytesAt { text, wanted, at: 0, marks: 0 };
        places.mark();
        places
    }

    #[inline]
    fn mark(&mut self) {
        let Some(rest) = self.text.get(self.at..) else { return };
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            // Filled up with what is not wanted.
            None => rest.iter().rev().fold(!0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.marks = self.wanted.iter().fold(0, |marks, byte| marks | places_of(word, *byte));
    }
}

impl<const N: usize> Iterator for BytesAt<'_, N> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.at += 8;
            if self.at >= self.text.len() {
                return None;
            }
            self.mark();
        }
        let place = self.at + self.marks.trailing_zeros() as usize / 8;
        self.marks &= self.marks - 1;
        Some(place)
    }
}

/// The top bits of the bytes in a word that are this one.
#[inline]
fn places_of(word: u64, byte: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const REST: u64 = 0x7F * EACH;
    let differs = word ^ (u64::from(byte) * EACH);
    !(((differs & REST) + REST) | differs | REST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_found_where_a_plain_search_finds_them(text in prop::collection::vec(prop::sample::select(&[0_u8, b'/', b'"', 0x80, 0xaf, 0xff][..]), 0..40)) {
            let found: Vec<usize> = BytesAt::new(&text, [b'/', b'"']).collect();
            let plain: Vec<usize> = (0..text.len()).filter(|at| matches!(text[*at], b'/' | b'"')).collect();
            prop_assert_eq!(found, plain);
        }
    }
}
