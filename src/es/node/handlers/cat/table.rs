//! [`CatTable`]: rows under named columns, as text or as JSON.
//!
//! `h` chooses columns by name, alias or wildcard; `s` sorts; `v` shows the names; `bytes` chooses a
//! unit; `format` or `Accept` asks for JSON.
//!
//! Source: Elasticsearch 9.x, its tables.

use std::cmp::Ordering;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::es::error::ApiError;
use crate::es::http::call::{AnswerBody, Call, Reply};
use crate::wildcard::is_like;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    aliases: &'static [&'static str],
    to_the_right: bool,
    on_demand: bool,
    /// What its help says of it; none if nobody has written the help of the table.
    says: Option<&'static str>,
}

/// A column of words.
pub(crate) const fn left(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, aliases, to_the_right: false, on_demand: false, says: None }
}

/// A column of numbers.
pub(crate) const fn right(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, aliases, to_the_right: true, on_demand: false, says: None }
}

impl Column {
    /// The column, shown only if it is asked for by name.
    pub(crate) const fn on_demand(mut self) -> Column {
        self.on_demand = true;
        self
    }

    /// The column with what its help says.
    pub(crate) const fn says(mut self, text: &'static str) -> Column {
        self.says = Some(text);
        self
    }

    fn goes_by(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// A word.
    Text(String),
    /// A number.
    Number(u64),
    /// A number of bytes, shown in a unit.
    Bytes(u64),
}

impl Cell {
    fn cmp(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Number(one), Cell::Number(other)) | (Cell::Bytes(one), Cell::Bytes(other)) => one.cmp(other),
            (one, other) => one.text(None).cmp(&other.text(None)),
        }
    }

    fn text(&self, unit: Option<&str>) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Bytes(bytes) => in_unit(*bytes, unit),
        }
    }
}

