//! Why documents and indices refuse → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, index name resolver, index service, engine, document parser.

use serde_json::Value;

use super::{Error, Exception, bad_boolean, full, illegal_argument};
use crate::cluster::index::Conflict;
use crate::cluster::mapping::{FieldType, Malformed, Misfit, Why};
use crate::cluster::refusal::ShelfRefusal;
use crate::limits::{MAPPED_FIELDS_MAX, MAPPING_DEPTH_MAX};

impl From<ShelfRefusal> for Error {
    fn from(refusal: ShelfRefusal) -> Error {
        match refusal {
            ShelfRefusal::NoSuchIndex { expression, of_document } => {
                let kind = if of_document { "index_expression" } else { "index_or_alias" };
                full(404, no_such_index(&expression, kind))
            }
            ShelfRefusal::IndexName { name, offence } => full(
                400,
                Exception::new("invalid_index_name_exception", format!("Invalid index name [{name}], {offence}"))
                    .with("index_uuid", "_na_")
                    .with("index", name),
            ),
            ShelfRefusal::IndexExists { name, uuid } => full(
                400,
                Exception::new("resource_already_exists_exception", format!("index [{name}/{uuid}] already exists"))
                    .with("index_uuid", uuid)
                    .with("index", name),
            ),
            ShelfRefusal::IsAlias { name } => full(
                400,
                Exception::new(
                    "invalid_index_name_exception",
                    format!("Invalid index name [{name}], already exists as alias"),
                )
                .with("index_uuid", "_na_")
                .with("index", name),
            ),
            ShelfRefusal::AliasName { name, offence } => full(
                400,
                Exception::new("invalid_alias_name_exception", format!("Invalid alias name [{name}]: {offence}"))
                    .with("index_uuid", "_na_")
                    .with("index", name),
            ),
            ShelfRefusal::DateMath { name, offence } => full(
                400,
                Exception::new("parse_exception", format!("invalid dynamic name expression [{name}]. {offence}")),
            ),
            ShelfRefusal::TooManyIndices => full(
                400,
                Exception::new(
                    "validation_exception",
                    format!(
                        "Validation Failed: 1: this action would add [1] shards, but this cluster currently has \
                         [{0}]/[{0}] maximum normal shards open;",
                        crate::limits::INDICES_MAX
                    ),
                ),
            ),
            ShelfRefusal::SeveralIndices { alias, indices } => full(
                400,
                illegal_argument(format!(
                    "alias [{alias}] has more than one index associated with it [{}], can't execute a single index op",
                    indices.join(", ")
                )),
            ),
            ShelfRefusal::NoWriteIndex { alias } => full(
                400,
                illegal_argument(format!(
                    "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using \
                     is_write_index=false or the alias points to multiple indices without one being designated as a \
                     write index"
                )),
            ),
            ShelfRefusal::AliasRequired { name } => {
                let reason = format!("[require_alias] request flag is [true] and [{name}] is not an alias");
                full(
                    404,
                    Exception::new("index_not_found_exception", format!("no such index [{name}] and {reason}"))
                        .with("index_uuid", "_na_")
                        .with("index", name),
                )
            }
            ShelfRefusal::Conflict { id, index, index_uuid, conflict } => {
                let what = match conflict {
                    Conflict::Exists { version, .. } => {
                        format!("document already exists (current version [{version}])")
                    }
                    Conflict::Version { current, given, or_equal } => {
                        let higher = if or_equal { "higher than" } else { "higher or equal to" };
                        format!("current version [{current}] is {higher} the one provided [{given}]")
                    }
                };
                full(
                    409,
                    Exception::new("version_conflict_engine_exception", format!("[{id}]: version conflict, {what}"))
                        .with("index_uuid", index_uuid)
                        .with("shard", "0")
                        .with("index", index),
                )
            }
            ShelfRefusal::Misfit { id, misfit, place } => misfit_error(&id, *misfit, place),
            ShelfRefusal::Mapping(malformed) => full(400, malformed_mapping(&malformed)),
        }
    }
}

fn no_such_index(name: &str, kind: &str) -> Exception {
    Exception::new("index_not_found_exception", format!("no such index [{name}]"))
        .with("resource.type", kind)
        .with("resource.id", name)
        .with("index_uuid", "_na_")
        .with("index", name)
}

