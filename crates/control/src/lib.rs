//! What an actor may do: each operation checks its input, changes the store in one transaction and tells the change
//! feed.
//!
//! Architecture invariant: only this crate writes the directory and the limits.

mod error;
pub mod host;
mod keys;
mod limits;
mod organizations;
mod projects;

use std::sync::{Mutex, PoisonError};

use mete_core::ids::IdKind;
use mete_core::{Clock, Timestamp};
use mete_store::{Store, StoreError};
use rand::Rng;

pub use error::ControlError;
pub use keys::{CreatedKey, NewKeyInput};
pub use limits::{LimitChange, LimitsAfter};
pub use organizations::{CreatedOrganization, NewOrganizationInput};

/// How often a change is tried again when another one was in its way.
const TRIES: u32 = 20;

/// Carries out changes of one store.
pub struct Control<'a> {
    store: &'a Store,
    clock: &'a dyn Clock,
    random: Mutex<&'a mut (dyn Rng + Send)>,
}

impl<'a> Control<'a> {
    /// Changes `store`; `clock` tells when, `random` gives ids and secrets and must be the operating system's or a
    /// cryptographic generator outside tests.
    pub fn new(store: &'a Store, clock: &'a dyn Clock, random: &'a mut (dyn Rng + Send)) -> Self {
        Self { store, clock, random: Mutex::new(random) }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn id(&self, kind: IdKind) -> String {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        kind.generate(&mut **random)
    }
}

/// Whether a change is worth another try: it lost a race and nothing of it happened.
fn worth_another(tries: u32, error: &ControlError) -> bool {
    tries < TRIES && matches!(error, ControlError::Store(error) if StoreError::is_retryable(error))
}

/// Runs `$body` with a transaction `$tx` and commits it; anew, when another change was in its way.
macro_rules! change {
    ($control:expr, $tx:ident => $body:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome: Result<_, $crate::ControlError> = async {
                let mut transaction = $control.store.begin_serializable().await?;
                let value = {
                    let $tx = &mut transaction;
                    let worked: Result<_, $crate::ControlError> = async { $body }.await;
                    worked?
                };
                transaction.commit().await?;
                Ok(value)
            }
            .await;
            match outcome {
                Err(error) if $crate::worth_another(tries, &error) => {}
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use change;
