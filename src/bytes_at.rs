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

/// Bytes of a text from which on it is looked through in pieces.
pub(crate) const LONG_BYTES: usize = 32 * 1024;

/// Bytes that are looked through one way or another.
const PIECE_BYTES: usize = 1024;

/// Places in a piece up to which they are few.
const FEW: usize = 8;

/// Whether one of the places of certain bytes is `wanted`. Where these bytes are few, a long text is looked through quicker.
pub(crate) fn any_at<const N: usize>(text: &[u8], bytes: [u8; N], mut is_wanted: impl FnMut(usize) -> bool) -> bool {
    if text.len() < LONG_BYTES {
        return BytesAt::new(text, bytes).any(is_wanted);
    }
    let mut are_few = true;
    for (piece, start) in text.chunks(PIECE_BYTES).zip((0..).step_by(PIECE_BYTES)) {
        let mut count = 0;
        let mut is_wanted = |at: usize| {
            count += 1;
            is_wanted(start + at)
        };
        let found = if are_few {
            let (blocks, rest) = piece.as_chunks::<BLOCK_BYTES>();
            let mut blocks = blocks.iter().zip((0..).step_by(BLOCK_BYTES)).filter(|(block, _)| has_any(block, bytes));
            let before = piece.len() - rest.len();
            blocks.any(|(block, at)| BytesAt::new(block, bytes).any(|place| is_wanted(at + place)))
                || BytesAt::new(rest, bytes).any(|place| is_wanted(before + place))
        } else {
            BytesAt::new(piece, bytes).any(is_wanted)
        };
        if found {
            return true;
        }
        are_few = count <= FEW;
    }
    false
}

/// Bytes that are looked at together.
const BLOCK_BYTES: usize = 64;

/// Whether a block has one of these bytes. Without a stop at the first one, and with numbers in place of truth values, the
/// compiler looks at it in a few steps.
fn has_any<const N: usize>(block: &[u8; BLOCK_BYTES], bytes: [u8; N]) -> bool {
    let is_one = |byte: &u8| bytes.iter().fold(0, |is_one, wanted| is_one | u8::from(byte == wanted));
    block.iter().fold(0, |any, byte| any | is_one(byte)) != 0
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

        #[test]
        fn of_long_texts_each_is_told(
            gaps in prop::collection::vec(prop_oneof![0_usize..3, 0_usize..200, 900_usize..1200], 0..40), wanted in 0_usize..40,
            before in prop::sample::select(&[0, LONG_BYTES][..]),
        ) {
            let gaps = [&[before], &gaps[..]].concat();
            let text: Vec<u8> = gaps.iter().flat_map(|gap| [vec![b'x'; *gap], vec![b'"']].concat()).collect();
            let places: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b'"').collect();
            let mut told = Vec::new();
            let is_found = any_at(&text, [b'/', b'"'], |at| {
                told.push(at);
                false
            });
            prop_assert!(!is_found);
            prop_assert_eq!(&told, &places);
            let wanted = places.get(wanted).copied();
            prop_assert_eq!(any_at(&text, [b'/', b'"'], |at| Some(at) == wanted), wanted.is_some());
        }
    }
}
