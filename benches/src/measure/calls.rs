//! The other calls of the protocol, what is held, how calls grow, and how long others wait for the lock: the
//! figures of the gate.

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
    // Times come last: of a server's life, and the longest holds of the lock.
    for wanted in ["--figures", "--times", "--holds"] {
        for (name, figure) in figures(wanted)? {
            let unit = match name.split_once('_').map(|(unit, _)| unit) {
                Some("bytes") => Unit::Bytes,
                Some("us") => Unit::Micros,
                _ => Unit::Count,
            };
            report.row(Row::new(&name.replace('_', " "), unit).with(NAME, figure));
        }
    }
    Ok(())
}

fn figures(wanted: &str) -> Result<Vec<(String, f64)>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate/Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(manifest).args(["--", wanted]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the gate has given no figures".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, figure) = line.split_once(' ').ok_or("a line without a figure")?;
            Ok((name.to_owned(), figure.parse()?))
        })
        .collect()
}
