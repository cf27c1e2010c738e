//! [`Live`]: what happens is told while a server runs. With `-v` a line for each call, with `--log json` an object for
//! each call, finding, scope and change.
//!
//! It reads the journal now and then: a call waits for nobody who watches. The keys of the objects are a promise, and
//! `docs/watching.md` lists them.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::console::{Console, counted, paint};
use crate::contract::report::visible;
use crate::contract::scope::Scope;
use crate::finding::{Finding, Severity};
use crate::limits::{JOURNAL_PAGE_ENTRIES, LIVE_BODY_CHARS_MAX};
use crate::mock::server::MockServer;
use crate::near_miss::shortened;
use crate::record::JournalItem;
use crate::record::event::{Change, Event};
use crate::record::interaction::Interaction;
use crate::record::recording;
use crate::record::transcript::lane;
use crate::source_place::SourcePlace;

/// How often the journal is read.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// Characters of a lane's column: at the start, and at most.
const LANE_CHARS: (usize, usize) = (14, 40);

/// What has been told so far.
pub(crate) struct Live {
    after: u64,
    /// Calls that were told, and those of which it was told that they are forgotten.
    calls: u64,
    /// Findings of the current scope that were told with their calls: rule, call, message.
    found: BTreeSet<(String, u64, String)>,
    /// Where the current scope begins.
    first_seq: u64,
    /// Characters of the widest lane so far.
    width: usize,
}

impl Default for Live {
    fn default() -> Live {
        Live { after: 0, calls: 0, found: BTreeSet::new(), first_seq: 1, width: LANE_CHARS.0 }
    }
}

/// Whether anybody wants to be told.
fn is_wanted(console: &Console) -> bool {
    console.verbose() > 0 || console.logs_json()
}

