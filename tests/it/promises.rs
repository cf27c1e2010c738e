//! What the table of operations promises.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use elastimock::elasticsearch::{Profile, operations};
use elastimock::http::{Method, Request};

use crate::support::{Door, EngineDoor, T0, cluster, path};

#[test]
fn no_two_rows_want_the_same_call() {
    let mut calls = BTreeSet::new();
    for operation in operations() {
        let (method, path) = (operation.method, operation.path);
        assert!(calls.insert((method.to_string(), shape(path))), "{method} {path}");
    }
}

#[test]
fn the_rows_of_an_operation_stand_together_and_no_schema_is_left_without_one() {
    let mut names: Vec<&str> = operations().map(|operation| operation.name).collect();
    names.dedup();
    let of_rows: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names.len(), of_rows.len(), "an operation has rows at two places of the table");
    for folder in ["schemas", "schemas/overlay"] {
        let mut of_files = BTreeSet::new();
        for entry in fs::read_dir(path(folder)).expect("the schemas") {
            let file = entry.expect("an entry").path();
            let name = file.file_stem().expect("a name").display().to_string();
            let is_format = folder == "schemas" && ["fixture", "recording"].contains(&name.as_str());
            if file.extension().is_some_and(|extension| extension == "json") && !is_format {
                of_files.insert(name);
            }
        }
        let odd: Vec<_> = of_files.symmetric_difference(&of_rows).collect();
        assert!(odd.is_empty(), "{folder} and the table of operations have not both of {odd:?}");
    }
}

/// A path without the names of its placeholders.
fn shape(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn a_row_reaches_what_its_published_schema_says() {
    for operation in operations() {
        let file = path(&format!("schemas/{}.json", operation.name));
        let schema: Value = serde_json::from_str(&fs::read_to_string(&file).expect("the schema")).expect("JSON");
        assert_eq!(schema["title"], operation.name);
        let urls = schema["x-urls"].as_array().expect("its addresses");
        // The server knows more addresses than its specification: the overlay lists those.
        let overlay = overlay(operation.name);
        let further = overlay["routes"].as_array();
        let published = urls.iter().chain(further.into_iter().flatten()).any(|url| {
            url["path"] == operation.path
                && url["methods"]
                    .as_array()
                    .is_some_and(|methods| methods.iter().any(|m| m == operation.method.as_str()))
        });
        assert!(published, "{} {} is not among {urls:?}", operation.method, operation.path);
    }
}

#[test]
fn every_operation_of_the_connector_api_has_a_row() {
    let published = fs::read_to_string(path("fixtures/spec/operations.txt")).expect("the list of operations");
    let ours: BTreeSet<&str> = operations().map(|operation| operation.name).collect();
    let words = published.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
    let theirs: BTreeSet<&str> = words.filter(|name| name.starts_with("connector.")).collect();
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}: write a row in src/es/table.rs");
    assert!(theirs.len() >= 34, "the specification has lost some: {theirs:?}");
}

#[test]
fn every_row_has_an_overlay_that_speaks_of_it() {
    for operation in operations() {
        let file = path(&format!("schemas/overlay/{}.json", operation.name));
        let overlay: Value = serde_json::from_str(&fs::read_to_string(&file).expect("the overlay")).expect("JSON");
        assert_eq!(overlay["operation"], operation.name);
        assert!(overlay["entries"].is_array(), "{}: an overlay lists its entries, none too", operation.name);
    }
}

fn schema(operation: &str) -> Value {
    let file = path(&format!("schemas/{operation}.json"));
    serde_json::from_str(&fs::read_to_string(&file).expect("the schema")).expect("JSON")
}

fn overlay(operation: &str) -> Value {
    let file = path(&format!("schemas/overlay/{operation}.json"));
    serde_json::from_str(&fs::read_to_string(&file).expect("the overlay")).expect("JSON")
}

