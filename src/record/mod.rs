//! What was said: [`Journal`], interactions in the order in which the mock acted, bounded.
//!
//! A call takes its place under the engine's lock when the mock acts, and its answer is filled in when
//! it has been written, so the journal's order is the order of state. Entries are compact: bodies are
//! held once, and header blocks that were seen before are shared. What is forgotten is counted.

pub(crate) mod address;
#[cfg(any(feature = "cli", test))]
pub(crate) mod diff;
pub(crate) mod event;
#[cfg(any(feature = "cli", test))]
pub(crate) mod export;
pub(crate) mod har;
pub(crate) mod import;
pub(crate) mod interaction;
#[cfg(any(feature = "cli", test))]
pub(crate) mod meaning;
pub(crate) mod playback;
pub(crate) mod recording;
pub(crate) mod redact;
pub(crate) mod transcript;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::es::connector::rules::ConnectorStatus;
use crate::es::http::endpoint::RowFacts;
use crate::es::sync_job::rules::SyncStatus;
use crate::fault::StubMark;
use crate::finding::Finding;
use crate::http::{Headers, Method, Request, Response};
use crate::json;
use crate::limits;
use event::{Change, Event};
use interaction::Interaction;
use redact::{KnownSecrets, Mask};

/// What an entry costs beside its texts: itself, its slot, and the allocator's own.
const ENTRY_BYTES: usize = size_of::<Exchange>() + size_of::<JournalSlot>() + size_of::<SubjectBefore>() + 32;

/// Interactions in order, bounded in number and in bytes.
#[derive(Debug)]
pub(crate) struct Journal {
    slots: VecDeque<JournalSlot>,
    /// How things stood before each call, slot by slot.
    standings: VecDeque<SubjectBefore>,
    /// The number of the first slot.
    first_seq: u64,
    bytes: usize,
    /// What happened beside the calls, by its number, with the bytes that it costs.
    events: BTreeMap<u64, (Arc<Event>, usize)>,
    /// Where scopes begin, with their names; the first is that of the first slot.
    scopes: VecDeque<(u64, Option<Arc<str>>)>,
    /// Calls of the run, and those that were forgotten.
    calls: CallTally,
    /// Calls of the scope, and those that were forgotten.
    scope_calls: CallTally,
    /// Calls that were forgotten with their answers, by operation and status.
    forgotten: BTreeMap<(Option<&'static str>, u16), u64>,
    /// What may be broken in the scope of the first slot, and was said before it; one for each rule.
    forgotten_allowances: Vec<Arc<Event>>,
    entries_max: usize,
    bytes_max: usize,
    blocks: VecDeque<HeaderBlock>,
    frames: VecDeque<Arc<Frame>>,
    /// How many secrets were known when the blocks and frames were made.
    known_then: usize,
    /// The values that are known to be secret.
    pub known: KnownSecrets,
}

/// Header lines as they are kept, which the entries share.
#[derive(Clone, Debug)]
struct HeaderBlock {
    headers: Headers,
    /// Whether something in them is masked, or was sent so.
    has_masks: bool,
}

/// A place in the journal; empty until its answer has been written, and for an event.
type JournalSlot = Option<Arc<Exchange>>;

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default)]
struct CallTally {
    made: u64,
    forgotten: u64,
}

/// One exchange in compact form, masked.
#[derive(Debug)]
struct Exchange {
    at: Timestamp,
    took_us: u32,
    target_bytes: u32,
    request_bytes: u32,
    /// The target, the request's body and the answer's, one behind the other.
    texts: Box<[u8]>,
    frame: Arc<Frame>,
    rest: Option<Box<Rest>>,
}

/// What many calls of one client have alike; they share it.
#[derive(Debug)]
struct Frame {
    operation: Option<&'static str>,
    method: Method,
    status: u16,
    request_headers: Headers,
    response_headers: Headers,
}

/// What few calls have.
#[derive(Debug, Default)]
struct Rest {
    /// A large body of the request; it stays in the buffer that it came in.
    request_body: Bytes,
    /// A large body of the answer.
    response_body: Bytes,
    findings: Box<[ShortFinding]>,
    /// What a stub did to the answer.
    mark: Option<Box<StubMark>>,
}

