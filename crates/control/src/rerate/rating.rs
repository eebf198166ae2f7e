//! What events would cost now, and the figures of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use mete_core::directory::Project;
use mete_core::{EventId, Nanos};
use mete_prices::{Catalogue, Pricer, Query};
use mete_store::{KeptEvent, NewCost};
use serde::Serialize;

use super::{RerateInput, RerateReport};

/// Events of one project and model that cost something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RerateRow {
    /// The organization's id.
    pub organization_id: String,
    /// The project's id.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// The model as the events name it.
    pub model: String,
    /// How many events.
    pub events: u64,
    /// What they cost before.
    pub before: Nanos,
    /// What they cost at the new prices.
    pub after: Nanos,
    /// How much more that is.
    pub difference: Nanos,
}

/// Events of one project and model that have no price now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// The organization's id.
    pub organization_id: String,
    /// The project's id.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// The model as the events name it.
    pub model: String,
    /// How many events.
    pub events: u64,
    /// What they cost, and go on costing.
    pub cost: Nanos,
    /// Why there is no price.
    pub reason: String,
}

/// An organization, a project in it, and a model.
type Place = (Arc<str>, Arc<str>, Arc<str>);

#[derive(Default)]
struct Sum {
    events: u64,
    before: Nanos,
    after: Nanos,
}

/// Prices events anew and adds up what differs.
pub(super) struct Rating {
    pricer: Pricer,
    model: Option<String>,
    own: bool,
    looked_at: u64,
    left_own: u64,
    moved: u64,
    sums: BTreeMap<Place, Sum>,
    unpriced: BTreeMap<(Place, String), Sum>,
}

/// Events that cost something else, with their new costs.
pub(super) struct Step<'a>(Vec<(&'a KeptEvent, NewCost)>);

impl Step<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn changes(&self) -> Vec<NewCost> {
        self.0.iter().map(|(_, change)| change.clone()).collect()
    }
}

impl Rating {
    pub(super) fn new(input: &RerateInput, catalogue: Arc<Catalogue>) -> Self {
        Self {
            pricer: Pricer::new(catalogue),
            model: input.model.clone(),
            own: input.own,
            looked_at: 0,
            left_own: 0,
            moved: 0,
            sums: BTreeMap::new(),
            unpriced: BTreeMap::new(),
        }
    }

    /// Those of `events` that cost something else now. What has no price costs what it did.
    pub(super) fn rate<'a>(&mut self, events: &'a [KeptEvent]) -> Step<'a> {
        let mut changes = Vec::new();
        for event in events {
            if self.model.as_deref().is_some_and(|model| !model.eq_ignore_ascii_case(&event.series.model)) {
                continue;
            }
            self.looked_at += 1;
            if event.rating.is_own() && !self.own {
                self.left_own += 1;
                continue;
            }
            changes.extend(self.rate_one(event).map(|change| (event, change)));
        }
        Step(changes)
    }

    fn rate_one(&mut self, event: &KeptEvent) -> Option<NewCost> {
        let rating = &event.rating;
        let named = |text: &'_ Arc<str>| (!text.is_empty()).then(|| Arc::clone(text));
        let (provider, tier) = (named(&rating.provider), named(&rating.tier));
        let query = Query {
            model: &event.series.model,
            provider: provider.as_deref(),
            tier: tier.as_deref(),
            batch: rating.batch,
            time: event.time,
            usage: &event.usage,
        };
        match self.pricer.price(&query) {
            Ok(price) if price.cost == event.cost => None,
            Ok(price) => {
                let rating = mete_core::Rating { version: price.version, ..mete_core::Rating::clone(rating) };
                Some(NewCost {
                    time: event.time,
                    id: event.id,
                    was: event.cost,
                    usage: event.usage,
                    cost: price.cost,
                    rating: Arc::new(rating),
                })
            }
            Err(reason) => {
                let sum = self.unpriced.entry((place(event), reason.to_string())).or_default();
                sum.events += 1;
                sum.before += event.cost;
                None
            }
        }
    }

    /// Adds a step to the figures, but for the events that are `moved`.
    pub(super) fn take_in(&mut self, step: &Step<'_>, moved: &[EventId]) {
        for (event, change) in &step.0 {
            if moved.contains(&event.id) {
                self.moved += 1;
                continue;
            }
            let sum = self.sums.entry(place(event)).or_default();
            sum.events += 1;
            sum.before += event.cost;
            sum.after += change.cost;
        }
    }

    /// The figures; projects get their names from `projects`.
    pub(super) fn report(self, input: &RerateInput, projects: &[Project]) -> RerateReport {
        let name = |id: &str| {
            let found = projects.iter().find(|project| project.id == id);
            found.map(|project| project.name.clone()).unwrap_or_default()
        };
        let row = |((organization, project, model), sum): (Place, Sum)| RerateRow {
            organization_id: organization.to_string(),
            project_name: name(&project),
            project_id: project.to_string(),
            model: model.to_string(),
            events: sum.events,
            before: sum.before,
            after: sum.after,
            difference: sum.after - sum.before,
        };
        let mut rows: Vec<RerateRow> = self.sums.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.difference.0.unsigned_abs()));
        let unpriced = |(((organization, project, model), reason), sum): ((Place, String), Sum)| Unpriced {
            organization_id: organization.to_string(),
            project_name: name(&project),
            project_id: project.to_string(),
            model: model.to_string(),
            events: sum.events,
            cost: sum.before,
            reason,
        };
        RerateReport {
            run: None,
            month: input.month,
            model: input.model.clone(),
            looked_at: self.looked_at,
            events: rows.iter().map(|row| row.events).sum(),
            before: rows.iter().map(|row| row.before).sum(),
            after: rows.iter().map(|row| row.after).sum(),
            difference: rows.iter().map(|row| row.difference).sum(),
            rows,
            own: self.left_own,
            moved: self.moved,
            unpriced: self.unpriced.into_iter().map(unpriced).collect(),
            alerts: Vec::new(),
        }
    }
}

fn place(event: &KeptEvent) -> Place {
    let series = &event.series;
    (Arc::clone(&series.organization), Arc::clone(&series.project), Arc::clone(&series.model))
}
