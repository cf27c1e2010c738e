//! What came before is shown as what has changed in it.
//!
//! Within a lane a body is compared with the last one at the same place: the body of the same method and
//! path, the answer to it with the same status. A document in a list, a `_source`, and the connector in
//! a job are compared with the last document of that id, wherever in the lane it stood. What is alike is
//! left out, and [`REST`] says so, unless that would save less than [`SAVED_LINES_MIN`] lines.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::target;

/// The member that stands for all that is as it was the last time, at any depth; after "as before" it names
/// the members that are there no more.
const REST: &str = "…";

/// A document is not taken apart for less.
const SAVED_LINES_MIN: usize = 2;

/// The calls of a lane, what came before as what has changed.
pub(super) fn compact(calls: &[Value]) -> Vec<Value> {
    let mut memory = Memory::default();
    calls.iter().map(|call| memory.call(call)).collect()
}

/// What has been shown in a lane.
#[derive(Default)]
struct Memory {
    bodies: BTreeMap<String, Value>,
    documents: BTreeMap<[String; 2], Value>,
}

impl Memory {
    fn call(&mut self, call: &Value) -> Value {
        let Value::Object(members) = call else { return call.clone() };
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let route = target::split(text("call")).0.to_owned();
        let shown = members.iter().map(|(name, value)| {
            let shown = match &**name {
                "body" => self.body(route.clone(), value, true),
                "answer" => self.body(format!("{} {route}", members["status"]), value, false),
                _ => value.clone(),
            };
            (name.clone(), shown)
        });
        Value::Object(shown.collect())
    }

    /// A body. What asks for something is another question if a part of it is gone, and shown whole.
    fn body(&mut self, place: String, value: &Value, asks: bool) -> Value {
        let earlier = self.bodies.insert(place, value.clone());
        let earlier = earlier.filter(|earlier| !asks || keeps(earlier, value));
        let short = earlier.as_ref().and_then(|earlier| shortened(earlier, value));
        match (value, earlier, short) {
            (_, Some(earlier), Some(short)) if earlier == *value => {
                self.element("", value);
                short
            }
            (Value::Object(members), _, short) if id(value).is_some() => {
                let whole = self.document(members);
                short.unwrap_or(Value::Object(whole))
            }
            (Value::Object(members), Some(Value::Object(earlier)), Some(_))
                if !is_hit(members) && lines_alike(members, &earlier) > SAVED_LINES_MIN =>
            {
                let mut gone = Vec::new();
                let changed = self.changed(members, &earlier, "", &mut gone);
                marked(None, changed, &gone)
            }
            _ => self.element("", value),
        }
    }

    /// What encloses documents: the members that have changed, with the documents in them each by its id.
    fn changed(
        &mut self,
        members: &Map<String, Value>,
        before: &Map<String, Value>,
        path: &str,
        gone: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, member) in members {
            let earlier = before.get(name);
            let changed = match (member, earlier) {
                (Value::Object(inner), Some(Value::Object(earlier))) if !is_hit(inner) && member != &before[name] => {
                    let inner = self.changed(inner, earlier, &format!("{path}{name}."), gone);
                    (!inner.is_empty()).then_some(Value::Object(inner))
                }
                _ => Some(self.element(name, member)).filter(|_| earlier != Some(member)),
            };
            shown.extend(changed.map(|changed| (name.clone(), changed)));
        }
        gone.extend(missing(before, members, path));
        shown
    }

    /// All of a value, with the documents in it each by its id. `list` is what the list is called that it is in.
    fn element(&mut self, list: &str, value: &Value) -> Value {
        match value {
            Value::Object(members) if id(value).is_some() => self.known(list, value, members),
            Value::Object(members) if is_hit(members) => self.hit(members),
            Value::Object(members) => {
                let shown = members.iter().map(|(name, member)| (name.clone(), self.element(name, member)));
                Value::Object(shown.collect())
            }
            Value::Array(elements) => elements.iter().map(|element| self.element(list, element)).collect(),
            _ => value.clone(),
        }
    }

    /// A document by its id, which is its own among those of its kind.
    fn known(&mut self, kind: &str, value: &Value, members: &Map<String, Value>) -> Value {
        let key = [kind.to_owned(), id(value).unwrap_or_default().to_owned()];
        let earlier = self.documents.insert(key, value.clone());
        let whole = self.document(members);
        earlier.and_then(|earlier| shortened(&earlier, value)).unwrap_or(Value::Object(whole))
    }

    /// All of a document; the connector in a job is one too.
    fn document(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let shown = members.iter().map(|(name, member)| {
            let shown = match member {
                Value::Object(inner) if id(member).is_some() => self.known(name, member, inner),
                _ => member.clone(),
            };
            (name.clone(), shown)
        });
        shown.collect()
    }

    /// A stored document with what its index says of it, which is always shown.
    fn hit(&mut self, members: &Map<String, Value>) -> Value {
        let shown = members.iter().map(|(name, member)| {
            let shown = match (&**name, member, source_key(members)) {
                ("_source", Value::Object(source), Some(key)) => {
                    let earlier = self.documents.insert(key, member.clone());
                    let whole = self.document(source);
                    earlier.and_then(|earlier| shortened(&earlier, member)).unwrap_or(Value::Object(whole))
                }
                _ => member.clone(),
            };
            (name.clone(), shown)
        });
        Value::Object(shown.collect())
    }
}

