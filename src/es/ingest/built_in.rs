//! `search-default-ingestion`: the pipeline that is there from the start.
//!
//! Six steps: the text of an attachment becomes the body, the body loses what the extraction could not
//! read, runs of blanks shrink, and the switches that steered all this leave the document. What a
//! connector's switches ask for, the conditions look at.
//!
//! DIFFERENCE: the steps carry no descriptions.
//!
//! Source: Elasticsearch 9.x, the search pipeline among its built-in templates.

use serde_json::{Map, Value, json};

/// The pipeline's text.
pub(crate) fn search_default() -> Map<String, Value> {
    let extract = "ctx?._extract_binary_content == true";
    let squish = "ctx?._reduce_whitespace == true";
    let text = json!({
        // Inferred: the number counts up with the templates of a release.
        "version": 3,
        "description": "Default search ingest pipeline",
        "_meta": { "managed_by": "Search", "managed": true },
        "processors": [
            { "attachment": {
                "field": "_attachment",
                "target_field": "_extracted_attachment",
                "ignore_missing": true,
                "indexed_chars_field": "_attachment_indexed_chars",
                "if": extract,
                "on_failure": on_failure("attachment", None),
                "remove_binary": false,
            } },
            { "set": {
                "tag": "set_body",
                "field": "body",
                "copy_from": "_extracted_attachment.content",
                "ignore_empty_value": true,
                "if": extract,
                "on_failure": on_failure("set", Some("set_body")),
            } },
            { "gsub": {
                "tag": "remove_replacement_chars",
                "field": "body",
                "pattern": "\u{fffd}",
                "replacement": "",
                "ignore_missing": true,
                "if": extract,
                "on_failure": on_failure("gsub", Some("remove_replacement_chars")),
            } },
            { "gsub": {
                "tag": "remove_extra_whitespace",
                "field": "body",
                "pattern": "\\s+",
                "replacement": " ",
                "ignore_missing": true,
                "if": squish,
                "on_failure": on_failure("gsub", Some("remove_extra_whitespace")),
            } },
            { "trim": {
                "field": "body",
                "ignore_missing": true,
                "if": squish,
                "on_failure": on_failure("trim", None),
            } },
            { "remove": {
                "tag": "remove_meta_fields",
                "field": [
                    "_attachment",
                    "_attachment_indexed_chars",
                    "_extracted_attachment",
                    "_extract_binary_content",
                    "_reduce_whitespace",
                    "_run_ml_inference",
                ],
                "ignore_missing": true,
                "on_failure": on_failure("remove", Some("remove_meta_fields")),
            } },
        ],
    });
    match text {
        Value::Object(text) => text,
        _ => Map::new(),
    }
}

/// What a step writes into the document when it fails: part of the wire, so the words are the server's.
fn on_failure(processor: &str, tag: Option<&str>) -> Value {
    let tag = tag.map_or_else(String::new, |tag| format!(" with tag '{tag}'"));
    json!([{ "append": {
        "field": "_ingestion_errors",
        "value": format!(
            "Processor '{processor}'{tag} in pipeline '{{{{ _ingest.on_failure_pipeline }}}}' failed with message \
             '{{{{ _ingest.on_failure_message }}}}'"
        ),
    } }])
}
