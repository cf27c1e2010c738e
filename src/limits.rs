//! Every bound in one room.
//!
//! Passing a bound is an answer or a counted loss that the user is told of, never an accident. Each
//! constant is a default or a hard limit; what a door can change is said beside it. Units come last
//! in a name, after what they measure. `docs/limits.md` is written from here: the first paragraph of a comment says
//! what is bounded, the second what is answered beyond it, and a plain comment begins a table.

// What a client sends

/// Bytes of a request body. Elasticsearch's `http.max_content_length`; `--body-max` and
/// `MockServerBuilder::body_bytes_max` change it.
///
/// Beyond: 413 without a body; the connection is closed
pub(crate) const BODY_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Bytes of a refused body that are read and thrown away, so that the client sees the answer
/// instead of a reset.
///
/// Beyond: the rest is not waited for
pub(crate) const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Time for draining a refused body.
///
/// Beyond: the rest is not waited for
pub(crate) const DRAIN_MS_MAX: u64 = 2_000;

/// Nesting that the JSON reader follows. Elasticsearch's parser stops at the same depth.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const JSON_DEPTH_MAX: usize = 1000;

/// Bytes that the values of one body may take in memory; a list of small numbers takes forty times its text.
///
/// Beyond: 429 `circuit_breaking_exception`, as in Elasticsearch when its memory is short
pub(crate) const JSON_HELD_BYTES_MAX: usize = 192 * 1024 * 1024;

/// Bytes that the values of a body of lines may take in memory; they are read one after the other.
///
/// Beyond: the same
pub(crate) const LINES_HELD_BYTES_MAX: usize = 768 * 1024 * 1024;

/// Digits of one JSON number. Elasticsearch's parser stops at the same length.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const JSON_NUMBER_DIGITS_MAX: usize = 1000;

/// Bytes of a body that an error about its JSON shows.
///
/// Beyond: the rest is left out
pub(crate) const JSON_EXCERPT_BYTES_MAX: usize = 500;

/// Bytes that come out of gzip before it is asked how few have gone in.
///
/// Beyond: the ratio below is asked for
pub(crate) const UNPACKED_BYTES_TRUSTED: usize = 32 * 1024 * 1024;

/// Bytes that come out of one byte of gzip beyond that; texts that people pack stay far below.
///
/// Beyond: refused, as a body or file that is too large
pub(crate) const UNPACKED_RATIO_MAX: usize = 200;

/// Bytes of a request line. Elasticsearch's `http.max_initial_line_length`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const REQUEST_LINE_BYTES_MAX: usize = 4096;

/// Bytes of all request headers together. Elasticsearch's `http.max_header_size`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a request's head that are read at all.
///
/// Beyond: a bare 414 or 431, also for more than 100 headers; the connection is closed
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Characters of a foreign host or origin that its refusal quotes.
///
/// Beyond: the rest is left out
pub(crate) const FOREIGN_NAME_CHARS_MAX: usize = 200;

// Indices, documents and searches

/// Indices of one cluster. Elasticsearch's `cluster.max_shards_per_node`, one shard each.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const INDICES_MAX: usize = 1000;

/// Bytes of the name of an index.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const INDEX_NAME_BYTES_MAX: usize = 255;

/// Fields of one mapping. Elasticsearch's `index.mapping.total_fields.limit`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const MAPPED_FIELDS_MAX: usize = 1000;

/// Objects in objects that a mapping has. Elasticsearch's `index.mapping.depth.limit`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const MAPPING_DEPTH_MAX: usize = 20;

/// Nested objects of one document. Elasticsearch's `index.mapping.nested_objects.limit`; a setting of an index.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const NESTED_OBJECTS_MAX: u64 = 10_000;

/// Bytes of a document id. Elasticsearch's limit on `_id`.
///
/// Beyond: 400, as in Elasticsearch; a mistake in a fixture
pub(crate) const ID_BYTES_MAX: usize = 512;

/// Bytes of a keyword that Lucene indexes as one term.
///
/// Beyond: 400, as in Elasticsearch; a mistake in a fixture
pub(crate) const KEYWORD_BYTES_MAX: usize = 32_766;

