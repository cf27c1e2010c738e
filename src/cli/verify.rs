//! `elastimock verify`: whether another server answers as a recording says.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::Verify;
use super::console::{CommandError, Console, Exit, counted};
use super::evidence::Evidence;
use super::prepare::Prepared;
use super::progress::Progress;
use super::recordings;
use crate::http::{Method, Request, Response};
use crate::mock::admin;
use crate::mock::wire::upstream::Upstream;
use crate::mock::wire::upstream::blocking::BlockingClient;
use crate::near_miss::Difference;
use crate::record::event::{Change, Event};
use crate::record::interaction::Interaction;
use crate::record::meaning::{Carried, Meaning};
use crate::record::recording::{Recording, RecordingLine};
use crate::target::segment;

/// A call whose answers differ.
struct Differing<'r> {
    call: &'r Interaction,
    differs: Vec<Difference>,
}

/// What came of it.
#[derive(Default)]
struct VerifyOutcome<'r> {
    sent: u64,
    compared: u64,
    /// Calls that were not sent, because what was secret in them is masked.
    masked: u64,
    /// Calls that were not sent, because their bodies were too large to be recorded.
    left_out: u64,
    differing: Vec<Differing<'r>>,
    /// Why it ended before the last call, if it did.
    ended: Option<String>,
}

/// The other server.
pub(crate) struct OtherServer {
    client: BlockingClient,
    /// What it is called in messages.
    name: String,
    /// Whether it is an elastimock, whose state and time can be set.
    pub is_mock: bool,
}

impl OtherServer {
    /// Finds out who is there.
    fn new(verify: &Verify) -> Result<OtherServer, CommandError> {
        let mut server = Upstream::new(&verify.against)?.timeout(verify.timeout);
        if let Some((name, password)) = &verify.user {
            server = server.user(name, password);
        }
        if let Some(key) = &verify.api_key {
            server = server.api_key(key);
        }
        let client = BlockingClient::trusting(&server, verify.tls.trust()?)?;
        let mut other = OtherServer { client, name: verify.against.clone(), is_mock: false };
        let health = other.send(&Request::new(Method::Get, format!("{}/health", admin::PREFIX)))?;
        let health = serde_json::from_slice::<Value>(health.body()).unwrap_or_default();
        other.is_mock = health["status"] == "ready" && health["seed"].is_number();
        let info = other.send(&Request::new(Method::Get, "/"))?;
        if info.status() == 401 {
            let what = format!("{} wants to know who is calling", verify.against);
            return Err(CommandError::input(format!("{what}: give --user NAME:PASSWORD or --api-key KEY")));
        }
        let info = serde_json::from_slice::<Value>(info.body()).unwrap_or_default();
        let version = info["version"]["number"].as_str().unwrap_or("of an unknown version");
        let what = if other.is_mock { "elastimock as Elasticsearch" } else { "Elasticsearch" };
        other.name = format!("{what} {version}");
        Ok(other)
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] if there is none.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Response, CommandError> {
        self.client.call(request).map_err(|error| {
            let call = format!("{} {}", request.method(), request.target());
            CommandError::surroundings(format!("{} does not answer {call}: {error}", self.name))
        })
    }

    /// Calls the admin API of an elastimock.
    ///
    /// # Errors
    /// As [`OtherServer::send`]; [`CommandError::input`] if it refuses.
    pub(crate) fn admin(&mut self, method: Method, verb: &str, body: &Value) -> Result<(), CommandError> {
        let request = Request::new(method, format!("{}/{verb}", admin::PREFIX)).json(body.to_string());
        let answer = self.send(&request)?;
        match answer.status() {
            200..=299 => Ok(()),
            status => Err(CommandError::input(format!("{} refuses {verb} ({status}): {}", self.name, answer.text()))),
        }
    }
}

/// Sends what was recorded, and compares the answers.
pub(crate) fn run(verify: &Verify, console: &Console) -> Result<Exit, CommandError> {
    let (recording, read) = recordings::read_one(&verify.recording, console)?;
    let mut meaning = Meaning::new(&verify.ignore, verify.exact).map_err(CommandError::input)?;
    let mut evidence = verify.evidence.as_deref().map(Evidence::read).transpose()?;
    let mut other = OtherServer::new(verify)?;
    if verify.exact && !other.is_mock {
        return Err(CommandError::input(format!(
            "--exact is for an elastimock, whose time and state can be set; {} is none",
            verify.against
        )));
    }
    if verify.exact {
        set_clock(&mut other, &recording.header.started_at.to_string())?;
    }
    let prepared = verify.prepare.as_deref().map(|path| Prepared::new(path, &mut other, console)).transpose()?;
    let told = follow(verify, &recording, &mut other, &mut meaning, evidence.as_mut(), console);
    // Whatever came of it, what was put there is taken away.
    let cleaned = prepared.map_or(Ok(()), |prepared| prepared.clean_up(&mut other, console));
    let outcome = told?;
    if let (Some(evidence), Some(path)) = (&evidence, &verify.evidence) {
        evidence.write(path)?;
    }
    tell(&outcome, &read.name, &other.name, console)?;
    cleaned?;
    Ok(if outcome.differing.is_empty() && outcome.ended.is_none() { Exit::Done } else { Exit::Failed })
}

fn set_clock(other: &mut OtherServer, now: &str) -> Result<(), CommandError> {
    other.admin(Method::Put, "clock", &json!({ "mode": "frozen", "now": now }))
}

