//! Servers that answer without deciding, or decide without more than a dict: for scale.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use mete_tests::meted::LIMIT;
use mete_tests::postgres::free_port;
use mete_tests::{Process, python, wait};

use crate::clients::Server;
use crate::place::Place;

const NGINX: &str = "
daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server { listen ADDRESS; location / { return 204; } }
}
";

/// nginx with one worker, which answers 204.
pub struct Nginx(Other);

/// FastAPI on uvicorn, one process, which looks a key up in a dict.
pub struct FastApi(Other);

struct Other {
    address: SocketAddr,
    _process: Process,
}

impl Nginx {
    pub fn start(place: &Place) -> Result<Self> {
        let folder = place.path("nginx");
        fs::create_dir_all(&folder)?;
        let address = free_address()?;
        let (config, folder) = (folder.join("nginx.conf"), folder.display().to_string());
        fs::write(&config, NGINX.replace("FOLDER", &folder).replace("ADDRESS", &address.to_string()))?;
        let mut command = Command::new("nginx");
        command.args(["-p", &folder, "-e", "stderr", "-c"]).arg(config).stdin(Stdio::null());
        let nginx = Other::start(&mut command, address, "run `cargo xtask bench`, which installs nginx")?;
        Ok(Self(nginx))
    }
}

impl FastApi {
    /// None where `cargo xtask bench` did not make its Python.
    pub fn start(place: &Place) -> Result<Option<Self>> {
        if std::env::var_os("METE_BENCH_PYTHON").is_none() {
            return Ok(None);
        }
        let keys = place.path("keys.txt");
        fs::write(&keys, place.secrets.join("\n"))?;
        let address = free_address()?;
        let mut command = python::Environment::named("bench")?.program("fastapi_dict.py");
        command.arg(keys).arg(address.port().to_string());
        Ok(Some(Self(Other::start(&mut command, address, "the server of tests/python/fastapi_dict.py")?)))
    }
}

impl Other {
    fn start(command: &mut Command, address: SocketAddr, what: &str) -> Result<Self> {
        let process = Process::start(command).with_context(|| what.to_owned())?;
        wait::until("an open port", LIMIT, || std::net::TcpStream::connect(address).ok())
            .with_context(|| process.output())?;
        Ok(Self { address, _process: process })
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?)))
}

impl Server for Nginx {
    fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn socket(&self) -> &Path {
        Path::new("")
    }
}

impl Server for FastApi {
    fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn socket(&self) -> &Path {
        Path::new("")
    }
}
