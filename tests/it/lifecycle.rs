//! How the binary's server lives and ends: its port file, its parents, its signals, and the recording and
//! the streams that it depends on, when they are missing, full, stuck or another's.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use elastimock::recording::Recording;

use crate::cli::{CLAIM, PATIENCE, Server, Told, WORKER, begin_claim, elastimock, folder, json, run, write};
use crate::support::Client;

/// A fixture that makes a short header.
const SMALL: &str = r#"{ "connectors": [ { "id": "crm" } ] }"#;

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn mkfifo(path: &str) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: it never came");
        std::thread::yield_now();
    }
}

fn recorded(path: &str) -> usize {
    let recording = Recording::parse(path, &fs::read(path).expect("the recording"));
    recording.unwrap_or_else(|error| panic!("{error}")).interactions.len()
}

// ── the port file ─────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_port_file_is_there_while_the_port_is_open() {
    let folder = folder();
    let file = write(&folder, "port", "1\n");
    let server = Server::start(&["serve", "--port-file", &file]);
    assert_eq!(text(&file), format!("{}\n", server.address.port()));
    let mut client = begin_claim(&server);
    server.signal("TERM");
    server.stderr_until("stopping");
    eventually("the file is removed before calls in flight are answered", || !Path::new(&file).exists());
    client.write_raw(WORKER.as_bytes());
    assert_eq!(client.read(false).status, 200);
    server.wait();
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is left");

    // What another server has written there is its own.
    let server = Server::start(&["serve", "--port-file", &file]);
    fs::write(&file, "9200\n").expect("a file");
    server.stop();
    assert_eq!(text(&file), "9200\n");
}

