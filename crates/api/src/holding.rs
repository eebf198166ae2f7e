//! What setting money aside takes beside the gate: prices, and randomness for ids (R40).

use std::sync::{Arc, Mutex, PoisonError};

use mete_core::{Nanos, Timestamp};
use mete_gate::{Admission, Amounts, Credential, Denied, Gate, Lease, Request, Wanted};
use mete_prices::{Catalogue, Pricer, Sizes};
use rand::Rng;
use tokio::sync::{mpsc, oneshot, watch};

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
    /// Images that are asked for.
    pub images: u64,
    /// Megabytes of audio that it brings.
    pub audio_megabytes: u64,
    /// Whether its tokens are those of a batch.
    pub is_batch: bool,
}

impl<'a> Circumstances<'a> {
    /// What the gate is told, with the most that the request can cost.
    pub(crate) fn wanted(&self, price: Option<Nanos>) -> Wanted<'a> {
        let tokens = match (self.input_tokens, self.max_output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or_default().saturating_add(output.unwrap_or_default())),
        };
        let batch_tokens = if self.is_batch { self.input_tokens.unwrap_or_default() } else { 0 };
        let Self { images, audio_megabytes, request_id, .. } = *self;
        // A batch has a limit of its own.
        let tokens = tokens.filter(|_| !self.is_batch);
        Wanted { price, request_id, amounts: Amounts { tokens, images, audio_megabytes, batch_tokens } }
    }
}

/// How often a request asks again after its money was leased: others may have taken it meanwhile.
const MOST_TRIES: usize = 64;

/// Somebody waits until this is written down.
#[derive(Debug)]
pub struct LeaseRequest {
    /// What is to be leased.
    pub lease: Lease,
    /// Told when it is granted; dropped when it cannot be.
    pub granted: oneshot::Sender<()>,
}

/// Prices and randomness, each behind a lock of its own for a moment, and the way to who leases.
pub struct Holding {
    pricer: Mutex<Pricer>,
    prices: watch::Receiver<Arc<Catalogue>>,
    random: Mutex<Box<dyn Rng + Send>>,
    leases: Option<mpsc::Sender<LeaseRequest>>,
}

impl Holding {
    /// With the prices that `prices` brings, from now on and as they change, and ids from `random`.
    #[must_use]
    pub fn new(prices: watch::Receiver<Arc<Catalogue>>, random: Box<dyn Rng + Send>) -> Self {
        let pricer = Pricer::new(Arc::clone(&prices.borrow()));
        Self { pricer: Mutex::new(pricer), prices, random: Mutex::new(random), leases: None }
    }

    /// The same, which asks for leases where the gate wants them.
    #[must_use]
    pub fn with_leases(self, leases: mpsc::Sender<LeaseRequest>) -> Self {
        Self { leases: Some(leases), ..self }
    }

    /// What `attempt` comes to; where something must be leased before, it is, and then it is tried again.
    ///
    /// # Errors
    /// What must be leased, where that cannot be written down, or others take it again and again.
    pub(crate) async fn leasing<T>(&self, mut attempt: impl FnMut() -> Result<T, Lease>) -> Result<T, Lease> {
        for _ in 0..MOST_TRIES {
            match attempt() {
                Err(lease) if self.lease(lease.clone()).await => {}
                outcome => return outcome,
            }
        }
        attempt()
    }

    /// Whether it was granted.
    async fn lease(&self, lease: Lease) -> bool {
        let Some(leases) = &self.leases else { return false };
        let (granted, answer) = oneshot::channel();
        leases.send(LeaseRequest { lease, granted }).await.is_ok() && answer.await.is_ok()
    }

    /// Decides, and sets aside the most that the request can cost where a budget applies.
    ///
    /// # Errors
    /// What must be leased before that; then nothing has happened.
    pub(crate) fn admit(
        &self,
        gate: &Gate,
        now: Timestamp,
        key: Credential<'_>,
        request: &Request<'_>,
        circumstances: &Circumstances<'_>,
    ) -> Result<Admission, Lease> {
        let price = self.price(request, circumstances, now, now.plus(gate.terms().time));
        let wanted = circumstances.wanted(price);
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        match gate.authorize(now, key, request, &wanted, &mut **random) {
            Admission { outcome: Err(Denied::Unleased(lease)), .. } => Err(lease),
            admission => Ok(admission),
        }
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
