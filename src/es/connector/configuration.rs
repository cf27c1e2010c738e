//! The configuration of a connector: fields by name, each with a label, a value, and what a form needs
//! to show it. Nobody holds values against `validations`, `depends_on`, `required`, `type` or
//! `options`: they are for forms and for the connector's service.
//!
//! Source: Elasticsearch 9.x, connector configuration class and index service.

use serde_json::{Map, Value, json};

use super::rules::ConnectorStatus;
use crate::es::document::source::{Patch, Source, hash_order};
use crate::es::refusal::{ConnectorRefusal, Refusal};

/// How a form may show a field.
pub(crate) const DISPLAY_TYPES: [&str; 6] = ["text", "textbox", "textarea", "numeric", "toggle", "dropdown"];

/// Of which type a field's value may be. Read in lower case only.
pub(crate) const FIELD_TYPES: [&str; 4] = ["str", "int", "list", "bool"];

/// What a validation may be.
pub(crate) const VALIDATION_TYPES: [&str; 5] = ["less_than", "greater_than", "list_type", "included_in", "regex"];

/// The connector with another configuration in place of its own. Elasticsearch does this with a
/// script, which never finds that nothing has changed.
pub(crate) fn replace(connector: &Source, configuration: &Map<String, Value>) -> Source {
    let mut fields = Value::Object(configuration.iter().map(|(name, field)| (name.clone(), complete(field))).collect());
    hash_order(&mut fields);
    let mut source = connector.clone();
    source.set("configuration", fields);
    source.set("status", Value::from(ConnectorStatus::Configured.name()));
    source
}

/// Sets the values of fields that are there; what is no object names none.
pub(crate) fn set_values(connector: &Source, values: &Value) -> Result<Patch, Refusal> {
    let none = Map::new();
    let values = values.as_object().unwrap_or(&none);
    let known = connector.get("configuration").and_then(Value::as_object).unwrap_or(&none);
    let unknown: Map<_, _> =
        values.keys().filter(|name| !known.contains_key(*name)).map(|name| (name.clone(), Value::Null)).collect();
    if !unknown.is_empty() {
        let mut unknown = Value::Object(unknown);
        hash_order(&mut unknown);
        let names = unknown.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        return Err(ConnectorRefusal::UnknownConfiguration { names }.into());
    }
    // The server puts each value into a map that takes no null.
    if values.values().any(Value::is_null) {
        return Err(ConnectorRefusal::NullPointer.into());
    }
    let changes: Map<_, _> = values.iter().map(|(name, value)| (name.clone(), json!({ "value": value }))).collect();
    let patch = Patch::new()
        .set("configuration", Value::Object(changes))
        .set("status", Value::from(ConnectorStatus::Configured.name()));
    Ok(patch.in_hash_order())
}

/// The configuration with each field as a job lists it.
pub(crate) fn rendered(connector: &Source) -> Value {
    let Some(Value::Object(fields)) = connector.get("configuration") else {
        return json!({});
    };
    Value::Object(fields.iter().map(|(name, field)| (name.clone(), complete(field))).collect())
}

/// The members of a field in the server's order, and what those have that are always there.
const MEMBERS: [(&str, Option<Value>); 15] = [
    ("category", None),
    ("default_value", Some(Value::Null)),
    ("depends_on", None),
    ("display", None),
    ("label", None),
    ("options", None),
    ("order", None),
    ("placeholder", None),
    ("required", Some(Value::Bool(false))),
    ("sensitive", Some(Value::Bool(false))),
    ("tooltip", None),
    ("type", None),
    ("ui_restrictions", None),
    ("validations", None),
    ("value", Some(Value::Null)),
];

/// A field as the server writes it: known members only, and nulls only where they mean something.
fn complete(field: &Value) -> Value {
    let Value::Object(members) = field else {
        return field.clone();
    };
    let mut complete = Map::new();
    for (name, when_absent) in MEMBERS {
        let given = members.get(name).filter(|value| !value.is_null()).cloned();
        if let Some(value) = given.or(when_absent) {
            complete.insert(name.to_owned(), value);
        }
    }
    Value::Object(complete)
}

/// A configuration whose fields have at least the members that the server always writes.
pub(crate) fn with_defaults(configuration: &Value) -> Value {
    let mut fields = configuration.clone();
    for field in fields.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        for (name, default) in MEMBERS.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            field.entry(*name).or_insert_with(|| default.clone());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector() -> Source {
        Source::new()
            .with(
                "configuration",
                json!({ "host": { "label": "H", "value": "a" }, "cfg": { "label": "C", "value": { "depth": 1 } } }),
            )
            .with("status", json!("connected"))
    }

    #[test]
    fn a_new_configuration_takes_the_place_of_the_old() {
        let field = json!({ "label": "U", "display": "textbox", "tooltip": null, "depends_on": [] });
        let changed = replace(&connector(), &Map::from_iter([("user".to_owned(), field)]));
        assert_eq!(
            changed.to_value().to_string(),
            r#"{"configuration":{"user":{"depends_on":[],"display":"textbox","default_value":null,"label":"U","sensitive":false,"value":null,"required":false}},"status":"configured"}"#
        );
    }

    #[test]
    fn values_are_set_by_name() {
        let set = |values: Value| {
            set_values(&connector(), &values).map(|patch| {
                let mut connector = connector();
                let changed = connector.merge(patch);
                (connector.to_value(), changed)
            })
        };
        let configured = |host: &str, cfg: Value| {
            json!({
                "configuration": { "host": { "label": "H", "value": host }, "cfg": { "label": "C", "value": cfg } },
                "status": "configured"
            })
        };
        let depth = json!({ "depth": 1 });
        assert_eq!(set(json!({ "host": "b" })), Ok((configured("b", depth.clone()), true)));
        let merged = json!({ "depth": 1, "urls": ["u"] });
        assert_eq!(set(json!({ "cfg": { "urls": ["u"] } })), Ok((configured("a", merged), true)));
        for nothing in [json!({}), json!(null), json!("x"), json!(7)] {
            assert_eq!(set(nothing), Ok((configured("a", depth.clone()), true)));
        }
        let unknown = ConnectorRefusal::UnknownConfiguration { names: vec!["nope".into()] };
        assert_eq!(set(json!({ "host": null, "nope": 1 })), Err(unknown.into()));
        assert_eq!(set(json!({ "host": null })), Err(ConnectorRefusal::NullPointer.into()));
    }
}
