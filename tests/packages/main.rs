//! The packages for Python and JavaScript: made from the binary at hand, installed as a user would, and tried by their
//! own tests; what is for CI systems: run, or read by its linters. `packages/prepare` installs what that needs; in CI it is run from here, and nothing may lack.
#![allow(unreachable_pub, reason = "what several files share is public among them")]

#[path = "../harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Failed, Trial};

type Test = fn() -> Result<(), Failed>;

const PYTHON: &str = "target/packages/python";
const JAVASCRIPT: &str = "target/packages/javascript";
/// A copy of the binary: building the wheel writes cargo's own again while the other tests use theirs.
const BINARY: &str = "target/packages/bin/elastimock";

fn main() -> ExitCode {
    let is_ready = |folder: &str| path(folder).join("ready").is_file();
    if harness::is_ci() && !harness::is_listing() && !(is_ready(PYTHON) && is_ready(JAVASCRIPT)) {
        // What it cannot install it says itself, and the tests below fail.
        let _ = Command::new(path("packages/prepare")).status();
    }
    // What is listed needs no binary.
    if let (false, Err(error)) = (harness::is_listing(), take_binary()) {
        eprintln!("{BINARY}: {error}");
        return ExitCode::FAILURE;
    }
    let mut trials = vec![Trial::test("every package has the version of the crate", versions_agree)];
    #[cfg(target_os = "linux")]
    trials.push(Trial::test("an image needs nothing around it", an_image));
    let tests: [(&str, &str, Test); 4] = [
        ("the wheel of Python", PYTHON, python),
        ("the packages of npm", JAVASCRIPT, javascript),
        ("the workflows, by their linters", PYTHON, workflows),
        ("the action, step by step", PYTHON, the_action),
    ];
    for (name, folder, test) in tests {
        trials.push(match is_ready(folder) {
            true => Trial::test(name, test),
            false => harness::missing(name, "its tools are not installed: run packages/prepare"),
        });
    }
    harness::run(trials)
}

fn take_binary() -> std::io::Result<()> {
    let (folder, taken) = (path("target/packages/bin"), path("target/packages/bin/taken"));
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(env!("CARGO_BIN_EXE_elastimock"), &taken)?;
    std::fs::rename(taken, path(BINARY))
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
        if let Some(line) = lines.iter().find(|line| !text.lines().any(|there| there == *line)) {
            return Err(format!("{file} has no line `{line}`").into());
        }
    }
    Ok(())
}

/// The first block of a language in the README, which is a whole test.
fn start_of_the_readme(language: &str) -> Result<String, Failed> {
    block_of("README.md", language, "")
}

/// The first block of a page in that language that has these words.
fn block_of(page: &str, language: &str, words: &str) -> Result<String, Failed> {
    let page = std::fs::read_to_string(path(page))?;
    let fence = format!("\n```{language}\n");
    let mut blocks = page.split(&fence).skip(1).filter_map(|behind| Some(behind.split_once("```")?.0));
    Ok(blocks.find(|block| block.contains(words)).ok_or("no such block")?.to_owned())
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
    let start = tempfile::tempdir()?;
    std::fs::write(start.path().join("test_start.py"), start_of_the_readme("python")?)?;
    let of_the_package = block_of("packages/python/README.md", "python", "pytest.mark.asyncio")?;
    std::fs::write(start.path().join("test_async.py"), of_the_package)?;
    let told = run(program("python").args(&pytest[..5]).current_dir(start.path()))?;
    assert!(told.contains("2 passed"), "{told}");
    let mypy = ["-m", "mypy", "--strict", "--cache-dir", "/dev/null", "-p", "elastimock"];
    run(program("python").args(mypy).current_dir(path(PYTHON)))?;
    for typed in ["packages/python/tests/types", "examples/worker/python"] {
        run(program("python").args(&mypy[..5]).arg(path(typed)).current_dir(path(PYTHON)))?;
    }
    Ok(())
}

/// The packages are made by `packages/javascript/pack`, and installed by npm into a project.
fn javascript() -> Result<(), Failed> {
    let project = path(JAVASCRIPT);
    let packs = path("target/packages/npm");
    let _ = std::fs::remove_dir_all(&packs);
    let pack = || Command::new(path("packages/javascript/pack"));
    let alone = pack().output()?;
    assert!(String::from_utf8_lossy(&alone.stderr).starts_with("usage: "), "{alone:?}");
    run(pack().arg(path(BINARY)).arg(&packs))?;
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
    let files = ["tests/server.test.mjs", "tests/node-test.test.mjs", "tests/vitest.test.mjs"];
    run(Command::new("node").arg("--test").args(files).current_dir(&project))?;
    std::fs::write(tests.join("worker").join("start.test.js"), start_of_the_readme("js")?)?;
    let vitest = ["node_modules/vitest/vitest.mjs", "run", "--root", "tests/worker"];
    run(Command::new("node").args(vitest).current_dir(&project))?;
    let strict =
        ["--strict", "--noEmit", "--skipLibCheck", "--target", "esnext", "--module", "nodenext", "--types", "node"];
    let tsc = "node_modules/typescript/bin/tsc";
    run(Command::new("node").arg(tsc).args(strict).arg("tests/types/use.ts").current_dir(&project))?;
    Ok(())
}

