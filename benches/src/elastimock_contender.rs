//! Everything in this crate that knows elastimock: how its server is started in process, how its
//! binary is built and run, and what it is asked about itself.

use crate::Result;
use crate::client;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name under which it runs.
pub const NAME: &str = "elastimock";

/// Starts a server in this process: state, journal, schema check and judgement as by default.
#[cfg(feature = "elastimock")]
pub fn start(setup: &crate::contender::Setup) -> Result<Box<dyn crate::contender::Server>> {
    let fixture = elastimock::Fixture::from_json(&setup.fixture)?;
    let server = elastimock::MockServer::builder().fixture(fixture).start_blocking()?;
    Ok(Box::new(InProcess(server)))
}

#[cfg(feature = "elastimock")]
struct InProcess(elastimock::MockServer);

#[cfg(feature = "elastimock")]
impl crate::contender::Server for InProcess {
    fn url(&self) -> String {
        self.0.url().to_string()
    }
}

/// How to build the binary, and where it will be; with its own manifest, profile and lock file.
pub fn build_binary(cargo: &str, target: &Path) -> (Command, PathBuf) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--features", "cli", "--bin", NAME])
        .args(["--manifest-path", manifest])
        .arg("--target-dir")
        .arg(target);
    (command, target.join("release").join(NAME))
}

/// How to run the binary. Its first line on stdout is JSON with the `url`.
pub fn run_binary(binary: &Path, fixture: &Path) -> Command {
    let mut command = Command::new(binary);
    command.args(["serve", "--listen", "127.0.0.1:0", "--json", "--fixtures"]).arg(fixture);
    command
}

/// How many findings the server has, by severity: a load that is meant to be blameless has none.
pub fn findings(url: &str) -> Result<String> {
    let address = client::address(url)?;
    let request = format!("GET /_elastimock/findings HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let body: serde_json::Value = serde_json::from_slice(&client::call(address, request.as_bytes())?)?;
    Ok(body["counts"].to_string())
}
