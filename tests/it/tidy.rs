//! The house rules that the compiler cannot check. A message names the cure.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::path;

/// The rooms, lowest floor first. A room may name itself and rooms on lower floors; rooms of the
/// lowest floor may name each other.
const FLOORS: &[&[&str]] = &[
    &[
        "base64",
        "clock",
        "error",
        "finding",
        "http",
        "ids",
        "json",
        "license",
        "limits",
        "near_miss",
        "profile",
        "steps",
        "suggest",
    ],
    &["cluster"],
    &["fixture"],
    &["rest"],
    &["api"],
    &["journal"],
    &["judge"],
    &["engine"],
    &["admin"],
    &["wire", "stored"],
    &["mock_server"],
    &["cli"],
    &["lib", "main"],
];

/// Crates that only certain places may know.
const CRATES: &[(&str, &[&str])] = &[
    ("jiff", &["src/clock.rs", "src/clock/"]),
    ("jsonschema", &["src/rest/schema.rs"]),
    ("once_cell", &["src/rest", "src/cluster", "src/fixture", "src/mock_server.rs"]),
    ("flate2", &["src/wire"]),
    ("hyper", &["src/wire"]),
    ("hyper_util", &["src/wire"]),
    ("http_body_util", &["src/wire"]),
    ("socket2", &["src/wire"]),
    ("tokio", &["src/wire", "src/mock_server.rs", "src/cli"]),
    ("clap", &["src/cli"]),
    ("annotate_snippets", &["src/cli"]),
    ("serde_saphyr", &["src/fixture"]),
];

/// What may not stand below `wire`, and what to do instead.
const BELOW_WIRE: &[(&str, &str)] = &[
    ("async ", "only `wire` waits: return a value and let the shell do it"),
    ("std::fs", "files are read in src/fixture/files.rs and written in src/wire/sink.rs"),
    ("std::net", "sockets belong to src/wire"),
    ("SystemTime", "time comes in as an argument: `wire::server::system_time` reads it"),
    ("Instant::now", "time comes in as an argument"),
    ("std::env::", "arguments and the environment are read in src/cli"),
    ("thread::", "nothing below `wire` waits or starts threads"),
    ("RandomState", "chance comes from `ids`, seeded"),
];

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&path("src"), &mut found);
    found.sort();
    assert!(found.len() > 30, "the sources were not found");
    found
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&file).display().to_string();
            (name.replace('\\', "/"), text)
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn room(file: &str) -> &str {
    let below = file.trim_start_matches("src/");
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Lines that are code, with their numbers: no comments, nothing from `#[cfg(test)]` on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn hold(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let own = room(&file);
        let Some(own_floor) = floor(own) else {
            wrong.push(format!(
                "{file}: the room [{own}] is on no floor: give it one in tests/it/tidy.rs and ARCHITECTURE.md"
            ));
            continue;
        };
        for (line, text) in code(&text) {
            for (at, _) in text.match_indices("crate::") {
                let named = &text[at + 7..];
                let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(named.len());
                let named = &named[..end];
                if named == own || named.is_empty() {
                    continue;
                }
                match floor(named) {
                    Some(floor) if floor < own_floor || (floor == 0 && own_floor == 0) => {}
                    Some(_) => {
                        wrong.push(format!("{file}:{line}: [{own}] may not name [{named}], which is not below it"))
                    }
                    // A name that lib.rs gives out: only the front doors may use those.
                    None if own_floor >= 10 || ["Error", "endpoints", "FLOORS"].contains(&named) => {}
                    None => wrong.push(format!("{file}:{line}: name [{named}] by its room")),
                }
            }
        }
    }
    hold(wrong);
}

#[test]
fn a_crate_is_known_only_where_it_belongs() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (line, text) in code(&text) {
            for (name, places) in CRATES {
                let used = text.contains(&format!("{name}::")) && !text.contains(&format!("_{name}::"));
                if used && !places.iter().any(|place| file.starts_with(place)) {
                    wrong.push(format!("{file}:{line}: [{name}] is for {} only", places.join(", ")));
                }
            }
        }
    }
    hold(wrong);
}

#[test]
fn below_wire_nothing_touches_the_world() {
    let wire = floor("wire").expect("a floor");
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let exempt = file == "src/fixture/files.rs" || file.ends_with("/tests.rs");
        if exempt || floor(room(&file)).is_none_or(|floor| floor >= wire) {
            continue;
        }
        for (line, text) in code(&text) {
            for (word, cure) in BELOW_WIRE {
                if text.contains(word) {
                    wrong.push(format!("{file}:{line}: [{}] stands below `wire`: {cure}", word.trim()));
                }
            }
        }
    }
    hold(wrong);
}

#[test]
fn order_is_behaviour() {
    let mut wrong = Vec::new();
    // What is looked up and thrown away may have any order; what is kept may not.
    let kept = ["cluster", "journal", "judge", "engine"];
    for (file, text) in sources().into_iter().filter(|(file, _)| kept.contains(&room(file))) {
        for (line, text) in code(&text) {
            // The name of the server's own class is a text of an answer.
            if text.replace("java.util.HashMap", "").contains("HashMap") {
                wrong.push(format!("{file}:{line}: no HashMap in state: a BTreeMap or a Vec has an order"));
            }
        }
    }
    hold(wrong);
}

#[test]
fn the_cluster_knows_no_http_and_only_one_file_words_refusals() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (line, text) in code(&text) {
            if file.starts_with("src/cluster") && (text.contains("http::") || text.contains("_exception")) {
                wrong.push(format!(
                    "{file}:{line}: the cluster gives a cause; its words and status are in src/rest/error/"
                ));
            }
            if text.contains("_exception\"") && !file.starts_with("src/rest/error/") {
                wrong.push(format!("{file}:{line}: words of refusals live in src/rest/error/"));
            }
            let may_have_paths = ["src/api/mod.rs", "src/admin/mod.rs"].contains(&file.as_str())
                || file.starts_with("src/cli")
                || file.ends_with("tests.rs");
            if text.contains("\"/_") && !text.contains("\\\"/_") && !may_have_paths {
                wrong.push(format!(
                    "{file}:{line}: path patterns live in the tables src/api/mod.rs and src/admin/mod.rs"
                ));
            }
        }
    }
    hold(wrong);
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("];
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (at, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{file}:{}: finish it, or write down why it is as it is", at + 1));
            }
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{file}:1: the first lines say what lives here: begin with `//!`"));
        }
    }
    hold(wrong);
}

#[test]
fn every_limit_is_kept_somewhere() {
    let sources = sources();
    let limits = &sources.iter().find(|(file, _)| file == "src/limits.rs").expect("the limits").1;
    let names = limits.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let unused: Vec<_> = names
        .filter(|name| !sources.iter().any(|(file, text)| file != "src/limits.rs" && text.contains(name)))
        .collect();
    assert!(unused.is_empty(), "these limits bound nothing: {unused:?}");
}
