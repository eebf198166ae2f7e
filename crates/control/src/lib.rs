//! What an actor may do: each operation checks the actor's right (R6), validates its input, changes the store, writes the
//! audit entry (R42) and tells the change feed, all in one transaction.
//!
//! A refused attempt at a change leaves an audit entry and nothing else. Reads go through a [`View`], which shows an actor
//! only what exists for them.
//!
//! Architecture invariant: only this crate writes the directory and the limits.

mod actors;
mod admin_keys;
mod alerts;
mod blocks;
mod deed;
mod error;
pub mod host;
mod invites;
mod keys;
mod limits;
mod lookup;
mod members;
mod organizations;
mod project_members;
mod projects;
mod quarantine;
mod rerate;
mod rights;
mod service_accounts;
mod settings;
mod sight;
mod view;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mete_core::actor::Actor;
use mete_core::audit::AuditOutcome;
use mete_core::ids::IdKind;
use mete_core::secret::{Secret, SecretKind};
use mete_core::{Clock, Timestamp};
use mete_store::{Store, StoreError, Tx};
use rand::{Rng, RngExt};
use serde_json::Value;
use tokio::time::Instant;

use crate::deed::Deed;
use crate::error::Denial;

/// As in the store: what others await is compiled here, once.
pub(crate) use async_recursion::async_recursion as boxed;

pub use admin_keys::{CreatedAdminKey, NewAdminKeyInput};
pub use alerts::MAX_ACKNOWLEDGED;
pub use blocks::{BlockTarget, NewBlockInput};
pub use error::ControlError;
pub use invites::NewInviteInput;
pub use keys::{CreatedKey, KeyChange, KeyOwner, MAX_GRACE, NewKeyInput, RotatedKey};
pub use limits::{LimitChange, LimitsAfter, LimitsOf, PartAfter, PartNamed};
pub use organizations::{CreatedOrganization, DEFAULT_PROJECT, NewOrganizationInput};
pub use projects::{NewProjectInput, ProjectChange};
pub use rerate::{RerateInput, RerateReport, RerateRow, UndoReport, Unpriced};
pub use service_accounts::{CreatedServiceAccount, ServiceAccountOf};
pub use sight::Sight;
pub use view::{ListedProjects, Outlook, ProjectPulse, Pulse, ScopeOutlook, SeenPart, SeenResource, SourcePulse, View};

/// How long a change is tried again when others are in its way. A locked SQLite file has been waited for as long by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest pause between two tries, in milliseconds.
const LONGEST_PAUSE: u64 = 128;

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

    fn secret(&self, kind: SecretKind) -> Secret {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Secret::generate(kind, &mut **random)
    }

    /// Waits before another try, up to twice as long each time. How long is chance, so that those who were in one
    /// another's way part.
    async fn pause(&self, tries: u32) {
        let longest = 2_u64.saturating_pow(tries).min(LONGEST_PAUSE);
        let pause = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            random.random_range(0..=longest)
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Writes down what `deed` changed, and tells the feed.
    async fn record(&self, tx: &mut Tx, actor: &Actor, deed: &Deed, change: Value) -> Result<(), ControlError> {
        let now = self.now();
        tx.append_audit(&deed.record(actor, now, AuditOutcome::Done, change)).await?;
        tx.tell(now, &deed.organization_id, deed.action, &deed.target_id).await?;
        Ok(())
    }

    /// Writes down that something was tried and refused, if it was a change, and gives the refusal back.
    async fn refused(&self, actor: &Actor, denial: Denial) -> ControlError {
        let Some(deed) = denial.deed.clone().map(|deed| deed.because(&denial.message)) else { return denial.into() };
        let written = change!(self, tx => {
            let record = deed.record(actor, self.now(), AuditOutcome::Refused, Value::Null);
            tx.append_audit(&record).await?;
            Ok(())
        });
        match written {
            Ok(()) => denial.into(),
            Err(error) => error,
        }
    }
}

/// Whether a change is worth another try: it lost a race and nothing of it happened.
fn worth_another(begun: Instant, error: &ControlError) -> bool {
    begun.elapsed() < PATIENCE && matches!(error, ControlError::Store(error) if StoreError::is_retryable(error))
}

/// Runs `$body` with a transaction `$tx` and commits it; anew, when another change was in its way. With an actor, a
/// refusal for want of a right is written down once nothing is left of the attempt.
macro_rules! change {
    ($control:expr, $actor:expr, $tx:ident => $body:expr) => {
        match $crate::change!($control, $tx => $body) {
            Err($crate::ControlError::Denied(denial)) => Err($control.refused($actor, *denial).await),
            outcome => outcome,
        }
    };
    ($control:expr, $tx:ident => $body:expr) => {{
        let (begun, mut tries) = (tokio::time::Instant::now(), 0);
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
                Err(error) if $crate::worth_another(begun, &error) => $control.pause(tries).await,
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use change;
