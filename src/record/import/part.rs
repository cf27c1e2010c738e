//! [`DocumentPart`]: a value of a document with its place, so that what is wrong with it can be pointed at.

use serde_json::Value;

use super::ForeignText;
use crate::http::Method;
use crate::json;
use crate::record::recording::RecordingDiagnostic;

/// A value within a document.
#[derive(Clone)]
pub(super) struct DocumentPart<'d> {
    document: &'d ForeignText<'d>,
    value: &'d Value,
    pointer: String,
}

impl<'d> DocumentPart<'d> {
    /// The whole document.
    pub(super) fn root(document: &'d ForeignText<'d>) -> DocumentPart<'d> {
        DocumentPart { document, value: &document.value, pointer: String::new() }
    }

    pub(super) fn value(&self) -> &'d Value {
        self.value
    }

    /// A member, if it is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<DocumentPart<'d>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let step = name.replace('~', "~0").replace('/', "~1");
        Some(DocumentPart { document: self.document, value, pointer: format!("{}/{step}", self.pointer) })
    }

    /// A member that must be there.
    pub(super) fn need(&self, name: &str, cure: &str) -> Result<DocumentPart<'d>, Box<RecordingDiagnostic>> {
        self.get(name).ok_or_else(|| self.wrong(&format!("there is no [{name}]"), cure))
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = DocumentPart<'d>>, Box<RecordingDiagnostic>> {
        let Value::Array(items) = self.value else {
            return Err(self.wrong("this is no list", "give the file as its tool has written it"));
        };
        let (document, pointer) = (self.document, self.pointer.clone());
        Ok(items.iter().enumerate().map(move |(at, value)| DocumentPart {
            document,
            value,
            pointer: format!("{pointer}/{at}"),
        }))
    }

    /// The text that it is, or the number as a text.
    pub(super) fn text(&self) -> Result<String, Box<RecordingDiagnostic>> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.wrong("this is no text", "give the file as its tool has written it")),
        }
    }

    /// The text of a member; none if it is not there.
    pub(super) fn text_of(&self, name: &str) -> Result<Option<String>, Box<RecordingDiagnostic>> {
        self.get(name).map(|part| part.text()).transpose()
    }

    /// The method of HTTP that it is, in any case.
    pub(super) fn method(&self) -> Result<Method, Box<RecordingDiagnostic>> {
        let name = self.text()?;
        let known = Method::of_token(&name.to_ascii_uppercase());
        known.ok_or_else(|| self.wrong("this is no method of HTTP", "write one such as GET, or delete the call"))
    }

    /// The status of HTTP that it is.
    pub(super) fn status(&self) -> Result<u16, Box<RecordingDiagnostic>> {
        let status = self.value.as_u64().filter(|status| (100..1000).contains(status));
        let status = status.and_then(|status| u16::try_from(status).ok());
        status.ok_or_else(|| self.wrong("this is no HTTP status", "write a number from 100 to 999, or delete the call"))
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, what: &str, cure: &str) -> Box<RecordingDiagnostic> {
        let ForeignText { name, text, is_yaml, .. } = self.document;
        let (line, column) = match is_yaml {
            true => crate::fixture::yaml_place(&String::from_utf8_lossy(text), &self.document.value, &self.pointer),
            false => json::locate(text, &self.pointer, false).map_or((1, 1), |at| (at.line, at.column)),
        };
        let shown = if self.pointer.is_empty() { String::new() } else { format!("{}: ", self.pointer) };
        Box::new(RecordingDiagnostic {
            file: (*name).to_owned(),
            line,
            column,
            what: format!("{shown}{what}"),
            cure: cure.to_owned(),
        })
    }
}
