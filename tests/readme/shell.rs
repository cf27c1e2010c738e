//! A folder with what the README's commands find in theirs, and a shell that runs them there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use elastimock::MockServer;
use tempfile::TempDir;

use crate::pages;

/// The worker of the README's CI script: it finds the pending job, claims it, and says that it is alive.
const MY_WORKER: &str = r#"#!/usr/bin/env bash
set -euo pipefail
curl "$1/_connector/_sync_job?status=pending"
curl -X PUT "$1/_connector/_sync_job/job-1/_claim" -H 'content-type: application/json' -d '{"worker_hostname":"w-1"}'
curl -X PUT "$1/_connector/_sync_job/job-1/_check_in"
"#;

/// `elastimock` as the scripts call it: what waits for the usual port waits for the one that was given.
const ELASTIMOCK: &str = r#"#!/usr/bin/env bash
[ "$*" = wait ] && set -- wait --url "$MOCK_URL"
exec "$MOCK_BINARY" "$@"
"#;

pub struct Shell {
    folder: TempDir,
    port: u16,
}

impl Shell {
    pub fn new() -> Result<Shell, String> {
        let shell = Shell { folder: TempDir::new().map_err(|error| error.to_string())?, port: free_port() };
        shell.write("crm.json", &pages::fixture().text)?;
        shell.write("empty.json", r#"{ "connectors": [] }"#)?;
        // An answer of the server that is no success fails the script.
        shell.write(".curlrc", "fail-with-body\nsilent\nshow-error\n")?;
        shell.program("my-worker", MY_WORKER)?;
        fs::create_dir(shell.path("bin")).map_err(|error| error.to_string())?;
        shell.program("bin/elastimock", ELASTIMOCK)?;
        Ok(shell)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.path(name), text).map_err(|error| format!("{name}: {error}"))
    }

    fn program(&self, name: &str, text: &str) -> Result<(), String> {
        self.write(name, text)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let all = fs::Permissions::from_mode(0o755);
            fs::set_permissions(self.path(name), all).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// A mock at the port that the scripts call.
    pub fn server(&self) -> Result<MockServer, String> {
        let address: SocketAddr = ([127, 0, 0, 1], self.port).into();
        MockServer::builder().seed(7).listen(address).start_blocking().map_err(|error| error.to_string())
    }

    /// Runs a block, after what the text around it says happened before.
    pub fn run(&self, before: &str, block: &str) -> Result<(), String> {
        let has_its_own = block.lines().any(|line| starts_server(line).is_some() || line.starts_with("elastimock run"));
        // Before there is a server at the port.
        if ["play ", "verify ", "judge story"].iter().any(|command| block.contains(command)) {
            self.record_a_story()?;
        }
        let _server = (!has_its_own).then(|| self.server()).transpose()?;
        // A block may fetch from an Elasticsearch and serve what it has fetched.
        let other = block.contains("ELASTICSEARCH_URL").then(|| MockServer::builder().seed(8).start_blocking());
        let other = other.transpose().map_err(|error| error.to_string())?;
        let before = match &other {
            Some(other) => format!("export ELASTICSEARCH_URL={}\n{before}", other.url()),
            None => before.to_owned(),
        };
        self.output(&format!("{before}\n{}", in_order(block))).map(|_| ())
    }

    /// The recording that a block plays, verifies or judges: the worker's calls.
    fn record_a_story(&self) -> Result<(), String> {
        self.output(&in_order("elastimock serve --fixtures crm.json --record story.ndjson")).map(|_| ())
    }

    /// Runs a script to its end and returns what it prints.
    pub fn output(&self, script: &str) -> Result<String, String> {
        let script = script.replace("9200", &self.port.to_string());
        let script = script.replace("/tmp/", &format!("{}/", self.folder.path().display()));
        let begin = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n";
        let output = self.command("bash", &["-c", &format!("{begin}{script}")]).output().map_err(|e| e.to_string())?;
        let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.success() {
            true => Ok(told.into_owned()),
            false => Err(format!("{}:\n{script}\n── stdout\n{told}\n── stderr\n{complained}", output.status)),
        }
    }

    /// What the binary prints until it is ready.
    pub fn told_at_the_start(&self, arguments: &str) -> Result<String, String> {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let program = env!("CARGO_BIN_EXE_elastimock");
        let mut child = self.command(program, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.as_mut().map_err(|error| error.to_string())?;
        let mut told = String::new();
        let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let mut stdout = BufReader::new(stdout);
        stdout.read_line(&mut told).map_err(|error| error.to_string())?;
        // The rest stands on either of the two, up to the line that says how to stop it.
        let mut lines = BufReader::new(stderr).lines();
        let mut rest = String::new();
        let mut said_all = false;
        for line in lines.by_ref().map_while(Result::ok) {
            said_all = line.starts_with("Ctrl-C");
            rest.push_str(&format!("{line}\n"));
            if said_all {
                break;
            }
        }
        child.kill().map_err(|error| error.to_string())?;
        child.wait().map_err(|error| error.to_string())?;
        if !said_all {
            stdout.read_to_string(&mut rest).map_err(|error| error.to_string())?;
        }
        Ok(format!("{told}{rest}"))
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let url = format!("http://127.0.0.1:{}", self.port);
        let mut path = std::ffi::OsString::from(self.path("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PATH", path).env("NO_COLOR", "1");
        command.env("ELASTIMOCK_LISTEN", format!("127.0.0.1:{}", self.port));
        command.env("MOCK_BINARY", Path::new(env!("CARGO_BIN_EXE_elastimock"))).env("MOCK_URL", url);
        command.env_remove("http_proxy").env_remove("HTTP_PROXY").env("no_proxy", "127.0.0.1");
        command
    }
}

/// Whether a line of a script starts a server, and whether in the foreground.
fn starts_server(line: &str) -> Option<bool> {
    let starts = ["elastimock serve", "elastimock play"].iter().any(|start| line.starts_with(start));
    starts.then(|| !line.trim_end().ends_with('&'))
}

/// A script whose servers in the foreground are stopped as by Ctrl-C once a worker has done its work.
fn in_order(script: &str) -> String {
    let mut lines = Vec::new();
    for line in script.lines() {
        if starts_server(line) == Some(true) {
            let has_job = line.contains("crm.json") || line.contains(" play ");
            lines.push(format!("{line} &"));
            lines.push("_server=$!; elastimock wait --url \"$MOCK_URL\" > /dev/null".to_owned());
            lines.push(if has_job { "./my-worker \"$MOCK_URL\"" } else { "" }.to_owned());
            lines.push("kill -INT $_server; wait $_server".to_owned());
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

/// A port that is free now and that the system gives to nobody who asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 11_000 + (std::process::id() % 20_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A text without what differs from run to run: the port, the seed, ends of lines.
pub fn normal(text: &str) -> String {
    let mut told = String::new();
    for line in text.trim_end().lines() {
        let mut rest = line;
        while let Some((before, behind)) = ["127.0.0.1:", "seed "].iter().find_map(|word| {
            let (before, behind) = rest.split_once(word)?;
            behind.starts_with(|c: char| c.is_ascii_digit()).then(|| (format!("{before}{word}"), behind))
        }) {
            told.push_str(&before);
            told.push('N');
            rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        told.push_str(rest.trim_end());
        told.push('\n');
    }
    told
}
