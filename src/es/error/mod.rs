//! Cause → type, reason and status: the only home of error words.
//!
//! An [`ApiError`] is an answer: what Elasticsearch says to a request that it refuses. Each constructor
//! stands for one cause and holds its words. Two shapes exist: the full envelope with root causes,
//! and a short one whose `error` is a plain text.
//!
//! Source: Elasticsearch 9.x, exceptions of the REST layer and their rendering.

mod contract;

use serde_json::{Map, Value, json};

pub(crate) use crate::es::body::words::*;
/// What the server says to a request that it refuses.
pub(crate) use crate::es::connector::words::cron::no_cron;
pub(crate) use contract::CONTRACT_EXCEPTION;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) allow: Option<String>,
    pub(crate) shape: ErrorShape,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ErrorShape {
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
pub(crate) enum Family {
    /// One of the server's own: gives way to a cause that is one too.
    Server,
    /// A parse error: gives way to a cause that is a parse error or one of the server's own.
    Parse,
    /// Anything else is its own root cause.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exception {
    pub(crate) kind: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Vec<(&'static str, Value)>,
    pub(crate) cause: Option<Box<Exception>>,
    /// What stands for it as the root cause, where that is none of its causes.
    pub(crate) root: Option<Box<Exception>>,
}

impl Exception {
    pub(crate) fn new(kind: &'static str, reason: impl Into<String>) -> Exception {
        Exception { kind, reason: Some(reason.into()), metadata: Vec::new(), cause: None, root: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Exception {
        self.metadata.push((name, value.into()));
        self
    }

    pub(crate) fn caused_by(mut self, cause: Exception) -> Exception {
        self.cause = Some(Box::new(cause));
        self
    }

    pub(crate) fn rooted_in(mut self, root: Exception) -> Exception {
        self.root = Some(Box::new(root));
        self
    }

    /// Whether it is what this mock says of itself.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.kind == UNSUPPORTED
    }

    pub(crate) fn family(&self) -> Family {
        match self.kind {
            "x_content_parse_exception" | "x_content_e_o_f_exception" | "named_object_not_found_exception" => {
                Family::Parse
            }
            "illegal_argument_exception"
            | "action_request_validation_exception"
            | "validation_exception"
            | "media_type_header_exception"
            | "bad_parameter_exception"
            | "number_format_exception"
            | "date_time_parse_exception"
            | "null_pointer_exception"
            | "illegal_state_exception"
            | "index_out_of_bounds_exception"
            | "input_coercion_exception"
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
        if let Some(root) = self.root.as_deref() {
            return root.root_cause();
        }
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

    pub(crate) fn to_map(&self, with_cause: bool, with_trace: bool) -> Map<String, Value> {
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

/// The type of what this mock says of itself where Elasticsearch would have answered.
pub(crate) const UNSUPPORTED: &str = "elastimock_unsupported_exception";

pub(crate) fn full(status: u16, exception: Exception) -> ApiError {
    ApiError { status, allow: None, shape: ErrorShape::Full(Box::new(exception)) }
}

pub(crate) fn short(status: u16, text: String) -> ApiError {
    ApiError { status, allow: None, shape: ErrorShape::Short { text, with_status: true } }
}

pub(crate) fn illegal_argument(reason: impl Into<String>) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

impl ApiError {
    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The reason of the top error, or the short text.
    pub(crate) fn reason(&self) -> &str {
        match &self.shape {
            ErrorShape::Full(exception) => exception.reason.as_deref().unwrap_or_default(),
            ErrorShape::Short { text, .. } => text,
            ErrorShape::Bare => "",
        }
    }

    /// The error as an answer about several documents tells that of one of them: without root causes.
    pub(crate) fn item(&self) -> Value {
        match &self.shape {
            ErrorShape::Full(exception) => Value::Object(exception.to_map(true, false)),
            ErrorShape::Short { text, .. } => json!(text),
            ErrorShape::Bare => Value::Null,
        }
    }

    /// The body of the answer; none for the bare ones.
    pub(crate) fn body(&self, with_trace: bool) -> Option<Value> {
        match &self.shape {
            ErrorShape::Full(exception) => {
                let mut error = Map::new();
                let root = exception.root_cause().to_map(false, with_trace);
                error.insert("root_cause".into(), json!([root]));
                error.extend(exception.to_map(true, with_trace));
                Some(json!({ "error": error, "status": self.status }))
            }
            ErrorShape::Short { text, with_status: true } => Some(json!({ "error": text, "status": self.status })),
            ErrorShape::Short { text, with_status: false } => Some(json!({ "error": text })),
            ErrorShape::Bare => None,
        }
    }
}
