//! The life of a server, the same for `serve` and `play`: bind, say so, wait for a signal, let calls in
//! flight be answered, tell what was found.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::args::{Listening, Verdict};
use super::console::{Console, Exit, Failure, counted};
use super::report;
use super::signals::Signals;
use crate::finding::Severity;
use crate::journal::interaction::Interaction;
use crate::limits::JOURNAL_PAGE_ENTRIES;
use crate::mock_server::{Builder, MockServer};

/// How often the journal is read for `--verbose`.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// How much of a body `-vv` shows.
const BODY_CHARS_TOLD_MAX: usize = 2_000;

/// Where calls are written down, for reports to point at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'p> {
    /// The recording that is made.
    pub record: Option<&'p Path>,
    /// The recording that is played.
    pub played: Option<&'p Path>,
}

/// Runs the server that `builder` describes until a signal comes. `introduce` tells people what it is.
pub fn run(
    builder: Builder,
    listening: &Listening,
    console: &Console,
    written: Written<'_>,
    introduce: impl FnOnce(&MockServer) -> String,
) -> Result<Exit, Failure> {
    // Better now than after an hour's run.
    report::prepare(&listening.verdict.report, console)?;
    runtime()?.block_on(async {
        // Heard before the port is open: whoever sees the port may send a signal.
        let mut signals = Signals::hear()?;
        if let Some(file) = &listening.port_file {
            forget_port(file)?;
        }
        let server = strict(builder, &listening.verdict).listen(listening.listen).serve()?;
        let mut calls = Calls::default();
        let lived = live(&server, listening, console, introduce, &mut signals, &mut calls).await;
        // A second signal ends the process at once, whatever is still going on.
        tokio::spawn(async move { std::process::exit(signals.next().await) });
        let drained = server.drain().await;
        lived?;
        calls.tell(&server, console);
        let exit = conclude(&server, &listening.verdict, console, written);
        drained?;
        exit
    })
}

/// The builder, judging as strictly as the user asks.
fn strict(builder: Builder, verdict: &Verdict) -> Builder {
    let rules = verdict.rule.iter();
    let builder = builder.contract(verdict.contract).check_answers(verdict.check_answers);
    rules.fold(builder, |builder, (id, level)| builder.rule(id, *level))
}

/// One thread a core; on a single core no thread but this one.
fn runtime() -> Result<Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match cores {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(cores).thread_name("elastimock").enable_all().build();
    runtime.map_err(|error| Failure::surroundings(format!("cannot start the server's threads: {error}")))
}

/// From the open port to the first signal.
async fn live(
    server: &MockServer,
    listening: &Listening,
    console: &Console,
    introduce: impl FnOnce(&MockServer) -> String,
    signals: &mut Signals,
    calls: &mut Calls,
) -> Result<(), Failure> {
    if let Some(file) = &listening.port_file {
        write_port(file, server.port())?;
    }
    if console.json() {
        let pid = std::process::id();
        console.json_line(&json!({ "url": server.url(), "port": server.port(), "pid": pid, "seed": server.seed() }))?;
    } else {
        console.result(&format!("elastimock listening on {}", server.url()))?;
    }
    if !console.quiet() {
        console.tell(&introduce(server));
    }
    if console.verbose() == 0 {
        signals.next().await;
    } else {
        let mut ticks = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                _ = signals.next() => break,
                _ = ticks.tick() => calls.tell(server, console),
            }
        }
    }
    console.tell("stopping; calls in flight are answered, a second signal ends it at once");
    Ok(())
}

/// An old number must not be taken for the new one.
fn forget_port(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot_write_port(file, &error)),
        _ => Ok(()),
    }
}

/// Whoever sees the file sees the whole number.
fn write_port(file: &Path, port: u16) -> Result<(), Failure> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary: PathBuf = file.with_file_name(name);
    let written = fs::write(&temporary, format!("{port}\n")).and_then(|()| fs::rename(&temporary, file));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        cannot_write_port(file, &error)
    })
}

fn cannot_write_port(file: &Path, error: &std::io::Error) -> Failure {
    Failure::surroundings(format!("cannot write the port to {}: {error}", file.display()))
}

/// Tells each call as it comes, from the journal.
#[derive(Default)]
struct Calls {
    told: u64,
}

impl Calls {
    /// Tells the calls since the last time, if the user wants to know.
    fn tell(&mut self, server: &MockServer, console: &Console) {
        if console.verbose() == 0 {
            return;
        }
        loop {
            let extract = server.journal_after(self.told, JOURNAL_PAGE_ENTRIES);
            for interaction in &extract.interactions {
                if interaction.seq > self.told + 1 && self.told > 0 {
                    console.tell(&format!(
                        "… {} forgotten before they could be told",
                        counted(interaction.seq - self.told - 1, "call")
                    ));
                }
                self.told = interaction.seq;
                console.tell(&told(interaction, console));
            }
            if extract.interactions.len() < JOURNAL_PAGE_ENTRIES {
                return;
            }
        }
    }
}

fn told(interaction: &Interaction, console: &Console) -> String {
    let Interaction { seq, operation, request, response, findings, .. } = interaction;
    let operation = operation.as_deref().map_or_else(String::new, |name| format!("  {name}"));
    let mut told = format!("{seq:>4} {} {} → {}{operation}", request.method(), request.target(), response.status());
    for finding in findings {
        let of = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default();
        let severity = if of("severity") == Severity::Error.name() { Severity::Error } else { Severity::Warning };
        told.push_str(&format!("\n     {}[{}] {}", console.severity(severity), of("rule"), of("message")));
    }
    if console.verbose() > 1 {
        for (arrow, body) in [('>', request.body()), ('<', response.body())] {
            if !body.is_empty() {
                let text: String = String::from_utf8_lossy(body).chars().take(BODY_CHARS_TOLD_MAX).collect();
                told.push_str(&format!("\n     {arrow} {}", text.replace('\n', "\n       ")));
            }
        }
    }
    told
}

/// What was found in the whole run: as text to stderr or as JSON to stdout, and as the reports that
/// were asked for.
fn conclude(server: &MockServer, verdict: &Verdict, console: &Console, written: Written<'_>) -> Result<Exit, Failure> {
    let with_every_call = verdict.report.iter().any(|wanted| wanted.format.wants_every_call());
    let mut report = server.report_with(with_every_call);
    report.fail_on = verdict.fail_on.severity();
    if !verdict.report.is_empty() {
        // One that cannot be read any more has no places to point at.
        let read = |path: Option<&Path>| Some((path?.display().to_string(), fs::read(path?).ok()?));
        if let Some((name, text)) = read(written.record) {
            report.recorded_in(&name, &text);
        }
        if let Some((name, text)) = read(written.played) {
            report.played_from(&name, &text);
        }
    }
    if console.json() {
        console.json_line(&report.to_value())?;
    } else {
        report::tell(&report, console);
        let played =
            report.played.map(|played| format!("; {} of {} recorded calls served", played.served, played.recorded));
        console.tell(&format!(
            "{}: {}{}",
            counted(report.calls, "call"),
            report::found(&report.counts),
            played.unwrap_or_default()
        ));
    }
    report::write(&verdict.report, &report, console)?;
    Ok(if report.is_failure() { Exit::Failed } else { Exit::Done })
}
