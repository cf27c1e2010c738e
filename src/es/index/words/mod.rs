//! Why documents and indices refuse → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, index name resolver, index service, engine, document parser.

pub(crate) mod definition;

use serde_json::Value;

use super::words::definition::{bad_setting, java, last, malformed_mapping};
use crate::es::document::store::{Barrier, Conflict};
use crate::es::error::{ApiError, Exception, bad_boolean, full, illegal_argument, syntax};
use crate::es::index::mapping::{DocumentRefusal, FieldNameRefusal, FieldType, Why};
use crate::es::refusal::IndexRefusal;
use crate::json::{Position, SyntaxError};

impl From<IndexRefusal> for ApiError {
    fn from(refusal: IndexRefusal) -> ApiError {
        match refusal {
            IndexRefusal::NoSuchIndex { expression, of_document } => {
                let kind = if of_document { "index_expression" } else { "index_or_alias" };
                full(404, no_such_index(&expression, kind))
            }
            IndexRefusal::Reserved { index } => full(
                400,
                illegal_argument(format!("Indices [{index}] use and access is reserved for system operations")),
            ),
            IndexRefusal::IndexName { name, offence } => full(
                400,
                Exception::new("invalid_index_name_exception", format!("Invalid index name [{name}], {offence}"))
                    .with("index_uuid", "_na_")
                    .with("index", name),
            ),
            IndexRefusal::Closed { index, uuid } => full(
                400,
                Exception::new("index_closed_exception", "closed").with("index_uuid", uuid).with("index", index),
            ),
            IndexRefusal::Blocked { index, blocks } => blocked(&index, &blocks),
            IndexRefusal::IndexExists { name, uuid } => full(
                400,
                Exception::new("resource_already_exists_exception", format!("index [{name}/{uuid}] already exists"))
                    .with("index_uuid", uuid)
                    .with("index", name),
            ),
            IndexRefusal::IsAlias { name } => full(
                400,
                Exception::new(
                    "invalid_index_name_exception",
                    format!("Invalid index name [{name}], already exists as alias"),
                )
                .with("index_uuid", "_na_")
                .with("index", name),
            ),
            IndexRefusal::AliasName { name, offence } => full(
                400,
                Exception::new("invalid_alias_name_exception", format!("Invalid alias name [{name}]: {offence}"))
                    .with("index_uuid", "_na_")
                    .with("index", name),
            ),
            IndexRefusal::DateMath { name, offence } => full(
                400,
                Exception::new("parse_exception", format!("invalid dynamic name expression [{name}]. {offence}")),
            ),
            IndexRefusal::TooManyIndices => full(
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
            IndexRefusal::SeveralIndices { alias, indices } => full(
                400,
                illegal_argument(format!(
                    "alias [{alias}] has more than one index associated with it [{}], can't execute a single index op",
                    indices.join(", ")
                )),
            ),
            IndexRefusal::OtherRouting { alias, own, given } => full(
                400,
                illegal_argument(format!(
                    "Alias [{alias}] has index routing associated with it [{own}], and was provided with routing value \
                     [{given}], rejecting operation"
                )),
            ),
            IndexRefusal::NoWriteIndex { alias } => full(
                400,
                illegal_argument(format!(
                    "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using \
                     is_write_index=false or the alias points to multiple indices without one being designated as a \
                     write index"
                )),
            ),
            IndexRefusal::AliasRequired { name } => {
                let reason = format!("[require_alias] request flag is [true] and [{name}] is not an alias");
                full(
                    404,
                    Exception::new("index_not_found_exception", format!("no such index [{name}] and {reason}"))
                        .with("index_uuid", "_na_")
                        .with("index", name),
                )
            }
            IndexRefusal::Conflict { id, index, index_uuid, conflict } => {
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
            IndexRefusal::NoDataStream { name } => {
                let reason = format!("[require_data_stream] request flag is [true] and [{name}] is not a data stream");
                full(404, Exception::new("resource_not_found_exception", reason))
            }
            IndexRefusal::OtherShard { index, id } => ApiError::unsupported(
                &format!(
                    "the same id on two shards: [{index}]/[{id}] is there with a routing that leads to another one"
                ),
                "write it with the routing that it was made with, or delete it before",
            ),
            IndexRefusal::RoutingMissing { index, id } => full(
                400,
                Exception::new("routing_missing_exception", format!("routing is required for [{index}]/[{id}]"))
                    .with("index_uuid", "_na_")
                    .with("index", index),
            ),
            IndexRefusal::Misfit { id, misfit, place } => misfit_error(&id, *misfit, place),
            IndexRefusal::Setting(bad) => full(400, bad_setting(bad)),
            IndexRefusal::Mapping(malformed) => full(400, malformed_mapping(&malformed)),
        }
    }
}

impl ApiError {
    /// A document that is no JSON.
    pub(crate) fn broken_document(wrong: &SyntaxError) -> ApiError {
        let cause = syntax(wrong);
        let place = wrong.position();
        let reason =
            format!("[{}:{}] failed to parse: {}", place.line, place.column, cause.reason.clone().unwrap_or_default());
        full(400, Exception::new("document_parsing_exception", reason).caused_by(cause))
    }

    /// A document with a further token behind it.
    pub(crate) fn document_goes_on(token: &str) -> ApiError {
        full(400, illegal_argument(format!("Malformed content, found extra data after parsing: {token}")))
    }

    /// A document with something behind it that is no JSON.
    pub(crate) fn document_goes_on_broken(wrong: &SyntaxError) -> ApiError {
        let cause = syntax(wrong);
        let place = wrong.position();
        let reason = format!("[{}:{}] {}", place.line, place.column, cause.reason.clone().unwrap_or_default());
        full(400, Exception::new("document_parsing_exception", reason).caused_by(cause))
    }

    /// A document that is JSON and no object.
    pub(crate) fn no_object_as_document() -> ApiError {
        full(400, Exception::new("document_parsing_exception", "Malformed content, must start with an object"))
    }

    /// A document without any text.
    pub(crate) fn empty_document() -> ApiError {
        full(400, Exception::new("document_parsing_exception", "[0:0] failed to parse, document is empty"))
    }

    // ── parameters of documents and indices ───────────────────────────────────────────────────────

    /// A word that `refresh` does not know.
    pub(crate) fn unknown_refresh(value: &str) -> ApiError {
        full(400, illegal_argument(format!("Unknown value for refresh: [{value}].")))
    }

    /// A word that `op_type` does not know.
    pub(crate) fn unknown_op_type(value: &str) -> ApiError {
        full(400, illegal_argument(format!("opType must be 'create' or 'index', found: [{value}]")))
    }

    /// A word that `version_type` does not know.
    pub(crate) fn unknown_version_type(value: &str) -> ApiError {
        full(400, illegal_argument(format!("No version type match [{value}]")))
    }

    /// A word that `expand_wildcards` does not know.
    pub(crate) fn unknown_expand_wildcards(value: &str) -> ApiError {
        full(400, illegal_argument(format!("No valid expand wildcard value [{value}]")))
    }

    /// A sequence number that cannot be one.
    pub(crate) fn negative_seq_no(value: i64) -> ApiError {
        full(400, illegal_argument(format!("sequence numbers must be non negative. got [{value}].")))
    }

    /// A primary term that cannot be one.
    pub(crate) fn negative_primary_term(value: i64) -> ApiError {
        full(400, illegal_argument(format!("primary term must be non negative. got [{value}]")))
    }

    /// A number of copies to wait for that is below zero.
    pub(crate) fn negative_shard_count() -> ApiError {
        full(400, illegal_argument("shard count cannot be a negative value"))
    }

    /// A number of copies to wait for that is no number.
    pub(crate) fn bad_shard_count(value: &str) -> ApiError {
        let cause = Exception::new("number_format_exception", format!("For input string: \"{value}\""));
        full(400, illegal_argument(format!("cannot parse ActiveShardCount[{value}]")).caused_by(cause))
    }

    /// A word that `op_type` does not know where only a create is meant.
    pub(crate) fn no_create(value: &str) -> ApiError {
        full(400, illegal_argument(format!("opType must be 'create', found: [{value}]")))
    }

    // ── documents ─────────────────────────────────────────────────────────────────────────────────

    /// The source of a document that is not there.
    pub(crate) fn no_such_source(index: &str, id: &str) -> ApiError {
        let reason = format!("Document not found [{index}]/[{id}]");
        full(404, Exception::new("resource_not_found_exception", reason))
    }

    /// A read of a version that is not the one there.
    pub(crate) fn read_conflict(id: &str, current: u64, given: u64, index: &str, index_uuid: &str) -> ApiError {
        let reason = format!(
            "[{id}]: version conflict, current version [{current}] is different than the one provided [{given}]"
        );
        full(
            409,
            Exception::new("version_conflict_engine_exception", reason)
                .with("index_uuid", index_uuid)
                .with("shard", "0")
                .with("index", index),
        )
    }

    /// A script, which no client of the Connector Protocol sends.
    pub(crate) fn scripts() -> ApiError {
        ApiError::unsupported("scripts", "send the changed fields in `doc`")
    }

    // ── indices ───────────────────────────────────────────────────────────────────────────────────

    /// A member of the body of a create that creates do not have.
    pub(crate) fn unknown_create_key(name: &str) -> ApiError {
        full(400, Exception::new("parse_exception", format!("unknown key [{name}] for create index")))
    }

    /// A mapping as it was written before types were gone.
    pub(crate) fn mapping_under_type(name: &str, in_put: bool) -> ApiError {
        full(
            400,
            illegal_argument(match in_put {
                true => "Types cannot be provided in put mapping requests".to_owned(),
                false => format!(
                    "The mapping definition cannot be nested under a type [{name}] unless include_type_name is set to \
                     true."
                ),
            }),
        )
    }

    /// A deletion of whatever is there.
    pub(crate) fn wildcards_not_allowed() -> ApiError {
        full(400, illegal_argument("Wildcard expressions or all indices are not allowed"))
    }

    /// A deletion of an index under another name.
    pub(crate) fn delete_by_alias(alias: &str) -> ApiError {
        full(
            400,
            illegal_argument(format!(
                "The provided expression [{alias}] matches an alias, specify the corresponding concrete indices instead."
            )),
        )
    }

    /// Something that aliases cannot say.
    pub(crate) fn unknown_alias_field(name: &str, alias: &str) -> ApiError {
        full(400, Exception::new("parse_exception", format!("Unknown field [{name}] in alias [{alias}]")))
    }

    /// An action that says nothing.
    pub(crate) fn no_alias_action() -> ApiError {
        ApiError::illegal("Required one of fields [add, remove, remove_index], but none were specified.")
    }

    /// An action that says several things.
    pub(crate) fn several_alias_actions() -> ApiError {
        ApiError::illegal("Too many operations declared on operation entry")
    }

    /// An alias that would send one document to several shards.
    pub(crate) fn several_index_routings(alias: &str) -> ApiError {
        ApiError::illegal(&format!("alias [{alias}] has several index routing values associated with it"))
    }

    /// A filter of an alias that is no query.
    pub(crate) fn bad_alias_filter(alias: &str, cause: Exception) -> ApiError {
        if cause.is_unsupported() {
            return ApiError::parse(cause);
        }
        full(400, illegal_argument(format!("failed to parse filter for alias [{alias}]")).caused_by(cause))
    }

    /// An alias with more than one index that is written to.
    pub(crate) fn several_write_indices(alias: &str, indices: &[&str]) -> ApiError {
        let reason = format!("alias [{alias}] has more than one write index [{}]", indices.join(","));
        full(500, Exception::new("illegal_state_exception", reason))
    }

    /// A list that must not be empty.
    pub(crate) fn empty_list(name: &str) -> ApiError {
        ApiError::illegal(&format!("[{name}] can't be empty"))
    }

    /// A text that must not be empty.
    pub(crate) fn empty_text(name: &str) -> ApiError {
        ApiError::illegal(&format!("[{name}] can't be empty string"))
    }

    /// A piece of JSON where a handler expects none.
    pub(crate) fn unknown_token(token: &str) -> ApiError {
        ApiError::illegal(&format!("Unknown token [{token}]"))
    }

    // ── templates ─────────────────────────────────────────────────────────────────────────────────

    /// A member that templates of the older kind do not have.
    pub(crate) fn unknown_legacy_key(name: &str) -> ApiError {
        full(400, Exception::new("parse_exception", format!("unknown key [{name}] in the template ")))
    }

    /// The order of an older template that is no number.
    pub(crate) fn no_order(text: &str) -> ApiError {
        full(400, Exception::new("number_format_exception", format!("For input string: \"{text}\"")))
    }

    /// A template whose settings cannot be.
    pub(crate) fn invalid_template(name: &str, bad: crate::es::index::settings::SettingRefusal) -> ApiError {
        let reason = bad_setting(bad).reason.unwrap_or_default();
        ApiError::invalid_template_name(name, &reason)
    }

    /// A template whose name or patterns cannot be.
    pub(crate) fn invalid_template_name(name: &str, offence: &str) -> ApiError {
        let reason = format!("index_template [{name}] invalid, cause [Validation Failed: 1: {offence};]");
        full(400, Exception::new("invalid_index_template_exception", reason))
    }

    /// A template that is asked for and not there.
    pub(crate) fn template_not_found(reason: &str) -> ApiError {
        full(404, Exception::new("resource_not_found_exception", reason))
    }

    /// A template that is to go and not there.
    pub(crate) fn template_missing(what: &str, name: &str) -> ApiError {
        match what {
            "index_template" => full(
                404,
                Exception::new("index_template_missing_exception", format!("index_template [{name}] missing")),
            ),
            what => ApiError::template_not_found(&format!("{what} matching [{name}] not found")),
        }
    }

    // ── API keys ──────────────────────────────────────────────────────────────────────────────────

    /// A member that a request for an API key does not have.
    ///
    /// DIFFERENCE: the server tells line and column too.
    pub(crate) fn unknown_key_field(name: &str) -> ApiError {
        full(400, Exception::new("x_content_parse_exception", format!("[api_key_request] unknown field [{name}]")))
    }

    /// A member of such a request that is of another kind.
    pub(crate) fn bad_key_field(name: &str) -> ApiError {
        let reason = format!("[api_key_request] {name} doesn't support values of this type");
        full(400, Exception::new("x_content_parse_exception", reason))
    }

    /// A role of a key that cannot be read.
    pub(crate) fn bad_role(reason: String) -> ApiError {
        let cause = Exception::new("parse_exception", reason);
        let reason = "[api_key_request] failed to parse field [role_descriptors]";
        full(400, Exception::new("x_content_parse_exception", reason).caused_by(cause))
    }

    /// A member that a request to make keys invalid does not have.
    pub(crate) fn unknown_invalidation_field(name: &str) -> ApiError {
        let reason = format!("[invalidate_api_key] unknown field [{name}]");
        full(400, Exception::new("x_content_parse_exception", reason))
    }

    /// A key that is asked for and not there.
    pub(crate) fn key_not_found(id: &str) -> ApiError {
        ApiError::template_not_found(&format!("api key with id [{id}] not found"))
    }

    /// An argument that the server does not take.
    pub(crate) fn illegal(reason: &str) -> ApiError {
        full(400, illegal_argument(reason))
    }

    /// Aliases that were to be removed and are not there.
    pub(crate) fn aliases_missing(names: &[String]) -> ApiError {
        let listed = names.join(",");
        let reason = format!("aliases [{listed}] missing");
        full(
            404,
            Exception::new("aliases_not_found_exception", reason)
                .with("resource.type", "aliases")
                .with("resource.id", listed),
        )
    }

    // ── bulk ──────────────────────────────────────────────────────────────────────────────────────

    /// The last line has no end.
    pub(crate) fn bulk_without_newline() -> ApiError {
        full(400, illegal_argument("The bulk request must be terminated by a newline [\\n]"))
    }

    /// An action line that is no object with one member.
    pub(crate) fn bulk_action(line: usize, expected: &str, found: &str) -> ApiError {
        full(
            400,
            illegal_argument(format!(
                "Malformed action/metadata line [{line}], expected {expected} but found [{found}]"
            )),
        )
    }

    /// An action line that goes on behind its end.
    pub(crate) fn bulk_action_goes_on(line: usize) -> ApiError {
        let what = "unexpected data after the closing brace";
        full(400, illegal_argument(format!("Malformed action/metadata line [{line}], {what}")))
    }

    /// An update of a bulk that wants to count versions.
    pub(crate) fn bulk_update_with_version() -> ApiError {
        full(
            400,
            illegal_argument(
                "Update requests do not support versioning. Please use `if_seq_no` and `if_primary_term` instead",
            ),
        )
    }

    /// A document under an id without a letter.
    pub(crate) fn empty_id() -> ApiError {
        full(400, illegal_argument("if _id is specified it must not be empty"))
    }

    /// A document of an `mget` that is no object.
    pub(crate) fn mget_no_object() -> ApiError {
        full(400, illegal_argument("docs array element should include an object"))
    }

    /// An id of an `mget` that is no text.
    pub(crate) fn mget_no_id() -> ApiError {
        full(400, illegal_argument("ids array element should only contain ids"))
    }

    /// A list of an `mget` that it does not have.
    pub(crate) fn mget_unknown_list(at: Position, name: &str) -> ApiError {
        let reason = format!("unknown key [{name}] for a START_ARRAY, expected [docs] or [ids]");
        full(400, crate::es::search::words::parsing(at, reason))
    }

    /// A member of an `mget` that is no list.
    pub(crate) fn mget_no_list(at: Position, token: &str) -> ApiError {
        let reason = format!("unexpected token [{token}], expected [FIELD_NAME] or [START_ARRAY]");
        full(400, crate::es::search::words::parsing(at, reason))
    }

    /// A document of an `mget` with a member that it does not have.
    pub(crate) fn mget_unknown_field(name: &str) -> ApiError {
        let reason = format!("failed to parse multi get request. unknown field [{name}]");
        full(400, Exception::new("parse_exception", reason))
    }

    /// A document of an `mget` whose `_source` has a member that it does not have.
    pub(crate) fn mget_source_member(name: &str) -> ApiError {
        full(400, Exception::new("parse_exception", format!("source definition may not contain [{name}]")))
    }

    /// A document of an `mget` whose `_source` is nothing that says what is shown.
    pub(crate) fn mget_source_type(token: &str) -> ApiError {
        full(400, Exception::new("parse_exception", format!("illegal type for _source: [{token}]")))
    }

    /// An action that is none of the four.
    pub(crate) fn bulk_unknown_action(line: usize, found: &str) -> ApiError {
        let expected = "field [create], [delete], [index] or [update]";
        ApiError::bulk_action(line, expected, found)
    }

    /// A member of an action line that actions do not have.
    pub(crate) fn bulk_unknown_parameter(line: usize, name: &str) -> ApiError {
        full(400, illegal_argument(format!("Action/metadata line [{line}] contains an unknown parameter [{name}]")))
    }

    /// A member of an action line of the wrong type.
    pub(crate) fn bulk_parameter_type(line: usize, found: &str, name: &str) -> ApiError {
        full(
            400,
            illegal_argument(format!(
                "Malformed action/metadata line [{line}], expected a simple value for field [{name}] but found [{found}]"
            )),
        )
    }

    /// An action without the document that it needs.
    pub(crate) fn bulk_without_source() -> ApiError {
        full(400, illegal_argument("The bulk request must be terminated by a newline [\\n]"))
    }
}

fn no_such_index(name: &str, kind: &str) -> Exception {
    Exception::new("index_not_found_exception", format!("no such index [{name}]"))
        .with("resource.type", kind)
        .with("resource.id", name)
        .with("index_uuid", "_na_")
        .with("index", name)
}

fn misfit_error(id: &str, misfit: DocumentRefusal, (line, column): (u32, u32)) -> ApiError {
    let DocumentRefusal { field, why, .. } = misfit;
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
        Why::TooManyNested { most } => full(
            400,
            parsing(format!(
                "The number of nested documents has exceeded the allowed limit of [{most}]. This limit can be set by \
                 changing the [index.mapping.nested_objects.limit] index level setting."
            )),
        ),
        Why::Name { name, offence } => {
            let reason = match offence {
                FieldNameRefusal::Empty => "field name cannot be an empty string".to_owned(),
                FieldNameRefusal::OnlyDots => "field name cannot contain only dots".to_owned(),
                FieldNameRefusal::EmptyPart => format!("field name cannot contain only whitespace: ['{name}']"),
                FieldNameRefusal::BlankPart => {
                    format!("field name starting or ending with a [.] makes object resolution ambiguous: [{name}]")
                }
            };
            full(400, parsing(format!("failed to parse: {reason}")).caused_by(illegal_argument(reason)))
        }
        Why::Metadata { value } => {
            let cause = parsing(format!(
                "Field [{field}] is a metadata field and cannot be added inside a document. Use the index API request \
                 parameters."
            ));
            let preview: String = java(&value).chars().take(128).collect();
            full(
                400,
                parsing(format!(
                    "failed to parse field [{field}] of type [{field}] in document with id '{id}'. Preview of \
                     field's value: '{preview}'"
                ))
                .caused_by(cause),
            )
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
        // A number in quotes, which a field without `coerce` does not take, and a fraction.
        (FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte, Value::Number(number))
            if number.as_f64().is_some_and(|number| number.fract() != 0.0 && number.abs() < 9.2e18) =>
        {
            illegal_argument(format!("{number} cannot be converted to {} without data loss", java_class(kind)))
        }
        (_, Value::String(number)) if number.parse::<f64>().is_ok_and(|number| number.abs() < reach(kind)) => {
            illegal_argument(format!("{} value passed as String", java_class(kind)))
        }
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

/// How far the numbers of a type reach.
fn reach(kind: FieldType) -> f64 {
    match kind {
        FieldType::Byte => 128.0,
        FieldType::Short => 32_768.0,
        FieldType::Integer => 2_147_483_648.0,
        FieldType::Long => 9.2e18,
        FieldType::Double | FieldType::Float => f64::INFINITY,
        _ => 0.0,
    }
}

/// The class of numbers that the server reads for a type.
fn java_class(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Long => "Long",
        FieldType::Short => "Short",
        FieldType::Double => "Double",
        FieldType::Float => "Float",
        _ => "Integer",
    }
}

/// What is said of an index with blocks; a full disk is told as a matter of time.
fn blocked(index: &str, blocks: &[Barrier]) -> ApiError {
    let told = |block: &Barrier| match block {
        Barrier::ReadOnly => "[FORBIDDEN/5/index read-only (api)];",
        Barrier::Read => "[FORBIDDEN/7/index read (api)];",
        Barrier::Write => "[FORBIDDEN/8/index write (api)];",
        Barrier::Metadata => "[FORBIDDEN/9/index metadata (api)];",
        Barrier::ReadOnlyAllowDelete => {
            "[TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"
        }
        Barrier::Closed => "[FORBIDDEN/4/index closed];",
    };
    let listed: String = blocks.iter().map(told).collect();
    let status = if blocks.iter().all(|block| *block == Barrier::ReadOnlyAllowDelete) { 429 } else { 403 };
    full(status, Exception::new("cluster_block_exception", format!("index [{index}] blocked by: {listed}")))
}
