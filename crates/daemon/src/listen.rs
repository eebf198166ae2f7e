//! Binding the listeners: the gate's, and those of sources.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};

use mete_api::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::config::Listen;

/// Listeners that are bound, and where.
#[derive(Default)]
pub(crate) struct Bound {
    /// For HTTP.
    pub(crate) http: Vec<Listener>,
    /// For gRPC.
    pub(crate) grpc: Vec<Listener>,
    /// HTTP's TCP address, its port being the real one.
    pub(crate) address: Option<SocketAddr>,
    /// The sockets' files, to be removed at the end.
    pub(crate) sockets: Vec<PathBuf>,
}

pub(crate) async fn bind(listen: &Listen) -> io::Result<Bound> {
    let mut bound = Bound::default();
    if let Some(address) = listen.address {
        let listener = TcpListener::bind(address).await?;
        bound.address = Some(listener.local_addr()?);
        bound.http.push(Listener::Tcp(listener));
    }
    if let Some(address) = listen.grpc {
        bound.grpc.push(Listener::Tcp(TcpListener::bind(address).await?));
    }
    for (path, listeners) in [(&listen.socket, &mut bound.http), (&listen.grpc_socket, &mut bound.grpc)] {
        let Some(path) = path else { continue };
        let listener = bind_socket(path, None)?;
        listener.set_nonblocking(true)?;
        listeners.push(Listener::Unix(UnixListener::from_std(listener)?));
        bound.sockets.push(path.clone());
    }
    Ok(bound)
}

/// Binds a Unix socket, in place of one that a daemon that was killed left behind; sets its file's mode.
pub(crate) fn bind_socket(path: &Path, mode: Option<u32>) -> io::Result<net::UnixListener> {
    remove_stale(path)?;
    let listener = net::UnixListener::bind(path)?;
    if let Some(mode) = mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(listener)
}

/// Removes a socket on which nobody answers any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way"))
        }
        Ok(_) if net::UnixStream::connect(path).is_ok() => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers on it"))
        }
        Ok(_) => fs::remove_file(path),
    }
}
