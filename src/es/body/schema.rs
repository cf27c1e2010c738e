//! Compiled schemas by operation: what Elastic publishes, and what its server does otherwise.
//!
//! A schema file holds the published structure; its overlay holds reviewed merge patches with their
//! evidence. Together they make three things: the check of a request against the published contract
//! (the judgement's), the check against the server (the answer's, which only asks *whether*), and the
//! [`ObjectParser`] that says in the server's words what is wrong with a body.
//!
//! The only room that knows the `jsonschema` crate. Schemas are compiled on first use: those of a body that the quick
//! reading of plain bodies knows, when the first body comes that is not plain.

use std::sync::{Arc, LazyLock, OnceLock};

use jsonschema::Validator;
use once_cell::sync::OnceCell;
use serde_json::{Map, Value, json};

use super::parser::ObjectParser;
use super::plain::BodyForm;
use crate::clock::Timestamp;
use crate::es::connector::cron;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::connector::{configuration, filtering};
use crate::es::error::ApiError;
use crate::es::http::call::{int_of, long_of};
use crate::es::http::endpoint::SchemaText;
use crate::es::sync_job::rules::{JobType, SyncStatus, TriggerMethod};
use crate::es::values::ValueKind;
use crate::profile::Profile;

/// Parameters that every call takes.
pub(crate) const COMMON_PARAMETERS: [&str; 5] = ["error_trace", "filter_path", "format", "human", "pretty"];

/// Where a request leaves the published contract, or where the server leaves it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    /// What is broken.
    pub kind: ViolationKind,
    /// The place in the body as a JSON pointer, or the name of the parameter.
    pub pointer: String,
    /// What is wrong, values masked.
    pub message: String,
}

/// Which contract a [`Violation`] breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ViolationKind {
    /// The body breaks the published schema.
    OffSpecBody,
    /// A parameter breaks the published schema.
    OffSpecParameter,
    /// The body keeps the published schema, and the server refuses it all the same.
    ServerRejectsSpec,
}

/// A schema that is compiled when it is first needed.
pub(crate) struct SchemaSlot {
    text: SchemaText,
    profile: Profile,
    compiled: OnceCell<OperationSchema>,
    contract: OnceCell<SchemaPair>,
    answer: OnceCell<Option<Validator>>,
}

impl SchemaSlot {
    /// A slot for those texts, as a profile has them.
    pub(crate) const fn new(text: SchemaText, profile: Profile) -> SchemaSlot {
        SchemaSlot { text, profile, compiled: OnceCell::new(), contract: OnceCell::new(), answer: OnceCell::new() }
    }

    /// The compiled schema.
    ///
    /// # Errors
    /// When the files are broken, which a test would have found.
    pub(crate) fn get(&self) -> Result<&OperationSchema, ApiError> {
        self.compiled.get_or_try_init(|| {
            OperationSchema::compile(self.text, self.profile).map_err(|wrong| ApiError::bug(&wrong))
        })
    }

    /// The schema as JSON, for whoever explains or explores it; kept from the first time on.
    ///
    /// # Errors
    /// When the files are broken, which a test would have found.
    pub(crate) fn contract(&self) -> Result<&SchemaPair, ApiError> {
        self.contract.get_or_try_init(|| SchemaPair::of(self.text, self.profile).map_err(|wrong| ApiError::bug(&wrong)))
    }
}

impl SchemaSlot {
    /// What the server answers, every object closed: the specification leaves answers open for what a
    /// later version adds, and ours are of one version. None if nobody has published it.
    ///
    /// # Errors
    /// When the files are broken, which a test would have found.
    pub(crate) fn answer(&self) -> Result<Option<&Validator>, ApiError> {
        let compiled = self.answer.get_or_try_init(|| {
            let mut server = SchemaPair::of(self.text, self.profile)?.server;
            close(&mut server);
            server.pointer("/properties/response").map(|answer| compile(answer, &server)).transpose()
        });
        compiled.map(Option::as_ref).map_err(|wrong: String| ApiError::bug(&wrong))
    }
}

