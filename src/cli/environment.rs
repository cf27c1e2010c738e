//! Variables that look like ours and are not: a mistyped one has no effect, and nobody would know.

use std::collections::BTreeSet;

use clap::Command;

use super::args;
use crate::suggest::{similar, similarity};

/// What all our variables begin with.
const PREFIX: &str = "ELASTIMOCK";

/// Variables that are set for others to read.
const FOR_OTHERS: &[&str] = &["ELASTIMOCK_URL", "ELASTIMOCK_BINARY", crate::mock::server::cassette::VARIABLE];

/// A beginning that is rather a slip than somebody else's.
const SLIP_SIMILARITY: f32 = 0.8;

/// What is wrong with the names of variables, a sentence each.
pub(crate) fn mistyped(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let known = known();
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names.iter().filter_map(|name| told(name, &known)).collect()
}

fn told(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let upper = name.to_uppercase();
    // Windows does not mind how a name is written.
    if known.contains(if cfg!(windows) { upper.as_str() } else { name }) {
        return None;
    }
    let is_ours = upper.split_once('_').is_some_and(|(prefix, _)| prefix == PREFIX);
    let resembles = |prefix: &str| similarity(prefix, PREFIX) > SLIP_SIMILARITY;
    if !is_ours && !upper.split_once('_').is_some_and(|(prefix, _)| resembles(prefix)) {
        return None;
    }
    // What all names have in common says nothing about which is meant.
    let own = |name: &str| name.split_once('_').map_or(name, |(_, own)| own).to_owned();
    let names: Vec<(String, &String)> = known.iter().map(|known| (own(known), known)).collect();
    let meant = similar(&own(&upper), names.iter().map(|(own, _)| own.as_str()));
    let meant = meant.first().and_then(|own| names.iter().find(|(known, _)| known == own));
    let cure = match meant {
        Some((_, known)) => format!("did you mean {known}?"),
        None if !is_ours => return None,
        None => "the flags of `elastimock serve --help` are the variables that there are".to_owned(),
    };
    Some(format!("the variable {name} is not known and has no effect; {cure}"))
}

/// The variables of all commands.
fn known() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = FOR_OTHERS.iter().map(|name| (*name).to_owned()).collect();
    collect(&args::command(), &mut known);
    known
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned())));
    command.get_subcommands().for_each(|command| collect(command, known));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_told_and_no_other() {
        let told = |name: &str| mistyped([name.to_owned()]).join("");
        let meant = |name: &str, meant: &str| {
            assert_eq!(
                told(name),
                format!("the variable {name} is not known and has no effect; did you mean {meant}?")
            );
        };
        meant("ELASTIMOCK_FIXTURE", "ELASTIMOCK_FIXTURES");
        meant("ELASTIMOCK_FAILON", "ELASTIMOCK_FAIL_ON");
        meant("ELASTIMOCK_PORTFILE", "ELASTIMOCK_PORT_FILE");
        meant("ELASTICMOCK_SEED", "ELASTIMOCK_SEED");
        if !cfg!(windows) {
            meant("elastimock_seed", "ELASTIMOCK_SEED");
        }
        assert!(told("ELASTIMOCK_COLOUR_OF_THE_SKY").ends_with("are the variables that there are"));
        for name in [
            "ELASTIMOCK_FIXTURES",
            "ELASTIMOCK_COLOR",
            "ELASTIMOCK_MIN",
            "ELASTIMOCK_URL",
            "ELASTICSEARCH_URL",
            "ELASTIC_PASSWORD",
            "PATH",
            "ELASTIMOCK",
            "",
        ] {
            assert_eq!(told(name), "", "{name}");
        }
    }
}
