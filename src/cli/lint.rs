//! `elastimock lint`: every mistake in fixtures and recordings, pointed at.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::args::Lint;
use super::console::{CommandError, Console, Exit, counted};
use super::recordings;
use crate::error::Error;
use crate::fixture::{Also, Diagnostic, hidden, lint_together};
use crate::input::sniff::{self, InputWanted, TextLooks};
use crate::input::{self, STDIN};
use crate::limits::{LINT_LINE_BYTES_MAX, LINT_MISTAKES_SHOWN_MAX, LINT_PIECE_LINES_MAX, RECORDING_BYTES_MAX};
use crate::record::recording::{Recording, RecordingDiagnostic};
use crate::record::redact::{KnownSecrets, REDACTED};

/// What can be checked, by the names that messages use.
#[derive(Default)]
struct Files {
    /// Fixtures that make one fixture together.
    fixtures: Vec<Vec<String>>,
    recordings: Vec<String>,
    texts: BTreeMap<String, Vec<u8>>,
    /// Secrets in fixtures that have mistakes: bytes that are not shown.
    hidden: BTreeMap<String, Vec<Range<usize>>>,
}

/// A mistake in a file of either kind.
struct FileDiagnostic {
    file: String,
    line: u32,
    column: u32,
    /// Where it is in the file.
    span: Range<usize>,
    message: String,
    cure: String,
    also: Option<Also>,
}

/// Checks all files, tells all mistakes.
pub(crate) fn run(lint: &Lint, console: &Console) -> Result<Exit, CommandError> {
    let mut files = Files::default();
    for path in &lint.files {
        let fixtures = files.read(path)?;
        match files.fixtures.last_mut().filter(|_| lint.together) {
            Some(all) => all.extend(fixtures),
            None => files.fixtures.push(fixtures),
        }
    }
    let found = files.check(console);
    files.hide(&found);
    if console.verbose() > 0 {
        for name in files.texts.keys() {
            let count = found.iter().filter(|found| found.file == *name).count() as u64;
            console
                .tell(&format!("{name}: {}", if count == 0 { "fine".to_owned() } else { counted(count, "mistake") }));
        }
    }
    let (checked, count) = (counted(files.texts.len() as u64, "file"), found.len() as u64);
    if console.json() {
        let mistakes: Vec<Value> = found.iter().map(FileDiagnostic::to_value).collect();
        console.json_line(&json!({ "files": files.texts.len(), "mistakes": mistakes }))?;
    } else {
        let renderer = if console.stdout_has_colors() { Renderer::styled() } else { Renderer::plain() };
        for found in found.iter().take(LINT_MISTAKES_SHOWN_MAX) {
            console.result(&format!("{}\n", files.show(found, &renderer)))?;
        }
        if found.len() > LINT_MISTAKES_SHOWN_MAX {
            console.result(&format!("and {} more; --json tells them all", count - LINT_MISTAKES_SHOWN_MAX as u64))?;
        }
    }
    console.tell(&match count {
        0 => format!("{checked}, no mistakes"),
        _ => format!("{} in {checked}", counted(count, "mistake")),
    });
    Ok(if found.is_empty() { Exit::Done } else { Exit::Input })
}

impl Files {
    /// Reads a file or the files of a folder; returns those that are fixtures.
    fn read(&mut self, path: &Path) -> Result<Vec<String>, CommandError> {
        let cannot = |path: &Path, error| CommandError::from(Error::cannot_read(path, error));
        let is_folder =
            !recordings::is_stdin(path) && fs::metadata(path).map_err(|error| cannot(path, error))?.is_dir();
        let paths =
            if is_folder { of_folder(path).map_err(|error| cannot(path, error))? } else { vec![path.to_owned()] };
        if paths.is_empty() {
            let folder = path.display();
            return Err(CommandError::input(format!(
                "{folder}: nothing to check in this folder; name files .json, .yaml, .yml or .ndjson"
            )));
        }
        let mut fixtures = Vec::new();
        for path in paths {
            let (name, text) = if recordings::is_stdin(&path) {
                (STDIN.to_owned(), input::bytes(STDIN, std::io::stdin().lock(), InputWanted::Any, RECORDING_BYTES_MAX)?)
            } else {
                let file = fs::File::open(&path).map_err(|error| cannot(&path, error))?;
                let name = path.display().to_string();
                let text = input::bytes(&name, file, InputWanted::Any, RECORDING_BYTES_MAX)?;
                (name, text)
            };
            let kind = if is_recording(&name, &text) { &mut self.recordings } else { &mut fixtures };
            // A file that is named twice is checked once.
            if self.texts.insert(name.clone(), text).is_none() {
                kind.push(name);
            }
        }
        Ok(fixtures)
    }

