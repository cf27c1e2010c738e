//! [`CoverageItem`]: one thing that a call can cover. [`items`] says which ones a call has covered.

use std::borrow::Cow;

use serde_json::Value;

use crate::es::body::schema::{COMMON_PARAMETERS, SchemaPair};
use crate::es::connector::rules::ConnectorStatus;
use crate::es::http as rest;
use crate::es::http::call::ParsedParts;
use crate::es::http::{ParseOutcome, Reading, ServerInfo};
use crate::es::store::Cluster;
use crate::es::sync_job::rules::SyncStatus;
use crate::es::table::TABLE;
use crate::http::{Request, Response};
use crate::license::License;
use crate::profile::Profile;
use crate::record::SubjectBefore;
use crate::record::redact::REDACTED;

/// Operations that begin work: for them the connector's state matters beside the job's.
const BEGINNINGS: [&str; 2] = ["connector.sync_job_claim", "connector.sync_job_post"];

/// One thing that a call can cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoverageItem {
    /// The operation was called.
    Called,
    /// The sync job that it named was in that status.
    Job(SyncStatus),
    /// The connector that it named was in that status.
    Connector(ConnectorStatus),
    /// It was refused like that.
    Refused(u16, String),
    /// An optional field was sent.
    With(String),
    /// An optional field was left out.
    Without(String),
}

impl CoverageItem {
    /// What it weighs when the next request is chosen: what a correct client does comes before mistakes.
    pub(crate) fn weight(&self) -> usize {
        if matches!(self, CoverageItem::Refused(..)) { 1 } else { 2 }
    }

    /// How it is named among what was missed.
    pub(crate) fn missed(&self) -> String {
        match self {
            CoverageItem::Called => "never called".to_owned(),
            CoverageItem::Job(status) => format!("from {status}"),
            CoverageItem::Connector(status) => format!("connector {status}"),
            CoverageItem::Refused(status, what) if what.is_empty() => status.to_string(),
            CoverageItem::Refused(status, what) => format!("{status} {what}"),
            CoverageItem::With(name) => format!("with {name}"),
            CoverageItem::Without(name) => format!("without {name}"),
        }
    }

    /// Its name among the states, if it is one.
    pub(crate) fn state(&self) -> Option<String> {
        match self {
            CoverageItem::Job(status) => Some(status.to_string()),
            CoverageItem::Connector(_) => Some(self.missed()),
            _ => None,
        }
    }

    /// Its name among the error branches, if it is one.
    pub(crate) fn error(&self) -> Option<String> {
        matches!(self, CoverageItem::Refused(..)).then(|| self.missed())
    }

    /// Its name among the body variants, if it is one.
    pub(crate) fn variant(&self) -> Option<String> {
        matches!(self, CoverageItem::With(_) | CoverageItem::Without(_)).then(|| self.missed())
    }
}

pub(crate) fn setting(profile: Profile) -> ServerInfo {
    ServerInfo { profile, release: profile.release(), license: License::default(), body_bytes_max: usize::MAX }
}

/// What a call covers, by the request, the answer, and the state of what it named.
pub(crate) fn items(
    operation: &str,
    profile: Profile,
    request: &Request,
    response: &Response,
    standing: SubjectBefore,
) -> Vec<CoverageItem> {
    let mut items = vec![CoverageItem::Called];
    let mut states = Vec::from_iter(standing.job.map(CoverageItem::Job));
    if !standing.is_of_job || BEGINNINGS.contains(&operation) {
        states.extend(standing.connector.map(CoverageItem::Connector));
    }
    let Some(SchemaPair { server: schema, .. }) = TABLE.contract(operation, profile) else { return items };
    let reading = rest::read(&TABLE, request, &setting(profile));
    let body = SchemaBody::of(request, reading.parsed(), schema);
    let status = response.status();
    let mut faults = if status == 400 { body.faults() } else { Vec::new() };
    if faults.is_empty() && status == 400 {
        faults = parameters(request, &reading, schema);
    }
    // A call that is refused for its form has not come as far as to any state.
    if faults.is_empty() {
        items.extend(states);
    }
    if status >= 400 {
        let named = if faults.is_empty() { vec![kind(response)] } else { faults };
        items.extend(named.into_iter().map(|what| CoverageItem::Refused(status, what)));
    } else if let Some(fields) = body.fields {
        for name in fields.keys().filter(|name| !body.required.contains(&name.as_str())) {
            let sent = body.sent.as_deref().and_then(Value::as_object).is_some_and(|sent| sent.contains_key(name));
            items.push(if sent { CoverageItem::With(name.clone()) } else { CoverageItem::Without(name.clone()) });
        }
    }
    items
}

