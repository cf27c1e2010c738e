//! A document on the shelf: [`Source`], [`Patch`], [`StoredDocument`], and the one way to merge them.
//!
//! A source keeps its own order of keys, because that order is part of every answer. Its fields are
//! shared: a hundred thousand jobs of one connector hold one copy of the connector's snapshot, and a
//! reader's copy costs a few counters. What a patch puts into a shared field lies beside it ([`SharedValue`]).
//!
//! Source: Elasticsearch's partial update (deep merge of objects, replacement of the rest, no-op detection).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::shared::{MergedMember, SharedValue};
use crate::clock::Timestamp;
use crate::limits::KEYWORD_BYTES_MAX;

/// The name of a field; static where the protocol knows it.
pub(crate) type Name = Cow<'static, str>;

/// What a document says: fields in their order.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Source(Vec<(Name, SharedValue)>);

impl Source {
    /// A source without fields.
    pub(crate) fn new() -> Source {
        Source::default()
    }

    /// The source with a further field at its end; a field that is there already is replaced in place.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<Name>, value: impl Into<Arc<Value>>) -> Source {
        self.set(name.into(), value.into());
        self
    }

    /// The source with a further field whose value others hold too, or which is not made yet.
    #[must_use]
    pub(crate) fn sharing(mut self, name: impl Into<Name>, value: SharedValue) -> Source {
        self.share(name, value);
        self
    }

    /// Sets a field whole: in place if it is there, else at the end.
    pub(crate) fn set(&mut self, name: impl Into<Name>, value: impl Into<Arc<Value>>) {
        self.share(name, SharedValue::from(value.into()));
    }

    /// Sets a field whole to a value that others hold too, or that is not made yet.
    pub(crate) fn share(&mut self, name: impl Into<Name>, value: SharedValue) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a top-level field.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.shared(name).map(|value| &**value)
    }

    /// The value of a top-level field, to be held by another document too.
    pub(crate) fn shared(&self, name: &str) -> Option<&Arc<Value>> {
        self.field(name).map(SharedValue::whole)
    }

    /// The value of a top-level field as it is held, whether it has been made or not.
    pub(crate) fn field(&self, name: &str) -> Option<&SharedValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    /// The text of a top-level field; none if it is absent or no string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The instant of a top-level field; none if it is absent or cannot be read as one.
    pub(crate) fn instant(&self, name: &str) -> Option<Timestamp> {
        let field = self.field(name)?;
        field.as_instant().or_else(|| field.whole().as_str()?.parse().ok())
    }

    /// The value at a path of names, from the top.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Value> {
        let field = self.field(path.first()?)?;
        let Some((second, rest)) = path[1..].split_first() else {
            return Some(field.whole());
        };
        rest.iter().try_fold(field.get(second)?, |value, name| value.get(name))
    }

    /// The fields in order, each in one piece.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, field)| (&**name, &**field.whole()))
    }

    /// Those of them that no rule has made alone.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        let foreign = self.0.iter().filter(|(_, field)| !field.is_made());
        foreign.map(|(name, field)| (&**name, &**field.whole()))
    }

    /// The fields in order, for whoever writes them down as they are.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &SharedValue)> {
        self.0.iter().map(|(name, field)| (&**name, field))
    }

    /// The source as one JSON object.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    /// Merges `patch` and says whether anything changed. Objects merge key by key and keep what the
    /// patch does not name; everything else is replaced; new keys go to the end.
    pub(crate) fn merge(&mut self, patch: Patch) -> bool {
        let mut changed = false;
        let mut patch = patch.0.into_iter();
        while let Some(PatchChange { name, value: new, .. }) = patch.next() {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => {
                    changed |= match new {
                        PatchValue::Value(new) => old.merge(new),
                        PatchValue::Member(member) => old.put(&member),
                    }
                }
                None => {
                    // A document rarely grows twice: no more room than is needed.
                    self.0.reserve_exact(1 + patch.len());
                    self.0.push((name, new.into_value()));
                    changed = true;
                }
            }
        }
        changed
    }
}

impl From<Source> for Patch {
    fn from(source: Source) -> Patch {
        let changes = source.0.into_iter().map(|(name, field)| PatchChange::of(name, field));
        Patch(changes.collect())
    }
}

