//! The house rules that the compiler cannot check. A message names the cure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::path;

/// The rooms, lowest floor first. A room may name itself, rooms on lower floors, and those before it on its
/// own; rooms of the lowest floor may name each other.
const FLOORS: &[&[&str]] = &[
    &[
        "base64",
        "book",
        "by_id",
        "bytes_at",
        "clock",
        "error",
        "fault",
        "finding",
        "http",
        "ids",
        "input",
        "json",
        "license",
        "limits",
        "near_miss",
        "profile",
        "source_place",
        "steps",
        "suggest",
        "target",
        "visibility",
        "wildcard",
    ],
    &["es"],
    &["stub", "simulation", "fixture", "record"],
    &["contract"],
    &["mock"],
    &["cli"],
    &["lib", "main"],
];

/// The stairs within `mock`: a room may name those before it.
const MOCK: &[&str] = &["stored", "engine", "admin", "wire", "server"];

/// Crates that only certain places may know.
const CRATES: &[(&str, &[&str])] = &[
    ("aho_corasick", &["src/record/redact"]),
    ("jiff", &["src/clock.rs", "src/clock/"]),
    ("jsonschema", &["src/es/body/schema.rs"]),
    ("once_cell", &["src/es/body", "src/mock/wire/tls", "src/mock/server"]),
    ("data_encoding", &["src/base64.rs"]),
    ("percent_encoding", &["src/target.rs"]),
    ("flate2", &["src/mock/wire", "src/input"]),
    ("hyper", &["src/mock/wire"]),
    ("hyper_util", &["src/mock/wire"]),
    ("http_body_util", &["src/mock/wire"]),
    ("socket2", &["src/mock/wire"]),
    ("tokio", &["src/mock/wire", "src/mock/server", "src/cli"]),
    ("tokio_rustls", &["src/mock/wire"]),
    ("rustls", &["src/mock/wire/tls"]),
    ("rustls_native_certs", &["src/mock/wire/tls"]),
    ("rcgen", &["src/mock/wire/tls"]),
    ("ring", &["src/mock/wire/tls"]),
    ("clap", &["src/cli"]),
    ("clap_complete", &["src/cli"]),
    ("clap_mangen", &["src/cli"]),
    ("rustix", &["src/cli"]),
    ("annotate_snippets", &["src/cli"]),
    ("serde_saphyr", &["src/fixture", "src/cli/show.rs"]),
];

/// Crates of plain values, which every room may know.
const KNOWN_TO_ALL: [&str; 3] = ["bytes", "serde", "serde_json"];

/// What may not stand below `wire`, as a word or a piece of a path, and what to do instead.
const BELOW_WIRE: &[(&str, &str)] = &[
    ("async", "only `wire` waits: return a value and let the shell do it"),
    ("await", "only `wire` waits: return a value and let the shell do it"),
    ("std::fs", "files are read in src/fixture/files.rs and written in src/mock/wire/sink.rs"),
    ("std::net", "sockets belong to src/mock/wire"),
    ("SystemTime", "time comes in as an argument: `wire::server::system_time` reads it"),
    ("std::time::Instant", "time comes in as an argument"),
    ("Instant::now", "time comes in as an argument"),
    ("std::env", "arguments and the environment are read in src/cli"),
    ("thread", "nothing below `wire` waits or starts threads"),
    ("RandomState", "chance comes from `ids`, seeded"),
];