/// Closes every object that names its members.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("type").is_some_and(|kind| kind == "object") && members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What an operation takes.
pub(crate) struct OperationSchema {
    /// The body; none when the operation takes none.
    pub body: Option<BodySchema>,
    /// The query's own parameters, in the order in which the server reads them.
    pub parameters: Vec<QueryParameter>,
    /// What Elasticsearch takes and this mock refuses.
    pub ours: Vec<OursToRefuse>,
}

/// A parameter or a member of a body that Elasticsearch takes and this mock refuses, as the overlay says.
pub(crate) struct OursToRefuse {
    /// Its name.
    pub name: String,
    /// Whether it is a member of the body.
    pub in_body: bool,
    /// The values that ask for nothing, and pass.
    passes: Vec<Value>,
}

impl OursToRefuse {
    /// Whether a parameter with that value asks for nothing.
    pub(crate) fn passes_text(&self, text: &str) -> bool {
        self.passes.iter().any(|value| value.as_str() == Some(text))
    }

    /// Whether a member with that value asks for nothing.
    pub(crate) fn passes(&self, value: &Value) -> bool {
        self.passes.contains(value)
    }
}

/// What the body of an operation must be.
pub(crate) struct BodySchema {
    /// Whether there must be one.
    pub required: bool,
    /// How it is read.
    pub reading: BodyReading,
}

/// How a body is read, and who says what is wrong with it.
#[allow(clippy::large_enum_variant, reason = "there is one for each operation")]
pub(crate) enum BodyReading {
    /// The schema knows it down to the last member, and the server's declared parser refuses.
    Parsed(ParsedBody),
    /// The schema knows its members roughly: one JSON value, with which its handler finds fault.
    Json(Validator),
    /// One document, which the server stores as it was sent.
    Document,
    /// Lines, each an object.
    Lines,
    /// Nobody before its handler.
    Bytes,
}

/// A body that the server reads with a declared parser.
pub(crate) struct ParsedBody {
    /// The server's parser.
    pub parser: ObjectParser,
    /// What plain bodies are held to, in place of all the rest.
    pub form: Option<Box<BodyForm>>,
    server: BodyValidator,
    published: BodyValidator,
    /// Whether what the server takes is always within the published contract.
    server_is_stricter: bool,
}

impl ParsedBody {
    /// Whether the server takes this body.
    pub(crate) fn server_takes(&self, body: &Value) -> bool {
        self.server.get().is_valid(body)
    }

    /// Where a body breaks the published contract, in no more than one violation. `taken` says
    /// whether the server takes it.
    pub(crate) fn violation(&self, body: &Value, taken: bool) -> Option<Violation> {
        if taken && self.server_is_stricter {
            return None;
        }
        off_spec(self.published.get(), body).or_else(|| {
            (!taken).then(|| {
                let server = self.server.get().validate(body).err();
                Violation {
                    kind: ViolationKind::ServerRejectsSpec,
                    pointer: server.as_ref().map(|error| error.instance_path().to_string()).unwrap_or_default(),
                    message: server.map_or_else(String::new, |error| error.masked().to_string()),
                }
            })
        })
    }
}

/// Where a body breaks the published contract first.
pub(crate) fn off_spec(published: &Validator, body: &Value) -> Option<Violation> {
    published.validate(body).err().map(|error| Violation {
        kind: ViolationKind::OffSpecBody,
        pointer: error.instance_path().to_string(),
        message: error.masked().to_string(),
    })
}

/// A parameter of the query.
pub(crate) struct QueryParameter {
    /// Its name.
    pub name: String,
    kind: ParameterKind,
    minimum: Option<i64>,
    published: Value,
    /// What the published type points to.
    definitions: Arc<Value>,
}

