//! `--report KIND=FILE`: where reports go, checked before the run and written after it.

use std::ffi::OsString;
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::styling::Style;

use super::args::VerdictArgs;
use super::console::{CommandError, Console, of_severity, paint};
use crate::contract::Counts;
use crate::contract::report::{Report, ReportFormat};
use crate::contract::strictness::Strictness;
use crate::finding::Severity;

/// A report that the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportWanted {
    pub format: ReportFormat,
    /// The file; none for stdout.
    pub file: Option<PathBuf>,
}

impl FromStr for ReportWanted {
    type Err = String;

    /// `KIND=FILE`; `KIND` alone and `KIND=-` are for stdout.
    fn from_str(text: &str) -> Result<ReportWanted, String> {
        let (name, file) = text.split_once('=').map_or((text, "-"), |(name, file)| (name, file));
        let format = name.parse().map_err(|error: crate::error::Error| error.to_string())?;
        match file {
            "" => Err(format!("`{text}` names no file: write {name}=FILE, or {name} alone for stdout")),
            "-" => Ok(ReportWanted { format, file: None }),
            file => Ok(ReportWanted { format, file: Some(file.into()) }),
        }
    }
}

/// Sees to it that a report knows what those that are wanted tell besides: where its page is.
pub(crate) fn complete(wanted: &[ReportWanted], report: &mut Report) {
    let page = wanted.iter().find(|wanted| wanted.format.name() == "html").and_then(|wanted| wanted.file.as_ref());
    report.page = page.map(|file| file.display().to_string());
}

/// Whether one of these is wanted.
pub(crate) fn wants(wanted: &[ReportWanted], format: ReportFormat) -> bool {
    wanted.iter().any(|wanted| wanted.format == format)
}

/// Sees to it that every report can be written when its time comes. An older report that stands in the
/// place of a new one is removed, so that it cannot be taken for it.
///
/// # Errors
/// [`CommandError::input`] if two reports would be written to one place; [`CommandError::surroundings`] if one
/// cannot be written.
pub(crate) fn prepare(wanted: &[ReportWanted], console: &Console) -> Result<(), CommandError> {
    for (at, one) in wanted.iter().enumerate() {
        if wanted[..at].iter().any(|other| other.file == one.file) {
            let place = one.file.as_ref().map_or_else(|| "stdout".to_owned(), |file| file.display().to_string());
            return Err(CommandError::input(format!("two reports go to {place}; give each a file of its own")));
        }
        let Some(file) = &one.file else {
            if console.json() {
                let name = one.format.name();
                return Err(CommandError::input(format!(
                    "stdout is for one document of JSON, with --json and in the packages: write the report to a file, \
                     --report {name}=FILE"
                )));
            }
            continue;
        };
        try_out(file).map_err(|error| cannot_write(file, error))?;
    }
    Ok(())
}

/// The file that the page of the run is written to, for others to point at.
pub(crate) fn page(wanted: &[ReportWanted]) -> Option<String> {
    let page = wanted.iter().find(|wanted| wanted.format == ReportFormat::Html)?;
    page.file.as_ref().map(|file| file.display().to_string())
}

/// Writes every report; stdout's last, so that whoever reads it to its end finds the files whole.
///
/// # Errors
/// When one cannot be written. The others are.
pub(crate) fn write(wanted: &[ReportWanted], report: &Report, console: &Console) -> Result<(), CommandError> {
    let mut failed = None;
    for ReportWanted { format, file } in wanted {
        if let Some(file) = file
            && let Err(error) = replace(file, &report.write(*format))
        {
            failed.get_or_insert(cannot_write(file, error));
        }
    }
    for ReportWanted { format, .. } in wanted.iter().filter(|wanted| wanted.file.is_none()) {
        let told = match format {
            ReportFormat::Text => text(report, console.stdout_has_colors()),
            _ => report.write(*format),
        };
        console.result(told.trim_end())?;
    }
    failed.map_or(Ok(()), Err)
}

