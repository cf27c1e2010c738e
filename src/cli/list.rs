//! `elastimock list`: the operations that are served.

use serde_json::{Value, json};

use super::args::ListArgs;
use super::console::{CommandError, Console, Exit, counted};
use super::evidence::{AgreementCount, AnswerGround, Evidence};
use crate::es::table::operations;

/// Prints the table, one line for each path.
pub(crate) fn run(list: &ListArgs, console: &Console) -> Result<Exit, CommandError> {
    let rows = || operations().filter(|row| row.is_in(list.profile));
    let evidence = match &list.evidence {
        None => None,
        Some(None) => Some(Evidence::default()),
        Some(Some(path)) if !path.exists() => {
            let what = format!("there is no file {}", path.display());
            return Err(CommandError::input(format!("{what}; `elastimock verify --evidence FILE` writes one")));
        }
        Some(Some(path)) => Some(Evidence::read(path)?),
    };
    let seen = |evidence: &Evidence, operation: &str| -> Vec<(String, AgreementCount)> {
        evidence.of(operation).map(|(server, seen)| (server.to_owned(), seen)).collect()
    };
    if console.json() {
        let rows: Value = rows()
            .map(|row| {
                let mut told = json!({ "operation": row.name, "method": row.method.as_str(), "path": row.path });
                if let Some(evidence) = &evidence {
                    let one = |(server, seen): (String, AgreementCount)| {
                        json!({ "server": server, "alike": seen.alike, "otherwise": seen.otherwise })
                    };
                    told["evidence"] = seen(evidence, row.name).into_iter().map(one).collect();
                    let AnswerGround { passed, refused, otherwise, cases, guesses } = AnswerGround::of(row.name);
                    told["elasticsearch_tests"] =
                        json!({ "passed": passed, "refused": refused, "otherwise": otherwise });
                    told["cases"] = cases.into();
                    told["guesses"] = guesses.into();
                }
                told
            })
            .collect();
        console.json_line(&rows)?;
        return Ok(Exit::Done);
    }
    let width = rows().map(|row| row.name.len()).max().unwrap_or_default();
    let path_width = rows().map(|row| row.path.len()).max().unwrap_or_default();
    let lines: Vec<String> = rows()
        .map(|row| {
            let line = format!("{:width$}  {:6}  {}", row.name, row.method.as_str(), row.path);
            let Some(evidence) = &evidence else { return line };
            let seen = seen(evidence, row.name);
            let told = std::iter::once(ground(AnswerGround::of(row.name)))
                .chain(seen.into_iter().map(|(server, seen)| told(&server, seen)));
            let told: Vec<String> = told.collect();
            let line = format!("{:width$}  {:6}  {:path_width$}", row.name, row.method.as_str(), row.path);
            format!("{line}  {}", told.join("; "))
        })
        .collect();
    console.result(&lines.join("\n"))?;
    Ok(Exit::Done)
}

/// `12 of Elasticsearch's tests pass, 1 is refused loudly, 40 cases`.
fn ground(ground: AnswerGround) -> String {
    let AnswerGround { passed, refused, otherwise, cases, guesses } = ground;
    let mut parts = Vec::new();
    match passed + refused + otherwise {
        0 => parts.push("none of Elasticsearch's own tests".to_owned()),
        all => parts.push(format!("{passed} of {all} of Elasticsearch's own tests pass")),
    }
    parts.extend((refused > 0).then(|| format!("{refused} meet a loud refusal")));
    parts.extend((otherwise > 0).then(|| format!("{otherwise} fail otherwise")));
    parts.push(counted(cases, "case"));
    parts.extend((guesses > 0).then(|| match guesses {
        1 => "1 guess".to_owned(),
        guesses => format!("{guesses} guesses"),
    }));
    parts.join(", ")
}

/// `answered alike 3 times by Elasticsearch 9.3.0`.
fn told(server: &str, seen: AgreementCount) -> String {
    let times = counted(seen.alike, "time");
    match seen.otherwise {
        0 => format!("answered alike {times} by {server}"),
        otherwise => format!("answered alike {times} and otherwise {} by {server}", counted(otherwise, "time")),
    }
}