pub fn sources() -> Vec<(String, String)> {
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

pub fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
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

/// Where a room stands on its floor.
fn place(room: &str) -> Option<usize> {
    FLOORS.iter().find_map(|rooms| rooms.iter().position(|name| *name == room))
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// A source without its comments and without what is compiled for tests alone; the lines keep their numbers.
fn code(text: &str) -> String {
    let mut kept = String::new();
    // How far an item that is for tests alone is indented, and whether its first line has been seen.
    let mut skipped: Option<(usize, bool)> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let indented = line.len() - bare.len();
        let is_code = !bare.starts_with("//");
        match skipped {
            None if bare.starts_with("#[cfg(test)]") => {
                let rest = bare.trim_start_matches("#[cfg(test)]").trim();
                skipped = (!ends_item(rest)).then_some((indented, !rest.is_empty()));
            }
            None if is_code => kept.push_str(line),
            Some((_, false)) if is_code && !bare.is_empty() && !bare.starts_with("#[") => {
                skipped = (!ends_item(line)).then_some((indented, true));
            }
            Some((indent, true)) if indented == indent && bare.starts_with('}') => skipped = None,
            _ => {}
        }
        kept.push('\n');
    }
    assert!(skipped.is_none(), "an item for tests without an end");
    kept
}

/// The lines that are code, with their numbers.
fn lines(text: &str) -> Vec<(usize, String)> {
    (1..).zip(code(text).lines().map(str::to_owned)).collect()
}

/// Whether an item that begins with this line ends with it.
fn ends_item(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with([';', ',']) || (line.ends_with('}') && line.matches('{').count() == line.matches('}').count())
}

/// Every path that a piece of code names, such as `crate::cluster::Cluster`, with its line. The groups of a `use` are
/// spelt out.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut now: Vec<String> = Vec::new();
    let (mut line, mut in_use) = (1, false);
    let mut rest = code;
    while let Some(next) = rest.chars().next() {
        if let Some(length) = literal(rest) {
            line += rest[..length].matches('\n').count();
            rest = &rest[length..];
            now.clear();
            continue;
        }
        if next.is_ascii_alphabetic() || next == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            rest = behind;
            match word {
                "use" => (in_use, now) = (true, Vec::new()),
                "as" if in_use => {
                    // What a thing is called here is no part of its path.
                    rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
                }
                word => now.push(word.to_owned()),
            }
            let goes_on = rest.starts_with("::") || (in_use && rest.starts_with(" as "));
            if !goes_on && !now.is_empty() {
                let whole: Vec<String> = groups.iter().flatten().chain(&now).cloned().collect();
                found.push((line, whole));
                now.clear();
            }
            continue;
        }
        let step = match next {
            ':' if rest.starts_with("::") => 2,
            '{' if in_use => {
                groups.push(std::mem::take(&mut now));
                1
            }
            '}' if in_use => {
                groups.pop();
                now.clear();
                1
            }
            ';' => {
                in_use = false;
                groups.clear();
                now.clear();
                1
            }
            '\n' => {
                line += 1;
                1
            }
            ' ' | ',' => 1,
            _ => {
                now.clear();
                next.len_utf8()
            }
        };
        rest = &rest[step..];
    }
    found
}

/// How long the text or character is that stands first in a piece of code.
fn literal(code: &str) -> Option<usize> {
    if let Some(behind) = code.strip_prefix('r') {
        let hashes = behind.len() - behind.trim_start_matches('#').len();
        if behind[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            return Some(hashes + 2 + code[hashes + 2..].find(&end)? + end.len());
        }
    }
    let quote = code.chars().next().filter(|first| ['"', '\''].contains(first))?;
    let mut chars = code.char_indices().skip(1);
    let mut inside = 0;
    while let Some((at, next)) = chars.next() {
        if next == quote {
            return Some(at + 1);
        }
        if next == '\\' {
            chars.next();
        }
        inside += 1;
        // What is longer is a lifetime; a character as a number is escaped.
        if quote == '\'' && inside > 1 && !code.starts_with("'\\") {
            return None;
        }
    }
    None
}

/// The room that a path leads to from a file, if it leaves by `crate` or by `super`.
fn named_room<'a>(file: &str, path: &'a [String]) -> Option<&'a str> {
    let below = file.trim_start_matches("src/");
    let depth = match below {
        "lib.rs" | "main.rs" => 0,
        _ => below.split('/').filter(|part| *part != "mod.rs").count(),
    };
    let ups = path.iter().take_while(|part| *part == "super").count();
    let leaves = path.first().is_some_and(|first| first == "crate") || (ups > 0 && ups >= depth);
    path.get(ups.max(1)).filter(|_| leaves).map(String::as_str)
}

