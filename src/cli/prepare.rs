//! [`Prepared`]: a server brought into the state that a recording starts from, and back.
//!
//! An elastimock is given the state. Another server is given documents and indices by its own API, nothing that is
//! there is touched, and what was put there is taken away at the end.

use std::path::Path;

use serde_json::{Value, json};

use super::console::{CommandError, Console, counted};
use super::verify::OtherServer;
use crate::clock::{Clock, Timestamp};
use crate::error::Error;
use crate::fixture::Fixture;
use crate::http::{Method, Request};
use crate::input::sniff::{self, TextLooks};
use crate::limits::PREPARED_DOCUMENTS_MAX;
use crate::mock::engine::{Engine, Setup};
use crate::mock::server::read_recording;
use crate::mock::wire::server::system_time;
use crate::target::segment;

/// The index of connectors, and that of sync jobs.
const PROTOCOL: [&str; 2] = [".elastic-connectors", ".elastic-connectors-sync-jobs"];

/// What was put there.
pub(crate) struct Prepared {
    /// The paths of what is to be deleted, in that order.
    made: Vec<String>,
}

impl Prepared {
    /// Brings a server into the state of a fixture, or of the start of a recording.
    ///
    /// # Errors
    /// [`CommandError::input`] if the file is neither, or if something of it is there already; [`CommandError::surroundings`] if
    /// the file cannot be read, or the server does not answer.
    pub(crate) fn new(path: &Path, other: &mut OtherServer, console: &Console) -> Result<Prepared, CommandError> {
        let fixture = state_of(path)?;
        if other.is_mock {
            other.admin(Method::Put, "state", &fixture.to_value())?;
            return Ok(Prepared { made: Vec::new() });
        }
        let planted = PreparedState::of(fixture)?;
        let mut prepared = Prepared { made: Vec::new() };
        match prepared.put(&planted, other) {
            Ok(()) => {
                console.tell(&format!("prepared: {}", counted(planted.documents.len() as u64, "document")));
                Ok(prepared)
            }
            Err(error) => {
                prepared.clean_up(other, console)?;
                Err(error)
            }
        }
    }

    fn put(&mut self, planted: &PreparedState, other: &mut OtherServer) -> Result<(), CommandError> {
        let is_there = |other: &mut OtherServer, target: &str| -> Result<bool, CommandError> {
            Ok(other.send(&Request::new(Method::Head, target))?.status() == 200)
        };
        // First all questions, so that nothing is touched where something stands in the way.
        for target in planted.indices.iter().map(|(index, _)| format!("/{index}")).chain(planted.targets()) {
            if is_there(other, &target)? {
                return Err(CommandError::input(format!(
                    "{target} is there already, and nothing that is there is touched; delete it, or verify against \
                     another server"
                )));
            }
        }
        for (index, definition) in &planted.indices {
            expect(other, &Request::new(Method::Put, format!("/{index}")).json(definition.to_string()))?;
            self.made.push(format!("/{index}"));
        }
        for ((index, _, source), target) in planted.documents.iter().zip(planted.targets()) {
            expect(other, &Request::new(Method::Put, format!("{target}?refresh=true")).json(source.to_string()))?;
            if PROTOCOL.contains(&index.as_str()) {
                self.made.push(format!("{target}?refresh=true"));
            }
        }
        Ok(())
    }

    /// Takes away what was put there.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] if the server does not answer; what is left is told.
    pub(crate) fn clean_up(self, other: &mut OtherServer, console: &Console) -> Result<(), CommandError> {
        for target in self.made.iter().rev() {
            let answer = other.send(&Request::new(Method::Delete, target.as_str()))?;
            if !matches!(answer.status(), 200 | 404) {
                console.warn(&format!("{target} could not be deleted again ({}): {}", answer.status(), answer.text()));
            }
        }
        Ok(())
    }
}

fn expect(other: &mut OtherServer, request: &Request) -> Result<(), CommandError> {
    let answer = other.send(request)?;
    match answer.status() {
        200..=299 => Ok(()),
        status => Err(CommandError::input(format!(
            "the state cannot be prepared: {} {} is answered {status}: {}",
            request.method(),
            request.target(),
            answer.text()
        ))),
    }
}

/// The state that a file describes.
fn state_of(path: &Path) -> Result<Fixture, CommandError> {
    let head = std::fs::read(path).map_err(|error| Error::cannot_read(path, error))?;
    let is_recording = head.starts_with(&[0x1F, 0x8B]) || sniff::at(&head) == TextLooks::Recording;
    match is_recording.then(|| read_recording(path)) {
        Some(Ok((recording, _))) => match &recording.header.state {
            Value::Null => Err(CommandError::input(format!(
                "{} does not say from which state it starts; give a fixture",
                path.display()
            ))),
            state => Ok(Fixture::from_json(&state.to_string())?),
        },
        Some(Err(error)) if !head.starts_with(&[0x1F, 0x8B]) => Err(error.into()),
        _ => Ok(Fixture::load(&[path])?),
    }
}

/// A state as documents.
struct PreparedState {
    indices: Vec<(String, Value)>,
    /// Index, id, source.
    documents: Vec<(String, String, Value)>,
}

impl PreparedState {
    /// As the mock would hold it.
    fn of(fixture: Fixture) -> Result<PreparedState, CommandError> {
        let now = system_time();
        let value = fixture.to_value();
        let setup = Setup { fixture: fixture.into(), clock: Clock::frozen(now), ..Setup::default() };
        let mut engine = Engine::new(setup, now)?;
        let own = value.get("indices").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone());
        let own: Vec<String> = own.filter(|name| !name.starts_with(".elastic-connectors")).collect();
        let mut planted = PreparedState { indices: Vec::new(), documents: Vec::new() };
        for index in own {
            let shown = ask(&mut engine, now, &format!("/{index}"))?;
            let mappings = shown[&index]["mappings"].clone();
            planted.indices.push((index, json!({ "mappings": mappings })));
        }
        let names = PROTOCOL.iter().map(|name| (*name).to_owned());
        for index in names.chain(planted.indices.iter().map(|(name, _)| name.clone())).collect::<Vec<_>>() {
            let found = ask(&mut engine, now, &format!("/{index}/_search?size={PREPARED_DOCUMENTS_MAX}"))?;
            let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
            if found["hits"]["total"]["value"].as_u64() > Some(hits.len() as u64) {
                let most = format!("a state that is prepared has {PREPARED_DOCUMENTS_MAX} documents an index at most");
                return Err(CommandError::input(most));
            }
            for mut hit in hits {
                let id = hit["_id"].as_str().unwrap_or_default().to_owned();
                planted.documents.push((index.clone(), id, hit["_source"].take()));
            }
        }
        Ok(planted)
    }

    fn targets(&self) -> impl Iterator<Item = String> {
        self.documents.iter().map(|(index, id, _)| format!("/{index}/_doc/{}", segment(id)))
    }
}

fn ask(engine: &mut Engine, now: Timestamp, target: &str) -> Result<Value, CommandError> {
    let answer = engine.receive(&Request::new(Method::Get, target), now);
    serde_json::from_slice(answer.body())
        .map_err(|error| Error::invalid_input(format!("the state cannot be shown: {error}")).into())
}
