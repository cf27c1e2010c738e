//! [`HostAndPort`]: how a client calls the mock, and the places of a call where that stands.
//!
//! A mock listens on a free port as a rule, another one in every run. Clients name it in `host`, `origin`
//! and `referer`, and answers repeat it (`GET /_nodes/http`). A recording has `127.0.0.1:[port]` there, so that the
//! same story gives the same bytes, whatever the port. A playback compares without regard to the address,
//! and answers with the one by which it is called.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::interaction::Interaction;
use crate::finding::Finding;
use crate::http::{Headers, Request, Response};

/// What stands in a recording for the mock's port.
pub(crate) const PORT: &str = "[port]";

/// What stands for the whole address where one must be like the other.
const ANY: &str = "[mock]";

/// Host and port as a client's `host` header has them; the port may be [`PORT`].
#[derive(Clone, Copy, Debug)]
struct HostAndPort<'a> {
    whole: &'a str,
    host: &'a str,
}

impl<'a> HostAndPort<'a> {
    /// None if the client gave no port, and so none can stand anywhere.
    fn of(request: &'a Request) -> Option<HostAndPort<'a>> {
        let whole = request.headers().get("host")?;
        let (host, port) = whole.rsplit_once(':')?;
        let is_host = !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
        let is_port = port == PORT || (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        (is_host && is_port).then_some(HostAndPort { whole, host })
    }

    /// The text with `to` in every place of the address; none if it has no such place.
    fn replace(&self, text: &str, to: &str) -> Option<String> {
        if text.len() < self.whole.len() {
            return None;
        }
        let mut replaced: Option<String> = None;
        let mut from = 0;
        for (at, _) in text.match_indices(self.whole) {
            if begins_name(&text.as_bytes()[..at])
                || text[at + self.whole.len()..].starts_with(|c: char| c.is_ascii_digit())
            {
                continue;
            }
            let out = replaced.get_or_insert_default();
            out.push_str(&text[from..at]);
            out.push_str(to);
            from = at + self.whole.len();
        }
        let mut replaced = replaced?;
        replaced.push_str(&text[from..]);
        Some(replaced)
    }

    /// A target with `to` in every place of the address, also where its colon is escaped.
    fn replace_in_target(&self, target: &str, to: &str) -> Option<String> {
        // Nearly no target has an address.
        if !target.contains(&self.whole[self.host.len() + 1..]) {
            return None;
        }
        let mut replaced = self.replace(target, to);
        for colon in ["%3A", "%3a"] {
            let escape = |address: &str| address.rsplit_once(':').map(|(host, port)| format!("{host}{colon}{port}"));
            let Some(whole) = escape(self.whole) else { continue };
            let escaped = HostAndPort { whole: &whole, host: self.host };
            let to = escape(to).unwrap_or_else(|| to.to_owned());
            replaced = escaped.replace(replaced.as_deref().unwrap_or(target), &to).or(replaced);
        }
        replaced
    }

    fn replace_in_value(&self, value: &mut Value, to: &str) {
        match value {
            Value::String(text) => {
                if let Some(replaced) = self.replace(text, to) {
                    *text = replaced;
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.replace_in_value(element, to)),
            Value::Object(members) => members.values_mut().for_each(|member| self.replace_in_value(member, to)),
            _ => {}
        }
    }

    /// Headers and body with `to` in place of the address; the length is put right if it was right before.
    fn replace_in_message(&self, headers: &mut Headers, body: &mut Bytes, to: &str) {
        let length = body.len().to_string();
        let replaced = std::str::from_utf8(body).ok().and_then(|text| self.replace(text, to));
        let is_replaced = replaced.is_some();
        if let Some(replaced) = replaced {
            *body = replaced.into();
        }
        if !is_replaced && !headers.as_text().contains(self.whole) {
            return;
        }
        let mut put = Headers::with_capacity(8, headers.as_text().len());
        for (name, value) in headers.iter() {
            match name {
                "content-length" if is_replaced && value == length => put.push_number(name, body.len()),
                _ => put.push_plain(name, &self.replace(value, to).map_or(Cow::Borrowed(value), Cow::Owned)),
            }
        }
        *headers = put;
    }

    fn replace_in_request(&self, request: &Request, to: &str) -> Request {
        let (mut headers, mut body) = (request.headers().clone(), request.body().clone());
        self.replace_in_message(&mut headers, &mut body, to);
        let target = self.replace_in_target(request.target(), to);
        let target = target.unwrap_or_else(|| request.target().to_owned());
        Request::new(request.method().clone(), target).with_headers(headers).with_body(body)
    }
}

/// Whether what follows these bytes goes on with a name: `notes:9200` is not `es:9200`.
fn begins_name(before: &[u8]) -> bool {
    match before {
        // Escapes of a JSON text and of a URL.
        [.., b'\\', _] | [.., b'%', _, _] => false,
        [.., last] => last.is_ascii_alphanumeric() || b".-_".contains(last),
        [] => false,
    }
}

/// The call with its port named, wherever it stands.
pub(crate) fn name_port(mut interaction: Interaction) -> Interaction {
    let asked = interaction.request.clone();
    if let Some(address) = HostAndPort::of(&asked) {
        let named = format!("{}:{PORT}", address.host);
        interaction.request = address.replace_in_request(&asked, &named);
        let Response { headers, body, .. } = &mut interaction.response;
        address.replace_in_message(headers, body, &named);
        for finding in &mut interaction.findings {
            let mut told = finding.to_value();
            address.replace_in_value(&mut told, &named);
            *finding = Finding::from_value(&told).unwrap_or_else(|_| finding.clone());
        }
    }
    interaction
}

/// The request as it would be whatever the mock's address; where its header lines do not count, they may be as they are.
pub(crate) fn anywhere(request: &Request, headers_count: bool) -> Cow<'_, Request> {
    let Some(address) = HostAndPort::of(request) else { return Cow::Borrowed(request) };
    let has_address = || {
        let in_body = std::str::from_utf8(request.body()).is_ok_and(|text| address.replace(text, ANY).is_some());
        in_body || address.replace_in_target(request.target(), ANY).is_some()
    };
    match headers_count || has_address() {
        true => Cow::Owned(address.replace_in_request(request, ANY)),
        false => Cow::Borrowed(request),
    }
}

/// Whether the mock's address stands in the answer to a call.
pub(crate) fn is_in_answer(interaction: &Interaction) -> bool {
    HostAndPort::of(&interaction.request).is_some_and(|address| {
        let Response { headers, body, .. } = &interaction.response;
        let is_in = |text: &str| text.contains(address.whole);
        is_in(headers.as_text()) || std::str::from_utf8(body).is_ok_and(is_in)
    })
}

/// The answer to a recorded request as the one who sends it now must have it.
pub(crate) fn readdress(response: &mut Response, recorded: &Request, sent: &Request) {
    if let (Some(from), Some(to)) = (HostAndPort::of(recorded), sent.headers().get("host")) {
        from.replace_in_message(&mut response.headers, &mut response.body, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::http::Method;
    use serde_json::json;

    fn call(host: &str, target: &str, body: &str, answer: &str) -> Interaction {
        let mut response = Response::new(200);
        response.headers.push("location", &format!("http://{host}/x"));
        response.headers.push("content-length", &answer.len().to_string());
        response.body = answer.to_owned().into();
        let request =
            Request::new(Method::Post, target).header("host", host).header("origin", &format!("http://{host}"));
        let findings =
            vec![Finding::from_value(&json!({ "rule": "r", "evidence": { "seen": host } })).expect("a finding")];
        let request = request.with_body(body.to_owned());
        Interaction {
            seq: 1,
            at: Timestamp::default(),
            operation: None,
            request,
            response,
            findings,
            took_us: 0,
            scope: None,
        }
    }

    #[test]
    fn the_port_is_named_wherever_a_call_has_it() {
        for host in ["127.0.0.1", "localhost", "[::1]", "es.internal"] {
            let of = |port: &str| {
                call(
                    &format!("{host}:{port}"),
                    &format!("/x?a={host}:{port}&b=http%3A%2F%2F{host}%3A{port}%2F"),
                    &format!(r#"{{"at":"http://{host}:{port}/","also":"\n{host}:{port}"}}"#),
                    &format!(r#"{{"publish_address":"{host}:{port}"}}"#),
                )
            };
            let named = name_port(of("9200"));
            assert_eq!(named, name_port(of("45123")));
            assert_eq!(named, name_port(named.clone()));
            let text = format!("{named:?}");
            assert!(!text.contains("9200"), "{text}");
            assert_eq!(named.request.headers().get("host"), Some(&*format!("{host}:[port]")));
            assert_eq!(named.response.headers().get("content-length"), Some(&*named.response.body().len().to_string()));
        }
    }

    #[test]
    fn what_only_looks_like_the_address_stays() {
        let body = r#"{"a":"es:92001","b":"notes:9200","c":"es:9201","es":9200,"d":"other.es:9200"}"#;
        let named = name_port(call("es:9200", "/", body, ""));
        assert_eq!(named.request.body(), body);
        for host in ["127.0.0.1", "es", "::1", "a:b", ":9200", "es:"] {
            let told = call(host, "/", body, "");
            assert_eq!(name_port(told.clone()), told, "{host}");
        }
    }

    #[test]
    fn a_recorded_answer_is_readdressed_to_whoever_asks() {
        let recorded = name_port(call("127.0.0.1:9200", "/", "", r#"{"publish_address":"127.0.0.1:9200"}"#));
        let mut response = recorded.response.clone();
        let sent = Request::new(Method::Get, "/").header("host", "localhost:45123");
        readdress(&mut response, &recorded.request, &sent);
        assert_eq!(response.text(), r#"{"publish_address":"localhost:45123"}"#);
        assert_eq!(response.headers().get("content-length"), Some("37"));
        assert_eq!(response.headers().get("location"), Some("http://localhost:45123/x"));
    }
}
