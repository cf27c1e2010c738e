//! What can be wrong with a JSON text, where, and in whose words.
//!
//! The scanner states a [`SyntaxCause`] with its facts; the one `match` that turns causes into Jackson's
//! words is here, and so is the way Jackson prints a place in a body.
//!
//! Source: jackson-core 2.15 (behaviour compared run by run), Elasticsearch 9.x for the kinds.

use std::borrow::Cow;
use std::fmt;

use super::tokens::Token;
use crate::limits::{JSON_DEPTH_MAX, JSON_EXCERPT_BYTES_MAX, JSON_NUMBER_DIGITS_MAX};

/// A place in a text. Lines and columns count from 1, and columns count bytes, not characters.
///
/// ```
/// use elastimock::json::{self, Position};
///
/// let at = json::locate(b"{\n  \"page\": 3 }", "/page", true);
/// assert_eq!(at, Some(Position { line: 2, column: 3, offset: 4 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Byte in the line, from 1; 0 only for "before the first token".
    pub column: u32,
    /// Bytes before this place.
    pub offset: usize,
}

impl Position {
    /// Where a reader stands that has seen no token yet. Jackson calls it line 1, column 0.
    pub const START: Position = Position { line: 1, column: 0, offset: 0 };
}

/// The line that holds a place: its number, and the offset of its first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextLine {
    number: u32,
    first: usize,
    /// Everything before this offset has been looked at for line ends.
    seen: usize,
}

impl TextLine {
    pub(super) const FIRST: TextLine = TextLine { number: 1, first: 0, seen: 0 };

    /// The line of `offset`, counted on from this one. `\n`, `\r\n` and a lone `\r` end a line.
    pub(super) fn of(mut self, bytes: &[u8], offset: usize) -> TextLine {
        if offset < self.seen {
            self = TextLine::FIRST;
        }
        let offset = offset.min(bytes.len());
        while let Some(more) = bytes[self.seen..offset].iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let end = self.seen + more;
            // The `\n` of a pair goes with its `\r`, even where the text is cut between them.
            let pair = bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n');
            self.first = end + 1 + usize::from(pair);
            self.seen = self.first;
            self.number = self.number.saturating_add(1);
            if self.seen >= offset {
                return self;
            }
        }
        self.seen = offset;
        self
    }

    /// `offset` as a place in this line.
    pub(super) fn position(self, offset: usize) -> Position {
        let column = u32::try_from(offset.saturating_sub(self.first) + 1).unwrap_or(u32::MAX);
        Position { line: self.number, column, offset }
    }
}

/// What encloses the current place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnclosingScope {
    Root,
    Array,
    Object,
}

impl EnclosingScope {
    fn name(self) -> &'static str {
        match self {
            EnclosingScope::Root => "root",
            EnclosingScope::Array => "Array",
            EnclosingScope::Object => "Object",
        }
    }
}

