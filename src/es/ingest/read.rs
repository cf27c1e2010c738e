//! A pipeline's text → its steps, or what is wrong with it.
//!
//! A processor's settings are taken out of its object one by one; what is left is unknown.
//!
//! Source: Elasticsearch 9.x, pipeline factory, configuration reader and the processors' factories.

use serde_json::{Map, Value};

use super::condition::FieldCondition;
use super::field::{METADATA, java_type};
use super::pattern::GsubPattern;
use super::step::{Attachment, Processor, ProcessorAction, TextChange, ValueOrigin};
use super::template::FieldTemplate;

/// Why a pipeline was not stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PipelineRefusal {
    /// The processor that is concerned, if it is one.
    pub processor: Option<Box<str>>,
    /// Its tag.
    pub tag: Option<Box<str>>,
    /// The setting that is concerned, if it is one.
    pub property: Option<Box<str>>,
    /// What is wrong.
    pub wrong: PipelineCause,
}

/// What is wrong with a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PipelineCause {
    /// A setting is required and not there.
    Missing,
    /// A setting is of a type that it cannot be.
    Type {
        /// What it should be, with its article.
        wanted: &'static str,
        /// The Java class of what it is.
        found: &'static str,
    },
    /// Elasticsearch has no such processor either.
    NoSuchProcessor,
    /// A processor has settings that it does not know.
    UnknownSettings(Vec<String>),
    /// The pipeline of that id has settings that none has.
    UnknownPipelineSettings(String, Vec<String>),
    /// The pipeline of that id, or the processor, has an `on_failure` without anything to do.
    EmptyOnFailure(Option<String>),
    /// `set` is to take its value from two places.
    TwoValues,
    /// Elasticsearch has it and this mock has not: what, and what to do instead.
    Unsupported(String, String),
    /// A media type that no template has.
    MediaType(String),
}

/// Processors of Elasticsearch that are not played here.
const OTHERS: &[&str] = &[
    "bytes",
    "cef",
    "circle",
    "community_id",
    "convert",
    "csv",
    "date",
    "date_index_name",
    "dissect",
    "dot_expander",
    "drop",
    "enrich",
    "fail",
    "fingerprint",
    "foreach",
    "geo_grid",
    "geoip",
    "grok",
    "html_strip",
    "inference",
    "ip_location",
    "join",
    "json",
    "kv",
    "network_direction",
    "normalize_for_stream",
    "recover_failure_document",
    "redact",
    "registered_domain",
    "reroute",
    "script",
    "set_security_user",
    "sort",
    "split",
    "terminate",
    "uri_parts",
    "urldecode",
    "user_agent",
];

/// The processors that are played.
pub(crate) const PROCESSORS: [&str; 10] =
    ["append", "attachment", "gsub", "lowercase", "pipeline", "remove", "rename", "set", "trim", "uppercase"];

/// The steps of a pipeline, and those for when one of them fails.
pub(crate) fn pipeline(
    id: &str,
    text: &Map<String, Value>,
) -> Result<(Vec<Processor>, Vec<Processor>), PipelineRefusal> {
    let mut settings = Settings { processor: None, tag: None, left: text.clone() };
    settings.optional_text("description")?;
    if let Some(version) = settings.take("version")
        && !version.is_i64()
        && version.as_str().is_none_or(|text| text.parse::<i32>().is_err())
    {
        return Err(
            settings.misfit(Some("version"), PipelineCause::Type { wanted: "an int", found: java_type(&version) })
        );
    }
    let Some(processors) = settings.take("processors") else {
        return Err(settings.misfit(Some("processors"), PipelineCause::Missing));
    };
    let steps = settings.steps("processors", processors)?;
    let on_failure = settings.take("on_failure");
    let asked = on_failure.is_some();
    let on_failure = on_failure.map_or(Ok(Vec::new()), |list| settings.steps("on_failure", list))?;
    settings.take("_meta");
    settings.take("deprecated");
    if let Some(pattern) = settings.take("field_access_pattern").filter(|pattern| pattern != "classic") {
        let what = format!("pipelines with the field access pattern {pattern}");
        return Err(
            settings.misfit(None, PipelineCause::Unsupported(what, "leave it away, which means classic".to_owned()))
        );
    }
    if !settings.left.is_empty() {
        let unknown = settings.left.keys().cloned().collect();
        return Err(settings.misfit(None, PipelineCause::UnknownPipelineSettings(id.to_owned(), unknown)));
    }
    if asked && on_failure.is_empty() {
        return Err(settings.misfit(None, PipelineCause::EmptyOnFailure(Some(id.to_owned()))));
    }
    Ok((steps, on_failure))
}

