//! The table of ratios, and the targets with their verdicts; as text and as Markdown.

use crate::elastimock_contender;
use serde_json::Value;
use std::error::Error;
use std::fmt::Write as _;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// A number where a tenth tells something.
    Fraction,
    /// A ratio.
    Times,
    /// Microseconds; printed as milliseconds where they are many.
    Micros,
    /// Bytes; printed as kB or MB (powers of 1000) where they are many.
    Bytes,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        let size = figure.abs();
        match self {
            _ if figure.is_nan() => "-".to_owned(),
            Unit::Count => thousands(figure),
            Unit::Fraction => format!("{figure:.1}"),
            Unit::Times => format!("{figure:.2}"),
            Unit::Micros if size >= 100_000.0 => format!("{} ms", thousands(figure / 1e3)),
            Unit::Micros if size >= 1000.0 => format!("{:.2} ms", figure / 1e3),
            Unit::Micros => format!("{figure:.0} us"),
            Unit::Bytes if size >= 1e6 => format!("{:.1} MB", figure / 1e6),
            Unit::Bytes if size >= 10_000.0 => format!("{:.1} kB", figure / 1e3),
            Unit::Bytes => format!("{} B", thousands(figure)),
        }
    }
}

/// Grouped by commas.
pub fn thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut out = if figure <= -0.5 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// One measurement, for every contender that took part.
#[derive(Clone, Debug)]
pub struct Row {
    label: String,
    unit: Unit,
    figures: Vec<(String, f64)>,
    ratios: Vec<(String, f64)>,
}

impl Row {
    /// A row without figures.
    pub fn new(label: &str, unit: Unit) -> Row {
        Row { label: label.to_owned(), unit, figures: Vec::new(), ratios: Vec::new() }
    }

    /// The same row with this figure.
    pub fn with(mut self, name: &str, figure: f64) -> Row {
        self.set(name, figure);
        self
    }

    /// Sets a contender's figure.
    pub fn set(&mut self, name: &str, figure: f64) {
        self.figures.push((name.to_owned(), figure));
    }

    /// Sets a contender's figure if there is a number.
    pub fn set_from(&mut self, name: &str, value: &Value) {
        if let Some(figure) = value.as_f64() {
            self.set(name, figure);
        }
    }

    /// Sets the subject's figure divided by this contender's, where rounds were paired.
    pub fn set_ratio(&mut self, name: &str, ratio: f64) {
        self.ratios.push((name.to_owned(), ratio));
    }

    /// A contender's figure.
    pub fn of(&self, name: &str) -> Option<f64> {
        find(&self.figures, name)
    }

    /// The paired ratio to a contender.
    pub fn ratio_to(&self, name: &str) -> Option<f64> {
        find(&self.ratios, name)
    }

    /// What is measured.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// In what.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    fn cell(&self, name: &str, subject: &str) -> String {
        let Some(figure) = self.of(name) else {
            return "-".to_owned();
        };
        let shown = self.unit.show(figure);
        // Outside these bounds one of the two is next to nothing, and the ratio is noise.
        let ratio = self
            .ratio_to(name)
            .or_else(|| self.of(subject).map(|ours| ours / figure))
            .filter(|ratio| (0.01..=100.0).contains(ratio) && name != subject);
        ratio.map_or(shown.clone(), |ratio| format!("{shown} (x{ratio:.2})"))
    }
}

fn find(pairs: &[(String, f64)], name: &str) -> Option<f64> {
    pairs.iter().find(|(candidate, _)| candidate == name).map(|(_, figure)| *figure)
}

/// A bound that elastimock's figure should keep.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    bound: f64,
    stretch: Option<f64>,
    is_most: bool,
}

/// The figure should be no larger; `stretch` is what it would ideally be.
pub fn at_most(bound: f64, stretch: Option<f64>) -> Target {
    Target { bound, stretch, is_most: true }
}

