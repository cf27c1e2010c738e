//! [`Sieve`]: the one rule of what is secret in a JSON value.
//!
//! Whoever goes through a value tells it what comes: bytes of a body ([`super::walk`]), or a state that is
//! a value already. It answers with places, which are masked and learnt alike.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::sounds_secret;

/// Names of settings that have been marked as sensitive.
pub(super) type Marked = BTreeSet<Box<[u8]>>;

/// What a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SieveScope {
    /// Any call.
    Plain,
    /// A call about secrets, or one that was meant to be: whatever is not known to be harmless is masked.
    Secrets,
    /// A call about users, roles and keys: what is named like a secret is masked.
    Security,
    /// A call that Elasticsearch does not have: its `value` is masked.
    Unknown,
    /// A call that sets a configuration: whatever it has may be a setting, also without a wrapper or in one that is
    /// misspelt.
    Settings,
}

/// What kind of value has been met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SieveKind {
    /// A null, an empty text, a mask: it hides nothing.
    Nothing,
    Boolean,
    Number,
    Text,
    Object,
    Array,
}

/// The secrets of a value.
#[derive(Debug, Default)]
pub(super) struct SecretsFound<'a> {
    /// Their places, in order and apart from each other.
    pub(super) places: Vec<Range<usize>>,
    /// Names of settings that say they are sensitive.
    pub(super) marked: Vec<Cow<'a, [u8]>>,
}

/// Hears a value piece by piece. Places are whatever its teller counts in, ascending.
pub(super) struct Sieve<'s, 'a> {
    scope: SieveScope,
    known: &'s Marked,
    /// The open containers, outermost first.
    open: Vec<OpenLevel<'a>>,
    found: SecretsFound<'a>,
}

/// An open object or array.
#[derive(Default)]
struct OpenLevel<'a> {
    start: usize,
    is_object: bool,
    /// Its own name.
    called: Option<Cow<'a, [u8]>>,
    /// Whether it holds settings by name.
    has_settings: bool,
    /// Whether it is a setting.
    is_setting: bool,
    /// Whether it is the list `secrets`, or stands in it.
    is_of_secrets: bool,
    /// Whether it belongs to a query for a secret setting.
    is_asked: bool,
    /// The name whose value comes next.
    name: Option<Cow<'a, [u8]>>,
    /// What it says of itself.
    says: Option<bool>,
    /// Values to mask if it turns out to be sensitive.
    suspects: Vec<(Range<usize>, SieveKind)>,
}

impl<'s, 'a> Sieve<'s, 'a> {
    pub(super) fn new(scope: SieveScope, known: &'s Marked) -> Sieve<'s, 'a> {
        Sieve { scope, known, open: Vec::new(), found: SecretsFound::default() }
    }

    pub(super) fn enter(&mut self, start: usize, is_object: bool) {
        let parent = self.open.last();
        let name = parent.and_then(|parent| parent.name.as_deref()).unwrap_or_default();
        let open = OpenLevel {
            start,
            is_object,
            has_settings: is_object && (is_settings(name) || self.scope == SieveScope::Settings),
            is_setting: is_object && parent.is_some_and(|parent| parent.has_settings),
            is_of_secrets: name == b"secrets" || parent.is_some_and(|parent| parent.is_of_secrets && !parent.is_object),
            is_asked: parent.is_some_and(|parent| parent.is_asked) || self.names_secret_setting(name),
            called: parent.and_then(|parent| parent.name.clone()),
            ..OpenLevel::default()
        };
        self.open.push(open);
    }

    /// The name of a member whose value comes next.
    pub(super) fn name(&mut self, name: Cow<'a, [u8]>) {
        if let Some(open) = self.open.last_mut() {
            open.name = Some(name);
        }
    }

    /// Whether the innermost container is an object, or an array.
    pub(super) fn is_within(&self, object: bool) -> bool {
        self.open.last().is_some_and(|open| open.is_object == object)
    }

    /// Leaves the innermost container; of one without its end nobody knows what it would have said.
    pub(super) fn leave(&mut self, end: usize, is_closed: bool) {
        let Some(open) = self.open.pop() else { return };
        let called = open.called.as_deref().filter(|_| open.is_setting).unwrap_or_default();
        let is_marked = open.says == Some(true) || !is_closed || (open.says.is_none() && self.known.contains(called));
        // Elasticsearch writes `"sensitive": false` wherever nobody has said anything.
        let sounds_secret = sounds_secret(called) && !(open.says == Some(false) && is_about_secrets(called));
        let is_secret = |kind: SieveKind| is_marked || (sounds_secret && !is_count(called, kind));
        self.found
            .places
            .extend(open.suspects.into_iter().filter(|(_, kind)| is_secret(*kind)).map(|(place, _)| place));
        if open.says == Some(true) {
            self.found.marked.extend(open.called);
        }
        self.value(open.start..end, if open.is_object { SieveKind::Object } else { SieveKind::Array }, false);
    }

