//! Was it right? [`Judge`] hears every call and says what the client did against the contract.
//!
//! It never changes an answer. It lives on calls alone (request, answer, instant, operation) and on the
//! state at the start, never on the cluster, so that the same code judges a running mock and a
//! recording. What it knows stands in lanes, one for each job and connector; it is bounded.
//!
//! `heard` is a call as it is heard, `deed` what a call does by whichever door it came, `lane` what
//! is known from earlier calls, `rules` the demands, `strictness` how much they weigh.

mod answers;
pub(crate) mod coverage;
pub(crate) mod deed;
pub(crate) mod heard;
pub(crate) mod lane;
pub(crate) mod offline;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod scope;
pub(crate) mod sentence;
pub(crate) mod story;
pub(crate) mod strictness;
pub(crate) mod stubs;
mod unshown;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::clock::Timestamp;
pub use crate::finding::{Finding, Severity, Subject};
use crate::fixture::Fixture;
use crate::http::Response;
use crate::limits::{FINDINGS_MAX, SCOPES_MAX};
pub use crate::near_miss::Difference;
use crate::profile::Profile;
use crate::record::interaction::Interaction;
use crate::record::redact::KnownSecrets;
pub use crate::source_place::SourcePlace;
use crate::stub::hand;
use answers::Answers;
use deed::{Deed, deeds};
use heard::{ObservedCall, Retold};
use lane::{Due, JobHistory, LanePlaces, ProtocolState, Saved};
pub use rules::Rule;
use rules::manners::FailedCalls;
use rules::{JobActionKind, RULES, RuleCheck, RuleFinding};
pub use scope::Scope;
use story::CallRef;
pub use story::SubjectState;
pub use strictness::{Contract, Level, Strictness};
use unshown::Unshown;

/// How many findings of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Findings of severity error.
    pub error: u64,
    /// Findings of severity warning.
    pub warning: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, severity: Severity, count: u64) {
        match severity {
            Severity::Error => self.error += count,
            Severity::Warning => self.warning += count,
        }
    }

    /// How many there are of both kinds.
    pub fn total(self) -> u64 {
        self.error + self.warning
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.error += other.error;
        self.warning += other.warning;
    }
}

/// What a judge knows of a state, worked out beforehand.
#[derive(Debug)]
pub(crate) struct Knowledge {
    world: ProtocolState,
    answers: Answers,
}

impl Knowledge {
    /// What a state in the form of a fixture tells. `with_answers` says whether answers are judged too.
    pub(crate) fn of(state: &Value, with_answers: bool) -> Knowledge {
        let answers = if with_answers { Answers::new(state) } else { Answers::default() };
        Knowledge { world: ProtocolState::new(state), answers }
    }

    /// What a fixture tells, and learns its secrets.
    pub(crate) fn of_fixture(fixture: &Fixture, known: &mut KnownSecrets) -> Knowledge {
        let mut state = fixture.to_value_without_plain_jobs();
        known.state(&mut state);
        let mut knowledge = Knowledge::of(&state, false);
        knowledge.world.learn_jobs(fixture.plain_jobs(), |text| known.text(text));
        knowledge
    }
}

/// What the judge says to a call.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// What was wrong with it.
    pub findings: Vec<Finding>,
    /// The state of what it was about, before it.
    pub seen: SubjectState,
    /// Why the call is refused, under [`Contract::Enforce`]; then the judge has taken it as not made,
    /// and its caller must do so too.
    pub refusal: Option<String>,
}

/// A breach that a test has declared to be on purpose, in one scope or in all of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Allowance {
    /// The rule's id.
    pub rule: &'static str,
    /// Why it may be broken.
    pub reason: String,
    /// Whether it holds in every scope, as one that was given before the run began.
    pub is_standing: bool,
    used: bool,
}

/// What a scope ends with, beside what the judge knows.
#[derive(Debug)]
pub(crate) struct ScopeEnd {
    /// When it ends.
    pub now: Timestamp,
    /// What is found at its end, as a rule by [`Judge::finish`].
    pub found: Vec<Finding>,
    /// How many calls were made in it.
    pub calls: u64,
    /// Whether its findings are to be forgotten.
    pub forget: bool,
    /// The name of the next scope.
    pub next: Option<Arc<str>>,
    /// The number that the next scope's first call has.
    pub next_seq: u64,
    /// When the next scope begins.
    pub next_at: Timestamp,
    /// Where in the tests' source the next scope is begun.
    pub next_source: Option<Arc<SourcePlace>>,
}