/// A finding as it is told, without what all of its rule have alike: a judge keeps but a number of them, a
/// journal those of each of its calls.
#[derive(Debug)]
struct ShortFinding {
    hint: Cow<'static, str>,
    reference: Cow<'static, str>,
    /// The rest, as JSON.
    rest: Box<str>,
}

impl ShortFinding {
    fn new(finding: Finding) -> ShortFinding {
        let mut rest = Vec::with_capacity(512);
        // A text and not a value: most are never read again.
        let _ = json::write_into(&mut rest, &finding.without_rule(), false);
        let rest = String::from_utf8(rest).unwrap_or_default().into();
        ShortFinding { rest, hint: finding.hint, reference: finding.reference }
    }

    fn bytes(&self) -> usize {
        let own = |text: &Cow<'_, str>| if let Cow::Owned(text) = text { text.len() } else { 0 };
        size_of::<ShortFinding>() + self.rest.len() + own(&self.hint) + own(&self.reference)
    }

    /// The whole finding; what has been written here can be read, and a test holds us to it.
    fn to_finding(&self) -> Option<Finding> {
        let whole = Finding::from_value(&json::read_file(self.rest.as_bytes()).ok()?).ok()?;
        Some(Finding { hint: self.hint.clone(), reference: self.reference.clone(), ..whole })
    }
}

/// What the journal needs to know of a call beside its request and its answer.
#[derive(Debug)]
pub(crate) struct Note {
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
    /// What is masked in it.
    pub mask: Mask,
}

/// How what a call was about stood before it, as far as the judge knew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubjectBefore {
    /// Whether it was about a sync job.
    pub is_of_job: bool,
    /// The status of that job.
    pub job: Option<SyncStatus>,
    /// The status of the connector that it was about, or of the job's.
    pub connector: Option<ConnectorStatus>,
}

/// Which part of a run is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunSpan {
    /// The scope that goes on.
    #[default]
    Scope,
    /// The ended scope whose first call or event has that number.
    Ended(u64),
    /// All of it.
    Run,
}

/// A call or an event as the journal holds it: cheap to take, and written out when nobody waits.
#[derive(Clone, Debug)]
pub(crate) enum JournalItem {
    /// A call, with its number and the name of its scope.
    Call(u64, Option<Arc<str>>, SubjectBefore, KeptCall),
    /// An event.
    Event(Arc<Event>),
}

/// A call that the journal holds.
#[derive(Clone, Debug)]
pub(crate) struct KeptCall(Arc<Exchange>);

impl JournalItem {
    /// The mock's time of the call or event.
    pub(crate) fn at(&self) -> Timestamp {
        match self {
            JournalItem::Call(.., call) => call.0.at,
            JournalItem::Event(event) => event.at,
        }
    }

    /// Its number.
    #[cfg(feature = "cli")]
    pub(crate) fn seq(&self) -> u64 {
        match self {
            JournalItem::Call(seq, ..) => *seq,
            JournalItem::Event(event) => event.seq,
        }
    }

    /// The operation and the status of the call, if it is one.
    pub(crate) fn kind(&self) -> Option<(Option<&'static str>, u16)> {
        match self {
            JournalItem::Call(.., call) => Some((call.0.frame.operation, call.0.frame.status)),
            JournalItem::Event(_) => None,
        }
    }

    /// The call, if it is one.
    pub(crate) fn interaction(&self) -> Option<Interaction> {
        match self {
            JournalItem::Call(seq, scope, _, call) => Some(call.0.to_interaction(*seq, scope.clone())),
            JournalItem::Event(_) => None,
        }
    }
}

/// A page of the journal that has not been written out.
#[derive(Clone, Debug)]
pub(crate) struct JournalPage {
    /// What it holds, oldest first.
    pub kept: Vec<JournalItem>,
    /// The number to ask for next with `after`.
    pub next: u64,
    /// How many calls of the span have been forgotten.
    pub evicted: u64,
}

