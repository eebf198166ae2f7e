//! Rating a month anew (R35): correcting entries for events whose price would be another one today, never a change of
//! what is there.
//!
//! A run has an id, which its correcting entries carry. It goes through the month in steps, each a transaction: one that
//! was interrupted is continued by doing the same again, since events that are corrected cost what they should.

mod rating;
mod undo;

use std::sync::Arc;

use mete_core::actor::Actor;
use mete_core::ids::IdKind;
use mete_core::{Month, Nanos};
use mete_prices::Catalogue;
use mete_store::{Alert, Ledger, Rerate, RerateSum, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use crate::boxed;
use crate::deed::Deed;
use crate::{Control, ControlError, change};
use rating::Rating;

pub use rating::{RerateRow, Unpriced};
pub use undo::UndoReport;

/// Events that are looked at in one step, where they are not packed into a segment of some thousands: what is corrected of
/// them is one transaction.
const STEP: usize = 5_000;

/// What a refusal says that the actor may not.
const ANEW: &str = "rate a month anew";

/// What is to be rated anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerateInput {
    /// The events of this month.
    pub month: Month,
    /// Only those of this model, as events name it, in any case.
    pub model: Option<String>,
    /// Those too that brought their cost along.
    pub own: bool,
}

/// What a month costs at other prices than those that it was counted with.
#[derive(Clone, Debug, Serialize)]
pub struct RerateReport {
    /// The run that booked it; `None` if nothing was booked.
    pub run: Option<Rerate>,
    /// The month.
    pub month: Month,
    /// The only model that was meant.
    pub model: Option<String>,
    /// Events that were looked at.
    pub looked_at: u64,
    /// Events that cost something else.
    pub events: u64,
    /// What these cost before.
    pub before: Nanos,
    /// What they cost at the new prices.
    pub after: Nanos,
    /// How much more that is.
    pub difference: Nanos,
    /// The same by project and model, the largest difference first.
    pub rows: Vec<RerateRow>,
    /// Events that brought their cost along and were left as they are.
    pub own: u64,
    /// Events that were amended while they were rated: they were left as they are, and another run will find them.
    pub moved: u64,
    /// What has no price now, and was left as it is.
    pub unpriced: Vec<Unpriced>,
    /// The alerts that the bookings raised.
    pub alerts: Vec<Alert>,
}