/// The settings of a processor, or of the pipeline, that are still to be read.
struct Settings {
    processor: Option<String>,
    tag: Option<String>,
    left: Map<String, Value>,
}

impl Settings {
    fn misfit(&self, property: Option<&str>, wrong: PipelineCause) -> PipelineRefusal {
        PipelineRefusal {
            processor: self.processor.as_deref().map(Box::from),
            tag: self.tag.as_deref().map(Box::from),
            property: property.map(Box::from),
            wrong,
        }
    }

    fn unsupported(&self, what: String, instead: &str) -> PipelineRefusal {
        self.misfit(None, PipelineCause::Unsupported(what, instead.to_owned()))
    }

    /// A setting; a null is none.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.shift_remove(name).filter(|value| !value.is_null())
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, PipelineRefusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(self.misfit(Some(name), PipelineCause::Type { wanted: "a string", found: java_type(&other) }))
            }
        }
    }

    fn text(&mut self, name: &str) -> Result<String, PipelineRefusal> {
        self.optional_text(name)?.ok_or_else(|| self.misfit(Some(name), PipelineCause::Missing))
    }

    fn switch(&mut self, name: &str, otherwise: bool) -> Result<bool, PipelineRefusal> {
        match self.take(name) {
            None => Ok(otherwise),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => {
                Err(self.misfit(Some(name), PipelineCause::Type { wanted: "a boolean", found: java_type(&other) }))
            }
        }
    }

    fn list(&self, name: &str, value: Value) -> Result<Vec<Value>, PipelineRefusal> {
        match value {
            Value::Array(items) => Ok(items),
            other => Err(self.misfit(Some(name), PipelineCause::Type { wanted: "a list", found: java_type(&other) })),
        }
    }

    fn steps(&self, name: &str, value: Value) -> Result<Vec<Processor>, PipelineRefusal> {
        let mut steps = Vec::new();
        for item in self.list(name, value)? {
            let Value::Object(processors) = item else {
                return Err(self.misfit(Some(name), PipelineCause::Type { wanted: "a map", found: java_type(&item) }));
            };
            for (name, settings) in processors {
                steps.push(step(name, settings)?);
            }
        }
        Ok(steps)
    }

    /// A template; whether it names a field that is no part of the source is looked at too.
    fn template(&self, name: &str, text: &str) -> Result<FieldTemplate, PipelineRefusal> {
        FieldTemplate::read(text).ok_or_else(|| {
            let mut misfit = self
                .unsupported(format!("[{text}]: a template with more in it than fields"), "write `{{field}}` alone");
            misfit.property = Some(name.into());
            misfit
        })
    }

    /// The template of a field that is written.
    fn field(&mut self, name: &str) -> Result<FieldTemplate, PipelineRefusal> {
        let text = self.text(name)?;
        self.written(&text)?;
        self.template(name, &text)
    }

    fn written(&self, field: &str) -> Result<(), PipelineRefusal> {
        let first = field.strip_prefix("_source.").unwrap_or(field).split('.').next().unwrap_or_default();
        if METADATA.contains(&first) || first == "_ingest" {
            return Err(self.unsupported(
                format!("a processor that writes [{field}]"),
                "give index and id with the request that writes the document",
            ));
        }
        Ok(())
    }
}

