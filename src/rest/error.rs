//! Cause → type, reason and status: the only home of error words.
//!
//! An [`Error`] is an answer: what Elasticsearch says to a request that it refuses. Each constructor
//! stands for one cause and holds its words. Two shapes exist: the full envelope with root causes,
//! and a short one whose `error` is a plain text.
//!
//! Source: Elasticsearch 9.x, exceptions of the REST layer and their rendering.

use serde_json::{Map, Value, json};

use crate::cluster::refusal::Refusal;
use crate::http::Method;
use crate::json::{Position, SyntaxError};
use crate::limits::{HEADER_BYTES_MAX, REQUEST_LINE_BYTES_MAX};
use crate::suggest;

/// What the server says to a request that it refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub(crate) status: u16,
    pub(crate) allow: Option<String>,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Full(Box<Exception>),
    Short {
        text: String,
        with_status: bool,
    },
    /// No body at all: written below the dispatcher.
    Bare,
}

/// How an exception takes part in the search for the root cause.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    /// One of the server's own: gives way to a cause that is one too.
    Server,
    /// A parse error: gives way to a cause that is a parse error or one of the server's own.
    Parse,
    /// Anything else is its own root cause.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exception {
    kind: &'static str,
    reason: Option<String>,
    metadata: Vec<(&'static str, Value)>,
    cause: Option<Box<Exception>>,
}

impl Exception {
    pub(crate) fn new(kind: &'static str, reason: impl Into<String>) -> Exception {
        Exception { kind, reason: Some(reason.into()), metadata: Vec::new(), cause: None }
    }

    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Exception {
        self.metadata.push((name, value.into()));
        self
    }

    pub(crate) fn caused_by(mut self, cause: Exception) -> Exception {
        self.cause = Some(Box::new(cause));
        self
    }

    fn family(&self) -> Family {
        match self.kind {
            "x_content_parse_exception" | "x_content_e_o_f_exception" => Family::Parse,
            "illegal_argument_exception"
            | "action_request_validation_exception"
            | "validation_exception"
            | "media_type_header_exception"
            | "bad_parameter_exception"
            | "number_format_exception"
            | "date_time_parse_exception"
            | "null_pointer_exception"
            | "json_parse_exception"
            | "json_e_o_f_exception"
            | "connector_sync_job_invalid_status_transition_exception"
            | "connector_invalid_status_transition_exception" => Family::Other,
            _ => Family::Server,
        }
    }

    pub(crate) fn is_parse_error(&self) -> bool {
        self.family() == Family::Parse
    }

    fn root_cause(&self) -> &Exception {
        let Some(cause) = self.cause.as_deref() else {
            return self;
        };
        let gives_way = match self.family() {
            // The failures of its shards are the root causes of a failed search.
            Family::Server if self.kind == "search_phase_execution_exception" => true,
            Family::Server => cause.family() == Family::Server,
            Family::Parse => cause.family() != Family::Other,
            Family::Other => false,
        };
        if gives_way { cause.root_cause() } else { self }
    }

    fn to_map(&self, with_cause: bool, with_trace: bool) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("type".into(), self.kind.into());
        map.insert("reason".into(), self.reason.clone().into());
        map.extend(self.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if let Some(cause) = self.cause.as_deref().filter(|_| with_cause) {
            map.insert("caused_by".into(), cause.to_map(true, with_trace).into());
        }
        if with_trace {
            map.insert("stack_trace".into(), self.stack_trace().into());
        }
        map
    }

    // DIFFERENCE: there is no Java stack to show; the text has the shape of one and says whose it is.
    fn stack_trace(&self) -> String {
        format!("{}: {}\n\tat elastimock\n", self.kind, self.reason.as_deref().unwrap_or("null"))
    }
}

fn full(status: u16, exception: Exception) -> Error {
    Error { status, allow: None, shape: Shape::Full(Box::new(exception)) }
}

fn short(status: u16, text: String) -> Error {
    Error { status, allow: None, shape: Shape::Short { text, with_status: true } }
}

fn illegal_argument(reason: impl Into<String>) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

impl Error {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason of the top error, or the short text.
    pub fn reason(&self) -> &str {
        match &self.shape {
            Shape::Full(exception) => exception.reason.as_deref().unwrap_or_default(),
            Shape::Short { text, .. } => text,
            Shape::Bare => "",
        }
    }

