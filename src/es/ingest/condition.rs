//! [`FieldCondition`]: the `if` of a step, recognised by its text.
//!
//! In Elasticsearch an `if` is any Painless script. Here it is one comparison of a field with a
//! literal: `ctx?._reduce_whitespace == true`, `ctx.title != null`, `ctx?.owner?.name == 'me'`.
//!
//! DIFFERENCE: any other script is refused when the pipeline is stored.

use serde_json::Value;

use super::field::PipelineDocument;

/// A comparison of a field with a literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldCondition {
    path: String,
    equal: bool,
    literal: Value,
}

impl FieldCondition {
    /// Reads a script; none if it is not one of those that are known.
    pub(crate) fn read(script: &str) -> Option<FieldCondition> {
        let (equal, (field, literal)) = match script.split_once("==") {
            Some(sides) => (true, sides),
            None => (false, script.split_once("!=")?),
        };
        let path = field.trim().strip_prefix("ctx")?;
        // The document itself is always there, what lies in it need not be.
        let path = path.strip_prefix("?.").or_else(|| path.strip_prefix('.'))?;
        let mut names = Vec::new();
        for (at, name) in path.split('.').enumerate() {
            let plain = name.strip_suffix('?').unwrap_or(name);
            let is_last = at == path.matches('.').count();
            let is_name = !plain.is_empty()
                && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !plain.starts_with(|c: char| c.is_ascii_digit());
            // Without its question mark a field that is missing would end in an error.
            if !is_name || (plain.len() < name.len()) == is_last {
                return None;
            }
            names.push(plain);
        }
        Some(FieldCondition { path: names.join("."), equal, literal: literal_of(literal.trim())? })
    }

    /// Whether it holds for a document.
    pub(crate) fn holds(&self, draft: &PipelineDocument) -> bool {
        let found = draft.value(&self.path).unwrap_or(&Value::Null);
        let is_equal = match (found.as_f64(), self.literal.as_f64()) {
            (Some(found), Some(literal)) => found == literal,
            _ => *found == self.literal,
        };
        is_equal == self.equal
    }
}

fn literal_of(text: &str) -> Option<Value> {
    let quoted =
        |quote: char| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains([quote, '\\']));
    if let Some(inner) = quoted('\'').or_else(|| quoted('"')) {
        return Some(Value::from(inner));
    }
    match text {
        "true" => Some(Value::from(true)),
        "false" => Some(Value::from(false)),
        "null" => Some(Value::Null),
        number => number.parse::<i64>().map(Value::from).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::es::ingest::PipelineTarget;
    use serde_json::json;

    #[test]
    fn comparisons_of_a_field_are_known_and_nothing_else_is() {
        let Value::Object(fields) = json!({"on": true, "n": 3, "who": {"name": "me"}, "nil": null}) else { panic!() };
        let draft = PipelineDocument::new(fields, PipelineTarget { index: "i", id: None }, Timestamp::default());
        for (script, expected) in [
            ("ctx?.on == true", Some(true)),
            ("ctx.on==true", Some(true)),
            ("  ctx?.on   !=  true ", Some(false)),
            ("ctx?.off == true", Some(false)),
            ("ctx?.off != true", Some(true)),
            ("ctx.off == null", Some(true)),
            ("ctx.nil == null", Some(true)),
            ("ctx.on != null", Some(true)),
            ("ctx.n == 3", Some(true)),
            ("ctx.n == 4", Some(false)),
            ("ctx?.who?.name == 'me'", Some(true)),
            ("ctx.who?.name == \"you\"", Some(false)),
            ("ctx?.who?.age == null", Some(true)),
            ("ctx.who.name == 'me'", None),
            ("ctx?.on", None),
            ("true", None),
            ("ctx.on == true && ctx.n == 3", None),
            ("ctx.on == ctx.n", None),
            ("ctx['on'] == true", None),
            ("ctx.on.size() == 3", None),
            ("ctx. == 3", None),
            ("", None),
        ] {
            assert_eq!(FieldCondition::read(script).map(|condition| condition.holds(&draft)), expected, "{script}");
        }
    }
}
