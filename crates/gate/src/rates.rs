//! Rate limits per model, of projects and organizations (R23).

mod bucket;
mod meters;

use mete_core::Timestamp;
use mete_core::event::EventId;
use mete_core::rates::Rate;

pub use meters::{KNOWN, Link, Met, Meters, are_there, standings};

/// What a request asks for, as far as its gateway tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Input and output tokens at most.
    pub tokens: Option<u64>,
    /// Images.
    pub images: u64,
    /// Megabytes of audio, rounded up.
    pub audio_megabytes: u64,
    /// Input tokens of a batch.
    pub batch_tokens: u64,
}

impl Amounts {
    /// What one figure counts of it.
    const fn of(&self, rate: Rate) -> u64 {
        match rate {
            Rate::RequestsPerMinute | Rate::RequestsPerDay => 1,
            Rate::TokensPerMinute | Rate::TokensPerDay => match self.tokens {
                Some(tokens) => tokens,
                None => 0,
            },
            Rate::ImagesPerMinute => self.images,
            Rate::AudioMegabytesPerMinute => self.audio_megabytes,
            Rate::BatchInputTokensPerDay => self.batch_tokens,
        }
    }
}

/// What a usage event used, for the limits of its model.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    /// Its id.
    pub event: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// Its project's id.
    pub project: &'a str,
    /// Its model.
    pub model: &'a str,
    /// The hold that it names.
    pub hold: Option<&'a str>,
    /// Input and output tokens.
    pub tokens: u64,
    /// Images.
    pub images: u64,
}
