//! What the server says of searches: of their bodies, and of indices that cannot be asked.
//!
//! Source: Elasticsearch 9.x, query builders, search source, search service and coordinating node.

use serde_json::{Map, Value, json};

use crate::clock::DateRefusal;
use crate::es::error::{ApiError, Exception, Family, UNSUPPORTED, bad_boolean, full, illegal_argument, unknown_field};
use crate::es::refusal::SearchRefusal;
use crate::es::search::query::QueryRefusal;
use crate::es::search::run::ShardFailure;
use crate::json::Position;
use crate::limits::BUCKETS_MAX;
use crate::suggest;

/// An exception of the hand-written parsers, which tell the place apart from the reason.
pub(crate) fn parsing(at: Position, reason: impl Into<String>) -> Exception {
    Exception::new("parsing_exception", reason).with("line", at.line).with("col", at.column)
}

/// What Elasticsearch reads and this mock does not. It is never wrapped, so that nobody passes it over.
// DIFFERENCE: Elasticsearch would answer.
pub(crate) fn unsupported(what: impl std::fmt::Display, instead: &str) -> Exception {
    Exception::new(UNSUPPORTED, format!("elastimock does not support {what}; {instead}"))
}

/// A query that Elasticsearch reads and this mock does not, with the nearest one that there is.
pub(crate) fn unsupported_query(at: Position, name: &str, nearest: &str) -> Exception {
    unsupported(format_args!("the query [{name}]"), &format!("the nearest one that it has is [{nearest}]"))
        .with("line", at.line)
        .with("col", at.column)
}

pub(crate) fn unknown_query<'a>(at: Position, name: &str, known: impl IntoIterator<Item = &'a str>) -> Exception {
    let hint = did_you_mean(&suggest::similar(name, known));
    let place = format!("[{}:{}] unknown field [{name}]", at.line, at.column);
    parsing(at, format!("unknown query [{name}]{hint}"))
        .caused_by(Exception::new("named_object_not_found_exception", place))
}

fn did_you_mean(close: &[&str]) -> String {
    match close {
        [] => String::new(),
        [one] => format!(" did you mean [{one}]?"),
        several => format!(" did you mean any of [{}]?", several.join(", ")),
    }
}

pub(crate) fn expected_start(at: Position, token: &str) -> Exception {
    parsing(at, format!("Expected [START_OBJECT] but found [{token}]"))
}

pub(crate) fn bad_source(at: Position, token: &str) -> Exception {
    let reason =
        format!("Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] but found [{token}]");
    parsing(at, reason)
}

pub(crate) fn no_query_string(path: &str, given: &[&str]) -> Exception {
    let given = given.join(", ");
    illegal_argument(format!("request [{path}] contains parameters [{given}] but missing query string parameter 'q'."))
}

pub(crate) fn unknown_key(at: Position, token: &str, name: &str) -> Exception {
    parsing(at, format!("Unknown key for a {token} in [{name}]."))
}

pub(crate) fn trailing(at: Position, token: &str) -> Exception {
    parsing(at, format!("Unexpected token [{token}] found after the main object."))
}

pub(crate) fn no_number_format(text: &str) -> Exception {
    let reason = if text.is_empty() { "empty String".to_owned() } else { format!("For input string: \"{text}\"") };
    Exception::new("number_format_exception", reason)
}

pub(crate) fn int_out_of_range(text: &str) -> Exception {
    illegal_argument(format!("Value [{text}] is out of range for an integer"))
}

pub(crate) fn query_not_started(at: Position) -> Exception {
    parsing(at, "[_na] query malformed, must start with start_object")
}

pub(crate) fn query_empty(at: Position) -> Exception {
    illegal_argument(format!("query malformed, empty clause found at [{}:{}]", at.line, at.column))
}

pub(crate) fn query_no_object(at: Position, name: &str) -> Exception {
    parsing(at, format!("[{name}] query malformed, no start_object after query name"))
}