/// Deleted documents of one index whose versions are remembered.
///
/// Beyond: a document made again counts its version from 1
pub(crate) const DELETES_REMEMBERED_MAX: usize = 10_000;

/// Ingest pipelines that may call one another for one document.
///
/// Beyond: the document is refused, as in Elasticsearch
pub(crate) const PIPELINES_NESTED_MAX: usize = 100;

/// `from` + `size` of a list or search. Elasticsearch's `index.max_result_window`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const RESULT_WINDOW_MAX: usize = 10_000;

/// Hits that a search counts when it does not say how far.
///
/// Beyond: the total is a lower bound, as in Elasticsearch
pub(crate) const TOTAL_HITS_TRACKED_MAX: u64 = 10_000;

/// Queries in queries. Elasticsearch's `indices.query.bool.max_nested_depth`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const QUERY_DEPTH_MAX: usize = 30;

/// Values of one `terms` query. Elasticsearch's `index.max_terms_count`; a setting of an index.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const TERMS_MAX: usize = 65_536;

/// Fields that a search shows from their values. Elasticsearch's `index.max_docvalue_fields_search`; a setting of
/// an index.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const DOCVALUE_FIELDS_MAX: usize = 100;

/// Buckets of all aggregations of one search. Elasticsearch's `search.max_buckets`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const BUCKETS_MAX: usize = 65_536;

/// Searches of one `_msearch`.
///
/// Beyond: 400
pub(crate) const MSEARCH_MAX: usize = 10_000;

/// Scrolls that are open at a time. Elasticsearch's `search.max_open_scroll_context`.
///
/// Beyond: 429, as in Elasticsearch
pub(crate) const SCROLLS_MAX: usize = 500;

/// Points in time that are open at a time.
///
/// Beyond: 429
pub(crate) const PITS_MAX: usize = 500;

/// Bytes of all places that open scrolls and points in time hold, one for each hit or document. The
/// documents themselves are shared with the index until they change, and not counted.
///
/// Beyond: the same answers, with the number that is open
pub(crate) const CONTEXT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Seconds that a scroll or point in time may be kept. Elasticsearch's `search.max_keep_alive`.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const KEEP_ALIVE_S_MAX: u64 = 24 * 60 * 60;

// The journal, and what is found

/// Calls in the journal. `--journal-max` and `MockServerBuilder::journal_entries_max` change it.
///
/// Beyond: the oldest are forgotten and counted
pub(crate) const JOURNAL_ENTRIES_MAX: usize = 100_000;

/// Bytes of the calls in the journal.
///
/// Beyond: the oldest are forgotten and counted
pub(crate) const JOURNAL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Header blocks that a journal remembers, to keep equal ones once.
///
/// Beyond: equal ones are kept more than once
pub(crate) const JOURNAL_SHARED_BLOCKS_MAX: usize = 16;

/// Calls in one answer of the admin journal that does not say `limit`.
///
/// Beyond: `next` says where to go on
pub(crate) const JOURNAL_PAGE_ENTRIES: usize = 1000;

/// Bytes of the calls in one answer of the admin journal; one call is always there.
///
/// Beyond: `next` says where to go on; a recording has all
pub(crate) const JOURNAL_PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Findings that are kept.
///
/// Beyond: later ones are only counted
pub(crate) const FINDINGS_MAX: usize = 10_000;

/// Characters of a text in a finding: its message, and each text of its evidence.
///
/// Beyond: the rest is left out
pub(crate) const FINDING_CHARS_MAX: usize = 2_000;

/// Differences between what missed and what comes closest to it that are told.
///
/// Beyond: the rest is left out
pub(crate) const NEAR_MISS_DIFFERENCES_MAX: usize = 20;

/// Scopes of a run that have a verdict of their own.
///
/// Beyond: further ones have one together
pub(crate) const SCOPES_MAX: usize = 10_000;

/// Characters of the name of a scope.
///
/// Beyond: refused
pub(crate) const SCOPE_NAME_CHARS_MAX: usize = 1000;

/// Characters of the file, and of the name of the test, in a source place.
///
/// Beyond: it is no source place, but an id like any other
pub(crate) const SOURCE_PLACE_CHARS_MAX: usize = 1000;