enum ParameterKind {
    Text,
    Int,
    Long,
    Boolean,
    /// A value that settings know too: a time, or copies of a shard.
    Value(ValueKind),
    /// One name of an enumeration.
    Name(Enumeration),
    /// Names of an enumeration, separated by commas.
    Names(Enumeration),
}

impl QueryParameter {
    /// Reads the value as the server does; signs are checked later.
    pub(crate) fn read(&self, text: &str) -> Result<(), ApiError> {
        match &self.kind {
            ParameterKind::Text => Ok(()),
            ParameterKind::Int => text.parse::<i32>().map(|_| ()).map_err(|_| ApiError::bad_int(&self.name, text)),
            ParameterKind::Long => text.parse::<i64>().map(|_| ()).map_err(|_| ApiError::bad_long(&self.name, text)),
            ParameterKind::Value(kind) => {
                kind.check(text).map_err(|why| ApiError::bad_parameter(&self.name, text, why))
            }
            ParameterKind::Boolean if matches!(text, "" | "true" | "false") => Ok(()),
            ParameterKind::Boolean => Err(ApiError::bad_boolean(text)),
            ParameterKind::Name(enumeration) => enumeration.check(text),
            ParameterKind::Names(enumeration) => split_list(text).try_for_each(|name| enumeration.check(name)),
        }
    }

    /// The check of a number's sign, which the server makes after it has read all parameters.
    pub(crate) fn check_sign(&self, text: &str) -> Result<(), ApiError> {
        match (self.minimum, text.parse::<i64>()) {
            (Some(minimum), Ok(number)) if number < minimum => Err(ApiError::negative_parameter(&self.name)),
            _ => Ok(()),
        }
    }

    /// Whether the value is within the published contract.
    pub(crate) fn is_published(&self, text: &str) -> bool {
        published_takes(&self.published, &self.definitions, text)
    }
}

/// The items of a comma list as the server splits it: empty ones count, but for those at the end.
///
/// Source: Java's `String.split`.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end_matches(',').split_terminator(',')
}

fn published_takes(schema: &Value, definitions: &Value, text: &str) -> bool {
    let published_takes = |schema, text: &str| published_takes(schema, definitions, text);
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/$defs/"));
    if let Some(schema) = target.and_then(|name| definitions.get(name)) {
        return published_takes(schema, text);
    }
    if let Some(names) = schema.get("enum").and_then(Value::as_array) {
        // A parameter without a value is switched on, also where it may say more than yes or no.
        let meant = if text.is_empty() { "true" } else { text };
        return names.iter().any(|name| name == meant);
    }
    if let Some(ways) = schema.get("anyOf").and_then(Value::as_array) {
        return ways.iter().any(|way| published_takes(way, text));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => text.parse::<i64>().is_ok(),
        Some("number") => text.parse::<f64>().is_ok(),
        Some("boolean") => matches!(text, "" | "true" | "false"),
        Some("array") => {
            schema.get("items").is_none_or(|items| text.split(',').all(|item| published_takes(items, item)))
        }
        _ => true,
    }
}

/// Names, most of which the server reads in any case, and how it calls the enumeration when it refuses one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enumeration {
    /// The name in the server's refusal, and of the schema's `format`.
    pub name: &'static str,
    takes: fn(&str) -> bool,
}

impl PartialEq for Enumeration {
    fn eq(&self, other: &Enumeration) -> bool {
        self.name == other.name
    }
}