fn hold(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Asks a rule of every source.
fn hold_everywhere(rule: impl Fn(&str, &str) -> Vec<String>) {
    hold(sources().iter().flat_map(|(file, text)| rule(file, text)).collect());
}

#[test]
fn a_room_names_only_rooms_below_it() {
    hold_everywhere(names_only_rooms_below);
}

fn names_only_rooms_below(file: &str, text: &str) -> Vec<String> {
    let own = room(file);
    let Some(own_floor) = floor(own) else {
        return vec![format!(
            "{file}: the room [{own}] is on no floor: give it one in tests/it/tidy.rs and ARCHITECTURE.md"
        )];
    };
    let mut wrong = Vec::new();
    for (line, path) in paths(&code(text)) {
        let Some(named) = named_room(file, &path).filter(|named| *named != own) else { continue };
        match floor(named) {
            Some(floor) if floor < own_floor || floor == 0 => {}
            Some(floor) if floor == own_floor && place(named) < place(own) => {}
            Some(_) => wrong.push(format!("{file}:{line}: [{own}] may not name [{named}], which is not below it")),
            // A name that lib.rs gives out: only the front doors may use those.
            None if own_floor >= 11 || ["Error", "endpoints", "FLOORS"].contains(&named) => {}
            None => wrong.push(format!("{file}:{line}: name [{named}] by its room")),
        }
    }
    wrong
}

#[test]
fn a_crate_is_known_only_where_it_belongs() {
    hold_everywhere(knows_its_crates);
}

fn knows_its_crates(file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, path) in paths(&code(text)) {
        for (name, places) in CRATES.iter().filter(|(name, _)| path.len() > 1 && path[0] == *name) {
            if !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("{file}:{line}: [{name}] is for {} only", places.join(", ")));
            }
        }
    }
    wrong
}

#[test]
fn every_dependency_has_its_place() {
    let manifest = fs::read_to_string(path("Cargo.toml")).expect("the manifest");
    let (_, below) = manifest.split_once("[dependencies]\n").expect("the dependencies");
    let own = below.lines().take_while(|line| *line != "[dev-dependencies]").filter_map(|line| line.split_once(" = "));
    let names: Vec<String> = own.map(|(name, _)| name.replace('-', "_")).collect();
    assert!(names.len() >= CRATES.len(), "{names:?}");
    for name in &names {
        let is_placed = KNOWN_TO_ALL.contains(&name.as_str()) || CRATES.iter().any(|(placed, _)| placed == name);
        assert!(is_placed, "say in tests/it/tidy.rs and ARCHITECTURE.md who may know [{name}]");
    }
    for (placed, _) in CRATES {
        assert!(names.iter().any(|name| name == placed), "[{placed}] is no dependency any more");
    }
}

#[test]
fn below_wire_nothing_touches_the_world() {
    hold_everywhere(touches_nothing);
}

fn touches_nothing(file: &str, text: &str) -> Vec<String> {
    let above = ["src/mock/wire", "src/mock/server", "src/cli", "src/lib.rs", "src/main.rs"];
    let exempt = file == "src/fixture/files.rs" || file.ends_with("/tests.rs");
    if exempt || above.iter().any(|place| file.starts_with(place)) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (line, path) in paths(&code(text)) {
        let path = format!("::{}::", path.join("::"));
        for (word, cure) in BELOW_WIRE.iter().filter(|(word, _)| path.contains(&format!("::{word}::"))) {
            wrong.push(format!("{file}:{line}: [{word}] stands below `wire`: {cure}"));
        }
    }
    wrong
}