fn step(name: String, settings: Value) -> Result<Processor, PipelineRefusal> {
    let Value::Object(left) = settings else {
        let wrong = PipelineCause::Type { wanted: "a map", found: java_type(&settings) };
        return Err(PipelineRefusal { processor: Some(name.into()), tag: None, property: None, wrong });
    };
    let mut settings = Settings { processor: None, tag: None, left };
    let tag = settings.optional_text("tag")?;
    settings.optional_text("description")?;
    let script = settings.take("if");
    settings = Settings { processor: Some(name.clone()), tag, left: settings.left };
    if OTHERS.contains(&name.as_str()) {
        return Err(settings
            .unsupported(format!("the ingest processor [{name}]"), &format!("it has {}", PROCESSORS.join(", "))));
    }
    let ignore_failure = settings.switch("ignore_failure", false)?;
    let on_failure = settings.take("on_failure");
    let asked = on_failure.is_some();
    let on_failure = on_failure.map_or(Ok(Vec::new()), |list| settings.steps("on_failure", list))?;
    if asked && on_failure.is_empty() {
        return Err(settings.misfit(Some("on_failure"), PipelineCause::EmptyOnFailure(None)));
    }
    let action = action(&name, &mut settings)?;
    if !settings.left.is_empty() {
        let unknown = settings.left.keys().cloned().collect();
        return Err(settings.misfit(None, PipelineCause::UnknownSettings(unknown)));
    }
    let condition = script.map(|script| condition(&settings, script)).transpose()?;
    Ok(Processor { tag: settings.tag, condition, ignore_failure, on_failure, action })
}

fn condition(settings: &Settings, script: Value) -> Result<FieldCondition, PipelineRefusal> {
    let source = match &script {
        Value::String(source) => Some(source.as_str()),
        Value::Object(script) if script.get("lang").is_none_or(|lang| lang == "painless") => {
            script.get("source").and_then(Value::as_str)
        }
        _ => None,
    };
    source.and_then(FieldCondition::read).ok_or_else(|| {
        settings.unsupported(
            format!("the condition [{}]", source.map_or_else(|| script.to_string(), str::to_owned)),
            "compare one field with a literal: `ctx?.field == true`, `ctx.field != null`",
        )
    })
}

fn action(name: &str, settings: &mut Settings) -> Result<ProcessorAction, PipelineRefusal> {
    Ok(match name {
        "append" => {
            let field = settings.field("field")?;
            let value = given(settings)?;
            media_type(settings, &value)?;
            ProcessorAction::Append { field, value, allow_duplicates: settings.switch("allow_duplicates", true)? }
        }
        "attachment" => ProcessorAction::Attachment(attachment(settings)?),
        "gsub" => {
            let (field, target, ignore_missing) = text_settings(settings)?;
            let pattern = settings.text("pattern")?;
            let replacement = settings.text("replacement")?;
            let Some(known) = GsubPattern::read(&pattern) else {
                return Err(settings.unsupported(
                    format!("the pattern [{pattern}]"),
                    "write a text, or one character or class with a +: `\\s+`, `[\\t ]+`",
                ));
            };
            if replacement.contains(['$', '\\']) {
                return Err(settings.unsupported(
                    format!("the replacement [{replacement}]"),
                    "write a text without references to groups",
                ));
            }
            ProcessorAction::Change { how: TextChange::Gsub(known, replacement), field, target, ignore_missing }
        }
        "lowercase" | "trim" | "uppercase" => {
            let (field, target, ignore_missing) = text_settings(settings)?;
            let how = match name {
                "lowercase" => TextChange::Lowercase,
                "trim" => TextChange::Trim,
                _ => TextChange::Uppercase,
            };
            ProcessorAction::Change { how, field, target, ignore_missing }
        }
        "pipeline" => {
            let called = settings.text("name")?;
            let name = settings.template("name", &called)?;
            ProcessorAction::Pipeline { name, ignore_missing: settings.switch("ignore_missing_pipeline", false)? }
        }
        "remove" => {
            if settings.left.contains_key("keep") {
                return Err(settings.unsupported("[keep] of the processor [remove]".to_owned(), "name what to remove"));
            }
            let Some(field) = settings.take("field") else {
                return Err(settings.misfit(Some("field"), PipelineCause::Missing));
            };
            let fields = match field {
                Value::Array(fields) => fields,
                field => vec![field],
            };
            let fields = fields
                .iter()
                .map(|field| {
                    let text = field.as_str().map_or_else(|| field.to_string(), str::to_owned);
                    settings.written(&text)?;
                    settings.template("field", &text)
                })
                .collect::<Result<_, _>>()?;
            ProcessorAction::Remove { fields, ignore_missing: settings.switch("ignore_missing", false)? }
        }
        "rename" => ProcessorAction::Rename {
            field: settings.field("field")?,
            target: settings.field("target_field")?,
            ignore_missing: settings.switch("ignore_missing", false)?,
            replaces: settings.switch("override", false)?,
        },
        "set" => {
            let field = settings.field("field")?;
            let value = match settings.optional_text("copy_from")? {
                Some(_) if settings.left.contains_key("value") => {
                    return Err(settings.misfit(Some("copy_from"), PipelineCause::TwoValues));
                }
                Some(from) => ValueOrigin::Field(from),
                None => ValueOrigin::Given(given(settings)?),
            };
            match &value {
                ValueOrigin::Given(value) => media_type(settings, value)?,
                ValueOrigin::Field(_) => media_type(settings, &Value::Null)?,
            }
            ProcessorAction::Set {
                field,
                value,
                replaces: settings.switch("override", true)?,
                ignore_empty: settings.switch("ignore_empty_value", false)?,
            }
        }
        _ => return Err(settings.misfit(None, PipelineCause::NoSuchProcessor)),
    })
}

