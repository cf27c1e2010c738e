//! Whatever a client puts into its calls, every report stays well formed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::clock::Timestamp;
use crate::http::{Method, Request, Response};
use crate::steps::taken;

fn finding(seq: u64, severity: Severity, text: &str) -> Finding {
    let rule = if severity == Severity::Error { "off-spec-body" } else { "made-for-this-test" };
    Finding {
        operation: Some(text.to_owned()),
        message: text.to_owned(),
        hint: text.to_owned().into(),
        evidence: Map::from_iter(
            [("expected", text), ("seen", text)].map(|(name, text)| (name.to_owned(), Value::from(text))),
        ),
        reference: "a test".into(),
        ..Finding::about(rule, severity, seq, Timestamp::default())
    }
}

fn call(seq: u64, text: &str) -> Interaction {
    Interaction {
        seq,
        at: Timestamp::from_millis(1_935_482_400_000 + seq as i64),
        operation: None,
        request: Request::new(Method::Put, format!("/_connector/_sync_job/{text}/_claim")).with_body(text.to_owned()),
        response: Response::new(200),
        findings: Vec::new(),
        took_us: 0,
        scope: None,
    }
}

fn report(texts: &[(String, bool)]) -> Report {
    let mut report = Report { fail_on: Some(Severity::Error), ..Report::default() };
    for (seq, (text, is_error)) in (1..).zip(texts) {
        let severity = if *is_error { Severity::Error } else { Severity::Warning };
        report.findings.push(finding(seq, severity, text));
        report.story.push(call(seq, text));
        report.places.insert(seq, RecordingPlace { file: text.clone(), line: 7 });
        match severity {
            Severity::Error => report.counts.error += 1,
            Severity::Warning => report.counts.warning += 1,
        }
        report.calls += 1;
    }
    in_one_scope(report)
}

/// The report of a run that is one scope.
fn in_one_scope(report: Report) -> Report {
    let scope = Scope {
        number: 1,
        first_seq: 1,
        calls: report.calls,
        findings: report.findings.clone(),
        counts: report.counts,
        ..Scope::default()
    };
    Report { scopes: vec![scope], ..report }
}

/// Texts with all that can go wrong in a report.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("]]>".to_owned()),
        Just("<!-- &amp; -->".to_owned()),
        Just("\"'\r\n\t\u{0}\u{b}\u{1b}[31m\u{7f}\u{85}".to_owned()),
        Just("::error::%0A%25,:".to_owned()),
        Just("\u{fffe}\u{ffff}\u{2028}\u{202e}\u{1f980}".to_owned()),
        ".*",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_form_is_well_formed(texts in prop::collection::vec((nasty(), any::<bool>()), 0..5)) {
        let report = report(&texts);
        for format in ReportFormat::ALL {
            let text = report.write(format);
            prop_assert!(text.ends_with('\n') || text.is_empty(), "{}", format.name());
            use ReportFormat::{Ctrf, Har, Html, Json, Sarif};
            // What the page shows is tested by a browser; its data are JSON.
            if ![Json, Sarif, Har, Ctrf, Html].contains(&format) {
                let hidden = |c: char| c.is_control() && c != '\n' && c != '\t';
                prop_assert!(!text.contains(hidden), "{}: {text:?}", format.name());
            }
        }
        let json = |format| serde_json::from_str::<Value>(&report.write(format)).expect("JSON");
        let findings = json(ReportFormat::Json);
        let results = json(ReportFormat::Sarif);
        let entries = json(ReportFormat::Har);
        prop_assert_eq!(&json(ReportFormat::Ctrf)["results"]["summary"]["tests"], 1);
        let markup = markup(&report.write(ReportFormat::Summary));
        prop_assert!(!["<!--", "]]>", "::error", "&amp;"].iter().any(|sent| markup.contains(sent)), "{markup}");
        for (at, (text, is_error)) in texts.iter().enumerate() {
            prop_assert_eq!(&findings["findings"][at]["message"], text);
            let level = if *is_error { "error" } else { "warning" };
            prop_assert_eq!(&results["runs"][0]["results"][at]["level"], level);
            prop_assert_eq!(&entries["log"]["entries"][at]["request"]["postData"]["text"].as_str().unwrap_or_default(), text);
        }

        let annotations = report.write(ReportFormat::Annotations);
        let groups = groups::groups(&report.findings);
        prop_assert_eq!(annotations.lines().count(), groups.len());
        for (line, group) in annotations.lines().zip(&groups) {
            let (text, is_error) = (&group.first.message, group.first.severity == Severity::Error);
            let level = if is_error { "::error " } else { "::warning " };
            prop_assert!(line.starts_with(level), "{line}");
            let (properties, message) = line[level.len()..].split_once("::").expect("a message");
            prop_assert_eq!(properties.split(',').count(), 3, "{}", properties);
            let unescaped = |text: &str| text.replace("%0A", "\n").replace("%0D", "\r").replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
            prop_assert!(unescaped(message).contains(&visible(text)), "{message}");
            prop_assert_eq!(unescaped(properties.split(',').next().unwrap_or_default()), format!("file={}", visible(text)));
        }

        let suites = xml::read(&report.write(ReportFormat::Junit)).expect("XML");
        xml::is_junit(&suites).expect("JUnit");
        let failed = texts.iter().any(|(_, is_error)| *is_error);
        prop_assert_eq!(suites.attributes["tests"].as_str(), "1");
        prop_assert_eq!(suites.attributes["failures"].as_str(), if failed { "1" } else { "0" });
    }
}

