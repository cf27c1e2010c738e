//! [`PlainBody`]: a body of texts, numbers, booleans and objects, read in one pass and kept as it came.
//!
//! Most bodies of the Connector API say a name or a number or two, and perhaps an object that is stored as it is.
//! What the schemas of such a body ask is a [`BodyForm`]. A text that is plain JSON (ASCII without escapes, whole
//! numbers, no name twice) and has the form keeps both schemas, and the server's parser makes nothing else of it
//! than it says; no tree of values is needed to know that. A form says yes or nothing: whatever is not plain goes
//! to the reader of all JSON, and to the schema, which is the authority. A property holds the two together.

use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::json;
use crate::limits::{PLAIN_DEPTH_MAX, PLAIN_MEMBERS_MAX};

/// What the members of a body may be.
#[derive(Debug)]
pub(crate) struct BodyForm {
    /// In the order in which the server declares them.
    members: Vec<FormMember>,
}

#[derive(Debug)]
struct FormMember {
    name: String,
    takes: MemberTakes,
    is_required: bool,
}

/// Which plain values a member takes.
#[derive(Clone, Copy, Debug, Default)]
struct MemberTakes {
    text: bool,
    number: bool,
    boolean: bool,
    null: bool,
    object: bool,
}

impl MemberTakes {
    fn and(self, other: MemberTakes) -> MemberTakes {
        MemberTakes {
            text: self.text && other.text,
            number: self.number && other.number,
            boolean: self.boolean && other.boolean,
            null: self.null && other.null,
            object: self.object && other.object,
        }
    }

    fn or(self, other: MemberTakes) -> MemberTakes {
        MemberTakes {
            text: self.text || other.text,
            number: self.number || other.number,
            boolean: self.boolean || other.boolean,
            null: self.null || other.null,
            object: self.object || other.object,
        }
    }

    /// What a schema takes for certain; nothing if it asks for more than a form can say.
    fn of(schema: &Value, document: &Value) -> MemberTakes {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            return target.map_or_else(MemberTakes::default, |schema| MemberTakes::of(schema, document));
        }
        if let Some(ways) = schema.get("anyOf").and_then(Value::as_array)
            && says(schema, &["anyOf"])
        {
            return ways.iter().fold(MemberTakes::default(), |takes, way| takes.or(MemberTakes::of(way, document)));
        }
        let kinds = match schema.get("type") {
            Some(Value::String(kind)) => std::slice::from_ref(kind).to_vec(),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        // A list, or what becomes one or a map, is read in more than one way.
        let is_one = !kinds.iter().any(|kind| kind == "array")
            && !schema.get("x-kind").and_then(Value::as_str).is_some_and(|kind| matches!(kind, "any_map" | "any"));
        let takes_all = schema.get("type").is_none();
        let has = |kind: &str| is_one && (takes_all || kinds.iter().any(|known| known == kind));
        let bound = |name: &str| schema.get(name).map(Value::as_f64);
        let format = schema.get("format").and_then(Value::as_str);
        let is_free =
            schema.get("additionalProperties").is_none_or(|it| *it == true || *it == Value::Object(Map::new()));
        MemberTakes {
            text: has("string") && says(schema, &["type"]),
            number: (has("number") || has("integer"))
                && says(schema, &["type", "format", "minimum", "maximum"])
                && matches!(format, None | Some("long" | "int64" | "int32"))
                && bound("minimum").is_none_or(|least| least.is_some_and(|least| least <= 0.0))
                && bound("maximum").is_none_or(|most| most.is_some_and(|most| most >= 1e15)),
            boolean: has("boolean") && says(schema, &["type", "format"]) && matches!(format, None | Some("boolean")),
            null: has("null") && says(schema, &["type", "format"]),
            object: has("object") && is_free && says(schema, &["type", "additionalProperties"]),
        }
    }
}

/// Whether a schema asks for nothing but what these names say.
fn says(schema: &Value, names: &[&str]) -> bool {
    schema.as_object().is_some_and(|schema| {
        schema
            .keys()
            .all(|key| key.starts_with("x-") || key == "description" || key == "default" || names.contains(&&**key))
    })
}

impl BodyForm {
    /// What keeps both schemas of a body, each given with the document that it stands in; none if no plain text
    /// can be known to.
    pub(crate) fn of(
        [server, its_document]: [&Value; 2],
        [published, their_document]: [&Value; 2],
    ) -> Option<BodyForm> {
        let whole = ["type", "properties", "required", "additionalProperties"];
        if !says(server, &whole) || !says(published, &whole) {
            return None;
        }
        let requires = |schema: &Value, name: &str| {
            schema
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(|names| names.iter().any(|known| known == name))
        };
        let members = server.get("properties")?.as_object()?.iter().filter_map(|(name, member)| {
            let theirs = published.get("properties")?.get(name)?;
            Some(FormMember {
                name: name.clone(),
                takes: MemberTakes::of(member, its_document).and(MemberTakes::of(theirs, their_document)),
                is_required: requires(server, name) || requires(published, name),
            })
        });
        Some(BodyForm { members: members.collect() })
    }

