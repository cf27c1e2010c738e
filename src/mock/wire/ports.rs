//! A port is not handed out twice.
//!
//! A client may hold on to the address of a server that its test has dropped. If the next server of the
//! process got that port, the client would talk to a stranger. So a process remembers the ports that it
//! was given, and a new server that is given one of them again puts it aside and asks for another.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::Error;
use crate::limits::{BACKLOG_MAX, PORT_TRIES_MAX, PORTS_REMEMBERED_MAX};

static GIVEN: Mutex<VecDeque<u16>> = Mutex::new(VecDeque::new());

/// Binds and listens. With port 0 the port is a free one that no server of this process had before.
///
/// # Errors
/// [`Error::is_surroundings`] when the address cannot be bound.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let mut aside = Vec::new();
    loop {
        let listener = bind(address).map_err(|error| {
            let cure = match error.kind() {
                std::io::ErrorKind::AddrInUse => "; is another server running there? port 0 picks a free one",
                std::io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: port 0 picks a free one",
                std::io::ErrorKind::AddrNotAvailable => {
                    "; it is no address of this machine: 0.0.0.0 stands for all of them"
                }
                _ => "",
            };
            Error::surroundings(format!("cannot listen on {address}{cure}"), error)
        })?;
        let port = listener.local_addr().map_or(0, |bound| bound.port());
        if address.port() != 0 {
            return Ok(listener);
        }
        if is_new(port) || aside.len() >= PORT_TRIES_MAX {
            return Ok(listener);
        }
        aside.push(listener);
    }
}

/// Whether the process was not given that port before; from now on it was.
fn is_new(port: u16) -> bool {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    if given.contains(&port) {
        return false;
    }
    if given.len() == PORTS_REMEMBERED_MAX {
        given.pop_front();
    }
    given.push_back(port);
    true
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A fixed port must be free for the next run at once, though connections of the last one linger.
    #[cfg(unix)]
    socket.set_reuse_address(address.port() != 0)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_handed_out_twice() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let listener = listen(any).expect("a free port");
            let port = listener.local_addr().expect("its address").port();
            drop(listener);
            assert!(seen.insert(port), "port {port} came twice");
        }
    }
}