/// The rules that are asked, by what they are asked about.
#[derive(Default)]
struct RuleIndex {
    call: Vec<ActiveRule>,
    exposed: Vec<ActiveRule>,
    /// By the position of the kind of act in [`JobActionKind`].
    job: [Vec<ActiveRule>; JobActionKind::COUNT],
    connector: Vec<ActiveRule>,
    documents: Vec<ActiveRule>,
    backoff: Option<ActiveRule>,
    storm: Option<ActiveRule>,
    answer: Option<ActiveRule>,
    unshown: Option<ActiveRule>,
    end: Vec<ActiveRule>,
}

/// A rule that is asked, and how bad it is to break it.
#[derive(Clone, Copy)]
struct ActiveRule {
    rule: &'static Rule,
    severity: Severity,
    /// Whether the user has said so: then a rule that would rather warn does not.
    is_set: bool,
}

impl ActiveRule {
    fn found(self, finding: RuleFinding, call: Option<(u64, Option<&str>)>, at: Timestamp) -> Finding {
        let severity = if finding.is_soft() && !self.is_set { Severity::Warning } else { self.severity };
        finding.found(self.rule, severity, call, at)
    }
}

impl RuleIndex {
    /// The rules of a strictness; those of the usual strictness are made once for all judges.
    fn of(strictness: &Strictness) -> Arc<RuleIndex> {
        static USUAL: LazyLock<Arc<RuleIndex>> = LazyLock::new(|| Arc::new(RuleIndex::new(&Strictness::default())));
        if *strictness == Strictness::default() { USUAL.clone() } else { Arc::new(RuleIndex::new(strictness)) }
    }

    fn new(strictness: &Strictness) -> RuleIndex {
        let mut docket = RuleIndex::default();
        for rule in RULES {
            let Some(severity) = strictness.severity(rule) else { continue };
            let entry = ActiveRule { rule, severity, is_set: strictness.is_set(rule) };
            match rule.check {
                RuleCheck::Call(_) => docket.call.push(entry),
                RuleCheck::Exposed(_) => docket.exposed.push(entry),
                RuleCheck::Connector(_) => docket.connector.push(entry),
                RuleCheck::Documents(_) => docket.documents.push(entry),
                RuleCheck::Backoff => docket.backoff = Some(entry),
                RuleCheck::Storm => docket.storm = Some(entry),
                RuleCheck::Unshown => docket.unshown = Some(entry),
                RuleCheck::Answer => docket.answer = Some(entry),
                RuleCheck::End(_) => docket.end.push(entry),
                RuleCheck::Elsewhere => {}
                RuleCheck::Job { on, .. } | RuleCheck::Silence { on, .. } => {
                    on.iter().for_each(|kind| docket.job[*kind as usize].push(entry));
                    if matches!(rule.check, RuleCheck::Silence { .. }) {
                        docket.end.push(entry);
                    }
                }
            }
        }
        docket
    }
}

/// What is found of a call itself.
struct CallFindings {
    found: Vec<(ActiveRule, RuleFinding)>,
    /// Whether it is one repetition too many.
    has_storm: bool,
    /// The indices that were read before they showed what was written; that is told once.
    told: Vec<Arc<str>>,
}

