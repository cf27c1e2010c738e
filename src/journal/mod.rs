//! What was said: [`Journal`], interactions in the order in which the mock acted, bounded.
//!
//! A call takes its place under the engine's lock when the mock acts, and its answer is filled in when
//! it has been written, so the journal's order is the order of state. Entries are compact: bodies are
//! held once, and header blocks that were seen before are shared. What is forgotten is counted.

pub mod address;
pub mod har;
pub mod interaction;
pub mod playback;
pub mod recording;
pub mod redact;
pub mod transcript;

use crate::limits::JOURNAL_SHARED_BLOCKS_MAX as SHARED_BLOCKS_MAX;
use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::cluster::connector::ConnectorStatus;
use crate::cluster::sync_job::SyncStatus;
use crate::finding::Finding;
use crate::http::{Headers, Method, Request, Response};
use crate::limits;
use interaction::Interaction;
use redact::Known;

/// Bodies up to that size are copied; a larger one stays in the buffer that it was received in.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// What an entry costs beside its texts: itself, its slot, and the allocator's own.
const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<Slot>() + size_of::<Standing>() + 32;

/// Interactions in order, bounded in number and in bytes.
#[derive(Debug)]
pub struct Journal {
    slots: VecDeque<Slot>,
    /// How things stood before each call, slot by slot.
    standings: VecDeque<Standing>,
    /// The number of the first slot.
    first_seq: u64,
    bytes: usize,
    evicted: u64,
    entries_max: usize,
    bytes_max: usize,
    blocks: VecDeque<Arc<str>>,
    /// The values that are known to be secret.
    pub known: Known,
}

/// A place in the journal; empty until its answer has been written.
type Slot = Option<Box<Entry>>;

/// One exchange in compact form, masked.
#[derive(Debug)]
struct Entry {
    at: Timestamp,
    took_us: u32,
    status: u16,
    operation: Option<&'static str>,
    method: Method,
    target: Box<str>,
    request_headers: Arc<str>,
    request_body: Bytes,
    response_headers: Arc<str>,
    response_body: Bytes,
    findings: Box<[Finding]>,
}

/// What the journal needs to know of a call beside its request and its answer.
#[derive(Debug)]
pub struct Note {
    /// The call's number.
    pub seq: u64,
    /// The mock's time of the call.
    pub at: Timestamp,
    /// The operation that was called.
    pub operation: Option<&'static str>,
    /// What the judge found.
    pub findings: Vec<Finding>,
    /// Microseconds that the answer took.
    pub took_us: u32,
    /// Settings in the request that the state knows to be secret.
    pub sensitive: Vec<String>,
}

/// How what a call was about stood before it, as far as the judge knew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it was about a sync job.
    pub is_of_job: bool,
    /// The status of that job.
    pub job: Option<SyncStatus>,
    /// The status of the connector that it was about, or of the job's.
    pub connector: Option<ConnectorStatus>,
}

/// Some interactions, and where to go on reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    /// The interactions, oldest first.
    pub interactions: Vec<Interaction>,
    /// The number to ask for next with `after`.
    pub next: u64,
    /// How many interactions have been forgotten since the journal began.
    pub evicted: u64,
}

impl Journal {
    /// An empty journal with room for that many entries and bytes.
    pub fn new(entries_max: usize, bytes_max: usize) -> Journal {
        Journal {
            slots: VecDeque::new(),
            standings: VecDeque::new(),
            first_seq: 1,
            bytes: 0,
            evicted: 0,
            entries_max,
            bytes_max,
            blocks: VecDeque::new(),
            known: Known::default(),
        }
    }

    /// Takes the next place for a call on which the mock is about to act.
    pub fn reserve(&mut self) -> u64 {
        self.slots.push_back(None);
        self.standings.push_back(Standing::default());
        let seq = self.first_seq + self.slots.len() as u64 - 1;
        self.evict();
        seq
    }

    /// Remembers how what a call is about stood before it.
    pub fn stand(&mut self, seq: u64, standing: Standing) {
        let at = seq.checked_sub(self.first_seq).map(|at| at as usize);
        if let Some(place) = at.and_then(|at| self.standings.get_mut(at)) {
            *place = standing;
        }
    }

    /// Fills a place with what was said. Nothing happens if it has been forgotten meanwhile.
    pub fn fill(&mut self, note: Note, request: &Request, response: &Response) {
        let seq = note.seq;
        let entry = self.entry(note, request, response);
        self.place(seq, entry);
    }

    /// The same, and gives the interaction out, whether there is still a place for it or not.
    pub fn fill_and_tell(&mut self, note: Note, request: &Request, response: &Response) -> Interaction {
        let seq = note.seq;
        let entry = self.entry(note, request, response);
        let interaction = entry.to_interaction(seq);
        self.place(seq, entry);
        interaction
    }

