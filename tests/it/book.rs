//! The book in `docs/`: the pages that are written from the code, the links, the table of contents, and the length of
//! the README.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use elastimock::contract::rules;

use crate::support::path;

/// Lines that a README may have: what is more belongs into the book.
const README_LINES_MAX: usize = 240;

const WRITTEN: &str = "<!-- written by `cargo test` -->";

/// Writes a page anew if it is not as it should be, and fails then.
fn hold(page: &str, text: &str) {
    let file = path(page);
    if fs::read_to_string(&file).unwrap_or_default() != text {
        fs::write(&file, text).unwrap_or_else(|error| panic!("{page}: {error}"));
        panic!("{page} was not as the code has it: it is now, look at the difference and commit it");
    }
}

#[test]
fn the_page_of_rules_is_that_of_the_code() {
    let mut page = format!("# The rules\n\n{WRITTEN}\n\nWhat `elastimock explain RULE` tells, for all of them.\n");
    for rule in rules() {
        page.push_str(&format!("\n## {}\n\n**{}**: {}\n\n{}\n", rule.id, rule.severity, rule.demands, rule.why.trim()));
        page.push_str(&format!("\n*To mend a client:* {}\n", rule.mend.trim()));
        for (title, example) in [("Breaks it", rule.breaks), ("Just keeps it", rule.keeps)] {
            page.push_str(&format!("\n{title}:\n\n```text\n{}\n```\n", example.trim()));
        }
        page.push_str(&format!("\nWritten in: {}\n", rule.reference));
    }
    hold("docs/rules.md", &page);
}

/// The tables of `limits.rs`: what is bounded, by how much, and what is answered beyond it.
#[test]
fn the_page_of_limits_is_that_of_the_code() {
    let source = fs::read_to_string(path("src/limits.rs")).expect("the limits");
    let mut page = format!(
        "# Limits\n\n{WRITTEN}\n\nEvery bound of the mock, and what happens beyond it: an answer, or a loss that is told.\n"
    );
    let (mut paragraphs, mut is_in_table) = (vec![String::new()], false);
    for line in source.lines() {
        if let Some(title) = line.strip_prefix("// ") {
            page.push_str(&format!("\n## {title}\n"));
            is_in_table = false;
        } else if line == "///" {
            paragraphs.push(String::new());
        } else if let Some(text) = line.strip_prefix("/// ") {
            let paragraph = paragraphs.last_mut().expect("one at least");
            paragraph.push_str(if paragraph.is_empty() { "" } else { " " });
            paragraph.push_str(text);
        } else if let Some(bound) = line.strip_prefix("pub(crate) const ") {
            let (name, value) = bound.split_once(": ").expect("a type");
            let [what, beyond] = &paragraphs[..] else {
                panic!("{name}: its comment has two paragraphs: {paragraphs:?}")
            };
            let beyond = beyond.strip_prefix("Beyond: ").unwrap_or_else(|| panic!("{name}: `Beyond: ` is missing"));
            if !is_in_table {
                page.push_str("\n| limit | value | beyond it |\n| --- | --- | --- |\n");
            }
            let value = value.split_once(" = ").expect("a value").1.trim_end_matches(';');
            page.push_str(&format!("| {} | {} | {beyond} |\n", what.trim_end_matches('.'), amount(name, value)));
            (paragraphs, is_in_table) = (vec![String::new()], true);
        }
    }
    hold("docs/limits.md", &page);
}

