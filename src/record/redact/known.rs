//! [`KnownSecrets`]: the values that are known to be secret. It masks a call, and learns from it on the way.
//!
//! What the rule of [`super::sieve`] finds in a body is masked there, and looked for from then on wherever a
//! text says nothing of itself: in paths, queries, headers, error messages, searches, and answers from which
//! a filter has taken the mark.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use super::needles::Needles;
use super::sieve::{Marked, SecretsFound, SieveScope};
use super::{
    HINTS, MASK_IN_TARGET, REDACTED, is_note, is_secret_header, is_secret_parameter, is_suspect, note,
    secrets_of_header, secrets_of_words, unescaped, user_info, user_info_after, walk,
};
use crate::base64;
use crate::es::http::endpoint::{RowFacts, RowSubject, Secrecy};
use crate::http::{Headers, Request};
use crate::limits::{SECRET_BYTES_MAX, SECRET_BYTES_MIN, SECRETS_KNOWN_MAX, SECRETS_OF_CALL_MAX};
use crate::target::{self, RawParameter};

/// Bytes from which on a secret is masked within a longer word too.
const LONG_BYTES: usize = 12;

/// Bytes of the shortest text that the answer to the call that said it does not repeat.
const OWN_BYTES_MIN: usize = 3;

/// What is masked in a request, and must not be repeated by what is kept of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    request: Option<Box<Request>>,
    scope: SieveScope,
    /// Whether the body has been masked, so that whatever quotes it has to be masked too.
    hides: bool,
    /// Secrets of this very body that are too short to be looked for elsewhere, and words of what could not
    /// be read.
    own: Vec<Box<[u8]>>,
    /// Whether its header lines are known to be told as they are, with nothing in them that reads like a mask.
    pub shows_headers: bool,
}

impl Mask {
    /// The request as it may be kept and told.
    pub(crate) fn over<'r>(&'r self, request: &'r Request) -> &'r Request {
        self.request.as_deref().unwrap_or(request)
    }

    /// Whether the request may be kept and told as it came.
    pub(crate) fn is_empty(&self) -> bool {
        self.request.is_none()
    }

    /// Whether the body as it may be told is another than the one that was sent.
    pub(crate) fn hides_body(&self) -> bool {
        self.hides
    }
}

/// The values that are known to be secret, and the settings that have been marked; bounded, the first ones stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownSecrets {
    values: Needles,
    marked: Marked,
    /// The last credential of a header, which most clients send with every call.
    credential: Box<str>,
}

impl KnownSecrets {
    /// How many values are known.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    // ── requests and answers ──────────────────────────────────────────────────────────────────────────

    /// Learns the secrets of a request and masks them. `facts` are those of its operation;
    /// `is_json` says that the body has been read as JSON; `is_plain` that the header lines have been looked at before
    /// and have nothing to mask.
    pub(crate) fn mask(&mut self, facts: Option<&RowFacts>, request: &Request, is_json: bool, is_plain: bool) -> Mask {
        let known = self.len();
        let mut mask = Mask {
            request: None,
            scope: scope(facts, request.path()),
            hides: false,
            own: Vec::new(),
            shows_headers: false,
        };
        let learnt = self.request_body(&mut mask, request, is_json);
        let learnt = match has_words(facts, request) {
            true => self.in_words(learnt.as_ref().unwrap_or(request.body()), &mut mask.own).or(learnt),
            false => learnt,
        };
        let headers = if is_plain { None } else { self.credentials(request.headers(), &mut mask.own) };
        let target = if request.is_bare() { None } else { self.secret_parameters(request.target(), &mut mask.own) };
        // All is known by now that this call could teach.
        if self.values.is_empty() && learnt.is_none() && headers.is_none() && target.is_none() {
            return mask;
        }
        let body = match self.within(learnt.as_deref().unwrap_or(request.body()), &[], is_json) {
            Some(masked) => Some(Bytes::from(masked)),
            None => learnt,
        };
        let headers = if is_plain && self.len() == known {
            None
        } else {
            self.in_headers(headers.as_ref().unwrap_or(request.headers())).or(headers)
        };
        let target = match self.in_target(target.as_deref().unwrap_or(request.target())) {
            Some(masked) => Some(masked),
            None => target,
        };
        mask.hides = body.is_some();
        if body.is_some() || headers.is_some() || target.is_some() {
            let target = target.map_or_else(|| request.target().into(), String::into_boxed_str);
            let masked = Request::new(request.method().clone(), target)
                .with_headers(headers.unwrap_or_else(|| request.headers().clone()))
                .with_body(body.unwrap_or_else(|| request.body().clone()));
            mask.request = Some(Box::new(masked));
        }
        mask
    }