#[test]
fn wait_finds_a_server_by_its_port_file() {
    let folder = folder();
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    for left_over in [None, Some(format!("{dead}\n")), Some(String::new()), Some("no number".to_owned())] {
        let file = folder.path().join("port");
        if let Some(text) = &left_over {
            fs::write(&file, text).expect("a file");
        }
        let name = file.display().to_string();
        let mut waiting = elastimock(&["wait", "-v", "--port-file", &name, "--timeout", "30s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut seen = String::new();
        BufReader::new(waiting.stderr.take().expect("a pipe")).read_line(&mut seen).expect("what it sees first");
        assert!(seen.starts_with(&name), "{seen}");
        let server = Server::start(&["serve", "--port-file", &name]);
        let told = Told::from(waiting.wait_with_output().expect("an end"));
        assert_eq!((told.code, told.stdout), (Some(0), format!("{}\n", server.url())), "{left_over:?}");
        server.stop();
    }
    let name = folder.path().join("nothing").display().to_string();
    let told = run(&["wait", "--port-file", &name, "--timeout", "0s"]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.starts_with(&format!("error: {name} was not ready after 0ns; seen last: ")), "{}", told.stderr);
    assert_eq!(run(&["wait", "--port-file", &name, "--url", "http://127.0.0.1:1"]).code, Some(2));
    let server = Server::spawn(&mut elastimock(&["serve", "--listen", "[::1]:0", "--port-file", &name]));
    assert_eq!(run(&["wait", "--port-file", &name]).stdout, format!("{}\n", server.url()));
}

#[test]
fn a_start_that_fails_costs_no_older_recording() {
    let folder = folder();
    let story = write(&folder, "story.ndjson", "an older run's\n");
    let nowhere = folder.path().join("no/such/folder/file").display().to_string();
    let place = folder.path().display().to_string();
    for words in [
        &["--port-file", &nowhere][..],
        &["--port-file", &place],
        &["--listen", "192.0.2.1:1"],
        &["--report", &format!("json={nowhere}")],
        &["--fixtures", &nowhere],
        &["--allow-host", "http://mock"],
        &["--es-version", "8.1.0"],
    ] {
        let told = run(&[&["serve", "--listen", "127.0.0.1:0", "--record", &story][..], words].concat());
        assert!(matches!(told.code, Some(2 | 3)), "{words:?}: {}", told.stderr);
        assert_eq!(text(&story), "an older run's\n", "{words:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left");
}

// ── parents ───────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_server_may_end_with_its_standard_input() {
    let folder = folder();
    let report = folder.path().join("report.json").display().to_string();
    for variable in [false, true] {
        let mut command = elastimock(&["serve", "--listen", "127.0.0.1:0", "--report", &format!("json={report}")]);
        if variable {
            command.env("ELASTIMOCK_EXIT_WITH_STDIN", "true");
        } else {
            command.arg("--exit-with-stdin");
        }
        let mut server = Server::spawn(command.stdin(Stdio::piped()));
        assert_eq!(server.send("PUT", CLAIM, r#"{"worker_hostname":""}"#).status, 200);
        let mut stdin = server.child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, b"what is said there does not count\n").expect("it is read");
        assert_eq!(server.send("GET", "/", "").status, 200);
        drop(stdin);
        let (status, told) = server.wait();
        assert_eq!(status.code(), Some(1), "{}", told.stderr);
        assert!(told.stderr.contains("stopping, because standard input has ended"), "{}", told.stderr);
        assert!(text(&report).contains("blank-worker-hostname"));
    }
    let ends_at_once = Server::start(&["play", &write(&folder, "story.ndjson", STORY), "--exit-with-stdin"]);
    assert_eq!(ends_at_once.wait().0.code(), Some(0));
}

const STORY: &str = concat!(
    r#"{"elastimock_recording":1,"elastimock":"0.1.0","profile":"9","seed":7,"started_at":"2031-05-01T10:00:00.000Z","state":{}}"#,
    "\n"
);

fn other_process() -> Child {
    Command::new("sleep").arg("1000").spawn().expect("sleep starts")
}

#[test]
fn a_server_may_end_with_another_process() {
    let story = folder();
    let story = write(&story, "story.ndjson", STORY);
    for (words, is_reaped) in [(&["serve"][..], true), (&["play", &story], false)] {
        let mut other = other_process();
        let pid = other.id().to_string();
        let server = Server::start(&[words, &["--exit-with-pid", &pid]].concat());
        assert_eq!(server.send("GET", "/_elastimock/health", "").status, 200);
        other.kill().expect("SIGKILL");
        if is_reaped {
            other.wait().expect("an end");
        }
        let (status, told) = server.wait();
        assert_eq!(status.code(), Some(0), "{}", told.stderr);
        assert!(told.stderr.contains(&format!("stopping, because process {pid} is gone")), "{}", told.stderr);
        // One that is gone before it starts.
        other.wait().expect("an end");
        let server =
            Server::spawn(elastimock(&["serve", "--listen", "127.0.0.1:0"]).env("ELASTIMOCK_EXIT_WITH_PID", &pid));
        assert_eq!(server.wait().0.code(), Some(0));
    }
    assert_eq!(run(&["serve", "--exit-with-pid", "0"]).code, Some(2));
    assert_eq!(run(&["serve", "--exit-with-pid", "mine"]).code, Some(2));
}

// ── signals ───────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_hangup_ends_a_server_in_order() {
    let folder = folder();
    let report = folder.path().join("report.json").display().to_string();
    let server = Server::start(&["serve", "--report", &format!("json={report}")]);
    server.send("PUT", CLAIM, r#"{"worker_hostname":""}"#);
    server.signal("HUP");
    let (status, told) = server.wait();
    assert_eq!(status.code(), Some(1), "{}", told.stderr);
    assert!(text(&report).contains("blank-worker-hostname"));

    let server = Server::start(&["serve"]);
    let _never_ends = begin_claim(&server);
    server.signal("TERM");
    server.stderr_until("stopping");
    server.signal("HUP");
    assert_eq!(server.wait().0.code(), Some(129));
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_to_survive_its_terminal_does() {
    let mut command = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_elastimock");
    command.args(["-c", &format!("trap '' HUP; exec {binary} serve --listen 127.0.0.1:0")]).stdin(Stdio::null());
    let server = Server::spawn(&mut command);
    server.signal("HUP");
    assert_eq!(server.send("GET", "/", "").status, 200);
    let told = server.stop();
    assert!(told.stderr.contains("stopping;"), "{}", told.stderr);
}

#[test]
fn a_server_ends_though_nobody_reads_what_it_tells() {
    let folder = folder();
    let report = folder.path().join("report.json").display().to_string();
    let mut child = elastimock(&["serve", "--listen", "127.0.0.1:0", "-vv", "--report", &format!("json={report}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut ready = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut ready).expect("a ready line");
    let address = ready.trim().strip_prefix("elastimock listening on http://").expect("an address");
    let mut client = Client::connect(address.parse().expect("an address"));
    let body = format!(r#"{{"worker_hostname":"","sync_cursor":{{"page":"{}"}}}}"#, "p".repeat(1500));
    for _ in 0..300 {
        let claim = crate::support::request("PUT", CLAIM, &[("content-type", "application/json")], &body);
        assert_eq!(client.send(&claim).status, 200);
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill starts").success());
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("its state") {
            break status;
        }
        assert!(Instant::now() < until, "SIGTERM does not end it");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(1));
    assert_eq!(json(&text(&report))["calls"], 300);
}

// ── recordings ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn two_servers_do_not_record_to_one_file() {
    let folder = folder();
    let story = folder.path().join("story.ndjson").display().to_string();
    let first = Server::start(&["serve", "--record", &story]);
    first.send("GET", "/_connector", "");
    let told = run(&["serve", "--listen", "127.0.0.1:0", "--record", &story]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.contains(" is recording to it; give this one a file of its own"), "{}", told.stderr);
    if cfg!(target_os = "linux") {
        assert!(told.stderr.contains(&format!("another server, process {},", first.child.id())), "{}", told.stderr);
    }
    first.send("GET", "/_connector", "");
    assert_eq!(first.stop().code, Some(0));
    assert_eq!(recorded(&story), 2);
    let server = Server::start(&["serve", "--record", &story]);
    server.send("GET", "/_connector", "");
    server.stop();
    assert_eq!(recorded(&story), 1, "the next one begins anew");
}

#[test]
fn a_pipe_that_nobody_reads_is_refused_as_a_recording() {
    let folder = folder();
    let pipe = folder.path().join("pipe").display().to_string();
    mkfifo(&pipe);
    let told = run(&["serve", "--listen", "127.0.0.1:0", "--record", &pipe]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(told.stderr.contains("start its reader first"), "{}", told.stderr);
    let told = run(&["serve", "--listen", "127.0.0.1:0", "--port-file", &pipe]);
    assert_eq!(told.code, Some(3), "{}", told.stderr);
    assert!(Path::new(&pipe).exists());
}

#[test]
fn a_recording_that_is_stuck_holds_up_neither_calls_nor_the_end() {
    let folder = folder();
    let pipe = folder.path().join("pipe").display().to_string();
    let report = folder.path().join("report.sarif").display().to_string();
    mkfifo(&pipe);
    let opening = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::File::open(pipe).expect("the pipe")
    });
    let server = Server::start(&["serve", "--record", &pipe, "--report", &format!("sarif={report}")]);
    let reader = opening.join().expect("the reader");
    // A pipe takes 64 KiB; after that nothing moves.
    let body = format!(r#"{{"worker_hostname":"w-1","sync_cursor":{{"page":"{}"}}}}"#, "p".repeat(2000));
    for _ in 0..100 {
        assert_eq!(server.send("PUT", CLAIM, &body).status, 200);
    }
    let warned = server.stderr_until("is written slowly");
    assert!(warned.contains(&format!("warning: the recording {pipe} is written slowly")), "{warned}");
    let troubles = server.send("GET", "/_elastimock/health", "").json()["troubles"].clone();
    assert!(troubles[0].as_str().is_some_and(|text| text.contains("is written slowly")), "{troubles}");

    server.signal("TERM");
    let (status, told) = server.wait();
    assert_eq!(status.code(), Some(3));
    assert!(told.stderr.contains("lines are not written"), "{}", told.stderr);
    assert!(Path::new(&report).exists());
    drop(reader);

    // Where somebody reads in the end, nothing is missing.
    let opening = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::File::open(pipe).expect("the pipe")
    });
    let server = Server::start(&["serve", "--record", &pipe]);
    let mut reader = opening.join().expect("the reader");
    for _ in 0..100 {
        assert_eq!(server.send("PUT", CLAIM, &body).status, 200);
    }
    server.signal("TERM");
    let mut whole = String::new();
    reader.read_to_string(&mut whole).expect("all of it");
    assert_eq!(server.wait().0.code(), Some(1));
    assert_eq!(whole.lines().count(), 101);
}

#[test]
fn a_recording_that_cannot_go_on_is_told_at_once() {
    let folder = folder();
    let story = folder.path().join("story.ndjson").display().to_string();
    let fixture = write(&folder, "crm.json", SMALL);
    let binary = env!("CARGO_BIN_EXE_elastimock");
    let mut command = Command::new("sh");
    // As on a full disk: no file may grow beyond 8 blocks.
    let line = format!(
        "trap '' XFSZ; ulimit -f 8; exec {binary} serve --listen 127.0.0.1:0 --fixtures {fixture} --record {story}"
    );
    let server = Server::spawn(command.args(["-c", &line]).stdin(Stdio::null()));
    for _ in 0..100 {
        assert_eq!(server.send("GET", "/_connector", "").status, 200);
    }
    let told = server.stderr_until("cannot go on writing");
    assert!(told.contains(&format!("warning: cannot go on writing the recording {story}: ")), "{told}");
    assert!(told.ends_with("later calls are not recorded\n"), "{told}");
    let health = server.send("GET", "/_elastimock/health", "").json();
    assert_eq!(health["status"], "ready");
    assert!(health["troubles"][0].as_str().is_some_and(|text| text.starts_with("cannot go on writing")), "{health}");
    let told = server.stop();
    assert_eq!(told.code, Some(3), "{}", told.stderr);
    assert!((1..100).contains(&recorded(&story)));
}

#[test]
fn a_call_with_too_large_a_body_is_recorded_too() {
    let folder = folder();
    let story = folder.path().join("story.ndjson").display().to_string();
    let server = Server::start(&["serve", "--record", &story, "--body-max", "100"]);
    assert_eq!(server.send("PUT", CLAIM, &format!(r#"{{"worker_hostname":"{}"}}"#, "w".repeat(200))).status, 413);
    assert_eq!(server.stop().code, Some(1));
    assert_eq!(run(&["judge", &story]).code, Some(1), "offline as on the server");
    assert_eq!(recorded(&story), 1);
}

// ── surroundings ──────────────────────────────────────────────────────────────────────────────────

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_had_no_file_descriptor_left_hears_again() {
    let server = Server::start(&["serve"]);
    let pid = server.child.id();
    let limit = |number: usize| {
        let set = Command::new("prlimit").args([&format!("--pid={pid}"), &format!("--nofile={number}:4096")]).status();
        assert!(set.expect("prlimit, of util-linux, starts").success());
    };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count();
    limit(open);
    let mut waiting = Client::connect(server.address);
    waiting.write_raw(b"GET /_connector HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // No connection of its own ends here; what becomes free is elsewhere.
    limit(4096);
    assert_eq!(waiting.read(false).status, 200);
    assert_eq!(server.send("GET", "/_connector", "").status, 200);
}

#[test]
fn an_address_that_others_reach_is_warned_of() {
    let warning = "can be reached from other machines";
    let server = Server::spawn(&mut elastimock(&["serve", "--listen", "0.0.0.0:0"]));
    let told = server.stop().stderr;
    assert!(told.starts_with("warning: 0.0.0.0:") && told.contains(warning), "{told}");
    assert!(!Server::start(&["serve"]).stop().stderr.contains(warning));
    let quiet = Server::spawn(&mut elastimock(&["serve", "-q", "--listen", "0.0.0.0:0"]));
    assert_eq!(quiet.stop().stderr, "");
}

#[test]
fn a_call_that_is_kept_away_is_told_once() {
    let server = Server::start(&["serve", "--allow-host", "elasticsearch,es.test"]);
    let ask = |host: &str| {
        let request = crate::support::request("GET", "/_connector", &[("host", host)], "");
        Client::connect(server.address).send(&request).status
    };
    assert_eq!([ask("elasticsearch:9200"), ask("es.test")], [200, 200]);
    assert_eq!([ask("evil.example"), ask("evil.example")], [403, 403]);
    let told = server.stop().stderr;
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("with 403")).collect();
    assert_eq!(lines.len(), 1, "{told}");
    assert!(
        lines[0].starts_with("warning: a call was refused with 403: the call is for host [evil.example]"),
        "{told}"
    );
    assert!(told.ends_with("2 calls: no findings\n"), "{told}");
    // To a resolver a number is an address, to the mock a foreign name.
    let server = Server::start(&["serve"]);
    let url = format!("http://2130706433:{}", server.address.port());
    let told = run(&["wait", "--timeout", "0s", "--url", &url]);
    assert!(told.stderr.contains("seen last: status 403: the call is for host [2130706433]"), "{}", told.stderr);
    let told = run(&["serve", "--allow-host", "http://mock:9200"]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("without scheme and port"), "{}", told.stderr);
}