    /// The body, if it is plain and has the form.
    pub(crate) fn read(&'static self, bytes: &Bytes) -> Option<PlainBody> {
        let mut scan = PlainScan { bytes, at: 0, has_blanks: false, has_odd_names: false, weight: bytes.len() };
        let mut places = Vec::with_capacity(self.members.len());
        places.resize_with(self.members.len(), PlainPlace::default);
        scan.blanks();
        let mut goes_on = scan.opens(b'{', b'}')?;
        scan.weight += json::VALUE + usize::from(goes_on) * (json::FIRST_NAME - json::NAME);
        while goes_on {
            let name = scan.text()?;
            let mut at = 0;
            while *self.members.get(at)?.name.as_bytes() != *name {
                at += 1;
            }
            let (place, takes) = (places.get_mut(at)?, self.members[at].takes);
            if place.end != 0 {
                return None;
            }
            scan.colon()?;
            place.start = scan.at;
            (scan.has_blanks, scan.has_odd_names) = (false, false);
            scan.weight += json::VALUE + json::NAME;
            match scan.peek()? {
                b'"' if takes.text => drop(scan.text()?),
                b'{' if takes.object => scan.object(0)?,
                b'0'..=b'9' if takes.number => scan.number()?,
                b't' if takes.boolean => scan.word(b"true")?,
                b'f' if takes.boolean => scan.word(b"false")?,
                b'n' if takes.null => scan.word(b"null")?,
                _ => return None,
            }
            place.end = scan.at;
            (place.has_blanks, place.has_odd_names) = (scan.has_blanks, scan.has_odd_names);
            goes_on = scan.goes_on(b'}')?;
        }
        scan.blanks();
        if scan.at != bytes.len() {
            return None;
        }
        let mut at = 0;
        while at < places.len() {
            if self.members[at].is_required && places[at].end == 0 {
                return None;
            }
            at += 1;
        }
        Some(PlainBody { bytes: bytes.clone(), form: self, places, weight: scan.weight, whole: OnceCell::new() })
    }
}

/// A plain body that has its form.
#[derive(Clone, Debug)]
pub(crate) struct PlainBody {
    bytes: Bytes,
    form: &'static BodyForm,
    /// Where the members stand, one for each of the form's.
    places: Vec<PlainPlace>,
    /// About how many bytes its values would take.
    weight: usize,
    whole: OnceCell<Box<Value>>,
}

/// A member of a plain body that is an object, as it came.
#[derive(Clone, Debug)]
pub(crate) struct PlainObject {
    /// Its text.
    pub text: Bytes,
    /// Whether each name within is one that any mapping of objects takes: none is empty or has a dot.
    pub has_plain_names: bool,
}

#[derive(Clone, Debug, Default)]
struct PlainPlace {
    start: usize,
    /// 0 if the member is not there.
    end: usize,
    /// Whether there are blanks between its parts.
    has_blanks: bool,
    /// Whether a name within is empty or has a dot.
    has_odd_names: bool,
    value: OnceCell<Box<Value>>,
}

impl PlainBody {
    /// The whole body as JSON, made when somebody asks for it.
    pub(crate) fn value(&self) -> &Value {
        self.whole.get_or_init(|| {
            let members = self.form.members.iter().zip(&self.places).filter(|(_, place)| place.end != 0);
            Box::new(members.map(|(member, place)| (member.name.clone(), self.value_at(place).clone())).collect())
        })
    }

    /// A member as JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        Some(self.value_at(self.place(name)?))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.raw(self.place(name)?).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    /// About how many bytes its values would take in memory, as [`json::weighs_more`] counts them.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// A member as it would be written again, if it came like that: without blanks between its parts.
    pub(crate) fn compact(&self, name: &str) -> Option<&str> {
        let place = self.place(name).filter(|place| !place.has_blanks)?;
        std::str::from_utf8(self.raw(place)).ok()
    }

    /// A member that is a number.
    pub(crate) fn long(&self, name: &str) -> Option<i64> {
        std::str::from_utf8(self.raw(self.place(name)?)).ok()?.parse().ok()
    }

