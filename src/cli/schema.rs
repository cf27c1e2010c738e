//! `elastimock schema`: what one operation takes, and what our own two formats are.

use super::args::SchemaArgs;
use super::console::{CommandError, Console, Exit};
use crate::es::body::schema::SchemaPair;
use crate::es::table::ENDPOINTS;
use crate::suggest::similarity;

/// Our own formats.
const OWN: [(&str, &str); 2] = [
    ("fixture", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/fixture.json"))),
    ("recording", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/recording.json"))),
];

/// A name is worth a suggestion from here on.
const CLOSE_SIMILARITY: f32 = 0.7;

/// Prints the published schema as its file has it, or the server's; or that of one of our formats.
pub(crate) fn run(schema: &SchemaArgs, console: &Console) -> Result<Exit, CommandError> {
    if let Some((name, text)) = OWN.iter().find(|(name, _)| *name == schema.operation) {
        if schema.server {
            return Err(CommandError::input(format!("--server is about operations: leave it out for `{name}`")));
        }
        console.result(text.trim_end())?;
        return Ok(Exit::Done);
    }
    let row = ENDPOINTS.iter().find(|row| row.operation == schema.operation);
    let text = row.and_then(|row| row.schema).ok_or_else(|| unknown(&schema.operation))?;
    let contract = SchemaPair::of(text, schema.profile).expect("a test reads every schema and its overlay");
    let shown = if schema.server { contract.server } else { contract.published };
    console.result(&format!("{shown:#}"))?;
    Ok(Exit::Done)
}

fn unknown(operation: &str) -> CommandError {
    let names: Vec<&str> = ENDPOINTS.iter().map(|row| row.operation).chain(OWN.map(|(name, _)| name)).collect();
    let hint = match closest(operation, &names).as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean `{one}`?"),
        some => format!(" did you mean one of {}?", some.join(", ")),
    };
    CommandError::input(format!("there is no operation `{operation}`;{hint} `elastimock list` names them all"))
}

/// The names that have the words of `unknown`, or words like them: those that have them best, and of these
/// the ones with the fewest other words.
fn closest<'n>(unknown: &str, names: &[&'n str]) -> Vec<&'n str> {
    let words = |name: &str| -> Vec<String> {
        name.split(['.', '_', ' ', '/', '-']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let asked = words(unknown);
    let mut scored: Vec<(f32, usize, &str)> = names
        .iter()
        .map(|name| {
            let own = words(name);
            let best = |word: &String| own.iter().map(|own| similarity(word, own)).fold(0.0, f32::max);
            (asked.iter().map(best).sum::<f32>() / asked.len().max(1) as f32, own.len(), *name)
        })
        .filter(|(score, ..)| *score > CLOSE_SIMILARITY)
        .collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)).then(one.2.cmp(other.2)));
    let Some(&(score, length, _)) = scored.first() else { return Vec::new() };
    let mut close: Vec<&str> =
        scored.into_iter().filter(|one| (one.0, one.1) == (score, length)).map(|(.., name)| name).collect();
    close.dedup();
    close
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_names_have_the_same_words() {
        let names: Vec<&str> = ENDPOINTS.iter().map(|row| row.operation).chain(["fixture"]).collect();
        for (unknown, expected) in [
            ("connector.claim", &["connector.sync_job_claim"][..]),
            ("sync_job.claim", &["connector.sync_job_claim"]),
            ("claim", &["connector.sync_job_claim"]),
            ("conector.clam", &["connector.sync_job_claim"]),
            ("connector.sync_job_clame", &["connector.sync_job_claim"]),
            ("connector.lists", &["connector.list"]),
            ("connector.checkin", &["connector.check_in"]),
            ("sync_job_checkin", &["connector.sync_job_check_in"]),
            ("fixtures", &["fixture"]),
            ("bulkk", &["bulk"]),
            ("xyzzy", &[]),
            ("", &[]),
        ] {
            assert_eq!(closest(unknown, &names), expected, "{unknown}");
        }
    }
}
