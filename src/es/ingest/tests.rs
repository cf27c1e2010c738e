//! What pipelines do to documents, as tables.

use serde_json::{Value, json};

use super::*;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// The document after a pipeline of those processors, or how it failed.
fn after(processors: Value, document: Value) -> Result<Value, String> {
    let mut pipelines = Pipelines::default();
    pipelines.put("p", object(json!({ "processors": processors }))).unwrap_or_else(|misfit| panic!("{misfit:?}"));
    run(&pipelines, &["p"], document)
}

fn run(pipelines: &Pipelines, names: &[&str], document: Value) -> Result<Value, String> {
    let source: Source = object(document).into();
    let address = PipelineTarget { index: "i", id: Some("1") };
    let now = "2031-05-01T10:00:00Z".parse().unwrap_or_default();
    let outcome = pipelines.run(names, &source, address, now);
    outcome.map(|source| source.to_value()).map_err(|failure| failure.message)
}

#[test]
fn the_pipeline_of_connectors_is_there_from_the_start() {
    let pipelines = Pipelines::default();
    let switches = json!({
        "_extract_binary_content": true, "_reduce_whitespace": true, "_run_ml_inference": true,
        "_attachment_indexed_chars": 100, "title": "a",
    });
    let with = |more: Value| {
        let mut document = object(switches.clone());
        document.extend(object(more));
        Value::Object(document)
    };
    for (document, expected) in [
        (with(json!({})), json!({"title": "a"})),
        (with(json!({"body": "  a \n\n b\t"})), json!({"title": "a", "body": "a b"})),
        // "one  two\n"
        (with(json!({"_attachment": "b25lICB0d28K"})), json!({"title": "a", "body": "one two"})),
        (with(json!({"_attachment": "b25l", "_attachment_indexed_chars": 2})), json!({"title": "a", "body": "on"})),
        // A PDF's first bytes.
        (with(json!({"_attachment": "JVBERi0xLjcK"})), json!({"title": "a"})),
        (json!({"body": "  a  b "}), json!({"body": "  a  b "})),
        (json!({"_reduce_whitespace": false, "body": " a "}), json!({"body": " a "})),
        (json!({"_reduce_whitespace": true, "body": [" a  b ", "c"]}), json!({"body": ["a b", "c"]})),
        (
            json!({"_reduce_whitespace": true, "body": 7}),
            json!({"body": 7, "_ingestion_errors": [
                "Processor 'gsub' with tag 'remove_extra_whitespace' in pipeline '' failed with message \
                 'field [body] of type [java.lang.Integer] cannot be cast to [java.lang.String]'",
                "Processor 'trim' in pipeline '' failed with message \
                 'field [body] of type [java.lang.Integer] cannot be cast to [java.lang.String]'",
            ]}),
        ),
    ] {
        assert_eq!(run(&pipelines, &[SEARCH_DEFAULT], document.clone()), Ok(expected), "{document}");
    }
}

