//! `elastimock show`: recordings as their transcripts.

use serde_json::{Value, json};

use super::args::Show;
use super::console::{CommandError, Console, Exit};
use super::recordings;

/// Prints the transcript of each recording: YAML, or JSON with `--json`.
pub(crate) fn run(show: &Show, console: &Console) -> Result<Exit, CommandError> {
    let mut shown: Vec<(String, Value)> = Vec::new();
    for path in &show.recordings {
        let (recording, read) = recordings::read_one(path, console)?;
        let transcript = recording.transcript();
        let transcript = if show.whole { transcript.whole() } else { transcript };
        shown.push((read.name, transcript.to_value()));
    }
    match shown.as_slice() {
        [(_, transcript)] if console.json() => console.json_line(transcript)?,
        [(_, transcript)] => console.result(yaml(transcript)?.trim_end())?,
        several if console.json() => {
            let one = |(name, transcript): &(String, Value)| json!({ "recording": name, "transcript": transcript });
            console.json_line(&several.iter().map(one).collect())?;
        }
        several => {
            for (name, transcript) in several {
                // A comment: whoever reads the stream has the documents one after the other.
                console.result(&format!("--- # {}\n{}", name.escape_debug(), yaml(transcript)?.trim_end()))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// A transcript as snapshots of `insta` have it.
fn yaml(transcript: &Value) -> Result<String, CommandError> {
    let options = serde_saphyr::ser_options! { compact_list_indent: false, prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(transcript, options)
        .map_err(|error| CommandError::input(format!("cannot be shown as YAML: {error}; --json shows it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::recording::Recording;

    #[test]
    fn what_is_shown_is_yaml_and_says_what_the_json_says() {
        for file in ["full_sync", "claim_story", "cut_off"] {
            let path = format!("{}/fixtures/recordings/{file}.ndjson", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read(path).expect("a recording");
            let transcript = Recording::parse(file, &text).expect("a recording").transcript();
            for transcript in [transcript.clone(), transcript.whole()] {
                let value = transcript.to_value();
                let read: Value = serde_saphyr::from_str(&yaml(&value).expect("YAML")).expect("YAML");
                assert_eq!(read, value, "{file}");
            }
        }
    }
}
