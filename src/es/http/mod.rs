//! Elasticsearch's rules for any request, as a straight line in two stages.
//!
//! [`read`] takes a request as far as it can go without state: route, media types, body, parameters,
//! in the order in which the real server checks them. [`render::render`] writes the answer. Both are
//! pure; between them a handler touches the state, and only that needs a lock.

pub(crate) mod call;
pub(crate) mod endpoint;
mod filter_path;
mod media;
pub(crate) mod near;
pub(crate) mod part;
pub(crate) mod render;
pub(crate) mod router;
pub(crate) mod words;

use std::sync::OnceLock;

use crate::es::body::schema;
use crate::es::error;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::es::body::schema::{
    BodyReading, COMMON_PARAMETERS, OperationSchema, OursToRefuse, SchemaSlot, Violation, ViolationKind, off_spec,
};
use crate::es::error::ApiError;
use crate::http::{Headers, Method, Request};
use crate::json;
use crate::license::License;
use crate::limits::{HEADER_BYTES_MAX, JSON_HELD_BYTES_MAX, LINES_HELD_BYTES_MAX, REQUEST_LINE_BYTES_MAX};
use crate::profile::{Profile, Release};
use crate::suggest;
use crate::target::{self, RawParameter};
use call::{AnswerBody, BodyLine, Call, ParsedParts, PathParameter, Reply, Sent};
use endpoint::{Endpoint, ForeignFacts, RowFacts};
use filter_path::FilterPath;
use media::{BodyType, Media};
use render::Style;
use router::{RouteFound, RouteTarget, Router};

/// A table of operations, ready to be asked.
pub(crate) struct OperationTable<S: 'static> {
    rows: &'static [Endpoint<S>],
    published: &'static str,
    with_rivals: &'static [&'static str],
    foreign: &'static [ForeignFacts],
    /// One for each profile, made when it is first needed.
    editions: [Edition; Profile::COUNT],
}

/// What a table is for one profile.
struct Edition {
    router: OnceLock<Router>,
    slots: OnceLock<Vec<Option<SchemaSlot>>>,
}

