//! Made-up usage in real formats.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use mete_core::secret::KeyHash;
use mete_core::time::SECOND;
use mete_core::{Nanos, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// How an application writes what it used.
#[derive(Clone, Copy)]
pub(super) enum Style {
    /// OpenAI's response body, with the request's key beside it.
    OpenaiChat,
    /// Anthropic's response body.
    Anthropic,
    /// Mete's own format.
    Mete,
}

/// An application: a project's key, a model, and how much a request uses.
pub(super) struct Application {
    pub(super) project: &'static str,
    pub(super) style: Style,
    pub(super) model: &'static str,
    /// Input and output tokens of a usual request.
    pub(super) tokens: (u64, u64),
    /// Its log file's name.
    pub(super) log: &'static str,
}

/// Who is in the demo. The first one runs into its budget.
pub(super) const APPLICATIONS: [Application; 4] = [
    Application {
        project: "Support bot",
        style: Style::Anthropic,
        model: "claude-sonnet-4-5-20250929",
        tokens: (18_000, 1_200),
        log: "support-bot.jsonl",
    },
    Application {
        project: "Support bot",
        style: Style::OpenaiChat,
        model: "gpt-4o-mini-2024-07-18",
        tokens: (6_000, 800),
        log: "support-triage.jsonl",
    },
    Application {
        project: "Search",
        style: Style::Mete,
        model: "text-embedding-3-small",
        tokens: (9_000, 0),
        log: "search.jsonl",
    },
    Application {
        project: "Eval nightly",
        style: Style::OpenaiChat,
        model: "gpt-5",
        tokens: (3_000, 900),
        log: "eval.jsonl",
    },
];

/// Writes one application's log.
pub(super) struct Log {
    application: &'static Application,
    key: KeyHash,
    file: File,
    random: StdRng,
    written: u64,
}

impl Log {
    pub(super) fn open(folder: &Path, index: usize, key: KeyHash) -> io::Result<Self> {
        let application = &APPLICATIONS[index];
        let file = File::options().create(true).append(true).open(folder.join(application.log))?;
        // Made-up traffic is the same in every run, ids included: the store is new.
        Ok(Self { application, key, file, random: StdRng::seed_from_u64(index as u64), written: 0 })
    }

    /// Numbers what follows from `number`, so that no id is used twice.
    pub(super) const fn number_from(&mut self, number: u64) {
        self.written = number;
    }

    /// Writes one request's usage as one line.
    pub(super) fn write(&mut self, at: Timestamp) -> io::Result<()> {
        let mut line = self.line(at).to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    /// Requests of some days, some an hour, for the chart to have a past.
    pub(super) fn write_history(&mut self, (from, to): (Timestamp, Timestamp), requests: u64) -> io::Result<u64> {
        let span = to.since(from);
        if span <= 0 {
            return Ok(0);
        }
        let mut lines = String::new();
        for _ in 0..requests {
            // Weekdays are busier, as in life: a time on a weekend is drawn once more.
            let mut at = from.plus(self.random.random_range(0..span));
            if matches!((at.day() + 4).rem_euclid(7), 0 | 6) {
                at = from.plus(self.random.random_range(0..span));
            }
            lines.push_str(&self.line(at).to_string());
            lines.push('\n');
        }
        self.file.write_all(lines.as_bytes())?;
        Ok(requests)
    }

    fn line(&mut self, at: Timestamp) -> Value {
        self.written += 1;
        let Application { style, model, tokens: (input, output), log, .. } = self.application;
        let mut around = |usual: u64| self.random.random_range(usual / 2..=usual * 3 / 2);
        let (input, output) = (around(*input), around(*output));
        let id = format!("demo-{log}-{}", self.written);
        let key = self.key.to_hex();
        match style {
            Style::OpenaiChat => json!({
                "_request": {"api_key_sha256": key, "path": "/v1/chat/completions"},
                "id": id, "object": "chat.completion", "created": at.0.div_euclid(SECOND), "model": model,
                "usage": {
                    "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
                    "prompt_tokens_details": {"cached_tokens": input / 4},
                },
            }),
            Style::Anthropic => json!({
                "_request": {"api_key_sha256": key, "path": "/v1/messages"}, "_time": at,
                "id": id, "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn",
                "usage": {"input_tokens": input, "cache_read_input_tokens": input / 3, "output_tokens": output},
            }),
            Style::Mete => json!({
                "id": id, "time": at, "api_key_sha256": key, "model": model, "endpoint": "/v1/embeddings",
                "input_tokens": input,
            }),
        }
    }
}

/// An amount for people: dollars and cents.
pub(super) fn dollars(amount: Nanos) -> String {
    let cents = amount.0 / 10_000_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}