    /// All mistakes; fixtures first, in the order in which they were given.
    fn check(&self, console: &Console) -> Vec<FileDiagnostic> {
        let mut found = Vec::new();
        for together in &self.fixtures {
            let mut texts = Vec::new();
            for name in together {
                match std::str::from_utf8(&self.texts[name]) {
                    Ok(text) => texts.push((name.as_str(), text)),
                    Err(error) => found.push(not_text(name, &self.texts[name], error.valid_up_to())),
                }
            }
            found.extend(lint_together(&texts).into_iter().map(FileDiagnostic::from));
        }
        for name in &self.recordings {
            let text = &self.texts[name];
            let mut lines = LineStarts { text, line: 1, start: 0 };
            let (mistakes, unknown) = Recording::lint(name, text);
            found.extend(mistakes.into_iter().map(|mistake| FileDiagnostic::in_recording(mistake, &mut lines)));
            recordings::warn_of_unknown(&unknown, console);
        }
        found
    }

    /// Finds what must not be shown of the fixtures with mistakes.
    fn hide(&mut self, found: &[FileDiagnostic]) {
        let shown = found
            .iter()
            .take(LINT_MISTAKES_SHOWN_MAX)
            .flat_map(|found| [Some(&found.file), found.also.as_ref().map(|also| &also.file)]);
        for name in shown.flatten().filter(|name| self.fixtures.iter().flatten().any(|fixture| fixture == *name)) {
            if let (false, Ok(text)) = (self.hidden.contains_key(name), std::str::from_utf8(&self.texts[name])) {
                self.hidden.insert(name.clone(), hidden(name, text, |state| KnownSecrets::default().state(state)));
            }
        }
    }

    /// A mistake as people read it: what, where, the line with a pointer, the cure.
    fn show(&self, found: &FileDiagnostic, renderer: &Renderer) -> String {
        let FileDiagnostic { file, line, column, span, message, cure, also } = found;
        let mut group = Group::with_title(Level::ERROR.primary_title(message));
        let mut shown_column = *column as usize;
        let near = also.as_ref().filter(|also| also.file == *file && also.line.abs_diff(*line) < LINT_PIECE_LINES_MAX);
        let other = near.map_or(span.start, |also| also.span_bytes.start);
        let first_line = near.map_or(*line, |also| also.line.min(*line));
        let label = |also: &Also, piece: &ShownLines| {
            AnnotationKind::Context.span(piece.within(&also.span_bytes)).label(also.what.clone())
        };
        match self.piece(file, span.start.min(other)..=span.start.max(other)) {
            Some(piece) => {
                let mut annotations: Vec<Annotation<'_>> = vec![AnnotationKind::Primary.span(piece.within(span))];
                annotations.extend(near.map(|also| label(also, &piece)));
                let start = piece.within(span).start;
                shown_column = piece.text[..start].chars().rev().take_while(|c| *c != '\n').count() + 1;
                let snippet =
                    Snippet::source(piece.text).path(file).line_start(first_line as usize).annotations(annotations);
                group = group.element(snippet);
            }
            None => group = group.element(Origin::path(file).line(*line as usize).char_column(*column as usize)),
        }
        if let Some(also) = also.as_ref().filter(|_| near.is_none()) {
            group = match self.piece(&also.file, also.span_bytes.start..=also.span_bytes.start) {
                Some(piece) => {
                    let label = label(also, &piece);
                    group.element(
                        Snippet::source(piece.text).path(&also.file).line_start(also.line as usize).annotation(label),
                    )
                }
                None => group.element(
                    Level::NOTE.message(format!("{}: {}:{}:{}", also.what, also.file, also.line, also.column)),
                ),
            };
        }
        let told = renderer.render(&[group.element(Level::HELP.message(cure))]);
        // Behind a mask the column in the line as it is shown is another than in the file.
        told.replacen(&format!("{file}:{line}:{shown_column}"), &format!("{file}:{line}:{column}"), 1)
    }