/// The `error.type` of a refusal; empty if it has none.
fn kind(response: &Response) -> String {
    let body = response.body_json().unwrap_or_default();
    body.pointer("/error/type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A body as its schema sees it.
struct SchemaBody<'s> {
    schema: &'s Value,
    /// Whether the operation takes one, and whether there must be one.
    taken: bool,
    is_required: bool,
    fields: Option<&'s serde_json::Map<String, Value>>,
    required: Vec<&'s str>,
    is_closed: bool,
    is_empty: bool,
    /// What was sent, if it could be read.
    sent: Option<Cow<'s, Value>>,
}

impl<'s> SchemaBody<'s> {
    fn of(request: &Request, parsed: &'s ParsedParts<'_>, schema: &'s Value) -> SchemaBody<'s> {
        let node = schema.pointer("/properties/body").map(|node| resolved(schema, node));
        let list = |node: &'s Value, name: &str| -> Vec<&'s str> {
            node.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        };
        SchemaBody {
            schema,
            taken: node.is_some(),
            is_required: schema.get("x-body-required") == Some(&Value::Bool(true)),
            fields: node.and_then(|node| node.get("properties")?.as_object()),
            required: node.map(|node| list(node, "required")).unwrap_or_default(),
            is_closed: node.is_some_and(|node| node.get("additionalProperties") == Some(&Value::Bool(false))),
            is_empty: request.body().is_empty(),
            sent: parsed.json(request.body()),
        }
    }

    /// What is wrong with it at first sight, as the server's parser would meet it: first what it is, then
    /// its fields, at last what is missing.
    fn faults(&self) -> Vec<String> {
        if !self.taken {
            return if self.is_empty { Vec::new() } else { vec!["a body where none is taken".to_owned()] };
        }
        if self.is_empty {
            return if self.is_required { vec!["missing body".to_owned()] } else { Vec::new() };
        }
        let Some(sent) = &self.sent else { return vec!["malformed body".to_owned()] };
        let Some(known) = self.fields else { return Vec::new() };
        let Some(sent) = sent.as_object() else { return vec!["body is no object".to_owned()] };
        if self.is_closed && sent.keys().any(|name| !known.contains_key(name)) {
            return vec!["unknown field".to_owned()];
        }
        let mistyped: Vec<String> = sent
            .iter()
            .filter(|(name, value)| known.get(*name).is_some_and(|node| !is_typed(self.schema, node, value)))
            .map(|(name, _)| format!("mistyped {name}"))
            .collect();
        if !mistyped.is_empty() {
            return mistyped;
        }
        let missing = self.required.iter().filter(|name| !sent.contains_key(**name));
        missing.map(|name| format!("missing {name}")).collect()
    }
}

/// What is wrong with the parameters at first sight.
fn parameters(request: &Request, reading: &Reading<'_, Cluster>, schema: &Value) -> Vec<String> {
    let known = schema.pointer("/properties/query/properties").and_then(Value::as_object);
    let is_known =
        |name: &str| COMMON_PARAMETERS.contains(&name) || known.is_some_and(|known| known.contains_key(name));
    if reading.parsed().query.iter().any(|(name, _)| !is_known(name)) {
        return vec!["unknown parameter".to_owned()];
    }
    // Nothing of it but a parameter can be wrong before any state is touched, if there is no body.
    let is_refused = matches!(reading.stage, ParseOutcome::Answered(Err(_)));
    if is_refused && !request.query().is_empty() && request.body().is_empty() {
        return vec!["bad parameter".to_owned()];
    }
    Vec::new()
}

/// What a reference points to; anything else is itself.
pub(crate) fn resolved<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    let target = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(node)
}

/// Whether a value is of the kind that a schema names, as a parser sees it that takes numbers and booleans
/// as texts too. A masked value may have been anything.
fn is_typed(schema: &Value, node: &Value, value: &Value) -> bool {
    if value.as_str() == Some(REDACTED) {
        return true;
    }
    let is_kind = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" | "number" => value.is_number() || value.is_string(),
        "boolean" => value.is_boolean() || value.is_string(),
        "null" => value.is_null(),
        _ => true,
    };
    match resolved(schema, node).get("type") {
        Some(Value::String(name)) => is_kind(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is_kind),
        _ => true,
    }
}
