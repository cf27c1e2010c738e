//! [`SharedValue`]: a value that documents share, what one of them adds to it, and what need not be made yet.
//!
//! A hundred thousand jobs hold one snapshot of their connector. The claim of a job adds a cursor to its
//! snapshot: from then on the job holds the snapshot that all hold and, beside it, what was added. The two
//! are put together for a reader who wants one value, and not before; who looks for a part of it, or
//! writes it down as JSON, needs no copy. An instant, a snapshot or the filtering of a new connector is held
//! as what it is made from until somebody reads it, and a cursor as the text that came.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::source::hash_order;
use crate::clock::Timestamp;
use crate::es::connector::filtering::DefaultFiltering;
use crate::es::sync_job::rules::Snapshot;
use crate::json;
use crate::limits::SOURCE_COPIED_BYTES_MAX;

/// The value of a document's field.
#[derive(Clone)]
pub(crate) struct SharedValue(SharedForm);

#[derive(Clone)]
enum SharedForm {
    Plain(Arc<Value>),
    Grown(Arc<Grown>),
    Instant(Arc<Later<Timestamp>>),
    Filtering(Arc<Later<DefaultFiltering>>),
    Snapshot(Arc<Later<Snapshot>>),
}

/// What a value can be made from, always the same.
pub(crate) trait Recipe {
    /// Makes it.
    fn make(&self) -> Value;

    /// Whether what it makes is sure to have no member of that name.
    fn lacks(&self, _name: &str) -> bool {
        false
    }

    /// A member of what it makes that is a text and needs no making.
    fn known_text(&self, _name: &str) -> Option<&str> {
        None
    }
}

impl Recipe for Timestamp {
    fn make(&self) -> Value {
        Value::String(self.text())
    }
}

/// A value that is made when somebody reads it.
struct Later<R> {
    recipe: R,
    whole: OnceLock<Arc<Value>>,
}

impl<R: Recipe> Later<R> {
    fn new(recipe: R) -> Arc<Later<R>> {
        Arc::new(Later { recipe, whole: OnceLock::new() })
    }

    fn whole(&self) -> &Arc<Value> {
        self.whole.get_or_init(|| Arc::new(self.recipe.make()))
    }

    fn apart(self: &Arc<Self>) -> Arc<Value> {
        match self.whole.get() {
            None if Arc::strong_count(self) == 1 => Arc::new(self.recipe.make()),
            _ => self.whole().clone(),
        }
    }
}

/// An object that others hold too, and what was merged into it here.
struct Grown {
    shared: SharedValue,
    added: Added,
    /// The two in one, once somebody has asked for it.
    whole: OnceLock<Arc<Value>>,
}

/// What was merged into an object.
enum Added {
    Object(Box<Value>),
    /// A member that the object did not have.
    Member(&'static str, RawJson),
}

/// JSON as it came, to be read when somebody asks.
#[derive(Clone)]
enum RawJson {
    Copied(Arc<[u8]>),
    /// A part of the request, which the journal holds too.
    Held(Box<Bytes>),
}

impl RawJson {
    fn bytes(&self) -> &[u8] {
        match self {
            RawJson::Copied(bytes) => bytes,
            RawJson::Held(bytes) => bytes,
        }
    }

    /// The value, in the order in which Elasticsearch stores it.
    fn value(&self) -> Value {
        let mut value = json::read(self.bytes()).ok().flatten().unwrap_or_default();
        hash_order(&mut value);
        value
    }
}

/// A member to be merged into an object: a cursor that a worker starts from. Its text is plain JSON.
pub(crate) struct MergedMember {
    name: &'static str,
    text: RawJson,
    /// Whether each name within is one that any mapping of objects takes: none is empty or has a dot.
    has_plain_names: bool,
    /// The object that has this one member, once somebody has asked for it.
    object: OnceLock<Arc<Value>>,
    /// What became of the first value that it was merged into; equal ones become the same.
    grown: OnceLock<Arc<Grown>>,
}

impl MergedMember {
    /// A member with an object as its value, which is plain JSON: ASCII without escapes, no name twice.
    /// `has_plain_names` says that no name within is empty or has a dot.
    pub(crate) fn new(name: &'static str, text: &Bytes, has_plain_names: bool) -> MergedMember {
        let text = match text.len() > SOURCE_COPIED_BYTES_MAX {
            true => RawJson::Held(Box::new(text.clone())),
            false => RawJson::Copied(Arc::from(&**text)),
        };
        MergedMember { name, text, has_plain_names, object: OnceLock::new(), grown: OnceLock::new() }
    }

