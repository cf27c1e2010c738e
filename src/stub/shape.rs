//! [`ValueShape`]: a part of a JSON body that must be there: values, and matchers in their place.

use serde_json::Value;

use crate::near_miss::Difference;
use crate::wildcard::is_like_stub;

/// What a value must be like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueShape {
    /// Exactly that.
    Value(Value),
    /// An object that has these members, and may have more.
    Object(Vec<(String, ValueShape)>),
    /// A list of as many, each like that.
    List(Vec<ValueShape>),
    /// A text like a pattern.
    Like(String),
    /// A value of that type.
    Type(&'static str),
    /// There, or not.
    Present(bool),
    /// One of these.
    OneOf(Vec<Value>),
}

/// The names of types, as `$type` knows them.
pub(crate) const TYPES: [&str; 6] = ["string", "number", "boolean", "object", "array", "null"];

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::Null => "null",
    }
}

impl ValueShape {
    /// Whether a value, or its absence, is so.
    pub(crate) fn admits(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (ValueShape::Present(wanted), value) => value.is_some() == *wanted,
            (_, None) => false,
            (ValueShape::Value(wanted), Some(value)) => is_same(wanted, value),
            (ValueShape::Object(wanted), Some(Value::Object(members))) => {
                wanted.iter().all(|(name, shape)| shape.admits(members.get(name)))
            }
            (ValueShape::List(wanted), Some(Value::Array(items))) => {
                wanted.len() == items.len() && wanted.iter().zip(items).all(|(shape, item)| shape.admits(Some(item)))
            }
            (ValueShape::Like(pattern), Some(Value::String(text))) => is_like_stub(pattern, text),
            (ValueShape::Type(name), Some(value)) => type_of(value) == *name,
            (ValueShape::OneOf(values), Some(value)) => values.iter().any(|wanted| is_same(wanted, value)),
            (ValueShape::Object(_) | ValueShape::List(_) | ValueShape::Like(_), Some(_)) => false,
        }
    }

    /// In what a value differs.
    pub(crate) fn differences(&self, value: Option<&Value>, pointer: &str, out: &mut Vec<Difference>) {
        if self.admits(value) {
            return;
        }
        match (self, value) {
            (ValueShape::Object(wanted), Some(Value::Object(members))) => {
                for (name, shape) in wanted {
                    let name_in_pointer = name.replace('~', "~0").replace('/', "~1");
                    shape.differences(members.get(name), &format!("{pointer}/{name_in_pointer}"), out);
                }
            }
            (ValueShape::List(wanted), Some(Value::Array(items))) if wanted.len() == items.len() => {
                for (at, (shape, item)) in wanted.iter().zip(items).enumerate() {
                    shape.differences(Some(item), &format!("{pointer}/{at}"), out);
                }
            }
            _ => out.push(Difference {
                place: "body".to_owned(),
                pointer: pointer.to_owned(),
                expected: self.told(),
                seen: value.map_or_else(|| "nothing".to_owned(), Value::to_string),
            }),
        }
    }

    fn told(&self) -> String {
        match self {
            ValueShape::Value(value) => value.to_string(),
            ValueShape::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(name, shape)| format!("{name:?}: {}", shape.told())).collect();
                format!("{{{}}}", members.join(", "))
            }
            ValueShape::List(items) => format!("a list of {}", items.len()),
            ValueShape::Like(pattern) => format!("a text like {pattern}"),
            ValueShape::Type(name) => format!("of type {name}"),
            ValueShape::Present(true) => "anything".to_owned(),
            ValueShape::Present(false) => "nothing".to_owned(),
            ValueShape::OneOf(values) => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                format!("one of {}", values.join(", "))
            }
        }
    }
}

/// Whether two values say the same; 1 and 1.0 do.
fn is_same(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        (one, other) => one == other,
    }
}
