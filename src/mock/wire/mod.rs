//! The only async room: sockets, files, and the system's clock.

pub(crate) mod body;
pub(crate) mod coming;
pub(crate) mod delivery;
mod events;
pub(crate) mod gate;
pub(crate) mod guard;
pub(crate) mod ports;
pub(crate) mod server;
pub(crate) mod sink;
pub(crate) mod socket;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod troubles;
pub(crate) mod upstream;
