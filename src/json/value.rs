//! Whole values in one go, without the bookkeeping of a pull reader.
//!
//! It asks the same questions of the text in the same order as [`Tokens`](super::Tokens) does, so the
//! two find the same error; a property and a fuzz target hold them to it.

use std::mem;

use serde_json::Value;
use serde_json::map::{Entry, Map};

use super::error::{EnclosingScope, SyntaxCause, SyntaxError};
use super::scan::{Context, TextScan};
use crate::limits::JSON_DEPTH_MAX;

/// A container being filled.
struct OpenContainer {
    start: usize,
    content: OpenContent,
}

enum OpenContent {
    Array(Vec<Value>),
    Object(Map<String, Value>),
}

impl OpenContainer {
    /// Adds a container: to an array as its next element, to an object as the value of its last name.
    fn add(&mut self, value: Value) {
        match &mut self.content {
            OpenContent::Array(elements) => elements.push(value),
            OpenContent::Object(fields) => {
                let last = fields.values_mut().next_back();
                *last.expect("a value is read after its name") = value;
            }
        }
    }
}

impl From<OpenContainer> for Value {
    fn from(open: OpenContainer) -> Value {
        match open.content {
            OpenContent::Array(elements) => Value::Array(elements),
            OpenContent::Object(fields) => Value::Object(fields),
        }
    }
}

/// Reads the value whose first byte has been taken, inside `depth` containers of which the innermost
/// is a `scope`.
///
/// Works with a list of its own instead of calling itself: a thousand levels need no deep stack.
pub(super) fn read_value(
    scan: &mut TextScan<'_>,
    first: u8,
    scope: EnclosingScope,
    depth: usize,
) -> Result<Value, SyntaxError> {
    if !is_container(first) {
        return plain_value(scan, first, scope);
    }
    let mut outer = Vec::new();
    let mut open = enter(scan, first, depth)?;
    loop {
        match fill(scan, &mut open)? {
            Some(mark) => {
                let inner = enter(scan, mark, depth + outer.len() + 1)?;
                outer.push(mem::replace(&mut open, inner));
            }
            None => match outer.pop() {
                Some(parent) => {
                    let done = mem::replace(&mut open, parent);
                    open.add(done.into());
                }
                None => return Ok(open.into()),
            },
        }
    }
}

fn is_container(mark: u8) -> bool {
    matches!(mark, b'{' | b'[')
}

/// Opens the container whose mark has been taken, inside `depth` others.
#[inline]
fn enter(scan: &mut TextScan<'_>, mark: u8, depth: usize) -> Result<OpenContainer, SyntaxError> {
    if depth >= JSON_DEPTH_MAX {
        return Err(scan.error(SyntaxCause::Depth));
    }
    let (token, content) = match mark {
        b'{' => ("START_OBJECT", OpenContent::Object(Map::new())),
        _ => ("START_ARRAY", OpenContent::Array(Vec::new())),
    };
    scan.last = token;
    Ok(OpenContainer { start: scan.at - 1, content })
}

/// Reads on in a container until another begins in it, whose mark is given, or until it ends.
#[inline]
fn fill(scan: &mut TextScan<'_>, open: &mut OpenContainer) -> Result<Option<u8>, SyntaxError> {
    let start = open.start;
    match &mut open.content {
        OpenContent::Array(elements) => {
            let context = Context { scope: EnclosingScope::Array, start };
            while let Some(byte) = scan.entry(context, elements.is_empty())? {
                if is_container(byte) {
                    return Ok(Some(byte));
                }
                elements.push(plain_value(scan, byte, EnclosingScope::Array)?);
            }
            scan.last = "END_ARRAY";
        }
        OpenContent::Object(fields) => {
            let context = Context { scope: EnclosingScope::Object, start };
            while let Some(byte) = scan.entry(context, fields.is_empty())? {
                let name = scan.name(byte)?.into_owned();
                // Whether the name is new is asked before its value is looked at, as Jackson does.
                let place = match fields.entry(name) {
                    Entry::Vacant(place) => place,
                    Entry::Occupied(known) => {
                        return Err(scan.error(SyntaxCause::Duplicate { name: known.key().clone() }));
                    }
                };
                scan.last = "FIELD_NAME";
                let byte = scan.colon()?;
                if is_container(byte) {
                    // The place is kept for the container, until that is complete.
                    place.insert(Value::Null);
                    return Ok(Some(byte));
                }
                place.insert(plain_value(scan, byte, EnclosingScope::Object)?);
            }
            scan.last = "END_OBJECT";
        }
    }
    Ok(None)
}

/// Reads a value that is no container, and whose first byte has been taken.
#[inline]
fn plain_value(scan: &mut TextScan<'_>, first: u8, scope: EnclosingScope) -> Result<Value, SyntaxError> {
    if first == b'"' {
        scan.last = "VALUE_STRING";
        return Ok(Value::String(scan.string()?.decode().into_owned()));
    }
    let start = scan.at - 1;
    let scalar = scan.scalar(first, scope)?;
    scan.last = scalar.name();
    Ok(scalar.value(&scan.bytes[start..scan.at]))
}