/// Hears calls, follows jobs and connectors, and keeps what it found.
#[derive(Clone)]
pub struct Judge {
    profile: Profile,
    strictness: Strictness,
    docket: Arc<RuleIndex>,
    world: ProtocolState,
    failures: FailedCalls,
    unshown: Unshown,
    answers: Answers,
    /// The scopes that have ended, oldest first.
    scopes: Vec<Scope>,
    /// Scopes beyond the bound, all in one.
    further: Option<Box<Scope>>,
    /// The scope that goes on; what was found in it stands in `findings` and `counts`.
    scope: Scope,
    findings: Vec<Finding>,
    /// How many findings there were in this scope, by rule and severity.
    counts: BTreeMap<Cow<'static, str>, Counts>,
    /// How many findings earlier scopes had by rule, without what was allowed or forgotten.
    counts_before: BTreeMap<Cow<'static, str>, Counts>,
    /// How many findings of earlier scopes are kept.
    kept: usize,
    allowances: Vec<Allowance>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Judge {
    /// A judge that has heard nothing. `state` is what there was at the start, in the form of a fixture;
    /// null if nobody knows.
    pub fn new(profile: Profile, strictness: Strictness, state: &Value) -> Judge {
        let docket = RuleIndex::of(&strictness);
        Judge {
            profile,
            strictness,
            world: ProtocolState::new(state),
            failures: FailedCalls::default(),
            unshown: Unshown::default(),
            answers: docket.answer.map(|_| Answers::new(state)).unwrap_or_default(),
            docket,
            scopes: Vec::new(),
            further: None,
            scope: Scope { number: 1, first_seq: 1, ..Scope::default() },
            findings: Vec::new(),
            counts: BTreeMap::new(),
            counts_before: BTreeMap::new(),
            kept: 0,
            allowances: Vec::new(),
        }
    }

    /// Says where the first scope begins, and what it is called; of several mocks that are judged one after
    /// the other its number too.
    pub fn begin(&mut self, number: u64, name: Option<Arc<str>>, first_seq: u64, at: Timestamp) {
        self.scope = Scope { number, name, first_seq, started_at: at, ..std::mem::take(&mut self.scope) };
    }

    /// Says where in the tests' source the scope was begun.
    pub(crate) fn begun_at(&mut self, source: Option<Arc<SourcePlace>>) {
        self.scope.source = source;
    }

    /// How strict it is.
    pub fn strictness(&self) -> &Strictness {
        &self.strictness
    }

    /// Whether answers are judged.
    pub fn asks_answers(&self) -> bool {
        self.docket.answer.is_some()
    }

    /// Takes over what is known of a state in the place of all that was known.
    pub(crate) fn know(&mut self, knowledge: Knowledge) {
        (self.world, self.answers) = (knowledge.world, knowledge.answers);
        self.unshown = Unshown::default();
    }

    /// Learns a state that was not made by calls, in the form of a fixture. `whole` says whether it takes
    /// the place of all that was there.
    pub fn learn(&mut self, state: &Value, whole: bool) {
        if whole {
            let stubs = std::mem::take(&mut self.world.stubs);
            self.world = ProtocolState::new(state);
            self.unshown = Unshown::default();
            // A state that says nothing of stubs leaves them as they are.
            if state.get("stubs").is_none() {
                self.world.stubs = stubs;
            }
            self.answers = Answers::default();
        } else {
            self.world.learn(state);
        }
        if self.docket.answer.is_some() {
            self.answers.learn(state);
        }
    }

    /// Learns that stubs came, in the form of a fixture, and that others went.
    pub fn learn_stubs(&mut self, added: &Value, removed: &[Arc<str>]) {
        self.world.stubs.learn(added);
        removed.iter().for_each(|name| self.world.stubs.forget(name));
    }

    /// Takes in what the other side's hand did, which nobody is asked for. `id` is that of the job that it made.
    pub fn take_hand(&mut self, seq: u64, at: Timestamp, act: &Value, id: Option<&str>) {
        let Ok(request) = hand::request(act, at) else { return };
        let mut response = Response::new(if id.is_some() { 201 } else { 200 });
        response.body = serde_json::json!({ "id": id }).to_string().into();
        let (findings, scope) = (Vec::new(), None);
        let interaction = Interaction { seq, at, operation: None, request, response, findings, took_us: 0, scope };
        let retold = Retold::new(&interaction, self.profile);
        let answer = || interaction.response.body_json().unwrap_or_default();
        let heard = retold.heard(seq, &answer);
        for deed in deeds(&heard).iter() {
            self.world.take_hand(deed, &heard);
        }
    }

    /// Learns that what a stub wanted the other side's hand to do could not be done. `seq` is the number of the call that
    /// it was to be done before.
    pub(crate) fn learn_refused(&mut self, seq: u64, at: Timestamp, side: &str, why: &str) {
        if let Some(stub) = side.strip_prefix(hand::SIDE_OF_STUB) {
            self.world.stubs.refused(stub, CallRef { seq, at }, why);
        }
    }

    /// When something that a client owes is due next after an instant, and what.
    pub fn next_due(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        self.world.next_due(now)
    }

    /// Whatever clients owe, and when it is due.
    pub(crate) fn dues(&self) -> impl Iterator<Item = Due> {
        self.world.dues()
    }

    /// Takes in that somebody has put a state in the place of all that was there. Whatever the new state
    /// does not have, and a job that nobody works on in it, has come to its end, and is asked what the end of
    /// a run is asked; and a silence that was too long stays one.
    pub fn replace_state(&mut self, state: &Value, now: Timestamp) {
        let ids = |section: &str| -> BTreeSet<&str> {
            let entries = state.get(section).and_then(Value::as_array).into_iter().flatten();
            // A job that nobody works on any more has come to its end too.
            let is_worked_on = |entry: &&Value| {
                section != "sync_jobs" || matches!(entry["status"].as_str(), Some("in_progress" | "canceling"))
            };
            entries.filter(is_worked_on).filter_map(|entry| entry.get("id")?.as_str()).collect()
        };
        let (jobs, connectors) = (ids("sync_jobs"), ids("connectors"));
        let is_gone = |finding: &Finding| match &finding.subject {
            Some(Subject::Job(id)) => !jobs.contains(&**id),
            Some(Subject::Connector(id)) => !connectors.contains(&**id),
            None => false,
        };
        let found = self.finish(now).into_iter();
        found.filter(|finding| is_gone(finding) || is_of_silence(finding)).for_each(|finding| self.keep(finding));
        self.learn(state, true);
    }

    /// Takes in that the clock goes back from an instant: a silence that was too long by then stays one.
    pub fn turn_back(&mut self, now: Timestamp) {
        self.finish(now).into_iter().filter(is_of_silence).for_each(|finding| {
            self.world.told(&finding);
            self.keep(finding);
        });
    }

    /// Judges one call and takes in what it did.
    pub(crate) fn hear(&mut self, heard: &ObservedCall<'_>) -> Verdict {
        if self.strictness.contract() == Contract::Off {
            return Verdict::default();
        }
        if let Some(stub) = heard.stub() {
            self.scope.stubbed += 1;
            self.world.stubs.answered(stub, CallRef { seq: heard.seq, at: heard.at });
        }
        let deeds = deeds(heard);
        let mut places = deeds.first().map(|deed| self.world.places(deed)).unwrap_or_default();
        let seen = self.world.seen(deeds.first(), places);
        let mut findings: Vec<Finding> = Vec::new();
        let refuses = self.strictness.contract() == Contract::Enforce && heard.is_taken() && !heard.is_of_upstream();
        let mut saved: Vec<Saved> = Vec::new();
        let mut refusal = None;
        for (at, deed) in deeds.iter().enumerate() {
            if at > 0 {
                places = self.world.places(deed);
            }
            if refuses || heard.enforced {
                saved.push(self.world.save(deed));
            }
            self.ask(deed, places, heard, &mut |entry, finding, is_about_call| {
                let finding = entry.found(finding, Some((heard.seq, heard.operation)), heard.at);
                if refuses && is_about_call && finding.severity == Severity::Error && !self.is_allowed(&finding.rule) {
                    refusal.get_or_insert_with(|| finding.message.clone());
                }
                findings.push(finding);
            });
            self.world.take(deed, places, heard);
        }
        let is_explained = || !findings.is_empty() || deeds.iter().any(|deed| self.world.is_of_sentenced(deed));
        let CallFindings { found, has_storm, told } = self.ask_of_call(heard, is_explained);
        let call = Some((heard.seq, heard.operation));
        for (entry, finding) in found {
            let finding = entry.found(finding, call, heard.at);
            if refuses && finding.severity == Severity::Error && !self.is_allowed(&finding.rule) {
                refusal.get_or_insert_with(|| finding.message.clone());
            }
            findings.push(finding);
        }
        // A call that is refused has another answer than the one that was made for it.
        if let Some(entry) = self.docket.answer
            && refusal.is_none()
            && heard.stub().is_none()
        {
            findings.extend(self.answers.off_spec(heard).map(|finding| entry.found(finding, call, heard.at)));
        }
        if refusal.is_some() || heard.enforced {
            self.world.restore(saved);
        }
        self.failures.take(heard, if refusal.is_some() { 400 } else { heard.status });
        if has_storm {
            self.failures.storm_told(heard);
        }
        self.unshown.told(&told);
        if refusal.is_none() && !heard.enforced && self.docket.unshown.is_some() {
            self.unshown.take(heard);
        }
        let source = if findings.is_empty() { None } else { SourcePlace::of_request(heard.request) };
        let source = source.or_else(|| self.scope.source.clone());
        for finding in &mut findings {
            finding.scope = self.mark();
            finding.source.clone_from(&source);
            self.world.told(finding);
            self.keep(finding.clone());
        }
        Verdict { findings, seen, refusal }
    }

    /// What the rules about a call itself say, whatever it does. `is_explained` says whether a refusal of it has its reason.
    fn ask_of_call(&self, heard: &ObservedCall<'_>, is_explained: impl Fn() -> bool) -> CallFindings {
        let mut found: Vec<(ActiveRule, RuleFinding)> = Vec::new();
        let about_call = |entry: &ActiveRule| match entry.rule.check {
            RuleCheck::Call(_) if entry.rule.id == "refused-call" && is_explained() => None,
            RuleCheck::Call(check) | RuleCheck::Exposed(check) => check(heard).map(|finding| (*entry, finding)),
            _ => None,
        };
        if rules::call::is_troubled(heard) {
            found.extend(self.docket.call.iter().filter_map(about_call));
        }
        if !heard.exposed.is_empty() {
            found.extend(self.docket.exposed.iter().filter_map(about_call));
        }
        let of_failures =
            |entry: Option<ActiveRule>, check: fn(&FailedCalls, &ObservedCall<'_>) -> Option<RuleFinding>| {
                entry.and_then(|entry| Some((entry, check(&self.failures, heard)?)))
            };
        found.extend(of_failures(self.docket.backoff, FailedCalls::no_backoff));
        let storm = of_failures(self.docket.storm, FailedCalls::retry_storm);
        let has_storm = storm.is_some();
        found.extend(storm);
        let mut told = Vec::new();
        if let Some(entry) = self.docket.unshown
            && let Some((finding, indices)) = self.unshown.read(heard)
        {
            told = indices;
            found.push((entry, finding));
        }
        CallFindings { found, has_storm, told }
    }

    /// Tells what the rules about a deed say, each with whether it is the call that is wrong.
    fn ask(
        &self,
        deed: &Deed<'_>,
        places: LanePlaces,
        heard: &ObservedCall<'_>,
        tell: &mut dyn FnMut(ActiveRule, RuleFinding, bool),
    ) {
        let world = &self.world;
        match deed {
            Deed::Job(deed) => {
                let unknown;
                let (lane, connector) = match world.lanes(places) {
                    (Some(lane), connector) => (lane, connector),
                    (None, _) => {
                        unknown = JobHistory::default();
                        (&unknown, None)
                    }
                };
                let case = rules::job::JobCase { heard, world, deed, lane, connector };
                for entry in &self.docket.job[JobActionKind::of(deed.act) as usize] {
                    let (check, is_silence) = match entry.rule.check {
                        RuleCheck::Job { check, .. } => (check, false),
                        RuleCheck::Silence { check, .. } => (check, true),
                        _ => continue,
                    };
                    if let Some(finding) = check(&case) {
                        let is_about_call = !is_silence && !finding.is_of_another();
                        tell(*entry, finding, is_about_call);
                    }
                }
            }
            Deed::Connector(deed) => {
                for entry in &self.docket.connector {
                    if let RuleCheck::Connector(check) = entry.rule.check
                        && let Some(finding) = check(world, deed)
                    {
                        tell(*entry, finding, true);
                    }
                }
            }
            Deed::Documents { index, effect } => {
                for entry in &self.docket.documents {
                    if let RuleCheck::Documents(check) = entry.rule.check
                        && let Some(finding) = check(world, index, *effect)
                    {
                        tell(*entry, finding, true);
                    }
                }
            }
            Deed::Look { .. } | Deed::LookAtConnector { .. } | Deed::Upheaval { .. } => {}
        }
    }

    /// Judges a recorded call under its own number.
    pub fn hear_recorded(&mut self, interaction: &Interaction) -> Verdict {
        self.hear_recorded_as(interaction.seq, interaction)
    }

    /// Judges a recorded call under another number, as the calls of several recordings need it.
    pub fn hear_recorded_as(&mut self, seq: u64, interaction: &Interaction) -> Verdict {
        let retold = Retold::new(interaction, self.profile);
        let answer = || interaction.response.body_json().unwrap_or_default();
        self.hear(&retold.heard(seq, &answer))
    }

    /// What the rules about the end of a run would say if it ended now. Asking ends nothing.
    pub fn finish(&self, now: Timestamp) -> Vec<Finding> {
        if self.strictness.contract() == Contract::Off {
            return Vec::new();
        }
        let mut all = Vec::new();
        for entry in &self.docket.end {
            let findings = match entry.rule.check {
                RuleCheck::End(check) => check(&self.world, now),
                RuleCheck::Silence { end, .. } => end(&self.world, now),
                _ => Vec::new(),
            };
            all.extend(findings.into_iter().map(|finding| entry.found(finding, None, now)));
        }
        all
    }

    /// Where in the tests' source the scope was begun.
    pub(crate) fn scope_source(&self) -> Option<Arc<SourcePlace>> {
        self.scope.source.clone()
    }

    /// What a finding of the current scope says of it.
    pub fn mark(&self) -> Option<Arc<str>> {
        scope::mark(self.scope.number, self.scope.name.as_ref())
    }

    /// Keeps a finding that somebody else made, as playback does.
    pub fn keep(&mut self, mut finding: Finding) {
        finding.scope = self.mark();
        finding.source = finding.source.or_else(|| self.scope.source.clone());
        self.counts.entry(finding.rule.clone()).or_default().add(finding.severity, 1);
        for allowance in self.allowances.iter_mut().filter(|allowance| allowance.rule == finding.rule) {
            allowance.used = true;
        }
        if self.kept + self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Lets a rule be broken in this scope, and forgives what broke it before; in every scope if
    /// `is_standing`.
    pub fn allow(&mut self, rule: &'static Rule, reason: impl Into<String>, is_standing: bool) {
        let used = self.counts.contains_key(rule.id);
        self.allowances.push(Allowance { rule: rule.id, reason: reason.into(), is_standing, used });
    }

    fn is_allowed(&self, rule: &str) -> bool {
        self.allowances.iter().any(|allowance| allowance.rule == rule)
    }

    /// What was found in this scope and is not allowed, oldest first. Beyond a bound findings are counted
    /// only.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !self.is_allowed(&finding.rule))
    }

    /// What is found if the run ends now and is not allowed, `found` as a rule by [`Judge::finish`];
    /// and the allowances that nothing needed.
    pub fn end(&self, found: Vec<Finding>, now: Timestamp) -> Vec<Finding> {
        self.end_of(found, now, true)
    }

    fn end_of(&self, mut found: Vec<Finding>, now: Timestamp, is_run: bool) -> Vec<Finding> {
        let is_needed = |allowance: &Allowance| {
            allowance.used
                || (allowance.is_standing && !is_run)
                || found.iter().any(|finding| finding.rule == allowance.rule)
        };
        let unused: Vec<Finding> = self
            .allowances
            .iter()
            .filter(|allowance| !is_needed(allowance))
            .filter_map(|it| self.unused(it, now))
            .collect();
        found.retain(|finding| !self.is_allowed(&finding.rule));
        found.extend(unused);
        for finding in &mut found {
            finding.scope = finding.scope.take().or_else(|| self.mark());
            finding.source = finding.source.take().or_else(|| self.scope.source.clone());
        }
        found
    }

    /// Ends the scope and begins the next, which knows nothing yet. Returns the one that has ended.
    pub(crate) fn end_scope(&mut self, end: ScopeEnd) -> Scope {
        let ScopeEnd { now, found, calls, forget, next, next_seq, next_at, next_source } = end;
        for allowance in self.allowances.iter_mut().filter(|allowance| allowance.is_standing) {
            allowance.used |= found.iter().any(|finding| finding.rule == allowance.rule);
        }
        let found = self.end_of(found, now, false);
        if !forget {
            self.counts_before = self.counts_of_run();
            for finding in &found {
                self.counts_before.entry(finding.rule.clone()).or_default().add(finding.severity, 1);
            }
        }
        let mut ended = self.scope(calls, found);
        if forget {
            ended.forgotten += std::mem::take(&mut ended.counts);
            ended.findings.clear();
        }
        ended.findings.truncate(FINDINGS_MAX.saturating_sub(self.kept));
        self.kept += ended.findings.len();
        self.scope = Scope {
            number: ended.number + 1,
            name: next,
            first_seq: next_seq,
            started_at: next_at,
            source: next_source,
            ..Scope::default()
        };
        let told = ended.clone();
        if self.scopes.len() < SCOPES_MAX {
            self.scopes.push(ended);
        } else {
            let further = self.further.get_or_insert_with(|| Box::new(Scope { calls: 0, stubbed: 0, ..ended.clone() }));
            further.calls += ended.calls;
            further.stubbed += ended.stubbed;
            if further.number != ended.number {
                further.name = Some(format!("scopes {} to {}", further.number, ended.number).into());
                further.counts += ended.counts;
                further.forgotten += ended.forgotten;
                further.findings.extend(ended.findings);
            }
        }
        self.findings.clear();
        self.counts.clear();
        self.allowances.retain(|allowance| allowance.is_standing);
        self.world = ProtocolState::default();
        self.failures = FailedCalls::default();
        self.unshown = Unshown::default();
        self.answers = Answers::default();
        told
    }

    /// The scopes that have ended, oldest first; beyond a bound the last entry stands for all further ones.
    pub fn ended_scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().chain(self.further.as_deref())
    }

