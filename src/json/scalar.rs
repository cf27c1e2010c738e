//! Values that are neither string nor container: numbers, and the words `true`, `false` and `null`.
//!
//! Most of it is about what stands in their place when a text is wrong: Jackson has words of their own
//! for a leading plus, for `NaN` and its kin, and for any other word.

use serde_json::{Number, Value};

use super::chars::{is_identifier_part, is_latin_1_letter, more_bytes};
use super::error::{A_VALID_VALUE, A_VALUE, EnclosingScope, SyntaxCause, SyntaxError};
use super::scan::TextScan;
use crate::limits::{JSON_NUMBER_DIGITS_MAX, JSON_WORD_UNITS_MAX};

/// A value that is neither string nor container.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar {
    Null,
    Boolean(bool),
    /// A number without fraction and exponent: its sign and, up to 19 digits, its size.
    Integer {
        negative: bool,
        size: Option<u64>,
    },
    Float,
}

impl TextScan<'_> {
    /// Passes over a value that is neither string nor container, and whose first byte has been taken.
    #[inline]
    pub(super) fn scalar(&mut self, first: u8, scope: EnclosingScope) -> Result<Scalar, SyntaxError> {
        match first {
            b'0'..=b'9' | b'-' => self.number(first, scope),
            b't' => self.word("true").map(|()| Scalar::Boolean(true)),
            b'f' => self.word("false").map(|()| Scalar::Boolean(false)),
            b'n' => self.word("null").map(|()| Scalar::Null),
            _ => Err(self.no_value(first, scope)),
        }
    }

    #[inline]
    fn number(&mut self, first: u8, scope: EnclosingScope) -> Result<Scalar, SyntaxError> {
        let negative = first == b'-';
        let mut digit = first;
        if negative {
            digit = self.take().ok_or_else(|| self.end_in_token())?;
            if !digit.is_ascii_digit() {
                return Err(match digit {
                    b'.' => self.no_value(b'.', scope),
                    _ => self.odd_number(digit.into(), true),
                });
            }
        }
        let from = self.at - 1;
        let mut size = u64::from(digit - b'0');
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            if size == 0 && self.at == from + 1 {
                return Err(self.error(SyntaxCause::LeadingZero));
            }
            size = size.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let mut digits = self.at - from;
        let mut scalar = Scalar::Integer { negative, size: (digits < 20).then_some(size) };
        if let Some(b'.' | b'e' | b'E') = self.bytes.get(self.at) {
            digits += self.fraction()?;
            scalar = Scalar::Float;
        }
        if scope == EnclosingScope::Root {
            self.space_after_root()?;
        }
        if digits > JSON_NUMBER_DIGITS_MAX {
            return Err(self.error(SyntaxCause::NumberLength { digits }));
        }
        Ok(scalar)
    }

    /// Passes over fraction and exponent, and tells how many digits they have.
    fn fraction(&mut self) -> Result<usize, SyntaxError> {
        let mut fraction = 0;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            fraction = self.digits();
            if fraction == 0 {
                // At the end of the text Jackson blames the point itself.
                let unit = self.take().unwrap_or(b'.').into();
                return Err(
                    self.error(SyntaxCause::BadNumber { unit, wanted: "Decimal point not followed by a digit" })
                );
            }
        }
        let mut exponent = 0;
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            exponent = self.digits();
            if exponent == 0 {
                let unit = self.take().ok_or_else(|| self.end_in_token())?.into();
                let wanted = "Exponent indicator not followed by a digit";
                return Err(self.error(SyntaxCause::BadNumber { unit, wanted }));
            }
        }
        Ok(fraction + exponent)
    }

    fn digits(&mut self) -> usize {
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    /// A number that is a whole text by itself must end at a blank, or with the text.
    fn space_after_root(&mut self) -> Result<(), SyntaxError> {
        match self.bytes.get(self.at) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => Ok(()),
            Some(&byte) => {
                self.at += 1;
                Err(self.unexpected(byte, "Expected space separating root-level values"))
            }
        }
    }

    #[inline]
    fn word(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        self.rest_of_word(word, 1)
    }

    /// Matches `word` from its `from`th byte on; those before have been taken.
    fn rest_of_word(&mut self, word: &'static str, from: usize) -> Result<(), SyntaxError> {
        for (nth, byte) in word.bytes().enumerate().skip(from) {
            if self.bytes.get(self.at) != Some(&byte) {
                return Err(self.unrecognized(word[..nth].to_owned()));
            }
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            None | Some(..b'0' | b']' | b'}') => Ok(()),
            // Jackson reads a first byte beyond ASCII twice here, and so finds it wrong always.
            Some(&byte @ 0x80..) => Err(self.error_of_character_met_twice(byte)),
            Some(&byte) if is_identifier_part(byte.into()) => Err(self.unrecognized(word.to_owned())),
            Some(_) => Ok(()),
        }
    }

    #[cold]
    fn error_of_character_met_twice(&mut self, byte: u8) -> SyntaxError {
        if more_bytes(byte).is_none() {
            return self.error(SyntaxCause::BadStart { byte });
        }
        self.at += 1;
        self.error(SyntaxCause::BadMiddle { bits: byte.into() })
    }

    /// A byte where a value should begin.
    #[cold]
    fn no_value(&mut self, first: u8, scope: EnclosingScope) -> SyntaxError {
        match first {
            b']' if scope == EnclosingScope::Array => return self.unexpected(first, A_VALUE),
            b',' | b'}' => return self.unexpected(first, A_VALUE),
            b'N' => return self.non_standard("NaN", 1),
            b'I' => return self.non_standard("Infinity", 1),
            b'+' => {
                return match self.take() {
                    Some(byte) => self.odd_number(byte.into(), false),
                    None => self.error(SyntaxCause::End(" in a Number value")),
                };
            }
            _ => {}
        }
        // A byte beyond ASCII is taken for the Latin-1 character of that number.
        if first.is_ascii_alphabetic() || matches!(first, b'$' | b'_') || is_latin_1_letter(first) {
            self.unrecognized(char::from(first).to_string())
        } else {
            self.unexpected(first, A_VALID_VALUE)
        }
    }

    /// A sign that no digit follows.
    #[cold]
    fn odd_number(&mut self, mut unit: i32, negative: bool) -> SyntaxError {
        if unit == i32::from(b'I') {
            let Some(byte) = self.take() else {
                return self.error(SyntaxCause::End(" in a Number value"));
            };
            match (byte, negative) {
                (b'N', true) => return self.non_standard("-INF", 3),
                (b'N', false) => return self.non_standard("+INF", 3),
                (b'n', true) => return self.non_standard("-Infinity", 3),
                (b'n', false) => return self.non_standard("+Infinity", 3),
                // Jackson forgets here that Java's bytes have signs.
                _ => unit = i32::from(byte.cast_signed()),
            }
        }
        self.error(if negative {
            SyntaxCause::BadNumber {
                unit,
                wanted: "expected digit (0-9) to follow minus sign, for valid numeric value",
            }
        } else {
            SyntaxCause::BadNumber {
                unit: b'+'.into(),
                wanted: "JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
            }
        })
    }

    fn non_standard(&mut self, token: &'static str, from: usize) -> SyntaxError {
        match self.rest_of_word(token, from) {
            Ok(()) => self.error(SyntaxCause::NonStandard { token }),
            Err(error) => error,
        }
    }

    /// A word that is none of the three: read to its end, to be shown whole.
    #[cold]
    fn unrecognized(&mut self, mut token: String) -> SyntaxError {
        let mut units = token.encode_utf16().count();
        while let Some(byte) = self.take() {
            let unit = match self.character(byte) {
                Ok(unit) => unit,
                Err(error) => return error,
            };
            if !is_identifier_part(unit) {
                break;
            }
            token.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            units += 1;
            if units >= JSON_WORD_UNITS_MAX {
                token.push_str("...");
                break;
            }
        }
        self.error(SyntaxCause::Unrecognized { token })
    }
}

