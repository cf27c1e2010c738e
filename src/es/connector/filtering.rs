//! The filtering of a connector: rules in a draft, which its service validates, and active ones.
//!
//! A list whose first item counts. A draft always ends in the rule that lets everything through.
//!
//! Source: Elasticsearch 9.x, connector filtering classes and index service.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::es::document::shared::Recipe;
use crate::es::document::source::{Patch, Source};
use crate::es::refusal::{ConnectorRefusal, Refusal};

/// What a rule may do with what it matches. Read in any case.
pub(crate) const POLICIES: [&str; 2] = ["exclude", "include"];

/// How a rule may match. Read in lower case only.
pub(crate) const CONDITIONS: [&str; 7] = ["contains", "ends_with", "equals", "regex", "starts_with", ">", "<"];

/// What may be known of a draft. Read in any case.
pub(crate) const STATES: [&str; 3] = ["edited", "invalid", "valid"];

/// The filtering of a connector that was made at an instant, as long as nobody has changed it: one item whose
/// active and draft rules let everything through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DefaultFiltering(pub Timestamp);

impl Recipe for DefaultFiltering {
    fn make(&self) -> Value {
        default(self.0)
    }
}

fn default(now: Timestamp) -> Value {
    let now = now.to_string();
    let rules = json!({
        "advanced_snippet": { "created_at": now, "updated_at": now, "value": {} },
        "rules": [{
            "created_at": now, "field": "_", "id": "DEFAULT", "order": 0, "policy": "include",
            "rule": "regex", "updated_at": now, "value": ".*"
        }],
        "validation": { "errors": [], "state": "valid" }
    });
    // Moved and not printed into place, which the macro would do: this is a large part of a server's start.
    let item = [("active", rules.clone()), ("domain", Value::from("DEFAULT")), ("draft", rules)];
    Value::Array(vec![Value::Object(item.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())])
}

/// Changes the draft: its rules, its advanced snippet or both. Whoever validated it has to look again.
pub(crate) fn draft(
    connector: &Source,
    rules: Option<&[Value]>,
    advanced_snippet: Option<&Value>,
    now: Timestamp,
) -> Result<Patch, Refusal> {
    let mut item = first(connector)?;
    let Some(Value::Object(draft)) = item.get_mut("draft") else {
        return Err(ConnectorRefusal::NullPointer.into());
    };
    if let Some(rules) = rules {
        draft.insert("rules".to_owned(), Value::Array(in_order_of_application(rules, now)));
    }
    if let Some(snippet) = advanced_snippet {
        draft.insert("advanced_snippet".to_owned(), stamped(snippet, now));
    }
    draft.insert("validation".to_owned(), json!({ "errors": [], "state": "edited" }));
    Ok(stored(vec![Value::Object(item)]))
}

/// Stores a whole filtering as it was sent: nothing is sorted, no rule added. Whatever domain was
/// asked for, there is but one.
pub(crate) fn replace(filtering: &[Value], now: Timestamp) -> Patch {
    let items = filtering.iter().map(|item| {
        let rules = |name: &str| {
            let mut rules = item.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            if let Some(snippet) = rules.get_mut("advanced_snippet") {
                *snippet = stamped(snippet, now);
            }
            for rule in rules.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
                *rule = stamped(rule, now);
            }
            rules
        };
        json!({ "active": rules("active"), "domain": "DEFAULT", "draft": rules("draft") })
    });
    stored(items.collect())
}

/// Notes what was found wrong with the draft, or that nothing was.
pub(crate) fn validate(connector: &Source, validation: &Value) -> Result<Patch, Refusal> {
    let mut item = first(connector)?;
    let Some(Value::Object(draft)) = item.get_mut("draft") else {
        return Err(ConnectorRefusal::NullPointer.into());
    };
    draft.insert("validation".to_owned(), validation.clone());
    Ok(stored(vec![Value::Object(item)]))
}

/// Makes a valid draft the active filtering; the draft stays as it is.
pub(crate) fn activate(connector: &Source) -> Result<Patch, Refusal> {
    let mut item = first(connector)?;
    let draft = item.get("draft").cloned().unwrap_or_default();
    let state = draft.get("validation").and_then(|validation| validation.get("state")).and_then(Value::as_str);
    if state != Some("valid") {
        return Err(ConnectorRefusal::DraftNotValid { state: state.unwrap_or("null").to_owned() }.into());
    }
    item.insert("active".to_owned(), draft);
    Ok(stored(vec![Value::Object(item)]))
}

fn first(connector: &Source) -> Result<Map<String, Value>, Refusal> {
    let item = connector.get("filtering").and_then(|filtering| filtering.get(0)?.as_object());
    item.cloned().ok_or_else(|| ConnectorRefusal::NoFiltering.into())
}

/// The filtering as it comes out of the server's own objects and then out of a hash map.
fn stored(mut filtering: Vec<Value>) -> Patch {
    for item in &mut filtering {
        *item = in_order(item, &["active", "domain", "draft"]);
        for name in ["active", "draft"] {
            if let Some(rules) = item.get_mut(name) {
                *rules = written(rules);
            }
        }
    }
    Patch::new().set("filtering", Arc::new(Value::Array(filtering))).in_hash_order()
}

/// With the instants that were not given.
fn stamped(value: &Value, now: Timestamp) -> Value {
    let mut value = value.clone();
    if let Value::Object(members) = &mut value {
        for name in ["created_at", "updated_at"] {
            members.entry(name).or_insert_with(|| Value::from(now.to_string()));
        }
    }
    value
}