/// Jobs, and connectors, that the judge follows.
///
/// Beyond: those that ended first are forgotten; no rule speaks of them
pub(crate) const JUDGE_LANES_MAX: usize = 50_000;

/// Lists and searches of jobs that the judge remembers.
///
/// Beyond: the oldest are forgotten
pub(crate) const JUDGE_LOOKS_MAX: usize = 64;

/// Writes of one index that no refresh has shown, and that the judge remembers.
///
/// Beyond: no search is told to depend on further ones
pub(crate) const JUDGE_UNSHOWN_MAX: usize = 1_000;

/// Indices of which the judge remembers such writes.
///
/// Beyond: no search is told to depend on writes of further ones
pub(crate) const JUDGE_UNSHOWN_INDICES_MAX: usize = 64;

/// Failed calls that the judge watches for being repeated.
///
/// Beyond: the oldest are forgotten
pub(crate) const JUDGE_FAILURES_MAX: usize = 256;

/// Secrets that are known and looked for everywhere, and as many names of marked settings.
///
/// Beyond: further ones are masked by their place only
pub(crate) const SECRETS_KNOWN_MAX: usize = 4_096;

/// Bytes that a secret has at most to be remembered.
///
/// Beyond: a longer one is masked by its place only
pub(crate) const SECRET_BYTES_MAX: usize = 16 * 1024;

/// Bytes that a secret has at least to be looked for: a shorter one stands in many a text by chance.
///
/// Beyond: a shorter one is masked by its place only
pub(crate) const SECRET_BYTES_MIN: usize = 6;

/// Times that an added state is planted anew because calls came meanwhile, before they are made to wait.
///
/// Beyond: calls wait until it is planted
pub(crate) const STATE_TRIES_MAX: usize = 3;

/// Steps that simulated sides do until one instant.
///
/// Beyond: what would be due besides is left out
pub(crate) const SIMULATED_STEPS_MAX: usize = 10_000;

// Reports, metrics and the page

/// Calls of one lane that the text report shows; of a longer lane, those around the findings.
///
/// Beyond: the others are counted
pub(crate) const REPORT_LANE_CALLS_MAX: usize = 60;

/// Lanes that the diagram of a summary shows: the first.
///
/// Beyond: the summary says how many there are
pub(crate) const SUMMARY_LANES_MAX: usize = 12;

/// Calls that the diagram of a summary shows.
///
/// Beyond: the summary says how many there are
pub(crate) const SUMMARY_CALLS_MAX: usize = 80;

/// Scopes, and groups of equal findings, that the tables of a summary have a row for.
///
/// Beyond: the others are counted
pub(crate) const SUMMARY_ROWS_MAX: usize = 50;

/// Bytes of the text report that a summary repeats; a code host takes a summary of 1 MiB.
///
/// Beyond: the rest is left out
pub(crate) const SUMMARY_TEXT_BYTES_MAX: usize = 200_000;

/// Requests that coverage names for what was missed.
///
/// Beyond: more come when these are covered
pub(crate) const COVERAGE_SCENARIOS_MAX: usize = 10;

/// Samples of one kind that the metrics tell.
///
/// Beyond: the others are told as one
pub(crate) const METRICS_SERIES_MAX: usize = 1000;

/// Calls that the page shows.
///
/// Beyond: the last of them are shown, and the page says so
pub(crate) const PAGE_CALLS_MAX: usize = 20_000;

/// Bytes of a body that the page shows.
///
/// Beyond: the beginning is shown; the recording has all of it
pub(crate) const PAGE_BODY_BYTES_MAX: usize = 16 * 1024;

/// Bytes of documents, and of what calls changed in them, that the page holds.
///
/// Beyond: the state is shown up to there
pub(crate) const PAGE_STATE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Calls that the page lists for a browser without scripts.
///
/// Beyond: the rest is counted
pub(crate) const PAGE_ROWS_MAX: usize = 5_000;

/// Clients that listen to what comes at a time.
///
/// Beyond: 429
pub(crate) const LISTENERS_MAX: usize = 32;

/// Calls that a listener is told at once.
///
/// Beyond: the rest comes next
pub(crate) const EVENTS_AT_ONCE_MAX: usize = 100;

