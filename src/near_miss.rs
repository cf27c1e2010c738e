//! [`NearMiss`]: what a call that missed comes closest to, and in what it differs.
//!
//! One shape for all that can be missed: an operation, a field of a body, a parameter, a recorded call.
//! Findings carry it as evidence under [`KEY`], as data; [`lines`] tells it to people.

use serde_json::{Map, Value, json};

use crate::limits::{NEAR_MISS_CHARS_MAX, NEAR_MISS_DIFFERENCES_MAX};

/// The name of a near miss in a finding's evidence.
pub(crate) const KEY: &str = "near_miss";

/// What comes closest to something that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NearMiss {
    /// What it is: `PUT /_connector/{connector_id}/_check_in`, `the schema of connector.put`, `call 4`.
    pub nearest: String,
    /// The operation that it belongs to.
    pub operation: Option<String>,
    /// Its number, if it is a recorded call.
    pub recorded_seq: Option<u64>,
    /// In what it differs, the first of many; empty if it is the same and has been used up.
    pub differs: Vec<Difference>,
    /// What was probably meant, ready to be used.
    pub did_you_mean: Option<String>,
}

/// Where two things differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// `method`, `path`, `query PARAMETER` or `body`.
    pub place: String,
    /// The place in the body, as a JSON pointer; empty for the whole of it and elsewhere.
    pub pointer: String,
    /// What was expected there, shortened if need be.
    pub expected: String,
    /// What was seen, shortened if need be, with secrets masked.
    pub seen: String,
}

impl Difference {
    /// `body /worker_hostname`, `query size`, `path`.
    pub fn shown_place(&self) -> String {
        if self.pointer.is_empty() { self.place.clone() } else { format!("{} {}", self.place, self.pointer) }
    }
}

impl NearMiss {
    /// Whether as many differences are known as are told.
    pub(crate) fn is_full(&self) -> bool {
        self.differs.len() >= NEAR_MISS_DIFFERENCES_MAX
    }

    /// Adds a difference, shortened; one that is too many is left out.
    pub(crate) fn add(&mut self, difference: Difference) {
        if !self.is_full() {
            let Difference { place, pointer, expected, seen } = difference;
            self.differs.push(Difference {
                place: short(&place),
                pointer: short(&pointer),
                expected: short(&expected),
                seen: short(&seen),
            });
        }
    }

    /// The near miss as data.
    pub(crate) fn to_value(&self) -> Value {
        let differs = self.differs.iter().map(|Difference { place, pointer, expected, seen }| {
            json!({ "place": place, "pointer": pointer, "expected": expected, "seen": seen })
        });
        let mut value = Map::new();
        value.insert("nearest".to_owned(), self.nearest.clone().into());
        value.insert("operation".to_owned(), self.operation.clone().into());
        if let Some(seq) = self.recorded_seq {
            value.insert("recorded_seq".to_owned(), seq.into());
        }
        value.insert("differs".to_owned(), differs.collect());
        value.insert("did_you_mean".to_owned(), self.did_you_mean.clone().into());
        Value::Object(value)
    }
}

/// The beginning of a text that is too long to be shown.
pub(crate) fn short(text: &str) -> String {
    shortened(text, NEAR_MISS_CHARS_MAX)
}

/// The first `chars_max` characters of a text, with a mark where something is left out.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A near miss from its data, as people read it: a line for what is closest, one for each difference,
/// one for what was probably meant. None of a value that is none.
pub(crate) fn lines(near: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    let nearest = text(near, "nearest");
    if nearest.is_empty() {
        return lines;
    }
    let operation = text(near, "operation");
    let operation =
        if operation.is_empty() || nearest.contains(&operation) { String::new() } else { format!(" ({operation})") };
    lines.push(format!("closest: {nearest}{operation}"));
    for difference in near.get("differs").and_then(Value::as_array).into_iter().flatten() {
        let (place, pointer) = (text(difference, "place"), text(difference, "pointer"));
        let place = if pointer.is_empty() { place } else { format!("{place} {pointer}") };
        lines.push(format!("  {place}: expected {}, seen {}", text(difference, "expected"), text(difference, "seen")));
    }
    let meant = text(near, "did_you_mean");
    if !meant.is_empty() {
        lines.push(format!("did you mean: {meant}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_data_and_to_people() {
        let near = NearMiss {
            nearest: "PUT /_connector/{connector_id}/_check_in".to_owned(),
            operation: Some("connector.check_in".to_owned()),
            differs: vec![Difference {
                place: "path".to_owned(),
                pointer: String::new(),
                expected: "_check_in".to_owned(),
                seen: "_chek_in".to_owned(),
            }],
            did_you_mean: Some("PUT /_connector/crm/_check_in".to_owned()),
            ..NearMiss::default()
        };
        assert_eq!(
            lines(&near.to_value()),
            [
                "closest: PUT /_connector/{connector_id}/_check_in (connector.check_in)",
                "  path: expected _check_in, seen _chek_in",
                "did you mean: PUT /_connector/crm/_check_in",
            ]
        );
        assert_eq!(lines(&Value::Null), Vec::<String>::new());
    }
}