    /// The lines from one byte of a file to another, without its secrets. None of a file that was not read,
    /// and none if they are very long.
    fn piece(&self, file: &str, bytes: RangeInclusive<usize>) -> Option<ShownLines> {
        let text = self.texts.get(file)?;
        let (start, end) = (*bytes.start(), *bytes.end());
        // Of a line that is too long anyway, no more is looked at.
        let before = text.get(start.saturating_sub(LINT_LINE_BYTES_MAX)..start)?;
        let after = text.get(end..text.len().min(end + LINT_LINE_BYTES_MAX))?;
        let from = start - before.iter().rev().position(|&byte| byte == b'\n').unwrap_or(before.len());
        let to = end + after.iter().position(|&byte| byte == b'\n').unwrap_or(after.len());
        if to - from > LINT_LINE_BYTES_MAX {
            return None;
        }
        let mut piece = ShownLines { from, text: String::new(), masks: Vec::new() };
        let mut at = from;
        for range in self.hidden.get(file).into_iter().flatten().filter(|range| range.start < to && range.end > from) {
            let range = range.start.max(from)..range.end.min(to);
            piece.text.push_str(&String::from_utf8_lossy(&text[at..range.start]));
            let begin = piece.text.len();
            piece.text.push_str(REDACTED);
            // Lines keep their numbers.
            let lines = text[range.clone()].iter().filter(|byte| **byte == b'\n').count();
            piece.text.push_str(&"\n".repeat(lines));
            piece.masks.push((range.clone(), begin..piece.text.len()));
            at = range.end;
        }
        piece.text.push_str(&String::from_utf8_lossy(&text[at..to]));
        Some(piece)
    }
}

/// Lines of a file as they are shown.
struct ShownLines {
    /// Where they begin in the file.
    from: usize,
    text: String,
    /// Bytes of the file, and of the text what stands for them.
    masks: Vec<(Range<usize>, Range<usize>)>,
}

impl ShownLines {
    /// A place in the file as a place in the text, on one line.
    fn within(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.floor(self.at(span.start, false));
        let end = self.floor(self.at(span.end, true)).max(start);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        start..end.min(line_end)
    }

    /// Where a byte of the file stands in the text; one that is not shown, where its mask begins or ends.
    fn at(&self, byte: usize, is_end: bool) -> usize {
        let mut at = byte.saturating_sub(self.from);
        for (range, mask) in &self.masks {
            if byte >= range.end {
                at = mask.end + (byte - range.end);
            } else if byte > range.start {
                return if is_end { mask.end } else { mask.start };
            }
        }
        at
    }

    fn floor(&self, at: usize) -> usize {
        (0..=at.min(self.text.len())).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or_default()
    }
}

/// The files of a folder, as `serve --fixtures` takes them, and recordings besides.
fn of_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let is_named = [".json", ".yaml", ".yml", ".ndjson"].iter().any(|ending| plain.ends_with(ending));
        if is_named && !name.starts_with('.') && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// By what it looks like; what looks like nothing, by its name.
fn is_recording(name: &str, text: &[u8]) -> bool {
    match sniff::at(text) {
        TextLooks::Recording => true,
        TextLooks::Fixture | TextLooks::Answer(_) | TextLooks::Other(_) => false,
        TextLooks::Unknown => {
            let name = name.to_ascii_lowercase();
            name.strip_suffix(".gz").unwrap_or(&name).ends_with(".ndjson")
        }
    }
}

fn not_text(name: &str, text: &[u8], at: usize) -> FileDiagnostic {
    let (at, (message, cure)) = match sniff::mismatch(text, name, InputWanted::Any) {
        Some(told) => (0, told),
        None => (at, ("this is not UTF-8".to_owned(), "save the file as UTF-8".to_owned())),
    };
    let before = String::from_utf8_lossy(&text[..at]);
    let (line, column) =
        (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    FileDiagnostic {
        file: name.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        span: at..at,
        message,
        cure,
        also: None,
    }
}

/// Finds where lines begin, from the top down.
struct LineStarts<'t> {
    text: &'t [u8],
    line: u32,
    start: usize,
}

impl LineStarts<'_> {
    fn start_of(&mut self, line: u32) -> usize {
        while self.line < line {
            let Some(end) = self.text[self.start..].iter().position(|&byte| byte == b'\n') else { break };
            self.start += end + 1;
            self.line += 1;
        }
        self.start
    }
}

impl From<Diagnostic> for FileDiagnostic {
    fn from(diagnostic: Diagnostic) -> FileDiagnostic {
        let Diagnostic { file, line, column, span_bytes, message, cure, also } = diagnostic;
        FileDiagnostic { file, line, column, span: span_bytes, message, cure, also }
    }
}

impl FileDiagnostic {
    fn in_recording(mistake: RecordingDiagnostic, lines: &mut LineStarts<'_>) -> FileDiagnostic {
        let RecordingDiagnostic { file, line, column, what, cure } = mistake;
        let at = (lines.start_of(line) + column.saturating_sub(1) as usize).min(lines.text.len());
        FileDiagnostic { file, line, column, span: at..(at + 1).min(lines.text.len()), message: what, cure, also: None }
    }

    fn to_value(&self) -> Value {
        let FileDiagnostic { file, line, column, message, cure, also, .. } = self;
        let mut value = json!({ "file": file, "line": line, "column": column, "message": message, "cure": cure });
        if let Some(Also { file, line, column, what, .. }) = also {
            value["also"] = json!({ "file": file, "line": line, "column": column, "what": what });
        }
        value
    }
}
