//! A way to Postgres that can be cut.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use mete_tests::postgres::free_port;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes connections on to a server. Dropped or cut, it is as if the server were gone.
pub struct Proxy {
    port: u16,
    server: SocketAddr,
    passing: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A way to the server of the store's URL, and the URL of the way.
    pub async fn to(url: &str) -> Result<(Self, String)> {
        let authority = url.split(['@', '/']).find(|part| part.contains(':') && !part.ends_with(':'));
        let server = authority.context("no server in the URL")?;
        let port = free_port()?;
        let through = url.replacen(server, &format!("127.0.0.1:{port}"), 1);
        let address = tokio::net::lookup_host(server).await?.next().context("no such host")?;
        let mut proxy = Self { port, server: address, passing: None };
        proxy.mend().await?;
        Ok((proxy, through))
    }

    /// The server is back.
    pub async fn mend(&mut self) -> Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await?;
        #[expect(clippy::disallowed_methods, reason = "owned here, and aborted with the proxy")]
        let passing = tokio::spawn(pass(listener, self.server));
        self.passing = Some(passing);
        Ok(())
    }

    /// The server is gone: nobody is let in, and whoever is in is thrown out.
    pub async fn cut(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
            // Returns when its connections are closed.
            let _ = passing.await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
        }
    }
}

async fn pass(listener: TcpListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // Either side may leave at any time.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
