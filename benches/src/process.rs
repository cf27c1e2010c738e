//! Contenders as child processes: built, started on their core, asked, and ended by their handle.

use crate::{Result, client, elastimock_contender, sys};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The programs that the driver runs, built before anything is measured.
pub struct Programs {
    /// `contender` in the release profile.
    pub release: PathBuf,
    /// `contender` in the dev profile.
    pub dev: PathBuf,
    /// The same with dependencies that are optimised, as the README advises.
    pub helped: PathBuf,
    /// `contender_counted` in the release profile.
    pub counted: PathBuf,
    /// elastimock's own binary.
    pub elastimock: Option<PathBuf>,
}

impl Programs {
    /// Builds those that the wanted parts need, with the cargo and the features that built the
    /// driver, beside the driver.
    pub fn build(wants: impl Fn(&str) -> bool) -> Result<Programs> {
        let driver = std::env::current_exe()?;
        let target = driver.ancestors().nth(2).ok_or("the driver is not in a target directory")?;
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let helped = target.join("helped");
        let build = |target: &Path, arguments: &[&str]| {
            let mut command = Command::new(&cargo);
            let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
            command.args(["build", "--manifest-path", manifest, "--target-dir"]);
            command.arg(target).args(arguments);
            if cfg!(feature = "elastimock") {
                command.args(["--features", elastimock_contender::NAME]);
            }
            succeed(command)
        };
        build(target, &["--release", "--bin", "contender"])?;
        if ["start", "crowd", "kept"].into_iter().any(&wants) {
            build(target, &["--release", "--bin", "contender_counted"])?;
        }
        if ["dev", "dev_instructions"].into_iter().any(&wants) {
            build(target, &["--bin", "contender"])?;
        }
        if wants("helped_instructions") {
            build(&helped, &["--bin", "contender", "--config", r#"profile.dev.package."*".opt-level=2"#])?;
        }
        let mut elastimock = None;
        if cfg!(feature = "elastimock") && ["exec", "judged"].into_iter().any(&wants) {
            let (command, binary) = elastimock_contender::build_binary(&cargo, target);
            succeed(command)?;
            elastimock = Some(binary);
        }
        Ok(Programs {
            release: target.join("release/contender"),
            dev: target.join("debug/contender"),
            helped: helped.join("debug/contender"),
            counted: target.join("release/contender_counted"),
            elastimock,
        })
    }
}

fn succeed(mut command: Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// Time for a server to start, also under valgrind and with a large fixture.
const SILENCE_MS_MAX: i32 = 120_000;

/// A server in a process of its own.
pub struct Running {
    child: Child,
    /// Its first line: at least `url`.
    pub hello: Value,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Running {
    /// Starts `command` on `cores` and waits until it has told its URL.
    pub fn start(mut command: Command, cores: &[usize]) -> Result<Running> {
        sys::pin_child(&mut command, cores.to_vec());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).env("HTTPMOCK_MAX_SERVERS", "1000");
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        // From here on the handle ends the child, whatever goes wrong.
        let mut running = Running { child, hello: Value::Null, address: SocketAddr::from(([0; 4], 0)) };
        let mut line = String::new();
        if let Some(stdout) = running.child.stdout.take() {
            if !sys::is_readable_within(&stdout, SILENCE_MS_MAX)? {
                return Err(format!("{command:?} has not told its URL").into());
            }
            BufReader::new(stdout).read_line(&mut line)?;
        }
        running.hello =
            serde_json::from_str(&line).map_err(|_| format!("{command:?} started with {line:?} instead of its URL"))?;
        let url = running.hello["url"].as_str().ok_or("no url in the first line")?;
        running.address = client::address(url)?;
        Ok(running)
    }

    /// The URL it told.
    pub fn url(&self) -> &str {
        self.hello["url"].as_str().unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        Ok(sys::cpu_time(self.id())?)
    }

    /// Lets it end by itself: what it writes on the way out is complete afterwards.
    pub fn finish(mut self) -> Result<()> {
        self.wait_for_end(Duration::from_secs(30))
            .then_some(())
            .ok_or_else(|| "a contender did not end when its standard input closed".into())
    }

    fn wait_for_end(&mut self, patience: Duration) -> bool {
        drop(self.child.stdin.take());
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            sys::pause(Duration::from_millis(2));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // elastimock's binary does not watch its standard input: it is ended by the handle.
        if !self.wait_for_end(Duration::from_millis(20)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `contender NAME VERB COUNT`.
pub fn contender(program: &Path, name: &str, verb: &str, count: usize) -> Command {
    let mut command = Command::new(program);
    command.args([name, verb]).arg(count.to_string());
    command
}

/// Runs an experiment to its end, on all cores as a test would, and reads its line of JSON.
pub fn experiment(mut command: Command, cores: &[usize]) -> Result<Value> {
    const PATIENCE: Duration = Duration::from_secs(60);
    sys::pin_child(&mut command, cores.to_vec());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).env("HTTPMOCK_MAX_SERVERS", "1000");
    let mut child = command.spawn()?;
    let begin = Instant::now();
    // One short line fits into the pipe: nobody has to read it before the child ends.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(format!("{command:?} took more than {PATIENCE:?}").into());
        }
        sys::pause(Duration::from_millis(5));
    };
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    let stdout = child.stdout.take().ok_or("no standard output")?;
    Ok(serde_json::from_str(&std::io::read_to_string(stdout)?)?)
}
