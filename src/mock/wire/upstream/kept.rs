//! [`Kept`]: a body as it passes by, kept up to a bound.

use bytes::{Bytes, BytesMut};

/// The pieces of a body.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pieces: Vec<Bytes>,
    bytes: u64,
    bytes_max: u64,
    /// Whether more of it is to come.
    is_begun: bool,
}

impl Kept {
    /// Nothing yet, and room for that much.
    pub(crate) fn new(bytes_max: usize) -> Kept {
        Kept { pieces: Vec::new(), bytes: 0, bytes_max: bytes_max as u64, is_begun: false }
    }

    /// Waits for more, until it is told that the end has come: half a body is none.
    pub(crate) fn wait_for_end(&mut self, is_begun: bool) {
        self.is_begun = is_begun;
    }

    /// Takes a piece. If there is more than room is for, all of it is let go.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        self.bytes += piece.len() as u64;
        if self.bytes <= self.bytes_max {
            self.pieces.push(piece.clone());
        } else {
            self.pieces = Vec::new();
        }
    }

    /// How many bytes have passed by.
    pub(crate) fn passed(&self) -> u64 {
        self.bytes
    }

    /// The body; how many bytes it had, one at least, if it was too large or its end has not come.
    pub(crate) fn take(&mut self) -> Result<Bytes, u64> {
        if self.is_begun {
            return Err(self.bytes.max(1));
        }
        if self.bytes > self.bytes_max {
            return Err(self.bytes);
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        if pieces.len() == 1 {
            return Ok(pieces.remove(0));
        }
        let mut whole = BytesMut::with_capacity(self.bytes as usize);
        pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        Ok(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_whole_or_counted() {
        let mut kept = Kept::new(5);
        assert_eq!(kept.take(), Ok(Bytes::new()));
        for piece in ["ab", "", "cde"] {
            kept.push(&Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(kept.take(), Ok(Bytes::from_static(b"abcde")));
        kept.push(&Bytes::from_static(b"f"));
        assert_eq!((kept.take(), kept.passed()), (Err(6), 6));
        let mut kept = Kept::new(5);
        kept.wait_for_end(true);
        assert_eq!(kept.take(), Err(1));
        kept.push(&Bytes::from_static(b"ab"));
        assert_eq!(kept.take(), Err(2));
        kept.wait_for_end(false);
        assert_eq!(kept.take(), Ok(Bytes::from_static(b"ab")));
    }
}
