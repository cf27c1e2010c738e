//! What people give to the binary: packed, through a pipe, mistaken for something else, endless.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const RECORDING: &str = concat!(
    r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#,
    "\n",
    r#"{"seq":1,"at":"2031-05-01T10:00:00.001Z","operation":"connector.list","request":{"method":"GET","path":"/_connector"},"response":{"status":200}}"#,
    "\n",
);
const FIXTURE: &str = r#"{ "connectors": [ { "id": "crm" } ] }"#;
const ANSWER: &str = r#"{"count":1,"results":[{"id":"crm","configuration":{},"status":"created"}]}"#;
const HAR: &str = r#"{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[]}}"#;
const CASSETTE: &str =
    "interactions:\n- request:\n    uri: http://localhost\n  response:\n    status: 200\nversion: 1\n";
const PACT: &str = r#"{"consumer":{"name":"a"},"provider":{"name":"b"},"interactions":[]}"#;
const POSTMAN: &str = r#"{"info":{"_postman_id":"1","name":"n"},"item":[]}"#;

fn elastimock(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elastimock"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ELASTIMOCK_")) {
        command.env_remove(name);
    }
    command
}

/// The exit code, and what was told on stdout and stderr.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The same, with something on standard input; whoever does not read it all is not waited for.
fn run_with(words: &[&str], stdin: &[u8]) -> (Option<i32>, String, String) {
    let mut child = elastimock(words).stdin(Stdio::piped()).spawn().expect("the binary starts");
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("packed")
}

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect(name);
    path.display().to_string()
}

/// The commands that read a recording.
const READERS: [&[&str]; 3] = [&["judge"], &["coverage"], &["play", "--listen", "127.0.0.1:0"]];

#[test]
fn what_is_no_recording_is_told_in_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    for (name, text, told) in [
        (
            "crm.json",
            FIXTURE,
            "this is a fixture, not a recording; `elastimock serve --fixtures NAME` starts a server from it",
        ),
        (
            "answer.json",
            ANSWER,
            "this is a saved answer of Elasticsearch, not a recording; `elastimock serve --fixtures NAME` starts a server from it",
        ),
        ("x.har", HAR, "this is a HAR, a log of HTTP calls; only recordings of elastimock are read: "),
        ("cassette.yaml", CASSETTE, "this is a cassette, as VCR and vcrpy write it; only recordings"),
        ("pact.json", PACT, "this is a Pact, a contract of another tool; only recordings"),
        ("postman.json", POSTMAN, "this is a Postman collection; only recordings"),
    ] {
        for bytes in [text.as_bytes().to_vec(), packed(text)] {
            let name = write(&folder, name, bytes);
            let told = format!("error: {name}:1:1: {}", told.replace("NAME", &name));
            for reader in READERS {
                let (code, stdout, stderr) = run(elastimock(reader).arg(&name));
                assert_eq!((code, stdout.as_str()), (Some(2), ""), "{reader:?} {name}: {stderr}");
                assert!(stderr.starts_with(&told) && stderr.lines().count() == 1, "{reader:?} {name}: {stderr}");
            }
        }
    }
}

#[test]
fn what_is_no_fixture_is_told_in_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    for (name, text, told) in [
        (
            "story.ndjson",
            RECORDING,
            "this is a recording, not a fixture; `elastimock play NAME` answers from it, `elastimock judge NAME` judges it",
        ),
        (
            "x.har",
            HAR,
            "this is a HAR, a log of HTTP calls; a fixture holds connectors and sync jobs: save the answer of GET _connector, or write one",
        ),
        ("cassette.yaml", CASSETTE, "this is a cassette, as VCR and vcrpy write it; a fixture holds"),
        ("pact.json", PACT, "this is a Pact, a contract of another tool; a fixture holds"),
        ("postman.json", POSTMAN, "this is a Postman collection; a fixture holds"),
    ] {
        for bytes in [text.as_bytes().to_vec(), packed(text)] {
            let name = write(&folder, name, bytes);
            let told = format!("error: {name}:1:1: {}", told.replace("NAME", &name));
            let (code, stdout, stderr) =
                run(&mut elastimock(&["serve", "--listen", "127.0.0.1:0", "--fixtures", &name]));
            assert_eq!((code, stdout.as_str()), (Some(2), ""), "{name}: {stderr}");
            assert!(stderr.starts_with(&told) && stderr.lines().count() == 1, "{name}: {stderr}");
            // To check is to read as well: what is neither of the two is a mistake at its beginning.
            let (code, stdout, _) = run(&mut elastimock(&["lint", &name]));
            let is_ours = text == RECORDING;
            assert_eq!(code, Some(if is_ours { 0 } else { 2 }), "{name}: {stdout}");
            assert_eq!(stdout.contains("this is a"), !is_ours, "{name}: {stdout}");
        }
    }
}

