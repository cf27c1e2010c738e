//! Recordings for other tools: a Pact, and a script of `curl`. HAR is in [`super::har`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::interaction::Interaction;
use super::playback::volatile::without_instants;
use super::redact::REDACTED;
use crate::base64;
use crate::http::{Headers, Request};
use crate::json;
use crate::target::decoded;

/// Headers that belong to the connection or to the one who calls.
const UNCOUNTED: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "content-encoding",
    "authorization",
    "cookie",
    "user-agent",
    "x-elastic-client-meta",
    "x-opaque-id",
    "date",
];

/// Members of answers whose value another server has otherwise.
const OWN: [&str; 10] = [
    "took",
    "_seq_no",
    "_primary_term",
    "_score",
    "max_score",
    "_scroll_id",
    "pit_id",
    "_version",
    "cluster_uuid",
    "id",
];

/// A Pact of version 4 with a synchronous interaction for each call, between `consumer` and Elasticsearch.
///
/// Of answers, what another server has otherwise is matched by its type. Interactions say the state that they need as
/// what came before them, since a Pact may be verified in any order.
///
/// Source: the Pact specification, version 4.
pub(crate) fn pact(calls: &[Interaction], consumer: &str) -> String {
    let interactions: Vec<Value> = calls.iter().map(pact_interaction).collect();
    let pact = json!({
        "consumer": { "name": consumer },
        "provider": { "name": "Elasticsearch" },
        "interactions": interactions,
        "metadata": {
            "pactSpecification": { "version": "4.0" },
            "elastimock": { "version": env!("CARGO_PKG_VERSION") },
        },
    });
    format!("{pact:#}\n")
}

fn pact_interaction(call: &Interaction) -> Value {
    let Interaction { seq, operation, request, response, .. } = call;
    let what = operation.clone().unwrap_or_else(|| format!("{} {}", request.method(), request.path()));
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.parameters() {
        query.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let mut asked = json!({
        "method": request.method().as_str(),
        "path": decoded_path(request.path()),
        "headers": headers(request.headers()),
    });
    if !query.is_empty() {
        asked["query"] = json!(query);
    }
    if let Some(body) = body(request.headers(), request.body()) {
        asked["body"] = body;
    }
    let mut told = json!({ "status": response.status(), "headers": headers(response.headers()) });
    if let Some(body) = body(response.headers(), response.body()) {
        let mut rules = Map::new();
        if let Some(value) = body.get("content").filter(|_| body["encoded"] == false) {
            matchers("$", value, &mut rules);
        }
        told["body"] = body;
        if !rules.is_empty() {
            told["matchingRules"] = json!({ "body": rules });
        }
    }
    json!({
        "type": "Synchronous/HTTP",
        "key": format!("{seq:08x}"),
        "description": format!("call {seq}: {what}"),
        "pending": false,
        "providerStates": [{ "name": format!("the state of the recording before call {seq}") }],
        "request": asked,
        "response": told,
    })
}

fn headers(headers: &Headers) -> Value {
    let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, value)| !UNCOUNTED.contains(name) && !value.contains(REDACTED)) {
        told.entry(name).or_default().push(value);
    }
    json!(told)
}

fn body(headers: &Headers, body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    let content_type = headers.get("content-type").unwrap_or("application/octet-stream");
    // A suffix that Elasticsearch's own types have is not known to every reader.
    let is_json = content_type.contains("json") && !content_type.contains("ndjson");
    Some(match (json::read_file(body).ok().filter(|_| is_json), std::str::from_utf8(body)) {
        (Some(value), _) => json!({ "content": value, "contentType": content_type, "encoded": false }),
        (None, Ok(text)) => json!({ "content": text, "contentType": content_type, "encoded": false }),
        (None, Err(_)) => json!({ "content": base64::encode(body), "contentType": content_type, "encoded": "base64" }),
    })
}

