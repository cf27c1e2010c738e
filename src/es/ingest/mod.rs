//! Ingest pipelines: what a document goes through before it is stored.
//!
//! A pipeline is read when it is stored, so that whatever cannot be done is refused then and not while
//! a client writes documents. [`Pipelines::run`] is pure: a document and an instant go in, a document or
//! a [`IngestFailure`] comes out.
//!
//! | part | room |
//! |---|---|
//! | the steps, and what each does | [`step`] |
//! | a pipeline's text → steps | `read` |
//! | fields by their dotted paths | `field` |
//! | `{{field}}` in texts | `template` |
//! | `if` | `condition` |
//! | the pattern of `gsub` | `pattern` |
//! | the pipeline that is there from the start | `built_in` |
//!
//! Source: Elasticsearch 9.x, ingest service, its pipeline and the common processors.

mod built_in;
mod condition;
mod field;
pub(crate) mod handlers;
mod pattern;
mod read;
pub(crate) mod step;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::es::document::source::{Source, hash_order, hash_order_since};
use crate::limits::PIPELINES_NESTED_MAX;
use crate::wildcard::is_like;
use field::PipelineDocument;
pub(crate) use read::{PROCESSORS, PipelineCause, PipelineRefusal};
use step::Processor;

/// The pipeline that Elasticsearch installs for the documents of connectors.
pub(crate) const SEARCH_DEFAULT: &str = "search-default-ingestion";

/// The name that means no pipeline.
pub(crate) const NONE: &str = "_none";

/// A pipeline: its text as it was stored, and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    text: Map<String, Value>,
    steps: Vec<Processor>,
    on_failure: Vec<Processor>,
}

impl Pipeline {
    /// The pipeline as it was stored.
    pub(crate) fn text(&self) -> &Map<String, Value> {
        &self.text
    }
}

/// All pipelines by their ids; by default those that a new cluster has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipelines {
    /// None as long as nobody has changed any.
    changed: Option<PipelinesById>,
}

type PipelinesById = BTreeMap<String, Arc<Pipeline>>;

/// What a new cluster has, one for all of them and read when somebody asks.
static BUILT_IN: LazyLock<PipelinesById> = LazyLock::new(|| {
    let mut built_in = Pipelines { changed: Some(BTreeMap::new()) };
    // The text is ours; a test reads it.
    let _ = built_in.put(SEARCH_DEFAULT, built_in::search_default());
    built_in.changed.unwrap_or_default()
});

/// What a pipeline may know of a document besides its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipelineTarget<'a> {
    /// The index that it is written to.
    pub index: &'a str,
    /// Its id; none when the index will make one.
    pub id: Option<&'a str>,
}

/// Why a document did not get through its pipelines.
///
/// The message is worded here and not where refusals are worded, because it is data as well: a
/// pipeline's `on_failure` writes it into the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IngestFailure {
    /// Of which kind.
    pub kind: FailureKind,
    /// What it says.
    pub message: String,
    /// Where it happened; told to `on_failure`.
    origin: Option<FailedProcessor>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The document, or the name of a pipeline, is not what it must be.
    Argument,
    /// Pipelines call each other in a circle, or too many of them.
    Graph,
    /// A pipeline calls one that is not there.
    State,
}

/// The processor that failed.
#[derive(Clone, Debug, PartialEq)]
struct FailedProcessor {
    processor: &'static str,
    tag: Option<String>,
    /// The pipeline that it stands in, if that one was called by another.
    pipeline: Option<String>,
}

impl IngestFailure {
    fn argument(message: impl Into<String>) -> IngestFailure {
        IngestFailure { kind: FailureKind::Argument, message: message.into(), origin: None }
    }
}

impl PartialEq for Pipelines {
    fn eq(&self, other: &Pipelines) -> bool {
        (self.changed.is_none() && other.changed.is_none()) || self.all() == other.all()
    }
}

impl Pipelines {
    fn all(&self) -> &PipelinesById {
        self.changed.as_ref().unwrap_or_else(|| &BUILT_IN)
    }

    fn all_mut(&mut self) -> &mut PipelinesById {
        self.changed.get_or_insert_with(|| BUILT_IN.clone())
    }

    /// Stores a pipeline in place of any with that id.
    ///
    /// # Errors
    /// What is wrong with it, or is not supported.
    pub(crate) fn put(&mut self, id: &str, text: Map<String, Value>) -> Result<(), PipelineRefusal> {
        let (steps, on_failure) = read::pipeline(id, &text)?;
        self.all_mut().insert(id.to_owned(), Arc::new(Pipeline { text, steps, on_failure }));
        Ok(())
    }

    /// Removes the pipelines that a name with `*` in it stands for, and says whether it stood for any.
    pub(crate) fn delete(&mut self, pattern: &str) -> bool {
        let all = self.all_mut();
        let before = all.len();
        all.retain(|id, _| !is_like(pattern, id));
        all.len() < before
    }