pub(crate) fn query_not_ended(at: Position, name: &str, token: &str) -> Exception {
    parsing(at, format!("[{name}] malformed query, expected [END_OBJECT] but found [{token}]"))
}

pub(crate) fn query_too_deep() -> Exception {
    illegal_argument(
        "The nested depth of the query exceeds the maximum nested depth for queries set in \
         [indices.query.bool.max_nested_depth]",
    )
}

pub(crate) fn query_not_supporting(at: Position, query: &str, name: &str) -> Exception {
    parsing(at, format!("[{query}] query does not support [{name}]"))
}

pub(crate) fn query_unknown_token(at: Position, query: &str, token: &str, name: &str) -> Exception {
    parsing(at, format!("[{query}] unknown token [{token}] after [{name}]"))
}

pub(crate) fn query_several_fields(at: Position, query: &str, first: &str, second: &str) -> Exception {
    parsing(at, format!("[{query}] query doesn't support multiple fields, found [{first}] and [{second}]"))
}

pub(crate) fn terms_several_fields(at: Position) -> Exception {
    parsing(at, "[terms] query does not support multiple fields")
}

pub(crate) fn terms_no_field(at: Position) -> Exception {
    parsing(at, "[terms] query requires a field name, followed by array of terms or a document lookup specification")
}

pub(crate) fn terms_no_value(at: Position) -> Exception {
    parsing(at, "No value specified for terms query")
}

pub(crate) fn negative_slop() -> Exception {
    illegal_argument("No negative slop allowed.")
}

pub(crate) fn phrase_no_field() -> Exception {
    illegal_argument("[match_phrase] requires fieldName")
}

pub(crate) fn phrase_no_value() -> Exception {
    illegal_argument("[match_phrase] requires query value")
}

pub(crate) fn multi_match_no_text(at: Position) -> Exception {
    parsing(at, "No text specified for multi_match query")
}

pub(crate) fn unknown_multi_match(kind: &str) -> Exception {
    Exception::new("parse_exception", format!("failed to parse [multi_match] query type [{kind}]. unknown type."))
}

pub(crate) fn term_array(at: Position) -> Exception {
    parsing(at, "[term] query does not support array of values")
}

pub(crate) fn no_field_name() -> Exception {
    illegal_argument("field name is null or empty")
}

pub(crate) fn no_value() -> Exception {
    illegal_argument("value cannot be null")
}

pub(crate) fn match_no_text(at: Position) -> Exception {
    parsing(at, "No text specified for text query")
}

pub(crate) fn bad_zero_terms(at: Position, value: &str) -> Exception {
    parsing(at, format!("Unsupported zero_terms_query value [{value}]"))
}

pub(crate) fn bad_operator(value: &str) -> Exception {
    illegal_argument(format!("No enum constant org.elasticsearch.index.query.Operator.{}", value.to_uppercase()))
}

pub(crate) fn exists_no_field(at: Position) -> Exception {
    parsing(at, "[exists] must be provided with a [field]")
}

pub(crate) fn constant_several(at: Position) -> Exception {
    parsing(at, "[constant_score] accepts only one [filter] element.")
}

pub(crate) fn constant_none(at: Position) -> Exception {
    parsing(at, "[constant_score] requires a 'filter' element")
}

pub(crate) fn unexpected_token(at: Position, token: &str) -> Exception {
    parsing(at, format!("unexpected token [{token}]"))
}

pub(crate) fn count_key(at: Position, name: &str) -> Exception {
    parsing(at, format!("request does not support [{name}]"))
}

/// What is no parse error by itself and is met while a bare query is parsed.
pub(crate) fn failed_to_parse(at: Position, cause: Exception) -> Exception {
    match cause.kind {
        "parsing_exception" | UNSUPPORTED => cause,
        _ => parsing(at, "Failed to parse").caused_by(cause),
    }
}