    /// The body of the answer to a call as it may be kept; what it says is learnt too, an API key for instance.
    pub(crate) fn answer(&mut self, mask: &Mask, status: u16, bytes: &Bytes) -> Bytes {
        let scope = if matches!(mask.scope, SieveScope::Unknown | SieveScope::Settings) {
            SieveScope::Plain
        } else {
            mask.scope
        };
        let mut masked = None;
        if !bytes.is_empty() && (scope != SieveScope::Plain || is_suspect(bytes)) {
            let (places, broken) = self.look(bytes, scope, &mut Vec::new());
            masked = replaced_at(bytes, &places, broken.filter(|_| is_suspect(bytes)));
        }
        if mask.hides {
            let bytes = masked.as_deref().unwrap_or(bytes);
            masked = replaced_at(bytes, &quotes(bytes), None).or(masked);
        }
        let own = if status < 400 { &[][..] } else { &mask.own };
        let masked = self.within(masked.as_deref().unwrap_or(bytes), own, true).map(Bytes::from).or(masked);
        masked.unwrap_or_else(|| bytes.clone())
    }

    /// A text about a call, such as the reason of its refusal, as it may be told.
    pub(crate) fn told<'t>(&self, mask: &Mask, text: &'t str) -> Cow<'t, str> {
        if text.is_empty() {
            return Cow::Borrowed(text);
        }
        if mask.hides && text.contains(QUOTES) {
            return Cow::Borrowed(REDACTED);
        }
        match self.replaced(text.as_bytes(), &mask.own, false) {
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// A text with the secrets masked that are known.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.values.is_empty() {
            return Cow::Borrowed(text);
        }
        match self.replaced(text.as_bytes(), &[], false) {
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// Header lines of another server's answer with the credentials masked that they give out, which are learnt; none if
    /// there are none.
    pub(crate) fn given_out(&mut self, headers: &Headers) -> Option<Headers> {
        self.credentials(headers, &mut Vec::new())
    }

    /// Header lines of an answer as they may be kept.
    pub(crate) fn headers<'h>(&self, headers: &'h Headers) -> Cow<'h, Headers> {
        self.in_headers(headers).map_or(Cow::Borrowed(headers), Cow::Owned)
    }

    /// Learns the secrets of a state in the form of a fixture and masks them.
    pub(crate) fn state(&mut self, state: &mut Value) {
        let mut found = walk::value(state, &self.marked);
        if self.learn_names(&found) {
            found = walk::value(state, &self.marked);
        }
        let places = found.places;
        self.learn_nodes(state, &mut 0, &places);
        mask_nodes(state, &mut 0, &mut places.iter().peekable());
        if let Some(stubs) = state.get_mut("stubs") {
            self.headers_of_stubs(stubs);
        }
        self.in_value(state);
    }

    /// Masks the credentials in header lines that stubs want or give; `ApiKey *` is none.
    fn headers_of_stubs(&mut self, value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.headers_of_stubs(element)),
            Value::Object(members) => {
                for (name, member) in members {
                    let lines = if name == "headers" { member.as_object_mut() } else { None };
                    let Some(lines) = lines else {
                        self.headers_of_stubs(member);
                        continue;
                    };
                    for (name, line) in lines {
                        let Value::String(text) = line else { continue };
                        let name = name.to_ascii_lowercase();
                        if matches!(text.rsplit(' ').next(), Some("" | "*" | REDACTED)) {
                            continue;
                        }
                        if is_secret_header(&name) {
                            self.learn_credential(text);
                            REDACTED.clone_into(text);
                        } else {
                            *text = self.without_credentials(&name, text, &mut Vec::new()).into_owned();
                        }
                    }
                }
            }
            _ => {}
        }
    }

    // ── learning ──────────────────────────────────────────────────────────────────────────────────────

    /// Learns from a request's body, and masks what it shows by itself.
    fn request_body(&mut self, mask: &mut Mask, request: &Request, is_json: bool) -> Option<Bytes> {
        let bytes = request.body();
        if bytes.is_empty() || is_note(bytes) {
            return None;
        }
        // All bytes are looked at together, which is quicker than reading them as characters.
        let is_plain = bytes.iter().fold(true, |is_plain, byte| is_plain & (1..0x80).contains(byte));
        let is_text = is_plain || (std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0));
        if !is_text || (!is_json && is_foreign(request.headers())) {
            words(bytes, &mut mask.own);
            return Some(note(bytes.len()).into());
        }
        let is_hinting = matches!(mask.scope, SieveScope::Secrets | SieveScope::Settings)
            || is_suspect(bytes)
            || (!is_json && HINTS.find(bytes, 0).is_some())
            || (mask.scope == SieveScope::Unknown && bytes.windows(5).any(|piece| piece == b"value"));
        if !is_hinting && mask.scope == SieveScope::Plain {
            return None;
        }
        let (places, broken) = self.look(bytes, mask.scope, &mut mask.own);
        let broken = broken.filter(|_| is_hinting);
        if let Some(at) = broken {
            words(&bytes[at..], &mut mask.own);
        }
        replaced_at(bytes, &places, broken)
    }

    /// A body with the secrets masked that its texts tell, which are learnt; none if there are none.
    fn in_words(&mut self, bytes: &[u8], own: &mut Vec<Box<[u8]>>) -> Option<Bytes> {
        let mut masked = Vec::new();
        let mut copied = 0;
        for (place, is_name) in walk::strings(bytes) {
            let Ok(text) = std::str::from_utf8(&bytes[place.clone()]) else { continue };
            if is_name || !text.contains(['=', ':']) {
                continue;
            }
            for secret in secrets_of_words(text, false) {
                let said = &text[secret.clone()];
                match said.split_once(':').filter(|_| text[..secret.start].ends_with("://")) {
                    Some((user, password)) if user == password => {}
                    Some((_, password)) => self.learn(password.as_bytes(), own),
                    None => self.learn(said.as_bytes(), own),
                }
                masked.extend_from_slice(&bytes[copied..place.start + secret.start]);
                masked.extend_from_slice(REDACTED.as_bytes());
                copied = place.start + secret.end;
            }
        }
        if copied == 0 {
            return None;
        }
        masked.extend_from_slice(&bytes[copied..]);
        Some(masked.into())
    }

    /// The places of secrets in a body, which are learnt, and where it stops being JSON.
    fn look(
        &mut self,
        bytes: &[u8],
        scope: SieveScope,
        own: &mut Vec<Box<[u8]>>,
    ) -> (Vec<Range<usize>>, Option<usize>) {
        let (mut found, broken) = walk::text(bytes, scope, &self.marked);
        if self.learn_names(&found) {
            // What stands before its mark, or has none, is seen now.
            found = walk::text(bytes, scope, &self.marked).0;
        }
        for place in &found.places {
            let text = &bytes[place.clone()];
            match text.first() {
                Some(b'{' | b'[') => {
                    let values = walk::strings(text).filter(|(_, is_name)| !is_name);
                    values.for_each(|(place, _)| self.learn(&walk::plain(&text[place]), own));
                }
                Some(b'"') => self.learn(&walk::plain(text), own),
                _ => self.learn_number(text),
            }
        }
        (found.places, broken)
    }

    fn learn_nodes(&mut self, value: &Value, at: &mut usize, places: &[Range<usize>]) {
        let next = places.partition_point(|place| place.end <= *at);
        let is_secret = places.get(next).is_some_and(|place| place.contains(at));
        *at += 1;
        match value {
            Value::String(text) if is_secret => self.learn(text.as_bytes(), &mut Vec::new()),
            Value::Number(number) if is_secret => self.learn_number(number.to_string().as_bytes()),
            Value::Array(elements) => elements.iter().for_each(|element| self.learn_nodes(element, at, places)),
            Value::Object(members) => members.values().for_each(|member| self.learn_nodes(member, at, places)),
            _ => {}
        }
    }

    /// Learns the names of marked settings; whether there were new ones.
    fn learn_names(&mut self, found: &SecretsFound<'_>) -> bool {
        let before = self.marked.len();
        for name in found.marked.iter().filter(|name| !self.marked.contains(&***name)).collect::<Vec<_>>() {
            if self.marked.len() < SECRETS_KNOWN_MAX && name.len() <= SECRET_BYTES_MAX {
                self.marked.insert((&**name).into());
            }
        }
        self.marked.len() != before
    }

    /// A number is looked for if it is long enough to be no count or port.
    fn learn_number(&mut self, digits: &[u8]) {
        if digits.len() >= 8 && digits.iter().all(u8::is_ascii_digit) {
            self.learn(digits, &mut Vec::new());
        }
    }

    fn learn(&mut self, text: &[u8], own: &mut Vec<Box<[u8]>>) {
        let text = text.trim_ascii();
        if text == REDACTED.as_bytes() || self.values.contains(text) {
            return;
        }
        if text.len() < SECRET_BYTES_MIN {
            if text.len() >= OWN_BYTES_MIN && own.len() < SECRETS_OF_CALL_MAX {
                own.push(text.into());
            }
            return;
        }
        // A URL may be known to be secret for the password that it has.
        if let Ok(url) = std::str::from_utf8(text)
            && let Some(place) = user_info(url)
            && let Some((_, password)) = url[place].split_once(':')
        {
            let password = password.to_owned();
            self.learn(password.as_bytes(), own);
        }
        if self.values.len() < SECRETS_KNOWN_MAX && text.len() <= SECRET_BYTES_MAX {
            self.values.add(text);
            // As it stands in an answer, if it has characters that are escaped there.
            let spelt = serde_json::to_string(&String::from_utf8_lossy(text)).unwrap_or_default();
            self.values.add(spelt.trim_matches('"').as_bytes());
        }
        // Of a key in several lines each line is one.
        let is_strange = |line: &[u8]| line.iter().any(u8::is_ascii_digit) && line.len() >= LONG_BYTES;
        if text.contains(&b'\n') {
            let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| is_strange(line));
            lines.for_each(|line| self.learn(line, own));
        }
    }

    /// Learns what a client has said where a recording has masks.
    pub(crate) fn learn_revealed(&mut self, texts: &[String]) {
        texts.iter().for_each(|text| self.learn(text.as_bytes(), &mut Vec::new()));
    }

    /// Learns what a header line says with whom one speaks, if nobody could mean anything else by it.
    fn learn_credential(&mut self, value: &str) {
        if *self.credential == *value {
            return;
        }
        self.credential = value.into();
        let is_opaque = |text: &str| text.len() >= 8 && !text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let token = value.split_once(' ').map_or(value, |(_, token)| token).trim();
        if is_opaque(token) {
            self.learn(token.as_bytes(), &mut Vec::new());
        }
        let pair = base64::decode(token).and_then(|pair| String::from_utf8(pair).ok());
        if let Some((name, password)) = pair.as_deref().and_then(|pair| pair.split_once(':'))
            && is_opaque(password)
            && name != password
        {
            self.learn(password.as_bytes(), &mut Vec::new());
        }
        for cookie in
            value.split(';').filter_map(|cookie| Some(cookie.split_once('=')?.1)).filter(|text| is_opaque(text))
        {
            self.learn(cookie.as_bytes(), &mut Vec::new());
        }
    }

    /// Learns the password of a URL, or what stands in its place; a password that is the user's name too is looked
    /// for in the answer alone.
    fn learn_user_info(&mut self, info: &str, own: &mut Vec<Box<[u8]>>) {
        let (user, password) = info.split_once(':').unwrap_or((info, info));
        for password in [password, &unescaped(password)] {
            if user != password {
                self.learn(password.as_bytes(), own);
            } else if password.len() >= OWN_BYTES_MIN && own.len() < SECRETS_OF_CALL_MAX {
                own.push(password.as_bytes().into());
            }
        }
    }

    // ── masking ───────────────────────────────────────────────────────────────────────────────────────

    /// Header lines with their credentials masked; none if there are none.
    fn credentials(&mut self, headers: &Headers, own: &mut Vec<Box<[u8]>>) -> Option<Headers> {
        let is_bare = |(name, value): &(&str, &str)| !value.is_empty() && *value != REDACTED && is_secret_header(name);
        let is_exposed = |(name, value): &(&str, &str)| {
            !is_secret_header(name)
                && (user_info_of_header(name, value).is_some() || !secrets_of_header(name, value).is_empty())
        };
        if !headers.iter().any(|line| is_bare(&line) || is_exposed(&line)) {
            return None;
        }
        let mut masked = Headers::with_capacity(8, headers.as_text().len() + REDACTED.len());
        for (name, value) in headers.iter() {
            if is_bare(&(name, value)) {
                self.learn_credential(value);
                masked.push(name, REDACTED);
            } else if is_secret_header(name) {
                masked.push(name, value);
            } else {
                masked.push(name, &self.without_credentials(name, value, own));
            }
        }
        Some(masked)
    }

    /// The value of a header line that is no secret itself without the credentials in it, which are learnt.
    fn without_credentials<'v>(&mut self, name: &str, value: &'v str, own: &mut Vec<Box<[u8]>>) -> Cow<'v, str> {
        let place = user_info_of_header(name, value);
        let value = match place {
            Some(place) => Cow::Owned(self.without_user_info(value, place, REDACTED, own)),
            None => Cow::Borrowed(value),
        };
        let mut line = String::new();
        let mut copied = 0;
        for place in secrets_of_header(name, &value).into_iter().filter(|place| !place.is_empty()) {
            if place.start >= copied {
                self.learn_credential(&unescaped(&value[place.clone()]));
                line.extend([&value[copied..place.start], REDACTED]);
                copied = place.end;
            }
        }
        if copied == 0 {
            return value;
        }
        line.push_str(&value[copied..]);
        Cow::Owned(line)
    }

    /// A text without the user and password at that place and in the URLs behind it, which are learnt.
    fn without_user_info(&mut self, text: &str, first: Range<usize>, mark: &str, own: &mut Vec<Box<[u8]>>) -> String {
        let mut masked = String::with_capacity(text.len() + mark.len());
        let mut copied = 0;
        let mut next = Some(first);
        while let Some(place) = next {
            self.learn_user_info(&text[place.clone()], own);
            masked.extend([&text[copied..place.start], mark]);
            copied = place.end;
            next = user_info_after(text, copied);
        }
        masked.push_str(&text[copied..]);
        masked
    }

    /// Header lines with known secrets masked; none if there are none.
    fn in_headers(&self, headers: &Headers) -> Option<Headers> {
        let is_in = |(_, value): (&str, &str)| self.replaced(value.as_bytes(), &[], false).is_some();
        let text = headers.as_text().as_bytes();
        let may_hold = self.values.find(text, 0).is_some() || text.iter().any(|byte| matches!(byte, b'%' | b'\\'));
        if self.values.is_empty() || !may_hold || !headers.iter().any(is_in) {
            return None;
        }
        let mut masked = Headers::with_capacity(8, headers.as_text().len());
        for (name, value) in headers.iter() {
            masked.push(name, if is_in((name, value)) { REDACTED } else { value });
        }
        Some(masked)
    }

    /// Path and query with credentials masked that say what they are; none if there are none.
    fn secret_parameters(&mut self, target: &str, own: &mut Vec<Box<[u8]>>) -> Option<String> {
        let bare = target.contains("://").then(|| user_info(target)).flatten();
        let without = bare.map(|place| self.without_user_info(target, place, MASK_IN_TARGET, own));
        let without = self.escaped_urls(without.as_deref().unwrap_or(target), own).or(without);
        let target = without.as_deref().unwrap_or(target);
        let (path, query) = target::split(target);
        let is_bare = |RawParameter { name, value, .. }: &RawParameter<'_>| {
            let is_asked = || *name == "q" && !secrets_of_words(&unescaped(value), true).is_empty();
            let value_holds = || user_info(&unescaped(value)).is_some() || is_asked();
            !value.is_empty() && *value != MASK_IN_TARGET && (is_secret_parameter(&unescaped(name)) || value_holds())
        };
        if !target::parameters(query).any(|parameter| is_bare(&parameter)) {
            return without;
        }
        let mut masked = String::with_capacity(target.len() + MASK_IN_TARGET.len());
        masked.push_str(path);
        masked.push('?');
        for parameter in target::pieces(query) {
            let RawParameter { name, value, text, separator } = parameter;
            if !is_bare(&parameter) {
                masked.extend([text, separator]);
                continue;
            }
            let value = unescaped(value);
            self.learn_credential(&value);
            if let Some(place) = user_info(&value) {
                self.without_user_info(&value, place, REDACTED, own);
            }
            if name == "q" {
                secrets_of_words(&value, true).into_iter().for_each(|place| self.learn(value[place].as_bytes(), own));
            }
            masked.extend([name, "=", MASK_IN_TARGET, separator]);
        }
        Some(masked)
    }

    /// Path and query with the segments masked that are escaped URLs with a password; none if there are none.
    fn escaped_urls(&mut self, target: &str, own: &mut Vec<Box<[u8]>>) -> Option<String> {
        let (path, _) = target::split(target);
        let exposed = |segment: &str| segment.contains('%') && user_info(&unescaped(segment)).is_some();
        if !path.split('/').any(exposed) {
            return None;
        }
        let mut masked = String::with_capacity(target.len());
        for (index, segment) in path.split('/').enumerate() {
            masked.push_str(if index == 0 { "" } else { "/" });
            if !exposed(segment) {
                masked.push_str(segment);
                continue;
            }
            let plain = unescaped(segment);
            if let Some(place) = user_info(&plain) {
                self.without_user_info(&plain, place, REDACTED, own);
            }
            masked.push_str(MASK_IN_TARGET);
        }
        masked.push_str(&target[path.len()..]);
        Some(masked)
    }

    /// Path and query with known secrets masked; none if there are none.
    fn in_target(&self, target: &str) -> Option<String> {
        const ENDS: [char; 5] = ['/', '?', '&', ';', '='];
        let is_escaped = target.contains(['%', '+']);
        if self.values.is_empty() || (!is_escaped && self.values.find(target.as_bytes(), 0).is_none()) {
            return None;
        }
        let holds = |piece: &str| !piece.is_empty() && self.replaced(piece.as_bytes(), &[], false).is_some();
        if !holds(target) {
            return None;
        }
        let mut masked = String::with_capacity(target.len());
        for piece in target.split_inclusive(ENDS) {
            let end = piece.trim_end_matches(ENDS);
            masked.push_str(if holds(end) { MASK_IN_TARGET } else { end });
            masked.push_str(&piece[end.len()..]);
        }
        // One that has such characters itself stands in several pieces.
        Some(if holds(&masked) { format!("/{MASK_IN_TARGET}") } else { masked })
    }

    /// A body with known secrets masked in its strings, and anywhere if it is no JSON; none if there are none.
    fn within(&self, bytes: &[u8], own: &[Box<[u8]>], is_json: bool) -> Option<Vec<u8>> {
        let may_hold = !own.is_empty()
            || self.values.find(bytes, 0).is_some()
            || (!self.values.is_empty() && bytes.iter().any(|byte| matches!(byte, b'\\' | b'%')));
        if !may_hold || bytes.is_empty() {
            return None;
        }
        let is_like_json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
        if !is_like_json || (!is_json && walk::text(bytes, SieveScope::Plain, &self.marked).1.is_some()) {
            return self.replaced(bytes, own, false);
        }
        let mut masked: Option<Vec<u8>> = None;
        let mut copied = 0;
        for (place, is_name) in walk::strings(bytes) {
            let inner = place.start + 1..place.end.saturating_sub(1).max(place.start + 1);
            if let Some(replaced) = self.replaced(&bytes[inner.clone()], own, is_name) {
                let masked = masked.get_or_insert_default();
                masked.extend_from_slice(&bytes[copied..inner.start]);
                masked.extend_from_slice(&replaced);
                copied = inner.end;
            }
        }
        let mut masked = masked?;
        masked.extend_from_slice(&bytes[copied..]);
        Some(masked)
    }

    fn in_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(masked) = self.replaced(text.as_bytes(), &[], false) {
                    *text = String::from_utf8_lossy(&masked).into_owned();
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.in_value(element)),
            Value::Object(members) => members.values_mut().for_each(|member| self.in_value(member)),
            _ => {}
        }
    }

    /// A text with the secrets masked that it holds; none if it holds none. One that holds a secret in
    /// another spelling is masked whole.
    fn replaced(&self, text: &[u8], own: &[Box<[u8]>], is_name: bool) -> Option<Vec<u8>> {
        let mut masked: Option<Vec<u8>> = None;
        let mut copied = 0;
        let mut at = 0;
        while let Some(place) = self.next(text, at, own) {
            at = place.start + 1;
            // What is spelt like a name of the protocol stays one.
            let is_plain_name = |secret: &[u8]| secret.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
            if !is_word(text, &place) || (is_name && is_plain_name(&text[place.clone()])) {
                continue;
            }
            let masked = masked.get_or_insert_default();
            masked.extend_from_slice(&text[copied..place.start]);
            masked.extend_from_slice(REDACTED.as_bytes());
            copied = place.end;
            at = copied;
        }
        match masked {
            Some(mut masked) => {
                masked.extend_from_slice(&text[copied..]);
                Some(masked)
            }
            None => self.is_spelt_in(text).then(|| REDACTED.as_bytes().to_vec()),
        }
    }

    fn next(&self, text: &[u8], from: usize, own: &[Box<[u8]>]) -> Option<Range<usize>> {
        let known = self.values.find(text, from);
        let own = own.iter().filter_map(|own| {
            let at = text.get(from..)?.windows(own.len()).position(|piece| *piece == **own)? + from;
            Some(at..at + own.len())
        });
        own.chain(known).min_by_key(|place| (place.start, usize::MAX - place.end))
    }

    /// Whether a text holds a secret behind escapes.
    fn is_spelt_in(&self, text: &[u8]) -> bool {
        if self.values.is_empty() || !text.iter().any(|byte| b"%\\+~".contains(byte)) {
            return false;
        }
        let holds = |text: &[u8]| {
            let mut at = 0;
            while let Some(place) = self.values.find(text, at) {
                at = place.start + 1;
                if is_word(text, &place) {
                    return true;
                }
            }
            false
        };
        let Ok(text) = std::str::from_utf8(text) else { return false };
        let in_url = |text: &str| {
            let once = unescaped(text);
            holds(once.as_bytes()) || holds(unescaped(&once).as_bytes())
        };
        let in_json = || {
            serde_json::from_str::<String>(&format!("\"{text}\"")).is_ok_and(|text| {
                holds(text.as_bytes()) || (text.contains('\\') && holds(&walk::plain(format!("\"{text}\"").as_bytes())))
            })
        };
        let in_pointer = || holds(text.replace("~1", "/").replace("~0", "~").as_bytes());
        (text.contains('%') && in_url(text))
            || (text.contains('+') && in_url(&text.replace('+', " ")))
            || (text.contains('\\') && in_json())
            || ((text.contains("~0") || text.contains("~1")) && in_pointer())
    }
}