/// Time between two tellings of one listener.
///
/// Beyond: –
pub(crate) const EVENTS_REST_MS: u64 = 50;

/// Time after which a listener is told that nothing has come.
///
/// Beyond: a beat is sent
pub(crate) const EVENTS_BEAT_S: u64 = 15;

// Connections

/// Connections that one server holds at a time.
///
/// Beyond: further ones wait until one is closed; a silent one is not closed, as in Elasticsearch
pub(crate) const CONNECTIONS_MAX: usize = 16_384;

/// Connections that may wait in the listener's queue.
///
/// Beyond: refused by the system
pub(crate) const BACKLOG_MAX: i32 = 1024;

/// Time after which accepting is tried again when the process had no file descriptor left.
///
/// Beyond: –
pub(crate) const ACCEPT_AGAIN_MS: u64 = 50;

/// Time that a TLS handshake may take. Netty's, and so Elasticsearch's, limit.
///
/// Beyond: the connection is closed, and the server tells it
#[cfg(feature = "tls")]
pub(crate) const HANDSHAKE_MS_MAX: u64 = 10_000;

/// Bytes that a client may send before its TLS handshake has ended; certificates of clients are among them.
///
/// Beyond: the connection is closed, and the server tells it
#[cfg(feature = "tls")]
pub(crate) const HANDSHAKE_BYTES_MAX: usize = 128 * 1024;

/// Bytes of a file of certificates, or of a key.
///
/// Beyond: refused
#[cfg(feature = "tls")]
pub(crate) const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Time that a dribbled body takes if nobody says how long.
///
/// Beyond: –
pub(crate) const DRIBBLE_MS: u64 = 1_000;

/// Ports that a process remembers to have been given, so that no new server gets the port of a dropped one.
///
/// Beyond: the oldest may be used again
pub(crate) const PORTS_REMEMBERED_MAX: usize = 4096;

/// Time that `stop` and a signal give to calls in flight.
///
/// Beyond: connections are cut; a recording that is not written by then is not whole: exit code 3
pub(crate) const STOP_MS_MAX: u64 = 5_000;

/// Time after which the end of a server no longer waits for a stderr that nobody reads.
///
/// Beyond: what is left is not told; reports are written before
#[cfg(feature = "cli")]
pub(crate) const STDERR_STALLED_MS_MAX: u64 = 3_000;

// Fixtures

/// Bytes of a fixture file, unpacked.
///
/// Beyond: refused
pub(crate) const FIXTURE_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Mistakes of fixtures that one error tells; `lint` tells all.
///
/// Beyond: the rest is counted
pub(crate) const FIXTURE_MISTAKES_TOLD_MAX: usize = 20;

/// Nodes of a YAML fixture.
///
/// Beyond: refused
#[cfg(feature = "yaml")]
pub(crate) const YAML_NODES_MAX: usize = 20_000_000;

/// Nesting of a YAML fixture.
///
/// Beyond: refused
#[cfg(feature = "yaml")]
pub(crate) const YAML_DEPTH_MAX: usize = 64;

/// Nodes that the aliases of a YAML fixture may stand for.
///
/// Beyond: refused
#[cfg(feature = "yaml")]
pub(crate) const YAML_ALIASED_MAX: usize = 100_000;

// Recordings

/// Time after which opening a recording is given up; a pipe that nobody reads cannot be opened at all.
///
/// Beyond: the server does not start: a pipe wants its reader first
pub(crate) const RECORDING_OPEN_MS_MAX: u64 = 2_000;

/// Time that an answer waits for its line of the recording to be written.
///
/// Beyond: the answer goes out, with a warning; later ones do not wait until all is written
pub(crate) const RECORDING_WAIT_MS_MAX: u64 = 500;

/// Bytes of a recording that may wait to be written.
///
/// Beyond: recording is given up, with a warning and exit code 3
pub(crate) const RECORDING_QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a recording whose lines are put into their order at the end.
///
/// Beyond: the lines of a larger one stay as they were written
pub(crate) const RECORDING_ORDERED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bytes of a recording that is read, unpacked.
///
/// Beyond: refused
pub(crate) const RECORDING_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024 - 1;

