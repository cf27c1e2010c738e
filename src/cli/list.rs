//! `elastimock list`: the operations that are served.

use serde_json::{Value, json};

use super::args::List;
use super::console::{Console, Exit, Failure};
use crate::api::operations;

/// Prints the table, one line for each path.
pub fn run(list: &List, console: &Console) -> Result<Exit, Failure> {
    let rows = || operations().filter(|row| row.is_in(list.profile));
    if console.json() {
        let rows: Value = rows()
            .map(|row| json!({ "operation": row.name, "method": row.method.as_str(), "path": row.path }))
            .collect();
        console.json_line(&rows)?;
        return Ok(Exit::Done);
    }
    let width = rows().map(|row| row.name.len()).max().unwrap_or_default();
    let lines: Vec<String> =
        rows().map(|row| format!("{:width$}  {:6}  {}", row.name, row.method.as_str(), row.path)).collect();
    console.result(&lines.join("\n"))?;
    Ok(Exit::Done)
}
