//! Getting the tools that a chore needs and the machine does not have.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use mete_tests::postgres;
use mete_tests::process::cargo;
use mete_tests::python::{self, Environment};

use crate::shell::{run, say, succeeds};

/// The version that deny.toml is written for.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// The version whose options `cargo xtask fuzz` uses.
const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";

/// nginx's njs, with which it reads bodies.
const NGINX_MODULE: &str = "/usr/lib/nginx/modules/ngx_http_js_module.so";

/// Lua's cjson, with which HAProxy reads bodies. The library itself is in a folder of the machine's kind.
const LUA_CJSON: &str = "/usr/share/lua/5.3/cjson";

/// Installs a PostgreSQL server from the distribution's packages, unless there is one.
///
/// # Errors
/// When there is no apt-get or no right to use it; the error says what to do by hand.
pub fn postgres() -> Result<()> {
    let Err(missing) = postgres::programs() else {
        return Ok(());
    };
    package("postgresql").context(missing)?;
    postgres::programs().map(|_| ())
}

/// Installs curl, with which README asks the gate, from the distribution's packages, unless it is there.
///
/// # Errors
/// As [`postgres()`].
pub fn curl() -> Result<()> {
    if succeeds(Command::new("curl").arg("--version")) { Ok(()) } else { package("curl") }
}

/// Installs logrotate, under which logs are followed, from the distribution's packages, unless it is there.
///
/// # Errors
/// As [`postgres()`].
pub fn logrotate() -> Result<()> {
    if succeeds(Command::new("logrotate").arg("--version")) { Ok(()) } else { package("logrotate") }
}

/// Installs the gateways that stand in front of Mete in the tests, from the distribution's packages, unless they are there.
///
/// # Errors
/// As [`postgres()`].
pub fn gateways() -> Result<()> {
    if !succeeds(Command::new("nginx").arg("-v")) || !Path::new(NGINX_MODULE).exists() {
        package("nginx")?;
        package("libnginx-mod-http-js")?;
    }
    if !succeeds(Command::new("haproxy").arg("-v")) || !Path::new(LUA_CJSON).exists() {
        package("haproxy")?;
        package("lua-cjson")?;
    }
    if succeeds(Command::new("caddy").arg("version")) { Ok(()) } else { package("caddy") }
}

/// Installs Python from the distribution's packages, unless there is one, and makes the environment called `name`.
///
/// # Errors
/// As [`postgres()`], and as [`Environment::named`].
pub fn python(name: &str) -> Result<Environment> {
    if let Err(missing) = python::interpreter() {
        package("python3-venv").context(missing)?;
    }
    say(&format!("getting what tests/python/{name}.txt lists, unless it is there: a minute, once"));
    Environment::named(name)
}

/// Installs a package of the distribution's.
fn package(name: &str) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("this machine has no apt-get: install {name} by hand");
    }
    say(&format!("no {name} here: installing the distribution's"));
    run(apt_get(name)?.arg("update"))?;
    run(apt_get(name)?.args(["install", "--yes", "--no-install-recommends", name]))
}

/// apt-get as root: we are, or sudo makes us so without asking.
fn apt_get(package: &str) -> Result<Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else if succeeds(Command::new("sudo").args(["--non-interactive", "true"])) {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        command
    } else {
        bail!("the tests need {package}; run `sudo apt-get install {package}` and try again");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

/// Installs cargo-deny, unless it is there.
///
/// # Errors
/// When it does not build, or the package registry cannot be reached.
pub fn cargo_deny() -> Result<()> {
    if succeeds(cargo().args(["deny", "--version"])) {
        return Ok(());
    }
    say("no cargo-deny here: building it takes several minutes, once");
    run(cargo().args(["install", "--locked", CARGO_DENY]))
}

/// Installs cargo-fuzz, unless it is there.
///
/// # Errors
/// As [`cargo_deny()`].
pub fn cargo_fuzz() -> Result<()> {
    if succeeds(cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    say("no cargo-fuzz here: building it takes a minute, once");
    run(cargo().args(["install", "--locked", CARGO_FUZZ]))
}