/// Bytes of one line of a recording.
///
/// Beyond: refused
pub(crate) const RECORDING_LINE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Nesting up to which a recording holds a JSON body as JSON.
///
/// Beyond: it stands there as text
pub(crate) const RECORDING_BODY_DEPTH_MAX: usize = 100;

/// Mistakes of one recording that are told.
///
/// Beyond: the rest is counted
pub(crate) const RECORDING_MISTAKES_MAX: usize = 1000;

/// JSON pointers that the header of a recording excepts from comparison.
///
/// Beyond: refused
pub(crate) const RECORDING_IGNORED_MAX: usize = 1000;

/// Bytes of the state at the start that a reset's line of a recording repeats.
///
/// Beyond: it stands in the first line alone
pub(crate) const EVENT_STATE_BYTES_MAX: usize = 64 * 1024;

/// Unmatched calls and leftovers that one report of a playback lists.
///
/// Beyond: later ones are only counted
pub(crate) const PLAYBACK_REPORT_ENTRIES_MAX: usize = 100;

/// Recorded calls that an unmatched one is compared with.
///
/// Beyond: no nearer one is looked for
pub(crate) const PLAYBACK_COMPARED_MAX: usize = 1000;

/// Calls of a playback whose passed over differences are told one by one.
///
/// Beyond: the oldest are forgotten
pub(crate) const PLAYBACK_NOTES_MAX: usize = 1000;

/// Places of requests whose passed over differences are counted.
///
/// Beyond: further ones are not counted
pub(crate) const PLAYBACK_PLACES_MAX: usize = 1000;

/// Ids of a playback that a client has chosen otherwise than when it was recorded.
///
/// Beyond: further ones are compared as they are
pub(crate) const PLAYBACK_RENAMED_MAX: usize = 100_000;

/// Pairs of calls of one lane that `diff` looks at to align them.
///
/// Beyond: compared place by place
#[cfg(any(feature = "cli", test))]
pub(crate) const DIFF_CELLS_MAX: usize = 16_000_000;

/// Differences between two answers that are told.
///
/// Beyond: the rest is left out
#[cfg(any(feature = "cli", test))]
pub(crate) const MEANING_DIFFERENCES_MAX: usize = 100;

/// Ids, and sequence numbers, that a comparison of two servers carries into later requests.
///
/// Beyond: further ones are sent as recorded
#[cfg(any(feature = "cli", test))]
pub(crate) const MEANING_IDS_MAX: usize = 100_000;

/// Bytes of a file of another tool, unpacked.
///
/// Beyond: refused
#[cfg(feature = "cli")]
pub(crate) const IMPORTED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Calls that one file of another tool may hold.
///
/// Beyond: refused
pub(crate) const IMPORTED_CALLS_MAX: usize = 1_000_000;

// Other servers

/// Bytes of a forwarded answer that are kept for the journal.
///
/// Beyond: it is passed on, and `left_out` in the recording has its length; such a call is not played, sent by
/// `verify`, or judged by its body
pub(crate) const FORWARDED_BYTES_KEPT_MAX: usize = 64 * 1024 * 1024;

/// Ids of scrolls and points in time of an upstream that are remembered.
///
/// Beyond: they are taken for the upstream's all the same
pub(crate) const FORWARDED_CONTEXTS_MAX: usize = 10_000;

/// Time for a connection to an upstream to be made.
///
/// Beyond: it is away: 503
pub(crate) const UPSTREAM_CONNECT_MS_MAX: u64 = 5_000;

/// Time that an upstream may take to answer, or to go on with an answer; `--upstream-timeout` changes it.
///
/// Beyond: 504; in the middle of a body the connection is closed
pub(crate) const UPSTREAM_SILENCE_MS_MAX: u64 = 60_000;

/// Time for which an upstream that cannot be reached is not tried again; it doubles up to the second of the two.
///
/// Beyond: calls are answered 503 at once until then
pub(crate) const UPSTREAM_AWAY_MS: [u64; 2] = [250, 5_000];

/// Calls in a row that an upstream leaves without an answer before it counts as away.
///
/// Beyond: it is away: 503
pub(crate) const UPSTREAM_SILENT_CALLS_MAX: u32 = 3;

