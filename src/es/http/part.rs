//! [`JsonPart`]: an answer put together from pieces that are rendered after the lock is released.
//!
//! Documents stand in it by reference, so that a large answer costs the lock no more than a counter for
//! each of them.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use crate::es::document::source::Source;

/// A piece of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonPart {
    /// Any JSON.
    Json(Value),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A text that is always the same.
    Word(&'static str),
    /// A text.
    Text(Arc<str>),
    /// A document.
    Source(Arc<Source>),
    /// How many shards took part: so many in all, and the one that is there.
    Shards {
        /// The copies that the index wants; none if nothing was to be done.
        total: u64,
        /// The copies that there are.
        successful: u64,
    },
    /// An object whose names are known.
    Object(Vec<(&'static str, JsonPart)>),
    /// An object whose names are data.
    Named(Vec<(Arc<str>, JsonPart)>),
    /// A list.
    List(Vec<JsonPart>),
}

impl Serialize for JsonPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            JsonPart::Json(value) => value.serialize(serializer),
            JsonPart::Number(number) => serializer.serialize_u64(*number),
            JsonPart::Flag(flag) => serializer.serialize_bool(*flag),
            JsonPart::Word(word) => serializer.serialize_str(word),
            JsonPart::Text(text) => serializer.serialize_str(text),
            JsonPart::Source(source) => source.serialize(serializer),
            JsonPart::Shards { total, successful } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("total", total)?;
                map.serialize_entry("successful", successful)?;
                map.serialize_entry("failed", &0)?;
                map.end()
            }
            JsonPart::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, part)| map.serialize_entry(name, part))?;
                map.end()
            }
            JsonPart::Named(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, part)| map.serialize_entry(&**name, part))?;
                map.end()
            }
            JsonPart::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
        }
    }
}