impl<S> OperationTable<S> {
    /// A table of `rows`. `published` are the routes that Elastic publishes: `operation METHOD path` a line;
    /// `with_rivals` are the paths that [`Router::new`] has to know; `foreign` are the facts of operations without a row,
    /// of which the first pattern that fits counts, and one has to.
    pub(crate) const fn new(
        rows: &'static [Endpoint<S>],
        published: &'static str,
        with_rivals: &'static [&'static str],
        foreign: &'static [ForeignFacts],
    ) -> OperationTable<S> {
        let editions = [const { Edition { router: OnceLock::new(), slots: OnceLock::new() } }; Profile::COUNT];
        OperationTable { rows, published, with_rivals, foreign, editions }
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &'static [Endpoint<S>] {
        self.rows
    }

    /// What an operation deals with that has no row.
    fn foreign_facts(&self, operation: &str) -> Option<&'static RowFacts> {
        let fits = |pattern: &str| match pattern.split_once('*') {
            Some((start, end)) => operation.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            None => operation == pattern,
        };
        self.foreign.iter().find(|(pattern, _)| fits(pattern)).map(|(_, facts)| facts)
    }

    /// What the calls of an operation deal with, found by its name.
    #[cfg(test)]
    pub(crate) fn facts_of(&self, operation: &str) -> Option<&'static RowFacts> {
        let row = self.rows.iter().find(|row| row.operation == operation);
        row.map_or_else(|| self.foreign_facts(operation), |row| Some(&row.facts))
    }

    /// Whether a profile has a row at one of its paths.
    pub(crate) fn has(&self, row: &Endpoint<S>, path: &str, profile: Profile) -> bool {
        router::is_in(self.published, row.operation, &row.method, path, profile)
    }

    fn router(&self, profile: Profile) -> &Router {
        let edition = &self.editions[profile.position()];
        edition.router.get_or_init(|| Router::new(self.rows, self.published, self.with_rivals, profile))
    }

    fn schema(&self, row: usize, profile: Profile) -> Result<Option<&OperationSchema>, ApiError> {
        self.slot(row, profile).map(SchemaSlot::get).transpose()
    }

    fn slot(&self, row: usize, profile: Profile) -> Option<&SchemaSlot> {
        let slots = self.editions[profile.position()].slots.get_or_init(|| {
            self.rows.iter().map(|row| row.schema.map(|text| SchemaSlot::new(text, profile))).collect()
        });
        slots.get(row)?.as_ref()
    }

    /// What stands for the placeholders of a request's path; nothing if it leads nowhere.
    pub(crate) fn placeholders<'r>(&self, request: &'r Request, profile: Profile) -> Vec<PathParameter<'r>> {
        match self.router(profile).find(request.method(), request.path()) {
            Ok(RouteFound::Route(_, path)) => path,
            _ => Vec::new(),
        }
    }

    /// The operation that a method and a path name, however a request is refused that has them.
    pub(crate) fn operation_at(&self, method: &Method, path: &str, profile: Profile) -> Option<&'static str> {
        match self.router(profile).find(method, path) {
            Ok(RouteFound::Route(RouteTarget::Row(row), _)) => Some(self.rows[*row].operation),
            Ok(RouteFound::Route(RouteTarget::Unsupported(operation), path)) => {
                (!path.iter().any(|(name, index)| *name == "index" && index.starts_with('_'))).then_some(operation)
            }
            _ => None,
        }
    }

    /// The schema of an operation as JSON; none if it has none.
    pub(crate) fn contract(&self, operation: &str, profile: Profile) -> Option<&schema::SchemaPair> {
        let row = self.rows.iter().position(|row| row.operation == operation)?;
        self.slot(row, profile)?.contract().ok()
    }

    /// Where an answer leaves the specification as the server keeps it, and how; `None` if it does not, or if
    /// nobody has published what the answer is.
    pub(crate) fn answer_breach(
        &self,
        operation: &str,
        profile: Profile,
        answer: &serde_json::Value,
    ) -> Option<(String, String)> {
        let row = self.rows.iter().position(|row| row.operation == operation)?;
        match self.slot(row, profile)?.answer() {
            Ok(published) => off_spec(published?, answer).map(|Violation { pointer, message, .. }| (pointer, message)),
            Err(error) => Some((String::new(), error.reason().to_owned())),
        }
    }

    /// Whether the quick way and the four passes lead a path to the same row.
    #[cfg(test)]
    pub(crate) fn is_found_alike(&self, profile: Profile, method: &Method, path: &str) -> bool {
        let row = |found| match found {
            Ok(RouteFound::Route(RouteTarget::Row(row), values)) => Some((*row, values)),
            _ => None,
        };
        let router = self.router(profile);
        row(router.find(method, path)) == row(router.find_in_tree(method, path))
    }

    #[cfg(test)]
    /// The compiled schema of an operation; none if it has none.
    ///
    /// # Errors
    /// When the schema's files are broken.
    pub(crate) fn schema_of(&self, operation: &str, profile: Profile) -> Result<Option<&OperationSchema>, ApiError> {
        match self.rows.iter().position(|row| row.operation == operation) {
            Some(row) => self.schema(row, profile),
            None => Ok(None),
        }
    }
}

/// Which Elasticsearch answers, as far as a request's reading depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerInfo {
    /// The Elasticsearch that is mimicked.
    pub profile: Profile,
    /// What it says of itself.
    pub release: &'static Release,
    /// The license that it says it has.
    pub license: License,
    /// The largest body.
    pub body_bytes_max: usize,
}

