//! [`SearchRefusal`]: why a search, a scroll or a point in time is refused.

use crate::es::search::run::ShardFailure;

/// Why a search is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SearchRefusal {
    /// An index cannot be asked this.
    Shard(Box<ShardFailure>),
    /// The id is not that of a scroll.
    NoScrollId {
        /// The id.
        id: String,
    },
    /// The id is not that of a point in time.
    NoPitId {
        /// The id.
        id: String,
    },
    /// The scroll or point in time is not kept, or no longer.
    ContextMissing {
        /// Its number.
        number: u64,
    },
    /// There are as many scrolls as there may be.
    TooManyScrolls {
        /// How many.
        max: usize,
    },
    /// There are as many points in time as there may be.
    TooManyPits {
        /// How many.
        max: usize,
    },
    /// A scroll or point in time was to be kept for too long.
    KeepAlive {
        /// What was asked for, as it was written.
        asked: String,
    },
}

impl From<Box<ShardFailure>> for SearchRefusal {
    fn from(fault: Box<ShardFailure>) -> SearchRefusal {
        SearchRefusal::Shard(fault)
    }
}
