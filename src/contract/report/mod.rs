//! [`Report`]: what there is to tell of a run, and one writer for each form of telling it.
//!
//! A report is plain data: findings, how many there were, the calls of every lane that has a finding,
//! and, where the calls stand in a recording, the file and line of each. A writer turns it into text
//! and decides nothing. Equal reports give equal bytes, whatever the form.

mod annotations;
pub(crate) mod backdrop;
mod ctrf;
mod diagram;
mod groups;
pub(crate) mod html;
mod json;
mod junit;
mod sarif;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use super::Counts;
use super::coverage::Coverage;
use super::offline::{CallOrigin, RecordedRun};
use super::scope::Scope;
use super::strictness::Strictness;
use crate::error::Error;
use crate::finding::{Finding, Severity, Subject};
use crate::profile::Profile;
use crate::record::JournalItem;
use crate::record::har;
use crate::record::interaction::Interaction;
pub(crate) use crate::record::playback::Played;
use crate::record::recording::{Recording, lines};
use crate::record::transcript::lane;
use crate::source_place::SourcePlace;
use crate::suggest;
use backdrop::Backdrop;

/// What there is to tell of a run: [`MockServer::report`](crate::MockServer::report) makes one.
///
/// ```
/// use elastimock::report::ReportFormat;
/// use elastimock::MockServer;
///
/// let server = MockServer::start_blocking()?;
/// // … let the client under test work against server.url() …
/// assert_eq!(server.report().write(ReportFormat::Text), "0 calls: no findings\n");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What was found, oldest first.
    pub findings: Vec<Finding>,
    /// How many findings there were, those that are no longer kept included.
    pub counts: Counts,
    /// How many calls there were.
    pub calls: u64,
    /// In how many of them a stub had a hand.
    pub stubbed: u64,
    /// The calls of the lanes that have findings, or all of them; in order.
    pub story: Vec<Interaction>,
    /// Where calls are written down, by their number.
    pub places: BTreeMap<u64, RecordingPlace>,
    /// Where the calls are written down that a playback answers from, by their number.
    pub played_places: BTreeMap<u64, RecordingPlace>,
    /// From which severity on a finding is a failure; none when nothing is.
    pub fail_on: Option<Severity>,
    /// Whether a command line has said so, which has a flag for it.
    pub(crate) is_of_command: bool,
    /// What a playback recorded and served, if it was one.
    pub played: Option<Played>,
    /// The scopes of the run, in order, with the findings of each.
    pub scopes: Vec<Scope>,
    /// How many findings were forgotten because somebody asked for it.
    pub forgotten: Counts,
    /// How much of the Connector API was exercised, if that was reckoned.
    pub coverage: Option<Coverage>,
    /// Where the same run stands as a page, for a summary to link to.
    pub page: Option<String>,
    /// The calls from which the coverage of a running server is computed when it is asked for.
    pub(crate) uncounted: Option<Uncounted>,
    /// The line of the test that made the mock, for findings that nothing else gives a place.
    pub started_from: Option<Arc<SourcePlace>>,
    /// What the run was beside its calls, for forms that show it.
    pub(crate) backdrop: Option<Backdrop>,
}

/// Calls whose coverage has not been computed yet.
#[derive(Clone, Debug)]
pub(crate) struct Uncounted {
    pub profile: Profile,
    pub kept: Vec<JournalItem>,
    pub evicted: u64,
}

/// A line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordingPlace {
    /// The recording, as messages call it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A form of telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportFormat {
    /// For people.
    Text,
    /// One document, in the shape of the admin API.
    Json,
    /// JUnit's XML: a test case for each scope.
    Junit,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
    /// Workflow commands that a code host shows beside the line.
    Annotations,
    /// HAR 1.2: the calls themselves.
    Har,
    /// Markdown for the summary of a CI job: the verdict of each scope, the findings, and what happened.
    Summary,
    /// CTRF, the Common Test Report Format: a test for each scope.
    Ctrf,
    /// One file for a browser: the calls, the findings and the state at any call, to look at.
    Html,
}