impl Control<'_> {
    /// What [`Control::rerate`] would do.
    ///
    /// # Errors
    /// When the actor is not the operator, the month is closed, or the store fails.
    #[boxed]
    pub async fn plan_rerate(
        &self,
        actor: &Actor,
        input: &RerateInput,
        catalogue: Arc<Catalogue>,
    ) -> Result<RerateReport, ControlError> {
        self.permit_operator(actor, ANEW, &Deed::on_deployment("rerate.started"))?;
        self.rate_anew(input, Rating::new(input, catalogue), None).await
    }

    /// Rates a month anew: the operator's to do. Events that cost something else get a correcting entry, and alerts and
    /// blocks follow. A run of the same month and model that was interrupted is continued.
    ///
    /// # Errors
    /// When the actor is not the operator, the month is closed, or the store fails; what was booked until then stays, and
    /// the same call goes on with it.
    #[boxed]
    pub async fn rerate(
        &self,
        actor: &Actor,
        input: &RerateInput,
        catalogue: Arc<Catalogue>,
    ) -> Result<RerateReport, ControlError> {
        let interrupted = change!(self, actor, tx => {
            self.permit_operator(actor, ANEW, &Deed::on_deployment("rerate.started"))?;
            Ok(tx.unfinished_rerate(input.month, input.model.as_deref()).await?)
        })?;
        let ledger = Ledger::open(self.store.clone()).await?;
        let mut booking = Booking { actor, ledger, run: interrupted };
        let report = self.rate_anew(input, Rating::new(input, catalogue), Some(&mut booking)).await?;
        let run = match booking.run {
            None => None,
            Some(run) => Some(self.finish_rerate(actor, &run.id).await?),
        };
        Ok(RerateReport { run, ..report })
    }

    /// Goes through the month, and books what is found if there is somewhere to book it.
    async fn rate_anew(
        &self,
        input: &RerateInput,
        mut rating: Rating,
        mut booking: Option<&mut Booking<'_>>,
    ) -> Result<RerateReport, ControlError> {
        if self.store.closed_through().await?.is_some_and(|last| input.month <= last) {
            let message = format!("{} is closed: its events are not kept any more", input.month.name());
            return Err(ControlError::Conflict(message));
        }
        let (mut place, mut alerts) = (None, Vec::new());
        loop {
            let page = self.store.kept_events(input.month, place, STEP).await?;
            let step = rating.rate(&page.events);
            if let Some(booking) = booking.as_deref_mut().filter(|_| !step.is_empty()) {
                let run = self.started(booking, input).await?;
                let booked = booking.ledger.rerate(&run, &step.changes(), self.now()).await?;
                rating.take_in(&step, &booked.moved);
                alerts.extend(booked.outcome.alerts);
            } else {
                rating.take_in(&step, &[]);
            }
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        let names = self.store.project_records().await?;
        Ok(RerateReport { alerts, ..rating.report(input, &names) })
    }

    /// The id of the run, which is begun with its first booking.
    async fn started(&self, booking: &mut Booking<'_>, input: &RerateInput) -> Result<String, ControlError> {
        if let Some(run) = &booking.run {
            return Ok(run.id.clone());
        }
        let run = Rerate {
            id: self.id(IdKind::Rerate),
            month: input.month,
            model: input.model.clone(),
            actor: booking.actor.name().to_owned(),
            started_at: self.now(),
            finished_at: None,
            undone_at: None,
            events: 0,
            difference: Nanos::ZERO,
        };
        let deed = Deed::on_deployment("rerate.started").target(&run.id, &input.month.to_string());
        change!(self, tx => {
            tx.insert_rerate(&run).await?;
            let after = json!({"month": run.month, "model": run.model, "own": input.own});
            self.record(tx, booking.actor, &deed, json!({"after": after})).await
        })?;
        Ok(booking.run.insert(run).id.clone())
    }

    /// Writes down what a run came to, in the deployment's chain and in that of each organization.
    async fn finish_rerate(&self, actor: &Actor, id: &str) -> Result<Rerate, ControlError> {
        change!(self, tx => {
            let run = run_now(tx, id).await?;
            if run.finished_at.is_some() {
                return Ok(run);
            }
            let (events, difference) = self.record_sums(tx, (actor, &run), ("rerate.finished", id)).await?;
            let now = self.now();
            tx.finish_rerate(id, now, (events, difference)).await?;
            Ok(Rerate { finished_at: Some(now), events, difference, ..run })
        })
    }

    /// Writes the audit entries about `run` with what the correcting entries of `entries` come to; tells the sums.
    async fn record_sums(
        &self,
        tx: &mut Tx,
        (actor, run): (&Actor, &Rerate),
        (action, entries): (&'static str, &str),
    ) -> Result<(u64, Nanos), ControlError> {
        let sums = tx.rerate_sums(entries).await?;
        let month = run.month.to_string();
        for sum in &sums {
            let Some(organization) = tx.organization(&sum.organization_id).await? else { continue };
            let deed = Deed::on_organization(action, &organization).target(&run.id, &month);
            self.record(tx, actor, &deed, told(run, sum.events, sum.difference)).await?;
        }
        let events = sums.iter().map(|sum: &RerateSum| sum.events).sum();
        let difference = sums.iter().map(|sum| sum.difference).sum();
        let deed = Deed::on_deployment(action).target(&run.id, &month);
        self.record(tx, actor, &deed, told(run, events, difference)).await?;
        Ok((events, difference))
    }
}

/// Where what is found is booked.
struct Booking<'a> {
    actor: &'a Actor,
    ledger: Ledger,
    /// Once there is anything to book.
    run: Option<Rerate>,
}

fn told(run: &Rerate, events: u64, difference: Nanos) -> Value {
    json!({"after": {"month": run.month, "model": run.model, "events": events, "difference": difference}})
}

async fn run_now(tx: &mut Tx, id: &str) -> Result<Rerate, ControlError> {
    tx.rerate(id).await?.ok_or_else(|| ControlError::not_found(format!("no month was rated anew by a run {id:?}")))
}
