//! The public face, as a snapshot: a change of it is seen in review.
//!
//! It is read from the sources: the lint `unreachable_pub` sees to it that what is `pub` there can be reached.

use std::fs;

use crate::support::path;

/// What a file gives out: its items in their order, without bodies, documents and values.
fn given_out(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let (mut attributes, mut item) = (Vec::new(), String::new());
    // Variants have no word before them; a field that says `pub` may be of a type that does not.
    let (mut is_in_enum, mut is_in_private) = (false, false);
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with("#[cfg(test)]") && text.contains("\nmod tests {") && line == bare {
            break;
        }
        if bare.starts_with("//") || bare.is_empty() {
            continue;
        }
        if item.is_empty() {
            if bare.starts_with("#[derive") || bare == "#[non_exhaustive]" || bare.starts_with("#[must_use") {
                let shown = if bare.starts_with("#[must_use") { "#[must_use]" } else { bare };
                attributes.push(shown.to_owned());
                continue;
            }
            if bare.starts_with("#[") {
                continue;
            }
            let is_variant = is_in_enum && line.starts_with("    ") && !line.starts_with("     ");
            if line == "}" {
                (is_in_enum, is_in_private) = (false, false);
            }
            is_in_private |= line.starts_with("pub(") || line.starts_with("struct ") || line.starts_with("fn ");
            is_in_private &= !bare.ends_with([';', '}']) || line.starts_with(' ');
            if is_in_private || (!bare.starts_with("pub ") && !is_variant) {
                attributes.clear();
                continue;
            }
        }
        item.push_str(if item.is_empty() { "" } else { " " });
        item.push_str(bare);
        let open = item.matches(['(', '<', '[']).count();
        let close = item.matches([')', '>', ']']).count() - item.matches("->").count() - item.matches("=>").count();
        let is_whole = open <= close && bare.ends_with(['{', '}', ';', ',']);
        if is_whole {
            is_in_enum |= item.starts_with("pub enum ") && item.ends_with('{');
            let is_value = ["pub const ", "pub static "].iter().any(|word| item.starts_with(word));
            let end = match (is_value, item.starts_with("pub fn ") && item.ends_with('}')) {
                (true, _) => item.find(" = "),
                (_, true) => item.find(" { "),
                _ => None,
            };
            let shown = item[..end.unwrap_or(item.len())].trim_end_matches(['{', ' ', ',', ';']).to_owned();
            let attributes = std::mem::take(&mut attributes);
            items.push(attributes.into_iter().chain([shown]).collect::<Vec<_>>().join(" "));
            item.clear();
        }
    }
    items
}

#[test]
fn the_public_face_is_the_one_that_was_reviewed() {
    let mut files = Vec::new();
    crate::tidy::collect(&path("src"), &mut files);
    files.sort();
    let mut face = String::new();
    for file in files {
        let name = file.strip_prefix(path("src")).expect("below src").display().to_string().replace('\\', "/");
        // For the fuzzer, for the binary, and what is compiled for tests alone.
        if name.starts_with("json/") || name.starts_with("cli/") || name.ends_with("tests.rs") {
            continue;
        }
        let items = given_out(&fs::read_to_string(&file).expect("a source"));
        if !items.is_empty() {
            face.push_str(&format!("{name}\n"));
            items.iter().for_each(|item| face.push_str(&format!("    {item}\n")));
        }
    }
    insta::assert_snapshot!(face);
}
