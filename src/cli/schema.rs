//! `elastimock schema`: what one operation takes.

use super::args::Schema;
use super::console::{Console, Exit, Failure};
use crate::api::ENDPOINTS;
use crate::rest::schema::Contract;
use crate::suggest;

/// Prints the published schema as its file has it, or the server's.
pub fn run(schema: &Schema, console: &Console) -> Result<Exit, Failure> {
    let row = ENDPOINTS.iter().find(|row| row.operation == schema.operation);
    let text = row.and_then(|row| row.schema).ok_or_else(|| unknown(&schema.operation))?;
    let contract = Contract::of(text, schema.profile).expect("a test reads every schema and its overlay");
    let shown = if schema.server { contract.server } else { contract.published };
    console.result(&format!("{shown:#}"))?;
    Ok(Exit::Done)
}

fn unknown(operation: &str) -> Failure {
    let names = || ENDPOINTS.iter().map(|row| row.operation);
    let close = match suggest::similar(operation, names()).first() {
        Some(closest) => vec![*closest],
        None => names().filter(|name| operation.len() > 2 && name.contains(operation)).collect(),
    };
    let hint = match close.as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean `{one}`?"),
        some => format!(" did you mean one of {}?", some.join(", ")),
    };
    Failure::input(format!("there is no operation `{operation}`;{hint} `elastimock list` names them all"))
}