impl From<JournalPage> for Extract {
    fn from(page: JournalPage) -> Extract {
        let interactions = page.kept.iter().filter_map(JournalItem::interaction).collect();
        Extract { interactions, next: page.next, evicted: page.evicted }
    }
}

/// Some interactions, and where to go on reading.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    pub(crate) fn new(entries_max: usize, bytes_max: usize) -> Journal {
        Journal {
            slots: VecDeque::new(),
            standings: VecDeque::new(),
            first_seq: 1,
            bytes: 0,
            events: BTreeMap::new(),
            scopes: VecDeque::new(),
            calls: CallTally::default(),
            scope_calls: CallTally::default(),
            forgotten: BTreeMap::new(),
            forgotten_allowances: Vec::new(),
            entries_max,
            bytes_max,
            blocks: VecDeque::new(),
            frames: VecDeque::new(),
            known_then: 0,
            known: KnownSecrets::default(),
        }
    }

    /// What is to be masked in a request, which the journal learns from. `facts` are those of its operation;
    /// `is_json` says that its body has been read as JSON.
    pub(crate) fn mask(&mut self, facts: Option<&RowFacts>, request: &Request, is_json: bool) -> Mask {
        self.recheck();
        let known = self.known.len();
        let block = self.block(request.headers());
        let (is_kept, has_masks) = block.map_or((false, true), |block| (true, block.has_masks));
        let mut mask = self.known.mask(facts, request, is_json, is_kept);
        mask.shows_headers = !has_masks && self.known.len() == known;
        self.recheck();
        mask
    }

    /// Blocks that were kept when less was known are looked at again when they come again: secrets are learnt from calls, and
    /// from states, stubs and documents that a test has put.
    fn recheck(&mut self) {
        if self.known.len() != self.known_then {
            self.known_then = self.known.len();
            self.blocks.clear();
            self.frames.clear();
        }
    }

    /// Takes the next place for a call on which the mock is about to act.
    pub(crate) fn reserve(&mut self) -> u64 {
        self.calls.made += 1;
        self.scope_calls.made += 1;
        self.push()
    }

    fn push(&mut self) -> u64 {
        let seq = self.next_seq();
        self.slots.push_back(None);
        self.standings.push_back(SubjectBefore::default());
        self.evict();
        seq
    }

    /// The number that the next call or event will have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.first_seq + self.slots.len() as u64
    }

    /// Remembers that something happened which is no call. `bytes` is what it costs beside itself.
    pub(crate) fn happen(&mut self, at: Timestamp, change: Change, bytes: usize) -> Arc<Event> {
        let event = Arc::new(Event { seq: self.next_seq(), at, change });
        self.events.insert(event.seq, (event.clone(), bytes));
        self.bytes += bytes;
        let seq = self.push();
        if let Change::Reset { scope, .. } = &event.change {
            self.scopes.push_back((seq + 1, scope.clone()));
            self.scope_calls = CallTally::default();
        }
        event
    }

    /// When the last call that has its answer, or the last event, came.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        let seqs = (self.first_seq..self.next_seq()).rev();
        self.slots.iter().rev().zip(seqs).find_map(|(slot, seq)| match slot {
            Some(entry) => Some(entry.at),
            None => self.events.get(&seq).map(|(event, _)| event.at),
        })
    }

    /// The name of the scope that a number belongs to.
    fn scope_of(&self, seq: u64) -> Option<Arc<str>> {
        let at = self.scopes.partition_point(|(first, _)| *first <= seq);
        self.scopes.get(at.checked_sub(1)?)?.1.clone()
    }

    /// The first number of a span, and the first one behind it.
    fn bounds(&self, span: RunSpan) -> (u64, u64) {
        match span {
            RunSpan::Run => (1, u64::MAX),
            RunSpan::Scope => (self.scopes.back().map_or(1, |(first, _)| *first), u64::MAX),
            RunSpan::Ended(first) => {
                let behind = self.scopes.partition_point(|(known, _)| *known <= first);
                (first, self.scopes.get(behind).map_or(u64::MAX, |(next, _)| next - 1))
            }
        }
    }

    /// Whether the first calls or events of a span have been forgotten: from which state the others start nobody knows.
    pub(crate) fn is_cut(&self, span: RunSpan) -> bool {
        self.bounds(span).0 < self.first_seq
    }

    /// What may be broken in a span, where the saying of it has been forgotten.
    pub(crate) fn forgotten_allowances(&self, span: RunSpan) -> impl Iterator<Item = &Event> {
        let (from, _) = self.bounds(span);
        self.forgotten_allowances.iter().map(|event| &**event).filter(move |event| event.seq >= from)
    }

    /// Remembers how what a call is about stood before it.
    pub(crate) fn stand(&mut self, seq: u64, standing: SubjectBefore) {
        let at = seq.checked_sub(self.first_seq).map(|at| at as usize);
        if let Some(place) = at.and_then(|at| self.standings.get_mut(at)) {
            *place = standing;
        }
    }

    /// Fills a place with what was said. Nothing happens if it has been forgotten meanwhile.
    pub(crate) fn fill(&mut self, note: Note, request: &Request, response: &Response) {
        let seq = note.seq;
        let entry = self.entry(note, request, response);
        self.place(seq, entry);
    }

    /// Fills a place, and gives the interaction out, whether there is still a place for it or not.
    pub(crate) fn fill_and_tell(&mut self, note: Note, request: &Request, response: &Response) -> Interaction {
        let seq = note.seq;
        let entry = self.entry(note, request, response);
        let interaction = entry.to_interaction(seq, self.scope_of(seq));
        self.place(seq, entry);
        interaction
    }

    fn entry(&mut self, note: Note, request: &Request, response: &Response) -> Exchange {
        let request = note.mask.over(request);
        self.recheck();
        // What the mock itself answers gives out no cookies; another server does, and a stub may: its body may repeat
        // them. Header lines that are kept as they are have none.
        let is_looked_at = response.mark.is_some() && self.block(response.headers()).is_none();
        let given_out = if is_looked_at { self.known.given_out(response.headers()) } else { None };
        let response_body = self.known.answer(&note.mask, response.status(), response.body());
        self.recheck();
        // A small body is copied behind the target, a large one is held as it is.
        fn parts(body: &Bytes) -> (&[u8], Bytes) {
            if body.len() > limits::JOURNAL_COPIED_BYTES_MAX { (&[], body.clone()) } else { (body, Bytes::new()) }
        }
        let ((sent, large_request), (said, large_response)) = (parts(request.body()), parts(&response_body));
        let is_plain = note.findings.is_empty()
            && large_request.is_empty()
            && large_response.is_empty()
            && response.mark.is_none();
        let target = request.target().as_bytes();
        Exchange {
            at: note.at,
            took_us: note.took_us,
            target_bytes: target.len() as u32,
            request_bytes: sent.len() as u32,
            texts: [target, sent, said].concat().into_boxed_slice(),
            frame: self.frame(
                note.operation,
                request,
                response.status(),
                given_out.as_ref().unwrap_or(response.headers()),
            ),
            rest: (!is_plain).then(|| {
                Box::new(Rest {
                    request_body: large_request,
                    response_body: large_response,
                    findings: note.findings.into_iter().map(ShortFinding::new).collect(),
                    mark: response.mark.clone(),
                })
            }),
        }
    }

    /// The frame of a call, the same for equal ones.
    fn frame(
        &mut self,
        operation: Option<&'static str>,
        request: &Request,
        status: u16,
        answered: &Headers,
    ) -> Arc<Frame> {
        let is_alike =
            |frame: &Frame| frame.status == status && frame.operation == operation && frame.method == *request.method();
        // Most calls are of a kind that was there just before. What is kept has been masked, so what reads like it has
        // nothing left to mask.
        let (sent, said) = (request.headers(), answered);
        let is_it =
            |frame: &&Arc<Frame>| is_alike(frame) && frame.request_headers == *sent && frame.response_headers == *said;
        if let Some(frame) = self.frames.iter().rev().take(4).find(is_it) {
            return frame.clone();
        }
        let (request_headers, response_headers) = (self.share(sent), self.share(said));
        let known = self.frames.iter().find(|frame| {
            is_alike(frame)
                && frame.request_headers.is_copy_of(&request_headers)
                && frame.response_headers.is_copy_of(&response_headers)
        });
        if let Some(frame) = known {
            return frame.clone();
        }
        let method = request.method().clone();
        let frame = Arc::new(Frame { operation, method, status, request_headers, response_headers });
        if self.frames.len() == limits::JOURNAL_SHARED_BLOCKS_MAX {
            self.frames.pop_front();
        }
        self.frames.push_back(frame.clone());
        frame
    }

    fn place(&mut self, seq: u64, entry: Exchange) {
        let at = seq.checked_sub(self.first_seq).map(|at| at as usize);
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            self.bytes += entry.bytes();
            *slot = Some(Arc::new(entry));
            self.evict();
        }
    }

    /// The interaction with that number, if it is there and has its answer.
    pub(crate) fn get(&self, seq: u64) -> Option<Interaction> {
        let at = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        self.slots.get(at)?.as_ref().map(|entry| entry.to_interaction(seq, self.scope_of(seq)))
    }

    /// All calls of a span that have their answer, and its events; oldest first.
    pub(crate) fn kept(&self, span: RunSpan) -> Vec<JournalItem> {
        let (from, to) = self.bounds(span);
        let skipped = from.saturating_sub(self.first_seq) as usize;
        let entries = self.slots.iter().zip(&self.standings).zip(self.first_seq..).skip(skipped);
        let until = entries.take_while(|(_, seq)| *seq < to);
        until.filter_map(|((slot, standing), seq)| self.kept_at(slot, *standing, seq)).collect()
    }

    fn kept_at(&self, slot: &JournalSlot, standing: SubjectBefore, seq: u64) -> Option<JournalItem> {
        match slot {
            Some(entry) => Some(JournalItem::Call(seq, self.scope_of(seq), standing, KeptCall(entry.clone()))),
            None => self.events.get(&seq).map(|(event, _)| JournalItem::Event(event.clone())),
        }
    }

    /// At most `limit` calls of a span after number `after`, of one operation if it is named, and at most
    /// `bytes_max` bytes of them but one at least; with the events between them.
    pub(crate) fn page(
        &self,
        span: RunSpan,
        after: u64,
        operation: Option<&str>,
        limit: usize,
        bytes_max: usize,
    ) -> JournalPage {
        let (from, to) = self.bounds(span);
        let after = after.max(from - 1);
        let skipped = (after + 1).saturating_sub(self.first_seq) as usize;
        let mut page = JournalPage { kept: Vec::new(), next: after, evicted: 0 };
        let (mut calls, mut bytes) = (0, 0);
        // Whoever reads on does not pass over what it has read.
        let skipped = skipped.min(self.slots.len());
        let entries = self.slots.range(skipped..).zip(self.standings.range(skipped..));
        let entries = entries.zip(self.first_seq + skipped as u64..);
        for ((slot, standing), seq) in entries.take_while(|(_, seq)| *seq < to) {
            // A call that still waits for its answer is not passed over: the next reading begins there.
            let Some(kept) = self.kept_at(slot, *standing, seq) else { break };
            if let Some(entry) = slot {
                let is_wanted = operation.is_none_or(|operation| entry.frame.operation == Some(operation));
                let is_full = calls >= limit || (calls > 0 && bytes + entry.bytes() > bytes_max);
                if is_full && (is_wanted || calls >= limit) {
                    break;
                }
                page.next = seq;
                if is_wanted {
                    calls += 1;
                    bytes += entry.bytes();
                    page.kept.push(kept);
                }
            } else {
                page.next = seq;
                page.kept.push(kept);
            }
        }
        page.evicted = match span {
            RunSpan::Run => self.calls.forgotten,
            RunSpan::Scope => self.scope_calls.forgotten,
            RunSpan::Ended(_) => 0,
        };
        page
    }

    /// How many calls and events are held, and how many bytes.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.slots.len(), self.bytes)
    }

    /// The calls that were forgotten with their answers, by operation and status.
    pub(crate) fn forgotten(&self) -> &BTreeMap<(Option<&'static str>, u16), u64> {
        &self.forgotten
    }

    /// How many interactions are kept.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many calls there were, those that have been forgotten included.
    pub(crate) fn calls(&self, span: RunSpan) -> u64 {
        self.tally(span).made
    }

    /// How many calls have been forgotten.
    pub(crate) fn evicted(&self, span: RunSpan) -> u64 {
        self.tally(span).forgotten
    }

    fn tally(&self, span: RunSpan) -> CallTally {
        if span == RunSpan::Run { self.calls } else { self.scope_calls }
    }

    /// Forgets every call and event; numbers go on.
    pub(crate) fn clear(&mut self) {
        while !self.slots.is_empty() {
            self.forget_first();
        }
    }

    fn evict(&mut self) {
        while self.slots.len() > self.entries_max || (self.bytes > self.bytes_max && self.slots.len() > 1) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let seq = self.first_seq;
        let slot = self.slots.pop_front().flatten();
        self.standings.pop_front();
        self.first_seq += 1;
        // A name is of use as long as a call of its scope is there, or may come.
        while self.scopes.get(1).is_some_and(|(first, _)| *first <= self.first_seq) {
            self.scopes.pop_front();
        }
        if let Some((event, bytes)) = self.events.remove(&seq) {
            self.bytes -= bytes;
            match &event.change {
                Change::Allow { rule, .. } => {
                    let is_same = |known: &Arc<Event>| matches!(&known.change, Change::Allow { rule: known, .. } if known == rule);
                    self.forgotten_allowances.retain(|known| !is_same(known));
                    self.forgotten_allowances.push(event);
                }
                Change::Reset { .. } => self.forgotten_allowances.clear(),
                _ => {}
            }
            return;
        }
        if let Some(entry) = slot {
            self.bytes -= entry.bytes();
            *self.forgotten.entry((entry.frame.operation, entry.frame.status)).or_default() += 1;
        }
        self.calls.forgotten += 1;
        if self.scopes.back().is_none_or(|(first, _)| seq >= *first) {
            self.scope_calls.forgotten += 1;
        }
    }

    /// A header block as the journal keeps it: masked, and the same text once.
    fn share(&mut self, headers: &Headers) -> Headers {
        // What is kept has been masked, so what reads like it has nothing left to mask.
        if let Some(block) = self.block(headers) {
            return block.headers.clone();
        }
        // This line an answer gives back as the request has said it, and it is masked as there.
        let given_out = headers.get("x-opaque-id").and_then(|_| self.known.given_out(headers));
        self.recheck();
        let masked = self.known.headers(given_out.as_ref().unwrap_or(headers));
        if let Some(block) = self.block(&masked) {
            return block.headers.clone();
        }
        if self.blocks.len() == limits::JOURNAL_SHARED_BLOCKS_MAX
            && let Some(gone) = self.blocks.pop_front()
        {
            // With it go its frames: a call that has one is known to have nothing to mask.
            let has = |headers: &Headers| headers.is_copy_of(&gone.headers);
            self.frames.retain(|frame| !has(&frame.request_headers) && !has(&frame.response_headers));
        }
        let headers = masked.into_owned();
        let has_masks = headers.as_text().contains(redact::REDACTED);
        self.blocks.push_back(HeaderBlock { headers: headers.clone(), has_masks });
        headers
    }

    fn block(&self, headers: &Headers) -> Option<&HeaderBlock> {
        self.blocks.iter().find(|block| block.headers == *headers)
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new(limits::JOURNAL_ENTRIES_MAX, limits::JOURNAL_BYTES_MAX)
    }
}

