//! How strictly a run is judged: [`Contract`], [`Level`], [`Strictness`].
//!
//! Rules are named by their ids; a name that no rule has is an error that tells the closest ones.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::rules::{RULES, Rule};
use crate::error::Error;
use crate::finding::Severity;
use crate::suggest::similar;

/// What the judgement may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contract {
    /// Nothing is judged, and judging costs nothing.
    Off,
    /// Calls are answered as Elasticsearch answers them; what is wrong is reported.
    #[default]
    Warn,
    /// As [`Contract::Warn`], and a call with a finding of severity error is refused: 400,
    /// `elastimock_contract_exception`, and nothing has changed.
    Enforce,
}

impl FromStr for Contract {
    type Err = Error;

    fn from_str(text: &str) -> Result<Contract, Error> {
        match text {
            "off" => Ok(Contract::Off),
            "warn" => Ok(Contract::Warn),
            "enforce" => Ok(Contract::Enforce),
            other => Err(Error::invalid_input(format!("`{other}` is none of: off, warn, enforce"))),
        }
    }
}

/// How bad it is to break one rule, in place of what the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// The rule is not asked.
    Off,
    /// Findings are warnings.
    Warning,
    /// Findings are errors.
    Error,
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Level, Error> {
        match text {
            "off" => Ok(Level::Off),
            "warning" => Ok(Level::Warning),
            "error" => Ok(Level::Error),
            other => Err(Error::invalid_input(format!("`{other}` is none of: off, warning, error"))),
        }
    }
}

/// How strictly a run is judged.
///
/// ```
/// use elastimock::contract::{Contract, Level, Strictness};
///
/// let strictness = Strictness::new(Contract::Enforce).rule("job-left-open", Level::Off)?;
/// assert_eq!(strictness.contract(), Contract::Enforce);
/// let error = Strictness::default().rule("job-left-opne", Level::Off).unwrap_err();
/// assert_eq!(error.to_string(), "there is no rule `job-left-opne`; did you mean `job-left-open`?");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strictness {
    contract: Contract,
    levels: BTreeMap<&'static str, Level>,
}

impl Strictness {
    /// Every rule at its own severity.
    pub fn new(contract: Contract) -> Strictness {
        Strictness { contract, levels: BTreeMap::new() }
    }

    /// This strictness with another contract.
    #[must_use]
    pub fn with_contract(&self, contract: Contract) -> Strictness {
        Strictness { contract, levels: self.levels.clone() }
    }

    /// This strictness with one rule at another level; said twice, the last counts.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if there is no such rule; names the closest ones.
    pub fn rule(&self, id: &str, level: Level) -> Result<Strictness, Error> {
        let mut levels = self.levels.clone();
        levels.insert(find(id)?.id, level);
        Ok(Strictness { contract: self.contract, levels })
    }

    /// What the judgement may do.
    pub fn contract(&self) -> Contract {
        self.contract
    }

    /// Asks the rule `off-spec-answer` too, at its own severity unless another level was given.
    #[must_use]
    pub fn with_checked_answers(mut self) -> Strictness {
        self.levels.entry("off-spec-answer").or_insert(Level::Warning);
        self
    }

    /// How bad it is to break a rule; none if the rule is not asked.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.levels.get(rule.id) {
            None if rule.is_on_demand() => None,
            Some(Level::Off) => None,
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Error) => Some(Severity::Error),
            None => Some(rule.severity),
        }
    }

    /// Whether somebody has said how bad it is to break that rule.
    pub fn is_set(&self, rule: &Rule) -> bool {
        self.levels.contains_key(rule.id)
    }
}

/// The rule with that id.
///
/// # Errors
/// [`Error::is_invalid_input`] if there is none; names the closest ones.
pub(crate) fn find(id: &str) -> Result<&'static Rule, Error> {
    RULES.iter().find(|rule| rule.id == id).ok_or_else(|| {
        let close: Vec<String> =
            similar(id, RULES.iter().map(|rule| rule.id)).iter().take(3).map(|id| format!("`{id}`")).collect();
        let cure = match close.as_slice() {
            [] => "; `elastimock explain` lists them".to_owned(),
            close => format!("; did you mean {}?", close.join(" or ")),
        };
        Error::invalid_input(format!("there is no rule `{id}`{cure}"))
    })
}