    /// Whether its value has that text.
    pub(crate) fn has_text(&self, text: &[u8]) -> bool {
        *self.text.bytes() == *text
    }

    /// Whether it is small enough to be kept for the next one who brings the same.
    pub(crate) fn is_small(&self) -> bool {
        matches!(self.text, RawJson::Copied(_))
    }

    /// Whether each name within is one that any mapping of objects takes: none is empty or has a dot.
    pub(crate) fn has_plain_names(&self) -> bool {
        self.has_plain_names
    }

    /// The object that has this one member.
    pub(crate) fn object(&self) -> &Arc<Value> {
        self.object.get_or_init(|| Arc::new(object_of(self.name, self.text.value())))
    }

    fn value(&self) -> Value {
        self.object().get(self.name).cloned().unwrap_or_default()
    }
}

fn object_of(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

impl Grown {
    fn new(shared: SharedValue, added: Added) -> Arc<Grown> {
        Arc::new(Grown { shared, added, whole: OnceLock::new() })
    }

    fn with(shared: SharedValue, member: &MergedMember) -> Arc<Grown> {
        Grown::new(shared, Added::Member(member.name, member.text.clone()))
    }

    /// What was added, as an object.
    fn added(&self) -> Value {
        match &self.added {
            Added::Object(added) => Value::clone(added),
            Added::Member(name, text) => object_of(name, text.value()),
        }
    }
}

impl SharedValue {
    /// An instant, as it is printed.
    pub(crate) fn instant(at: Timestamp) -> SharedValue {
        SharedValue(SharedForm::Instant(Later::new(at)))
    }

    /// The filtering of a new connector.
    pub(crate) fn filtering(filtering: DefaultFiltering) -> SharedValue {
        SharedValue(SharedForm::Filtering(Later::new(filtering)))
    }

    /// What a job keeps of its connector.
    pub(crate) fn snapshot(snapshot: Snapshot) -> SharedValue {
        SharedValue(SharedForm::Snapshot(Later::new(snapshot)))
    }

    /// Whether it is made by a rule alone, and so fits the mapping that is built in for its field.
    pub(crate) fn is_made(&self) -> bool {
        matches!(self.0, SharedForm::Instant(_) | SharedForm::Filtering(_) | SharedForm::Snapshot(_))
    }

    /// The instant, if it is held as one.
    pub(crate) fn as_instant(&self) -> Option<Timestamp> {
        match &self.0 {
            SharedForm::Instant(later) => Some(later.recipe),
            _ => None,
        }
    }

    /// The value in one piece.
    pub(crate) fn whole(&self) -> &Arc<Value> {
        match &self.0 {
            SharedForm::Plain(value) => value,
            SharedForm::Grown(grown) => grown.whole.get_or_init(|| {
                let mut whole = Value::clone(grown.shared.whole());
                merge(&mut whole, grown.added());
                Arc::new(whole)
            }),
            SharedForm::Instant(later) => later.whole(),
            SharedForm::Filtering(later) => later.whole(),
            SharedForm::Snapshot(later) => later.whole(),
        }
    }

    /// The value in one piece for a reader of many documents: what is not made yet, and no other document holds, is made for
    /// this reader alone.
    pub(crate) fn apart(&self) -> Arc<Value> {
        match &self.0 {
            SharedForm::Instant(later) => later.apart(),
            SharedForm::Filtering(later) => later.apart(),
            SharedForm::Snapshot(later) => later.apart(),
            SharedForm::Grown(grown) if grown.whole.get().is_none() => {
                let mut whole = Arc::unwrap_or_clone(grown.shared.apart());
                merge(&mut whole, grown.added());
                Arc::new(whole)
            }
            SharedForm::Grown(_) | SharedForm::Plain(_) => self.whole().clone(),
        }
    }

    /// A member of the value, if it is an object and has one of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let SharedForm::Grown(grown) = &self.0 else {
            return self.whole().get(name);
        };
        let added = match &grown.added {
            Added::Object(added) => added.get(name),
            Added::Member(known, _) if *known == name => return self.whole().get(name),
            Added::Member(..) => None,
        };
        match (grown.shared.get(name), added) {
            (Some(Value::Object(_)), Some(Value::Object(_))) => self.whole().get(name),
            (shared, added) => added.or(shared),
        }
    }