    /// A member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<PlainObject> {
        let place = self.place(name)?;
        let text = || self.bytes.slice(place.start..place.end);
        let has_plain_names = !place.has_odd_names;
        self.raw(place).starts_with(b"{").then(|| PlainObject { text: text(), has_plain_names })
    }

    fn place(&self, name: &str) -> Option<&PlainPlace> {
        let mut at = 0;
        while self.form.members.get(at)?.name != name {
            at += 1;
        }
        self.places.get(at).filter(|place| place.end != 0)
    }

    fn raw(&self, place: &PlainPlace) -> &[u8] {
        &self.bytes[place.start..place.end]
    }

    fn value_at<'a>(&'a self, place: &'a PlainPlace) -> &'a Value {
        place.value.get_or_init(|| Box::new(json::read(self.raw(place)).ok().flatten().unwrap_or_default()))
    }
}

/// Bytes of a text from which on it is looked through many at a time.
const LONG_TEXT_BYTES: usize = 32;

/// The one character of ASCII beyond the printable ones.
const DELETE: u8 = 0x7F;

/// The characters that a plain text may have.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    plain
};

/// Where the plain characters end that begin at `at`. Looks at many at a time.
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    // Numbers in place of truth values, and no stop at the first one: so the compiler looks at a chunk in a few steps.
    let is_odd =
        |byte: u8| u8::from(byte < b' ') | u8::from(byte >= DELETE) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let (chunks, _) = bytes[at..].as_chunks::<32>();
    let plain = chunks.iter().take_while(|chunk| chunk.iter().fold(0, |any, byte| any | is_odd(*byte)) == 0);
    at += 32 * plain.count();
    while at < bytes.len() && PLAIN[bytes[at] as usize] {
        at += 1;
    }
    at
}

/// A walk over plain JSON; none as soon as it is not plain.
struct PlainScan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether blanks were met.
    has_blanks: bool,
    /// Whether a name within a member is empty or has a dot.
    has_odd_names: bool,
    /// About how many bytes the values take, as [`json::weighs_more`] counts them.
    weight: usize,
}

impl<'a> PlainScan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let is_it = self.peek()? == byte;
        self.at += 1;
        is_it.then_some(())
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.has_blanks = true;
            self.at += 1;
        }
    }

    /// Goes into an object or a list, and says whether there is anything in it.
    fn opens(&mut self, start: u8, end: u8) -> Option<bool> {
        self.expect(start)?;
        self.blanks();
        let is_empty = self.peek()? == end;
        self.at += usize::from(is_empty);
        Some(!is_empty)
    }

    /// Goes on behind a member or an item, and says whether there is another.
    fn goes_on(&mut self, end: u8) -> Option<bool> {
        self.blanks();
        let next = self.peek()?;
        self.at += 1;
        if next != b',' {
            return (next == end).then_some(false);
        }
        self.blanks();
        Some(true)
    }

    fn colon(&mut self) -> Option<()> {
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Some(())
    }

    /// The characters of a text.
    fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        let mut at = start;
        let long = self.bytes.len().min(start + LONG_TEXT_BYTES);
        while at < long && PLAIN[self.bytes[at] as usize] {
            at += 1;
        }
        if at == start + LONG_TEXT_BYTES {
            at = plain_end(self.bytes, at);
        }
        self.at = at;
        self.expect(b'"')?;
        Some(&self.bytes[start..at])
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        let digits = self.at - start;
        let is_plain = digits <= 15 && (digits == 1 || self.bytes[start] != b'0');
        if is_plain { self.ends() } else { None }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.bytes[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        self.ends()
    }

    fn ends(&self) -> Option<()> {
        matches!(self.peek()?, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t').then_some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        let mut names: [&[u8]; PLAIN_MEMBERS_MAX] = [b""; PLAIN_MEMBERS_MAX];
        let mut count = 0;
        let mut goes_on = self.opens(b'{', b'}')?;
        while goes_on {
            let name = self.text()?;
            if names[..count].contains(&name) {
                return None;
            }
            *names.get_mut(count)? = name;
            self.weight += if count == 0 { json::FIRST_NAME } else { json::NAME };
            count += 1;
            self.has_odd_names |= name.is_empty() || name.contains(&b'.');
            self.colon()?;
            self.value(depth)?;
            goes_on = self.goes_on(b'}')?;
        }
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.weight += json::VALUE;
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ if depth == PLAIN_DEPTH_MAX => None,
            b'{' => self.object(depth + 1),
            _ => {
                let mut goes_on = self.opens(b'[', b']')?;
                while goes_on {
                    self.value(depth + 1)?;
                    goes_on = self.goes_on(b']')?;
                }
                Some(())
            }
        }
    }
}
