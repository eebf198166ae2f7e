//! Binding the gate's listeners.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use mete_api::Listener;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Listen;

/// Listeners that are bound, and where.
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    /// The TCP address, its port being the real one.
    pub(crate) address: Option<SocketAddr>,
    /// The socket's file, to be removed at the end.
    pub(crate) socket: Option<PathBuf>,
}

pub(crate) async fn bind(listen: &Listen) -> io::Result<Bound> {
    let mut bound = Bound { listeners: Vec::new(), address: None, socket: None };
    if let Some(address) = listen.address {
        let listener = TcpListener::bind(address).await?;
        bound.address = Some(listener.local_addr()?);
        bound.listeners.push(Listener::Tcp(listener));
    }
    if let Some(path) = &listen.socket {
        remove_stale(path).await?;
        bound.listeners.push(Listener::Unix(UnixListener::bind(path)?));
        bound.socket = Some(path.clone());
    }
    Ok(bound)
}

/// Removes a socket on which nobody answers any more: a daemon that was killed leaves one behind.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way"))
        }
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers on it"))
        }
        Ok(_) => std::fs::remove_file(path),
    }
}