fn workflows() -> Result<(), Failed> {
    let lint = |program: &str, words: &[&str]| {
        run(Command::new(path(PYTHON).join("bin").join(program)).args(words).current_dir(path("")))
    };
    lint("zizmor", &["--offline", "--quiet", "action.yml", ".github/workflows"])?;
    let check = ["--builtin-schema"];
    for (schema, files) in [
        ("vendor.github-workflows", &[".github/workflows/ci.yml", ".github/workflows/release.yml"][..]),
        ("vendor.github-actions", &["action.yml"]),
        ("vendor.gitlab-ci", &["--data-transform", "gitlab-ci", "packages/ci/gitlab.yml"]),
    ] {
        lint("check-jsonschema", &[&check[..], &[schema], files].concat())?;
    }
    Ok(())
}

/// A claim by a worker without a name, as the commands of a workflow.
const NAMELESS: &str = r#"python3 - <<'END'
import os, urllib.request
call = urllib.request.Request(os.environ["ELASTICSEARCH_URL"] + "/_connector/_sync_job/job-pending/_claim",
    b'{"worker_hostname":""}', {"content-type": "application/json"}, method="PUT")
print(urllib.request.urlopen(call).status, end="")
END"#;

fn the_action() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut there = vec![path("target/packages/bin")];
    there.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let step = |name: &str, commands: &str| {
        let mut step = Command::new(path("packages/ci/action"));
        step.arg(name).current_dir(folder.path()).env("PATH", std::env::join_paths(&there).unwrap_or_default());
        step.env("GITHUB_STEP_SUMMARY", folder.path().join("summary.md")).env("no_proxy", "*");
        step.env("ELASTIMOCK_ACTION_ARGS", "--seed 7 --fixtures 'two words.json'");
        step.env("ELASTIMOCK_ACTION_REPORT", "junit=contract.xml").env("ELASTIMOCK_ACTION_RUN", commands);
        step.output().map_err(|error| error.to_string())
    };
    std::fs::copy(path("fixtures/clusters/default.json"), folder.path().join("two words.json"))?;
    let installed = step("install", "")?;
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    for (commands, code, summary) in [("true", 0, "no findings"), ("exit 7", 7, ""), (NAMELESS, 1, "1 error")] {
        let _ = std::fs::remove_file(folder.path().join("summary.md"));
        let output = step("run", commands)?;
        let told = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{commands}: {told}{complained}");
        assert_eq!(told.contains("\n::error title=blank-worker-hostname::"), code == 1, "{told}");
        let written = std::fs::read_to_string(folder.path().join("summary.md"))?;
        assert!(written.starts_with("### elastimock: ") && written.contains(summary), "{written}");
        assert!(written.contains("\nCoverage of the Connector API: "), "{written}");
        assert!(folder.path().join("contract.xml").is_file());
    }
    Ok(())
}

/// The image is unpacked, and its binary starts with nothing else there: a server, and a command that it runs.
#[cfg(target_os = "linux")]
fn an_image() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let image = folder.path().join("image");
    run(Command::new(path("packages/ci/oci")).arg(path(BINARY)).arg(&image))?;
    let blob = |descriptor: &serde_json::Value| {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        image.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
    };
    let read = |file: PathBuf| -> Result<serde_json::Value, Failed> {
        Ok(serde_json::from_slice(&std::fs::read(file)?).map_err(|error| error.to_string())?)
    };
    let manifest = read(blob(&read(image.join("index.json"))?["manifests"][0]))?;
    let entry = read(blob(&manifest["config"]))?["config"]["Entrypoint"][0].as_str().unwrap_or_default().to_owned();
    let root = folder.path().join("root");
    std::fs::create_dir(&root)?;
    run(Command::new("tar").arg("-xzf").arg(blob(&manifest["layers"][0])).arg("-C").arg(&root))?;
    // Only root may change the root.
    let is_root = std::fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t");
    let mut chroot = Command::new(if is_root { "chroot" } else { "sudo" });
    chroot.args(if is_root { &[][..] } else { &["-n", "chroot"] });
    let told = run(chroot.arg(&root).args([&*entry, "run", "-q", "--", &*entry, "-V"]))?;
    assert_eq!(told, concat!("elastimock ", env!("CARGO_PKG_VERSION"), "\n"));
    Ok(())
}