/// The rules by their order, and behind them the one that lets everything through, sent or not. Of
/// what was sent of it only the instant of its creation is kept.
fn in_order_of_application(rules: &[Value], now: Timestamp) -> Vec<Value> {
    let order = |rule: &Value| rule.get("order").and_then(Value::as_i64).unwrap_or_default();
    let (default, mut rules): (Vec<Value>, Vec<Value>) =
        rules.iter().map(|rule| stamped(rule, now)).partition(is_default);
    rules.sort_by_key(order);
    let created_at = default
        .first()
        .and_then(|rule| rule.get("created_at").cloned())
        .unwrap_or_else(|| Value::from(now.to_string()));
    let last = rules.last().map_or(0, |rule| order(rule).wrapping_add(1));
    rules.push(json!({
        "created_at": created_at, "field": "_", "id": "DEFAULT", "order": last, "policy": "include",
        "rule": "regex", "updated_at": created_at, "value": ".*"
    }));
    rules
}

/// Whether a rule is the one that lets everything through, wherever it stands and whenever it was made.
fn is_default(rule: &Value) -> bool {
    [("field", "_"), ("id", "DEFAULT"), ("policy", "include"), ("rule", "regex"), ("value", ".*")]
        .iter()
        .all(|(name, value)| rule.get(name).is_some_and(|seen| seen == value))
}

/// The active rules of the first filtering item, in the order in which a job lists them.
pub(crate) fn active(connector: &Source) -> Option<Value> {
    connector.get("filtering")?.get(0)?.get("active").map(written)
}

/// Active or draft rules in the order in which the server writes them.
fn written(rules: &Value) -> Value {
    let mut rules = in_order(rules, &["advanced_snippet", "rules", "validation"]);
    if let Some(snippet) = rules.get_mut("advanced_snippet") {
        *snippet = in_order(snippet, &["created_at", "updated_at", "value"]);
    }
    for rule in rules.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        *rule = in_order(rule, &["created_at", "field", "id", "order", "policy", "rule", "updated_at", "value"]);
    }
    if let Some(validation) = rules.get_mut("validation") {
        *validation = in_order(validation, &["errors", "state"]);
    }
    rules
}

/// `value` with the named members first and in that order, and whatever else it has behind them.
fn in_order(value: &Value, names: &[&str]) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let named = names.iter().filter_map(|name| members.get_key_value(*name));
    let others = members.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(named.chain(others).map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::connector::rules::{NewConnector, create};

    fn rule(id: &str, order: i64) -> Value {
        json!({ "field": "f", "id": id, "order": order, "policy": "exclude", "rule": "equals", "value": "v" })
    }

    fn changed(patch: Result<Patch, Refusal>) -> Source {
        let mut connector = create(&NewConnector::default(), Timestamp::default());
        connector.merge(patch.expect("a patch"));
        connector
    }

    fn later() -> Timestamp {
        Timestamp::from_millis(1_000)
    }

    #[test]
    fn a_draft_is_sorted_and_ends_in_the_rule_that_lets_everything_through() {
        let fresh = create(&NewConnector::default(), Timestamp::default());
        let default = json!({
            "created_at": "2022-01-02T03:04:05.000Z", "field": "_", "id": "DEFAULT", "order": 0,
            "policy": "include", "rule": "regex", "value": ".*"
        });
        for (rules, expected) in [
            (vec![], vec![("DEFAULT", 0)]),
            (vec![rule("b", 5), rule("a", 2), rule("c", 5)], vec![("a", 2), ("b", 5), ("c", 5), ("DEFAULT", 6)]),
            (vec![default.clone(), rule("a", 0)], vec![("a", 0), ("DEFAULT", 1)]),
        ] {
            let connector = changed(draft(&fresh, Some(&rules), None, later()));
            let drafted = connector.get("filtering").and_then(|filtering| filtering.pointer("/0/draft"));
            let drafted = drafted.expect("a draft");
            let seen: Vec<_> = drafted["rules"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|rule| (rule["id"].as_str().unwrap_or_default(), rule["order"].as_i64().unwrap_or_default()))
                .collect();
            assert_eq!(seen, expected);
            assert_eq!(drafted["validation"]["state"], "edited");
        }
        let connector = changed(draft(&fresh, Some(&[default]), None, later()));
        let rule = &connector.get("filtering").expect("filtering")[0]["draft"]["rules"][0];
        assert_eq!(rule["updated_at"], "2022-01-02T03:04:05.000Z");
    }

    #[test]
    fn only_a_valid_draft_becomes_active() {
        let fresh = create(&NewConnector::default(), Timestamp::default());
        let mut same = fresh.clone();
        assert!(!same.merge(activate(&fresh).expect("valid from the start")));
        let edited = changed(draft(&fresh, Some(&[rule("a", 1)]), None, later()));
        let not_valid = ConnectorRefusal::DraftNotValid { state: "edited".into() };
        assert_eq!(activate(&edited), Err(not_valid.into()));
        let mut valid = edited.clone();
        valid.merge(validate(&edited, &json!({ "errors": [], "state": "valid" })).expect("a patch"));
        valid.merge(activate(&valid).expect("valid"));
        let item = &valid.get("filtering").expect("filtering")[0];
        assert_eq!(item["active"], item["draft"]);
        assert_eq!(item["active"]["rules"][0]["id"], "a");
    }

    #[test]
    fn a_connector_without_filtering_has_no_draft() {
        let mut bare = create(&NewConnector::default(), Timestamp::default());
        bare.merge(replace(&[], later()));
        assert_eq!(draft(&bare, Some(&[]), None, later()), Err(ConnectorRefusal::NoFiltering.into()));
        assert_eq!(activate(&bare), Err(ConnectorRefusal::NoFiltering.into()));
    }
}