/// How far a request got without state.
pub(crate) struct Reading<'r, S: 'static> {
    /// The row that it reached.
    pub endpoint: Option<&'static Endpoint<S>>,
    /// The operation of Elasticsearch that it names, ours or not.
    pub operation: Option<&'static str>,
    /// What its operation deals with; `None` if it names none.
    pub facts: Option<&'static RowFacts>,
    /// Why it reached no row, if it did not.
    pub miss: Option<RouteMiss>,
    /// The call as far as it has been read.
    pub call: Call<'r>,
    /// Whether a handler is to act, or what the server says without state.
    pub stage: ParseOutcome,
    /// How the answer is to be written.
    pub style: Style,
    /// Where the request leaves the published contract.
    pub violations: Vec<Violation>,
    /// The `compatible-with` that the client asked for.
    pub compatible_with: Option<u64>,
}

impl<'r, S> Reading<'r, S> {
    /// What the request says, as far as it has been read.
    pub(crate) fn parsed(&self) -> &ParsedParts<'r> {
        &self.call.parsed
    }

    /// Whether the request is as it should be, and its body has been read as JSON from its beginning to its end.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.stage, ParseOutcome::Call) && self.call.is_json()
    }

    /// Answers in place of a handler.
    pub(crate) fn answer(&mut self, reply: Reply) {
        self.stage = ParseOutcome::Answered(Ok(reply));
    }
}

/// Where a reading ends.
pub(crate) enum ParseOutcome {
    /// A handler is to act.
    Call,
    /// The answer is known without one.
    Answered(Result<Reply, ApiError>),
}

/// Why a request reached no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteMiss {
    /// Elasticsearch has no such method and path.
    Unknown,
    /// Elasticsearch has the operation and this mock has not.
    Unsupported,
}

/// Takes a request through every check that needs no state.
pub(crate) fn read<'r, S>(
    table: &'static OperationTable<S>,
    request: &'r Request,
    setting: &ServerInfo,
) -> Reading<'r, S> {
    let call = Call {
        request,
        parsed: ParsedParts::default(),
        now: Timestamp::default(),
        release: setting.release,
        license: setting.license,
        names_type: false,
    };
    let mut reading = Reading {
        endpoint: None,
        operation: None,
        facts: None,
        miss: None,
        call,
        stage: ParseOutcome::Call,
        style: Style { head: *request.method() == Method::Head, ..Style::default() },
        violations: Vec::new(),
        compatible_with: None,
    };
    match read_into(table, request, setting, &mut reading) {
        Ok(None) => {}
        Ok(Some(reply)) => reading.stage = ParseOutcome::Answered(Ok(reply)),
        Err(error) => reading.stage = ParseOutcome::Answered(Err(error)),
    }
    reading
}

