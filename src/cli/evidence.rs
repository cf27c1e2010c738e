//! [`Evidence`]: which operations another server has answered as a recording says, and how often.
//!
//! It holds names of operations, versions and numbers, and nothing of the calls.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use super::console::CommandError;
use crate::error::Error;
use crate::json;
use crate::limits::EVIDENCE_BYTES_MAX;

/// What is known of an operation without another server: `operation passed refused otherwise` a line.
const OF_ELASTICSEARCH: &str = include_str!("../../fixtures/spec/elasticsearch-tests.txt");

/// `operation cases guesses` a line, written by the test of the scenarios.
const OF_OURS: &str = include_str!("../../fixtures/spec/cases.txt");

/// What the answers of an operation rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerGround {
    /// Elasticsearch's own tests that call it: those that pass, those that fail for a loud refusal, and the others.
    pub passed: u64,
    pub refused: u64,
    pub otherwise: u64,
    /// Cases that this project holds it to.
    pub cases: u64,
    /// Places where the server was not read, and its behaviour concluded.
    pub guesses: u64,
}

impl AnswerGround {
    /// What is known of an operation.
    pub(crate) fn of(operation: &str) -> AnswerGround {
        let numbers = |text: &str| -> Vec<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(operation)?.strip_prefix(' '));
            line.into_iter().flat_map(|line| line.split(' ')).filter_map(|number| number.parse().ok()).collect()
        };
        let (theirs, ours) = (numbers(OF_ELASTICSEARCH), numbers(OF_OURS));
        let at = |numbers: &[u64], place: usize| numbers.get(place).copied().unwrap_or_default();
        AnswerGround {
            passed: at(&theirs, 0),
            refused: at(&theirs, 1),
            otherwise: at(&theirs, 2),
            cases: at(&ours, 0),
            guesses: at(&ours, 1),
        }
    }
}

const MARK: &str = "elastimock_evidence";

/// How often a server answered alike, and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgreementCount {
    pub alike: u64,
    pub otherwise: u64,
}

/// What is known, by operation and by server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence(BTreeMap<String, BTreeMap<String, AgreementCount>>);

impl Evidence {
    /// What a file says; nothing if it is not there.
    ///
    /// # Errors
    /// [`CommandError::input`] if it is none; [`CommandError::surroundings`] if it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Evidence, CommandError> {
        let name = path.display();
        let cannot = |error: std::io::Error| CommandError::surroundings(format!("cannot read {name}: {error}"));
        let length = match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Evidence::default()),
            found => found.map_err(cannot)?.len(),
        };
        let wrong = |what: &str| {
            CommandError::input(format!(
                "{name}: {what}; give the file that `elastimock verify --evidence` wrote, or a new name"
            ))
        };
        if length > EVIDENCE_BYTES_MAX {
            return Err(wrong("it is too large to be evidence"));
        }
        let text = std::fs::read(path).map_err(cannot)?;
        let value = json::read_file(&text).map_err(|error| wrong(&error.to_string()))?;
        match value.get(MARK) {
            Some(version) if *version == json!(1) => {}
            _ => return Err(wrong("this is no evidence")),
        }
        let mut evidence = Evidence::default();
        for (operation, servers) in value.get("operations").and_then(Value::as_object).into_iter().flatten() {
            for (server, seen) in servers.as_object().into_iter().flatten() {
                let number = |name: &str| seen.get(name).and_then(Value::as_u64).unwrap_or_default();
                let seen = AgreementCount { alike: number("alike"), otherwise: number("otherwise") };
                evidence.0.entry(operation.clone()).or_default().insert(server.clone(), seen);
            }
        }
        Ok(evidence)
    }

    /// Counts an answer.
    pub(crate) fn add(&mut self, operation: &str, server: &str, is_alike: bool) {
        let seen = self.0.entry(operation.to_owned()).or_default().entry(server.to_owned()).or_default();
        *if is_alike { &mut seen.alike } else { &mut seen.otherwise } += 1;
    }

    /// What is known of an operation, by server.
    pub(crate) fn of(&self, operation: &str) -> impl Iterator<Item = (&str, AgreementCount)> {
        self.0.get(operation).into_iter().flatten().map(|(server, seen)| (&**server, *seen))
    }

    /// Writes all of it to a file, whole.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] if it cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CommandError> {
        let of = |servers: &BTreeMap<String, AgreementCount>| -> Value {
            let one = |(server, seen): (&String, &AgreementCount)| {
                (server.clone(), json!({ "alike": seen.alike, "otherwise": seen.otherwise }))
            };
            Value::Object(servers.iter().map(one).collect())
        };
        let operations: serde_json::Map<String, Value> =
            self.0.iter().map(|(operation, servers)| (operation.clone(), of(servers))).collect();
        let text = format!("{:#}\n", json!({ MARK: 1, "operations": operations }));
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
        written.map_err(|error| {
            // A file that could not be written is in nobody's way.
            let _ = std::fs::remove_file(&temporary);
            Error::cannot_write("", path, error).into()
        })
    }
}
