//! Month-to-date totals of the parts of projects that have budgets of their own.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mete_core::parts::{Part, PartKind};
use mete_core::{Month, Nanos, Series, Timestamp};

use crate::Tx;
use crate::error::StoreError;
use crate::part_budgets::PartSpend;

/// A part, by its place in the list of all.
type Place = usize;

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
    all: Vec<(Arc<str>, Part)>,
    projects: HashMap<String, OfProject>,
    spent: HashMap<(Place, Month), Nanos>,
    /// The months whose totals are known.
    months: HashSet<Month>,
    /// Nobody was told of them yet since the budgets were read.
    untold: bool,
}

impl Parts {
    /// Reads which parts have budgets.
    pub(super) async fn read(tx: &mut Tx) -> Result<Self, StoreError> {
        let mut parts = Self { untold: true, ..Self::default() };
        for (project_id, part) in tx.parts_with_budgets().await? {
            let of_project = parts.projects.entry(project_id.clone()).or_default();
            of_project.of_kind(part.kind).insert(part.id.clone(), parts.all.len());
            parts.all.push((project_id.into(), part));
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

    /// Takes in what a batch books, whose sums are written already, and tells the new totals; of all parts where the
    /// budgets have changed.
    pub(super) async fn book(
        &mut self,
        tx: &mut Tx,
        booked: &[(Arc<Series>, Month, Nanos)],
        (version, now): (i64, Timestamp),
    ) -> Result<Vec<PartSpend>, StoreError> {
        let mut changed: BTreeSet<(Place, Month)> = BTreeSet::new();
        let known = self.months.clone();
        for (series, month, amount) in booked {
            for place in self.places_of(series) {
                changed.insert((place, *month));
                if known.contains(month) {
                    *self.spent.entry((place, *month)).or_default() += *amount;
                }
            }
        }
        let months: BTreeSet<Month> = changed.iter().map(|(_, month)| *month).collect();
        for month in months {
            self.load(tx, month).await?;
        }
        if std::mem::take(&mut self.untold) {
            self.load(tx, now.month()).await?;
            changed.extend(self.spent.keys().filter(|(_, month)| *month == now.month()));
        }
        let told = |(place, month): (Place, Month)| {
            let (project_id, part) = &self.all[place];
            let spend = self.spent.get(&(place, month)).copied().unwrap_or_default();
            PartSpend { project_id: Arc::clone(project_id), part: part.clone(), month, spend, version }
        };
        Ok(changed.into_iter().map(told).collect())
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
