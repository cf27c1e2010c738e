//! Ids and chance: two streams of one seed.
//!
//! They are apart so that a draw of chance never shifts the ids of later documents. The generator is
//! our own few lines because its sequence is part of the replay law: a library may change its
//! stream with a release.

/// A stream of 64-bit numbers, the same for the same seed on every machine and in every release.
///
/// Source: the SplitMix64 generator, published by Guy Steele, Doug Lea and Christine Flood (2014).
#[derive(Clone, Debug, PartialEq, Eq)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where document ids come from: 20 characters of URL-safe base64, as Elasticsearch makes them.
///
/// ```
/// use elastimock::engine::IdSource;
///
/// let mut ids = IdSource::seeded(7);
/// let first = ids.next_id();
/// assert_eq!(first.len(), 20);
/// assert_eq!(IdSource::seeded(7).next_id(), first);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdSource(SplitMix);

impl IdSource {
    /// A source whose ids depend on `seed` alone.
    pub fn seeded(seed: u64) -> IdSource {
        IdSource(SplitMix(seed ^ 0x1D50_1D50_1D50_1D50))
    }

    /// The next document id: 15 bytes of chance as 20 characters.
    pub fn next_id(&mut self) -> String {
        self.characters(20)
    }

    /// An id of an index or a cluster: 22 characters, as Elasticsearch's `cluster_uuid`.
    pub fn next_uuid(&mut self) -> String {
        self.characters(22)
    }

    fn characters(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(count);
        let mut bits = 0;
        for at in 0..count {
            if at % 10 == 0 {
                bits = self.0.next();
            }
            text.push(char::from(ALPHABET[(bits & 63) as usize]));
            bits >>= 6;
        }
        text
    }
}

/// A number from 0 up to 1 that depends on the seed, on what it is drawn for, and on the how manieth it is, and on
/// nothing else: whoever draws for one thing shifts nothing for another.
pub(crate) fn draw(seed: u64, of: &str, number: u64) -> f64 {
    let hash = of
        .bytes()
        .fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let bits = SplitMix(hash.wrapping_add(number.wrapping_mul(0xD1B5_4A32_D192_ED03))).next();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_ids_for_ever() {
        let mut ids = IdSource::seeded(7);
        assert_eq!([ids.next_id(), ids.next_id()], ["spMt74JhF4l-L4Vxr2FT", "TDhsaYdzz63zP_zxJK__"]);
        assert_eq!(ids.next_uuid().len(), 22);
    }

    #[test]
    fn ids_do_not_repeat_within_a_run() {
        let mut ids = IdSource::seeded(0);
        let seen: std::collections::BTreeSet<_> = (0..10_000).map(|_| ids.next_id()).collect();
        assert_eq!(seen.len(), 10_000);
    }
}