/// What a request's body belongs to.
fn scope(facts: Option<&RowFacts>, path: &str) -> SieveScope {
    if let Some(RowFacts { secrecy, about, .. }) = facts {
        match (secrecy, about) {
            (Secrecy::Secret, _) => return SieveScope::Secrets,
            (Secrecy::Credentials, _) => return SieveScope::Security,
            (Secrecy::Settings, _) => return SieveScope::Settings,
            (Secrecy::Ordinary, RowSubject::SyncJob | RowSubject::Connector) => return SieveScope::Plain,
            // The path says more.
            (Secrecy::Ordinary, RowSubject::Index | RowSubject::Cluster) => {}
        }
    }
    // A call that reached no row has no other mark than its path, and one that reached a row with a wildcard may be a secret's
    // call misspelt (`PUT /x/_secret/1`): whatever looks like one is masked as one, for nobody takes back what was told.
    let begins = |word: &str| {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).take(2);
        segments.any(|segment| {
            segment.starts_with(['_', '%'])
                && unescaped(segment).get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        })
    };
    let ends = |word: &str| unescaped(path.trim_end_matches('/')).rsplit('/').next() == Some(word);
    match facts {
        _ if begins("_secret") => SieveScope::Secrets,
        _ if begins("_security") => SieveScope::Security,
        None if begins("_connector") && ends("_configuration") => SieveScope::Settings,
        None if begins("_connector") => SieveScope::Unknown,
        // Nobody knows what it is about.
        None => SieveScope::Security,
        _ => SieveScope::Plain,
    }
}

