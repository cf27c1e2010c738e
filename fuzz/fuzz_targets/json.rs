//! Reading and walking find the same value or the same error, and what was read can be written and
//! read again. Goes to `fuzz/fuzz_targets/json.rs`.
#![no_main]

use elastimock::json::{self, SyntaxError, Token, Tokens};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fn walk(tokens: &mut Tokens<'_>, token: Token) -> Result<Value, SyntaxError> {
    Ok(match token {
        Token::StartObject => {
            let mut fields = Map::new();
            while let Some(Token::FieldName) = tokens.next()? {
                let name = tokens.text()?.into_owned();
                let token = tokens.next()?.expect("a name has a value");
                fields.insert(name, walk(tokens, token)?);
            }
            Value::Object(fields)
        }
        Token::StartArray => {
            let mut elements = Vec::new();
            loop {
                match tokens.next()?.expect("an array has an end") {
                    Token::EndArray => break Value::Array(elements),
                    token => elements.push(walk(tokens, token)?),
                }
            }
        }
        Token::String => Value::String(tokens.text()?.into_owned()),
        _ => tokens.value()?,
    })
}

fn told<T>(result: Result<T, SyntaxError>) -> Result<T, (String, String)> {
    result.map_err(|error| (error.message(), error.location()))
}

/// Public, so that a plain test can run a found case: `check(include_bytes!("case"))`.
pub fn check(bytes: &[u8]) {
    let mut tokens = Tokens::new(bytes);
    let walked = tokens.next().and_then(|token| token.map(|token| walk(&mut tokens, token)).transpose());
    let read = told(json::read(bytes));
    assert_eq!(read, told(walked));
    // The walk has stopped where the first value ends; everything after it must not make it panic.
    while let Ok(Some(_)) = tokens.next() {
        let _ = (tokens.position(), tokens.text());
    }
    let _ = json::read_file(bytes).map_err(|error| error.to_string());
    if let Ok(Some(value)) = read {
        for pretty in [false, true] {
            assert_eq!(json::read_file(json::write(&value, pretty).as_bytes()).as_ref().ok(), Some(&value));
        }
    }
}

fuzz_target!(|bytes: &[u8]| check(bytes));
