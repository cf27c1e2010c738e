//! Was it right? [`Judge`] hears every call and says what the client did against the contract.
//!
//! It never changes an answer. It hears one call at a time, keeps a bounded amount of what it heard,
//! and knows no sockets and no clock, so that the same code judges a running mock and a recording.

pub mod report;
pub mod rules;

use serde_json::Value;

use crate::finding::{Finding, Severity};
use crate::http::Request;
use crate::limits::FINDINGS_MAX;
use crate::profile::Profile;
use crate::rest::Miss;
use crate::rest::schema::Violation;
use rules::{RULES, Rule};

/// A call as the judge hears it: the request, how far it got, and what it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The call's number.
    pub seq: u64,
    /// The request.
    pub request: &'a Request,
    /// The operation of Elasticsearch that it names.
    pub operation: Option<&'a str>,
    /// Why it reached no row of the table.
    pub miss: Option<Miss>,
    /// The body, where the operation reads one and it could be read.
    pub body: Option<&'a Value>,
    /// Where it leaves the published contract.
    pub violations: &'a [Violation],
    /// The `compatible-with` that it asked for.
    pub compatible_with: Option<u64>,
    /// The Elasticsearch that is mimicked.
    pub profile: Profile,
    /// The status of the answer.
    pub status: u16,
    /// The reason of a refusal; empty when there is none.
    pub reason: &'a str,
    /// What is closest to a call that reached no row, in words.
    pub nearest: Option<&'a str>,
}

/// How many findings of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings of severity error.
    pub error: u64,
    /// Findings of severity warning.
    pub warning: u64,
}

/// Hears calls and keeps what it found.
#[derive(Debug, Default)]
pub struct Judge {
    findings: Vec<Finding>,
    counts: Counts,
}

impl Judge {
    /// Judges one call and returns what is wrong with it.
    pub fn hear(&mut self, heard: &Heard<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for rule in RULES {
            if let Some(finding) = rule.judge(heard) {
                self.keep(finding.clone());
                found.push(finding);
            }
        }
        found
    }

    /// Keeps a finding that somebody else made, as playback does.
    pub fn keep(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Error => self.counts.error += 1,
            Severity::Warning => self.counts.warning += 1,
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// What was found, oldest first. Beyond a bound findings are counted only.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many findings there were.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Judge::default();
    }
}

/// Every rule, each with its id, its severity, and what it demands.
///
/// ```
/// let rule = elastimock::rules().iter().find(|rule| rule.id == "blank-worker-hostname");
/// assert_eq!(rule.map(|rule| rule.severity), Some(elastimock::Severity::Error));
/// ```
pub fn rules() -> &'static [Rule] {
    RULES
}
