//! Where things are when nobody says.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
use mete_prices::Catalogue;
use mete_store::StoreUrl;
use meted::config::Config;

use crate::error::CliError;

/// Where the daemon's configuration is unless somebody says.
const DAEMON_CONFIG: &str = "/etc/mete/meted.toml";

/// `mete/mete.db` in the XDG data directory.
pub fn default_store() -> Result<StoreUrl, CliError> {
    let xdg = Xdg::new().map_err(CliError::NoHome)?;
    Ok(StoreUrl::Sqlite(xdg.data_dir().join("mete").join("mete.db")))
}

/// The catalogue of prices with the overrides of `file`, else of `mete/prices.toml` in the XDG configuration directory
/// if that is there (R35).
pub fn catalogue(file: Option<&Path>) -> Result<Catalogue, CliError> {
    let Some(path) = file.map(Path::to_owned).or_else(default_prices) else { return Ok(Catalogue::bundled()) };
    let text = std::fs::read_to_string(&path).map_err(|source| CliError::Read { path: path.clone(), source })?;
    Catalogue::with_overrides(&text).map_err(|source| CliError::Prices { path, source })
}

/// The daemon's configuration that is given, else the usual one where that can be read.
pub fn daemon_config(given: Option<&Path>) -> Result<Option<Config>, CliError> {
    match given {
        Some(path) => Ok(Some(Config::read(path)?)),
        None if std::fs::File::open(DAEMON_CONFIG).is_ok() => Ok(Some(Config::read(Path::new(DAEMON_CONFIG))?)),
        None => Ok(None),
    }
}

fn default_prices() -> Option<PathBuf> {
    configured("prices.toml")
}

/// `mete/tui.toml` in the XDG configuration directory, if it is there.
pub fn tui_config() -> Option<PathBuf> {
    configured("tui.toml")
}

fn configured(name: &str) -> Option<PathBuf> {
    let path = Xdg::new().ok()?.config_dir().join("mete").join(name);
    path.exists().then_some(path)
}