/// Takes a request through the checks into `reading`; the answer, if it is known without a handler.
fn read_into<'r, S>(
    table: &'static OperationTable<S>,
    request: &'r Request,
    setting: &ServerInfo,
    reading: &mut Reading<'r, S>,
) -> Result<Option<Reply>, ApiError> {
    let headers = request.headers();
    reading.style.opaque_id = headers.get("x-opaque-id").map(str::to_owned);
    // The line is METHOD, target and version with two blanks between; a header line ends in two bytes
    // and has a blank after its colon.
    if request.method().as_str().len() + request.target().len() + 10 > REQUEST_LINE_BYTES_MAX {
        return Err(ApiError::too_long_line());
    }
    if headers.as_text().len() > HEADER_BYTES_MAX {
        return Err(ApiError::too_long_headers());
    }
    if request.body().len() > setting.body_bytes_max {
        return Err(ApiError::too_large());
    }
    reading.call.parsed.query = parse_query(request.query())?;
    let parsed = &reading.call.parsed;

    let has_body = !request.body().is_empty();
    let media = media::negotiate(headers, has_body, parsed.query("format"), setting.profile)?;
    reading.compatible_with = media.compatible_with;
    let Media { response, body: body_type, names_type, .. } = media;
    reading.style.content_type = response;

    let switch = |name: &str| parsed.query(name).map(boolean).transpose();
    let pretty = switch("pretty").map_err(ApiError::bad_boolean)?;
    switch("human").map_err(ApiError::bad_boolean)?;
    single_valued(headers)?;
    reading.style.pretty = pretty;
    reading.style.error_trace = switch("error_trace").map_err(ApiError::bad_error_trace)?.unwrap_or(false);
    reading.style.filter_path = parsed.query("filter_path").and_then(FilterPath::parse);

    let row = match route(table, request, setting.profile, reading)? {
        Routed::Row(row) => row,
        Routed::Ready(reply) => return Ok(Some(reply)),
    };
    let endpoint = &table.rows[row];
    reading.endpoint = Some(endpoint);
    reading.operation = Some(endpoint.operation);
    reading.facts = Some(&endpoint.facts);
    // Calls of our own read their body as what it must be, whatever it is called.
    if has_body && endpoint.schema.is_some() {
        if headers.get("content-encoding").is_some_and(|encoding| encoding != "identity") {
            let what = "compressed bodies other than whole gzip ones over the wire";
            return Err(ApiError::unsupported(what, "send the body without `Content-Encoding`"));
        }
        match body_type {
            Ok(BodyType::Json) => {}
            Ok(BodyType::Foreign(name)) => {
                return Err(ApiError::unsupported(
                    &format!("bodies in {name}"),
                    "send JSON with `Content-Type: application/json`",
                ));
            }
            Err(raw) => return Err(ApiError::content_type(&raw)),
        }
    }
    let schema = table.schema(row, setting.profile)?;
    let (body, lines) = match schema {
        Some(schema) => read_body(endpoint.operation, schema, request, &mut reading.violations)?,
        None => (None, Vec::new()),
    };
    if let Some(schema) = schema {
        check_parameters(schema, &reading.call.parsed.query, &mut reading.violations, request, endpoint)?;
        if has_body && schema.body.is_none() {
            return Err(ApiError::body_not_supported(request.method(), &decoded_path(request)?));
        }
    }
    let call = &mut reading.call;
    (call.parsed.body, call.parsed.lines, call.names_type) = (body, lines, names_type);
    if let Some(check) = endpoint.check {
        check(call)?;
    }
    Ok(None)
}

/// The reply to an `OPTIONS` request, which needs no handler.
fn options(allowed: &[Method]) -> Reply {
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    Reply { allow: (!names.is_empty()).then(|| names.join(",")), ..Reply::ok(AnswerBody::Text(Bytes::new())) }
}

/// What a router's finding comes to.
enum Routed {
    Row(usize),
    /// The answer is known without one.
    Ready(Reply),
}

fn route<'r, S>(
    table: &'static OperationTable<S>,
    request: &'r Request,
    profile: Profile,
    reading: &mut Reading<'r, S>,
) -> Result<Routed, ApiError> {
    let method = request.method();
    if *method == Method::Get && request.path() == "/favicon.ico" && !table.published.is_empty() {
        let icon = Bytes::from_static(include_bytes!("favicon.ico"));
        return Ok(Routed::Ready(Reply::ok(AnswerBody::Typed("image/x-icon", icon))));
    }
    let allowed = match table.router(profile).find(method, request.path())? {
        RouteFound::Route(RouteTarget::Row(row), path) => {
            reading.call.parsed.path = path;
            return Ok(Routed::Row(*row));
        }
        RouteFound::Route(RouteTarget::Unsupported(operation), path) => {
            // What reads as the name of an index and cannot be one is no operation of Elasticsearch.
            if let Some((_, index)) = path.iter().find(|(name, index)| *name == "index" && index.starts_with('_')) {
                reading.miss = Some(RouteMiss::Unknown);
                return Err(ApiError::invalid_index_name(index));
            }
            reading.miss = Some(RouteMiss::Unsupported);
            reading.operation = Some(operation);
            reading.facts = table.foreign_facts(operation);
            reading.call.parsed.path = path;
            let known = table.rows.iter().map(|row| row.operation);
            let nearest = suggest::similar(operation, known).first().copied();
            return Err(ApiError::unsupported_operation(operation, nearest));
        }
        RouteFound::WrongMethod(allowed) => Some(allowed),
        RouteFound::Route(RouteTarget::Bare, _) | RouteFound::Unknown => None,
    };
    if *method == Method::Options {
        return Ok(Routed::Ready(options(&allowed.unwrap_or_default())));
    }
    reading.miss = Some(RouteMiss::Unknown);
    match (allowed, method) {
        (Some(allowed), _) => Err(ApiError::wrong_method(request.target(), method, &allowed)),
        (None, Method::Other(_)) => Err(ApiError::wrong_method(request.target(), method, &[])),
        (None, _) => Err(ApiError::no_handler(request.target(), method)),
    }
}

