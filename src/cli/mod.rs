//! The command-line door: one arm per command.
//!
//! ```text
//! args.rs     the command line as clap derives it
//! console.rs  what goes to stdout and what to stderr; colours; exit codes
//! serving.rs  the life of a server: ready line, port file, findings; signals.rs what ends it
//! live.rs     what happens, told as it happens; watch.rs files that are read again; progress.rs how far it is
//! report.rs   where reports go
//! recordings.rs  recordings, read and complained about
//! environment.rs  variables that have no effect
//! run.rs      a server for one command; child.rs the command's process
//! tls.rs      the flags of TLS, and their files
//! shell.rs    completions and man pages
//! serve.rs    play.rs    record.rs  judge.rs    coverage.rs    explain.rs    list.rs    schema.rs    lint.rs
//! show.rs     verify.rs  diff.rs    import.rs    export.rs   wait.rs    one command each
//! prepare.rs  another server brought into a state; evidence.rs  what it answered
//! upstream.rs the upstream that flags name
//! ```
//!
//! It has no behaviour of its own: a server is the one that [`crate::mock::server::MockServerBuilder`] makes.

mod args;
mod child;
mod console;
mod coverage;
mod curl;
mod diff;
mod environment;
mod evidence;
mod explain;
mod export;
mod import;
mod judge;
mod lint;
mod list;
mod live;
mod play;
mod prepare;
mod progress;
mod record;
mod recordings;
mod report;
mod run;
mod schema;
mod serve;
mod serving;
mod shell;
mod show;
mod signals;
mod tls;
mod upstream;
mod verify;
mod wait;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Command;
use console::Console;

/// Does what the command line says, and returns the exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let color = args::asked_color(&words);
    let line = match args::read(words) {
        Ok(line) => line,
        Err(told) => {
            console::print(&told, color);
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
        }
    };
    let console = Console::new(line.manners).logging(line.command.log());
    let variables = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    environment::mistyped(variables).iter().for_each(|told| console.warn(told));
    let done = match line.command {
        Command::Serve(serve) => serve::run(&serve, &console),
        Command::Run(run) => run::run(&run, &console),
        Command::Play(play) => play::run(&play, &console),
        Command::Record(record) => record::run(&record, &console),
        Command::Judge(judge) => judge::run(&judge, &console),
        Command::Coverage(coverage) => coverage::run(&coverage, &console),
        Command::Show(show) => show::run(&show, &console),
        Command::Explain(explain) => explain::run(&explain, &console),
        Command::Incidents => explain::incidents(&console),
        Command::List(list) => list::run(&list, &console),
        Command::Schema(schema) => schema::run(&schema, &console),
        Command::Lint(lint) => lint::run(&lint, &console),
        Command::Diff(diff) => diff::run(&diff, &console),
        Command::Import(import) => import::run(&import, &console),
        Command::Export(export) => export::run(&export, &console),
        Command::Verify(verify) => verify::run(&verify, &console),
        Command::Wait(wait) => wait::run(&wait, &console),
        Command::Completions(completions) => shell::completions(&completions, &console),
        Command::Man(man) => shell::man(&man, &console),
    };
    let exit = done.unwrap_or_else(|error| {
        console.fail(&error);
        error.exit
    });
    ExitCode::from(exit.code())
}
