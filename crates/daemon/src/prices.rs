//! Reading the price catalogue with its overrides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mete_prices::{Catalogue, OverrideError};

/// Why prices cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file cannot be read.
    #[error("cannot read the prices {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An entry is wrong.
    #[error("{path}: {source}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        source: OverrideError,
    },
}

/// The built-in catalogue, with the overrides of a file where one is named.
///
/// # Errors
/// When the file cannot be read or an entry is wrong.
pub fn read_prices(overrides: Option<&Path>) -> Result<Arc<Catalogue>, PriceError> {
    let Some(path) = overrides else { return Ok(Arc::new(Catalogue::bundled())) };
    let text = std::fs::read_to_string(path).map_err(|source| PriceError::Read { path: path.to_owned(), source })?;
    Catalogue::with_overrides(&text)
        .map(Arc::new)
        .map_err(|source| PriceError::Invalid { path: path.to_owned(), source })
}