/// Rows under columns; each row has a cell for every column.
pub(crate) struct CatTable {
    /// The columns.
    pub columns: &'static [Column],
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl CatTable {
    /// The answer, as the call asks for it.
    ///
    /// # Errors
    /// A column that is not there, and `help`.
    pub(crate) fn reply(mut self, call: &Call) -> Result<Reply, ApiError> {
        if call.switch("help") {
            return help(self.columns);
        }
        self.sort(call.query("s").unwrap_or_default())?;
        let shown = self.shown(call.query("h"))?;
        let unit = call.query("bytes");
        let cells = |row: &Vec<Cell>| -> Vec<String> { shown.iter().map(|(at, _)| row[*at].text(unit)).collect() };
        let rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        if call.names_type {
            let object = |row: Vec<String>| -> Value {
                let members = shown.iter().zip(row).map(|((_, title), cell)| (title.clone(), Value::from(cell)));
                Value::Object(members.collect::<Map<_, _>>())
            };
            return Ok(Reply::json(rows.into_iter().map(object).collect()));
        }
        let titles = call.switch("v").then(|| shown.iter().map(|(_, title)| title.clone()).collect());
        let lines: Vec<Vec<String>> = titles.into_iter().chain(rows).collect();
        let columns: Vec<&Column> = shown.iter().map(|(at, _)| &self.columns[*at]).collect();
        Ok(Reply::ok(AnswerBody::Text(Bytes::from(text(&columns, &lines)))))
    }

    /// The places of the columns to show, each with the title that it goes by.
    fn shown(&self, asked: Option<&str>) -> Result<Vec<(usize, String)>, ApiError> {
        let named = |(at, column): (usize, &Column)| (at, column.name.to_owned());
        let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
            return Ok(self.columns.iter().enumerate().filter(|(_, column)| !column.on_demand).map(named).collect());
        };
        let mut shown = Vec::new();
        for name in asked.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name.contains('*') {
                shown.extend(
                    self.columns.iter().enumerate().filter(|(_, column)| is_like(name, column.name)).map(named),
                );
            } else {
                // DIFFERENCE: Elasticsearch passes over a column that it does not know.
                let at = self.columns.iter().position(|column| column.goes_by(name)).ok_or_else(|| {
                    let known: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
                    ApiError::unsupported(&format!("the column [{name}]"), &format!("it has {}", known.join(", ")))
                })?;
                shown.push((at, name.to_owned()));
            }
        }
        Ok(shown)
    }

    /// Sorts the rows by columns, each with its direction.
    ///
    /// # Errors
    /// A column that is not there.
    pub(crate) fn sort(&mut self, order: &str) -> Result<(), ApiError> {
        let mut keys = Vec::new();
        for key in order.split(',').filter(|key| !key.is_empty()) {
            let (name, down) = match key.rsplit_once(':') {
                Some((name, direction)) => (name, direction == "desc"),
                None => (key, false),
            };
            let at = self.columns.iter().position(|column| column.goes_by(name));
            keys.push((at.ok_or_else(|| ApiError::unknown_sort_key(name))?, down));
        }
        self.rows.sort_by(|one, other| {
            let order = |(at, down): &(usize, bool)| {
                let order = one[*at].cmp(&other[*at]);
                if *down { order.reverse() } else { order }
            };
            keys.iter().map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(())
    }
}

/// What a table can show: a line a column, with its other names and what it says.
fn help(columns: &'static [Column]) -> Result<Reply, ApiError> {
    let line = |column: &Column| {
        let says = column.says?;
        Some(vec![column.name.to_owned(), "|".to_owned(), column.aliases.join(","), "|".to_owned(), says.to_owned()])
    };
    let lines: Option<Vec<Vec<String>>> = columns.iter().map(line).collect();
    let Some(lines) = lines else {
        return Err(ApiError::unsupported("[help] of this table", "send `v`, which names the columns"));
    };
    const PLAIN: Column = left("", &[]);
    let mut out = String::new();
    for text in text(&[&PLAIN; 5], &lines).lines() {
        out.push_str(text);
        out.push_str(" \n");
    }
    Ok(Reply::ok(AnswerBody::Text(Bytes::from(out))))
}

/// Lines of cells, each as wide as the widest of its column; nothing follows the last one.
fn text(columns: &[&Column], lines: &[Vec<String>]) -> String {
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut out = String::new();
    for line in lines {
        for (at, (column, cell)) in columns.iter().zip(line).enumerate() {
            let blanks = " ".repeat(widths[at] - cell.chars().count());
            let is_last = at + 1 == columns.len();
            if column.to_the_right {
                out.push_str(&blanks);
            }
            out.push_str(cell);
            if !column.to_the_right && !is_last {
                out.push_str(&blanks);
            }
            if !is_last {
                out.push(' ');
            }
        }
        out.push('\n');
    }
    out
}

/// Bytes in the unit that is asked for, as a whole number; else in the one that suits them, cut after
/// one digit.
fn in_unit(bytes: u64, unit: Option<&str>) -> String {
    const UNITS: [&str; 6] = ["b", "kb", "mb", "gb", "tb", "pb"];
    if let Some(power) = UNITS.iter().position(|known| unit.is_some_and(|unit| *known == unit || known[..1] == *unit)) {
        return (bytes >> (10 * power)).to_string();
    }
    let power = (0..UNITS.len()).rev().find(|power| bytes >> (10 * power) > 0).unwrap_or(0);
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    match tenths % 10 {
        0 => format!("{}{}", tenths / 10, UNITS[power]),
        tenth => format!("{}.{tenth}{}", tenths / 10, UNITS[power]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_units() {
        for (bytes, unit, expected) in [
            (0, None, "0b"),
            (225, None, "225b"),
            (1023, None, "1023b"),
            (1024, None, "1kb"),
            (1075, None, "1kb"),
            (1280, None, "1.2kb"),
            (5 << 20, None, "5mb"),
            (3 << 30, None, "3gb"),
            (1280, Some("b"), "1280"),
            (1280, Some("kb"), "1"),
            (1280, Some("k"), "1"),
            (1280, Some("mb"), "0"),
        ] {
            assert_eq!(in_unit(bytes, unit), expected, "{bytes} {unit:?}");
        }
    }

    #[test]
    fn numbers_stand_right_words_left_and_nothing_follows_the_last() {
        let columns = [&left("name", &[]), &right("n", &[]), &left("more", &[])];
        let line = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let lines = [line(["name", "n", "more"]), line(["a", "10", "x"]), line(["bcdef", "7", ""])];
        assert_eq!(text(&columns, &lines), "name   n more\na     10 x\nbcdef  7 \n");
    }
}
