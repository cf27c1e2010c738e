//! The command line as clap derives it. Words are read here, and nothing is done.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::child;
use super::report::ReportWanted;
use super::tls::{ClientSide, ServerSide};
use crate::clock::{self, Clock};
use crate::contract::strictness::{self, Contract, Level};
use crate::finding::Severity;
use crate::license::License;
use crate::mock::server::cassette::CassetteMode;
use crate::profile::Profile;
use crate::record::playback::policy::{Exhausted, IgnoredPointer, OnUnmatched, PlayOrder};
use crate::simulation::Simulated;
use crate::visibility::Visibility;

/// The order of a help page: what it does, how to call it, the flags, an example, the exit codes.
const PAGE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const TOP_ABOUT: &str = "\
It answers every call as Elasticsearch does, byte for byte, and judges it by the Connector
Protocol: what was said and whether it was right are told apart.";

const TOP_HELP: &str = "\
A first minute:
  elastimock serve                       the built-in fixtures; tells a curl line that claims a job
  elastimock serve --fixtures crm.json   your own connectors and sync jobs
  elastimock play story.ndjson           the recorded answers, without the other side
  elastimock run -- pytest -q            a server for one command, at ELASTICSEARCH_URL

Exit codes:
  0  done; nothing at or above --fail-on
  1  the client under test failed: findings
  2  the input was wrong: arguments, fixture, recording
  3  the surroundings failed: cannot bind, cannot reach, cannot read or write a file

`elastimock COMMAND --help` tells more.";

const SERVE_ABOUT: &str = "\
Without --fixtures it serves a small built-in set: two connectors, and a sync job in every status.