    /// The scope that goes on, with that many calls, and `found` at its end.
    pub fn scope(&self, calls: u64, found: Vec<Finding>) -> Scope {
        let mut counts = self.counts();
        found.iter().for_each(|finding| counts.add(finding.severity, 1));
        let findings = self.findings().cloned().chain(found).collect();
        Scope { calls, findings, counts, ..self.scope.clone() }
    }

    /// Forgets all findings of the run so far, and how many there were is told.
    pub fn forget(&mut self) {
        for scope in self.scopes.iter_mut().chain(self.further.as_deref_mut()) {
            scope.forgotten += std::mem::take(&mut scope.counts);
            scope.findings.clear();
        }
        self.scope.forgotten += self.counts();
        self.findings.clear();
        self.counts.clear();
        self.counts_before.clear();
        self.kept = 0;
    }

    fn unused(&self, allowance: &Allowance, now: Timestamp) -> Option<Finding> {
        let rule = strictness::find("unused-allowance").ok()?;
        let severity = self.strictness.severity(rule)?;
        Some(Finding {
            message: format!("`{}` is allowed ({}) and was never broken", allowance.rule, allowance.reason),
            hint: rule.hint.into(),
            reference: rule.reference.into(),
            ..Finding::about(rule.id, severity, 0, now)
        })
    }

