//! `elastimock play`: answers from a recording.

use super::args::Play;
use super::console::{CommandError, Console, Exit, counted};
use super::serving::{Life, WrittenCalls};
use super::{curl, recordings, serving, upstream};
use crate::mock::server::{MockServer, MockServerBuilder};
use crate::record::interaction::Interaction;
use crate::record::playback::policy::PlayPolicy;

/// Plays until a signal comes.
pub(crate) fn run(play: &Play, console: &Console) -> Result<Exit, CommandError> {
    let (recording, recordings::ReadRecording { name, text }) = recordings::read_one(&play.recording, console)?;
    let recorded = recording.interactions.len() as u64;
    if play.timing && recording.interactions.iter().all(|call| call.took_us == 0) {
        console.warn(&format!("{name} does not tell how long answers took; `serve --record-timing` records it"));
    }
    let first = recording.interactions.first().cloned();
    let mut builder = MockServerBuilder::default()
        .profile(play.profile.unwrap_or(recording.header.profile))
        .seed(recording.header.seed)
        .play_policy(policy(play))
        .playback(recording);
    if let Some(upstream) = upstream::of(&play.upstream, &play.access)? {
        builder = builder.upstream(upstream);
    }
    // Only reports point at lines.
    let played = (!play.listening.verdict.report.is_empty()).then_some((&*name, &*text));
    let written = WrittenCalls { played, ..WrittenCalls::default() };
    let introduce = |server: &MockServer| introduction(server, play, &name, recorded, first.as_ref(), console);
    serving::run(builder, &play.listening, console, written, None, Life::Callers(&introduce))
}

fn policy(play: &Play) -> PlayPolicy {
    PlayPolicy {
        order: play.order,
        exhausted: play.exhausted,
        unmatched: play.unmatched,
        ignore: play.ignore.clone(),
        ignore_headers: play.ignore_header.clone(),
        strict_values: play.strict_values,
        timing: play.timing,
        age_max: play.max_age,
        ..PlayPolicy::default()
    }
}

/// What is played, and what to do first.
fn introduction(
    server: &MockServer,
    play: &Play,
    name: &str,
    recorded: u64,
    first: Option<&Interaction>,
    console: &Console,
) -> String {
    let url = curl::reachable(server);
    let mut lines = vec![
        format!("  plays     {name}: {}", counted(recorded, "recorded call")),
        format!("  journal   {url}/_elastimock/journal"),
        format!("  findings  {url}/_elastimock/findings"),
        format!("  page      {url}/_elastimock/"),
    ];
    let tls = &play.listening.tls;
    lines.extend(tls.introduction(server));
    if let Some(Interaction { request, .. }) = first {
        let body = (!request.body().is_empty()).then(|| String::from_utf8_lossy(request.body()));
        let target = format!("{url}{}", request.target());
        let line = curl::command(&tls.for_curl(server), request.method().as_str(), &target, body.as_deref());
        lines.push(format!("\nMake the first recorded call:\n  {}", console.bold(&line)));
    }
    lines.push("\nCtrl-C stops it and tells what was found.".to_owned());
    lines.join("\n")
}