/// What the mapping service says of a mapping.
fn malformed_mapping(malformed: &Malformed) -> Exception {
    let parsing = |reason: String| {
        let cause = Exception::new("mapper_parsing_exception", reason.clone());
        Exception::new("mapper_parsing_exception", format!("Failed to parse mapping: {reason}")).caused_by(cause)
    };
    match malformed {
        Malformed::NoSuchType { kind, field } => {
            parsing(format!("No handler for type [{kind}] declared on field [{}]", last(field)))
        }
        Malformed::NoType { field } => parsing(format!("No type specified for field [{}]", last(field))),
        Malformed::NoObject { field: Some(field) } => parsing(format!(
            "Expected map for property [fields] on field [{0}] but got a value of another type",
            last(field)
        )),
        Malformed::NoObject { field: None } => parsing("Expected the mapping to be an object".to_owned()),
        Malformed::UnknownMember { name, value } => {
            parsing(format!("Root mapping definition has unsupported parameters:  [{name} : {}]", java(value)))
        }
        Malformed::OtherType { field, from, to } => illegal_argument(format!(
            "mapper [{field}] cannot be changed from type [{}] to [{}]",
            from.name(),
            to.name()
        )),
        Malformed::TooManyFields { added } => illegal_argument(format!(
            "Limit of total fields [{MAPPED_FIELDS_MAX}] has been exceeded while adding new fields [{added}]"
        )),
        Malformed::TooDeep { field } => illegal_argument(format!(
            "Limit of mapping depth [{MAPPING_DEPTH_MAX}] has been exceeded due to object field [{field}]"
        )),
        // DIFFERENCE: Elasticsearch has them. The type says whose answer this is.
        Malformed::Unsupported { what } => Exception::new(
            "elastimock_unsupported_exception",
            format!("elastimock does not support {what}; leave them out, or name each field in `properties`"),
        ),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A value as Java prints a map or a list.
fn java(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", java(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(java).collect::<Vec<_>>().join(", ")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn misfit_error(id: &str, misfit: Misfit, (line, column): (u32, u32)) -> Error {
    let Misfit { field, why, .. } = misfit;
    let parsing = |reason: String| Exception::new("document_parsing_exception", format!("[{line}:{column}] {reason}"));
    match why {
        Why::NoObject => full(
            400,
            parsing(format!(
                "object mapping for [{field}] tried to parse field [{}] as object, but found a concrete value",
                last(&field)
            )),
        ),
        Why::Strict => {
            let (parent, name) = field.rsplit_once('.').unwrap_or(("_doc", &field));
            full(
                400,
                Exception::new(
                    "strict_dynamic_mapping_exception",
                    format!(
                        "[{line}:{column}] mapping set to strict, dynamic introduction of [{name}] within [{parent}] \
                         is not allowed"
                    ),
                ),
            )
        }
        Why::Name => {
            let cause = illegal_argument("field name cannot be an empty string");
            full(400, parsing("failed to parse: field name cannot be an empty string".to_owned()).caused_by(cause))
        }
        Why::Bound(bound) => {
            let cause = malformed_mapping(&bound);
            full(
                400,
                parsing(format!("failed to parse: {}", cause.reason.clone().unwrap_or_default())).caused_by(cause),
            )
        }
        Why::Type { kind, value } => {
            let preview: String = java(&value).chars().take(128).collect();
            full(
                400,
                parsing(format!(
                    "failed to parse field [{field}] of type [{}] in document with id '{id}'. Preview of field's \
                     value: '{preview}'",
                    kind.name()
                ))
                .caused_by(unreadable(&field, kind, &value, (line, column))),
            )
        }
    }
}

/// What the reader of one type says of a value.
fn unreadable(field: &str, kind: FieldType, value: &Value, (line, column): (u32, u32)) -> Exception {
    let text = java(value);
    match (kind, value) {
        (_, Value::Object(_)) => {
            Exception::new("illegal_state_exception", format!("Can't get text on a START_OBJECT at {line}:{column}"))
        }
        (FieldType::Boolean, _) => bad_boolean(&text),
        (FieldType::Date, _) => illegal_argument(format!(
            "failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]"
        ))
        .caused_by(Exception::new("date_time_parse_exception", "Failed to parse with all enclosed parsers")),
        (FieldType::Ip, _) => illegal_argument(format!("'{text}' is not an IP string literal.")),
        (FieldType::Keyword, _) => illegal_argument(format!(
            "Document contains at least one immense term in field=\"{field}\" (whose UTF8 encoding is longer than \
             the max length 32766), all of which were skipped. Please correct the analyzer to not produce such terms."
        )),
        (FieldType::Integer, Value::Number(_)) => {
            let detail = format!("Numeric value ({text}) out of range of int (-2147483648 - 2147483647)");
            Exception::new("x_content_parse_exception", format!("[{line}:{column}] {detail}"))
                .caused_by(Exception::new("input_coercion_exception", detail))
        }
        (FieldType::Long, Value::Number(_)) => {
            let detail =
                format!("Numeric value ({text}) out of range of long (-9223372036854775808 - 9223372036854775807)");
            Exception::new("x_content_parse_exception", format!("[{line}:{column}] {detail}"))
                .caused_by(Exception::new("input_coercion_exception", detail))
        }
        (FieldType::Short | FieldType::Byte, Value::Number(_)) => {
            illegal_argument(format!("Value [{text}] is out of range for a {}", kind.name()))
        }
        (_, Value::Bool(_)) => {
            let token = if text == "true" { "VALUE_TRUE" } else { "VALUE_FALSE" };
            let detail = format!("Current token ({token}) not numeric, can not use numeric value accessors");
            Exception::new("x_content_parse_exception", format!("[{line}:{column}] {detail}"))
                .caused_by(Exception::new("json_parse_exception", detail))
        }
        _ => illegal_argument(format!("For input string: \"{text}\"")),
    }
}
