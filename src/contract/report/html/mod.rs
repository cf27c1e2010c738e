//! The page: one file that a browser shows without a network, and the same that a running mock serves.
//!
//! The document says verdict, findings and lanes as plain tables, for readers without scripts. Beside them stands all of
//! it as JSON, which the page's own script draws: `page/`, plain modules that are joined here as they are. The policy in
//! the document allows that script and that style sheet by their hashes and nothing else, so nothing that a client sent
//! can ever run; and the script writes texts as texts alone.

mod data;
mod plain;
mod replay;
mod sha256;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde_json::Value;

use super::Report;
use crate::base64;

/// What the page is made of, joined in this order.
const MODULES: [&str; 9] = [
    include_str!("page/dom.js"),
    include_str!("page/text.js"),
    include_str!("page/model.js"),
    include_str!("page/copy.js"),
    include_str!("page/lanes.js"),
    include_str!("page/machine.js"),
    include_str!("page/panels.js"),
    include_str!("page/live.js"),
    include_str!("page/main.js"),
];

const STYLE: &str = include_str!("page/page.css");

/// What the page is.
pub(crate) const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// The script: the modules without the lines that join them elsewhere.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let lines = MODULES.iter().flat_map(|module| module.lines());
    let lines = lines.filter(|line| !line.starts_with("import "));
    lines.fold(String::new(), |mut script, line| {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
        script
    })
});

/// What a browser may do with the page.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", base64::encode(&sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'",
        hash(&SCRIPT),
        hash(STYLE)
    )
});

/// The policy of the page, for a header; a page of another site may not put it into a frame.
pub(crate) fn policy() -> String {
    format!("{}; frame-ancestors 'none'", *POLICY)
}

/// The page of a run that has ended, as one file.
pub(super) fn write(report: &Report) -> String {
    document(report, &data::of(report, 0))
}

/// The page of a run that goes on.
pub(crate) fn live(report: &Report) -> String {
    let mut data = data::of(report, 0);
    data["live"] = true.into();
    document(report, &data)
}

/// What has come to the page since call `after`.
pub(crate) fn since(report: &Report, after: u64) -> Value {
    let mut data = data::of(report, after);
    data["live"] = true.into();
    data
}

fn document(report: &Report, data: &Value) -> String {
    let (policy, script) = (&*POLICY, &*SCRIPT);
    // A text of JSON may hold any sign but this one, which could end the element that it stands in.
    let data = data.to_string().replace('<', "\\u003c");
    let plain = plain::body(report);
    let title = plain::escaped(&report.summary());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"content-security-policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title} · elastimock</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <div id=\"app\"></div>\n{plain}\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script type=\"module\">{script}</script>\n</body>\n</html>\n"
    )
}