fn follow<'r>(
    verify: &Verify,
    recording: &'r Recording,
    other: &mut OtherServer,
    meaning: &mut Meaning,
    mut evidence: Option<&mut Evidence>,
    console: &Console,
) -> Result<VerifyOutcome<'r>, CommandError> {
    let mut outcome = VerifyOutcome::default();
    let total = recording.interactions.len();
    let only: BTreeSet<&str> = verify.only.iter().map(String::as_str).collect();
    let began = Instant::now();
    let mut progress = Progress::new("verifying", "calls", console);
    let mut done = 0;
    for line in recording.lines() {
        let call = match line {
            RecordingLine::Call(call) => call,
            RecordingLine::Event(event) => {
                if !happen(event, recording, other)? {
                    outcome.ended = Some(format!(
                        "line {} of the recording is a {} event, which only an elastimock can follow",
                        event.seq,
                        event.change.name()
                    ));
                    break;
                }
                continue;
            }
        };
        if verify.time_max.is_some_and(|time_max| began.elapsed() > time_max) {
            outcome.ended = Some(format!("the time is up before call {}", call.seq));
            break;
        }
        if let Some(rate) = verify.rate {
            pause(Duration::from_secs_f64(outcome.sent as f64 / rate).saturating_sub(began.elapsed()));
        }
        done += 1;
        progress.at(done, total);
        if call.response.left_out().is_something() {
            outcome.left_out += 1;
            continue;
        }
        let Carried::Send(request) = meaning.carry(&call.request) else {
            outcome.masked += 1;
            continue;
        };
        if verify.exact {
            set_clock(other, &call.at.to_string())?;
        }
        let answer = other.send(&request)?;
        outcome.sent += 1;
        let operation = call.operation.as_deref();
        // Compared in any case: ids are learnt by it.
        let differs = meaning.differences(operation, &call.request, &call.response, &answer);
        if !only.is_empty() && !operation.is_some_and(|operation| only.contains(operation)) {
            continue;
        }
        outcome.compared += 1;
        if let (Some(evidence), Some(operation)) = (evidence.as_deref_mut(), operation) {
            evidence.add(operation, &other.name, differs.is_empty());
        }
        if !differs.is_empty() {
            outcome.differing.push(Differing { call, differs });
        }
    }
    drop(progress);
    Ok(outcome)
}

/// Does to an elastimock what happened to the recorded one; whether it could.
fn happen(event: &Event, recording: &Recording, other: &mut OtherServer) -> Result<bool, CommandError> {
    match &event.change {
        Change::Allow { .. } | Change::Forget | Change::End | Change::Simulated { refused: Some(_), .. } => Ok(true),
        _ if !other.is_mock => Ok(matches!(event.change, Change::Clock { .. })),
        Change::Clock { .. } => set_clock(other, &event.at.to_string()).map(|()| true),
        Change::State { whole, state } => {
            let method = if *whole { Method::Put } else { Method::Post };
            other.admin(method, "state", state).map(|()| true)
        }
        Change::Stubs { added, removed } => {
            if added.as_array().is_some_and(|added| !added.is_empty()) {
                other.admin(Method::Post, "stubs", added)?;
            }
            for name in removed {
                other.admin(Method::Delete, &format!("stubs/{}", segment(name)), &Value::Null)?;
            }
            Ok(true)
        }
        Change::Hand { act, .. } | Change::Simulated { act, .. } => {
            other.admin(Method::Post, "hand", act).map(|()| true)
        }
        Change::Reset { started_at, state, .. } => {
            set_clock(other, &started_at.to_string())?;
            let state = state.as_deref().unwrap_or(&recording.header.state);
            other.admin(Method::Put, "state", state).map(|()| true)
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the user has asked for so many calls a second and no more")]
fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

fn tell(outcome: &VerifyOutcome<'_>, name: &str, other: &str, console: &Console) -> Result<(), CommandError> {
    let alike = outcome.compared - outcome.differing.len() as u64;
    if console.json() {
        let differing = outcome.differing.iter().map(|Differing { call, differs }| {
            let differs = differs.iter().map(|Difference { place, pointer, expected, seen }| {
                json!({ "place": place, "pointer": pointer, "recorded": expected, "seen": seen })
            });
            json!({
                "seq": call.seq,
                "operation": call.operation,
                "method": call.request.method().as_str(),
                "target": call.request.target(),
                "differs": differs.collect::<Vec<_>>(),
            })
        });
        return console.json_line(&json!({
            "recording": name,
            "against": other,
            "sent": outcome.sent,
            "compared": outcome.compared,
            "alike": alike,
            "masked": outcome.masked,
            "left_out": outcome.left_out,
            "ended": outcome.ended,
            "differing": differing.collect::<Vec<_>>(),
        }));
    }
    for Differing { call, differs } in &outcome.differing {
        let operation = call.operation.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
        let mut told = format!("call {}{operation}: {} {}", call.seq, call.request.method(), call.request.target());
        for differs in differs {
            told.push_str(&format!(
                "\n  {}: recorded {}, seen {}",
                differs.shown_place(),
                differs.expected,
                differs.seen
            ));
        }
        console.result(&told)?;
    }
    if outcome.masked > 0 {
        let masked = counted(outcome.masked, "call");
        console.warn(&format!("{masked} not sent: what was secret in them is masked in the recording"));
    }
    if outcome.left_out > 0 {
        let left_out = counted(outcome.left_out, "call");
        console.warn(&format!("{left_out} not sent: their bodies were too large to be recorded"));
    }
    if let Some(ended) = &outcome.ended {
        console.complain(&format!("not all was sent: {ended}"));
    }
    console.tell(&format!("{name} against {other}: {alike} of {} answered alike", counted(outcome.compared, "call")));
    Ok(())
}
