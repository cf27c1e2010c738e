//! What is secret goes to its client and nowhere else: not into the journal, nor a recording, nor a finding.

use elastimock::{Method, Request};
use serde_json::json;

use crate::support::{Door, EngineDoor, T0, cluster};

#[test]
fn secrets_and_sensitive_settings_never_reach_the_journal() {
    let mut door = EngineDoor::new(cluster("connectors"), T0);
    let mut send = |method: &str, target: &str, body: Option<serde_json::Value>| {
        let request = Request::new(Method::new(method), target);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").with_body(body.to_string()),
            None => request,
        };
        door.send(&request)
    };
    let id = send("POST", "/_connector/_secret", Some(json!({ "value": "hush-posted" }))).json()["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    assert_eq!(send("GET", &format!("/_connector/_secret/{id}"), None).json()["value"], "hush-posted");
    assert_eq!(send("PUT", "/_connector/_secret/db", Some(json!({ "value": "hush-put" }))).status, 201);
    // A misspelt call is refused, and what it says is no less secret.
    assert_eq!(send("PUT", "/_connector/_secret/db", Some(json!({ "value": "hush-put", "x": 1 }))).status, 400);
    let fields = json!({ "configuration": { "pin": { "label": "PIN", "sensitive": true, "value": "hush-1" } } });
    assert_eq!(send("PUT", "/_connector/A/_configuration", Some(fields)).status, 200);
    assert_eq!(send("PUT", "/_connector/A/_configuration", Some(json!({ "values": { "pin": "hush-2" } }))).status, 200);
    let seen = send("GET", "/_connector/A", None).json();
    assert_eq!(seen["configuration"]["pin"]["value"], "hush-2");
    let list = send("GET", "/_connector", None);
    assert!(list.text().contains("hush-2"));

    let recording = door.engine.recording().to_text();
    assert!(!recording.contains("hush"), "{recording}");
    assert!(recording.contains(r#""values":{"pin":"<redacted>"}"#), "{recording}");
    assert!(!format!("{:?}", door.engine.findings(true)).contains("hush"));
}

#[test]
fn answers_that_quote_a_body_which_is_no_json_are_kept_without_the_quotation() {
    let mut door = EngineDoor::new(cluster("connectors"), T0);
    let mut send = |method: &str, target: &str, body: &str| {
        let request = Request::new(Method::new(method), target);
        door.send(&request.header("content-type", "application/json").with_body(body.to_owned()))
    };
    let secret = "/_connector/_secret/db";
    for body in [
        r#"{"value":"hush","value":"hush"}"#,
        r#"{"value":"hush"#,
        r#"{"value":hush}"#,
        r#"{"value":["hush"]}"#,
        r#"{"valu":"hush"}"#,
        r#""hush""#,
        r#"["hush"]"#,
        "hush",
    ] {
        assert_eq!(send("PUT", secret, body).status, 400, "{body}");
    }
    // The client itself hears all that Elasticsearch says.
    assert!(send("PUT", secret, r#"{"value":"hush","value":1}"#).text().contains("hush"));
    let fields = r#"{"configuration":{"pin":{"label":"PIN","sensitive":true,"value":"hush"}}}"#;
    let configuration = "/_connector/A/_configuration";
    assert_eq!(send("PUT", configuration, fields).status, 200);
    assert_eq!(send("PUT", configuration, r#"{"values":{"pin":"hush","pin":"hush"}}"#).status, 400);
    // What hides nothing is quoted.
    assert_eq!(send("PUT", "/_connector/A/_name", r#"{"name":"seen","name":"twice"}"#).status, 400);

    let recording = door.engine.recording().to_text();
    assert!(!recording.contains("hush"), "{recording}");
    assert!(recording.contains("seen") && recording.contains("Duplicate field 'name'"), "{recording}");
    assert!(!format!("{:?}", door.engine.findings(true)).contains("hush"));
}