/// The rules see what they forbid, in whatever form it is written.
#[test]
fn what_is_forbidden_is_seen() {
    type Rule = fn(&str, &str) -> Vec<String>;
    let rooms: Rule = names_only_rooms_below;
    let (crates, world): (Rule, Rule) = (knows_its_crates, touches_nothing);
    let wrong = [
        (rooms, "src/es/a.rs", "use crate::mock::Engine;"),
        (rooms, "src/es/a.rs", "use crate::{\n    mock::Engine,\n};"),
        (rooms, "src/es/a.rs", "use crate::{clock::{Clock, Timestamp}, json, mock as x};"),
        (rooms, "src/es/a.rs", "fn x() { crate::mock::x() }"),
        (rooms, "src/es/a.rs", "fn x(a: &[super::super::mock::X]) {}"),
        (rooms, "src/es/mod.rs", "use super::{clock, mock};"),
        (rooms, "src/es/mod.rs", "#[cfg(test)]\nmod tests;\n\nuse crate::mock::Engine;"),
        (rooms, "src/es/mod.rs", "#[cfg(test)]\nmod tests {\n    fn a() {\n    }\n}\n\nuse crate::mock::Engine;"),
        (
            rooms,
            "src/es/mod.rs",
            "    #[cfg(test)]\n    /// Asked.\n    pub fn a(\n    ) -> u8 {\n        1\n    }\n    type A = crate::mock::E;",
        ),
        (rooms, "src/nowhere/a.rs", ""),
        (crates, "src/es/a.rs", "use hyper_util::{a, b}; use {bytes::Bytes, hyper::Request};"),
        (crates, "src/es/a.rs", "fn x() { hyper_util::a(); ::hyper::b() }"),
        (crates, "src/es/a.rs", "tokio::select! {}"),
        (world, "src/es/a.rs", "use std::{fs, fmt};"),
        (world, "src/es/a.rs", "use std::{\n    time::{\n        Duration,\n        SystemTime,\n    },\n};"),
        (world, "src/es/a.rs", "fn x() { std::thread::sleep(y) }"),
        (world, "src/es/a.rs", "async fn x() {}"),
        (world, "src/es/a.rs", "fn x() { y.await }"),
        (
            world,
            "src/es/a.rs",
            "fn x<'a>() { let a = ['\"', '\\'', '\\u{22}']; let b = r#\"use \"{\"#; std::fs::read(b) }",
        ),
    ];
    for (rule, file, text) in wrong {
        assert!(!rule(file, &format!("//! A file.\n{text}\n")).is_empty(), "{file}: {text}");
    }
    let right = [
        (rooms, "src/contract/a.rs", "use crate::{es::Cluster, contract::x};\nuse super::rules::{self, Rule};"),
        (rooms, "src/es/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::mock::Engine;\n}\n"),
        (rooms, "src/es/a.rs", "#[cfg(test)]\nuse crate::mock::{\n    Engine,\n};\nuse super::super::clock;"),
        (crates, "src/es/a.rs", "fn x() { let hyper = my_hyper::x(); hyper }"),
        (world, "src/es/a.rs", "// std::fs\nuse std::time::Duration;"),
        (world, "src/es/a.rs", "fn x() { y(\"use std::fs; async \\\"\", r\"std::net\", r#\"std::\"fs\"#) }"),
        (world, "src/fixture/files.rs", "use std::fs;"),
    ];
    for (rule, file, text) in right {
        assert!(rule(file, text).is_empty(), "{file}: {text}: {:?}", rule(file, text));
    }
}

#[test]
fn order_is_behaviour() {
    let mut wrong = Vec::new();
    // What is looked up and thrown away may have any order; what is kept may not.
    let kept = ["src/es/", "src/record/", "src/contract/", "src/mock/engine/"];
    for (file, text) in sources().into_iter().filter(|(file, _)| kept.iter().any(|place| file.starts_with(place))) {
        for (line, text) in lines(&text) {
            // The names of the server's own classes are texts of answers.
            if text.replace("java.util.HashMap", "").replace("LinkedHashMap", "").contains("HashMap") {
                wrong.push(format!("{file}:{line}: no HashMap in state: a BTreeMap or a Vec has an order"));
            }
        }
    }
    hold(wrong);
}

