//! `elastimock run`: a command with a server of its own, one exit code for both, signals that reach the command.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::cli::{Told, elastimock, finish, folder, json, run, run_in, write};

/// A claim by a worker without a name, told by bash alone.
const CLAIM: &str = r#"
exec 3<>"/dev/tcp/127.0.0.1/${ELASTICSEARCH_URL##*:}"
printf 'PUT /_connector/_sync_job/job-pending/_claim HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 22\r\nconnection: close\r\n\r\n{"worker_hostname":""}' >&3
cat <&3 >/dev/null
"#;

fn bash(script: &str) -> Vec<String> {
    ["run", "-q", "--", "bash", "-c", script].map(str::to_owned).to_vec()
}

fn told(words: &[String]) -> Told {
    run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_command_is_given_the_address_and_its_streams() {
    let mut command =
        elastimock(&["run", "--seed", "7", "--", "sh", "-c", "echo $ELASTICSEARCH_URL $ELASTIMOCK_URL; cat"]);
    // Another cluster's address is not the command's to call.
    command.env("ELASTICSEARCH_URL", "http://production:9200");
    let told = finish(&mut command);
    let (one, other) = told.stdout.trim().split_once(' ').expect("two addresses");
    assert_eq!((told.code, one), (Some(0), other));
    let port = one.strip_prefix("http://127.0.0.1:").expect("a loopback address");
    assert!(port.parse::<u16>().is_ok_and(|port| port != 9200), "a free port: {port}");
    assert!(told.stderr.starts_with(&format!("elastimock at {one} mimics Elasticsearch 9")), "{}", told.stderr);
    assert!(told.stderr.contains("seed 7") && told.stderr.ends_with("0 calls: no findings\n"), "{}", told.stderr);
}

#[test]
fn there_is_one_exit_code() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)] {
        assert_eq!(told(&bash(script)).code, Some(code), "{script}");
    }
    let found = told(&bash(CLAIM));
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), ""));
    assert!(found.stderr.contains("error[blank-worker-hostname]"), "{}", found.stderr);
    // The command's own failure is the one that is told by the code; the findings are told all the same.
    let both = told(&bash(&format!("{CLAIM}\nexit 7")));
    assert_eq!(both.code, Some(7));
    assert!(both.stderr.contains("error[blank-worker-hostname]"), "{}", both.stderr);
    let mut lenient = bash(CLAIM);
    lenient.insert(1, "--fail-on=never".to_owned());
    assert_eq!(told(&lenient).code, Some(0));
}

#[test]
fn reports_are_written_when_the_command_has_ended() {
    let folder = folder();
    let report = folder.path().join("report.json").display().to_string();
    let words = ["run", "--report", &format!("json={report}"), "--json", "--", "bash", "-c", CLAIM];
    let told = run_in(folder.path(), &words);
    let found = json(&told.stdout);
    assert_eq!((told.code, &found["counts"]["error"]), (Some(1), &1.into()));
    assert_eq!(json(&fs::read_to_string(report).expect("the report"))["counts"], found["counts"]);
}

#[test]
fn what_is_told_on_stdout_begins_a_line_of_its_own() {
    let script = format!("{CLAIM}\nprintf 'no end of line'");
    for flags in [&["--report", "annotations"][..], &["--report", "text"], &["--json"]] {
        let words = [&["run", "-q"], flags, &["--", "bash", "-c", &script]].concat();
        let told = run(&words);
        let (printed, rest) = told.stdout.split_once('\n').expect("lines");
        assert_eq!(printed, "no end of line", "{flags:?}");
        assert!(
            ["::error ", "{\"", "the client broke"].iter().any(|first| rest.starts_with(first)),
            "{flags:?}: {rest}"
        );
    }
    // A report to a file leaves the command's output as it is.
    let folder = folder();
    let told = run_in(folder.path(), &["run", "-q", "--report", "text=report.txt", "--", "printf", "x"]);
    assert_eq!(told.stdout, "x");
}