    /// A value that has just gone by. `denies` says whether it means no.
    pub(super) fn value(&mut self, place: Range<usize>, kind: SieveKind, denies: bool) {
        let depth = self.open.len();
        let is_secret_call = self.scope == SieveScope::Secrets;
        let takes_value = matches!(self.scope, SieveScope::Unknown | SieveScope::Settings);
        let Some(open) = self.open.last_mut() else {
            // What is sent as a secret and is no object may be the secret itself.
            if is_secret_call && !matches!(kind, SieveKind::Nothing | SieveKind::Object) {
                self.found.places.push(place);
            }
            return;
        };
        let Some(name) = open.name.take() else { return };
        let is_container = matches!(kind, SieveKind::Object | SieveKind::Array);
        let is_secret = match &*name {
            b"sensitive" if !is_container => {
                open.says = Some(!denies);
                false
            }
            _ if kind == SieveKind::Nothing => false,
            // Whatever else stands beside may be a `value` that was misspelt.
            name if is_secret_call && depth == 1 => !is_of_secret_answers(name),
            b"value" if open.is_of_secrets || (takes_value && depth == 1 && kind == SieveKind::Text) => true,
            b"api_key" | b"encoded" if kind == SieveKind::Text => true,
            b"value" if self.scope == SieveScope::Security => open.called.as_deref().is_some_and(sounds_secret),
            name if open.is_asked && !is_container => is_asked_for(name),
            name if open.is_setting && !MEMBERS.contains(&name) => {
                open.suspects.push((place.clone(), kind));
                // An object is a setting with a mark of its own, where any object may hold settings.
                let is_whole = kind != SieveKind::Object || self.scope != SieveScope::Settings;
                is_whole && open.has_settings && is_setting_secret(self.known, name, kind)
            }
            name if open.has_settings => {
                // An object is the setting itself in a `configuration`, and what is set in `values`.
                (kind != SieveKind::Object || open.called.as_deref() == Some(b"values"))
                    && is_setting_secret(self.known, name, kind)
            }
            name => self.scope == SieveScope::Security && !is_container && sounds_secret(name),
        };
        let is_suspect = matches!(&*name, b"value" | b"default_value") && kind != SieveKind::Nothing;
        if is_secret || (kind != SieveKind::Object && self.names_secret_setting(&name)) && kind != SieveKind::Nothing {
            self.found.places.push(place);
        } else if is_suspect && let Some(open) = self.open.last_mut() {
            open.suspects.push((place, kind));
        }
    }

    /// Whether a name with dots, as searches and partial documents have it, leads to a secret setting's value.
    fn names_secret_setting(&self, name: &[u8]) -> bool {
        if !name.contains(&b'.') {
            return false;
        }
        let mut segments = name.split(|byte| *byte == b'.').skip_while(|part| !is_settings(part)).skip(1);
        let Some(setting) = segments.next() else { return false };
        let is_value = segments.next().is_none_or(|part| !MEMBERS.contains(&part) || is_value(part));
        is_value && (self.known.contains(setting) || sounds_secret(setting))
    }

    /// Everything that was found, once all has been told; what is still open has no end.
    pub(super) fn finish(mut self, end: usize) -> SecretsFound<'a> {
        while !self.open.is_empty() {
            self.leave(end, false);
        }
        let mut found = self.found;
        // A masked container makes the masks within it pointless.
        found.places.sort_by_key(|place| (place.start, usize::MAX - place.end));
        let mut end = 0;
        found.places.retain(|place| {
            let is_apart = place.start >= end;
            end = end.max(place.end);
            is_apart
        });
        found
    }
}

/// The members of a setting as Elasticsearch knows them, without the mark.
const MEMBERS: [&[u8]; 14] = [
    b"category",
    b"default_value",
    b"depends_on",
    b"display",
    b"label",
    b"options",
    b"order",
    b"placeholder",
    b"required",
    b"tooltip",
    b"type",
    b"ui_restrictions",
    b"validations",
    b"value",
];

/// Whether a member of that name holds settings by name.
fn is_settings(name: &[u8]) -> bool {
    matches!(name, b"configuration" | b"values")
}

fn is_value(name: &[u8]) -> bool {
    matches!(name, b"value" | b"default_value")
}

/// Whether what is set under that name is secret.
fn is_setting_secret(known: &Marked, name: &[u8], kind: SieveKind) -> bool {
    let mut segments = name.split(|byte| *byte == b'.');
    let setting = segments.next().unwrap_or_default();
    // The name may lead to a member of a setting.
    let is_value = segments.next().is_none_or(|part| !MEMBERS.contains(&part) || is_value(part));
    known.contains(name) || (is_value && (known.contains(setting) || (sounds_secret(name) && !is_count(name, kind))))
}

/// Whether a value is no secret, whatever its name sounds like: a yes or no, or the number of `tokens`.
fn is_count(name: &[u8], kind: SieveKind) -> bool {
    kind == SieveKind::Boolean
        || (kind == SieveKind::Number && name.last().is_some_and(|last| last.eq_ignore_ascii_case(&b's')))
}

/// Whether a name speaks of a secret and means something else: its kind, its place, its age.
fn is_about_secrets(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 12] = [
        b"_type",
        b"_url",
        b"_uri",
        b"_endpoint",
        b"_name",
        b"_field",
        b"_id",
        b"_path",
        b"_file",
        b"_expiration",
        b"_timeout",
        b"_length",
    ];
    ENDS.iter().any(|end| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end))
}

/// What the answers about secrets have besides the secret.
fn is_of_secret_answers(name: &[u8]) -> bool {
    matches!(name, b"id" | b"result" | b"deleted" | b"error" | b"status")
}

/// Where a query has what is looked for.
fn is_asked_for(name: &[u8]) -> bool {
    matches!(name, b"value" | b"query" | b"wildcard" | b"regexp" | b"prefix" | b"gt" | b"gte" | b"lt" | b"lte")
}
