//! The life of a server, the same for `serve`, `play` and `run`: bind, say so, wait for the end, let calls in
//! flight be answered, tell what was found.
//!
//! Nothing here waits for a reader of stderr, so that a server can always be ended.

use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

use super::args::{Listening, VerdictArgs};
use super::child::Running;
use super::console::{CommandError, Console, Exit, counted};
use super::live::Live;
use super::signals::ServerEnd;
use super::tls::CaFile;
use super::watch::FileWatch;
use super::{curl, report, serve};
use crate::contract::report::Report;
use crate::error::Error;
use crate::mock::server::{MockServer, MockServerBuilder};
use crate::mock::wire::troubles::Tell;

/// Where calls are written down, for reports to point at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WrittenCalls<'p> {
    /// The recording that is made.
    pub record: Option<&'p Path>,
    /// The recording that is played: its name and its text, unpacked.
    pub played: Option<(&'p str, &'p [u8])>,
}

/// What a server lives for.
pub(crate) enum Life<'l> {
    /// Whoever calls it, until something ends it. This tells people what it is.
    Callers(&'l dyn Fn(&MockServer) -> String),
    /// One command, until that has ended.
    Command {
        /// The program and its arguments.
        words: &'l [OsString],
        /// Variables that it does not get.
        not_passed_on: &'l [String],
    },
}

/// Runs the server that `builder` describes for as long as its life lasts.
pub(crate) fn run(
    builder: MockServerBuilder,
    listening: &Listening,
    console: &Console,
    written: WrittenCalls<'_>,
    watch: Option<FileWatch>,
    life: Life<'_>,
) -> Result<Exit, CommandError> {
    let console = console.in_background()?;
    let runtime = runtime()?;
    let served = runtime.block_on(serve(builder, listening, &console, written, watch, life));
    let exit = served.unwrap_or_else(|error| {
        console.fail(&error);
        error.exit
    });
    console.flush();
    // What still runs is not waited for: it has had its time.
    runtime.shutdown_background();
    Ok(exit)
}

async fn serve(
    builder: MockServerBuilder,
    listening: &Listening,
    console: &Console,
    written: WrittenCalls<'_>,
    watch: Option<FileWatch>,
    life: Life<'_>,
) -> Result<Exit, CommandError> {
    let is_command = matches!(life, Life::Command { .. });
    // Better now than after an hour's run.
    report::prepare(&listening.verdict.report, console)?;
    let mut port_file = listening.port_file.as_deref().map(PortFile::prepare).transpose()?;
    // Heard before the port is open: whoever sees the port may send a signal.
    let mut ending = ServerEnd::watch(listening)?;
    let teller = *console;
    let tell = Tell(Arc::new(move |text| teller.warn(text)));
    let builder = listening.allow_host.iter().fold(builder, MockServerBuilder::allow_host);
    let builder = listening.tls.on(strict(builder, &listening.verdict));
    let server = builder.listen(listening.listen).tell(tell).serve()?;
    // Whoever sees the port finds what it needs.
    listening.tls.write(&server)?;
    let mut told = Live::default();
    let watching = async {
        match watch {
            Some(watch) => watch.run(server.reloader(), console).await,
            None => std::future::pending().await,
        }
    };
    let lived = tokio::select! {
        lived = live(&server, listening, port_file.as_mut(), console, life, &mut ending, &mut told) => lived,
        never = watching => match never {},
    };
    // Whoever finds it finds a server.
    drop(port_file);
    let drained = server.drain().await;
    let lived = lived?;
    while !told.tell(&server, console) && console.flush() {}
    let report = reported(&server, &listening.verdict, written);
    if is_command && (console.json() || listening.verdict.report.iter().any(|wanted| wanted.file.is_none())) {
        // What the command has printed may not have ended its line.
        console.result("")?;
    }
    report.scopes.last().iter().for_each(|scope| told.scope_end(scope, console));
    let concluded = conclude(&report, &listening.verdict, console);
    let concluded = drained.map_err(CommandError::from).and(concluded);
    let exit = match (lived, concluded) {
        (Exit::Done, concluded) => concluded,
        (ended, Ok(_)) => Ok(ended),
        (ended, Err(error)) => {
            console.fail(&error);
            Ok(ended)
        }
    };
    if console.logs_json() {
        let code = exit.as_ref().map_or_else(|error| error.exit, |exit| *exit).code();
        console.event(
            "stop",
            json!({
                "verdict": if report.is_failure() { "failed" } else { "passed" },
                "exit": code,
                "calls": report.calls,
                "counts": { "error": report.counts.error, "warning": report.counts.warning },
                "summary": report.summary(),
            }),
        );
    }
    exit
}

/// The builder, judging as strictly as the user asks.
fn strict(builder: MockServerBuilder, verdict: &VerdictArgs) -> MockServerBuilder {
    let rules = verdict.rule.iter();
    let builder = builder.contract(verdict.contract).check_answers(verdict.check_answers);
    rules.fold(builder, |builder, (id, level)| builder.rule(id, *level))
}

/// One thread a core; on a single core no thread but this one.
fn runtime() -> Result<Runtime, CommandError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match cores {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(cores).thread_name("elastimock").enable_all().build();
    runtime.map_err(|error| CommandError::surroundings(format!("cannot start the server's threads: {error}")))
}