pub(crate) fn negative_size(size: i64) -> Exception {
    illegal_argument(format!("[size] parameter cannot be negative, found [{size}]"))
}

pub(crate) fn negative_from(from: i64) -> Exception {
    illegal_argument(format!("[from] parameter cannot be negative but was [{from}]"))
}

pub(crate) fn negative_terminate_after() -> Exception {
    illegal_argument("terminateAfter must be > 0")
}

pub(crate) fn negative_track(up_to: i64) -> Exception {
    illegal_argument(format!("[track_total_hits] parameter must be positive or equals to -1, got {up_to}"))
}

pub(crate) fn inexact_total_as_int(up_to: impl std::fmt::Display) -> Exception {
    illegal_argument(format!(
        "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {up_to}"
    ))
}

pub(crate) fn bad_time(name: &str, value: &str) -> Exception {
    illegal_argument(format!(
        "failed to parse setting [{name}] with value [{value}] as a time value: unit is missing or unrecognized"
    ))
}

pub(crate) fn negative_time(name: &str, value: &str) -> Exception {
    illegal_argument(format!(
        "failed to parse setting [{name}] with value [{value}] as a time value: negative durations are not supported"
    ))
}

pub(crate) fn fractional_time(value: &str) -> Exception {
    illegal_argument(format!("failed to parse [{value}], fractional time values are not supported"))
}

pub(crate) fn unreadable_time(value: &str) -> Exception {
    illegal_argument(format!("failed to parse [{value}]"))
}

pub(crate) fn sort_malformed() -> Exception {
    illegal_argument("malformed sort format, either start with array, object, or an actual string")
}

pub(crate) fn sort_item_malformed() -> Exception {
    illegal_argument("malformed sort format, within the sort array, an object, or an actual string are allowed")
}

pub(crate) fn bad_sort_order(value: &str) -> Exception {
    illegal_argument(format!("No enum constant org.elasticsearch.search.sort.SortOrder.{}", value.to_uppercase()))
}

pub(crate) fn bad_sort_mode(value: &str) -> Exception {
    illegal_argument(format!("Unknown SortMode [{value}]"))
}

pub(crate) fn bad_search_after(at: Position, token: &str) -> Exception {
    parsing(
        at,
        format!(
            "Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] but found [{token}] inside \
             search_after."
        ),
    )
}

pub(crate) fn required_field() -> Exception {
    illegal_argument("Required [field]")
}

pub(crate) fn pit_no_id() -> Exception {
    illegal_argument("Required [id]")
}

pub(crate) fn unknown_parameter(at: Position, parser: &str, name: &str, known: &[&str]) -> Exception {
    unknown_field(at, parser, name, known.iter().copied())
}

pub(crate) fn scroll_unknown_key(name: &str, token: &str) -> Exception {
    illegal_argument(format!("Unknown parameter [{name}] in request body or parameter is of the wrong type[{token}] "))
}

pub(crate) fn scroll_malformed() -> Exception {
    illegal_argument("Malformed content, must start with an object")
}

pub(crate) fn clear_scroll_value() -> Exception {
    illegal_argument("scroll_id element should only contain scroll_id")
}

pub(crate) fn bad_conflicts(value: &str) -> Exception {
    illegal_argument(format!("conflicts may only be \"proceed\" or \"abort\" but was [{value}]"))
}

pub(crate) fn bad_max_docs(value: i64) -> Exception {
    illegal_argument(format!("[max_docs] parameter cannot be negative, found [{value}]"))
}

pub(crate) fn two_max_docs(one: i64, other: i64) -> Exception {
    illegal_argument(format!("[max_docs] set to two different values [{one}] and [{other}]"))
}

pub(crate) fn bad_slices(text: &str, is_no_number: bool) -> Exception {
    let wrong =
        illegal_argument(format!("[slices] must be a positive integer or the string \"auto\", but was [{text}]"));
    if is_no_number { wrong.caused_by(no_number_format(text)) } else { wrong }
}

