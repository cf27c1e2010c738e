//! Rules along a connector and its index.

use super::RuleFinding;
use crate::contract::deed::{ConnectorAct, ConnectorDeed, DeedEffect, Door, LAST_SYNC};
use crate::contract::lane::ProtocolState;
use crate::finding::Subject;

/// A worker locks a connector by writing that a sync is in progress; two could do so at once.
pub(crate) fn unguarded_lock(_world: &ProtocolState, deed: &ConnectorDeed) -> Option<RuleFinding> {
    let written = deed.act == ConnectorAct::Write && deed.effect == DeedEffect::Done && deed.door == Door::Direct;
    let at = deed.last_sync.iter().position(|status| status.as_deref() == Some("in_progress"))?;
    (written && !deed.guarded).then(|| {
        let id = &deed.connector;
        RuleFinding::new(format!("`{}` of {id} was set to in_progress without a guard", LAST_SYNC[at]))
            .of(Subject::Connector(id.clone()))
            .with("pointer", format!("{}/{}", deed.base, LAST_SYNC[at]))
            .with("expected", "`if_seq_no` and `if_primary_term` of the document as it was read")
            .with("seen", "neither")
            .then("two workers could both take the lock, and both start a job of the connector")
    })
}

/// Documents were written to a connector's index while none of its jobs ran: no job counts them.
pub(crate) fn write_outside_job(world: &ProtocolState, index: &str, effect: DeedEffect) -> Option<RuleFinding> {
    let (id, connector) = world.owner(index).filter(|_| effect == DeedEffect::Done)?;
    (!connector.outside_told && !connector.runs_any()).then(|| {
        RuleFinding::new(format!("documents were written to {index} while no job of {id} was in progress"))
            .of(Subject::Connector(id.to_string()))
            .with("expected", "a job of the connector that is in progress")
            .with("seen", "none")
    })
}