/// The figure should be no smaller; `stretch` is what it would ideally be.
pub fn at_least(bound: f64, stretch: Option<f64>) -> Target {
    Target { bound, stretch, is_most: false }
}

impl Target {
    fn verdict(&self, figure: Option<f64>) -> &'static str {
        let keeps = |bound: f64, figure: f64| {
            if self.is_most { figure <= bound } else { figure >= bound }
        };
        match (figure, self.stretch) {
            (Some(figure), Some(stretch)) if keeps(stretch, figure) => "met, stretch too",
            (Some(figure), _) if keeps(self.bound, figure) => "met",
            (Some(_), _) => "MISSED",
            (None, _) => "NOT MEASURED",
        }
    }

    fn show(&self, unit: Unit) -> String {
        let sign = if self.is_most { "<=" } else { ">=" };
        let stretch = self.stretch.map(|stretch| format!(" (stretch {})", unit.show(stretch)));
        format!("{sign} {}{}", unit.show(self.bound), stretch.unwrap_or_default())
    }
}

/// Everything that a run found out.
pub struct Report {
    machine: String,
    names: Vec<&'static str>,
    rows: Vec<Row>,
    targets: Vec<[String; 4]>,
    notes: Vec<String>,
}

impl Report {
    /// An empty report with a column for each name; the ratios are those of the subject.
    pub fn new(machine: String, names: Vec<&'static str>) -> Report {
        Report { machine, names, rows: Vec::new(), targets: Vec::new(), notes: Vec::new() }
    }

