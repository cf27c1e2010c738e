//! What is masked, what stays as it is, and that no bytes upset anybody.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn masked(operation: Option<&str>, text: &str) -> String {
    let bytes = body(operation, &Bytes::copy_from_slice(text.as_bytes()));
    String::from_utf8(bytes.to_vec()).expect("text stays text")
}

#[test]
fn credentials_in_headers_are_masked_and_the_rest_is_not_copied() {
    let mut lines = Headers::new();
    lines.push("content-type", "application/json");
    lines.push("x-opaque-id", "Authorization");
    assert!(matches!(headers(&lines), Cow::Borrowed(_)));
    lines.push("authorization", "ApiKey c2VjcmV0");
    lines.push("cookie", "a=b");
    lines.push("cookie", "");
    lines.push("es-secondary-authorization", "Basic eDp5");
    let once = headers(&lines).into_owned();
    let shown: Vec<_> = once.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        shown,
        [
            "content-type: application/json",
            "x-opaque-id: Authorization",
            "authorization: <redacted>",
            "cookie: <redacted>",
            "cookie: ",
            "es-secondary-authorization: <redacted>",
        ]
    );
    assert!(matches!(headers(&once), Cow::Borrowed(_)));
}

#[test]
fn credentials_in_the_query_are_masked() {
    for (given, expected) in [
        ("/_connector", "/_connector"),
        ("/_connector?pretty&size=3", "/_connector?pretty&size=3"),
        ("/?api_key=abc&pretty", "/?api_key=%3Credacted%3E&pretty"),
        ("/?a=1&Access_Token=x=y", "/?a=1&Access_Token=%3Credacted%3E"),
        ("/?%70assword=x", "/?%70assword=%3Credacted%3E"),
        ("/?password=", "/?password="),
        ("/?token", "/?token"),
        ("/?api_key_id=k1&author=me", "/?api_key_id=k1&author=me"),
        ("/?%=%&%zz=1&é%c3=2", "/?%=%&%zz=1&é%c3=2"),
    ] {
        let once = target(given);
        assert_eq!(once, expected);
        assert_eq!(target(&once), expected);
    }
}

