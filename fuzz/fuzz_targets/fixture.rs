//! Whatever a fixture says, it is taken or refused with a place, never with a panic; what is taken
//! survives the way to the shelf and back.
#![no_main]

use elastimock::engine::Setup;
use elastimock::fixture::lint;
use elastimock::{Engine, Fixture, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for name in ["fixture.json", "fixture.yaml"] {
        for diagnostic in lint(name, text) {
            assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic}");
        }
    }
    if let Ok(fixture) = Fixture::from_json(text) {
        let setup = Setup { fixture: fixture.into(), ..Setup::default() };
        if let Ok(engine) = Engine::new(setup, Timestamp::default()) {
            let state = engine.state().expect("a mock has a state");
            let again = Setup { fixture: state.clone().into(), ..Setup::default() };
            let again = Engine::new(again, Timestamp::default()).expect("a state is a fixture");
            assert_eq!(again.state().expect("a state").to_value(), state.to_value());
        }
    }
});
