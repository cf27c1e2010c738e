//! Whatever a recording says, it is read or refused with a place; what was read is written and read
//! again without a loss.
#![no_main]

use elastimock::recording::Recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(recording) = Recording::parse("recording.ndjson", text) {
        let written = recording.to_text();
        let again = Recording::parse("again.ndjson", written.as_bytes()).expect("what was written can be read");
        assert_eq!(again.interactions, recording.interactions);
    }
});