/// Where Elasticsearch's side knows HTTP: everywhere else in `es` is rules and state, which know neither HTTP nor
/// wording.
fn knows_http(file: &str) -> bool {
    let places = ["http", "body", "error", "handlers", "request", "words", "table"];
    let below = file.trim_start_matches("src/es/").trim_end_matches(".rs");
    below.split('/').any(|part| places.contains(&part)) || file.ends_with("/tests.rs")
}

#[test]
fn rules_know_no_http_and_only_words_word_refusals() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (line, text) in lines(&text) {
            let is_rule = file.starts_with("src/es/") && !knows_http(&file);
            if is_rule && (text.contains("http::") || text.contains("_exception")) {
                wrong.push(format!(
                    "{file}:{line}: a rule gives a cause; its words and status are in the family's words.rs"
                ));
            }
            let may_word = file.contains("/words") || file.starts_with("src/es/error");
            if text.contains("_exception\"") && !may_word {
                wrong.push(format!("{file}:{line}: words of refusals live in the family's words.rs"));
            }
            let may_have_paths = file.starts_with("src/es/table")
                || file.starts_with("src/mock/admin")
                || file.starts_with("src/cli")
                || file.ends_with("tests.rs");
            if text.contains("\"/_") && !text.contains("\\\"/_") && !may_have_paths {
                wrong.push(format!(
                    "{file}:{line}: path patterns live in the tables src/es/table.rs and src/mock/admin.rs"
                ));
            }
        }
    }
    hold(wrong);
}

/// How a path, a query or a body is read, each with the places that may, and what others do instead.
const READERS: &[(&[&str], &[&str], &str)] = &[
    (
        &["split('&')", "split(['&'", "split_inclusive(['&'", "split_once('&')"],
        &["src/target.rs"],
        "parameters are split in src/target.rs: ask `Call::query`, `ObservedCall::query` or `Request::parameters`",
    ),
    (
        &["split_once('?')", "split('?')"],
        &["src/target.rs"],
        "ask `Request::path` and `Request::query`, or `target::split`",
    ),
    (
        &["percent_decode", "percent_encode", "to_digit(16)", "{byte:02X}", "replace(\"%2"],
        &["src/target.rs", "src/es/http/router.rs", "src/json/", "src/mock/wire/tls/", "src/es/document/handlers/"],
        "escapes are decoded by `target::decoded` and written by `target::encoded`",
    ),
    (
        &[
            "json::read(",
            "json::read_first(",
            "json::read_all(",
            "serde_json::from_slice",
            "Tokens::new(",
            "body().split(",
        ],
        BODY_READERS,
        "what a call says has been read: ask `ParsedParts` or `ObservedCall` for its `json` or its `lines`, a message for \
         its `body_json`",
    ),
    (
        &["from_str::<Value>", "Value = serde_json::from_str"],
        TEXT_READERS,
        "a text of a client or of a server is read by the crate's own reader, `json`, as Elasticsearch reads it",
    ),
];

/// Who reads a text that nobody has read before.
const BODY_READERS: &[&str] = &[
    // The reader itself, and the two messages, for whoever has nothing but them.
    "src/json/",
    "src/http.rs",
    // A request is read here, once.
    "src/es/http/",
    "src/es/body/",
    // A search is read token by token, because its refusals name the place.
    "src/es/search/request/",
    // What was read as a document is refused as an action, or as an update, in other words.
    "src/es/document/handlers/",
    // A document that was kept as it came is opened when somebody asks for a member.
    "src/es/document/shared.rs",
    // A cursor is a text of the client's own within what was read.
    "src/contract/lane.rs",
    // Secrets are masked by place in a text, which goes on being the same text.
    "src/record/redact/walk.rs",
    "src/record/redact/known.rs",
    // A line of a bulk is written anew with the numbers that the other server gave.
    "src/record/meaning.rs",
    // Files.
    "src/fixture/",
    "src/input/",
    "src/record/recording/",
    // Answers of another server.
    "src/cli/",
];

