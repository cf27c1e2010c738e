//! `elastimock list`: the operations that are served.

use serde_json::{Value, json};

use super::args::ListArgs;
use super::console::{CommandFailure, Console, Exit, counted};
use super::evidence::{AgreementCount, Evidence};
use crate::es::table::operations;

/// Prints the table, one line for each path.
pub(crate) fn run(list: &ListArgs, console: &Console) -> Result<Exit, CommandFailure> {
    let rows = || operations().filter(|row| row.is_in(list.profile));
    let evidence = list.evidence.as_deref().map(Evidence::read).transpose()?;
    let seen = |operation: &str| -> Vec<(String, AgreementCount)> {
        let of = |evidence: &Evidence| evidence.of(operation).map(|(server, seen)| (server.to_owned(), seen)).collect();
        evidence.as_ref().map(of).unwrap_or_default()
    };
    if console.json() {
        let rows: Value = rows()
            .map(|row| {
                let mut told = json!({ "operation": row.name, "method": row.method.as_str(), "path": row.path });
                if evidence.is_some() {
                    let one = |(server, seen): (String, AgreementCount)| {
                        json!({ "server": server, "alike": seen.alike, "otherwise": seen.otherwise })
                    };
                    told["evidence"] = seen(row.name).into_iter().map(one).collect();
                }
                told
            })
            .collect();
        console.json_line(&rows)?;
        return Ok(Exit::Done);
    }
    let width = rows().map(|row| row.name.len()).max().unwrap_or_default();
    let lines: Vec<String> = rows()
        .map(|row| {
            let evidence: Vec<String> = seen(row.name).into_iter().map(|(server, seen)| told(&server, seen)).collect();
            let evidence = if evidence.is_empty() { String::new() } else { format!("  {}", evidence.join("; ")) };
            format!("{:width$}  {:6}  {}{evidence}", row.name, row.method.as_str(), row.path)
        })
        .collect();
    console.result(&lines.join("\n"))?;
    Ok(Exit::Done)
}

/// `answered alike 3 times by Elasticsearch 9.3.0`.
fn told(server: &str, seen: AgreementCount) -> String {
    let times = counted(seen.alike, "time");
    match seen.otherwise {
        0 => format!("answered alike {times} by {server}"),
        otherwise => format!("answered alike {times} and otherwise {} by {server}", counted(otherwise, "time")),
    }
}
