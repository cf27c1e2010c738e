//! `elastimock explain`: the page of one rule, or the list of all.

use serde_json::{Value, json};

use super::args::Explain;
use super::console::{Console, Exit, Failure};
use crate::judge::rules::{RULES, Rule};
use crate::judge::strictness;

/// Characters of a line.
const LINE_CHARS_MAX: usize = 80;

/// Prints a page or the list.
pub fn run(asked: &Explain, console: &Console) -> Result<Exit, Failure> {
    match &asked.rule {
        Some(id) => {
            let rule = strictness::find(id)?;
            if console.json() { console.json_line(&value(rule))? } else { console.result(page(rule).trim_end())? }
        }
        None if console.json() => console.json_line(&RULES.iter().map(value).collect())?,
        None => {
            let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
            let lines: Vec<String> =
                RULES.iter().map(|rule| format!("{:width$}  {:7}  {}", rule.id, rule.severity, rule.demands)).collect();
            console.result(&lines.join("\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn value(rule: &Rule) -> Value {
    let Rule { id, severity, demands, why, hint, mend, reference, .. } = rule;
    json!({
        "rule": id,
        "severity": severity.name(),
        "demands": demands,
        "why": why,
        "hint": hint,
        "mend": mend,
        "reference": reference,
    })
}

fn page(rule: &Rule) -> String {
    let mut page = format!("{} ({})\n", rule.id, rule.severity);
    for (title, text) in [
        ("What it demands", rule.demands),
        ("Why", rule.why),
        ("How to mend a client", rule.mend),
        ("Where it is written", rule.reference),
    ] {
        page.push_str(&format!("\n{title}\n"));
        for line in wrapped(text) {
            page.push_str(&format!("  {line}\n"));
        }
    }
    page.push_str(&format!(
        "\n`--rule {}=off` silences it, `--rule {}=error` and `=warning` set how much it weighs.\n",
        rule.id, rule.id
    ));
    page
}

/// A text in lines of a page's width.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= LINE_CHARS_MAX) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