impl Enumeration {
    const ALL: [Enumeration; 10] = [
        Enumeration { name: "ConnectorSyncStatus", takes: |text| text.parse::<SyncStatus>().is_ok() },
        Enumeration { name: "ConnectorSyncJobType", takes: |text| text.parse::<JobType>().is_ok() },
        Enumeration { name: "ConnectorSyncJobTriggerMethod", takes: |text| text.parse::<TriggerMethod>().is_ok() },
        Enumeration { name: "ConnectorStatus", takes: |text| text.parse::<ConnectorStatus>().is_ok() },
        Enumeration { name: "ConfigurationDisplayType", takes: |text| is_among(&configuration::DISPLAY_TYPES, text) },
        Enumeration { name: "ConfigurationFieldType", takes: |text| configuration::FIELD_TYPES.contains(&text) },
        Enumeration {
            name: "ConfigurationValidationType",
            takes: |text| is_among(&configuration::VALIDATION_TYPES, text),
        },
        Enumeration { name: "FilteringPolicy", takes: |text| is_among(&filtering::POLICIES, text) },
        Enumeration { name: "FilteringRuleCondition", takes: |text| filtering::CONDITIONS.contains(&text) },
        Enumeration { name: "FilteringValidationState", takes: |text| is_among(&filtering::STATES, text) },
    ];

    /// The enumeration of that name.
    pub(crate) fn find(name: &str) -> Option<Enumeration> {
        Enumeration::ALL.into_iter().find(|known| known.name == name)
    }

    /// Whether `text` is one of its names.
    pub(crate) fn takes(self, text: &str) -> bool {
        (self.takes)(text)
    }

    fn check(self, text: &str) -> Result<(), ApiError> {
        if self.takes(text) { Ok(()) } else { Err(ApiError::unknown_enum(self.name, text)) }
    }
}

fn is_among(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

impl OperationSchema {
    fn compile(text: SchemaText, profile: Profile) -> Result<OperationSchema, String> {
        let SchemaPair { published, server, overlay } = SchemaPair::of(text, profile)?;
        Ok(OperationSchema {
            body: body(&published, &server, &overlay)?,
            parameters: parameters(&published, &server),
            ours: ours(&overlay),
        })
    }
}

/// What is refused before a handler sees it: an entry without `passes` is refused by the handler, which knows what
/// helps instead.
fn ours(overlay: &Value) -> Vec<OursToRefuse> {
    let of = |part: &'static str| {
        let names = overlay.pointer(&format!("/words/ours/{part}")).and_then(Value::as_object);
        names.into_iter().flatten().filter_map(move |(name, says)| {
            let passes = says.get("passes")?.as_array()?.clone();
            Some(OursToRefuse { name: name.clone(), in_body: part == "body", passes })
        })
    };
    of("query").chain(of("body")).collect()
}

/// An operation's schema for one profile, twice.
pub(crate) struct SchemaPair {
    /// As Elastic publishes it.
    pub published: Value,
    /// As the server has it: with every entry of the overlay that fits merged in.
    pub server: Value,
    overlay: Value,
}

impl SchemaPair {
    /// Reads both.
    ///
    /// # Errors
    /// When the files are broken, which a test would have found.
    pub(crate) fn of(text: SchemaText, profile: Profile) -> Result<SchemaPair, String> {
        let newest: Value = serde_json::from_str(text.published).map_err(|error| error.to_string())?;
        let overlay: Value = serde_json::from_str(text.overlay).map_err(|error| error.to_string())?;
        let published = edition(newest, profile);
        let mut server = published.clone();
        for entry in entries(&overlay) {
            let only_in = entry.get("only_in").and_then(Value::as_str);
            let pointer = entry.get("pointer").and_then(Value::as_str).unwrap_or_default();
            // An older edition may lack the place that an entry speaks of: then there is nothing to say.
            if profile.has(only_in)
                && let Some(place) = server.pointer_mut(pointer)
            {
                merge_patch(place, entry.get("merge").unwrap_or(&Value::Null));
            }
        }
        Ok(SchemaPair { published, server, overlay })
    }
}