/// What of a Markdown text is none of its code blocks and code spans.
fn markup(text: &str) -> String {
    let (mut left, mut fence): (String, Option<usize>) = (String::new(), None);
    for line in text.lines() {
        let tildes = line.len() - line.trim_start_matches('~').len();
        match fence {
            None if tildes >= 3 => fence = Some(tildes),
            None => left.push_str(&without_spans(line)),
            Some(open) if tildes >= open && line.len() == tildes => fence = None,
            Some(_) => {}
        }
    }
    assert!(fence.is_none(), "a block is not closed: {text}");
    left
}

fn without_spans(line: &str) -> String {
    let (mut left, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        let behind = &rest[at..];
        let marks = behind.len() - behind.trim_start_matches('`').len();
        let inside = &behind[marks..];
        // A span ends at a run of as many marks.
        let runs = inside.match_indices(&behind[..marks]);
        let is_alone = |at: usize| !inside[..at].ends_with('`') && !inside[at + marks..].starts_with('`');
        let end = runs.map(|(at, _)| at).find(|at| is_alone(*at));
        left.push_str(&rest[..at]);
        rest = match end {
            Some(end) => &inside[end + marks..],
            None => inside,
        };
    }
    left + rest
}

#[test]
fn a_report_without_findings_says_so_in_every_form() {
    let scope = Scope { number: 1, first_seq: 1, calls: 3, ..Scope::default() };
    let report = Report { calls: 3, scopes: vec![scope], ..Report::default() };
    assert_eq!(report.write(ReportFormat::Text), "3 calls: no findings\n");
    assert_eq!(report.write(ReportFormat::Annotations), "");
    assert_eq!(
        report.write(ReportFormat::Json),
        "{\"findings\":[],\"counts\":{\"error\":0,\"warning\":0},\"calls\":3}\n"
    );
    let suites = xml::read(&report.write(ReportFormat::Junit)).expect("XML");
    xml::is_junit(&suites).expect("JUnit");
    assert_eq!(suites.attributes["tests"], "1");
}

#[test]
fn a_scope_whose_findings_are_not_kept_fails_all_the_same() {
    let counts = Counts { error: 3, warning: 1 };
    let scope = |number, counts| Scope { number, first_seq: number, calls: 1, counts, ..Scope::default() };
    let scopes = vec![scope(1, Counts::default()), scope(2, counts)];
    let report = Report { counts, calls: 2, scopes, fail_on: Some(Severity::Error), ..Report::default() };
    let xml = report.write(ReportFormat::Junit);
    let at = xml.find("name=\"scope 2\"").expect("the second scope");
    assert!(xml[at..].contains("<failure message=\"findings that are no longer kept: 4\" type=\"error\">"), "{xml}");
    xml::is_junit(&xml::read(&xml).expect("XML")).expect("JUnit");
}

