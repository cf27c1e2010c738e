//! `elastimock explain`: the page of one rule or incident, or the list of all rules; `elastimock incidents`: their list.

use serde_json::{Value, json};

use super::args::Explain;
use super::console::{CommandError, Console, Exit};
use crate::contract::rules::{RULES, Rule};
use crate::contract::strictness;
use crate::fixture::{self, Incident};
use crate::limits::EXPLAIN_LINE_CHARS_MAX;

/// Prints the list of incidents.
pub(crate) fn incidents(console: &Console) -> Result<Exit, CommandError> {
    let all = fixture::incidents();
    if console.json() {
        console.json_line(&all.iter().map(incident_value).collect())?;
    } else {
        let width = all.iter().map(|incident| incident.name.len()).max().unwrap_or_default();
        let lines: Vec<String> =
            all.iter().map(|incident| format!("{:width$}  {}", incident.name, incident.title)).collect();
        console.result(&lines.join("\n"))?;
    }
    Ok(Exit::Done)
}

fn incident_value(incident: &Incident) -> Value {
    let Incident { name, title, story, good, report, stubs } = incident;
    let stubs: Value = serde_json::from_str(stubs).unwrap_or_default();
    json!({ "incident": name, "title": title, "story": story, "good": good, "report": report, "stubs": stubs["stubs"] })
}

fn incident_page(incident: &Incident) -> String {
    let mut page = format!("{} (incident)\n", incident.name);
    let mut part = |title: &str, lines: Vec<String>| {
        page.push_str(&format!("\n{title}\n"));
        lines.iter().for_each(|line| page.push_str(&format!("  {line}\n")));
    };
    part("What happens", wrapped(incident.title));
    part("The story", wrapped(incident.story));
    part("What a good client does", wrapped(incident.good));
    part("Its stubs", incident.stubs.lines().map(str::to_owned).collect());
    part("Where it was reported", wrapped(incident.report));
    page.push_str(&format!("\n`elastimock serve --incident {}` has it happen.\n", incident.name));
    page
}

/// Prints a page or the list.
pub(crate) fn run(asked: &Explain, console: &Console) -> Result<Exit, CommandError> {
    match &asked.rule {
        Some(id) if fixture::incidents().iter().any(|incident| incident.name == id) => {
            let incident = Incident::named(id)?;
            match console.json() {
                true => console.json_line(&incident_value(incident))?,
                false => console.result(incident_page(incident).trim_end())?,
            }
        }
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
    let Rule { id, severity, demands, why, hint, mend, reference, breaks, keeps, .. } = rule;
    json!({
        "rule": id,
        "severity": severity.name(),
        "demands": demands,
        "why": why,
        "hint": hint,
        "breaks": breaks,
        "keeps": keeps,
        "mend": mend,
        "reference": reference,
    })
}

fn page(rule: &Rule) -> String {
    let mut page = format!("{} ({})\n", rule.id, rule.severity);
    let mut part = |title: &str, lines: Vec<String>| {
        page.push_str(&format!("\n{title}\n"));
        for line in lines {
            page.push_str(format!("  {line}").trim_end());
            page.push('\n');
        }
    };
    part("What it demands", wrapped(rule.demands));
    part("Why", wrapped(rule.why));
    part("How to mend a client", wrapped(rule.mend));
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    part("An example that breaks it", lines(rule.breaks));
    part("An example that just keeps it", lines(rule.keeps));
    part("Where it is written", wrapped(rule.reference));
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
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= EXPLAIN_LINE_CHARS_MAX)
        {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
