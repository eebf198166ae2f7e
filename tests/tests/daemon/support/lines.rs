//! Usage lines whose cost is known without asking anybody.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use mete_core::{Nanos, Timestamp};

/// What one input and one output token of `gpt-4o-mini` cost: $0.15 and $0.60 a million.
const MINI: (i64, i64) = (150, 600);

/// A line without its end, and what it costs.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub cost: Nanos,
}

impl Line {
    /// A line in Mete's own format that brings its cost along.
    pub fn own(id: &str, time: Timestamp, cost: Nanos) -> Self {
        let text = format!(r#"{{"id":"{id}","time":"{time}","model":"gpt-4o-mini","input_tokens":3,"cost":"{cost}"}}"#);
        Self { text, cost }
    }

    /// The same with another field, such as `"api_key":"key_…"`.
    pub fn with(mut self, field: &str) -> Self {
        self.text.insert_str(1, &format!("{field},"));
        self
    }

    /// A response of OpenAI's chat completions, which the catalogue prices.
    pub fn chat(id: &str, time: Timestamp, (input, output): (i64, i64)) -> Self {
        let text = format!(
            r#"{{"id":"chatcmpl-{id}","object":"chat.completion","created":{},"model":"gpt-4o-mini-2024-07-18","usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}}}"#,
            time.0.div_euclid(1_000_000),
            input + output
        );
        Self { text, cost: Nanos(input * MINI.0 + output * MINI.1) }
    }
}

/// Appends lines to a file, which is made if it is not there.
pub fn append(path: &Path, lines: &[Line]) {
    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    append_text(path, &text);
}

/// Appends text as it is.
pub fn append_text(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

/// The sum of what lines cost.
pub fn total(lines: &[Line]) -> Nanos {
    lines.iter().map(|line| line.cost).sum()
}