/// The entries of an overlay. One that many overlays have is there by its name.
fn entries(overlay: &Value) -> impl Iterator<Item = &Value> {
    static SHARED: LazyLock<Value> = LazyLock::new(|| {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/overlay/shared/entries.json"));
        serde_json::from_str(text).unwrap_or_default()
    });
    let entries = overlay.get("entries").and_then(Value::as_array).into_iter().flatten();
    entries.map(|entry| entry.as_str().map_or(entry, |name| &SHARED[name]))
}

/// The published schema as a profile has it: what stands under its name, such as `x-8`, takes the place
/// of its namesakes, and null means that there is none. `properties` and `$defs` go member by member.
fn edition(mut newest: Value, profile: Profile) -> Value {
    let departures = newest.as_object_mut().and_then(|document| document.shift_remove(&format!("x-{profile}")));
    let Some(Value::Object(departures)) = departures else {
        return newest;
    };
    for (name, older) in departures {
        match (name.as_str(), older) {
            ("properties" | "$defs", Value::Object(members)) => {
                let group = &mut newest[name];
                if group.is_null() {
                    *group = json!({});
                }
                members.into_iter().for_each(|(name, older)| put(group, name, older));
            }
            (_, older) => put(&mut newest, name, older),
        }
    }
    newest
}

fn put(place: &mut Value, name: String, value: Value) {
    if let Some(members) = place.as_object_mut() {
        match value {
            Value::Null => drop(members.shift_remove(&name)),
            value => drop(members.insert(name, value)),
        }
    }
}

