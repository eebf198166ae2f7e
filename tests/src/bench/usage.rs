//! A usage log as a busy gateway writes it: few keys and models make most of the requests.

use std::io::Write;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Models with how often they are asked, in percent. All of them are in the price catalogue.
const MODELS: [(&str, u64); 6] = [
    ("gpt-4o-mini", 45),
    ("gpt-4o", 20),
    ("gpt-4.1-mini", 15),
    ("gpt-4.1", 10),
    ("claude-sonnet-4-5", 8),
    ("o3-mini", 2),
];

/// How fast the shares of the keys fall with their rank.
const ZIPF_EXPONENT: f64 = 1.07;

/// Requests a second, if nothing else is said.
const RATE: u64 = 100;

const DAY: u64 = 86_400_000_000;

/// The log runs within one month, as most runs of real ones do.
const DAYS: u64 = 28;

/// 2026-11-01T00:00:00Z, in microseconds since 1970.
const START: u64 = 1_793_491_200_000_000;

/// Writes lines in Mete's format, always the same ones for the same seed: ids are unique, times rise from
/// 2026-11-01T00:00:00Z, by 100 requests a second unless [`Self::at_rate`] or [`Self::within`] says otherwise.
#[derive(Debug)]
pub struct UsageLog {
    random: StdRng,
    keys: Vec<String>,
    /// Sums of the keys' shares, up to each of them.
    shares: Vec<f64>,
    /// Since when and until when there are requests, in microseconds since 1970.
    span: (u64, u64),
    /// Mean time between two requests, in microseconds.
    gap: u64,
    /// How many lines were written.
    written: u64,
}

impl UsageLog {
    /// Requests made with `keys`, of which the first is used most.
    ///
    /// # Errors
    /// When there is no key.
    pub fn new(seed: u64, keys: Vec<String>) -> Result<Self> {
        ensure!(!keys.is_empty(), "a usage log needs keys");
        let mut sum = 0.0;
        let share = |rank: usize| {
            sum += (rank as f64 + 1.0).powf(-ZIPF_EXPONENT);
            sum
        };
        let shares = (0..keys.len()).map(share).collect();
        let (random, span) = (StdRng::seed_from_u64(seed), (START, START + DAYS * DAY));
        Ok(Self { random, keys, shares, span, gap: 1_000_000 / RATE, written: 0 })
    }

    /// The same with so many requests a second.
    #[must_use]
    pub fn at_rate(self, requests: u64) -> Self {
        Self { gap: 1_000_000 / requests.max(1), ..self }
    }

    /// The same with so many requests, spread evenly from one time to another, in microseconds since 1970.
    #[must_use]
    pub fn within(self, (from, until): (u64, u64), requests: u64) -> Self {
        Self { span: (from, until), gap: (until.saturating_sub(from) / requests.max(1)).max(1), ..self }
    }

    /// Writes the next `count` lines.
    ///
    /// # Errors
    /// When `out` cannot be written, or the span of the log is over.
    pub fn write(&mut self, count: u64, out: &mut impl Write) -> Result<()> {
        for _ in 0..count {
            let micros = self.span.0 + self.written * self.gap + self.random.random_range(0..self.gap);
            ensure!(micros < self.span.1, "the log is longer than its span");
            self.written += 1;
            self.line(micros, out)?;
        }
        Ok(())
    }

    fn line(&mut self, micros: u64, out: &mut impl Write) -> Result<()> {
        let random = &mut self.random;
        let drawn = random.random_range(0.0..self.shares.last().copied().unwrap_or_default());
        let key = &self.keys[self.shares.partition_point(|sum| *sum <= drawn).min(self.keys.len() - 1)];
        let (low, high): (u32, u64) = (random.random(), random.random());
        let input = random.random_range(20..6_000_u64);
        let cached = if random.random_range(0..3) == 0 { input / 2 } else { 0 };
        let time = Timestamp::from_microsecond(i64::try_from(micros)?)?;
        write!(out, r#"{{"id":"chatcmpl-{high:016x}{low:08x}","time":"{time}","api_key":"{key}","#)?;
        write!(out, r#""model":"{}","endpoint":"/v1/chat/completions","#, model(random.random_range(0..100)))?;
        let output = random.random_range(1..1_500_u64);
        Ok(writeln!(out, r#""input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output}}}"#)?)
    }
}

/// The model at a percentage.
fn model(mut percent: u64) -> &'static str {
    for (model, share) in MODELS {
        if percent < share {
            return model;
        }
        percent -= share;
    }
    MODELS[0].0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn lines(seed: u64, count: u64) -> String {
        let keys = (0..200).map(|number| format!("key_{number}")).collect();
        let mut bytes = Vec::new();
        UsageLog::new(seed, keys).unwrap().write(count, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_same_seed_writes_the_same_log() {
        assert_eq!(lines(1, 50), lines(1, 50));
        assert_ne!(lines(1, 50), lines(2, 50));
    }

    #[test]
    fn ids_are_unique_times_rise_and_few_keys_are_used_most() {
        let text = lines(7, 2_000);
        let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: HashSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 2_000);
        assert!(events.windows(2).all(|pair| pair[0]["time"].as_str() < pair[1]["time"].as_str()));
        let of_first = events.iter().filter(|event| event["api_key"] == "key_0").count();
        assert!((200..800).contains(&of_first), "{of_first} of 2,000 by the first of 200 keys");
    }

    #[test]
    fn times_are_those_of_the_span() {
        let of = |usage: UsageLog, count| {
            let (mut usage, mut bytes) = (usage, Vec::new());
            usage.write(count, &mut bytes).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(|line| line.split('"').nth(7).unwrap().to_owned()).collect::<Vec<_>>()
        };
        let usage = || UsageLog::new(1, vec!["key_1".to_owned()]).unwrap();
        assert!(of(usage(), 1)[0].starts_with("2026-11-01T00:00:00.00"));
        let times = of(usage().within((START + DAY, START + 3 * DAY), 4), 4);
        let days: Vec<&str> = times.iter().map(|time| &time[..10]).collect();
        assert_eq!(days, ["2026-11-02", "2026-11-02", "2026-11-03", "2026-11-03"]);
        assert!(usage().within((START, START + 10), 1).write(2, &mut Vec::new()).is_err());
    }
}