    fn entry(&mut self, note: Note, request: &Request, response: &Response) -> Entry {
        let request_body = redact::body_of(note.operation, request.body(), &note.sensitive);
        let hides = request_body != *request.body();
        Entry {
            at: note.at,
            took_us: note.took_us,
            status: response.status(),
            operation: note.operation,
            method: request.method().clone(),
            target: self.known.target(redact::target(request.target())).into(),
            request_headers: self.share(request.headers()),
            request_body: kept(self.known.body(note.operation, request_body)),
            response_headers: self.share(response.headers()),
            response_body: kept(redact::answer(note.operation, response.body(), hides)),
            findings: note.findings.into_boxed_slice(),
        }
    }

    fn place(&mut self, seq: u64, entry: Entry) {
        let at = seq.checked_sub(self.first_seq).map(|at| at as usize);
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            self.bytes += entry.bytes();
            *slot = Some(Box::new(entry));
            self.evict();
        }
    }

    /// The interaction with that number, if it is there and has its answer.
    pub fn get(&self, seq: u64) -> Option<Interaction> {
        let at = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        self.slots.get(at)?.as_ref().map(|entry| entry.to_interaction(seq))
    }

    /// All interactions that have their answer, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Interaction> + Clone {
        let entries = self.slots.iter().zip(self.first_seq..);
        entries.filter_map(|(slot, seq)| slot.as_ref().map(|entry| entry.to_interaction(seq)))
    }

    /// The same, each with how things stood before it.
    pub fn iter_standing(&self) -> impl Iterator<Item = (Interaction, Standing)> {
        let entries = self.slots.iter().zip(&self.standings).zip(self.first_seq..);
        entries.filter_map(|((slot, standing), seq)| Some((slot.as_ref()?.to_interaction(seq), *standing)))
    }

    /// At most `limit` interactions after number `after`, of one operation if it is named.
    pub fn extract(&self, after: u64, operation: Option<&str>, limit: usize) -> Extract {
        let skipped = (after + 1).saturating_sub(self.first_seq) as usize;
        let mut next = after;
        let mut interactions = Vec::new();
        for (slot, seq) in self.slots.iter().zip(self.first_seq..).skip(skipped) {
            // A call that still waits for its answer is not passed over: the next reading begins there.
            let Some(entry) = slot else { break };
            if interactions.len() >= limit {
                break;
            }
            next = seq;
            if operation.is_none_or(|operation| entry.operation == Some(operation)) {
                interactions.push(entry.to_interaction(seq));
            }
        }
        Extract { interactions, next, evicted: self.evicted }
    }

    /// How many interactions are kept.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many calls there were, those that have been forgotten included.
    pub fn calls(&self) -> u64 {
        self.evicted + self.slots.len() as u64
    }

    /// How many interactions have been forgotten.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Forgets everything; numbers go on.
    pub fn clear(&mut self) {
        self.first_seq += self.slots.len() as u64;
        self.slots.clear();
        self.standings.clear();
        self.bytes = 0;
        self.evicted = 0;
    }

    /// Forgets everything and counts from one again.
    pub fn restart(&mut self) {
        self.clear();
        self.first_seq = 1;
    }

    fn evict(&mut self) {
        while self.slots.len() > self.entries_max || (self.bytes > self.bytes_max && self.slots.len() > 1) {
            self.standings.pop_front();
            if let Some(entry) = self.slots.pop_front().flatten() {
                self.bytes -= entry.bytes();
            }
            self.first_seq += 1;
            self.evicted += 1;
        }
    }

    /// A header block as the journal keeps it: masked, and the same text once.
    fn share(&mut self, headers: &Headers) -> Arc<str> {
        // What is kept has been masked; what reads like it has nothing left to mask, unless a secret has
        // become known since.
        if self.known.is_empty()
            && let Some(block) = self.block(headers.as_text())
        {
            return block;
        }
        let masked = self.known.headers(redact::headers(headers));
        let text = masked.as_text();
        if let Some(block) = self.block(text) {
            return block;
        }
        let block: Arc<str> = text.into();
        if self.blocks.len() == SHARED_BLOCKS_MAX {
            self.blocks.pop_front();
        }
        self.blocks.push_back(block.clone());
        block
    }

    fn block(&self, text: &str) -> Option<Arc<str>> {
        self.blocks.iter().find(|block| &***block == text).cloned()
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new(limits::JOURNAL_ENTRIES_MAX, limits::JOURNAL_BYTES_MAX)
    }
}

/// A body as the journal keeps it: a small one does not hold a large buffer alive.
fn kept(body: Bytes) -> Bytes {
    if body.len() > COPIED_BYTES_MAX || body.is_empty() { body } else { Bytes::from(Box::<[u8]>::from(&*body)) }
}

