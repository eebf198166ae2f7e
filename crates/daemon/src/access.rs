//! Who may send usage over HTTP: the sources of that kind and their tokens, read from their files.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mete_api::{Access, HttpSource};
use mete_core::secret::KeyHash;
use mete_prices::Catalogue;

use crate::config::{Config, Source, SourceKind};

/// The shortest token. A shorter one can be guessed.
const SHORTEST: usize = 16;

/// Why a token cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It holds no token.
    #[error("{path} holds no token: write one line of at least {SHORTEST} visible ASCII characters into it")]
    None {
        /// Which file.
        path: PathBuf,
    },
}

/// The sources of requests, with the prices of `catalogue`.
///
/// # Errors
/// When a token cannot be read.
pub fn read(config: &Config, catalogue: &Arc<Catalogue>) -> Result<Access, TokenError> {
    let of_requests = config.sources.iter().filter(|source| source.kind == SourceKind::Http);
    let source = |source: &Source| {
        let token = source.token_file.as_deref().map(token).transpose()?;
        Ok(HttpSource { settings: source.settings(), token })
    };
    let sources = of_requests.map(source).collect::<Result<_, TokenError>>()?;
    let common = config.ingest.token_file.as_deref().map(token).transpose()?;
    Ok(Access::new(sources, common, catalogue))
}

/// The token in a file: its only line.
fn token(path: &Path) -> Result<KeyHash, TokenError> {
    let failed = |source| TokenError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        tracing::warn!(path = %path.display(), "everybody on this machine can read this token: chmod o= it");
    }
    let token = text.trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::None { path: path.to_owned() });
    }
    Ok(KeyHash::of(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_line_of_some_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, is_one) in [
            ("0123456789abcdef\n", true),
            ("  0123456789abcdef", true),
            ("0123456789abcde\n", false),
            ("", false),
            ("0123456789abcdef\n0123456789abcdef\n", false),
            ("0123456789abcdef 0123456789\n", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(token(&path).is_ok(), is_one, "{text:?}");
        }
        let missing = token(&folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("nowhere"), "{missing}");
    }
}