#[test]
fn processors_follow_the_table() {
    let fails = |message: &str| Err(message.to_owned());
    for (processor, document, expected) in [
        (json!({"set": {"field": "a.b", "value": 1}}), json!({}), Ok(json!({"a": {"b": 1}}))),
        (
            json!({"set": {"field": "a", "value": "{{b}}-{{{c.d}}}-{{x}}"}}),
            json!({"b": 1, "c": {"d": "e"}}),
            Ok(json!({"a": "1-e-", "b": 1, "c": {"d": "e"}})),
        ),
        (
            json!({"set": {"field": "a", "value": "{{b}}{{{b}}}"}}),
            json!({"b": "\""}),
            Ok(json!({"a": "\\\"\"", "b": "\""})),
        ),
        (
            json!({"set": {"field": "{{b}}", "value": {"n": ["{{b}}"]}}}),
            json!({"b": "c"}),
            Ok(json!({"b": "c", "c": {"n": ["c"]}})),
        ),
        (json!({"set": {"field": "a", "value": 2, "override": false}}), json!({"a": 1}), Ok(json!({"a": 1}))),
        (json!({"set": {"field": "a", "value": 2, "override": false}}), json!({"a": null}), Ok(json!({"a": 2}))),
        (json!({"set": {"field": "a", "copy_from": "b"}}), json!({"b": [1]}), Ok(json!({"a": [1], "b": [1]}))),
        (
            json!({"set": {"field": "a", "copy_from": "b"}}),
            json!({}),
            fails("field [b] not present as part of path [b]"),
        ),
        (json!({"set": {"field": "a", "copy_from": "b", "ignore_empty_value": true}}), json!({}), Ok(json!({}))),
        (json!({"set": {"field": "a", "value": "{{b}}", "ignore_empty_value": true}}), json!({}), Ok(json!({}))),
        (
            json!({"set": {"field": "a", "value": "{{_index}}/{{_id}}@{{_ingest.timestamp}}"}}),
            json!({}),
            Ok(json!({"a": "i/1@2031-05-01T10:00:00.000Z"})),
        ),
        (
            json!({"set": {"field": "a.b", "value": 1}}),
            json!({"a": "x"}),
            fails("cannot set [b] with parent object of type [java.lang.String] as part of path [a.b]"),
        ),
        (
            json!({"set": {"field": "a.b", "value": 1}}),
            json!({"a": null}),
            fails("cannot set [b] with null parent as part of path [a.b]"),
        ),
        (json!({"set": {"field": "a.1", "value": 9}}), json!({"a": [1, 2]}), Ok(json!({"a": [1, 9]}))),
        (
            json!({"set": {"field": "a.2", "value": 9}}),
            json!({"a": [1, 2]}),
            fails("[2] is out of bounds for array with length [2] as part of path [a.2]"),
        ),
        (json!({"remove": {"field": ["a", "b"]}}), json!({"a": 1, "b": 2, "c": 3}), Ok(json!({"c": 3}))),
        (json!({"remove": {"field": "a"}}), json!({}), fails("field [a] not present as part of path [a]")),
        (json!({"remove": {"field": "a", "ignore_missing": true}}), json!({}), Ok(json!({}))),
        (json!({"remove": {"field": "a.b"}}), json!({"a": {"b": 1, "c": 2}}), Ok(json!({"a": {"c": 2}}))),
        // A dot leads into an object, never to a key that has one.
        (json!({"remove": {"field": "a.b", "ignore_missing": true}}), json!({"a.b": 1}), Ok(json!({"a.b": 1}))),
        (json!({"rename": {"field": "a", "target_field": "b.c"}}), json!({"a": 1}), Ok(json!({"b": {"c": 1}}))),
        (json!({"rename": {"field": "a", "target_field": "b"}}), json!({}), fails("field [a] doesn't exist")),
        (
            json!({"rename": {"field": "a", "target_field": "b"}}),
            json!({"a": 1, "b": 2}),
            fails("field [b] already exists"),
        ),
        (
            json!({"rename": {"field": "a", "target_field": "b", "override": true}}),
            json!({"a": 1, "b": 2}),
            Ok(json!({"b": 1})),
        ),
        (json!({"rename": {"field": "a", "target_field": "b", "ignore_missing": true}}), json!({}), Ok(json!({}))),
        (json!({"trim": {"field": "a"}}), json!({"a": "\t x \n"}), Ok(json!({"a": "x"}))),
        (json!({"trim": {"field": "a", "target_field": "b"}}), json!({"a": " x "}), Ok(json!({"a": " x ", "b": "x"}))),
        (json!({"trim": {"field": "a"}}), json!({}), fails("field [a] not present as part of path [a]")),
        (json!({"trim": {"field": "a"}}), json!({"a": null}), fails("field [a] is null, cannot process it.")),
        (json!({"trim": {"field": "a", "ignore_missing": true}}), json!({"a": null}), Ok(json!({"a": null}))),
        (
            json!({"trim": {"field": "a"}}),
            json!({"a": ["x", 1]}),
            fails("value [1] of type [java.lang.Integer] in list field [a] cannot be cast to [java.lang.String]"),
        ),
        (json!({"lowercase": {"field": "a"}}), json!({"a": "ÄB"}), Ok(json!({"a": "äb"}))),
        (json!({"uppercase": {"field": "a"}}), json!({"a": "äb"}), Ok(json!({"a": "ÄB"}))),
        (
            json!({"gsub": {"field": "a", "pattern": "\\.", "replacement": "-"}}),
            json!({"a": "1.2.3"}),
            Ok(json!({"a": "1-2-3"})),
        ),
        (json!({"append": {"field": "a", "value": "x"}}), json!({}), Ok(json!({"a": ["x"]}))),
        (json!({"append": {"field": "a", "value": ["x", 2]}}), json!({"a": "x"}), Ok(json!({"a": ["x", "x", 2]}))),
        (
            json!({"append": {"field": "a", "value": "x", "allow_duplicates": false}}),
            json!({"a": ["x"]}),
            Ok(json!({"a": ["x"]})),
        ),
        (json!({"attachment": {"field": "a"}}), json!({}), fails("field [a] not present as part of path [a]")),
        (
            json!({"attachment": {"field": "a", "remove_binary": true}}),
            json!({"a": "aGk="}),
            Ok(json!({"attachment": {"content": "hi"}})),
        ),
        (
            json!({"attachment": {"field": "a"}}),
            json!({"a": "?"}),
            fails("Illegal base64 character in the field's text"),
        ),
        (
            json!({"pipeline": {"name": "nope"}}),
            json!({}),
            fails("Pipeline processor configured for non-existent pipeline [nope]"),
        ),
        (json!({"pipeline": {"name": "nope", "ignore_missing_pipeline": true}}), json!({}), Ok(json!({}))),
        (json!({"pipeline": {"name": "p"}}), json!({}), fails("Cycle detected for pipeline: p")),
        (json!({"remove": {"field": "a", "ignore_failure": true}}), json!({"b": 1}), Ok(json!({"b": 1}))),
        (json!({"remove": {"field": "a", "if": "ctx?.b == true"}}), json!({"b": false}), Ok(json!({"b": false}))),
        (
            json!({"remove": {"field": "a", "tag": "t", "on_failure": [{"set": {
                "field": "e",
                "value": "{{_ingest.on_failure_processor_type}}/{{_ingest.on_failure_processor_tag}}: {{{_ingest.on_failure_message}}}",
            }}]}}),
            json!({}),
            Ok(json!({"e": "remove/t: field [a] not present as part of path [a]"})),
        ),
    ] {
        assert_eq!(after(json!([processor]), document.clone()), expected, "{processor} and {document}");
    }
}

