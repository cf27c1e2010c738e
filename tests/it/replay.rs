//! The replay law over every recording in `fixtures/recordings`: the same seed, the same state, the
//! same requests at the same instants, and the answers are the recorded bytes.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use elastimock::elasticsearch::Release;
use elastimock::engine::Setup;
use elastimock::recording::Recording;
use elastimock::{Clock, Engine, Fixture};

use crate::support::path;

/// Plays a recording's requests to a new engine and returns what that one recorded.
fn replay(recording: &Recording) -> Recording {
    let header = &recording.header;
    let fixture = Fixture::from_json(&header.state.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let setup = Setup {
        fixture: Arc::new(fixture),
        seed: header.seed,
        clock: Clock::frozen(header.started_at),
        profile: header.profile,
        release: header.es_version.as_deref().map_or(header.profile.release(), |number| {
            Release::numbered(header.profile, number).unwrap_or_else(|error| panic!("{error}"))
        }),
        license: header.license,
        visibility: Some(header.visibility),
        ..Setup::default()
    };
    let mut engine = Engine::new(setup, header.started_at).unwrap_or_else(|error| panic!("{error}"));
    for interaction in &recording.interactions {
        engine.set_clock(Clock::frozen(interaction.at));
        let _ = engine.receive(&interaction.request, interaction.at);
    }
    engine.recording()
}

#[test]
fn every_recording_replays_to_its_own_bytes() {
    let mut played = BTreeSet::new();
    for entry in fs::read_dir(path("fixtures/recordings")).expect("the recordings") {
        let file = entry.expect("an entry").path();
        if file.extension().is_none_or(|extension| extension != "ndjson") {
            continue;
        }
        let name = file.display().to_string();
        let recording =
            Recording::parse(&name, &fs::read(&file).expect(&name)).unwrap_or_else(|error| panic!("{error}"));
        let again = replay(&recording);
        assert_eq!(again.interactions.len(), recording.interactions.len(), "{name}");
        for (was, is) in recording.interactions.iter().zip(&again.interactions) {
            assert_eq!(is.response.text(), was.response.text(), "{name}: call {} {}", was.seq, was.request.target());
            assert_eq!((is.seq, is.at, is.response.status()), (was.seq, was.at, was.response.status()), "{name}");
            assert_eq!((&is.operation, &is.findings), (&was.operation, &was.findings), "{name}: call {}", was.seq);
        }
        played.insert(file.file_name().expect("a name").display().to_string());
    }
    let kept = ["claim_story.ndjson", "cut_off.ndjson", "full_sync.ndjson"];
    assert!(kept.iter().all(|name| played.contains(*name)), "only {played:?} were played");
}
