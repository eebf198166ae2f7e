//! Rates out of genai-prices, which only answers what a whole request costs: by asking it about made-up requests.
//!
//! A price there is `rate × count ÷ block` for each priced unit, the rate chosen by the request's input tokens alone,
//! by the UTC day and by the half-hour. So one request per unit tells its rate exactly, and looking for the contexts
//! and half-hours at which the answers change tells where they hold.

mod outline;

use std::time::{Duration, SystemTime};

use genai_prices::{Calculator, ErrorKind, PriceRequest, Usage as Counts, UsageKey};
use mete_core::{Nanos, Timestamp, Usage, time};

use crate::card::{Attos, Card, Ladder, Step};

/// Contexts are searched for steps up to 2^24 (16 million) input tokens.
const MAX_CONTEXT_BITS: u32 = 24;
/// The first context that is probed after 1 token is 2^10.
const MIN_CONTEXT_BITS: u32 = 10;
/// Half-hours in a day.
pub(crate) const HALF_HOURS: usize = 48;
const HALF_HOUR: i64 = 30 * time::MINUTE;

/// A model in the catalogue, and the circumstances that change its price.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    provider: String,
    model: String,
    tier: Option<String>,
    batch: bool,
}

/// Makers whose models genai-prices does not tell by their names: beginning, provider.
const MAKERS: [(&str, &str); 7] = [
    ("ft:", "openai"),
    ("text-embedding-", "openai"),
    ("chatgpt-", "openai"),
    ("codex-", "openai"),
    ("computer-use-", "openai"),
    ("embed-", "cohere"),
    ("sonar", "perplexity"),
];

