//! `elastimock completions` and `elastimock man`: what a shell and `man` want to know, made from the command line.

use std::fs;

use clap::builder::PossibleValuesParser;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::{self, Completions, Man};
use super::console::{CommandError, Console, Exit};

/// Prints the completions of a shell.
pub(crate) fn completions(completions: &Completions, console: &Console) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut named(args::command()), "elastimock", &mut script);
    console.result(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// The command line with the names that a word may be: rules, incidents, operations, commands. When it is read they
/// are not asked for here, so that a wrong one is told with the nearest.
fn named(whole: clap::Command) -> clap::Command {
    let names = |argument: clap::Arg, names: Vec<&'static str>| argument.value_parser(PossibleValuesParser::new(names));
    let incidents = || crate::fixture::incidents().iter().map(|incident| incident.name);
    let explained: Vec<_> = crate::contract::rules().iter().map(|rule| rule.id).chain(incidents()).collect();
    let mut described: Vec<_> = crate::es::table::operations().map(|operation| operation.name).collect();
    described.dedup();
    described.extend(["fixture", "recording"]);
    let whole = whole
        .mut_subcommand("explain", |explain| explain.mut_arg("rule", |rule| names(rule, explained)))
        .mut_subcommand("schema", |schema| schema.mut_arg("operation", |operation| names(operation, described)));
    ["serve", "run"].into_iter().fold(whole, |whole, name| {
        whole.mut_subcommand(name, |command| {
            command.mut_arg("incident", |incident| names(incident, incidents().collect()))
        })
    })
}

/// Prints one page, or writes all of them into a folder.
pub(crate) fn man(man: &Man, console: &Console) -> Result<Exit, CommandError> {
    let mut whole = args::command().disable_help_subcommand(true);
    whole.build();
    if let Some(folder) = &man.out {
        let cannot = |error| CommandError::surroundings(format!("cannot write pages to {}: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(cannot)?;
        for command in std::iter::once(&whole).chain(whole.get_subcommands().filter(|command| !command.is_hide_set())) {
            let file = folder.join(format!("{}.1", command.get_display_name().unwrap_or("elastimock")));
            fs::write(&file, page(command)).map_err(cannot)?;
            console.tell(&format!("wrote {}", file.display()));
        }
        return Ok(Exit::Done);
    }
    let command = match &man.command {
        None => &whole,
        Some(name) => whole.find_subcommand(name).ok_or_else(|| {
            CommandError::input(format!("there is no command `{name}`; `elastimock --help` lists them all"))
        })?,
    };
    console.result(page(command).trim_end())?;
    Ok(Exit::Done)
}

/// The page of a command, in the language of `man`.
fn page(command: &clap::Command) -> String {
    let texts = [command.get_about(), command.get_before_help()].into_iter().flatten();
    let description = texts.map(ToString::to_string).collect::<Vec<_>>().join("\n\n");
    let page = clap_mangen::Man::new(command.clone().long_about(description));
    let page = page.source(concat!("elastimock ", env!("CARGO_PKG_VERSION"))).manual("elastimock");
    let mut written = Vec::new();
    // Writing to memory does not fail.
    let _ = page
        .render_title(&mut written)
        .and_then(|()| page.render_name_section(&mut written))
        .and_then(|()| page.render_synopsis_section(&mut written))
        .and_then(|()| page.render_description_section(&mut written))
        .and_then(|()| page.render_options_section(&mut written));
    if command.has_subcommands() {
        let _ = page.render_subcommands_section(&mut written);
    }
    let further = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let _ = sections(&further).to_writer(&mut written);
    String::from_utf8_lossy(&written).into_owned()
}

/// The parts of a help page that stand behind the flags, each a section of its own: examples as they are, what has
/// two columns as terms with what they mean, the rest as text that flows.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for part in text.split("\n\n") {
        let Some((heading, lines)) = part.split_once(":\n") else {
            roff.control("SH", ["SEE ALSO"]).text([roman(part)]);
            continue;
        };
        roff.control("SH", [heading.to_uppercase().as_str()]);
        for line in lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)) {
            match line.trim_start().split_once("  ") {
                Some((term, meaning)) if !line.starts_with(' ') => {
                    roff.control("TP", []).text([bold(term)]).text([roman(meaning.trim_start())]);
                }
                _ if heading.starts_with("Example") => {
                    roff.control("nf", []).text([roman(line)]).control("fi", []);
                }
                _ => {
                    roff.text([roman(line.trim_start())]);
                }
            }
        }
    }
    roff
}
