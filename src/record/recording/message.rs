//! The request and the response of a line.

use bytes::Bytes;

use super::body;
use super::line::LineReader;
use crate::finding::Finding;
use crate::http::{Headers, Method, Request, Response};
use crate::json::{self, SyntaxError, Token};

const REQUEST_KEYS: &[&str] = &["method", "path", "query", "headers", "body", "body_text"];
const RESPONSE_KEYS: &[&str] = &["status", "headers", "body", "body_text"];

/// A message as it comes together.
#[derive(Default)]
struct Message {
    method: Option<Method>,
    path: Option<String>,
    query: String,
    status: Option<u16>,
    headers: Headers,
    body: Option<Vec<u8>>,
    body_text: Option<String>,
}

impl LineReader<'_, '_, '_> {
    pub(super) fn request(&mut self) -> Result<Option<Request>, SyntaxError> {
        let start = self.at();
        let before = self.notes.mistakes.len();
        let Some(message) = self.message("request", REQUEST_KEYS)? else {
            return Ok(None);
        };
        if self.notes.mistakes.len() == before {
            for (key, is_missing, example) in
                [("method", message.method.is_none(), "\"GET\""), ("path", message.path.is_none(), "\"/_connector\"")]
            {
                if is_missing {
                    self.missing(start, "the request", key, example);
                }
            }
        }
        let (Some(method), Some(path)) = (message.method, message.path) else {
            return Ok(None);
        };
        // A question mark without a query has stayed with the path.
        if path.contains('?') && (!message.query.is_empty() || path.find('?') != Some(path.len() - 1)) {
            self.wrong(start, "[path] has a question mark", "what comes after it goes to [query]");
        }
        let target = if message.query.is_empty() { path } else { format!("{path}?{}", message.query) };
        let body = message.body.map(Bytes::from).unwrap_or_default();
        Ok(Some(Request::new(method, target).with_headers(message.headers).with_body(body)))
    }

    pub(super) fn response(&mut self) -> Result<Option<Response>, SyntaxError> {
        let start = self.at();
        let before = self.notes.mistakes.len();
        let Some(message) = self.message("response", RESPONSE_KEYS)? else {
            return Ok(None);
        };
        let Some(status) = message.status else {
            if self.notes.mistakes.len() == before {
                self.missing(start, "the response", "status", "200");
            }
            return Ok(None);
        };
        let mut response = Response::new(status);
        response.headers = message.headers;
        response.body = message.body.map(Bytes::from).unwrap_or_default();
        Ok(Some(response))
    }

    fn message(&mut self, of: &str, keys: &[&'static str]) -> Result<Option<Message>, SyntaxError> {
        if self.tokens.token() != Some(Token::StartObject) {
            self.mistyped(of, "an object")?;
            return Ok(None);
        }
        let mut message = Message::default();
        let mut text_at = 0;
        let mut is_readable = true;
        while let Some(key) = self.key()? {
            match &*key {
                _ if !keys.contains(&&*key) => self.skip_unknown(&key, &format!("a {of}"), keys)?,
                "method" => message.method = self.parsed(&key, "a method such as \"GET\"", Method::of_token)?,
                "path" => message.path = self.parsed(&key, "the path, which begins with `/`", path)?,
                "query" => {
                    message.query =
                        self.string(&key, "the query without its question mark, or \"\"")?.unwrap_or_default();
                }
                "status" => {
                    let at = self.at();
                    let wanted = "a status code from 100 to 999";
                    let status = self.number(&key, wanted, 999)?;
                    // 0 says that no answer was made, as in other formats of recordings.
                    if status.is_some_and(|status| status != 0 && status < 100) {
                        self.wrong(at, "[status] is no HTTP status", format!("write {wanted}"));
                    }
                    message.status = status.and_then(|status| u16::try_from(status).ok());
                }
                "headers" => message.headers = self.headers()?,
                "body" => {
                    let at = self.at();
                    let raw = body::raw(self.bytes, &mut self.tokens)?;
                    match body::read(raw) {
                        Ok(bytes) => message.body = Some(bytes),
                        Err(wrong) => {
                            is_readable = false;
                            self.wrong(at, wrong.what, wrong.cure);
                        }
                    }
                }
                _ => {
                    text_at = self.at();
                    message.body_text = self.string(&key, "the exact text of the body as a string")?;
                }
            }
        }
        if let Some(text) = message.body_text.take().filter(|_| is_readable) {
            let json = |bytes: &[u8]| json::read_file(bytes).ok();
            let shown = message.body.as_deref().and_then(json);
            if shown.is_none() || shown != json(text.as_bytes()) {
                let what = "[body_text] is not the text of [body]";
                self.wrong(text_at, what, "delete [body_text]; it is for a JSON body that is indented");
            }
            message.body = Some(text.into_bytes());
        }
        Ok(Some(message))
    }

    fn headers(&mut self) -> Result<Headers, SyntaxError> {
        let mut headers = Headers::new();
        if self.tokens.token() != Some(Token::StartObject) {
            self.mistyped("headers", "an object of names and values")?;
            return Ok(headers);
        }
        while let Some(name) = self.key()? {
            let wanted = "the value as a string, several as a list of strings";
            match self.tokens.token() {
                Some(Token::StartArray) => {
                    while self.tokens.next()? != Some(Token::EndArray) {
                        if let Some(value) = self.string(&name, wanted)? {
                            headers.push(&name, &value);
                        }
                    }
                }
                _ => {
                    if let Some(value) = self.string(&name, wanted)? {
                        headers.push(&name, &value);
                    }
                }
            }
        }
        Ok(headers)
    }

    pub(super) fn findings(&mut self) -> Result<Vec<Finding>, SyntaxError> {
        let mut findings = Vec::new();
        if self.tokens.token() != Some(Token::StartArray) {
            self.mistyped("findings", "a list of findings, or []")?;
            return Ok(findings);
        }
        loop {
            match self.tokens.next()? {
                Some(Token::StartObject) => {
                    let at = self.at();
                    match Finding::from_later(&self.tokens.value()?) {
                        Ok((finding, strange)) => {
                            if !strange.is_empty() {
                                self.passed_over(at, &strange);
                            }
                            findings.push(finding);
                        }
                        Err(wrong) => self.wrong(at, wrong.to_string(), "write it as it was recorded, or []"),
                    }
                }
                Some(Token::EndArray) | None => return Ok(findings),
                Some(_) => self.mistyped("findings", "objects into the list")?,
            }
        }
    }
}

/// A path as it stands in a request line; a proxy's requests have a whole address or `*` there.
fn path(text: &str) -> Option<String> {
    (text.starts_with('/') || text == "*" || text.contains(':')).then(|| text.to_owned())
}
