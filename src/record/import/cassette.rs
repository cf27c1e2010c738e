//! Cassettes of vcrpy, in YAML and in JSON, and of Ruby's VCR, which look alike.
//!
//! Source: the serializers of vcrpy 4 to 8 and of VCR 6.

use serde_json::Value;

use super::part::DocumentPart;
use super::{ImportedCall, push_header, target_of};
use crate::base64;
use crate::clock::Timestamp;
use crate::http::{Headers, Request, Response};
use crate::record::recording::RecordingDiagnostic;

const CURE: &str = "give the cassette as its tool has written it, or delete the interaction";

pub(super) fn read(root: DocumentPart<'_>) -> Result<Vec<ImportedCall>, Box<RecordingDiagnostic>> {
    let interactions = match root.get("interactions") {
        Some(interactions) => interactions,
        None => root.need("http_interactions", CURE)?,
    };
    interactions.items()?.map(|interaction| call(&interaction)).collect()
}

fn call(interaction: &DocumentPart<'_>) -> Result<ImportedCall, Box<RecordingDiagnostic>> {
    let (asked, told) = (interaction.need("request", CURE)?, interaction.need("response", CURE)?);
    let uri = asked.need("uri", CURE)?;
    let Some((target, host)) = target_of(&uri.text()?) else {
        return Err(uri.wrong("this is no URL", CURE));
    };
    let mut headers = headers(&asked)?;
    if let (None, Some(host)) = (headers.get("host"), host) {
        headers.push("host", &host);
    }
    let method = asked.need("method", CURE)?.method()?;
    let request = Request::new(method, target).with_headers(headers).with_body(body(asked.get("body"))?);
    // vcrpy: {code, message}; its first versions: status_code.
    let status = match (told.get("status"), told.get("status_code")) {
        (Some(status), _) if status.value().is_object() => status.need("code", CURE)?.status()?,
        (Some(status), _) => status.status()?,
        (None, Some(status)) => status.status()?,
        (None, None) => return Err(told.wrong("there is no [status]", CURE)),
    };
    let mut response = Response::new(status);
    response.headers = self::headers(&told)?;
    response.body = body(told.get("body").or_else(|| told.get("content")))?.into();
    if !response.body.is_empty() {
        response.headers.push("content-length", &response.body.len().to_string());
    }
    let at = interaction.text_of("recorded_at")?.and_then(|text| Timestamp::parse_lenient(&text).ok());
    Ok(ImportedCall { request, response, at, took_us: 0 })
}

/// Names with a value each, or with lists of them.
fn headers(of: &DocumentPart<'_>) -> Result<Headers, Box<RecordingDiagnostic>> {
    let mut headers = Headers::new();
    let Some(lines) = of.get("headers") else { return Ok(headers) };
    let Value::Object(members) = lines.value() else {
        return Err(lines.wrong("these are no headers", CURE));
    };
    for name in members.keys() {
        let Some(values) = lines.get(name) else { continue };
        match values.value() {
            Value::Array(_) => {
                for value in values.items()? {
                    push_header(&mut headers, name, &value.text()?);
                }
            }
            _ => push_header(&mut headers, name, &values.text()?),
        }
    }
    Ok(headers)
}

/// A text, `{string: …}`, `{base64_string: …}`, or in a cassette of JSON what was sent itself.
fn body(of: Option<DocumentPart<'_>>) -> Result<Vec<u8>, Box<RecordingDiagnostic>> {
    let Some(body) = of else { return Ok(Vec::new()) };
    let Value::Object(members) = body.value() else {
        return Ok(body.text()?.into_bytes());
    };
    if let Some(packed) = body.get("base64_string").or_else(|| body.get("base64")) {
        let text = packed.text()?.replace(['\n', ' '], "");
        return base64::decode(&text).ok_or_else(|| packed.wrong("this is no base64", CURE));
    }
    match body.get("string") {
        Some(text) => Ok(text.text()?.into_bytes()),
        None if members.contains_key("string") || members.is_empty() => Ok(Vec::new()),
        None => Ok(body.value().to_string().into_bytes()),
    }
}
