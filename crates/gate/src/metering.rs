//! The gate's side of rate limits: charging requests, counting usage, and looking (R23).

use std::sync::PoisonError;

use mete_core::Timestamp;
use mete_core::decision::Refusal;
use mete_store::HourUsage;

use crate::case::Case;
use crate::directory::Directory;
use crate::gate::Gate;
use crate::rates::{Amounts, KNOWN, Link, Meters, Used, are_there};

impl Gate {
    /// Charges a request that nothing else refuses on the rate limits of its model; where none holds, no lock is taken.
    ///
    /// # Errors
    /// The refusal of the limit that takes longest to have room. Then nothing is charged.
    pub(crate) fn meter(
        &self,
        directory: &Directory,
        case: &mut Case<'_>,
        (amounts, link): (&Amounts, Option<Link>),
    ) -> Result<(), Refusal> {
        let Some(model) = case.request.model.filter(|model| are_there(directory, case.project, model)) else {
            return Ok(());
        };
        let until = case.now.plus(self.terms().time);
        let taken = self.meters().take((directory, case.project), (model, amounts), (case.now, until), link);
        case.standings = taken.map_err(Refusal::RateLimit)?;
        Ok(())
    }

    /// The limits that a request meets, for an explanation: nothing is charged.
    pub(crate) fn look_at_rates<'a>(&self, directory: &'a Directory, case: &mut Case<'a>) {
        let Some(model) = case.request.model.filter(|model| are_there(directory, case.project, model)) else { return };
        let mut meters = self.meters();
        meters.forget(directory, case.now);
        case.met = meters.look((directory, case.project), (model, &Amounts::default()), case.now);
    }

    /// Counts what new events used on the rate limits of their models. What was told of their requests is given back.
    pub fn count_usage<'a>(&self, now: Timestamp, events: impl Iterator<Item = Used<'a>>) {
        let directory = self.directory();
        if !directory.has_rates() {
            return;
        }
        let mut meters = self.meters();
        for used in events {
            meters.count(&directory, &used, now);
        }
    }

    /// From when on [`Gate::rebuild_usage`] wants to know what was used, for limits by the day.
    #[must_use]
    pub const fn usage_begin(now: Timestamp) -> Timestamp {
        now.plus(-KNOWN)
    }

    /// Takes what was used before this gate was there as used of the limits of requests and tokens by the day; `hours` are in
    /// their order. From then on requests of before `now` count when their usage comes, as nobody counted them when they
    /// were let through.
    ///
    /// What is used of limits by the minute, and batch tokens, nobody knows: they begin with nothing used.
    pub fn rebuild_usage(&self, hours: &[HourUsage], now: Timestamp) {
        self.meters().rebuild(&self.directory(), hours, now);
    }

    /// Nothing that runs under this lock panics.
    pub(crate) fn meters(&self) -> std::sync::MutexGuard<'_, Meters> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