/// Reads how a template's fields are escaped: for JSON, which is the usual. A value without any is never escaped.
///
/// Source: Elasticsearch 9.x, configuration of processors: media type.
fn media_type(settings: &mut Settings, value: &Value) -> Result<(), PipelineRefusal> {
    let Some(kind) = settings.optional_text("media_type")? else { return Ok(()) };
    if !["application/json", "text/plain", "application/x-www-form-urlencoded"].contains(&kind.as_str()) {
        return Err(settings.misfit(Some("media_type"), PipelineCause::MediaType(kind)));
    }
    if kind != "application/json" && value.to_string().contains("{{") {
        let what = format!("[media_type] of [{kind}] for a template");
        return Err(settings.unsupported(what, "leave it out, and put three braces around what is not to be escaped"));
    }
    Ok(())
}

/// Reads `value`, whose templates are looked at here and filled for each document.
fn given(settings: &mut Settings) -> Result<Value, PipelineRefusal> {
    let value = settings.take("value").ok_or_else(|| settings.misfit(Some("value"), PipelineCause::Missing))?;
    templates(settings, &value)?;
    Ok(value)
}

fn templates(settings: &Settings, value: &Value) -> Result<(), PipelineRefusal> {
    match value {
        Value::String(text) => settings.template("value", text).map(|_| ()),
        Value::Array(items) => items.iter().try_for_each(|item| templates(settings, item)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            settings.template("value", name)?;
            templates(settings, member)
        }),
        _ => Ok(()),
    }
}

/// What all processors of a text have: field, target, and whether a missing one is fine.
fn text_settings(settings: &mut Settings) -> Result<(String, String, bool), PipelineRefusal> {
    let field = settings.text("field")?;
    let ignore_missing = settings.switch("ignore_missing", false)?;
    let target = settings.optional_text("target_field")?.unwrap_or_else(|| field.clone());
    settings.written(&target)?;
    Ok((field, target, ignore_missing))
}

fn attachment(settings: &mut Settings) -> Result<Attachment, PipelineRefusal> {
    let field = settings.text("field")?;
    let target = settings.optional_text("target_field")?.unwrap_or_else(|| "attachment".to_owned());
    settings.written(&target)?;
    settings.optional_text("resource_name")?;
    let wants_content = match settings.take("properties") {
        Some(names) => settings.list("properties", names)?.iter().any(|name| name == "content"),
        None => true,
    };
    let chars_max = match settings.take("indexed_chars") {
        None => 100_000,
        Some(value) => value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| {
            settings.misfit(Some("indexed_chars"), PipelineCause::Type { wanted: "an int", found: java_type(&value) })
        })?,
    };
    Ok(Attachment {
        field,
        target,
        wants_content,
        chars_max,
        chars_max_field: settings.optional_text("indexed_chars_field")?,
        ignore_missing: settings.switch("ignore_missing", false)?,
        remove_binary: settings.switch("remove_binary", false)?,
    })
}
