//! [`Mode`]: who answers.

use crate::cluster::Cluster;
use crate::journal::playback::Playback;

/// Who answers the requests.
#[derive(Debug)]
pub enum Mode {
    /// The mocked cluster.
    Mock(Box<Cluster>),
    /// A recording.
    Playback(Box<Playback>),
}
