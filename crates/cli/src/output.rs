//! What a command says: tables for people, one JSON object for scripts, errors on standard error.

mod table;
mod text;

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::error::CliError;

pub use table::{Table, facts, left, right};
pub use text::{count, dollars, is_unsafe, money, percent, safe, safe_lines, several, time, unseen};

/// Several rows, as scripts get them.
#[derive(Debug, Serialize)]
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
}

/// Where results and errors go, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// As JSON, or for people.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Writes a result: `value` for scripts, or the text for people, which ends in a line end.
    pub fn show(&self, value: &impl Serialize, for_people: impl FnOnce() -> String) -> Result<(), CliError> {
        let text = if self.json { json_line(value)? } else { for_people() };
        self.write(text.as_bytes())
    }

    /// Writes bytes as they are. A reader that has gone away (`mete … | head`) is no error.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Write(error)),
            _ => Ok(()),
        }
    }

    /// A hint for people on standard error; scripts get none.
    pub fn note(&self, text: &str) {
        if !self.json {
            to_stderr(&safe(text));
        }
    }

    /// Says what was wrong with the words that were typed.
    pub fn wrong_usage(self, text: &str) {
        to_stderr(text.trim_end());
    }

    /// Says what went wrong.
    pub fn error(&self, error: &CliError) {
        if self.json {
            to_stderr(&text::ascii_controls(&error.body().to_string()));
        } else {
            let safe = if matches!(error, CliError::TuiConfig(_)) { safe_lines } else { safe };
            to_stderr(&format!("mete: {}", safe(&error.to_string())));
        }
    }
}

/// On one line; over several where a person reads it.
fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    let text =
        if io::stdout().is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    let text = text.map_err(|error| CliError::Write(error.into()))?;
    Ok(text::ascii_controls(&text) + "\n")
}

/// Standard error may be closed; there is nowhere left to say so.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
