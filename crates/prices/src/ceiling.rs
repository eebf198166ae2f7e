//! What a request can cost at most, before it is known what it uses (R40).

use mete_core::{Nanos, Timestamp};

use crate::card::{Attos, Card, Unit, round_up};
use crate::error::NoPrice;
use crate::pricer::{Pricer, Query};

/// The circumstances and sizes of a request that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub struct Sizes<'a> {
    /// The model that is asked for.
    pub model: &'a str,
    /// Who is asked; without it the model's name decides.
    pub provider: Option<&'a str>,
    /// The service tier that is asked for.
    pub tier: Option<&'a str>,
    /// Input tokens at most.
    pub input: u64,
    /// Output tokens at most, reasoning included.
    pub output: u64,
}

impl Pricer {
    /// The most that text of these sizes can cost between `from` and `until`, rounded up: every input token is taken for
    /// the dearest of plain ones, cached ones and cache writes, every output token for the dearer of plain ones and
    /// reasoning, at the dearest rates of any length of context and half-hour that the request can reach.
    ///
    /// Images, audio and searches are not in it.
    ///
    /// # Errors
    /// If there is no price for the model or for its tokens, or the cost is too large.
    pub fn ceiling(&mut self, sizes: &Sizes<'_>, from: Timestamp, until: Timestamp) -> Result<Nanos, NoPrice> {
        let today = self.ceiling_on(sizes, from)?;
        if from.day() == until.day() { Ok(today) } else { Ok(today.max(self.ceiling_on(sizes, until)?)) }
    }

    fn ceiling_on(&mut self, sizes: &Sizes<'_>, time: Timestamp) -> Result<Nanos, NoPrice> {
        let Sizes { model, provider, tier, input, output } = *sizes;
        let quote =
            self.quote(&Query { model, provider, tier, batch: false, time, usage: &mete_core::Usage::default() })?;
        let mut most: Attos = 0;
        for ladder in quote.ladders() {
            let steps = ladder.steps.iter().filter(|step| input > step.above).map(|step| &step.card);
            for card in steps.chain([&ladder.base]) {
                let cost =
                    card.most(input, output).map_err(|unit| NoPrice::UnpricedUnit { model: model.to_owned(), unit })?;
                most = most.max(cost);
            }
        }
        round_up(most, quote.percent()).ok_or_else(|| NoPrice::TooLarge { model: model.to_owned() })
    }
}

impl Card {
    /// What so many tokens cost at most.
    ///
    /// # Errors
    /// The unit that has no price.
    fn most(&self, input: u64, output: u64) -> Result<Attos, Unit> {
        let dearest = |count: u64, plain: Option<Attos>, others: &[Option<Attos>], unit| match (count, plain) {
            (0, _) => Ok(0),
            (_, None) => Err(unit),
            (_, Some(plain)) => {
                let rate = others.iter().flatten().copied().fold(plain, Attos::max);
                Ok(Attos::from(count).saturating_mul(rate))
            }
        };
        let read =
            dearest(input, self.input, &[self.cached_input, self.cache_write, self.cache_write_1h], Unit::Input)?;
        let written = dearest(output, self.output, &[self.reasoning], Unit::Output)?;
        Ok(self.request.saturating_add(read).saturating_add(written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r40_the_dearest_kinds_count() {
        let card = Card {
            request: 5,
            input: Some(100),
            cached_input: Some(10),
            cache_write_1h: Some(200),
            output: Some(1000),
            reasoning: Some(900),
            ..Card::default()
        };
        assert_eq!(card.most(3, 2), Ok(5 + 3 * 200 + 2 * 1000));
        assert_eq!(card.most(0, 0), Ok(5));
        let unpriced = Card { output: None, ..card };
        assert_eq!(unpriced.most(3, 0), Ok(605));
        assert_eq!(unpriced.most(3, 1), Err(Unit::Output));
        assert_eq!(card_of(i128::MAX).most(2, 0), Ok(i128::MAX));
    }

    fn card_of(input: Attos) -> Card {
        Card { input: Some(input), ..Card::default() }
    }
}