/// Who reads texts of our own.
const TEXT_READERS: &[&str] = &[
    // Schemas and mappings, which are compiled in, and answers that are always the same.
    "src/es/body/schema.rs",
    "src/es/index/built_in.rs",
    "src/es/http/render.rs",
    // Whether a body may stand in a recording as it is.
    "src/record/recording/body.rs",
    "src/cli/explain.rs",
];

#[test]
fn a_call_is_read_once() {
    let mut wrong = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.ends_with("/tests.rs")) {
        for (line, text) in lines(&text) {
            for (signs, places, cure) in READERS {
                let is_there = signs.iter().any(|sign| text.contains(sign));
                if is_there && !places.iter().any(|place| file.starts_with(place)) {
                    wrong.push(format!("{file}:{line}: {cure}"));
                }
            }
        }
    }
    hold(wrong);
}

/// The rooms of the mock stand on stairs.
#[test]
fn a_room_of_the_mock_names_only_those_before_it() {
    let step = |name: &str| MOCK.iter().position(|room| *room == name);
    let mut wrong = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("src/mock/")) {
        let own = file["src/mock/".len()..].split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if own == "mod" {
            continue;
        }
        let Some(own_step) = step(own) else {
            wrong.push(format!("{file}: [{own}] has no place on the stairs: give it one in tests/it/tidy.rs"));
            continue;
        };
        for (line, path) in paths(&code(&text)) {
            let named = match path.as_slice() {
                [first, second, named, ..] if first == "crate" && second == "mock" => named,
                _ => continue,
            };
            if step(named).is_none_or(|named| named > own_step) {
                wrong.push(format!("{file}:{line}: [{own}] may not name [{named}], which is not before it"));
            }
        }
    }
    hold(wrong);
}

/// The type that a line of code declares. What belongs to a trait is named by the trait.
fn declared_type(line: &str) -> Option<&str> {
    let is_indented = line.starts_with(' ');
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let is_type = match words.next()? {
        "struct" | "enum" | "union" | "trait" => true,
        "type" => !is_indented,
        _ => false,
    };
    let name = words.next().filter(|_| is_type)?;
    name.split(|c: char| !c.is_ascii_alphanumeric()).next()
}

/// A type says what it is without its module. The same type for another system or in a test may share its name.
#[test]
fn the_name_of_a_type_is_unique() {
    let mut declared: BTreeMap<String, String> = BTreeMap::new();
    let (mut wrong, mut types) = (Vec::new(), 0);
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.ends_with("/tests.rs")) {
        for (line, text) in lines(&text) {
            let Some(name) = declared_type(&text) else { continue };
            types += 1;
            let place = format!("{file}:{line}");
            match declared.insert(name.to_owned(), place.clone()) {
                Some(other) if !other.starts_with(&format!("{file}:")) => {
                    wrong.push(format!(
                        "{place}: [{name}] is a type of {other} too: give it a name that says which it is"
                    ));
                }
                _ => {}
            }
        }
    }
    assert!(types > 600, "the types were not found: {types}");
    hold(wrong);
}

