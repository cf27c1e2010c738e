//! The packages for Python and JavaScript: made from the binary at hand, installed as a user would, and tried by their
//! own tests. `packages/prepare` installs what that needs; in CI it is run from here, and nothing may lack.

#[path = "../harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Failed, Trial};

const PYTHON: &str = "target/packages/python";
const JAVASCRIPT: &str = "target/packages/javascript";

fn main() -> ExitCode {
    let is_ready = |folder: &str| path(folder).join("ready").is_file();
    if harness::is_ci() && !harness::is_listing() && !(is_ready(PYTHON) && is_ready(JAVASCRIPT)) {
        // What it cannot install it says itself, and the tests below fail.
        let _ = Command::new(path("packages/prepare")).status();
    }
    let mut trials = vec![Trial::test("every package has the version of the crate", versions_agree)];
    let languages: [(&str, &str, fn() -> Result<(), Failed>); 2] =
        [("the wheel of Python", PYTHON, python), ("the packages of npm", JAVASCRIPT, javascript)];
    for (name, folder, test) in languages {
        trials.push(match is_ready(folder) {
            true => Trial::test(name, test),
            false => harness::missing(name, "its tools are not installed: run packages/prepare"),
        });
    }
    harness::run(trials)
}

fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Runs a program to its end; what it says fails the test if it fails.
fn run(command: &mut Command) -> Result<String, Failed> {
    // What is set here is not for the servers of their tests.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ELASTIMOCK_")) {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(told.into_owned()),
        false => Err(format!("{command:?}: {}\n{told}\n{complained}", output.status).into()),
    }
}

fn versions_agree() -> Result<(), Failed> {
    let version = env!("CARGO_PKG_VERSION");
    for (file, lines) in [
        (
            "packages/javascript/package.json",
            vec![
                format!("  \"version\": \"{version}\","),
                format!("  \"optionalDependencies\": {{ \"@elastimock/linux-x64\": \"{version}\" }},"),
            ],
        ),
        ("packages/javascript/linux-x64/package.json", vec![format!("  \"version\": \"{version}\",")]),
        // It takes the crate's.
        ("packages/python/pyproject.toml", vec!["dynamic = [\"version\"]".to_owned()]),
    ] {
        let text = std::fs::read_to_string(path(file))?;
        for line in lines.iter().filter(|line| !text.lines().any(|there| there == *line)) {
            return Err(format!("{file} has no line `{line}`").into());
        }
    }
    Ok(())
}

/// The wheel is made by maturin from what cargo has built, and installed by pip.
fn python() -> Result<(), Failed> {
    let program = |name: &str| Command::new(path(PYTHON).join("bin").join(name));
    let wheels = path("target/packages/wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let built = Path::new(env!("CARGO_BIN_EXE_elastimock")).ancestors().nth(2).ok_or("no target folder")?;
    let mut maturin = program("maturin");
    maturin.args(["build", "--quiet", "--profile", "dev", "--compatibility", "linux"]).arg("--out").arg(&wheels);
    run(maturin.arg("--target-dir").arg(built).current_dir(path("packages/python")))?;
    let wheel = std::fs::read_dir(&wheels)?.next().ok_or("no wheel")??.path();
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps"];
    run(program("python").args(pip).arg(wheel))?;
    let pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"];
    run(program("python").args(pytest).arg("packages/python/tests").current_dir(path("")))?;
    run(program("python").args(pytest).arg("examples/worker/python").current_dir(path("")))?;
    let mypy = ["-m", "mypy", "--strict", "--cache-dir", "/dev/null", "-p", "elastimock"];
    run(program("python").args(mypy).current_dir(path(PYTHON)))?;
    run(program("python").args(&mypy[..5]).arg(path("packages/python/tests/types")).current_dir(path(PYTHON)))?;
    Ok(())
}

/// The packages are made by `packages/javascript/pack`, and installed by npm into a project.
fn javascript() -> Result<(), Failed> {
    let project = path(JAVASCRIPT);
    let packs = path("target/packages/npm");
    let _ = std::fs::remove_dir_all(&packs);
    run(Command::new(path("packages/javascript/pack")).arg(env!("CARGO_BIN_EXE_elastimock")).arg(&packs))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&project);
    for pack in std::fs::read_dir(&packs)? {
        npm.arg(pack?.path());
    }
    run(&mut npm)?;
    // What they import is found from where it is installed.
    let tests = project.join("tests");
    let _ = std::fs::remove_dir_all(&tests);
    run(Command::new("cp").arg("-r").arg(path("packages/javascript/tests")).arg(&tests))?;
    run(Command::new("cp").arg("-r").arg(path("examples/worker/javascript")).arg(tests.join("worker")))?;
    let files = ["tests/server.test.mjs", "tests/vitest.test.mjs"];
    run(Command::new("node").arg("--test").args(files).current_dir(&project))?;
    let vitest = ["node_modules/vitest/vitest.mjs", "run", "--root", "tests/worker"];
    run(Command::new("node").args(vitest).current_dir(&project))?;
    let strict =
        ["--strict", "--noEmit", "--skipLibCheck", "--target", "esnext", "--module", "nodenext", "--types", "node"];
    let tsc = "node_modules/typescript/bin/tsc";
    run(Command::new("node").arg(tsc).args(strict).arg("tests/types/use.ts").current_dir(&project))?;
    Ok(())
}