    /// The pipeline with that id.
    pub(crate) fn get(&self, id: &str) -> Option<&Pipeline> {
        self.all().get(id).map(|pipeline| &**pipeline)
    }

    /// The pipelines that a comma list of names, with `*` in them, stands for.
    pub(crate) fn matching(&self, expression: &str) -> impl Iterator<Item = (&str, &Pipeline)> {
        let found = self.all().iter().filter(move |(id, _)| expression.split(',').any(|name| is_like(name, id)));
        found.map(|(id, pipeline)| (id.as_str(), &**pipeline))
    }

    /// Sends a document through the pipelines of those names, one after the other. Fields come out in
    /// the order of a Java `HashMap`, because that is what the document is kept in meanwhile.
    ///
    /// # Errors
    /// The first failure that no `on_failure` takes care of; a pipeline that is not there.
    pub(crate) fn run(
        &self,
        names: &[&str],
        source: &Source,
        address: PipelineTarget<'_>,
        now: Timestamp,
    ) -> Result<Source, IngestFailure> {
        let names = || names.iter().filter(|name| **name != NONE);
        if names().next().is_none() {
            return Ok(source.clone());
        }
        let Value::Object(fields) = source.to_value() else { return Ok(source.clone()) };
        let mut run =
            PipelineRun { pipelines: self, stack: Vec::new(), draft: PipelineDocument::new(fields, address, now) };
        for name in names() {
            let pipeline = self
                .get(name)
                .ok_or_else(|| IngestFailure::argument(format!("pipeline with id [{name}] does not exist")))?;
            run.pipeline(name, pipeline)?;
        }
        let (mut fields, most) = run.draft.finish();
        fields.values_mut().for_each(hash_order);
        hash_order_since(&mut fields, most);
        Ok(fields.into())
    }
}

/// One document on its way.
struct PipelineRun<'p> {
    pipelines: &'p Pipelines,
    /// The pipelines that are being run, outermost first.
    stack: Vec<String>,
    draft: PipelineDocument,
}

impl PipelineRun<'_> {
    fn pipeline(&mut self, name: &str, pipeline: &Pipeline) -> Result<(), IngestFailure> {
        if pipeline.steps.is_empty() {
            return Ok(());
        }
        let graph = |message: String| IngestFailure { kind: FailureKind::Graph, message, origin: None };
        if self.stack.len() >= PIPELINES_NESTED_MAX {
            return Err(graph(format!(
                "Too many nested pipelines. Cannot have more than {PIPELINES_NESTED_MAX} nested pipelines"
            )));
        }
        if self.stack.iter().any(|running| running == name) {
            return Err(graph(format!("Cycle detected for pipeline: {name}")));
        }
        self.stack.push(name.to_owned());
        self.draft.note("pipeline", Value::from(name));
        let outcome = self.steps(&pipeline.steps).or_else(|failure| self.recover(failure, &pipeline.on_failure));
        self.stack.pop();
        match self.stack.last() {
            Some(outer) => self.draft.note("pipeline", Value::from(outer.as_str())),
            None => self.draft.forget("pipeline"),
        }
        outcome
    }

    fn steps(&mut self, steps: &[Processor]) -> Result<(), IngestFailure> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Processor) -> Result<(), IngestFailure> {
        if step.condition.as_ref().is_some_and(|condition| !condition.holds(&self.draft)) {
            return Ok(());
        }
        let Err(mut failure) = self.act(step) else { return Ok(()) };
        if step.ignore_failure {
            return Ok(());
        }
        failure.origin.get_or_insert_with(|| FailedProcessor {
            processor: step.action.name(),
            tag: step.tag.clone(),
            pipeline: self.stack.last().filter(|_| self.stack.len() > 1).cloned(),
        });
        self.recover(failure, &step.on_failure)
    }

    /// Runs what is to be done after a failure; the failure stays one if there is nothing to do.
    fn recover(&mut self, failure: IngestFailure, on_failure: &[Processor]) -> Result<(), IngestFailure> {
        const NOTES: [&str; 4] = ["message", "processor_type", "processor_tag", "pipeline"];
        if on_failure.is_empty() {
            return Err(failure);
        }
        let (processor, tag, pipeline) = match failure.origin {
            Some(FailedProcessor { processor, tag, pipeline }) => (Some(processor.to_owned()), tag, pipeline),
            None => (None, None, None),
        };
        let notes = [Some(failure.message), processor, tag, pipeline];
        for (name, note) in NOTES.iter().zip(notes) {
            self.draft.note(&format!("on_failure_{name}"), note.map_or(Value::Null, Value::from));
        }
        let outcome = self.steps(on_failure);
        for name in NOTES {
            self.draft.forget(&format!("on_failure_{name}"));
        }
        outcome
    }
}