/// Rules for what in an answer is another in every run.
fn matchers(path: &str, value: &Value, rules: &mut Map<String, Value>) {
    let by_type = || json!({ "combine": "AND", "matchers": [{ "match": "type" }] });
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let path = if is_plain { format!("{path}.{name}") } else { format!("{path}['{name}']") };
                let is_leaf = !member.is_object() && !member.is_array() && !member.is_null();
                match OWN.contains(&name.as_str()) && is_leaf {
                    true => drop(rules.insert(path, by_type())),
                    false => matchers(&path, member, rules),
                }
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                matchers(&format!("{path}[{at}]"), element, rules);
            }
        }
        Value::String(text) if without_instants(text).is_some() => drop(rules.insert(path.to_owned(), by_type())),
        _ => {}
    }
}

/// A script for a POSIX shell that makes the calls one after the other. The server is its first argument.
pub(crate) fn curl(calls: &[Interaction]) -> String {
    let mut script = "#!/bin/sh\n# The recorded calls, one after the other. The server: the first argument.\n\
                      url=${1:-http://127.0.0.1:9200}\n"
        .to_owned();
    for Interaction { seq, operation, request, response, .. } in calls {
        let operation = operation.as_deref().map_or_else(String::new, |name| format!(" {name}"));
        script.push_str(&format!("\n# {seq}:{operation}, answered {}\n", response.status()));
        if request.target().contains(REDACTED) || String::from_utf8_lossy(request.body()).contains(REDACTED) {
            script.push_str("# what was secret is masked: put it in the place of <redacted>\n");
        }
        script.push_str(&curl_line(request));
    }
    script
}

fn curl_line(request: &Request) -> String {
    let method = match request.method().as_str() {
        "HEAD" => " --head".to_owned(),
        "GET" if request.body().is_empty() => String::new(),
        method => format!(" -X {}", quoted(method)),
    };
    // --globbing off: brackets and braces of a path are themselves; no shell reads the path.
    let mut line = format!("curl -sS -g{method} \"$url\"{}", quoted(request.target()));
    for (name, value) in request.headers().iter() {
        if (!UNCOUNTED.contains(&name) || name == "x-opaque-id") && !value.contains(REDACTED) {
            line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
    }
    match std::str::from_utf8(request.body()) {
        Ok("") => {}
        // A body that begins with @ would be taken for a file's name.
        Ok(text) if !text.starts_with('@') => line.push_str(&format!(" --data-binary {}", quoted(text))),
        _ => {
            let encoded = base64::encode(request.body());
            line = format!("printf %s {} | base64 -d | {line} --data-binary @-", quoted(&encoded));
        }
    }
    line.push_str("; echo\n");
    line
}

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn decoded_path(path: &str) -> String {
    // An escaped slash stays one.
    path.split('/')
        .map(|step| {
            if step.to_ascii_uppercase().contains("%2F") { step.to_owned() } else { decoded(step, false).into_owned() }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::recording::Recording;

    fn full_sync() -> Vec<Interaction> {
        let path = format!("{}/fixtures/recordings/full_sync.ndjson", env!("CARGO_MANIFEST_DIR"));
        Recording::parse("f", &std::fs::read(path).expect("a file")).expect("a recording").interactions
    }

    #[test]
    fn a_pact_has_every_call_and_no_credential() {
        let calls = full_sync();
        let text = pact(&calls, "worker");
        assert!(!text.contains("authorization") && !text.contains(REDACTED), "{text}");
        let pact: Value = serde_json::from_str(&text).expect("JSON");
        let interactions = pact["interactions"].as_array().expect("a list");
        assert_eq!(interactions.len(), calls.len());
        let search = &interactions[27];
        assert_eq!(search["request"]["query"], json!({ "scroll": ["5m"] }));
        assert_eq!(search["response"]["matchingRules"]["body"]["$.took"]["matchers"][0]["match"], "type");
        let descriptions: std::collections::BTreeSet<&str> =
            interactions.iter().filter_map(|it| it["description"].as_str()).collect();
        assert_eq!(descriptions.len(), calls.len(), "descriptions are unique");
    }

    #[test]
    fn a_script_has_every_call() {
        let calls = full_sync();
        let script = curl(&calls);
        assert_eq!(script.matches("\ncurl ").count(), calls.len());
        assert!(script.contains(r#"curl -sS -g -X 'POST' "$url"'/_connector/_sync_job' -H 'accept: */*'"#), "{script}");
    }
}