#[test]
fn secrets_in_bodies_are_masked_and_the_rest_keeps_its_spelling() {
    for (operation, given, expected) in [
        // Settings that say what they are, before or after their value.
        (
            "",
            r#"{"configuration":{"p":{"sensitive":true,"value":"x"}}}"#,
            r#"{"configuration":{"p":{"sensitive":true,"value":"<redacted>"}}}"#,
        ),
        (
            "",
            r#"{ "p" : {"value" : "x\"y" , "default_value":7, "sensitive" : true} , "n":1.0e3}"#,
            r#"{ "p" : {"value" : "<redacted>" , "default_value":"<redacted>", "sensitive" : true} , "n":1.0e3}"#,
        ),
        (
            "",
            r#"{"p":{"value":{"a":["x"]},"sensitive":true,"default_value":null}}"#,
            r#"{"p":{"value":"<redacted>","sensitive":true,"default_value":null}}"#,
        ),
        (
            "",
            r#"{"p":{"value":"","sensitive":true},"q":{"value":null,"sensitive":true}}"#,
            r#"{"p":{"value":"","sensitive":true},"q":{"value":null,"sensitive":true}}"#,
        ),
        ("", r#"{"p":{"value":"x","sensitive":"true"}}"#, r#"{"p":{"value":"<redacted>","sensitive":"true"}}"#),
        (
            "",
            r#"{"p":{"value":"x","sensitive":false},"value":"y"}"#,
            r#"{"p":{"value":"x","sensitive":false},"value":"y"}"#,
        ),
        ("", r#"{"p":{"value":"x","sensit\u0069ve":true}}"#, r#"{"p":{"value":"<redacted>","sensit\u0069ve":true}}"#),
        ("", r#"{"value":"x","p":{"sensitive":true}}"#, r#"{"value":"x","p":{"sensitive":true}}"#),
        // Settings that do not say.
        (
            "connector.update_configuration",
            r#"{"values":{"host":"h","db_password":"x","tokens":5}}"#,
            r#"{"values":{"host":"h","db_password":"<redacted>","tokens":5}}"#,
        ),
        (
            "update",
            r#"{"doc":{"configuration":{"Password":{"value":"x"},"host":{"value":"h"}}}}"#,
            r#"{"doc":{"configuration":{"Password":{"value":"<redacted>"},"host":{"value":"h"}}}}"#,
        ),
        (
            "",
            r#"{"configuration":{"token_type":{"value":"x","sensitive":false}}}"#,
            r#"{"configuration":{"token_type":{"value":"x","sensitive":false}}}"#,
        ),
        ("", r#"{"sync_cursor":{"token":"t"}}"#, r#"{"sync_cursor":{"token":"t"}}"#),
        // API keys and secrets.
        (
            "security.create_api_key",
            r#"{"id":"k1","name":"n","api_key":"x","encoded":"eA=="}"#,
            r#"{"id":"k1","name":"n","api_key":"<redacted>","encoded":"<redacted>"}"#,
        ),
        (
            "",
            r#"{"api_key":{"value":"x","sensitive":true},"encoded":7}"#,
            r#"{"api_key":{"value":"<redacted>","sensitive":true},"encoded":7}"#,
        ),
        ("", r#"{"api_key_id":"k1"}"#, r#"{"api_key_id":"k1"}"#),
        ("connector.secret_put", r#"{"value":"x"}"#, r#"{"value":"<redacted>"}"#),
        ("connector.secret_get", r#"{"id":"s1","value":["x"]}"#, r#"{"id":"s1","value":"<redacted>"}"#),
        ("connector.secret_post", r#"{"value":null}"#, r#"{"value":null}"#),
        ("connector.put", r#"{"value":"x"}"#, r#"{"value":"x"}"#),
        // Several values, and comments.
        (
            "bulk",
            "{\"index\":{}}\n{\"api_key\":\"x\"}\n{\"api_key\":\"y\"}\n",
            "{\"index\":{}}\n{\"api_key\":\"<redacted>\"}\n{\"api_key\":\"<redacted>\"}\n",
        ),
        (
            "",
            r#"{"p":{/*"sensitive":false*/"value":"x","sensitive":true}}"#,
            r#"{"p":{/*"sensitive":false*/"value":"<redacted>","sensitive":true}}"#,
        ),
        // What is no JSON.
        ("", r#"{"api_key":"x"#, r#"{"api_key":"<redacted>""#),
        ("", "{\"api_key\":\"x\n{\"api_key\":\"y\"}", "{\"api_key\":\"<redacted>\"\n{\"api_key\":\"<redacted>\"}"),
        ("", r#"{"configuration":{"p":{"value":"x","sens"#, r#"{"configuration":{"p":{"value":"<redacted>","sens"#),
        (
            "",
            r#"{"p":{"value":"x","value":"y","sensitive":true}}"#,
            r#"{"p":{"value":"<redacted>","value":"<redacted>","sensitive":true}}"#,
        ),
        ("", "api_key=abc", "api_key=abc"),
    ] {
        let operation = Some(operation).filter(|operation| !operation.is_empty());
        assert_eq!(masked(operation, given), expected);
        assert_eq!(masked(operation, expected), expected);
    }
}

#[test]
fn ordinary_bodies_are_not_copied() {
    for text in
        ["", r#"{"worker_hostname":"w-1"}"#, r#"{"result":"updated"}"#, r#"{"configuration":{"host":{"value":"h"}}}"#]
    {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        assert_eq!(body(None, &bytes).as_ptr(), bytes.as_ptr(), "{text}");
    }
}

#[test]
fn a_state_is_masked_where_its_bodies_would_be() {
    let mut state = json!({
        "connectors": [{ "id": "crm", "configuration": {
            "host": { "value": "h", "sensitive": false },
            "pin": { "value": 7, "default_value": "x", "sensitive": true },
            "password": { "value": "x" },
            "token": { "value": null, "sensitive": true },
        } }],
        "secrets": [{ "id": "s1", "value": "x" }],
        "api_keys": [{ "id": "k1", "api_key": "x", "privileges": [] }],
    });
    let expected = json!({
        "connectors": [{ "id": "crm", "configuration": {
            "host": { "value": "h", "sensitive": false },
            "pin": { "value": REDACTED, "default_value": REDACTED, "sensitive": true },
            "password": { "value": REDACTED },
            "token": { "value": null, "sensitive": true },
        } }],
        "secrets": [{ "id": "s1", "value": REDACTED }],
        "api_keys": [{ "id": "k1", "api_key": REDACTED, "privileges": [] }],
    });
    for _ in 0..2 {
        value(&mut state);
        assert_eq!(state, expected);
    }
}

// ── properties ────────────────────────────────────────────────────────────────────────────────────

fn any_state() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[xy\"\\\\\n{}:,é]{0,4}|true".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let names =
            "sensitive|value|default_value|configuration|values|password|token|api_key|encoded|[a-b\"\\\\]{1,2}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Pieces of JSON thrown together.
fn any_rubble() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\n",
            "/*",
            "*/",
            "//",
            " ",
            "\"sensitive\":true",
            "\"sensitive\"",
            "\"value\"",
            "\"value\":\"x\"",
            "\"api_key\":",
            "\"configuration\":{",
            "\"values\":{",
            "\"password\":",
            "null",
            "true",
            "\\u00",
            "\"\"",
            "\"<redacted>\"",
            "7",
            "\"x",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn any_operation() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("connector.secret_put"), Some("connector.put")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn masking_twice_is_masking_once(rubble in any_rubble(), operation in any_operation()) {
        let once = body(operation, &rubble.into());
        prop_assert_eq!(body(operation, &once), once);
    }
}

proptest! {
    #[test]
    fn a_text_and_its_value_are_masked_alike(state in any_state(), pretty: bool) {
        let text = crate::json::write(&state, pretty);
        let mut state = state;
        mask_within(&mut state, false, None);
        let masked = body(None, &text.into());
        prop_assert_eq!(crate::json::read_file(&masked).map_err(|error| error.to_string()), Ok(state));
    }

    #[test]
    fn targets_and_headers_are_masked_once(text in "/\\PC{0,4}\\?([a-c%&=]|token|%7[0-9]|password=){0,8}", value in "\\PC{0,5}") {
        let once = target(&text).into_owned();
        prop_assert!(matches!(target(&once), Cow::Borrowed(_)));
        let mut lines = Headers::new();
        lines.push("authorization", &value);
        lines.push(&text, &value);
        let once = headers(&lines).into_owned();
        prop_assert!(matches!(headers(&once), Cow::Borrowed(_)));
    }
}
