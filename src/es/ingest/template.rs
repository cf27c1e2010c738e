//! [`FieldTemplate`]: a text with `{{field}}` in it.
//!
//! Source: Elasticsearch 9.x, its Mustache for ingest: two braces escape for JSON, three do not.

use serde_json::Value;

use super::field::PipelineDocument;

/// A text in which fields of the document may stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldTemplate(Vec<TemplatePart>);

#[derive(Clone, Debug, PartialEq)]
enum TemplatePart {
    Text(String),
    Field { path: String, escaped: bool },
}

impl FieldTemplate {
    /// Reads a text; none if it has more in it than fields.
    pub(crate) fn read(text: &str) -> Option<FieldTemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(TemplatePart::Text(rest[..start].to_owned()));
            }
            let inner = &rest[start + 2..];
            let (inner, close, escaped) = match inner.strip_prefix('{') {
                Some(inner) => (inner, "}}}", false),
                None => (inner, "}}", true),
            };
            let end = inner.find(close)?;
            let tag = inner[..end].trim();
            let (path, escaped) = match tag.strip_prefix('&') {
                Some(path) => (path.trim_start(), false),
                None => (tag, escaped),
            };
            // Sections, comments, partials and other delimiters.
            if path.is_empty() || path.starts_with(['#', '^', '/', '!', '>', '=', '<', '$']) {
                return None;
            }
            parts.push(TemplatePart::Field { path: path.to_owned(), escaped });
            rest = &inner[end + close.len()..];
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::Text(rest.to_owned()));
        }
        Some(FieldTemplate(parts))
    }

    /// The text for a document. A field that is not there leaves nothing.
    pub(crate) fn fill(&self, draft: &PipelineDocument) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                TemplatePart::Text(text) => out.push_str(text),
                TemplatePart::Field { path, escaped } => {
                    let Some(value) = draft.value(path) else { continue };
                    let text = java_text(value);
                    if *escaped {
                        let quoted = Value::from(text).to_string();
                        out.push_str(&quoted[1..quoted.len() - 1]);
                    } else {
                        out.push_str(&text);
                    }
                }
            }
        }
        out
    }
}

/// A value as Java prints it: lists as maps from their positions, as the server hands them to Mustache.
fn java_text(value: &Value) -> String {
    let map = |members: Vec<String>| format!("{{{}}}", members.join(", "));
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            map(items.iter().enumerate().map(|(at, item)| format!("{at}={}", java_text(item))).collect())
        }
        Value::Object(members) => {
            map(members.iter().map(|(name, member)| format!("{name}={}", java_text(member))).collect())
        }
        other => other.to_string(),
    }
}