/// The body, if the operation takes one and there is one. The schema only says whether it is well
/// formed; what is wrong with it the parser tells.
fn read_body(
    operation: &str,
    schema: &'static OperationSchema,
    request: &Request,
    violations: &mut Vec<Violation>,
) -> Result<(Option<Sent>, Vec<BodyLine>), ApiError> {
    let Some(wanted) = &schema.body else {
        return Ok((None, Vec::new()));
    };
    let bytes = request.body();
    if bytes.is_empty() {
        return if wanted.required { Err(ApiError::body_required()) } else { Ok((None, Vec::new())) };
    }
    // A plain body has been weighed while it was read.
    let plain = match &wanted.reading {
        BodyReading::Parsed(parsed) => parsed.form.as_ref().and_then(|form| form.read(bytes)),
        _ => None,
    };
    let (weight, most) = match (&wanted.reading, &plain) {
        (BodyReading::Bytes, _) => (None, 0),
        (_, Some(plain)) if plain.weight() <= JSON_HELD_BYTES_MAX => (None, 0),
        _ if json::is_light(bytes.len(), JSON_HELD_BYTES_MAX.min(LINES_HELD_BYTES_MAX)) => (None, 0),
        (BodyReading::Lines, _) => {
            (json::weighs_more(bytes.split(|byte| *byte == b'\n'), LINES_HELD_BYTES_MAX), LINES_HELD_BYTES_MAX)
        }
        _ => (json::weighs_more([&bytes[..]].into_iter(), JSON_HELD_BYTES_MAX), JSON_HELD_BYTES_MAX),
    };
    if let Some(weight) = weight {
        return Err(ApiError::data_too_large(weight, most));
    }
    let body = match &wanted.reading {
        BodyReading::Bytes => None,
        BodyReading::Document => return Ok((None, vec![BodyLine::read(bytes.clone())])),
        BodyReading::Lines => return Ok((None, BodyLine::each(bytes).collect())),
        BodyReading::Json(published) => {
            let body = json::read(bytes).map_err(|wrong| ApiError::parse(error::syntax(&wrong)))?;
            violations.extend(body.as_ref().and_then(|body| off_spec(published, body)));
            let is_given = |ours: &&OursToRefuse| {
                let value = body.as_ref().and_then(|body| body.get(&ours.name));
                ours.in_body && value.is_some_and(|value| !ours.passes(value))
            };
            if let Some(ours) = schema.ours.iter().find(is_given) {
                return Err(ApiError::unsupported_part("member", &ours.name, operation));
            }
            body
        }
        BodyReading::Parsed(parsed) => {
            if let Some(plain) = plain {
                return Ok((Some(Sent::Plain(plain)), Vec::new()));
            }
            let body = json::read(bytes);
            let taken = matches!(&body, Ok(Some(body)) if parsed.server_takes(body));
            // The parser is the server's own and has the last word.
            let refusal = if taken { None } else { parsed.parser.refusal(bytes) };
            let mut body = body.ok().flatten();
            if let Some(body) = &mut body {
                violations.extend(parsed.violation(body, refusal.is_none()));
                parsed.parser.settle(body);
            }
            if let Some(exception) = refusal {
                return Err(ApiError::parse(exception));
            }
            body
        }
    };
    Ok((body.map(Sent::Whole), Vec::new()))
}