    /// The body of the answer; none for the bare ones.
    pub(crate) fn body(&self, with_trace: bool) -> Option<Value> {
        match &self.shape {
            Shape::Full(exception) => {
                let mut error = Map::new();
                let root = exception.root_cause().to_map(false, with_trace);
                error.insert("root_cause".into(), json!([root]));
                error.extend(exception.to_map(true, with_trace));
                Some(json!({ "error": error, "status": self.status }))
            }
            Shape::Short { text, with_status: true } => Some(json!({ "error": text, "status": self.status })),
            Shape::Short { text, with_status: false } => Some(json!({ "error": text })),
            Shape::Bare => None,
        }
    }

    // ── the message as a whole ────────────────────────────────────────────────────────────────────

    /// A broken escape in the query, met while decoding `reason`'s name or value.
    pub(crate) fn bad_query(reason: String) -> Error {
        let cause = illegal_argument(reason.clone());
        full(
            400,
            Exception::new("bad_parameter_exception", format!("java.lang.IllegalArgumentException: {reason}"))
                .caused_by(cause),
        )
    }

    /// A broken escape in the path.
    pub(crate) fn bad_path(reason: String) -> Error {
        full(400, illegal_argument(reason))
    }

    /// A query parameter that only the server itself may set.
    pub(crate) fn reserved_parameter(name: &str) -> Error {
        Error::bad_query(format!("parameter [{name}] is reserved and may not be set"))
    }

    /// A media type header that cannot be read.
    pub(crate) fn media_type_header(header: &str, reason: String) -> Error {
        full(
            400,
            Exception::new("media_type_header_exception", format!("Invalid media-type value on headers [{header}]"))
                .caused_by(illegal_argument(reason)),
        )
    }

    /// Media types that ask for a REST version which is not there, or for two.
    pub(crate) fn media_type_version(reason: String) -> Error {
        full(
            400,
            Exception::new("media_type_header_exception", "Invalid media-type value on headers [Accept, Content-Type]")
                .caused_by(Exception::new("status_exception", reason)),
        )
    }

    /// A body of a type that is not understood.
    pub(crate) fn content_type(raw: &str) -> Error {
        short(406, format!("Content-Type header [{raw}] is not supported"))
    }

    /// A header that may have one value and has several.
    pub(crate) fn single_valued_header(name: &str) -> Error {
        full(400, illegal_argument(format!("multiple values for single-valued header [{name}].")))
    }

    /// A request line over the limit.
    pub(crate) fn too_long_line() -> Error {
        let reason = format!("An HTTP line is larger than {REQUEST_LINE_BYTES_MAX} bytes.");
        full(400, Exception::new("too_long_http_line_exception", reason))
    }

    /// Headers over the limit.
    pub(crate) fn too_long_headers() -> Error {
        let reason = format!("HTTP header is larger than {HEADER_BYTES_MAX} bytes.");
        full(400, Exception::new("too_long_http_header_exception", reason))
    }

    /// A body over the limit.
    pub(crate) fn too_large() -> Error {
        Error { status: 413, allow: None, shape: Shape::Bare }
    }

    /// A boolean parameter that is neither true nor false.
    pub(crate) fn bad_boolean(value: &str) -> Error {
        full(400, bad_boolean(value))
    }

    /// The same for `error_trace`, which is read before errors have their full form.
    pub(crate) fn bad_error_trace(value: &str) -> Error {
        short(400, bad_boolean_reason(value))
    }

    // ── routing ───────────────────────────────────────────────────────────────────────────────────

    /// No path like that.
    pub(crate) fn no_handler(target: &str, method: &Method) -> Error {
        let text = format!("no handler found for uri [{target}] and method [{method}]");
        Error { status: 400, allow: None, shape: Shape::Short { text, with_status: false } }
    }

    /// The path is known, the method is not.
    pub(crate) fn wrong_method(target: &str, method: &Method, allowed: &[Method]) -> Error {
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let text = match method {
            Method::Other(name) if names.is_empty() => format!("Unexpected http method: {name}"),
            Method::Other(name) => format!("Unexpected http method: {name}, allowed: [{}]", names.join(", ")),
            known => format!(
                "Incorrect HTTP method for uri [{target}] and method [{known}], allowed: [{}]",
                names.join(", ")
            ),
        };
        let allow = (!names.is_empty()).then(|| names.join(","));
        Error { allow, ..short(405, text) }
    }

    /// A path that reads as the name of an index which cannot be one.
    pub(crate) fn invalid_index_name(index: &str) -> Error {
        full(
            400,
            Exception::new(
                "invalid_index_name_exception",
                format!("Invalid index name [{index}], must not start with '_'."),
            )
            .with("index_uuid", "_na_")
            .with("index", index),
        )
    }