pub(crate) fn bad_rate() -> Exception {
    illegal_argument("[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.")
}

/// What Java says when a value of one class is taken for one of another.
pub(crate) fn no_cast(value: &Value, wanted: &str) -> Exception {
    let class = match value {
        Value::String(_) => "java.lang.String",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        _ => "java.lang.Integer",
    };
    Exception::new(
        "class_cast_exception",
        format!(
            "class {class} cannot be cast to class {wanted} ({class} and {wanted} are in module java.base of loader \
             'bootstrap')"
        ),
    )
}

pub(crate) fn no_search_type(value: &str) -> Exception {
    illegal_argument(format!("No search type for [{value}]"))
}

pub(crate) fn too_small(what: &str) -> Exception {
    illegal_argument(what)
}

pub(crate) fn no_preference(value: &str) -> Exception {
    illegal_argument(format!("no Preference for [{value}]"))
}

pub(crate) fn no_search_after() -> Exception {
    illegal_argument("Values must contains at least one value.")
}

pub(crate) fn missing_rescore_type(at: Position) -> Exception {
    parsing(at, "missing rescore type")
}

pub(crate) fn header_boolean(name: &str, value: &Value) -> Exception {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    illegal_argument(format!("Could not convert [{name}] to boolean",)).caused_by(bad_boolean(&text))
}

pub(crate) fn no_max_docs() -> Exception {
    illegal_argument("[max_docs] should be >= [slices]".to_owned())
}

pub(crate) fn boolean(value: &str) -> Exception {
    bad_boolean(value)
}

pub(crate) fn source_without_type() -> ApiError {
    let reason = "Validation Failed: 1: source and source_content_type parameters are required;";
    full(400, Exception::new("validation_exception", reason))
}

pub(crate) fn bad_source_type(value: &str) -> ApiError {
    full(400, illegal_argument(format!("Unknown value for source_content_type [{value}]")))
}

pub(crate) fn msearch_not_ended() -> ApiError {
    full(400, illegal_argument("The msearch request must be terminated by a newline [\n]"))
}

pub(crate) fn msearch_key(name: &str) -> Exception {
    illegal_argument(format!("key [{name}] is not supported in the metadata section"))
}

// ── aggregations ──────────────────────────────────────────────────────────────────────────────────

pub(crate) fn aggregation_name(at: Position, name: &str) -> Exception {
    parsing(
        at,
        format!(
            "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
        ),
    )
}

pub(crate) fn aggregation_no_object(at: Position, name: &str, token: &str) -> Exception {
    // The bracket that is missing is missing there too.
    parsing(at, format!("Aggregation definition for [{name} starts with a [{token}], expected a [START_OBJECT]."))
}

pub(crate) fn aggregation_twice(name: &str) -> Exception {
    illegal_argument(format!("Two sibling aggregations cannot have the same name: [{name}]"))
}

pub(crate) fn aggregation_member(at: Position, member: &str, token: &str, name: &str) -> Exception {
    parsing(at, format!("Expected [START_OBJECT] under [{member}], but got a [{token}] in [{name}]"))
}

pub(crate) fn aggregation_inner_twice(at: Position, name: &str) -> Exception {
    parsing(at, format!("Found two sub aggregation definitions under [{name}]"))
}

pub(crate) fn aggregation_type_twice(at: Position, name: &str, first: &str, second: &str) -> Exception {
    parsing(at, format!("Found two aggregation type definitions in [{name}]: [{first}] and [{second}]"))
}

pub(crate) fn aggregation_without_type(at: Position, name: &str) -> Exception {
    parsing(at, format!("Missing definition for aggregation [{name}]"))
}

pub(crate) fn aggregation_no_inner(name: &str, kind: &str) -> Exception {
    Exception::new(
        "aggregation_initialization_exception",
        format!("Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations"),
    )
}

