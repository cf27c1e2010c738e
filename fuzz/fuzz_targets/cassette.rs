//! An interaction of a cassette, or a whole one in YAML, whatever it says: it is read or refused with a place, and what was read can be written.
#![no_main]

use elastimock::recording::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = Recording::import("f", text);
    let whole = [&br#"{"interactions":["#[..], text, br#"]}"#].concat();
    if let Ok(recording) = Recording::import("f", &whole) {
        let written = recording.to_text();
        let again = Recording::parse("again", written.as_bytes()).expect("what was written can be read");
        assert_eq!(again.interactions.len(), recording.interactions.len());
    }
});
