//! Taking a run back: opposite entries.

use mete_core::actor::Actor;
use mete_core::{EventId, Month, Nanos, Timestamp};
use mete_store::{Alert, Ledger, NewCost, Rerate};
use serde::Serialize;

use super::{STEP, run_now};
use crate::boxed;
use crate::deed::Deed;
use crate::{Control, ControlError, change};

/// What taking a run back did.
#[derive(Clone, Debug, Serialize)]
pub struct UndoReport {
    /// The run that was taken back.
    pub run: Rerate,
    /// Events that cost what they did before the run.
    pub events: u64,
    /// By how much they cost more than with the run.
    pub difference: Nanos,
    /// Events of the run that were amended or rated anew since: they were left as they are.
    pub skipped: u64,
    /// The alerts that the bookings raised.
    pub alerts: Vec<Alert>,
}

impl Control<'_> {
    /// Takes back the run with this id or, without one, the last one that was not undone yet, of `month` or at all. An
    /// undo that was interrupted goes on. The operator's to do.
    ///
    /// # Errors
    /// When the actor is not the operator, there is no such run, it was undone before, or the store fails.
    #[boxed]
    pub async fn undo_rerate(
        &self,
        actor: &Actor,
        run: Option<&str>,
        month: Option<Month>,
    ) -> Result<UndoReport, ControlError> {
        let id = self.permitted_undo(actor, run, month).await?;
        let undo = undo_of(&id);
        let mut ledger = Ledger::open(self.store.clone()).await?;
        let mut after: Option<(Timestamp, EventId)> = None;
        let mut alerts = Vec::new();
        loop {
            let events = self.store.rerated_events(&id, after, STEP).await?;
            let Some(last) = events.last() else { break };
            after = Some((last.event.time, last.event.id));
            let changes: Vec<NewCost> = events
                .into_iter()
                .map(|it| NewCost {
                    time: it.event.time,
                    id: it.event.id,
                    was: it.event.cost,
                    usage: it.event.usage,
                    cost: it.event.cost - it.difference,
                    rating: it.rating_before,
                })
                .collect();
            alerts.extend(ledger.rerate(&undo, &changes, self.now()).await?.outcome.alerts);
        }
        Ok(UndoReport { alerts, ..self.finish_undo(actor, &id).await? })
    }

    /// The id of the run that is meant, for the operator.
    async fn permitted_undo(
        &self,
        actor: &Actor,
        run: Option<&str>,
        month: Option<Month>,
    ) -> Result<String, ControlError> {
        change!(self, actor, tx => {
            let deed = Deed::on_deployment("rerate.undone").target(run.unwrap_or_default(), "");
            self.permit_operator(actor, "take back that a month was rated anew", &deed)?;
            let run = match run {
                Some(id) => run_now(tx, id).await?,
                None => {
                    let last = tx.last_rerate(month).await?;
                    last.ok_or_else(|| ControlError::not_found("there is no run that could be undone".to_owned()))?
                }
            };
            match run.undone_at {
                Some(at) => Err(ControlError::Conflict(format!("{} was undone at {at} already", run.id))),
                None => Ok(run.id),
            }
        })
    }

    async fn finish_undo(&self, actor: &Actor, id: &str) -> Result<UndoReport, ControlError> {
        change!(self, tx => {
            let run = run_now(tx, id).await?;
            let of_run: u64 = tx.rerate_sums(id).await?.iter().map(|sum| sum.events).sum();
            let (events, difference) = self.record_sums(tx, (actor, &run), ("rerate.undone", &undo_of(id))).await?;
            let now = self.now();
            tx.set_rerate_undone(id, now).await?;
            let run = Rerate { undone_at: Some(now), ..run };
            Ok(UndoReport { run, events, difference, skipped: of_run.saturating_sub(events), alerts: Vec::new() })
        })
    }
}

/// What the entries are marked with that take back those of a run.
fn undo_of(run: &str) -> String {
    format!("{run}-undo")
}
