//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// On the same machine over TCP: its loopback address is all that is known of it.
    Loopback,
    /// On the Unix socket: the rights of its file let it in.
    Socket,
    /// Somewhere else.
    Remote,
}

impl Peer {
    /// The client at `address`.
    pub(crate) fn at(address: SocketAddr) -> Self {
        if address.ip().to_canonical().is_loopback() { Self::Loopback } else { Self::Remote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_elsewhere() {
        for (address, peer) in [
            ("127.0.0.1:9", Peer::Loopback),
            ("127.8.8.8:9", Peer::Loopback),
            ("[::1]:9", Peer::Loopback),
            ("[::ffff:127.0.0.1]:9", Peer::Loopback),
            ("[::ffff:10.0.0.1]:9", Peer::Remote),
            ("10.0.0.1:9", Peer::Remote),
            ("0.0.0.0:9", Peer::Remote),
        ] {
            assert_eq!(Peer::at(address.parse().unwrap()), peer, "{address}");
        }
    }
}
