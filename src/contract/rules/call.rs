//! Rules about one call by itself. A 404 or a 409 is no fault: a correct client meets them.

use super::RuleFinding;
use crate::contract::heard::ObservedCall;
use crate::es::body::schema::ViolationKind;
use crate::es::http::{RouteMiss, near};
use crate::es::table::TABLE;

/// Whether there is anything about a call that the rules of this file could speak of.
pub(crate) fn is_troubled(heard: &ObservedCall<'_>) -> bool {
    heard.miss.is_some()
        || !heard.violations.is_empty()
        || heard.status >= 400
        || heard.compatible_with.is_some_and(|asked| asked != heard.profile.major())
}

fn violation(heard: &ObservedCall<'_>, kind: ViolationKind) -> Option<RuleFinding> {
    let violation = heard.violations.iter().find(|violation| violation.kind == kind)?;
    let place = if violation.pointer.is_empty() { "the body".to_owned() } else { format!("[{}]", violation.pointer) };
    let mut finding =
        RuleFinding::new(format!("{place}: {}", violation.message)).with("pointer", violation.pointer.clone());
    if !heard.reason.is_empty() && !heard.enforced {
        finding.message.push_str(&format!("; Elasticsearch answers: {}", heard.reason));
        finding = finding.with("answer", heard.reason);
    }
    let near = heard.operation.and_then(|operation| match kind {
        ViolationKind::OffSpecParameter => near::parameter(&TABLE, heard.profile, operation, &violation.pointer),
        _ => near::field(&TABLE, heard.profile, operation, kind, &*heard.json()?, &violation.pointer),
    });
    Some(finding.near(near))
}

pub(crate) fn off_spec_body(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    violation(heard, ViolationKind::OffSpecBody)
}

pub(crate) fn server_rejects_spec(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    // Another server may have taken it.
    if heard.status < 400 && !heard.enforced {
        return None;
    }
    let mut finding = violation(heard, ViolationKind::ServerRejectsSpec)?;
    finding.message =
        format!("the specification allows this body and Elasticsearch refuses it all the same: {}", heard.reason);
    Some(finding)
}

pub(crate) fn off_spec_parameter(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    let finding = violation(heard, ViolationKind::OffSpecParameter)?;
    Some(RuleFinding { message: format!("parameter {}", finding.message), ..finding })
}

/// Any refusal that no other rule explains.
pub(crate) fn refused_call(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    let refused = matches!(heard.status, 400 | 405 | 406 | 413) && !heard.enforced;
    let explained = heard.miss.is_some() || !heard.violations.is_empty() || heard.stub().is_some();
    if !refused || explained || heard.is_gap_of_ours() {
        return None;
    }
    let reason = if heard.reason.is_empty() { "no reason is given" } else { heard.reason };
    let (method, path, status) = (heard.request.method(), heard.request.path(), heard.status);
    // Whoever cancels cannot know whether the job is ending at that moment.
    let is_late =
        heard.operation == Some("connector.sync_job_cancel") && heard.reason.starts_with("Invalid transition");
    Some(
        RuleFinding::new(format!("{method} {path} was refused with {status}: {reason}"))
            .with("expected", "an answer other than a refusal")
            .with("seen", status)
            .soft_if(is_late),
    )
}

pub(crate) fn unknown_operation(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    // A live cluster may have plugins.
    (heard.miss == Some(RouteMiss::Unknown) && heard.status >= 400 && heard.stub().is_none()).then(|| {
        let near = near::operation(&TABLE, heard.profile, heard.request);
        let nearest = near.as_ref().map(|near| format!("; the nearest is {}", near.nearest)).unwrap_or_default();
        let (method, path) = (heard.request.method(), heard.request.path());
        RuleFinding::new(format!("Elasticsearch has no {method} {path}{nearest}"))
            .with("seen", format!("{method} {path}"))
            .near(near)
    })
}

pub(crate) fn unsupported_operation(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    let (method, path) = (heard.request.method(), heard.request.path());
    match heard.miss {
        // A live cluster may have answered it.
        Some(RouteMiss::Unsupported) if heard.status == 501 && heard.is_gap_of_ours() => {
            let operation = heard.operation.unwrap_or("an operation");
            Some(RuleFinding::new(format!(
                "elastimock cannot answer {method} {path}, which is {operation} in Elasticsearch"
            )))
        }
        // A form of a request that the mock does not read: a compressed body, a query it does not speak.
        None if heard.is_gap_of_ours() => Some(RuleFinding::new(format!("{method} {path}: {}", heard.reason))),
        _ => None,
    }
}

pub(crate) fn unauthorized_call(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    // What a test's author has answered so is no fault of the client's.
    (matches!(heard.status, 401 | 403) && heard.stub().is_none()).then(|| {
        RuleFinding::new(format!("{} {} was answered {}", heard.request.method(), heard.request.path(), heard.status))
            .with("seen", heard.status)
    })
}

pub(crate) fn version_mismatch(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    let asked = heard.compatible_with.filter(|asked| *asked != heard.profile.major())?;
    Some(
        RuleFinding::new(format!("the client speaks REST version {asked} to Elasticsearch {}", heard.profile.major()))
            .with("expected", heard.profile.major())
            .with("seen", asked),
    )
}

/// A secret that stands where everybody can read it. The finding does not repeat it.
pub(crate) fn secret_exposed(heard: &ObservedCall<'_>) -> Option<RuleFinding> {
    let place = heard.exposed.first()?;
    Some(
        RuleFinding::new(format!("a secret stands in {place} of {}", heard.operation.unwrap_or("the call")))
            .with("pointer", place.pointer())
            .with("expected", "no secret there")
            .with("seen", crate::record::redact::REDACTED),
    )
}