impl ReportFormat {
    /// All of them.
    pub const ALL: [ReportFormat; 9] = [
        ReportFormat::Text,
        ReportFormat::Json,
        ReportFormat::Junit,
        ReportFormat::Sarif,
        ReportFormat::Annotations,
        ReportFormat::Har,
        ReportFormat::Summary,
        ReportFormat::Ctrf,
        ReportFormat::Html,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ReportFormat::Text => "text",
            ReportFormat::Json => "json",
            ReportFormat::Junit => "junit",
            ReportFormat::Sarif => "sarif",
            ReportFormat::Annotations => "annotations",
            ReportFormat::Har => "har",
            ReportFormat::Summary => "summary",
            ReportFormat::Ctrf => "ctrf",
            ReportFormat::Html => "html",
        }
    }

    /// Whether it tells of every call, and not only of those in lanes with findings.
    pub fn wants_every_call(self) -> bool {
        matches!(self, ReportFormat::Har | ReportFormat::Ctrf | ReportFormat::Html)
    }
}

impl FromStr for ReportFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<ReportFormat, Error> {
        let names = ReportFormat::ALL.map(ReportFormat::name);
        ReportFormat::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let close = suggest::similar(name, names).first().map(|close| format!("did you mean `{close}`? "));
            let (close, names) = (close.unwrap_or_default(), names.join(", "));
            Error::invalid_input(format!("there is no report `{name}`; {close}reports are {names}"))
        })
    }
}