/// What went wrong, with the facts its words need.
///
/// A `unit` is a character as Java holds it: 16 bits, or a bare byte, now and then negative.
#[derive(Debug)]
pub(super) enum SyntaxCause {
    Unexpected {
        unit: i32,
        wanted: &'static str,
    },
    NoComma {
        unit: i32,
        scope: EnclosingScope,
    },
    BadNumber {
        unit: i32,
        wanted: &'static str,
    },
    LeadingZero,
    NonStandard {
        token: &'static str,
    },
    Unrecognized {
        token: String,
    },
    ControlInText {
        byte: u8,
        place: &'static str,
    },
    ControlBetween {
        byte: u8,
    },
    BadEscape {
        unit: i32,
    },
    BadStart {
        byte: u8,
    },
    BadMiddle {
        bits: u32,
    },
    Mismatch {
        found: u8,
        scope: EnclosingScope,
        start: Position,
    },
    Duplicate {
        name: String,
    },
    /// The text ends; the place, as Jackson goes on after "Unexpected end-of-input".
    End(&'static str),
    /// The text ends while this was the current token.
    EndIn {
        token: &'static str,
    },
    EndOpen {
        scope: EnclosingScope,
        start: Position,
    },
    EndAfterComma {
        scope: EnclosingScope,
    },
    Depth,
    NumberLength {
        digits: usize,
    },
    /// Only [`read_file`](super::read_file) says these two; Elasticsearch does not look.
    Empty,
    Trailing(Token),
}

pub(super) const A_VALUE: &str = "expected a value";
pub(super) const A_VALID_VALUE: &str =
    "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

impl SyntaxCause {
    /// The words, up to an inner place if there is one.
    fn words(&self) -> Cow<'static, str> {
        let words = match *self {
            SyntaxCause::Unexpected { unit, wanted } => {
                format!("Unexpected character ({}): {wanted}", Unit(unit))
            }
            SyntaxCause::NoComma { unit, scope } => format!(
                "Unexpected character ({}): was expecting comma to separate {} entries",
                Unit(unit),
                scope.name()
            ),
            SyntaxCause::BadNumber { unit, wanted } => {
                format!("Unexpected character ({}) in numeric value: {wanted}", Unit(unit))
            }
            SyntaxCause::LeadingZero => {
                return "Invalid numeric value: Leading zeroes not allowed".into();
            }
            SyntaxCause::NonStandard { token } => {
                format!("Non-standard token '{token}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")
            }
            SyntaxCause::Unrecognized { ref token } => format!(
                "Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ),
            SyntaxCause::ControlInText { byte, place } => format!(
                "Illegal unquoted character ({}): has to be escaped using backslash to be included in {place}",
                Unit(byte.into())
            ),
            SyntaxCause::ControlBetween { byte } => format!(
                r"Illegal character ({}): only regular white space (\r, \n, \t) is allowed between tokens",
                Unit(byte.into())
            ),
            SyntaxCause::BadEscape { unit } => format!("Unrecognized character escape {}", Unit(unit)),
            SyntaxCause::BadStart { byte } => format!("Invalid UTF-8 start byte {byte:#x}"),
            SyntaxCause::BadMiddle { bits } => format!("Invalid UTF-8 middle byte {bits:#x}"),
            // The mark that would have been right is the other one, even where none would have been.
            SyntaxCause::Mismatch { found, scope, .. } => format!(
                "Unexpected close marker '{}': expected '{}' (for {} starting at ",
                char::from(found),
                if found == b']' { '}' } else { ']' },
                scope.name()
            ),
            SyntaxCause::Duplicate { ref name } => format!("Duplicate field '{name}'"),
            SyntaxCause::End(place) => format!("Unexpected end-of-input{place}"),
            SyntaxCause::EndIn { token } => format!("Unexpected end-of-input in {token}"),
            SyntaxCause::EndOpen { scope, .. } => {
                format!("Unexpected end-of-input: expected close marker for {} (start marker at ", scope.name())
            }
            SyntaxCause::EndAfterComma { scope } => {
                format!("Unexpected end-of-input within/between {} entries", scope.name())
            }
            SyntaxCause::Depth => {
                format!("Depth ({}) exceeds the maximum allowed nesting depth ({JSON_DEPTH_MAX})", JSON_DEPTH_MAX + 1)
            }
            SyntaxCause::NumberLength { digits } => {
                format!("Number length ({digits}) exceeds the maximum length ({JSON_NUMBER_DIGITS_MAX})")
            }
            SyntaxCause::Empty => return "Unexpected end-of-input: expected a value".into(),
            SyntaxCause::Trailing(token) => {
                format!("Unexpected token [{}] after the end of the value", token.name())
            }
        };
        words.into()
    }

    /// The inner place, where Jackson's words end with one.
    fn start(&self) -> Option<Position> {
        match *self {
            SyntaxCause::Mismatch { start, .. } | SyntaxCause::EndOpen { start, .. } => Some(start),
            _ => None,
        }
    }

    /// Whether the text ended too early. Such a cause stands after the last byte, whatever that is.
    fn is_end(&self) -> bool {
        match self {
            SyntaxCause::End(_) | SyntaxCause::EndIn { .. } | SyntaxCause::EndOpen { .. } | SyntaxCause::Empty => true,
            // Jackson has no end-of-input exception for a text that ends after a comma.
            // Source: jackson-core 2.15, seen in a run.
            _ => false,
        }
    }

    /// Whether a line end right before the place was counted before the trouble came up.
    fn is_after_line_end(&self) -> bool {
        self.is_end() || matches!(self, SyntaxCause::EndAfterComma { .. })
    }
}

/// A character as Jackson describes it: `'x' (code 120)`.
struct Unit(i32);

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0;
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "as Java's (char) does")]
        let unit = code as u16;
        if is_iso_control(unit.into()) {
            return write!(f, "(CTRL-CHAR, code {code})");
        }
        // DIFFERENCE: half of a surrogate pair cannot be held by a Rust string.
        let shown = char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
        if code > 255 {
            write!(f, "'{shown}' (code {code} / 0x{code:x})")
        } else {
            write!(f, "'{shown}' (code {code})")
        }
    }
}

fn is_iso_control(code: u32) -> bool {
    matches!(code, 0..=0x1F | 0x7F..=0x9F)
}

/// A text is no JSON: why, and where the reader stood.
///
/// The place is the one that Jackson reports, one past the byte that gave offence.
///
/// ```
/// use elastimock::json;
///
/// let error = json::read(br#"{"a":}"#).unwrap_err();
/// assert_eq!(error.message(), "Unexpected character ('}' (code 125)): expected a value");
/// assert_eq!(error.location(), r#" at [Source: (byte[])"{"a":}"; line: 1, column: 7]"#);
/// assert_eq!((error.position().line, error.position().column), (1, 7));
/// ```
#[derive(Debug)]
pub struct SyntaxError(Box<Facts>);