    /// A member that is a text, if it is known without putting the whole together.
    pub(crate) fn known_text(&self, name: &str) -> Option<&str> {
        match &self.0 {
            SharedForm::Snapshot(later) => later.recipe.known_text(name),
            SharedForm::Grown(grown) => match &grown.added {
                Added::Object(added) if added.get(name).is_some() => None,
                Added::Member(known, _) if *known == name => None,
                _ => grown.shared.known_text(name),
            },
            _ => None,
        }
    }

    /// What holds all that stands at a path within: itself, or less of it.
    pub(crate) fn part(&self, path: &str) -> &SharedValue {
        match &self.0 {
            SharedForm::Grown(grown) => match &grown.added {
                Added::Member(name, _) if !path.starts_with(name) => grown.shared.part(path),
                _ => self,
            },
            _ => self,
        }
    }

    /// Merges `new` and says whether that changed anything: objects merge key by key, everything else
    /// is replaced. Others who hold the value keep it as it was.
    pub(crate) fn merge(&mut self, new: SharedValue) -> bool {
        if !self.differs(&new) {
            return false;
        }
        if !new.is_object() || !self.is_object() {
            *self = new;
            return true;
        }
        let new = new.whole().clone();
        let grown = match &mut self.0 {
            SharedForm::Plain(value) => match Arc::get_mut(value) {
                Some(value) => {
                    merge(value, Arc::unwrap_or_clone(new));
                    return true;
                }
                None => Grown::new(self.clone(), Added::Object(Box::new(Arc::unwrap_or_clone(new)))),
            },
            SharedForm::Grown(grown) => {
                let is_there = |name: &String| grown.shared.has(name);
                if new.as_object().into_iter().flat_map(Map::keys).any(is_there) {
                    let mut whole = self.whole().clone();
                    merge(Arc::make_mut(&mut whole), Arc::unwrap_or_clone(new));
                    *self = whole.into();
                    return true;
                }
                let mut added = grown.added();
                merge(&mut added, Arc::unwrap_or_clone(new));
                Grown::new(grown.shared.clone(), Added::Object(Box::new(added)))
            }
            _ => Grown::new(self.clone(), Added::Object(Box::new(Arc::unwrap_or_clone(new)))),
        };
        self.0 = SharedForm::Grown(grown);
        true
    }

    /// Merges an object that has this one member, as [`merge`](Self::merge) would.
    pub(crate) fn put(&mut self, member: &MergedMember) -> bool {
        if let SharedForm::Grown(grown) = &self.0
            && let Added::Member(name, text) = &grown.added
            && *name == member.name
        {
            if member.has_text(text.bytes()) {
                return false;
            }
            let (mut value, new) = (text.value(), member.value());
            if !differs(&value, &new) {
                return false;
            }
            merge(&mut value, new);
            self.0 =
                SharedForm::Grown(Grown::new(grown.shared.clone(), Added::Object(Box::new(object_of(name, value)))));
            return true;
        }
        if matches!(self.0, SharedForm::Grown(_)) || !self.is_object() || self.has(member.name) {
            return self.merge(member.object().clone().into());
        }
        let like = member.grown.get_or_init(|| Grown::with(self.clone(), member));
        let grown = if like.shared.is(self) { like.clone() } else { Grown::with(self.clone(), member) };
        self.0 = SharedForm::Grown(grown);
        true
    }

    fn has(&self, name: &str) -> bool {
        match &self.0 {
            SharedForm::Snapshot(later) if later.recipe.lacks(name) => false,
            _ => self.get(name).is_some(),
        }
    }

    /// Whether its value has been made, or put together, for good.
    #[cfg(test)]
    pub(crate) fn is_whole(&self) -> bool {
        match &self.0 {
            SharedForm::Plain(_) => true,
            SharedForm::Grown(grown) => grown.whole.get().is_some() || grown.shared.is_whole(),
            SharedForm::Instant(later) => later.whole.get().is_some(),
            SharedForm::Filtering(later) => later.whole.get().is_some(),
            SharedForm::Snapshot(later) => later.whole.get().is_some(),
        }
    }

