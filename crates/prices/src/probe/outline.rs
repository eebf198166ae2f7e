//! What the catalogue says about a model, to be shown: prices of an instant, and the days on which they change.

use genai_prices::{Calculator, Error, ErrorKind};
use mete_core::{Timestamp, Usage, time};

use super::{HALF_HOURS, MAX_CONTEXT_BITS, MIN_CONTEXT_BITS, Source, all_counts, priced, rate};
use crate::card::{Attos, Card, Ladder, Unit};
use crate::rate::Rate;
use crate::tariff::{Prices, Tariff, Tier};

/// What two prices that are the same may differ by through floats, relative to their size.
const ROUNDING: f64 = 1e-9;

/// Seconds that the price of one is found out with: some providers charge for ten at least.
const SECONDS: u64 = 3_600;

/// Places after the point of the price of a second: those of an hour have no end when divided.
const SECOND_PLACES: u32 = 12;

/// A part of a day, in half-hours from midnight UTC, with prices of its own.
pub(crate) struct Hours {
    pub first: usize,
    /// The first that is not in it any more.
    pub end: usize,
    pub tariff: Tariff,
}

impl Source {
    /// The model `model` of `provider`, both as the catalogue names them, under no special circumstances.
    pub fn named(provider: &str, model: &str) -> Self {
        Self { provider: provider.to_owned(), model: model.to_owned(), tier: None, batch: false }
    }

    /// Every provider and model of the catalogue.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
        let providers = Calculator::bundled().providers();
        providers.flat_map(|provider| provider.models().map(move |model| (provider.id(), model.id())))
    }

    /// The id under which the catalogue knows a provider.
    pub fn provider_id(provider: &str) -> Option<&'static str> {
        Calculator::bundled().find_provider(Some(provider), None).ok().flatten().map(|found| found.id())
    }

    /// The provider of the model, as the catalogue names it.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The model as the catalogue was asked for it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The prices at `time`; `None` if the catalogue does not find the model. Contexts are searched for tiers only if
    /// a very long one costs more for each token: that is quick where thousands of models are listed.
    pub fn outline(&self, time: Timestamp) -> Result<Option<Tariff>, Error> {
        match self.is_flat(time) {
            Ok(true) => {
                let ladder = Ladder { base: self.card(time, 1)?, steps: Vec::new() };
                self.tariff(time, &ladder).map(Some)
            }
            Ok(false) => self.tariff(time, &self.ladder(time)?).map(Some),
            Err(error) if matches!(error.kind(), ErrorKind::ModelNotFound | ErrorKind::ProviderNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The parts of the UTC day `day` whose prices differ from their neighbours'; one if all of it has the same.
    pub fn hours(&self, day: i64) -> Result<Vec<Hours>, Error> {
        let (ladders, of_half_hour) = self.day(day)?;
        let mut parts: Vec<Hours> = Vec::new();
        let mut first = 0;
        for end in 1..=HALF_HOURS {
            if of_half_hour.get(end) != Some(&of_half_hour[first]) {
                let time = Timestamp(day.saturating_mul(time::DAY)).plus(first as i64 * super::HALF_HOUR);
                let tariff = self.tariff(time, &ladders[usize::from(of_half_hour[first])])?;
                parts.push(Hours { first, end, tariff });
                first = end;
            }
        }
        Ok(parts)
    }

    /// The days from `days.0` on and before `days.1` at whose beginning other prices begin to hold.
    pub fn change_days(&self, days: (i64, i64)) -> Result<Vec<i64>, Error> {
        let mut changes = Vec::new();
        let mut before = self.day_print(days.0 - 1)?;
        for day in days.0..days.1 {
            let print = self.day_print(day)?;
            if print != before {
                changes.push(day);
                before = print;
            }
        }
        Ok(changes)
    }

    /// Prices that tell one day from another: some models have other prices at night.
    fn day_print(&self, day: i64) -> Result<[[u64; 2]; 2], Error> {
        let midnight = Timestamp(day.saturating_mul(time::DAY));
        Ok([self.print(midnight)?, self.print(midnight.plus(time::DAY / 2))?])
    }

    /// Whether a token in a very long context costs what it does in a short one.
    fn is_flat(&self, time: Timestamp) -> Result<bool, Error> {
        let request = self.dollars(time, &all_counts(&Usage::default()))?;
        let per_token = |context: u64| -> Result<f64, Error> {
            let parts = context / 4;
            let usage = Usage {
                input: context,
                cached_input: parts,
                cache_write: parts * 2,
                cache_write_1h: parts,
                output: context,
                reasoning: parts,
                ..Usage::default()
            };
            Ok((self.dollars(time, &all_counts(&usage))? - request) / context as f64)
        };
        let (short, long) = (per_token(1 << MIN_CONTEXT_BITS)?, per_token(1 << MAX_CONTEXT_BITS)?);
        Ok((short - long).abs() <= ROUNDING * short.abs())
    }

    fn tariff(&self, time: Timestamp, ladder: &Ladder) -> Result<Tariff, Error> {
        let tier = |step: &crate::card::Step| {
            Ok(Tier { above: step.above, prices: self.rates(time, step.above + 1, &step.card)? })
        };
        let tiers = ladder.steps.iter().map(tier).collect::<Result<_, Error>>()?;
        Ok(Tariff { prices: self.rates(time, 1, &ladder.base)?, tiers })
    }

    /// What `card` says, and what no card can express: audio, the price of whose parts is no sum.
    fn rates(&self, time: Timestamp, context: u64, card: &Card) -> Result<Prices, Error> {
        let dollars = |usage: Usage| self.dollars(time, &all_counts(&usage));
        let text = Usage { input: context, ..Usage::default() };
        let audio = dollars(Usage { audio_input: context, ..text })?;
        let spoken = dollars(Usage { output: context, audio_output: context, ..text })?;
        let request = dollars(Usage::default())?;
        let token = |attos: Attos, unit: Unit| Some(Rate::of(unit, attos, 100));
        let audio_input = card.input.and_then(|_| token(rate(audio - request, context, 1e6), Unit::AudioInput));
        let spoken = rate(spoken - dollars(text)?, context, 1e6);
        let audio_output = card.output.and_then(|_| token(spoken, Unit::AudioOutput));
        let second = self.second(time, request)?;
        let rates = Prices::of(card, 100).with(Unit::AudioInput, audio_input);
        Ok(rates.with(Unit::AudioOutput, audio_output).with(Unit::Milliseconds, second))
    }

    /// The price of a second of audio, of requests that cost `request` without any.
    fn second(&self, time: Timestamp, request: f64) -> Result<Option<Rate>, Error> {
        let hour = Usage { milliseconds: SECONDS * 1_000, ..Usage::default() };
        let dollars = (self.dollars(time, &all_counts(&hour))? - request) / SECONDS as f64;
        let scaled = (dollars * 10_f64.powi(SECOND_PLACES.cast_signed())).round() as Attos;
        // Atto-dollars for each millisecond.
        Ok(priced(scaled * 10_i128.pow(15 - SECOND_PLACES)).map(|attos| Rate::of(Unit::Milliseconds, attos, 100)))
    }
}