/// Whether a body has words for people that may tell a secret: what an error says, and whatever nobody serves.
pub(super) fn has_words(facts: Option<&RowFacts>, request: &Request) -> bool {
    facts.is_none_or(|facts| {
        let is_ours = matches!(facts.about, RowSubject::SyncJob | RowSubject::Connector);
        !facts.error_texts.is_empty() && (is_ours || names_connectors(request))
    })
}

/// Whether it is about the connectors' own indices; of a bulk its path says so, or its first action.
fn names_connectors(request: &Request) -> bool {
    const OURS: &str = ".elastic-connectors";
    let path = request.path().trim_start_matches('/');
    let is_named = || {
        let action = request.body().split(|byte| *byte == b'\n').next().unwrap_or_default();
        action.windows(OURS.len()).any(|piece| piece == OURS.as_bytes())
    };
    path.starts_with(OURS) || (path == "_bulk" && is_named())
}

/// Whether the body is packed, or said to be in a form that the journal does not read.
fn is_foreign(headers: &Headers) -> bool {
    let is_packed = headers.get("content-encoding").is_some_and(|encoding| !matches!(encoding, "" | "identity"));
    let kind = headers.get("content-type").unwrap_or_default();
    is_packed
        || (!is_of_json(kind)
            && ["yaml", "cbor", "smile"].iter().any(|form| {
                kind.as_bytes().windows(form.len()).any(|piece| piece.eq_ignore_ascii_case(form.as_bytes()))
            }))
}

