//! [`ShardLayout`]: on which of an index's shards a document lies.
//!
//! Every index is kept in one piece. Where a document would lie still shows: a routing asks some of the shards
//! alone, and what is alike comes in the order of shards.
//!
//! Source: Elasticsearch 9.x, index routing, operation routing and its Murmur3 hash; the number of routing shards of
//! index metadata.

use serde_json::{Map, Value};

/// How documents are dealt out to the shards of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardLayout {
    /// How many shards there are.
    pub shards: u32,
    /// How many there would be after every split.
    routing_shards: u32,
    /// Over how many shards a routing is spread.
    partition: u32,
}

impl ShardLayout {
    /// The layout that an index's settings say.
    pub(crate) fn of(settings: &Map<String, Value>) -> ShardLayout {
        let number = |name: &str| -> Option<u32> { settings.get(name).and_then(|value| value.as_str()?.parse().ok()) };
        let shards = number("number_of_shards").unwrap_or(1).max(1);
        let usual = shards << (10 - shards.next_power_of_two().ilog2()).max(1);
        ShardLayout {
            shards,
            routing_shards: number("number_of_routing_shards").unwrap_or(usual).max(shards),
            partition: number("routing_partition_size").unwrap_or(1).max(1),
        }
    }

    /// The shard of a document.
    pub(crate) fn shard_of(self, id: &str, routing: Option<&str>) -> u32 {
        if self.shards == 1 {
            return 0;
        }
        let offset = if self.partition > 1 { hash(id).rem_euclid(self.partition as i32) } else { 0 };
        self.shard(hash(routing.unwrap_or(id)).wrapping_add(offset))
    }

    /// The shards that documents of a routing can lie on.
    pub(crate) fn shards_of(self, routing: &str) -> impl Iterator<Item = u32> {
        let base = hash(routing);
        (0..self.partition as i32).map(move |offset| self.shard(base.wrapping_add(offset)))
    }

    fn shard(self, hash: i32) -> u32 {
        hash.rem_euclid(self.routing_shards as i32) as u32 / (self.routing_shards / self.shards)
    }
}

/// Murmur3 of 32 bits over the text as Java keeps it: two bytes a character, the lower one first.
fn hash(text: &str) -> i32 {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mix = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash: u32 = 0;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        hash = (hash ^ mix(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = words.remainder().iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
    hash ^= mix(rest);
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    (hash ^ hash >> 16) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layout(settings: Value) -> ShardLayout {
        ShardLayout::of(settings.as_object().expect("settings"))
    }

    #[test]
    fn a_text_has_the_hash_that_elasticsearch_gives_it() {
        // Source: Elasticsearch's test of its Murmur3 hash function.
        for (text, expected) in [
            ("", 0_u32),
            ("hel", 0x0c7c_ee6b),
            ("hell", 0x5a0c_b7c3),
            ("hello", 0xd7c3_1989),
            ("hello w", 0x22ab_2984),
            ("hello wo", 0xdf0c_a123),
            ("hello wor", 0xe774_4d61),
            ("Γειά σου Κόσμε", 0x8ded_82be),
            ("Supplementary planes too 🙂", 0x8274_606c),
        ] {
            assert_eq!(hash(text) as u32, expected, "{text}");
        }
    }

    #[test]
    fn an_index_can_be_split_to_a_thousand_shards_or_once() {
        for (shards, expected) in [("1", 1024), ("2", 1024), ("3", 768), ("5", 640), ("512", 1024), ("1024", 2048)] {
            assert_eq!(layout(json!({ "number_of_shards": shards })).routing_shards, expected, "{shards}");
        }
    }

    #[test]
    fn a_document_lies_on_a_shard_of_its_routing() {
        for settings in [
            json!({}),
            json!({ "number_of_shards": "5" }),
            json!({ "number_of_shards": "5", "routing_partition_size": "3" }),
            json!({ "number_of_shards": "2", "number_of_routing_shards": "6" }),
        ] {
            let layout = layout(settings.clone());
            for id in 0..50 {
                let id = id.to_string();
                for routing in ["a", "b", "c"] {
                    let shard = layout.shard_of(&id, Some(routing));
                    assert!(shard < layout.shards, "{settings}");
                    assert!(layout.shards_of(routing).any(|one| one == shard), "{settings} {id} {routing}");
                }
                assert!(layout.shard_of(&id, None) < layout.shards, "{settings}");
            }
        }
    }
}