impl Source {
    /// Finds `model`: with the provider named, or with the one that stands in its name (`anthropic/claude-…`), or with
    /// the one that makes it. `Ok(None)` if the catalogue knows it with none of them.
    pub fn find(
        model: &str,
        provider: Option<&str>,
        tier: Option<&str>,
        batch: bool,
    ) -> Result<Option<Self>, genai_prices::Error> {
        let calculator = Calculator::bundled();
        let known = |provider: &str| Ok(calculator.find_provider(Some(provider), None)?.map(|found| found.id()));
        let named = provider.map(known).transpose()?.flatten();
        let (prefix, rest) = model.split_once('/').unwrap_or(("", model));
        let inside = if prefix.is_empty() { None } else { known(prefix)? };

        let mut candidates: Vec<(&str, &str)> = Vec::with_capacity(3);
        if let Some(named) = named {
            candidates.push((named, model));
            if inside == Some(named) {
                candidates.push((named, rest));
            }
        } else {
            candidates.extend(inside.map(|inside| (inside, rest)));
            // To genai-prices, `litellm` is no provider: it goes by the model's name.
            candidates.push(("litellm", model));
            let maker = MAKERS.iter().find(|(start, _)| model.starts_with(start));
            candidates.extend(maker.map(|(_, maker)| (*maker, model)));
        }
        for (provider, model) in candidates {
            match calculator.calculate(&PriceRequest::new(model, &Counts::new()).with_provider_id(provider)) {
                Ok(found) => {
                    let (tier, model) = (tier.map(str::to_owned), model.to_owned());
                    return Ok(Some(Self { provider: found.provider_id, model, tier, batch }));
                }
                Err(error) if matches!(error.kind(), ErrorKind::ModelNotFound | ErrorKind::ProviderNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// What the catalogue charges in dollars for `counts` at `time`.
    fn dollars(&self, time: Timestamp, counts: &Counts) -> Result<f64, genai_prices::Error> {
        let mut request =
            PriceRequest::new(&self.model, counts).with_provider_id(&self.provider).with_timestamp(system_time(time));
        if let Some(tier) = &self.tier {
            request = request.with_price_context("service_tier", tier);
        }
        if self.batch {
            request = request.with_price_context("processing", "batch");
        }
        Ok(Calculator::bundled().calculate(&request)?.total_price)
    }

    /// What the catalogue charges for `usage`, rounded once: for usage that no [`Card`] can express.
    pub fn direct(&self, time: Timestamp, usage: &Usage) -> Result<Option<Nanos>, genai_prices::Error> {
        let nanos = (self.dollars(time, &all_counts(usage))? * 1e9).round();
        // The largest float below 2^63 is still in range.
        Ok((0.0..i64::MAX as f64).contains(&nanos).then_some(Nanos(nanos as i64)))
    }

    /// Whether audio by the second has a price at all.
    pub fn prices_seconds(&self, time: Timestamp) -> Result<bool, genai_prices::Error> {
        let hour = Usage { milliseconds: 3_600_000, ..Usage::default() };
        Ok(self.dollars(time, &all_counts(&hour))? > self.dollars(time, &Counts::new())?)
    }

    /// The ladders of the UTC day `day`, and which of them holds in each half-hour.
    pub fn day(&self, day: i64) -> Result<(Vec<Ladder>, [u8; HALF_HOURS]), genai_prices::Error> {
        let mut prints: Vec<[u64; 2]> = Vec::new();
        let mut ladders = Vec::new();
        let mut of_half_hour = [0; HALF_HOURS];
        for (half_hour, holds) in (0..).zip(&mut of_half_hour) {
            let time = Timestamp(day.saturating_mul(time::DAY)).plus(half_hour * HALF_HOUR);
            let print = self.print(time)?;
            let index = match prints.iter().position(|known| *known == print) {
                Some(index) => index,
                None => {
                    prints.push(print);
                    ladders.push(self.ladder(time)?);
                    prints.len() - 1
                }
            };
            *holds = index as u8; // at most 48
        }
        Ok((ladders, of_half_hour))
    }

    /// Two prices, with every unit in them, that tell one set of rates from another.
    fn print(&self, time: Timestamp) -> Result<[u64; 2], genai_prices::Error> {
        let of = |scale: u64| {
            let usage = Usage {
                input: 101 * scale,
                cached_input: 31 * scale,
                cache_write: 29 * scale,
                cache_write_1h: 17 * scale,
                output: 47,
                reasoning: 13,
                searches: 3,
                ..Usage::default()
            };
            self.dollars(time, &all_counts(&usage)).map(f64::to_bits)
        };
        Ok([of(1)?, of(1 << (MAX_CONTEXT_BITS - 6))?])
    }

    /// Cards for every length of context at `time`.
    fn ladder(&self, time: Timestamp) -> Result<Ladder, genai_prices::Error> {
        let mut low = (1, self.card(time, 1)?);
        let mut ladder = Ladder { base: low.1.clone(), steps: Vec::new() };
        for bits in MIN_CONTEXT_BITS..=MAX_CONTEXT_BITS {
            let high = (1 << bits, self.card(time, 1 << bits)?);
            self.find_steps(time, &low, &high, &mut ladder.steps)?;
            low = high;
        }
        Ok(ladder)
    }

    /// Adds every step between two contexts whose cards differ, by bisection.
    fn find_steps(
        &self,
        time: Timestamp,
        low: &(u64, Card),
        high: &(u64, Card),
        steps: &mut Vec<Step>,
    ) -> Result<(), genai_prices::Error> {
        if low.1 == high.1 {
            return Ok(());
        }
        if high.0 - low.0 == 1 {
            steps.push(Step { above: low.0, card: high.1.clone() });
            return Ok(());
        }
        let middle = low.0.midpoint(high.0);
        let middle = (middle, self.card(time, middle)?);
        self.find_steps(time, low, &middle, steps)?;
        self.find_steps(time, &middle, high, steps)
    }

    /// The rates for requests with `context` input tokens.
    fn card(&self, time: Timestamp, context: u64) -> Result<Card, genai_prices::Error> {
        let usage = Usage { input: context, ..Usage::default() };
        let dollars = |usage: &Usage| self.dollars(time, &all_counts(usage));
        let request = self.dollars(time, &Counts::new())?;
        let input = dollars(&usage)?;
        let per_token = |with: Usage, without: f64| -> Result<Attos, genai_prices::Error> {
            Ok(rate(dollars(&with)? - without, context, 1e6))
        };
        let write = Usage { cache_write: context, ..usage };
        let output = Usage { output: context, ..usage };
        let search = rate(dollars(&Usage { searches: 1000, ..usage })? - input, 1000, 1e3);

        // A price of nothing is no price: the catalogue has none that is 0 on purpose.
        let input_rate = priced(per_token(usage, request)?);
        let output_rate = priced(per_token(output, input)?);
        let with_input = |rate: Attos| input_rate.map(|_| rate);
        Ok(Card {
            request: rate(request, 1, 1.0),
            input: input_rate,
            cached_input: with_input(per_token(Usage { cached_input: context, ..usage }, request)?),
            cache_write: with_input(per_token(write, request)?),
            cache_write_1h: with_input(per_token(Usage { cache_write_1h: context, ..write }, request)?),
            output: output_rate,
            reasoning: output_rate.and(Some(per_token(Usage { reasoning: context, ..output }, input)?)),
            image: None,
            millisecond: None,
            search: priced(search),
        })
    }
}

fn priced(rate: Attos) -> Option<Attos> {
    (rate > 0).then_some(rate)
}

/// The rate of one unit in atto-dollars, if `count` of them cost `dollars` and prices are for `block` of them.
/// Prices have at most twelve places per block; what floats add beyond that falls away here.
fn rate(dollars: f64, count: u64, block: f64) -> Attos {
    let places = if block > 1e3 { 1e12 } else { 1e9 };
    let factor = (1e18 / places / block).round() as Attos;
    (dollars / count as f64 * block * places).round() as Attos * factor
}

fn system_time(time: Timestamp) -> SystemTime {
    let distance = Duration::from_micros(time.0.unsigned_abs());
    let moved = if time.0 < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// `usage` in the names of genai-prices. Where cached and audio tokens overlap, nobody says by how much: the least
/// that is possible is taken.
fn all_counts(usage: &Usage) -> Counts {
    let text = usage.input - usage.audio_input;
    let cached_audio = usage.cached_input.saturating_sub(text);
    let written_audio = (usage.cached_input + usage.cache_write).saturating_sub(text) - cached_audio;
    let reasoned_audio = (usage.reasoning + usage.audio_output).saturating_sub(usage.output);
    let seconds = usage.milliseconds as f64 / 1000.0;
    let counts = [
        (UsageKey::INPUT_TOKENS, usage.input),
        (UsageKey::CACHE_READ_TOKENS, usage.cached_input),
        (UsageKey::CACHE_WRITE_TOKENS, usage.cache_write),
        (UsageKey::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h),
        (UsageKey::INPUT_AUDIO_TOKENS, usage.audio_input),
        (UsageKey::CACHE_AUDIO_READ_TOKENS, cached_audio),
        (UsageKey::CACHE_AUDIO_WRITE_TOKENS, written_audio),
        (UsageKey::OUTPUT_TOKENS, usage.output),
        (UsageKey::OUTPUT_REASONING_TOKENS, usage.reasoning),
        (UsageKey::OUTPUT_AUDIO_TOKENS, usage.audio_output),
        (UsageKey::OUTPUT_AUDIO_REASONING_TOKENS, reasoned_audio),
        (UsageKey::WEB_SEARCHES, usage.searches),
    ];
    // With audio, the overlaps must be there even where they are nothing; without, less is faster.
    let audio = usage.audio_input != 0 || usage.audio_output != 0;
    let told = counts.into_iter().filter(|(_, count)| audio || *count != 0);
    let mut counts: Counts = told.map(|(key, count)| (key, count as f64)).collect();
    if usage.milliseconds != 0 {
        counts.insert(UsageKey::AUDIO_SECONDS, seconds);
        counts.insert(UsageKey::INPUT_AUDIO_SECONDS, seconds);
    }
    counts
}