/// Whether a type is spelt as nearly every client spells JSON.
fn is_of_json(kind: &str) -> bool {
    let Some(kind) = kind.strip_prefix("application/") else { return false };
    let kind = kind.strip_prefix("vnd.elasticsearch+").unwrap_or(kind);
    let version = kind.strip_prefix("json").or_else(|| kind.strip_prefix("x-ndjson"));
    matches!(version, Some("" | "; compatible-with=9" | "; compatible-with=8"))
}

/// The words of a text that nobody could read.
fn words(bytes: &[u8], own: &mut Vec<Box<[u8]>>) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'-' | b'_');
    let words = bytes.split(|byte| !is_part(byte)).filter(|word| word.len() >= OWN_BYTES_MIN);
    // A word is quoted in parts too, where a reader stops within it.
    let parts = words.flat_map(|word| [word].into_iter().chain(word.split(|byte| matches!(byte, b'-' | b'_'))));
    own.extend(parts.filter(|word| word.len() >= OWN_BYTES_MIN).take(SECRETS_OF_CALL_MAX).map(Box::from));
}

/// The user and password of a URL in a header line; `host` is one without its scheme.
fn user_info_of_header(name: &str, value: &str) -> Option<Range<usize>> {
    let at = value.rfind('@')?;
    let in_host = (name == "host" && at > 0 && value[..at] != *REDACTED).then_some(0..at);
    user_info(value).or(in_host)
}