    /// Whether the two are one.
    fn is(&self, other: &SharedValue) -> bool {
        match (&self.0, &other.0) {
            (SharedForm::Plain(one), SharedForm::Plain(other)) => Arc::ptr_eq(one, other),
            (SharedForm::Snapshot(one), SharedForm::Snapshot(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn is_object(&self) -> bool {
        match &self.0 {
            SharedForm::Plain(value) => value.is_object(),
            SharedForm::Grown(_) | SharedForm::Snapshot(_) => true,
            SharedForm::Instant(_) | SharedForm::Filtering(_) => false,
        }
    }

    /// Whether merging `new` would change the value.
    fn differs(&self, new: &SharedValue) -> bool {
        match (&self.0, &new.0) {
            (SharedForm::Instant(old), SharedForm::Instant(new)) => old.recipe != new.recipe,
            (_, SharedForm::Instant(new)) => {
                self.is_object() || self.whole().as_str().is_none_or(|old| new.recipe.with_text(|new| old != new))
            }
            _ => match &**new.whole() {
                Value::Object(new) if self.is_object() => {
                    new.iter().any(|(name, new)| self.get(name).is_none_or(|old| differs(old, new)))
                }
                new => self.is_object() || **self.whole() != *new,
            },
        }
    }
}

impl From<Arc<Value>> for SharedValue {
    fn from(value: Arc<Value>) -> SharedValue {
        SharedValue(SharedForm::Plain(value))
    }
}

impl Default for SharedValue {
    fn default() -> SharedValue {
        Arc::<Value>::default().into()
    }
}

impl PartialEq for SharedValue {
    fn eq(&self, other: &SharedValue) -> bool {
        self.whole() == other.whole()
    }
}

impl fmt::Debug for SharedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(f)
    }
}

impl fmt::Debug for MergedMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object().fmt(f)
    }
}

impl PartialEq for MergedMember {
    fn eq(&self, other: &MergedMember) -> bool {
        self.object() == other.object()
    }
}

impl Serialize for SharedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            SharedForm::Grown(grown) => match &grown.added {
                Added::Object(added) => Merged(grown.shared.whole(), added).serialize(serializer),
                Added::Member(..) => Merged(grown.shared.whole(), &grown.added()).serialize(serializer),
            },
            SharedForm::Instant(later) => later.recipe.with_text(|text| serializer.serialize_str(text)),
            _ => self.whole().serialize(serializer),
        }
    }
}

/// Writes what a merge of the second into the first would give.
struct Merged<'a>(&'a Value, &'a Value);

impl Serialize for Merged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Value::Object(old), Value::Object(new)) = (self.0, self.1) else {
            return self.1.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (name, old) in old {
            match new.get(name) {
                Some(new) => map.serialize_entry(name, &Merged(old, new))?,
                None => map.serialize_entry(name, old)?,
            }
        }
        for (name, new) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            map.serialize_entry(name, new)?;
        }
        map.end()
    }
}

/// Whether merging `new` into `old` would change it.
fn differs(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            new.iter().any(|(name, new)| old.get(name).is_none_or(|old| differs(old, new)))
        }
        (old, new) => old != new,
    }
}

fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, new) in new {
                match old.get_mut(&name) {
                    Some(old) => merge(old, new),
                    None => {
                        old.insert(name, new);
                    }
                }
            }
        }
        (old, new) => *old = new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    fn any_object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0_i64..3).prop_map(Value::from)];
        let value = leaf.prop_recursive(3, 24, 4, |inner| {
            prop::collection::vec(("[abc]", inner), 0..4).prop_map(|members| Map::from_iter(members).into())
        });
        prop::collection::vec(("[abc]", value), 0..4).prop_map(|members| Map::from_iter(members).into())
    }

    #[test]
    fn what_is_added_to_a_shared_object_lies_beside_it() {
        let snapshot = Arc::new(json!({ "id": "docs", "filtering": { "rules": [] } }));
        let mut field = SharedValue::from(snapshot.clone());
        assert!(field.merge(Arc::new(json!({ "sync_cursor": { "page": 3 } })).into()));
        assert_eq!(field.get("sync_cursor"), Some(&json!({ "page": 3 })));
        let filtering = field.get("filtering").expect("the snapshot's own");
        assert!(std::ptr::eq(filtering, &snapshot["filtering"]), "the snapshot was copied");
        assert!(
            !field.merge(Arc::new(json!({ "sync_cursor": { "page": 3 } })).into()),
            "the same again changes nothing"
        );
        assert_eq!(*snapshot, json!({ "id": "docs", "filtering": { "rules": [] } }));
    }

    #[test]
    fn what_jobs_of_one_connector_have_alike_is_held_once() {
        let snapshot = Arc::new(json!({ "id": "docs" }));
        let [mut one, mut other] = [(); 2].map(|()| SharedValue::from(snapshot.clone()));
        let member = MergedMember::new("sync_cursor", &Bytes::from_static(br#"{"page":3,"of":{"all":9}}"#), true);
        assert!(one.put(&member) && other.put(&member));
        assert!(!one.put(&member), "the same again changes nothing");
        let of = |field: &SharedValue| match &field.0 {
            SharedForm::Grown(grown) => Arc::as_ptr(grown),
            _ => panic!("it has grown"),
        };
        assert_eq!(of(&one), of(&other));
        assert_eq!(one.whole()["sync_cursor"], json!({ "page": 3, "of": { "all": 9 } }));
        assert_eq!(size_of::<SharedValue>(), 16);
    }

    #[test]
    fn an_instant_is_its_text() {
        let at = Timestamp::from_millis(1_935_396_000_123);
        let mut field = SharedValue::instant(at);
        assert_eq!(serde_json::to_value(&field).expect("JSON"), json!("2031-05-01T10:00:00.123Z"));
        assert!(!field.merge(SharedValue::instant(at)));
        assert!(!field.merge(Arc::new(json!("2031-05-01T10:00:00.123Z")).into()));
        assert!(!SharedValue::from(Arc::new(json!("2031-05-01T10:00:00.123Z"))).merge(SharedValue::instant(at)));
        assert!(field.merge(SharedValue::instant(at.plus(std::time::Duration::from_millis(1)))));
        assert_eq!(*field.whole().as_ref(), json!("2031-05-01T10:00:00.124Z"));
        assert!(SharedValue::from(Arc::new(json!({}))).merge(field));
    }

    proptest! {
        #[test]
        fn a_member_is_merged_as_its_object(value in any_object(), cursors in prop::collection::vec(any_object(), 1..4)) {
            let shared = Arc::new(value.clone());
            let (mut grown, mut alone) = (SharedValue::from(shared.clone()), SharedValue::from(Arc::new(value)));
            for mut cursor in cursors {
                let member = MergedMember::new("b", &Bytes::from(cursor.to_string()), true);
                hash_order(&mut cursor);
                let object = Arc::new(object_of("b", cursor));
                prop_assert_eq!(grown.put(&member), alone.merge(object.into()));
                let texts = [&grown, &alone].map(|field| serde_json::to_string(field).expect("JSON"));
                prop_assert_eq!(&texts[0], &texts[1]);
                prop_assert_eq!(&grown.apart(), alone.whole());
                prop_assert_eq!(grown.get("b"), alone.get("b"));
                for name in ["a", "b", "c"] {
                    prop_assert_eq!(grown.part(name).whole().get(name), alone.get(name));
                }
            }
        }

        #[test]
        fn nobody_can_tell_whether_a_value_is_shared(value in any_object(), patches in prop::collection::vec(any_object(), 1..4)) {
            let shared = Arc::new(value.clone());
            let (mut grown, mut alone) = (SharedValue::from(shared.clone()), SharedValue::from(Arc::new(value.clone())));
            for patch in patches {
                let patch = Arc::new(patch);
                prop_assert_eq!(grown.merge(patch.clone().into()), alone.merge(Arc::new((*patch).clone()).into()));
                for name in ["a", "b", "c"] {
                    prop_assert_eq!(grown.get(name), alone.get(name));
                }
                let texts = [&grown, &alone].map(|field| serde_json::to_string(field).expect("JSON"));
                prop_assert_eq!(&texts[0], &texts[1]);
                prop_assert!(grown == alone);
                prop_assert_eq!(serde_json::to_string(&**grown.whole()).expect("JSON"), &*texts[1]);
            }
            prop_assert_eq!(&*shared, &value);
        }
    }
}