/// What has changed since, if showing that saves enough. Whatever is in it is compared with what stood at
/// the same place, elements of lists with the one of the same id.
fn shortened(earlier: &Value, value: &Value) -> Option<Value> {
    if has_rest(value) {
        return None;
    }
    let mut gone = Vec::new();
    let changed = changes(earlier, value, "", &mut gone);
    let changed = match changed {
        None => Map::new(),
        Some(Value::Object(changed)) => changed,
        Some(_) => return None,
    };
    let short = marked(id_member(value), changed, &gone);
    (lines(&short) + SAVED_LINES_MIN <= lines(value)).then_some(short)
}

/// What has changed; none if nothing has. Members that are gone are named with their path.
fn changes(earlier: &Value, value: &Value, path: &str, gone: &mut Vec<String>) -> Option<Value> {
    if earlier == value {
        return None;
    }
    match (earlier, value) {
        (Value::Object(before), Value::Object(members)) => {
            let mut shown = Map::new();
            for (name, member) in members {
                let changed = match before.get(name) {
                    Some(before) => changes(before, member, &format!("{path}{name}."), gone),
                    None => Some(member.clone()),
                };
                shown.extend(changed.map(|changed| (name.clone(), changed)));
            }
            gone.extend(missing(before, members, path));
            (!shown.is_empty()).then_some(Value::Object(shown))
        }
        (Value::Array(before), Value::Array(elements)) => Some(
            pairs(before, elements)
                .map(|(before, element)| {
                    before.and_then(|before| shortened(before, element)).unwrap_or_else(|| element.clone())
                })
                .collect(),
        ),
        _ => Some(value.clone()),
    }
}

/// Each element with the earlier one that has its id; in a list without ids, that has its place.
fn pairs<'v>(before: &'v [Value], elements: &'v [Value]) -> impl Iterator<Item = (Option<&'v Value>, &'v Value)> {
    let by_place = before.len() == elements.len() && elements.iter().all(|element| id(element).is_none());
    elements.iter().enumerate().map(move |(at, element)| {
        let earlier = match id(element) {
            Some(own) => before.iter().find(|before| id(before) == Some(own)),
            None => before.get(at).filter(|_| by_place),
        };
        (earlier, element)
    })
}

/// Whether no member of an object, at any depth, is gone or is no object any more.
fn keeps(earlier: &Value, value: &Value) -> bool {
    match (earlier, value) {
        (Value::Object(before), Value::Object(members)) => {
            before.iter().all(|(name, before)| members.get(name).is_some_and(|member| keeps(before, member)))
        }
        (Value::Object(_), _) => false,
        _ => true,
    }
}

fn missing<'m>(
    before: &'m Map<String, Value>,
    members: &'m Map<String, Value>,
    path: &'m str,
) -> impl Iterator<Item = String> + 'm {
    before.keys().filter(|name| !members.contains_key(*name)).map(move |name| format!("{path}{name}"))
}

/// The changed members, after the id, and the mark that there are others.
fn marked(id: Option<(String, Value)>, changed: Map<String, Value>, gone: &[String]) -> Value {
    let mut members: Map<String, Value> = id.into_iter().chain(changed).collect();
    let rest = if gone.is_empty() { "as before".to_owned() } else { format!("as before, without {}", gone.join(", ")) };
    members.insert(REST.to_owned(), rest.into());
    Value::Object(members)
}

fn id(value: &Value) -> Option<&str> {
    value.get("id")?.as_str()
}

fn id_member(value: &Value) -> Option<(String, Value)> {
    Some(("id".to_owned(), value.get("id").filter(|id| id.is_string())?.clone()))
}

fn is_hit(members: &Map<String, Value>) -> bool {
    members.get("_source").is_some_and(Value::is_object) && source_key(members).is_some()
}

fn source_key(members: &Map<String, Value>) -> Option<[String; 2]> {
    let text = |name: &str| members.get(name)?.as_str().map(str::to_owned);
    Some([text("_index")?, text("_id")?])
}

/// How many lines are left out if what is alike is.
fn lines_alike(members: &Map<String, Value>, before: &Map<String, Value>) -> usize {
    let of_member = |(name, member): (&String, &Value)| match (member, before.get(name)?) {
        (member, earlier) if member == earlier => Some(lines_of_member(member)),
        (Value::Object(inner), Value::Object(earlier)) if !is_hit(inner) => Some(lines_alike(inner, earlier)),
        _ => None,
    };
    members.iter().filter_map(of_member).sum()
}

/// How many lines of YAML a value takes.
fn lines(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(lines).sum::<usize>().max(1),
        Value::Object(members) => members.values().map(lines_of_member).sum::<usize>().max(1),
        _ => 1,
    }
}

fn lines_of_member(member: &Value) -> usize {
    let has_lines_of_its_own = match member {
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    if has_lines_of_its_own { 1 + lines(member) } else { 1 }
}

/// Whether somebody has a member of his own with the name of the mark.
fn has_rest(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_rest),
        Value::Object(members) => members.contains_key(REST) || members.values().any(has_rest),
        _ => false,
    }
}