/// Time after which an idle connection to an upstream is not used again.
///
/// Beyond: it is closed
pub(crate) const UPSTREAM_IDLE_MS_MAX: u64 = 20_000;

/// Idle connections that are kept to one node of an upstream.
///
/// Beyond: they are closed
pub(crate) const UPSTREAM_IDLE_CONNECTIONS_MAX: usize = 256;

/// Bytes of an answer of another server.
///
/// Beyond: `verify` ends with exit code 3
#[cfg(feature = "cli")]
pub(crate) const CALLER_ANSWER_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of a file of evidence.
///
/// Beyond: refused
#[cfg(feature = "cli")]
pub(crate) const EVIDENCE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Documents of one index that are prepared on another server.
///
/// Beyond: refused
#[cfg(feature = "cli")]
pub(crate) const PREPARED_DOCUMENTS_MAX: usize = 10_000;

// Small bounds

/// Numbers that a vector may have. Source: Elasticsearch 9.x, mapper of dense vectors.
///
/// Beyond: 400, as in Elasticsearch
pub(crate) const VECTOR_DIMENSIONS_MAX: i64 = 4096;

/// UTF-16 units of an unknown word that an error about JSON shows. Source: jackson-core 2.15, a run.
///
/// Beyond: the rest is left out, as in Elasticsearch
pub(crate) const JSON_WORD_UNITS_MAX: usize = 256;

/// Seconds that a call of the admin journal waits for calls if it does not say how long.
///
/// Beyond: it answers with what there is; `timeout` says another time
pub(crate) const ADMIN_WAIT_S: u64 = 10;

/// Threads of the runtime that all servers of a process share.
///
/// Beyond: connections share them; there are no more than cores
pub(crate) const SERVER_THREADS_MAX: usize = 4;

/// Texts of one call, too short to be looked for everywhere, that its answer must not repeat.
///
/// Beyond: further ones are masked at their place only
pub(crate) const SECRETS_OF_CALL_MAX: usize = 256;

/// Bytes of a file that are looked at before the others are read: enough to tell that it is something else.
///
/// Beyond: the file is taken for what its name says
pub(crate) const INPUT_HEAD_BYTES: usize = 64 * 1024;

/// Keys of a value that are looked at to tell what a file is; a value with more is something else.
///
/// Beyond: the value is something else
pub(crate) const INPUT_KEYS_MAX: usize = 64;

/// Unknown names of one place in a fixture that are compared with the known ones, for a suggestion.
///
/// Beyond: told without a suggestion
pub(crate) const FIXTURE_NAMES_COMPARED_MAX: usize = 100;

/// Fields that any kind of entry of a fixture has.
///
/// Beyond: no kind of entry has more
pub(crate) const FIXTURE_FIELDS_MAX: usize = 40;

/// Instants that a simulated user looks at for one at which there is something to do.
///
/// Beyond: it looks again with the next call
pub(crate) const SIMULATED_LOOKS_MAX: u64 = 100;

// What messages and reports show

/// Characters of a value in a near miss.
///
/// Beyond: the rest is left out
pub(crate) const NEAR_MISS_CHARS_MAX: usize = 120;

/// Calls of a stub that a finding names.
///
/// Beyond: the others are counted
pub(crate) const STUB_CALLS_TOLD_MAX: usize = 10;

/// Differences that the reason of an unmatched call names.
///
/// Beyond: it says that there are more
pub(crate) const PLAYBACK_DIFFERENCES_NAMED_MAX: usize = 3;

/// Characters of a path that are compared to find the nearest recorded call.
///
/// Beyond: the rest is not compared
pub(crate) const PLAYBACK_PATH_CHARS_MAX: usize = 200;

/// Characters of a body or path that a line of the text report shows.
///
/// Beyond: the rest is left out
pub(crate) const REPORT_CHARS_MAX: usize = 100;

/// Equal findings of which the text report shows each call.
///
/// Beyond: the others are counted
pub(crate) const REPORT_ALIKE_MAX: usize = 3;

/// Pieces of a list of calls that a report has: `4, 7, 9-12` has three.
///
/// Beyond: those between are left out
pub(crate) const REPORT_CALLS_LISTED_MAX: usize = 12;

