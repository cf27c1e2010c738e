//! [`TroubleLog`]: what a server is bothered by besides its clients' mistakes. Told when it happens, and kept
//! for whoever asks later.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tells people of a trouble, at once and without waiting.
#[derive(Clone)]
pub(crate) struct Tell(pub Arc<dyn Fn(&str) + Send + Sync + UnwindSafe + RefUnwindSafe>);

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

/// The troubles of one server.
#[derive(Debug, Default)]
pub(crate) struct TroubleLog {
    tell: Option<Tell>,
    kept: Mutex<KeptSentences>,
}

#[derive(Debug, Default)]
struct KeptSentences {
    recording: Option<String>,
    upstream: Option<String>,
    refused: u64,
    refused_last: String,
    unheard: u64,
    unheard_last: String,
    uncut: Option<String>,
}

impl TroubleLog {
    /// None yet. Without `tell` they are only kept.
    pub(crate) fn new(tell: Option<Tell>) -> TroubleLog {
        TroubleLog { tell, kept: Mutex::default() }
    }

    /// The recording is not what it should be.
    pub(crate) fn of_recording(&self, text: String) {
        self.tell(&text);
        self.kept().recording = Some(text);
    }

    /// The upstream is away, or there again.
    pub(crate) fn of_upstream(&self, what: Option<String>) {
        self.tell(what.as_deref().unwrap_or("the upstream is there again"));
        self.kept().upstream = what;
    }

    /// A call was refused before it reached the mock. Only the first one is told: a page may try for hours.
    pub(crate) fn refused(&self, reason: &str) {
        let mut kept = self.kept();
        kept.refused += 1;
        kept.refused_last = reason.to_owned();
        let is_first = kept.refused == 1;
        drop(kept);
        if is_first {
            self.tell(&format!("a call was refused with 403: {reason} (further ones are only counted)"));
        }
    }

    /// A connection was closed before anything could be asked. Only the first one is told: clients try again and again.
    pub(crate) fn unheard(&self, reason: &str) {
        let mut kept = self.kept();
        kept.unheard += 1;
        kept.unheard_last = reason.to_owned();
        let is_first = kept.unheard == 1;
        drop(kept);
        if is_first {
            self.tell(&format!("a connection was closed: {reason} (further ones are only counted)"));
        }
    }

    /// A stub was to end an answer in its middle, and the answer is shorter than that. Only the first one is told.
    pub(crate) fn uncut(&self, stub: &str, after_bytes: u64, bytes: usize) {
        let text = format!(
            "the stub {stub} lets {after_bytes} bytes through, and the answer has {bytes}: it came whole; give the stub a \
             smaller `after_bytes`"
        );
        if self.kept().uncut.replace(text.clone()).is_none() {
            self.tell(&text);
        }
    }

    /// All of them, a sentence each.
    pub(crate) fn list(&self) -> Vec<String> {
        let kept = self.kept();
        let refused = match kept.refused {
            0 => None,
            1 => Some(format!("1 call was refused with 403: {}", kept.refused_last)),
            count => Some(format!("{count} calls were refused with 403, the last one because {}", kept.refused_last)),
        };
        let unheard = match kept.unheard {
            0 => None,
            1 => Some(format!("1 connection was closed: {}", kept.unheard_last)),
            count => Some(format!("{count} connections were closed, the last one because {}", kept.unheard_last)),
        };
        let others = refused.into_iter().chain(unheard);
        kept.recording.iter().chain(&kept.upstream).chain(&kept.uncut).cloned().chain(others).collect()
    }

    fn kept(&self) -> MutexGuard<'_, KeptSentences> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, text: &str) {
        if let Some(Tell(tell)) = &self.tell {
            tell(text);
        }
    }
}
