//! Brings the specification to `target/spec/`: one `npm pack` and one `tar` per version.
//!
//! npm does the asking, so that whatever registry, proxy or cache it is set up with is used.

use crate::spec::{self, FILE, PACKAGE, VERSION_8, VERSION_9};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Brings both versions; one that is there already is left alone.
///
/// # Errors
/// If `npm` or `tar` is missing, or either fails; its own words are on standard error.
pub fn fetch(root: &Path) -> Result<(), String> {
    for version in [VERSION_9, VERSION_8] {
        let target = spec::shelf(root, version);
        if !target.exists() {
            fetch_one(version, &target)?;
        }
        println!("{}", target.display());
    }
    Ok(())
}

fn fetch_one(version: &str, target: &Path) -> Result<(), String> {
    let folder = target.parent().ok_or("the specification has no folder")?;
    let complaint = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(complaint)?;

    let package = format!("{PACKAGE}@{version}");
    run("npm", folder, [OsStr::new("pack"), OsStr::new("--silent"), OsStr::new(&package)])?;
    let tarball = std::fs::read_dir(folder)
        .map_err(complaint)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("tgz")))
        .ok_or_else(|| format!("npm pack {package} left no tarball in {}", folder.display()))?;

    let member = format!("package/{FILE}");
    run("tar", folder, [OsStr::new("-xzf"), tarball.as_os_str(), OsStr::new(&member)])?;
    // Into its place last, so that a file that lies there is a whole one.
    std::fs::rename(folder.join(&member), target).map_err(complaint)?;
    std::fs::remove_dir_all(folder.join("package")).map_err(complaint)?;
    std::fs::remove_file(&tarball).map_err(complaint)
}

fn run<const N: usize>(program: &str, folder: &Path, arguments: [&OsStr; N]) -> Result<(), String> {
    let status = Command::new(program).args(arguments).current_dir(folder).status().map_err(|error| {
        format!(
            "{program} is needed to bring the specification, and cannot be started: {error}\n\
                 Without it, unpack {PACKAGE} ({VERSION_9} and {VERSION_8}) by hand and name its \
                 {FILE} with --spec-9 and --spec-8."
        )
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} failed: {status}")),
    }
}