impl Scalar {
    /// The value, of a scalar that is written `literal`.
    #[inline]
    pub(super) fn value(self, literal: &[u8]) -> Value {
        match self {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => Value::Bool(value),
            Scalar::Integer { negative: false, size: Some(size) } => Value::from(size),
            // `-0` is the integer 0, as it is for Jackson.
            Scalar::Integer { negative: true, size: Some(size) } => match 0i64.checked_sub_unsigned(size) {
                Some(integer) => Value::from(integer),
                None => float(literal),
            },
            // Twenty digits may still fit.
            //
            // DIFFERENCE: Elasticsearch keeps integers of any size; beyond 64 bits we keep a double.
            Scalar::Integer { .. } => match text(literal).parse::<u64>() {
                Ok(integer) => Value::from(integer),
                Err(_) => float(literal),
            },
            Scalar::Float => float(literal),
        }
    }

    /// Jackson's name of the token.
    pub(super) fn name(self) -> &'static str {
        match self {
            Scalar::Null => "VALUE_NULL",
            Scalar::Boolean(true) => "VALUE_TRUE",
            Scalar::Boolean(false) => "VALUE_FALSE",
            Scalar::Integer { .. } => "VALUE_NUMBER_INT",
            Scalar::Float => "VALUE_NUMBER_FLOAT",
        }
    }
}

fn text(literal: &[u8]) -> &str {
    str::from_utf8(literal).expect("a number is written in ASCII")
}

fn float(literal: &[u8]) -> Value {
    let float: f64 = text(literal).parse().expect("a JSON number is a Rust number");
    // DIFFERENCE: Elasticsearch keeps 1e400 as a decimal and fails where a field cannot hold it. We
    // keep the greatest double; the literal is there for whoever wants to judge it.
    Number::from_f64(float.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}