pub(crate) fn unknown_aggregation<'a>(at: Position, kind: &str, known: impl IntoIterator<Item = &'a str>) -> Exception {
    let hint = did_you_mean(&suggest::similar(kind, known));
    let place = format!("[{}:{}] unknown field [{kind}]", at.line, at.column);
    parsing(at, format!("Unknown aggregation type [{kind}]{hint}"))
        .caused_by(Exception::new("named_object_not_found_exception", place))
}

pub(crate) fn aggregation_no_field() -> Exception {
    illegal_argument("Required one of fields [field, script], but none were specified. ")
}

pub(crate) fn aggregation_too_small(what: &str, number: i64, least: i64, name: &str) -> Exception {
    let wanted = if least == 0 { "greater than or equal to 0" } else { "greater than 0" };
    illegal_argument(format!("[{what}] must be {wanted}. Found [{number}] in [{name}]"))
}

/// Inferred: the path is told; the words around it differ from case to case.
pub(crate) fn aggregation_order(path: &str) -> Exception {
    Exception::new(
        "aggregation_execution_exception",
        format!(
            "Invalid aggregator order path [{path}]. The provided aggregation [{path}] either does not exist, or is a \
             pipeline aggregation and cannot be used to sort the buckets."
        ),
    )
}

pub(crate) fn aggregation_order_token(at: Position, token: &str) -> Exception {
    parsing(at, format!("Unexpected token [{token}] for [order]"))
}

pub(crate) fn aggregation_order_word(at: Position) -> Exception {
    parsing(at, "Must specify at least one field for [order]")
}

pub(crate) fn aggregation_interval_gone(at: Position) -> Exception {
    let known = ["calendar_interval", "fixed_interval"];
    unknown_field(at, "date_histogram", "interval", known)
}

pub(crate) fn two_intervals(given: &str, other: &str) -> Exception {
    illegal_argument(format!("Cannot use [{given}] with [{other}] configuration option."))
}

pub(crate) fn bad_calendar_interval(text: &str) -> Exception {
    illegal_argument(format!("The supplied interval [{text}] could not be parsed as a calendar interval."))
}

pub(crate) fn zero_interval() -> Exception {
    illegal_argument("Zero or negative time interval not supported")
}

pub(crate) fn no_interval() -> Exception {
    illegal_argument("Invalid interval specified, must be non-null and non-empty")
}

pub(crate) fn query_string(query: &str, what: &str) -> Exception {
    unsupported(
        format_args!("the query string [{query}], which has {what}"),
        "write it as words or `field:word`, or send a query in the body",
    )
}

// ── what an index says ────────────────────────────────────────────────────────────────────────────

pub(crate) fn result_window(asked: u64, most: u64) -> String {
    format!(
        "Result window is too large, from + size must be less than or equal to: [{most}] but was \
         [{asked}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by \
         changing the [index.max_result_window] index level setting."
    )
}