    /// An operation that Elasticsearch has and this mock has not.
    // DIFFERENCE: Elasticsearch would do it. The type says whose answer this is.
    pub(crate) fn unsupported_operation(operation: &str, nearest: Option<&str>) -> Error {
        let nearest =
            nearest.map(|nearest| format!("; the nearest one that it has is [{nearest}]")).unwrap_or_default();
        full(
            501,
            Exception::new(
                "elastimock_unsupported_exception",
                format!("elastimock does not have the operation [{operation}] of Elasticsearch{nearest}"),
            ),
        )
    }

    /// A form of a request that Elasticsearch understands and this mock does not.
    // DIFFERENCE: as above.
    pub(crate) fn unsupported(what: &str, instead: &str) -> Error {
        full(
            501,
            Exception::new(
                "elastimock_unsupported_exception",
                format!("elastimock does not support {what}; {instead}"),
            ),
        )
    }

    /// A fault of elastimock itself.
    // DIFFERENCE: Elasticsearch has no such type.
    pub(crate) fn bug(what: &str) -> Error {
        full(
            500,
            Exception::new(
                "elastimock_bug",
                format!("elastimock failed while it answered: {what}; this is a fault of elastimock, please report it"),
            ),
        )
    }

    // ── parameters ────────────────────────────────────────────────────────────────────────────────

    /// Parameters that the operation does not know; `known` are those that it does.
    pub(crate) fn unrecognized_parameters<'a>(
        path: &str,
        names: &[&str],
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Error {
        let mut names = names.to_vec();
        names.sort_unstable();
        let plural = if names.len() > 1 { "s" } else { "" };
        let each: Vec<String> = names
            .iter()
            .map(|name| {
                let close = suggest::similar(name, known.clone());
                match close.as_slice() {
                    [] => format!("[{name}]"),
                    [one] => format!("[{name}] -> did you mean [{one}]?"),
                    several => format!("[{name}] -> did you mean any of [{}]?", several.join(", ")),
                }
            })
            .collect();
        full(
            400,
            illegal_argument(format!("request [{path}] contains unrecognized parameter{plural}: {}", each.join(", "))),
        )
    }

    /// An `int` parameter that is none.
    pub(crate) fn bad_int(name: &str, value: &str) -> Error {
        full(
            400,
            illegal_argument(format!("Failed to parse int parameter [{name}] with value [{value}]"))
                .caused_by(Exception::new("number_format_exception", format!("For input string: \"{value}\""))),
        )
    }

    /// A `from` or `size` below zero.
    pub(crate) fn negative_parameter(name: &str) -> Error {
        full(400, illegal_argument(format!("Parameter [{name}] cannot be < 0")))
    }

    /// A name that is none of an enumeration.
    pub(crate) fn unknown_enum(enumeration: &str, value: &str) -> Error {
        full(400, unknown_enum(enumeration, value))
    }

    // ── bodies ────────────────────────────────────────────────────────────────────────────────────

    /// There is no body and there must be one.
    pub(crate) fn body_required() -> Error {
        full(400, Exception::new("parse_exception", "request body is required"))
    }

    /// There is a body and nobody reads it.
    pub(crate) fn body_not_supported(method: &Method, path: &str) -> Error {
        full(400, illegal_argument(format!("request [{method} {path}] does not support having a body")))
    }

    /// A body that its parser refuses.
    pub(crate) fn parse(exception: Exception) -> Error {
        full(400, exception)
    }

    /// Validation rules that a well-formed request breaks.
    pub(crate) fn validation(messages: &[String]) -> Error {
        let lines: String =
            messages.iter().enumerate().map(|(at, message)| format!("{}: {message};", at + 1)).collect();
        full(400, Exception::new("action_request_validation_exception", format!("Validation Failed: {lines}")))
    }

    // ── our own calls ─────────────────────────────────────────────────────────────────────────────

    /// A call of the admin API that cannot be done as asked.
    pub(crate) fn admin(reason: impl Into<String>) -> Error {
        full(400, illegal_argument(reason))
    }

    /// A call that a recording does not have.
    // DIFFERENCE: Elasticsearch plays nothing back.
    pub(crate) fn unmatched(reason: String) -> Error {
        full(400, Exception::new("elastimock_unmatched_exception", reason))
    }
}

// ── what a body's parser says; the walk puts it together ──────────────────────────────────────────

