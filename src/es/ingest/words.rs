//! Pipelines: why one is not stored, and why a document did not get through.
//!
//! Source: Elasticsearch 9.x, configuration reader of ingest and its exceptions.

use crate::es::error::{ApiError, Exception, full, illegal_argument};
use crate::es::ingest::{FailureKind, IngestFailure, PipelineCause, PipelineRefusal};

impl From<PipelineRefusal> for ApiError {
    fn from(misfit: PipelineRefusal) -> ApiError {
        let PipelineRefusal { processor, tag, property, wrong } = misfit;
        let reason = match wrong {
            PipelineCause::Missing => "required property is missing".to_owned(),
            PipelineCause::Type { wanted, found } => format!("property isn't {wanted}, but of type [{found}]"),
            PipelineCause::NoSuchProcessor => {
                format!("No processor type exists with name [{}]", processor.as_deref().unwrap_or_default())
            }
            PipelineCause::UnknownSettings(names) => format!(
                "processor [{}] doesn't support one or more provided configuration parameters [{}]",
                processor.as_deref().unwrap_or_default(),
                names.join(", ")
            ),
            PipelineCause::UnknownPipelineSettings(id, names) => format!(
                "pipeline [{id}] doesn't support one or more provided configuration parameters [{}]",
                names.join(", ")
            ),
            PipelineCause::EmptyOnFailure(Some(id)) => {
                format!("pipeline [{id}] cannot have an empty on_failure option defined")
            }
            PipelineCause::EmptyOnFailure(None) => "processors list cannot be empty".to_owned(),
            PipelineCause::TwoValues => "cannot set both `copy_from` and `value` in the same processor".to_owned(),
            PipelineCause::MediaType(kind) => format!("property does not contain a supported media type [{kind}]"),
            PipelineCause::Unsupported(what, instead) => return ApiError::unsupported(&what, &instead),
        };
        let reason = match &property {
            Some(property) => format!("[{property}] {reason}"),
            None => reason,
        };
        // In the order of the server's hash map.
        let facts = [("property_name", property), ("processor_type", processor), ("processor_tag", tag)];
        let exception =
            facts.into_iter().fold(Exception::new("parse_exception", reason), |exception, (name, fact)| match fact {
                Some(fact) => exception.with(name, &*fact),
                None => exception,
            });
        full(400, exception)
    }
}

impl From<IngestFailure> for ApiError {
    fn from(failure: IngestFailure) -> ApiError {
        let (status, kind) = match failure.kind {
            FailureKind::Argument => (400, "illegal_argument_exception"),
            FailureKind::Graph => (500, "graph_structure_exception"),
            FailureKind::State => (500, "illegal_state_exception"),
        };
        full(status, Exception::new(kind, failure.message))
    }
}

impl ApiError {
    /// A pipeline was to be deleted and is not there.
    pub(crate) fn pipeline_missing(id: &str) -> ApiError {
        full(404, Exception::new("resource_not_found_exception", format!("pipeline [{id}] is missing")))
    }

    /// A pipeline was to be tried out and is not there.
    pub(crate) fn no_such_pipeline(id: &str) -> ApiError {
        full(400, illegal_argument(format!("pipeline [{id}] does not exist")))
    }

    /// A pipeline was to replace one of another version.
    pub(crate) fn pipeline_version(id: &str, required: &str, current: Option<i64>) -> ApiError {
        full(
            400,
            illegal_argument(match current {
                Some(current) => format!(
                    "version conflict, required version [{required}] for pipeline [{id}] but current version is \
                     [{current}]"
                ),
                None => format!(
                    "version conflict, required version [{required}] for pipeline [{id}] but no pipeline was found"
                ),
            }),
        )
    }
}
