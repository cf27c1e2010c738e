//! The rules of the judgement, one row each: id, severity, what it demands, where that is written.
//!
//! The rules here look at one call by itself. A 404 or a 409 is no fault: a correct client meets them.

use serde_json::{Map, Value};

use super::Heard;
use crate::finding::{Finding, Severity};
use crate::rest::Miss;
use crate::rest::schema::ViolationKind;

/// A demand on clients, and how to see that it was not met.
pub struct Rule {
    /// Kebab-case, never reused.
    pub id: &'static str,
    /// How bad it is not to meet it.
    pub severity: Severity,
    /// What is demanded, in one sentence.
    pub demands: &'static str,
    /// What to do about a finding.
    pub hint: &'static str,
    /// Where the demand is written.
    pub reference: &'static str,
    check: fn(&Heard<'_>) -> Option<Offence>,
}

/// What a rule has to say about a call.
struct Offence {
    message: String,
    evidence: Map<String, Value>,
}

impl Offence {
    fn new(message: String) -> Offence {
        Offence { message, evidence: Map::new() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Offence {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }
}

impl Rule {
    /// What the rule finds in a call.
    pub fn judge(&self, heard: &Heard<'_>) -> Option<Finding> {
        let offence = (self.check)(heard)?;
        Some(Finding {
            rule: self.id,
            severity: self.severity,
            seq: heard.seq,
            operation: heard.operation.map(str::to_owned),
            message: offence.message,
            hint: self.hint.to_owned(),
            evidence: offence.evidence,
            reference: self.reference,
        })
    }
}

/// Every rule.
pub static RULES: &[Rule] = &[
    Rule {
        id: "off-spec-body",
        severity: Severity::Error,
        demands: "A body keeps the schema that Elastic publishes for its operation.",
        hint: "send the fields and types of the schema; `elastimock schema OPERATION` prints it",
        reference: "Elasticsearch API specification",
        check: off_spec_body,
    },
    Rule {
        id: "server-rejects-spec",
        severity: Severity::Warning,
        demands: "A body is one that Elasticsearch takes, where it takes less than its specification promises.",
        hint: "the specification allows this body and the server does not: send what the server takes, and mind generated clients",
        reference: "Elasticsearch's own request parsers, where they are stricter than the API specification",
        check: server_rejects_spec,
    },
    Rule {
        id: "off-spec-parameter",
        severity: Severity::Error,
        demands: "A query has only parameters that Elastic publishes for its operation, of the published types.",
        hint: "leave the parameter out or correct its name and value; `elastimock schema OPERATION` lists them",
        reference: "Elasticsearch API specification",
        check: off_spec_parameter,
    },
    Rule {
        id: "refused-call",
        severity: Severity::Error,
        demands: "A call is one that Elasticsearch does not refuse as malformed (400, 405, 406, 413).",
        hint: "read the reason: it is Elasticsearch's own",
        reference: "Elasticsearch's answer",
        check: refused_call,
    },
    Rule {
        id: "unknown-operation",
        severity: Severity::Error,
        demands: "A method and path are an operation of Elasticsearch.",
        hint: "correct the method or the path; `elastimock list` shows what there is",
        reference: "Elasticsearch API specification, list of endpoints",
        check: unknown_operation,
    },
    Rule {
        id: "unsupported-operation",
        severity: Severity::Error,
        demands: "A call is one that this mock can answer. This one is the mock's gap, not the client's fault.",
        hint: "Elasticsearch can do this and elastimock cannot: leave the call out of the test, or ask for it",
        reference: "README, table of operations",
        check: unsupported_operation,
    },
    Rule {
        id: "unauthorized-call",
        severity: Severity::Error,
        demands: "A call brings credentials that may make it.",
        hint: "give the client the credentials that the test's cluster expects",
        reference: "Elasticsearch's answer",
        check: unauthorized_call,
    },
    Rule {
        id: "blank-worker-hostname",
        severity: Severity::Error,
        demands: "A claim names the worker that makes it.",
        hint: "put the worker's host name into `worker_hostname`; Elasticsearch stores a blank one without a word",
        reference: "connector protocol: claiming a job",
        check: blank_worker_hostname,
    },
    Rule {
        id: "version-mismatch",
        severity: Severity::Warning,
        demands: "A client asks for the REST version of the cluster that it talks to.",
        hint: "use the client of the cluster's major version, or mimic the other one with `--profile`",
        reference: "Elasticsearch REST API compatibility",
        check: version_mismatch,
    },
];

fn violation(heard: &Heard<'_>, kind: ViolationKind) -> Option<Offence> {
    let violation = heard.violations.iter().find(|violation| violation.kind == kind)?;
    let place = if violation.pointer.is_empty() { "the body".to_owned() } else { format!("[{}]", violation.pointer) };
    let mut offence =
        Offence::new(format!("{place}: {}", violation.message)).with("pointer", violation.pointer.clone());
    if !heard.reason.is_empty() {
        offence.message.push_str(&format!("; Elasticsearch answers: {}", heard.reason));
        offence = offence.with("answer", heard.reason);
    }
    Some(offence)
}

fn off_spec_body(heard: &Heard<'_>) -> Option<Offence> {
    violation(heard, ViolationKind::OffSpecBody)
}

fn server_rejects_spec(heard: &Heard<'_>) -> Option<Offence> {
    let mut offence = violation(heard, ViolationKind::ServerRejectsSpec)?;
    offence.message =
        format!("the specification allows this body and Elasticsearch refuses it all the same: {}", heard.reason);
    Some(offence)
}

fn off_spec_parameter(heard: &Heard<'_>) -> Option<Offence> {
    let offence = violation(heard, ViolationKind::OffSpecParameter)?;
    Some(Offence { message: format!("parameter {}", offence.message), ..offence })
}

/// Any refusal that no other rule explains.
fn refused_call(heard: &Heard<'_>) -> Option<Offence> {
    let refused = matches!(heard.status, 400 | 405 | 406 | 413);
    let explained = heard.miss.is_some() || !heard.violations.is_empty();
    (refused && !explained).then(|| {
        let reason = if heard.reason.is_empty() { "no reason is given" } else { heard.reason };
        Offence::new(format!(
            "{} {} was refused with {}: {reason}",
            heard.request.method(),
            heard.request.path(),
            heard.status
        ))
        .with("expected", "an answer other than a refusal")
        .with("seen", heard.status)
    })
}

fn unknown_operation(heard: &Heard<'_>) -> Option<Offence> {
    (heard.miss == Some(Miss::Unknown)).then(|| {
        let nearest = heard.nearest.map(|nearest| format!("; the nearest is {nearest}")).unwrap_or_default();
        let (method, path) = (heard.request.method(), heard.request.path());
        let offence = Offence::new(format!("Elasticsearch has no {method} {path}{nearest}"))
            .with("seen", format!("{method} {path}"));
        match heard.nearest {
            Some(nearest) => offence.with("expected", nearest),
            None => offence,
        }
    })
}

fn unsupported_operation(heard: &Heard<'_>) -> Option<Offence> {
    let (method, path) = (heard.request.method(), heard.request.path());
    match (heard.miss, heard.status) {
        (Some(Miss::Unsupported), _) => {
            let operation = heard.operation.unwrap_or("an operation");
            Some(Offence::new(format!(
                "elastimock cannot answer {method} {path}, which is {operation} in Elasticsearch"
            )))
        }
        // A form of a request that the mock does not read: a compressed body, a binary one.
        (None, 501) => Some(Offence::new(format!("{method} {path}: {}", heard.reason))),
        _ => None,
    }
}

fn unauthorized_call(heard: &Heard<'_>) -> Option<Offence> {
    matches!(heard.status, 401 | 403).then(|| {
        Offence::new(format!("{} {} was answered {}", heard.request.method(), heard.request.path(), heard.status))
            .with("seen", heard.status)
    })
}

fn blank_worker_hostname(heard: &Heard<'_>) -> Option<Offence> {
    if heard.operation != Some("connector.sync_job_claim") {
        return None;
    }
    let name = heard.body?.get("worker_hostname")?.as_str()?;
    name.trim().is_empty().then(|| {
        Offence::new("a job was claimed by a worker without a name".to_owned())
            .with("pointer", "/worker_hostname")
            .with("expected", "the worker's host name")
            .with("seen", name)
    })
}

fn version_mismatch(heard: &Heard<'_>) -> Option<Offence> {
    let asked = heard.compatible_with.filter(|asked| *asked != heard.profile.major())?;
    Some(
        Offence::new(format!("the client speaks REST version {asked} to Elasticsearch {}", heard.profile.major()))
            .with("expected", heard.profile.major())
            .with("seen", asked),
    )
}