impl Entry {
    /// What the entry costs. A shared header block is counted a little in every entry that holds it.
    fn bytes(&self) -> usize {
        ENTRY_BYTES
            + self.target.len()
            + self.request_body.len()
            + self.response_body.len()
            + (self.request_headers.len() + self.response_headers.len()) / 4
            + self.findings.len() * 512
    }

    fn to_interaction(&self, seq: u64) -> Interaction {
        let mut response = Response::new(self.status);
        response.headers = Headers::from_text(&self.response_headers);
        response.body = self.response_body.clone();
        Interaction {
            seq,
            at: self.at,
            operation: self.operation.map(str::to_owned),
            request: Request::new(self.method.clone(), self.target.clone())
                .with_headers(Headers::from_text(&self.request_headers))
                .with_body(self.request_body.clone()),
            response,
            findings: self.findings.iter().map(Finding::to_value).collect(),
            took_us: self.took_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn say(journal: &mut Journal, seq: u64, target: &str) {
        let note = Note {
            seq,
            at: Timestamp::default(),
            operation: None,
            findings: Vec::new(),
            took_us: 0,
            sensitive: Vec::new(),
        };
        journal.fill(note, &Request::new(Method::Get, target), &Response::new(200));
    }

    fn targets(journal: &Journal) -> Vec<String> {
        journal.iter().map(|interaction| interaction.request.target().to_owned()).collect()
    }

    #[test]
    fn the_order_is_that_of_acting_not_of_answering() {
        let mut journal = Journal::default();
        let (first, second) = (journal.reserve(), journal.reserve());
        say(&mut journal, second, "/second");
        assert_eq!(journal.extract(0, None, 10).interactions.len(), 0);
        say(&mut journal, first, "/first");
        assert_eq!(targets(&journal), ["/first", "/second"]);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut journal = Journal::new(2, usize::MAX);
        for at in 1..=5 {
            let seq = journal.reserve();
            say(&mut journal, seq, &format!("/{at}"));
        }
        assert_eq!(targets(&journal), ["/4", "/5"]);
        let extract = journal.extract(0, None, 10);
        assert_eq!((extract.evicted, extract.next, extract.interactions[0].seq), (3, 5, 4));
        assert_eq!(journal.get(3), None);
        assert_eq!(journal.get(4).map(|interaction| interaction.seq), Some(4));
    }

    #[test]
    fn bytes_are_bounded_and_the_last_interaction_stays() {
        let mut journal = Journal::new(usize::MAX, 100_000);
        for _ in 0..100 {
            let seq = journal.reserve();
            let note = Note {
                seq,
                at: Timestamp::default(),
                operation: None,
                findings: Vec::new(),
                took_us: 0,
                sensitive: Vec::new(),
            };
            let request = Request::new(Method::Put, "/").with_body(vec![b'x'; 20_000]);
            journal.fill(note, &request, &Response::new(200));
        }
        assert!(journal.bytes <= 100_000);
        assert_eq!(journal.len() as u64 + journal.evicted(), 100);
        let seq = journal.reserve();
        let note = Note {
            seq,
            at: Timestamp::default(),
            operation: None,
            findings: Vec::new(),
            took_us: 0,
            sensitive: Vec::new(),
        };
        journal.fill(note, &Request::new(Method::Put, "/big").with_body(vec![b'x'; 200_000]), &Response::new(200));
        assert_eq!(targets(&journal), ["/big"]);
    }

    #[test]
    fn an_extract_can_be_read_on() {
        let mut journal = Journal::default();
        for at in 1..=5 {
            let seq = journal.reserve();
            say(&mut journal, seq, &format!("/{at}"));
        }
        let first = journal.extract(0, None, 2);
        let second = journal.extract(first.next, None, 10);
        assert_eq!((first.interactions.len(), second.interactions.len(), second.next), (2, 3, 5));
        journal.clear();
        assert_eq!(journal.extract(0, None, 10).interactions.len(), 0);
        assert_eq!(journal.reserve(), 6);
        journal.restart();
        assert_eq!(journal.reserve(), 1);
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_answers_the_journal_is_in_order(
            answers in prop::collection::vec(any::<prop::sample::Index>(), 1..40), entries_max in 1_usize..50,
        ) {
            let mut journal = Journal::new(entries_max, usize::MAX);
            let mut waiting: Vec<u64> = answers.iter().map(|_| journal.reserve()).collect();
            for choice in &answers {
                let seq = waiting.remove(choice.index(waiting.len()));
                say(&mut journal, seq, &format!("/{seq}"));
            }
            let seqs: Vec<u64> = journal.iter().map(|interaction| interaction.seq).collect();
            let expected: Vec<u64> = (1..=answers.len() as u64).skip(answers.len().saturating_sub(entries_max)).collect();
            prop_assert_eq!(seqs, expected);
        }
    }
}