fn check_parameters<S>(
    schema: &OperationSchema,
    query: &[(String, String)],
    violations: &mut Vec<Violation>,
    request: &Request,
    endpoint: &Endpoint<S>,
) -> Result<(), ApiError> {
    if query.is_empty() {
        return Ok(());
    }
    let given = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let placeholders = || endpoint.paths.iter().flat_map(|path| path.split('/')).filter_map(placeholder);
    for (name, value) in query {
        let own = schema.parameters.iter().find(|parameter| parameter.name == *name);
        let common = COMMON_PARAMETERS.contains(&name.as_str()) || placeholders().any(|known| known == name);
        let message = match own {
            Some(parameter) if !parameter.is_published(value) => "its value is not of the published type",
            None if !common => "the operation has no such parameter",
            _ => continue,
        };
        violations.push(Violation {
            kind: ViolationKind::OffSpecParameter,
            pointer: name.clone(),
            message: message.to_owned(),
        });
    }
    for parameter in &schema.parameters {
        if let Some(value) = given(&parameter.name) {
            parameter.read(value)?;
        }
    }
    for parameter in &schema.parameters {
        if let Some(value) = given(&parameter.name) {
            parameter.check_sign(value)?;
        }
    }
    let known = || {
        let own = schema.parameters.iter().map(|parameter| parameter.name.as_str());
        own.chain(COMMON_PARAMETERS).chain(placeholders())
    };
    let unknown: Vec<&str> =
        query.iter().map(|(name, _)| name.as_str()).filter(|name| !known().any(|known| known == *name)).collect();
    if unknown.is_empty() {
        let is_given =
            |ours: &&OursToRefuse| !ours.in_body && given(&ours.name).is_some_and(|value| !ours.passes_text(value));
        return match schema.ours.iter().find(is_given) {
            Some(ours) => Err(ApiError::unsupported_part("parameter", &ours.name, endpoint.operation)),
            None => Ok(()),
        };
    }
    let known: Vec<&str> = known().collect();
    Err(ApiError::unrecognized_parameters(&decoded_path(request)?, &unknown, known.iter().copied()))
}

fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn decoded_path(request: &Request) -> Result<String, ApiError> {
    router::decode(request.path(), false).map(std::borrow::Cow::into_owned).map_err(ApiError::bad_path)
}

/// A boolean parameter: present without a value is true.
fn boolean(text: &str) -> Result<bool, &str> {
    match text {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(other),
    }
}

/// Headers that may come twice only with the same value.
fn single_valued(headers: &Headers) -> Result<(), ApiError> {
    const NAMES: [(&str, &str); 4] = [
        ("x-opaque-id", "X-Opaque-Id"),
        ("traceparent", "traceparent"),
        ("tracestate", "tracestate"),
        ("x-elastic-product-origin", "X-elastic-product-origin"),
    ];
    if !headers.repeats() {
        return Ok(());
    }
    for (name, value) in headers.iter() {
        if let Some((_, printed)) = NAMES.iter().find(|(known, _)| *known == name)
            && headers.get(name) != Some(value)
        {
            return Err(ApiError::single_valued_header(printed));
        }
    }
    Ok(())
}

/// The parameters of a query; of several with one name the last counts.
pub(crate) fn parse_query(query: &str) -> Result<Vec<(String, String)>, ApiError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    if query.is_empty() {
        return Ok(parameters);
    }
    for RawParameter { name, value, .. } in target::parameters(query.split('#').next().unwrap_or_default()) {
        let name = router::decode(name, true).map_err(ApiError::bad_query)?.into_owned();
        let value = router::decode(value, true).map_err(ApiError::bad_query)?.into_owned();
        if ["serverlessRequest", "operatorRequest"].iter().any(|reserved| reserved.eq_ignore_ascii_case(&name)) {
            return Err(ApiError::reserved_parameter(&name));
        }
        match parameters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => parameters.push((name, value)),
        }
    }
    Ok(parameters)
}
