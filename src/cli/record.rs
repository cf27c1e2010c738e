//! `elastimock record`: in front of a live cluster.

use serde_json::Value;

use super::args::{Listening, Record};
use super::console::{CommandError, Console, Exit};
use super::serving::{Life, WrittenCalls};
use super::{curl, serving, upstream};
use crate::http::{Method, Request};
use crate::mock::server::cassette::CassetteMode;
use crate::mock::server::{MockServer, MockServerBuilder, read_recording};
use crate::mock::wire::upstream::Upstream;
use crate::mock::wire::upstream::blocking::BlockingClient;
use crate::profile::{Profile, Release};

/// Passes calls on and records them until a signal comes.
pub(crate) fn run(record: &Record, console: &Console) -> Result<Exit, CommandError> {
    let upstream = upstream::of(&record.upstream, &record.access)?
        .ok_or_else(|| CommandError::input("give the cluster's address: --upstream http://HOST:PORT"))?;
    let mode = record.mode.unwrap_or(CassetteMode::All);
    let mut builder = MockServerBuilder::default()
        .cassette(&record.out)
        .mode(mode)
        .keep_recording()
        .record_timing(record.record_timing)
        .journal_entries_max(record.journal_max)
        .body_bytes_max(record.body_max)
        .in_front_of(upstream.clone());
    let played = match CassetteMode::asked(Some(mode))? {
        CassetteMode::All => None,
        _ if !record.out.exists() => None,
        _ => Some(read_recording(&record.out)?.0.header),
    };
    let what = match &played {
        Some(header) => {
            builder = builder.profile(record.profile.unwrap_or(header.profile)).seed(header.seed);
            format!("plays     {} and forwards what it may to {}", record.out.display(), record.upstream.join(", "))
        }
        None => {
            let there = There::of(&upstream, record)?;
            let profile = record.profile.or(there.profile).unwrap_or_default();
            builder = builder.profile(profile);
            if let Some(number) = there.number.as_ref().filter(|number| Release::numbered(profile, number).is_ok()) {
                builder = builder.es_version(number.as_str());
            }
            let said = there.number.map_or_else(String::new, |number| format!(", Elasticsearch {number}"));
            format!("in front  of {}{said}; judged as profile {profile}", record.upstream.join(", "))
        }
    };
    let mut listening: Listening = record.listening.clone();
    listening.verdict.check_answers = true;
    let written = WrittenCalls { record: Some(&record.out), ..WrittenCalls::default() };
    let introduce = |server: &MockServer| {
        let url = curl::reachable(server);
        [
            format!("  {what}"),
            format!("  recorded  to {}", record.out.display()),
            format!("  journal   {url}/_elastimock/journal"),
            format!("  findings  {url}/_elastimock/findings"),
            "\nCtrl-C stops it and tells what was found.".to_owned(),
        ]
        .join("\n")
    };
    serving::run(builder, &listening, console, written, None, Life::Callers(&introduce))
}

/// What the upstream says of itself.
struct There {
    number: Option<String>,
    profile: Option<Profile>,
}

impl There {
    /// Asks, so that an hour's work does not go to nobody.
    fn of(upstream: &Upstream, record: &Record) -> Result<There, CommandError> {
        let client = BlockingClient::new(upstream)?;
        let answer = client.call(&Request::new(Method::Get, "/")).map_err(|reason| {
            CommandError::surroundings(format!("cannot reach the upstream {}: {reason}", record.upstream.join(", ")))
        })?;
        let info: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let number = info.pointer("/version/number").and_then(Value::as_str).map(str::to_owned);
        let major = number.as_deref().and_then(|number| number.split('.').next());
        let profile = major.and_then(|major| major.parse::<Profile>().ok());
        Ok(There { number, profile })
    }
}
