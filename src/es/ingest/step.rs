//! [`Processor`]: a processor of a pipeline, and what it does to a document.
//!
//! Source: Elasticsearch 9.x, the common processors and the one for attachments.

use serde_json::{Map, Value};

use super::condition::FieldCondition;
use super::field::{PipelineDocument, java_type};
use super::pattern::GsubPattern;
use super::template::FieldTemplate;
use super::{FailureKind, IngestFailure, PipelineRun};
use crate::base64;

/// A processor, when it acts, and what follows when it fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Processor {
    pub(super) tag: Option<String>,
    pub(super) condition: Option<FieldCondition>,
    pub(super) ignore_failure: bool,
    pub(super) on_failure: Vec<Processor>,
    pub(super) action: ProcessorAction,
}

/// What a processor does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProcessorAction {
    /// Adds values to a list, which may have been one value or none.
    Append { field: FieldTemplate, value: Value, allow_duplicates: bool },
    /// Makes text of an attachment.
    Attachment(Attachment),
    /// Changes a text, or every text of a list.
    Change { how: TextChange, field: String, target: String, ignore_missing: bool },
    /// Sends the document through another pipeline.
    Pipeline { name: FieldTemplate, ignore_missing: bool },
    /// Takes fields away.
    Remove { fields: Vec<FieldTemplate>, ignore_missing: bool },
    /// Gives a field another name.
    Rename { field: FieldTemplate, target: FieldTemplate, ignore_missing: bool, replaces: bool },
    /// Sets a field.
    Set { field: FieldTemplate, value: ValueOrigin, replaces: bool, ignore_empty: bool },
}

/// How a text changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextChange {
    /// Replaces what a pattern finds.
    Gsub(GsubPattern, String),
    /// To lower case.
    Lowercase,
    /// Without blanks at its ends.
    Trim,
    /// To upper case.
    Uppercase,
}

/// Where the value of `set` comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueOrigin {
    /// From the pipeline; its texts are templates.
    Given(Value),
    /// From another field.
    Field(String),
}

/// The settings of an `attachment` processor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attachment {
    pub(super) field: String,
    pub(super) target: String,
    pub(super) ignore_missing: bool,
    pub(super) remove_binary: bool,
    /// How many characters to take; all if negative.
    pub(super) chars_max: i64,
    /// The field that says it for one document.
    pub(super) chars_max_field: Option<String>,
    pub(super) wants_content: bool,
}

impl ProcessorAction {
    /// The processor's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ProcessorAction::Append { .. } => "append",
            ProcessorAction::Attachment(_) => "attachment",
            ProcessorAction::Change { how: TextChange::Gsub(..), .. } => "gsub",
            ProcessorAction::Change { how: TextChange::Lowercase, .. } => "lowercase",
            ProcessorAction::Change { how: TextChange::Trim, .. } => "trim",
            ProcessorAction::Change { how: TextChange::Uppercase, .. } => "uppercase",
            ProcessorAction::Pipeline { .. } => "pipeline",
            ProcessorAction::Remove { .. } => "remove",
            ProcessorAction::Rename { .. } => "rename",
            ProcessorAction::Set { .. } => "set",
        }
    }
}

impl PipelineRun<'_> {
    /// Does what a step is for.
    pub(super) fn act(&mut self, step: &Processor) -> Result<(), IngestFailure> {
        let draft = &mut self.draft;
        let outcome = match &step.action {
            ProcessorAction::Append { field, value, allow_duplicates } => {
                append(draft, field, value, *allow_duplicates)
            }
            ProcessorAction::Attachment(attachment) => attach(draft, attachment),
            ProcessorAction::Change { how, field, target, ignore_missing } => {
                change(draft, how, field, target, *ignore_missing)
            }
            ProcessorAction::Remove { fields, ignore_missing } => fields.iter().try_for_each(|field| {
                let path = field.fill(draft);
                if *ignore_missing && !draft.has(&path) { Ok(()) } else { draft.remove(&path).map(|_| ()) }
            }),
            ProcessorAction::Rename { field, target, ignore_missing, replaces } => {
                rename(draft, &field.fill(draft), &target.fill(draft), *ignore_missing, *replaces)
            }
            ProcessorAction::Set { field, value, replaces, ignore_empty } => {
                set(draft, field, value, *replaces, *ignore_empty)
            }
            ProcessorAction::Pipeline { name, ignore_missing } => {
                let name = name.fill(draft);
                match self.pipelines.get(&name) {
                    Some(pipeline) => self.pipeline(&name, pipeline),
                    None if *ignore_missing => Ok(()),
                    None => Err(IngestFailure {
                        kind: FailureKind::State,
                        message: format!("Pipeline processor configured for non-existent pipeline [{name}]"),
                        origin: None,
                    }),
                }
            }
        };
        self.draft.count();
        outcome
    }
}

