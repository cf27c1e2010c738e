//! The other calls of the protocol, and what is held: the figures of the gate, which has no time in them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Plan;
use crate::Result;
use crate::elastimock_contender::NAME;
use crate::report::{Report, Row, Unit};

/// A row a figure; none without valgrind.
pub fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    if !plan.names.contains(&NAME) {
        return Ok(());
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate/Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(manifest).args(["--", "--figures"]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the gate has given no figures".into());
    }
    for line in String::from_utf8(output.stdout)?.lines().filter(|line| !line.starts_with('#')) {
        let (name, figure) = line.split_once(' ').ok_or("a line without a figure")?;
        let unit = if name.starts_with("bytes") { Unit::Bytes } else { Unit::Count };
        report.row(Row::new(&name.replace('_', " "), unit).with(NAME, figure.parse()?));
    }
    Ok(())
}
