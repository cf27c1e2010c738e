//! Refusals that any request can meet: message, route, parameters, body.
//!
//! Source: Elasticsearch 9.x, its REST controller and base handler.

use crate::es::body::words::bad_boolean_reason;
use crate::es::error::{ApiError, ErrorShape, Exception, bad_boolean, full, illegal_argument, short, unknown_enum};
use crate::http::Method;
use crate::limits::{HEADER_BYTES_MAX, REQUEST_LINE_BYTES_MAX};
use crate::suggest;

impl ApiError {
    // ── the message as a whole ────────────────────────────────────────────────────────────────────

    /// A broken escape in the query, met while decoding `reason`'s name or value.
    pub(crate) fn bad_query(reason: String) -> ApiError {
        let cause = illegal_argument(reason.clone());
        full(
            400,
            Exception::new("bad_parameter_exception", format!("java.lang.IllegalArgumentException: {reason}"))
                .caused_by(cause),
        )
    }

    /// A broken escape in the path.
    pub(crate) fn bad_path(reason: String) -> ApiError {
        full(400, illegal_argument(reason))
    }

    /// A query parameter that only the server itself may set.
    pub(crate) fn reserved_parameter(name: &str) -> ApiError {
        ApiError::bad_query(format!("parameter [{name}] is reserved and may not be set"))
    }

    /// A media type header that cannot be read.
    pub(crate) fn media_type_header(header: &str, reason: String) -> ApiError {
        full(
            400,
            Exception::new("media_type_header_exception", format!("Invalid media-type value on headers [{header}]"))
                .caused_by(illegal_argument(reason)),
        )
    }

    /// Media types that ask for a REST version which is not there, or for two.
    pub(crate) fn media_type_version(reason: String) -> ApiError {
        full(
            400,
            Exception::new("media_type_header_exception", "Invalid media-type value on headers [Accept, Content-Type]")
                .caused_by(Exception::new("status_exception", reason)),
        )
    }

    /// A body of a type that is not understood.
    pub(crate) fn content_type(raw: &str) -> ApiError {
        short(406, format!("Content-Type header [{raw}] is not supported"))
    }

    /// A header that may have one value and has several.
    pub(crate) fn single_valued_header(name: &str) -> ApiError {
        full(400, illegal_argument(format!("multiple values for single-valued header [{name}].")))
    }

    /// Bytes in which there is no request line, as those of a TLS handshake on a port of plain HTTP.
    pub(crate) fn no_request_line() -> ApiError {
        full(400, illegal_argument("text is empty (possibly HTTP/0.9)"))
    }

    /// A request line over the limit.
    pub(crate) fn too_long_line() -> ApiError {
        let reason = format!("An HTTP line is larger than {REQUEST_LINE_BYTES_MAX} bytes.");
        full(400, Exception::new("too_long_http_line_exception", reason))
    }

    /// Headers over the limit.
    pub(crate) fn too_long_headers() -> ApiError {
        let reason = format!("HTTP header is larger than {HEADER_BYTES_MAX} bytes.");
        full(400, Exception::new("too_long_http_header_exception", reason))
    }

    /// A body over the limit.
    pub(crate) fn too_large() -> ApiError {
        ApiError { status: 413, allow: None, shape: ErrorShape::Bare }
    }

    /// A body whose values would take more memory than there is for one.
    ///
    /// DIFFERENCE: Elasticsearch counts the memory of all that goes on; here each body is counted by
    /// itself, so that the answer does not depend on other calls.
    pub(crate) fn data_too_large(wanted: usize, most: usize) -> ApiError {
        let mb = |bytes: usize| match (bytes >> 20, ((bytes * 10) >> 20) % 10) {
            (whole, 0) => format!("{bytes}/{whole}mb"),
            (whole, tenth) => format!("{bytes}/{whole}.{tenth}mb"),
        };
        let reason = format!(
            "[in_flight_requests] Data too large, data for [<http_request>] would be [{}], which is larger than the \
             limit of [{}]",
            mb(wanted),
            mb(most)
        );
        let broken = Exception::new("circuit_breaking_exception", reason);
        full(429, broken.with("bytes_wanted", wanted).with("bytes_limit", most).with("durability", "TRANSIENT"))
    }

    /// A boolean parameter that is neither true nor false.
    pub(crate) fn bad_boolean(value: &str) -> ApiError {
        full(400, bad_boolean(value))
    }

    /// An `error_trace` that is neither true nor false; it is read before errors have their full form.
    pub(crate) fn bad_error_trace(value: &str) -> ApiError {
        short(400, bad_boolean_reason(value))
    }

    // ── routing ───────────────────────────────────────────────────────────────────────────────────

    /// No path like that.
    pub(crate) fn no_handler(target: &str, method: &Method) -> ApiError {
        let text = format!("no handler found for uri [{target}] and method [{method}]");
        ApiError { status: 400, allow: None, shape: ErrorShape::Short { text, with_status: false } }
    }