The first line on stdout, written when the port is open, is always
`elastimock listening on http://127.0.0.1:PORT`. With --json it is {\"url\",\"port\",\"pid\",\"seed\"},
with TLS \"ca\" and \"ca_fingerprint\" besides,
and at the end comes one more line: {\"findings\",\"counts\",\"calls\"}.

SIGTERM, SIGHUP or Ctrl-C stops the server: it accepts nothing more, calls in flight are answered
for at most 5 s, and the findings are told. A second signal ends it at once.";

const SERVE_HELP: &str = "\
Environment:
  Every flag can be a variable: --port-file is ELASTIMOCK_PORT_FILE, and so on. A flag wins.
  ELASTIMOCK_FIXTURES separates its paths as PATH does. A mistyped variable is told.

Example:
  elastimock serve --listen 127.0.0.1:0 --fixtures crm.json --record story.ndjson --seed 7

Exit codes:
  0    stopped; no finding at or above --fail-on
  1    stopped; findings at or above --fail-on
  2    an argument or a fixture was wrong: file, line, column and a cure are told
  3    cannot bind the address, cannot read or write a file
  130  ended at once by a second Ctrl-C; 143 by a second SIGTERM, 129 by a second SIGHUP";

const RUN_ABOUT: &str = "\
A server is started at a free port, the command is run with ELASTICSEARCH_URL and ELASTIMOCK_URL set
to its address, and when the command has ended the findings are told. There is one exit code: the
command's, or, if that is 0, the one of `serve`. With --tls, ELASTICSEARCH_CA and ELASTIMOCK_CA are
the path of the authority's certificate, and ELASTICSEARCH_CA_FINGERPRINT is its fingerprint.

The command has the standard streams to itself; with --json one document with the findings is the
last line on stdout. Signals are passed on to the command, and the server ends after it.";

const RUN_HELP: &str = "\
Environment:
  Every flag can be a variable: --fail-on is ELASTIMOCK_FAIL_ON, and so on. A flag wins. These
  variables are not passed on to the command.

Example:
  elastimock run --fixtures crm.json --report junit=contract.xml -- pytest -q

Exit codes:
  0    the command ended with 0, and there is no finding at or above --fail-on
  1    the command ended with 0; findings at or above --fail-on
  2    an argument or a fixture was wrong, or there is no such command
  3    cannot bind the address, cannot read or write a file
  N    the command's own code where it is not 0; 128 and the signal's number where one ended it";

const PLAY_ABOUT: &str = "\
Each request gets the next unserved answer that was recorded for it. What is another in every run
does not count: instants, host names, folders, ids that the server made. -v tells what was passed
over. A request that was not recorded is a finding (an error), and so is a recorded call that never
comes (a warning; with --order strict an error).

Ready line, --json and signals are those of `serve`; the last line of --json has \"recorded\" and
\"served\" besides, and \"played\" tells what was passed over.";

const PLAY_HELP: &str = "\
Environment:
  Every flag can be a variable: --port-file is ELASTIMOCK_PORT_FILE, and so on. A flag wins.

Example:
  elastimock play story.ndjson --listen 127.0.0.1:0 --fail-on warning

Exit codes:
  0    stopped; no finding at or above --fail-on
  1    stopped; findings at or above --fail-on
  2    an argument or the recording was wrong: file, line, column and a cure are told
  3    cannot bind the address, cannot read or write a file
  130  ended at once by a second Ctrl-C; 143 by a second SIGTERM, 129 by a second SIGHUP";

const RECORD_ABOUT: &str = "\
Every call goes to the upstream as it comes, and its answer goes back as it comes: bytes unchanged, bodies
streamed. Each is written down with credentials and secrets masked, and judged: the client by the
Connector Protocol, and the upstream's answers by the specification that Elastic publishes
(off-spec-answer, a warning).

Without a server at the upstream's address it does not start. One that goes away later is told in the
answers (503 elastimock_upstream_exception), and tried again.

Ready line, --json and signals are those of `serve`. A file that is there is replaced at the end, and
only if something was recorded.";

const RECORD_HELP: &str = "\
Environment:
  Every flag can be a variable: --upstream is ELASTIMOCK_UPSTREAM, and so on. A flag wins.

Example:
  elastimock record --upstream http://127.0.0.1:9200 --out story.ndjson

Exit codes:
  0    stopped; no finding at or above --fail-on
  1    stopped; findings at or above --fail-on
  2    an argument or the recording was wrong
  3    cannot bind the address, cannot reach the upstream, cannot read or write a file
  130  ended at once by a second Ctrl-C; 143 by a second SIGTERM, 129 by a second SIGHUP";

const JUDGE_ABOUT: &str = "\
Findings are those of a server that has heard the same calls. Several recordings are judged as parts
of one run, their calls in the order of their instants, and numbered anew.

A recording whose last line is cut off, as by a killed process, is judged without that line. The text
report goes to stdout, unless --report has another one go there.";

const JUDGE_HELP: &str = "\
Environment:
  Every flag can be a variable: --fail-on is ELASTIMOCK_FAIL_ON, and so on. A flag wins.

Example:
  elastimock judge story.ndjson --report sarif=story.sarif --report junit=story.xml

Exit codes:
  0  no finding at or above --fail-on
  1  findings at or above --fail-on
  2  an argument or a recording was wrong: file, line, column and a cure are told
  3  a file cannot be read or written";

const COVERAGE_ABOUT: &str = "\
Four dimensions of each operation of the Connector API: whether it was called, the states of job and
connector that it met, its error branches, and its optional fields, sent and left out. Recordings of
many runs add up, in any order. What would add most is told as requests to paste.";

const COVERAGE_HELP: &str = "\
Example:
  elastimock coverage target/recordings/*.ndjson --min 60

Exit codes:
  0  done; not less than --min
  1  less than --min
  2  an argument or a recording was wrong: file, line, column and a cure are told
  3  a file cannot be read";

const SHOW_ABOUT: &str = "\
A transcript has the calls in lanes, one for each job, connector or other thing that they are about. It
is YAML, as `insta` snapshots of server.transcript() are, and the same however often the story is told:
[id 1] is an id that the mock made, [t+5m] an instant counted from the start, [port] its port. A
document that came before in its lane shows what has changed in it; `…: as before` is the rest.";

const SHOW_HELP: &str = "\
Example:
  elastimock show story.ndjson

Exit codes:
  0  done
  2  an argument or a recording was wrong: file, line, column and a cure are told
  3  a file cannot be read, or stdout not be written";

const EXPLAIN_HELP: &str = "\
Example:
  elastimock explain claim-of-running-job

Exit codes:
  0  done
  2  there is no such rule; the closest names are told
  3  cannot write to stdout";

const INCIDENTS_HELP: &str = "\
Example:
  elastimock serve --incident throttled-bulk

Exit codes:
  0  done
  3  cannot write to stdout";

const LIST_HELP: &str = "\
Example:
  elastimock list --json

Exit codes:
  0  done
  2  an argument was wrong
  3  cannot write to stdout";

const SCHEMA_ABOUT: &str = "\
The published schema is what Elastic promises: findings are judged by it. The server's own is what
Elasticsearch really takes: answers are made by it.

`fixture` and `recording` are elastimock's own two formats.";

const SCHEMA_HELP: &str = "\
Example:
  elastimock schema connector.sync_job_claim --server

Exit codes:
  0  done
  2  there is no such operation; the closest names are told
  3  cannot write to stdout";

const LINT_ABOUT: &str = "\
A file is a recording if it begins as one, else a fixture; saved answers of Elasticsearch are
fixtures too. The files of a folder are checked as one fixture, as `serve --fixtures FOLDER` reads
them.";

const LINT_HELP: &str = "\
Example:
  elastimock lint fixtures/ story.ndjson

Exit codes:
  0  no mistakes
  2  mistakes, each with file, line, column and a cure
  3  a file cannot be read";

const VERIFY_ABOUT: &str = "\
The requests go out in recorded order, with the ids and sequence numbers that the server gives in place
of the recorded ones. What each server makes by itself is excused: ids, instants, sequence numbers,
counts of shards, scores, took, and how a node introduces itself. Calls with a masked secret are not
sent.

The calls change the server: use one that may be changed. --prepare puts a state there first, touches
nothing that is there, and takes the state away again; what the calls themselves made stays.";

const VERIFY_HELP: &str = "\
Environment:
  Every flag can be a variable: --api-key is ELASTIMOCK_API_KEY, and so on. A flag wins.

Example:
  elastimock verify story.ndjson --against http://127.0.0.1:9200 --prepare story.ndjson

Exit codes:
  0  all answers are alike
  1  some are not, or not all was sent
  2  an argument or a file was wrong, or something that is to be prepared is there already
  3  the server does not answer, or a file cannot be read or written";

const DIFF_ABOUT: &str = "\
Calls are compared lane by lane, so that the order of concurrent clients is none of it. What is another
in every run does not count: ids, instants, host names, sequence numbers, took, how often a client
polls. `-` is what only the first has, `+` what only the second has, `~` a call that differs.";

const DIFF_HELP: &str = "\
Example:
  elastimock diff before.ndjson after.ndjson --ignore /doc/metadata

Exit codes:
  0  nothing differs
  1  something differs
  2  an argument or a recording was wrong: file, line, column and a cure are told
  3  a file cannot be read";

const IMPORT_ABOUT: &str = "\
HAR 1.2, cassettes of vcrpy (YAML and JSON) and Polly, and mappings of WireMock become a recording.
Calls that are none of Elasticsearch are left out. What is secret is masked. Answers of Elasticsearch
that hold connectors, sync jobs or documents become a fixture. What it is its first bytes tell.";

const IMPORT_HELP: &str = "\
Example:
  elastimock import browser.har --out story.ndjson

Exit codes:
  0  done
  2  a file was wrong: file, line, column and a cure are told
  3  a file cannot be read or written";

const EXPORT_ABOUT: &str = "\
har: HAR 1.2, for browsers' developer tools and proxies. pact: a Pact of version 4, an HTTP interaction
for each call. curl: a script for a shell. What is masked stays masked.";

const EXPORT_HELP: &str = "\
Example:
  elastimock export story.ndjson --as curl --out story.sh

Exit codes:
  0  done
  2  an argument or the recording was wrong: file, line, column and a cure are told
  3  a file cannot be read or written";

const WAIT_ABOUT: &str = "\
It asks GET /_elastimock/health again and again until the answer is 200, and prints the URL. A
port file that is not there yet, or is left over from an earlier run, is waited for. A server that
speaks TLS is found by its port file too, and without --ca whatever certificate it shows is taken:
nothing secret is said.";

const WAIT_HELP: &str = "\
Example:
  elastimock serve --listen 127.0.0.1:0 --port-file mock.port &
  url=$(elastimock wait --port-file mock.port --timeout 30s)

Exit codes:
  0  the server is ready
  2  an argument was wrong
  3  the time is up; what was seen last is told";

const COMPLETIONS_HELP: &str = "\
Example:
  elastimock completions bash > ~/.local/share/bash-completion/completions/elastimock
  elastimock completions zsh > ~/.zfunc/_elastimock
  elastimock completions fish > ~/.config/fish/completions/elastimock.fish

Exit codes:
  0  done
  2  there is no such shell
  3  cannot write to stdout";

const MAN_HELP: &str = "\
Example:
  elastimock man serve | man -l -
  elastimock man --out ~/.local/share/man/man1

Exit codes:
  0  done
  2  there is no such command
  3  cannot write a page";

/// A mock of Elasticsearch's Connector API for contract tests
#[derive(Debug, Parser)]
#[command(name = "elastimock", version, long_version = version(), arg_required_else_help = true)]
#[command(help_template = PAGE, before_help = TOP_ABOUT, after_help = TOP_HELP)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub manners: Manners,
    #[command(subcommand)]
    pub command: Command,
}

/// How results and messages are told.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Manners {
    /// Colours: always, never, or auto, which means on a terminal without NO_COLOR and TERM=dumb
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto, hide_possible_values = true)]
    #[arg(env = "ELASTIMOCK_COLOR", hide_env = true)]
    pub color: Color,
    /// Results as JSON on stdout; text for people goes to stderr
    #[arg(long, global = true, env = "ELASTIMOCK_JSON", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
    /// Tells more: each call as it is answered, -vv with bodies
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Tells nothing but results, findings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether there are colours on a terminal, or elsewhere. What the flag leaves open the environment
    /// says, which `variable` reads.
    ///
    /// Source: no-color.org; bixense.com/clicolors. A terminal of the type `dumb` has none.
    pub(crate) fn is_wanted(self, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR").is_some() => false,
            Color::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Color::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
            Color::Auto => is_terminal && set("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves a mocked cluster until it is told to stop
    #[command(help_template = PAGE, before_help = SERVE_ABOUT, after_help = SERVE_HELP)]
    Serve(Serve),
    /// Runs a command with a server of its own; one exit code for both
    #[command(help_template = PAGE, before_help = RUN_ABOUT, after_help = RUN_HELP)]
    #[command(override_usage = "elastimock run [OPTIONS] -- <CMD>...")]
    Run(RunArgs),
    /// Answers from a recording, without the other side
    #[command(help_template = PAGE, before_help = PLAY_ABOUT, after_help = PLAY_HELP)]
    Play(Play),
    /// Stands in front of a live cluster, passes everything through unchanged, records and judges it
    #[command(help_template = PAGE, before_help = RECORD_ABOUT, after_help = RECORD_HELP)]
    Record(Record),
    /// Tells what clients did wrong in recordings
    #[command(help_template = PAGE, before_help = JUDGE_ABOUT, after_help = JUDGE_HELP)]
    Judge(JudgeArgs),
    /// Tells how much of the Connector API recordings have exercised
    #[command(help_template = PAGE, before_help = COVERAGE_ABOUT, after_help = COVERAGE_HELP)]
    Coverage(CoverageArgs),
    /// Prints recordings as their transcripts, to be read and reviewed
    #[command(help_template = PAGE, before_help = SHOW_ABOUT, after_help = SHOW_HELP)]
    Show(Show),
    /// Explains a rule: what it demands, why, and how to mend a client; or an incident; without a name lists
    /// all rules
    #[command(help_template = PAGE, after_help = EXPLAIN_HELP)]
    Explain(Explain),
    /// Lists the named incidents: real troubles that `serve --incident NAME` has happen
    #[command(help_template = PAGE, after_help = INCIDENTS_HELP)]
    Incidents,
    /// Lists the operations that are served: name, method, path
    #[command(help_template = PAGE, after_help = LIST_HELP)]
    List(ListArgs),
    /// Prints the JSON Schema of one operation, of a fixture or of a recording
    #[command(help_template = PAGE, before_help = SCHEMA_ABOUT, after_help = SCHEMA_HELP)]
    Schema(SchemaArgs),
    /// Checks fixtures and recordings, and points at every mistake
    #[command(help_template = PAGE, before_help = LINT_ABOUT, after_help = LINT_HELP)]
    Lint(Lint),
    /// Sends the recorded requests to a server, and tells where its answers differ from the recorded ones
    #[command(help_template = PAGE, before_help = VERIFY_ABOUT, after_help = VERIFY_HELP)]
    Verify(Verify),
    /// Tells what two recordings have otherwise, by meaning
    #[command(help_template = PAGE, before_help = DIFF_ABOUT, after_help = DIFF_HELP)]
    Diff(DiffArgs),
    /// Makes a recording of what other tools have written, or a fixture of answers of Elasticsearch
    #[command(help_template = PAGE, before_help = IMPORT_ABOUT, after_help = IMPORT_HELP)]
    Import(Import),
    /// Writes a recording in the form of another tool
    #[command(help_template = PAGE, before_help = EXPORT_ABOUT, after_help = EXPORT_HELP)]
    Export(Export),
    /// Waits until a server answers its health check
    #[command(help_template = PAGE, before_help = WAIT_ABOUT, after_help = WAIT_HELP)]
    Wait(Wait),
    /// Prints the completions for a shell
    #[command(help_template = PAGE, after_help = COMPLETIONS_HELP)]
    Completions(Completions),
    /// Prints the manual page of elastimock or of one command, or writes all of them
    #[command(help_template = PAGE, after_help = MAN_HELP)]
    Man(Man),
}

impl Command {
    /// The form of what is told on stderr.
    pub(crate) fn log(&self) -> Log {
        match self {
            Command::Serve(serve) | Command::Run(RunArgs { serve, .. }) => serve.listening.log,
            Command::Play(play) => play.listening.log,
            Command::Record(record) => record.listening.log,
            _ => Log::Text,
        }
    }
}

/// What `serve`, `play` and `record` have in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listening {
    /// Address and port to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9200", value_parser = address)]
    #[arg(env = "ELASTIMOCK_LISTEN", hide_env = true)]
    pub listen: SocketAddr,
    /// Writes the port number to this file while the port is open; it is removed when the port is closed
    #[arg(long, value_name = "FILE", env = "ELASTIMOCK_PORT_FILE", hide_env = true)]
    pub port_file: Option<PathBuf>,
    /// Takes calls, also of web pages, for a host of this name, where otherwise only loopback names are
    /// taken; *.NAME for all below it, * for any; several are separated by commas or given again
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = crate::mock::wire::guard::host_name)]
    #[arg(env = "ELASTIMOCK_ALLOW_HOST", hide_env = true)]
    pub allow_host: Vec<String>,
    /// Stops, as a signal does, at the end of standard input
    #[arg(long, env = "ELASTIMOCK_EXIT_WITH_STDIN", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub exit_with_stdin: bool,
    /// Stops, as a signal does, when the process of this number is gone; several are separated by commas or
    /// given again
    #[arg(long, value_name = "PID", env = "ELASTIMOCK_EXIT_WITH_PID", hide_env = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..), value_delimiter = ',')]
    pub exit_with_pid: Vec<u32>,
    /// What stderr has: text for people, or json, an object a line for each call, finding, scope and message
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Log::Text, hide_possible_values = true)]
    #[arg(env = "ELASTIMOCK_LOG", hide_env = true)]
    pub log: Log,
    #[command(flatten)]
    pub tls: ServerSide,
    #[command(flatten)]
    pub verdict: VerdictArgs,
}

/// The form of what is told on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    Text,
    Json,
}

/// What follows from findings.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerdictArgs {
    /// The exit code is 1 from this severity of findings on
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Error)]
    #[arg(env = "ELASTIMOCK_FAIL_ON", hide_env = true)]
    pub fail_on: FailOn,
    /// off judges nothing, warn reports, enforce also refuses calls that break the contract
    #[arg(long, value_name = "STRICTNESS", default_value = "warn", value_parser = contracts())]
    #[arg(env = "ELASTIMOCK_CONTRACT", hide_env = true)]
    pub contract: Contract,
    /// How bad it is to break one rule: ID=off, ID=warning or ID=error; several are separated by commas
    /// or given again
    #[arg(long, value_name = "ID=LEVEL", value_parser = rule_level, value_delimiter = ',')]
    #[arg(env = "ELASTIMOCK_RULE", hide_env = true)]
    pub rule: Vec<(String, Level)>,
    /// Warns of answers that leave Elastic's specification: mistakes of the mock, not of the client
    #[arg(long, env = "ELASTIMOCK_CHECK_ANSWERS", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub check_answers: bool,
    /// Writes a report at the end, to stdout if it has no FILE: text, json, junit, sarif, annotations, summary
    /// (Markdown for a CI job), ctrf, har, which has the calls, or html, a page to look at; several are
    /// separated by commas or given again
    #[arg(long, value_name = "KIND=FILE", value_delimiter = ',', env = "ELASTIMOCK_REPORT", hide_env = true)]
    pub report: Vec<ReportWanted>,
}

/// How another server is called.
#[derive(Clone, Debug, Args)]
pub(crate) struct Access {
    /// Calls the upstream as this user, in place of the credentials that the client sends
    #[arg(long, value_name = "NAME:PASSWORD", alias = "user", value_parser = name_and_password)]
    #[arg(env = "ELASTIMOCK_UPSTREAM_USER", hide_env = true, hide_env_values = true)]
    #[arg(conflicts_with = "upstream_api_key", requires = "upstream")]
    pub upstream_user: Option<(String, String)>,
    /// Calls the upstream with this API key, as `encoded` has it
    #[arg(long, value_name = "KEY", alias = "api-key", requires = "upstream")]
    #[arg(env = "ELASTIMOCK_UPSTREAM_API_KEY", hide_env = true, hide_env_values = true)]
    pub upstream_api_key: Option<String>,
    /// Trusts what the certificates of this PEM file have signed, for an upstream at https://HOST:PORT; else the
    /// system's authorities
    #[arg(long, value_name = "FILE", alias = "ca", requires = "upstream")]
    #[arg(env = "ELASTIMOCK_UPSTREAM_CA", hide_env = true)]
    pub upstream_ca: Option<PathBuf>,
    /// Trusts the certificate of this SHA-256 fingerprint, and what it has signed
    #[arg(long, value_name = "SHA256", aliases = ["ca-fingerprint", "fingerprint"], requires = "upstream")]
    #[arg(env = "ELASTIMOCK_UPSTREAM_FINGERPRINT", hide_env = true)]
    pub upstream_fingerprint: Option<String>,
    /// How long the upstream may take to answer, and to go on with an answer [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = clock::parse_duration, requires = "upstream")]
    #[arg(env = "ELASTIMOCK_UPSTREAM_TIMEOUT", hide_env = true)]
    pub upstream_timeout: Option<Duration>,
}

/// From which severity on findings are a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Never,
}

impl FailOn {
    /// The lowest severity that is a failure; none when nothing is.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Error => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Never => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub listening: Listening,
    /// A fixture file or folder (.json, .yaml, .yml, also .gz), a saved answer of Elasticsearch, or - for
    /// standard input; given again, all are served together
    #[arg(long, value_name = "PATH", env = "ELASTIMOCK_FIXTURES", hide_env = true)]
    pub fixtures: Vec<PathBuf>,
    /// A file or folder of stubs (.json, .yaml, .yml): what is answered beside the state, and what goes wrong;
    /// given again, all of them hold
    #[arg(long, value_name = "PATH", env = "ELASTIMOCK_STUBS", hide_env = true)]
    pub stubs: Vec<PathBuf>,
    /// Reads fixtures and stubs again when their files change; while they are wrong, what was served before stays
    #[arg(long, env = "ELASTIMOCK_WATCH", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub watch: bool,
    /// Has a named incident happen, as `elastimock incidents` lists them; several are separated by commas or
    /// given again
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "ELASTIMOCK_INCIDENT", hide_env = true)]
    pub incident: Vec<String>,
    /// Plays another side: service, service:slow, service:silent, service:dies, service:fails, service:deaf, user,
    /// or schedules; several are separated by commas or given again
    #[arg(long, value_name = "SIDE", value_delimiter = ',', env = "ELASTIMOCK_SIMULATE", hide_env = true)]
    pub simulate: Vec<Simulated>,
    /// Writes every call to this file as it happens: a recording for `play`
    #[arg(long, value_name = "FILE", env = "ELASTIMOCK_RECORD", hide_env = true)]
    pub record: Option<PathBuf>,
    /// Plays this recording if it is there, and else records it; see --mode
    #[arg(long, value_name = "FILE", conflicts_with = "record", env = "ELASTIMOCK_CASSETTE", hide_env = true)]
    pub cassette: Option<PathBuf>,
    /// For --cassette: none plays only, once plays or records, new-episodes plays and adds what is new, all records
    /// anew; the variable goes before the flag [default: once]
    #[arg(long, value_name = "MODE", requires = "cassette", value_parser = modes())]
    pub mode: Option<CassetteMode>,
    /// Forwards to this server, http://HOST:PORT, what is neither the Connector API nor about an index that the mock
    /// has; several, separated by commas or given again, are nodes of one cluster
    #[arg(long, value_name = "URL", value_delimiter = ',', env = "ELASTIMOCK_UPSTREAM", hide_env = true)]
    pub upstream: Vec<String>,
    #[command(flatten)]
    pub access: Access,
    /// Recorded calls also tell how long their answers took; then no two recordings are the same
    #[arg(long, env = "ELASTIMOCK_RECORD_TIMING", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub record_timing: bool,
    /// The Elasticsearch that is mimicked: 9 is 9.x, 8 is 8.19
    #[arg(long, default_value = Profile::default().name(), value_parser = profiles())]
    #[arg(env = "ELASTIMOCK_PROFILE", hide_env = true)]
    pub profile: Profile,
    /// The version that GET / reports; else the profile's newest known release
    #[arg(long, value_name = "N.N.N", env = "ELASTIMOCK_ES_VERSION", hide_env = true)]
    pub es_version: Option<String>,
    /// The license that the cluster says it has: basic, standard, gold, platinum, enterprise, trial
    #[arg(long, default_value = License::default().name(), value_parser = licenses(), hide_possible_values = true)]
    #[arg(env = "ELASTIMOCK_LICENSE", hide_env = true)]
    pub license: License,
    /// When searches see what is written: immediate, or refresh as in Elasticsearch; else as the fixtures say,
    /// or immediate
    #[arg(long, value_parser = visibilities())]
    #[arg(hide_possible_values = true, env = "ELASTIMOCK_VISIBILITY", hide_env = true)]
    pub visibility: Option<Visibility>,
    /// What generated ids depend on; else a random number, which is told
    #[arg(long, value_name = "N", env = "ELASTIMOCK_SEED", hide_env = true)]
    pub seed: Option<u64>,
    /// Mock time: real, frozen@INSTANT, or from@INSTANT and running on
    #[arg(long, value_name = "CLOCK", default_value = "real")]
    #[arg(env = "ELASTIMOCK_CLOCK", hide_env = true)]
    pub clock: Clock,
    /// How many calls the journal keeps before it forgets the oldest
    #[arg(long, value_name = "N", default_value_t = crate::limits::JOURNAL_ENTRIES_MAX)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(env = "ELASTIMOCK_JOURNAL_MAX", hide_env = true)]
    pub journal_max: usize,
    /// The largest request body that is read: bytes, or 10kb, 100mb, 1gb
    #[arg(long, value_name = "BYTES", default_value = "100mb", value_parser = bytes)]
    #[arg(env = "ELASTIMOCK_BODY_MAX", hide_env = true)]
    pub body_max: usize,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub serve: Serve,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    #[arg(value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command whose page is printed
    #[arg(conflicts_with = "out")]
    pub command: Option<String>,
    /// Writes all pages into this folder, which is made if need be
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// The recording to answer from, packed as .gz or not; - is standard input
    pub recording: PathBuf,
    #[command(flatten)]
    pub listening: Listening,
    /// The Elasticsearch that is mimicked; else the recorded one
    #[arg(long, value_parser = profiles())]
    #[arg(env = "ELASTIMOCK_PROFILE", hide_env = true)]
    pub profile: Option<Profile>,
    /// strict: each call is the next of the recording; lane: a client's writes to a job or a connector come in
    /// recorded order, the rest is free; any: no order
    #[arg(long, value_name = "ORDER", default_value = "lane", value_parser = orders())]
    #[arg(env = "ELASTIMOCK_ORDER", hide_env = true)]
    pub order: PlayOrder,
    /// When answers are used up: repeat-reads gives reads and heartbeats their last one again, once refuses,
    /// loop begins again
    #[arg(long, value_name = "POLICY", default_value = "repeat-reads", value_parser = exhausted())]
    #[arg(env = "ELASTIMOCK_EXHAUSTED", hide_env = true)]
    pub exhausted: Exhausted,
    /// What the recording has no answer for: fail refuses it, nearest answers from the nearest call of the same
    /// method and path, mock lets the mock answer, upstream forwards it
    #[arg(long, value_name = "POLICY", default_value = "fail", value_parser = unmatched())]
    #[arg(env = "ELASTIMOCK_UNMATCHED", hide_env = true)]
    pub unmatched: OnUnmatched,
    /// The server that calls are forwarded to, http://HOST:PORT; several, separated by commas or given again, are
    /// nodes of one cluster [for --unmatched upstream]
    #[arg(long, value_name = "URL", value_delimiter = ',', env = "ELASTIMOCK_UPSTREAM", hide_env = true)]
    #[arg(required_if_eq("unmatched", "upstream"))]
    pub upstream: Vec<String>,
    #[command(flatten)]
    pub access: Access,
    /// Passes over a part of bodies when calls are compared: /doc/metadata, with * for any one step; several are
    /// separated by commas or given again
    #[arg(long, value_name = "POINTER", value_delimiter = ',', value_parser = pointer)]
    #[arg(env = "ELASTIMOCK_IGNORE", hide_env = true)]
    pub ignore: Vec<String>,
    /// Passes over a header where values are strict
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    #[arg(env = "ELASTIMOCK_IGNORE_HEADER", hide_env = true)]
    pub ignore_header: Vec<String>,
    /// Lets instants, host names, folders, the spelling of numbers and headers count
    #[arg(long, env = "ELASTIMOCK_STRICT_VALUES", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub strict_values: bool,
    /// Answers take as long as they took when they were recorded with --record-timing
    #[arg(long, env = "ELASTIMOCK_TIMING", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub timing: bool,
    /// Refuses a recording that was begun longer ago: 12h, 30d
    #[arg(long, value_name = "AGE", value_parser = clock::parse_duration)]
    #[arg(env = "ELASTIMOCK_MAX_AGE", hide_env = true)]
    pub max_age: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The cluster: http://HOST:PORT; several, separated by commas or given again, are nodes of one cluster
    #[arg(long, required = true, value_name = "URL", value_delimiter = ',')]
    #[arg(env = "ELASTIMOCK_UPSTREAM", hide_env = true)]
    pub upstream: Vec<String>,
    /// The recording that is written
    #[arg(long, value_name = "FILE", env = "ELASTIMOCK_OUT", hide_env = true)]
    pub out: PathBuf,
    /// all records anew; once plays the recording if it is there, without the upstream; new-episodes plays it, and
    /// forwards and adds what it does not have; none plays only; the variable ELASTIMOCK_MODE goes before the flag
    /// [default: all]
    #[arg(long, value_name = "MODE", value_parser = modes())]
    pub(crate) mode: Option<CassetteMode>,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub listening: Listening,
    /// The Elasticsearch whose contract is judged; else the one that the upstream says it is
    #[arg(long, value_parser = profiles())]
    #[arg(env = "ELASTIMOCK_PROFILE", hide_env = true)]
    pub profile: Option<Profile>,
    /// Recorded calls also tell how long their answers took
    #[arg(long, env = "ELASTIMOCK_RECORD_TIMING", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub record_timing: bool,
    /// How many calls the journal keeps before it forgets the oldest; the recording has all of them
    #[arg(long, value_name = "N", default_value_t = crate::limits::JOURNAL_ENTRIES_MAX)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(env = "ELASTIMOCK_JOURNAL_MAX", hide_env = true)]
    pub journal_max: usize,
    /// The largest request body that is recorded; a larger one is passed on, and its length is kept
    #[arg(long, value_name = "BYTES", default_value = "100mb", value_parser = bytes)]
    #[arg(env = "ELASTIMOCK_BODY_MAX", hide_env = true)]
    pub body_max: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The Elasticsearch whose operations are listed
    #[arg(long, default_value = Profile::default().name(), value_parser = profiles())]
    #[arg(env = "ELASTIMOCK_PROFILE", hide_env = true)]
    pub profile: Profile,
    /// Tells of each operation what its answers rest on: Elasticsearch's own tests that pass, cases, and guesses; with
    /// a file of `verify --evidence` also what other servers answered
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub evidence: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// Recordings of one run, packed as .gz or not; - is standard input
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    #[command(flatten)]
    pub verdict: VerdictArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Recordings, each a transcript of its own, packed as .gz or not; - is standard input
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// Shows every document whole, however often it came before
    #[arg(long)]
    pub whole: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// Recordings of any runs, packed as .gz or not; - is standard input
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// The exit code is 1 below that percentage
    #[arg(long, value_name = "PERCENT", value_parser = percent, env = "ELASTIMOCK_MIN", hide_env = true)]
    pub min: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A rule by its name, as findings have it; or an incident, as `elastimock incidents` has it
    pub rule: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// An operation by its name, as `elastimock list` shows it; or fixture, recording
    pub operation: String,
    /// The Elasticsearch whose schema is shown
    #[arg(long, default_value = Profile::default().name(), value_parser = profiles())]
    #[arg(env = "ELASTIMOCK_PROFILE", hide_env = true)]
    pub profile: Profile,
    /// What the server takes, in place of what is published
    #[arg(long)]
    pub server: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Fixtures, recordings, and folders of them, packed as .gz or not; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Checks all fixtures as one, as `serve` with several --fixtures reads them
    #[arg(long)]
    pub together: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The recording, packed as .gz or not; - is standard input
    pub recording: PathBuf,
    /// The server: http://HOST:PORT, or https://HOST:PORT
    #[arg(long, value_name = "URL", env = "ELASTIMOCK_AGAINST", hide_env = true)]
    pub against: String,
    /// A fixture, or a recording for the state that it starts from, to bring the server into that state first
    #[arg(long, value_name = "FILE", env = "ELASTIMOCK_PREPARE", hide_env = true)]
    pub prepare: Option<PathBuf>,
    /// Passes over a part of answers: /hits/total, with * for any one step; several are separated by commas
    /// or given again
    #[arg(long, value_name = "POINTER", value_delimiter = ',', value_parser = pointer)]
    #[arg(env = "ELASTIMOCK_IGNORE", hide_env = true)]
    pub ignore: Vec<String>,
    /// Compares the answers of this operation only; all calls are sent
    #[arg(long, value_name = "OPERATION", value_delimiter = ',', env = "ELASTIMOCK_ONLY", hide_env = true)]
    pub only: Vec<String>,
    /// Excuses nothing, for an elastimock of the recorded seed and version; its clock is set to each call's instant
    #[arg(long, env = "ELASTIMOCK_EXACT", hide_env = true)]
    #[arg(value_parser = clap::builder::FalseyValueParser::new())]
    pub exact: bool,
    /// Adds to this file how often each operation was answered alike, and by which version: names and numbers only
    #[arg(long, value_name = "FILE", env = "ELASTIMOCK_EVIDENCE", hide_env = true)]
    pub evidence: Option<PathBuf>,
    /// Calls as this user, in place of the recorded credentials
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = name_and_password, conflicts_with = "api_key")]
    #[arg(env = "ELASTIMOCK_USER", hide_env = true)]
    pub user: Option<(String, String)>,
    /// Calls with this API key, as `encoded` has it
    #[arg(long, value_name = "KEY", env = "ELASTIMOCK_API_KEY", hide_env = true)]
    pub api_key: Option<String>,
    /// Sends no more calls a second than that
    #[arg(long, value_name = "N", value_parser = rate, env = "ELASTIMOCK_RATE", hide_env = true)]
    pub rate: Option<f64>,
    /// How long to wait for each answer: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = clock::parse_duration)]
    #[arg(env = "ELASTIMOCK_TIMEOUT", hide_env = true)]
    pub timeout: Duration,
    /// Sends no further call when this time is up
    #[arg(long, value_name = "TIME", value_parser = clock::parse_duration)]
    #[arg(env = "ELASTIMOCK_TIME_MAX", hide_env = true)]
    pub time_max: Option<Duration>,
    #[command(flatten)]
    pub tls: ClientSide,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The first recording, packed as .gz or not; - is standard input
    pub first: PathBuf,
    /// The second
    pub second: PathBuf,
    /// Passes over a part of bodies: /doc/metadata, with * for any one step; several are separated by commas
    /// or given again
    #[arg(long, value_name = "POINTER", value_delimiter = ',', value_parser = pointer)]
    #[arg(env = "ELASTIMOCK_IGNORE", hide_env = true)]
    pub ignore: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What is to be read, packed as .gz or not; - is standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where to write it; stdout if not said
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keeps calls that are none of Elasticsearch too
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The recording, packed as .gz or not; - is standard input
    pub recording: PathBuf,
    /// The form
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: ExportForm,
    /// Where to write it; stdout if not said
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Who calls, in a Pact
    #[arg(long, value_name = "NAME", default_value = "client")]
    pub consumer: String,
}

/// The form of another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    Har,
    Pact,
    Curl,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Where the server is: http://HOST:PORT, or https://HOST:PORT
    #[arg(long, default_value = "http://127.0.0.1:9200", conflicts_with = "port_file")]
    pub url: String,
    /// The --port-file of a server on this machine, which may not be there yet
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
    /// How long to wait: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = clock::parse_duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub tls: ClientSide,
}

/// The command line, its texts made to flow into the width of a terminal.
pub(crate) fn command() -> clap::Command {
    let mut whole = CommandLine::command().mut_subcommand(child::COMMAND, |run| {
        // Its server is found by its variables, so that many can run at a time, and standard input is the command's.
        let run = run.mut_arg("listen", |listen| listen.default_value("127.0.0.1:0"));
        run.mut_arg("exit_with_stdin", |stdin| stdin.hide(true))
    });
    // The port that an Elasticsearch on this machine has.
    whole = whole
        .mut_subcommand("record", |record| record.mut_arg("listen", |listen| listen.default_value("127.0.0.1:9201")));
    let names: Vec<String> = whole.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        whole = whole.mut_subcommand(name, flowing);
    }
    // Longer lines are hard to read.
    flowing(whole).max_term_width(100)
}

fn flowing(command: clap::Command) -> clap::Command {
    match command.get_before_help().map(ToString::to_string) {
        Some(text) => command.before_help(flow(&text)),
        None => command,
    }
}

/// A text whose paragraphs are a line each. Lines that are indented stay lines.
fn flow(text: &str) -> String {
    let mut flown = String::with_capacity(text.len());
    for line in text.lines() {
        let goes_on = flown.lines().last().is_some_and(|last| !last.starts_with(' ')) && !flown.ends_with("\n\n");
        match line {
            "" => flown.push_str("\n\n"),
            line if goes_on && !line.starts_with(' ') => flown.push_str(&format!(" {line}")),
            line if flown.is_empty() || flown.ends_with('\n') => flown.push_str(line),
            line => flown.push_str(&format!("\n{line}")),
        }
    }
    flown
}

/// What `--version` tells; `-V` has its first words.
fn version() -> String {
    let features = [("tls", cfg!(feature = "tls")), ("yaml", cfg!(feature = "yaml")), ("cli", cfg!(feature = "cli"))];
    let features: Vec<&str> = features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let profiles: Vec<String> = Profile::ALL.iter().rev().map(|profile| format!("{profile}")).collect();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!(
        "{}\nprofiles: {}; default {}\nfeatures: {}\nbuild: {build}",
        env!("CARGO_PKG_VERSION"),
        profiles.join(", "),
        Profile::default(),
        features.join(", "),
    )
}

/// Reads the command line and the environment.
///
/// # Errors
/// With clap's message; also when help or the version was asked for.
pub(crate) fn read(words: Vec<OsString>) -> Result<CommandLine, clap::Error> {
    let matches = command().try_get_matches_from(words).map_err(cured)?;
    let mut line = CommandLine::from_arg_matches(&matches)?;
    // A variable holds one text, so it lists its paths as PATH does.
    if let Command::Serve(serve) | Command::Run(RunArgs { serve, .. }) = &mut line.command
        && let Some((_, matches)) = matches.subcommand()
    {
        for (name, paths) in [("fixtures", &mut serve.fixtures), ("stubs", &mut serve.stubs)] {
            if matches.value_source(name) == Some(ValueSource::EnvVariable) {
                *paths = paths.iter().flat_map(std::env::split_paths).collect();
            }
        }
    }
    Ok(line)
}

/// What clap says, and what to do about guesses that other programs have taught, and about numbers.
fn cured(mut told: clap::Error) -> clap::Error {
    let word = |kind| match told.get(kind) {
        Some(ContextValue::String(word)) => word.split([' ', '=']).next().unwrap_or_default(),
        _ => "",
    };
    let is_number = || std::error::Error::source(&told).is_some_and(|why| why.is::<std::num::ParseIntError>());
    let cure = match told.kind() {
        ErrorKind::UnknownArgument => match word(ContextKind::InvalidArg) {
            "-p" | "--port" | "--host" | "--bind" | "--address" => {
                "an address is --listen 127.0.0.1:9200; port 0 picks a free one"
            }
            "-f" | "--file" | "--data" | "--config" => "what a server starts with is --fixtures PATH",
            "-o" | "--output" => "a file to write to is --out FILE, a report --report KIND=FILE",
            "--auth" | "--api-key" | "--username" | "--password" => "no credentials are checked: any will do, and none",
            word if word.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()) => {
                "write a number without a sign"
            }
            _ => return told,
        },
        ErrorKind::InvalidSubcommand => match word(ContextKind::InvalidSubcommand) {
            "version" => "it is `elastimock --version`",
            "start" | "mock" | "server" | "up" => "a server is `elastimock serve`",
            "replay" | "playback" => "it is `elastimock play RECORDING`",
            "test" | "exec" => "it is `elastimock run -- CMD`",
            _ => return told,
        },
        ErrorKind::ValueValidation if is_number() => "write a whole number",
        _ => return told,
    };
    for guess in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::Usage] {
        told.remove(guess);
    }
    told.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![cure.into()]));
    told
}

/// The colours that were asked for, as far as can be seen before the words are understood: clap's own
/// messages need to know.
pub(crate) fn asked_color(words: &[OsString]) -> Color {
    let mut asked = std::env::var("ELASTIMOCK_COLOR").ok();
    let mut words = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--color" {
            asked = words.next().map(Into::into);
        } else if let Some(value) = word.strip_prefix("--color=") {
            asked = Some(value.to_owned());
        }
    }
    asked.and_then(|asked| Color::from_str(&asked, false).ok()).unwrap_or(Color::Auto)
}

fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.iter().rev().map(|profile| profile.name()))
        .try_map(|name| name.parse::<Profile>())
}

fn contracts() -> impl TypedValueParser<Value = Contract> {
    PossibleValuesParser::new(["off", "warn", "enforce"]).try_map(|name| name.parse::<Contract>())
}

/// A value by the name that it has on the command line.
fn named<T: Copy + Send + Sync + 'static>(values: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(|(name, _)| *name)).map(move |chosen| {
        values.iter().find(|(name, _)| *name == chosen).map(|(_, value)| *value).expect("it is one of them")
    })
}

fn orders() -> impl TypedValueParser<Value = PlayOrder> {
    named(&[("strict", PlayOrder::Strict), ("lane", PlayOrder::Lane), ("any", PlayOrder::Any)])
}

fn exhausted() -> impl TypedValueParser<Value = Exhausted> {
    named(&[("repeat-reads", Exhausted::RepeatReads), ("once", Exhausted::Once), ("loop", Exhausted::Loop)])
}

fn unmatched() -> impl TypedValueParser<Value = OnUnmatched> {
    named(&[
        ("fail", OnUnmatched::Fail),
        ("nearest", OnUnmatched::Nearest),
        ("mock", OnUnmatched::Mock),
        ("upstream", OnUnmatched::Upstream),
    ])
}

/// A JSON pointer with stars.
fn pointer(text: &str) -> Result<String, String> {
    IgnoredPointer::parse(text).map(|_| text.to_owned())
}

/// `ID=off`, `ID=warning`, `ID=error`, where a rule has that id.
fn rule_level(text: &str) -> Result<(String, Level), String> {
    let (id, level) = text.split_once('=').ok_or_else(|| "write ID=off, ID=warning or ID=error".to_owned())?;
    let rule = strictness::find(id).map_err(|error| error.to_string())?;
    Ok((rule.id.to_owned(), level.parse().map_err(|error: crate::error::Error| error.to_string())?))
}

fn modes() -> impl TypedValueParser<Value = CassetteMode> {
    PossibleValuesParser::new(CassetteMode::ALL.map(CassetteMode::name)).try_map(|name| name.parse::<CassetteMode>())
}

fn licenses() -> impl TypedValueParser<Value = License> {
    PossibleValuesParser::new(License::ALL.map(License::name)).try_map(|name| name.parse::<License>())
}

fn visibilities() -> impl TypedValueParser<Value = Visibility> {
    PossibleValuesParser::new(Visibility::ALL.map(Visibility::name)).try_map(|name| name.parse::<Visibility>())
}

/// `127.0.0.1:9200`, `[::1]:9200`, `localhost:9200`, or a port alone.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port_alone = text.strip_prefix("localhost:").unwrap_or(text);
    if let Ok(port) = port_alone.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "write an IP address and a port, for example 127.0.0.1:9200 or 0.0.0.0:0".to_owned())
}

/// A percentage, with or without its sign.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end().parse::<f64>().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "write a number from 0 to 100".to_owned())
}

/// A name and a password with a colon between them.
fn name_and_password(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once(':').filter(|(name, _)| !name.is_empty());
    parts.map(|(name, password)| (name.to_owned(), password.to_owned())).ok_or_else(|| "write NAME:PASSWORD".to_owned())
}

/// Calls a second.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (0.001..=1e6).contains(number))
        .ok_or_else(|| "write a number of calls a second, 0.001 at least".to_owned())
}

/// A number of bytes, in Elasticsearch's units: `b`, `kb`, `mb`, `gb`, each 1024 times the one before.
fn bytes(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: usize = match &lower[digits.len()..] {
        "" | "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        _ => 0,
    };
    let count = digits.parse::<usize>().ok().and_then(|count| count.checked_mul(factor));
    count
        .filter(|_| factor > 0)
        .ok_or_else(|| "write a number of bytes, or one with a unit: 10kb, 100mb, 1gb".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn texts_flow_paragraph_by_paragraph() {
        assert_eq!(flow("one\ntwo\n\nthree:\n  four\n  five\nsix"), "one two\n\nthree:\n  four\n  five\nsix");
        assert_eq!(flow("one"), "one");
        assert_eq!(flow(""), "");
    }

    #[test]
    fn the_version_names_every_feature_that_is_on() {
        let manifest = include_str!("../../Cargo.toml");
        let (_, below) = manifest.split_once("[features]\n").expect("the features");
        let features = below.split("\n[").next().unwrap_or_default().lines().filter_map(|line| line.split_once(" = ["));
        let told = version();
        // The tests of this room are compiled with all of them.
        for (name, _) in features.filter(|(name, _)| !name.is_empty() && *name != "default") {
            assert!(told.contains(name), "{told} does not name {name}: mend `version`");
        }
    }

    #[test]
    fn bytes_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("10b", Some(10)),
            ("1kb", Some(1024)),
            ("100MB", Some(104_857_600)),
            ("2gb", Some(2_147_483_648)),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
        for text in ["", "mb", "1 mb", "1tb", "1.5gb", "-1", "99999999999999999999", "99999999999999gb"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_may_be_short() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:9200", "0.0.0.0:9200"),
            ("[::1]:9200", "[::1]:9200"),
            ("localhost:9201", "127.0.0.1:9201"),
            ("9201", "127.0.0.1:9201"),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "localhost", "127.0.0.1", "example.org:9200", "127.0.0.1:99999", "http://127.0.0.1:1"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn colours_are_known_before_the_words_are_understood() {
        let color = |words: &[&str]| asked_color(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(color(&["elastimock", "--color", "always", "nonsense"]), Color::Always);
        assert_eq!(color(&["elastimock", "serve", "--color=never"]), Color::Never);
        assert_eq!(color(&["elastimock", "lint", "--", "--color=never"]), Color::Auto);
        assert_eq!(color(&["elastimock", "--color", "purple"]), Color::Auto);
    }

    #[test]
    fn colours_keep_the_conventions() {
        for (variables, on_terminal, elsewhere) in [
            (&[][..], true, false),
            (&[("TERM", "xterm-256color")], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[("NO_COLOR", "1")], false, false),
            (&[("NO_COLOR", "")], true, false),
            (&[("CLICOLOR", "0")], false, false),
            (&[("CLICOLOR", "1")], true, false),
            (&[("CLICOLOR_FORCE", "1")], true, true),
            (&[("CLICOLOR_FORCE", "0")], true, false),
            (&[("CLICOLOR_FORCE", "")], true, false),
            (&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true, true),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
            (&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true, true),
        ] {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| it.into());
            let wanted = |color: Color| [true, false].map(|is_terminal| color.is_wanted(is_terminal, variable));
            assert_eq!(wanted(Color::Auto), [on_terminal, elsewhere], "{variables:?}");
            assert_eq!((wanted(Color::Always), wanted(Color::Never)), ([true; 2], [false; 2]), "{variables:?}");
        }
    }
}