/// Writes a result to a file, whole, or to stdout if there is none or it is `-`.
///
/// # Errors
/// [`CommandError::surroundings`] if it cannot be written.
pub(crate) fn put(file: Option<&Path>, text: &str, console: &Console) -> Result<(), CommandError> {
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => Ok(replace(file, text).map_err(|error| crate::Error::cannot_write("", file, error))?),
        None => console.result(text.trim_end()),
    }
}

/// Tells what was found to stderr, as the text report does.
pub(crate) fn tell(report: &Report, console: &Console) {
    if report.findings.is_empty() && report.counts == Counts::default() && report.forgotten == Counts::default() {
        return;
    }
    console.say(&text(report, console.stderr_has_colors()));
}

/// The text report, with colours where there are any.
pub(crate) fn text(report: &Report, has_colors: bool) -> String {
    let text = report.write(ReportFormat::Text);
    if has_colors { text.lines().map(|line| colored(line) + "\n").collect() } else { text }
}

/// How strictly the user wants calls to be judged.
///
/// # Errors
/// [`CommandError::input`] if there is no rule of a name.
pub(crate) fn strictness(verdict: &VerdictArgs) -> Result<Strictness, CommandError> {
    let start = Strictness::new(verdict.contract);
    let start = if verdict.check_answers { start.with_checked_answers() } else { start };
    Ok(verdict.rule.iter().try_fold(start, |strictness, (id, level)| strictness.rule(id, *level))?)
}

/// A line of the text report in colours: the name of its severity, and headings.
fn colored(line: &str) -> String {
    for severity in [Severity::Error, Severity::Warning] {
        let mark = format!("{severity}[");
        if let Some(at) = line.find(&mark).filter(|at| *at == 0 || line[..*at].ends_with("^ ")) {
            let name = paint(true, of_severity(severity), severity.name());
            return format!("{}{name}{}", &line[..at], &line[at + severity.name().len()..]);
        }
    }
    if line.starts_with("──") { paint(true, Style::new().bold(), line) } else { line.to_owned() }
}

fn try_out(file: &Path) -> Result<(), Error> {
    match fs::metadata(file) {
        Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return Ok(()),
        Ok(_) => fs::remove_file(file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let temporary = temporary(file);
    fs::write(&temporary, "")?;
    fs::remove_file(&temporary)
}

/// Writes a file so that whoever sees it sees it whole. What is no file but a pipe or a device is
/// written to as it is.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn replace(file: &Path, text: &str) -> Result<(), Error> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return fs::write(file, text);
    }
    let temporary = temporary(file);
    fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, file)).inspect_err(|_| {
        // What is half written helps nobody.
        let _ = fs::remove_file(&temporary);
    })
}

fn temporary(file: &Path) -> PathBuf {
    let mut name: OsString = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    file.with_file_name(name)
}

fn cannot_write(file: &Path, error: Error) -> CommandError {
    crate::Error::cannot_write("the report ", file, error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_by_kind_and_file() {
        let file = |format, name: &str| Ok(ReportWanted { format, file: Some(name.into()) });
        for (text, expected) in [
            ("sarif=a/b.sarif", file(ReportFormat::Sarif, "a/b.sarif")),
            ("json=a=b", file(ReportFormat::Json, "a=b")),
            ("text", Ok(ReportWanted { format: ReportFormat::Text, file: None })),
            ("annotations=-", Ok(ReportWanted { format: ReportFormat::Annotations, file: None })),
            ("junit=", Err("`junit=` names no file: write junit=FILE, or junit alone for stdout".to_owned())),
        ] {
            assert_eq!(text.parse::<ReportWanted>(), expected, "{text}");
        }
        assert!("junt=x".parse::<ReportWanted>().expect_err("unknown").contains("did you mean `junit`?"));
    }
}
