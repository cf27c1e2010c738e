//! `elastimock schema`: what one operation takes, and what our own two formats are.

use super::args::SchemaArgs;
use super::console::{CommandError, Console, Exit};
use crate::es::body::schema::SchemaPair;
use crate::es::table::ENDPOINTS;
use crate::suggest::with_words_of;

/// Our own formats.
const OWN: [(&str, &str); 2] = [
    ("fixture", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/fixture.json"))),
    ("recording", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/recording.json"))),
];

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
    let hint = match with_words_of(operation, &names).as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean `{one}`?"),
        some => format!(" did you mean one of {}?", some.join(", ")),
    };
    CommandError::input(format!("there is no operation `{operation}`;{hint} `elastimock list` names them all"))
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
            assert_eq!(with_words_of(unknown, &names), expected, "{unknown}");
        }
    }
}