#[test]
fn a_long_lane_is_shown_around_its_findings() {
    let mut report = report(&[("job-1".to_owned(), true)]);
    report.story.extend((2..=200).map(|seq| call(seq, "job-1")));
    report.findings.push(finding(100, Severity::Warning, "late"));
    let text = report.write(ReportFormat::Text);
    let shown: Vec<&str> = text.lines().filter(|line| line.contains(" → 200")).collect();
    assert_eq!(shown.len(), 4 + 7, "{text}");
    assert!(
        text.contains("  … 92 calls without findings\n") && text.contains("  … 97 calls without findings\n"),
        "{text}"
    );
    assert!(text.contains("\n> 100  "), "{text}");
}

fn of_rule(rule: &'static str, severity: Severity, seq: u64) -> Finding {
    Finding { message: format!("{rule} was broken"), ..Finding::about(rule, severity, seq, Timestamp::default()) }
}

/// A report of findings of those rules, each at a call of its own.
fn of_rules(rules: &[(&'static str, Severity)], fail_on: Severity) -> Report {
    let mut report = Report { fail_on: Some(fail_on), calls: rules.len() as u64, ..Report::default() };
    for (seq, (rule, severity)) in (1..).zip(rules) {
        report.findings.push(of_rule(rule, *severity, seq));
        report.counts.add(*severity, 1);
        report.story.push(call(seq, "job-1"));
    }
    in_one_scope(report)
}

#[test]
fn the_first_line_agrees_with_the_exit_code_and_says_whose_fault_it_is() {
    use Severity::{Error, Warning};
    let (own, gap, mild) = (("off-spec-body", Error), ("unsupported-operation", Error), ("duplicate-job", Warning));
    let mild_gap = ("unsupported-operation", Warning);
    for (rules, fail_on, headline, summary) in [
        (&[][..], Warning, "0 calls: no findings", "no findings"),
        (&[own], Error, "the client broke the contract: 1 error, 0 warnings", "1 error"),
        (&[mild], Error, "the client kept the contract: 0 errors, 1 warning", "1 warning"),
        (
            &[mild],
            Warning,
            "1 warning, and warnings fail this run (fail_on)",
            "1 warning, and warnings fail this run (fail_on)",
        ),
        (&[own, mild], Warning, "the client broke the contract: 1 error, 1 warning", "1 error, 1 warning"),
        (
            &[gap],
            Error,
            "the mock could not answer 1 call, and that fails this run; of the client: 0 errors, 0 warnings",
            "the mock could not answer 1 call",
        ),
        (
            &[gap, gap, mild],
            Warning,
            "the mock could not answer 2 calls, and that fails this run; of the client: 0 errors, 1 warning, \
             and warnings fail this run (fail_on)",
            "the mock could not answer 2 calls; 1 warning, and warnings fail this run (fail_on)",
        ),
        (
            &[mild_gap],
            Error,
            "the mock could not answer 1 call; of the client: 0 errors, 0 warnings",
            "the mock could not answer 1 call",
        ),
        (
            &[own, gap, mild],
            Error,
            "the client broke the contract: 1 error, 1 warning; the mock could not answer 1 call",
            "the mock could not answer 1 call; 1 error, 1 warning",
        ),
    ] {
        let report = of_rules(rules, fail_on);
        let text = report.write(ReportFormat::Text);
        assert_eq!(text.lines().next(), Some(headline), "{rules:?}");
        assert_eq!(report.summary(), summary, "{rules:?}");
        assert!(!(report.is_failure() && text.contains("kept the contract")), "{text}");
        let of_command = Report { is_of_command: true, ..report };
        assert_eq!(of_command.summary(), summary.replace("(fail_on)", "(--fail-on warning)"));
    }
}

#[test]
fn what_the_mock_cannot_do_stands_apart_and_last() {
    let gap = ("unsupported-operation", Severity::Error);
    let report = of_rules(&[gap, ("off-spec-body", Severity::Error), gap], Severity::Error);
    let text = report.write(ReportFormat::Text);
    let parts: Vec<&str> = text.lines().filter(|line| line.starts_with("── ")).collect();
    assert_eq!(parts, ["── sync job job-1 ──", "── what the mock could not answer ──"], "{text}");
    assert!(text.contains("error[unsupported-operation] ×2 (calls 1, 3): "), "{text}");
}

#[test]
fn equal_findings_are_told_once_and_kept_all() {
    let mut report = of_rules(&[("version-mismatch", Severity::Warning); 74], Severity::Warning);
    for (call, seq) in report.story.iter_mut().zip(4..) {
        call.seq = seq;
        // Half of them in another lane.
        if seq % 2 == 0 {
            call.request = Request::new(Method::Get, "/_connector/crm");
        }
    }
    for (finding, seq) in report.findings.iter_mut().zip(4..) {
        finding.seq = seq;
        finding.calls = vec![seq];
    }
    let report = in_one_scope(report);
    let mark = "warning[version-mismatch] ×74 (calls 4-77)";
    let text = report.write(ReportFormat::Text);
    assert!(text.lines().count() < 15, "{text}");
    for line in ["── the whole run ──", &format!("      ^ {mark}"), &format!("{mark}: version-mismatch was broken")]
    {
        assert!(text.lines().any(|told| told == line), "[{line}] is not in:\n{text}");
    }
    assert!(text.contains("… 73 calls with the same findings"), "{text}");
    let annotations = report.write(ReportFormat::Annotations);
    assert_eq!(annotations.lines().count(), 1, "{annotations}");
    assert!(annotations.starts_with("::warning title=version-mismatch::×74 (calls 4-77): "), "{annotations}");
    let junit = report.write(ReportFormat::Junit);
    assert_eq!(junit.matches("was broken").count(), 2, "once as a message, once in the text:\n{junit}");
    assert!(junit.contains(mark), "{junit}");
    let json: Value = serde_json::from_str(&report.write(ReportFormat::Json)).expect("JSON");
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(74));
    let sarif: Value = serde_json::from_str(&report.write(ReportFormat::Sarif)).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(74));
}