fn bad_boolean_reason(value: &str) -> String {
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

// ── what the cluster refuses ──────────────────────────────────────────────────────────────────────

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        let missing = |reason: String| full(404, Exception::new("resource_not_found_exception", reason));
        let status = |reason: String| full(400, Exception::new("status_exception", reason));
        match refusal {
            Refusal::JobMissing { id } => missing(id),
            Refusal::JobNotFound { id } => missing(format!("connector sync job [{id}] not found")),
            Refusal::ConnectorNotFound { id } => missing(format!("connector [{id}] not found")),
            Refusal::ConnectorOfJobMissing { id } => missing(format!("Connector with id '{id}' does not exist.")),
            Refusal::DocumentMissing { id, index, index_uuid } => full(
                404,
                Exception::new("document_missing_exception", format!("[{id}]: document missing"))
                    .with("index_uuid", index_uuid)
                    .with("shard", "0")
                    .with("index", index),
            ),
            Refusal::IndexMissing { index } => full(
                404,
                Exception::new("index_not_found_exception", format!("no such index [{index}]"))
                    .with("resource.type", "index_or_alias")
                    .with("resource.id", index.clone())
                    .with("index_uuid", "_na_")
                    .with("index", index),
            ),
            Refusal::NoIndexAttached { connector_id } => status(format!(
                "Cannot start a sync for connector [{connector_id}] with no index attached. \
                 Set the [index_name] property for the connector to enable syncing data."
            )),
            Refusal::NoServiceType { connector_id } => status(format!(
                "Cannot start a sync for connector [{connector_id}] with [service_type] not defined. \
                 Set the service type of your connector before starting the sync."
            )),
            Refusal::IndexNameTaken { index_name } => {
                status(format!("Index name [{index_name}] is used by another connector."))
            }
            Refusal::InvalidTransition { from, to } => {
                let reason = format!(
                    "Invalid transition attempt from [{from}] to [{to}]. \
                     Such a ConnectorSyncStatus transition is not supported by the Connector Protocol."
                );
                let cause = Exception::new("connector_sync_job_invalid_status_transition_exception", reason.clone());
                full(400, Exception::new("status_exception", reason).caused_by(cause))
            }
            Refusal::UnknownStatus { status } => {
                full(400, unknown_enum("ConnectorSyncStatus", status.as_deref().unwrap_or("null")))
            }
            Refusal::VersionConflict { id, index, index_uuid, required, current } => full(
                409,
                Exception::new(
                    "version_conflict_engine_exception",
                    format!(
                        "[{id}]: version conflict, required seqNo [{}], primary term [{}]. \
                         current document has seqNo [{}] and primary term [{}]",
                        required.seq_no, required.primary_term, current.seq_no, current.primary_term
                    ),
                )
                .with("index_uuid", index_uuid)
                .with("shard", "0")
                .with("index", index),
            ),
            Refusal::Unmappable { id, field, field_type, value, column } => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // Inferred: the position is that of the value in the document as it would be stored.
                let preview: String = text.chars().take(128).collect();
                let cause = match field_type {
                    "integer" => {
                        let detail = format!("Numeric value ({text}) out of range of int (-2147483648 - 2147483647)");
                        Exception::new("x_content_parse_exception", format!("[1:{column}] {detail}"))
                            .caused_by(Exception::new("input_coercion_exception", detail))
                    }
                    _ => illegal_argument(format!(
                        "Document contains at least one immense term in field=\"{field}\" (whose UTF8 encoding is \
                         longer than the max length 32766), all of which were skipped. Please correct the analyzer \
                         to not produce such terms."
                    )),
                };
                full(
                    400,
                    Exception::new(
                        "document_parsing_exception",
                        format!(
                            "[1:{column}] failed to parse field [{field}] of type [{field_type}] in document with id \
                             '{id}'. Preview of field's value: '{preview}'"
                        ),
                    )
                    .caused_by(cause),
                )
            }
            Refusal::ResultWindow { asked } => {
                let reason = format!(
                    "Result window is too large, from + size must be less than or equal to: [10000] but was [{asked}]. \
                     See the scroll api for a more efficient way to request large data sets. This limit can be set by \
                     changing the [index.max_result_window] index level setting."
                );
                full(
                    400,
                    Exception::new("search_phase_execution_exception", "all shards failed")
                        .with("phase", "query")
                        .with("grouped", true)
                        .with("failed_shards", json!([]))
                        .caused_by(Exception::new("illegal_argument_exception", reason)),
                )
            }
        }
    }
}
