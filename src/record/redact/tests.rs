//! What is masked, what stays as it is, and that no bytes upset anybody.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::es::http::call::ParsedParts;
use crate::es::http::endpoint::RowFacts;
use crate::es::table::TABLE;
use crate::http::{Headers, Method, Request};
use bytes::Bytes;
use serde_json::Value;

fn facts_of(operation: &str) -> &'static RowFacts {
    TABLE.facts_of(operation).expect("facts of every operation")
}

fn put(target: &str) -> Request {
    Request::new(Method::Put, target)
}

/// A body as it is kept by somebody who knows nothing yet.
fn body(operation: Option<&str>, bytes: &Bytes) -> Bytes {
    let request = put("/_connector").with_body(bytes.clone());
    KnownSecrets::default()
        .mask(Some(facts_of(operation.unwrap_or("index"))), &request, false, false)
        .over(&request)
        .body()
        .clone()
}

fn masked(operation: Option<&str>, text: &str) -> String {
    let bytes = body(operation, &Bytes::copy_from_slice(text.as_bytes()));
    String::from_utf8(bytes.to_vec()).expect("text stays text")
}

fn headers(lines: &Headers) -> Headers {
    let request = put("/").with_headers(lines.clone());
    KnownSecrets::default().mask(None, &request, false, false).over(&request).headers().clone()
}

fn target(text: &str) -> String {
    let request = put(text);
    KnownSecrets::default().mask(None, &request, false, false).over(&request).target().to_owned()
}

#[test]
fn credentials_in_headers_are_masked_and_the_rest_is_not_copied() {
    let mut lines = Headers::new();
    lines.push("content-type", "application/json");
    lines.push("x-opaque-id", "Authorization");
    assert_eq!(headers(&lines), lines);
    lines.push("authorization", "ApiKey c2VjcmV0");
    lines.push("cookie", "a=b");
    lines.push("cookie", "");
    lines.push("es-secondary-authorization", "Basic eDp5");
    lines.push("x-goog-api-key", "x");
    lines.push("private-token", "x");
    lines.push("x-token-id", "7");
    lines.push("dpop", "x");
    lines.push("referer", "http://h/a?n=1&api_key=x#access_token=y");
    lines.push("x-upstream", "Bearer x");
    lines.push("user-agent", "Basic Client/1.0?token=x");
    lines.push("x-forwarded-client-cert", "x");
    lines.push("referer", "https://me:x@host/a");
    lines.push("via", "https://me:x@host/a, https://me:y@host/b");
    let once = headers(&lines);
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
            "x-goog-api-key: <redacted>",
            "private-token: <redacted>",
            "x-token-id: 7",
            "dpop: <redacted>",
            "referer: http://h/a?n=1&api_key=<redacted>#access_token=<redacted>",
            "x-upstream: Bearer <redacted>",
            "user-agent: Basic Client/1.0?token=x",
            "x-forwarded-client-cert: <redacted>",
            "referer: https://<redacted>@host/a",
            "via: https://<redacted>@host/a, https://<redacted>@host/b",
        ]
    );
    assert_eq!(headers(&once), once);
}

