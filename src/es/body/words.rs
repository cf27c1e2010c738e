//! What the server's object parsers say of a body.
//!
//! Source: Elasticsearch 9.x, its declarative object parsers.

use crate::clock::IsoStop;
use crate::es::error::{Exception, illegal_argument};
use crate::es::http::call::IntRefusal;
use crate::json::{Position, SyntaxError};
use crate::suggest;

// ── what a body's parser says; the walk puts it together ──────────────────────────────────────────

pub(crate) fn bad_boolean_reason(value: &str) -> String {
    format!("Failed to parse value [{value}] as only [true] or [false] are allowed.")
}

pub(crate) fn bad_boolean(value: &str) -> Exception {
    illegal_argument(bad_boolean_reason(value))
}

pub(crate) fn unknown_enum(enumeration: &str, value: &str) -> Exception {
    illegal_argument(format!("Unknown {enumeration} [{value}]."))
}

fn at(position: Position, text: impl std::fmt::Display) -> Exception {
    Exception::new("x_content_parse_exception", format!("[{}:{}] {text}", position.line, position.column))
}

/// The text is no JSON.
pub(crate) fn syntax(error: &SyntaxError) -> Exception {
    let Position { line, column, .. } = error.position();
    let detail = match error.location() {
        location if location.is_empty() => error.message(),
        location => format!("{}\n{location}", error.message()),
    };
    if error.is_end_of_input() {
        Exception::new("x_content_e_o_f_exception", format!("[{line}:{column}] Unexpected end of file"))
            .caused_by(Exception::new("json_e_o_f_exception", detail))
    } else if error.is_constraint() {
        Exception::new("x_content_parse_exception", format!("[{line}:{column}] {detail}"))
            .caused_by(Exception::new("stream_constraints_exception", detail))
    } else {
        Exception::new("x_content_parse_exception", format!("[{line}:{column}] {detail}"))
            .caused_by(Exception::new("json_parse_exception", detail))
    }
}

pub(crate) fn expected_object(position: Position, parser: &str, token: &str) -> Exception {
    at(position, format_args!("[{parser}] Expected START_OBJECT but was: {token}"))
}

pub(crate) fn unknown_field<'a>(
    position: Position,
    parser: &str,
    field: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Exception {
    let close = suggest::similar(field, known);
    let hint = match close.as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean [{one}]?"),
        several => format!(" did you mean any of [{}]?", several.join(", ")),
    };
    at(position, format_args!("[{parser}] unknown field [{field}]{hint}"))
}

pub(crate) fn wrong_token(position: Position, parser: &str, field: &str, token: &str) -> Exception {
    at(position, format_args!("[{parser}] {field} doesn't support values of type: {token}"))
}

pub(crate) fn failed_field(position: Position, parser: &str, field: &str, cause: Exception) -> Exception {
    at(position, format_args!("[{parser}] failed to parse field [{field}]")).caused_by(cause)
}

pub(crate) fn failed_build(position: Position, parser: &str, cause: Exception) -> Exception {
    if cause.is_parse_error() {
        at(position, format_args!("failed to build [{parser}] after last required field arrived")).caused_by(cause)
    } else {
        Exception::new(
            "x_content_parse_exception",
            format!("Failed to build [{parser}] after last required field arrived"),
        )
        .caused_by(cause)
    }
}

pub(crate) fn required(fields: &[&str]) -> Exception {
    illegal_argument(format!("Required [{}]", fields.join(", ")))
}

pub(crate) fn no_number(text: &str) -> Exception {
    illegal_argument(format!("For input string: \"{text}\""))
}

pub(crate) fn out_of_long_range(position: Position, text: &str) -> Exception {
    let detail = format!("Numeric value ({text}) out of range of long (-9223372036854775808 - 9223372036854775807)");
    at(position, &detail).caused_by(Exception::new("input_coercion_exception", detail))
}

pub(crate) fn no_instant_token(field: &str, token: &str) -> Exception {
    illegal_argument(format!("unexpected token [{token}] for [{field}]"))
}

pub(crate) fn no_instant(text: &str) -> Exception {
    let reason = format!("failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]");
    illegal_argument(reason)
        .caused_by(Exception::new("date_time_parse_exception", "Failed to parse with all enclosed parsers"))
}

/// An instant of a connector, read by Java's own formatter. It shows no more than 64 characters.
pub(crate) fn no_iso_instant(text: &str, stop: IsoStop) -> Exception {
    let shown: String =
        if text.chars().count() > 64 { text.chars().take(64).chain("...".chars()).collect() } else { text.to_owned() };
    let detail = match stop {
        IsoStop::At(at) => format!("could not be parsed at index {at}"),
        IsoStop::Unparsed(at) => format!("could not be parsed, unparsed text found at index {at}"),
    };
    Exception::new("date_time_parse_exception", format!("Text '{shown}' {detail}"))
}

pub(crate) fn no_int(text: &str, wrong: IntRefusal) -> Exception {
    match wrong {
        IntRefusal::OutOfRange => illegal_argument(format!("Value [{text}] is out of range for an integer")),
        IntRefusal::NoNumber if text.trim_matches(|c: char| c <= ' ').is_empty() => {
            Exception::new("number_format_exception", "empty String")
        }
        IntRefusal::NoNumber => Exception::new("number_format_exception", format!("For input string: \"{text}\"")),
    }
}

pub(crate) fn out_of_int_range(position: Position, text: &str) -> Exception {
    let detail = format!("Numeric value ({text}) out of range of int (-2147483648 - 2147483647)");
    at(position, &detail).caused_by(Exception::new("input_coercion_exception", detail))
}

/// A value of a kind that the field's own reading does not know.
pub(crate) fn unsupported_token(token: &str) -> Exception {
    Exception::new("x_content_parse_exception", format!("Unsupported token [{token}]"))
}

/// A text was to be read where there is none.
pub(crate) fn no_text(position: Position, token: &str) -> Exception {
    let Position { line, column, .. } = position;
    illegal_state(format!("Can't get text on a {token} at {line}:{column}"))
}

/// A list in a list.
pub(crate) fn no_item(token: &str) -> Exception {
    illegal_state(format!("expected value but got [{token}]"))
}

/// A value was not read to its end.
pub(crate) fn did_not_end(field: &str, end: &str) -> Exception {
    illegal_state(format!("parser for [{field}] did not end on {end}"))
}

/// A boolean that the parser lets be absent, and the building of the value does not.
// Inferred: the words are those of the virtual machine for the one place where this happens.
pub(crate) fn unboxed_null() -> Exception {
    Exception::new(
        "null_pointer_exception",
        "Cannot invoke \"java.lang.Boolean.booleanValue()\" because \"args[0]\" is null",
    )
}

fn illegal_state(reason: String) -> Exception {
    Exception::new("illegal_state_exception", reason)
}
