//! Tables that say whose records are, out of a file.

use std::path::Path;

use mete_core::secret::without_secrets;
use mete_ingest::attribution::Rule;
use serde::Deserialize;

use crate::error::CliError;

/// The part of a `meted.toml` that is looked at.
#[derive(Deserialize)]
struct Tables {
    #[serde(default, rename = "attribute")]
    rules: Vec<Rule>,
}

/// The `[[attribute]]` tables of a file, which may be a whole `meted.toml`.
pub fn read(path: &Path) -> Result<Vec<Rule>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    let wrong = |problem: String| CliError::Tables { path: path.to_owned(), problem };
    let Tables { rules } = toml::from_str(&text).map_err(|error| wrong(located(&error, &text)))?;
    match Rule::first_problem(&rules) {
        None => Ok(rules),
        Some((number, problem)) => Err(wrong(format!("[[attribute]] number {number}: {problem}"))),
    }
}

/// What is wrong, and in which line. The line itself is not shown: it may hold a secret, as may any file named by mistake.
fn located(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1)).unwrap_or_default();
    format!("{line}{}", without_secrets(error.message()))
}