/// A constant's value as people write it, with the unit that its name ends in.
fn amount(name: &str, expression: &str) -> String {
    if let Some(list) = expression.strip_prefix('[') {
        let several = list.trim_end_matches(']').split(", ").map(|each| amount(name, each));
        return several.collect::<Vec<_>>().join(" to ");
    }
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().unwrap_or_else(|_| panic!("{name}: {text}"));
    let (product, less) = expression.split_once(" - ").unwrap_or((expression, "0"));
    let value = product.split('*').map(number).product::<u64>() - number(less);
    let has = |unit: &str| name.split('_').any(|word| word == unit);
    let units: &[(u64, &str)] = match () {
        () if has("BYTES") => &[(1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB"), (1, " bytes")],
        () if has("MS") => &[(60_000, " min"), (1_000, " s"), (1, " ms")],
        () if has("S") => &[(86_400, " d"), (60, " min"), (1, " s")],
        () => &[(1, "")],
    };
    let (size, unit) = units.iter().find(|(size, _)| value % size == 0).expect("the smallest is one");
    let digits = (value / size).to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    format!("{}{unit}", groups.join(","))
}

/// Every `DIFFERENCE:` of the code stands at the end of the page of differences, with its file.
#[test]
fn the_page_of_differences_lists_those_of_the_code() {
    const HEADING: &str = "\n## Where they are in the code\n";
    let page = fs::read_to_string(path("docs/differences.md")).expect("the page");
    let mut text = page.split_once(HEADING).map_or(page.as_str(), |(own, _)| own).trim_end().to_owned();
    text.push('\n');
    text.push_str(&format!(
        "{HEADING}\n{WRITTEN}\n\nEach has a mark `DIFFERENCE:`, and what follows is what it says there.\n\n"
    ));
    for (file, source) in crate::tidy::sources() {
        // What the comment says before the mark, and in its paragraph.
        let mut before = String::new();
        let mut lines = source.lines().map(str::trim_start).peekable();
        while let Some(line) = lines.next() {
            let comment = line.strip_prefix("//").map(|line| line.trim_start_matches(['/', '!']).trim());
            let Some(comment) = comment else {
                before.clear();
                continue;
            };
            let Some(first) = comment.strip_prefix("DIFFERENCE: ") else {
                before = format!("{before} {comment}");
                continue;
            };
            let mut said = first.to_owned();
            while let Some(more) = lines.next_if(|line| line.starts_with("//")) {
                match more.trim_start_matches(['/', '!']).trim() {
                    "" => break,
                    more => said = format!("{said} {more}"),
                }
            }
            let subject = before.trim().split_inclusive(". ").next().map_or("", str::trim_end);
            let subject = if subject.is_empty() { String::new() } else { format!(" *{subject}*") };
            let entry = format!("* `{}`:{subject} {said}\n", file.trim_start_matches("src/"));
            // A link of the code's documents leads nowhere from here.
            text.push_str(&entry.replace("[`", "`").replace("`]", "`"));
        }
    }
    hold("docs/differences.md", &text);
}

/// The packages have their pages where their registries look for them.
#[test]
fn the_pages_of_the_packages_are_theirs() {
    for (page, package) in [("docs/python.md", "packages/python"), ("docs/javascript.md", "packages/javascript")] {
        let text = fs::read_to_string(path(package).join("README.md")).expect("the package's README");
        let (_, text) = text.split_once('\n').expect("a title");
        let title = if package.ends_with("python") { "pytest" } else { "vitest and node:test" };
        hold(page, &format!("# {title}\n\n{WRITTEN}\n{text}"));
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_page_of_the_command_line_is_what_help_tells() {
    let mut page = format!("# Command line\n\n{WRITTEN}\n");
    let top = crate::cli::run(&["--help"]).stdout;
    let commands = top.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    for name in [""].into_iter().chain(names.filter(|name| *name != "help")) {
        let words: Vec<&str> = [name, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let told = crate::cli::run(&words).stdout;
        let heading = format!("elastimock {name}");
        page.push_str(&format!("\n## {}\n\n```text\n{}\n```\n", heading.trim(), told.trim_end()));
    }
    hold("docs/command-line.md", &page);
}

#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(path("README.md")).expect("the README");
    let lines = readme.lines().count();
    assert!(lines <= README_LINES_MAX, "the README has {lines} lines: what is not for the first minutes goes to docs/");
}

#[test]
fn the_book_has_every_page_in_its_contents() {
    let contents = fs::read_to_string(path("docs/SUMMARY.md")).expect("the contents");
    let linked: BTreeSet<String> = links(&contents).into_iter().collect();
    let there = fs::read_dir(path("docs")).expect("docs").map(|entry| entry.expect("an entry").file_name());
    let pages = there.map(|name| name.to_string_lossy().into_owned());
    let pages: BTreeSet<String> = pages.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect();
    assert_eq!(linked, pages);
}

/// Rustdoc has the book too: each page is a module, and each link between pages one between modules.
#[test]
fn rustdoc_has_the_pages_and_their_links() {
    let module = fs::read_to_string(path("src/book.rs")).expect("the module");
    let mut wrong = Vec::new();
    for page in pages() {
        let name = page.file_stem().expect("a name").to_string_lossy();
        if !module.contains(&format!("    {} \"{name}\"\n", name.replace('-', "_"))) {
            wrong.push(format!("{}: add it to `pages!` in src/book.rs", page.display()));
        }
        let text = prose(&fs::read_to_string(&page).expect("a page"));
        for inline in text.split("](").skip(1).filter_map(|part| part.split_once(')')).map(|(link, _)| link) {
            if inline.contains(".md") && !inline.contains("://") {
                wrong.push(format!("{}: write [{inline}] as a reference, [text][{inline}]", page.display()));
            }
        }
        for (label, target) in definitions(&text) {
            let (file, anchor) = label.split_once(".md").unwrap_or((&label, ""));
            let line = format!("[{label}]: crate::book::{}{anchor}\n", file.replace('-', "_"));
            if label != target || !module.contains(&line) {
                wrong.push(format!(
                    "{}: [{label}] is called as what it leads to, and stands in src/book.rs",
                    page.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The pages of the book.
fn pages() -> Vec<PathBuf> {
    let all = fs::read_dir(path("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let is_page = |page: &PathBuf| page.extension().is_some_and(|it| it == "md") && !page.ends_with("SUMMARY.md");
    all.filter(is_page).collect()
}

/// Every link of the README, the book and the other pages leads to a file of ours and to a heading in it. A page of
/// the book links only pages of the book: nothing else is there when it is built.
#[test]
fn links_lead_somewhere() {
    let mut pages = pages();
    pages.push(path("docs/SUMMARY.md"));
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "packages/python/README.md", "packages/javascript/README.md"].map(path),
    );
    let mut wrong = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).expect("a page");
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap_or(Path::new("")).join(file) };
            let is_book = page.starts_with(path("docs"));
            let is_there = target.exists() && (!is_book || target.parent() == page.parent());
            if !is_there || !(anchor.is_empty() || anchors(&target).contains(anchor)) {
                wrong.push(format!("{}: [{link}] leads nowhere", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text of a page without its blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the links of a page lead.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let parts = text.split("](").skip(1);
    let inline = parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned()));
    let defined = definitions(&text);
    // One that is nowhere defined leads nowhere.
    let labels = text.split("][").skip(1).filter_map(|part| Some(part.split_once(']')?.0));
    let undefined = labels.filter(|label| !defined.iter().any(|(it, _)| it == label)).map(|label| format!("{label}?"));
    inline.chain(undefined).chain(defined.iter().map(|(_, target)| target.clone())).collect()
}

/// The definitions of links at the end of a page: `[label]: target`.
fn definitions(text: &str) -> Vec<(String, String)> {
    let parts = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    parts.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
}

/// The headings of a page as links name them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(&fs::read_to_string(page).unwrap_or_default());
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}
