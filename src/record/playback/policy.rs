//! [`PlayPolicy`]: in which order a recording is played, what happens when its answers are used up or it has
//! none, and what does not count when calls are compared.

use std::time::Duration;

/// In which order recorded calls are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlayOrder {
    /// Each call must be the next of the recording.
    Strict,
    /// What a client writes to a job or a connector comes in recorded order; reads, heartbeats and other calls
    /// are free, so that concurrent clients and polls can be played. A poll is not told what another client that plays
    /// along has not written yet.
    #[default]
    Lane,
    /// Any call at any time, equal calls in recorded order.
    Any,
}

/// What happens to a call whose recorded answers have all been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// A read or a heartbeat gets its last answer again: how often a client polls is chance. Other calls are
    /// unmatched.
    #[default]
    RepeatReads,
    /// It is unmatched.
    Once,
    /// Its answers begin again with the first.
    Loop,
}

/// What happens to a call that the recording has no answer for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnmatched {
    /// It is refused, and a finding names the nearest recorded call and what differs.
    #[default]
    Fail,
    /// It gets the answer of the nearest recorded call of the same method and path; the answer says so in
    /// `x-elastimock-played`. Without such a call it is refused.
    Nearest,
    /// The mock answers, which starts from the recorded state and hears every call; the answer says so in
    /// `x-elastimock-played`.
    Mock,
    /// It is forwarded to another server, and what that answers is marked in the recording.
    Upstream,
}

/// How a recording is played.
///
/// ```
/// use elastimock::playback::{PlayOrder, PlayPolicy};
/// use elastimock::MockServer;
///
/// let mut policy = PlayPolicy::default();
/// policy.order = PlayOrder::Any;
/// policy.ignore.push("/doc/metadata/*/build".to_owned());
/// let server = MockServer::builder()
///     .playback_file("fixtures/recordings/claim_story.ndjson")
///     .play_policy(policy)
///     .start_blocking()?;
/// # drop(server);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlayPolicy {
    /// The order of calls.
    pub order: PlayOrder,
    /// What happens when answers are used up.
    pub exhausted: Exhausted,
    /// What happens to calls without an answer.
    pub unmatched: OnUnmatched,
    /// JSON pointers to parts of bodies that do not count, whether they are there or not; `*` is any one step.
    /// In a body of several lines the first step is the line, from 0. Those of the recording's header count
    /// as well.
    pub ignore: Vec<String>,
    /// Names of headers that do not count where values are strict.
    pub ignore_headers: Vec<String>,
    /// Whether instants, host names, folders and the spelling of numbers count, and recorded headers too, but for
    /// those of the connection, of credentials and of the client's name.
    pub strict_values: bool,
    /// Whether an answer takes as long as it took when it was recorded, as far as the recording tells.
    pub timing: bool,
    /// How old the recording may be, from its start by the system's time; any age when not said.
    pub age_max: Option<Duration>,
}

/// A JSON pointer with stars, in steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredPointer(Vec<String>);

impl IgnoredPointer {
    /// Reads a pointer such as `/doc/metadata` or `/*/doc`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub(crate) fn parse(text: &str) -> Result<IgnoredPointer, String> {
        match text.strip_prefix('/') {
            Some(rest) => {
                Ok(IgnoredPointer(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
            }
            None => {
                Err(format!("[{text}] is no JSON pointer: write one such as /doc/metadata, with * for any one step"))
            }
        }
    }

    /// Whether it leads exactly there.
    pub(crate) fn leads_to<S: AsRef<str>>(&self, place: &[S]) -> bool {
        self.0.len() == place.len() && self.0.iter().zip(place).all(|(step, at)| step == "*" || step == at.as_ref())
    }
}