/// Characters of a label in the diagram of a summary.
///
/// Beyond: the rest is left out
pub(crate) const DIAGRAM_LABEL_CHARS_MAX: usize = 60;

/// Characters of a cell in a table of a summary.
///
/// Beyond: the rest is left out
pub(crate) const SUMMARY_CELL_CHARS_MAX: usize = 300;

/// Objects in objects that a request of coverage sends whole.
///
/// Beyond: deeper ones are sent with what they must have
pub(crate) const COVERAGE_DEPTH_MAX: usize = 4;

/// Mistakes that `lint` shows with their lines.
///
/// Beyond: the others are counted; `--json` has all
#[cfg(feature = "cli")]
pub(crate) const LINT_MISTAKES_SHOWN_MAX: usize = 200;

/// Bytes of a line that `lint` shows.
///
/// Beyond: a longer line is not shown
#[cfg(feature = "cli")]
pub(crate) const LINT_LINE_BYTES_MAX: usize = 64 * 1024;

/// Lines between two mistakes that `lint` shows in one piece.
///
/// Beyond: they are shown apart
#[cfg(feature = "cli")]
pub(crate) const LINT_PIECE_LINES_MAX: u32 = 8;

/// Characters of a body that `serve -vv` shows.
///
/// Beyond: the rest is left out
#[cfg(feature = "cli")]
pub(crate) const LIVE_BODY_CHARS_MAX: usize = 2_000;

/// Texts that may wait for a slow terminal.
///
/// Beyond: calls are no longer shown until the terminal has read them
#[cfg(feature = "cli")]
pub(crate) const CONSOLE_BACKLOG_MAX: usize = 1000;

/// Characters of a line of `explain`.
///
/// Beyond: the line is broken
#[cfg(feature = "cli")]
pub(crate) const EXPLAIN_LINE_CHARS_MAX: usize = 80;

/// Time that one attempt of `wait` takes.
///
/// Beyond: the server is asked again
#[cfg(feature = "cli")]
pub(crate) const WAIT_ATTEMPT_MS_MAX: u64 = 2_000;

/// Looks of `--watch` for which a file may be away.
///
/// Beyond: it counts as deleted
#[cfg(feature = "cli")]
pub(crate) const WATCH_ABSENT_LOOKS_MAX: u32 = 10;

// What only speed and memory depend on

/// Members of an object in a plain body.
///
/// Beyond: the body is read by the schema
pub(crate) const PLAIN_MEMBERS_MAX: usize = 16;

/// Objects and lists within one another in a plain body.
///
/// Beyond: the body is read by the schema
pub(crate) const PLAIN_DEPTH_MAX: usize = 16;

/// Jobs that a list puts in order, or whose changes it takes in, before other calls get their turn.
///
/// Beyond: other calls are answered in between; the list shows the jobs as they are when it is answered
pub(crate) const ORDERED_AT_ONCE_MAX: usize = 500;

/// Segments of a path that is found without the four passes of the router.
///
/// Beyond: the path is found by the four passes
pub(crate) const PLAIN_SEGMENTS_MAX: usize = 7;

/// Names of an object that are kept in a list to find one that comes twice.
///
/// Beyond: they are kept in a set
pub(crate) const JSON_FEW_NAMES_MAX: usize = 16;

/// Bytes of a text of a document that is copied.
///
/// Beyond: it stays in the buffer that it was received in
pub(crate) const SOURCE_COPIED_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a body that the journal copies.
///
/// Beyond: it stays in the buffer that it was received in
pub(crate) const JOURNAL_COPIED_BYTES_MAX: usize = 16 * 1024;

/// Bytes of room that is made for a body before its first byte has come, whatever length was announced.
///
/// Beyond: room is made as the body comes
pub(crate) const BODY_ROOM_BYTES_MAX: usize = 1024 * 1024;

/// Entries of a fixture that is planted with the first call: nobody waits long for that.
///
/// Beyond: it is planted at the start
pub(crate) const FIXTURE_PLANTED_LATER_MAX: usize = 100;

/// Times that a free port is asked for.
///
/// Beyond: a port that was given before is given again
pub(crate) const PORT_TRIES_MAX: usize = 64;