#[derive(Debug)]
struct Facts {
    cause: SyntaxCause,
    position: Position,
    source: String,
}

impl SyntaxError {
    /// `offset` is how far the reader had come, the offending byte included.
    #[cold]
    pub(super) fn new(bytes: &[u8], offset: usize, cause: SyntaxCause) -> SyntaxError {
        // A line end that is itself the offence has not begun a new line.
        let counted = if cause.is_after_line_end() { offset } else { offset.saturating_sub(1) };
        let position = TextLine::FIRST.of(bytes, counted).position(offset);
        SyntaxError(Box::new(Facts { cause, position, source: source(bytes) }))
    }

    /// Where the reader stood: one past the offending byte.
    ///
    /// ```
    /// # use elastimock::json;
    /// assert_eq!(json::read(b"[1 2]").unwrap_err().position().column, 5);
    /// ```
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// Whether the text ended too early. Elasticsearch answers `x_content_e_o_f_exception` then.
    ///
    /// A text that ends after a comma is *not* of this kind.
    ///
    /// ```
    /// # use elastimock::json;
    /// assert!(json::read(br#"{"a":1"#).unwrap_err().is_end_of_input());
    /// assert!(!json::read(br#"{"a":1,"#).unwrap_err().is_end_of_input());
    /// ```
    pub fn is_end_of_input(&self) -> bool {
        self.0.cause.is_end()
    }

    /// Whether a limit was passed: the depth of nesting, or the digits of a number.
    ///
    /// Elasticsearch answers `stream_constraints_exception` then, without a place.
    ///
    /// ```
    /// # use elastimock::json;
    /// let error = json::read("[".repeat(1001).as_bytes()).unwrap_err();
    /// assert!(error.is_constraint());
    /// assert_eq!(error.message(), "Depth (1001) exceeds the maximum allowed nesting depth (1000)");
    /// ```
    pub fn is_constraint(&self) -> bool {
        matches!(self.0.cause, SyntaxCause::Depth | SyntaxCause::NumberLength { .. })
    }

    /// Jackson's words, without the place at their end.
    ///
    /// Where the words themselves name an inner place, it is there, with its excerpt of the text.
    ///
    /// ```
    /// # use elastimock::json;
    /// let error = json::read(b"{").unwrap_err();
    /// assert_eq!(error.message(), "Unexpected end-of-input: expected close marker for Object \
    ///     (start marker at [Source: (byte[])\"{\"; line: 1, column: 1])");
    /// ```
    pub fn message(&self) -> String {
        let words = self.0.cause.words();
        match self.0.cause.start() {
            None => words.into_owned(),
            Some(start) => format!("{words}{})", self.place(start)),
        }
    }

    /// The place as Jackson appends it on a new line: ` at [Source: (byte[])"…"; line: 1, column: 7]`.
    ///
    /// The excerpt is the first 500 bytes of the text. Empty for a [constraint](Self::is_constraint),
    /// which Jackson reports without a place.
    ///
    /// ```
    /// # use elastimock::json;
    /// let error = json::read(format!("[{}", "1,".repeat(300)).as_bytes()).unwrap_err();
    /// assert!(error.location().ends_with("1,1\"[truncated 101 bytes]; line: 1, column: 602]"));
    /// ```
    pub fn location(&self) -> String {
        if self.is_constraint() {
            return String::new();
        }
        format!(" at {}", self.place(self.0.position))
    }

    fn place(&self, Position { line, column, .. }: Position) -> String {
        format!("[Source: {}; line: {line}, column: {column}]", self.0.source)
    }
}

/// For people, about files of ours: the words, then line and column, and no excerpt.
impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { cause, position: Position { line, column, .. }, .. } = &*self.0;
        f.write_str(&cause.words())?;
        if let Some(Position { line, column, .. }) = cause.start() {
            write!(f, "line {line}, column {column})")?;
        }
        write!(f, ", line {line}, column {column}")
    }
}

impl std::error::Error for SyntaxError {}

/// The text as Jackson shows it in a place: its beginning, control characters escaped save line ends.
///
/// DIFFERENCE: bytes that are half of a surrogate pair show as three U+FFFD, where Java shows one.
fn source(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(JSON_EXCERPT_BYTES_MAX)];
    let mut source = String::with_capacity(shown.len() + 40);
    source.push_str("(byte[])\"");
    for c in String::from_utf8_lossy(shown).chars() {
        if is_iso_control(c.into()) && !matches!(c, '\r' | '\n') {
            source.push_str(&format!("\\u{:04X}", u32::from(c)));
        } else {
            source.push(c);
        }
    }
    source.push('"');
    if bytes.len() > shown.len() {
        source.push_str(&format!("[truncated {} bytes]", bytes.len() - shown.len()));
    }
    source
}
