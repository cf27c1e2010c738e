//! JSON as Elasticsearch prints it: its escapes, its doubles, its pretty form.
//!
//! The walking is serde_json's; here are only the marks and the spelling of the pretty form. The compact one stands
//! next door.
//!
//! Source: Elasticsearch 9.x answers; jackson-core 2.15 and Java's `Double.toString`, compared run by run.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::compact::Compact;

/// The text of a value: compact, or in lines with a final line end.
///
/// ```
/// use elastimock::json;
/// use serde_json::json;
///
/// let value = json!({ "name": "node-1", "tags": [], "load": 1e10 });
/// assert_eq!(json::write(&value, false), r#"{"name":"node-1","tags":[],"load":1.0E10}"#);
/// assert_eq!(json::write(&value, true), r#"{
///   "name" : "node-1",
///   "tags" : [ ],
///   "load" : 1.0E10
/// }
/// "#);
/// ```
pub fn write(value: &Value, pretty: bool) -> String {
    let mut out = Vec::with_capacity(128);
    write_into(&mut out, value, pretty).expect("a value can be written, and a Vec takes it");
    String::from_utf8(out).expect("JSON is written in UTF-8")
}

/// Appends the text of anything that serialises; the same as [`write()`] for values.
///
/// DIFFERENCE: doubles that are no numbers are written `null` here (serde_json asks nobody), `"NaN"`
/// and `"Infinity"` by Elasticsearch. A [`Value`] cannot hold them.
///
/// # Errors
/// What the value's own serialisation refuses, and keys that are no strings. What has been written up
/// to there stays in `out`.
///
/// ```
/// use elastimock::json;
///
/// let mut out = b"took: ".to_vec();
/// json::write_into(&mut out, &[0.0001, 1.5], false)?;
/// assert_eq!(out, b"took: [1.0E-4,1.5]");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn write_into<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, pretty: bool) -> serde_json::Result<()> {
    if !pretty {
        return value.serialize(Compact(out));
    }
    value.serialize(&mut Serializer::with_formatter(&mut *out, Pretty::default()))?;
    out.push(b'\n');
    Ok(())
}

/// One field or element a line, two blanks a level, blanks around the colon and in empty containers.
#[derive(Default)]
struct Pretty {
    level: usize,
    /// Whether the container that ends next had something in it.
    filled: bool,
}

impl Pretty {
    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, mark: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.filled = false;
        out.write_all(mark)
    }

    fn next<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, mark: &[u8]) -> io::Result<()> {
        self.level -= 1;
        if self.filled {
            self.line(out)?;
        } else {
            out.write_all(b" ")?;
        }
        out.write_all(mark)
    }

    fn line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.level).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Pretty {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b" : ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn write_f64<W: Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        java_float(out, &format!("{value:e}"), || format!("{value:.1e}"))
    }

    fn write_f32<W: Write + ?Sized>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        java_float(out, &format!("{value:e}"), || format!("{value:.1e}"))
    }

    fn write_char_escape<W: Write + ?Sized>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        char_escape(out, escape)
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        string_fragment(out, fragment)
    }
}

/// A text with its escapes, without its quotes.
pub(super) fn escape_into(out: &mut Vec<u8>, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..'\x20' => out.extend_from_slice(format!("\\u{:04X}", u32::from(char)).as_bytes()),
            '\u{10000}'.. => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04X}").as_bytes());
                }
            }
            char => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn char_escape<W: Write + ?Sized>(out: &mut W, escape: CharEscape) -> io::Result<()> {
    out.write_all(match escape {
        CharEscape::Quote => b"\\\"",
        CharEscape::ReverseSolidus => b"\\\\",
        CharEscape::Solidus => b"/",
        CharEscape::Backspace => b"\\b",
        CharEscape::FormFeed => b"\\f",
        CharEscape::LineFeed => b"\\n",
        CharEscape::CarriageReturn => b"\\r",
        CharEscape::Tab => b"\\t",
        CharEscape::AsciiControl(byte) => return write!(out, "\\u{byte:04X}"),
    })
}

/// Characters outside the Basic Multilingual Plane go as two escapes, all others as they are.
fn string_fragment<W: Write + ?Sized>(out: &mut W, fragment: &str) -> io::Result<()> {
    // In UTF-8 just these characters begin with such a byte. Most texts have none, which a look at all
    // bytes together tells soonest.
    let beyond = |byte| byte >= 0xF0;
    let mut rest = fragment;
    if beyond(fragment.bytes().fold(0, u8::max)) {
        while let Some(at) = rest.bytes().position(beyond) {
            let (before, from) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            for unit in chars.next().unwrap_or_default().encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04X}")?;
            }
            rest = chars.as_str();
        }
    }
    out.write_all(rest.as_bytes())
}

/// A float as Java prints it, from its shortest form with an exponent (`1.25e-7`).
///
/// Between 1/1000 and 10 million plainly, else with an exponent, and always with a fraction. Java
/// wants two digits at least and then the best two: the least double is `4.9E-324`, not `5.0E-324`.
/// `two_digits` is the float rounded to two.
pub(super) fn java_float<W: Write + ?Sized>(
    out: &mut W,
    shortest: &str,
    two_digits: impl FnOnce() -> String,
) -> io::Result<()> {
    let rounded;
    let mut shortest = shortest;
    let zero = matches!(shortest, "0e0" | "-0e0");
    if !shortest.contains('.') && !zero {
        rounded = two_digits();
        shortest = &rounded;
    }
    let (mantissa, exponent) = shortest.split_once('e').expect("Rust prints an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    out.write_all(sign.as_bytes())?;
    match exponent {
        0 => write!(out, "{whole}.{fraction}"),
        -3..0 => {
            let zeros = &"00"[..(-exponent - 1) as usize];
            write!(out, "0.{zeros}{whole}{}", fraction.strip_suffix('0').unwrap_or(fraction))
        }
        1..7 => {
            let exponent = exponent as usize;
            let (front, back) = fraction.split_at(exponent.min(fraction.len()));
            let back = if back.is_empty() { "0" } else { back };
            write!(out, "{whole}{front:0<exponent$}.{back}")
        }
        _ => write!(out, "{whole}.{fraction}E{exponent}"),
    }
}
