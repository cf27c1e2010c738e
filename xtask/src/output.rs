//! The files that the generator makes: written, or compared with those that are there.

use crate::operations::OPERATIONS;
use crate::shape::list;
use crate::spec::{FILE, LICENSE, PACKAGE, Spec, Specs, VERSION_8, VERSION_9};
use crate::{overlay, schema, vocabulary};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A file, by its path below the top of the repository.
pub struct File {
    /// With `/` between its parts.
    pub path: String,
    /// All of it, with a newline at the end.
    pub text: String,
}

/// Everything that comes from the specification.
///
/// # Errors
/// If an operation is missing there, or its schema comes out unlawful.
pub fn files(specs: &Specs) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for (operation, depth) in OPERATIONS {
        let published = schema::published(specs, operation, *depth)?;
        for edition in [&published, &schema::in_8(&published)] {
            if let Some(fault) = vocabulary::faults(edition).first() {
                return Err(format!("{operation}: {fault}"));
            }
        }
        files.push(File { path: schema_path(operation), text: pretty(&published) });
    }
    files.push(File { path: "fixtures/spec/operations.txt".to_owned(), text: operations_text(specs) });
    Ok(files)
}

/// The files on disk that are missing or different.
pub fn differing(root: &Path, files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| std::fs::read_to_string(root.join(&file.path)).ok().as_ref() != Some(&file.text))
        .map(|file| file.path.clone())
        .collect()
}

/// Writes the files; says which of them are not what they were.
pub fn write(root: &Path, files: &[File]) -> Result<Vec<String>, String> {
    let differing = differing(root, files);
    for file in files.iter().filter(|file| differing.contains(&file.path)) {
        let path = root.join(&file.path);
        let complaint = |error: std::io::Error| format!("{}: {error}", file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(complaint)?;
        }
        std::fs::write(&path, &file.text).map_err(complaint)?;
    }
    Ok(differing)
}

/// What is wrong with the overlays on disk, measured against the schemas on disk.
///
/// An operation without an overlay is one that nobody has looked at yet; the table of operations
/// takes no row for it. One whose server keeps to its specification has an overlay without entries.
pub fn overlay_faults(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for (operation, _) in OPERATIONS {
        let path = overlay_path(operation);
        if !root.join(&path).exists() {
            continue;
        }
        match (json(root, &path), json(root, &schema_path(operation))) {
            (Ok(overlay), Ok(published)) => faults.extend(
                overlay::faults(&overlay, operation, &published).into_iter().map(|fault| format!("{path}: {fault}")),
            ),
            (overlay, published) => faults.extend(overlay.err().into_iter().chain(published.err())),
        }
    }
    for entry in std::fs::read_dir(root.join("schemas/overlay")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "shared" && !OPERATIONS.iter().any(|(operation, _)| name == format!("{operation}.json")) {
            faults.push(format!("schemas/overlay/{name}: lies over no schema"));
        }
    }
    faults
}

fn schema_path(operation: &str) -> String {
    format!("schemas/{operation}.json")
}

fn overlay_path(operation: &str) -> String {
    format!("schemas/overlay/{operation}.json")
}

fn json(root: &Path, path: &str) -> Result<Value, String> {
    let text = std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Elasticsearch's whole list of operations, the yardstick of coverage.
fn operations_text(specs: &Specs) -> String {
    let (nine, eight) = (addresses(&specs.nine), addresses(&specs.eight));
    let mut text = format!(
        "# Elasticsearch's operations: name, method, path. A trailing 9 or 8: only that version has it.\n\
         # Source: npm package {PACKAGE}, versions {VERSION_9} and {VERSION_8}, {FILE}, {LICENSE}.\n"
    );
    for address in nine.union(&eight) {
        let mark = match (nine.contains(address), eight.contains(address)) {
            (true, false) => " 9",
            (false, true) => " 8",
            _ => "",
        };
        let (operation, path, method) = address;
        text.push_str(&format!("{operation} {method} {path}{mark}\n"));
    }
    text
}

/// The address of a call in the server, which has one for all tasks of inference where the specification has one for
/// each.
fn address(operation: &str, path: &str) -> String {
    let mut segments: Vec<&str> = path.split('/').collect();
    if operation.starts_with("inference.") && segments.len() > 3 && !segments[2].starts_with(['_', '{']) {
        segments[2] = "{task_type}";
    }
    segments.join("/")
}

/// Name, path and method of every call that a version has.
fn addresses(spec: &Spec) -> BTreeSet<(&str, String, &str)> {
    let mut addresses = BTreeSet::new();
    for endpoint in spec.endpoints() {
        let operation = endpoint["name"].as_str().unwrap_or_default();
        for url in list(&endpoint["urls"]) {
            let path = address(operation, url["path"].as_str().unwrap_or_default());
            for method in list(&url["methods"]).filter_map(Value::as_str) {
                addresses.insert((operation, path.clone(), method));
            }
        }
    }
    addresses
}