#[test]
fn names_are_known_by_their_words() {
    for name in [
        "password",
        "DB_PASSWORD",
        "passWord",
        "userpassword",
        "password2",
        "clientsecret",
        "clientSecret",
        "secret_key",
        "secretkey",
        "accesstoken",
        "APIToken",
        "apiKey",
        "api.key",
        "api-keys",
        "privateKey",
        "access_key",
        "credentials",
        "token",
        "tokens",
        "token_value",
        "\u{e9}_token",
    ] {
        assert!(sounds_secret(name), "{name}");
    }
    for name in ["tokenizer", "secretary", "tokens_per_page", "token_type", "TokenType", "key", "passage", "host", ""] {
        assert!(!sounds_secret(name), "{name}");
    }
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
        ("/?api+key=x&auth=y&pwd=z", "/?api+key=%3Credacted%3E&auth=%3Credacted%3E&pwd=%3Credacted%3E"),
        ("/?subscription-key=x&X-Amz-Signature=y", "/?subscription-key=%3Credacted%3E&X-Amz-Signature=%3Credacted%3E"),
        ("/?tokenizer=x&passage=y&sessions=z&hotpot=1", "/?tokenizer=x&passage=y&sessions=z&hotpot=1"),
        ("/?size=1;api_key=abc;pretty", "/?size=1;api_key=%3Credacted%3E;pretty"),
        ("/?url=https%3A%2F%2Fme%3Ax%40host&n=1", "/?url=%3Credacted%3E&n=1"),
        ("http://me:x@host/a?b=1", "http://%3Credacted%3E@host/a?b=1"),
        ("/a?x=http://u:s@h/&y=http://v:t@i/", "/a?x=http://%3Credacted%3E@h/&y=http://%3Credacted%3E@i/"),
        ("/a/http%3A%2F%2Fu%3As%40h/b?n=1", "/a/%3Credacted%3E/b?n=1"),
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
        // The wrapper is forgotten, or misspelt.
        ("connector.update_configuration", r#"{"password":"x","host":"h"}"#, r#"{"password":"<redacted>","host":"h"}"#),
        (
            "connector.update_configuration",
            r#"{"configuraton":{"password":{"value":"x","label":"P"},"host":{"value":"h"}}}"#,
            r#"{"configuraton":{"password":{"value":"<redacted>","label":"P"},"host":{"value":"h"}}}"#,
        ),
        (
            "connector.update_configuration",
            r#"{"Values":{"password":"x","host":"h"}}"#,
            r#"{"Values":{"password":"<redacted>","host":"h"}}"#,
        ),
        (
            "update",
            r#"{"p":{"configuration":{"dsn":{"sensitive":true}}},"doc":{"configuration":{"dsn.value":"x","dsn.label":"D"}}}"#,
            r#"{"p":{"configuration":{"dsn":{"sensitive":true}}},"doc":{"configuration":{"dsn.value":"<redacted>","dsn.label":"D"}}}"#,
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
        // The server writes that mark itself where nobody has written one.
        (
            "",
            r#"{"configuration":{"password":{"value":"x","sensitive":false,"label":"P"},"use_token":{"value":true}}}"#,
            r#"{"configuration":{"password":{"value":"<redacted>","sensitive":false,"label":"P"},"use_token":{"value":true}}}"#,
        ),
        ("", r#"{"values":{"password":{"nested":["x"]}}}"#, r#"{"values":{"password":"<redacted>"}}"#),
        // A misspelt member of a secret setting may be its value.
        (
            "",
            r#"{"configuration":{"pin":{"valeu":"x","label":"P","sensitive":"yes"}}}"#,
            r#"{"configuration":{"pin":{"valeu":"<redacted>","label":"P","sensitive":"yes"}}}"#,
        ),
        // The mark of one tells of its namesakes.
        (
            "",
            r#"{"configuration":{"pin":{"value":"x"}},"values":{"pin":"y"},"p":{"configuration":{"pin":{"sensitive":true}}}}"#,
            r#"{"configuration":{"pin":{"value":"<redacted>"}},"values":{"pin":"<redacted>"},"p":{"configuration":{"pin":{"sensitive":true}}}}"#,
        ),
        (
            "",
            r#"{"term":{"configuration.password.value":{"value":"x","boost":1}},"sort":["configuration.password.value"]}"#,
            r#"{"term":{"configuration.password.value":{"value":"<redacted>","boost":1}},"sort":["configuration.password.value"]}"#,
        ),
        (
            "",
            r#"{"doc":{"configuration.password.value":"x","configuration.password.label":"P"}}"#,
            r#"{"doc":{"configuration.password.value":"<redacted>","configuration.password.label":"P"}}"#,
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
        ("", r#"{"api_key":"x"#, r#"{"api_key":<redacted> (2 bytes that could not be read)"#),
        ("", "{\"api_key\":\"x\n{\"api_key\":\"y\"}", "{\"api_key\":<redacted> (18 bytes that could not be read)"),
        (
            "",
            r#"{"api_key":"x","n":1,'password':'y'}"#,
            r#"{"api_key":"<redacted>","n":1,<redacted> (15 bytes that could not be read)"#,
        ),
        ("connector.secret_put", "{value:'x'}", "{<redacted> (10 bytes that could not be read)"),
        ("", "configuration:\n  pin: x\n", "<redacted> (24 bytes that could not be read)"),
        ("", "api_key=abc", "<redacted> (11 bytes that could not be read)"),
        ("", r#"{"worker_hostname":"w"#, r#"{"worker_hostname":"w"#),
        ("", "name: plain", "name: plain"),
        (
            "",
            r#"{"configuration":{"p":{"value":"x","sens"#,
            r#"{"configuration":{"p":{"value":"<redacted>",<redacted> (5 bytes that could not be read)"#,
        ),
        (
            "",
            r#"{"p":{"value":"x","value":"y","sensitive":true}}"#,
            r#"{"p":{"value":"<redacted>","value":"<redacted>","sensitive":true}}"#,
        ),
    ] {
        let operation = Some(operation).filter(|operation| !operation.is_empty());
        assert_eq!(masked(operation, given), expected);
        assert_eq!(masked(operation, expected), expected);
    }
}

#[test]
fn bodies_in_other_forms_are_kept_by_their_length_alone() {
    let kept = |kind: &str, body: &[u8]| {
        let request = put("/_connector").header("content-type", kind).with_body(body.to_vec());
        let mask = KnownSecrets::default().mask(Some(facts_of("index")), &request, false, false);
        String::from_utf8_lossy(mask.over(&request).body()).into_owned()
    };
    assert_eq!(kept("application/yaml", b"name: x\n"), "<redacted> (8 bytes that could not be read)");
    assert_eq!(kept("application/json", b"\xA1\x61x\x01"), "<redacted> (4 bytes that could not be read)");
    assert_eq!(kept("application/json", b"{\0}\0"), "<redacted> (4 bytes that could not be read)");
    assert_eq!(kept("application/json", b"name: x\n"), "name: x\n");
    let packed = put("/").header("content-encoding", "deflate").with_body("{}");
    let mask = KnownSecrets::default().mask(None, &packed, false, false);
    assert!(mask.hides_body() && mask.over(&packed).body().starts_with(REDACTED.as_bytes()));
}

#[test]
fn what_is_known_is_masked_wherever_it_stands() {
    let mut known = KnownSecrets::default();
    let secret = "p\"w/\u{e9} 1";
    let taught = put("/_connector/_secret/db").with_body(json!({ "value": secret }).to_string());
    known.mask(Some(facts_of("connector.secret_put")), &taught, true, false);
    for (target, expected) in [
        ("/_connector/p%22w%2F%C3%A9%201", "/_connector/%3Credacted%3E"),
        ("/_connector/p%22w/%c3%a9+1/_name", "/%3Credacted%3E"),
        ("/?q=x:p%22w%2f%C3%A9+1&size=1", "/?q=%3Credacted%3E&size=1"),
    ] {
        let request = put(target);
        assert_eq!(known.mask(None, &request, false, false).over(&request).target(), expected);
    }
    let escaped = serde_json::to_string(&format!("no {secret}!")).expect("a text");
    for (body, expected) in [
        (format!(r#"{{"error":{escaped}}}"#), r#"{"error":"no <redacted>!"}"#),
        (r#"{"a":["p\u0022w\/\u00e9 1"]}"#.to_owned(), r#"{"a":["<redacted>"]}"#),
        (r#"{"a":"p%22w%2F%C3%A9%201"}"#.to_owned(), r#"{"a":"<redacted>"}"#),
        (r#"{"a":"pw 1"}"#.to_owned(), r#"{"a":"pw 1"}"#),
    ] {
        let request = put("/x/_doc/1").with_body(body);
        assert_eq!(
            known.mask(Some(facts_of("index")), &request, true, false).over(&request).body(),
            expected.as_bytes()
        );
    }
}

#[test]
fn the_password_of_a_url_is_not_repeated_by_the_answer() {
    for (target, header, secret) in [
        ("/_nope/x?a=http://u:hunter2@h/", "", "hunter2"),
        ("/_nope/x?a=http://u:pin@h/", "", "pin"),
        ("/_nope/x?a=http://k1-token@h/", "", "k1-token"),
        ("/_nope/x?a=http%3A%2F%2Fu%3Ahunter2%40h", "", "hunter2"),
        ("/_nope/http%3A%2F%2Fu%3Ahunter2%40h", "", "hunter2"),
        ("/_nope/x", "http://u:a1b2c3@h/, http://u:hunter2@h/", "hunter2"),
    ] {
        let mut known = KnownSecrets::default();
        let request = put(target).header("referer", header);
        let mask = known.mask(None, &request, false, false);
        let answer = Bytes::from(json!({ "error": format!("no handler found for [u:{secret}@h/]") }).to_string());
        let kept = known.answer(&mask, 400, &answer);
        assert!(!String::from_utf8_lossy(&kept).contains(secret), "{target} {kept:?}");
    }
}

#[test]
fn a_secret_is_a_word_unless_it_is_long_and_strange() {
    let mut known = KnownSecrets::default();
    for secret in ["secret", "abc123", "hunter2xyz-9000"] {
        let taught = put("/_connector/_secret/db").with_body(json!({ "value": secret }).to_string());
        known.mask(Some(facts_of("connector.secret_put")), &taught, true, false);
    }
    for (text, expected) in [
        ("secrets, my-secret, secret", "secrets, my-secret, <redacted>"),
        ("abc1234, x-abc123", "abc1234, x-<redacted>"),
        ("xhunter2xyz-9000x", "x<redacted>x"),
    ] {
        let request = put("/x/_doc/1").with_body(json!({ "text": text, "secret": 1 }).to_string());
        let expected = json!({ "text": expected, "secret": 1 }).to_string();
        assert_eq!(
            known.mask(Some(facts_of("index")), &request, true, false).over(&request).body(),
            expected.as_bytes()
        );
    }
}

#[test]
fn a_mask_admits_what_it_stands_for() {
    for (kept, sent, admitted) in [
        ("a", "a", true),
        ("a", "b", false),
        ("<redacted>", "", true),
        ("no <redacted>!", "no x!", true),
        ("no <redacted>!", "no x", false),
        ("<redacted>, <redacted>.", "a, b.", true),
        ("<redacted>, <redacted>.", "a; b.", false),
        ("<redacted> (3 bytes that could not be read)", "a: b", true),
        ("{\"a\":<redacted> (3 bytes that could not be read)", "{\"a\":x}", true),
        ("{\"a\":<redacted> (3 bytes that could not be read)", "{\"b\":x}", false),
    ] {
        assert_eq!(admits(kept, sent), admitted, "{kept} and {sent}");
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
        KnownSecrets::default().state(&mut state);
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
        KnownSecrets::default().state(&mut state);
        let masked = body(None, &text.into());
        prop_assert_eq!(crate::json::read_file(&masked).map_err(|error| error.to_string()), Ok(state));
    }

    #[test]
    fn targets_and_headers_are_masked_once(text in "/\\PC{0,4}\\?([a-c%&=]|token|%7[0-9]|password=){0,8}", value in "\\PC{0,5}") {
        let once = target(&text);
        prop_assert_eq!(target(&once), once);
        let mut lines = Headers::new();
        lines.push("authorization", &value);
        lines.push(&text, &value);
        let once = headers(&lines);
        prop_assert_eq!(headers(&once), once);
    }
}

#[test]
fn words_for_people_tell_no_secret() {
    for (operation, target, body, kept) in [
        (
            Some("connector.update_error"),
            "/_connector/c/_error",
            r#"{"error":"no login at postgres://crm:hunter2@db/x, password=hunter3; api_key: \"a1b2c3d4\""}"#,
            r#"{"error":"no login at postgres://<redacted>@db/x, password=<redacted>; api_key: \"<redacted>\""}"#,
        ),
        (
            Some("connector.sync_job_error"),
            "/_connector/_sync_job/j/_error",
            r#"{"error":"the token: expired at 10:00, wrong password: access denied, see https://host/a:b@c"}"#,
            r#"{"error":"the token: expired at 10:00, wrong password: access denied, see https://host/a:b@c"}"#,
        ),
        (
            None,
            "/_ml/x",
            r#"{"password":"hunter2","note":"PGPASSWORD=hunter4 psql"}"#,
            r#"{"password":"<redacted>","note":"PGPASSWORD=<redacted> psql"}"#,
        ),
        (
            Some("update"),
            "/.elastic-connectors/_update/c",
            r#"{"doc":{"error":"secret=hunter5"}}"#,
            r#"{"doc":{"error":"secret=<redacted>"}}"#,
        ),
        (Some("index"), "/mine/_doc/1", r#"{"text":"secret=hunter5"}"#, r#"{"text":"secret=hunter5"}"#),
        (
            Some("connector.update_error"),
            "/_connector/c/_error",
            r#"{"error":"bad config {\"password\":\"hunter2\"} and {\"password\": \"two words\"}, token='one two3'"}"#,
            r#"{"error":"bad config {\"password\":\"<redacted>\"} and {\"password\": \"<redacted>\"}, token='<redacted>'"}"#,
        ),
        (
            Some("connector.update_error"),
            "/_connector/c/_error",
            r#"{"error":"sent Authorization: Bearer eyJhbGciOi.x1 and password=abc:defghij; Bearer is refused"}"#,
            r#"{"error":"sent Authorization: Bearer <redacted> and password=<redacted>; Bearer is refused"}"#,
        ),
        (
            Some("bulk"),
            "/_bulk",
            "{\"update\":{\"_index\":\".elastic-connectors\",\"_id\":\"c\"}}\n{\"doc\":{\"error\":\"secret=hunter5\"}}\n",
            "{\"update\":{\"_index\":\".elastic-connectors\",\"_id\":\"c\"}}\n{\"doc\":{\"error\":\"secret=<redacted>\"}}\n",
        ),
        (
            Some("bulk"),
            "/.elastic-connectors-sync-jobs/_bulk",
            "{\"index\":{\"_id\":\"j\"}}\n{\"error\":\"secret=hunter5\"}\n",
            "{\"index\":{\"_id\":\"j\"}}\n{\"error\":\"secret=<redacted>\"}\n",
        ),
        (
            Some("bulk"),
            "/mine/_bulk",
            "{\"index\":{\"_id\":\"1\"}}\n{\"error\":\"secret=hunter5\"}\n",
            "{\"index\":{\"_id\":\"1\"}}\n{\"error\":\"secret=hunter5\"}\n",
        ),
    ] {
        let request = Request::new(Method::Put, target).json(body);
        let mask = KnownSecrets::default().mask(operation.map(facts_of), &request, true, false);
        assert_eq!(String::from_utf8_lossy(mask.over(&request).body()), kept, "{target}");
        // An error message of a connector or job that had a secret is told as such, in a bulk as alone.
        let is_error = operation.is_some() && !target.starts_with("/mine") && kept.contains("<redacted>");
        let found = exposures(mask.over(&request), &ParsedParts::default(), operation.map(facts_of), true);
        assert_eq!(found.iter().any(|it| matches!(it, Exposure::Error(_))), is_error, "{target}");
    }
    for (query, kept) in [
        ("q=password:hunter2", "q=%3Credacted%3E"),
        ("q=password:correcthorse", "q=%3Credacted%3E"),
        ("q=api_key%3Aa1b2c3d4&size=1", "q=%3Credacted%3E&size=1"),
        ("q=title:hunter2", "q=title:hunter2"),
    ] {
        let request = Request::new(Method::Get, format!("/x/_search?{query}"));
        let mask = KnownSecrets::default().mask(Some(facts_of("search")), &request, false, false);
        assert_eq!(mask.over(&request).query(), kept);
    }
}

#[test]
fn stubs_keep_no_credentials_in_their_header_lines() {
    let mut state = json!({ "connectors": [], "stubs": [
        {
            "request": { "path": "/x", "headers": { "Authorization": "ApiKey azE6c2VjcmV0c2VjcmV0", "x-team": "search" } },
            "response": [{ "status": 200, "headers": { "set-cookie": "sid=a1b2c3d4e5", "location": "http://u:pw@h/" } }],
        },
        { "request": { "path": "/y", "headers": { "authorization": "ApiKey *" } }, "response": { "status": 200 } },
    ] });
    let mut known = KnownSecrets::default();
    known.state(&mut state);
    let kept = json!({ "connectors": [], "stubs": [
        {
            "request": { "path": "/x", "headers": { "Authorization": "<redacted>", "x-team": "search" } },
            "response": [{ "status": 200, "headers": { "set-cookie": "<redacted>", "location": "http://<redacted>@h/" } }],
        },
        { "request": { "path": "/y", "headers": { "authorization": "ApiKey *" } }, "response": { "status": 200 } },
    ] });
    assert_eq!(state, kept);
    // From then on they are known.
    let request = Request::new(Method::Get, "/a").header("x-note", "azE6c2VjcmV0c2VjcmV0");
    let mask = known.mask(None, &request, false, false);
    assert_eq!(mask.over(&request).headers().get("x-note"), Some(REDACTED));
}

#[test]
fn however_many_names_of_secrets_there_are_a_text_is_looked_through_once() {
    // What follows the first name holds all the others.
    let text = "password=".repeat(100_000);
    let found = secrets_of_words(&text, false);
    assert_eq!((found.len(), found[0].clone()), (1, 9..text.len()));
    // A quote is closed by the next one, or by none.
    let text = "password: 'x1y2z3 ".repeat(50_000);
    assert_eq!(secrets_of_words(&text, false).len(), 25_000);
    let text = format!("{}'", "password: x ".repeat(50_000));
    assert!(secrets_of_words(&text, false).is_empty());
}

proptest! {
    #[test]
    fn a_long_text_is_suspect_where_one_of_its_parts_is(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\"sensitive\"", "\"sens", "\"secrets\"", "\"api_key\"", "\"api_", "\"encoded\"", "\"values\"", "\"values.",
            "\"valued\"", "\"configuration\":{}", "\"configuration\":{\"", "\"conf", "\\u0041", "\\u0", "\\", "\"", "\"\"",
            ":1,", "a", "name", "\"connector_id\":\"docs\",", "é",
        ]), 0..12),
        before in 0_usize..80,
    ) {
        // Blanks are no part of anything that is looked for, and make it a long one.
        let text = [" ".repeat(before), pieces.concat()].concat();
        let long = [text.clone(), " ".repeat(AT_ONCE_BYTES_MIN)].concat();
        prop_assert_eq!(is_suspect(long.as_bytes()), BytesAt::new(long.as_bytes(), [b'"', b'\\']).any(|at| hides(long.as_bytes(), at)), "{}", text);
    }
}