impl From<Map<String, Value>> for Source {
    fn from(map: Map<String, Value>) -> Source {
        Source(map.into_iter().map(|(name, value)| (Name::Owned(name), Arc::new(value).into())).collect())
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in self.fields() {
            map.serialize_entry(name, field)?;
        }
        map.end()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A change to a document: fields to set or to merge, in the order in which new ones are appended.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Patch(Vec<PatchChange>);

#[derive(Clone, Debug, PartialEq)]
struct PatchChange {
    name: Name,
    value: PatchValue,
    /// Whether it is a rule's own: it fits the built-in mapping whatever the call says.
    is_own: bool,
}

/// What is set or merged.
#[derive(Clone, Debug, PartialEq)]
enum PatchValue {
    Value(SharedValue),
    /// One member of an object.
    Member(Arc<MergedMember>),
}

impl PatchValue {
    fn value(&self) -> &Value {
        match self {
            PatchValue::Value(value) => value.whole(),
            PatchValue::Member(member) => member.object(),
        }
    }

    fn into_value(self) -> SharedValue {
        match self {
            PatchValue::Value(value) => value,
            PatchValue::Member(member) => member.object().clone().into(),
        }
    }
}

impl PatchChange {
    fn of(name: Name, value: SharedValue) -> PatchChange {
        PatchChange { name, value: PatchValue::Value(value), is_own: false }
    }
}

impl Patch {
    /// A patch that changes nothing.
    pub(crate) fn new() -> Patch {
        // Most patches name a handful of fields.
        Patch(Vec::with_capacity(6))
    }

    /// The patch with a further field.
    #[must_use]
    pub(crate) fn set(mut self, name: impl Into<Name>, value: impl Into<Arc<Value>>) -> Patch {
        self.0.push(PatchChange::of(name.into(), value.into().into()));
        self
    }

    /// The patch with a further field whose value the rule has made itself: an instant, a status. It is not held
    /// to the built-in mapping, which takes it.
    #[must_use]
    pub(crate) fn set_own(mut self, name: &'static str, value: impl Into<Arc<Value>>) -> Patch {
        self.0.push(PatchChange { is_own: true, ..PatchChange::of(name.into(), value.into().into()) });
        self
    }

    /// The patch with a keyword that a call gives. One that is short enough fits, whatever else the mapping says.
    #[must_use]
    pub(crate) fn set_keyword(mut self, name: &'static str, value: Arc<Value>) -> Patch {
        let is_own = value.as_str().is_some_and(|text| text.len() <= KEYWORD_BYTES_MAX);
        self.0.push(PatchChange { is_own, ..PatchChange::of(name.into(), value.into()) });
        self
    }

    /// The patch with an instant that a call gives.
    #[must_use]
    pub(crate) fn set_instant(mut self, name: &'static str, at: &SharedValue) -> Patch {
        self.0.push(PatchChange { is_own: true, ..PatchChange::of(name.into(), at.clone()) });
        self
    }

    /// The patch with one member of a field that is an object.
    #[must_use]
    pub(crate) fn set_member(mut self, name: &'static str, member: Arc<MergedMember>) -> Patch {
        let is_own = member.has_plain_names();
        self.0.push(PatchChange { name: name.into(), value: PatchValue::Member(member), is_own });
        self
    }

    /// The patch with a further field, if there is a value for it.
    #[must_use]
    pub(crate) fn set_if(self, name: impl Into<Name>, value: Option<impl Into<Arc<Value>>>) -> Patch {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The patch as it comes out of a Java `HashMap`, at every depth: see [`hash_order`].
    #[must_use]
    pub(crate) fn in_hash_order(self) -> Patch {
        let mut changes = self.0;
        for change in &mut changes {
            let mut value = change.value.value().clone();
            hash_order(&mut value);
            change.value = PatchValue::Value(Arc::new(value).into());
        }
        let buckets = buckets(changes.len());
        changes.sort_by_key(|change| bucket(&change.name, buckets));
        Patch(changes)
    }

    /// The fields that the patch names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|change| (&*change.name, change.value.value()))
    }

    /// Those of them that are no rule's own.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.0.iter().filter(|change| !change.is_own).map(|change| (&*change.name, change.value.value()))
    }
}

/// What lies on the shelf: a source, and how often and when in the index's order it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredDocument {
    /// What the document says. Shared with readers that render it after the lock.
    pub source: Arc<Source>,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// The index's count of writes when this one happened.
    pub seq_no: u64,
    /// What the writer gave to choose a shard by. There is only one here, so it is only shown.
    pub routing: Option<Arc<str>>,
}

/// What a write must find, so that nobody else's write is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriteCondition {
    /// The sequence number that the writer has read.
    pub seq_no: u64,
    /// The primary term that the writer has read.
    pub primary_term: u64,
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateOutcome {
    /// The document has changed.
    Updated,
    /// The patch said what the document said already.
    Noop,
}

/// Puts the keys of `value`, at every depth, into the order in which Elasticsearch lists an object
/// that went through a Java `HashMap`.
///
/// Inferred: 16 buckets, doubled when more than three quarters full; a key lies in the bucket of its
/// string hash, folded; a bucket keeps its keys in the order of arrival.
pub(crate) fn hash_order(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hash_order),
        Value::Object(map) => {
            map.values_mut().for_each(hash_order);
            hash_order_since(map, 0);
        }
        _ => {}
    }
}

