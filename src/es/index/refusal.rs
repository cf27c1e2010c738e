//! Why documents and indices say no.

use crate::es::document::store::{Barrier, Conflict};
use crate::es::index::mapping::{DocumentRefusal, MappingRefusal};
use crate::es::index::settings::SettingRefusal;

/// Why something about documents or indices is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum IndexRefusal {
    /// An expression names an index that is not there.
    NoSuchIndex {
        /// The name or the expression as it was given.
        expression: String,
        /// Whether one document was asked for, which is told a little differently.
        of_document: bool,
    },
    /// The index is the server's own, and nobody else reads or writes it.
    Reserved {
        /// The index's name.
        index: String,
    },
    /// No index can have that name.
    IndexName {
        /// The name.
        name: String,
        /// What is wrong with it.
        offence: String,
    },
    /// The index is closed.
    Closed {
        /// The index.
        index: String,
        /// The index's own id.
        uuid: String,
    },
    /// Blocks of the index forbid it.
    Blocked {
        /// The index.
        index: String,
        /// The blocks.
        blocks: Vec<Barrier>,
    },
    /// There is an index of that name.
    IndexExists {
        /// The name.
        name: String,
        /// The id of the index.
        uuid: String,
    },
    /// There are as many indices as there may be.
    TooManyIndices,
    /// An index is to be made that has the name of an alias.
    IsAlias {
        /// The name.
        name: String,
    },
    /// An alias cannot have that name.
    AliasName {
        /// The name.
        name: String,
        /// What is wrong with it.
        offence: String,
    },
    /// A date-math name cannot be read.
    DateMath {
        /// The name.
        name: String,
        /// What is wrong with it.
        offence: String,
    },
    /// An alias stands for several indices and one is wanted.
    SeveralIndices {
        /// The alias.
        alias: String,
        /// The indices behind it.
        indices: Vec<String>,
    },
    /// An alias has a routing of its own, and the call gives another one.
    OtherRouting {
        /// The alias.
        alias: String,
        /// Its routing.
        own: String,
        /// The routing that the call gives.
        given: String,
    },
    /// An alias has no index that may be written to.
    NoWriteIndex {
        /// The alias.
        alias: String,
    },
    /// An alias is required and there is none of that name.
    AliasRequired {
        /// The name.
        name: String,
    },
    /// A data stream is required and there is none of that name.
    NoDataStream {
        /// The name.
        name: String,
    },
    /// The document is there with a routing that leads to another shard.
    OtherShard {
        /// The index.
        index: String,
        /// The document's id.
        id: String,
    },
    /// The index wants a routing with each document.
    RoutingMissing {
        /// The index's name.
        index: String,
        /// The document's id.
        id: String,
    },
    /// A document stands in the way of a write.
    Conflict {
        /// The document's id.
        id: String,
        /// The index's name.
        index: String,
        /// The index's own id.
        index_uuid: String,
        /// What stands in the way.
        conflict: Conflict,
    },
    /// A document does not fit the mapping of its index.
    Misfit {
        /// The document's id.
        id: String,
        /// The value and what is wrong with it.
        misfit: Box<DocumentRefusal>,
        /// Where it stands in the document's text: line and column, from 1.
        place: (u32, u32),
    },
    /// A mapping is malformed or contradicts the one that is there.
    Mapping(Box<MappingRefusal>),
    /// A setting does not exist or cannot have its value.
    Setting(SettingRefusal),
}

impl From<MappingRefusal> for IndexRefusal {
    fn from(malformed: MappingRefusal) -> IndexRefusal {
        IndexRefusal::Mapping(Box::new(malformed))
    }
}

impl From<SettingRefusal> for IndexRefusal {
    fn from(bad: SettingRefusal) -> IndexRefusal {
        IndexRefusal::Setting(bad)
    }
}

impl IndexRefusal {
    /// The refusal with a value's place looked up in the document's text as it was sent.
    #[must_use]
    pub(crate) fn located_in(self, text: &[u8]) -> IndexRefusal {
        let IndexRefusal::Misfit { id, misfit, place } = self else {
            return self;
        };
        let place = misfit.place_in(text).unwrap_or(place);
        IndexRefusal::Misfit { id, misfit, place }
    }
}
