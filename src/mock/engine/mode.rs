//! [`AnswerMode`]: who answers. [`Mocked`]: the cluster that does, planted when it is first needed.

use std::sync::{Arc, OnceLock};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::es::store::Cluster;
use crate::fixture::Fixture;
use crate::record::playback::Playback;
use crate::visibility::Visibility;

/// Who answers the requests.
#[derive(Debug)]
pub(crate) enum AnswerMode {
    /// The mocked cluster.
    Mock(Box<Mocked>),
    /// A recording.
    Playback(Box<Playback>),
    /// Another server; nothing is known of its state.
    Upstream,
}

/// A cluster as its fixture makes it. A test may start a server for each case and call few of them: one
/// that nobody has called holds no documents yet. What is planted depends on the fixture, the seed and
/// the instant of the start, so it does not matter when.
#[derive(Debug)]
pub(crate) struct Mocked {
    fixture: Arc<Fixture>,
    seed: u64,
    visibility: Visibility,
    started_at: Timestamp,
    cluster: OnceLock<Cluster>,
}

impl Mocked {
    /// A cluster that starts from `fixture` at an instant.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if the fixture is wrong.
    pub(crate) fn new(
        fixture: Arc<Fixture>,
        seed: u64,
        visibility: Visibility,
        started_at: Timestamp,
    ) -> Result<Mocked, Error> {
        let cluster = match fixture.can_wait()? {
            true => OnceLock::new(),
            false => planted(&fixture, seed, visibility, started_at)?.into(),
        };
        Ok(Mocked { fixture, seed, visibility, started_at, cluster })
    }

    /// Whether it holds documents already.
    pub(crate) fn is_planted(&self) -> bool {
        self.cluster.get().is_some()
    }

    /// What it is planted from, and when it starts.
    pub(crate) fn seedling(&self) -> (Arc<Fixture>, u64, Visibility, Timestamp) {
        (self.fixture.clone(), self.seed, self.visibility, self.started_at)
    }

    /// Takes what somebody else has planted for it, unless it is planted.
    pub(crate) fn take(&self, cluster: Cluster) {
        let _ = self.cluster.set(cluster);
    }

    /// The cluster.
    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.get_or_init(|| {
            let planted = planted(&self.fixture, self.seed, self.visibility, self.started_at);
            planted.expect("it was planted before, or can be")
        })
    }

    /// The cluster, to be changed.
    pub(crate) fn cluster_mut(&mut self) -> &mut Cluster {
        self.cluster();
        self.cluster.get_mut().expect("it has just been planted")
    }

    /// Puts a cluster in its place.
    pub(crate) fn replace(&mut self, mut cluster: Cluster, now: Timestamp) {
        cluster.set_visibility(self.visibility, now);
        self.cluster = OnceLock::from(cluster);
    }

    /// Starts from another fixture, which can be planted, from the next [`Mocked::reset`] on.
    pub(crate) fn start_from(&mut self, fixture: Arc<Fixture>) {
        self.fixture = fixture;
    }

    /// Back to the fixture, as if it started at that instant.
    pub(crate) fn reset(&mut self, started_at: Timestamp) {
        self.started_at = started_at;
        self.cluster = OnceLock::new();
    }
}

/// The cluster that a fixture makes.
///
/// # Errors
/// [`Error::is_invalid_input`] if the fixture is wrong.
pub(crate) fn planted(
    fixture: &Fixture,
    seed: u64,
    visibility: Visibility,
    started_at: Timestamp,
) -> Result<Cluster, Error> {
    let mut cluster = Cluster::new(seed);
    fixture.plant(&mut cluster, started_at)?;
    // What was there from the start is seen.
    cluster.set_visibility(visibility, started_at);
    Ok(cluster)
}