fn append(
    draft: &mut PipelineDocument,
    field: &FieldTemplate,
    value: &Value,
    allow_duplicates: bool,
) -> Result<(), IngestFailure> {
    let path = field.fill(draft);
    let added = match filled(value, draft) {
        Value::Array(values) => values,
        value => vec![value],
    };
    let place = draft.place(&path)?;
    let mut list = match place.take() {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    for value in added {
        if allow_duplicates || !list.contains(&value) {
            list.push(value);
        }
    }
    *place = Value::Array(list);
    Ok(())
}

fn set(
    draft: &mut PipelineDocument,
    field: &FieldTemplate,
    value: &ValueOrigin,
    replaces: bool,
    ignore_empty: bool,
) -> Result<(), IngestFailure> {
    let path = field.fill(draft);
    if !replaces && draft.value(&path).is_some() {
        return Ok(());
    }
    let value = match value {
        ValueOrigin::Given(value) => filled(value, draft),
        ValueOrigin::Field(from) if ignore_empty => draft.get(from).cloned().unwrap_or_default(),
        ValueOrigin::Field(from) => draft.get(from)?.clone(),
    };
    if ignore_empty && (value.is_null() || value == "") {
        return Ok(());
    }
    draft.set(&path, value)
}

/// A value of the pipeline with its templates filled.
fn filled(value: &Value, draft: &PipelineDocument) -> Value {
    let text = |text: &str| FieldTemplate::read(text).map_or_else(|| text.to_owned(), |template| template.fill(draft));
    match value {
        Value::String(given) => Value::String(text(given)),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, draft)).collect()),
        Value::Object(members) => {
            let members: Map<String, Value> =
                members.iter().map(|(name, member)| (text(name), filled(member, draft))).collect();
            Value::Object(members)
        }
        other => other.clone(),
    }
}

fn change(
    draft: &mut PipelineDocument,
    how: &TextChange,
    field: &str,
    target: &str,
    ignore_missing: bool,
) -> Result<(), IngestFailure> {
    let value = match draft.get(field) {
        Ok(Value::Null) | Err(_) if ignore_missing => return Ok(()),
        Ok(Value::Null) => return Err(IngestFailure::argument(format!("field [{field}] is null, cannot process it."))),
        value => value?,
    };
    let changed = match value {
        Value::String(text) => Value::String(how.apply(text)),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(Value::String(how.apply(text))),
                    other => Err(IngestFailure::argument(format!(
                        "value [{other}] of type [{}] in list field [{field}] cannot be cast to [java.lang.String]",
                        java_type(other)
                    ))),
                })
                .collect::<Result<_, _>>()?,
        ),
        other => {
            return Err(IngestFailure::argument(format!(
                "field [{field}] of type [{}] cannot be cast to [java.lang.String]",
                java_type(other)
            )));
        }
    };
    draft.set(target, changed)
}

impl TextChange {
    fn apply(&self, text: &str) -> String {
        match self {
            TextChange::Gsub(pattern, replacement) => pattern.replace(text, replacement),
            TextChange::Lowercase => text.to_lowercase(),
            TextChange::Trim => java_trim(text).to_owned(),
            TextChange::Uppercase => text.to_uppercase(),
        }
    }
}

/// Java takes everything up to the blank for one.
fn java_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

fn rename(
    draft: &mut PipelineDocument,
    field: &str,
    target: &str,
    ignore_missing: bool,
    replaces: bool,
) -> Result<(), IngestFailure> {
    if !draft.has(field) {
        return if ignore_missing {
            Ok(())
        } else {
            Err(IngestFailure::argument(format!("field [{field}] doesn't exist")))
        };
    }
    if draft.has(target) && !replaces {
        return Err(IngestFailure::argument(format!("field [{target}] already exists")));
    }
    let value = draft.remove(field)?;
    if let Err(failure) = draft.set(target, value.clone()) {
        draft.set(field, value)?;
        return Err(failure);
    }
    Ok(())
}

/// DIFFERENCE: only plain text in UTF-8 is read. Of a PDF, a web page or anything else that needs a
/// parser of its own nothing is extracted, and `content` is the one property that is set.
fn attach(draft: &mut PipelineDocument, attachment: &Attachment) -> Result<(), IngestFailure> {
    let bytes = match draft.get(&attachment.field) {
        Ok(Value::Null) | Err(_) if attachment.ignore_missing => return Ok(()),
        Ok(Value::Null) => {
            return Err(IngestFailure::argument(format!("field [{}] is null, cannot parse.", attachment.field)));
        }
        Ok(Value::String(text)) => base64::decode(text)
            .ok_or_else(|| IngestFailure::argument("Illegal base64 character in the field's text"))?,
        Ok(other) => {
            return Err(IngestFailure::argument(format!(
                "Content field [{}] of unknown type [{}], must be string or byte array",
                attachment.field,
                java_type(other)
            )));
        }
        Err(failure) => return Err(failure),
    };
    let chars_max = attachment
        .chars_max_field
        .as_deref()
        .and_then(|field| draft.value(field))
        .and_then(Value::as_i64)
        .unwrap_or(attachment.chars_max);
    let mut found = Map::new();
    if let Some(text) = plain_text(&bytes).filter(|text| attachment.wants_content && !text.is_empty()) {
        let cut = match usize::try_from(chars_max) {
            Ok(max) => text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end]),
            Err(_) => text,
        };
        found.insert("content".to_owned(), java_trim(cut).into());
    }
    draft.set(&attachment.target, Value::Object(found))?;
    if attachment.remove_binary {
        draft.remove(&attachment.field)?;
    }
    Ok(())
}

/// The text, if the bytes are nothing but text.
fn plain_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    let has_parser = ["<", "%PDF", "{\\rtf"].iter().any(|start| text.trim_start().starts_with(start));
    (!has_parser && text.chars().all(is_plain)).then_some(text)
}