    /// The path is known, the method is not.
    pub(crate) fn wrong_method(target: &str, method: &Method, allowed: &[Method]) -> ApiError {
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
        ApiError { allow, ..short(405, text) }
    }

    /// A path that reads as the name of an index which cannot be one.
    pub(crate) fn invalid_index_name(index: &str) -> ApiError {
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
    pub(crate) fn unsupported_operation(operation: &str, nearest: Option<&str>) -> ApiError {
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
    // DIFFERENCE: Elasticsearch would do it. The type says whose answer this is.
    pub(crate) fn unsupported(what: &str, instead: &str) -> ApiError {
        full(
            501,
            Exception::new(
                "elastimock_unsupported_exception",
                format!("elastimock does not support {what}; {instead}"),
            ),
        )
    }

    /// The server behind this one has not answered.
    // DIFFERENCE: Elasticsearch has no such type.
    pub(crate) fn of_upstream(status: u16, reason: String) -> ApiError {
        full(status, Exception::new("elastimock_upstream_exception", reason))
    }

    /// A parameter, or a member of a body, that this mock does not have and that would change the answer.
    pub(crate) fn unsupported_part(what: &str, name: &str, operation: &str) -> ApiError {
        ApiError::unsupported(&format!("the {what} [{name}] of [{operation}]"), "leave it out")
    }

    /// A fault of elastimock itself.
    // DIFFERENCE: Elasticsearch has no such type.
    pub(crate) fn bug(what: &str) -> ApiError {
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
    ) -> ApiError {
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
    pub(crate) fn bad_int(name: &str, value: &str) -> ApiError {
        full(
            400,
            illegal_argument(format!("Failed to parse int parameter [{name}] with value [{value}]"))
                .caused_by(Exception::new("number_format_exception", format!("For input string: \"{value}\""))),
        )
    }

    /// A `long` parameter that is none.
    pub(crate) fn bad_long(name: &str, value: &str) -> ApiError {
        full(
            400,
            illegal_argument(format!("Failed to parse long parameter [{name}] with value [{value}]"))
                .caused_by(Exception::new("number_format_exception", format!("For input string: \"{value}\""))),
        )
    }

    /// A `from` or `size` below zero.
    pub(crate) fn negative_parameter(name: &str) -> ApiError {
        full(400, illegal_argument(format!("Parameter [{name}] cannot be < 0")))
    }

    /// A name that is none of an enumeration.
    pub(crate) fn unknown_enum(enumeration: &str, value: &str) -> ApiError {
        full(400, unknown_enum(enumeration, value))
    }

    // ── bodies ────────────────────────────────────────────────────────────────────────────────────

    /// There is no body and there must be one.
    pub(crate) fn body_required() -> ApiError {
        full(400, Exception::new("parse_exception", "request body is required"))
    }

    /// There is a body and nobody reads it.
    pub(crate) fn body_not_supported(method: &Method, path: &str) -> ApiError {
        full(400, illegal_argument(format!("request [{method} {path}] does not support having a body")))
    }

    /// A body that its parser refuses, or trips over.
    pub(crate) fn parse(exception: Exception) -> ApiError {
        let is_of_server = ["illegal_state_exception", "aggregation_initialization_exception"]
            .contains(&exception.kind)
            || ["aggregation_execution_exception", "class_cast_exception"].contains(&exception.kind);
        full(if is_of_server { 500 } else { 400 }, exception)
    }

    /// Validation rules that a well-formed request breaks.
    pub(crate) fn validation(messages: &[String]) -> ApiError {
        let lines: String =
            messages.iter().enumerate().map(|(at, message)| format!("{}: {message};", at + 1)).collect();
        full(400, Exception::new("action_request_validation_exception", format!("Validation Failed: {lines}")))
    }

    // ── our own calls ─────────────────────────────────────────────────────────────────────────────

    /// A call of the admin API that cannot be done as asked.
    pub(crate) fn admin(reason: impl Into<String>) -> ApiError {
        full(400, illegal_argument(reason))
    }

    /// A call of ours for which there is no room.
    pub(crate) fn too_many(reason: impl Into<String>) -> ApiError {
        full(429, Exception::new("es_rejected_execution_exception", reason))
    }

    /// A call of a web page, or by a name that is not the mock's.
    // DIFFERENCE: Elasticsearch answers these.
    pub(crate) fn foreign(reason: String) -> ApiError {
        full(403, Exception::new("elastimock_forbidden_exception", reason))
    }

    /// A call that a recording does not have.
    // DIFFERENCE: Elasticsearch plays nothing back.
    pub(crate) fn unmatched(reason: String) -> ApiError {
        full(400, Exception::new("elastimock_unmatched_exception", reason))
    }
}