#[test]
fn recordings_and_fixtures_are_read_from_a_pipe_and_packed() {
    let folder = TempDir::new().expect("a folder");
    let packed_recording = write(&folder, "story.ndjson", packed(RECORDING));
    for words in [&["judge"][..], &["coverage"], &["lint"]] {
        let by_name = run(elastimock(words).arg(&packed_recording));
        assert_eq!(by_name.0, Some(0), "{words:?}: {}", by_name.2);
        for stdin in [RECORDING.as_bytes().to_vec(), packed(RECORDING)] {
            let words = [words, &["-"]].concat();
            let piped = run_with(&words, &stdin);
            assert_eq!(
                (piped.0, &piped.1),
                (by_name.0, &by_name.1.replace(&packed_recording, "stdin")),
                "{words:?}: {}",
                piped.2
            );
        }
    }
    for stdin in [ANSWER.as_bytes().to_vec(), packed(FIXTURE), b"connectors:\n  - id: crm\n".to_vec()] {
        let (code, stdout, stderr) = run_with(&["lint", "-"], &stdin);
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    }
    let (code, _, stderr) = run_with(&["judge", "-"], FIXTURE.as_bytes());
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: stdin:1:1: this is a fixture, not a recording;"), "{stderr}");
    let (code, stdout, _) = run_with(&["lint", "-"], br#"{ "conectors": [] }"#);
    assert_eq!(code, Some(2));
    assert!(stdout.contains("stdin:1:3") && stdout.contains("did you mean `connectors`?"), "{stdout}");
    let (code, _, stderr) = run_with(&["judge", "-", "-"], RECORDING.as_bytes());
    assert_eq!((code, stderr.as_str()), (Some(2), "error: - is given twice\n"));
}

#[test]
fn what_has_no_end_is_told_and_not_read_for_ever() {
    let zero = Path::new("/dev/zero");
    if !zero.exists() {
        return;
    }
    for words in [
        &["judge", "/dev/zero"][..],
        &["lint", "/dev/zero"],
        &["play", "/dev/zero"],
        &["serve", "--fixtures", "/dev/zero"],
    ] {
        let (code, stdout, stderr) = run(&mut elastimock(words));
        assert_eq!(code, Some(2), "{words:?}: {stderr}");
        assert!(format!("{stdout}{stderr}").contains("this is no text but binary data"), "{words:?}: {stdout}{stderr}");
    }
    // The pipe is closed under whoever writes, because nobody reads on.
    let endless = "y\n".repeat(4_000_000);
    let (code, _, stderr) = run_with(&["judge", "-"], endless.as_bytes());
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: stdin:1:1: Unrecognized token 'y'"), "{stderr}");
}

#[test]
fn a_saved_answer_is_served() {
    let folder = TempDir::new().expect("a folder");
    let name = write(&folder, "answer.json", ANSWER.replace(r#""count":1"#, r#""count":3"#));
    // A port that cannot be had ends it at once, after the fixture was read.
    let (code, _, stderr) = run(&mut elastimock(&["serve", "--listen", "192.0.2.1:1", "--fixtures", &name]));
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr
            .starts_with(&format!("warning: {name}: the saved answer has 1 of 3 documents; ask with size=3 for all\n")),
        "{stderr}"
    );
}

#[test]
fn a_mistyped_variable_is_told_by_every_command() {
    let told =
        "warning: the variable ELASTIMOCK_FIXTURE is not known and has no effect; did you mean ELASTIMOCK_FIXTURES?\n";
    for words in [
        &["list"][..],
        &["explain"],
        &["schema", "fixture"],
        &["lint", "fixtures/clusters/default.json"],
        &["-q", "list"],
    ] {
        let (code, _, stderr) =
            run(elastimock(words).env("ELASTIMOCK_FIXTURE", "crm.json").env("ELASTIMOCK_SEED", "7"));
        assert_eq!(code, Some(0), "{words:?}: {stderr}");
        assert!(stderr.starts_with(told), "{words:?}: {stderr}");
    }
}

#[test]
fn our_own_schemas_are_printed() {
    for name in ["fixture", "recording"] {
        let (code, stdout, _) = run(&mut elastimock(&["schema", name]));
        let file = std::fs::read_to_string(crate::support::path(&format!("schemas/{name}.json"))).expect(name);
        assert_eq!((code, stdout.trim_end()), (Some(0), file.trim_end()));
    }
    let (code, _, stderr) = run(&mut elastimock(&["schema", "connector.claim"]));
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("there is no operation `connector.claim`; did you mean `connector.sync_job_claim`?"),
        "{stderr}"
    );
}

#[test]
fn lint_shows_no_secret_beside_a_mistake() {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in [
        (
            "one.json",
            r#"{ "connectors": [ { "id": "c", "satus": "created", "configuration": { "password": { "label": "P", "sensitive": true, "value": "hunter2" } } } ] }"#,
        ),
        (
            "behind.json",
            r#"{ "connectors": [ { "id": "c", "configuration": { "password": { "sensitive": true, "value": "hunter2" } }, "satus": "created" } ] }"#,
        ),
        ("secret.json", r#"{ "secrets": [ { "id": "s", "value": "hunter2", "vlaue": "x" } ] }"#),
        ("broken.json", r#"{ "secrets": [ { "id": "s", "value": "hunter2" ] }"#),
        ("token.json", r#"{ "secrets": [ { "id": "s", "value": hunter2 } ] }"#),
        ("flow.yaml", "secrets:\n  - { id: s, value: hunter2, vlaue: x }\n"),
        ("broken.yaml", "secrets:\n  - { id: s, value: hunter2 ]\n"),
        (
            "answer.json",
            r#"{ "results": [ { "id": "c", "satus": "x", "configuration": { "password": { "sensitive": true, "value": "hunter2" } } } ] }"#,
        ),
    ] {
        let name = write(&folder, name, text);
        for words in [&["lint"][..], &["--json", "lint"], &["serve", "--listen", "127.0.0.1:0", "--fixtures"]] {
            let (code, stdout, stderr) = run(elastimock(words).arg(&name));
            assert_eq!(code, Some(2), "{words:?} {name}: {stdout}{stderr}");
            assert!(!format!("{stdout}{stderr}").contains("hunter2"), "{words:?} {name}: {stdout}{stderr}");
        }
        let (_, stdout, _) = run(elastimock(&["lint"]).arg(&name));
        assert!((stdout.contains("<redact") || stdout.contains("...")) && stdout.contains('^'), "{name}: {stdout}");
    }
    // The pointer stands where it should, before a mask and behind one.
    let (_, stdout, _) = run(elastimock(&["lint"]).arg(folder.path().join("behind.json")));
    let lines: Vec<&str> = stdout.lines().collect();
    let source = lines.iter().position(|line| line.contains("satus\": ")).expect("the line");
    assert_eq!(lines[source].find("\"satus\""), lines[source + 1].find('^'), "{stdout}");
    // And what is said of it is the place in the file, not in the line as it is shown.
    let text = std::fs::read_to_string(folder.path().join("behind.json")).expect("a file");
    let column = text.find("\"satus\"").expect("the mistake") + 1;
    assert!(stdout.contains(&format!("behind.json:1:{column}\n")), "{stdout}");
}
