//! `elastimock run`: a server for as long as one command runs.

use super::args::{self, RunArgs};
use super::console::{CommandError, Console, Exit};
use super::serving::{self, Life};
use super::watch::FileWatch;
use super::{child, serve};

/// Serves while the command runs, and ends as it did; if that was well, as the findings say.
pub(crate) fn run(run: &RunArgs, console: &Console) -> Result<Exit, CommandError> {
    let RunArgs { serve, command } = run;
    if serve.listening.exit_with_stdin {
        return Err(CommandError::input(
            "--exit-with-stdin is for `serve`: here standard input belongs to the command",
        ));
    }
    let life = Life::Command { words: command, not_passed_on: &own_variables() };
    let watch = FileWatch::new(serve)?;
    let builder = serve::builder(serve, console)?;
    serving::run(builder, &serve.listening, console, serve::written(serve), watch, life)
}

/// The variables that have told this server what to do. They are not for a server that the command starts.
fn own_variables() -> Vec<String> {
    let whole = args::command();
    let own = whole.find_subcommand(child::COMMAND).into_iter().flat_map(clap::Command::get_arguments);
    own.filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned())).collect()
}