#[test]
fn ids_stay_as_they_are() {
    let mut report = of_rules(&[("off-spec-body", Severity::Error)], Severity::Error);
    report.findings[0].message = "job-1 was claimed by a worker without a name".to_owned();
    report.findings[0].hint = "name it".into();
    let sarif: Value = serde_json::from_str(&report.write(ReportFormat::Sarif)).expect("JSON");
    let message = &sarif["runs"][0]["results"][0]["message"]["text"];
    assert_eq!(message, "job-1 was claimed by a worker without a name.\nName it.");
}

#[test]
fn a_report_grows_with_its_calls_and_findings() {
    let steps = |lanes: u64, calls: u64| {
        let mut report = report(&[]);
        for seq in 1..=lanes * calls {
            report.findings.push(finding(seq, Severity::Error, &format!("job-{}", seq % lanes)));
            report.story.push(call(seq, &format!("job-{}", seq % lanes)));
        }
        taken(|| {
            report.story = story(&report.findings, report.story.iter().cloned());
            ReportFormat::ALL.map(|format| report.write(format))
        })
    };
    for (few, many, what) in
        [(steps(100, 1), steps(2_000, 1), "lanes"), (steps(1, 100), steps(1, 2_000), "calls of one lane")]
    {
        assert!(few > 0 && many <= 2 * 20 * few, "{what}: {few} steps for 100, {many} for 2,000");
    }
}

#[test]
fn unknown_forms_are_told_with_the_closest() {
    assert_eq!(
        "sarf".parse::<ReportFormat>().map_err(|error| error.to_string()),
        Err("there is no report `sarf`; did you mean `sarif`? reports are text, json, junit, sarif, annotations, har, summary, ctrf, html"
            .to_owned())
    );
}

/// So much of XML 1.0 as a report may use, and JUnit's rules on top of it.
mod xml {
    use super::*;

    #[derive(Debug, Default)]
    pub(crate) struct Element {
        pub name: String,
        pub attributes: BTreeMap<String, String>,
        pub children: Vec<Element>,
        pub text: String,
    }

