//! Emptying the quarantine (R34).

use mete_core::actor::Actor;
use mete_core::directory::check_description;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::{Control, ControlError, change};

/// Entries that one transaction forgets: ingest waits for as long as that takes, some ten milliseconds.
const STEP: usize = 1000;

impl Control<'_> {
    /// Forgets entries of the quarantine, given by their numbers: the operator's to do, since nobody knows whose they
    /// are. Their counts stay. Many are forgotten in several steps, with an audit entry each. Tells how many were there.
    ///
    /// # Errors
    /// When the actor may not, the reason is missing, or the store fails; then the steps before that are done.
    #[boxed]
    pub async fn forget_quarantine(&self, actor: &Actor, ids: &[i64], why: &str) -> Result<u64, ControlError> {
        let mut forgotten = 0;
        // A refusal is written down even where there is nothing to forget.
        let steps = ids.chunks(STEP).chain(ids.is_empty().then_some(ids));
        for step in steps {
            forgotten += self.forget_step(actor, step, why).await?;
        }
        Ok(forgotten)
    }

    async fn forget_step(&self, actor: &Actor, ids: &[i64], why: &str) -> Result<u64, ControlError> {
        change!(self, actor, tx => {
            let deed = Deed::on_deployment("quarantine.forgotten");
            self.permit_operator(actor, "forget what is in the quarantine", &deed)?;
            let reason = check_description(why)?;
            if reason.is_empty() {
                return Err(ControlError::Invalid("a reason is needed: what is forgotten is never counted".to_owned()));
            }
            let counts = tx.forget_quarantine(ids).await?;
            let number = counts.iter().map(|(.., number)| number).sum();
            if number > 0 {
                let forgotten: Vec<_> = counts
                    .into_iter()
                    .map(|(source, reason, entries)| json!({"source": source, "reason": reason, "entries": entries}))
                    .collect();
                self.record(tx, actor, &deed.because(&reason), json!({"before": forgotten})).await?;
            }
            Ok(number)
        })
    }
}
