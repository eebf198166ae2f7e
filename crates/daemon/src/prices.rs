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
pub struct PriceList {
    /// The prices.
    pub catalogue: Arc<Catalogue>,
    /// The text of the overrides.
    overrides: Option<String>,
}

impl PriceList {
    /// Reads it.
    ///
    /// # Errors
    /// When the file cannot be read or an entry is wrong.
    pub fn read(overrides: Option<&Path>) -> Result<Self, PriceError> {
        let Some(path) = overrides else {
            return Ok(Self { catalogue: Arc::new(Catalogue::bundled()), overrides: None });
        };
        let text =
            std::fs::read_to_string(path).map_err(|source| PriceError::Read { path: path.to_owned(), source })?;
        let catalogue =
            Catalogue::with_overrides(&text).map_err(|source| PriceError::Invalid { path: path.to_owned(), source })?;
        Ok(Self { catalogue: Arc::new(catalogue), overrides: Some(text) })
    }

    /// Whether it gives other prices than `before`.
    #[must_use]
    pub fn differs_from(&self, before: &Self) -> bool {
        self.overrides != before.overrides
    }
}
