//! The report as workflow commands: `::error file=…,line=…,title=…::message`, one line for equal
//! findings, which a code host shows beside the line: of the client or the test that it comes from, or else of the
//! recording.
//!
//! Source: GitHub's workflow commands. In a message `%`, CR and LF are escaped; in a property `:` and
//! `,` as well. A line break inside a message is `%0A`.

use super::groups::groups;
use super::{Report, slashed, visible};

pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    for group in groups(&report.findings) {
        let finding = group.first;
        let mut properties = Vec::new();
        let place = match (report.source(finding), report.place(finding)) {
            (Some(source), _) => Some((slashed(&source.file), source.line)),
            (None, place) => place.map(|place| (place.file.clone(), Some(place.line))),
        };
        if let Some((file, line)) = place {
            properties.push(format!("file={}", property(&file)));
            properties.extend(line.map(|line| format!("line={line}")));
        }
        let test = report.source(finding).and_then(|source| source.test.as_deref());
        let title = match finding.scope.as_deref().or(test) {
            Some(scope) => format!("{} in {scope}", finding.rule),
            None => finding.rule.to_string(),
        };
        properties.push(format!("title={}", property(&title)));
        // The title says the rule already.
        let text = group.told();
        let message = text.split_once("] ").map_or(&*text, |(_, message)| message);
        out.push_str(&format!("::{} {}::{}\n", finding.severity, properties.join(","), escaped(message)));
    }
    out
}

fn escaped(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