impl Report {
    /// The report in that form, with a line end at its end.
    pub fn write(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Text => text::write(self),
            ReportFormat::Json => json::write(self),
            ReportFormat::Junit => junit::write(self),
            ReportFormat::Sarif => sarif::write(self),
            ReportFormat::Annotations => annotations::write(self),
            ReportFormat::Har => har::write(&self.story),
            ReportFormat::Summary => summary::write(self),
            ReportFormat::Ctrf => ctrf::write(self),
            ReportFormat::Html => html::write(self),
        }
    }

    /// What there is to tell of a run that was recorded: the name and the text of each of its recordings.
    ///
    /// ```
    /// use elastimock::contract::Strictness;
    /// use elastimock::report::{Report, ReportFormat};
    /// use elastimock::MockServer;
    ///
    /// let text = MockServer::start_blocking()?.recording().to_text();
    /// let report = Report::of_recordings(&[("story.ndjson", text.as_bytes())], Strictness::default())?;
    /// assert_eq!(report.write(ReportFormat::Text), "0 calls: no findings\n");
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with file, line and column if a text is no recording.
    pub fn of_recordings(texts: &[(&str, &[u8])], strictness: Strictness) -> Result<Report, Error> {
        let recordings: Result<Vec<Recording>, Error> =
            texts.iter().map(|(name, text)| Recording::parse(name, text)).collect();
        let recordings = recordings?;
        let run = RecordedRun::new(&recordings, strictness);
        Ok(Report { coverage: Some(Coverage::of_run(&run)), ..Report::of_run(&run, texts) })
    }

    /// What there is to tell of a run that was judged from its recordings, `texts` being the name and the
    /// text of each in their order.
    pub(crate) fn of_run(run: &RecordedRun<'_>, texts: &[(&str, &[u8])]) -> Report {
        let lines: Vec<BTreeMap<u64, u32>> = texts.iter().map(|(_, text)| lines(text)).collect();
        let mut report = Report::with_scopes(run.scopes.clone());
        report.backdrop = Some(Backdrop::of_run(run));
        for call in &run.calls {
            let CallOrigin { recording, seq } = call.origin;
            if let (Some((file, _)), Some(line)) = (texts.get(recording), lines[recording].get(&seq)) {
                report.places.insert(call.seq, RecordingPlace { file: (*file).to_owned(), line: *line });
            }
            report.story.push(Interaction { seq: call.seq, ..call.interaction.clone() });
        }
        report
    }

    /// What there is to tell of a run by its scopes, and by what the journal holds of it: with every call
    /// or only those of the lanes that have findings.
    pub(crate) fn of_scopes(
        scopes: Vec<Scope>,
        kept: &[JournalItem],
        every_call: bool,
        played: Option<Played>,
        backdrop: Option<Backdrop>,
    ) -> Report {
        let mut report = Report { played, backdrop, ..Report::with_scopes(scopes) };
        if let Some(backdrop) = &mut report.backdrop {
            backdrop.take(kept);
        }
        let calls: Vec<Interaction> = kept.iter().filter_map(JournalItem::interaction).collect();
        report.story = if every_call { calls } else { story(&report.findings, calls.iter().cloned()) };
        report
    }

    fn with_scopes(mut scopes: Vec<Scope>) -> Report {
        let mut report = Report::default();
        // Beside others the first scope needs a name too.
        if scopes.len() > 1 {
            for scope in &mut scopes {
                let label: std::sync::Arc<str> = scope.label().into();
                let nameless = scope.findings.iter_mut().filter(|finding| finding.scope.is_none());
                nameless.for_each(|finding| finding.scope = Some(label.clone()));
            }
        }
        for scope in &scopes {
            report.findings.extend(scope.findings.iter().cloned());
            report.calls += scope.calls;
            report.stubbed += scope.stubbed;
            report.counts += scope.counts;
            report.forgotten += scope.forgotten;
        }
        report.scopes = scopes;
        report
    }

    /// Points at the lines of a recording of the run: its name, as messages shall call it, and its text.
    pub fn recorded_in(&mut self, name: &str, text: &[u8]) {
        self.places = places(name, text);
    }

    /// Points at the lines of the recording that a playback answered from.
    pub fn played_from(&mut self, name: &str, text: &[u8]) {
        self.played_places = places(name, text);
    }

    /// Whether there is a finding at or above [`Report::fail_on`].
    pub fn is_failure(&self) -> bool {
        self.fails(self.counts)
    }

    fn fails(&self, counts: Counts) -> bool {
        match self.fail_on {
            Some(Severity::Error) => counts.error > 0,
            Some(Severity::Warning) => counts.total() > 0,
            None => false,
        }
    }

    /// What was found, in one line: `1 error, 2 warnings`; what the mock could not answer; and why a run fails
    /// that has warnings alone.
    ///
    /// ```
    /// use elastimock::MockServer;
    ///
    /// assert_eq!(MockServer::start_blocking()?.report().summary(), "no findings");
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    pub fn summary(&self) -> String {
        verdict::summary(self)
    }

    /// The report as one JSON document.
    pub fn to_value(&self) -> serde_json::Value {
        json::to_value(self)
    }

    fn counts_as_failure(&self, finding: &Finding) -> bool {
        self.fail_on.is_some_and(|least| finding.severity >= least)
    }

    /// Findings that were counted and are not kept.
    fn dropped(&self) -> u64 {
        (self.counts.error + self.counts.warning).saturating_sub(self.findings.len() as u64)
    }

    fn call(&self, seq: u64) -> Option<&Interaction> {
        self.story.binary_search_by_key(&seq, |call| call.seq).ok().map(|at| &self.story[at])
    }

    /// Where the finding's call is written down.
    fn place(&self, finding: &Finding) -> Option<&RecordingPlace> {
        match finding.evidence.get("recorded_seq").and_then(serde_json::Value::as_u64) {
            Some(recorded) => self.played_places.get(&recorded),
            None => self.places.get(&finding.seq),
        }
    }

    /// Where in the client's or the tests' source the finding comes from.
    fn source<'r>(&'r self, finding: &'r Finding) -> Option<&'r SourcePlace> {
        finding.source.as_deref().or(self.started_from.as_deref())
    }

    /// How much of the Connector API was exercised, if that can be told.
    fn coverage(&self) -> Option<Coverage> {
        let reckoned = |uncounted: &Uncounted| {
            Coverage::of_kept(uncounted.profile, &uncounted.kept).with_evicted(uncounted.evicted)
        };
        self.coverage.clone().or_else(|| self.uncounted.as_ref().map(reckoned))
    }

    /// What the finding is about: a job, a connector, or a part of the cluster.
    fn lane(&self, finding: &Finding) -> String {
        match (&finding.subject, call_of(finding)) {
            (Some(subject), _) => named(subject),
            (None, None) if finding.evidence.contains_key("recorded_seq") => "recording".to_owned(),
            (None, None) => "the whole run".to_owned(),
            (None, Some(seq)) => self.call(seq).map_or_else(|| "calls that are no longer kept".to_owned(), lane),
        }
    }

    /// Findings by scope, each with what tells it from others.
    fn by_scope(&self) -> Vec<(String, Vec<&Finding>)> {
        let mut ahead = self.findings.iter();
        let counts = self.scopes.iter().map(|scope| scope.findings.len()).enumerate();
        let mut scopes: Vec<(String, Vec<&Finding>)> =
            counts.map(|(at, count)| (self.scope_prefix(at), ahead.by_ref().take(count).collect())).collect();
        // What is found in no scope, as in a report that is put together by hand, comes last.
        scopes.push((String::new(), ahead.collect()));
        scopes
    }

    /// The name of a call's lane, which tells scopes apart.
    fn lane_of(&self, call: &Interaction) -> String {
        let scope = self.scopes.partition_point(|scope| scope.first_seq <= call.seq).saturating_sub(1);
        self.scope_prefix(scope) + &lane(call)
    }

    /// What stands before the names of lanes to tell scopes apart; nothing if there is no need to.
    fn scope_prefix(&self, at: usize) -> String {
        let Some(scope) = self.scopes.get(at) else { return String::new() };
        match self.has_scopes() {
            true => format!("{} · ", scope.label()),
            false => String::new(),
        }
    }

    /// Whether scopes have to be told apart: there are several, or one that has a name.
    fn has_scopes(&self) -> bool {
        let mut told = self.told_scopes();
        told.next().is_some_and(|first| first.name.is_some()) || told.next().is_some()
    }

    /// The scopes that there is something to tell of; the only one if there is nothing.
    fn told_scopes(&self) -> impl Iterator<Item = &Scope> {
        let is_all_empty = self.scopes.iter().all(Scope::is_empty);
        let first = self.scopes.first().filter(|_| is_all_empty);
        first.into_iter().chain(self.scopes.iter().filter(move |scope| !scope.is_empty()))
    }
}

