//! Month-to-date totals of the parts of projects that have budgets of their own, and which of these are exhausted (R26, R27).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mete_core::parts::{Part, PartKind};
use mete_core::{IdHasher, Month, Nanos, Series, Timestamp};

use crate::alerts::{Alert, AlertPart, part_is_exhausted};
use crate::error::StoreError;
use crate::part_budgets::PartSpend;
use crate::{Scope, Tx};

/// A part, by its place in the list of all.
type Place = usize;

/// A part with its budget.
struct Budget {
    project: Scope,
    project_id: Arc<str>,
    part: Part,
    amount: Nanos,
}

/// Those of one project: models, members and keys by their ids.
#[derive(Default)]
struct OfProject {
    models: HashMap<String, Place>,
    members: HashMap<String, Place>,
    keys: HashMap<String, Place>,
}

/// The parts with budgets and what they spent; empty where nothing has one, which costs a commit nothing.
#[derive(Default)]
pub(super) struct Parts {
    all: Vec<Budget>,
    projects: HashMap<String, OfProject>,
    spent: HashMap<(Place, Month), Nanos>,
    /// The months whose totals are known.
    months: HashSet<Month>,
    /// Nobody was told of them yet since the budgets were read. Nor were they compared with them: whoever set one may not
    /// have seen the spend that others booked meanwhile.
    untold: bool,
}

impl Parts {
    /// Reads which parts have budgets.
    pub(super) async fn read(tx: &mut Tx) -> Result<Self, StoreError> {
        let mut parts = Self { untold: true, ..Self::default() };
        for (project, part, amount) in tx.parts_with_budgets().await? {
            let of_project = parts.projects.entry(project.id().to_owned()).or_default();
            of_project.of_kind(part.kind).insert(part.id.clone(), parts.all.len());
            parts.all.push(Budget { project_id: project.id().into(), project, part, amount });
        }
        Ok(parts)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Forgets the totals, because somebody else wrote the ledger.
    pub(super) fn forget_totals(&mut self) {
        self.spent.clear();
        self.months.clear();
    }

    /// Takes in what a batch books, whose sums are written already, and raises the alerts of budgets that it exhausts. Tells
    /// the new totals, of all parts where the budgets have changed, and the alerts.
    pub(super) async fn book(
        &mut self,
        tx: &mut Tx,
        hasher: IdHasher,
        booked: &[(Arc<Series>, Month, Nanos)],
        (version, now): (i64, Timestamp),
    ) -> Result<(Vec<PartSpend>, Vec<Alert>), StoreError> {
        let mut added: BTreeMap<(Place, Month), Nanos> = BTreeMap::new();
        let known = self.months.clone();
        for (series, month, amount) in booked {
            for place in self.places_of(series) {
                *added.entry((place, *month)).or_default() += *amount;
                if known.contains(month) {
                    *self.spent.entry((place, *month)).or_default() += *amount;
                }
            }
        }
        let months: BTreeSet<Month> = added.keys().map(|(_, month)| *month).collect();
        for month in months {
            self.load(tx, month).await?;
        }
        let is_exhausted = |(place, _): (Place, Month), spend| part_is_exhausted(self.all[place].amount, spend);
        let crosses = |(at, added): &(&(Place, Month), &Nanos)| {
            is_exhausted(**at, self.spent_of(**at)) && !is_exhausted(**at, self.spent_of(**at) - **added)
        };
        let mut crossed: BTreeSet<(Place, Month)> = added.iter().filter(crosses).map(|(at, _)| *at).collect();
        let mut changed: BTreeSet<(Place, Month)> = added.into_keys().collect();
        if std::mem::take(&mut self.untold) {
            self.load(tx, now.month()).await?;
            changed.extend(self.spent.keys().filter(|(_, month)| *month == now.month()));
            crossed.extend((0..self.all.len()).map(|place| (place, now.month())));
        }
        let mut alerts = Vec::new();
        for (place, month) in crossed {
            let Budget { project, part, amount, .. } = &self.all[place];
            let named = AlertPart { name: part.id.clone(), part: part.clone() };
            let spend = self.spent_of((place, month));
            alerts.extend(tx.raise_part(hasher, (project, named), (month, *amount, spend), now).await?);
        }
        let told = |(place, month): (Place, Month)| {
            let Budget { project_id, part, .. } = &self.all[place];
            let spend = self.spent_of((place, month));
            PartSpend { project_id: Arc::clone(project_id), part: part.clone(), month, spend, version }
        };
        Ok((changed.into_iter().map(told).collect(), alerts))
    }

    fn spent_of(&self, at: (Place, Month)) -> Nanos {
        self.spent.get(&at).copied().unwrap_or_default()
    }

    /// Reads a month's totals where they are not known yet, the batch at hand included.
    async fn load(&mut self, tx: &mut Tx, month: Month) -> Result<(), StoreError> {
        if !self.months.insert(month) {
            return Ok(());
        }
        for (project_id, part, spend) in tx.part_totals(month).await? {
            let of_project = self.projects.get_mut(&project_id);
            if let Some(place) = of_project.and_then(|parts| parts.of_kind(part.kind).get(&part.id)) {
                self.spent.insert((*place, month), spend);
            }
        }
        Ok(())
    }

    /// The parts that a series counts to.
    fn places_of(&self, series: &Series) -> impl Iterator<Item = Place> + use<> {
        let of_project = self.projects.get(&*series.project);
        let places = of_project.map(|parts| {
            [
                parts.models.get(&*series.model),
                series.member.as_deref().and_then(|member| parts.members.get(member)),
                series.key.as_deref().and_then(|key| parts.keys.get(key)),
            ]
            .map(|place| place.copied())
        });
        places.into_iter().flatten().flatten()
    }
}

impl OfProject {
    const fn of_kind(&mut self, kind: PartKind) -> &mut HashMap<String, Place> {
        match kind {
            PartKind::Model => &mut self.models,
            PartKind::Member => &mut self.members,
            PartKind::Key => &mut self.keys,
        }
    }
}
