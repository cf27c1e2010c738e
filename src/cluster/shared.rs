//! [`Shared`]: a value that documents share, and what one of them adds to it.
//!
//! A hundred thousand jobs hold one snapshot of their connector. The claim of a job adds a cursor to its
//! snapshot: from then on the job holds the snapshot that all hold and, beside it, what was added. The two
//! are put together for a reader who wants one value, and not before; who looks for a part of it, or
//! writes it down as JSON, needs no copy.

use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// The value of a document's field.
#[derive(Clone)]
pub struct Shared(Form);

#[derive(Clone)]
enum Form {
    Plain(Arc<Value>),
    Grown(Arc<Grown>),
}

/// An object that others hold too, and what was merged into it here.
struct Grown {
    shared: Arc<Value>,
    added: Value,
    /// The two in one, once somebody has asked for it.
    whole: OnceLock<Arc<Value>>,
}

impl Shared {
    /// The value in one piece.
    pub fn whole(&self) -> &Arc<Value> {
        match &self.0 {
            Form::Plain(value) => value,
            Form::Grown(grown) => grown.whole.get_or_init(|| {
                let mut whole = Value::clone(&grown.shared);
                merge(&mut whole, grown.added.clone());
                Arc::new(whole)
            }),
        }
    }

    /// A member of the value, if it is an object and has one of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Form::Grown(grown) = &self.0 else {
            return self.whole().get(name);
        };
        match (grown.shared.get(name), grown.added.get(name)) {
            (Some(Value::Object(_)), Some(Value::Object(_))) => self.whole().get(name),
            (shared, added) => added.or(shared),
        }
    }

    /// Merges `new` and says whether that changed anything: objects merge key by key, everything else
    /// is replaced. Others who hold the value keep it as it was.
    pub fn merge(&mut self, new: Arc<Value>) -> bool {
        if !self.differs(&new) {
            return false;
        }
        if !new.is_object() || !self.is_object() {
            *self = new.into();
            return true;
        }
        if let Form::Plain(value) = &mut self.0 {
            match Arc::get_mut(value) {
                Some(value) => merge(value, Arc::unwrap_or_clone(new)),
                None => {
                    let (shared, added) = (value.clone(), Arc::unwrap_or_clone(new));
                    self.0 = Form::Grown(Arc::new(Grown { shared, added, whole: OnceLock::new() }));
                }
            }
        } else {
            let mut whole = self.whole().clone();
            merge(Arc::make_mut(&mut whole), Arc::unwrap_or_clone(new));
            *self = whole.into();
        }
        true
    }

    fn is_object(&self) -> bool {
        match &self.0 {
            Form::Plain(value) => value.is_object(),
            Form::Grown(_) => true,
        }
    }

    /// Whether merging `new` would change the value.
    fn differs(&self, new: &Value) -> bool {
        match new {
            Value::Object(new) if self.is_object() => {
                new.iter().any(|(name, new)| self.get(name).is_none_or(|old| differs(old, new)))
            }
            new => self.is_object() || **self.whole() != *new,
        }
    }
}

impl From<Arc<Value>> for Shared {
    fn from(value: Arc<Value>) -> Shared {
        Shared(Form::Plain(value))
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Shared) -> bool {
        self.whole() == other.whole()
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Plain(value) => value.serialize(serializer),
            Form::Grown(grown) => Merged(&grown.shared, &grown.added).serialize(serializer),
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
        let mut field = Shared::from(snapshot.clone());
        assert!(field.merge(Arc::new(json!({ "sync_cursor": { "page": 3 } }))));
        assert_eq!(field.get("sync_cursor"), Some(&json!({ "page": 3 })));
        let filtering = field.get("filtering").expect("the snapshot's own");
        assert!(std::ptr::eq(filtering, &snapshot["filtering"]), "the snapshot was copied");
        assert!(!field.merge(Arc::new(json!({ "sync_cursor": { "page": 3 } }))), "the same again changes nothing");
        assert_eq!(*snapshot, json!({ "id": "docs", "filtering": { "rules": [] } }));
    }

    proptest! {
        #[test]
        fn nobody_can_tell_whether_a_value_is_shared(value in any_object(), patches in prop::collection::vec(any_object(), 1..4)) {
            let shared = Arc::new(value.clone());
            let (mut grown, mut alone) = (Shared::from(shared.clone()), Shared::from(Arc::new(value.clone())));
            for patch in patches {
                let patch = Arc::new(patch);
                prop_assert_eq!(grown.merge(patch.clone()), alone.merge(Arc::new((*patch).clone())));
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
