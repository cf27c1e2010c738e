//! The only async room: sockets, files, and the system's clock.

pub mod body;
pub mod coming;
pub mod delivery;
pub mod gate;
pub mod guard;
pub mod ports;
pub mod server;
pub mod sink;
pub mod troubles;