/// What an index says, and whether it is an exception of Java's and not of the server's own.
fn told(fault: &ShardFailure) -> Exception {
    let shard = |reason: String| {
        Exception::new("query_shard_exception", reason)
            .with("index_uuid", fault.index_uuid.clone())
            .with("index", fault.index.clone())
    };
    let failed = |cause: Exception| {
        let reason = format!("failed to create query: {}", cause.reason.as_deref().unwrap_or_default());
        shard(reason).caused_by(cause)
    };
    match &fault.fault {
        QueryRefusal::NoNumber(text) => failed(no_number_format(text)),
        QueryRefusal::NoBoolean(text) => {
            failed(illegal_argument(format!("Can't parse boolean value [{text}], expected [true] or [false]")))
        }
        QueryRefusal::NoDate(wrong) => date(wrong),
        QueryRefusal::NoDateTerm(wrong) => failed(date(wrong)),
        QueryRefusal::NotForType { query: "range", field, kind } => {
            failed(illegal_argument(format!("Field [{field}] of type [{kind}] does not support range queries")))
        }
        QueryRefusal::NotForType { query: query @ "case insensitive term", field, kind } => {
            shard(format!("[{field}] field which is of type [{kind}], does not support {query} queries"))
        }
        QueryRefusal::NotForType { query, field, kind } => shard(format!(
            "Can only use {query} queries on keyword, text and wildcard fields - not on [{field}] which is of type \
             [{kind}]"
        )),
        QueryRefusal::SortUnmapped(field) => shard(format!("No mapping found for [{field}] in order to sort on")),
        QueryRefusal::SortMode => shard("we only support AVG, MEDIAN and SUM on number based fields".to_owned()),
        QueryRefusal::SortText(field) => illegal_argument(format!(
            "Fielddata is disabled on [{field}] in [{}]. Text fields are not optimised for operations that require \
             per-document field data like aggregations and sorting, so these operations are disabled by default. \
             Please use a keyword field instead. Alternatively, set fielddata=true on [{field}] in order to load field \
             data by uninverting the inverted index. Note that this can use significant memory.",
            fault.index
        )),
        QueryRefusal::SortId => illegal_argument(
            "Fielddata access on the _id field is disallowed, you can re-enable it by updating the dynamic cluster \
             setting: indices.id_field_data.enabled",
        ),
        QueryRefusal::SearchAfterCount { given, sorted } => {
            illegal_argument(format!("search_after has {given} value(s) but sort has {sorted}."))
        }
        QueryRefusal::SearchAfterValue { field } => {
            illegal_argument(format!("Failed to parse search_after value for field [{field}]."))
        }
        QueryRefusal::SearchAfterFrom => {
            illegal_argument("`from` parameter must be set to 0 when `search_after` is used")
        }
        QueryRefusal::SearchAfterScroll => illegal_argument("`search_after` cannot be used in a scroll context."),
        QueryRefusal::SearchAfterUnsorted => illegal_argument("Sort must contain at least one field."),
        QueryRefusal::Window { asked, most } => illegal_argument(result_window(*asked, *most)),
        QueryRefusal::TooManyShown { given, most } => illegal_argument(format!(
            "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{most}] but was [{given}]. \
             This limit can be set by changing the [index.max_docvalue_fields_search] index level setting."
        )),
        QueryRefusal::TooManyTerms { given, most } => failed(illegal_argument(format!(
            "The number of terms [{given}] used in the Terms Query request has exceeded the allowed maximum of \
             [{most}]. This maximum can be set by changing the [index.max_terms_count] index level setting."
        ))),
        QueryRefusal::TooManyIds { most } => {
            failed(illegal_argument(format!("Too many ids specified, allowed max result window is [{most}]")))
        }
        QueryRefusal::NotForAggregation { aggregation, field, kind } => illegal_argument(format!(
            "Field [{field}] of type [{kind}] is not supported for aggregation [{aggregation}]"
        )),
        QueryRefusal::TooManyBuckets => Exception::new(
            "too_many_buckets_exception",
            format!(
                "Trying to create too many buckets. Must be less than or equal to: [{BUCKETS_MAX}] but this number of \
                 buckets was exceeded. This limit can be set by changing the [search.max_buckets] cluster level \
                 setting."
            ),
        )
        .with("max_buckets", BUCKETS_MAX),
        QueryRefusal::Batch { asked, most } => illegal_argument(format!(
            "Batch size is too large, size must be less than or equal to: [{most}] but was [{asked}]. \
             Scroll batch sizes cost as much memory as result windows so they are controlled by the \
             [index.max_result_window] index level setting."
        )),
        QueryRefusal::Unsupported { what, instead } => unsupported(what, instead),
    }
}