/// Whether a secret stands by itself where it was found. A long one that is no plain word is one wherever it
/// stands.
fn is_word(text: &[u8], place: &Range<usize>) -> bool {
    let secret = &text[place.clone()];
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let is_plain = secret.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    let is_number = secret.iter().all(u8::is_ascii_digit);
    if secret.len() >= LONG_BYTES && !is_plain && !is_number {
        return true;
    }
    if is_number {
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        return !is_digit(text[..place.start].last()) && !is_digit(text.get(place.end));
    }
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_part(*byte) || (is_plain && b"-_".contains(byte)));
    !is_part(text[..place.start].last()) && !is_part(text.get(place.end))
}

/// How an answer quotes a body.
const QUOTES: &str = "(byte[])\"";

/// The places of strings that quote a body: what is said of one that is no JSON.
fn quotes(bytes: &[u8]) -> Vec<Range<usize>> {
    const MARK: &[u8] = br#"(byte[])\""#;
    let quotes = |place: &Range<usize>| bytes[place.clone()].windows(MARK.len()).any(|piece| piece == MARK);
    walk::strings(bytes).map(|(place, _)| place).filter(quotes).collect()
}

/// A body with values masked, and without what stands behind the place where it stops being JSON; none if there
/// is nothing to do.
fn replaced_at(bytes: &[u8], places: &[Range<usize>], broken: Option<usize>) -> Option<Bytes> {
    let end = broken.filter(|at| !is_note(&bytes[*at..])).map_or(bytes.len(), |at| {
        // A word or a number right before would read as one with what stands in the place of the rest.
        let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"+-._$".contains(byte);
        at - bytes[..at].iter().rev().take_while(|byte| is_of_word(byte)).count()
    });
    if places.is_empty() && end == bytes.len() {
        return None;
    }
    let mut masked = Vec::with_capacity(bytes.len() + places.len() * (REDACTED.len() + 2));
    let mut copied = 0;
    for place in places {
        masked.extend_from_slice(&bytes[copied..place.start]);
        masked.push(b'"');
        masked.extend_from_slice(REDACTED.as_bytes());
        masked.push(b'"');
        copied = place.end;
    }
    if copied < end {
        masked.extend_from_slice(&bytes[copied..end]);
    }
    if end < bytes.len() {
        masked.extend_from_slice(note(bytes.len() - end).as_bytes());
    }
    Some(masked.into())
}

/// Masks the nodes at these places, which are counted as [`walk::value`] does.
fn mask_nodes(value: &mut Value, at: &mut usize, places: &mut std::iter::Peekable<std::slice::Iter<'_, Range<usize>>>) {
    if let Some(place) = places.next_if(|place| place.start == *at) {
        *at = place.end;
        *value = Value::from(REDACTED);
        return;
    }
    *at += 1;
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| mask_nodes(element, at, places)),
        Value::Object(members) => members.values_mut().for_each(|member| mask_nodes(member, at, places)),
        _ => {}
    }
}