/// Puts the keys of one object into hash order, which once had `most` of them: a table never shrinks.
pub(crate) fn hash_order_since(map: &mut Map<String, Value>, most: usize) {
    if map.len() < 2 {
        return;
    }
    let buckets = buckets(map.len().max(most));
    let mut keys: Vec<(usize, String, Value)> =
        std::mem::take(map).into_iter().map(|(name, value)| (bucket(&name, buckets), name, value)).collect();
    keys.sort_by_key(|(bucket, ..)| *bucket);
    map.extend(keys.into_iter().map(|(_, name, value)| (name, value)));
}

/// How many buckets a map of that many keys has.
fn buckets(keys: usize) -> usize {
    let mut buckets: usize = 16;
    while keys > buckets / 4 * 3 {
        buckets *= 2;
    }
    buckets
}

/// The bucket of a key among so many.
pub(crate) fn bucket(name: &str, buckets: usize) -> usize {
    java_hash(name) as usize & (buckets - 1)
}

/// Java's `String.hashCode`, folded as `HashMap` folds it.
fn java_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn source(value: Value) -> Source {
        match value {
            Value::Object(map) => map.into(),
            other => panic!("{other} is no object"),
        }
    }

    fn patch(value: Value) -> Patch {
        source(value).into()
    }

    #[test]
    fn merging_follows_the_table() {
        for (old, new, merged, changed) in [
            (json!({"a":1}), json!({"a":1}), json!({"a":1}), false),
            (json!({"a":1}), json!({"a":2}), json!({"a":2}), true),
            (json!({"a":1}), json!({"b":2}), json!({"a":1,"b":2}), true),
            (json!({"a":{"x":1}}), json!({"a":{"y":2}}), json!({"a":{"x":1,"y":2}}), true),
            (json!({"a":{"x":1}}), json!({"a":{}}), json!({"a":{"x":1}}), false),
            (json!({"a":{"x":1}}), json!({"a":{"x":null}}), json!({"a":{"x":null}}), true),
            (json!({"a":{"x":1}}), json!({"a":7}), json!({"a":7}), true),
            (json!({"a":7}), json!({"a":{"x":1}}), json!({"a":{"x":1}}), true),
            (json!({"a":[1,2]}), json!({"a":[3]}), json!({"a":[3]}), true),
            (json!({"a":null}), json!({"a":null}), json!({"a":null}), false),
            (json!({}), json!({"a":null}), json!({"a":null}), true),
        ] {
            let mut document = source(old.clone());
            assert_eq!(document.merge(patch(new.clone())), changed, "{old} and {new}");
            assert_eq!(document.to_value(), merged, "{old} and {new}");
        }
    }

    #[test]
    fn a_merge_leaves_a_shared_field_of_others_alone() {
        let first = source(json!({"connector":{"id":"a"}}));
        let mut second = first.clone();
        second.merge(patch(json!({"connector":{"sync_cursor":{"page":3}}})));
        assert_eq!(first.to_value(), json!({"connector":{"id":"a"}}));
        assert_eq!(second.to_value(), json!({"connector":{"id":"a","sync_cursor":{"page":3}}}));
    }

    #[test]
    fn keys_come_in_the_order_of_a_java_hash_map() {
        for (given, listed) in [
            (["token", "page", "since"].as_slice(), ["page", "token", "since"].as_slice()),
            (&["drive_id", "delta", "updated_at"], &["updated_at", "drive_id", "delta"]),
            (&["old", "new"], &["new", "old"]),
        ] {
            let mut value = Value::Object(given.iter().map(|name| ((*name).to_owned(), Value::Null)).collect());
            hash_order(&mut value);
            let keys: Vec<_> = value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            assert_eq!(keys, listed);
        }
    }

    #[test]
    fn a_patch_in_hash_order_is_so_at_every_depth() {
        let fields = json!({ "last_synced": 1, "last_sync_status": { "new": 1, "old": 2 }, "sync_cursor": 3 });
        let names: Vec<_> =
            patch(fields).in_hash_order().iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(names, [r#"last_sync_status {"new":1,"old":2}"#, "last_synced 1", "sync_cursor 3"]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0_i64..4).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec(("[abc]", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn any_object() -> impl Strategy<Value = Value> {
        prop::collection::vec(("[abc]", any_json()), 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(old in any_object(), new in any_object()) {
            let mut document = source(old.clone());
            let changed = document.merge(patch(new.clone()));
            prop_assert_eq!(changed, document.to_value() != old);
            let once = document.clone();
            prop_assert!(!document.merge(patch(new)));
            prop_assert_eq!(document, once);
        }

        #[test]
        fn merging_keeps_the_place_of_old_keys(old in any_object(), new in any_object()) {
            let mut document = source(old.clone());
            document.merge(patch(new));
            let old: Vec<_> = old.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            let kept: Vec<_> = document.iter().take(old.len()).map(|(name, _)| name.to_owned()).collect();
            prop_assert_eq!(kept, old);
        }

        #[test]
        fn hash_order_keeps_every_value(value in any_json()) {
            let mut ordered = value.clone();
            hash_order(&mut ordered);
            prop_assert_eq!(ordered, value);
        }
    }
}
