//! The settings of sources that listen: sockets and ports.

use std::net::SocketAddr;

use mete_ingest::sources::{PeerError, Peers};

use super::{Source, SourceKind};

/// The mode of a socket's file to which nobody else was let in, and of one to which somebody was: there the daemon
/// checks who it is.
const OWN_MODE: u32 = 0o600;
const SHARED_MODE: u32 = 0o666;

impl Source {
    /// Who may write to its socket.
    ///
    /// # Errors
    /// When a user or group is not known.
    pub fn peers(&self) -> Result<Peers, PeerError> {
        Peers::new(&self.allow_users, &self.allow_groups)
    }

    /// The mode of its socket's file.
    ///
    /// # Errors
    /// When it is none.
    pub fn socket_mode(&self) -> Result<u32, String> {
        let Some(mode) = &self.mode else {
            let is_shared = !self.allow_users.is_empty() || !self.allow_groups.is_empty();
            return Ok(if is_shared { SHARED_MODE } else { OWN_MODE });
        };
        let parsed = u32::from_str_radix(mode, 8).ok().filter(|parsed| *parsed <= 0o777);
        parsed.ok_or_else(|| format!("mode {mode:?} is none: write it in octal, as in \"0660\""))
    }

    /// What is wrong with the settings of sockets and ports.
    pub(super) fn network_problem(&self) -> Option<String> {
        let is_socket = self.kind == SourceKind::Socket;
        let of_sockets = self.mode.is_some() || !self.allow_users.is_empty() || !self.allow_groups.is_empty();
        if of_sockets && !is_socket {
            return Some("mode, allow_users and allow_groups are settings of kind = \"socket\"".to_owned());
        }
        let of_ports = self.listen.is_some() || self.allow_remote;
        match (self.kind, self.listen) {
            (SourceKind::Tcp, None) => Some("it needs listen, as in \"127.0.0.1:8791\"".to_owned()),
            (SourceKind::Tcp, Some(address)) => remote_problem(address, self.allow_remote),
            _ if of_ports => Some("listen and allow_remote are settings of kind = \"tcp\"".to_owned()),
            (SourceKind::Socket, None) => {
                self.socket_mode().err().or_else(|| self.peers().err().map(|error| error.to_string()))
            }
            _ => None,
        }
    }
}

/// Whoever reaches the port can write usage: that other machines may is to be said.
fn remote_problem(address: SocketAddr, allow_remote: bool) -> Option<String> {
    let is_safe = address.ip().is_loopback() || allow_remote;
    (!is_safe).then(|| {
        format!("{address} can be reached from other machines, none of which is checked: set allow_remote = true if that is meant")
    })
}
