//! Appends lines to a file as they happen, from a thread of its own.
//!
//! One `write` a line, and an answer waits for its line: a killed process leaves every call that it has
//! answered. Where writing hangs, as on a pipe that nobody reads or a network disk that is gone, answers
//! stop waiting after a moment, the lines wait in a bounded queue, and the end does not wait for ever.
//!
//! Calls are written when they are answered, so those of several clients may be out of their order; at the
//! end the file is put into it.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::troubles::TroubleLog;
use crate::error::Error;
use crate::limits::{
    RECORDING_OPEN_MS_MAX, RECORDING_ORDERED_BYTES_MAX, RECORDING_QUEUE_BYTES_MAX, RECORDING_WAIT_MS_MAX, STOP_MS_MAX,
};
use crate::record::recording::{Header, header_line, number_of};

/// A recording that grows.
#[derive(Debug)]
pub(crate) struct Sink(Arc<SinkShared>);

/// What those who append and the one who writes have in common.
#[derive(Debug)]
struct SinkShared {
    path: PathBuf,
    troubles: Arc<TroubleLog>,
    queue: Mutex<Queue>,
    /// There is a line to write, or the end.
    wanted: Condvar,
    /// A line is written, or the file is closed.
    done: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<String>,
    bytes: usize,
    appended: u64,
    written: u64,
    /// Answers do not wait, because one has waited in vain; until all is written.
    is_behind: bool,
    is_ending: bool,
    is_closed: bool,
    failure: Option<String>,
}

impl Sink {
    /// Begins a recording in a new file, in place of one that is there.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] when the file cannot be written, or another server is recording to it.
    pub(crate) fn create(path: &Path, header: &Header, troubles: Arc<TroubleLog>) -> Result<Sink, Error> {
        let cannot = |error| Error::cannot_write("the recording ", path, error);
        let desk = Arc::new(SinkShared {
            path: path.to_owned(),
            troubles,
            queue: Mutex::default(),
            wanted: Condvar::new(),
            done: Condvar::new(),
        });
        let (sender, opened) = sync_channel(1);
        let (writer, header) = (desk.clone(), header_line(header));
        let thread = std::thread::Builder::new().name("elastimock-recording".to_owned());
        thread.spawn(move || writer.run(&header, &sender)).map_err(cannot)?;
        match opened.recv_timeout(Duration::from_millis(RECORDING_OPEN_MS_MAX)) {
            Ok(begun) => begun.map_err(cannot)?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(cannot(io::Error::other("it takes nothing; if it is a pipe, start its reader first")));
            }
        }
        Ok(Sink(desk))
    }

    /// Appends a line, with its line break. After a failure, and after the end, lines are lost; calls go on being
    /// answered.
    pub(crate) fn append(&self, line: String) {
        let desk = &*self.0;
        let mut queue = desk.queue();
        if queue.failure.is_some() || queue.is_ending {
            return;
        }
        if queue.bytes + line.len() > RECORDING_QUEUE_BYTES_MAX && !queue.lines.is_empty() {
            let waiting = queue.lines.len();
            drop(queue);
            return desk.fail(&format!("it takes nothing more, and {waiting} lines wait already"));
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        queue.appended += 1;
        let own = queue.appended;
        desk.wanted.notify_one();
        if queue.is_behind {
            return;
        }
        let wait_max = Duration::from_millis(RECORDING_WAIT_MS_MAX);
        let is_open = |queue: &mut Queue| queue.written < own && queue.failure.is_none() && !queue.is_behind;
        let waited = desk.done.wait_timeout_while(queue, wait_max, is_open);
        let (mut queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            queue.is_behind = true;
            drop(queue);
            desk.done.notify_all();
            let path = desk.path.display();
            desk.troubles.of_recording(format!(
                "the recording {path} is written slowly: calls are answered before their lines are in the file"
            ));
        }
    }

    /// Ends the recording: writes what waits, for a bounded time, and closes the file.
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the recording is not whole.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let desk = &*self.0;
        let mut queue = desk.queue();
        queue.is_ending = true;
        desk.wanted.notify_one();
        let wait_max = Duration::from_millis(STOP_MS_MAX);
        let waited = desk.done.wait_timeout_while(queue, wait_max, |queue| !queue.is_closed);
        let (queue, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        let unwritten = queue.appended - queue.written;
        let failure = queue.failure.clone();
        drop(queue);
        let failure = failure.or_else(|| waited.timed_out().then(|| format!("{unwritten} lines are not written")));
        failure.map_or(Ok(()), |reason| Err(Error::surroundings(desk.cannot(), io::Error::other(reason))))
    }
}