#[test]
fn pipelines_call_each_other_and_say_where_one_failed() {
    let mut pipelines = Pipelines::default();
    let inner = json!({"processors": [{"remove": {"field": "a"}}]});
    let outer = json!({
        "processors": [{"pipeline": {"name": "inner"}}],
        "on_failure": [{"set": {"field": "where", "value": "{{_ingest.on_failure_pipeline}} in {{_ingest.pipeline}}"}}],
    });
    assert_eq!(pipelines.put("inner", object(inner)), Ok(()));
    assert_eq!(pipelines.put("outer", object(outer)), Ok(()));
    assert_eq!(run(&pipelines, &["outer"], json!({"a": 1})), Ok(json!({})));
    assert_eq!(run(&pipelines, &["outer"], json!({})), Ok(json!({"where": "inner in outer"})));
    assert_eq!(run(&pipelines, &["inner", "outer"], json!({"a": 1})), Ok(json!({"where": "inner in outer"})));
    assert_eq!(run(&pipelines, &["nope"], json!({})), Err("pipeline with id [nope] does not exist".to_owned()));
    assert_eq!(run(&pipelines, &[NONE], json!({"b": 1, "a": 2})), Ok(json!({"b": 1, "a": 2})));
}

#[test]
fn fields_come_out_in_the_order_of_the_servers_hash_map() {
    let names = |document: Value| -> Vec<String> {
        let after = after(json!([{"set": {"field": "z", "value": 1}}]), document).expect("a document");
        object(after).keys().cloned().collect()
    };
    assert_eq!(names(json!({"old": 1, "new": {"old": 1, "new": 2}})), ["new", "old", "z"]);
}

