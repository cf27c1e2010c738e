//! The compact form of JSON: everything in one line, without blanks.
//!
//! Answers of many calls are mostly this, so it is written straight into a vector, and a text that needs no
//! escapes, as nearly all are, is copied in one piece.

use serde::ser::{self, Serialize};
use serde_json::{Error, Result};

use super::write::{escape_into, java_float};

/// Writes whatever serialises at the end of a text.
pub(super) struct Compact<'o>(pub(super) &'o mut Vec<u8>);

/// What stands within a list or an object that has been begun.
pub(super) struct Members<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
    end: &'static [u8],
}

impl<'o> Compact<'o> {
    fn begin(self, begin: u8, end: &'static [u8]) -> Members<'o> {
        self.0.push(begin);
        Members { out: self.0, is_empty: true, end }
    }

    /// An object with one member, whose name is written; its end is the caller's.
    fn begin_variant(self, name: &str) -> Compact<'o> {
        self.0.push(b'{');
        text(self.0, name);
        self.0.push(b':');
        self
    }

    fn word(self, word: &str) -> Result<()> {
        self.0.extend_from_slice(word.as_bytes());
        Ok(())
    }
}

impl Members<'_> {
    #[inline]
    fn next(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.next();
        value.serialize(Compact(self.out))
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.next();
        text(self.out, name);
        self.out.push(b':');
        value.serialize(Compact(self.out))
    }

    fn end(self) -> Result<()> {
        self.out.extend_from_slice(self.end);
        Ok(())
    }
}

/// A text in quotes.
fn text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escape_into(out, text);
    }
    out.push(b'"');
}

/// Whether a text stands in JSON as it is: no quotes, backslashes or control characters, and nothing beyond the Basic
/// Multilingual Plane. Looks at eight bytes at a time.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| is_plain_word(u64::from_le_bytes(*word)))
        && rest.iter().all(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\' | 0xF0..))
}

#[inline]
fn is_plain_word(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    // The top bit of a byte says that it, or one before it, is smaller than `than`.
    let has_less = |word: u64, than: u64| word.wrapping_sub(than * EACH) & !word;
    let has = |byte: u8| has_less(word ^ (u64::from(byte) * EACH), 1);
    // In UTF-8 just the characters beyond the plane begin with four bits that are set.
    let beyond = word & (word << 1) & (word << 2) & (word << 3);
    (has_less(word, 0x20) | has(b'"') | has(b'\\') | beyond) & TOP == 0
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl<'o> ser::Serializer for Compact<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'o>;
    type SerializeTuple = Members<'o>;
    type SerializeTupleStruct = Members<'o>;
    type SerializeTupleVariant = Members<'o>;
    type SerializeMap = Members<'o>;
    type SerializeStruct = Members<'o>;
    type SerializeStructVariant = Members<'o>;

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.word(if value { "true" } else { "false" })
    }

    fn serialize_i8(self, value: i8) -> Result<()> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<()> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<()> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<()> {
        if value < 0 {
            self.0.push(b'-');
        }
        number(self.0, value.unsigned_abs());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        self.word(&value.to_string())
    }

    fn serialize_u8(self, value: u8) -> Result<()> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<()> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<()> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<()> {
        number(self.0, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        self.word(&value.to_string())
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        if !value.is_finite() {
            return self.word("null");
        }
        java_float(self.0, &format!("{value:e}"), || format!("{value:.1e}")).map_err(Error::io)
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return self.word("null");
        }
        java_float(self.0, &format!("{value:e}"), || format!("{value:.1e}")).map_err(Error::io)
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        text(self.0, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<()> {
        self.word("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.word("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.word("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<()> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        let Compact(out) = self.begin_variant(name);
        value.serialize(Compact(out))?;
        out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'o>> {
        Ok(self.begin(b'[', b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'o>> {
        Ok(self.begin(b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'o>> {
        Ok(self.begin(b'[', b"]"))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, name: &'static str, _: usize) -> Result<Members<'o>> {
        Ok(self.begin_variant(name).begin(b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'o>> {
        Ok(self.begin(b'{', b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'o>> {
        Ok(self.begin(b'{', b"}"))
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, name: &'static str, _: usize) -> Result<Members<'o>> {
        Ok(self.begin_variant(name).begin(b'{', b"}}"))
    }
}

impl ser::SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeTuple for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeTupleStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeTupleVariant for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.next();
        let start = self.out.len();
        key.serialize(Compact(self.out))?;
        match self.out.get(start) {
            Some(b'"') => {}
            None | Some(b'{' | b'[' | b'n') => return Err(ser::Error::custom("key must be a string")),
            // A number or a truth value as a key is a text.
            Some(_) => {
                self.out.insert(start, b'"');
                self.out.push(b'"');
            }
        }
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Compact(self.out))
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.member(name, value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

impl ser::SerializeStructVariant for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.member(name, value)
    }

    fn end(self) -> Result<()> {
        Members::end(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn written<T: Serialize>(value: &T) -> Result<String> {
        let mut out = Vec::new();
        value.serialize(Compact(&mut out))?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["[ -~]{0,20}", "[ -~\\n\\t]{0,12}", "[é€ -~]{0,12}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..5).prop_map(|it| Map::from_iter(it).into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_the_plain_form(value in any_value()) {
            prop_assert_eq!(written(&value).expect("a text"), value.to_string());
        }

        #[test]
        fn a_plain_text_is_seen_wherever_its_odd_character_stands(start in "[ -!#-Z^-~]{0,17}", end in "[ -!#-Z^-~]{0,9}") {
            prop_assert!(is_plain([&start, &end, "é€"].concat().as_bytes()));
            for odd in ["\"", "\\", "\n", "\u{1f}", "\0", "😀"] {
                prop_assert!(!is_plain([&start, odd, &end].concat().as_bytes()));
            }
        }
    }

    #[test]
    fn forms_that_values_do_not_have_are_written_as_serde_json_writes_them() {
        use std::collections::BTreeMap;
        let numbered = BTreeMap::from([(-1, Some(1.5)), (7, None)]);
        assert_eq!(written(&numbered).expect("a text"), serde_json::to_string(&numbered).expect("a text"));
        assert_eq!(written(&((-3_i8, 'é'), [u128::MAX])).expect("a text"), format!("[[-3,\"é\"],[{}]]", u128::MAX));
        assert!(written(&BTreeMap::from([(Some([1]), 1)])).is_err(), "a list is no key");
        assert_eq!(written(&json!({"a": [1.0E10, -0.5]})).expect("a text"), r#"{"a":[1.0E10,-0.5]}"#);
    }
}