impl SinkShared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot(&self) -> String {
        format!("cannot go on writing the recording {}", self.path.display())
    }

    /// Gives up. What has come so far stays in the file.
    fn fail(&self, reason: &str) {
        let mut queue = self.queue();
        if queue.failure.is_some() {
            return;
        }
        queue.failure = Some(reason.to_owned());
        queue.lines.clear();
        drop(queue);
        self.done.notify_all();
        self.troubles.of_recording(format!("{}: {reason}; later calls are not recorded", self.cannot()));
    }

    /// The writing thread.
    fn run(&self, header: &str, opened: &SyncSender<io::Result<()>>) {
        let begun = open(&self.path).and_then(|mut file| file.write_all(header.as_bytes()).map(|()| file));
        let place = begun.as_ref().ok().and_then(|file| FilePlace::of(file, &self.path));
        let (mut file, told) = match begun {
            Ok(file) => (Some(file), opened.send(Ok(()))),
            Err(error) => (None, opened.send(Err(error))),
        };
        // Nobody has waited for it so long.
        if told.is_err() {
            file = None;
        }
        let is_there = || place.as_ref().map_or(Ok(()), |place| place.is_at(&self.path));
        let (mut last, mut is_in_order) = (0, true);
        while let Some(open) = &mut file {
            let Some(line) = self.next() else {
                if let Err(error) = is_there() {
                    self.fail(&error.to_string());
                } else if !is_in_order {
                    // Only the order is lost if this fails, and a reader does not need it.
                    let _ = put_in_order(&self.path, open);
                }
                break;
            };
            let number = number_of(line.as_bytes()).unwrap_or(last);
            is_in_order &= number >= last;
            last = number;
            match open.write_all(line.as_bytes()).and_then(|()| is_there()) {
                Ok(()) => self.written(line.len()),
                Err(error) => {
                    self.fail(&error.to_string());
                    break;
                }
            }
        }
        // Closed before anybody is told so: the next server may want it.
        drop(file);
        self.queue().is_closed = true;
        self.done.notify_all();
    }

    /// The next line to write; none at the end.
    fn next(&self) -> Option<String> {
        let is_idle = |queue: &mut Queue| queue.lines.is_empty() && !queue.is_ending && queue.failure.is_none();
        let waited = self.wanted.wait_while(self.queue(), is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).lines.pop_front()
    }

    fn written(&self, bytes: usize) {
        let mut queue = self.queue();
        queue.written += 1;
        queue.bytes -= bytes;
        queue.is_behind &= !queue.lines.is_empty();
        drop(queue);
        self.done.notify_all();
    }
}