#[test]
fn what_is_for_this_server_is_not_passed_on() {
    let folder = folder();
    let file = write(&folder, "crm.json", r#"{ "connectors": [ { "id": "crm" } ] }"#);
    let mut command = elastimock(&["run", "-q", "--", "sh", "-c", "env"]);
    command.env("ELASTIMOCK_FIXTURES", &file).env("ELASTIMOCK_SEED", "7");
    let told = finish(&mut command);
    let names: Vec<&str> = told.stdout.lines().filter(|line| line.starts_with("ELASTIMOCK_")).collect();
    assert!(matches!(names.as_slice(), [one] if one.starts_with("ELASTIMOCK_URL=")), "{names:?} {}", told.stderr);
}

#[test]
fn what_cannot_be_run_is_told() {
    let nowhere = run(&["run", "--", "no-such-program", "-q"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("cannot start `no-such-program`: "), "{}", nowhere.stderr);
    for words in [
        &["run"][..],
        &["run", "--"],
        &["run", "--no-such-flag", "x", "--", "true"],
        &["run", "--exit-with-stdin", "--", "true"],
        &["run", "--fixtures", "no-such-file.json", "--", "true"],
    ] {
        let told = run(words);
        assert!(matches!(told.code, Some(2 | 3)), "{words:?}: {:?} {}", told.code, told.stderr);
    }
    // Without the two dashes the first word that is no flag begins the command.
    assert_eq!(run(&["run", "-q", "sh", "-c", "exit 5"]).code, Some(5));
}

#[test]
fn signals_reach_the_command_and_the_server_outlives_it() {
    // It hears the signal, makes its last call, and ends as it likes.
    let script = format!(
        "claim() {{ {CLAIM} }}
         sleep 60 >/dev/null 2>&1 &
         trap 'kill $!; claim; exit 9' TERM INT HUP QUIT USR1 USR2
         echo ready; wait"
    );
    let signals = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"].map(|name| (name, false));
    for (name, by_pid) in signals.into_iter().chain([("TERM", true)]) {
        let mut parent = std::process::Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat starts");
        let pid = parent.id().to_string();
        // Whichever of the two is gone first.
        let own = std::process::id().to_string();
        let words = ["run", "--exit-with-pid", &own, "--exit-with-pid", &pid, "--", "bash", "-c", &script];
        let mut command = elastimock(&words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it is ready");
        assert_eq!(line, "ready\n");
        if by_pid {
            drop(parent.stdin.take());
            parent.wait().expect("an end");
        } else {
            let pid = child.id().to_string();
            let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status();
            assert!(sent.expect("kill starts").success());
        }
        let told = Told::from(child.wait_with_output().expect("an end"));
        assert_eq!(told.code, Some(9), "{name}: {}", told.stderr);
        assert!(told.stderr.contains("error[blank-worker-hostname]"), "{name}: {}", told.stderr);
        let _ = parent.kill();
        let _ = parent.wait();
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    for (shell, has) in [
        ("bash", "complete -F _elastimock"),
        ("zsh", "#compdef elastimock"),
        ("fish", "complete -c elastimock"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[elastimock]"),
    ] {
        let told = run(&["completions", shell]);
        assert_eq!(told.code, Some(0), "{shell}");
        for text in [has, "fail-on", "completions"] {
            assert!(told.stdout.contains(text), "{shell} lacks {text}");
        }
    }
    assert_eq!(run(&["completions", "csh"]).code, Some(2));
    let bash = run(&["completions", "bash"]).stdout;
    let folder = folder();
    let script = write(&folder, "elastimock.bash", &bash);
    // Commands, and the names of rules, incidents and operations.
    for (words, completed) in [
        (&["se"][..], "serve"),
        (&["explain", "claim-of-"], "claim-of-running-job claim-of-canceling-job claim-of-ended-job"),
        (&["explain", "throttled-b"], "throttled-bulk"),
        (&["serve", "--incident", "throttled-b"], "throttled-bulk"),
        (&["schema", "connector.sync_job_cl"], "connector.sync_job_claim"),
    ] {
        let (all, at) = (words.join(" "), words.len());
        let (last, before) = match words {
            [.., before, last] => (last, *before),
            _ => (&words[0], "elastimock"),
        };
        let ask = format!(
            "source {script}; COMP_WORDS=(elastimock {all}); COMP_CWORD={at}; _elastimock elastimock {last} {before}; echo ${{COMPREPLY[@]}}"
        );
        let told = std::process::Command::new("bash").args(["-c", &ask]).output().expect("bash starts");
        assert_eq!(String::from_utf8_lossy(&told.stdout), format!("{completed}\n"), "{words:?}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = folder();
    let man = folder.path().join("man1").display().to_string();
    assert_eq!(run(&["man", "--out", &man]).code, Some(0));
    let help = run(&["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut count = 1;
    // A line that goes on is indented further.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    for command in names.filter(|name| *name != "help") {
        let page = fs::read_to_string(format!("{man}/elastimock-{command}.1"));
        let page = page.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(run(&["man", command]).stdout, format!("{}\n", page.trim_end()), "{command}");
        for section in ["SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLE", "EXIT CODES"] {
            let heading = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            assert!(heading.iter().any(|heading| page.contains(heading)), "{command} has no {section}: {page}");
        }
        // Only examples stand as they are: everything else flows, whatever the width.
        let fixed = page.split(".nf\n").skip(1).filter_map(|part| part.split_once(".fi"));
        assert!(
            fixed.clone().all(|(line, _)| line.contains("elastimock ")),
            "{command}: {:?}",
            fixed.collect::<Vec<_>>()
        );
        count += 1;
    }
    assert_eq!(fs::read_dir(&man).expect("the folder").count(), count);
    assert!(run(&["man"]).stdout.contains("elastimock\\-serve(1)"));
    assert_eq!(run(&["man", "sevre"]).code, Some(2));
    assert_eq!(run(&["man", "--out", "/dev/null/x"]).code, Some(3));
}

#[test]
fn help_is_wrapped_to_the_width_of_the_terminal() {
    let page = |columns: &str| {
        let told = finish(elastimock(&["serve", "--help"]).env("COLUMNS", columns));
        assert_eq!(told.code, Some(0));
        told.stdout
    };
    for width in [40, 60, 100] {
        // A default, an address or an example is not torn apart.
        let too_long = |line: &&str| line.chars().count() > width && line.trim().contains(' ');
        let page = page(&width.to_string());
        let long: Vec<&str> = page.lines().filter(too_long).collect();
        assert!(long.len() <= if width < 60 { 4 } else { 0 }, "{width}: {long:#?}");
    }
    assert_eq!(page("400"), page("100"), "lines that are too long are hard to read");
}

#[test]
fn the_version_tells_profiles_features_and_build() {
    let told = run(&["--version"]).stdout;
    assert!(
        told.starts_with(concat!("elastimock ", env!("CARGO_PKG_VERSION"), "\nprofiles: 9, 8; default 9\n")),
        "{told}"
    );
    assert!(told.contains("\nfeatures: tls, yaml, cli") && told.contains("\nbuild: "), "{told}");
    assert_eq!(run(&["-V"]).stdout, concat!("elastimock ", env!("CARGO_PKG_VERSION"), "\n"));
}
