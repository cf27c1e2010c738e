//! Calls as HAR 1.2, which browsers' developer tools and proxies read.
//!
//! Source: the HAR 1.2 specification. Members of our own begin with an underscore, as it asks for.

use serde_json::{Value, json};

use super::address;
use super::interaction::Interaction;
use crate::base64;
use crate::http::Headers;
use crate::target;

/// One HAR document with every call, in order, and a line end.
pub(crate) fn write(calls: &[Interaction]) -> String {
    let entries: Vec<Value> = calls.iter().map(entry).collect();
    let log = json!({ "log": {
        "version": "1.2",
        "creator": { "name": "elastimock", "version": env!("CARGO_PKG_VERSION") },
        "entries": entries,
    } });
    format!("{log:#}\n")
}

fn entry(call: &Interaction) -> Value {
    let Interaction { seq, at, operation, request, response, findings, took_us, .. } = call;
    let ms = f64::from(*took_us) / 1000.0;
    // A URL in a HAR is absolute; a recording knows no host but the one that the client named.
    let host = request.headers().get("host").unwrap_or("elastimock.invalid");
    // A port that is only named cannot stand in a URL.
    let host = host.strip_suffix(address::PORT).and_then(|host| host.strip_suffix(':')).unwrap_or(host);
    let target = request.target();
    let url = if target.starts_with('/') { format!("http://{host}{target}") } else { target.to_owned() };
    let parameters = target::parameters(request.query());
    let query: Vec<Value> = parameters.map(|it| json!({ "name": it.name, "value": it.value })).collect();
    let mut shown = json!({
        "method": request.method().as_str(),
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(request.headers()),
        "queryString": query,
        "headersSize": -1,
        "bodySize": request.body().len(),
    });
    if !request.body().is_empty() {
        let (text, encoding) = text(request.body());
        let mime = request.headers().get("content-type").unwrap_or("application/octet-stream");
        shown["postData"] = json!({ "mimeType": mime, "text": text });
        if let Some(encoding) = encoding {
            shown["postData"]["_encoding"] = encoding.into();
        }
    }
    let (text, encoding) = text(response.body());
    let mut content = json!({
        "size": response.body().len(),
        "mimeType": response.headers().get("content-type").unwrap_or(""),
        "text": text,
    });
    if let Some(encoding) = encoding {
        content["encoding"] = encoding.into();
    }
    json!({
        "startedDateTime": at.to_string(),
        "time": ms,
        "request": shown,
        "response": {
            "status": response.status(),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(response.headers()),
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": response.body().len(),
        },
        "cache": {},
        "timings": { "send": 0, "wait": ms, "receive": 0 },
        "_seq": seq,
        "_operation": operation,
        "_findings": findings,
    })
}

fn headers(headers: &Headers) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// A body as text; one that is none in base64.
fn text(body: &[u8]) -> (String, Option<&'static str>) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (base64::encode(body), Some("base64")),
    }
}