/// RFC 7396.
fn merge_patch(place: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *place = patch.clone();
        return;
    };
    if !place.is_object() {
        *place = json!({});
    }
    let Value::Object(place) = place else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            place.shift_remove(name);
        } else {
            merge_patch(place.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn body(published: &Value, server: &Value, overlay: &Value) -> Result<Option<BodySchema>, String> {
    const BODY: &str = "/properties/body";
    let (Some(published_body), Some(server_body)) = (published.pointer(BODY), server.pointer(BODY)) else {
        return Ok(None);
    };
    let flag = |name: &str| server.get(name).and_then(Value::as_bool).unwrap_or_default();
    let required = flag("x-body-required");
    let unread = match overlay.get("reads").and_then(Value::as_str) {
        Some("document") => Some(BodyReading::Document),
        Some("lines") => Some(BodyReading::Lines),
        Some("bytes") => Some(BodyReading::Bytes),
        _ => flag("x-ndjson").then_some(BodyReading::Bytes),
    };
    if let Some(reading) = unread {
        return Ok(Some(BodySchema { required, reading }));
    }
    if published.get("x-depth").is_some_and(|depth| depth == "shallow") {
        let reading = BodyReading::Json(compile(published_body, published)?);
        return Ok(Some(BodySchema { required, reading }));
    }
    let server_is_stricter = entries(overlay)
        .filter(|entry| {
            entry
                .get("pointer")
                .and_then(Value::as_str)
                .is_some_and(|pointer| pointer.starts_with(BODY) || pointer.starts_with("/$defs"))
        })
        .all(|entry| matches!(entry.get("effect").and_then(Value::as_str), Some("stricter" | "notes")));
    let definitions = server.get("$defs").cloned().unwrap_or_else(|| json!({}));
    let name = overlay.get("parser").and_then(Value::as_str).unwrap_or_default();
    let reading = BodyReading::Parsed(ParsedBody {
        parser: ObjectParser::new(name, server_body, &definitions),
        form: BodyForm::of([server_body, server], [published_body, published]).map(Box::new),
        server: BodyValidator::of(server_body, server),
        published: BodyValidator::of(published_body, published),
        server_is_stricter,
    });
    Ok(Some(BodySchema { required, reading }))
}

/// The schema of a body, compiled when the first body comes that is not plain: that takes longer than anything else that
/// a first call needs.
struct BodyValidator {
    schema: Value,
    compiled: OnceLock<Validator>,
}

impl BodyValidator {
    fn of(body: &Value, whole: &Value) -> BodyValidator {
        BodyValidator { schema: with_definitions(body, whole), compiled: OnceLock::new() }
    }

    fn get(&self) -> &Validator {
        self.compiled.get_or_init(|| validator(&self.schema).expect("a test compiles every schema"))
    }
}

fn compile(body: &Value, whole: &Value) -> Result<Validator, String> {
    validator(&with_definitions(body, whole))
}

/// A schema of a body with what it points to.
fn with_definitions(body: &Value, whole: &Value) -> Value {
    let mut schema: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
    if let Some(definitions) = whole.get("$defs") {
        schema.insert("$defs".to_owned(), definitions.clone());
    }
    Value::Object(schema)
}

fn validator(schema: &Value) -> Result<Validator, String> {
    let mut options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("long", |text: &str| long_of(text).is_some())
        .with_format("int", |text: &str| int_of(text).is_ok())
        .with_format("cron", |text: &str| cron::check(text).is_ok())
        .with_format("iso_instant", |text: &str| Timestamp::parse_iso(text).is_ok())
        .with_format("boolean", |text: &str| matches!(text, "true" | "false"))
        .with_format("instant", |text: &str| Timestamp::parse_lenient(text).is_ok());
    for enumeration in Enumeration::ALL {
        options = options.with_format(enumeration.name, move |text: &str| enumeration.takes(text));
    }
    options.build(schema).map_err(|error| error.to_string())
}

/// Whether a schema is nothing but a pointer to that definition.
fn points_to(schema: &Value, definition: &str) -> bool {
    schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/$defs/")) == Some(definition)
}

fn parameters(published: &Value, server: &Value) -> Vec<QueryParameter> {
    let own = |schema: &Value| schema.pointer("/properties/query/properties").and_then(Value::as_object).cloned();
    let definitions = Arc::new(published.get("$defs").cloned().unwrap_or_default());
    let published = own(published).unwrap_or_default();
    let mut parameters: Vec<QueryParameter> = own(server)
        .unwrap_or_default()
        .into_iter()
        .filter(|(name, _)| !COMMON_PARAMETERS.contains(&name.as_str()))
        .map(|(name, server)| {
            let format = |schema: &Value| schema.get("format").and_then(Value::as_str).and_then(Enumeration::find);
            let enumeration = format(&server).or_else(|| server.get("items").and_then(format));
            let kind = match (server.get("x-kind").and_then(Value::as_str), enumeration) {
                (Some("int"), _) => ParameterKind::Int,
                (Some("long"), _) => ParameterKind::Long,
                (Some("boolean"), _) => ParameterKind::Boolean,
                (Some("list"), Some(enumeration)) => ParameterKind::Names(enumeration),
                (_, Some(enumeration)) => ParameterKind::Name(enumeration),
                (Some(_), None) => ParameterKind::Text,
                // Nobody has said how the server reads it: as its published type has it.
                (None, None) if points_to(&server, "Duration") => ParameterKind::Value(ValueKind::Time(i64::MIN, "")),
                (None, None) if points_to(&server, "WaitForActiveShards") => {
                    ParameterKind::Value(ValueKind::ActiveShards)
                }
                (None, None) => match server.get("type").and_then(Value::as_str) {
                    Some("boolean") => ParameterKind::Boolean,
                    Some("integer") if server.get("format").is_some() => ParameterKind::Long,
                    Some("integer") => ParameterKind::Int,
                    _ => ParameterKind::Text,
                },
            };
            QueryParameter {
                kind,
                minimum: server.get("x-minimum").and_then(Value::as_i64),
                published: published.get(&name).cloned().unwrap_or_default(),
                definitions: definitions.clone(),
                name,
            }
        })
        .collect();
    let order: Vec<&str> = server
        .pointer("/properties/query/x-order")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    parameters.sort_by_key(|parameter| order.iter().position(|name| *name == parameter.name).unwrap_or(usize::MAX));
    parameters
}