/// From the open port to the first reason to end; how what it lived for has ended.
async fn live(
    server: &MockServer,
    listening: &Listening,
    port_file: Option<&mut PortFile>,
    console: &Console,
    life: Life<'_>,
    ending: &mut ServerEnd,
    told: &mut Live,
) -> Result<Exit, CommandError> {
    if let Some(file) = port_file {
        file.write(server.port())?;
    }
    // What a command prints is the result of `run`.
    if let Life::Callers(_) = life {
        if console.json() {
            let (url, pid) = (server.url(), std::process::id());
            let mut ready = json!({ "url": url, "port": server.port(), "pid": pid, "seed": server.seed() });
            if let Some(tls) = server.tls() {
                ready["ca"] = tls.ca_pem().into();
                ready["ca_fingerprint"] = tls.ca_fingerprint_hex().into();
            }
            console.json_line(&ready)?;
        } else {
            console.result(&format!("elastimock listening on {}", server.url()))?;
        }
    }
    if !console.quiet() && !server.address().ip().to_canonical().is_loopback() {
        console.warn(&format!(
            "{} can be reached from other machines: whoever does reads and changes the mock and the secrets in \
             its state; --listen 127.0.0.1:{} keeps them out",
            server.address(),
            server.port()
        ));
    }
    match life {
        Life::Callers(introduce) => {
            told.start(server, console);
            if !console.quiet() && !console.logs_json() {
                console.tell(&introduce(server));
            }
            let cause = told.while_waiting(ending.wait(), server, console).await;
            console.tell(&format!("{cause}; calls in flight are answered, a second signal ends it at once"));
            Ok(Exit::Done)
        }
        Life::Command { words, not_passed_on } => {
            let url = curl::reachable(server);
            told.start(server, console);
            if !console.logs_json() {
                console.tell(&format!("elastimock at {url} mimics {}", serve::mimics(server)));
            }
            let ca = server.tls().map(|tls| CaFile::of(tls, &listening.tls)).transpose()?;
            let trusts = ca.iter().zip(server.tls()).flat_map(|(ca, tls)| ca.variables(tls)).collect();
            let running = Running::start(words, &url, trusts, not_passed_on)?;
            told.while_waiting(running.end(ending, console), server, console).await
        }
    }
}

/// The file that has the port's number while the port is open. Whoever sees it sees the whole number.
struct PortFile {
    path: PathBuf,
    temporary: PathBuf,
    port: Option<u16>,
}

impl PortFile {
    /// Forgets an old number, which must not be taken for the new one, and sees to it that that can be written.
    fn prepare(path: &Path) -> Result<PortFile, CommandError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let file = PortFile { path: path.to_owned(), temporary: path.with_file_name(name), port: None };
        let forgotten = match fs::metadata(path) {
            Ok(there) if !there.is_file() => Err(io::Error::other("something is there that is no regular file")),
            _ => fs::remove_file(path),
        };
        match forgotten {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file.cannot(error)),
            _ => fs::write(&file.temporary, "").map(|()| file).map_err(|error| cannot_write_port(path, error)),
        }
    }

    fn write(&mut self, port: u16) -> Result<(), CommandError> {
        let written = fs::write(&self.temporary, format!("{port}\n"));
        written.and_then(|()| fs::rename(&self.temporary, &self.path)).map_err(|error| self.cannot(error))?;
        self.port = Some(port);
        Ok(())
    }

    fn cannot(&self, error: io::Error) -> CommandError {
        cannot_write_port(&self.path, error)
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        let holds = |port: u16| fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == port.to_string());
        // It may have another's number by now. One that cannot be removed is replaced by the next server.
        let _ = match self.port {
            None => fs::remove_file(&self.temporary),
            Some(port) if holds(port) => fs::remove_file(&self.path),
            Some(_) => Ok(()),
        };
    }
}

fn cannot_write_port(file: &Path, error: io::Error) -> CommandError {
    Error::cannot_write("the port to ", file, error).into()
}

/// What was found in the whole run.
fn reported(server: &MockServer, verdict: &VerdictArgs, written: WrittenCalls<'_>) -> Report {
    let with_every_call = verdict.report.iter().any(|wanted| wanted.format.wants_every_call());
    let mut report = server.report_with(with_every_call);
    report.fail_on = verdict.fail_on.severity();
    report.is_of_command = true;
    report.page = report::page(&verdict.report);
    report::complete(&verdict.report, &mut report);
    if !verdict.report.is_empty() {
        // One that cannot be read any more has no places to point at, and a pipe never had.
        let read = |path: Option<&Path>| {
            let path = path.filter(|path| path.is_file())?;
            Some((path.display().to_string(), fs::read(path).ok()?))
        };
        if let Some((name, text)) = read(written.record) {
            report.recorded_in(&name, &text);
        }
        if let Some((name, text)) = written.played {
            report.played_from(name, text);
        }
    }
    report
}

/// What was found in the whole run: as text to stderr or as JSON to stdout, and as the reports that
/// were asked for.
fn conclude(report: &Report, verdict: &VerdictArgs, console: &Console) -> Result<Exit, CommandError> {
    // Files first: whoever does not read what is told has them all the same.
    let reported = report::write(&verdict.report, report, console);
    if console.json() {
        console.json_line(&report.to_value())?;
    } else if !console.logs_json() {
        report::tell(report, console);
        let played = report.played.as_ref().map(|played| {
            format!("; {} of {} recorded calls served{}", played.served, played.recorded, played.aside())
        });
        console.tell(&format!("{}: {}{}", counted(report.calls, "call"), report.summary(), played.unwrap_or_default()));
    }
    reported?;
    Ok(if report.is_failure() { Exit::Failed } else { Exit::Done })
}