impl Live {
    /// Waits for something, and tells what happens meanwhile if the user wants to know.
    pub(crate) async fn while_waiting<T>(
        &mut self,
        something: impl Future<Output = T>,
        server: &MockServer,
        console: &Console,
    ) -> T {
        if !is_wanted(console) {
            return something.await;
        }
        let mut something = std::pin::pin!(something);
        let mut ticks = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                come = &mut something => break come,
                _ = ticks.tick() => drop(self.tell(server, console)),
            }
        }
    }

    /// Says that the server is there.
    pub(crate) fn start(&self, server: &MockServer, console: &Console) {
        if !console.logs_json() {
            return;
        }
        let setup = server.setup();
        console.event(
            "start",
            json!({
                "url": server.url(),
                "port": server.port(),
                "pid": std::process::id(),
                "seed": setup.seed,
                "version": env!("CARGO_PKG_VERSION"),
                "profile": setup.profile.name(),
                "elasticsearch": setup.release.number,
            }),
        );
        console.event("scope_begin", json!({ "number": 1, "name": null, "seq": 0 }));
    }

    /// Tells what has happened since the last time, if the user wants to know; whether that was all of it. Where it is
    /// not read, the rest waits in the journal.
    pub(crate) fn tell(&mut self, server: &MockServer, console: &Console) -> bool {
        if !is_wanted(console) {
            return true;
        }
        loop {
            let page = server.page_after(self.after, JOURNAL_PAGE_ENTRIES);
            // What was forgotten is missing before the first of them.
            let missing = page.evicted.saturating_sub(self.calls);
            if missing > 0 && !page.kept.is_empty() {
                self.calls += missing;
                match console.logs_json() {
                    true => console.event("missed", json!({ "calls": missing })),
                    false => {
                        console.tell(&format!("… {} forgotten before they could be told", counted(missing, "call")))
                    }
                }
            }
            let calls = page.kept.iter().filter(|kept| matches!(kept, JournalItem::Call(..))).count();
            for kept in &page.kept {
                if console.is_behind() {
                    return false;
                }
                self.after = kept.seq();
                match kept {
                    JournalItem::Call(..) => {
                        self.calls += 1;
                        kept.interaction().iter().for_each(|call| self.call(call, server, console));
                    }
                    JournalItem::Event(event) => self.event(event, server, console),
                }
            }
            if calls < JOURNAL_PAGE_ENTRIES {
                return true;
            }
        }
    }

    fn call(&mut self, call: &Interaction, server: &MockServer, console: &Console) {
        for Finding { rule, message, .. } in &call.findings {
            self.found.insert((rule.to_string(), call.seq, message.clone()));
        }
        if !console.logs_json() {
            let note = server.play_note(call.seq).map(|note| format!("\n     {}", visible(&note.text())));
            let told = self.line(call, console);
            return console.tell(&format!("{told}{}", note.unwrap_or_default()));
        }
        let Interaction { seq, at, operation, request, response, scope, .. } = call;
        let rules: Vec<&str> = call.findings.iter().map(|finding| &*finding.rule).collect();
        let source = SourcePlace::of_request(request).map(|source| source.to_value());
        console.event(
            "call",
            json!({
                "seq": seq,
                "at": at.to_string(),
                "scope": scope.as_deref(),
                "lane": lane(call),
                "operation": operation,
                "method": request.method().as_str(),
                "target": request.target(),
                "status": response.status(),
                "stub": call.stub(),
                "upstream": call.is_of_upstream(),
                "fault": call.fault().map(|fault| fault.to_value()),
                "source": source,
                "findings": rules,
            }),
        );
        for finding in &call.findings {
            console.event("finding", finding.to_value());
        }
    }

    /// A call as people read it, in columns, with its findings below.
    fn line(&mut self, call: &Interaction, console: &Console) -> String {
        let Interaction { seq, operation, request, response, .. } = call;
        let color = |style: Style, text: &str| paint(console.stderr_has_colors(), style, text);
        let (dim, bold) = (Style::new().dimmed(), Style::new().bold());
        let lane = shortened(&visible(&lane(call)).replace('\n', " "), LANE_CHARS.1);
        let chars = lane.chars().count();
        self.width = self.width.max(chars.min(LANE_CHARS.1));
        let gap = " ".repeat(self.width.saturating_sub(chars));
        let status = match response.status() {
            0 => "no answer".to_owned(),
            status => status.to_string(),
        };
        let status_color = match response.status() {
            200..=299 => AnsiColor::Green,
            400..=499 => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        let mut told = format!(
            "{} {}{gap}  {} {} → {}",
            color(dim, &format!("{seq:>4}")),
            color(AnsiColor::Cyan.on_default(), &lane),
            color(bold, request.method().as_str()),
            visible(request.target()),
            color(status_color.on_default(), &status),
        );
        if let Some(operation) = operation {
            told.push_str(&format!("  {}", color(dim, operation)));
        }
        if let Some(stub) = call.stub() {
            told.push_str(&format!("  stubbed by {}", visible(stub)));
        }
        if call.is_of_upstream() {
            told.push_str("  (upstream)");
        }
        if let Some(fault) = call.fault() {
            told.push_str(&format!("  {}", fault.to_value()));
        }
        for finding in &call.findings {
            told.push_str(&found(finding.severity, &finding.rule, &finding.message, console));
        }
        if console.verbose() > 1 {
            for (arrow, body) in [('>', request.body()), ('<', response.body())] {
                if !body.is_empty() {
                    let text: String = String::from_utf8_lossy(body).chars().take(LIVE_BODY_CHARS_MAX).collect();
                    told.push_str(&format!("\n     {arrow} {}", visible(&text).replace('\n', "\n       ")));
                }
            }
        }
        told
    }

    fn event(&mut self, event: &Event, server: &MockServer, console: &Console) {
        let Event { seq, change, .. } = event;
        let Change::Reset { scope: name, source, .. } = change else {
            match console.logs_json() {
                true => console.event("change", change_members(event)),
                false => {
                    let told = format!("{seq:>4} {}", told_change(change));
                    console.tell(&paint(console.stderr_has_colors(), Style::new().dimmed(), &told));
                }
            }
            return;
        };
        let ended = server.ended_scope(self.first_seq);
        if let Some(ended) = &ended {
            self.scope_end(ended, console);
        }
        self.found.clear();
        self.first_seq = seq + 1;
        let number = ended.map_or(0, |ended| ended.number + 1);
        match console.logs_json() {
            true => console.event(
                "scope_begin",
                json!({
                    "number": number,
                    "name": name.as_deref(),
                    "seq": seq,
                    "source": source.as_ref().map(|source| source.to_value()),
                }),
            ),
            false => {
                let label = name.as_deref().map_or_else(|| format!("scope {number}"), visible);
                console.tell(&console.bold(&format!("── {label} ──")));
            }
        }
    }

    /// What was found at the end of a scope and was not told with a call, and what the scope comes to.
    pub(crate) fn scope_end(&mut self, scope: &Scope, console: &Console) {
        if !is_wanted(console) {
            return;
        }
        let is_told =
            |finding: &&Finding| self.found.contains(&(finding.rule.to_string(), finding.seq, finding.message.clone()));
        let at_end: Vec<&Finding> = scope.findings.iter().filter(|finding| !is_told(finding)).collect();
        for finding in at_end {
            match console.logs_json() {
                true => console.event("finding", finding.to_value()),
                false => {
                    let told = found(finding.severity, &finding.rule, &finding.message, console);
                    console.tell(told.trim_start_matches('\n'));
                }
            }
        }
        if console.logs_json() {
            console.event(
                "scope_end",
                json!({
                    "number": scope.number,
                    "name": scope.name.as_deref(),
                    "calls": scope.calls,
                    "counts": { "error": scope.counts.error, "warning": scope.counts.warning },
                }),
            );
        }
    }
}