    /// The root of a document.
    pub(crate) fn read(document: &str) -> Result<Element, String> {
        if let Some(wrong) = document
            .chars()
            .find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        {
            return Err(format!("{wrong:?} is no character of XML"));
        }
        let rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("no declaration")?;
        let (root, rest) = element(rest)?;
        if rest.trim().is_empty() { Ok(root) } else { Err(format!("after the root: {rest}")) }
    }

    fn element(text: &str) -> Result<(Element, &str), String> {
        let text = text.strip_prefix('<').ok_or_else(|| format!("no element: {text}"))?;
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').ok_or("a name without end")?;
        let mut element = Element { name: text[..end].to_owned(), ..Element::default() };
        let mut rest = &text[end..];
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (name, value) = attribute.split_once("=\"").ok_or("an attribute without a value")?;
            let (value, after) = value.split_once('"').ok_or("a value without end")?;
            if value.contains('<') {
                return Err(format!("a < in {value}"));
            }
            if element.attributes.insert(name.to_owned(), unescaped(value)?).is_some() {
                return Err(format!("{name} twice"));
            }
            rest = after;
        }
        if let Some(rest) = rest.strip_prefix("/>") {
            return Ok((element, rest));
        }
        rest = rest.strip_prefix('>').ok_or_else(|| format!("an open tag: {rest}"))?;
        loop {
            let at = rest.find('<').ok_or("an element without end")?;
            if rest[..at].contains("]]>") {
                return Err("a ]]> in a text".to_owned());
            }
            element.text.push_str(&unescaped(&rest[..at])?);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("</") {
                let after = after.strip_prefix(element.name.as_str()).and_then(|after| after.strip_prefix('>'));
                return Ok((element, after.ok_or_else(|| format!("another end: {rest}"))?));
            }
            let (child, after) = self::element(rest)?;
            element.children.push(child);
            rest = after;
        }
    }

    fn unescaped(text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut parts = text.split('&');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (name, rest) = part.split_once(';').ok_or_else(|| format!("a bare &: {text}"))?;
            out.push(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "#39" => '\'',
                "#10" => '\n',
                "#9" => '\t',
                other => return Err(format!("&{other};")),
            });
            out.push_str(rest);
        }
        Ok(out)
    }

    /// An element, its required attributes, its optional ones, what may stand in it.
    type Rule = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

    /// The rules of Jenkins' schema for JUnit: which elements stand in which, with which attributes.
    const RULES: &[Rule] = &[
        ("testsuites", &[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        (
            "testsuite",
            &["name", "tests", "failures", "errors"],
            &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
        ),
        ("properties", &[], &[], &["property"]),
        ("property", &["name", "value"], &[], &[]),
        (
            "testcase",
            &["name"],
            &["time", "classname", "group"],
            &["skipped", "error", "failure", "system-out", "system-err"],
        ),
        ("failure", &[], &["type", "message"], &[]),
        ("system-out", &[], &[], &[]),
    ];

    /// Whether an element and all in it keep the rules, and a suite's numbers are those of its cases.
    pub(crate) fn is_junit(element: &Element) -> Result<(), String> {
        let (_, required, optional, children) =
            RULES.iter().find(|rule| rule.0 == element.name).ok_or_else(|| format!("no <{}>", element.name))?;
        for name in *required {
            element.attributes.get(*name).ok_or_else(|| format!("<{}> has no {name}", element.name))?;
        }
        for name in element.attributes.keys() {
            if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
                return Err(format!("<{}> has {name}", element.name));
            }
        }
        let has_text = ["failure", "system-out"].contains(&element.name.as_str());
        if !has_text && !element.text.trim().is_empty() {
            return Err(format!("<{}> has a text", element.name));
        }
        for child in &element.children {
            if !children.contains(&child.name.as_str()) {
                return Err(format!("<{}> has <{}>", element.name, child.name));
            }
            is_junit(child)?;
        }
        if element.name == "testsuite" {
            let cases = || element.children.iter().filter(|child| child.name == "testcase");
            let failed = cases().filter(|case| case.children.iter().any(|child| child.name == "failure")).count();
            let told = |name: &str| element.attributes.get(name).and_then(|count| count.parse().ok());
            if told("tests") != Some(cases().count()) || told("failures") != Some(failed) {
                return Err("the suite counts otherwise".to_owned());
            }
        }
        Ok(())
    }
}