fn date(wrong: &DateRefusal) -> Exception {
    let maths = |reason: String| Exception::new("parse_exception", reason);
    match wrong {
        DateRefusal::NoDate(text) => {
            let reason =
                format!("failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]");
            let cause = illegal_argument(reason.clone())
                .caused_by(Exception::new("date_time_parse_exception", "Failed to parse with all enclosed parsers"));
            Exception::new("parse_exception", format!("{reason}: [{reason}]")).caused_by(cause)
        }
        DateRefusal::Operator(text) => maths(format!("operator not supported for date math [{text}]")),
        DateRefusal::Truncated(text) => maths(format!("truncated date math [{text}]")),
        DateRefusal::Rounding(text) => maths(format!("rounding `/` can only be used on single unit types [{text}]")),
        DateRefusal::Unit(unit, text) => maths(format!("unit [{unit}] not supported for date math [{text}]")),
        DateRefusal::OutOfRange(text) => maths(format!("date math [{text}] leads out of range")),
    }
}

/// All indices have failed: the one shard that says why stands for them.
fn all_failed(mut shard: Map<String, Value>, reason: Exception) -> Exception {
    shard.insert("reason".to_owned(), Value::Object(reason.to_map(true, false)));
    let failed = Exception::new("search_phase_execution_exception", "all shards failed")
        .with("phase", "query")
        .with("grouped", true)
        .with("failed_shards", json!([shard]))
        .rooted_in(reason.clone());
    // An exception of the server's own is told in its shard alone. Of another one the coordinating node
    // makes a copy, with the first as its cause.
    match reason.family() {
        Family::Server => failed,
        _ => {
            let copy = Exception::new(reason.kind, reason.reason.clone().unwrap_or_default());
            failed.caused_by(copy.caused_by(reason))
        }
    }
}

impl From<SearchRefusal> for ApiError {
    fn from(refusal: SearchRefusal) -> ApiError {
        let nowhere = || Map::from_iter([("shard".to_owned(), json!(-1)), ("index".to_owned(), Value::Null)]);
        match refusal {
            SearchRefusal::Shard(fault) => {
                let reason = told(&fault);
                if matches!(fault.fault, QueryRefusal::Unsupported { .. }) {
                    return full(400, reason);
                }
                // DIFFERENCE: a failed shard does not name its node, for there is none.
                let shard = Map::from_iter([
                    ("shard".to_owned(), json!(0)),
                    ("index".to_owned(), Value::from(fault.index.as_str())),
                ]);
                full(400, all_failed(shard, reason))
            }
            SearchRefusal::NoScrollId { .. } => full(400, illegal_argument("Cannot parse scroll id")),
            SearchRefusal::NoPitId { id } => full(400, illegal_argument(format!("invalid id: [{id}]"))),
            SearchRefusal::ContextMissing { number } => {
                let reason = format!("No search context found for id [{number}]");
                let missing = Exception::new("search_context_missing_exception", reason);
                full(404, all_failed(nowhere(), missing.clone()).caused_by(missing))
            }
            // DIFFERENCE: how many scrolls may be open is a setting of Elasticsearch; here large scrolls make it smaller.
            SearchRefusal::TooManyScrolls { max } => {
                let reason = format!(
                    "Trying to create too many scroll contexts. Must be less than or equal to: [{max}]. This \
                     limit can be set by changing the [search.max_open_scroll_context] setting."
                );
                full(429, all_failed(nowhere(), Exception::new("too_many_scroll_contexts_exception", reason)))
            }
            // DIFFERENCE: there may be so many points in time and no more; in Elasticsearch only memory bounds them.
            SearchRefusal::TooManyPits { max } => {
                let reason = format!("elastimock keeps no more than [{max}] such points in time; close some of them");
                full(429, Exception::new("elastimock_limit_exception", reason))
            }
            SearchRefusal::KeepAlive { asked } => {
                let reason = format!(
                    "Keep alive for request ({asked}) is too large. It must be less than (1d). This limit can be set \
                     by changing the [search.max_keep_alive] cluster level setting."
                );
                full(400, all_failed(nowhere(), illegal_argument(reason)))
            }
        }
    }
}