#[test]
fn what_cannot_be_done_is_refused_when_the_pipeline_is_stored() {
    let wrong = |text: Value| Pipelines::default().put("p", object(text)).expect_err("a misfit");
    for (text, property, expected) in [
        (json!({}), Some("processors"), PipelineCause::Missing),
        (
            json!({"processors": {}}),
            Some("processors"),
            PipelineCause::Type { wanted: "a list", found: "java.util.HashMap" },
        ),
        (
            json!({"processors": [], "description": 7}),
            Some("description"),
            PipelineCause::Type { wanted: "a string", found: "java.lang.Integer" },
        ),
        (
            json!({"processors": [], "name": 7}),
            None,
            PipelineCause::UnknownPipelineSettings("p".into(), vec!["name".into()]),
        ),
        (json!({"processors": [], "on_failure": []}), None, PipelineCause::EmptyOnFailure(Some("p".into()))),
        (json!({"processors": [{"sett": {}}]}), None, PipelineCause::NoSuchProcessor),
        (json!({"processors": [{"set": {"value": 1}}]}), Some("field"), PipelineCause::Missing),
        (json!({"processors": [{"set": {"field": "a"}}]}), Some("value"), PipelineCause::Missing),
        (
            json!({"processors": [{"set": {"field": "a", "value": 1, "copy_from": "b"}}]}),
            Some("copy_from"),
            PipelineCause::TwoValues,
        ),
        (
            json!({"processors": [{"trim": {"field": "a", "fields": 1}}]}),
            None,
            PipelineCause::UnknownSettings(vec!["fields".into()]),
        ),
        (
            json!({"processors": [{"trim": {"field": "a", "on_failure": []}}]}),
            Some("on_failure"),
            PipelineCause::EmptyOnFailure(None),
        ),
        (
            json!({"processors": [{"trim": "a"}]}),
            None,
            PipelineCause::Type { wanted: "a map", found: "java.lang.String" },
        ),
    ] {
        let misfit = wrong(text.clone());
        assert_eq!((misfit.property.as_deref(), misfit.wrong), (property, expected), "{text}");
    }
    for (processor, named) in [
        (json!({"inference": {"model_id": "m"}}), "the ingest processor [inference]"),
        (json!({"script": {"source": "ctx.a = 1"}}), "the ingest processor [script]"),
        (json!({"trim": {"field": "a", "if": "ctx.a.length() > 3"}}), "the condition [ctx.a.length() > 3]"),
        (json!({"gsub": {"field": "a", "pattern": "(a|b)", "replacement": ""}}), "the pattern [(a|b)]"),
        (json!({"gsub": {"field": "a", "pattern": "a", "replacement": "$1"}}), "the replacement [$1]"),
        (json!({"set": {"field": "_id", "value": "x"}}), "a processor that writes [_id]"),
        (
            json!({"set": {"field": "a", "value": "{{#b}}x{{/b}}"}}),
            "[{{#b}}x{{/b}}]: a template with more in it than fields",
        ),
        (json!({"remove": {"keep": ["a"]}}), "[keep] of the processor [remove]"),
    ] {
        match wrong(json!({"processors": [processor]})).wrong {
            PipelineCause::Unsupported(what, _) => assert_eq!(what, named),
            other => panic!("{processor}: {other:?}"),
        }
    }
}
