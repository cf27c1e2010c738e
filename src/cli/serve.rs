//! `elastimock serve`: a mocked cluster.

use std::path::PathBuf;

use super::args::Serve;
use super::console::{CommandError, Console, Exit, counted};
use super::serving::{Life, WrittenCalls};
use super::watch::FileWatch;
use super::{curl, serving, upstream};
use crate::clock::Clock;
use crate::fixture::Fixture;
use crate::mock::server::{MockServer, MockServerBuilder};
use crate::target::segment;

/// Serves until a signal comes.
pub(crate) fn run(serve: &Serve, console: &Console) -> Result<Exit, CommandError> {
    let introduce = |server: &MockServer| introduction(server, serve, console);
    let watch = FileWatch::new(serve)?;
    serving::run(builder(serve, console)?, &serve.listening, console, written(serve), watch, Life::Callers(&introduce))
}

/// The server that the flags describe.
///
/// # Errors
/// When a fixture cannot be read or is wrong.
pub(crate) fn builder(serve: &Serve, console: &Console) -> Result<MockServerBuilder, CommandError> {
    let mut builder = MockServerBuilder::default()
        .profile(serve.profile)
        .license(serve.license)
        .clock(serve.clock.clone())
        .journal_entries_max(serve.journal_max)
        .record_timing(serve.record_timing)
        .body_bytes_max(serve.body_max);
    if let Some(visibility) = serve.visibility {
        builder = builder.visibility(visibility);
    }
    if let Some(number) = &serve.es_version {
        builder = builder.es_version(number);
    }
    if let Some(seed) = serve.seed {
        builder = builder.seed(seed);
    }
    if let Some(file) = &serve.record {
        builder = builder.record(file);
    }
    if let Some(file) = &serve.cassette {
        builder = builder.cassette(file);
    }
    if let Some(mode) = serve.mode {
        builder = builder.mode(mode);
    }
    if !serve.fixtures.is_empty() {
        // Read here and not by the builder: a signal still ends the process at once.
        builder = builder.fixture(fixture(&serve.fixtures, console)?);
    }
    for path in &serve.stubs {
        builder = builder.stub_file(path);
    }
    for name in &serve.incident {
        builder = builder.incident(name);
    }
    for side in &serve.simulate {
        builder = builder.simulate(*side);
    }
    if let Some(upstream) = upstream::of(&serve.upstream, &serve.access)? {
        builder = builder.upstream(upstream);
    }
    Ok(builder)
}

/// Where its calls are written down.
pub(crate) fn written(serve: &Serve) -> WrittenCalls<'_> {
    WrittenCalls { record: serve.record.as_deref(), ..WrittenCalls::default() }
}

/// Which Elasticsearch it is, what its ids depend on, and what time it has.
pub(crate) fn mimics(server: &MockServer) -> String {
    let setup = server.setup();
    let time = if setup.clock == Clock::real() {
        "the system's time".to_owned()
    } else if setup.clock.is_frozen() {
        format!("time stands at {}", server.now())
    } else {
        format!("time runs from {}", server.now())
    };
    format!("Elasticsearch {} (profile {}), seed {}, {time}", setup.release.number, setup.profile, setup.seed)
}

/// Reads the fixtures, and tells what is worth knowing of them.
fn fixture(paths: &[PathBuf], console: &Console) -> Result<Fixture, CommandError> {
    let fixture = Fixture::load_or_read(paths, &mut std::io::stdin().lock()).map_err(|error| {
        let mut error = CommandError::from(error);
        // What is no fixture at all has no place in it.
        let is_something_else = error.message.contains(": this is ") || error.message.contains(": these are ");
        if error.exit == Exit::Input && !is_something_else {
            error.message.push_str("\n`elastimock lint` points at the places");
        }
        error
    })?;
    fixture.notes().iter().for_each(|note| console.warn(note));
    Ok(fixture)
}

/// What is served, and what to do first.
fn introduction(server: &MockServer, serve: &Serve, console: &Console) -> String {
    let setup = server.setup();
    let url = curl::reachable(server);
    let [connectors, jobs] = setup.fixture.counts();
    let origin = match serve.fixtures.as_slice() {
        [] => "the built-in fixtures".to_owned(),
        paths => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    };
    let mut lines = vec![
        format!("  mimics    {}", mimics(server)),
        format!(
            "  serves    {origin}: {}, {} ({} pending)",
            counted(connectors as u64, "connector"),
            counted(jobs as u64, "sync job"),
            setup.fixture.pending_jobs().count()
        ),
        format!("  journal   {url}/_elastimock/journal"),
        format!("  findings  {url}/_elastimock/findings"),
        format!("  page      {url}/_elastimock/"),
    ];
    if !serve.upstream.is_empty() {
        let nodes = serve.upstream.join(", ");
        lines.push(format!("  forwards  to {nodes} what is neither the Connector API nor about an index of its own"));
    }
    if let Some(file) = &serve.record {
        lines.push(format!("  recorded  to {}", file.display()));
    }
    if let Some(file) = &serve.cassette {
        lines.push(format!("  cassette  {}", file.display()));
    }
    if !serve.simulate.is_empty() {
        let sides: Vec<String> = serve.simulate.iter().map(ToString::to_string).collect();
        lines.push(format!("  simulates {}", sides.join(", ")));
    }
    lines.extend(serve.listening.tls.introduction(server));
    lines.push(String::new());
    let flags = serve.listening.tls.for_curl(server);
    let (what, line) = match setup.fixture.pending_jobs().next() {
        Some(id) => (
            "Claim a pending sync job:",
            curl::command(
                &flags,
                "PUT",
                &format!("{url}/_connector/_sync_job/{}/_claim", segment(id)),
                Some(r#"{"worker_hostname":"my-laptop"}"#),
            ),
        ),
        None => ("List the sync jobs:", curl::command(&flags, "GET", &format!("{url}/_connector/_sync_job"), None)),
    };
    lines.push(format!("{what}\n  {}", console.bold(&line)));
    lines.push("\nCtrl-C stops it and tells what was found.".to_owned());
    lines.join("\n")
}