/// What went wrong has six words, and CONTRIBUTING.md says what each of them means.
#[test]
fn what_went_wrong_has_six_words() {
    let contributing = fs::read_to_string(path("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    for word in ["Error", "Refusal", "Violation", "Finding", "Diagnostic", "Fault"] {
        assert!(contributing.contains(&format!("| `{word}` |")), "CONTRIBUTING.md does not say what a {word} is");
    }
    let others = [
        "Offence",
        "Mistake",
        "Wrong",
        "Misfit",
        "Trouble",
        "Complaint",
        "Problem",
        "Breach",
        "Slip",
        "Failure",
        "Fault",
    ];
    // Elasticsearch's own, the error of a command with its exit code, and the word itself.
    let known = ["ShardFailure", "IngestFailure", "CommandError", "Fault"];
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (line, text) in lines(&text) {
            let Some(name) = declared_type(&text).filter(|name| !known.contains(name)) else { continue };
            let one = name.strip_suffix('s').unwrap_or(name);
            if name.starts_with("Bad") || others.iter().any(|word| one.ends_with(word)) {
                wrong.push(format!("{file}:{line}: [{name}]: end it with one of the six words in CONTRIBUTING.md"));
            }
        }
    }
    hold(wrong);
}

/// The first line of a doc comment is understood without the one before it.
#[test]
fn a_first_line_stands_alone() {
    let mut wrong = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.ends_with("/tests.rs")) {
        let mut before = "";
        for (at, line) in text.lines().map(str::trim_start).enumerate() {
            let is_first = line.starts_with("///") && !before.starts_with("///");
            if is_first && ["/// The same", "/// Ditto", "/// As above"].iter().any(|start| line.starts_with(start)) {
                wrong.push(format!("{file}:{}: say what it is, not that it is the same as what stands above", at + 1));
            }
            before = line;
        }
    }
    hold(wrong);
}

/// A rename that breaks the map is seen.
#[test]
fn the_map_is_true() {
    let map = fs::read_to_string(path("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(map.len() <= 10_240, "ARCHITECTURE.md has {} bytes, and may have 10,240", map.len());
    let sources = sources();
    let is_path = |name: &str| {
        let end = format!("/{name}");
        path(name).exists() || sources.iter().any(|(file, _)| file.ends_with(&end) || file.contains(&format!("{end}/")))
    };
    let is_function = |name: &str| sources.iter().any(|(_, text)| text.contains(&format!("fn {name}")));
    let mut wrong = Vec::new();
    let mut named = 0;
    for word in map.split(|c: char| !c.is_ascii_alphanumeric() && !"_:/.*-".contains(c)) {
        let word = word.trim_end_matches(['.', ':', '/']);
        // Requests have paths too.
        if word.contains('*') || word.starts_with('/') {
            continue;
        }
        let is_there = match word.rsplit_once("::") {
            Some((_, function)) => is_function(function),
            None if word.contains('/') || word.ends_with(".rs") => is_path(word),
            None => continue,
        };
        named += 1;
        if !is_there {
            wrong.push(format!("ARCHITECTURE.md names [{word}], which is not there: name what took its place"));
        }
    }
    assert!(named > 30, "what the map names was not found: {named}");
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

/// A bound that nobody finds is none that a user can rely on.
#[test]
fn bounds_live_in_one_room() {
    let mut wrong = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| file != "src/limits.rs") {
        for (line, text) in lines(&text) {
            let name = text.split_once("const ").and_then(|(_, behind)| behind.split_once(':')).map(|(name, _)| name);
            if name
                .is_some_and(|name| name.ends_with("_MAX") && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            {
                wrong.push(format!(
                    "{file}:{line}: put it into src/limits.rs, and what users meet of it into docs/limits.md; a \
                     threshold of a rule is called ..._WITHIN or ..._ALLOWED"
                ));
            }
        }
    }
    hold(wrong);
}

#[test]
fn every_limit_is_kept_somewhere() {
    let sources = sources();
    let limits = &sources.iter().find(|(file, _)| file == "src/limits.rs").expect("the limits").1;
    let names: Vec<&str> =
        limits.lines().filter_map(|line| line.strip_prefix("pub(crate) const ")?.split(':').next()).collect();
    assert!(names.len() > 30, "the limits were not found: {names:?}");
    let used: String = sources.iter().filter(|(file, _)| file != "src/limits.rs").map(|(_, text)| code(text)).collect();
    let unused: Vec<_> = names.iter().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "these limits bound nothing: {unused:?}");
}