impl Exchange {
    /// What the entry costs. A shared header block is counted a little in every entry that holds it.
    fn bytes(&self) -> usize {
        let of_rest = |rest: &Rest| {
            size_of::<Rest>()
                + rest.request_body.len()
                + rest.response_body.len()
                + rest.findings.iter().map(ShortFinding::bytes).sum::<usize>()
        };
        ENTRY_BYTES
            + self.texts.len()
            + (self.frame.request_headers.as_text().len() + self.frame.response_headers.as_text().len()) / 4
            + self.rest.as_deref().map_or(0, of_rest)
    }

    fn to_interaction(&self, seq: u64, scope: Option<Arc<str>>) -> Interaction {
        let frame = &*self.frame;
        let (target, bodies) = self.texts.split_at(self.target_bytes as usize);
        let (sent, said) = bodies.split_at(self.request_bytes as usize);
        let rest = self.rest.as_deref();
        let body = |small: &[u8], large: Option<&Bytes>| match large {
            Some(large) if !large.is_empty() => large.clone(),
            _ => Bytes::copy_from_slice(small),
        };
        let mut response = Response::new(frame.status);
        response.headers = frame.response_headers.clone();
        response.body = body(said, rest.map(|rest| &rest.response_body));
        response.mark = rest.and_then(|rest| rest.mark.clone());
        Interaction {
            seq,
            at: self.at,
            operation: frame.operation.map(str::to_owned),
            request: Request::new(frame.method.clone(), String::from_utf8_lossy(target))
                .with_headers(frame.request_headers.clone())
                .with_body(body(sent, rest.map(|rest| &rest.request_body))),
            response,
            findings: rest
                .map_or(&[][..], |rest| &*rest.findings)
                .iter()
                .filter_map(ShortFinding::to_finding)
                .collect(),
            took_us: self.took_us,
            scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(journal: &mut Journal, seq: u64, request: &Request) {
        let mask = journal.mask(None, request, false);
        let note = Note { seq, at: Timestamp::default(), operation: None, findings: Vec::new(), took_us: 0, mask };
        journal.fill(note, request, &Response::new(200));
    }

    fn say(journal: &mut Journal, seq: u64, target: &str) {
        fill(journal, seq, &Request::new(Method::Get, target));
    }

    fn extract(journal: &Journal, after: u64, limit: usize) -> Extract {
        journal.page(RunSpan::Run, after, None, limit, usize::MAX).into()
    }

    fn targets(journal: &Journal) -> Vec<String> {
        extract(journal, 0, usize::MAX)
            .interactions
            .iter()
            .map(|interaction| interaction.request.target().to_owned())
            .collect()
    }

    #[test]
    fn the_order_is_that_of_acting_not_of_answering() {
        let mut journal = Journal::default();
        let (first, second) = (journal.reserve(), journal.reserve());
        say(&mut journal, second, "/second");
        assert_eq!(extract(&journal, 0, 10).interactions.len(), 0);
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
        let extract = extract(&journal, 0, 10);
        assert_eq!((extract.evicted, extract.next, extract.interactions[0].seq), (3, 5, 4));
        assert_eq!(journal.get(3), None);
        assert_eq!(journal.get(4).map(|interaction| interaction.seq), Some(4));
    }

    #[test]
    fn bytes_are_bounded_and_the_last_interaction_stays() {
        let mut journal = Journal::new(usize::MAX, 100_000);
        for _ in 0..100 {
            let seq = journal.reserve();
            fill(&mut journal, seq, &Request::new(Method::Put, "/").with_body(vec![b'x'; 20_000]));
        }
        assert!(journal.bytes <= 100_000);
        assert_eq!(journal.len() as u64 + journal.evicted(RunSpan::Run), 100);
        let seq = journal.reserve();
        fill(&mut journal, seq, &Request::new(Method::Put, "/big").with_body(vec![b'x'; 200_000]));
        assert_eq!(targets(&journal), ["/big"]);
    }

    #[test]
    fn an_extract_can_be_read_on() {
        let mut journal = Journal::default();
        for at in 1..=5 {
            let seq = journal.reserve();
            say(&mut journal, seq, &format!("/{at}"));
        }
        let first = extract(&journal, 0, 2);
        let second = extract(&journal, first.next, 10);
        assert_eq!((first.interactions.len(), second.interactions.len(), second.next), (2, 3, 5));
        journal.clear();
        assert_eq!(extract(&journal, 0, 10).interactions.len(), 0);
        assert_eq!(journal.reserve(), 6);
    }

    #[test]
    fn a_scope_has_its_own_part_of_the_journal() {
        let at = Timestamp::default();
        let reset = |name: &str| {
            let scope = Some(name.into());
            Change::Reset { scope, started_at: at, state: None, forget: false, source: None }
        };
        let mut journal = Journal::default();
        let call = |journal: &mut Journal| {
            let seq = journal.reserve();
            say(journal, seq, &format!("/{seq}"));
        };
        call(&mut journal);
        journal.happen(at, reset("one"), 0);
        call(&mut journal);
        journal.happen(at, reset("two"), 0);
        call(&mut journal);
        call(&mut journal);
        let told = |journal: &Journal, span: RunSpan| -> Vec<(u64, Option<String>)> {
            let kept = journal.kept(span);
            let calls = kept.iter().filter_map(JournalItem::interaction);
            calls.map(|call| (call.seq, call.scope.map(|scope| scope.to_string()))).collect()
        };
        let (one, two) = (Some("one".to_owned()), Some("two".to_owned()));
        assert_eq!(told(&journal, RunSpan::Ended(1)), [(1, None)]);
        assert_eq!(told(&journal, RunSpan::Ended(3)), [(3, one.clone())]);
        assert_eq!(told(&journal, RunSpan::Scope), [(5, two.clone()), (6, two.clone())]);
        assert_eq!(told(&journal, RunSpan::Run), [(1, None), (3, one), (5, two.clone()), (6, two.clone())]);
        assert_eq!(journal.kept(RunSpan::Run).len(), 6);
        assert_eq!((journal.calls(RunSpan::Run), journal.calls(RunSpan::Scope)), (4, 2));
        // However small a page is, it has a call, and reading on finds all of them.
        let (mut after, mut seqs) = (0, Vec::new());
        loop {
            let page = journal.page(RunSpan::Run, after, None, 9, 1);
            let calls: Vec<u64> = page.kept.iter().filter_map(JournalItem::interaction).map(|call| call.seq).collect();
            if calls.is_empty() {
                break;
            }
            assert_eq!(calls.len(), 1);
            seqs.extend(calls);
            after = page.next;
        }
        assert_eq!(seqs, [1, 3, 5, 6]);
        journal.clear();
        assert_eq!((told(&journal, RunSpan::Run).len(), journal.calls(RunSpan::Run), journal.bytes), (0, 4, 0));
        call(&mut journal);
        assert_eq!(told(&journal, RunSpan::Scope), [(7, two)]);
    }

    #[test]
    fn a_finding_is_told_as_it_was_made() {
        let evidence = serde_json::json!({ "seen": 0.1, "expected": ["a\n", null, 1e300], "hint": "no hint" });
        let finding = Finding {
            operation: Some("connector.sync_job_claim".to_owned()),
            message: "said \u{e9}\"".to_owned(),
            hint: "claim only jobs that wait".into(),
            evidence: evidence.as_object().expect("an object").clone(),
            reference: "the protocol".into(),
            subject: Some(crate::finding::Subject::Job("job-1".to_owned())),
            scope: Some("one".into()),
            ..Finding::about("claim-of-running-job", crate::finding::Severity::Error, 7, Timestamp::default())
        };
        let text = finding.to_value().to_string();
        let told = ShortFinding::new(finding.clone());
        assert_eq!(told.to_finding(), Some(finding));
        assert!(told.bytes() < text.len() + size_of::<ShortFinding>());
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
            let kept = journal.kept(RunSpan::Run);
            let calls = kept.iter().filter_map(|kept| if let JournalItem::Call(seq, ..) = kept { Some(*seq) } else { None });
            let seqs: Vec<u64> = calls.collect();
            let expected: Vec<u64> = (1..=answers.len() as u64).skip(answers.len().saturating_sub(entries_max)).collect();
            prop_assert_eq!(seqs, expected);
        }
    }
}
