//! HAR 1.2, as browsers, proxies and elastimock write it, and the cassettes of Polly, which are HAR.
//!
//! Source: the HAR 1.2 specification; the persister of Polly.JS.

use super::part::DocumentPart;
use super::{ImportedCall, push_header, target_of};
use crate::base64;
use crate::clock::Timestamp;
use crate::http::{Headers, Request, Response};
use crate::record::recording::RecordingDiagnostic;

const CURE: &str = "give the file as its tool has written it, or delete the entry";

pub(super) fn read(root: DocumentPart<'_>) -> Result<Vec<ImportedCall>, Box<RecordingDiagnostic>> {
    let entries = root.need("log", CURE)?.need("entries", CURE)?;
    entries.items()?.filter_map(|entry| call(&entry).transpose()).collect()
}

/// The call of an entry; none of one that got no answer.
fn call(entry: &DocumentPart<'_>) -> Result<Option<ImportedCall>, Box<RecordingDiagnostic>> {
    let (asked, told) = (entry.need("request", CURE)?, entry.need("response", CURE)?);
    // A request that was cut off or blocked has status 0.
    if told.need("status", CURE)?.value().as_i64() == Some(0) {
        return Ok(None);
    }
    let url = asked.need("url", CURE)?;
    let Some((target, host)) = target_of(&url.text()?) else {
        return Err(url.wrong("this is no URL", CURE));
    };
    let mut headers = headers(&asked)?;
    if let (None, Some(host)) = (headers.get("host"), host) {
        headers.push("host", &host);
    }
    let method = asked.need("method", CURE)?.method()?;
    let mut request = Request::new(method, target).with_headers(headers);
    if let Some(data) = asked.get("postData") {
        if request.headers().get("content-type").is_none()
            && let Some(mime) = data.text_of("mimeType")?.filter(|mime| !mime.is_empty())
        {
            request = request.header("content-type", &mime);
        }
        let is_packed = data.text_of("_encoding")?.or(data.text_of("encoding")?).as_deref() == Some("base64");
        request = request.with_body(body(&data, is_packed)?);
    }
    let mut response = Response::new(told.need("status", CURE)?.status()?);
    response.headers = self::headers(&told)?;
    if let Some(content) = told.get("content") {
        let is_packed = content.text_of("encoding")?.as_deref() == Some("base64");
        response.body = body(&content, is_packed)?.into();
        if response.headers.get("content-type").is_none()
            && let Some(mime) = content.text_of("mimeType")?.filter(|mime| !mime.is_empty())
        {
            response.headers.push("content-type", &mime);
        }
    }
    let length = response.body.len();
    if length > 0 {
        response.headers.push("content-length", &length.to_string());
    }
    let at = entry.text_of("startedDateTime")?.and_then(|text| Timestamp::parse_lenient(&text).ok());
    let took_ms = entry.get("time").and_then(|time| time.value().as_f64()).unwrap_or_default();
    let took_us = (took_ms * 1000.0).clamp(0.0, f64::from(u32::MAX)) as u32;
    Ok(Some(ImportedCall { request, response, at, took_us }))
}

fn headers(of: &DocumentPart<'_>) -> Result<Headers, Box<RecordingDiagnostic>> {
    let mut headers = Headers::new();
    if let Some(lines) = of.get("headers") {
        for line in lines.items()? {
            let value = line.text_of("value")?.unwrap_or_default();
            push_header(&mut headers, &line.need("name", CURE)?.text()?, &value);
        }
    }
    Ok(headers)
}

fn body(of: &DocumentPart<'_>, is_packed: bool) -> Result<Vec<u8>, Box<RecordingDiagnostic>> {
    let Some(text) = of.get("text") else { return Ok(Vec::new()) };
    let content = text.text()?;
    match is_packed {
        true => base64::decode(&content).ok_or_else(|| text.wrong("this is no base64", CURE)),
        false => Ok(content.into_bytes()),
    }
}
