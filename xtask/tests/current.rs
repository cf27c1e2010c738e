//! The files in the repository are those that the specification gives.

use std::path::Path;
use std::sync::LazyLock;
use xtask::operations::Depth;
use xtask::spec::{NOT_AT_HAND, Specs};
use xtask::{output, schema, vocabulary};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// Both versions of the specification, read once: they are large.
static SPECS: LazyLock<Option<Specs>> =
    LazyLock::new(|| Specs::at_hand(root(), None, None).expect("the specification is readable"));

/// The specification, or a line that says why the test passes without it.
fn specs() -> Option<&'static Specs> {
    if SPECS.is_none() {
        println!("skipped: {NOT_AT_HAND}");
    }
    SPECS.as_ref()
}

#[test]
fn the_schemas_are_those_of_the_specification() {
    let Some(specs) = specs() else { return };
    let files = output::files(specs).expect("every operation has a schema");
    let differing = output::differing(root(), &files);
    assert!(differing.is_empty(), "run cargo xtask schemas: {}", differing.join(", "));
}

#[test]
fn the_overlays_fit_the_schemas() {
    let faults = output::overlay_faults(root());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// More than the list of today, so that adding an operation is adding its name.
#[test]
fn every_operation_of_the_specification_could_have_a_schema() {
    let Some(specs) = specs() else { return };
    for endpoint in specs.nine.endpoints() {
        let operation = endpoint["name"].as_str().expect("an operation has a name");
        for depth in [Depth::Whole, Depth::Shallow] {
            restores_its_older_edition(specs, operation, depth);
        }
    }
}

fn restores_its_older_edition(specs: &Specs, operation: &str, depth: Depth) {
    let published = schema::published(specs, operation, depth).expect(operation);
    let faults = vocabulary::faults(&published);
    assert!(faults.is_empty(), "{operation}: {}", faults.join("\n"));

    let Some(mut older) = schema::document(&specs.eight, operation, depth).expect(operation) else {
        return;
    };
    let mut restored = schema::in_8(&published);
    for document in [&mut restored, &mut older] {
        document["x-source"].take();
        // An older edition without named types has an empty list of them, or none.
        if document["$defs"].as_object().is_none_or(|defs| defs.is_empty()) {
            document["$defs"].take();
        }
    }
    assert_eq!(restored, older, "{operation}: its older edition is whole");
}

#[test]
fn a_shallow_schema_knows_the_members_of_a_body_and_leaves_them_open() {
    let search = std::fs::read_to_string(root().join("schemas/search.json")).expect("the schema of a search");
    let search: serde_json::Value = serde_json::from_str(&search).expect("JSON");
    let body = &search["properties"]["body"];
    assert_eq!(body["additionalProperties"], false);
    assert_eq!(body["properties"]["query"], serde_json::json!({ "type": "object" }));
    assert_eq!(body["properties"]["size"], serde_json::json!({ "type": "integer" }));
    assert!(search["properties"]["query"]["properties"]["expand_wildcards"].is_object());
    assert!(search["properties"]["response"].is_null());
}
