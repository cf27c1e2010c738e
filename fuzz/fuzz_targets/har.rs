//! An entry of a HAR, whatever it says: it is read or refused with a place, and what was read can be written.
#![no_main]

use elastimock::recording::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let whole = [&br#"{"log":{"entries":["#[..], text, br#"]}}"#].concat();
    if let Ok(recording) = Recording::import("f", &whole) {
        let written = recording.to_text();
        let again = Recording::parse("again", written.as_bytes()).expect("what was written can be read");
        assert_eq!(again.interactions.len(), recording.interactions.len());
    }
});
