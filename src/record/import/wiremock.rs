//! Mappings of WireMock: one, or all that its admin API gives. A mapping is a call only if it says which one: of a
//! pattern the call is guessed where that can be, and told.
//!
//! Source: WireMock's documentation of stubbing and request matching, version 3.

use serde_json::Value;

use super::ImportedCall;
use super::part::DocumentPart;
use super::push_header;
use crate::base64;
use crate::http::{Headers, Method, Request, Response};
use crate::record::recording::RecordingDiagnostic;
use crate::target;

const CURE: &str = "give the mapping as WireMock has it, or delete it";

pub(super) fn read(
    root: DocumentPart<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<ImportedCall>, Box<RecordingDiagnostic>> {
    let mappings: Vec<DocumentPart<'_>> = match root.get("mappings") {
        Some(mappings) => mappings.items()?.collect(),
        None if root.value().is_array() => root.items()?.collect(),
        None => vec![root],
    };
    mappings.iter().filter_map(|mapping| call(mapping, notes).transpose()).collect()
}

fn call(mapping: &DocumentPart<'_>, notes: &mut Vec<String>) -> Result<Option<ImportedCall>, Box<RecordingDiagnostic>> {
    let (asked, told) = (mapping.need("request", CURE)?, mapping.need("response", CURE)?);
    let method = asked.get("method").filter(|method| method.value() != "ANY");
    let name = mapping.text_of("name")?.or(mapping.text_of("id")?).unwrap_or_else(|| "a mapping".to_owned());
    let Some(exact) = asked.get("url").or(asked.get("urlPath")) else {
        notes.push(format!("{name} is left out: it has a pattern in place of a path"));
        return Ok(None);
    };
    let mut target = exact.text()?;
    if !target.starts_with('/') {
        return Err(exact.wrong("this is no path", "begin it with `/`"));
    }
    if told.get("fault").is_some() || told.get("proxyBaseUrl").is_some() {
        notes.push(format!("{name} is left out: its answer is no answer of HTTP"));
        return Ok(None);
    }
    let method = match method {
        None => {
            notes.push(format!("{name} is for any method: GET is assumed"));
            Method::Get
        }
        Some(method) => method.method()?,
    };
    for (at, (name, value)) in matched(&asked, "queryParameters")?.into_iter().enumerate() {
        target.push(if at == 0 && !target.contains('?') { '?' } else { '&' });
        target.push_str(&format!("{}={}", escaped(&name), escaped(&value)));
    }
    let mut headers = Headers::new();
    matched(&asked, "headers")?.iter().for_each(|(name, value)| push_header(&mut headers, name, value));
    let mut request = Request::new(method, target).with_headers(headers);
    if let Some(patterns) = asked.get("bodyPatterns") {
        for pattern in patterns.items()? {
            if let Some(json) = pattern.get("equalToJson") {
                request = request.json(as_json(&json)?);
            } else if let Some(text) = pattern.get("equalTo") {
                request = request.with_body(text.text()?);
            } else {
                notes.push(format!("{name}: a pattern of its body is left out"));
            }
        }
    }
    let mut response = Response::new(told.get("status").map_or(Ok(200), |status| status.status())?);
    if let Some(lines) = told.get("headers")
        && let Value::Object(members) = lines.value()
    {
        for name in members.keys() {
            let Some(values) = lines.get(name) else { continue };
            match values.value() {
                Value::Array(_) => {
                    for value in values.items()? {
                        push_header(&mut response.headers, name, &value.text()?);
                    }
                }
                _ => push_header(&mut response.headers, name, &values.text()?),
            }
        }
    }
    if let Some(json) = told.get("jsonBody") {
        response.body = json.value().to_string().into();
    } else if let Some(packed) = told.get("base64Body") {
        let bytes = base64::decode(&packed.text()?).ok_or_else(|| packed.wrong("this is no base64", CURE))?;
        response.body = bytes.into();
    } else if let Some(text) = told.get("body") {
        response.body = text.text()?.into();
    } else if told.get("bodyFileName").is_some() {
        notes.push(format!("{name}: its body stands in another file, and is left out"));
    }
    if !response.body.is_empty() {
        response.headers.push("content-length", &response.body.len().to_string());
    }
    Ok(Some(ImportedCall { request, response, at: None, took_us: 0 }))
}

/// Names whose value must be equal to something.
fn matched(asked: &DocumentPart<'_>, name: &str) -> Result<Vec<(String, String)>, Box<RecordingDiagnostic>> {
    let Some(matchers) = asked.get(name) else { return Ok(Vec::new()) };
    let Value::Object(members) = matchers.value() else {
        return Err(matchers.wrong("these are no matchers", CURE));
    };
    let mut found = Vec::new();
    for name in members.keys() {
        if let Some(equal) = matchers.get(name).and_then(|matcher| matcher.get("equalTo")) {
            found.push((name.clone(), equal.text()?));
        }
    }
    Ok(found)
}

/// JSON as it is, or as a text of it.
fn as_json(part: &DocumentPart<'_>) -> Result<String, Box<RecordingDiagnostic>> {
    match part.value() {
        Value::String(text) => Ok(text.clone()),
        value => Ok(value.to_string()),
    }
}

fn escaped(text: &str) -> String {
    target::encoded(text, target::QUERY_VALUE)
}