    /// How many findings there were in this scope that are not allowed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, of_rule) in self.counts.iter().filter(|(rule, _)| !self.is_allowed(rule)) {
            counts.error += of_rule.error;
            counts.warning += of_rule.warning;
        }
        counts
    }

    /// How many findings the run has had that are not allowed, by rule; those about the end of the scope that goes on
    /// are not among them.
    pub fn counts_of_run(&self) -> BTreeMap<Cow<'static, str>, Counts> {
        let mut all = self.counts_before.clone();
        for (rule, counts) in self.counts.iter().filter(|(rule, _)| !self.is_allowed(rule)) {
            *all.entry(rule.clone()).or_default() += *counts;
        }
        all
    }

    /// How many lanes have been forgotten because their number is bounded; no rule speaks about them.
    pub fn forgotten(&self) -> u64 {
        self.world.forgotten()
    }
}

/// Whether a finding is that something was silent for too long, which no later state or clock undoes.
fn is_of_silence(finding: &Finding) -> bool {
    RULES.iter().any(|rule| rule.id == finding.rule && matches!(rule.check, RuleCheck::Silence { .. }))
}

/// Every rule, each with its id, its severity, and what it demands.
///
/// ```
/// let rule = elastimock::contract::rules().iter().find(|rule| rule.id == "blank-worker-hostname");
/// assert_eq!(rule.map(|rule| rule.severity), Some(elastimock::contract::Severity::Error));
/// ```
pub fn rules() -> &'static [Rule] {
    RULES
}
