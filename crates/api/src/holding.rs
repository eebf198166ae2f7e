//! What setting money aside takes beside the gate: prices, and randomness for ids (R40).

use std::sync::{Arc, Mutex, PoisonError};

use mete_core::{Nanos, Timestamp};
use mete_gate::{Admission, Credential, Gate, Request, Wanted};
use mete_prices::{Catalogue, Pricer, Sizes};
use rand::Rng;
use tokio::sync::watch;

/// The circumstances of a request by which its cost is told before it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances<'a> {
    /// Who is asked, where the gateway tells.
    pub provider: Option<&'a str>,
    /// The service tier that is asked for.
    pub tier: Option<&'a str>,
    /// Input tokens at most.
    pub input_tokens: Option<u64>,
    /// Output tokens at most.
    pub max_output_tokens: Option<u64>,
    /// The id that the request's usage event will have.
    pub request_id: Option<&'a str>,
}

/// Prices and randomness, each behind a lock of its own for a moment.
pub struct Holding {
    pricer: Mutex<Pricer>,
    prices: watch::Receiver<Arc<Catalogue>>,
    random: Mutex<Box<dyn Rng + Send>>,
}

impl Holding {
    /// With the prices that `prices` brings, from now on and as they change, and ids from `random`.
    #[must_use]
    pub fn new(prices: watch::Receiver<Arc<Catalogue>>, random: Box<dyn Rng + Send>) -> Self {
        let pricer = Pricer::new(Arc::clone(&prices.borrow()));
        Self { pricer: Mutex::new(pricer), prices, random: Mutex::new(random) }
    }

    /// Decides, and sets aside the most that the request can cost where a budget applies.
    pub(crate) fn admit(
        &self,
        gate: &Gate,
        now: Timestamp,
        key: Credential<'_>,
        request: &Request<'_>,
        circumstances: &Circumstances<'_>,
    ) -> Admission {
        let price = self.price(request, circumstances, now, now.plus(gate.terms().time));
        let wanted = Wanted { price, request_id: circumstances.request_id };
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        gate.authorize(now, key, request, &wanted, &mut **random)
    }

    /// The most that the request can cost, where model, sizes and prices tell.
    fn price(
        &self,
        request: &Request<'_>,
        circumstances: &Circumstances<'_>,
        from: Timestamp,
        until: Timestamp,
    ) -> Option<Nanos> {
        let Circumstances { provider, tier, input_tokens, max_output_tokens, .. } = *circumstances;
        let sizes = Sizes { model: request.model?, provider, tier, input: input_tokens?, output: max_output_tokens? };
        let mut pricer = self.pricer.lock().unwrap_or_else(PoisonError::into_inner);
        let prices = self.prices.borrow();
        if !std::ptr::eq(pricer.catalogue(), &raw const **prices) {
            *pricer = Pricer::new(Arc::clone(&prices));
        }
        pricer.ceiling(&sizes, from, until).inspect_err(|error| tracing::debug!(%error, "a hold is estimated")).ok()
    }
}