/// Where the calls of a recording stand.
fn places(name: &str, text: &[u8]) -> BTreeMap<u64, RecordingPlace> {
    lines(text).into_iter().map(|(seq, line)| (seq, RecordingPlace { file: name.to_owned(), line })).collect()
}

/// Of `calls`, those in lanes of which a finding tells; all that a report needs.
pub(crate) fn story(findings: &[Finding], calls: impl Iterator<Item = Interaction> + Clone) -> Vec<Interaction> {
    let numbers: BTreeSet<u64> = findings.iter().flat_map(numbers).collect();
    let subjects = findings.iter().filter_map(|finding| finding.subject.as_ref()).map(named);
    let of_calls = calls.clone().filter(|call| numbers.contains(&call.seq)).map(|call| lane(&call));
    let lanes: BTreeSet<String> = subjects.chain(of_calls).collect();
    if lanes.is_empty() {
        return Vec::new();
    }
    calls.filter(|call| numbers.contains(&call.seq) || lanes.contains(&lane(call))).collect()
}

/// The name of a subject's lane.
fn named(subject: &Subject) -> String {
    match subject {
        Subject::Job(id) => format!("sync job {id}"),
        Subject::Connector(id) => format!("connector {id}"),
    }
}

/// The call that a finding is about; none if it is about a recorded one that never came, or about none.
fn call_of(finding: &Finding) -> Option<u64> {
    (finding.seq > 0 && !finding.evidence.contains_key("recorded_seq")).then_some(finding.seq)
}

/// Every call that a finding names.
fn numbers(finding: &Finding) -> Vec<u64> {
    match call_of(finding) {
        Some(seq) if finding.calls.is_empty() => vec![seq],
        Some(_) => finding.calls.clone(),
        None => Vec::new(),
    }
}

/// A path as code hosts write it: with slashes, and without a dot before it.
fn slashed(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
}

/// `1 error`, `2 errors`.
fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// A text without anything that could move a terminal's cursor or end a document early: control
/// characters are shown as escapes, line ends stay.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control()
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}') =>
            {
                shown.extend(c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    shown
}
