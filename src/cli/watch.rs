//! `--watch`: fixtures and stubs are read again when their files change.
//!
//! Editors write in many ways: in place, in pieces, into another file that then takes the name. So files are looked at
//! again and again, and read when they have stood still for a moment; a file that is not there is waited for. What is
//! wrong is told with its place, and what was served before stays.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::args::Serve;
use super::console::{CommandError, Console};
use crate::error::Error;
use crate::fixture::Fixture;
use crate::limits::WATCH_ABSENT_LOOKS_MAX;
use crate::mock::engine::run::Reloaded;
use crate::mock::server::{Reloader, composed};

/// Time between two looks. What has not changed from one to the next stands still.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// WatchedFiles and folders as they are at a moment.
type Sight = BTreeMap<PathBuf, Option<FileMark>>;

/// What changes with a file's content: when it was written, how long it is, which file it is.
type FileMark = (Option<SystemTime>, u64, u64);

/// What is watched.
pub(crate) struct FileWatch {
    files: Arc<WatchedFiles>,
    /// What is served was read when it looked like this.
    read: Sight,
}

/// What is read.
struct WatchedFiles {
    fixtures: Vec<PathBuf>,
    stubs: Vec<PathBuf>,
    incidents: Vec<String>,
}

impl FileWatch {
    /// Begins to watch what the flags name, before it is read for the first time; `None` if that was not asked for.
    ///
    /// # Errors
    /// [`CommandError::input`] if there is nothing to watch.
    pub(crate) fn new(serve: &Serve) -> Result<Option<FileWatch>, CommandError> {
        if !serve.watch {
            return Ok(None);
        }
        let paths = serve.fixtures.iter().chain(&serve.stubs);
        if paths.clone().next().is_none() {
            return Err(CommandError::input("--watch has nothing to watch: name files with --fixtures or --stubs"));
        }
        if paths.clone().any(|path| path == Path::new("-")) {
            return Err(CommandError::input("--watch cannot watch standard input: write the fixture to a file"));
        }
        if serve.cassette.is_some() {
            return Err(CommandError::input("--watch is for fixtures and stubs: a cassette is not read again"));
        }
        let files = WatchedFiles {
            fixtures: serve.fixtures.clone(),
            stubs: serve.stubs.clone(),
            incidents: serve.incident.clone(),
        };
        let read = files.look();
        Ok(Some(FileWatch { files: Arc::new(files), read }))
    }

    /// Watches for as long as the server lives.
    pub(crate) async fn run(mut self, reloader: Reloader, console: &Console) -> Infallible {
        let mut last = self.read.clone();
        let mut absent = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.files.look();
            if now == self.read || now != last {
                absent = 0;
                last = now;
                continue;
            }
            // An editor that gives a file its name anew takes the old one away first.
            if now.values().any(Option::is_none) && absent < WATCH_ABSENT_LOOKS_MAX {
                absent += 1;
                continue;
            }
            let changed = self.changed(&now);
            self.read = now;
            let (files, reloader) = (self.files.clone(), reloader.clone());
            // A large fixture takes a while; calls are answered meanwhile.
            let reloaded = tokio::task::spawn_blocking(move || files.reload(&reloader)).await;
            match reloaded {
                Ok(Ok(what)) => tell(console, &changed, what),
                Ok(Err(error)) => refuse(console, &changed, &error.to_string()),
                Err(error) => refuse(console, &changed, &error.to_string()),
            }
        }
    }

    /// The files that look otherwise now, as messages name them.
    fn changed(&self, now: &Sight) -> String {
        let paths = self.read.keys().chain(now.keys().filter(|path| !self.read.contains_key(*path)));
        let changed = paths.filter(|path| self.read.get(*path) != now.get(*path));
        changed.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn tell(console: &Console, changed: &str, what: Reloaded) {
    let Reloaded { state, stubs } = what;
    if console.logs_json() {
        console.event("reload", json!({ "ok": true, "files": changed, "state": state, "stubs": stubs }));
        return;
    }
    let what = match (state, stubs) {
        (true, true) => "state and stubs are replaced",
        (true, false) => "the state is replaced",
        (false, true) => "the stubs are replaced",
        (false, false) => return,
    };
    console.tell(&format!("reloaded {changed}: {what}; calls and findings stay"));
}

fn refuse(console: &Console, changed: &str, reason: &str) {
    if console.logs_json() {
        console.event("reload", json!({ "ok": false, "files": changed, "text": reason }));
    } else {
        console.complain(&format!(
            "{}\n       what was served before stays, until {changed} is right",
            reason.replace('\n', "\n       ")
        ));
    }
}

impl WatchedFiles {
    /// Reads everything again and has it served.
    fn reload(&self, reloader: &Reloader) -> Result<Reloaded, Error> {
        let fixture = match self.fixtures.as_slice() {
            [] => (*Fixture::built_in()).clone(),
            paths => Fixture::load_or_read(paths, &mut std::io::empty())?,
        };
        let fixture = composed(fixture, &self.stubs, &self.incidents)?;
        reloader.reload(fixture)
    }

    fn look(&self) -> Sight {
        let mut sight = Sight::new();
        for path in self.fixtures.iter().chain(&self.stubs) {
            let metadata = std::fs::metadata(path).ok();
            if metadata.as_ref().is_some_and(std::fs::Metadata::is_dir) {
                let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
                for entry in entries.map(|entry| entry.path()).filter(|path| is_read(path)) {
                    let metadata = std::fs::metadata(&entry).ok();
                    sight.insert(entry, metadata.as_ref().map(mark));
                }
            } else {
                sight.insert(path.clone(), metadata.as_ref().map(mark));
            }
        }
        sight
    }
}

/// Whether a file of a folder is one that is read.
fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    !name.starts_with('.') && [".json", ".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

fn mark(metadata: &std::fs::Metadata) -> FileMark {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let number = 0;
    (metadata.modified().ok(), metadata.len(), number)
}