/// The parameters of an operation and the members of its body, as they are published.
fn members(operation: &str) -> Vec<(&'static str, String)> {
    let schema = schema(operation);
    let common = ["error_trace", "filter_path", "format", "human", "pretty"];
    let of = |part: &'static str| {
        let names = schema["properties"][part]["properties"].as_object().cloned().unwrap_or_default();
        names.into_iter().map(move |(name, _)| (part, name)).collect::<Vec<_>>()
    };
    let query = of("query").into_iter().filter(|(_, name)| !common.contains(&name.as_str()));
    query.chain(of("body")).collect()
}

/// What the overlay says of a part: the names under a word.
fn named(overlay: &Value, word: &str, part: &str) -> Vec<String> {
    match &overlay["words"][word][part] {
        Value::Array(names) => names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect(),
        Value::Object(names) => names.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_published_parameter_and_member_has_a_word() {
    let mut names: Vec<&str> = operations().map(|operation| operation.name).collect();
    names.dedup();
    let mut counts = [0; 3];
    for operation in names {
        let overlay = overlay(operation);
        let published = members(operation);
        // Values of what is done otherwise may be ours to refuse.
        for name in ["query", "body"].into_iter().flat_map(|part| named(&overlay, "except", part)) {
            let is_done = ["query", "body"].iter().any(|part| named(&overlay, "done", part).contains(&name));
            assert!(is_done, "{operation}: `{name}` has values that are refused, and is not done otherwise");
        }
        for (at, word) in ["done", "refused", "ours"].into_iter().enumerate() {
            for part in ["query", "body"] {
                for name in named(&overlay, word, part) {
                    counts[at] += 1;
                    let is_published = published.contains(&(part, name.clone()));
                    assert!(is_published, "{operation}: `{name}` has a word ({word}) and is not published");
                }
            }
        }
        for (part, name) in published {
            let words: Vec<&str> = ["done", "refused", "ours"]
                .into_iter()
                .filter(|word| named(&overlay, word, part).contains(&name))
                .collect();
            assert_eq!(
                words.len(),
                1,
                "{operation}: `{name}` of its {part} has the words {words:?}; write one into schemas/overlay/\
                 {operation}.json under `words`: `done`, `refused` (Elasticsearch refuses it too) or `ours`"
            );
        }
    }
    println!("members done: {}, refused as there: {}, ours to refuse: {}", counts[0], counts[1], counts[2]);
}

#[test]
fn what_is_said_to_be_refused_is_refused() {
    let mut door = EngineDoor::new(cluster("empty"), T0);
    door.send(&Request::new(Method::Put, "/there").json(r#"{"aliases":{"other":{}}}"#));
    let mut seen = Vec::new();
    for operation in operations() {
        if seen.contains(&operation.name) {
            continue;
        }
        seen.push(operation.name);
        let overlay = overlay(operation.name);
        let target = operation
            .path
            .replace("{index}", "there")
            .replace("{name}", "there")
            .replace("{fields}", "a")
            .replace("{block}", "write")
            .replace("{id}", "1")
            .replace(['{', '}'], "");
        let words = ["except", "ours", "refused"].into_iter().flat_map(|word| [(word, "query"), (word, "body")]);
        for (word, part) in words {
            let said = overlay["words"][word][part].as_object().cloned().unwrap_or_default();
            let samples = said.into_iter().flat_map(|(name, said)| match said {
                Value::Array(values) => values.into_iter().map(|value| (name.clone(), value)).collect::<Vec<_>>(),
                said => vec![(name, said["sample"].clone())],
            });
            for (name, sample) in samples {
                let request = match part {
                    "query" => {
                        let value = sample.as_str().expect("a text").replace('*', "%2A");
                        let request = Request::new(operation.method.clone(), format!("{target}?{name}={value}"));
                        match schema(operation.name)["x-body-required"] == true {
                            true => {
                                request.json(if schema(operation.name)["x-ndjson"] == true { "{}\n{}\n" } else { "{}" })
                            }
                            false => request,
                        }
                    }
                    _ => Request::new(operation.method.clone(), target.clone())
                        .json(serde_json::json!({ name.as_str(): sample }).to_string()),
                };
                let answer = door.send(&request);
                let what =
                    format!("{}: `{name}` of its {part} with {sample} is said to be refused ({word})", operation.name);
                assert!(answer.status >= 400, "{what}, and got {}", answer.status);
                let kind = answer.json()["error"]["type"].clone();
                assert_eq!(kind == "elastimock_unsupported_exception", word != "refused", "{what}, and got {kind}");
            }
        }
    }
}

#[test]
fn every_published_address_of_our_operations_has_a_row() {
    let published = fs::read_to_string(path("fixtures/spec/operations.txt")).expect("the list of operations");
    let ours: BTreeSet<&str> = operations().map(|operation| operation.name).collect();
    for line in published.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        if ours.contains(words[0]) {
            // Of two addresses that differ in the names of their placeholders alone, one row serves both.
            let found = operations().any(|row| {
                row.name == words[0] && row.method.as_str() == words[1] && shape(row.path) == shape(words[2])
            });
            assert!(found, "{line}: no row");
        }
    }
}

#[test]
fn what_elasticsearch_has_and_this_mock_has_not_is_said_loudly() {
    let published = fs::read_to_string(path("fixtures/spec/operations.txt")).expect("the list of operations");
    let ours: BTreeSet<&str> = operations().map(|operation| operation.name).collect();
    let mut door = EngineDoor::new(cluster("empty"), T0);
    let mut loud = 0;
    for line in published.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        if ours.contains(words[0]) {
            continue;
        }
        let target: String = words[2].replace(['{', '}'], "");
        let answer = door.send(&Request::new(Method::new(words[1]), target));
        // Some published addresses lead to one of our rows: a name where we have a placeholder.
        if answer.status == 501 {
            loud += 1;
            if words[1] != "HEAD" {
                assert_eq!(answer.json()["error"]["type"], "elastimock_unsupported_exception", "{line}");
            }
        }
    }
    assert!(loud > 500, "{loud}");
    let findings = door.engine.findings(false);
    assert_eq!(findings.iter().filter(|finding| finding.rule == "unsupported-operation").count(), loud);
}

#[test]
fn the_book_lists_the_operations() {
    let mut table = String::from("| operation | call | profiles |\n| --- | --- | --- |\n");
    for operation in operations() {
        let profiles = Profile::ALL.iter().filter(|profile| operation.is_in(**profile));
        let profiles: Vec<&str> = profiles.map(|profile| profile.name()).collect();
        let (name, method, path) = (operation.name, operation.method, operation.path);
        table.push_str(&format!("| `{name}` | `{method} {path}` | {} |\n", profiles.join(", ")));
    }
    let spec = |name: &str| fs::read_to_string(path(&format!("fixtures/spec/{name}.txt"))).expect("the counts");
    let (theirs, ours) = (spec("elasticsearch-tests"), spec("cases"));
    let of = |text: &str, operation: &str, count: usize| -> Vec<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(operation)?.strip_prefix(' '));
        let numbers = line.map(|line| line.split(' ').map(str::to_owned).collect());
        numbers.unwrap_or_else(|| vec!["0".to_owned(); count])
    };
    table
        .push_str("\n| operation | Elasticsearch's tests pass | meet a refusal | fail otherwise | cases | guesses |\n");
    table.push_str("| --- | --- | --- | --- | --- | --- |\n");
    let mut names: Vec<&str> = operations().map(|operation| operation.name).collect();
    names.dedup();
    for name in names {
        let numbers = [of(&theirs, name, 3), of(&ours, name, 2)].concat();
        table.push_str(&format!("| `{name}` | {} |\n", numbers.join(" | ")));
    }
    let file = path("docs/operations.md");
    let page = fs::read_to_string(&file).expect("docs/operations.md");
    let (begin, end) = ("<!-- operations: written by `cargo test` -->\n", "<!-- end of operations -->");
    let (head, rest) = page.split_once(begin).expect("the mark where the table begins");
    let (_, tail) = rest.split_once(end).expect("the mark where the table ends");
    let current = format!("{head}{begin}{table}{end}{tail}");
    if current != page {
        fs::write(&file, current).expect("docs/operations.md");
        panic!(
            "docs/operations.md did not list the operations as they are: it does now, look at the difference and commit it"
        );
    }
}
