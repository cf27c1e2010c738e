//! The README, the pages that it links or names, and their blocks.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::path;

/// What stands in a page that `tests/it/book.rs` writes.
const WRITTEN: &str = "<!-- written by `cargo test` -->";

/// A fenced block of a page.
#[derive(Clone)]
pub struct Block {
    pub page: String,
    /// The line of the fence.
    pub line: usize,
    pub language: String,
    pub text: String,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning: String = self.text.lines().next().unwrap_or_default().chars().take(60).collect();
        write!(f, "{}:{} {}: {beginning}", self.page, self.line, self.language)
    }
}

impl Block {
    /// Whether it is a block of that page that begins like that.
    pub fn is(&self, page: &str, beginning: &str) -> bool {
        self.page == page && self.text.starts_with(beginning)
    }
}

/// The blocks of all pages, the README's first.
pub fn blocks() -> Vec<Block> {
    // Those of the packages stand in the book, too.
    let first = ["README.md", "packages/python/README.md", "packages/javascript/README.md"];
    let mut pages: Vec<String> = first.map(str::to_owned).to_vec();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(page) = pages.get(at).cloned() {
        at += 1;
        let text = fs::read_to_string(path(&page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        for named in named_pages(&page, &text) {
            if !pages.contains(&named) {
                pages.push(named);
            }
        }
        // What a test writes from the code needs no second one.
        if !text.contains(WRITTEN) {
            found.extend(blocks_of(&page, &text));
        }
    }
    found
}

/// Pages of this repository that a page links, or names between backquotes.
fn named_pages(page: &str, text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "()`[]\"'".contains(c));
    let words = words.map(|word| word.split('#').next().unwrap_or_default()).filter(|word| word.ends_with(".md"));
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    words
        .flat_map(|word| [folder.join(word), PathBuf::from(word)])
        .filter(|file| path(&file.display().to_string()).is_file())
        .map(|file| file.display().to_string())
        .collect()
}

fn blocks_of(page: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let (page, language) = (page.to_owned(), language.trim().to_owned());
                open = Some(Block { page, line: at + 1, language, text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block without an end");
    found
}

/// The README's fixture: what its commands call `crm.json`.
pub fn fixture() -> Block {
    blocks()
        .into_iter()
        .find(|block| {
            block.page == "docs/fixtures.md" && block.language == "json" && block.text.contains("\"sync_jobs\"")
        })
        .expect("the README's fixture")
}

/// Every file of Rust below a folder.
pub fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.display().to_string().replace('\\', "/"));
        }
    }
}