/// `error[rule] message`, on a line of its own.
fn found(severity: Severity, rule: &str, message: &str, console: &Console) -> String {
    let message = visible(message).replace('\n', "\n       ");
    format!("\n     {}[{rule}] {message}", console.severity(severity))
}

/// What has changed the mock and was no call, for programs: what its line of a recording says, but for a whole state.
fn change_members(event: &Event) -> Value {
    let mut details = recording::event_value(event);
    if let Value::Object(members) = &mut details {
        members.retain(|name, _| !["seq", "at", "event", "state"].contains(&name.as_str()));
    }
    json!({ "seq": event.seq, "at": event.at.to_string(), "change": event.change.name(), "details": details })
}

/// What has changed the mock and was no call, for people.
fn told_change(change: &Change) -> String {
    match change {
        Change::State { whole: true, .. } => "the state was replaced".to_owned(),
        Change::State { whole: false, .. } => "the state was added to".to_owned(),
        Change::Clock { frozen: true } => "the clock was moved, and stands still".to_owned(),
        Change::Clock { frozen: false } => "the clock was moved, and runs".to_owned(),
        Change::Allow { rule, .. } => format!("{rule} may be broken in this scope"),
        Change::Stubs { added, removed } => {
            let came = added.as_array().into_iter().flatten().filter_map(|stub| stub["name"].as_str());
            let names = |names: Vec<&str>| shortened(&visible(&names.join(", ")), 100);
            match removed.is_empty() {
                true => format!("stubs came: {}", names(came.collect())),
                false => format!("stubs went: {}", names(removed.iter().map(|name| &**name).collect())),
            }
        }
        Change::Hand { act, .. } => format!("the other side's hand: {}", shortened(&visible(&act.to_string()), 100)),
        Change::Simulated { side, refused: Some(why), .. } => format!("simulated {}: {}", visible(side), visible(why)),
        Change::Simulated { side, act, .. } => {
            format!("simulated {}: {}", visible(side), shortened(&visible(&act.to_string()), 100))
        }
        Change::Forget => "the findings so far are forgotten".to_owned(),
        other => other.name().to_owned(),
    }
}