    /// Whose figure is divided by everybody's: elastimock, or without it the least server.
    pub fn subject(&self) -> &'static str {
        let has_elastimock = self.names.contains(&elastimock_contender::NAME);
        if has_elastimock { elastimock_contender::NAME } else { "least" }
    }

    /// Adds a row to the table.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Judges elastimock's figure; nobody else has targets.
    pub fn target(&mut self, what: &str, unit: Unit, figure: Option<f64>, target: Target) {
        if self.subject() == elastimock_contender::NAME {
            let shown = figure.map_or("-".to_owned(), |figure| unit.show(figure));
            let verdict = target.verdict(figure).to_owned();
            self.targets.push([what.to_owned(), shown, target.show(unit), verdict]);
        }
    }

    /// Adds a remark below the tables.
    pub fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// Notes that a contender has no figure, and why.
    pub fn failed(&mut self, part: &str, name: &str, error: &(dyn Error + 'static)) {
        const SHOWN_MAX: usize = 300;
        let text: String = error.to_string().chars().take(SHOWN_MAX).collect();
        self.note(&format!("no figure: {part}, {name}: {text}"));
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        self.render(|rows| {
            let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
            let mut out = String::new();
            for (index, row) in rows.iter().enumerate() {
                for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                    let gap = if column == 0 { "" } else { "  " };
                    if column == 0 {
                        let _ = write!(out, "{gap}{cell:<width$}");
                    } else {
                        let _ = write!(out, "{gap}{cell:>width$}");
                    }
                }
                out.push('\n');
                if index == 0 {
                    let whole = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
                    let _ = writeln!(out, "{}", "-".repeat(whole));
                }
            }
            out
        })
    }

    /// For a document.
    pub fn markdown(&self) -> String {
        self.render(|rows| {
            let mut out = String::new();
            for (index, row) in rows.iter().enumerate() {
                let _ = writeln!(out, "| {} |", row.join(" | "));
                if index == 0 {
                    let _ = writeln!(out, "|---|{}", "---:|".repeat(row.len() - 1));
                }
            }
            out
        })
    }

    /// A history with the subject's figures as those of a version, before the versions that were there.
    pub fn kept_in(&self, history: &str, version: &str, cores: usize) -> String {
        let subject = self.subject();
        let (arch, system) = (std::env::consts::ARCH, std::env::consts::OS);
        let mut section =
            format!("## {version}\n\n{cores} cores, {arch}, {system}\n\n| measurement | {subject} |\n|---|---:|\n");
        for row in &self.rows {
            if let Some(figure) = row.of(subject) {
                let _ = writeln!(section, "| {} | {} |", row.label(), row.unit().show(figure));
            }
        }
        let mut parts = history.split("\n## ");
        let mut out = format!("{}\n\n{section}", parts.next().unwrap_or_default().trim_end());
        for other in parts.filter(|part| part.lines().next() != Some(version)) {
            let _ = write!(out, "\n## {}\n", other.trim_end());
        }
        out
    }

    fn render(&self, table: impl Fn(&[Vec<String>]) -> String) -> String {
        let subject = self.subject();
        let mut out = format!("{}\n\n", self.machine);
        let _ = writeln!(out, "(x...): the figure of {subject} divided by the one it stands behind.\n");
        let mut rows = vec![vec!["measurement".to_owned()]];
        rows[0].extend(self.names.iter().map(|name| (*name).to_owned()));
        for row in &self.rows {
            let mut cells = vec![row.label.clone()];
            cells.extend(self.names.iter().map(|name| row.cell(name, subject)));
            rows.push(cells);
        }
        out.push_str(&table(&rows));
        if !self.targets.is_empty() {
            let mut rows = vec![["target", "figure", "bound", "verdict"].map(str::to_owned).to_vec()];
            rows.extend(self.targets.iter().map(|target| target.to_vec()));
            let _ = write!(out, "\n{}", table(&rows));
        }
        if !self.notes.is_empty() {
            out.push('\n');
            for note in &self.notes {
                let _ = writeln!(out, "* {note}");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_so_that_people_read_them() {
        assert_eq!(Unit::Count.show(1_234_567.4), "1,234,567");
        assert_eq!(Unit::Count.show(-1200.0), "-1,200");
        assert_eq!(Unit::Micros.show(130.4), "130 us");
        assert_eq!(Unit::Micros.show(6_000.0), "6.00 ms");
        assert_eq!(Unit::Micros.show(500_000.0), "500 ms");
        assert_eq!(Unit::Bytes.show(8192.0), "8,192 B");
        assert_eq!(Unit::Bytes.show(16_777_216.0), "16.8 MB");
    }

    #[test]
    fn a_bound_is_met_missed_or_surpassed() {
        let most = at_most(24_000.0, Some(20_000.0));
        assert_eq!(most.verdict(Some(24_000.0)), "met");
        assert_eq!(most.verdict(Some(19_000.0)), "met, stretch too");
        assert_eq!(most.verdict(Some(24_001.0)), "MISSED");
        assert_eq!(most.verdict(None), "NOT MEASURED");
        assert_eq!(at_least(0.9, Some(1.0)).verdict(Some(0.95)), "met");
        assert_eq!(at_least(0.9, None).verdict(Some(0.89)), "MISSED");
    }

    #[test]
    fn a_history_has_each_version_once_and_the_latest_first() {
        let mut report = Report::new(String::new(), vec!["least"]);
        report.row(Row::new("speed", Unit::Count).with("least", 50.0));
        let once = report.kept_in("# History\n", "1.0.0", 2);
        let twice = report.kept_in(&once, "2.0.0", 2);
        assert_eq!(report.kept_in(&twice, "2.0.0", 2), twice);
        let versions: Vec<&str> = twice.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(versions, ["## 2.0.0", "## 1.0.0"]);
        assert!(once.ends_with("| speed | 50 |\n"), "{once}");
    }

    #[test]
    fn a_cell_holds_the_figure_and_the_ratio_of_the_subject_to_it() {
        let row = Row::new("speed", Unit::Count).with("least", 50.0).with("bare", 100.0);
        assert_eq!(row.cell("least", "least"), "50");
        assert_eq!(row.cell("bare", "least"), "100 (x0.50)");
        assert_eq!(row.cell("nobody", "least"), "-");
    }
}