/// Writes the lines of a recording by their number into a new file in its place. One that is no file, or a large
/// one, stays as it is.
fn put_in_order(path: &Path, file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > RECORDING_ORDERED_BYTES_MAX {
        return Ok(());
    }
    let path = fs::canonicalize(path)?;
    let mut reader = BufReader::new(File::open(&path)?);
    let (mut places, mut start, mut line) = (Vec::new(), 0_u64, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        // The header has no number and stays first.
        places.push((number_of(&line).unwrap_or(0), start, line.len()));
        start += line.len() as u64;
        line.clear();
    }
    places.sort_unstable();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut ordered = BufWriter::new(File::create(&temporary)?);
        for (_, start, length) in places {
            line.resize(length, 0);
            reader.seek(SeekFrom::Start(start))?;
            reader.read_exact(&mut line)?;
            ordered.write_all(&line)?;
        }
        let ordered = ordered.into_inner().map_err(io::IntoInnerError::into_error)?;
        ordered.set_permissions(metadata.permissions())?;
        fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Which file of the disk one is that is open.
#[derive(Debug, PartialEq, Eq)]
struct FilePlace {
    device: u64,
    number: u64,
}

impl FilePlace {
    /// Of a regular file, where the system tells and is of one mind.
    #[cfg(unix)]
    fn of(file: &File, path: &Path) -> Option<FilePlace> {
        FilePlace::told(&file.metadata().ok()?).filter(|place| place.is_at(path).is_ok())
    }

    #[cfg(unix)]
    fn told(metadata: &fs::Metadata) -> Option<FilePlace> {
        use std::os::unix::fs::MetadataExt;
        metadata.is_file().then(|| FilePlace { device: metadata.dev(), number: metadata.ino() })
    }

    /// Whether that path still names it: what is written to a file that was removed nobody can read.
    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> io::Result<()> {
        match fs::metadata(path).ok().and_then(|metadata| FilePlace::told(&metadata)) {
            Some(there) if there == *self => Ok(()),
            _ => Err(io::Error::other("the file was moved, removed or replaced")),
        }
    }

    #[cfg(not(unix))]
    fn of(_: &File, _: &Path) -> Option<FilePlace> {
        None
    }

    #[cfg(not(unix))]
    fn is_at(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the file for this process alone, and empties it.
fn open(path: &Path) -> io::Result<File> {
    // Not emptied by opening it: it may turn out to be another's.
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    // Where a lock keeps readers out too, or there are none, two servers are the user's affair.
    if cfg!(unix) && matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
        let who = match holder(&file) {
            Some(pid) if pid == std::process::id() => "another server of this process".to_owned(),
            Some(pid) => format!("another server, process {pid},"),
            None => "another server".to_owned(),
        };
        return Err(io::Error::other(format!("{who} is recording to it; give this one a file of its own")));
    }
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// The process that has locked a file, where the system tells.
#[cfg(unix)]
fn holder(file: &File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = format!(":{}", file.metadata().ok()?.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let line =
        locks.lines().find(|line| line.split_whitespace().nth(5).is_some_and(|place| place.ends_with(&inode)))?;
    line.split_whitespace().nth(4)?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(not(unix))]
fn holder(_: &File) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::mock::engine::{Engine, Setup};
    use crate::record::recording::Recording;

    #[cfg(unix)]
    #[test]
    fn a_file_that_goes_away_is_told_at_once_and_at_the_end() {
        let header = Engine::new(Setup::default(), Timestamp::default()).expect("an engine").recording_header();
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("story.ndjson"), folder.path().join("other.ndjson"));
        let takes: [fn(&Path, &Path); 3] = [
            |path, _| fs::remove_file(path).expect("a file"),
            |path, other| fs::rename(path, other).expect("a file"),
            |path, other| {
                fs::write(other, "mine").expect("a file");
                fs::rename(other, path).expect("a file");
            },
        ];
        for take in takes {
            let troubles = Arc::<TroubleLog>::default();
            let sink = Sink::create(&path, &header, troubles.clone()).expect("a file");
            take(&path, &other);
            sink.append("{\"seq\":1}\n".to_owned());
            assert!(sink.close().expect_err("it is not whole").is_surroundings());
            let told = troubles.list().join(" ");
            assert!(told.contains("the file was moved, removed or replaced; later calls are not recorded"), "{told}");
        }
        assert_eq!(fs::read_to_string(&path).expect("a file"), "mine", "nobody else's file is touched");
        // Also if it goes after the last call.
        let sink = Sink::create(&path, &header, Arc::default()).expect("a file");
        fs::remove_file(&path).expect("a file");
        assert!(sink.close().is_err());
    }

    #[test]
    fn a_finished_file_has_its_lines_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("story.ndjson");
        let header = Engine::new(Setup::default(), Timestamp::default()).expect("an engine").recording_header();
        let sink = Sink::create(&path, &header, Arc::default()).expect("a file");
        let line = |seq: u64| {
            let call = r#""at":"2031-05-01T10:00:00Z","request":{"method":"GET","path":"/"},"response":{"status":200}"#;
            format!("{{\"seq\":{seq},{call}}}\n")
        };
        [1, 3, 2, 10, 4].map(line).into_iter().for_each(|line| sink.append(line));
        let in_order = header_line(&header) + &[1, 2, 3, 4, 10].map(line).concat();
        let written = fs::read(&path).expect("the file");
        assert_ne!(String::from_utf8_lossy(&written), in_order);
        sink.close().expect("an end");
        let written = fs::read(&path).expect("the file");
        assert_eq!(String::from_utf8_lossy(&written), in_order);
        assert_eq!(Recording::parse("story", &written).expect("a recording").interactions.len(), 5);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left behind");
    }
}
